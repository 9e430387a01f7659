/* The measure of a tour, by the resumable walk, against plan_check's own walk: on random answers and on random edits of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "random_problem.h"
#include "scheduler/plan/session.h"

/* Wrap one courier's sequence as a whole solution and let plan_check recount it. */
static enum status recount(const struct test_problem *p, struct work *work, struct error *err)
{
    struct plan_solution solution = {.tour_count = p->problem.courier_count};
    struct plan_tour tours[TEST_COURIERS_MAX] = {{0}};
    static struct plan_visit visits[TEST_COURIERS_MAX][PLAN_STOPS_MAX];
    struct plan_left left[TEST_TASKS_MAX];
    solution.tours = tours;
    solution.left = left;
    for (uint32_t c = 0; c < p->problem.courier_count; c++) {
        const struct tour *tour = &work->tours[c];
        tours[c].stops = visits[c];
        tours[c].stop_count = tour->count;
        struct step_state state;
        tour_begin(work, c, &state);
        int32_t begin_s[PLAN_STOPS_MAX];
        for (uint32_t i = 0; i < tour->count; i++) {
            uint32_t from = state.place;
            tour_step(work, c, tour->refs, i, begin_s, &state);
            struct plan_leg leg = work_leg(work, from, state.place);
            if (leg.travel_s == PLAN_UNREACHABLE) leg = (struct plan_leg){0, 0};
            visits[c][i] = (struct plan_visit){.ref = tour->refs[i], .arrive_s = state.arrive_s, .begin_s = begin_s[i], .leave_s = state.time_s,
                                               .travel_s = leg.travel_s, .travel_m = leg.travel_m};
        }
        tours[c].violation_s = (uint32_t)tour->value.violation_s;
        tours[c].changes = tour->value.changes;
        solution.cost.violation_s += tour->value.violation_s;
        solution.cost.soft += tour->value.soft;
        solution.cost.late_s += tour->value.late_s;
        solution.cost.travel_s += tour->value.travel_s;
        solution.cost.travel_m += tour->value.travel_m;
        solution.cost.late_count += tour->value.late_count;
        solution.cost.changes += tour->value.changes;
    }
    for (uint32_t t = 0; t < p->problem.task_count; t++) {
        bool planned = false;
        for (uint32_t c = 0; c < p->problem.courier_count; c++)
            for (uint32_t i = 0; i < work->tours[c].count; i++) planned |= work->tours[c].refs[i].task == t;
        if (planned) continue;
        left[solution.left_count++] = (struct plan_left){.task = t, .reason = UNPLANNED_HELD};
        solution.cost.left_weight += priority_weight(p->tasks[t].priority);
        solution.cost.left_count++;
    }
    return plan_check(&p->problem, &solution, err);
}

static void test_measure_agrees_with_recount_on_random_edits(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 1);
    unsigned sound_count = 0, unsound_count = 0;
    static struct test_problem p;
    for (unsigned round = 0; round < 300; round++) {
        test_problem_fill(&p, &rng, 8, 3, round % 2);
        struct plan_options options = {.seed = round, .iterations = 30};
        struct plan_solution *solution;
        struct error err = {0};
        assert_int_equal(plan_solve(&p.problem, &options, &solution, &err), STATUS_OK);
        test_problem_run(&p, &rng, solution);
        plan_solution_free(solution);
        struct work work;
        work_init(&work, &p.problem);
        for (uint32_t c = 0; c < 3; c++) work_take_courier(&work, c);
        for (unsigned edit = 0; edit < 20; edit++) {
            uint32_t c = rng_below(&rng, 3);
            struct tour *tour = &work.tours[c];
            if (tour->count < 2) continue;
            uint32_t i = rng_below(&rng, tour->count), j = rng_below(&rng, tour->count);
            struct tour kept = *tour;
            struct plan_ref swap = tour->refs[i];
            tour->refs[i] = tour->refs[j];
            tour->refs[j] = swap;
            bool in_order = true;
            for (uint32_t a = 0; a < tour->count; a++)
                for (uint32_t b = a + 1; b < tour->count; b++) in_order &= tour->refs[a].task != tour->refs[b].task || tour->refs[a].step < tour->refs[b].step;
            in_order &= p.couriers[c].fixed_count == 0 || (i > 0 && j > 0);
            if (!in_order) {
                *tour = kept;
                continue;
            }
            tour_measure(&work, c, tour->refs, tour->count, tour->begin_s, &tour->value);
            bool sound = true;
            for (uint32_t k = 0; k < 3; k++) sound &= tour_is_sound(&work, k, work.tours[k].refs, work.tours[k].count, &work.tours[k].value);
            enum status rc = recount(&p, &work, &err);
            if (sound) assert_int_equal(rc, STATUS_OK);
            else assert_int_equal(rc, STATUS_INTERNAL);
            if (sound) sound_count++;
            else unsound_count++;
        }
        work_deinit(&work);
    }
    assert_true(sound_count > 200 && unsound_count > 200); /* both sides were tried */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_measure_agrees_with_recount_on_random_edits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
