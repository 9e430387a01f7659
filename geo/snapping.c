/* From a hit on a segment to an offset along the whole arc. */
#include "map.h"
#include "geo_snap/geo_snap.h"

#include <assert.h>
#include <math.h>

enum { SNAP_FAR_M = 20000 }; /* how far the refusal's distance is looked for */

static_assert((int)GEO_PLACE_WHOLE == (int)GEO_OFFSET_ONE, "the file's places are offsets");

static void snap_of_hit(const struct geo_snap_hit *hit, struct geo_snap *out)
{
    *out = (struct geo_snap){.arc = hit->arc, .offset = hit->offset, .distance_dm = (uint32_t)lround(hit->distance_m * 10), .at = hit->at, .side = (uint8_t)hit->side};
}

enum geo_status geo_snap_nearest(const struct geo_map *map, struct geo_point at, uint32_t max_m, struct geo_snap *out, struct geo_error *error)
{
    struct geo_snap_hit hit;
    if (geo_snap_find(&map->file, at, max_m, &hit, 1) == 1) {
        snap_of_hit(&hit, out);
        return GEO_OK;
    }
    if (!error) return GEO_NOT_FOUND;
    if (geo_snap_find(&map->file, at, SNAP_FAR_M, &hit, 1) == 1)
        return geo_error_set(error, GEO_NOT_FOUND, "the nearest road is %.0f m away, at most %u m are taken", hit.distance_m, max_m);
    return geo_error_set(error, GEO_NOT_FOUND, "no road within %d km", SNAP_FAR_M / 1000);
}

uint32_t geo_snap_candidates(const struct geo_map *map, struct geo_point at, uint32_t max_m, struct geo_snap *out, uint32_t capacity)
{
    struct geo_snap_hit hits[GEO_SNAP_HITS_MAX];
    uint32_t count = geo_snap_find(&map->file, at, max_m, hits, capacity);
    for (uint32_t i = 0; i < count; i++) snap_of_hit(&hits[i], &out[i]);
    return count;
}
