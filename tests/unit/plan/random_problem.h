/* Random small problems on a grid of streets (Manhattan travel keeps the triangle inequality), for the oracles of plan's tests. */
#ifndef TEST_RANDOM_PROBLEM_H
#define TEST_RANDOM_PROBLEM_H

#include "plan/plan.h"

enum { TEST_TASKS_MAX = 64, TEST_COURIERS_MAX = 8, TEST_PLACES = 60 };

struct test_problem {
    struct plan_problem problem;
    struct plan_task tasks[TEST_TASKS_MAX];
    struct plan_courier couriers[TEST_COURIERS_MAX];
    struct plan_ref stops[TEST_COURIERS_MAX][PLAN_STOPS_MAX];
    int32_t x[TEST_PLACES], y[TEST_PLACES];
    struct plan_spot spots[TEST_PLACES];
    uint32_t island;          /* a place without roads; TEST_PLACES: none */
};

struct plan_leg test_travel(void *context, uint32_t from, uint32_t to);
/* Free tasks, empty routes. Tight makes limits bite often. */
void test_problem_fill(struct test_problem *out, struct rng *rng, uint32_t tasks, uint32_t couriers, bool tight);
/* Make an answer the running route of its couriers: the first stops told, some tasks committed, prefixes fixed. */
void test_problem_run(struct test_problem *problem, struct rng *rng, const struct plan_solution *solution);

#endif
