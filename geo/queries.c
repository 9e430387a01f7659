/* Distance, matrix, reach: places become seeds of the hierarchy; the way along one road that passes no junction is weighed apart. */
#include "map.h"

#include <assert.h>
#include <stdlib.h>

void geo_seeds_find(const struct geo_metric *metric, enum cch_direction direction, struct geo_place place, struct geo_seeds *out)
{
    struct geo_link links[GEO_LINKS_MAX];
    const struct geo_net *net = &metric->map->net;
    uint32_t count = direction == CCH_FROM ? geo_links_from(net, &metric->times, place, links) : geo_links_to(net, &metric->times, place, links);
    out->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (links[i].weight >= (geo_weight)CCH_NONE) continue;
        out->seeds[out->count] = (struct cch_seed){metric->map->cch.rank[links[i].node], (cch_weight)links[i].weight};
        out->arcs[out->count++] = links[i].arc;
    }
}

static geo_weight answer_of(cch_weight by_junctions, geo_weight direct)
{
    geo_weight weight = by_junctions >= CCH_NONE ? GEO_WEIGHT_NONE : (geo_weight)by_junctions;
    return direct < weight ? direct : weight;
}

enum geo_status geo_distance(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *from, const struct geo_snap *to,
                             uint32_t *travel_ms, uint32_t *length_dm)
{
    struct geo_seeds seeds;
    uint32_t direct;
    if (!geo_has_place(metric->map, from) || !geo_has_place(metric->map, to)) return GEO_INVALID;
    assert(scratch->node_count == metric->map->cch.node_count); /* a scratch belongs to one map */
    geo_seeds_find(metric, CCH_FROM, geo_place_of(from), &seeds);
    cch_label_fill(&metric->hierarchy, CCH_FROM, seeds.seeds, seeds.count, &scratch->labels[0]);
    geo_seeds_find(metric, CCH_TO, geo_place_of(to), &seeds);
    cch_label_fill(&metric->hierarchy, CCH_TO, seeds.seeds, seeds.count, &scratch->labels[1]);
    geo_weight weight = answer_of(cch_label_meet(&scratch->labels[0], &scratch->labels[1]),
                                  geo_direct(&metric->map->net, &metric->times, geo_place_of(from), geo_place_of(to), &direct));
    if (travel_ms) *travel_ms = geo_weight_ms(weight);
    if (length_dm) *length_dm = geo_weight_dm(weight);
    return weight == GEO_WEIGHT_NONE ? GEO_NOT_FOUND : GEO_OK;
}

/* ---- matrix ---- */

static bool grow(void *at, uint64_t *capacity, uint64_t count, size_t size)
{
    void **array = at;
    if (count <= *capacity) return true;
    free(*array);
    *capacity = 0;
    *array = malloc((count + count / 4) * size);
    if (!*array) return false;
    *capacity = count + count / 4;
    return true;
}

static bool list_fill(const struct geo_metric *metric, enum cch_direction direction, const struct geo_snap *snaps, uint32_t count, struct geo_list *list)
{
    uint64_t copies = 0;
    const struct geo_net *net = &metric->map->net;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t twin = net->graph->arcs[snaps[i].arc].twin, back = net->graph->arcs[twin].reverse;
        copies += net->copy_first[twin + 1] - net->copy_first[twin];
        if (back == GEO_NONE) continue;
        back = net->graph->arcs[back].twin;
        copies += net->copy_first[back + 1] - net->copy_first[back];
    }
    if (!grow(&list->first, &list->first_capacity, (uint64_t)count + 1, sizeof *list->first) || !grow(&list->seeds, &list->seed_capacity, copies + 1, sizeof *list->seeds)) return false;
    uint32_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct geo_seeds seeds;
        geo_seeds_find(metric, direction, geo_place_of(&snaps[i]), &seeds);
        list->first[i] = used;
        for (uint32_t k = 0; k < seeds.count; k++) list->seeds[used++] = seeds.seeds[k];
    }
    list->first[count] = used;
    return true;
}

/* One number for a road, whichever of its arcs is named. */
static uint32_t road_of(const struct geo_graph *graph, uint32_t arc)
{
    uint32_t twin = graph->arcs[arc].twin, back = graph->arcs[twin].reverse;
    if (back == GEO_NONE) return twin;
    back = graph->arcs[back].twin;
    return back < twin ? back : twin;
}

/* Cells whose two places lie on the same road: targets are hashed by road. */
static bool directs_fill(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *sources, uint32_t source_count,
                         const struct geo_snap *targets, uint32_t target_count, uint32_t *travel_ms, uint32_t *length_dm)
{
    const struct geo_net *net = &metric->map->net;
    uint32_t slots = 16;
    while (slots < target_count * 2 && slots < UINT32_C(1) << 30) slots *= 2;
    if (!grow(&scratch->roads, &scratch->road_capacity, (uint64_t)slots + target_count, sizeof *scratch->roads)) return false;
    uint32_t *slot = scratch->roads, *next = scratch->roads + slots;
    for (uint32_t i = 0; i < slots; i++) slot[i] = GEO_NONE;
    for (uint32_t t = 0; t < target_count; t++) {
        uint32_t at = road_of(net->graph, targets[t].arc) * UINT32_C(2654435761) & (slots - 1);
        next[t] = slot[at];
        slot[at] = t;
    }
    for (uint32_t s = 0; s < source_count; s++) {
        uint32_t road = road_of(net->graph, sources[s].arc), ignored;
        for (uint32_t t = slot[road * UINT32_C(2654435761) & (slots - 1)]; t != GEO_NONE; t = next[t]) {
            geo_weight direct = geo_direct(net, &metric->times, geo_place_of(&sources[s]), geo_place_of(&targets[t]), &ignored);
            uint64_t cell = (uint64_t)s * target_count + t;
            geo_weight other = length_dm ? geo_weight_of(travel_ms[cell], length_dm[cell]) : (geo_weight)travel_ms[cell] << 32 | UINT32_MAX;
            if (direct == GEO_WEIGHT_NONE || direct >= other) continue;
            travel_ms[cell] = geo_weight_ms(direct);
            if (length_dm) length_dm[cell] = geo_weight_dm(direct);
        }
    }
    return true;
}

enum geo_status geo_matrix(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *sources, uint32_t source_count,
                           const struct geo_snap *targets, uint32_t target_count, uint32_t *travel_ms, uint32_t *length_dm)
{
    if ((uint64_t)source_count * target_count > GEO_MATRIX_MAX) return GEO_LIMIT;
    for (uint32_t s = 0; s < source_count; s++)
        if (!geo_has_place(metric->map, &sources[s])) return GEO_INVALID;
    for (uint32_t t = 0; t < target_count; t++)
        if (!geo_has_place(metric->map, &targets[t])) return GEO_INVALID;
    if (source_count == 0 || target_count == 0) return GEO_OK;
    assert(scratch->node_count == metric->map->cch.node_count);
    if (!list_fill(metric, CCH_FROM, sources, source_count, &scratch->sources) || !list_fill(metric, CCH_TO, targets, target_count, &scratch->targets)) return GEO_NO_MEMORY;
    struct cch_places from = {source_count, scratch->sources.first, scratch->sources.seeds}, to = {target_count, scratch->targets.first, scratch->targets.seeds};
    enum geo_status rc = cch_matrix(&metric->hierarchy, scratch->sweep, &from, &to, travel_ms, length_dm);
    if (rc != GEO_OK) return rc;
    return directs_fill(metric, scratch, sources, source_count, targets, target_count, travel_ms, length_dm) ? GEO_OK : GEO_NO_MEMORY;
}

/* ---- one to all ---- */

static enum geo_status reach(const struct geo_metric *metric, struct geo_scratch *scratch, enum cch_direction direction, const struct geo_snap *place, uint32_t limit_ms,
                             uint32_t *node_ms)
{
    struct geo_seeds seeds;
    if (!geo_has_place(metric->map, place)) return GEO_INVALID;
    assert(scratch->node_count == metric->map->cch.node_count);
    geo_seeds_find(metric, direction, geo_place_of(place), &seeds);
    cch_reach(&metric->hierarchy, direction, seeds.seeds, seeds.count, scratch->by_node);
    for (uint32_t n = 0; n < scratch->node_count; n++) {
        cch_weight weight = scratch->by_node[n];
        uint32_t ms = (uint32_t)(weight >> 32);
        node_ms[n] = weight >= CCH_NONE || ms > limit_ms ? GEO_UNREACHABLE : ms;
    }
    return GEO_OK;
}

enum geo_status geo_reach_from(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *from, uint32_t limit_ms, uint32_t *node_ms)
{
    return reach(metric, scratch, CCH_FROM, from, limit_ms, node_ms);
}

enum geo_status geo_reach_to(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *to, uint32_t limit_ms, uint32_t *node_ms)
{
    return reach(metric, scratch, CCH_TO, to, limit_ms, node_ms);
}
