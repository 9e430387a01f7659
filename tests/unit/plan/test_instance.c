/* Readers of instances and solutions, and the checker: what is read is what was meant; what is broken is refused, by what is wrong with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <math.h>
#include "random_instance.h"

static const char LI_LIM[] = "25\t200\t1\n0\t40\t50\t0\t0\t1236\t0\t0\t0\n1\t45\t68\t-10\t912\t967\t90\t2\t0\n2 45 70.5 10 825 870 90 0 1\n";
static const char SARTORI[] = "NAME: made-n2-1\nLOCATION: Nowhere\nCOMMENT:  two words (and 2 / 1.5)\nTYPE: PDPTW\nSIZE: 3\nROUTE-TIME: 240\nCAPACITY: 300\nNODES\n"
                              "0 41.3975 2.1235 0 0 240 0 0 0\r\n1 41.4005 2.1171 22 129 240 5 0 2\n2 41.3940 2.1909 -22 0 92 5 1 0\nEDGES\n0 3 4\n5 0 6\n7 8 0\nEOF\n";

static struct plan_instance *instance_of(const char *text)
{
    struct error err = {0};
    struct plan_instance *instance = NULL;
    enum status rc = plan_instance_read(text, strlen(text), "file", &instance, &err);
    if (rc != STATUS_OK) print_message("%s\n", err.text);
    assert_int_equal(rc, STATUS_OK);
    return instance;
}

static void test_li_lim_is_read(void **unused)
{
    (void)unused;
    struct plan_instance *instance = instance_of(LI_LIM);
    assert_string_equal(instance->name, "file");
    assert_int_equal(instance->family, PLAN_LI_LIM);
    assert_int_equal(instance->capacity, 200);
    assert_int_equal(instance->node_count, 3);
    assert_null(instance->minutes);
    const struct plan_instance_node *delivery = &instance->nodes[1], *pickup = &instance->nodes[2];
    assert_true(pickup->pickup && !delivery->pickup);
    assert_int_equal(pickup->partner, 1);
    assert_int_equal(delivery->partner, 2);
    assert_int_equal(delivery->demand, -10);
    assert_int_equal(delivery->open, 912);
    assert_int_equal(delivery->close, 967);
    assert_int_equal(delivery->service, 90);
    assert_true(fabs(pickup->y - 70.5) < 1e-12);
    plan_instance_free(instance);
}

static void test_sartori_buriol_is_read(void **unused)
{
    (void)unused;
    struct plan_instance *instance = instance_of(SARTORI);
    assert_string_equal(instance->name, "made-n2-1");
    assert_int_equal(instance->family, PLAN_SARTORI_BURIOL);
    assert_int_equal(instance->capacity, 300);
    assert_int_equal(instance->node_count, 3);
    const uint32_t minutes[] = {0, 3, 4, 5, 0, 6, 7, 8, 0};
    assert_memory_equal(instance->minutes, minutes, sizeof minutes);
    assert_true(instance->nodes[1].pickup);
    assert_int_equal(instance->nodes[2].partner, 1);
    plan_instance_free(instance);
}

static void refused(const char *text, const char *why)
{
    struct error err = {0};
    struct plan_instance *instance = NULL;
    enum status rc = plan_instance_read(text, strlen(text), "file", &instance, &err);
    if (rc == STATUS_OK || !strstr(err.text, why)) print_message("%s\n-> %s\n", text, rc == STATUS_OK ? "taken" : err.text);
    assert_int_equal(rc, STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(err.text, why));
}

/* `text` with its first `old` replaced. */
static void refused_with(const char *text, const char *old, const char *new, const char *why)
{
    char changed[1024];
    const char *at = strstr(text, old);
    assert_non_null(at);
    text_format(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
    refused(changed, why);
}

static void test_broken_instances_are_refused_with_line_and_reason(void **unused)
{
    (void)unused;
    refused("", "empty");
    refused(" \n\n\t\r\n", "empty");
    refused("25 200 1\n", "depot is missing");
    refused("25 200\n", "line 1: the speed is missing");
    refused_with(LI_LIM, "912\t967", "968 967", "line 3: the window's end");
    refused_with(LI_LIM, "\n1\t45", "\n7 45", "line 3: the node's number");
    refused_with(LI_LIM, "\t-10\t", " -11 ", "what is picked up is not what is delivered");
    refused_with(LI_LIM, "90\t2\t0", "90 9 0", "no pair");
    refused_with(LI_LIM, "90\t2\t0", "90 1 0", "no pair");
    refused_with(LI_LIM, "90\t2\t0", "90 0 0", "neither a pickup nor a delivery");
    refused_with(LI_LIM, "90\t2\t0", "90 2 2", "neither a pickup nor a delivery");
    refused_with(LI_LIM, "90\t2\t0", "90 0 2", "no pair");
    refused_with(LI_LIM, "90 0 1", "90 0 1 5", "line 4: more than belongs there");
    refused_with(LI_LIM, "70.5", "nan", "line 4: the second coordinate");
    refused_with(LI_LIM, "70.5", "1e99", "line 4: the second coordinate");
    refused_with(LI_LIM, "870", "99999999999999999999", "line 4: the window's end");
    refused_with(LI_LIM, "\t50\t0\t", " 50 3 ", "line 2: node 0");
    refused_with(SARTORI, "SIZE: 3", "SIZE: 9000", "line 5: the size");
    refused_with(SARTORI, "SIZE: 3", "SIZE: 4000", "too short");
    refused_with(SARTORI, "SIZE: 3", "SIZ: 3", "no SIZE");
    refused_with(SARTORI, "CAPACITY: 300", "CAPACITY: x", "the capacity");
    refused_with(SARTORI, "CAPACITY: 300\n", "", "no CAPACITY");
    refused_with(SARTORI, "EDGES", "EDGE", "EDGES is expected");
    refused_with(SARTORI, "5 0 6", "5 0", "line 14: travel time 3 of 3");
    refused_with(SARTORI, "5 0 6", "5 0 6 1", "line 14: more than belongs there");
    refused_with(SARTORI, "7 8 0\n", "", "travel time 1 of 3");
    refused_with(SARTORI, "7 8 0", "7 -8 0", "travel time 2 of 3");
    refused_with(SARTORI, "7 8 0", "7 88888888 0", "travel time 2 of 3");
    refused_with(SARTORI, "EOF", "0 0 0", "only EOF");
    refused("NAME: x\nSIZE: 3\n", "ends before the nodes");
}

/* Every prefix of a good text is read or refused, never more. */
static void test_cut_texts_end_in_an_answer(void **unused)
{
    (void)unused;
    const char *const texts[] = {LI_LIM, SARTORI};
    for (size_t t = 0; t < COUNT_OF(texts); t++)
        for (size_t size = 0; size < strlen(texts[t]); size++) {
            struct plan_instance *instance = NULL;
            char *cut = mem_alloc(size + 1); /* of exactly that size, so that a sanitizer sees a byte too far */
            memcpy(cut, texts[t], size);
            cut = mem_realloc(cut, size ? size : 1, 1);
            if (plan_instance_read(cut, size, "cut", &instance, NULL) == STATUS_OK) plan_instance_free(instance);
            free(cut);
        }
}

/* ---- solutions ---- */

static void routes_refused(const char *text, const char *why)
{
    struct error err = {0};
    struct plan_routes *routes = NULL;
    assert_int_equal(plan_routes_read(text, strlen(text), 10, &routes, &err), STATUS_INVALID_ARGUMENT);
    if (!strstr(err.text, why)) print_message("%s -> %s\n", text, err.text);
    assert_non_null(strstr(err.text, why));
}

static void test_solutions_are_read_and_written(void **unused)
{
    (void)unused;
    struct plan_routes *routes = NULL, *again = NULL;
    struct error err = {0};
    const char text[] = "Instance name : lc101\nAuthors     : somebody\nDate : 2003\nReference : a paper\nSolution\nRoute 1 : 5 3 7\r\nRoute  2: 8\n  Route 3 :\n\n";
    assert_int_equal(plan_routes_read(text, sizeof text - 1, 10, &routes, &err), STATUS_OK);
    assert_int_equal(routes->route_count, 3);
    const uint32_t first[] = {0, 3, 4, 4}, nodes[] = {5, 3, 7, 8};
    assert_memory_equal(routes->first, first, sizeof first);
    assert_memory_equal(routes->nodes, nodes, sizeof nodes);
    struct buffer out;
    buffer_init(&out, 4096);
    plan_routes_write(routes, "lc101", &out);
    assert_int_equal(plan_routes_read((const char *)out.data, out.size, 10, &again, &err), STATUS_OK);
    assert_memory_equal(again->first, first, sizeof first);
    assert_memory_equal(again->nodes, nodes, sizeof nodes);
    buffer_deinit(&out);
    plan_routes_free(routes);
    plan_routes_free(again);
    routes_refused("", "no route");
    routes_refused("Instance name : x\n", "no route");
    routes_refused("Solution\nRoute 1 : 5 x\n", "line 2");
    routes_refused("Solution\nRoute 1 5 3\n", "line 2");
    routes_refused("Route 1 : 5 10\n", "there is no node 10");
    routes_refused("Route 1 : 5 99999999999999\n", "there is no node");
    routes_refused("Route 1 : 5\n1 2 3\n", "line 2");
}

struct broken {
    const struct plan_instance *instance;
    struct plan_routes routes;
    uint32_t first[64], nodes[128];
};

static void copy(struct broken *out, const struct plan_instance *instance, const struct plan_routes *routes)
{
    out->instance = instance;
    out->routes = *routes;
    out->routes.first = out->first;
    out->routes.nodes = out->nodes;
    memcpy(out->first, routes->first, (routes->route_count + 1) * sizeof *out->first);
    memcpy(out->nodes, routes->nodes, routes->first[routes->route_count] * sizeof *out->nodes);
}

static void wrong(const struct broken *broken, const char *why)
{
    struct error err = {0};
    double distance;
    enum status rc = plan_routes_check(broken->instance, &broken->routes, &distance, &err);
    if (rc == STATUS_OK || !strstr(err.text, why)) print_message("wanted '%s', got '%s'\n", why, rc == STATUS_OK ? "taken" : err.text);
    assert_int_equal(rc, STATUS_FAILED_PRECONDITION);
    assert_non_null(strstr(err.text, why));
}

static void remove_at(struct broken *broken, uint32_t route, uint32_t at)
{
    uint32_t last = broken->first[broken->routes.route_count];
    memmove(&broken->nodes[at], &broken->nodes[at + 1], (last - at - 1) * sizeof *broken->nodes);
    for (uint32_t r = route + 1; r <= broken->routes.route_count; r++) broken->first[r]--;
}

static void insert_at(struct broken *broken, uint32_t route, uint32_t at, uint32_t node)
{
    uint32_t last = broken->first[broken->routes.route_count];
    memmove(&broken->nodes[at + 1], &broken->nodes[at], (last - at) * sizeof *broken->nodes);
    broken->nodes[at] = node;
    for (uint32_t r = route + 1; r <= broken->routes.route_count; r++) broken->first[r]++;
}

static void break_in_all_ways(struct plan_instance *instance, const struct plan_routes *routes, struct rng *rng)
{
    struct broken b;
    uint32_t route = rng_below(rng, routes->route_count), begin = routes->first[route], end = routes->first[route + 1], at = begin + rng_below(rng, end - begin);
    uint32_t node = routes->nodes[at], pickup = instance->nodes[node].pickup ? node : instance->nodes[node].partner;

    copy(&b, instance, routes); /* a node missing: its partner is alone, or it is not served */
    remove_at(&b, route, at);
    if (end - begin > 2) wrong(&b, node == pickup ? "delivered before it is picked up" : ""); /* what stays on board may be too much first */
    copy(&b, instance, routes);
    insert_at(&b, route, at, node);
    wrong(&b, "served twice");
    copy(&b, instance, routes);
    insert_at(&b, route, at, 0);
    wrong(&b, "no place to stop at");
    copy(&b, instance, routes); /* both nodes of a pair change places */
    for (uint32_t i = begin; i < end; i++)
        if (b.nodes[i] == pickup || b.nodes[i] == instance->nodes[pickup].partner) b.nodes[i] = instance->nodes[b.nodes[i]].partner;
    wrong(&b, "delivered before it is picked up");
    copy(&b, instance, routes); /* the pickup goes to another vehicle's end */
    if (routes->route_count > 1 && end - begin > 2) {
        uint32_t other = route ? 0 : routes->route_count - 1;
        for (uint32_t i = begin; i < end; i++)
            if (b.nodes[i] == pickup) {
                remove_at(&b, route, i);
                break;
            }
        insert_at(&b, other, b.first[other + 1], pickup);
        struct error err;
        double distance;
        assert_int_equal(plan_routes_check(instance, &b.routes, &distance, &err), STATUS_FAILED_PRECONDITION);
    }
    copy(&b, instance, routes);
    b.first[++b.routes.route_count] = b.first[routes->route_count];
    wrong(&b, "is empty");
}

/* What a route needs, taken away by one: the vehicle's size, a window, the depot's hours. */
static void tighten(struct plan_instance *instance, const struct plan_routes *routes)
{
    struct broken b;
    copy(&b, instance, routes);
    int32_t most = 0, kept = instance->capacity;
    double back = 0;
    for (uint32_t r = 0; r < routes->route_count; r++) {
        int32_t load = 0;
        double now = 0;
        uint32_t before = 0;
        for (uint32_t i = routes->first[r]; i < routes->first[r + 1]; i++) {
            struct plan_instance_node *node = &instance->nodes[routes->nodes[i]];
            load += node->demand;
            if (load > most) most = load;
            now += sqrt(pow(instance->nodes[before].x - node->x, 2) + pow(instance->nodes[before].y - node->y, 2));
            if (now < node->open) now = node->open;
            int32_t close = node->close;
            node->close = (int32_t)ceil(now) - 1;
            wrong(&b, "after its window has closed");
            node->close = (int32_t)ceil(now);
            double distance;
            assert_int_equal(plan_routes_check(instance, routes, &distance, NULL), STATUS_OK);
            node->close = close;
            now += node->service;
            before = routes->nodes[i];
        }
        now += sqrt(pow(instance->nodes[before].x - instance->nodes[0].x, 2) + pow(instance->nodes[before].y - instance->nodes[0].y, 2));
        if (now > back) back = now;
    }
    instance->capacity = most - 1;
    wrong(&b, "more is loaded");
    instance->capacity = kept;
    instance->nodes[0].close = (int32_t)ceil(back) - 1;
    wrong(&b, "back at the depot");
}

static void test_every_broken_solution_is_found_out(void **unused)
{
    (void)unused;
    struct rng rng;
    rng_init(&rng, 17);
    for (uint32_t k = 0; k < 20; k++) {
        struct plan_instance *instance = test_instance_new(&rng, (struct test_instance_shape){20, PLAN_LI_LIM, 500, 100});
        struct plan_routes *routes = NULL;
        struct error err = {0};
        double distance;
        assert_int_equal(plan_fleet_solve(instance, &(struct plan_fleet_options){.seed = k, .iterations = 300}, &routes, &err), STATUS_OK);
        assert_int_equal(plan_routes_check(instance, routes, &distance, &err), STATUS_OK);
        for (uint32_t j = 0; j < 20; j++) break_in_all_ways(instance, routes, &rng);
        tighten(instance, routes);
        plan_routes_free(routes);
        plan_instance_free(instance);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_li_lim_is_read),
        cmocka_unit_test(test_sartori_buriol_is_read),
        cmocka_unit_test(test_broken_instances_are_refused_with_line_and_reason),
        cmocka_unit_test(test_cut_texts_end_in_an_answer),
        cmocka_unit_test(test_solutions_are_read_and_written),
        cmocka_unit_test(test_every_broken_solution_is_found_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
