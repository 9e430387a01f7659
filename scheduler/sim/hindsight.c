/* What a day could have been for who had known it: all orders from the start, each no earlier than it was ready, the couriers where and when they came.
 * The played routes are where the search begins, so the answer is never worse than what was played. It must not know policies. */
#include "city.h"

#include <stdlib.h>
#include <string.h>

struct past {
    struct run *run;
    struct plan_request request;      /* only its places: roads_oracle asks for no more */
    struct point *places;
    struct plan_task *tasks;
    struct plan_courier *couriers;
    struct plan_ref *stops;
};

void hindsight_note(struct run *run, const struct rider *rider)
{
    if (!run->options->hindsight_iterations) return;
    if (run->visit_count == run->visit_capacity) {
        run->visit_capacity = run->visit_capacity ? 2 * run->visit_capacity : 1024;
        run->visits = mem_realloc(run->visits, run->visit_capacity, sizeof *run->visits);
    }
    const struct world_courier *courier = world_courier(run->world, rider->courier.id);
    uint32_t lab = courier && courier->stop_count > 0 ? courier->stops[0].plan.lab : 0;
    run->visits[run->visit_count++] = (struct visit){(uint32_t)rider->courier.id.v - 1, (uint32_t)rider->order.v - 1, rider->kind, lab};
}

static int32_t second_of(const struct past *past, int64_t at_ms)
{
    return (int32_t)((at_ms - past->run->start_ms) / 1000);
}

static struct plan_choice choice(struct past *past, const struct stop *stop)
{
    past->places[past->request.place_count] = stop->at;
    return (struct plan_choice){.place = past->request.place_count++, .close_s = stop->close_ms ? second_of(past, stop->close_ms) : PLAN_NO_LIMIT_S, .service_s = stop->service_s};
}

static void fill_task(struct past *past, uint32_t index)
{
    const struct sim_order *sim = &past->run->demand.orders[index];
    const struct order *order = &sim->order;
    struct plan_task *task = &past->tasks[index];
    bool test = order->kind == ORDER_KIND_TEST;
    *task = (struct plan_task){.order = order->id, .step_count = test ? 3 : 2, .skills = order->goods.skills, .priority = order->priority, .courier = PLAN_ANY,
                               .accepted_s = second_of(past, order->accepted_ms), .due_s = second_of(past, order->promise_ms), .latest_s = PLAN_NO_LIMIT_S};
    struct plan_step *first = &task->steps[0], *home = &task->steps[1];
    first->kind = order->first.kind;
    first->choice_count = home->choice_count = 1;
    first->choices[0] = choice(past, &order->first);
    first->choices[0].open_s = second_of(past, test ? order->accepted_ms : sim->ready_ms);
    first->skip_with_kit = test;
    home->kind = STOP_HOME;
    home->choices[0] = choice(past, &order->home);
    home->choices[0].open_s = second_of(past, order->accepted_ms);
    if (!test) {
        first->volume_ml = (int32_t)order->goods.volume_ml;
        first->cold_ml = (int32_t)order->goods.cold_ml;
        home->volume_ml = -first->volume_ml;
        home->cold_ml = -first->cold_ml;
        return;
    }
    struct plan_step *lab = &task->steps[2];
    lab->kind = STOP_LAB;
    lab->choice_count = order->lab_count;
    for (uint32_t i = 0; i < order->lab_count; i++) lab->choices[i] = choice(past, &order->labs[i]);
    home->volume_ml = (int32_t)order->goods.volume_ml;
    lab->volume_ml = -home->volume_ml;
    task->ride_max_s = order->stability_s;
}

static void fill_courier(struct past *past, uint32_t index)
{
    const struct rider *rider = &past->run->riders[index];
    past->places[past->request.place_count] = rider->began_at;
    past->couriers[index] = (struct plan_courier){.courier = rider->courier.id, .place = past->request.place_count++, .start_s = second_of(past, rider->on_ms),
                                                  .end_s = second_of(past, past->run->end_ms) + 86400, .base_place = PLAN_ANY, .skills = rider->courier.skills,
                                                  .volume_ml_max = rider->courier.volume_ml_max, .cold_ml_max = rider->courier.cold_ml_max, .kits = rider->courier.kits_preloaded,
                                                  .stops = &past->stops[(size_t)index * PLAN_STOPS_MAX]};
}

/* The visits in the order in which they were made; false if a courier made more than a route can hold. */
static bool retrace(struct past *past)
{
    for (uint32_t i = 0; i < past->run->visit_count; i++) {
        const struct visit *visit = &past->run->visits[i];
        struct plan_courier *courier = &past->couriers[visit->courier];
        if (courier->stop_count == PLAN_STOPS_MAX) return false;
        uint8_t step = visit->kind == STOP_HOME ? 1 : visit->kind == STOP_LAB ? 2 : 0;
        past->stops[(size_t)visit->courier * PLAN_STOPS_MAX + courier->stop_count++] =
            (struct plan_ref){.task = visit->order, .step = step, .choice = (uint8_t)(step == 2 ? visit->lab : 0)};
    }
    return true;
}

static enum status solve(const struct plan_problem *problem, const struct run *run, uint32_t iterations, struct plan_cost *out, struct error *err)
{
    struct plan_options options = {.seed = run->options->seed, .iterations = iterations};
    struct plan_solution *solution = NULL;
    enum status rc = plan_solve(problem, &options, &solution, err);
    if (rc == STATUS_OK) rc = plan_check(problem, solution, err);
    if (rc == STATUS_OK) *out = solution->cost;
    plan_solution_free(solution);
    return rc;
}

static enum status look_back(struct past *past, struct error *err)
{
    struct run *run = past->run;
    for (uint32_t i = 0; i < run->options->couriers; i++) fill_courier(past, i);
    for (uint32_t i = 0; i < run->demand.count; i++) fill_task(past, i);
    if (!retrace(past)) return error_set(err, STATUS_FAILED_PRECONDITION, "hindsight: a courier made more than %d stops: take more couriers or fewer orders", PLAN_STOPS_MAX);
    past->request.places = past->places;
    struct plan_problem problem = {.place_count = past->request.place_count, .task_count = run->demand.count, .courier_count = run->options->couriers, .tasks = past->tasks,
                                   .couriers = past->couriers, .weights = plan_weights_default()};
    problem.oracle = roads_oracle(&run->roads, &past->request);
    struct plan_cost played, best, same;
    TRY(solve(&problem, run, run->options->hindsight_iterations, &same, err));
    /* travel alone, once nobody is late */
    problem.weights.flow = problem.weights.work = problem.weights.change = 1;
    TRY(solve(&problem, run, 0, &played, err));
    TRY(solve(&problem, run, run->options->hindsight_iterations, &best, err));
    run->result->played_travel_s = played.travel_s;
    run->result->played_late_s = played.late_s;
    run->result->hindsight_travel_s = best.travel_s;
    run->result->hindsight_late_s = best.late_s;
    run->result->foresight_travel_s = same.travel_s;
    run->result->foresight_late_s = same.late_s;
    run->result->hindsight_left = best.left_count + same.left_count;
    return STATUS_OK;
}

enum status hindsight_run(struct run *run, struct error *err)
{
    uint32_t orders = run->demand.count, couriers = run->options->couriers;
    struct past past = {.run = run};
    past.places = mem_zalloc((size_t)orders * (2 + ORDER_LABS_MAX) + couriers, sizeof *past.places);
    past.tasks = mem_zalloc(orders, sizeof *past.tasks);
    past.couriers = mem_zalloc(couriers, sizeof *past.couriers);
    past.stops = mem_zalloc((size_t)couriers * PLAN_STOPS_MAX, sizeof *past.stops);
    enum status rc = look_back(&past, err);
    free(past.places);
    free(past.tasks);
    free(past.couriers);
    free(past.stops);
    return rc;
}
