/** geo: exact travel times, routes and snapping on one city's road network. Standalone: it needs no room of the scheduler.
 *
 *  A *map* is the topology in a memory-mapped file; a *metric* is its travel times, immutable and swapped whole; a *scratch* is one thread's
 *  search memory, so that queries allocate nothing. Maps and metrics are shared by threads and reference-counted. All times are uint32
 *  milliseconds, lengths decimetres; GEO_UNREACHABLE means that no way leads there. Distance, route, matrix and label of the same two snapped
 *  points agree to the unit. No function logs.
 */
#ifndef GEO_GEO_H
#define GEO_GEO_H

#include "geo_core/geo_core.h"
#include "geo_graph/geo_graph.h"

struct geo_map;
struct geo_metric;
struct geo_scratch;

/* ---- maps ---- */

enum { GEO_MAP_VERSION = 3, GEO_MATRIX_MAX = 100000000 /* cells of one call: 400 MB of answers */ };

/** Write the map file: versioned, little-endian, a checksum for each section; atomic (written aside, synced, renamed). The same graph gives the
 *  same bytes. Builds the snap index, which lies in the file. */
geo_must_use enum geo_status geo_map_write(const struct geo_graph *graph, const char *path, struct geo_error *error);
/** Map the file into memory. Verifies the header, every section's bounds and checksum, so that a flipped bit is refused (GEO_INVALID). */
geo_must_use enum geo_status geo_map_open(const char *path, struct geo_map **out, struct geo_error *error);
/** All that open verifies, and every index in it. */
geo_must_use enum geo_status geo_map_check(const char *path, struct geo_error *error);
struct geo_map *geo_map_ref(struct geo_map *map);
void geo_map_unref(struct geo_map *map); /* NULL is fine */
/** The graph as it lies in the file; borrowed. */
const struct geo_graph *geo_map_graph(const struct geo_map *map);

struct geo_map_info {
    enum geo_profile profile;
    uint32_t version, node_count, arc_count, shape_count, snappable_count;
    struct geo_point south_west, north_east;
    uint64_t bytes;
    struct geo_graph_stats stats;
};
void geo_map_info(const struct geo_map *map, struct geo_map_info *out);
/** PREFIX.gr and PREFIX.co of the 9th DIMACS challenge: nodes from 1, weights in ms, coordinates in 1e-6 degrees. */
geo_must_use enum geo_status geo_map_export_dimacs(const struct geo_map *map, const char *prefix, struct geo_error *error);

/* ---- metrics and scratch ---- */

/** A metric is a whole answer to "how long does each arc take now". Building one never disturbs queries on another: build it in the background,
 *  swap the pointer, let go of the old one. */
geo_must_use enum geo_status geo_metric_new(struct geo_map *map, struct geo_metric **out, struct geo_error *error); /* free flow: the map's own times */
/** travel_ms by arc (arc_count of them, waits included, turns not); GEO_UNREACHABLE closes an arc: nobody passes, but who stops on it gets in and out of
 *  it at the map's own time. Other times are cut to GEO_FINITE_MAX - 1. */
geo_must_use enum geo_status geo_metric_timed(struct geo_map *map, const uint32_t *travel_ms, struct geo_metric **out, struct geo_error *error);
/** The same by several threads, which are gone when it returns. */
geo_must_use enum geo_status geo_metric_timed_by(struct geo_map *map, const uint32_t *travel_ms, unsigned threads, struct geo_metric **out, struct geo_error *error);
struct geo_arc_time { uint32_t arc, travel_ms; };
/** The old metric with some arcs changed; usable at once, in a fraction of a full build. Copies of an arc are changed together (whichever is named). */
geo_must_use enum geo_status geo_metric_change(const struct geo_metric *old, const struct geo_arc_time *changes, uint32_t count, struct geo_metric **out,
                                               struct geo_error *error);
uint32_t geo_metric_travel_ms(const struct geo_metric *metric, uint32_t arc); /* GEO_UNREACHABLE: closed */
/** No pair of points lies nearer in time than its straight line at this speed, millimetres a second: that of the fastest arc that can be passed (at least 1).
 *  Looks at every arc; a length or a time that was rounded counts as the faster one. */
uint32_t geo_metric_speed_max_mmps(const struct geo_metric *metric);
struct geo_metric *geo_metric_ref(struct geo_metric *metric);
void geo_metric_unref(struct geo_metric *metric);
struct geo_map *geo_metric_map(const struct geo_metric *metric); /* borrowed */

struct geo_scratch *geo_scratch_new(const struct geo_map *map); /* NULL: no memory */
void geo_scratch_free(struct geo_scratch *scratch);

/* ---- snapping ---- */

enum { GEO_OFFSET_ONE = 1 << 16 };

/** A point of the road network. A two-way road is an arc and its reverse: the snap names one, both may be used. */
struct geo_snap {
    uint32_t arc;
    uint32_t offset;          /* 0..GEO_OFFSET_ONE along the arc, from tail to head */
    uint32_t distance_dm;     /* from the point asked */
    struct geo_point at;
    uint8_t side;             /* of the arc's direction: 0 on the line, 1 left, 2 right */
};

/** The nearest road on which a stop may lie. GEO_NOT_FOUND with the distance found if it is farther than max_m. Any thread. */
geo_must_use enum geo_status geo_snap_nearest(const struct geo_map *map, struct geo_point at, uint32_t max_m, struct geo_snap *out, struct geo_error *error);
/** Nearest first, one for each road, at most `capacity` and 64; returns how many. Any thread. */
uint32_t geo_snap_candidates(const struct geo_map *map, struct geo_point at, uint32_t max_m, struct geo_snap *out, uint32_t capacity);

/* ---- queries ---- */

/** Fastest way between two snapped points; either answer may be NULL. GEO_NOT_FOUND if there is none, GEO_INVALID (here and below) if a snap is not
 *  of this map: whoever keeps snaps over a change of maps snaps again. */
geo_must_use enum geo_status geo_distance(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *from, const struct geo_snap *to,
                                          uint32_t *travel_ms, uint32_t *length_dm);
/** Row-major, sources x targets; length_dm may be NULL. GEO_LIMIT beyond GEO_MATRIX_MAX cells. */
geo_must_use enum geo_status geo_matrix(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *sources, uint32_t source_count,
                                        const struct geo_snap *targets, uint32_t target_count, uint32_t *travel_ms, uint32_t *length_dm);

/** Milliseconds from one place to every node, or to it from every node: `node_ms` has node_count numbers, GEO_UNREACHABLE where no way leads or beyond limit_ms. */
geo_must_use enum geo_status geo_reach_from(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *from, uint32_t limit_ms, uint32_t *node_ms);
geo_must_use enum geo_status geo_reach_to(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *to, uint32_t limit_ms, uint32_t *node_ms);

struct geo_near { uint32_t source, travel_ms, length_dm; };
/** Which of the sources (couriers) are soonest at a place: at most `capacity` of them that need at most limit_ms (GEO_UNREACHABLE: any that get there), soonest first,
 *  then shortest, then in their order. Each time is what geo_distance says. Allocates nothing. */
geo_must_use enum geo_status geo_nearest(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *sources, uint32_t source_count,
                                         const struct geo_snap *to, uint32_t limit_ms, struct geo_near *out, uint32_t capacity, uint32_t *count);

struct geo_step {
    const char *name;         /* of the road; in the map, which must outlive the route */
    uint32_t travel_ms, length_dm, point_first;
    uint8_t road_class;
};
struct geo_route_arc { uint32_t arc, travel_ms, length_dm, point_first; };
struct geo_route {
    uint32_t travel_ms, length_dm;
    uint32_t point_count, step_count, arc_count;
    struct geo_point *points; /* from the first snapped point to the second; at least two */
    uint32_t *at_ms;          /* per point, from the start; the last is travel_ms */
    struct geo_step *steps;   /* one for each stretch of the same name; the sums are the route's */
    struct geo_route_arc *arcs; /* the arcs it takes, the first and the last in part; the sums are the route's */
};
geo_must_use enum geo_status geo_route_find(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *from, const struct geo_snap *to,
                                            struct geo_route *out, struct geo_error *error);
void geo_route_free(struct geo_route *route); /* what it owns, not itself */

/** A stop's two upward search spaces: what it takes from it to the junctions above it in the hierarchy, and from those to it. Two labels answer for
 *  each other without a search, in a fraction of a microsecond. Holds its metric. Immutable; any thread may read it. */
struct geo_label;
geo_must_use enum geo_status geo_label_new(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *stop, struct geo_label **out);
void geo_label_free(struct geo_label *label);
size_t geo_label_bytes(const struct geo_label *label);
/** From any place to the stop: one upward search. Either answer may be NULL; GEO_UNREACHABLE if no way leads there. */
void geo_label_from(const struct geo_label *to, struct geo_scratch *scratch, const struct geo_snap *from, uint32_t *travel_ms, uint32_t *length_dm);
/** From one stop to another by their labels alone, which must be of the same metric (else GEO_UNREACHABLE). Either answer may be NULL. Any thread. */
void geo_label_pair(const struct geo_label *from, const struct geo_label *to, uint32_t *travel_ms, uint32_t *length_dm);

#endif
