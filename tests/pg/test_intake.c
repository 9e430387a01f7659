/* Intake against a real database: what is accepted, refused, repeated, poisoned, and raced at the edge of a cap. */
#include "pg_fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct store *app;
static PGconn *raw;

static int setup(void **state)
{
    (void)state;
    app = fixture_open(STORE_ROLE_APP);
    raw = fixture_raw(NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_close(app);
    PQfinish(raw);
    return 0;
}

static void test_prescription_is_adjudicated_and_held(void **state)
{
    (void)state;
    fixture_city(app, 1, 10, 1000000);
    struct submission s = fixture_prescription(1, 0, "a1", "AMLO", 2, 1200);
    struct intake_result r = fixture_intake(app, &s);
    assert_int_equal(r.order.phase, ORDER_ADJUDICATED);
    assert_false(r.repeated);
    assert_int_equal(r.claim.state, CLAIM_HELD);
    assert_int_equal(r.claim.submitted_fen, 2400);
    assert_int_equal(r.claim.eligible_fen, 2000);
    assert_int_equal(r.claim.benefit_fen, 1600);
    assert_int_equal(r.claim.member_fen, 800);
    assert_int_equal(r.order.promise_ms, FIXTURE_NOW_MS + 10800000);
    assert_true(r.order.needs_approval);
    assert_int_equal(r.order.goods.volume_ml, 200);
    assert_int_equal(strlen(r.order.pickup_code), 6);

    struct order_view view;
    struct claim claim;
    assert_ok(store_order_read(app, s.city, r.order.id, &view, err));
    assert_string_equal(view.member, "M0");
    assert_int_equal(view.claim.v, r.claim.id.v);
    assert_memory_equal(&view.order, &r.order, sizeof view.order);
    assert_ok(store_claim_read(app, s.city, r.claim.id, &claim, err));
    assert_memory_equal(&claim, &r.claim, sizeof claim);
    assert_ok(store_claim_of_order(app, s.city, r.order.id, &claim, err));
    assert_int_equal(claim.id.v, r.claim.id.v);

    struct order outbox[4];
    size_t count = 0;
    assert_ok(store_outbox_read(app, s.city, outbox, COUNT_OF(outbox), &count, err));
    assert_int_equal(count, 1);
    assert_memory_equal(&outbox[0], &r.order, sizeof outbox[0]);

    struct order_event_view events[8];
    assert_ok(store_order_history(app, s.city, r.order.id, events, COUNT_OF(events), &count, err));
    assert_int_equal(count, 2);
    assert_int_equal(events[0].phase, ORDER_RECEIVED);
    assert_int_equal(events[1].phase, ORDER_ADJUDICATED);
    assert_string_equal(events[1].actor, "pharmacy:1");

    struct benefits_view benefits;
    assert_ok(store_benefits_read(app, s.city, "M0", FIXTURE_NOW_MS, &benefits, err));
    assert_int_equal(benefits.limit_fen, 1000000);
    assert_int_equal(benefits.pending_fen, 1600);
    assert_int_equal(benefits.count_used[BENEFIT_MEDICINE], 1);
    assert_int_equal(benefits.rate_bps[BENEFIT_CHECKUP], 10000);
    assert_status(STATUS_NOT_FOUND, store_benefits_read(app, s.city, "nobody", FIXTURE_NOW_MS, &benefits, err));

    struct recipient to;
    assert_ok(store_order_contact(app, s.city, r.order.id, "courier:1", "", FIXTURE_NOW_MS, &to, err));
    assert_string_equal(to.name, "张三");
    assert_int_equal(raw_number(raw, "SELECT count(*) FROM access_log WHERE city_id = 1 AND actor = 'courier:1'"), 1);
    assert_books_sound(app, 1);
}

static void test_claims_entries_agree_with_what_the_database_wrote(void **state)
{
    (void)state;
    struct submission s = fixture_prescription(1, 9, "entries", "AMLO", 1, 777);
    struct intake_result r = fixture_intake(app, &s);
    struct claims_entries entries;
    claims_entries_hold(&r.claim, &entries);
    assert_int_equal(entries.count, 1);
    char sql[512];
    text_format(sql, sizeof sql,
                "SELECT count(*) FROM ledger l JOIN account d ON d.city_id = l.city_id AND d.account_id = l.debit_account JOIN account c ON c.city_id = l.city_id "
                "AND c.account_id = l.credit_account WHERE l.claim_id = %llu AND l.kind = %d AND d.kind = %d AND c.kind = %d AND amount_fen = %lld",
                (unsigned long long)r.claim.id.v, entries.at[0].kind, entries.at[0].debit, entries.at[0].credit, (long long)entries.at[0].amount_fen);
    assert_int_equal(raw_number(raw, sql), 1);
}

static void test_repeated_key_gives_the_original_answer(void **state)
{
    (void)state;
    struct submission s = fixture_prescription(1, 1, "rep", "AMLO", 1, 900);
    struct intake_result first = fixture_intake(app, &s), again = fixture_intake(app, &s);
    assert_true(again.repeated);
    assert_int_equal(again.order.id.v, first.order.id.v);
    assert_memory_equal(&again.claim, &first.claim, sizeof first.claim);
    struct submission other = fixture_prescription(1, 1, "rep", "AMLO", 2, 900);
    struct intake_result r;
    assert_ok(store_intake(app, &other, 1, FIXTURE_NOW_MS, &r, err));
    assert_int_equal(r.status, STATUS_ALREADY_EXISTS);
    assert_string_equal(r.error.reason, "IDEMPOTENCY_CONFLICT");
    /* twice in one batch, beside a stranger */
    struct submission batch[3] = {fixture_prescription(1, 2, "twice", "AMLO", 1, 900), fixture_prescription(1, 2, "twice", "AMLO", 1, 900),
                                  fixture_prescription(1, 3, "stranger", "AMLO", 1, 900)};
    struct intake_result results[3];
    assert_ok(store_intake(app, batch, 3, FIXTURE_NOW_MS, results, err));
    for (int i = 0; i < 3; i++) assert_int_equal(results[i].status, STATUS_OK);
    assert_int_equal(results[0].order.id.v, results[1].order.id.v);
    assert_true(results[1].repeated);
    assert_int_not_equal(results[2].order.id.v, results[0].order.id.v);
}

/* What a claim says, without the ids that a quote has none of. */
static struct claim without_ids(const struct claim *claim)
{
    struct claim copy = *claim;
    copy.id.v = copy.order.v = 0;
    return copy;
}

static void test_a_quote_is_the_answer_of_a_moment_later_and_leaves_no_trace(void **state)
{
    (void)state;
    struct submission s = fixture_prescription(1, 5, "quoted", "AMLO", 3, 900), q = s;
    q.quote = true;
    static const char TRACES[] = "SELECT (SELECT count(*) FROM orders) + (SELECT count(*) FROM claim) + (SELECT count(*) FROM ledger) + "
                                 "(SELECT count(*) FROM prescription_use) + (SELECT coalesce(sum(pending_fen), 0) FROM member_year)::bigint";
    int64_t before = raw_number(raw, TRACES);
    struct submission both[3] = {q, q, q};
    struct intake_result results[3];
    text_format(both[2].lines[0].product, sizeof both[2].lines[0].product, "OXY");
    assert_ok(store_intake(app, both, 3, FIXTURE_NOW_MS, results, err));
    for (int i = 0; i < 3; i++) assert_int_equal(results[i].status, STATUS_OK);
    assert_string_equal(results[2].claim.refusal_rule, "R7");
    assert_int_equal(before, raw_number(raw, TRACES));
    struct intake_result real = fixture_intake(app, &s);
    assert_false(real.repeated);
    struct claim quoted = without_ids(&results[0].claim), again = without_ids(&results[1].claim), held = without_ids(&real.claim);
    assert_int_equal(held.state, CLAIM_HELD);
    assert_memory_equal(&quoted, &held, sizeof held);
    assert_memory_equal(&again, &held, sizeof held); /* quotes use nothing up for each other */
    assert_int_equal(results[0].claim.id.v, 0);
    assert_string_equal(results[0].order.pickup_code, "");
}

static void test_refusals_are_answers(void **state)
{
    (void)state;
    struct submission s = fixture_prescription(1, 4, "prohibited", "OXY", 1, 900);
    struct intake_result r = fixture_intake(app, &s);
    assert_int_equal(r.order.phase, ORDER_REFUSED);
    assert_string_equal(r.claim.refusal_rule, "R7");
    assert_int_equal(r.claim.benefit_fen, 0);
    struct order_view view;
    assert_ok(store_order_read(app, s.city, r.order.id, &view, err));
    assert_int_equal(view.order.phase, ORDER_REFUSED);
    assert_int_not_equal(view.ended_ms, 0);
    assert_true(view.reason[0]);
    /* a prescription is used once: by another key, from another order */
    s = fixture_prescription(1, 4, "used", "AMLO", 1, 900);
    r = fixture_intake(app, &s);
    assert_int_equal(r.claim.state, CLAIM_HELD);
    s = fixture_prescription(1, 4, "used again", "AMLO", 1, 900);
    (void)text_copy(s.prescription.number, sizeof s.prescription.number, "RX-used");
    r = fixture_intake(app, &s);
    assert_string_equal(r.claim.refusal_rule, "R6");
    /* a policy that has not begun */
    s = fixture_prescription(1, 4, "early", "AMLO", 1, 900);
    s.order.accepted_ms = INT64_C(1700000000000);
    s.prescription.issued_ms = s.order.accepted_ms;
    r = fixture_intake(app, &s);
    assert_string_equal(r.claim.refusal_rule, "R3");
    assert_books_sound(app, 1);
}

static void expect_fault(const struct submission *s, enum status status, const char *field)
{
    struct intake_result r;
    assert_ok(store_intake(app, s, 1, FIXTURE_NOW_MS, &r, err));
    assert_int_equal(r.status, status);
    assert_string_equal(r.error.field, field);
}

static void test_unknown_things_name_the_field(void **state)
{
    (void)state;
    int64_t before = raw_number(raw, "SELECT count(*) FROM orders");
    struct submission s = fixture_prescription(1, 999, "u1", "AMLO", 1, 900);
    expect_fault(&s, STATUS_NOT_FOUND, "member");
    s = fixture_prescription(1, 5, "u2", "NOSUCH", 1, 900);
    expect_fault(&s, STATUS_NOT_FOUND, "lines[0]");
    s = fixture_prescription(1, 5, "u3", "AMLO", 1, 900);
    s.order.pharmacy.v = 77;
    expect_fault(&s, STATUS_NOT_FOUND, "pharmacy_id");
    s = fixture_prescription(99, 5, "u4", "AMLO", 1, 900);
    expect_fault(&s, STATUS_NOT_FOUND, "");
    s = fixture_prescription(1, 5, "u5", "AMLO", 1, -1);
    expect_fault(&s, STATUS_INVALID_ARGUMENT, "lines[0]");
    s = fixture_prescription(1, 5, "u6", "AMLO", 0, 1);
    expect_fault(&s, STATUS_INVALID_ARGUMENT, "lines[0]");
    s = fixture_prescription(1, 5, "u7", "AMLO", 1, 900);
    memset(s.cause.key, 0, sizeof s.cause.key);
    expect_fault(&s, STATUS_INVALID_ARGUMENT, "idempotency_key");
    assert_int_equal(raw_number(raw, "SELECT count(*) FROM orders"), before);
}

static void test_poisoned_order_sinks_alone(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    struct submission *batch = mem_zalloc(COUNT, sizeof *batch);
    struct intake_result *results = mem_zalloc(COUNT, sizeof *results);
    for (uint32_t i = 0; i < COUNT; i++) {
        char key[16];
        text_format(key, sizeof key, "poison%u", i);
        batch[i] = fixture_prescription(1, i % 10, key, "AMLO", 1, 900);
    }
    batch[17] = fixture_test(1, 7, "poison17", "FLU");
    batch[17].parent.v = 999999999;                                    /* no such order */
    memcpy(batch[42].prescription.diagnosis, "\xff\xfe", 3);          /* no UTF-8 */
    batch[63].recipient.at.lat_e7 = 0;                                 /* harmless */
    (void)text_copy(batch[80].member, sizeof batch[80].member, "nobody");
    assert_ok(store_intake(app, batch, COUNT, FIXTURE_NOW_MS, results, err));
    for (uint32_t i = 0; i < COUNT; i++) {
        bool good = i != 17 && i != 42 && i != 80;
        if ((results[i].status == STATUS_OK) != good) fail_msg("order %u: %s %s", i, status_name(results[i].status), results[i].error.text);
    }
    assert_int_equal(results[17].status, STATUS_NOT_FOUND);
    assert_int_equal(results[42].status, STATUS_INVALID_ARGUMENT);
    assert_null(strstr(results[42].error.text, "张"));
    assert_int_equal(raw_number(raw, "SELECT count(*) FROM orders WHERE prescription LIKE 'RX-poison%'"), COUNT - 3);
    assert_books_sound(app, 1);
    free(batch);
    free(results);
}

static void test_batch_of_one_member_respects_the_cap_to_the_fen(void **state)
{
    (void)state;
    fixture_city(app, 2, 3, 10000);
    struct submission batch[20];
    struct intake_result results[20];
    for (uint32_t i = 0; i < 20; i++) {
        char key[16];
        text_format(key, sizeof key, "cap%u", i);
        batch[i] = fixture_prescription(2, 0, key, "AMLO", 1, 941); /* 753 each */
    }
    assert_ok(store_intake(app, batch, 20, FIXTURE_NOW_MS, results, err));
    int64_t sum = 0;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(results[i].status, STATUS_OK);
        sum += results[i].claim.benefit_fen;
    }
    assert_int_equal(sum, 10000);
    assert_int_equal(results[12].claim.benefit_fen, 753);
    assert_int_equal(results[13].claim.benefit_fen, 10000 - 13 * 753);
    assert_int_equal(results[14].claim.benefit_fen, 0);
    assert_books_sound(app, 2);
}

static void test_home_test_gets_stability_skill_and_one_checkup_a_year(void **state)
{
    (void)state;
    struct submission s = fixture_test(1, 6, "flu", "FLU");
    struct intake_result r = fixture_intake(app, &s);
    assert_int_equal(r.claim.benefit, BENEFIT_TEST);
    assert_int_equal(r.claim.benefit_fen, 3192);
    assert_int_equal(r.order.stability_s, 86400);
    assert_int_equal(r.order.goods.skills, BIT(SKILL_SAMPLING));
    assert_int_equal(r.order.home.service_s, 600);
    struct submission batch[2] = {fixture_test(1, 7, "check1", "CHECK"), fixture_test(1, 7, "check2", "CHECK")};
    struct intake_result results[2];
    assert_ok(store_intake(app, batch, 2, FIXTURE_NOW_MS, results, err));
    assert_int_equal(results[0].claim.benefit_fen, 10000);
    assert_int_equal(results[1].claim.benefit_fen, 0);
    struct submission mixed = fixture_test(1, 8, "mixed", "CHECK");
    mixed.line_count = 2;
    mixed.lines[1] = mixed.lines[0];
    (void)text_copy(mixed.lines[1].product, sizeof mixed.lines[1].product, "FLU");
    expect_fault(&mixed, STATUS_INVALID_ARGUMENT, "lines[1]");
    assert_books_sound(app, 1);
}

/* More cities than one transaction takes: the batch is split, every city's books are its own. */
static void test_batch_of_many_cities(void **state)
{
    (void)state;
    enum { CITIES = 11, FIRST = 20 };
    struct submission batch[CITIES * 2];
    struct intake_result results[CITIES * 2];
    for (uint32_t i = 0; i < CITIES; i++) fixture_city(app, FIRST + i, 1, 100000);
    for (uint32_t i = 0; i < CITIES * 2; i++) {
        char key[16];
        text_format(key, sizeof key, "many%u", i);
        batch[i] = fixture_prescription(FIRST + i % CITIES, 0, key, "AMLO", 1, 1000);
    }
    assert_ok(store_intake(app, batch, CITIES * 2, FIXTURE_NOW_MS, results, err));
    for (uint32_t i = 0; i < CITIES * 2; i++) {
        assert_int_equal(results[i].status, STATUS_OK);
        assert_int_equal(results[i].order.city.v, FIRST + i % CITIES);
        assert_int_equal(results[i].claim.benefit_fen, 800);
    }
    for (uint32_t i = 0; i < CITIES; i++) assert_books_sound(app, FIRST + i);
    assert_int_equal(raw_number(raw, "SELECT count(*) FROM member_year WHERE city_id >= 20 AND pending_fen = 1600"), CITIES);
}

/* ---- sixteen connections at the edge of one member's cap ---- */

enum { RACERS = 16, ROUNDS = 6 };
struct racer {
    pthread_t thread;
    int index;
    int64_t benefit_fen;
    uint32_t failed;
};

static void *race(void *arg)
{
    struct racer *racer = arg;
    struct store *store = NULL;
    struct error err = {0};
    if (store_open(fixture_conninfo(), STORE_ROLE_APP, &store, &err) != STATUS_OK) {
        racer->failed = 1;
        return NULL;
    }
    for (int round = 0; round < ROUNDS; round++) {
        struct submission batch[2];
        struct intake_result results[2];
        for (uint32_t i = 0; i < 2; i++) {
            char key[32];
            text_format(key, sizeof key, "race%d-%d-%u", racer->index, round, i);
            /* the two members in turned order: unsorted locks would deadlock */
            batch[i] = fixture_prescription(3, (i + (uint32_t)racer->index) % 2, key, "AMLO", 1, 937);
        }
        if (store_intake(store, batch, 2, FIXTURE_NOW_MS, results, &err) != STATUS_OK) racer->failed++;
        for (int i = 0; i < 2; i++) {
            if (results[i].status != STATUS_OK) racer->failed++;
            else racer->benefit_fen += results[i].claim.benefit_fen;
        }
    }
    store_close(store);
    return NULL;
}

static void test_sixteen_connections_never_pass_the_cap(void **state)
{
    (void)state;
    fixture_city(app, 3, 2, 50000); /* 750 each, 96 orders each member: the cap is passed by far */
    struct racer racers[RACERS];
    int64_t sum = 0;
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.index = i};
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    for (int i = 0; i < RACERS; i++) {
        pthread_join(racers[i].thread, NULL);
        assert_int_equal(racers[i].failed, 0);
        sum += racers[i].benefit_fen;
    }
    assert_int_equal(sum, 100000);
    assert_int_equal(raw_number(raw, "SELECT sum(pending_fen) FROM member_year WHERE city_id = 3"), 100000);
    assert_int_equal(raw_number(raw, "SELECT count(*) FROM orders WHERE city_id = 3"), RACERS * ROUNDS * 2);
    assert_books_sound(app, 3);
}

/* The same key from many sides at once is one order. */
static void *same_key_race(void *arg)
{
    struct racer *racer = arg;
    struct store *store = NULL;
    struct error err = {0};
    struct submission s = fixture_prescription(1, 3, "one key", "AMLO", 1, 900);
    struct intake_result r;
    if (store_open(fixture_conninfo(), STORE_ROLE_APP, &store, &err) != STATUS_OK || store_intake(store, &s, 1, FIXTURE_NOW_MS, &r, &err) != STATUS_OK ||
        r.status != STATUS_OK)
        racer->failed = 1;
    else racer->benefit_fen = (int64_t)r.order.id.v;
    store_close(store);
    return NULL;
}

static void test_one_key_from_eight_connections_is_one_order(void **state)
{
    (void)state;
    struct racer racers[8];
    for (int i = 0; i < 8; i++) {
        racers[i] = (struct racer){.index = i};
        assert_int_equal(pthread_create(&racers[i].thread, NULL, same_key_race, &racers[i]), 0);
    }
    for (int i = 0; i < 8; i++) pthread_join(racers[i].thread, NULL);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(racers[i].failed, 0);
        assert_int_equal(racers[i].benefit_fen, racers[0].benefit_fen);
    }
}

static void test_lists_page_and_filter(void **state)
{
    (void)state;
    struct order_view page[7];
    struct order_filter filter = {.live_only = true};
    size_t count = 0, total = 0;
    uint64_t last = 0;
    do {
        assert_ok(store_orders_list(app, (struct city_id){1}, &filter, page, COUNT_OF(page), &count, err));
        for (size_t i = 0; i < count; i++) {
            assert_true(page[i].order.id.v > last);
            assert_int_equal(page[i].ended_ms, 0);
            last = page[i].order.id.v;
        }
        total += count;
        filter.after.v = last;
    } while (count == COUNT_OF(page));
    assert_int_equal(total, raw_number(raw, "SELECT count(*) FROM orders WHERE city_id = 1 AND phase <> 1"));
    filter = (struct order_filter){.by_phase = true, .phase = ORDER_REFUSED, .member = "M4"};
    assert_ok(store_orders_list(app, (struct city_id){1}, &filter, page, COUNT_OF(page), &count, err));
    assert_int_equal(count, 3);
    filter = (struct order_filter){.pharmacy = {1}, .member = "M0"};
    assert_ok(store_orders_list(app, (struct city_id){1}, &filter, page, 3, &count, err));
    assert_int_equal(count, 3);
    struct claim claims[5];
    struct claim_filter which = {.member = "M4", .state = CLAIM_REFUSED};
    assert_ok(store_claims_list(app, (struct city_id){1}, &which, claims, COUNT_OF(claims), &count, err));
    assert_int_equal(count, 3);
    assert_string_equal(claims[0].refusal_rule, "R7");
    assert_int_equal(claims[0].line_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prescription_is_adjudicated_and_held),
        cmocka_unit_test(test_claims_entries_agree_with_what_the_database_wrote),
        cmocka_unit_test(test_repeated_key_gives_the_original_answer),
        cmocka_unit_test(test_a_quote_is_the_answer_of_a_moment_later_and_leaves_no_trace), cmocka_unit_test(test_refusals_are_answers),
        cmocka_unit_test(test_unknown_things_name_the_field),
        cmocka_unit_test(test_poisoned_order_sinks_alone),
        cmocka_unit_test(test_batch_of_one_member_respects_the_cap_to_the_fen),
        cmocka_unit_test(test_home_test_gets_stability_skill_and_one_checkup_a_year),
        cmocka_unit_test(test_batch_of_many_cities),
        cmocka_unit_test(test_sixteen_connections_never_pass_the_cap),
        cmocka_unit_test(test_one_key_from_eight_connections_is_one_order),
        cmocka_unit_test(test_lists_page_and_filter),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
