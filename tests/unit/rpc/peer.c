/* The client in memory: see peer.h. */
#include "peer.h"

#include <stdlib.h>
#include <string.h>

static struct reply *reply_of(struct peer *peer, int32_t stream)
{
    for (uint32_t i = 0; i < peer->reply_count; i++)
        if (peer->replies[i].stream == stream) return &peer->replies[i];
    return NULL;
}

static void keep(char *out, size_t capacity, const uint8_t *value, size_t size)
{
    ASSERT(size < capacity);
    if (size) memcpy(out, value, size);
    out[size] = 0;
}

static int on_header(nghttp2_session *h2, const nghttp2_frame *frame, const uint8_t *name, size_t name_size, const uint8_t *value, size_t size, uint8_t flags,
                     void *context)
{
    (void)h2;
    (void)flags;
    struct reply *reply = reply_of(context, frame->hd.stream_id);
    char text[PEER_MESSAGE_MAX], key[128];
    if (!reply) return 0;
    keep(key, sizeof key, name, name_size);
    keep(text, sizeof text, value, size);
    if (strcmp(key, ":status") == 0) reply->http = (int)strtol(text, NULL, 10);
    else if (strcmp(key, "grpc-status") == 0) reply->grpc = (int)strtol(text, NULL, 10);
    else if (strcmp(key, "grpc-message") == 0) memcpy(reply->message, text, sizeof text);
    else if (strcmp(key, "grpc-status-details-bin") == 0) memcpy(reply->details, text, sizeof text);
    else if (strcmp(key, "grpc-accept-encoding") == 0) text_copy(reply->accepts, sizeof reply->accepts, text);
    else if (strcmp(key, "content-type") == 0) text_copy(reply->type, sizeof reply->type, text);
    else if (strcmp(key, "grpc-encoding") == 0) text_copy(reply->encoding, sizeof reply->encoding, text);
    else if (strcmp(key, "x-echo") == 0) text_copy(reply->echo, sizeof reply->echo, text);
    else if (strcmp(key, "x-echo-bin") == 0) text_copy(reply->echo_binary, sizeof reply->echo_binary, text);
    return 0;
}

static int on_data(nghttp2_session *h2, uint8_t flags, int32_t stream, const uint8_t *bytes, size_t count, void *context)
{
    (void)flags;
    struct peer *peer = context;
    struct reply *reply = reply_of(peer, stream);
    if (reply) buffer_append(&reply->body, bytes, count);
    if (!peer->slow || !reply) {
        nghttp2_session_consume(h2, stream, count);
        if (reply) reply->taken += count;
    }
    return 0;
}

static int on_frame(nghttp2_session *h2, const nghttp2_frame *frame, void *context)
{
    (void)h2;
    struct peer *peer = context;
    struct reply *reply = reply_of(peer, frame->hd.stream_id);
    if (frame->hd.type == NGHTTP2_HEADERS && reply) reply->header_blocks++;
    if (frame->hd.type == NGHTTP2_PING && !(frame->hd.flags & NGHTTP2_FLAG_ACK)) peer->pings++;
    if (frame->hd.type == NGHTTP2_RST_STREAM && reply) reply->error = frame->rst_stream.error_code;
    return 0;
}

static int on_close(nghttp2_session *h2, int32_t stream, uint32_t error, void *context)
{
    (void)h2;
    (void)error;
    struct reply *reply = reply_of(context, stream);
    if (reply) reply->closed = true;
    return 0;
}

static void on_output(void *context)
{
    (void)context; /* the test pumps */
}

void peer_begin(struct peer *peer, struct rpc_limits limits, const struct rpc_method *methods, size_t count)
{
    struct descriptors *descriptors = peer->descriptors;
    memset(peer, 0, sizeof *peer);
    peer->limits = limits;
    limits_fill(&peer->limits);
    call_table_init(&peer->table, &peer->limits, methods, count, descriptors);
    peer->table.now_ms = 1000000;
    session_init(&peer->session, &peer->table, "test", on_output, peer);
    peer->alive = true;
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    int rc = nghttp2_session_callbacks_new(&callbacks);
    ASSERT(rc == 0);
    rc = nghttp2_option_new(&option);
    ASSERT(rc == 0);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_option_set_no_auto_window_update(option, 1);
    rc = nghttp2_session_client_new2(&peer->client, callbacks, peer, option);
    ASSERT(rc == 0);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    rc = nghttp2_submit_settings(peer->client, NGHTTP2_FLAG_NONE, NULL, 0);
    ASSERT(rc == 0);
}

void peer_end(struct peer *peer)
{
    session_deinit(&peer->session);
    ASSERT(peer->session.memory == 0 && peer->table.memory == 0 && peer->table.stats.calls == 0);
    call_table_deinit(&peer->table);
    nghttp2_session_del(peer->client);
    for (uint32_t i = 0; i < peer->reply_count; i++) {
        buffer_deinit(&peer->replies[i].body);
        buffer_deinit(&peer->replies[i].upload);
    }
}

static uint32_t big_endian(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* GOAWAYs are read from the bytes: a client that has been made to say nonsense no longer understands its server. */
static void note_goaways(struct peer *peer, const struct buffer *out)
{
    size_t at = 0;
    while (at < out->size) {
        const uint8_t *frame = out->data + at;
        size_t size = big_endian(frame) >> 8;
        at += 9 + size;
        ASSERT(at <= out->size); /* what is drained is whole frames */
        if (frame[3] != NGHTTP2_GOAWAY) continue;
        peer->goaways++;
        peer->goaway_last = (int32_t)big_endian(frame + 9);
        peer->goaway_error = big_endian(frame + 13);
        keep(peer->goaway_why, sizeof peer->goaway_why, frame + 17, size - 8);
    }
}

static size_t answer(struct peer *peer)
{
    struct buffer out;
    buffer_init(&out, 16 << 20);
    bool alive = session_drain(&peer->session, &out);
    if (!alive) peer->alive = false;
    size_t size = out.size;
    ASSERT(!out.full);
    note_goaways(peer, &out);
    ssize_t took = nghttp2_session_mem_recv(peer->client, out.data, size);
    ASSERT(took == (ssize_t)size);
    buffer_deinit(&out);
    return size;
}

void peer_bytes(struct peer *peer, struct buffer *out)
{
    const uint8_t *bytes;
    ssize_t count;
    while ((count = nghttp2_session_mem_send(peer->client, &bytes)) > 0) buffer_append(out, bytes, (size_t)count);
    ASSERT(count == 0 && !out->full);
}

void peer_pump(struct peer *peer)
{
    for (size_t moved = 1; moved;) {
        struct buffer out;
        buffer_init(&out, 64 << 20);
        peer_bytes(peer, &out);
        if (peer->alive && out.size) peer->alive = session_feed(&peer->session, out.data, out.size);
        moved = out.size;
        buffer_deinit(&out);
        moved += answer(peer);
    }
}

void peer_raw(struct peer *peer, const void *bytes, size_t size)
{
    if (peer->alive) peer->alive = session_feed(&peer->session, bytes, size);
    answer(peer);
}

static ssize_t read_upload(nghttp2_session *h2, int32_t stream, uint8_t *to, size_t most, uint32_t *flags, nghttp2_data_source *source, void *context)
{
    (void)h2;
    (void)stream;
    (void)context;
    struct reply *reply = source->ptr;
    size_t left = reply->upload.size - reply->uploaded, take = left < most ? left : most;
    if (take) memcpy(to, reply->upload.data + reply->uploaded, take);
    reply->uploaded += take;
    if (reply->uploaded == reply->upload.size && reply->upload_ends) *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (take == 0) {
        reply->upload_waits = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    return (ssize_t)take;
}

struct reply *peer_open(struct peer *peer, const char *path, const char *const *extra)
{
    return peer_open_typed(peer, path, "application/grpc", extra);
}

struct reply *peer_open_typed(struct peer *peer, const char *path, const char *content_type, const char *const *extra)
{
    nghttp2_nv all[32];
    size_t count = 0;
    const char *const fixed[] = {":method", "POST", ":scheme", "http", ":path", path, ":authority", "test", "content-type", content_type, NULL};
    for (int part = 0; part < 2; part++)
        for (const char *const *at = part ? extra : fixed; at && *at; at += 2) {
            ASSERT(count < COUNT_OF(all));
            all[count++] = (nghttp2_nv){(uint8_t *)(uintptr_t)at[0], (uint8_t *)(uintptr_t)at[1], strlen(at[0]), strlen(at[1]), NGHTTP2_NV_FLAG_NONE};
        }
    ASSERT(peer->reply_count < PEER_REPLIES_MAX);
    struct reply *reply = &peer->replies[peer->reply_count++];
    *reply = (struct reply){.http = -1, .grpc = -1};
    buffer_init(&reply->body, 64 << 20);
    buffer_init(&reply->upload, 64 << 20);
    nghttp2_data_provider provider = {.source = {.ptr = reply}, .read_callback = read_upload};
    reply->stream = nghttp2_submit_request(peer->client, NULL, all, count, &provider, reply);
    ASSERT(reply->stream > 0);
    return reply;
}

void peer_send(struct peer *peer, struct reply *reply, const void *bytes, size_t size, bool ends)
{
    buffer_append(&reply->upload, bytes, size);
    reply->upload_ends = ends;
    if (!reply->upload_waits) return;
    reply->upload_waits = false;
    nghttp2_session_resume_data(peer->client, reply->stream);
}

void peer_message(struct peer *peer, struct reply *reply, const void *message, size_t size, bool ends)
{
    uint8_t prefix[FRAME_PREFIX] = {0, (uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size};
    peer_send(peer, reply, prefix, sizeof prefix, false);
    peer_send(peer, reply, message, size, ends);
}

void peer_take(struct peer *peer, struct reply *reply)
{
    size_t left = reply->body.size - reply->taken;
    if (left) nghttp2_session_consume(peer->client, reply->stream, left);
    reply->taken += left;
}

void peer_pass(struct peer *peer, int64_t ms)
{
    peer->table.now_ms += ms;
}
