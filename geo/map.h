/* What lies behind geo.h's opaque names. */
#ifndef GEO_MAP_H
#define GEO_MAP_H

#include "geo/geo.h"
#include "geo_file/geo_file.h"
#include "geo_query/geo_query.h"

struct geo_map {
    int references;           /* atomic */
    struct geo_file file;
    struct geo_net net;
};

struct geo_metric {
    int references;           /* atomic */
    struct geo_map *map;
    struct geo_times times;
    geo_weight *pass;         /* times.pass and .travel_ms, owned */
    uint32_t *travel_ms;
};

struct geo_scratch {
    struct geo_search search;
    uint8_t *marks;           /* by node: targets of a matrix row */
};

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
