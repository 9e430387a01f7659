/* Distance, matrix and label against an oracle that shares nothing with them: Bellman-Ford over an edge list with the two stops as nodes of
 * their own, times and lengths as pairs. */
#include "near.h"
#include "geo_cch/geo_cch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { EDGES_MAX = 8192, VERTICES_MAX = 2100 };

struct pair {
    uint64_t ms, dm;
};
struct edge {
    uint32_t from, to;
    struct pair cost;
};
struct oracle {
    const struct geo_graph *graph;
    struct edge edges[EDGES_MAX];
    uint32_t edge_count;
    struct pair best[VERTICES_MAX];
};
static struct oracle oracle;
static const struct pair NEVER = {UINT64_MAX, UINT64_MAX};

static bool is_less(struct pair a, struct pair b)
{
    return a.ms != b.ms ? a.ms < b.ms : a.dm < b.dm;
}

static void edge(uint32_t from, uint32_t to, uint64_t ms, uint64_t dm)
{
    assert_true(oracle.edge_count < EDGES_MAX);
    oracle.edges[oracle.edge_count++] = (struct edge){from, to, {ms, dm}};
}

static uint64_t part(uint64_t whole, uint64_t offset)
{
    return whole * offset >> 16;
}

/* Where a stop lies on arc `a`, if that is a direction of its road; -1 if not. A road is known by its geometry, not by twin and reverse. */
static int64_t offset_on(const struct geo_graph *graph, const struct geo_snap *snap, uint32_t a)
{
    const struct geo_arc *own = &graph->arcs[snap->arc], *arc = &graph->arcs[a];
    if (own->shape_first != arc->shape_first) return -1;
    return own->reversed == arc->reversed ? (int64_t)snap->offset : GEO_OFFSET_ONE - (int64_t)snap->offset;
}

/* What each arc takes now, GEO_UNREACHABLE if it is closed; NULL: as the map says. */
static const uint32_t *now_ms;

/* From one vertex to all, or to it from all. */
static void oracle_solve(uint32_t start, uint32_t vertices, bool backwards)
{
    for (uint32_t v = 0; v < vertices; v++) oracle.best[v] = NEVER;
    oracle.best[start] = (struct pair){0, 0};
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t e = 0; e < oracle.edge_count; e++) {
            const struct edge *step = &oracle.edges[e];
            struct pair at = oracle.best[backwards ? step->to : step->from];
            if (at.ms == NEVER.ms) continue;
            struct pair sum = {at.ms + step->cost.ms, at.dm + step->cost.dm};
            uint32_t next = backwards ? step->from : step->to;
            if (!is_less(sum, oracle.best[next])) continue;
            oracle.best[next] = sum;
            changed = true;
        }
    }
}

static struct pair oracle_ask(const struct geo_graph *graph, const struct geo_snap *from, const struct geo_snap *to)
{
    uint32_t source = graph->node_count, target = source + 1;
    oracle.edge_count = 0;
    for (uint32_t a = 0; a < graph->arc_count; a++) {
        const struct geo_arc *arc = &graph->arcs[a];
        int64_t leave = offset_on(graph, from, a), arrive = offset_on(graph, to, a);
        bool is_closed = now_ms && now_ms[a] == GEO_UNREACHABLE;
        uint64_t ms = now_ms && !is_closed ? now_ms[a] : arc->travel_ms, dm = arc->length_dm, drive = ms - (arc->wait_ms < ms ? arc->wait_ms : ms);
        if (!is_closed) edge(arc->tail, arc->head, arc->turn_ms + ms, dm);
        if (leave >= 0) edge(source, arc->head, ms - part(drive, (uint64_t)leave), dm - part(dm, (uint64_t)leave));
        if (arrive >= 0) edge(arc->tail, target, arc->turn_ms + part(drive, (uint64_t)arrive), part(dm, (uint64_t)arrive));
        if (leave >= 0 && arrive >= leave)
            edge(source, target, part(drive, (uint64_t)arrive) - part(drive, (uint64_t)leave), part(dm, (uint64_t)arrive) - part(dm, (uint64_t)leave));
    }
    oracle_solve(source, target + 1, false);
    return oracle.best[target];
}

static void expect_pair(struct pair wanted, uint32_t ms, uint32_t dm, const char *who, uint64_t seed)
{
    uint32_t wanted_ms = wanted.ms == NEVER.ms ? GEO_UNREACHABLE : (uint32_t)wanted.ms, wanted_dm = wanted.ms == NEVER.ms ? GEO_UNREACHABLE : (uint32_t)wanted.dm;
    if (ms == wanted_ms && dm == wanted_dm) return;
    fail_msg("seed %llu: %s says %u ms %u dm, the oracle %u ms %u dm", (unsigned long long)seed, who, ms, dm, wanted_ms, wanted_dm);
}

/* A stop beside another on the same road, now and then, in either direction. */
static struct geo_snap stop_near(uint64_t *state, const struct geo_graph *graph, const struct geo_snap *other)
{
    struct geo_snap snap = random_snap(state, graph);
    if (random_below(state, 3)) return snap;
    snap.arc = other->arc;
    if (random_below(state, 2) && graph->arcs[snap.arc].reverse != GEO_NONE) snap.arc = graph->arcs[snap.arc].reverse;
    if (random_below(state, 4) == 0) snap.offset = other->offset;
    snap.at = walk_to(graph, snap.arc, snap.offset);
    return snap;
}

static void check_route(const struct open_map *open, const struct geo_snap *from, const struct geo_snap *to, struct pair wanted, uint64_t seed)
{
    struct geo_route route;
    struct geo_error error = {0};
    enum geo_status rc = geo_route_find(open->metric, open->scratch, from, to, &route, &error);
    if (wanted.ms == NEVER.ms) {
        assert_int_equal(rc, GEO_NOT_FOUND);
        assert_true(error.text[0] != 0);
        return;
    }
    assert_int_equal(rc, GEO_OK);
    expect_pair(wanted, route.travel_ms, route.length_dm, "route", seed);
    assert_true(route.point_count >= 1 && route.step_count >= 1);
    uint32_t ms = 0, dm = 0;
    for (uint32_t i = 0; i < route.step_count; i++) {
        assert_true(route.steps[i].point_first < route.point_count);
        assert_int_equal(route.at_ms[route.steps[i].point_first], ms); /* a step begins when those before it have been done */
        ms += route.steps[i].travel_ms;
        dm += route.steps[i].length_dm;
        if (i > 0) assert_true(strcmp(route.steps[i].name, route.steps[i - 1].name) != 0 && route.steps[i].point_first >= route.steps[i - 1].point_first);
    }
    expect_pair(wanted, ms, dm, "the sum of the route's steps", seed);
    assert_int_equal(route.at_ms[0], 0);
    for (uint32_t i = 1; i < route.point_count; i++) assert_true(route.at_ms[i] >= route.at_ms[i - 1]);
    assert_int_equal(route.at_ms[route.point_count - 1], route.travel_ms);
    assert_memory_equal(&route.points[0], &from->at, sizeof from->at);
    assert_memory_equal(&route.points[route.point_count - 1], &to->at, sizeof to->at);
    geo_route_free(&route);
}

enum { STOPS = 7 };

/* One to all and all to one, against the vertices that the last question left. */
static void check_reach(const struct open_map *open, const struct geo_graph *graph, const struct geo_snap *from, const struct geo_snap *to, uint64_t seed)
{
    uint32_t node_ms[VERTICES_MAX], limit_ms = (uint32_t)(seed % 3 == 0 ? 700 : GEO_UNREACHABLE);
    for (int backwards = 0; backwards < 2; backwards++) {
        (void)oracle_ask(graph, from, to);
        oracle_solve(graph->node_count + (uint32_t)backwards, graph->node_count + 2, backwards);
        assert_int_equal(backwards ? geo_reach_to(open->metric, open->scratch, to, limit_ms, node_ms) : geo_reach_from(open->metric, open->scratch, from, limit_ms, node_ms), GEO_OK);
        for (uint32_t n = 0; n < graph->node_count; n++) {
            uint64_t ms = oracle.best[n].ms;
            uint32_t wanted = ms == NEVER.ms || ms > limit_ms ? GEO_UNREACHABLE : (uint32_t)ms;
            if (node_ms[n] != wanted) fail_msg("seed %llu: node %u is reached in %u, the oracle says %u", (unsigned long long)seed, n, node_ms[n], wanted);
        }
    }
}

/* Everything that answers, under the metric as it is. */
static void check_metric(const struct open_map *open, const struct geo_graph *graph, const struct geo_snap *sources, const struct geo_snap *targets, uint64_t seed)
{
    uint32_t ms[STOPS * STOPS], dm[STOPS * STOPS], lone_ms[STOPS * STOPS];
    struct geo_label *leaving[STOPS];
    assert_int_equal(geo_matrix(open->metric, open->scratch, sources, STOPS, targets, STOPS, ms, dm), GEO_OK);
    assert_int_equal(geo_matrix(open->metric, open->scratch, sources, STOPS, targets, STOPS, lone_ms, NULL), GEO_OK);
    assert_memory_equal(ms, lone_ms, sizeof ms);
    for (int s = 0; s < STOPS; s++) assert_int_equal(geo_label_new(open->metric, open->scratch, &sources[s], &leaving[s]), GEO_OK);
    for (int t = 0; t < STOPS; t++) {
        struct geo_label *label;
        assert_int_equal(geo_label_new(open->metric, open->scratch, &targets[t], &label), GEO_OK);
        for (int s = 0; s < STOPS; s++) {
            struct pair wanted = oracle_ask(graph, &sources[s], &targets[t]);
            uint32_t a = 0, b = 0;
            enum geo_status rc = geo_distance(open->metric, open->scratch, &sources[s], &targets[t], &a, &b);
            assert_int_equal(rc, wanted.ms == NEVER.ms ? GEO_NOT_FOUND : GEO_OK);
            expect_pair(wanted, a, b, "distance", seed);
            expect_pair(wanted, ms[s * STOPS + t], dm[s * STOPS + t], "matrix", seed);
            geo_label_from(label, open->scratch, &sources[s], &a, &b);
            expect_pair(wanted, a, b, "label", seed);
            geo_label_pair(leaving[s], label, &a, &b);
            expect_pair(wanted, a, b, "pair of labels", seed);
            check_route(open, &sources[s], &targets[t], wanted, seed);
        }
        geo_label_free(label);
        uint32_t column_ms[STOPS], column_dm[STOPS]; /* by now known to be the oracle's */
        for (int s = 0; s < STOPS; s++) {
            column_ms[s] = ms[s * STOPS + t];
            column_dm[s] = dm[s * STOPS + t];
        }
        const char *fault = (uint64_t)t != seed % STOPS ? NULL : near_fault(open, sources, STOPS, &targets[t], column_ms, column_dm);
        if (fault) fail_msg("seed %llu: the nearest of target %d: %s", (unsigned long long)seed, t, fault);
    }
    for (int s = 0; s < STOPS; s++) geo_label_free(leaving[s]);
    check_reach(open, graph, &sources[seed % STOPS], &targets[seed / 7 % STOPS], seed);
}

/* Some roads closed, opened again, slowed, or free: first by a change of the old metric, then the same from nothing. */
static void check_changes(struct open_map *open, const struct geo_graph *graph, const struct geo_snap *sources, const struct geo_snap *targets, uint64_t seed)
{
    uint64_t state = seed + 77;
    uint32_t *ms = calloc(graph->arc_count, sizeof *ms);
    for (uint32_t a = 0; a < graph->arc_count; a++) ms[a] = graph->arcs[a].travel_ms;
    now_ms = ms;
    for (int round = 0; round < 3; round++) {
        struct geo_arc_time changes[5];
        for (int i = 0; i < 5; i++) {
            uint32_t kind = random_below(&state, 4), arc = random_below(&state, graph->arc_count);
            changes[i] = (struct geo_arc_time){arc, kind == 0 ? GEO_UNREACHABLE : kind == 1 ? 0 : random_below(&state, 2000)};
            for (uint32_t a = 0; a < graph->arc_count; a++) /* of all copies, known by their geometry */
                if (graph->arcs[a].shape_first == graph->arcs[arc].shape_first && graph->arcs[a].reversed == graph->arcs[arc].reversed) ms[a] = changes[i].travel_ms;
        }
        struct geo_metric *changed, *whole, *first = open->metric;
        assert_int_equal(geo_metric_change(first, changes, 5, &changed, NULL), GEO_OK);
        assert_int_equal(geo_metric_timed_by(open->map, ms, 1 + (unsigned)(seed + (uint64_t)round) % 4, &whole, NULL), GEO_OK);
        for (uint32_t a = 0; a < graph->arc_count; a++) assert_true(geo_metric_travel_ms(changed, a) == ms[a] && geo_metric_travel_ms(whole, a) == ms[a]);
        open->metric = whole;
        check_metric(open, graph, sources, targets, seed);
        open->metric = changed;
        check_metric(open, graph, sources, targets, seed);
        geo_metric_unref(whole);
        geo_metric_unref(first);
    }
    now_ms = NULL;
    free(ms);
}

static void check_pairs(uint64_t seed, uint32_t nodes, uint32_t roads, uint32_t splits)
{
    struct geo_graph *graph = random_graph(seed, nodes, roads, splits);
    struct open_map open;
    open_map_init(&open, graph);
    uint64_t state = seed;
    struct geo_snap sources[STOPS], targets[STOPS];
    for (int i = 0; i < STOPS; i++) {
        sources[i] = random_snap(&state, graph);
        targets[i] = stop_near(&state, graph, &sources[i]);
    }
    static const char *const KINDS[] = {"portable", "avx2", "avx512"};
    if (!cch_kernels_force(KINDS[seed % 3])) (void)cch_kernels_force(NULL); /* all kinds that this processor has */
    check_metric(&open, graph, sources, targets, seed);
    check_changes(&open, graph, sources, targets, seed);
    (void)cch_kernels_force(NULL);
    open_map_deinit(&open);
    geo_graph_free(graph);
}

static void test_query_agrees_with_the_oracle_on_sparse_cities(void **context)
{
    (void)context;
    for (uint64_t seed = 1; seed <= 400; seed++) check_pairs(seed, 8, 11, 0);
}

static void test_query_agrees_with_the_oracle_on_dense_cities(void **context)
{
    (void)context;
    for (uint64_t seed = 1000; seed < 1150; seed++) check_pairs(seed, 30, 90, 0);
}

static void test_query_agrees_with_the_oracle_where_junctions_are_split(void **context)
{
    (void)context;
    for (uint64_t seed = 2000; seed < 2400; seed++) check_pairs(seed, 10, 25, 6);
}

static void test_query_agrees_with_the_oracle_on_larger_cities(void **context)
{
    (void)context;
    for (uint64_t seed = 3000; seed < 3030; seed++) check_pairs(seed, 150, 320, 20);
    for (uint64_t seed = 3100; seed < 3102; seed++) check_pairs(seed, 600, 1400, 0); /* so dense that the top has nodes of more than 128 arcs */
}

/* Two junctions, one road, by hand: 0 -> 1 takes 100 ms, 1 -> 0 takes 300. */
static struct geo_graph *one_road(bool two_way)
{
    struct geo_graph *graph = random_graph(1, 2, 0, 0);
    graph->shape[0] = graph->nodes[0];
    graph->shape[1] = graph->nodes[1];
    graph->shape_count = 2;
    graph->arcs[0] = (struct geo_arc){.tail = 0, .head = 1, .travel_ms = 100, .length_dm = 1000, .shape_count = 2, .reverse = two_way ? 1 : GEO_NONE, .snappable = 1, .twin = 0};
    graph->arcs[1] = (struct geo_arc){.tail = 1, .head = 0, .travel_ms = 300, .length_dm = 1000, .shape_count = 2, .reverse = 0, .reversed = 1, .snappable = 1, .twin = 1};
    graph->arc_count = two_way ? 2 : 1;
    return graph;
}

static void test_distance_uses_both_directions_of_a_road(void **context)
{
    (void)context;
    struct geo_graph *graph = one_road(true);
    struct open_map open;
    open_map_init(&open, graph);
    struct geo_snap quarter = {.arc = 0, .offset = GEO_OFFSET_ONE / 4}, three = {.arc = 1, .offset = GEO_OFFSET_ONE / 4};
    uint32_t ms, dm;
    assert_int_equal(geo_distance(open.metric, open.scratch, &quarter, &three, &ms, &dm), GEO_OK);
    assert_int_equal(ms, 50); /* along the arc */
    assert_int_equal(dm, 500);
    assert_int_equal(geo_distance(open.metric, open.scratch, &three, &quarter, &ms, NULL), GEO_OK);
    assert_int_equal(ms, 150); /* along its reverse */
    assert_int_equal(geo_distance(open.metric, open.scratch, &three, &three, NULL, &dm), GEO_OK);
    assert_int_equal(dm, 0);
    open_map_deinit(&open);
    geo_graph_free(graph);
}

static void test_distance_does_not_go_back_on_a_one_way(void **context)
{
    (void)context;
    struct geo_graph *graph = one_road(false);
    struct open_map open;
    open_map_init(&open, graph);
    struct geo_snap early = {.arc = 0, .offset = 10}, late = {.arc = 0, .offset = 60000};
    uint32_t ms;
    assert_int_equal(geo_distance(open.metric, open.scratch, &early, &late, &ms, NULL), GEO_OK);
    assert_int_equal(geo_distance(open.metric, open.scratch, &late, &early, &ms, NULL), GEO_NOT_FOUND);
    assert_int_equal(ms, GEO_UNREACHABLE);
    open_map_deinit(&open);
    geo_graph_free(graph);
}

static void test_query_refuses_a_stop_of_another_map(void **context)
{
    (void)context;
    struct geo_graph *graph = one_road(true);
    struct open_map open;
    open_map_init(&open, graph);
    struct geo_snap good = {.arc = 0}, bad[] = {{.arc = 2}, {.arc = GEO_NONE}, {.arc = 1, .offset = GEO_OFFSET_ONE + 1}};
    struct geo_label *label, *none = NULL;
    struct geo_route route;
    struct geo_near near;
    uint32_t ms, near_count;
    assert_int_equal(geo_label_new(open.metric, open.scratch, &good, &label), GEO_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(geo_distance(open.metric, open.scratch, &bad[i], &good, &ms, NULL), GEO_INVALID);
        assert_int_equal(geo_distance(open.metric, open.scratch, &good, &bad[i], &ms, NULL), GEO_INVALID);
        assert_int_equal(geo_matrix(open.metric, open.scratch, &good, 1, &bad[i], 1, &ms, NULL), GEO_INVALID);
        assert_int_equal(geo_route_find(open.metric, open.scratch, &bad[i], &good, &route, NULL), GEO_INVALID);
        assert_int_equal(geo_nearest(open.metric, open.scratch, &bad[i], 1, &good, GEO_UNREACHABLE, &near, 1, &near_count), GEO_INVALID);
        assert_int_equal(geo_nearest(open.metric, open.scratch, &good, 1, &bad[i], GEO_UNREACHABLE, &near, 1, &near_count), GEO_INVALID);
        assert_int_equal(geo_label_new(open.metric, open.scratch, &bad[i], &none), GEO_INVALID);
        geo_label_from(label, open.scratch, &bad[i], &ms, NULL);
        assert_int_equal(ms, GEO_UNREACHABLE);
    }
    assert_int_equal(geo_matrix(open.metric, open.scratch, &good, 20000, &good, 20000, &ms, NULL), GEO_LIMIT);
    assert_int_equal(geo_matrix(open.metric, open.scratch, &good, 1, &good, 0, &ms, NULL), GEO_OK);
    geo_label_free(label);
    open_map_deinit(&open);
    geo_graph_free(graph);
}

/* Whatever the file's times are, sums stay right up to the bound and searches end; what would be as long as the bound is no way. */
static void test_query_survives_times_at_the_bound(void **context)
{
    (void)context;
    uint32_t finite = 0, endless = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct geo_graph *graph = random_graph(seed, 12, 30, 0);
        uint64_t state = seed;
        for (uint32_t a = 0; a < graph->arc_count; a++) {
            graph->arcs[a].travel_ms = random_below(&state, 2) ? GEO_FINITE_MAX - 1 : GEO_FINITE_MAX / 4;
            graph->arcs[a].length_dm = seed % 2 ? 0 : UINT32_MAX / 16;
        }
        struct open_map open;
        open_map_init(&open, graph);
        for (int i = 0; i < 30; i++) {
            struct geo_snap from = random_snap(&state, graph), to = random_snap(&state, graph);
            struct pair wanted = oracle_ask(graph, &from, &to);
            bool is_finite = wanted.ms < GEO_FINITE_MAX;
            struct geo_label *label;
            uint32_t ms, label_ms, matrix_ms;
            assert_int_equal(geo_distance(open.metric, open.scratch, &from, &to, &ms, NULL), is_finite ? GEO_OK : GEO_NOT_FOUND);
            assert_int_equal(ms, is_finite ? wanted.ms : GEO_UNREACHABLE);
            assert_int_equal(geo_matrix(open.metric, open.scratch, &from, 1, &to, 1, &matrix_ms, NULL), GEO_OK);
            assert_int_equal(geo_label_new(open.metric, open.scratch, &to, &label), GEO_OK);
            geo_label_from(label, open.scratch, &from, &label_ms, NULL);
            geo_label_free(label);
            assert_true(matrix_ms == ms && label_ms == ms);
            finite += is_finite;
            endless += wanted.ms != NEVER.ms && !is_finite;
        }
        open_map_deinit(&open);
        geo_graph_free(graph);
    }
    assert_true(finite > 100 && endless > 100);
}

/* A label keeps what it needs alive. */
static void test_label_outlives_the_metric_it_was_made_with(void **context)
{
    (void)context;
    struct geo_graph *graph = one_road(true);
    struct open_map open;
    open_map_init(&open, graph);
    struct geo_snap from = {.arc = 0}, to = {.arc = 0, .offset = GEO_OFFSET_ONE};
    struct geo_label *label, *leaving;
    uint32_t ms, dm;
    assert_int_equal(geo_label_new(open.metric, open.scratch, &to, &label), GEO_OK);
    assert_int_equal(geo_label_new(open.metric, open.scratch, &from, &leaving), GEO_OK);
    assert_true(geo_label_bytes(label) >= 16 && geo_label_bytes(label) < 400);
    open_map_deinit(&open);
    geo_label_pair(leaving, label, &ms, &dm);
    assert_int_equal(ms, 100);
    assert_int_equal(dm, 1000);
    geo_label_free(leaving);
    geo_label_free(label);
    geo_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query_agrees_with_the_oracle_on_sparse_cities),
        cmocka_unit_test(test_query_agrees_with_the_oracle_on_dense_cities),
        cmocka_unit_test(test_query_agrees_with_the_oracle_where_junctions_are_split),
        cmocka_unit_test(test_query_agrees_with_the_oracle_on_larger_cities),
        cmocka_unit_test(test_distance_uses_both_directions_of_a_road),
        cmocka_unit_test(test_distance_does_not_go_back_on_a_one_way),
        cmocka_unit_test(test_query_refuses_a_stop_of_another_map),
        cmocka_unit_test(test_query_survives_times_at_the_bound),
        cmocka_unit_test(test_label_outlives_the_metric_it_was_made_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
