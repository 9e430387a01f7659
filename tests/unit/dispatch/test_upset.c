/* What upsets a plan asks for another one at once, and the next plan knows what has happened: a new order, a refusal, a breakdown, an absent patient, a
 * closed road, a late pharmacy; cold medicine's ride; and why an order is with whom it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "city.h"

static struct city city;

static const struct world_order *order(uint64_t id)
{
    const struct world_order *found = world_order(city.world, (struct order_id){id});
    assert_non_null(found);
    return found;
}

/* Two couriers: 5 at the pharmacy's side, 6 farther away. Order 1 is ready, planned, and nothing is wanted. */
static void begin(void)
{
    city_init(&city);
    assert_int_equal(city_shift(&city, 5, city_point(0, 0), 0), STATUS_OK);
    assert_int_equal(city_shift(&city, 6, city_point(-2000, 0), 0), STATUS_OK);
    struct order o = city_prescription(&city, 1, city_point(1000, 0), city_point(3000, 0));
    assert_int_equal(city_enter(&city, &o), STATUS_OK);
    assert_int_equal(city_ready(&city, 1), STATUS_OK);
    city_plan(&city);
    city_plan(&city);
    assert_int_equal(order(1)->order.phase, ORDER_ASSIGNED);
    assert_true(order(1)->courier.v == 5);
    assert_false(dispatch_needs_plan(city.world, city.now_ms));
}

static void expect_plan_at_once(void)
{
    assert_true(dispatch_needs_plan(city.world, city.now_ms));
    city_plan(&city);
    assert_false(dispatch_needs_plan(city.world, city.now_ms));
}

static void test_new_order_is_planned_at_once(void **state)
{
    (void)state;
    begin();
    struct order o = city_prescription(&city, 2, city_point(-2500, 0), city_point(-3000, 0));
    assert_int_equal(city_enter(&city, &o), STATUS_OK);
    expect_plan_at_once();
    assert_true(order(2)->courier.v == 6);
    city_deinit(&city);
}

/* While a planner is at work, a new order presses it to come to an end; without news nothing presses. */
static void test_planner_at_work_is_pressed(void **state)
{
    (void)state;
    begin();
    struct plan_request *request = dispatch_plan_request(city.world, city.now_ms);
    assert_false(dispatch_plan_pressed(city.world, city.now_ms));
    struct order o = city_prescription(&city, 2, city_point(-2500, 0), city_point(-3000, 0));
    assert_int_equal(city_enter(&city, &o), STATUS_OK);
    assert_true(dispatch_plan_pressed(city.world, city.now_ms));
    assert_false(dispatch_needs_plan(city.world, city.now_ms)); /* one at a time */
    dispatch_plan_lost(city.world);
    assert_false(dispatch_plan_pressed(city.world, city.now_ms));
    expect_plan_at_once();
    plan_request_free(request);
    city_deinit(&city);
}

static void test_refusal_goes_to_the_next_courier(void **state)
{
    (void)state;
    begin();
    assert_int_equal(city_answer(&city, 1, 5, false), STATUS_OK);
    expect_plan_at_once();
    assert_true(order(1)->courier.v == 6);
    city_deinit(&city);
}

static void test_breakdown_goes_to_the_next_courier(void **state)
{
    (void)state;
    begin();
    assert_int_equal(city_answer(&city, 1, 5, true), STATUS_OK);
    assert_int_equal(city_fail(&city, 1, 5, FAIL_COURIER), STATUS_OK);
    expect_plan_at_once();
    assert_true(order(1)->courier.v == 6);
    city_deinit(&city);
}

static void test_absent_patient_sends_the_goods_back(void **state)
{
    (void)state;
    begin();
    assert_int_equal(city_answer(&city, 1, 5, true), STATUS_OK);
    assert_int_equal(city_stop(&city, 1, 5, STOP_EVENT_PICKED_UP), STATUS_OK);
    assert_int_equal(city_stop(&city, 1, 5, STOP_EVENT_ARRIVED), STATUS_OK);
    city_plan(&city);
    assert_int_equal(city_fail(&city, 1, 5, FAIL_ABSENT), STATUS_OK);
    expect_plan_at_once();
    const struct world_courier *courier = world_courier(city.world, (struct courier_id){5});
    assert_int_equal(courier->stop_count, 1);
    assert_int_equal(courier->stops[0].plan.kind, STOP_RETURN);
    city_deinit(&city);
}

static void test_closed_road_times_the_plan_again(void **state)
{
    (void)state;
    begin();
    dispatch_plan_stale(city.world);
    expect_plan_at_once();
    struct plan_request *request = dispatch_plan_request(city.world, city.now_ms);
    dispatch_plan_stale(city.world); /* and while a planner is at work with the old times */
    assert_true(dispatch_plan_pressed(city.world, city.now_ms));
    plan_request_free(request);
    city_deinit(&city);
}

static void test_late_pharmacy_is_planned_around(void **state)
{
    (void)state;
    begin();
    assert_int_equal(city_answer(&city, 1, 5, true), STATUS_OK);
    assert_int_equal(city_fail(&city, 1, 5, FAIL_NOT_READY), STATUS_OK);
    expect_plan_at_once();
    assert_true(order(1)->order.phase == ORDER_READY || order(1)->order.phase == ORDER_ASSIGNED);
    const struct world_courier *courier = world_courier(city.world, order(1)->courier);
    assert_non_null(courier);
    assert_true(courier->stops[0].plan.begin_ms >= order(1)->order.ready_ms && order(1)->order.ready_ms > city.now_ms); /* nobody waits there for nothing */
    city_deinit(&city);
}

/* Cold medicine is out of the fridge no longer than the limit; what is on board already has its hour. */
static void test_cold_medicine_has_a_longest_ride(void **state)
{
    (void)state;
    begin();
    struct order o = city_prescription(&city, 2, city_point(1000, 0), city_point(2000, 0));
    o.goods.cold_ml = 200;
    assert_int_equal(city_enter(&city, &o), STATUS_OK);
    struct plan_request *request = dispatch_plan_request(city.world, city.now_ms);
    const struct plan_task *task = NULL;
    for (uint32_t t = 0; t < request->problem.task_count; t++)
        if (request->problem.tasks[t].order.v == 2) task = &request->problem.tasks[t];
    assert_non_null(task);
    assert_int_equal(task->ride_max_s, 7200 - 300);
    assert_int_equal(request->problem.tasks[0].ride_max_s, 0); /* order 1 is not cold */
    plan_request_free(request);
    city_deinit(&city);
}

/* Of an order that has a courier: his cost in terms, and the one who would have it else, as adding the order to their routes says. */
static void test_explained_order_has_terms_and_a_runner_up(void **state)
{
    (void)state;
    begin();
    struct plan_request *request = dispatch_explain_request(city.world, city.now_ms, (struct order_id){1});
    request->problem.oracle = (struct plan_oracle){.travel = city_travel, .context = request};
    struct explanation why;
    dispatch_explain(request, &why);
    assert_true(why.has_own && why.own.courier.v == 5 && why.has_runner_up && why.runner_up.courier.v == 6);
    /* 5 m/s: 5 drives 200 + 400 s, 6 drives 600 + 400 s; each serves twice 120 s */
    assert_true(why.own.terms.travel == 600 * 1000 && why.runner_up.terms.travel == 1000 * 1000);
    assert_true(why.own.done_ms == city.now_ms + (600 + 240) * 1000 && why.runner_up.done_ms == city.now_ms + (1000 + 240) * 1000);
    assert_true(why.own.terms.work == 840 * 100 && why.runner_up.terms.work == 1240 * 100);
    assert_true(why.own.terms.late == 0 && why.own.terms.change < 0 && why.runner_up.terms.change == 0); /* taking it from him would be a change */
    assert_true(why.runner_up.cost > why.own.cost);
    plan_request_free(request);
    city_deinit(&city);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_order_is_planned_at_once),        cmocka_unit_test(test_planner_at_work_is_pressed),       cmocka_unit_test(test_refusal_goes_to_the_next_courier),
        cmocka_unit_test(test_breakdown_goes_to_the_next_courier),  cmocka_unit_test(test_absent_patient_sends_the_goods_back), cmocka_unit_test(test_closed_road_times_the_plan_again),
        cmocka_unit_test(test_late_pharmacy_is_planned_around),     cmocka_unit_test(test_cold_medicine_has_a_longest_ride), cmocka_unit_test(test_explained_order_has_terms_and_a_runner_up)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
