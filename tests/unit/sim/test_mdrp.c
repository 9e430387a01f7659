/* Small meal-delivery days against trying everything: no policy is better than the best that hindsight can do, and where nothing is left to luck the
 * planner finds it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "sim/sim.h"

enum { ORDERS = 4 };

static struct mdrp_instance small_day(struct rng *rng, bool at_once)
{
    static struct mdrp_spot restaurants[2];
    static struct mdrp_order orders[ORDERS];
    static struct mdrp_courier couriers[2];
    memset(restaurants, 0, sizeof restaurants);
    memset(orders, 0, sizeof orders);
    memset(couriers, 0, sizeof couriers);
    for (uint32_t i = 0; i < 2; i++) {
        text_format(restaurants[i].name, MDRP_NAME_MAX, "r%u", i);
        text_format(couriers[i].spot.name, MDRP_NAME_MAX, "c%u", i);
        restaurants[i].x = rng_below(rng, 5000);
        restaurants[i].y = rng_below(rng, 5000);
        couriers[i] = (struct mdrp_courier){couriers[i].spot, 0, 36000};
        couriers[i].spot.x = rng_below(rng, 5000);
        couriers[i].spot.y = rng_below(rng, 5000);
    }
    for (uint32_t i = 0; i < ORDERS; i++) {
        text_format(orders[i].spot.name, MDRP_NAME_MAX, "o%u", i);
        orders[i].spot.x = rng_below(rng, 5000);
        orders[i].spot.y = rng_below(rng, 5000);
        orders[i].restaurant = rng_below(rng, 2);
        orders[i].placed_s = at_once ? 0 : (int32_t)rng_below(rng, 3600);
        orders[i].ready_s = orders[i].placed_s + (int32_t)rng_below(rng, 1800);
    }
    return (struct mdrp_instance){320, 240, 240, 2400, 2, ORDERS, 2, restaurants, orders, couriers};
}

/* Every way to hand the orders out one by one: to whom, into his running bundle or a new one. `state`: where each courier is, when, and his bundle. */
struct hand {
    uint32_t place, bundle[ORDERS], count;
    int32_t free_s;
};

/* Seconds from click to door of a bundle in the given sequence; the courier's new state. */
static int64_t serve(const struct mdrp_instance *day, struct hand *hand)
{
    if (hand->count == 0) return 0;
    uint32_t site = day->orders[hand->bundle[0]].restaurant;
    int32_t time_s = hand->free_s + (int32_t)(mdrp_travel_s(day, hand->place, site) + day->pickup_service_s / 2);
    for (uint32_t i = 0; i < hand->count; i++)
        if (day->orders[hand->bundle[i]].ready_s > time_s) time_s = day->orders[hand->bundle[i]].ready_s;
    time_s += (int32_t)(day->pickup_service_s / 2);
    int64_t sum = 0;
    uint32_t place = site;
    for (uint32_t i = 0; i < hand->count; i++) {
        uint32_t o = hand->bundle[i], home = day->restaurant_count + o;
        time_s += (int32_t)(mdrp_travel_s(day, place, home) + day->dropoff_service_s / 2);
        sum += time_s - day->orders[o].placed_s;
        time_s += (int32_t)(day->dropoff_service_s / 2);
        place = home;
    }
    hand->place = place;
    hand->free_s = time_s;
    hand->count = 0;
    return sum;
}

static int64_t brute(const struct mdrp_instance *day, uint32_t done, struct hand a, struct hand b)
{
    if (done == BIT(ORDERS) - 1) return serve(day, &a) + serve(day, &b);
    int64_t best = INT64_MAX;
    for (uint32_t o = 0; o < ORDERS; o++) {
        if (done & BIT(o)) continue;
        for (uint32_t who = 0; who < 2; who++) {
            struct hand hands[2] = {a, b};
            struct hand *hand = &hands[who];
            for (uint32_t fresh = 0; fresh < 2; fresh++) {
                hands[0] = a;
                hands[1] = b;
                bool joins = hand->count > 0 && day->orders[hand->bundle[0]].restaurant == day->orders[o].restaurant;
                if (!fresh && hand->count > 0 && !joins) continue;
                if (fresh && hand->count == 0) continue;
                int64_t spent = fresh ? serve(day, hand) : 0;
                hand->bundle[hand->count++] = o;
                int64_t one = spent + brute(day, done | BIT(o), hands[0], hands[1]);
                if (one < best) best = one;
            }
        }
    }
    return best;
}

static int64_t best_of(const struct mdrp_instance *day)
{
    struct hand a = {.place = day->restaurant_count + ORDERS}, b = {.place = day->restaurant_count + ORDERS + 1};
    return brute(day, 0, a, b);
}

static int64_t played(const struct mdrp_instance *day, enum sim_policy policy)
{
    struct mdrp_options options = mdrp_options_default(false);
    struct mdrp_result result;
    struct error err = {0};
    options.policy = policy;
    options.iterations = 200;
    options.weights.late = options.weights.travel = options.weights.work = 1;
    if (mdrp_run(day, &options, &result, NULL, &err) != STATUS_OK) fail_msg("%s", err.text);
    assert_int_equal(result.delivered, ORDERS);
    return (int64_t)(result.click_to_door_mean_min * 60 * ORDERS + 0.5);
}

static void test_nobody_beats_hindsight(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 8);
    for (uint32_t trial = 0; trial < 40; trial++) {
        struct mdrp_instance day = small_day(&rng, false);
        int64_t best = best_of(&day);
        for (enum sim_policy policy = SIM_NEAREST; policy <= SIM_BATCH; policy++) assert_true(played(&day, policy) >= best);
    }
}

static void test_planner_is_optimal_when_all_is_known(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 9);
    uint32_t exact = 0;
    for (uint32_t trial = 0; trial < 40; trial++) {
        struct mdrp_instance day = small_day(&rng, true);
        int64_t best = best_of(&day), lns = played(&day, SIM_LNS);
        assert_true(lns >= best && lns <= best + best / 20);
        exact += lns <= best + 4; /* ties in click to door are broken by travel */
    }
    assert_true(exact >= 36);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nobody_beats_hindsight), cmocka_unit_test(test_planner_is_optimal_when_all_is_known)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
