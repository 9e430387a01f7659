/* base: error text, arenas, buffers, text, hashes, clock, rng, config. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void test_error_keeps_field_reason_and_valid_text(void **state)
{
    (void)state;
    struct error err;
    assert_int_equal(error_field(&err, "lines[2].price_fen", "must be %d..%d", 0, 9), STATUS_INVALID_ARGUMENT);
    assert_string_equal(err.text, "lines[2].price_fen must be 0..9");
    assert_string_equal(err.field, "lines[2].price_fen");
    assert_int_equal(error_reason(&err, "OFF_MAP"), STATUS_INVALID_ARGUMENT);
    assert_string_equal(err.reason, "OFF_MAP");
    assert_int_equal(error_context(&err, "file %s: ", "a.csv"), STATUS_INVALID_ARGUMENT);
    assert_string_equal(err.text, "file a.csv: lines[2].price_fen must be 0..9");
    assert_int_equal(error_set(NULL, STATUS_NOT_FOUND, "nobody listens"), STATUS_NOT_FOUND);
    char long_text[2000];
    for (size_t i = 0; i + 3 < sizeof long_text; i += 3) memcpy(long_text + i, "药", 3);
    long_text[1998] = 0;
    error_set(&err, STATUS_INTERNAL, "%s", long_text);
    assert_true(strlen(err.text) > ERROR_TEXT_MAX - 5 && text_is_utf8(err.text, strlen(err.text)));
    error_set(&err, STATUS_INTERNAL, "again: %s", err.text); /* its own text as an argument */
    assert_true(strncmp(err.text, "again: 药", 10) == 0);
}

/* A text may quote what a peer sent; what goes out must be UTF-8 whatever came in, and what was UTF-8 stays as it is. */
static void test_error_text_is_utf8_whatever_is_quoted(void **state)
{
    (void)state;
    struct error err;
    error_set(&err, STATUS_INVALID_ARGUMENT, "'%s' is no name", "\xff药\xe8\x8d" "a\xf0\x9d\x84\x9e\xc0\x80é");
    assert_string_equal(err.text, "'?药??a𝄞??é' is no name");
    error_field(&err, "x\x80", "is '%s'", "\xed\xa0\x80");
    assert_true(text_is_utf8(err.text, strlen(err.text)) && text_is_utf8(err.field, strlen(err.field)));
    error_context(&err, "%s: ", "\xfe");
    assert_true(text_is_utf8(err.text, strlen(err.text)));
    struct rng rng;
    rng_init(&rng, 5);
    for (int round = 0; round < 2000; round++) {
        char noise[400];
        size_t size = rng_below(&rng, sizeof noise);
        for (size_t i = 0; i < size; i++) noise[i] = (char)(1 + rng_below(&rng, 255));
        noise[size] = 0;
        error_set(&err, STATUS_INTERNAL, "%s", noise);
        assert_true(text_is_utf8(err.text, strlen(err.text)));
    }
}

static void test_arena_zeroes_aligns_and_ends_at_its_cap(void **state)
{
    (void)state;
    struct arena *arena = arena_new(100000);
    struct rng rng;
    rng_init(&rng, 7);
    for (int i = 0; i < 500; i++) {
        size_t size = rng_below(&rng, 300);
        unsigned char *memory = arena_alloc(arena, size);
        if (!memory) break;
        assert_int_equal((uintptr_t)memory % 16, 0);
        for (size_t k = 0; k < size; k++) assert_int_equal(memory[k], 0);
        memset(memory, 0xee, size);
    }
    assert_null(arena_alloc(arena, 100001));
    assert_null(arena_alloc(arena, SIZE_MAX));
    arena_reset(arena);
    assert_int_equal(arena_used(arena), 0);
    assert_non_null(arena_alloc(arena, 90000));
    assert_string_equal(arena_strndup(arena, "courier", 4), "cour");
    arena_free(arena);
    arena_free(NULL);
}

static void test_buffer_and_reader_round_trip_and_refuse(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 4096);
    buffer_u8(&buffer, 200);
    buffer_u32(&buffer, 0xdeadbeef);
    buffer_u64(&buffer, UINT64_MAX - 1);
    buffer_text(&buffer, "二折购药");
    char text[32];
    for (size_t cut = 0; cut <= buffer.size; cut++) {
        struct reader reader = {.data = buffer.data, .size = cut};
        uint8_t a = reader_u8(&reader);
        uint32_t b = reader_u32(&reader);
        uint64_t c = reader_u64(&reader);
        reader_text(&reader, text, sizeof text);
        assert_int_equal(reader.bad, cut < buffer.size);
        if (cut < buffer.size) continue;
        assert_int_equal(a, 200);
        assert_int_equal(b, 0xdeadbeef);
        assert_true(c == UINT64_MAX - 1);
        assert_string_equal(text, "二折购药");
    }
    struct reader small = {.data = buffer.data + 13, .size = buffer.size - 13};
    reader_text(&small, text, 12); /* twelve bytes and the end don't fit */
    assert_true(small.bad);
    for (int i = 0; i < 5000; i++) buffer_u8(&buffer, 1);
    assert_true(buffer.full && buffer.size == 4096);
    buffer_clear(&buffer);
    buffer_json_string(&buffer, "a\"b\\\n\x01", 6);
    buffer_u8(&buffer, 0);
    assert_string_equal((char *)buffer.data, "\"a\\\"b\\\\\\u000a\\u0001\"");
    buffer_deinit(&buffer);
}

static void test_text_utf8_copy_and_numbers(void **state)
{
    (void)state;
    assert_true(text_is_utf8("é€𝄞药", strlen("é€𝄞药")));
    static const char *const BAD[] = {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80", "\xff", "\xf0\x80\x80\x80"};
    for (size_t i = 0; i < COUNT_OF(BAD); i++) assert_false(text_is_utf8(BAD[i], strlen(BAD[i])));
    assert_false(text_is_utf8("a\0b", 3));
    char out[6];
    assert_true(text_copy(out, sizeof out, "12345"));
    assert_false(text_copy(out, sizeof out, "药药"));
    assert_string_equal(out, "药");
    int64_t number;
    assert_true(text_to_i64("-42", -42, 9, &number) && number == -42);
    static const char *const NO[] = {"", " 1", "1 ", "+1", "0x10", "9223372036854775808", "10", "-43", "1e3"};
    for (size_t i = 0; i < COUNT_OF(NO); i++) assert_false(text_to_i64(NO[i], -42, 9, &number));
    double real;
    assert_true(text_to_double("116.39", -180, 180, &real) && fabs(real - 116.39) < 1e-12);
    static const char *const NOT[] = {"", "nan", "inf", "0x1p3", "181", "1,5", " 1"};
    for (size_t i = 0; i < COUNT_OF(NOT); i++) assert_false(text_to_double(NOT[i], -180, 180, &real));
}

static void test_sha256_known_answers(void **state)
{
    (void)state;
    char hex[65];
    struct sha256 sum = hash_sha256("abc", 3); /* FIPS 180-4, example B.1 */
    hash_hex(sum.byte, 32, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    struct hash_stream *stream = hash_stream_new();
    hash_stream_add(stream, "a", 1);
    hash_stream_add(stream, "bc", 2);
    struct sha256 pieces = hash_stream_finish(stream);
    assert_memory_equal(&pieces, &sum, sizeof sum);
}

static void test_clock_speed_is_a_function_of_real_time(void **state)
{
    (void)state;
    int64_t anchor = clock_real_ms() - 1000;
    clock_init(100, anchor);
    int64_t city = clock_now_ms();
    assert_true(city >= anchor + 100000 && city < anchor + 160000);
    assert_int_equal(clock_real_delay_ms(5000), 50);
    assert_int_equal(clock_real_delay_ms(0), 1);
    clock_init(1, 0);
    assert_true(llabs(clock_now_ms() - clock_real_ms()) < 1000);
}

static void test_rng_is_seeded_and_uniform(void **state)
{
    (void)state;
    struct rng a, b;
    rng_init(&a, 42);
    rng_init(&b, 42);
    uint32_t counts[7] = {0};
    for (int i = 0; i < 70000; i++) {
        uint32_t value = rng_below(&a, 7);
        assert_int_equal(value, rng_below(&b, 7));
        counts[value]++;
    }
    for (int i = 0; i < 7; i++) assert_in_range(counts[i], 9500, 10500);
    double unit = rng_unit(&a);
    assert_true(unit >= 0 && unit < 1);
}

struct settings {
    char name[CONFIG_TEXT_MAX];
    int64_t count;
    bool on;
};
static const struct config_key KEYS[] = {
    {"name", "text", "anna", CONFIG_TEXT, 0, 10, offsetof(struct settings, name), "a name"},
    {"count", "things", "3", CONFIG_INTEGER, 1, 9, offsetof(struct settings, count), "how many"},
    {"on", "true/false", "false", CONFIG_BOOLEAN, 0, 0, offsetof(struct settings, on), "whether"},
};

static enum status read_text(const char *text, struct settings *out, struct error *err)
{
    char path[] = "/tmp/meddispatch-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    assert_int_equal(config_defaults(KEYS, COUNT_OF(KEYS), out, err), STATUS_OK);
    enum status rc = config_read(KEYS, COUNT_OF(KEYS), path, out, err);
    unlink(path);
    return rc;
}

static void test_config_reads_refuses_and_prints_itself(void **state)
{
    (void)state;
    struct settings settings;
    struct error err;
    assert_int_equal(read_text("# hello\n\ncount = 7\n  on=true\n", &settings, &err), STATUS_OK);
    assert_string_equal(settings.name, "anna");
    assert_int_equal(settings.count, 7);
    assert_true(settings.on);
    static const char *const BAD[] = {"cuont = 7\n", "count = 10\n", "count = x\n", "count = 1\ncount = 2\n", "on = yes\n", "name = 12345678901\n", "count\n"};
    for (size_t i = 0; i < COUNT_OF(BAD); i++) {
        assert_int_equal(read_text(BAD[i], &settings, &err), STATUS_INVALID_ARGUMENT);
        assert_non_null(strstr(err.text, i == 3 ? ":2: " : ":1: "));
    }
    assert_int_equal(config_read(KEYS, COUNT_OF(KEYS), "/tmp", &settings, &err), STATUS_INVALID_ARGUMENT); /* a folder is no configuration */
    assert_int_equal(config_read(KEYS, COUNT_OF(KEYS), "/tmp/meddispatch-no-such-file", &settings, &err), STATUS_NOT_FOUND);
    struct buffer example;
    buffer_init(&example, 4096);
    config_print_example(KEYS, COUNT_OF(KEYS), &example);
    buffer_u8(&example, 0);
    assert_int_equal(read_text((char *)example.data, &settings, &err), STATUS_OK); /* what it prints, it reads */
    buffer_deinit(&example);
}

/* ---- sealing ---- */

static void from_hex(const char *hex, uint8_t *out)
{
    for (size_t i = 0; hex[2 * i]; i++) {
        char two[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        out[i] = (uint8_t)strtoul(two, NULL, 16);
    }
}

/* Test case 16 of McGrew and Viega's GCM specification (AES-256, with additional data): what another implementation sealed, ours opens. */
static void test_seal_opens_a_published_vector(void **state)
{
    (void)state;
    uint8_t key[32], about[20], sealed[12 + 60 + 16], plain[60], expected[60];
    from_hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", key);
    from_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2", about);
    from_hex("cafebabefacedbaddecaf888"
             "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
             "76fc6ece0f4e1768cddf8853bb2d551b", sealed);
    from_hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39", expected);
    assert_true(seal_open(key, about, sizeof about, sealed, sizeof sealed, plain));
    assert_memory_equal(plain, expected, sizeof plain);
}

static void test_seal_shows_every_change(void **state)
{
    (void)state;
    uint8_t key[SEAL_KEY_BYTES], plain[37], sealed[sizeof plain + SEAL_OVERHEAD], twice[sizeof sealed], out[sizeof plain];
    random_bytes(key, sizeof key);
    random_bytes(plain, sizeof plain);
    seal_close(key, "a", 1, plain, sizeof plain, sealed);
    seal_close(key, "a", 1, plain, sizeof plain, twice);
    assert_memory_not_equal(sealed, twice, sizeof sealed); /* never the same nonce */
    assert_true(seal_open(key, "a", 1, sealed, sizeof sealed, out));
    assert_memory_equal(out, plain, sizeof plain);
    for (size_t i = 0; i < sizeof sealed * 8; i++) {
        sealed[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_false(seal_open(key, "a", 1, sealed, sizeof sealed, out));
        assert_int_equal(out[0] | out[sizeof out - 1], 0);
        sealed[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    assert_false(seal_open(key, "b", 1, sealed, sizeof sealed, out));
    assert_false(seal_open(key, "a", 1, sealed, SEAL_OVERHEAD - 1, out));
    assert_false(seal_open(key, "a", 1, sealed, sizeof sealed - 1, out));
    key[31] ^= 1;
    assert_false(seal_open(key, "a", 1, sealed, sizeof sealed, out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seal_opens_a_published_vector),
        cmocka_unit_test(test_seal_shows_every_change),
        cmocka_unit_test(test_error_text_is_utf8_whatever_is_quoted),
        cmocka_unit_test(test_error_keeps_field_reason_and_valid_text), cmocka_unit_test(test_arena_zeroes_aligns_and_ends_at_its_cap),
        cmocka_unit_test(test_buffer_and_reader_round_trip_and_refuse), cmocka_unit_test(test_text_utf8_copy_and_numbers),
        cmocka_unit_test(test_sha256_known_answers),                    cmocka_unit_test(test_clock_speed_is_a_function_of_real_time),
        cmocka_unit_test(test_rng_is_seeded_and_uniform),               cmocka_unit_test(test_config_reads_refuses_and_prints_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
