/* rpc/health: grpc.health.v1 through a session in memory. */
#include "peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

static struct peer peer;

static void on_message(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    (void)message;
    (void)size;
    rpc_finish(call, NULL);
}

static const struct rpc_handler HANDLER = {.on_message = on_message};
static const struct rpc_method METHODS[] = {{"/a.Orders/Get", RPC_UNARY, &HANDLER, NULL, 1000}};

static struct reply *ask(const char *method, const char *request, size_t size)
{
    struct reply *reply = peer_open(&peer, method, NULL);
    peer_message(&peer, reply, request, size, true);
    peer_pump(&peer);
    return reply;
}

/* The state in the last message of the reply; 0 if there is none. */
static int last_state(const struct reply *reply, size_t messages)
{
    assert_int_equal(reply->body.size, messages * 7);
    if (messages == 0) return 0;
    assert_memory_equal(reply->body.data + reply->body.size - 7, "\0\0\0\0\2\x08", 6);
    return reply->body.data[reply->body.size - 1];
}

static void test_check_answers_for_the_server_and_its_services(void **state)
{
    (void)state;
    peer_begin(&peer, (struct rpc_limits){0}, METHODS, COUNT_OF(METHODS));
    assert_int_equal(last_state(ask("/grpc.health.v1.Health/Check", "", 0), 1), 1);
    assert_int_equal(last_state(ask("/grpc.health.v1.Health/Check", "\x0a\0", 2), 1), 1);
    assert_int_equal(last_state(ask("/grpc.health.v1.Health/Check", "\x0a\x08" "a.Orders", 10), 1), 1);
    assert_int_equal(ask("/grpc.health.v1.Health/Check", "\x0a\x07" "a.Order", 9)->grpc, STATUS_NOT_FOUND); /* a prefix is another name */
    assert_int_equal(ask("/grpc.health.v1.Health/Check", "\x0a\x09" "a.Orders", 10)->grpc, STATUS_INVALID_ARGUMENT);
    assert_int_equal(ask("/grpc.health.v1.Health/Check", "\x0a\xff\xff\xff\xff\x0f", 6)->grpc, STATUS_INVALID_ARGUMENT);
    peer.table.serving = false;
    assert_int_equal(last_state(ask("/grpc.health.v1.Health/Check", "", 0), 1), 2);
    peer_end(&peer);
}

static void test_watch_hears_changes_until_it_ends(void **state)
{
    (void)state;
    peer_begin(&peer, (struct rpc_limits){0}, METHODS, COUNT_OF(METHODS));
    struct reply *watch = ask("/grpc.health.v1.Health/Watch", "", 0), *unknown = ask("/grpc.health.v1.Health/Watch", "\x0a\x01x", 3);
    struct reply *leaver = ask("/grpc.health.v1.Health/Watch", "\x0a\x08" "a.Orders", 10);
    assert_int_equal(last_state(watch, 1), 1);
    assert_int_equal(last_state(unknown, 1), 3);
    assert_int_equal(last_state(leaver, 1), 1);
    nghttp2_submit_rst_stream(peer.client, NGHTTP2_FLAG_NONE, leaver->stream, NGHTTP2_CANCEL);
    peer_pump(&peer);
    peer.table.serving = false;
    health_tell(&peer.table);
    peer_pump(&peer);
    assert_int_equal(last_state(watch, 2), 2);
    assert_int_equal(last_state(unknown, 1), 3);
    assert_int_equal(last_state(leaver, 1), 1);
    peer.table.serving = true;
    health_tell(&peer.table);
    peer_pump(&peer);
    assert_int_equal(last_state(watch, 3), 1);
    assert_false(watch->closed);
    peer_end(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_answers_for_the_server_and_its_services),
        cmocka_unit_test(test_watch_hears_changes_until_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
