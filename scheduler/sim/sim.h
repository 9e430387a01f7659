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
    SIM_BATCH = 3,   /* what waits at one place is bundled, and bundles are matched with near couriers */
};
const char *sim_policy_name(enum sim_policy policy);

enum { SIM_ORDERS_MAX = 200000, SIM_COURIERS_MAX = 20000, SIM_HOURS_MAX = 12, SIM_SURGE_MAX_PERCENT = 2000 };

/** An order of a demand file. Its places are put on the nearest road. */
struct sim_row {
    int32_t accepted_s, ready_s;   /* after 10:00, the day's begin; ready: of a prescription at the pharmacy, not before it is accepted */
    bool test;                     /* a home test: kit, visit, one of the laboratories; else a prescription */
    double pickup_lat, pickup_lon; /* pharmacy, or depot of the kit */
    double home_lat, home_lon;
    uint32_t service_s;            /* at the door; 0: drawn */
    bool urgent;
};

struct sim_options {
    enum sim_policy policy;
    uint64_t seed;
    uint32_t orders, couriers, hours;
    uint32_t plan_iterations;      /* per planning run */
    uint32_t surge_percent;        /* of flu prescriptions, a fifth of all on a usual day: 100 usual, 450 and 1400 have been seen; `orders` is the usual day's */
    bool shifts;                   /* couriers come and go through the day; else all are there from first to last */
    const struct sim_row *rows;    /* `orders` of them, ascending by acceptance: this demand; NULL: made up. Borrowed */
    const struct geo_metric *const *by_hour; /* travel times of each hour of the day, 24; NULL: the same all day. Borrowed */
    int64_t (*clock_us)(void);     /* NULL, or: times decisions for the record; changes nothing else */
    uint32_t misses_max;           /* end the day when more promises than this have been missed: it is lost; 0: play to the end */
    uint32_t hindsight_iterations; /* of the search for what could have been; 0: none. Only without faults and with the same travel times all day */
    /* faults, in thousandths */
    uint32_t absent_pm, decline_pm, cancel_pm, late_pharmacy_pm; /* of orders or offers */
    uint32_t breakdown_pm, offline_pm; /* of couriers, once in the run; offline: twenty minutes without a sign and without moving on */
};
struct sim_options sim_options_default(void);

struct sim_result {
    uint32_t orders, tests, delivered, at_lab, failed, returned, cancelled, rejected, unfinished; /* of `orders`; delivered + at_lab succeeded */
    uint32_t within_3h;            /* of those that succeeded */
    double share_within_3h;        /* within_3h / succeeded */
    double mean_min, p50_min, p90_min, p99_min; /* acceptance to hand-over or laboratory, of those that succeeded */
    double km_per_order;           /* driven by all couriers / succeeded */
    double work_min_per_order;     /* driving and at stops, all couriers / succeeded */
    double late_min_per_order;     /* beyond three hours / succeeded */
    double share_of_all_within_3h; /* within_3h / orders not cancelled, not failed at the door: what nobody brought counts against it */
    uint32_t specimens;            /* collected */
    uint64_t driven_s;             /* of all couriers, on the road */
    /* with hindsight: the played visits timed again without waiting for answers, and the best that was found when all was known */
    uint64_t played_travel_s, played_late_s, hindsight_travel_s, hindsight_late_s; /* travel alone, once nobody is late */
    uint64_t foresight_travel_s, foresight_late_s; /* the best of the planner's own prices, by which sooner is better too */
    uint32_t hindsight_left;       /* orders that it leaves out: 0, or the figures can't be compared */
    double decision_mean_ms, decision_max_ms; /* 0 without a clock */
    double changes_per_order;      /* stops already told to a courier that moved or left / orders */
    double collection_to_lab_mean_min;
    uint32_t specimens_too_old;    /* beyond their stability at the laboratory's door */
    uint32_t promises_missed, breakdowns, declines, offline;
    uint64_t facts, plans, evaluations;
    struct sha256 digest;          /* of all facts: two equal runs have equal digests */
};

/** Play the day. INVALID_ARGUMENT for options out of bounds or a map on which the city can't be laid out; INTERNAL if a plan fails its check. */
must_use enum status sim_run(const struct geo_metric *metric, const struct sim_options *options, struct sim_result *out, struct error *err);

/* ---- days of the Meal Delivery Routing Problem (Reyes, Erera, Savelsbergh et al. 2018) ---- */

enum {
    MDRP_ORDERS_MAX = 20000,           /* the largest public day has about 1,200 */
    MDRP_COURIERS_MAX = 5000,
    MDRP_RESTAURANTS_MAX = 5000,
    MDRP_NAME_MAX = 24,
    MDRP_METRES_MAX = 1000000,         /* coordinates lie within +- this */
    MDRP_MINUTES_MAX = 10080,          /* times lie within a week */
};

struct mdrp_spot {
    char name[MDRP_NAME_MAX];
    double x, y;                       /* metres */
};
struct mdrp_order {
    struct mdrp_spot spot;
    uint32_t restaurant;               /* index */
    int32_t placed_s, ready_s;
};
struct mdrp_courier {
    struct mdrp_spot spot;
    int32_t on_s, off_s;
};
struct mdrp_instance {
    double metres_per_minute;
    uint32_t pickup_service_s, dropoff_service_s, target_s; /* services even: half before the hand-over, half after */
    uint32_t restaurant_count, order_count, courier_count;
    struct mdrp_spot *restaurants;     /* owned, as the next two; in the files' order */
    struct mdrp_order *orders;
    struct mdrp_courier *couriers;
};
/** The four files of an instance as text, by column names; borrowed for the call. */
struct mdrp_texts {
    struct mdrp_text {
        const char *text;
        size_t size;
    } restaurants, orders, couriers, parameters;
};
/** INVALID_ARGUMENT with file, line and what is wrong. */
must_use enum status mdrp_read(const struct mdrp_texts *texts, struct mdrp_instance **out, struct error *err);
void mdrp_free(struct mdrp_instance *instance);
/** A place by its index, as below. */
const struct mdrp_spot *mdrp_place(const struct mdrp_instance *instance, uint32_t place);
/** Seconds between two places, rounded up; places are restaurants, then orders, then couriers' starts. */
uint32_t mdrp_travel_s(const struct mdrp_instance *instance, uint32_t from, uint32_t to);

struct mdrp_options {
    enum sim_policy policy;
    bool relaxed;                      /* pooling across restaurants, only the leg being driven is committed; else the strict rules */
    uint64_t seed;
    uint32_t iterations;               /* of the planner at each event (lns) */
    struct plan_weights weights;       /* of the planner */
    int64_t (*clock_us)(void);         /* NULL, or: times decisions for the record; changes nothing else */
};
/** Prices and iterations that did well by these rules. */
struct mdrp_options mdrp_options_default(bool relaxed);

/** One instruction to a courier. Strict rules: a bundle. Relaxed: one pick-up. */
struct mdrp_assignment {
    uint32_t courier, order_first, order_count; /* of mdrp_day.bundled */
    int32_t assigned_s, pickup_s;
};
struct mdrp_move {
    uint32_t courier, from, to;        /* places as for mdrp_travel_s */
    int32_t depart_s;
};
/** What was done, in the order in which it was committed; everything owned. */
struct mdrp_day {
    uint32_t order_count;
    struct mdrp_fate {
        uint32_t courier;              /* UINT32_MAX: never delivered */
        int32_t pickup_s, dropoff_s;
        bool reachable;                /* some courier could have picked it up before his off time had he done nothing else */
    } *fates;
    uint32_t assignment_count, bundled_count, move_count;
    struct mdrp_assignment *assignments;
    uint32_t *bundled;                 /* orders in the sequence of hand-over */
    struct mdrp_move *moves;           /* ascending by departure for each courier */
};
void mdrp_day_free(struct mdrp_day *day);

struct mdrp_result {
    uint32_t orders, delivered, unreachable;
    double click_to_door_mean_min, click_to_door_p50_min, click_to_door_p90_min, click_to_door_p99_min; /* of the delivered; percentiles interpolated */
    double overage_mean_min, over_target_share, ready_to_pickup_mean_min;
    double orders_per_bundle, utilization; /* driving and serving / shift hours */
    double km_per_order, work_min_per_order; /* work: driving and serving */
    double changes_per_order;          /* orders taken from a courier who had been told of them / orders */
    double bound_mean_min, bound_p90_min; /* infinite fleet: each order as if a courier of its own stood waiting */
    uint32_t bound_in_target, in_target; /* orders within the target by the bound; of those, how many this day brought in time */
    uint64_t decisions, evaluations;
    double decision_mean_ms, decision_max_ms; /* 0 without a clock */
    struct sha256 digest;              /* of the day's log */
};
/** Play the day. INTERNAL if a plan fails its check or the log breaks a rule. `day` (NULL: not wanted) is the caller's. */
must_use enum status mdrp_run(const struct mdrp_instance *instance, const struct mdrp_options *options, struct mdrp_result *out, struct mdrp_day **day,
                              struct error *err);

/** The benchmark's three solution files. Minutes with all digits a double has. Cap the buffers at 64 MB. */
void mdrp_write(const struct mdrp_instance *instance, const struct mdrp_day *day, struct buffer *assignments, struct buffer *orders, struct buffer *couriers);

#endif
