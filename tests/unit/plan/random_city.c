/* A random city by seed. */
#include "random_city.h"

#include <stdlib.h>

enum { PHARMACIES = 40, LABS = 6, DEPOTS = 4, HOUR_S = 3600 };

/* Along the streets at 6 m/s, rounded up: never faster than the straight line at that speed. */
static struct plan_leg travel(void *context, uint32_t from, uint32_t to)
{
    const struct random_city *city = context;
    uint32_t m = (uint32_t)(abs(city->spots[from].x_m - city->spots[to].x_m) + abs(city->spots[from].y_m - city->spots[to].y_m));
    return (struct plan_leg){(uint32_t)(((uint64_t)m * 1000 + city->speed_mmps - 1) / city->speed_mmps), m};
}

static struct plan_choice choice(struct rng *rng, uint32_t place)
{
    struct plan_choice out = {.place = place, .close_s = PLAN_NO_LIMIT_S, .service_s = 60 + rng_below(rng, 200), .setup_s = place % 3 == 0 ? place * 17 % 120 : 0};
    if (rng_below(rng, 4) == 0) out.open_s = (int32_t)rng_below(rng, 2 * HOUR_S);
    if (rng_below(rng, 8) == 0) out.close_s = out.open_s + (int32_t)rng_below(rng, 3 * HOUR_S);
    return out;
}

static void fill_task(struct rng *rng, struct plan_task *task, uint32_t index, uint32_t home)
{
    bool test = rng_below(rng, 3) == 0;
    *task = (struct plan_task){.order = {index + 1}, .priority = (enum priority)(1 + (rng_below(rng, 5) == 0) + (rng_below(rng, 20) == 0)), .courier = PLAN_ANY,
                               .latest_s = PLAN_NO_LIMIT_S, .accepted_s = -(int32_t)rng_below(rng, HOUR_S), .step_count = test ? 3 : 2};
    task->due_s = task->accepted_s + 3 * HOUR_S;
    for (uint32_t s = 0; s < task->step_count; s++) task->steps[s].choice_count = 1;
    task->steps[0].kind = test ? STOP_KIT : STOP_PICKUP;
    task->steps[0].choices[0] = choice(rng, rng_below(rng, PHARMACIES));
    task->steps[1].kind = STOP_HOME;
    task->steps[1].choices[0] = choice(rng, home);
    if (!test) {
        int32_t load = 100 + (int32_t)rng_below(rng, 4000), cold = rng_below(rng, 5) ? 0 : 500;
        task->steps[0].volume_ml = load;
        task->steps[1].volume_ml = -load;
        task->steps[0].cold_ml = cold;
        task->steps[1].cold_ml = -cold;
        task->skills = cold ? BIT(SKILL_COLD_CHAIN) : 0;
        task->ride_max_s = cold ? HOUR_S : 0;
        return;
    }
    task->steps[0].choices[0].place = PHARMACIES + LABS + rng_below(rng, DEPOTS);
    task->steps[0].choices[0].setup_s = 0;
    task->steps[0].skip_with_kit = rng_below(rng, 2);
    task->steps[2].kind = STOP_LAB;
    task->steps[2].choice_count = 1 + rng_below(rng, 3);
    for (uint32_t k = 0; k < task->steps[2].choice_count; k++) task->steps[2].choices[k] = choice(rng, PHARMACIES + (index + k) % LABS);
    task->skills = BIT(SKILL_SAMPLING);
    if (rng_below(rng, 2)) task->ride_max_s = HOUR_S + rng_below(rng, HOUR_S);
}

struct random_city *random_city_new(uint64_t seed, uint32_t couriers, uint32_t tasks, uint32_t width_m)
{
    struct random_city *city = mem_zalloc(1, sizeof *city);
    struct rng rng;
    uint32_t places = PHARMACIES + LABS + DEPOTS + couriers + tasks;
    rng_init(&rng, seed);
    city->width_m = width_m;
    city->speed_mmps = 6000;
    city->tasks = mem_zalloc(tasks, sizeof *city->tasks);
    city->couriers = mem_zalloc(couriers, sizeof *city->couriers);
    city->spots = mem_zalloc(places, sizeof *city->spots);
    for (uint32_t p = 0; p < places; p++) city->spots[p] = (struct plan_spot){(int32_t)rng_below(&rng, width_m), (int32_t)rng_below(&rng, width_m)};
    for (uint32_t t = 0; t < tasks; t++) fill_task(&rng, &city->tasks[t], t, PHARMACIES + LABS + DEPOTS + couriers + t);
    for (uint32_t c = 0; c < couriers; c++) {
        uint32_t place = PHARMACIES + LABS + DEPOTS + c;
        city->couriers[c] = (struct plan_courier){.courier = {c + 1}, .place = place, .start_s = (int32_t)rng_below(&rng, 600), .end_s = (int32_t)(3 * HOUR_S + rng_below(&rng, 5 * HOUR_S)),
                                                  .base_place = rng_below(&rng, 5) ? PLAN_ANY : place, .skills = rng_below(&rng, 4), .volume_ml_max = 20000, .cold_ml_max = 3000,
                                                  .kits = rng_below(&rng, 3), .worked_s = rng_below(&rng, 5 * HOUR_S)};
        if (rng_below(&rng, 4) == 0) {
            int32_t from_s = (int32_t)rng_below(&rng, 2 * HOUR_S);
            city->couriers[c].break_count = 1;
            city->couriers[c].breaks[0] = (struct plan_break){from_s, from_s + HOUR_S, 1800};
        }
        if (rng_below(&rng, 8) == 0) city->couriers[c].route_m_max = 40000;
    }
    city->problem = (struct plan_problem){.place_count = places, .task_count = tasks, .courier_count = couriers, .tasks = city->tasks, .couriers = city->couriers,
                                          .oracle = {travel, city, city->spots, city->speed_mmps}, .weights = plan_weights_default()};
    return city;
}

void random_city_free(struct random_city *city)
{
    if (!city) return;
    free(city->tasks);
    free(city->couriers);
    free(city->spots);
    free(city);
}
