/* Base64 in groups of four, cut anywhere. */
#include "text.h"

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+') return 62;
    if (c == '/') return 63;
    return -1;
}

/* One character into the group; a full group's bytes to `out`, returning their count. */
static uint32_t take(struct text_reader *reader, char c, uint8_t *out)
{
    int value = c == '=' ? 0 : sextet(c);
    bool pads = c == '=';
    if (value < 0 || (pads && reader->count < 2) || (!pads && reader->padding > 0)) {
        reader->bad = true;
        return 0;
    }
    reader->group[reader->count++] = (uint8_t)value;
    reader->padding += pads;
    if (reader->count < 4) return 0;
    uint32_t bits = (uint32_t)reader->group[0] << 18 | (uint32_t)reader->group[1] << 12 | (uint32_t)reader->group[2] << 6 | reader->group[3];
    uint32_t bytes = 3 - reader->padding;
    for (uint32_t i = 0; i < bytes; i++) out[i] = (uint8_t)(bits >> (16 - 8 * i));
    reader->count = reader->padding = 0;
    return bytes;
}

uint32_t text_read(struct text_reader *reader, const char *text, uint32_t size, uint8_t *out, uint32_t *out_size)
{
    uint32_t at = 0;
    *out_size = 0;
    while (at < size && !reader->bad && *out_size + 3 <= TEXT_PIECE_MAX) *out_size += take(reader, text[at++], out + *out_size);
    return at;
}

bool text_is_whole(const struct text_reader *reader)
{
    return !reader->bad && reader->count == 0;
}

uint32_t text_write(const uint8_t *data, uint32_t size, uint8_t *out)
{
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t at = 0;
    for (uint32_t i = 0; i < size; i += 3) {
        uint32_t left = size - i < 3 ? size - i : 3;
        uint32_t bits = (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) | (left > 2 ? data[i + 2] : 0);
        for (uint32_t k = 0; k < 4; k++) out[at++] = k <= left ? (uint8_t)ALPHABET[bits >> (18 - 6 * k) & 63] : '=';
    }
    return at;
}
