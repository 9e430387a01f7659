/* meddispatch simulate: play a day of a city on virtual time and print what became of it. Wiring: sim plays. */
#include "simulate.h"

#include "main.h"


#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char USAGE[] =
    "usage: meddispatch simulate --map CITY.mdmap [--orders N | --demand FILE.csv] [--couriers N | --fleet-search] [--hours H] [--policy P] [--seed S]\n"
    "                            [--surge X] [--traffic FILE.csv] [--iterations N] [--calm] [--all-day] [--hindsight N] [--json]\n"
    "       meddispatch simulate --mdrp FOLDER [--rules strict|relaxed] [--policy P] [--seed S] [--iterations N] [--json] [-o FOLDER]\n"
    "  --policy      one or several by commas, or all; each plays the same day\n"
    "                nearest: a ready order goes to the nearest idle courier; batch: bundles matched with near couriers;\n"
    "                lns: the planner (insertion, ruin and recreate)\n"
    "  --demand      orders: kind (prescription, test), accepted_s and ready_s after 10:00, pickup_lat, pickup_lon, home_lat, home_lon, service_s, urgent\n"
    "  --surge       of flu prescriptions, a fifth of a usual day's: 4.5 and 14 have been seen\n"
    "  --traffic     speeds by road class and hour, like deploy/config/traffic.csv\n"
    "  --fleet-search  the number of couriers with which 99 % of the orders are done within three hours, for each policy\n"
    "  --hindsight   look back with N iterations: how far the day was from what could have been had all been known (with --calm)\n"
    "  --all-day     couriers are there from first to last; else they come and go in shifts\n"
    "  --iterations  of the planner, each time it is asked\n"
    "  --calm        no faults: nobody absent, no refusal, no breakdown, no late pharmacy, no cancellation, nobody offline\n"
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
                                          {"iterations", 1, 0, 'i'}, {"calm", 0, 0, 'q'},   {"json", 0, 0, 'j'},     {"mdrp", 1, 0, 'M'},  {"rules", 1, 0, 'r'},  {"demand", 1, 0, 'd'},
                                          {"surge", 1, 0, 'S'},      {"traffic", 1, 0, 't'}, {"fleet-search", 0, 0, 'f'}, {"all-day", 0, 0, 'a'},
                                          {"hindsight", 1, 0, 'H'},  {"help", 0, 0, '?'}, {0}};
    *out = (struct simulate_options){.sim = sim_options_default(), .policies = {SIM_LNS}, .policy_count = 1};
    int64_t seed;
    double surge;
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "o:", longs, NULL)) != -1;) {
        bool fine = true;
        switch (c) {
        case 'm': out->map = optarg; break;
        case 'M': out->mdrp = optarg; break;
        case 'o': out->out = optarg; break;
        case 'd': out->demand = optarg; break;
        case 't': out->traffic = optarg; break;
        case 'f': out->fleet_search = true; break;
        case 'H': fine = read_number(optarg, 100000000, &out->sim.hindsight_iterations); break;
        case 'a': out->sim.shifts = false; break;
        case 'S':
            fine = text_to_double(optarg, 1, SIM_SURGE_MAX_PERCENT / 100.0, &surge);
            if (fine) out->sim.surge_percent = (uint32_t)(surge * 100 + 0.5);
            break;
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
        case 'q': out->sim.absent_pm = out->sim.decline_pm = out->sim.cancel_pm = out->sim.late_pharmacy_pm = out->sim.breakdown_pm = out->sim.offline_pm = 0; break;
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
    return simulate_city(&options);
}
