/* A plan is a proposal: each route is tested again against everything that has happened since the planner looked. Routes stand or fall with
 * those they exchange orders with; what falls is planned anew. It must not know how routes are found. */
#include "world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)
enum { DRIFT_MS = 180000,      /* a route whose times have moved by less is not told again */
       RETRY_MS = 2000 };      /* after a proposal that fell */

struct proposal {
    struct tick *tick;
    const struct command *command;
    uint32_t *route_of;        /* per order of the world: proposed route + 1 */
    uint32_t *unplanned_of;    /* per order: index into unplanned + 1 */
    uint32_t *route_by;        /* per courier of the world: valid route + 1 */
    uint32_t *told_count;      /* per courier: orders he was told of */
    bool *valid;               /* per route */
    uint32_t fallen;
};

/* Of the first courier >= id. */
static uint32_t courier_index(const struct world *world, struct courier_id id)
{
    uint32_t low = 0, high = world->courier_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (world->couriers[middle]->courier.id.v < id.v) low = middle + 1;
        else high = middle;
    }
    return low;
}

static bool is_known(const struct world *world, struct courier_id id, uint32_t *index)
{
    *index = courier_index(world, id);
    return *index < world->courier_count && world->couriers[*index]->courier.id.v == id.v;
}

static const struct world_order *order_of(const struct proposal *proposal, struct order_id id, uint32_t *index)
{
    *index = order_index(proposal->tick->world, id);
    const struct world *world = proposal->tick->world;
    return *index < world->order_count && world->orders[*index]->order.id.v == id.v ? world->orders[*index] : NULL;
}

/* The order's stops in the route are just those it still needs, in order. */
static bool chain_is_whole(const struct plan_route *route, const struct world_order *order, uint32_t *kits)
{
    enum stop_kind kinds[ORDER_STOPS_MAX];
    bool kit_optional;
    uint32_t count = order_stops_left(order, kinds, &kit_optional), at = 0;
    if (count == 0) return false;
    for (uint32_t i = 0; i < route->stop_count; i++) {
        const struct plan_stop *stop = &route->stops[i];
        if (stop->order.v != order->order.id.v) continue;
        if (at == 0 && kit_optional && stop->kind == STOP_HOME) {
            at = 1;
            (*kits)++;
        }
        if (at >= count || stop->kind != kinds[at]) return false;
        if (stop->kind == STOP_LAB && stop->lab >= order->order.lab_count) return false;
        at++;
    }
    return at == count;
}

static bool may_carry(const struct world_order *order, const struct world_courier *courier)
{
    if (order_is_told(order)) return order->courier.v == courier->courier.id.v;
    if (order->held) return false;
    if (order->order.goods.skills & ~courier->courier.skills) return false;
    if (order->pinned) return order->pinned_to.v == courier->courier.id.v;
    return !order_has_declined(order, courier->courier.id);
}

/* Times by the planner's travel and today's windows, into the stops; false if a free order's window or specimen would not be kept. */
static bool retime(const struct proposal *proposal, struct plan_route *route)
{
    int64_t now_ms = route->start_ms;
    for (uint32_t i = 0; i < route->stop_count; i++) {
        struct plan_stop *stop = &route->stops[i];
        uint32_t index;
        const struct world_order *order = order_of(proposal, stop->order, &index);
        const struct stop *place = world_stop_place(proposal->tick->world, stop);
        if (!order || !place || stop->travel_s > 7 * 86400) return false;
        int64_t service_ms = stop->leave_ms - stop->begin_ms; /* the planner knows what is left of a service that has begun */
        if (service_ms < 0 || service_ms > DAY_MS) return false;
        if (stop->begin_ms < route->start_ms - DAY_MS || stop->begin_ms > route->start_ms + 7 * DAY_MS) return false;
        bool free = !order_is_told(order);
        bool first = stop->kind == STOP_PICKUP || stop->kind == STOP_KIT;
        stop->arrive_ms = now_ms + (int64_t)stop->travel_s * 1000;
        int64_t open_ms = stop->kind == STOP_RETURN ? 0 : place->open_ms;
        if (first && order->order.ready_ms > open_ms) open_ms = order->order.ready_ms;
        int64_t planned_begin_ms = stop->begin_ms;
        stop->begin_ms = stop->arrive_ms > open_ms ? stop->arrive_ms : open_ms;
        /* not ready yet: the planner's guess of when stands, if it is later */
        if (first && order->order.phase < ORDER_READY && planned_begin_ms > stop->begin_ms) stop->begin_ms = planned_begin_ms;
        if (free && place->close_ms && stop->begin_ms > place->close_ms && stop->kind != STOP_RETURN) return false;
        stop->leave_ms = stop->begin_ms + service_ms;
        now_ms = stop->leave_ms;
        uint32_t ride_max_s = stop->kind == STOP_LAB ? order->order.stability_s : stop->kind == STOP_HOME ? order_cold_ride_max_s(proposal->tick->world, &order->order) : 0;
        if (free && ride_max_s) {
            for (uint32_t k = i; k-- > 0;) {
                if (route->stops[k].order.v != stop->order.v) continue;
                if (stop->leave_ms - route->stops[k].begin_ms > (int64_t)ride_max_s * 1000) return false;
                break;
            }
        }
    }
    return true;
}

static bool route_is_sound(const struct proposal *proposal, struct plan_route *route)
{
    const struct world *world = proposal->tick->world;
    const struct world_courier *courier = courier_find(world, route->courier);
    if (!courier || !courier->on_shift || courier->route_version != route->route_version || route->stop_count > ROUTE_STOPS_MAX) return false;
    uint32_t kits = 0, tests_known = 0, told = 0, at;
    for (uint32_t i = 0; i < route->stop_count; i++) {
        bool seen = false;
        for (uint32_t k = 0; k < i; k++) seen |= route->stops[k].order.v == route->stops[i].order.v;
        if (seen) continue;
        uint32_t index;
        const struct world_order *order = order_of(proposal, route->stops[i].order, &index);
        if (!order || !may_carry(order, courier) || !chain_is_whole(route, order, &kits)) return false;
        tests_known++;
        told += order_is_told(order); /* his, or he could not carry it */
    }
    if (kits > courier->kits && tests_known > 0) return false;
    if (!is_known(world, route->courier, &at) || told != proposal->told_count[at]) return false; /* what he was told of stays with him */
    return retime(proposal, route);
}

static void fall(struct proposal *proposal, uint32_t r)
{
    const struct plan_route *route = &proposal->command->plan.routes[r];
    if (!proposal->valid[r]) return;
    uint32_t at;
    proposal->valid[r] = false;
    proposal->fallen++;
    if (is_known(proposal->tick->world, route->courier, &at)) proposal->route_by[at] = 0;
    for (uint32_t i = 0; i < route->stop_count; i++) {
        uint32_t index;
        if (order_of(proposal, route->stops[i].order, &index) && proposal->route_of[index] == r + 1) proposal->route_of[index] = 0;
    }
}

static void claim_orders(struct proposal *proposal, uint32_t r)
{
    const struct plan_route *route = &proposal->command->plan.routes[r];
    for (uint32_t i = 0; i < route->stop_count; i++) {
        uint32_t index;
        (void)order_of(proposal, route->stops[i].order, &index);
        if (proposal->route_of[index] && proposal->route_of[index] != r + 1) {
            fall(proposal, r); /* in two routes: the later one falls */
            return;
        }
        proposal->route_of[index] = r + 1;
    }
}

static bool courier_proposed(const struct proposal *proposal, struct courier_id id)
{
    uint32_t at;
    return is_known(proposal->tick->world, id, &at) && proposal->route_by[at] != 0;
}

/* An order may only leave a route if it comes to another, or is told to be left out; and may only come if its old route lets it go. */
static bool exchanges_hold(const struct proposal *proposal, uint32_t r)
{
    const struct plan_route *route = &proposal->command->plan.routes[r];
    const struct world_courier *courier = courier_find(proposal->tick->world, route->courier);
    uint32_t index;
    for (uint32_t i = 0; i < courier->stop_count; i++) {
        const struct world_order *order = order_of(proposal, courier->stops[i].plan.order, &index);
        if (order && order_needs_courier(order) && !proposal->route_of[index] && !proposal->unplanned_of[index]) return false;
    }
    for (uint32_t i = 0; i < route->stop_count; i++) {
        const struct world_order *order = order_of(proposal, route->stops[i].order, &index);
        bool elsewhere = order->courier.v && order->courier.v != route->courier.v;
        if (elsewhere && !courier_proposed(proposal, order->courier)) return false;
    }
    return true;
}

static uint32_t count_changes(const struct world_courier *courier, const struct plan_route *route)
{
    uint32_t changes = 0, after = 0;
    for (uint32_t i = 0; i < courier->stop_count; i++) {
        bool found = false;
        for (uint32_t k = 0; k < route->stop_count; k++)
            found |= route->stops[k].order.v == courier->stops[i].plan.order.v && route->stops[k].kind == courier->stops[i].plan.kind;
        if (courier->stops[i].told && !found) changes++;
    }
    for (uint32_t k = 0; k < route->stop_count; k++) {
        uint32_t was = courier_find_stop(courier, route->stops[k].order, route->stops[k].kind);
        if (was == courier->stop_count || !courier->stops[was].told) continue;
        bool other_lab = route->stops[k].kind == STOP_LAB && route->stops[k].lab != courier->stops[was].plan.lab;
        if (was < after || other_lab) changes++;
        else after = was + 1;
    }
    return changes;
}

static bool is_news(const struct world_courier *courier, const struct plan_route *route)
{
    if (courier->stop_count != route->stop_count) return true;
    for (uint32_t i = 0; i < route->stop_count; i++) {
        const struct plan_stop *old = &courier->stops[i].plan, *new = &route->stops[i];
        if (old->order.v != new->order.v || old->kind != new->kind || old->lab != new->lab) return true;
        int64_t drift_ms = old->leave_ms > new->leave_ms ? old->leave_ms - new->leave_ms : new->leave_ms - old->leave_ms;
        if (drift_ms > DRIFT_MS) return true;
    }
    return false;
}

static void tell_route(struct tick *tick, const struct plan_route *route)
{
    const struct world_courier *courier = courier_find(tick->world, route->courier);
    if (!is_news(courier, route)) return;
    struct fact fact = fact_begin(tick, FACT_ROUTE_PLANNED, NULL, route->courier);
    fact.route.route_version = courier->route_version + 1;
    fact.route.changes = count_changes(courier, route);
    fact.route.start_ms = route->start_ms;
    fact.route.start = route->start;
    fact.route.stop_count = route->stop_count;
    fact.route.stops = fact_memory(tick, route->stop_count * sizeof *route->stops);
    if (route->stop_count) memcpy(fact.route.stops, route->stops, route->stop_count * sizeof *route->stops);
    fact_tell(tick, &fact);
}

static void tell_unplanned(struct proposal *proposal)
{
    struct tick *tick = proposal->tick;
    for (uint32_t i = 0; i < proposal->command->plan.unplanned_count; i++) {
        const struct plan_unplanned *unplanned = &proposal->command->plan.unplanned[i];
        struct world_order *order = order_find(tick->world, unplanned->order);
        if (!order || order->courier.v || !order_needs_courier(order) || order->unplanned == unplanned->reason) continue;
        if (unplanned->reason <= UNPLANNED_NONE || unplanned->reason >= UNPLANNED_REASON_COUNT) continue;
        struct fact fact = fact_begin(tick, FACT_ORDER_UNPLANNED, order, (struct courier_id){0});
        fact.unplanned.reason = unplanned->reason;
        fact.unplanned.detail = unplanned->detail;
        fact_tell(tick, &fact);
    }
}

static void judge(struct proposal *proposal)
{
    const struct command *command = proposal->command;
    for (uint32_t i = 0; i < command->plan.unplanned_count; i++) {
        uint32_t index;
        if (order_of(proposal, command->plan.unplanned[i].order, &index)) proposal->unplanned_of[index] = i + 1;
    }
    const struct world *world = proposal->tick->world;
    for (uint32_t i = 0; i < world->order_count; i++) {
        uint32_t at;
        if (order_is_told(world->orders[i]) && is_known(world, world->orders[i]->courier, &at)) proposal->told_count[at]++;
    }
    for (uint32_t r = 0; r < command->plan.route_count; r++) {
        bool twice = courier_proposed(proposal, command->plan.routes[r].courier);
        proposal->valid[r] = !twice && route_is_sound(proposal, &command->plan.routes[r]);
        uint32_t at;
        if (!proposal->valid[r]) {
            proposal->fallen++;
            continue;
        }
        if (is_known(proposal->tick->world, command->plan.routes[r].courier, &at)) proposal->route_by[at] = r + 1;
        claim_orders(proposal, r);
    }
    for (bool again = true; again;) {
        again = false;
        for (uint32_t r = 0; r < command->plan.route_count; r++) {
            if (!proposal->valid[r] || exchanges_hold(proposal, r)) continue;
            fall(proposal, r);
            again = true;
        }
    }
}

enum status decide_plan(struct tick *tick, struct error *err)
{
    struct world *world = tick->world;
    const struct command *command = tick->command;
    if (command->plan.route_count > WORLD_COURIERS_MAX || command->plan.unplanned_count > WORLD_ORDERS_MAX) {
        world->plan_out = false;
        plan_wanted(world, tick->now_ms + RETRY_MS);
        return error_field(err, "plan", "a plan for more couriers or orders than a world holds");
    }
    struct proposal proposal = {.tick = tick, .command = command};
    proposal.route_of = mem_zalloc(world->order_count + 1, sizeof *proposal.route_of);
    proposal.unplanned_of = mem_zalloc(world->order_count + 1, sizeof *proposal.unplanned_of);
    proposal.route_by = mem_zalloc(world->courier_count + 1, sizeof *proposal.route_by);
    proposal.told_count = mem_zalloc(world->courier_count + 1, sizeof *proposal.told_count);
    proposal.valid = mem_zalloc(command->plan.route_count + 1, sizeof *proposal.valid);
    judge(&proposal);
    for (uint32_t r = 0; r < command->plan.route_count; r++)
        if (proposal.valid[r]) tell_route(tick, &command->plan.routes[r]);
    tell_unplanned(&proposal);
    if (proposal.fallen) plan_wanted(world, tick->now_ms + RETRY_MS);
    world->plan_out = false;
    world->plan_last_ms = tick->now_ms;
    free(proposal.route_of);
    free(proposal.unplanned_of);
    free(proposal.route_by);
    free(proposal.told_count);
    free(proposal.valid);
    return STATUS_OK;
}
