/* What a reassignment would change: the two routes it touches, planned as they run and as they would, by the planner's own evaluation. */
#include "dispatch/dispatch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TRIED_TASKS_MAX = 2 * PLAN_STOPS_MAX + 1 };

/* A problem of two couriers at most and the tasks on their routes, cut out of the city's. */
struct trial {
    struct plan_problem problem;
    struct plan_courier couriers[PREVIEW_COURIERS_MAX];
    struct plan_task tasks[TRIED_TASKS_MAX];
    uint32_t task_of[TRIED_TASKS_MAX];        /* the city's task */
    struct plan_ref stops[PREVIEW_COURIERS_MAX][PLAN_STOPS_MAX];
    uint32_t focus;                           /* its task; PLAN_ANY: not in it */
};

static uint32_t trial_task(struct trial *trial, const struct plan_request *request, uint32_t task, uint32_t courier)
{
    for (uint32_t i = 0; i < trial->problem.task_count; i++)
        if (trial->task_of[i] == task) return i;
    uint32_t at = trial->problem.task_count++;
    ASSERT(at < TRIED_TASKS_MAX);
    trial->task_of[at] = task;
    trial->tasks[at] = request->problem.tasks[task];
    trial->tasks[at].courier = courier; /* what runs stays where it runs */
    trial->tasks[at].forbidden_count = 0;
    trial->tasks[at].held = false;
    return at;
}

static void trial_add_courier(struct trial *trial, const struct plan_request *request, uint32_t index, bool without_focus)
{
    uint32_t at = trial->problem.courier_count++;
    struct plan_courier *courier = &trial->couriers[at];
    const struct plan_courier *from = &request->problem.couriers[index];
    *courier = *from;
    courier->stops = trial->stops[at];
    courier->stop_count = courier->fixed_count = 0;
    for (uint32_t i = 0; i < from->stop_count; i++) {
        if (without_focus && from->stops[i].task == request->focus_task) continue;
        struct plan_ref *stop = &trial->stops[at][courier->stop_count++];
        *stop = from->stops[i];
        stop->task = trial_task(trial, request, from->stops[i].task, at);
        if (from->stops[i].task == request->focus_task) trial->focus = stop->task;
        if (i < from->fixed_count) courier->fixed_count++;
    }
}

static void trial_init(struct trial *trial, const struct plan_request *request, const uint32_t *couriers, uint32_t count, bool without_focus)
{
    memset(trial, 0, sizeof *trial);
    trial->problem = request->problem;
    trial->problem.task_count = trial->problem.courier_count = 0;
    trial->problem.tasks = trial->tasks;
    trial->problem.couriers = trial->couriers;
    trial->focus = PLAN_ANY;
    for (uint32_t i = 0; i < count; i++) trial_add_courier(trial, request, couriers[i], without_focus);
}

/* The focus is the target's and nobody else's, to be put where it costs least. */
static void trial_put_focus(struct trial *trial, const struct plan_request *request, uint32_t courier)
{
    trial->focus = trial_task(trial, request, request->focus_task, courier);
    trial->tasks[trial->focus].committed = false;
}

static void sum_up(const struct trial *trial, const struct plan_solution *solution, bool after, struct preview *out)
{
    for (uint32_t c = 0; c < solution->tour_count; c++) {
        const struct plan_tour *tour = &solution->tours[c];
        struct preview_courier *courier = &out->couriers[c];
        uint32_t travel_s = 0, travel_m = 0;
        courier->courier = trial->couriers[c].courier;
        for (uint32_t i = 0; i < tour->stop_count; i++) {
            travel_s += tour->stops[i].travel_s;
            travel_m += tour->stops[i].travel_m;
        }
        *(after ? &courier->after_s : &courier->before_s) = travel_s;
        *(after ? &courier->after_m : &courier->before_m) = travel_m;
        *(after ? &courier->stops_after : &courier->stops_before) = tour->stop_count;
    }
}

static int64_t end_of(const struct trial *trial, const struct plan_solution *solution, struct order_id order, int64_t now_ms)
{
    int64_t end_ms = 0;
    for (uint32_t c = 0; c < solution->tour_count; c++)
        for (uint32_t i = 0; i < solution->tours[c].stop_count; i++)
            if (trial->tasks[solution->tours[c].stops[i].ref.task].order.v == order.v) end_ms = now_ms + (int64_t)solution->tours[c].stops[i].leave_s * 1000;
    return end_ms;
}

static void compare_orders(const struct plan_request *request, const struct trial *before, const struct plan_solution *was, const struct trial *after,
                           const struct plan_solution *will, struct preview *out)
{
    out->orders[out->order_count++] = (struct preview_order){request->focus->order.id, end_of(before, was, request->focus->order.id, request->now_ms),
                                                             end_of(after, will, request->focus->order.id, request->now_ms), request->focus->order.promise_ms};
    for (uint32_t t = 0; t < after->problem.task_count; t++) {
        struct order_id order = after->tasks[t].order;
        if (order.v == request->focus->order.id.v || out->order_count == PREVIEW_ORDERS_MAX) continue;
        int64_t before_ms = end_of(before, was, order, request->now_ms), after_ms = end_of(after, will, order, request->now_ms);
        if (before_ms != after_ms) out->orders[out->order_count++] = (struct preview_order){order, before_ms, after_ms, 0};
    }
}

static void refuse(struct preview *out, const char *rule, const char *text)
{
    out->rule = rule;
    (void)text_copy(out->text, sizeof out->text, text);
}

static uint32_t courier_at(const struct plan_request *request, struct courier_id id)
{
    for (uint32_t c = 0; id.v && c < request->problem.courier_count; c++)
        if (request->problem.couriers[c].courier.v == id.v) return c;
    return PLAN_ANY;
}

static bool may_move(const struct plan_request *request, struct courier_id to, struct preview *out)
{
    const struct world_order *focus = request->focus;
    if (order_phase_is_on_board(focus->order.phase)) refuse(out, "WRONG_PHASE", "it is in the courier's box and stays there");
    else if (request->focus_task == PLAN_ANY) refuse(out, "WRONG_PHASE", "nothing is left to plan for it");
    else if (to.v && courier_at(request, to) == PLAN_ANY) refuse(out, "NOT_ON_SHIFT", "that courier is not on shift");
    return out->rule[0] == 0;
}

static enum status solve(struct trial *trial, struct plan_solution **out)
{
    struct error err;
    struct plan_options options = {.seed = 1, .iterations = 0};
    return plan_solve(&trial->problem, &options, out, &err);
}

static void explain_left(const struct plan_request *request, struct courier_id to, const struct plan_solution *will, struct preview *out)
{
    if (will->left_count == 0) return;
    out->rule = unplanned_reason_name(will->left[0].reason);
    text_format(out->text, sizeof out->text, "courier %" PRIu64 " cannot serve order %" PRIu64 ": %s", to.v, request->focus->order.id.v, out->rule);
}

void dispatch_preview(const struct plan_request *request, struct courier_id to, struct preview *out)
{
    ASSERT(request->focus);
    memset(out, 0, sizeof *out);
    out->rule = "";
    if (!may_move(request, to, out)) return;
    uint32_t couriers[PREVIEW_COURIERS_MAX] = {0}, count = 0, from = courier_at(request, request->focus->courier), target = courier_at(request, to);
    uint32_t target_at = PLAN_ANY;
    if (target != PLAN_ANY) {
        target_at = count;
        couriers[count++] = target;
    }
    if (from != PLAN_ANY && from != target) couriers[count++] = from;
    if (count == 0) { /* nobody's stays nobody's */
        out->orders[out->order_count++] = (struct preview_order){request->focus->order.id, 0, 0, request->focus->order.promise_ms};
        return;
    }
    struct trial *before = mem_zalloc(1, sizeof *before), *after = mem_zalloc(1, sizeof *after);
    struct plan_solution *was = NULL, *will = NULL;
    trial_init(before, request, couriers, count, false);
    trial_init(after, request, couriers, count, true);
    if (target_at != PLAN_ANY) trial_put_focus(after, request, target_at);
    if (solve(before, &was) != STATUS_OK || solve(after, &will) != STATUS_OK) {
        refuse(out, "UNKNOWN", "the two routes cannot be planned");
    } else {
        explain_left(request, to, will, out);
        out->courier_count = count;
        sum_up(before, was, false, out);
        sum_up(after, will, true, out);
        compare_orders(request, before, was, after, will, out);
    }
    plan_solution_free(was);
    plan_solution_free(will);
    free(before);
    free(after);
}
