/* Any bytes after the HTTP/2 preface, through the whole session with handlers that echo; memory must come back to nothing. */
#include "scheduler/rpc/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_message(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    if (rpc_send(call, message, size) == STATUS_OK && size % 2) rpc_call_pause(call);
}

static void on_unary(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    enum status rc = rpc_send(call, message, size);
    (void)rc;
    rpc_finish(call, NULL);
}

static void on_half_close(struct rpc_call *call, void *context)
{
    (void)context;
    rpc_finish(call, NULL);
}

static void on_output(void *context)
{
    (void)context;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct rpc_handler UNARY = {.on_message = on_unary}, STREAM = {.on_message = on_message, .on_half_close = on_half_close};
    static const struct rpc_method METHODS[] = {{"/a/U", RPC_UNARY, &UNARY, NULL, 10000}, {"/a/B", RPC_BIDI_STREAM, &STREAM, NULL, 10000}};
    static const char PREFACE[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    struct rpc_limits limits = {0};
    struct call_table table;
    struct session session;
    struct buffer out;
    limits_fill(&limits);
    call_table_init(&table, &limits, METHODS, COUNT_OF(METHODS));
    session_init(&session, &table, "fuzz", on_output, NULL);
    buffer_init(&out, 8 << 20);
    bool alive = session_feed(&session, (const uint8_t *)PREFACE, sizeof PREFACE - 1);
    for (size_t at = 0; alive && at < size; at += 100) {
        alive = session_feed(&session, data + at, size - at < 100 ? size - at : 100);
        if (!session_drain(&session, &out)) break;
        buffer_clear(&out);
        struct rpc_call *call = session.calls;
        if (call && call->paused && !call->finished) rpc_call_resume(call);
    }
    bool ticked = session_tick(&session, 100000000);
    (void)ticked;
    session_deinit(&session);
    ASSERT(table.stats.calls == 0 && session.memory == 0);
    call_table_deinit(&table);
    buffer_deinit(&out);
    return 0;
}
