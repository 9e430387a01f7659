/* Private to plan: which couriers are worth trying for a task. Needs places in the plane and a speed nobody exceeds (plan_oracle.spots); then what it
 * says of a courier is a lower bound of what insertion_best would find, so that the best of all is found without trying all. */
#ifndef PLAN_NEAR_H
#define PLAN_NEAR_H

#include "tour.h"

/* A task as the bounds see it: each step anywhere among its choices. */
struct near_query {
    const struct plan_task *task;
    uint32_t steps;
    int64_t inner_s[PLAN_STEPS_MAX][PLAN_STEPS_MAX]; /* travel from step i to step k through those between, at the least */
    int64_t service_s[PLAN_STEPS_MAX];
    int64_t open_s[PLAN_STEPS_MAX], close_s[PLAN_STEPS_MAX];
    bool may_skip;                    /* the first step, for who has a kit */
    uint32_t anchor;                  /* the step around which couriers are looked for */
    int64_t tail_s, floor_s;          /* from coming to the anchor to the end of all, and when that is at the earliest for anybody */
    int32_t earliest_s;               /* nobody is free before */
};

struct near *near_new(const struct plan_problem *problem);
void near_free(struct near *near);                       /* NULL is fine */
void near_touch(struct near *near, uint32_t courier);    /* his tour has changed */

/* A courier's points by his tour as it stands: the start, each stop, and the base if he has one; count + 1 of them can be left. */
const struct gap *near_gaps(struct work *work, uint32_t courier);
/* Seconds from a point to the nearest choice of a step, at the least. */
int64_t near_way_s(const struct work *work, const struct near_query *query, int32_t x_m, int32_t y_m, uint32_t step);

void near_query_init(struct work *work, uint32_t task, struct near_query *out);
/* At least so much the task would add to the courier's soft cost; INT64_MAX: he can't at all. Without an index: 0. Beyond `limit` any bound will do,
 * so the first that comes is taken. */
int64_t near_bound(struct work *work, const struct near_query *query, uint32_t courier, int64_t limit);

/* Who is near, ring by ring around the anchor. */
struct near_walk {
    const struct near_query *query;
    int32_t column, row, ring;
    bool done;
    int64_t beyond;                   /* whoever has not come yet adds at least this much, the strays aside */
};
void near_walk_begin(struct work *work, const struct near_query *query, struct near_walk *walk);
/* The next ring's couriers, each once in a walk; returns how many (0 is not the end: see `done`). `out` has room for all couriers. */
uint32_t near_walk_next(struct work *work, struct near_walk *walk, uint32_t *out);

/* Whoever has a long way between two of his stops may pass near without having a stop near: they come last, those who can't add less than `limit` aside. */
uint32_t near_walk_strays(struct work *work, struct near_walk *walk, int64_t limit, uint32_t *out);

/* Where the task costs least, of all couriers, without trying all; among equals the first courier. PLAN_ANY: nowhere. The way is in *out. */
uint32_t near_cheapest(struct work *work, uint32_t task, struct insertion *out);
/* Of these alone. `bound`: only below this cost. */
uint32_t near_cheapest_of(struct work *work, const struct near_query *query, uint32_t task, const uint32_t *couriers, uint32_t count, int64_t bound, struct insertion *out);
/* The couriers with the lowest bounds, lowest first. */
uint32_t near_list(struct work *work, const struct near_query *query, uint32_t *out, uint32_t capacity);

#endif
