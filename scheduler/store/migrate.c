/* Bringing the schema up to date, and knowing it again. Forward only: a file once applied is never edited, another one follows it. */
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "migrations.h"

static const struct sql_statement
    LOCK = {"migrate_lock", "SELECT pg_advisory_lock(7060400)"},
    UNLOCK = {"migrate_unlock", "SELECT pg_advisory_unlock(7060400)"},
    APPLIED = {"migrate_applied", "SELECT version, name, encode(sha256, 'hex') FROM schema_migration ORDER BY version"},
    RECORD = {"migrate_record", "INSERT INTO schema_migration (version, name, sha256) VALUES ($1::integer, $2::text, decode($3::text, 'hex'))"},
    PARTITIONS = {"partitions_ahead", "SELECT partitions_ahead(DATE '1970-01-01' + ($1::bigint / 86400000)::integer, $2::integer)"};

static const char TABLE[] =
    "CREATE TABLE IF NOT EXISTS schema_migration (version integer PRIMARY KEY CHECK (version > 0), name text NOT NULL, "
    "sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32), applied_at timestamptz NOT NULL DEFAULT clock_timestamp())";

static enum status exec_text(struct store *store, const char *text, const char *what, struct error *err)
{
    PGresult *res = PQexec(store->connection, text);
    ExecStatusType status = PQresultStatus(res);
    enum status rc = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? STATUS_OK : sql_failed(store, res, what, err);
    PQclear(res);
    return rc;
}

/* How many of our migrations the database has; refuses one we do not know or whose text differs. */
static enum status applied_check(struct store *store, uint32_t *count, struct error *err)
{
    PGresult *res = NULL;
    TRY(sql_run(store, &APPLIED, NULL, &res, err));
    enum status rc = STATUS_OK;
    int rows = PQntuples(res);
    *count = (uint32_t)rows;
    for (int i = 0; i < rows && rc == STATUS_OK; i++) {
        int64_t version = sql_get_i64(res, i, 0);
        if (version != i + 1 || version > MIGRATION_COUNT) {
            rc = error_set(err, STATUS_FAILED_PRECONDITION,
                           "the database has migration %lld (%s), which this program does not know: it is newer than the program", (long long)version,
                           PQgetvalue(res, i, 1));
            error_reason(err, "SCHEMA_NEWER");
        } else if (strcmp(PQgetvalue(res, i, 2), MIGRATIONS[i].sha256_hex) != 0) {
            rc = error_set(err, STATUS_FAILED_PRECONDITION, "migration %lld (%s) was applied with another text than this program carries",
                           (long long)version, MIGRATIONS[i].name);
            error_reason(err, "SCHEMA_ALTERED");
        }
    }
    PQclear(res);
    return rc;
}

enum status store_schema_check(struct store *store, struct error *err)
{
    uint32_t count = 0;
    TRY(sql_ready(store, err));
    enum status rc = applied_check(store, &count, err);
    if (rc == STATUS_INTERNAL) rc = error_set(err, STATUS_FAILED_PRECONDITION, "the database has no meddispatch schema: run `meddispatch migrate`");
    if (rc == STATUS_OK && count < MIGRATION_COUNT) {
        rc = error_set(err, STATUS_FAILED_PRECONDITION, "the database has %u of %u migrations: run `meddispatch migrate`", count, MIGRATION_COUNT);
        error_reason(err, "SCHEMA_OLDER");
    }
    return rc;
}

/* One file, one transaction, its record with it. */
static enum status apply(struct store *store, const struct migration *migration, struct error *err)
{
    struct sql_args args;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)migration->version);
    sql_arg_text(&args, migration->name);
    sql_arg_text(&args, migration->sha256_hex);
    enum status rc = sql_begin(store, err);
    if (rc == STATUS_OK) rc = exec_text(store, (const char *)migration->text, migration->name, err);
    if (rc == STATUS_OK) rc = exec_text(store, "RESET ROLE", migration->name, err);
    if (rc == STATUS_OK) rc = sql_run(store, &RECORD, &args, NULL, err);
    if (rc == STATUS_OK)
        rc = exec_text(store, "GRANT SELECT ON schema_migration TO meddispatch_owner, meddispatch_app, meddispatch_settlement, meddispatch_reader",
                       migration->name, err);
    if (rc == STATUS_OK) rc = sql_commit(store, err);
    if (rc != STATUS_OK) sql_rollback(store);
    return rc;
}

static enum status apply_missing(struct store *store, uint32_t *applied, struct error *err)
{
    uint32_t count = 0;
    TRY(exec_text(store, "SET statement_timeout = 0; SET lock_timeout = '60s'; SET idle_in_transaction_session_timeout = 0", "migrate", err));
    TRY(sql_run(store, &LOCK, NULL, NULL, err));
    enum status rc = exec_text(store, TABLE, "migrate", err);
    if (rc == STATUS_OK) rc = applied_check(store, &count, err);
    for (; rc == STATUS_OK && count < MIGRATION_COUNT; count++) {
        rc = apply(store, &MIGRATIONS[count], err);
        if (rc == STATUS_OK) ++*applied;
    }
    if (rc == STATUS_OK) rc = exec_text(store, "SELECT partitions_ahead(current_date, 12)", "partitions", err);
    if (store->connection) {
        struct error unlock = {0}; /* the lock also goes with the session */
        if (sql_run(store, &UNLOCK, NULL, NULL, &unlock) != STATUS_OK) log_warn("migrate unlock: %s", unlock.text);
    }
    return rc;
}

enum status store_migrate(const char *conninfo, uint32_t *applied, struct error *err)
{
    uint32_t count = 0;
    struct store store = {.conninfo = mem_strdup(conninfo)};
    enum status rc = connection_make(&store, err);
    if (rc == STATUS_OK) rc = apply_missing(&store, &count, err);
    connection_drop(&store);
    free(store.conninfo);
    if (applied) *applied = count;
    return rc;
}

enum status store_partitions_ahead(struct store *store, int64_t at_ms, uint32_t months, struct error *err)
{
    if (months < 1 || months > 240) return error_field(err, "months", "1 to 240 months can be made at once");
    struct sql_args args;
    sql_args_init(&args);
    sql_arg_i64(&args, at_ms);
    sql_arg_i32(&args, (int32_t)months);
    TRY(sql_ready(store, err));
    return sql_run(store, &PARTITIONS, &args, NULL, err);
}
