/* The index against trying everybody: the same courier at the same cost, while routes fill, empty and fill again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "random_city.h"
#include "scheduler/plan/session.h"

enum { COURIERS = 150, TASKS = 500 };

static void expect_as_by_scan(struct plan_session *session, uint32_t task, unsigned *tried)
{
    struct plan_placed scanned, indexed;
    plan_session_scan(session, task, &scanned);
    plan_session_insert(session, task, &indexed);
    if (indexed.courier != scanned.courier || indexed.added != scanned.added || indexed.done_s != scanned.done_s)
        fail_msg("task %u: courier %u at %lld by the index, %u at %lld by the scan", task, indexed.courier, (long long)indexed.added, scanned.courier, (long long)scanned.added);
    *tried += indexed.tried;
}

static void test_indexed_answer_is_the_scans_answer(void **state)
{
    (void)state;
    unsigned tried = 0, placed = 0;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct random_city *city = random_city_new(seed, COURIERS, TASKS, seed == 3 ? 4000 : 15000);
        struct plan_session *session;
        struct rng rng;
        rng_init(&rng, seed);
        assert_int_equal(plan_session_new(&city->problem, &session, NULL), STATUS_OK);
        for (uint32_t t = 0; t < TASKS; t++) {
            expect_as_by_scan(session, t, &tried);
            placed++;
            if (rng_below(&rng, 3) > 0) continue;
            uint32_t other = rng_below(&rng, t + 1); /* somebody leaves and comes back */
            plan_session_remove(session, other);
            expect_as_by_scan(session, other, &tried);
            placed++;
        }
        struct error err;
        struct plan_solution *solution = plan_session_answer(session);
        if (plan_check(&city->problem, solution, &err) != STATUS_OK) fail_msg("%s", err.text);
        plan_solution_free(solution);
        plan_session_free(session);
        random_city_free(city);
    }
    print_message("%.1f of %d couriers tried for a task\n", (double)tried / placed, COURIERS);
    assert_true(tried < placed * COURIERS / 3); /* or there is no point in an index */
}

/* What is said of each courier from afar is never more than what he costs. */
static void test_bounds_are_lower_bounds(void **state)
{
    (void)state;
    struct random_city *city = random_city_new(7, 60, 300, 8000);
    struct plan_session *session;
    unsigned asked = 0, tight = 0;
    assert_int_equal(plan_session_new(&city->problem, &session, NULL), STATUS_OK);
    for (uint32_t t = 0; t < 300; t++) {
        struct near_query query;
        near_query_init(&session->work, t, &query);
        for (uint32_t c = 0; c < 60; c++) {
            int64_t bound = near_bound(&session->work, &query, c, INT64_MAX);
            struct insertion way;
            const struct tour *tour = &session->work.tours[c];
            if (!task_allows(&city->problem, t, c)) continue;
            insertion_best(&session->work, c, tour->refs, tour->count, &tour->value, t, 0, 0, INT64_MAX, false, &way);
            if (!way.found) continue;
            int64_t rough = near_bound(&session->work, &query, c, INT64_MIN / 2);
            if (rough > way.added) fail_msg("task %u courier %u: at least %lld from afar, found %lld", t, c, (long long)rough, (long long)way.added);
            if (bound > way.added) fail_msg("task %u courier %u: at least %lld, found %lld", t, c, (long long)bound, (long long)way.added);
            asked++;
            tight += bound * 10 >= way.added * 8;
        }
        struct plan_placed placed;
        plan_session_insert(session, t, &placed);
    }
    print_message("%u bounds, %u of them within a fifth\n", asked, tight);
    assert_true(asked > 2000 && tight * 4 > asked);
    plan_session_free(session);
    random_city_free(city);
}

/* The list of near couriers is in the order of their bounds, names nobody twice, and mostly has the cheapest courier of all. */
static void test_near_list_has_the_cheapest(void **state)
{
    (void)state;
    struct random_city *city = random_city_new(9, 120, 300, 20000);
    struct plan_session *session;
    unsigned placed_count = 0, has = 0;
    assert_int_equal(plan_session_new(&city->problem, &session, NULL), STATUS_OK);
    for (uint32_t t = 0; t < 300; t++) {
        struct near_query query;
        uint32_t list[12];
        near_query_init(&session->work, t, &query);
        uint32_t count = near_list(&session->work, &query, list, 12);
        for (uint32_t i = 0; i < count; i++) {
            int64_t bound = near_bound(&session->work, &query, list[i], INT64_MAX);
            assert_true(bound < INT64_MAX && (i == 0 || bound >= near_bound(&session->work, &query, list[i - 1], INT64_MAX)));
            for (uint32_t k = 0; k < i; k++) assert_true(list[k] != list[i]);
        }
        struct plan_placed placed;
        plan_session_insert(session, t, &placed);
        placed_count += placed.courier != PLAN_ANY;
        for (uint32_t i = 0; i < count; i++) has += list[i] == placed.courier;
    }
    print_message("the cheapest of all is among the 12 nearest for %u of %u\n", has, placed_count);
    assert_true(has * 10 >= placed_count * 7);
    plan_session_free(session);
    random_city_free(city);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_indexed_answer_is_the_scans_answer), cmocka_unit_test(test_bounds_are_lower_bounds),
                                       cmocka_unit_test(test_near_list_has_the_cheapest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
