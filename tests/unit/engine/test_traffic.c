/* Which metric holds: whatever hours pass and reports come and go, it is the one that would be made from nothing; and whoever holds an old one may
 * search on it while others are swapped in. */
#include "scheduler/engine/internal.h"
#include "geo_traffic/geo_traffic.h"
#include "tests/unit/geo/random_graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { HOUR_MS = 3600000, ROADS = 12, STEPS = 60, UTC_OFFSET_S = 28800 };
static const int64_t MONDAY_MS = INT64_C(1925395200000); /* 2031-01-06 00:00 UTC */

static char csv[] = "/tmp/engine-traffic-XXXXXX";

static int setup(void **state)
{
    (void)state;
    static const char TABLE[] = "class,days,from_hour,to_hour,speed_percent\n*,weekday,7,10,50\n*,weekday,17,19,40\n*,weekend,12,14,70\n";
    int file = mkstemp(csv);
    assert_true(file >= 0);
    assert_int_equal(write(file, TABLE, sizeof TABLE - 1), sizeof TABLE - 1);
    close(file);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return unlink(csv);
}

static void random_road(uint64_t *state, const struct geo_graph *graph, int64_t now_ms, uint64_t id, struct point *points, struct road_override *out)
{
    struct geo_snap snap = random_snap(state, graph);
    *out = (struct road_override){.id = id, .kind = random_below(state, 3) ? ROAD_AT_POINT : ROAD_AREA, .points = points, .reported_ms = now_ms,
                                  .until_ms = now_ms + 1 + random_below(state, 3 * HOUR_MS)};
    points[0] = (struct point){snap.at.lat_e7, snap.at.lon_e7};
    points[1] = (struct point){snap.at.lat_e7 + 20000, snap.at.lon_e7};
    points[2] = (struct point){snap.at.lat_e7, snap.at.lon_e7 + 20000};
    out->point_count = out->kind == ROAD_AREA ? 3 : 1;
    if (random_below(state, 2)) out->speed_percent = 5 + random_below(state, 100);
    else if (random_below(state, 2)) out->speed_kmh = 1 + random_below(state, 60);
}

/* Everything from nothing: the hour's times under the reports that are not over. */
static struct geo_metric *expected_at(struct geo_map *map, const struct geo_traffic *table, const struct road_override *roads, uint32_t count, int64_t at_ms)
{
    struct geo_override overrides[ROADS];
    struct geo_point points[ROADS][3];
    struct geo_error error;
    struct geo_metric *metric;
    uint32_t used = 0, *times = calloc(geo_map_graph(map)->arc_count, sizeof *times);
    for (uint32_t i = 0; i < count; i++) {
        if (roads[i].until_ms <= at_ms) continue;
        traffic_as_override(&roads[i], points[used], &overrides[used]);
        used++;
    }
    assert_int_equal(geo_traffic_times(map, table, geo_traffic_bucket(at_ms, UTC_OFFSET_S), overrides, used, times, &error), GEO_OK);
    assert_int_equal(geo_metric_timed(map, times, &metric, &error), GEO_OK);
    free(times);
    return metric;
}

static void assert_same(struct geo_metric *a, struct geo_metric *b, struct geo_scratch *scratch, uint64_t *state)
{
    const struct geo_graph *graph = geo_map_graph(geo_metric_map(a));
    for (uint32_t arc = 0; arc < graph->arc_count; arc++) assert_int_equal(geo_metric_travel_ms(a, arc), geo_metric_travel_ms(b, arc));
    for (int i = 0; i < 20; i++) {
        struct geo_snap from = random_snap(state, graph), to = random_snap(state, graph);
        uint32_t a_ms = 0, b_ms = 0, a_dm = 0, b_dm = 0;
        assert_int_equal(geo_distance(a, scratch, &from, &to, &a_ms, &a_dm), geo_distance(b, scratch, &from, &to, &b_ms, &b_dm));
        assert_int_equal(a_ms, b_ms);
        assert_int_equal(a_dm, b_dm);
    }
}

static void test_hours_and_reports_give_the_metric_made_from_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct geo_graph *graph = random_graph(seed, 60, 130, 10);
        struct open_map open;
        struct traffic *traffic;
        struct geo_traffic table;
        struct error err;
        struct geo_error error;
        struct road_override roads[ROADS];
        struct point points[ROADS][3];
        uint64_t luck = seed, next_id = 1, swaps = 0;
        uint32_t count = 0;
        int64_t now_ms = MONDAY_MS;
        open_map_init(&open, graph);
        assert_int_equal(geo_traffic_read(csv, &table, &error), GEO_OK);
        assert_int_equal(traffic_new(open.map, csv, UTC_OFFSET_S, &traffic, &err), STATUS_OK);
        for (int step = 0; step < STEPS; step++) {
            now_ms += random_below(&luck, 2 * HOUR_MS);
            if (random_below(&luck, 2)) { /* a report more, or all others gone */
                if (count == ROADS) count = 0;
                random_road(&luck, geo_map_graph(open.map), now_ms, next_id++, points[count], &roads[count]);
                count++;
                traffic_report(traffic, roads, count);
            }
            swaps += traffic_turn(traffic, now_ms);
            assert_false(traffic_turn(traffic, now_ms)); /* nothing is new */
            struct geo_metric *now = traffic_now(traffic), *expected = expected_at(open.map, &table, roads, count, now_ms);
            assert_same(now, expected, open.scratch, &luck);
            geo_metric_unref(now);
            geo_metric_unref(expected);
            int64_t depart_ms = now_ms + random_below(&luck, 30 * HOUR_MS);
            struct geo_metric *then = traffic_at(traffic, depart_ms), *again = traffic_at(traffic, depart_ms);
            assert_ptr_equal(then, again); /* kept */
            expected = expected_at(open.map, &table, roads, count, depart_ms);
            assert_same(then, expected, open.scratch, &luck);
            geo_metric_unref(then);
            geo_metric_unref(again);
            geo_metric_unref(expected);
        }
        assert_true(swaps > STEPS / 4);
        traffic_free(traffic);
        open_map_deinit(&open);
        geo_graph_free(graph);
    }
}

static void test_a_bad_table_is_refused(void **state)
{
    (void)state;
    struct geo_graph *graph = random_graph(1, 20, 40, 2);
    struct open_map open;
    struct traffic *traffic;
    struct error err;
    open_map_init(&open, graph);
    assert_int_equal(traffic_new(open.map, "/nowhere/traffic.csv", 0, &traffic, &err), STATUS_UNAVAILABLE);
    assert_int_equal(traffic_new(open.map, open.path, 0, &traffic, &err), STATUS_INVALID_ARGUMENT);
    assert_int_equal(traffic_new(open.map, "", 0, &traffic, &err), STATUS_OK);
    traffic_free(traffic);
    open_map_deinit(&open);
    geo_graph_free(graph);
}

/* ---- threads ---- */

struct searcher {
    struct traffic *traffic;
    struct geo_map *map;
    uint64_t seed;
    atomic_bool *stop;
    uint64_t asked, wrong;
};

/* On one metric a route's time equals the distance, whatever is swapped meanwhile. */
static void *read_on(void *context)
{
    struct searcher *searcher = context;
    struct geo_scratch *scratch = geo_scratch_new(searcher->map);
    uint64_t luck = searcher->seed;
    while (!atomic_load(searcher->stop)) {
        struct geo_metric *metric = searcher->seed % 2 ? traffic_now(searcher->traffic) : traffic_at(searcher->traffic, MONDAY_MS + random_below(&luck, 48) * (int64_t)HOUR_MS);
        for (int i = 0; i < 5; i++) {
            struct geo_snap from = random_snap(&luck, geo_map_graph(searcher->map)), to = random_snap(&luck, geo_map_graph(searcher->map));
            uint32_t ms = GEO_UNREACHABLE;
            struct geo_route route;
            enum geo_status there = geo_distance(metric, scratch, &from, &to, &ms, NULL);
            if (geo_route_find(metric, scratch, &from, &to, &route, NULL) == GEO_OK) {
                searcher->wrong += there != GEO_OK || route.travel_ms != ms;
                geo_route_free(&route);
            } else {
                searcher->wrong += there == GEO_OK;
            }
            searcher->asked++;
        }
        geo_metric_unref(metric);
    }
    geo_scratch_free(scratch);
    return NULL;
}

static void test_readers_never_see_half_a_swap(void **state)
{
    (void)state;
    struct geo_graph *graph = random_graph(9, 80, 170, 12);
    struct open_map open;
    struct traffic *traffic;
    struct error err;
    struct road_override road;
    struct point points[3];
    uint64_t luck = 5, swaps = 0;
    atomic_bool stop = false;
    open_map_init(&open, graph);
    assert_int_equal(traffic_new(open.map, csv, UTC_OFFSET_S, &traffic, &err), STATUS_OK);
    assert_true(traffic_turn(traffic, MONDAY_MS));
    struct searcher searchers[3];
    pthread_t threads[3];
    for (uint32_t i = 0; i < 3; i++) {
        searchers[i] = (struct searcher){traffic, open.map, i + 1, &stop, 0, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &searchers[i]), 0);
    }
    int64_t now_ms = MONDAY_MS;
    for (uint64_t i = 1; i <= 200; i++) {
        now_ms += random_below(&luck, HOUR_MS);
        random_road(&luck, geo_map_graph(open.map), now_ms, i, points, &road);
        traffic_report(traffic, &road, 1);
        swaps += traffic_turn(traffic, now_ms);
    }
    atomic_store(&stop, true);
    for (uint32_t i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(searchers[i].wrong, 0);
    }
    assert_true(swaps > 20);
    traffic_free(traffic);
    open_map_deinit(&open);
    geo_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_hours_and_reports_give_the_metric_made_from_nothing), cmocka_unit_test(test_a_bad_table_is_refused),
                                       cmocka_unit_test(test_readers_never_see_half_a_swap)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
