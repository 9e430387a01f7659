/* Laws that every claim keeps, on random ones; and what a repeated key means. The amounts themselves have an independent oracle: tests/money. */
#include "fixture.h"

enum { CLAIMS = 50000, SEED = 20260101 };

static struct claims_context random_context(struct rng *rng)
{
    struct claims_context c = fixture();
    c.benefit = (enum benefit)(1 + rng_below(rng, 3));
    uint32_t lines = 1 + rng_below(rng, ORDER_LINES_MAX);
    for (uint32_t i = 0; i < lines; i++) {
        int64_t price_fen = rng_below(rng, rng_below(rng, 2) ? 50 : 30000);
        fixture_line(&c, i, price_fen, 1 + rng_below(rng, 12), rng_below(rng, 3) ? price_fen + 10 : price_fen * 9 / 10);
        c.items[i].covered = rng_below(rng, 6) > 0;
        c.items[i].approval_valid = rng_below(rng, 20) > 0;
        c.items[i].pack_supply_ddays = rng_below(rng, 40);
        c.items[i].prohibited = rng_below(rng, 60) == 0;
        c.items[i].sex = rng_below(rng, 8) ? 0 : 'M';
    }
    if (rng_below(rng, 4) == 0) c.other_coverage_fen = rng_below(rng, 20000);
    if (rng_below(rng, 3) == 0) c.plan.deductible_claim_fen = rng_below(rng, 900);
    if (rng_below(rng, 3) == 0) c.plan.deductible_year_fen = rng_below(rng, 5000);
    if (rng_below(rng, 3) == 0) c.plan.benefit[c.benefit].claim_cap_fen = 1 + rng_below(rng, 20000);
    c.plan.benefit[c.benefit].rate_bps = rng_below(rng, 10001);
    c.plan.year_limit_fen = rng_below(rng, 100000);
    c.account.posted_fen = rng_below(rng, 60000);
    c.account.pending_fen = rng_below(rng, 20000);
    c.account.count[c.benefit] = rng_below(rng, 3);
    c.plan.benefit[c.benefit].count_max = rng_below(rng, 4);
    return c;
}

static void expect_lawful(const struct claims_context *c, const struct claim *claim)
{
    int64_t submitted = 0, eligible = 0, benefit = 0, member = 0;
    for (uint32_t i = 0; i < claim->line_count; i++) {
        const struct claim_line *line = &claim->lines[i];
        assert_true(line->benefit_fen >= 0 && line->benefit_fen <= line->eligible_fen);
        assert_true(line->eligible_fen <= line->submitted_fen);
        assert_true(line->member_fen >= 0 && line->allowed_quantity <= line->quantity);
        submitted += line->submitted_fen;
        eligible += line->eligible_fen;
        benefit += line->benefit_fen;
        member += line->member_fen;
    }
    assert_int_equal(submitted, claim->submitted_fen);
    assert_int_equal(eligible, claim->eligible_fen);
    assert_int_equal(benefit, claim->benefit_fen);
    assert_int_equal(member, claim->member_fen);
    if (claim->state == CLAIM_REFUSED) {
        assert_int_equal(benefit + member + eligible, 0);
        return;
    }
    assert_int_equal(submitted, benefit + member + claim->other_coverage_fen);
    int64_t cap = c->plan.benefit[c->benefit].claim_cap_fen, left = c->plan.year_limit_fen - c->account.posted_fen - c->account.pending_fen;
    if (cap) assert_true(benefit <= cap);
    assert_true(benefit == 0 || benefit <= left);
    assert_true(benefit <= eligible - claim->deductible_fen);
}

/* Give every line back in random pieces: what comes back is what was given, to the fen. */
static void expect_full_return_exact(struct rng *rng, struct claim *claim)
{
    for (uint32_t i = 0; i < claim->line_count; i++) {
        struct claim_line *line = &claim->lines[i];
        int64_t member_back = 0;
        struct claims_reversal back;
        while (line->reversed_quantity < line->quantity) {
            assert_true(claims_reverse_line(claim, i, 1 + rng_below(rng, line->quantity - line->reversed_quantity), &back));
            assert_true(back.benefit_fen >= 0 && back.member_fen >= 0);
            line->reversed_fen += back.benefit_fen;
            member_back += back.member_fen;
            line->reversed_quantity = back.quantity_after;
            assert_true(line->reversed_fen <= line->benefit_fen);
        }
        assert_int_equal(line->reversed_fen, line->benefit_fen);
        assert_int_equal(member_back, line->member_fen);
        assert_false(claims_reverse_line(claim, i, 1, &back));
    }
}

static void test_random_claims_keep_the_laws(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, SEED);
    uint32_t paid = 0, refused = 0;
    for (uint32_t n = 0; n < CLAIMS; n++) {
        struct claims_context c = random_context(&rng);
        struct claim claim = decide(&c), again = decide(&c);
        assert_memory_equal(&claim, &again, sizeof claim);
        expect_lawful(&c, &claim);
        paid += claim.benefit_fen > 0;
        refused += claim.state == CLAIM_REFUSED;
        if (claim.state == CLAIM_HELD) expect_full_return_exact(&rng, &claim);
    }
    assert_true(paid > CLAIMS / 10); /* the mix is a mix */
    assert_true(refused > CLAIMS / 100);
}

static void test_order_of_claims_never_overpays_the_year(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, SEED + 1);
    for (uint32_t n = 0; n < 500; n++) {
        struct claims_account_state account = {0};
        int64_t limit_fen = 1 + rng_below(&rng, 50000);
        for (uint32_t k = 0; k < 60; k++) {
            struct claims_context c = fixture();
            c.plan.year_limit_fen = limit_fen;
            c.account = account;
            fixture_line(&c, 0, rng_below(&rng, 5000), 1, 5000);
            account.pending_fen += decide(&c).benefit_fen;
            assert_true(account.pending_fen <= limit_fen);
        }
        assert_int_equal(account.pending_fen, limit_fen); /* 60 claims of 20 yuan on average reach every limit up to 500 yuan to the fen */
    }
}

static void test_a_repeated_key_means_the_same_or_a_conflict(void **state)
{
    (void)state;
    assert_int_equal(claims_repeat(false, 0, 1), CLAIMS_REPEAT_NEW);
    assert_int_equal(claims_repeat(true, 1, 1), CLAIMS_REPEAT_SAME);
    assert_int_equal(claims_repeat(true, 1, 2), CLAIMS_REPEAT_CONFLICT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_claims_keep_the_laws),
        cmocka_unit_test(test_order_of_claims_never_overpays_the_year),
        cmocka_unit_test(test_a_repeated_key_means_the_same_or_a_conflict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
