/* The engine of hard-window instances: what it tells in constant time is what a whole recomputation says; its answers to small instances are the best there
 * are; the same seed and work give the same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <math.h>
#include "random_instance.h"
#include "scheduler/plan/fleet.h"

/* A window is kept and a load is carried, from nothing but the model; -1 if not. */
static int64_t recount(const struct fleet_model *model, const uint32_t *nodes, uint32_t count)
{
    const size_t n = model->node_count;
    uint32_t at = model->node_count - 1;
    int64_t now = model->nodes[at].open + model->nodes[at].service, length = 0, load = 0;
    for (uint32_t i = 0; i <= count; i++) {
        uint32_t next = i < count ? nodes[i] : model->node_count - 1;
        int64_t leg = model->to[at * n + next];
        length += leg;
        now += leg;
        if (now < model->nodes[next].open) now = model->nodes[next].open;
        load += model->nodes[next].demand;
        if (now > model->nodes[next].close || load > model->capacity) return -1;
        now += model->nodes[next].service;
        at = next;
    }
    return length;
}

/* The cheapest place for a pair by trying and recounting all. */
static int64_t cheapest(const struct fleet_model *model, const struct fleet_route *route, uint32_t request)
{
    uint32_t nodes[256], inner = route->count - 2;
    int64_t least = INT64_MAX;
    assert_true(inner + 2 <= COUNT_OF(nodes));
    for (uint32_t i = 0; i <= inner; i++)
        for (uint32_t j = i; j <= inner; j++) {
            uint32_t count = 0;
            for (uint32_t k = 0; k <= inner; k++) {
                if (k == i) nodes[count++] = 2 * request;
                if (k == j) nodes[count++] = 2 * request + 1;
                if (k < inner) nodes[count++] = route->stops[k + 1].node;
            }
            int64_t length = recount(model, nodes, count);
            if (length >= 0 && length - route->length < least) least = length - route->length;
        }
    return least;
}

static void same_as_recounted(struct fleet_state *state)
{
    const struct fleet_model *model = state->model;
    for (uint32_t r = 0; r < state->route_count; r++) {
        const struct fleet_route *route = &state->routes[r];
        uint32_t nodes[256];
        for (uint32_t i = 1; i + 1 < route->count; i++) {
            nodes[i - 1] = route->stops[i].node;
            assert_int_equal(state->at[nodes[i - 1]], i);
            assert_int_equal(state->route_of[nodes[i - 1] >> 1], r);
        }
        assert_true(route->possible);
        assert_int_equal(recount(model, nodes, route->count - 2), route->length);
    }
}

static void one_try(struct fleet_state *state, uint32_t request, uint32_t r, uint32_t *fitted)
{
    const struct fleet_model *model = state->model;
    struct fleet_route *route = &state->routes[r];
    int64_t least = cheapest(model, route, request);
    struct fleet_place place = fleet_try(model, route->stops, route->count, request, FLEET_COST_NONE);
    struct fleet_place any = fleet_try_any(model, route->stops, route->count, request, &state->rng);
    assert_int_equal(place.cost, least == INT64_MAX ? FLEET_COST_NONE : least);
    assert_int_equal(fleet_try_cached(state, request, r).cost, place.cost);
    assert_int_equal(fleet_try_fits(model, route->stops, route->count, request), least != INT64_MAX);
    assert_int_equal(any.cost == FLEET_COST_NONE, least == INT64_MAX);
    assert_true(any.cost >= place.cost);
    if (least == INT64_MAX) return;
    (*fitted)++;
    assert_int_equal(fleet_try(model, route->stops, route->count, request, place.cost).cost, FLEET_COST_NONE);
    assert_int_equal(fleet_try(model, route->stops, route->count, request, place.cost + 1).cost, place.cost);
}

/* Random edits; after each, every answer in constant time against a recount. */
static void edit(const struct plan_instance *instance, struct rng *rng)
{
    struct fleet_model *model;
    struct error err;
    struct fleet_stop without[256];
    uint32_t fitted = 0;
    assert_int_equal(fleet_model_new(instance, &model, &err), STATUS_OK);
    struct fleet_state *state = fleet_state_new(model, 4, rng_u64(rng));
    while (state->route_count < 4) (void)fleet_route_add(state);
    for (uint32_t step = 0; step < 300; step++) {
        uint32_t request = rng_below(rng, model->request_count);
        if (state->route_of[request] != FLEET_NONE) {
            const struct fleet_route *route = &state->routes[state->route_of[request]];
            uint32_t count = route->count;
            assert_true(fleet_stops_without(model, route->stops, count, request, without));
            uint32_t from = state->route_of[request];
            fleet_remove(state, request);
            assert_int_equal(state->routes[from].count, count - 2);
            assert_memory_equal(without, state->routes[from].stops, (count - 2) * sizeof *without);
        } else {
            uint32_t r = rng_below(rng, state->route_count), index = 0;
            one_try(state, request, r, &fitted);
            struct fleet_place place = fleet_try_any(model, state->routes[r].stops, state->routes[r].count, request, &state->rng);
            if (place.cost == FLEET_COST_NONE) continue;
            int64_t length = state->routes[r].length;
            while (state->absent[index] != request) index++;
            fleet_absent_take(state, index);
            fleet_insert(state, request, r, place);
            assert_int_equal(state->routes[r].length, length + place.cost);
        }
        same_as_recounted(state);
    }
    assert_true(fitted > 10);
    fleet_state_free(state);
    fleet_model_free(model);
}

static void test_constant_time_answers_are_those_of_a_recount(void **unused)
{
    (void)unused;
    struct rng rng;
    rng_init(&rng, 41);
    for (uint32_t k = 0; k < 24; k++) {
        struct test_instance_shape shape = {.requests = 20, .family = k % 2 ? PLAN_LI_LIM : PLAN_SARTORI_BURIOL, .horizon = 400 + 300 * (k % 4), .window = 20 + 60 * (k % 5)};
        struct plan_instance *instance = test_instance_new(&rng, shape);
        edit(instance, &rng);
        plan_instance_free(instance);
    }
}

static struct plan_routes *solved(const struct plan_instance *instance, uint64_t seed, uint64_t iterations, double *distance)
{
    struct error err = {0};
    struct plan_routes *routes = NULL;
    const struct plan_fleet_options options = {.seed = seed, .iterations = iterations};
    assert_int_equal(plan_fleet_solve(instance, &options, &routes, &err), STATUS_OK);
    enum status rc = plan_routes_check(instance, routes, distance, &err);
    if (rc != STATUS_OK) print_message("%s\n", err.text);
    assert_int_equal(rc, STATUS_OK);
    return routes;
}

static void test_small_instances_are_answered_best(void **unused)
{
    (void)unused;
    struct rng rng;
    rng_init(&rng, 7);
    for (uint32_t k = 0; k < 120; k++) {
        struct test_instance_shape shape = {.requests = 1 + k % 7, .family = k % 2 ? PLAN_LI_LIM : PLAN_SARTORI_BURIOL, .horizon = 260 + 20 * (k % 6), .window = 30 + 10 * (k % 9)};
        struct plan_instance *instance = test_instance_new(&rng, shape);
        uint32_t fewest;
        double shortest, distance;
        test_instance_best(instance, &fewest, &shortest);
        struct plan_routes *routes = solved(instance, k, 20000, &distance);
        if (routes->route_count != fewest || fabs(distance - shortest) > 0.001) print_message("instance %u\n", k);
        assert_int_equal(routes->route_count, fewest);
        assert_true(fabs(distance - shortest) <= 0.001);
        plan_routes_free(routes);
        plan_instance_free(instance);
    }
}

static void test_same_seed_same_work_same_bytes(void **unused)
{
    (void)unused;
    struct rng rng;
    rng_init(&rng, 11);
    for (uint32_t k = 0; k < 4; k++) {
        struct plan_instance *instance = test_instance_new(&rng, (struct test_instance_shape){40, k % 2 ? PLAN_LI_LIM : PLAN_SARTORI_BURIOL, 700, 120});
        struct buffer first, second;
        double distance;
        buffer_init(&first, 1 << 16);
        buffer_init(&second, 1 << 16);
        struct plan_routes *a = solved(instance, k, 3000, &distance), *b = solved(instance, k, 3000, &distance);
        plan_routes_write(a, instance->name, &first);
        plan_routes_write(b, instance->name, &second);
        assert_int_equal(first.size, second.size);
        assert_memory_equal(first.data, second.data, first.size);
        assert_int_equal(a->steps, b->steps);
        buffer_deinit(&first);
        buffer_deinit(&second);
        plan_routes_free(a);
        plan_routes_free(b);
        plan_instance_free(instance);
    }
}

/* The same instance under other numbers. */
static struct plan_instance *relabelled(const struct plan_instance *from, struct rng *rng)
{
    uint32_t n = from->node_count, *to = mem_zalloc(n, sizeof *to);
    for (uint32_t i = 0; i < n; i++) to[i] = i;
    for (uint32_t i = n - 1; i > 1; i--) {
        uint32_t k = 1 + rng_below(rng, i), kept = to[i];
        to[i] = to[k];
        to[k] = kept;
    }
    struct plan_instance *out = mem_zalloc(1, sizeof *out);
    *out = *from;
    out->nodes = mem_zalloc(n, sizeof *out->nodes);
    if (from->minutes) out->minutes = mem_zalloc((size_t)n * n, sizeof *out->minutes);
    for (uint32_t i = 0; i < n; i++) {
        out->nodes[to[i]] = from->nodes[i];
        if (i > 0) out->nodes[to[i]].partner = to[from->nodes[i].partner];
        for (uint32_t j = 0; from->minutes && j < n; j++) out->minutes[(size_t)to[i] * n + to[j]] = from->minutes[(size_t)i * n + j];
    }
    free(to);
    return out;
}

static void test_other_numbers_same_answer(void **unused)
{
    (void)unused;
    struct rng rng;
    rng_init(&rng, 13);
    for (uint32_t k = 0; k < 10; k++) {
        struct plan_instance *instance = test_instance_new(&rng, (struct test_instance_shape){14, k % 2 ? PLAN_LI_LIM : PLAN_SARTORI_BURIOL, 600, 90});
        struct plan_instance *other = relabelled(instance, &rng);
        double first, second;
        struct plan_routes *a = solved(instance, k, 40000, &first), *b = solved(other, k + 100, 40000, &second);
        assert_int_equal(a->route_count, b->route_count);
        assert_true(fabs(first - second) <= 0.001);
        plan_routes_free(a);
        plan_routes_free(b);
        plan_instance_free(instance);
        plan_instance_free(other);
    }
}

static void test_a_pair_that_cannot_be_served_is_named(void **unused)
{
    (void)unused;
    struct rng rng;
    struct error err = {0};
    rng_init(&rng, 3);
    struct plan_instance *instance = test_instance_new(&rng, (struct test_instance_shape){3, PLAN_LI_LIM, 400, 50});
    struct plan_routes *routes = NULL;
    uint32_t pickup = instance->nodes[3].pickup ? 3 : 4;
    instance->nodes[pickup].demand = instance->capacity + 1;
    instance->nodes[instance->nodes[pickup].partner].demand = -instance->capacity - 1;
    char name[32];
    text_format(name, sizeof name, "node %u ", pickup);
    assert_int_equal(plan_fleet_solve(instance, &(struct plan_fleet_options){.iterations = 10}, &routes, &err), STATUS_FAILED_PRECONDITION);
    assert_non_null(strstr(err.text, name));
    assert_int_equal(plan_fleet_solve(instance, &(struct plan_fleet_options){0}, &routes, &err), STATUS_INVALID_ARGUMENT);
    plan_instance_free(instance);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constant_time_answers_are_those_of_a_recount), cmocka_unit_test(test_small_instances_are_answered_best),
        cmocka_unit_test(test_same_seed_same_work_same_bytes),               cmocka_unit_test(test_other_numbers_same_answer),
        cmocka_unit_test(test_a_pair_that_cannot_be_served_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
