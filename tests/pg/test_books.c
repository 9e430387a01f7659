/* The books as a whole: hold, post and return sum to zero; days close in order; settlement's entries balance. */
#include "pg_fixture.h"

#include <stdio.h>
#include <string.h>

static struct store *app, *settlement;
static PGconn *raw;
enum { DAY = 20522 }; /* 2026-03-10, the day of FIXTURE_NOW_MS */

static int setup(void **state)
{
    (void)state;
    app = fixture_open(STORE_ROLE_APP);
    settlement = fixture_open(STORE_ROLE_SETTLEMENT);
    raw = fixture_raw(NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_close(app);
    store_close(settlement);
    PQfinish(raw);
    return 0;
}

static void deliver(uint32_t city, uint64_t seq, const struct order *order)
{
    uint64_t epoch = 0;
    struct fact fact = fixture_fact(city, seq, FACT_ORDER_DELIVERED, order, ORDER_DELIVERED, 9);
    assert_ok(store_city_lead(app, (struct city_id){city}, "books", 5000, &epoch, err));
    assert_ok(store_facts_write(app, (struct city_id){city}, epoch, &fact, 1, err));
}

/* Returned piece by piece, in any pieces, a claim leaves every account at zero, and C and SQL agree on each piece. */
static void test_hold_post_reverse_sums_to_zero(void **state)
{
    (void)state;
    fixture_city(app, 1, 2, 1000000);
    struct rng rng;
    rng_init(&rng, 7);
    for (uint32_t round = 0; round < 20; round++) {
        char key[24];
        text_format(key, sizeof key, "zero%u", round);
        struct submission s = fixture_prescription(1, round % 2, key, "AMLO", 1 + rng_below(&rng, 20), 1 + rng_below(&rng, 1500));
        s.line_count = 2;
        s.lines[1] = s.lines[0];
        (void)text_copy(s.lines[1].product, sizeof s.lines[1].product, "CEFA");
        s.lines[1].quantity = 1 + rng_below(&rng, 9);
        struct intake_result r = fixture_intake(app, &s);
        assert_int_equal(r.claim.state, CLAIM_HELD);
        deliver(1, round + 1, &r.order);
        struct claim claim;
        assert_ok(store_claim_read(app, s.city, r.claim.id, &claim, err));
        int64_t back_fen = 0;
        for (uint32_t line = 0; line < 2; line++)
            while (claim.lines[line].reversed_quantity < claim.lines[line].quantity) {
                uint32_t left = claim.lines[line].quantity - claim.lines[line].reversed_quantity, piece = 1 + rng_below(&rng, left);
                struct claims_reversal expected;
                assert_true(claims_reverse_line(&claim, line, piece, &expected));
                struct reversal_request request = {.city = {1}, .claim = claim.id, .line = line + 1, .quantity = piece, .source = "test:1", .actor = "pharmacy:1",
                                                   .reason = "returned", .at_ms = FIXTURE_NOW_MS};
                text_format(request.key, sizeof request.key, "%s/%u/%u", key, line, left);
                struct reversal_answer answer, again;
                assert_ok(store_claim_reverse(app, &request, &answer, err));
                assert_ok(store_claim_reverse(app, &request, &again, err));
                assert_true(again.repeated);
                assert_int_equal(answer.benefit_fen, expected.benefit_fen);
                assert_int_equal(answer.member_fen, expected.member_fen);
                assert_int_equal(again.benefit_fen, answer.benefit_fen);
                back_fen += answer.benefit_fen;
                assert_ok(store_claim_read(app, s.city, r.claim.id, &claim, err));
            }
        assert_int_equal(back_fen, r.claim.benefit_fen);
        assert_int_equal(claim.state, CLAIM_REVERSED);
    }
    struct trial_row trial[32];
    size_t count = 0;
    assert_ok(store_trial_balance(app, (struct city_id){1}, INT32_MAX, INT64_MAX, trial, COUNT_OF(trial), &count, err));
    assert_true(count >= 5);
    int64_t turnover = 0;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(trial[i].debit_fen, trial[i].credit_fen);
        turnover += trial[i].debit_fen;
    }
    assert_true(turnover > 0);
    assert_int_equal(raw_number(raw, "SELECT sum(posted_fen + pending_fen) FROM member_year WHERE city_id = 1"), 0);
    assert_books_sound(app, 1);
}

static void test_days_close_in_order_and_chain(void **state)
{
    (void)state;
    fixture_city(app, 2, 3, 1000000);
    struct city_id city = {2};
    struct submission s = fixture_prescription(2, 0, "day one", "AMLO", 1, 1000);
    struct intake_result a = fixture_intake(app, &s);
    uint32_t closed = 0;
    int32_t through = 0;
    assert_ok(store_day_close(settlement, city, DAY, "night", &closed, err));
    assert_int_equal(closed, 1);
    assert_ok(store_day_close(settlement, city, DAY, "night", &closed, err));
    assert_int_equal(closed, 0);
    deliver(2, 1, &a.order); /* of the closed day: goes to the next */
    assert_ok(store_day_close(settlement, city, DAY + 3, "night", &closed, err));
    assert_int_equal(closed, 3);
    assert_ok(store_day_closed_through(settlement, city, &through, err));
    assert_int_equal(through, DAY + 3);
    assert_int_equal(raw_number(raw, "SELECT count(*) FROM ledger_block WHERE city_id = 2"), 4);
    assert_int_equal(raw_number(raw, "SELECT entry_count FROM ledger_block WHERE city_id = 2 AND business_day = '2026-03-11'"), 2);
    struct trial_row trial[32];
    size_t count = 0;
    assert_ok(store_trial_balance(settlement, city, DAY, INT64_MAX, trial, COUNT_OF(trial), &count, err));
    for (size_t i = 0; i < count; i++)
        if (trial[i].account == CLAIMS_ACCOUNT_BENEFIT_HELD) assert_int_equal(trial[i].credit_fen - trial[i].debit_fen, 800);
    assert_status(STATUS_PERMISSION_DENIED, store_day_close(app, city, DAY + 9, "app", NULL, err));
    assert_status(STATUS_INVALID_ARGUMENT, store_day_close(settlement, city, 0, "night", NULL, err));
    assert_books_sound(settlement, 2);
}

/* The cut-off shifts the business day: at 23:30 with a cut-off at 22:00 it is tomorrow's. */
static void test_cut_off_moves_the_evening_to_the_next_day(void **state)
{
    (void)state;
    fixture_city(app, 3, 1, 1000000);
    raw_ok(raw, "UPDATE city_book SET cut_off_s = 79200 WHERE city_id = 3");
    struct submission s = fixture_prescription(3, 0, "evening", "AMLO", 1, 1000);
    s.order.accepted_ms = FIXTURE_NOW_MS + 27000000; /* 23:30 */
    (void)fixture_intake(app, &s);
    s = fixture_prescription(3, 0, "afternoon", "AMLO", 1, 1000);
    (void)fixture_intake(app, &s);
    assert_int_equal(raw_number(raw, "SELECT count(*) FROM ledger WHERE city_id = 3 AND business_day = '2026-03-11'"), 1);
    assert_int_equal(raw_number(raw, "SELECT count(*) FROM ledger WHERE city_id = 3 AND business_day = '2026-03-10'"), 1);
}

static void test_settlement_entries_clear_the_payable(void **state)
{
    (void)state;
    PGconn *settle = fixture_raw("meddispatch_settlement");
    raw_ok(settle, "SELECT settlement_post(2, '{1773129600000,1773129600000}', '{10,12}', '{PH1,PH1}', '{700,100}', '{pay/1,recover/1}')");
    assert_int_equal(raw_number(settle, "SELECT settlement_post(2, '{1773129600000}', '{10}', '{PH1}', '{700}', '{pay/1}')"), 0);
    struct trial_row trial[32];
    size_t count = 0;
    assert_ok(store_trial_balance(settlement, (struct city_id){2}, INT32_MAX, INT64_MAX, trial, COUNT_OF(trial), &count, err));
    int64_t debit = 0, credit = 0;
    for (size_t i = 0; i < count; i++) {
        debit += trial[i].debit_fen;
        credit += trial[i].credit_fen;
        if (trial[i].account == CLAIMS_ACCOUNT_PAYABLE) assert_int_equal(trial[i].debit_fen, trial[i].credit_fen);
        if (trial[i].account == CLAIMS_ACCOUNT_BANK) assert_int_equal(trial[i].credit_fen, 700);
    }
    assert_int_equal(debit, credit);
    PQfinish(settle);
    assert_books_sound(settlement, 2);
}

static void test_forgotten_holds_expire_once(void **state)
{
    (void)state;
    fixture_city(app, 7, 4, 1000000);
    struct city_id city = {7};
    struct intake_result r[3];
    for (uint32_t i = 0; i < 3; i++) {
        char key[16];
        text_format(key, sizeof key, "forgot%u", i);
        struct submission s = fixture_prescription(7, i, key, "AMLO", 1, 1000);
        s.order.accepted_ms = FIXTURE_NOW_MS + i;
        r[i] = fixture_intake(app, &s);
        assert_int_equal(r[i].claim.state, CLAIM_HELD);
    }
    deliver(7, 1, &r[0].order);
    uint32_t expired = 9;
    int64_t at_ms = FIXTURE_NOW_MS + 100 * 3600000;
    assert_ok(store_holds_expire(settlement, city, FIXTURE_NOW_MS + 1, at_ms, &expired, err));
    assert_int_equal(expired, 0); /* 0 is delivered, 1 was opened at that very moment */
    assert_ok(store_holds_expire(settlement, city, FIXTURE_NOW_MS + 2, at_ms, &expired, err));
    assert_int_equal(expired, 1);
    assert_ok(store_holds_expire(settlement, city, FIXTURE_NOW_MS + 2, at_ms, &expired, err));
    assert_int_equal(expired, 0);
    struct claim claim;
    assert_ok(store_claim_read(app, city, r[1].claim.id, &claim, err));
    assert_int_equal(claim.state, CLAIM_VOIDED);
    assert_int_equal(raw_number(raw, "SELECT sum(pending_fen) FROM member_year WHERE city_id = 7"), 800);
    assert_int_equal(raw_number(raw, "SELECT sum(posted_fen) FROM member_year WHERE city_id = 7"), 800);
    deliver(7, 2, &r[1].order); /* too late: nothing is posted for it, and nothing breaks */
    assert_ok(store_claim_read(app, city, r[1].claim.id, &claim, err));
    assert_int_equal(claim.state, CLAIM_VOIDED);
    assert_status(STATUS_PERMISSION_DENIED, store_holds_expire(app, city, FIXTURE_NOW_MS, at_ms, &expired, err));
    assert_status(STATUS_FAILED_PRECONDITION, store_holds_expire(settlement, city, at_ms + 1, at_ms, &expired, err));
    assert_books_sound(settlement, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hold_post_reverse_sums_to_zero),
        cmocka_unit_test(test_days_close_in_order_and_chain), cmocka_unit_test(test_forgotten_holds_expire_once),
        cmocka_unit_test(test_cut_off_moves_the_evening_to_the_next_day),
        cmocka_unit_test(test_settlement_entries_clear_the_payable),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
