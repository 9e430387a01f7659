/* What may become of an order, one fate after another, and where the money is afterwards: account by account, to the fen. The plan pays 80 %. */
#include "pg_fixture.h"

#include <stdio.h>
#include <string.h>

enum { CITY = 1, LATE_FEN = 1000 };
static struct store *app;
static PGconn *raw;
static uint64_t epoch, seq;

static int setup(void **state)
{
    (void)state;
    app = fixture_open(STORE_ROLE_APP);
    raw = fixture_raw(NULL);
    fixture_city(app, CITY, 40, 10000000);
    assert_ok(store_city_lead(app, (struct city_id){CITY}, "fates", 60000, &epoch, err));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_books_sound(app, CITY);
    store_close(app);
    PQfinish(raw);
    return 0;
}

static void tell(const struct order *order, enum fact_kind kind, enum order_phase phase, enum fail_reason reason)
{
    seq++;
    struct fact fact = fixture_fact(CITY, seq, kind, order, phase, (uint32_t)seq);
    if (kind == FACT_SPECIMEN_LAB_ACCEPTED) fact.hand.lab.v = 2;
    else if (kind == FACT_ORDER_ENTERED) fact.entered = (struct order *)(uintptr_t)order;
    else if (reason) fact.ended.reason = reason;
    assert_ok(store_facts_write(app, (struct city_id){CITY}, epoch, &fact, 1, err));
}

/* Credit less debit of all entries of one claim on accounts of a kind. */
static int64_t moved(const struct claim *claim, enum claims_account account)
{
    char sql[400];
    text_format(sql, sizeof sql,
                "SELECT coalesce(sum(CASE WHEN l.credit_account = a.account_id THEN l.amount_fen ELSE -l.amount_fen END), 0)::bigint FROM ledger l JOIN account a ON "
                "a.city_id = l.city_id AND a.account_id IN (l.debit_account, l.credit_account) WHERE l.claim_id = %llu AND a.kind = %d",
                (unsigned long long)claim->id.v, (int)account);
    return raw_number(raw, sql);
}

static int64_t account_of(uint32_t member, const char *column)
{
    char sql[200];
    text_format(sql, sizeof sql, "SELECT sum(%s)::bigint FROM member_year JOIN member USING (city_id, member_id) WHERE code = 'M%u'", column, member);
    return raw_number(raw, sql);
}

static struct reversal_answer give_back(const struct claim *claim, uint32_t line, uint32_t quantity, const char *key)
{
    struct reversal_request request = {.city = {CITY}, .claim = claim->id, .line = line, .quantity = quantity, .source = "pharmacy:1", .actor = "pharmacy:1", .at_ms = FIXTURE_NOW_MS};
    struct reversal_answer answer;
    (void)text_copy(request.key, sizeof request.key, key);
    assert_ok(store_claim_reverse(app, &request, &answer, err));
    return answer;
}

static enum status give_back_status(const struct claim *claim, uint32_t line, uint32_t quantity, const char *key)
{
    struct reversal_request request = {.city = {CITY}, .claim = claim->id, .line = line, .quantity = quantity, .source = "pharmacy:1", .actor = "pharmacy:1", .at_ms = FIXTURE_NOW_MS};
    struct reversal_answer answer;
    struct error err = {0};
    (void)text_copy(request.key, sizeof request.key, key);
    return store_claim_reverse(app, &request, &answer, &err);
}

static void assert_money(const struct claim *claim, int64_t held, int64_t payable, int64_t accrued, int64_t share)
{
    assert_int_equal(moved(claim, CLAIMS_ACCOUNT_BENEFIT_HELD), held);
    assert_int_equal(moved(claim, CLAIMS_ACCOUNT_PAYABLE), payable);
    assert_int_equal(moved(claim, CLAIMS_ACCOUNT_ACCRUED), accrued);
    assert_int_equal(moved(claim, CLAIMS_ACCOUNT_COPAY), share);
    assert_int_equal(moved(claim, CLAIMS_ACCOUNT_INSURER_FUND) + moved(claim, CLAIMS_ACCOUNT_LATE), -(held + payable + accrued));
}

/* Seven packs at 9.99 (ceiling 10.00): 69.93 submitted, 55.94 benefit, 13.99 member. Two are out of stock. */
static void test_partial_dispense_posts_what_was_given_out(void **state)
{
    (void)state;
    struct submission s = fixture_prescription(CITY, 0, "partial", "AMLO", 7, 999);
    struct intake_result r = fixture_intake(app, &s);
    assert_int_equal(r.claim.benefit_fen, 5594);
    struct reversal_answer first = give_back(&r.claim, 1, 1, "p1"), again = give_back(&r.claim, 1, 1, "p1"), second = give_back(&r.claim, 1, 1, "p2");
    assert_true(again.repeated && !first.repeated);
    assert_int_equal(first.benefit_fen, (5594 * 1 + 3) / 7);
    assert_int_equal(first.benefit_fen + second.benefit_fen, (5594 * 2 + 3) / 7);
    assert_money(&r.claim, 5594, 0, 0, 0); /* the hold stays whole until it ends */
    assert_int_equal(account_of(0, "pending_fen"), 5594);
    tell(&r.order, FACT_ORDER_DELIVERED, ORDER_DELIVERED, FAIL_NONE);
    int64_t short_fen = (5594 * 2 + 3) / 7, short_member = (1399 * 2 + 3) / 7;
    assert_money(&r.claim, 0, 5594 - short_fen, 0, 1399 - short_member);
    assert_int_equal(account_of(0, "pending_fen"), 0);
    assert_int_equal(account_of(0, "posted_fen"), 5594 - short_fen);
    /* the five that went out come back in pieces: not a fen is left, and not a sixth comes back */
    assert_int_equal(give_back_status(&r.claim, 1, 6, "too many"), STATUS_OUT_OF_RANGE);
    give_back(&r.claim, 1, 2, "r1");
    give_back(&r.claim, 1, 3, "r2");
    assert_money(&r.claim, 0, 0, 0, 0);
    assert_int_equal(account_of(0, "posted_fen"), 0);
    assert_int_equal(give_back_status(&r.claim, 1, 1, "one more"), STATUS_FAILED_PRECONDITION); /* wholly given back */
    assert_books_sound(app, CITY);
}

static void test_nothing_dispensed_is_a_cancellation(void **state)
{
    (void)state;
    struct submission s = fixture_prescription(CITY, 1, "none", "AMLO", 2, 1000);
    struct intake_result r = fixture_intake(app, &s);
    assert_int_equal(give_back_status(&r.claim, 1, 2, "all"), STATUS_FAILED_PRECONDITION);
    assert_int_equal(give_back_status(&r.claim, 1, 3, "more than all"), STATUS_OUT_OF_RANGE);
    assert_int_equal(give_back_status(&r.claim, 2, 1, "no such line"), STATUS_NOT_FOUND);
    give_back(&r.claim, 1, 1, "one");
    tell(&r.order, FACT_ORDER_CANCELLED, ORDER_CANCELLED, FAIL_OTHER);
    assert_money(&r.claim, 0, 0, 0, 0);
    assert_int_equal(account_of(1, "pending_fen + posted_fen"), 0);
}

/* The pharmacy has only another brand: the first order is cancelled, which gives its prescription back, and the substitute is ordered on it. */
static void test_substitution_pays_one_of_the_two(void **state)
{
    (void)state;
    struct submission s = fixture_prescription(CITY, 2, "brand", "AMLO", 1, 1000);
    struct intake_result first = fixture_intake(app, &s);
    struct submission other = fixture_prescription(CITY, 2, "substitute", "CEFA", 1, 500);
    (void)text_copy(other.prescription.number, sizeof other.prescription.number, s.prescription.number);
    assert_string_equal(fixture_intake(app, &other).claim.refusal_rule, "R6"); /* one prescription, one order */
    tell(&first.order, FACT_ORDER_CANCELLED, ORDER_CANCELLED, FAIL_OTHER);
    other = fixture_prescription(CITY, 2, "substitute 2", "CEFA", 1, 500);
    (void)text_copy(other.prescription.number, sizeof other.prescription.number, s.prescription.number);
    struct intake_result second = fixture_intake(app, &other);
    tell(&second.order, FACT_ORDER_DELIVERED, ORDER_DELIVERED, FAIL_NONE);
    assert_money(&first.claim, 0, 0, 0, 0);
    assert_money(&second.claim, 0, 400, 0, 100);
    assert_int_equal(account_of(2, "posted_fen"), 400);
    assert_int_equal(account_of(2, "count_used[1]"), 1);
}

static void test_what_fails_at_the_door_is_not_paid(void **state)
{
    (void)state;
    static const enum fail_reason reasons[] = {FAIL_REFUSED, FAIL_BROKEN_SEAL, FAIL_TEMPERATURE, FAIL_ABSENT};
    for (uint32_t i = 0; i < COUNT_OF(reasons); i++) {
        char key[32];
        text_format(key, sizeof key, "door-%u", i);
        struct submission s = fixture_prescription(CITY, 3 + i, key, "AMLO", 1, 1000);
        struct intake_result r = fixture_intake(app, &s);
        tell(&r.order, FACT_ORDER_FAILED, ORDER_FAILED, reasons[i]);
        assert_money(&r.claim, 0, 0, 0, 0);
        tell(&r.order, FACT_ORDER_RETURNING, ORDER_RETURNING, reasons[i]);
        tell(&r.order, FACT_ORDER_RETURNED, ORDER_RETURNED, reasons[i]);
        assert_money(&r.claim, 0, 0, 0, 0);
        assert_int_equal(account_of(3 + i, "pending_fen + posted_fen"), 0);
    }
}

static struct intake_result rejected_specimen(uint32_t member, const char *key, enum fail_reason reason, struct submission *s)
{
    *s = fixture_test(CITY, member, key, "FLU");
    struct intake_result r = fixture_intake(app, s);
    tell(&r.order, FACT_SPECIMEN_LAB_REJECTED, ORDER_SPECIMEN_REJECTED, reason);
    return r;
}

static struct intake_result collect_again(const struct intake_result *first, uint32_t member, const char *key)
{
    struct submission s = fixture_test(CITY, member, key, "FLU");
    struct intake_result r = {0};
    s.parent = first->order.id;
    assert_ok(store_intake(app, &s, 1, FIXTURE_NOW_MS, &r, err));
    return r;
}

static void test_our_fault_is_collected_again_once_under_the_first_claim(void **state)
{
    (void)state;
    static const enum fail_reason reasons[] = {FAIL_COURIER, FAIL_TEMPERATURE, FAIL_BROKEN_SEAL, FAIL_OTHER};
    for (uint32_t i = 0; i < COUNT_OF(reasons); i++) {
        char key[32];
        struct submission s;
        uint32_t member = 10 + i;
        text_format(key, sizeof key, "spoiled-%u", i);
        struct intake_result first = rejected_specimen(member, key, reasons[i], &s);
        assert_money(&first.claim, first.claim.benefit_fen, 0, 0, 0); /* the hold waits */
        text_format(key, sizeof key, "again-%u", i);
        struct intake_result second = collect_again(&first, member, key), same = collect_again(&first, member, key);
        assert_int_equal(second.status, STATUS_OK);
        assert_int_equal(second.claim.id.v, first.claim.id.v);
        assert_true(same.repeated && same.order.id.v == second.order.id.v && same.claim.id.v == first.claim.id.v);
        text_format(key, sizeof key, "third-%u", i);
        struct intake_result third = collect_again(&first, member, key);
        assert_int_equal(third.status, STATUS_ALREADY_EXISTS);
        struct claim claim;
        assert_ok(store_claim_of_order(app, s.city, second.order.id, &claim, err));
        assert_int_equal(claim.id.v, first.claim.id.v);
        tell(&second.order, FACT_ORDER_ENTERED, ORDER_ADJUDICATED, FAIL_NONE);
        tell(&second.order, FACT_SPECIMEN_LAB_ACCEPTED, ORDER_LAB_ACCEPTED, FAIL_NONE);
        assert_money(&first.claim, 0, 0, 3192, 798);
        tell(&second.order, FACT_SPECIMEN_REPORTED, ORDER_REPORTED, FAIL_NONE);
        assert_money(&first.claim, 0, 3192, 0, 798);
        assert_int_equal(account_of(member, "posted_fen"), 3192);
        assert_int_equal(account_of(member, "count_used[2]"), 1); /* one claim, however many visits */
    }
    assert_books_sound(app, CITY);
}

static void test_a_second_rejection_ends_the_claim_for_good(void **state)
{
    (void)state;
    struct submission s;
    struct intake_result first = rejected_specimen(16, "twice", FAIL_COURIER, &s), second = collect_again(&first, 16, "twice again");
    tell(&second.order, FACT_SPECIMEN_LAB_REJECTED, ORDER_SPECIMEN_REJECTED, FAIL_OTHER);
    assert_money(&first.claim, 0, 0, 0, 0);
    assert_int_equal(account_of(16, "pending_fen + posted_fen"), 0);
    struct intake_result third = collect_again(&second, 16, "and again");
    assert_int_equal(third.status, STATUS_FAILED_PRECONDITION);
}

static void test_the_members_fault_and_strangers_get_no_free_recollection(void **state)
{
    (void)state;
    struct submission s;
    struct intake_result first = rejected_specimen(17, "eaten", FAIL_REFUSED, &s);
    assert_money(&first.claim, 0, 0, 0, 0); /* void */
    assert_int_equal(collect_again(&first, 17, "once more").status, STATUS_FAILED_PRECONDITION);
    struct intake_result spoiled = rejected_specimen(18, "mine", FAIL_COURIER, &s);
    assert_int_equal(collect_again(&spoiled, 19, "yours").status, STATUS_NOT_FOUND);
    struct submission another = fixture_test(CITY, 18, "another test", "CHECK");
    struct intake_result r = {0};
    another.parent = spoiled.order.id;
    assert_ok(store_intake(app, &another, 1, FIXTURE_NOW_MS, &r, err));
    assert_int_equal(r.status, STATUS_INVALID_ARGUMENT);
    struct submission living = fixture_test(CITY, 20, "alive", "FLU");
    struct intake_result alive = fixture_intake(app, &living);
    assert_int_equal(collect_again(&alive, 20, "too soon").status, STATUS_FAILED_PRECONDITION);
    struct submission medicine = fixture_prescription(CITY, 18, "medicine", "AMLO", 1, 1000);
    medicine.parent = spoiled.order.id;
    assert_ok(store_intake(app, &medicine, 1, FIXTURE_NOW_MS, &r, err));
    assert_int_equal(r.status, STATUS_INVALID_ARGUMENT);
}

static void test_annual_checkup_is_free_once(void **state)
{
    (void)state;
    struct submission s = fixture_test(CITY, 21, "checkup", "CHECK");
    struct intake_result r = fixture_intake(app, &s);
    assert_int_equal(r.claim.benefit_fen, 10000);
    assert_int_equal(r.claim.member_fen, 0);
    tell(&r.order, FACT_SPECIMEN_LAB_ACCEPTED, ORDER_LAB_ACCEPTED, FAIL_NONE);
    s = fixture_test(CITY, 21, "checkup 2", "CHECK");
    struct intake_result second = fixture_intake(app, &s);
    assert_int_equal(second.claim.state, CLAIM_HELD); /* decided, and the member pays */
    assert_int_equal(second.claim.benefit_fen, 0);
    assert_int_equal(second.claim.member_fen, 10000);
    assert_non_null(strstr(second.claim.lines[0].rules, "R18"));
    assert_int_equal(account_of(21, "count_used[3]"), 1);
}

static void test_a_missed_promise_is_paid_once(void **state)
{
    (void)state;
    struct submission s = fixture_prescription(CITY, 22, "late", "AMLO", 1, 1000);
    struct intake_result r = fixture_intake(app, &s);
    for (int i = 0; i < 3; i++) tell(&r.order, FACT_PROMISE_MISSED, ORDER_PICKED_UP, FAIL_NONE);
    tell(&r.order, FACT_ORDER_DELIVERED, ORDER_DELIVERED, FAIL_NONE);
    tell(&r.order, FACT_PROMISE_MISSED, ORDER_DELIVERED, FAIL_NONE);
    assert_int_equal(moved(&r.claim, CLAIMS_ACCOUNT_LATE), LATE_FEN);
    assert_int_equal(moved(&r.claim, CLAIMS_ACCOUNT_PAYABLE), 800); /* it is no part of the benefit */
    assert_int_equal(account_of(22, "posted_fen"), 800);
    /* a recollection has a promise of its own */
    struct intake_result first = rejected_specimen(23, "late test", FAIL_COURIER, &s), second = collect_again(&first, 23, "late test again");
    tell(&second.order, FACT_PROMISE_MISSED, ORDER_ASSIGNED, FAIL_NONE);
    tell(&second.order, FACT_PROMISE_MISSED, ORDER_ASSIGNED, FAIL_NONE);
    assert_int_equal(moved(&first.claim, CLAIMS_ACCOUNT_LATE), LATE_FEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_partial_dispense_posts_what_was_given_out),
        cmocka_unit_test(test_nothing_dispensed_is_a_cancellation),
        cmocka_unit_test(test_substitution_pays_one_of_the_two),
        cmocka_unit_test(test_what_fails_at_the_door_is_not_paid),
        cmocka_unit_test(test_our_fault_is_collected_again_once_under_the_first_claim),
        cmocka_unit_test(test_a_second_rejection_ends_the_claim_for_good),
        cmocka_unit_test(test_the_members_fault_and_strangers_get_no_free_recollection),
        cmocka_unit_test(test_annual_checkup_is_free_once),
        cmocka_unit_test(test_a_missed_promise_is_paid_once),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
