/* Many to many by restricted sweeps (RPHAST): the part of the hierarchy above the targets is laid out once, from the top down; then sources climb sixteen
 * at a time, neighbours in the elimination tree together so that they share their ancestors, and one pass down that part serves them all. */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

struct cch_sweep {
    uint32_t node_count;
    /* the part above the targets, and the targets: a row each */
    uint32_t *row_of;          /* by rank; valid where `selected` */
    uint64_t *selected;        /* a bit by rank */
    uint32_t *first;           /* by row, one more */
    uint32_t *rank_of;         /* by row, of the nodes' */
    struct sweep_arc *arcs;
    cch_weight *weights;       /* by arc, for long sweeps */
    uint8_t *seeded;           /* by row */
    /* climbing */
    uint64_t *climbing;        /* a bit by rank */
    uint32_t *climbed;         /* ranks of a batch's root paths, ascending */
    void *climb_rows;          /* by rank */
    void *rows;                /* by row */
    uint32_t *source_order;
    uint64_t first_capacity, arc_capacity, weight_capacity, climb_bytes, row_bytes, order_capacity;
};

struct cch_sweep *cch_sweep_new(const struct geo_cch *cch)
{
    struct cch_sweep *sweep = calloc(1, sizeof *sweep);
    if (!sweep) return NULL;
    size_t words = cch->node_count / 64 + 1, nodes = (size_t)cch->node_count + 1;
    sweep->node_count = cch->node_count;
    sweep->row_of = malloc(nodes * sizeof *sweep->row_of);
    sweep->rank_of = malloc(nodes * sizeof *sweep->rank_of);
    sweep->climbed = malloc(nodes * sizeof *sweep->climbed);
    sweep->selected = calloc(words, sizeof *sweep->selected);
    sweep->climbing = calloc(words, sizeof *sweep->climbing);
    if (sweep->row_of && sweep->rank_of && sweep->climbed && sweep->selected && sweep->climbing) return sweep;
    cch_sweep_free(sweep);
    return NULL;
}

void cch_sweep_free(struct cch_sweep *sweep)
{
    if (!sweep) return;
    free(sweep->row_of);
    free(sweep->selected);
    free(sweep->first);
    free(sweep->rank_of);
    free(sweep->arcs);
    free(sweep->weights);
    free(sweep->seeded);
    free(sweep->climbing);
    free(sweep->climbed);
    free(sweep->climb_rows);
    free(sweep->rows);
    free(sweep->source_order);
    free(sweep);
}

/* Room for at least `count` items, contents not kept. */
static bool room(void *at, uint64_t *capacity, uint64_t count, size_t size)
{
    void **array = at;
    if (count <= *capacity) return true;
    free(*array);
    *capacity = 0;
    *array = aligned_alloc(64, ((count + count / 4) * size + 63) / 64 * 64);
    if (!*array) return false;
    *capacity = count + count / 4;
    return true;
}

/* ---- the part above the targets ---- */

static bool set_bit(uint64_t *bits, uint32_t at)
{
    uint64_t bit = UINT64_C(1) << at % 64;
    if (bits[at / 64] & bit) return false;
    bits[at / 64] |= bit;
    return true;
}

static bool has_bit(const uint64_t *bits, uint32_t at)
{
    return bits[at / 64] >> at % 64 & 1;
}

/* Rows for the targets' ancestors, the highest rank first. */
static uint32_t select_rows(const struct geo_cch *cch, struct cch_sweep *sweep, const struct cch_places *targets)
{
    uint32_t rows = 0;
    for (uint32_t i = 0; i < targets->first[targets->count]; i++)
        for (uint32_t x = targets->seeds[i].rank; x != GEO_NONE && set_bit(sweep->selected, x); x = cch->parent[x]) continue;
    for (uint32_t word = cch->node_count / 64 + 1; word-- > 0;)
        for (uint64_t bits = sweep->selected[word]; bits;) {
            uint32_t bit = 63 - (uint32_t)__builtin_clzll(bits);
            bits &= ~(UINT64_C(1) << bit);
            sweep->rank_of[rows] = word * 64 + bit;
            sweep->row_of[word * 64 + bit] = rows++;
        }
    return rows;
}

static uint64_t arcs_count(const struct cch_metric *metric, const struct cch_sweep *sweep, uint32_t rows)
{
    const uint32_t *first = metric->links[1] ? metric->link_first[1] : metric->cch->up_first;
    uint64_t count = 0;
    for (uint32_t row = 0; row < rows; row++) count += first[sweep->rank_of[row] + 1] - first[sweep->rank_of[row]];
    return count;
}

static uint32_t node_arcs(const struct cch_metric *metric, struct cch_sweep *sweep, uint32_t rank, uint32_t count, bool is_long)
{
    const struct geo_cch *cch = metric->cch;
    if (metric->links[1]) {
        for (uint32_t i = metric->link_first[1][rank]; i < metric->link_first[1][rank + 1]; i++) {
            const struct cch_link *link = &metric->links[1][i];
            if (is_long) sweep->weights[count] = link->weight;
            sweep->arcs[count++] = (struct sweep_arc){sweep->row_of[cch->up_head[link->arc]], (uint32_t)(link->weight >> 32)};
        }
        return count;
    }
    for (uint32_t a = cch->up_first[rank]; a < cch->up_first[rank + 1]; a++) {
        if (metric->down[a] >= CCH_NONE) continue;
        if (is_long) sweep->weights[count] = metric->down[a];
        sweep->arcs[count++] = (struct sweep_arc){sweep->row_of[cch->up_head[a]], (uint32_t)(metric->down[a] >> 32)};
    }
    return count;
}

/* Lay out nodes, then targets. */
static bool lay_out(const struct cch_metric *metric, struct cch_sweep *sweep, const struct cch_places *targets, bool is_long, uint32_t *node_rows)
{
    uint32_t rows = select_rows(metric->cch, sweep, targets), count = 0;
    uint64_t all = (uint64_t)rows + targets->count + CCH_LANES, arcs = arcs_count(metric, sweep, rows) + targets->first[targets->count];
    uint64_t seeded_capacity = sweep->first_capacity;
    *node_rows = rows;
    if (!room(&sweep->seeded, &seeded_capacity, all, 1) || !room(&sweep->first, &sweep->first_capacity, all, sizeof *sweep->first)) return false;
    if (!room(&sweep->arcs, &sweep->arc_capacity, arcs, sizeof *sweep->arcs)) return false;
    if (is_long && !room(&sweep->weights, &sweep->weight_capacity, arcs, sizeof *sweep->weights)) return false;
    if (!room(&sweep->rows, &sweep->row_bytes, all * CCH_LANES * (is_long ? 8 : 4), 1)) return false;
    memset(sweep->seeded, 0, all);
    for (uint32_t row = 0; row < rows; row++) {
        sweep->first[row] = count;
        count = node_arcs(metric, sweep, sweep->rank_of[row], count, is_long);
    }
    for (uint32_t t = 0; t < targets->count; t++) {
        sweep->first[rows + t] = count;
        for (uint32_t i = targets->first[t]; i < targets->first[t + 1]; i++) {
            if (is_long) sweep->weights[count] = targets->seeds[i].weight;
            sweep->arcs[count++] = (struct sweep_arc){sweep->row_of[targets->seeds[i].rank], (uint32_t)(targets->seeds[i].weight >> 32)};
        }
    }
    sweep->first[rows + targets->count] = count;
    return true;
}

static void unselect(struct cch_sweep *sweep)
{
    memset(sweep->selected, 0, (sweep->node_count / 64 + 1) * sizeof *sweep->selected);
}

/* ---- sources, sixteen at a time ---- */

static void order_sources(struct cch_sweep *sweep, const struct cch_places *sources)
{
    /* by the lowest node's rank: in postorder, neighbours in rank share most of their root paths. A radix sort over the ranks' bytes. */
    uint32_t *order = sweep->source_order, *other = order + sources->count, *keys = other + sources->count;
    for (uint32_t s = 0; s < sources->count; s++) {
        keys[s] = 0;
        for (uint32_t i = sources->first[s]; i < sources->first[s + 1]; i++)
            if (i == sources->first[s] || sources->seeds[i].rank < keys[s]) keys[s] = sources->seeds[i].rank;
        order[s] = s;
    }
    for (unsigned shift = 0; shift < 32 && (sweep->node_count >> shift); shift += 8) {
        uint32_t places[257] = {0};
        for (uint32_t s = 0; s < sources->count; s++) places[(keys[order[s]] >> shift & 255) + 1]++;
        for (int i = 1; i < 257; i++) places[i] += places[i - 1];
        for (uint32_t s = 0; s < sources->count; s++) other[places[keys[order[s]] >> shift & 255]++] = order[s];
        memcpy(order, other, sources->count * sizeof *order);
    }
}

/* The union of the batch's root paths, ascending. */
static uint32_t climb_find(const struct geo_cch *cch, struct cch_sweep *sweep, const struct cch_places *sources, uint32_t begin, uint32_t end)
{
    uint32_t count = 0, low = cch->node_count, high = 0;
    for (uint32_t b = begin; b < end; b++) {
        uint32_t s = sweep->source_order[b];
        for (uint32_t i = sources->first[s]; i < sources->first[s + 1]; i++)
            for (uint32_t x = sources->seeds[i].rank; x != GEO_NONE && set_bit(sweep->climbing, x); x = cch->parent[x]) {
                low = x < low ? x : low;
                high = x > high ? x : high;
            }
    }
    for (uint32_t word = low / 64; low <= high && word <= high / 64; word++) {
        for (uint64_t bits = sweep->climbing[word]; bits; bits &= bits - 1) sweep->climbed[count++] = word * 64 + (uint32_t)__builtin_ctzll(bits);
        sweep->climbing[word] = 0;
    }
    return count;
}

/* Links up for a metric that is not perfect: made for one node at a time. */
static uint32_t links_up(const struct cch_metric *metric, uint32_t x, struct cch_link *links, uint32_t capacity, uint32_t *from)
{
    const struct geo_cch *cch = metric->cch;
    uint32_t count = 0;
    for (; *from < cch->up_first[x + 1] && count < capacity; ++*from)
        if (metric->up[*from] < CCH_NONE) links[count++] = (struct cch_link){*from, cch->depth[cch->up_head[*from]], metric->up[*from]};
    return count;
}

static void climb_short(const struct cch_metric *metric, struct cch_sweep *sweep, uint32_t count)
{
    const struct geo_cch *cch = metric->cch;
    const struct cch_kernels *kernels = cch_kernels();
    int32_t *up = sweep->climb_rows, *rows = sweep->rows;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t x = sweep->climbed[i];
        int32_t *row = up + (size_t)x * CCH_LANES;
        if (metric->links[0]) {
            kernels->spread(metric->links[0] + metric->link_first[0][x], metric->link_first[0][x + 1] - metric->link_first[0][x], cch->up_head, row, up);
        } else {
            struct cch_link links[64];
            for (uint32_t from = cch->up_first[x], made; (made = links_up(metric, x, links, 64, &from)) > 0;) kernels->spread(links, made, cch->up_head, row, up);
        }
        if (!has_bit(sweep->selected, x)) continue;
        memcpy(rows + (size_t)sweep->row_of[x] * CCH_LANES, row, CCH_LANES * sizeof *row);
        sweep->seeded[sweep->row_of[x]] = 1;
    }
}

static void climb_long(const struct cch_metric *metric, struct cch_sweep *sweep, uint32_t count)
{
    const struct geo_cch *cch = metric->cch;
    const struct cch_kernels *kernels = cch_kernels();
    cch_weight *up = sweep->climb_rows, *rows = sweep->rows;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t x = sweep->climbed[i];
        cch_weight *row = up + (size_t)x * CCH_LANES;
        if (metric->links[0]) {
            kernels->spread_long(metric->links[0] + metric->link_first[0][x], metric->link_first[0][x + 1] - metric->link_first[0][x], cch->up_head, row, up);
        } else {
            struct cch_link links[64];
            for (uint32_t from = cch->up_first[x], made; (made = links_up(metric, x, links, 64, &from)) > 0;) kernels->spread_long(links, made, cch->up_head, row, up);
        }
        if (!has_bit(sweep->selected, x)) continue;
        memcpy(rows + (size_t)sweep->row_of[x] * CCH_LANES, row, CCH_LANES * sizeof *row);
        sweep->seeded[sweep->row_of[x]] = 1;
    }
}

/* Rows of the batch's root paths: none, but at the seeds. */
static void seed_rows(struct cch_sweep *sweep, const struct cch_places *sources, uint32_t begin, uint32_t end, uint32_t count, bool is_long)
{
    for (uint32_t i = 0; i < count; i++) {
        size_t at = (size_t)sweep->climbed[i] * CCH_LANES;
        for (int lane = 0; lane < CCH_LANES; lane++) {
            if (is_long) ((cch_weight *)sweep->climb_rows)[at + (size_t)lane] = CCH_NONE;
            else ((int32_t *)sweep->climb_rows)[at + (size_t)lane] = SWEEP_NONE;
        }
    }
    for (uint32_t b = begin; b < end; b++) {
        uint32_t s = sweep->source_order[b];
        for (uint32_t i = sources->first[s]; i < sources->first[s + 1]; i++) {
            size_t at = (size_t)sources->seeds[i].rank * CCH_LANES + (b - begin);
            cch_weight weight = sources->seeds[i].weight;
            if (weight >= CCH_NONE) continue;
            if (is_long) {
                cch_weight *row = sweep->climb_rows;
                if (weight < row[at]) row[at] = weight;
            } else {
                int32_t *row = sweep->climb_rows, ms = (int32_t)(weight >> 32);
                if (ms < row[at]) row[at] = ms;
            }
        }
    }
}

struct answer {
    uint32_t *ms, *dm;
    uint32_t targets;
};

static void write_short(const struct cch_sweep *sweep, const struct answer *answer, uint32_t node_rows, uint32_t begin, uint32_t end)
{
    const struct cch_kernels *kernels = cch_kernels();
    const int32_t *rows = (const int32_t *)sweep->rows + (size_t)node_rows * CCH_LANES;
    uint32_t block[CCH_LANES * CCH_LANES];
    for (uint32_t t = 0; t < answer->targets; t += CCH_LANES) {
        uint32_t width = answer->targets - t < CCH_LANES ? answer->targets - t : CCH_LANES; /* the rows behind the last target are there, and not read */
        kernels->turn(rows + (size_t)t * CCH_LANES, block, CCH_LANES);
        for (uint32_t b = begin; b < end; b++)
            memcpy(answer->ms + (size_t)sweep->source_order[b] * answer->targets + t, block + (size_t)(b - begin) * CCH_LANES, width * sizeof *block);
    }
}

static void write_long(const struct cch_sweep *sweep, const struct answer *answer, uint32_t node_rows, uint32_t begin, uint32_t end)
{
    const cch_weight *rows = (const cch_weight *)sweep->rows + (size_t)node_rows * CCH_LANES;
    for (uint32_t t = 0; t < answer->targets; t++)
        for (uint32_t b = begin; b < end; b++) {
            cch_weight weight = rows[(size_t)t * CCH_LANES + (b - begin)];
            size_t cell = (size_t)sweep->source_order[b] * answer->targets + t;
            answer->ms[cell] = weight >= CCH_NONE ? GEO_UNREACHABLE : (uint32_t)(weight >> 32);
            if (answer->dm) answer->dm[cell] = weight >= CCH_NONE ? GEO_UNREACHABLE : (uint32_t)(weight & UINT32_MAX);
        }
}

static void batch_run(const struct cch_metric *metric, struct cch_sweep *sweep, const struct cch_places *sources, uint32_t begin, uint32_t end, uint32_t node_rows,
                      bool is_long, const struct answer *answer)
{
    const struct cch_kernels *kernels = cch_kernels();
    uint32_t count = climb_find(metric->cch, sweep, sources, begin, end);
    seed_rows(sweep, sources, begin, end, count, is_long);
    if (is_long) {
        climb_long(metric, sweep, count);
        kernels->gather_long(sweep->arcs, sweep->weights, sweep->first, node_rows + answer->targets, sweep->seeded, sweep->rows);
        write_long(sweep, answer, node_rows, begin, end);
    } else {
        climb_short(metric, sweep, count);
        kernels->gather(sweep->arcs, sweep->first, node_rows + answer->targets, sweep->seeded, sweep->rows);
        write_short(sweep, answer, node_rows, begin, end);
    }
    for (uint32_t i = 0; i < count; i++)
        if (has_bit(sweep->selected, sweep->climbed[i])) sweep->seeded[sweep->row_of[sweep->climbed[i]]] = 0;
}

enum geo_status cch_matrix(const struct cch_metric *metric, struct cch_sweep *sweep, const struct cch_places *sources, const struct cch_places *targets, uint32_t *ms,
                           uint32_t *dm)
{
    bool is_long = dm || metric->needs_long;
    uint32_t node_rows = 0;
    struct answer answer = {ms, dm, targets->count};
    if (sources->count == 0 || targets->count == 0) return GEO_OK;
    bool done = room(&sweep->source_order, &sweep->order_capacity, (uint64_t)sources->count * 3, sizeof *sweep->source_order) &&
                room(&sweep->climb_rows, &sweep->climb_bytes, (uint64_t)sweep->node_count * CCH_LANES * (is_long ? 8 : 4), 1) &&
                lay_out(metric, sweep, targets, is_long, &node_rows);
    if (done) {
        order_sources(sweep, sources);
        memset((char *)sweep->rows + (size_t)(node_rows + targets->count) * CCH_LANES * (is_long ? 8 : 4), 0, (size_t)CCH_LANES * CCH_LANES * (is_long ? 8 : 4));
        for (uint32_t begin = 0; begin < sources->count; begin += CCH_LANES) {
            uint32_t end = sources->count - begin < CCH_LANES ? sources->count : begin + CCH_LANES;
            batch_run(metric, sweep, sources, begin, end, node_rows, is_long, &answer);
        }
    }
    unselect(sweep);
    return done ? GEO_OK : GEO_NO_MEMORY;
}

/* ---- one to all ---- */

void cch_reach(const struct cch_metric *metric, enum cch_direction direction, const struct cch_seed *seeds, uint32_t seed_count, cch_weight *out)
{
    const struct geo_cch *cch = metric->cch;
    const cch_weight *climbing = direction == CCH_FROM ? metric->up : metric->down, *falling = direction == CCH_FROM ? metric->down : metric->up;
    int fall = direction == CCH_FROM ? 1 : 0;
    uint32_t lowest = cch->node_count;
    for (uint32_t n = 0; n < cch->node_count; n++) out[n] = CCH_NONE;
    for (uint32_t i = 0; i < seed_count; i++) {
        cch_weight *at = &out[cch->node[seeds[i].rank]];
        if (seeds[i].weight < *at) *at = seeds[i].weight;
        if (seeds[i].rank < lowest) lowest = seeds[i].rank;
    }
    for (uint32_t x = lowest; x < cch->node_count; x++) { /* only ancestors of seeds are reached */
        cch_weight here = out[cch->node[x]];
        if (here >= CCH_NONE) continue;
        for (uint32_t a = cch->up_first[x]; a < cch->up_first[x + 1]; a++) {
            cch_weight *at = &out[cch->node[cch->up_head[a]]];
            if (here + climbing[a] < *at) *at = here + climbing[a];
        }
    }
    for (uint32_t x = cch->node_count; x-- > 0;) {
        cch_weight best = out[cch->node[x]];
        if (metric->links[fall]) {
            const struct cch_link *links = metric->links[fall];
            for (uint32_t i = metric->link_first[fall][x]; i < metric->link_first[fall][x + 1]; i++) {
                cch_weight way = out[cch->node[cch->up_head[links[i].arc]]] + links[i].weight;
                best = way < best ? way : best;
            }
        } else {
            for (uint32_t a = cch->up_first[x]; a < cch->up_first[x + 1]; a++) {
                cch_weight way = out[cch->node[cch->up_head[a]]] + falling[a];
                best = way < best ? way : best;
            }
        }
        out[cch->node[x]] = best;
    }
}
