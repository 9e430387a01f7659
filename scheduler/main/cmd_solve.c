/* meddispatch solve, meddispatch check: the optimizer on public benchmark instances. Wiring: plan reads, solves and checks; threads are searches of their
 * own, each from another seed, of which the best answer counts. */
#include "main.h"

#include "instance_file.h"

#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static const char SOLVE_USAGE[] =
    "usage: meddispatch solve INSTANCE [--time S | --iterations N] [--threads N] [--seed N] [--cpu] [-o SOLUTION] [--json]\n"
    "Pickup and delivery with time windows: fewest vehicles first, then the shortest way. Reads Li & Lim's and Sartori & Buriol's files.\n"
    "  --time        seconds of one core (10), reading included; on a machine that is busy with other work at most twice as long\n"
    "  --cpu         count processor time only, however long that takes on the clock\n"
    "  --iterations  a fixed amount of work for each thread instead: the same bytes for the same seed and number of threads\n"
    "  --threads     so many searches side by side (1), each with the time, the work and a seed of its own; the best answer counts\n"
    "Exit: 0 done, 1 some pair cannot be served at all, 2 usage, 3 input refused.\n";
static const char CHECK_USAGE[] = "usage: meddispatch check INSTANCE SOLUTION [--json]\n"
                                  "Recomputes a solution in double precision: every pair once, by one vehicle, pickup first; windows, loads, hours.\n"
                                  "Exit: 0 feasible, 1 not feasible, 2 usage, 3 input refused.\n";

enum { THREADS_MAX = 64 }; /* an instance of 1,000 nodes costs a search 30 MB */

struct solve_options {
    const char *path, *second, *output;
    double time_s;
    int64_t seed, iterations, threads;
    bool json, help, cpu;
};

static bool read_options(int argc, char **argv, struct solve_options *out)
{
    static const struct option longs[] = {{"time", 1, 0, 't'}, {"iterations", 1, 0, 'i'}, {"threads", 1, 0, 'n'}, {"seed", 1, 0, 's'},
                                          {"json", 0, 0, 'j'}, {"help", 0, 0, 'h'},       {"output", 1, 0, 'o'},  {"cpu", 0, 0, 'c'},  {0}};
    *out = (struct solve_options){.time_s = 10, .seed = 1, .threads = 1};
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "o:", longs, NULL)) != -1;) {
        bool fine = true;
        switch (c) {
        case 't': fine = text_to_double(optarg, 0.01, 1e6, &out->time_s); break;
        case 'i': fine = text_to_i64(optarg, 1, INT64_C(1000000000000), &out->iterations); break;
        case 'n': fine = text_to_i64(optarg, 1, THREADS_MAX, &out->threads); break;
        case 's': fine = text_to_i64(optarg, 0, INT64_MAX, &out->seed); break;
        case 'o': out->output = optarg; break;
        case 'j': out->json = true; break;
        case 'c': out->cpu = true; break;
        case 'h': out->help = true; return true;
        default: return false;
        }
        if (!fine) {
            fprintf(stderr, "meddispatch %s: '%s' is out of range\n", argv[0], optarg);
            return false;
        }
    }
    if (optind < argc) out->path = argv[optind++];
    if (optind < argc) out->second = argv[optind++];
    return optind == argc && out->path;
}

struct search {
    const struct plan_instance *instance;
    const struct solve_options *options;
    struct plan_fleet_options fleet;
    int64_t budget_us, read_us, wall_begin_us; /* read_us: processor time that reading the instance has taken from the budget */
    pthread_t thread;
    struct plan_routes *routes;
    double distance;
    enum status status;
    struct error err;
};

static uint32_t spent_ppm(void *context)
{
    const struct search *search = context;
    double budget = (double)search->budget_us, cpu = (double)(clock_thread_us() + search->read_us) / budget;
    double wall = (double)(clock_boot_us() - search->wall_begin_us) / (2.0 * budget), spent = cpu > wall || search->options->cpu ? cpu : wall;
    return spent >= 1 ? 1000000 : (uint32_t)(spent * 1e6);
}

static void *search_run(void *context)
{
    struct search *search = context;
    search->status = plan_fleet_solve(search->instance, &search->fleet, &search->routes, &search->err);
    if (search->status != STATUS_OK || plan_routes_check(search->instance, search->routes, &search->distance, &search->err) == STATUS_OK) return NULL;
    (void)error_context(&search->err, "the solution found is wrong: ");
    search->status = STATUS_INTERNAL;
    return NULL;
}

/* All threads' answers, of which the best stays in `searches[0]`: fewest vehicles, then shortest, then the first. */
static enum status search_all(struct search *searches, const struct solve_options *options, const struct plan_instance *instance, int64_t wall_begin_us, struct error *err)
{
    uint32_t count = (uint32_t)options->threads, begun = 1;
    for (uint32_t i = 0; i < count; i++) {
        /* the first thread's seed is the one asked for; the others' lie far from the seeds that people try */
        uint64_t seed = (uint64_t)options->seed + i * UINT64_C(0xD1B54A32D192ED03);
        searches[i] = (struct search){.instance = instance, .options = options, .fleet = {.seed = seed, .iterations = (uint64_t)options->iterations},
                                      .budget_us = (int64_t)(options->time_s * 1e6), .wall_begin_us = wall_begin_us, .read_us = i ? clock_thread_us() : 0};
        searches[i].fleet.context = &searches[i];
        if (!options->iterations) searches[i].fleet.spent_ppm = spent_ppm;
    }
    while (begun < count && pthread_create(&searches[begun].thread, NULL, search_run, &searches[begun]) == 0) begun++;
    (void)search_run(&searches[0]);
    for (uint32_t i = 1; i < begun; i++) (void)pthread_join(searches[i].thread, NULL);
    if (begun < count) searches[0].status = error_set(&searches[0].err, STATUS_UNAVAILABLE, "only %u of %u threads could be started", begun, count);
    for (uint32_t i = 1; i < begun; i++) {
        struct search *best = &searches[0], *other = &searches[i];
        if (best->status == STATUS_OK && other->status != STATUS_OK) {
            best->status = other->status;
            best->err = other->err;
        } else if (best->status == STATUS_OK && (other->routes->route_count < best->routes->route_count ||
                                                 (other->routes->route_count == best->routes->route_count && other->distance < best->distance))) {
            struct plan_routes *worse = best->routes;
            best->routes = other->routes;
            best->distance = other->distance;
            other->routes = worse;
        }
        plan_routes_free(other->routes);
    }
    *err = searches[0].err;
    return searches[0].status;
}

static void print_solved(const struct solve_options *options, const struct plan_instance *instance, const struct plan_routes *routes, double distance)
{
    double cpu_s = (double)clock_cpu_us() / 1e6;
    if (options->json) {
        printf("{\"instance\":\"%s\",\"requests\":%u,\"vehicles\":%u,\"distance\":%.4f,\"seed\":%" PRId64 ",\"threads\":%" PRId64 ",\"steps\":%" PRIu64 ",\"tries\":%" PRIu64 ",\"cpu_seconds\":%.3f}\n", instance->name,
               (instance->node_count - 1) / 2, routes->route_count, distance, options->seed, options->threads, routes->steps, routes->tries, cpu_s);
        return;
    }
    printf("%s: %u pairs, %u vehicles, distance %.2f (%" PRIu64 " steps, %" PRIu64 " insertions tried, %.2f s)\n", instance->name, (instance->node_count - 1) / 2, routes->route_count,
           distance, routes->steps, routes->tries, cpu_s);
    if (options->output) return;
    struct buffer text;
    buffer_init(&text, 1 << 20);
    plan_routes_write(routes, instance->name, &text);
    fwrite(text.data, 1, text.size, stdout);
    buffer_deinit(&text);
}

int cmd_solve(int argc, char **argv)
{
    struct solve_options options;
    struct error err = {0};
    if (!read_options(argc, argv, &options) || (!options.help && options.second)) return fputs(SOLVE_USAGE, stderr), EXIT_USAGE;
    if (options.help) return fputs(SOLVE_USAGE, stdout), EXIT_DONE;
    static struct search searches[THREADS_MAX];
    int64_t wall_begin_us = clock_boot_us();
    struct plan_instance *instance = NULL;
    enum status rc = instance_file_read(options.path, &instance, &err);
    if (rc == STATUS_OK) rc = search_all(searches, &options, instance, wall_begin_us, &err);
    if (rc == STATUS_OK && options.output) rc = routes_file_write(options.output, instance, searches[0].routes, &err);
    if (rc == STATUS_OK) print_solved(&options, instance, searches[0].routes, searches[0].distance);
    plan_routes_free(searches[0].routes);
    plan_instance_free(instance);
    return rc == STATUS_OK ? EXIT_DONE : exit_told("solve", rc, &err);
}

int cmd_check(int argc, char **argv)
{
    struct solve_options options;
    struct error err = {0};
    if (!read_options(argc, argv, &options) || (!options.help && !options.second)) return fputs(CHECK_USAGE, stderr), EXIT_USAGE;
    if (options.help) return fputs(CHECK_USAGE, stdout), EXIT_DONE;
    struct plan_instance *instance = NULL;
    struct plan_routes *routes = NULL;
    double distance = 0;
    enum status rc = instance_file_read(options.path, &instance, &err);
    if (rc == STATUS_OK) rc = routes_file_read(options.second, instance, &routes, &err);
    if (rc == STATUS_OK) rc = plan_routes_check(instance, routes, &distance, &err);
    if (rc == STATUS_OK && options.json) printf("{\"instance\":\"%s\",\"feasible\":true,\"vehicles\":%u,\"distance\":%.4f}\n", instance->name, routes->route_count, distance);
    else if (rc == STATUS_OK) printf("%s: feasible, %u vehicles, distance %.2f\n", instance->name, routes->route_count, distance);
    else if (rc == STATUS_FAILED_PRECONDITION && options.json) {
        struct buffer text;
        buffer_init(&text, 4096);
        buffer_json_string(&text, err.text, strlen(err.text));
        printf("{\"instance\":\"%s\",\"feasible\":false,\"wrong\":%.*s}\n", instance->name, (int)text.size, (const char *)text.data);
        buffer_deinit(&text);
    }
    plan_routes_free(routes);
    plan_instance_free(instance);
    return rc == STATUS_OK ? EXIT_DONE : exit_told("check", rc, &err);
}
