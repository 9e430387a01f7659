/* meddispatch solve, meddispatch check: the optimizer on public benchmark instances. Wiring: plan reads, solves and checks. */
#include "main.h"

#include "instance_file.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char SOLVE_USAGE[] =
    "usage: meddispatch solve INSTANCE [--time S | --iterations N] [--threads 1] [--seed N] [--cpu] [-o SOLUTION] [--json]\n"
    "Pickup and delivery with time windows: fewest vehicles first, then the shortest way. Reads Li & Lim's and Sartori & Buriol's files.\n"
    "  --time        seconds of one core (10), reading included; on a machine that is busy with other work at most twice as long\n"
    "  --cpu         count processor time only, however long that takes on the clock\n"
    "  --iterations  a fixed amount of work instead: the same bytes for the same seed\n"
    "Exit: 0 done, 1 some pair cannot be served at all, 2 usage, 3 input refused.\n";
static const char CHECK_USAGE[] = "usage: meddispatch check INSTANCE SOLUTION [--json]\n"
                                  "Recomputes a solution in double precision: every pair once, by one vehicle, pickup first; windows, loads, hours.\n"
                                  "Exit: 0 feasible, 1 not feasible, 2 usage, 3 input refused.\n";

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
        case 'n': fine = text_to_i64(optarg, 1, 1, &out->threads); break;
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

struct budget {
    int64_t cpu_us, wall_begin_us;
    bool cpu_only;
};

static uint32_t spent_ppm(void *context)
{
    const struct budget *budget = context;
    double cpu = (double)clock_cpu_us() / (double)budget->cpu_us, wall = (double)(clock_boot_us() - budget->wall_begin_us) / (2.0 * (double)budget->cpu_us);
    double spent = cpu > wall || budget->cpu_only ? cpu : wall;
    return spent >= 1 ? 1000000 : (uint32_t)(spent * 1e6);
}

static void print_solved(const struct solve_options *options, const struct plan_instance *instance, const struct plan_routes *routes, double distance)
{
    double cpu_s = (double)clock_cpu_us() / 1e6;
    if (options->json) {
        printf("{\"instance\":\"%s\",\"requests\":%u,\"vehicles\":%u,\"distance\":%.4f,\"seed\":%" PRId64 ",\"steps\":%" PRIu64 ",\"tries\":%" PRIu64 ",\"cpu_seconds\":%.3f}\n", instance->name,
               (instance->node_count - 1) / 2, routes->route_count, distance, options->seed, routes->steps, routes->tries, cpu_s);
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
    struct budget budget = {(int64_t)(options.time_s * 1e6), clock_boot_us(), options.cpu};
    struct plan_instance *instance = NULL;
    struct plan_routes *routes = NULL;
    double distance = 0;
    enum status rc = instance_file_read(options.path, &instance, &err);
    if (rc == STATUS_OK) {
        struct plan_fleet_options fleet = {.seed = (uint64_t)options.seed, .iterations = (uint64_t)options.iterations};
        if (!options.iterations) fleet.spent_ppm = spent_ppm;
        fleet.context = &budget;
        rc = plan_fleet_solve(instance, &fleet, &routes, &err);
    }
    if (rc == STATUS_OK && plan_routes_check(instance, routes, &distance, &err) != STATUS_OK) {
        (void)error_context(&err, "the solution found is wrong: ");
        rc = STATUS_INTERNAL;
    }
    if (rc == STATUS_OK && options.output) rc = routes_file_write(options.output, instance, routes, &err);
    if (rc == STATUS_OK) print_solved(&options, instance, routes, distance);
    plan_routes_free(routes);
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
