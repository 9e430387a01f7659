/* The tiles asked last, within a bound of bytes: a hash table whose entries also stand in the order of their last use. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096 };

struct entry {
    struct geo_tile_id id;
    bool gzip;
    struct body *body;
    struct entry *next;             /* in its bucket */
    struct entry *newer, *older;
};

struct cache {
    struct entry *buckets[BUCKETS], *newest, *oldest;
    size_t bytes;
    uint32_t count;
};

struct body *body_new(const void *data, size_t size)
{
    struct body *body = mem_alloc(sizeof *body + size);
    body->references = 1;
    body->size = size;
    if (size > 0) memcpy(body->data, data, size);
    return body;
}

struct body *body_ref(struct body *body)
{
    body->references++;
    return body;
}

void body_unref(struct body *body)
{
    if (body && --body->references == 0) free(body);
}

struct cache *cache_new(void)
{
    return mem_zalloc(1, sizeof(struct cache));
}

static struct entry **place_of(struct cache *cache, struct geo_tile_id id, bool gzip)
{
    uint64_t key = (uint64_t)id.z << 37 | (uint64_t)id.x << 19 | (uint64_t)id.y << 1 | gzip;
    struct entry **place = &cache->buckets[hash_u64(key) % BUCKETS];
    while (*place && ((*place)->id.z != id.z || (*place)->id.x != id.x || (*place)->id.y != id.y || (*place)->gzip != gzip)) place = &(*place)->next;
    return place;
}

static void take_out(struct cache *cache, struct entry *entry)
{
    if (entry->newer) entry->newer->older = entry->older;
    else cache->newest = entry->older;
    if (entry->older) entry->older->newer = entry->newer;
    else cache->oldest = entry->newer;
}

static void put_first(struct cache *cache, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    if (cache->newest) cache->newest->newer = entry;
    else cache->oldest = entry;
    cache->newest = entry;
}

static size_t weight(const struct entry *entry)
{
    return sizeof *entry + sizeof *entry->body + entry->body->size;
}

static void drop(struct cache *cache, struct entry *entry)
{
    struct entry **place = place_of(cache, entry->id, entry->gzip);
    ASSERT(*place == entry);
    *place = entry->next;
    take_out(cache, entry);
    cache->bytes -= weight(entry);
    cache->count--;
    body_unref(entry->body);
    free(entry);
}

void cache_free(struct cache *cache)
{
    if (!cache) return;
    while (cache->oldest) drop(cache, cache->oldest);
    free(cache);
}

struct body *cache_find(struct cache *cache, struct geo_tile_id id, bool gzip)
{
    struct entry *entry = *place_of(cache, id, gzip);
    if (!entry) return NULL;
    take_out(cache, entry);
    put_first(cache, entry);
    return entry->body;
}

void cache_put(struct cache *cache, struct geo_tile_id id, bool gzip, struct body *body)
{
    struct entry **place = place_of(cache, id, gzip);
    ASSERT(!*place);
    struct entry *entry = mem_zalloc(1, sizeof *entry);
    *entry = (struct entry){.id = id, .gzip = gzip, .body = body_ref(body)};
    *place = entry;
    put_first(cache, entry);
    cache->bytes += weight(entry);
    cache->count++;
    while (cache->bytes > CACHE_BYTES_MAX || cache->count > CACHE_TILES_MAX) drop(cache, cache->oldest);
}

size_t cache_bytes(const struct cache *cache)
{
    return cache->bytes;
}
