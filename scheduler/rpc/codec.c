/* Timeouts, percent-encoding, base64. */
#include "codec.h"

bool codec_timeout(const char *text, size_t size, int64_t *out_ms)
{
    static const struct { char unit; int64_t multiply, divide; } UNITS[] = {
        {'H', 3600000, 1}, {'M', 60000, 1}, {'S', 1000, 1}, {'m', 1, 1}, {'u', 1, 1000}, {'n', 1, 1000000},
    };
    enum { DIGITS_MAX = 8 };
    if (size < 2 || size > DIGITS_MAX + 1) return false;
    int64_t value = 0;
    for (size_t i = 0; i + 1 < size; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        value = value * 10 + (text[i] - '0');
    }
    for (size_t u = 0; u < COUNT_OF(UNITS); u++) {
        if (UNITS[u].unit != text[size - 1]) continue;
        int64_t ms = (value * UNITS[u].multiply + UNITS[u].divide - 1) / UNITS[u].divide;
        const int64_t most = INT64_C(10) * 366 * 86400 * 1000;
        *out_ms = ms > most ? most : ms;
        return true;
    }
    return false;
}

void codec_percent(const char *text, char *out, size_t capacity)
{
    static const char HEX[] = "0123456789ABCDEF";
    ASSERT(capacity > 0);
    size_t at = 0;
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        bool plain = *c >= 0x20 && *c <= 0x7e && *c != '%';
        if (at + (plain ? 1 : 3) >= capacity) break;
        if (plain) {
            out[at++] = (char)*c;
        } else {
            out[at++] = '%';
            out[at++] = HEX[*c >> 4];
            out[at++] = HEX[*c & 15];
        }
    }
    out[at] = 0;
}

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    if (c == '/' || c == '_') return 63;
    return -1;
}

int64_t codec_base64_decode(const char *text, size_t size, uint8_t *out, size_t capacity)
{
    while (size > 0 && text[size - 1] == '=') size--;
    if (size % 4 == 1) return -1;
    size_t at = 0;
    uint32_t bits = 0;
    int have = 0;
    for (size_t i = 0; i < size; i++) {
        int value = sextet(text[i]);
        if (value < 0) return -1;
        bits = bits << 6 | (uint32_t)value;
        have += 6;
        if (have < 8) continue;
        have -= 8;
        if (at == capacity) return -1;
        out[at++] = (uint8_t)(bits >> have);
    }
    return (int64_t)at;
}

size_t codec_base64_encode(const uint8_t *data, size_t size, char *out)
{
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t at = 0;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i < 3 ? size - i : 3;
        uint32_t bits = (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) | (left > 2 ? data[i + 2] : 0);
        for (size_t k = 0; k <= left; k++) out[at++] = ALPHABET[bits >> (18 - 6 * k) & 63];
    }
    out[at] = 0;
    return at;
}
