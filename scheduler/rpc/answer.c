/* What a call says back: headers, messages, trailers, and plain HTTP where gRPC does not fit. Which callback comes when is call.c's. */
#include "codec.h"
#include "details.h"
#include "session.h"

#include <stdlib.h>
#include <string.h>

enum { KEPT_BYTES = 64 * 1024,       /* a buffer that was larger gives its memory back when it is empty */
       FOLD_GAINS_FROM = 64,         /* smaller messages only grow */
       STATUS_DETAILS_MAX = 4096, FINISH_ARENA = 256 * 1024 };

/* ---- headers and trailers ---- */

static void add_metadata(struct metadata *metadata, const char *name, const void *value, size_t size)
{
    if (metadata->count < RESPONSE_METADATA_MAX && *name) metadata_add(metadata, name, strlen(name), value, size);
}

void rpc_call_add_header(struct rpc_call *call, const char *name, const void *value, size_t size)
{
    if (!call->responded) add_metadata(&call->headers, name, value, size);
}

void rpc_call_add_trailer(struct rpc_call *call, const char *name, const void *value, size_t size)
{
    if (!call_is_over(call)) add_metadata(&call->trailers, name, value, size);
}

/* Name-value pairs on their way to nghttp2, and the memory of those that had to be encoded: most answers have none. */
struct pairs {
    nghttp2_nv all[2 * RESPONSE_METADATA_MAX + 8];
    size_t count;
    struct arena *arena;
};

static char *pairs_space(struct pairs *pairs, size_t size)
{
    if (!pairs->arena) pairs->arena = arena_new(FINISH_ARENA);
    return arena_alloc(pairs->arena, size);
}

static void pairs_add(struct pairs *pairs, const char *name, size_t name_size, const char *value, size_t size, uint8_t flags)
{
    ASSERT(pairs->count < COUNT_OF(pairs->all));
    pairs->all[pairs->count++] = (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, name_size, size, flags};
}

/* Literals outlive every frame: nghttp2 need not copy them. */
#define PAIRS_LITERAL(pairs, name, value) \
    pairs_add(pairs, name, sizeof(name) - 1, value, sizeof(value) - 1, NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE)

static void pairs_metadata(struct pairs *pairs, const struct metadata *metadata)
{
    struct metadata_item item;
    for (size_t at = 0; metadata_next(metadata, &at, &item);) {
        const char *value = (const char *)item.value;
        size_t size = item.size;
        if (metadata_is_binary(item.name, item.name_size)) {
            char *text = pairs_space(pairs, 4 * ((item.size + 2) / 3) + 1);
            if (!text) continue; /* what a handler adds beyond reason is left out; the peer could not take it either */
            size = codec_base64_encode(item.value, item.size, text);
            value = text;
        }
        pairs_add(pairs, item.name, item.name_size, value, size, NGHTTP2_NV_FLAG_NONE);
    }
}

/* grpc-status and its companions: as headers (an answer of trailers alone) or as trailers. */
static void pairs_status(struct pairs *pairs, const struct error *err)
{
    if (!err) {
        PAIRS_LITERAL(pairs, "grpc-status", "0");
        return;
    }
    enum { CODE_MAX = 4, MESSAGE_MAX = ERROR_TEXT_MAX * 3 + 1 };
    char *code = pairs_space(pairs, CODE_MAX), *message = pairs_space(pairs, MESSAGE_MAX);
    ASSERT(code && message);
    text_format(code, CODE_MAX, "%u", (unsigned)err->status);
    pairs_add(pairs, "grpc-status", sizeof "grpc-status" - 1, code, strlen(code), NGHTTP2_NV_FLAG_NONE);
    codec_percent(err->text, message, MESSAGE_MAX);
    if (*message) pairs_add(pairs, "grpc-message", sizeof "grpc-message" - 1, message, strlen(message), NGHTTP2_NV_FLAG_NONE);
    if (!details_wanted(err)) return;
    struct buffer details;
    buffer_init(&details, STATUS_DETAILS_MAX);
    details_encode(err, &details);
    char *text = pairs_space(pairs, 4 * ((details.size + 2) / 3) + 1);
    ASSERT(text && !details.full);
    size_t size = codec_base64_encode(details.data, details.size, text);
    pairs_add(pairs, "grpc-status-details-bin", sizeof "grpc-status-details-bin" - 1, text, size, NGHTTP2_NV_FLAG_NONE);
    buffer_deinit(&details);
}

static void pairs_type(struct pairs *pairs, const struct rpc_call *call)
{
    if (call->web) PAIRS_LITERAL(pairs, "content-type", "application/grpc-web+proto");
    else PAIRS_LITERAL(pairs, "content-type", "application/grpc");
}

/* Called when the last message has left: nghttp2 would send trailers submitted earlier ahead of the data. */
static void submit_trailers(struct rpc_call *call)
{
    struct pairs pairs;
    pairs.count = 0;
    pairs.arena = NULL;
    pairs_status(&pairs, call->finish_error);
    pairs_metadata(&pairs, &call->trailers);
    nghttp2_submit_trailer(call->session->h2, call->stream, pairs.all, pairs.count);
    if (pairs.arena) arena_free(pairs.arena);
}

/* ---- messages ---- */

static void empty(struct buffer *buffer)
{
    size_t cap = buffer->cap;
    if (buffer->capacity > KEPT_BYTES) {
        buffer_deinit(buffer);
        buffer_init(buffer, cap);
    }
    buffer_clear(buffer);
}

size_t answer_take(struct rpc_call *call, uint8_t *to, size_t most)
{
    size_t left = call->out.size - call->out_at, take = left < most ? left : most;
    if (take) memcpy(to, call->out.data + call->out_at, take);
    call->out_at += take;
    call->progress_ms = call->session->table->now_ms;
    if (!call_is_over(call) && !call->writable_due && call->out_high && call->out.size - call->out_at <= call->out_high / 2) {
        call->writable_due = true; /* told after the wire has returned: a handler may send and finish */
        call->session->writable_due++;
    }
    return take;
}

void answer_taken(struct rpc_call *call)
{
    empty(&call->out);
    call->out_at = 0;
    call_recount(call);
}

static ssize_t read_out(nghttp2_session *h2, int32_t stream, uint8_t *to, size_t most, uint32_t *flags, nghttp2_data_source *source, void *context)
{
    (void)h2;
    (void)stream;
    (void)context;
    struct rpc_call *call = source->ptr;
    size_t take = answer_take(call, to, most);
    if (call->out_at < call->out.size) return (ssize_t)take;
    answer_taken(call);
    if (call_is_over(call)) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (!call->http_status && !call->web) {
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            submit_trailers(call);
        }
    } else if (take == 0) {
        call->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    return (ssize_t)take;
}

/* An exchange's headers, as lines; ":status" is the owner's matter. */
static void write_head(struct buffer *head, const struct pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (pairs->all[i].name[0] == ':') continue;
        buffer_append(head, pairs->all[i].name, pairs->all[i].namelen);
        buffer_append(head, ": ", 2);
        buffer_append(head, pairs->all[i].value, pairs->all[i].valuelen);
        buffer_append(head, "\r\n", 2);
    }
}

static void submit_headers(struct rpc_call *call)
{
    struct pairs pairs;
    pairs.count = 0;
    pairs.arena = NULL;
    PAIRS_LITERAL(&pairs, ":status", "200");
    pairs_type(&pairs, call);
    PAIRS_LITERAL(&pairs, "grpc-accept-encoding", "identity,gzip");
    call->fold_told = call->takes_gzip && (call->fold_named || (!call->fold_asked && call->session->table->fold_bytes_min));
    if (call->fold_told) PAIRS_LITERAL(&pairs, "grpc-encoding", "gzip");
    pairs_metadata(&pairs, &call->headers);
    nghttp2_data_provider provider = {.source = {.ptr = call}, .read_callback = read_out};
    if (call->session->head) write_head(call->session->head, &pairs);
    else nghttp2_submit_response(call->session->h2, call->stream, pairs.all, pairs.count, &provider);
    call->responded = true;
    if (pairs.arena) arena_free(pairs.arena);
}

static void wake(struct rpc_call *call)
{
    if (call->deferred) {
        call->deferred = false;
        nghttp2_session_resume_data(call->session->h2, call->stream);
    }
    call->session->on_output(call->session->context);
}

size_t rpc_call_queued_bytes(const struct rpc_call *call)
{
    return call->out.size - call->out_at;
}

void rpc_call_compress(struct rpc_call *call, bool on)
{
    call->fold = on;
    call->fold_asked = true;
    call->fold_named = call->fold_named || on;
}

static bool wants_fold(const struct rpc_call *call, size_t size)
{
    if (!call->fold_told || size < FOLD_GAINS_FROM) return false;
    return call->fold_asked ? call->fold : size >= call->session->table->fold_bytes_min;
}

/* What has been sent makes room; moved only when it is the larger part (or needed), so that a long queue is not moved for each message. */
static void out_make_room(struct rpc_call *call, size_t whole)
{
    if (call->out_at == 0 || (call->out_at <= call->out.size / 2 && call->out.size + whole <= call->out.cap)) return;
    memmove(call->out.data, call->out.data + call->out_at, call->out.size - call->out_at);
    call->out.size -= call->out_at;
    call->out_at = 0;
}

static void out_append(struct rpc_call *call, uint8_t flag, const uint8_t *message, size_t size)
{
    uint8_t prefix[FRAME_PREFIX] = {flag, (uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size};
    buffer_append(&call->out, prefix, sizeof prefix);
    buffer_append(&call->out, message, size);
    ASSERT(!call->out.full);
}

enum status rpc_send(struct rpc_call *call, const uint8_t *message, size_t size)
{
    ASSERT(!call_is_over(call));
    const struct rpc_limits *limits = call->session->table->limits;
    size_t whole = size + FRAME_PREFIX;
    if (whole > limits->call_queue_bytes - (call->out.size - call->out_at) || !call_has_room(call, whole)) return STATUS_RESOURCE_EXHAUSTED;
    out_make_room(call, whole);
    if (call->out.size == 0) call->progress_ms = call->session->table->now_ms;
    if (!call->responded) submit_headers(call);
    uint8_t *folded = wants_fold(call, size) ? mem_alloc(size) : NULL;
    size_t folded_size = folded ? gzip_fold(&call->session->table->folder, message, size, folded, size - 1) : 0;
    if (folded_size) out_append(call, 1, folded, folded_size);
    else out_append(call, 0, message, size);
    free(folded);
    call_recount(call);
    if (call->out.size - call->out_at > call->out_high) call->out_high = call->out.size - call->out_at;
    call->session->table->stats.messages_out++;
    wake(call);
    return STATUS_OK;
}

/* ---- the end ---- */

/* gRPC-Web's trailers: a frame with the flag 0x80, of lines as in HTTP/1. It may pass the queue's cap: the call's last word is never refused. */
static void append_web_trailers(struct rpc_call *call)
{
    enum { TRAILERS = 0x80 };
    struct pairs pairs;
    struct buffer lines;
    pairs.count = 0;
    pairs.arena = NULL;
    pairs_status(&pairs, call->finish_error);
    pairs_metadata(&pairs, &call->trailers);
    buffer_init(&lines, 2 * FINISH_ARENA);
    for (size_t i = 0; i < pairs.count; i++) {
        buffer_append(&lines, pairs.all[i].name, pairs.all[i].namelen);
        buffer_append(&lines, ": ", 2);
        buffer_append(&lines, pairs.all[i].value, pairs.all[i].valuelen);
        buffer_append(&lines, "\r\n", 2);
    }
    if (pairs.arena) arena_free(pairs.arena);
    call->out.cap += lines.size + FRAME_PREFIX;
    out_append(call, TRAILERS, lines.data, lines.size);
    buffer_deinit(&lines);
    call_recount(call);
}

/* An answer of trailers alone: one HEADERS frame. */
static void submit_trailers_only(struct rpc_call *call, const struct error *err)
{
    struct pairs pairs;
    pairs.count = 0;
    pairs.arena = NULL;
    PAIRS_LITERAL(&pairs, ":status", "200");
    pairs_type(&pairs, call);
    if (call->finish_status == STATUS_UNIMPLEMENTED) PAIRS_LITERAL(&pairs, "grpc-accept-encoding", "identity,gzip");
    pairs_status(&pairs, err);
    pairs_metadata(&pairs, &call->headers);
    pairs_metadata(&pairs, &call->trailers);
    nghttp2_submit_response(call->session->h2, call->stream, pairs.all, pairs.count, NULL);
    call->responded = true;
    if (pairs.arena) arena_free(pairs.arena);
}

void rpc_finish(struct rpc_call *call, const struct error *err)
{
    call_move(call, CALL_ENDING);
    call->finish_status = err ? err->status : STATUS_OK;
    call_count_end(call, call->finish_status);
    if (err) call->session->table->stats.calls_failed++;
    call_slot_give(call); /* nobody finds it any more; it lives until its stream has closed */
    health_forget(call);
    if (call->session->head && !call->responded) submit_headers(call); /* browsers see HTTP's headers only where CORS lets them: the body tells all */
    bool has_answered = call->responded;
    if (!has_answered) {
        submit_trailers_only(call, err);
    } else if (err) {
        call->finish_error = mem_alloc(sizeof *err);
        *call->finish_error = *err;
    }
    if (call->web && has_answered) append_web_trailers(call);
    wake(call);
}

void call_http(struct rpc_call *call)
{
    const char *body = call->http_status == 200   ? "serving\n"
                       : call->http_status == 503 ? "not serving\n"
                       : call->http_status == 405 ? "gRPC calls are POST\n"
                                                  : "content-type must be application/grpc\n";
    char code[8];
    text_format(code, sizeof code, "%d", call->http_status);
    struct pairs pairs;
    pairs.count = 0;
    pairs_add(&pairs, ":status", sizeof ":status" - 1, code, strlen(code), NGHTTP2_NV_FLAG_NONE);
    PAIRS_LITERAL(&pairs, "content-type", "text/plain; charset=utf-8");
    call_move(call, CALL_ENDING);
    call->responded = true;
    call_slot_give(call);
    buffer_append(&call->out, body, strlen(body));
    call_recount(call);
    nghttp2_data_provider provider = {.source = {.ptr = call}, .read_callback = read_out};
    nghttp2_submit_response(call->session->h2, call->stream, pairs.all, pairs.count, &provider);
    call->session->on_output(call->session->context);
}
