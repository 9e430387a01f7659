/* dispatch_preview: what a reassignment would change, held against doing it. */
#include "city.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static struct city city;

static struct preview preview_of(uint64_t order, uint64_t to)
{
    struct plan_request *request = dispatch_explain_request(city.world, city.now_ms, (struct order_id){order});
    assert_non_null(request);
    request->problem.oracle = (struct plan_oracle){.travel = city_travel, .context = request};
    struct preview out;
    dispatch_preview(request, (struct courier_id){to}, &out);
    plan_request_free(request);
    return out;
}

static const struct world_order *order(uint64_t id)
{
    return world_order(city.world, (struct order_id){id});
}

/* Two couriers 10 km apart, an order beside each. */
static void two_couriers(void)
{
    city_init(&city);
    assert_int_equal(city_shift(&city, 5, city_point(0, 0), 0), STATUS_OK);
    assert_int_equal(city_shift(&city, 6, city_point(10000, 0), 0), STATUS_OK);
    struct order one = city_prescription(&city, 1, city_point(100, 0), city_point(1000, 0)), two = city_prescription(&city, 2, city_point(9900, 0), city_point(9000, 0));
    assert_int_equal(city_enter(&city, &one), STATUS_OK);
    assert_int_equal(city_enter(&city, &two), STATUS_OK);
    assert_int_equal(city_ready(&city, 1), STATUS_OK);
    assert_int_equal(city_ready(&city, 2), STATUS_OK);
    city_plan(&city);
    assert_true(order(1)->courier.v == 5 && order(2)->courier.v == 6);
}

static void test_preview_tells_both_routes_and_the_order_first(void **state)
{
    (void)state;
    two_couriers();
    struct preview seen = preview_of(1, 6);
    assert_string_equal(seen.rule, "");
    assert_int_equal(seen.courier_count, 2);
    assert_true(seen.couriers[0].courier.v == 6 && seen.couriers[1].courier.v == 5);
    assert_true(seen.couriers[0].stops_before == 2 && seen.couriers[0].stops_after == 4);
    assert_true(seen.couriers[1].stops_before == 2 && seen.couriers[1].stops_after == 0 && seen.couriers[1].after_s == 0);
    assert_true(seen.couriers[0].after_s > seen.couriers[0].before_s);
    assert_true(seen.orders[0].order.v == 1 && seen.orders[0].after_ms > seen.orders[0].before_ms && seen.orders[0].before_ms > 0);
    assert_true(order(1)->courier.v == 5); /* nothing was done */
    city_deinit(&city);
}

static void test_preview_is_what_happens_when_it_is_done(void **state)
{
    (void)state;
    two_couriers();
    struct preview seen = preview_of(1, 6);
    struct command command = city_command(&city, COMMAND_REASSIGN, 1, 0);
    command.reassign.to.v = 6;
    (void)text_copy(command.reassign.reason, sizeof command.reassign.reason, "try");
    assert_int_equal(city_do(&city, &command), STATUS_OK);
    city_plan(&city);
    assert_true(order(1)->courier.v == 6);
    assert_true(order(1)->eta_ms <= seen.orders[0].after_ms); /* the planner may do better, never worse */
    city_deinit(&city);
}

static void test_preview_to_the_pool_takes_it_off(void **state)
{
    (void)state;
    two_couriers();
    struct preview seen = preview_of(1, 0);
    assert_string_equal(seen.rule, "");
    assert_int_equal(seen.courier_count, 1);
    assert_true(seen.couriers[0].courier.v == 5 && seen.couriers[0].stops_after == 0);
    assert_true(seen.orders[0].order.v == 1 && seen.orders[0].after_ms == 0);
    city_deinit(&city);
}

static void test_preview_to_its_own_courier_changes_nothing(void **state)
{
    (void)state;
    two_couriers();
    struct preview seen = preview_of(1, 5);
    assert_int_equal(seen.courier_count, 1);
    assert_int_equal(seen.couriers[0].before_s, seen.couriers[0].after_s);
    assert_true(seen.orders[0].before_ms == seen.orders[0].after_ms);
    assert_int_equal(seen.order_count, 1);
    city_deinit(&city);
}

static void test_preview_of_what_is_nobodys(void **state)
{
    (void)state;
    city_init(&city);
    struct order one = city_prescription(&city, 1, city_point(100, 0), city_point(1000, 0));
    assert_int_equal(city_enter(&city, &one), STATUS_OK);
    struct preview seen = preview_of(1, 0);
    assert_string_equal(seen.rule, "");
    assert_true(seen.courier_count == 0 && seen.order_count == 1 && seen.orders[0].before_ms == 0 && seen.orders[0].after_ms == 0);
    city_deinit(&city);
}

static void test_preview_refuses_as_reassign_does(void **state)
{
    (void)state;
    two_couriers();
    assert_string_equal(preview_of(1, 77).rule, "NOT_ON_SHIFT");
    struct order cold = city_prescription(&city, 3, city_point(100, 0), city_point(500, 0));
    cold.goods.skills = BIT(SKILL_CONTROLLED);
    assert_int_equal(city_enter(&city, &cold), STATUS_OK);
    struct preview seen = preview_of(3, 5);
    struct command command = city_command(&city, COMMAND_REASSIGN, 3, 0);
    command.reassign.to.v = 5;
    (void)text_copy(command.reassign.reason, sizeof command.reassign.reason, "try");
    if (seen.rule[0]) assert_string_equal(seen.rule, "NO_SKILL");
    assert_int_equal(city_do(&city, &command) == STATUS_OK, seen.rule[0] == 0);
    city_deinit(&city);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_preview_tells_both_routes_and_the_order_first), cmocka_unit_test(test_preview_is_what_happens_when_it_is_done),
        cmocka_unit_test(test_preview_to_the_pool_takes_it_off), cmocka_unit_test(test_preview_to_its_own_courier_changes_nothing),
        cmocka_unit_test(test_preview_of_what_is_nobodys),
        cmocka_unit_test(test_preview_refuses_as_reassign_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
