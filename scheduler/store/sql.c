/* Statements, pipelines and transactions on one connection. It knows nothing of what the statements mean. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"

const struct sql_statement SQL_BEGIN = {"begin", "BEGIN"}, SQL_COMMIT = {"commit", "COMMIT"};

/* ---- errors ---- */

static enum status status_of_sqlstate(const char *state, uint32_t *retry_ms)
{
    static const struct { const char *prefix; enum status status; uint32_t retry_ms; } map[] = {
        {"MD001", STATUS_ALREADY_EXISTS, 0},     {"MD002", STATUS_FAILED_PRECONDITION, 0}, {"MD003", STATUS_OUT_OF_RANGE, 0},
        {"MD004", STATUS_NOT_FOUND, 0},          {"40001", STATUS_ABORTED, 20},            {"40P01", STATUS_ABORTED, 20},
        {"55P03", STATUS_ABORTED, 100},          {"57014", STATUS_UNAVAILABLE, 500},       {"57P", STATUS_UNAVAILABLE, 500},
        {"25P03", STATUS_UNAVAILABLE, 500},      {"08", STATUS_UNAVAILABLE, 500},          {"53300", STATUS_UNAVAILABLE, 500},
        {"25006", STATUS_UNAVAILABLE, 500},      {"53", STATUS_RESOURCE_EXHAUSTED, 1000},  {"23505", STATUS_ALREADY_EXISTS, 0},
        {"23503", STATUS_NOT_FOUND, 0},          {"23", STATUS_FAILED_PRECONDITION, 0},    {"22", STATUS_INVALID_ARGUMENT, 0},
        {"42501", STATUS_PERMISSION_DENIED, 0},
    };
    for (size_t i = 0; i < COUNT_OF(map); i++)
        if (strncmp(state, map[i].prefix, strlen(map[i].prefix)) == 0) {
            *retry_ms = map[i].retry_ms;
            return map[i].status;
        }
    *retry_ms = 0;
    return STATUS_INTERNAL;
}

/* Only the primary message and the constraint's name: DETAIL may quote a row. */
enum status sql_failed(struct store *store, const PGresult *res, const char *what, struct error *err)
{
    const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
    if (PQstatus(store->connection) == CONNECTION_BAD || !state) {
        enum status rc = error_set(err, STATUS_UNAVAILABLE, "%s: the database connection was lost", what);
        if (err) err->retry_ms = 500;
        return rc;
    }
    uint32_t retry_ms = 0;
    enum status status = status_of_sqlstate(state, &retry_ms);
    const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    error_set(err, status, "%s: %s (SQLSTATE %s)", what, message ? message : "failed", state);
    const char *constraint = PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME);
    if (err) err->retry_ms = retry_ms;
    if (constraint) error_reason(err, constraint);
    return status;
}

static enum status commit_unknown(struct error *err)
{
    error_set(err, STATUS_UNAVAILABLE, "the commit may or may not have happened: ask again with the same key");
    if (err) err->retry_ms = 500;
    return error_reason(err, "COMMIT_UNKNOWN");
}

/* A COMMIT in a failed transaction answers ROLLBACK without an error; one whose wait for the standby was cancelled answers COMMIT and a warning. */
static enum status commit_check(struct store *store, const PGresult *res, struct error *err)
{
    if (store->sync_wait_cancelled) return commit_unknown(err);
    if (strcmp(PQcmdStatus((PGresult *)(uintptr_t)res), "COMMIT") != 0)
        return error_set(err, STATUS_ABORTED, "the transaction was rolled back at its end");
    return STATUS_OK;
}

/* ---- prepared statements ---- */

static bool is_prepared(const struct store *store, const struct sql_statement *statement)
{
    for (uint32_t i = 0; i < store->prepared_count; i++)
        if (store->prepared[i] == statement) return true;
    return false;
}

static void mark_prepared(struct store *store, const struct sql_statement *statement)
{
    ASSERT(store->prepared_count < SQL_PREPARED_MAX);
    store->prepared[store->prepared_count++] = statement;
}

static enum status prepare(struct store *store, const struct sql_statement *statement, struct error *err)
{
    if (is_prepared(store, statement)) return STATUS_OK;
    PGresult *res = PQprepare(store->connection, statement->name, statement->text, 0, NULL);
    enum status rc = PQresultStatus(res) == PGRES_COMMAND_OK ? STATUS_OK : sql_failed(store, res, statement->name, err);
    PQclear(res);
    if (rc == STATUS_OK) mark_prepared(store, statement);
    return rc;
}

enum status sql_each(struct store *store, const struct sql_statement *statement, const struct sql_args *args, sql_on_row on_row, void *context, struct error *err)
{
    ASSERT(!store->pipeline);
    ASSERT(PQtransactionStatus(store->connection) == PQTRANS_IDLE);
    if (args->too_large) return error_set(err, STATUS_RESOURCE_EXHAUSTED, "%s: the batch is too large", statement->name);
    TRY(prepare(store, statement, err));
    if (!PQsendQueryPrepared(store->connection, statement->name, args->count, args->values, args->lengths, args->formats, 1) || !PQsetSingleRowMode(store->connection))
        return sql_failed(store, NULL, statement->name, err);
    enum status rc = STATUS_OK;
    for (PGresult *res; rc == STATUS_OK && (res = PQgetResult(store->connection)) != NULL; PQclear(res)) {
        ExecStatusType status = PQresultStatus(res);
        if (status == PGRES_SINGLE_TUPLE) rc = on_row(context, res, err);
        else if (status != PGRES_TUPLES_OK) rc = sql_failed(store, res, statement->name, err);
    }
    if (rc != STATUS_OK) connection_drop(store);
    return rc;
}

enum status sql_run(struct store *store, const struct sql_statement *statement, const struct sql_args *args, PGresult **out, struct error *err)
{
    static const struct sql_args none;
    if (!args) args = &none;
    if (out) *out = NULL;
    ASSERT(!store->pipeline);
    if (args->too_large) return error_set(err, STATUS_RESOURCE_EXHAUSTED, "%s: the batch is too large", statement->name);
    TRY(prepare(store, statement, err));
    PGresult *res = PQexecPrepared(store->connection, statement->name, args->count, args->values, args->lengths, args->formats, 1);
    ExecStatusType status = PQresultStatus(res);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        enum status rc = sql_failed(store, res, statement->name, err);
        PQclear(res);
        return rc;
    }
    if (out) *out = res;
    else PQclear(res);
    return STATUS_OK;
}

/* ---- pipelines ---- */

void sql_pipeline_begin(struct store *store)
{
    ASSERT(!store->pipeline);
    store->pipeline = true;
    store->queue_count = 0;
    store->queue_broken = false;
    store->queue_too_large = false;
    store->sync_wait_cancelled = false;
    if (!PQenterPipelineMode(store->connection)) store->queue_broken = true;
}

void sql_queue(struct store *store, const struct sql_statement *statement, const struct sql_args *args)
{
    static const struct sql_args none;
    if (!args) args = &none;
    ASSERT(store->pipeline);
    ASSERT(store->queue_count < SQL_QUEUE_MAX);
    struct sql_queued *queued = &store->queue[store->queue_count++];
    queued->statement = statement;
    queued->prepares = false;
    if (args->too_large) store->queue_too_large = true;
    if (store->queue_broken || store->queue_too_large) return;
    queued->prepares = !is_prepared(store, statement);
    for (uint32_t i = 0; i + 1 < store->queue_count && queued->prepares; i++)
        if (store->queue[i].statement == statement) queued->prepares = false;
    if (queued->prepares && !PQsendPrepare(store->connection, statement->name, statement->text, 0, NULL)) store->queue_broken = true;
    if (!store->queue_broken &&
        !PQsendQueryPrepared(store->connection, statement->name, args->count, args->values, args->lengths, args->formats, 1))
        store->queue_broken = true;
}

/* Take the result of one thing sent, with its closing NULL. */
static PGresult *take_result(struct store *store)
{
    PGresult *res = PQgetResult(store->connection);
    for (PGresult *end; res && PQresultStatus(res) != PGRES_PIPELINE_SYNC && (end = PQgetResult(store->connection)) != NULL;) PQclear(end);
    return res;
}

/* Read the answer to queued statement i; the first failure of the pipeline is told in *rc. */
static PGresult *queue_answer(struct store *store, uint32_t i, enum status *rc, struct error *err)
{
    const struct sql_queued *queued = &store->queue[i];
    for (int step = queued->prepares ? 0 : 1; step < 2; step++) {
        PGresult *res = take_result(store);
        ExecStatusType status = PQresultStatus(res);
        bool good = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
        if (good && step == 0) mark_prepared(store, queued->statement);
        if (good && step == 1) {
            if (*rc == STATUS_OK && queued->statement == &SQL_COMMIT) *rc = commit_check(store, res, err);
            return res;
        }
        if (!good && status != PGRES_PIPELINE_ABORTED && *rc == STATUS_OK) *rc = sql_failed(store, res, queued->statement->name, err);
        PQclear(res);
        if (PQstatus(store->connection) == CONNECTION_BAD) return NULL;
    }
    return NULL;
}

enum status sql_pipeline_flush(struct store *store, PGresult *results[SQL_QUEUE_MAX], struct error *err)
{
    enum status rc = STATUS_OK;
    bool commits = store->queue_count > 0 && store->queue[store->queue_count - 1].statement == &SQL_COMMIT;
    for (uint32_t i = 0; i < SQL_QUEUE_MAX; i++) results[i] = NULL;
    store->pipeline = false;
    if (store->queue_too_large) {
        connection_drop(store); /* half a batch may be on its way: nothing of it may be committed */
        return error_set(err, STATUS_RESOURCE_EXHAUSTED, "the batch is too large");
    }
    if (!store->queue_broken && !PQpipelineSync(store->connection)) store->queue_broken = true;
    if (!store->queue_broken) {
        for (uint32_t i = 0; i < store->queue_count && PQstatus(store->connection) == CONNECTION_OK; i++)
            results[i] = queue_answer(store, i, &rc, err);
        if (PQstatus(store->connection) == CONNECTION_OK) {
            PGresult *sync = PQgetResult(store->connection);
            if (PQresultStatus(sync) != PGRES_PIPELINE_SYNC) store->queue_broken = true;
            PQclear(sync);
            if (!PQexitPipelineMode(store->connection)) store->queue_broken = true;
        }
    }
    if (store->queue_broken || PQstatus(store->connection) == CONNECTION_BAD) {
        connection_drop(store);
        if (rc == STATUS_OK || rc == STATUS_UNAVAILABLE) {
            rc = commits ? commit_unknown(err) : error_set(err, STATUS_UNAVAILABLE, "the database connection was lost");
            if (err) err->retry_ms = 500;
        }
    }
    if (rc != STATUS_OK) sql_results_clear(results);
    return rc;
}

void sql_results_clear(PGresult *results[SQL_QUEUE_MAX])
{
    for (uint32_t i = 0; i < SQL_QUEUE_MAX; i++) {
        PQclear(results[i]);
        results[i] = NULL;
    }
}

/* ---- transactions ---- */

enum status sql_begin(struct store *store, struct error *err)
{
    return sql_run(store, &SQL_BEGIN, NULL, NULL, err);
}

enum status sql_commit(struct store *store, struct error *err)
{
    PGresult *res = NULL;
    store->sync_wait_cancelled = false;
    enum status rc = sql_run(store, &SQL_COMMIT, NULL, &res, err);
    if (rc == STATUS_OK) rc = commit_check(store, res, err);
    else if (PQstatus(store->connection) == CONNECTION_BAD) rc = commit_unknown(err);
    PQclear(res);
    return rc;
}

void sql_rollback(struct store *store)
{
    if (!store->connection || PQstatus(store->connection) == CONNECTION_BAD) {
        connection_drop(store);
        return;
    }
    if (PQtransactionStatus(store->connection) == PQTRANS_IDLE) return;
    PGresult *res = PQexec(store->connection, "ROLLBACK");
    if (PQresultStatus(res) != PGRES_COMMAND_OK) connection_drop(store);
    PQclear(res);
}
