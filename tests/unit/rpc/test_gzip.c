/* rpc/gzip: what is folded unfolds to the same, by our hand and by zlib's own; limits hold while unfolding; every cut and every flipped byte is refused
 * or harmless. */
#include "scheduler/rpc/gzip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { MESSAGE_MAX = 100000 };

/* zlib's own deflate, the oracle of the way in. */
static size_t pack(const uint8_t *bytes, size_t size, int level, uint8_t *to, size_t capacity)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)size, .next_out = to, .avail_out = (uInt)capacity};
    assert_int_equal(deflateInit2(&stream, level, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t packed = capacity - stream.avail_out;
    deflateEnd(&stream);
    return packed;
}

/* Text-like bytes: a few letters, so that folding gains. */
static void fill(struct rng *rng, uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)("abcdefgh"[rng_below(rng, 8)]);
}

static void test_round_trips_of_every_kind(void **state)
{
    (void)state;
    static uint8_t message[MESSAGE_MAX], packed[2 * MESSAGE_MAX];
    struct gzip_folder folder = {0};
    struct rng rng;
    struct buffer out;
    struct error err;
    rng_init(&rng, 3);
    buffer_init(&out, MESSAGE_MAX);
    for (int round = 0; round < 60; round++) {
        size_t size = round == 0 ? 0 : rng_below(&rng, round % 2 ? 200 : MESSAGE_MAX + 1);
        fill(&rng, message, size);
        size_t zlib = pack(message, size, round % 10, packed, sizeof packed);
        assert_int_equal(gzip_unfold(packed, zlib, MESSAGE_MAX, &out, &err), STATUS_OK);
        assert_int_equal(out.size, size);
        if (size) assert_memory_equal(out.data, message, size);
        size_t ours = gzip_fold(&folder, message, size, packed, size); /* the folder's state does not leak from one to the next */
        if (size > 2000) assert_true(ours > 0 && ours < size);
        if (!ours) continue;
        assert_int_equal(gzip_unfold(packed, ours, size, &out, &err), STATUS_OK);
        assert_int_equal(out.size, size);
        assert_memory_equal(out.data, message, size);
    }
    gzip_folder_deinit(&folder);
    buffer_deinit(&out);
}

static void test_noise_is_not_folded(void **state)
{
    (void)state;
    static uint8_t message[5000], packed[5000];
    struct gzip_folder folder = {0};
    struct rng rng;
    rng_init(&rng, 5);
    for (size_t i = 0; i < sizeof message; i++) message[i] = (uint8_t)rng_u64(&rng);
    assert_int_equal(gzip_fold(&folder, message, sizeof message, packed, sizeof packed - 1), 0);
    gzip_folder_deinit(&folder);
}

static void test_limit_holds_to_the_byte_and_a_bomb_is_left_early(void **state)
{
    (void)state;
    static uint8_t zeros[8 << 20], packed[1 << 16];
    struct buffer out;
    struct error err;
    size_t size = pack(zeros, MESSAGE_MAX, 9, packed, sizeof packed);
    buffer_init(&out, sizeof zeros);
    assert_int_equal(gzip_unfold(packed, size, MESSAGE_MAX, &out, &err), STATUS_OK);
    assert_int_equal(gzip_unfold(packed, size, MESSAGE_MAX - 1, &out, &err), STATUS_RESOURCE_EXHAUSTED);
    buffer_deinit(&out);
    buffer_init(&out, sizeof zeros);
    size = pack(zeros, sizeof zeros, 9, packed, sizeof packed);
    assert_int_equal(gzip_unfold(packed, size, MESSAGE_MAX, &out, &err), STATUS_RESOURCE_EXHAUSTED);
    assert_true(out.size <= MESSAGE_MAX && out.capacity <= 2 * MESSAGE_MAX); /* nothing is held beyond the limit */
    buffer_deinit(&out);
}

static void test_cut_padded_and_spoilt_streams(void **state)
{
    (void)state;
    uint8_t message[600], packed[1000], spoilt[1001];
    struct rng rng;
    struct buffer out;
    struct error err;
    rng_init(&rng, 9);
    fill(&rng, message, sizeof message);
    size_t size = pack(message, sizeof message, 6, packed, sizeof packed);
    buffer_init(&out, 100000);
    for (size_t cut = 0; cut < size; cut++) assert_int_equal(gzip_unfold(packed, cut, 100000, &out, &err), STATUS_INTERNAL);
    memcpy(spoilt, packed, size);
    spoilt[size] = 0;
    assert_int_equal(gzip_unfold(spoilt, size + 1, 100000, &out, &err), STATUS_INTERNAL);
    for (size_t at = 10; at < size; at++) { /* behind the header every byte is guarded by the checksum */
        memcpy(spoilt, packed, size);
        spoilt[at] ^= 0x10;
        enum status rc = gzip_unfold(spoilt, size, 100000, &out, &err);
        assert_true(rc != STATUS_OK || (out.size == sizeof message && memcmp(out.data, message, sizeof message) == 0));
    }
    buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips_of_every_kind),
        cmocka_unit_test(test_noise_is_not_folded),
        cmocka_unit_test(test_limit_holds_to_the_byte_and_a_bomb_is_left_early),
        cmocka_unit_test(test_cut_padded_and_spoilt_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
