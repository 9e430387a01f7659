/* Steps against what the route itself says: sums, joins, names and angles, the angles by another formula; on random cities and real ones. */
#include "tests/unit/geo/random_graph.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "geo_guide/geo_guide.h"
#include "geo_osm/geo_osm.h"

static struct geo_point arc_point(const struct geo_graph *graph, const struct geo_arc *arc, uint32_t i)
{
    return graph->shape[arc->shape_first + (arc->reversed ? arc->shape_count - 1 - i : i)];
}

/* Degrees from north by the great circle, and NAN for one place. */
static double bearing(struct geo_point a, struct geo_point b)
{
    const double radians = 3.14159265358979323846 / 180e7;
    if (a.lat_e7 == b.lat_e7 && a.lon_e7 == b.lon_e7) return (double)NAN;
    double la = a.lat_e7 * radians, lb = b.lat_e7 * radians, turn = ((double)b.lon_e7 - a.lon_e7) * radians;
    return atan2(sin(turn) * cos(lb), cos(la) * sin(lb) - sin(la) * cos(lb) * cos(turn)) * 180 / 3.14159265358979323846;
}

/* The direction of the arc's first or last 15 m: the place is found by going along the whole line in steps of a centimetre's share. */
static double end_bearing(const struct geo_graph *graph, uint32_t a, bool arrives)
{
    const struct geo_arc *arc = &graph->arcs[a];
    double whole_m = 0;
    for (uint32_t i = 1; i < arc->shape_count; i++) whole_m += geo_distance_dm(arc_point(graph, arc, i - 1), arc_point(graph, arc, i)) / 10.0;
    double from_m = !arrives ? 0 : whole_m > 15 ? whole_m - 15 : 0, to_m = arrives ? whole_m : whole_m > 15 ? 15 : whole_m, at_m = 0;
    struct geo_point ends[2] = {arc_point(graph, arc, 0), arc_point(graph, arc, arc->shape_count - 1)};
    for (uint32_t i = 1; i < arc->shape_count; i++) {
        struct geo_point p = arc_point(graph, arc, i - 1), q = arc_point(graph, arc, i);
        double length_m = geo_distance_dm(p, q) / 10.0, wanted[2] = {from_m, to_m};
        for (int e = 0; e < 2; e++) {
            if (length_m <= 0 || wanted[e] < at_m || wanted[e] > at_m + length_m) continue;
            double share = (wanted[e] - at_m) / length_m;
            ends[e] = (struct geo_point){p.lat_e7 + (int32_t)(share * (q.lat_e7 - p.lat_e7)), p.lon_e7 + (int32_t)(share * (q.lon_e7 - p.lon_e7))};
        }
        at_m += length_m;
    }
    return bearing(ends[0], ends[1]);
}

/* How far two directions are apart, 0..180. */
static double apart(double a, double b)
{
    double d = fabs(fmod(a - b + 720, 360));
    return d > 180 ? 360 - d : d;
}

static bool is_turn(enum geo_manoeuvre m)
{
    return m >= GEO_CONTINUE && m <= GEO_SLIGHT_LEFT;
}

static void check_turn(const struct geo_graph *graph, const struct geo_guide_step *step, uint32_t before, uint32_t after)
{
    double in = end_bearing(graph, before, true), out = end_bearing(graph, after, false);
    assert_true(step->heading_deg < 360);
    if (!isnan(out)) assert_true(apart(step->heading_deg, out) < 3);
    if (isnan(in) || isnan(out)) return;
    double turn = fmod(out - in + 720, 360);
    if (turn > 180) turn -= 360;
    assert_true(apart(step->turn_deg, turn) < 3);
    if (!is_turn(step->manoeuvre)) return;
    static const double LOW[] = {[GEO_CONTINUE] = 0, [GEO_SLIGHT_RIGHT] = 20, [GEO_RIGHT] = 50, [GEO_SHARP_RIGHT] = 120, [GEO_UTURN] = 172, [GEO_SHARP_LEFT] = 120, [GEO_LEFT] = 50, [GEO_SLIGHT_LEFT] = 20};
    static const double HIGH[] = {[GEO_CONTINUE] = 20, [GEO_SLIGHT_RIGHT] = 50, [GEO_RIGHT] = 120, [GEO_SHARP_RIGHT] = 172, [GEO_UTURN] = 180, [GEO_SHARP_LEFT] = 172, [GEO_LEFT] = 120, [GEO_SLIGHT_LEFT] = 50};
    bool turns_round = graph->arcs[before].shape_first == graph->arcs[after].shape_first && graph->arcs[before].reversed != graph->arcs[after].reversed; /* into the same road */
    if (turns_round) assert_int_equal(step->manoeuvre, GEO_UTURN);
    else assert_true(fabs(turn) >= LOW[step->manoeuvre] - 3 && fabs(turn) <= HIGH[step->manoeuvre] + 3);
    if (fabs(turn) > 10 && fabs(turn) < 165) assert_int_equal(turn > 0, step->manoeuvre <= GEO_SHARP_RIGHT ? step->manoeuvre != GEO_CONTINUE || step->turn_deg > 0 : step->turn_deg > 0);
}

/* Everything that holds for any guide. Returns its steps. */
static uint32_t check_guide(const struct geo_map *map, const struct geo_route *route, const struct geo_snap *to)
{
    const struct geo_graph *graph = geo_map_graph(map);
    struct geo_guide guide;
    assert_int_equal(geo_guide_make(map, route, to, 0, &guide), GEO_OK);
    uint64_t ms = 0, dm = 0, m = 0;
    uint32_t arc = 0;
    assert_true(guide.step_count >= 2 && guide.steps[0].manoeuvre == GEO_DEPART && guide.steps[guide.step_count - 1].manoeuvre == GEO_ARRIVE);
    for (uint32_t i = 0; i < guide.step_count; i++) {
        const struct geo_guide_step *step = &guide.steps[i];
        assert_int_equal(step->point_first, i ? guide.steps[i - 1].point_last : 0); /* joined */
        assert_true(step->point_last >= step->point_first && step->point_last < route->point_count);
        assert_int_equal(route->at_ms[step->point_first], ms); /* one is there when the steps before have been done */
        if (is_turn(step->manoeuvre)) {
            assert_true(arc > 0);
            check_turn(graph, step, route->arcs[arc - 1].arc, route->arcs[arc].arc);
        }
        if (i > 0) assert_true(step->manoeuvre != GEO_DEPART);
        if (i + 1 < guide.step_count) assert_true(step->manoeuvre != GEO_ARRIVE);
        uint64_t own_ms = 0, own_dm = 0;
        while (arc < route->arc_count && (own_ms < step->travel_ms || own_dm < step->length_dm)) { /* a step is made of whole arcs */
            own_ms += route->arcs[arc].travel_ms;
            own_dm += route->arcs[arc++].length_dm;
        }
        assert_true(own_ms == step->travel_ms && own_dm == step->length_dm);
        ms += step->travel_ms;
        dm += step->length_dm;
        m += step->length_m;
    }
    while (arc < route->arc_count) {
        assert_true(route->arcs[arc].travel_ms == 0 && route->arcs[arc].length_dm == 0);
        arc++;
    }
    assert_true(ms == route->travel_ms && dm == route->length_dm && m == (dm + 5) / 10);
    assert_int_equal(guide.steps[guide.step_count - 1].point_last, route->point_count - 1);
    uint32_t count = guide.step_count;
    geo_guide_free(&guide);
    return count;
}

static void test_guide_adds_up_on_random_cities(void **state)
{
    (void)state;
    uint32_t steps = 0, routes = 0;
    for (uint64_t seed = 1; seed <= 120; seed++) {
        struct geo_graph *graph = random_graph(seed, 14, 34, seed % 3 ? 0 : 5);
        for (uint32_t i = 0; i < graph->arc_count; i++) { /* every fifth street is a circle, whatever it looks like */
            uint64_t street = graph->arcs[i].shape_first + seed;
            graph->arcs[i].flags = random_below(&street, 5) == 0 ? GEO_ARC_ROUNDABOUT : 0;
            graph->arcs[i].length_dm += graph->arcs[i].length_dm == 0;
            graph->arcs[i].travel_ms *= 10;
            graph->arcs[i].wait_ms = 0;
        }
        struct open_map open;
        open_map_init(&open, graph);
        uint64_t random = seed;
        for (int i = 0; i < 40; i++) {
            struct geo_snap from = random_snap(&random, graph), to = random_snap(&random, graph);
            struct geo_route route;
            if (geo_route_find(open.metric, open.scratch, &from, &to, &route, NULL) != GEO_OK) continue;
            steps += check_guide(open.map, &route, &to);
            routes++;
            geo_route_free(&route);
        }
        open_map_deinit(&open);
        geo_graph_free(graph);
    }
    assert_true(routes > 3000 && steps > routes * 5 / 2);
}

static void check_city(const char *name, uint32_t *roundabouts)
{
    const char *folder = getenv("MEDDISPATCH_DATA");
    char path[600];
    struct geo_graph *graph = NULL;
    struct geo_error error = {.text = ""};
    snprintf(path, sizeof path, "%s/osm/%s.osm.pbf", folder ? folder : "", name);
    if (access(path, R_OK) != 0) {
        print_message("%s is not there: not looked at\n", path);
        *roundabouts = GEO_NONE;
        return;
    }
    struct geo_osm_options options = geo_osm_options_default(GEO_CAR);
    assert_int_equal(geo_osm_build(path, &options, &graph, &error), GEO_OK);
    struct open_map open;
    open_map_init(&open, graph);
    uint64_t random = 11;
    for (int i = 0; i < 600; i++) {
        struct geo_snap from = random_snap(&random, graph), to = random_snap(&random, graph);
        struct geo_route route;
        struct geo_guide guide;
        assert_int_equal(geo_route_find(open.metric, open.scratch, &from, &to, &route, NULL), GEO_OK);
        uint32_t steps = check_guide(open.map, &route, &to);
        if (steps > 2 + route.arc_count) fail_msg("%u steps for %u arcs", steps, route.arc_count);
        assert_int_equal(geo_guide_make(open.map, &route, &to, 0, &guide), GEO_OK);
        for (uint32_t s = 0; s < guide.step_count; s++) *roundabouts += guide.steps[s].manoeuvre == GEO_ROUNDABOUT && guide.steps[s].exit > 0;
        geo_guide_free(&guide);
        geo_route_free(&route);
    }
    open_map_deinit(&open);
    geo_graph_free(graph);
}

static void test_guide_adds_up_on_real_cities(void **state)
{
    (void)state;
    uint32_t roundabouts = 0, none = 0;
    check_city("heidelberg", &roundabouts);
    check_city("beijing-2013", &none);
    assert_true(roundabouts > 20);
}

static void test_guide_refuses_a_route_of_another_map(void **state)
{
    (void)state;
    struct geo_graph *graph = random_graph(3, 6, 12, 0);
    struct open_map open;
    open_map_init(&open, graph);
    struct geo_point points[2] = {{0, 0}, {1, 1}};
    uint32_t at_ms[2] = {0, 1};
    struct geo_route_arc arc = {graph->arc_count, 1, 1, 0};
    struct geo_route route = {.point_count = 2, .points = points, .at_ms = at_ms, .arc_count = 1, .arcs = &arc};
    struct geo_snap to = {.arc = 0};
    struct geo_guide guide;
    assert_int_equal(geo_guide_make(open.map, &route, &to, 0, &guide), GEO_INVALID);
    arc = (struct geo_route_arc){0, 1, 1, 2};
    assert_int_equal(geo_guide_make(open.map, &route, &to, 0, &guide), GEO_INVALID);
    arc.point_first = 0;
    to.arc = GEO_NONE;
    assert_int_equal(geo_guide_make(open.map, &route, &to, 0, &guide), GEO_INVALID);
    route.arc_count = 0;
    assert_int_equal(geo_guide_make(open.map, &route, &to, 0, &guide), GEO_INVALID);
    open_map_deinit(&open);
    geo_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guide_adds_up_on_random_cities),
        cmocka_unit_test(test_guide_adds_up_on_real_cities),
        cmocka_unit_test(test_guide_refuses_a_route_of_another_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
