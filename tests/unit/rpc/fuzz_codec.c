/* Any bytes through the small encodings: what they accept stays in its bounds, and what is encoded decodes to itself. */
#include "scheduler/rpc/codec.h"

#include <string.h>

enum { INPUT_MAX = 3000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What codec_percent writes, read back by RFC 3986's rule. */
static size_t unpercent(const char *text, char *out)
{
    size_t at = 0;
    for (; *text; text++) {
        if (*text != '%') {
            out[at++] = *text;
            continue;
        }
        char high = *++text, low = *++text;
        ASSERT(high && low);
        int a = high <= '9' ? high - '0' : high - 'A' + 10, b = low <= '9' ? low - '0' : low - 'A' + 10;
        ASSERT(a >= 0 && a < 16 && b >= 0 && b < 16);
        out[at++] = (char)(a * 16 + b);
    }
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_MAX) return 0;
    int64_t ms = -1;
    if (codec_timeout((const char *)data, size, &ms)) ASSERT(ms >= 0 && ms <= INT64_C(10) * 366 * 86400 * 1000 && size >= 2 && size <= 9);
    uint8_t decoded[INPUT_MAX + 1];
    char encoded[4 * INPUT_MAX / 3 + 8], text[INPUT_MAX + 1], percent[3 * INPUT_MAX + 1], again[INPUT_MAX + 1];
    int64_t count = codec_base64_decode((const char *)data, size, decoded, sizeof decoded);
    ASSERT(count >= -1 && count <= (int64_t)size);
    size_t length = codec_base64_encode(data, size, encoded);
    ASSERT(strlen(encoded) == length && length <= 4 * ((size + 2) / 3));
    count = codec_base64_decode(encoded, length, decoded, size);
    ASSERT(count == (int64_t)size && (size == 0 || memcmp(decoded, data, size) == 0));
    if (size == 0 || memchr(data, 0, size)) return 0;
    memcpy(text, data, size);
    text[size] = 0;
    codec_percent(text, percent, sizeof percent);
    for (const char *c = percent; *c; c++) ASSERT(*c >= 0x20 && *c <= 0x7e);
    ASSERT(unpercent(percent, again) == size && memcmp(again, text, size) == 0);
    size_t small = data[0] % 40 + 1u; /* cut to fit, at a whole escape */
    codec_percent(text, percent, small);
    ASSERT(strlen(percent) < small && unpercent(percent, again) <= size);
    return 0;
}
