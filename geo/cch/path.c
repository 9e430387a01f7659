/* Paths: the elimination-tree search with parents (Buchhold, Sanders, Wagner 2018), and shortcuts unpacked to input arcs. Which lower triangle an
 * arc stands for is looked for once and remembered in the metric. */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

struct cch_trace {
    uint32_t node_count, round;
    struct reached {           /* by rank, for each direction */
        cch_weight weight;     /* valid if round is the query's */
        uint32_t round, by;    /* by: the arc from the lower node; GEO_NONE at a seed */
    } *reached[2];
    uint32_t seed_of[2];
    struct hop { uint32_t arc, direction; } *stack;
    uint32_t *arcs;            /* input arcs of the last answer */
    uint32_t stack_capacity, arc_capacity, arc_count;
};

struct cch_trace *cch_trace_new(const struct geo_cch *cch)
{
    struct cch_trace *trace = calloc(1, sizeof *trace);
    if (!trace) return NULL;
    trace->node_count = cch->node_count;
    trace->stack_capacity = 4 * cch->height + 64; /* unpacking goes down a rank a step and keeps one arc for each */
    trace->arc_capacity = cch->node_count + 1;    /* a shortest way passes a node once */
    for (int d = 0; d < 2; d++) trace->reached[d] = calloc((size_t)cch->node_count + 1, sizeof *trace->reached[d]);
    trace->stack = malloc(trace->stack_capacity * sizeof *trace->stack);
    trace->arcs = malloc(trace->arc_capacity * sizeof *trace->arcs);
    if (trace->reached[0] && trace->reached[1] && trace->stack && trace->arcs) return trace;
    cch_trace_free(trace);
    return NULL;
}

void cch_trace_free(struct cch_trace *trace)
{
    if (!trace) return;
    free(trace->reached[0]);
    free(trace->reached[1]);
    free(trace->stack);
    free(trace->arcs);
    free(trace);
}

/* ---- searching ---- */

static void reach(struct cch_trace *trace, int direction, uint32_t rank, cch_weight weight, uint32_t by)
{
    struct reached *at = &trace->reached[direction][rank];
    if (at->round == trace->round && at->weight <= weight) return;
    *at = (struct reached){weight, trace->round, by};
}

static void relax_node(const struct cch_metric *metric, struct cch_trace *trace, int direction, uint32_t x, cch_weight bound)
{
    const struct geo_cch *cch = metric->cch;
    const struct reached *at = &trace->reached[direction][x];
    if (at->round != trace->round || at->weight >= bound) return;
    cch_weight here = at->weight;
    if (metric->links[direction]) {
        const struct cch_link *links = metric->links[direction];
        for (uint32_t i = metric->link_first[direction][x]; i < metric->link_first[direction][x + 1]; i++)
            reach(trace, direction, cch->up_head[links[i].arc], here + links[i].weight, links[i].arc);
        return;
    }
    const cch_weight *weights = direction ? metric->down : metric->up;
    for (uint32_t a = cch->up_first[x]; a < cch->up_first[x + 1]; a++)
        if (weights[a] < CCH_NONE) reach(trace, direction, cch->up_head[a], here + weights[a], a);
}

/* Both searches up the union of all root paths, the lowest node first; where both have been, they meet. Returns the meeting node. */
static uint32_t search(const struct cch_metric *metric, struct cch_trace *trace, const struct cch_seed *const *seeds, const uint32_t *counts, cch_weight *best)
{
    const struct geo_cch *cch = metric->cch;
    uint32_t heads[2 * CCH_SEEDS_MAX], head_count = 0, meeting = GEO_NONE;
    for (int d = 0; d < 2; d++)
        for (uint32_t i = 0; i < counts[d]; i++) {
            reach(trace, d, seeds[d][i].rank, seeds[d][i].weight, GEO_NONE);
            heads[head_count++] = seeds[d][i].rank;
        }
    *best = CCH_NONE;
    while (head_count) {
        uint32_t x = heads[0], kept = 0;
        for (uint32_t i = 1; i < head_count; i++) x = heads[i] < x ? heads[i] : x;
        for (uint32_t i = 0; i < head_count; i++) { /* paths that have met go on as one */
            if (heads[i] == x) continue;
            heads[kept++] = heads[i];
        }
        head_count = kept;
        if (cch->parent[x] != GEO_NONE) heads[head_count++] = cch->parent[x];
        const struct reached *from = &trace->reached[0][x], *to = &trace->reached[1][x];
        if (from->round == trace->round && to->round == trace->round && from->weight + to->weight < *best) {
            *best = from->weight + to->weight;
            meeting = x;
        }
        relax_node(metric, trace, 0, x, *best);
        relax_node(metric, trace, 1, x, *best);
    }
    return meeting;
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
        if (middle == 0 || trace->arc_count == trace->arc_capacity || height + 2 > trace->stack_capacity / 2) return GEO_INVALID;
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

static uint32_t seed_find(const struct cch_seed *seeds, uint32_t count, uint32_t rank, cch_weight weight)
{
    for (uint32_t i = 0; i < count; i++)
        if (seeds[i].rank == rank && seeds[i].weight == weight) return i;
    return GEO_NONE;
}

/* From the meeting node back to a seed, noting the arcs in `chain`; returns the seed. */
static uint32_t walk_back(const struct geo_cch *cch, const struct cch_trace *trace, int direction, uint32_t meeting, uint32_t *chain, uint32_t *count)
{
    uint32_t x = meeting;
    *count = 0;
    for (uint32_t by; (by = trace->reached[direction][x].by) != GEO_NONE; x = cch->up_tail[by]) chain[(*count)++] = by;
    return x;
}

enum geo_status cch_path_find(const struct cch_metric *metric, const geo_weight *input_weights, struct cch_trace *trace, const struct cch_seed *from,
                              uint32_t from_count, const struct cch_seed *to, uint32_t to_count, struct cch_path *out)
{
    const struct geo_cch *cch = metric->cch;
    *out = (struct cch_path){.weight = CCH_NONE, .arcs = trace->arcs};
    if (++trace->round == 0) { /* once in four billion queries */
        for (int d = 0; d < 2; d++) memset(trace->reached[d], 0, (size_t)trace->node_count * sizeof *trace->reached[d]);
        trace->round = 1;
    }
    uint32_t meeting = search(metric, trace, (const struct cch_seed *const[2]){from, to}, (const uint32_t[2]){from_count, to_count}, &out->weight);
    trace->arc_count = 0;
    if (meeting == GEO_NONE) return GEO_OK;
    uint32_t *chain = (uint32_t *)(void *)(trace->stack + trace->stack_capacity / 2), count; /* a root path's arcs, in the half that unpacking leaves free */
    uint32_t start = walk_back(cch, trace, 0, meeting, chain, &count);
    enum geo_status rc = GEO_OK;
    while (rc == GEO_OK && count) rc = unpack(metric, input_weights, trace, chain[--count], 0);
    uint32_t end = walk_back(cch, trace, 1, meeting, chain, &count);
    for (uint32_t i = 0; rc == GEO_OK && i < count; i++) rc = unpack(metric, input_weights, trace, chain[i], 1);
    out->count = trace->arc_count;
    out->from = seed_find(from, from_count, start, trace->reached[0][start].weight);
    out->to = seed_find(to, to_count, end, trace->reached[1][end].weight);
    return rc;
}
