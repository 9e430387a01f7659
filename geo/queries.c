/* Distance and matrix. */
#include "map.h"

enum geo_status geo_distance(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *from, const struct geo_snap *to,
                             uint32_t *travel_ms, uint32_t *length_dm)
{
    struct geo_link last;
    uint32_t direct;
    if (!geo_has_place(metric->map, from) || !geo_has_place(metric->map, to)) return GEO_INVALID;
    geo_weight weight = geo_search_pair(&scratch->search, &metric->map->net, &metric->times, geo_place_of(from), geo_place_of(to), &last, &direct);
    if (travel_ms) *travel_ms = geo_weight_ms(weight);
    if (length_dm) *length_dm = geo_weight_dm(weight);
    return weight == GEO_WEIGHT_NONE ? GEO_NOT_FOUND : GEO_OK;
}

static uint32_t mark_targets(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *targets, uint32_t count, uint8_t mark)
{
    uint32_t marked = 0;
    for (uint32_t t = 0; t < count; t++) {
        struct geo_link ends[GEO_LINKS_MAX];
        uint32_t end_count = geo_links_to(&metric->map->net, &metric->times, geo_place_of(&targets[t]), ends);
        for (uint32_t i = 0; i < end_count; i++) {
            marked += scratch->marks[ends[i].node] != mark;
            scratch->marks[ends[i].node] = mark;
        }
    }
    return marked;
}

static geo_weight cell(const struct geo_metric *metric, const struct geo_scratch *scratch, const struct geo_snap *from, const struct geo_snap *to)
{
    struct geo_link ends[GEO_LINKS_MAX];
    uint32_t direct, end_count = geo_links_to(&metric->map->net, &metric->times, geo_place_of(to), ends);
    geo_weight best = geo_direct(&metric->map->net, &metric->times, geo_place_of(from), geo_place_of(to), &direct);
    for (uint32_t i = 0; i < end_count; i++) {
        geo_weight reached = geo_search_reached(&scratch->search, ends[i].node);
        if (reached != GEO_WEIGHT_NONE && reached + ends[i].weight < best && reached + ends[i].weight < GEO_WEIGHT_END) best = reached + ends[i].weight;
    }
    return best;
}

enum geo_status geo_matrix(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *sources, uint32_t source_count,
                           const struct geo_snap *targets, uint32_t target_count, uint32_t *travel_ms, uint32_t *length_dm)
{
    if ((uint64_t)source_count * target_count > GEO_MATRIX_MAX) return GEO_LIMIT;
    for (uint32_t s = 0; s < source_count; s++)
        if (!geo_has_place(metric->map, &sources[s])) return GEO_INVALID;
    for (uint32_t t = 0; t < target_count; t++)
        if (!geo_has_place(metric->map, &targets[t])) return GEO_INVALID;
    uint32_t marked = mark_targets(metric, scratch, targets, target_count, 1);
    for (uint32_t s = 0; s < source_count && target_count; s++) {
        geo_search_from(&scratch->search, &metric->map->net, &metric->times, geo_place_of(&sources[s]), scratch->marks, marked);
        for (uint32_t t = 0; t < target_count; t++) {
            geo_weight weight = cell(metric, scratch, &sources[s], &targets[t]);
            travel_ms[(uint64_t)s * target_count + t] = geo_weight_ms(weight);
            if (length_dm) length_dm[(uint64_t)s * target_count + t] = geo_weight_dm(weight);
        }
    }
    mark_targets(metric, scratch, targets, target_count, 0);
    return GEO_OK;
}

static void cut(uint32_t count, uint32_t limit_ms, uint32_t *node_ms)
{
    for (uint32_t n = 0; n < count; n++)
        if (node_ms[n] > limit_ms) node_ms[n] = GEO_UNREACHABLE;
}

enum geo_status geo_reach_from(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *from, uint32_t limit_ms, uint32_t *node_ms)
{
    uint32_t count = metric->map->file.graph.node_count;
    if (!geo_has_place(metric->map, from)) return GEO_INVALID;
    geo_search_from(&scratch->search, &metric->map->net, &metric->times, geo_place_of(from), NULL, 0);
    for (uint32_t n = 0; n < count; n++) node_ms[n] = geo_weight_ms(geo_search_reached(&scratch->search, n));
    cut(count, limit_ms, node_ms);
    return GEO_OK;
}

enum geo_status geo_reach_to(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *to, uint32_t limit_ms, uint32_t *node_ms)
{
    uint32_t count = metric->map->file.graph.node_count;
    if (!geo_has_place(metric->map, to)) return GEO_INVALID;
    geo_search_to(&scratch->search, &metric->map->net, &metric->times, geo_place_of(to), NULL);
    for (uint32_t n = 0; n < count; n++) node_ms[n] = geo_weight_ms(geo_search_reached(&scratch->search, n));
    cut(count, limit_ms, node_ms);
    return GEO_OK;
}
