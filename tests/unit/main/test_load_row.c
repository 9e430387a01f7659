/* Records become rows; every wrong cell is told with line and column and without its value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scheduler/main/load_row.h"

static struct csv csv;
static struct error err;
static struct arena *arena;

static enum status fill(const char *kind_name, const char *text, void *row, size_t row_size)
{
    struct load_map map;
    bool end;
    const struct load_kind *kind = load_kind_find(kind_name);
    assert_non_null(kind);
    assert_int_equal(kind->row_size, row_size);
    FILE *file = tmpfile();
    fwrite(text, 1, strlen(text), file);
    rewind(file);
    memset(row, 0, row_size);
    enum status rc = csv_begin(file, "f.csv", &csv, &err);
    if (rc == STATUS_OK) rc = load_map_make(kind, &csv, &map, &err);
    if (rc == STATUS_OK) rc = csv_next(&csv, &end, &err);
    if (rc == STATUS_OK) rc = load_row_fill(kind, &map, &csv, 28800, arena, row, &err);
    csv_close(&csv);
    return rc;
}

#define MEMBER "code,birth_date,sex,policy,plan,valid_from,valid_to,inception,renewal\n"
#define FACILITY "facility_id,kind,name,lat,lon,hours,service_s,prep_s,payee,contracted,active,tests\n"

static void test_member(void **state)
{
    (void)state;
    struct member_loaded loaded;
    const struct member_row *row = &loaded.member;
    assert_int_equal(fill("members", MEMBER "M1,2000-02-29,F,P1,HOME,2024-01-01,2025-01-01,2024-01-01,1\n", &loaded, sizeof loaded), STATUS_OK);
    assert_string_equal(row->code, "M1");
    assert_int_equal(row->birth_day, 11016);
    assert_int_equal(row->sex, 'F');
    assert_int_equal(row->valid_to_day - row->valid_from_day, 366);
    assert_true(row->renewal);
    assert_string_equal(loaded.person.name, "");
}

static void test_member_may_come_with_who_he_is(void **state)
{
    (void)state;
    struct member_loaded loaded;
    assert_int_equal(fill("members", "name,phone,address,identity_number," MEMBER "A,139,Road 1,X1,M1,2000-02-29,F,P1,HOME,2024-01-01,2025-01-01,2024-01-01,1\n", &loaded, sizeof loaded), STATUS_OK);
    assert_string_equal(loaded.person.name, "A");
    assert_string_equal(loaded.person.phone, "139");
    assert_string_equal(loaded.person.address, "Road 1");
    assert_string_equal(loaded.person.identity_number, "X1");
    assert_string_equal(loaded.member.code, "M1");
}

static void test_columns_may_stand_in_any_order_and_must_be_known(void **state)
{
    (void)state;
    struct payee_row row;
    assert_int_equal(fill("payees", "account,payee,bank,name\n62,PH,B,N\n", &row, sizeof row), STATUS_OK);
    assert_string_equal(row.account, "62");
    assert_int_equal(fill("payees", "account,payee,name\n62,PH,N\n", &row, sizeof row), STATUS_INVALID_ARGUMENT);
    assert_string_equal(err.text, "f.csv:1: column bank is missing");
    assert_int_equal(fill("payees", "account,payee,bank,name,x\n62,PH,B,N,1\n", &row, sizeof row), STATUS_INVALID_ARGUMENT);
    assert_string_equal(err.text, "f.csv:1: unknown column x");
    assert_null(load_kind_find("horses"));
}

static void test_wrong_cells_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *row, *told;
    } WRONG[] = {{"M1,2001-02-29,F,P1,HOME,2024-01-01,2025-01-01,2024-01-01,1\n", "f.csv:2: column birth_date (2) is not a date YYYY-MM-DD"},
                 {"M1,2001-02-28,X,P1,HOME,2024-01-01,2025-01-01,2024-01-01,1\n", "f.csv:2: column sex (3) is not F or M"},
                 {",2001-02-28,F,P1,HOME,2024-01-01,2025-01-01,2024-01-01,1\n", "f.csv:2: column code (1) is empty"},
                 {"M1,2001-02-28,F,P1,HOME,2024-01-01,2025-01-01,2024-01-01,yes\n", "f.csv:2: column renewal (9) is not 0 or 1"},
                 {"123456789012345678901234567890123,2001-02-28,F,P1,HOME,2024-01-01,2025-01-01,2024-01-01,1\n", "f.csv:2: column code (1) is too long"}};
    for (size_t i = 0; i < COUNT_OF(WRONG); i++) {
        char text[512];
        struct member_loaded row;
        text_format(text, sizeof text, "%s%s", MEMBER, WRONG[i].row);
        assert_int_equal(fill("members", text, &row, sizeof row), STATUS_INVALID_ARGUMENT);
        assert_string_equal(err.text, WRONG[i].told);
    }
}

static void test_facility(void **state)
{
    (void)state;
    struct facility_row row;
    assert_int_equal(fill("facilities", FACILITY "7,LAB,启明,39.9051234,-116.42,06:30-23:00,180,0,LAB-1,1,1,RT-A;RT-B\n", &row, sizeof row), STATUS_OK);
    assert_int_equal(row.facility.kind, FACILITY_LAB);
    assert_int_equal(row.facility.at.lat_e7, 399051234);
    assert_int_equal(row.facility.at.lon_e7, -1164200000);
    assert_int_equal(row.facility.week[6].open_min, 390);
    assert_int_equal(row.facility.week[0].close_min, 1380);
    assert_int_equal(row.test_count, 2);
    assert_string_equal(row.tests[1], "RT-B");
    assert_int_equal(fill("facilities", FACILITY "7,LAB,x,,1,closed,1,0,L,1,1,\n", &row, sizeof row), STATUS_INVALID_ARGUMENT);
    assert_string_equal(err.text, "f.csv:2: column lat (4) is empty");
    assert_int_equal(fill("facilities", FACILITY "7,SHOP,x,1,1,closed,1,0,L,1,1,\n", &row, sizeof row), STATUS_INVALID_ARGUMENT);
    assert_int_equal(fill("facilities", FACILITY "7,LAB,x,90.1,1,closed,1,0,L,1,1,\n", &row, sizeof row), STATUS_INVALID_ARGUMENT);
    assert_int_equal(fill("facilities", FACILITY "0,LAB,x,1,1,closed,1,0,L,1,1,\n", &row, sizeof row), STATUS_INVALID_ARGUMENT);
}

static void expect_hours(const char *hours, enum status expected, uint16_t monday_close, uint16_t sunday_open)
{
    char text[512];
    struct facility_row row;
    text_format(text, sizeof text, FACILITY "7,LAB,x,1,1,%s,1,0,L,1,1,\n", hours);
    assert_int_equal(fill("facilities", text, &row, sizeof row), expected);
    if (expected != STATUS_OK) return;
    assert_int_equal(row.facility.week[0].close_min, monday_close);
    assert_int_equal(row.facility.week[6].open_min, sunday_open);
}

static void test_hours(void **state)
{
    (void)state;
    expect_hours("00:00-24:00", STATUS_OK, 1440, 0);
    expect_hours("20:00-26:30", STATUS_OK, 1590, 1200);
    expect_hours("08:00-20:00;closed;closed;closed;closed;closed;09:00-12:00", STATUS_OK, 1200, 540);
    expect_hours("closed", STATUS_OK, 0, 0);
    expect_hours("08:00-20:00;closed", STATUS_INVALID_ARGUMENT, 0, 0);
    expect_hours("20:00-08:00", STATUS_INVALID_ARGUMENT, 0, 0);
    expect_hours("08:60-20:00", STATUS_INVALID_ARGUMENT, 0, 0);
    expect_hours("8:00-20:00", STATUS_INVALID_ARGUMENT, 0, 0);
    expect_hours("24:00-25:00", STATUS_INVALID_ARGUMENT, 0, 0);
    expect_hours("08:00-20:00;", STATUS_INVALID_ARGUMENT, 0, 0);
    expect_hours("08:00-20:00;closed;closed;closed;closed;closed;closed;closed", STATUS_INVALID_ARGUMENT, 0, 0);
}

static int setup(void **state)
{
    (void)state;
    arena = arena_new(1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_member), cmocka_unit_test(test_member_may_come_with_who_he_is), cmocka_unit_test(test_columns_may_stand_in_any_order_and_must_be_known),
                                       cmocka_unit_test(test_wrong_cells_are_named), cmocka_unit_test(test_facility), cmocka_unit_test(test_hours)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
