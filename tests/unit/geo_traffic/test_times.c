/* Times and overrides against a second way of finding them: areas by counting crossings of a ray in floating point far from the rim, ways by the
 * OSM file's own list of nodes, the composition by trying every override on every arc. */
#include "tests/unit/geo/random_graph.h"
#include "geo_osm/geo_osm.h"
#include "geo_synth/geo_synth.h"
#include "geo_traffic/geo_traffic.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { CORNERS_MAX = 12, OVERRIDES = 6, CITIES = 40 };

/* ---- areas ---- */

static bool ray_holds(const struct geo_point *corner, uint32_t count, double lat, double lon)
{
    bool inside = false;
    for (uint32_t i = 0; i < count; i++) {
        double a_lat = corner[i].lat_e7, a_lon = corner[i].lon_e7, b_lat = corner[(i + 1) % count].lat_e7, b_lon = corner[(i + 1) % count].lon_e7;
        if ((a_lat > lat) != (b_lat > lat) && lon < a_lon + (lat - a_lat) / (b_lat - a_lat) * (b_lon - a_lon)) inside = !inside;
    }
    return inside;
}

/* Star-shaped, so that it does not cut itself. */
static uint32_t area_make(uint64_t *state, struct geo_point middle, uint32_t radius_e7, struct geo_point *corner)
{
    uint32_t count = 3 + random_below(state, CORNERS_MAX - 2);
    for (uint32_t i = 0; i < count; i++) {
        double angle = 2 * acos(-1) * i / count, away = radius_e7 * (0.3 + random_below(state, 700) / 1000.0);
        corner[i] = (struct geo_point){middle.lat_e7 + (int32_t)(sin(angle) * away), middle.lon_e7 + (int32_t)(cos(angle) * away)};
    }
    return count;
}

static bool is_named(const uint32_t *arcs, uint32_t count, uint32_t arc)
{
    for (uint32_t i = 0; i < count; i++)
        if (arcs[i] == arc) return true;
    return false;
}

/* Each shape sampled at 64 places a segment: a road with a sample inside is named; one that is not named has none. */
static void area_compare(const struct geo_map *map, const struct geo_override *override)
{
    const struct geo_graph *graph = geo_map_graph(map);
    uint32_t *arcs, count;
    assert_int_equal(geo_override_roads(map, override, &arcs, &count, NULL), GEO_OK);
    for (uint32_t a = 0; a < graph->arc_count; a++) {
        const struct geo_arc *arc = &graph->arcs[a];
        if (arc->twin != a) continue;
        bool sampled = false;
        for (uint32_t i = 0; i + 1 < arc->shape_count; i++)
            for (int k = 0; k <= 64; k++) {
                struct geo_point p = graph->shape[arc->shape_first + i], q = graph->shape[arc->shape_first + i + 1];
                sampled = sampled || ray_holds(override->points, override->point_count, p.lat_e7 + (double)(q.lat_e7 - p.lat_e7) * k / 64, p.lon_e7 + (double)(q.lon_e7 - p.lon_e7) * k / 64);
            }
        if (sampled) assert_true(is_named(arcs, count, a));
        if (!sampled && is_named(arcs, count, a)) { /* a corner only: then a rim crosses it */
            bool crossed = false;
            for (uint32_t i = 0; i + 1 < arc->shape_count; i++)
                for (int k = 0; k <= 4096 && !crossed; k++) {
                    struct geo_point p = graph->shape[arc->shape_first + i], q = graph->shape[arc->shape_first + i + 1];
                    crossed = ray_holds(override->points, override->point_count, p.lat_e7 + (double)(q.lat_e7 - p.lat_e7) * k / 4096, p.lon_e7 + (double)(q.lon_e7 - p.lon_e7) * k / 4096);
                }
            assert_true(crossed);
        }
    }
    free(arcs);
}

static void test_area_names_the_roads_in_it(void **context)
{
    (void)context;
    for (uint64_t seed = 1; seed <= CITIES; seed++) {
        struct geo_graph *graph = random_graph(seed, 60, 120, 10);
        struct open_map open;
        uint64_t state = seed;
        open_map_init(&open, graph);
        for (int i = 0; i < 5; i++) {
            struct geo_point corner[CORNERS_MAX + 1], middle = graph->nodes[random_below(&state, graph->node_count)];
            struct geo_override override = {.on = GEO_ON_AREA, .points = corner, .speed_percent = 50};
            override.point_count = area_make(&state, middle, 20000 + random_below(&state, 100000), corner);
            area_compare(open.map, &override);
        }
        open_map_deinit(&open);
        geo_graph_free(graph);
    }
}

/* ---- one road, by one point and by two ---- */

static void test_road_is_the_nearest_and_two_points_its_direction(void **context)
{
    (void)context;
    for (uint64_t seed = 1; seed <= CITIES; seed++) {
        struct geo_graph *graph = random_graph(seed, 40, 80, 8);
        struct open_map open;
        uint64_t state = seed;
        open_map_init(&open, graph);
        const struct geo_graph *roads = geo_map_graph(open.map);
        for (int i = 0; i < 20; i++) {
            uint32_t arc = roads->arcs[random_below(&state, roads->arc_count)].twin, *arcs, count;
            struct geo_point points[2] = {walk_to(roads, arc, 20000), walk_to(roads, arc, 45000)};
            struct geo_snap snap;
            struct geo_override override = {.on = GEO_ON_ROAD, .points = points, .point_count = 1};
            if (geo_snap_nearest(open.map, points[0], GEO_OVERRIDE_SNAP_M, &snap, NULL) != GEO_OK) continue;
            uint32_t nearest = roads->arcs[snap.arc].twin, back = roads->arcs[nearest].reverse;
            assert_int_equal(geo_override_roads(open.map, &override, &arcs, &count, NULL), GEO_OK);
            assert_int_equal(count, back == GEO_NONE || back == nearest ? 1 : 2);
            assert_true(is_named(arcs, count, nearest));
            free(arcs);
            if (nearest != arc && back != arc) continue; /* another road lies there too */
            override.point_count = 2;
            if (geo_override_roads(open.map, &override, &arcs, &count, NULL) != GEO_OK) continue;
            assert_int_equal(count, 1);
            const struct geo_arc *named = &roads->arcs[arcs[0]], *meant = &roads->arcs[arc];
            if (named->reversed != meant->reversed) { /* loops come back to themselves */
                struct geo_snap there[16];
                uint32_t candidates = geo_snap_candidates(open.map, points[1], GEO_OVERRIDE_SNAP_M, there, 16), k = 0;
                while (k < candidates && roads->arcs[there[k].arc].twin != nearest) k++;
                assert_true(k == candidates || (there[k].offset >= snap.offset) == (arcs[0] == nearest));
            }
            free(arcs);
        }
        open_map_deinit(&open);
        geo_graph_free(graph);
    }
}

/* ---- times: every arc, every override, worked out by itself ---- */

static uint32_t clamp(uint64_t ms)
{
    return ms < 1 ? 1 : ms < GEO_FINITE_MAX ? (uint32_t)ms : GEO_FINITE_MAX - 1;
}

static uint32_t expected_ms(const struct geo_arc *arc, const struct geo_traffic *table, uint32_t bucket, const struct geo_override *const *on, uint32_t on_count)
{
    double own = arc->travel_ms - arc->wait_ms, usual = arc->road_class == GEO_CLASS_FERRY ? own : floor((own * 100 + table->speed_percent[arc->road_class][bucket] / 2) / table->speed_percent[arc->road_class][bucket]);
    double slowest = -1, least = floor(own * 100 / GEO_TRAFFIC_PERCENT_MAX), most = fmax(own, floor((double)arc->length_dm * 360000 / 500));
    for (uint32_t i = 0; i < on_count; i++) {
        if (!on[i]->speed_kmh && !on[i]->speed_percent) return GEO_UNREACHABLE;
        double ms = on[i]->speed_kmh ? floor(((double)arc->length_dm * 360 + on[i]->speed_kmh / 2) / on[i]->speed_kmh) : floor((usual * 100 + on[i]->speed_percent / 2) / on[i]->speed_percent);
        ms = fmin(fmax(ms, least), most);
        if (ms > slowest) slowest = ms;
    }
    if (slowest < 0) slowest = fmin(fmax(usual, least), most);
    return clamp((uint64_t)slowest + arc->wait_ms);
}

static void times_compare(const struct geo_map *map, uint64_t *state)
{
    const struct geo_graph *graph = geo_map_graph(map);
    struct geo_traffic table;
    struct geo_override overrides[OVERRIDES];
    static struct geo_point corner[OVERRIDES][CORNERS_MAX + 1];
    uint32_t *arcs[OVERRIDES], counts[OVERRIDES], bucket = random_below(state, GEO_TRAFFIC_BUCKETS), *ms = malloc(graph->arc_count * sizeof *ms);
    assert_non_null(ms);
    for (unsigned c = 0; c < GEO_CLASS_COUNT; c++)
        for (unsigned b = 0; b < GEO_TRAFFIC_BUCKETS; b++) table.speed_percent[c][b] = (uint16_t)(GEO_TRAFFIC_PERCENT_MIN + random_below(state, GEO_TRAFFIC_PERCENT_MAX - GEO_TRAFFIC_PERCENT_MIN + 1));
    for (int i = 0; i < OVERRIDES; i++) {
        struct geo_override *override = &overrides[i];
        *override = (struct geo_override){.on = (enum geo_override_on)random_below(state, 3), .points = corner[i], .speed_percent = random_below(state, 3) * random_below(state, 200)};
        if (random_below(state, 3) == 0) override->speed_kmh = 1 + random_below(state, 120);
        override->way = graph->arcs[random_below(state, graph->arc_count)].way + (random_below(state, 8) == 0) * 1000000;
        override->point_count = area_make(state, graph->nodes[random_below(state, graph->node_count)], 60000, corner[i]);
        if (override->on == GEO_ON_ROAD) override->point_count = 1;
        if (geo_override_roads(map, override, &arcs[i], &counts[i], NULL) != GEO_OK) counts[i] = 0;
    }
    assert_int_equal(geo_traffic_times(map, &table, bucket, overrides, OVERRIDES, ms, NULL), GEO_OK);
    for (uint32_t a = 0; a < graph->arc_count; a++) {
        const struct geo_override *on[OVERRIDES];
        uint32_t on_count = 0;
        for (int i = 0; i < OVERRIDES; i++)
            if (is_named(arcs[i], counts[i], graph->arcs[a].twin)) on[on_count++] = &overrides[i];
        assert_int_equal(ms[a], expected_ms(&graph->arcs[graph->arcs[a].twin], &table, bucket, on, on_count));
    }
    for (int i = 0; i < OVERRIDES; i++) free(arcs[i]);
    free(ms);
}

static void test_times_are_those_of_bucket_and_slowest_override(void **context)
{
    (void)context;
    for (uint64_t seed = 1; seed <= CITIES; seed++) {
        struct geo_graph *graph = random_graph(seed, 60, 120, 10);
        for (uint32_t a = 0; a < graph->arc_count; a++) graph->arcs[a].way = 1 + graph->arcs[a].shape_first % 17;
        struct open_map open;
        uint64_t state = seed;
        open_map_init(&open, graph);
        for (int i = 0; i < 5; i++) times_compare(open.map, &state);
        open_map_deinit(&open);
        geo_graph_free(graph);
    }
}

static void test_without_table_or_reports_times_are_the_maps_own(void **context)
{
    (void)context;
    struct geo_graph *graph = random_graph(3, 60, 120, 10);
    struct open_map open;
    open_map_init(&open, graph);
    uint32_t *ms = malloc(graph->arc_count * sizeof *ms);
    assert_non_null(ms);
    assert_int_equal(geo_traffic_times(open.map, NULL, 0, NULL, 0, ms, NULL), GEO_OK);
    for (uint32_t a = 0; a < graph->arc_count; a++) assert_int_equal(ms[a], graph->arcs[a].travel_ms);
    struct geo_error error;
    assert_int_equal(geo_traffic_times(open.map, NULL, GEO_TRAFFIC_BUCKETS, NULL, 0, ms, &error), GEO_INVALID);
    free(ms);
    open_map_deinit(&open);
    geo_graph_free(graph);
}

static void test_overrides_that_mean_nothing_are_refused(void **context)
{
    (void)context;
    struct geo_graph *graph = random_graph(3, 60, 120, 10);
    struct open_map open;
    open_map_init(&open, graph);
    struct geo_point points[3] = {{0, 0}, {0, 1}, {1, 0}}, off[3] = {{900000001, 0}, {0, 1}, {1, 0}}, bow[4] = {{0, 0}, {1, 1}, {0, 1}, {1, 0}};
    uint32_t *arcs, count;
    struct geo_error error;
    struct geo_override way = {.on = GEO_ON_WAY, .way = -77}, far = {.on = GEO_ON_ROAD, .points = points, .point_count = 1}, none = {.on = GEO_ON_ROAD, .points = points},
                        line = {.on = GEO_ON_AREA, .points = points, .point_count = 2}, nowhere = {.on = GEO_ON_AREA, .points = off, .point_count = 3},
                        sea = {.on = GEO_ON_AREA, .points = points, .point_count = 3}, crossed = {.on = GEO_ON_AREA, .points = bow, .point_count = 4};
    assert_int_equal(geo_override_roads(open.map, &way, &arcs, &count, &error), GEO_NOT_FOUND);
    assert_int_equal(geo_override_roads(open.map, &far, &arcs, &count, &error), GEO_NOT_FOUND);
    assert_int_equal(geo_override_roads(open.map, &none, &arcs, &count, &error), GEO_INVALID);
    assert_int_equal(geo_override_roads(open.map, &line, &arcs, &count, &error), GEO_INVALID);
    assert_int_equal(geo_override_roads(open.map, &nowhere, &arcs, &count, &error), GEO_INVALID);
    assert_int_equal(geo_override_roads(open.map, &crossed, &arcs, &count, &error), GEO_INVALID);
    assert_int_equal(geo_override_roads(open.map, &sea, &arcs, &count, &error), GEO_OK);
    assert_int_equal(count, 0);
    free(arcs);
    open_map_deinit(&open);
    geo_graph_free(graph);
}

/* ---- ways: one street drawn as five ways, each in either direction, becomes one road, and each of its ways names it ---- */

static void test_every_way_of_a_street_names_it(void **context)
{
    (void)context;
    for (unsigned kind = 0; kind < 3 * 32; kind++) {
        char xml[8192], path[64];
        int size = snprintf(xml, sizeof xml, "<osm version='0.6'>");
        for (int i = 1; i <= 8; i++) size += snprintf(xml + size, sizeof xml - (size_t)size, "<node id='%d' lat='31.%d' lon='121.4%d'/>", i, i > 6 ? 21 : 20, i > 6 ? (i - 7) * 5 : i - 1);
        const char *oneway = kind / 32 == 0 ? "" : "<tag k='oneway' v='%s'/>";
        for (int w = 0; w < 5; w++) {
            bool turned = kind >> w & 1;
            size += snprintf(xml + size, sizeof xml - (size_t)size, "<way id='%d'><nd ref='%d'/><nd ref='%d'/><tag k='highway' v='residential'/><tag k='name' v='a'/>", 101 + w, turned ? w + 2 : w + 1, turned ? w + 1 : w + 2);
            if (*oneway) size += snprintf(xml + size, sizeof xml - (size_t)size, "<tag k='oneway' v='%s'/>", turned == (kind / 32 == 1) ? "-1" : "yes");
            size += snprintf(xml + size, sizeof xml - (size_t)size, "</way>");
        }
        size += snprintf(xml + size, sizeof xml - (size_t)size, "<way id='7'><nd ref='1'/><nd ref='7'/><nd ref='8'/><nd ref='6'/><tag k='highway' v='service'/></way></osm>");
        struct geo_graph *graph = NULL;
        struct geo_map *map = NULL;
        struct geo_error error = {.text = ""};
        if (geo_osm_build_bytes((const uint8_t *)xml, (size_t)size, NULL, &graph, &error) != GEO_OK) fail_msg("%s", error.text);
        (void)snprintf(path, sizeof path, "/tmp/geo-traffic-%ld.map", (long)getpid());
        assert_int_equal(geo_map_write(graph, path, &error), GEO_OK);
        assert_int_equal(geo_map_open(path, &map, &error), GEO_OK);
        for (int64_t way = 101; way <= 105; way++) {
            uint32_t *arcs, count;
            struct geo_override override = {.on = GEO_ON_WAY, .way = way};
            if (geo_override_roads(map, &override, &arcs, &count, &error) != GEO_OK) fail_msg("kind %u: %s", kind, error.text);
            assert_int_equal(count, kind / 32 == 0 ? 2 : 1);
            for (uint32_t i = 0; i < count; i++) assert_int_equal(graph->arcs[arcs[i]].shape_count, 6);
            free(arcs);
        }
        geo_map_unref(map);
        geo_graph_free(graph);
        (void)unlink(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_area_names_the_roads_in_it),
        cmocka_unit_test(test_road_is_the_nearest_and_two_points_its_direction),
        cmocka_unit_test(test_times_are_those_of_bucket_and_slowest_override),
        cmocka_unit_test(test_without_table_or_reports_times_are_the_maps_own),
        cmocka_unit_test(test_overrides_that_mean_nothing_are_refused),
        cmocka_unit_test(test_every_way_of_a_street_names_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
