/* A night: the day is closed, every payee's batch made, sealed, approved and sent, the day reconciled and the books verified, by the program as an operator runs it. */
#include "bench.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct step { double wall_s, cpu_s, rss_mb; };

static struct step run(const struct bench *bench, const char *const *words)
{
    const char *argv[24] = {bench->program};
    int count = 1;
    for (; *words; words++) argv[count++] = *words;
    argv[count++] = "--db";
    argv[count++] = bench->conninfo;
    argv[count] = NULL;
    int64_t start_us = clock_boot_us();
    pid_t child = fork();
    if (child < 0) die("fork");
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(null, STDOUT_FILENO);
        execv(bench->program, (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    struct rusage used;
    int status;
    if (wait4(child, &status, 0, &used) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) die("%s %s failed", words[-1], argv[2]);
    return (struct step){seconds_since(start_us), (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6,
                         (double)used.ru_maxrss / 1024};
}

static struct step verb(const struct bench *bench, const char *name, const char *actor)
{
    return run(bench, (const char *const[]){"settle", name, "--business-date", "2026-03-10", "--actor", actor, "--out", bench->work, NULL});
}

static void one(const struct bench *bench, const char *name, uint64_t claims, struct step step, double *sum_s, double *most_mb)
{
    char figure[120], note[120];
    text_format(figure, sizeof figure, "%s, %llu claims, %lld payees", name, (unsigned long long)claims, (long long)bench->payees);
    text_format(note, sizeof note, ",\"cpu_s\":%.2f,\"memory_mb\":%.0f", step.cpu_s, step.rss_mb);
    tell(bench, &(struct figure){.name = figure, .unit = "s", .value = step.wall_s, .note = note});
    *sum_s += step.wall_s;
    if (step.rss_mb > *most_mb) *most_mb = step.rss_mb;
}

static void files_away(const struct bench *bench)
{
    char path[512];
    DIR *folder = opendir(bench->work);
    if (!folder) die("no folder %s", bench->work);
    for (struct dirent *at; (at = readdir(folder));) {
        if (at->d_name[0] == '.') continue;
        text_format(path, sizeof path, "%s/%s", bench->work, at->d_name);
        (void)unlink(path);
    }
    closedir(folder);
}

static double night(const struct bench *bench, uint64_t claims)
{
    double sum_s = 0, most_mb = 0, unused = 0;
    char note[64], figure[120];
    books_begin(bench);
    books_night(bench, claims);
    PGconn *raw = db_open(bench, NULL);
    db_run(raw, "CREATE TABLE plain_items AS SELECT l.entry_id, c.payee, l.amount_fen, c.submitted_fen, c.eligible_fen, c.service_ms FROM ledger l JOIN claim c USING (claim_id) WHERE false");
    int64_t start_us = clock_boot_us();
    db_run(raw, "INSERT INTO plain_items SELECT l.entry_id, c.payee, l.amount_fen, c.submitted_fen, c.eligible_fen, c.service_ms FROM ledger l JOIN claim c USING (claim_id) WHERE l.kind = 2");
    db_run(raw, "SELECT count(*) FROM (SELECT payee, sum(amount_fen), string_agg(entry_id || ',' || submitted_fen || ',' || eligible_fen || ',' || amount_fen, E'\\n' ORDER BY entry_id) "
                 "FROM plain_items GROUP BY payee OFFSET 0) x");
    double plain_s = seconds_since(start_us);
    db_run(raw, "DROP TABLE plain_items");
    PQfinish(raw);
    one(bench, "close", claims, verb(bench, "close", "anna"), &sum_s, &most_mb);
    one(bench, "prepare, with files", claims, verb(bench, "prepare", "anna"), &sum_s, &most_mb);
    one(bench, "approve", claims, verb(bench, "approve", "bert"), &sum_s, &most_mb);
    one(bench, "send, with pain.001", claims, verb(bench, "send", "anna"), &sum_s, &most_mb);
    text_format(figure, sizeof figure, "the night, close to files sent, %llu claims", (unsigned long long)claims);
    text_format(note, sizeof note, ",\"memory_mb\":%.0f", most_mb);
    tell(bench, &(struct figure){.name = figure, .unit = "s", .value = sum_s, .baseline = "one INSERT of the same items and one string_agg of their lines", .baseline_value = plain_s,
                                 .note = note});
    one(bench, "reconcile", claims, run(bench, (const char *const[]){"reconcile", "--business-date", "2026-03-10", NULL}), &unused, &unused);
    one(bench, "ledger verify, in the database", claims, run(bench, (const char *const[]){"ledger", "verify", NULL}), &unused, &unused);
    char file[200], head[200];
    text_format(file, sizeof file, "%s/night.tsv", bench->work);
    one(bench, "ledger export", claims, run(bench, (const char *const[]){"ledger", "export", "--export", file, NULL}), &unused, &unused);
    text_format(head, sizeof head, "%s/ledger-head-1-20260310.txt", bench->work);
    one(bench, "ledger verify, of the export with its head", claims,
        run(bench, (const char *const[]){"ledger", "verify", "--export", file, "--head", head, NULL}), &unused, &unused);
    files_away(bench);
    return sum_s;
}

void part_night(const struct bench *bench)
{
    if (!bench->program) die("the night needs --program PATH of meddispatch");
    double tenth_s = night(bench, (uint64_t)bench->claims / 10), whole_s = night(bench, (uint64_t)bench->claims);
    tell(bench, &(struct figure){.name = "the night, ten times the claims", .unit = "times as long", .value = whole_s / tenth_s, .baseline = "linear", .baseline_value = 10});
}
