/* The table: what a CSV says, what is refused and why, and which bucket a moment is in. */
#include "geo_traffic/geo_traffic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define HEADER "class,days,from_hour,to_hour,speed_percent\n"

static void test_table_says_what_its_lines_say(void **state)
{
    (void)state;
    static const char text[] = "# a remark\n\n" HEADER "*,all,0,24,90\r\nprimary , weekday , 7 , 9 , 55\n# another\nprimary,weekend,10,11,60\nsecondary,all,23,24,120";
    struct geo_traffic table;
    struct geo_error error = {.text = ""};
    if (geo_traffic_parse(text, sizeof text - 1, &table, &error) != GEO_OK) fail_msg("%s", error.text);
    for (unsigned c = 0; c < GEO_CLASS_COUNT; c++)
        for (unsigned b = 0; b < GEO_TRAFFIC_BUCKETS; b++) {
            unsigned hour = b % 24, wanted = 90;
            if (c == GEO_CLASS_PRIMARY && b < 24 && (hour == 7 || hour == 8)) wanted = 55;
            if (c == GEO_CLASS_PRIMARY && b >= 24 && hour == 10) wanted = 60;
            if (c == GEO_CLASS_SECONDARY && hour == 23) wanted = 120;
            assert_int_equal(table.speed_percent[c][b], wanted);
        }
}

static void test_table_refuses_and_names_the_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "begins with"},
        {"class,days\n", "line 1 has 2 fields"},
        {"class,days,from,to,speed_percent\n", "line 1: the header"},
        {HEADER "autobahn,all,0,24,100\n", "line 2: \"autobahn\" is no road class"},
        {HEADER "\nprimary,monday,0,24,100\n", "line 3: \"monday\""},
        {HEADER "primary,all,9,9,100\n", "line 2: hours"},
        {HEADER "primary,all,9,25,100\n", "line 2: hours"},
        {HEADER "primary,all,-1,5,100\n", "line 2: hours"},
        {HEADER "primary,all,0,24,4\n", "line 2: \"4\" is no speed"},
        {HEADER "primary,all,0,24,401\n", "line 2: \"401\""},
        {HEADER "primary,all,0,24,99999999999999999999\n", "line 2"},
        {HEADER "primary,all,0,24,\n", "line 2: \"\""},
        {HEADER "primary,all,0,24,100,1\n", "line 2 has more than 5"},
        {HEADER "a name that is longer than any name of a road class can be,all,0,24,100\n", "line 2: field 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct geo_traffic table;
        struct geo_error error = {.text = ""};
        assert_int_equal(geo_traffic_parse(cases[i].text, strlen(cases[i].text), &table, &error), GEO_INVALID);
        if (!strstr(error.text, cases[i].says)) fail_msg("\"%s\" does not say \"%s\"", error.text, cases[i].says);
        assert_int_equal(table.speed_percent[GEO_CLASS_PRIMARY][8], 100);
    }
    struct geo_traffic table;
    struct geo_error error;
    assert_int_equal(geo_traffic_parse("class", GEO_TRAFFIC_CSV_MAX + 1, &table, &error), GEO_LIMIT);
    assert_int_equal(geo_traffic_read("/nowhere/traffic.csv", &table, &error), GEO_IO);
}

/* libc's own calendar as the oracle, for 200 years around. */
static void test_bucket_is_the_hour_of_the_week(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (int i = 0; i < 200000; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        int64_t utc_s = (int64_t)(random >> 33) * 3 - INT64_C(6000000000);
        int32_t offset_s = (int32_t)(random >> 20 & 63) * 1800 - 43200;
        time_t local = (time_t)(utc_s + offset_s);
        struct tm tm;
        assert_non_null(gmtime_r(&local, &tm));
        uint32_t wanted = (uint32_t)tm.tm_hour + (tm.tm_wday == 0 || tm.tm_wday == 6 ? 24 : 0);
        assert_int_equal(geo_traffic_bucket(utc_s * 1000 + (int64_t)(random & 511), offset_s), wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_says_what_its_lines_say),
        cmocka_unit_test(test_table_refuses_and_names_the_line),
        cmocka_unit_test(test_bucket_is_the_hour_of_the_week),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
