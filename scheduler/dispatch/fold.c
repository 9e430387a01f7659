/* The fold: how a fact changes the world. The only code that writes to orders, couriers and keys. It must not decide anything, and it reads
 * no option and no clock: a replay a year later makes the same bytes. */
#include "world.h"

#include <inttypes.h>
#include <string.h>

enum { SWEEP_MS = 600000 }; /* ended orders and old keys are looked for so often */

static void remove_at(struct world_courier *courier, uint32_t index)
{
    courier->stop_count--;
    memmove(courier->stops + index, courier->stops + index + 1, (courier->stop_count - index) * sizeof *courier->stops);
    memset(&courier->stops[courier->stop_count], 0, sizeof courier->stops[courier->stop_count]);
}

/* Take an order's stops out of its courier's route: one kind, or all (kind 0). */
static void leave_route(struct world *world, const struct world_order *order, enum stop_kind kind)
{
    struct world_courier *courier = courier_find(world, order->courier);
    if (!courier) return;
    bool any = false;
    for (uint32_t i = courier->stop_count; i-- > 0;) {
        if (courier->stops[i].plan.order.v != order->order.id.v || (kind && courier->stops[i].plan.kind != kind)) continue;
        remove_at(courier, i);
        any = true;
    }
    if (any || order_is_told(order)) courier->route_version++;
}

static const struct stop *place_of(const struct world_order *order, enum stop_kind kind, struct facility_id lab)
{
    if (kind == STOP_HOME) return &order->order.home;
    if (kind != STOP_LAB) return &order->order.first;
    for (uint32_t i = 0; i < order->order.lab_count; i++)
        if (order->order.labs[i].facility.v == lab.v) return &order->order.labs[i];
    return order->lab < order->order.lab_count ? &order->order.labs[order->lab] : NULL;
}

/* The courier was at this stop just now. */
static void courier_seen(struct world *world, const struct fact *fact, const struct world_order *order, enum stop_kind kind, bool done)
{
    struct world_courier *courier = courier_find(world, order->courier);
    const struct stop *place = place_of(order, kind, fact->kind == FACT_SPECIMEN_LAB_ACCEPTED ? fact->hand.lab : order->lab_id);
    if (!courier || !place) return;
    courier->seen_at = place->at;
    courier->seen_ms = fact->at_ms;
    courier->silent = false;
    if (!done) return;
    courier->start = place->at;
    courier->start_ms = fact->at_ms;
}

static void advance(struct world_order *order, const struct fact *fact)
{
    ASSERT(order->order.phase == fact->phase || order_may_advance(order->order.kind, order->order.phase, fact->phase));
    order->order.phase = fact->phase;
    order->on_board = order_phase_is_on_board(fact->phase);
}

/* No courier any more; back to the pool. */
static void to_pool(struct world *world, struct world_order *order)
{
    leave_route(world, order, 0);
    order->courier.v = 0;
    order->eta_ms = 0;
    order->answer_by_ms = 0;
    order->lab = ORDER_LABS_MAX;
    order->lab_id.v = 0;
    order->kit_from_box = false;
}

static void remember_decline(struct world_order *order, struct courier_id courier)
{
    if (order_has_declined(order, courier)) return;
    if (order->declined_count == WORLD_DECLINES_MAX) {
        memmove(order->declined, order->declined + 1, (WORLD_DECLINES_MAX - 1) * sizeof *order->declined);
        order->declined_count--;
    }
    order->declined[order->declined_count++] = courier;
}

static void apply_entered(struct world *world, const struct fact *fact)
{
    struct world_order *order = order_add(world, fact->order);
    order->order = *fact->entered;
    order->order.phase = fact->phase;
    order->version = fact->order_version;
    order->lab = ORDER_LABS_MAX;
    order->entered_ms = fact->at_ms;
}

/* An order of the new route: whose it is, where its specimen goes, when it will be done. */
static void plan_on(struct world_order *order, const struct world_courier *courier, const struct plan_stop *stop, bool kit_stop)
{
    order->courier = courier->courier.id;
    order->unplanned = UNPLANNED_NONE;
    order->unplanned_detail = 0;
    order->eta_ms = stop->leave_ms; /* the last stop of the chain writes last */
    if (stop->kind == STOP_LAB) {
        order->lab = stop->lab;
        order->lab_id = order->order.labs[stop->lab].facility;
    }
    bool before_home = order->order.kind == ORDER_KIND_TEST && !order_phase_is_on_board(order->order.phase);
    if (before_home) order->kit_from_box = !kit_stop;
}

static void apply_route(struct world *world, const struct fact *fact)
{
    struct world_courier *courier = courier_find(world, fact->courier);
    ASSERT(courier && fact->route.stop_count <= ROUTE_STOPS_MAX);
    struct world_stop old[ROUTE_STOPS_MAX];
    uint32_t old_count = courier->stop_count;
    memcpy(old, courier->stops, old_count * sizeof *old);
    memset(courier->stops, 0, sizeof courier->stops);
    courier->stop_count = fact->route.stop_count;
    courier->route_version = fact->route.route_version;
    courier->changes += fact->route.changes;
    courier->start_ms = fact->route.start_ms;
    courier->start = fact->route.start;
    for (uint32_t i = 0; i < fact->route.stop_count; i++) courier->stops[i].plan = fact->route.stops[i];
    for (uint32_t i = 0; i < courier->stop_count; i++) {
        struct world_stop *stop = &courier->stops[i];
        struct world_order *order = order_find(world, stop->plan.order);
        ASSERT(order && (stop->plan.kind != STOP_LAB || stop->plan.lab < order->order.lab_count));
        plan_on(order, courier, &stop->plan, courier_find_stop(courier, stop->plan.order, STOP_KIT) < courier->stop_count);
        stop->told = order_is_told(order);
        for (uint32_t k = 0; k < old_count; k++)
            if (old[k].plan.order.v == stop->plan.order.v && old[k].plan.kind == stop->plan.kind) stop->arrived = old[k].arrived;
    }
    for (uint32_t k = 0; k < old_count; k++) { /* what was only planned here and is no more */
        struct world_order *order = order_find(world, old[k].plan.order);
        if (!order || order->courier.v != fact->courier.v || order_is_told(order)) continue;
        bool stays = false;
        for (uint32_t i = 0; i < courier->stop_count; i++) stays |= courier->stops[i].plan.order.v == order->order.id.v;
        if (stays) continue;
        order->courier.v = 0;
        order->eta_ms = 0;
        order->lab = ORDER_LABS_MAX;
        order->lab_id.v = 0;
        order->kit_from_box = false;
    }
}

static void apply_assigned(struct world *world, const struct fact *fact, struct world_order *order)
{
    order->answer_by_ms = fact->assigned.answer_by_ms;
    order->assigned_ms = fact->at_ms;
    struct world_courier *courier = courier_find(world, order->courier);
    ASSERT(courier);
    courier->route_version++;
    for (uint32_t i = 0; i < courier->stop_count; i++)
        if (courier->stops[i].plan.order.v == order->order.id.v) courier->stops[i].told = true;
}

static void apply_taken(struct world *world, const struct fact *fact, struct world_order *order)
{
    struct world_courier *courier = courier_find(world, order->courier);
    ASSERT(courier);
    courier->route_version++;
    order->taken_ms = fact->at_ms;
    order->answer_by_ms = 0;
}

static void apply_unassigned(struct world *world, const struct fact *fact, struct world_order *order)
{
    if (fact->kind == FACT_ORDER_DECLINED || fact->ended.reason == FAIL_COURIER) remember_decline(order, fact->courier);
    else if (order_is_told(order)) order->changes++;
    int64_t again_ms = fact->at_ms + 600000; /* a pharmacy that is not ready is given ten minutes */
    if (fact->ended.reason == FAIL_NOT_READY && order->order.ready_ms < again_ms) order->order.ready_ms = again_ms;
    order->taken_ms = order->assigned_ms = 0;
    to_pool(world, order);
}

static void apply_arrived(struct world *world, const struct fact *fact, struct world_order *order)
{
    struct world_courier *courier = courier_find(world, order->courier);
    ASSERT(courier);
    uint32_t at = courier_find_stop(courier, order->order.id, fact->arrived.stop);
    if (at < courier->stop_count) courier->stops[at].arrived = true;
    courier->route_version++;
    if (fact->arrived.stop == STOP_HOME) {
        order->arrived_ms = fact->at_ms;
        /* at the door without having been at the depot: the kit is his own */
        if (order->order.kind == ORDER_KIND_TEST && !order->picked_up_ms) {
            order->kit_from_box = true;
            if (courier->kits > 0) courier->kits--; /* in use from now on: nobody else's visit may count on it */
            leave_route(world, order, STOP_KIT);
        }
    }
    courier_seen(world, fact, order, fact->arrived.stop, false);
}

static void apply_collected(struct world *world, const struct fact *fact, struct world_order *order)
{
    order->collected_ms = fact->at_ms;
    courier_seen(world, fact, order, STOP_HOME, false);
}

static void stop_done(struct world *world, const struct fact *fact, struct world_order *order, enum stop_kind kind)
{
    courier_seen(world, fact, order, kind, true);
    leave_route(world, order, kind);
}

static void apply_ended(struct world *world, const struct fact *fact, struct world_order *order, enum order_phase was)
{
    struct world_courier *courier = courier_find(world, order->courier);
    leave_route(world, order, 0);
    order->answer_by_ms = 0;
    order->ended_ms = fact->at_ms;
    if (fact->kind == FACT_ORDER_CANCELLED) {
        order->fail = fact->ended.reason;
        order->courier.v = 0;
        return;
    }
    order->fail = fact->ended.reason;
    bool unused_kit = order->order.kind == ORDER_KIND_TEST && (order->picked_up_ms || order->arrived_ms) && !order->collected_ms;
    if (courier && unused_kit && (was == ORDER_KIT_PICKED_UP || was == ORDER_ARRIVED)) courier->kits++; /* it stays in the box */
}

static void apply_hand(struct world *world, const struct fact *fact, struct world_order *order)
{
    bool custody = fact->kind != FACT_TEMPERATURE_READ || order->order.kind == ORDER_KIND_TEST;
    if (custody) order->custody = fact->hand.custody;
    if (fact->kind == FACT_ORDER_PICKED_UP) {
        order->picked_up_ms = fact->at_ms;
        order->kit_from_box = false;
        stop_done(world, fact, order, order->order.kind == ORDER_KIND_TEST ? STOP_KIT : STOP_PICKUP);
    } else if (fact->kind == FACT_ORDER_DELIVERED) {
        order->ended_ms = order->eta_ms = fact->at_ms;
        stop_done(world, fact, order, STOP_HOME);
    } else if (fact->kind == FACT_SPECIMEN_COLLECTED) {
        apply_collected(world, fact, order);
    } else if (fact->kind == FACT_SPECIMEN_SEALED) {
        order->sealed_ms = fact->at_ms;
        stop_done(world, fact, order, STOP_HOME);
    } else if (fact->kind == FACT_SPECIMEN_LAB_ACCEPTED) {
        stop_done(world, fact, order, STOP_LAB);
        order->lab_id = fact->hand.lab;
        order->eta_ms = fact->at_ms;
    } else if (fact->kind == FACT_SPECIMEN_REPORTED) {
        order->ended_ms = fact->at_ms;
    } else {
        order->temperature_mdegc = fact->hand.temperature_mdegc;
    }
}

static void apply_held(struct world *world, const struct fact *fact, struct world_order *order)
{
    order->held = fact->flag.on;
    if (order->held && order->courier.v && !order_is_told(order)) to_pool(world, order);
}

static void apply_shift_start(struct world *world, const struct fact *fact)
{
    struct world_courier *courier = courier_find(world, fact->courier);
    if (!courier) courier = courier_add(world, fact->courier);
    courier->courier = fact->shift.courier;
    courier->on_shift = true;
    courier->shift_started_ms = courier->seen_ms = courier->start_ms = fact->at_ms;
    courier->shift_ends_ms = fact->shift.ends_ms;
    courier->kits = fact->shift.courier.kits_preloaded;
    courier->route_version++;
    courier->changes = 0;
    courier->seen_at = courier->start = fact->shift.at;
    courier->silent = false;
}

static void apply_shift_end(struct world *world, const struct fact *fact)
{
    struct world_courier *courier = courier_find(world, fact->courier);
    ASSERT(courier);
    courier->on_shift = false;
    courier->route_version++;
    courier->kits = 0;
    for (uint32_t i = 0; i < world->order_count; i++) {
        struct world_order *order = world->orders[i];
        if (order->pinned && order->pinned_to.v == fact->courier.v) { /* a pin on somebody who has gone home binds nobody */
            order->pinned = false;
            order->pinned_to.v = 0;
        }
        if (order->courier.v == fact->courier.v && order_needs_courier(order) && !order_is_told(order)) to_pool(world, order);
    }
    courier->stop_count = 0;
    memset(courier->stops, 0, sizeof courier->stops);
}

static void apply_to_order(struct world *world, const struct fact *fact)
{
    struct world_order *order = order_find(world, fact->order);
    ASSERT(order);
    enum order_phase was = order->order.phase;
    order->version = fact->order_version;
    switch (fact->kind) {
    case FACT_ORDER_ENTERED:
    case FACT_ROUTE_PLANNED:
    case FACT_SHIFT_STARTED:
    case FACT_SHIFT_ENDED:
    case FACT_NONE:
    case FACT_KIND_COUNT: ASSERT(false); break;
    case FACT_ORDER_APPROVED:
        order->approved_ms = fact->at_ms;
        if (fact->approved.expected_ready_ms) order->order.ready_ms = fact->approved.expected_ready_ms;
        break;
    case FACT_ORDER_READY:
        order->ready_ms = fact->at_ms;
        order->order.ready_ms = fact->ready.ready_ms;
        break;
    case FACT_ORDER_UNPLANNED:
        order->unplanned = fact->unplanned.reason;
        order->unplanned_detail = fact->unplanned.detail;
        break;
    case FACT_ORDER_ASSIGNED: apply_assigned(world, fact, order); break;
    case FACT_ORDER_DECLINED:
    case FACT_ORDER_UNASSIGNED: apply_unassigned(world, fact, order); break;
    case FACT_ORDER_TAKEN: apply_taken(world, fact, order); break;
    case FACT_STOP_ARRIVED: apply_arrived(world, fact, order); break;
    case FACT_ORDER_PICKED_UP:
    case FACT_ORDER_DELIVERED:
    case FACT_SPECIMEN_COLLECTED:
    case FACT_SPECIMEN_SEALED:
    case FACT_SPECIMEN_LAB_ACCEPTED:
    case FACT_SPECIMEN_REPORTED:
    case FACT_TEMPERATURE_READ: apply_hand(world, fact, order); break;
    case FACT_ORDER_CANCELLED:
    case FACT_ORDER_FAILED:
    case FACT_SPECIMEN_LAB_REJECTED: apply_ended(world, fact, order, was); break;
    case FACT_ORDER_RETURNING: order->ended_ms = 0; break;
    case FACT_ORDER_RETURNED:
        order->ended_ms = fact->at_ms;
        stop_done(world, fact, order, STOP_RETURN);
        break;
    case FACT_ORDER_PINNED:
        order->pinned = fact->flag.on;
        order->pinned_to.v = fact->flag.on ? fact->courier.v : 0;
        break;
    case FACT_ORDER_HELD: apply_held(world, fact, order); break;
    case FACT_PROMISE_MISSED: order->missed = true; break;
    case FACT_ALERT_RAISED: order->alerts |= BIT(fact->alert.kind); break;
    case FACT_ALERT_SEEN: order->alerts |= ALERT_SEEN_BIT(fact->alert.kind); break;
    case FACT_ORDER_PRIORITIZED: order->order.priority = fact->priority.priority; break;
    }
    advance(order, fact);
    if (order->order.phase == ORDER_RETURNING && fact->kind == FACT_ORDER_RETURNING) {
        struct world_courier *courier = courier_find(world, order->courier);
        if (courier) courier->route_version++;
    }
}

static void sweep(struct world *world, int64_t now_ms)
{
    int64_t keep_ms = (int64_t)WORLD_KEEP_HOURS * 3600000;
    for (uint32_t i = world->order_count; i-- > 0;) {
        const struct world_order *order = world->orders[i];
        if (order_phase_is_terminal(order->order.phase) && order->ended_ms + keep_ms < now_ms) order_drop(world, i);
    }
    keys_forget(&world->keys, now_ms - (int64_t)WORLD_KEYS_HOURS * 3600000);
}

static void remember_key(struct world *world, const struct fact *fact)
{
    if (cause_key_is_none(&fact->cause) || keys_find(&world->keys, fact->cause.key)) return;
    struct key_entry entry = {.request_hash = fact->cause.request_hash, .order = fact->order, .courier = fact->courier, .at_ms = fact->at_ms};
    memcpy(entry.key, fact->cause.key, sizeof entry.key);
    keys_add(&world->keys, &entry);
}

void world_apply(struct world *world, const struct fact *fact)
{
    ASSERT(fact->seq == world->seq + 1);
    ASSERT(fact->at_ms >= world->last_fact_ms);
    if (fact->at_ms / SWEEP_MS != world->last_fact_ms / SWEEP_MS) sweep(world, fact->at_ms);
    world->seq = fact->seq;
    world->last_fact_ms = fact->at_ms;
    world->timer_ms = 0;
    remember_key(world, fact);
    if (fact->kind == FACT_ORDER_ENTERED) apply_entered(world, fact);
    else if (fact->kind == FACT_ROUTE_PLANNED) apply_route(world, fact);
    else if (fact->kind == FACT_SHIFT_STARTED) apply_shift_start(world, fact);
    else if (fact->kind == FACT_SHIFT_ENDED) apply_shift_end(world, fact);
    else if (fact->kind == FACT_ALERT_RAISED && !fact->order.v) courier_find(world, fact->courier)->silent = true;
    else apply_to_order(world, fact);
}

/* ---- facts from outside ---- */

static enum status check_route(const struct world *world, const struct fact *fact, struct error *err)
{
    if (!courier_find(world, fact->courier)) return error_set(err, STATUS_DATA_LOSS, "fact %" PRIu64 ": a route of an unknown courier", fact->seq);
    for (uint32_t i = 0; i < fact->route.stop_count; i++) {
        const struct plan_stop *stop = &fact->route.stops[i];
        const struct world_order *order = order_find(world, stop->order);
        if (!order || (stop->kind == STOP_LAB && stop->lab >= order->order.lab_count))
            return error_set(err, STATUS_DATA_LOSS, "fact %" PRIu64 ": a route with an unknown stop", fact->seq);
    }
    return STATUS_OK;
}

enum status world_fact_check(const struct world *world, const struct fact *fact, struct error *err)
{
    if (fact->city.v != world->options.city.v) return error_set(err, STATUS_DATA_LOSS, "fact %" PRIu64 ": of another city", fact->seq);
    if (fact->seq != world->seq + 1) return error_set(err, STATUS_DATA_LOSS, "fact %" PRIu64 " does not follow on %" PRIu64, fact->seq, world->seq);
    if (fact->at_ms < world->last_fact_ms) return error_set(err, STATUS_DATA_LOSS, "fact %" PRIu64 ": time went back", fact->seq);
    if (fact->kind == FACT_ROUTE_PLANNED) return check_route(world, fact, err);
    if (fact->kind == FACT_SHIFT_STARTED) {
        bool fits = fact->courier.v && (courier_find(world, fact->courier) || world->courier_count < WORLD_COURIERS_MAX);
        return fits ? STATUS_OK : error_set(err, STATUS_DATA_LOSS, "fact %" PRIu64 ": no such courier", fact->seq);
    }
    bool about_courier = fact->kind == FACT_SHIFT_ENDED || (fact->kind == FACT_ALERT_RAISED && !fact->order.v);
    if (about_courier)
        return courier_find(world, fact->courier) ? STATUS_OK : error_set(err, STATUS_DATA_LOSS, "fact %" PRIu64 ": unknown courier", fact->seq);
    const struct world_order *order = order_find(world, fact->order);
    if (fact->kind == FACT_ORDER_ENTERED) {
        if (order || !fact->order.v || fact->entered->id.v != fact->order.v || world->order_count >= WORLD_ORDERS_MAX)
            return error_set(err, STATUS_DATA_LOSS, "fact %" PRIu64 ": an order that can't enter", fact->seq);
        return STATUS_OK;
    }
    if (!order) return error_set(err, STATUS_DATA_LOSS, "fact %" PRIu64 ": unknown order", fact->seq);
    if (order->order.phase != fact->phase && !order_may_advance(order->order.kind, order->order.phase, fact->phase))
        return error_set(err, STATUS_DATA_LOSS, "fact %" PRIu64 ": from %s to %s", fact->seq, order_phase_name(order->order.phase), order_phase_name(fact->phase));
    bool needs_courier = fact->kind == FACT_ORDER_ASSIGNED || fact->kind == FACT_ORDER_TAKEN || fact->kind == FACT_STOP_ARRIVED;
    if (needs_courier && !courier_find(world, order->courier)) return error_set(err, STATUS_DATA_LOSS, "fact %" PRIu64 ": no courier has the order", fact->seq);
    return STATUS_OK;
}
