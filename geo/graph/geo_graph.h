/** geo_graph: the directed road graph of one city for one profile, as osm builds it and as map files keep it.
 *
 *  Node-based: a shortest path over `arcs` is exact, because turn restrictions have been obeyed by splitting the nodes that need it (several
 *  nodes may then stand at one junction). Nodes of degree two are gone: an arc is a road between two junctions, with its geometry. Passing an arc
 *  takes turn_ms + travel_ms. Who stops half-way has paid the turn and drives his share of travel_ms - wait_ms; who starts there pays the rest.
 *  The graph is one strongly connected part. Immutable once built.
 */
#ifndef GEO_GRAPH_GEO_GRAPH_H
#define GEO_GRAPH_GEO_GRAPH_H

#include "geo_core/geo_core.h"

enum geo_profile { GEO_EBIKE = 0, GEO_CAR = 1, GEO_FOOT = 2, GEO_PROFILE_COUNT };
const char *geo_profile_name(enum geo_profile profile);
bool geo_profile_from_name(const char *name, enum geo_profile *out);

/** Road class, for drawing and for people; the numbers are stored in map files. */
enum geo_class {
    GEO_CLASS_MOTORWAY = 0, GEO_CLASS_TRUNK, GEO_CLASS_PRIMARY, GEO_CLASS_SECONDARY, GEO_CLASS_TERTIARY, GEO_CLASS_RESIDENTIAL, GEO_CLASS_SERVICE,
    GEO_CLASS_TRACK, GEO_CLASS_CYCLEWAY, GEO_CLASS_FOOTWAY, GEO_CLASS_STEPS, GEO_CLASS_FERRY, GEO_CLASS_OTHER, GEO_CLASS_COUNT
};

/** What else is known of an arc. With NAME_EN or NAME_ZH the name is followed by its English text, then its Chinese one, each zero-terminated. */
enum geo_arc_flag { GEO_ARC_ROUNDABOUT = 1, GEO_ARC_NAME_EN = 2, GEO_ARC_NAME_ZH = 4, GEO_ARC_FLAGS_ALL = 7 };
enum geo_language { GEO_ENGLISH = 0, GEO_CHINESE = 1, GEO_LANGUAGE_COUNT };

struct geo_arc {
    uint32_t tail, head;          /* nodes */
    uint32_t travel_ms;           /* 1 .. GEO_FINITE_MAX - 1, from leaving its tail to leaving its head's crossing */
    uint32_t length_dm;
    uint32_t shape_first;         /* into shape[]: its points from tail to head, both ends included ... */
    uint32_t shape_count;         /* ... at least 2; an arc and its reverse share the points (reversed = true on one of them) */
    uint32_t reverse;             /* the arc of the other direction of the same road, or GEO_NONE */
    uint32_t name;                /* into names[]: offset of a zero-terminated UTF-8 text; 0 is "" */
    int64_t way;                  /* OSM way id (of the first piece) */
    uint8_t road_class;           /* enum geo_class */
    uint8_t reversed;             /* walk the shape from its end */
    uint8_t snappable;            /* a stop may lie on it: 0 for the copies of an arc made by splitting (one of each is 1), ferries, motorways */
    uint8_t flags;                /* enum geo_arc_flag; an arc, its reverse and its copies have the same */
    uint32_t wait_ms;             /* the part of travel_ms that is no driving: signals and gates at its head */
    uint32_t turn_ms;             /* on top of travel_ms: what turning into it at its tail costs. Copies of an arc differ in it: they begin at other copies of the node */
    uint32_t twin;                /* splitting copies an arc: the arc that stands for all copies (itself if not copied) */
};

/** An arc runs over several OSM ways where nothing tells them apart: this is one of them, beside the arc's own. */
struct geo_piece {
    int64_t way;
    uint32_t arc;                 /* the one that stands for its copies */
    uint32_t spare;
};

struct geo_graph {
    enum geo_profile profile;
    uint32_t node_count, arc_count, shape_count, name_bytes, piece_count;
    struct geo_point *nodes;
    struct geo_arc *arcs;         /* ascending by tail, then head */
    struct geo_point *shape;
    char *names;
    struct geo_piece *pieces;     /* ascending by way, then arc */
    struct geo_graph_stats {
        uint64_t osm_nodes, osm_ways, osm_relations;
        uint32_t restrictions_obeyed, restrictions_ignored, restrictions_conditional;
        uint32_t nodes_before, arcs_before;      /* before splitting for restrictions and turn costs */
        uint32_t junctions_charged;              /* nodes that are several because turning costs */
        uint32_t nodes_restricted;               /* copies of nodes because of restrictions */
        uint32_t nodes_dropped;                  /* not in the largest strongly connected part */
    } stats;
};

void geo_graph_free(struct geo_graph *graph);
/** The arc's name in a language, or as the map has it if it is not said in that one; "" if it has none. Borrowed; in bounds even if the graph was not checked. */
const char *geo_graph_name(const struct geo_graph *graph, const struct geo_arc *arc, enum geo_language language);
/** Every index in bounds, every arc's ends where its shape says, sorted: what queries rely on. */
geo_must_use enum geo_status geo_graph_check(const struct geo_graph *graph, struct geo_error *error);

#endif
