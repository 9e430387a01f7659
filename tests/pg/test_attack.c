/* Raw SQL against every law of DOMAIN §3, as each role; and the shape of the schema (city_id leads every key, no triggers). */
#include "pg_fixture.h"

#include <stdio.h>
#include <string.h>

static struct store *app;
static PGconn *owner, *as_app, *as_settlement, *as_reader, *root;
/* what the daemon becomes for the length of a caller's question: they read, and nothing else */
static const char *const CALLERS[] = {"meddispatch_pharmacy", "meddispatch_lab", "meddispatch_clinic", "meddispatch_courier", "meddispatch_dispatcher", "meddispatch_clerk", "meddispatch_admin",
                                      "meddispatch_auditor"};
static PGconn *as_caller[COUNT_OF(CALLERS)];
static struct intake_result held, posted;

static void post(const struct order *order, uint64_t seq, enum fact_kind kind, enum order_phase phase)
{
    uint64_t epoch = 0;
    struct fact fact = fixture_fact(1, seq, kind, order, phase, (uint32_t)seq);
    assert_ok(store_city_lead(app, (struct city_id){1}, "attack", 5000, &epoch, err));
    assert_ok(store_facts_write(app, (struct city_id){1}, epoch, &fact, 1, err));
}

static int setup(void **state)
{
    (void)state;
    app = fixture_open(STORE_ROLE_APP);
    root = fixture_raw(NULL);
    owner = fixture_raw("meddispatch_owner");
    as_app = fixture_raw("meddispatch_app");
    as_settlement = fixture_raw("meddispatch_settlement");
    as_reader = fixture_raw("meddispatch_reader");
    for (size_t i = 0; i < COUNT_OF(CALLERS); i++) as_caller[i] = fixture_raw(CALLERS[i]);
    fixture_city(app, 1, 3, 1000000);
    struct submission s = fixture_prescription(1, 0, "held", "AMLO", 3, 1000);
    held = fixture_intake(app, &s);
    s = fixture_prescription(1, 1, "posted", "AMLO", 3, 1000);
    posted = fixture_intake(app, &s);
    post(&posted.order, 1, FACT_ORDER_DELIVERED, ORDER_DELIVERED);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_close(app);
    PQfinish(root);
    PQfinish(owner);
    PQfinish(as_app);
    PQfinish(as_settlement);
    PQfinish(as_reader);
    for (size_t i = 0; i < COUNT_OF(CALLERS); i++) PQfinish(as_caller[i]);
    return 0;
}

static void everyone_refused(const char *sqlstate, const char *sql)
{
    raw_refused(as_app, sqlstate, sql);
    raw_refused(as_settlement, sqlstate, sql);
    raw_refused(as_reader, sqlstate, sql);
    for (size_t i = 0; i < COUNT_OF(CALLERS); i++) raw_refused(as_caller[i], "42501", sql);
}

static void test_books_cannot_be_rewritten(void **state)
{
    (void)state;
    static const char *const tables[] = {"ledger", "ledger_key", "order_event", "hold", "hold_end", "ledger_block", "business_day", "claim_reversal", "account",
                                         "member_year", "claim", "claim_line", "orders", "order_line", "access_log", "schema_migration", "payout_item", "claim_basis", "claim_override",
                                         "payout_message", "payout_payment", "bank_file", "bank_entry", "payer", "payout_day", "payout_batch", "recon_run", "recon_exception"};
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        char sql[160];
        text_format(sql, sizeof sql, "DELETE FROM %s", tables[i]);
        everyone_refused("42501", sql);
        text_format(sql, sizeof sql, "TRUNCATE %s", tables[i]);
        everyone_refused("42501", sql);
    }
    everyone_refused("42501", "UPDATE ledger SET amount_fen = 1");
    everyone_refused("42501", "UPDATE ledger_key SET reversed_fen = 0");
    everyone_refused("42501", "UPDATE order_event SET kind = 2");
    everyone_refused("42501", "UPDATE claim SET benefit_fen = 0");
    everyone_refused("42501", "UPDATE claim_line SET reversed_quantity = 0");
    everyone_refused("42501", "UPDATE member_year SET limit_fen = limit_fen * 2");
    everyone_refused("42501", "UPDATE member_year SET pending_fen = 0");
    everyone_refused("42501", "UPDATE city_book SET closed_through = DATE '2000-01-01'");
    everyone_refused("42501", "UPDATE orders SET city_id = 2");
    everyone_refused("42501", "UPDATE orders SET claim_id = 0");
    everyone_refused("42501", "UPDATE plan_version SET late_fen = 9");
    everyone_refused("42501", "UPDATE product SET ceiling_fen = 9");
    everyone_refused("42501", "UPDATE policy SET valid_to = '2100-01-01'");
    everyone_refused("42501", "INSERT INTO member_year (city_id, member_id, policy, year_start, limit_fen, deductible_fen, count_max) "
                              "VALUES (1, 1, 'X', '2026-01-01', 1, 0, '{0,0,0}')");
    /* partitions have no side door */
    everyone_refused("42501", "UPDATE ledger_202603 SET amount_fen = 1");
    everyone_refused("42501", "DELETE FROM order_event_202603");
    everyone_refused("42501", "ALTER TABLE ledger DISABLE TRIGGER ALL");
    everyone_refused("42501", "CREATE TABLE mine (x integer)");
}

static void test_nobody_inserts_into_the_ledger_directly(void **state)
{
    (void)state;
    everyone_refused("42501", "INSERT INTO ledger (city_id, entry_id, business_day, at_ms, kind, debit_account, credit_account, amount_fen, source, idempotency_key, "
                              "row_hash) VALUES (1, 1, '2026-03-10', 0, 1, 1, 2, 5, 'x', 'x', sha256(''))");
    everyone_refused("42501", "INSERT INTO ledger_key (city_id, source, idempotency_key, request_hash, entry_id, business_day, amount_fen) "
                              "VALUES (1, 'x', 'x', sha256(''), 1, '2026-03-10', 5)");
    everyone_refused("42501", "INSERT INTO hold (city_id, claim_id, amount_fen, at_ms) VALUES (1, 1, 1, 1)");
    everyone_refused("42501", "INSERT INTO hold_end (city_id, claim_id, outcome, held_fen, posted_fen, at_ms) VALUES (1, 1, 1, 1, 1, 1)");
    everyone_refused("42501", "INSERT INTO ledger_block (city_id, business_day, entry_count, amount_fen, prev_hash, hash) "
                              "VALUES (1, '2026-03-10', 0, 0, sha256(''), sha256(''))");
    everyone_refused("42501", "SELECT ledger_write(1, '{1}', '{1}', '{1}', '{\"\"}', '{9}', '{\"\"}', '{5}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{x}', '{x}')");
    raw_refused(as_settlement, "42501", "SELECT hold_end(1, '{1}', '{1}', '{NULL}', '{NULL}', '{1}')");
    raw_refused(as_app, "42501", "SELECT settlement_post(1, '{1}', '{10}', '{PH1}', '{5}', '{x}')");
    raw_refused(as_reader, "42501", "SELECT intake_lock('{1}', '{M0}', '{1}')");
    static const char *const moving[] = {"SELECT hold_open(1, '{1}', 1)", "SELECT hold_end(1, '{1}', '{1}', '{NULL}', '{NULL}', '{1}')", "SELECT lab_report(1, '{1}', '{1}')",
                                         "SELECT claim_reverse(1, 1, 1::smallint, 1, 'a', 'b', 'c', '', 1)", "SELECT settlement_post(1, '{1}', '{10}', '{PH1}', '{5}', '{x}')",
                                         "SELECT business_day_close(1, '2026-03-10', 'me')", "SELECT hold_expire(1, 1, 1, 1)", "SELECT person_erase(1, 'M0', 'me')",
                                         "SELECT intake_lock('{1}', '{M0}', '{1}')", "SELECT caller_sign_in(1, sha256('a'), sha256('b'))"};
    for (size_t i = 0; i < COUNT_OF(moving); i++)
        for (size_t k = 0; k < COUNT_OF(CALLERS); k++) raw_refused(as_caller[k], "42501", moving[i]);
}

#define WRITE(debit, credit, amount, key)                                                                                               \
    "SELECT ledger_write(1, '{1773129600000}', '{10}', '{" debit "}', '{\"\"}', '{" credit "}', '{\"\"}', '{" amount "}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', " \
    "'{test}', '{" key "}')"

static void test_entry_has_two_sides_and_a_positive_amount(void **state)
{
    (void)state;
    /* even the one function, called as its owner, cannot write these */
    raw_refused(owner, "23514", WRITE("1", "1", "5", "self"));
    raw_refused(owner, "23514", WRITE("1", "9", "0", "zero"));
    raw_refused(owner, "23514", WRITE("1", "9", "-5", "negative"));
    raw_refused(owner, "23514", WRITE("1", "11", "5", "no such account"));
    assert_int_equal(raw_number(root, "SELECT count(*) FROM ledger WHERE source = 'test'"), 0);
    raw_refused(owner, "23514", "INSERT INTO ledger (city_id, entry_id, business_day, at_ms, kind, debit_account, credit_account, amount_fen, source, idempotency_key, "
                                "row_hash, currency) SELECT 1, 999999, '2026-03-10', 0, 1, min(account_id), max(account_id), 5, 'x', 'x', sha256(''), 'USD' FROM account");
}

static void test_key_with_other_content_is_refused_and_the_same_is_silent(void **state)
{
    (void)state;
    raw_ok(owner, WRITE("1", "9", "5", "same"));
    assert_int_equal(raw_number(owner, WRITE("1", "9", "5", "same")), 0);
    raw_refused(owner, "MD001", WRITE("1", "9", "6", "same"));
    assert_int_equal(raw_number(root, "SELECT sum(amount_fen) FROM ledger WHERE source = 'test'"), 5);
    raw_ok(owner, "SELECT ledger_write(1, '{1773129600000}', '{10}', '{9}', '{\"\"}', '{1}', '{\"\"}', '{5}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{test}', '{undo}')");
}

static void attack_claim(const char *format, const struct claim *claim, PGconn *raw, const char *sqlstate)
{
    char sql[400], id[24];
    text_format(id, sizeof id, "%llu", (unsigned long long)claim->id.v);
    const char *mark = strchr(format, '#');
    text_format(sql, sizeof sql, "%.*s%s%s", (int)(mark - format), format, id, mark + 1);
    raw_refused(raw, sqlstate, sql);
}

static void test_hold_ends_once_and_within_what_was_held(void **state)
{
    (void)state;
    attack_claim("SELECT hold_end(1, '{#}', '{1}', '{2401}', '{NULL}', '{1773129600000}')", &held.claim, as_app, "23514");
    attack_claim("SELECT hold_end(1, '{#}', '{1}', '{-1}', '{NULL}', '{1773129600000}')", &held.claim, as_app, "23514");
    attack_claim("SELECT hold_end(1, '{#}', '{4}', '{NULL}', '{NULL}', '{1773129600000}')", &held.claim, as_app, "23514");
    attack_claim("SELECT hold_end(1, '{#}', '{1}', '{NULL}', '{NULL}', '{1773129600000}')", &posted.claim, as_app, "23505");
    attack_claim("SELECT hold_end(1, '{#}', '{2}', '{NULL}', '{NULL}', '{1773129600000}')", &posted.claim, as_app, "23505");
    attack_claim("SELECT hold_open(1, '{#}', 1773129600000)", &posted.claim, as_app, "MD002");
    attack_claim("SELECT hold_open(1, '{#}', 1773129600000)", &held.claim, as_app, "23505");
    raw_refused(as_app, "MD002", "SELECT hold_end(1, '{987654}', '{1}', '{NULL}', '{NULL}', '{1773129600000}')");
    char twice[200];
    text_format(twice, sizeof twice, "SELECT hold_end(1, '{%llu,%llu}', '{1,2}', '{NULL,NULL}', '{NULL,NULL}', '{1773129600000,1773129600000}')",
                (unsigned long long)held.claim.id.v, (unsigned long long)held.claim.id.v);
    raw_refused(as_app, "23505", twice);
    assert_books_sound(app, 1);
}

static void test_more_than_was_given_cannot_come_back(void **state)
{
    (void)state;
    struct reversal_request request = {.city = {1}, .claim = posted.claim.id, .line = 1, .quantity = 2, .source = "test:1", .key = "r1", .actor = "pharmacy:1", .at_ms = FIXTURE_NOW_MS};
    struct reversal_answer answer;
    assert_ok(store_claim_reverse(app, &request, &answer, err));
    assert_int_equal(answer.benefit_fen, 1600);
    attack_claim("SELECT claim_reverse(1, #, 1::smallint, 2, 'test:1', 'r2', 'a', '', 1773129600000)", &posted.claim, as_app, "MD003");
    attack_claim("SELECT claim_reverse(1, #, 1::smallint, -1, 'test:1', 'r3', 'a', '', 1773129600000)", &posted.claim, as_app, "MD003");
    attack_claim("SELECT claim_reverse(1, #, 2::smallint, 1, 'test:1', 'r4', 'a', '', 1773129600000)", &posted.claim, as_app, "MD004");
    attack_claim("SELECT claim_reverse(1, #, 1::smallint, 1, 'test:1', 'r1', 'a', '', 1773129600000)", &posted.claim, as_app, "MD001");
    attack_claim("SELECT claim_reverse(1, #, 1::smallint, 3, 'test:1', 'r5', 'a', '', 1773129600000)", &held.claim, as_app, "MD002"); /* nothing would be delivered */
    attack_claim("SELECT claim_reverse(1, #, 1::smallint, 4, 'test:1', 'r6', 'a', '', 1773129600000)", &held.claim, as_app, "MD003");
    attack_claim("SELECT claim_short(1, #, 1::smallint, 1, 'test:1', 'r7', 'a', '', 1773129600000)", &posted.claim, as_app, "42501"); /* no side door */
    attack_claim("UPDATE claim SET short_fen = 1 WHERE claim_id = #", &held.claim, as_app, "42501");
    attack_claim("UPDATE claim SET short_fen = benefit_fen + 1 WHERE claim_id = #", &held.claim, owner, "23514");
    attack_claim("UPDATE claim_line SET short_quantity = 2 WHERE claim_id = #", &posted.claim, owner, "23514"); /* two came back, of three */
    /* the sums are held by CHECKs as well, whoever writes */
    attack_claim("UPDATE claim_line SET reversed_quantity = 4 WHERE claim_id = #", &posted.claim, owner, "23514");
    attack_claim("UPDATE claim_line SET reversed_fen = 2401 WHERE claim_id = #", &posted.claim, owner, "23514");
    attack_claim("UPDATE ledger_key SET reversed_fen = amount_fen + 1 WHERE idempotency_key = 'post:#'", &posted.claim, owner, "23514");
    assert_books_sound(app, 1);
}

static void test_caps_hold_against_the_owner_too(void **state)
{
    (void)state;
    raw_refused(owner, "23514", "UPDATE member_year SET posted_fen = limit_fen + 1 - pending_fen");
    raw_refused(owner, "23514", "UPDATE member_year SET deductible_used_fen = deductible_fen + 1");
    raw_refused(owner, "23514", "UPDATE member_year SET count_used = '{0,0,2}'");
    raw_refused(owner, "23514", "UPDATE member_year SET pending_fen = -1");
    /* an application gone wrong writes itself a claim over the cap: the hold for it is refused */
    raw_ok(as_app, "BEGIN");
    raw_ok(as_app, "INSERT INTO orders (city_id, order_id, kind, priority, phase, source, idempotency_key, request_hash, actor, member_id, claim_id, accepted_ms, "
                   "promise_ms, ready_ms, body) SELECT 1, 900001, 1, 1, 2, 'x', decode(repeat('ab', 16), 'hex'), 0, 'x', member_id, 900001, 0, 0, 0, '' FROM member_year LIMIT 1");
    raw_ok(as_app, "INSERT INTO claim (city_id, claim_id, order_id, member_id, policy, plan, plan_version, benefit, year_start, state, service_ms, submitted_fen, "
                   "eligible_fen, other_coverage_fen, deductible_fen, deductible_year_fen, benefit_fen, member_fen, line_count) "
                   "SELECT 1, 900001, 900001, member_id, policy, 'P80', 1, 1, year_start, 2, 0, 9000000, 9000000, 0, 0, 0, 9000000, 0, 1 FROM member_year LIMIT 1");
    raw_refused(as_app, "23514", "SELECT hold_open(1, '{900001}', 1773129600000)");
    raw_ok(as_app, "ROLLBACK");
}

static void test_idempotency_key_of_an_order_is_unique(void **state)
{
    (void)state;
    raw_refused(as_app, "23505", "INSERT INTO orders (city_id, order_id, kind, priority, phase, source, idempotency_key, request_hash, actor, member_id, claim_id, "
                                 "accepted_ms, promise_ms, ready_ms, body) SELECT city_id, order_id + 500000, kind, priority, phase, source, idempotency_key, 77, actor, "
                                 "member_id, claim_id, accepted_ms, promise_ms, ready_ms, body FROM orders WHERE city_id = 1 LIMIT 1");
}

static void test_closed_day_takes_no_posting_and_four_eyes_are_two_people(void **state)
{
    (void)state;
    /* close the day of all postings so far: a late event finds the next open day and keeps its own time */
    raw_refused(as_app, "42501", "SELECT business_day_close(1, '2026-03-10', 'me')");
    raw_ok(as_settlement, "SELECT business_day_close(1, '2026-03-10', 'me')");
    attack_claim("SELECT hold_end(1, '{#}', '{1}', '{99999}', '{NULL}', '{1773129600000}')", &held.claim, as_app, "23514");
    char sql[200];
    text_format(sql, sizeof sql, "SELECT hold_end(1, '{%llu}', '{1}', '{NULL}', '{NULL}', '{1773129600000}')", (unsigned long long)held.claim.id.v);
    raw_ok(as_app, sql);
    assert_int_equal(raw_number(root, "SELECT count(*) FROM ledger WHERE city_id = 1 AND business_day = '2026-03-11' AND at_ms = 1773129600000 AND kind = 2"), 1);
    assert_int_equal(raw_number(root, "SELECT entry_count - (SELECT count(*) FROM ledger WHERE city_id = 1 AND business_day = '2026-03-10') FROM ledger_block "
                                      "WHERE city_id = 1 AND business_day = '2026-03-10'"), 0);
    assert_books_sound(app, 1);

    /* an open day cannot be paid; preparer and approver differ; an entry is paid once; a sent file once */
#define BATCH "INSERT INTO payout_batch (city_id, payee, business_day, run, state, item_count, net_fen, total_fen, prepared_by, approved_by, file_sha256) VALUES "
    raw_refused(as_settlement, "23503", BATCH "(1, 'PH1', '2026-03-11', 1, 'DRAFT', 0, 0, 0, 'li', NULL, NULL)");
    raw_refused(as_settlement, "23514", BATCH "(1, 'PH1', '2026-03-10', 1, 'APPROVED', 0, 0, 0, 'li', 'li', sha256('a'))");
    raw_refused(as_settlement, "23514", BATCH "(1, 'PH1', '2026-03-10', 1, 'SENT', 0, 0, 0, 'li', NULL, sha256('a'))");
    raw_refused(as_settlement, "23514", BATCH "(1, 'PH1', '2026-03-10', 1, 'SEALED', 0, 0, 0, 'li', NULL, NULL)");
    raw_refused(as_settlement, "23514", BATCH "(1, 'PH1', '2026-03-10', 1, 'DRAFT', 0, 5, 6, 'li', NULL, NULL)");
    raw_ok(as_settlement, BATCH "(1, 'PH1', '2026-03-10', 1, 'SEALED', 1, 800, 800, 'li', NULL, sha256('a')), (1, 'PH1', '2026-03-10', 2, 'SEALED', 1, 800, 800, 'li', NULL, sha256('a'))");
    raw_refused(as_settlement, "23514", "UPDATE payout_batch SET state = 'APPROVED', approved_by = 'li' WHERE run = 1");
    raw_refused(as_settlement, "42501", "UPDATE payout_batch SET prepared_by = 'wang'");
    raw_refused(as_settlement, "42501", "UPDATE payout_batch SET total_fen = 1");
    raw_ok(as_settlement, "UPDATE payout_batch SET state = 'SENT', approved_by = 'wang' WHERE run = 1");
    raw_refused(as_settlement, "23505", "UPDATE payout_batch SET state = 'SENT', approved_by = 'wang' WHERE run = 2");
    raw_ok(as_settlement, "INSERT INTO payout_item SELECT 1, 'PH1', '2026-03-10', 1, min(entry_id), 800 FROM ledger WHERE kind = 2");
    raw_refused(as_settlement, "23505", "INSERT INTO payout_item SELECT 1, 'PH1', '2026-03-10', 2, min(entry_id), 800 FROM ledger WHERE kind = 2");
    raw_refused(as_settlement, "MD002", "SELECT settlement_post(1, '{1}', '{1}', '{PH1}', '{5}', '{x}')");
    raw_refused(as_app, "42501", BATCH "(1, 'PH1', '2026-03-10', 3, 'DRAFT', 0, 0, 0, 'li', NULL, NULL)");
}

static void test_addresses_are_for_the_application_alone(void **state)
{
    (void)state;
    raw_refused(as_settlement, "42501", "SELECT * FROM order_contact");
    raw_refused(as_reader, "42501", "SELECT * FROM order_contact");
    raw_refused(as_reader, "42501", "SELECT * FROM access_log");
    raw_refused(as_app, "42501", "SELECT * FROM payee");
    raw_refused(as_app, "42501", "UPDATE payee SET account = 'mine'");
    raw_refused(as_reader, "42501", "INSERT INTO city VALUES (5, 'x')");
}

/* A tampered row is found, whoever tampered. */
static void test_verifier_finds_tampering(void **state)
{
    (void)state;
    static const struct { const char *sql, *what; } attacks[] = {
        {"UPDATE ledger SET amount_fen = amount_fen + 1 WHERE entry_id = (SELECT min(entry_id) FROM ledger)", "ROW_HASH"},
        {"DELETE FROM ledger WHERE entry_id = (SELECT min(entry_id) FROM ledger)", "KEY"},
        {"DELETE FROM ledger WHERE entry_id = (SELECT min(entry_id) FROM ledger)", "BLOCK"},
        {"DELETE FROM account WHERE account_id = (SELECT min(debit_account) FROM ledger)", "ACCOUNT"},
        {"UPDATE claim SET short_fen = 1 WHERE state = 3", "SHORT"},
        {"UPDATE member_year SET posted_fen = posted_fen + 1 WHERE posted_fen > 0", "MEMBER_YEAR"},
        {"UPDATE claim SET state = 4 WHERE state = 3", "CLAIM_STATE"},
        {"UPDATE claim_line SET reversed_fen = reversed_fen - 1 WHERE reversed_fen > 0", "LINE_REVERSED"},
        {"UPDATE ledger_key SET reversed_fen = 0 WHERE reversed_fen > 0", "REVERSED_SUM"},
        {"UPDATE ledger_block SET prev_hash = sha256('x')", "BLOCK"},
        {"UPDATE hold_end SET posted_fen = posted_fen - 1 WHERE posted_fen > 0", "HOLD"},
    };
    assert_int_equal(raw_number(root, "SELECT count(*) FROM ledger_faults(1)"), 0);
    for (size_t i = 0; i < COUNT_OF(attacks); i++) {
        char sql[120];
        raw_ok(root, "BEGIN");
        raw_ok(root, attacks[i].sql);
        text_format(sql, sizeof sql, "SELECT count(*) FROM ledger_faults(1) WHERE what = '%s'", attacks[i].what);
        if (raw_number(root, sql) < 1) fail_msg("%s was not found as %s", attacks[i].sql, attacks[i].what);
        raw_ok(root, "ROLLBACK");
    }
}

/* ---- the schema's shape ---- */

static void test_city_id_leads_every_key_and_no_trigger_exists(void **state)
{
    (void)state;
    /* schema_migration alone is of no city */
    assert_int_equal(raw_number(root, "SELECT count(*) FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_attribute a ON a.attrelid = c.conrelid AND "
                                      "a.attnum = c.conkey[1] WHERE t.relnamespace = 'public'::regnamespace AND c.contype IN ('p', 'u', 'f') AND a.attname <> 'city_id' "
                                      "AND t.relname <> 'schema_migration'"), 0);
    assert_int_equal(raw_number(root, "SELECT count(*) FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = c.confkey[1] "
                                      "WHERE c.contype = 'f' AND a.attname <> 'city_id'"), 0);
    assert_int_equal(raw_number(root, "SELECT count(*) FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_attribute a ON a.attrelid = i.indrelid AND "
                                      "a.attnum = i.indkey[0] WHERE t.relnamespace = 'public'::regnamespace AND i.indisunique AND a.attname <> 'city_id' "
                                      "AND t.relname <> 'schema_migration'"), 0);
    assert_true(raw_number(root, "SELECT count(*) FROM pg_constraint WHERE contype IN ('p', 'u', 'f') AND connamespace = 'public'::regnamespace") > 60);
    assert_int_equal(raw_number(root, "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"), 0);
    assert_int_equal(raw_number(root, "SELECT count(*) FROM pg_class t WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> "
                                      "'schema_migration' AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attname = 'city_id' AND a.attnotnull)"), 0);
    /* nobody may ever move a row to another city */
    assert_int_equal(raw_number(root, "SELECT count(*) FROM information_schema.column_privileges WHERE column_name = 'city_id' AND privilege_type = 'UPDATE' "
                                      "AND grantee IN ('meddispatch_app', 'meddispatch_settlement', 'meddispatch_reader')"), 0);
    /* every SECURITY DEFINER function has its search_path nailed, and PUBLIC may call nothing */
    assert_int_equal(raw_number(root, "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef AND NOT coalesce(proconfig::text LIKE "
                                      "'%search_path=public, pg_temp%', false)"), 0);
    assert_int_equal(raw_number(root, "SELECT count(*) FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x "
                                      "WHERE pronamespace = 'public'::regnamespace AND x.grantee = 0"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_books_cannot_be_rewritten),
        cmocka_unit_test(test_nobody_inserts_into_the_ledger_directly),
        cmocka_unit_test(test_entry_has_two_sides_and_a_positive_amount),
        cmocka_unit_test(test_key_with_other_content_is_refused_and_the_same_is_silent),
        cmocka_unit_test(test_hold_ends_once_and_within_what_was_held),
        cmocka_unit_test(test_more_than_was_given_cannot_come_back),
        cmocka_unit_test(test_caps_hold_against_the_owner_too),
        cmocka_unit_test(test_idempotency_key_of_an_order_is_unique),
        cmocka_unit_test(test_closed_day_takes_no_posting_and_four_eyes_are_two_people),
        cmocka_unit_test(test_addresses_are_for_the_application_alone),
        cmocka_unit_test(test_verifier_finds_tampering),
        cmocka_unit_test(test_city_id_leads_every_key_and_no_trigger_exists),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
