/* What lies behind geo.h's opaque names. */
#ifndef GEO_MAP_H
#define GEO_MAP_H

#include "geo/geo.h"
#include "geo_cch/geo_cch.h"
#include "geo_file/geo_file.h"
#include "geo_query/geo_query.h"

struct geo_map {
    int references;           /* atomic */
    struct geo_file file;
    struct geo_net net;
    struct geo_cch cch;
};

struct geo_metric {
    int references;           /* atomic */
    struct geo_map *map;
    struct geo_times times;
    geo_weight *pass;         /* times.pass and .travel_ms, owned */
    uint32_t *travel_ms;
    struct cch_metric hierarchy;
};

/** How a place hangs on the hierarchy. */
struct geo_seeds {
    uint32_t count;
    struct cch_seed seeds[CCH_SEEDS_MAX];
    uint32_t arcs[CCH_SEEDS_MAX]; /* by which each seed's node is reached */
};
void geo_seeds_find(const struct geo_metric *metric, enum cch_direction direction, struct geo_place place, struct geo_seeds *out);

/** Places of a matrix; grows to the largest. */
struct geo_list {
    uint32_t *first;
    struct cch_seed *seeds;
    uint64_t first_capacity, seed_capacity;
};

struct geo_scratch {
    uint32_t node_count;
    struct cch_label labels[2];   /* room for any place */
    struct cch_trace *trace;
    struct cch_sweep *sweep;
    struct cch_pull *pull;
    cch_weight *by_node;
    struct geo_list sources, targets;
    uint32_t *roads;          /* targets by road: a hash table, then a list */
    uint64_t road_capacity;
};

/** A path: its arcs in order, the first and the last in part. */
struct geo_path {
    struct geo_stretch {
        uint32_t arc, from, to;   /* offsets along the arc */
        bool is_end;              /* one arrives on it: its head's wait is not paid, even at its very end */
    } *at;
    uint32_t count;
};
/** Fill the route's points, steps and arcs; its travel_ms and length_dm are there. On failure the route is freed by the caller. */
geo_must_use enum geo_status geo_route_draw(const struct geo_metric *metric, const struct geo_path *path, const struct geo_snap *from, const struct geo_snap *to,
                                            struct geo_route *route);

/** A snap may come from another map (kept over a change of maps): then it is refused, never followed. */
static inline bool geo_has_place(const struct geo_map *map, const struct geo_snap *snap)
{
    return snap->arc < map->file.graph.arc_count && snap->offset <= GEO_OFFSET_ONE;
}
static inline struct geo_place geo_place_of(const struct geo_snap *snap)
{
    return (struct geo_place){snap->arc, snap->offset};
}
static inline struct geo_point geo_arc_point(const struct geo_graph *graph, const struct geo_arc *arc, uint32_t i)
{
    return graph->shape[arc->shape_first + (arc->reversed ? arc->shape_count - 1 - i : i)];
}

#endif
