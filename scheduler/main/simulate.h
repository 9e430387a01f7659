/* Private to main: what the forms of `meddispatch simulate` share. */
#ifndef MAIN_SIMULATE_H
#define MAIN_SIMULATE_H

#include "sim/sim.h"

enum { POLICIES_MAX = 3 };

struct simulate_options {
    const char *map, *mdrp, *demand, *traffic, *out;
    struct sim_options sim;
    enum sim_policy policies[POLICIES_MAX];
    uint32_t policy_count;
    uint32_t iterations;              /* 0: the form's own default */
    bool relaxed, json, fleet_search, help;
};

/* A day of the Meal Delivery Routing Problem from the folder options->mdrp, once by each policy. The exit code. */
int simulate_mdrp(const struct simulate_options *options);
/* A day of a city on options->map, once by each policy, or the number of couriers that each needs. The exit code. */
int simulate_city(struct simulate_options *options);

#endif
