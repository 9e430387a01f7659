/* Figures for watchdogs: how long commits and plans take, how large batches are, and how the city stands. Counters are atomic; the city is counted by the
 * writer, who owns the committed world, once a second. */
#include "internal.h"

const uint32_t ENGINE_SPAN_BOUNDS_US[ENGINE_BUCKETS] = {100, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000, 5000000};
const uint32_t ENGINE_BATCH_BOUNDS[ENGINE_BUCKETS] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000};

void tally_add(struct tally *tally, const uint32_t *bounds, uint64_t value)
{
    uint32_t bucket = 0;
    while (bucket < ENGINE_BUCKETS && value > bounds[bucket]) bucket++;
    atomic_fetch_add_explicit(&tally->bucket[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&tally->sum, value, memory_order_relaxed);
}

static void read_tally(struct tally *tally, struct engine_histogram *out)
{
    for (uint32_t i = 0; i <= ENGINE_BUCKETS; i++) out->bucket[i] = atomic_load_explicit(&tally->bucket[i], memory_order_relaxed);
    out->sum = atomic_load_explicit(&tally->sum, memory_order_relaxed);
}

static void count_order(const struct world_order *order, int64_t now_ms, struct engine_gauges *out)
{
    out->orders[order->order.phase]++;
    if (order_phase_is_terminal(order->order.phase)) {
        if (order->order.phase == ORDER_DELIVERED || order->order.phase == ORDER_LAB_ACCEPTED || order->order.phase == ORDER_REPORTED) order->missed ? out->ended_late++ : out->ended_in_time++;
        return;
    }
    out->open++;
    if (now_ms > order->order.promise_ms) out->late++;
    else if (order->eta_ms > order->order.promise_ms) out->at_risk++;
    if (order->unplanned != UNPLANNED_NONE) out->unplanned++;
    int64_t age_ms = now_ms - order->order.accepted_ms;
    if (age_ms > out->oldest_open_ms) out->oldest_open_ms = age_ms;
}

void gauges_measure(struct engine *engine)
{
    enum { EVERY_US = 1000000 };
    int64_t now_us = clock_boot_us();
    if (now_us - engine->gauges_us < EVERY_US) return;
    engine->gauges_us = now_us;
    struct engine_gauges gauges = {.open = 0};
    int64_t now_ms = clock_now_ms();
    for (uint32_t i = 0; i < world_order_count(engine->committed); i++) count_order(world_order_at(engine->committed, i), now_ms, &gauges);
    for (uint32_t i = 0; i < world_courier_count(engine->committed); i++) gauges.couriers_on_shift += world_courier_at(engine->committed, i)->on_shift;
    pthread_mutex_lock(&engine->gauges_lock);
    engine->gauges = gauges;
    pthread_mutex_unlock(&engine->gauges_lock);
}

void engine_figures(struct engine *engine, struct engine_figures *out)
{
    read_tally(&engine->commit_spans, &out->commit_us);
    read_tally(&engine->commit_sizes, &out->commit_facts);
    read_tally(&engine->intake_spans, &out->intake_us);
    read_tally(&engine->intake_sizes, &out->intake_orders);
    read_tally(&engine->plan_spans, &out->plan_us);
    pthread_mutex_lock(&engine->gauges_lock);
    out->gauges = engine->gauges;
    pthread_mutex_unlock(&engine->gauges_lock);
}
