/* Partial customization (Dibbelt, Strasser, Wagner 2016, section 6): only arcs whose weight depends on a changed one are weighed again, bottom up. */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

struct changer {
    const struct geo_cch *cch;
    const geo_weight *input;
    struct cch_metric *metric;
    const struct cch_triangles *triangles;
    uint64_t *waiting;         /* by rank, a bit: a node with dirty arcs */
    uint64_t *waiting_words;   /* a bit for each word of those */
    uint8_t *dirty;            /* by arc: 1 up, 2 down */
};

/* ---- every arc's lower triangles ---- */

#define TRIANGLES_MAX (UINT32_C(1) << 26) /* 512 MiB; a city of 100,000 junctions has 5 to 10 million */

static void triangles_free(struct cch_triangles *triangles)
{
    free(triangles->first);
    free(triangles->at);
    free(triangles);
}

/* Calls for each triangle x < y < z: pass 0 counts those of each arc (y, z), pass 1 notes them. */
static void triangles_pass(const struct geo_cch *cch, struct cch_triangles *triangles, int pass)
{
    for (uint32_t x = 0; x < cch->node_count; x++) {
        struct cch_sides sides = cch_sides_of(cch, x);
        for (uint32_t xy = cch->up_first[x] + 1; xy < cch->up_first[x + 1]; xy++) {
            cch_sides_turn(&sides, cch, cch->up_head[xy]);
            for (uint32_t r = cch->run_first[x]; cch->runs[r].arc < xy; r++) {
                uint32_t past = cch->runs[r + 1].arc < xy ? cch->runs[r + 1].arc : xy, side = cch_sides_next(&sides, cch->runs[r].depth);
                for (uint32_t xz = cch->runs[r].arc; xz < past; xz++) {
                    uint32_t yz = side + (xz - cch->runs[r].arc);
                    if (pass == 0) triangles->first[yz + 2]++;
                    else triangles->at[triangles->first[yz + 1]++] = (struct cch_triangle){xy, xz};
                }
            }
        }
    }
}

/* NULL: too many to keep, or no memory; then they are searched for. Made once a map, by whoever needs them first; two at once both work and one throws his away. */
static const struct cch_triangles *triangles_of(const struct geo_cch *cch)
{
    struct cch_triangles **place = (struct cch_triangles **)(uintptr_t)&cch->triangles, *known = __atomic_load_n(place, __ATOMIC_ACQUIRE);
    if (known) return known;
    uint64_t count = geo_cch_figures(cch).triangles;
    if (count > TRIANGLES_MAX) return NULL;
    struct cch_triangles *made = calloc(1, sizeof *made);
    if (!made) return NULL;
    made->first = calloc((size_t)cch->arc_count + 2, sizeof *made->first);
    made->at = malloc((count + 1) * sizeof *made->at);
    if (!made->first || !made->at) {
        triangles_free(made);
        return NULL;
    }
    triangles_pass(cch, made, 0);
    for (size_t a = 2; a < (size_t)cch->arc_count + 2; a++) made->first[a] += made->first[a - 1];
    triangles_pass(cch, made, 1);
    if (__atomic_compare_exchange_n(place, &known, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) return made;
    triangles_free(made);
    return known;
}

/* ---- what depends on what ---- */

static void mark(struct changer *work, uint32_t arc, unsigned direction)
{
    uint32_t rank = work->cch->up_tail[arc];
    work->dirty[arc] = (uint8_t)(work->dirty[arc] | 1u << direction);
    work->waiting[rank / 64] |= UINT64_C(1) << rank % 64;
    work->waiting_words[rank / 4096] |= UINT64_C(1) << rank / 64 % 64;
}

/* A lower node of both ends is looked for among those of the lower end. */
static cch_weight weigh_by_search(const struct changer *work, uint32_t arc, unsigned direction, cch_weight best)
{
    const struct geo_cch *cch = work->cch;
    const cch_weight *up = work->metric->up, *down = work->metric->down;
    uint32_t x = cch->up_tail[arc], depth = cch->up_depth[arc];
    for (uint32_t i = cch->down_first[x]; i < cch->down_first[x + 1]; i++) {
        uint32_t low_x = cch->down_arc[i], low = cch->up_tail[low_x];
        cch_weight first = direction ? up[low_x] : down[low_x];
        if (first >= best) continue;
        uint32_t run = cch->run_first[low], end = cch->run_first[low + 1];
        while (run < end && cch->runs[run].depth + (cch->runs[run + 1].arc - cch->runs[run].arc) <= depth) run++;
        if (run == end || cch->runs[run].depth > depth) continue;
        uint32_t low_y = cch->runs[run].arc + (depth - cch->runs[run].depth);
        cch_weight way = first + (direction ? down[low_y] : up[low_y]);
        if (way < best) best = way;
    }
    return best;
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
    if (!work->triangles) return weigh_by_search(work, arc, direction, best);
    const struct cch_weight_pair { const cch_weight *low, *high; } sides = direction ? (struct cch_weight_pair){up, down} : (struct cch_weight_pair){down, up};
    for (uint32_t t = work->triangles->first[arc]; t < work->triangles->first[arc + 1]; t++) {
        struct cch_triangle triangle = work->triangles->at[t];
        cch_weight way = sides.low[triangle.to_low] + sides.high[triangle.to_high];
        best = way < best ? way : best;
    }
    return best;
}

/* An arc x -> y or y -> x that went from `old` to `now`. Over another neighbour z of x it makes a way between y and z: if that was the way's weight, or is less
 * now, the arc between y and z is to be weighed again. `rest` is z's arc of the way. */
struct news {
    uint32_t arc;
    unsigned direction;
    cch_weight old, now;
};

/* What the checks of one news have in common. */
struct checks {
    struct changer *work;
    cch_weight old, now;
    const cch_weight *rest, *side; /* by arc: of z's arc, and of the arc between y and z, both in the direction of the way */
    unsigned side_direction;
};

static struct checks checks_of(struct changer *work, const struct news *news, unsigned side_direction)
{
    const cch_weight *up = work->metric->up, *down = work->metric->down;
    return (struct checks){work, news->old, news->now, news->direction ? up : down, side_direction ? down : up, side_direction};
}

/* Sums with CCH_NONE are at least that: they may mark an arc for nothing, and never miss one. */
static inline void side_check(const struct checks *checks, uint32_t other, uint32_t side)
{
    cch_weight rest = checks->rest[other], weight = checks->side[side];
    if ((checks->old + rest == weight) | (checks->now + rest < weight)) mark(checks->work, side, checks->side_direction);
}

/* By the kept steps. */
static void spread_kept(struct changer *work, uint32_t x, const struct news *news)
{
    const struct geo_cch *cch = work->cch;
    const struct cch_run *runs = cch->runs;
    /* z above y: the way from y over x up to z goes up if the news is y -> x */
    const struct checks above = checks_of(work, news, news->direction ? 0 : 1), below = checks_of(work, news, news->direction ? 1 : 0);
    uint32_t first_run = cch->run_first[x], run = first_run, arc = news->arc;
    for (const uint32_t *step = cch->steps + cch->step_first[arc]; runs[run].arc < arc; run++, step++) {
        uint32_t past = runs[run + 1].arc < arc ? runs[run + 1].arc : arc;
        for (uint32_t other = runs[run].arc; other < past; other++) side_check(&above, other, *step + (other - runs[run].arc));
    }
    /* z below y: the arc is z's to y, in the run of y */
    if (runs[run].arc > arc) run--;
    for (uint32_t other = arc + 1; other < cch->up_first[x + 1]; other++)
        side_check(&below, other, cch->steps[cch->step_first[other] + (run - first_run)] + (arc - runs[run].arc));
}

/* A node with many arcs keeps no steps. */
static void spread_searched(struct changer *work, uint32_t x, const struct news *news)
{
    const struct geo_cch *cch = work->cch;
    struct cch_sides sides = {NULL, cch->runs, cch->run_first[cch->up_head[news->arc]]};
    const struct checks above = checks_of(work, news, news->direction ? 0 : 1), below = checks_of(work, news, news->direction ? 1 : 0);
    for (uint32_t other = cch->up_first[x]; other < news->arc; other++) side_check(&above, other, cch_sides_next(&sides, cch->up_depth[other]));
    for (uint32_t other = news->arc + 1; other < cch->up_first[x + 1]; other++) {
        cch_sides_turn(&sides, cch, cch->up_head[other]);
        side_check(&below, other, cch_sides_next(&sides, cch->up_depth[news->arc]));
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
            struct news news = {arc, direction, old, now};
            if (cch->up_first[x + 1] - cch->up_first[x] <= CCH_STEPS_DEGREE_MAX) spread_kept(work, x, &news);
            else spread_searched(work, x, &news);
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
    work.triangles = triangles_of(cch);
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
