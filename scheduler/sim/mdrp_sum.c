/* What a meal-delivery day was worth, and whether it kept the rules: recomputed from its log alone. It must not know how the day was planned. */
#include "mdrp.h"

#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
    const int32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* Linear interpolation between the two nearest ranks, as the benchmark's evaluator does. */
static double percentile_min(const int32_t *sorted, uint32_t count, double share)
{
    if (count == 0) return 0;
    double rank = share * (count - 1);
    uint32_t below = (uint32_t)rank, above = below + 1 < count ? below + 1 : below;
    return (sorted[below] + (rank - below) * (sorted[above] - sorted[below])) / 60.0;
}

static void sum_orders(const struct mdrp_instance *instance, const struct mdrp_day *day, struct mdrp_result *result)
{
    uint32_t n = 0;
    int32_t *took_s = mem_zalloc(day->order_count + 1, sizeof *took_s), *bound_s = mem_zalloc(day->order_count + 1, sizeof *bound_s);
    double sum_s = 0, bound_sum_s = 0, over_s = 0, waited_s = 0;
    uint32_t over = 0;
    result->orders = day->order_count;
    for (uint32_t o = 0; o < day->order_count; o++) {
        const struct mdrp_order *order = &instance->orders[o];
        uint32_t half_s = instance->pickup_service_s / 2 + instance->dropoff_service_s / 2;
        bound_s[o] = order->ready_s + (int32_t)(half_s + mdrp_travel_s(instance, order->restaurant, instance->restaurant_count + o)) - order->placed_s;
        bound_sum_s += bound_s[o];
        bool by_bound = bound_s[o] <= (int32_t)instance->target_s;
        result->bound_in_target += by_bound;
        if (!day->fates[o].reachable) result->unreachable++;
        if (day->fates[o].courier == NOBODY) continue;
        took_s[n] = day->fates[o].dropoff_s - order->placed_s;
        int32_t late_s = took_s[n] - (int32_t)instance->target_s;
        if (late_s > 0) {
            over++;
            over_s += late_s;
        } else result->in_target += by_bound;
        sum_s += took_s[n++];
        waited_s += day->fates[o].pickup_s - order->ready_s;
    }
    result->delivered = n;
    qsort(took_s, n, sizeof *took_s, by_value);
    qsort(bound_s, day->order_count, sizeof *bound_s, by_value);
    result->bound_mean_min = bound_sum_s / day->order_count / 60;
    result->bound_p90_min = percentile_min(bound_s, day->order_count, 0.9);
    if (n > 0) {
        result->click_to_door_mean_min = sum_s / n / 60;
        result->click_to_door_p50_min = percentile_min(took_s, n, 0.5);
        result->click_to_door_p90_min = percentile_min(took_s, n, 0.9);
        result->click_to_door_p99_min = percentile_min(took_s, n, 0.99);
        result->overage_mean_min = over_s / n / 60;
        result->over_target_share = (double)over / n;
        result->ready_to_pickup_mean_min = waited_s / n / 60;
    }
    free(took_s);
    free(bound_s);
}

static void sum_couriers(const struct mdrp_instance *instance, const struct mdrp_day *day, struct mdrp_result *result)
{
    double driven_s = 0, shift_s = 0;
    uint32_t pickups = 0;
    for (uint32_t m = 0; m < day->move_count; m++) {
        driven_s += mdrp_travel_s(instance, day->moves[m].from, day->moves[m].to);
        pickups += day->moves[m].to < instance->restaurant_count;
    }
    for (uint32_t c = 0; c < instance->courier_count; c++) shift_s += instance->couriers[c].off_s - instance->couriers[c].on_s;
    double busy_s = driven_s + (double)pickups * instance->pickup_service_s + (double)result->delivered * instance->dropoff_service_s;
    if (shift_s > 0) result->utilization = busy_s / shift_s;
    if (result->delivered == 0) return;
    result->km_per_order = driven_s * instance->metres_per_minute / 60000 / result->delivered;
    result->work_min_per_order = busy_s / 60 / result->delivered;
    if (pickups) result->orders_per_bundle = (double)result->delivered / pickups;
}

static struct sha256 day_digest(const struct mdrp_day *day)
{
    struct hash_stream *stream = hash_stream_new();
    for (uint32_t o = 0; o < day->order_count; o++) {
        const int64_t row[3] = {day->fates[o].courier, day->fates[o].pickup_s, day->fates[o].dropoff_s};
        hash_stream_add(stream, row, sizeof row);
    }
    for (uint32_t m = 0; m < day->move_count; m++) {
        const int64_t row[4] = {day->moves[m].courier, day->moves[m].from, day->moves[m].to, day->moves[m].depart_s};
        hash_stream_add(stream, row, sizeof row);
    }
    return hash_stream_finish(stream);
}

void meals_sum_up(const struct mdrp_instance *instance, const struct mdrp_day *day, struct mdrp_result *result)
{
    sum_orders(instance, day, result);
    sum_couriers(instance, day, result);
    result->digest = day_digest(day);
}

/* ---- the rules ---- */

static enum status broken(struct error *err, const char *who, const char *what)
{
    return error_set(err, STATUS_INTERNAL, "the day breaks a rule: %s: %s", who, what);
}

/* Moves follow each other in place and time, and pick-ups and hand-overs happen where and when the courier stands there. */
static enum status check_moves(const struct mdrp_instance *instance, const struct mdrp_day *day, struct error *err)
{
    uint32_t homes = instance->restaurant_count, starts = homes + instance->order_count;
    int64_t *free_s = mem_zalloc(instance->courier_count, sizeof *free_s);
    uint32_t *place = mem_zalloc(instance->courier_count, sizeof *place);
    enum status rc = STATUS_OK;
    for (uint32_t c = 0; c < instance->courier_count; c++) {
        free_s[c] = instance->couriers[c].on_s;
        place[c] = starts + c;
    }
    for (uint32_t m = 0; m < day->move_count && rc == STATUS_OK; m++) {
        const struct mdrp_move *move = &day->moves[m];
        const char *who = instance->couriers[move->courier].spot.name;
        if (move->from != place[move->courier]) rc = broken(err, who, "leaves from where he is not");
        else if (move->depart_s < free_s[move->courier]) rc = broken(err, who, "leaves before he is free");
        int64_t arrive_s = (int64_t)move->depart_s + mdrp_travel_s(instance, move->from, move->to);
        place[move->courier] = move->to;
        if (move->to < homes) free_s[move->courier] = arrive_s + instance->pickup_service_s;
        else {
            const struct mdrp_fate *fate = &day->fates[move->to - homes];
            if (fate->courier != move->courier || fate->dropoff_s != arrive_s + instance->dropoff_service_s / 2) rc = broken(err, who, "hands over at another time than he is there");
            free_s[move->courier] = arrive_s + instance->dropoff_service_s;
        }
    }
    free(free_s);
    free(place);
    return rc;
}

static enum status check_assignment(const struct mdrp_instance *instance, bool relaxed, const struct mdrp_day *day, const struct mdrp_assignment *assignment, bool *assigned, struct error *err)
{
    const char *who = instance->couriers[assignment->courier].spot.name;
    if (assignment->order_count == 0 || (relaxed && assignment->order_count != 1)) return broken(err, who, "told nothing, or too much at once");
    if (assignment->pickup_s > instance->couriers[assignment->courier].off_s) return broken(err, who, "picks up after his off time");
    uint32_t site = instance->orders[day->bundled[assignment->order_first]].restaurant;
    for (uint32_t i = 0; i < assignment->order_count; i++) {
        uint32_t o = day->bundled[assignment->order_first + i];
        const struct mdrp_order *order = &instance->orders[o];
        if (assigned[o]) return broken(err, order->spot.name, "assigned twice");
        assigned[o] = true;
        if (assignment->assigned_s < order->placed_s) return broken(err, order->spot.name, "assigned before it was placed");
        if (assignment->pickup_s < order->ready_s) return broken(err, order->spot.name, "picked up before it was ready");
        if (order->restaurant != site) return broken(err, order->spot.name, "bundled with another restaurant's");
        if (day->fates[o].courier != assignment->courier || day->fates[o].pickup_s != assignment->pickup_s) return broken(err, order->spot.name, "not with whom it was given to");
    }
    return STATUS_OK;
}

/* The visit to the restaurant that each pick-up belongs to: the last one before it; half of the service before, half after. */
static enum status check_pickups(const struct mdrp_instance *instance, const struct mdrp_day *day, struct error *err)
{
    uint32_t homes = instance->restaurant_count;
    for (uint32_t o = 0; o < day->order_count; o++) {
        const struct mdrp_fate *fate = &day->fates[o];
        if (fate->courier == NOBODY) continue;
        bool there = false, left = false;
        for (uint32_t m = 0; m < day->move_count && !left; m++) {
            const struct mdrp_move *move = &day->moves[m];
            if (move->courier != fate->courier) continue;
            int64_t hand_s = (int64_t)move->depart_s + mdrp_travel_s(instance, move->from, move->to) + instance->pickup_service_s / 2;
            if (move->to == instance->orders[o].restaurant && hand_s <= fate->pickup_s) there = true;
            else if (there && move->depart_s < fate->pickup_s + (int64_t)(instance->pickup_service_s / 2)) there = false;
            else if (there) left = true;
            if (move->to == homes + o && !there) break;
        }
        if (!there) return broken(err, instance->orders[o].spot.name, "picked up where the courier is not");
    }
    return STATUS_OK;
}

enum status meals_check(const struct mdrp_instance *instance, bool relaxed, const struct mdrp_day *day, struct error *err)
{
    bool *assigned = mem_zalloc(instance->order_count, sizeof *assigned);
    enum status rc = STATUS_OK;
    for (uint32_t a = 0; a < day->assignment_count && rc == STATUS_OK; a++) rc = check_assignment(instance, relaxed, day, &day->assignments[a], assigned, err);
    for (uint32_t o = 0; o < day->order_count && rc == STATUS_OK; o++)
        if (assigned[o] != (day->fates[o].courier != NOBODY)) rc = broken(err, instance->orders[o].spot.name, "delivered by nobody, or assigned and not delivered");
    free(assigned);
    if (rc == STATUS_OK) rc = check_moves(instance, day, err);
    if (rc == STATUS_OK) rc = check_pickups(instance, day, err);
    return rc;
}
