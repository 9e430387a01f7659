/* Snapping against brute force over every segment. */
#include "random_graph.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NEAREST = 10 };
static const double METRES = 6371008.8 * 3.14159265358979323846 / 180e7; /* in 1e-7 degrees of latitude */

struct road {
    uint32_t shape_first; /* names the road */
    double metres;
};

/* Distance to the nearest point of the segment, by golden-section search: nothing of the projection's formula is shared. */
static double segment_metres(struct geo_point at, struct geo_point a, struct geo_point b)
{
    double scale = cos(at.lat_e7 * (3.14159265358979323846 / 180e7)), low = 0, high = 1, best = INFINITY;
    for (int i = 0; i < 60; i++) {
        double third = (high - low) / 3, tries[2] = {low + third, high - third}, metres[2];
        for (int k = 0; k < 2; k++) {
            double lat = a.lat_e7 + tries[k] * ((double)b.lat_e7 - a.lat_e7) - at.lat_e7, lon = (a.lon_e7 + tries[k] * ((double)b.lon_e7 - a.lon_e7) - at.lon_e7) * scale;
            metres[k] = sqrt(lat * lat + lon * lon) * METRES;
            if (metres[k] < best) best = metres[k];
        }
        if (metres[0] < metres[1]) high = tries[1];
        else low = tries[0];
    }
    return best;
}

static int by_metres(const void *left, const void *right)
{
    const struct road *a = left, *b = right;
    return (a->metres > b->metres) - (a->metres < b->metres);
}

static uint32_t brute_force(const struct geo_graph *graph, struct geo_point at, struct road *roads)
{
    uint32_t count = 0;
    for (uint32_t a = 0; a < graph->arc_count; a++) {
        const struct geo_arc *arc = &graph->arcs[a];
        if (!arc->snappable) continue;
        uint32_t place = 0;
        while (place < count && roads[place].shape_first != arc->shape_first) place++;
        if (place < count) continue;
        roads[count] = (struct road){arc->shape_first, INFINITY};
        for (uint32_t i = 0; i + 1 < arc->shape_count; i++) {
            double metres = segment_metres(at, graph->shape[arc->shape_first + i], graph->shape[arc->shape_first + i + 1]);
            if (metres < roads[count].metres) roads[count].metres = metres;
        }
        count++;
    }
    qsort(roads, count, sizeof *roads, by_metres);
    return count;
}

static struct geo_point somewhere(uint64_t *state)
{
    return (struct geo_point){398950000 + (int32_t)random_below(state, 300000), 1163950000 + (int32_t)random_below(state, 300000)};
}

static void check_candidates(const struct geo_map *map, const struct geo_graph *graph, struct geo_point at, uint64_t seed)
{
    static struct road roads[4096];
    struct geo_snap found[NEAREST];
    uint32_t count = brute_force(graph, at, roads), wanted = count < NEAREST ? count : NEAREST;
    assert_int_equal(geo_snap_candidates(map, at, 1000000, found, NEAREST), wanted);
    for (uint32_t i = 0; i < wanted; i++) {
        if (fabs(found[i].distance_dm / 10.0 - roads[i].metres) > 0.06)
            fail_msg("seed %llu: candidate %u is %u dm away, brute force says %.2f m", (unsigned long long)seed, i, found[i].distance_dm, roads[i].metres);
        assert_true(graph->arcs[found[i].arc].snappable);
        for (uint32_t k = 0; k < i; k++) assert_int_not_equal(graph->arcs[found[i].arc].shape_first, graph->arcs[found[k].arc].shape_first);
        /* the point, the offset and the distance tell the same */
        assert_true(fabs(geo_distance_dm(found[i].at, at) - (double)found[i].distance_dm) <= 1 + found[i].distance_dm * 1e-3);
        assert_true(found[i].offset <= GEO_OFFSET_ONE);
        struct geo_point walked = walk_to(graph, found[i].arc, found[i].offset);
        assert_true(geo_distance_dm(walked, found[i].at) <= 20 + graph->arcs[found[i].arc].shape_count * 5); /* walk_to adds up rounded lengths */
    }
    struct geo_snap nearest;
    struct geo_error error;
    assert_int_equal(geo_snap_nearest(map, at, 1000000, &nearest, &error), GEO_OK);
    assert_int_equal(nearest.distance_dm, found[0].distance_dm);
}

static void test_snap_finds_what_brute_force_finds(void **context)
{
    (void)context;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct geo_graph *graph = random_graph(seed, 5 + (uint32_t)seed * 2, 3 + (uint32_t)seed * 6, 4);
        struct open_map open;
        open_map_init(&open, graph);
        uint64_t state = seed;
        for (int i = 0; i < 20; i++) check_candidates(open.map, graph, somewhere(&state), seed);
        open_map_deinit(&open);
        geo_graph_free(graph);
    }
}

static void test_snap_takes_nothing_farther_than_asked(void **context)
{
    (void)context;
    struct geo_graph *graph = random_graph(7, 40, 60, 0);
    struct open_map open;
    open_map_init(&open, graph);
    static struct road roads[4096];
    struct geo_snap found[64];
    uint64_t state = 7;
    for (int i = 0; i < 100; i++) {
        struct geo_point at = somewhere(&state);
        uint32_t max_m = random_below(&state, 800), count = brute_force(graph, at, roads), within = 0, surely = 0;
        for (uint32_t k = 0; k < count; k++) {
            within += roads[k].metres <= max_m + 0.1;
            surely += roads[k].metres <= max_m - 0.1;
        }
        uint32_t got = geo_snap_candidates(open.map, at, max_m, found, 64);
        assert_true(got <= within);
        assert_true(got >= (surely < 64 ? surely : 64));
    }
    open_map_deinit(&open);
    geo_graph_free(graph);
}

static void test_snap_says_how_far_the_road_is(void **context)
{
    (void)context;
    struct geo_graph *graph = random_graph(3, 10, 20, 0);
    struct open_map open;
    open_map_init(&open, graph);
    struct geo_snap snap;
    struct geo_error error;
    struct geo_point north = {399400000, 1164100000}; /* at least 2 km from every road */
    assert_int_equal(geo_snap_nearest(open.map, north, 100, &snap, &error), GEO_NOT_FOUND);
    assert_non_null(strstr(error.text, "100 m"));
    uint32_t told = 0;
    assert_int_equal(sscanf(error.text, "the nearest road is %u m", &told), 1);
    assert_int_equal(geo_snap_nearest(open.map, north, told + 1, &snap, &error), GEO_OK);
    assert_true(snap.distance_dm / 10 + 1 >= told && told >= 2000);
    assert_int_equal(geo_snap_candidates(open.map, north, told + 1, &snap, 0), 0);
    assert_int_equal(geo_snap_nearest(open.map, (struct geo_point){-900000000, -1800000000}, 100, &snap, &error), GEO_NOT_FOUND);
    open_map_deinit(&open);
    geo_graph_free(graph);
}

/* One straight road to the north; a point to its west lies left of it, and right of it when it is drawn southwards. */
static void test_snap_tells_the_side(void **context)
{
    (void)context;
    for (int southwards = 0; southwards < 2; southwards++) {
        struct geo_graph *graph = random_graph(1, 2, 0, 0);
        struct geo_point south = {399000000, 1164000000}, north = {399100000, 1164000000};
        graph->nodes[0] = graph->shape[0] = southwards ? north : south;
        graph->nodes[1] = graph->shape[1] = southwards ? south : north;
        graph->shape_count = 2;
        graph->arcs[0] = (struct geo_arc){.tail = 0, .head = 1, .travel_ms = 1, .shape_count = 2, .reverse = GEO_NONE, .snappable = 1};
        graph->arc_count = 1;
        struct open_map open;
        open_map_init(&open, graph);
        struct geo_snap snap;
        assert_int_equal(geo_snap_nearest(open.map, (struct geo_point){399025000, 1163999000}, 50, &snap, NULL), GEO_OK);
        assert_int_equal(snap.side, southwards ? 2 : 1);
        assert_int_equal(snap.offset, southwards ? GEO_OFFSET_ONE / 4 * 3 : GEO_OFFSET_ONE / 4);
        assert_int_equal(geo_snap_nearest(open.map, (struct geo_point){399025000, 1164001000}, 50, &snap, NULL), GEO_OK);
        assert_int_equal(snap.side, southwards ? 1 : 2);
        assert_int_equal(geo_snap_nearest(open.map, (struct geo_point){399025000, 1164000000}, 50, &snap, NULL), GEO_OK);
        assert_int_equal(snap.side, 0);
        assert_int_equal(snap.distance_dm, 0);
        open_map_deinit(&open);
        geo_graph_free(graph);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_snap_finds_what_brute_force_finds),
        cmocka_unit_test(test_snap_takes_nothing_farther_than_asked),
        cmocka_unit_test(test_snap_says_how_far_the_road_is),
        cmocka_unit_test(test_snap_tells_the_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
