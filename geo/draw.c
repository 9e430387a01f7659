/* A path becomes a line: where each part of it lies, when one is at each point, and where the street's name changes. Knows no search. */
#include "map.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double span(struct geo_point a, struct geo_point b)
{
    double scale = cos(a.lat_e7 * (3.14159265358979323846 / 180e7));
    double lat = (double)b.lat_e7 - a.lat_e7, lon = ((double)b.lon_e7 - a.lon_e7) * scale;
    return sqrt(lat * lat + lon * lon);
}

static struct geo_point between(struct geo_point a, struct geo_point b, double share)
{
    return (struct geo_point){(int32_t)lround(a.lat_e7 + share * ((double)b.lat_e7 - a.lat_e7)), (int32_t)lround(a.lon_e7 + share * ((double)b.lon_e7 - a.lon_e7))};
}

static void append_point(struct geo_route *route, struct geo_point at, uint32_t at_ms)
{
    route->points[route->point_count] = at;
    route->at_ms[route->point_count++] = at_ms;
}

/* Where two arcs meet there is one point; time that passes in one place is two points there. */
static void add_point(struct geo_route *route, struct geo_point at, uint32_t at_ms)
{
    uint32_t last = route->point_count - 1;
    if (route->points[last].lat_e7 != at.lat_e7 || route->points[last].lon_e7 != at.lon_e7 || route->at_ms[last] != at_ms) append_point(route, at, at_ms);
}

/* The points of one stretch, timed by their share of the arc's length. */
static void add_stretch(const struct geo_graph *graph, const struct geo_arc *arc, const struct geo_stretch *stretch, geo_weight begin, geo_weight weight,
                        struct geo_route *route)
{
    double whole = 0, at = 0, low = (double)stretch->from / GEO_OFFSET_ONE, high = (double)stretch->to / GEO_OFFSET_ONE;
    for (uint32_t i = 0; i + 1 < arc->shape_count; i++) whole += span(geo_arc_point(graph, arc, i), geo_arc_point(graph, arc, i + 1));
    if (whole <= 0) whole = 1;
    uint32_t begin_ms = geo_weight_ms(begin), ms = geo_weight_ms(weight);
    for (uint32_t i = 0; i + 1 < arc->shape_count; i++) {
        struct geo_point a = geo_arc_point(graph, arc, i), b = geo_arc_point(graph, arc, i + 1);
        double from = at / whole, length = span(a, b) / whole, to = from + length;
        at += length * whole;
        if (to < low || from > high || length <= 0) continue;
        if (from < low) a = between(a, b, (low - from) / length);
        double share = high > low ? ((from < low ? low : from) - low) / (high - low) : 0;
        add_point(route, a, begin_ms + (uint32_t)((double)ms * share));
        if (to < high && i + 2 < arc->shape_count) continue;
        struct geo_point end = to > high ? between(geo_arc_point(graph, arc, i), b, (high - from) / length) : b;
        add_point(route, end, begin_ms + ms);
        return;
    }
    add_point(route, geo_arc_point(graph, arc, arc->shape_count - 1), begin_ms + ms); /* an arc that ends, or is, in one place */
}

static void add_step(const struct geo_graph *graph, const struct geo_arc *arc, geo_weight weight, uint32_t point_first, struct geo_route *route)
{
    const char *name = graph->names + arc->name;
    struct geo_step *step = route->step_count ? &route->steps[route->step_count - 1] : NULL;
    if (!step || strcmp(step->name, name) != 0) {
        step = &route->steps[route->step_count++];
        *step = (struct geo_step){.name = name, .road_class = arc->road_class, .point_first = point_first};
    }
    step->travel_ms += geo_weight_ms(weight);
    step->length_dm += geo_weight_dm(weight);
}

static geo_weight stretch_weight(const struct geo_metric *metric, const struct geo_stretch *stretch, bool is_first)
{
    const struct geo_arc *arc = &metric->map->file.graph.arcs[stretch->arc];
    geo_weight drive = geo_drive(&metric->map->net, &metric->times, stretch->arc), turn = is_first ? 0 : geo_weight_of(arc->turn_ms, 0);
    geo_weight end = stretch->to == GEO_OFFSET_ONE && !stretch->is_end ? geo_weight_of(metric->times.travel_ms[stretch->arc], arc->length_dm) : geo_part(drive, stretch->to);
    return turn + end - geo_part(drive, stretch->from);
}

enum geo_status geo_route_draw(const struct geo_metric *metric, const struct geo_path *path, const struct geo_snap *from, const struct geo_snap *to, struct geo_route *route)
{
    const struct geo_graph *graph = &metric->map->file.graph;
    uint64_t points = 3;
    for (uint32_t i = 0; i < path->count; i++) points += graph->arcs[path->at[i].arc].shape_count + 1;
    route->points = calloc(points, sizeof *route->points);
    route->at_ms = calloc(points, sizeof *route->at_ms);
    route->steps = calloc(path->count + 1, sizeof *route->steps);
    route->arcs = calloc(path->count + 1, sizeof *route->arcs);
    if (!route->points || !route->at_ms || !route->steps || !route->arcs) return GEO_NO_MEMORY;
    append_point(route, from->at, 0);
    geo_weight begin = 0;
    for (uint32_t i = 0; i < path->count; i++) {
        const struct geo_arc *arc = &graph->arcs[path->at[i].arc];
        geo_weight weight = stretch_weight(metric, &path->at[i], i == 0);
        uint32_t first = route->point_count - 1;
        add_stretch(graph, arc, &path->at[i], begin, weight, route);
        add_step(graph, arc, weight, first, route);
        route->arcs[route->arc_count++] = (struct geo_route_arc){path->at[i].arc, geo_weight_ms(weight), geo_weight_dm(weight), first};
        begin += weight;
    }
    if (route->point_count == 1) append_point(route, to->at, route->travel_ms); /* a line has two ends, even where it goes nowhere */
    else add_point(route, to->at, route->travel_ms);
    return GEO_OK;
}
