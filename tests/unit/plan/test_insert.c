/* insertion_best against trying every place and choice with a full measure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "random_problem.h"
#include "scheduler/plan/session.h"

struct brute {
    struct work *work;
    uint32_t courier, task;
    const struct tour_value *before;
    bool found;
    int64_t added;
};

static void brute_place(struct brute *brute, uint32_t step, const struct plan_ref *refs, uint32_t count, uint32_t from)
{
    const struct plan_task *task = &brute->work->problem->tasks[brute->task];
    ASSERT(step <= PLAN_STEPS_MAX);
    if (step == task->step_count) {
        struct tour_value value;
        int32_t begin_s[PLAN_STOPS_MAX];
        tour_measure(brute->work, brute->courier, refs, count, begin_s, &value);
        if (value.violation_s + value.free_violation_s > brute->before->violation_s + brute->before->free_violation_s) return;
        if (!tour_is_sound(brute->work, brute->courier, refs, count, &value)) return;
        int64_t added = value.soft - brute->before->soft;
        if (brute->found && added >= brute->added) return;
        brute->found = true;
        brute->added = added;
        return;
    }
    ASSERT(step < PLAN_STEPS_MAX);
    for (uint32_t position = from; position <= count; position++) {
        for (uint32_t choice = 0; choice < task->steps[step].choice_count; choice++) {
            struct plan_ref longer[PLAN_STOPS_MAX];
            memcpy(longer, refs, position * sizeof *refs);
            longer[position] = (struct plan_ref){.task = brute->task, .step = (uint8_t)step, .choice = (uint8_t)choice};
            memcpy(longer + position + 1, refs + position, (count - position) * sizeof *refs);
            brute_place(brute, step + 1, longer, count + 1, position + 1);
        }
    }
}

static void test_best_insertion_is_the_best_of_all(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 2);
    static struct test_problem p;
    unsigned possible = 0, impossible = 0;
    for (unsigned round = 0; round < 400; round++) {
        test_problem_fill(&p, &rng, 6, 2, round % 2);
        p.island = TEST_PLACES; /* without a road the triangle inequality is off */
        struct plan_options options = {.seed = round, .iterations = 20};
        struct plan_solution *solution;
        assert_int_equal(plan_solve(&p.problem, &options, &solution, NULL), STATUS_OK);
        test_problem_run(&p, &rng, solution);
        plan_solution_free(solution);
        struct work work;
        work_init(&work, &p.problem);
        for (uint32_t c = 0; c < 2; c++) work_take_courier(&work, c);
        for (uint32_t t = 0; t < 6; t++) {
            for (uint32_t c = 0; c < 2; c++) {
                bool prefix = p.couriers[c].fixed_count > 0 && p.stops[c][0].task == t;
                if (prefix) continue;
                struct plan_ref refs[PLAN_STOPS_MAX];
                uint32_t count = tour_without(work.tours[c].refs, work.tours[c].count, t, 0, refs);
                int32_t begin_s[PLAN_STOPS_MAX];
                struct tour_value before;
                tour_measure(&work, c, refs, count, begin_s, &before);
                if (!tour_is_sound(&work, c, refs, count, &before)) continue;
                struct brute brute = {.work = &work, .courier = c, .task = t, .before = &before};
                brute_place(&brute, 0, refs, count, p.couriers[c].fixed_count);
                if (p.tasks[t].steps[0].skip_with_kit && p.couriers[c].kits > 0) brute_place(&brute, 1, refs, count, p.couriers[c].fixed_count);
                struct insertion best;
                insertion_best(&work, c, refs, count, &before, t, 0, p.couriers[c].fixed_count, INT64_MAX, false, &best);
                assert_int_equal(best.found, brute.found);
                if (best.found) assert_true(best.added == brute.added);
                if (best.found) possible++;
                else impossible++;
            }
        }
        work_deinit(&work);
    }
    assert_true(possible > 500 && impossible > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_best_insertion_is_the_best_of_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
