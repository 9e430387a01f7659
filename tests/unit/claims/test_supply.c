/* Rules 11 and 12 at both sides of each edge. */
#include "fixture.h"

/* Ten packs of a product that last 20 days in all, asked for again; rules 11 and 12 on. */
static struct claims_context refill(void)
{
    struct claims_context c = fixture();
    fixture_line(&c, 0, 100, 10, 100);
    c.items[0].pack_supply_ddays = 20;
    c.plan.supply_days = 20;
    c.plan.refill_bps = 7500;
    c.plan.duplicate_stops = true;
    text_format(c.items[0].atc, sizeof c.items[0].atc, "C08CA01");
    return c;
}

static void had(struct claims_context *c, const char *code, const char *atc, int32_t days_ago, uint32_t ddays)
{
    struct claims_supply *to = &c->history[c->history_count++];
    *to = (struct claims_supply){.day = FIXTURE_DAY - days_ago, .supply_ddays = ddays};
    text_format(to->code, sizeof to->code, "%s", code);
    text_format(to->atc, sizeof to->atc, "%s", atc);
}

static void expect(const struct claims_context *c, const char *rule)
{
    struct claim claim = decide(c);
    assert_string_equal(claim.refusal_rule, rule);
    assert_int_equal(claim.state, rule[0] ? CLAIM_REFUSED : CLAIM_HELD);
}

static void test_rule_11_wants_three_quarters_used(void **state)
{
    (void)state;
    for (int32_t ago = 0; ago < 30; ago++) {
        struct claims_context c = refill();
        had(&c, "P1", "C08CA01", ago, 200);
        expect(&c, ago < 15 ? "R11" : ""); /* 15 of 20 days are 75 % */
    }
    struct claims_context c = refill();
    had(&c, "P1", "C08CA01", 14, 200);
    c.plan.refill_bps = 7000;
    expect(&c, "");
    c.plan.refill_bps = 7001;
    expect(&c, "R11");
    c.plan.refill_bps = 0;
    expect(&c, "");
}

static void test_rule_11_stacks_supplies(void **state)
{
    (void)state;
    struct claims_context c = refill();
    had(&c, "P1", "C08CA01", 30, 200);
    had(&c, "P1", "C08CA01", 11, 200); /* came a day before the first was used up: 40 days from 30 days ago; 30 used are 75 % */
    expect(&c, "");
    c.history[0].day++;
    expect(&c, "R11"); /* 29 of 40 */
    c.history[0].day = FIXTURE_DAY - 31; /* used up when the second came: 11 of 20 */
    expect(&c, "R11");
    c.history[1].day = FIXTURE_DAY - 15;
    c.history[0].day = FIXTURE_DAY - 36;
    expect(&c, "");
}

static void test_rule_11_knows_only_what_it_is_about(void **state)
{
    (void)state;
    struct claims_context c = refill();
    had(&c, "P2", "N02BE01", 1, 200);
    expect(&c, ""); /* another product */
    had(&c, "P1", "C08CA01", 1, 0);
    expect(&c, ""); /* nobody knows how long it lasts */
    c.history[1].supply_ddays = 200;
    expect(&c, "R11");
    c.items[0].covered = false;
    expect(&c, ""); /* the member pays it whole */
    c.items[0].covered = true;
    c.history[1].day = FIXTURE_DAY + 19;
    expect(&c, "R11"); /* lies within the new supply */
    c.history[1].day = FIXTURE_DAY + 20;
    expect(&c, "");
}

static void test_rule_11_sees_the_same_product_twice(void **state)
{
    (void)state;
    struct claims_context c = refill();
    fixture_line(&c, 1, 100, 10, 100);
    c.items[1] = c.items[0];
    text_format(c.lines[1].product, sizeof c.lines[1].product, "P1");
    expect(&c, "R11");
    assert_string_equal(decide(&c).lines[1].rules, "R11");
}

static void test_an_override_lifts_rule_11_and_is_noted(void **state)
{
    (void)state;
    struct claims_context c = refill();
    struct claim claim;
    struct claims_outcome outcome;
    had(&c, "P1", "C08CA01", 3, 200);
    text_format(c.lines[0].override_code, sizeof c.lines[0].override_code, "COMBINE");
    expect(&c, "R11"); /* another rule's */
    text_format(c.lines[0].override_code, sizeof c.lines[0].override_code, "COMBINE+TRAVEL");
    claims_adjudicate(&c, &claim, &outcome);
    assert_int_equal(claim.state, CLAIM_HELD);
    assert_string_equal(claim.lines[0].rules, "R11,R17");
    assert_int_equal(outcome.override_count, 1);
    assert_int_equal(outcome.overrides[0].rule, 11);
    c.history_count = 0;
    claims_adjudicate(&c, &claim, &outcome);
    assert_int_equal(outcome.override_count, 0); /* not needed, not used */
    assert_string_equal(claim.lines[0].rules, "R17");
}

static void test_rule_12_stops_the_same_therapy(void **state)
{
    (void)state;
    for (int32_t ago = -25; ago < 25; ago++) {
        struct claims_context c = refill();
        had(&c, "P2", "C08CA05", ago, 100);
        expect(&c, ago < 10 && ago > -20 ? "R12" : ""); /* it lasts 10 days; the new one 20 */
    }
    struct claims_context c = refill();
    had(&c, "P2", "C08CB05", 1, 100);
    expect(&c, ""); /* another level 4 */
    text_format(c.history[0].atc, sizeof c.history[0].atc, "C08C");
    expect(&c, ""); /* no level 4 at all */
    text_format(c.history[0].atc, sizeof c.history[0].atc, "C08CA");
    expect(&c, "R12");
    c.plan.duplicate_stops = false;
    expect(&c, "");
}

static void test_rule_12_stacks_the_other_product(void **state)
{
    (void)state;
    struct claims_context c = refill();
    had(&c, "P2", "C08CA05", 18, 100);
    had(&c, "P2", "C08CA05", 9, 100); /* the two together last until 2 days from now */
    expect(&c, "R12");
    c.history[0].day = FIXTURE_DAY - 40;
    c.history[1].day = FIXTURE_DAY - 10;
    expect(&c, "");
}

static void test_rule_12_within_an_order_and_its_override(void **state)
{
    (void)state;
    struct claims_context c = refill();
    fixture_line(&c, 1, 100, 10, 100);
    text_format(c.items[1].atc, sizeof c.items[1].atc, "C08CA05");
    expect(&c, "R12");
    assert_string_equal(decide(&c).lines[1].rules, "R12");
    assert_string_equal(decide(&c).lines[0].rules, "");
    text_format(c.lines[1].override_code, sizeof c.lines[1].override_code, "SWITCH");
    expect(&c, "");
    assert_string_equal(decide(&c).lines[1].rules, "R12,R17");
    c.lines[1].override_code[0] = '\0';
    c.items[0].covered = false; /* the other line is the member's own */
    expect(&c, "");
}

static void test_supply_is_what_was_allowed(void **state)
{
    (void)state;
    struct claims_context c = refill();
    struct claim claim;
    struct claims_outcome outcome;
    claims_adjudicate(&c, &claim, &outcome);
    assert_int_equal(outcome.supply_ddays[0], 200);
    c.plan.supply_days = 7; /* 3 packs of 2 days */
    claims_adjudicate(&c, &claim, &outcome);
    assert_int_equal(outcome.supply_ddays[0], 60);
    c.lines[0].days_supply = 14; /* 10 packs in 14 days: 5 packs are 7 days */
    claims_adjudicate(&c, &claim, &outcome);
    assert_int_equal(outcome.supply_ddays[0], 70);
    c.items[0].covered = false;
    claims_adjudicate(&c, &claim, &outcome);
    assert_int_equal(outcome.supply_ddays[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule_11_wants_three_quarters_used),     cmocka_unit_test(test_rule_11_stacks_supplies),
        cmocka_unit_test(test_rule_11_knows_only_what_it_is_about),   cmocka_unit_test(test_rule_11_sees_the_same_product_twice),
        cmocka_unit_test(test_an_override_lifts_rule_11_and_is_noted), cmocka_unit_test(test_rule_12_stops_the_same_therapy),
        cmocka_unit_test(test_rule_12_stacks_the_other_product),      cmocka_unit_test(test_rule_12_within_an_order_and_its_override),
        cmocka_unit_test(test_supply_is_what_was_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
