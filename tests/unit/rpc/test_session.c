/* rpc/session on byte strings: floods, bombs, pings, timers, and the way in which a connection ends. */
#include "peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

static struct peer peer;
static uint32_t opened, gone;
static struct rpc_call *last;

static void on_open(struct rpc_call *call, void *context)
{
    (void)context;
    opened++;
    last = call;
}

static void on_message(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)call;
    (void)context;
    (void)message;
    (void)size;
}

static void on_echo(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    enum status rc = rpc_send(call, message, size);
    assert_int_equal(rc, STATUS_OK);
    rpc_finish(call, NULL);
}

static void on_gone(struct rpc_call *call, void *context, enum status why)
{
    (void)call;
    (void)context;
    (void)why;
    gone++;
}

static const struct rpc_handler ECHO = {.on_open = on_open, .on_message = on_echo, .on_gone = on_gone},
                                HOLD = {.on_open = on_open, .on_message = on_message, .on_gone = on_gone};
static const struct rpc_method METHODS[] = {
    {"/t.T/Echo", RPC_UNARY, &ECHO, NULL, 1 << 20},
    {"/t.T/Hold", RPC_UNARY, &HOLD, NULL, 1 << 20},
    {"/t.T/Watch", RPC_SERVER_STREAM, &HOLD, NULL, 1 << 20},
    {"/t.T/Bidi", RPC_BIDI_STREAM, &HOLD, NULL, 1 << 20},
};

static void begin(struct rpc_limits limits)
{
    opened = gone = 0;
    peer_begin(&peer, limits, METHODS, COUNT_OF(METHODS));
    peer_pump(&peer);
}

static struct reply *echo(void)
{
    struct reply *reply = peer_open(&peer, "/t.T/Echo", NULL);
    peer_message(&peer, reply, "a", 1, true);
    peer_pump(&peer);
    return reply;
}

static void frame(struct buffer *out, uint8_t type, uint8_t flags, uint32_t stream, const void *payload, size_t size)
{
    uint8_t head[9] = {(uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size, type, flags, (uint8_t)(stream >> 24), (uint8_t)(stream >> 16),
                       (uint8_t)(stream >> 8), (uint8_t)stream};
    buffer_append(out, head, sizeof head);
    buffer_append(out, payload, size);
}

/* ---- floods: one frame, again and again, until GOAWAY; never more than `most` times ---- */

static void flood(const char *what, uint8_t type, uint8_t flags, uint32_t stream, const void *payload, size_t size, unsigned most)
{
    begin((struct rpc_limits){0});
    struct reply *open = NULL;
    if (stream) {
        open = peer_open(&peer, "/t.T/Bidi", NULL);
        peer_pump(&peer);
        assert_int_equal(open->stream, stream);
    }
    struct buffer one;
    buffer_init(&one, 1024);
    frame(&one, type, flags, stream, payload, size);
    unsigned sent = 0;
    while (peer.alive && sent < 100000) {
        peer_raw(&peer, one.data, one.size);
        sent++;
    }
    if (sent > most || peer.goaways != 1 || peer.goaway_error != NGHTTP2_ENHANCE_YOUR_CALM)
        fail_msg("%s: %u frames were taken, GOAWAYs %u, error %u", what, sent, peer.goaways, peer.goaway_error);
    assert_true(peer.session.memory < 64 * 1024);
    assert_true(session_is_over(&peer.session));
    buffer_deinit(&one);
    peer_end(&peer);
}

static void test_floods_end_with_goaway(void **state)
{
    (void)state;
    static const uint8_t eight[8] = {1}, window[4] = {0, 0, 0, 1}, priority[5] = {0, 0, 0, 0, 1};
    flood("PING", NGHTTP2_PING, 0, 0, eight, 8, 10);
    flood("SETTINGS", NGHTTP2_SETTINGS, 0, 0, NULL, 0, 300);
    flood("WINDOW_UPDATE", NGHTTP2_WINDOW_UPDATE, 0, 0, window, 4, 2100);
    flood("WINDOW_UPDATE of a stream", NGHTTP2_WINDOW_UPDATE, 0, 1, window, 4, 2100);
    flood("PRIORITY", NGHTTP2_PRIORITY, 0, 1, priority, 5, 2100);
    flood("unknown type", 0xbb, 0, 0, eight, 8, 2100);
    flood("empty DATA", NGHTTP2_DATA, 0, 1, NULL, 0, 1100);
    flood("DATA of padding", NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, "", 1, 1100);
}

/* A byte a frame costs; the prefix alone, or a piece cut by a window, does not. */
static void test_a_message_in_crumbs_is_cut(void **state)
{
    (void)state;
    begin((struct rpc_limits){0});
    struct reply *reply = peer_open(&peer, "/t.T/Bidi", NULL);
    for (int i = 0; i < 3000; i++) { /* whole messages, each in three pieces */
        peer_send(&peer, reply, "\0\0", 2, false);
        peer_send(&peer, reply, "\0\0\2", 3, false);
        peer_send(&peer, reply, "ab", 2, false);
        peer_pump(&peer);
    }
    assert_true(peer.alive);
    peer_send(&peer, reply, "\0\0\1\0\0", 5, false);
    unsigned sent = 0;
    for (; peer.alive && sent < 10000; sent++) {
        peer_send(&peer, reply, "x", 1, false);
        peer_pump(&peer);
    }
    assert_true(sent > 1000 && sent < 2100);
    assert_int_equal(peer.goaway_error, NGHTTP2_ENHANCE_YOUR_CALM);
    peer_end(&peer);
}

/* Pings and settings whose acknowledgements are not read are bounded by nghttp2 or by us, whichever comes first. */
static void test_unread_settings_flood_is_bounded(void **state)
{
    (void)state;
    begin((struct rpc_limits){.control_frames = UINT32_MAX});
    struct buffer one;
    buffer_init(&one, 64);
    frame(&one, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
    unsigned sent = 0;
    while (sent < 100000 && session_feed(&peer.session, one.data, one.size)) sent++;
    assert_true(sent <= 1001);
    peer.alive = false;
    peer_raw(&peer, NULL, 0);
    assert_int_equal(peer.goaways, 1);
    buffer_deinit(&one);
    peer_end(&peer);
}

static void test_budget_refills_and_answers_earn_it(void **state)
{
    (void)state;
    begin((struct rpc_limits){.control_frames = 100, .control_frames_per_s = 10});
    struct buffer one;
    buffer_init(&one, 64);
    frame(&one, NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0\1", 4);
    for (int second = 0; second < 100; second++) { /* ten a second for ever are fine */
        for (int i = 0; i < 10; i++) peer_raw(&peer, one.data, one.size);
        peer_pass(&peer, 1000);
        assert_true(peer.alive);
    }
    for (int i = 0; i < 1000; i++) { /* and one for each answer, without any time */
        peer_raw(&peer, one.data, one.size);
        if (i % 100 == 0) peer.reply_count = 0;
        struct reply *reply = echo();
        assert_int_equal(reply->grpc, STATUS_OK);
        buffer_deinit(&reply->body);
        buffer_deinit(&reply->upload);
    }
    peer.reply_count = 0;
    assert_true(peer.alive);
    buffer_deinit(&one);
    peer_end(&peer);
}

static void open_and_reset(void)
{
    peer.reply_count = 0;
    struct reply *reply = peer_open(&peer, "/t.T/Hold", NULL);
    struct buffer bytes;
    buffer_init(&bytes, 1 << 16);
    peer_bytes(&peer, &bytes);
    nghttp2_submit_rst_stream(peer.client, NGHTTP2_FLAG_NONE, reply->stream, NGHTTP2_CANCEL);
    peer_bytes(&peer, &bytes);
    peer_raw(&peer, bytes.data, bytes.size);
    buffer_deinit(&bytes);
    buffer_deinit(&reply->upload);
    buffer_deinit(&reply->body);
    peer.reply_count = 0;
}

/* Tight deadlines on a busy connection: a quarter of its calls given up, for as long as one likes. */
static void test_resets_beside_work_are_no_attack(void **state)
{
    (void)state;
    begin((struct rpc_limits){0});
    for (int i = 0; i < 3000; i++) {
        open_and_reset();
        assert_true(peer.alive);
        for (int k = 0; k < 3; k++) {
            peer.reply_count = 0;
            struct reply *reply = echo();
            assert_int_equal(reply->grpc, STATUS_OK);
            buffer_deinit(&reply->body);
            buffer_deinit(&reply->upload);
        }
        if (i % 100 == 99) peer_pass(&peer, 1000);
    }
    peer.reply_count = 0;
    assert_int_equal(peer.goaways, 0);
    peer_end(&peer);
}

static void test_rapid_reset_is_cut_and_leaves_nothing(void **state)
{
    (void)state;
    begin((struct rpc_limits){0});
    unsigned calls = 0;
    while (peer.alive && calls < 100000) {
        open_and_reset();
        calls++;
    }
    assert_true(calls <= 1100);
    assert_int_equal(peer.goaway_error, NGHTTP2_ENHANCE_YOUR_CALM);
    assert_true(peer.session.call_count <= 1); /* the one whose reset was too many */
    peer.reply_count = 0;
    peer_end(&peer);
    assert_true(opened > 100);
    assert_int_equal(opened, gone);
}

/* ---- pings ---- */

static void test_ping_strikes_and_how_they_are_forgiven(void **state)
{
    (void)state;
    struct buffer ping;
    buffer_init(&ping, 64);
    frame(&ping, NGHTTP2_PING, 0, 0, "12345678", 8);
    begin((struct rpc_limits){0});
    for (int i = 0; i < 20; i++) { /* the pings of clients that measure bandwidth come with calls */
        peer_raw(&peer, ping.data, ping.size);
        peer_raw(&peer, ping.data, ping.size);
        echo();
        assert_true(peer.alive);
    }
    peer_end(&peer);
    begin((struct rpc_limits){0});
    for (int i = 0; i < 20; i++) { /* keepalive of an idle client, as slow as is asked */
        peer_raw(&peer, ping.data, ping.size);
        peer_pass(&peer, 300000);
        assert_true(peer.alive);
    }
    peer_end(&peer);
    begin((struct rpc_limits){0});
    for (int i = 0; i < 3; i++) peer_raw(&peer, ping.data, ping.size);
    assert_true(peer.alive);
    peer_raw(&peer, ping.data, ping.size);
    assert_false(peer.alive);
    assert_int_equal(peer.goaway_error, NGHTTP2_ENHANCE_YOUR_CALM);
    assert_string_equal(peer.goaway_why, "too_many_pings");
    peer_end(&peer);
    buffer_deinit(&ping);
}

/* A peer not heard for long is pinged; any word of it will do, and silence closes. */
static void test_silent_peers_are_asked_whether_they_are_there(void **state)
{
    (void)state;
    begin((struct rpc_limits){.keepalive_ms = 60000, .keepalive_timeout_ms = 5000});
    peer_pass(&peer, 59999);
    assert_true(session_tick(&peer.session, peer.table.now_ms));
    peer_pump(&peer);
    assert_int_equal(peer.pings, 0);
    for (uint32_t i = 1; i <= 3; i++) { /* the client answers by itself */
        peer_pass(&peer, i == 1 ? 1 : 60000);
        assert_true(session_tick(&peer.session, peer.table.now_ms));
        peer_pump(&peer);
        assert_int_equal(peer.pings, i);
        peer_pass(&peer, 6000);
        assert_true(session_tick(&peer.session, peer.table.now_ms));
        peer_pass(&peer, -6000);
    }
    peer_pass(&peer, 60000);
    assert_true(session_tick(&peer.session, peer.table.now_ms));
    struct buffer lost;
    buffer_init(&lost, 1 << 16);
    assert_true(session_drain(&peer.session, &lost)); /* the ping is sent and never arrives */
    assert_true(lost.size >= 17);
    buffer_deinit(&lost);
    peer_pass(&peer, 5000);
    assert_true(session_tick(&peer.session, peer.table.now_ms));
    peer_pass(&peer, 1);
    assert_false(session_tick(&peer.session, peer.table.now_ms));
    peer_end(&peer);
}

/* ---- headers ---- */

/* One large header, put into the peer's table once and named again by one byte: 16 kB on the wire, megabytes when counted. */
static void test_hpack_bomb_costs_the_call_then_the_connection(void **state)
{
    (void)state;
    begin((struct rpc_limits){0});
    enum { VALUE = 3800, TIMES = 10000 };
    struct buffer block, bytes;
    buffer_init(&block, 1 << 20);
    buffer_init(&bytes, 1 << 20);
    buffer_append(&block, "\x83\x86\x44\x09/t.T/Echo\x41\x01x\x5f\x10" "application/grpc", 34);
    buffer_append(&block, "\x40\x01" "b\x7f\xd9\x1c", 6); /* "b", of 127 + 0x59 + (0x1c << 7) = 3800 bytes, into the table */
    for (int i = 0; i < VALUE; i++) buffer_u8(&block, 'v');
    for (int i = 0; i < TIMES; i++) buffer_u8(&block, 0xbe); /* the newest entry: 40 MB if it were kept */
    frame(&bytes, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1, block.data, block.size);
    size_t most = 0;
    peer.replies[peer.reply_count++] = (struct reply){.stream = 1, .grpc = -1, .http = -1};
    if (peer.alive) peer.alive = session_feed(&peer.session, bytes.data, bytes.size);
    most = peer.session.memory;
    assert_true(most < 64 * 1024);
    assert_int_equal(opened, 0);
    struct buffer out;
    buffer_init(&out, 1 << 20);
    assert_true(session_drain(&peer.session, &out));
    bool reset = false;
    for (size_t at = 0; at + 9 <= out.size;) {
        if (out.data[at + 3] == NGHTTP2_RST_STREAM) reset = out.data[at + 12] == NGHTTP2_ENHANCE_YOUR_CALM || reset;
        at += 9 + ((size_t)out.data[at] << 16 | (size_t)out.data[at + 1] << 8 | out.data[at + 2]);
    }
    assert_true(reset);
    assert_int_equal(peer.session.call_count, 0);
    unsigned bombs = 1;
    for (uint8_t stream = 3; peer.alive && stream < 200; stream = (uint8_t)(stream + 2), bombs++) {
        bytes.data[8] = stream;
        peer.alive = session_feed(&peer.session, bytes.data, bytes.size);
        buffer_clear(&out);
        bool drained = session_drain(&peer.session, &out);
        assert_true(drained || !peer.alive);
    }
    assert_false(peer.alive);
    assert_true(bombs <= 25);
    buffer_deinit(&out);
    buffer_deinit(&block);
    buffer_deinit(&bytes);
    peer.reply_count = 0;
    peer_end(&peer);
}

static void test_continuation_flood_gets_a_goaway(void **state)
{
    (void)state;
    begin((struct rpc_limits){0});
    struct buffer bytes;
    buffer_init(&bytes, 1 << 20);
    frame(&bytes, NGHTTP2_HEADERS, 0, 1, "\x83", 1);
    peer_raw(&peer, bytes.data, bytes.size);
    buffer_clear(&bytes);
    frame(&bytes, NGHTTP2_CONTINUATION, 0, 1, "\x00\x01" "a\x01" "b", 5);
    unsigned sent = 0;
    while (peer.alive && sent < 100000) {
        peer_raw(&peer, bytes.data, bytes.size);
        sent++;
    }
    assert_true(sent < 3000);
    assert_int_equal(peer.goaways, 1);
    buffer_deinit(&bytes);
    peer_end(&peer);
}

static void test_streams_beyond_the_limit_do_not_open(void **state)
{
    (void)state;
    begin((struct rpc_limits){.streams = 10});
    for (int i = 0; i < 30; i++) peer_message(&peer, peer_open(&peer, "/t.T/Hold", NULL), "a", 1, true);
    peer_pump(&peer);
    assert_int_equal(opened, 10);
    assert_int_equal(peer.session.call_count, 10);
    peer_end(&peer);
    assert_int_equal(gone, 10);
}

/* Streams 1, 5, 3: the third was closed for ever when 5 was opened (RFC 9113, 5.1.1). 1 again is only late: its headers are ignored. */
static void test_stream_that_was_left_out_cannot_open(void **state)
{
    (void)state;
    static const uint8_t BLOCK[] = "\x83\x86\x44\x09/t.T/Hold\x41\x01x\x5f\x10" "application/grpc";
    for (int late = 0; late < 2; late++) {
        begin((struct rpc_limits){0});
        static const uint32_t ORDER[] = {1, 5, 7};
        struct buffer bytes;
        buffer_init(&bytes, 1 << 16);
        for (size_t i = 0; i < COUNT_OF(ORDER); i++) frame(&bytes, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, ORDER[i], BLOCK, sizeof BLOCK - 1);
        frame(&bytes, NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\x08", 4);
        assert_true(session_feed(&peer.session, bytes.data, bytes.size));
        assert_int_equal(opened, 3);
        buffer_clear(&bytes);
        frame(&bytes, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, late ? 1 : 3, BLOCK, sizeof BLOCK - 1);
        bool alive = session_feed(&peer.session, bytes.data, bytes.size);
        assert_int_equal(alive, late);
        assert_int_equal(opened, 3);
        buffer_clear(&bytes);
        bool drained = session_drain(&peer.session, &bytes);
        assert_true(drained);
        bool goaway = false;
        for (size_t at = 0; at < bytes.size; at += 9u + ((size_t)bytes.data[at + 1] << 8 | bytes.data[at + 2]))
            goaway = goaway || (bytes.data[at + 3] == NGHTTP2_GOAWAY && bytes.data[at + 16] == NGHTTP2_PROTOCOL_ERROR);
        assert_int_equal(goaway, !late);
        buffer_deinit(&bytes);
        peer_end(&peer);
    }
}

/* What a C core client sends when a call is cancelled before its headers were written: the others of the connection must not suffer. */
static void test_reset_of_a_stream_never_opened_harms_nobody(void **state)
{
    (void)state;
    begin((struct rpc_limits){0});
    struct reply *held = peer_open(&peer, "/t.T/Hold", NULL);
    peer_message(&peer, held, "a", 1, true);
    peer_pump(&peer);
    struct buffer reset;
    buffer_init(&reset, 64);
    frame(&reset, NGHTTP2_RST_STREAM, 0, 3, "\0\0\0\x08", 4);
    for (size_t cut = 0; cut < reset.size; cut++) {
        if (cut) peer_raw(&peer, reset.data, cut);
        peer_raw(&peer, reset.data + cut, reset.size - cut);
        assert_true(peer.alive);
    }
    peer_pass(&peer, 10000);
    assert_true(session_tick(&peer.session, peer.table.now_ms));
    struct rpc_call *call = last;
    echo();
    rpc_finish(call, NULL);
    peer_pump(&peer);
    assert_int_equal(held->grpc, STATUS_OK);
    assert_int_equal(peer.goaways, 0);
    buffer_deinit(&reset);
    peer_end(&peer);
}

/* Before any stream: in a hurry, if a stream follows; else told. And not without end. */
static void test_reset_before_any_stream(void **state)
{
    (void)state;
    struct buffer reset;
    buffer_init(&reset, 64);
    frame(&reset, NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\x08", 4);
    for (int follows = 0; follows < 2; follows++) {
        begin((struct rpc_limits){0});
        peer_raw(&peer, reset.data, reset.size);
        if (follows) peer_open(&peer, "/t.T/Bidi", NULL);
        peer_pump(&peer);
        peer_pass(&peer, 499);
        assert_true(session_tick(&peer.session, peer.table.now_ms));
        peer_pump(&peer);
        assert_int_equal(peer.goaways, 0);
        peer_pass(&peer, 1);
        assert_true(session_tick(&peer.session, peer.table.now_ms));
        peer_pump(&peer);
        assert_int_equal(peer.goaways, !follows);
        if (!follows) assert_int_equal(peer.goaway_error, NGHTTP2_PROTOCOL_ERROR);
        peer_end(&peer);
    }
    begin((struct rpc_limits){0});
    for (int i = 0; i < 2000 && peer.alive; i++) peer_raw(&peer, reset.data, reset.size);
    assert_false(peer.alive);
    assert_int_equal(peer.table.stats.floods, 1);
    buffer_deinit(&reset);
    peer_end(&peer);
}

static void test_noise_is_not_a_preface(void **state)
{
    (void)state;
    static const char *const NOISE[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"};
    for (size_t i = 0; i < COUNT_OF(NOISE); i++) {
        peer_begin(&peer, (struct rpc_limits){0}, METHODS, COUNT_OF(METHODS));
        assert_false(session_feed(&peer.session, (const uint8_t *)NOISE[i], strlen(NOISE[i])));
        peer_end(&peer);
    }
}

/* ---- timers ---- */

static void test_preface_and_idle_timers(void **state)
{
    (void)state;
    peer_begin(&peer, (struct rpc_limits){0}, METHODS, COUNT_OF(METHODS));
    peer_pass(&peer, 9000);
    assert_true(session_tick(&peer.session, peer.table.now_ms));
    peer_pass(&peer, 2000);
    assert_false(session_tick(&peer.session, peer.table.now_ms));
    peer_end(&peer);
    begin((struct rpc_limits){0});
    struct reply *watch = peer_open(&peer, "/t.T/Watch", NULL);
    peer_message(&peer, watch, "a", 1, true);
    peer_pump(&peer);
    peer_pass(&peer, 10000000);
    assert_true(session_tick(&peer.session, peer.table.now_ms)); /* a long stream is not idle */
    rpc_finish(last, NULL);
    peer_pump(&peer);
    assert_true(session_tick(&peer.session, peer.table.now_ms)); /* nor is a connection whose long stream has just ended */
    peer_pump(&peer);
    assert_int_equal(peer.goaways, 0);
    peer_pass(&peer, 1800001);
    assert_true(session_tick(&peer.session, peer.table.now_ms));
    peer_pump(&peer);
    assert_int_equal(peer.goaways, 1);
    assert_int_equal(peer.goaway_error, NGHTTP2_NO_ERROR);
    assert_true(session_is_over(&peer.session));
    peer_end(&peer);
}

static void test_slow_body_and_zero_window_are_reset(void **state)
{
    (void)state;
    begin((struct rpc_limits){0});
    peer.slow = true;
    struct reply *body = peer_open(&peer, "/t.T/Echo", NULL), *watch = peer_open(&peer, "/t.T/Watch", NULL), *bidi = peer_open(&peer, "/t.T/Bidi", NULL);
    peer_send(&peer, body, "\0\0\0\1", 4, false);
    peer_message(&peer, watch, "a", 1, true);
    peer_pump(&peer);
    struct rpc_call *call = NULL;
    for (struct rpc_call *at = peer.session.calls; at; at = at->next)
        if (at->stream == watch->stream) call = at;
    assert_non_null(call);
    static const uint8_t message[100000];
    for (int i = 0; i < 5; i++) assert_int_equal(rpc_send(call, message, sizeof message), STATUS_OK); /* the client's window is 64 kB */
    peer_pump(&peer);
    peer_pass(&peer, 59000);
    assert_true(session_tick(&peer.session, peer.table.now_ms));
    peer_pump(&peer);
    assert_false(body->closed || watch->closed || bidi->closed);
    peer_pass(&peer, 2000);
    assert_true(session_tick(&peer.session, peer.table.now_ms));
    peer_pump(&peer);
    assert_true(body->closed && watch->closed);
    assert_false(bidi->closed); /* open, and free to be silent between messages */
    assert_int_equal(watch->error, NGHTTP2_CANCEL);
    assert_int_equal(gone, 2);
    peer_end(&peer);
}

/* ---- the end ---- */

static void test_shutdown_takes_what_is_on_its_way(void **state)
{
    (void)state;
    begin((struct rpc_limits){0});
    struct reply *held = peer_open(&peer, "/t.T/Hold", NULL);
    peer_message(&peer, held, "a", 1, true);
    peer_pump(&peer);
    struct rpc_call *call = last;
    /* the client has sent this before it can know */
    struct reply *crossing = peer_open(&peer, "/t.T/Echo", NULL), *stream = peer_open(&peer, "/t.T/Watch", NULL);
    peer_message(&peer, crossing, "a", 1, true);
    peer_message(&peer, stream, "a", 1, true);
    struct buffer bytes;
    buffer_init(&bytes, 1 << 16);
    peer_bytes(&peer, &bytes);
    peer.table.stopping = true;
    session_shutdown(&peer.session);
    peer_raw(&peer, bytes.data, bytes.size);
    buffer_deinit(&bytes);
    assert_int_equal(peer.goaways, 1);
    assert_int_equal(peer.goaway_last, INT32_MAX); /* the notice: nothing is taken away */
    assert_int_equal(crossing->grpc, STATUS_OK);
    assert_int_equal(stream->grpc, STATUS_UNAVAILABLE); /* it would only have to be ended again */
    peer_pump(&peer);
    assert_int_equal(peer.goaways, 2);
    assert_int_equal(peer.goaway_last, stream->stream);
    assert_int_equal(peer.goaway_error, NGHTTP2_NO_ERROR);
    assert_false(session_is_over(&peer.session));
    rpc_finish(call, NULL);
    peer_pump(&peer);
    assert_int_equal(held->grpc, STATUS_OK);
    assert_true(session_is_over(&peer.session));
    peer_end(&peer);
}

static void test_shutdown_does_not_wait_for_a_silent_peer(void **state)
{
    (void)state;
    peer_begin(&peer, (struct rpc_limits){0}, METHODS, COUNT_OF(METHODS));
    session_shutdown(&peer.session);
    struct buffer out;
    buffer_init(&out, 1 << 16);
    assert_true(session_drain(&peer.session, &out));
    assert_false(session_is_over(&peer.session));
    peer_pass(&peer, 1000);
    assert_true(session_tick(&peer.session, peer.table.now_ms));
    assert_true(session_drain(&peer.session, &out));
    assert_true(session_is_over(&peer.session));
    buffer_deinit(&out);
    peer_end(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floods_end_with_goaway),
        cmocka_unit_test(test_a_message_in_crumbs_is_cut),
        cmocka_unit_test(test_unread_settings_flood_is_bounded),
        cmocka_unit_test(test_budget_refills_and_answers_earn_it),
        cmocka_unit_test(test_resets_beside_work_are_no_attack),
        cmocka_unit_test(test_rapid_reset_is_cut_and_leaves_nothing),
        cmocka_unit_test(test_ping_strikes_and_how_they_are_forgiven),
        cmocka_unit_test(test_silent_peers_are_asked_whether_they_are_there),
        cmocka_unit_test(test_hpack_bomb_costs_the_call_then_the_connection),
        cmocka_unit_test(test_continuation_flood_gets_a_goaway),
        cmocka_unit_test(test_streams_beyond_the_limit_do_not_open),
        cmocka_unit_test(test_stream_that_was_left_out_cannot_open),
        cmocka_unit_test(test_reset_of_a_stream_never_opened_harms_nobody),
        cmocka_unit_test(test_reset_before_any_stream),
        cmocka_unit_test(test_noise_is_not_a_preface),
        cmocka_unit_test(test_preface_and_idle_timers),
        cmocka_unit_test(test_slow_body_and_zero_window_are_reset),
        cmocka_unit_test(test_shutdown_takes_what_is_on_its_way),
        cmocka_unit_test(test_shutdown_does_not_wait_for_a_silent_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
