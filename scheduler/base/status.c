/* Status names, error text, and the end of a program that has found a bug. */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void assert_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "level=error event=assertion_failed what=\"%s\" at=%s:%d\n", what, file, line);
    abort();
}

const char *status_name(enum status status)
{
    switch (status) {
    case STATUS_OK: return "OK";
    case STATUS_CANCELLED: return "CANCELLED";
    case STATUS_UNKNOWN: return "UNKNOWN";
    case STATUS_INVALID_ARGUMENT: return "INVALID_ARGUMENT";
    case STATUS_DEADLINE_EXCEEDED: return "DEADLINE_EXCEEDED";
    case STATUS_NOT_FOUND: return "NOT_FOUND";
    case STATUS_ALREADY_EXISTS: return "ALREADY_EXISTS";
    case STATUS_PERMISSION_DENIED: return "PERMISSION_DENIED";
    case STATUS_RESOURCE_EXHAUSTED: return "RESOURCE_EXHAUSTED";
    case STATUS_FAILED_PRECONDITION: return "FAILED_PRECONDITION";
    case STATUS_ABORTED: return "ABORTED";
    case STATUS_OUT_OF_RANGE: return "OUT_OF_RANGE";
    case STATUS_UNIMPLEMENTED: return "UNIMPLEMENTED";
    case STATUS_INTERNAL: return "INTERNAL";
    case STATUS_UNAVAILABLE: return "UNAVAILABLE";
    case STATUS_DATA_LOSS: return "DATA_LOSS";
    case STATUS_UNAUTHENTICATED: return "UNAUTHENTICATED";
    }
    return "UNKNOWN";
}

/* vsnprintf may cut inside a UTF-8 sequence; an error text must stay valid. */
static void cut_at_character(char *text, size_t capacity)
{
    size_t size = strlen(text);
    if (size + 1 < capacity) return;
    while (size > 0 && ((unsigned char)text[size - 1] & 0xc0) == 0x80) size--;
    if (size > 0 && (unsigned char)text[size - 1] >= 0xc0) size--;
    text[size] = 0;
}

/* What a peer sent may be quoted in a text; a text that is not UTF-8 would make the whole answer undecodable. */
static void mend_utf8(char *text)
{
    for (size_t at = 0, step; text[at]; at += step) {
        size_t left = strlen(text + at);
        step = 1;
        if ((unsigned char)text[at] < 0x80) continue;
        for (step = left < 4 ? left : 4; step > 1 && !text_is_utf8(text + at, step); step--) continue;
        if (step == 1) text[at] = '?';
    }
}

static void finish_text(char *text, size_t capacity)
{
    cut_at_character(text, capacity);
    mend_utf8(text);
}

static void error_begin(struct error *err, enum status status)
{
    memset(err, 0, sizeof *err);
    err->status = status;
}

enum status error_set(struct error *err, enum status status, const char *format, ...)
{
    if (!err) return status;
    va_list arguments;
    va_start(arguments, format);
    char text[ERROR_TEXT_MAX];
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    finish_text(text, sizeof text);
    error_begin(err, status);
    memcpy(err->text, text, sizeof text);
    return status;
}

enum status error_field(struct error *err, const char *field, const char *format, ...)
{
    if (!err) return STATUS_INVALID_ARGUMENT;
    va_list arguments;
    va_start(arguments, format);
    char what[ERROR_TEXT_MAX], name[ERROR_FIELD_MAX];
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    text_copy(name, sizeof name, field);
    error_begin(err, STATUS_INVALID_ARGUMENT);
    text_format(err->text, sizeof err->text, "%s %s", name, what);
    finish_text(err->text, sizeof err->text);
    mend_utf8(name);
    memcpy(err->field, name, sizeof name);
    return STATUS_INVALID_ARGUMENT;
}

enum status error_reason(struct error *err, const char *reason)
{
    if (!err) return STATUS_UNKNOWN;
    text_copy(err->reason, sizeof err->reason, reason);
    return err->status;
}

enum status error_context(struct error *err, const char *format, ...)
{
    if (!err) return STATUS_UNKNOWN;
    va_list arguments;
    va_start(arguments, format);
    char context[ERROR_TEXT_MAX], before[ERROR_TEXT_MAX];
    vsnprintf(context, sizeof context, format, arguments);
    va_end(arguments);
    memcpy(before, err->text, sizeof before);
    text_format(err->text, sizeof err->text, "%s%s", context, before);
    finish_text(err->text, sizeof err->text);
    return err->status;
}
