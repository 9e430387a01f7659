/* What a problem must be before anybody plans with it, the usual prices, and how two costs compare. */
#include "tour.h"

#include <inttypes.h>
#include <stdlib.h>

enum { SPOT_MAX_M = 100000000 }; /* squares of differences fit 64 bits with room */

struct plan_weights plan_weights_default(void)
{
    return (struct plan_weights){
        .late = 20000,       /* a second late is worth twenty on the road */
        .late_knee_s = 600,
        .travel = 1000,
        .flow = 500,         /* two seconds sooner is worth one on the road: on simulated days in Beijing better in time and punctuality than 200 or 1000 */
        .work = 100,
        .change = 300000,    /* five minutes on the road for telling a courier otherwise */
        .fair = 2,           /* an hour's route costs who has worked four hours a minute on the road more than who has not worked yet */
    };
}

int plan_cost_compare(const struct plan_cost *a, const struct plan_cost *b)
{
    if (a->violation_s != b->violation_s) return a->violation_s < b->violation_s ? -1 : 1;
    if (a->left_weight != b->left_weight) return a->left_weight < b->left_weight ? -1 : 1;
    if (a->soft != b->soft) return a->soft < b->soft ? -1 : 1;
    return 0;
}

void plan_solution_free(struct plan_solution *solution)
{
    if (!solution) return;
    for (uint32_t c = 0; c < solution->tour_count; c++) free(solution->tours[c].stops);
    free(solution->tours);
    free(solution->left);
    free(solution);
}

static bool time_is_bounded(int32_t value)
{
    return value == PLAN_NO_LIMIT_S || (value >= -PLAN_TIME_MAX_S && value <= PLAN_TIME_MAX_S);
}

static const char *step_fault(const struct plan_problem *problem, const struct plan_step *step)
{
    if (step->choice_count == 0 || step->choice_count > PLAN_CHOICES_MAX) return "number of choices";
    if (step->volume_ml < -100000000 || step->volume_ml > 100000000 || step->cold_ml < -100000000 || step->cold_ml > 100000000) return "load";
    for (uint32_t i = 0; i < step->choice_count; i++) {
        const struct plan_choice *choice = &step->choices[i];
        if (choice->place >= problem->place_count) return "place";
        if (!time_is_bounded(choice->open_s) || !time_is_bounded(choice->close_s) || choice->open_s == PLAN_NO_LIMIT_S) return "window";
        if (choice->service_s > 86400 || choice->setup_s > 86400) return "service time";
    }
    return NULL;
}

static const char *task_fault(const struct plan_problem *problem, const struct plan_task *task)
{
    if (task->step_count == 0 || task->step_count > PLAN_STEPS_MAX) return "number of steps";
    if (task->priority < PRIORITY_ROUTINE || task->priority > PRIORITY_CRITICAL) return "priority";
    if (!time_is_bounded(task->accepted_s) || !time_is_bounded(task->due_s) || !time_is_bounded(task->latest_s)) return "time";
    if (task->forbidden_count > PLAN_FORBIDDEN_MAX) return "number of forbidden couriers";
    if (task->courier != PLAN_ANY && task->courier >= problem->courier_count) return "fixed courier";
    if (task->committed && task->courier == PLAN_ANY) return "commitment without a courier";
    for (uint32_t s = 0; s < task->step_count; s++) {
        const char *fault = step_fault(problem, &task->steps[s]);
        if (fault) return fault;
        if (task->steps[s].skip_with_kit && s > 0) return "kit stop that is not the first";
    }
    return NULL;
}

/* seen[task]: 0 nowhere; else courier + 1 in bits 3.., next step in bits 0..2 */
static const char *courier_fault(const struct plan_problem *problem, uint32_t index, uint32_t *seen)
{
    const struct plan_courier *courier = &problem->couriers[index];
    if (courier->place >= problem->place_count) return "place";
    if (courier->base_place != PLAN_ANY && courier->base_place >= problem->place_count) return "base";
    if (!time_is_bounded(courier->start_s) || courier->start_s == PLAN_NO_LIMIT_S || !time_is_bounded(courier->end_s)) return "shift";
    if (courier->stop_count > PLAN_STOPS_MAX || courier->fixed_count > courier->stop_count) return "number of stops";
    if (courier->worked_s > PLAN_TIME_MAX_S) return "work done";
    if (courier->break_count > PLAN_BREAKS_MAX) return "number of breaks";
    for (uint32_t i = 0; i < courier->break_count; i++) {
        const struct plan_break *rest = &courier->breaks[i];
        if (!time_is_bounded(rest->from_s) || !time_is_bounded(rest->by_s) || rest->from_s > rest->by_s || rest->span_s > 86400) return "break";
        if (i > 0 && rest->from_s < courier->breaks[i - 1].by_s + (int32_t)courier->breaks[i - 1].span_s) return "breaks that overlap";
    }
    if (courier->volume_ml_max > 100000000 || courier->cold_ml_max > 100000000) return "box";
    for (uint32_t i = 0; i < courier->stop_count; i++) {
        const struct plan_ref *ref = &courier->stops[i];
        if (ref->task >= problem->task_count) return "task of a stop";
        const struct plan_task *task = &problem->tasks[ref->task];
        if (ref->step >= task->step_count || ref->choice >= task->steps[ref->step].choice_count) return "step of a stop";
        if (i < courier->fixed_count && (!task->committed || task->courier != index)) return "committed prefix with a task that is free to go";
        uint32_t state = seen[ref->task];
        bool begins = state == 0 && (ref->step == 0 || (ref->step == 1 && task->steps[0].skip_with_kit));
        if (!begins && state != ((index + 1) << 3 | ref->step)) return "order of a chain's stops";
        seen[ref->task] = (index + 1) << 3 | (ref->step + 1u);
    }
    return NULL;
}

static enum status tours_check(const struct plan_problem *problem, struct error *err)
{
    enum status rc = STATUS_OK;
    uint32_t *seen = mem_zalloc(problem->task_count + 1, sizeof *seen);
    for (uint32_t c = 0; c < problem->courier_count; c++) {
        const char *fault = courier_fault(problem, c, seen);
        if (!fault) continue;
        rc = error_set(err, STATUS_INVALID_ARGUMENT, "courier %" PRIu32 " of the problem: %s", c, fault);
        goto out;
    }
    for (uint32_t t = 0; t < problem->task_count; t++) {
        if (seen[t] == 0 || (seen[t] & 7) == problem->tasks[t].step_count) continue;
        rc = error_set(err, STATUS_INVALID_ARGUMENT, "task %" PRIu32 " of the problem: its running route breaks off", t);
        goto out;
    }
out:
    free(seen);
    return rc;
}

static enum status spots_check(const struct plan_problem *problem, struct error *err)
{
    for (uint32_t p = 0; p < problem->place_count; p++) {
        const struct plan_spot *spot = &problem->oracle.spots[p];
        if (spot->x_m < -SPOT_MAX_M || spot->x_m > SPOT_MAX_M || spot->y_m < -SPOT_MAX_M || spot->y_m > SPOT_MAX_M)
            return error_set(err, STATUS_INVALID_ARGUMENT, "place %" PRIu32 " of the problem lies %d km and more from the origin of its plane", p, SPOT_MAX_M / 1000);
    }
    return STATUS_OK;
}

enum status plan_problem_check(const struct plan_problem *problem, struct error *err)
{
    const struct plan_weights *weights = &problem->weights;
    if (problem->task_count > PLAN_TASKS_MAX || problem->courier_count > PLAN_COURIERS_MAX || problem->place_count > PLAN_PLACES_MAX)
        return error_set(err, STATUS_INVALID_ARGUMENT, "the problem has too many tasks, couriers or places");
    if (!problem->oracle.travel) return error_set(err, STATUS_INVALID_ARGUMENT, "the problem has no travel times");
    if (!weights->late || !weights->late_knee_s || !weights->travel || !weights->flow || !weights->work || !weights->change)
        return error_set(err, STATUS_INVALID_ARGUMENT, "a weight is zero: start from plan_weights_default()");
    if (weights->fair > 1000000) return error_set(err, STATUS_INVALID_ARGUMENT, "fairness is priced beyond all measure");
    if (problem->oracle.spots && problem->place_count) TRY(spots_check(problem, err));
    for (uint32_t t = 0; t < problem->task_count; t++) {
        const char *fault = task_fault(problem, &problem->tasks[t]);
        if (!fault && problem->one_bundle && problem->tasks[t].step_count != 2) fault = "one_bundle is for a pick-up and a delivery each";
        if (fault) return error_set(err, STATUS_INVALID_ARGUMENT, "task %" PRIu32 " of the problem: %s", t, fault);
    }
    return tours_check(problem, err);
}
