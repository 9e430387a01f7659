/* Private to sim: the state of a meal-delivery day. Places are numbered as for mdrp_travel_s. */
#ifndef SIM_MDRP_H
#define SIM_MDRP_H

#include "sim/sim.h"

enum { NOBODY = UINT32_MAX, HORIZON_S = 2700 }; /* couriers who come on shift within the horizon are planned with */

enum meal_state { MEAL_UNKNOWN, MEAL_OPEN, MEAL_TAKEN, MEAL_DONE };

struct meal_ref {
    uint32_t order;
    bool drop;
};

struct runner {
    uint32_t place;
    int32_t free_s;                   /* at `place` with nothing under way from then on; on_s at first */
    uint32_t on_board;                /* relaxed: orders picked up and not yet handed over */
    uint32_t count;                   /* the plan from here on; nothing of it is told */
    struct meal_ref route[PLAN_STOPS_MAX];
};

struct meals {
    const struct mdrp_instance *instance;
    const struct mdrp_options *options;
    struct mdrp_result *result;
    struct mdrp_day *day;
    uint32_t assignment_capacity, bundled_capacity, move_capacity;
    int32_t now_s;
    enum meal_state *states;          /* per order */
    uint32_t *by_placement, next_placed, open_count;
    struct runner *runners;
    struct plan_spot *spots;          /* per place, for the planner's index */
    int64_t decision_us_sum, decision_us_max;
};

static inline uint32_t restaurant_place(const struct meals *meals, uint32_t order)
{
    return meals->instance->orders[order].restaurant;
}
static inline uint32_t home_place(const struct meals *meals, uint32_t order)
{
    return meals->instance->restaurant_count + order;
}
static inline uint32_t courier_place(const struct meals *meals, uint32_t courier)
{
    return meals->instance->restaurant_count + meals->instance->order_count + courier;
}
/* When the courier could set off for something new. */
static inline int32_t runner_start(const struct meals *meals, uint32_t courier)
{
    int32_t free_s = meals->runners[courier].free_s;
    return free_s > meals->now_s ? free_s : meals->now_s;
}
/* Time of the first pick-up if he sets off for `order` at `start_s`; half of the service is before it. */
int32_t pickup_time(const struct meals *meals, uint32_t courier, int32_t start_s, uint32_t order);

/* Fill every runner's route with open orders (and, relaxed, what he has on board). mdrp_policy.c, mdrp_plan.c */
enum status meals_nearest(struct meals *meals, struct error *err);
enum status meals_batch(struct meals *meals, struct error *err);
enum status meals_lns(struct meals *meals, struct error *err);

/* Recompute the whole log by the rules. INTERNAL with the first thing that is wrong. mdrp_sum.c */
enum status meals_check(const struct mdrp_instance *instance, bool relaxed, const struct mdrp_day *day, struct error *err);
void meals_sum_up(const struct mdrp_instance *instance, const struct mdrp_day *day, struct mdrp_result *result);

#endif
