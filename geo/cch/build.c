/* Contraction of the topology: the arcs that the order makes. Each node hands its up-neighbours to its parent, the lowest of them (the elimination
 * tree of sparse Cholesky factorisation, Liu 1990): one pass from the bottom, no quotient graph. */
#include "geo_cch.h"

#include <stdlib.h>
#include <string.h>

struct contraction {
    uint32_t node_count;
    uint32_t *rank;            /* by node */
    uint32_t *first, *higher;  /* by rank: higher neighbours of the input graph, duplicates and all */
    uint32_t *mark;            /* by rank: the last node that has it as up-neighbour, + 1 */
    uint32_t *child, *sibling; /* of the elimination tree */
    uint32_t *up_first;
    uint32_t *up_head;
    size_t up_count, up_capacity;
};

static int descending(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left < right) - (left > right);
}

static bool neighbours_find(struct contraction *work, const uint32_t *tails, const uint32_t *heads, uint32_t arc_count)
{
    work->first = calloc((size_t)work->node_count + 2, sizeof *work->first);
    work->higher = malloc(((size_t)arc_count + 1) * sizeof *work->higher);
    if (!work->first || !work->higher) return false;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t a = 0; a < arc_count; a++) {
            uint32_t x = work->rank[tails[a]], y = work->rank[heads[a]];
            if (x == y) continue;
            uint32_t low = x < y ? x : y, high = x < y ? y : x;
            if (pass == 0) work->first[low + 2]++;
            else work->higher[work->first[low + 1]++] = high;
        }
        for (size_t n = 2; pass == 0 && n < (size_t)work->node_count + 2; n++) work->first[n] += work->first[n - 1];
    }
    return true;
}

static bool up_add(struct contraction *work, uint32_t x, uint32_t head)
{
    if (head <= x || work->mark[head] == x + 1) return true;
    work->mark[head] = x + 1;
    if (work->up_count == work->up_capacity) {
        work->up_capacity = work->up_capacity * 2 + 1024;
        if (work->up_capacity > GEO_NONE / 4) return false;
        uint32_t *grown = realloc(work->up_head, work->up_capacity * sizeof *grown);
        if (!grown) return false;
        work->up_head = grown;
    }
    work->up_head[work->up_count++] = head;
    return true;
}

static bool contract(struct contraction *work)
{
    size_t nodes = (size_t)work->node_count + 1;
    work->mark = calloc(nodes, sizeof *work->mark);
    work->child = malloc(nodes * sizeof *work->child);
    work->sibling = malloc(nodes * sizeof *work->sibling);
    work->up_first = calloc(nodes, sizeof *work->up_first);
    if (!work->mark || !work->child || !work->sibling || !work->up_first) return false;
    memset(work->child, 0xff, nodes * sizeof *work->child);
    for (uint32_t x = 0; x < work->node_count; x++) {
        size_t begin = work->up_count;
        work->up_first[x] = (uint32_t)begin;
        for (uint32_t i = work->first[x]; i < work->first[x + 1]; i++)
            if (!up_add(work, x, work->higher[i])) return false;
        for (uint32_t child = work->child[x]; child != GEO_NONE; child = work->sibling[child])
            for (uint32_t i = work->up_first[child]; i < work->up_first[child + 1]; i++) {
                uint32_t head = work->up_head[i]; /* up_add may move the array */
                if (!up_add(work, x, head)) return false;
            }
        if (work->up_count - begin > 1) qsort(work->up_head + begin, work->up_count - begin, sizeof *work->up_head, descending);
        work->up_first[x + 1] = (uint32_t)work->up_count;
        if (work->up_count == begin) continue;
        uint32_t parent = work->up_head[work->up_count - 1];
        work->sibling[x] = work->child[parent];
        work->child[parent] = x;
    }
    return true;
}

/* Postorder: a subtree is a range of ranks, a chain of only children is a run of them. new_rank by old rank. */
static bool postorder(const struct contraction *work, uint32_t *new_rank)
{
    uint32_t *stack = malloc(((size_t)work->node_count + 1) * sizeof *stack), *next = malloc(((size_t)work->node_count + 1) * sizeof *next);
    uint32_t given = 0;
    bool done = stack && next;
    if (done) memcpy(next, work->child, (size_t)work->node_count * sizeof *next);
    for (uint32_t root = 0; done && root < work->node_count; root++) {
        if (work->up_first[root + 1] > work->up_first[root]) continue;
        uint32_t height = 0;
        stack[height++] = root;
        while (height) {
            uint32_t top = stack[height - 1], child = next[top];
            if (child == GEO_NONE) {
                new_rank[top] = given++;
                height--;
            } else {
                next[top] = work->sibling[child];
                stack[height++] = child;
            }
        }
    }
    free(stack);
    free(next);
    return done;
}

/* The arrays in their final numbering. */
static bool renumber(const struct contraction *work, const uint32_t *new_rank, struct geo_cch *out)
{
    uint32_t nodes = work->node_count;
    uint32_t *old_rank = malloc(((size_t)nodes + 1) * sizeof *old_rank);
    out->owned[0] = out->rank = malloc(((size_t)nodes + 1) * sizeof *out->rank);
    out->owned[1] = out->up_first = malloc(((size_t)nodes + 1) * sizeof *out->up_first);
    out->owned[2] = out->up_head = malloc((work->up_count + 1) * sizeof *out->up_head);
    if (!old_rank || !out->rank || !out->up_first || !out->up_head) {
        free(old_rank);
        return false;
    }
    for (uint32_t x = 0; x < nodes; x++) old_rank[new_rank[x]] = x;
    for (uint32_t n = 0; n < nodes; n++) out->rank[n] = new_rank[work->rank[n]];
    uint32_t count = 0;
    for (uint32_t r = 0; r < nodes; r++) {
        uint32_t x = old_rank[r];
        out->up_first[r] = count;
        for (uint32_t i = work->up_first[x]; i < work->up_first[x + 1]; i++) out->up_head[count++] = new_rank[work->up_head[i]];
        if (count - out->up_first[r] > 1) qsort(out->up_head + out->up_first[r], count - out->up_first[r], sizeof *out->up_head, descending);
    }
    out->up_first[nodes] = count;
    out->node_count = nodes;
    out->arc_count = count;
    free(old_rank);
    return true;
}

static uint32_t arc_find(const struct geo_cch *cch, uint32_t low, uint32_t high)
{
    uint32_t begin = cch->up_first[low], end = cch->up_first[low + 1];
    while (begin < end) {
        uint32_t middle = begin + (end - begin) / 2;
        if (cch->up_head[middle] > high) begin = middle + 1;
        else end = middle;
    }
    return begin;
}

static bool places_find(struct geo_cch *cch, const uint32_t *tails, const uint32_t *heads, uint32_t arc_count)
{
    cch->owned[3] = cch->place = malloc(((size_t)arc_count + 1) * sizeof *cch->place);
    if (!cch->place) return false;
    cch->input_count = arc_count;
    for (uint32_t a = 0; a < arc_count; a++) {
        uint32_t x = cch->rank[tails[a]], y = cch->rank[heads[a]];
        cch->place[a] = x == y ? GEO_NONE : 2 * arc_find(cch, x < y ? x : y, x < y ? y : x) + (x > y);
    }
    return true;
}

enum geo_status geo_cch_build(uint32_t node_count, const uint32_t *tails, const uint32_t *heads, uint32_t arc_count, const uint32_t *order, struct geo_cch *out,
                              struct geo_error *error)
{
    struct contraction work = {.node_count = node_count};
    uint32_t *new_rank = malloc(((size_t)node_count + 1) * sizeof *new_rank);
    memset(out, 0, sizeof *out);
    work.rank = malloc(((size_t)node_count + 1) * sizeof *work.rank);
    bool done = new_rank && work.rank;
    for (uint32_t i = 0; done && i < node_count; i++) work.rank[order[i]] = i;
    done = done && neighbours_find(&work, tails, heads, arc_count) && contract(&work) && postorder(&work, new_rank) && renumber(&work, new_rank, out) &&
           places_find(out, tails, heads, arc_count);
    free(work.rank);
    free(work.first);
    free(work.higher);
    free(work.mark);
    free(work.child);
    free(work.sibling);
    free(work.up_first);
    free(work.up_head);
    free(new_rank);
    enum geo_status rc = done ? geo_cch_attach(out, tails, heads, error) : geo_error_set(error, GEO_NO_MEMORY, "no memory for the hierarchy of %u nodes", node_count);
    if (rc != GEO_OK) geo_cch_deinit(out);
    return rc;
}
