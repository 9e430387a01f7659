/* Whose eyes a connection has, and the log of what they saw. */
#include <stdlib.h>
#include <string.h>

#include "connection.h"

static const struct sql_statement
    ENTER = {"scope_enter", "SELECT scope_enter($1::integer, $2::bytea)"},
    HEAD = {"access_head", "SELECT seq, hash FROM access_head WHERE city_id = $1::integer"},
    FAULTS = {"access_faults", "SELECT what, seq FROM access_faults($1::integer, $2::bigint, $3::bytea) ORDER BY seq LIMIT $4::integer"},
    LINES = {"access_lines", "SELECT seq, at_ms, actor, what, subject, reason, hash FROM access_log WHERE city_id = $1::integer AND seq > $2::bigint ORDER BY seq LIMIT $3::integer"};

/* ---- scopes ---- */

static enum status plain(struct store *store, const char *text, struct error *err)
{
    PGresult *res = PQexec(store->connection, text);
    enum status rc = PQresultStatus(res) == PGRES_COMMAND_OK ? STATUS_OK : sql_failed(store, res, "scope", err);
    PQclear(res);
    return rc;
}

/* The role's name comes from the database's own list: letters and an underscore. */
static enum status role_take(struct store *store, const char *role, struct error *err)
{
    char text[96];
    ASSERT(strspn(role, "abcdefghijklmnopqrstuvwxyz_") == strlen(role));
    text_format(text, sizeof text, "SET ROLE %s", role);
    return plain(store, text, err);
}

enum status scope_apply(struct store *store, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    char role[64];
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)store->scope_city.v);
    sql_arg_bytes(&args, store->scope_digest, sizeof store->scope_digest);
    TRY(sql_run(store, &ENTER, &args, &res, err));
    sql_get_text(res, 0, 0, role, sizeof role);
    PQclear(res);
    return role_take(store, role, err);
}

enum status store_scope_enter(struct store *store, struct city_id city, const uint8_t digest[32], struct error *err)
{
    ASSERT(store->role == STORE_ROLE_APP);
    store_scope_leave(store);
    TRY(sql_ready(store, err));
    store->scope_city = city;
    memcpy(store->scope_digest, digest, sizeof store->scope_digest);
    enum status rc = scope_apply(store, err);
    store->scoped = rc == STATUS_OK;
    if (rc != STATUS_OK) connection_drop(store); /* half a scope is none */
    return rc;
}

void store_scope_leave(struct store *store)
{
    if (!store->scoped) return;
    store->scoped = false;
    if (!store->connection) return;
    if (PQtransactionStatus(store->connection) != PQTRANS_IDLE ||
        plain(store, "SET ROLE meddispatch_app; RESET meddispatch.scope; RESET meddispatch.scope_mac", NULL) != STATUS_OK)
        connection_drop(store);
}

/* ---- the log of reads ---- */

enum status store_access_head(struct store *store, struct city_id city, struct access_head *out, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    size_t size;
    memset(out, 0, sizeof *out);
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &HEAD, &args, &res, err));
    if (PQntuples(res) == 1) {
        out->seq = (uint64_t)sql_get_i64(res, 0, 0);
        const uint8_t *hash = sql_get_bytes(res, 0, 1, &size);
        ASSERT(size == sizeof out->hash.byte);
        memcpy(out->hash.byte, hash, size);
    }
    PQclear(res);
    return STATUS_OK;
}

enum status store_access_verify(struct store *store, struct city_id city, const struct access_head *kept, struct access_fault *out, size_t capacity, size_t *count,
                                struct error *err)
{
    static const struct access_head none;
    struct sql_args args;
    PGresult *res = NULL;
    if (!kept) kept = &none;
    *count = 0;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i64(&args, (int64_t)kept->seq);
    sql_arg_bytes(&args, kept->hash.byte, sizeof kept->hash.byte);
    sql_arg_i32(&args, (int32_t)(capacity < STORE_PAGE_MAX ? capacity : STORE_PAGE_MAX));
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &FAULTS, &args, &res, err));
    for (int row = 0; row < PQntuples(res); row++) {
        sql_get_text(res, row, 0, out[*count].what, sizeof out[*count].what);
        out[(*count)++].seq = (uint64_t)sql_get_i64(res, row, 1);
    }
    PQclear(res);
    return STATUS_OK;
}

enum status store_access_lines(struct store *store, struct city_id city, uint64_t after, struct access_line *out, size_t capacity, size_t *count, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    size_t size;
    *count = 0;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i64(&args, (int64_t)after);
    sql_arg_i32(&args, (int32_t)(capacity < STORE_PAGE_MAX ? capacity : STORE_PAGE_MAX));
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &LINES, &args, &res, err));
    for (int row = 0; row < PQntuples(res); row++) {
        struct access_line *line = &out[(*count)++];
        line->seq = (uint64_t)sql_get_i64(res, row, 0);
        line->at_ms = sql_get_i64(res, row, 1);
        sql_get_text(res, row, 2, line->actor, sizeof line->actor);
        sql_get_text(res, row, 3, line->what, sizeof line->what);
        line->subject = (uint64_t)sql_get_i64(res, row, 4);
        sql_get_text(res, row, 5, line->reason, sizeof line->reason);
        const uint8_t *hash = sql_get_bytes(res, row, 6, &size);
        if (size == sizeof line->hash.byte) memcpy(line->hash.byte, hash, size);
    }
    PQclear(res);
    return STATUS_OK;
}
