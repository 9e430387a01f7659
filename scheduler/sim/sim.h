/** sim: a city in a box on virtual time: demand, couriers on real roads, faults, and the same dispatch and plan as the daemon.
 *
 *  Deterministic: the same map, options and seed give the same figures. It knows no database, no socket and no wall clock. One run belongs to
 *  one thread; the metric is borrowed.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "dispatch/dispatch.h"
#include "geo/geo.h"

enum sim_policy {
    SIM_NEAREST = 1, /* a ready order goes to the nearest courier who has nothing to do; nobody carries two */
    SIM_LNS = 2,     /* the planner: insertion, then ruin and recreate; orders share routes */
};

enum { SIM_ORDERS_MAX = 20000, SIM_COURIERS_MAX = 2000, SIM_HOURS_MAX = 12 };

struct sim_options {
    enum sim_policy policy;
    uint64_t seed;
    uint32_t orders, couriers, hours;
    uint32_t plan_iterations;      /* per planning run */
    /* faults, in thousandths */
    uint32_t absent_pm, decline_pm, cancel_pm, late_pharmacy_pm; /* of orders or offers */
    uint32_t breakdown_pm;         /* of couriers, once in the run */
};
struct sim_options sim_options_default(void);

struct sim_result {
    uint32_t orders, tests, delivered, at_lab, failed, returned, cancelled, rejected, unfinished; /* of `orders`; delivered + at_lab succeeded */
    uint32_t within_3h;            /* of those that succeeded */
    double share_within_3h;        /* within_3h / succeeded */
    double mean_min, p50_min, p90_min, p99_min; /* acceptance to hand-over or laboratory, of those that succeeded */
    double km_per_order;           /* driven by all couriers / succeeded */
    double changes_per_order;      /* stops already told to a courier that moved or left / orders */
    double collection_to_lab_mean_min;
    uint32_t specimens_too_old;    /* beyond their stability at the laboratory's door */
    uint32_t promises_missed, breakdowns, declines;
    uint64_t facts, plans, evaluations;
    struct sha256 digest;          /* of all facts: two equal runs have equal digests */
};

/** Play the day. INVALID_ARGUMENT for options out of bounds or a map on which the city can't be laid out; INTERNAL if a plan fails its check. */
must_use enum status sim_run(const struct geo_metric *metric, const struct sim_options *options, struct sim_result *out, struct error *err);

#endif
