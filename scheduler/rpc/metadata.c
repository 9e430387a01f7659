/* Metadata as records in one buffer: two sizes, the name, the value. It knows nothing of HTTP/2 or base64. */
#include "metadata.h"

#include <stdlib.h>
#include <string.h>

struct record {
    uint32_t name_size, size;
};

enum { METADATA_FIRST_BYTES = 256 };

void metadata_add(struct metadata *metadata, const char *name, size_t name_size, const void *value, size_t size)
{
    ASSERT(name_size < UINT32_MAX / 4 && size < UINT32_MAX / 4);
    size_t need = metadata->size + sizeof(struct record) + name_size + 1 + size + 1;
    ASSERT(need < UINT32_MAX);
    if (need > metadata->capacity) {
        size_t capacity = metadata->capacity ? metadata->capacity : METADATA_FIRST_BYTES;
        while (capacity < need) capacity *= 2;
        metadata->bytes = mem_realloc(metadata->bytes, capacity, 1);
        metadata->capacity = (uint32_t)capacity;
    }
    struct record record = {(uint32_t)name_size, (uint32_t)size};
    uint8_t *at = metadata->bytes + metadata->size;
    memcpy(at, &record, sizeof record);
    at += sizeof record;
    memcpy(at, name, name_size);
    at[name_size] = 0;
    at += name_size + 1;
    if (size) memcpy(at, value, size);
    at[size] = 0;
    metadata->size = (uint32_t)need;
    metadata->count++;
}

bool metadata_next(const struct metadata *metadata, size_t *at, struct metadata_item *out)
{
    if (*at >= metadata->size) return false;
    struct record record;
    memcpy(&record, metadata->bytes + *at, sizeof record);
    const uint8_t *name = metadata->bytes + *at + sizeof record;
    *out = (struct metadata_item){(const char *)name, name + record.name_size + 1, record.name_size, record.size};
    *at += sizeof record + record.name_size + 1 + record.size + 1;
    ASSERT(*at <= metadata->size);
    return true;
}

const uint8_t *metadata_find(const struct metadata *metadata, const char *name, size_t *size)
{
    struct metadata_item item;
    for (size_t at = 0; metadata_next(metadata, &at, &item);) {
        if (strcmp(item.name, name) != 0) continue;
        if (size) *size = item.size;
        return item.value;
    }
    return NULL;
}

void metadata_deinit(struct metadata *metadata)
{
    free(metadata->bytes);
    *metadata = (struct metadata){0};
}

bool metadata_is_binary(const char *name, size_t size)
{
    return size > 4 && memcmp(name + size - 4, "-bin", 4) == 0;
}
