/* The fastest way between two places as a list of arcs: which, and which part of the first and the last. */
#include "map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The path's arcs between the two that the places lie on, which are taken in part. */
static enum geo_status trace(const struct geo_metric *metric, const struct cch_path *way, struct geo_place from, uint32_t first, struct geo_place to, uint32_t last,
                             struct geo_path *path)
{
    const struct geo_arc *arcs = metric->map->file.graph.arcs;
    path->at = calloc((size_t)way->count + 2, sizeof *path->at);
    if (!path->at) return GEO_NO_MEMORY;
    uint32_t leave = arcs[first].twin == arcs[from.arc].twin ? from.offset : GEO_OFFSET_ONE - from.offset;
    uint32_t arrive = arcs[last].twin == arcs[to.arc].twin ? to.offset : GEO_OFFSET_ONE - to.offset;
    path->at[path->count++] = (struct geo_stretch){first, leave, GEO_OFFSET_ONE, false};
    for (uint32_t i = 0; i < way->count; i++) path->at[path->count++] = (struct geo_stretch){way->arcs[i], 0, GEO_OFFSET_ONE, false};
    path->at[path->count++] = (struct geo_stretch){last, 0, arrive, true};
    return GEO_OK;
}

enum geo_status geo_route_find(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *from, const struct geo_snap *to,
                               struct geo_route *out, struct geo_error *error)
{
    struct geo_place start = geo_place_of(from), end = geo_place_of(to);
    struct geo_seeds leaving, arriving;
    struct cch_path way;
    uint32_t direct;
    struct geo_path path = {0};
    memset(out, 0, sizeof *out);
    if (!geo_has_place(metric->map, from) || !geo_has_place(metric->map, to)) return geo_error_set(error, GEO_INVALID, "the stop is of another map");
    assert(scratch->node_count == metric->map->cch.node_count); /* a scratch belongs to one map */
    geo_seeds_find(metric, CCH_FROM, start, &leaving);
    geo_seeds_find(metric, CCH_TO, end, &arriving);
    enum geo_status rc = cch_path_find(&metric->hierarchy, metric->pass, scratch->trace, leaving.seeds, leaving.count, arriving.seeds, arriving.count, &way);
    if (rc != GEO_OK) return geo_error_set(error, rc, "the hierarchy does not unpack");
    geo_weight weight = geo_direct(&metric->map->net, &metric->times, start, end, &direct);
    bool is_direct = weight != GEO_WEIGHT_NONE && (way.weight >= CCH_NONE || weight <= (geo_weight)way.weight);
    if (!is_direct && way.weight >= CCH_NONE) return geo_error_set(error, GEO_NOT_FOUND, "no way leads there");
    if (is_direct) {
        const struct geo_arc *arcs = metric->map->file.graph.arcs;
        bool along_from = direct == arcs[start.arc].twin, along_to = direct == arcs[end.arc].twin;
        path.at = calloc(1, sizeof *path.at);
        if (path.at) path.at[path.count++] = (struct geo_stretch){direct, along_from ? start.offset : GEO_OFFSET_ONE - start.offset, along_to ? end.offset : GEO_OFFSET_ONE - end.offset, true};
        else rc = GEO_NO_MEMORY;
    } else {
        weight = (geo_weight)way.weight;
        rc = trace(metric, &way, start, leaving.arcs[way.from], end, arriving.arcs[way.to], &path);
    }
    out->travel_ms = geo_weight_ms(weight);
    out->length_dm = geo_weight_dm(weight);
    if (rc == GEO_OK) rc = geo_route_draw(metric, &path, from, to, out);
    free(path.at);
    if (rc == GEO_OK) return GEO_OK;
    geo_route_free(out);
    return geo_error_set(error, rc, "no memory for the route");
}

void geo_route_free(struct geo_route *route)
{
    free(route->points);
    free(route->at_ms);
    free(route->steps);
    free(route->arcs);
    memset(route, 0, sizeof *route);
}
