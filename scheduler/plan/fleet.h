/* The engine's picture of a pickup and delivery problem with hard windows and equal vehicles: integers only, laid out for scanning.
 *
 * Nodes: request r's pickup is 2r, its delivery 2r + 1, the depot 2n; so a node's partner is `node ^ 1` and its request `node >> 1`.
 * A route is an array of stops with what a try needs beside the node: earliest begin, latest begin that keeps the rest possible, load, leg.
 * Private to plan.
 */
#ifndef PLAN_FLEET_H
#define PLAN_FLEET_H

#include "plan/plan.h"

#define FLEET_NONE UINT32_MAX
#define FLEET_COST_NONE INT32_MAX /* no way to insert */

struct fleet_node {
    int32_t open, close, service, demand;
};

struct fleet_model {
    uint32_t request_count, node_count; /* nodes: 2 * requests, then the depot */
    uint32_t *names;                    /* of the nodes in the instance */
    int32_t capacity;
    struct fleet_node *nodes;
    int32_t *to;                        /* [a * node_count + b]: from a to b */
    int32_t *from;                      /* the transpose: [b * node_count + a] from a to b, so that a scan stays in one row */
    uint32_t near_count;                /* neighbours of each request */
    int32_t *detour, *detour_least;     /* room for a try over the longest route */
    uint32_t *detour_count;
    uint32_t *near;                     /* [request * near_count + k]: other requests, nearest in place and time first */
};

struct fleet_stop {
    uint32_t node;
    int32_t open, service;
    int32_t begin;                      /* earliest, as the route runs */
    int32_t latest;                     /* latest begin from which everything after still fits */
    int32_t load;                       /* after the stop */
    int32_t leg;                        /* to the next stop; 0 at the end */
    int32_t close;                      /* with it 32 bytes: two stops to a cache line */
};

struct fleet_route {
    struct fleet_stop *stops;           /* [0] and [count - 1] are the depot; count 2: empty */
    uint32_t count, capacity;
    uint64_t version;                   /* names the content: equal versions, equal routes */
    int64_t length;
    bool possible;                      /* every window and load is kept */
    uint64_t settled;                   /* the content before the step that is being tried */
};

struct fleet_place {                    /* where a pair goes: behind these stops of the route as it is now */
    int32_t cost;
    uint16_t pickup_after, delivery_after;
};

struct fleet_cached {
    uint64_t version;
    struct fleet_place place;
};

struct fleet_state {
    const struct fleet_model *model;
    struct rng rng;
    uint32_t route_count, route_slots;
    struct fleet_route *routes;
    uint32_t *route_of;                 /* by request; FLEET_NONE: not served */
    uint16_t *at;                       /* by node: index of its stop */
    uint32_t absent_count;
    uint32_t *absent;                   /* requests without a route */
    uint64_t next_version;
    struct fleet_cached *cache;         /* [(request * route_slots + route) * 2 ..]: two contents of a route are remembered */
    uint64_t tries, hits;
};

/** What a run may spend: asked between steps. */
struct fleet_clock {
    const struct plan_fleet_options *options;
    uint64_t steps;                     /* done so far */
    uint32_t spent_ppm;                 /* as last asked */
    uint32_t ask_every, until_ask;
};
/** One step more; the share of the budget that is spent, 1000000 and above: stop. */
uint32_t fleet_clock_step(struct fleet_clock *clock, uint32_t weight);

/** A whole answer kept aside. */
struct fleet_kept {
    uint32_t route_count;
    int64_t length;
    uint32_t *nodes;                    /* routes one after the other, each ended by the depot */
    uint32_t node_count;
};

/* fleet_model.c */
must_use enum status fleet_model_new(const struct plan_instance *instance, struct fleet_model **out, struct error *err);
void fleet_model_free(struct fleet_model *model);
/** No answer has fewer routes: a set of requests of which no two fit into one route. */
uint32_t fleet_model_least_routes(const struct fleet_model *model);

/* fleet_state.c */
struct fleet_state *fleet_state_new(const struct fleet_model *model, uint32_t route_slots, uint64_t seed);
void fleet_state_free(struct fleet_state *state);
uint32_t fleet_route_add(struct fleet_state *state);                   /* an empty one; its index */
void fleet_route_drop(struct fleet_state *state, uint32_t route);      /* an empty one; the last takes its index */
/** Recompute times, loads and length; false if a window or load is broken. */
bool fleet_route_refresh(struct fleet_state *state, uint32_t route);
void fleet_insert(struct fleet_state *state, uint32_t request, uint32_t route, struct fleet_place place);
void fleet_remove(struct fleet_state *state, uint32_t request);        /* joins `absent` */
void fleet_absent_take(struct fleet_state *state, uint32_t index);     /* out of the list, which may be reordered */
int64_t fleet_length(const struct fleet_state *state);
void fleet_keep(const struct fleet_state *state, struct fleet_kept *kept);
void fleet_restore(struct fleet_state *state, const struct fleet_kept *kept); /* all requests served, as kept */
/** Stops of which only the nodes are set get all the rest; false if a window or load is broken. For contents that are only tried. */
bool fleet_stops_fill(const struct fleet_model *model, struct fleet_stop *stops, uint32_t count);
/** `out` (count - 2 stops) becomes `stops` without the request; false if that is not possible (travel that breaks the triangle inequality). */
bool fleet_stops_without(const struct fleet_model *model, const struct fleet_stop *stops, uint32_t count, uint32_t request, struct fleet_stop *out);

/* fleet_try.c */
/** The cheapest place for a pair in `stops` below `bound`; cost FLEET_COST_NONE if there is none. */
struct fleet_place fleet_try(const struct fleet_model *model, const struct fleet_stop *stops, uint32_t count, uint32_t request, int32_t bound);
/** Whether there is any. */
bool fleet_try_fits(const struct fleet_model *model, const struct fleet_stop *stops, uint32_t count, uint32_t request);
/** One of all possible places, each equally likely. */
struct fleet_place fleet_try_any(const struct fleet_model *model, const struct fleet_stop *stops, uint32_t count, uint32_t request, struct rng *rng);
/** The cheapest place in a route, remembered as long as the route's content stays. */
struct fleet_place fleet_try_cached(struct fleet_state *state, uint32_t request, uint32_t route);

/* fleet_eject.c: fewer routes */
struct fleet_ejector;
struct fleet_ejector *fleet_ejector_new(const struct fleet_model *model);
void fleet_ejector_free(struct fleet_ejector *ejector);
/** Place the absent requests, ejecting where need be: true: none is absent. False: the budget up to `until_ppm` is spent. */
bool fleet_eject_absent(struct fleet_state *state, struct fleet_ejector *ejector, struct fleet_clock *clock, uint32_t until_ppm);

/* fleet_ruin.c, fleet_anneal.c: shorter routes */
/** Take some requests out; the routes touched are listed by the caller's undo. */
struct fleet_undo;
struct fleet_undo *fleet_undo_new(const struct fleet_model *model, uint32_t route_slots);
void fleet_undo_free(struct fleet_undo *undo);
void fleet_undo_begin(struct fleet_undo *undo, const struct fleet_state *state);
void fleet_undo_touch(struct fleet_undo *undo, const struct fleet_state *state, uint32_t route); /* before it is changed */
void fleet_undo_apply(struct fleet_undo *undo, struct fleet_state *state);
/** The step is kept: what the routes now hold is what they come back to. *emptied: one of them holds nothing. */
void fleet_undo_settle(struct fleet_undo *undo, struct fleet_state *state, bool *emptied);
int64_t fleet_undo_length(const struct fleet_undo *undo);              /* of the touched routes as they were */
bool fleet_undo_possible(const struct fleet_undo *undo, const struct fleet_state *state, int64_t *length); /* as they are now */

void fleet_ruin(struct fleet_state *state, struct fleet_undo *undo, uint32_t *pool);
/** Put the absent requests back; one that finds no place stays absent and costs `price`. False as soon as insertions and absences cost `room` or more. */
bool fleet_recreate(struct fleet_state *state, struct fleet_undo *undo, int64_t room, int64_t price);
/** Ruin and recreate under falling temperature until `until_ppm`; the best is left in `best`, and in `state`. */
void fleet_anneal(struct fleet_state *state, struct fleet_clock *clock, uint32_t until_ppm, double hot, double cold, struct fleet_kept *best);

/** Ruin and recreate until no request is absent (true) or `until_ppm`. `absences`: by request, how often a step has left it out. */
bool fleet_anneal_absent(struct fleet_state *state, struct fleet_clock *clock, uint32_t until_ppm, uint32_t *absences);

#endif
