/* The day's clock: every ten seconds demand enters, pharmacies work, couriers move, the planner is asked; at the end the figures are summed. */
#include "city.h"

#include <stdlib.h>
#include <string.h>

/* 10:00 on a Tuesday in China: a shift begins before the noon peak. */
#define START_MS INT64_C(1704160800000)

enum { UTC_OFFSET_MS = 28800000, ORDER_EVENTS_MS = 14400000 }; /* an order's approval, readiness and cancellation come within four hours */

struct sim_options sim_options_default(void)
{
    return (struct sim_options){.policy = SIM_LNS, .seed = 1, .orders = 500, .couriers = 60, .hours = 6, .plan_iterations = 150,
                                .surge_percent = 100, .shifts = true,
                                .absent_pm = 15, .decline_pm = 20, .cancel_pm = 15, .late_pharmacy_pm = 30, .breakdown_pm = 30, .offline_pm = 30};
}

struct command run_command(const struct run *run, enum command_kind kind, struct order_id order, struct courier_id courier)
{
    (void)run;
    struct command command;
    memset(&command, 0, sizeof command);
    command.kind = kind;
    command.city.v = 1;
    command.order = order;
    command.courier = courier;
    return command;
}

static void count_fact(struct run *run, const struct fact *fact, struct buffer *bytes)
{
    run->result->facts++;
    if (fact->kind == FACT_ROUTE_PLANNED) run->result->changes_per_order += fact->route.changes;
    if (fact->kind == FACT_PROMISE_MISSED) run->result->promises_missed++;
    buffer_clear(bytes);
    fact_encode(fact, bytes);
    hash_stream_add(run->digest, bytes->data, bytes->size);
}

static void tick_all(struct run *run, const struct command *commands, uint32_t count, struct decision *decisions)
{
    struct fact_list facts;
    struct buffer bytes;
    fact_list_init(&facts);
    buffer_init(&bytes, 1 << 20);
    dispatch_tick(run->world, run->now_ms, commands, count, &facts, decisions);
    for (uint32_t i = 0; i < facts.count; i++) count_fact(run, &facts.facts[i], &bytes);
    buffer_deinit(&bytes);
    fact_list_deinit(&facts);
}

static enum status tick(struct run *run, const struct command *command)
{
    struct decision decision = {0};
    tick_all(run, command, command ? 1 : 0, &decision);
    return decision.error.status;
}

void run_do_all(struct run *run, struct command *commands, uint32_t count)
{
    tick_all(run, commands, count, run->decisions);
}

enum status run_do(struct run *run, struct command *command)
{
    return tick(run, command);
}

static enum status do_order(struct run *run, enum command_kind kind, const struct sim_order *order)
{
    struct command command = run_command(run, kind, order->order.id, (struct courier_id){0});
    struct order copy = order->order;
    if (kind == COMMAND_ORDER_ACCEPTED) command.accepted = &copy;
    if (kind == COMMAND_APPROVE) {
        command.approve.approved = true;
        command.approve.expected_ready_ms = order->ready_ms;
    }
    return run_do(run, &command);
}

static void demand_step(struct run *run)
{
    while (run->demand.live < run->demand.count && run->demand.orders[run->demand.live].order.accepted_ms + ORDER_EVENTS_MS < run->now_ms) run->demand.live++;
    for (uint32_t i = run->demand.live; i < run->demand.count; i++) {
        struct sim_order *order = &run->demand.orders[i];
        if (order->order.accepted_ms > run->now_ms) break;
        if (!order->entered) {
            order->entered = true;
            enum status rc = do_order(run, COMMAND_ORDER_ACCEPTED, order);
            ASSERT(rc == STATUS_OK);
        }
        if (order->cancel_ms && !order->cancelled && run->now_ms >= order->cancel_ms) {
            order->cancelled = true; /* too late is the caller's bad luck */
            (void)do_order(run, COMMAND_CANCEL, order);
        }
        if (order->order.kind != ORDER_KIND_PRESCRIPTION) continue;
        if (!order->approved && run->now_ms >= order->approve_ms) {
            order->approved = true;
            (void)do_order(run, COMMAND_APPROVE, order);
        }
        if (!order->ready && run->now_ms >= order->ready_ms) {
            order->ready = true;
            (void)do_order(run, COMMAND_READY, order);
        }
    }
}

/* What has ended is taken down at once (the world forgets it after some hours). */
struct tally {
    uint32_t *took_s;
    uint32_t succeeded;
    bool *counted;
};

static void count_order(struct run *run, struct tally *tally, const struct world_order *order)
{
    struct sim_result *result = run->result;
    uint64_t id = order->order.id.v;
    if (tally->counted[id] || !order_phase_is_terminal(order->order.phase)) return;
    tally->counted[id] = true;
    roads_forget(&run->roads, order->order.home.at);
    enum order_phase phase = order->order.phase;
    if (phase == ORDER_DELIVERED || phase == ORDER_REPORTED) {
        uint32_t took_s = (uint32_t)((order->eta_ms - order->order.accepted_ms) / 1000);
        tally->took_s[tally->succeeded++] = took_s;
        if (took_s <= 10800) result->within_3h++;
        if (phase == ORDER_DELIVERED) result->delivered++;
        else result->at_lab++;
    } else if (phase == ORDER_RETURNED) result->returned++;
    else if (phase == ORDER_CANCELLED) result->cancelled++;
    else if (phase == ORDER_SPECIMEN_REJECTED) result->rejected++;
    else result->failed++;
}

static int by_value(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void sum_up(struct run *run, struct tally *tally)
{
    struct sim_result *result = run->result;
    uint64_t sum_s = 0, driven_dm = 0, busy_ms = 0, late_s = 0;
    result->orders = run->demand.count;
    for (uint32_t i = 0; i < run->demand.count; i++) result->tests += run->demand.orders[i].order.kind == ORDER_KIND_TEST;
    result->unfinished = result->orders - result->delivered - result->at_lab - result->failed - result->returned - result->cancelled - result->rejected;
    for (uint32_t i = 0; i < run->options->couriers; i++) {
        driven_dm += run->riders[i].driven_dm;
        busy_ms += run->riders[i].busy_ms;
        result->driven_s += run->riders[i].driving_ms / 1000;
    }
    uint32_t owed = result->orders - result->cancelled - result->failed - result->returned;
    if (owed) result->share_of_all_within_3h = (double)result->within_3h / owed;
    if (result->plans) result->decision_mean_ms = (double)run->decision_us_sum / 1000 / (double)result->plans;
    result->decision_max_ms = (double)run->decision_us_max / 1000;
    result->changes_per_order /= result->orders;
    if (!tally->succeeded) return;
    uint32_t n = tally->succeeded;
    qsort(tally->took_s, n, sizeof *tally->took_s, by_value);
    for (uint32_t i = 0; i < n; i++) {
        sum_s += tally->took_s[i];
        if (tally->took_s[i] > 10800) late_s += tally->took_s[i] - 10800;
    }
    result->late_min_per_order = (double)late_s / n / 60;
    result->work_min_per_order = (double)busy_ms / n / 60000;
    result->share_within_3h = (double)result->within_3h / n;
    result->mean_min = (double)sum_s / n / 60;
    result->p50_min = tally->took_s[(n - 1) * 50 / 100] / 60.0;
    result->p90_min = tally->took_s[(n - 1) * 90 / 100] / 60.0;
    result->p99_min = tally->took_s[(n - 1) * 99 / 100] / 60.0;
    result->km_per_order = (double)driven_dm / 10000 / n;
    if (result->at_lab) result->collection_to_lab_mean_min = (double)run->collection_ms / result->at_lab / 60000;
}

/* On the hour other travel times hold, and what is planned is timed again. */
static void follow_traffic(struct run *run)
{
    if (!run->options->by_hour) return;
    const struct geo_metric *metric = run->options->by_hour[(run->now_ms + UTC_OFFSET_MS) / 3600000 % 24];
    if (metric == run->roads.metric) return;
    roads_use(&run->roads, metric);
    dispatch_plan_stale(run->world);
}

static enum status play(struct run *run, struct error *err)
{
    struct tally tally = {.took_s = mem_zalloc(run->demand.count + 1, sizeof *tally.took_s), .counted = mem_zalloc(run->demand.count + 1, sizeof *tally.counted)};
    enum status rc = STATUS_OK;
    for (; run->now_ms < run->end_ms && rc == STATUS_OK; run->now_ms += STEP_S * 1000) {
        follow_traffic(run);
        demand_step(run);
        (void)tick(run, NULL);
        riders_step(run);
        rc = policy_plan(run, err);
        if (run->options->misses_max && run->result->promises_missed > run->options->misses_max) break;
        for (uint32_t i = 0; i < world_order_count(run->world); i++) count_order(run, &tally, world_order_at(run->world, i));
    }
    if (rc == STATUS_OK) sum_up(run, &tally);
    free(tally.took_s);
    free(tally.counted);
    return rc;
}

static enum status check_options(const struct sim_options *options, struct error *err)
{
    if (options->policy != SIM_NEAREST && options->policy != SIM_LNS && options->policy != SIM_BATCH) return error_field(err, "policy", "nearest, batch or lns");
    if (options->surge_percent < 100 || options->surge_percent > SIM_SURGE_MAX_PERCENT) return error_field(err, "surge", "1 to %d times", SIM_SURGE_MAX_PERCENT / 100);
    if (!options->orders || options->orders > SIM_ORDERS_MAX) return error_field(err, "orders", "1 to %d", SIM_ORDERS_MAX);
    if (!options->couriers || options->couriers > SIM_COURIERS_MAX) return error_field(err, "couriers", "1 to %d", SIM_COURIERS_MAX);
    if (!options->hours || options->hours > SIM_HOURS_MAX - 1) return error_field(err, "hours", "1 to %d", SIM_HOURS_MAX - 1);
    bool faults = options->absent_pm || options->decline_pm || options->cancel_pm || options->late_pharmacy_pm || options->breakdown_pm || options->offline_pm;
    if (options->hindsight_iterations && (faults || options->by_hour)) return error_field(err, "hindsight", "only of a calm day with the same travel times at every hour");
    return STATUS_OK;
}

enum status sim_run(const struct geo_metric *metric, const struct sim_options *options, struct sim_result *out, struct error *err)
{
    TRY(check_options(options, err));
    *out = (struct sim_result){0};
    struct world_options world = world_options_default((struct city_id){1});
    struct run run = {.options = options, .start_ms = START_MS, .now_ms = START_MS, .result = out};
    run.end_ms = START_MS + ((int64_t)options->hours + CLOSING_HOURS) * 3600000 - 1000;
    run.world = world_new(&world);
    run.digest = hash_stream_new();
    rng_init(&run.rng, options->seed ^ UINT64_C(0x5349));
    roads_init(&run.roads, metric, demand_size(options) * (options->rows ? 2 : 1) + PHARMACIES + LABS + DEPOTS + 1);
    enum status rc = demand_make(&run.demand, &run.roads, options, START_MS, err);
    if (rc == STATUS_OK) {
        riders_make(&run);
        rc = play(&run, err);
        if (rc == STATUS_OK && options->hindsight_iterations) rc = hindsight_run(&run, err);
    }
    out->digest = hash_stream_finish(run.digest);
    riders_free(&run);
    free(run.visits);
    demand_free(&run.demand);
    world_free(run.world);
    roads_deinit(&run.roads);
    return rc;
}
