/* Who may call: the city's credentials in memory, by their digests, replaced whole when the database says that one has changed. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

struct callers {
    pthread_mutex_t lock;           /* held for a probe and a copy */
    struct caller *all;
    uint32_t count, *slots, slot_mask;
    _Atomic uint64_t version;
};

struct callers *callers_new(void)
{
    struct callers *callers = mem_zalloc(1, sizeof *callers);
    pthread_mutex_init(&callers->lock, NULL);
    return callers;
}

void callers_free(struct callers *callers)
{
    if (!callers) return;
    pthread_mutex_destroy(&callers->lock);
    free(callers->all);
    free(callers->slots);
    free(callers);
}

/* Digests are random already: any eight of their bytes will do. */
static uint32_t slot_of(const uint8_t digest[32])
{
    uint32_t hash;
    memcpy(&hash, digest, sizeof hash);
    return hash;
}

static void replace(struct callers *callers, struct caller *all, uint32_t count)
{
    uint32_t size = 16;
    while (size < count * 2) size *= 2;
    uint32_t *slots = mem_zalloc(size, sizeof *slots);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = slot_of(all[i].digest) & (size - 1);
        while (slots[at]) at = (at + 1) & (size - 1);
        slots[at] = i + 1;
    }
    pthread_mutex_lock(&callers->lock);
    struct caller *old = callers->all;
    uint32_t *old_slots = callers->slots;
    callers->all = all;
    callers->count = count;
    callers->slots = slots;
    callers->slot_mask = size - 1;
    pthread_mutex_unlock(&callers->lock);
    free(old);
    free(old_slots);
}

enum status engine_callers_load(struct engine *engine, struct store *store, struct error *err)
{
    struct callers *callers = engine->callers;
    struct caller *all;
    uint32_t count;
    uint64_t version;
    TRY(store_callers_version(store, engine->options.city, &version, err)); /* first: what changes meanwhile is read again */
    TRY(store_callers_read(store, engine->options.city, false, &all, &count, err));
    replace(callers, all, count);
    atomic_store(&callers->version, version);
    if (count == STORE_CALLERS_MAX) log_warn("event=callers_full count=%u", count);
    return STATUS_OK;
}

void engine_callers_look(struct engine *engine, struct store *store)
{
    struct error err;
    uint64_t version;
    enum status rc = store_callers_version(store, engine->options.city, &version, &err);
    if (rc == STATUS_OK && version != atomic_load(&engine->callers->version)) rc = engine_callers_load(engine, store, &err);
    if (rc != STATUS_OK) log_warn("event=callers_unread status=%s text=\"%s\"", status_name(rc), err.text);
}

bool engine_caller_find(struct engine *engine, const uint8_t digest[32], struct caller *out)
{
    struct callers *callers = engine->callers;
    bool found = false;
    pthread_mutex_lock(&callers->lock);
    for (uint32_t at = slot_of(digest) & callers->slot_mask; callers->slots && callers->slots[at]; at = (at + 1) & callers->slot_mask) {
        const struct caller *caller = &callers->all[callers->slots[at] - 1];
        if (memcmp(caller->digest, digest, sizeof caller->digest) != 0) continue;
        *out = *caller;
        found = true;
        break;
    }
    pthread_mutex_unlock(&callers->lock);
    return found && out->expires_ms > clock_real_ms();
}
