/* Couriers: they look at their phones, drive along the map's roads, serve, report, are refused, break down. They know what the world has told
 * them and nothing of plans. */
#include "city.h"

#include <stdlib.h>
#include <string.h>

enum { SILENT_MS = 1200000, ANSWER_MS = 20000, POSITIONS_MAX = 1024 };

/* Of five couriers two stay all day, one comes for the noon peak, one for the evening's, one leaves in the afternoon. */
static void draw_shift(struct run *run, struct rider *rider, uint32_t index)
{
    int64_t hour_ms = 3600000, span_ms = (int64_t)run->options->hours * hour_ms;
    int64_t jitter_ms = (int64_t)rng_below(&run->rng, 1800) * 1000;
    switch (index % 5) {
    case 0: rider->on_ms += span_ms / 12 + jitter_ms; break;
    case 1: rider->on_ms += span_ms / 3 + jitter_ms; break;
    case 2: rider->off_ms -= jitter_ms + (CLOSING_HOURS - 1) * hour_ms + span_ms / 4; break;
    default: break;
    }
}

void riders_make(struct run *run)
{
    run->riders = mem_zalloc(run->options->couriers, sizeof *run->riders);
    run->positions = mem_zalloc(POSITIONS_MAX, sizeof *run->positions);
    run->decisions = mem_zalloc(POSITIONS_MAX, sizeof *run->decisions);
    for (uint32_t i = 0; i < run->options->couriers; i++) {
        struct rider *rider = &run->riders[i];
        uint32_t skills = BIT(SKILL_CONTROLLED) | (rng_below(&run->rng, 10) < 8 ? BIT(SKILL_COLD_CHAIN) : 0) | (rng_below(&run->rng, 10) < 7 ? BIT(SKILL_SAMPLING) : 0);
        rider->courier = (struct courier){.id = {i + 1}, .skills = skills, .volume_ml_max = 40000, .cold_ml_max = 6000, .kits_preloaded = 2, .active = true};
        rider->at = rider->began_at = run->demand.pharmacies[rng_below(&run->rng, PHARMACIES)];
        if (rng_below(&run->rng, 1000) < run->options->breakdown_pm) rider->breaks_ms = run->start_ms + (int64_t)rng_below(&run->rng, run->options->hours * 3600) * 1000;
        if (rng_below(&run->rng, 1000) < run->options->offline_pm) rider->silent_ms = run->start_ms + (int64_t)rng_below(&run->rng, run->options->hours * 3600) * 1000;
        rider->on_ms = run->start_ms;
        rider->off_ms = run->end_ms;
        rider->answer_ms = run->start_ms + (int64_t)rng_below(&run->rng, ANSWER_MS / (STEP_S * 1000)) * STEP_S * 1000;
        if (run->options->shifts) draw_shift(run, rider, i);
    }
}

/* The positions of a step in one tick: couriers' phones are read together. */
static void run_tell(struct run *run, uint32_t *count)
{
    if (*count > 0) run_do_all(run, run->positions, *count);
    *count = 0;
}

void riders_free(struct run *run)
{
    for (uint32_t i = 0; run->riders && i < run->options->couriers; i++) geo_route_free(&run->riders[i].route);
    free(run->riders);
    free(run->positions);
    free(run->decisions);
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

static bool is_silent(const struct run *run, const struct rider *rider)
{
    return rider->silent_ms && run->now_ms >= rider->silent_ms && run->now_ms < rider->silent_ms + SILENT_MS;
}

/* Offers are looked at a little after they come, each courier at his own times, the oldest first. */
static void answer_offers(struct run *run)
{
    for (uint32_t i = 0; i < world_order_count(run->world); i++) {
        const struct world_order *order = world_order_at(run->world, i);
        if (order->order.phase != ORDER_ASSIGNED || run->now_ms - order->assigned_ms < 15000) continue;
        const struct rider *rider = &run->riders[order->courier.v - 1];
        if (rider->broken || is_silent(run, rider) || run->now_ms < rider->answer_ms) continue;
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
    hindsight_note(run, rider);
    (void)tell(run, rider, STOP_EVENT_ARRIVED, FAIL_NONE);
    rider->state = RIDER_SERVING;
    rider->since_ms = run->now_ms;
}

static void note_lab(struct run *run, const struct rider *rider)
{
    const struct world_order *order = world_order(run->world, rider->order);
    int64_t age_ms = run->now_ms - order->collected_ms;
    run->result->specimens++;
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

/* He comes when his shift begins, and goes when it is over and nothing of his is left. */
static void keep_shift(struct run *run, struct rider *rider)
{
    if (!rider->started) {
        if (run->now_ms < rider->on_ms) return;
        rider->started = true;
        struct command command = run_command(run, COMMAND_SHIFT_START, (struct order_id){0}, rider->courier.id);
        command.shift.courier = rider->courier;
        command.shift.at = rider->at;
        command.shift.ends_ms = rider->off_ms;
        enum status rc = run_do(run, &command);
        ASSERT(rc == STATUS_OK);
    }
    if (rider->ended || run->now_ms < rider->off_ms) return;
    const struct world_courier *courier = world_courier(run->world, rider->courier.id);
    if (courier && courier->stop_count > 0) return;
    struct command command = run_command(run, COMMAND_SHIFT_END, (struct order_id){0}, rider->courier.id);
    rider->ended = run_do(run, &command) == STATUS_OK;
}

static void move_on(struct run *run, struct rider *rider)
{
    if (rider->state != RIDER_IDLE) rider->busy_ms += STEP_S * 1000;
    if (rider->state == RIDER_DRIVING) {
        rider->driving_ms += STEP_S * 1000;
        drive(run, rider);
    } else if (rider->state == RIDER_SERVING) serve(run, rider);
    if (rider->state == RIDER_IDLE) set_off(run, rider);
}

void riders_step(struct run *run)
{
    uint32_t told = 0;
    for (uint32_t i = 0; i < run->options->couriers; i++)
        if (run->now_ms >= run->riders[i].answer_ms + STEP_S * 1000) run->riders[i].answer_ms = run->now_ms + ANSWER_MS - STEP_S * 1000;
    answer_offers(run);
    for (uint32_t i = 0; i < run->options->couriers; i++) {
        struct rider *rider = &run->riders[i];
        if (rider->broken || rider->ended) continue;
        if (!is_silent(run, rider)) keep_shift(run, rider);
        if (!rider->started || rider->ended) continue;
        if (rider->breaks_ms && run->now_ms >= rider->breaks_ms) break_down(run, rider);
        if (rider->broken) continue;
        if (is_silent(run, rider)) {
            run->result->offline += run->now_ms - rider->silent_ms < STEP_S * 1000;
            rider->since_ms += STEP_S * 1000; /* he stands still */
            continue;
        }
        bool stood = rider->state != RIDER_DRIVING;
        move_on(run, rider);
        if (stood && (run->now_ms / (STEP_S * 1000) + i) % 6 != 0) continue; /* who stands still says so once a minute */
        struct command *command = &run->positions[told++];
        *command = run_command(run, COMMAND_POSITION, (struct order_id){0}, rider->courier.id);
        command->position.at = rider->at;
        command->position.at_ms = run->now_ms;
        if (told == POSITIONS_MAX) run_tell(run, &told);
    }
    run_tell(run, &told);
}
