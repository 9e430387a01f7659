/* meddispatch simulate: play a day of a city on virtual time and print what became of it. Wiring: sim plays. */
#include "main.h"

#include "geo/geo.h"
#include "sim/sim.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char USAGE[] =
    "usage: meddispatch simulate --map CITY.mdmap [--orders N] [--couriers N] [--hours H] [--policy nearest|lns] [--seed S]\n"
    "                            [--iterations N] [--calm] [--json]\n"
    "  --policy      nearest: a ready order goes to the nearest idle courier; lns: the planner (insertion, ruin and recreate)\n"
    "  --iterations  of the planner, each time it is asked (150)\n"
    "  --calm        no faults: nobody absent, no refusal, no breakdown, no late pharmacy, no cancellation\n"
    "Exit: 0 done, 2 usage, 3 input refused, 4 the map is away.\n";

struct simulate_options {
    const char *map;
    struct sim_options sim;
    bool json, help;
};

static bool read_number(const char *text, int64_t max, uint32_t *out)
{
    int64_t value;
    if (!text_to_i64(text, 1, max, &value)) return false;
    *out = (uint32_t)value;
    return true;
}

static bool read_policy(const char *name, enum sim_policy *out)
{
    if (strcmp(name, "nearest") == 0) *out = SIM_NEAREST;
    else if (strcmp(name, "lns") == 0) *out = SIM_LNS;
    else {
        fprintf(stderr, "meddispatch simulate: policy '%s' is not there: nearest or lns%s\n", name, strcmp(name, "batch") == 0 ? " (batch is planned, not built)" : "");
        return false;
    }
    return true;
}

static bool read_options(int argc, char **argv, struct simulate_options *out)
{
    static const struct option longs[] = {{"map", 1, 0, 'm'},  {"orders", 1, 0, 'o'},     {"couriers", 1, 0, 'c'}, {"hours", 1, 0, 'h'}, {"policy", 1, 0, 'p'},
                                          {"seed", 1, 0, 's'}, {"iterations", 1, 0, 'i'}, {"calm", 0, 0, 'q'},     {"json", 0, 0, 'j'},  {"help", 0, 0, '?'}, {0}};
    *out = (struct simulate_options){.sim = sim_options_default()};
    int64_t seed;
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        bool fine = true;
        switch (c) {
        case 'm': out->map = optarg; break;
        case 'o': fine = read_number(optarg, SIM_ORDERS_MAX, &out->sim.orders); break;
        case 'c': fine = read_number(optarg, SIM_COURIERS_MAX, &out->sim.couriers); break;
        case 'h': fine = read_number(optarg, SIM_HOURS_MAX - 1, &out->sim.hours); break;
        case 'i': fine = read_number(optarg, 1000000, &out->sim.plan_iterations); break;
        case 's':
            fine = text_to_i64(optarg, 0, INT64_MAX, &seed);
            out->sim.seed = fine ? (uint64_t)seed : 0;
            break;
        case 'p':
            if (!read_policy(optarg, &out->sim.policy)) return false;
            break;
        case 'q': out->sim.absent_pm = out->sim.decline_pm = out->sim.cancel_pm = out->sim.late_pharmacy_pm = out->sim.breakdown_pm = 0; break;
        case 'j': out->json = true; break;
        default:
            if (optopt) return false;
            out->help = true;
            return true;
        }
        if (!fine) {
            fprintf(stderr, "meddispatch simulate: '%s' is out of range\n", optarg);
            return false;
        }
    }
    return optind == argc && out->map;
}

static void print_result(const struct simulate_options *options, const struct sim_result *r, int64_t wall_us)
{
    char digest[65];
    hash_hex(r->digest.byte, sizeof r->digest.byte, digest);
    const char *policy = options->sim.policy == SIM_LNS ? "lns" : "nearest";
    if (options->json) {
        printf("{\"policy\":\"%s\",\"seed\":%" PRIu64 ",\"orders\":%u,\"tests\":%u,\"couriers\":%u,\"hours\":%u,\"delivered\":%u,\"at_lab\":%u,\"failed\":%u,\"returned\":%u,"
               "\"cancelled\":%u,\"rejected\":%u,\"unfinished\":%u,\"share_within_3h\":%.4f,\"mean_minutes\":%.2f,\"p50_minutes\":%.2f,\"p90_minutes\":%.2f,\"p99_minutes\":%.2f,"
               "\"km_per_order\":%.3f,\"changes_per_order\":%.4f,\"collection_to_lab_minutes\":%.2f,\"specimens_too_old\":%u,\"promises_missed\":%u,\"breakdowns\":%u,\"declines\":%u,"
               "\"facts\":%" PRIu64 ",\"plans\":%" PRIu64 ",\"evaluations\":%" PRIu64 ",\"digest\":\"%s\",\"wall_seconds\":%.2f}\n",
               policy, options->sim.seed, r->orders, r->tests, options->sim.couriers, options->sim.hours, r->delivered, r->at_lab, r->failed, r->returned, r->cancelled, r->rejected,
               r->unfinished, r->share_within_3h, r->mean_min, r->p50_min, r->p90_min, r->p99_min, r->km_per_order, r->changes_per_order, r->collection_to_lab_mean_min,
               r->specimens_too_old, r->promises_missed, r->breakdowns, r->declines, r->facts, r->plans, r->evaluations, digest, (double)wall_us / 1e6);
        return;
    }
    printf("policy %s, seed %" PRIu64 ": %u orders (%u tests), %u couriers, %u hours\n", policy, options->sim.seed, r->orders, r->tests, options->sim.couriers, options->sim.hours);
    printf("  ended      %u delivered, %u at the laboratory, %u returned, %u failed, %u cancelled, %u rejected, %u unfinished\n", r->delivered, r->at_lab, r->returned, r->failed, r->cancelled,
           r->rejected, r->unfinished);
    printf("  <= 3 h     %.2f %%   mean %.1f min   p50 %.1f   p90 %.1f   p99 %.1f\n", 100 * r->share_within_3h, r->mean_min, r->p50_min, r->p90_min, r->p99_min);
    printf("  per order  %.2f km, %.3f changes told to a courier\n", r->km_per_order, r->changes_per_order);
    printf("  specimens  %.1f min from collection to laboratory, %u too old\n", r->collection_to_lab_mean_min, r->specimens_too_old);
    printf("  faults     %u breakdowns, %u declined offers, %u promises missed\n", r->breakdowns, r->declines, r->promises_missed);
    printf("  work       %" PRIu64 " facts, %" PRIu64 " plans, %" PRIu64 " places tried, %.1f s; digest %.16s\n", r->facts, r->plans, r->evaluations, (double)wall_us / 1e6, digest);
}

int cmd_simulate(int argc, char **argv)
{
    struct simulate_options options;
    if (!read_options(argc, argv, &options)) {
        fputs(USAGE, stderr);
        return EXIT_USAGE;
    }
    if (options.help) {
        fputs(USAGE, stdout);
        return EXIT_DONE;
    }
    struct geo_map *map = NULL;
    struct geo_metric *metric = NULL;
    struct geo_error geo_error = {{0}};
    int code = EXIT_AWAY;
    enum geo_status opened = geo_map_open(options.map, &map, &geo_error);
    if (opened == GEO_OK) opened = geo_metric_new(map, &metric, &geo_error);
    if (opened != GEO_OK) {
        fprintf(stderr, "meddispatch simulate: %s: %s\n", options.map, geo_error.text);
        code = opened == GEO_IO || opened == GEO_NO_MEMORY ? EXIT_AWAY : EXIT_REFUSED;
    } else {
        struct sim_result result;
        struct error err = {0};
        int64_t begin_us = clock_boot_us();
        enum status rc = sim_run(metric, &options.sim, &result, &err);
        code = rc == STATUS_OK ? EXIT_DONE : exit_told("simulate", rc, &err);
        if (rc == STATUS_OK) print_result(&options, &result, clock_boot_us() - begin_us);
    }
    geo_metric_unref(metric);
    geo_map_unref(map);
    return code;
}
