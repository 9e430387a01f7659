/** dispatch: the life of an order in a city's world: commands in, facts out.
 *
 *  Pure: no clock (now is an argument), thread, socket, file, SQL, log or map. A world belongs to one thread. The world changes only by
 *  world_apply(fact): live and replay go through the same fold, so replaying a day's facts gives the live world byte for byte.
 *  Positions of couriers are not facts and not part of those bytes.
 *
 *  What travel costs is not known here: an order is planned by taking an immutable snapshot (dispatch_plan_request), solving it elsewhere,
 *  and bringing the answer back as COMMAND_PLAN_READY, which is tested again against everything that has happened meanwhile.
 */
#ifndef DISPATCH_DISPATCH_H
#define DISPATCH_DISPATCH_H

#include "model/model.h"
#include "plan/plan.h"

enum {
    WORLD_ORDERS_MAX = 100000,        /* live and recently ended orders of one city */
    WORLD_COURIERS_MAX = 20000,
    WORLD_KEYS_MAX = 200000,          /* idempotency keys remembered, oldest forgotten first ... */
    WORLD_KEYS_HOURS = 48,            /* ... and after this time */
    WORLD_KEEP_HOURS = 6,             /* an ended order stays visible so long */
    WORLD_DECLINES_MAX = PLAN_FORBIDDEN_MAX, /* couriers remembered to have declined an order: the latest */
    DISPATCH_COMMANDS_MAX = 4096,     /* commands of one tick; more are refused RESOURCE_EXHAUSTED */
};

/** How a world decides. Only decisions read it, never the fold: a replay does not depend on it. Spans are city time. */
struct world_options {
    struct city_id city;
    int32_t utc_offset_s;             /* 28800 in China */
    uint32_t approval_alert_s;        /* 900: a pharmacist's approval not given */
    uint32_t ready_alert_s;           /* 1800: a pharmacy's "ready" not given, after approval */
    uint32_t answer_timeout_s;        /* 120: an offer not answered counts as declined */
    uint32_t offer_horizon_s;         /* 900: an order is offered so long before its first stop begins, or when that is the next stop */
    uint32_t courier_silent_s;        /* 300: no position from a courier with orders */
    uint32_t replan_s;                /* 60: improve the running plan at least so often */
    uint32_t cold_ride_max_s;         /* 7200: cold medicine, from the pharmacy's fridge to the door; 0: no limit */
};
/** The figures above for a city. */
struct world_options world_options_default(struct city_id city);

struct world;
must_use struct world *world_new(const struct world_options *options); /* copied */
void world_free(struct world *world);
/** Decide by other spans from the next tick on; city and offset stay. */
void world_set_options(struct world *world, const struct world_options *options);

/* ---- facts of one tick ---- */

/** Owns the facts and the memory they point to; hand it on whole. */
struct fact_list {
    struct arena *arena;
    struct fact *facts;               /* in the arena's company: freed by fact_list_deinit */
    uint32_t count, capacity;
};
void fact_list_init(struct fact_list *list);
void fact_list_deinit(struct fact_list *list);

/* ---- deciding ---- */

/** What became of one command. */
struct decision {
    uint64_t reply;                   /* the command's ticket */
    struct error error;               /* STATUS_OK: done; else why not and what to mend */
    uint32_t fact_first, fact_count;  /* its facts in the list */
    struct order_id order;            /* whom it concerned; 0 none */
    struct courier_id courier;
    bool repeated;                    /* this key was answered before: nothing was done again */
};

/** Decide `count` commands in order, then what time itself brings (offers, unanswered offers, missed promises, alerts). Facts are appended
 *  to `facts` and already applied to the world. `decisions` (caller's) gets one answer for each command. `now_ms` may not go back: an
 *  earlier one counts as the latest seen. */
void dispatch_tick(struct world *world, int64_t now_ms, const struct command *commands, uint32_t count, struct fact_list *facts,
                   struct decision *decisions);
/** When dispatch_tick should be called at the latest even if no command comes; INT64_MAX: never. */
int64_t dispatch_next_timer_ms(const struct world *world);

/** The fold. Facts must come in sequence (asserted); after a restart read them from the store and apply each. */
void world_apply(struct world *world, const struct fact *fact);
/** Whether world_apply would take this fact: sequence, table, known ids. For facts read from outside (a damaged store must not abort the
 *  daemon without a word): DATA_LOSS with what does not fit. */
must_use enum status world_fact_check(const struct world *world, const struct fact *fact, struct error *err);

/* ---- canonical bytes ---- */

/** Everything that facts have made, in one order only: equal worlds have equal bytes. Cap `out` at 256 MB. */
void world_encode(const struct world *world, struct buffer *out);
/** Into a fresh world (world_new, nothing applied); false on bytes that world_encode could not have written: then free it. */
must_use bool world_decode(struct world *world, const void *data, size_t size);

/* ---- looking: pointers are borrowed until the next tick or apply ---- */

struct world_order {
    struct order order;               /* phase in order.phase; ready_ms is an estimate until READY */
    uint32_t version;                 /* grows with every fact about it, from 1 */
    struct courier_id courier;        /* planned on (before ASSIGNED), offered to (ASSIGNED), carried by (after); 0 none */
    int64_t eta_ms;                   /* hand-over or lab acceptance by the running plan; 0 unknown; when ended: when it was */
    uint32_t lab;                     /* index into order.labs chosen by the plan; ORDER_LABS_MAX: none yet */
    struct facility_id lab_id;        /* the same by id, finally where it was accepted */
    bool pinned;                      /* to `pinned_to` */
    bool held;
    bool missed;                      /* the promise */
    bool kit_from_box;                /* test: the kit came, or will come, from the courier's preloaded ones */
    bool on_board;                    /* goods, kit or specimen are in `courier`'s box */
    struct courier_id pinned_to;
    uint32_t alerts;                  /* BIT(enum alert_kind) raised; ALERT_SEEN_BIT acknowledged */
    enum unplanned_reason unplanned;  /* why it has no courier, if it has none */
    uint32_t unplanned_detail;
    int64_t answer_by_ms;             /* open offer; 0 none */
    struct courier_id declined[WORLD_DECLINES_MAX];
    uint32_t declined_count;
    uint32_t changes;                 /* times its courier or its told place changed after being told */
    int64_t entered_ms, approved_ms, ready_ms, assigned_ms, taken_ms, picked_up_ms, arrived_ms, collected_ms, sealed_ms, ended_ms;
    enum fail_reason fail;            /* how it ended, if badly */
    int32_t temperature_mdegc;        /* the last reading */
    struct sha256 custody;            /* hash of the last hand-over; zero before the first */
};

struct world_stop {
    struct plan_stop plan;
    bool told, arrived;
};

struct world_courier {
    struct courier courier;
    bool on_shift;
    int64_t shift_started_ms, shift_ends_ms;
    uint32_t kits;                    /* preloaded kits left */
    uint32_t route_version;           /* grows with every change of the route */
    uint32_t changes;                 /* told stops moved or taken away, this shift */
    int64_t start_ms;                 /* when and where the first leg of the route starts */
    struct point start;
    uint32_t stop_count;
    struct world_stop stops[ROUTE_STOPS_MAX];
    struct point seen_at;             /* where a fact last put him (shift start, stop event) */
    int64_t seen_ms;
    bool silent;                      /* an alert was raised and no sign since */
    /* positions: last value wins, not part of the canonical bytes */
    struct point at;
    int64_t at_ms;                    /* 0: never */
    uint16_t heading_deg, speed_dmps;
};

struct city_id world_city(const struct world *world);
uint64_t world_seq(const struct world *world);            /* of the last fact; 0 none */
int64_t world_now_ms(const struct world *world);          /* the latest time seen */
const struct world_order *world_order(const struct world *world, struct order_id id);       /* NULL: unknown or long ended */
const struct world_courier *world_courier(const struct world *world, struct courier_id id); /* NULL: never on shift here */
uint32_t world_order_count(const struct world *world);
const struct world_order *world_order_at(const struct world *world, uint32_t index);        /* ascending by id */
uint32_t world_courier_count(const struct world *world);
const struct world_courier *world_courier_at(const struct world *world, uint32_t index);    /* ascending by id */
/** The place of a stop of a route (at, facility, windows); NULL if the order is unknown or has no such stop. */
const struct stop *world_stop_place(const struct world *world, const struct plan_stop *stop);
/** Seconds until the promise minus the plan's: negative = late; 0 if nothing is known. */
int64_t world_order_slack_s(const struct world_order *order);

/* ---- planning ---- */

/** An immutable snapshot for a planner thread: owns all its memory. Set problem.oracle before solving; place i of the problem is places[i]. */
struct plan_request {
    struct plan_problem problem;
    const struct point *places;
    uint32_t place_count;
    uint64_t world_seq;
    int64_t now_ms;
    struct city_id city;
    const struct world_order *focus;  /* explain requests: the order; NULL otherwise */
    uint32_t focus_task;              /* its task; PLAN_ANY: nothing to plan any more */
    struct arena *arena;
};
/** Where points lie in a plane, for plan_oracle.spots: no two lie farther apart there than on Earth, and hardly nearer in a city. */
void dispatch_spots(const struct point *at, uint32_t count, struct plan_spot *out);
/** Something needs a courier, or the running plan has not been improved for replan_s. False while a request is out
 *  (until its COMMAND_PLAN_READY has been ticked, or dispatch_plan_lost). */
must_use bool dispatch_needs_plan(const struct world *world, int64_t now_ms);
/** While a planner is at work: something has happened that its plan does not know, so it should come to an end and look again. */
must_use bool dispatch_plan_pressed(const struct world *world, int64_t now_ms);
/** Take the snapshot and remember that a planner is at work. Never NULL. */
must_use struct plan_request *dispatch_plan_request(struct world *world, int64_t now_ms);
void plan_request_free(struct plan_request *request);
/** The planner failed: ask again. */
void dispatch_plan_lost(struct world *world);
/** Travel times have changed: whatever is planned is timed again soon, after the plan that is being made. */
void dispatch_plan_stale(struct world *world);
/** Turn the answer into COMMAND_PLAN_READY; its arrays are in `arena`. False if the arena's cap is reached. */
must_use bool dispatch_plan_command(const struct plan_request *request, const struct plan_solution *solution, struct arena *arena,
                                    struct command *out);

/* ---- explaining ---- */

enum { EXPLAIN_CANDIDATES_MAX = 16, EXPLAIN_TEXT_MAX = 321 };

/** Couriers of one class and the rule that stops them, or one courier who can and what it would cost. */
struct explain_candidate {
    struct courier_id courier;        /* 0: a class of couriers */
    uint32_t couriers;                /* how many */
    const char *rule;                 /* "NO_SKILL", "CAPACITY", "DECLINED", "OTHER_COURIER", …; "" = can serve it */
    char text[EXPLAIN_TEXT_MAX];
    int64_t done_ms;                  /* hand-over or lab acceptance, if it can */
    int64_t cost;                     /* soft cost added, in thousandths of a second of travel */
    struct plan_terms terms;          /* of it */
};

struct explanation {
    struct order_id order;
    enum order_phase phase;
    uint32_t version;
    struct courier_id courier;
    int64_t promise_ms, eta_ms;
    enum unplanned_reason reason;     /* NONE when it has a courier */
    char summary[EXPLAIN_TEXT_MAX];   /* one sentence */
    uint32_t candidate_count;
    struct explain_candidate candidates[EXPLAIN_CANDIDATES_MAX]; /* who can first, cheapest first; then classes by size */
    uint32_t stop_count;              /* the order's own stops when it has a courier */
    struct plan_stop stops[ORDER_STOPS_MAX];
    struct point stop_at[ORDER_STOPS_MAX];
    struct facility_id stop_facility[ORDER_STOPS_MAX];
    bool has_own, has_runner_up;
    struct explain_candidate own;     /* the courier who has it: what it costs that he has it; all zero on the current leg, which is not up for choice */
    struct explain_candidate runner_up; /* who would have it at the least cost if not he, though others' orders and promises may forbid it now */
    int64_t late_s;                   /* expected lateness; 0 in time */
    uint32_t travel_s, travel_m;      /* of the legs to its own stops */
};

/** Snapshot for one order's explanation (core thread, cheap); NULL if the order is unknown. */
struct plan_request *dispatch_explain_request(const struct world *world, int64_t now_ms, struct order_id order);
/** Explain it with travel times (problem.oracle set), on any thread. */
void dispatch_explain(const struct plan_request *request, struct explanation *out);

/* ---- trying a reassignment ---- */

enum { PREVIEW_ORDERS_MAX = 2 * ROUTE_STOPS_MAX, PREVIEW_COURIERS_MAX = 2 };

/** What giving the order to a courier would do: to him, to the one who has it now, and to all orders on their routes. */
struct preview {
    const char *rule;                 /* "": it can be done; else what stops it, as in an explanation */
    char text[EXPLAIN_TEXT_MAX];
    uint32_t order_count;             /* orders whose end moves; the asked one first */
    struct preview_order {
        struct order_id order;
        int64_t before_ms, after_ms;  /* end of its last stop; 0: not on a route */
        int64_t promise_ms;           /* of the asked order; 0 of the others */
    } orders[PREVIEW_ORDERS_MAX];
    uint32_t courier_count;           /* whose routes change */
    struct preview_courier {
        struct courier_id courier;
        uint32_t before_s, after_s, before_m, after_m; /* on the road, to the end of the route */
        uint32_t stops_before, stops_after;
    } couriers[PREVIEW_COURIERS_MAX];
};

/** Try it on an explain request with travel times (problem.oracle set), on any thread. `to` 0: back to the pool. The order is put where it costs
 *  least in the running route; nothing else is improved, so the plan that is made when it is done can only be better. */
void dispatch_preview(const struct plan_request *request, struct courier_id to, struct preview *out);

#endif
