/** geo_snap: a packed R-tree over road segments in Hilbert order (Kamel and Faloutsos 1993): points to roads in microseconds. */
#ifndef GEO_SNAP_GEO_SNAP_H
#define GEO_SNAP_GEO_SNAP_H

#include "geo_core/geo_core.h"
#include "geo_file/geo_file.h"
#include "geo_graph/geo_graph.h"

/** The tree of a graph's snappable roads: each two-way road once. The caller frees both arrays with free(). */
geo_must_use enum geo_status geo_snap_build(const struct geo_graph *graph, struct geo_tree_leaf **leaves, uint32_t *leaf_count, struct geo_tree_box **boxes,
                                            uint32_t *box_count, struct geo_error *error);

/** Every leaf lies on its road's segment, every box holds what is below it. `file` has passed geo_file_check. */
geo_must_use enum geo_status geo_snap_check(const struct geo_file *file, struct geo_error *error);

struct geo_snap_hit {
    uint32_t arc, segment;
    uint32_t offset;              /* along the arc, of GEO_PLACE_WHOLE */
    double distance_m, along;     /* along: 0..1 on the segment */
    int side;                     /* 0 on the line, 1 left, 2 right */
    struct geo_point at;
    const struct geo_tree_leaf *leaf;
};
enum { GEO_SNAP_HITS_MAX = 64 };
/** Nearest first, one hit a road, within max_m; at most min(capacity, GEO_SNAP_HITS_MAX). */
uint32_t geo_snap_find(const struct geo_file *file, struct geo_point at, double max_m, struct geo_snap_hit *hits, uint32_t capacity);

#endif
