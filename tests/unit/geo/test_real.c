/* Real maps: every query against an independent Dijkstra over the exported arcs, 1,000 random pairs a map; and what it costs, printed. */
#include "near.h"
#include "geo_osm/geo_osm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { SOURCES = 40, TARGETS = 25 };
static char folder[512];

static double now_ms(void)
{
    struct timespec at;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at); /* what it costs, not who else is running */
    return (double)at.tv_sec * 1e3 + (double)at.tv_nsec / 1e6;
}

/* ---- the oracle: binary heap, pairs of time and length, adjacency by its own counting; a road is known by its geometry ---- */

struct item {
    uint64_t ms, dm;
    uint32_t node;
};
struct oracle {
    const struct geo_graph *graph;
    uint32_t *first, *arcs;
    uint64_t *ms, *dm;
    struct item *heap;
    uint32_t heap_count;
};

static bool is_before(uint64_t ms, uint64_t dm, uint64_t other_ms, uint64_t other_dm)
{
    return ms != other_ms ? ms < other_ms : dm < other_dm;
}

static void oracle_init(struct oracle *oracle, const struct geo_graph *graph)
{
    *oracle = (struct oracle){.graph = graph};
    oracle->first = calloc(graph->node_count + 2, sizeof *oracle->first);
    oracle->arcs = calloc(graph->arc_count, sizeof *oracle->arcs);
    oracle->ms = calloc(graph->node_count, sizeof *oracle->ms);
    oracle->dm = calloc(graph->node_count, sizeof *oracle->dm);
    oracle->heap = calloc(2 * (size_t)graph->arc_count + 1000, sizeof *oracle->heap);
    for (uint32_t a = 0; a < graph->arc_count; a++) oracle->first[graph->arcs[a].tail + 2]++;
    for (uint32_t n = 0; n < graph->node_count; n++) oracle->first[n + 2] += oracle->first[n + 1];
    for (uint32_t a = 0; a < graph->arc_count; a++) oracle->arcs[oracle->first[graph->arcs[a].tail + 1]++] = a;
}

static void oracle_deinit(struct oracle *oracle)
{
    free(oracle->first);
    free(oracle->arcs);
    free(oracle->ms);
    free(oracle->dm);
    free(oracle->heap);
}

static void push(struct oracle *oracle, uint32_t node, uint64_t ms, uint64_t dm)
{
    if (!is_before(ms, dm, oracle->ms[node], oracle->dm[node])) return;
    oracle->ms[node] = ms;
    oracle->dm[node] = dm;
    uint32_t at = oracle->heap_count++;
    for (; at > 0 && is_before(ms, dm, oracle->heap[(at - 1) / 2].ms, oracle->heap[(at - 1) / 2].dm); at = (at - 1) / 2) oracle->heap[at] = oracle->heap[(at - 1) / 2];
    oracle->heap[at] = (struct item){ms, dm, node};
}

static struct item pop(struct oracle *oracle)
{
    struct item top = oracle->heap[0], last = oracle->heap[--oracle->heap_count];
    uint32_t at = 0;
    for (uint32_t child; (child = 2 * at + 1) < oracle->heap_count; at = child) {
        if (child + 1 < oracle->heap_count && is_before(oracle->heap[child + 1].ms, oracle->heap[child + 1].dm, oracle->heap[child].ms, oracle->heap[child].dm)) child++;
        if (!is_before(oracle->heap[child].ms, oracle->heap[child].dm, last.ms, last.dm)) break;
        oracle->heap[at] = oracle->heap[child];
    }
    oracle->heap[at] = last;
    return top;
}

/* Offset of a stop on arc `a`, or -1. */
static int64_t offset_on(const struct geo_graph *graph, const struct geo_snap *snap, uint32_t a)
{
    const struct geo_arc *own = &graph->arcs[snap->arc], *arc = &graph->arcs[a];
    if (own->shape_first != arc->shape_first || own->shape_count != arc->shape_count) return -1;
    return own->reversed == arc->reversed ? (int64_t)snap->offset : GEO_OFFSET_ONE - (int64_t)snap->offset;
}

static uint64_t part(uint64_t whole, int64_t offset)
{
    return whole * (uint64_t)offset >> 16;
}

/* What an arc takes now (GEO_UNREACHABLE: closed); NULL: as the map says. */
static const uint32_t *now_times;

static bool is_closed(uint32_t a)
{
    return now_times && now_times[a] == GEO_UNREACHABLE;
}

static uint64_t whole_ms_of(const struct geo_arc *arc, uint32_t a)
{
    return now_times && !is_closed(a) ? now_times[a] : arc->travel_ms;
}

static uint64_t drive_of(const struct geo_arc *arc, uint32_t a)
{
    uint64_t ms = whole_ms_of(arc, a);
    return ms > arc->wait_ms ? ms - arc->wait_ms : 0;
}

static void oracle_run(struct oracle *oracle, const struct geo_snap *from)
{
    const struct geo_graph *graph = oracle->graph;
    memset(oracle->ms, 0xff, graph->node_count * sizeof *oracle->ms);
    memset(oracle->dm, 0xff, graph->node_count * sizeof *oracle->dm);
    for (uint32_t a = 0; a < graph->arc_count; a++) {
        int64_t at = offset_on(graph, from, a);
        const struct geo_arc *arc = &graph->arcs[a];
        if (at >= 0) push(oracle, arc->head, whole_ms_of(arc, a) - part(drive_of(arc, a), at), arc->length_dm - part(arc->length_dm, at));
    }
    while (oracle->heap_count) {
        struct item item = pop(oracle);
        if (item.ms != oracle->ms[item.node] || item.dm != oracle->dm[item.node]) continue;
        for (uint32_t i = oracle->first[item.node]; i < oracle->first[item.node + 1]; i++) {
            const struct geo_arc *arc = &graph->arcs[oracle->arcs[i]];
            if (!is_closed(oracle->arcs[i])) push(oracle, arc->head, item.ms + arc->turn_ms + whole_ms_of(arc, oracle->arcs[i]), item.dm + arc->length_dm);
        }
    }
}

static void oracle_answer(const struct oracle *oracle, const struct geo_snap *from, const struct geo_snap *to, uint64_t *ms, uint64_t *dm)
{
    *ms = *dm = UINT64_MAX;
    for (uint32_t a = 0; a < oracle->graph->arc_count; a++) {
        const struct geo_arc *arc = &oracle->graph->arcs[a];
        int64_t arrive = offset_on(oracle->graph, to, a), leave = offset_on(oracle->graph, from, a);
        if (arrive < 0) continue;
        uint64_t whole_ms = oracle->ms[arc->tail] == UINT64_MAX ? UINT64_MAX : oracle->ms[arc->tail] + arc->turn_ms + part(drive_of(arc, a), arrive);
        uint64_t whole_dm = oracle->dm[arc->tail] + part(arc->length_dm, arrive);
        if (leave >= 0 && leave <= arrive) {
            uint64_t direct_ms = part(drive_of(arc, a), arrive) - part(drive_of(arc, a), leave), direct_dm = part(arc->length_dm, arrive) - part(arc->length_dm, leave);
            if (is_before(direct_ms, direct_dm, whole_ms, whole_dm)) {
                whole_ms = direct_ms;
                whole_dm = direct_dm;
            }
        }
        if (is_before(whole_ms, whole_dm, *ms, *dm)) {
            *ms = whole_ms;
            *dm = whole_dm;
        }
    }
}

/* ---- */

static struct geo_snap snap_somewhere(uint64_t *state, const struct geo_map *map, double *spent_ms)
{
    struct geo_map_info info;
    geo_map_info(map, &info);
    struct geo_point at = {info.south_west.lat_e7 + (int32_t)random_below(state, (uint32_t)(info.north_east.lat_e7 - info.south_west.lat_e7)),
                           info.south_west.lon_e7 + (int32_t)random_below(state, (uint32_t)(info.north_east.lon_e7 - info.south_west.lon_e7))};
    struct geo_snap snap;
    double begin = now_ms();
    assert_int_equal(geo_snap_nearest(map, at, 200000, &snap, NULL), GEO_OK);
    *spent_ms += now_ms() - begin;
    return snap;
}

struct spent {
    double snap, distance, matrix, route, label, label_from;
};

static void compare(const struct open_map *open, struct spent *spent)
{
    static struct geo_snap sources[SOURCES], targets[TARGETS];
    static uint32_t ms[SOURCES * TARGETS], dm[SOURCES * TARGETS];
    struct geo_label *labels[TARGETS];
    uint64_t state = 42;
    struct oracle oracle;
    oracle_init(&oracle, geo_map_graph(open->map));
    for (int i = 0; i < SOURCES; i++) sources[i] = snap_somewhere(&state, open->map, &spent->snap);
    for (int i = 0; i < TARGETS; i++) targets[i] = snap_somewhere(&state, open->map, &spent->snap);
    double begin = now_ms();
    assert_int_equal(geo_matrix(open->metric, open->scratch, sources, SOURCES, targets, TARGETS, ms, dm), GEO_OK);
    spent->matrix += now_ms() - begin;
    begin = now_ms();
    for (int i = 0; i < TARGETS; i++) assert_int_equal(geo_label_new(open->metric, open->scratch, &targets[i], &labels[i]), GEO_OK);
    spent->label += now_ms() - begin;
    begin = now_ms();
    uint32_t sum = 0;
    for (int s = 0; s < SOURCES; s++) {
        for (int t = 0; t < TARGETS; t++) {
            uint32_t label_ms;
            geo_label_from(labels[t], open->scratch, &sources[s], &label_ms, NULL);
            sum += label_ms - ms[s * TARGETS + t];
        }
    }
    spent->label_from += now_ms() - begin;
    assert_int_equal(sum, 0);
    for (int s = 0; s < SOURCES; s++) {
        oracle_run(&oracle, &sources[s]);
        for (int t = 0; t < TARGETS; t++) {
            uint64_t wanted_ms, wanted_dm;
            uint32_t a, b, label_ms, label_dm;
            struct geo_route route;
            oracle_answer(&oracle, &sources[s], &targets[t], &wanted_ms, &wanted_dm);
            if (wanted_ms >= GEO_FINITE_MAX) { /* behind closed streets */
                assert_non_null(now_times);
                assert_int_equal(geo_distance(open->metric, open->scratch, &sources[s], &targets[t], &a, &b), GEO_NOT_FOUND);
                assert_int_equal(ms[s * TARGETS + t], GEO_UNREACHABLE);
                continue;
            }
            begin = now_ms();
            assert_int_equal(geo_distance(open->metric, open->scratch, &sources[s], &targets[t], &a, &b), GEO_OK);
            spent->distance += now_ms() - begin;
            geo_label_from(labels[t], open->scratch, &sources[s], &label_ms, &label_dm);
            begin = now_ms();
            assert_int_equal(geo_route_find(open->metric, open->scratch, &sources[s], &targets[t], &route, NULL), GEO_OK);
            spent->route += now_ms() - begin;
            if (a != wanted_ms || b != wanted_dm) fail_msg("source %d target %d: %u ms %u dm, the oracle says %llu %llu", s, t, a, b, (unsigned long long)wanted_ms, (unsigned long long)wanted_dm);
            assert_true(ms[s * TARGETS + t] == a && dm[s * TARGETS + t] == b && label_ms == a && label_dm == b && route.travel_ms == a && route.length_dm == b);
            /* the drawn line is as long as it says: whole arcs are rounded to decimetres, partial ones by share */
            uint64_t drawn = 0;
            for (uint32_t i = 1; i < route.point_count; i++) drawn += geo_distance_dm(route.points[i - 1], route.points[i]);
            double off = (double)drawn - b;
            if (off > 100 + b * 0.01 || off < -100 - b * 0.01) fail_msg("source %d target %d: %u dm long, drawn %llu dm", s, t, b, (unsigned long long)drawn);
            geo_route_free(&route);
        }
    }
    for (int t = 0; t < TARGETS; t++) {
        uint32_t column_ms[SOURCES], column_dm[SOURCES]; /* cells that the oracle has agreed to */
        for (int s = 0; s < SOURCES; s++) {
            column_ms[s] = ms[s * TARGETS + t];
            column_dm[s] = dm[s * TARGETS + t];
        }
        const char *fault = near_fault(open, sources, SOURCES, &targets[t], column_ms, column_dm);
        if (fault) fail_msg("the nearest of target %d: %s", t, fault);
    }
    for (int i = 0; i < TARGETS; i++) geo_label_free(labels[i]);
    oracle_deinit(&oracle);
}

/* The whole city at the evening's speeds, then a hundred roads closed or slowed on top: made by a change, and from nothing. */
static void compare_changed(struct open_map *open)
{
    enum { CHANGES = 100 };
    const struct geo_graph *graph = geo_map_graph(open->map);
    uint32_t *ms = calloc(graph->arc_count, sizeof *ms);
    uint64_t state = 4711;
    struct spent spent = {0};
    struct geo_arc_time changes[CHANGES];
    struct geo_metric *evening, *changed, *first = open->metric;
    for (uint32_t a = 0; a < graph->arc_count; a++) {
        const struct geo_arc *twin = &graph->arcs[graph->arcs[a].twin];
        ms[a] = twin->wait_ms + (twin->travel_ms - twin->wait_ms) / 10 * (10 + (uint32_t)twin->road_class % 7);
    }
    assert_int_equal(geo_metric_timed_by(open->map, ms, 2, &evening, NULL), GEO_OK);
    for (int i = 0; i < CHANGES; i++) {
        uint32_t arc = graph->arcs[random_below(&state, graph->arc_count)].twin;
        changes[i] = (struct geo_arc_time){arc, i % 3 ? GEO_UNREACHABLE : random_below(&state, 100000)};
        for (uint32_t a = 0; a < graph->arc_count; a++)
            if (graph->arcs[a].twin == arc) ms[a] = changes[i].travel_ms;
    }
    assert_int_equal(geo_metric_change(evening, changes, CHANGES, &changed, NULL), GEO_OK);
    now_times = ms;
    open->metric = changed; /* not perfect */
    compare(open, &spent);
    geo_metric_unref(evening);
    geo_metric_unref(changed);
    assert_int_equal(geo_metric_timed(open->map, ms, &open->metric, NULL), GEO_OK);
    compare(open, &spent);
    geo_metric_unref(open->metric);
    open->metric = first;
    now_times = NULL;
    free(ms);
}

static void check_real(const char *name, enum geo_profile profile)
{
    char path[600];
    struct geo_error error = {0};
    struct geo_graph *graph;
    struct geo_osm_options options = geo_osm_options_default(profile);
    snprintf(path, sizeof path, "%s/osm/%s", folder, name);
    double begin = now_ms();
    if (geo_osm_build(path, &options, &graph, &error) != GEO_OK) fail_msg("%s: %s", name, error.text);
    double build = now_ms() - begin;
    struct open_map open;
    open_map_init(&open, graph);
    struct geo_map *again;
    begin = now_ms();
    assert_int_equal(geo_map_open(open.path, &again, &error), GEO_OK);
    double opened = now_ms() - begin;
    geo_map_unref(again);
    if (geo_map_check(open.path, &error) != GEO_OK) fail_msg("%s: %s", name, error.text);
    struct spent spent = {0};
    compare(&open, &spent);
    printf("%s %s: %u nodes, %u arcs; build %.0f ms, open %.2f ms, snap %.2f us, distance %.3f ms, route %.3f ms, matrix row of %d %.3f ms, label %.3f ms, label_from %.0f ns\n",
           name, geo_profile_name(profile), graph->node_count, graph->arc_count, build, opened, spent.snap * 1e3 / (SOURCES + TARGETS), spent.distance / (SOURCES * TARGETS),
           spent.route / (SOURCES * TARGETS), TARGETS, spent.matrix / SOURCES, spent.label / TARGETS, spent.label_from * 1e6 / (SOURCES * TARGETS));
    compare_changed(&open);
    open_map_deinit(&open);
    geo_graph_free(graph);
}

static void test_query_agrees_with_the_oracle_on_heidelberg(void **context)
{
    (void)context;
    check_real("heidelberg.osm.pbf", GEO_EBIKE);
    check_real("heidelberg.osm.pbf", GEO_CAR);
}

static void test_query_agrees_with_the_oracle_on_beijing(void **context)
{
    (void)context;
    check_real("beijing-2013.osm.pbf", GEO_EBIKE);
}

static void test_query_agrees_with_the_oracle_on_jinan(void **context)
{
    (void)context;
    check_real("jinan.osm.pbf", GEO_EBIKE);
}

static void test_query_agrees_with_the_oracle_on_small_maps(void **context)
{
    (void)context;
    check_real("osrm-monaco.osm.pbf", GEO_CAR);
    check_real("monaco-lz4.osm.pbf", GEO_EBIKE);
    check_real("valhalla-liechtenstein.osm.pbf", GEO_FOOT);
    check_real("ledegn-shanghai.osm", GEO_EBIKE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query_agrees_with_the_oracle_on_heidelberg),
        cmocka_unit_test(test_query_agrees_with_the_oracle_on_beijing),
        cmocka_unit_test(test_query_agrees_with_the_oracle_on_jinan),
        cmocka_unit_test(test_query_agrees_with_the_oracle_on_small_maps),
    };
    const char *data = getenv("MEDDISPATCH_DATA");
    snprintf(folder, sizeof folder, "%s", data ? data : "../shared/data");
    char probe[600];
    snprintf(probe, sizeof probe, "%s/osm/heidelberg.osm.pbf", folder);
    FILE *file = fopen(probe, "rb");
    if (!file) {
        printf("skipped: no map at %s (set MEDDISPATCH_DATA)\n", probe);
        return 77;
    }
    fclose(file);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
