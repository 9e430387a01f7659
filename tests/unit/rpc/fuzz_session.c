/* Any bytes after the HTTP/2 preface, through the whole session with handlers that echo; memory must come back to nothing. The first byte says what
 * comes before them: nothing, or good headers that open calls, because a fuzzer seldom guesses a header block. */
#include "scheduler/rpc/session.h"

#include <string.h>

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

/* SETTINGS, then HEADERS of stream 1 (/a/U or /a/B) and of stream 3 (/a/B, gzip); both stay open. */
static bool begin(struct session *session, uint8_t how)
{
    static const uint8_t SETTINGS[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
    static const uint8_t BLOCK[] = "\x83\x86\x44\x04/a/U\x41\x01x\x5f\x10" "application/grpc";
    static const uint8_t GZIP[] = "\0\x0dgrpc-encoding\x04gzip\0\x0cgrpc-timeout\x02" "9S";
    if (!session_feed(session, SETTINGS, sizeof SETTINGS)) return false;
    for (uint8_t stream = 1; stream <= (how & 2 ? 3 : 1); stream = (uint8_t)(stream + 2)) {
        uint8_t block[100], extra = stream == 3 ? sizeof GZIP - 1 : 0, length = (uint8_t)(sizeof BLOCK - 1 + extra);
        memcpy(block, BLOCK, sizeof BLOCK - 1);
        if (extra) memcpy(block + sizeof BLOCK - 1, GZIP, extra);
        if (stream == 3 || how & 4) block[7] = 'B';
        uint8_t head[9] = {0, 0, length, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 0, 0, 0, stream};
        if (!session_feed(session, head, sizeof head) || !session_feed(session, block, length)) return false;
    }
    ASSERT(session->call_count == (how & 2 ? 2u : 1u) && call_is_open(session->calls));
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    static const struct rpc_handler UNARY = {.on_message = on_unary}, STREAM = {.on_message = on_message, .on_half_close = on_half_close};
    static const struct rpc_method METHODS[] = {{"/a/U", RPC_UNARY, &UNARY, NULL, 10000}, {"/a/B", RPC_BIDI_STREAM, &STREAM, NULL, 10000}};
    static const char PREFACE[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    struct rpc_limits limits = {0};
    struct call_table table;
    struct session session;
    struct buffer out;
    limits_fill(&limits);
    call_table_init(&table, &limits, METHODS, COUNT_OF(METHODS), NULL);
    session_init(&session, &table, "fuzz", on_output, NULL);
    buffer_init(&out, 8 << 20);
    bool alive = session_feed(&session, (const uint8_t *)PREFACE, sizeof PREFACE - 1);
    if (alive && data[0] & 1) alive = begin(&session, data[0]);
    for (size_t at = 1; alive && at < size; at += 100) {
        alive = session_feed(&session, data + at, size - at < 100 ? size - at : 100);
        if (!session_drain(&session, &out)) break;
        buffer_clear(&out);
        session_expire(&session, table.now_ms += data[at] == 0xff ? 5000 : 1);
        struct rpc_call *call = session.calls;
        if (call && call->paused && !call_is_over(call)) rpc_call_resume(call);
    }
    bool ticked = session_tick(&session, 100000000);
    (void)ticked;
    session_deinit(&session);
    ASSERT(table.stats.calls == 0 && session.memory == 0);
    call_table_deinit(&table);
    buffer_deinit(&out);
    return 0;
}
