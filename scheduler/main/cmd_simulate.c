/* meddispatch simulate: play a day of a city on virtual time and print what became of it. Wiring: sim plays. */
#include "simulate.h"

#include "main.h"

#include "geo/geo.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char USAGE[] =
    "usage: meddispatch simulate --map CITY.mdmap [--orders N] [--couriers N] [--hours H] [--policy P] [--seed S] [--iterations N] [--calm] [--json]\n"
    "       meddispatch simulate --mdrp FOLDER [--rules strict|relaxed] [--policy P] [--seed S] [--iterations N] [--json] [-o FOLDER]\n"
    "  --policy      one or several by commas, or all; each plays the same day\n"
    "                nearest: a ready order goes to the nearest idle courier; batch: bundles matched with near couriers;\n"
    "                lns: the planner (insertion, ruin and recreate)\n"
    "  --iterations  of the planner, each time it is asked\n"
    "  --calm        no faults: nobody absent, no refusal, no breakdown, no late pharmacy, no cancellation\n"
    "  --mdrp        a day of the Meal Delivery Routing Problem: restaurants.txt, orders.txt, couriers.txt, instance_parameters.txt\n"
    "  -o            write the benchmark's solution files there (in folders by policy if there are several)\n"
    "Exit: 0 done, 2 usage, 3 input refused, 4 the map is away.\n";

static bool read_number(const char *text, int64_t max, uint32_t *out)
{
    int64_t value;
    if (!text_to_i64(text, 1, max, &value)) return false;
    *out = (uint32_t)value;
    return true;
}

static bool add_policy(struct simulate_options *options, enum sim_policy policy)
{
    for (uint32_t i = 0; i < options->policy_count; i++)
        if (options->policies[i] == policy) return true;
    options->policies[options->policy_count++] = policy;
    return true;
}

/* "nearest,lns", or "all". */
static bool read_policies(const char *names, struct simulate_options *out)
{
    static const enum sim_policy ALL[POLICIES_MAX] = {SIM_NEAREST, SIM_BATCH, SIM_LNS};
    out->policy_count = 0;
    for (const char *at = names;; at++) {
        size_t length = strcspn(at, ",");
        bool known = false;
        for (uint32_t i = 0; i < POLICIES_MAX; i++) {
            const char *name = sim_policy_name(ALL[i]);
            bool same = strlen(name) == length && strncmp(name, at, length) == 0;
            if (same || (length == 3 && strncmp(at, "all", 3) == 0)) known = add_policy(out, ALL[i]);
        }
        if (!known) {
            fprintf(stderr, "meddispatch simulate: policy '%.*s' is not there: nearest, batch, lns or all\n", (int)length, at);
            return false;
        }
        at += length;
        if (*at == '\0') return true;
    }
}

static bool read_rules(const char *name, struct simulate_options *out)
{
    out->relaxed = strcmp(name, "relaxed") == 0;
    if (out->relaxed || strcmp(name, "strict") == 0) return true;
    fprintf(stderr, "meddispatch simulate: rules are strict or relaxed, not '%s'\n", name);
    return false;
}

static bool read_options(int argc, char **argv, struct simulate_options *out)
{
    static const struct option longs[] = {{"map", 1, 0, 'm'},        {"orders", 1, 0, 'n'}, {"couriers", 1, 0, 'c'}, {"hours", 1, 0, 'h'}, {"policy", 1, 0, 'p'}, {"seed", 1, 0, 's'},
                                          {"iterations", 1, 0, 'i'}, {"calm", 0, 0, 'q'},   {"json", 0, 0, 'j'},     {"mdrp", 1, 0, 'M'},  {"rules", 1, 0, 'r'},  {"help", 0, 0, '?'}, {0}};
    *out = (struct simulate_options){.sim = sim_options_default(), .policies = {SIM_LNS}, .policy_count = 1};
    int64_t seed;
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "o:", longs, NULL)) != -1;) {
        bool fine = true;
        switch (c) {
        case 'm': out->map = optarg; break;
        case 'M': out->mdrp = optarg; break;
        case 'o': out->out = optarg; break;
        case 'n': fine = read_number(optarg, SIM_ORDERS_MAX, &out->sim.orders); break;
        case 'c': fine = read_number(optarg, SIM_COURIERS_MAX, &out->sim.couriers); break;
        case 'h': fine = read_number(optarg, SIM_HOURS_MAX - 1, &out->sim.hours); break;
        case 'i': fine = read_number(optarg, 1000000, &out->iterations); break;
        case 's':
            fine = text_to_i64(optarg, 0, INT64_MAX, &seed);
            out->sim.seed = fine ? (uint64_t)seed : 0;
            break;
        case 'p':
            if (!read_policies(optarg, out)) return false;
            break;
        case 'r':
            if (!read_rules(optarg, out)) return false;
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
    return optind == argc && !out->map != !out->mdrp;
}

static void print_result(const struct simulate_options *options, const struct sim_result *r, int64_t wall_us)
{
    char digest[65];
    hash_hex(r->digest.byte, sizeof r->digest.byte, digest);
    const char *policy = sim_policy_name(options->sim.policy);
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

/* Every policy plays the same day on the same roads. */
static int simulate_city(struct simulate_options *options, const struct geo_metric *metric)
{
    if (options->iterations) options->sim.plan_iterations = options->iterations;
    for (uint32_t p = 0; p < options->policy_count; p++) {
        struct sim_result result;
        struct error err = {0};
        int64_t begin_us = clock_boot_us();
        options->sim.policy = options->policies[p];
        enum status rc = sim_run(metric, &options->sim, &result, &err);
        if (rc != STATUS_OK) return exit_told("simulate", rc, &err);
        print_result(options, &result, clock_boot_us() - begin_us);
    }
    return EXIT_DONE;
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
    if (options.mdrp) return simulate_mdrp(&options);
    struct geo_map *map = NULL;
    struct geo_metric *metric = NULL;
    struct geo_error geo_error = {{0}};
    int code;
    enum geo_status opened = geo_map_open(options.map, &map, &geo_error);
    if (opened == GEO_OK) opened = geo_metric_new(map, &metric, &geo_error);
    if (opened != GEO_OK) {
        fprintf(stderr, "meddispatch simulate: %s: %s\n", options.map, geo_error.text);
        code = opened == GEO_IO || opened == GEO_NO_MEMORY ? EXIT_AWAY : EXIT_REFUSED;
    } else code = simulate_city(&options, metric);
    geo_metric_unref(metric);
    geo_map_unref(map);
    return code;
}
