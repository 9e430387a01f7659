/* Commands about an order before a courier has it: it enters, is approved, is ready, is cancelled. */
#include "world.h"

#include <inttypes.h>
#include <string.h>

enum { READY_AHEAD_MAX_S = 86400 };

static enum status stop_fault(const struct stop *stop, const char *field, struct error *err)
{
    if (stop->at.lat_e7 < -900000000 || stop->at.lat_e7 > 900000000 || stop->at.lon_e7 < -1800000000 || stop->at.lon_e7 > 1800000000)
        return error_field(err, field, "the place is not on Earth");
    if (stop->service_s > 86400) return error_field(err, field, "a service time of %" PRIu32 " s is not a service", stop->service_s);
    return STATUS_OK;
}

static enum status order_fault(const struct order *order, struct error *err)
{
    if (order->kind < ORDER_KIND_PRESCRIPTION || order->kind > ORDER_KIND_RETURN) return error_field(err, "kind", "no such kind of order");
    if (order->priority < PRIORITY_ROUTINE || order->priority > PRIORITY_CRITICAL) return error_field(err, "priority", "no such priority");
    if (order->phase != ORDER_ADJUDICATED) return error_field(err, "phase", "an order enters ADJUDICATED, not %s", order_phase_name(order->phase));
    bool test = order->kind == ORDER_KIND_TEST;
    if (order->lab_count > ORDER_LABS_MAX || (test && order->lab_count == 0)) return error_field(err, "labs", "a test needs 1 to %d laboratories", ORDER_LABS_MAX);
    if (order->goods.volume_ml > 10000000 || order->goods.cold_ml > 10000000) return error_field(err, "goods", "more than ten cubic metres");
    TRY(stop_fault(&order->first, "first", err));
    TRY(stop_fault(&order->home, "home", err));
    for (uint32_t i = 0; i < order->lab_count; i++) TRY(stop_fault(&order->labs[i], "labs", err));
    return STATUS_OK;
}

static void tell_ready(struct tick *tick, const struct world_order *order, int64_t ready_ms, uint32_t parcels)
{
    struct fact fact = fact_begin(tick, FACT_ORDER_READY, order, order->courier);
    fact.phase = ORDER_READY;
    fact.ready.ready_ms = ready_ms;
    fact.ready.parcels = parcels;
    fact_tell(tick, &fact);
    plan_wanted(tick->world, tick->now_ms);
}

static enum status enter(struct tick *tick, struct error *err)
{
    const struct order *order = tick->command->accepted;
    if (!order || !order->id.v) return error_field(err, "order", "no order in the command");
    tick->decision->order = order->id;
    if (order_find(tick->world, order->id)) { /* the outbox gives at least once */
        tick->decision->repeated = true;
        return STATUS_OK;
    }
    if (order->city.v != tick->world->options.city.v) return error_field(err, "city", "the order belongs to city %" PRIu32, order->city.v);
    TRY(order_fault(order, err));
    if (tick->world->order_count >= WORLD_ORDERS_MAX) {
        error_set(err, STATUS_RESOURCE_EXHAUSTED, "the city's world holds %d orders: it takes the next when some have ended", WORLD_ORDERS_MAX);
        err->retry_ms = 1000;
        return STATUS_RESOURCE_EXHAUSTED;
    }
    struct fact fact = fact_begin(tick, FACT_ORDER_ENTERED, NULL, (struct courier_id){0});
    fact.order = order->id;
    fact.order_version = 1;
    fact.phase = ORDER_ADJUDICATED;
    fact.entered = fact_memory(tick, sizeof *fact.entered);
    *fact.entered = *order;
    fact_tell(tick, &fact);
    plan_wanted(tick->world, tick->now_ms);
    if (order->kind != ORDER_KIND_PRESCRIPTION && !order->needs_approval) tell_ready(tick, order_find(tick->world, order->id), tick->now_ms, 1);
    return STATUS_OK;
}

static enum status wrong_phase(const struct world_order *order, const char *what, struct error *err)
{
    error_set(err, STATUS_FAILED_PRECONDITION, "order %" PRIu64 " is %s: %s", order->order.id.v, order_phase_name(order->order.phase), what);
    return error_reason(err, "WRONG_PHASE");
}

static enum status cancel_fact(struct tick *tick, struct world_order *order, enum fail_reason reason, const char *text)
{
    struct fact fact = fact_begin(tick, FACT_ORDER_CANCELLED, order, order->courier);
    fact.phase = ORDER_CANCELLED;
    fact.ended.reason = reason;
    (void)text_copy(fact.ended.text, sizeof fact.ended.text, text);
    fact_tell(tick, &fact);
    plan_wanted(tick->world, tick->now_ms);
    return STATUS_OK;
}

static enum status approve(struct tick *tick, struct error *err)
{
    struct world_order *order;
    TRY(find_order(tick, &order, err));
    const struct command *command = tick->command;
    if (!order->order.needs_approval) return wrong_phase(order, "it needs no pharmacist's approval", err);
    if (order->order.phase != ORDER_ADJUDICATED) return wrong_phase(order, "only an adjudicated order can be approved", err);
    if (!command->approve.approved) return cancel_fact(tick, order, FAIL_REFUSED, command->approve.reason);
    struct fact fact = fact_begin(tick, FACT_ORDER_APPROVED, order, order->courier);
    fact.phase = ORDER_APPROVED;
    (void)text_copy(fact.approved.pharmacist, sizeof fact.approved.pharmacist, command->approve.pharmacist);
    int64_t expected_ms = command->approve.expected_ready_ms;
    if (expected_ms && (expected_ms < tick->now_ms - INT64_C(86400000) || expected_ms > tick->now_ms + INT64_C(86400000)))
        return error_field(err, "expected_ready_ms", "not within a day of now: times are milliseconds since 1970");
    fact.approved.expected_ready_ms = expected_ms;
    fact_tell(tick, &fact);
    plan_wanted(tick->world, tick->now_ms);
    return STATUS_OK;
}

static enum status ready(struct tick *tick, struct error *err)
{
    struct world_order *order;
    TRY(find_order(tick, &order, err));
    if (order->order.phase == ORDER_ADJUDICATED && order->order.needs_approval) return wrong_phase(order, "a pharmacist must approve it before it is ready", err);
    if (order->order.phase != ORDER_ADJUDICATED && order->order.phase != ORDER_APPROVED) return wrong_phase(order, "it can't become ready (again)", err);
    int64_t ready_ms = tick->command->ready.ready_ms ? tick->command->ready.ready_ms : tick->now_ms;
    if (ready_ms > tick->now_ms + INT64_C(1000) * READY_AHEAD_MAX_S || ready_ms < tick->now_ms - INT64_C(1000) * READY_AHEAD_MAX_S)
        return error_field(err, "ready_ms", "not within a day of now: times are milliseconds since 1970");
    tell_ready(tick, order, ready_ms, tick->command->ready.parcels);
    return STATUS_OK;
}

static enum status cancel(struct tick *tick, struct error *err)
{
    struct world_order *order;
    TRY(find_order(tick, &order, err));
    if (order_phase_is_on_board(order->order.phase)) return wrong_phase(order, "it is with the courier and can no longer be cancelled; the recipient may refuse it at the door", err);
    if (!order_may_advance(order->order.kind, order->order.phase, ORDER_CANCELLED)) return wrong_phase(order, "it has ended and can't be cancelled", err);
    return cancel_fact(tick, order, FAIL_NONE, tick->command->cancel.reason);
}

enum status decide_order(struct tick *tick, struct error *err)
{
    if (tick->command->kind == COMMAND_ORDER_ACCEPTED) return enter(tick, err);
    if (tick->command->kind == COMMAND_APPROVE) return approve(tick, err);
    if (tick->command->kind == COMMAND_READY) return ready(tick, err);
    return cancel(tick, err);
}
