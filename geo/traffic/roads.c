/* Which roads an override speaks of. */
#include "geo_traffic.h"

#include <stdlib.h>

enum { CANDIDATES = 16 };

struct list {
    uint32_t *arcs, count, capacity;
};

static bool list_add(struct list *list, uint32_t arc)
{
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity ? list->capacity * 2 : 64;
        uint32_t *arcs = realloc(list->arcs, (size_t)capacity * sizeof *arcs);
        if (!arcs) return false;
        list->arcs = arcs;
        list->capacity = capacity;
    }
    list->arcs[list->count++] = arc;
    return true;
}

static int ascending(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

/* ---- ways ---- */

static bool way_roads(const struct geo_graph *graph, int64_t way, struct list *list)
{
    for (uint32_t a = 0; a < graph->arc_count; a++)
        if (graph->arcs[a].way == way && graph->arcs[a].twin == a && !list_add(list, a)) return false;
    uint32_t low = 0, high = graph->piece_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (graph->pieces[middle].way < way) low = middle + 1;
        else high = middle;
    }
    for (; low < graph->piece_count && graph->pieces[low].way == way; low++)
        if (!list_add(list, graph->pieces[low].arc)) return false;
    return true;
}

/* ---- one road ---- */

static enum geo_status nearest_road(const struct geo_map *map, const struct geo_override *override, struct list *list, struct geo_error *error)
{
    const struct geo_graph *graph = geo_map_graph(map);
    struct geo_snap snap, toward;
    enum geo_status rc = geo_snap_nearest(map, override->points[0], GEO_OVERRIDE_SNAP_M, &snap, error);
    if (rc != GEO_OK) return rc;
    uint32_t arc = graph->arcs[snap.arc].twin, back = graph->arcs[arc].reverse;
    bool along = true, against = back != GEO_NONE;
    if (override->point_count == 2) {
        /* where the second point lies on the same road, or else which end of it is nearer to that point */
        struct geo_snap candidates[CANDIDATES];
        uint32_t count = geo_snap_candidates(map, override->points[1], GEO_OVERRIDE_SNAP_M, candidates, CANDIDATES), i = 0;
        while (i < count && graph->arcs[candidates[i].arc].twin != arc) i++;
        double ahead;
        if (i < count) {
            toward = candidates[i];
            ahead = (double)toward.offset - (double)snap.offset;
        } else {
            double to_tail = geo_distance_dm(override->points[1], graph->nodes[graph->arcs[arc].tail]), to_head = geo_distance_dm(override->points[1], graph->nodes[graph->arcs[arc].head]);
            ahead = to_tail - to_head;
        }
        along = ahead >= 0;
        against = !along;
        if (against && back == GEO_NONE) return geo_error_set(error, GEO_NOT_FOUND, "the road at the first point is one-way, the other way");
    }
    if ((along && !list_add(list, arc)) || (against && !list_add(list, back))) return geo_error_set(error, GEO_NO_MEMORY, "no memory");
    return GEO_OK;
}

/* ---- areas: in the plane of degrees ---- */

/* Twice the area of the triangle, by sign; exact. */
static __int128 turn_of(struct geo_point a, struct geo_point b, struct geo_point c)
{
    return (__int128)((int64_t)b.lon_e7 - a.lon_e7) * ((int64_t)c.lat_e7 - a.lat_e7) - (__int128)((int64_t)b.lat_e7 - a.lat_e7) * ((int64_t)c.lon_e7 - a.lon_e7);
}

static int sign_of(__int128 value)
{
    return (value > 0) - (value < 0);
}

static bool is_between(int32_t a, int32_t b, int32_t x)
{
    return a < b ? a <= x && x <= b : b <= x && x <= a;
}

static bool is_on(struct geo_point a, struct geo_point b, struct geo_point p)
{
    return turn_of(a, b, p) == 0 && is_between(a.lat_e7, b.lat_e7, p.lat_e7) && is_between(a.lon_e7, b.lon_e7, p.lon_e7);
}

static bool do_cross(struct geo_point a, struct geo_point b, struct geo_point c, struct geo_point d)
{
    int c_side = sign_of(turn_of(a, b, c)), d_side = sign_of(turn_of(a, b, d)), a_side = sign_of(turn_of(c, d, a)), b_side = sign_of(turn_of(c, d, b));
    if (c_side * d_side < 0 && a_side * b_side < 0) return true;
    return is_on(a, b, c) || is_on(a, b, d) || is_on(c, d, a) || is_on(c, d, b);
}

struct area {
    const struct geo_point *points;
    uint32_t count;
    struct geo_point low, high;
};

/* Even-odd; the rim belongs to it. */
static bool area_holds(const struct area *area, struct geo_point p)
{
    bool inside = false;
    for (uint32_t i = 0, before = area->count - 1; i < area->count; before = i++) {
        struct geo_point a = area->points[before], b = area->points[i];
        if (is_on(a, b, p)) return true;
        if ((a.lat_e7 > p.lat_e7) == (b.lat_e7 > p.lat_e7)) continue;
        __int128 turn = turn_of(a, b, p);
        if (b.lat_e7 > a.lat_e7 ? turn > 0 : turn < 0) inside = !inside;
    }
    return inside;
}

static bool area_touches(const struct area *area, struct geo_point a, struct geo_point b)
{
    if ((a.lat_e7 < area->low.lat_e7 && b.lat_e7 < area->low.lat_e7) || (a.lat_e7 > area->high.lat_e7 && b.lat_e7 > area->high.lat_e7) ||
        (a.lon_e7 < area->low.lon_e7 && b.lon_e7 < area->low.lon_e7) || (a.lon_e7 > area->high.lon_e7 && b.lon_e7 > area->high.lon_e7))
        return false;
    if (area_holds(area, a) || area_holds(area, b)) return true;
    for (uint32_t i = 0, before = area->count - 1; i < area->count; before = i++)
        if (do_cross(a, b, area->points[before], area->points[i])) return true;
    return false;
}

static bool area_roads(const struct geo_graph *graph, const struct geo_override *override, struct list *list)
{
    struct area area = {override->points, override->point_count, override->points[0], override->points[0]};
    for (uint32_t i = 1; i < area.count; i++) {
        struct geo_point p = area.points[i];
        if (p.lat_e7 < area.low.lat_e7) area.low.lat_e7 = p.lat_e7;
        if (p.lat_e7 > area.high.lat_e7) area.high.lat_e7 = p.lat_e7;
        if (p.lon_e7 < area.low.lon_e7) area.low.lon_e7 = p.lon_e7;
        if (p.lon_e7 > area.high.lon_e7) area.high.lon_e7 = p.lon_e7;
    }
    for (uint32_t a = 0; a < graph->arc_count; a++) {
        const struct geo_arc *arc = &graph->arcs[a];
        if (arc->twin != a) continue;
        bool touches = false;
        for (uint32_t i = 0; i + 1 < arc->shape_count && !touches; i++) touches = area_touches(&area, graph->shape[arc->shape_first + i], graph->shape[arc->shape_first + i + 1]);
        if (touches && !list_add(list, a)) return false;
    }
    return true;
}

/* ---- all ---- */

/* Which side of a rim that crosses itself is meant, nobody can tell. */
static enum geo_status rim_check(const struct geo_point *points, uint32_t count, struct geo_error *error)
{
    for (uint32_t i = 0; i + 2 < count; i++)
        for (uint32_t j = i + 2; j < count; j++) {
            uint32_t after = j + 1 == count ? 0 : j + 1;
            if (after != i && do_cross(points[i], points[i + 1], points[j], points[after]))
                return geo_error_set(error, GEO_INVALID, "the rim crosses itself: the side from point %u meets the one from point %u", i, j);
        }
    return GEO_OK;
}

static enum geo_status points_check(const struct geo_override *override, struct geo_error *error)
{
    uint32_t least = override->on == GEO_ON_AREA ? 3 : 1, most = override->on == GEO_ON_AREA ? GEO_OVERRIDE_POINTS_MAX : 2;
    if (override->point_count < least || override->point_count > most) return geo_error_set(error, GEO_INVALID, "it needs %u to %u points, not %u", least, most, override->point_count);
    for (uint32_t i = 0; i < override->point_count; i++) {
        struct geo_point p = override->points[i];
        if (p.lat_e7 < -900000000 || p.lat_e7 > 900000000 || p.lon_e7 < -1800000000 || p.lon_e7 > 1800000000) return geo_error_set(error, GEO_INVALID, "point %u is not on Earth", i);
    }
    return override->on == GEO_ON_AREA ? rim_check(override->points, override->point_count, error) : GEO_OK;
}

enum geo_status geo_override_roads(const struct geo_map *map, const struct geo_override *override, uint32_t **arcs, uint32_t *arc_count, struct geo_error *error)
{
    const struct geo_graph *graph = geo_map_graph(map);
    struct list list = {0};
    enum geo_status rc = GEO_OK;
    *arcs = NULL;
    *arc_count = 0;
    if (override->on != GEO_ON_WAY) rc = points_check(override, error);
    if (rc != GEO_OK) return rc;
    switch (override->on) {
    case GEO_ON_WAY:
        if (!way_roads(graph, override->way, &list)) rc = geo_error_set(error, GEO_NO_MEMORY, "no memory");
        else if (list.count == 0) rc = geo_error_set(error, GEO_NOT_FOUND, "way %lld is no road of this map", (long long)override->way);
        break;
    case GEO_ON_ROAD: rc = nearest_road(map, override, &list, error); break;
    case GEO_ON_AREA:
        if (!area_roads(graph, override, &list)) rc = geo_error_set(error, GEO_NO_MEMORY, "no memory");
        break;
    }
    if (rc != GEO_OK) {
        free(list.arcs);
        return rc;
    }
    if (list.count) qsort(list.arcs, list.count, sizeof *list.arcs, ascending);
    for (uint32_t i = 0; i < list.count; i++)
        if (i == 0 || list.arcs[i] != list.arcs[*arc_count - 1]) list.arcs[(*arc_count)++] = list.arcs[i];
    *arcs = list.arcs;
    return GEO_OK;
}
