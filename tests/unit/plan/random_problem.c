/* Random planning problems by seed, for oracles and properties. */
#include "random_problem.h"

#include <stdlib.h>
#include <string.h>

struct plan_leg test_travel(void *context, uint32_t from, uint32_t to)
{
    const struct test_problem *problem = context;
    if (from != to && (from == problem->island || to == problem->island)) return (struct plan_leg){PLAN_UNREACHABLE, 0};
    uint32_t m = (uint32_t)(abs(problem->x[from] - problem->x[to]) + abs(problem->y[from] - problem->y[to]));
    return (struct plan_leg){m, 5 * m};
}

static uint32_t setup_of(uint32_t place)
{
    return place % 3 == 0 ? place * 137 % 400 : 0;
}

static struct plan_choice random_choice(struct rng *rng, bool tight)
{
    struct plan_choice choice = {.place = rng_below(rng, TEST_PLACES), .open_s = 0, .close_s = PLAN_NO_LIMIT_S, .service_s = rng_below(rng, 300)};
    choice.setup_s = setup_of(choice.place);
    if (rng_below(rng, 3) == 0) choice.open_s = (int32_t)rng_below(rng, 3000);
    if (rng_below(rng, 3) == 0) choice.close_s = choice.open_s + (int32_t)rng_below(rng, tight ? 2000 : 8000);
    return choice;
}

static void fill_task(struct plan_task *task, struct rng *rng, uint64_t id, bool tight)
{
    *task = (struct plan_task){.order = {id}, .priority = (enum priority)(1 + rng_below(rng, 3)), .courier = PLAN_ANY, .latest_s = PLAN_NO_LIMIT_S};
    bool test = rng_below(rng, 3) == 0;
    int32_t load = (int32_t)rng_below(rng, 500), cold = rng_below(rng, 3) ? 0 : (int32_t)rng_below(rng, 300);
    task->step_count = test ? 3 : 1 + (rng_below(rng, 5) > 0);
    for (uint32_t s = 0; s < task->step_count; s++) {
        task->steps[s].choice_count = 1;
        task->steps[s].choices[0] = random_choice(rng, tight);
    }
    task->steps[0].kind = test ? STOP_KIT : STOP_PICKUP;
    task->steps[task->step_count - 1].kind = test ? STOP_LAB : STOP_HOME;
    if (test) {
        task->steps[0].skip_with_kit = rng_below(rng, 2);
        task->steps[1].kind = STOP_HOME;
        task->steps[2].choice_count = 1 + rng_below(rng, 3);
        for (uint32_t c = 1; c < task->steps[2].choice_count; c++) task->steps[2].choices[c] = random_choice(rng, tight);
        if (rng_below(rng, 2)) task->ride_max_s = 300 + rng_below(rng, tight ? 800 : 4000);
        task->skills = rng_below(rng, 2) ? BIT(SKILL_SAMPLING) : 0;
    } else if (task->step_count == 2) {
        task->steps[0].volume_ml = load;
        task->steps[1].volume_ml = -load;
        task->steps[0].cold_ml = cold;
        task->steps[1].cold_ml = -cold;
        task->skills = cold ? BIT(SKILL_COLD_CHAIN) : 0;
        if (cold && rng_below(rng, 2)) task->ride_max_s = 200 + rng_below(rng, tight ? 800 : 4000);
    }
    task->accepted_s = -(int32_t)rng_below(rng, 2000);
    task->due_s = rng_below(rng, 8) == 0 ? PLAN_NO_LIMIT_S : (int32_t)rng_below(rng, tight ? 4000 : 9000);
    if (rng_below(rng, 6) == 0) task->latest_s = (int32_t)rng_below(rng, 9000);
}

static void fill_break(struct plan_courier *courier, struct rng *rng)
{
    int32_t from_s = (int32_t)rng_below(rng, 3000);
    courier->break_count = 1 + (rng_below(rng, 4) == 0);
    for (uint32_t i = 0; i < courier->break_count; i++) {
        courier->breaks[i] = (struct plan_break){from_s, from_s + (int32_t)rng_below(rng, 1500), 60 + rng_below(rng, 900)};
        from_s = courier->breaks[i].by_s + (int32_t)(courier->breaks[i].span_s + rng_below(rng, 2000));
    }
}

void test_problem_fill(struct test_problem *out, struct rng *rng, uint32_t tasks, uint32_t couriers, bool tight)
{
    memset(out, 0, sizeof *out);
    for (uint32_t p = 0; p < TEST_PLACES; p++) {
        out->x[p] = (int32_t)rng_below(rng, 1000);
        out->y[p] = (int32_t)rng_below(rng, 1000);
        out->spots[p] = (struct plan_spot){out->x[p], out->y[p]};
    }
    bool pairs = rng_below(rng, 4) == 0; /* pick-up and delivery only */
    out->island = rng_below(rng, 3) ? TEST_PLACES : rng_below(rng, TEST_PLACES);
    for (uint32_t t = 0; t < tasks; t++) {
        do fill_task(&out->tasks[t], rng, t + 1, tight);
        while (pairs && out->tasks[t].step_count != 2);
        if (t == 0 || rng_below(rng, 3)) continue;
        struct plan_choice *choice = &out->tasks[t].steps[0].choices[0]; /* goods of one place */
        choice->place = out->tasks[t - 1].steps[0].choices[0].place;
        choice->setup_s = setup_of(choice->place);
    }
    for (uint32_t c = 0; c < couriers; c++) {
        out->couriers[c] = (struct plan_courier){.courier = {c + 1}, .place = rng_below(rng, TEST_PLACES), .start_s = (int32_t)rng_below(rng, 600),
                                                 .end_s = (int32_t)(3000 + rng_below(rng, tight ? 4000 : 20000)),
                                                 .base_place = rng_below(rng, 4) ? PLAN_ANY : rng_below(rng, TEST_PLACES),
                                                 .skills = rng_below(rng, 8), .volume_ml_max = 300 + rng_below(rng, 900), .cold_ml_max = rng_below(rng, 600),
                                                 .kits = rng_below(rng, 3), .stops = out->stops[c]};
        if (rng_below(rng, 4) == 0) out->couriers[c].pick_by_s = 500 + (int32_t)rng_below(rng, 4000);
        if (rng_below(rng, 3) == 0) fill_break(&out->couriers[c], rng);
        if (rng_below(rng, 4) == 0) out->couriers[c].route_m_max = 4000 + rng_below(rng, tight ? 8000 : 30000);
        if (rng_below(rng, 4) == 0) out->couriers[c].route_s_max = 1500 + rng_below(rng, tight ? 3000 : 20000);
        if (rng_below(rng, 2) == 0) out->couriers[c].worked_s = rng_below(rng, 20000);
    }
    for (uint32_t t = 0; t < tasks; t++) {
        if (rng_below(rng, 8) == 0) out->tasks[t].forbidden[out->tasks[t].forbidden_count++] = rng_below(rng, couriers);
        if (rng_below(rng, 10) == 0) out->tasks[t].courier = rng_below(rng, couriers);
    }
    out->problem = (struct plan_problem){.place_count = TEST_PLACES, .task_count = tasks, .courier_count = couriers, .tasks = out->tasks,
                                         .couriers = out->couriers, .oracle = {.travel = test_travel, .context = out}, .weights = plan_weights_default(), .one_bundle = rng_below(rng, 2) == 0};
    if (rng_below(rng, 4)) { /* nobody is faster than one metre a second, as the crow flies */
        out->problem.oracle.spots = out->spots;
        out->problem.oracle.speed_mmps = 1000;
    }
    for (uint32_t t = 0; t < tasks; t++) out->problem.one_bundle &= out->tasks[t].step_count == 2;
}

void test_problem_run(struct test_problem *problem, struct rng *rng, const struct plan_solution *solution)
{
    for (uint32_t c = 0; c < problem->problem.courier_count; c++) {
        struct plan_courier *courier = &problem->couriers[c];
        const struct plan_tour *tour = &solution->tours[c];
        courier->stop_count = tour->stop_count;
        courier->fixed_count = 0;
        for (uint32_t i = 0; i < tour->stop_count; i++) {
            problem->stops[c][i] = tour->stops[i].ref;
            struct plan_task *task = &problem->tasks[tour->stops[i].ref.task];
            if (tour->stops[i].ref.step <= 1 && rng_below(rng, 2) == 0) {
                task->committed = true;
                task->courier = c;
            }
        }
        for (uint32_t i = 0; i < tour->stop_count; i++) problem->stops[c][i].told = problem->tasks[problem->stops[c][i].task].committed;
        if (tour->stop_count > 0 && problem->tasks[problem->stops[c][0].task].committed && rng_below(rng, 2)) courier->fixed_count = 1;
        courier->start_s += (int32_t)rng_below(rng, 900); /* delays make some commitments impossible */
    }
}
