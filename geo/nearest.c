/* The k nearest of many places to one, by exact travel time: each source asks the nodes above it, which remember for the next. */
#include "map.h"

#include <assert.h>

static bool is_nearer(const struct geo_near *a, const struct geo_near *b)
{
    if (a->travel_ms != b->travel_ms) return a->travel_ms < b->travel_ms;
    return a->length_dm != b->length_dm ? a->length_dm < b->length_dm : a->source < b->source;
}

/* The farthest of the kept lies on top of a heap; sink it from `at`. */
static void sink(struct geo_near *heap, uint32_t count, uint32_t at)
{
    struct geo_near item = heap[at];
    for (uint32_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && is_nearer(&heap[child], &heap[child + 1])) child++;
        if (!is_nearer(&item, &heap[child])) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = item;
}

static void keep(struct geo_near *heap, uint32_t *count, uint32_t capacity, struct geo_near found)
{
    if (*count == capacity) {
        if (!is_nearer(&found, &heap[0])) return;
        heap[0] = found;
        sink(heap, *count, 0);
        return;
    }
    uint32_t at = (*count)++;
    for (; at > 0 && is_nearer(&heap[(at - 1) / 2], &found); at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
    heap[at] = found;
}

static void sort(struct geo_near *heap, uint32_t count)
{
    while (count > 1) {
        struct geo_near farthest = heap[0];
        heap[0] = heap[--count];
        heap[count] = farthest;
        sink(heap, count, 0);
    }
}

static geo_weight by_junctions(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *source)
{
    struct geo_seeds seeds;
    geo_seeds_find(metric, CCH_FROM, geo_place_of(source), &seeds);
    cch_weight best = CCH_NONE;
    for (uint32_t i = 0; i < seeds.count; i++) {
        cch_weight way = seeds.seeds[i].weight + cch_pull_weight(&metric->hierarchy, scratch->pull, seeds.seeds[i].rank);
        if (way < best) best = way;
    }
    return best >= CCH_NONE ? GEO_WEIGHT_NONE : (geo_weight)best;
}

enum geo_status geo_nearest(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *sources, uint32_t source_count, const struct geo_snap *to,
                            uint32_t limit_ms, struct geo_near *out, uint32_t capacity, uint32_t *count)
{
    struct geo_seeds seeds;
    *count = 0;
    if (!geo_has_place(metric->map, to)) return GEO_INVALID;
    for (uint32_t i = 0; i < source_count; i++)
        if (!geo_has_place(metric->map, &sources[i])) return GEO_INVALID;
    assert(scratch->node_count == metric->map->cch.node_count);
    if (capacity == 0 || source_count == 0) return GEO_OK;
    geo_seeds_find(metric, CCH_TO, geo_place_of(to), &seeds);
    cch_label_fill(&metric->hierarchy, CCH_TO, seeds.seeds, seeds.count, &scratch->labels[1]);
    cch_pull_begin(&metric->hierarchy, scratch->pull, &scratch->labels[1]);
    for (uint32_t i = 0; i < source_count; i++) {
        uint32_t arc;
        geo_weight way = by_junctions(metric, scratch, &sources[i]), direct = geo_direct(&metric->map->net, &metric->times, geo_place_of(&sources[i]), geo_place_of(to), &arc);
        if (direct < way) way = direct;
        if (way != GEO_WEIGHT_NONE && geo_weight_ms(way) <= limit_ms) keep(out, count, capacity, (struct geo_near){i, geo_weight_ms(way), geo_weight_dm(way)});
    }
    sort(out, *count);
    return GEO_OK;
}
