/* Customization by several threads: whole subtrees of the elimination tree, which share nothing but the rows of their common ancestors. From the bottom up,
 * each thread but the first keeps rows of its own, and those of the ancestors are joined by minimum before the top is done; from the top down, for the
 * perfect metric, subtrees only read what is above them. */
#include "kernels.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SUBTREES_A_THREAD = 8, SUBTREES_MAX = CCH_THREADS_MAX * SUBTREES_A_THREAD };

struct subtree {
    uint32_t first, past;      /* ranks: in postorder a subtree is a range */
    uint64_t work;
    unsigned thread;
};

struct cut {
    struct subtree at[SUBTREES_MAX + 1];
    uint32_t count;
    uint64_t whole;
};

struct share {
    const struct geo_cch *cch;
    const struct cut *cut;
    unsigned thread;
    cch_weight *up, *down;     /* where it works */
    const cch_weight *main_up, *main_down;
    bool top_down;
};

/* Triangles of each subtree, and its first rank. */
static bool subtrees_weigh(const struct geo_cch *cch, uint64_t **work, uint32_t **first)
{
    *work = calloc((size_t)cch->node_count + 1, sizeof **work);
    *first = malloc(((size_t)cch->node_count + 1) * sizeof **first);
    if (!*work || !*first) return false;
    for (uint32_t r = 0; r < cch->node_count; r++) (*first)[r] = r;
    for (uint32_t r = 0; r < cch->node_count; r++) {
        uint64_t degree = cch->up_first[r + 1] - cch->up_first[r];
        (*work)[r] += degree * degree + 4;
        uint32_t parent = cch->parent[r];
        if (parent == GEO_NONE) continue;
        (*work)[parent] += (*work)[r];
        if ((*first)[r] < (*first)[parent]) (*first)[parent] = (*first)[r];
    }
    return true;
}

static void subtree_add(struct cut *cut, const uint64_t *work, const uint32_t *first, uint32_t root)
{
    if (cut->count < SUBTREES_MAX) cut->at[cut->count++] = (struct subtree){first[root], root + 1, work[root], 0};
}

/* Open the heaviest subtree again and again; what is opened, and what finds no place, belongs to the top. */
static void cut_find(const struct geo_cch *cch, const uint64_t *work, const uint32_t *first, unsigned threads, struct cut *cut)
{
    cut->count = 0;
    cut->whole = 0;
    for (uint32_t r = 0; r < cch->node_count; r++)
        if (cch->parent[r] == GEO_NONE) {
            subtree_add(cut, work, first, r);
            cut->whole += work[r];
        }
    while (cut->count > 0 && cut->count < threads * SUBTREES_A_THREAD) {
        uint32_t heaviest = 0;
        for (uint32_t i = 1; i < cut->count; i++)
            if (cut->at[i].work > cut->at[heaviest].work) heaviest = i;
        struct subtree open = cut->at[heaviest];
        if (open.work < cut->whole / (threads * SUBTREES_A_THREAD) || open.past - open.first < 2) break;
        cut->at[heaviest] = cut->at[--cut->count];
        for (uint32_t child = open.past - 2;; child = first[child] - 1) { /* each child ends where the next one's subtree begins */
            subtree_add(cut, work, first, child);
            if (first[child] == open.first) break;
        }
    }
}

/* The heaviest first, to whom has least. */
static void deal(struct cut *cut, unsigned threads)
{
    uint64_t load[CCH_THREADS_MAX] = {0};
    for (uint32_t i = 0; i < cut->count; i++) {
        uint32_t heaviest = i;
        for (uint32_t k = i + 1; k < cut->count; k++)
            if (cut->at[k].work > cut->at[heaviest].work) heaviest = k;
        struct subtree next = cut->at[heaviest];
        cut->at[heaviest] = cut->at[i];
        for (unsigned t = 1; t < threads; t++)
            if (load[t] < load[next.thread]) next.thread = t;
        load[next.thread] += next.work;
        cut->at[i] = next;
    }
}

static int by_first(const void *a, const void *b)
{
    const struct subtree *left = a, *right = b;
    return (left->first > right->first) - (left->first < right->first);
}

static bool cut_make(const struct geo_cch *cch, unsigned threads, struct cut *cut)
{
    uint64_t *work;
    uint32_t *first;
    bool done = subtrees_weigh(cch, &work, &first);
    if (done) {
        cut_find(cch, work, first, threads, cut);
        deal(cut, threads);
        qsort(cut->at, cut->count, sizeof *cut->at, by_first);
        cut->at[cut->count] = (struct subtree){cch->node_count, cch->node_count, 0, 0};
    }
    free(work);
    free(first);
    return done;
}

static void *share_run(void *context)
{
    const struct share *share = context;
    const struct geo_cch *cch = share->cch;
    for (uint32_t i = 0; i < share->cut->count; i++) {
        const struct subtree *subtree = &share->cut->at[i];
        if (subtree->thread != share->thread) continue;
        if (share->top_down) {
            cch_kernels()->perfect(cch, share->up, share->down, subtree->first, subtree->past);
            continue;
        }
        if (share->up != share->main_up) {
            uint32_t arc = cch->up_first[subtree->first], count = cch->up_first[subtree->past] - arc;
            memcpy(share->up + arc, share->main_up + arc, count * sizeof *share->up);
            memcpy(share->down + arc, share->main_down + arc, count * sizeof *share->down);
        }
        cch_kernels()->customize(cch, share->up, share->down, subtree->first, subtree->past);
    }
    return NULL;
}

/* The ranks between the subtrees, which are their ancestors. `past` is where the gap before subtree i ends. */
static uint32_t gap_begin(const struct cut *cut, uint32_t i)
{
    return i == 0 ? 0 : cut->at[i - 1].past;
}

/* Rows of its own for a thread: the ancestors' hold nothing yet. */
static bool own_rows(const struct geo_cch *cch, const struct cut *cut, struct share *share)
{
    share->up = malloc(((size_t)cch->arc_count + 1) * sizeof *share->up);
    share->down = malloc(((size_t)cch->arc_count + 1) * sizeof *share->down);
    if (!share->up || !share->down) return false;
    for (uint32_t i = 0; i <= cut->count; i++)
        for (uint32_t a = cch->up_first[gap_begin(cut, i)]; a < cch->up_first[cut->at[i].first]; a++) share->up[a] = share->down[a] = CCH_NONE;
    return true;
}

static void join_rows(const struct geo_cch *cch, const struct cut *cut, const struct share *share, cch_weight *up, cch_weight *down)
{
    for (uint32_t i = 0; i <= cut->count; i++) {
        for (uint32_t a = cch->up_first[gap_begin(cut, i)]; a < cch->up_first[cut->at[i].first]; a++) {
            up[a] = share->up[a] < up[a] ? share->up[a] : up[a];
            down[a] = share->down[a] < down[a] ? share->down[a] : down[a];
        }
        if (i == cut->count || cut->at[i].thread != share->thread) continue;
        uint32_t arc = cch->up_first[cut->at[i].first], count = cch->up_first[cut->at[i].past] - arc;
        memcpy(up + arc, share->up + arc, count * sizeof *up);
        memcpy(down + arc, share->down + arc, count * sizeof *down);
    }
}

/* A thread that cannot be had is done without: its share is run here. */
static void run_all(struct share *shares, unsigned threads)
{
    pthread_t ids[CCH_THREADS_MAX];
    bool started[CCH_THREADS_MAX] = {false};
    for (unsigned t = 1; t < threads; t++) started[t] = pthread_create(&ids[t], NULL, share_run, &shares[t]) == 0;
    (void)share_run(&shares[0]);
    for (unsigned t = 1; t < threads; t++) {
        if (started[t]) (void)pthread_join(ids[t], NULL);
        else (void)share_run(&shares[t]);
    }
}

bool cch_customize_by(const struct geo_cch *cch, cch_weight *up, cch_weight *down, unsigned threads)
{
    struct cut cut;
    struct share shares[CCH_THREADS_MAX];
    memset(shares, 0, sizeof shares);
    bool done = cut_make(cch, threads, &cut);
    for (unsigned t = 0; t < threads; t++) {
        shares[t] = (struct share){.cch = cch, .cut = &cut, .thread = t, .up = t ? NULL : up, .down = t ? NULL : down, .main_up = up, .main_down = down};
        done = done && (t == 0 || own_rows(cch, &cut, &shares[t]));
    }
    if (done) {
        run_all(shares, threads);
        for (unsigned t = 1; t < threads; t++) join_rows(cch, &cut, &shares[t], up, down);
        for (uint32_t i = 0; i <= cut.count; i++) cch_kernels()->customize(cch, up, down, gap_begin(&cut, i), cut.at[i].first);
    }
    for (unsigned t = 1; t < threads; t++) {
        free(shares[t].up);
        free(shares[t].down);
    }
    return done;
}

bool cch_perfect_by(const struct geo_cch *cch, cch_weight *up, cch_weight *down, unsigned threads)
{
    struct cut cut;
    struct share shares[CCH_THREADS_MAX];
    if (!cut_make(cch, threads, &cut)) return false;
    for (uint32_t i = cut.count + 1; i-- > 0;) cch_kernels()->perfect(cch, up, down, gap_begin(&cut, i), cut.at[i].first);
    for (unsigned t = 0; t < threads; t++)
        shares[t] = (struct share){.cch = cch, .cut = &cut, .thread = t, .up = up, .down = down, .main_up = up, .main_down = down, .top_down = true};
    run_all(shares, threads);
    return true;
}
