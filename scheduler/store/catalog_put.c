/* Bulk writes of who and where: cities, plans, members with their policies, facilities, couriers, payees. */
#include <string.h>

#include "connection.h"
#include "put.h"

static const struct sql_statement
    CITY = {"put_city",
            "INSERT INTO city (city_id, name, utc_offset_s) VALUES ($1::integer, $2::text, $3::integer) "
            "ON CONFLICT (city_id) DO UPDATE SET name = excluded.name"},
    CITY_BOOK = {"put_city_book", "INSERT INTO city_book (city_id) VALUES ($1::integer) ON CONFLICT DO NOTHING"},
    CITY_STREAM = {"put_city_stream", "INSERT INTO city_stream (city_id, stream, last_seq) VALUES ($1::integer, 0, 0) ON CONFLICT DO NOTHING"},
    MEMBERS = {"put_members",
               "INSERT INTO member (city_id, code, birth, sex) SELECT DISTINCT ON (e.code) $1::integer, e.code, DATE '1970-01-01' + e.birth, e.sex "
               "FROM unnest($3::text[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::integer[], $9::integer[], $10::integer[], $11::boolean[]) "
               "AS e(code, birth, sex, policy, plan, from_day, to_day, inception, renewal) "
               "LEFT JOIN member m ON m.city_id = $1::integer AND m.code = e.code "
               "WHERE $2::bigint >= 0 AND (m.code IS NULL OR (m.birth, m.sex) IS DISTINCT FROM (DATE '1970-01-01' + e.birth, e.sex)) ORDER BY e.code "
               "ON CONFLICT (city_id, code) DO UPDATE SET birth = excluded.birth, sex = excluded.sex"},
#define POLICY_ROWS                                                                                                                      \
    "(SELECT m.member_id, e.policy, e.plan, DATE '1970-01-01' + e.from_day AS valid_from, DATE '1970-01-01' + e.to_day AS valid_to, "     \
    "DATE '1970-01-01' + e.inception AS inception, e.renewal "                                                                            \
    "FROM unnest($3::text[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::integer[], $9::integer[], $10::integer[], $11::boolean[]) " \
    "AS e(code, birth, sex, policy, plan, from_day, to_day, inception, renewal) JOIN member m ON m.city_id = $1::integer AND m.code = e.code) e "
    POLICIES_END = {"put_policies_end",
                    "UPDATE policy p SET known_to_ms = greatest($2::bigint, p.known_from_ms, 1) FROM " POLICY_ROWS
                    "WHERE p.city_id = $1::integer AND p.policy = e.policy AND p.known_to_ms = 0 AND "
                    "(p.member_id, p.plan, p.valid_from, p.valid_to, p.inception, p.renewal) IS DISTINCT FROM "
                    "(e.member_id, e.plan, e.valid_from, e.valid_to, e.inception, e.renewal)"},
    POLICIES = {"put_policies",
                "INSERT INTO policy (city_id, policy, revision, member_id, plan, valid_from, valid_to, inception, renewal, known_from_ms) "
                "SELECT $1::integer, e.policy, coalesce((SELECT max(revision) FROM policy p WHERE p.city_id = $1::integer AND p.policy = e.policy), 0) + 1, "
                "e.member_id, e.plan, e.valid_from, e.valid_to, e.inception, e.renewal, $2::bigint FROM " POLICY_ROWS
                "WHERE NOT EXISTS (SELECT FROM policy p WHERE p.city_id = $1::integer AND p.policy = e.policy AND p.known_to_ms = 0)"},
    FACILITIES = {"put_facilities",
                  "INSERT INTO facility AS f (city_id, facility_id, kind, name, lat_e7, lon_e7, open_min, close_min, service_s, prep_s, payee, contracted, active) "
                  "SELECT $1::integer, e.id, e.kind, e.name, e.lat, e.lon, string_to_array(e.open, ',')::smallint[], string_to_array(e.close, ',')::smallint[], "
                  "e.service, e.prep, e.payee, e.contracted, e.active "
                  "FROM unnest($3::bigint[], $4::smallint[], $5::text[], $6::integer[], $7::integer[], $8::text[], $9::text[], $10::integer[], $11::integer[], "
                  "$12::text[], $13::boolean[], $14::boolean[]) AS e(id, kind, name, lat, lon, open, close, service, prep, payee, contracted, active) "
                  "WHERE $2::bigint >= 0 "
                  "ON CONFLICT (city_id, facility_id) DO UPDATE SET kind = excluded.kind, name = excluded.name, lat_e7 = excluded.lat_e7, lon_e7 = excluded.lon_e7, "
                  "open_min = excluded.open_min, close_min = excluded.close_min, service_s = excluded.service_s, prep_s = excluded.prep_s, payee = excluded.payee, "
                  "contracted = excluded.contracted, active = excluded.active "
                  "WHERE (f.kind, f.name, f.lat_e7, f.lon_e7, f.open_min, f.close_min, f.service_s, f.prep_s, f.payee, f.contracted, f.active) IS DISTINCT FROM "
                  "(excluded.kind, excluded.name, excluded.lat_e7, excluded.lon_e7, excluded.open_min, excluded.close_min, excluded.service_s, excluded.prep_s, "
                  "excluded.payee, excluded.contracted, excluded.active)"},
    LAB_TESTS_END = {"put_lab_tests_end", "DELETE FROM lab_test WHERE city_id = $1::integer AND facility_id = ANY ($2::bigint[])"},
    LAB_TESTS = {"put_lab_tests",
                 "INSERT INTO lab_test (city_id, facility_id, test) SELECT DISTINCT $1::integer, e.* FROM unnest($2::bigint[], $3::text[]) AS e"},
    COURIERS = {"put_couriers",
                "INSERT INTO courier AS c (city_id, courier_id, name, relay_phone, skills, volume_ml_max, cold_ml_max, kits_preloaded, active) "
                "SELECT $1::integer, e.* FROM unnest($3::bigint[], $4::text[], $5::text[], $6::integer[], $7::integer[], $8::integer[], $9::integer[], "
                "$10::boolean[]) AS e WHERE $2::bigint >= 0 "
                "ON CONFLICT (city_id, courier_id) DO UPDATE SET name = excluded.name, relay_phone = excluded.relay_phone, skills = excluded.skills, "
                "volume_ml_max = excluded.volume_ml_max, cold_ml_max = excluded.cold_ml_max, kits_preloaded = excluded.kits_preloaded, active = excluded.active "
                "WHERE (c.name, c.relay_phone, c.skills, c.volume_ml_max, c.cold_ml_max, c.kits_preloaded, c.active) IS DISTINCT FROM (excluded.name, "
                "excluded.relay_phone, excluded.skills, excluded.volume_ml_max, excluded.cold_ml_max, excluded.kits_preloaded, excluded.active)"},
    PAYEES = {"put_payees",
              "INSERT INTO payee AS p (city_id, payee, name, account, bank) SELECT $1::integer, e.* FROM unnest($3::text[], $4::text[], $5::text[], $6::text[]) AS e "
              "WHERE $2::bigint >= 0 ON CONFLICT (city_id, payee) DO UPDATE SET name = excluded.name, account = excluded.account, bank = excluded.bank "
              "WHERE (p.name, p.account, p.bank) IS DISTINCT FROM (excluded.name, excluded.account, excluded.bank)"};

/* ---- shared ---- */

enum status put_refuse(struct error *err, size_t row, const char *field, const char *what)
{
    char path[ERROR_FIELD_MAX];
    text_format(path, sizeof path, "rows[%zu].%s", row, field);
    return error_field(err, path, "%s", what);
}

enum status put_check_code(struct error *err, size_t row, const char *field, const char *code)
{
    size_t length = strlen(code);
    if (length == 0 || length >= CODE_TEXT_MAX || !text_is_utf8(code, length)) return put_refuse(err, row, field, "a code has 1 to 32 bytes");
    return STATUS_OK;
}

enum status put_check_people(struct error *err, size_t row, uint32_t age_min, uint32_t age_max, char sex)
{
    if (age_min > 150 || age_max > 150 || (age_max && age_max < age_min)) return put_refuse(err, row, "age_max", "ages are 0 to 150, least first");
    if (sex && sex != 'F' && sex != 'M') return put_refuse(err, row, "sex", "F, M or none");
    return STATUS_OK;
}

const char *put_sex(char sex)
{
    return sex == 'F' ? "F" : sex == 'M' ? "M" : "";
}

enum status put_run(struct store *store, const struct put_step *steps, size_t step_count, struct city_id city, int64_t at_ms, struct sql_set *set,
                    uint32_t *changed, struct error *err)
{
    struct sql_args args;
    uint64_t rows = 0;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i64(&args, at_ms);
    sql_arg_set(&args, set);
    TRY(sql_ready(store, err));
    TRY(sql_begin(store, err));
    enum status rc = STATUS_OK;
    for (size_t i = 0; i < step_count && rc == STATUS_OK; i++) {
        PGresult *res = NULL;
        rc = sql_run(store, steps[i].statement, &args, &res, err);
        if (rc == STATUS_OK && steps[i].counts) rows += sql_affected(res);
        PQclear(res);
    }
    if (rc == STATUS_OK) rc = sql_commit(store, err);
    if (rc != STATUS_OK) sql_rollback(store);
    if (rc == STATUS_OK) connection_grew(store, rows);
    if (rc == STATUS_OK && changed) *changed = (uint32_t)rows;
    return rc;
}

/* ---- cities ---- */

enum status store_city_put(struct store *store, const struct city_row *city, struct error *err)
{
    struct sql_args row, id;
    PGresult *results[SQL_QUEUE_MAX];
    if (city->city.v == 0 || city->city.v > INT32_MAX) return error_field(err, "city_id", "a city is named by a positive number");
    sql_args_init(&row);
    sql_arg_i32(&row, (int32_t)city->city.v);
    sql_arg_text(&row, city->name);
    sql_arg_i32(&row, city->utc_offset_s);
    sql_args_init(&id);
    sql_arg_i32(&id, (int32_t)city->city.v);
    TRY(sql_ready(store, err));
    sql_pipeline_begin(store);
    sql_queue(store, &SQL_BEGIN, NULL);
    sql_queue(store, &CITY, &row);
    sql_queue(store, &CITY_BOOK, &id);
    sql_queue(store, &CITY_STREAM, &id);
    sql_queue(store, &SQL_COMMIT, NULL);
    enum status rc = sql_pipeline_flush(store, results, err);
    sql_results_clear(results);
    if (rc != STATUS_OK) sql_rollback(store);
    return rc;
}

/* ---- members ---- */

static enum status member_check(const struct member_row *row, size_t i, struct error *err)
{
    TRY(put_check_code(err, i, "code", row->code));
    TRY(put_check_code(err, i, "policy", row->policy));
    TRY(put_check_code(err, i, "plan", row->plan));
    if (row->sex != 'F' && row->sex != 'M') return put_refuse(err, i, "sex", "F or M");
    if (row->birth_day < -62091 || row->birth_day > 84000) return put_refuse(err, i, "birth", "a date from 1800 to 2199");
    if (row->valid_to_day <= row->valid_from_day) return put_refuse(err, i, "valid_to", "a policy ends after it begins");
    if (row->valid_from_day < -62091 || row->valid_to_day > 84000) return put_refuse(err, i, "valid_from", "dates from 1800 to 2199");
    if (row->inception_day > row->valid_from_day) return put_refuse(err, i, "inception", "the first policy cannot begin after this one");
    return STATUS_OK;
}

enum status store_members_put(struct store *store, struct city_id city, const struct member_row *rows, size_t count, int64_t now_ms, uint32_t *changed,
                              struct error *err)
{
    static const struct put_step steps[] = {{&MEMBERS, true}, {&POLICIES_END, false}, {&POLICIES, true}};
    ASSERT(count <= STORE_BULK_MAX);
    struct sql_set set;
    enum status rc = STATUS_OK;
    sql_set_init(&set, "tittt" "iiib");
    for (size_t i = 0; i < count && rc == STATUS_OK; i++) {
        const struct member_row *row = &rows[i];
        rc = member_check(row, i, err);
        sql_column_text(&set.at[0], row->code);
        sql_column_number(&set.at[1], row->birth_day);
        sql_column_text(&set.at[2], put_sex(row->sex));
        sql_column_text(&set.at[3], row->policy);
        sql_column_text(&set.at[4], row->plan);
        sql_column_number(&set.at[5], row->valid_from_day);
        sql_column_number(&set.at[6], row->valid_to_day);
        sql_column_number(&set.at[7], row->inception_day ? row->inception_day : row->valid_from_day);
        sql_column_number(&set.at[8], row->renewal);
    }
    if (rc == STATUS_OK) rc = put_run(store, steps, COUNT_OF(steps), city, now_ms, &set, changed, err);
    sql_set_deinit(&set);
    return rc;
}

/* ---- facilities ---- */

static enum status facility_check(const struct facility_row *row, size_t i, struct error *err)
{
    const struct facility *f = &row->facility;
    if (f->id.v == 0 || f->id.v > INT64_MAX) return put_refuse(err, i, "facility_id", "a positive number");
    if (f->kind < FACILITY_PHARMACY || f->kind > FACILITY_DEPOT) return put_refuse(err, i, "kind", "pharmacy, lab or depot");
    if (!f->name[0]) return put_refuse(err, i, "name", "a facility has a name");
    if (f->at.lat_e7 < -900000000 || f->at.lat_e7 > 900000000 || f->at.lon_e7 < -1800000000 || f->at.lon_e7 > 1800000000)
        return put_refuse(err, i, "at", "not a place on earth");
    for (int day = 0; day < HOURS_MAX; day++)
        if (f->week[day].open_min > 1440 || f->week[day].close_min > 2880 || f->week[day].close_min < f->week[day].open_min)
            return put_refuse(err, i, "week", "hours are minutes of the day, opening before closing");
    if (f->service_s > 14400) return put_refuse(err, i, "service_s", "at most four hours");
    if (f->prep_s > 86400) return put_refuse(err, i, "prep_s", "at most a day");
    if (row->test_count > TESTS_PER_LAB_MAX) return put_refuse(err, i, "tests", "too many tests");
    for (uint32_t k = 0; k < row->test_count; k++) TRY(put_check_code(err, i, "tests", row->tests[k]));
    return STATUS_OK;
}

static void add_hours(struct sql_column *column, const struct hours week[HOURS_MAX], bool close)
{
    char text[HOURS_MAX * 6] = "";
    for (int day = 0; day < HOURS_MAX; day++) {
        size_t length = strlen(text);
        text_format(text + length, sizeof text - length, "%s%u", day ? "," : "", close ? week[day].close_min : week[day].open_min);
    }
    sql_column_text(column, text);
}

static void facility_add(struct sql_set *set, struct sql_set *tests, struct sql_column *ids, const struct facility_row *row)
{
    const struct facility *f = &row->facility;
    char payee[CODE_TEXT_MAX];
    text_format(payee, sizeof payee, "F%llu", (unsigned long long)f->id.v); /* who is paid alone if nobody says otherwise */
    sql_column_number(&set->at[0], (int64_t)f->id.v);
    sql_column_number(&set->at[1], f->kind);
    sql_column_text(&set->at[2], f->name);
    sql_column_number(&set->at[3], f->at.lat_e7);
    sql_column_number(&set->at[4], f->at.lon_e7);
    add_hours(&set->at[5], f->week, false);
    add_hours(&set->at[6], f->week, true);
    sql_column_number(&set->at[7], f->service_s);
    sql_column_number(&set->at[8], f->prep_s);
    sql_column_text(&set->at[9], f->payee[0] ? f->payee : payee);
    sql_column_number(&set->at[10], row->contracted);
    sql_column_number(&set->at[11], f->active);
    sql_column_number(ids, (int64_t)f->id.v);
    for (uint32_t k = 0; k < row->test_count; k++) {
        sql_column_number(&tests->at[0], (int64_t)f->id.v);
        sql_column_text(&tests->at[1], row->tests[k]);
    }
}

static enum status facilities_write(struct store *store, struct city_id city, struct sql_set *set, struct sql_set *tests, struct sql_column *ids,
                                    uint32_t *changed, struct error *err)
{
    struct sql_args args, ends, begins;
    PGresult *results[SQL_QUEUE_MAX];
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i64(&args, 0);
    sql_arg_set(&args, set);
    sql_args_init(&ends);
    sql_arg_i32(&ends, (int32_t)city.v);
    sql_arg_column(&ends, ids);
    sql_args_init(&begins);
    sql_arg_i32(&begins, (int32_t)city.v);
    sql_arg_set(&begins, tests);
    TRY(sql_ready(store, err));
    sql_pipeline_begin(store);
    sql_queue(store, &SQL_BEGIN, NULL);
    sql_queue(store, &FACILITIES, &args);
    sql_queue(store, &LAB_TESTS_END, &ends);
    sql_queue(store, &LAB_TESTS, &begins);
    sql_queue(store, &SQL_COMMIT, NULL);
    enum status rc = sql_pipeline_flush(store, results, err);
    if (rc == STATUS_OK && changed) *changed = (uint32_t)sql_affected(results[1]);
    sql_results_clear(results);
    if (rc != STATUS_OK) sql_rollback(store);
    return rc;
}

enum status store_facilities_put(struct store *store, struct city_id city, const struct facility_row *rows, size_t count, uint32_t *changed,
                                 struct error *err)
{
    ASSERT(count <= STORE_BULK_MAX);
    struct sql_set set, tests;
    struct sql_column ids;
    enum status rc = STATUS_OK;
    sql_set_init(&set, "lhtiitt" "iitbb");
    sql_set_init(&tests, "lt");
    sql_column_init(&ids, SQL_I64);
    for (size_t i = 0; i < count && rc == STATUS_OK; i++) {
        rc = facility_check(&rows[i], i, err);
        if (rc == STATUS_OK) facility_add(&set, &tests, &ids, &rows[i]);
    }
    if (rc == STATUS_OK) rc = facilities_write(store, city, &set, &tests, &ids, changed, err);
    sql_set_deinit(&set);
    sql_set_deinit(&tests);
    sql_column_deinit(&ids);
    return rc;
}

/* ---- couriers, payees ---- */

enum status store_couriers_put(struct store *store, struct city_id city, const struct courier *rows, size_t count, uint32_t *changed, struct error *err)
{
    static const struct put_step steps[] = {{&COURIERS, true}};
    ASSERT(count <= STORE_BULK_MAX);
    struct sql_set set;
    enum status rc = STATUS_OK;
    sql_set_init(&set, "lttiiiib");
    for (size_t i = 0; i < count && rc == STATUS_OK; i++) {
        const struct courier *row = &rows[i];
        if (row->id.v == 0 || row->id.v > INT64_MAX) rc = put_refuse(err, i, "courier_id", "a positive number");
        else if (row->skills >= BIT(SKILL_COUNT)) rc = put_refuse(err, i, "skills", "an unknown skill");
        else if (row->volume_ml_max > 10000000 || row->cold_ml_max > 10000000) rc = put_refuse(err, i, "volume_ml_max", "at most 10,000 litres");
        else if (row->kits_preloaded > 1000) rc = put_refuse(err, i, "kits_preloaded", "at most 1000");
        if (rc != STATUS_OK) break;
        sql_column_number(&set.at[0], (int64_t)row->id.v);
        sql_column_text(&set.at[1], row->name);
        sql_column_text(&set.at[2], row->relay_phone);
        sql_column_number(&set.at[3], row->skills);
        sql_column_number(&set.at[4], row->volume_ml_max);
        sql_column_number(&set.at[5], row->cold_ml_max);
        sql_column_number(&set.at[6], row->kits_preloaded);
        sql_column_number(&set.at[7], row->active);
    }
    if (rc == STATUS_OK) rc = put_run(store, steps, COUNT_OF(steps), city, 0, &set, changed, err);
    sql_set_deinit(&set);
    return rc;
}

enum status store_payees_put(struct store *store, struct city_id city, const struct payee_row *rows, size_t count, uint32_t *changed, struct error *err)
{
    static const struct put_step steps[] = {{&PAYEES, true}};
    ASSERT(count <= STORE_BULK_MAX);
    struct sql_set set;
    enum status rc = STATUS_OK;
    sql_set_init(&set, "tttt");
    for (size_t i = 0; i < count && rc == STATUS_OK; i++) {
        rc = put_check_code(err, i, "payee", rows[i].payee);
        sql_column_text(&set.at[0], rows[i].payee);
        sql_column_text(&set.at[1], rows[i].name);
        sql_column_text(&set.at[2], rows[i].account);
        sql_column_text(&set.at[3], rows[i].bank);
    }
    if (rc == STATUS_OK) rc = put_run(store, steps, COUNT_OF(steps), city, 0, &set, changed, err);
    sql_set_deinit(&set);
    return rc;
}
