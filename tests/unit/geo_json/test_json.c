/* Text for text: escapes, datums, points without extent; and a point in a compound whose roads are private. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "geo_json/geo_json.h"
#include "geo_osm/geo_osm.h"

static void expect_text(enum geo_status rc, char *text, size_t size, const char *wanted)
{
    assert_int_equal(rc, GEO_OK);
    assert_string_equal(text, wanted);
    assert_int_equal(size, strlen(wanted));
    free(text);
}

static void test_json_writes_an_area(void **state)
{
    (void)state;
    struct geo_point points[] = {{0, 0}, {0, 10000000}, {-5, 10000000}, {0, 0}};
    struct geo_ring ring = {0, 4};
    struct geo_polygon polygon = {0, 1};
    struct geo_contour contours[] = {{1000, 0, 1}, {2000, 1, 0}};
    struct geo_areas areas = {2, 1, 1, 4, contours, &polygon, &ring, points, 75, 115};
    struct geo_json_options options = {.extra = ",\"a\":1"};
    char *text;
    size_t size;
    enum geo_status rc = geo_json_areas(&areas, &options, &text, &size);
    expect_text(rc, text, size,
                "{\"type\":\"FeatureCollection\",\"features\":[{\"type\":\"Feature\",\"properties\":{\"kind\":\"isochrone\",\"travel_ms\":2000,\"reach_m\":75,\"tolerance_m\":115,\"a\":1},"
                "\"geometry\":{\"type\":\"MultiPolygon\",\"coordinates\":[]}},{\"type\":\"Feature\",\"properties\":{\"kind\":\"isochrone\",\"travel_ms\":1000,\"reach_m\":75,\"tolerance_m\":115,\"a\":1},"
                "\"geometry\":{\"type\":\"MultiPolygon\",\"coordinates\":[[[[0.0000000,0.0000000],[1.0000000,0.0000000],[1.0000000,-0.0000005],[0.0000000,0.0000000]]]]}}]}");
}

static void test_json_moves_to_the_other_datum_and_says_so(void **state)
{
    (void)state;
    struct geo_json_place place = {.at = {399000000, 1164000000}, .distance_dm = 123, .source = GEO_NONE, .travel_ms = GEO_NONE, .length_dm = GEO_NONE};
    struct geo_json_options options = {.gcj02 = true};
    struct geo_point moved = geo_gcj02_from_wgs84(place.at);
    char *text, wanted[400];
    size_t size;
    snprintf(wanted, sizeof wanted,
             "{\"type\":\"FeatureCollection\",\"datum\":\"GCJ-02\",\"features\":[{\"type\":\"Feature\",\"properties\":{\"kind\":\"place\",\"distance_m\":12.3},\"geometry\":{\"type\":\"Point\","
             "\"coordinates\":[%.7f,%.7f]}}]}", moved.lon_e7 / 1e7, moved.lat_e7 / 1e7);
    enum geo_status rc = geo_json_places(NULL, &place, 1, &options, &text, &size);
    expect_text(rc, text, size, wanted);
}

/* Names in maps are anyone's bytes: the text stays JSON and UTF-8. */
static void test_json_escapes_whatever_a_street_is_called(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"a\"b\\c\n\x7f", "a\\\"b\\\\c\\u000a\\u007f"}, {"街", "街"}, {"\xff", "\\ufffd"}, {"\xed\xa0\x80!", "\\ufffd\\ufffd\\ufffd!"}, {"\xc3", "\\ufffd"}, {"\xc0\xaf", "\\ufffd\\ufffd"},
                                           {"\xf0\x9f\x9a\xb2", "\xf0\x9f\x9a\xb2"}, {"\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"}};
    struct geo_point points[2] = {{0, 0}, {0, 0}};
    struct geo_route route = {.point_count = 2, .points = points};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct geo_guide_step step = {.manoeuvre = GEO_RIGHT, .names = {names[i][0], names[i][0]}};
        struct geo_guide guide = {1, &step};
        struct geo_json_leg leg = {&route, &guide};
        struct geo_json_options options = {.language = GEO_ENGLISH};
        char *text, wanted[200];
        size_t size;
        assert_int_equal(geo_json_route(&leg, 1, &options, &text, &size), GEO_OK);
        snprintf(wanted, sizeof wanted, "\"name\":\"%s\",", names[i][1]);
        if (!strstr(text, wanted)) fail_msg("%s lacks %s", text, wanted);
        assert_non_null(strstr(text, "\"geometry\":{\"type\":\"Point\",\"coordinates\":[0.0000000,0.0000000]}")); /* a step without extent */
        free(text);
    }
}

/*  1 --- 2 ------- 3 --- 4      public road: 1-2, 3-4, and round by 2-5-6-3 (public)
 *        |  (8,9)  |            private, straight: 2-8-9-3, with a house at 8-9
 *        5 ------- 6                                                              */
#define NODE(id, lat, lon) "<node id='" #id "' lat='" #lat "' lon='" #lon "'/>"
#define WAY(id, refs, tags) "<way id='" #id "'>" refs tags "</way>"
#define REF(id) "<nd ref='" #id "'/>"
#define TAG(k, v) "<tag k='" k "' v='" v "'/>"
static const char COMPOUND[] = "<?xml version='1.0'?><osm version='0.6'>" NODE(1, 39.9000, 116.4000) NODE(2, 39.9000, 116.4030) NODE(3, 39.9000, 116.4070) NODE(4, 39.9000, 116.4100) NODE(5, 39.8985, 116.4030)
    NODE(6, 39.8985, 116.4070) NODE(8, 39.9002, 116.4040) NODE(9, 39.9002, 116.4060) WAY(1, REF(1) REF(2), TAG("highway", "residential")) WAY(2, REF(3) REF(4), TAG("highway", "residential"))
    WAY(3, REF(2) REF(5) REF(6) REF(3), TAG("highway", "residential")) WAY(4, REF(2) REF(8) REF(9) REF(3), TAG("highway", "service") TAG("access", "private")) "</osm>";

static bool passes(const struct geo_map *map, const struct geo_route *route, int64_t way)
{
    for (uint32_t i = 0; i < route->arc_count; i++)
        if (geo_map_graph(map)->arcs[route->arcs[i].arc].way == way) return true;
    return false;
}

static void test_private_compound_is_entered_at_the_end_and_not_passed_through(void **state)
{
    (void)state;
    for (int profile = 0; profile < GEO_PROFILE_COUNT; profile++) {
        char path[64];
        struct geo_graph *graph = NULL;
        struct geo_map *map = NULL;
        struct geo_metric *metric = NULL;
        struct geo_error error = {.text = ""};
        struct geo_osm_options options = geo_osm_options_default((enum geo_profile)profile);
        snprintf(path, sizeof path, "/tmp/geo-compound-%ld.mdmap", (long)getpid());
        assert_int_equal(geo_osm_build_bytes((const uint8_t *)COMPOUND, sizeof COMPOUND - 1, &options, &graph, &error), GEO_OK);
        assert_int_equal(geo_map_write(graph, path, &error), GEO_OK);
        assert_int_equal(geo_map_open(path, &map, &error), GEO_OK);
        assert_int_equal(geo_metric_new(map, &metric, &error), GEO_OK);
        struct geo_scratch *scratch = geo_scratch_new(map);
        struct geo_point asked[3] = {{399000000, 1164005000}, {399000000, 1164095000}, {399004000, 1164050000}}; /* west, east, the house */
        struct geo_snap west, east, house;
        struct geo_route route;
        assert_int_equal(geo_snap_nearest(map, asked[0], 100, &west, &error), GEO_OK);
        assert_int_equal(geo_snap_nearest(map, asked[1], 100, &east, &error), GEO_OK);
        assert_int_equal(geo_snap_nearest(map, asked[2], 100, &house, &error), GEO_OK);
        assert_int_equal(graph->arcs[house.arc].way, 4);
        assert_int_equal(geo_route_find(metric, scratch, &west, &house, &route, &error), GEO_OK);
        assert_true(passes(map, &route, 4) && !passes(map, &route, 3)); /* straight in ... */
        geo_route_free(&route);
        assert_int_equal(geo_route_find(metric, scratch, &house, &east, &route, &error), GEO_OK);
        assert_true(passes(map, &route, 4) && !passes(map, &route, 3)); /* ... and out on the other side */
        geo_route_free(&route);
        assert_int_equal(geo_route_find(metric, scratch, &west, &east, &route, &error), GEO_OK);
        if (profile != GEO_FOOT) assert_true(passes(map, &route, 3) && !passes(map, &route, 4)); /* ... but round it who drives past, though through it is half as far */
        geo_route_free(&route);
        geo_scratch_free(scratch);
        geo_metric_unref(metric);
        geo_map_unref(map);
        geo_graph_free(graph);
        unlink(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_writes_an_area), cmocka_unit_test(test_json_moves_to_the_other_datum_and_says_so), cmocka_unit_test(test_json_escapes_whatever_a_street_is_called),
        cmocka_unit_test(test_private_compound_is_entered_at_the_end_and_not_passed_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
