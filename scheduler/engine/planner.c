/* The planner thread: snapshots in, plans out, at low priority so that it never takes a core from the threads that answer. */
#include "internal.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PLANNER_NICE = 5, PLAN_ARENA_BYTES = 256 << 20, LABEL_BYTES_MAX = 1 << 30,
       IMPROVE_LEAST_US = 150000 /* a plan that is pressed still gets so much: in a busy hour something always presses */ };

struct patience {
    struct engine *engine;
    int64_t begun_us;
};

/* Improving ends early when a new order, a refusal or a closed road waits for its plan. */
static bool is_enough(void *context)
{
    const struct patience *patience = context;
    if (atomic_load(&patience->engine->stopping)) return true;
    return atomic_load(&patience->engine->plan_pressed) && clock_boot_us() - patience->begun_us > IMPROVE_LEAST_US;
}

static struct to_core *plan(struct engine *engine, struct oracle *oracle, struct plan_request *request)
{
    struct to_core *message = mem_zalloc(1, sizeof *message);
    struct plan_solution *solution = NULL;
    struct error err;
    int64_t begun_us = clock_boot_us();
    struct geo_metric *metric = traffic_now(engine->traffic);
    oracle_rebase(oracle, metric);
    geo_metric_unref(metric);
    request->problem.oracle = oracle_for(oracle, request);
    struct patience patience = {engine, clock_boot_us()};
    struct plan_options options = {.seed = request->world_seq, .iterations = engine->options.plan_iterations, .stop = is_enough, .stop_context = &patience};
    message->arena = arena_new(PLAN_ARENA_BYTES);
    message->commands = mem_zalloc(1, sizeof *message->commands);
    if (plan_solve(&request->problem, &options, &solution, &err) == STATUS_OK &&
        dispatch_plan_command(request, solution, message->arena, &message->commands[0])) {
        message->count = 1;
    } else {
        log_error("event=plan_failed status=%s text=\"%s\"", status_name(err.status), err.text);
        message->plan_lost = true;
    }
    plan_solution_free(solution);
    atomic_fetch_add(&engine->plans, 1);
    tally_add(&engine->plan_spans, ENGINE_SPAN_BOUNDS_US, (uint64_t)(clock_boot_us() - begun_us));
    atomic_store(&engine->plan_last_us, (uint32_t)(clock_boot_us() - begun_us));
    return message;
}

void *planner_run(void *context)
{
    struct engine *engine = context;
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), PLANNER_NICE);
    struct geo_metric *metric = traffic_now(engine->traffic);
    struct oracle *oracle = oracle_new(metric, engine->options.snap_max_m, LABEL_BYTES_MAX);
    geo_metric_unref(metric);
    while (!atomic_load(&engine->stopping)) {
        struct plan_request *request = mailbox_take(engine->to_planner);
        if (!request) {
            mailbox_wait(engine->to_planner, TICK_MS);
            continue;
        }
        struct to_core *message = plan(engine, oracle, request);
        plan_request_free(request);
        /* the core always drains; if it has ended, so has the need for a plan */
        while (!core_post(engine, message)) {
            if (atomic_load(&engine->stopping) || atomic_load(&engine->fatal)) {
                to_core_free(message);
                break;
            }
            usleep(2000);
        }
    }
    oracle_free(oracle);
    return NULL;
}
