/* The graph against the naive search: the same milliseconds for random pairs of roads, on every map there is and on made-up cities. */
#include "naive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "geo_synth/geo_synth.h"

enum { PAIRS = 1000, TARGETS = 40, SOURCES_MAX = 200 };

static uint32_t random_below(uint64_t *state, uint32_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*state >> 33) % below);
}

/* From the beginning of the road and of its other direction: whichever copy. */
static void graph_search(const struct geo_graph *graph, const uint32_t *first, uint32_t road, uint64_t *ms)
{
    struct heap heap = {0};
    uint32_t back = graph->arcs[road].reverse;
    memset(ms, 0xff, graph->node_count * sizeof *ms);
    for (uint32_t i = 0; i < graph->arc_count; i++) {
        const struct geo_arc *arc = &graph->arcs[i];
        if ((arc->twin != road && arc->twin != back) || arc->travel_ms >= ms[arc->head]) continue;
        ms[arc->head] = arc->travel_ms;
        heap_push(&heap, arc->travel_ms, arc->head);
    }
    while (heap.count) {
        struct heap_item top = heap_pop(&heap);
        if (top.key > ms[top.value]) continue;
        for (uint32_t i = first[top.value]; i < first[top.value + 1]; i++) {
            uint64_t next = top.key + graph->arcs[i].turn_ms + graph->arcs[i].travel_ms;
            if (next >= ms[graph->arcs[i].head]) continue;
            ms[graph->arcs[i].head] = next;
            heap_push(&heap, next, graph->arcs[i].head);
        }
    }
    free(heap.item);
}

/* Until one may enter the road, from either end. */
static uint64_t graph_ms(const struct geo_graph *graph, const uint64_t *ms, uint32_t road)
{
    uint64_t best = UINT64_MAX;
    for (uint32_t i = 0; i < graph->arc_count; i++) {
        const struct geo_arc *arc = &graph->arcs[i];
        if ((arc->twin == road || arc->twin == graph->arcs[road].reverse) && ms[arc->tail] != UINT64_MAX && ms[arc->tail] + arc->turn_ms < best) best = ms[arc->tail] + arc->turn_ms;
    }
    return best;
}

/* Every node reaches the first and is reached from it: along the arcs, then against them. */
static void assert_strongly_connected(const struct geo_graph *graph)
{
    uint8_t *seen = calloc(graph->node_count, 1);
    assert_non_null(seen);
    for (int against = 0; against < 2; against++) {
        uint32_t count = 1;
        memset(seen, 0, graph->node_count);
        seen[0] = 1;
        for (bool grown = true; grown;) {
            grown = false;
            for (uint32_t i = 0; i < graph->arc_count; i++) {
                const struct geo_arc *arc = &graph->arcs[against ? graph->arc_count - 1 - i : i];
                uint32_t from = against ? arc->head : arc->tail, to = against ? arc->tail : arc->head;
                if (!seen[from] || seen[to]) continue;
                seen[to] = 1;
                count++;
                grown = true;
            }
        }
        assert_int_equal(count, graph->node_count);
    }
    free(seen);
}

static uint32_t first_segment(const struct naive *naive, const struct geo_graph *graph, const struct geo_arc *arc)
{
    const struct geo_point *shape = graph->shape + arc->shape_first;
    uint32_t last = arc->shape_count - 1;
    return arc->reversed ? naive_segment(naive, arc->way, shape[last], shape[last - 1]) : naive_segment(naive, arc->way, shape[0], shape[1]);
}

/* The first segments of a road and of its other direction; false if the oracle cannot tell one of them from another. */
static bool segments_find(const struct naive *naive, const struct geo_graph *graph, uint32_t road, uint32_t segment[2])
{
    uint32_t back = graph->arcs[road].reverse;
    segment[0] = first_segment(naive, graph, &graph->arcs[road]);
    segment[1] = back == GEO_NONE ? GEO_NONE : first_segment(naive, graph, &graph->arcs[back]);
    return segment[0] != GEO_NONE && (back == GEO_NONE || segment[1] != GEO_NONE);
}

static void compare(const char *path, enum geo_profile profile)
{
    struct geo_osm_options options = geo_osm_options_default(profile);
    struct geo_graph *graph = NULL;
    struct geo_error error = {.text = ""};
    if (geo_osm_build(path, &options, &graph, &error) != GEO_OK) fail_msg("%s: %s", path, error.text);
    assert_strongly_connected(graph);
    struct naive *naive = naive_new(path, &options);
    uint32_t *first = calloc(graph->node_count + 1u, sizeof *first);
    uint64_t *ms = calloc(graph->node_count, sizeof *ms), random = 1;
    assert_non_null(first);
    assert_non_null(ms);
    for (uint32_t i = 0; i < graph->arc_count; i++) first[graph->arcs[i].tail + 1]++;
    for (uint32_t i = 0; i < graph->node_count; i++) first[i + 1] += first[i];
    uint32_t compared = 0, skipped = 0;
    for (uint32_t s = 0; s < SOURCES_MAX && compared < PAIRS; s++) { /* ways that run forth and back over the same nodes cannot be told apart */
        uint32_t from = graph->arcs[random_below(&random, graph->arc_count)].twin;
        uint32_t start[2], end[2];
        if (!segments_find(naive, graph, from, start)) {
            skipped++;
            continue;
        }
        naive_search(naive, start[0], start[1]);
        graph_search(graph, first, from, ms);
        for (uint32_t t = 0; t < TARGETS; t++) {
            uint32_t to = graph->arcs[random_below(&random, graph->arc_count)].twin;
            if (to == from || to == graph->arcs[from].reverse || !segments_find(naive, graph, to, end)) {
                skipped++;
                continue;
            }
            uint64_t best = graph_ms(graph, ms, to), expected = naive_ms(naive, end[0]), other = end[1] == GEO_NONE ? expected : naive_ms(naive, end[1]);
            if (other < expected) expected = other;
            if (best != expected)
                fail_msg("%s %s: from way %lld to way %lld: graph %llu ms, naive %llu ms", path, geo_profile_name(profile), (long long)graph->arcs[from].way,
                         (long long)graph->arcs[to].way, (unsigned long long)best, (unsigned long long)expected);
            compared++;
        }
    }
    print_message("%s %s: %u pairs agree, %u skipped, %u rules, %u restrictions obeyed\n", path, geo_profile_name(profile), compared, skipped,
                  naive_rule_count(naive), graph->stats.restrictions_obeyed);
    assert_true(compared >= PAIRS);
    naive_free(naive);
    geo_graph_free(graph);
    free(first);
    free(ms);
}

static const char *data_path(const char *name, char *out, size_t size)
{
    const char *folder = getenv("MEDDISPATCH_DATA");
    (void)snprintf(out, size, "%s/osm/%s", folder ? folder : MEDDISPATCH_DATA_DEFAULT, name);
    return access(out, R_OK) == 0 ? out : NULL;
}

static void test_roads_agree_with_segments_on_maps(void **state)
{
    (void)state;
    static const char *const maps[] = {"osrm-monaco.osm.pbf", "valhalla-liechtenstein.osm.pbf", "heidelberg.osm.pbf", "beijing-2013.osm.pbf",
                                       "jinan.osm.pbf", "ledegn-shanghai.osm"};
    uint32_t found = 0;
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
        char path[1024];
        if (!data_path(maps[i], path, sizeof path)) continue;
        found++;
        for (unsigned profile = 0; profile < GEO_PROFILE_COUNT; profile++) compare(path, (enum geo_profile)profile);
    }
    if (found == 0) {
        print_message("no maps under MEDDISPATCH_DATA: skipped\n");
        skip();
    }
}

static void test_roads_agree_with_segments_on_made_up_cities(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        char path[] = "/tmp/geo_osm_oracle_XXXXXX";
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        (void)close(fd);
        struct geo_error error = {.text = ""};
        assert_int_equal(geo_synth_write(path, seed, 2000, &error), GEO_OK);
        compare(path, GEO_EBIKE);
        compare(path, GEO_CAR);
        (void)unlink(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roads_agree_with_segments_on_made_up_cities),
        cmocka_unit_test(test_roads_agree_with_segments_on_maps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
