/* rpc/answer through a whole session in memory: compressed answers only for who takes them, metadata both ways, one shape per kind of end. */
#include "peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static struct peer peer;
static enum { QUIET, ON, OFF, ON_THEN_OFF, OFF_THEN_ON } how;
static bool was_compressed;
enum { REQUEST_MAX = 1 << 20, BIG = 5000 };
static uint8_t big[BIG];

static void send_big(struct rpc_call *call, size_t size)
{
    enum status rc = rpc_send(call, big, size);
    assert_int_equal(rc, STATUS_OK);
}

static void on_message(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    (void)message;
    was_compressed = rpc_call_was_compressed(call);
    size_t value_size;
    const char *value = rpc_call_metadata(call, "x-echo", NULL);
    if (value) rpc_call_add_header(call, "x-echo", value, strlen(value));
    value = rpc_call_metadata(call, "x-echo-bin", &value_size);
    if (value) rpc_call_add_trailer(call, "x-echo-bin", value, value_size);
    if (how == ON || how == ON_THEN_OFF) rpc_call_compress(call, true);
    if (how == OFF || how == OFF_THEN_ON) rpc_call_compress(call, false);
    send_big(call, size ? BIG : 10);
    if (how == ON_THEN_OFF) rpc_call_compress(call, false);
    if (how == OFF_THEN_ON) rpc_call_compress(call, true);
    send_big(call, BIG);
    rpc_finish(call, NULL);
}

static const struct rpc_handler HANDLER = {.on_message = on_message};
static const struct rpc_method METHODS[] = {{"/t.T/Stream", RPC_SERVER_STREAM, &HANDLER, NULL, REQUEST_MAX}};

/* The messages of a reply, unfolded; their flags as text. */
static void read_messages(const struct reply *reply, char *flags, size_t *sizes, size_t most)
{
    size_t count = 0;
    for (size_t at = 0; at < reply->body.size;) {
        const uint8_t *frame = reply->body.data + at;
        size_t size = (size_t)frame[1] << 24 | (size_t)frame[2] << 16 | (size_t)frame[3] << 8 | frame[4];
        assert_true(count < most && at + FRAME_PREFIX + size <= reply->body.size);
        flags[count] = frame[0] ? '1' : '0';
        sizes[count] = size;
        if (frame[0]) {
            struct buffer out;
            struct error err;
            buffer_init(&out, REQUEST_MAX);
            assert_int_equal(gzip_unfold(frame + FRAME_PREFIX, size, REQUEST_MAX, &out, &err), STATUS_OK);
            sizes[count] = out.size;
            assert_memory_equal(out.data, big, out.size);
            buffer_deinit(&out);
        } else {
            assert_memory_equal(frame + FRAME_PREFIX, big, size);
        }
        count++;
        at += FRAME_PREFIX + size;
    }
    flags[count] = 0;
}

static void test_compression_is_negotiated(void **state)
{
    (void)state;
    static const struct {
        const char *accepts;
        int how;
        uint32_t server_min;
        const char *request, *flags, *encoding;
    } ROWS[] = {
        {NULL, ON, 0, "a", "00", ""},                       /* who takes nothing gets nothing */
        {"identity", ON, 1, "a", "00", ""},
        {"deflate, gzip ,identity", ON, 0, "a", "11", "gzip"},
        {"gzipped,xgzip", ON, 0, "a", "00", ""},            /* other names that look like it */
        {"gzip", QUIET, 0, "a", "00", ""},                  /* nobody asked */
        {"gzip", OFF, 1, "a", "00", ""},
        {"gzip", ON_THEN_OFF, 0, "a", "10", "gzip"},
        {"gzip", OFF_THEN_ON, 0, "a", "00", ""},            /* too late: no encoding was named */
        {"gzip", ON, 0, "", "01", "gzip"},                  /* ten bytes only grow */
        {"gzip", QUIET, 1000, "", "01", "gzip"},            /* the server's own rule, by size */
        {"gzip", QUIET, BIG + 1, "a", "00", "gzip"},
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        peer_begin(&peer, (struct rpc_limits){0}, METHODS, COUNT_OF(METHODS));
        peer.table.fold_bytes_min = ROWS[i].server_min;
        how = ROWS[i].how;
        const char *const extra[] = {ROWS[i].accepts ? "grpc-accept-encoding" : NULL, ROWS[i].accepts, NULL};
        struct reply *reply = peer_open(&peer, "/t.T/Stream", extra);
        peer_message(&peer, reply, ROWS[i].request, strlen(ROWS[i].request), true);
        peer_pump(&peer);
        char flags[8];
        size_t sizes[4];
        read_messages(reply, flags, sizes, COUNT_OF(sizes));
        assert_string_equal(flags, ROWS[i].flags);
        assert_int_equal(sizes[0], ROWS[i].request[0] ? BIG : 10);
        assert_int_equal(sizes[1], BIG);
        assert_string_equal(reply->encoding, ROWS[i].encoding);
        assert_int_equal(reply->grpc, STATUS_OK);
        peer_end(&peer);
    }
}

static void test_request_tells_whether_it_came_compressed(void **state)
{
    (void)state;
    uint8_t packed[BIG + FRAME_PREFIX] = {1};
    struct gzip_folder folder = {0};
    size_t size = gzip_fold(&folder, big, BIG, packed + FRAME_PREFIX, BIG);
    gzip_folder_deinit(&folder);
    packed[3] = (uint8_t)(size >> 8);
    packed[4] = (uint8_t)size;
    static const char *const EXTRA[] = {"grpc-encoding", "gzip", NULL};
    how = QUIET;
    peer_begin(&peer, (struct rpc_limits){0}, METHODS, COUNT_OF(METHODS));
    struct reply *reply = peer_open(&peer, "/t.T/Stream", EXTRA);
    peer_send(&peer, reply, packed, size + FRAME_PREFIX, true);
    peer_pump(&peer);
    assert_int_equal(reply->grpc, STATUS_OK);
    assert_true(was_compressed);
    reply = peer_open(&peer, "/t.T/Stream", EXTRA);
    peer_message(&peer, reply, "plain", 5, true); /* named, but this message does without */
    peer_pump(&peer);
    assert_int_equal(reply->grpc, STATUS_OK);
    assert_false(was_compressed);
    peer_end(&peer);
}

/* Each costs more than all the frames it takes; a few are forgiven, then the connection is cut. */
static void test_gzip_bombs_are_refused_then_cut(void **state)
{
    (void)state;
    enum { ZEROS = 4 * REQUEST_MAX, BOMBS_MAX = 15 };
    uint8_t *zeros = mem_zalloc(ZEROS, 1), *packed = mem_zalloc(ZEROS, 1);
    struct gzip_folder folder = {0};
    size_t size = gzip_fold(&folder, zeros, ZEROS, packed + FRAME_PREFIX, ZEROS - FRAME_PREFIX);
    gzip_folder_deinit(&folder);
    assert_true(size > 0 && size < REQUEST_MAX);
    packed[0] = 1;
    packed[2] = (uint8_t)(size >> 16);
    packed[3] = (uint8_t)(size >> 8);
    packed[4] = (uint8_t)size;
    static const char *const EXTRA[] = {"grpc-encoding", "gzip", NULL};
    peer_begin(&peer, (struct rpc_limits){0}, METHODS, COUNT_OF(METHODS));
    unsigned sent = 0;
    for (; peer.alive && sent < 100; sent++) {
        struct reply *reply = peer_open(&peer, "/t.T/Stream", EXTRA);
        peer_send(&peer, reply, packed, size + FRAME_PREFIX, true);
        peer_pump(&peer);
        if (peer.alive) assert_int_equal(reply->grpc, STATUS_RESOURCE_EXHAUSTED);
    }
    assert_true(sent > 3 && sent <= BOMBS_MAX);
    assert_int_equal(peer.goaway_error, NGHTTP2_ENHANCE_YOUR_CALM);
    free(zeros);
    free(packed);
    peer_end(&peer);
}

/* -bin: base64 padded or not, several joined by commas, empty; each is a value of its own, and the first is echoed unpadded. */
static void test_metadata_goes_round(void **state)
{
    (void)state;
    static const struct { const char *sent, *told; } ROWS[] = {
        {"AP8BAgM=", "AP8BAgM"}, {"AP8BAgM", "AP8BAgM"}, {"q6ur,AP8", "q6ur"}, {"", ""}, {"!!,AP8", "AP8"},
    };
    how = QUIET;
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        peer_begin(&peer, (struct rpc_limits){0}, METHODS, COUNT_OF(METHODS));
        const char *const extra[] = {"x-echo", "hello", "x-echo-bin", ROWS[i].sent, NULL};
        struct reply *reply = peer_open(&peer, "/t.T/Stream", extra);
        peer_message(&peer, reply, "a", 1, true);
        peer_pump(&peer);
        assert_int_equal(reply->grpc, STATUS_OK);
        assert_string_equal(reply->echo, "hello");
        assert_string_equal(reply->echo_binary, ROWS[i].told);
        peer_end(&peer);
    }
}

/* gRPC-Web: the trailers are the last frame of the body, and there are no others; an error before any message is headers alone. */
static void test_web_trailers_are_in_the_body(void **state)
{
    (void)state;
    how = QUIET;
    peer_begin(&peer, (struct rpc_limits){0}, METHODS, COUNT_OF(METHODS));
    const char *const extra[] = {"x-echo-bin", "AP8BAgM", NULL};
    struct reply *reply = peer_open_typed(&peer, "/t.T/Stream", "application/grpc-web+proto", extra);
    peer_message(&peer, reply, "", 0, true);
    peer_pump(&peer);
    static const char TRAILERS[] = "grpc-status: 0\r\nx-echo-bin: AP8BAgM\r\n";
    size_t before = 10 + BIG + 2 * FRAME_PREFIX, size = reply->body.size - before;
    assert_int_equal(size, FRAME_PREFIX + sizeof TRAILERS - 1);
    assert_int_equal(reply->body.data[before], 0x80);
    assert_int_equal(reply->body.data[before + 4], sizeof TRAILERS - 1);
    assert_memory_equal(reply->body.data + before + FRAME_PREFIX, TRAILERS, sizeof TRAILERS - 1);
    assert_string_equal(reply->type, "application/grpc-web+proto");
    assert_int_equal(reply->header_blocks, 1);
    assert_int_equal(reply->grpc, -1);
    assert_true(reply->closed);
    reply = peer_open_typed(&peer, "/t.T/None", "application/grpc-web", NULL);
    peer_message(&peer, reply, "", 0, true);
    peer_pump(&peer);
    assert_int_equal(reply->grpc, STATUS_UNIMPLEMENTED);
    assert_int_equal(reply->body.size, 0);
    reply = peer_open_typed(&peer, "/t.T/Stream", "application/grpc-web-text", NULL); /* base64 is for browsers of long ago */
    peer_message(&peer, reply, "", 0, true);
    peer_pump(&peer);
    assert_int_equal(reply->http, 415);
    peer_end(&peer);
}

/* 16 kB of "-bin" made of commas must not become megabytes of items. */
static void test_comma_bomb_is_bounded(void **state)
{
    (void)state;
    static char commas[12000];
    memset(commas, ',', sizeof commas - 1);
    how = QUIET;
    peer_begin(&peer, (struct rpc_limits){0}, METHODS, COUNT_OF(METHODS));
    const char *const extra[] = {"x-a-name-that-is-repeated-for-each-value-of-the-list-0123456789-bin", commas, NULL};
    struct reply *reply = peer_open(&peer, "/t.T/Stream", extra);
    peer_pump(&peer);
    assert_int_equal(peer.session.call_count, 1);
    assert_true(peer.session.calls->metadata.size < 2 * 16384);
    peer_message(&peer, reply, "a", 1, true);
    peer_pump(&peer);
    assert_int_equal(reply->grpc, STATUS_OK);
    peer_end(&peer);
}

int main(void)
{
    for (size_t i = 0; i < BIG; i++) big[i] = (uint8_t)(i % 7);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compression_is_negotiated),
        cmocka_unit_test(test_request_tells_whether_it_came_compressed),
        cmocka_unit_test(test_gzip_bombs_are_refused_then_cut),
        cmocka_unit_test(test_metadata_goes_round),
        cmocka_unit_test(test_web_trailers_are_in_the_body),
        cmocka_unit_test(test_comma_bomb_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
