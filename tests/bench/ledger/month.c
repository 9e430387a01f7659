/* A month of orders through the store as the daemon drives it: what a claim costs in WAL and on disk, how dead rows come and go when tables are vacuumed by autovacuum's own
 * rule after each day, and a month's partition taken off and put back. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/pg_fixture.h"

enum { DAYS = 30, MEMBERS = 2000, BATCH = 20 };

/* Autovacuum's rule with its defaults: more than 50 + a fifth of the rows are dead. */
static uint32_t vacuum_due(PGconn *raw)
{
    db_run(raw, "SELECT pg_stat_force_next_flush()");
    PGresult *res = PQexec(raw, "SELECT relname FROM pg_stat_user_tables WHERE n_dead_tup > 50 + 0.2 * n_live_tup");
    uint32_t count = (uint32_t)PQntuples(res);
    for (int i = 0; i < PQntuples(res); i++) db_run(raw, "VACUUM %s", PQgetvalue(res, i, 0));
    PQclear(res);
    return count;
}

static void day_live(const struct bench *bench, struct store *app, uint64_t epoch, int32_t day, uint32_t orders, uint64_t *seq)
{
    static const struct { enum fact_kind kind; enum order_phase phase; } life[] = {
        {FACT_ORDER_ENTERED, ORDER_ADJUDICATED}, {FACT_ORDER_APPROVED, ORDER_APPROVED}, {FACT_ORDER_READY, ORDER_READY}, {FACT_ORDER_ASSIGNED, ORDER_ASSIGNED},
        {FACT_ORDER_TAKEN, ORDER_ACCEPTED}, {FACT_ORDER_PICKED_UP, ORDER_PICKED_UP}, {FACT_STOP_ARRIVED, ORDER_ARRIVED}, {FACT_ORDER_DELIVERED, ORDER_DELIVERED}};
    struct submission *batch = mem_zalloc(BATCH, sizeof *batch);
    struct intake_result *results = mem_zalloc(BATCH, sizeof *results);
    struct fact *facts = mem_zalloc(BATCH, sizeof *facts);
    struct error err = {0};
    struct city_id city = {BENCH_CITY};
    for (uint32_t done = 0; done < orders; done += BATCH) {
        int64_t at_ms = day * INT64_C(86400000) + done * INT64_C(1000);
        for (uint32_t i = 0; i < BATCH; i++) {
            char key[40];
            text_format(key, sizeof key, "%d-%u", day, done + i);
            batch[i] = fixture_prescription(city.v, (uint32_t)((bench->seed + (uint64_t)day * orders + done + i) % MEMBERS), key, i % 2 ? "AMLO" : "CEFA", 1 + i % 3, 900);
            batch[i].order.accepted_ms = at_ms;
            batch[i].prescription.issued_ms = at_ms - 1000;
        }
        if (store_intake(app, batch, BATCH, at_ms, results, &err) != STATUS_OK) die("intake: %s", err.text);
        for (size_t step = 0; step < COUNT_OF(life); step++) {
            for (uint32_t i = 0; i < BATCH; i++) {
                if (results[i].order.phase != ORDER_ADJUDICATED) die("refused: %s", results[i].claim.refusal_text);
                ++*seq;
                facts[i] = fixture_fact(city.v, *seq, life[step].kind, &results[i].order, life[step].phase, (uint32_t)step + 1);
                facts[i].at_ms = at_ms + (int64_t)step * 60000;
                facts[i].courier.v = 1;
                if (life[step].kind == FACT_ORDER_ENTERED) facts[i].entered = &results[i].order;
                if (life[step].kind == FACT_STOP_ARRIVED) facts[i].arrived.stop = STOP_HOME;
            }
            if (store_facts_write(app, city, epoch, facts, BATCH, &err) != STATUS_OK) die("facts: %s", err.text);
        }
    }
    free(batch);
    free(results);
    free(facts);
}

static void tables_tell(const struct bench *bench, PGconn *raw, int64_t claims)
{
    PGresult *res = PQexec(raw, "SELECT t.name, sum(pg_table_size(c.oid))::bigint, sum(pg_indexes_size(c.oid))::bigint, sum(s.n_dead_tup)::bigint, "
                                "round(100.0 * sum(s.n_tup_hot_upd) / greatest(sum(s.n_tup_upd), 1))::bigint FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid "
                                "CROSS JOIN LATERAL (SELECT regexp_replace(c.relname, '_[0-9]{6}$', '') AS name) t WHERE c.relkind = 'r' GROUP BY 1 HAVING sum(pg_table_size(c.oid)) > 1000000 "
                                "ORDER BY 2 DESC");
    if (PQresultStatus(res) != PGRES_TUPLES_OK) die("%s", PQerrorMessage(raw));
    for (int i = 0; i < PQntuples(res); i++) {
        char figure[80], note[160];
        int64_t table = 0, indexes = 0;
        if (!text_to_i64(PQgetvalue(res, i, 1), 0, INT64_MAX, &table) || !text_to_i64(PQgetvalue(res, i, 2), 0, INT64_MAX, &indexes)) die("a size");
        text_format(figure, sizeof figure, "disk, %s with its indexes", PQgetvalue(res, i, 0));
        text_format(note, sizeof note, ",\"index_share\":%.2f,\"dead_rows\":%s,\"hot_updates_percent\":%s", (double)indexes / (double)(table + indexes), PQgetvalue(res, i, 3),
                    PQgetvalue(res, i, 4));
        tell(bench, &(struct figure){.name = figure, .unit = "bytes/claim", .value = (double)(table + indexes) / (double)claims, .note = note});
    }
    PQclear(res);
}

/* A month that has been exported can leave: off in a moment, the rest goes on, and it can come back. */
static void partition_off_and_on(const struct bench *bench, PGconn *raw)
{
    int64_t rows = db_number(raw, "SELECT count(*) FROM ledger_202603"), all = db_number(raw, "SELECT count(*) FROM ledger");
    int64_t start_us = clock_boot_us();
    db_run(raw, "ALTER TABLE ledger DETACH PARTITION ledger_202603");
    db_run(raw, "ALTER TABLE order_event DETACH PARTITION order_event_202603");
    char note[96];
    text_format(note, sizeof note, ",\"rows\":%lld,\"rows_left\":%lld", (long long)rows, (long long)(all - rows));
    tell(bench, &(struct figure){.name = "a month's partitions detached", .unit = "ms", .value = seconds_since(start_us) * 1e3, .note = note});
    if (db_number(raw, "SELECT count(*) FROM ledger") != all - rows) die("a detached month is still there");
    start_us = clock_boot_us();
    db_run(raw, "ALTER TABLE ledger ATTACH PARTITION ledger_202603 FOR VALUES FROM ('2026-03-01') TO ('2026-04-01')");
    db_run(raw, "ALTER TABLE order_event ATTACH PARTITION order_event_202603 FOR VALUES FROM (%lld) TO (%lld)", 20513 * 86400000LL, 20544 * 86400000LL);
    tell(bench, &(struct figure){.name = "the same put back, checks and all", .unit = "ms", .value = seconds_since(start_us) * 1e3, .note = note});
    if (db_number(raw, "SELECT count(*) FROM ledger") != all) die("an attached month is not there");
}

void part_month(const struct bench *bench)
{
    uint32_t orders = (uint32_t)(bench->claims / 1000 / BATCH * BATCH), vacuumed = 0;
    uint64_t epoch = 0, seq = 0;
    struct error err = {0};
    if (orders < BATCH) orders = BATCH;
    books_begin(bench);
    PGconn *raw = db_open(bench, NULL);
    struct store *app = fixture_open(STORE_ROLE_APP), *settlement = fixture_open(STORE_ROLE_SETTLEMENT);
    db_run(raw, "DELETE FROM plan_benefit; DELETE FROM plan_version; DELETE FROM plan");
    fixture_city(app, BENCH_CITY, MEMBERS, INT64_C(100000000000));
    if (store_city_lead(app, (struct city_id){BENCH_CITY}, "bench", 600000, &epoch, &err) != STATUS_OK) die("%s", err.text);
    db_run(raw, "VACUUM ANALYZE");
    int64_t wal = db_number(raw, "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint"), empty = db_number(raw, "SELECT pg_database_size(current_database())"), first_day = 0, last_day = 0;
    for (int32_t d = 0; d < DAYS; d++) {
        int64_t before = db_number(raw, "SELECT pg_database_size(current_database())");
        if (store_city_beat(app, (struct city_id){BENCH_CITY}, epoch, 600000, &err) != STATUS_OK) die("%s", err.text);
        day_live(bench, app, epoch, BENCH_DAY + d, orders, &seq);
        if (store_day_close(settlement, (struct city_id){BENCH_CITY}, BENCH_DAY + d, "bench", NULL, &err) != STATUS_OK) die("close: %s", err.text);
        vacuumed += vacuum_due(raw);
        int64_t grown = db_number(raw, "SELECT pg_database_size(current_database())") - before;
        if (d == 0) first_day = grown;
        if (d >= DAYS - 5) last_day += grown / 5;
    }
    int64_t claims = (int64_t)orders * DAYS;
    wal = db_number(raw, "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint") - wal;
    tell(bench, &(struct figure){.name = "WAL of a claim's whole life (intake, 8 facts, 3 entries, close)", .unit = "bytes/claim", .value = (double)wal / (double)claims});
    tell(bench, &(struct figure){.name = "disk of a claim's whole life, after a month", .unit = "bytes/claim",
                                 .value = (double)(db_number(raw, "SELECT pg_database_size(current_database())") - empty) / (double)claims});
    char note[64];
    text_format(note, sizeof note, ",\"tables_vacuumed_a_day\":%.1f", (double)vacuumed / DAYS);
    tell(bench, &(struct figure){.name = "growth a day, the last five of thirty", .unit = "bytes/claim", .value = (double)last_day / orders, .baseline = "the first day",
                                 .baseline_value = (double)first_day / orders, .note = note});
    tables_tell(bench, raw, claims);
    if (db_number(raw, "SELECT count(*) FROM ledger_faults(1)")) die("the month's books are not sound");
    partition_off_and_on(bench, raw);
    store_close(app);
    store_close(settlement);
    PQfinish(raw);
}
