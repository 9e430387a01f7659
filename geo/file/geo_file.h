/** geo_file: the map file. A header, a table of sections, the sections: each a flat array, 8-byte aligned, with its own checksum.
 *
 *  Little-endian, versioned, the same graph gives the same bytes. Opening maps the file and verifies everything that can be verified without
 *  looking at indices; geo_file_check looks at those too.
 */
#ifndef GEO_FILE_GEO_FILE_H
#define GEO_FILE_GEO_FILE_H

#include "geo_core/geo_core.h"
#include "geo_graph/geo_graph.h"

enum geo_section { GEO_SECTION_META, GEO_SECTION_NODES, GEO_SECTION_ARCS, GEO_SECTION_SHAPE, GEO_SECTION_NAMES, GEO_SECTION_TREE,
    GEO_SECTION_RANK, GEO_SECTION_UP_FIRST, GEO_SECTION_UP_HEAD, GEO_SECTION_PLACE, GEO_SECTION_PIECES, GEO_SECTION_COUNT };

/** A node of the packed R-tree over road segments (levels from the leaves up, GEO_TREE_FANOUT children each). */
enum { GEO_PLACE_WHOLE = 1 << 16, GEO_TREE_FANOUT = 4, GEO_FILE_VERSION = 3 };
struct geo_tree_box {
    struct geo_point low, high;
};
/** A leaf: one segment of an arc's shape, in Hilbert order. */
struct geo_tree_leaf {
    struct geo_point from, to;
    uint32_t arc;             /* the representative, of a road pair the one with the smaller number */
    uint32_t segment;         /* 0.. from the arc's tail */
    uint32_t begin, end;      /* the segment's place along the whole arc, of GEO_PLACE_WHOLE, by length */
};

/** The contraction hierarchy's topology, as geo_cch knows it. */
struct geo_file_hierarchy {
    uint32_t arc_count;
    const uint32_t *rank;     /* by node */
    const uint32_t *up_first; /* by rank, one more */
    const uint32_t *up_head;  /* by arc of the hierarchy */
    const uint32_t *place;    /* by arc of the graph */
};

struct geo_file {
    const uint8_t *data;
    uint64_t size;
    struct geo_graph graph;           /* pointers into data */
    uint32_t leaf_count, box_count, level_count;
    const struct geo_tree_leaf *leaves;
    const struct geo_tree_box *boxes; /* level by level, leaves' parents first */
    struct geo_file_hierarchy hierarchy;
};

geo_must_use enum geo_status geo_file_write(const struct geo_graph *graph, const struct geo_tree_leaf *leaves, uint32_t leaf_count,
                                            const struct geo_tree_box *boxes, uint32_t box_count, const struct geo_file_hierarchy *hierarchy, const char *path,
                                            struct geo_error *error);
geo_must_use enum geo_status geo_file_open(const char *path, struct geo_file *out, struct geo_error *error);
geo_must_use enum geo_status geo_file_check(const struct geo_file *file, struct geo_error *error);
void geo_file_close(struct geo_file *file);

/* shared by writing and reading */
uint64_t geo_file_checksum(const void *data, uint64_t size);
#endif
