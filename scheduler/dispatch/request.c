/* The world as a planner's problem: an immutable snapshot in its own memory, and the way back from a solution to a command. */
#include "world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PROMISE_MARGIN_S = 600,     /* plan to be this much earlier than promised: streets and doors take their share */
       STABILITY_MARGIN_S = 300,
       APPROVAL_GUESS_S = 300, READY_GUESS_S = 120,
       SERVICE_LEFT_MIN_S = 30,
       WORKED_ORDER_S = 900, WORKED_SPAN_S = 4 * 3600, /* an order that has ended counts as a quarter of an hour of work, for four hours */
       COMMIT_AHEAD_S = 1800 };    /* the next stop is the current leg if it begins within this time */

struct builder {
    const struct world *world;
    struct plan_request *request;
    struct plan_task *tasks;
    struct plan_courier *couriers;
    struct point *places;
    uint32_t *slots, slot_mask;    /* places by point */
    uint32_t *task_of;             /* per order of the world: task, or PLAN_ANY */
    int64_t now_ms;
};

static void *take(struct builder *builder, size_t count, size_t size)
{
    void *memory = arena_alloc(builder->request->arena, count * size + 1);
    ASSERT(memory); /* the arena's cap is far above what the world's bounds can need */
    return memory;
}

static uint32_t place_index(struct builder *builder, struct point at)
{
    uint64_t key = (uint64_t)(uint32_t)at.lat_e7 << 32 | (uint32_t)at.lon_e7;
    for (uint32_t slot = (uint32_t)hash_u64(key) & builder->slot_mask;; slot = (slot + 1) & builder->slot_mask) {
        uint32_t place = builder->slots[slot];
        if (place == 0) {
            builder->places[builder->request->place_count] = at;
            builder->slots[slot] = ++builder->request->place_count;
            return builder->request->place_count - 1;
        }
        if (builder->places[place - 1].lat_e7 == at.lat_e7 && builder->places[place - 1].lon_e7 == at.lon_e7) return place - 1;
    }
}

static int32_t seconds(int64_t ms, int64_t origin_ms, bool up)
{
    int64_t span = ms - origin_ms, s = span / 1000;
    if (up && span > 0 && span % 1000) s++;
    if (!up && span < 0 && span % 1000) s--;
    if (s > PLAN_TIME_MAX_S) return PLAN_TIME_MAX_S;
    return s < -PLAN_TIME_MAX_S ? -PLAN_TIME_MAX_S : (int32_t)s;
}

static struct plan_choice choice_of(struct builder *builder, const struct stop *stop)
{
    return (struct plan_choice){.place = place_index(builder, stop->at),
                                .open_s = seconds(stop->open_ms ? stop->open_ms : builder->now_ms, builder->now_ms, true),
                                .close_s = stop->close_ms ? seconds(stop->close_ms, builder->now_ms, false) : PLAN_NO_LIMIT_S,
                                .service_s = stop->service_s};
}

static int64_t ready_guess_ms(const struct builder *builder, const struct order *order)
{
    if (order->phase >= ORDER_READY) return order->ready_ms;
    int64_t guess_ms = builder->now_ms + INT64_C(1000) * READY_GUESS_S;
    if (order->phase == ORDER_ADJUDICATED && order->needs_approval) guess_ms += INT64_C(1000) * APPROVAL_GUESS_S;
    return order->ready_ms > guess_ms ? order->ready_ms : guess_ms;
}

static void fill_step(struct builder *builder, const struct world_order *o, enum stop_kind kind, bool kit_optional, struct plan_step *step)
{
    const struct order *order = &o->order;
    bool test = order->kind == ORDER_KIND_TEST;
    int32_t volume = (int32_t)order->goods.volume_ml, cold = (int32_t)order->goods.cold_ml;
    step->kind = kind;
    step->choice_count = 1;
    if (kind == STOP_LAB) {
        step->choice_count = order->lab_count;
        for (uint32_t i = 0; i < order->lab_count; i++) step->choices[i] = choice_of(builder, &order->labs[i]);
    } else {
        step->choices[0] = choice_of(builder, kind == STOP_HOME ? &order->home : &order->first);
    }
    struct plan_choice *only = &step->choices[0];
    if (kind == STOP_PICKUP || kind == STOP_KIT) {
        int32_t ready_s = seconds(ready_guess_ms(builder, order), builder->now_ms, true);
        if (ready_s > only->open_s) only->open_s = ready_s;
        step->skip_with_kit = kind == STOP_KIT && kit_optional;
        if (kind == STOP_PICKUP) {
            step->volume_ml = volume;
            step->cold_ml = cold;
        }
    }
    if (kind == STOP_RETURN) {
        only->open_s = 0;
        only->close_s = PLAN_NO_LIMIT_S;
    }
    bool begun = kind == STOP_HOME && o->arrived_ms && (order->phase == ORDER_ARRIVED || order->phase == ORDER_COLLECTED);
    if (begun) {
        int64_t left_ms = o->arrived_ms + (int64_t)only->service_s * 1000 - builder->now_ms;
        only->service_s = left_ms > SERVICE_LEFT_MIN_S * 1000 ? (uint32_t)(left_ms / 1000) : SERVICE_LEFT_MIN_S;
        only->close_s = PLAN_NO_LIMIT_S;
    }
    /* medicine leaves the box at the door, a specimen enters it there and leaves it at the laboratory */
    int32_t sign = kind == STOP_LAB || kind == STOP_RETURN || (kind == STOP_HOME && !test) ? -1 : kind == STOP_HOME ? 1 : 0;
    if (sign) {
        step->volume_ml = sign * volume;
        step->cold_ml = sign * cold;
    }
}

static uint32_t find_courier(const struct builder *builder, struct courier_id id)
{
    uint32_t low = 0, high = builder->request->problem.courier_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (builder->couriers[middle].courier.v < id.v) low = middle + 1;
        else high = middle;
    }
    return low < builder->request->problem.courier_count && builder->couriers[low].courier.v == id.v ? low : PLAN_ANY;
}

uint32_t order_cold_ride_max_s(const struct world *world, const struct order *order)
{
    return order->kind == ORDER_KIND_PRESCRIPTION && order->goods.cold_ml > 0 && order->phase != ORDER_RETURNING ? world->options.cold_ride_max_s : 0;
}

static void fill_limits(struct builder *builder, const struct world_order *o, struct plan_task *task)
{
    const struct order *order = &o->order;
    task->accepted_s = seconds(order->accepted_ms, builder->now_ms, false);
    task->due_s = PLAN_NO_LIMIT_S;
    if (order->promise_ms && order->phase != ORDER_RETURNING) task->due_s = seconds(order->promise_ms - INT64_C(1000) * PROMISE_MARGIN_S, builder->now_ms, false);
    task->latest_s = PLAN_NO_LIMIT_S;
    uint32_t ride_max_s = order->stability_s ? order->stability_s : order_cold_ride_max_s(builder->world, order);
    int64_t begun_ms = order->stability_s ? o->collected_ms : o->on_board ? o->picked_up_ms : 0;
    if (!ride_max_s) return;
    uint32_t margin_s = ride_max_s > 4 * STABILITY_MARGIN_S ? STABILITY_MARGIN_S : ride_max_s / 4;
    if (begun_ms) task->latest_s = seconds(begun_ms + (int64_t)(ride_max_s - margin_s) * 1000, builder->now_ms, false);
    else task->ride_max_s = ride_max_s - margin_s;
}

static void add_task(struct builder *builder, uint32_t index)
{
    const struct world_order *o = builder->world->orders[index];
    enum stop_kind kinds[ORDER_STOPS_MAX];
    bool kit_optional;
    uint32_t count = order_stops_left(o, kinds, &kit_optional);
    builder->task_of[index] = PLAN_ANY;
    if (count == 0) return;
    bool told = order_is_told(o);
    uint32_t fixed = told ? find_courier(builder, o->courier) : o->pinned ? find_courier(builder, o->pinned_to) : PLAN_ANY;
    if ((told || o->pinned) && fixed == PLAN_ANY) return; /* its courier is off shift: nobody else may take it */
    uint32_t t = builder->request->problem.task_count++;
    struct plan_task *task = &builder->tasks[t];
    builder->task_of[index] = t;
    *task = (struct plan_task){.order = o->order.id, .step_count = count, .skills = o->order.goods.skills, .priority = o->order.priority, .courier = fixed,
                               .committed = told, .held = o->held && !told};
    for (uint32_t s = 0; s < count; s++) fill_step(builder, o, kinds[s], kit_optional, &task->steps[s]);
    fill_limits(builder, o, task);
    for (uint32_t i = 0; i < o->declined_count; i++) {
        uint32_t who = find_courier(builder, o->declined[i]);
        if (who != PLAN_ANY) task->forbidden[task->forbidden_count++] = who;
    }
    if (fixed == PLAN_ANY) return;
    struct plan_courier *courier = &builder->couriers[fixed];
    bool goods = o->order.kind != ORDER_KIND_TEST && o->on_board, specimen = o->order.phase == ORDER_SEALED;
    if (!told || (!goods && !specimen)) return;
    courier->volume_ml += (int32_t)o->order.goods.volume_ml;
    courier->cold_ml += (int32_t)o->order.goods.cold_ml;
}

static bool step_of(const struct plan_task *task, enum stop_kind kind, uint8_t *step)
{
    for (uint32_t s = 0; s < task->step_count; s++) {
        if (task->steps[s].kind != kind) continue;
        *step = (uint8_t)s;
        return true;
    }
    return false;
}

/* Is the running route's part of this task whole? (Just turned back, or just unassigned: then it isn't.) */
static bool is_whole(const struct world_courier *courier, const struct plan_task *task)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < courier->stop_count; i++) {
        uint8_t step;
        if (courier->stops[i].plan.order.v != task->order.v) continue;
        if (!step_of(task, courier->stops[i].plan.kind, &step)) return false;
        if (next == 0 && step == 1 && task->steps[0].skip_with_kit) next = 1;
        if (step != next || (courier->stops[i].plan.kind == STOP_LAB && courier->stops[i].plan.lab >= task->steps[step].choice_count)) return false;
        next++;
    }
    return next == task->step_count;
}

static void add_route(struct builder *builder, const struct world_courier *courier, struct plan_courier *out)
{
    struct plan_ref *stops = take(builder, courier->stop_count, sizeof *stops);
    bool first_kept = false;
    for (uint32_t i = 0; i < courier->stop_count; i++) {
        const struct world_stop *stop = &courier->stops[i];
        uint32_t index = order_index(builder->world, stop->plan.order);
        uint32_t t = index < builder->world->order_count ? builder->task_of[index] : PLAN_ANY;
        uint8_t step;
        if (t == PLAN_ANY || !is_whole(courier, &builder->tasks[t]) || !step_of(&builder->tasks[t], stop->plan.kind, &step)) continue;
        first_kept |= i == 0;
        stops[out->stop_count++] = (struct plan_ref){.task = t, .step = step, .choice = (uint8_t)(stop->plan.kind == STOP_LAB ? stop->plan.lab : 0), .told = stop->told};
    }
    out->stops = stops;
    if (!first_kept) return;
    const struct world_order *next = world_order(builder->world, courier->stops[0].plan.order);
    bool accepted = next->order.phase == ORDER_ACCEPTED || next->on_board;
    bool soon = courier->stops[0].plan.begin_ms - builder->now_ms < INT64_C(1000) * COMMIT_AHEAD_S;
    if (accepted && builder->tasks[stops[0].task].committed && (soon || courier->stops[0].arrived)) out->fixed_count = 1;
}

static struct point courier_place(const struct world_courier *courier, const struct world *world)
{
    if (courier->stop_count > 0 && courier->stops[0].arrived) {
        const struct stop *place = world_stop_place(world, &courier->stops[0].plan);
        if (place) return place->at;
    }
    return courier->at_ms > courier->seen_ms ? courier->at : courier->seen_at;
}

static void add_courier(struct builder *builder, const struct world_courier *courier)
{
    builder->couriers[builder->request->problem.courier_count++] = (struct plan_courier){
        .courier = courier->courier.id, .route_version = courier->route_version, .place = place_index(builder, courier_place(courier, builder->world)),
        .start_s = 0, .end_s = seconds(courier->shift_ends_ms, builder->now_ms, false), .base_place = PLAN_ANY, .skills = courier->courier.skills,
        .volume_ml_max = courier->courier.volume_ml_max, .cold_ml_max = courier->courier.cold_ml_max, .kits = courier->kits};
}

/* What a courier has carried since his shift began, for fairness; ended orders are still known for some hours. */
static void add_worked(struct builder *builder, const struct world_order *o)
{
    if (!order_phase_is_terminal(o->order.phase) || !o->courier.v) return;
    uint32_t c = find_courier(builder, o->courier);
    if (c == PLAN_ANY || o->ended_ms < builder->now_ms - INT64_C(1000) * WORKED_SPAN_S) return;
    if (builder->couriers[c].worked_s < WORKED_SPAN_S) builder->couriers[c].worked_s += WORKED_ORDER_S;
}

static struct plan_request *build(const struct world *world, int64_t now_ms)
{
    uint32_t places = world->courier_count + world->order_count * (2 + ORDER_LABS_MAX) + 1, slots = 1024;
    struct plan_request *request = mem_zalloc(1, sizeof *request);
    request->arena = arena_new((size_t)1 << 30);
    struct builder builder = {.world = world, .request = request, .now_ms = now_ms};
    while (slots < 2 * places) slots *= 2;
    builder.slot_mask = slots - 1;
    builder.slots = take(&builder, slots, sizeof *builder.slots);
    builder.places = take(&builder, places, sizeof *builder.places);
    builder.tasks = take(&builder, world->order_count, sizeof *builder.tasks);
    builder.couriers = take(&builder, world->courier_count, sizeof *builder.couriers);
    builder.task_of = take(&builder, world->order_count, sizeof *builder.task_of);
    for (uint32_t i = 0; i < world->courier_count; i++)
        if (world->couriers[i]->on_shift) add_courier(&builder, world->couriers[i]);
    for (uint32_t i = 0; i < world->order_count; i++) {
        add_task(&builder, i);
        add_worked(&builder, world->orders[i]);
    }
    for (uint32_t i = 0; i < request->problem.courier_count; i++) add_route(&builder, courier_find(world, builder.couriers[i].courier), &builder.couriers[i]);
    request->places = builder.places;
    request->problem.origin_ms = now_ms;
    request->problem.place_count = request->place_count;
    request->problem.tasks = builder.tasks;
    request->problem.couriers = builder.couriers;
    request->problem.weights = plan_weights_default();
    request->world_seq = world->seq;
    request->now_ms = now_ms;
    request->city = world->options.city;
    request->focus_task = PLAN_ANY;
    return request;
}

/* Metres of 1e-7 degrees along the flattest meridian, and along the shortest parallel that is touched. */
void dispatch_spots(const struct point *at, uint32_t count, struct plan_spot *out)
{
    const double per_e7 = 0.01105;
    int32_t farthest = 0;
    for (uint32_t i = 0; i < count; i++) {
        int32_t lat = at[i].lat_e7 < 0 ? -at[i].lat_e7 : at[i].lat_e7;
        if (lat > farthest) farthest = lat;
    }
    double narrow = cos((double)farthest * 1e-7 * 3.14159265358979 / 180);
    for (uint32_t i = 0; i < count; i++)
        out[i] = (struct plan_spot){(int32_t)(((double)at[i].lon_e7 - at[0].lon_e7) * per_e7 * narrow), (int32_t)(((double)at[i].lat_e7 - at[0].lat_e7) * per_e7)};
}

bool dispatch_needs_plan(const struct world *world, int64_t now_ms)
{
    if (world->plan_out) return false;
    if (world->plan_due_ms <= now_ms) return true;
    return world->has_open && now_ms >= world->plan_last_ms + (int64_t)world->options.replan_s * 1000;
}

bool dispatch_plan_pressed(const struct world *world, int64_t now_ms)
{
    return world->plan_out && world->plan_due_ms <= now_ms;
}

struct plan_request *dispatch_plan_request(struct world *world, int64_t now_ms)
{
    if (now_ms < world_now_ms(world)) now_ms = world_now_ms(world);
    world->plan_out = true;
    world->plan_due_ms = INT64_MAX;
    return build(world, now_ms);
}

void dispatch_plan_lost(struct world *world)
{
    world->plan_out = false;
    plan_wanted(world, world_now_ms(world));
}

void dispatch_plan_stale(struct world *world)
{
    plan_wanted(world, world_now_ms(world));
}

struct plan_request *dispatch_explain_request(const struct world *world, int64_t now_ms, struct order_id order)
{
    const struct world_order *found = order_find(world, order);
    if (!found) return NULL;
    if (now_ms < world_now_ms(world)) now_ms = world_now_ms(world);
    struct plan_request *request = build(world, now_ms);
    struct world_order *focus = arena_alloc(request->arena, sizeof *focus);
    ASSERT(focus);
    *focus = *found;
    request->focus = focus;
    for (uint32_t t = 0; t < request->problem.task_count; t++)
        if (request->problem.tasks[t].order.v == order.v) request->focus_task = t;
    return request;
}

void plan_request_free(struct plan_request *request)
{
    if (!request) return;
    arena_free(request->arena);
    free(request);
}

/* ---- back ---- */

static void write_route(const struct plan_request *request, const struct plan_courier *courier, const struct plan_tour *tour, struct plan_route *out)
{
    out->courier = courier->courier;
    out->route_version = courier->route_version;
    out->start_ms = request->now_ms + (int64_t)courier->start_s * 1000;
    out->start = request->places[courier->place];
    out->stop_count = tour->stop_count;
    for (uint32_t i = 0; i < tour->stop_count; i++) {
        const struct plan_visit *visit = &tour->stops[i];
        const struct plan_task *task = &request->problem.tasks[visit->ref.task];
        out->stops[i] = (struct plan_stop){.order = task->order, .kind = task->steps[visit->ref.step].kind, .lab = visit->ref.choice,
                                           .arrive_ms = request->now_ms + (int64_t)visit->arrive_s * 1000, .begin_ms = request->now_ms + (int64_t)visit->begin_s * 1000,
                                           .leave_ms = request->now_ms + (int64_t)visit->leave_s * 1000, .travel_s = visit->travel_s, .travel_m = visit->travel_m};
    }
}

bool dispatch_plan_command(const struct plan_request *request, const struct plan_solution *solution, struct arena *arena, struct command *out)
{
    memset(out, 0, sizeof *out);
    out->kind = COMMAND_PLAN_READY;
    out->city = request->city;
    out->plan.world_seq = request->world_seq;
    out->plan.route_count = solution->tour_count;
    out->plan.routes = arena_alloc(arena, solution->tour_count * sizeof *out->plan.routes + 1);
    out->plan.unplanned_count = solution->left_count;
    out->plan.unplanned = arena_alloc(arena, solution->left_count * sizeof *out->plan.unplanned + 1);
    if (!out->plan.routes || !out->plan.unplanned) return false;
    for (uint32_t c = 0; c < solution->tour_count; c++) {
        struct plan_route *route = &out->plan.routes[c];
        route->stops = arena_alloc(arena, solution->tours[c].stop_count * sizeof *route->stops + 1);
        if (!route->stops) return false;
        write_route(request, &request->problem.couriers[c], &solution->tours[c], route);
    }
    for (uint32_t i = 0; i < solution->left_count; i++)
        out->plan.unplanned[i] = (struct plan_unplanned){request->problem.tasks[solution->left[i].task].order, solution->left[i].reason, solution->left[i].detail};
    return true;
}
