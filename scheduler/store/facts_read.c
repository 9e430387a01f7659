/* Reading facts back: to rebuild a world, to go on with a stream, to tell one order's story. */
#include <stdlib.h>
#include <string.h>

#include "sql.h"

static const struct sql_statement
    AFTER = {"facts_after",
             "SELECT body, seq FROM order_event WHERE city_id = $1::integer AND stream = 0 AND seq > $2::bigint ORDER BY seq LIMIT $3::integer"},
    HISTORY = {"order_history",
               /* an order enters the world after intake has spoken of it: stream 1 comes first */
               "SELECT stream, seq, at_ms, kind, courier_id, actor, source_at_ms, body FROM order_event "
               "WHERE city_id = $1::integer AND order_id = $2::bigint AND order_id <> 0 ORDER BY stream DESC, seq LIMIT $3::integer"};

enum { FACT_ARENA_MAX = STORE_BODY_MAX * 2 };

static enum status unreadable(uint64_t seq, struct error *err)
{
    return error_set(err, STATUS_DATA_LOSS, "stored fact %llu cannot be read", (unsigned long long)seq);
}

enum status store_facts_read(struct store *store, struct city_id city, uint64_t after_seq, uint32_t limit, struct arena *arena, store_on_fact on_fact,
                             void *context, size_t *count, struct error *err)
{
    ASSERT(limit > 0 && limit <= STORE_PAGE_MAX);
    struct sql_args args;
    PGresult *res = NULL;
    size_t given = 0;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i64(&args, (int64_t)after_seq);
    sql_arg_i32(&args, (int32_t)limit);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &AFTER, &args, &res, err));
    enum status rc = STATUS_OK;
    bool more = true;
    for (int row = 0; row < PQntuples(res) && rc == STATUS_OK && more; row++) {
        struct reader reader = {0};
        struct fact fact;
        reader.data = sql_get_bytes(res, row, 0, &reader.size);
        uint64_t seq = (uint64_t)sql_get_i64(res, row, 1);
        if (!fact_decode(&reader, arena, &fact) || fact.seq != seq || fact.city.v != city.v) rc = unreadable(seq, err);
        else {
            given++;
            more = on_fact(context, &fact);
        }
    }
    PQclear(res);
    if (count) *count = given;
    return rc;
}

static enum status event_from_row(const PGresult *res, int row, struct arena *arena, struct order_event_view *out, struct error *err)
{
    memset(out, 0, sizeof *out);
    out->intake = sql_get_i64(res, row, 0) == 1;
    out->seq = (uint64_t)sql_get_i64(res, row, 1);
    out->at_ms = sql_get_i64(res, row, 2);
    int64_t kind = sql_get_i64(res, row, 3);
    out->courier.v = (uint64_t)sql_get_i64(res, row, 4);
    sql_get_text(res, row, 5, out->actor, sizeof out->actor);
    out->source_ms = sql_get_i64(res, row, 6);
    if (out->intake) {
        if (kind < 1 || kind > ORDER_PHASE_COUNT) return unreadable(out->seq, err);
        out->phase = (enum order_phase)(kind - 1);
        return STATUS_OK;
    }
    struct reader reader = {0};
    struct fact fact;
    reader.data = sql_get_bytes(res, row, 7, &reader.size);
    arena_reset(arena);
    if (!fact_decode(&reader, arena, &fact)) return unreadable(out->seq, err);
    out->kind = fact.kind;
    out->phase = fact.phase;
    out->fact = fact;
    if (fact.kind == FACT_ORDER_ENTERED) out->fact.entered = NULL;
    if (fact.kind == FACT_ROUTE_PLANNED) out->fact.route.stops = NULL;
    return STATUS_OK;
}

enum status store_order_history(struct store *store, struct city_id city, struct order_id order, struct order_event_view *out, size_t capacity,
                                size_t *count, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    *count = 0;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i64(&args, (int64_t)order.v);
    sql_arg_i32(&args, (int32_t)(capacity < STORE_PAGE_MAX ? capacity : STORE_PAGE_MAX));
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &HISTORY, &args, &res, err));
    struct arena *arena = arena_new(FACT_ARENA_MAX);
    enum status rc = STATUS_OK;
    for (int row = 0; row < PQntuples(res) && rc == STATUS_OK; row++) {
        rc = event_from_row(res, row, arena, &out[row], err);
        if (rc == STATUS_OK) ++*count;
    }
    arena_free(arena);
    PQclear(res);
    return rc;
}
