/* rpc/wire: what is written is read back; what is cut, overlong or lying is malformed, and nothing after it is read. */
#include "scheduler/rpc/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

static void test_written_is_read_back_and_every_cut_is_malformed(void **state)
{
    (void)state;
    static const uint64_t NUMBERS[] = {1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    struct buffer out;
    size_t ends[COUNT_OF(NUMBERS) + 1] = {0};
    buffer_init(&out, 1000);
    for (size_t i = 0; i < COUNT_OF(NUMBERS); i++) {
        wire_number(&out, (unsigned)(i * 100 + 1), NUMBERS[i]);
        wire_text(&out, (unsigned)(i * 100 + 2), "text");
        ends[i + 1] = out.size;
    }
    struct wire_reader reader = wire_message(out.data, out.size);
    struct wire_field field;
    for (size_t i = 0; i < COUNT_OF(NUMBERS); i++) {
        assert_true(wire_next(&reader, &field));
        assert_int_equal(field.number, i * 100 + 1);
        assert_false(field.is_bytes);
        assert_true(field.value == NUMBERS[i]);
        assert_true(wire_next(&reader, &field));
        assert_true(field.is_bytes && field.number == i * 100 + 2 && field.size == 4 && memcmp(field.bytes, "text", 4) == 0);
    }
    assert_false(wire_next(&reader, &field));
    assert_false(reader.bad);
    for (size_t cut = 0; cut < out.size; cut++) {
        reader = wire_message(out.data, cut);
        size_t fields = 0;
        while (wire_next(&reader, &field)) fields++;
        if (fields % 2 == 0) assert_int_equal(reader.bad, cut != ends[fields / 2]);
        assert_true(fields <= 2 * COUNT_OF(NUMBERS));
    }
    buffer_deinit(&out);
}

static void test_defaults_are_not_written(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, 100);
    wire_number(&out, 1, 0);
    wire_text(&out, 2, "");
    assert_int_equal(out.size, 0);
    wire_bytes(&out, 3, "", 0); /* an empty message in a oneof is something */
    assert_int_equal(out.size, 2);
    buffer_deinit(&out);
}

static void test_malformed(void **state)
{
    (void)state;
    static const struct { const char *bytes; size_t size; } ROWS[] = {
        {"\x00", 1},                                             /* field 0 */
        {"\x0a\x05" "abc", 5},                                   /* a lying length */
        {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},    /* and the longest */
        {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, /* a varint of eleven bytes */
        {"\x0b", 1}, {"\x0c", 1}, {"\x0e", 1}, {"\x0f", 1},      /* groups, and types that do not exist */
        {"\x0d" "abc", 4}, {"\x09" "abcdefg", 8},                /* fixed, cut */
        {"\x80\x80\x80\x80\x80\x01\x00", 7},                     /* a tag beyond 32 bits */
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct wire_reader reader = wire_message(ROWS[i].bytes, ROWS[i].size);
        struct wire_field field;
        assert_false(wire_next(&reader, &field));
        assert_true(reader.bad);
        assert_false(wire_next(&reader, &field));
    }
    struct wire_reader reader = wire_message("\x0d" "abcd\x09" "abcdefgh", 14);
    struct wire_field field;
    assert_true(wire_next(&reader, &field) && field.size == 4);
    assert_true(wire_next(&reader, &field) && field.size == 8);
    assert_false(wire_next(&reader, &field) || reader.bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_is_read_back_and_every_cut_is_malformed),
        cmocka_unit_test(test_defaults_are_not_written),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
