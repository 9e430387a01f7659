/* Postings a second through hold_open and hold_end, in batches and one by one, uniform and under Zipf's law; beside them, on tables of the same row shapes and indexes,
 * what PostgreSQL does with plain inserts and with two balances updated a transfer. */
#include "bench.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MEMBERS_MAX = 50000, MEMBERS_MIN = 100, WARM_MAX = 20000, CONNECTIONS_MAX = 64, ARRAY_MAX = 5000 * 21 };

/* What a connection does over and over until time is up; returns how many entries were posted. */
struct work {
    const struct bench *bench;
    pthread_t thread;
    uint32_t index, count;    /* this connection, of so many */
    uint64_t next, end;       /* its claims */
    uint32_t batch;
    int kind;                 /* 0 holds and posts, 1 plain inserts, 2 inserts with balances */
    bool zipf;
    int64_t until_us;
    uint64_t postings, transactions;
    int64_t done_us;          /* when time or claims were up */
};

/* Two batches may meet on two members in a ring: intake locks members in one order before it opens holds, here nobody does. The one that was shot goes again. */
static uint64_t ask(PGconn *raw, const char *name, int count, const char *const *values)
{
    PGresult *res = PQexecPrepared(raw, name, count, values, NULL, NULL, 0);
    int64_t value = 0;
    for (int tries = 0; tries < 100 && PQresultStatus(res) == PGRES_FATAL_ERROR && strcmp(PQresultErrorField(res, PG_DIAG_SQLSTATE), "40P01") == 0; tries++) {
        PQclear(res);
        res = PQexecPrepared(raw, name, count, values, NULL, NULL, 0);
    }
    if (PQresultStatus(res) != PGRES_TUPLES_OK || !text_to_i64(PQgetvalue(res, 0, 0), 0, INT64_MAX, &value)) die("%s: %s", name, PQerrorMessage(raw));
    PQclear(res);
    return (uint64_t)value;
}

static void prepare(PGconn *raw, const char *name, const char *sql)
{
    PGresult *res = PQprepare(raw, name, sql, 0, NULL);
    if (PQresultStatus(res) != PGRES_COMMAND_OK) die("%s: %s", name, PQerrorMessage(raw));
    PQclear(res);
}

/* "{17,18,...}" of claims, and as many copies of one word. */
static void array_of_ids(char *out, uint64_t from, uint32_t count)
{
    char *at = out;
    *at++ = '{';
    for (uint32_t i = 0; i < count; i++) at += snprintf(at, 24, i ? ",%llu" : "%llu", (unsigned long long)(from + i));
    memcpy(at, "}", 2);
}

static void array_of(char *out, const char *word, uint32_t count)
{
    char *at = out;
    size_t size = strlen(word);
    *at++ = '{';
    for (uint32_t i = 0; i < count; i++) {
        if (i) *at++ = ',';
        memcpy(at, word, size);
        at += size;
    }
    memcpy(at, "}", 2);
}

static void *hold_and_post(void *arg)
{
    struct work *w = arg;
    PGconn *raw = db_open(w->bench, "meddispatch_app");
    db_run(raw, "SET plan_cache_mode = 'force_generic_plan'"); /* as the daemon does */
    char *ids = mem_alloc(ARRAY_MAX), *ones = mem_alloc(ARRAY_MAX), *nulls = mem_alloc(ARRAY_MAX), *times = mem_alloc(ARRAY_MAX), at_ms[24];
    text_format(at_ms, sizeof at_ms, "%lld", (long long)BENCH_DAY_MS);
    array_of(ones, "1", w->batch);
    array_of(nulls, "NULL", w->batch);
    array_of(times, at_ms, w->batch);
    prepare(raw, "open", "SELECT hold_open(1, $1::bigint[], $2::bigint)");
    prepare(raw, "end", "SELECT hold_end(1, $1::bigint[], $2::smallint[], $3::bigint[], $4::text[], $5::bigint[])");
    while (clock_boot_us() < w->until_us && w->next + w->batch <= w->end) {
        array_of_ids(ids, w->next, w->batch);
        w->postings += ask(raw, "open", 2, (const char *const[]){ids, at_ms});
        w->postings += ask(raw, "end", 5, (const char *const[]){ids, ones, nulls, nulls, times});
        w->next += w->batch;
        w->transactions += 2;
    }
    w->done_us = clock_boot_us();
    PQfinish(raw);
    free(ids);
    free(ones);
    free(nulls);
    free(times);
    return NULL;
}

/* The baselines' rows: what a ledger row is, without what makes it a ledger. */
static void *plain(void *arg)
{
    struct work *w = arg;
    PGconn *raw = db_open(w->bench, NULL);
    char from[24], count[24], debit[24], credit[24];
    struct rng rng;
    rng_init(&rng, w->bench->seed + w->index);
    prepare(raw, "rows", "WITH x AS (INSERT INTO plain_ledger SELECT 1, g, DATE '2026-03-10', 1773129600000, 2, 1 + g % 1000, 2000 + g % 1000, 700, 'CNY', g, NULL, g, NULL, 'claim', "
                         "'post:' || g, decode(repeat('ab', 32), 'hex') FROM generate_series($1::bigint, $1::bigint + $2::bigint - 1) g RETURNING 1) SELECT count(*) FROM x");
    prepare(raw, "balances", "WITH d AS (UPDATE plain_account SET balance = balance - 700 WHERE id = least($3::integer, $4::integer) RETURNING 1), c AS (UPDATE plain_account SET balance = "
                             "balance + 700 WHERE id = greatest($3::integer, $4::integer) AND EXISTS (SELECT FROM d) RETURNING 1), x AS (INSERT INTO plain_ledger SELECT 1, g, DATE '2026-03-10', "
                             "1773129600000, 2, $3, $4, 700, 'CNY', g, NULL, g, NULL, 'claim', 'post:' || g, decode(repeat('ab', 32), 'hex') FROM generate_series($1::bigint, $1::bigint + "
                             "$2::bigint - 1) g, c RETURNING 1) SELECT count(*) FROM x");
    while (clock_boot_us() < w->until_us) {
        /* half of all money goes through one account, as it does through an insurer's fund */
        uint32_t one = w->zipf && rng_below(&rng, 2) ? 1 : 1 + rng_below(&rng, 2000), other = 2001 + rng_below(&rng, 2000);
        text_format(from, sizeof from, "%llu", (unsigned long long)w->next);
        text_format(count, sizeof count, "%u", w->batch);
        text_format(debit, sizeof debit, "%u", one);
        text_format(credit, sizeof credit, "%u", other);
        w->postings += ask(raw, w->kind == 1 ? "rows" : "balances", w->kind == 1 ? 2 : 4, (const char *const[]){from, count, debit, credit});
        w->next += w->batch;
        w->transactions++;
    }
    w->done_us = clock_boot_us();
    PQfinish(raw);
    return NULL;
}

struct rate { double postings_s, transactions_s, wal_per_posting; };

/* The daemon asks for statistics while its tables grow; so must we, on books this young. */
static void warm_up(const struct bench *bench, uint64_t first, uint64_t claims)
{
    struct work w = {.bench = bench, .count = 1, .next = first, .end = first + claims, .batch = 100, .until_us = clock_boot_us() + 500000};
    (void)hold_and_post(&w);
    PGconn *raw = db_open(bench, "meddispatch_app");
    db_run(raw, "SELECT statistics_refresh()");
    PQfinish(raw);
}

static struct rate measure(const struct bench *bench, uint32_t connections, uint32_t batch, int kind, bool zipf, uint64_t first, uint64_t claims)
{
    struct work works[CONNECTIONS_MAX];
    uint64_t postings = 0, transactions = 0;
    PGconn *raw = db_open(bench, NULL);
    db_run(raw, "CHECKPOINT");
    int64_t wal = db_number(raw, "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint"), start_us = clock_boot_us(), last_us = start_us;
    for (uint32_t i = 0; i < connections; i++) {
        works[i] = (struct work){.bench = bench, .index = i, .count = connections, .next = first + claims / connections * i, .end = first + claims / connections * (i + 1), .batch = batch,
                                 .kind = kind, .zipf = zipf, .until_us = start_us + bench->seconds * 1000000};
        if (pthread_create(&works[i].thread, NULL, kind ? plain : hold_and_post, &works[i])) die("no thread");
    }
    for (uint32_t i = 0; i < connections; i++) {
        pthread_join(works[i].thread, NULL);
        postings += works[i].postings;
        transactions += works[i].transactions;
        if (works[i].done_us > last_us) last_us = works[i].done_us;
    }
    double wall_s = (double)(last_us - start_us) / 1e6;
    wal = db_number(raw, "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint") - wal;
    PQfinish(raw);
    return (struct rate){(double)postings / wall_s, (double)transactions / wall_s, postings ? (double)wal / (double)postings : 0};
}

/* Uniform and Zipf by turns, so that neither has the younger books or the quieter machine. */
static void in_turns(const struct bench *bench, uint32_t connections, uint32_t batch, uint64_t uniform_first, uint64_t zipf_first, uint64_t claims, struct rate *uniform, struct rate *by_zipf)
{
    enum { TURNS = 2 };
    *uniform = *by_zipf = (struct rate){0};
    for (uint32_t turn = 0; turn < TURNS; turn++)
        for (uint32_t z = 0; z < 2; z++) {
            struct rate *sum = (z ^ (turn & 1)) ? by_zipf : uniform;
            uint64_t first = ((z ^ (turn & 1)) ? zipf_first : uniform_first) + claims / TURNS * turn;
            struct rate r = measure(bench, connections, batch, 0, false, first, claims / TURNS);
            sum->postings_s += r.postings_s / TURNS;
            sum->transactions_s += r.transactions_s / TURNS;
            sum->wal_per_posting += r.wal_per_posting / TURNS;
        }
}

static void plain_begin(PGconn *raw)
{
    db_run(raw, "DROP TABLE IF EXISTS plain_ledger; DROP TABLE IF EXISTS plain_account");
    db_run(raw, "CREATE TABLE plain_ledger (LIKE ledger)");
    db_run(raw, "ALTER TABLE plain_ledger ADD PRIMARY KEY (city_id, business_day, entry_id)");
    db_run(raw, "CREATE UNIQUE INDEX ON plain_ledger (city_id, source, idempotency_key)");
    db_run(raw, "CREATE INDEX ON plain_ledger (claim_id, city_id); CREATE INDEX ON plain_ledger (credit_account, city_id, business_day); "
                 "CREATE INDEX ON plain_ledger (debit_account, city_id, business_day)");
    db_run(raw, "CREATE TABLE plain_account (id integer PRIMARY KEY, balance bigint NOT NULL) WITH (fillfactor = 50)");
    db_run(raw, "INSERT INTO plain_account SELECT g, 0 FROM generate_series(1, 4000) g; ANALYZE plain_account");
}

static void compare(const struct bench *bench, const char *name, struct rate ours, const char *baseline, struct rate base)
{
    char note[160];
    text_format(note, sizeof note, ",\"transactions_s\":%.0f,\"wal_bytes_per_posting\":%.0f,\"baseline_wal_bytes_per_row\":%.0f", ours.transactions_s, ours.wal_per_posting,
                base.wal_per_posting);
    tell(bench, &(struct figure){.name = name, .unit = "postings/s", .value = ours.postings_s, .baseline = baseline, .baseline_value = base.postings_s, .note = note});
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void part_postings(const struct bench *bench)
{
    /* enough claims that none runs out: a fast machine posts 16,000 claims a second */
    uint64_t most = (uint64_t)bench->claims, many = least((uint64_t)bench->seconds * 16000, most), few = least((uint64_t)bench->seconds * 8000, most), first = 1;
    uint64_t warm = least(WARM_MAX, most);
    uint32_t members = most / 20 > MEMBERS_MAX ? MEMBERS_MAX : most / 20 < MEMBERS_MIN ? MEMBERS_MIN : (uint32_t)(most / 20);
    PGconn *raw;
    books_begin(bench);
    raw = db_open(bench, NULL);
    plain_begin(raw);
    books_claims(bench, 1, many + few, members, false);
    books_claims(bench, 1 + many + few, many + few, members, true);
    books_claims(bench, 1 + 2 * (many + few), warm, members, false);
    warm_up(bench, 1 + 2 * (many + few), warm);
    struct rate rows = measure(bench, (uint32_t)bench->connections, (uint32_t)bench->batch, 1, false, 1, UINT64_C(1) << 40);
    struct rate batched, zipf_batched, single, zipf_single;
    in_turns(bench, (uint32_t)bench->connections, (uint32_t)bench->batch, first, first + many + few, many, &batched, &zipf_batched);
    compare(bench, "hold and post in batches, uniform payees", batched, "the same rows, inserted in batches, with no law kept", rows);
    plain_begin(raw);
    struct rate one = measure(bench, (uint32_t)bench->clients, 1, 1, false, 1, UINT64_C(1) << 40);
    in_turns(bench, (uint32_t)bench->clients, 1, first + many, first + 2 * many + few, few, &single, &zipf_single);
    compare(bench, "hold and post one by one, 32 clients, uniform payees", single, "one row a transaction", one);
    plain_begin(raw);
    struct rate locked = measure(bench, (uint32_t)bench->clients, 1, 2, false, 1, UINT64_C(1) << 40);
    plain_begin(raw);
    struct rate hot = measure(bench, (uint32_t)bench->clients, 1, 2, true, 1, UINT64_C(1) << 40);
    compare(bench, "hold and post in batches, payees by Zipf 1.0", zipf_batched, "ours with uniform payees", batched);
    compare(bench, "hold and post one by one, payees by Zipf 1.0", zipf_single, "ours with uniform payees", single);
    compare(bench, "hold and post one by one, 32 clients, beside row locks", single, "a row and two balances under row locks, uniform", locked);
    compare(bench, "the same beside row locks on a hot fund", zipf_single, "a row and two balances, half of them on one account", hot);
    /* claims that nobody came to have no hold */
    db_run(raw, "DELETE FROM claim_line l WHERE NOT EXISTS (SELECT FROM hold h WHERE h.city_id = l.city_id AND h.claim_id = l.claim_id)");
    db_run(raw, "DELETE FROM claim c WHERE NOT EXISTS (SELECT FROM hold h WHERE h.city_id = c.city_id AND h.claim_id = c.claim_id)");
    int64_t faults = db_number(raw, "SELECT count(*) FROM ledger_faults(1)");
    if (faults) die("%lld faults in the books after the rush", (long long)faults);
    db_run(raw, "DROP TABLE plain_ledger; DROP TABLE plain_account");
    PQfinish(raw);
}
