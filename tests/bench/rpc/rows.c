/* The floor under intake: the same rows that submissions have left, inserted by a bare libpq program that decides nothing.
 *
 *   bench_rpc_rows --db CONNINFO --orders N [--batch ORDERS] TABLE...
 *
 * Reads all rows of the tables that belong to the N newest orders, makes empty copies of the tables (with their indexes and checks, without foreign keys) in a schema of its own,
 * and inserts the rows again in pipeline mode: a prepared statement a row, a transaction every ORDERS orders, two transactions in flight. One JSON line. */
#include "base/base.h"

#include <getopt.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TABLES_MAX = 24, COLUMNS_MAX = 64, SQL_MAX = 4096, FLIGHT_MAX = 2 };

struct table {
    const char *name;
    PGresult *rows;               /* ascending by order; the last column is the order */
    int columns, at;
};

static PGconn *connection;

_Noreturn static void fail(const char *what)
{
    fprintf(stderr, "bench_rpc_rows: %s: %s", what, PQerrorMessage(connection));
    exit(1);
}

static PGresult *ask(const char *sql)
{
    PGresult *result = PQexec(connection, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK) fail(sql);
    return result;
}

/* How rows name their order: the first column of these that a table has. */
static const struct {
    const char *column, *join;
} WAYS[] = {
    {"order_id", "JOIN newest n USING (order_id)"},
    {"claim_id", "JOIN claim c USING (city_id, claim_id) JOIN newest n ON n.order_id = c.order_id"},
    {"entry_id", "JOIN ledger e USING (city_id, entry_id) JOIN claim c USING (city_id, claim_id) JOIN newest n ON n.order_id = c.order_id"},
    {"member_id", "JOIN newest n USING (member_id)"},
};

static void read_table(struct table *table, int64_t orders)
{
    char sql[SQL_MAX];
    size_t way = 0;
    for (bool has = false; !has; way += !has) {
        if (way == COUNT_OF(WAYS)) fail(table->name);
        text_format(sql, sizeof sql, "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '%s' AND column_name = '%s'", table->name, WAYS[way].column);
        PGresult *count = ask(sql);
        has = strcmp(PQgetvalue(count, 0, 0), "0") != 0;
        PQclear(count);
    }
    text_format(sql, sizeof sql,
                "WITH newest AS (SELECT order_id, member_id FROM orders ORDER BY order_id DESC LIMIT %lld) SELECT t.*, n.order_id AS bench_order FROM %s t %s ORDER BY n.order_id",
                (long long)orders, table->name, WAYS[way].join);
    table->rows = ask(sql);
    table->columns = PQnfields(table->rows) - 1;
    if (table->columns > COLUMNS_MAX) fail("too many columns");
}

static void make_table(const struct table *table)
{
    char sql[SQL_MAX];
    text_format(sql, sizeof sql, "CREATE TABLE bench_rows.%s (LIKE public.%s INCLUDING ALL EXCLUDING IDENTITY EXCLUDING GENERATED)", table->name, table->name);
    PQclear(ask(sql));
    size_t used = (size_t)snprintf(sql, sizeof sql, "INSERT INTO bench_rows.%s VALUES (", table->name);
    for (int i = 0; i < table->columns; i++) used += (size_t)snprintf(sql + used, sizeof sql - used, "%s$%d", i ? ", " : "", i + 1);
    snprintf(sql + used, sizeof sql - used, ")");
    PGresult *result = PQprepare(connection, table->name, sql, 0, NULL);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) fail(sql);
    PQclear(result);
}

static void send_row(const struct table *table, int row)
{
    const char *values[COLUMNS_MAX];
    for (int i = 0; i < table->columns; i++) values[i] = PQgetisnull(table->rows, row, i) ? NULL : PQgetvalue(table->rows, row, i);
    if (!PQsendQueryPrepared(connection, table->name, table->columns, values, NULL, NULL, 0)) fail(table->name);
}

/* The results of one transaction. */
static void take_sync(void)
{
    for (;;) {
        PGresult *result = PQgetResult(connection);
        if (!result) continue;
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_FATAL_ERROR || status == PGRES_PIPELINE_ABORTED) fail(PQresultErrorMessage(result));
        PQclear(result);
        if (status == PGRES_PIPELINE_SYNC) return;
    }
}

static void say(const char *word)
{
    if (!PQsendQueryParams(connection, word, 0, NULL, NULL, NULL, NULL, 0)) fail(word);
}

/* All rows of the order that is next in the first table. */
static void send_order(struct table *tables, int count, int *rows)
{
    char order[32];
    text_copy(order, sizeof order, PQgetvalue(tables[0].rows, tables[0].at, tables[0].columns));
    for (int t = 0; t < count; t++) {
        struct table *table = &tables[t];
        for (; table->at < PQntuples(table->rows) && strcmp(PQgetvalue(table->rows, table->at, table->columns), order) == 0; table->at++, ++*rows) send_row(table, table->at);
    }
}

int main(int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"db", required_argument, NULL, 'd'}, {"orders", required_argument, NULL, 'n'}, {"batch", required_argument, NULL, 'b'}, {NULL, 0, NULL, 0}};
    struct table tables[TABLES_MAX];
    const char *db = NULL;
    int64_t orders = 0, batch = 64;
    for (int option; (option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;) {
        if (option == 'd') db = optarg;
        else if (option == '?' || !text_to_i64(optarg, 1, 10000000, option == 'n' ? &orders : &batch)) return 2;
    }
    int count = argc - optind, rows = 0, in_flight = 0;
    if (!db || !orders || count < 1 || count > TABLES_MAX) {
        fputs("usage: bench_rpc_rows --db CONNINFO --orders N [--batch ORDERS] orders TABLE...\n", stderr);
        return 2;
    }
    connection = PQconnectdb(db);
    if (PQstatus(connection) != CONNECTION_OK) fail("connecting");
    PQclear(ask("DROP SCHEMA IF EXISTS bench_rows CASCADE; CREATE SCHEMA bench_rows"));
    for (int t = 0; t < count; t++) {
        tables[t] = (struct table){.name = argv[optind + t]};
        read_table(&tables[t], orders);
        make_table(&tables[t]);
    }
    PQclear(ask("CHECKPOINT"));
    if (PQenterPipelineMode(connection) != 1) fail("pipeline");
    struct timespec began, ended;
    clock_gettime(CLOCK_MONOTONIC, &began);
    int64_t total = PQntuples(tables[0].rows);
    for (int64_t i = 0; i < total; i += batch) {
        say("BEGIN");
        for (int64_t j = i; j < i + batch && j < total; j++) send_order(tables, count, &rows);
        say("COMMIT");
        if (!PQpipelineSync(connection)) fail("sync");
        if (++in_flight == FLIGHT_MAX) take_sync(), in_flight--;
    }
    while (in_flight--) take_sync();
    clock_gettime(CLOCK_MONOTONIC, &ended);
    double seconds = (double)(ended.tv_sec - began.tv_sec) + (double)(ended.tv_nsec - began.tv_nsec) / 1e9;
    printf("{\"figure\":\"bare_rows\",\"orders\":%lld,\"rows\":%d,\"batch\":%lld,\"orders_per_s\":%.0f,\"rows_per_s\":%.0f}\n", (long long)total, rows, (long long)batch, (double)total / seconds,
           rows / seconds);
    PQfinish(connection);
    return 0;
}
