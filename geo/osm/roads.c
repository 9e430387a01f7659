/* From ways to roads between junctions. A chain of OSM segments whose inner nodes offer no choice becomes one road, both directions sharing a
 * shape. Times are whole milliseconds per OSM segment (at least 1), costs of nodes are charged on entering them, the one at its end kept apart as its
 * wait, and a road's time is their sum: so a search over segments and one over roads agree to the millisecond. Knows nothing of tags.
 *
 * U-turns: allowed at junctions and dead ends, never where only two segments meet and nothing changes (those nodes are gone). */
#include "osm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct segment {
    uint32_t way, index;        /* between refs index and index + 1 of the way */
    uint32_t end[2];            /* local nodes; going 0: from end[0] to end[1] */
    uint32_t ms[2];             /* 0: closed that way */
    uint32_t wait_ms[2], signal_ms[2]; /* at the end that is entered */
    uint32_t mm;
};
struct builder {
    const struct osm_data *data;
    struct osm_roads *out;
    struct segment *segments;
    size_t segment_count, segment_capacity;
    uint32_t *extra_of;         /* copies of blocked nodes: local node data.nodes.count + i stands at this node */
    size_t extra_count, extra_capacity;
    uint32_t local_count;
    uint32_t *first, *touch;    /* local node -> its segments, as segment * 2 + end */
    uint8_t *junction, *asked;  /* asked: a turn restriction speaks of the node */
    uint8_t *seen;              /* segments already in a road */
    size_t shape_capacity, road_capacity;
};

static uint64_t distance_mm(struct geo_point a, struct geo_point b)
{
    const double radius_mm = 6371008.8e3, radians = 3.14159265358979323846 / 180e7;
    double lat_a = a.lat_e7 * radians, lat_b = b.lat_e7 * radians;
    double s = sin((lat_b - lat_a) / 2), t = sin((double)((int64_t)b.lon_e7 - a.lon_e7) * radians / 2);
    double h = s * s + cos(lat_a) * cos(lat_b) * t * t;
    return (uint64_t)llround(2 * radius_mm * asin(sqrt(h < 1 ? h : 1)));
}

/* No two neighbouring nodes of a real road lie so far apart: one of them has gone astray (to 0, 0 as a rule), and the road ends there as if it were missing. */
static const uint64_t SEGMENT_MM_MAX = 500 * 1000 * 1000;

static uint32_t node_behind(const struct builder *builder, uint32_t local)
{
    uint32_t count = builder->data->nodes.count;
    return local < count ? local : builder->extra_of[local - count];
}

static uint32_t cap_ms(uint64_t ms)
{
    return ms < 1 ? 1 : ms < GEO_FINITE_MAX ? (uint32_t)ms : GEO_FINITE_MAX - 1;
}

/* ---- segments ---- */

/* A blocked node ends the road on either side, so each segment gets a node of its own there. */
static bool segment_end(struct builder *builder, uint32_t node, uint32_t *out)
{
    *out = node;
    if (!builder->data->nodes.crossing[node].blocked) return true;
    if (!osm_grow(&builder->extra_of, &builder->extra_capacity, builder->extra_count + 1, sizeof *builder->extra_of)) return false;
    *out = builder->data->nodes.count + (uint32_t)builder->extra_count;
    builder->extra_of[builder->extra_count++] = node;
    return true;
}

static uint64_t way_mm(const struct osm_data *data, const struct osm_way *way)
{
    uint64_t total = 0;
    uint32_t before = GEO_NONE;
    for (uint32_t i = 0; i < way->ref_count; i++) {
        uint32_t node = osm_nodes_find(&data->nodes, data->refs[way->ref_first + i]);
        bool here = node != GEO_NONE && data->nodes.present[node];
        if (here && before != GEO_NONE) total += distance_mm(data->nodes.point[before], data->nodes.point[node]);
        before = here ? node : GEO_NONE;
    }
    return total;
}

static enum geo_status segment_add(struct builder *builder, uint32_t way_index, uint32_t index, uint32_t from, uint32_t to, uint64_t ferry_mm)
{
    const struct osm_data *data = builder->data;
    const struct osm_way *way = &data->ways[way_index];
    if (builder->segment_count >= OSM_REFS_MAX || builder->extra_count >= OSM_REFS_MAX / 2) return GEO_LIMIT;
    if (!osm_grow(&builder->segments, &builder->segment_capacity, builder->segment_count + 1, sizeof *builder->segments)) return GEO_NO_MEMORY;
    uint64_t mm = distance_mm(data->nodes.point[from], data->nodes.point[to]);
    if (mm > SEGMENT_MM_MAX) return GEO_OK;
    struct segment segment = {.way = way_index, .index = index, .mm = (uint32_t)mm};
    for (int going = 0; going < 2; going++) {
        uint64_t speed = way->speed_mh[going];
        if (speed == 0) continue;
        uint64_t ms = (mm * 3600 + speed / 2) / speed;
        if (way->duration_s && ferry_mm) ms = (mm * way->duration_s + ferry_mm / 2000) / (ferry_mm / 1000 + 1);
        const struct osm_crossing *entered = &data->nodes.crossing[going == 0 ? to : from];
        segment.ms[going] = cap_ms(ms);
        segment.wait_ms[going] = entered->blocked ? 0 : entered->cost_ms[going];
        segment.signal_ms[going] = entered->blocked ? 0 : entered->signal_ms[going];
    }
    if (!segment_end(builder, from, &segment.end[0]) || !segment_end(builder, to, &segment.end[1])) return GEO_NO_MEMORY;
    builder->segments[builder->segment_count++] = segment;
    return GEO_OK;
}

static enum geo_status segments_find(struct builder *builder)
{
    const struct osm_data *data = builder->data;
    for (size_t w = 0; w < data->way_count; w++) {
        const struct osm_way *way = &data->ways[w];
        uint64_t ferry_mm = way->duration_s ? way_mm(data, way) : 0;
        uint32_t before = GEO_NONE;
        for (uint32_t i = 0; i < way->ref_count; i++) {
            uint32_t node = osm_nodes_find(&data->nodes, data->refs[way->ref_first + i]);
            bool here = node != GEO_NONE && data->nodes.present[node]; /* an extract cut at its border lacks nodes: the road ends there */
            enum geo_status rc = GEO_OK;
            if (here && before != GEO_NONE && before != node) rc = segment_add(builder, (uint32_t)w, i - 1, before, node, ferry_mm);
            if (rc != GEO_OK) return rc;
            before = here ? node : GEO_NONE;
        }
    }
    return GEO_OK;
}

/* ---- junctions ---- */

static bool touches_find(struct builder *builder)
{
    builder->local_count = builder->data->nodes.count + (uint32_t)builder->extra_count;
    builder->first = calloc((size_t)builder->local_count + 2, sizeof *builder->first);
    builder->touch = malloc((builder->segment_count * 2 + 1) * sizeof *builder->touch);
    builder->junction = calloc((size_t)builder->local_count + 1, 1);
    builder->asked = calloc((size_t)builder->local_count + 1, 1);
    builder->seen = calloc(builder->segment_count + 1, 1);
    if (!builder->first || !builder->touch || !builder->junction || !builder->asked || !builder->seen) return false;
    for (size_t i = 0; i < builder->segment_count; i++)
        for (int end = 0; end < 2; end++) builder->first[builder->segments[i].end[end] + 2]++;
    for (size_t i = 2; i < (size_t)builder->local_count + 2; i++) builder->first[i] += builder->first[i - 1];
    for (size_t i = 0; i < builder->segment_count; i++)
        for (unsigned end = 0; end < 2; end++) builder->touch[builder->first[builder->segments[i].end[end] + 1]++] = (uint32_t)i * 2 + end;
    return true;
}

static void ask(struct builder *builder, int64_t id)
{
    uint32_t node = osm_nodes_find(&builder->data->nodes, id);
    if (node != GEO_NONE) builder->asked[node] = 1;
}

/* Via nodes and the ends of via ways stay junctions, so that sequences of roads can be told there. */
static void asked_find(struct builder *builder)
{
    const struct osm_data *data = builder->data;
    for (size_t i = 0; i < data->restriction_count; i++) {
        const struct osm_restriction *restriction = &data->restrictions[i];
        const int64_t *via = data->members + restriction->member_first + restriction->from_count;
        for (uint32_t k = 0; k < restriction->via_count; k++) {
            uint32_t index = restriction->via_is_node ? GEO_NONE : osm_ways_find(data, via[k]);
            if (restriction->via_is_node) ask(builder, via[k]);
            if (index == GEO_NONE) continue;
            const struct osm_way *way = &data->ways[index];
            ask(builder, data->refs[way->ref_first]);
            ask(builder, data->refs[way->ref_first + way->ref_count - 1]);
        }
    }
}

/* Two segments meet, both two-way or one coming and one going, of the same name and kind: no choice, no junction. */
static bool is_through(const struct builder *builder, uint32_t local)
{
    uint32_t at = builder->first[local];
    if (builder->first[local + 1] - at != 2 || builder->asked[local]) return false;
    uint32_t left = builder->touch[at], right = builder->touch[at + 1];
    if (left / 2 == right / 2) return false;
    const struct segment *a = &builder->segments[left / 2], *b = &builder->segments[right / 2];
    const struct osm_way *way_a = &builder->data->ways[a->way], *way_b = &builder->data->ways[b->way];
    if (way_a->name != way_b->name || way_a->road_class != way_b->road_class || way_a->snappable != way_b->snappable || way_a->flags != way_b->flags) return false;
    unsigned end_a = left & 1, end_b = right & 1; /* going end ^ 1 arrives where end is 1 */
    bool in_a = a->ms[end_a ^ 1] != 0, out_a = a->ms[end_a] != 0;
    bool in_b = b->ms[end_b ^ 1] != 0, out_b = b->ms[end_b] != 0;
    return in_a == out_b && out_a == in_b;
}

/* ---- roads ---- */

struct chain {
    uint64_t ms[2], mm;         /* along the walk, against it */
    uint32_t wait_ms[2], signal_ms[2]; /* at the end */
    bool open[2];
    uint32_t first_segment, last_segment, last_end;
    uint32_t shape_first;
    size_t piece_first;         /* of its inner ways among out->piece, noted for the walk's direction */
};

static enum geo_status point_add(struct builder *builder, uint32_t local)
{
    struct osm_roads *out = builder->out;
    if (out->shape_count == UINT32_MAX) return GEO_LIMIT;
    if (!osm_grow(&out->shape, &builder->shape_capacity, (size_t)out->shape_count + 1, sizeof *out->shape)) return GEO_NO_MEMORY;
    out->shape[out->shape_count++] = builder->data->nodes.point[node_behind(builder, local)];
    return GEO_OK;
}

/* What nodes on the way cost is part of the drive, what the node at the end costs is the road's wait: that end lies ahead, or (against the walk)
 * where the walk begins. */
static void waits_add(struct chain *chain, const struct segment *segment, unsigned going, bool begins)
{
    chain->ms[0] += chain->wait_ms[0];
    chain->wait_ms[0] = segment->wait_ms[going];
    chain->signal_ms[0] = segment->signal_ms[going];
    if (!begins) chain->ms[1] += segment->wait_ms[going ^ 1];
    if (begins) chain->wait_ms[1] = segment->wait_ms[going ^ 1];
    if (begins) chain->signal_ms[1] = segment->signal_ms[going ^ 1];
}

/* Ways come one after the other along a chain; the road that is about to be added is the next. */
static bool piece_add(struct builder *builder, const struct chain *chain, uint32_t way)
{
    struct osm_roads *out = builder->out;
    uint32_t before = out->piece_count > chain->piece_first ? out->piece[out->piece_count - 1].way : builder->segments[chain->first_segment].way;
    if (way == before) return true;
    if (!osm_grow(&out->piece, &out->piece_capacity, out->piece_count + 1, sizeof *out->piece)) return false;
    out->piece[out->piece_count++] = (struct osm_piece){out->road_count, way};
    return true;
}

/* Both directions of a road run over the same ways, each less its own first. */
static bool pieces_turn(struct builder *builder, const struct chain *chain)
{
    struct osm_roads *out = builder->out;
    size_t end = out->piece_count;
    if (end == chain->piece_first) return true;
    uint32_t first = builder->segments[chain->first_segment].way;
    if (!chain->open[1]) return true;
    if (!chain->open[0]) { /* the only road is the one against the walk, which begins with the last of them */
        for (size_t i = end - 1; i > chain->piece_first; i--) out->piece[i].way = out->piece[i - 1].way;
        out->piece[chain->piece_first].way = first;
        return true;
    }
    if (!osm_grow(&out->piece, &out->piece_capacity, end + (end - chain->piece_first), sizeof *out->piece)) return false;
    uint32_t road = out->road_count + 1;
    out->piece[out->piece_count++] = (struct osm_piece){road, first};
    for (size_t i = chain->piece_first; i + 1 < end; i++) out->piece[out->piece_count++] = (struct osm_piece){road, out->piece[i].way};
    return true;
}

static enum geo_status chain_walk(struct builder *builder, uint32_t touch, struct chain *chain)
{
    *chain = (struct chain){.open = {true, true}, .first_segment = touch / 2, .shape_first = builder->out->shape_count, .piece_first = builder->out->piece_count};
    enum geo_status rc = point_add(builder, builder->segments[touch / 2].end[touch & 1]);
    for (;;) {
        if (rc != GEO_OK) return rc;
        const struct segment *segment = &builder->segments[touch / 2];
        unsigned going = touch & 1;
        builder->seen[touch / 2] = 1;
        if (!piece_add(builder, chain, segment->way)) return GEO_NO_MEMORY;
        chain->mm += segment->mm;
        waits_add(chain, segment, going, touch / 2 == chain->first_segment);
        for (unsigned side = 0; side < 2; side++) {
            chain->ms[side] += segment->ms[going ^ side];
            chain->open[side] = chain->open[side] && segment->ms[going ^ side] != 0;
        }
        chain->last_segment = touch / 2;
        chain->last_end = segment->end[going ^ 1];
        rc = point_add(builder, chain->last_end);
        if (builder->junction[chain->last_end]) return rc;
        uint32_t at = builder->first[chain->last_end];
        touch = builder->touch[at] == (touch ^ 1) ? builder->touch[at + 1] : builder->touch[at];
    }
}

static enum geo_status roads_add(struct builder *builder, const struct chain *chain, uint32_t tail, uint32_t head)
{
    struct osm_roads *out = builder->out;
    if (out->road_count > UINT32_MAX - 3) return GEO_LIMIT;
    if (!osm_grow(&out->road, &builder->road_capacity, (size_t)out->road_count + 2, sizeof *out->road)) return GEO_NO_MEMORY;
    const struct segment *first = &builder->segments[chain->first_segment], *last = &builder->segments[chain->last_segment];
    const struct osm_way *way = &builder->data->ways[first->way];
    bool both = chain->open[0] && chain->open[1];
    for (unsigned side = 0; side < 2; side++) {
        if (!chain->open[side]) continue;
        struct osm_road road = {.first_way = side ? last->way : first->way, .first_segment = side ? last->index : first->index,
                                .last_way = side ? first->way : last->way, .last_segment = side ? first->index : last->index,
                                .signal_ms = chain->signal_ms[side]};
        uint64_t dm = (chain->mm + 50) / 100;
        road.arc = (struct geo_arc){.tail = side ? head : tail, .head = side ? tail : head, .travel_ms = cap_ms(chain->ms[side] + chain->wait_ms[side]),
                                    .wait_ms = chain->wait_ms[side], .length_dm = dm < UINT32_MAX ? (uint32_t)dm : UINT32_MAX, .shape_first = chain->shape_first,
                                    .shape_count = out->shape_count - chain->shape_first, .name = way->name, .reversed = (uint8_t)side,
                                    .way = builder->data->ways[road.first_way].id, .road_class = way->road_class, .snappable = way->snappable, .flags = way->flags,
                                    .reverse = both ? (side ? out->road_count - 1 : out->road_count + 1) : GEO_NONE};
        out->road[out->road_count++] = road;
    }
    return GEO_OK;
}

static enum geo_status chains_find(struct builder *builder, const uint32_t *node_of)
{
    for (uint32_t local = 0; local < builder->local_count; local++) {
        if (!builder->junction[local]) continue;
        for (uint32_t t = builder->first[local]; t < builder->first[local + 1]; t++) {
            if (builder->seen[builder->touch[t] / 2]) continue;
            struct chain chain;
            enum geo_status rc = chain_walk(builder, builder->touch[t], &chain);
            if (rc == GEO_OK && !pieces_turn(builder, &chain)) rc = GEO_NO_MEMORY;
            if (rc == GEO_OK && !chain.open[0] && !chain.open[1]) builder->out->piece_count = chain.piece_first;
            if (rc == GEO_OK) rc = roads_add(builder, &chain, node_of[local], node_of[chain.last_end]);
            if (rc != GEO_OK) return rc;
        }
    }
    return GEO_OK;
}

/* Stable by tail: the order of ids in the file decides, nothing else. */
static enum geo_status roads_sort(struct osm_roads *out)
{
    out->first = calloc((size_t)out->node_count + 2, sizeof *out->first);
    uint32_t *place = malloc(((size_t)out->road_count + 1) * sizeof *place);
    struct osm_road *sorted = malloc(((size_t)out->road_count + 1) * sizeof *sorted);
    if (!out->first || !place || !sorted) {
        free(place);
        free(sorted);
        return GEO_NO_MEMORY;
    }
    for (uint32_t i = 0; i < out->road_count; i++) out->first[out->road[i].arc.tail + 1]++;
    for (uint32_t i = 0; i < out->node_count; i++) out->first[i + 1] += out->first[i];
    for (uint32_t i = 0; i < out->road_count; i++) place[i] = out->first[out->road[i].arc.tail]++;
    for (uint32_t i = out->node_count; i > 0; i--) out->first[i] = out->first[i - 1];
    out->first[0] = 0;
    for (uint32_t i = 0; i < out->road_count; i++) {
        struct osm_road road = out->road[i];
        if (road.arc.reverse != GEO_NONE) road.arc.reverse = place[road.arc.reverse];
        sorted[place[i]] = road;
    }
    for (size_t i = 0; i < out->piece_count; i++) out->piece[i].road = place[out->piece[i].road];
    free(place);
    free(out->road);
    out->road = sorted;
    return GEO_OK;
}

static bool arrivals_find(struct osm_roads *roads)
{
    roads->in_first = calloc((size_t)roads->node_count + 2, sizeof *roads->in_first);
    roads->in_road = malloc(((size_t)roads->road_count + 1) * sizeof *roads->in_road);
    if (!roads->in_first || !roads->in_road) return false;
    for (uint32_t i = 0; i < roads->road_count; i++) roads->in_first[roads->road[i].arc.head + 2]++;
    for (size_t i = 2; i < (size_t)roads->node_count + 2; i++) roads->in_first[i] += roads->in_first[i - 1];
    for (uint32_t i = 0; i < roads->road_count; i++) roads->in_road[roads->in_first[roads->road[i].arc.head + 1]++] = i;
    return true;
}

static enum geo_status builder_run(struct builder *builder)
{
    struct osm_roads *out = builder->out;
    enum geo_status rc = segments_find(builder);
    if (rc != GEO_OK) return rc;
    if (!touches_find(builder)) return GEO_NO_MEMORY;
    asked_find(builder);
    out->node_of = malloc(((size_t)builder->local_count + 1) * sizeof *out->node_of);
    out->points = malloc(((size_t)builder->local_count + 1) * sizeof *out->points);
    if (!out->node_of || !out->points) return GEO_NO_MEMORY;
    for (uint32_t local = 0; local < builder->local_count; local++) {
        out->node_of[local] = GEO_NONE;
        if (builder->first[local] == builder->first[local + 1] || is_through(builder, local)) continue;
        builder->junction[local] = 1;
        out->points[out->node_count] = builder->data->nodes.point[node_behind(builder, local)];
        out->node_of[local] = out->node_count++;
    }
    rc = chains_find(builder, out->node_of);
    if (rc == GEO_OK) rc = roads_sort(out);
    if (rc == GEO_OK && !arrivals_find(out)) rc = GEO_NO_MEMORY;
    return rc;
}

enum geo_status osm_roads_build(const struct osm_data *data, struct osm_roads *out, struct geo_error *error)
{
    struct builder builder = {.data = data, .out = out};
    memset(out, 0, sizeof *out);
    enum geo_status rc = builder_run(&builder);
    if (rc == GEO_LIMIT) (void)geo_error_set(error, rc, "too many road segments for 32-bit indexes");
    free(builder.segments);
    free(builder.extra_of);
    free(builder.first);
    free(builder.touch);
    free(builder.junction);
    free(builder.asked);
    free(builder.seen);
    return rc;
}

void osm_roads_deinit(struct osm_roads *roads)
{
    free(roads->road);
    free(roads->first);
    free(roads->points);
    free(roads->shape);
    free(roads->node_of);
    free(roads->in_first);
    free(roads->piece);
    free(roads->in_road);
    memset(roads, 0, sizeof *roads);
}
