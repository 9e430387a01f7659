/* The life of single orders, step by step: what is told, what is refused, and with which reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "city.h"

static struct city city;

static void begin(void)
{
    city_init(&city);
}

static const struct world_order *order(uint64_t id)
{
    const struct world_order *found = world_order(city.world, (struct order_id){id});
    assert_non_null(found);
    return found;
}

static void refused(enum status rc, enum status status, const char *reason)
{
    assert_int_equal(rc, status);
    assert_string_equal(city.decision.error.reason, reason);
    assert_int_equal(city.decision.fact_count, 0);
}

/* Order 1 from the pharmacy at 1000,0 to 3000,0, accepted by courier 5. */
static void prescription_accepted(void)
{
    begin();
    assert_int_equal(city_shift(&city, 5, city_point(0, 0), 0), STATUS_OK);
    struct order o = city_prescription(&city, 1, city_point(1000, 0), city_point(3000, 0));
    (void)text_copy(o.pickup_code, sizeof o.pickup_code, "4711");
    assert_int_equal(city_enter(&city, &o), STATUS_OK);
    city_plan(&city);
    assert_true(order(1)->courier.v == 5); /* planned before it is ready */
    assert_int_equal(order(1)->order.phase, ORDER_ADJUDICATED);
    assert_int_equal(city_ready(&city, 1), STATUS_OK);
    city_plan(&city);
    assert_int_equal(order(1)->order.phase, ORDER_ASSIGNED);
    assert_int_equal(city_answer(&city, 1, 5, true), STATUS_OK);
    assert_int_equal(order(1)->order.phase, ORDER_ACCEPTED);
}

static void test_prescription_goes_the_whole_way(void **state)
{
    (void)state;
    prescription_accepted();
    refused(city_stop(&city, 1, 5, STOP_EVENT_DELIVERED), STATUS_FAILED_PRECONDITION, "WRONG_PHASE");
    refused(city_stop(&city, 1, 6, STOP_EVENT_ARRIVED), STATUS_PERMISSION_DENIED, "OTHER_COURIER");
    assert_int_equal(city_stop(&city, 1, 5, STOP_EVENT_ARRIVED), STATUS_OK); /* at the pharmacy */
    assert_int_equal(order(1)->order.phase, ORDER_ACCEPTED);
    refused(city_stop(&city, 1, 5, STOP_EVENT_ARRIVED), STATUS_FAILED_PRECONDITION, "WRONG_PHASE");
    assert_int_equal(city_stop(&city, 1, 5, STOP_EVENT_PICKED_UP), STATUS_OK);
    assert_true(order(1)->on_board);
    struct command cancel = city_command(&city, COMMAND_CANCEL, 1, 0);
    refused(city_do(&city, &cancel), STATUS_FAILED_PRECONDITION, "WRONG_PHASE");
    struct command end = city_command(&city, COMMAND_SHIFT_END, 0, 5);
    refused(city_do(&city, &end), STATUS_FAILED_PRECONDITION, "ORDERS_REMAIN");
    assert_int_equal(city_stop(&city, 1, 5, STOP_EVENT_ARRIVED), STATUS_OK);
    assert_int_equal(order(1)->order.phase, ORDER_ARRIVED);
    refused(city_stop(&city, 1, 5, STOP_EVENT_DELIVERED), STATUS_FAILED_PRECONDITION, "WRONG_CODE");
    struct command hand = city_command(&city, COMMAND_STOP_EVENT, 1, 5);
    hand.stop.event = STOP_EVENT_DELIVERED;
    (void)text_copy(hand.stop.code, sizeof hand.stop.code, "4711");
    assert_int_equal(city_do(&city, &hand), STATUS_OK);
    assert_int_equal(order(1)->order.phase, ORDER_DELIVERED);
    assert_int_equal(world_courier(city.world, (struct courier_id){5})->stop_count, 0);
    assert_string_equal(city.facts.facts[city.facts.count - 1].hand.code, ""); /* the one-time code is not kept */
    assert_int_equal(city_do(&city, &end), STATUS_OK);
    city_deinit(&city);
}

static void test_kit_from_the_box_comes_back_when_nobody_opens(void **state)
{
    (void)state;
    begin();
    assert_int_equal(city_shift(&city, 5, city_point(0, 0), 1), STATUS_OK);
    struct order o = city_test(&city, 1, city_point(9000, 9000), city_point(1000, 0), city_point(2000, 0));
    assert_int_equal(city_enter(&city, &o), STATUS_OK);
    city_plan(&city);
    city_wait(&city, 0);
    assert_int_equal(city_answer(&city, 1, 5, true), STATUS_OK);
    assert_int_equal(city_stop(&city, 1, 5, STOP_EVENT_ARRIVED), STATUS_OK);
    assert_int_equal(world_courier(city.world, (struct courier_id){5})->kits, 0);
    assert_int_equal(city_fail(&city, 1, 5, FAIL_ABSENT), STATUS_OK);
    assert_int_equal(world_courier(city.world, (struct courier_id){5})->kits, 1);
    city_deinit(&city);
}

static void test_home_test_with_a_kit_from_the_box(void **state)
{
    (void)state;
    begin();
    assert_int_equal(city_shift(&city, 5, city_point(0, 0), 1), STATUS_OK);
    struct order o = city_test(&city, 1, city_point(9000, 9000), city_point(1000, 0), city_point(2000, 0));
    assert_int_equal(city_enter(&city, &o), STATUS_OK);
    assert_int_equal(order(1)->order.phase, ORDER_READY); /* nothing to prepare */
    city_plan(&city);
    city_wait(&city, 0);
    assert_int_equal(order(1)->order.phase, ORDER_ASSIGNED);
    assert_int_equal(world_courier(city.world, (struct courier_id){5})->stop_count, 2); /* no way to the depot */
    assert_int_equal(city_answer(&city, 1, 5, true), STATUS_OK);
    assert_int_equal(city_stop(&city, 1, 5, STOP_EVENT_ARRIVED), STATUS_OK);
    assert_int_equal(world_courier(city.world, (struct courier_id){5})->kits, 0); /* in use: no other visit may count on it */
    assert_int_equal(city_stop(&city, 1, 5, STOP_EVENT_COLLECTED), STATUS_OK);
    assert_int_equal(world_courier(city.world, (struct courier_id){5})->kits, 0);
    struct sha256 first = order(1)->custody;
    refused(city_stop(&city, 1, 0, STOP_EVENT_LAB_ACCEPTED), STATUS_FAILED_PRECONDITION, "WRONG_PHASE");
    assert_int_equal(city_stop(&city, 1, 5, STOP_EVENT_SEALED), STATUS_OK);
    assert_memory_not_equal(first.byte, order(1)->custody.byte, 32);
    struct command lab = city_command(&city, COMMAND_STOP_EVENT, 1, 0);
    lab.stop.event = STOP_EVENT_LAB_ACCEPTED;
    lab.stop.lab.v = 99;
    assert_int_equal(city_do(&city, &lab), STATUS_INVALID_ARGUMENT);
    lab.stop.lab.v = 3;
    assert_int_equal(city_do(&city, &lab), STATUS_OK);
    assert_int_equal(city_stop(&city, 1, 0, STOP_EVENT_REPORTED), STATUS_OK);
    assert_int_equal(order(1)->order.phase, ORDER_REPORTED);
    city_deinit(&city);
}

static void test_old_specimen_is_not_accepted(void **state)
{
    (void)state;
    begin();
    assert_int_equal(city_shift(&city, 5, city_point(0, 0), 1), STATUS_OK);
    struct order o = city_test(&city, 1, city_point(0, 0), city_point(1000, 0), city_point(2000, 0));
    o.stability_s = 3600;
    assert_int_equal(city_enter(&city, &o), STATUS_OK);
    city_plan(&city);
    city_wait(&city, 0);
    assert_int_equal(city_answer(&city, 1, 5, true), STATUS_OK);
    assert_int_equal(city_stop(&city, 1, 5, STOP_EVENT_ARRIVED), STATUS_OK);
    assert_int_equal(city_stop(&city, 1, 5, STOP_EVENT_COLLECTED), STATUS_OK);
    assert_int_equal(city_stop(&city, 1, 5, STOP_EVENT_SEALED), STATUS_OK);
    city_wait(&city, 3601);
    refused(city_stop(&city, 1, 0, STOP_EVENT_LAB_ACCEPTED), STATUS_FAILED_PRECONDITION, "SPECIMEN_TOO_OLD");
    assert_int_equal(city_stop(&city, 1, 0, STOP_EVENT_LAB_REJECTED), STATUS_OK);
    assert_int_equal(order(1)->order.phase, ORDER_SPECIMEN_REJECTED);
    city_deinit(&city);
}

static void test_no_answer_is_a_no_and_the_next_courier_is_asked(void **state)
{
    (void)state;
    begin();
    assert_int_equal(city_shift(&city, 5, city_point(0, 0), 1), STATUS_OK);
    assert_int_equal(city_shift(&city, 6, city_point(500, 0), 1), STATUS_OK);
    struct order o = city_prescription(&city, 1, city_point(600, 0), city_point(3000, 0));
    assert_int_equal(city_enter(&city, &o), STATUS_OK);
    assert_int_equal(city_ready(&city, 1), STATUS_OK);
    city_plan(&city);
    assert_true(order(1)->courier.v == 6 && order(1)->order.phase == ORDER_ASSIGNED);
    city_wait(&city, 121);
    assert_int_equal(city_facts(&city, FACT_ORDER_DECLINED, 1), 1);
    refused(city_answer(&city, 1, 6, true), STATUS_FAILED_PRECONDITION, "NO_OFFER"); /* too late */
    city_plan(&city);
    assert_true(order(1)->courier.v == 5);
    assert_int_equal(city_answer(&city, 1, 5, false), STATUS_OK);
    city_plan(&city);
    assert_true(order(1)->courier.v == 0); /* both have been asked */
    assert_int_equal(order(1)->unplanned, UNPLANNED_NO_COURIER);
    city_deinit(&city);
}

static void test_failure_with_goods_on_board_turns_back(void **state)
{
    (void)state;
    prescription_accepted();
    assert_int_equal(city_stop(&city, 1, 5, STOP_EVENT_PICKED_UP), STATUS_OK);
    assert_int_equal(city_stop(&city, 1, 5, STOP_EVENT_ARRIVED), STATUS_OK);
    assert_int_equal(city_fail(&city, 1, 5, FAIL_NONE), STATUS_INVALID_ARGUMENT);
    assert_int_equal(city_fail(&city, 1, 5, FAIL_ABSENT), STATUS_OK);
    assert_int_equal(city.decision.fact_count, 2);
    assert_int_equal(order(1)->order.phase, ORDER_RETURNING);
    city_plan(&city);
    const struct world_courier *courier = world_courier(city.world, (struct courier_id){5});
    assert_int_equal(courier->stop_count, 1);
    assert_int_equal(courier->stops[0].plan.kind, STOP_RETURN);
    assert_true(courier->stops[0].told);
    assert_int_equal(city_stop(&city, 1, 5, STOP_EVENT_RETURNED), STATUS_OK);
    assert_int_equal(order(1)->order.phase, ORDER_RETURNED);
    city_deinit(&city);
}

static void test_breakdown_sends_unpicked_orders_back(void **state)
{
    (void)state;
    prescription_accepted();
    struct order o = city_prescription(&city, 2, city_point(1100, 0), city_point(3000, 0));
    assert_int_equal(city_enter(&city, &o), STATUS_OK);
    assert_int_equal(city_ready(&city, 2), STATUS_OK);
    city_plan(&city);
    city_wait(&city, 0);
    assert_int_equal(city_answer(&city, 2, 5, true), STATUS_OK);
    assert_int_equal(city_fail(&city, 1, 5, FAIL_COURIER), STATUS_OK);
    assert_int_equal(order(1)->order.phase, ORDER_READY);
    assert_int_equal(order(2)->order.phase, ORDER_READY);
    assert_false(world_courier(city.world, (struct courier_id){5})->on_shift);
    assert_int_equal(city_shift(&city, 6, city_point(0, 0), 0), STATUS_OK);
    city_plan(&city);
    assert_true(order(1)->courier.v == 6 && order(2)->courier.v == 6);
    city_deinit(&city);
}

static void test_same_key_same_answer_and_another_body_is_refused(void **state)
{
    (void)state;
    begin();
    struct order o = city_prescription(&city, 1, city_point(0, 0), city_point(1, 1));
    assert_int_equal(city_enter(&city, &o), STATUS_OK);
    struct command approve = city_command(&city, COMMAND_APPROVE, 1, 0);
    approve.approve.approved = true;
    assert_int_equal(city_do(&city, &approve), STATUS_OK);
    assert_false(city.decision.repeated);
    assert_int_equal(city_do(&city, &approve), STATUS_OK);
    assert_true(city.decision.repeated && city.decision.order.v == 1 && city.decision.fact_count == 0);
    approve.cause.request_hash++;
    refused(city_do(&city, &approve), STATUS_ALREADY_EXISTS, "KEY_REUSED");
    /* a refusal is not remembered: the same key may succeed later */
    struct command early = city_command(&city, COMMAND_ANSWER, 1, 5);
    early.answer.accept = true;
    refused(city_do(&city, &early), STATUS_FAILED_PRECONDITION, "NO_OFFER");
    refused(city_do(&city, &early), STATUS_FAILED_PRECONDITION, "NO_OFFER");
    city_deinit(&city);
}

static void test_unknown_stale_and_foreign_are_refused(void **state)
{
    (void)state;
    begin();
    struct command command = city_command(&city, COMMAND_READY, 42, 0);
    refused(city_do(&city, &command), STATUS_NOT_FOUND, "ORDER_UNKNOWN");
    struct order o = city_prescription(&city, 1, city_point(0, 0), city_point(1, 1));
    assert_int_equal(city_enter(&city, &o), STATUS_OK);
    command = city_command(&city, COMMAND_APPROVE, 1, 0);
    command.expected_version = 9;
    refused(city_do(&city, &command), STATUS_ABORTED, "STALE_VERSION");
    command = city_command(&city, COMMAND_READY, 1, 0);
    refused(city_do(&city, &command), STATUS_FAILED_PRECONDITION, "WRONG_PHASE"); /* not approved */
    command = city_command(&city, COMMAND_READY, 1, 0);
    command.city.v = 8;
    assert_int_equal(city_do(&city, &command), STATUS_INVALID_ARGUMENT);
    command = city_command(&city, COMMAND_SUBMIT_TEST, 1, 0);
    assert_int_equal(city_do(&city, &command), STATUS_INVALID_ARGUMENT);
    command = city_command(&city, COMMAND_SHIFT_START, 0, 5);
    command.shift.courier.id.v = 5;
    command.shift.ends_ms = city.now_ms - 1;
    assert_int_equal(city_do(&city, &command), STATUS_INVALID_ARGUMENT);
    command = city_command(&city, COMMAND_POSITION, 0, 5);
    refused(city_do(&city, &command), STATUS_FAILED_PRECONDITION, "NOT_ON_SHIFT");
    city_deinit(&city);
}

static void test_alerts_and_the_missed_promise_are_told_once(void **state)
{
    (void)state;
    begin();
    struct order o = city_prescription(&city, 1, city_point(0, 0), city_point(1000, 0));
    assert_int_equal(city_enter(&city, &o), STATUS_OK);
    city_wait(&city, 899);
    assert_int_equal(city_facts(&city, FACT_ALERT_RAISED, 1), 0);
    assert_true(dispatch_next_timer_ms(city.world) <= city.now_ms + 1000);
    city_wait(&city, 1);
    city_wait(&city, 60);
    assert_int_equal(city_facts(&city, FACT_ALERT_RAISED, 1), 1);
    assert_int_equal(order(1)->alerts, BIT(ALERT_APPROVAL_LATE));
    struct command seen = city_command(&city, COMMAND_ACKNOWLEDGE, 1, 0);
    seen.acknowledge.kind = ALERT_APPROVAL_LATE;
    assert_int_equal(city_do(&city, &seen), STATUS_OK);
    assert_int_equal(order(1)->alerts, BIT(ALERT_APPROVAL_LATE) | ALERT_SEEN_BIT(ALERT_APPROVAL_LATE));
    seen = city_command(&city, COMMAND_ACKNOWLEDGE, 1, 0);
    seen.acknowledge.kind = ALERT_APPROVAL_LATE;
    assert_int_equal(city_do(&city, &seen), STATUS_OK);
    assert_int_equal(city_facts(&city, FACT_ALERT_SEEN, 1), 1); /* once */
    city_wait(&city, 10800);
    city_wait(&city, 10800);
    assert_int_equal(city_facts(&city, FACT_PROMISE_MISSED, 1), 1);
    assert_true(order(1)->missed);
    city_deinit(&city);
}

static void test_hold_pin_and_reassign(void **state)
{
    (void)state;
    prescription_accepted();
    assert_int_equal(city_shift(&city, 6, city_point(9000, 9000), 0), STATUS_OK);
    struct command hold = city_command(&city, COMMAND_HOLD, 1, 0);
    hold.flag.on = true;
    refused(city_do(&city, &hold), STATUS_FAILED_PRECONDITION, "WRONG_PHASE");
    struct command move = city_command(&city, COMMAND_REASSIGN, 1, 0);
    move.reassign.to.v = 6;
    assert_int_equal(city_do(&city, &move), STATUS_OK);
    city_plan(&city);
    city_wait(&city, 0);
    assert_true(order(1)->courier.v == 6 && order(1)->pinned); /* far away, but a dispatcher said so */
    assert_int_equal(order(1)->order.phase, ORDER_ASSIGNED);
    hold = city_command(&city, COMMAND_HOLD, 1, 0);
    hold.flag.on = true;
    assert_int_equal(city_do(&city, &hold), STATUS_OK);
    assert_true(order(1)->courier.v == 0 && order(1)->held);
    city_plan(&city);
    assert_int_equal(order(1)->unplanned, UNPLANNED_HELD);
    city_deinit(&city);
}

static void test_a_dispatcher_gives_another_priority_and_sees_an_alert(void **state)
{
    (void)state;
    prescription_accepted();
    struct command first = city_command(&city, COMMAND_PRIORITIZE, 1, 0);
    first.prioritize.priority = PRIORITY_CRITICAL;
    uint32_t version = order(1)->version;
    assert_int_equal(city_do(&city, &first), STATUS_OK);
    assert_true(order(1)->order.priority == PRIORITY_CRITICAL && order(1)->version == version + 1);
    first = city_command(&city, COMMAND_PRIORITIZE, 1, 0);
    first.prioritize.priority = PRIORITY_CRITICAL;
    assert_int_equal(city_do(&city, &first), STATUS_OK);
    assert_int_equal(order(1)->version, version + 1); /* as it was: nothing to tell */
    first = city_command(&city, COMMAND_PRIORITIZE, 1, 0);
    first.prioritize.priority = PRIORITY_ROUTINE;
    first.expected_version = version;
    refused(city_do(&city, &first), STATUS_ABORTED, "STALE_VERSION");
    struct command seen = city_command(&city, COMMAND_ACKNOWLEDGE, 1, 0);
    seen.acknowledge.kind = ALERT_TEMPERATURE;
    refused(city_do(&city, &seen), STATUS_FAILED_PRECONDITION, "NO_ALERT");
    struct command cancel = city_command(&city, COMMAND_CANCEL, 1, 0);
    assert_int_equal(city_do(&city, &cancel), STATUS_OK);
    first = city_command(&city, COMMAND_PRIORITIZE, 1, 0);
    first.prioritize.priority = PRIORITY_URGENT;
    refused(city_do(&city, &first), STATUS_FAILED_PRECONDITION, "WRONG_PHASE");
    city_deinit(&city);
}

static void test_why_nobody_comes(void **state)
{
    (void)state;
    begin();
    struct order o = city_test(&city, 1, city_point(0, 0), city_point(1000, 0), city_point(2000, 0));
    o.labs[0].close_ms = city.now_ms + 60000;
    assert_int_equal(city_enter(&city, &o), STATUS_OK);
    city_plan(&city);
    assert_int_equal(order(1)->unplanned, UNPLANNED_NO_COURIER);
    assert_int_equal(city_shift(&city, 5, city_point(0, 0), 0), STATUS_OK);
    city_plan(&city);
    assert_int_equal(order(1)->unplanned, UNPLANNED_LAB_CLOSED);
    struct plan_request *request = dispatch_explain_request(city.world, city.now_ms, (struct order_id){1});
    assert_non_null(request);
    request->problem.oracle = (struct plan_oracle){.travel = city_travel, .context = request};
    struct explanation why;
    dispatch_explain(request, &why);
    assert_int_equal(why.reason, UNPLANNED_LAB_CLOSED);
    assert_int_equal(why.candidate_count, 1);
    assert_string_equal(why.candidates[0].rule, "LAB_CLOSED");
    assert_int_equal(why.candidates[0].couriers, 1);
    assert_non_null(strstr(why.summary, "closed door"));
    plan_request_free(request);
    assert_null(dispatch_explain_request(city.world, city.now_ms, (struct order_id){2}));
    city_deinit(&city);
}

static void test_explained_order_names_its_stops(void **state)
{
    (void)state;
    prescription_accepted();
    struct plan_request *request = dispatch_explain_request(city.world, city.now_ms, (struct order_id){1});
    request->problem.oracle = (struct plan_oracle){.travel = city_travel, .context = request};
    struct explanation why;
    dispatch_explain(request, &why);
    assert_true(why.courier.v == 5 && why.reason == UNPLANNED_NONE);
    assert_int_equal(why.stop_count, 2);
    assert_int_equal(why.stops[0].travel_s, 200); /* 1000 m at 5 m/s */
    assert_int_equal(why.stops[1].travel_s, 400);
    assert_true(why.eta_ms == city.now_ms + (200 + 120 + 400 + 120) * 1000);
    assert_int_equal(why.late_s, 0);
    plan_request_free(request);
    city_deinit(&city);
}

static void test_stale_plan_is_dropped_and_another_is_wanted(void **state)
{
    (void)state;
    begin();
    assert_int_equal(city_shift(&city, 5, city_point(0, 0), 0), STATUS_OK);
    struct order o = city_prescription(&city, 1, city_point(100, 0), city_point(3000, 0));
    assert_int_equal(city_enter(&city, &o), STATUS_OK);
    struct plan_request *request = dispatch_plan_request(city.world, city.now_ms);
    assert_false(dispatch_needs_plan(city.world, city.now_ms)); /* one is out */
    request->problem.oracle = (struct plan_oracle){.travel = city_travel, .context = request};
    struct plan_solution *solution;
    assert_int_equal(plan_solve(&request->problem, &(struct plan_options){0}, &solution, NULL), STATUS_OK);
    struct command cancel = city_command(&city, COMMAND_CANCEL, 1, 0);
    assert_int_equal(city_do(&city, &cancel), STATUS_OK); /* meanwhile */
    struct arena *arena = arena_new(1 << 20);
    struct command command;
    assert_true(dispatch_plan_command(request, solution, arena, &command));
    assert_int_equal(city_do(&city, &command), STATUS_OK);
    assert_int_equal(city_facts(&city, FACT_ROUTE_PLANNED, 0), 0);
    assert_true(dispatch_needs_plan(city.world, city.now_ms + 2000));
    arena_free(arena);
    plan_solution_free(solution);
    plan_request_free(request);
    city_deinit(&city);
}

/* Damaged or foreign bytes are refused, never a crash. */
static void test_hostile_snapshots_are_refused(void **state)
{
    (void)state;
    prescription_accepted();
    struct buffer bytes, again;
    buffer_init(&bytes, 1 << 20);
    buffer_init(&again, 1 << 20);
    world_encode(city.world, &bytes);
    struct world_options options = world_options_default((struct city_id){CITY_ID});
    for (size_t cut = 0; cut < bytes.size; cut++) {
        struct world *world = world_new(&options);
        assert_false(world_decode(world, bytes.data, cut));
        world_free(world);
    }
    struct rng rng;
    rng_init(&rng, 3);
    for (unsigned round = 0; round < 5000; round++) {
        size_t at = rng_below(&rng, (uint32_t)bytes.size);
        uint8_t old = bytes.data[at];
        bytes.data[at] = (uint8_t)rng_u64(&rng);
        struct world *world = world_new(&options);
        if (world_decode(world, bytes.data, bytes.size)) { /* what is taken is canonical */
            buffer_clear(&again);
            world_encode(world, &again);
            assert_int_equal(again.size, bytes.size);
            assert_memory_equal(again.data, bytes.data, bytes.size);
        }
        world_free(world);
        bytes.data[at] = old;
    }
    buffer_deinit(&bytes);
    buffer_deinit(&again);
    city_deinit(&city);
}

static void test_more_keys_than_are_kept_forget_the_oldest(void **state)
{
    (void)state;
    begin();
    assert_int_equal(city_shift(&city, 5, city_point(0, 0), 0), STATUS_OK);
    struct order o = city_prescription(&city, 1, city_point(100, 0), city_point(3000, 0));
    struct command first = city_command(&city, COMMAND_ORDER_ACCEPTED, 1, 0);
    first.accepted = &o;
    assert_int_equal(city_do(&city, &first), STATUS_OK);
    struct command hold = {0};
    for (unsigned i = 0; i < WORLD_KEYS_MAX + 10; i++) {
        hold = city_command(&city, COMMAND_HOLD, 1, 0);
        hold.flag.on = i % 2 == 0;
        dispatch_tick(city.world, city.now_ms, &hold, 1, &city.facts, &city.decision);
        assert_int_equal(city.decision.error.status, STATUS_OK);
        city.facts.count = 0; /* the test keeps none of them */
        arena_reset(city.facts.arena);
    }
    assert_int_equal(city_do(&city, &hold), STATUS_OK);
    assert_true(city.decision.repeated);
    first.cause.request_hash++; /* long forgotten: judged by the order itself */
    assert_int_equal(city_do(&city, &first), STATUS_OK);
    assert_int_equal(city.decision.fact_count, 0);
    city_deinit(&city);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prescription_goes_the_whole_way),
        cmocka_unit_test(test_home_test_with_a_kit_from_the_box), cmocka_unit_test(test_kit_from_the_box_comes_back_when_nobody_opens),
        cmocka_unit_test(test_old_specimen_is_not_accepted),
        cmocka_unit_test(test_no_answer_is_a_no_and_the_next_courier_is_asked),
        cmocka_unit_test(test_failure_with_goods_on_board_turns_back),
        cmocka_unit_test(test_breakdown_sends_unpicked_orders_back),
        cmocka_unit_test(test_same_key_same_answer_and_another_body_is_refused),
        cmocka_unit_test(test_unknown_stale_and_foreign_are_refused),
        cmocka_unit_test(test_alerts_and_the_missed_promise_are_told_once),
        cmocka_unit_test(test_hold_pin_and_reassign),
        cmocka_unit_test(test_a_dispatcher_gives_another_priority_and_sees_an_alert),
        cmocka_unit_test(test_why_nobody_comes),
        cmocka_unit_test(test_explained_order_names_its_stops),
        cmocka_unit_test(test_stale_plan_is_dropped_and_another_is_wanted),
        cmocka_unit_test(test_hostile_snapshots_are_refused),
        cmocka_unit_test(test_more_keys_than_are_kept_forget_the_oldest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
