/* Private to sim: the made-up day and the state of a run. */
#ifndef SIM_CITY_H
#define SIM_CITY_H

#include "sim/sim.h"

enum { PHARMACIES = 24, LABS = 5, DEPOTS = 3, STEP_S = 10, SNAP_MAX_M = 800, CLOSING_HOURS = 5 };

/* ---- roads.c ---- */

struct road_place {
    struct point at;
    struct geo_snap snap;
    struct geo_label *label;          /* made when somebody travels here; dropped when no order needs it */
};

struct roads {
    const struct geo_metric *metric;
    struct geo_scratch *scratch;
    struct road_place *places;        /* where stops are */
    uint32_t count, capacity;
    uint32_t *slots, slot_mask;       /* places by point */
    const struct plan_request *request;
    struct geo_snap *snaps;           /* of the request's places */
    uint32_t *place_of;               /* PLAN_ANY: only somebody's position */
    struct point *snapped;            /* where they are on the road, and in a plane */
    struct plan_spot *spots;
    uint32_t snap_capacity, speed_mmps;
};
void roads_init(struct roads *roads, const struct geo_metric *metric, uint32_t places);
void roads_deinit(struct roads *roads);
/* Put a place on the nearest road; false if none is near or it can't be driven to and from the first place. */
bool roads_add(struct roads *roads, struct point at, struct point *snapped);
void roads_forget(struct roads *roads, struct point at); /* nobody goes there any more */
struct plan_oracle roads_oracle(struct roads *roads, const struct plan_request *request);
/* Travel times have changed: labels are made again when they are needed. Ways being driven are driven on as they were begun. */
void roads_use(struct roads *roads, const struct geo_metric *metric);
/* Fastest way; false if there is none. The route is the caller's (geo_route_free). */
bool roads_route(struct roads *roads, struct point from, struct point to, struct geo_route *out);

/* ---- demand.c ---- */

struct sim_order {
    struct order order;
    int64_t approve_ms, ready_ms, cancel_ms; /* 0: never */
    bool absent;
    bool entered, approved, ready, cancelled;
};

struct demand {
    struct facility_id ids[PHARMACIES + LABS + DEPOTS];
    struct point pharmacies[PHARMACIES], labs[LABS], depots[DEPOTS];
    struct sim_order *orders;         /* ascending by acceptance; ids 1..count */
    uint32_t count;
    uint32_t live;                    /* before it all has happened that the demand brings */
};
uint32_t demand_size(const struct sim_options *options); /* orders of the day, surge and all */
enum status demand_make(struct demand *demand, struct roads *roads, const struct sim_options *options, int64_t start_ms, struct error *err);
void demand_free(struct demand *demand);
/* A point near one of the city's centres, on a road. */
bool demand_point(struct roads *roads, struct rng *rng, struct point *out);

/* ---- riders.c ---- */

enum rider_state { RIDER_IDLE, RIDER_DRIVING, RIDER_SERVING };

struct rider {
    struct courier courier;
    enum rider_state state;
    struct point at, began_at;
    struct order_id order;            /* going to, or serving */
    enum stop_kind kind;
    struct geo_route route;           /* while driving */
    uint32_t route_at;                /* the point of the route passed last */
    int64_t since_ms;                 /* driving or serving */
    uint32_t service_s;
    bool collected;                   /* half of a home visit is done */
    int64_t answer_ms;                /* when he looks at his phone again */
    int64_t breaks_ms;                /* 0: never */
    bool broken;
    int64_t on_ms, off_ms;            /* the shift */
    bool started, ended;
    int64_t silent_ms;                /* offline from then on; 0: never */
    uint64_t driven_dm, driving_ms, busy_ms;
};

struct visit {
    uint32_t courier, order;
    enum stop_kind kind;
    uint32_t lab;
};

struct run {
    const struct sim_options *options;
    struct roads roads;
    struct demand demand;
    struct world *world;
    struct rider *riders;
    struct rng rng;
    int64_t start_ms, now_ms, end_ms;
    uint64_t next_key;
    struct hash_stream *digest;
    struct sim_result *result;
    uint64_t collection_ms;           /* sums over specimens */
    int64_t decision_us_sum, decision_us_max;
    struct command *positions;        /* of one step, told together */
    struct decision *decisions;
    struct visit *visits;             /* made so far, for hindsight */
    uint32_t visit_count, visit_capacity;
};
void riders_make(struct run *run);
void riders_step(struct run *run);
void riders_free(struct run *run);

/* ---- policy.c, sim.c ---- */

/* hindsight.c: a courier has come to a stop; at the end, what could have been. */
void hindsight_note(struct run *run, const struct rider *rider);
enum status hindsight_run(struct run *run, struct error *err);
enum status policy_plan(struct run *run, struct error *err);
/* One command with a key of its own into the world; its status. */
enum status run_do(struct run *run, struct command *command);
/* Several at once, in run->positions' fashion; what becomes of each is not asked. */
void run_do_all(struct run *run, struct command *commands, uint32_t count);
struct command run_command(const struct run *run, enum command_kind kind, struct order_id order, struct courier_id courier);

#endif
