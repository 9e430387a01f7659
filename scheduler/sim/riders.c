/* Couriers: they look at their phones, drive along the map's roads, serve, report, are refused, break down. They know what the world has told
 * them and nothing of plans. */
#include "city.h"

#include <stdlib.h>
#include <string.h>

void riders_make(struct run *run)
{
    run->riders = mem_zalloc(run->options->couriers, sizeof *run->riders);
    for (uint32_t i = 0; i < run->options->couriers; i++) {
        struct rider *rider = &run->riders[i];
        uint32_t skills = BIT(SKILL_CONTROLLED) | (rng_below(&run->rng, 10) < 8 ? BIT(SKILL_COLD_CHAIN) : 0) | (rng_below(&run->rng, 10) < 7 ? BIT(SKILL_SAMPLING) : 0);
        rider->courier = (struct courier){.id = {i + 1}, .skills = skills, .volume_ml_max = 40000, .cold_ml_max = 6000, .kits_preloaded = 2, .active = true};
        rider->at = run->demand.pharmacies[rng_below(&run->rng, PHARMACIES)];
        if (rng_below(&run->rng, 1000) < run->options->breakdown_pm) rider->breaks_ms = run->start_ms + (int64_t)rng_below(&run->rng, run->options->hours * 3600) * 1000;
        struct command command = run_command(run, COMMAND_SHIFT_START, (struct order_id){0}, rider->courier.id);
        command.shift.courier = rider->courier;
        command.shift.at = rider->at;
        command.shift.ends_ms = run->end_ms;
        enum status rc = run_do(run, &command);
        ASSERT(rc == STATUS_OK);
    }
}

void riders_free(struct run *run)
{
    for (uint32_t i = 0; run->riders && i < run->options->couriers; i++) geo_route_free(&run->riders[i].route);
    free(run->riders);
}

static enum status tell(struct run *run, const struct rider *rider, enum stop_event event, enum fail_reason fail)
{
    struct command command = run_command(run, COMMAND_STOP_EVENT, rider->order, rider->courier.id);
    command.stop.event = event;
    command.stop.fail = fail;
    if (event == STOP_EVENT_SEALED) text_format(command.stop.code, sizeof command.stop.code, "S%llu", (unsigned long long)rider->order.v);
    return run_do(run, &command);
}

static void stand(struct rider *rider)
{
    geo_route_free(&rider->route);
    memset(&rider->route, 0, sizeof rider->route);
    rider->state = RIDER_IDLE;
    rider->order.v = 0;
    rider->collected = false;
}

/* Offers are looked at a little after they come, the oldest first. */
static void answer_offers(struct run *run, struct rider *rider)
{
    for (uint32_t i = 0; i < world_order_count(run->world); i++) {
        const struct world_order *order = world_order_at(run->world, i);
        if (order->order.phase != ORDER_ASSIGNED || order->courier.v != rider->courier.id.v || run->now_ms - order->assigned_ms < 15000) continue;
        struct command command = run_command(run, COMMAND_ANSWER, order->order.id, rider->courier.id);
        command.answer.accept = rng_below(&run->rng, 1000) >= run->options->decline_pm;
        if (!command.answer.accept) run->result->declines++;
        (void)run_do(run, &command);
    }
}

/* The first stop that he has accepted; NULL: nothing to do. */
static const struct world_stop *next_stop(const struct run *run, const struct rider *rider)
{
    const struct world_courier *courier = world_courier(run->world, rider->courier.id);
    if (!courier || courier->stop_count == 0) return NULL;
    const struct world_order *order = world_order(run->world, courier->stops[0].plan.order);
    bool mine = order && (order->order.phase == ORDER_ACCEPTED || order->on_board);
    return mine ? &courier->stops[0] : NULL;
}

static void set_off(struct run *run, struct rider *rider)
{
    const struct world_stop *stop = next_stop(run, rider);
    if (!stop) return;
    const struct stop *place = world_stop_place(run->world, &stop->plan);
    ASSERT(place);
    stand(rider);
    if (!roads_route(&run->roads, rider->at, place->at, &rider->route)) return;
    rider->order = stop->plan.order;
    rider->kind = stop->plan.kind;
    rider->service_s = place->service_s;
    rider->state = RIDER_DRIVING;
    rider->since_ms = run->now_ms;
    rider->route_at = 0;
}

/* Is the stop he drives to still his next one? A cancelled or reassigned order is not. */
static bool still_wanted(const struct run *run, const struct rider *rider)
{
    const struct world_stop *stop = next_stop(run, rider);
    return stop && stop->plan.order.v == rider->order.v && stop->plan.kind == rider->kind;
}

static void drive(struct run *run, struct rider *rider)
{
    int64_t gone_ms = run->now_ms - rider->since_ms;
    uint32_t before = rider->route_at;
    while (rider->route_at + 1 < rider->route.point_count && rider->route.at_ms[rider->route_at + 1] <= gone_ms) rider->route_at++;
    for (uint32_t i = before; i < rider->route_at; i++) rider->driven_dm += geo_distance_dm(rider->route.points[i], rider->route.points[i + 1]);
    if (rider->route.point_count > 0) rider->at = (struct point){rider->route.points[rider->route_at].lat_e7, rider->route.points[rider->route_at].lon_e7};
    if (!still_wanted(run, rider)) {
        stand(rider);
        return;
    }
    if (gone_ms < rider->route.travel_ms) return;
    (void)tell(run, rider, STOP_EVENT_ARRIVED, FAIL_NONE);
    rider->state = RIDER_SERVING;
    rider->since_ms = run->now_ms;
}

static void note_lab(struct run *run, const struct rider *rider)
{
    const struct world_order *order = world_order(run->world, rider->order);
    int64_t age_ms = run->now_ms - order->collected_ms;
    if (order->order.stability_s && age_ms > (int64_t)order->order.stability_s * 1000) {
        run->result->specimens_too_old++;
        (void)tell(run, rider, STOP_EVENT_LAB_REJECTED, FAIL_OTHER);
        return;
    }
    run->collection_ms += (uint64_t)age_ms;
    if (tell(run, rider, STOP_EVENT_LAB_ACCEPTED, FAIL_NONE) == STATUS_OK) (void)tell(run, rider, STOP_EVENT_REPORTED, FAIL_NONE);
}

static void serve_home(struct run *run, struct rider *rider, bool done)
{
    const struct sim_order *order = &run->demand.orders[rider->order.v - 1];
    if (order->absent && run->now_ms - rider->since_ms >= 300000) { /* rings for five minutes */
        (void)tell(run, rider, STOP_EVENT_FAILED, FAIL_ABSENT);
        stand(rider);
        return;
    }
    if (order->absent) return;
    bool test = order->order.kind == ORDER_KIND_TEST;
    if (test && !rider->collected && run->now_ms - rider->since_ms >= (int64_t)rider->service_s * 700) {
        (void)tell(run, rider, STOP_EVENT_COLLECTED, FAIL_NONE);
        rider->collected = true;
    }
    if (!done) return;
    (void)tell(run, rider, test ? STOP_EVENT_SEALED : STOP_EVENT_DELIVERED, FAIL_NONE);
    stand(rider);
}

static void serve(struct run *run, struct rider *rider)
{
    const struct world_order *order = world_order(run->world, rider->order);
    bool mine = order && order->courier.v == rider->courier.id.v && (order->order.phase == ORDER_ACCEPTED || order->on_board);
    if (!mine) {
        stand(rider);
        return;
    }
    bool done = run->now_ms - rider->since_ms >= (int64_t)rider->service_s * 1000;
    if (rider->kind == STOP_HOME) {
        serve_home(run, rider, done);
        return;
    }
    bool ready = rider->kind != STOP_PICKUP || order->order.ready_ms <= run->now_ms;
    if (!done || !ready) return;
    if (rider->kind == STOP_LAB) note_lab(run, rider);
    else (void)tell(run, rider, rider->kind == STOP_RETURN ? STOP_EVENT_RETURNED : STOP_EVENT_PICKED_UP, FAIL_NONE);
    stand(rider);
}

/* He breaks down before a pick-up: the first accepted order tells the world. With goods on board he limps on. */
static void break_down(struct run *run, struct rider *rider)
{
    const struct world_courier *courier = world_courier(run->world, rider->courier.id);
    for (uint32_t i = 0; courier && i < courier->stop_count; i++) {
        const struct world_order *order = world_order(run->world, courier->stops[i].plan.order);
        if (!order || order->on_board) return;
    }
    rider->broken = true;
    run->result->breakdowns++;
    const struct world_stop *stop = next_stop(run, rider);
    if (stop) {
        rider->order = stop->plan.order;
        (void)tell(run, rider, STOP_EVENT_FAILED, FAIL_COURIER);
    } else {
        struct command command = run_command(run, COMMAND_SHIFT_END, (struct order_id){0}, rider->courier.id);
        (void)run_do(run, &command);
    }
    stand(rider);
}

void riders_step(struct run *run)
{
    for (uint32_t i = 0; i < run->options->couriers; i++) {
        struct rider *rider = &run->riders[i];
        if (rider->broken) continue;
        if (rider->breaks_ms && run->now_ms >= rider->breaks_ms) break_down(run, rider);
        if (rider->broken) continue;
        if (run->now_ms >= rider->answer_ms) {
            answer_offers(run, rider);
            rider->answer_ms = run->now_ms + 20000;
        }
        if (rider->state == RIDER_DRIVING) drive(run, rider);
        else if (rider->state == RIDER_SERVING) serve(run, rider);
        if (rider->state == RIDER_IDLE) set_off(run, rider);
        struct command command = run_command(run, COMMAND_POSITION, (struct order_id){0}, rider->courier.id);
        memset(&command.cause, 0, sizeof command.cause);
        command.position.at = rider->at;
        command.position.at_ms = run->now_ms;
        (void)run_do(run, &command);
    }
}
