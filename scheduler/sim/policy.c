/* Who gets what: the planner as it is, or the planner bound hand and foot to "the nearest courier who has nothing to do". */
#include "city.h"
#include "match.h"

#include <stdlib.h>
#include <string.h>

/* An order that is ready goes to the nearest idle courier who may take it; everything else waits. Done by fixing and holding tasks. */
static void bind_to_nearest(struct plan_problem *problem, struct plan_task *tasks)
{
    bool *busy = mem_zalloc(problem->courier_count + 1, sizeof *busy);
    bool *planned = mem_zalloc(problem->task_count + 1, sizeof *planned);
    for (uint32_t c = 0; c < problem->courier_count; c++) {
        busy[c] = problem->couriers[c].stop_count > 0;
        for (uint32_t i = 0; i < problem->couriers[c].stop_count; i++) planned[problem->couriers[c].stops[i].task] = true;
    }
    for (uint32_t t = 0; t < problem->task_count; t++) {
        struct plan_task *task = &tasks[t];
        if (planned[t] || task->held || task->courier != PLAN_ANY) continue;
        uint32_t best = PLAN_ANY, best_s = PLAN_UNREACHABLE;
        bool waits = task->steps[0].choices[0].open_s > 60; /* not ready yet */
        for (uint32_t c = 0; c < problem->courier_count && !waits; c++) {
            bool declined = false;
            for (uint32_t i = 0; i < task->forbidden_count; i++) declined |= task->forbidden[i] == c;
            if (busy[c] || declined || (task->skills & ~problem->couriers[c].skills)) continue;
            uint32_t travel_s = problem->oracle.travel(problem->oracle.context, problem->couriers[c].place, task->steps[0].choices[0].place).travel_s;
            if (travel_s >= best_s) continue;
            best_s = travel_s;
            best = c;
        }
        task->held = best == PLAN_ANY;
        task->courier = best;
        if (best != PLAN_ANY) busy[best] = true;
    }
    free(busy);
    free(planned);
}

/* ---- batch ---- */

enum { NEAR = 32, PARCELS_MAX = 4, BATCH_AHEAD_S = 600, HOMES_APART_M = 2500 };

struct parcel {
    uint32_t tasks[PARCELS_MAX], count, skills;
};

static int64_t metres(struct point a, struct point b)
{
    return geo_distance_dm((struct geo_point){a.lat_e7, a.lon_e7}, (struct geo_point){b.lat_e7, b.lon_e7}) / 10;
}

static uint32_t home_of(const struct plan_task *task)
{
    return task->steps[task->steps[0].kind == STOP_HOME ? 0 : 1].choices[0].place;
}

/* What waits at one place for homes near each other goes together. */
static uint32_t make_parcels(const struct plan_request *request, const struct plan_task *tasks, const bool *planned, struct parcel *out)
{
    uint32_t count = 0;
    for (uint32_t t = 0; t < request->problem.task_count; t++) {
        const struct plan_task *task = &tasks[t];
        if (planned[t] || task->held || task->courier != PLAN_ANY || task->steps[0].choices[0].open_s > BATCH_AHEAD_S) continue;
        uint32_t p = task->step_count == 2 && task->forbidden_count == 0 ? 0 : count;
        for (; p < count; p++) {
            const struct plan_task *first = &tasks[out[p].tasks[0]];
            if (out[p].count == PARCELS_MAX || first->step_count != 2 || first->forbidden_count > 0) continue;
            if (first->steps[0].choices[0].place != task->steps[0].choices[0].place) continue;
            if (metres(request->places[home_of(first)], request->places[home_of(task)]) <= HOMES_APART_M) break;
        }
        if (p == count) out[count++] = (struct parcel){.count = 0};
        out[p].tasks[out[p].count++] = t;
        out[p].skills |= task->skills;
    }
    return count;
}

/* Where and when a courier's running route ends. */
static void route_end(const struct plan_problem *problem, const struct plan_courier *courier, uint32_t *place, int64_t *time_s)
{
    *place = courier->place;
    *time_s = courier->start_s;
    for (uint32_t i = 0; i < courier->stop_count; i++) {
        const struct plan_choice *choice = &problem->tasks[courier->stops[i].task].steps[courier->stops[i].step].choices[courier->stops[i].choice];
        struct plan_leg leg = problem->oracle.travel(problem->oracle.context, *place, choice->place);
        *time_s += leg.travel_s == PLAN_UNREACHABLE ? 0 : leg.travel_s;
        if (*time_s < choice->open_s) *time_s = choice->open_s;
        *time_s += choice->service_s;
        *place = choice->place;
    }
}

struct bidder {
    uint32_t place;
    int64_t free_s;
};

static bool may_take(const struct plan_problem *problem, const struct parcel *parcel, uint32_t courier)
{
    if (parcel->skills & ~problem->couriers[courier].skills) return false;
    const struct plan_task *task = &problem->tasks[parcel->tasks[0]];
    for (uint32_t i = 0; i < task->forbidden_count; i++)
        if (task->forbidden[i] == courier) return false;
    return true;
}

/* The couriers nearest in time by the air line, then the exact way: sooner at the place, and less driven. */
static void add_bids(const struct plan_request *request, const struct plan_problem *problem, const struct bidder *bidders, struct match *match, uint32_t row, const struct parcel *parcel)
{
    uint32_t near[NEAR], count = 0, site = problem->tasks[parcel->tasks[0]].steps[0].choices[0].place;
    int64_t near_s[NEAR];
    for (uint32_t c = 0; c < problem->courier_count; c++) {
        if (!may_take(problem, parcel, c)) continue;
        int64_t about_s = bidders[c].free_s + metres(request->places[bidders[c].place], request->places[site]) / 5;
        if (count == NEAR && about_s >= near_s[NEAR - 1]) continue;
        uint32_t i = count < NEAR ? count++ : NEAR - 1;
        for (; i > 0 && near_s[i - 1] > about_s; i--) {
            near_s[i] = near_s[i - 1];
            near[i] = near[i - 1];
        }
        near_s[i] = about_s;
        near[i] = c;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct bidder *bidder = &bidders[near[i]];
        struct plan_leg leg = bidder->place == site ? (struct plan_leg){0, 0} : problem->oracle.travel(problem->oracle.context, bidder->place, site);
        if (leg.travel_s == PLAN_UNREACHABLE) continue;
        int64_t open_s = problem->tasks[parcel->tasks[0]].steps[0].choices[0].open_s, at_s = bidder->free_s + leg.travel_s;
        match_add(match, row, near[i], (at_s > open_s ? at_s : open_s) + leg.travel_s + (problem->couriers[near[i]].end_s < at_s ? 1000000 : 0));
    }
}

/* Match parcels with couriers, then bind each task to its courier and leave the rest for the next time. */
static void bind_to_matched(const struct plan_request *request, const struct plan_problem *problem, struct plan_task *tasks)
{
    bool *planned = mem_zalloc(problem->task_count + 1, sizeof *planned);
    struct parcel *parcels = mem_zalloc(problem->task_count + 1, sizeof *parcels);
    struct bidder *bidders = mem_zalloc(problem->courier_count + 1, sizeof *bidders);
    for (uint32_t c = 0; c < problem->courier_count; c++) {
        for (uint32_t i = 0; i < problem->couriers[c].stop_count; i++) planned[problem->couriers[c].stops[i].task] = true;
        route_end(problem, &problem->couriers[c], &bidders[c].place, &bidders[c].free_s);
    }
    uint32_t count = make_parcels(request, tasks, planned, parcels);
    struct match *match = match_new(count, problem->courier_count);
    for (uint32_t p = 0; p < count; p++) add_bids(request, problem, bidders, match, p, &parcels[p]);
    match_solve(match);
    for (uint32_t t = 0; t < problem->task_count; t++)
        if (!planned[t] && tasks[t].courier == PLAN_ANY) tasks[t].held = true;
    for (uint32_t p = 0; p < count; p++) {
        uint32_t courier = match_of(match, p);
        for (uint32_t i = 0; courier != MATCH_NONE && i < parcels[p].count; i++) {
            tasks[parcels[p].tasks[i]].courier = courier;
            tasks[parcels[p].tasks[i]].held = false;
        }
    }
    match_free(match);
    free(planned);
    free(parcels);
    free(bidders);
}

/* ---- one planning run ---- */

enum status policy_plan(struct run *run, struct error *err)
{
    if (!dispatch_needs_plan(run->world, run->now_ms)) return STATUS_OK;
    struct plan_request *request = dispatch_plan_request(run->world, run->now_ms);
    int64_t begin_us = run->options->clock_us ? run->options->clock_us() : 0;
    request->problem.oracle = roads_oracle(&run->roads, request);
    struct plan_problem problem = request->problem;
    struct plan_task *tasks = mem_zalloc(problem.task_count + 1, sizeof *tasks);
    if (problem.task_count) memcpy(tasks, problem.tasks, problem.task_count * sizeof *tasks);
    problem.tasks = tasks;
    struct plan_options options = {.seed = run->options->seed + request->world_seq, .iterations = run->options->plan_iterations};
    if (run->options->policy == SIM_NEAREST) {
        bind_to_nearest(&problem, tasks);
        options.iterations = 0;
    } else if (run->options->policy == SIM_BATCH) {
        bind_to_matched(request, &problem, tasks);
        options.iterations = 0;
    }
    struct plan_solution *solution = NULL;
    struct arena *arena = arena_new((size_t)256 << 20);
    enum status rc = plan_solve(&problem, &options, &solution, err);
    if (rc == STATUS_OK) rc = plan_check(&problem, solution, err);
    if (rc == STATUS_OK) {
        run->result->plans++;
        run->result->evaluations += solution->evaluations;
        for (uint32_t i = 0; i < solution->left_count; i++) /* held by the policy, not by a dispatcher */
            if (!request->problem.tasks[solution->left[i].task].held && solution->left[i].reason == UNPLANNED_HELD) solution->left[i].reason = UNPLANNED_NO_COURIER;
        struct command command;
        bool fits = dispatch_plan_command(request, solution, arena, &command);
        ASSERT(fits);
        int64_t took_us = run->options->clock_us ? run->options->clock_us() - begin_us : 0;
        run->decision_us_sum += took_us;
        if (took_us > run->decision_us_max) run->decision_us_max = took_us;
        rc = run_do(run, &command);
    }
    plan_solution_free(solution);
    arena_free(arena);
    free(tasks);
    plan_request_free(request);
    return rc;
}

const char *sim_policy_name(enum sim_policy policy)
{
    switch (policy) {
    case SIM_NEAREST: return "nearest";
    case SIM_LNS: return "lns";
    case SIM_BATCH: return "batch";
    }
    return "none";
}
