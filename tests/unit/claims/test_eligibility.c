/* Rules 2 to 6 at both sides of each edge. */
#include "fixture.h"

static void test_rule_2_refuses_an_unknown_member(void **state)
{
    (void)state;
    struct claims_context c = fixture();
    c.member = (struct claims_member){0};
    expect_refused(c, "R2");
}

static void test_rule_2_counts_age_at_inception(void **state)
{
    (void)state;
    struct claims_context c = fixture();
    c.member.inception_day = c.member.policy_from_day = day_of("2024-03-10");
    c.member.policy_to_day = day_of("2027-03-10");
    c.service_ms = c.prescription.issued_ms = noon_ms(day_of("2026-03-09"));
    c.member.birth_day = day_of("1963-03-11"); /* 60 on the day, 61 the day after */
    expect_benefit(c, 800);
    c.member.birth_day = day_of("1963-03-10");
    expect_refused(c, "R2");
    c.member.birth_day = day_of("2024-03-10"); /* born that day: 0 */
    expect_benefit(c, 800);
    c.member.birth_day = day_of("2024-03-11"); /* not yet born */
    expect_refused(c, "R2");
    c.plan.age_min_years = 18;
    c.member.birth_day = day_of("2006-03-10");
    expect_benefit(c, 800);
    c.member.birth_day = day_of("2006-03-11");
    expect_refused(c, "R2");
}

static void test_rule_3_wants_a_policy_at_service_time(void **state)
{
    (void)state;
    struct claims_context c = fixture();
    c.member.policy_from_day = FIXTURE_DAY;
    expect_benefit(c, 800);
    c.member.policy_from_day = FIXTURE_DAY + 1;
    expect_refused(c, "R3");
    c = fixture();
    c.member.policy_to_day = FIXTURE_DAY + 1;
    expect_benefit(c, 800);
    c.member.policy_to_day = FIXTURE_DAY; /* exclusive */
    expect_refused(c, "R3");
    c = fixture();
    c.member.policy_known = false;
    expect_refused(c, "R3");
}

static void test_rule_3_counts_days_in_the_city(void **state)
{
    (void)state;
    struct claims_context c = fixture();
    c.member.policy_to_day = FIXTURE_DAY;
    c.service_ms = FIXTURE_DAY * FIXTURE_DAY_MS - FIXTURE_OFFSET_S * INT64_C(1000) - 1; /* the last ms of the day before, local */
    c.prescription.issued_ms = c.service_ms;
    expect_benefit(c, 800);
    c.service_ms++;
    expect_refused(c, "R3");
}

static void test_rule_4_waits(void **state)
{
    (void)state;
    struct claims_context c = fixture();
    c.member.inception_day = FIXTURE_DAY - 30;
    expect_benefit(c, 800);
    c.member.inception_day = FIXTURE_DAY - 29;
    expect_refused(c, "R4");
    c.accident = true;
    expect_benefit(c, 800);
    c.accident = false;
    c.member.renewal = true;
    expect_benefit(c, 800);
    c.member.renewal = false;
    c.plan.waiting_days = 29;
    expect_benefit(c, 800);
}

static void test_rule_5_wants_contract_and_licence(void **state)
{
    (void)state;
    struct claims_context c = fixture();
    c.provider_contracted = false;
    expect_refused(c, "R5");
    c = fixture();
    c.prescriber_allowed = false;
    expect_refused(c, "R5");
    c.benefit = BENEFIT_TEST; /* nobody prescribes a test */
    expect_benefit(c, 800);
}

static void test_rule_5_asks_for_the_pharmacist(void **state)
{
    (void)state;
    struct claims_context c = fixture();
    struct claim claim;
    struct claims_outcome outcome;
    claims_adjudicate(&c, &claim, &outcome);
    assert_true(outcome.needs_approval);
    c.items[0].prescription_only = false;
    claims_adjudicate(&c, &claim, &outcome);
    assert_false(outcome.needs_approval);
}

static void test_rule_6_counts_the_day_of_issue(void **state)
{
    (void)state;
    struct claims_context c = fixture();
    c.prescription.issued_ms = noon_ms(FIXTURE_DAY - 2); /* the third day of three */
    expect_benefit(c, 800);
    c.prescription.issued_ms = noon_ms(FIXTURE_DAY - 3);
    expect_refused(c, "R6");
    c.prescription.issued_ms = noon_ms(FIXTURE_DAY - 1);
    c.prescription.valid_days = 1; /* the day of issue only */
    expect_refused(c, "R6");
    c.prescription.issued_ms = c.service_ms;
    expect_benefit(c, 800);
    c.prescription.issued_ms = c.service_ms + 1; /* from the future */
    expect_refused(c, "R6");
}

static void test_rule_6_limits_validity_use_and_drugs(void **state)
{
    (void)state;
    struct claims_context c = fixture();
    c.prescription.valid_days = 4;
    expect_refused(c, "R6");
    c.prescription.valid_days = 0;
    expect_refused(c, "R6");
    c = fixture();
    c.prescription_used = true;
    expect_refused(c, "R6");
    c = fixture();
    for (uint32_t i = 0; i < 5; i++) fixture_line(&c, i, 1000, 1, 1000);
    expect_benefit(c, 4000);
    c.plan.drugs_max = 4;
    expect_refused(c, "R6");
    c.benefit = BENEFIT_TEST; /* a test has no prescription */
    expect_benefit(c, 4000);
}

static void test_the_first_rule_that_refuses_is_named(void **state)
{
    (void)state;
    struct claims_context c = fixture();
    c.items[0].prohibited = true;
    c.prescription_used = true;
    c.member.policy_known = false;
    expect_refused(c, "R3");
    c.member.policy_known = true;
    expect_refused(c, "R6");
    c.prescription_used = false;
    expect_refused(c, "R7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule_2_refuses_an_unknown_member),   cmocka_unit_test(test_rule_2_counts_age_at_inception),
        cmocka_unit_test(test_rule_3_wants_a_policy_at_service_time), cmocka_unit_test(test_rule_3_counts_days_in_the_city),
        cmocka_unit_test(test_rule_4_waits),                       cmocka_unit_test(test_rule_5_wants_contract_and_licence),
        cmocka_unit_test(test_rule_5_asks_for_the_pharmacist),     cmocka_unit_test(test_rule_6_counts_the_day_of_issue),
        cmocka_unit_test(test_rule_6_limits_validity_use_and_drugs), cmocka_unit_test(test_the_first_rule_that_refuses_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
