/* model/order_phase: the table of an order's life. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "model/model.h"

static void walk_way(enum order_kind kind, const enum order_phase *way, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        assert_true(order_may_advance(kind, way[i - 1], way[i]));
        assert_false(order_may_advance(kind, way[i], way[i - 1]) && way[i - 1] != ORDER_READY);
    }
    assert_true(order_phase_is_terminal(way[count - 1]));
}

static void test_ways_of_the_domain_are_open(void **state)
{
    (void)state;
    const enum order_phase medicine[] = {ORDER_RECEIVED, ORDER_ADJUDICATED, ORDER_APPROVED, ORDER_READY, ORDER_ASSIGNED,
                                         ORDER_ACCEPTED, ORDER_PICKED_UP, ORDER_ARRIVED, ORDER_DELIVERED};
    walk_way(ORDER_KIND_PRESCRIPTION, medicine, COUNT_OF(medicine));
    const enum order_phase test[] = {ORDER_RECEIVED, ORDER_ADJUDICATED, ORDER_READY, ORDER_ASSIGNED, ORDER_ACCEPTED, ORDER_KIT_PICKED_UP,
                                     ORDER_ARRIVED, ORDER_COLLECTED, ORDER_SEALED, ORDER_LAB_ACCEPTED, ORDER_REPORTED};
    walk_way(ORDER_KIND_TEST, test, COUNT_OF(test));
    const enum order_phase back[] = {ORDER_PICKED_UP, ORDER_ARRIVED, ORDER_FAILED, ORDER_RETURNING, ORDER_RETURNED};
    walk_way(ORDER_KIND_PRESCRIPTION, back, COUNT_OF(back));
    assert_true(order_may_advance(ORDER_KIND_TEST, ORDER_ACCEPTED, ORDER_ARRIVED)); /* a preloaded kit */
}

static void test_shut_ways_stay_shut(void **state)
{
    (void)state;
    assert_false(order_may_advance(ORDER_KIND_PRESCRIPTION, ORDER_ACCEPTED, ORDER_ARRIVED));
    assert_false(order_may_advance(ORDER_KIND_PRESCRIPTION, ORDER_ACCEPTED, ORDER_KIT_PICKED_UP));
    assert_false(order_may_advance(ORDER_KIND_TEST, ORDER_ACCEPTED, ORDER_PICKED_UP));
    assert_false(order_may_advance(ORDER_KIND_TEST, ORDER_COLLECTED, ORDER_LAB_ACCEPTED)); /* never without its seal */
    for (unsigned kind = ORDER_KIND_PRESCRIPTION; kind <= ORDER_KIND_RETURN; kind++) {
        for (unsigned from = 0; from < ORDER_PHASE_COUNT; from++) {
            assert_false(order_may_advance((enum order_kind)kind, (enum order_phase)from, (enum order_phase)from));
            /* what is on board is neither cancelled nor given to another */
            if (!order_phase_is_on_board((enum order_phase)from)) continue;
            assert_false(order_may_advance((enum order_kind)kind, (enum order_phase)from, ORDER_CANCELLED));
            assert_false(order_may_advance((enum order_kind)kind, (enum order_phase)from, ORDER_READY));
        }
    }
    assert_false(order_may_advance((enum order_kind)0, ORDER_RECEIVED, ORDER_ADJUDICATED));
    assert_false(order_may_advance(ORDER_KIND_TEST, ORDER_RECEIVED, ORDER_PHASE_COUNT));
    assert_false(order_may_advance(ORDER_KIND_TEST, (enum order_phase)200, ORDER_FAILED));
}

static void test_every_phase_can_end_and_ends_stay_ended(void **state)
{
    (void)state;
    for (unsigned kind = ORDER_KIND_PRESCRIPTION; kind <= ORDER_KIND_RETURN; kind++) {
        uint32_t seen = BIT(ORDER_RECEIVED);
        for (unsigned round = 0; round < ORDER_PHASE_COUNT; round++)
            for (unsigned from = 0; from < ORDER_PHASE_COUNT; from++)
                for (unsigned to = 0; to < ORDER_PHASE_COUNT; to++)
                    if ((seen & BIT(from)) && order_may_advance((enum order_kind)kind, (enum order_phase)from, (enum order_phase)to)) seen |= BIT(to);
        for (unsigned from = 0; from < ORDER_PHASE_COUNT; from++) {
            bool out = false;
            for (unsigned to = 0; to < ORDER_PHASE_COUNT; to++) out |= order_may_advance((enum order_kind)kind, (enum order_phase)from, (enum order_phase)to);
            if (!(seen & BIT(from))) continue;
            if (order_phase_is_terminal((enum order_phase)from)) assert_true(!out || from == ORDER_FAILED);
            else assert_true(out);
        }
    }
}

static void test_diagram_shows_every_arrow(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, 1 << 16);
    order_phase_print(&out);
    buffer_u8(&out, 0);
    const char *text = (const char *)out.data;
    for (unsigned from = 0; from < ORDER_PHASE_COUNT; from++) {
        for (unsigned to = 0; to < ORDER_PHASE_COUNT; to++) {
            char arrow[80];
            text_format(arrow, sizeof arrow, "    %s --> %s", order_phase_name((enum order_phase)from), order_phase_name((enum order_phase)to));
            const char *found = strstr(text, arrow);
            while (found && found[strlen(arrow)] != '\n' && found[strlen(arrow)] != ' ') found = strstr(found + 1, arrow);
            bool drawn = found != NULL;
            bool open = order_may_advance(ORDER_KIND_PRESCRIPTION, (enum order_phase)from, (enum order_phase)to) ||
                        order_may_advance(ORDER_KIND_TEST, (enum order_phase)from, (enum order_phase)to);
            assert_int_equal(drawn, open);
        }
    }
    buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ways_of_the_domain_are_open), cmocka_unit_test(test_shut_ways_stay_shut),
                                       cmocka_unit_test(test_every_phase_can_end_and_ends_stay_ended), cmocka_unit_test(test_diagram_shows_every_arrow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
