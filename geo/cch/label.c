/* Labels: weights along the root paths of a place's nodes, and the least meeting of two. */
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

uint32_t cch_label_size(const struct geo_cch *cch, const struct cch_seed *seeds, uint32_t seed_count)
{
    uint32_t size = 0;
    for (uint32_t i = 0; i < seed_count; i++) size += cch->depth[seeds[i].rank] + 1;
    return size;
}

static void arm_add(const struct geo_cch *cch, struct cch_label *label, uint32_t rank)
{
    struct cch_arm arm = {cch->depth[rank], label->size};
    for (uint32_t x = rank; x != GEO_NONE; x = cch->parent[x]) label->ranks[arm.first + cch->depth[x]] = x;
    for (uint32_t d = 0; d <= arm.depth; d++) label->weights[arm.first + d] = CCH_NONE;
    label->arms[label->arm_count++] = arm;
    label->size += arm.depth + 1;
}

void cch_label_fill(const struct cch_metric *metric, enum cch_direction direction, const struct cch_seed *seeds, uint32_t seed_count, struct cch_label *label)
{
    const struct geo_cch *cch = metric->cch;
    struct cch_seed ordered[CCH_SEEDS_MAX];
    sorted(seeds, seed_count, ordered);
    label->arm_count = label->size = 0;
    for (uint32_t i = 0; i < seed_count; i++) {
        uint32_t depth = cch->depth[ordered[i].rank], arm = 0;
        while (arm < label->arm_count && (label->arms[arm].depth < depth || label->ranks[label->arms[arm].first + depth] != ordered[i].rank)) arm++;
        if (arm == label->arm_count) arm_add(cch, label, ordered[i].rank);
        cch_weight *weight = &label->weights[label->arms[arm].first + depth];
        if (ordered[i].weight < *weight) *weight = ordered[i].weight;
    }
    const struct cch_kernels *kernels = cch_kernels();
    for (uint32_t i = 0; i < label->arm_count; i++) {
        const struct cch_arm *arm = &label->arms[i];
        kernels->climb(cch, direction == CCH_FROM ? metric->up : metric->down, label->ranks + arm->first, arm->depth, label->weights + arm->first);
    }
}

/* How many nodes from the root down two root paths share. */
static uint32_t shared(const uint32_t *a, uint32_t a_count, const uint32_t *b, uint32_t b_count)
{
    uint32_t low = 0, high = a_count < b_count ? a_count : b_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (a[middle] == b[middle]) low = middle + 1;
        else high = middle;
    }
    return low;
}

cch_weight cch_label_meeting(const struct cch_label *from, const struct cch_label *to, struct cch_meeting *out)
{
    const struct cch_kernels *kernels = cch_kernels();
    cch_weight best = CCH_NONE;
    *out = (struct cch_meeting){0};
    for (uint32_t i = 0; i < from->arm_count; i++) {
        for (uint32_t k = 0; k < to->arm_count; k++) {
            const struct cch_arm *a = &from->arms[i], *b = &to->arms[k];
            uint32_t count = shared(from->ranks + a->first, a->depth + 1, to->ranks + b->first, b->depth + 1);
            cch_weight way = kernels->meet(from->weights + a->first, to->weights + b->first, count);
            if (way >= best) continue;
            best = way;
            *out = (struct cch_meeting){i, k, count};
        }
    }
    if (best >= CCH_NONE) return best;
    const cch_weight *a = from->weights + from->arms[out->from_arm].first, *b = to->weights + to->arms[out->to_arm].first;
    for (uint32_t d = out->depth; d-- > 0;) /* the lowest of the best */
        if (a[d] + b[d] == best) {
            out->depth = d;
            break;
        }
    return best;
}

cch_weight cch_label_meet(const struct cch_label *from, const struct cch_label *to)
{
    const struct cch_kernels *kernels = cch_kernels();
    cch_weight best = CCH_NONE;
    for (uint32_t i = 0; i < from->arm_count; i++) {
        for (uint32_t k = 0; k < to->arm_count; k++) {
            const struct cch_arm *a = &from->arms[i], *b = &to->arms[k];
            uint32_t count = shared(from->ranks + a->first, a->depth + 1, to->ranks + b->first, b->depth + 1);
            cch_weight way = kernels->meet(from->weights + a->first, to->weights + b->first, count);
            if (way < best) best = way;
        }
    }
    return best;
}
