/* Private to plan: one courier's sequence of stops, what it costs, and the working state of a run. */
#ifndef PLAN_TOUR_H
#define PLAN_TOUR_H

#include "plan/plan.h"

/* Hard limits, one bit each: a question may leave some out ("would he do it if the laboratory were open?"). */
enum { LIMIT_ROAD = 1, LIMIT_BOX = 2, LIMIT_OPEN = 4, LIMIT_RIDE = 8, LIMIT_SHIFT = 16, LIMIT_LENGTH = 32, LIMIT_BREAK = 64, LIMIT_COUNT = 7, LIMIT_NONE = 0 };

/* Overruns that are not seconds are priced as many: no amount of lateness outweighs a missing road or a full box. */
enum { OVERRUN_ROAD_S = 10000000, OVERRUN_BOX_S = 1000000 };

struct told_place {
    uint32_t courier;                 /* PLAN_ANY: nobody was told */
    int32_t index[PLAN_STEPS_MAX];    /* among the told stops of that courier's running route; -1 not told */
    uint8_t choice[PLAN_STEPS_MAX];
};

/* Where a courier stands after some of his stops. */
struct step_state {
    uint32_t place;
    int32_t time_s, arrive_s;         /* left the last stop; came to it */
    int32_t volume_ml, cold_ml;
    uint32_t on_board, site;          /* one_bundle: tasks picked up and where */
    bool unloading;
    uint64_t violation_s;             /* by committed tasks */
    uint64_t free_violation_s;        /* by free tasks: must be 0 */
    int64_t soft;                     /* without changes and work */
    uint64_t late_s, travel_s, travel_m;
    uint32_t late_count, kits_used, breaks; /* breaks taken */
    int32_t told_last;
    uint32_t told_seen, told_moved;
};

struct tour_value {
    uint64_t violation_s, free_violation_s;
    int64_t soft;
    uint64_t late_s, travel_s, travel_m;
    uint32_t late_count, changes;
};

struct tour {
    uint32_t count;
    struct plan_ref refs[PLAN_STOPS_MAX];
    int32_t begin_s[PLAN_STOPS_MAX];
    struct tour_value value;
};

/* What the index knows of a route's point: the start (0) and each stop. */
struct gap {
    int32_t x_m, y_m;
    int32_t leave_s;                  /* he leaves it */
    int32_t leg_s;                    /* to the next, or to base; -1: the route ends here, open */
    int32_t slope;                    /* the least that a second's delay of leaving it costs, from what comes after it */
    int64_t soft;                     /* the route's soft cost up to here */
};

struct leg_slot {
    uint32_t from_plus1, to;
    struct plan_leg leg;
};

struct work {
    const struct plan_problem *problem;
    struct tour *tours;               /* per courier */
    uint32_t *at;                     /* per task: courier, or PLAN_ANY */
    struct told_place *told;          /* per task */
    uint32_t *told_count;             /* per courier */
    struct leg_slot *legs;            /* direct-mapped cache of the oracle */
    uint32_t leg_mask;
    uint64_t evaluations, bounded, tried; /* stops placed; couriers looked at from afar, and tried */
    uint32_t tries_max;               /* couriers tried for a task at the most, the likeliest first; 0: as many as it takes to be sure */
    unsigned ignore;                  /* LIMIT_* bits left out of the measure */
    struct near *near;                /* NULL: no index (near.h) */
    const struct near_query *query;   /* the task that is being placed, for bounds; NULL: none */
};

void work_init(struct work *work, const struct plan_problem *problem);
void work_deinit(struct work *work);
struct plan_leg work_leg(struct work *work, uint32_t from, uint32_t to);

/* Make this sequence the courier's. */
void work_set_tour(struct work *work, uint32_t courier, const struct plan_ref *refs, uint32_t count);
/* The tour was written over (an undo): the index looks again. */
void work_touch(struct work *work, uint32_t courier);
/* The step after the last one of the task that is in the committed prefix; 0: none of it is. */
uint32_t work_fixed_steps(const struct work *work, uint32_t courier, uint32_t task);
/* What the last step's end at this second costs, late or not. */
int64_t finish_price(const struct plan_weights *weights, const struct plan_task *task, int64_t done_s);

void tour_begin(const struct work *work, uint32_t courier, struct step_state *state);
/* Do one stop. `refs[0..index)` are the stops before it and `begin_s` their beginnings; begin_s[index] is filled. */
void tour_step(struct work *work, uint32_t courier, const struct plan_ref *refs, uint32_t index, int32_t *begin_s, struct step_state *state);
/* Close the books. `partial`: a chain is not whole yet, so what is missing is not counted as taken away. */
void tour_finish(struct work *work, uint32_t courier, const struct plan_ref *last, const struct step_state *state, bool partial, struct tour_value *out);
void tour_measure(struct work *work, uint32_t courier, const struct plan_ref *refs, uint32_t count, int32_t *begin_s, struct tour_value *out);
/* No free task overruns anything, and committed ones overrun no more than they would without the free ones. */
bool tour_is_sound(struct work *work, uint32_t courier, const struct plan_ref *refs, uint32_t count, const struct tour_value *value);
/* Take a task's stops out of a sequence, but not those before `from`. Returns the new count. */
uint32_t tour_without(const struct plan_ref *refs, uint32_t count, uint32_t task, uint32_t from, struct plan_ref *out);

struct insertion {
    bool found;
    int64_t added;                    /* soft cost */
    uint64_t violation_added;         /* only if asked for with `force` */
    uint32_t count;
    struct plan_ref refs[PLAN_STOPS_MAX];
};
/* The cheapest way to put the task's steps from `first_step` on into `refs` (a sequence without them, worth `before`), not before position
 * `from`. `bound`: only below this added cost. `force`: least violation first, always finds a way if there is room. */
void insertion_best(struct work *work, uint32_t courier, const struct plan_ref *refs, uint32_t count, const struct tour_value *before,
                    uint32_t task, uint32_t first_step, uint32_t from, int64_t bound, bool force, struct insertion *out);
/* Whether the courier may be asked at all: skills, fixed, forbidden, held. */
bool task_allows(const struct plan_problem *problem, uint32_t task, uint32_t courier);
bool task_has_skills(const struct plan_problem *problem, uint32_t task, uint32_t courier);

/* Why the courier can't take the task into this sequence (which lacks it). */
void reason_for_courier(struct work *work, uint32_t courier, uint32_t task, struct plan_bid *out);
/* Why nobody can. */
void reason_for_task(struct work *work, uint32_t task, struct plan_left *out);

uint32_t priority_weight(enum priority priority);

#endif
