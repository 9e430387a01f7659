/* The calendar against one that counts day by day. */
#include "fixture.h"

static bool leap(int32_t y)
{
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static void test_every_day_of_300_years_counts_up_by_one(void **state)
{
    (void)state;
    static const int32_t LENGTH[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int32_t expected = -25567; /* 1900-01-01 */
    for (int32_t y = 1900; y < 2200; y++)
        for (int32_t m = 1; m <= 12; m++)
            for (int32_t d = 1; d <= LENGTH[m - 1] + (m == 2 && leap(y)); d++, expected++) {
                char text[24], back[11];
                text_format(text, sizeof text, "%04d-%02d-%02d", y, m, d);
                assert_int_equal(day_of(text), expected);
                claims_day_to_text(expected, back);
                assert_string_equal(back, text);
            }
}

static void test_day_from_text_refuses_what_is_no_day(void **state)
{
    (void)state;
    static const char *const BAD[] = {"", "2026-02-29", "2026-04-31", "2026-13-01", "2026-00-10", "2026-01-00", "2026-01-32", "1899-12-31", "2200-01-01",
                                      "2026-1-01", "2026-01-01 ", "20260101", "2026/01/01", "-026-01-01", "2026-0a-01"};
    for (size_t i = 0; i < COUNT_OF(BAD); i++) {
        int32_t day;
        assert_false(claims_day_from_text(BAD[i], &day));
    }
}

static void test_day_of_rounds_down_in_the_citys_time(void **state)
{
    (void)state;
    assert_int_equal(claims_day_of(0, 0), 0);
    assert_int_equal(claims_day_of(-1, 0), -1);
    assert_int_equal(claims_day_of(57599999, 28800), 0); /* 23:59:59.999 in Shanghai */
    assert_int_equal(claims_day_of(57600000, 28800), 1);
    assert_int_equal(claims_day_of(3599999, -3600), -1);
}

static void test_age_changes_on_the_birthday(void **state)
{
    (void)state;
    assert_int_equal(claims_age_years(day_of("2000-02-29"), day_of("2026-02-28")), 25);
    assert_int_equal(claims_age_years(day_of("2000-02-29"), day_of("2026-03-01")), 26);
    assert_int_equal(claims_age_years(day_of("2000-02-29"), day_of("2028-02-29")), 28);
    assert_int_equal(claims_age_years(day_of("1966-05-10"), day_of("2026-05-09")), 59);
    assert_int_equal(claims_age_years(day_of("1966-05-10"), day_of("2026-05-10")), 60);
    assert_int_equal(claims_age_years(day_of("2026-05-10"), day_of("2026-05-10")), 0);
    assert_int_equal(claims_age_years(day_of("2026-05-10"), day_of("2026-05-09")), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_day_of_300_years_counts_up_by_one), cmocka_unit_test(test_day_from_text_refuses_what_is_no_day),
        cmocka_unit_test(test_day_of_rounds_down_in_the_citys_time), cmocka_unit_test(test_age_changes_on_the_birthday),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
