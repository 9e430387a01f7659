/* The door's checks: syntax, bounds, coordinates. What the law says about the values is for dispatch and claims. */
#include "internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum status check_text(const char *value, const char *field, size_t least, size_t most, struct error *err)
{
    size_t size = strlen(value);
    if (size < least) return error_field(err, field, size == 0 ? "is required" : "must have at least %zu bytes", least);
    if (size > most) return error_field(err, field, "must have at most %zu bytes of UTF-8, has %zu", most, size);
    for (const char *at = value; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) return error_field(err, field, "must not contain control characters");
    }
    return STATUS_OK;
}

enum status check_code(const char *value, const char *field, bool required, struct error *err)
{
    size_t size = strlen(value);
    if (size == 0) return required ? error_field(err, field, "is required") : STATUS_OK;
    if (size >= CODE_TEXT_MAX) return error_field(err, field, "must have at most %d characters, has %zu", CODE_TEXT_MAX - 1, size);
    for (const char *at = value; *at; at++) {
        if (*at <= 0x20 || *at >= 0x7f) return error_field(err, field, "must be printable ASCII without spaces");
    }
    return STATUS_OK;
}

enum status check_range(int64_t value, const char *field, int64_t min, int64_t max, struct error *err)
{
    if (value < min || value > max) return error_field(err, field, "must be %lld..%lld, is %lld", (long long)min, (long long)max, (long long)value);
    return STATUS_OK;
}

enum status check_id(uint64_t value, const char *field, struct error *err)
{
    if (value == 0) return error_field(err, field, "is required");
    if (value > INT64_MAX) return error_field(err, field, "is no id: larger than 2^63 - 1");
    return STATUS_OK;
}

enum status check_city(const struct api *api, uint32_t city, struct error *err)
{
    struct city_id served = engine_city(api->engine);
    if (city == 0) return error_field(err, "city_id", "is required");
    if (city != served.v) {
        error_set(err, STATUS_NOT_FOUND, "city %u is not served here; this daemon serves city %u", city, served.v);
        return error_reason(err, "CITY_NOT_SERVED");
    }
    return STATUS_OK;
}

enum status check_point(const Meddispatch__V1__Point *point, const char *field, struct point *out, struct error *err)
{
    if (!point) return error_field(err, field, "is required");
    if (!isfinite(point->lat) || !isfinite(point->lon) || fabs(point->lat) > 90 || fabs(point->lon) > 180)
        return error_field(err, field, "must have lat in -90..90 and lon in -180..180 degrees");
    if (point->lat == 0 && point->lon == 0) return error_field(err, field, "is required: 0,0 is no address");
    struct point at = {(int32_t)lround(point->lat * 1e7), (int32_t)lround(point->lon * 1e7)};
    if (point->datum == MEDDISPATCH__V1__DATUM__DATUM_GCJ02) at = engine_wgs84_from_gcj02(at);
    else if (point->datum != MEDDISPATCH__V1__DATUM__DATUM_UNSPECIFIED && point->datum != MEDDISPATCH__V1__DATUM__DATUM_WGS84)
        return error_field(err, field, "has an unknown datum %d", (int)point->datum);
    *out = at;
    return STATUS_OK;
}

enum status check_place(const struct api *api, const Meddispatch__V1__Point *point, const char *field, struct point *out, struct error *err)
{
    TRY(check_point(point, field, out, err));
    return engine_place_check(api->engine, *out, field, err);
}

enum status check_recipient(const struct api *api, const Meddispatch__V1__Recipient *recipient, struct recipient *out, struct error *err)
{
    if (!recipient) return error_field(err, "recipient", "is required");
    TRY(check_text(recipient->name, "recipient.name", 1, NAME_TEXT_MAX - 1, err));
    TRY(check_text(recipient->phone, "recipient.phone", 5, PHONE_TEXT_MAX - 1, err));
    if (strspn(recipient->phone, "0123456789+- ") != strlen(recipient->phone))
        return error_field(err, "recipient.phone", "may only have digits, '+', '-' and spaces");
    TRY(check_text(recipient->address, "recipient.address", 1, ADDRESS_TEXT_MAX - 1, err));
    TRY(check_place(api, recipient->at, "recipient.at", &out->at, err));
    text_copy(out->name, sizeof out->name, recipient->name);
    text_copy(out->phone, sizeof out->phone, recipient->phone);
    text_copy(out->address, sizeof out->address, recipient->address);
    return STATUS_OK;
}

enum status check_cause(const char *source, const char *key, const ProtobufCMessage *request, const char *role, const char *who, struct cause *out,
                        struct error *err)
{
    TRY(check_code(source, "source", true, err));
    size_t size = strlen(key);
    if (size == 0) return error_field(err, "idempotency_key", "is required: with it a repeated call is answered, not done again");
    if (size >= KEY_TEXT_MAX) return error_field(err, "idempotency_key", "must have at most %d characters, has %zu", KEY_TEXT_MAX - 1, size);
    for (const char *at = key; *at; at++) {
        if (*at < 0x20 || *at >= 0x7f) return error_field(err, "idempotency_key", "must be printable ASCII");
    }
    struct buffer canonical;
    buffer_init(&canonical, 8u << 20);
    size_t packed = protobuf_c_message_get_packed_size(request);
    uint8_t *bytes = mem_alloc(packed + 1);
    protobuf_c_message_pack(request, bytes);
    buffer_text(&canonical, request->descriptor->name); /* the same key for another method is another request */
    buffer_append(&canonical, bytes, packed);
    free(bytes);
    char actor[ACTOR_TEXT_MAX];
    text_format(actor, sizeof actor, "%s:%s", role, who);
    *out = cause_make(source, key, canonical.data, canonical.size, actor);
    buffer_deinit(&canonical);
    return STATUS_OK;
}

enum status check_date(const char *value, const char *field, bool required, struct error *err)
{
    if (*value == 0 && !required) return STATUS_OK;
    static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (strlen(value) == 10 && value[4] == '-' && value[7] == '-' && strspn(value, "0123456789-") == 10) {
        int year = (value[0] - '0') * 1000 + (value[1] - '0') * 100 + (value[2] - '0') * 10 + (value[3] - '0');
        int month = (value[5] - '0') * 10 + (value[6] - '0'), day = (value[8] - '0') * 10 + (value[9] - '0');
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        if (year >= 1900 && year <= 2200 && month >= 1 && month <= 12 && day >= 1 && day <= DAYS[month - 1] + (month == 2 && leap)) return STATUS_OK;
    }
    return error_field(err, field, "must be a date YYYY-MM-DD, years 1900..2200");
}
