/* Rules 14 to 18 at both sides of each edge, and the sharing among lines. */
#include "fixture.h"

#include "scheduler/claims/rules.h"

static void test_rule_14_excess_is_the_members(void **state)
{
    (void)state;
    struct claims_context c = fixture();
    fixture_line(&c, 0, 1000, 3, 999);
    struct claim claim = decide(&c);
    assert_int_equal(claim.eligible_fen, 2997);
    assert_int_equal(claim.benefit_fen, 2398); /* 2397.6 */
    assert_int_equal(claim.member_fen, 602);
    assert_string_equal(claim.lines[0].rules, "R14,R17");
    fixture_line(&c, 0, 1000, 3, 1000);
    assert_string_equal(decide(&c).lines[0].rules, "R17");
    fixture_line(&c, 0, 0, 1, 1000); /* for nothing */
    expect_benefit(c, 0);
    fixture_line(&c, 0, 1000, 1, 0);
    expect_benefit(c, 0);
}

static void test_rule_15_pays_on_the_remainder(void **state)
{
    (void)state;
    struct claims_context c = fixture();
    fixture_line(&c, 0, 1000, 1, 900);
    c.other_coverage_fen = 100;
    struct claim claim = decide(&c);
    assert_int_equal(claim.benefit_fen, 640);
    assert_int_equal(claim.member_fen, 260);
    assert_int_equal(claim.other_coverage_fen, 100);
    c.other_coverage_fen = 899;
    expect_benefit(c, 1); /* 0.8 */
    c.other_coverage_fen = 900;
    expect_benefit(c, 0);
    c.other_coverage_fen = 950; /* more than eligible, less than charged */
    claim = decide(&c);
    assert_int_equal(claim.benefit_fen, 0);
    assert_int_equal(claim.member_fen, 50);
    c.other_coverage_fen = 1000;
    assert_int_equal(decide(&c).member_fen, 0);
    c.other_coverage_fen = 1001;
    expect_refused(c, "R15");
}

static void test_rule_16_per_claim_then_per_year(void **state)
{
    (void)state;
    struct claims_context c = fixture();
    struct claim claim;
    struct claims_outcome outcome;
    c.plan.deductible_claim_fen = 300;
    c.plan.deductible_year_fen = 5000;
    c.account.deductible_used_fen = 4900;
    claims_adjudicate(&c, &claim, &outcome);
    assert_int_equal(claim.deductible_fen, 400);
    assert_int_equal(outcome.deductible_claim_fen, 300);
    assert_int_equal(outcome.deductible_year_fen, 100);
    assert_int_equal(claim.benefit_fen, 480);
    c.account.deductible_used_fen = 5000; /* used up */
    claims_adjudicate(&c, &claim, &outcome);
    assert_int_equal(outcome.deductible_year_fen, 0);
    assert_int_equal(claim.benefit_fen, 560);
    c.account.deductible_used_fen = 6000; /* the plan was changed within the year */
    expect_benefit(c, 560);
    c.account.deductible_used_fen = 0;
    claims_adjudicate(&c, &claim, &outcome);
    assert_int_equal(outcome.deductible_year_fen, 700); /* no more than there is */
    assert_int_equal(claim.benefit_fen, 0);
    c.plan.deductible_claim_fen = 1001;
    claims_adjudicate(&c, &claim, &outcome);
    assert_int_equal(claim.deductible_fen, 1000);
    assert_int_equal(outcome.deductible_year_fen, 0);
}

static void test_rule_17_rounds_half_up_once(void **state)
{
    (void)state;
    static const struct {
        int64_t price_fen;
        uint32_t rate_bps;
        int64_t benefit_fen;
    } EDGES[] = {{1, 5000, 1}, {1, 4999, 0}, {3, 5000, 2}, {1, 8000, 1}, {2, 8000, 2}, {3, 8000, 2}, {4, 8000, 3}, {999, 10000, 999}, {999, 0, 0}, {10000000, 1, 1000}};
    for (size_t i = 0; i < COUNT_OF(EDGES); i++) {
        struct claims_context c = fixture();
        fixture_line(&c, 0, EDGES[i].price_fen, 1, EDGES[i].price_fen);
        c.plan.benefit[BENEFIT_MEDICINE].rate_bps = EDGES[i].rate_bps;
        expect_benefit(c, EDGES[i].benefit_fen);
    }
    struct claims_context c = fixture(); /* three lines of 0.8 fen: 2.4, not 3 */
    for (uint32_t i = 0; i < 3; i++) fixture_line(&c, i, 1, 1, 1);
    expect_benefit(c, 2);
    c.benefit = BENEFIT_CHECKUP;
    expect_benefit(c, 3);
}

static void test_rule_18_pays_a_part_at_the_edge(void **state)
{
    (void)state;
    struct claims_context c = fixture();
    c.plan.benefit[BENEFIT_MEDICINE].claim_cap_fen = 800;
    expect_benefit(c, 800);
    assert_string_equal(decide(&c).lines[0].rules, "R17");
    c.plan.benefit[BENEFIT_MEDICINE].claim_cap_fen = 799;
    expect_benefit(c, 799);
    assert_string_equal(decide(&c).lines[0].rules, "R17,R18");
    c.plan.benefit[BENEFIT_MEDICINE].claim_cap_fen = 0;
    c.plan.year_limit_fen = 10000;
    c.account.posted_fen = 9000;
    c.account.pending_fen = 200;
    expect_benefit(c, 800);
    c.account.pending_fen = 201;
    expect_benefit(c, 799);
    c.account.pending_fen = 1000;
    expect_benefit(c, 0);
    c.account.pending_fen = 1001;
    expect_benefit(c, 0);
    c.account.posted_fen = c.account.pending_fen = INT64_MAX;
    expect_benefit(c, 0);
}

static void test_rule_18_counts(void **state)
{
    (void)state;
    struct claims_context c = fixture();
    c.benefit = BENEFIT_CHECKUP;
    c.plan.benefit[BENEFIT_CHECKUP].count_max = 1;
    c.account.count[BENEFIT_MEDICINE] = 5;
    expect_benefit(c, 1000);
    c.account.count[BENEFIT_CHECKUP] = 1;
    expect_benefit(c, 0);
    assert_int_equal(decide(&c).member_fen, 1000);
    c.plan.benefit[BENEFIT_CHECKUP].count_max = 2;
    expect_benefit(c, 1000);
}

static void test_the_greatest_claim_does_not_overflow(void **state)
{
    (void)state;
    struct claims_context c = fixture();
    for (uint32_t i = 0; i < ORDER_LINES_MAX; i++) fixture_line(&c, i, 10000000, 999, 10000000);
    c.plan.year_limit_fen = INT64_MAX;
    c.plan.deductible_year_fen = INT64_MAX;
    c.account.deductible_used_fen = INT64_MAX;
    expect_benefit(c, INT64_C(39960000000));
    c.account.deductible_used_fen = 0;
    expect_benefit(c, 0);
}

static void expect_shares(int64_t total, const int64_t *weights, const int64_t *expected, uint32_t count)
{
    int64_t shares[ORDER_LINES_MAX];
    money_share(total, weights, count, shares);
    for (uint32_t i = 0; i < count; i++) assert_int_equal(shares[i], expected[i]);
}

static void test_shares_go_by_largest_remainder_ties_to_the_earlier(void **state)
{
    (void)state;
    expect_shares(2, (int64_t[]){1, 1, 1}, (int64_t[]){1, 1, 0}, 3);
    expect_shares(10, (int64_t[]){10, 20, 30}, (int64_t[]){2, 3, 5}, 3); /* 1.67 3.33 5 */
    expect_shares(0, (int64_t[]){0, 0}, (int64_t[]){0, 0}, 2);
    expect_shares(5, (int64_t[]){0, 7, 0}, (int64_t[]){0, 5, 0}, 3);
    expect_shares(7, (int64_t[]){3, 4}, (int64_t[]){3, 4}, 2);
    expect_shares(INT64_MAX / 8, (int64_t[]){INT64_MAX / 8, INT64_MAX / 8}, (int64_t[]){INT64_MAX / 16 + 1, INT64_MAX / 16}, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule_14_excess_is_the_members), cmocka_unit_test(test_rule_15_pays_on_the_remainder),
        cmocka_unit_test(test_rule_16_per_claim_then_per_year), cmocka_unit_test(test_rule_17_rounds_half_up_once),
        cmocka_unit_test(test_rule_18_pays_a_part_at_the_edge), cmocka_unit_test(test_rule_18_counts),
        cmocka_unit_test(test_the_greatest_claim_does_not_overflow),
        cmocka_unit_test(test_shares_go_by_largest_remainder_ties_to_the_earlier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
