/* Every allocation of a made-up city and of its graph fails once: the answer is GEO_NO_MEMORY with a text, nothing leaks (ASan sees to it), no
 * file is left half written, and the next try works. The linker leads malloc, calloc and realloc of all rooms here (--wrap). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "geo_osm/geo_osm.h"
#include "geo_synth/geo_synth.h"

enum { FAILURES_MAX = 5000 };

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

static char folder[] = "/tmp/geo_osm_memory_XXXXXX", path[64];

static enum geo_status synth(struct geo_error *error)
{
    return geo_synth_write(path, 7, 400, error);
}

static enum geo_status build(struct geo_error *error)
{
    struct geo_graph *graph = NULL;
    enum geo_status rc = geo_osm_build(path, NULL, &graph, error);
    if (rc == GEO_OK) assert_true(graph->stats.restrictions_obeyed > 0); /* turns have been walked through too */
    else assert_null(graph);
    geo_graph_free(graph);
    return rc;
}

/* How many allocations the work makes; each has failed once. */
static int fail_each(enum geo_status (*work)(struct geo_error *error), bool leaves_file)
{
    for (int failures = 0; failures < FAILURES_MAX; failures++) {
        struct geo_error error = {.text = ""};
        if (leaves_file) (void)unlink(path);
        left = failures;
        enum geo_status rc = work(&error);
        bool all_given = left >= 0;
        left = -1;
        if (all_given) {
            assert_int_equal(rc, GEO_OK);
            return failures;
        }
        if (rc != GEO_NO_MEMORY || !error.text[0]) fail_msg("allocation %d failed, the answer was %d '%s'", failures, (int)rc, error.text);
        if (leaves_file && access(path, F_OK) == 0) fail_msg("allocation %d failed, and yet there is a file", failures);
    }
    fail_msg("more than %d allocations", FAILURES_MAX);
    return 0;
}

static void test_memory_may_run_out_while_a_city_is_made(void **state)
{
    (void)state;
    assert_true(fail_each(synth, true) >= 10); /* the wrapping works */
}

static void test_memory_may_run_out_while_a_graph_is_built(void **state)
{
    (void)state;
    assert_true(fail_each(build, false) >= 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_may_run_out_while_a_city_is_made), /* leaves the city for the next */
        cmocka_unit_test(test_memory_may_run_out_while_a_graph_is_built),
    };
    if (!mkdtemp(folder)) return 1;
    (void)snprintf(path, sizeof path, "%s/city.osm.pbf", folder);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(path);
    (void)rmdir(folder);
    return rc;
}
