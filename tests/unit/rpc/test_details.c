/* rpc/details: what was written by hand is read back by a reader of protobuf's wire format that shares nothing with the writer. */
#include "scheduler/rpc/details.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

struct field {
    uint32_t number, wire;
    uint64_t value;
    const uint8_t *bytes;
    size_t size;
};

static uint64_t varint(const uint8_t **at, const uint8_t *end)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        assert_true(*at < end);
        uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
    fail_msg("a varint of more than ten bytes");
    return 0;
}

/* The `nth` field (from 0) with this number; false if there are fewer. */
static bool find(const uint8_t *bytes, size_t size, uint32_t number, unsigned nth, struct field *out)
{
    const uint8_t *at = bytes, *end = bytes + size;
    while (at < end) {
        uint64_t key = varint(&at, end);
        *out = (struct field){.number = (uint32_t)(key >> 3), .wire = key & 7};
        assert_true(out->wire == 0 || out->wire == 2);
        out->value = varint(&at, end);
        if (out->wire == 2) {
            assert_true(out->value <= (size_t)(end - at));
            out->bytes = at;
            out->size = (size_t)out->value;
            at += out->size;
        }
        if (out->number == number && nth-- == 0) return true;
    }
    return false;
}

static void assert_text(const struct field *field, const char *text)
{
    assert_int_equal(field->size, strlen(text));
    assert_memory_equal(field->bytes, text, field->size);
}

/* Status.details[nth] is an Any of this type; its value. */
static struct field any_of(const struct buffer *status, unsigned nth, const char *type)
{
    struct field any, url, value;
    assert_true(find(status->data, status->size, 3, nth, &any));
    assert_true(find(any.bytes, any.size, 1, 0, &url));
    assert_text(&url, type);
    assert_true(find(any.bytes, any.size, 2, 0, &value));
    return value;
}

static void test_all_three_details_are_read_back(void **state)
{
    (void)state;
    struct error err;
    struct buffer out;
    struct field field, inner, value;
    buffer_init(&out, 8192);
    error_field(&err, "lines[2].price_fen", "must be 0..10000000 — 太小");
    error_reason(&err, "PRICE_RANGE");
    err.retry_ms = 1250;
    assert_true(details_wanted(&err));
    details_encode(&err, &out);
    assert_true(find(out.data, out.size, 1, 0, &field) && field.value == STATUS_INVALID_ARGUMENT);
    assert_true(find(out.data, out.size, 2, 0, &field));
    assert_text(&field, err.text);
    value = any_of(&out, 0, "type.googleapis.com/google.rpc.BadRequest");
    assert_true(find(value.bytes, value.size, 1, 0, &inner));
    assert_true(find(inner.bytes, inner.size, 1, 0, &field));
    assert_text(&field, "lines[2].price_fen");
    assert_true(find(inner.bytes, inner.size, 2, 0, &field));
    assert_text(&field, err.text);
    value = any_of(&out, 1, "type.googleapis.com/google.rpc.ErrorInfo");
    assert_true(find(value.bytes, value.size, 1, 0, &field));
    assert_text(&field, "PRICE_RANGE");
    assert_true(find(value.bytes, value.size, 2, 0, &field));
    assert_text(&field, "meddispatch");
    value = any_of(&out, 2, "type.googleapis.com/google.rpc.RetryInfo");
    assert_true(find(value.bytes, value.size, 1, 0, &inner));
    assert_true(find(inner.bytes, inner.size, 1, 0, &field) && field.value == 1);
    assert_true(find(inner.bytes, inner.size, 2, 0, &field) && field.value == 250000000);
    assert_false(find(out.data, out.size, 3, 3, &field));
    buffer_deinit(&out);
}

static void test_only_what_is_there_is_said(void **state)
{
    (void)state;
    struct error err;
    struct buffer out;
    struct field field, value;
    buffer_init(&out, 8192);
    error_set(&err, STATUS_NOT_FOUND, "no such order");
    assert_false(details_wanted(&err));
    err.retry_ms = 2000;
    assert_true(details_wanted(&err));
    details_encode(&err, &out);
    value = any_of(&out, 0, "type.googleapis.com/google.rpc.RetryInfo");
    assert_true(find(value.bytes, value.size, 1, 0, &field));
    assert_false(find(field.bytes, field.size, 2, 0, &field)); /* no nanos in whole seconds */
    assert_false(find(out.data, out.size, 3, 1, &field));
    buffer_deinit(&out);
}

static void test_the_longest_error_fits(void **state)
{
    (void)state;
    struct error err = {.status = STATUS_INVALID_ARGUMENT, .retry_ms = UINT32_MAX};
    struct buffer out;
    memset(err.text, 'x', sizeof err.text - 1);
    memset(err.field, 'f', sizeof err.field - 1);
    memset(err.reason, 'R', sizeof err.reason - 1);
    buffer_init(&out, 4096); /* what call.c gives */
    details_encode(&err, &out);
    assert_false(out.full);
    struct field value = any_of(&out, 2, "type.googleapis.com/google.rpc.RetryInfo"), field;
    assert_true(find(value.bytes, value.size, 1, 0, &field));
    buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_three_details_are_read_back),
        cmocka_unit_test(test_only_what_is_there_is_said),
        cmocka_unit_test(test_the_longest_error_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
