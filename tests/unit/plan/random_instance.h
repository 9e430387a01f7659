/* Made-up public-benchmark instances for tests, and the best answer to small ones by looking at all. */
#ifndef TESTS_RANDOM_INSTANCE_H
#define TESTS_RANDOM_INSTANCE_H

#include "plan/plan.h"

struct test_instance_shape {
    uint32_t requests;
    enum plan_family family;  /* PLAN_SARTORI_BURIOL: a closed matrix (no detour is shorter) */
    uint32_t horizon, window; /* the day, and how long windows stay open at most */
};
/** Every pair can be served alone. Free with plan_instance_free. */
struct plan_instance *test_instance_new(struct rng *rng, struct test_instance_shape shape);

/** Fewest routes, then the shortest way, by all sequences of all sets; at most 7 requests. */
void test_instance_best(const struct plan_instance *instance, uint32_t *routes, double *distance);

#endif
