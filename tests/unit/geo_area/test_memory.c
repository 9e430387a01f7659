/* Every allocation of an isochrone fails once: GEO_NO_MEMORY, nothing leaks, and the next try works. */
#include "tests/unit/geo/random_graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "geo_area/geo_area.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

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

void *__wrap_realloc(void *old, size_t size)
{
    return is_turn() ? NULL : __real_realloc(old, size);
}

static void test_memory_may_run_out_anywhere(void **context)
{
    (void)context;
    struct geo_graph *graph = random_graph(4, 10, 24, 0);
    struct open_map open;
    open_map_init(&open, graph);
    struct geo_snap middle = {.arc = 1, .offset = 1000};
    middle.at = walk_to(graph, 1, 1000);
    uint32_t limits_ms[2] = {500, 2000};
    int fails = 0;
    for (;; fails++) {
        struct geo_areas areas;
        struct geo_error error = {.text = ""};
        left = fails;
        enum geo_status rc = geo_areas_find(open.metric, open.scratch, &middle, limits_ms, 2, NULL, &areas, &error);
        left = -1;
        geo_areas_free(&areas);
        if (rc == GEO_OK) break;
        assert_int_equal(rc, GEO_NO_MEMORY);
        assert_true(error.text[0] != 0);
    }
    assert_true(fails > 10);
    open_map_deinit(&open);
    geo_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_memory_may_run_out_anywhere)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
