/* A server on rpc alone, for tests: it treats messages as bytes. `echo_server [ADDRESS [DRAIN_MS]]` prints its address; SIGTERM drains. */
#include "rpc/rpc.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct test {
    struct loop *loop;
    struct rpc_server *server;
    uint32_t drain_ms;
    uint32_t gone; /* calls that ended by the peer or the clock */
};

struct slow {
    struct test *test;
    struct loop_timer *timer;
    struct rpc_call_ref ref;
};

static void echo_metadata(struct rpc_call *call)
{
    size_t size;
    const char *value = rpc_call_metadata(call, "x-echo-initial", &size);
    if (value) rpc_call_add_header(call, "x-echo-initial", value, size);
    value = rpc_call_metadata(call, "x-echo-trailing-bin", &size);
    if (value) rpc_call_add_trailer(call, "x-echo-trailing-bin", value, size);
}

static void on_unary(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    echo_metadata(call);
    enum status rc = rpc_send(call, message, size);
    ASSERT(rc == STATUS_OK);
    rpc_finish(call, NULL);
}

static void on_fail(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    (void)message;
    (void)size;
    struct error err;
    error_field(&err, "lines[2].price_fen", "must be 0..10000000, is -1 — 太小%%");
    error_reason(&err, "TEST_REASON");
    err.retry_ms = 1500;
    rpc_finish(call, &err);
}

/* the first byte says how many kilobyte messages follow */
static void on_stream(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    uint8_t kilobyte[1024] = {0};
    for (unsigned i = 0; i < (size ? message[0] : 0u); i++) {
        kilobyte[0] = (uint8_t)i;
        if (rpc_send(call, kilobyte, sizeof kilobyte) != STATUS_OK) break;
    }
    rpc_finish(call, NULL);
}

static void on_collect(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    (void)message;
    uint64_t *sum = rpc_call_data(call);
    if (!sum) rpc_call_set_data(call, sum = mem_zalloc(1, sizeof *sum));
    *sum += size;
}

static void on_collected(struct rpc_call *call, void *context)
{
    (void)context;
    uint64_t *sum = rpc_call_data(call), total = sum ? *sum : 0;
    free(sum);
    rpc_call_set_data(call, NULL);
    enum status rc = rpc_send(call, (const uint8_t *)&total, sizeof total);
    ASSERT(rc == STATUS_OK);
    rpc_finish(call, NULL);
}

static void on_collect_gone(struct rpc_call *call, void *context, enum status why)
{
    (void)why;
    ((struct test *)context)->gone++;
    free(rpc_call_data(call));
}

static void on_bidi(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    enum status rc = rpc_send(call, message, size);
    (void)rc;
}

static void on_bidi_end(struct rpc_call *call, void *context)
{
    (void)context;
    rpc_finish(call, NULL);
}

static void on_wake(void *context)
{
    struct slow *slow = context;
    struct rpc_call *call = rpc_call_find(slow->test->server, slow->ref);
    if (call) {
        enum status rc = rpc_send(call, (const uint8_t *)"awake", 5);
        ASSERT(rc == STATUS_OK);
        rpc_finish(call, NULL);
    }
    loop_timer_free(slow->timer);
    free(slow);
}

/* answers after as many 10 ms as the first byte says, by its ref, as another thread's answer would come */
static void on_sleep(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    struct test *test = context;
    struct slow *slow = mem_zalloc(1, sizeof *slow);
    slow->test = test;
    slow->ref = rpc_call_ref(call);
    slow->timer = loop_timer_new(test->loop, on_wake, slow);
    loop_timer_start(slow->timer, size ? message[0] * 10 : 0);
}

static void on_gone(struct rpc_call *call, void *context, enum status why)
{
    (void)call;
    (void)why;
    ((struct test *)context)->gone++;
}

static void on_gone_count(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)message;
    (void)size;
    enum status rc = rpc_send(call, (const uint8_t *)&((struct test *)context)->gone, sizeof(uint32_t));
    ASSERT(rc == STATUS_OK);
    rpc_finish(call, NULL);
}

static void on_done(void *context)
{
    loop_stop(((struct test *)context)->loop);
}

static void on_term(void *context)
{
    rpc_server_shutdown(((struct test *)context)->server, ((struct test *)context)->drain_ms, on_done, context);
}

int main(int argc, char **argv)
{
    static const struct rpc_handler UNARY = {.on_message = on_unary}, FAIL = {.on_message = on_fail}, STREAM = {.on_message = on_stream},
                                    COLLECT = {.on_message = on_collect, .on_half_close = on_collected, .on_gone = on_collect_gone},
                                    BIDI = {.on_message = on_bidi, .on_half_close = on_bidi_end, .on_gone = on_gone},
                                    SLEEP = {.on_message = on_sleep, .on_gone = on_gone}, GONE = {.on_message = on_gone_count};
    struct test test = {.loop = loop_new(), .drain_ms = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 3000};
    struct rpc_method methods[] = {
        {"/test.Echo/Unary", RPC_UNARY, &UNARY, &test, 4 << 20},       {"/test.Echo/Fail", RPC_UNARY, &FAIL, &test, 1024},
        {"/test.Echo/Stream", RPC_SERVER_STREAM, &STREAM, &test, 1024}, {"/test.Echo/Collect", RPC_CLIENT_STREAM, &COLLECT, &test, 1 << 20},
        {"/test.Echo/Bidi", RPC_BIDI_STREAM, &BIDI, &test, 1 << 20},    {"/test.Echo/Sleep", RPC_UNARY, &SLEEP, &test, 1024},
        {"/test.Echo/Gone", RPC_UNARY, &GONE, &test, 1024},
    };
    struct rpc_options options = {.address = argc > 1 ? argv[1] : "127.0.0.1:0"};
    options.limits.preface_ms = 1500;
    struct error err;
    if (rpc_server_new(test.loop, &options, methods, COUNT_OF(methods), &test.server, &err) != STATUS_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    struct loop_signal *term = loop_signal_new(test.loop, SIGTERM, on_term, &test);
    printf("listening address=%s\n", rpc_server_address(test.server));
    fflush(stdout);
    loop_run(test.loop);
    loop_signal_free(term);
    rpc_server_free(test.server);
    loop_free(test.loop);
    return 0;
}
