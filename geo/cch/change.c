/* Partial customization (Dibbelt, Strasser, Wagner 2016, section 6): only arcs whose weight depends on a changed one are weighed again, bottom up. */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

struct changer {
    const struct geo_cch *cch;
    const geo_weight *input;
    struct cch_metric *metric;
    uint64_t *waiting;         /* by rank, a bit: a node with dirty arcs */
    uint64_t *waiting_words;   /* a bit for each word of those */
    uint8_t *dirty;            /* by arc: 1 up, 2 down */
};

static void mark(struct changer *work, uint32_t arc, unsigned direction)
{
    uint32_t rank = work->cch->up_tail[arc];
    work->dirty[arc] = (uint8_t)(work->dirty[arc] | 1u << direction);
    work->waiting[rank / 64] |= UINT64_C(1) << rank % 64;
    work->waiting_words[rank / 4096] |= UINT64_C(1) << rank / 64 % 64;
}

/* The arc from `low` to a higher neighbour at `depth`, which must be there; `run` runs along low's runs as depths ascend. */
static uint32_t arc_at(const struct geo_cch *cch, uint32_t *run, uint32_t depth)
{
    while (cch->runs[*run].depth + (cch->runs[*run + 1].arc - cch->runs[*run].arc) <= depth) (*run)++;
    return cch->runs[*run].arc + (depth - cch->runs[*run].depth);
}

/* As customization would: the best input arc and the best lower triangle. */
static cch_weight weigh(const struct changer *work, uint32_t arc, unsigned direction)
{
    const struct geo_cch *cch = work->cch;
    const cch_weight *up = work->metric->up, *down = work->metric->down;
    cch_weight best = CCH_NONE;
    for (uint32_t i = cch->input_first[2 * arc + direction]; i < cch->input_first[2 * arc + direction + 1]; i++) {
        geo_weight input = work->input[cch->inputs[i]];
        if (input < (geo_weight)best) best = (cch_weight)input;
    }
    uint32_t x = cch->up_tail[arc], depth = cch->depth[cch->up_head[arc]];
    for (uint32_t i = cch->down_first[x]; i < cch->down_first[x + 1]; i++) {
        uint32_t low_x = cch->down_arc[i], low = cch->up_tail[low_x];
        cch_weight first = direction ? up[low_x] : down[low_x];
        if (first >= best) continue; /* most neighbours stop here */
        uint32_t begin = cch->run_first[low], end = cch->run_first[low + 1];
        while (begin < end && cch->runs[begin].depth + (cch->runs[begin + 1].arc - cch->runs[begin].arc) <= depth) begin++;
        if (begin == end || cch->runs[begin].depth > depth) continue;
        uint32_t low_y = cch->runs[begin].arc + (depth - cch->runs[begin].depth);
        cch_weight way = first + (direction ? down[low_y] : up[low_y]);
        if (way < best) best = way;
    }
    return best;
}

/* Triangles over x's arc whose third side, between the arc's head and another neighbour, may depend on it. */
static void spread_change(struct changer *work, uint32_t x, uint32_t arc, unsigned direction, cch_weight old, cch_weight now)
{
    const struct geo_cch *cch = work->cch;
    const cch_weight *up = work->metric->up, *down = work->metric->down;
    uint32_t run = cch->run_first[cch->up_head[arc]];
    for (uint32_t other = cch->up_first[x]; other < cch->up_first[x + 1]; other++) {
        if (other == arc) continue;
        uint32_t side, own_run;
        bool is_above = other < arc; /* the other's head is higher */
        if (is_above) side = arc_at(cch, &run, cch->depth[cch->up_head[other]]);
        else {
            own_run = cch->run_first[cch->up_head[other]];
            side = arc_at(cch, &own_run, cch->depth[cch->up_head[arc]]);
        }
        /* direction 1 (head -> x) begins a way head -> x -> other; direction 0 ends one other -> x -> head */
        cch_weight rest = direction ? up[other] : down[other];
        unsigned side_direction = is_above ? (direction ? 0 : 1) : (direction ? 1 : 0);
        cch_weight weight = side_direction ? down[side] : up[side];
        if (rest < CCH_NONE && ((old < CCH_NONE && old + rest == weight) || now + rest < weight)) mark(work, side, side_direction);
    }
}

static void renew_node(struct changer *work, uint32_t x)
{
    const struct geo_cch *cch = work->cch;
    for (uint32_t arc = cch->up_first[x]; arc < cch->up_first[x + 1]; arc++) {
        for (unsigned direction = 0; direction < 2; direction++) {
            if (!(work->dirty[arc] & 1u << direction)) continue;
            cch_weight *weight = (direction ? work->metric->down : work->metric->up) + arc, old = *weight, now = weigh(work, arc, direction);
            if (now == old) continue;
            *weight = now;
            spread_change(work, x, arc, direction, old, now);
        }
        work->dirty[arc] = 0;
    }
}

static void renew(struct changer *work)
{
    for (uint32_t group = 0; group <= work->cch->node_count / 4096; group++)
        while (work->waiting_words[group]) {
            uint32_t word = group * 64 + (uint32_t)__builtin_ctzll(work->waiting_words[group]);
            while (work->waiting[word]) {
                uint32_t bit = (uint32_t)__builtin_ctzll(work->waiting[word]);
                work->waiting[word] &= work->waiting[word] - 1;
                renew_node(work, word * 64 + bit); /* marks only higher nodes */
            }
            work->waiting_words[group] &= work->waiting_words[group] - 1;
        }
}

enum geo_status cch_metric_change(const struct cch_metric *old, const geo_weight *input_weights, const uint32_t *changed, uint32_t changed_count, struct cch_metric *out)
{
    const struct geo_cch *cch = old->cch;
    enum geo_status rc = cch_metric_alloc(cch, out);
    if (rc != GEO_OK) return rc;
    struct changer work = {.cch = cch, .input = input_weights, .metric = out};
    work.waiting = calloc(cch->node_count / 64 + 1, sizeof *work.waiting);
    work.waiting_words = calloc(cch->node_count / 4096 + 1, sizeof *work.waiting_words);
    work.dirty = calloc((size_t)cch->arc_count + 1, 1);
    if (work.waiting && work.waiting_words && work.dirty) {
        memcpy(out->up, old->up, cch->arc_count * sizeof *out->up);
        memcpy(out->down, old->down, cch->arc_count * sizeof *out->down);
        out->needs_long = old->needs_long;
        for (uint32_t i = 0; i < changed_count; i++) {
            uint32_t place = cch->place[changed[i]];
            geo_weight input = input_weights[changed[i]];
            if (place == GEO_NONE) continue;
            if (input < (geo_weight)CCH_NONE && (input & UINT32_MAX) > 3 * (input >> 32)) out->needs_long = true;
            mark(&work, place / 2, place & 1);
        }
        renew(&work);
    } else {
        rc = GEO_NO_MEMORY;
        cch_metric_deinit(out);
    }
    free(work.waiting);
    free(work.waiting_words);
    free(work.dirty);
    return rc;
}
