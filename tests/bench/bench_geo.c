/* How fast geo answers, one JSON line a figure:
 *
 *   bench_geo --map CITY.mdmap | CITY.osm.pbf | --synth JUNCTIONS [--profile ebike|car|foot] [--metric free|evening] [--seed N] [--quick]
 *            [--answers FILE]
 *
 * One thread unless the figure says otherwise; CPU time of the thread (wall time where several work), medians. Baselines run in the same run, on the same metric,
 * and every answer that has one is compared with it: a difference ends the run with 1. */
#include "tests/bench/geo_baselines.h"
#include "geo_area/geo_area.h"
#include "geo_guide/geo_guide.h"
#include "geo_osm/geo_osm.h"
#include "geo_synth/geo_synth.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { STOPS = 3000, REPEATS_MAX = 64 };

struct bench {
    const char *map_name, *map_path, *profile, *metric_name; /* map_path: NULL if it was built for this run */
    uint64_t seed, state;
    bool quick;
    char machine[160];
    struct geo_map *map;
    struct geo_metric *metric;
    struct geo_scratch *scratch;
    struct geo_snap *sources, *targets;
    uint32_t *ms, *dm, *other_ms;
};

static double now_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static uint32_t random_below(struct bench *bench, uint32_t bound)
{
    uint64_t z = (bench->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) % bound);
}

static void fail(const char *why)
{
    fprintf(stderr, "bench_geo: %s\n", why);
    exit(1);
}

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* How often a figure is taken: less often where once takes seconds. */
static int repeats_of(const struct bench *bench, int usual)
{
    enum { LARGE_ARCS = 5000000, LARGE_REPEATS = 3 };
    if (bench->quick) return 1;
    return bench->map->cch.arc_count > LARGE_ARCS && usual > LARGE_REPEATS ? LARGE_REPEATS : usual;
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, ascending);
    return values[count / 2];
}

/* baseline NULL: none */
static void tell(const struct bench *bench, const char *figure, const char *unit, double value, int repeats, const char *baseline, double baseline_value)
{
    const struct geo_cch *cch = &bench->map->cch;
    printf("{\"bench\":\"geo\",\"map\":\"%s\",\"profile\":\"%s\",\"metric\":\"%s\",\"nodes\":%u,\"arcs\":%u,\"hierarchy_arcs\":%u,\"figure\":\"%s\",\"unit\":\"%s\",\"value\":%.6g,"
           "\"repeats\":%d", bench->map_name, bench->profile, bench->metric_name, cch->node_count, cch->input_count, cch->arc_count, figure, unit, value, repeats);
    if (baseline) printf(",\"baseline\":\"%s\",\"baseline_value\":%.6g,\"ratio\":%.6g", baseline, baseline_value, value / baseline_value);
    printf(",\"kernels\":\"%s\",\"machine\":\"%s\",\"seed\":%llu}\n", cch_kernels_name(), bench->machine, (unsigned long long)bench->seed);
    fflush(stdout);
}

static void machine_read(char *out, size_t size)
{
    char line[256], model[128] = "unknown processor";
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        snprintf(model, sizeof model, "%.*s", (int)strcspn(colon + 2, "\n\"\\"), colon + 2);
        break;
    }
    if (file) fclose(file);
    snprintf(out, size, "%s, %ld cores", model, sysconf(_SC_NPROCESSORS_ONLN));
}

static double memory_mib(const char *field)
{
    char line[256];
    double kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, field, strlen(field)) == 0) kib = strtod(line + strlen(field) + 1, NULL);
    if (file) fclose(file);
    return kib / 1024;
}

/* ---- the map ---- */

static void map_make(struct bench *bench, const char *source, uint32_t synth, enum geo_profile profile)
{
    struct geo_error error = {.text = ""};
    char pbf[96], path[96];
    snprintf(pbf, sizeof pbf, "/tmp/bench-geo-%ld.osm.pbf", (long)getpid());
    snprintf(path, sizeof path, "/tmp/bench-geo-%ld.mdmap", (long)getpid());
    bool is_map = source && strlen(source) > 6 && strcmp(source + strlen(source) - 6, ".mdmap") == 0;
    if (!is_map) {
        struct geo_graph *graph = NULL;
        struct geo_osm_options options = geo_osm_options_default(profile);
        if (!source && geo_synth_write(pbf, bench->seed, synth, &error) != GEO_OK) fail(error.text);
        double begin = now_ms(CLOCK_MONOTONIC);
        if (geo_osm_build(source ? source : pbf, &options, &graph, &error) != GEO_OK || geo_map_write(graph, path, &error) != GEO_OK) fail(error.text);
        double spent = now_ms(CLOCK_MONOTONIC) - begin, peak = memory_mib("VmHWM");
        geo_graph_free(graph);
        if (geo_map_open(path, &bench->map, &error) != GEO_OK) fail(error.text);
        tell(bench, "map build, all of it (wall)", "ms", spent, 1, NULL, 0);
        tell(bench, "map build, peak memory", "MiB", peak, 1, NULL, 0);
        geo_map_unref(bench->map);
    }
    double values[REPEATS_MAX];
    int repeats = bench->quick ? 1 : 9; /* the map is opened here */
    bench->map_path = is_map ? source : NULL;
    for (int r = 0; r < repeats; r++) {
        double begin = now_ms(CLOCK_THREAD_CPUTIME_ID);
        if (geo_map_open(is_map ? source : path, &bench->map, &error) != GEO_OK) fail(error.text);
        values[r] = now_ms(CLOCK_THREAD_CPUTIME_ID) - begin;
        if (r + 1 < repeats) geo_map_unref(bench->map);
    }
    unlink(pbf);
    if (!is_map) unlink(path);
    tell(bench, "start from the map file", "ms", median(values, repeats), repeats, NULL, 0);
}

static uint32_t *times_make(struct bench *bench, bool evening)
{
    const struct geo_graph *graph = geo_map_graph(bench->map);
    uint32_t *times = malloc(graph->arc_count * sizeof *times);
    if (!times) fail("no memory");
    for (uint32_t a = 0; a < graph->arc_count; a++) {
        const struct geo_arc *arc = &graph->arcs[graph->arcs[a].twin];
        /* an evening: main roads slow, others nearly free; every road a little different, so that nothing is as customized before */
        uint32_t slow = evening ? (arc->road_class <= GEO_CLASS_TERTIARY ? 160 : 110) + (uint32_t)(arc->way % 7) : 100;
        times[a] = arc->wait_ms + (uint32_t)((uint64_t)(arc->travel_ms - arc->wait_ms) * slow / 100);
    }
    return times;
}

/* ---- metrics ---- */

/* Who is bound to one core for fair figures needs another for a second thread; back again with `bound`. */
static void unbind(cpu_set_t *bound)
{
    cpu_set_t all;
    CPU_ZERO(&all);
    for (size_t core = 0; core < CPU_SETSIZE; core++) CPU_SET(core, &all);
    if (sched_getaffinity(0, sizeof *bound, bound) != 0 || sched_setaffinity(0, sizeof all, &all) != 0) fail("the second thread has no core");
}

static void bench_metrics(struct bench *bench, bool evening)
{
    double basic[REPEATS_MAX], perfect[REPEATS_MAX], basic_two[REPEATS_MAX], perfect_two[REPEATS_MAX], basic_wall[REPEATS_MAX], perfect_wall[REPEATS_MAX], whole[REPEATS_MAX];
    double change[REPEATS_MAX];
    int repeats = repeats_of(bench, 21);
    uint32_t *times = times_make(bench, evening);
    struct geo_error error = {.text = ""};
    if (geo_metric_timed(bench->map, times, &bench->metric, &error) != GEO_OK) fail(error.text);
    for (int r = 0; r < repeats; r++) {
        struct cch_metric made;
        for (unsigned threads = 1; threads <= 2; threads++) {
            cpu_set_t bound;
            if (threads == 2) unbind(&bound);
            double begin = now_ms(CLOCK_THREAD_CPUTIME_ID), wall = now_ms(CLOCK_MONOTONIC);
            if (cch_metric_new(&bench->map->cch, bench->metric->pass, threads, &made) != GEO_OK) fail("no memory");
            double cpu_basic = now_ms(CLOCK_THREAD_CPUTIME_ID) - begin, wall_basic = now_ms(CLOCK_MONOTONIC) - wall;
            if (cch_metric_perfect(&made, threads) != GEO_OK) fail("no memory");
            double cpu_perfect = now_ms(CLOCK_THREAD_CPUTIME_ID) - begin, wall_perfect = now_ms(CLOCK_MONOTONIC) - wall;
            cch_metric_deinit(&made);
            if (threads == 2) (void)sched_setaffinity(0, sizeof bound, &bound);
            if (threads == 1) {
                basic[r] = cpu_basic;
                perfect[r] = cpu_perfect;
                basic_wall[r] = wall_basic;
                perfect_wall[r] = wall_perfect;
            } else {
                basic_two[r] = wall_basic;
                perfect_two[r] = wall_perfect;
            }
        }
        struct geo_metric *metric;
        double begin = now_ms(CLOCK_THREAD_CPUTIME_ID);
        if (geo_metric_timed(bench->map, times, &metric, &error) != GEO_OK) fail(error.text);
        whole[r] = now_ms(CLOCK_THREAD_CPUTIME_ID) - begin;
        struct geo_arc_time changes[100];
        for (int i = 0; i < 100; i++) changes[i] = (struct geo_arc_time){random_below(bench, bench->map->cch.input_count), GEO_UNREACHABLE};
        struct geo_metric *closed;
        if (r == 0 && geo_metric_change(metric, changes, 100, &closed, &error) == GEO_OK) geo_metric_unref(closed); /* the first makes the lists of triangles */
        begin = now_ms(CLOCK_THREAD_CPUTIME_ID);
        if (geo_metric_change(metric, changes, 100, &closed, &error) != GEO_OK) fail(error.text);
        change[r] = now_ms(CLOCK_THREAD_CPUTIME_ID) - begin;
        geo_metric_unref(closed);
        geo_metric_unref(metric);
    }
    double full = median(basic, repeats);
    tell(bench, "full customization", "ms", full, repeats, NULL, 0);
    tell(bench, "customization with perfect", "ms", median(perfect, repeats), repeats, NULL, 0);
    tell(bench, "full customization, two threads (wall)", "ms", median(basic_two, repeats), repeats, "one thread (wall)", median(basic_wall, repeats));
    tell(bench, "customization with perfect, two threads (wall)", "ms", median(perfect_two, repeats), repeats, "one thread (wall)", median(perfect_wall, repeats));
    tell(bench, "a whole metric from times by arc", "ms", median(whole, repeats), repeats, NULL, 0);
    tell(bench, "100 arcs closed", "ms", median(change, repeats), repeats, "full customization", full);
    free(times);
}

/* The loaded map with two metrics, in a process that does nothing else. */
static int memory_child(const char *path)
{
    struct geo_map *map;
    struct geo_metric *one, *two;
    if (geo_map_open(path, &map, NULL) != GEO_OK || geo_metric_new(map, &one, NULL) != GEO_OK || geo_metric_new(map, &two, NULL) != GEO_OK) return 1;
    printf("%.3f\n", memory_mib("VmHWM"));
    geo_metric_unref(one);
    geo_metric_unref(two);
    geo_map_unref(map);
    return 0;
}

static void bench_memory(struct bench *bench, const char *self)
{
    char command[1200], line[64];
    if (!bench->map_path || snprintf(command, sizeof command, "'%s' --memory '%s'", self, bench->map_path) >= (int)sizeof command) return;
    FILE *child = popen(command, "re");
    if (child && fgets(line, sizeof line, child)) tell(bench, "loaded map with two metrics, peak memory", "MiB", strtod(line, NULL), 1, NULL, 0);
    if (child) pclose(child);
}

/* ---- queries ---- */

static void stops_make(struct bench *bench)
{
    const struct geo_graph *graph = geo_map_graph(bench->map);
    bench->sources = malloc(STOPS * sizeof *bench->sources);
    bench->targets = malloc(STOPS * sizeof *bench->targets);
    struct geo_point *points = malloc(STOPS * 2 * sizeof *points);
    if (!bench->sources || !bench->targets || !points) fail("no memory");
    for (int i = 0; i < STOPS * 2; i++) { /* within a kilometre of a junction: where people live */
        struct geo_point junction = graph->nodes[random_below(bench, graph->node_count)];
        points[i] = (struct geo_point){junction.lat_e7 + (int32_t)random_below(bench, 20000) - 10000, junction.lon_e7 + (int32_t)random_below(bench, 20000) - 10000};
    }
    double begin = now_ms(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < STOPS; i++)
        if (geo_snap_nearest(bench->map, points[2 * i], 20000, &bench->sources[i], NULL) != GEO_OK || geo_snap_nearest(bench->map, points[2 * i + 1], 20000, &bench->targets[i], NULL) != GEO_OK)
            fail("a point has no road near");
    tell(bench, "snap to edge, offset, side", "us", (now_ms(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e3 / (2 * STOPS), 2 * STOPS, NULL, 0);
    free(points);
}

static double matrix_time(struct bench *bench, uint32_t size, uint32_t *dm, int repeats)
{
    double values[REPEATS_MAX];
    for (int r = 0; r < repeats; r++) {
        uint32_t from = STOPS > size ? random_below(bench, STOPS - size) : 0, to = STOPS > size ? random_below(bench, STOPS - size) : 0;
        double begin = now_ms(CLOCK_THREAD_CPUTIME_ID);
        if (geo_matrix(bench->metric, bench->scratch, bench->sources + from, size, bench->targets + to, size, bench->ms, dm) != GEO_OK) fail("matrix");
        values[r] = now_ms(CLOCK_THREAD_CPUTIME_ID) - begin;
    }
    return median(values, repeats);
}

static void bench_matrix(struct bench *bench, uint32_t size, int repeats)
{
    char figure[64];
    double spent = matrix_time(bench, size, NULL, repeats);
    if (geo_matrix(bench->metric, bench->scratch, bench->sources, size, bench->targets, size, bench->ms, NULL) != GEO_OK) fail("matrix");
    double begin = now_ms(CLOCK_THREAD_CPUTIME_ID);
    bucket_matrix(bench->metric, bench->scratch, bench->sources, size, bench->targets, size, bench->other_ms);
    double bucket = now_ms(CLOCK_THREAD_CPUTIME_ID) - begin;
    if (memcmp(bench->ms, bench->other_ms, (size_t)size * size * sizeof *bench->ms) != 0) fail("the matrix is not the bucket's");
    snprintf(figure, sizeof figure, "matrix %u x %u", size, size);
    tell(bench, figure, "ms", spent, repeats, "buckets on the same hierarchy", bucket);
    snprintf(figure, sizeof figure, "matrix %u x %u with lengths", size, size);
    tell(bench, figure, "ms", matrix_time(bench, size, bench->dm, repeats / 3 + 1), repeats / 3 + 1, NULL, 0);
    if (size == STOPS) tell(bench, "matrix 3000 x 3000, cells", "million/s", (double)size * size / spent / 1e3, repeats, NULL, 0);
}

static void bench_pairs(struct bench *bench)
{
    struct geo_search search;
    uint32_t ms, dm, pairs = bench->quick ? 100 : STOPS, walks = bench->quick ? 20 : 100;
    if (geo_search_init(&search, &bench->map->net) != GEO_OK) fail("no memory");
    double begin = now_ms(CLOCK_THREAD_CPUTIME_ID);
    for (uint32_t i = 0; i < walks; i++) bench->other_ms[i] = dijkstra_pair(bench->metric, &search, &bench->sources[i], &bench->targets[i]);
    double dijkstra = (now_ms(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e3 / walks;
    for (uint32_t i = 0; i < walks; i++) {
        (void)!geo_distance(bench->metric, bench->scratch, &bench->sources[i], &bench->targets[i], &ms, &dm);
        if (ms != bench->other_ms[i]) fail("a distance is not Dijkstra's");
    }
    begin = now_ms(CLOCK_THREAD_CPUTIME_ID);
    for (uint32_t i = 0; i < pairs; i++) (void)!geo_distance(bench->metric, bench->scratch, &bench->sources[i], &bench->targets[i], &ms, &dm);
    tell(bench, "point to point, distance", "us", (now_ms(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e3 / pairs, (int)pairs, "Dijkstra", dijkstra);
    for (int pass = 0; pass < 2; pass++) {
        begin = now_ms(CLOCK_THREAD_CPUTIME_ID);
        for (uint32_t i = 0; i < pairs; i++) {
            struct geo_seeds from, to;
            struct cch_path path;
            geo_seeds_find(bench->metric, CCH_FROM, geo_place_of(&bench->sources[i]), &from);
            geo_seeds_find(bench->metric, CCH_TO, geo_place_of(&bench->targets[i]), &to);
            if (cch_path_find(&bench->metric->hierarchy, bench->metric->pass, bench->scratch->trace, from.seeds, from.count, to.seeds, to.count, &path) != GEO_OK) fail("path");
        }
        tell(bench, pass ? "point to point, with path" : "point to point, with path, shortcuts never unpacked before", "us", (now_ms(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e3 / pairs, (int)pairs,
             "Dijkstra", dijkstra);
    }
    begin = now_ms(CLOCK_THREAD_CPUTIME_ID);
    for (uint32_t i = 0; i < pairs; i++) {
        struct geo_route route;
        if (geo_route_find(bench->metric, bench->scratch, &bench->sources[i], &bench->targets[i], &route, NULL) == GEO_OK) geo_route_free(&route);
    }
    tell(bench, "route with its drawn line and steps", "us", (now_ms(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e3 / pairs, (int)pairs, NULL, 0);
    uint32_t rows = bench->quick ? 3 : 20;
    begin = now_ms(CLOCK_THREAD_CPUTIME_ID);
    uint32_t *nodes = malloc(bench->map->cch.node_count * sizeof *nodes);
    if (!nodes) fail("no memory");
    for (uint32_t i = 0; i < rows; i++) (void)!geo_reach_from(bench->metric, bench->scratch, &bench->sources[i], GEO_UNREACHABLE, nodes);
    double reach = (now_ms(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e3 / rows;
    begin = now_ms(CLOCK_THREAD_CPUTIME_ID);
    for (uint32_t i = 0; i < rows; i++) geo_search_from(&search, &bench->map->net, &bench->metric->times, geo_place_of(&bench->sources[i]), NULL, 0);
    tell(bench, "one to all", "us", reach, (int)rows, "Dijkstra", (now_ms(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e3 / rows);
    free(nodes);
    geo_search_deinit(&search);
}

/* Who is nearest, in words, how far one gets. The nearest are compared with the matrix's column. */
static void bench_nearest(struct bench *bench, uint32_t count)
{
    enum { NEAREST = 10 };
    struct geo_near near[NEAREST];
    uint32_t found, rounds = bench->quick ? 5 : 100;
    double begin = now_ms(CLOCK_THREAD_CPUTIME_ID), spent;
    for (uint32_t i = 0; i < rounds; i++)
        if (geo_nearest(bench->metric, bench->scratch, bench->sources, count, &bench->targets[i], GEO_UNREACHABLE, near, NEAREST, &found) != GEO_OK) fail("nearest");
    spent = (now_ms(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e3 / rounds;
    begin = now_ms(CLOCK_THREAD_CPUTIME_ID);
    for (uint32_t i = 0; i < rounds; i++)
        if (geo_matrix(bench->metric, bench->scratch, bench->sources, count, &bench->targets[i], 1, bench->ms, NULL) != GEO_OK) fail("a column");
    double column = (now_ms(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e3 / rounds;
    for (uint32_t i = 0; i < found; i++)
        if (near[i].travel_ms != bench->ms[near[i].source]) fail("a nearest one is not as near as the matrix says");
    tell(bench, count > 100 ? "10 nearest of 1000" : "10 nearest of 40", "us", spent, (int)rounds, "matrix column", column);
}

static void bench_around(struct bench *bench)
{
    uint32_t rounds = bench->quick ? 2 : 20, limits_ms[3] = {600000, 1200000, 1800000};
    bench_nearest(bench, 40);
    bench_nearest(bench, 1000);
    double spent = 0;
    for (uint32_t i = 0; i < rounds * 10; i++) {
        struct geo_route route;
        struct geo_guide guide;
        if (geo_route_find(bench->metric, bench->scratch, &bench->sources[i], &bench->targets[i], &route, NULL) != GEO_OK) continue;
        double begin = now_ms(CLOCK_THREAD_CPUTIME_ID);
        if (geo_guide_make(bench->map, &route, &bench->targets[i], 0, &guide) != GEO_OK) fail("a guide");
        spent += now_ms(CLOCK_THREAD_CPUTIME_ID) - begin;
        geo_guide_free(&guide);
        geo_route_free(&route);
    }
    tell(bench, "steps of a route, on top of it", "us", spent * 1e3 / (rounds * 10), (int)rounds * 10, NULL, 0);
    double begin = now_ms(CLOCK_THREAD_CPUTIME_ID);
    for (uint32_t i = 0; i < rounds; i++) {
        struct geo_areas areas;
        if (geo_areas_find(bench->metric, bench->scratch, &bench->sources[i], limits_ms, 3, NULL, &areas, NULL) != GEO_OK) fail("an isochrone");
        geo_areas_free(&areas);
    }
    tell(bench, "isochrone, 10, 20 and 30 minutes", "ms", (now_ms(CLOCK_THREAD_CPUTIME_ID) - begin) / rounds, (int)rounds, NULL, 0);
}

static void bench_labels(struct bench *bench)
{
    enum { LABELS = 500 };
    uint32_t count = bench->quick ? 50 : LABELS, ms, dm;
    struct geo_label *from[LABELS], *to[LABELS];
    double begin = now_ms(CLOCK_THREAD_CPUTIME_ID);
    for (uint32_t i = 0; i < count; i++)
        if (geo_label_new(bench->metric, bench->scratch, &bench->sources[i], &from[i]) != GEO_OK || geo_label_new(bench->metric, bench->scratch, &bench->targets[i], &to[i]) != GEO_OK) fail("label");
    tell(bench, "label of a stop, both directions", "us", (now_ms(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e3 / (2 * count), (int)(2 * count), NULL, 0);
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) bytes += geo_label_bytes(from[i]);
    tell(bench, "label of a stop, size", "bytes", (double)bytes / count, (int)count, NULL, 0);
    begin = now_ms(CLOCK_THREAD_CPUTIME_ID);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < count; k++) geo_label_pair(from[i], to[k], &ms, &dm);
    tell(bench, "one pair by two labels", "us", (now_ms(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e3 / ((double)count * count), (int)(count * count), NULL, 0);
    for (uint32_t i = 0; i < count; i++) {
        geo_label_free(from[i]);
        geo_label_free(to[i]);
    }
}

/* Junction to junction, for others to compare: SOURCE TARGET MILLISECONDS, by the numbers of the exported graph less one. */
static void answers_write(struct bench *bench, const char *path)
{
    FILE *file = fopen(path, "we");
    if (!file) fail("the answers cannot be written");
    const struct geo_cch *cch = &bench->map->cch;
    for (int i = 0; i < 20000; i++) {
        uint32_t source = random_below(bench, cch->node_count), target = random_below(bench, cch->node_count);
        struct cch_seed from = {cch->rank[source], 0}, to = {cch->rank[target], 0};
        cch_label_fill(&bench->metric->hierarchy, CCH_FROM, &from, 1, &bench->scratch->labels[0]);
        cch_label_fill(&bench->metric->hierarchy, CCH_TO, &to, 1, &bench->scratch->labels[1]);
        cch_weight way = cch_label_meet(&bench->scratch->labels[0], &bench->scratch->labels[1]);
        fprintf(file, "%u %u %u\n", source, target, way >= CCH_NONE ? GEO_UNREACHABLE : (uint32_t)(way >> 32));
    }
    if (fclose(file) != 0) fail("the answers cannot be written");
}

static int usage(void)
{
    fprintf(stderr, "usage: bench_geo --map CITY.mdmap | --map CITY.osm.pbf | --synth JUNCTIONS [--profile ebike|car|foot] [--metric free|evening] [--seed N] [--quick] [--answers FILE]\n");
    return 2;
}

int main(int argc, char **argv)
{
    struct bench bench = {.seed = 1, .profile = "ebike", .metric_name = "free"};
    const char *source = NULL, *answers = NULL;
    enum geo_profile profile = GEO_EBIKE;
    if (argc == 3 && strcmp(argv[1], "--memory") == 0) return memory_child(argv[2]);
    uint32_t synth = 0;
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--quick") == 0) bench.quick = true;
        else if (!has_value) return usage();
        else if (strcmp(argv[i], "--map") == 0) source = argv[++i];
        else if (strcmp(argv[i], "--answers") == 0) answers = argv[++i];
        else if (strcmp(argv[i], "--synth") == 0) synth = (uint32_t)strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0) bench.seed = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--metric") == 0) bench.metric_name = argv[++i];
        else if (strcmp(argv[i], "--profile") != 0 || !geo_profile_from_name(argv[++i], &profile)) return usage();
    }
    bool evening = strcmp(bench.metric_name, "evening") == 0;
    if ((!source && synth == 0) || (!evening && strcmp(bench.metric_name, "free") != 0)) return usage();
    const char *slash = source ? strrchr(source, '/') : NULL;
    bench.map_name = source ? (slash ? slash + 1 : source) : "made-up city";
    bench.profile = geo_profile_name(profile);
    bench.state = bench.seed;
    machine_read(bench.machine, sizeof bench.machine);
    map_make(&bench, source, synth, profile);
    bench.profile = geo_profile_name(geo_map_graph(bench.map)->profile);
    bench.scratch = geo_scratch_new(bench.map);
    bench.ms = calloc((size_t)STOPS * STOPS, sizeof *bench.ms);
    bench.dm = calloc((size_t)STOPS * STOPS, sizeof *bench.dm);
    bench.other_ms = calloc((size_t)STOPS * STOPS, sizeof *bench.other_ms);
    if (!bench.scratch || !bench.ms || !bench.dm || !bench.other_ms) fail("no memory");
    memset(bench.ms, 1, (size_t)STOPS * STOPS * sizeof *bench.ms); /* the pages are there before the clock runs */
    memset(bench.dm, 1, (size_t)STOPS * STOPS * sizeof *bench.dm);
    bench_metrics(&bench, evening);
    bench_memory(&bench, argv[0]);
    stops_make(&bench);
    bench_matrix(&bench, 100, repeats_of(&bench, 51));
    bench_matrix(&bench, bench.quick ? 200 : 1000, repeats_of(&bench, 21));
    if (!bench.quick) bench_matrix(&bench, STOPS, repeats_of(&bench, 7));
    bench_pairs(&bench);
    bench_labels(&bench);
    bench_around(&bench);
    if (answers) answers_write(&bench, answers);
    free(bench.sources);
    free(bench.targets);
    free(bench.ms);
    free(bench.dm);
    free(bench.other_ms);
    geo_scratch_free(bench.scratch);
    geo_metric_unref(bench.metric);
    geo_map_unref(bench.map);
    return 0;
}
