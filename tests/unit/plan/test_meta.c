/* What must not matter does not: names, the hour, one courier more; and a public benchmark instance is a problem like any other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "random_city.h"
#include "random_instance.h"
#include "random_problem.h"

static struct plan_solution *solve(const struct plan_problem *problem, uint64_t seed, uint32_t iterations)
{
    struct plan_solution *solution;
    struct error err;
    if (plan_solve(problem, &(struct plan_options){.seed = seed, .iterations = iterations}, &solution, &err) != STATUS_OK) fail_msg("%s", err.text);
    if (plan_check(problem, solution, &err) != STATUS_OK) fail_msg("%s", err.text);
    return solution;
}

static int32_t later(int32_t time_s, int32_t by_s)
{
    return time_s == PLAN_NO_LIMIT_S ? time_s : time_s + by_s;
}

/* The same problem some hours later has the same plan, stop by stop. */
static void test_the_hour_does_not_matter(void **state)
{
    (void)state;
    enum { BY_S = 40000 };
    static struct test_problem p;
    struct rng rng;
    rng_init(&rng, 51);
    for (unsigned round = 0; round < 6; round++) {
        test_problem_fill(&p, &rng, 30, 5, round % 2);
        for (uint32_t c = 0; c < 5; c++) p.couriers[c].pick_by_s = 0; /* 0 means none, so it can't be moved */
        struct plan_solution *first = solve(&p.problem, round, 150);
        for (uint32_t t = 0; t < 30; t++) {
            struct plan_task *task = &p.tasks[t];
            task->accepted_s += BY_S;
            task->due_s = later(task->due_s, BY_S);
            task->latest_s = later(task->latest_s, BY_S);
            for (uint32_t s = 0; s < task->step_count; s++)
                for (uint32_t k = 0; k < task->steps[s].choice_count; k++) {
                    task->steps[s].choices[k].open_s += BY_S;
                    task->steps[s].choices[k].close_s = later(task->steps[s].choices[k].close_s, BY_S);
                }
        }
        for (uint32_t c = 0; c < 5; c++) {
            p.couriers[c].start_s += BY_S;
            p.couriers[c].end_s += BY_S;
            for (uint32_t i = 0; i < p.couriers[c].break_count; i++) {
                p.couriers[c].breaks[i].from_s += BY_S;
                p.couriers[c].breaks[i].by_s += BY_S;
            }
        }
        struct plan_solution *second = solve(&p.problem, round, 150);
        assert_memory_equal(&first->cost, &second->cost, sizeof first->cost);
        for (uint32_t c = 0; c < 5; c++) {
            assert_int_equal(first->tours[c].stop_count, second->tours[c].stop_count);
            for (uint32_t i = 0; i < first->tours[c].stop_count; i++) {
                const struct plan_visit *a = &first->tours[c].stops[i], *b = &second->tours[c].stops[i];
                assert_true(a->ref.task == b->ref.task && a->ref.step == b->ref.step && a->ref.choice == b->ref.choice && a->begin_s + BY_S == b->begin_s);
            }
        }
        plan_solution_free(first);
        plan_solution_free(second);
    }
}

/* Other numbers for the same orders and couriers: as good a plan, within 3 per cent in the mean at equal iterations. */
static void test_numbering_hardly_matters(void **state)
{
    (void)state;
    double sum = 0;
    unsigned rounds = 6;
    for (unsigned round = 0; round < rounds; round++) {
        struct random_city *city = random_city_new(60 + round, 12, 40, 6000);
        struct plan_solution *first = solve(&city->problem, 1, 600);
        for (uint32_t t = 0; t < 20; t++) {
            struct plan_task swap = city->tasks[t];
            city->tasks[t] = city->tasks[39 - t];
            city->tasks[39 - t] = swap;
        }
        for (uint32_t c = 0; c < 6; c++) {
            struct plan_courier swap = city->couriers[c];
            city->couriers[c] = city->couriers[11 - c];
            city->couriers[11 - c] = swap;
        }
        struct plan_solution *second = solve(&city->problem, 1, 600);
        assert_true(first->cost.left_weight == second->cost.left_weight);
        sum += fabs((double)second->cost.soft / (double)first->cost.soft - 1);
        plan_solution_free(first);
        plan_solution_free(second);
        random_city_free(city);
    }
    print_message("renumbered: %.2f %% apart in the mean\n", 100 * sum / rounds);
    assert_true(sum / rounds < 0.03);
}

/* One idle courier more: never more left out, and at equal iterations no dearer than by 2 per cent in any city, none in the mean. */
static void test_an_idle_courier_does_no_harm(void **state)
{
    (void)state;
    double sum = 0, worst = 0;
    unsigned rounds = 6;
    for (unsigned round = 0; round < rounds; round++) {
        struct random_city *city = random_city_new(80 + round, 10, 36, 6000);
        city->problem.courier_count = 9;
        struct plan_solution *without = solve(&city->problem, 1, 600);
        city->problem.courier_count = 10;
        struct plan_solution *with = solve(&city->problem, 1, 600);
        assert_true(with->cost.left_weight <= without->cost.left_weight);
        if (with->cost.left_weight == without->cost.left_weight) {
            double more = (double)with->cost.soft / (double)without->cost.soft - 1;
            sum += more;
            if (more > worst) worst = more;
        }
        plan_solution_free(without);
        plan_solution_free(with);
        random_city_free(city);
    }
    print_message("one courier more: %.2f %% in the mean, %.2f %% at the worst\n", 100 * sum / rounds, 100 * worst);
    assert_true(sum <= 0 && worst < 0.02);
}

/* Two trips to one depot, because the box holds half: the chain model needs no word of its own for it. */
static void test_a_full_box_makes_two_trips(void **state)
{
    (void)state;
    static struct test_problem p;
    struct rng rng;
    rng_init(&rng, 91);
    test_problem_fill(&p, &rng, 4, 1, false);
    for (uint32_t t = 0; t < 4; t++) {
        p.tasks[t] = (struct plan_task){.order = {t + 1}, .priority = PRIORITY_ROUTINE, .courier = PLAN_ANY, .due_s = PLAN_NO_LIMIT_S, .latest_s = PLAN_NO_LIMIT_S, .step_count = 2};
        for (uint32_t s = 0; s < 2; s++)
            p.tasks[t].steps[s] = (struct plan_step){.kind = s ? STOP_HOME : STOP_PICKUP, .choice_count = 1, .volume_ml = s ? -500 : 500, .choices = {{.place = s ? t + 1 : 0, .close_s = PLAN_NO_LIMIT_S}}};
    }
    p.couriers[0] = (struct plan_courier){.courier = {1}, .end_s = 100000, .base_place = 0, .volume_ml_max = 1000, .stops = p.stops[0]};
    p.problem.one_bundle = false;
    p.island = TEST_PLACES;
    struct plan_solution *solution = solve(&p.problem, 1, 300);
    uint32_t trips = 0;
    assert_int_equal(solution->left_count, 0);
    for (uint32_t i = 0; i < 8; i++) trips += solution->tours[0].stops[i].ref.step == 0 && (i == 0 || solution->tours[0].stops[i - 1].ref.step == 1);
    assert_true(trips >= 2);
    plan_solution_free(solution);
}

/* ---- a public instance ---- */

enum { GRID = 100 };

static struct plan_leg travel(void *context, uint32_t from, uint32_t to)
{
    const struct plan_instance *instance = context;
    if (instance->minutes) return (struct plan_leg){instance->minutes[from * instance->node_count + to] * GRID, 0};
    double d = hypot(instance->nodes[from].x - instance->nodes[to].x, instance->nodes[from].y - instance->nodes[to].y);
    return (struct plan_leg){(uint32_t)ceil(d * GRID), 0};
}

static struct plan_solution *solve_instance(struct plan_instance *instance, uint32_t vehicles)
{
    uint32_t tasks = 0;
    struct plan_task *task = mem_zalloc(instance->node_count, sizeof *task);
    struct plan_courier *couriers = mem_zalloc(vehicles, sizeof *couriers);
    for (uint32_t n = 1; n < instance->node_count; n++) {
        if (!instance->nodes[n].pickup) continue;
        task[tasks] = (struct plan_task){.order = {n}, .priority = PRIORITY_ROUTINE, .courier = PLAN_ANY, .due_s = PLAN_NO_LIMIT_S, .latest_s = PLAN_NO_LIMIT_S, .step_count = 2};
        for (uint32_t s = 0; s < 2; s++) {
            const struct plan_instance_node *node = &instance->nodes[s ? instance->nodes[n].partner : n];
            task[tasks].steps[s] = (struct plan_step){.kind = s ? STOP_HOME : STOP_PICKUP, .choice_count = 1, .volume_ml = node->demand,
                                                      .choices = {{(uint32_t)(node - instance->nodes), node->open * GRID, node->close * GRID, (uint32_t)(node->service * GRID), 0}}};
        }
        tasks++;
    }
    for (uint32_t c = 0; c < vehicles; c++)
        couriers[c] = (struct plan_courier){.courier = {c + 1}, .start_s = instance->nodes[0].open * GRID, .end_s = instance->nodes[0].close * GRID, .base_place = 0, .volume_ml_max = (uint32_t)instance->capacity};
    struct plan_problem problem = {.place_count = instance->node_count, .task_count = tasks, .courier_count = vehicles, .tasks = task, .couriers = couriers,
                                   .oracle = {.travel = travel, .context = instance}, .weights = {.late = 1, .late_knee_s = 1, .travel = 1000, .flow = 1, .work = 1, .change = 1}};
    struct plan_solution *solution = solve(&problem, 1, 1000);
    for (uint32_t c = 0; c < vehicles; c++) /* back to nodes */
        for (uint32_t i = 0; i < solution->tours[c].stop_count; i++) {
            struct plan_ref *ref = &solution->tours[c].stops[i].ref;
            ref->task = task[ref->task].steps[ref->step].choices[0].place;
        }
    free(task);
    free(couriers);
    return solution;
}

/* The live engine takes a benchmark instance through the same API; both checkers agree to its answer, and it is near the best there is. */
static void test_public_instance_is_a_problem_like_any_other(void **state)
{
    (void)state;
    struct rng rng;
    double ratio = 0;
    unsigned rounds = 10;
    rng_init(&rng, 71);
    for (unsigned round = 0; round < rounds; round++) {
        struct plan_instance *instance = test_instance_new(&rng, (struct test_instance_shape){6, round % 2 ? PLAN_LI_LIM : PLAN_SARTORI_BURIOL, 480, 120});
        uint32_t vehicles, first[8], nodes[16], count = 0;
        double best, distance;
        test_instance_best(instance, &vehicles, &best);
        struct plan_solution *solution = solve_instance(instance, vehicles);
        assert_int_equal(solution->left_count, 0);
        struct plan_routes routes = {.first = first, .nodes = nodes};
        for (uint32_t c = 0; c < vehicles; c++) {
            if (solution->tours[c].stop_count == 0) continue;
            first[routes.route_count++] = count;
            for (uint32_t i = 0; i < solution->tours[c].stop_count; i++) nodes[count++] = solution->tours[c].stops[i].ref.task;
        }
        first[routes.route_count] = count;
        struct error err;
        if (plan_routes_check(instance, &routes, &distance, &err) != STATUS_OK) fail_msg("%s", err.text);
        assert_int_equal(routes.route_count, vehicles);
        assert_true(distance >= best - 0.01);
        ratio += distance / best;
        plan_solution_free(solution);
        plan_instance_free(instance);
    }
    print_message("made-up instances: %.3f of the best distance\n", ratio / rounds);
    assert_true(ratio / rounds < 1.02);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_hour_does_not_matter), cmocka_unit_test(test_numbering_hardly_matters), cmocka_unit_test(test_an_idle_courier_does_no_harm),
                                       cmocka_unit_test(test_a_full_box_makes_two_trips), cmocka_unit_test(test_public_instance_is_a_problem_like_any_other)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
