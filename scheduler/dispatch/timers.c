/* What time brings by itself: offers, offers that nobody answered, missed promises, alerts. Each is told once. */
#include "world.h"

#include <string.h>

enum { TOLD_STOPS_MAX = ROUTE_STOPS_MAX - 2 * ORDER_STOPS_MAX }; /* room is left for goods that turn back */

static void wake_at(struct world *world, int64_t at_ms)
{
    if (at_ms < world->timer_ms) world->timer_ms = at_ms;
}

static void decline_silent(struct tick *tick, struct world_order *order)
{
    struct fact fact = fact_begin(tick, FACT_ORDER_DECLINED, order, order->courier);
    fact.phase = ORDER_READY;
    fact.ended.reason = FAIL_OTHER;
    (void)text_copy(fact.ended.text, sizeof fact.ended.text, "no answer in time");
    fact_tell(tick, &fact);
    plan_wanted(tick->world, tick->now_ms);
}

/* When the order should be offered to the courier it is planned on; INT64_MAX: not by time. */
static int64_t offer_due_ms(const struct tick *tick, const struct world_order *order)
{
    if (order->order.phase != ORDER_READY || order->held || !order->courier.v) return INT64_MAX;
    const struct world_courier *courier = courier_find(tick->world, order->courier);
    if (!courier || !courier->on_shift) return INT64_MAX;
    uint32_t told = 0, first = courier->stop_count;
    for (uint32_t i = courier->stop_count; i-- > 0;) {
        told += courier->stops[i].told;
        if (courier->stops[i].plan.order.v == order->order.id.v) first = i;
    }
    if (first == courier->stop_count || told > TOLD_STOPS_MAX) return INT64_MAX;
    if (first == 0) return tick->now_ms;
    return courier->stops[first].plan.begin_ms - (int64_t)tick->world->options.offer_horizon_s * 1000;
}

static void offer(struct tick *tick, struct world_order *order)
{
    struct fact fact = fact_begin(tick, FACT_ORDER_ASSIGNED, order, order->courier);
    fact.phase = ORDER_ASSIGNED;
    fact.assigned.answer_by_ms = tick->now_ms + (int64_t)tick->world->options.answer_timeout_s * 1000;
    fact.assigned.eta_ms = order->eta_ms;
    fact_tell(tick, &fact);
}

static void alert(struct tick *tick, struct world_order *order, enum alert_kind kind, int64_t due_ms)
{
    if (order->alerts & BIT(kind)) return;
    if (tick->now_ms < due_ms) {
        wake_at(tick->world, due_ms);
        return;
    }
    struct fact fact = fact_begin(tick, FACT_ALERT_RAISED, order, order->courier);
    fact.alert.kind = kind;
    fact_tell(tick, &fact);
}

static void alerts(struct tick *tick, struct world_order *order)
{
    const struct world_options *options = &tick->world->options;
    enum order_phase phase = order->order.phase;
    if (phase == ORDER_ADJUDICATED && order->order.needs_approval) alert(tick, order, ALERT_APPROVAL_LATE, order->entered_ms + (int64_t)options->approval_alert_s * 1000);
    bool preparing = phase == ORDER_APPROVED || (phase == ORDER_ADJUDICATED && !order->order.needs_approval);
    int64_t since_ms = order->approved_ms ? order->approved_ms : order->entered_ms;
    if (preparing) alert(tick, order, ALERT_READY_LATE, since_ms + (int64_t)options->ready_alert_s * 1000);
    bool at_risk = order->eta_ms && order->order.promise_ms && order->eta_ms > order->order.promise_ms && phase != ORDER_RETURNING;
    if (at_risk && order_needs_courier(order)) alert(tick, order, ALERT_PROMISE_AT_RISK, tick->now_ms);
}

static void order_timers(struct tick *tick, struct world_order *order)
{
    if (!order_needs_courier(order)) return;
    tick->world->has_open = true;
    note_promise(tick, order);
    if (!order->missed && order->order.promise_ms && order->order.phase != ORDER_RETURNING) wake_at(tick->world, order->order.promise_ms + 1);
    if (order->order.phase == ORDER_ASSIGNED) {
        if (tick->now_ms >= order->answer_by_ms) decline_silent(tick, order);
        else wake_at(tick->world, order->answer_by_ms);
    }
    alerts(tick, order);
    int64_t due_ms = offer_due_ms(tick, order);
    if (due_ms == INT64_MAX) return;
    if (tick->now_ms < due_ms) {
        wake_at(tick->world, due_ms);
        return;
    }
    offer(tick, order);
    wake_at(tick->world, order->answer_by_ms);
}

static void courier_timers(struct tick *tick, const struct world_courier *courier)
{
    if (!courier->on_shift || courier->silent) return;
    bool told = false;
    for (uint32_t i = 0; i < courier->stop_count; i++) told |= courier->stops[i].told;
    if (!told) return;
    int64_t sign_ms = courier->at_ms > courier->seen_ms ? courier->at_ms : courier->seen_ms;
    if (sign_ms < tick->world->awake_ms) sign_ms = tick->world->awake_ms; /* after a restart nobody has been silent yet */
    int64_t due_ms = sign_ms + (int64_t)tick->world->options.courier_silent_s * 1000;
    if (tick->now_ms < due_ms) {
        wake_at(tick->world, due_ms);
        return;
    }
    struct fact fact = fact_begin(tick, FACT_ALERT_RAISED, NULL, courier->courier.id);
    fact.alert.kind = ALERT_COURIER_SILENT;
    fact_tell(tick, &fact);
}

void timers_run(struct tick *tick)
{
    struct world *world = tick->world;
    int64_t next_ms = INT64_MAX;
    world->has_open = false;
    /* each fact sets timer_ms to "look again"; what is found here is collected apart, so that one pass is enough */
    for (uint32_t i = 0; i < world->order_count; i++) {
        world->timer_ms = INT64_MAX;
        order_timers(tick, world->orders[i]);
        if (world->timer_ms > 0 && world->timer_ms < next_ms) next_ms = world->timer_ms;
        else if (world->timer_ms == 0) next_ms = tick->now_ms + 1;
    }
    for (uint32_t i = 0; i < world->courier_count; i++) {
        world->timer_ms = INT64_MAX;
        courier_timers(tick, world->couriers[i]);
        if (world->timer_ms > 0 && world->timer_ms < next_ms) next_ms = world->timer_ms;
        else if (world->timer_ms == 0) next_ms = tick->now_ms + 1;
    }
    world->timer_ms = next_ms;
}

int64_t dispatch_next_timer_ms(const struct world *world)
{
    int64_t plan_ms = INT64_MAX;
    if (!world->plan_out) {
        plan_ms = world->plan_due_ms;
        int64_t again_ms = world->plan_last_ms + (int64_t)world->options.replan_s * 1000;
        if (world->has_open && again_ms < plan_ms) plan_ms = again_ms;
    }
    return world->timer_ms < plan_ms ? world->timer_ms : plan_ms;
}
