/* Who gets what: the planner as it is, or the planner bound hand and foot to "the nearest courier who has nothing to do". */
#include "city.h"

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

enum status policy_plan(struct run *run, struct error *err)
{
    if (!dispatch_needs_plan(run->world, run->now_ms)) return STATUS_OK;
    struct plan_request *request = dispatch_plan_request(run->world, run->now_ms);
    request->problem.oracle = roads_oracle(&run->roads, request);
    struct plan_problem problem = request->problem;
    struct plan_task *tasks = mem_zalloc(problem.task_count + 1, sizeof *tasks);
    if (problem.task_count) memcpy(tasks, problem.tasks, problem.task_count * sizeof *tasks);
    problem.tasks = tasks;
    struct plan_options options = {.seed = run->options->seed + request->world_seq, .iterations = run->options->plan_iterations};
    if (run->options->policy == SIM_NEAREST) {
        bind_to_nearest(&problem, tasks);
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
