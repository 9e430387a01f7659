/* The times themselves: map, bucket, overrides. */
#include "geo_traffic.h"

#include <stdlib.h>

enum { SLOWEST_MH = 500 };       /* metres an hour: what is slower than that is closed by whoever reports it */

static uint32_t drive_at(uint64_t drive_ms, uint32_t percent)
{
    uint64_t ms = (drive_ms * 100 + percent / 2) / percent;
    return ms < GEO_FINITE_MAX ? (uint32_t)ms : GEO_FINITE_MAX - 1;
}

/* No faster than the map's speed allows, no slower than a crawl, unless the map says so itself. */
static uint32_t bounded(const struct geo_arc *arc, uint64_t drive_ms)
{
    uint64_t own = arc->travel_ms - arc->wait_ms, least = own * 100 / GEO_TRAFFIC_PERCENT_MAX, most = (uint64_t)arc->length_dm * 360000 / SLOWEST_MH;
    if (most < own) most = own;
    if (drive_ms < least) drive_ms = least;
    return (uint32_t)(drive_ms < most ? drive_ms : most);
}

static uint32_t time_of(const struct geo_arc *arc, uint64_t drive_ms)
{
    uint64_t ms = bounded(arc, drive_ms) + (uint64_t)arc->wait_ms;
    return ms < 1 ? 1 : ms < GEO_FINITE_MAX ? (uint32_t)ms : GEO_FINITE_MAX - 1;
}

static uint32_t usual_drive(const struct geo_arc *arc, const struct geo_traffic *table, uint32_t bucket)
{
    uint32_t own = arc->travel_ms - arc->wait_ms;
    if (!table || arc->road_class == GEO_CLASS_FERRY) return own;
    return drive_at(own, table->speed_percent[arc->road_class][bucket]);
}

static uint32_t overridden(const struct geo_arc *arc, const struct geo_override *override, uint32_t usual_ms)
{
    if (override->speed_kmh) return time_of(arc, ((uint64_t)arc->length_dm * 360 + override->speed_kmh / 2) / override->speed_kmh);
    if (override->speed_percent == 0) return GEO_UNREACHABLE;
    return time_of(arc, drive_at(usual_ms, override->speed_percent));
}

enum geo_status geo_traffic_times(const struct geo_map *map, const struct geo_traffic *table, uint32_t bucket, const struct geo_override *overrides,
                                  uint32_t override_count, uint32_t *travel_ms, struct geo_error *error)
{
    const struct geo_graph *graph = geo_map_graph(map);
    if (bucket >= GEO_TRAFFIC_BUCKETS) return geo_error_set(error, GEO_INVALID, "bucket %u is none of %d", bucket, GEO_TRAFFIC_BUCKETS);
    for (uint32_t a = 0; a < graph->arc_count; a++) travel_ms[a] = time_of(&graph->arcs[a], usual_drive(&graph->arcs[a], table, bucket));
    uint8_t *spoken = calloc(graph->arc_count, 1); /* its time is an override's already */
    if (!spoken) return geo_error_set(error, GEO_NO_MEMORY, "no memory for %u arcs", graph->arc_count);
    enum geo_status rc = GEO_OK;
    for (uint32_t i = 0; i < override_count && rc == GEO_OK; i++) {
        uint32_t *arcs, count;
        rc = geo_override_roads(map, &overrides[i], &arcs, &count, error);
        for (uint32_t k = 0; rc == GEO_OK && k < count; k++) {
            const struct geo_arc *arc = &graph->arcs[arcs[k]];
            uint32_t ms = overridden(arc, &overrides[i], usual_drive(arc, table, bucket));
            if (!spoken[arcs[k]] || ms > travel_ms[arcs[k]]) travel_ms[arcs[k]] = ms;
            spoken[arcs[k]] = 1;
        }
        free(arcs);
        if (rc == GEO_NOT_FOUND || rc == GEO_INVALID) rc = GEO_OK;
    }
    free(spoken);
    for (uint32_t a = 0; a < graph->arc_count; a++) travel_ms[a] = travel_ms[graph->arcs[a].twin];
    return rc;
}
