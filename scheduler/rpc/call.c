/* A call: its headers, its messages in order, its answer. Which callback comes when is decided here alone. */
#include "codec.h"
#include "session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CALLS_ARE_WATCHED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define CALLS_ARE_WATCHED
#endif
#ifdef CALLS_ARE_WATCHED
enum { SPARES_MAX = 0 }; /* so that the sanitizer sees each use of a call after its end */
#else
enum { SPARES_MAX = 512 }; /* about 2 MB; what a busy server has open at once */
#endif
enum { SPARE_BYTES_MAX = 1024 }; /* larger buffers are not kept */
enum { BOMB_COST = 200 }; /* in control frames, for unfolding megabytes out of a few kilobytes in vain */

/* ---- the life of a call ---- */

static const uint32_t CALL_NEXT[] = {
    [CALL_HEADERS] = BIT(CALL_OPEN) | BIT(CALL_PLAIN) | BIT(CALL_ENDING), /* at once ending: refused by its headers */
    [CALL_OPEN] = BIT(CALL_HALF_CLOSED) | BIT(CALL_ENDING) | BIT(CALL_GONE),
    [CALL_HALF_CLOSED] = BIT(CALL_ENDING) | BIT(CALL_GONE),
    [CALL_PLAIN] = BIT(CALL_ENDING),
    [CALL_ENDING] = 0,
    [CALL_GONE] = 0,
};
static_assert(COUNT_OF(CALL_NEXT) == CALL_PHASE_COUNT, "a row for each phase");

void call_move(struct rpc_call *call, enum call_phase to)
{
    ASSERT(CALL_NEXT[call->phase] & BIT(to));
    call->phase = to;
}

/* ---- memory: every byte that a peer can make us hold is counted, for its connection and for the server ---- */

void call_recount(struct rpc_call *call)
{
    size_t now = sizeof *call + call->header_bytes + call->reader.bytes.size + call->held.size + call->out.size;
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

bool call_has_room(const struct rpc_call *call, size_t more)
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

void call_slot_give(struct rpc_call *call)
{
    struct call_table *table = call->session->table;
    if (table->slots[call->slot].call != call) return;
    table->slots[call->slot].call = NULL;
    if (++table->slots[call->slot].generation == 0) table->slots[call->slot].generation = 1;
    table->free_slots[table->free_count++] = call->slot;
}

static void drop(struct rpc_call *call)
{
    metadata_deinit(&call->metadata);
    frame_reader_deinit(&call->reader);
    buffer_deinit(&call->out);
    free(call);
}

void call_spares_free(struct call_table *table)
{
    while (table->spares) {
        struct rpc_call *call = table->spares;
        table->spares = call->next;
        drop(call);
    }
    table->spare_count = 0;
}

/* A zeroed call, with what memory it may have from an earlier life. */
static struct rpc_call *take(struct call_table *table)
{
    struct rpc_call *call = table->spares;
    if (!call) return mem_zalloc(1, sizeof *call);
    table->spares = call->next;
    table->spare_count--;
    struct metadata metadata = {.bytes = call->metadata.bytes, .capacity = call->metadata.capacity};
    struct buffer bytes = {.data = call->reader.bytes.data, .capacity = call->reader.bytes.capacity};
    struct buffer out = {.data = call->out.data, .capacity = call->out.capacity};
    memset(call, 0, sizeof *call);
    call->metadata = metadata;
    call->reader.bytes = bytes;
    call->out = out;
    return call;
}

static void give(struct call_table *table, struct rpc_call *call)
{
    if (table->spare_count + 1 > SPARES_MAX || call->metadata.capacity > SPARE_BYTES_MAX || call->reader.bytes.capacity > SPARE_BYTES_MAX ||
        call->out.capacity > SPARE_BYTES_MAX) {
        drop(call);
        return;
    }
    call->next = table->spares;
    table->spares = call;
    table->spare_count++;
}

struct rpc_call *call_new(struct session *session, int32_t stream)
{
    struct rpc_call *call = take(session->table);
    call->session = session;
    call->stream = stream;
    call->progress_ms = session->table->now_ms;
    call->next = session->calls;
    if (session->calls) session->calls->previous = call;
    session->calls = call;
    session->call_count++;
    session->table->stats.calls++;
    call->out.cap = session->table->limits->call_queue_bytes;
    slot_take(call);
    call_recount(call);
    return call;
}

void call_free(struct rpc_call *call)
{
    struct session *session = call->session;
    health_forget(call);
    call_slot_give(call);
    if (call->previous) call->previous->next = call->next;
    else session->calls = call->next;
    if (call->next) call->next->previous = call->previous;
    session->call_count--;
    session->table->stats.calls--;
    session->last_call_ms = session->table->now_ms;
    if (call->writable_due) session->writable_due--;
    uncount(call);
    metadata_deinit(&call->headers);
    metadata_deinit(&call->trailers);
    buffer_deinit(&call->held);
    free(call->finish_error);
    give(session->table, call);
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

const char *rpc_call_identity(const struct rpc_call *call)
{
    return call->session->identity;
}

int64_t rpc_call_deadline_ms(const struct rpc_call *call)
{
    if (call->deadline_ms == 0) return -1;
    int64_t left = call->deadline_ms - clock_boot_us() / 1000;
    return left > 0 ? left : 0;
}

const char *rpc_call_metadata(const struct rpc_call *call, const char *name, size_t *size)
{
    return (const char *)metadata_find(&call->metadata, name, size);
}

/* ---- metadata ---- */

static void keep_text(char *out, size_t capacity, const uint8_t *value, size_t size)
{
    size_t take = size < capacity ? size : capacity - 1;
    memcpy(out, value, take);
    out[take] = 0;
}

/* One value of -bin metadata may be several, joined by commas: each is kept as a value of its own, within the header list's budget for all of them. */
static void keep_binary(struct rpc_call *call, const char *name, size_t name_size, const char *value, size_t size)
{
    while (call->metadata.size <= call->session->table->limits->header_list_bytes) {
        const char *comma = memchr(value, ',', size);
        size_t piece = comma ? (size_t)(comma - value) : size;
        uint8_t *bytes = mem_alloc(piece + 1);
        int64_t decoded = codec_base64_decode(value, piece, bytes, piece + 1);
        if (decoded >= 0) metadata_add(&call->metadata, name, name_size, bytes, (size_t)decoded);
        free(bytes);
        if (!comma) return;
        value += piece + 1;
        size -= piece + 1;
    }
}

static void call_set_deadline(struct rpc_call *call, int64_t deadline_ms)
{
    struct call_table *table = call->session->table;
    call->deadline_ms = deadline_ms;
    if (deadline_ms < table->next_deadline_ms) table->next_deadline_ms = deadline_ms;
}

/* grpc-accept-encoding: names joined by commas. */
static bool names_gzip(const char *value, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t end = at;
        while (end < size && value[end] != ',') end++;
        while (at < end && value[at] == ' ') at++;
        size_t last = end;
        while (last > at && value[last - 1] == ' ') last--;
        if (last - at == 4 && memcmp(value + at, "gzip", 4) == 0) return true;
        at = end + 1;
    }
    return false;
}

void call_on_header(struct rpc_call *call, const char *name, size_t name_size, const uint8_t *value, size_t value_size)
{
#define IS(text) (name_size == sizeof(text) - 1 && memcmp(name, text, name_size) == 0)
    if (IS(":path")) keep_text(call->path, sizeof call->path, value, value_size);
    else if (IS(":method")) keep_text(call->verb, sizeof call->verb, value, value_size);
    else if (IS("content-type")) keep_text(call->content_type, sizeof call->content_type, value, value_size);
    else if (IS("grpc-encoding")) keep_text(call->encoding, sizeof call->encoding, value, value_size);
    else if (IS("grpc-accept-encoding")) call->takes_gzip = call->takes_gzip || names_gzip((const char *)value, value_size);
    else if (IS("grpc-timeout")) {
        int64_t ms;
        if (codec_timeout((const char *)value, value_size, &ms)) call_set_deadline(call, call->session->table->now_ms + (ms ? ms : 1));
        else call->header_bad_timeout = true;
    } else if (name[0] != ':') {
        if (metadata_is_binary(name, name_size)) keep_binary(call, name, name_size, (const char *)value, value_size);
        else metadata_add(&call->metadata, name, name_size, value, value_size);
    }
#undef IS
}

/* ---- receiving ---- */

void call_fail(struct rpc_call *call, const struct error *err)
{
    if (call_is_open(call) && call->method->handler->on_gone) call->method->handler->on_gone(call, call->method->context, err->status);
    if (!call_is_over(call)) rpc_finish(call, err);
}

static void refuse(struct rpc_call *call, enum status status, const char *text)
{
    struct error err;
    error_set(&err, status, "%s", text);
    call_fail(call, &err);
}

/* "application/grpc" and "application/grpc-web", alone or with +proto, +json, or parameters: the messages' encoding is the handler's matter. */
static bool is_type(const char *type, const char *name)
{
    size_t size = strlen(name);
    return strncmp(type, name, size) == 0 && (type[size] == 0 || type[size] == '+' || type[size] == ';');
}

/* Not 0: what came is no gRPC call, and is answered so when its body (which nobody reads) has ended. */
static int http_status(const struct rpc_call *call)
{
    if (strcmp(call->path, "/healthz") == 0 && strcmp(call->verb, "GET") == 0) return call->session->table->serving ? 200 : 503;
    if (strcmp(call->verb, "POST") != 0) return 405;
    return call->web || is_type(call->content_type, "application/grpc") ? 0 : 415;
}

void call_on_headers(struct rpc_call *call)
{
    struct call_table *table = call->session->table;
    table->stats.calls_total++;
    call->web = is_type(call->content_type, "application/grpc-web");
    call->http_status = http_status(call);
    if (call->http_status) {
        call_move(call, CALL_PLAIN);
        return;
    }
    int64_t number = call_table_find(table, call->path);
    const struct rpc_method *method = number < 0 ? NULL : table->methods[number];
    if (!method) refuse(call, STATUS_UNIMPLEMENTED, "no such service or method");
    else if (call->header_bad_timeout) refuse(call, STATUS_INTERNAL, "grpc-timeout must be 1 to 8 digits and a unit of H M S m u n");
    else if (call->encoding[0] && strcmp(call->encoding, "identity") != 0 && strcmp(call->encoding, "gzip") != 0)
        refuse(call, STATUS_UNIMPLEMENTED, "grpc-encoding: identity and gzip are known");
    else if (table->stopping && method->kind != RPC_UNARY) refuse(call, STATUS_UNAVAILABLE, "the server is stopping; connect to another, or again in a moment");
    else if (call->deadline_ms && table->now_ms >= call->deadline_ms) refuse(call, STATUS_DEADLINE_EXCEEDED, "the call's deadline has passed");
    else if (!call_has_room(call, 0)) refuse(call, STATUS_RESOURCE_EXHAUSTED, "too much is in flight; call again in a moment");
    else {
        call->method = method;
        call->stats = &table->method_stats[number];
        call->stats->open++;
        call->began_us = clock_boot_us();
        call_move(call, CALL_OPEN);
        frame_reader_renew(&call->reader, method->request_bytes_max, strcmp(call->encoding, "gzip") == 0);
        buffer_init(&call->held, (size_t)1 << 22);
        if (method->handler->on_open) method->handler->on_open(call, method->context);
    }
}

static bool is_one_message(const struct rpc_call *call)
{
    return call->method->kind == RPC_UNARY || call->method->kind == RPC_SERVER_STREAM;
}

static void consume_stream(struct rpc_call *call, size_t count)
{
    if (call->session->h2) nghttp2_session_consume_stream(call->session->h2, call->stream, count);
}

static void give_window(struct rpc_call *call, size_t count)
{
    consume_stream(call, count);
    call->session->on_output(call->session->context);
}

/* A message of a stream is the handler's at once. Unary calls keep theirs in the reader until the peer has half-closed, because a second one would
 * make the call wrong. */
static void deliver(struct rpc_call *call, const uint8_t *message, size_t size)
{
    call->messages_in++;
    call->session->table->stats.messages_in++;
    if (is_one_message(call)) {
        call->message = message;
        call->message_size = size;
        return;
    }
    if (call->method->handler->on_message) call->method->handler->on_message(call, call->method->context, message, size);
    frame_reader_next(&call->reader);
}

/* Reads messages out of `bytes` until they end, the handler pauses, or the call finishes. Returns how many bytes were used. */
static size_t consume(struct rpc_call *call, const uint8_t *bytes, size_t count)
{
    size_t at = 0;
    call->delivering = true;
    while (at < count && !call_is_over(call) && !call->paused) {
        const uint8_t *message;
        size_t used, size;
        struct error err;
        if (call->message) {
            refuse(call, STATUS_UNIMPLEMENTED, "this method takes exactly one message");
            break;
        }
        enum status rc = frame_reader_feed(&call->reader, bytes + at, count - at, &used, &message, &size, &err);
        at += used;
        if (rc != STATUS_OK) {
            if (call->reader.was_folded) session_charge(call->session, BOMB_COST);
            call_fail(call, &err);
            break;
        }
        if (message) deliver(call, message, size);
        call_recount(call);
        if (!call_is_over(call) && !call_has_room(call, 0)) refuse(call, STATUS_RESOURCE_EXHAUSTED, "too many large requests at once on this connection");
    }
    call->delivering = false;
    return call_is_over(call) ? count : at;
}

static void hold(struct rpc_call *call, const uint8_t *bytes, size_t count)
{
    buffer_append(&call->held, bytes, count);
    call_recount(call);
    if (call->held.full) refuse(call, STATUS_RESOURCE_EXHAUSTED, "the peer sends past the window it was given");
}

void call_on_data(struct rpc_call *call, const uint8_t *bytes, size_t count)
{
    call->progress_ms = call->session->table->now_ms;
    if (!call_is_open(call)) {
        consume_stream(call, count);
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
    else consume_stream(call, count);
}

static void half_close(struct rpc_call *call)
{
    if (call->phase != CALL_OPEN || call->paused || call->held.size) return;
    call_move(call, CALL_HALF_CLOSED);
    const struct rpc_handler *handler = call->method->handler;
    if (call->message) {
        handler->on_message(call, call->method->context, call->message, call->message_size); /* it may finish the call, and the memory stays until the stream closes */
    } else if (frame_reader_is_inside(&call->reader)) {
        refuse(call, STATUS_INTERNAL, "the request ends inside a message");
    } else if (is_one_message(call)) {
        refuse(call, STATUS_UNIMPLEMENTED, "this method takes exactly one message");
    } else if (handler->on_half_close) {
        handler->on_half_close(call, call->method->context);
    }
}

bool rpc_call_was_compressed(const struct rpc_call *call)
{
    return call->reader.was_folded;
}

void call_on_remote_close(struct rpc_call *call)
{
    call->remote_closed = true;
    call->progress_ms = call->session->table->now_ms;
    if (call->phase == CALL_PLAIN) call_http(call);
    else half_close(call);
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
    call_recount(call);
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
    if (call_is_open(call) && call->method->handler->on_writable) call->method->handler->on_writable(call, call->method->context);
}

/* half a millisecond: an answer from memory; ten milliseconds: one commit; ten seconds: the longest that anybody waits */
const uint32_t RPC_LATENCY_BOUNDS_US[RPC_LATENCY_BUCKETS] = {500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};

void call_count_end(struct rpc_call *call, enum status how)
{
    struct rpc_method_stats *stats = call->stats;
    if (!stats) return;
    call->stats = NULL;
    stats->open--;
    stats->ended[(size_t)how < RPC_STATUS_COUNT ? how : STATUS_UNKNOWN]++;
    if (call->method->kind != RPC_UNARY && call->method->kind != RPC_CLIENT_STREAM) return;
    int64_t took_us = clock_boot_us() - call->began_us;
    size_t bucket = 0;
    while (bucket < RPC_LATENCY_BUCKETS && took_us > RPC_LATENCY_BOUNDS_US[bucket]) bucket++;
    stats->latency[bucket]++;
    stats->latency_sum_us += (uint64_t)took_us;
}

void call_gone(struct rpc_call *call, enum status why)
{
    if (!call_is_open(call)) return;
    call_move(call, CALL_GONE);
    call_count_end(call, why);
    call_slot_give(call);
    if (call->method->handler->on_gone) call->method->handler->on_gone(call, call->method->context, why);
}
