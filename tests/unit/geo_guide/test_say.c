/* A walk through a hand-made quarter, word for word in both languages; sides, via points, cut sentences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "geo_guide/geo_guide.h"
#include "geo_osm/geo_osm.h"

/*            5 (service, no name)
 *            |
 *         .--N--.
 *         W     E ---- 6 (Knowledge Road)       the circle goes S -> E -> N -> W
 *         '--S--'
 *            |         (中关村大街)
 *     1 ---- X ---- 2  (苏州街 / Suzhou Street)
 *            |
 *            4         (中关村大街)                                            */
#define NODE(id, lat, lon) "<node id='" #id "' lat='" #lat "' lon='" #lon "'/>"
#define TAG(k, v) "<tag k='" k "' v='" v "'/>"
#define REF(id) "<nd ref='" #id "'/>"
static const char QUARTER[] =
    "<?xml version='1.0'?><osm version='0.6'>" NODE(1, 39.900, 116.400) NODE(2, 39.900, 116.410) NODE(3, 39.900, 116.405) NODE(4, 39.895, 116.405)
    NODE(5, 39.911, 116.405) NODE(6, 39.906, 116.411) NODE(11, 39.905, 116.405) NODE(12, 39.906, 116.4062) NODE(13, 39.907, 116.405) NODE(14, 39.906, 116.4038)
    "<way id='1'>" REF(1) REF(3) REF(2) TAG("highway", "secondary") TAG("name", "苏州街") TAG("name:en", "Suzhou Street") "</way>"
    "<way id='2'>" REF(4) REF(3) REF(11) TAG("highway", "secondary") TAG("name", "中关村大街") "</way>"
    "<way id='3'>" REF(11) REF(12) REF(13) REF(14) REF(11) TAG("highway", "secondary") TAG("junction", "roundabout") "</way>"
    "<way id='4'>" REF(12) REF(6) TAG("highway", "residential") TAG("name:en", "Knowledge Road") "</way>"
    "<way id='5'>" REF(13) REF(5) TAG("highway", "service") "</way></osm>";

struct quarter {
    char path[64];
    struct geo_map *map;
    struct geo_metric *metric;
    struct geo_scratch *scratch;
};

static int setup(void **state)
{
    static struct quarter quarter;
    struct geo_graph *graph = NULL;
    struct geo_error error = {.text = ""};
    snprintf(quarter.path, sizeof quarter.path, "/tmp/geo-say-%ld.mdmap", (long)getpid());
    struct geo_osm_options options = geo_osm_options_default(GEO_EBIKE);
    if (geo_osm_build_bytes((const uint8_t *)QUARTER, sizeof QUARTER - 1, &options, &graph, &error) != GEO_OK || geo_map_write(graph, quarter.path, &error) != GEO_OK ||
        geo_map_open(quarter.path, &quarter.map, &error) != GEO_OK || geo_metric_new(quarter.map, &quarter.metric, &error) != GEO_OK ||
        !(quarter.scratch = geo_scratch_new(quarter.map))) {
        print_error("%s\n", error.text);
        return 1;
    }
    geo_graph_free(graph);
    *state = &quarter;
    return 0;
}

static int teardown(void **state)
{
    struct quarter *quarter = *state;
    geo_scratch_free(quarter->scratch);
    geo_metric_unref(quarter->metric);
    geo_map_unref(quarter->map);
    unlink(quarter->path);
    return 0;
}

static void check_walk(const struct quarter *quarter, struct geo_point from, struct geo_point to, uint32_t via, enum geo_language language, const char *const *lines)
{
    struct geo_snap ends[2];
    struct geo_route route;
    struct geo_guide guide;
    char text[GEO_GUIDE_TEXT_MAX];
    assert_int_equal(geo_snap_nearest(quarter->map, from, 100, &ends[0], NULL), GEO_OK);
    assert_int_equal(geo_snap_nearest(quarter->map, to, 100, &ends[1], NULL), GEO_OK);
    assert_int_equal(geo_route_find(quarter->metric, quarter->scratch, &ends[0], &ends[1], &route, NULL), GEO_OK);
    assert_int_equal(geo_guide_make(quarter->map, &route, &ends[1], via, &guide), GEO_OK);
    for (uint32_t i = 0; i < guide.step_count; i++) {
        size_t length = geo_guide_say(&guide.steps[i], language, text, sizeof text);
        assert_int_equal(length, strlen(text));
        if (!lines[i] || strcmp(text, lines[i]) != 0) fail_msg("step %u: '%s', not '%s'", i, text, lines[i] ? lines[i] : "(the end)");
    }
    assert_null(lines[guide.step_count]);
    geo_guide_free(&guide);
    geo_route_free(&route);
}

static const struct geo_point HOME = {399001000, 1164010000}, SERVICE = {399100000, 1164049000}, KNOWLEDGE = {399061000, 1164100000}, SOUTH = {398960000, 1164051000},
                              CIRCLE = {399064000, 1164043000}, EAST = {398999000, 1164090000};

static void test_say_walks_through_the_quarter_in_english(void **state)
{
    static const char *const lines[] = {"Head east on Suzhou Street and go 340 m", "Turn left onto 中关村大街 and go 560 m",
                                        "At the roundabout take the 2nd exit onto the service road and go 640 m", "You have arrived, on the left", NULL};
    check_walk(*state, HOME, SERVICE, 0, GEO_ENGLISH, lines);
}

static void test_say_walks_through_the_quarter_in_chinese(void **state)
{
    static const char *const lines[] = {"沿苏州街向东出发，前行340米", "左转进入中关村大街，前行560米", "进入环岛，从第2个出口驶入内部道路，前行640米", "到达目的地，在道路左侧", NULL};
    check_walk(*state, HOME, SERVICE, 0, GEO_CHINESE, lines);
}

static void test_say_straight_on_over_the_crossing_is_no_step(void **state)
{
    static const char *const lines[] = {"Head east on Suzhou Street and go 680 m", "You have reached stop 2, on the right", NULL};
    check_walk(*state, HOME, EAST, 2, GEO_ENGLISH, lines);
    static const char *const back[] = {"沿苏州街向西出发，前行680米", "到达第1个途经点，在道路右侧", NULL};
    check_walk(*state, EAST, HOME, 1, GEO_CHINESE, back);
}

static void test_say_counts_exits_round_the_circle(void **state)
{
    static const char *const lines[] = {"Head west on Knowledge Road and go 320 m", "At the roundabout take the 2nd exit onto 中关村大街 and go 1.5 km", "You have arrived, on the left", NULL};
    check_walk(*state, KNOWLEDGE, SOUTH, 0, GEO_ENGLISH, lines);
    static const char *const first[] = {"沿中关村大街向北出发，前行1.0公里", "进入环岛，从第1个出口驶入Knowledge Road，前行480米", "到达目的地，在道路左侧", NULL};
    check_walk(*state, SOUTH, KNOWLEDGE, 0, GEO_CHINESE, first);
}

static void test_say_begins_and_ends_on_the_circle(void **state)
{
    static const char *const leaving[] = {"Head southwest on the main road and go 210 m", "Leave the roundabout onto 中关村大街 and go 1.0 km", "You have arrived, on the left", NULL};
    check_walk(*state, CIRCLE, SOUTH, 0, GEO_ENGLISH, leaving);
    static const char *const ending[] = {"沿中关村大街向北出发，前行1.0公里", "进入环岛，前行390米", "到达目的地，在道路左侧", NULL};
    check_walk(*state, SOUTH, CIRCLE, 0, GEO_CHINESE, ending);
}

static void test_say_cuts_between_characters(void **state)
{
    (void)state;
    struct geo_guide_step step = {.manoeuvre = GEO_RIGHT, .names = {"Ä街", "Ä街"}, .length_dm = 1234};
    char whole[GEO_GUIDE_TEXT_MAX], part[GEO_GUIDE_TEXT_MAX];
    for (int language = 0; language < GEO_LANGUAGE_COUNT; language++) {
        size_t length = geo_guide_say(&step, (enum geo_language)language, whole, sizeof whole);
        for (size_t size = 1; size <= length + 1; size++) {
            size_t got = geo_guide_say(&step, (enum geo_language)language, part, size);
            assert_true(got < size && got + 4 >= size && part[got] == 0 && memcmp(whole, part, got) == 0);
            assert_true(((unsigned char)whole[got] & 0xc0) != 0x80);
        }
    }
    static const uint8_t exits[] = {1, 2, 3, 4, 11, 12, 13, 21, 22, 101, 111};
    static const char *const ordinals[] = {"1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "101st", "111th"};
    step.manoeuvre = GEO_ROUNDABOUT;
    for (size_t i = 0; i < sizeof exits; i++) {
        step.exit = exits[i];
        (void)geo_guide_say(&step, GEO_ENGLISH, whole, sizeof whole);
        if (!strstr(whole, ordinals[i])) fail_msg("%s lacks %s", whole, ordinals[i]);
    }
}

/* Every manoeuvre, street and side has words in every language. */
static void test_say_has_words_for_everything(void **state)
{
    (void)state;
    char text[GEO_GUIDE_TEXT_MAX];
    for (int manoeuvre = 0; manoeuvre < GEO_MANOEUVRE_COUNT; manoeuvre++) {
        assert_true(geo_manoeuvre_name((enum geo_manoeuvre)manoeuvre)[0] != 0);
        for (int i = 0; i < GEO_CLASS_COUNT * 2 * 2 * 3; i++) {
            struct geo_guide_step step = {.manoeuvre = (enum geo_manoeuvre)manoeuvre, .road_class = (uint8_t)(i % GEO_CLASS_COUNT), .stays = i / GEO_CLASS_COUNT % 2, .exit = 3,
                                          .side = (enum geo_side)(i % 3), .names = {"", ""}, .heading_deg = (uint16_t)(i * 7 % 360)};
            for (int language = 0; language < GEO_LANGUAGE_COUNT; language++) {
                assert_true(geo_guide_say(&step, (enum geo_language)language, text, sizeof text) > 8);
                assert_null(strchr(text, '%'));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_say_walks_through_the_quarter_in_english), cmocka_unit_test(test_say_walks_through_the_quarter_in_chinese),
        cmocka_unit_test(test_say_straight_on_over_the_crossing_is_no_step), cmocka_unit_test(test_say_counts_exits_round_the_circle),
        cmocka_unit_test(test_say_begins_and_ends_on_the_circle), cmocka_unit_test(test_say_cuts_between_characters),
        cmocka_unit_test(test_say_has_words_for_everything),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
