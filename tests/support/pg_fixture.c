/* The small city of pg_fixture.h, and raw SQL for tests that go round the store. */
#include "pg_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *fixture_conninfo(void)
{
    const char *conninfo = getenv("MEDDISPATCH_TEST_DB");
    if (!conninfo) {
        fprintf(stderr, "skipped: MEDDISPATCH_TEST_DB is not set; run under tests/support/with_postgres\n");
        exit(77);
    }
    return conninfo;
}

/* A key file of this process's own, gone when it ends. */
static char key_file[64];

static void keys_forget(void)
{
    unlink(key_file);
}

void fixture_keys(void)
{
    uint32_t id;
    const char *parents = getenv("MEDDISPATCH_TEST_KEYS");
    if (parents) {
        assert_ok(store_keys_use(parents, err)); /* a test that runs itself again: one file for all its processes */
        return;
    }
    text_format(key_file, sizeof key_file, "/tmp/meddispatch-keys.%d", (int)getpid());
    assert_ok(store_keys_create(key_file, &id, err));
    assert_ok(store_keys_use(key_file, err));
    setenv("MEDDISPATCH_TEST_KEYS", key_file, 1);
    atexit(keys_forget);
}

const char *fixture_key_file(void)
{
    fixture_keys();
    return getenv("MEDDISPATCH_TEST_KEYS");
}

struct store *fixture_open(enum store_role role)
{
    struct store *store = NULL;
    fixture_keys();
    assert_ok(store_migrate(fixture_conninfo(), NULL, err));
    assert_ok(store_open(fixture_conninfo(), role, &store, err));
    return store;
}

static void put_plan(struct store *app, struct city_id city, int64_t year_limit_fen)
{
    struct plan_row plan = {.plan = "P80", .name = "到家医疗八折", .promise_s = 10800, .late_fen = 1000};
    plan.terms = (struct claims_plan){.age_max_years = 60, .waiting_days = 30, .prescription_days_max = 3, .drugs_max = 5, .supply_days = 7,
                                      .supply_emergency_days = 3, .supply_chronic_days = 28, .supply_override_days = 84, .year_limit_fen = year_limit_fen};
    plan.terms.benefit[BENEFIT_MEDICINE].rate_bps = 8000;
    plan.terms.benefit[BENEFIT_TEST].rate_bps = 8000;
    plan.terms.benefit[BENEFIT_CHECKUP].rate_bps = 10000;
    plan.terms.benefit[BENEFIT_CHECKUP].count_max = 1;
    assert_ok(store_plans_put(app, city, &plan, 1, 0, NULL, err));
}

static void put_members(struct store *app, struct city_id city, uint32_t members)
{
    struct member_row *rows = mem_zalloc(members, sizeof *rows);
    for (uint32_t i = 0; i < members; i++) {
        rows[i] = (struct member_row){.birth_day = 7305 + (int32_t)i % 300, .sex = 'F', .plan = "P80", .valid_from_day = 20454, .valid_to_day = 20819, .renewal = true};
        text_format(rows[i].code, sizeof rows[i].code, "M%u", i);
        text_format(rows[i].policy, sizeof rows[i].policy, "L%u", i);
    }
    assert_ok(store_members_put(app, city, rows, members, 0, NULL, err));
    free(rows);
}

static void put_products(struct store *app, struct city_id city)
{
    struct product rows[] = {
        {.code = "AMLO", .name_zh = "氨氯地平片", .atc = "C08CA01", .approval = "H10950224", .ceiling_fen = 1000, .rx = true, .eligible = true, .chronic = true, .volume_ml = 100},
        {.code = "CEFA", .name_zh = "头孢", .atc = "J01DB01", .approval = "H20000001", .ceiling_fen = 500, .rx = true, .eligible = true, .cold = true, .volume_ml = 200},
        {.code = "OXY", .name_zh = "羟考酮", .atc = "N02AA05", .approval = "H20000002", .ceiling_fen = 5000, .rx = true, .eligible = true, .prohibited = true, .controlled = true, .volume_ml = 50},
        {.code = "COSM", .name_zh = "护肤霜", .approval = "H20000003", .ceiling_fen = 300, .volume_ml = 150},
    };
    struct test tests[] = {
        {.code = "FLU", .name_zh = "甲乙流双联核酸", .benefit = BENEFIT_TEST, .ceiling_fen = 3990, .eligible = true, .stability_s = 86400, .needs_sampling_skill = true, .volume_ml = 300, .home_s = 600},
        {.code = "CHECK", .name_zh = "年度体检", .benefit = BENEFIT_CHECKUP, .ceiling_fen = 10000, .eligible = true, .stability_s = 14400, .volume_ml = 500, .home_s = 900},
    };
    assert_ok(store_products_put(app, city, rows, COUNT_OF(rows), 0, NULL, err));
    assert_ok(store_tests_put(app, city, tests, COUNT_OF(tests), 0, NULL, err));
}

static void put_places(struct store *app, struct city_id city)
{
    static const char done[][CODE_TEXT_MAX] = {"FLU", "CHECK"};
    struct facility_row rows[] = {
        {.facility = {.id = {1}, .kind = FACILITY_PHARMACY, .name = "朝阳药房", .payee = "PH1", .service_s = 180, .active = true}, .contracted = true},
        {.facility = {.id = {2}, .kind = FACILITY_LAB, .name = "检验中心", .payee = "LAB2", .service_s = 120, .active = true}, .contracted = true, .test_count = 2, .tests = done},
        {.facility = {.id = {3}, .kind = FACILITY_DEPOT, .name = "试剂库", .service_s = 60, .active = true}, .contracted = true},
    };
    struct courier couriers[] = {{.id = {1}, .name = "王", .skills = 3, .volume_ml_max = 40000, .cold_ml_max = 8000, .kits_preloaded = 4, .active = true},
                                 {.id = {2}, .name = "李", .volume_ml_max = 40000, .active = true}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rows[i].facility.at = (struct point){399000000 + (int32_t)i * 10000, 1163000000};
        for (int day = 0; day < HOURS_MAX; day++) rows[i].facility.week[day] = (struct hours){480, 1320};
    }
    assert_ok(store_facilities_put(app, city, rows, COUNT_OF(rows), NULL, err));
    assert_ok(store_couriers_put(app, city, couriers, COUNT_OF(couriers), NULL, err));
}

void fixture_city(struct store *app, uint32_t city, uint32_t members, int64_t year_limit_fen)
{
    struct city_row row = {.city = {city}, .name = "测试市", .utc_offset_s = 28800};
    assert_ok(store_city_put(app, &row, err));
    put_plan(app, row.city, year_limit_fen);
    put_members(app, row.city, members);
    put_products(app, row.city);
    put_places(app, row.city);
}

static struct submission submission_begin(uint32_t city, uint32_t member, const char *key, const char *code, uint32_t quantity, int64_t price_fen)
{
    struct submission s = {.city = {city}, .source = "test:1", .line_count = 1};
    uint64_t body[3] = {member, quantity, (uint64_t)price_fen};
    char request[64];
    text_format(request, sizeof request, "%s/%llu/%llu/%llu", code, (unsigned long long)body[0], (unsigned long long)body[1], (unsigned long long)body[2]);
    s.cause = cause_make(s.source, key, request, strlen(request), "pharmacy:1");
    text_format(s.member, sizeof s.member, "M%u", member);
    (void)text_copy(s.lines[0].product, sizeof s.lines[0].product, code);
    s.lines[0].quantity = quantity;
    s.lines[0].price_fen = price_fen;
    s.recipient = (struct recipient){.name = "张三", .phone = "13800000000", .address = "朝阳区某路1号", .at = {399100000, 1163100000}};
    s.order = (struct order){.priority = PRIORITY_ROUTINE};
    s.order.first = (struct stop){.kind = STOP_PICKUP, .facility = {1}, .at = {399000000, 1163000000}, .service_s = 180};
    s.order.home = (struct stop){.kind = STOP_HOME, .at = {399100000, 1163100000}, .service_s = 120};
    return s;
}

struct submission fixture_prescription(uint32_t city, uint32_t member, const char *key, const char *product, uint32_t quantity, int64_t price_fen)
{
    struct submission s = submission_begin(city, member, key, product, quantity, price_fen);
    s.order.kind = ORDER_KIND_PRESCRIPTION;
    s.order.pharmacy.v = 1;
    s.prescription = (struct prescription){.prescriber = "D1", .issued_ms = FIXTURE_NOW_MS - 3600000, .valid_days = 3};
    text_format(s.prescription.number, sizeof s.prescription.number, "RX-%.28s", key);
    return s;
}

struct submission fixture_test(uint32_t city, uint32_t member, const char *key, const char *test)
{
    struct submission s = submission_begin(city, member, key, test, 1, -1);
    s.order.kind = ORDER_KIND_TEST;
    s.order.first.kind = STOP_KIT;
    s.order.first.facility.v = 3;
    s.order.lab_count = 1;
    s.order.labs[0] = (struct stop){.kind = STOP_LAB, .facility = {2}, .at = {399010000, 1163000000}, .service_s = 120};
    return s;
}

struct intake_result fixture_intake(struct store *app, const struct submission *submission)
{
    struct intake_result result;
    assert_ok(store_intake(app, submission, 1, FIXTURE_NOW_MS, &result, err));
    if (result.status != STATUS_OK) fail_msg("intake: %s: %s [%s]", status_name(result.status), result.error.text, result.error.field);
    return result;
}

struct fact fixture_fact(uint32_t city, uint64_t seq, enum fact_kind kind, const struct order *order, enum order_phase phase, uint32_t version)
{
    struct fact fact = {.kind = kind, .city = {city}, .seq = seq, .at_ms = FIXTURE_NOW_MS + (int64_t)seq * 1000, .phase = phase, .order_version = version};
    if (order) fact.order = order->id;
    (void)text_copy(fact.cause.actor, sizeof fact.cause.actor, "courier:1");
    return fact;
}

/* ---- raw SQL ---- */

PGconn *fixture_raw(const char *role)
{
    PGconn *raw = PQconnectdb(fixture_conninfo());
    if (PQstatus(raw) != CONNECTION_OK) fail_msg("%s", PQerrorMessage(raw));
    raw_ok(raw, "SET client_min_messages = error");
    if (role) {
        char sql[96];
        text_format(sql, sizeof sql, "SET ROLE %s", role);
        raw_ok(raw, sql);
    }
    return raw;
}

void raw_ok(PGconn *raw, const char *sql)
{
    PGresult *res = PQexec(raw, sql);
    ExecStatusType status = PQresultStatus(res);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) fail_msg("%s: %s", sql, PQresultErrorMessage(res));
    PQclear(res);
}

int64_t raw_number(PGconn *raw, const char *sql)
{
    PGresult *res = PQexec(raw, sql);
    int64_t value = 0;
    if (PQresultStatus(res) != PGRES_TUPLES_OK || PQntuples(res) != 1) fail_msg("%s: %s", sql, PQresultErrorMessage(res));
    if (!PQgetisnull(res, 0, 0) && !text_to_i64(PQgetvalue(res, 0, 0), INT64_MIN, INT64_MAX, &value)) fail_msg("%s: %s is no number", sql, PQgetvalue(res, 0, 0));
    PQclear(res);
    return value;
}

void raw_refused(PGconn *raw, const char *sqlstate, const char *sql)
{
    PGresult *res = PQexec(raw, sql);
    ExecStatusType status = PQresultStatus(res);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) fail_msg("this should have been refused: %s", sql);
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    if (!state || strcmp(state, sqlstate) != 0) fail_msg("%s: refused by %s instead of %s: %s", sql, state ? state : "?", sqlstate, PQresultErrorMessage(res));
    PQclear(res);
}

void assert_books_sound(struct store *store, uint32_t city)
{
    struct ledger_fault faults[8];
    size_t count = 0;
    assert_ok(store_ledger_verify(store, (struct city_id){city}, faults, COUNT_OF(faults), &count, NULL, err));
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, "fault %s entry=%llu claim=%llu expected=%lld found=%lld\n", faults[i].what, (unsigned long long)faults[i].entry,
                (unsigned long long)faults[i].claim, (long long)faults[i].expected_fen, (long long)faults[i].found_fen);
    assert_int_equal(count, 0);
}
