/* Paths: the elimination-tree search (Buchhold, Sanders, Wagner 2018) by two labels, and shortcuts unpacked to input arcs. Which lower triangle an arc
 * stands for is looked for once and remembered in the metric. */
#include "kernels.h"

#include <stdlib.h>

struct cch_trace {
    struct cch_label sides[2]; /* room for any place's, from and to */
    struct hop { uint32_t arc, direction; } *stack;
    uint32_t *chain;           /* the arcs of one side, from the meeting node down */
    uint32_t *arcs;            /* input arcs of the last answer */
    uint32_t stack_capacity, arc_capacity, arc_count;
};

struct cch_trace *cch_trace_new(const struct geo_cch *cch)
{
    struct cch_trace *trace = calloc(1, sizeof *trace);
    if (!trace) return NULL;
    size_t size = cch_label_room(cch);
    trace->stack_capacity = 2 * cch->height + 64; /* unpacking goes down the tree a step at a time and keeps one arc for each */
    trace->arc_capacity = cch->node_count + 1;    /* a shortest way passes a node once */
    trace->stack = malloc(trace->stack_capacity * sizeof *trace->stack);
    trace->chain = malloc(((size_t)cch->height + 1) * sizeof *trace->chain);
    trace->arcs = malloc(trace->arc_capacity * sizeof *trace->arcs);
    bool done = trace->stack && trace->chain && trace->arcs;
    for (int d = 0; d < 2; d++) {
        trace->sides[d].arms = malloc(CCH_SEEDS_MAX * sizeof *trace->sides[d].arms);
        trace->sides[d].ranks = malloc(size * sizeof *trace->sides[d].ranks);
        trace->sides[d].weights = malloc(size * sizeof *trace->sides[d].weights);
        done = done && trace->sides[d].arms && trace->sides[d].ranks && trace->sides[d].weights;
    }
    if (done) return trace;
    cch_trace_free(trace);
    return NULL;
}

void cch_trace_free(struct cch_trace *trace)
{
    if (!trace) return;
    for (int d = 0; d < 2; d++) {
        free(trace->sides[d].arms);
        free(trace->sides[d].ranks);
        free(trace->sides[d].weights);
    }
    free(trace->stack);
    free(trace->chain);
    free(trace->arcs);
    free(trace);
}

/* ---- from a meeting node back to a seed ---- */

static uint32_t seed_find(const struct cch_seed *seeds, uint32_t count, uint32_t rank, cch_weight weight)
{
    for (uint32_t i = 0; i < count; i++)
        if (seeds[i].rank == rank && seeds[i].weight == weight) return i;
    return GEO_NONE;
}

/* The arc from x to its ancestor at `depth`; GEO_NONE if there is none. */
static uint32_t arc_to(const struct geo_cch *cch, uint32_t x, uint32_t depth)
{
    for (uint32_t r = cch->run_first[x]; r < cch->run_first[x + 1] && cch->runs[r].depth <= depth; r++)
        if (depth - cch->runs[r].depth < cch->runs[r + 1].arc - cch->runs[r].arc) return cch->runs[r].arc + (depth - cch->runs[r].depth);
    return GEO_NONE;
}

/* Whether a node of arm `below` may lie under what arm `above` has at `depth`. */
static bool leads_to(const struct cch_label *label, uint32_t below, uint32_t above, uint32_t depth)
{
    while (below != above && label->arms[below].fork > depth) below = label->arms[below].parent;
    return below == above;
}

/* The node that made what arm `*at` has at `*depth`: the first below it whose weight and arc add up to it. Its arm and depth, and the arc; GEO_NONE: nothing does. */
static uint32_t maker_find(const struct geo_cch *cch, const struct cch_label *label, const cch_weight *weights, uint32_t *at, uint32_t *depth)
{
    cch_weight made = label->weights[(uint32_t)(label->arms[*at].first + *depth)];
    for (uint32_t i = *at; i < label->arm_count; i++) {
        const struct cch_arm *arm = &label->arms[i];
        if (arm->depth <= *depth || !leads_to(label, i, *at, *depth)) continue;
        for (uint32_t below = arm->fork > *depth ? arm->fork : *depth + 1; below <= arm->depth; below++) {
            uint32_t entry = arm->first + below;
            if (label->weights[entry] > made) continue;
            uint32_t arc = arc_to(cch, label->ranks[entry], *depth);
            if (arc == GEO_NONE || label->weights[entry] + weights[arc] != made) continue;
            *at = i;
            *depth = below;
            return arc;
        }
    }
    return GEO_NONE;
}

/* No parents are kept while climbing: they are found again from the top down. Notes the arcs in the trace's chain; returns the seed, GEO_NONE if nothing adds up. */
static uint32_t walk_back(const struct cch_metric *metric, struct cch_trace *trace, int direction, uint32_t arm, uint32_t depth, const struct cch_seed *seeds,
                          uint32_t seed_count, uint32_t *count)
{
    const struct cch_label *label = &trace->sides[direction];
    for (*count = 0;;) {
        uint32_t entry = label->arms[arm].first + depth, seed = seed_find(seeds, seed_count, label->ranks[entry], label->weights[entry]);
        if (seed != GEO_NONE) return seed;
        uint32_t arc = maker_find(metric->cch, label, direction ? metric->down : metric->up, &arm, &depth);
        if (arc == GEO_NONE) return GEO_NONE;
        trace->chain[(*count)++] = arc;
    }
}

/* ---- unpacking ---- */

/* What an arc of this weight stands for: an input arc, or the lowest node of a lower triangle. */
static uint32_t middle_find(const struct cch_metric *metric, const geo_weight *input, uint32_t arc, unsigned direction)
{
    const struct geo_cch *cch = metric->cch;
    cch_weight weight = (direction ? metric->down : metric->up)[arc];
    for (uint32_t i = cch->input_first[2 * arc + direction]; i < cch->input_first[2 * arc + direction + 1]; i++)
        if (input[cch->inputs[i]] == (geo_weight)weight) return 1 + 2 * cch->inputs[i];
    uint32_t x = cch->up_tail[arc], depth = cch->depth[cch->up_head[arc]];
    for (uint32_t i = cch->down_first[x]; i < cch->down_first[x + 1]; i++) {
        uint32_t low_x = cch->down_arc[i], low = cch->up_tail[low_x];
        cch_weight first = direction ? metric->up[low_x] : metric->down[low_x];
        if (first > weight) continue;
        uint32_t begin = cch->run_first[low], end = cch->run_first[low + 1];
        while (begin < end && cch->runs[begin].depth + (cch->runs[begin + 1].arc - cch->runs[begin].arc) <= depth) begin++;
        if (begin == end || cch->runs[begin].depth > depth) continue;
        uint32_t low_y = cch->runs[begin].arc + (depth - cch->runs[begin].depth);
        if (first + (direction ? metric->down[low_y] : metric->up[low_y]) == weight) return 2 + 2 * low_x;
    }
    return 0;
}

static uint32_t middle_of(const struct cch_metric *metric, const geo_weight *input, uint32_t arc, unsigned direction)
{
    uint32_t middle = __atomic_load_n(&metric->middle[direction][arc], __ATOMIC_RELAXED);
    if (middle) return middle;
    middle = middle_find(metric, input, arc, direction);
    __atomic_store_n(&metric->middle[direction][arc], middle, __ATOMIC_RELAXED); /* everybody finds the same */
    return middle;
}

/* Append the input arcs of one arc, in order of travel. */
static enum geo_status unpack(const struct cch_metric *metric, const geo_weight *input, struct cch_trace *trace, uint32_t arc, unsigned direction)
{
    const struct geo_cch *cch = metric->cch;
    uint32_t height = 0;
    trace->stack[height++] = (struct hop){arc, direction};
    while (height) {
        struct hop hop = trace->stack[--height];
        uint32_t middle = middle_of(metric, input, hop.arc, hop.direction);
        if (middle == 0 || trace->arc_count == trace->arc_capacity || height + 2 > trace->stack_capacity) return GEO_INVALID;
        if (middle & 1) {
            trace->arcs[trace->arc_count++] = middle / 2;
            continue;
        }
        uint32_t low_x = middle / 2 - 1, low = cch->up_tail[low_x], run = cch->run_first[low], depth = cch->depth[cch->up_head[hop.arc]];
        while (cch->runs[run].depth + (cch->runs[run + 1].arc - cch->runs[run].arc) <= depth) run++;
        uint32_t low_y = cch->runs[run].arc + (depth - cch->runs[run].depth);
        /* up x -> y is x -> low -> y: down low_x, up low_y; down y -> x is y -> low -> x */
        trace->stack[height++] = hop.direction ? (struct hop){low_x, 0} : (struct hop){low_y, 0};
        trace->stack[height++] = hop.direction ? (struct hop){low_y, 1} : (struct hop){low_x, 1};
    }
    return GEO_OK;
}

enum geo_status cch_path_find(const struct cch_metric *metric, const geo_weight *input_weights, struct cch_trace *trace, const struct cch_seed *from,
                              uint32_t from_count, const struct cch_seed *to, uint32_t to_count, struct cch_path *out)
{
    struct cch_meeting meeting;
    uint32_t count;
    *out = (struct cch_path){.weight = CCH_NONE, .arcs = trace->arcs};
    trace->arc_count = 0;
    cch_label_fill(metric, CCH_FROM, from, from_count, &trace->sides[CCH_FROM]);
    cch_label_fill(metric, CCH_TO, to, to_count, &trace->sides[CCH_TO]);
    out->weight = cch_label_meeting(&trace->sides[CCH_FROM], &trace->sides[CCH_TO], &meeting);
    if (out->weight >= CCH_NONE) return GEO_OK;
    enum geo_status rc = GEO_OK;
    out->from = walk_back(metric, trace, CCH_FROM, meeting.from_arm, meeting.depth, from, from_count, &count);
    if (out->from == GEO_NONE) return GEO_INVALID;
    while (rc == GEO_OK && count) rc = unpack(metric, input_weights, trace, trace->chain[--count], 0);
    out->to = walk_back(metric, trace, CCH_TO, meeting.to_arm, meeting.depth, to, to_count, &count);
    if (out->to == GEO_NONE) return GEO_INVALID;
    for (uint32_t i = 0; rc == GEO_OK && i < count; i++) rc = unpack(metric, input_weights, trace, trace->chain[i], 1);
    out->count = trace->arc_count;
    return rc;
}
