/* Protocol buffers as far as a tile needs them, and the geometry commands of Mapbox Vector Tile 2.1, section 4.3. */
#include "tile.h"

#include <stdlib.h>
#include <string.h>

enum { MOVE_TO = 1, LINE_TO = 2 };

void pen_bytes_deinit(struct pen_bytes *bytes)
{
    free(bytes->data);
}

bool pen_bytes_room(struct pen_bytes *bytes, size_t more)
{
    if (bytes->failed) return false;
    if (bytes->capacity - bytes->size >= more) return true;
    size_t capacity = bytes->capacity ? bytes->capacity : 4096;
    while (capacity - bytes->size < more) capacity *= 2;
    uint8_t *data = realloc(bytes->data, capacity);
    if (!data) {
        bytes->failed = true;
        return false;
    }
    bytes->data = data;
    bytes->capacity = capacity;
    return true;
}

void pen_varint(struct pen_bytes *bytes, uint64_t value)
{
    if (!pen_bytes_room(bytes, 10)) return;
    while (value >= 0x80) {
        bytes->data[bytes->size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes->data[bytes->size++] = (uint8_t)value;
}

void pen_append(struct pen_bytes *bytes, const void *data, size_t size)
{
    if (size == 0 || !pen_bytes_room(bytes, size)) return;
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

void pen_field(struct pen_bytes *bytes, uint32_t field, const void *data, size_t size)
{
    pen_varint(bytes, (uint64_t)field << 3 | 2);
    pen_varint(bytes, size);
    pen_append(bytes, data, size);
}

static void step(struct pen_bytes *bytes, int32_t from, int32_t to)
{
    int32_t delta = to - from; /* both within the tile and its buffer */
    pen_varint(bytes, (uint32_t)delta << 1 ^ (uint32_t)(delta >> 31));
}

void pen_geometry(struct pen_bytes *bytes, const struct pen *pen, struct pen_point *cursor)
{
    const struct pen_point *point = pen->points;
    for (uint32_t line = 0; line < pen->line_count; line++) {
        uint32_t count = pen->lines[line];
        for (uint32_t i = 0; i < count; i++, point++) {
            if (i == 0) pen_varint(bytes, 1u << 3 | MOVE_TO);
            if (i == 1) pen_varint(bytes, (uint64_t)(count - 1) << 3 | LINE_TO);
            step(bytes, cursor->x, point->x);
            step(bytes, cursor->y, point->y);
            *cursor = *point;
        }
    }
}
