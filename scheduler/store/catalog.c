/* The catalogue of a city, loaded whole into one arena: facilities, couriers, tests and which laboratories do them. */
#include <stdlib.h>
#include <string.h>

#include "sql.h"

static const struct sql_statement
    CITY = {"catalog_city",
            "SELECT name, utc_offset_s, (SELECT count(*) FROM product WHERE city_id = $1::integer AND valid_to_ms = 0), "
            "(SELECT count(*) FROM member WHERE city_id = $1::integer) FROM city WHERE city_id = $1::integer"},
    FACILITIES = {"catalog_facilities",
                  "SELECT facility_id, kind, lat_e7, lon_e7, open_min, close_min, service_s, prep_s, active AND contracted, name, payee FROM facility "
                  "WHERE city_id = $1::integer ORDER BY facility_id"},
    COURIERS = {"catalog_couriers",
                "SELECT courier_id, name, relay_phone, skills, volume_ml_max, cold_ml_max, kits_preloaded, active FROM courier "
                "WHERE city_id = $1::integer ORDER BY courier_id"},
    TESTS = {"catalog_tests",
             "SELECT code, name_zh, name_en, specimen, benefit, ceiling_fen, eligible, stability_s, turnaround_s, repeat_days, age_min, age_max, sex, "
             "needs_sampling_skill, cold, volume_ml, home_s, version FROM test WHERE city_id = $1::integer AND valid_to_ms = 0 ORDER BY code COLLATE \"C\""},
    LABS = {"catalog_labs",
            "SELECT DISTINCT t.code COLLATE \"C\" AS test, l.facility_id FROM lab_test l JOIN facility f USING (city_id, facility_id) "
            "JOIN test t ON t.city_id = l.city_id AND t.valid_to_ms = 0 AND l.test IN (t.code, '*') "
            "WHERE l.city_id = $1::integer AND f.active AND f.contracted AND f.kind = 2 ORDER BY test, l.facility_id"},
    PRODUCT = {"product_read",
               "SELECT code, name_zh, name_en, atc, approval, approval_till_ms, ceiling_fen, rx, eligible, prohibited, controlled, injection, hypoglycaemic, "
               "chronic, cold, age_min, age_max, sex, indications, pack_supply_ddays, quantity_max, volume_ml FROM product "
               "WHERE city_id = $1::integer AND code = $2::text AND valid_to_ms = 0"};

static void facility_from_row(const PGresult *res, int row, struct facility *out)
{
    int32_t open[HOURS_MAX] = {0}, close[HOURS_MAX] = {0};
    out->id.v = (uint64_t)sql_get_i64(res, row, 0);
    out->kind = (enum facility_kind)sql_get_i64(res, row, 1); /* CHECK 1..3 */
    out->at.lat_e7 = (int32_t)sql_get_i64(res, row, 2);
    out->at.lon_e7 = (int32_t)sql_get_i64(res, row, 3);
    (void)sql_get_i32_array(res, row, 4, open, HOURS_MAX);
    (void)sql_get_i32_array(res, row, 5, close, HOURS_MAX);
    for (int day = 0; day < HOURS_MAX; day++) out->week[day] = (struct hours){(uint16_t)open[day], (uint16_t)close[day]};
    out->service_s = (uint32_t)sql_get_i64(res, row, 6);
    out->prep_s = (uint32_t)sql_get_i64(res, row, 7);
    out->active = sql_get_bool(res, row, 8);
    sql_get_text(res, row, 9, out->name, sizeof out->name);
    sql_get_text(res, row, 10, out->payee, sizeof out->payee);
}

static void courier_from_row(const PGresult *res, int row, struct courier *out)
{
    out->id.v = (uint64_t)sql_get_i64(res, row, 0);
    sql_get_text(res, row, 1, out->name, sizeof out->name);
    sql_get_text(res, row, 2, out->relay_phone, sizeof out->relay_phone);
    out->skills = (uint32_t)sql_get_i64(res, row, 3);
    out->volume_ml_max = (uint32_t)sql_get_i64(res, row, 4);
    out->cold_ml_max = (uint32_t)sql_get_i64(res, row, 5);
    out->kits_preloaded = (uint32_t)sql_get_i64(res, row, 6);
    out->active = sql_get_bool(res, row, 7);
}

static void test_from_row(const PGresult *res, int row, struct test *out)
{
    sql_get_text(res, row, 0, out->code, sizeof out->code);
    sql_get_text(res, row, 1, out->name_zh, sizeof out->name_zh);
    sql_get_text(res, row, 2, out->name_en, sizeof out->name_en);
    sql_get_text(res, row, 3, out->specimen, sizeof out->specimen);
    out->benefit = (enum benefit)sql_get_i64(res, row, 4); /* CHECK 2 or 3 */
    out->ceiling_fen = sql_get_i64(res, row, 5);
    out->eligible = sql_get_bool(res, row, 6);
    out->stability_s = (uint32_t)sql_get_i64(res, row, 7);
    out->turnaround_s = (uint32_t)sql_get_i64(res, row, 8);
    out->repeat_days = (uint32_t)sql_get_i64(res, row, 9);
    out->age_min = (uint32_t)sql_get_i64(res, row, 10);
    out->age_max = (uint32_t)sql_get_i64(res, row, 11);
    out->sex = PQgetvalue(res, row, 12)[0];
    out->needs_sampling_skill = sql_get_bool(res, row, 13);
    out->cold = sql_get_bool(res, row, 14);
    out->volume_ml = (uint32_t)sql_get_i64(res, row, 15);
    out->home_s = (uint32_t)sql_get_i64(res, row, 16);
    out->version = (uint32_t)sql_get_i64(res, row, 17);
}

static struct test *test_find(struct test *tests, size_t count, const char *code)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(tests[middle].code, code);
        if (order == 0) return &tests[middle];
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return NULL;
}

/* Only laboratories of tests in force; beyond LABS_PER_TEST_MAX the ones with greater ids are left out. */
static void labs_from_rows(const PGresult *res, const struct catalog *catalog, struct test *tests)
{
    for (int row = 0; row < PQntuples(res); row++) {
        struct test *test = test_find(tests, catalog->test_count, PQgetvalue(res, row, 0));
        const struct facility *lab = catalog_facility(catalog, (struct facility_id){(uint64_t)sql_get_i64(res, row, 1)});
        if (test && lab && test->lab_count < LABS_PER_TEST_MAX) test->labs[test->lab_count++] = (uint32_t)(lab - catalog->facilities);
    }
}

static enum status catalog_from_results(PGresult *results[SQL_QUEUE_MAX], struct city_id city, struct arena *arena, struct catalog *out, struct error *err)
{
    if (PQntuples(results[0]) != 1) return error_set(err, STATUS_NOT_FOUND, "there is no city %u", city.v);
    sql_get_text(results[0], 0, 0, out->city_name, sizeof out->city_name);
    out->utc_offset_s = (int32_t)sql_get_i64(results[0], 0, 1);
    out->product_count = (uint64_t)sql_get_i64(results[0], 0, 2);
    out->member_count = (uint64_t)sql_get_i64(results[0], 0, 3);
    out->facility_count = (uint32_t)PQntuples(results[1]);
    out->courier_count = (uint32_t)PQntuples(results[2]);
    out->test_count = (uint32_t)PQntuples(results[3]);
    struct facility *facilities = arena_alloc(arena, sizeof *facilities * (out->facility_count + 1));
    struct courier *couriers = arena_alloc(arena, sizeof *couriers * (out->courier_count + 1));
    struct test *tests = arena_alloc(arena, sizeof *tests * (out->test_count + 1));
    if (!facilities || !couriers || !tests) return error_set(err, STATUS_RESOURCE_EXHAUSTED, "the catalogue of city %u does not fit its memory", city.v);
    for (uint32_t i = 0; i < out->facility_count; i++) facility_from_row(results[1], (int)i, &facilities[i]);
    for (uint32_t i = 0; i < out->courier_count; i++) courier_from_row(results[2], (int)i, &couriers[i]);
    for (uint32_t i = 0; i < out->test_count; i++) test_from_row(results[3], (int)i, &tests[i]);
    out->facilities = facilities;
    out->couriers = couriers;
    out->tests = tests;
    labs_from_rows(results[4], out, tests);
    return STATUS_OK;
}

enum status store_catalog_load(struct store *store, struct city_id city, struct arena *arena, struct catalog *out, struct error *err)
{
    static const struct sql_statement *const statements[] = {&CITY, &FACILITIES, &COURIERS, &TESTS, &LABS};
    PGresult *results[SQL_QUEUE_MAX];
    struct sql_args args;
    memset(out, 0, sizeof *out);
    out->city = city;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    TRY(sql_ready(store, err));
    sql_pipeline_begin(store); /* one implicit transaction */
    for (size_t i = 0; i < COUNT_OF(statements); i++) sql_queue(store, statements[i], &args);
    TRY(sql_pipeline_flush(store, results, err));
    enum status rc = catalog_from_results(results, city, arena, out, err);
    sql_results_clear(results);
    return rc;
}

const struct facility *catalog_facility(const struct catalog *catalog, struct facility_id id)
{
    size_t low = 0, high = catalog->facility_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (catalog->facilities[middle].id.v == id.v) return &catalog->facilities[middle];
        if (catalog->facilities[middle].id.v < id.v) low = middle + 1;
        else high = middle;
    }
    return NULL;
}

const struct courier *catalog_courier(const struct catalog *catalog, struct courier_id id)
{
    size_t low = 0, high = catalog->courier_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (catalog->couriers[middle].id.v == id.v) return &catalog->couriers[middle];
        if (catalog->couriers[middle].id.v < id.v) low = middle + 1;
        else high = middle;
    }
    return NULL;
}

const struct test *catalog_test(const struct catalog *catalog, const char *code)
{
    return test_find((struct test *)(uintptr_t)catalog->tests, catalog->test_count, code);
}

static void product_from_row(const PGresult *res, struct product *out)
{
    bool *const flags[] = {&out->rx, &out->eligible, &out->prohibited, &out->controlled, &out->injection, &out->hypoglycaemic, &out->chronic, &out->cold};
    sql_get_text(res, 0, 0, out->code, sizeof out->code);
    sql_get_text(res, 0, 1, out->name_zh, sizeof out->name_zh);
    sql_get_text(res, 0, 2, out->name_en, sizeof out->name_en);
    sql_get_text(res, 0, 3, out->atc, sizeof out->atc);
    sql_get_text(res, 0, 4, out->approval, sizeof out->approval);
    out->approval_till_ms = sql_get_i64(res, 0, 5);
    out->ceiling_fen = sql_get_i64(res, 0, 6);
    for (int i = 0; i < (int)COUNT_OF(flags); i++) *flags[i] = sql_get_bool(res, 0, 7 + i);
    out->age_min = (uint32_t)sql_get_i64(res, 0, 15);
    out->age_max = (uint32_t)sql_get_i64(res, 0, 16);
    out->sex = PQgetvalue(res, 0, 17)[0];
    sql_get_text(res, 0, 18, out->indications, sizeof out->indications);
    out->pack_supply_ddays = (uint32_t)sql_get_i64(res, 0, 19);
    out->quantity_max = (uint32_t)sql_get_i64(res, 0, 20);
    out->volume_ml = (uint32_t)sql_get_i64(res, 0, 21);
}

enum status store_product_read(struct store *store, struct city_id city, const char *code, struct product *out, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    memset(out, 0, sizeof *out);
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_text(&args, code);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &PRODUCT, &args, &res, err));
    enum status rc = STATUS_OK;
    if (PQntuples(res) == 1) product_from_row(res, out);
    else rc = error_set(err, STATUS_NOT_FOUND, "%s is not in the catalogue of city %u", code, city.v);
    PQclear(res);
    return rc;
}
