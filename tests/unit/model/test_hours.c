/* model/hours: opening windows against a minute-by-minute reading. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "model/model.h"

#define MIN_MS INT64_C(60000)
#define DAY_MS (INT64_C(1440) * MIN_MS)

/* Oracle: is it open in this minute? Asks each day's window directly. */
static bool is_open(const struct hours week[HOURS_MAX], int64_t offset_ms, int64_t at_ms)
{
    int64_t local = at_ms + offset_ms;
    int64_t day = local / DAY_MS;
    for (int64_t back = 0; back <= 2; back++) {
        const struct hours *hours = &week[(day - back + 3) % 7];
        int64_t minute = (local - (day - back) * DAY_MS) / MIN_MS;
        if (hours->open_min < hours->close_min && minute >= hours->open_min && minute < hours->close_min) return true;
    }
    return false;
}

static void test_next_open_agrees_with_minute_by_minute(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 20130);
    for (unsigned round = 0; round < 400; round++) {
        struct hours week[HOURS_MAX];
        for (unsigned d = 0; d < HOURS_MAX; d++) {
            week[d].open_min = (uint16_t)rng_below(&rng, 1440);
            week[d].close_min = (uint16_t)(rng_below(&rng, 3) == 0 ? week[d].open_min : week[d].open_min + rng_below(&rng, 1600));
        }
        int64_t from = (INT64_C(20000) * 1440 + rng_below(&rng, 20000)) * MIN_MS;
        int64_t offset_ms = 28800000, open = 0, close = 0;
        int64_t expected = -1;
        for (int64_t at = from; at < from + 8 * DAY_MS; at += MIN_MS) {
            if (!is_open(week, offset_ms, at)) continue;
            expected = at;
            break;
        }
        bool found = hours_next_open(week, 28800, from, &open, &close);
        if (expected < 0) {
            assert_true(!found || open >= from + 7 * DAY_MS);
            continue;
        }
        assert_true(found);
        assert_true(open == expected);
        assert_true(close > open);
        for (int64_t at = open; at < close && at < from + 8 * DAY_MS; at += 7 * MIN_MS) assert_true(is_open(week, offset_ms, at));
    }
}

static void test_never_open_says_so(void **state)
{
    (void)state;
    struct hours week[HOURS_MAX] = {{0}};
    int64_t open = 7, close = 7;
    assert_false(hours_next_open(week, 28800, 1700000000000, &open, &close));
    week[2] = (struct hours){600, 500}; /* a window that ends before it begins is none */
    assert_false(hours_next_open(week, 28800, 1700000000000, &open, &close));
}

static void test_monday_is_monday_and_midnight_is_passed(void **state)
{
    (void)state;
    struct hours week[HOURS_MAX] = {{0}};
    week[0] = (struct hours){22 * 60, 26 * 60}; /* Monday 22:00 to Tuesday 02:00 */
    int64_t monday = INT64_C(1704038400000);    /* 2024-01-01 00:00 in China, a Monday */
    int64_t open, close;
    assert_true(hours_next_open(week, 28800, monday, &open, &close));
    assert_true(open == monday + 22 * 60 * MIN_MS && close == monday + 26 * 60 * MIN_MS);
    assert_true(hours_next_open(week, 28800, monday + 25 * 60 * MIN_MS, &open, &close));
    assert_true(open == monday + 25 * 60 * MIN_MS && close == monday + 26 * 60 * MIN_MS);
    assert_true(hours_next_open(week, 28800, monday + 26 * 60 * MIN_MS, &open, &close));
    assert_true(open == monday + 7 * DAY_MS + 22 * 60 * MIN_MS);
}

static void test_round_the_clock_never_closes_within_the_look_ahead(void **state)
{
    (void)state;
    struct hours week[HOURS_MAX];
    for (unsigned d = 0; d < HOURS_MAX; d++) week[d] = (struct hours){0, 1440};
    int64_t from = INT64_C(1704038400000) + 12345678, open, close;
    assert_true(hours_next_open(week, 28800, from, &open, &close));
    assert_true(open == from && close > from + 7 * DAY_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_next_open_agrees_with_minute_by_minute), cmocka_unit_test(test_never_open_says_so),
                                       cmocka_unit_test(test_monday_is_monday_and_midnight_is_passed),
                                       cmocka_unit_test(test_round_the_clock_never_closes_within_the_look_ahead)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
