/* rpc/call through a whole session in memory: which callback comes when, what the peer is told, and what a call may hold. */
#include "peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

/* What the handlers saw, in order, as letters: o(pen) m(essage) h(alf close) w(ritable) g(one). */
static struct {
    char events[4096];
    size_t count, bytes, last_size;
    enum status why;
    struct rpc_call *call;
    bool pause_each, finish_at_open;
} seen;
static struct peer peer;

static void event(char what)
{
    assert_true(seen.count + 1 < sizeof seen.events);
    seen.events[seen.count++] = what;
    seen.events[seen.count] = 0;
}

static void on_open(struct rpc_call *call, void *context)
{
    (void)context;
    event('o');
    seen.call = call;
    if (seen.finish_at_open) rpc_finish(call, NULL);
}

static void on_message(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    event('m');
    /* messages of these tests carry their number and are filled with it */
    for (size_t i = 0; i < size; i++) assert_int_equal(message[i], message[0]);
    seen.bytes += size;
    seen.last_size = size;
    if (!seen.pause_each) return;
    rpc_call_pause(call);
    rpc_call_resume(call);
}

static void on_half_close(struct rpc_call *call, void *context)
{
    (void)context;
    event('h');
    rpc_finish(call, NULL);
}

static void on_writable(struct rpc_call *call, void *context)
{
    (void)call;
    (void)context;
    event('w');
}

static void on_gone(struct rpc_call *call, void *context, enum status why)
{
    (void)call;
    (void)context;
    event('g');
    seen.why = why;
}

static void on_echo(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    on_message(call, context, message, size);
    enum status rc = rpc_send(call, message, size);
    assert_int_equal(rc, STATUS_OK);
    rpc_finish(call, NULL);
}

static const struct rpc_handler ECHO = {on_open, on_echo, NULL, on_writable, on_gone}, HOLD = {on_open, on_message, NULL, on_writable, on_gone},
                                COLLECT = {on_open, on_message, on_half_close, on_writable, on_gone};
enum { REQUEST_MAX = 1 << 20 };
static const struct rpc_method METHODS[] = {
    {"/t.T/Echo", RPC_UNARY, &ECHO, NULL, REQUEST_MAX},
    {"/t.T/Hold", RPC_UNARY, &HOLD, NULL, REQUEST_MAX},
    {"/t.T/Watch", RPC_SERVER_STREAM, &HOLD, NULL, REQUEST_MAX},
    {"/t.T/Collect", RPC_CLIENT_STREAM, &COLLECT, NULL, REQUEST_MAX},
};

static void begin(struct rpc_limits limits)
{
    memset(&seen, 0, sizeof seen);
    peer_begin(&peer, limits, METHODS, COUNT_OF(METHODS));
}

static void test_unary_is_the_same_however_its_bytes_are_cut(void **state)
{
    (void)state;
    uint8_t message[3000];
    memset(message, 7, sizeof message);
    for (size_t cut = 1; cut < 4000; cut = cut * 3 + 1) {
        begin((struct rpc_limits){0});
        struct reply *reply = peer_open(&peer, "/t.T/Echo", NULL);
        peer_message(&peer, reply, message, sizeof message, true);
        struct buffer bytes;
        buffer_init(&bytes, 1 << 20);
        peer_bytes(&peer, &bytes);
        for (size_t at = 0; at < bytes.size; at += cut) peer_raw(&peer, bytes.data + at, bytes.size - at < cut ? bytes.size - at : cut);
        buffer_deinit(&bytes);
        peer_pump(&peer);
        assert_string_equal(seen.events, "om");
        assert_int_equal(reply->http, 200);
        assert_int_equal(reply->grpc, STATUS_OK);
        assert_int_equal(reply->body.size, sizeof message + FRAME_PREFIX);
        assert_memory_equal(reply->body.data + FRAME_PREFIX, message, sizeof message);
        assert_int_equal(reply->header_blocks, 2);
        assert_true(reply->closed);
        peer_end(&peer);
    }
}

/* Headers arrive in two pieces and the deadline passes between them, while the answer cannot be sent: the call must be answered once, at its end. */
static void test_deadline_that_passes_inside_the_headers(void **state)
{
    (void)state;
    begin((struct rpc_limits){0});
    peer_pump(&peer);
    const char *const extra[] = {"grpc-timeout", "10m", "x-filler", "0123456789012345678901234567890123456789", NULL};
    struct reply *reply = peer_open(&peer, "/t.T/Echo", extra);
    peer_message(&peer, reply, "a", 1, true);
    struct buffer bytes;
    buffer_init(&bytes, 1 << 20);
    peer_bytes(&peer, &bytes);
    size_t headers = 9 + ((size_t)bytes.data[0] << 16 | (size_t)bytes.data[1] << 8 | bytes.data[2]), cut = headers - 5;
    assert_true(session_feed(&peer.session, bytes.data, cut)); /* nothing is drained here: the peer does not read */
    peer_pass(&peer, 50);
    session_expire(&peer.session, peer.table.now_ms);
    assert_true(session_feed(&peer.session, bytes.data + cut, bytes.size - cut));
    session_expire(&peer.session, peer.table.now_ms);
    buffer_deinit(&bytes);
    peer_pump(&peer);
    assert_string_equal(seen.events, ""); /* no handler begins what is over */
    assert_int_equal(reply->grpc, STATUS_DEADLINE_EXCEEDED);
    assert_int_equal(reply->header_blocks, 1);
    assert_true(reply->closed);
    peer_end(&peer);
}

static void test_deadline_tells_the_handler_then_the_peer(void **state)
{
    (void)state;
    begin((struct rpc_limits){0});
    const char *const extra[] = {"grpc-timeout", "100m", NULL};
    struct reply *reply = peer_open(&peer, "/t.T/Hold", extra);
    peer_message(&peer, reply, "a", 1, true);
    peer_pump(&peer);
    peer_pass(&peer, 99);
    session_expire(&peer.session, peer.table.now_ms);
    assert_string_equal(seen.events, "om");
    struct rpc_call_ref ref = rpc_call_ref(seen.call);
    assert_ptr_equal(peer.table.slots[ref.slot].call, seen.call);
    peer_pass(&peer, 1);
    session_expire(&peer.session, peer.table.now_ms);
    assert_string_equal(seen.events, "omg");
    assert_int_equal(seen.why, STATUS_DEADLINE_EXCEEDED);
    assert_true(peer.table.slots[ref.slot].generation != ref.generation); /* a late answer will not find it */
    peer_pump(&peer);
    assert_int_equal(reply->grpc, STATUS_DEADLINE_EXCEEDED);
    peer_end(&peer);
}

static void test_cancel_tells_the_handler_once(void **state)
{
    (void)state;
    begin((struct rpc_limits){0});
    struct reply *reply = peer_open(&peer, "/t.T/Hold", NULL);
    peer_message(&peer, reply, "a", 1, true);
    peer_pump(&peer);
    nghttp2_submit_rst_stream(peer.client, NGHTTP2_FLAG_NONE, reply->stream, NGHTTP2_CANCEL);
    peer_pump(&peer);
    assert_string_equal(seen.events, "omg");
    assert_int_equal(seen.why, STATUS_CANCELLED);
    peer_end(&peer);
    assert_string_equal(seen.events, "omg");
}

static void test_a_lost_connection_is_gone_and_a_finished_call_is_not(void **state)
{
    (void)state;
    begin((struct rpc_limits){0});
    struct reply *held = peer_open(&peer, "/t.T/Hold", NULL);
    peer_message(&peer, held, "a", 1, true);
    peer_pump(&peer);
    rpc_finish(seen.call, NULL); /* not yet sent */
    peer_end(&peer);
    assert_string_equal(seen.events, "om");
    begin((struct rpc_limits){0});
    held = peer_open(&peer, "/t.T/Hold", NULL);
    peer_message(&peer, held, "a", 1, true);
    peer_pump(&peer);
    peer_end(&peer);
    assert_string_equal(seen.events, "omg");
}

/* A slow reader: sends are refused at the cap with nothing queued; when it reads, the handler hears once that there is room. */
static void test_slow_reader_meets_the_cap_and_then_room(void **state)
{
    (void)state;
    enum { CAP = 400 * 1000, MESSAGE = 1000 };
    begin((struct rpc_limits){.call_queue_bytes = CAP});
    peer.slow = true;
    struct reply *reply = peer_open(&peer, "/t.T/Watch", NULL);
    peer_message(&peer, reply, "a", 1, true);
    peer_pump(&peer);
    uint8_t message[MESSAGE] = {9};
    size_t sent = 0, refused = 0;
    for (int i = 0; i < 2000; i++) { /* 2 MB: far over the client's windows of 64 kB and the cap */
        if (rpc_send(seen.call, message, sizeof message) == STATUS_OK) sent++;
        else if (refused++ == 0) seen.count = 0; /* from here on the reader is slow */
        assert_true(rpc_call_queued_bytes(seen.call) <= CAP);
        peer_pump(&peer);
    }
    assert_true(refused > 1000);
    assert_int_equal(seen.count, 0);
    size_t queued = rpc_call_queued_bytes(seen.call);
    assert_true(queued > CAP - 2 * (MESSAGE + FRAME_PREFIX));
    while (rpc_call_queued_bytes(seen.call) > 0) {
        assert_int_equal(seen.count, rpc_call_queued_bytes(seen.call) <= queued / 2);
        peer_take(&peer, reply);
        peer_pump(&peer);
    }
    assert_string_equal(seen.events, "w"); /* once */
    assert_true(peer.session.memory < 64 * 1024); /* and the queue's memory is given back */
    rpc_finish(seen.call, NULL);
    peer_take(&peer, reply);
    peer_pump(&peer);
    assert_int_equal(reply->grpc, STATUS_OK);
    assert_int_equal(reply->body.size, sent * (MESSAGE + FRAME_PREFIX)); /* whole messages, none lost, none twice */
    for (size_t i = 0; i < sent; i++) assert_int_equal(reply->body.data[i * (MESSAGE + FRAME_PREFIX) + FRAME_PREFIX], 9);
    peer_end(&peer);
}

static void test_paused_call_gets_no_messages_and_gives_no_window(void **state)
{
    (void)state;
    begin((struct rpc_limits){0});
    struct reply *reply = peer_open(&peer, "/t.T/Collect", NULL);
    peer_pump(&peer);
    rpc_call_pause(seen.call);
    static uint8_t message[10000];
    for (int i = 0; i < 100; i++) { /* 1 MB: four times the stream's window */
        memset(message, i, sizeof message);
        peer_message(&peer, reply, message, sizeof message, i == 99);
    }
    peer_pump(&peer);
    assert_string_equal(seen.events, "o");
    assert_true(reply->uploaded <= 256 * 1024 && reply->uploaded > 200 * 1024);
    assert_true(peer.session.memory < 300 * 1024);
    rpc_call_resume(seen.call);
    peer_pump(&peer);
    assert_int_equal(seen.bytes, 100 * sizeof message);
    assert_int_equal(seen.count, 1 + 100 + 1);
    assert_int_equal(reply->grpc, STATUS_OK);
    peer_end(&peer);
}

/* A handler may resume where it has paused, also while what was held is being delivered: each message comes once, in order. */
static void test_resume_within_on_message_repeats_nothing(void **state)
{
    (void)state;
    begin((struct rpc_limits){0});
    struct reply *reply = peer_open(&peer, "/t.T/Collect", NULL);
    peer_pump(&peer);
    rpc_call_pause(seen.call);
    uint8_t message[100];
    for (int i = 0; i < 50; i++) {
        memset(message, i, sizeof message);
        peer_message(&peer, reply, message, (size_t)(1 + i), i == 49);
    }
    peer_pump(&peer);
    seen.pause_each = true;
    rpc_call_resume(seen.call);
    peer_pump(&peer);
    assert_int_equal(seen.count, 1 + 50 + 1);
    assert_int_equal(seen.bytes, 50 * 51 / 2);
    assert_int_equal(seen.last_size, 50);
    assert_int_equal(reply->grpc, STATUS_OK);
    peer_end(&peer);
}

/* Bodies that never end are memory too: past the connection's cap calls are refused, and the rest goes on. */
static void test_unfinished_messages_are_counted(void **state)
{
    (void)state;
    enum { CAP = 3 << 20, EACH = 200 * 1000, CALLS = 40 };
    begin((struct rpc_limits){.connection_memory_bytes = CAP});
    static uint8_t part[EACH];
    size_t most = 0;
    for (int i = 0; i < CALLS; i++) {
        struct reply *reply = peer_open(&peer, "/t.T/Hold", NULL);
        peer_send(&peer, reply, "\0\0\x0f\x42\x40", FRAME_PREFIX, false); /* a million bytes are promised */
        peer_send(&peer, reply, part, sizeof part, false);
        peer_pump(&peer);
        if (peer.session.memory > most) most = peer.session.memory;
        assert_true(peer.session.memory <= CAP + 64 * 1024);
    }
    assert_true(most > CAP / 2);
    uint32_t refused = 0;
    for (int i = 0; i < CALLS; i++) refused += peer.replies[i].grpc == STATUS_RESOURCE_EXHAUSTED;
    assert_in_range(refused, CALLS - CAP / EACH, CALLS - CAP / EACH / 2);
    peer_end(&peer);
}

static void test_all_connections_share_a_cap(void **state)
{
    (void)state;
    enum { CAP = 1 << 20 };
    begin((struct rpc_limits){.server_memory_bytes = CAP});
    peer.table.memory += CAP; /* what others hold */
    struct reply *reply = peer_open(&peer, "/t.T/Echo", NULL);
    peer_message(&peer, reply, "a", 1, true);
    peer_pump(&peer);
    assert_int_equal(reply->grpc, STATUS_RESOURCE_EXHAUSTED);
    peer.table.memory -= CAP;
    reply = peer_open(&peer, "/t.T/Echo", NULL);
    peer_message(&peer, reply, "a", 1, true);
    peer_pump(&peer);
    assert_int_equal(reply->grpc, STATUS_OK);
    peer_end(&peer);
}

/* An answer before the request is whole: trailers, then RST_STREAM(NO_ERROR), so that the stream no longer counts. */
static void test_early_answer_resets_the_rest(void **state)
{
    (void)state;
    begin((struct rpc_limits){0});
    seen.finish_at_open = true;
    struct reply *reply = peer_open(&peer, "/t.T/Collect", NULL);
    peer_send(&peer, reply, "\0\0\0\0", 4, false);
    peer_pump(&peer);
    assert_int_equal(reply->grpc, STATUS_OK);
    assert_int_equal(reply->header_blocks, 1);
    assert_true(reply->closed);
    assert_int_equal(reply->error, NGHTTP2_NO_ERROR);
    assert_int_equal(peer.session.call_count, 0);
    assert_string_equal(seen.events, "o");
    peer_end(&peer);
}

static void test_the_status_table(void **state)
{
    (void)state;
    static const struct {
        const char *path, *name, *value, *body;
        size_t size;
        int http, grpc;
        const char *events;
    } ROWS[] = {
        {"/t.T/None", NULL, NULL, "\0\0\0\0\1a", 6, 200, STATUS_UNIMPLEMENTED, ""},
        {"/t.T/Echo", NULL, NULL, "", 0, 200, STATUS_UNIMPLEMENTED, "og"},
        {"/t.T/Echo", NULL, NULL, "\0\0\0\0\1a\0\0\0\0\1a", 12, 200, STATUS_UNIMPLEMENTED, "og"},
        {"/t.T/Echo", NULL, NULL, "\0\0\0\0\0", 5, 200, STATUS_OK, "om"},
        {"/t.T/Echo", NULL, NULL, "\1\0\0\0\1a", 6, 200, STATUS_INTERNAL, "og"},
        {"/t.T/Echo", NULL, NULL, "\0\0\0\0\2a", 6, 200, STATUS_INTERNAL, "og"},
        {"/t.T/Echo", NULL, NULL, "\0\0\x10\0\1", 5, 200, STATUS_RESOURCE_EXHAUSTED, "og"},
        {"/t.T/Echo", "grpc-encoding", "snappy", "\0\0\0\0\1a", 6, 200, STATUS_UNIMPLEMENTED, ""},
        {"/t.T/Echo", "grpc-encoding", "identity", "\0\0\0\0\1a", 6, 200, STATUS_OK, "om"},
        {"/t.T/Echo", "grpc-timeout", "1x", "\0\0\0\0\1a", 6, 200, STATUS_INTERNAL, ""},
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        begin((struct rpc_limits){0});
        const char *const extra[] = {ROWS[i].name, ROWS[i].value, NULL};
        struct reply *reply = peer_open(&peer, ROWS[i].path, extra);
        peer_send(&peer, reply, ROWS[i].body, ROWS[i].size, true);
        peer_pump(&peer);
        assert_int_equal(reply->http, ROWS[i].http);
        assert_int_equal(reply->grpc, ROWS[i].grpc);
        assert_string_equal(seen.events, ROWS[i].events);
        assert_true(reply->closed);
        peer_end(&peer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unary_is_the_same_however_its_bytes_are_cut),
        cmocka_unit_test(test_deadline_that_passes_inside_the_headers),
        cmocka_unit_test(test_deadline_tells_the_handler_then_the_peer),
        cmocka_unit_test(test_cancel_tells_the_handler_once),
        cmocka_unit_test(test_a_lost_connection_is_gone_and_a_finished_call_is_not),
        cmocka_unit_test(test_slow_reader_meets_the_cap_and_then_room),
        cmocka_unit_test(test_paused_call_gets_no_messages_and_gives_no_window),
        cmocka_unit_test(test_resume_within_on_message_repeats_nothing),
        cmocka_unit_test(test_unfinished_messages_are_counted),
        cmocka_unit_test(test_all_connections_share_a_cap),
        cmocka_unit_test(test_early_answer_resets_the_rest),
        cmocka_unit_test(test_the_status_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
