/* The return formula, by hand. */
#include "fixture.h"

static struct claim one_line(int64_t benefit_fen, int64_t member_fen, uint32_t quantity)
{
    struct claim claim = {.line_count = 1, .benefit_fen = benefit_fen, .member_fen = member_fen};
    claim.lines[0] = (struct claim_line){.quantity = quantity, .allowed_quantity = quantity, .benefit_fen = benefit_fen, .member_fen = member_fen};
    return claim;
}

static void test_reverse_line_rounds_half_up_of_what_is_returned_so_far(void **state)
{
    (void)state;
    struct claim claim = one_line(100, 25, 3); /* 33, 67, 100; 8, 17, 25 */
    static const int64_t BENEFIT[] = {33, 34, 33}, MEMBER[] = {8, 9, 8};
    for (uint32_t i = 0; i < 3; i++) {
        struct claims_reversal back;
        assert_true(claims_reverse_line(&claim, 0, 1, &back));
        assert_int_equal(back.benefit_fen, BENEFIT[i]);
        assert_int_equal(back.member_fen, MEMBER[i]);
        assert_int_equal(back.quantity_after, i + 1);
        claim.lines[0].reversed_fen += back.benefit_fen;
        claim.lines[0].reversed_quantity = back.quantity_after;
    }
}

static void test_reverse_line_refuses_nothing_and_too_much(void **state)
{
    (void)state;
    struct claim claim = one_line(100, 25, 3);
    struct claims_reversal back;
    assert_false(claims_reverse_line(&claim, 0, 0, &back));
    assert_false(claims_reverse_line(&claim, 0, 4, &back));
    assert_false(claims_reverse_line(&claim, 0, UINT32_MAX, &back));
    assert_true(claims_reverse_line(&claim, 0, 3, &back));
    assert_int_equal(back.benefit_fen, 100);
    claim.lines[0].reversed_quantity = 2;
    claim.lines[0].reversed_fen = 67;
    assert_false(claims_reverse_line(&claim, 0, 2, &back));
    assert_true(claims_reverse_line(&claim, 0, 1, &back));
}

static void test_reverse_line_does_not_overflow(void **state)
{
    (void)state;
    struct claim claim = one_line(INT64_MAX, INT64_MAX, 999);
    struct claims_reversal back;
    assert_true(claims_reverse_line(&claim, 0, 999, &back));
    assert_int_equal(back.benefit_fen, INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reverse_line_rounds_half_up_of_what_is_returned_so_far),
        cmocka_unit_test(test_reverse_line_refuses_nothing_and_too_much),
        cmocka_unit_test(test_reverse_line_does_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
