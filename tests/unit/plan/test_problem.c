/* plan/problem: what plan_problem_check refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "random_problem.h"

static struct test_problem p;

static void setup(void)
{
    struct rng rng;
    rng_init(&rng, 12);
    test_problem_fill(&p, &rng, 6, 2, false);
    for (uint32_t t = 0; t < 6; t++) p.tasks[t].courier = PLAN_ANY;
    p.tasks[0].step_count = 2;
    p.tasks[0].steps[1] = p.tasks[0].steps[0];
    p.tasks[0].steps[0].skip_with_kit = false;
    p.tasks[0].steps[1].skip_with_kit = false;
}

static void refused(void)
{
    struct error err = {0};
    assert_int_equal(plan_problem_check(&p.problem, &err), STATUS_INVALID_ARGUMENT);
    assert_true(err.text[0]);
    struct plan_solution *solution;
    assert_int_equal(plan_solve(&p.problem, &(struct plan_options){0}, &solution, &err), STATUS_INVALID_ARGUMENT);
}

static void test_what_breaks_a_bound_is_refused(void **state)
{
    (void)state;
    setup();
    assert_int_equal(plan_problem_check(&p.problem, NULL), STATUS_OK);
    p.tasks[3].steps[0].choices[0].place = TEST_PLACES;
    refused();
    setup();
    p.tasks[1].step_count = 4;
    refused();
    setup();
    p.tasks[1].steps[0].choice_count = 0;
    refused();
    setup();
    p.tasks[1].committed = true;
    refused();
    setup();
    p.tasks[1].due_s = PLAN_TIME_MAX_S + 1;
    refused();
    setup();
    p.couriers[1].place = 99999;
    refused();
    setup();
    p.problem.weights.flow = 0;
    refused();
    setup();
    p.problem.oracle.travel = NULL;
    refused();
}

static void test_broken_running_routes_are_refused(void **state)
{
    (void)state;
    setup();
    p.stops[0][0] = (struct plan_ref){.task = 0, .step = 0};
    p.couriers[0].stop_count = 1; /* breaks off */
    refused();
    p.stops[0][1] = (struct plan_ref){.task = 0, .step = 1};
    p.couriers[0].stop_count = 2;
    assert_int_equal(plan_problem_check(&p.problem, NULL), STATUS_OK);
    p.couriers[0].fixed_count = 1; /* a free task in a committed prefix */
    refused();
    p.couriers[0].fixed_count = 0;
    p.stops[0][1].step = 0; /* twice */
    refused();
    p.stops[0][1] = (struct plan_ref){.task = 0, .step = 1};
    p.couriers[0].stop_count = 1;
    p.stops[1][0] = (struct plan_ref){.task = 0, .step = 1};
    p.couriers[1].stop_count = 1; /* one chain, two couriers */
    refused();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_breaks_a_bound_is_refused), cmocka_unit_test(test_broken_running_routes_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
