/* Small random cities for geo's tests: one-ways, two-ways with different times, parallel roads, loops, and copies of arcs as turn restrictions make them. */
#ifndef TESTS_GEO_RANDOM_GRAPH_H
#define TESTS_GEO_RANDOM_GRAPH_H

#include "geo/geo.h"

uint32_t random_below(uint64_t *state, uint32_t bound); /* splitmix64; bound > 0 */
/** About `roads` roads between `nodes` junctions, then `splits` junctions split. Caller frees with geo_graph_free. */
struct geo_graph *random_graph(uint64_t seed, uint32_t nodes, uint32_t roads, uint32_t splits);
/** Any place of any arc, copies included, with its point. */
struct geo_snap random_snap(uint64_t *state, const struct geo_graph *graph);
/** The point at `offset` of an arc, found by walking its shape: independent of the code under test. */
struct geo_point walk_to(const struct geo_graph *graph, uint32_t arc, uint32_t offset);

/** A map file of the graph in a temporary folder, opened. */
struct open_map {
    char path[64];
    struct geo_map *map;
    struct geo_metric *metric;
    struct geo_scratch *scratch;
};
void open_map_init(struct open_map *out, const struct geo_graph *graph);
void open_map_deinit(struct open_map *open);

#endif
