/* Roads that dispatchers report closed or slow: kept for ever, in force until their time is over or somebody withdraws them. */
#include <stdlib.h>
#include <string.h>

#include "sql.h"

#define OPEN "city_id = $1::integer AND withdrawn_ms IS NULL AND until_ms > $2::bigint"

static const struct sql_statement
    /* the count and the insert are one statement; two at once may pass the limit by one, which only bounds memory */
    REPORT = {"road_report",
              "INSERT INTO road_override (city_id, kind, way, points, speed_percent, speed_kmh, reported_ms, until_ms, actor, reason, cause_key, request_hash) "
              "SELECT $1::integer, $3::smallint, $4::bigint, $5::integer[], $6::smallint, $7::smallint, $2::bigint, $8::bigint, $9::text, $10::text, $11::bytea, $12::bigint "
              "WHERE (SELECT count(*) FROM road_override WHERE " OPEN ") < $13::bigint "
              "ON CONFLICT (city_id, cause_key) DO NOTHING RETURNING override_id"},
    KNOWN = {"road_known", "SELECT override_id, request_hash FROM road_override WHERE city_id = $1::integer AND cause_key = $2::bytea"},
    WITHDRAW = {"road_withdraw",
                "WITH done AS (UPDATE road_override SET withdrawn_ms = $3::bigint, withdrawn_by = $4::text, withdrawn_for = $5::text "
                "WHERE city_id = $1::integer AND override_id = $2::bigint AND withdrawn_ms IS NULL RETURNING 1) "
                "SELECT EXISTS (SELECT FROM done), EXISTS (SELECT FROM road_override WHERE city_id = $1::integer AND override_id = $2::bigint)"},
#define COLUMNS "SELECT override_id, kind, way, points, speed_percent, speed_kmh, reported_ms, until_ms, actor, reason, withdrawn_ms, withdrawn_by, withdrawn_for FROM road_override "
    LIST = {"roads_open", COLUMNS "WHERE " OPEN " ORDER BY override_id DESC LIMIT $3::bigint"},
    LIST_ALL = {"roads_all", COLUMNS "WHERE city_id = $1::integer AND $2::bigint IS NOT NULL ORDER BY override_id DESC LIMIT $3::bigint"};

static enum status answer_known(struct store *store, struct city_id city, const struct cause *cause, uint64_t *id, bool *known, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_bytes(&args, cause->key, sizeof cause->key);
    TRY(sql_run(store, &KNOWN, &args, &res, err));
    enum status rc = STATUS_OK;
    *known = PQntuples(res) == 1;
    if (*known && (uint64_t)sql_get_i64(res, 0, 1) != cause->request_hash) {
        rc = error_set(err, STATUS_ALREADY_EXISTS, "this idempotency_key has been used for another report: use a new key");
        error_reason(err, "KEY_REUSED");
    } else if (*known) {
        *id = (uint64_t)sql_get_i64(res, 0, 0);
    }
    PQclear(res);
    return rc;
}

enum status store_road_report(struct store *store, struct city_id city, const struct road_override *report, const struct cause *cause, uint64_t *id,
                              bool *repeated, struct error *err)
{
    struct sql_column points;
    struct sql_args args;
    PGresult *res = NULL;
    *repeated = false;
    TRY(sql_ready(store, err));
    TRY(answer_known(store, city, cause, id, repeated, err));
    if (*repeated) return STATUS_OK;
    sql_column_init(&points, SQL_I32);
    for (uint32_t i = 0; i < report->point_count; i++) {
        sql_column_number(&points, report->points[i].lat_e7);
        sql_column_number(&points, report->points[i].lon_e7);
    }
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i64(&args, report->reported_ms);
    sql_arg_i16(&args, (int16_t)report->kind);
    sql_arg_i64(&args, report->way);
    sql_arg_column(&args, &points);
    sql_arg_i16(&args, (int16_t)report->speed_percent);
    sql_arg_i16(&args, (int16_t)report->speed_kmh);
    sql_arg_i64(&args, report->until_ms);
    sql_arg_text(&args, report->actor);
    sql_arg_text(&args, report->reason);
    sql_arg_bytes(&args, cause->key, sizeof cause->key);
    sql_arg_i64(&args, (int64_t)cause->request_hash);
    sql_arg_i64(&args, ROAD_OVERRIDES_MAX);
    enum status rc = sql_run(store, &REPORT, &args, &res, err);
    sql_column_deinit(&points);
    TRY(rc);
    bool stored = PQntuples(res) == 1;
    if (stored) *id = (uint64_t)sql_get_i64(res, 0, 0);
    PQclear(res);
    if (stored) return STATUS_OK;
    TRY(answer_known(store, city, cause, id, repeated, err)); /* a twin was faster */
    if (*repeated) return STATUS_OK;
    error_set(err, STATUS_RESOURCE_EXHAUSTED, "%d reports of roads are in force: withdraw some, or draw one area for many", ROAD_OVERRIDES_MAX);
    return error_reason(err, "TOO_MANY_ROADS");
}

enum status store_road_withdraw(struct store *store, struct city_id city, uint64_t id, int64_t at_ms, const char *actor, const char *reason, bool *repeated,
                                struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    TRY(sql_ready(store, err));
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i64(&args, (int64_t)id);
    sql_arg_i64(&args, at_ms);
    sql_arg_text(&args, actor);
    sql_arg_text(&args, reason);
    TRY(sql_run(store, &WITHDRAW, &args, &res, err));
    *repeated = !sql_get_bool(res, 0, 0);
    bool known = sql_get_bool(res, 0, 1);
    PQclear(res);
    return known ? STATUS_OK : error_set(err, STATUS_NOT_FOUND, "there is no report %llu of a road in city %u", (unsigned long long)id, city.v);
}

static enum status override_from_row(const PGresult *res, int row, struct arena *arena, struct road_override *out, struct error *err)
{
    int32_t flat[2 * ROAD_POINTS_MAX];
    memset(out, 0, sizeof *out);
    out->id = (uint64_t)sql_get_i64(res, row, 0);
    out->kind = (enum road_kind)sql_get_i64(res, row, 1); /* the schema's CHECK keeps it in range */
    out->way = sql_get_i64(res, row, 2);
    out->point_count = sql_get_i32_array(res, row, 3, flat, COUNT_OF(flat)) / 2;
    out->points = arena_alloc(arena, (out->point_count + 1) * sizeof *out->points);
    if (!out->points) return error_set(err, STATUS_RESOURCE_EXHAUSTED, "the reports of roads are too large");
    for (uint32_t i = 0; i < out->point_count; i++) out->points[i] = (struct point){flat[2 * i], flat[2 * i + 1]};
    out->speed_percent = (uint32_t)sql_get_i64(res, row, 4);
    out->speed_kmh = (uint32_t)sql_get_i64(res, row, 5);
    out->reported_ms = sql_get_i64(res, row, 6);
    out->until_ms = sql_get_i64(res, row, 7);
    sql_get_text(res, row, 8, out->actor, sizeof out->actor);
    sql_get_text(res, row, 9, out->reason, sizeof out->reason);
    out->withdrawn_ms = sql_get_i64(res, row, 10);
    if (sql_get_null(res, row, 10)) return STATUS_OK;
    sql_get_text(res, row, 11, out->withdrawn_by, sizeof out->withdrawn_by);
    sql_get_text(res, row, 12, out->withdrawn_for, sizeof out->withdrawn_for);
    return STATUS_OK;
}

enum status store_roads_read(struct store *store, struct city_id city, int64_t now_ms, bool ended, struct arena *arena, struct road_override **out,
                             uint32_t *count, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    TRY(sql_ready(store, err));
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i64(&args, now_ms);
    sql_arg_i64(&args, ROAD_OVERRIDES_MAX);
    TRY(sql_run(store, ended ? &LIST_ALL : &LIST, &args, &res, err));
    *count = (uint32_t)PQntuples(res);
    *out = arena_alloc(arena, (*count + 1) * sizeof **out);
    enum status rc = *out ? STATUS_OK : error_set(err, STATUS_RESOURCE_EXHAUSTED, "the reports of roads are too large");
    for (uint32_t i = 0; i < *count && rc == STATUS_OK; i++) rc = override_from_row(res, (int)i, arena, &(*out)[i], err);
    PQclear(res);
    return rc;
}
