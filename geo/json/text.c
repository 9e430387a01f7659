/* Growing, escaping, positions. */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool grow(struct json *text, size_t more)
{
    if (text->status != GEO_OK) return false;
    if (text->size + more + 1 <= text->capacity) return true;
    size_t capacity = text->capacity ? text->capacity : 4096;
    while (capacity < text->size + more + 1) capacity *= 2;
    char *bytes = capacity <= GEO_JSON_BYTES_MAX ? realloc(text->bytes, capacity) : NULL;
    if (!bytes) {
        text->status = capacity <= GEO_JSON_BYTES_MAX ? GEO_NO_MEMORY : GEO_LIMIT;
        return false;
    }
    text->bytes = bytes;
    text->capacity = capacity;
    return true;
}

void json_add(struct json *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0 || !grow(text, (size_t)length)) return;
    va_start(arguments, format);
    (void)vsnprintf(text->bytes + text->size, (size_t)length + 1, format, arguments);
    va_end(arguments);
    text->size += (size_t)length;
}

/* Bytes of the character at `at`, 0 if it is not UTF-8 (RFC 3629). */
static size_t character(const unsigned char *at)
{
    size_t length = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : at[0] < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80) return 0;
    bool overlong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90), beyond = (at[0] == 0xed && at[1] >= 0xa0) || (at[0] == 0xf4 && at[1] >= 0x90);
    return length >= 3 && (overlong || beyond) ? 0 : length;
}

void json_string(struct json *text, const char *value)
{
    json_add(text, "\"");
    for (const unsigned char *at = (const unsigned char *)value; *at;) {
        size_t length = character(at);
        if (*at == '"' || *at == '\\') json_add(text, "\\%c", *at);
        else if (*at < 0x20 || *at == 0x7f) json_add(text, "\\u%04x", *at);
        else if (length == 0) json_add(text, "\\ufffd"); /* a map's names are anyone's bytes */
        else json_add(text, "%.*s", (int)length, (const char *)at);
        at += length ? length : 1;
    }
    json_add(text, "\"");
}

/* Degrees without floats: exact to the last digit. */
struct degrees {
    const char *sign;
    int whole, rest;
};

static struct degrees degrees_of(int32_t e7)
{
    int64_t size = e7 < 0 ? -(int64_t)e7 : e7;
    return (struct degrees){e7 < 0 ? "-" : "", (int)(size / 10000000), (int)(size % 10000000)};
}

void json_position(struct json *text, struct geo_point at)
{
    if (text->gcj02) at = geo_gcj02_from_wgs84(at);
    struct degrees lon = degrees_of(at.lon_e7), lat = degrees_of(at.lat_e7);
    json_add(text, "[%s%d.%07d,%s%d.%07d]", lon.sign, lon.whole, lon.rest, lat.sign, lat.whole, lat.rest);
}

void json_collection(struct json *text)
{
    json_add(text, "{\"type\":\"FeatureCollection\",%s\"features\":[", text->gcj02 ? "\"datum\":\"GCJ-02\"," : "");
}

enum geo_status json_finish(struct json *text, char **out, size_t *size)
{
    *out = NULL;
    *size = 0;
    if (text->status != GEO_OK) {
        free(text->bytes);
        return text->status;
    }
    *out = text->bytes;
    *size = text->size;
    return GEO_OK;
}

const char *json_class_name(uint8_t road_class)
{
    static const char *const NAMES[GEO_CLASS_COUNT] = {"motorway", "trunk", "primary", "secondary", "tertiary", "residential", "service",
                                                       "track", "cycleway", "footway", "steps", "ferry", "other"};
    return road_class < GEO_CLASS_COUNT ? NAMES[road_class] : "other";
}
