/* Sparse matching against trying everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "scheduler/sim/match.h"

enum { ROWS = 6, COLUMNS = 5 };

static int64_t cost[ROWS][COLUMNS]; /* negative: no such pair */

/* Most rows first, then least cost: a row left out costs more than all pairs together. */
static int64_t brute(uint32_t row, uint32_t taken)
{
    if (row == ROWS) return 0;
    int64_t best = INT64_C(1000000) + brute(row + 1, taken);
    for (uint32_t c = 0; c < COLUMNS; c++) {
        if (cost[row][c] < 0 || (taken & BIT(c))) continue;
        int64_t one = cost[row][c] + brute(row + 1, taken | BIT(c));
        if (one < best) best = one;
    }
    return best;
}

static void test_matching_equals_trying_all(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 5);
    for (uint32_t trial = 0; trial < 3000; trial++) {
        struct match *match = match_new(ROWS, COLUMNS);
        uint32_t density = 1 + rng_below(&rng, 10), spread = rng_below(&rng, 2) ? 5 : 1000; /* few costs: many ties */
        for (uint32_t r = 0; r < ROWS; r++)
            for (uint32_t c = 0; c < COLUMNS; c++) {
                cost[r][c] = rng_below(&rng, 10) < density ? (int64_t)rng_below(&rng, spread) : -1;
                if (cost[r][c] >= 0) match_add(match, r, c, cost[r][c]);
            }
        match_solve(match);
        int64_t sum = 0;
        uint32_t taken = 0;
        for (uint32_t r = 0; r < ROWS; r++) {
            uint32_t c = match_of(match, r);
            if (c == MATCH_NONE) {
                sum += 1000000;
                continue;
            }
            assert_true(cost[r][c] >= 0 && !(taken & BIT(c)));
            taken |= BIT(c);
            sum += cost[r][c];
        }
        assert_int_equal(sum, brute(0, 0));
        match_free(match);
    }
}

static void test_empty_matchings(void **state)
{
    (void)state;
    struct match *match = match_new(0, 0);
    match_solve(match);
    match_free(match);
    match = match_new(3, 0);
    match_solve(match);
    for (uint32_t r = 0; r < 3; r++) assert_int_equal(match_of(match, r), MATCH_NONE);
    match_free(match);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_matching_equals_trying_all), cmocka_unit_test(test_empty_matchings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
