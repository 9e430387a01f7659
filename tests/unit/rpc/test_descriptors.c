/* rpc/descriptors on a set that protoc made of protos/: every kind of symbol is found in its file, and an answer is a file with all its imports. */
#include "scheduler/rpc/descriptors.h"
#include "scheduler/rpc/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

extern const unsigned char town_descriptors[];
extern const unsigned long town_descriptors_size;

static struct descriptors *town(void)
{
    struct descriptors *descriptors = descriptors_new();
    struct error err;
    assert_int_equal(descriptors_add(descriptors, town_descriptors, town_descriptors_size, &err), STATUS_OK);
    descriptors_seal(descriptors);
    return descriptors;
}

static void test_every_kind_of_symbol(void **state)
{
    (void)state;
    static const struct { const char *symbol, *file; } ROWS[] = {
        {"town.street.Lane", "street.proto"}, {"town.street.Lane.Lamp", "street.proto"}, {"town.street.Lane.Lamp.State", "street.proto"},
        {"town.street.Lane.Lamp.OFF", "street.proto"}, {"town.street.Lane.Lamp.state", "street.proto"}, {"town.street.Lane.Lamp.lamp_count", "street.proto"},
        {"town.street.Lane.surface", "street.proto"}, {"town.street.Lane.gravel", "street.proto"}, {"town.street.Side", "street.proto"},
        {"town.street.RIGHT", "street.proto"}, {"town.street.street_name", "street.proto"}, {"town.street.Streets", "street.proto"},
        {"town.street.Streets.Walk", "street.proto"}, {"town.street.Streets.Cross", "street.proto"},
        {"town.House", "house.proto"}, {"town.House.stone", "house.proto"}, {"Stone", "stone.proto"}, {"Stone.mass_g", "stone.proto"},
        {"town.street", NULL}, {"town", NULL}, {"town.street.Lan", NULL}, {"town.street.Lane.", NULL}, {".town.House", NULL}, {"", NULL},
        {"town.street.Lane.Lamp.State.OFF", NULL}, /* an enum's values stand beside it */
        {"zzz", NULL}, {"A", NULL},
    };
    struct descriptors *descriptors = town();
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        int file = ROWS[i].file ? descriptors_file(descriptors, ROWS[i].file, strlen(ROWS[i].file)) : DESCRIPTORS_NONE;
        assert_true(!ROWS[i].file || file != DESCRIPTORS_NONE);
        assert_int_equal(descriptors_symbol(descriptors, ROWS[i].symbol, strlen(ROWS[i].symbol)), file);
    }
    assert_int_equal(descriptors_file(descriptors, "street.prot", 11), DESCRIPTORS_NONE);
    descriptors_free(descriptors);
}

static void test_extensions(void **state)
{
    (void)state;
    struct descriptors *descriptors = town();
    int street = descriptors_file(descriptors, "street.proto", 12);
    assert_int_equal(descriptors_extension(descriptors, "town.House", 10, 101), street);
    assert_int_equal(descriptors_extension(descriptors, "town.House", 10, 150), street);
    assert_int_equal(descriptors_extension(descriptors, "town.House", 10, 102), DESCRIPTORS_NONE);
    assert_int_equal(descriptors_extension(descriptors, "Stone", 5, 101), DESCRIPTORS_NONE);
    struct buffer numbers;
    buffer_init(&numbers, 100);
    assert_int_equal(descriptors_extensions(descriptors, "town.House", 10, &numbers), 2);
    assert_int_equal(numbers.size, 3);
    assert_memory_equal(numbers.data, "\x65\x96\x01", 3); /* 101, 150 */
    assert_int_equal(descriptors_extensions(descriptors, "Stone", 5, &numbers), 0);
    buffer_deinit(&numbers);
    descriptors_free(descriptors);
}

/* The names (field 1) of the files in a FileDescriptorResponse, joined. */
static void names_of(const struct buffer *response, char *out, size_t capacity)
{
    struct wire_reader files = wire_message(response->data, response->size);
    struct wire_field file, field;
    size_t at = 0;
    while (wire_next(&files, &file)) {
        struct wire_reader reader = wire_message(file.bytes, file.size);
        while (wire_next(&reader, &field)) {
            if (field.number != 1) continue;
            assert_true(at + field.size + 2 < capacity);
            memcpy(out + at, field.bytes, field.size);
            at += field.size;
            out[at++] = ' ';
        }
    }
    assert_false(files.bad);
    out[at] = 0;
}

static void test_an_answer_has_all_imports_once(void **state)
{
    (void)state;
    static const struct { const char *file, *names; } ROWS[] = {
        {"street.proto", "street.proto house.proto stone.proto "}, {"house.proto", "house.proto stone.proto "}, {"stone.proto", "stone.proto "},
    };
    struct descriptors *descriptors = town();
    struct error err;
    assert_int_equal(descriptors_add(descriptors, town_descriptors, town_descriptors_size, &err), STATUS_OK); /* a second time adds nothing */
    descriptors_seal(descriptors);
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct buffer out;
        char names[200];
        buffer_init(&out, 1 << 20);
        descriptors_response(descriptors, descriptors_file(descriptors, ROWS[i].file, strlen(ROWS[i].file)), &out);
        names_of(&out, names, sizeof names);
        assert_string_equal(names, ROWS[i].names);
        buffer_deinit(&out);
    }
    descriptors_free(descriptors);
}

static void test_bad_sets_are_refused(void **state)
{
    (void)state;
    struct error err;
    for (size_t cut = 1; cut < town_descriptors_size; cut += 7) {
        struct descriptors *descriptors = descriptors_new();
        enum status rc = descriptors_add(descriptors, town_descriptors, cut, &err); /* between two files the cut is a good, smaller set */
        assert_true(rc == STATUS_INVALID_ARGUMENT || rc == STATUS_OK);
        if (rc == STATUS_OK) assert_int_equal(descriptors_symbol(descriptors, "town.street.Lane", 16), DESCRIPTORS_NONE);
        descriptors_free(descriptors);
    }
    struct descriptors *descriptors = descriptors_new();
    static const char LONELY[] = "\x0a\x0f\x0a\x05" "a.pro\x1a\x06" "b.prot";
    assert_int_equal(descriptors_add(descriptors, (const uint8_t *)LONELY, sizeof LONELY - 1, &err), STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(err.text, "b.prot"));
    descriptors_free(descriptors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_of_symbol),
        cmocka_unit_test(test_extensions),
        cmocka_unit_test(test_an_answer_has_all_imports_once),
        cmocka_unit_test(test_bad_sets_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
