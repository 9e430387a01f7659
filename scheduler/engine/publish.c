/* Views of the committed world for the door: what a batch of facts touched, or everything. */
#include "internal.h"

#include <stdlib.h>

enum { VIEW_ARENA_BYTES = 1 << 30 };

static struct view *view_new(int64_t now_ms)
{
    struct arena *arena = arena_new(VIEW_ARENA_BYTES);
    struct view *view = arena_alloc(arena, sizeof *view);
    view->references = 1;
    view->arena = arena;
    view->now_ms = now_ms;
    return view;
}

static void *view_alloc(struct view *view, size_t count, size_t size)
{
    void *memory = arena_alloc(view->arena, (count ? count : 1) * size);
    ASSERT(memory); /* a world is bounded */
    return memory;
}

static void fill_order(const struct world_order *from, struct board_order *out)
{
    const struct order *order = &from->order;
    *out = (struct board_order){
        .id = order->id, .kind = order->kind, .priority = order->priority, .phase = order->phase, .version = from->version, .courier = from->courier,
        .pharmacy = order->pharmacy, .lab = from->lab_id, .pickup = order->first.at, .home = order->home.at, .accepted_ms = order->accepted_ms,
        .ready_ms = order->ready_ms, .promise_ms = order->promise_ms, .eta_ms = from->eta_ms, .pinned = from->pinned, .held = from->held,
        .cold = order->goods.cold_ml > 0, .code_required = order->pickup_code[0] != 0, .alerts = from->alerts, .unplanned = from->unplanned,
        .offer_answer_by_ms = from->answer_by_ms};
}

void publish_order(const struct world *committed, struct order_id order, struct board_order *out)
{
    const struct world_order *from = world_order(committed, order);
    if (from) fill_order(from, out);
    else *out = (struct board_order){.id = order};
}

static struct seen *seen_slot(const struct engine *engine, struct courier_id courier)
{
    uint32_t slot = (uint32_t)(hash_u64(courier.v) % POSITION_SLOTS);
    while (engine->positions[slot].courier.v && engine->positions[slot].courier.v != courier.v) slot = (slot + 1) % POSITION_SLOTS;
    return &engine->positions[slot];
}

static void fill_courier(struct view *view, const struct engine *engine, const struct world_courier *from, struct board_courier *out)
{
    const struct world *committed = engine->committed;
    const struct seen *seen = seen_slot(engine, from->courier.id);
    *out = (struct board_courier){.id = from->courier.id, .on_shift = from->on_shift, .shift_ends_ms = from->shift_ends_ms, .route_version = from->route_version};
    bool positioned = seen->courier.v && seen->at_ms > from->seen_ms;
    out->at = positioned ? seen->at : from->seen_at;
    out->position_ms = positioned ? seen->at_ms : from->seen_ms;
    out->heading_deg = positioned ? seen->heading_deg : 0;
    out->stops = view_alloc(view, from->stop_count, sizeof *out->stops);
    out->stop_count = from->stop_count;
    for (uint32_t i = 0; i < from->stop_count; i++) {
        const struct stop *place = world_stop_place(committed, &from->stops[i].plan);
        const struct world_order *order = world_order(committed, from->stops[i].plan.order);
        out->stops[i] = (struct board_stop){.plan = from->stops[i].plan, .told = from->stops[i].told, .arrived = from->stops[i].arrived};
        if (place) {
            out->stops[i].at = place->at;
            out->stops[i].facility = place->facility;
        }
        if (order) out->stops[i].phase = order->order.phase;
    }
}

/* ---- deltas ---- */

static void touch_order(struct view *view, const struct world *committed, struct order_id id, uint32_t capacity)
{
    if (id.v == 0) return;
    for (uint32_t i = 0; i < view->order_count; i++)
        if (view->orders[i].id.v == id.v) return;
    const struct world_order *order = world_order(committed, id);
    if (order && view->order_count < capacity) fill_order(order, &view->orders[view->order_count++]);
}

static void touch_courier(struct view *view, const struct engine *engine, struct courier_id id, uint32_t capacity)
{
    if (id.v == 0) return;
    for (uint32_t i = 0; i < view->courier_count; i++)
        if (view->couriers[i].id.v == id.v) return;
    const struct world_courier *courier = world_courier(engine->committed, id);
    if (courier && view->courier_count < capacity) fill_courier(view, engine, courier, &view->couriers[view->courier_count++]);
}

struct view *publish_delta(const struct engine *engine, const struct fact *facts, uint32_t count, int64_t now_ms)
{
    const struct world *committed = engine->committed;
    ASSERT(count > 0);
    struct view *view = view_new(now_ms);
    view->seq_first = facts[0].seq;
    view->seq_last = facts[count - 1].seq;
    uint32_t orders = 0;
    for (uint32_t i = 0; i < count; i++) orders += 1 + (facts[i].kind == FACT_ROUTE_PLANNED ? facts[i].route.stop_count : 0);
    view->orders = view_alloc(view, orders, sizeof *view->orders);
    view->couriers = view_alloc(view, count * 2, sizeof *view->couriers);
    struct fact *copies = view_alloc(view, count, sizeof *copies);
    for (uint32_t i = 0; i < count; i++) {
        copies[i] = facts[i];
        if (facts[i].kind == FACT_ORDER_ENTERED) copies[i].entered = NULL; /* the view of the order says it; bodies stay with the writer */
        if (facts[i].kind == FACT_ROUTE_PLANNED) copies[i].route.stops = NULL;
        touch_order(view, committed, facts[i].order, orders);
        for (uint32_t k = 0; facts[i].kind == FACT_ROUTE_PLANNED && k < facts[i].route.stop_count; k++)
            touch_order(view, committed, facts[i].route.stops[k].order, orders);
        touch_courier(view, engine, facts[i].courier, count * 2);
        const struct world_order *order = facts[i].order.v ? world_order(committed, facts[i].order) : NULL;
        if (order) touch_courier(view, engine, order->courier, count * 2);
    }
    view->facts = copies;
    view->fact_count = count;
    return view;
}

struct view *publish_positions(struct engine *engine, const struct command *positions, uint32_t count, int64_t now_ms)
{
    struct view *view = view_new(now_ms);
    view->couriers = view_alloc(view, count, sizeof *view->couriers);
    for (uint32_t i = 0; i < count; i++) {
        const struct world_courier *courier = world_courier(engine->committed, positions[i].courier);
        if (!courier) continue; /* only couriers of the world take slots, so the table can't fill */
        struct seen *seen = seen_slot(engine, positions[i].courier);
        *seen = (struct seen){positions[i].courier, positions[i].position.at, positions[i].position.at_ms ? positions[i].position.at_ms : now_ms,
                              positions[i].position.heading_deg};
        fill_courier(view, engine, courier, &view->couriers[view->courier_count++]);
    }
    return view;
}

/* ---- snapshots ---- */

struct view *publish_snapshot(const struct engine *engine, struct courier_id courier, int64_t now_ms)
{
    const struct world *committed = engine->committed;
    struct view *view = view_new(now_ms);
    view->seq_last = world_seq(committed);
    uint32_t orders = world_order_count(committed), couriers = world_courier_count(committed);
    if (courier.v) {
        view->couriers = view_alloc(view, 1, sizeof *view->couriers);
        touch_courier(view, engine, courier, 1);
    } else {
        view->couriers = view_alloc(view, couriers, sizeof *view->couriers);
        for (uint32_t i = 0; i < couriers; i++) fill_courier(view, engine, world_courier_at(committed, i), &view->couriers[view->courier_count++]);
    }
    view->orders = view_alloc(view, orders, sizeof *view->orders);
    for (uint32_t i = 0; i < orders; i++) {
        const struct world_order *order = world_order_at(committed, i);
        if (courier.v && order->courier.v != courier.v) continue;
        fill_order(order, &view->orders[view->order_count++]);
    }
    return view;
}

/* ---- who is where ---- */

struct near_courier *publish_on_shift(const struct engine *engine, uint32_t *count)
{
    const struct world *committed = engine->committed;
    uint32_t all = world_courier_count(committed);
    struct near_courier *out = mem_zalloc(all + 1, sizeof *out);
    *count = 0;
    for (uint32_t i = 0; i < all; i++) {
        const struct world_courier *courier = world_courier_at(committed, i);
        const struct seen *seen = seen_slot(engine, courier->courier.id);
        bool positioned = seen->courier.v && seen->at_ms > courier->seen_ms;
        if (!courier->on_shift || (!positioned && courier->seen_ms == 0)) continue;
        out[(*count)++] = (struct near_courier){.id = courier->courier.id, .at = positioned ? seen->at : courier->seen_at, .position_ms = positioned ? seen->at_ms : courier->seen_ms};
    }
    return out;
}
