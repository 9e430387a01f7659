/* A call: its headers, its messages in order, its answer. Which callback comes when is decided here alone. */
#include "codec.h"
#include "details.h"
#include "session.h"

#include <stdlib.h>
#include <string.h>

enum { KEPT_BYTES = 64 * 1024 }; /* a buffer that was larger gives its memory back when it is empty */

/* ---- memory: every byte that a peer can make us hold is counted, for its connection and for the server ---- */

static void recount(struct rpc_call *call)
{
    size_t now = sizeof *call + call->header_bytes + call->reader.bytes.size + call->held.size + call->unary.size + call->out.size;
    call->session->memory += now - call->counted;
    call->session->table->memory += now - call->counted;
    call->counted = now;
}

static void uncount(struct rpc_call *call)
{
    call->session->memory -= call->counted;
    call->session->table->memory -= call->counted;
    call->counted = 0;
}

static bool has_room(const struct rpc_call *call, size_t more)
{
    const struct call_table *table = call->session->table;
    return call->session->memory + more <= table->limits->connection_memory_bytes && table->memory + more <= table->limits->server_memory_bytes;
}

/* ---- making, naming, freeing ---- */

static void slot_take(struct rpc_call *call)
{
    struct call_table *table = call->session->table;
    if (table->free_count == 0) {
        uint32_t count = table->slot_count ? table->slot_count * 2 : 256;
        table->slots = mem_realloc(table->slots, count, sizeof *table->slots);
        table->free_slots = mem_realloc(table->free_slots, count, sizeof *table->free_slots);
        for (uint32_t i = count; i > table->slot_count; i--) {
            table->slots[i - 1].call = NULL;
            table->slots[i - 1].generation = 1;
            table->free_slots[table->free_count++] = i - 1;
        }
        table->slot_count = count;
    }
    call->slot = table->free_slots[--table->free_count];
    call->generation = table->slots[call->slot].generation;
    table->slots[call->slot].call = call;
}

static void slot_give(struct rpc_call *call)
{
    struct call_table *table = call->session->table;
    if (table->slots[call->slot].call != call) return;
    table->slots[call->slot].call = NULL;
    if (++table->slots[call->slot].generation == 0) table->slots[call->slot].generation = 1;
    table->free_slots[table->free_count++] = call->slot;
}

struct rpc_call *call_new(struct session *session, int32_t stream)
{
    struct rpc_call *call = mem_zalloc(1, sizeof *call);
    call->session = session;
    call->stream = stream;
    call->progress_ms = session->table->now_ms;
    call->next = session->calls;
    if (session->calls) session->calls->previous = call;
    session->calls = call;
    session->call_count++;
    session->table->stats.calls++;
    buffer_init(&call->out, session->table->limits->call_queue_bytes);
    slot_take(call);
    recount(call);
    return call;
}

static void metadata_free(struct metadata *metadata, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) free(metadata[i].value);
}

void call_free(struct rpc_call *call)
{
    struct session *session = call->session;
    health_forget(call);
    slot_give(call);
    if (call->previous) call->previous->next = call->next;
    else session->calls = call->next;
    if (call->next) call->next->previous = call->previous;
    session->call_count--;
    session->table->stats.calls--;
    session->last_call_ms = session->table->now_ms;
    if (call->writable_due) session->writable_due--;
    uncount(call);
    metadata_free(call->metadata, call->metadata_count);
    metadata_free(call->headers, call->header_count);
    metadata_free(call->trailers, call->trailer_count);
    if (call->opened) frame_reader_deinit(&call->reader);
    buffer_deinit(&call->held);
    buffer_deinit(&call->unary);
    buffer_deinit(&call->inflated);
    buffer_deinit(&call->out);
    free(call->finish_error);
    free(call);
}

struct rpc_call_ref rpc_call_ref(const struct rpc_call *call)
{
    return (struct rpc_call_ref){call->slot, call->generation};
}

void rpc_call_set_data(struct rpc_call *call, void *data)
{
    call->data = data;
}

void *rpc_call_data(const struct rpc_call *call)
{
    return call->data;
}

const char *rpc_call_peer(const struct rpc_call *call)
{
    return call->session->peer;
}

int64_t rpc_call_deadline_ms(const struct rpc_call *call)
{
    if (call->deadline_ms == 0) return -1;
    int64_t left = call->deadline_ms - clock_boot_us() / 1000;
    return left > 0 ? left : 0;
}

const char *rpc_call_metadata(const struct rpc_call *call, const char *name, size_t *size)
{
    for (uint32_t i = 0; i < call->metadata_count; i++) {
        if (strcmp(call->metadata[i].name, name) != 0) continue;
        if (size) *size = call->metadata[i].size;
        return (const char *)call->metadata[i].value;
    }
    return NULL;
}

/* ---- metadata ---- */

static bool is_binary(const char *name, size_t size)
{
    return size > 4 && memcmp(name + size - 4, "-bin", 4) == 0;
}

static void metadata_put(struct metadata *metadata, uint32_t *count, uint32_t most, const char *name, size_t name_size, const void *value, size_t size)
{
    if (*count == most || name_size == 0 || name_size >= METADATA_NAME_MAX) return;
    struct metadata *to = &metadata[(*count)++];
    memcpy(to->name, name, name_size);
    to->name[name_size] = 0;
    to->value = mem_alloc(size + 1);
    memcpy(to->value, value, size);
    to->value[size] = 0;
    to->size = size;
}

static void keep_text(char *out, size_t capacity, const uint8_t *value, size_t size)
{
    size_t take = size < capacity ? size : capacity - 1;
    memcpy(out, value, take);
    out[take] = 0;
}

/* One value of -bin metadata may be several, joined by commas: each is kept as a value of its own. */
static void keep_binary(struct rpc_call *call, const char *name, size_t name_size, const char *value, size_t size)
{
    while (size > 0) {
        const char *comma = memchr(value, ',', size);
        size_t piece = comma ? (size_t)(comma - value) : size;
        uint8_t *bytes = mem_alloc(piece + 1);
        int64_t decoded = codec_base64_decode(value, piece, bytes, piece + 1);
        if (decoded >= 0) metadata_put(call->metadata, &call->metadata_count, METADATA_MAX, name, name_size, bytes, (size_t)decoded);
        free(bytes);
        if (!comma) return;
        value += piece + 1;
        size -= piece + 1;
    }
}

void call_on_header(struct rpc_call *call, const char *name, size_t name_size, const uint8_t *value, size_t value_size)
{
#define IS(text) (name_size == sizeof(text) - 1 && memcmp(name, text, name_size) == 0)
    if (IS(":path")) keep_text(call->path, sizeof call->path, value, value_size);
    else if (IS(":method")) keep_text(call->verb, sizeof call->verb, value, value_size);
    else if (IS("content-type")) keep_text(call->content_type, sizeof call->content_type, value, value_size);
    else if (IS("grpc-encoding")) keep_text(call->encoding, sizeof call->encoding, value, value_size);
    else if (IS("grpc-timeout")) {
        int64_t ms;
        if (codec_timeout((const char *)value, value_size, &ms)) call->deadline_ms = call->session->table->now_ms + (ms ? ms : 1);
        else call->header_bad_timeout = true;
    } else if (name[0] != ':') {
        if (is_binary(name, name_size)) keep_binary(call, name, name_size, (const char *)value, value_size);
        else metadata_put(call->metadata, &call->metadata_count, METADATA_MAX, name, name_size, value, value_size);
    }
#undef IS
}

void rpc_call_add_header(struct rpc_call *call, const char *name, const void *value, size_t size)
{
    if (!call->responded) metadata_put(call->headers, &call->header_count, RESPONSE_METADATA_MAX, name, strlen(name), value, size);
}

void rpc_call_add_trailer(struct rpc_call *call, const char *name, const void *value, size_t size)
{
    if (!call->finished) metadata_put(call->trailers, &call->trailer_count, RESPONSE_METADATA_MAX, name, strlen(name), value, size);
}

/* ---- sending ---- */

static nghttp2_nv pair(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE};
}

/* Fills `out` from our metadata; -bin values become base64 in `arena`. */
static size_t pairs(struct arena *arena, const struct metadata *metadata, uint32_t count, nghttp2_nv *out)
{
    for (uint32_t i = 0; i < count; i++) {
        const char *value = (const char *)metadata[i].value;
        if (is_binary(metadata[i].name, strlen(metadata[i].name))) {
            char *text = arena_alloc(arena, 4 * ((metadata[i].size + 2) / 3) + 1);
            ASSERT(text);
            codec_base64_encode(metadata[i].value, metadata[i].size, text);
            value = text;
        }
        out[i] = pair(metadata[i].name, value);
    }
    return count;
}

enum { STATUS_DETAILS_MAX = 4096, FINISH_ARENA = 256 * 1024 };

/* grpc-status and its companions: as headers (an answer of trailers alone) or as trailers. */
static size_t status_pairs(struct arena *arena, const struct error *err, nghttp2_nv *out)
{
    size_t count = 0;
    char *code = arena_alloc(arena, 4);
    ASSERT(code);
    text_format(code, 4, "%u", err ? (unsigned)err->status : 0u);
    out[count++] = pair("grpc-status", code);
    if (!err) return count;
    char *message = arena_alloc(arena, ERROR_TEXT_MAX * 3 + 1);
    ASSERT(message);
    codec_percent(err->text, message, ERROR_TEXT_MAX * 3 + 1);
    if (*message) out[count++] = pair("grpc-message", message);
    if (details_wanted(err)) {
        struct buffer details;
        buffer_init(&details, STATUS_DETAILS_MAX);
        details_encode(err, &details);
        char *text = arena_alloc(arena, 4 * ((details.size + 2) / 3) + 1);
        ASSERT(text && !details.full);
        codec_base64_encode(details.data, details.size, text);
        out[count++] = pair("grpc-status-details-bin", text);
        buffer_deinit(&details);
    }
    return count;
}

/* Called when the last message has left: nghttp2 would send trailers submitted earlier ahead of the data. */
static void submit_trailers(struct rpc_call *call)
{
    struct arena *arena = arena_new(FINISH_ARENA);
    nghttp2_nv all[RESPONSE_METADATA_MAX + 4];
    size_t count = status_pairs(arena, call->finish_error, all);
    count += pairs(arena, call->trailers, call->trailer_count, all + count);
    nghttp2_submit_trailer(call->session->h2, call->stream, all, count);
    arena_free(arena);
}

static void empty(struct buffer *buffer)
{
    size_t cap = buffer->cap;
    if (buffer->capacity > KEPT_BYTES) {
        buffer_deinit(buffer);
        buffer_init(buffer, cap);
    }
    buffer_clear(buffer);
}

static ssize_t read_out(nghttp2_session *h2, int32_t stream, uint8_t *to, size_t most, uint32_t *flags, nghttp2_data_source *source, void *context)
{
    (void)h2;
    (void)stream;
    (void)context;
    struct rpc_call *call = source->ptr;
    size_t left = call->out.size - call->out_at, take = left < most ? left : most;
    if (take) memcpy(to, call->out.data + call->out_at, take);
    call->out_at += take;
    call->progress_ms = call->session->table->now_ms;
    if (!call->finished && !call->writable_due && call->out_high && call->out.size - call->out_at <= call->out_high / 2) {
        call->writable_due = true; /* told after nghttp2 has returned: a handler may send and finish */
        call->session->writable_due++;
    }
    if (call->out_at == call->out.size) {
        empty(&call->out);
        call->out_at = 0;
        recount(call);
        if (call->finished) {
            *flags |= NGHTTP2_DATA_FLAG_EOF;
            if (call->wish == WISH_GRPC) {
                *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
                submit_trailers(call);
            }
        } else if (take == 0) {
            call->deferred = true;
            return NGHTTP2_ERR_DEFERRED;
        }
    }
    return (ssize_t)take;
}

static void submit_headers(struct rpc_call *call)
{
    struct arena *arena = arena_new(FINISH_ARENA);
    nghttp2_nv all[RESPONSE_METADATA_MAX + 4];
    size_t count = 0;
    all[count++] = pair(":status", "200");
    all[count++] = pair("content-type", "application/grpc");
    all[count++] = pair("grpc-accept-encoding", "identity,gzip");
    count += pairs(arena, call->headers, call->header_count, all + count);
    nghttp2_data_provider provider = {.source = {.ptr = call}, .read_callback = read_out};
    nghttp2_submit_response(call->session->h2, call->stream, all, count, &provider);
    call->responded = true;
    arena_free(arena);
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

enum status rpc_send(struct rpc_call *call, const uint8_t *message, size_t size)
{
    ASSERT(!call->finished);
    const struct rpc_limits *limits = call->session->table->limits;
    size_t whole = size + FRAME_PREFIX;
    if (whole > limits->call_queue_bytes - (call->out.size - call->out_at) || !has_room(call, whole)) return STATUS_RESOURCE_EXHAUSTED;
    /* what has been sent makes room; moved only when it is the larger part (or needed), so that a long queue is not moved for each message */
    if (call->out_at > call->out.size / 2 || call->out.size + whole > call->out.cap) {
        memmove(call->out.data, call->out.data + call->out_at, call->out.size - call->out_at);
        call->out.size -= call->out_at;
        call->out_at = 0;
    }
    uint8_t prefix[FRAME_PREFIX] = {0, (uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size};
    if (call->out.size == 0) call->progress_ms = call->session->table->now_ms;
    buffer_append(&call->out, prefix, sizeof prefix);
    buffer_append(&call->out, message, size);
    ASSERT(!call->out.full);
    recount(call);
    if (call->out.size - call->out_at > call->out_high) call->out_high = call->out.size - call->out_at;
    call->session->table->stats.messages_out++;
    if (!call->responded) submit_headers(call);
    wake(call);
    return STATUS_OK;
}

void rpc_finish(struct rpc_call *call, const struct error *err)
{
    ASSERT(!call->finished);
    call->finished = true;
    call->finish_status = err ? err->status : STATUS_OK;
    if (err) call->session->table->stats.calls_failed++;
    slot_give(call); /* nobody finds it any more; it lives until its stream has closed */
    health_forget(call);
    if (call->responded) {
        if (err) {
            call->finish_error = mem_alloc(sizeof *err);
            *call->finish_error = *err;
        }
    } else {
        struct arena *arena = arena_new(FINISH_ARENA);
        nghttp2_nv all[2 * RESPONSE_METADATA_MAX + 8];
        size_t count = 0;
        all[count++] = pair(":status", "200");
        all[count++] = pair("content-type", "application/grpc");
        if (call->finish_status == STATUS_UNIMPLEMENTED) all[count++] = pair("grpc-accept-encoding", "identity,gzip");
        count += status_pairs(arena, err, all + count);
        count += pairs(arena, call->headers, call->header_count, all + count);
        count += pairs(arena, call->trailers, call->trailer_count, all + count);
        nghttp2_submit_response(call->session->h2, call->stream, all, count, NULL);
        call->responded = true;
        arena_free(arena);
    }
    wake(call);
}

void call_http(struct rpc_call *call, int status, const char *body)
{
    char code[8];
    text_format(code, sizeof code, "%d", status);
    nghttp2_nv all[] = {pair(":status", code), pair("content-type", "text/plain; charset=utf-8")};
    call->wish = WISH_HEALTHZ;
    call->finished = call->responded = true;
    slot_give(call);
    buffer_append(&call->out, body, strlen(body));
    recount(call);
    nghttp2_data_provider provider = {.source = {.ptr = call}, .read_callback = read_out};
    nghttp2_submit_response(call->session->h2, call->stream, all, COUNT_OF(all), &provider);
    call->session->on_output(call->session->context);
}

/* ---- receiving ---- */

void call_fail(struct rpc_call *call, const struct error *err)
{
    if (call->opened && call->method->handler->on_gone) call->method->handler->on_gone(call, call->method->context, err->status);
    if (!call->finished) rpc_finish(call, err);
}

static void refuse(struct rpc_call *call, enum status status, const char *text)
{
    struct error err;
    error_set(&err, status, "%s", text);
    call_fail(call, &err);
}

static bool is_grpc_type(const char *type)
{
    static const char GRPC[] = "application/grpc";
    size_t size = sizeof GRPC - 1;
    return strncmp(type, GRPC, size) == 0 && (type[size] == 0 || type[size] == '+' || type[size] == ';');
}

void call_on_headers(struct rpc_call *call)
{
    struct call_table *table = call->session->table;
    call->headers_done = true;
    table->stats.calls_total++;
    if (strcmp(call->path, "/healthz") == 0 && strcmp(call->verb, "GET") == 0) {
        call_http(call, table->serving ? 200 : 503, table->serving ? "ok\n" : "not serving\n");
        return;
    }
    if (strcmp(call->verb, "POST") != 0) {
        call_http(call, 405, "gRPC calls are POST\n");
        return;
    }
    if (!is_grpc_type(call->content_type)) {
        call_http(call, 415, "content-type must be application/grpc\n");
        return;
    }
    const struct rpc_method *method = call_table_method(table, call->path);
    if (!method) refuse(call, STATUS_UNIMPLEMENTED, "no such service or method");
    else if (call->header_bad_timeout) refuse(call, STATUS_INTERNAL, "grpc-timeout must be 1 to 8 digits and a unit of H M S m u n");
    else if (call->encoding[0] && strcmp(call->encoding, "identity") != 0 && strcmp(call->encoding, "gzip") != 0)
        refuse(call, STATUS_UNIMPLEMENTED, "grpc-encoding: identity and gzip are known");
    else if (table->stopping && method->kind != RPC_UNARY) refuse(call, STATUS_UNAVAILABLE, "the server is stopping; connect to another, or again in a moment");
    else if (call->deadline_ms && table->now_ms >= call->deadline_ms) refuse(call, STATUS_DEADLINE_EXCEEDED, "the call's deadline has passed");
    else if (!has_room(call, 0)) refuse(call, STATUS_RESOURCE_EXHAUSTED, "too much is in flight; call again in a moment");
    else {
        call->method = method;
        call->opened = true;
        frame_reader_init(&call->reader, method->request_bytes_max, strcmp(call->encoding, "gzip") == 0);
        buffer_init(&call->held, (size_t)1 << 22);
        buffer_init(&call->unary, (size_t)method->request_bytes_max + 1);
        buffer_init(&call->inflated, (size_t)method->request_bytes_max + 1);
        if (method->handler->on_open) method->handler->on_open(call, method->context);
    }
}

static bool is_one_message(const struct rpc_call *call)
{
    return call->method->kind == RPC_UNARY || call->method->kind == RPC_SERVER_STREAM;
}

static void give_window(struct rpc_call *call, size_t count)
{
    nghttp2_session_consume_stream(call->session->h2, call->stream, count);
    call->session->on_output(call->session->context);
}

/* One message is whole. Unary calls keep it until the peer has half-closed, because a second one would make the call wrong. */
static void deliver(struct rpc_call *call, const uint8_t *message, size_t size)
{
    call->messages_in++;
    call->session->table->stats.messages_in++;
    if (!is_one_message(call)) {
        if (call->method->handler->on_message) call->method->handler->on_message(call, call->method->context, message, size);
        return;
    }
    if (call->messages_in > 1) {
        refuse(call, STATUS_UNIMPLEMENTED, "this method takes exactly one message");
        return;
    }
    if (!has_room(call, size)) {
        refuse(call, STATUS_RESOURCE_EXHAUSTED, "too many large requests at once on this connection");
        return;
    }
    buffer_append(&call->unary, message, size);
}

/* Reads messages out of `bytes` until they end, the handler pauses, or the call finishes. Returns how many bytes were used. */
static size_t consume(struct rpc_call *call, const uint8_t *bytes, size_t count)
{
    size_t at = 0;
    call->delivering = true;
    while (at < count && !call->finished && !call->paused) {
        const uint8_t *message;
        size_t used, size;
        struct error err;
        enum status rc = frame_reader_feed(&call->reader, bytes + at, count - at, &used, &message, &size, &call->inflated, &err);
        at += used;
        if (rc != STATUS_OK) {
            call_fail(call, &err);
            return count;
        }
        if (message) {
            deliver(call, message, size);
            frame_reader_next(&call->reader);
            empty(&call->inflated);
        }
        recount(call);
        if (!call->finished && !has_room(call, 0)) refuse(call, STATUS_RESOURCE_EXHAUSTED, "too many large requests at once on this connection");
    }
    call->delivering = false;
    return call->finished ? count : at;
}

static void hold(struct rpc_call *call, const uint8_t *bytes, size_t count)
{
    buffer_append(&call->held, bytes, count);
    recount(call);
    if (call->held.full) refuse(call, STATUS_RESOURCE_EXHAUSTED, "the peer sends past the window it was given");
}

void call_on_data(struct rpc_call *call, const uint8_t *bytes, size_t count)
{
    call->progress_ms = call->session->table->now_ms;
    if (!call->opened || call->finished) {
        nghttp2_session_consume_stream(call->session->h2, call->stream, count);
        return;
    }
    if (call->paused) {
        hold(call, bytes, count); /* bounded by the stream's window, which is not given back meanwhile */
        call->unconsumed += count;
        return;
    }
    size_t used = consume(call, bytes, count);
    if (used < count) hold(call, bytes + used, count - used);
    if (call->paused) call->unconsumed += count;
    else nghttp2_session_consume_stream(call->session->h2, call->stream, count);
}

static void half_close(struct rpc_call *call)
{
    if (call->half_close_told || call->finished || call->paused || call->held.size) return;
    call->half_close_told = true;
    const struct rpc_handler *handler = call->method->handler;
    if (frame_reader_is_inside(&call->reader)) {
        refuse(call, STATUS_INTERNAL, "the request ends inside a message");
    } else if (!is_one_message(call)) {
        if (handler->on_half_close) handler->on_half_close(call, call->method->context);
    } else if (call->messages_in == 0) {
        refuse(call, STATUS_UNIMPLEMENTED, "this method takes exactly one message");
    } else {
        static const uint8_t NOTHING;
        struct buffer message = call->unary; /* the handler may finish the call, and frees nothing of it until the stream closes */
        handler->on_message(call, call->method->context, message.size ? message.data : &NOTHING, message.size);
    }
}

void call_on_remote_close(struct rpc_call *call)
{
    call->remote_closed = true;
    call->progress_ms = call->session->table->now_ms;
    if (call->opened) half_close(call);
}

void rpc_call_pause(struct rpc_call *call)
{
    call->paused = true;
}

void rpc_call_resume(struct rpc_call *call)
{
    if (!call->paused) return;
    call->paused = false;
    if (call->delivering) return; /* from within on_message: the one who delivers goes on */
    call->progress_ms = call->session->table->now_ms;
    size_t used = consume(call, call->held.data, call->held.size);
    if (used > call->held.size) used = call->held.size;
    if (used) memmove(call->held.data, call->held.data + used, call->held.size - used);
    call->held.size -= used;
    recount(call);
    if (!call->paused && call->unconsumed) {
        size_t count = call->unconsumed;
        call->unconsumed = 0;
        give_window(call, count);
    }
    if (call->remote_closed) half_close(call);
}

void call_writable(struct rpc_call *call)
{
    if (!call->writable_due) return;
    call->writable_due = false;
    call->session->writable_due--;
    call->out_high = 0;
    if (!call->finished && call->method->handler->on_writable) call->method->handler->on_writable(call, call->method->context);
}

void call_gone(struct rpc_call *call, enum status why)
{
    if (!call->opened || call->finished) return;
    call->finished = true;
    slot_give(call);
    if (call->method->handler->on_gone) call->method->handler->on_gone(call, call->method->context, why);
}
