/* Simple, and as one would write them: no lanes, no sweep. */
#include "tests/bench/geo_baselines.h"

#include <stdlib.h>
#include <string.h>

struct entry { uint32_t rank, target; cch_weight weight; };

static void label_of(const struct geo_metric *metric, struct cch_label *label, enum cch_direction direction, const struct geo_snap *snap)
{
    struct geo_seeds seeds;
    geo_seeds_find(metric, direction, geo_place_of(snap), &seeds);
    cch_label_fill(&metric->hierarchy, direction, seeds.seeds, seeds.count, label);
}

void bucket_matrix(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *sources, uint32_t source_count, const struct geo_snap *targets,
                   uint32_t target_count, uint32_t *ms)
{
    const struct geo_cch *cch = &metric->map->cch;
    uint32_t *first = calloc((size_t)cch->node_count + 2, sizeof *first);
    size_t count = 0, capacity = (size_t)target_count * cch->height + 1;
    struct entry *found = malloc(capacity * sizeof *found), *buckets = NULL;
    uint64_t *best = malloc(target_count * sizeof *best);
    if (!first || !found || !best) abort();
    for (uint32_t t = 0; t < target_count; t++) {
        const struct cch_label *label = &scratch->labels[0];
        label_of(metric, &scratch->labels[0], CCH_TO, &targets[t]);
        for (uint32_t i = 0; i < label->size; i++) {
            if (label->weights[i] >= CCH_NONE) continue;
            if (count == capacity && !(found = realloc(found, (capacity *= 2) * sizeof *found))) abort();
            first[label->ranks[i] + 2]++;
            found[count++] = (struct entry){label->ranks[i], t, label->weights[i]};
        }
    }
    for (size_t r = 2; r < (size_t)cch->node_count + 2; r++) first[r] += first[r - 1];
    buckets = malloc((count + 1) * sizeof *buckets);
    if (!buckets) abort();
    for (size_t i = 0; i < count; i++) buckets[first[found[i].rank + 1]++] = found[i];
    for (uint32_t s = 0; s < source_count; s++) {
        const struct cch_label *label = &scratch->labels[0];
        for (uint32_t t = 0; t < target_count; t++) best[t] = (uint64_t)CCH_NONE;
        label_of(metric, &scratch->labels[0], CCH_FROM, &sources[s]);
        for (uint32_t i = 0; i < label->size; i++) {
            if (label->weights[i] >= CCH_NONE) continue;
            for (uint32_t b = first[label->ranks[i]]; b < first[label->ranks[i] + 1]; b++) {
                uint64_t way = (uint64_t)(label->weights[i] + buckets[b].weight);
                if (way < best[buckets[b].target]) best[buckets[b].target] = way;
            }
        }
        for (uint32_t t = 0; t < target_count; t++) {
            uint32_t ignored;
            geo_weight direct = geo_direct(&metric->map->net, &metric->times, geo_place_of(&sources[s]), geo_place_of(&targets[t]), &ignored);
            geo_weight weight = best[t] >= (uint64_t)CCH_NONE ? GEO_WEIGHT_NONE : best[t];
            ms[(size_t)s * target_count + t] = geo_weight_ms(direct < weight ? direct : weight);
        }
    }
    free(first);
    free(found);
    free(buckets);
    free(best);
}

uint32_t dijkstra_pair(const struct geo_metric *metric, struct geo_search *search, const struct geo_snap *from, const struct geo_snap *to)
{
    struct geo_link last;
    uint32_t direct;
    return geo_weight_ms(geo_search_pair(search, &metric->map->net, &metric->times, geo_place_of(from), geo_place_of(to), &last, &direct));
}
