/* Requests that were answered: a bounded ring in the order of facts, and an index into it by key. */
#include "world.h"

#include <stdlib.h>
#include <string.h>

static uint32_t slot_of(const struct keys *keys, const uint8_t key[16])
{
    uint64_t word;
    memcpy(&word, key, sizeof word);
    return (uint32_t)(hash_u64(word) & (keys->slot_count - 1));
}

static struct key_entry *entry_of(const struct keys *keys, uint32_t position)
{
    return &keys->ring[position];
}

void keys_deinit(struct keys *keys)
{
    free(keys->ring);
    free(keys->slots);
}

static void index_put(struct keys *keys, uint32_t position)
{
    uint32_t slot = slot_of(keys, entry_of(keys, position)->key);
    while (keys->slots[slot]) slot = (slot + 1) & (keys->slot_count - 1);
    keys->slots[slot] = position + 1;
}

/* Backward-shift deletion: no tombstones, so the index never clogs. */
static void index_remove(struct keys *keys, uint32_t position)
{
    uint32_t mask = keys->slot_count - 1, hole = slot_of(keys, entry_of(keys, position)->key);
    while (keys->slots[hole] != position + 1) hole = (hole + 1) & mask;
    for (uint32_t next = (hole + 1) & mask; keys->slots[next]; next = (next + 1) & mask) {
        uint32_t home = slot_of(keys, entry_of(keys, keys->slots[next] - 1)->key);
        if (((next - home) & mask) < ((next - hole) & mask)) continue;
        keys->slots[hole] = keys->slots[next];
        hole = next;
    }
    keys->slots[hole] = 0;
}

static void grow(struct keys *keys)
{
    if (keys->count < keys->capacity) return;
    uint32_t capacity = keys->capacity ? keys->capacity * 2 : 1024;
    if (capacity > WORLD_KEYS_MAX) capacity = WORLD_KEYS_MAX;
    struct key_entry *ring = mem_zalloc(capacity, sizeof *ring);
    for (uint32_t i = 0; i < keys->count; i++) ring[i] = *keys_at(keys, i);
    free(keys->ring);
    free(keys->slots);
    keys->ring = ring;
    keys->capacity = capacity;
    keys->first = 0;
    keys->slot_count = 1024;
    while (keys->slot_count < 2 * capacity) keys->slot_count *= 2;
    keys->slots = mem_zalloc(keys->slot_count, sizeof *keys->slots);
    for (uint32_t i = 0; i < keys->count; i++) index_put(keys, i);
}

const struct key_entry *keys_at(const struct keys *keys, uint32_t index)
{
    ASSERT(index < keys->count);
    return entry_of(keys, (keys->first + index) % keys->capacity);
}

const struct key_entry *keys_find(const struct keys *keys, const uint8_t key[16])
{
    if (!keys->count) return NULL;
    for (uint32_t slot = slot_of(keys, key); keys->slots[slot]; slot = (slot + 1) & (keys->slot_count - 1)) {
        const struct key_entry *entry = entry_of(keys, keys->slots[slot] - 1);
        if (memcmp(entry->key, key, sizeof entry->key) == 0) return entry;
    }
    return NULL;
}

static void drop_oldest(struct keys *keys)
{
    index_remove(keys, keys->first);
    keys->first = (keys->first + 1) % keys->capacity;
    keys->count--;
}

void keys_add(struct keys *keys, const struct key_entry *entry)
{
    if (keys->count == WORLD_KEYS_MAX) drop_oldest(keys);
    grow(keys);
    uint32_t position = (keys->first + keys->count) % keys->capacity;
    keys->ring[position] = *entry;
    keys->count++;
    index_put(keys, position);
}

void keys_forget(struct keys *keys, int64_t before_ms)
{
    while (keys->count && keys_at(keys, 0)->at_ms < before_ms) drop_oldest(keys);
}
