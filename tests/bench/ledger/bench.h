/* What the parts of bench_ledger share: options, one way to tell a figure, raw SQL on the private cluster, and made-up books by seed. */
#ifndef BENCH_LEDGER_H
#define BENCH_LEDGER_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/base.h"

enum { BENCH_CITY = 1, BENCH_DAY = 20522 /* 2026-03-10 */, BENCH_PAYEES_MAX = 20000 };
#define BENCH_DAY_MS (BENCH_DAY * INT64_C(86400000))

struct bench {
    const char *conninfo, *program, *work; /* program: meddispatch; work: a folder of this run */
    uint64_t seed;
    int64_t seconds, claims, payees, rows, batch, connections, clients;
    char machine[200];
};

/* One JSON line. With a baseline (not NULL) its name, its value and the ratio. */
struct figure {
    const char *name, *unit, *baseline;
    double value, baseline_value;
    const char *note; /* JSON members to add, beginning with a comma; NULL none */
};
void tell(const struct bench *bench, const struct figure *figure);
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

PGconn *db_open(const struct bench *bench, const char *role);
void db_run(PGconn *raw, const char *format, ...) __attribute__((format(printf, 2, 3)));
int64_t db_number(PGconn *raw, const char *format, ...) __attribute__((format(printf, 2, 3)));
double seconds_since(int64_t start_us);

/* An empty, migrated database with the city, a plan and so many payees; drops what was there. */
void books_begin(const struct bench *bench);
/* Claims in state HELD, ids from..from+count-1, without orders or holds, over `members`; payee by Zipf (exponent 1.0) or uniform. */
void books_claims(const struct bench *bench, uint64_t from, uint64_t count, uint32_t members, bool zipf);
/* A whole day: orders, claims, lines, holds, ends and a sealed-ready ledger as the functions would have written it. */
void books_night(const struct bench *bench, uint64_t count);

void part_adjudicate(const struct bench *bench);
void part_postings(const struct bench *bench);
void part_night(const struct bench *bench);
void part_chain(const struct bench *bench);
void part_month(const struct bench *bench);

#endif
