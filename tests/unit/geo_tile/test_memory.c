/* Every allocation fails once: the answer is GEO_NO_MEMORY (or no scratch), nothing leaks, and the next try works. */
#include "decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

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

static struct geo_graph *town(void)
{
    struct geo_graph *graph = town_new(2048, 2048);
    char name[8] = "N....";
    for (int i = 0; i < 600; i++) { /* enough names that their tables grow */
        struct geo_point points[] = {{399000000 + i * 100, 1164000000}, {399000000 + i * 100, 1164010000 + i}};
        for (int digit = 1; digit < 5; digit++) name[digit] = (char)('a' + (i >> (digit - 1) * 4 & 15));
        town_add(graph, &(struct town_road){points, 2, i + 1, name, GEO_CLASS_PRIMARY, i % 2 == 0, false});
    }
    return graph;
}

static enum geo_status live(const struct geo_graph *graph, size_t *size)
{
    struct geo_error error = {0};
    struct geo_tiles *tiles = NULL;
    struct geo_tile tile = {0};
    enum geo_status rc = geo_tiles_new(graph, &tiles, &error);
    struct geo_tile_scratch *scratch = rc == GEO_OK ? geo_tile_scratch_new() : NULL;
    if (rc == GEO_OK && !scratch) rc = GEO_NO_MEMORY;
    if (rc == GEO_OK) rc = geo_tile_build(tiles, scratch, geo_tile_at(graph->shape[0], 14), &tile);
    *size = tile.size;
    if (rc == GEO_NO_MEMORY && scratch) { /* a scratch that met the end of memory draws the next tile */
        int keep = left;
        left = -1;
        assert_int_equal(geo_tile_build(tiles, scratch, geo_tile_at(graph->shape[0], 14), &tile), GEO_OK);
        assert_true(tile.size > 10000);
        left = keep;
    }
    geo_tile_scratch_free(scratch);
    geo_tiles_free(tiles);
    return rc;
}

static void test_memory_may_run_out_anywhere(void **context)
{
    (void)context;
    struct geo_graph *graph = town();
    size_t size;
    assert_int_equal(live(graph, &size), GEO_OK);
    assert_true(size > 10000);
    int failures = 0;
    for (;; failures++) {
        assert_true(failures < 1000);
        left = failures;
        enum geo_status rc = live(graph, &size);
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
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_memory_may_run_out_anywhere)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
