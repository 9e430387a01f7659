/* Asks a bench server what h2load cannot: whether each grpc-status is 0 and each echo whole, what 10,000 idle connections cost, how late deltas come.
 *
 *   bench_rpc_load echo  --port P [--connections C] [--streams S] [--calls N]
 *   bench_rpc_load idle  --port P [--connections C] --pid SERVER
 *   bench_rpc_load steady --port P [--connections C] [--rate CALLS_PER_S] [--ms T]     calls at their times, whatever the answers do
 *   bench_rpc_load board --port P [--connections C] [--streams S] [--ms T]
 *   bench_rpc_load submit --port P [--connections C] [--streams S] --path PATH --requests FILE    each message of the file once, in a call of its own
 *   bench_rpc_load pour --port P [--connections C] [--streams S] --path PATH --requests FILE      all messages of the file in each of C x S client streams
 *
 * One thread on nghttp2's client and epoll; one JSON line. Exit status 1: an answer was wrong. */
#include "base/base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PREFIX = 5, MESSAGE = 22, OUT_MAX = 1 << 20, LAGS_MAX = 4 << 20, STALL_MS = 20000, WAIT_NS = 10000000, IDLE_AT_ONCE = 64 };

struct load {
    const char *mode;
    int64_t port, connections, streams, calls, ms, pid, rate;
    int epoll;
    struct link *links;
    uint8_t request[PREFIX + MESSAGE];
    size_t request_size;
    const char *path;
    bool endless;                     /* boards: answers do not end */
    const char *requests_path;
    uint8_t *requests;                /* framed messages, one after another */
    size_t requests_size, requests_at;
    uint64_t taken;                   /* pour: sum of the answers' first fields */
    uint64_t begun, done, wrong, deltas;
    double *lags_ms;                  /* of calls or of deltas */
    size_t lag_count;
};

struct link {
    struct load *load;
    nghttp2_session *h2;
    int fd;
    struct buffer out;
    size_t out_at;
    int64_t to_begin;                 /* calls this connection has still to make */
    bool wants_write;
};

struct call {
    struct link *link;
    uint64_t began_ns;
    size_t sent;
    const uint8_t *request;
    size_t request_size;
    uint8_t answer[2048];             /* the message at hand */
    size_t answer_size;
    bool good_http, good_status;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

_Noreturn static void fail(const char *why)
{
    fprintf(stderr, "bench_rpc_load: %s\n", why);
    exit(1);
}

static void keep_lag(struct load *load, uint64_t since_ns)
{
    if (load->lag_count < LAGS_MAX) load->lags_ms[load->lag_count++] = (double)(now_ns() - since_ns) / 1e6;
}

/* ---- a call ---- */

static ssize_t read_request(nghttp2_session *h2, int32_t stream, uint8_t *to, size_t most, uint32_t *flags, nghttp2_data_source *source, void *context)
{
    (void)h2;
    (void)stream;
    (void)context;
    struct call *call = source->ptr;
    size_t left = call->request_size - call->sent, take = left < most ? left : most;
    memcpy(to, call->request + call->sent, take);
    call->sent += take;
    if (call->sent == call->request_size) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)take;
}

/* What the next call says. */
static void take_request(struct load *load, struct call *call)
{
    call->request = load->requests ? load->requests + load->requests_at : load->request;
    call->request_size = load->requests ? load->requests_size : load->request_size;
    if (strcmp(load->mode, "submit") != 0) return;
    uint32_t size;
    memcpy(&size, call->request + 1, sizeof size);
    call->request_size = PREFIX + ntohl(size);
    load->requests_at += call->request_size;
    if (load->requests_at > load->requests_size) fail("--requests ends within a message");
}

static void call_begin(struct link *link)
{
#define PAIR(name, value) {(uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), sizeof(name) - 1, strlen(value), NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE}
    struct load *load = link->load;
    const nghttp2_nv head[] = {
        PAIR(":method", "POST"), PAIR(":scheme", "http"), PAIR(":path", load->path), PAIR(":authority", "localhost"), PAIR("te", "trailers"),
        PAIR("content-type", "application/grpc"), PAIR("user-agent", "bench_rpc_load"), PAIR("grpc-timeout", "100S"), PAIR("x-request-id", "0123456789abcdef"),
    };
#undef PAIR
    struct call *call = mem_zalloc(1, sizeof *call);
    call->link = link;
    call->began_ns = now_ns();
    take_request(load, call);
    nghttp2_data_provider provider = {.source = {.ptr = call}, .read_callback = read_request};
    int32_t stream = nghttp2_submit_request(link->h2, NULL, head, load->endless ? COUNT_OF(head) - 2 : COUNT_OF(head), &provider, call);
    if (stream < 0) fail(nghttp2_strerror(stream));
    load->begun++;
    link->to_begin--;
}

static int on_header(nghttp2_session *h2, const nghttp2_frame *frame, const uint8_t *name, size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags, void *context)
{
    (void)flags;
    (void)context;
    struct call *call = nghttp2_session_get_stream_user_data(h2, frame->hd.stream_id);
    if (!call) return 0;
    if (name_size == 7 && memcmp(name, ":status", 7) == 0) call->good_http = value_size == 3 && memcmp(value, "200", 3) == 0;
    if (name_size == 11 && memcmp(name, "grpc-status", 11) == 0) call->good_status = value_size == 1 && value[0] == '0';
    return 0;
}

static uint64_t first_varint(const struct call *call)
{
    uint64_t value = 0;
    if (call->answer_size < PREFIX + 2 || call->answer[PREFIX] != 8) return 0;
    for (size_t at = PREFIX + 1, shift = 0; at < call->answer_size && shift < 64; at++, shift += 7) {
        value |= (uint64_t)(call->answer[at] & 0x7f) << shift;
        if (!(call->answer[at] & 0x80)) break;
    }
    return value;
}

/* A delta's first field is the time it was sent: tag 9, eight bytes. */
static void take_deltas(struct call *call)
{
    struct load *load = call->link->load;
    while (call->answer_size >= PREFIX) {
        size_t whole = PREFIX + (size_t)call->answer[3] * 256 + call->answer[4];
        if (whole > sizeof call->answer || whole < PREFIX + 9 || call->answer[PREFIX] != 9) fail("not a delta");
        if (call->answer_size < whole) return;
        uint64_t sent_ns;
        memcpy(&sent_ns, call->answer + PREFIX + 1, sizeof sent_ns);
        keep_lag(load, sent_ns);
        load->deltas++;
        memmove(call->answer, call->answer + whole, call->answer_size - whole);
        call->answer_size -= whole;
    }
}

static int on_data(nghttp2_session *h2, uint8_t flags, int32_t stream, const uint8_t *bytes, size_t count, void *context)
{
    (void)flags;
    (void)context;
    struct call *call = nghttp2_session_get_stream_user_data(h2, stream);
    while (call && count) {
        size_t room = sizeof call->answer - call->answer_size, take = count < room ? count : room;
        if (take == 0) fail("too long an answer");
        memcpy(call->answer + call->answer_size, bytes, take);
        call->answer_size += take;
        bytes += take;
        count -= take;
        if (call->link->load->endless) take_deltas(call);
    }
    return 0;
}

static int on_close(nghttp2_session *h2, int32_t stream, uint32_t error, void *context)
{
    (void)context;
    struct call *call = nghttp2_session_get_stream_user_data(h2, stream);
    if (!call) return 0;
    struct link *link = call->link;
    struct load *load = link->load;
    bool good = !error && call->good_http && call->good_status;
    if (!load->requests) good &= call->answer_size == load->request_size && memcmp(call->answer, load->request, load->request_size) == 0;
    else load->taken += first_varint(call);
    if (!good) load->wrong++;
    keep_lag(load, call->began_ns);
    load->done++;
    free(call);
    if (link->to_begin > 0) call_begin(link);
    return 0;
}

/* ---- a connection ---- */

static nghttp2_session *h2_new(struct link *link)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_session *h2;
    if (nghttp2_session_callbacks_new(&callbacks) != 0) fail("no memory");
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    if (nghttp2_session_client_new(&h2, callbacks, link) != 0) fail("no memory");
    nghttp2_session_callbacks_del(callbacks);
    if (nghttp2_submit_settings(h2, NGHTTP2_FLAG_NONE, NULL, 0) != 0) fail("no memory");
    nghttp2_session_set_local_window_size(h2, NGHTTP2_FLAG_NONE, 0, 1 << 24);
    return h2;
}

static void link_open(struct link *link, struct load *load)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)load->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1;
    link->load = load;
    link->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (link->fd < 0 || connect(link->fd, (struct sockaddr *)&to, sizeof to) != 0) fail(strerror(errno));
    setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    fcntl(link->fd, F_SETFL, O_NONBLOCK);
    link->h2 = h2_new(link);
    buffer_init(&link->out, OUT_MAX);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = link};
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, link->fd, &event) != 0) fail(strerror(errno));
}

static void link_write(struct link *link)
{
    for (;;) {
        if (link->out_at == link->out.size) {
            buffer_clear(&link->out);
            link->out_at = 0;
            const uint8_t *bytes;
            ssize_t count;
            while (link->out.size < 65536 && (count = nghttp2_session_mem_send(link->h2, &bytes)) > 0) buffer_append(&link->out, bytes, (size_t)count);
            if (link->out.size == 0) break;
        }
        ssize_t count = send(link->fd, link->out.data + link->out_at, link->out.size - link->out_at, MSG_NOSIGNAL);
        if (count < 0 && errno != EAGAIN) fail(strerror(errno));
        if (count < 0) break;
        link->out_at += (size_t)count;
    }
    bool wants = link->out.size > link->out_at;
    if (wants == link->wants_write) return;
    link->wants_write = wants;
    struct epoll_event event = {.events = EPOLLIN | (wants ? EPOLLOUT : 0u), .data.ptr = link};
    epoll_ctl(link->load->epoll, EPOLL_CTL_MOD, link->fd, &event);
}

static void link_read(struct link *link)
{
    static uint8_t bytes[65536];
    ssize_t count = recv(link->fd, bytes, sizeof bytes, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) fail("the server has closed a connection");
    ssize_t took = nghttp2_session_mem_recv(link->h2, bytes, (size_t)count);
    if (took < 0) fail(nghttp2_strerror((int)took));
}

/* Runs until `*what` has reached `target` or `until_ns` (0: never, but a standstill is a failure). */
static void run(struct load *load, const uint64_t *what, uint64_t target, uint64_t until_ns)
{
    struct epoll_event events[256];
    while (*what < target && (until_ns == 0 || now_ns() < until_ns)) {
        uint64_t now = until_ns ? now_ns() : 0, left_ns = until_ns > now ? until_ns - now : 0;
        const struct timespec wait = {.tv_sec = until_ns ? 0 : STALL_MS / 1000, .tv_nsec = until_ns ? (long)(left_ns < WAIT_NS ? left_ns : WAIT_NS) : 0};
        int count = epoll_pwait2(load->epoll, events, COUNT_OF(events), &wait, NULL);
        if (count == 0 && until_ns == 0) fail("the server has stopped answering");
        for (int i = 0; i < count; i++) {
            struct link *link = events[i].data.ptr;
            if (events[i].events & EPOLLIN) link_read(link);
            link_write(link);
        }
    }
}

/* ---- modes ---- */

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double lag_at(const struct load *load, double share)
{
    return load->lag_count ? load->lags_ms[(size_t)(share * (double)(load->lag_count - 1))] : 0;
}

static long rss_kb(int64_t pid)
{
    char path[64], line[256];
    long kb = -1;
    text_format(path, sizeof path, "/proc/%lld/status", (long long)pid);
    FILE *file = fopen(path, "r");
    if (!file) fail("--pid names no process");
    while (kb < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, "VmRSS:", 6) == 0) kb = strtol(line + 6, NULL, 10);
    fclose(file);
    return kb;
}

static void open_all(struct load *load, int64_t calls_each)
{
    for (int64_t i = 0; i < load->connections; i++) {
        struct link *link = &load->links[i];
        link_open(link, load);
        link->to_begin = calls_each;
        for (int64_t s = 0; s < load->streams && link->to_begin > 0; s++) call_begin(link);
        link_write(link);
        if (load->pid && i % IDLE_AT_ONCE == IDLE_AT_ONCE - 1) run(load, &load->done, load->begun, 0);
    }
}

static void echo(struct load *load)
{
    uint64_t began_ns = now_ns();
    open_all(load, load->calls / load->connections);
    run(load, &load->done, (uint64_t)(load->calls / load->connections * load->connections), 0);
    double seconds = (double)(now_ns() - began_ns) / 1e9;
    qsort(load->lags_ms, load->lag_count, sizeof *load->lags_ms, ascending);
    printf("{\"figure\":\"echo\",\"connections\":%lld,\"streams\":%lld,\"calls\":%llu,\"wrong\":%llu,\"per_s\":%.0f,\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n", (long long)load->connections,
           (long long)load->streams, (unsigned long long)load->done, (unsigned long long)load->wrong, (double)load->done / seconds, lag_at(load, .5), lag_at(load, .99));
}

/* Each connection makes a call, is idle, and makes another. */
static void idle(struct load *load)
{
    long before_kb = rss_kb(load->pid);
    load->streams = 1;
    open_all(load, 1);
    run(load, &load->done, (uint64_t)load->connections, 0);
    long after_kb = rss_kb(load->pid);
    for (int64_t i = 0; i < load->connections; i++) {
        load->links[i].to_begin = 1;
        call_begin(&load->links[i]);
        link_write(&load->links[i]);
    }
    run(load, &load->done, 2 * (uint64_t)load->connections, 0);
    printf("{\"figure\":\"idle\",\"connections\":%lld,\"wrong\":%llu,\"rss_before_kb\":%ld,\"rss_after_kb\":%ld,\"kb_per_connection\":%.2f}\n", (long long)load->connections,
           (unsigned long long)load->wrong, before_kb, after_kb, (double)(after_kb - before_kb) / (double)load->connections);
}

static void board(struct load *load)
{
    load->endless = true;
    load->path = "/meddispatch.bench.Bench/Board";
    load->request_size = PREFIX; /* an empty message */
    memset(load->request, 0, PREFIX);
    open_all(load, load->streams);
    run(load, &load->done, 1, now_ns() + 1000000000u); /* all are there */
    load->lag_count = 0;
    load->deltas = 0;
    uint64_t began_ns = now_ns();
    run(load, &load->done, 1, began_ns + (uint64_t)load->ms * 1000000u);
    double seconds = (double)(now_ns() - began_ns) / 1e9;
    qsort(load->lags_ms, load->lag_count, sizeof *load->lags_ms, ascending);
    printf("{\"figure\":\"board\",\"connections\":%lld,\"streams\":%lld,\"wrong\":%llu,\"deltas\":%llu,\"per_stream_s\":%.2f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}\n",
           (long long)load->connections, (long long)(load->connections * load->streams), (unsigned long long)load->wrong, (unsigned long long)load->deltas,
           (double)load->deltas / seconds / (double)(load->connections * load->streams), lag_at(load, .5), lag_at(load, .99), lag_at(load, 1));
}

static void steady(struct load *load)
{
    load->streams = 1;
    open_all(load, 1);
    run(load, &load->done, (uint64_t)load->connections, 0);
    load->lag_count = 0;
    uint64_t began_ns = now_ns(), count = (uint64_t)(load->rate * load->ms / 1000), step_ns = 1000000000u / (uint64_t)load->rate;
    for (uint64_t i = 0; i < count; i++) {
        run(load, &load->done, UINT64_MAX, began_ns + i * step_ns);
        struct link *link = &load->links[i % (uint64_t)load->connections];
        call_begin(link);
        link_write(link);
    }
    run(load, &load->done, load->begun, 0);
    qsort(load->lags_ms, load->lag_count, sizeof *load->lags_ms, ascending);
    printf("{\"figure\":\"steady\",\"connections\":%lld,\"rate\":%lld,\"calls\":%llu,\"wrong\":%llu,\"p50_ms\":%.3f,\"p90_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}\n",
           (long long)load->connections, (long long)load->rate, (unsigned long long)load->lag_count, (unsigned long long)load->wrong, lag_at(load, .5), lag_at(load, .9), lag_at(load, .99), lag_at(load, 1));
}

static void read_requests(struct load *load)
{
    FILE *file = fopen(load->requests_path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) fail("--requests cannot be read");
    load->requests_size = (size_t)ftell(file);
    load->requests = mem_alloc(load->requests_size + 1);
    rewind(file);
    if (fread(load->requests, 1, load->requests_size, file) != load->requests_size || load->requests_size < PREFIX) fail("--requests cannot be read");
    fclose(file);
}

static void submit(struct load *load)
{
    bool pour = strcmp(load->mode, "pour") == 0;
    read_requests(load);
    int64_t messages = 0;
    for (size_t at = 0; at + PREFIX <= load->requests_size; messages++) {
        uint32_t size;
        memcpy(&size, load->requests + at + 1, sizeof size);
        at += PREFIX + ntohl(size);
    }
    int64_t calls = pour ? load->connections * load->streams : messages / load->connections * load->connections;
    uint64_t began_ns = now_ns();
    open_all(load, calls / load->connections);
    run(load, &load->done, (uint64_t)calls, 0);
    double seconds = (double)(now_ns() - began_ns) / 1e9;
    qsort(load->lags_ms, load->lag_count, sizeof *load->lags_ms, ascending);
    printf("{\"figure\":\"%s\",\"connections\":%lld,\"streams\":%lld,\"calls\":%llu,\"wrong\":%llu,\"taken\":%llu,\"seconds\":%.3f,\"calls_per_s\":%.0f,\"p50_ms\":%.2f,\"p90_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f}\n",
           load->mode, (long long)load->connections, (long long)(load->connections * load->streams), (unsigned long long)load->done, (unsigned long long)load->wrong,
           (unsigned long long)load->taken, seconds, (double)load->done / seconds, lag_at(load, .5), lag_at(load, .9), lag_at(load, .99), lag_at(load, 1));
}

static bool read_options(int argc, char **argv, struct load *load)
{
    static const struct option OPTIONS[] = {{"port", required_argument, NULL, 'p'}, {"connections", required_argument, NULL, 'c'}, {"streams", required_argument, NULL, 's'},
        {"calls", required_argument, NULL, 'n'}, {"ms", required_argument, NULL, 't'}, {"pid", required_argument, NULL, 'i'}, {"rate", required_argument, NULL, 'r'},
        {"path", required_argument, NULL, 'P'}, {"requests", required_argument, NULL, 'R'}, {NULL, 0, NULL, 0}};
    if (argc < 2) return false;
    *load = (struct load){.mode = argv[1], .connections = 1, .streams = 1, .calls = 1000, .ms = 5000, .rate = 500, .path = "/meddispatch.bench.Bench/Echo"};
    for (int option; (option = getopt_long(argc - 1, argv + 1, "", OPTIONS, NULL)) != -1;) {
        if (option == 'P' || option == 'R') {
            *(option == 'P' ? &load->path : &load->requests_path) = optarg;
            continue;
        }
        int64_t *value = option == 'p' ? &load->port : option == 'c' ? &load->connections : option == 's' ? &load->streams : option == 'n' ? &load->calls : option == 't' ? &load->ms : option == 'i' ? &load->pid : option == 'r' ? &load->rate : NULL;
        if (!value || !text_to_i64(optarg, 1, INT32_MAX, value)) return false;
    }
    bool from_file = strcmp(load->mode, "submit") == 0 || strcmp(load->mode, "pour") == 0;
    return optind == argc - 1 && load->port && from_file == (load->requests_path != NULL) && (strcmp(load->mode, "idle") != 0 || load->pid);
}

int main(int argc, char **argv)
{
    static struct load load;
    void (*mode)(struct load *) = NULL;
    if (read_options(argc, argv, &load)) mode = strcmp(load.mode, "echo") == 0 ? echo : strcmp(load.mode, "idle") == 0 ? idle : strcmp(load.mode, "board") == 0 ? board : strcmp(load.mode, "steady") == 0 ? steady : strcmp(load.mode, "submit") == 0 || strcmp(load.mode, "pour") == 0 ? submit : NULL;
    if (!mode) {
        fprintf(stderr, "usage: bench_rpc_load echo|idle|steady|board|submit|pour --port P [--connections C] [--streams S] [--calls N] [--rate R] [--ms T] [--pid SERVER]\n");
        return 2;
    }
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    load.links = mem_zalloc((size_t)load.connections, sizeof *load.links);
    load.lags_ms = mem_zalloc(LAGS_MAX, sizeof *load.lags_ms);
    static const uint8_t HEAD[PREFIX + 2] = {0, 0, 0, 0, MESSAGE, 0x0a, MESSAGE - 2}; /* a message of one field */
    memcpy(load.request, HEAD, sizeof HEAD);
    memset(load.request + sizeof HEAD, 'm', MESSAGE - 2);
    load.request_size = PREFIX + MESSAGE;
    mode(&load);
    return load.wrong ? 1 : 0;
}
