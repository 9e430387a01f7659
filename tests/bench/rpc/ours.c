/* The server under `deploy/bench rpc`: meddispatch.bench.Bench on the rpc room, one thread. Its peer, peer.cc, does the same with gRPC's C++ library.
 *
 *   bench_rpc_ours [--port P] [--tls-certificate FILE --tls-key FILE] [--deltas-per-s N] [--delta-bytes N]
 *
 * Prints `listening address=…`; SIGTERM ends it, and it says how often a board stream could not take a delta. */
#include "bench.pb-c.h"
#include "rpc/rpc.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { REQUEST_MAX = 4 << 20, BOARDS_MAX = 20000, DELTA_BYTES_MAX = 4096 };

struct bench {
    struct loop *loop;
    struct rpc_server *server;
    struct rpc_tls tls;
    const char *port;
    int64_t deltas_per_s, delta_bytes;
    struct loop_timer *tick;
    struct timespec due;              /* of the next delta: late ticks do not make fewer */
    struct rpc_call *boards[BOARDS_MAX];
    size_t board_count;
    uint64_t refused;                 /* deltas that a slow reader's queue had no room for */
};

static void fail(struct rpc_call *call, enum status status, const char *text)
{
    struct error err;
    error_set(&err, status, "%s", text);
    rpc_finish(call, &err);
}

/* ---- Echo ---- */

static void on_echo(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    size_t id_size;
    if (!rpc_call_metadata(call, "x-request-id", &id_size)) return fail(call, STATUS_INVALID_ARGUMENT, "x-request-id is missing");
    Meddispatch__Bench__EchoMessage *request = meddispatch__bench__echo_message__unpack(NULL, size, message);
    if (!request) return fail(call, STATUS_INVALID_ARGUMENT, "not an EchoMessage");
    uint8_t few[1024], *bytes = few;
    size_t answer_size = meddispatch__bench__echo_message__get_packed_size(request);
    if (answer_size > sizeof few) bytes = mem_alloc(answer_size);
    meddispatch__bench__echo_message__pack(request, bytes);
    enum status rc = rpc_send(call, bytes, answer_size);
    if (bytes != few) free(bytes);
    meddispatch__bench__echo_message__free_unpacked(request, NULL);
    if (rc != STATUS_OK) fail(call, rc, "no room for the answer");
    else rpc_finish(call, NULL);
}

/* ---- Board: made once, sent to all ---- */

static void on_board(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)message;
    (void)size;
    struct bench *bench = context;
    if (bench->board_count == BOARDS_MAX) return fail(call, STATUS_RESOURCE_EXHAUSTED, "too many boards");
    rpc_call_set_data(call, (void *)(uintptr_t)bench->board_count);
    bench->boards[bench->board_count++] = call;
}

static void on_board_gone(struct rpc_call *call, void *context, enum status why)
{
    (void)why;
    struct bench *bench = context;
    size_t at = (size_t)(uintptr_t)rpc_call_data(call);
    if (at >= bench->board_count || bench->boards[at] != call) return; /* gone before its request was whole */
    bench->boards[at] = bench->boards[--bench->board_count];
    rpc_call_set_data(bench->boards[at], (void *)(uintptr_t)at);
}

static void send_delta(struct bench *bench)
{
    static uint8_t payload[DELTA_BYTES_MAX], bytes[DELTA_BYTES_MAX + 32];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    Meddispatch__Bench__Delta delta = MEDDISPATCH__BENCH__DELTA__INIT;
    delta.sent_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    delta.payload = (ProtobufCBinaryData){.len = (size_t)bench->delta_bytes, .data = payload};
    size_t size = meddispatch__bench__delta__pack(&delta, bytes);
    for (size_t i = 0; i < bench->board_count; i++)
        if (rpc_send(bench->boards[i], bytes, size) != STATUS_OK) bench->refused++;
}

static void on_tick(void *context)
{
    struct bench *bench = context;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t wait_ns;
    while ((wait_ns = (bench->due.tv_sec - now.tv_sec) * 1000000000 + bench->due.tv_nsec - now.tv_nsec) <= 0) {
        send_delta(bench);
        bench->due.tv_nsec += 1000000000 / bench->deltas_per_s;
        if (bench->due.tv_nsec >= 1000000000) bench->due.tv_nsec -= 1000000000, bench->due.tv_sec++;
    }
    loop_timer_start(bench->tick, wait_ns / 1000000 + 1);
}

/* ---- the program ---- */

static void on_term(void *context)
{
    loop_stop(((struct bench *)context)->loop);
}

static bool read_options(int argc, char **argv, struct bench *bench)
{
    static const struct option OPTIONS[] = {{"port", required_argument, NULL, 'p'}, {"tls-certificate", required_argument, NULL, 'c'}, {"tls-key", required_argument, NULL, 'k'},
        {"deltas-per-s", required_argument, NULL, 'd'}, {"delta-bytes", required_argument, NULL, 'b'}, {NULL, 0, NULL, 0}};
    bench->port = "0";
    bench->deltas_per_s = bench->delta_bytes = 100;
    for (int option; (option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;) {
        if (option == 'p') bench->port = optarg;
        else if (option == 'c') bench->tls.certificate_file = optarg;
        else if (option == 'k') bench->tls.key_file = optarg;
        else if (option == 'd' && text_to_i64(optarg, 1, 1000, &bench->deltas_per_s)) continue;
        else if (option == 'b' && text_to_i64(optarg, 0, DELTA_BYTES_MAX, &bench->delta_bytes)) continue;
        else return false;
    }
    return optind == argc;
}

static enum status serve(struct bench *bench, struct error *err)
{
    static const struct rpc_handler ECHO = {.on_message = on_echo}, BOARD = {.on_message = on_board, .on_gone = on_board_gone};
    const struct rpc_method methods[] = {
        {"/meddispatch.bench.Bench/Echo", RPC_UNARY, &ECHO, bench, REQUEST_MAX},
        {"/meddispatch.bench.Bench/Board", RPC_SERVER_STREAM, &BOARD, bench, REQUEST_MAX},
    };
    char address[64];
    text_format(address, sizeof address, "127.0.0.1:%s", bench->port);
    struct rpc_options options = {.address = address, .tls = bench->tls};
    TRY(rpc_server_new(bench->loop, &options, methods, COUNT_OF(methods), &bench->server, err));
    struct loop_signal *term = loop_signal_new(bench->loop, SIGTERM, on_term, bench);
    bench->tick = loop_timer_new(bench->loop, on_tick, bench);
    clock_gettime(CLOCK_MONOTONIC, &bench->due);
    on_tick(bench);
    printf("listening address=%s\n", rpc_server_address(bench->server));
    fflush(stdout);
    loop_run(bench->loop);
    printf("refused deltas=%llu\n", (unsigned long long)bench->refused);
    loop_timer_free(bench->tick);
    loop_signal_free(term);
    rpc_server_free(bench->server);
    return STATUS_OK;
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct error err;
    if (!read_options(argc, argv, &bench)) {
        fprintf(stderr, "usage: bench_rpc_ours [--port P] [--tls-certificate FILE --tls-key FILE] [--deltas-per-s N] [--delta-bytes N]\n");
        return 2;
    }
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    bench.loop = loop_new();
    enum status rc = serve(&bench, &err);
    if (rc != STATUS_OK) fprintf(stderr, "%s\n", err.text);
    loop_free(bench.loop);
    return rc == STATUS_OK ? 0 : 1;
}
