/* How fast the planner takes an order into a large city, one JSON line a figure:
 *
 *   bench_insert [MAP.mdmap] [--couriers N] [--orders N] [--new N] [--steps N] [--speed PERCENT] [--curve] [--seed N]
 *
 * A city of couriers under way with open orders; then new orders come one by one (insert; hurried: 32 couriers tried at
 * the most), a whole-city sweep asks the 32 nearest couriers of as many
 * orders as are open (sweep), and the plan is improved (steps). With a map travel is exact, by labels; without, along the streets of a plane. --curve
 * repeats it with a tenth and ten times the orders, couriers and area in proportion. The index's answers are held against trying every courier: the run
 * ends with 1 if one differs. --speed tells the index a share of the fastest road's speed, as most ways are slower: fewer couriers are tried, and the
 * figures then say how often the answer is another and how much dearer. One thread. */
#include "geo/geo.h"
#include "plan/plan.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { PHARMACIES = 120, LABS = 10, DEPOTS = 6, FIXED = PHARMACIES + LABS + DEPOTS, NEAR = 32, HURRY = 32, SCANS = 60, HOUR_S = 3600, METRES_PER_COURIER = 400 };

struct city {
    struct plan_problem problem;
    struct plan_task *tasks;
    struct plan_courier *couriers;
    struct plan_spot *spots;
    struct geo_metric *metric;        /* NULL: a plane */
    struct geo_scratch *scratch;
    struct geo_snap *snaps;
    struct geo_label **labels;
    uint64_t labels_made, legs;
    uint64_t seed;
    uint32_t speed_percent;
    char machine[160];
};

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "bench_insert: %s: %s\n", what, why);
    exit(1);
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void machine_read(char *out, size_t size)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");
    snprintf(out, size, "unknown processor");
    while (file && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        line[strcspn(line, "\n")] = 0;
        snprintf(out, size, "%.120s, one thread", colon + 2);
        break;
    }
    if (file) fclose(file);
}

static void tell(const struct city *city, const char *figure, const char *unit, double value)
{
    printf("{\"bench\":\"insert\",\"figure\":\"%s\",\"couriers\":%u,\"orders\":%u,\"travel\":\"%s\",\"value\":%.4g,\"unit\":\"%s\",\"machine\":\"%s\",\"seed\":%llu}\n", figure,
           city->problem.courier_count, city->problem.task_count, city->metric ? "roads" : "plane", value, unit, city->machine, (unsigned long long)city->seed);
    fflush(stdout);
}

/* ---- travel ---- */

static struct plan_leg travel_plane(void *context, uint32_t from, uint32_t to)
{
    struct city *city = context;
    city->legs++;
    uint32_t m = (uint32_t)(abs(city->spots[from].x_m - city->spots[to].x_m) + abs(city->spots[from].y_m - city->spots[to].y_m));
    return (struct plan_leg){(m + 4) / 5, m};
}

static const struct geo_label *label_of(struct city *city, uint32_t place)
{
    if (!city->labels[place]) {
        if (geo_label_new(city->metric, city->scratch, &city->snaps[place], &city->labels[place]) != GEO_OK) fail("label", "no memory");
        city->labels_made++;
    }
    return city->labels[place];
}

static struct plan_leg travel_roads(void *context, uint32_t from, uint32_t to)
{
    struct city *city = context;
    uint32_t ms, dm;
    city->legs++;
    geo_label_pair(label_of(city, from), label_of(city, to), &ms, &dm);
    if (ms == GEO_UNREACHABLE) return (struct plan_leg){PLAN_UNREACHABLE, 0};
    return (struct plan_leg){(ms + 999) / 1000, (dm + 5) / 10};
}

/* ---- the city ---- */

static void place_all(struct city *city, struct rng *rng, uint32_t width_m)
{
    uint32_t places = city->problem.place_count;
    city->spots = mem_zalloc(places, sizeof *city->spots);
    if (!city->metric) {
        for (uint32_t p = 0; p < places; p++) city->spots[p] = (struct plan_spot){(int32_t)rng_below(rng, width_m), (int32_t)rng_below(rng, width_m)};
        city->problem.oracle = (struct plan_oracle){.travel = travel_plane, .context = city, .spots = city->spots, .speed_mmps = 5000};
        return;
    }
    struct geo_map *map = geo_metric_map(city->metric);
    const struct geo_graph *graph = geo_map_graph(map);
    struct geo_map_info info;
    geo_map_info(map, &info);
    city->snaps = mem_zalloc(places, sizeof *city->snaps);
    city->labels = mem_zalloc(places, sizeof *city->labels);
    for (uint32_t p = 0; p < places; p++) {
        do {
            struct geo_point at = graph->nodes[rng_below(rng, graph->node_count)];
            at.lat_e7 += (int32_t)rng_below(rng, 4000) - 2000;
            at.lon_e7 += (int32_t)rng_below(rng, 4000) - 2000;
            if (geo_snap_nearest(map, at, 500, &city->snaps[p], NULL) == GEO_OK) break;
        } while (true);
        /* a plane that is no larger than the Earth, whatever the latitude up to 45 degrees */
        city->spots[p] = (struct plan_spot){(int32_t)((city->snaps[p].at.lon_e7 - info.south_west.lon_e7) * 0.01105 * 0.7), (int32_t)((city->snaps[p].at.lat_e7 - info.south_west.lat_e7) * 0.01105)};
    }
    city->problem.oracle = (struct plan_oracle){.travel = travel_roads, .context = city, .spots = city->spots, .speed_mmps = geo_metric_speed_max_mmps(city->metric)};
}

/* The places of [first, first + count) that are nearest, nearest first. */
static void nearest(const struct city *city, uint32_t first, uint32_t count, uint32_t home, uint32_t few, uint32_t out[3])
{
    for (uint32_t i = 0; i < few; i++) {
        int64_t best = INT64_MAX;
        for (uint32_t p = first; p < first + count; p++) {
            int64_t dx = city->spots[p].x_m - city->spots[home].x_m, dy = city->spots[p].y_m - city->spots[home].y_m, distance = dx * dx + dy * dy;
            bool used = false;
            for (uint32_t k = 0; k < i; k++) used |= out[k] == p;
            if (used || distance >= best) continue;
            best = distance;
            out[i] = p;
        }
    }
}

static void fill_task(const struct city *city, struct rng *rng, struct plan_task *task, uint32_t home, uint32_t index)
{
    uint32_t taken[3];
    bool test = rng_below(rng, 4) == 0, cold = rng_below(rng, 8) == 0;
    *task = (struct plan_task){.order = {index + 1}, .priority = (enum priority)(1 + (rng_below(rng, 8) == 0) + (rng_below(rng, 50) == 0)), .courier = PLAN_ANY,
                               .latest_s = PLAN_NO_LIMIT_S, .accepted_s = -(int32_t)rng_below(rng, 1800), .step_count = test ? 3 : 2};
    task->due_s = task->accepted_s + 3 * HOUR_S - 600;
    for (uint32_t s = 0; s < task->step_count; s++) task->steps[s].choice_count = 1;
    nearest(city, test ? PHARMACIES + LABS : 0, test ? DEPOTS : PHARMACIES, home, 3, taken); /* of one's part of the city */
    uint32_t first = taken[rng_below(rng, 3)];
    task->steps[0] = (struct plan_step){.kind = test ? STOP_KIT : STOP_PICKUP, .skip_with_kit = test, .choice_count = 1, .volume_ml = test ? 0 : 1500, .cold_ml = cold && !test ? 300 : 0,
                                        .choices = {{.place = first, .open_s = test ? 0 : (int32_t)rng_below(rng, 1500), .close_s = PLAN_NO_LIMIT_S, .service_s = 120}}};
    task->steps[1] = (struct plan_step){.kind = STOP_HOME, .choice_count = 1, .volume_ml = -task->steps[0].volume_ml, .cold_ml = -task->steps[0].cold_ml,
                                        .choices = {{.place = home, .close_s = PLAN_NO_LIMIT_S, .service_s = test ? 600 : 180}}};
    task->skills = (cold && !test ? BIT(SKILL_COLD_CHAIN) : 0) | (test ? BIT(SKILL_SAMPLING) : 0);
    if (!test) return;
    task->ride_max_s = 2 * HOUR_S;
    task->steps[2] = (struct plan_step){.kind = STOP_LAB, .choice_count = 3};
    nearest(city, PHARMACIES, LABS, home, 3, taken);
    for (uint32_t k = 0; k < 3; k++) task->steps[2].choices[k] = (struct plan_choice){.place = taken[k], .close_s = 8 * HOUR_S, .service_s = 120};
}

static void city_fill(struct city *city, uint32_t couriers, uint32_t tasks)
{
    struct rng rng;
    uint32_t places = FIXED + couriers + tasks, width_m = 1000;
    rng_init(&rng, city->seed);
    while ((uint64_t)width_m * width_m < (uint64_t)couriers * METRES_PER_COURIER * METRES_PER_COURIER) width_m += 100;
    city->problem = (struct plan_problem){.place_count = places, .task_count = tasks, .courier_count = couriers, .weights = plan_weights_default()};
    place_all(city, &rng, width_m);
    city->tasks = mem_zalloc(tasks, sizeof *city->tasks);
    city->couriers = mem_zalloc(couriers, sizeof *city->couriers);
    for (uint32_t t = 0; t < tasks; t++) fill_task(city, &rng, &city->tasks[t], FIXED + couriers + t, t);
    for (uint32_t c = 0; c < couriers; c++)
        city->couriers[c] = (struct plan_courier){.courier = {c + 1}, .place = FIXED + c, .end_s = (int32_t)(4 * HOUR_S + rng_below(&rng, 4 * HOUR_S)), .base_place = PLAN_ANY,
                                                  .skills = BIT(SKILL_SAMPLING) * (rng_below(&rng, 3) > 0) | BIT(SKILL_COLD_CHAIN) * (rng_below(&rng, 3) > 0), .volume_ml_max = 40000,
                                                  .cold_ml_max = 4000, .kits = rng_below(&rng, 4), .worked_s = rng_below(&rng, 4 * HOUR_S)};
    city->problem.oracle.speed_mmps = city->problem.oracle.speed_mmps * city->speed_percent / 100;
    city->problem.tasks = city->tasks;
    city->problem.couriers = city->couriers;
}

static void city_deinit(struct city *city)
{
    for (uint32_t p = 0; city->labels && p < city->problem.place_count; p++) geo_label_free(city->labels[p]);
    free(city->labels);
    free(city->snaps);
    free(city->spots);
    free(city->tasks);
    free(city->couriers);
    city->labels = NULL;
    city->snaps = NULL;
}

/* ---- the runs ---- */

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* New orders one by one, into the routes as they are; each stays. */
static void run_insert(struct city *city, struct plan_session *session, uint32_t first, uint32_t count, const char *kind)
{
    double *took_ms = mem_zalloc(count, sizeof *took_ms), tried = 0, bounded = 0, sum = 0;
    char name[64];
    for (uint32_t i = 0; i < count; i++) {
        struct plan_placed placed;
        double begin = now_s();
        plan_session_insert(session, first + i, &placed);
        took_ms[i] = (now_s() - begin) * 1e3;
        sum += took_ms[i];
        tried += placed.tried;
        bounded += placed.bounded;
    }
    qsort(took_ms, count, sizeof *took_ms, by_value);
    const struct { const char *name; double value; } rows[] = {{"mean", sum / count}, {"p50", took_ms[count / 2]}, {"p99", took_ms[count * 99 / 100]}, {"max", took_ms[count - 1]}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        snprintf(name, sizeof name, "%s %s", kind, rows[i].name);
        tell(city, name, "ms", rows[i].value);
    }
    snprintf(name, sizeof name, "%s couriers tried", kind);
    tell(city, name, "couriers an order", tried / count);
    snprintf(name, sizeof name, "%s couriers bounded", kind);
    tell(city, name, "couriers an order", bounded / count);
    free(took_ms);
}

static void run_scans(struct city *city, struct plan_session *session, uint32_t first, uint32_t count, bool hurry)
{
    double sum = 0, dearer = 0;
    uint32_t same = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct plan_placed scanned, indexed;
        double begin = now_s();
        plan_session_scan(session, first + i, &scanned);
        sum += now_s() - begin;
        plan_session_insert(session, first + i, &indexed);
        bool equal = scanned.courier == indexed.courier && scanned.added == indexed.added;
        if (!equal && city->speed_percent == 100 && !hurry) fail("index", "another answer than by trying every courier");
        same += equal;
        if (scanned.courier != PLAN_ANY && indexed.courier != PLAN_ANY) dearer += (double)(indexed.added - scanned.added) / (double)scanned.added;
        plan_session_remove(session, first + i);
    }
    if (!hurry) tell(city, "scan of every courier mean", "ms", sum / count * 1e3);
    tell(city, hurry ? "hurried answers as the scan" : "index answers as the scan", "per cent", 100.0 * same / count + 1e-9);
    tell(city, hurry ? "hurried dearer than the scan mean" : "index dearer than the scan mean", "per cent", 100.0 * dearer / count + 1e-9);
}

/* Every waiting order asks its nearest couriers what it would cost with the cheapest of them. */
static void run_sweep(struct city *city, struct plan_session *session, uint32_t first, uint32_t count)
{
    uint32_t *near = mem_zalloc((size_t)count * NEAR, sizeof *near), *near_count = mem_zalloc(count, sizeof *near_count);
    double begin = now_s(), tried = 0, asked = 0;
    for (uint32_t i = 0; i < count; i++) near_count[i] = plan_session_near(session, first + i, near + (size_t)i * NEAR, NEAR);
    tell(city, "sweep: list of 32 near couriers, all orders", "ms", (now_s() - begin) * 1e3);
    for (unsigned round = 0; round < 3; round++) {
        uint64_t legs = city->legs;
        begin = now_s();
        tried = asked = 0;
        for (uint32_t i = 0; i < count; i++) {
            struct plan_placed placed;
            plan_session_ask(session, first + i, near + (size_t)i * NEAR, near_count[i], &placed);
            tried += placed.tried;
            asked += near_count[i];
        }
        tell(city, round == 0 ? "sweep cold" : "sweep", "ms", (now_s() - begin) * 1e3 * 10000 / count);
        tell(city, round == 0 ? "sweep cold legs asked for" : "sweep legs asked for", "legs", (double)(city->legs - legs) + 1);
    }
    tell(city, "sweep couriers", "an order", asked / count);
    tell(city, "sweep couriers tried", "an order", tried / count);
    free(near);
    free(near_count);
}

static void run_steps(struct city *city, struct plan_session *session, uint32_t steps)
{
    struct plan_solution *before = plan_session_answer(session);
    double begin = now_s();
    uint32_t made = plan_session_improve(session, &(struct plan_options){.seed = city->seed, .iterations = steps});
    double took_s = now_s() - begin;
    struct plan_solution *after = plan_session_answer(session);
    struct error err;
    if (plan_check(&city->problem, after, &err) != STATUS_OK) fail("check", err.text);
    tell(city, "improvement steps", "a second", made / took_s);
    tell(city, "improvement moves", "places tried a second", (double)(after->evaluations - before->evaluations) / took_s);
    tell(city, "improvement of soft cost", "per cent", 100.0 * (double)(before->cost.soft - after->cost.soft) / (double)before->cost.soft + 1e-9);
    plan_solution_free(before);
    plan_solution_free(after);
}

static void run_city(struct city *city, uint32_t couriers, uint32_t orders, uint32_t fresh, uint32_t steps, bool whole)
{
    struct plan_session *session;
    struct error err;
    struct rusage usage;
    city_fill(city, couriers, orders + (whole ? orders : 0) + fresh + SCANS);
    double begin = now_s();
    if (plan_session_new(&city->problem, &session, &err) != STATUS_OK) fail("problem", err.text);
    for (uint32_t t = 0; t < orders; t++) {
        struct plan_placed placed;
        plan_session_insert(session, t, &placed);
    }
    tell(city, "fill: open orders one by one", "ms", (now_s() - begin) * 1e3);
    tell(city, "fill per order", "us", (now_s() - begin) * 1e6 / orders);
    run_insert(city, session, orders, fresh / 2, "insert");
    plan_session_hurry(session, HURRY);
    run_insert(city, session, orders + fresh / 2, fresh - fresh / 2, "insert hurried");
    run_scans(city, session, orders + fresh, whole ? SCANS : 4, true);
    plan_session_hurry(session, 0);
    run_scans(city, session, orders + fresh, whole ? SCANS : 4, false);
    if (whole) run_sweep(city, session, orders + fresh + SCANS, orders);
    for (uint32_t t = orders + fresh; t < city->problem.task_count; t++) city->tasks[t].held = true; /* they were only asking */
    if (steps) run_steps(city, session, steps);
    plan_session_free(session);
    city_deinit(city);
    getrusage(RUSAGE_SELF, &usage);
    tell(city, "peak memory", "MiB", (double)usage.ru_maxrss / 1024);
}

static uint32_t number(const char *text, uint32_t most)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*end || value == 0 || value > most) fail(text, "not a number in range");
    return (uint32_t)value;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"couriers", 1, 0, 'c'}, {"orders", 1, 0, 'o'}, {"new", 1, 0, 'n'}, {"steps", 1, 0, 's'}, {"speed", 1, 0, 'p'}, {"curve", 0, 0, 'u'}, {"seed", 1, 0, 'r'}, {0, 0, 0, 0}};
    struct city city = {.seed = 1, .speed_percent = 100};
    uint32_t couriers = 5000, orders = 10000, fresh = 2000, steps = 20000;
    bool curve = false;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'c') couriers = number(optarg, PLAN_COURIERS_MAX);
        else if (o == 'o') orders = number(optarg, 45000);
        else if (o == 'n') fresh = number(optarg, 8000);
        else if (o == 's') steps = number(optarg, 100000000);
        else if (o == 'r') city.seed = number(optarg, 1000000000);
        else if (o == 'p') city.speed_percent = number(optarg, 100);
        else if (o == 'u') curve = true;
        else return 2;
    }
    machine_read(city.machine, sizeof city.machine);
    struct geo_map *map = NULL;
    struct geo_error why;
    if (optind < argc && geo_map_open(argv[optind], &map, &why) != GEO_OK) fail(argv[optind], why.text);
    if (map && geo_metric_new(map, &city.metric, &why) != GEO_OK) fail(argv[optind], why.text);
    if (map) city.scratch = geo_scratch_new(map);
    run_city(&city, couriers, orders, fresh, steps, true);
    if (curve) {
        run_city(&city, couriers / 10 + 1, orders / 10 + 1, fresh, steps, true);
        run_city(&city, couriers * 4 > PLAN_COURIERS_MAX ? PLAN_COURIERS_MAX : couriers * 4, PLAN_TASKS_MAX - fresh - SCANS, fresh, steps, false);
    }
    geo_scratch_free(city.scratch);
    geo_metric_unref(city.metric);
    geo_map_unref(map);
    return 0;
}
