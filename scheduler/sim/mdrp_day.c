/* A meal-delivery day on virtual time. Orders become known; the policy proposes a route for every courier; what must begin now is told to its courier,
 * all else stays a plan. Strict rules: told is a whole bundle, to a courier who stands still. Relaxed: told is the next leg. Nobody is sent earlier
 * than he must leave to be there when the food is ready, so a later order can still change who goes. It must not know how policies think. */
#include "mdrp.h"

#include <stdlib.h>
#include <string.h>

enum { LONG_AFTER_S = 100000000 }; /* when everything is ready */

struct mdrp_options mdrp_options_default(bool relaxed)
{
    /* Click to door is all; a little lateness on top brings the slowest tenth nearer, a little travel breaks ties. All is dear beside
     * the heat that the planner begins to anneal with: the running plan is good already. Relaxed rules ask for the share in time. */
    struct plan_weights weights = {.late = relaxed ? 30000 : 500, .late_knee_s = 60, .travel = 50, .flow = 30000, .work = 50, .change = 1};
    return (struct mdrp_options){.policy = SIM_LNS, .relaxed = relaxed, .seed = 1, .iterations = relaxed ? 300 : 1000, .weights = weights};
}

int32_t pickup_time(const struct meals *meals, uint32_t courier, int32_t start_s, uint32_t order)
{
    uint32_t from = meals->runners[courier].place, to = restaurant_place(meals, order);
    int64_t there_s = start_s;
    if (from != to) { /* after a pick-up (relaxed rules) the second half of its service comes first */
        if (from < meals->instance->restaurant_count) there_s += meals->instance->pickup_service_s / 2;
        there_s += mdrp_travel_s(meals->instance, from, to) + meals->instance->pickup_service_s / 2;
    }
    int32_t ready_s = meals->instance->orders[order].ready_s;
    return there_s > ready_s ? (int32_t)there_s : ready_s;
}

/* ---- the log ---- */

static void log_move(struct meals *meals, uint32_t courier, uint32_t to, int32_t depart_s)
{
    struct mdrp_day *day = meals->day;
    if (day->move_count == meals->move_capacity) {
        meals->move_capacity = meals->move_capacity ? 2 * meals->move_capacity : 256;
        day->moves = mem_realloc(day->moves, meals->move_capacity, sizeof *day->moves);
    }
    day->moves[day->move_count++] = (struct mdrp_move){courier, meals->runners[courier].place, to, depart_s};
    meals->runners[courier].place = to;
}

static struct mdrp_assignment *log_assignment(struct meals *meals, uint32_t courier)
{
    struct mdrp_day *day = meals->day;
    if (day->assignment_count == meals->assignment_capacity) {
        meals->assignment_capacity = meals->assignment_capacity ? 2 * meals->assignment_capacity : 256;
        day->assignments = mem_realloc(day->assignments, meals->assignment_capacity, sizeof *day->assignments);
    }
    struct mdrp_assignment *out = &day->assignments[day->assignment_count++];
    *out = (struct mdrp_assignment){.courier = courier, .order_first = day->bundled_count, .assigned_s = meals->now_s};
    return out;
}

static void log_bundled(struct meals *meals, struct mdrp_assignment *assignment, uint32_t order)
{
    struct mdrp_day *day = meals->day;
    ASSERT(day->bundled_count < meals->instance->order_count);
    day->bundled[day->bundled_count++] = order;
    assignment->order_count++;
}

/* ---- telling ---- */

static void drop_first(struct runner *runner, uint32_t count)
{
    runner->count -= count;
    memmove(runner->route, runner->route + count, runner->count * sizeof *runner->route);
}

static int32_t hand_over(struct meals *meals, uint32_t courier, uint32_t order, int32_t depart_s)
{
    const struct mdrp_instance *instance = meals->instance;
    struct runner *runner = &meals->runners[courier];
    uint32_t to = home_place(meals, order), travel_s = mdrp_travel_s(instance, runner->place, to);
    log_move(meals, courier, to, depart_s);
    int32_t dropoff_s = depart_s + (int32_t)(travel_s + instance->dropoff_service_s / 2);
    meals->day->fates[order].dropoff_s = dropoff_s;
    meals->states[order] = MEAL_DONE;
    return dropoff_s + (int32_t)(instance->dropoff_service_s / 2);
}

/* The orders of the first bundle of a route: pick-ups at one restaurant until the first hand-over. */
static uint32_t first_bundle(const struct meals *meals, const struct runner *runner)
{
    uint32_t count = 0;
    while (count < runner->count && !runner->route[count].drop && restaurant_place(meals, runner->route[count].order) == restaurant_place(meals, runner->route[0].order)) count++;
    return count;
}

static int32_t bundle_pickup(const struct meals *meals, uint32_t courier, int32_t start_s, uint32_t count)
{
    const struct runner *runner = &meals->runners[courier];
    int32_t pickup_s = 0;
    for (uint32_t i = 0; i < count; i++) {
        int32_t one_s = pickup_time(meals, courier, start_s, runner->route[i].order);
        if (one_s > pickup_s) pickup_s = one_s;
    }
    return pickup_s;
}

static void tell_bundle(struct meals *meals, uint32_t courier, uint32_t count, int32_t pickup_s)
{
    struct runner *runner = &meals->runners[courier];
    struct mdrp_assignment *assignment = log_assignment(meals, courier);
    assignment->pickup_s = pickup_s;
    log_move(meals, courier, restaurant_place(meals, runner->route[0].order), meals->now_s);
    int32_t depart_s = pickup_s + (int32_t)(meals->instance->pickup_service_s / 2);
    for (uint32_t i = count; i < 2 * count; i++) {
        uint32_t order = runner->route[i].order;
        ASSERT(i < runner->count && runner->route[i].drop && meals->states[order] == MEAL_OPEN);
        log_bundled(meals, assignment, order);
        meals->day->fates[order].courier = courier;
        meals->day->fates[order].pickup_s = pickup_s;
        depart_s = hand_over(meals, courier, order, depart_s);
    }
    runner->free_s = depart_s;
    meals->open_count -= count;
    drop_first(runner, 2 * count);
}

static void tell_leg(struct meals *meals, uint32_t courier, int32_t pickup_s)
{
    struct runner *runner = &meals->runners[courier];
    uint32_t order = runner->route[0].order;
    int32_t start_s = runner_start(meals, courier);
    bool from_restaurant = runner->place < meals->instance->restaurant_count;
    int32_t depart_s = start_s + (from_restaurant ? (int32_t)(meals->instance->pickup_service_s / 2) : 0);
    if (runner->route[0].drop) {
        ASSERT(meals->states[order] == MEAL_TAKEN && runner->on_board > 0);
        runner->on_board--;
        runner->free_s = hand_over(meals, courier, order, depart_s);
    } else {
        ASSERT(meals->states[order] == MEAL_OPEN);
        struct mdrp_assignment *assignment = log_assignment(meals, courier);
        assignment->pickup_s = pickup_s;
        log_bundled(meals, assignment, order);
        uint32_t to = restaurant_place(meals, order);
        if (to != runner->place) log_move(meals, courier, to, depart_s);
        meals->day->fates[order].courier = courier;
        meals->day->fates[order].pickup_s = pickup_s;
        meals->states[order] = MEAL_TAKEN;
        meals->open_count--;
        runner->on_board++;
        runner->free_s = pickup_s;
    }
    drop_first(runner, 1);
}

/* Tell a courier what he must begin now, if anything; returns when he must be told the next thing (INT32_MAX: nothing planned). */
static int32_t tell(struct meals *meals, uint32_t courier)
{
    struct runner *runner = &meals->runners[courier];
    while (runner->count > 0) {
        if (runner->free_s > meals->now_s) return runner->free_s;
        int32_t pickup_s = 0, slack_s = 0;
        uint32_t bundle = 0;
        if (!runner->route[0].drop) {
            bundle = meals->options->relaxed ? 1 : first_bundle(meals, runner);
            pickup_s = bundle_pickup(meals, courier, meals->now_s, bundle);
            int32_t way_s = pickup_time(meals, courier, LONG_AFTER_S, runner->route[0].order) - LONG_AFTER_S;
            slack_s = pickup_s - meals->now_s - way_s;
        }
        if (slack_s > 0) return meals->now_s + slack_s;
        if (meals->options->relaxed) tell_leg(meals, courier, pickup_s);
        else tell_bundle(meals, courier, bundle, pickup_s);
    }
    return INT32_MAX;
}

/* ---- the day ---- */

static void know_orders(struct meals *meals)
{
    for (; meals->next_placed < meals->instance->order_count; meals->next_placed++) {
        uint32_t order = meals->by_placement[meals->next_placed];
        if (meals->instance->orders[order].placed_s > meals->now_s) break;
        meals->states[order] = MEAL_OPEN;
        meals->open_count++;
    }
}

/* The next moment after now when something can change: an order, a departure, a courier who becomes free or comes on shift. */
static int32_t next_event(const struct meals *meals, int32_t due_s)
{
    int32_t next_s = due_s;
    if (meals->next_placed < meals->instance->order_count) {
        int32_t placed_s = meals->instance->orders[meals->by_placement[meals->next_placed]].placed_s;
        if (placed_s < next_s) next_s = placed_s;
    }
    for (uint32_t c = 0; c < meals->instance->courier_count && meals->open_count > 0; c++) {
        const struct mdrp_courier *courier = &meals->instance->couriers[c];
        if (courier->off_s <= meals->now_s) continue;
        int32_t free_s = meals->runners[c].free_s, seen_s = courier->on_s - HORIZON_S;
        if (meals->options->policy == SIM_LNS) free_s = seen_s; /* it has planned with him before he is free */
        if (free_s > meals->now_s && free_s < next_s) next_s = free_s;
        if (seen_s > meals->now_s && seen_s < next_s) next_s = seen_s;
    }
    return next_s;
}

static enum status decide(struct meals *meals, struct error *err)
{
    int64_t begin_us = meals->options->clock_us ? meals->options->clock_us() : 0;
    enum status rc = meals->options->policy == SIM_LNS ? meals_lns(meals, err) : meals->options->policy == SIM_BATCH ? meals_batch(meals, err) : meals_nearest(meals, err);
    int64_t took_us = meals->options->clock_us ? meals->options->clock_us() - begin_us : 0;
    meals->decision_us_sum += took_us;
    if (took_us > meals->decision_us_max) meals->decision_us_max = took_us;
    meals->result->decisions++;
    return rc;
}

static enum status play(struct meals *meals, struct error *err)
{
    for (;;) {
        know_orders(meals);
        bool work = meals->open_count > 0;
        for (uint32_t c = 0; c < meals->instance->courier_count && !work; c++) work = meals->runners[c].on_board > 0;
        if (work) TRY(decide(meals, err));
        int32_t due_s = INT32_MAX;
        for (uint32_t c = 0; c < meals->instance->courier_count; c++) {
            int32_t one_s = tell(meals, c);
            if (one_s < due_s) due_s = one_s;
        }
        int32_t next_s = next_event(meals, due_s);
        if (next_s == INT32_MAX) return STATUS_OK;
        ASSERT(next_s > meals->now_s);
        meals->now_s = next_s;
    }
}

static void sort_by_placement(struct meals *meals)
{
    uint32_t count = meals->instance->order_count;
    for (uint32_t i = 0; i < count; i++) meals->by_placement[i] = i;
    for (uint32_t gap = count / 2; gap > 0; gap /= 2) {
        for (uint32_t i = gap; i < count; i++) {
            uint32_t order = meals->by_placement[i], j = i;
            int32_t placed_s = meals->instance->orders[order].placed_s;
            for (; j >= gap; j -= gap) {
                uint32_t other = meals->by_placement[j - gap];
                int32_t other_s = meals->instance->orders[other].placed_s;
                if (other_s < placed_s || (other_s == placed_s && other < order)) break;
                meals->by_placement[j] = other;
            }
            meals->by_placement[j] = order;
        }
    }
}

static void begin(struct meals *meals, const struct mdrp_instance *instance)
{
    struct mdrp_day *day = meals->day;
    meals->states = mem_zalloc(instance->order_count, sizeof *meals->states);
    meals->by_placement = mem_zalloc(instance->order_count, sizeof *meals->by_placement);
    meals->runners = mem_zalloc(instance->courier_count, sizeof *meals->runners);
    day->order_count = instance->order_count;
    day->fates = mem_zalloc(instance->order_count, sizeof *day->fates);
    day->bundled = mem_zalloc(instance->order_count, sizeof *day->bundled);
    uint32_t places = instance->restaurant_count + instance->order_count + instance->courier_count;
    meals->spots = mem_zalloc(places, sizeof *meals->spots);
    for (uint32_t p = 0; p < places; p++) {
        const struct mdrp_spot *spot = mdrp_place(instance, p);
        meals->spots[p] = (struct plan_spot){(int32_t)spot->x, (int32_t)spot->y};
    }
    sort_by_placement(meals);
    meals->now_s = instance->orders[meals->by_placement[0]].placed_s;
    for (uint32_t c = 0; c < instance->courier_count; c++) {
        meals->runners[c].place = courier_place(meals, c);
        meals->runners[c].free_s = instance->couriers[c].on_s;
    }
    for (uint32_t o = 0; o < instance->order_count; o++) {
        day->fates[o].courier = NOBODY;
        for (uint32_t c = 0; c < instance->courier_count && !day->fates[o].reachable; c++) {
            const struct mdrp_courier *courier = &instance->couriers[c];
            int32_t start_s = instance->orders[o].placed_s > courier->on_s ? instance->orders[o].placed_s : courier->on_s;
            day->fates[o].reachable = pickup_time(meals, c, start_s, o) <= courier->off_s;
        }
    }
}

void mdrp_day_free(struct mdrp_day *day)
{
    if (!day) return;
    free(day->fates);
    free(day->assignments);
    free(day->bundled);
    free(day->moves);
    free(day);
}

enum status mdrp_run(const struct mdrp_instance *instance, const struct mdrp_options *options, struct mdrp_result *out, struct mdrp_day **day,
                     struct error *err)
{
    if (options->policy != SIM_NEAREST && options->policy != SIM_BATCH && options->policy != SIM_LNS) return error_field(err, "policy", "nearest, batch or lns");
    if (instance->order_count == 0 || instance->courier_count == 0) return error_field(err, "instance", "a day needs an order and a courier");
    *out = (struct mdrp_result){0};
    struct meals meals = {.instance = instance, .options = options, .result = out, .day = mem_zalloc(1, sizeof *meals.day)};
    begin(&meals, instance);
    enum status rc = play(&meals, err);
    if (rc == STATUS_OK) rc = meals_check(instance, options->relaxed, meals.day, err);
    if (rc == STATUS_OK) {
        meals_sum_up(instance, meals.day, out);
        out->decision_mean_ms = out->decisions ? (double)meals.decision_us_sum / 1000 / (double)out->decisions : 0;
        out->decision_max_ms = (double)meals.decision_us_max / 1000;
    }
    free(meals.states);
    free(meals.by_placement);
    free(meals.runners);
    free(meals.spots);
    if (rc == STATUS_OK && day) *day = meals.day;
    else mdrp_day_free(meals.day);
    return rc;
}
