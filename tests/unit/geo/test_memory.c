/* Every allocation fails once: the answer is GEO_NO_MEMORY (or no scratch), nothing leaks, and the next try works. The linker leads malloc and
 * calloc of all rooms here (--wrap). */
#include "random_graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

static int left = -1; /* allocations until one fails; -1: none does */

static bool is_turn(void)
{
    return left >= 0 && left-- == 0;
}

void *__wrap_malloc(size_t size)
{
    return is_turn() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return is_turn() ? NULL : __real_calloc(count, size);
}

/* A whole life: write, open, metric, scratch, label, route. Returns the first status that is not OK. */
static enum geo_status live(const struct geo_graph *graph, const char *path)
{
    struct geo_error error = {0};
    struct geo_map *map = NULL;
    struct geo_metric *metric = NULL;
    struct geo_scratch *scratch = NULL;
    struct geo_label *label = NULL;
    struct geo_route route = {0};
    struct geo_snap from = {.arc = 0, .offset = 1000}, to = {.arc = graph->arc_count / 2};
    enum geo_status rc = geo_map_write(graph, path, &error);
    if (rc == GEO_OK) rc = geo_map_open(path, &map, &error);
    if (rc == GEO_OK) rc = geo_metric_new(map, &metric, &error);
    if (rc == GEO_OK && !(scratch = geo_scratch_new(map))) rc = GEO_NO_MEMORY;
    if (rc == GEO_OK) rc = geo_label_new(metric, scratch, &to, &label);
    if (rc == GEO_OK) rc = geo_route_find(metric, scratch, &from, &to, &route, &error);
    geo_route_free(&route);
    geo_label_free(label);
    geo_scratch_free(scratch);
    geo_metric_unref(metric);
    geo_map_unref(map);
    return rc;
}

static void test_memory_may_run_out_anywhere(void **context)
{
    (void)context;
    char path[64];
    snprintf(path, sizeof path, "/tmp/geo-test-memory-%ld.map", (long)getpid());
    struct geo_graph *graph = random_graph(21, 10, 60, 0);
    left = -1;
    assert_int_equal(live(graph, path), GEO_OK);
    int failures = 0;
    for (;; failures++) {
        assert_true(failures < 1000);
        left = failures;
        enum geo_status rc = live(graph, path);
        bool all_given = left >= 0;
        left = -1;
        if (all_given) {
            assert_int_equal(rc, GEO_OK);
            break;
        }
        if (rc != GEO_NO_MEMORY) fail_msg("allocation %d failed, the answer was %d", failures, (int)rc);
    }
    assert_true(failures >= 20); /* the wrapping works */
    geo_graph_free(graph);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_memory_may_run_out_anywhere)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
