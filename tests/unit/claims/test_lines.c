/* Rules 7 to 13 at both sides of each edge. */
#include "fixture.h"

static void test_rule_7_refuses_and_alerts(void **state)
{
    (void)state;
    for (int what = 0; what < 3; what++) {
        struct claims_context c = fixture();
        fixture_line(&c, 1, 500, 1, 500);
        c.items[1].prohibited = what == 0;
        c.items[1].controlled = what == 1;
        c.items[1].injection = what == 2;
        expect_refused(c, "R7");
        struct claim claim;
        struct claims_outcome outcome;
        claims_adjudicate(&c, &claim, &outcome);
        assert_true(outcome.alert);
        assert_false(outcome.needs_approval);
        assert_string_equal(claim.lines[0].rules, "");
        assert_string_equal(claim.lines[1].rules, "R7");
        c.items[1] = c.items[0];
        claims_adjudicate(&c, &claim, &outcome);
        assert_false(outcome.alert);
    }
}

static void test_rule_7_lets_insulin_pass(void **state)
{
    (void)state;
    struct claims_context c = fixture();
    c.items[0].injection = c.items[0].hypoglycaemic = true;
    expect_benefit(c, 800);
    c.items[0].hypoglycaemic = false;
    expect_refused(c, "R7");
    c.items[0].injection = false;
    c.items[0].hypoglycaemic = c.items[0].prohibited = true; /* the list knows no exception */
    expect_refused(c, "R7");
}

static void test_rule_8_leaves_the_line_to_the_member(void **state)
{
    (void)state;
    struct claims_context c = fixture();
    fixture_line(&c, 1, 500, 2, 500);
    c.items[1].covered = false;
    struct claim claim = decide(&c);
    assert_int_equal(claim.benefit_fen, 800);
    assert_int_equal(claim.member_fen, 200 + 1000);
    assert_int_equal(claim.lines[1].eligible_fen, 0);
    assert_int_equal(claim.lines[1].allowed_quantity, 0);
    assert_int_equal(claim.lines[1].quantity, 2);
    assert_int_equal(claim.lines[1].member_fen, 1000);
    assert_string_equal(claim.lines[1].rules, "R8");
    c.items[1].covered = true;
    expect_benefit(c, 1600);
    c.items[1].approval_valid = false;
    expect_benefit(c, 800);
    c.plan.ineligible_refuses = true;
    expect_refused(c, "R8");
}

static void test_rule_8_refuses_a_code_nobody_knows(void **state)
{
    (void)state;
    struct claims_context c = fixture();
    c.items[0] = (struct claims_item){0};
    expect_refused(c, "R8");
}

static void test_rule_9_age_and_sex(void **state)
{
    (void)state;
    struct claims_context c = fixture();
    c.service_ms = c.prescription.issued_ms = noon_ms(day_of("2026-02-28"));
    c.member.birth_day = day_of("2008-03-01"); /* 17, 18 tomorrow */
    c.items[0].min_age_years = 18;
    expect_benefit(c, 0);
    c.service_ms = c.prescription.issued_ms = noon_ms(day_of("2026-03-01"));
    expect_benefit(c, 800);
    c.items[0].max_age_years = 18;
    expect_benefit(c, 800);
    c.items[0].min_age_years = 0;
    c.items[0].max_age_years = 17;
    expect_benefit(c, 0);
    c.items[0].max_age_years = 0;
    c.items[0].sex = 'F';
    expect_benefit(c, 800);
    c.items[0].sex = 'M';
    expect_benefit(c, 0);
    assert_string_equal(decide(&c).lines[0].rules, "R9");
    c.plan.ineligible_refuses = true;
    expect_refused(c, "R9");
}

static void test_rule_9_indication(void **state)
{
    (void)state;
    struct claims_context c = fixture();
    text_format(c.items[0].indications, sizeof c.items[0].indications, "J09;J10;J11");
    expect_benefit(c, 0); /* no diagnosis */
    text_format(c.prescription.diagnosis, sizeof c.prescription.diagnosis, "J10.1");
    expect_benefit(c, 800);
    text_format(c.prescription.diagnosis, sizeof c.prescription.diagnosis, "J11");
    expect_benefit(c, 800);
    text_format(c.prescription.diagnosis, sizeof c.prescription.diagnosis, "J1"); /* shorter than the prefix */
    expect_benefit(c, 0);
    text_format(c.prescription.diagnosis, sizeof c.prescription.diagnosis, "K10");
    expect_benefit(c, 0);
}

/* ten packs of two days each */
static struct claims_context supply(void)
{
    struct claims_context c = fixture();
    fixture_line(&c, 0, 100, 10, 100);
    c.items[0].pack_supply_ddays = 20;
    return c;
}

static void expect_allowed(const struct claims_context *c, uint32_t packs)
{
    struct claim claim = decide(c);
    assert_int_equal(claim.lines[0].allowed_quantity, packs);
    assert_int_equal(claim.lines[0].quantity, c->lines[0].quantity);
    assert_int_equal(claim.lines[0].submitted_fen, 100 * c->lines[0].quantity);
    assert_int_equal(claim.eligible_fen, 100 * packs);
    assert_string_equal(claim.lines[0].rules, packs == c->lines[0].quantity ? "R17" : "R10,R17");
}

static void test_rule_10_cuts_to_days_supply(void **state)
{
    (void)state;
    struct claims_context c = supply();
    expect_allowed(&c, 3); /* 6 days; 8 would be over 7 */
    c.plan.supply_days = 8;
    expect_allowed(&c, 4);
    c.prescription.emergency = true;
    expect_allowed(&c, 1);
    c.plan.supply_emergency_days = 4;
    expect_allowed(&c, 2);
    c.prescription.emergency = false;
    c.prescription.chronic = true;
    expect_allowed(&c, 4); /* the medicine is not for a chronic disease */
    c.items[0].chronic = true;
    c.lines[0].quantity = 40;
    expect_allowed(&c, 14);
    text_format(c.lines[0].override_code, sizeof c.lines[0].override_code, "LONG");
    expect_allowed(&c, 40);
    c.lines[0].quantity = 43;
    expect_allowed(&c, 42); /* 84 days */
}

static void test_rule_10_takes_the_lines_own_days(void **state)
{
    (void)state;
    struct claims_context c = supply();
    c.lines[0].days_supply = 7;
    expect_allowed(&c, 10);
    c.lines[0].days_supply = 8; /* 10 packs in 8 days: 8 packs last 6.4 */
    expect_allowed(&c, 8);
    c.lines[0].days_supply = 84;
    expect_allowed(&c, 1); /* one pack is always allowed */
    c.items[0].pack_supply_ddays = 0;
    c.lines[0].days_supply = 0;
    expect_allowed(&c, 10); /* nothing is known: only the quantity limit counts */
}

static void test_rule_10_limits_quantity_or_refuses(void **state)
{
    (void)state;
    struct claims_context c = supply();
    c.items[0].pack_supply_ddays = 1;
    c.items[0].quantity_max = 10;
    expect_allowed(&c, 10);
    c.items[0].quantity_max = 9;
    expect_allowed(&c, 9);
    c.plan.supply_excess_refuses = true;
    expect_refused(c, "R10");
    c.items[0].quantity_max = 10;
    expect_benefit(c, 800);
}

static void test_rule_13_wants_its_interval(void **state)
{
    (void)state;
    struct claims_context c = fixture();
    c.benefit = BENEFIT_TEST;
    c.items[0].repeat_days = 15;
    expect_benefit(c, 800); /* never taken */
    c.items[0].taken_before = true;
    c.items[0].last_day = FIXTURE_DAY - 15;
    expect_benefit(c, 800);
    c.items[0].last_day = FIXTURE_DAY - 14;
    expect_refused(c, "R13");
    assert_string_equal(decide(&c).lines[0].rules, "R13");
    c.items[0].repeat_days = 0;
    c.items[0].last_day = FIXTURE_DAY;
    expect_benefit(c, 800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule_7_refuses_and_alerts),       cmocka_unit_test(test_rule_7_lets_insulin_pass),
        cmocka_unit_test(test_rule_8_leaves_the_line_to_the_member), cmocka_unit_test(test_rule_8_refuses_a_code_nobody_knows),
        cmocka_unit_test(test_rule_9_age_and_sex),              cmocka_unit_test(test_rule_9_indication),
        cmocka_unit_test(test_rule_10_cuts_to_days_supply),     cmocka_unit_test(test_rule_10_takes_the_lines_own_days),
        cmocka_unit_test(test_rule_10_limits_quantity_or_refuses), cmocka_unit_test(test_rule_13_wants_its_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
