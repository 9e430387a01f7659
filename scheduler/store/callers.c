/* Who may call. Digests only: a token is seen by whoever made it and by whoever holds it. */
#include <stdlib.h>
#include <string.h>

#include "sql.h"

#define MS(column) "(extract(epoch FROM " column ") * 1000)::bigint"
#define COLUMNS                                                                                                                         \
    "caller_id, kind, digest, role, subject, source, facility_id, courier_id, " MS("issued_at") ", " MS("expires_at") ", coalesce(" MS("revoked_at") ", 0), " \
    "coalesce(" MS("taken_at") ", 0), session_s "

static const struct sql_statement
    VERSION = {"callers_version", "SELECT count(*) + coalesce(sum(change), 0)::bigint FROM caller WHERE city_id = $1::integer"},
    READ = {"callers_read", "SELECT " COLUMNS "FROM caller WHERE city_id = $1::integer AND ($2::boolean OR (kind <> 3 AND revoked_at IS NULL AND expires_at > clock_timestamp())) "
                            "ORDER BY caller_id LIMIT $3::bigint"},
    ADD = {"caller_add", "INSERT INTO caller (city_id, kind, digest, role, subject, source, facility_id, courier_id, expires_at, session_s) VALUES ($1::integer, $2::smallint, "
                         "$3::bytea, $4::text, $5::text, $6::text, $7::bigint, $8::bigint, to_timestamp($9::bigint / 1000.0), $10::integer) RETURNING caller_id"},
    REVOKE = {"caller_revoke", "UPDATE caller SET revoked_at = coalesce(revoked_at, clock_timestamp()), change = nextval('caller_change_seq') "
                               "WHERE city_id = $1::integer AND caller_id = $2::bigint"},
    SIGN_IN = {"caller_sign_in", "SELECT " COLUMNS "FROM caller_sign_in($1::integer, $2::bytea, $3::bytea)"};

static enum status caller_from_row(const PGresult *res, int row, struct city_id city, struct caller *out, struct error *err)
{
    char role[32];
    size_t size;
    *out = (struct caller){.id = (uint64_t)sql_get_i64(res, row, 0), .city = city, .kind = (enum credential)sql_get_i64(res, row, 1)};
    const uint8_t *digest = sql_get_bytes(res, row, 2, &size);
    sql_get_text(res, row, 3, role, sizeof role);
    if (size != sizeof out->digest || !role_from_name(role, &out->role)) return error_set(err, STATUS_DATA_LOSS, "a stored caller cannot be read");
    memcpy(out->digest, digest, size);
    sql_get_text(res, row, 4, out->subject, sizeof out->subject);
    sql_get_text(res, row, 5, out->source, sizeof out->source);
    out->facility.v = (uint32_t)sql_get_i64(res, row, 6);
    out->courier.v = (uint32_t)sql_get_i64(res, row, 7);
    out->issued_ms = sql_get_i64(res, row, 8);
    out->expires_ms = sql_get_i64(res, row, 9);
    out->revoked_ms = sql_get_i64(res, row, 10);
    out->taken_ms = sql_get_i64(res, row, 11);
    out->session_s = (uint32_t)sql_get_i64(res, row, 12);
    return STATUS_OK;
}

enum status store_callers_version(struct store *store, struct city_id city, uint64_t *out, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &VERSION, &args, &res, err));
    *out = (uint64_t)sql_get_i64(res, 0, 0);
    PQclear(res);
    return STATUS_OK;
}

enum status store_callers_read(struct store *store, struct city_id city, bool ended, struct caller **out, uint32_t *count, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    *out = NULL;
    *count = 0;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_bool(&args, ended);
    sql_arg_i64(&args, STORE_CALLERS_MAX);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &READ, &args, &res, err));
    int rows = PQntuples(res);
    struct caller *callers = mem_zalloc((size_t)rows + 1, sizeof *callers);
    enum status rc = STATUS_OK;
    for (int row = 0; row < rows && rc == STATUS_OK; row++) rc = caller_from_row(res, row, city, &callers[row], err);
    PQclear(res);
    if (rc != STATUS_OK) {
        free(callers);
        return rc;
    }
    *out = callers;
    *count = (uint32_t)rows;
    return STATUS_OK;
}

enum status store_caller_add(struct store *store, const struct caller *caller, uint64_t *id, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)caller->city.v);
    sql_arg_i16(&args, (int16_t)caller->kind);
    sql_arg_bytes(&args, caller->digest, sizeof caller->digest);
    sql_arg_text(&args, role_name(caller->role));
    sql_arg_text(&args, caller->subject);
    sql_arg_text(&args, caller->source);
    sql_arg_i64(&args, (int64_t)caller->facility.v);
    sql_arg_i64(&args, (int64_t)caller->courier.v);
    sql_arg_i64(&args, caller->expires_ms);
    sql_arg_i32(&args, (int32_t)caller->session_s);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &ADD, &args, &res, err));
    *id = (uint64_t)sql_get_i64(res, 0, 0);
    PQclear(res);
    return STATUS_OK;
}

enum status store_caller_revoke(struct store *store, struct city_id city, uint64_t id, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i64(&args, (int64_t)id);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &REVOKE, &args, &res, err));
    uint64_t revoked = sql_affected(res);
    PQclear(res);
    return revoked == 1 ? STATUS_OK : error_set(err, STATUS_NOT_FOUND, "city %u has no caller %llu", city.v, (unsigned long long)id);
}

enum status store_caller_sign_in(struct store *store, struct city_id city, const uint8_t code[32], const uint8_t token[32], struct caller *out, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_bytes(&args, code, 32);
    sql_arg_bytes(&args, token, 32);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &SIGN_IN, &args, &res, err));
    enum status rc = PQntuples(res) == 1 ? caller_from_row(res, 0, city, out, err)
                                         : error_set(err, STATUS_UNAUTHENTICATED, "the sign-in code is unknown, has been used, or its time is over: ask for a new link");
    PQclear(res);
    return rc;
}
