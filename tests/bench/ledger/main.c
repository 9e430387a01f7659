/* How fast the books are, one JSON line a figure, beside baselines of the same row shapes in the same run:
 *
 *   with_postgres --durable bench_ledger [--only PART,...] [--program meddispatch] [--seconds S] [--claims N] [--payees N] [--rows N] [--batch N]
 *                                        [--connections N] [--clients N] [--seed N]
 *   parts: adjudicate postings night chain month */
#include "bench.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "bench_ledger: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    exit(1);
}

void tell(const struct bench *bench, const struct figure *f)
{
    printf("{\"bench\":\"ledger\",\"figure\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"", f->name, f->value, f->unit);
    if (f->baseline) printf(",\"baseline\":\"%s\",\"baseline_value\":%.6g,\"ratio\":%.4g", f->baseline, f->baseline_value, f->value / f->baseline_value);
    if (f->note) printf("%s", f->note);
    printf(",\"machine\":\"%s\",\"seed\":%llu}\n", bench->machine, (unsigned long long)bench->seed);
    fflush(stdout);
}

double seconds_since(int64_t start_us)
{
    return (double)(clock_boot_us() - start_us) / 1e6;
}

static void machine_name(char *out, size_t size)
{
    char model[100] = "unknown", line[256];
    FILE *info = fopen("/proc/cpuinfo", "re");
    while (info && fgets(line, sizeof line, info))
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':')) {
            text_format(model, sizeof model, "%.90s", strchr(line, ':') + 2);
            model[strcspn(model, "\n\"\\")] = '\0';
            break;
        }
    if (info) fclose(info);
    text_format(out, size, "%s, %ld cores, PostgreSQL and clients together", model, sysconf(_SC_NPROCESSORS_ONLN));
}

static const struct {
    const char *name;
    void (*run)(const struct bench *bench);
} PARTS[] = {{"adjudicate", part_adjudicate}, {"chain", part_chain}, {"postings", part_postings}, {"night", part_night}, {"month", part_month}};

static bool wanted(const char *only, const char *part)
{
    if (!only) return true;
    for (const char *at = only; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, part, strlen(part)) == 0 && (at[strlen(part)] == ',' || !at[strlen(part)])) return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"only", required_argument, NULL, 'o'}, {"program", required_argument, NULL, 'p'}, {"seconds", required_argument, NULL, 's'},
                                            {"claims", required_argument, NULL, 'c'}, {"payees", required_argument, NULL, 'P'}, {"rows", required_argument, NULL, 'r'},
                                            {"batch", required_argument, NULL, 'b'}, {"connections", required_argument, NULL, 'n'}, {"clients", required_argument, NULL, 'C'},
                                            {"seed", required_argument, NULL, 'S'}, {NULL, 0, NULL, 0}};
    struct bench bench = {.conninfo = getenv("MEDDISPATCH_TEST_DB"), .seed = 1, .seconds = 10, .claims = 1000000, .payees = 2000, .rows = 10000000, .batch = 200,
                          .connections = 4, .clients = 32};
    const char *only = NULL;
    char work[] = "/tmp/meddispatch-bench.XXXXXX";
    int64_t seed = 1;
    bool good = true;
    for (int c; (c = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;) {
        if (c == 'o') only = optarg;
        else if (c == 'p') bench.program = optarg;
        else if (c == 's') good &= text_to_i64(optarg, 1, 3600, &bench.seconds);
        else if (c == 'c') good &= text_to_i64(optarg, 100, 20000000, &bench.claims);
        else if (c == 'P') good &= text_to_i64(optarg, 1, BENCH_PAYEES_MAX, &bench.payees);
        else if (c == 'r') good &= text_to_i64(optarg, 100, 1000000000, &bench.rows);
        else if (c == 'b') good &= text_to_i64(optarg, 1, 5000, &bench.batch);
        else if (c == 'n') good &= text_to_i64(optarg, 1, 64, &bench.connections);
        else if (c == 'C') good &= text_to_i64(optarg, 1, 64, &bench.clients);
        else if (c == 'S') good &= text_to_i64(optarg, 0, INT64_MAX, &seed);
        else good = false;
    }
    if (!good || optind < argc) {
        fprintf(stderr, "usage: bench_ledger [--only adjudicate,chain,postings,night,month] [--program P] [--seconds S] [--claims N] [--payees N] [--rows N] [--batch N]\n"
                        "                    [--connections N] [--clients N] [--seed N]   under tests/support/with_postgres --durable\n");
        return 2;
    }
    bench.seed = (uint64_t)seed;
    machine_name(bench.machine, sizeof bench.machine);
    if (!mkdtemp(work)) die("no folder to work in");
    bench.work = work;
    for (size_t i = 0; i < COUNT_OF(PARTS); i++)
        if (wanted(only, PARTS[i].name)) PARTS[i].run(&bench);
    (void)rmdir(work); /* parts take their files away; one that died leaves them to be looked at */
    return 0;
}
