/* Travel on the map: every stop's place is snapped once and gets a label when it is first travelled to; positions are snapped as they come. */
#include "city.h"

#include <stdlib.h>
#include <string.h>

void roads_init(struct roads *roads, const struct geo_metric *metric, uint32_t places)
{
    *roads = (struct roads){.metric = metric, .capacity = places};
    roads->speed_mmps = geo_metric_speed_max_mmps(metric);
    roads->scratch = geo_scratch_new(geo_metric_map(metric));
    ASSERT(roads->scratch);
    roads->places = mem_zalloc(places, sizeof *roads->places);
    uint32_t slots = 1024;
    while (slots < 2 * places) slots *= 2;
    roads->slots = mem_zalloc(slots, sizeof *roads->slots);
    roads->slot_mask = slots - 1;
}

void roads_deinit(struct roads *roads)
{
    for (uint32_t i = 0; i < roads->count; i++) geo_label_free(roads->places[i].label);
    geo_scratch_free(roads->scratch);
    free(roads->places);
    free(roads->slots);
    free(roads->snaps);
    free(roads->place_of);
    free(roads->snapped);
    free(roads->spots);
}

void roads_use(struct roads *roads, const struct geo_metric *metric)
{
    if (roads->metric == metric) return;
    roads->metric = metric;
    roads->speed_mmps = geo_metric_speed_max_mmps(metric);
    for (uint32_t i = 0; i < roads->count; i++) {
        geo_label_free(roads->places[i].label);
        roads->places[i].label = NULL;
    }
}

static uint32_t *slot_of(const struct roads *roads, struct point at)
{
    uint64_t key = (uint64_t)(uint32_t)at.lat_e7 << 32 | (uint32_t)at.lon_e7;
    uint32_t slot = (uint32_t)hash_u64(key) & roads->slot_mask;
    for (; roads->slots[slot]; slot = (slot + 1) & roads->slot_mask) {
        const struct road_place *place = &roads->places[roads->slots[slot] - 1];
        if (place->at.lat_e7 == at.lat_e7 && place->at.lon_e7 == at.lon_e7) break;
    }
    return &roads->slots[slot];
}

static bool snap(const struct roads *roads, struct point at, struct geo_snap *out)
{
    return geo_snap_nearest(geo_metric_map(roads->metric), (struct geo_point){at.lat_e7, at.lon_e7}, SNAP_MAX_M, out, NULL) == GEO_OK;
}

bool roads_add(struct roads *roads, struct point at, struct point *snapped)
{
    struct road_place place = {0};
    if (!snap(roads, at, &place.snap)) return false;
    place.at = (struct point){place.snap.at.lat_e7, place.snap.at.lon_e7};
    *snapped = place.at;
    uint32_t *slot = slot_of(roads, place.at);
    if (*slot) return true;
    if (roads->count > 0) {
        uint32_t ms;
        const struct geo_snap *hub = &roads->places[0].snap;
        if (geo_distance(roads->metric, roads->scratch, hub, &place.snap, &ms, NULL) != GEO_OK) return false;
        if (geo_distance(roads->metric, roads->scratch, &place.snap, hub, &ms, NULL) != GEO_OK) return false;
    }
    ASSERT(roads->count < roads->capacity);
    roads->places[roads->count++] = place;
    *slot = roads->count;
    return true;
}

void roads_forget(struct roads *roads, struct point at)
{
    uint32_t slot = *slot_of(roads, at);
    if (!slot) return;
    geo_label_free(roads->places[slot - 1].label);
    roads->places[slot - 1].label = NULL;
}

static struct plan_leg travel(void *context, uint32_t from, uint32_t to)
{
    struct roads *roads = context;
    struct plan_leg nowhere = {PLAN_UNREACHABLE, 0};
    uint32_t target = roads->place_of[to];
    if (target == PLAN_ANY) return nowhere; /* nobody travels to somebody's position */
    struct road_place *place = &roads->places[target];
    if (!place->label && geo_label_new(roads->metric, roads->scratch, &place->snap, &place->label) != GEO_OK) return nowhere;
    uint32_t ms = GEO_UNREACHABLE, dm = 0;
    geo_label_from(place->label, roads->scratch, &roads->snaps[from], &ms, &dm);
    if (ms == GEO_UNREACHABLE) return nowhere;
    return (struct plan_leg){(ms + 999) / 1000, (dm + 5) / 10};
}

struct plan_oracle roads_oracle(struct roads *roads, const struct plan_request *request)
{
    if (request->place_count > roads->snap_capacity) {
        roads->snap_capacity = request->place_count * 2;
        roads->snaps = mem_realloc(roads->snaps, roads->snap_capacity, sizeof *roads->snaps);
        roads->place_of = mem_realloc(roads->place_of, roads->snap_capacity, sizeof *roads->place_of);
        roads->snapped = mem_realloc(roads->snapped, roads->snap_capacity, sizeof *roads->snapped);
        roads->spots = mem_realloc(roads->spots, roads->snap_capacity, sizeof *roads->spots);
    }
    roads->request = request;
    for (uint32_t i = 0; i < request->place_count; i++) {
        uint32_t slot = *slot_of(roads, request->places[i]);
        roads->place_of[i] = slot ? slot - 1 : PLAN_ANY;
        if (slot) roads->snaps[i] = roads->places[slot - 1].snap;
        else if (!snap(roads, request->places[i], &roads->snaps[i])) roads->snaps[i] = roads->places[0].snap; /* riders stay on roads: not reached */
        roads->snapped[i] = (struct point){roads->snaps[i].at.lat_e7, roads->snaps[i].at.lon_e7};
    }
    dispatch_spots(roads->snapped, request->place_count, roads->spots);
    return (struct plan_oracle){.travel = travel, .context = roads, .spots = roads->spots, .speed_mmps = roads->speed_mmps};
}

bool roads_route(struct roads *roads, struct point from, struct point to, struct geo_route *out)
{
    struct geo_snap start;
    uint32_t source = *slot_of(roads, from), target = *slot_of(roads, to);
    if (!target) return false;
    if (source) start = roads->places[source - 1].snap;
    else if (!snap(roads, from, &start)) return false;
    return geo_route_find(roads->metric, roads->scratch, &start, &roads->places[target - 1].snap, out, NULL) == GEO_OK;
}
