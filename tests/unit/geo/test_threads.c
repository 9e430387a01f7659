/* Many threads on one map while its metric is swapped under them: every answer belongs to the metric that was asked, whichever that was. Run under
 * ThreadSanitizer too. */
#include "random_graph.h"

#include <setjmp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <cmocka.h>

enum { READERS = 4, PLACES = 12, KINDS = 5, SWAPS = 60 };

struct shared {
    struct open_map open;
    struct geo_snap places[PLACES];
    uint32_t expected[KINDS][PLACES * PLACES]; /* by kind of metric */
    uint32_t *times[KINDS];
    pthread_mutex_t lock;      /* of the two below */
    struct geo_metric *current;
    unsigned kind;
    atomic_bool stop;
    atomic_uint wrong, rounds;
};

static struct geo_metric *current_take(struct shared *shared, unsigned *kind)
{
    pthread_mutex_lock(&shared->lock);
    struct geo_metric *metric = geo_metric_ref(shared->current);
    *kind = shared->kind;
    pthread_mutex_unlock(&shared->lock);
    return metric;
}

/* Each kind of query, each against what a single thread found for this kind of metric. */
static void ask(struct shared *shared, const struct geo_metric *metric, struct geo_scratch *scratch, const uint32_t *expected, uint64_t *state)
{
    static _Thread_local uint32_t cells[PLACES * PLACES];
    uint32_t from = random_below(state, PLACES), to = random_below(state, PLACES), ms = GEO_UNREACHABLE, wanted = expected[from * PLACES + to];
    unsigned wrong = 0;
    if (geo_distance(metric, scratch, &shared->places[from], &shared->places[to], &ms, NULL) != GEO_OK) ms = GEO_UNREACHABLE;
    wrong += ms != wanted;
    struct geo_route route;
    enum geo_status rc = geo_route_find(metric, scratch, &shared->places[from], &shared->places[to], &route, NULL);
    wrong += rc == GEO_OK ? route.travel_ms != wanted : wanted != GEO_UNREACHABLE;
    if (rc == GEO_OK) geo_route_free(&route);
    struct geo_label *a = NULL, *b = NULL;
    if (geo_label_new(metric, scratch, &shared->places[from], &a) == GEO_OK && geo_label_new(metric, scratch, &shared->places[to], &b) == GEO_OK) {
        geo_label_pair(a, b, &ms, NULL);
        wrong += ms != wanted;
    } else {
        wrong++;
    }
    geo_label_free(a);
    geo_label_free(b);
    if (geo_matrix(metric, scratch, shared->places, PLACES, shared->places, PLACES, cells, NULL) != GEO_OK) wrong++;
    for (uint32_t i = 0; i < PLACES * PLACES; i++) wrong += cells[i] != expected[i];
    atomic_fetch_add(&shared->wrong, wrong);
    atomic_fetch_add(&shared->rounds, 1);
}

static void *reader_run(void *context)
{
    struct shared *shared = context;
    struct geo_scratch *scratch = geo_scratch_new(shared->open.map);
    uint64_t state = (uint64_t)(uintptr_t)scratch;
    while (scratch && !atomic_load(&shared->stop)) {
        unsigned kind = 0;
        struct geo_metric *metric = current_take(shared, &kind);
        ask(shared, metric, scratch, shared->expected[kind], &state);
        geo_metric_unref(metric);
    }
    geo_scratch_free(scratch);
    return NULL;
}

static void swap(struct shared *shared, struct geo_metric *metric, unsigned kind)
{
    pthread_mutex_lock(&shared->lock);
    struct geo_metric *old = shared->current;
    shared->current = metric;
    shared->kind = kind;
    pthread_mutex_unlock(&shared->lock);
    geo_metric_unref(old);
}

/* From nothing by one thread or two, or as a change of the one before. */
static struct geo_metric *metric_make(struct shared *shared, uint32_t round, unsigned kind)
{
    const struct geo_graph *graph = geo_map_graph(shared->open.map);
    struct geo_metric *out = NULL;
    if (round % 3) {
        assert_int_equal(geo_metric_timed_by(shared->open.map, shared->times[kind], 1 + round % 2, &out, NULL), GEO_OK);
        return out;
    }
    struct geo_arc_time *changes = malloc(graph->arc_count * sizeof *changes);
    assert_non_null(changes);
    for (uint32_t a = 0; a < graph->arc_count; a++) changes[a] = (struct geo_arc_time){a, shared->times[kind][graph->arcs[a].twin]};
    assert_int_equal(geo_metric_change(shared->current, changes, graph->arc_count, &out, NULL), GEO_OK); /* only this thread swaps */
    free(changes);
    return out;
}

static void shared_init(struct shared *shared)
{
    struct geo_graph *graph = random_graph(2024, 120, 260, 25);
    uint64_t state = 5;
    open_map_init(&shared->open, graph);
    pthread_mutex_init(&shared->lock, NULL);
    for (uint32_t i = 0; i < PLACES; i++) shared->places[i] = random_snap(&state, geo_map_graph(shared->open.map));
    for (unsigned kind = 0; kind < KINDS; kind++) {
        struct geo_metric *metric = NULL;
        uint32_t *times = shared->times[kind] = malloc(graph->arc_count * sizeof *times);
        assert_non_null(times);
        for (uint32_t a = 0; a < graph->arc_count; a++) times[a] = graph->arcs[a].travel_ms + random_below(&state, 60000);
        for (uint32_t a = 0; a < graph->arc_count; a++) times[a] = random_below(&state, 20) == 0 && kind ? GEO_UNREACHABLE : times[a];
        for (uint32_t a = 0; a < graph->arc_count; a++) times[a] = times[graph->arcs[a].twin];
        assert_int_equal(geo_metric_timed(shared->open.map, times, &metric, NULL), GEO_OK);
        assert_int_equal(geo_matrix(metric, shared->open.scratch, shared->places, PLACES, shared->places, PLACES, shared->expected[kind], NULL), GEO_OK);
        if (kind == 0) shared->current = geo_metric_ref(metric);
        geo_metric_unref(metric);
    }
    geo_graph_free(graph);
}

static void test_queries_go_on_while_metrics_are_swapped(void **context)
{
    (void)context;
    static struct shared shared;
    pthread_t readers[READERS];
    shared_init(&shared);
    for (int i = 0; i < READERS; i++) assert_int_equal(pthread_create(&readers[i], NULL, reader_run, &shared), 0);
    for (uint32_t round = 1; round <= SWAPS; round++) {
        unsigned kind = round % KINDS, before = atomic_load(&shared.rounds);
        swap(&shared, metric_make(&shared, round, kind), kind);
        while (atomic_load(&shared.rounds) < before + READERS) sched_yield(); /* each kind is really asked */
    }
    atomic_store(&shared.stop, true);
    for (int i = 0; i < READERS; i++) pthread_join(readers[i], NULL);
    assert_int_equal(atomic_load(&shared.wrong), 0);
    geo_metric_unref(shared.current);
    for (unsigned kind = 0; kind < KINDS; kind++) free(shared.times[kind]);
    pthread_mutex_destroy(&shared.lock);
    open_map_deinit(&shared.open);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queries_go_on_while_metrics_are_swapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
