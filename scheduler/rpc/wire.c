/* Varints, tags and lengths. It knows no message. */
#include "wire.h"

#include <string.h>

enum { TYPE_VARINT = 0, TYPE_FIXED64 = 1, TYPE_BYTES = 2, TYPE_FIXED32 = 5 };

void wire_varint(struct buffer *out, uint64_t value)
{
    while (value >= 0x80) {
        buffer_u8(out, (uint8_t)(value | 0x80));
        value >>= 7;
    }
    buffer_u8(out, (uint8_t)value);
}

void wire_bytes(struct buffer *out, unsigned number, const void *data, size_t size)
{
    wire_varint(out, number << 3 | TYPE_BYTES);
    wire_varint(out, size);
    buffer_append(out, data, size);
}

void wire_text(struct buffer *out, unsigned number, const char *text)
{
    if (*text) wire_bytes(out, number, text, strlen(text));
}

void wire_number(struct buffer *out, unsigned number, uint64_t value)
{
    if (!value) return;
    wire_varint(out, number << 3 | TYPE_VARINT);
    wire_varint(out, value);
}

struct wire_reader wire_message(const void *data, size_t size)
{
    return (struct wire_reader){.data = data, .size = size};
}

static uint64_t read_varint(struct wire_reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (reader->at == reader->size) break;
        uint8_t byte = reader->data[reader->at++];
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
    reader->bad = true;
    return 0;
}

static void read_bytes(struct wire_reader *reader, uint64_t size, struct wire_field *out)
{
    if (reader->bad || size > reader->size - reader->at) {
        reader->bad = true;
        return;
    }
    out->is_bytes = true;
    out->bytes = reader->data + reader->at;
    out->size = (size_t)size;
    reader->at += (size_t)size;
}

bool wire_next(struct wire_reader *reader, struct wire_field *out)
{
    *out = (struct wire_field){0};
    if (reader->bad || reader->at == reader->size) return false;
    uint64_t tag = read_varint(reader);
    if (tag >> 3 == 0 || tag >> 32) reader->bad = true;
    if (reader->bad) return false;
    out->number = (unsigned)(tag >> 3);
    switch (tag & 7) {
    case TYPE_VARINT: out->value = read_varint(reader); break;
    case TYPE_BYTES: read_bytes(reader, read_varint(reader), out); break;
    case TYPE_FIXED64: read_bytes(reader, 8, out); break;
    case TYPE_FIXED32: read_bytes(reader, 4, out); break;
    default: reader->bad = true;
    }
    return !reader->bad;
}
