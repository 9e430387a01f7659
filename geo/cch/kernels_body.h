/* The kernels' code, compiled by each kernels_*.c with its own instruction set. KERNELS is the table's name, KERNELS_NAME what people read. */
#include "kernels.h"

#include <string.h>

#ifdef __AVX2__
#include <immintrin.h>
#endif

/* ---- lanes ---- */

#ifdef __AVX512F__
enum { VECTOR_BYTES = 64 };
#elif defined __AVX2__
enum { VECTOR_BYTES = 32 };
#else
enum { VECTOR_BYTES = 16 };
#endif
enum { SHORTS = VECTOR_BYTES / 4, LONGS = VECTOR_BYTES / 8, ROW_LANES = CCH_LANES / SHORTS, ROW_LONGS = CCH_LANES / LONGS };
typedef int32_t lanes __attribute__((vector_size(VECTOR_BYTES)));    /* times in milliseconds */
typedef int64_t longs __attribute__((vector_size(VECTOR_BYTES)));    /* weights */

static inline lanes lanes_min(lanes a, lanes b)
{
#ifdef __AVX512F__
    return (lanes)_mm512_min_epi32((__m512i)a, (__m512i)b);
#elif defined __AVX2__
    return (lanes)_mm256_min_epi32((__m256i)a, (__m256i)b);
#else
    lanes less = a < b;
    return (a & less) | (b & ~less);
#endif
}

static inline longs longs_min(longs a, longs b)
{
#ifdef __AVX512F__
    return (longs)_mm512_min_epi64((__m512i)a, (__m512i)b);
#elif defined __AVX2__
    return (longs)_mm256_blendv_epi8((__m256i)b, (__m256i)a, _mm256_cmpgt_epi64((__m256i)b, (__m256i)a));
#else
    longs less = a < b;
    return (a & less) | (b & ~less);
#endif
}

static inline longs longs_load(const cch_weight *at)
{
    longs value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline void longs_store(cch_weight *at, longs value)
{
    memcpy(at, &value, sizeof value);
}

static inline longs longs_all(cch_weight value)
{
    longs all = {0};
    return all + value;
}

/* to[i] = min(to[i], from[i] + plus) */
static inline void relax(cch_weight *to, const cch_weight *from, cch_weight plus, uint32_t count)
{
    uint32_t i = 0;
    longs more = longs_all(plus);
    for (; i + LONGS <= count; i += LONGS) longs_store(to + i, longs_min(longs_load(to + i), longs_load(from + i) + more));
#ifdef __AVX512F__
    if (i == count) return;
    __mmask8 rest = (__mmask8)((1u << (count - i)) - 1);
    longs way = (longs)_mm512_maskz_loadu_epi64(rest, from + i) + more;
    _mm512_mask_storeu_epi64(to + i, rest, (__m512i)longs_min((longs)_mm512_maskz_loadu_epi64(rest, to + i), way));
#else
    for (; i < count; i++) {
        cch_weight way = from[i] + plus;
        to[i] = way < to[i] ? way : to[i];
    }
#endif
}

/* The least sum of arrays, several one after the other: lanes are compared at the end only. */
struct least { longs lanes; cch_weight rest; };

static inline struct least least_none(void)
{
    return (struct least){longs_all(CCH_NONE), CCH_NONE};
}

static inline void least_add(struct least *least, const cch_weight *a, const cch_weight *b, uint32_t count)
{
    uint32_t i = 0;
    for (; i + LONGS <= count; i += LONGS) least->lanes = longs_min(least->lanes, longs_load(a + i) + longs_load(b + i));
    for (; i < count; i++) {
        cch_weight way = a[i] + b[i];
        least->rest = way < least->rest ? way : least->rest;
    }
}

static inline cch_weight least_of(const struct least *least)
{
    cch_weight best = least->rest;
    for (int lane = 0; lane < LONGS; lane++) best = least->lanes[lane] < best ? least->lanes[lane] : best;
    return best;
}

/* ---- customization ---- */

static void customize(const struct geo_cch *cch, cch_weight *up, cch_weight *down, uint32_t begin, uint32_t end)
{
    const struct cch_run *runs = cch->runs;
    for (uint32_t x = begin; x < end; x++) {
        struct cch_sides sides = cch_sides_of(cch, x);
        uint32_t first_run = cch->run_first[x], past = cch->up_first[x + 1];
        for (uint32_t xy = cch->up_first[x] + 1; xy < past; xy++) {
            cch_sides_turn(&sides, cch, cch->up_head[xy]);
            for (uint32_t r = first_run; runs[r].arc < xy; r++) { /* triangle x < y < z, over a run of z */
                uint32_t xz = runs[r].arc, count = (runs[r + 1].arc < xy ? runs[r + 1].arc : xy) - xz, yz = cch_sides_next(&sides, runs[r].depth);
                relax(up + yz, up + xz, down[xy], count);
                relax(down + yz, down + xz, up[xy], count);
            }
        }
    }
}

static void perfect(const struct geo_cch *cch, cch_weight *up, cch_weight *down, uint32_t begin, uint32_t end)
{
    const struct cch_run *runs = cch->runs;
    for (uint32_t x = end; x-- > begin;) {
        struct cch_sides sides = cch_sides_of(cch, x);
        uint32_t first_run = cch->run_first[x], past = cch->up_first[x + 1];
        for (uint32_t xy = cch->up_first[x] + 1; xy < past; xy++) {
            cch_weight rise = up[xy], fall = down[xy], by, back;
            struct least rises = least_none(), falls = least_none();
            cch_sides_turn(&sides, cch, cch->up_head[xy]);
            for (uint32_t r = first_run; runs[r].arc < xy; r++) {
                uint32_t xz = runs[r].arc, count = (runs[r + 1].arc < xy ? runs[r + 1].arc : xy) - xz, yz = cch_sides_next(&sides, runs[r].depth);
                least_add(&rises, up + xz, down + yz, count);
                least_add(&falls, down + xz, up + yz, count);
                relax(up + xz, up + yz, rise, count);
                relax(down + xz, down + yz, fall, count);
            }
            by = least_of(&rises);
            back = least_of(&falls);
            up[xy] = by < rise ? by : rise;
            down[xy] = back < fall ? back : fall;
        }
    }
}

/* ---- labels ---- */

static void climb(const struct geo_cch *cch, const cch_weight *weights, const uint32_t *ranks, uint32_t fork, uint32_t depth, cch_weight *by_depth)
{
    const struct cch_run *runs = cch->runs;
    for (uint32_t d = depth + 1; d-- > fork;) {
        cch_weight here = by_depth[d];
        if (here >= CCH_NONE) continue;
        uint32_t x = ranks[d - fork], begin = cch->up_first[x], end = cch->up_first[x + 1], first = cch->run_first[x], last = cch->run_first[x + 1];
        if (end - begin >= 3 * (last - first)) {
            for (uint32_t r = first; r < last; r++) relax(by_depth + runs[r].depth, weights + runs[r].arc, here, runs[r + 1].arc - runs[r].arc);
        } else {
            for (uint32_t a = begin; a < end; a++) { /* few neighbours lie side by side */
                cch_weight *at = by_depth + cch->up_depth[a], way = here + weights[a];
                *at = way < *at ? way : *at;
            }
        }
    }
}

static void join(cch_weight *to, const cch_weight *from, uint32_t count)
{
    relax(to, from, 0, count);
}

static cch_weight meet(const cch_weight *a, const cch_weight *b, uint32_t count)
{
    struct least least = least_none();
    least_add(&least, a, b, count);
    return least_of(&least);
}

/* ---- sweeps: 16 sources abreast ---- */

static void spread(const struct cch_link *links, uint32_t count, const uint32_t *up_head, const int32_t *from, int32_t *rows)
{
    lanes row[ROW_LANES];
    memcpy(row, from, sizeof row);
    for (uint32_t k = 0; k < count; k++) {
        lanes *to = (lanes *)(void *)(rows + (size_t)up_head[links[k].arc] * CCH_LANES), way = {0};
        way += (int32_t)(links[k].weight >> 32);
        for (int i = 0; i < ROW_LANES; i++) to[i] = lanes_min(to[i], row[i] + way);
    }
}

static void spread_long(const struct cch_link *links, uint32_t count, const uint32_t *up_head, const cch_weight *from, cch_weight *rows)
{
    for (uint32_t k = 0; k < count; k++) relax(rows + (size_t)up_head[links[k].arc] * CCH_LANES, from, links[k].weight, CCH_LANES);
}

static void gather(const struct sweep_arc *arcs, const uint32_t *first, uint32_t count, const uint8_t *seeded, int32_t *rows)
{
    lanes none = {0};
    none += SWEEP_NONE;
    for (uint32_t row = 0; row < count; row++) {
        lanes *at = (lanes *)(void *)(rows + (size_t)row * CCH_LANES), best[ROW_LANES];
        for (int i = 0; i < ROW_LANES; i++) best[i] = seeded[row] ? at[i] : none;
        for (uint32_t k = first[row]; k < first[row + 1]; k++) {
            const lanes *from = (const lanes *)(const void *)(rows + (size_t)arcs[k].row * CCH_LANES);
            lanes way = {0};
            way += (int32_t)arcs[k].ms;
            for (int i = 0; i < ROW_LANES; i++) best[i] = lanes_min(best[i], from[i] + way);
        }
        for (int i = 0; i < ROW_LANES; i++) at[i] = best[i];
    }
}

static void gather_long(const struct sweep_arc *arcs, const cch_weight *weights, const uint32_t *first, uint32_t count, const uint8_t *seeded, cch_weight *rows)
{
    for (uint32_t row = 0; row < count; row++) {
        cch_weight *at = rows + (size_t)row * CCH_LANES;
        longs best[ROW_LONGS];
        for (int i = 0; i < ROW_LONGS; i++) best[i] = seeded[row] ? longs_load(at + LONGS * i) : longs_all(CCH_NONE);
        for (uint32_t k = first[row]; k < first[row + 1]; k++) {
            const cch_weight *from = rows + (size_t)arcs[k].row * CCH_LANES;
            longs way = longs_all(weights[k]);
            for (int i = 0; i < ROW_LONGS; i++) best[i] = longs_min(best[i], longs_load(from + LONGS * i) + way);
        }
        for (int i = 0; i < ROW_LONGS; i++) longs_store(at + LONGS * i, best[i]);
    }
}

static void turn(const int32_t *rows, uint32_t *out, size_t stride)
{
    for (int lane = 0; lane < CCH_LANES; lane++) {
        uint32_t line[CCH_LANES];
        for (int target = 0; target < CCH_LANES; target++) {
            int32_t ms = rows[target * CCH_LANES + lane];
            line[target] = ms >= SWEEP_NONE ? GEO_UNREACHABLE : (uint32_t)ms;
        }
        memcpy(out + (size_t)lane * stride, line, sizeof line);
    }
}

const struct cch_kernels KERNELS = {KERNELS_NAME, customize, perfect, climb, join, meet, gather, gather_long, spread, spread_long, turn};
