/* Reading orders: one, many, the outbox. */
#include <assert.h>
#include <string.h>

#include "views.h"

#define VIEW                                                                                                                             \
    "SELECT o.body, o.phase, o.version, m.code, o.claim_id, coalesce(o.parent_order_id, 0), o.courier_id, o.lab_id, o.eta_ms, o.ended_ms, o.late, " \
    "o.unplanned, o.reason, o.pharmacist, o.source, o.ready_ms, o.priority FROM orders o JOIN member m ON m.city_id = o.city_id AND m.member_id = o.member_id "
#define PAGE " AND ($4::smallint < 0 OR o.phase = $4::smallint) AND ($5::boolean IS FALSE OR o.ended_ms = 0) ORDER BY o.order_id LIMIT $3::integer"

static const struct sql_statement
    READ = {"order_read", VIEW "WHERE o.city_id = $1::integer AND o.order_id = $2::bigint"},
    LIST = {"orders_all", VIEW "WHERE o.city_id = $1::integer AND o.order_id > $2::bigint" PAGE},
    LIST_LIVE = {"orders_live", VIEW "WHERE o.city_id = $1::integer AND o.ended_ms = 0 AND o.order_id > $2::bigint" PAGE},
    LIST_PHARMACY = {"orders_pharmacy",
                     VIEW "WHERE o.city_id = $1::integer AND o.pharmacy_id = $6::bigint AND ($7::text = '' OR m.code = $7::text) AND o.order_id > $2::bigint" PAGE},
    LIST_MEMBER = {"orders_member", VIEW "WHERE m.city_id = $1::integer AND m.code = $7::text AND $6::bigint = 0 AND o.order_id > $2::bigint" PAGE},
    OUTBOX = {"outbox_read", "SELECT body FROM outbox WHERE city_id = $1::integer ORDER BY order_id LIMIT $2::integer"},
    KPIS = {"kpis", /* eta_ms of a delivered order is when it was */
            "SELECT count(*), count(*) FILTER (WHERE done), count(*) FILTER (WHERE phase IN (15, 17, 18, 19)), count(*) FILTER (WHERE phase = 1), "
            "count(*) FILTER (WHERE phase = 16), count(*) FILTER (WHERE done AND eta_ms <= promise_ms), count(*) FILTER (WHERE done AND span_s <= 10800), "
            "count(DISTINCT courier_id) FILTER (WHERE courier_id <> 0), "
            "coalesce(avg(span_s) FILTER (WHERE done), 0)::bigint, "
            "coalesce(percentile_disc(0.5) WITHIN GROUP (ORDER BY span_s) FILTER (WHERE done), 0)::bigint, "
            "coalesce(percentile_disc(0.9) WITHIN GROUP (ORDER BY span_s) FILTER (WHERE done), 0)::bigint, "
            "coalesce(percentile_disc(0.99) WITHIN GROUP (ORDER BY span_s) FILTER (WHERE done), 0)::bigint "
            "FROM (SELECT phase, courier_id, eta_ms, promise_ms, phase IN (10, 13, 14) AND eta_ms > 0 AS done, greatest(eta_ms - accepted_ms, 0) / 1000 AS span_s "
            "FROM orders WHERE city_id = $1::integer AND accepted_ms >= $2::bigint AND accepted_ms < $3::bigint) AS o"};

static enum status view_from_row(const PGresult *res, int row, struct order_view *out, struct error *err)
{
    memset(out, 0, sizeof *out);
    struct reader reader = {0};
    reader.data = sql_get_bytes(res, row, 0, &reader.size);
    if (!order_decode(&reader, &out->order)) return error_set(err, STATUS_DATA_LOSS, "a stored order cannot be read");
    int64_t phase = sql_get_i64(res, row, 1), unplanned = sql_get_i64(res, row, 11);
    if (phase < 0 || phase >= ORDER_PHASE_COUNT || unplanned < 0 || unplanned >= UNPLANNED_REASON_COUNT)
        return error_set(err, STATUS_DATA_LOSS, "order %llu has a phase or reason that does not exist", (unsigned long long)out->order.id.v);
    out->order.phase = (enum order_phase)phase;
    out->order.ready_ms = sql_get_i64(res, row, 15);
    out->order.priority = (enum priority)sql_get_i64(res, row, 16); /* 1..3 by the table's check */
    out->version = (uint32_t)sql_get_i64(res, row, 2);
    sql_get_text(res, row, 3, out->member, sizeof out->member);
    out->claim.v = (uint64_t)sql_get_i64(res, row, 4);
    out->parent.v = (uint64_t)sql_get_i64(res, row, 5);
    out->courier.v = (uint64_t)sql_get_i64(res, row, 6);
    out->lab.v = (uint64_t)sql_get_i64(res, row, 7);
    out->eta_ms = sql_get_i64(res, row, 8);
    out->ended_ms = sql_get_i64(res, row, 9);
    out->late = sql_get_bool(res, row, 10);
    out->unplanned = (enum unplanned_reason)unplanned;
    sql_get_text(res, row, 12, out->reason, sizeof out->reason);
    sql_get_text(res, row, 13, out->pharmacist, sizeof out->pharmacist);
    sql_get_text(res, row, 14, out->source, sizeof out->source);
    return STATUS_OK;
}

enum status order_view_read(struct store *store, struct city_id city, struct order_id order, struct order_view *out, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i64(&args, (int64_t)order.v);
    TRY(sql_run(store, &READ, &args, &res, err));
    enum status rc = PQntuples(res) == 1 ? view_from_row(res, 0, out, err)
                                         : error_set(err, STATUS_NOT_FOUND, "there is no order %llu in city %u", (unsigned long long)order.v, city.v);
    PQclear(res);
    return rc;
}

enum status store_order_read(struct store *store, struct city_id city, struct order_id order, struct order_view *out, struct error *err)
{
    TRY(sql_ready(store, err));
    return order_view_read(store, city, order, out, err);
}

static const struct sql_statement *list_statement(const struct order_filter *filter)
{
    if (filter->pharmacy.v) return &LIST_PHARMACY;
    if (filter->member[0]) return &LIST_MEMBER;
    return filter->live_only ? &LIST_LIVE : &LIST;
}

enum status store_orders_list(struct store *store, struct city_id city, const struct order_filter *filter, struct order_view *out, size_t capacity,
                              size_t *count, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    const struct sql_statement *statement = list_statement(filter);
    *count = 0;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i64(&args, (int64_t)filter->after.v);
    sql_arg_i32(&args, (int32_t)(capacity < STORE_PAGE_MAX ? capacity : STORE_PAGE_MAX));
    sql_arg_i16(&args, filter->by_phase ? (int16_t)filter->phase : -1);
    sql_arg_bool(&args, filter->live_only);
    if (statement == &LIST_PHARMACY || statement == &LIST_MEMBER) {
        sql_arg_i64(&args, (int64_t)filter->pharmacy.v);
        sql_arg_text(&args, filter->member);
    }
    TRY(sql_ready(store, err));
    TRY(sql_run(store, statement, &args, &res, err));
    enum status rc = STATUS_OK;
    for (int row = 0; row < PQntuples(res) && rc == STATUS_OK; row++) {
        rc = view_from_row(res, row, &out[row], err);
        if (rc == STATUS_OK) ++*count;
    }
    PQclear(res);
    return rc;
}

enum status store_outbox_read(struct store *store, struct city_id city, struct order *out, size_t capacity, size_t *count, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    *count = 0;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i32(&args, (int32_t)(capacity < STORE_PAGE_MAX ? capacity : STORE_PAGE_MAX));
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &OUTBOX, &args, &res, err));
    enum status rc = STATUS_OK;
    for (int row = 0; row < PQntuples(res) && rc == STATUS_OK; row++) {
        struct reader reader = {0};
        reader.data = sql_get_bytes(res, row, 0, &reader.size);
        if (order_decode(&reader, &out[row])) ++*count;
        else rc = error_set(err, STATUS_DATA_LOSS, "an order in the outbox of city %u cannot be read", city.v);
    }
    PQclear(res);
    return rc;
}

enum status store_kpis_read(struct store *store, struct city_id city, int64_t from_ms, int64_t to_ms, struct kpis_view *out, struct error *err)
{
    static_assert(ORDER_REFUSED == 1 && ORDER_DELIVERED == 10 && ORDER_LAB_ACCEPTED == 13 && ORDER_REPORTED == 14 && ORDER_SPECIMEN_REJECTED == 15 &&
                  ORDER_CANCELLED == 16 && ORDER_FAILED == 17 && ORDER_RETURNING == 18 && ORDER_RETURNED == 19, "the numbers of KPIS");
    struct sql_args args;
    PGresult *res = NULL;
    memset(out, 0, sizeof *out);
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i64(&args, from_ms);
    sql_arg_i64(&args, to_ms);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &KPIS, &args, &res, err));
    uint64_t *counts[] = {&out->total, &out->delivered, &out->failed, &out->refused, &out->cancelled, &out->within_promise, &out->within_3h, &out->couriers};
    uint32_t *spans[] = {&out->mean_s, &out->p50_s, &out->p90_s, &out->p99_s};
    for (int i = 0; i < (int)COUNT_OF(counts); i++) *counts[i] = (uint64_t)sql_get_i64(res, 0, i);
    for (int i = 0; i < (int)COUNT_OF(spans); i++) *spans[i] = (uint32_t)sql_get_i64(res, 0, (int)COUNT_OF(counts) + i);
    PQclear(res);
    return STATUS_OK;
}
