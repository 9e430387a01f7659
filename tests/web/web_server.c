/* A server for the tests in this folder: rpc with methods that treat messages as bytes, and web's listener before it.
 * `web_server [FILES [ORIGINS]]` prints its addresses; SIGTERM drains and ends. */
#include "rpc/rpc.h"
#include "web/web.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct test {
    struct loop *loop;
    struct rpc_server *server;
    uint32_t gone;       /* calls that ended by the peer or the clock */
    uint64_t pushed;     /* messages of Endless that were queued, of all calls */
};

static void reply(struct rpc_call *call, const void *bytes, size_t size)
{
    enum status rc = rpc_send(call, bytes, size);
    ASSERT(rc == STATUS_OK);
    rpc_finish(call, NULL);
}

static void on_echo(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    size_t length;
    const char *value = rpc_call_metadata(call, "x-echo", &length);
    if (value) rpc_call_add_header(call, "x-echo", value, length);
    value = rpc_call_metadata(call, "x-echo-bin", &length);
    if (value) rpc_call_add_trailer(call, "x-echo-bin", value, length);
    reply(call, message, size);
}

static void on_fail(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    (void)message;
    (void)size;
    struct error err;
    error_field(&err, "lines[2].price_fen", "must be 0..10000000, is -1 — 太小");
    error_reason(&err, "TEST_REASON");
    rpc_finish(call, &err);
}

/* the first byte says how many kilobyte messages follow */
static void on_stream(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    uint8_t kilobyte[1024] = {0};
    for (unsigned i = 0; i < (size ? message[0] : 0u); i++) {
        kilobyte[0] = (uint8_t)i;
        enum status rc = rpc_send(call, kilobyte, sizeof kilobyte);
        ASSERT(rc == STATUS_OK);
    }
    rpc_finish(call, NULL);
}

/* for ever, as fast as the reader takes it: at most 256 KB are queued */
static void push(struct rpc_call *call, struct test *test)
{
    static const uint8_t kilobyte[1024];
    while (rpc_call_queued_bytes(call) < 256 * 1024 && rpc_send(call, kilobyte, sizeof kilobyte) == STATUS_OK) test->pushed++;
}

static void on_endless(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)message;
    (void)size;
    push(call, context);
}

static void on_room(struct rpc_call *call, void *context)
{
    push(call, context);
}

static void on_gone(struct rpc_call *call, void *context, enum status why)
{
    (void)call;
    (void)why;
    ((struct test *)context)->gone++;
}

static void on_collect(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    (void)message;
    rpc_call_set_data(call, (void *)((uintptr_t)rpc_call_data(call) + size));
}

static void on_collected(struct rpc_call *call, void *context)
{
    (void)context;
    uint64_t total = (uintptr_t)rpc_call_data(call);
    reply(call, &total, sizeof total);
}

/* never answers */
static void on_wait(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)call;
    (void)context;
    (void)message;
    (void)size;
}

static void on_counts(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)message;
    (void)size;
    const struct test *test = context;
    char text[64];
    text_format(text, sizeof text, "{\"gone\":%u,\"pushed\":%llu}", test->gone, (unsigned long long)test->pushed);
    reply(call, text, strlen(text));
}

static void on_metrics(struct buffer *out, void *context)
{
    buffer_printf(out, "test_gone %u\n", ((const struct test *)context)->gone);
}

static void on_done(void *context)
{
    loop_stop(((struct test *)context)->loop);
}

static void on_term(void *context)
{
    rpc_server_shutdown(((struct test *)context)->server, 2000, on_done, context);
}

int main(int argc, char **argv)
{
    static const struct rpc_handler ECHO = {.on_message = on_echo}, FAIL = {.on_message = on_fail}, STREAM = {.on_message = on_stream},
                                    ENDLESS = {.on_message = on_endless, .on_writable = on_room, .on_gone = on_gone},
                                    COLLECT = {.on_message = on_collect, .on_half_close = on_collected, .on_gone = on_gone},
                                    WAIT = {.on_message = on_wait, .on_gone = on_gone}, COUNTS = {.on_message = on_counts};
    struct test test = {.loop = loop_new()};
    struct rpc_method methods[] = {
        {"/test.Echo/Echo", RPC_UNARY, &ECHO, &test, 4 << 20},          {"/test.Echo/Fail", RPC_UNARY, &FAIL, &test, 1024},
        {"/test.Echo/Stream", RPC_SERVER_STREAM, &STREAM, &test, 1024}, {"/test.Echo/Endless", RPC_SERVER_STREAM, &ENDLESS, &test, 1024},
        {"/test.Echo/Collect", RPC_CLIENT_STREAM, &COLLECT, &test, 1 << 20}, {"/test.Echo/Wait", RPC_UNARY, &WAIT, &test, 1024},
        {"/test.Echo/Counts", RPC_UNARY, &COUNTS, &test, 1024},
    };
    struct rpc_options options = {.address = "127.0.0.1:0", .limits = {.body_ms = 1500, .write_stall_ms = 3000}};
    struct error err;
    struct web *web = NULL;
    if (rpc_server_new(test.loop, &options, methods, COUNT_OF(methods), &test.server, &err) != STATUS_OK) return fprintf(stderr, "%s\n", err.text), 1;
    struct web_options wishes = {.address = "127.0.0.1:0", .files = argc > 1 && *argv[1] ? argv[1] : NULL, .hosts = "board.example", .origins = argc > 2 ? argv[2] : NULL,
                                 .calls = test.server, .calls_loop = test.loop, .metrics = on_metrics, .metrics_context = &test};
    if (web_start(&wishes, &web, &err) != STATUS_OK) {
        rpc_server_free(test.server);
        loop_free(test.loop);
        return fprintf(stderr, "%s\n", err.text), 1;
    }
    web_set_ready(web, true);
    struct loop_signal *term = loop_signal_new(test.loop, SIGTERM, on_term, &test);
    printf("http address=%s\n", web_address(web));
    fflush(stdout);
    loop_run(test.loop);
    loop_signal_free(term);
    web_stop(web);
    rpc_server_free(test.server);
    loop_free(test.loop);
    return 0;
}
