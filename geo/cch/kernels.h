/* The loops in which all time is spent, compiled for any processor, for AVX2 and for AVX-512. */
#ifndef GEO_CCH_KERNELS_H
#define GEO_CCH_KERNELS_H

#include "geo_cch.h"

enum { CCH_LANES = 16 };       /* sources of one sweep */

/** An arc of a sweep, from a row to the one it belongs to. */
struct sweep_arc { uint32_t row, ms; };

/** Rows of CCH_LANES weights, aligned to 64 bytes. ms rows saturate at SWEEP_NONE; two of them add within 31 bits. */
#define SWEEP_NONE ((int32_t)1 << 30)

/** Going through the triangles x < y < z of a node x, y by y from the highest, for each over the runs of z above it: where the third side's run begins is
 *  kept for most nodes, and found along y's runs for those with more arcs than this. */
enum { CCH_STEPS_DEGREE_MAX = 128 };
struct cch_sides { const uint32_t *step; const struct cch_run *runs; uint32_t run; };
static inline struct cch_sides cch_sides_of(const struct geo_cch *cch, uint32_t x)
{
    bool kept = cch->up_first[x + 1] - cch->up_first[x] <= CCH_STEPS_DEGREE_MAX;
    return (struct cch_sides){kept ? cch->steps + cch->step_first[cch->up_first[x]] : NULL, cch->runs, 0};
}
static inline void cch_sides_turn(struct cch_sides *sides, const struct geo_cch *cch, uint32_t y)
{
    if (!sides->step) sides->run = cch->run_first[y];
}
/* The arc from y to the head at `depth`, which begins a run of x. */
static inline uint32_t cch_sides_next(struct cch_sides *sides, uint32_t depth)
{
    if (sides->step) return *sides->step++;
    const struct cch_run *runs = sides->runs;
    while (runs[sides->run].depth + (runs[sides->run + 1].arc - runs[sides->run].arc) <= depth) sides->run++;
    return runs[sides->run].arc + (depth - runs[sides->run].depth);
}

struct cch_kernels {
    const char *name;
    /** Lower triangles of the nodes [begin, end), from the bottom. */
    void (*customize)(const struct geo_cch *cch, cch_weight *up, cch_weight *down, uint32_t begin, uint32_t end);
    /** Perfect weights of the nodes [begin, end) from customized ones, in place, from the top; all above are perfect. */
    void (*perfect)(const struct geo_cch *cch, cch_weight *up, cch_weight *down, uint32_t begin, uint32_t end);
    /** Up a root path by its nodes from `depth` to `fork` (ranks[0] is the node at `fork`): weights by depth, seeded. */
    void (*climb)(const struct geo_cch *cch, const cch_weight *weights, const uint32_t *ranks, uint32_t fork, uint32_t depth, cch_weight *by_depth);
    /** The lesser of two arrays into the first. */
    void (*join)(cch_weight *to, const cch_weight *from, uint32_t count);
    /** The least sum of two arrays. */
    cch_weight (*meet)(const cch_weight *a, const cch_weight *b, uint32_t count);
    /** Downwards: row i takes the least over its arcs from rows before it, and what it holds if it is seeded. */
    void (*gather)(const struct sweep_arc *arcs, const uint32_t *first, uint32_t count, const uint8_t *seeded, int32_t *rows);
    void (*gather_long)(const struct sweep_arc *arcs, const cch_weight *weights, const uint32_t *first, uint32_t count, const uint8_t *seeded, cch_weight *rows);
    /** Upwards by one node: its row spreads to the rows of its links' heads (rows by rank). */
    void (*spread)(const struct cch_link *links, uint32_t count, const uint32_t *up_head, const int32_t *from, int32_t *rows);
    void (*spread_long)(const struct cch_link *links, uint32_t count, const uint32_t *up_head, const cch_weight *from, cch_weight *rows);
    /** 16 rows of 16 lanes (`rows` by target) to 16 lines of a matrix, SWEEP_NONE and above as GEO_UNREACHABLE. */
    void (*turn)(const int32_t *rows, uint32_t *out, size_t stride);
};

extern const struct cch_kernels cch_kernels_portable, cch_kernels_avx2, cch_kernels_avx512;
const struct cch_kernels *cch_kernels(void);

/* By `threads` > 1 of them. False: no memory. */
bool cch_customize_by(const struct geo_cch *cch, cch_weight *up, cch_weight *down, unsigned threads);
bool cch_perfect_by(const struct geo_cch *cch, cch_weight *up, cch_weight *down, unsigned threads);
enum geo_status cch_metric_alloc(const struct geo_cch *cch, struct cch_metric *out); /* weights uninitialised */

#endif
