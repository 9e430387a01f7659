/* What a settlement report tells of a day and of the days before it: sums only, nobody's name, code or medicine. */
#include <string.h>

#include "sql.h"

static const struct sql_statement
    DAYS = {"report_days",
            "SELECT b.day - DATE '1970-01-01', count(p.payee), coalesce(sum(p.net_fen), 0)::bigint, coalesce(sum(p.total_fen), 0)::bigint, "
            "coalesce(sum(p.carried_fen), 0)::bigint, coalesce(sum(p.total_fen) FILTER (WHERE p.state = 'FAILED'), 0)::bigint FROM business_day b "
            "LEFT JOIN payout_batch p ON p.city_id = b.city_id AND p.business_day = b.day WHERE b.city_id = $1::integer "
            "AND b.day <= DATE '1970-01-01' + $2::integer AND b.day > DATE '1970-01-01' + $2::integer - $3::integer GROUP BY b.day ORDER BY b.day"},
    KINDS = {"report_kinds",
             "SELECT kind, count(*), sum(amount_fen)::bigint, count(*) FILTER (WHERE DATE '1970-01-01' + div(at_ms / 1000 + c.utc_offset_s + 86400 - k.cut_off_s, 86400)::integer "
             "< business_day) FROM ledger l JOIN city c USING (city_id) JOIN city_book k USING (city_id) WHERE l.city_id = $1::integer "
             "AND l.business_day = DATE '1970-01-01' + $2::integer GROUP BY kind ORDER BY kind"},
    EXCEPTIONS = {"report_exceptions",
                  "SELECT kind, count(*) FILTER (WHERE age < 1), count(*) FILTER (WHERE age BETWEEN 1 AND 2), count(*) FILTER (WHERE age BETWEEN 3 AND 7), "
                  "count(*) FILTER (WHERE age > 7), sum(abs(expected_fen - found_fen))::bigint, min(business_day) - DATE '1970-01-01' FROM (SELECT x.*, "
                  "DATE '1970-01-01' + $2::integer - x.business_day AS age FROM recon_exception x WHERE x.city_id = $1::integer AND x.closed_at IS NULL "
                  "AND x.business_day <= DATE '1970-01-01' + $2::integer) y GROUP BY kind ORDER BY kind LIMIT $3::integer"};

static enum status ask(struct store *store, const struct sql_statement *statement, struct city_id city, int32_t day, int32_t most, PGresult **res, struct error *err)
{
    struct sql_args args;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i32(&args, day);
    if (most) sql_arg_i32(&args, most);
    TRY(sql_ready(store, err));
    return sql_run(store, statement, &args, res, err);
}

static enum status read_days(struct store *store, struct city_id city, int32_t day, struct settlement_report *out, struct error *err)
{
    PGresult *res = NULL;
    TRY(ask(store, &DAYS, city, day, REPORT_DAYS_MAX, &res, err));
    for (int row = 0; row < PQntuples(res) && out->day_count < REPORT_DAYS_MAX; row++)
        out->days[out->day_count++] = (struct report_day){.day = (int32_t)sql_get_i64(res, row, 0), .batches = (uint64_t)sql_get_i64(res, row, 1), .net_fen = sql_get_i64(res, row, 2),
                                                          .paid_fen = sql_get_i64(res, row, 3), .carried_fen = sql_get_i64(res, row, 4), .failed_fen = sql_get_i64(res, row, 5)};
    PQclear(res);
    return STATUS_OK;
}

static enum status read_kinds(struct store *store, struct city_id city, int32_t day, struct settlement_report *out, struct error *err)
{
    PGresult *res = NULL;
    TRY(ask(store, &KINDS, city, day, 0, &res, err));
    for (int row = 0; row < PQntuples(res) && out->kind_count < REPORT_KINDS_MAX; row++) {
        int64_t kind = sql_get_i64(res, row, 0);
        struct report_kind *k = &out->kinds[out->kind_count++];
        *k = (struct report_kind){.count = (uint64_t)sql_get_i64(res, row, 1), .fen = sql_get_i64(res, row, 2), .late = (uint64_t)sql_get_i64(res, row, 3)};
        text_format(k->name, sizeof k->name, "%s", kind < CLAIMS_ENTRY_KIND_COUNT ? claims_entry_kind_name((enum claims_entry_kind)kind) : "PAYOUT_FAILED");
    }
    PQclear(res);
    return STATUS_OK;
}

static enum status read_exceptions(struct store *store, struct city_id city, int32_t day, struct settlement_report *out, struct error *err)
{
    PGresult *res = NULL;
    TRY(ask(store, &EXCEPTIONS, city, day, REPORT_EXCEPTIONS_MAX, &res, err));
    for (int row = 0; row < PQntuples(res) && out->exception_count < REPORT_EXCEPTIONS_MAX; row++) {
        struct report_exception *x = &out->exceptions[out->exception_count++];
        sql_get_text(res, row, 0, x->kind, sizeof x->kind);
        for (int age = 0; age < REPORT_AGES; age++) x->count[age] = (uint64_t)sql_get_i64(res, row, 1 + age);
        x->difference_fen = sql_get_i64(res, row, 5);
        x->oldest_day = (int32_t)sql_get_i64(res, row, 6);
    }
    PQclear(res);
    return STATUS_OK;
}

enum status store_settlement_report(struct store *store, struct city_id city, int32_t day, struct settlement_report *out, struct error *err)
{
    memset(out, 0, sizeof *out);
    TRY(read_days(store, city, day, out, err));
    TRY(read_kinds(store, city, day, out, err));
    return read_exceptions(store, city, day, out, err);
}
