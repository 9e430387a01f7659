/* Which part of each road is reached in time. Rounding errs outwards by less than a millisecond of driving. */
#include "area.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum geo_status cover_init(struct cover *cover, const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *place, uint32_t limit_ms, bool towards)
{
    *cover = (struct cover){.graph = geo_map_graph(geo_metric_map(metric)), .metric = metric, .towards = towards, .place = *place};
    cover->share = malloc((size_t)cover->graph->arc_count * sizeof *cover->share);
    cover->node_ms = malloc((size_t)cover->graph->node_count * sizeof *cover->node_ms);
    if (!cover->share || !cover->node_ms) return GEO_NO_MEMORY;
    return towards ? geo_reach_to(metric, scratch, place, limit_ms, cover->node_ms) : geo_reach_from(metric, scratch, place, limit_ms, cover->node_ms);
}

void cover_deinit(struct cover *cover)
{
    free(cover->share);
    free(cover->node_ms);
    *cover = (struct cover){0};
}

static double drive_ms(const struct geo_arc *arc, uint32_t travel_ms)
{
    return travel_ms > arc->wait_ms ? (double)(travel_ms - arc->wait_ms) : 0;
}

/* The share of the arc that is driven in the time left; a time on it is rounded down, so the next millisecond has not begun. */
static float share_in(double left_ms, double whole_ms)
{
    double share = whole_ms <= left_ms ? 1 : (left_ms + 1) / whole_ms;
    return share >= 1 ? 1.0f : (float)share;
}

void cover_fill(struct cover *cover, uint32_t limit_ms)
{
    const struct geo_graph *graph = cover->graph;
    memset(cover->share, 0, (size_t)graph->arc_count * sizeof *cover->share);
    for (uint32_t a = 0; a < graph->arc_count; a++) {
        const struct geo_arc *arc = &graph->arcs[a];
        uint32_t travel_ms = geo_metric_travel_ms(cover->metric, a), at_ms = cover->node_ms[cover->towards ? arc->head : arc->tail];
        if (at_ms == GEO_UNREACHABLE || travel_ms == GEO_UNREACHABLE) continue;
        double left_ms = (double)limit_ms - at_ms - (cover->towards ? arc->wait_ms : arc->turn_ms);
        if (left_ms < 0) continue;
        float share = share_in(left_ms, drive_ms(arc, travel_ms));
        if (share > cover->share[arc->twin]) cover->share[arc->twin] = share;
    }
}

/* ---- pieces ---- */

static struct geo_point arc_point(const struct geo_graph *graph, const struct geo_arc *arc, uint32_t i)
{
    return graph->shape[arc->shape_first + (arc->reversed ? arc->shape_count - 1 - i : i)];
}

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

/* The part of the arc's line from `low` to `high` of its length. */
static void pieces_of(const struct cover *cover, uint32_t a, double low, double high, cover_on_piece on_piece, void *context)
{
    const struct geo_arc *arc = &cover->graph->arcs[a];
    double whole = 0, at = 0;
    if (high < low) return;
    for (uint32_t i = 0; (low > 0 || high < 1) && i + 1 < arc->shape_count; i++) whole += span(arc_point(cover->graph, arc, i), arc_point(cover->graph, arc, i + 1));
    for (uint32_t i = 0; i + 1 < arc->shape_count; i++) {
        struct geo_point p = arc_point(cover->graph, arc, i), q = arc_point(cover->graph, arc, i + 1);
        if (whole <= 0) { /* all of it, or all in one place */
            on_piece(context, p, q);
            continue;
        }
        double length = span(p, q) / whole, begin = at;
        at += length;
        if (at < low || begin > high) continue;
        struct geo_point first = begin < low && length > 0 ? between(p, q, (low - begin) / length) : p, last = at > high && length > 0 ? between(p, q, (high - begin) / length) : q;
        on_piece(context, first, last);
    }
}

/* A road is its twin arc and, if it is two-way, the reverse: reached from the one end up to low, from the other down to high. */
struct parts {
    double low, high;
};

static struct parts parts_of(const struct cover *cover, const float *shares, uint32_t twin, uint32_t back)
{
    double own = (double)shares[twin], other = back == GEO_NONE ? 0 : (double)shares[back];
    return cover->towards ? (struct parts){other, 1 - own} : (struct parts){own, 1 - other};
}

static void road_walk(const struct cover *cover, uint32_t twin, uint32_t back, bool reached, const float *before, cover_on_piece on_piece, void *context)
{
    struct parts now = parts_of(cover, cover->share, twin, back);
    if (before) {
        struct parts old = parts_of(cover, before, twin, back);
        if (old.low == now.low && old.high == now.high) return;
    }
    if (!reached) {
        if (now.low < now.high) pieces_of(cover, twin, now.low, now.high, on_piece, context);
        return;
    }
    if (now.low >= now.high) {
        pieces_of(cover, twin, 0, 1, on_piece, context);
        return;
    }
    if (now.low > 0) pieces_of(cover, twin, 0, now.low, on_piece, context);
    if (now.high < 1) pieces_of(cover, twin, now.high, 1, on_piece, context);
}

/* On the road of the place itself one goes both ways from it without passing a junction. */
static void own_road_walk(const struct cover *cover, uint32_t limit_ms, cover_on_piece on_piece, void *context)
{
    const struct geo_graph *graph = cover->graph;
    uint32_t road[2] = {graph->arcs[cover->place.arc].twin, GEO_NONE};
    if (graph->arcs[road[0]].reverse != GEO_NONE) road[1] = graph->arcs[graph->arcs[road[0]].reverse].twin;
    for (int side = 0; side < 2 && road[side] != GEO_NONE; side++) {
        const struct geo_arc *arc = &graph->arcs[road[side]];
        uint32_t travel_ms = geo_metric_travel_ms(cover->metric, road[side]);
        double at = (double)cover->place.offset / GEO_OFFSET_ONE, share = (double)share_in(limit_ms, drive_ms(arc, travel_ms == GEO_UNREACHABLE ? arc->travel_ms : travel_ms));
        if (side == 1) at = 1 - at;
        double low = cover->towards ? at - share : at, high = cover->towards ? at : at + share;
        pieces_of(cover, road[side], low < 0 ? 0 : low, high > 1 ? 1 : high, on_piece, context);
    }
}

void cover_walk(const struct cover *cover, uint32_t limit_ms, bool reached, const float *before, cover_on_piece on_piece, void *context)
{
    const struct geo_graph *graph = cover->graph;
    for (uint32_t a = 0; a < graph->arc_count; a++) {
        if (graph->arcs[a].twin != a) continue;
        uint32_t back = graph->arcs[a].reverse == GEO_NONE ? GEO_NONE : graph->arcs[graph->arcs[a].reverse].twin;
        if (back != GEO_NONE && back < a) continue;
        road_walk(cover, a, back, reached, before, on_piece, context);
    }
    if (reached) own_road_walk(cover, limit_ms, on_piece, context);
}
