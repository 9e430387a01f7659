/* What the files of this room share: the readers call the collector, the collector keeps what the profile needs, the builder makes roads. */
#ifndef GEO_OSM_OSM_H
#define GEO_OSM_OSM_H

#include "geo_osm/geo_osm.h"

/* ---- what readers hand over; every text is terminated and borrowed for the call ---- */

struct osm_tag {
    const char *key, *value;
};
struct osm_tags {
    const struct osm_tag *tag;
    size_t count;
};
enum osm_kind { OSM_NODE = 0, OSM_WAY = 1, OSM_RELATION = 2 };
struct osm_member {
    int64_t id;
    enum osm_kind kind;
    const char *role;
};
const char *osm_tags_find(struct osm_tags tags, const char *key); /* NULL if absent */

/* ---- what is kept ---- */

#define OSM_REFS_MAX UINT32_C(2000000000) /* node references of all roads: keeps every index in 32 bits */
enum { OSM_VIA_WAYS_MAX = 16 };           /* a restriction through more ways is a mapping error */

/** One road as the profile sees it. Direction 0 is along the refs, 1 against them. */
struct osm_way {
    int64_t id;
    uint32_t ref_first, ref_count;  /* into refs[] */
    uint32_t name;                  /* into names[] */
    uint32_t duration_s;            /* ferries that say how long they take; 0: by speed */
    uint32_t speed_mh[2];           /* metres per hour; 0: closed in that direction */
    uint8_t road_class, snappable;
    uint8_t flags;                  /* enum geo_arc_flag */
};
/** What a node costs those who pass it. */
struct osm_crossing {
    uint32_t cost_ms[2];            /* by direction of the way that passes it (signals can face one way) */
    uint32_t signal_ms[2];          /* the part of cost_ms that is lights; at a junction it depends on the turn */
    bool blocked;                   /* nobody of the profile gets through */
};
/** A turn restriction of the profile: members are a slice of members[]: from ways, then vias, then to ways. */
struct osm_restriction {
    int64_t id;
    uint32_t member_first, from_count, via_count, to_count;
    bool only;                      /* only_...: else no_... */
    bool via_is_node;
};

struct osm_nodes {                  /* nodes that roads use, ascending by id */
    int64_t *id;
    struct geo_point *point;
    struct osm_crossing *crossing;
    uint8_t *present;
    uint32_t count;
};
struct osm_data {
    struct geo_osm_options options;
    struct osm_way *ways;
    size_t way_count, way_capacity;
    uint32_t *way_order;            /* way indexes, ascending by way id */
    int64_t *refs;
    size_t ref_count, ref_capacity;
    char *names;
    size_t name_bytes, name_capacity;
    uint32_t *name_slots;           /* open hash of offsets into names */
    size_t name_slot_count, name_used;
    struct osm_restriction *restrictions;
    size_t restriction_count, restriction_capacity;
    int64_t *members;
    size_t member_count, member_capacity;
    struct osm_nodes nodes;
    struct geo_graph_stats stats;
};
void osm_data_deinit(struct osm_data *data);

/* ---- the collector (collect.c): readers call these; a pass wants nodes, or ways and relations ---- */

enum osm_pass { OSM_PASS_ROADS, OSM_PASS_NODES };
geo_must_use enum geo_status osm_collect_init(struct osm_data *data, const struct geo_osm_options *options);
geo_must_use enum geo_status osm_collect_node(struct osm_data *data, int64_t id, struct geo_point point, struct osm_tags tags);
geo_must_use enum geo_status osm_collect_way(struct osm_data *data, int64_t id, const int64_t *refs, size_t count, struct osm_tags tags,
                                             struct geo_error *error);
geo_must_use enum geo_status osm_collect_relation(struct osm_data *data, int64_t id, const struct osm_member *members, size_t count,
                                                  struct osm_tags tags, struct geo_error *error);
/** After OSM_PASS_ROADS: sort the ids that roads use, ready for OSM_PASS_NODES. */
geo_must_use enum geo_status osm_collect_ids(struct osm_data *data, struct geo_error *error);
uint32_t osm_ways_find(const struct osm_data *data, int64_t id); /* index into ways, GEO_NONE if not kept; after osm_collect_ids */
uint32_t osm_nodes_find(const struct osm_nodes *nodes, int64_t id); /* GEO_NONE if not there */

/* ---- readers: one pass over the bytes ---- */

bool osm_pbf_is(const uint8_t *bytes, size_t size);
geo_must_use enum geo_status osm_pbf_read(const uint8_t *bytes, size_t size, enum osm_pass pass, struct osm_data *data, struct geo_error *error);
bool osm_xml_is(const uint8_t *bytes, size_t size);
geo_must_use enum geo_status osm_xml_read(const uint8_t *bytes, size_t size, enum osm_pass pass, struct osm_data *data, struct geo_error *error);

/* ---- the profile (profile.c): tags -> what the profile may do there, pure ---- */

/** Fill speeds, class, snappable, duration; false if the profile cannot use the way at all. */
bool osm_profile_way(const struct geo_osm_options *options, struct osm_tags tags, struct osm_way *out);
struct osm_crossing osm_profile_node(const struct geo_osm_options *options, struct osm_tags tags);
enum osm_rule { OSM_RULE_NONE, OSM_RULE_NO, OSM_RULE_ONLY, OSM_RULE_CONDITIONAL };
/** What a restriction relation means to the profile; NONE if it is for others. */
enum osm_rule osm_profile_restriction(enum geo_profile profile, struct osm_tags tags);

/* ---- roads between junctions (roads.c) ---- */

/** An arc before splitting, with the OSM segments at its ends: segment i of a way lies between its refs i and i + 1. */
struct osm_road {
    struct geo_arc arc;
    uint32_t first_way, first_segment, last_way, last_segment;
    uint32_t signal_ms;             /* the part of arc.wait_ms that is lights */
};
struct osm_roads {
    struct osm_road *road;          /* ascending by tail */
    uint32_t road_count, node_count, shape_count;
    uint32_t *first;                /* node_count + 1: the roads that leave a node */
    uint32_t *in_first, *in_road;   /* node_count + 1: the roads that arrive at a node, ascending */
    struct geo_point *points;       /* of the nodes */
    struct geo_point *shape;
    uint32_t *node_of;              /* data.nodes index -> node, GEO_NONE if it is no junction */
    struct osm_piece {
        uint32_t road, way;         /* a way that the road runs over, other than its first */
    } *piece;
    size_t piece_count, piece_capacity;
};
geo_must_use enum geo_status osm_roads_build(const struct osm_data *data, struct osm_roads *out, struct geo_error *error);
void osm_roads_deinit(struct osm_roads *roads);

/* ---- forbidden sequences of roads (turns.c) ---- */

struct osm_turns {
    uint32_t *sequence;             /* road indexes, one forbidden sequence after the other */
    size_t sequence_count, sequence_capacity;
    uint32_t *end;                  /* where each sequence ends */
    size_t end_count, end_capacity;
};
geo_must_use enum geo_status osm_turns_find(struct osm_data *data, const struct osm_roads *roads, struct osm_turns *out);
void osm_turns_deinit(struct osm_turns *turns);

/* ---- what turns cost (costs.c) ---- */

/** Passing the node from road r to road o takes wait_ms[r] + turn_ms[class_of[r]][o]: roads share a class where one row of turns does for them. */
struct osm_costs {
    uint32_t *wait_ms;              /* by road: what every turn at its head costs */
    uint8_t *class_of;              /* by road: its class at its head, from 0 */
    uint32_t *class_first;          /* node_count + 1: number of the node's first class among all */
    uint32_t *table_at;             /* by node: into turn_ms, its classes one after the other, a number for each road that leaves; GEO_NONE: zeros */
    uint32_t *turn_ms;
    size_t turn_count, turn_capacity;
    uint32_t junctions_charged;     /* nodes with more than one class */
};
geo_must_use enum geo_status osm_costs_find(const struct geo_osm_options *options, const struct osm_roads *roads, const struct osm_turns *turns,
                                            struct osm_costs *out);
void osm_costs_deinit(struct osm_costs *costs);
/** Of a class (among all) at the node, to a road that leaves it. */
uint32_t osm_costs_turn(const struct osm_costs *costs, const struct osm_roads *roads, uint32_t node, uint32_t class, uint32_t road);

/** To a road that leaves the head of `from`, for who is known to come by it. */
uint32_t osm_costs_after(const struct geo_osm_options *options, const struct osm_costs *costs, const struct osm_roads *roads, uint32_t from, uint32_t to);

/* ---- the graph (split.c, parts.c) ---- */

struct osm_split {                  /* nodes and arcs after splitting */
    uint32_t *node;                 /* split node -> road node */
    uint32_t node_count, plain_count; /* those below plain_count have no history of restrictions */
    struct osm_split_arc {
        uint32_t tail, head, road, turn_ms;
    } *arc;                         /* ascending by tail */
    uint32_t arc_count;
};
geo_must_use enum geo_status osm_split_build(const struct geo_osm_options *options, const struct osm_roads *roads, const struct osm_turns *turns, const struct osm_costs *costs, struct osm_split *out,
                                             struct geo_error *error);
void osm_split_deinit(struct osm_split *split);
/** Mark the largest strongly connected part in keep[node]; ties go to the part of the lowest node. */
geo_must_use enum geo_status osm_parts_largest(const struct osm_split *split, uint8_t *keep);

/* ---- memory ---- */

/** Room for `need` elements of `size` bytes in *array; false when there is no memory. */
bool osm_grow(void *array, size_t *capacity, size_t need, size_t size);

#endif
