/* Two policies to compare the planner with on a meal-delivery day: the nearest courier who has nothing to do, and a matching of bundles with near
 * couriers. Both are asked at every event and only what must begin now is told, exactly as for the planner. */
#include "mdrp.h"
#include "match.h"

#include <stdlib.h>
#include <string.h>

enum { BUNDLE_MAX = 3, BUNDLE_SPREAD_S = 480, NEAR = 32 };

static void forget_plans(struct meals *meals)
{
    for (uint32_t r = 0; r < meals->instance->courier_count; r++) {
        struct runner *runner = &meals->runners[r];
        uint32_t kept = 0; /* what is on board stays, in its order */
        for (uint32_t i = 0; i < runner->count; i++)
            if (runner->route[i].drop && meals->states[runner->route[i].order] == MEAL_TAKEN) runner->route[kept++] = runner->route[i];
        runner->count = kept;
    }
}

/* Open orders, the earliest ready first. The caller frees. */
static uint32_t *by_ready(const struct meals *meals)
{
    uint32_t *out = mem_zalloc(meals->open_count + 1, sizeof *out), count = 0;
    for (uint32_t o = 0; o < meals->instance->order_count && count < meals->open_count; o++)
        if (meals->states[o] == MEAL_OPEN) out[count++] = o;
    ASSERT(count == meals->open_count);
    for (uint32_t gap = count / 2; gap > 0; gap /= 2) {
        for (uint32_t i = gap; i < count; i++) {
            uint32_t order = out[i], j = i;
            for (; j >= gap && meals->instance->orders[out[j - gap]].ready_s > meals->instance->orders[order].ready_s; j -= gap) out[j] = out[j - gap];
            out[j] = order;
        }
    }
    return out;
}

enum status meals_nearest(struct meals *meals, struct error *err)
{
    (void)err;
    forget_plans(meals);
    uint32_t *orders = by_ready(meals), open = meals->open_count;
    for (uint32_t i = 0; i < open; i++) {
        uint32_t best = NOBODY, best_s = UINT32_MAX;
        for (uint32_t r = 0; r < meals->instance->courier_count; r++) {
            const struct runner *runner = &meals->runners[r];
            if (runner->count > 0 || runner->free_s > meals->now_s) continue;
            uint32_t way_s = mdrp_travel_s(meals->instance, runner->place, restaurant_place(meals, orders[i]));
            if (way_s >= best_s || pickup_time(meals, r, meals->now_s, orders[i]) > meals->instance->couriers[r].off_s) continue;
            best = r;
            best_s = way_s;
        }
        if (best == NOBODY) continue;
        meals->runners[best].route[0] = (struct meal_ref){orders[i], false};
        meals->runners[best].route[1] = (struct meal_ref){orders[i], true};
        meals->runners[best].count = 2;
    }
    free(orders);
    return STATUS_OK;
}

/* ---- batch ---- */

struct bundle {
    uint32_t orders[BUNDLE_MAX], count;
};

/* Sum of click-to-door, lateness counted twice; the orders in the sequence given. */
static int64_t bundle_cost(const struct meals *meals, uint32_t courier, const struct bundle *bundle, const uint32_t *sequence)
{
    const struct mdrp_instance *instance = meals->instance;
    int32_t start_s = runner_start(meals, courier), pickup_s = 0;
    for (uint32_t i = 0; i < bundle->count; i++) {
        int32_t one_s = pickup_time(meals, courier, start_s, bundle->orders[i]);
        if (one_s > pickup_s) pickup_s = one_s;
    }
    if (pickup_s > instance->couriers[courier].off_s) return INT64_MAX;
    int64_t cost = 0, time_s = pickup_s + (int64_t)(instance->pickup_service_s / 2);
    uint32_t place = restaurant_place(meals, bundle->orders[0]);
    for (uint32_t i = 0; i < bundle->count; i++) {
        uint32_t order = sequence[i];
        time_s += mdrp_travel_s(instance, place, home_place(meals, order)) + instance->dropoff_service_s / 2;
        int64_t took_s = time_s - instance->orders[order].placed_s, late_s = took_s - instance->target_s;
        cost += took_s + (late_s > 0 ? late_s : 0);
        time_s += instance->dropoff_service_s / 2;
        place = home_place(meals, order);
    }
    return cost;
}

/* The best sequence of at most three hand-overs, by trying all. */
static int64_t best_sequence(const struct meals *meals, uint32_t courier, const struct bundle *bundle, uint32_t *out)
{
    static const uint8_t ALL[6][BUNDLE_MAX] = {{0, 1, 2}, {1, 0, 2}, {2, 0, 1}, {0, 2, 1}, {1, 2, 0}, {2, 1, 0}};
    int64_t best = INT64_MAX;
    uint32_t tries = bundle->count == 1 ? 1 : bundle->count == 2 ? 2 : 6;
    for (uint32_t t = 0; t < tries; t++) {
        uint32_t sequence[BUNDLE_MAX] = {0};
        for (uint32_t i = 0; i < bundle->count; i++) sequence[i] = bundle->orders[ALL[t][i]];
        int64_t cost = bundle_cost(meals, courier, bundle, sequence);
        if (cost >= best) continue;
        best = cost;
        memcpy(out, sequence, sizeof sequence);
    }
    return best;
}

/* Orders of one restaurant that are ready within minutes go together while couriers are scarce. */
static uint32_t make_bundles(const struct meals *meals, const uint32_t *orders, uint32_t open, struct bundle *out)
{
    uint32_t idle = 0, count = 0;
    for (uint32_t r = 0; r < meals->instance->courier_count; r++)
        idle += meals->runners[r].count == 0 && meals->runners[r].free_s <= meals->now_s + BUNDLE_SPREAD_S && meals->instance->couriers[r].off_s > meals->now_s;
    uint32_t most = open <= idle ? 1 : open <= 2 * idle ? 2 : BUNDLE_MAX;
    for (uint32_t i = 0; i < open; i++) {
        uint32_t b = 0;
        for (; b < count; b++) {
            const struct mdrp_order *first = &meals->instance->orders[out[b].orders[0]], *order = &meals->instance->orders[orders[i]];
            if (out[b].count < most && first->restaurant == order->restaurant && order->ready_s - first->ready_s <= BUNDLE_SPREAD_S) break;
        }
        if (b == count) out[count++].count = 0;
        out[b].orders[out[b].count++] = orders[i];
    }
    return count;
}

/* The bundle's nearest couriers as candidates of the matching; leaving it out costs more than anything. */
static void add_candidates(const struct meals *meals, struct match *match, uint32_t row, const struct bundle *bundle)
{
    uint32_t near[NEAR], count = 0;
    int32_t near_s[NEAR];
    for (uint32_t r = 0; r < meals->instance->courier_count; r++) {
        if (meals->runners[r].count > 0 || meals->runners[r].free_s > meals->now_s + HORIZON_S || meals->instance->couriers[r].off_s <= meals->now_s) continue;
        int32_t at_s = pickup_time(meals, r, runner_start(meals, r), bundle->orders[0]);
        if (count == NEAR && at_s >= near_s[NEAR - 1]) continue;
        uint32_t i = count < NEAR ? count++ : NEAR - 1;
        for (; i > 0 && near_s[i - 1] > at_s; i--) {
            near_s[i] = near_s[i - 1];
            near[i] = near[i - 1];
        }
        near_s[i] = at_s;
        near[i] = r;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t sequence[BUNDLE_MAX];
        int64_t cost = best_sequence(meals, near[i], bundle, sequence);
        if (cost == INT64_MAX) continue;
        uint32_t way_s = mdrp_travel_s(meals->instance, meals->runners[near[i]].place, restaurant_place(meals, bundle->orders[0]));
        match_add(match, row, near[i], cost * 4 + way_s);
    }
}

enum status meals_batch(struct meals *meals, struct error *err)
{
    (void)err;
    forget_plans(meals);
    uint32_t *orders = by_ready(meals), open = meals->open_count;
    struct bundle *bundles = mem_zalloc(open + 1, sizeof *bundles);
    uint32_t count = make_bundles(meals, orders, open, bundles);
    struct match *match = match_new(count, meals->instance->courier_count);
    for (uint32_t b = 0; b < count; b++) add_candidates(meals, match, b, &bundles[b]);
    match_solve(match);
    for (uint32_t b = 0; b < count; b++) {
        uint32_t r = match_of(match, b), sequence[BUNDLE_MAX];
        if (r == MATCH_NONE || best_sequence(meals, r, &bundles[b], sequence) == INT64_MAX) continue;
        struct runner *runner = &meals->runners[r];
        for (uint32_t i = 0; i < bundles[b].count; i++) {
            runner->route[i] = (struct meal_ref){bundles[b].orders[i], false};
            runner->route[bundles[b].count + i] = (struct meal_ref){sequence[i], true};
        }
        runner->count = 2 * bundles[b].count;
    }
    match_free(match);
    free(bundles);
    free(orders);
    return STATUS_OK;
}
