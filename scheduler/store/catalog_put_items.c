/* Bulk writes of what is covered: plans, products, tests. All three are versioned: what differs from the version in force ends it and begins the next,
 * so that a past claim finds the terms it was decided by. */
#include <string.h>

#include "put.h"

/* $1 city, $2 from when; the rows follow. A version ends at $2, but never before it began. */
#define PRODUCT_ROWS                                                                                                                     \
    "unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::boolean[], $11::boolean[], $12::boolean[], " \
    "$13::boolean[], $14::boolean[], $15::boolean[], $16::boolean[], $17::boolean[], $18::smallint[], $19::smallint[], $20::text[], $21::text[], " \
    "$22::integer[], $23::integer[], $24::integer[]) AS e(code, " PRODUCT_COLUMNS ")"
#define PRODUCT_COLUMNS                                                                                                                  \
    "name_zh, name_en, atc, approval, approval_till_ms, ceiling_fen, rx, eligible, prohibited, controlled, injection, hypoglycaemic, chronic, cold, " \
    "age_min, age_max, sex, indications, pack_supply_ddays, quantity_max, volume_ml"
#define TEST_ROWS                                                                                                                        \
    "unnest($3::text[], $4::text[], $5::text[], $6::smallint[], $7::bigint[], $8::boolean[], $9::text[], $10::integer[], $11::integer[], $12::integer[], " \
    "$13::smallint[], $14::smallint[], $15::text[], $16::boolean[], $17::boolean[], $18::integer[], $19::integer[]) AS e(code, " TEST_COLUMNS ")"
#define TEST_COLUMNS                                                                                                                     \
    "name_zh, name_en, benefit, ceiling_fen, eligible, specimen, stability_s, turnaround_s, repeat_days, age_min, age_max, sex, needs_sampling_skill, " \
    "cold, volume_ml, home_s"

#define VERSION_END(table, columns, rows)                                                                                                \
    "UPDATE " table " p SET valid_to_ms = greatest($2::bigint, p.valid_from_ms + 1), end_known_at = clock_timestamp() FROM " rows                                          \
    " WHERE p.city_id = $1::integer AND p.code = e.code AND p.valid_to_ms = 0 AND "                                                      \
    "(SELECT ROW(" columns ") FROM (SELECT p.*) x) IS DISTINCT FROM (SELECT ROW(" columns ") FROM (SELECT e.*) x)"
#define VERSION_BEGIN(table, columns, rows)                                                                                              \
    "INSERT INTO " table " (city_id, code, version, valid_from_ms, " columns ") "                                                        \
    "SELECT $1::integer, e.code, coalesce(b.version, 0) + 1, coalesce(b.valid_to_ms, $2::bigint), " columns " FROM " rows               \
    " LEFT JOIN LATERAL (SELECT p.version, p.valid_to_ms FROM " table " p WHERE p.city_id = $1::integer AND p.code = e.code "            \
    "ORDER BY p.version DESC LIMIT 1) b ON true WHERE b.version IS NULL OR b.valid_to_ms <> 0"

static const struct sql_statement
    PRODUCTS_END = {"put_products_end", VERSION_END("product", PRODUCT_COLUMNS, PRODUCT_ROWS)},
    PRODUCTS = {"put_products", VERSION_BEGIN("product", PRODUCT_COLUMNS, PRODUCT_ROWS)},
    TESTS_END = {"put_tests_end", VERSION_END("test", TEST_COLUMNS, TEST_ROWS)},
    TESTS = {"put_tests", VERSION_BEGIN("test", TEST_COLUMNS, TEST_ROWS)},
    PLAN = {"put_plan",
            "INSERT INTO plan (city_id, plan, name) VALUES ($1::integer, $2::text, $3::text) ON CONFLICT (city_id, plan) DO UPDATE SET name = excluded.name"},
    PLAN_LAST = {"put_plan_last",
                 "SELECT v.version, v.valid_from_ms, (v.age_min, v.age_max, v.waiting_days, v.prescription_days_max, v.drugs_max, v.supply_days, "
                 "v.supply_emergency_days, v.supply_chronic_days, v.supply_override_days, v.supply_excess_refuses, v.ineligible_refuses, "
                 "v.deductible_claim_fen, v.deductible_year_fen, v.year_limit_fen, v.promise_s, v.late_fen, v.refill_bps, v.duplicate_stops) = ($3::smallint, $4::smallint, $5::integer, "
                 "$6::integer, $7::integer, $8::integer, $9::integer, $10::integer, $11::integer, $12::boolean, $13::boolean, $14::bigint, $15::bigint, "
                 "$16::bigint, $17::integer, $18::bigint, $19::integer, $20::boolean) AND 3 = (SELECT count(*) FROM plan_benefit b "
                 "JOIN unnest($21::smallint[], $22::integer[], $23::bigint[], $24::integer[]) AS e(benefit, rate, cap, most) "
                 "ON e.benefit = b.benefit AND e.rate = b.rate_bps AND e.cap = b.claim_cap_fen AND e.most = b.count_max "
                 "WHERE b.city_id = v.city_id AND b.plan = v.plan AND b.version = v.version) "
                 "FROM plan_version v WHERE v.city_id = $1::integer AND v.plan = $2::text ORDER BY v.version DESC LIMIT 1"},
    PLAN_END = {"put_plan_end",
                "UPDATE plan_version SET valid_to_ms = $4::bigint, end_known_at = clock_timestamp() WHERE city_id = $1::integer AND plan = $2::text AND version = $3::integer"},
    PLAN_BEGIN = {"put_plan_begin",
                  "WITH v AS (INSERT INTO plan_version (city_id, plan, age_min, age_max, waiting_days, prescription_days_max, drugs_max, supply_days, "
                  "supply_emergency_days, supply_chronic_days, supply_override_days, supply_excess_refuses, ineligible_refuses, deductible_claim_fen, "
                  "deductible_year_fen, year_limit_fen, promise_s, late_fen, refill_bps, duplicate_stops, version, valid_from_ms) "
                  "VALUES ($1::integer, $2::text, $3::smallint, $4::smallint, $5::integer, $6::integer, $7::integer, $8::integer, $9::integer, $10::integer, "
                  "$11::integer, $12::boolean, $13::boolean, $14::bigint, $15::bigint, $16::bigint, $17::integer, $18::bigint, $19::integer, $20::boolean, "
                  "$25::integer, $26::bigint) "
                  "RETURNING city_id, plan, version) "
                  "INSERT INTO plan_benefit (city_id, plan, version, benefit, rate_bps, claim_cap_fen, count_max) "
                  "SELECT v.city_id, v.plan, v.version, e.* FROM v, unnest($21::smallint[], $22::integer[], $23::bigint[], $24::integer[]) AS e"};

enum { PRICE_FEN_MAX = 10000000, VOLUME_ML_MAX = 100000 };

/* ---- products ---- */

static enum status product_check(const struct product *p, size_t i, struct error *err)
{
    TRY(put_check_code(err, i, "code", p->code));
    if (!p->name_zh[0] && !p->name_en[0]) return put_refuse(err, i, "name", "a product has a name");
    if (p->ceiling_fen < 0 || p->ceiling_fen > PRICE_FEN_MAX) return put_refuse(err, i, "ceiling_fen", "a price is 0 to 10,000,000 fen");
    if (p->volume_ml > VOLUME_ML_MAX) return put_refuse(err, i, "volume_ml", "a pack has at most 100 litres");
    if (p->pack_supply_ddays > 36600) return put_refuse(err, i, "pack_supply_ddays", "a pack lasts at most ten years");
    if (p->quantity_max > 999) return put_refuse(err, i, "quantity_max", "at most 999 packs");
    if (p->approval_till_ms < 0) return put_refuse(err, i, "approval_till_ms", "not a time");
    return put_check_people(err, i, p->age_min, p->age_max, p->sex);
}

static void product_add(struct sql_set *set, const struct product *p)
{
    struct sql_column *c = set->at;
    sql_column_text(&c[0], p->code);
    sql_column_text(&c[1], p->name_zh);
    sql_column_text(&c[2], p->name_en);
    sql_column_text(&c[3], p->atc);
    sql_column_text(&c[4], p->approval);
    sql_column_number(&c[5], p->approval_till_ms);
    sql_column_number(&c[6], p->ceiling_fen);
    sql_column_number(&c[7], p->rx);
    sql_column_number(&c[8], p->eligible);
    sql_column_number(&c[9], p->prohibited);
    sql_column_number(&c[10], p->controlled);
    sql_column_number(&c[11], p->injection);
    sql_column_number(&c[12], p->hypoglycaemic);
    sql_column_number(&c[13], p->chronic);
    sql_column_number(&c[14], p->cold);
    sql_column_number(&c[15], p->age_min);
    sql_column_number(&c[16], p->age_max);
    sql_column_text(&c[17], put_sex(p->sex));
    sql_column_text(&c[18], p->indications);
    sql_column_number(&c[19], p->pack_supply_ddays);
    sql_column_number(&c[20], p->quantity_max);
    sql_column_number(&c[21], p->volume_ml);
}

enum status store_products_put(struct store *store, struct city_id city, const struct product *rows, size_t count, int64_t from_ms, uint32_t *changed,
                               struct error *err)
{
    static const struct put_step steps[] = {{&PRODUCTS_END, false}, {&PRODUCTS, true}};
    ASSERT(count <= STORE_BULK_MAX);
    struct sql_set set;
    enum status rc = STATUS_OK;
    sql_set_init(&set, "tttttll" "bbbbbbbb" "hhttiii");
    for (size_t i = 0; i < count && rc == STATUS_OK; i++) {
        rc = product_check(&rows[i], i, err);
        if (rc == STATUS_OK) product_add(&set, &rows[i]);
    }
    if (rc == STATUS_OK) rc = put_run(store, steps, COUNT_OF(steps), city, from_ms, &set, changed, err);
    sql_set_deinit(&set);
    return rc;
}

/* ---- tests ---- */

static enum status test_check(const struct test *t, size_t i, struct error *err)
{
    TRY(put_check_code(err, i, "code", t->code));
    if (!t->name_zh[0] && !t->name_en[0]) return put_refuse(err, i, "name", "a test has a name");
    if (t->benefit != BENEFIT_TEST && t->benefit != BENEFIT_CHECKUP) return put_refuse(err, i, "benefit", "test or check-up");
    if (t->ceiling_fen < 0 || t->ceiling_fen > PRICE_FEN_MAX) return put_refuse(err, i, "ceiling_fen", "a price is 0 to 10,000,000 fen");
    if (t->stability_s > 31536000 || t->turnaround_s > 31536000) return put_refuse(err, i, "stability_s", "at most a year");
    if (t->repeat_days > 3660) return put_refuse(err, i, "repeat_days", "at most ten years");
    if (t->volume_ml > VOLUME_ML_MAX) return put_refuse(err, i, "volume_ml", "a kit has at most 100 litres");
    if (t->home_s > 14400) return put_refuse(err, i, "home_s", "at most four hours");
    return put_check_people(err, i, t->age_min, t->age_max, t->sex);
}

static void test_add(struct sql_set *set, const struct test *t)
{
    struct sql_column *c = set->at;
    sql_column_text(&c[0], t->code);
    sql_column_text(&c[1], t->name_zh);
    sql_column_text(&c[2], t->name_en);
    sql_column_number(&c[3], t->benefit);
    sql_column_number(&c[4], t->ceiling_fen);
    sql_column_number(&c[5], t->eligible);
    sql_column_text(&c[6], t->specimen);
    sql_column_number(&c[7], t->stability_s);
    sql_column_number(&c[8], t->turnaround_s);
    sql_column_number(&c[9], t->repeat_days);
    sql_column_number(&c[10], t->age_min);
    sql_column_number(&c[11], t->age_max);
    sql_column_text(&c[12], put_sex(t->sex));
    sql_column_number(&c[13], t->needs_sampling_skill);
    sql_column_number(&c[14], t->cold);
    sql_column_number(&c[15], t->volume_ml);
    sql_column_number(&c[16], t->home_s);
}

enum status store_tests_put(struct store *store, struct city_id city, const struct test *rows, size_t count, int64_t from_ms, uint32_t *changed,
                            struct error *err)
{
    static const struct put_step steps[] = {{&TESTS_END, false}, {&TESTS, true}};
    ASSERT(count <= STORE_BULK_MAX);
    struct sql_set set;
    enum status rc = STATUS_OK;
    sql_set_init(&set, "ttthlbtiiihhtbbii");
    for (size_t i = 0; i < count && rc == STATUS_OK; i++) {
        rc = test_check(&rows[i], i, err);
        if (rc == STATUS_OK) test_add(&set, &rows[i]);
    }
    if (rc == STATUS_OK) rc = put_run(store, steps, COUNT_OF(steps), city, from_ms, &set, changed, err);
    sql_set_deinit(&set);
    return rc;
}

/* ---- plans: few, so one after another ---- */

static enum status plan_check(const struct plan_row *row, size_t i, struct error *err)
{
    const struct claims_plan *t = &row->terms;
    const int64_t money_max = 100000000000;
    TRY(put_check_code(err, i, "plan", row->plan));
    TRY(put_check_people(err, i, t->age_min_years, t->age_max_years, 0));
    if (t->waiting_days > 3650) return put_refuse(err, i, "waiting_days", "at most ten years");
    if (t->supply_days > 366 || t->supply_emergency_days > 366 || t->supply_chronic_days > 366 || t->supply_override_days > 366)
        return put_refuse(err, i, "supply_days", "at most a year");
    if (t->drugs_max < 1 || t->drugs_max > ORDER_LINES_MAX) return put_refuse(err, i, "drugs_max", "1 to 5 drugs");
    if (t->prescription_days_max < 1 || t->prescription_days_max > 30) return put_refuse(err, i, "prescription_days_max", "1 to 30 days");
    if (row->promise_s < 60 || row->promise_s > 604800) return put_refuse(err, i, "promise_s", "a minute to a week");
    if (row->late_fen < 0 || row->late_fen > 100000000) return put_refuse(err, i, "late_fen", "0 to 1,000,000 yuan");
    if (t->year_limit_fen < 0 || t->year_limit_fen > money_max || t->deductible_claim_fen < 0 || t->deductible_claim_fen > money_max ||
        t->deductible_year_fen < 0 || t->deductible_year_fen > money_max)
        return put_refuse(err, i, "limits", "an amount is 0 to 1,000,000,000 yuan");
    for (uint32_t b = 1; b < CLAIMS_BENEFIT_COUNT; b++) {
        if (t->benefit[b].rate_bps > CLAIMS_RATE_ONE_BPS) return put_refuse(err, i, "rate_bps", "a rate is 0 to 10000 basis points");
        if (t->benefit[b].claim_cap_fen < 0 || t->benefit[b].claim_cap_fen > money_max) return put_refuse(err, i, "claim_cap_fen", "an amount is 0 to 1,000,000,000 yuan");
        if (t->benefit[b].count_max > 100000) return put_refuse(err, i, "count_max", "at most 100,000 a year");
    }
    return STATUS_OK;
}

static void plan_args(struct sql_args *args, struct city_id city, const struct plan_row *row, struct sql_set *benefits)
{
    const struct claims_plan *t = &row->terms;
    sql_args_init(args);
    sql_arg_i32(args, (int32_t)city.v);
    sql_arg_text(args, row->plan);
    sql_arg_i16(args, (int16_t)t->age_min_years);
    sql_arg_i16(args, (int16_t)t->age_max_years);
    sql_arg_i32(args, (int32_t)t->waiting_days);
    sql_arg_i32(args, (int32_t)t->prescription_days_max);
    sql_arg_i32(args, (int32_t)t->drugs_max);
    sql_arg_i32(args, (int32_t)t->supply_days);
    sql_arg_i32(args, (int32_t)t->supply_emergency_days);
    sql_arg_i32(args, (int32_t)t->supply_chronic_days);
    sql_arg_i32(args, (int32_t)t->supply_override_days);
    sql_arg_bool(args, t->supply_excess_refuses);
    sql_arg_bool(args, t->ineligible_refuses);
    sql_arg_i64(args, t->deductible_claim_fen);
    sql_arg_i64(args, t->deductible_year_fen);
    sql_arg_i64(args, t->year_limit_fen);
    sql_arg_i32(args, (int32_t)row->promise_s);
    sql_arg_i64(args, row->late_fen);
    sql_arg_i32(args, (int32_t)t->refill_bps);
    sql_arg_bool(args, t->duplicate_stops);
    for (uint32_t b = 1; b < CLAIMS_BENEFIT_COUNT; b++) {
        sql_column_number(&benefits->at[0], b);
        sql_column_number(&benefits->at[1], t->benefit[b].rate_bps);
        sql_column_number(&benefits->at[2], t->benefit[b].claim_cap_fen);
        sql_column_number(&benefits->at[3], t->benefit[b].count_max);
    }
    sql_arg_set(args, benefits);
}

static enum status plan_end(struct store *store, struct city_id city, const struct plan_row *row, int32_t version, int64_t at_ms, struct error *err)
{
    struct sql_args args;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_text(&args, row->plan);
    sql_arg_i32(&args, version);
    sql_arg_i64(&args, at_ms);
    return sql_run(store, &PLAN_END, &args, NULL, err);
}

static enum status plan_put(struct store *store, struct city_id city, const struct plan_row *row, struct sql_set *benefits, int64_t from_ms, uint32_t *changed,
                            struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_text(&args, row->plan);
    sql_arg_text(&args, row->name);
    TRY(sql_run(store, &PLAN, &args, NULL, err));
    plan_args(&args, city, row, benefits);
    TRY(sql_run(store, &PLAN_LAST, &args, &res, err));
    bool some = PQntuples(res) == 1, same = some && sql_get_bool(res, 0, 2);
    int32_t version = some ? (int32_t)sql_get_i64(res, 0, 0) : 0;
    int64_t begun_ms = some ? sql_get_i64(res, 0, 1) : 0;
    PQclear(res);
    if (same) return STATUS_OK;
    if (some && from_ms <= begun_ms) from_ms = begun_ms + 1;
    if (some) TRY(plan_end(store, city, row, version, from_ms, err));
    sql_arg_i32(&args, version + 1);
    sql_arg_i64(&args, from_ms);
    TRY(sql_run(store, &PLAN_BEGIN, &args, NULL, err));
    ++*changed;
    return STATUS_OK;
}

enum status store_plans_put(struct store *store, struct city_id city, const struct plan_row *rows, size_t count, int64_t from_ms, uint32_t *changed,
                            struct error *err)
{
    ASSERT(count <= STORE_BULK_MAX);
    uint32_t written = 0;
    for (size_t i = 0; i < count; i++) TRY(plan_check(&rows[i], i, err));
    TRY(sql_ready(store, err));
    TRY(sql_begin(store, err));
    enum status rc = STATUS_OK;
    for (size_t i = 0; i < count && rc == STATUS_OK; i++) {
        struct sql_set benefits;
        sql_set_init(&benefits, "hili");
        rc = plan_put(store, city, &rows[i], &benefits, from_ms, &written, err);
        sql_set_deinit(&benefits);
    }
    if (rc == STATUS_OK) rc = sql_commit(store, err);
    if (rc != STATUS_OK) sql_rollback(store);
    if (rc == STATUS_OK && changed) *changed = written;
    return rc;
}
