/* google/rpc/status.proto and error_details.proto, encoded by hand: this room has no protobuf. */
#include "details.h"
#include "wire.h"

/* Status.details: google.protobuf.Any{type_url, value} */
static void any_field(struct buffer *out, const char *type, const struct buffer *value)
{
    struct buffer any;
    buffer_init(&any, 4096);
    wire_text(&any, 1, type);
    wire_bytes(&any, 2, value->data, value->size);
    wire_bytes(out, 3, any.data, any.size);
    buffer_deinit(&any);
}

static void bad_request(struct buffer *out, const struct error *err)
{
    struct buffer violation, value;
    buffer_init(&violation, 2048);
    buffer_init(&value, 2048);
    wire_text(&violation, 1, err->field);
    wire_text(&violation, 2, err->text);
    wire_bytes(&value, 1, violation.data, violation.size);
    any_field(out, "type.googleapis.com/google.rpc.BadRequest", &value);
    buffer_deinit(&violation);
    buffer_deinit(&value);
}

static void error_info(struct buffer *out, const struct error *err)
{
    struct buffer value;
    buffer_init(&value, 2048);
    wire_text(&value, 1, err->reason);
    wire_text(&value, 2, "meddispatch");
    any_field(out, "type.googleapis.com/google.rpc.ErrorInfo", &value);
    buffer_deinit(&value);
}

static void retry_info(struct buffer *out, const struct error *err)
{
    struct buffer duration, value;
    buffer_init(&duration, 64);
    buffer_init(&value, 128);
    wire_number(&duration, 1, err->retry_ms / 1000);
    wire_number(&duration, 2, (uint64_t)(err->retry_ms % 1000) * 1000000);
    wire_bytes(&value, 1, duration.data, duration.size);
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
    wire_number(out, 1, (uint64_t)err->status);
    wire_text(out, 2, err->text);
    if (err->field[0]) bad_request(out, err);
    if (err->reason[0]) error_info(out, err);
    if (err->retry_ms) retry_info(out, err);
}
