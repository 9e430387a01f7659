/* The remittance file byte by byte. That it is the same on every run through the database, and its sums, is tests/money's matter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "settle/settle.h"

static struct payout batch(void)
{
    return (struct payout){.city = {1}, .payee = "PH-01", .day = 20780, .run = 1, .item_count = 2, .net_fen = 500, .brought_fen = -100, .total_fen = 400};
}

static const struct payout_item ITEMS[] = {
    {.entry = 7, .kind = "POST", .claim = {3}, .order = {4}, .at_ms = 1795392000123, .service_ms = 1795305599999, .submitted_fen = 1000, .eligible_fen = 1000,
     .claim_benefit_fen = 800, .member_fen = 200, .amount_fen = 800, .rules = "1:R14,R17 2:R8"},
    {.entry = 9, .kind = "REVERSE", .claim = {2}, .order = {3}, .line = 2, .at_ms = 0, .amount_fen = -300, .rules = "say \"R17\""},
};

static enum status render(const struct payout *of, size_t items, struct buffer *bytes, struct error *err)
{
    struct settle_file file;
    buffer_init(bytes, 1 << 16);
    settle_file_begin(&file, bytes, of);
    for (size_t i = 0; i < items; i++) settle_file_item(&file, &ITEMS[i]);
    return settle_file_end(&file, err);
}

static void test_remittance_bytes(void **state)
{
    (void)state;
    static const char BODY[] = "H,meddispatch-remittance,1,PH-01-20261123-1,1,PH-01,2026-11-23,1,CNY\n"
                               "C,entry,kind,claim,order,line,posted_at,service_at,submitted_fen,eligible_fen,benefit_fen,member_fen,amount_fen,rules\n"
                               "D,7,POST,3,4,0,2026-11-23T00:00:00Z,2026-11-21T23:59:59Z,1000,1000,800,200,800,\"1:R14,R17 2:R8\"\n"
                               "D,9,REVERSE,2,3,2,1970-01-01T00:00:00Z,,0,0,0,0,-300,\"say \"\"R17\"\"\"\n";
    struct payout of = batch();
    struct buffer bytes;
    struct error err = {0};
    char hex[65], trailer[160];
    assert_int_equal(render(&of, 2, &bytes, &err), STATUS_OK);
    assert_memory_equal(bytes.data, BODY, sizeof BODY - 1);
    struct sha256 hash = hash_sha256(BODY, sizeof BODY - 1);
    hash_hex(hash.byte, sizeof hash.byte, hex);
    text_format(trailer, sizeof trailer, "T,2,500,-100,400,0,%s\n", hex);
    assert_int_equal(bytes.size, sizeof BODY - 1 + strlen(trailer));
    assert_memory_equal(bytes.data + sizeof BODY - 1, trailer, strlen(trailer));
    buffer_deinit(&bytes);
}

static void test_remittance_refuses_items_that_are_not_the_batchs(void **state)
{
    (void)state;
    struct payout of = batch();
    struct buffer bytes;
    struct error err = {0};
    assert_int_equal(render(&of, 1, &bytes, &err), STATUS_DATA_LOSS);
    buffer_deinit(&bytes);
    of.net_fen = 501;
    assert_int_equal(render(&of, 2, &bytes, &err), STATUS_DATA_LOSS);
    buffer_deinit(&bytes);
}

static void test_remittance_too_large_is_refused(void **state)
{
    (void)state;
    struct payout of = batch();
    struct buffer bytes;
    struct error err = {0};
    struct settle_file file;
    buffer_init(&bytes, 300);
    settle_file_begin(&file, &bytes, &of);
    for (size_t i = 0; i < 2; i++) settle_file_item(&file, &ITEMS[i]);
    assert_int_equal(settle_file_end(&file, &err), STATUS_RESOURCE_EXHAUSTED);
    buffer_deinit(&bytes);
}

static void test_names(void **state)
{
    (void)state;
    struct payout of = batch();
    struct error err = {0};
    char name[PAYOUT_FILE_NAME_MAX];
    assert_int_equal(settle_file_name(&of, name, &err), STATUS_OK);
    assert_string_equal(name, "remittance-1-PH-01-20261123-1.csv");
    static const char *const BAD[] = {"", "../x", "a b", "a/b", "甲"};
    for (size_t i = 0; i < COUNT_OF(BAD); i++) {
        text_format(of.payee, sizeof of.payee, "%s", BAD[i]);
        assert_int_equal(settle_file_name(&of, name, &err), STATUS_INVALID_ARGUMENT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_remittance_bytes), cmocka_unit_test(test_remittance_refuses_items_that_are_not_the_batchs),
                                       cmocka_unit_test(test_remittance_too_large_is_refused), cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
