/* World snapshots: bytes somebody else made, kept with a hash so that a torn or tampered one is passed over for an older one. */
#include <string.h>

#include "fence.h"

static const struct sql_statement
    SAVE = {"snapshot_save",
            "INSERT INTO world_snapshot (city_id, seq, at_ms, sha256, body) VALUES ($1::integer, $2::bigint, $3::bigint, $4::bytea, $5::bytea) "
            "ON CONFLICT DO NOTHING"},
    PRUNE = {"snapshot_prune",
             "DELETE FROM world_snapshot WHERE city_id = $1::integer AND seq < "
             "(SELECT min(seq) FROM (SELECT seq FROM world_snapshot WHERE city_id = $1::integer ORDER BY seq DESC LIMIT 3) newest)"},
    LIST = {"snapshot_list", "SELECT seq FROM world_snapshot WHERE city_id = $1::integer ORDER BY seq DESC LIMIT 3"},
    LOAD = {"snapshot_load", "SELECT at_ms, sha256, body FROM world_snapshot WHERE city_id = $1::integer AND seq = $2::bigint"};

static enum status save(struct store *store, struct city_id city, uint64_t epoch, const struct sql_args *row, struct error *err)
{
    PGresult *results[SQL_QUEUE_MAX];
    struct sql_args args;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_pipeline_begin(store);
    sql_queue(store, &SQL_BEGIN, NULL);
    fence_queue(store, city, epoch);
    sql_queue(store, &SAVE, row);
    sql_queue(store, &PRUNE, &args);
    TRY(sql_pipeline_flush(store, results, err));
    bool fenced = PQntuples(results[1]) == 1;
    sql_results_clear(results);
    return fenced ? sql_commit(store, err) : stale_epoch(city, err);
}

enum status store_snapshot_save(struct store *store, struct city_id city, uint64_t epoch, uint64_t seq, int64_t at_ms, const struct buffer *body,
                                struct error *err)
{
    if (body->full || body->size > STORE_SNAPSHOT_MAX) return error_set(err, STATUS_RESOURCE_EXHAUSTED, "a snapshot is at most %d bytes", STORE_SNAPSHOT_MAX);
    struct sha256 hash = hash_sha256(body->data, body->size);
    struct sql_args args;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i64(&args, (int64_t)seq);
    sql_arg_i64(&args, at_ms);
    sql_arg_bytes(&args, hash.byte, sizeof hash.byte);
    sql_arg_bytes(&args, body->data, body->size);
    TRY(sql_ready(store, err));
    enum status rc = save(store, city, epoch, &args, err);
    if (rc != STATUS_OK) sql_rollback(store);
    return rc;
}

/* NOT_FOUND if the bytes are not what was saved. */
static enum status load(struct store *store, struct city_id city, uint64_t seq, int64_t *at_ms, struct buffer *body, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i64(&args, (int64_t)seq);
    TRY(sql_run(store, &LOAD, &args, &res, err));
    enum status rc = error_set(err, STATUS_NOT_FOUND, "no sound snapshot");
    if (PQntuples(res) == 1) {
        size_t hash_size = 0, size = 0;
        const uint8_t *stored = sql_get_bytes(res, 0, 1, &hash_size);
        const uint8_t *data = sql_get_bytes(res, 0, 2, &size);
        struct sha256 hash = hash_sha256(data, size);
        if (hash_size == sizeof hash.byte && memcmp(stored, hash.byte, hash_size) == 0) {
            buffer_clear(body);
            buffer_append(body, data, size);
            *at_ms = sql_get_i64(res, 0, 0);
            rc = body->full ? error_set(err, STATUS_RESOURCE_EXHAUSTED, "the snapshot does not fit the buffer") : STATUS_OK;
        } else
            log_warn("snapshot city=%u seq=%llu hash=wrong", city.v, (unsigned long long)seq);
    }
    PQclear(res);
    return rc;
}

enum status store_snapshot_load(struct store *store, struct city_id city, uint64_t *seq, int64_t *at_ms, struct buffer *body, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &LIST, &args, &res, err));
    enum status rc = error_set(err, STATUS_NOT_FOUND, "city %u has no snapshot", city.v);
    for (int row = 0; row < PQntuples(res) && rc == STATUS_NOT_FOUND; row++) {
        *seq = (uint64_t)sql_get_i64(res, row, 0);
        rc = load(store, city, *seq, at_ms, body, err);
    }
    PQclear(res);
    return rc;
}
