/* What a claim was decided on survives its bytes, and nothing else is taken for it. */
#include "fixture.h"

static struct claims_context rich(void)
{
    struct claims_context c = fixture();
    fixture_line(&c, 1, 333, 7, 300);
    c.items[1].pack_supply_ddays = 20;
    c.account = (struct claims_account_state){.posted_fen = 123456, .pending_fen = 99, .deductible_used_fen = 5, .count = {0, 3, 2, 1}};
    c.plan.refill_bps = 7500;
    c.plan.duplicate_stops = true;
    c.plan.deductible_year_fen = 500;
    c.other_coverage_fen = 40;
    c.member.birth_day = -1400; /* before 1970 */
    c.history_count = 2;
    c.history[0] = (struct claims_supply){.code = "P1", .atc = "C08CA01", .day = FIXTURE_DAY - 90, .supply_ddays = 280};
    c.history[1] = (struct claims_supply){.code = "P9", .atc = "", .day = FIXTURE_DAY - 2, .supply_ddays = 0};
    return c;
}

static void decision(const struct claims_context *c, struct buffer *out)
{
    struct claim claim;
    struct claims_outcome outcome;
    claims_adjudicate(c, &claim, &outcome);
    claims_decision_encode(&claim, out);
}

static void test_a_claim_is_decided_again_to_the_byte(void **state)
{
    (void)state;
    struct claims_context c = rich(), back;
    struct buffer basis, again, first, second;
    buffer_init(&basis, 1 << 16);
    buffer_init(&again, 1 << 16);
    buffer_init(&first, 1 << 16);
    buffer_init(&second, 1 << 16);
    claims_basis_encode(&c, &basis);
    assert_true(claims_basis_decode(basis.data, basis.size, &back));
    claims_basis_encode(&back, &again);
    assert_int_equal(basis.size, again.size);
    assert_memory_equal(basis.data, again.data, basis.size);
    decision(&c, &first);
    decision(&back, &second);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    back.account.posted_fen = back.plan.year_limit_fen; /* the comparison sees a fen */
    buffer_clear(&second);
    decision(&back, &second);
    assert_false(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    buffer_deinit(&basis);
    buffer_deinit(&again);
    buffer_deinit(&first);
    buffer_deinit(&second);
}

static void test_cut_or_changed_bytes_are_refused_or_canonical(void **state)
{
    (void)state;
    struct claims_context c = rich(), back;
    struct buffer basis, again;
    buffer_init(&basis, 1 << 16);
    buffer_init(&again, 1 << 16);
    claims_basis_encode(&c, &basis);
    for (size_t size = 0; size < basis.size; size++) assert_false(claims_basis_decode(basis.data, size, &back));
    for (size_t at = 0; at < basis.size; at++)
        for (int bit = 0; bit < 8; bit++) {
            basis.data[at] ^= (uint8_t)(1 << bit);
            if (claims_basis_decode(basis.data, basis.size, &back)) {
                buffer_clear(&again);
                claims_basis_encode(&back, &again);
                assert_int_equal(again.size, basis.size);
                assert_memory_equal(again.data, basis.data, basis.size);
            }
            basis.data[at] ^= (uint8_t)(1 << bit);
        }
    buffer_u8(&basis, 0);
    assert_false(claims_basis_decode(basis.data, basis.size, &back));
    buffer_deinit(&basis);
    buffer_deinit(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_claim_is_decided_again_to_the_byte),
        cmocka_unit_test(test_cut_or_changed_bytes_are_refused_or_canonical),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
