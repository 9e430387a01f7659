/* Labels: weights along the root paths of a place's nodes, shared parts once, and the least meeting of two. */
#include "kernels.h"

#include <string.h>

/* Seeds by rank, lowest first, so that a seed on another one's root path finds it there. */
static void sorted(const struct cch_seed *seeds, uint32_t count, struct cch_seed *out)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i;
        for (; at > 0 && out[at - 1].rank > seeds[i].rank; at--) out[at] = out[at - 1];
        out[at] = seeds[i];
    }
}

/* The arm that has this node; GEO_NONE: none yet. */
static uint32_t arm_of(const struct cch_label *label, uint32_t rank, uint32_t depth)
{
    for (uint32_t i = 0; i < label->arm_count; i++) {
        const struct cch_arm *arm = &label->arms[i];
        if (depth >= arm->fork && depth <= arm->depth && label->ranks[(uint32_t)(arm->first + depth)] == rank) return i;
    }
    return GEO_NONE;
}

/* The arm of a seed: from it up to the first node that another one has already. Entries of a new arm: none reached. */
static uint32_t arm_find(const struct geo_cch *cch, struct cch_label *label, uint32_t rank)
{
    struct cch_arm arm = {.depth = cch->depth[rank], .parent = GEO_NONE};
    uint32_t *ranks = label->ranks + label->size, d = arm.depth + 1;
    for (uint32_t x = rank; d > 0 && (arm.parent = arm_of(label, x, d - 1)) == GEO_NONE; x = cch->parent[x]) ranks[--d] = x;
    if (d > arm.depth) return arm.parent; /* a seed on another one's root path */
    arm.fork = d;
    arm.first = label->size - d;
    if (d > 0) memmove(ranks, ranks + d, (arm.depth + 1 - d) * sizeof *ranks);
    label->size += arm.depth + 1 - d;
    for (; d <= arm.depth; d++) label->weights[(uint32_t)(arm.first + d)] = CCH_NONE;
    label->arms[label->arm_count] = arm;
    return label->arm_count++;
}

/* Up by the nodes of an arm: over the links of a perfect metric, which are a third of the arcs that a search sees, or over all arcs in runs. */
static void climb(const struct cch_metric *metric, enum cch_direction direction, const uint32_t *ranks, uint32_t fork, uint32_t depth, cch_weight *by_depth)
{
    if (!metric->links[direction]) {
        cch_kernels()->climb(metric->cch, direction == CCH_FROM ? metric->up : metric->down, ranks, fork, depth, by_depth);
        return;
    }
    const struct cch_link *links = metric->links[direction];
    const uint32_t *first = metric->link_first[direction];
    for (uint32_t d = depth + 1; d-- > fork;) {
        cch_weight here = by_depth[d];
        if (here >= CCH_NONE) continue;
        uint32_t rank = ranks[d - fork];
        for (uint32_t i = first[rank]; i < first[rank + 1]; i++) {
            cch_weight *at = by_depth + links[i].depth, way = here + links[i].weight;
            *at = way < *at ? way : *at;
        }
    }
}

/* A branch climbs by itself in an array of its own; what it brings to the nodes above its fork is handed to the arms that have them. */
static void branch_climb(const struct cch_metric *metric, enum cch_direction direction, struct cch_label *label, const struct cch_arm *arm)
{
    cch_weight *own = label->weights + (uint32_t)(arm->first + arm->fork), *by_depth = label->weights + label->size;
    size_t own_bytes = (arm->depth + 1 - arm->fork) * sizeof *own;
    for (uint32_t d = 0; d < arm->fork; d++) by_depth[d] = CCH_NONE;
    memcpy(by_depth + arm->fork, own, own_bytes);
    climb(metric, direction, label->ranks + (uint32_t)(arm->first + arm->fork), arm->fork, arm->depth, by_depth);
    memcpy(own, by_depth + arm->fork, own_bytes);
    for (uint32_t past = arm->fork; past > 0; past = arm->fork) {
        arm = &label->arms[arm->parent];
        cch_kernels()->join(label->weights + (uint32_t)(arm->first + arm->fork), by_depth + arm->fork, past - arm->fork);
    }
}

void cch_label_fill(const struct cch_metric *metric, enum cch_direction direction, const struct cch_seed *seeds, uint32_t seed_count, struct cch_label *label)
{
    const struct geo_cch *cch = metric->cch;
    struct cch_seed ordered[CCH_SEEDS_MAX];
    sorted(seeds, seed_count, ordered);
    label->arm_count = label->size = 0;
    for (uint32_t i = 0; i < seed_count; i++) {
        uint32_t arm = arm_find(cch, label, ordered[i].rank);
        cch_weight *weight = &label->weights[(uint32_t)(label->arms[arm].first + cch->depth[ordered[i].rank])];
        if (ordered[i].weight < *weight) *weight = ordered[i].weight;
    }
    for (uint32_t i = label->arm_count; i-- > 0;) { /* a branch before the arm that it meets */
        const struct cch_arm *arm = &label->arms[i];
        if (arm->fork > 0) branch_climb(metric, direction, label, arm);
        else climb(metric, direction, label->ranks + arm->first, 0, arm->depth, label->weights + arm->first);
    }
}

/* Where two arms have the same nodes: from depth `low` on, so many. */
static uint32_t shared(const struct cch_label *from, const struct cch_arm *a, const struct cch_label *to, const struct cch_arm *b, uint32_t low)
{
    uint32_t past = (a->depth < b->depth ? a->depth : b->depth) + 1, begin = low;
    if (low >= past) return 0;
    const uint32_t *left = from->ranks + (uint32_t)(a->first + low), *right = to->ranks + (uint32_t)(b->first + low);
    if (*left != *right) return 0;
    while (low < past) {
        uint32_t middle = low + (past - low) / 2;
        if (left[middle - begin] == right[middle - begin]) low = middle + 1;
        else past = middle;
    }
    return low - begin;
}

static cch_weight arms_meet(const struct cch_label *from, const struct cch_arm *a, const struct cch_label *to, const struct cch_arm *b, uint32_t *low, uint32_t *count)
{
    *low = a->fork > b->fork ? a->fork : b->fork;
    *count = shared(from, a, to, b, *low);
    if (*count == 0) return CCH_NONE;
    return cch_kernels()->meet(from->weights + (uint32_t)(a->first + *low), to->weights + (uint32_t)(b->first + *low), *count);
}

cch_weight cch_label_meeting(const struct cch_label *from, const struct cch_label *to, struct cch_meeting *out)
{
    cch_weight best = CCH_NONE;
    *out = (struct cch_meeting){0};
    for (uint32_t i = 0; i < from->arm_count; i++) {
        for (uint32_t k = 0; k < to->arm_count; k++) {
            const struct cch_arm *a = &from->arms[i], *b = &to->arms[k];
            uint32_t low, count;
            cch_weight way = arms_meet(from, a, to, b, &low, &count);
            if (way >= best) continue;
            best = way;
            for (uint32_t d = low + count; d-- > low;) /* the lowest of the best */
                if (from->weights[(uint32_t)(a->first + d)] + to->weights[(uint32_t)(b->first + d)] == best) {
                    *out = (struct cch_meeting){i, k, d};
                    break;
                }
        }
    }
    return best;
}

cch_weight cch_label_meet(const struct cch_label *from, const struct cch_label *to)
{
    cch_weight best = CCH_NONE;
    for (uint32_t i = 0; i < from->arm_count; i++) {
        for (uint32_t k = 0; k < to->arm_count; k++) {
            uint32_t low, count;
            cch_weight way = arms_meet(from, &from->arms[i], to, &to->arms[k], &low, &count);
            if (way < best) best = way;
        }
    }
    return best;
}
