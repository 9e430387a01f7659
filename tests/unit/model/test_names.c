/* model/names: every enum value has a name, and no two share one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "model/model.h"

/* every number of an enum has a word of its own, and no number outside it has one */
#define CHECK_NAMES(function, type, first, count)                                                                     \
    do {                                                                                                              \
        for (unsigned i = (first); i < (unsigned)(count); i++) {                                                      \
            assert_string_not_equal(function((enum type)i), "?");                                                     \
            for (unsigned j = (first); j < i; j++) assert_string_not_equal(function((enum type)i), function((enum type)j)); \
        }                                                                                                             \
        assert_string_equal(function((enum type)(count)), "?");                                                       \
        assert_string_equal(function((enum type)255), "?");                                                           \
    } while (0)

static void test_names_are_whole_and_distinct(void **state)
{
    (void)state;
    CHECK_NAMES(order_phase_name, order_phase, 0, ORDER_PHASE_COUNT);
    CHECK_NAMES(benefit_name, benefit, BENEFIT_MEDICINE, BENEFIT_CHECKUP + 1);
    CHECK_NAMES(claim_state_name, claim_state, CLAIM_REFUSED, CLAIM_REVERSED + 1);
    CHECK_NAMES(command_kind_name, command_kind, 0, COMMAND_KIND_COUNT);
    CHECK_NAMES(stop_event_name, stop_event, STOP_EVENT_ARRIVED, STOP_EVENT_COUNT);
    CHECK_NAMES(fail_reason_name, fail_reason, 0, FAIL_REASON_COUNT);
    CHECK_NAMES(unplanned_reason_name, unplanned_reason, 0, UNPLANNED_REASON_COUNT);
    CHECK_NAMES(fact_kind_name, fact_kind, 0, FACT_KIND_COUNT);
    CHECK_NAMES(alert_kind_name, alert_kind, ALERT_APPROVAL_LATE, ALERT_KIND_COUNT);
}

static void test_phase_is_found_by_its_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ORDER_PHASE_COUNT; i++) {
        enum order_phase found = ORDER_PHASE_COUNT;
        assert_true(order_phase_from_name(order_phase_name((enum order_phase)i), &found));
        assert_int_equal(found, i);
    }
    enum order_phase untouched = ORDER_SEALED;
    assert_false(order_phase_from_name("ready", &untouched));
    assert_false(order_phase_from_name("", &untouched));
    assert_int_equal(untouched, ORDER_SEALED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names_are_whole_and_distinct), cmocka_unit_test(test_phase_is_found_by_its_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
