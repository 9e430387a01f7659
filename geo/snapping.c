/* From a hit on a segment to an offset along the whole arc. */
#include "map.h"
#include "geo_snap/geo_snap.h"

#include <math.h>

enum { SNAP_FAR_M = 20000 }; /* how far the refusal's distance is looked for */

static double length_of(struct geo_point a, struct geo_point b)
{
    double scale = cos(a.lat_e7 * (3.14159265358979323846 / 180e7));
    double lat = (double)b.lat_e7 - a.lat_e7, lon = ((double)b.lon_e7 - a.lon_e7) * scale;
    return sqrt(lat * lat + lon * lon);
}

static void snap_of_hit(const struct geo_map *map, const struct geo_snap_hit *hit, struct geo_snap *out)
{
    const struct geo_graph *graph = &map->file.graph;
    const struct geo_arc *arc = &graph->arcs[hit->arc];
    double before = 0, whole = 0;
    for (uint32_t i = 0; i + 1 < arc->shape_count; i++) {
        double length = length_of(geo_arc_point(graph, arc, i), geo_arc_point(graph, arc, i + 1));
        if (i < hit->segment) before += length;
        if (i == hit->segment) before += length * hit->along;
        whole += length;
    }
    double share = whole > 0 ? before / whole : 0;
    *out = (struct geo_snap){.arc = hit->arc, .offset = (uint32_t)lround(share * GEO_OFFSET_ONE), .distance_dm = (uint32_t)lround(hit->distance_m * 10),
                             .at = hit->at, .side = (uint8_t)hit->side};
    if (out->offset > GEO_OFFSET_ONE) out->offset = GEO_OFFSET_ONE;
}

enum geo_status geo_snap_nearest(const struct geo_map *map, struct geo_point at, uint32_t max_m, struct geo_snap *out, struct geo_error *error)
{
    struct geo_snap_hit hit;
    if (geo_snap_find(&map->file, at, max_m, &hit, 1) == 1) {
        snap_of_hit(map, &hit, out);
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
    for (uint32_t i = 0; i < count; i++) snap_of_hit(map, &hits[i], &out[i]);
    return count;
}
