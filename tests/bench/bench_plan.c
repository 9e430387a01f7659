/* How good plan's answers to public pickup and delivery instances are, one JSON line a figure:
 *
 *   bench_plan [--set ll100|ll200|ll600|sb100|sb200|sb400 ...] [--time S | --iterations N] [--seeds N] [--only TEXT] [--table] [--made-up COUNT]
 *
 * One thread; the time is processor time, so that a busy machine changes nothing but the wait. Instances and best-known results come from the data folder
 * (MEDDISPATCH_DATA); --made-up needs none and has no best known. Every answer passes the checker or the run ends with 1. Seeds count up from 1, and a set's sums
 * are per seed. --only takes the instances whose name holds TEXT. */
#include "plan/plan.h"
#include "tests/unit/plan/random_instance.h"

#include <dirent.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES_MAX = 400, PATH_SIZE = 512, KNOWN_MAX = 1000, SETS_MAX = 6 };

static const struct {
    const char *name, *folder;
} SETS[] = {{"ll100", "li_lim/pdp_100"}, {"ll200", "li_lim/pdp_200"}, {"ll600", "li_lim/pdp_600"}, {"sb100", "sartori_buriol/n100"}, {"sb200", "sartori_buriol/n200"}, {"sb400", "sartori_buriol/n400"}};

struct known {
    char name[32];
    uint32_t vehicles;
    double distance;
};

struct bench {
    const char *data, *only, *set;
    double time_s;
    uint64_t iterations, seed;
    bool table;
    uint32_t known_count;
    struct known known[KNOWN_MAX];
    char machine[160];
    int64_t begin_us;
};

/* Over the instances of a set, of those with a best known. */
struct sums {
    uint32_t instances, vehicles, best_vehicles, equal, exact, above;
    double ratio, all_distance, best_distance, cpu_s;
    uint64_t tries;
};

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "bench_plan: %s: %s\n", what, why);
    exit(1);
}

static void machine_read(char *out, size_t size)
{
    char line[256], model[128] = "unknown processor";
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        text_format(model, sizeof model, "%.*s", (int)strcspn(colon + 2, "\n\"\\"), colon + 2);
        break;
    }
    if (file) fclose(file);
    text_format(out, size, "%s, %ld cores", model, sysconf(_SC_NPROCESSORS_ONLN));
}

/* instance,_,_,vehicles,distance,… or instance,_,vehicles,cost,…: the column of the vehicles tells them apart. */
static void known_read(struct bench *bench, const char *file_name, int column)
{
    char path[PATH_SIZE], line[256];
    text_format(path, sizeof path, "%s/bks/%s", bench->data, file_name);
    FILE *file = fopen(path, "r");
    if (!file || !fgets(line, sizeof line, file)) fail(path, "cannot be read");
    while (fgets(line, sizeof line, file) && bench->known_count < KNOWN_MAX) {
        struct known *known = &bench->known[bench->known_count++];
        const char *at = line;
        text_format(known->name, sizeof known->name, "%.*s", (int)strcspn(line, ","), line);
        for (int i = 0; i < column && at; i++) at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL;
        if (!at) fail(path, "a line is too short");
        known->vehicles = (uint32_t)strtoul(at, NULL, 10);
        known->distance = strtod(strchr(at, ',') + 1, NULL);
    }
    fclose(file);
}

static const struct known *known_of(const struct bench *bench, const char *name)
{
    for (uint32_t i = 0; i < bench->known_count; i++)
        if (strcasecmp(bench->known[i].name, name) == 0) return &bench->known[i];
    return NULL;
}

static void tell(const struct bench *bench, const char *instance, const char *figure, const char *unit, double value, double baseline)
{
    if (bench->table) return;
    printf("{\"bench\":\"plan\",\"set\":\"%s\",\"instance\":\"%s\",\"figure\":\"%s\",\"unit\":\"%s\",\"value\":%.8g", bench->set, instance, figure, unit, value);
    if (baseline > 0) printf(",\"baseline\":\"best known\",\"baseline_value\":%.8g,\"ratio\":%.6g", baseline, value / baseline);
    if (bench->iterations) printf(",\"iterations\":%llu", (unsigned long long)bench->iterations);
    else printf(",\"cpu_seconds\":%g", bench->time_s);
    printf(",\"machine\":\"%s\",\"seed\":%llu}\n", bench->machine, (unsigned long long)bench->seed);
    fflush(stdout);
}

static uint32_t spent_ppm(void *context)
{
    const struct bench *bench = context;
    double spent = (double)(clock_cpu_us() - bench->begin_us) / bench->time_s;
    return spent >= 1e6 ? 1000000 : (uint32_t)spent;
}

static void solve_one(struct bench *bench, struct plan_instance *instance, struct sums *sums)
{
    struct error err = {0};
    struct plan_routes *routes = NULL;
    double distance;
    struct plan_fleet_options options = {.seed = bench->seed, .iterations = bench->iterations, .context = bench};
    if (!bench->iterations) options.spent_ppm = spent_ppm;
    if (plan_fleet_solve(instance, &options, &routes, &err) != STATUS_OK || plan_routes_check(instance, routes, &distance, &err) != STATUS_OK) fail(instance->name, err.text);
    const struct known *known = known_of(bench, instance->name);
    tell(bench, instance->name, "vehicles", "vehicles", routes->route_count, known ? known->vehicles : 0);
    tell(bench, instance->name, "distance", "instance's own", distance, known ? known->distance : 0);
    sums->instances++;
    sums->vehicles += routes->route_count;
    sums->all_distance += distance;
    sums->tries += routes->tries;
    sums->cpu_s += (double)(clock_cpu_us() - bench->begin_us) / 1e6;
    if (known) {
        sums->best_vehicles += known->vehicles;
        sums->best_distance += known->distance;
        sums->above += routes->route_count > known->vehicles;
        if (routes->route_count == known->vehicles) {
            sums->equal++;
            sums->ratio += distance / known->distance;
            sums->exact += distance <= known->distance + 0.01; /* the lists have two places */
        }
    }
    plan_routes_free(routes);
    plan_instance_free(instance);
}

static void tell_sums(const struct bench *bench, const struct sums *sums)
{
    if (sums->instances == 0) return;
    tell(bench, "all", "vehicles, sum", "vehicles", sums->vehicles, sums->best_vehicles);
    tell(bench, "all", "distance, sum", "instance's own", sums->all_distance, sums->best_distance);
    tell(bench, "all", "insertions looked at", "1/s", (double)sums->tries / sums->cpu_s, 0);
    if (sums->equal > 0) {
        tell(bench, "all", "instances at best-known vehicles", "instances", sums->equal, sums->instances);
        tell(bench, "all", "distance against best known where vehicles are equal, mean", "ratio", sums->ratio / sums->equal, 0);
    }
    if (sums->exact > 0) tell(bench, "all", "instances exactly best known", "instances", sums->exact, sums->instances);
    if (!bench->table) return;
    printf("%-8s %4llu %6u %9u %10u %9u %7u %11.3f %% %9.1f\n", bench->set, (unsigned long long)bench->seed, sums->instances, sums->vehicles, sums->best_vehicles, sums->equal, sums->exact,
           sums->equal ? 100 * (sums->ratio / sums->equal - 1) : 0.0, sums->cpu_s / sums->instances);
    fflush(stdout);
}

static char *text_of(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) fail(path, "cannot be read");
    *size = (size_t)ftell(file);
    rewind(file);
    char *text = mem_alloc(*size + 1);
    if (fread(text, 1, *size, file) != *size) fail(path, "cannot be read");
    fclose(file);
    return text;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void run_set(struct bench *bench, const char *folder)
{
    static char names[FILES_MAX][64];
    char path[PATH_SIZE];
    uint32_t count = 0;
    struct sums sums = {0};
    text_format(path, sizeof path, "%s/%s", bench->data, folder);
    DIR *directory = opendir(path);
    if (!directory) fail(path, "is not there: set MEDDISPATCH_DATA, or use --made-up");
    for (struct dirent *entry; (entry = readdir(directory)) && count < FILES_MAX;)
        if (strstr(entry->d_name, ".txt") && (!bench->only || strstr(entry->d_name, bench->only)) && text_copy(names[count], sizeof names[0], entry->d_name)) count++;
    closedir(directory);
    qsort(names, count, sizeof names[0], by_name);
    for (uint32_t i = 0; i < count; i++) {
        size_t size;
        struct error err = {0};
        struct plan_instance *instance = NULL;
        text_format(path, sizeof path, "%s/%s/%s", bench->data, folder, names[i]);
        bench->begin_us = clock_cpu_us();
        char *text = text_of(path, &size);
        *strstr(names[i], ".txt") = '\0';
        if (plan_instance_read(text, size, names[i], &instance, &err) != STATUS_OK) fail(path, err.text);
        free(text);
        solve_one(bench, instance, &sums);
    }
    tell_sums(bench, &sums);
}

static void run_made_up(struct bench *bench, uint32_t count)
{
    struct rng rng;
    struct sums sums = {0};
    rng_init(&rng, 1);
    bench->set = "made-up";
    for (uint32_t i = 0; i < count; i++) {
        struct test_instance_shape shape = {50, i % 2 ? PLAN_LI_LIM : PLAN_SARTORI_BURIOL, 600, 100};
        bench->begin_us = clock_cpu_us();
        solve_one(bench, test_instance_new(&rng, shape), &sums);
    }
    tell_sums(bench, &sums);
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {{"set", 1, 0, 's'}, {"time", 1, 0, 't'}, {"iterations", 1, 0, 'i'}, {"seeds", 1, 0, 'n'}, {"only", 1, 0, 'o'}, {"table", 0, 0, 'b'}, {"made-up", 1, 0, 'm'}, {0}};
    static struct bench bench = {.time_s = 10};
    int64_t iterations = 0, seeds = 1, made_up = 0;
    bool wanted[SETS_MAX] = {false}, any = false;
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        bool fine = c != '?';
        if (c == 's') {
            fine = false;
            for (size_t i = 0; i < COUNT_OF(SETS); i++)
                if (strcmp(optarg, SETS[i].name) == 0) fine = any = wanted[i] = true;
        }
        if (c == 't') fine = text_to_double(optarg, 0.01, 1e6, &bench.time_s);
        if (c == 'i') fine = text_to_i64(optarg, 1, INT64_C(1000000000000), &iterations);
        if (c == 'n') fine = text_to_i64(optarg, 1, 1000, &seeds);
        if (c == 'm') fine = text_to_i64(optarg, 1, 1000, &made_up);
        if (c == 'o') bench.only = optarg;
        if (c == 'b') bench.table = true;
        if (!fine) fail("usage", "bench_plan [--set ll100|ll200|ll600|sb100|sb200|sb400 ...] [--time S | --iterations N] [--seeds N] [--only TEXT] [--table] [--made-up COUNT]");
    }
    bench.iterations = (uint64_t)iterations;
    machine_read(bench.machine, sizeof bench.machine);
    bench.data = getenv("MEDDISPATCH_DATA") ? getenv("MEDDISPATCH_DATA") : "../shared/data";
    if (made_up == 0) {
        known_read(&bench, "li_lim_best_known.csv", 3);
        known_read(&bench, "sartori_buriol_best_known.csv", 2);
    }
    if (bench.table) printf("%-8s %4s %6s %9s %10s %9s %7s %13s %9s\n", "set", "seed", "files", "vehicles", "best known", "equal", "exact", "distance", "CPU s");
    for (int64_t seed = 1; seed <= seeds; seed++) {
        bench.seed = (uint64_t)seed;
        if (made_up > 0) run_made_up(&bench, (uint32_t)made_up);
        for (size_t i = 0; i < COUNT_OF(SETS) && made_up == 0; i++) {
            if (any && !wanted[i]) continue;
            bench.set = SETS[i].name;
            run_set(&bench, SETS[i].folder);
        }
    }
    return 0;
}
