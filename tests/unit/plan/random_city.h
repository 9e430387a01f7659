/* A random city for the index and for scale: couriers under way, orders of all kinds, on a plane with Manhattan streets. */
#ifndef TEST_RANDOM_CITY_H
#define TEST_RANDOM_CITY_H

#include "plan/plan.h"

struct random_city {
    struct plan_problem problem;
    struct plan_task *tasks;
    struct plan_courier *couriers;
    struct plan_spot *spots;
    uint32_t width_m, speed_mmps;
};

/* Places: half for couriers and homes, some pharmacies, some laboratories. Free tasks, empty routes; skills, boxes, kits, breaks, bases and shifts vary. */
struct random_city *random_city_new(uint64_t seed, uint32_t couriers, uint32_t tasks, uint32_t width_m);
void random_city_free(struct random_city *city);

#endif
