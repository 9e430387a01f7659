/* rpc/stray: however the bytes are cut, what comes out is what went in without the stray resets, and each question is asked when all before it is out. */
#include "scheduler/rpc/stray.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

enum { PREFACE = 24, FRAMES = 60 };

struct seen {
    struct buffer out;
    size_t asked_at[FRAMES];        /* how much was out when each reset was asked about */
    uint32_t asked;
    size_t stop_after;              /* bytes; 0: never */
};

static bool on_bytes(void *context, const uint8_t *bytes, size_t count)
{
    struct seen *seen = context;
    assert_true(count > 0);
    buffer_append(&seen->out, bytes, count);
    return !seen->stop_after || seen->out.size < seen->stop_after;
}

/* The test's strays are the streams that 3 divides. */
static bool is_stray(void *context, uint32_t stream)
{
    struct seen *seen = context;
    assert_true(seen->asked < FRAMES);
    seen->asked_at[seen->asked++] = seen->out.size;
    return stream % 3 == 0;
}

static void frame(struct buffer *out, uint32_t length, uint8_t type, uint32_t stream)
{
    uint8_t head[9] = {(uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length, type, 0, (uint8_t)(stream >> 24), (uint8_t)(stream >> 16), (uint8_t)(stream >> 8), (uint8_t)stream};
    buffer_append(out, head, sizeof head);
    for (uint32_t i = 0; i < length; i++) buffer_u8(out, (uint8_t)(i % 7)); /* 3 among them: a payload is no frame */
}

static void test_any_cut_gives_the_same(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 17);
    for (int round = 0; round < 300; round++) {
        struct buffer in, expected;
        size_t asked_at[FRAMES];
        uint32_t asked = 0;
        buffer_init(&in, 1 << 20);
        buffer_init(&expected, 1 << 20);
        for (size_t i = 0; i < PREFACE; i++) buffer_u8(&in, 'p');
        buffer_append(&expected, in.data, in.size);
        for (size_t i = 0; i < FRAMES; i++) {
            size_t before = in.size;
            bool reset = rng_below(&rng, 2);
            uint32_t stream = 1 + rng_below(&rng, 30), length = reset ? (rng_below(&rng, 5) ? 4 : rng_below(&rng, 8)) : rng_below(&rng, 40);
            frame(&in, length, reset ? 3 : (uint8_t)(rng_below(&rng, 10) + 4), stream | (rng_below(&rng, 2) ? 0x80000000u : 0)); /* the reserved bit is ignored */
            bool judged = reset && length == 4;
            if (judged) asked_at[asked++] = expected.size;
            if (!judged || stream % 3) buffer_append(&expected, in.data + before, in.size - before);
        }
        struct stray stray;
        struct seen seen = {.asked = 0};
        const struct stray_target target = {on_bytes, is_stray, &seen};
        buffer_init(&seen.out, 1 << 20);
        stray_init(&stray);
        for (size_t at = 0; at < in.size;) {
            size_t cut = 1 + rng_below(&rng, round % 3 == 0 ? 1 : round % 3 == 1 ? 12 : 500);
            if (cut > in.size - at) cut = in.size - at;
            assert_true(stray_feed(&stray, in.data + at, cut, &target));
            at += cut;
            assert_true(at - seen.out.size <= in.size - expected.size + STRAY_FRAME); /* no more than a frame's beginning is held back */
        }
        assert_int_equal(seen.out.size, expected.size);
        assert_memory_equal(seen.out.data, expected.data, expected.size);
        assert_int_equal(seen.asked, asked);
        for (uint32_t i = 0; i < asked; i++) assert_int_equal(seen.asked_at[i], asked_at[i]);
        buffer_deinit(&in);
        buffer_deinit(&expected);
        buffer_deinit(&seen.out);
    }
}

static void test_stops_where_the_reader_stops(void **state)
{
    (void)state;
    struct buffer in;
    buffer_init(&in, 1 << 16);
    for (size_t i = 0; i < PREFACE; i++) buffer_u8(&in, 'p');
    for (uint32_t i = 0; i < 10; i++) frame(&in, 4, 3, 1);
    struct stray stray;
    struct seen seen = {.stop_after = 30};
    const struct stray_target target = {on_bytes, is_stray, &seen};
    buffer_init(&seen.out, 1 << 16);
    stray_init(&stray);
    assert_false(stray_feed(&stray, in.data, in.size, &target));
    assert_true(seen.out.size >= 30 && seen.out.size < in.size);
    buffer_deinit(&in);
    buffer_deinit(&seen.out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_any_cut_gives_the_same), cmocka_unit_test(test_stops_where_the_reader_stops)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
