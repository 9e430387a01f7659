/* The table of rules: whole, in order, with words for people. */
#include "fixture.h"

#include "scheduler/claims/rules.h"

static void test_rules_are_in_order_with_words(void **state)
{
    (void)state;
    size_t count;
    const struct claims_rule *rules = claims_rules(&count);
    assert_int_equal(count, 19);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(rules[i].number, i + 1);
        assert_true(strlen(rules[i].name) > 3 && strlen(rules[i].text_en) > 20 && strlen(rules[i].text_zh) > 10);
        assert_true(text_is_utf8(rules[i].text_zh, strlen(rules[i].text_zh)));
    }
}

static void test_every_rule_but_the_callers_has_a_function(void **state)
{
    (void)state;
    size_t count;
    const struct claims_rule *rules = claims_rules(&count);
    for (size_t i = 0; i < count; i++) {
        bool callers = rules[i].number == 1 || rules[i].number == 19;
        assert_int_equal(claims_rule_function(rules[i].number) != NULL, !callers);
    }
}

static void test_an_override_lifts_its_own_rule_alone(void **state)
{
    (void)state;
    size_t count;
    const struct claims_override *all = claims_overrides(&count);
    for (size_t i = 0; i < count; i++)
        for (uint32_t rule = 1; rule < 20; rule++) assert_int_equal(claims_override_lifts(all[i].code, rule), rule == all[i].rule);
    assert_true(claims_override_lifts("LONG+TRAVEL", 10) && claims_override_lifts("LONG+TRAVEL", 11) && !claims_override_lifts("LONG+TRAVEL", 12));
    assert_true(claims_override_known("") && claims_override_known("LONG") && claims_override_known("LONG+LOST+COMBINE"));
    assert_false(claims_override_known("LONGER") || claims_override_known("LON") || claims_override_known("LONG+") || claims_override_known("+LONG") ||
                 claims_override_known("LONG++LOST") || claims_override_known("long"));
    assert_false(claims_override_lifts("LONGER", 10) || claims_override_lifts("", 10));
}

static void test_every_refusal_fits_its_text(void **state)
{
    (void)state;
    struct claims_context c = fixture();
    c.plan.prescription_days_max = UINT32_MAX - 1;
    c.prescription.valid_days = UINT32_MAX;
    assert_true(strlen(decide(&c).refusal_text) < REASON_TEXT_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_are_in_order_with_words), cmocka_unit_test(test_every_rule_but_the_callers_has_a_function),
        cmocka_unit_test(test_every_refusal_fits_its_text), cmocka_unit_test(test_an_override_lifts_its_own_rule_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
