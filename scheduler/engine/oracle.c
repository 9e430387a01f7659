/* Travel times for a plan request: every place is snapped once and gets its label the first time somebody travels from or to it; a leg is then two
 * labels met, a tenth of a microsecond. Labels are kept between requests, because pharmacies, depots, labs and open orders' homes come again and
 * again. Bounded by bytes: the cache is emptied when it is full, between requests. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

struct place {
    struct point at;
    bool used, reachable;
    struct geo_snap snap;
    struct geo_label *label;   /* NULL until somebody travels from or to here */
};

struct oracle {
    struct geo_metric *metric;
    struct geo_scratch *scratch;
    uint32_t snap_max_m;
    size_t bytes, bytes_max;
    struct place *table;       /* open addressing by coordinates */
    uint32_t capacity, count;
    const struct point *places;
    uint32_t *slots;           /* of the request's places */
    struct point *snapped;     /* likewise: where they are on the road */
    struct plan_spot *spots;
    uint32_t slot_count, speed_mmps;
};

enum { TABLE_FIRST = 4096, TABLE_MOST = 1 << 20 };

struct oracle *oracle_new(struct geo_metric *metric, uint32_t snap_max_m, size_t bytes_max)
{
    struct oracle *oracle = mem_zalloc(1, sizeof *oracle);
    oracle->metric = geo_metric_ref(metric);
    oracle->scratch = geo_scratch_new(geo_metric_map(metric));
    ASSERT(oracle->scratch);
    oracle->speed_mmps = geo_metric_speed_max_mmps(metric);
    oracle->snap_max_m = snap_max_m;
    oracle->bytes_max = bytes_max;
    oracle->capacity = TABLE_FIRST;
    oracle->table = mem_zalloc(oracle->capacity, sizeof *oracle->table);
    return oracle;
}

static void forget_all(struct oracle *oracle, uint32_t capacity)
{
    for (uint32_t i = 0; i < oracle->capacity; i++) geo_label_free(oracle->table[i].label);
    free(oracle->table);
    oracle->capacity = capacity;
    oracle->table = mem_zalloc(capacity, sizeof *oracle->table);
    oracle->count = 0;
    oracle->bytes = 0;
}

void oracle_rebase(struct oracle *oracle, struct geo_metric *metric)
{
    if (oracle->metric == metric) return;
    for (uint32_t i = 0; i < oracle->capacity; i++) {
        geo_label_free(oracle->table[i].label);
        oracle->table[i].label = NULL;
    }
    oracle->bytes = 0;
    geo_metric_unref(oracle->metric);
    oracle->metric = geo_metric_ref(metric);
    oracle->speed_mmps = geo_metric_speed_max_mmps(metric);
}

void oracle_free(struct oracle *oracle)
{
    if (!oracle) return;
    for (uint32_t i = 0; i < oracle->capacity; i++) geo_label_free(oracle->table[i].label);
    free(oracle->table);
    free(oracle->slots);
    free(oracle->snapped);
    free(oracle->spots);
    geo_scratch_free(oracle->scratch);
    geo_metric_unref(oracle->metric);
    free(oracle);
}

static uint32_t slot_of(struct oracle *oracle, struct point at)
{
    uint64_t key = (uint64_t)(uint32_t)at.lat_e7 << 32 | (uint32_t)at.lon_e7;
    uint32_t slot = (uint32_t)(hash_u64(key) % oracle->capacity);
    while (oracle->table[slot].used && (oracle->table[slot].at.lat_e7 != at.lat_e7 || oracle->table[slot].at.lon_e7 != at.lon_e7))
        slot = (slot + 1) % oracle->capacity;
    struct place *place = &oracle->table[slot];
    if (!place->used) {
        struct geo_point point = {at.lat_e7, at.lon_e7};
        place->used = true;
        place->at = at;
        place->reachable = geo_snap_nearest(geo_metric_map(oracle->metric), point, oracle->snap_max_m, &place->snap, NULL) == GEO_OK;
        oracle->count++;
    }
    return slot;
}

static bool has_label(struct oracle *oracle, struct place *place)
{
    if (place->label) return true;
    if (geo_label_new(oracle->metric, oracle->scratch, &place->snap, &place->label) != GEO_OK) return false;
    oracle->bytes += geo_label_bytes(place->label);
    return true;
}

static struct plan_leg travel(void *context, uint32_t from_place, uint32_t to_place)
{
    struct oracle *oracle = context;
    struct place *from = &oracle->table[oracle->slots[from_place]], *to = &oracle->table[oracle->slots[to_place]];
    struct plan_leg nowhere = {PLAN_UNREACHABLE, 0};
    if (!from->reachable || !to->reachable) return nowhere;
    if (!has_label(oracle, from) || !has_label(oracle, to)) return nowhere;
    uint32_t travel_ms = GEO_UNREACHABLE, length_dm = 0;
    geo_label_pair(from->label, to->label, &travel_ms, &length_dm);
    if (travel_ms == GEO_UNREACHABLE) return nowhere;
    return (struct plan_leg){(travel_ms + 999) / 1000, (length_dm + 5) / 10}; /* never promise a second too early */
}

struct plan_oracle oracle_for(struct oracle *oracle, const struct plan_request *request)
{
    uint32_t capacity = oracle->capacity;
    while (capacity < TABLE_MOST && (oracle->count + request->place_count) * 2 > capacity) capacity *= 2;
    if (capacity != oracle->capacity || (oracle->count + request->place_count) * 2 > capacity || oracle->bytes > oracle->bytes_max) forget_all(oracle, capacity);
    oracle->slots = mem_realloc(oracle->slots, request->place_count, sizeof *oracle->slots);
    oracle->snapped = mem_realloc(oracle->snapped, request->place_count, sizeof *oracle->snapped);
    oracle->spots = mem_realloc(oracle->spots, request->place_count, sizeof *oracle->spots);
    oracle->slot_count = request->place_count;
    for (uint32_t i = 0; i < request->place_count; i++) {
        oracle->slots[i] = slot_of(oracle, request->places[i]);
        const struct place *place = &oracle->table[oracle->slots[i]];
        oracle->snapped[i] = place->reachable ? (struct point){place->snap.at.lat_e7, place->snap.at.lon_e7} : request->places[i];
    }
    dispatch_spots(oracle->snapped, request->place_count, oracle->spots);
    return (struct plan_oracle){.travel = travel, .context = oracle, .spots = oracle->spots, .speed_mmps = oracle->speed_mmps};
}
