/* What turning costs, and which nodes have to remember by which road one came. At a node the costs are a table, arriving roads by leaving roads.
 * Whatever a road's row has in common goes to the road's wait; roads whose rows then agree share a class, and only where classes differ does
 * the node become several (the idea of Geisberger, Vetter 2011, section 4, kept as node copies instead of tables).
 *
 * Turning round from road r, which came from node u, seldom matters: where straight on at u is no dearer than r, round, and back, no fastest way does
 * it, so r's row may say anything there. That keeps most nodes whole. It holds for the map's own times; a search that begins or
 * ends in the middle of a road may use both its directions, so none begins or ends by turning round either. */
#include "osm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARMS_MAX = 16,                  /* of a node whose turns cost differently; real junctions have a dozen */
    MAIN_CLASS_MAX = GEO_CLASS_SECONDARY,
};
#define ANY UINT32_MAX              /* a turn of which a class may say anything */

struct finder {
    const struct geo_osm_options *options;
    const struct osm_roads *roads;
    struct osm_costs *out;
    uint8_t *restricted;            /* by node: a forbidden sequence may be under way */
};

enum turn { TURN_STRAIGHT, TURN_NEAR, TURN_FAR, TURN_ROUND };

struct direction {
    double east, north;
};

/* Of the road's first piece, or its last. */
static struct direction direction_find(const struct osm_roads *roads, uint32_t road, bool at_end)
{
    const struct geo_arc *arc = &roads->road[road].arc;
    const struct geo_point *shape = roads->shape + arc->shape_first;
    bool high = at_end != (arc->reversed != 0); /* the piece at the shape's high end */
    struct geo_point a = high ? shape[arc->shape_count - 2] : shape[0], b = high ? shape[arc->shape_count - 1] : shape[1];
    double sign = arc->reversed ? -1 : 1, shrink = cos((double)a.lat_e7 * (3.14159265358979323846 / 180e7));
    return (struct direction){sign * remainder((double)b.lon_e7 - (double)a.lon_e7, 360e7) * shrink, sign * ((double)b.lat_e7 - (double)a.lat_e7)};
}

/* Within 45 degrees is straight on; within 10 degrees of where one came from is turning round, though on to another road. */
static enum turn turn_find(const struct finder *finder, uint32_t from, uint32_t to)
{
    const struct osm_roads *roads = finder->roads;
    if (roads->road[from].arc.reverse == to) return TURN_ROUND;
    struct direction in = direction_find(roads, from, true), out = direction_find(roads, to, false);
    double cross = in.east * out.north - in.north * out.east, dot = in.east * out.east + in.north * out.north;
    const double tangent_10 = 0.17632698070846498;
    if (dot >= fabs(cross)) return TURN_STRAIGHT;
    if (fabs(cross) <= -dot * tangent_10) return TURN_ROUND;
    return (cross >= 0) != finder->options->drives_left ? TURN_FAR : TURN_NEAR;
}

static bool other_main_arrives(const struct osm_roads *roads, uint32_t node, uint32_t road)
{
    for (uint32_t i = roads->in_first[node]; i < roads->in_first[node + 1]; i++) {
        uint32_t other = roads->in_road[i];
        if (other != road && roads->road[other].arc.road_class <= MAIN_CLASS_MAX) return true;
    }
    return false;
}

static uint32_t arms_in(const struct osm_roads *roads, uint32_t node)
{
    return roads->in_first[node + 1] - roads->in_first[node];
}

static uint32_t arms_out(const struct osm_roads *roads, uint32_t node)
{
    return roads->first[node + 1] - roads->first[node];
}

/* Near and far turns cost where three roads meet. */
static bool is_charged(const struct osm_roads *roads, uint32_t node)
{
    uint32_t arms = arms_in(roads, node);
    for (uint32_t o = roads->first[node]; o < roads->first[node + 1]; o++) arms += roads->road[o].arc.reverse == GEO_NONE;
    return arms >= 3;
}

/* All that passing the node of both roads costs. */
static uint32_t cost_find(const struct finder *finder, uint32_t from, uint32_t to)
{
    const struct geo_osm_options *options = finder->options;
    const struct osm_road *road = &finder->roads->road[from];
    uint32_t node = road->arc.head, wait = road->arc.wait_ms, signal = road->signal_ms;
    if (arms_in(finder->roads, node) > ARMS_MAX || arms_out(finder->roads, node) > ARMS_MAX) return wait;
    if (road->arc.reverse == to) return wait + options->uturn_ms;
    if (!is_charged(finder->roads, node)) return wait;
    switch (turn_find(finder, from, to)) {
    case TURN_STRAIGHT: return wait;
    case TURN_ROUND: return wait + options->uturn_ms;
    case TURN_NEAR: return wait - signal + (uint32_t)((uint64_t)signal * options->signal_near_percent / 100);
    case TURN_FAR: break;
    }
    if (signal) return wait + options->signal_far_ms;
    return wait + (other_main_arrives(finder->roads, node, from) ? options->far_ms : 0);
}

/* Does a fastest way ever turn round at the end of this road? */
static bool round_matters(const struct finder *finder, uint32_t road)
{
    const struct osm_roads *roads = finder->roads;
    const struct geo_arc *arc = &roads->road[road].arc;
    uint32_t node = arc->tail, back = arc->reverse;
    if (arms_in(roads, arc->head) == 1 || finder->restricted[node] || arms_in(roads, node) > ARMS_MAX || arms_out(roads, node) > ARMS_MAX) return true;
    uint64_t there_and_back = (uint64_t)arc->travel_ms - arc->wait_ms + roads->road[back].arc.travel_ms - roads->road[back].arc.wait_ms;
    for (uint32_t i = roads->in_first[node]; i < roads->in_first[node + 1]; i++) {
        uint32_t from = roads->in_road[i];
        if (from == back) continue;
        for (uint32_t to = roads->first[node]; to < roads->first[node + 1]; to++)
            if (to != road && cost_find(finder, from, to) > there_and_back + cost_find(finder, from, road) + cost_find(finder, back, to)) return true;
    }
    return false;
}

/* ---- classes ---- */

struct classes {
    uint32_t row[ARMS_MAX][ARMS_MAX]; /* by class: turn_ms of each leaving road, or ANY */
    uint32_t count, width;
};

static uint32_t least(const uint32_t *row, uint32_t width, uint32_t otherwise)
{
    uint32_t found = ANY;
    for (uint32_t o = 0; o < width; o++)
        if (row[o] < found) found = row[o];
    return found == ANY ? otherwise : found;
}

/* The class says `row` less `wait` where the row says something. False if they contradict, or the wait would have to be negative. */
static bool class_join(uint32_t *class, const uint32_t *row, uint32_t width, uint32_t *wait)
{
    bool known = false;
    for (uint32_t o = 0; o < width; o++) {
        if (class[o] == ANY || row[o] == ANY) continue;
        if (row[o] < class[o] || (known && row[o] - class[o] != *wait)) return false;
        *wait = row[o] - class[o];
        known = true;
    }
    if (!known) *wait = least(row, width, *wait);
    for (uint32_t o = 0; o < width; o++)
        if (row[o] != ANY && row[o] < *wait) return false;
    for (uint32_t o = 0; o < width; o++)
        if (row[o] != ANY) class[o] = row[o] - *wait;
    return true;
}

static void class_found(struct classes *classes, const uint32_t *row, uint32_t *wait)
{
    *wait = least(row, classes->width, *wait);
    for (uint32_t o = 0; o < classes->width; o++) classes->row[classes->count][o] = row[o] == ANY ? ANY : row[o] - *wait;
    classes->count++;
}

static enum geo_status table_keep(struct finder *finder, uint32_t node, const struct classes *classes)
{
    struct osm_costs *out = finder->out;
    bool zero = true;
    for (uint32_t c = 0; c < classes->count; c++)
        for (uint32_t o = 0; o < classes->width; o++) zero = zero && (classes->row[c][o] == 0 || classes->row[c][o] == ANY);
    if (zero) return GEO_OK;
    if (out->turn_count > UINT32_MAX - 1 - ARMS_MAX * ARMS_MAX) return GEO_LIMIT;
    if (!osm_grow(&out->turn_ms, &out->turn_capacity, out->turn_count + classes->count * classes->width, sizeof *out->turn_ms)) return GEO_NO_MEMORY;
    out->table_at[node] = (uint32_t)out->turn_count;
    for (uint32_t c = 0; c < classes->count; c++)
        for (uint32_t o = 0; o < classes->width; o++)
            out->turn_ms[out->turn_count++] = classes->row[c][o] == ANY ? finder->options->uturn_ms : classes->row[c][o];
    return GEO_OK;
}

static void row_fill(const struct finder *finder, uint32_t road, uint32_t *row)
{
    const struct osm_roads *roads = finder->roads;
    uint32_t node = roads->road[road].arc.head, back = roads->road[road].arc.reverse;
    for (uint32_t to = roads->first[node]; to < roads->first[node + 1]; to++)
        row[to - roads->first[node]] = to == back && !round_matters(finder, road) ? ANY : cost_find(finder, road, to);
}

/* Most telling rows first would need fewer classes now and then; in order of the roads they need few enough. */
static enum geo_status node_classify(struct finder *finder, uint32_t node, uint32_t *count)
{
    const struct osm_roads *roads = finder->roads;
    struct classes classes = {.width = arms_out(roads, node)};
    *count = 1;
    if (arms_in(roads, node) > ARMS_MAX || classes.width > ARMS_MAX || classes.width == 0) return GEO_OK;
    for (uint32_t i = roads->in_first[node]; i < roads->in_first[node + 1]; i++) {
        uint32_t road = roads->in_road[i], row[ARMS_MAX], class = 0;
        row_fill(finder, road, row);
        while (class < classes.count && !class_join(classes.row[class], row, classes.width, &finder->out->wait_ms[road])) class++;
        if (class == classes.count) class_found(&classes, row, &finder->out->wait_ms[road]);
        finder->out->class_of[road] = (uint8_t)class;
    }
    if (classes.count > 1) {
        *count = classes.count;
        finder->out->junctions_charged++;
    }
    return table_keep(finder, node, &classes);
}

static enum geo_status classes_find(struct finder *finder)
{
    const struct osm_roads *roads = finder->roads;
    struct osm_costs *out = finder->out;
    uint64_t total = 0;
    for (uint32_t i = 0; i < roads->road_count; i++) out->wait_ms[i] = roads->road[i].arc.wait_ms;
    for (uint32_t node = 0; node < roads->node_count; node++) {
        uint32_t count = 1;
        out->table_at[node] = GEO_NONE;
        out->class_first[node] = (uint32_t)total;
        enum geo_status rc = node_classify(finder, node, &count);
        total += count;
        if (rc != GEO_OK) return rc;
        if (total > UINT32_MAX / 2) return GEO_LIMIT;
    }
    out->class_first[roads->node_count] = (uint32_t)total;
    return GEO_OK;
}

enum geo_status osm_costs_find(const struct geo_osm_options *options, const struct osm_roads *roads, const struct osm_turns *turns, struct osm_costs *out)
{
    struct finder finder = {.options = options, .roads = roads, .out = out};
    memset(out, 0, sizeof *out);
    finder.restricted = calloc((size_t)roads->node_count + 1, 1);
    out->wait_ms = calloc((size_t)roads->road_count + 1, sizeof *out->wait_ms);
    out->class_of = calloc((size_t)roads->road_count + 1, 1);
    out->class_first = calloc((size_t)roads->node_count + 2, sizeof *out->class_first);
    out->table_at = calloc((size_t)roads->node_count + 1, sizeof *out->table_at);
    bool fits = finder.restricted && out->wait_ms && out->class_of && out->class_first && out->table_at;
    uint32_t begin = 0;
    for (size_t i = 0; i < turns->end_count && fits; i++) {
        for (uint32_t k = begin; k + 1 < turns->end[i]; k++) finder.restricted[roads->road[turns->sequence[k]].arc.head] = 1;
        begin = turns->end[i];
    }
    enum geo_status rc = fits ? classes_find(&finder) : GEO_NO_MEMORY;
    free(finder.restricted);
    return rc;
}

void osm_costs_deinit(struct osm_costs *costs)
{
    free(costs->wait_ms);
    free(costs->class_of);
    free(costs->class_first);
    free(costs->table_at);
    free(costs->turn_ms);
    memset(costs, 0, sizeof *costs);
}

uint32_t osm_costs_turn(const struct osm_costs *costs, const struct osm_roads *roads, uint32_t node, uint32_t class, uint32_t road)
{
    uint32_t at = costs->table_at[node];
    if (at == GEO_NONE) return 0;
    return costs->turn_ms[at + (class - costs->class_first[node]) * arms_out(roads, node) + (road - roads->first[node])];
}

uint32_t osm_costs_after(const struct geo_osm_options *options, const struct osm_costs *costs, const struct osm_roads *roads, uint32_t from, uint32_t to)
{
    struct finder finder = {.options = options, .roads = roads};
    uint32_t cost = cost_find(&finder, from, to);
    return cost > costs->wait_ms[from] ? cost - costs->wait_ms[from] : 0;
}
