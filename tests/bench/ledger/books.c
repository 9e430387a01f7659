/* Made-up books by seed. What is measured goes through the schema's functions; what only has to be there is written in bulk, as the functions would have. */
#include "bench.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"

enum { SQL_MAX = 8192, LINE_MAX = 512, FIRST_MEMBER = 1 };

PGconn *db_open(const struct bench *bench, const char *role)
{
    PGconn *raw = PQconnectdb(bench->conninfo);
    if (PQstatus(raw) != CONNECTION_OK) die("%s", PQerrorMessage(raw));
    db_run(raw, "SET client_min_messages = error");
    if (role) db_run(raw, "SET ROLE %s", role);
    return raw;
}

static PGresult *raw_ask(PGconn *raw, const char *sql)
{
    PGresult *res = PQexec(raw, sql);
    ExecStatusType status = PQresultStatus(res);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN) die("%.300s: %s", sql, PQerrorMessage(raw));
    return res;
}

void db_run(PGconn *raw, const char *format, ...)
{
    char sql[SQL_MAX];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    ASSERT(size > 0 && size < SQL_MAX);
    PQclear(raw_ask(raw, sql));
}

int64_t db_number(PGconn *raw, const char *format, ...)
{
    char sql[SQL_MAX];
    int64_t value = 0;
    va_list args;
    va_start(args, format);
    int size = vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    ASSERT(size > 0 && size < SQL_MAX);
    PGresult *res = raw_ask(raw, sql);
    if (PQntuples(res) != 1 || !text_to_i64(PQgetvalue(res, 0, 0), INT64_MIN, INT64_MAX, &value)) die("%s: no number", sql);
    PQclear(res);
    return value;
}

void books_begin(const struct bench *bench)
{
    struct error err = {0};
    uint32_t applied;
    if (!bench->conninfo) die("no MEDDISPATCH_TEST_DB: run under tests/support/with_postgres --durable");
    PGconn *raw = db_open(bench, NULL);
    db_run(raw, "DROP SCHEMA public CASCADE");
    db_run(raw, "CREATE SCHEMA public");
    if (store_migrate(bench->conninfo, &applied, &err) != STATUS_OK) die("%s", err.text);
    db_run(raw, "INSERT INTO city VALUES (%d, 'Benchville', 28800); INSERT INTO city_book (city_id) VALUES (%d)", BENCH_CITY, BENCH_CITY);
    db_run(raw, "INSERT INTO plan VALUES (%d, 'P80', 'P80'); INSERT INTO plan_version (city_id, plan, version, valid_from_ms, year_limit_fen, late_fen) VALUES (%d, 'P80', 1, 0, "
                 "100000000000, 1000); INSERT INTO plan_benefit VALUES (%d, 'P80', 1, 1, 8000), (%d, 'P80', 1, 2, 8000)", BENCH_CITY, BENCH_CITY, BENCH_CITY, BENCH_CITY);
    db_run(raw, "INSERT INTO payee SELECT %d, 'PAY-' || lpad(g::text, 5, '0'), '药房 ' || g, '62' || lpad(g::text, 14, '0'), '102100099996' FROM generate_series(0, %lld - 1) g",
            BENCH_CITY, (long long)bench->payees);
    db_run(raw, "INSERT INTO payer VALUES (%d, '某健康保险', '6299999900000001', '102100099996')", BENCH_CITY);
    PQfinish(raw);
}

static void members_make(PGconn *raw, uint32_t members)
{
    db_run(raw, "INSERT INTO member (city_id, code, birth, sex) SELECT %d, 'M' || g, '1990-01-01', 'F' FROM generate_series((SELECT count(*) FROM member), %u - 1) g", BENCH_CITY, members);
    db_run(raw, "INSERT INTO member_year (city_id, member_id, policy, year_start, limit_fen, deductible_fen, count_max) SELECT city_id, member_id, 'L' || member_id, '2026-01-01', "
                 "100000000000, 0, '{0,0,0}' FROM member ON CONFLICT DO NOTHING");
}

/* Payees' shares under Zipf's law with exponent 1.0: the k-th gets 1/k. */
static uint32_t zipf(const double *sums, uint32_t count, double at)
{
    uint32_t low = 0, high = count - 1;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (sums[middle] < at * sums[count - 1]) low = middle + 1;
        else high = middle;
    }
    return low;
}

static void copy_line(PGconn *raw, const char *line, int size)
{
    if (PQputCopyData(raw, line, size) != 1) die("COPY: %s", PQerrorMessage(raw));
}

static void copy_end(PGconn *raw)
{
    if (PQputCopyEnd(raw, NULL) != 1) die("COPY: %s", PQerrorMessage(raw));
    for (PGresult *res; (res = PQgetResult(raw)); PQclear(res))
        if (PQresultStatus(res) != PGRES_COMMAND_OK) die("COPY: %s", PQerrorMessage(raw));
}

/* state: 2 held, 3 posted. Every fifth is a test. */
static void claims_copy(const struct bench *bench, PGconn *raw, uint64_t from, uint64_t count, uint32_t members, bool by_zipf, int state)
{
    uint32_t payees = (uint32_t)bench->payees;
    double *sums = mem_zalloc(payees, sizeof *sums);
    struct rng rng;
    rng_init(&rng, bench->seed + from);
    for (uint32_t i = 0; i < payees; i++) sums[i] = (i ? sums[i - 1] : 0) + 1.0 / (i + 1);
    PQclear(raw_ask(raw, "COPY claim (city_id, claim_id, order_id, member_id, policy, plan, plan_version, benefit, year_start, state, payee, service_ms, submitted_fen, eligible_fen, "
                         "other_coverage_fen, deductible_fen, deductible_year_fen, benefit_fen, member_fen, line_count) FROM STDIN"));
    for (uint64_t id = from; id < from + count; id++) {
        char line[LINE_MAX];
        uint32_t member = FIRST_MEMBER + rng_below(&rng, members), payee = by_zipf ? zipf(sums, payees, rng_unit(&rng)) : rng_below(&rng, payees);
        int64_t price_fen = 500 + rng_below(&rng, 9500), benefit_fen = (price_fen * 8000 + 5000) / 10000;
        int size = snprintf(line, sizeof line, "%d\t%llu\t%llu\t%u\tL%u\tP80\t1\t%d\t2026-01-01\t%d\tPAY-%05u\t%lld\t%lld\t%lld\t0\t0\t0\t%lld\t%lld\t1\n", BENCH_CITY,
                            (unsigned long long)id, (unsigned long long)id, member, member, id % 5 == 0 ? 2 : 1, state, payee,
                            (long long)(BENCH_DAY_MS + (int64_t)(id % 40000000)), (long long)price_fen, (long long)price_fen, (long long)benefit_fen,
                            (long long)(price_fen - benefit_fen));
        copy_line(raw, line, size);
    }
    copy_end(raw);
    free(sums);
}

void books_claims(const struct bench *bench, uint64_t from, uint64_t count, uint32_t members, bool by_zipf)
{
    PGconn *raw = db_open(bench, NULL);
    members_make(raw, members);
    /* everybody has been here before: what is measured is posting, not the opening of accounts */
    db_run(raw, "INSERT INTO account (city_id, kind, owner) SELECT %d, k, '' FROM unnest('{1,9,10}'::smallint[]) k ON CONFLICT DO NOTHING", BENCH_CITY);
    db_run(raw, "INSERT INTO account (city_id, kind, owner) SELECT %d, k, member_id::text FROM unnest('{2,5}'::smallint[]) k, member ON CONFLICT DO NOTHING", BENCH_CITY);
    db_run(raw, "INSERT INTO account (city_id, kind, owner) SELECT %d, k, payee FROM unnest('{3,4,6,8}'::smallint[]) k, payee ON CONFLICT DO NOTHING", BENCH_CITY);
    db_run(raw, "SET session_replication_role = replica"); /* claims without orders: the books ask for claims alone */
    claims_copy(bench, raw, from, count, members, by_zipf, 2);
    db_run(raw, "INSERT INTO claim_line (city_id, claim_id, line_no, code, quantity, allowed_quantity, submitted_fen, eligible_fen, benefit_fen, member_fen, formulary_version) "
                 "SELECT city_id, claim_id, 1, 'X', 1, 1, submitted_fen, eligible_fen, benefit_fen, member_fen, 1 FROM claim WHERE claim_id >= %llu", (unsigned long long)from);
    db_run(raw, "VACUUM (ANALYZE) claim; ");
    db_run(raw, "VACUUM (ANALYZE) claim_line");
    db_run(raw, "ANALYZE");
    PQfinish(raw);
}

/* The entries of a kind, as ledger_write would have written them. */
static void entries(PGconn *raw, int kind, int debit, const char *debit_owner, int credit, const char *credit_owner, const char *amount, const char *prefix, const char *where)
{
    db_run(raw, "CREATE TEMP TABLE e AS SELECT c.claim_id, c.order_id, nextval('ledger_entry_seq') AS entry_id, c.service_ms + 1000 AS at_ms, %d::smallint AS kind, d.account_id AS debit, "
                 "k.account_id AS credit, (%s)::bigint AS amount, '%s' || c.claim_id AS key, ledger_request_hash(%d::smallint, %d::smallint, %s, %d::smallint, %s, (%s)::bigint, c.claim_id, "
                 "NULL::smallint, c.order_id, NULL::bigint) AS hash FROM claim c JOIN account d ON d.city_id = c.city_id AND d.kind = %d AND d.owner = %s JOIN account k ON k.city_id = c.city_id "
                 "AND k.kind = %d AND k.owner = %s WHERE c.state = 3 AND (%s) > 0 AND (%s) ORDER BY c.claim_id",
            kind, amount, prefix, kind, debit, debit_owner, credit, credit_owner, amount, debit, debit_owner, credit, credit_owner, amount, where);
    db_run(raw, "INSERT INTO ledger_key (city_id, source, idempotency_key, request_hash, entry_id, business_day, amount_fen) SELECT %d, 'claim', key, hash, entry_id, DATE '1970-01-01' + %d, "
                 "amount FROM e", BENCH_CITY, BENCH_DAY);
    db_run(raw, "INSERT INTO ledger (city_id, entry_id, business_day, at_ms, kind, debit_account, credit_account, amount_fen, claim_id, order_id, source, idempotency_key, row_hash) "
                 "SELECT %d, entry_id, DATE '1970-01-01' + %d, at_ms, kind, debit, credit, amount, claim_id, order_id, 'claim', key, ledger_row_hash(%d, entry_id, DATE '1970-01-01' + %d, at_ms, "
                 "kind, debit, credit, amount, 'CNY', claim_id, NULL::smallint, order_id, NULL::bigint, 'claim', key) FROM e", BENCH_CITY, BENCH_DAY, BENCH_CITY, BENCH_DAY);
    db_run(raw, "DROP TABLE e");
}

void books_night(const struct bench *bench, uint64_t count)
{
    PGconn *raw = db_open(bench, NULL);
    uint32_t members = (uint32_t)(count / 10 + 10);
    members_make(raw, members);
    db_run(raw, "SET session_replication_role = replica");
    db_run(raw, "SET synchronous_commit = off");
    db_run(raw, "SET work_mem = '256MB'");
    claims_copy(bench, raw, 1, count, members, true, 3);
    db_run(raw, "INSERT INTO claim_line (city_id, claim_id, line_no, code, quantity, allowed_quantity, submitted_fen, eligible_fen, benefit_fen, member_fen, formulary_version, rules) "
                 "SELECT city_id, claim_id, 1, 'X', 1, 1, submitted_fen, eligible_fen, benefit_fen, member_fen, 1, 'R14,R17' FROM claim");
    db_run(raw, "INSERT INTO orders (city_id, order_id, kind, priority, phase, source, idempotency_key, request_hash, actor, member_id, claim_id, accepted_ms, promise_ms, ready_ms, "
                 "ended_ms, body) SELECT city_id, order_id, benefit, 1, CASE benefit WHEN 1 THEN 10 ELSE 14 END, 'bench', substr(sha256(int8send(order_id)), 1, 16), 0, 'x', member_id, "
                 "claim_id, service_ms - 3000000, service_ms, service_ms - 2000000, service_ms + 1000, '' FROM claim");
    db_run(raw, "INSERT INTO hold SELECT city_id, claim_id, benefit_fen, service_ms - 3000000 FROM claim");
    db_run(raw, "INSERT INTO hold_end SELECT city_id, claim_id, CASE benefit WHEN 1 THEN 1 ELSE 3 END, benefit_fen, benefit_fen, service_ms + 1000 FROM claim");
    db_run(raw, "INSERT INTO account (city_id, kind, owner) SELECT %d, k, '' FROM unnest('{1,9,10}'::smallint[]) k", BENCH_CITY);
    db_run(raw, "INSERT INTO account (city_id, kind, owner) SELECT %d, k, member_id::text FROM unnest('{2,5}'::smallint[]) k, member", BENCH_CITY);
    db_run(raw, "INSERT INTO account (city_id, kind, owner) SELECT %d, k, payee FROM unnest('{3,4,6,8}'::smallint[]) k, payee", BENCH_CITY);
    db_run(raw, "ANALYZE account");
    db_run(raw, "ANALYZE claim");
    entries(raw, 1, 1, "''", 2, "c.member_id::text", "c.benefit_fen", "hold:", "true");
    entries(raw, 2, 2, "c.member_id::text", 3, "c.payee", "c.benefit_fen", "post:", "c.benefit = 1");
    entries(raw, 2, 2, "c.member_id::text", 4, "c.payee", "c.benefit_fen", "post:", "c.benefit = 2");
    entries(raw, 5, 5, "c.member_id::text", 6, "c.payee", "c.member_fen", "share:", "true");
    entries(raw, 6, 4, "c.payee", 3, "c.payee", "c.benefit_fen", "report:", "c.benefit = 2");
    db_run(raw, "UPDATE member_year y SET posted_fen = s.fen, count_used = ARRAY[s.n1, s.n2, 0] FROM (SELECT member_id, sum(benefit_fen) AS fen, count(*) FILTER (WHERE benefit = 1)::integer AS "
                 "n1, count(*) FILTER (WHERE benefit = 2)::integer AS n2 FROM claim GROUP BY 1) s WHERE s.member_id = y.member_id");
    db_run(raw, "SET session_replication_role = origin");
    db_run(raw, "VACUUM ANALYZE");
    db_run(raw, "CHECKPOINT");
    PQfinish(raw);
}
