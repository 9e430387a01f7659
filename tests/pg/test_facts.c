/* Facts against a real database: the fence, the stream's order, money in the same transaction, replay, and a writer killed in the middle. */
#include "pg_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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

static uint64_t lead(uint32_t city)
{
    uint64_t epoch = 0;
    assert_ok(store_city_lead(app, (struct city_id){city}, "node-a", 5000, &epoch, err));
    return epoch;
}

static int64_t balance(uint32_t city, int kind, const char *owner)
{
    char sql[512];
    text_format(sql, sizeof sql,
                "SELECT coalesce(sum(CASE WHEN credit_account = account_id THEN amount_fen ELSE -amount_fen END), 0)::bigint FROM ledger JOIN account USING "
                "(city_id) WHERE city_id = %u AND account_id IN (debit_account, credit_account) AND account.kind = %d AND ('%s' = '' OR owner = '%s')",
                city, kind, owner, owner);
    return raw_number(raw, sql);
}

static void test_stale_epoch_is_refused(void **state)
{
    (void)state;
    fixture_city(app, 1, 4, 1000000);
    struct city_id city = {1};
    uint64_t first = lead(1), second = 0;
    struct fact fact = fixture_fact(1, 1, FACT_SHIFT_ENDED, NULL, ORDER_RECEIVED, 0);
    fact.courier.v = 1;
    assert_status(STATUS_FAILED_PRECONDITION, store_city_lead(app, city, "node-b", 5000, &second, err)); /* node-a's lease runs */
    assert_ok(store_city_beat(app, city, first, 100, err));
    usleep(150000);
    assert_ok(store_city_lead(app, city, "node-b", 5000, &second, err));
    assert_int_equal(second, first + 1);
    assert_status(STATUS_FAILED_PRECONDITION, store_facts_write(app, city, first, &fact, 1, err));
    assert_status(STATUS_FAILED_PRECONDITION, store_city_beat(app, city, first, 5000, err));
    assert_int_equal(raw_number(raw, "SELECT count(*) FROM order_event WHERE city_id = 1"), 0);
    assert_ok(store_facts_write(app, city, second, &fact, 1, err));
    assert_ok(store_city_release(app, city, second, err));
    assert_ok(store_city_lead(app, city, "node-c", 5000, &second, err));
    uint64_t none = 0;
    assert_status(STATUS_NOT_FOUND, store_city_lead(app, (struct city_id){777}, "node-a", 5000, &none, err));
}

/* A takeover waits for the writer that holds the fence: what it then sees is complete. */
static void test_takeover_waits_for_a_write_under_way(void **state)
{
    (void)state;
    raw_ok(raw, "BEGIN; SELECT 1 FROM city_epoch WHERE city_id = 1 FOR SHARE");
    PGconn *other = fixture_raw("meddispatch_app");
    raw_ok(other, "SET lock_timeout = '200ms'");
    raw_refused(other, "55P03", "UPDATE city_epoch SET epoch = epoch + 1 WHERE city_id = 1");
    raw_ok(raw, "COMMIT");
    PQfinish(other);
}

static void test_facts_follow_on_densely(void **state)
{
    (void)state;
    fixture_city(app, 2, 1, 1000000);
    struct city_id city = {2};
    uint64_t epoch = lead(2), last = 0;
    struct fact facts[3];
    for (uint64_t i = 0; i < 3; i++) facts[i] = fixture_fact(2, i + 1, FACT_SHIFT_ENDED, NULL, ORDER_RECEIVED, 0);
    assert_status(STATUS_ABORTED, store_facts_write(app, city, epoch, facts + 1, 2, err));
    assert_ok(store_facts_write(app, city, epoch, facts, 2, err));
    assert_status(STATUS_ABORTED, store_facts_write(app, city, epoch, facts, 2, err));
    assert_ok(store_facts_write(app, city, epoch, facts + 2, 1, err));
    assert_ok(store_facts_last(app, city, &last, err));
    assert_int_equal(last, 3);
    assert_int_equal(raw_number(raw, "SELECT count(*) FROM order_event WHERE city_id = 2"), 3);
}

/* ---- money ---- */

static uint64_t seq; /* of the city under test */

static void tell(uint32_t city, uint64_t epoch, enum fact_kind kind, const struct order *order, enum order_phase phase, uint64_t facility)
{
    seq++;
    struct fact fact = fixture_fact(city, seq, kind, order, phase, (uint32_t)seq);
    fact.courier.v = 1;
    if (kind == FACT_SPECIMEN_LAB_ACCEPTED) fact.hand.lab.v = facility;
    if (kind == FACT_ORDER_ENTERED) {
        fact.entered = (struct order *)(uintptr_t)order;
        fact.courier.v = 0;
    }
    assert_ok(store_facts_write(app, (struct city_id){city}, epoch, &fact, 1, err));
}

static void test_delivery_posts_and_cancel_voids(void **state)
{
    (void)state;
    fixture_city(app, 3, 4, 1000000);
    uint64_t epoch = lead(3);
    seq = 0;
    struct submission s = fixture_prescription(3, 0, "deliver", "AMLO", 1, 1000);
    struct intake_result a = fixture_intake(app, &s);
    s = fixture_prescription(3, 1, "cancel", "AMLO", 1, 1000);
    struct intake_result b = fixture_intake(app, &s);
    assert_int_equal(balance(3, CLAIMS_ACCOUNT_BENEFIT_HELD, ""), 1600);
    tell(3, epoch, FACT_ORDER_ENTERED, &a.order, ORDER_ADJUDICATED, 0);
    tell(3, epoch, FACT_ORDER_ENTERED, &b.order, ORDER_ADJUDICATED, 0);
    assert_int_equal(raw_number(raw, "SELECT count(*) FROM outbox WHERE city_id = 3"), 0);
    tell(3, epoch, FACT_ORDER_ASSIGNED, &a.order, ORDER_ASSIGNED, 0);
    tell(3, epoch, FACT_ORDER_DELIVERED, &a.order, ORDER_DELIVERED, 0);
    tell(3, epoch, FACT_ORDER_CANCELLED, &b.order, ORDER_CANCELLED, 0);
    assert_int_equal(balance(3, CLAIMS_ACCOUNT_BENEFIT_HELD, ""), 0);
    assert_int_equal(balance(3, CLAIMS_ACCOUNT_PAYABLE, "PH1"), 800);
    assert_int_equal(balance(3, CLAIMS_ACCOUNT_COPAY, "PH1"), 200);
    assert_int_equal(balance(3, CLAIMS_ACCOUNT_INSURER_FUND, ""), -800);
    struct order_view view;
    assert_ok(store_order_read(app, s.city, a.order.id, &view, err));
    assert_int_equal(view.order.phase, ORDER_DELIVERED);
    assert_int_equal(view.courier.v, 1);
    assert_int_not_equal(view.ended_ms, 0);
    struct claim claim;
    assert_ok(store_claim_read(app, s.city, b.claim.id, &claim, err));
    assert_int_equal(claim.state, CLAIM_VOIDED);
    /* a cancelled order gives its prescription back */
    s = fixture_prescription(3, 1, "cancel2", "AMLO", 1, 1000);
    (void)text_copy(s.prescription.number, sizeof s.prescription.number, "RX-cancel");
    struct intake_result again = fixture_intake(app, &s);
    assert_int_equal(again.claim.state, CLAIM_HELD);
    assert_books_sound(app, 3);
}

static void test_test_accrues_at_the_lab_and_is_payable_on_report(void **state)
{
    (void)state;
    uint64_t epoch = lead(3);
    struct submission s = fixture_test(3, 2, "specimen", "FLU");
    struct intake_result r = fixture_intake(app, &s);
    tell(3, epoch, FACT_ORDER_ENTERED, &r.order, ORDER_ADJUDICATED, 0);
    tell(3, epoch, FACT_SPECIMEN_LAB_ACCEPTED, &r.order, ORDER_LAB_ACCEPTED, 2);
    assert_int_equal(balance(3, CLAIMS_ACCOUNT_ACCRUED, "LAB2"), 3192);
    assert_int_equal(balance(3, CLAIMS_ACCOUNT_PAYABLE, "LAB2"), 0);
    tell(3, epoch, FACT_SPECIMEN_REPORTED, &r.order, ORDER_REPORTED, 0);
    assert_int_equal(balance(3, CLAIMS_ACCOUNT_ACCRUED, "LAB2"), 0);
    assert_int_equal(balance(3, CLAIMS_ACCOUNT_PAYABLE, "LAB2"), 3192);
    assert_books_sound(app, 3);
}

static void test_failed_then_returned_voids_once_and_lateness_pays_once(void **state)
{
    (void)state;
    uint64_t epoch = lead(3);
    struct submission s = fixture_prescription(3, 3, "late", "AMLO", 1, 1000);
    struct intake_result r = fixture_intake(app, &s);
    tell(3, epoch, FACT_ORDER_ENTERED, &r.order, ORDER_ADJUDICATED, 0);
    tell(3, epoch, FACT_PROMISE_MISSED, &r.order, ORDER_PICKED_UP, 0);
    tell(3, epoch, FACT_PROMISE_MISSED, &r.order, ORDER_PICKED_UP, 0);
    assert_int_equal(balance(3, CLAIMS_ACCOUNT_LATE, ""), 1000);
    tell(3, epoch, FACT_ORDER_FAILED, &r.order, ORDER_FAILED, 0);
    tell(3, epoch, FACT_ORDER_RETURNING, &r.order, ORDER_RETURNING, 0);
    tell(3, epoch, FACT_ORDER_RETURNED, &r.order, ORDER_RETURNED, 0);
    struct claim claim;
    assert_ok(store_claim_read(app, s.city, r.claim.id, &claim, err));
    assert_int_equal(claim.state, CLAIM_VOIDED);
    struct order_view view;
    assert_ok(store_order_read(app, s.city, r.order.id, &view, err));
    assert_true(view.late);
    assert_int_equal(view.order.phase, ORDER_RETURNED);
    assert_books_sound(app, 3);
}

/* ---- replay ---- */

struct replay {
    struct buffer bytes;
    uint64_t last;
};

static bool on_fact(void *context, const struct fact *fact)
{
    struct replay *replay = context;
    assert_int_equal(fact->seq, replay->last + 1);
    replay->last = fact->seq;
    fact_encode(fact, &replay->bytes);
    return true;
}

static void test_replayed_facts_are_the_written_ones(void **state)
{
    (void)state;
    enum { COUNT = 1500 };
    fixture_city(app, 4, 1, 1000000);
    struct submission s = fixture_prescription(4, 0, "replay", "AMLO", 1, 1000);
    struct intake_result r = fixture_intake(app, &s);
    uint64_t epoch = lead(4);
    struct fact *facts = mem_zalloc(COUNT, sizeof *facts);
    struct plan_stop stops[2] = {{.order = r.order.id, .kind = STOP_PICKUP, .arrive_ms = 1, .begin_ms = 2, .leave_ms = 3, .travel_s = 4, .travel_m = 5},
                                 {.order = r.order.id, .kind = STOP_HOME, .arrive_ms = FIXTURE_NOW_MS + 77, .begin_ms = 7, .leave_ms = 8}};
    struct buffer written;
    buffer_init(&written, 16 << 20);
    for (uint64_t i = 0; i < COUNT; i++) {
        enum fact_kind kinds[] = {FACT_ROUTE_PLANNED, FACT_ORDER_READY, FACT_TEMPERATURE_READ, FACT_ALERT_RAISED};
        facts[i] = fixture_fact(4, i + 1, kinds[i % 4], i % 4 ? &r.order : NULL, i % 4 ? ORDER_READY : ORDER_RECEIVED, i % 4 ? (uint32_t)i : 0);
        facts[i].courier.v = 1;
        if (i % 4 == 0) {
            facts[i].route.stop_count = 2;
            facts[i].route.stops = stops;
        }
        if (i % 4 == 3) facts[i].alert.kind = ALERT_READY_LATE;
        fact_encode(&facts[i], &written);
    }
    assert_ok(store_facts_write(app, (struct city_id){4}, epoch, facts, 700, err));
    assert_ok(store_facts_write(app, (struct city_id){4}, epoch, facts + 700, COUNT - 700, err));
    struct replay replay = {0};
    buffer_init(&replay.bytes, 16 << 20);
    for (size_t count = 1; count > 0;) {
        struct arena *arena = arena_new(16 << 20);
        assert_ok(store_facts_read(app, (struct city_id){4}, replay.last, STORE_PAGE_MAX, arena, on_fact, &replay, &count, err));
        arena_free(arena);
    }
    assert_int_equal(replay.last, COUNT);
    assert_int_equal(replay.bytes.size, written.size);
    assert_memory_equal(replay.bytes.data, written.data, written.size);
    struct order_view view;
    assert_ok(store_order_read(app, s.city, r.order.id, &view, err));
    assert_int_equal(view.eta_ms, FIXTURE_NOW_MS + 77);
    buffer_deinit(&written);
    buffer_deinit(&replay.bytes);
    free(facts);
}

static void test_snapshot_with_a_wrong_hash_is_passed_over(void **state)
{
    (void)state;
    struct city_id city = {4};
    uint64_t epoch = lead(4), at_seq = 0;
    int64_t at_ms = 0;
    struct buffer body, loaded;
    buffer_init(&body, 1 << 20);
    buffer_init(&loaded, STORE_SNAPSHOT_MAX);
    assert_status(STATUS_NOT_FOUND, store_snapshot_load(app, city, &at_seq, &at_ms, &loaded, err));
    for (uint64_t i = 1; i <= 5; i++) {
        buffer_u64(&body, i);
        assert_ok(store_snapshot_save(app, city, epoch, i * 10, (int64_t)i, &body, err));
    }
    assert_int_equal(raw_number(raw, "SELECT count(*) FROM world_snapshot WHERE city_id = 4"), 3);
    assert_status(STATUS_FAILED_PRECONDITION, store_snapshot_save(app, city, epoch - 1, 60, 6, &body, err));
    assert_ok(store_snapshot_load(app, city, &at_seq, &at_ms, &loaded, err));
    assert_int_equal(at_seq, 50);
    assert_int_equal(loaded.size, 40);
    raw_ok(raw, "UPDATE world_snapshot SET body = body || 'x'::bytea WHERE city_id = 4 AND seq = 50");
    assert_ok(store_snapshot_load(app, city, &at_seq, &at_ms, &loaded, err));
    assert_int_equal(at_seq, 40);
    assert_int_equal(loaded.size, 32);
    buffer_deinit(&body);
    buffer_deinit(&loaded);
}

/* ---- kill -9 ---- */

/* A child takes orders in and delivers them as fast as it can until it is shot. Whatever was committed must be whole. */
static void child_work(uint32_t round)
{
    struct store *store = NULL;
    uint64_t epoch = 0, last = 0;
    struct city_id city = {5};
    if (store_open(fixture_conninfo(), STORE_ROLE_APP, &store, NULL) != STATUS_OK) _exit(1);
    if (store_city_lead(store, city, "node-a", 5000, &epoch, NULL) != STATUS_OK) _exit(1);
    if (store_facts_last(store, city, &last, NULL) != STATUS_OK) _exit(1);
    for (uint32_t i = 0;; i++) {
        struct submission batch[20];
        struct intake_result results[20];
        struct fact facts[40];
        for (uint32_t k = 0; k < 20; k++) {
            char key[32];
            text_format(key, sizeof key, "kill%u-%u-%u", round, i, k);
            batch[k] = fixture_prescription(5, k % 8, key, "AMLO", 1, 1000);
        }
        if (store_intake(store, batch, 20, FIXTURE_NOW_MS, results, NULL) != STATUS_OK) _exit(1);
        for (uint32_t k = 0; k < 20; k++) {
            facts[2 * k] = fixture_fact(5, ++last, FACT_ORDER_ENTERED, &results[k].order, ORDER_ADJUDICATED, 1);
            facts[2 * k].entered = &results[k].order;
            facts[2 * k + 1] = fixture_fact(5, ++last, k % 3 ? FACT_ORDER_DELIVERED : FACT_ORDER_FAILED, &results[k].order, k % 3 ? ORDER_DELIVERED : ORDER_FAILED, 2);
        }
        if (store_facts_write(store, city, epoch, facts, 40, NULL) != STATUS_OK) _exit(1);
    }
}

static void test_killed_writer_leaves_nothing_half(void **state)
{
    (void)state;
    fixture_city(app, 5, 8, INT64_C(100000000));
    struct rng rng;
    rng_init(&rng, 20260310);
    for (uint32_t round = 0; round < 10; round++) {
        fflush(NULL);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) child_work(round);
        usleep(60000 + rng_below(&rng, 90000));
        kill(child, SIGKILL);
        int how = 0;
        assert_int_equal(waitpid(child, &how, 0), child);
        assert_true(WIFSIGNALED(how)); /* it was still at work */
        /* the server notices the dead client and rolls back by itself */
        for (int i = 0; i < 100 && raw_number(raw, "SELECT count(*) FROM pg_stat_activity WHERE usename = current_user AND backend_type = 'client backend' "
                                                   "AND application_name = 'meddispatch'") > 1; i++)
            usleep(20000);
        assert_books_sound(app, 5);
        assert_int_equal(raw_number(raw, "SELECT count(*) FROM orders o WHERE city_id = 5 AND (NOT EXISTS (SELECT FROM claim c WHERE c.city_id = 5 AND c.order_id = "
                                         "o.order_id) OR NOT EXISTS (SELECT FROM order_contact c WHERE c.city_id = 5 AND c.order_id = o.order_id) OR 2 <> (SELECT "
                                         "count(*) FROM order_event e WHERE e.city_id = 5 AND e.stream = 1 AND e.order_id = o.order_id))"), 0);
        /* an order has either its outbox row or its fact, never both, never neither */
        assert_int_equal(raw_number(raw, "SELECT count(*) FROM orders o WHERE city_id = 5 AND (SELECT count(*) FROM outbox x WHERE x.city_id = 5 AND x.order_id = "
                                         "o.order_id) + (SELECT count(*) FROM order_event e WHERE e.city_id = 5 AND e.stream = 0 AND e.order_id = o.order_id AND "
                                         "e.kind = 1) <> 1"), 0);
        assert_int_equal(raw_number(raw, "SELECT count(*) - max(seq) FROM order_event WHERE city_id = 5 AND stream = 0"), 0);
    }
    assert_true(raw_number(raw, "SELECT count(*) FROM orders WHERE city_id = 5") > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stale_epoch_is_refused),
        cmocka_unit_test(test_takeover_waits_for_a_write_under_way),
        cmocka_unit_test(test_facts_follow_on_densely),
        cmocka_unit_test(test_delivery_posts_and_cancel_voids),
        cmocka_unit_test(test_test_accrues_at_the_lab_and_is_payable_on_report),
        cmocka_unit_test(test_failed_then_returned_voids_once_and_lateness_pays_once),
        cmocka_unit_test(test_replayed_facts_are_the_written_ones),
        cmocka_unit_test(test_snapshot_with_a_wrong_hash_is_passed_over),
        cmocka_unit_test(test_killed_writer_leaves_nothing_half),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
