/* Plans that were tampered with, as a broken or stale planner might bring them: whatever is taken keeps the world's laws. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "city.h"

enum { COURIERS = 4, ORDERS = 12 };

static struct point any_point(struct rng *rng)
{
    return city_point((int32_t)rng_below(rng, 6000), (int32_t)rng_below(rng, 6000));
}

static void fill(struct city *city, struct rng *rng)
{
    city_init(city);
    for (uint64_t c = 1; c <= COURIERS; c++) assert_int_equal(city_shift(city, c, any_point(rng), rng_below(rng, 3)), STATUS_OK);
    for (uint64_t id = 1; id <= ORDERS; id++) {
        struct order o = rng_below(rng, 2) ? city_prescription(city, id, any_point(rng), any_point(rng)) : city_test(city, id, any_point(rng), any_point(rng), any_point(rng));
        assert_int_equal(city_enter(city, &o), STATUS_OK);
        if (o.needs_approval && rng_below(rng, 2)) assert_int_equal(city_ready(city, id), STATUS_OK);
    }
    city_plan(city);
    for (uint64_t id = 1; id <= ORDERS; id++) {
        const struct world_order *order = world_order(city->world, (struct order_id){id});
        if (order->order.phase == ORDER_ASSIGNED && rng_below(rng, 3)) assert_int_equal(city_answer(city, id, order->courier.v, true), STATUS_OK);
        if (order->order.phase == ORDER_ACCEPTED && rng_below(rng, 2)) (void)city_stop(city, id, order->courier.v, STOP_EVENT_PICKED_UP);
    }
}

static void swap_stops(struct plan_stop *a, struct plan_stop *b)
{
    struct plan_stop keep = *a;
    *a = *b;
    *b = keep;
}

static void tamper(struct command *plan, struct rng *rng)
{
    struct plan_route *route = &plan->plan.routes[rng_below(rng, plan->plan.route_count)], *other = &plan->plan.routes[rng_below(rng, plan->plan.route_count)];
    uint32_t at = route->stop_count ? rng_below(rng, route->stop_count) : 0;
    switch (rng_below(rng, 12)) {
    case 0: route->route_version += 1 + rng_below(rng, 3); break;
    case 1: route->courier.v = rng_below(rng, COURIERS + 2); break;
    case 2: if (route->stop_count) route->stop_count--; break;
    case 3: if (route->stop_count) swap_stops(&route->stops[at], &route->stops[rng_below(rng, route->stop_count)]); break;
    case 4: if (route->stop_count) route->stops[at].order.v = rng_below(rng, ORDERS + 3); break;
    case 5: if (route->stop_count) route->stops[at].kind = (enum stop_kind)rng_below(rng, STOP_BASE + 2); break;
    case 6: if (route->stop_count) route->stops[at].lab = rng_below(rng, 6); break;
    case 7: if (route->stop_count && other->stop_count) swap_stops(&route->stops[at], &other->stops[rng_below(rng, other->stop_count)]); break;
    case 8: if (route->stop_count) route->stops[at].travel_s = UINT32_MAX; break;
    case 9: if (route->stop_count) route->stops[at].leave_ms = (int64_t)rng_u64(rng) / 4; break;
    case 10: route->stop_count = 0; break;
    default: if (plan->plan.unplanned_count) plan->plan.unplanned[0].reason = (enum unplanned_reason)rng_below(rng, UNPLANNED_REASON_COUNT + 2); break;
    }
}

static void check_world(const struct city *city)
{
    uint64_t owner[ORDERS + 1] = {0};
    for (uint32_t c = 0; c < world_courier_count(city->world); c++) {
        const struct world_courier *courier = world_courier_at(city->world, c);
        for (uint32_t i = 0; i < courier->stop_count; i++) {
            const struct world_order *order = world_order(city->world, courier->stops[i].plan.order);
            assert_non_null(order);
            assert_non_null(world_stop_place(city->world, &courier->stops[i].plan));
            assert_true(order->courier.v == courier->courier.id.v);
            assert_true(!owner[order->order.id.v] || owner[order->order.id.v] == courier->courier.id.v);
            owner[order->order.id.v] = courier->courier.id.v;
            if (i > 0) assert_true(courier->stops[i].plan.arrive_ms >= courier->stops[i - 1].plan.leave_ms);
        }
    }
    for (uint64_t id = 1; id <= ORDERS; id++) { /* who has an order is in whose route it is */
        const struct world_order *order = world_order(city->world, (struct order_id){id});
        if (order->courier.v && order->order.phase != ORDER_RETURNING) assert_true(owner[id] == order->courier.v);
    }
}

static void test_tampered_plans_break_no_law(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 41);
    uint32_t taken = 0, dropped = 0;
    for (unsigned round = 0; round < 400; round++) {
        struct city city;
        fill(&city, &rng);
        uint64_t carrier[ORDERS + 1] = {0};
        for (uint64_t id = 1; id <= ORDERS; id++) {
            const struct world_order *order = world_order(city.world, (struct order_id){id});
            if (order->order.phase == ORDER_ACCEPTED || order->on_board) carrier[id] = order->courier.v;
        }
        city.now_ms += 240000; /* times drift, so that every sound route is news */
        struct plan_request *request = dispatch_plan_request(city.world, city.now_ms);
        request->problem.oracle = (struct plan_oracle){.travel = city_travel, .context = request};
        struct plan_solution *solution;
        assert_int_equal(plan_solve(&request->problem, &(struct plan_options){.seed = round, .iterations = 30}, &solution, NULL), STATUS_OK);
        struct arena *arena = arena_new(1 << 22);
        struct command plan;
        assert_true(dispatch_plan_command(request, solution, arena, &plan));
        for (unsigned hits = rng_below(&rng, 4); hits > 0; hits--) tamper(&plan, &rng);
        assert_int_equal(city_do(&city, &plan), STATUS_OK);
        uint32_t routes = 0;
        for (uint32_t i = 0; i < city.decision.fact_count; i++) routes += city.facts.facts[city.decision.fact_first + i].kind == FACT_ROUTE_PLANNED;
        taken += routes;
        dropped += COURIERS - routes;
        check_world(&city);
        for (uint64_t id = 1; id <= ORDERS; id++)
            if (carrier[id]) assert_true(world_order(city.world, (struct order_id){id})->courier.v == carrier[id]);
        arena_free(arena);
        plan_solution_free(solution);
        plan_request_free(request);
        city_deinit(&city);
    }
    assert_true(taken > 300 && dropped > 300); /* both happened */
}

/* Re-planning may move what is only planned; what was told is counted when it moves. */
static void test_changes_to_told_stops_are_counted(void **state)
{
    (void)state;
    struct city city;
    city_init(&city);
    assert_int_equal(city_shift(&city, 1, city_point(0, 0), 0), STATUS_OK);
    struct order a = city_prescription(&city, 1, city_point(100, 0), city_point(4000, 0)), b = city_prescription(&city, 2, city_point(200, 0), city_point(5000, 0));
    assert_int_equal(city_enter(&city, &a), STATUS_OK);
    assert_int_equal(city_enter(&city, &b), STATUS_OK);
    assert_int_equal(city_ready(&city, 1), STATUS_OK);
    assert_int_equal(city_ready(&city, 2), STATUS_OK);
    city_plan(&city);
    city_wait(&city, 0);
    assert_int_equal(city_answer(&city, 1, 1, true), STATUS_OK);
    assert_int_equal(city_answer(&city, 2, 1, true), STATUS_OK);
    const struct world_courier *courier = world_courier(city.world, (struct courier_id){1});
    assert_int_equal(courier->stop_count, 4);
    assert_int_equal(courier->changes, 0);
    struct plan_stop stops[4];
    for (uint32_t i = 0; i < 4; i++) stops[i] = courier->stops[i].plan;
    swap_stops(&stops[2], &stops[3]); /* the two homes change places */
    struct plan_route route = {.courier = {1}, .route_version = courier->route_version, .start_ms = city.now_ms, .start = courier->seen_at, .stop_count = 4, .stops = stops};
    struct command plan = {.kind = COMMAND_PLAN_READY, .city = {CITY_ID}};
    plan.plan.route_count = 1;
    plan.plan.routes = &route;
    assert_int_equal(city_do(&city, &plan), STATUS_OK);
    assert_int_equal(courier->changes, 1);
    city_deinit(&city);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tampered_plans_break_no_law), cmocka_unit_test(test_changes_to_told_stops_are_counted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
