/* Opening, losing and finding the connection again; the rights and limits it runs under. */
#include <stdlib.h>
#include <string.h>

#include "connection.h"

static const struct sql_statement PING = {"ping", "SELECT 1"}, STATISTICS = {"statistics", "SELECT statistics_refresh()"};
enum { ANALYZE_ROWS_FIRST = 100, ANALYZE_ROWS_STEP = 4, ANALYZE_ROWS_LAST = 200000 }; /* beyond, autovacuum has long been there */

/* A cancelled wait for the synchronous standby says WARNING and then success: remember it, the commit is not known to be safe. */
static void on_notice(void *context, const PGresult *res)
{
    struct store *store = context;
    const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    if (!message) return;
    if (strstr(message, "synchronous replication")) store->sync_wait_cancelled = true;
    log_warn("postgres notice=\"%s\"", message);
}

void connection_drop(struct store *store)
{
    PQfinish(store->connection);
    store->connection = NULL;
    store->prepared_count = 0;
    store->pipeline = false;
}

static const char *database_role(enum store_role role)
{
    switch (role) {
    case STORE_ROLE_APP: return "meddispatch_app";
    case STORE_ROLE_SETTLEMENT: return "meddispatch_settlement";
    case STORE_ROLE_READER: return "meddispatch_reader";
    case STORE_ROLE_OWNER: return "meddispatch_owner";
    }
    return NULL; /* 0: the connecting user */
}

static enum status simple(struct store *store, const char *text, const char *what, struct error *err)
{
    PGresult *res = PQexec(store->connection, text);
    ExecStatusType status = PQresultStatus(res);
    enum status rc = STATUS_OK;
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) rc = sql_failed(store, res, what, err);
    PQclear(res);
    return rc;
}

/* The daemon's work is short, and a frozen process must not hold a city's epoch; settlement and readers read whole days. */
static enum status limits_set(struct store *store, struct error *err)
{
    TRY(simple(store,
               store->role == STORE_ROLE_APP
                   ? "SET statement_timeout = '10s'; SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '1s'; "
                     "SET plan_cache_mode = 'force_generic_plan'" /* the same few statements for ever: planning anew was half of a lone order's time */
                   : /* whole days in one statement; compiling it by JIT took longer than running it */
                     "SET statement_timeout = '10min'; SET lock_timeout = '30s'; SET idle_in_transaction_session_timeout = '60s'; SET work_mem = '64MB'; SET jit = off",
               "limits", err));
    TRY(simple(store, "SET search_path = public; SET client_min_messages = warning; SET TimeZone = 'UTC'; "
                      "SET default_transaction_isolation = 'read committed'",
               "session", err));
    const char *role = database_role(store->role);
    if (!role) return STATUS_OK;
    char text[64];
    text_format(text, sizeof text, "SET ROLE %s", role);
    if (simple(store, text, "role", err) == STATUS_OK) return STATUS_OK;
    enum status rc = error_set(err, STATUS_FAILED_PRECONDITION, "cannot take the role %s: run `meddispatch migrate`, and grant it to the connecting user", role);
    return rc;
}

enum status connection_make(struct store *store, struct error *err)
{
    const char *const keywords[] = {"dbname", "connect_timeout", "tcp_user_timeout", "keepalives_idle", "client_encoding", "application_name", NULL};
    const char *const values[] = {store->conninfo, "3", "2000", "10", "UTF8", "meddispatch", NULL};
    ASSERT(!store->connection);
    store->prepared_count = 0;
    store->pipeline = false;
    store->connection = PQconnectdbParams(keywords, values, 1);
    enum status rc = STATUS_OK;
    if (PQstatus(store->connection) != CONNECTION_OK) {
        char text[200];
        (void)text_copy(text, sizeof text, store->connection ? PQerrorMessage(store->connection) : "out of memory");
        for (char *at = text; *at; at++)
            if (*at == '\n') *at = ' ';
        rc = error_set(err, STATUS_UNAVAILABLE, "cannot connect to the database: %s", text);
        if (err) err->retry_ms = 1000;
    } else {
        PQsetNoticeReceiver(store->connection, on_notice, store);
        rc = limits_set(store, err);
    }
    if (rc != STATUS_OK) connection_drop(store);
    return rc;
}

enum status sql_ready(struct store *store, struct error *err)
{
    if (store->connection && PQstatus(store->connection) == CONNECTION_OK && PQtransactionStatus(store->connection) == PQTRANS_IDLE) return STATUS_OK;
    connection_drop(store);
    TRY(connection_make(store, err));
    if (!store->scoped) return STATUS_OK;
    enum status rc = scope_apply(store, err);
    if (rc != STATUS_OK) connection_drop(store);
    return rc;
}

enum status store_open(const char *conninfo, enum store_role role, struct store **out, struct error *err)
{
    ASSERT(conninfo);
    *out = NULL;
    struct store *store = mem_zalloc(1, sizeof *store);
    store->conninfo = mem_strdup(conninfo);
    store->role = role;
    store->rows_analyze = ANALYZE_ROWS_FIRST;
    enum status rc = connection_make(store, err);
    if (rc == STATUS_OK) rc = store_schema_check(store, err);
    if (rc != STATUS_OK) store_close(store);
    else *out = store;
    return rc;
}

void store_close(struct store *store)
{
    if (!store) return;
    connection_drop(store);
    free(store->conninfo);
    free(store);
}

void connection_grew(struct store *store, uint64_t rows)
{
    store->rows_written += rows;
    if (store->role != STORE_ROLE_APP || !store->connection || store->rows_written < store->rows_analyze || store->rows_analyze > ANALYZE_ROWS_LAST) return;
    struct error err = {0};
    if (sql_run(store, &STATISTICS, NULL, NULL, &err) != STATUS_OK) log_warn("statistics: %s", err.text);
    store->rows_analyze = store->rows_written * ANALYZE_ROWS_STEP;
}

/* A connection that died silently is found by the first statement: once more on a new one then. */
enum status store_ping(struct store *store, struct error *err)
{
    TRY(sql_ready(store, err));
    if (sql_run(store, &PING, NULL, NULL, err) == STATUS_OK) return STATUS_OK;
    connection_drop(store);
    TRY(sql_ready(store, err));
    return sql_run(store, &PING, NULL, NULL, err);
}
