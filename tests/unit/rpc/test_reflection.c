/* rpc/reflection through a session in memory: both versions, every question, errors that don't end the stream, a reader that does not read. */
#include "peer.h"
#include "scheduler/rpc/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

extern const unsigned char town_descriptors[];
extern const unsigned long town_descriptors_size;
static struct peer peer;

static void on_message(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    (void)message;
    (void)size;
    rpc_finish(call, NULL);
}

static const struct rpc_handler HANDLER = {.on_message = on_message};
static const struct rpc_method METHODS[] = {
    {"/town.street.Streets/Walk", RPC_SERVER_STREAM, &HANDLER, NULL, 1000},
    {"/a.Orders/Get", RPC_UNARY, &HANDLER, NULL, 1000},
    {"/town.street.Streets/Cross", RPC_UNARY, &HANDLER, NULL, 1000},
};
#define V1 "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
#define V1ALPHA "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"

static void begin(bool reflects)
{
    peer.descriptors = NULL;
    if (reflects) {
        struct error err;
        peer.descriptors = descriptors_new();
        assert_int_equal(descriptors_add(peer.descriptors, town_descriptors, town_descriptors_size, &err), STATUS_OK);
        descriptors_seal(peer.descriptors);
    }
    peer_begin(&peer, (struct rpc_limits){0}, METHODS, COUNT_OF(METHODS));
}

/* Sends one question; returns the field (4 to 7) of its answer. */
static struct wire_field ask(struct reply *reply, unsigned number, const char *text)
{
    struct buffer request;
    size_t before = reply->body.size;
    buffer_init(&request, 1000);
    wire_text(&request, 1, "host");
    wire_bytes(&request, number, text, strlen(text));
    peer_message(&peer, reply, request.data, request.size, false);
    peer_pump(&peer);
    assert_true(reply->body.size > before + FRAME_PREFIX);
    const uint8_t *frame = reply->body.data + before;
    size_t size = (size_t)frame[2] << 16 | (size_t)frame[3] << 8 | frame[4];
    assert_int_equal(before + FRAME_PREFIX + size, reply->body.size); /* one answer */
    struct wire_reader reader = wire_message(frame + FRAME_PREFIX, size);
    struct wire_field field, answer = {0};
    while (wire_next(&reader, &field)) {
        if (field.number == 1) assert_memory_equal(field.bytes, "host", 4);
        else if (field.number == 2) assert_memory_equal(field.bytes, request.data, request.size);
        else answer = field;
    }
    assert_false(reader.bad);
    buffer_deinit(&request);
    return answer;
}

static bool holds(const struct wire_field *field, const char *text)
{
    for (size_t i = 0; i + strlen(text) <= field->size; i++)
        if (memcmp(field->bytes + i, text, strlen(text)) == 0) return true;
    return false;
}

static void test_both_versions_answer_every_question(void **state)
{
    (void)state;
    static const struct { unsigned number; const char *text; unsigned answer; const char *holds[3], *lacks; } ROWS[] = {
        {7, "", 6, {"town.street.Streets", "a.Orders", "grpc.health.v1.Health"}, "Walk"},
        {7, "*", 6, {"grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection", NULL}, "Check"},
        {3, "street.proto", 4, {"street.proto", "house.proto", "stone.proto"}, NULL},
        {3, "stone.proto", 4, {"stone.proto", NULL, NULL}, "house.proto"},
        {4, "town.street.Streets", 4, {"Streets", "Cross", NULL}, NULL},
        {4, "town.street.Streets.Cross", 4, {"Streets", "Cross", NULL}, NULL},
        {5, "\x0a\x0atown.House\x10\x65", 4, {"street_name", NULL, NULL}, NULL},
        {6, "town.House", 5, {"town.House", "\x12\x03\x65\x96\x01", NULL}, NULL},
        {6, "Stone", 5, {"Stone", NULL, NULL}, NULL},
        {3, "none.proto", 7, {"\x08\x05", NULL, NULL}, NULL},
        {4, "town.None", 7, {"\x08\x05", NULL, NULL}, NULL},
        {5, "\x0a\x0atown.House\x10\x66", 7, {"\x08\x05", NULL, NULL}, NULL},
        {6, "town.None", 7, {"\x08\x05", NULL, NULL}, NULL},
        {9, "what", 7, {"\x08\x03", NULL, NULL}, NULL},
    };
    begin(true);
    for (int version = 0; version < 2; version++) {
        struct reply *reply = peer_open(&peer, version ? V1 : V1ALPHA, NULL);
        for (size_t i = 0; i < COUNT_OF(ROWS); i++) { /* one after another on one stream: an error does not end it */
            struct wire_field answer = ask(reply, ROWS[i].number, ROWS[i].text);
            assert_int_equal(answer.number, ROWS[i].answer);
            for (size_t k = 0; k < 3 && ROWS[i].holds[k]; k++) assert_true(holds(&answer, ROWS[i].holds[k]));
            if (ROWS[i].lacks) assert_false(holds(&answer, ROWS[i].lacks));
        }
        peer_send(&peer, reply, NULL, 0, true);
        peer_pump(&peer);
        assert_int_equal(reply->grpc, STATUS_OK);
    }
    peer_end(&peer);
}

static void test_garbage_ends_the_stream(void **state)
{
    (void)state;
    begin(true);
    struct reply *reply = peer_open(&peer, V1, NULL);
    peer_message(&peer, reply, "\xff\xff", 2, false);
    peer_pump(&peer);
    assert_int_equal(reply->grpc, STATUS_INVALID_ARGUMENT);
    peer_end(&peer);
}

static void test_without_descriptors_there_is_no_reflection(void **state)
{
    (void)state;
    begin(false);
    struct reply *reply = peer_open(&peer, V1, NULL);
    peer_pump(&peer);
    assert_int_equal(reply->grpc, STATUS_UNIMPLEMENTED);
    peer_end(&peer);
}

/* 20,000 questions of 20 bytes whose answers are never read: what is held stays small, and when they are read all come, in order. */
static void test_answers_that_are_not_read_are_not_made(void **state)
{
    (void)state;
    enum { QUESTIONS = 20000 };
    begin(true);
    peer.slow = true;
    struct reply *reply = peer_open(&peer, V1, NULL);
    char question[] = "\x1a\x0cstreet.proto";
    size_t most = 0;
    for (int i = 0; i < QUESTIONS; i++) {
        peer_message(&peer, reply, question, sizeof question - 1, i == QUESTIONS - 1);
        if (i % 100) continue;
        peer_pump(&peer);
        if (peer.session.memory > most) most = peer.session.memory;
    }
    peer_pump(&peer);
    assert_true(most > 1 << 20 && most < 3 << 20);
    while (!reply->closed) {
        size_t before = reply->body.size;
        peer_take(&peer, reply);
        peer_pump(&peer);
        assert_true(reply->body.size > before || reply->closed);
    }
    assert_int_equal(reply->grpc, STATUS_OK);
    size_t one = ((size_t)reply->body.data[3] << 8 | reply->body.data[4]) + FRAME_PREFIX;
    assert_int_equal(reply->body.size, one * QUESTIONS);
    for (size_t i = 1; i < QUESTIONS; i++) assert_memory_equal(reply->body.data + i * one, reply->body.data, one);
    peer_end(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_versions_answer_every_question),
        cmocka_unit_test(test_garbage_ends_the_stream),
        cmocka_unit_test(test_without_descriptors_there_is_no_reflection),
        cmocka_unit_test(test_answers_that_are_not_read_are_not_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
