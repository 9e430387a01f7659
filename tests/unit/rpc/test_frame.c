/* rpc/frame: however the bytes are cut, the same messages come out; limits hold before anything is buffered. */
#include "scheduler/rpc/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>
#include <zlib.h>

enum { MESSAGE_MAX = 5000, MESSAGES = 50 };

static void put(struct buffer *wire, uint8_t flag, const void *message, size_t size)
{
    uint8_t prefix[FRAME_PREFIX] = {flag, (uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size};
    buffer_append(wire, prefix, sizeof prefix);
    buffer_append(wire, message, size);
}

static void test_any_cut_gives_the_same_messages(void **state)
{
    (void)state;
    struct rng rng;
    struct buffer wire;
    uint8_t message[MESSAGE_MAX];
    size_t sizes[MESSAGES];
    rng_init(&rng, 11);
    buffer_init(&wire, 1 << 20);
    for (size_t m = 0; m < MESSAGES; m++) {
        sizes[m] = rng_below(&rng, 3) ? rng_below(&rng, 20) : rng_below(&rng, MESSAGE_MAX + 1);
        memset(message, (int)m, sizeof message);
        put(&wire, 0, message, sizes[m]);
    }
    for (int round = 0; round < 200; round++) {
        struct frame_reader reader;
        struct error err;
        size_t at = 0, count = 0;
        frame_reader_init(&reader, MESSAGE_MAX, false);
        while (at < wire.size) {
            size_t cut = 1 + rng_below(&rng, round % 2 ? 7 : 4000), used, size;
            const uint8_t *got;
            if (cut > wire.size - at) cut = wire.size - at;
            assert_int_equal(frame_reader_feed(&reader, wire.data + at, cut, &used, &got, &size, &err), STATUS_OK);
            assert_true(used <= cut && (used == cut || got));
            at += used;
            if (!got) continue;
            assert_int_equal(size, sizes[count]);
            for (size_t i = 0; i < size; i++) assert_int_equal(got[i], count);
            count++;
            frame_reader_next(&reader);
        }
        assert_int_equal(count, MESSAGES);
        assert_false(frame_reader_is_inside(&reader));
        frame_reader_deinit(&reader);
    }
    buffer_deinit(&wire);
}

static enum status feed_all(const struct buffer *wire, bool gzip, struct error *err)
{
    struct frame_reader reader;
    const uint8_t *got;
    size_t used, size;
    frame_reader_init(&reader, MESSAGE_MAX, gzip);
    enum status rc = frame_reader_feed(&reader, wire->data, wire->size, &used, &got, &size, err);
    frame_reader_deinit(&reader);
    return rc;
}

static void test_limits_and_flags(void **state)
{
    (void)state;
    struct error err;
    struct buffer wire;
    buffer_init(&wire, 1 << 20);
    buffer_append(&wire, "\0\0\0\x13\x89", FRAME_PREFIX); /* 5001, and no body at all */
    assert_int_equal(feed_all(&wire, false, &err), STATUS_RESOURCE_EXHAUSTED);
    buffer_clear(&wire);
    put(&wire, 1, "x", 1);
    assert_int_equal(feed_all(&wire, false, &err), STATUS_INTERNAL);
    assert_int_equal(feed_all(&wire, true, &err), STATUS_INTERNAL); /* not gzip */
    buffer_clear(&wire);
    put(&wire, 2, "x", 1);
    assert_int_equal(feed_all(&wire, true, &err), STATUS_INTERNAL);
    static uint8_t zeros[1 << 20], packed[1 << 16];
    z_stream stream = {.next_in = zeros, .avail_in = sizeof zeros, .next_out = packed, .avail_out = sizeof packed};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t size = sizeof packed - stream.avail_out;
    deflateEnd(&stream);
    assert_true(size < MESSAGE_MAX);
    buffer_clear(&wire);
    put(&wire, 1, packed, size);
    assert_int_equal(feed_all(&wire, true, &err), STATUS_RESOURCE_EXHAUSTED);
    buffer_deinit(&wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_any_cut_gives_the_same_messages), cmocka_unit_test(test_limits_and_flags)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
