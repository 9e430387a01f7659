/* A world's memory and the ways to look at it. It must not know what may happen next: tick.c decides, fold.c changes. */
#include "world.h"

#include <stdlib.h>
#include <string.h>

struct world_options world_options_default(struct city_id city)
{
    return (struct world_options){.city = city, .utc_offset_s = 28800, .approval_alert_s = 900, .ready_alert_s = 1800, .answer_timeout_s = 120,
                                  .offer_horizon_s = 900, .courier_silent_s = 300, .replan_s = 60, .cold_ride_max_s = 7200};
}

struct world *world_new(const struct world_options *options)
{
    struct world *world = mem_zalloc(1, sizeof *world);
    world->options = *options;
    return world;
}

void world_set_options(struct world *world, const struct world_options *options)
{
    struct world_options now = *options;
    now.city = world->options.city;
    now.utc_offset_s = world->options.utc_offset_s;
    world->options = now;
}

void world_free(struct world *world)
{
    if (!world) return;
    for (uint32_t i = 0; i < world->order_count; i++) free(world->orders[i]);
    for (uint32_t i = 0; i < world->courier_count; i++) free(world->couriers[i]);
    free(world->orders);
    free(world->couriers);
    keys_deinit(&world->keys);
    free(world);
}

struct city_id world_city(const struct world *world) { return world->options.city; }
uint64_t world_seq(const struct world *world) { return world->seq; }
int64_t world_now_ms(const struct world *world) { return world->now_ms > world->last_fact_ms ? world->now_ms : world->last_fact_ms; }
uint32_t world_order_count(const struct world *world) { return world->order_count; }
uint32_t world_courier_count(const struct world *world) { return world->courier_count; }

uint32_t order_index(const struct world *world, struct order_id id)
{
    uint32_t low = 0, high = world->order_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (world->orders[middle]->order.id.v < id.v) low = middle + 1;
        else high = middle;
    }
    return low;
}

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

struct world_order *order_find(const struct world *world, struct order_id id)
{
    uint32_t at = order_index(world, id);
    return at < world->order_count && world->orders[at]->order.id.v == id.v ? world->orders[at] : NULL;
}

struct world_courier *courier_find(const struct world *world, struct courier_id id)
{
    uint32_t at = courier_index(world, id);
    return at < world->courier_count && world->couriers[at]->courier.id.v == id.v ? world->couriers[at] : NULL;
}

struct world_order *order_add(struct world *world, struct order_id id)
{
    uint32_t at = order_index(world, id);
    ASSERT(at == world->order_count || world->orders[at]->order.id.v != id.v);
    ASSERT(world->order_count < WORLD_ORDERS_MAX);
    if (world->order_count == world->order_capacity) {
        world->order_capacity = world->order_capacity ? world->order_capacity * 2 : 256;
        world->orders = mem_realloc(world->orders, world->order_capacity, sizeof *world->orders);
    }
    memmove(world->orders + at + 1, world->orders + at, (world->order_count - at) * sizeof *world->orders);
    world->order_count++;
    world->orders[at] = mem_zalloc(1, sizeof *world->orders[at]);
    world->orders[at]->order.id = id;
    return world->orders[at];
}

struct world_courier *courier_add(struct world *world, struct courier_id id)
{
    uint32_t at = courier_index(world, id);
    ASSERT(world->courier_count < WORLD_COURIERS_MAX);
    if (world->courier_count == world->courier_capacity) {
        world->courier_capacity = world->courier_capacity ? world->courier_capacity * 2 : 64;
        world->couriers = mem_realloc(world->couriers, world->courier_capacity, sizeof *world->couriers);
    }
    memmove(world->couriers + at + 1, world->couriers + at, (world->courier_count - at) * sizeof *world->couriers);
    world->courier_count++;
    world->couriers[at] = mem_zalloc(1, sizeof *world->couriers[at]);
    world->couriers[at]->courier.id = id;
    return world->couriers[at];
}

void order_drop(struct world *world, uint32_t index)
{
    free(world->orders[index]);
    world->order_count--;
    memmove(world->orders + index, world->orders + index + 1, (world->order_count - index) * sizeof *world->orders);
}

const struct world_order *world_order(const struct world *world, struct order_id id) { return order_find(world, id); }
const struct world_courier *world_courier(const struct world *world, struct courier_id id) { return courier_find(world, id); }

const struct world_order *world_order_at(const struct world *world, uint32_t index)
{
    ASSERT(index < world->order_count);
    return world->orders[index];
}

const struct world_courier *world_courier_at(const struct world *world, uint32_t index)
{
    ASSERT(index < world->courier_count);
    return world->couriers[index];
}

const struct stop *world_stop_place(const struct world *world, const struct plan_stop *stop)
{
    const struct world_order *order = order_find(world, stop->order);
    if (!order) return NULL;
    switch (stop->kind) {
    case STOP_PICKUP:
    case STOP_KIT:
    case STOP_RETURN: return &order->order.first;
    case STOP_HOME: return &order->order.home;
    case STOP_LAB: return stop->lab < order->order.lab_count ? &order->order.labs[stop->lab] : NULL;
    case STOP_BASE: return NULL;
    }
    return NULL;
}

int64_t world_order_slack_s(const struct world_order *order)
{
    if (!order->eta_ms || !order->order.promise_ms) return 0;
    return (order->order.promise_ms - order->eta_ms) / 1000;
}

bool order_is_told(const struct world_order *order)
{
    enum order_phase phase = order->order.phase;
    return phase == ORDER_ASSIGNED || phase == ORDER_ACCEPTED || order_phase_is_on_board(phase);
}

bool order_needs_courier(const struct world_order *order)
{
    enum order_phase phase = order->order.phase;
    return phase == ORDER_ADJUDICATED || phase == ORDER_APPROVED || phase == ORDER_READY || order_is_told(order);
}

bool order_has_declined(const struct world_order *order, struct courier_id courier)
{
    for (uint32_t i = 0; i < order->declined_count; i++)
        if (order->declined[i].v == courier.v) return true;
    return false;
}

uint32_t order_stops_left(const struct world_order *order, enum stop_kind out[ORDER_STOPS_MAX], bool *kit_optional)
{
    bool test = order->order.kind == ORDER_KIND_TEST;
    enum order_phase phase = order->order.phase;
    uint32_t count = 0;
    *kit_optional = false;
    if (!order_needs_courier(order)) return 0;
    if (phase == ORDER_RETURNING) {
        out[count++] = STOP_RETURN;
        return count;
    }
    if (!order_phase_is_on_board(phase)) {
        out[count++] = test ? STOP_KIT : STOP_PICKUP;
        *kit_optional = test;
    }
    if (phase != ORDER_SEALED) out[count++] = STOP_HOME;
    if (test) out[count++] = STOP_LAB;
    return count;
}

uint32_t courier_find_stop(const struct world_courier *courier, struct order_id order, enum stop_kind kind)
{
    for (uint32_t i = 0; i < courier->stop_count; i++)
        if (courier->stops[i].plan.order.v == order.v && courier->stops[i].plan.kind == kind) return i;
    return courier->stop_count;
}

void fact_list_init(struct fact_list *list)
{
    *list = (struct fact_list){.arena = arena_new((size_t)256 << 20)};
}

void fact_list_deinit(struct fact_list *list)
{
    arena_free(list->arena);
    free(list->facts);
    *list = (struct fact_list){0};
}
