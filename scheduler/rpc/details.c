/* google/rpc/status.proto and error_details.proto, encoded by hand: this room has no protobuf. */
#include "details.h"

#include <string.h>

static void varint(struct buffer *out, uint64_t value)
{
    while (value >= 0x80) {
        buffer_u8(out, (uint8_t)(value | 0x80));
        value >>= 7;
    }
    buffer_u8(out, (uint8_t)value);
}

static void bytes_field(struct buffer *out, unsigned number, const void *data, size_t size)
{
    varint(out, number << 3 | 2);
    varint(out, size);
    buffer_append(out, data, size);
}

static void text_field(struct buffer *out, unsigned number, const char *text)
{
    if (*text) bytes_field(out, number, text, strlen(text));
}

static void number_field(struct buffer *out, unsigned number, uint64_t value)
{
    if (!value) return;
    varint(out, number << 3);
    varint(out, value);
}

/* Status.details: google.protobuf.Any{type_url, value} */
static void any_field(struct buffer *out, const char *type, const struct buffer *value)
{
    struct buffer any;
    buffer_init(&any, 4096);
    text_field(&any, 1, type);
    bytes_field(&any, 2, value->data, value->size);
    bytes_field(out, 3, any.data, any.size);
    buffer_deinit(&any);
}

static void bad_request(struct buffer *out, const struct error *err)
{
    struct buffer violation, value;
    buffer_init(&violation, 2048);
    buffer_init(&value, 2048);
    text_field(&violation, 1, err->field);
    text_field(&violation, 2, err->text);
    bytes_field(&value, 1, violation.data, violation.size);
    any_field(out, "type.googleapis.com/google.rpc.BadRequest", &value);
    buffer_deinit(&violation);
    buffer_deinit(&value);
}

static void error_info(struct buffer *out, const struct error *err)
{
    struct buffer value;
    buffer_init(&value, 2048);
    text_field(&value, 1, err->reason);
    text_field(&value, 2, "meddispatch");
    any_field(out, "type.googleapis.com/google.rpc.ErrorInfo", &value);
    buffer_deinit(&value);
}

static void retry_info(struct buffer *out, const struct error *err)
{
    struct buffer duration, value;
    buffer_init(&duration, 64);
    buffer_init(&value, 128);
    number_field(&duration, 1, err->retry_ms / 1000);
    number_field(&duration, 2, (uint64_t)(err->retry_ms % 1000) * 1000000);
    bytes_field(&value, 1, duration.data, duration.size);
    any_field(out, "type.googleapis.com/google.rpc.RetryInfo", &value);
    buffer_deinit(&duration);
    buffer_deinit(&value);
}

bool details_wanted(const struct error *err)
{
    return err->field[0] || err->reason[0] || err->retry_ms;
}

void details_encode(const struct error *err, struct buffer *out)
{
    number_field(out, 1, (uint64_t)err->status);
    text_field(out, 2, err->text);
    if (err->field[0]) bad_request(out, err);
    if (err->reason[0]) error_info(out, err);
    if (err->retry_ms) retry_info(out, err);
}
