/* Who leads a city. The epoch changes only at takeover and fences writers; heartbeats live in another row, so that renewing never waits for them.
 * Only the database's clock is asked. */
#include "connection.h"
#include "fence.h"

static const struct sql_statement
    EPOCH_MAKE = {"lease_make", "INSERT INTO city_epoch (city_id, epoch, holder) VALUES ($1::integer, 0, '') ON CONFLICT DO NOTHING"},
    STREAM_MAKE = {"lease_stream", "INSERT INTO city_stream (city_id, stream, last_seq) VALUES ($1::integer, 0, 0) ON CONFLICT DO NOTHING"},
    EPOCH_LOCK = {"lease_lock",
                  "SELECT e.epoch, e.holder = $2::text, coalesce(ceil(extract(epoch FROM b.lease_till - clock_timestamp()) * 1000), 0)::bigint "
                  "FROM city_epoch e LEFT JOIN city_beat b USING (city_id) WHERE e.city_id = $1::integer FOR UPDATE OF e"},
    EPOCH_RAISE = {"lease_raise", "UPDATE city_epoch SET epoch = epoch + 1, holder = $2::text WHERE city_id = $1::integer RETURNING epoch"},
    BEAT_START = {"lease_start",
                  "INSERT INTO city_beat (city_id, epoch, lease_till) VALUES ($1::integer, $2::bigint, clock_timestamp() + $3::integer * interval '1 ms') "
                  "ON CONFLICT (city_id) DO UPDATE SET epoch = excluded.epoch, lease_till = excluded.lease_till"},
    BEAT = {"lease_beat",
            "UPDATE city_beat SET lease_till = clock_timestamp() + $3::integer * interval '1 ms' WHERE city_id = $1::integer AND epoch = $2::bigint"},
    FENCE = {"fence", "SELECT 1 FROM city_epoch WHERE city_id = $1::integer AND epoch = $2::bigint FOR SHARE"};

enum { LEASE_MS_MIN = 100, LEASE_MS_MAX = 600000 };

static enum status lead(struct store *store, struct city_id city, const char *holder, uint32_t lease_ms, uint64_t *epoch, struct error *err)
{
    struct sql_args args;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    TRY(sql_run(store, &EPOCH_MAKE, &args, NULL, err));
    TRY(sql_run(store, &STREAM_MAKE, &args, NULL, err));
    sql_arg_text(&args, holder);
    PGresult *res = NULL;
    TRY(sql_run(store, &EPOCH_LOCK, &args, &res, err));
    bool same = PQntuples(res) == 1 && sql_get_bool(res, 0, 1);
    int64_t left_ms = PQntuples(res) == 1 ? sql_get_i64(res, 0, 2) : 0;
    PQclear(res);
    if (!same && left_ms > 0) {
        enum status rc = error_set(err, STATUS_FAILED_PRECONDITION, "another node leads city %u for %lld ms more", city.v, (long long)left_ms);
        if (err) err->retry_ms = (uint32_t)(left_ms < LEASE_MS_MAX ? left_ms : LEASE_MS_MAX);
        return rc;
    }
    TRY(sql_run(store, &EPOCH_RAISE, &args, &res, err));
    *epoch = (uint64_t)sql_get_i64(res, 0, 0);
    PQclear(res);
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i64(&args, (int64_t)*epoch);
    sql_arg_i32(&args, (int32_t)lease_ms);
    TRY(sql_run(store, &BEAT_START, &args, NULL, err));
    return sql_commit(store, err);
}

enum status store_city_lead(struct store *store, struct city_id city, const char *holder, uint32_t lease_ms, uint64_t *epoch, struct error *err)
{
    if (lease_ms < LEASE_MS_MIN || lease_ms > LEASE_MS_MAX) return error_field(err, "lease_ms", "a lease lasts 0.1 s to 10 minutes");
    TRY(sql_ready(store, err));
    TRY(sql_begin(store, err));
    enum status rc = lead(store, city, holder, lease_ms, epoch, err);
    if (rc != STATUS_OK) sql_rollback(store);
    if (rc == STATUS_NOT_FOUND) rc = error_set(err, STATUS_NOT_FOUND, "there is no city %u", city.v);
    return rc;
}

static enum status beat(struct store *store, struct city_id city, uint64_t epoch, int32_t lease_ms, struct error *err)
{
    struct sql_args args;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i64(&args, (int64_t)epoch);
    sql_arg_i32(&args, lease_ms);
    PGresult *res = NULL;
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &BEAT, &args, &res, err));
    uint64_t rows = sql_affected(res);
    PQclear(res);
    return rows == 1 ? STATUS_OK : stale_epoch(city, err);
}

enum status store_city_beat(struct store *store, struct city_id city, uint64_t epoch, uint32_t lease_ms, struct error *err)
{
    if (lease_ms < LEASE_MS_MIN || lease_ms > LEASE_MS_MAX) return error_field(err, "lease_ms", "a lease lasts 0.1 s to 10 minutes");
    return beat(store, city, epoch, (int32_t)lease_ms, err);
}

enum status store_city_release(struct store *store, struct city_id city, uint64_t epoch, struct error *err)
{
    return beat(store, city, epoch, 0, err);
}

enum status stale_epoch(struct city_id city, struct error *err)
{
    error_set(err, STATUS_FAILED_PRECONDITION, "another node has taken over city %u", city.v);
    return error_reason(err, "STALE_EPOCH");
}

void fence_queue(struct store *store, struct city_id city, uint64_t epoch)
{
    struct sql_args args;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i64(&args, (int64_t)epoch);
    sql_queue(store, &FENCE, &args);
}
