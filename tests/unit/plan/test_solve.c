/* The solver against brute force (n <= 7), plan_check on everything, determinism, warm starts, and the impossible order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "random_problem.h"

/* ---- brute force: the best tour of every subset for every courier, then the best partition ---- */

struct courier_at { int64_t time_s, soft, metres; uint32_t place, kits, loaded, handed, loaded_at, rests; int64_t volume, cold; };

struct brute {
    const struct plan_problem *problem;
    uint32_t courier, subset;
    uint8_t next[8];
    int64_t home_s[8];
    int64_t best;
};

static int64_t late_price(const struct plan_problem *problem, const struct plan_task *task, int64_t leave)
{
    int64_t urgency = task->priority == PRIORITY_CRITICAL ? 16 : task->priority == PRIORITY_URGENT ? 4 : 1;
    int64_t late = task->due_s != PLAN_NO_LIMIT_S && leave > task->due_s ? leave - task->due_s : 0;
    int64_t flow = leave > task->accepted_s ? leave - task->accepted_s : 0;
    return (late + late * late / problem->weights.late_knee_s) * problem->weights.late * urgency +
           flow * problem->weights.flow * (urgency == 16 ? 4 : urgency == 4 ? 2 : 1);
}

/* Second by second: when he begins service at `choice`, having taken the breaks that the rules of plan_break make him take; -1: one comes too late. */
static int64_t brute_begin(const struct plan_courier *c, struct courier_at *at, const struct plan_choice *choice, uint32_t travel_s)
{
    while (at->rests < c->break_count && at->time_s >= c->breaks[at->rests].from_s) at->time_s += c->breaks[at->rests++].span_s; /* free to go, and due */
    int64_t now = at->time_s + travel_s + (at->place == choice->place ? 0 : choice->setup_s);
    for (;;) { /* at the door */
        const struct plan_break *rest = at->rests < c->break_count ? &c->breaks[at->rests] : NULL;
        bool open = now >= choice->open_s, too_late_after = rest && open && now + choice->service_s > rest->by_s;
        if (rest && (now >= rest->from_s || too_late_after)) {
            if (now < rest->from_s) now = rest->from_s;
            if (now > rest->by_s) return -1;
            now += rest->span_s;
            at->rests++;
        } else if (open) {
            return now;
        } else {
            now++;
        }
    }
}

static bool brute_end(const struct plan_problem *problem, const struct plan_courier *c, struct courier_at *at)
{
    if (c->base_place != PLAN_ANY) {
        struct plan_leg leg = test_travel(problem->oracle.context, at->place, c->base_place);
        if (leg.travel_s == PLAN_UNREACHABLE) leg = (struct plan_leg){0, 0};
        at->time_s += leg.travel_s;
        at->metres += leg.travel_m;
        at->soft += (int64_t)leg.travel_s * problem->weights.travel;
    }
    int64_t span = at->time_s - c->start_s;
    if (at->time_s > c->end_s || (c->route_s_max && span > c->route_s_max) || (c->route_m_max && at->metres > c->route_m_max)) return false;
    at->soft += span * problem->weights.work + span * (2 * (int64_t)c->worked_s + span) / 3600 * problem->weights.fair;
    return true;
}

static void brute_tour(struct brute *b, struct courier_at at, uint32_t open)
{
    const struct plan_courier *c = &b->problem->couriers[b->courier];
    if (at.soft >= b->best) return; /* costs only grow */
    if (open == 0) {
        if (b->subset && !brute_end(b->problem, c, &at)) return;
        if (at.soft < b->best) b->best = at.soft;
        return;
    }
    for (uint32_t t = 0; t < b->problem->task_count; t++) {
        if (!(b->subset & BIT(t))) continue;
        const struct plan_task *task = &b->problem->tasks[t];
        if (b->next[t] == task->step_count) continue;
        for (uint32_t skip = 0; skip <= (b->next[t] == 0 && task->steps[0].skip_with_kit && task->step_count > 1); skip++) {
            uint32_t s = b->next[t] + skip;
            for (uint32_t k = 0; k < task->steps[s].choice_count; k++) {
                const struct plan_choice *choice = &task->steps[s].choices[k];
                struct courier_at then = at;
                struct plan_leg leg = test_travel(b->problem->oracle.context, at.place, choice->place);
                if (leg.travel_s == PLAN_UNREACHABLE) continue;
                int64_t begin = brute_begin(c, &then, choice, leg.travel_s);
                if (begin < 0 || begin > choice->close_s || (s == 0 && c->pick_by_s && begin > c->pick_by_s)) continue;
                if (b->problem->one_bundle && s + 1 < task->step_count) {
                    if (at.loaded > at.handed && (at.handed || at.loaded_at != choice->place)) continue;
                    if (at.loaded == at.handed) then.loaded = then.handed = 0;
                    then.loaded_at = choice->place;
                    then.loaded++;
                } else if (b->problem->one_bundle) {
                    then.handed++;
                }
                then.time_s = begin + choice->service_s;
                then.place = choice->place;
                then.soft += (int64_t)leg.travel_s * b->problem->weights.travel;
                then.metres += leg.travel_m;
                then.volume += task->steps[s].volume_ml;
                then.cold += task->steps[s].cold_ml;
                then.kits += skip;
                if (then.volume > c->volume_ml_max || then.cold > c->cold_ml_max || then.kits > c->kits) continue;
                int64_t old_home = b->home_s[t];
                if (s + 2 == task->step_count) b->home_s[t] = begin;
                bool last = s + 1 == task->step_count, allowed = true;
                if (last) {
                    if (then.time_s > task->latest_s) allowed = false;
                    if (task->ride_max_s && task->step_count > 1 && then.time_s - b->home_s[t] > task->ride_max_s) allowed = false;
                    then.soft += late_price(b->problem, task, then.time_s);
                }
                if (allowed) {
                    uint8_t old = b->next[t];
                    b->next[t] = (uint8_t)(s + 1);
                    brute_tour(b, then, open - last);
                    b->next[t] = old;
                }
                b->home_s[t] = old_home;
            }
        }
    }
}

static bool allowed(const struct plan_problem *problem, uint32_t t, uint32_t c)
{
    const struct plan_task *task = &problem->tasks[t];
    if (task->skills & ~problem->couriers[c].skills) return false;
    if (task->courier != PLAN_ANY) return task->courier == c;
    for (uint32_t i = 0; i < task->forbidden_count; i++)
        if (task->forbidden[i] == c) return false;
    return true;
}

static void brute_best(const struct plan_problem *problem, uint64_t *left_weight, int64_t *soft)
{
    static int64_t tour[TEST_COURIERS_MAX][128];
    uint32_t all = BIT(problem->task_count) - 1;
    for (uint32_t c = 0; c < problem->courier_count; c++) {
        for (uint32_t subset = 0; subset <= all; subset++) {
            struct brute b = {.problem = problem, .courier = c, .subset = subset, .best = INT64_MAX};
            bool may = true;
            uint32_t open = 0;
            for (uint32_t t = 0; t < problem->task_count; t++) {
                if (!(subset & BIT(t))) continue;
                open++;
                may &= allowed(problem, t, c);
            }
            const struct plan_courier *courier = &problem->couriers[c];
            if (may) brute_tour(&b, (struct courier_at){.time_s = courier->start_s, .place = courier->place}, open);
            tour[c][subset] = b.best;
        }
    }
    *left_weight = UINT64_MAX;
    *soft = INT64_MAX;
    uint32_t ways = 1;
    for (uint32_t t = 0; t < problem->task_count; t++) ways *= problem->courier_count + 1;
    for (uint32_t way = 0; way < ways; way++) {
        uint32_t subsets[TEST_COURIERS_MAX] = {0}, rest = way;
        uint64_t left = 0;
        for (uint32_t t = 0; t < problem->task_count; t++, rest /= problem->courier_count + 1) {
            uint32_t c = rest % (problem->courier_count + 1);
            if (c == problem->courier_count) left += problem->tasks[t].priority == PRIORITY_CRITICAL ? 16 : problem->tasks[t].priority == PRIORITY_URGENT ? 4 : 1;
            else subsets[c] |= BIT(t);
        }
        int64_t sum = 0;
        bool possible = true;
        for (uint32_t c = 0; c < problem->courier_count; c++) {
            if (tour[c][subsets[c]] == INT64_MAX) possible = false;
            else sum += tour[c][subsets[c]];
        }
        if (!possible || left > *left_weight || (left == *left_weight && sum >= *soft)) continue;
        *left_weight = left;
        *soft = sum;
    }
}

/* Solve, check, and compare: an answer better than the best of all would be a lie. True if it is as good. */
static bool is_solved_to_the_optimum(const struct plan_problem *problem, unsigned seed, uint32_t iterations)
{
    uint64_t left;
    int64_t soft;
    struct plan_solution *solution;
    struct error err;
    brute_best(problem, &left, &soft);
    assert_int_equal(plan_solve(problem, &(struct plan_options){.seed = seed, .iterations = iterations}, &solution, &err), STATUS_OK);
    if (plan_check(problem, solution, &err) != STATUS_OK) fail_msg("seed %u: %s", seed, err.text);
    if (solution->cost.left_weight < left) fail_msg("seed %u: more was planned than can be", seed);
    if (solution->cost.left_weight == left && solution->cost.soft < soft) fail_msg("seed %u: cheaper than the cheapest", seed);
    bool best = solution->cost.left_weight == left && solution->cost.soft == soft;
    plan_solution_free(solution);
    return best;
}

static void test_small_problems_are_solved_as_by_brute_force(void **state)
{
    (void)state;
    static struct test_problem p;
    struct rng rng;
    rng_init(&rng, 3);
    unsigned best = 0, rounds = 120;
    for (unsigned round = 0; round < rounds; round++) {
        test_problem_fill(&p, &rng, 2 + rng_below(&rng, 4), 1 + rng_below(&rng, 2), round % 2);
        best += is_solved_to_the_optimum(&p.problem, round, 600);
    }
    print_message("brute force, up to 5 orders: %u of %u solved to the optimum\n", best, rounds);
    assert_true(best * 100 >= rounds * 97);
}

static void test_problems_of_seven_are_solved_as_by_brute_force(void **state)
{
    (void)state;
    static struct test_problem p;
    struct rng rng;
    rng_init(&rng, 33);
    unsigned best = 0, rounds = 10;
    for (unsigned round = 0; round < rounds; round++) {
        test_problem_fill(&p, &rng, 7 - round % 2, 1, true);
        best += is_solved_to_the_optimum(&p.problem, round, 1000);
    }
    print_message("brute force, 6 and 7 orders: %u of %u solved to the optimum\n", best, rounds);
    assert_true(best * 100 >= rounds * 90);
}

static void test_every_answer_passes_the_check_and_is_no_worse_than_the_start(void **state)
{
    (void)state;
    static struct test_problem p;
    struct rng rng;
    rng_init(&rng, 4);
    unsigned violated = 0;
    for (unsigned round = 0; round < 30; round++) {
        test_problem_fill(&p, &rng, 30, 5, round % 2);
        struct error err = {0};
        for (unsigned turn = 0; turn < 4; turn++) {
            struct plan_solution *few, *many;
            assert_int_equal(plan_solve(&p.problem, &(struct plan_options){.seed = round, .iterations = 0}, &few, &err), STATUS_OK);
            assert_int_equal(plan_solve(&p.problem, &(struct plan_options){.seed = round, .iterations = 100}, &many, &err), STATUS_OK);
            if (plan_check(&p.problem, few, &err) != STATUS_OK || plan_check(&p.problem, many, &err) != STATUS_OK) fail_msg("round %u: %s", round, err.text);
            assert_true(plan_cost_compare(&many->cost, &few->cost) <= 0);
            violated += many->cost.violation_s > 0;
            test_problem_run(&p, &rng, many);
            plan_solution_free(few);
            plan_solution_free(many);
        }
    }
    assert_true(violated > 2); /* commitments that can no longer be kept were among them */
}

static void test_same_problem_same_bytes(void **state)
{
    (void)state;
    static struct test_problem p;
    struct rng rng;
    rng_init(&rng, 5);
    test_problem_fill(&p, &rng, 40, 6, false);
    struct plan_solution *a, *b;
    assert_int_equal(plan_solve(&p.problem, &(struct plan_options){.seed = 9, .iterations = 300}, &a, NULL), STATUS_OK);
    assert_int_equal(plan_solve(&p.problem, &(struct plan_options){.seed = 9, .iterations = 300}, &b, NULL), STATUS_OK);
    assert_memory_equal(&a->cost, &b->cost, sizeof a->cost);
    assert_true(a->evaluations == b->evaluations && a->left_count == b->left_count);
    for (uint32_t c = 0; c < 6; c++) {
        assert_int_equal(a->tours[c].stop_count, b->tours[c].stop_count);
        assert_memory_equal(a->tours[c].stops, b->tours[c].stops, a->tours[c].stop_count * sizeof *a->tours[c].stops);
    }
    plan_solution_free(a);
    plan_solution_free(b);
}

/* One impossible order never worsens the others' plan: the rest is planned exactly as without it. */
static void test_impossible_order_harms_nobody(void **state)
{
    (void)state;
    static struct test_problem p;
    struct rng rng;
    rng_init(&rng, 6);
    for (unsigned round = 0; round < 40; round++) {
        test_problem_fill(&p, &rng, 12, 3, false);
        struct plan_solution *without, *with;
        assert_int_equal(plan_solve(&p.problem, &(struct plan_options){.seed = 1, .iterations = 0}, &without, NULL), STATUS_OK);
        p.tasks[12] = p.tasks[0];
        p.tasks[12].order.v = 13;
        p.tasks[12].priority = PRIORITY_CRITICAL;
        p.tasks[12].courier = PLAN_ANY;
        p.tasks[12].skills = BIT(20); /* nobody has it */
        p.problem.task_count = 13;
        assert_int_equal(plan_solve(&p.problem, &(struct plan_options){.seed = 1, .iterations = 0}, &with, NULL), STATUS_OK);
        assert_true(with->cost.soft == without->cost.soft);
        assert_int_equal(with->left_count, without->left_count + 1);
        assert_int_equal(with->left[with->left_count - 1].task, 12);
        assert_int_equal(with->left[with->left_count - 1].reason, UNPLANNED_NO_SKILL);
        assert_int_equal(with->left[with->left_count - 1].detail, BIT(20));
        struct plan_solution *improved;
        assert_int_equal(plan_solve(&p.problem, &(struct plan_options){.seed = 1, .iterations = 100}, &improved, NULL), STATUS_OK);
        assert_true(plan_cost_compare(&improved->cost, &with->cost) <= 0);
        plan_solution_free(without);
        plan_solution_free(with);
        plan_solution_free(improved);
    }
}

static bool stop_at_once(void *context)
{
    ++*(unsigned *)context;
    return true;
}

static void test_stop_is_asked_and_obeyed(void **state)
{
    (void)state;
    static struct test_problem p;
    struct rng rng;
    rng_init(&rng, 7);
    test_problem_fill(&p, &rng, 10, 3, false);
    unsigned asked = 0;
    struct plan_solution *solution;
    assert_int_equal(plan_solve(&p.problem, &(struct plan_options){.iterations = 1000, .stop = stop_at_once, .stop_context = &asked}, &solution, NULL), STATUS_OK);
    assert_int_equal(asked, 1);
    assert_int_equal(solution->iterations, 0);
    plan_solution_free(solution);
}

/* One new order in a city of 60 couriers with 240 orders under way: well under 50 ms (printed; the bound is for a sanitizer build on a slow machine). */
static void test_one_new_order_is_inserted_fast(void **state)
{
    (void)state;
    enum { COURIERS = 60, TASKS = 241, PLACES = 600 };
    static struct test_problem grid;
    struct rng rng;
    rng_init(&rng, 8);
    test_problem_fill(&grid, &rng, 4, 1, false);
    grid.island = TEST_PLACES;
    struct plan_task *tasks = mem_zalloc(TASKS, sizeof *tasks);
    struct plan_courier *couriers = mem_zalloc(COURIERS, sizeof *couriers);
    struct plan_ref *stops = mem_zalloc((size_t)COURIERS * PLAN_STOPS_MAX, sizeof *stops);
    for (uint32_t t = 0; t < TASKS; t++) {
        tasks[t] = (struct plan_task){.order = {t + 1}, .priority = PRIORITY_ROUTINE, .courier = PLAN_ANY, .latest_s = PLAN_NO_LIMIT_S, .due_s = 10800, .step_count = t % 3 == 0 ? 3 : 2};
        for (uint32_t s = 0; s < tasks[t].step_count; s++) {
            tasks[t].steps[s].choice_count = s == 2 ? 3 : 1;
            for (uint32_t k = 0; k < tasks[t].steps[s].choice_count; k++)
                tasks[t].steps[s].choices[k] = (struct plan_choice){.place = rng_below(&rng, TEST_PLACES), .close_s = PLAN_NO_LIMIT_S, .service_s = 120};
        }
    }
    for (uint32_t c = 0; c < COURIERS; c++)
        couriers[c] = (struct plan_courier){.courier = {c + 1}, .place = rng_below(&rng, TEST_PLACES), .end_s = 30000, .base_place = PLAN_ANY, .volume_ml_max = 100000, .cold_ml_max = 1000,
                                            .stops = stops + (size_t)c * PLAN_STOPS_MAX};
    struct plan_problem problem = {.place_count = TEST_PLACES, .task_count = TASKS - 1, .courier_count = COURIERS, .tasks = tasks, .couriers = couriers,
                                   .oracle = {.travel = test_travel, .context = &grid}, .weights = plan_weights_default()};
    struct plan_solution *solution;
    assert_int_equal(plan_solve(&problem, &(struct plan_options){.seed = 1, .iterations = 0}, &solution, NULL), STATUS_OK);
    uint32_t longest = 0;
    for (uint32_t c = 0; c < COURIERS; c++) {
        couriers[c].stop_count = solution->tours[c].stop_count;
        if (couriers[c].stop_count > longest) longest = couriers[c].stop_count;
        for (uint32_t i = 0; i < couriers[c].stop_count; i++) stops[(size_t)c * PLAN_STOPS_MAX + i] = solution->tours[c].stops[i].ref;
    }
    plan_solution_free(solution);
    problem.task_count = TASKS;
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    assert_int_equal(plan_solve(&problem, &(struct plan_options){.seed = 1, .iterations = 0}, &solution, NULL), STATUS_OK);
    clock_gettime(CLOCK_MONOTONIC, &end);
    assert_int_equal(solution->left_count, 0);
    double ms = (double)(end.tv_sec - begin.tv_sec) * 1e3 + (double)(end.tv_nsec - begin.tv_nsec) / 1e6;
    print_message("one order into 60 couriers, 240 orders, longest route %u stops: %.2f ms, %llu places tried\n", longest, ms, (unsigned long long)solution->evaluations);
    assert_true(ms < 1000);
    plan_solution_free(solution);
    free(tasks);
    free(couriers);
    free(stops);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_problems_are_solved_as_by_brute_force), cmocka_unit_test(test_problems_of_seven_are_solved_as_by_brute_force), cmocka_unit_test(test_every_answer_passes_the_check_and_is_no_worse_than_the_start),
        cmocka_unit_test(test_same_problem_same_bytes),                     cmocka_unit_test(test_impossible_order_harms_nobody),
        cmocka_unit_test(test_stop_is_asked_and_obeyed),                    cmocka_unit_test(test_one_new_order_is_inserted_fast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
