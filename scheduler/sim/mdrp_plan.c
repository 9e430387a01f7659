/* The planner on a meal-delivery day: what is open and what is on board becomes a plan_problem, the running plan its warm start, the answer the new
 * plan. The second half of a pick-up's service is charged to the way out of the restaurant, so it is paid once for a bundle. */
#include "mdrp.h"

#include <stdlib.h>
#include <string.h>

struct draft {
    const struct meals *meals;
    struct plan_problem problem;
    struct plan_task *tasks;
    struct plan_courier *couriers;
    struct plan_ref *stops;           /* PLAN_STOPS_MAX per courier */
    uint32_t *order_of, *task_of;     /* task -> order, order -> task */
    uint32_t *runner_of;              /* courier of the problem -> runner */
};

static struct plan_leg travel(void *context, uint32_t from, uint32_t to)
{
    const struct mdrp_instance *instance = context;
    uint32_t way_s = mdrp_travel_s(instance, from, to);
    if (from < instance->restaurant_count) way_s += instance->pickup_service_s / 2;
    return (struct plan_leg){way_s, (uint32_t)((double)way_s * instance->metres_per_minute / 60)};
}

static void fill_task(const struct draft *draft, uint32_t order, struct plan_task *out)
{
    const struct mdrp_instance *instance = draft->meals->instance;
    const struct mdrp_order *meal = &instance->orders[order];
    int32_t half_s = (int32_t)(instance->dropoff_service_s / 2);
    struct plan_step pickup = {.kind = STOP_PICKUP, .choice_count = 1};
    pickup.choices[0] = (struct plan_choice){.place = restaurant_place(draft->meals, order), .open_s = meal->ready_s, .close_s = PLAN_NO_LIMIT_S, .setup_s = instance->pickup_service_s / 2};
    struct plan_step home = {.kind = STOP_HOME, .choice_count = 1};
    home.choices[0] = (struct plan_choice){.place = home_place(draft->meals, order), .close_s = PLAN_NO_LIMIT_S, .setup_s = (uint32_t)half_s, .service_s = (uint32_t)half_s};
    *out = (struct plan_task){.order = {order + 1}, .priority = PRIORITY_ROUTINE, .accepted_s = meal->placed_s + half_s, .due_s = meal->placed_s + (int32_t)instance->target_s + half_s,
                              .latest_s = PLAN_NO_LIMIT_S, .courier = PLAN_ANY};
    /* Relaxed rules are judged by the share in time: who can't be in time even with a courier waiting for him alone must cost nobody else's. */
    int32_t soonest_s = meal->ready_s + (int32_t)(instance->pickup_service_s / 2 + mdrp_travel_s(instance, meal->restaurant, home_place(draft->meals, order))) + 2 * half_s;
    if (draft->meals->options->relaxed && soonest_s > out->due_s) out->due_s = PLAN_NO_LIMIT_S;
    if (draft->meals->states[order] == MEAL_TAKEN) { /* on board: only the hand-over is left */
        out->steps[out->step_count++] = home;
        out->committed = true;
        return;
    }
    out->steps[out->step_count++] = pickup;
    out->steps[out->step_count++] = home;
}

static void fill_tasks(struct draft *draft)
{
    const struct meals *meals = draft->meals;
    for (uint32_t o = 0; o < meals->instance->order_count; o++) {
        draft->task_of[o] = NOBODY;
        if (meals->states[o] != MEAL_OPEN && meals->states[o] != MEAL_TAKEN) continue;
        draft->task_of[o] = draft->problem.task_count;
        draft->order_of[draft->problem.task_count] = o;
        fill_task(draft, o, &draft->tasks[draft->problem.task_count++]);
    }
}

static void fill_couriers(struct draft *draft)
{
    const struct meals *meals = draft->meals;
    for (uint32_t r = 0; r < meals->instance->courier_count; r++) {
        const struct mdrp_courier *courier = &meals->instance->couriers[r];
        const struct runner *runner = &meals->runners[r];
        bool over = courier->off_s <= meals->now_s && runner->on_board == 0;
        if (over || courier->on_s > meals->now_s + HORIZON_S) continue;
        uint32_t c = draft->problem.courier_count++;
        struct plan_ref *stops = &draft->stops[(size_t)c * PLAN_STOPS_MAX];
        draft->runner_of[c] = r;
        draft->couriers[c] = (struct plan_courier){.courier = {r + 1}, .place = runner->place, .start_s = runner_start(meals, r), .end_s = PLAN_NO_LIMIT_S,
                                                   .pick_by_s = courier->off_s > 0 ? courier->off_s : -1, .base_place = PLAN_ANY, .stops = stops};
        for (uint32_t i = 0; i < runner->count; i++) {
            uint32_t task = draft->task_of[runner->route[i].order];
            ASSERT(task != NOBODY);
            bool on_board = draft->tasks[task].step_count == 1;
            stops[draft->couriers[c].stop_count++] = (struct plan_ref){.task = task, .step = runner->route[i].drop && !on_board};
            if (on_board) draft->tasks[task].courier = c;
        }
    }
}

static void take_answer(struct meals *meals, const struct draft *draft, const struct plan_solution *solution)
{
    for (uint32_t c = 0; c < solution->tour_count; c++) {
        struct runner *runner = &meals->runners[draft->runner_of[c]];
        runner->count = solution->tours[c].stop_count;
        for (uint32_t i = 0; i < runner->count; i++) {
            const struct plan_ref *ref = &solution->tours[c].stops[i].ref;
            bool last = ref->step + 1u == draft->tasks[ref->task].step_count;
            runner->route[i] = (struct meal_ref){.order = draft->order_of[ref->task], .drop = last};
        }
    }
}

enum status meals_lns(struct meals *meals, struct error *err)
{
    uint32_t orders = meals->instance->order_count, couriers = meals->instance->courier_count;
    struct draft draft = {.meals = meals};
    draft.tasks = mem_zalloc(orders, sizeof *draft.tasks);
    draft.order_of = mem_zalloc(orders, sizeof *draft.order_of);
    draft.task_of = mem_zalloc(orders, sizeof *draft.task_of);
    draft.couriers = mem_zalloc(couriers, sizeof *draft.couriers);
    draft.stops = mem_zalloc((size_t)couriers * PLAN_STOPS_MAX, sizeof *draft.stops);
    draft.runner_of = mem_zalloc(couriers, sizeof *draft.runner_of);
    fill_tasks(&draft);
    fill_couriers(&draft);
    draft.problem.tasks = draft.tasks;
    draft.problem.couriers = draft.couriers;
    draft.problem.place_count = meals->instance->restaurant_count + orders + couriers;
    draft.problem.oracle = (struct plan_oracle){.travel = travel, .context = (void *)(uintptr_t)meals->instance, .spots = meals->spots,
                                                 .speed_mmps = (uint32_t)(meals->instance->metres_per_minute * 1000 / 60) + 2};
    draft.problem.weights = meals->options->weights;
    draft.problem.one_bundle = !meals->options->relaxed;
    struct plan_options options = {.seed = meals->options->seed + meals->result->decisions * UINT64_C(7919), .iterations = meals->options->iterations};
    struct plan_solution *solution = NULL;
    enum status rc = plan_solve(&draft.problem, &options, &solution, err);
    if (rc == STATUS_OK) rc = plan_check(&draft.problem, solution, err);
    if (rc == STATUS_OK) {
        take_answer(meals, &draft, solution);
        meals->result->evaluations += solution->evaluations;
    }
    plan_solution_free(solution);
    free(draft.tasks);
    free(draft.order_of);
    free(draft.task_of);
    free(draft.couriers);
    free(draft.stops);
    free(draft.runner_of);
    return rc;
}
