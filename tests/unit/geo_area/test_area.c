/* Isochrones against times that geo_distance says, place by place: what is reached is inside, what lies beyond the tolerance is not; and every polygon
 * is valid by a routine of its own. */
#include "tests/unit/geo/random_graph.h"
#include "valid.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "geo_osm/geo_osm.h"
#include "geo_synth/geo_synth.h"

enum { PLACES = 4000 };

struct place {
    struct geo_point at;
    uint32_t ms;                  /* from the middle, or to it; GEO_UNREACHABLE */
};

static double metres(struct geo_point a, struct geo_point b)
{
    return geo_distance_dm(a, b) / 10.0;
}

/* Every road, a place each few metres: nearest of those within the limit. */
struct dots {
    struct place *at;
    uint32_t count;
};

static uint32_t time_between(const struct open_map *open, const struct geo_snap *middle, const struct geo_snap *other, bool towards)
{
    uint32_t ms;
    enum geo_status rc = geo_distance(open->metric, open->scratch, towards ? other : middle, towards ? middle : other, &ms, NULL);
    return rc == GEO_OK ? ms : GEO_UNREACHABLE;
}

static struct dots dots_make(const struct open_map *open, const struct geo_snap *middle, bool towards, double every_m)
{
    const struct geo_graph *graph = geo_map_graph(open->map);
    struct dots dots = {NULL, 0};
    uint32_t capacity = 1;
    dots.at = calloc(1, sizeof *dots.at);
    dots.at[dots.count++] = (struct place){middle->at, 0};
    for (uint32_t a = 0; a < graph->arc_count; a++) {
        const struct geo_arc *arc = &graph->arcs[a];
        if (arc->twin != a || (arc->reverse != GEO_NONE && arc->reverse < a)) continue;
        double length_m = 0;
        for (uint32_t i = 1; i < arc->shape_count; i++) length_m += metres(graph->shape[arc->shape_first + i - 1], graph->shape[arc->shape_first + i]);
        uint32_t count = (uint32_t)(length_m / every_m) + 1;
        for (uint32_t i = 0; i <= count; i++) {
            struct geo_snap snap = {.arc = a, .offset = (uint32_t)((uint64_t)GEO_OFFSET_ONE * i / count)};
            snap.at = walk_to(graph, a, snap.offset);
            if (dots.count == capacity) {
                capacity *= 2;
                dots.at = realloc(dots.at, capacity * sizeof *dots.at);
            }
            dots.at[dots.count++] = (struct place){snap.at, time_between(open, middle, &snap, towards)};
        }
    }
    return dots;
}

static double nearest_dot_m(const struct dots *dots, uint32_t limit_ms, struct geo_point at)
{
    double best = 1e9;
    for (uint32_t i = 0; i < dots->count; i++) {
        if (dots->at[i].ms == GEO_UNREACHABLE || dots->at[i].ms > limit_ms) continue;
        double distance = metres(dots->at[i].at, at);
        if (distance < best) best = distance;
    }
    return best;
}

static void expect_valid(const struct geo_areas *areas, uint64_t seed)
{
    const char *fault = valid_fault(areas);
    if (fault) fail_msg("seed %llu: %s", (unsigned long long)seed, fault);
}

struct counts {
    uint32_t inside, outside, far;
};

/* One place, three contours, checked all over. */
static void check_areas(const struct open_map *open, const struct geo_snap *middle, const uint32_t *limits_ms, const struct geo_area_options *options, double every_m, uint64_t seed,
                        struct counts *counts)
{
    enum { CONTOURS = 3 };
    struct geo_areas areas;
    struct geo_error error = {.text = ""};
    if (geo_areas_find(open->metric, open->scratch, middle, limits_ms, CONTOURS, options, &areas, &error) != GEO_OK) fail_msg("seed %llu: %s", (unsigned long long)seed, error.text);
    assert_int_equal(areas.contour_count, CONTOURS);
    expect_valid(&areas, seed);
    struct dots dots = dots_make(open, middle, options->towards, every_m);
    for (uint32_t c = 0; c < CONTOURS; c++) {
        assert_int_equal(areas.contours[c].limit_ms, limits_ms[c]);
        assert_true(areas.contours[c].polygon_count >= 1 && valid_holds(&areas, c, middle->at));
        for (uint32_t i = 0; i < dots.count; i++) {
            bool holds = valid_holds(&areas, c, dots.at[i].at);
            if (dots.at[i].ms != GEO_UNREACHABLE && dots.at[i].ms <= limits_ms[c]) {
                if (!holds) fail_msg("seed %llu: a place reached in %u of %u ms is outside", (unsigned long long)seed, dots.at[i].ms, limits_ms[c]);
                counts->inside++;
            } else if (holds && i % 7 == 0) {
                counts->outside++; /* a place on a road that is not reached must be near one that is */
                if (nearest_dot_m(&dots, limits_ms[c], dots.at[i].at) > areas.tolerance_m + every_m) fail_msg("seed %llu: a road beyond the tolerance is inside", (unsigned long long)seed);
            } else if (!holds) {
                counts->far++;
            }
        }
    }
    /* any place at all: smaller contours lie within larger ones; without holes filled, all is near a reached road */
    struct geo_map_info info;
    geo_map_info(open->map, &info);
    uint64_t random = seed;
    for (int i = 0; i < PLACES; i++) {
        struct geo_point at = {info.south_west.lat_e7 - 20000 + (int32_t)random_below(&random, (uint32_t)(info.north_east.lat_e7 - info.south_west.lat_e7) + 40000),
                               info.south_west.lon_e7 - 20000 + (int32_t)random_below(&random, (uint32_t)(info.north_east.lon_e7 - info.south_west.lon_e7) + 40000)};
        bool held = false;
        for (uint32_t c = 0; c < CONTOURS; c++) {
            bool holds = valid_holds(&areas, c, at);
            if (held && !holds) fail_msg("seed %llu: a contour does not enclose the one before it", (unsigned long long)seed);
            if (holds && !held && options->hole_m2 == 0 && i % 20 == 0) assert_true(nearest_dot_m(&dots, limits_ms[c], at) <= areas.tolerance_m + every_m);
            held = holds;
        }
    }
    free(dots.at);
    geo_areas_free(&areas);
}

static void test_area_holds_what_is_reached_in_random_cities(void **state)
{
    (void)state;
    struct counts counts = {0};
    for (uint64_t seed = 1; seed <= 35; seed++) {
        struct geo_graph *graph = random_graph(seed, 12, 26, seed % 4 ? 0 : 5);
        for (uint32_t a = 0; a < graph->arc_count; a++) { /* long enough for areas to end within roads; copies and waits as they are */
            graph->arcs[a].travel_ms = graph->arcs[a].travel_ms * 20 + 1000;
            graph->arcs[a].turn_ms *= 20;
        }
        struct open_map open;
        open_map_init(&open, graph);
        uint64_t random = seed;
        struct geo_snap middle = random_snap(&random, graph);
        uint32_t limits_ms[3] = {seed % 5 == 0 ? 0 : 1500 + (uint32_t)seed * 10, 6000, 30000 + (uint32_t)seed * 100};
        struct geo_area_options options = geo_area_options_default();
        options.reach_m = seed % 3 == 0 ? 15 : seed % 3 == 1 ? 75 : 150;
        options.hole_m2 = seed % 2 ? 0 : 250000;
        options.towards = seed % 7 > 3;
        check_areas(&open, &middle, limits_ms, &options, 20, seed, &counts);
        open_map_deinit(&open);
        geo_graph_free(graph);
    }
    assert_true(counts.inside > 20000 && counts.outside > 100 && counts.far > 5000);
}

static void city_open(struct open_map *open, struct geo_graph **graph, const char *pbf)
{
    struct geo_error error = {.text = ""};
    if (geo_osm_build(pbf, NULL, graph, &error) != GEO_OK) fail_msg("%s: %s", pbf, error.text);
    open_map_init(open, *graph);
}

static struct geo_snap middle_of(const struct open_map *open)
{
    struct geo_map_info info;
    struct geo_snap middle;
    geo_map_info(open->map, &info);
    struct geo_point at = {info.south_west.lat_e7 + (info.north_east.lat_e7 - info.south_west.lat_e7) / 2, info.south_west.lon_e7 + (info.north_east.lon_e7 - info.south_west.lon_e7) / 2};
    assert_int_equal(geo_snap_nearest(open->map, at, 20000, &middle, NULL), GEO_OK);
    return middle;
}

static void test_area_holds_what_is_reached_in_made_up_cities(void **state)
{
    (void)state;
    struct counts counts = {0};
    char pbf[64];
    snprintf(pbf, sizeof pbf, "/tmp/geo-area-%ld.osm.pbf", (long)getpid());
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct geo_graph *graph = NULL;
        struct open_map open;
        assert_int_equal(geo_synth_write(pbf, seed, 500, NULL), GEO_OK);
        city_open(&open, &graph, pbf);
        struct geo_snap middle = middle_of(&open);
        uint32_t limits_ms[3] = {60000, 240000, 480000};
        struct geo_area_options options = geo_area_options_default();
        options.towards = seed == 2;
        options.hole_m2 = seed == 3 ? 0 : options.hole_m2;
        check_areas(&open, &middle, limits_ms, &options, 40, seed, &counts);
        open_map_deinit(&open);
        geo_graph_free(graph);
    }
    unlink(pbf);
    assert_true(counts.inside > 5000 && counts.far > 1000);
}

static double cpu_ms(void)
{
    struct timespec at;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return (double)at.tv_sec * 1e3 + (double)at.tv_nsec / 1e6;
}

/* Every node within the limit, on a whole city; and what it costs, printed. */
static void test_area_holds_every_node_reached_in_a_real_city(void **state)
{
    (void)state;
    const char *folder = getenv("MEDDISPATCH_DATA");
    char path[600];
    snprintf(path, sizeof path, "%s/osm/heidelberg.osm.pbf", folder ? folder : "");
    if (access(path, R_OK) != 0) {
        print_message("%s is not there: not looked at\n", path);
        skip();
    }
    struct geo_graph *graph = NULL;
    struct open_map open;
    city_open(&open, &graph, path);
    struct geo_snap middle = middle_of(&open);
    uint32_t limits_ms[3] = {600000, 1200000, 1800000}, *node_ms = calloc(graph->node_count, sizeof *node_ms);
    struct geo_areas areas, bounded;
    double begin = cpu_ms();
    assert_int_equal(geo_areas_find(open.metric, open.scratch, &middle, limits_ms, 3, NULL, &areas, NULL), GEO_OK);
    printf("three contours of heidelberg: %.1f ms, %u polygons, %u rings, %u points, tolerance %u m\n", cpu_ms() - begin, areas.polygon_count, areas.ring_count, areas.point_count, areas.tolerance_m);
    expect_valid(&areas, 0);
    struct geo_area_options options = geo_area_options_default();
    options.points_max = areas.point_count / 4;
    assert_int_equal(geo_areas_find(open.metric, open.scratch, &middle, limits_ms, 3, &options, &bounded, NULL), GEO_OK);
    assert_true(bounded.point_count <= options.points_max && bounded.tolerance_m > areas.tolerance_m);
    expect_valid(&bounded, 1);
    assert_int_equal(geo_reach_from(open.metric, open.scratch, &middle, limits_ms[2], node_ms), GEO_OK);
    uint32_t reached = 0;
    for (uint32_t n = 0; n < graph->node_count; n += 5) {
        for (uint32_t c = 0; c < 3; c++) {
            if (node_ms[n] > limits_ms[c]) continue;
            reached++;
            assert_true(valid_holds(&areas, c, graph->nodes[n]) && valid_holds(&bounded, c, graph->nodes[n]));
        }
    }
    assert_true(reached > 1000);
    free(node_ms);
    geo_areas_free(&areas);
    geo_areas_free(&bounded);
    open_map_deinit(&open);
    geo_graph_free(graph);
}

static void test_area_refuses_what_makes_no_sense(void **state)
{
    (void)state;
    struct geo_graph *graph = random_graph(5, 8, 16, 0);
    struct open_map open;
    open_map_init(&open, graph);
    struct geo_snap good = {.arc = 0, .at = graph->nodes[0]}, bad = {.arc = graph->arc_count};
    uint32_t limits_ms[11] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, falling[2] = {5, 5}, endless = GEO_FINITE_MAX;
    struct geo_area_options options = geo_area_options_default();
    struct geo_areas areas;
    struct geo_error error;
    assert_int_equal(geo_areas_find(open.metric, open.scratch, &good, limits_ms, 10, &options, &areas, &error), GEO_OK);
    geo_areas_free(&areas);
    assert_int_equal(geo_areas_find(open.metric, open.scratch, &good, limits_ms, 0, &options, &areas, &error), GEO_INVALID);
    assert_int_equal(geo_areas_find(open.metric, open.scratch, &good, limits_ms, 11, &options, &areas, &error), GEO_INVALID);
    assert_int_equal(geo_areas_find(open.metric, open.scratch, &good, falling, 2, &options, &areas, &error), GEO_INVALID);
    assert_int_equal(geo_areas_find(open.metric, open.scratch, &good, &endless, 1, &options, &areas, &error), GEO_INVALID);
    assert_int_equal(geo_areas_find(open.metric, open.scratch, &bad, limits_ms, 1, &options, &areas, &error), GEO_INVALID);
    options.reach_m = 1001;
    assert_int_equal(geo_areas_find(open.metric, open.scratch, &good, limits_ms, 1, &options, &areas, &error), GEO_INVALID);
    assert_non_null(strstr(error.text, "1000 m"));
    options.reach_m = 9;
    assert_int_equal(geo_areas_find(open.metric, open.scratch, &good, limits_ms, 1, &options, &areas, &error), GEO_INVALID);
    options.reach_m = 0;
    options.points_max = 999;
    assert_int_equal(geo_areas_find(open.metric, open.scratch, &good, limits_ms, 1, &options, &areas, &error), GEO_INVALID);
    open_map_deinit(&open);
    geo_graph_free(graph);
}

/* The routine that judges must itself see faults. */
static void test_valid_sees_faults(void **state)
{
    (void)state;
    struct geo_point square[] = {{0, 0}, {0, 10}, {10, 10}, {10, 0}, {0, 0}, {2, 2}, {8, 2}, {8, 8}, {2, 8}, {2, 2}};
    struct geo_ring rings[] = {{0, 5}, {5, 5}};
    struct geo_polygon polygon = {0, 2};
    struct geo_contour contour = {1, 0, 1};
    struct geo_areas areas = {1, 1, 2, 10, &contour, &polygon, rings, square, 0, 0};
    assert_null(valid_fault(&areas));
    assert_true(valid_holds(&areas, 0, (struct geo_point){1, 1}) && !valid_holds(&areas, 0, (struct geo_point){5, 5}) && !valid_holds(&areas, 0, (struct geo_point){11, 5}));
    square[7] = (struct geo_point){12, 8};
    assert_string_equal(valid_fault(&areas), "segments that meet");
    square[7] = (struct geo_point){2, 4};
    assert_non_null(valid_fault(&areas));
    square[7] = (struct geo_point){10, 8}; /* touches the outer ring */
    assert_string_equal(valid_fault(&areas), "segments that meet");
    square[7] = (struct geo_point){8, 8};
    square[4] = (struct geo_point){0, 1};
    assert_non_null(valid_fault(&areas));
    square[4] = square[0];
    polygon.ring_count = 1;
    assert_null(valid_fault(&areas));
    polygon.ring_first = 1; /* a hole as an outer ring */
    assert_string_equal(valid_fault(&areas), "an outer ring that runs clockwise");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid_sees_faults),
        cmocka_unit_test(test_area_holds_what_is_reached_in_random_cities),
        cmocka_unit_test(test_area_holds_what_is_reached_in_made_up_cities),
        cmocka_unit_test(test_area_holds_every_node_reached_in_a_real_city),
        cmocka_unit_test(test_area_refuses_what_makes_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
