/* rpc/exchange: one call without HTTP/2, in memory: what its owner gets, what its handler sees, and that nothing is left behind. */
#include "scheduler/rpc/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    uint32_t opened, messages, half_closes, writables, gones, outputs;
    enum status why;
    struct rpc_call *call;
    char echo[16];
} seen;

static void on_open(struct rpc_call *call, void *context)
{
    (void)context;
    seen.opened++;
    seen.call = call;
    size_t size;
    const char *echo = rpc_call_metadata(call, "x-echo", &size);
    if (echo) rpc_call_add_header(call, "x-echo", echo, size);
}

static void on_echo(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    seen.messages++;
    assert_int_equal(rpc_send(call, message, size), STATUS_OK);
    rpc_finish(call, NULL);
}

static void on_hold(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)call;
    (void)context;
    (void)message;
    (void)size;
    seen.messages++;
}

static void on_half_close(struct rpc_call *call, void *context)
{
    (void)call;
    (void)context;
    seen.half_closes++;
}

static void on_writable(struct rpc_call *call, void *context)
{
    (void)call;
    (void)context;
    seen.writables++;
}

static void on_gone(struct rpc_call *call, void *context, enum status why)
{
    (void)call;
    (void)context;
    seen.gones++;
    seen.why = why;
}

static const struct rpc_handler ECHO = {on_open, on_echo, on_half_close, on_writable, on_gone}, HOLD = {on_open, on_hold, on_half_close, on_writable, on_gone};
static const struct rpc_method METHODS[] = {
    {"/t.T/Echo", RPC_UNARY, &ECHO, NULL, 4096},
    {"/t.T/Feed", RPC_SERVER_STREAM, &HOLD, NULL, 4096},
    {"/t.T/Put", RPC_CLIENT_STREAM, &HOLD, NULL, 4096},
};

static struct rpc_limits limits;
static struct call_table table;

static void on_output(void *context)
{
    (void)context;
    seen.outputs++;
}

static int begin(void **state)
{
    (void)state;
    memset(&seen, 0, sizeof seen);
    memset(&limits, 0, sizeof limits);
    limits_fill(&limits);
    call_table_init(&table, &limits, METHODS, COUNT_OF(METHODS), NULL);
    table.now_ms = 1000000;
    return 0;
}

static int end(void **state)
{
    (void)state;
    assert_null(table.exchanges);
    assert_int_equal(table.memory, 0);
    assert_int_equal(table.stats.calls, 0);
    call_table_deinit(&table);
    return 0;
}

static struct rpc_exchange *open_call(const char *path, const char *timeout)
{
    struct rpc_exchange *exchange = exchange_new(&table, path, "test", on_output, NULL);
    if (timeout) rpc_exchange_header(exchange, "grpc-timeout", 12, timeout, strlen(timeout));
    rpc_exchange_header(exchange, "x-echo", 6, "yes", 3);
    rpc_exchange_open(exchange);
    return exchange;
}

static void feed(struct rpc_exchange *exchange, const char *message)
{
    uint8_t prefix[5] = {0, 0, 0, 0, (uint8_t)strlen(message)};
    rpc_exchange_feed(exchange, prefix, sizeof prefix);
    rpc_exchange_feed(exchange, (const uint8_t *)message, strlen(message));
}

/* The body's frames as "flag:text " each. */
static void expect_body(struct rpc_exchange *exchange, size_t piece, const char *expected)
{
    uint8_t body[4096];
    size_t size = 0, count;
    while ((count = rpc_exchange_take(exchange, body + size, piece)) > 0) size += count;
    char text[4096];
    size_t length = 0;
    for (size_t at = 0; at < size;) {
        assert_true(size - at >= 5);
        size_t whole = (size_t)body[at + 3] << 8 | body[at + 4];
        assert_true(size - at - 5 >= whole);
        int wrote = snprintf(text + length, sizeof text - length, "%u:%.*s ", body[at], (int)whole, (const char *)body + at + 5);
        assert_true(wrote > 0);
        length += (size_t)wrote;
        at += 5 + whole;
    }
    text[length] = 0;
    assert_string_equal(text, expected);
}

static void expect_head(struct rpc_exchange *exchange, const char *part)
{
    struct buffer head;
    buffer_init(&head, 4096);
    assert_true(rpc_exchange_head(exchange, &head));
    buffer_u8(&head, 0);
    assert_non_null(strstr((const char *)head.data, part));
    buffer_deinit(&head);
}

static void test_exchange_unary_is_answered_with_trailers_in_the_body(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 64; piece *= 3) {
        struct rpc_exchange *exchange = open_call("/t.T/Echo", NULL);
        struct buffer none;
        buffer_init(&none, 64);
        assert_false(rpc_exchange_head(exchange, &none));
        feed(exchange, "hello");
        assert_int_equal(seen.messages, 0); /* a second message would make the call wrong */
        rpc_exchange_half_close(exchange);
        assert_true(seen.outputs > 0);
        expect_head(exchange, "content-type: application/grpc-web+proto\r\n");
        expect_head(exchange, "x-echo: yes\r\n");
        assert_false(rpc_exchange_is_over(exchange));
        expect_body(exchange, piece, "0:hello 128:grpc-status: 0\r\n ");
        assert_true(rpc_exchange_is_over(exchange));
        assert_false(rpc_exchange_is_broken(exchange));
        rpc_exchange_free(exchange);
        seen.messages = 0;
    }
    assert_int_equal(seen.gones, 0);
}

static void test_exchange_tells_errors_in_the_body_too(void **state)
{
    (void)state;
    struct rpc_exchange *exchange = open_call("/t.T/None", NULL);
    rpc_exchange_half_close(exchange);
    expect_body(exchange, 7, "128:grpc-status: 12\r\ngrpc-message: no such service or method\r\n ");
    assert_true(rpc_exchange_is_over(exchange));
    rpc_exchange_free(exchange);
    exchange = open_call("/t.T/Echo", NULL);
    uint8_t lying[5] = {0, 0xff, 0xff, 0xff, 0xff};
    rpc_exchange_feed(exchange, lying, sizeof lying);
    rpc_exchange_feed(exchange, lying, sizeof lying); /* after the end: read away */
    expect_body(exchange, 4096, "128:grpc-status: 8\r\ngrpc-message: the message has 4294967295 bytes; at most 4096 are taken\r\n ");
    rpc_exchange_free(exchange);
    exchange = open_call("/t.T/Echo", NULL);
    rpc_exchange_feed(exchange, (const uint8_t *)"\0\0", 2);
    rpc_exchange_half_close(exchange);
    expect_body(exchange, 4096, "128:grpc-status: 13\r\ngrpc-message: the request ends inside a message\r\n ");
    rpc_exchange_free(exchange);
}

static void test_exchange_streams_and_tells_of_room(void **state)
{
    (void)state;
    struct rpc_exchange *exchange = open_call("/t.T/Feed", NULL);
    feed(exchange, "ask");
    rpc_exchange_half_close(exchange);
    assert_int_equal(seen.messages, 1);
    assert_int_equal(rpc_send(seen.call, (const uint8_t *)"one", 3), STATUS_OK);
    expect_body(exchange, 4096, "0:one ");
    assert_int_equal(seen.writables, 1);
    assert_false(rpc_exchange_is_over(exchange));
    assert_int_equal(rpc_send(seen.call, (const uint8_t *)"two", 3), STATUS_OK);
    assert_int_equal(rpc_send(seen.call, (const uint8_t *)"three", 5), STATUS_OK);
    rpc_finish(seen.call, NULL);
    expect_body(exchange, 3, "0:two 0:three 128:grpc-status: 0\r\n ");
    assert_true(rpc_exchange_is_over(exchange));
    rpc_exchange_free(exchange);
    assert_int_equal(seen.gones, 0);
}

static void test_exchange_that_is_freed_is_cancelled(void **state)
{
    (void)state;
    struct rpc_exchange *exchange = open_call("/t.T/Feed", NULL);
    feed(exchange, "ask");
    rpc_exchange_half_close(exchange);
    struct rpc_call_ref ref = rpc_call_ref(seen.call);
    assert_ptr_equal(table.slots[ref.slot].call, seen.call);
    rpc_exchange_free(exchange);
    assert_int_equal(seen.gones, 1);
    assert_int_equal(seen.why, STATUS_CANCELLED);
    assert_null(table.slots[ref.slot].call);
}

static void test_exchange_deadline_ends_it_with_a_word(void **state)
{
    (void)state;
    struct rpc_exchange *exchange = open_call("/t.T/Feed", "50m");
    feed(exchange, "ask");
    rpc_exchange_half_close(exchange);
    exchanges_sweep(&table, table.now_ms + 49, true, true);
    assert_int_equal(seen.gones, 0);
    exchanges_sweep(&table, table.now_ms + 50, true, true);
    assert_int_equal(seen.gones, 1);
    assert_int_equal(seen.why, STATUS_DEADLINE_EXCEEDED);
    expect_body(exchange, 4096, "128:grpc-status: 4\r\ngrpc-message: the call's deadline has passed\r\n ");
    rpc_exchange_free(exchange);
}

static void test_exchange_paused_wants_no_more_and_loses_nothing(void **state)
{
    (void)state;
    struct rpc_exchange *exchange = open_call("/t.T/Put", NULL);
    feed(exchange, "a");
    assert_int_equal(seen.messages, 1);
    rpc_call_pause(seen.call);
    assert_false(rpc_exchange_wants(exchange));
    feed(exchange, "b"); /* had been read already */
    rpc_exchange_half_close(exchange);
    assert_int_equal(seen.messages, 1);
    assert_int_equal(seen.half_closes, 0);
    uint32_t outputs = seen.outputs;
    rpc_call_resume(seen.call);
    assert_int_equal(seen.messages, 2);
    assert_int_equal(seen.half_closes, 1);
    assert_true(seen.outputs > outputs); /* the owner hears that there is room */
    rpc_exchange_free(exchange);
}

static void test_exchange_stalled_is_cut(void **state)
{
    (void)state;
    struct rpc_exchange *body = open_call("/t.T/Echo", NULL), *answer = open_call("/t.T/Feed", NULL);
    feed(answer, "ask");
    rpc_exchange_half_close(answer);
    assert_int_equal(rpc_send(seen.call, (const uint8_t *)"unread", 6), STATUS_OK);
    table.now_ms += limits.body_ms - 1;
    exchanges_sweep(&table, table.now_ms, false, true);
    assert_false(rpc_exchange_is_broken(body));
    table.now_ms += limits.write_stall_ms;
    exchanges_sweep(&table, table.now_ms, false, true);
    assert_true(rpc_exchange_is_broken(body) && rpc_exchange_is_over(body));
    assert_true(rpc_exchange_is_broken(answer));
    assert_int_equal(seen.gones, 2);
    rpc_exchange_free(body);
    rpc_exchange_free(answer);
}

static void test_exchange_stop_reaches_every_one(void **state)
{
    (void)state;
    struct rpc_exchange *first = open_call("/t.T/Feed", NULL), *second = open_call("/t.T/Feed", NULL);
    uint32_t visited = 0;
    for (struct session *session = NULL; (session = exchanges_next(&table, session)) != NULL;) visited++;
    assert_int_equal(visited, 2);
    exchanges_cut(&table);
    assert_true(rpc_exchange_is_over(first) && rpc_exchange_is_over(second));
    assert_int_equal(seen.gones, 2);
    rpc_exchange_free(first);
    rpc_exchange_free(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_exchange_unary_is_answered_with_trailers_in_the_body, begin, end),
        cmocka_unit_test_setup_teardown(test_exchange_tells_errors_in_the_body_too, begin, end),
        cmocka_unit_test_setup_teardown(test_exchange_streams_and_tells_of_room, begin, end),
        cmocka_unit_test_setup_teardown(test_exchange_that_is_freed_is_cancelled, begin, end),
        cmocka_unit_test_setup_teardown(test_exchange_deadline_ends_it_with_a_word, begin, end),
        cmocka_unit_test_setup_teardown(test_exchange_paused_wants_no_more_and_loses_nothing, begin, end),
        cmocka_unit_test_setup_teardown(test_exchange_stalled_is_cut, begin, end),
        cmocka_unit_test_setup_teardown(test_exchange_stop_reaches_every_one, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
