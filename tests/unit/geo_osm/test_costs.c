/* What one turn costs, by the numbers of the profile: a crossing where every road, every light and the side one drives on is known.
 *
 *        1            Ways lead to the middle, node 5: 15 from the north, 25 from the east, 35 from the south, 45 from the west.
 *     4  5  2         A ring 12, 23, 34, 41 keeps the town in one piece. Roads are long: nobody turns round to save a turn.
 *        3 */
#include "geo_osm/geo_osm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const RING = "<way id='12'><nd ref='1'/><nd ref='2'/><tag k='highway' v='residential'/></way>"
                                "<way id='23'><nd ref='2'/><nd ref='3'/><tag k='highway' v='residential'/></way>"
                                "<way id='34'><nd ref='3'/><nd ref='4'/><tag k='highway' v='residential'/></way>"
                                "<way id='41'><nd ref='4'/><nd ref='1'/><tag k='highway' v='residential'/></way>";

static struct geo_graph *crossing(const char *middle_tags, const char *north_south, const char *east_west, const struct geo_osm_options *options)
{
    static char xml[8192];
    struct geo_graph *graph = NULL;
    struct geo_error error = {.text = ""};
    int size = snprintf(xml, sizeof xml,
                        "<osm version='0.6'><node id='1' lat='31.21' lon='121.40'/><node id='2' lat='31.20' lon='121.41'/><node id='3' lat='31.19' lon='121.40'/>"
                        "<node id='4' lat='31.20' lon='121.39'/><node id='5' lat='31.20' lon='121.40'>%s</node>"
                        "<way id='15'><nd ref='1'/><nd ref='5'/>%s</way><way id='35'><nd ref='3'/><nd ref='5'/>%s</way>"
                        "<way id='25'><nd ref='2'/><nd ref='5'/>%s</way><way id='45'><nd ref='4'/><nd ref='5'/>%s</way>%s</osm>",
                        middle_tags, north_south, north_south, east_west, east_west, RING);
    assert_true(size > 0 && (size_t)size < sizeof xml);
    if (geo_osm_build_bytes((const uint8_t *)xml, (size_t)size, options, &graph, &error) != GEO_OK) fail_msg("%s", error.text);
    assert_int_equal(geo_graph_check(graph, &error), GEO_OK);
    return graph;
}

/* From the way to the middle into the other way out of it: all that is paid there. */
static uint32_t cost(const struct geo_graph *graph, int64_t from, int64_t to)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < graph->arc_count; i++) {
        for (uint32_t k = 0; k < graph->arc_count; k++) {
            const struct geo_arc *in = &graph->arcs[i], *out = &graph->arcs[k];
            if (in->way != from || in->reversed || out->way != to || !out->reversed || out->tail != in->head) continue;
            if (in->wait_ms + out->turn_ms < best) best = in->wait_ms + out->turn_ms;
        }
    }
    return best;
}

#define SIGNALS "<tag k='highway' v='traffic_signals'/>"
#define STREET "<tag k='highway' v='residential'/>"
#define MAIN "<tag k='highway' v='secondary'/>"
#define MAIN_ONEWAY MAIN "<tag k='oneway' v='yes'/>"

static void test_costs_at_lights(void **state)
{
    (void)state;
    for (int left = 0; left < 2; left++) {
        struct geo_osm_options options = geo_osm_options_default(GEO_CAR);
        options.drives_left = left != 0;
        options.signal_ms = 10000;
        options.signal_near_percent = 30;
        options.signal_far_ms = 7000;
        options.uturn_ms = 11000;
        struct geo_graph *graph = crossing(SIGNALS, STREET, STREET, &options);
        int64_t to_east = left ? 45 : 25; /* who comes from the north and turns to his left goes east */
        int64_t to_west = left ? 25 : 45;
        assert_int_equal(cost(graph, 15, 35), 10000);
        assert_int_equal(cost(graph, 15, to_east), 17000);
        assert_int_equal(cost(graph, 15, to_west), 3000);
        assert_int_equal(graph->stats.junctions_charged >= 1, 1);
        geo_graph_free(graph);
    }
}

static void test_costs_without_lights_where_a_main_road_arrives(void **state)
{
    (void)state;
    struct geo_osm_options options = geo_osm_options_default(GEO_EBIKE);
    options.far_ms = 4321;
    struct geo_graph *quiet = crossing("", STREET, STREET, &options), *busy = crossing("", STREET, MAIN, &options);
    assert_int_equal(cost(quiet, 15, 25), 0);
    assert_int_equal(cost(quiet, 15, 45), 0);
    assert_int_equal(cost(busy, 15, 25), 4321);
    assert_int_equal(cost(busy, 25, 35), 4321); /* main road to street: across the oncoming lane */
    assert_int_equal(cost(busy, 15, 35), 0);
    assert_int_equal(cost(busy, 15, 45), 0);
    assert_int_equal(cost(busy, 25, 15), 0);
    geo_graph_free(quiet);
    geo_graph_free(busy);
}

static void test_costs_nothing_to_leave_the_only_main_road(void **state)
{
    (void)state;
    struct geo_osm_options options = geo_osm_options_default(GEO_CAR);
    /* East to west in one direction: 25 arrives; 45 points at the middle, so it arrives too. Only one of them is drawn main. */
    struct geo_graph *graph = crossing("", STREET, MAIN_ONEWAY, &options);
    assert_int_equal(cost(graph, 15, 25), UINT32_MAX); /* one cannot leave against it */
    assert_int_equal(cost(graph, 25, 35), options.far_ms); /* 45 comes the other way */
    geo_graph_free(graph);
}

static void test_costs_nothing_on_foot(void **state)
{
    (void)state;
    struct geo_osm_options options = geo_osm_options_default(GEO_FOOT);
    struct geo_graph *graph = crossing(SIGNALS, MAIN, MAIN, &options);
    assert_int_equal(graph->node_count, 5);
    assert_int_equal(cost(graph, 15, 25), options.signal_ms);
    assert_int_equal(cost(graph, 15, 45), options.signal_ms);
    assert_int_equal(graph->stats.junctions_charged, 0);
    geo_graph_free(graph);
}

/* The lights of one direction only are no lights to the others, whatever else the node costs. */
static void test_costs_of_lights_that_face_one_way(void **state)
{
    (void)state;
    struct geo_osm_options options = geo_osm_options_default(GEO_EBIKE);
    struct geo_graph *graph = crossing(SIGNALS "<tag k='traffic_signals:direction' v='backward'/><tag k='barrier' v='bollard'/>", STREET, STREET, &options);
    assert_int_equal(cost(graph, 15, 45), options.bollard_ms); /* every way leads to the middle along itself */
    assert_int_equal(cost(graph, 15, 25), options.bollard_ms);
    geo_graph_free(graph);
}

static void test_costs_of_turning_round(void **state)
{
    (void)state;
    struct geo_osm_options options = geo_osm_options_default(GEO_CAR);
    static const char xml[] = "<osm version='0.6'><node id='1' lat='31.2' lon='121.4'/><node id='2' lat='31.2' lon='121.41'/><node id='3' lat='31.2' lon='121.42'/>"
                              "<node id='4' lat='31.21' lon='121.41'/><way id='12'><nd ref='1'/><nd ref='2'/>" STREET "</way><way id='23'><nd ref='2'/><nd ref='3'/>" STREET
                              "</way><way id='24'><nd ref='2'/><nd ref='4'/>" STREET "</way></osm>";
    struct geo_graph *graph = NULL;
    assert_int_equal(geo_osm_build_bytes((const uint8_t *)xml, sizeof xml - 1, &options, &graph, NULL), GEO_OK);
    for (uint32_t i = 0; i < graph->arc_count; i++) {
        const struct geo_arc *arc = &graph->arcs[i];
        bool ends_dead = (arc->way == 12) == (arc->reversed != 0);
        assert_int_equal(arc->wait_ms, ends_dead ? options.uturn_ms : 0);
    }
    assert_int_equal(graph->node_count, 4); /* a dead end needs no copy, and nobody turns round in the middle of long roads */
    geo_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_costs_at_lights),
        cmocka_unit_test(test_costs_without_lights_where_a_main_road_arrives),
        cmocka_unit_test(test_costs_nothing_to_leave_the_only_main_road),
        cmocka_unit_test(test_costs_nothing_on_foot),
        cmocka_unit_test(test_costs_of_lights_that_face_one_way),
        cmocka_unit_test(test_costs_of_turning_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
