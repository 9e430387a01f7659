/* Growing byte buffers and their reader: the one way in which rooms write canonical bytes. */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buffer_init(struct buffer *buffer, size_t cap)
{
    *buffer = (struct buffer){.cap = cap};
}

void buffer_deinit(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

void buffer_clear(struct buffer *buffer)
{
    buffer->size = 0;
    buffer->full = false;
}

/* Room for `more` bytes, or NULL with `full` set. */
static uint8_t *buffer_room(struct buffer *buffer, size_t more)
{
    if (buffer->full || more > buffer->cap || buffer->cap - more < buffer->size) {
        buffer->full = true;
        return NULL;
    }
    size_t need = buffer->size + more;
    if (need > buffer->capacity) {
        size_t capacity = buffer->capacity ? buffer->capacity : 256;
        while (capacity < need) capacity *= 2;
        if (capacity > buffer->cap) capacity = buffer->cap;
        buffer->data = mem_realloc(buffer->data, capacity, 1);
        buffer->capacity = capacity;
    }
    uint8_t *at = buffer->data + buffer->size;
    buffer->size = need;
    return at;
}

void buffer_append(struct buffer *buffer, const void *data, size_t size)
{
    if (size == 0) return;
    uint8_t *at = buffer_room(buffer, size);
    if (at) memcpy(at, data, size);
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    ASSERT(size >= 0);
    char *text = mem_alloc((size_t)size + 1);
    vsnprintf(text, (size_t)size + 1, format, again);
    va_end(again);
    buffer_append(buffer, text, (size_t)size);
    free(text);
}

void buffer_u8(struct buffer *buffer, uint8_t value)
{
    buffer_append(buffer, &value, 1);
}

static void buffer_little(struct buffer *buffer, uint64_t value, size_t bytes)
{
    uint8_t *at = buffer_room(buffer, bytes);
    for (size_t i = 0; at && i < bytes; i++) at[i] = (uint8_t)(value >> (8 * i));
}

void buffer_u32(struct buffer *buffer, uint32_t value)
{
    buffer_little(buffer, value, 4);
}

void buffer_u64(struct buffer *buffer, uint64_t value)
{
    buffer_little(buffer, value, 8);
}

void buffer_text(struct buffer *buffer, const char *text)
{
    size_t size = strlen(text);
    buffer_u32(buffer, (uint32_t)size);
    buffer_append(buffer, text, size);
}

void buffer_json_string(struct buffer *buffer, const char *text, size_t length)
{
    buffer_u8(buffer, '"');
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') buffer_printf(buffer, "\\%c", c);
        else if (c < 0x20 || c == 0x7f) buffer_printf(buffer, "\\u%04x", c);
        else buffer_u8(buffer, c);
    }
    buffer_u8(buffer, '"');
}

/* ---- reader ---- */

static uint64_t reader_little(struct reader *reader, size_t bytes)
{
    if (reader->bad || reader->size - reader->at < bytes) {
        reader->bad = true;
        return 0;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++) value |= (uint64_t)reader->data[reader->at + i] << (8 * i);
    reader->at += bytes;
    return value;
}

uint8_t reader_u8(struct reader *reader)
{
    return (uint8_t)reader_little(reader, 1);
}

uint32_t reader_u32(struct reader *reader)
{
    return (uint32_t)reader_little(reader, 4);
}

uint64_t reader_u64(struct reader *reader)
{
    return reader_little(reader, 8);
}

void reader_text(struct reader *reader, char *out, size_t capacity)
{
    ASSERT(capacity > 0);
    out[0] = 0;
    uint32_t size = reader_u32(reader);
    if (reader->bad || size >= capacity || reader->size - reader->at < size || memchr(reader->data + reader->at, 0, size)) {
        reader->bad = true;
        return;
    }
    memcpy(out, reader->data + reader->at, size);
    out[size] = 0;
    reader->at += size;
}
