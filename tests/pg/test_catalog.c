/* The catalogue: bulk writes are idempotent, versioned, all or nothing; loading gives back what was written. */
#include "pg_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct store *app;
static PGconn *raw;
static const struct city_id CITY = {1};

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

static void test_catalog_loads_what_was_put(void **state)
{
    (void)state;
    fixture_city(app, 1, 5, 1000);
    fixture_city(app, 1, 5, 1000); /* twice is once */
    assert_int_equal(raw_number(raw, "SELECT (SELECT count(*) FROM product) + (SELECT count(*) FROM test) + (SELECT count(*) FROM plan_version) + "
                                     "(SELECT count(*) FROM policy)"), 4 + 2 + 1 + 5);
    struct arena *arena = arena_new(16 << 20);
    struct catalog catalog;
    assert_ok(store_catalog_load(app, CITY, arena, &catalog, err));
    assert_string_equal(catalog.city_name, "测试市");
    assert_int_equal(catalog.utc_offset_s, 28800);
    assert_int_equal(catalog.facility_count, 3);
    assert_int_equal(catalog.courier_count, 2);
    assert_int_equal(catalog.test_count, 2);
    assert_int_equal(catalog.product_count, 4);
    assert_int_equal(catalog.member_count, 5);
    const struct facility *lab = catalog_facility(&catalog, (struct facility_id){2});
    assert_non_null(lab);
    assert_int_equal(lab->week[6].close_min, 1320);
    assert_string_equal(lab->payee, "LAB2");
    assert_string_equal(catalog_facility(&catalog, (struct facility_id){3})->payee, "F3");
    const struct test *flu = catalog_test(&catalog, "FLU");
    assert_non_null(flu);
    assert_int_equal(flu->lab_count, 1);
    assert_ptr_equal(&catalog.facilities[flu->labs[0]], lab);
    assert_int_equal(catalog_courier(&catalog, (struct courier_id){1})->skills, 3);
    assert_null(catalog_test(&catalog, "NONE"));
    assert_null(catalog_facility(&catalog, (struct facility_id){9}));
    arena_free(arena);
    arena = arena_new(1024);
    assert_status(STATUS_RESOURCE_EXHAUSTED, store_catalog_load(app, CITY, arena, &catalog, err));
    assert_status(STATUS_NOT_FOUND, store_catalog_load(app, (struct city_id){42}, arena, &catalog, err));
    arena_free(arena);
}

static void test_change_begins_a_version_and_past_service_keeps_the_old(void **state)
{
    (void)state;
    struct product product;
    uint32_t changed = 9;
    assert_ok(store_product_read(app, CITY, "AMLO", &product, err));
    assert_ok(store_products_put(app, CITY, &product, 1, FIXTURE_NOW_MS, &changed, err));
    assert_int_equal(changed, 0);
    product.ceiling_fen = 600;
    assert_ok(store_products_put(app, CITY, &product, 1, FIXTURE_NOW_MS, &changed, err));
    assert_int_equal(changed, 1);
    struct submission s = fixture_prescription(1, 0, "new price", "AMLO", 1, 1000);
    struct intake_result r = fixture_intake(app, &s);
    assert_int_equal(r.claim.eligible_fen, 600);
    assert_int_equal(r.claim.lines[0].formulary_version, 2);
    s = fixture_prescription(1, 1, "old price", "AMLO", 1, 1000);
    s.order.accepted_ms = FIXTURE_NOW_MS - 1;
    r = fixture_intake(app, &s);
    assert_int_equal(r.claim.submitted_fen, 1000);
    assert_int_equal(r.claim.lines[0].formulary_version, 1);
    /* a plan's next version leaves this year's account as it was opened */
    struct plan_row plan = {.plan = "P80", .name = "七折", .promise_s = 7200};
    plan.terms = (struct claims_plan){.age_max_years = 60, .prescription_days_max = 3, .drugs_max = 5, .supply_days = 7, .supply_emergency_days = 3,
                                      .supply_chronic_days = 28, .supply_override_days = 84, .year_limit_fen = 5};
    plan.terms.benefit[BENEFIT_MEDICINE].rate_bps = 7000;
    assert_ok(store_plans_put(app, CITY, &plan, 1, FIXTURE_NOW_MS, &changed, err));
    assert_int_equal(changed, 1);
    assert_ok(store_plans_put(app, CITY, &plan, 1, FIXTURE_NOW_MS, &changed, err));
    assert_int_equal(changed, 0);
    s = fixture_prescription(1, 2, "new plan", "AMLO", 1, 1000);
    r = fixture_intake(app, &s);
    assert_int_equal(r.claim.plan_version, 2);
    assert_int_equal(r.claim.benefit_fen, 5);
    assert_int_equal(r.order.promise_ms, FIXTURE_NOW_MS + 7200000);
    s = fixture_prescription(1, 0, "old account", "AMLO", 1, 500);
    r = fixture_intake(app, &s);
    assert_int_equal(r.claim.benefit_fen, 350);
}

/* Two times: when a price holds, and when we knew. What was held true yesterday of today is not what is known today. */
static void test_prices_and_plans_of_any_time_as_known_at_any_time(void **state)
{
    (void)state;
    enum { FIRST = 500, SECOND = 450, THIRD = 400 };
    struct product product;
    char sql[240];
    const int64_t changes_ms[] = {FIXTURE_NOW_MS, FIXTURE_NOW_MS + 1000};
    assert_ok(store_product_read(app, CITY, "CEFA", &product, err));
    assert_int_equal(product.ceiling_fen, FIRST);
    raw_ok(raw, "CREATE TEMPORARY TABLE moment AS SELECT 0 AS n, clock_timestamp() AS at");
    for (int i = 0; i < 2; i++) {
        product.ceiling_fen = i == 0 ? SECOND : THIRD;
        assert_ok(store_products_put(app, CITY, &product, 1, changes_ms[i], NULL, err));
        text_format(sql, sizeof sql, "INSERT INTO moment VALUES (%d, clock_timestamp())", i + 1);
        raw_ok(raw, sql);
    }
    /* rows: known after n changes; columns: valid before, between and after the changes' times */
    static const int64_t EXPECTED[3][3] = {{FIRST, FIRST, FIRST}, {FIRST, SECOND, SECOND}, {FIRST, SECOND, THIRD}};
    const int64_t valid_ms[3] = {changes_ms[0] - 1, changes_ms[0], changes_ms[1]};
    for (int known = 0; known < 3; known++)
        for (int valid = 0; valid < 3; valid++) {
            text_format(sql, sizeof sql, "SELECT ceiling_fen FROM moment m, product_as_known(1, 'CEFA', %lld, m.at) WHERE m.n = %d", (long long)valid_ms[valid], known);
            assert_int_equal(raw_number(raw, sql), EXPECTED[known][valid]);
        }
    assert_int_equal(raw_number(raw, "SELECT count(*) FROM product_as_known(1, 'CEFA', 1773129600000, '2020-01-01')"), 0);
    assert_int_equal(raw_number(raw, "SELECT count(*) FROM moment m, plan_as_known(1, 'P80', 1773129600000, m.at) WHERE m.n = 0"), 1);
    assert_int_equal(raw_number(raw, "SELECT count(*) FROM moment m, test_as_known(1, 'FLU', 1773129600000, m.at) WHERE m.n = 0"), 1);
    assert_int_equal(raw_number(raw, "SELECT count(*) FROM plan_version WHERE (valid_to_ms = 0) <> (end_known_at IS NULL)"), 0);
}

static void test_policy_correction_is_bitemporal(void **state)
{
    (void)state;
    struct member_row row = {.code = "M3", .birth_day = 7308, .sex = 'F', .policy = "L3", .plan = "P80", .valid_from_day = 20454, .valid_to_day = 20500, .renewal = true};
    assert_ok(store_members_put(app, CITY, &row, 1, FIXTURE_NOW_MS, NULL, err));
    assert_int_equal(raw_number(raw, "SELECT count(*) FROM policy WHERE policy = 'L3'"), 2);
    assert_int_equal(raw_number(raw, "SELECT known_to_ms FROM policy WHERE policy = 'L3' AND revision = 1"), FIXTURE_NOW_MS);
    struct submission s = fixture_prescription(1, 3, "lapsed", "AMLO", 1, 500);
    struct intake_result r = fixture_intake(app, &s);
    assert_string_equal(r.claim.refusal_rule, "R3");
}

static void test_bad_rows_are_named_and_nothing_is_written(void **state)
{
    (void)state;
    struct error err = {0};
    struct member_row rows[3] = {{.code = "N0", .birth_day = 1, .sex = 'M', .policy = "LN0", .plan = "P80", .valid_from_day = 10, .valid_to_day = 20},
                                 {.code = "N1", .birth_day = 1, .sex = 'M', .policy = "LN1", .plan = "P80", .valid_from_day = 10, .valid_to_day = 20},
                                 {.code = "N2", .birth_day = 1, .sex = 'X', .policy = "LN2", .plan = "P80", .valid_from_day = 10, .valid_to_day = 20}};
    assert_int_equal(store_members_put(app, CITY, rows, 3, 0, NULL, &err), STATUS_INVALID_ARGUMENT);
    assert_string_equal(err.field, "rows[2].sex");
    rows[2].sex = 'M';
    (void)text_copy(rows[2].plan, sizeof rows[2].plan, "NOPLAN");
    assert_int_equal(store_members_put(app, CITY, rows, 3, 0, NULL, &err), STATUS_NOT_FOUND);
    assert_int_equal(raw_number(raw, "SELECT count(*) FROM member WHERE code LIKE 'N_'"), 0);
    struct product product = {.code = "BAD", .name_zh = "x", .ceiling_fen = -1};
    assert_int_equal(store_products_put(app, CITY, &product, 1, 0, NULL, &err), STATUS_INVALID_ARGUMENT);
    assert_string_equal(err.field, "rows[0].ceiling_fen");
    struct courier courier = {.id = {5}, .skills = 64};
    assert_int_equal(store_couriers_put(app, CITY, &courier, 1, NULL, &err), STATUS_INVALID_ARGUMENT);
    struct facility_row facility = {.facility = {.id = {7}, .kind = FACILITY_LAB, .name = "x", .week = {{600, 500}}}};
    assert_int_equal(store_facilities_put(app, CITY, &facility, 1, NULL, &err), STATUS_INVALID_ARGUMENT);
    assert_string_equal(err.field, "rows[0].week");
}

static void test_thousands_of_products_load_in_one_call(void **state)
{
    (void)state;
    struct product *rows = mem_zalloc(STORE_BULK_MAX, sizeof *rows);
    uint32_t changed = 0;
    for (uint32_t i = 0; i < STORE_BULK_MAX; i++) {
        rows[i] = (struct product){.name_zh = "药", .approval = "H1", .ceiling_fen = i, .eligible = true, .volume_ml = 100};
        text_format(rows[i].code, sizeof rows[i].code, "BULK%u", i);
    }
    assert_ok(store_products_put(app, CITY, rows, STORE_BULK_MAX, 0, &changed, err));
    assert_int_equal(changed, STORE_BULK_MAX);
    rows[4999].ceiling_fen++;
    assert_ok(store_products_put(app, CITY, rows, STORE_BULK_MAX, FIXTURE_NOW_MS, &changed, err));
    assert_int_equal(changed, 1);
    free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catalog_loads_what_was_put),
        cmocka_unit_test(test_change_begins_a_version_and_past_service_keeps_the_old),
        cmocka_unit_test(test_prices_and_plans_of_any_time_as_known_at_any_time),
        cmocka_unit_test(test_policy_correction_is_bitemporal),
        cmocka_unit_test(test_bad_rows_are_named_and_nothing_is_written),
        cmocka_unit_test(test_thousands_of_products_load_in_one_call),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
