/* The connection's life on nghttp2: settings, flow control, flood budgets, pings, GOAWAY. It has no socket and no clock of its own. */
#include "session.h"

#include <stdlib.h>
#include <string.h>

/* Our pings say what they are for, so that one's answer is not taken for the other's. */
static const uint8_t PING_STOP[8] = "stopping", PING_ALIVE[8] = "alive?";

enum { STREAM_WINDOW = 256 * 1024, CONNECTION_WINDOW = 4 << 20, NOTICE_MS = 1000, STRAY_GRACE_MS = 500, RESET_COST = 2 };

/* ---- the table ---- */

static uint32_t path_hash(const char *path)
{
    uint64_t hash = 14695981039346656037u;
    for (; *path; path++) hash = (hash ^ (unsigned char)*path) * 1099511628211u;
    return (uint32_t)hash_u64(hash);
}

static void table_add(struct call_table *table, const struct rpc_method *method)
{
    ASSERT(method->handler->on_message || method->kind == RPC_CLIENT_STREAM || method->kind == RPC_BIDI_STREAM);
    table->methods[table->method_count++] = method;
    uint32_t slot = path_hash(method->path) % table->method_slot_count;
    while (table->method_slots[slot]) slot = (slot + 1) % table->method_slot_count;
    table->method_slots[slot] = (uint32_t)table->method_count;
}

void call_table_init(struct call_table *table, const struct rpc_limits *limits, const struct rpc_method *methods, size_t count,
                     struct descriptors *descriptors)
{
    enum { OUR_OWN = 4 };
    *table = (struct call_table){.limits = limits, .descriptors = descriptors, .serving = true, .next_deadline_ms = INT64_MAX};
    table->methods = mem_zalloc(count + OUR_OWN, sizeof *table->methods);
    table->method_slot_count = (uint32_t)(count + OUR_OWN) * 2 + 1;
    table->method_slots = mem_zalloc(table->method_slot_count, sizeof *table->method_slots);
    for (size_t i = 0; i < count; i++) table_add(table, &methods[i]);
    table_add(table, &HEALTH_CHECK);
    table_add(table, &HEALTH_WATCH);
    if (descriptors) {
        table_add(table, &REFLECTION_V1);
        table_add(table, &REFLECTION_V1ALPHA);
    }
    table->method_stats = mem_zalloc(table->method_count, sizeof *table->method_stats);
    for (size_t i = 0; i < table->method_count; i++) table->method_stats[i].path = table->methods[i]->path;
}

void call_table_deinit(struct call_table *table)
{
    call_spares_free(table);
    gzip_folder_deinit(&table->folder);
    descriptors_free(table->descriptors);
    free(table->methods);
    free(table->method_stats);
    free(table->method_slots);
    free(table->slots);
    free(table->free_slots);
}

int64_t call_table_find(const struct call_table *table, const char *path)
{
    uint32_t slot = path_hash(path) % table->method_slot_count;
    for (; table->method_slots[slot]; slot = (slot + 1) % table->method_slot_count) {
        const struct rpc_method *method = table->methods[table->method_slots[slot] - 1];
        if (strcmp(method->path, path) == 0) return table->method_slots[slot] - 1;
    }
    return -1;
}

/* ---- floods ---- */

void session_goaway(struct session *session, uint32_t error, const char *why)
{
    if (session->goaway_sent) return;
    session->goaway_sent = true;
    nghttp2_submit_goaway(session->h2, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session->h2), error, (const uint8_t *)why, strlen(why));
}

/* Frames that carry no call cost something; what we send earns it back. */
static bool spend(struct session *session, double cost)
{
    const struct rpc_limits *limits = session->table->limits;
    int64_t now_ms = session->table->now_ms;
    session->budget += (double)(now_ms - session->budget_ms) * limits->control_frames_per_s / 1000;
    session->budget_ms = now_ms;
    if (session->budget > limits->control_frames) session->budget = limits->control_frames;
    session->budget -= cost;
    if (session->budget >= 0) return true;
    session->table->stats.floods++;
    session_goaway(session, NGHTTP2_ENHANCE_YOUR_CALM, "frame_flood");
    session->dead = true;
    return false;
}

void session_charge(struct session *session, double cost)
{
    bool paid = !session->h2 || spend(session, cost);
    (void)paid; /* who cannot pay is dead, which its feeder sees */
}

static bool ping_allowed(struct session *session)
{
    const struct rpc_limits *limits = session->table->limits;
    int64_t now_ms = session->table->now_ms;
    bool early = session->last_ping_ms && now_ms - session->last_ping_ms < limits->ping_interval_ms;
    session->last_ping_ms = now_ms;
    if (!early || ++session->strikes <= limits->ping_strikes) return true;
    session->table->stats.floods++;
    session_goaway(session, NGHTTP2_ENHANCE_YOUR_CALM, "too_many_pings");
    session->dead = true;
    return false;
}

/* ---- nghttp2's callbacks ---- */

static int on_begin_headers(nghttp2_session *h2, const nghttp2_frame *frame, void *context)
{
    struct session *session = context;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    struct rpc_call *call = call_new(session, frame->hd.stream_id);
    nghttp2_session_set_stream_user_data(h2, frame->hd.stream_id, call);
    session->last_call_ms = session->table->now_ms;
    return 0;
}

static int on_header(nghttp2_session *h2, const nghttp2_frame *frame, const uint8_t *name, size_t name_size, const uint8_t *value, size_t value_size,
                     uint8_t flags, void *context)
{
    (void)flags;
    (void)context;
    struct rpc_call *call = nghttp2_session_get_stream_user_data(h2, frame->hd.stream_id);
    if (!call || call->phase != CALL_HEADERS) return 0;
    call->header_bytes += name_size + value_size + 32;
    if (call->header_bytes > call->session->table->limits->header_list_bytes) {
        /* the rest still has to be decoded to keep the peer's table in step, but nothing of it is kept */
        nghttp2_submit_rst_stream(h2, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_ENHANCE_YOUR_CALM);
        if (!spend(call->session, 100)) return NGHTTP2_ERR_CALLBACK_FAILURE;
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    call_on_header(call, (const char *)name, name_size, value, value_size);
    return 0;
}

/* DATA that brings something is work, not control. Nothing but padding is not; nor is a message crumbled into ever smaller pieces: its prefix and its
 * bytes may well come apart, and a piece may be small because of where a window ended. */
static double data_cost(const struct session *session, const nghttp2_frame *frame)
{
    enum { EMPTY_COST = 2, CRUMB_BYTES = 64, CRUMBS_FREE = 4 };
    size_t bytes = frame->hd.length - frame->data.padlen;
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) return 0;
    if (bytes == 0) return EMPTY_COST;
    struct rpc_call *call = nghttp2_session_get_stream_user_data(session->h2, frame->hd.stream_id);
    if (!call || bytes >= CRUMB_BYTES || !frame_reader_is_inside(&call->reader)) {
        if (call) call->crumbs = 0;
        return 0;
    }
    if (call->crumbs < CRUMBS_FREE) call->crumbs++;
    return call->crumbs < CRUMBS_FREE ? 0 : 1;
}

static bool control_frame_ok(struct session *session, const nghttp2_frame *frame)
{
    switch (frame->hd.type) {
    case NGHTTP2_PING: return (frame->hd.flags & NGHTTP2_FLAG_ACK) || (spend(session, 1) && ping_allowed(session));
    case NGHTTP2_SETTINGS: return (frame->hd.flags & NGHTTP2_FLAG_ACK) || spend(session, 10);
    case NGHTTP2_RST_STREAM: return spend(session, RESET_COST);
    case NGHTTP2_PRIORITY: return spend(session, 1);
    case NGHTTP2_WINDOW_UPDATE: return spend(session, 1);
    case NGHTTP2_DATA: return spend(session, data_cost(session, frame));
    default: return true;
    }
}

static int on_frame_recv(nghttp2_session *h2, const nghttp2_frame *frame, void *context)
{
    struct session *session = context;
    if (frame->hd.type == NGHTTP2_SETTINGS) session->preface_seen = true;
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) && session->notice_ms &&
        memcmp(frame->ping.opaque_data, PING_STOP, sizeof PING_STOP) == 0) session_goaway(session, NGHTTP2_NO_ERROR, "stopping");
    if (!control_frame_ok(session, frame)) return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    struct rpc_call *call = nghttp2_session_get_stream_user_data(h2, frame->hd.stream_id);
    if (!call) return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && call->phase == CALL_HEADERS) call_on_headers(call);
    /* a handler may have finished the call meanwhile: look again */
    call = nghttp2_session_get_stream_user_data(h2, frame->hd.stream_id);
    if (call && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) call_on_remote_close(call);
    return 0;
}

static int on_data_chunk(nghttp2_session *h2, uint8_t flags, int32_t stream, const uint8_t *bytes, size_t count, void *context)
{
    (void)flags;
    (void)context;
    nghttp2_session_consume_connection(h2, count); /* one paused call does not stop its neighbours */
    struct rpc_call *call = nghttp2_session_get_stream_user_data(h2, stream);
    if (call) call_on_data(call, bytes, count);
    else nghttp2_session_consume_stream(h2, stream, count);
    return 0;
}

/* A stream that was left out when a later one was opened is closed for ever (RFC 9113, 5.1.1); nghttp2 would only ignore its headers. False: it is one
 * of those. One gap is remembered: honest clients leave none. */
static bool stream_is_in_order(struct session *session, int32_t stream)
{
    if (stream > session->stream_last) {
        if (stream > session->stream_last + 2) {
            session->gap_first = session->stream_last + 1;
            session->gap_last = stream - 1;
        }
        session->stream_last = stream;
        return true;
    }
    return stream < session->gap_first || stream > session->gap_last;
}

/* Frames of types we don't know are legal and ignored, but not for nothing. */
static int on_begin_frame(nghttp2_session *h2, const nghttp2_frame_hd *head, void *context)
{
    (void)h2;
    struct session *session = context;
    if (head->type == NGHTTP2_HEADERS && head->stream_id % 2 && !stream_is_in_order(session, head->stream_id)) {
        session_goaway(session, NGHTTP2_PROTOCOL_ERROR, "stream_order");
        session->dead = true;
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    return head->type <= NGHTTP2_CONTINUATION || spend(session, 1) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_extension_chunk(nghttp2_session *h2, const nghttp2_frame_hd *head, const uint8_t *bytes, size_t count, void *context)
{
    (void)h2;
    (void)head;
    (void)bytes;
    (void)count;
    (void)context;
    return 0;
}

static int unpack_extension(nghttp2_session *h2, void **payload, const nghttp2_frame_hd *head, void *context)
{
    (void)h2;
    (void)payload;
    (void)head;
    (void)context;
    return NGHTTP2_ERR_CANCEL; /* counted, then dropped */
}

static int on_frame_send(nghttp2_session *h2, const nghttp2_frame *frame, void *context)
{
    struct session *session = context;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    session->strikes = 0;
    session->last_ping_ms = 0;
    session->budget += 1 + (double)frame->hd.length / 1024;
    if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
    /* answered before the request was whole: without a reset the stream would go on counting against the peer's limit */
    if (nghttp2_session_get_stream_remote_close(h2, frame->hd.stream_id) == 0)
        nghttp2_submit_rst_stream(h2, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
    return 0;
}

static int on_stream_close(nghttp2_session *h2, int32_t stream, uint32_t error, void *context)
{
    (void)error;
    (void)context;
    struct rpc_call *call = nghttp2_session_get_stream_user_data(h2, stream);
    if (!call) return 0;
    nghttp2_session_set_stream_user_data(h2, stream, NULL);
    call_gone(call, STATUS_CANCELLED);
    call_free(call);
    return 0;
}

/* ---- life ---- */

static nghttp2_session *h2_new(struct session *session)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    nghttp2_session *h2;
    int rc = nghttp2_session_callbacks_new(&callbacks);
    ASSERT(rc == 0);
    rc = nghttp2_option_new(&option);
    ASSERT(rc == 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_on_extension_chunk_recv_callback(callbacks, on_extension_chunk);
    nghttp2_session_callbacks_set_unpack_extension_callback(callbacks, unpack_extension);
    for (unsigned type = NGHTTP2_PRIORITY_UPDATE + 1; type <= UINT8_MAX; type++) nghttp2_option_set_user_recv_extension_type(option, (uint8_t)type);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_max_outbound_ack(option, 1000);
    /* nghttp2 ends the connection, calls in flight and all, at 33 resets a second for long, whatever work goes on beside them: a busy client with tight
     * deadlines has more. Resets are paid out of the frame budget, which answers refill. */
    nghttp2_option_set_stream_reset_rate_limit(option, UINT32_MAX, UINT32_MAX);
    rc = nghttp2_session_server_new2(&h2, callbacks, session, option);
    ASSERT(rc == 0);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return h2;
}

void session_init(struct session *session, struct call_table *table, const char *peer, void (*on_output)(void *context), void *context)
{
    *session = (struct session){.table = table, .on_output = on_output, .context = context};
    session->began_ms = session->last_call_ms = session->budget_ms = session->heard_ms = table->now_ms;
    session->budget = table->limits->control_frames;
    text_copy(session->peer, sizeof session->peer, peer);
    session->h2 = h2_new(session);
    stray_init(&session->stray);
    nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, table->limits->streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, table->limits->header_list_bytes},
    };
    int rc = nghttp2_submit_settings(session->h2, NGHTTP2_FLAG_NONE, settings, COUNT_OF(settings));
    ASSERT(rc == 0);
    rc = nghttp2_session_set_local_window_size(session->h2, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW);
    ASSERT(rc == 0);
}

void session_deinit(struct session *session)
{
    while (session->calls) {
        struct rpc_call *call = session->calls;
        call_gone(call, STATUS_CANCELLED);
        call_free(call);
    }
    nghttp2_session_del(session->h2);
    session->h2 = NULL;
}

static bool on_bytes(void *context, const uint8_t *bytes, size_t count)
{
    struct session *session = context;
    ssize_t took = nghttp2_session_mem_recv(session->h2, bytes, count);
    if (took < 0 && !session->goaway_sent) session_goaway(session, NGHTTP2_PROTOCOL_ERROR, nghttp2_strerror((int)took));
    return took >= 0 && !session->dead;
}

static bool is_stray(void *context, uint32_t stream)
{
    struct session *session = context;
    if (stream % 2 == 0 || stream <= (uint32_t)session->stream_last) return false;
    if (session->stream_last == 0 && session->stray_ms == 0) session->stray_ms = session->table->now_ms;
    return spend(session, RESET_COST);
}

bool session_feed(struct session *session, const uint8_t *bytes, size_t count)
{
    const struct stray_target target = {on_bytes, is_stray, session};
    session->heard_ms = session->table->now_ms;
    session->asked_ms = 0;
    return stray_feed(&session->stray, bytes, count, &target) && !session->dead;
}

bool session_drain(struct session *session, struct buffer *out)
{
    while (out->size < DRAIN_BYTES) {
        const uint8_t *bytes;
        ssize_t count = nghttp2_session_mem_send(session->h2, &bytes);
        if (count < 0) return false;
        if (count == 0) break;
        buffer_append(out, bytes, (size_t)count);
    }
    for (struct rpc_call *call = session->calls; call && session->writable_due; call = call->next) call_writable(call);
    return true;
}

bool session_has_output(const struct session *session)
{
    return session_is_over(session) || nghttp2_session_want_write(session->h2);
}

bool session_is_over(const struct session *session)
{
    return session->dead || (!nghttp2_session_want_read(session->h2) && !nghttp2_session_want_write(session->h2));
}

void session_shutdown(struct session *session)
{
    if (session->goaway_sent || session->notice_ms) return;
    session->notice_ms = session->table->now_ms;
    nghttp2_submit_shutdown_notice(session->h2);
    nghttp2_submit_ping(session->h2, NGHTTP2_FLAG_NONE, PING_STOP);
}

/* A call whose headers are still coming is not answered: its stream has only the body timer. */
void session_expire(struct session *session, int64_t now_ms)
{
    for (struct rpc_call *call = session->calls; call; call = call->next) {
        if (call_is_over(call) || call->deadline_ms == 0) continue;
        if (call->phase == CALL_HEADERS || now_ms < call->deadline_ms) {
            if (call->deadline_ms < session->table->next_deadline_ms) session->table->next_deadline_ms = call->deadline_ms;
            continue;
        }
        struct error err;
        error_set(&err, STATUS_DEADLINE_EXCEEDED, "the call's deadline has passed");
        call_fail(call, &err);
    }
}

void session_cut(struct session *session)
{
    session->dead = true;
    for (struct rpc_call *call = session->calls; call; call = call->next) call_gone(call, STATUS_CANCELLED);
    session->on_output(session->context);
}

/* An exchange has but one stream: the call is cancelled, and its owner sees that it is over. */
static void reset(struct rpc_call *call)
{
    struct session *session = call->session;
    if (session->h2) {
        nghttp2_submit_rst_stream(session->h2, NGHTTP2_FLAG_NONE, call->stream, NGHTTP2_CANCEL);
        return;
    }
    session_cut(session);
}

void session_tick_calls(struct session *session, int64_t now_ms)
{
    const struct rpc_limits *limits = session->table->limits;
    for (struct rpc_call *call = session->calls, *next; call; call = next) {
        next = call->next;
        bool stuck_body = !call->remote_closed && !call->paused && (!call->method || frame_reader_is_inside(&call->reader) ||
                          (call->method && (call->method->kind == RPC_UNARY || call->method->kind == RPC_SERVER_STREAM)));
        bool stuck_answer = call->out.size > call->out_at;
        if (now_ms - call->progress_ms < (int64_t)(stuck_answer ? limits->write_stall_ms : limits->body_ms)) continue;
        if (!stuck_body && !stuck_answer) continue;
        reset(call);
        call->progress_ms = now_ms;
    }
}

/* A peer that has vanished without a word (a phone out of reach) is asked whether it is there. False: it is not. */
static bool is_alive(struct session *session, int64_t now_ms)
{
    const struct rpc_limits *limits = session->table->limits;
    if (session->asked_ms) return now_ms - session->asked_ms <= limits->keepalive_timeout_ms;
    if (now_ms - session->heard_ms < limits->keepalive_ms) return true;
    session->asked_ms = now_ms;
    nghttp2_submit_ping(session->h2, NGHTTP2_FLAG_NONE, PING_ALIVE);
    return true;
}

bool session_tick(struct session *session, int64_t now_ms)
{
    const struct rpc_limits *limits = session->table->limits;
    if (!session->preface_seen && now_ms - session->began_ms > limits->preface_ms) return false;
    if (session->notice_ms && now_ms - session->notice_ms >= NOTICE_MS) session_goaway(session, NGHTTP2_NO_ERROR, "stopping");
    if (session->call_count == 0 && now_ms - session->last_call_ms > limits->idle_ms) session_goaway(session, NGHTTP2_NO_ERROR, "idle");
    /* who resets a stream and opens none is no client in a hurry, and hears what RFC 9113 (5.1) says of it */
    if (session->stray_ms && session->stream_last == 0 && now_ms - session->stray_ms >= STRAY_GRACE_MS) session_goaway(session, NGHTTP2_PROTOCOL_ERROR, "reset_of_idle_stream");
    session_tick_calls(session, now_ms);
    return !session->dead && is_alive(session, now_ms);
}
