/** plan: the optimizer of the dynamic pickup and delivery problem: which courier does what, in which order.
 *
 *  Pure and deterministic: integers in, integers out; no clock, no thread, no map. The same problem, seed and iteration count give the same
 *  bytes. Travel comes from an oracle by place index; times are `_s`, whole seconds after `problem.origin` (the optimizer never asks what
 *  the unit is worth, so a benchmark reader may scale it). Every solution can be recomputed from nothing by plan_check().
 *
 *  A *task* is one order: a chain of up to three *steps* (pick up, visit, laboratory) that one courier does in that order; a step may have
 *  several *choices* of place (the laboratory). A *courier* has boxes, skills, a shift, and the route he is running now (the warm start).
 *
 *  Hard: precedence, one courier for a chain, boxes, skills, kits, closing hours, the longest ride of a specimen or of cold medicine, shift
 *  end and breaks, the longest route, fixed couriers, forbidden couriers, committed prefixes. What is already committed may have become impossible to keep (a jam, a late pharmacy); such a
 *  route is kept and its overrun is counted in `violation_s`; a task that is free to choose is never put where it has an overrun of its
 *  own or would make a committed one worse, so one impossible order never harms the others.
 *
 *  Soft, in this order: tasks left out, lateness against the promise (convex, by priority), travel, changes to what couriers were told,
 *  fairness of work.
 */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include "model/model.h"

enum {
    PLAN_STEPS_MAX = ORDER_STOPS_MAX,
    PLAN_CHOICES_MAX = ORDER_LABS_MAX,
    PLAN_STOPS_MAX = ROUTE_STOPS_MAX,   /* planned stops of one courier */
    PLAN_COURIERS_MAX = 20000,          /* of one city */
    PLAN_TASKS_MAX = 100000,            /* open orders of one city */
    PLAN_PLACES_MAX = 400000,
    PLAN_FORBIDDEN_MAX = 8,             /* couriers that have declined a task */
    PLAN_BREAKS_MAX = 2,                /* of one courier, still to come */
    PLAN_TIME_MAX_S = 30 * 86400,       /* times lie within +- this of the origin */
};

#define PLAN_UNREACHABLE UINT32_MAX     /* seconds: there is no way */
#define PLAN_ANY         UINT32_MAX     /* any courier; no place; no choice */
#define PLAN_NO_LIMIT_S  INT32_MAX

/* ---- travel ---- */

struct plan_leg {
    uint32_t travel_s, travel_m;        /* travel_s == PLAN_UNREACHABLE: no way */
};

/** Answer for a pair of places; pure for the duration of the run (asked for the same pair it answers the same). */
typedef struct plan_leg (*plan_travel)(void *context, uint32_t from_place, uint32_t to_place);
/** Where a place lies in a plane, in metres. */
struct plan_spot {
    int32_t x_m, y_m;
};
struct plan_oracle {
    plan_travel travel;
    void *context;                      /* borrowed */
    /* Without these every courier is tried for every task. With them most are not, and the answer is the same if the promise holds: no pair
     * of places is nearer in seconds than its straight line at this speed (a road network's fastest arc). */
    const struct plan_spot *spots;      /* by place; borrowed; NULL: not known */
    uint32_t speed_mmps;                /* millimetres a second; 0: not known */
};

/* ---- problem ---- */

struct plan_choice {
    uint32_t place;
    int32_t open_s, close_s;            /* service begins within; close PLAN_NO_LIMIT_S = no limit; open > close: never */
    uint32_t service_s;
    uint32_t setup_s;                   /* before service, for whoever comes from another place: parking, the way in; paid once for several tasks
                                           here, so it belongs to the place: all choices there have the same */
};

struct plan_step {
    enum stop_kind kind;
    bool skip_with_kit;                 /* no such stop for a courier who has a preloaded kit left */
    uint32_t choice_count;              /* 1..PLAN_CHOICES_MAX */
    struct plan_choice choices[PLAN_CHOICES_MAX];
    int32_t volume_ml, cold_ml;         /* into the box (+) or out of it (-) */
};

struct plan_task {
    struct order_id order;
    uint32_t step_count;                /* the steps still to do */
    struct plan_step steps[PLAN_STEPS_MAX];
    uint32_t skills;                    /* BIT(enum skill), all needed */
    enum priority priority;
    int32_t accepted_s;                 /* the promise's clock began here */
    int32_t due_s;                      /* soft: the last step's service ends by then; PLAN_NO_LIMIT_S none */
    int32_t latest_s;                   /* hard: the last step's service ends by then; PLAN_NO_LIMIT_S none */
    uint32_t ride_max_s;                /* hard: from the beginning of the step before the last to the end of the last (specimen's stability, cold
                                           medicine out of the pharmacy's fridge); 0 none */
    uint32_t courier;                   /* fixed: this courier and no other (on board, accepted, offered, pinned); PLAN_ANY */
    bool committed;                     /* must stay in the route even if it has become impossible to keep; needs `courier` */
    bool held;                          /* a dispatcher holds it: leave it out */
    uint32_t forbidden_count;
    uint32_t forbidden[PLAN_FORBIDDEN_MAX];
};

/** One stop of a route: which step of which task, at which of its places. */
struct plan_ref {
    uint32_t task;
    uint8_t step, choice;
    bool told;                          /* input: the courier knows of it, so moving it costs churn */
};

/** A break is taken at the first moment from `from_s` on at which the courier neither drives nor serves: after a stop, or at a door before he serves
 *  there. If a stop would be left later than `by_s`, he rests at its door first. (Never before a drive that is not due: so a stop more can only delay
 *  the others.) */
struct plan_break {
    int32_t from_s, by_s;               /* hard: begins within; a later one is an overrun of the stop at whose door it is taken */
    uint32_t span_s;
};

struct plan_courier {
    struct courier_id courier;
    uint32_t route_version;             /* carried through to the answer */
    uint32_t place;                     /* free here ... */
    int32_t start_s;                    /* ... from then on */
    int32_t end_s;                      /* the shift's end: the last service ends by then */
    int32_t pick_by_s;                  /* hard: no task's first step begins later; 0: no such limit */
    uint32_t base_place;                /* return here at the end; PLAN_ANY: the route's end is open */
    uint32_t route_m_max;               /* hard: metres of the whole route, the way back to base included; 0: no limit */
    uint32_t route_s_max;               /* hard: seconds from start_s to its end, likewise; 0: no limit */
    uint32_t worked_s;                  /* work done before start_s, for fairness */
    uint32_t break_count;               /* ascending; each may begin only after the latest end of the one before */
    struct plan_break breaks[PLAN_BREAKS_MAX];
    uint32_t skills;
    uint32_t volume_ml_max, cold_ml_max;
    int32_t volume_ml, cold_ml;         /* in the box now */
    uint32_t kits;                      /* preloaded kits left */
    uint32_t fixed_count;               /* the first stops of `stops` that must stay first, in this order */
    uint32_t stop_count;                /* the running route: warm start, may be empty; at most PLAN_STOPS_MAX */
    const struct plan_ref *stops;       /* borrowed */
};

/** Prices, in thousandths of a second of travel. Zeroes are refused but for `fair`: start from plan_weights_default(). */
struct plan_weights {
    uint32_t late;                      /* a second of lateness of a routine order; urgent x4, critical x16 */
    uint32_t late_knee_s;               /* lateness L costs L * (1 + L / knee): convex, so that it is shared, not heaped on one */
    uint32_t travel;                    /* a second on the road */
    uint32_t flow;                      /* a second between acceptance and hand-over: sooner is better even when in time */
    uint32_t work;                      /* a second between a courier's start and the end of his route */
    uint32_t change;                    /* one stop moved or taken away that its courier had been told */
    uint32_t fair;                      /* a route of W seconds for who has worked H hours costs W * (2 H + W in hours) of it: squares, so that work
                                           evens out; 0: none */
};
struct plan_weights plan_weights_default(void);

struct plan_problem {
    int64_t origin_ms;                  /* second 0; not used in planning */
    uint32_t place_count;
    uint32_t task_count, courier_count;
    const struct plan_task *tasks;      /* borrowed, as all pointers here, for the call */
    const struct plan_courier *couriers;
    struct plan_oracle oracle;
    struct plan_weights weights;
    bool one_bundle;                    /* a courier carries goods of one place at a time, all picked up before the first is handed over; tasks have
                                           two steps, nobody has goods on board at the start */
};

/** INVALID_ARGUMENT with the index at fault if the problem breaks a bound or an index. The planner asserts what this checks. */
must_use enum status plan_problem_check(const struct plan_problem *problem, struct error *err);

/* ---- solution ---- */

struct plan_visit {
    struct plan_ref ref;
    int32_t arrive_s, begin_s, leave_s;
    uint32_t travel_s, travel_m;        /* from the visit before, or from the courier's place */
};

struct plan_tour {
    uint32_t stop_count;
    struct plan_visit *stops;           /* owned by the solution */
    bool changed;                       /* differs in sequence or choice from the running route */
    uint32_t changes;                   /* told stops moved or taken away */
    uint32_t violation_s;               /* overrun of hard limits by what was already committed; 0 otherwise */
};

struct plan_left {
    uint32_t task;
    enum unplanned_reason reason;
    uint32_t detail;                    /* NO_SKILL: missing bits; SHIFT_END, LAB_CLOSED, STABILITY, BREAK: seconds too late, at the least; ROUTE_LENGTH:
                                           seconds or metres too long; else 0 */
};

struct plan_cost {
    uint64_t violation_s;
    uint64_t left_weight;               /* tasks left out, weighted by priority */
    int64_t soft;                       /* lateness, travel, flow, work, changes by the weights */
    uint64_t late_s, travel_s, travel_m; /* parts of it, for the record */
    uint32_t late_count, left_count, changes;
};
/** Negative: a is better. Lexicographic: violation, tasks left out, soft. */
int plan_cost_compare(const struct plan_cost *a, const struct plan_cost *b);

struct plan_solution {
    uint32_t tour_count;                /* = problem.courier_count, in its order */
    struct plan_tour *tours;
    uint32_t left_count;
    struct plan_left *left;             /* ascending by task */
    struct plan_cost cost;
    uint64_t evaluations;               /* insertions tried */
    uint32_t iterations;
};
void plan_solution_free(struct plan_solution *solution);

/* ---- solving ---- */

struct plan_options {
    uint64_t seed;
    uint32_t iterations;                /* improvement steps after insertion; 0: insertion only */
    bool (*stop)(void *context);        /* NULL, or: asked between steps, true = enough (the only way wall time can enter; not reproducible) */
    void *stop_context;
};

/** Insert every task that is not in a running route (regret insertion), then improve (relocation of whole chains between and within routes)
 *  within the budget. Never worse than the warm start. The caller owns the answer. INVALID_ARGUMENT as plan_problem_check. */
must_use enum status plan_solve(const struct plan_problem *problem, const struct plan_options *options, struct plan_solution **out,
                                struct error *err);

/** The same in steps, for who keeps a plan running: the routes are taken up once, and then a task costs what its own insertion costs. The
 *  problem is borrowed until the end; what it says of tasks that are not in a route may be written until they are inserted. One thread. */
struct plan_session;
must_use enum status plan_session_new(const struct plan_problem *problem, struct plan_session **out, struct error *err);
void plan_session_free(struct plan_session *session);

struct plan_placed {
    uint32_t courier;                   /* PLAN_ANY: nobody can */
    int64_t added;                      /* soft cost */
    int32_t done_s;                     /* its last service ends */
    uint32_t bounded, tried;            /* couriers that were looked at from afar, and those that were tried stop by stop */
};
/** Put a task that is nowhere where it costs least. Among equals the first courier. */
void plan_session_insert(struct plan_session *session, uint32_t task, struct plan_placed *out);
/** Try no more than so many couriers for a task, the likeliest first, if one of them can (0: as many as it takes to be sure of the cheapest). For a large
 *  city in a hurry; bench insert tells what it saves and how often the answer is another. */
void plan_session_hurry(struct plan_session *session, uint32_t tries_max);
/** What plan_session_insert would do, without doing it, if only these couriers might be asked. */
void plan_session_ask(struct plan_session *session, uint32_t task, const uint32_t *couriers, uint32_t count, struct plan_placed *out);
/** The same by trying every courier stop by stop: what the index is held against. */
void plan_session_scan(struct plan_session *session, uint32_t task, struct plan_placed *out);
/** The couriers whose way passes nearest to the task, nearest first; returns how many. */
uint32_t plan_session_near(struct plan_session *session, uint32_t task, uint32_t *couriers, uint32_t capacity);
/** Take a task out of its route, unless the courier is committed to its first stop. Whoever rode with it and can't without it (picked up earlier now, a
 *  specimen would wait too long before a closed door) is taken out too, as plan_session_fill will find. */
void plan_session_remove(struct plan_session *session, uint32_t task);
/** Insert what is missing by regret. */
void plan_session_fill(struct plan_session *session);
/** Ruin and recreate, as plan_solve does; the plan gets no worse. Returns the iterations made. */
uint32_t plan_session_improve(struct plan_session *session, const struct plan_options *options);
/** The plan as it stands; the caller owns it. */
struct plan_solution *plan_session_answer(struct plan_session *session);

/** Recompute a solution from nothing: times, loads, precedence, limits, reasons' count, cost. INTERNAL with the first thing that is wrong. */
must_use enum status plan_check(const struct plan_problem *problem, const struct plan_solution *solution, struct error *err);

/* ---- explaining ---- */

/** The parts of a soft cost: they add up to it. */
struct plan_terms {
    int64_t late, flow, travel, work, fair, change;
};

/** What one courier could do for one task: the first rule that stops him, or when he would finish and at what extra cost. The task is taken
 *  out of the courier's running route before it is tried. */
struct plan_bid {
    enum unplanned_reason rule;         /* UNPLANNED_NONE: he can */
    uint32_t detail;                    /* as plan_left.detail */
    bool forbidden;                     /* he has declined it, or it is fixed to another courier (rule is then NONE) */
    int32_t done_s;                     /* the last step's service ends (if he can) */
    int64_t cost;                       /* soft cost added (if he can) */
    struct plan_terms terms;            /* of it */
};
must_use enum status plan_bid(const struct plan_problem *problem, uint32_t task, uint32_t courier, struct plan_bid *out, struct error *err);
/** All couriers' bids at once, by courier: `out` has room for courier_count. */
must_use enum status plan_bids(const struct plan_problem *problem, uint32_t task, struct plan_bid *out, struct error *err);

/* ---- public benchmark instances: pickup and delivery, hard windows, one depot, equal vehicles; fewest routes first, then shortest ---- */

enum {
    PLAN_INSTANCE_NODES_MAX = 8001,     /* Li & Lim's largest have about 1,050, Sartori & Buriol's 5,001 */
    PLAN_INSTANCE_VALUE_MAX = 1000000,  /* times, demands, coordinates */
    PLAN_INSTANCE_NAME_MAX = 64,
};
enum plan_family {
    PLAN_LI_LIM,                        /* x, y in the plane; travel = distance = Euclid's, unrounded */
    PLAN_SARTORI_BURIOL,                /* a matrix of whole minutes, not symmetric */
};

struct plan_instance_node {
    double x, y;
    int32_t demand, open, close, service; /* in the instance's own unit of time */
    uint32_t partner;                   /* the other node of the pair; 0 for the depot, which is node 0 */
    bool pickup;
};

struct plan_instance {
    char name[PLAN_INSTANCE_NAME_MAX];
    enum plan_family family;
    int32_t capacity;
    uint32_t node_count;
    struct plan_instance_node *nodes;   /* owned */
    uint32_t *minutes;                  /* owned; [from * node_count + to]; NULL for Li & Lim */
};
/** Read the text of an instance file; `name` is used where the text has none (Li & Lim). INVALID_ARGUMENT with the line and what is wrong. */
must_use enum status plan_instance_read(const char *text, size_t size, const char *name, struct plan_instance **out, struct error *err);
void plan_instance_free(struct plan_instance *instance);

/** Routes over an instance's nodes, the depot left out at both ends. */
struct plan_routes {
    uint32_t route_count;
    uint32_t *first;                    /* owned; route r is nodes[first[r]] .. nodes[first[r + 1] - 1] */
    uint32_t *nodes;                    /* owned */
    uint64_t steps, tries;              /* of the search that found them */
};
/** Read and write the benchmarks' own format ("Route 1 : 5 3 7"). Reading only asks for numbers below `node_limit`: whether they make sense is for
 *  who checks. */
must_use enum status plan_routes_read(const char *text, size_t size, uint32_t node_limit, struct plan_routes **out, struct error *err);
void plan_routes_write(const struct plan_routes *routes, const char *name, struct buffer *out);
void plan_routes_free(struct plan_routes *routes);
/** Recompute routes from the instance alone, in double precision: every pair once, by one vehicle, pickup first; windows, loads, the depot's hours.
 *  FAILED_PRECONDITION with the first thing that is wrong; else `distance` is their length in the instance's own unit. */
must_use enum status plan_routes_check(const struct plan_instance *instance, const struct plan_routes *routes, double *distance, struct error *err);

/** Either `iterations` > 0: a fixed amount of work, the same bytes for the same seed. Or `spent_ppm`: asked now and then for the share of a budget
 *  that is used (1000000 and more: stop); what it answers steers phases and temperature, so such a run can't be repeated exactly. */
struct plan_fleet_options {
    uint64_t seed;
    uint64_t iterations;
    uint32_t (*spent_ppm)(void *context);
    void *context;
};
/** Serve every pair by as few and then as short routes as can be found. All windows hold in exact arithmetic: lengths are rounded up to a fine grid
 *  before they are added. FAILED_PRECONDITION if some pair cannot be served even alone. One thread; allocates at the start, seldom later. */
must_use enum status plan_fleet_solve(const struct plan_instance *instance, const struct plan_fleet_options *options, struct plan_routes **out,
                                      struct error *err);

#endif
