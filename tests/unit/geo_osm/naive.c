/* See naive.h. Written to be obviously right, not fast: every directed segment is a state, with the set of via-way rules under way. */
#include "naive.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VIA_RULES_MAX = 64 };

struct directed {
    uint32_t way, from, to, ms; /* ms 0: closed */
};
struct pair_rule {
    uint32_t from, to;
    bool only;
};
struct via_rule {
    uint32_t *sequence, length, to; /* directed segments: arrival, then all of the via ways; then `to` is forbidden, or the only one */
    bool only;
};
struct state {
    uint32_t segment;
    uint64_t mask, ms;
};
struct naive {
    struct osm_data data;
    struct directed *segment; /* 2 * i and 2 * i + 1 are the two directions of one segment */
    uint32_t count;
    uint32_t *way_first;      /* the segments of a way lie together */
    uint32_t *first, *out;    /* open segments that leave a node */
    uint32_t *touches;        /* segments at a node, open or not, both ends */
    uint32_t *touch_of;       /* two of them */
    uint32_t *touch_first, *touch_all; /* all of them, in the direction that leaves */
    uint8_t *asked;
    struct pair_rule *pairs;
    uint32_t pair_count;
    uint32_t *pair_first;     /* by segment, into pairs sorted by from */
    struct via_rule via[VIA_RULES_MAX];
    uint32_t via_count;
    struct state *state;      /* state i < count: segment i with no rule under way */
    uint32_t state_count, state_capacity;
    uint8_t *part;            /* by state: in the part chosen; NULL: none chosen */
    uint32_t part_size;       /* states that were known when it was chosen: all that can be reached */
};

void heap_push(struct heap *heap, uint64_t key, uint32_t value)
{
    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity * 2 + 1024;
        heap->item = realloc(heap->item, heap->capacity * sizeof *heap->item);
        assert(heap->item);
    }
    size_t at = heap->count++;
    for (; at > 0 && heap->item[(at - 1) / 2].key > key; at = (at - 1) / 2) heap->item[at] = heap->item[(at - 1) / 2];
    heap->item[at] = (struct heap_item){key, value};
}

struct heap_item heap_pop(struct heap *heap)
{
    struct heap_item top = heap->item[0], last = heap->item[--heap->count];
    size_t at = 0;
    for (size_t child; (child = at * 2 + 1) < heap->count; at = child) {
        if (child + 1 < heap->count && heap->item[child + 1].key < heap->item[child].key) child++;
        if (heap->item[child].key >= last.key) break;
        heap->item[at] = heap->item[child];
    }
    if (heap->count) heap->item[at] = last;
    return top;
}

static double metres(struct geo_point a, struct geo_point b)
{
    double r = acos(-1) / 180e7, p = a.lat_e7 * r, q = b.lat_e7 * r, l = ((double)b.lon_e7 - a.lon_e7) * r;
    double h = pow(sin((q - p) / 2), 2) + cos(p) * cos(q) * pow(sin(l / 2), 2);
    return 2 * 6371008.8 * asin(sqrt(h));
}

static uint32_t ride_ms(const struct naive *naive, const struct osm_way *way, uint32_t from, uint32_t to, int going, uint64_t ferry_mm)
{
    if (!way->speed_mh[going]) return 0;
    uint64_t mm = (uint64_t)llround(metres(naive->data.nodes.point[from], naive->data.nodes.point[to]) * 1000);
    uint64_t ms = (mm * 3600 + way->speed_mh[going] / 2) / way->speed_mh[going];
    if (way->duration_s && ferry_mm) ms = (mm * way->duration_s + ferry_mm / 2000) / (ferry_mm / 1000 + 1);
    return (uint32_t)(ms ? ms : 1);
}

static void segments_make(struct naive *naive)
{
    const struct osm_data *data = &naive->data;
    naive->segment = calloc(data->ref_count * 2 + 2, sizeof *naive->segment);
    naive->way_first = calloc(data->way_count + 1, sizeof *naive->way_first);
    assert(naive->segment && naive->way_first);
    for (uint32_t w = 0; w < data->way_count; w++, naive->way_first[w] = naive->count) {
        const struct osm_way *way = &data->ways[w];
        uint64_t ferry_mm = 0;
        for (int pass = way->duration_s ? 0 : 1; pass < 2; pass++) {
            for (uint32_t i = 0; i + 1 < way->ref_count; i++) {
                uint32_t a = osm_nodes_find(&data->nodes, data->refs[way->ref_first + i]), b = osm_nodes_find(&data->nodes, data->refs[way->ref_first + i + 1]);
                if (a == b || !data->nodes.present[a] || !data->nodes.present[b]) continue;
                if (pass == 0) ferry_mm += (uint64_t)llround(metres(data->nodes.point[a], data->nodes.point[b]) * 1000);
                if (pass == 0) continue;
                naive->segment[naive->count++] = (struct directed){w, a, b, ride_ms(naive, way, a, b, 0, ferry_mm)};
                naive->segment[naive->count++] = (struct directed){w, b, a, ride_ms(naive, way, b, a, 1, ferry_mm)};
            }
        }
    }
}

static void index_make(struct naive *naive)
{
    size_t nodes = naive->data.nodes.count;
    naive->first = calloc(nodes + 2, sizeof *naive->first);
    naive->out = calloc(naive->count + 1, sizeof *naive->out);
    naive->touches = calloc(nodes + 1, sizeof *naive->touches);
    naive->touch_of = calloc(nodes * 2 + 2, sizeof *naive->touch_of);
    naive->asked = calloc(nodes + 1, 1);
    naive->touch_first = calloc(nodes + 2, sizeof *naive->touch_first);
    naive->touch_all = calloc(naive->count + 1, sizeof *naive->touch_all);
    assert(naive->first && naive->out && naive->touches && naive->touch_of && naive->asked && naive->touch_first && naive->touch_all);
    for (uint32_t i = 0; i < naive->count; i++) naive->touch_first[naive->segment[i].from + 2]++;
    for (size_t i = 0; i < nodes; i++) naive->touch_first[i + 2] += naive->touch_first[i + 1];
    for (uint32_t i = 0; i < naive->count; i++) naive->touch_all[naive->touch_first[naive->segment[i].from + 1]++] = i;
    for (uint32_t i = 0; i < naive->count; i++) {
        uint32_t node = naive->segment[i].from;
        if (naive->touches[node] < 2) naive->touch_of[node * 2 + naive->touches[node]] = i;
        naive->touches[node]++;
        if (naive->segment[i].ms) naive->first[node + 1]++;
    }
    for (size_t i = 0; i < nodes; i++) naive->first[i + 1] += naive->first[i];
    uint32_t *at = malloc((nodes + 1) * sizeof *at);
    assert(at);
    memcpy(at, naive->first, (nodes + 1) * sizeof *at);
    for (uint32_t i = 0; i < naive->count; i++)
        if (naive->segment[i].ms) naive->out[at[naive->segment[i].from]++] = i;
    free(at);
}

/* ---- rules ---- */

static uint32_t only_one(const struct naive *naive, uint32_t node, int64_t way, bool arriving)
{
    uint32_t found = GEO_NONE, w = osm_ways_find(&naive->data, way);
    if (node == GEO_NONE || naive->data.nodes.crossing[node].blocked) return GEO_NONE; /* nobody gets through: nothing to rule */
    for (uint32_t i = w == GEO_NONE ? 0 : naive->way_first[w]; w != GEO_NONE && i < naive->way_first[w + 1]; i++) {
        const struct directed *s = &naive->segment[i];
        if (!s->ms || (arriving ? s->to : s->from) != node) continue;
        if (found != GEO_NONE) return GEO_NONE;
        found = i;
    }
    return found;
}

/* The whole via way in segments, from the node; returns where it ends, GEO_NONE if it cannot be driven. */
static uint32_t via_drive(const struct naive *naive, int64_t id, uint32_t node, struct via_rule *rule)
{
    uint32_t w = osm_ways_find(&naive->data, id), first = GEO_NONE, last = GEO_NONE;
    for (uint32_t i = 0; i < naive->count && w != GEO_NONE; i += 2) {
        if (naive->segment[i].way != w) continue;
        if (first == GEO_NONE) first = i;
        last = i;
    }
    if (first == GEO_NONE) return GEO_NONE;
    const struct osm_way *way = &naive->data.ways[w];
    uint32_t begin = naive->segment[first].from, end = naive->segment[last].to;
    if ((last - first) / 2 + 2 != way->ref_count || begin == end || (node != begin && node != end)) return GEO_NONE;
    bool along = node == begin;
    for (uint32_t k = 0; k <= (last - first) / 2; k++) {
        uint32_t segment = along ? first + 2 * k : last - 2 * k + 1;
        if (!naive->segment[segment].ms || naive->data.nodes.crossing[naive->segment[segment].to].blocked) return GEO_NONE;
        rule->sequence = realloc(rule->sequence, (rule->length + 1) * sizeof *rule->sequence);
        assert(rule->sequence);
        rule->sequence[rule->length++] = segment;
    }
    return along ? end : begin;
}

static void via_rule_make(struct naive *naive, const struct osm_restriction *r, int64_t from, int64_t to)
{
    const int64_t *via = naive->data.members + r->member_first + r->from_count;
    uint32_t w = osm_ways_find(&naive->data, via[0]), found = 0;
    struct via_rule best = {0};
    for (uint32_t end = 0; end < 2 && w != GEO_NONE; end++) {
        const struct osm_way *way = &naive->data.ways[w];
        uint32_t node = osm_nodes_find(&naive->data.nodes, naive->data.refs[way->ref_first + (end ? way->ref_count - 1 : 0)]);
        struct via_rule rule = {.only = r->only, .length = 1, .sequence = malloc(sizeof *rule.sequence)};
        assert(rule.sequence);
        rule.sequence[0] = only_one(naive, node, from, true);
        if (rule.sequence[0] == GEO_NONE) node = GEO_NONE;
        for (uint32_t k = 0; k < r->via_count && node != GEO_NONE; k++) node = via_drive(naive, via[k], node, &rule);
        rule.to = node == GEO_NONE ? GEO_NONE : only_one(naive, node, to, false);
        if (rule.to == GEO_NONE) {
            free(rule.sequence);
            continue;
        }
        free(best.sequence);
        best = rule;
        found++;
    }
    if (found != 1) {
        free(best.sequence);
        return;
    }
    assert(naive->via_count < VIA_RULES_MAX);
    naive->via[naive->via_count++] = best;
}

static int pair_compare(const void *a, const void *b)
{
    const struct pair_rule *left = a, *right = b;
    return (left->from > right->from) - (left->from < right->from);
}

static void rules_make(struct naive *naive)
{
    const struct osm_data *data = &naive->data;
    size_t capacity = 0;
    for (size_t i = 0; i < data->restriction_count; i++) {
        const struct osm_restriction *r = &data->restrictions[i];
        const int64_t *from = data->members + r->member_first, *via = from + r->from_count, *to = via + r->via_count;
        for (uint32_t k = 0; k < r->via_count; k++) {
            uint32_t w = r->via_is_node ? GEO_NONE : osm_ways_find(data, via[k]);
            uint32_t ends[2] = {GEO_NONE, GEO_NONE};
            if (r->via_is_node) ends[0] = osm_nodes_find(&data->nodes, via[k]);
            if (w != GEO_NONE) ends[0] = osm_nodes_find(&data->nodes, data->refs[data->ways[w].ref_first]);
            if (w != GEO_NONE) ends[1] = osm_nodes_find(&data->nodes, data->refs[data->ways[w].ref_first + data->ways[w].ref_count - 1]);
            for (int e = 0; e < 2; e++)
                if (ends[e] != GEO_NONE) naive->asked[ends[e]] = 1;
        }
        for (uint32_t f = 0; f < r->from_count; f++) {
            for (uint32_t t = 0; t < r->to_count; t++) {
                if (!r->via_is_node) {
                    via_rule_make(naive, r, from[f], to[t]);
                    continue;
                }
                uint32_t node = osm_nodes_find(&data->nodes, via[0]);
                if (node == GEO_NONE) continue;
                struct pair_rule rule = {only_one(naive, node, from[f], true), only_one(naive, node, to[t], false), r->only};
                if (rule.from == GEO_NONE || rule.to == GEO_NONE) continue;
                assert(osm_grow(&naive->pairs, &capacity, naive->pair_count + 1, sizeof *naive->pairs));
                naive->pairs[naive->pair_count++] = rule;
            }
        }
    }
    if (naive->pair_count) qsort(naive->pairs, naive->pair_count, sizeof *naive->pairs, pair_compare);
    naive->pair_first = calloc(naive->count + 2, sizeof *naive->pair_first);
    assert(naive->pair_first);
    for (uint32_t i = 0; i < naive->pair_count; i++) naive->pair_first[naive->pairs[i].from + 1]++;
    for (uint32_t i = 0; i < naive->count; i++) naive->pair_first[i + 1] += naive->pair_first[i];
}

/* Where two segments meet and nothing changes, nobody turns round. */
static bool may_turn_round(const struct naive *naive, uint32_t node)
{
    if (naive->touches[node] != 2 || naive->asked[node]) return true;
    uint32_t a = naive->touch_of[node * 2], b = naive->touch_of[node * 2 + 1];
    if (a / 2 == b / 2) return true;
    const struct osm_way *wa = &naive->data.ways[naive->segment[a].way], *wb = &naive->data.ways[naive->segment[b].way];
    if (wa->name != wb->name || wa->road_class != wb->road_class || wa->snappable != wb->snappable || wa->flags != wb->flags) return true;
    bool leave_a = naive->segment[a].ms, come_a = naive->segment[a ^ 1].ms, leave_b = naive->segment[b].ms, come_b = naive->segment[b ^ 1].ms;
    bool both = leave_a && come_a && leave_b && come_b;
    bool line = (come_a && !leave_a && leave_b && !come_b) || (come_b && !leave_b && leave_a && !come_a);
    return !both && !line;
}

/* ---- what a turn costs ---- */

static bool is_open(const struct naive *naive, uint32_t segment)
{
    return naive->segment[segment].ms != 0;
}

/* The segments that arrive at a node are the other directions of those that touch it. */
static void node_count(const struct naive *naive, uint32_t node, uint32_t *in, uint32_t *out, uint32_t *arms)
{
    *in = *out = *arms = 0;
    for (uint32_t i = naive->touch_first[node]; i < naive->touch_first[node + 1]; i++) {
        uint32_t leaving = naive->touch_all[i];
        *in += is_open(naive, leaving ^ 1);
        *out += is_open(naive, leaving);
        *arms += is_open(naive, leaving) || is_open(naive, leaving ^ 1);
    }
}

static bool main_arrives_beside(const struct naive *naive, uint32_t node, uint32_t segment)
{
    for (uint32_t i = naive->touch_first[node]; i < naive->touch_first[node + 1]; i++) {
        uint32_t arriving = naive->touch_all[i] ^ 1;
        if (arriving != segment && is_open(naive, arriving) && naive->data.ways[naive->segment[arriving].way].road_class <= GEO_CLASS_SECONDARY) return true;
    }
    return false;
}

/* Degrees counted to the left, -180 to 180. */
static double degrees_left(const struct naive *naive, uint32_t from, uint32_t to)
{
    const struct geo_point *point = naive->data.nodes.point;
    struct geo_point a = point[naive->segment[from].from], b = point[naive->segment[from].to], c = point[naive->segment[to].to];
    double radians = acos(-1) / 180;
    double before = atan2(((double)b.lat_e7 - a.lat_e7), ((double)b.lon_e7 - a.lon_e7) * cos(a.lat_e7 * 1e-7 * radians));
    double after = atan2(((double)c.lat_e7 - b.lat_e7), ((double)c.lon_e7 - b.lon_e7) * cos(b.lat_e7 * 1e-7 * radians));
    double left = (after - before) / radians;
    return left > 180 ? left - 360 : left <= -180 ? left + 360 : left;
}

static uint32_t turn_cost(const struct naive *naive, uint32_t from, uint32_t to)
{
    const struct geo_osm_options *options = &naive->data.options;
    uint32_t node = naive->segment[from].to, in, out, arms;
    const struct osm_crossing *crossing = &naive->data.nodes.crossing[node];
    if (crossing->blocked) return options->uturn_ms;
    uint32_t wait = crossing->cost_ms[from & 1];
    node_count(naive, node, &in, &out, &arms);
    if (in > 16 || out > 16) return wait;
    if (to == (from ^ 1)) return wait + options->uturn_ms;
    double left = degrees_left(naive, from, to), far = options->drives_left ? -left : left;
    if (arms < 3 || fabs(left) <= 45) return wait;
    if (fabs(left) >= 170) return wait + options->uturn_ms;
    uint32_t lights = crossing->signal_ms[from & 1];
    if (far > 0 && lights) return wait + options->signal_far_ms;
    if (far > 0) return wait + (main_arrives_beside(naive, node, from) ? options->far_ms : 0);
    return wait - lights + lights * options->signal_near_percent / 100;
}

/* May one go from state `s` on to segment `next`? Then *mask tells which via-way rules are under way on it. */
static bool turn(const struct naive *naive, const struct state *s, uint32_t next, uint64_t *mask)
{
    uint32_t node = naive->segment[s->segment].to;
    bool blocked = naive->data.nodes.crossing[node].blocked; /* a dead end from either side */
    if (blocked && next != (s->segment ^ 1)) return false;
    if (!blocked && next == (s->segment ^ 1) && !may_turn_round(naive, node)) return false;
    for (uint32_t i = naive->pair_first[s->segment]; i < naive->pair_first[s->segment + 1]; i++)
        if ((naive->pairs[i].to == next) != naive->pairs[i].only) return false;
    *mask = 0;
    for (uint32_t i = 0; i < naive->via_count; i++) {
        const struct via_rule *rule = &naive->via[i];
        if (next == rule->sequence[0]) *mask |= UINT64_C(1) << i;
        if (!(s->mask >> i & 1)) continue;
        uint32_t at = 0;
        while (rule->sequence[at] != s->segment) at++;
        if (at + 1 == rule->length) {
            if ((rule->to == next) != rule->only) return false;
        } else if (rule->sequence[at + 1] == next) {
            *mask |= UINT64_C(1) << i;
        }
    }
    return true;
}

/* ---- search ---- */

static uint32_t state_find(struct naive *naive, uint32_t segment, uint64_t mask)
{
    if (!mask) return segment;
    for (uint32_t i = naive->count; i < naive->state_count; i++)
        if (naive->state[i].segment == segment && naive->state[i].mask == mask) return i;
    if (naive->state_count == naive->state_capacity) {
        naive->state_capacity = naive->state_capacity * 2;
        naive->state = realloc(naive->state, naive->state_capacity * sizeof *naive->state);
        assert(naive->state);
    }
    naive->state[naive->state_count] = (struct state){segment, mask, UINT64_MAX};
    return naive->state_count++;
}

static uint32_t start_state(struct naive *naive, uint32_t segment)
{
    uint64_t mask = 0;
    for (uint32_t i = 0; i < naive->via_count; i++)
        if (naive->via[i].sequence[0] == segment) mask |= UINT64_C(1) << i;
    return state_find(naive, segment, mask);
}

static bool is_in_part(const struct naive *naive, uint32_t state)
{
    return !naive->part || (state < naive->part_size && naive->part[state]);
}

static void start(struct naive *naive, struct heap *heap, uint32_t segment)
{
    uint32_t plain = start_state(naive, segment);
    for (uint32_t i = 0; i < naive->state_count; i++) {
        if (naive->part ? naive->state[i].segment != segment || !is_in_part(naive, i) : i != plain) continue;
        naive->state[i].ms = naive->segment[segment].ms;
        heap_push(heap, naive->segment[segment].ms, i);
    }
}

void naive_search(struct naive *naive, uint32_t segment, uint32_t other)
{
    struct heap heap = {0};
    for (uint32_t i = 0; i < naive->state_count; i++) naive->state[i].ms = UINT64_MAX;
    start(naive, &heap, segment);
    if (other != GEO_NONE) start(naive, &heap, other);
    while (heap.count) {
        struct heap_item top = heap_pop(&heap);
        struct state s = naive->state[top.value];
        if (top.key > s.ms) continue;
        uint32_t node = naive->segment[s.segment].to;
        for (uint32_t i = naive->first[node]; i < naive->first[node + 1]; i++) {
            uint32_t next = naive->out[i];
            uint64_t mask = 0;
            if (!turn(naive, &s, next, &mask)) continue;
            uint32_t to = state_find(naive, next, mask);
            uint64_t ms = s.ms + turn_cost(naive, s.segment, next) + naive->segment[next].ms;
            if (ms >= naive->state[to].ms) continue;
            naive->state[to].ms = ms;
            heap_push(&heap, ms, to);
        }
    }
    free(heap.item);
}

uint64_t naive_ms(const struct naive *naive, uint32_t segment)
{
    uint64_t best = UINT64_MAX;
    if (is_in_part(naive, segment)) best = naive->state[segment].ms;
    for (uint32_t i = naive->count; i < naive->state_count; i++)
        if (naive->state[i].segment == segment && is_in_part(naive, i) && naive->state[i].ms < best) best = naive->state[i].ms;
    return best == UINT64_MAX ? best : best - naive->segment[segment].ms;
}

/* ---- parts ---- */

struct step {
    uint32_t from, to;
};

/* Every step from every state that can be reached. */
static struct step *steps_find(struct naive *naive, size_t *count)
{
    struct step *steps = NULL;
    size_t capacity = 0;
    *count = 0;
    for (uint32_t i = 0; i < naive->count; i++)
        if (naive->segment[i].ms) (void)start_state(naive, i);
    for (uint32_t i = 0; i < naive->state_count; i++) {
        struct state s = naive->state[i];
        uint32_t node = naive->segment[s.segment].to;
        for (uint32_t k = naive->first[node]; k < naive->first[node + 1]; k++) {
            uint64_t mask = 0;
            if (!naive->segment[s.segment].ms || !turn(naive, &s, naive->out[k], &mask)) continue;
            assert(osm_grow(&steps, &capacity, *count + 1, sizeof *steps));
            steps[(*count)++] = (struct step){i, state_find(naive, naive->out[k], mask)};
        }
    }
    return steps;
}

/* What can be reached from the seed, or (against) what reaches it. */
static void spread(const struct step *steps, size_t count, bool against, uint8_t *seen)
{
    for (bool grown = true; grown;) {
        grown = false;
        for (size_t i = 0; i < count; i++) {
            uint32_t from = against ? steps[i].to : steps[i].from, to = against ? steps[i].from : steps[i].to;
            if (!seen[from] || seen[to]) continue;
            seen[to] = 1;
            grown = true;
        }
    }
}

static bool part_holds(const struct naive *naive, uint32_t segment)
{
    for (uint32_t i = 0; i < naive->state_count; i++)
        if (naive->state[i].segment == segment && naive->part[i]) return true;
    return false;
}

bool naive_part_choose(struct naive *naive, const uint32_t *segments, uint32_t count, uint32_t *covered)
{
    size_t step_count = 0;
    struct step *steps = steps_find(naive, &step_count);
    uint8_t *back = malloc(naive->state_count);
    bool found = false;
    naive->part = malloc(naive->state_count);
    naive->part_size = naive->state_count;
    assert(back && naive->part && count > 0);
    for (uint32_t seed = 0; seed < naive->state_count && !found; seed++) {
        if (naive->state[seed].segment != segments[0]) continue;
        memset(naive->part, 0, naive->state_count);
        memset(back, 0, naive->state_count);
        naive->part[seed] = back[seed] = 1;
        spread(steps, step_count, false, naive->part);
        spread(steps, step_count, true, back);
        for (uint32_t i = 0; i < naive->state_count; i++) naive->part[i] = naive->part[i] && back[i];
        found = true;
        for (uint32_t i = 0; i < count && found; i++) found = part_holds(naive, segments[i]);
    }
    *covered = 0;
    for (uint32_t i = 0; i < naive->count; i++) *covered += naive->segment[i].ms && part_holds(naive, i);
    free(back);
    free(steps);
    return found;
}

uint32_t naive_segment_ms(const struct naive *naive, uint32_t segment)
{
    return naive->segment[segment].ms;
}

uint32_t naive_rule_count(const struct naive *naive)
{
    return naive->pair_count + naive->via_count;
}

uint32_t naive_segment(const struct naive *naive, int64_t way, struct geo_point from, struct geo_point to)
{
    uint32_t found = GEO_NONE, w = osm_ways_find(&naive->data, way);
    for (uint32_t i = w == GEO_NONE ? 0 : naive->way_first[w]; w != GEO_NONE && i < naive->way_first[w + 1]; i++) {
        const struct directed *s = &naive->segment[i];
        struct geo_point a = naive->data.nodes.point[s->from], b = naive->data.nodes.point[s->to];
        if (!s->ms || memcmp(&a, &from, sizeof a) != 0 || memcmp(&b, &to, sizeof b) != 0) continue;
        if (found != GEO_NONE) return GEO_NONE;
        found = i;
    }
    return found;
}

struct naive *naive_new(const char *path, const struct geo_osm_options *options)
{
    struct naive *naive = calloc(1, sizeof *naive);
    FILE *file = fopen(path, "rb");
    assert(naive && file);
    (void)fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(size);
    assert(bytes && fread(bytes, 1, size, file) == size);
    (void)fclose(file);
    enum geo_status rc = osm_collect_init(&naive->data, options);
    for (int pass = 0; pass < 2 && rc == GEO_OK; pass++) {
        enum osm_pass which = pass ? OSM_PASS_NODES : OSM_PASS_ROADS;
        if (pass) rc = osm_collect_ids(&naive->data, NULL);
        if (rc == GEO_OK) rc = osm_pbf_is(bytes, size) ? osm_pbf_read(bytes, size, which, &naive->data, NULL) : osm_xml_read(bytes, size, which, &naive->data, NULL);
    }
    assert(rc == GEO_OK);
    free(bytes);
    segments_make(naive);
    index_make(naive);
    rules_make(naive);
    naive->state_count = naive->count;
    naive->state_capacity = naive->count + 1024;
    naive->state = calloc(naive->state_capacity, sizeof *naive->state);
    assert(naive->state);
    for (uint32_t i = 0; i < naive->count; i++) naive->state[i].segment = i;
    return naive;
}

void naive_free(struct naive *naive)
{
    osm_data_deinit(&naive->data);
    for (uint32_t i = 0; i < naive->via_count; i++) free(naive->via[i].sequence);
    free(naive->segment);
    free(naive->way_first);
    free(naive->first);
    free(naive->out);
    free(naive->touches);
    free(naive->touch_of);
    free(naive->touch_first);
    free(naive->touch_all);
    free(naive->asked);
    free(naive->pairs);
    free(naive->pair_first);
    free(naive->state);
    free(naive->part);
    free(naive);
}
