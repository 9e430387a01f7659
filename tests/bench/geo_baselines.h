/* What a map's queries are measured against in the same run: a bucket many-to-many on the same hierarchy, and Dijkstra. */
#ifndef TESTS_BENCH_GEO_BASELINES_H
#define TESTS_BENCH_GEO_BASELINES_H

#include "geo/map.h"

/** Buckets (Knopp, Sanders, Schultes, Schulz, Wagner 2007): each target's label leaves its weights at the nodes, each source's looks into them. Milliseconds. */
void bucket_matrix(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *sources, uint32_t source_count, const struct geo_snap *targets,
                   uint32_t target_count, uint32_t *ms);
/** Point to point by Dijkstra with a stop at the target. */
uint32_t dijkstra_pair(const struct geo_metric *metric, struct geo_search *search, const struct geo_snap *from, const struct geo_snap *to);

#endif
