/* Commands of couriers (shift, position, answer) and of dispatchers (reassign, pin, hold). */
#include "world.h"

#include <inttypes.h>
#include <string.h>

enum { SHIFT_MAX_S = 16 * 3600 };

static bool is_on_earth(struct point at)
{
    return at.lat_e7 >= -900000000 && at.lat_e7 <= 900000000 && at.lon_e7 >= -1800000000 && at.lon_e7 <= 1800000000;
}

static enum status find_on_shift(const struct tick *tick, struct courier_id id, struct world_courier **out, struct error *err)
{
    *out = courier_find(tick->world, id);
    if (*out && (*out)->on_shift) return STATUS_OK;
    error_set(err, STATUS_FAILED_PRECONDITION, "courier %" PRIu64 " is not on shift: start a shift first", id.v);
    return error_reason(err, "NOT_ON_SHIFT");
}

static enum status shift_start(struct tick *tick, struct error *err)
{
    const struct command *command = tick->command;
    if (!command->courier.v || command->shift.courier.id.v != command->courier.v) return error_field(err, "courier_id", "no courier in the command");
    struct world_courier *courier = courier_find(tick->world, command->courier);
    if (courier && courier->on_shift) {
        error_set(err, STATUS_FAILED_PRECONDITION, "courier %" PRIu64 " is on shift already: end that shift first", command->courier.v);
        return error_reason(err, "ON_SHIFT");
    }
    if (!courier && tick->world->courier_count >= WORLD_COURIERS_MAX) {
        error_set(err, STATUS_RESOURCE_EXHAUSTED, "the city's world holds %d couriers and takes no more", WORLD_COURIERS_MAX);
        err->retry_ms = 60000;
        return STATUS_RESOURCE_EXHAUSTED;
    }
    int64_t lasts_ms = command->shift.ends_ms - tick->now_ms;
    if (lasts_ms <= 0 || lasts_ms > INT64_C(1000) * SHIFT_MAX_S) return error_field(err, "ends_ms", "a shift ends within the next %d hours", SHIFT_MAX_S / 3600);
    if (!is_on_earth(command->shift.at)) return error_field(err, "at", "the place is not on Earth");
    if (command->shift.courier.volume_ml_max > 10000000 || command->shift.courier.cold_ml_max > 10000000) return error_field(err, "courier", "a box of more than ten cubic metres");
    struct fact fact = fact_begin(tick, FACT_SHIFT_STARTED, NULL, command->courier);
    fact.shift.courier = command->shift.courier;
    fact.shift.at = command->shift.at;
    fact.shift.ends_ms = command->shift.ends_ms;
    fact_tell(tick, &fact);
    plan_wanted(tick->world, tick->now_ms);
    return STATUS_OK;
}

static enum status shift_end(struct tick *tick, struct error *err)
{
    struct world_courier *courier;
    TRY(find_on_shift(tick, tick->command->courier, &courier, err));
    struct world *world = tick->world;
    for (uint32_t i = 0; i < world->order_count; i++) {
        const struct world_order *order = world->orders[i];
        if (order->courier.v != courier->courier.id.v || !order_is_told(order) || order->order.phase == ORDER_ASSIGNED) continue;
        error_set(err, STATUS_FAILED_PRECONDITION, "courier %" PRIu64 " still has order %" PRIu64 " (%s): bring it to its end, or have a dispatcher reassign it", courier->courier.id.v,
                  order->order.id.v, order_phase_name(order->order.phase));
        return error_reason(err, "ORDERS_REMAIN");
    }
    struct tick aside = *tick;
    aside.command = NULL; /* the request is answered by the shift's end, not by its consequences */
    for (uint32_t i = 0; i < world->order_count; i++) {
        struct world_order *order = world->orders[i];
        if (order->courier.v == courier->courier.id.v && order->order.phase == ORDER_ASSIGNED) unassign(&aside, order, FAIL_OTHER, "the courier's shift has ended");
    }
    struct fact fact = fact_begin(tick, FACT_SHIFT_ENDED, NULL, tick->command->courier);
    fact_tell(tick, &fact);
    plan_wanted(world, tick->now_ms);
    return STATUS_OK;
}

static enum status position(struct tick *tick, struct error *err)
{
    const struct command *command = tick->command;
    struct world_courier *courier;
    TRY(find_on_shift(tick, command->courier, &courier, err));
    if (!is_on_earth(command->position.at)) return error_field(err, "at", "the place is not on Earth");
    int64_t at_ms = command->position.at_ms ? command->position.at_ms : tick->now_ms;
    if (at_ms > tick->now_ms + 60000) return error_field(err, "at_ms", "a position from the future");
    if (at_ms < courier->at_ms) return STATUS_OK; /* an older one that came late: the last value has won */
    courier->at = command->position.at;
    courier->at_ms = at_ms;
    courier->heading_deg = command->position.heading_deg;
    courier->speed_dmps = command->position.speed_dmps;
    return STATUS_OK;
}

static enum status answer(struct tick *tick, struct error *err)
{
    const struct command *command = tick->command;
    struct world_order *order;
    TRY(find_order(tick, &order, err));
    if (order->order.phase != ORDER_ASSIGNED || order->courier.v != command->courier.v) {
        error_set(err, STATUS_FAILED_PRECONDITION, "order %" PRIu64 " is not offered to courier %" PRIu64 ": the offer was withdrawn, answered or ran out", order->order.id.v, command->courier.v);
        return error_reason(err, "NO_OFFER");
    }
    struct fact fact = fact_begin(tick, command->answer.accept ? FACT_ORDER_TAKEN : FACT_ORDER_DECLINED, order, command->courier);
    fact.phase = command->answer.accept ? ORDER_ACCEPTED : ORDER_READY;
    if (!command->answer.accept) {
        fact.ended.reason = FAIL_REFUSED;
        (void)text_copy(fact.ended.text, sizeof fact.ended.text, command->answer.reason);
        plan_wanted(tick->world, tick->now_ms);
    }
    fact_tell(tick, &fact);
    return STATUS_OK;
}

enum status decide_courier(struct tick *tick, struct error *err)
{
    if (tick->command->kind != COMMAND_ANSWER) tick->decision->order.v = 0;
    if (tick->command->kind == COMMAND_SHIFT_START) return shift_start(tick, err);
    if (tick->command->kind == COMMAND_SHIFT_END) return shift_end(tick, err);
    if (tick->command->kind == COMMAND_POSITION) return position(tick, err);
    return answer(tick, err);
}

/* ---- dispatchers ---- */

static enum status check_movable(const struct world_order *order, struct error *err)
{
    const char *why = NULL;
    if (order_phase_is_on_board(order->order.phase)) why = "it is in the courier's box and stays there";
    else if (!order_needs_courier(order)) why = "it has ended";
    if (!why) return STATUS_OK;
    error_set(err, STATUS_FAILED_PRECONDITION, "order %" PRIu64 " is %s: %s", order->order.id.v, order_phase_name(order->order.phase), why);
    return error_reason(err, "WRONG_PHASE");
}

static void tell_flag(struct tick *tick, enum fact_kind kind, const struct world_order *order, struct courier_id courier, bool on, const char *reason)
{
    struct fact fact = fact_begin(tick, kind, order, courier);
    fact.flag.on = on;
    (void)text_copy(fact.flag.reason, sizeof fact.flag.reason, reason);
    fact_tell(tick, &fact);
    plan_wanted(tick->world, tick->now_ms);
}

static enum status reassign(struct tick *tick, struct error *err)
{
    const struct command *command = tick->command;
    struct world_order *order;
    TRY(find_order(tick, &order, err));
    TRY(check_movable(order, err));
    struct courier_id to = command->reassign.to;
    if (to.v) {
        struct world_courier *courier;
        TRY(find_on_shift(tick, to, &courier, err));
        uint32_t missing = order->order.goods.skills & ~courier->courier.skills;
        if (missing) {
            error_set(err, STATUS_FAILED_PRECONDITION, "courier %" PRIu64 " lacks skills %#" PRIx32 " that order %" PRIu64 " needs", to.v, missing, order->order.id.v);
            return error_reason(err, "NO_SKILL");
        }
        if (order->courier.v == to.v && order_is_told(order)) {
            error_set(err, STATUS_FAILED_PRECONDITION, "order %" PRIu64 " is with courier %" PRIu64 " already", order->order.id.v, to.v);
            return error_reason(err, "SAME_COURIER");
        }
    }
    if (order->courier.v && order->courier.v != to.v) unassign(tick, order, FAIL_OTHER, command->reassign.reason);
    if (to.v) tell_flag(tick, FACT_ORDER_PINNED, order, to, true, command->reassign.reason);
    else if (order->pinned) tell_flag(tick, FACT_ORDER_PINNED, order, (struct courier_id){0}, false, command->reassign.reason);
    plan_wanted(tick->world, tick->now_ms);
    return STATUS_OK;
}

static enum status pin(struct tick *tick, struct error *err)
{
    const struct command *command = tick->command;
    struct world_order *order;
    TRY(find_order(tick, &order, err));
    TRY(check_movable(order, err));
    if (order->pinned == command->flag.on) return STATUS_OK;
    if (command->flag.on && !order->courier.v) {
        error_set(err, STATUS_FAILED_PRECONDITION, "order %" PRIu64 " has no courier to be pinned to: reassign it to one", order->order.id.v);
        return error_reason(err, "NO_COURIER");
    }
    tell_flag(tick, FACT_ORDER_PINNED, order, order->courier, command->flag.on, command->flag.reason);
    return STATUS_OK;
}

static enum status hold(struct tick *tick, struct error *err)
{
    const struct command *command = tick->command;
    struct world_order *order;
    TRY(find_order(tick, &order, err));
    TRY(check_movable(order, err));
    if (order->held == command->flag.on) return STATUS_OK;
    if (command->flag.on && order->order.phase == ORDER_ACCEPTED) {
        error_set(err, STATUS_FAILED_PRECONDITION, "order %" PRIu64 " was accepted by courier %" PRIu64 ": take it away first (reassign to nobody)", order->order.id.v, order->courier.v);
        return error_reason(err, "WRONG_PHASE");
    }
    if (command->flag.on && order->order.phase == ORDER_ASSIGNED) unassign(tick, order, FAIL_OTHER, command->flag.reason);
    tell_flag(tick, FACT_ORDER_HELD, order, order->courier, command->flag.on, command->flag.reason);
    return STATUS_OK;
}

static enum status prioritize(struct tick *tick, struct error *err)
{
    const struct command *command = tick->command;
    struct world_order *order;
    TRY(find_order(tick, &order, err));
    if (!order_needs_courier(order)) {
        error_set(err, STATUS_FAILED_PRECONDITION, "order %" PRIu64 " is %s: it has ended", order->order.id.v, order_phase_name(order->order.phase));
        return error_reason(err, "WRONG_PHASE");
    }
    if (order->order.priority == command->prioritize.priority) return STATUS_OK;
    struct fact fact = fact_begin(tick, FACT_ORDER_PRIORITIZED, order, order->courier);
    fact.priority.priority = command->prioritize.priority;
    (void)text_copy(fact.priority.reason, sizeof fact.priority.reason, command->prioritize.reason);
    fact_tell(tick, &fact);
    plan_wanted(tick->world, tick->now_ms);
    return STATUS_OK;
}

static enum status acknowledge(struct tick *tick, struct error *err)
{
    struct world_order *order;
    enum alert_kind kind = tick->command->acknowledge.kind;
    TRY(find_order(tick, &order, err));
    if (!(order->alerts & BIT(kind))) {
        error_set(err, STATUS_FAILED_PRECONDITION, "order %" PRIu64 " has no alert %s", order->order.id.v, alert_kind_name(kind));
        return error_reason(err, "NO_ALERT");
    }
    if ((order->alerts & ALERT_SEEN_BIT(kind)) || order_phase_is_terminal(order->order.phase)) return STATUS_OK; /* somebody, or the end, was faster: all is well */
    struct fact fact = fact_begin(tick, FACT_ALERT_SEEN, order, order->courier);
    fact.alert.kind = kind;
    fact_tell(tick, &fact);
    return STATUS_OK;
}

enum status decide_dispatcher(struct tick *tick, struct error *err)
{
    if (tick->command->kind == COMMAND_PRIORITIZE) return prioritize(tick, err);
    if (tick->command->kind == COMMAND_ACKNOWLEDGE) return acknowledge(tick, err);
    if (tick->command->kind == COMMAND_REASSIGN) return reassign(tick, err);
    if (tick->command->kind == COMMAND_PIN) return pin(tick, err);
    return hold(tick, err);
}
