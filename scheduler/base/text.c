/* Text: bounded copies, UTF-8, numbers. */
#include "base/base.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool text_copy(char *out, size_t capacity, const char *text)
{
    ASSERT(capacity > 0);
    size_t size = strlen(text);
    bool fits = size < capacity;
    if (!fits) {
        size = capacity - 1;
        while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80) size--; /* never inside a character */
    }
    memmove(out, text, size);
    out[size] = 0;
    return fits;
}

void text_format(char *out, size_t capacity, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(out, capacity, format, arguments);
    va_end(arguments);
    if (size < 0) out[0] = 0;
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
static size_t utf8_length(const unsigned char *at, size_t left)
{
    if (at[0] < 0x80) return at[0] != 0;
    size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || left < length) return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80) return 0;
    if (at[0] == 0xe0 && at[1] < 0xa0) return 0;
    if (at[0] == 0xed && at[1] > 0x9f) return 0;
    if (at[0] == 0xf0 && at[1] < 0x90) return 0;
    if (at[0] == 0xf4 && at[1] > 0x8f) return 0;
    return length;
}

bool text_is_utf8(const char *text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text;
    while (length > 0) {
        size_t step = utf8_length(at, length);
        if (step == 0) return false;
        at += step;
        length -= step;
    }
    return true;
}

bool text_to_i64(const char *text, int64_t min, int64_t max, int64_t *out)
{
    if (!(text[0] == '-' || (text[0] >= '0' && text[0] <= '9'))) return false;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < min || value > max) return false;
    *out = value;
    return true;
}

bool text_to_double(const char *text, double min, double max, double *out)
{
    if (!(text[0] == '-' || text[0] == '.' || (text[0] >= '0' && text[0] <= '9')) || strpbrk(text, "xXpPnN")) return false;
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (errno || end == text || *end || !isfinite(value) || value < min || value > max) return false;
    *out = value;
    return true;
}
