/** geo_query: shortest paths between points on arcs. Dijkstra (1959) with a 4-ary heap, exact; a contraction hierarchy will stand behind the same
 *  functions.
 *
 *  A weight is one 64-bit number: milliseconds above, decimetres below. Adding and comparing it is lexicographic, so the fastest way is unique
 *  in time and, among equally fast ones, the shortest is meant: distance, route, matrix and label agree in both to the unit.
 */
#ifndef GEO_QUERY_GEO_QUERY_H
#define GEO_QUERY_GEO_QUERY_H

#include "geo_core/geo_core.h"
#include "geo_graph/geo_graph.h"


/** What searches need besides the graph: adjacency both ways, and the copies of each arc. Immutable. */
struct geo_net {
    const struct geo_graph *graph;
    uint32_t *out_first;      /* node_count + 1: arcs leaving a node (arcs are sorted by tail) */
    uint32_t *heads;          /* by arc: all that a search needs of it, packed */
    uint32_t *in_first, *in_arcs; /* arcs entering a node */
    uint32_t *copy_first, *copies; /* arcs by twin */
};
geo_must_use enum geo_status geo_net_init(struct geo_net *net, const struct geo_graph *graph, struct geo_error *error);
void geo_net_deinit(struct geo_net *net);

/** A point on the network: arc and offset (of 65536) from its tail. */
struct geo_place { uint32_t arc, offset; };
enum { GEO_PLACE_ONE = 65536 };

/** How long each arc takes under one metric. Borrowed by all functions here. */
struct geo_times {
    const geo_weight *pass;   /* by arc: the turn into it and the way along it; GEO_WEIGHT_NONE: closed */
    const uint32_t *travel_ms;/* by arc, without the turn; of a closed one the map's own */
};
/** The driving part of an arc, which a place on it divides: without the turn at its tail and the wait at its head. */
geo_weight geo_drive(const struct geo_net *net, const struct geo_times *times, uint32_t arc);

/** Ways from a place to nodes, or from nodes to a place: at most one a copy of the arc and of its reverse. */
struct geo_link { uint32_t node, arc; geo_weight weight; };
enum { GEO_LINKS_MAX = 64 };
uint32_t geo_links_from(const struct geo_net *net, const struct geo_times *times, struct geo_place place, struct geo_link *links); /* node: the arc's head */
uint32_t geo_links_to(const struct geo_net *net, const struct geo_times *times, struct geo_place place, struct geo_link *links);   /* node: the arc's tail */
/** Along one road without passing a junction; GEO_WEIGHT_NONE if that isn't possible. *arc is the direction taken. */
geo_weight geo_direct(const struct geo_net *net, const struct geo_times *times, struct geo_place from, struct geo_place to, uint32_t *arc);
/** The part of a weight up to an offset, rounded down; what is left is the rest. */
geo_weight geo_part(geo_weight whole, uint32_t offset);

struct geo_search {
    uint32_t node_count, heap_count, heap_capacity, round;
    struct geo_reached {      /* by node: what a search touches of it, in one cache line */
        geo_weight weight;    /* valid if round is the search's */
        uint32_t round, parent; /* parent: the arc by which the node was reached, GEO_NONE at a start */
    } *nodes;
    struct geo_heap_item { geo_weight key; uint32_t node, spare; } *heap;
};
geo_must_use enum geo_status geo_search_init(struct geo_search *search, const struct geo_net *net);
void geo_search_deinit(struct geo_search *search);

/** Between two places. GEO_WEIGHT_NONE if no way leads there. If path is wanted: *last is the link by which the target was entered, and
 *  the nodes' parents lead back from its node to a start link (parent GEO_NONE); *direct names the arc of a junctionless way (else GEO_NONE). */
geo_weight geo_search_pair(struct geo_search *search, const struct geo_net *net, const struct geo_times *times, struct geo_place from, struct geo_place to,
                           struct geo_link *last, uint32_t *direct);
/** From a place to every node, until all `wanted` marked nodes are settled (wanted NULL: all). Read with geo_search_reached. */
void geo_search_from(struct geo_search *search, const struct geo_net *net, const struct geo_times *times, struct geo_place from, const uint8_t *marks, uint32_t marked);
/** From every node to a place: out[node]. */
void geo_search_to(struct geo_search *search, const struct geo_net *net, const struct geo_times *times, struct geo_place to, geo_weight *out);
geo_weight geo_search_reached(const struct geo_search *search, uint32_t node);

#endif
