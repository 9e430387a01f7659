/* Labels: what it takes from a stop to the nodes above it, and from those to it. Two labels meet without a search. */
#include "map.h"

#include <stdlib.h>

struct geo_label {
    const struct geo_metric *metric; /* holds a reference */
    struct geo_place stop;
    struct cch_label sides[2];       /* by cch_direction; arrays behind the struct */
    size_t bytes;
};

static size_t side_bytes(const struct geo_cch *cch, const struct geo_seeds *seeds)
{
    return (size_t)cch_label_size(cch, seeds->seeds, seeds->count) * (sizeof(cch_weight) + sizeof(uint32_t)) + seeds->count * sizeof(struct cch_arm) + sizeof(cch_weight);
}

static char *side_fill(const struct geo_metric *metric, enum cch_direction direction, const struct geo_seeds *seeds, struct cch_label *side, char *memory)
{
    uint32_t size = cch_label_size(&metric->map->cch, seeds->seeds, seeds->count);
    side->weights = (cch_weight *)(void *)memory;
    side->arms = (struct cch_arm *)(void *)(side->weights + size);
    side->ranks = (uint32_t *)(void *)(side->arms + seeds->count);
    cch_label_fill(&metric->hierarchy, direction, seeds->seeds, seeds->count, side);
    return memory + (side_bytes(&metric->map->cch, seeds) & ~(sizeof(cch_weight) - 1));
}

enum geo_status geo_label_new(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *stop, struct geo_label **out)
{
    (void)scratch;
    struct geo_seeds seeds[2];
    if (!geo_has_place(metric->map, stop)) return GEO_INVALID;
    geo_seeds_find(metric, CCH_FROM, geo_place_of(stop), &seeds[CCH_FROM]);
    geo_seeds_find(metric, CCH_TO, geo_place_of(stop), &seeds[CCH_TO]);
    size_t bytes = sizeof(struct geo_label) + side_bytes(&metric->map->cch, &seeds[CCH_FROM]) + side_bytes(&metric->map->cch, &seeds[CCH_TO]);
    struct geo_label *label = malloc(bytes);
    if (!label) return GEO_NO_MEMORY;
    label->metric = geo_metric_ref((struct geo_metric *)(uintptr_t)metric);
    label->stop = geo_place_of(stop);
    label->bytes = bytes;
    char *memory = side_fill(metric, CCH_FROM, &seeds[CCH_FROM], &label->sides[CCH_FROM], (char *)(label + 1));
    (void)side_fill(metric, CCH_TO, &seeds[CCH_TO], &label->sides[CCH_TO], memory);
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
