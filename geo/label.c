/* Labels: what it takes from a stop to the nodes above it, and from those to it. Two labels meet without a search. */
#include "map.h"

#include <stdlib.h>
#include <string.h>

struct geo_label {
    const struct geo_metric *metric; /* holds a reference */
    struct geo_place stop;
    struct cch_label sides[2];       /* by cch_direction; arrays behind the struct */
    size_t bytes;
};

static size_t side_bytes(const struct cch_label *side)
{
    return side->size * (sizeof *side->weights + sizeof *side->ranks) + side->arm_count * sizeof *side->arms + sizeof *side->weights;
}

/* What was filled in the scratch, in no more memory than it needs. */
static char *side_copy(const struct cch_label *filled, struct cch_label *side, char *memory)
{
    *side = *filled;
    side->weights = (cch_weight *)(void *)memory;
    side->arms = (struct cch_arm *)(void *)(side->weights + side->size);
    side->ranks = (uint32_t *)(void *)(side->arms + side->arm_count);
    memcpy(side->weights, filled->weights, side->size * sizeof *side->weights);
    memcpy(side->arms, filled->arms, side->arm_count * sizeof *side->arms);
    memcpy(side->ranks, filled->ranks, side->size * sizeof *side->ranks);
    return memory + (side_bytes(side) & ~(sizeof(cch_weight) - 1));
}

enum geo_status geo_label_new(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *stop, struct geo_label **out)
{
    struct geo_seeds seeds;
    size_t bytes = sizeof(struct geo_label);
    if (!geo_has_place(metric->map, stop)) return GEO_INVALID;
    for (int direction = CCH_FROM; direction <= CCH_TO; direction++) {
        geo_seeds_find(metric, (enum cch_direction)direction, geo_place_of(stop), &seeds);
        cch_label_fill(&metric->hierarchy, (enum cch_direction)direction, seeds.seeds, seeds.count, &scratch->labels[direction]);
        bytes += side_bytes(&scratch->labels[direction]);
    }
    struct geo_label *label = malloc(bytes);
    if (!label) return GEO_NO_MEMORY;
    label->metric = geo_metric_ref((struct geo_metric *)(uintptr_t)metric);
    label->stop = geo_place_of(stop);
    label->bytes = bytes;
    char *memory = side_copy(&scratch->labels[CCH_FROM], &label->sides[CCH_FROM], (char *)(label + 1));
    (void)side_copy(&scratch->labels[CCH_TO], &label->sides[CCH_TO], memory);
    *out = label;
    return GEO_OK;
}

void geo_label_free(struct geo_label *label)
{
    if (!label) return;
    geo_metric_unref((struct geo_metric *)(uintptr_t)label->metric);
    free(label);
}

size_t geo_label_bytes(const struct geo_label *label)
{
    return label->bytes;
}

static void meet(const struct geo_metric *metric, const struct cch_label *from, struct geo_place from_place, const struct geo_label *to, uint32_t *travel_ms, uint32_t *length_dm)
{
    uint32_t arc;
    cch_weight way = cch_label_meet(from, &to->sides[CCH_TO]);
    geo_weight direct = geo_direct(&metric->map->net, &metric->times, from_place, to->stop, &arc), best = way >= CCH_NONE ? GEO_WEIGHT_NONE : (geo_weight)way;
    if (direct < best) best = direct;
    if (travel_ms) *travel_ms = geo_weight_ms(best);
    if (length_dm) *length_dm = geo_weight_dm(best);
}

static void unreachable(uint32_t *travel_ms, uint32_t *length_dm)
{
    if (travel_ms) *travel_ms = GEO_UNREACHABLE;
    if (length_dm) *length_dm = GEO_UNREACHABLE;
}

void geo_label_from(const struct geo_label *to, struct geo_scratch *scratch, const struct geo_snap *from, uint32_t *travel_ms, uint32_t *length_dm)
{
    struct geo_seeds seeds;
    if (!geo_has_place(to->metric->map, from)) {
        unreachable(travel_ms, length_dm);
        return;
    }
    geo_seeds_find(to->metric, CCH_FROM, geo_place_of(from), &seeds);
    cch_label_fill(&to->metric->hierarchy, CCH_FROM, seeds.seeds, seeds.count, &scratch->labels[0]);
    meet(to->metric, &scratch->labels[0], geo_place_of(from), to, travel_ms, length_dm);
}

void geo_label_pair(const struct geo_label *from, const struct geo_label *to, uint32_t *travel_ms, uint32_t *length_dm)
{
    if (from->metric == to->metric) meet(to->metric, &from->sides[CCH_FROM], from->stop, to, travel_ms, length_dm);
    else unreachable(travel_ms, length_dm);
}
