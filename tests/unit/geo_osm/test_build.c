/* What the graph of a small town must look like, one rule of the road at a time; and the three encodings of one map. */
#include "geo/osm/osm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "geo_osm/geo_osm.h"

/* A town of a square 1-2-3-4 with the middle 5: every side and spoke is a street of its own.
 *   1 --- 2
 *   |  5  |      spokes 15, 25, 35, 45
 *   4 --- 3 */
#define HEAD "<?xml version='1.0'?><osm version='0.6'>"
#define NODES                                                                                                      \
    "<node id='1' lat='31.21' lon='121.40'/><node id='2' lat='31.21' lon='121.41'/><node id='3' lat='31.20' lon='121.41'/>" \
    "<node id='4' lat='31.20' lon='121.40'/>"
#define MIDDLE "<node id='5' lat='31.205' lon='121.405'/>"
#define WAY(id, a, b, tags) "<way id='" #id "'><nd ref='" #a "'/><nd ref='" #b "'/>" tags "</way>"
#define TAG(k, v) "<tag k='" k "' v='" v "'/>"
#define STREET TAG("highway", "residential")
#define SIDES WAY(12, 1, 2, STREET) WAY(23, 2, 3, STREET) WAY(34, 3, 4, STREET) WAY(41, 4, 1, STREET)
#define SPOKES WAY(15, 1, 5, STREET) WAY(25, 2, 5, STREET) WAY(35, 3, 5, STREET) WAY(45, 4, 5, STREET)
#define TAIL "</osm>"

static struct geo_graph *town_with(const char *xml, struct geo_osm_options options)
{
    struct geo_graph *graph = NULL;
    struct geo_error error = {.text = ""};
    if (geo_osm_build_bytes((const uint8_t *)xml, strlen(xml), &options, &graph, &error) != GEO_OK) fail_msg("%s", error.text);
    assert_int_equal(geo_graph_check(graph, &error), GEO_OK);
    return graph;
}

static struct geo_graph *town(const char *xml, enum geo_profile profile)
{
    return town_with(xml, geo_osm_options_default(profile));
}

/* Where turning costs nothing, only restrictions make copies. */
static struct geo_graph *town_of_free_turns(const char *xml, enum geo_profile profile)
{
    struct geo_osm_options options = geo_osm_options_default(profile);
    options.uturn_ms = options.far_ms = options.signal_far_ms = 0;
    options.signal_near_percent = 100;
    return town_with(xml, options);
}

/* The arc of a way, standing for its copies, along or against its first direction; GEO_NONE if closed. */
static uint32_t arc_of(const struct geo_graph *graph, int64_t way, uint8_t reversed)
{
    for (uint32_t i = 0; i < graph->arc_count; i++)
        if (graph->arcs[i].way == way && graph->arcs[i].reversed == reversed && graph->arcs[i].twin == i) return i;
    return GEO_NONE;
}

static uint32_t arcs_of(const struct geo_graph *graph, int64_t way)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < graph->arc_count; i++) count += graph->arcs[i].way == way && graph->arcs[i].twin == i;
    return count;
}

/* May one drive from the way into the other, over the junction between them? */
static bool may_turn(const struct geo_graph *graph, int64_t from, int64_t to)
{
    for (uint32_t i = 0; i < graph->arc_count; i++)
        for (uint32_t k = 0; k < graph->arc_count; k++)
            if (graph->arcs[i].way == from && graph->arcs[k].way == to && graph->arcs[k].tail == graph->arcs[i].head) return true;
    return false;
}

static void test_build_makes_two_arcs_of_a_street(void **state)
{
    (void)state;
    struct geo_graph *graph = town(HEAD NODES MIDDLE SIDES SPOKES TAIL, GEO_EBIKE);
    assert_int_equal(graph->node_count, 5);
    assert_int_equal(graph->arc_count, 16);
    uint32_t arc = arc_of(graph, 12, 0);
    assert_int_equal(graph->arcs[graph->arcs[arc].reverse].reverse, arc);
    /* 0.01 degrees of longitude at 31.21 N: 951.1 m at 20 km/h */
    assert_in_range(graph->arcs[arc].length_dm, 9500, 9520);
    assert_in_range(graph->arcs[arc].travel_ms, 171000, 171400);
    geo_graph_free(graph);
}

static void test_build_obeys_oneways(void **state)
{
    (void)state;
    static const char xml[] = HEAD NODES MIDDLE SIDES WAY(15, 1, 5, STREET TAG("oneway", "yes")) WAY(25, 2, 5, STREET TAG("oneway", "-1"))
        WAY(35, 3, 5, STREET TAG("oneway", "yes") TAG("oneway:bicycle", "no")) WAY(45, 4, 5, STREET TAG("junction", "roundabout")) TAIL;
    struct geo_graph *bike = town(xml, GEO_EBIKE), *car = town(xml, GEO_CAR), *foot = town(xml, GEO_FOOT);
    assert_int_equal(arcs_of(bike, 15), 1);
    assert_int_equal(arcs_of(bike, 25), 1);
    assert_int_equal(arcs_of(bike, 35), 2);
    assert_int_equal(arcs_of(bike, 45), 1);
    assert_int_equal(arcs_of(car, 35), 1);
    assert_int_equal(arcs_of(foot, 15), 2);
    uint32_t arc = 0;
    while (bike->arcs[arc].way != 25) arc++;
    assert_int_equal(bike->nodes[bike->arcs[arc].tail].lon_e7, 1214050000); /* -1: from the middle out */
    geo_graph_free(bike);
    geo_graph_free(car);
    geo_graph_free(foot);
}

static void test_build_reads_access_by_the_most_telling_tag(void **state)
{
    (void)state;
    static const char xml[] = HEAD NODES MIDDLE SIDES WAY(15, 1, 5, STREET TAG("access", "no") TAG("bicycle", "yes"))
        WAY(25, 2, 5, STREET TAG("bicycle", "yes") TAG("moped", "no")) WAY(35, 3, 5, TAG("highway", "motorway") TAG("bicycle", "yes"))
            WAY(45, 4, 5, STREET TAG("name", "another, so that 5 stays a junction") TAG("motor_vehicle", "no")) TAIL;
    struct geo_graph *bike = town(xml, GEO_EBIKE), *car = town(xml, GEO_CAR);
    assert_int_equal(arcs_of(bike, 15), 2);
    assert_int_equal(arcs_of(bike, 25), 0);
    assert_int_equal(arcs_of(bike, 35), 0);
    assert_int_equal(arcs_of(bike, 45), 2);
    assert_int_equal(arcs_of(car, 15), 0);
    assert_int_equal(arcs_of(car, 45), 0);
    geo_graph_free(bike);
    geo_graph_free(car);
}

#define RESTRICTION(from, via, to, kind) \
    "<relation id='1'><member type='way' ref='" #from "' role='from'/>" via "<member type='way' ref='" #to "' role='to'/>" TAG("type", "restriction") kind "</relation>"
#define VIA_NODE "<member type='node' ref='5' role='via'/>"

static void test_build_obeys_a_no_turn(void **state)
{
    (void)state;
    struct geo_graph *graph = town_of_free_turns(HEAD NODES MIDDLE SIDES SPOKES RESTRICTION(15, VIA_NODE, 25, TAG("restriction", "no_left_turn")) TAIL, GEO_EBIKE);
    assert_int_equal(graph->stats.restrictions_obeyed, 1);
    assert_int_equal(graph->node_count, 6);
    assert_false(may_turn(graph, 15, 25));
    assert_true(may_turn(graph, 15, 35));
    assert_true(may_turn(graph, 25, 15));
    geo_graph_free(graph);
}

static void test_build_obeys_an_only_turn(void **state)
{
    (void)state;
    struct geo_graph *graph = town(HEAD NODES MIDDLE SIDES SPOKES RESTRICTION(15, VIA_NODE, 35, TAG("restriction", "only_straight_on")) TAIL, GEO_CAR);
    assert_true(may_turn(graph, 15, 35));
    assert_false(may_turn(graph, 15, 25));
    assert_false(may_turn(graph, 15, 45));
    assert_true(may_turn(graph, 25, 45));
    geo_graph_free(graph);
}

static void test_build_leaves_restrictions_of_others_alone(void **state)
{
    (void)state;
    struct geo_graph *graph =
        town(HEAD NODES MIDDLE SIDES SPOKES RESTRICTION(15, VIA_NODE, 25, TAG("restriction", "no_left_turn") TAG("except", "bicycle;psv")) TAIL, GEO_EBIKE);
    assert_int_equal(graph->stats.restrictions_obeyed, 0);
    assert_true(may_turn(graph, 15, 25));
    geo_graph_free(graph);
    graph = town(HEAD NODES MIDDLE SIDES SPOKES RESTRICTION(15, VIA_NODE, 25, TAG("restriction:conditional", "no_left_turn @ (07:00-09:00)")) TAIL, GEO_CAR);
    assert_int_equal(graph->stats.restrictions_conditional, 1);
    assert_true(may_turn(graph, 15, 25));
    geo_graph_free(graph);
    graph = town(HEAD NODES MIDDLE SIDES SPOKES RESTRICTION(15, VIA_NODE, 99, TAG("restriction", "no_left_turn")) TAIL, GEO_CAR);
    assert_int_equal(graph->stats.restrictions_ignored, 1);
    geo_graph_free(graph);
}

static void test_build_obeys_restrictions_by_vehicle(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        bool binds[GEO_PROFILE_COUNT];
    } keys[] = {
        {"restriction", {true, true, false}},          {"restriction:motorcar", {false, true, false}}, {"restriction:motor_vehicle", {false, true, false}},
        {"restriction:bicycle", {true, false, false}}, {"restriction:moped", {true, false, false}},    {"restriction:vehicle", {true, true, false}},
        {"restriction:foot", {false, false, true}},    {"restriction:hgv", {false, false, false}},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        for (unsigned profile = 0; profile < GEO_PROFILE_COUNT; profile++) {
            char xml[4096];
            int size = snprintf(xml, sizeof xml, HEAD NODES MIDDLE SIDES SPOKES RESTRICTION(15, VIA_NODE, 25, "<tag k='%s' v='no_left_turn'/>") TAIL, keys[i].key);
            assert_true(size > 0 && (size_t)size < sizeof xml);
            struct geo_graph *graph = town(xml, (enum geo_profile)profile);
            if (may_turn(graph, 15, 25) == keys[i].binds[profile]) fail_msg("%s, %s", keys[i].key, geo_profile_name((enum geo_profile)profile));
            geo_graph_free(graph);
        }
    }
}

static void test_build_obeys_a_restriction_through_a_way(void **state)
{
    (void)state;
    struct geo_graph *graph = town_of_free_turns(
        HEAD NODES MIDDLE SIDES SPOKES RESTRICTION(15, "<member type='way' ref='25' role='via'/>", 23, TAG("restriction", "no_u_turn")) TAIL, GEO_CAR);
    assert_int_equal(graph->stats.restrictions_obeyed, 1);
    /* two copies of nodes: in the middle (came by 15), at 2 (came by 15 and 25) */
    assert_int_equal(graph->node_count, 7);
    uint32_t barred = 0, open = 0;
    for (uint32_t i = 0; i < graph->arc_count; i++) {
        if (graph->arcs[i].way != 25 || graph->nodes[graph->arcs[i].head].lat_e7 != 312100000) continue;
        bool leads_on = false;
        for (uint32_t k = 0; k < graph->arc_count; k++) leads_on = leads_on || (graph->arcs[k].tail == graph->arcs[i].head && graph->arcs[k].way == 23);
        if (leads_on) open++;
        else barred++;
    }
    assert_int_equal(barred, 1);
    assert_int_equal(open, 1);
    geo_graph_free(graph);
}

/* Who came by 15 and 25 is under both rules: the long one about 23 and the short one about 12. */
static void test_build_obeys_restrictions_that_overlap(void **state)
{
    (void)state;
    struct geo_graph *graph = town(HEAD NODES MIDDLE SIDES SPOKES RESTRICTION(15, "<member type='way' ref='25' role='via'/>", 23, TAG("restriction", "no_u_turn"))
                                       RESTRICTION(25, "<member type='node' ref='2' role='via'/>", 12, TAG("restriction", "no_left_turn")) TAIL, GEO_CAR);
    assert_int_equal(graph->stats.restrictions_obeyed, 2);
    assert_false(may_turn(graph, 25, 12));
    assert_true(may_turn(graph, 25, 23));
    geo_graph_free(graph);
}

static void test_build_charges_and_blocks_at_barriers(void **state)
{
    (void)state;
    static const char bollard[] = HEAD NODES "<node id='5' lat='31.205' lon='121.405'>" TAG("barrier", "bollard") "</node>" SIDES SPOKES TAIL;
    struct geo_graph *bike = town(bollard, GEO_EBIKE), *car = town(bollard, GEO_CAR), *plain = town(HEAD NODES MIDDLE SIDES SPOKES TAIL, GEO_EBIKE);
    assert_int_equal(bike->node_count, 5);
    assert_int_equal(car->node_count, 8); /* the middle is four dead ends */
    struct geo_osm_options options = geo_osm_options_default(GEO_EBIKE);
    uint32_t in = arc_of(bike, 15, 0);
    assert_int_equal(bike->arcs[in].travel_ms, plain->arcs[arc_of(plain, 15, 0)].travel_ms + options.bollard_ms);
    assert_int_equal(bike->arcs[bike->arcs[in].reverse].travel_ms, plain->arcs[arc_of(plain, 15, 1)].travel_ms);
    geo_graph_free(bike);
    geo_graph_free(car);
    geo_graph_free(plain);
}

static void test_build_contracts_without_losing_time(void **state)
{
    (void)state;
    static const char bent[] = HEAD NODES MIDDLE "<node id='6' lat='31.21' lon='121.405'>" TAG("highway", "traffic_signals") "</node>"
        "<way id='12'><nd ref='1'/><nd ref='6'/><nd ref='2'/>" STREET "</way>" WAY(23, 2, 3, STREET) WAY(34, 3, 4, STREET) WAY(41, 4, 1, STREET) SPOKES TAIL;
    struct geo_graph *with = town(bent, GEO_EBIKE), *without = town(HEAD NODES MIDDLE SIDES SPOKES TAIL, GEO_EBIKE);
    struct geo_osm_options options = geo_osm_options_default(GEO_EBIKE);
    assert_int_equal(with->node_count, 5);
    const struct geo_arc *arc = &with->arcs[arc_of(with, 12, 0)];
    assert_int_equal(arc->shape_count, 3);
    assert_in_range(arc->travel_ms, without->arcs[arc_of(without, 12, 0)].travel_ms + options.signal_ms - 2, without->arcs[arc_of(without, 12, 0)].travel_ms + options.signal_ms + 2);
    geo_graph_free(with);
    geo_graph_free(without);
}

static void test_build_keeps_the_largest_part(void **state)
{
    (void)state;
    struct geo_graph *graph = town(HEAD NODES MIDDLE "<node id='8' lat='31.3' lon='121.5'/><node id='9' lat='31.3' lon='121.6'/>" SIDES SPOKES
                                       WAY(89, 8, 9, STREET) TAIL, GEO_EBIKE);
    assert_int_equal(graph->node_count, 5);
    assert_int_equal(graph->stats.nodes_dropped, 2);
    geo_graph_free(graph);
}

/* ---- one map, three encodings ---- */

static void test_build_gives_one_graph_for_three_encodings(void **state)
{
    (void)state;
    static const char *const maps[] = {"osrm-monaco.osm.pbf", "monaco-nondense.osm.pbf", "monaco-lz4.osm.pbf"};
    const char *folder = getenv("MEDDISPATCH_DATA");
    struct geo_graph *graph[3] = {NULL};
    for (int i = 0; i < 3; i++) {
        char path[1024];
        struct geo_error error = {.text = ""};
        (void)snprintf(path, sizeof path, "%s/osm/%s", folder ? folder : MEDDISPATCH_DATA_DEFAULT, maps[i]);
        if (access(path, R_OK) != 0) {
            print_message("%s is not there: skipped\n", path);
            skip();
        }
        assert_int_equal(geo_osm_build(path, NULL, &graph[i], &error), GEO_OK);
    }
    for (int i = 1; i < 3; i++) {
        assert_int_equal(graph[i]->node_count, graph[0]->node_count);
        assert_int_equal(graph[i]->arc_count, graph[0]->arc_count);
        assert_int_equal(graph[i]->shape_count, graph[0]->shape_count);
        assert_int_equal(graph[i]->name_bytes, graph[0]->name_bytes);
        assert_memory_equal(graph[i]->nodes, graph[0]->nodes, graph[0]->node_count * sizeof *graph[0]->nodes);
        assert_memory_equal(graph[i]->arcs, graph[0]->arcs, graph[0]->arc_count * sizeof *graph[0]->arcs);
        assert_memory_equal(graph[i]->shape, graph[0]->shape, graph[0]->shape_count * sizeof *graph[0]->shape);
        assert_memory_equal(graph[i]->names, graph[0]->names, graph[0]->name_bytes);
    }
    for (int i = 0; i < 3; i++) geo_graph_free(graph[i]);
}

/* The name of the one road of a small triangle whose first way bears the tags, in a language. */
static void check_names(const char *tags, const char *plain, const char *english, const char *chinese)
{
    char xml[2048];
    snprintf(xml, sizeof xml, HEAD NODES "<way id='12'><nd ref='1'/><nd ref='2'/>" STREET "%s</way>" WAY(23, 2, 3, STREET TAG("name", "Other")) WAY(31, 3, 1, STREET TAG("name", "A") TAG("name:en", "B")) TAIL, tags);
    struct geo_graph *graph = town(xml, GEO_EBIKE);
    const struct geo_arc *arc = &graph->arcs[arc_of(graph, 12, 0)], *third = &graph->arcs[arc_of(graph, 31, 0)];
    assert_string_equal(graph->names + arc->name, plain);
    assert_string_equal(geo_graph_name(graph, arc, GEO_ENGLISH), english);
    assert_string_equal(geo_graph_name(graph, arc, GEO_CHINESE), chinese);
    assert_string_equal(geo_graph_name(graph, third, GEO_ENGLISH), "B");
    assert_string_equal(geo_graph_name(graph, third, GEO_CHINESE), "A");
    geo_graph_free(graph);
}

static void test_build_keeps_a_name_in_both_languages(void **state)
{
    (void)state;
    check_names("", "", "", "");
    check_names(TAG("name", "A"), "A", "A", "A"); /* the same first text as another road's, but alone */
    check_names(TAG("name", "苏州街") TAG("name:en", "Suzhou Street"), "苏州街", "Suzhou Street", "苏州街");
    check_names(TAG("name", "苏州街") TAG("name:zh", "苏州街") TAG("name:en", "Suzhou Street"), "苏州街", "Suzhou Street", "苏州街");
    check_names(TAG("name", "彌敦道 Nathan Road") TAG("name:zh", "彌敦道") TAG("name:en", "Nathan Road"), "彌敦道 Nathan Road", "Nathan Road", "彌敦道");
    check_names(TAG("name", "Hauptstraße") TAG("name:zh", "主街"), "Hauptstraße", "Hauptstraße", "主街");
    check_names(TAG("name:en", "Ring"), "Ring", "Ring", "Ring");
    check_names(TAG("ref", "G4501"), "G4501", "G4501", "G4501");
}

static void test_build_marks_roundabouts(void **state)
{
    (void)state;
    struct geo_graph *graph = town(HEAD NODES MIDDLE "<way id='7'><nd ref='1'/><nd ref='4'/><nd ref='3'/><nd ref='2'/><nd ref='1'/>" STREET TAG("junction", "roundabout") "</way>"
                                   WAY(15, 1, 5, STREET) WAY(25, 2, 5, STREET) WAY(35, 3, 5, STREET) TAIL, GEO_EBIKE);
    uint32_t circle = 0;
    for (uint32_t i = 0; i < graph->arc_count; i++) {
        assert_int_equal(graph->arcs[i].flags, graph->arcs[i].way == 7 ? GEO_ARC_ROUNDABOUT : 0);
        circle += graph->arcs[i].way == 7;
    }
    assert_true(circle >= 3);
    graph->arcs[0].flags = 8;
    assert_int_equal(geo_graph_check(graph, NULL), GEO_INVALID);
    geo_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_build_makes_two_arcs_of_a_street),
        cmocka_unit_test(test_build_obeys_oneways),
        cmocka_unit_test(test_build_reads_access_by_the_most_telling_tag),
        cmocka_unit_test(test_build_obeys_a_no_turn),
        cmocka_unit_test(test_build_obeys_an_only_turn),
        cmocka_unit_test(test_build_leaves_restrictions_of_others_alone),
        cmocka_unit_test(test_build_obeys_restrictions_by_vehicle),
        cmocka_unit_test(test_build_obeys_a_restriction_through_a_way),
        cmocka_unit_test(test_build_obeys_restrictions_that_overlap),
        cmocka_unit_test(test_build_charges_and_blocks_at_barriers),
        cmocka_unit_test(test_build_contracts_without_losing_time),
        cmocka_unit_test(test_build_keeps_the_largest_part),
        cmocka_unit_test(test_build_keeps_a_name_in_both_languages),
        cmocka_unit_test(test_build_marks_roundabouts),
        cmocka_unit_test(test_build_gives_one_graph_for_three_encodings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
