/* Ledger rules: the way of a claim's money through the accounts, summed up as the database will. */
#include "fixture.h"

struct book {
    int64_t fen[CLAIMS_ACCOUNT_COUNT]; /* credit less debit */
};

static void book_write(struct book *book, const struct claims_entries *entries)
{
    assert_true(entries->count <= CLAIMS_ENTRIES_MAX);
    for (uint32_t i = 0; i < entries->count; i++) {
        const struct claims_entry *e = &entries->at[i];
        assert_true(e->amount_fen > 0);
        assert_true(e->debit != e->credit);
        book->fen[e->debit] -= e->amount_fen;
        book->fen[e->credit] += e->amount_fen;
    }
}

static int64_t book_sum(const struct book *book)
{
    int64_t sum = 0;
    for (size_t i = 0; i < CLAIMS_ACCOUNT_COUNT; i++) sum += book->fen[i];
    return sum;
}

static struct claim posted(enum benefit benefit)
{
    struct claim claim = {.benefit = benefit, .line_count = 1, .benefit_fen = 800, .member_fen = 200};
    claim.lines[0] = (struct claim_line){.quantity = 2, .allowed_quantity = 2, .benefit_fen = 800, .member_fen = 200};
    return claim;
}

static void test_medicine_held_delivered_paid_and_returned(void **state)
{
    (void)state;
    struct claim claim = posted(BENEFIT_MEDICINE);
    struct book book = {0};
    struct claims_entries entries;
    int64_t paid_fen;
    claims_entries_hold(&claim, &entries);
    book_write(&book, &entries);
    assert_int_equal(book.fen[CLAIMS_ACCOUNT_BENEFIT_HELD], 800);
    claims_entries_post(&claim, 800, 200, &entries);
    book_write(&book, &entries);
    assert_int_equal(book.fen[CLAIMS_ACCOUNT_BENEFIT_HELD], 0);
    assert_int_equal(book.fen[CLAIMS_ACCOUNT_PAYABLE], 800);
    assert_int_equal(book.fen[CLAIMS_ACCOUNT_MEMBER], -200);
    claims_entries_payout(800, 0, &entries, &paid_fen);
    book_write(&book, &entries);
    assert_int_equal(paid_fen, 800);
    assert_int_equal(book.fen[CLAIMS_ACCOUNT_PAYABLE], 0);
    struct claims_reversal back;
    assert_true(claims_reverse_line(&claim, 0, 1, &back));
    claims_entries_reverse(&claim, 0, &back, true, &entries);
    book_write(&book, &entries);
    assert_int_equal(entries.at[0].line, 1);
    assert_int_equal(book.fen[CLAIMS_ACCOUNT_PAYABLE], -400);
    assert_int_equal(book.fen[CLAIMS_ACCOUNT_MEMBER], -100);
    claims_entries_payout(-400, 0, &entries, &paid_fen); /* the next day: nothing but the return */
    book_write(&book, &entries);
    assert_int_equal(paid_fen, 0);
    assert_int_equal(book.fen[CLAIMS_ACCOUNT_PAYABLE], 0);
    assert_int_equal(book.fen[CLAIMS_ACCOUNT_RECOVERY], -400);
    book.fen[CLAIMS_ACCOUNT_PAYABLE] += 1000; /* a day later 10.00 is due, of which 4.00 is kept back */
    book.fen[CLAIMS_ACCOUNT_INSURER_FUND] -= 1000;
    claims_entries_payout(1000, 400, &entries, &paid_fen);
    book_write(&book, &entries);
    assert_int_equal(paid_fen, 600);
    assert_int_equal(book.fen[CLAIMS_ACCOUNT_RECOVERY], 0);
    assert_int_equal(book.fen[CLAIMS_ACCOUNT_BANK], 1400);
    assert_int_equal(book_sum(&book), 0);
}

static void test_laboratory_is_due_on_report(void **state)
{
    (void)state;
    struct claim claim = posted(BENEFIT_TEST);
    struct book book = {0};
    struct claims_entries entries;
    struct claims_reversal back;
    claims_entries_hold(&claim, &entries);
    book_write(&book, &entries);
    claims_entries_post(&claim, 800, 200, &entries);
    book_write(&book, &entries);
    assert_int_equal(book.fen[CLAIMS_ACCOUNT_ACCRUED], 800);
    assert_int_equal(book.fen[CLAIMS_ACCOUNT_PAYABLE], 0);
    assert_true(claims_reverse_line(&claim, 0, 1, &back));
    claims_entries_reverse(&claim, 0, &back, false, &entries);
    book_write(&book, &entries);
    claims_entries_report(800 - back.benefit_fen, &entries);
    book_write(&book, &entries);
    assert_int_equal(book.fen[CLAIMS_ACCOUNT_ACCRUED], 0);
    assert_int_equal(book.fen[CLAIMS_ACCOUNT_PAYABLE], 400);
    claims_entries_reverse(&claim, 0, &back, true, &entries);
    book_write(&book, &entries);
    assert_int_equal(book.fen[CLAIMS_ACCOUNT_PAYABLE], 0);
    assert_int_equal(book_sum(&book), 0);
}

static void test_a_hold_is_posted_released_or_voided_whole(void **state)
{
    (void)state;
    struct claim claim = posted(BENEFIT_MEDICINE);
    struct claims_entries entries;
    for (int64_t post_fen = 0; post_fen <= 800; post_fen += 100) {
        struct book book = {0};
        claims_entries_hold(&claim, &entries);
        book_write(&book, &entries);
        claims_entries_post(&claim, post_fen, 0, &entries);
        book_write(&book, &entries);
        assert_int_equal(book.fen[CLAIMS_ACCOUNT_BENEFIT_HELD], 0);
        assert_int_equal(book.fen[CLAIMS_ACCOUNT_PAYABLE], post_fen);
        assert_int_equal(book.fen[CLAIMS_ACCOUNT_INSURER_FUND], -post_fen);
    }
    struct book book = {0};
    claims_entries_hold(&claim, &entries);
    book_write(&book, &entries);
    claims_entries_void(&claim, &entries);
    book_write(&book, &entries);
    for (size_t i = 0; i < CLAIMS_ACCOUNT_COUNT; i++) assert_int_equal(book.fen[i], 0);
}

static void test_nothing_writes_nothing(void **state)
{
    (void)state;
    struct claim claim = {.benefit = BENEFIT_TEST, .line_count = 1};
    struct claims_reversal back = {0};
    struct claims_entries entries;
    int64_t paid_fen;
    claims_entries_hold(&claim, &entries);
    assert_int_equal(entries.count, 0);
    claims_entries_post(&claim, 0, 0, &entries);
    assert_int_equal(entries.count, 0);
    claims_entries_void(&claim, &entries);
    assert_int_equal(entries.count, 0);
    claims_entries_report(0, &entries);
    assert_int_equal(entries.count, 0);
    claims_entries_reverse(&claim, 0, &back, false, &entries);
    assert_int_equal(entries.count, 0);
    claims_entries_late(0, &entries);
    assert_int_equal(entries.count, 0);
    claims_entries_payout(0, 500, &entries, &paid_fen);
    assert_int_equal(entries.count + paid_fen, 0);
    claims_entries_late(2000, &entries);
    assert_int_equal(entries.count, 1);
    assert_int_equal(entries.at[0].credit, CLAIMS_ACCOUNT_LATE);
}

static void test_recovery_never_takes_more_than_the_day(void **state)
{
    (void)state;
    struct claims_entries entries;
    int64_t paid_fen;
    claims_entries_payout(300, 301, &entries, &paid_fen);
    assert_int_equal(paid_fen, 0);
    assert_int_equal(entries.count, 1);
    assert_int_equal(entries.at[0].amount_fen, 300);
    claims_entries_payout(301, 300, &entries, &paid_fen);
    assert_int_equal(paid_fen, 1);
    assert_int_equal(entries.count, 2);
}

static void test_names_are_all_different(void **state)
{
    (void)state;
    for (int a = 1; a < CLAIMS_ACCOUNT_COUNT; a++) {
        assert_true(claims_account_scope((enum claims_account)a) >= CLAIMS_SCOPE_HOUSE);
        for (int b = 1; b < a; b++)
            assert_string_not_equal(claims_account_name((enum claims_account)a), claims_account_name((enum claims_account)b));
    }
    for (int a = 1; a < CLAIMS_ENTRY_KIND_COUNT; a++)
        for (int b = 1; b < a; b++)
            assert_string_not_equal(claims_entry_kind_name((enum claims_entry_kind)a), claims_entry_kind_name((enum claims_entry_kind)b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_medicine_held_delivered_paid_and_returned), cmocka_unit_test(test_laboratory_is_due_on_report),
        cmocka_unit_test(test_a_hold_is_posted_released_or_voided_whole), cmocka_unit_test(test_nothing_writes_nothing),
        cmocka_unit_test(test_recovery_never_takes_more_than_the_day),    cmocka_unit_test(test_names_are_all_different),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
