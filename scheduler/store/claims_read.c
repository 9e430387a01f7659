/* Reading claims and member-year accounts. */
#include <string.h>

#include "views.h"

#define CLAIM                                                                                                                            \
    "SELECT c.claim_id, c.order_id, c.member_id, c.benefit, c.state, c.plan_version, c.service_ms, c.submitted_fen, c.eligible_fen, "      \
    "c.other_coverage_fen, c.deductible_fen, c.benefit_fen, c.member_fen, c.refusal_rule, c.refusal_text FROM claim c "
#define CLAIM_FILTER                                                                                                                     \
    " AND ($4::smallint = 0 OR c.state = $4::smallint) AND c.service_ms >= $5::bigint AND ($6::bigint = 0 OR c.service_ms < $6::bigint) " \
    "ORDER BY c.claim_id LIMIT $3::integer"

static const struct sql_statement
    READ = {"claim_read", CLAIM "WHERE c.city_id = $1::integer AND c.claim_id = $2::bigint"},
    READ_ORDER = {"claim_of_order", CLAIM "JOIN orders o ON o.city_id = c.city_id AND o.claim_id = c.claim_id WHERE o.city_id = $1::integer AND o.order_id = $2::bigint"},
    LIST = {"claims_all", CLAIM "WHERE c.city_id = $1::integer AND c.claim_id > $2::bigint" CLAIM_FILTER},
    LIST_MEMBER = {"claims_member",
                   CLAIM "JOIN member m ON m.city_id = c.city_id AND m.member_id = c.member_id "
                         "WHERE c.city_id = $1::integer AND m.code = $7::text AND c.claim_id > $2::bigint" CLAIM_FILTER},
    LINES = {"claim_lines",
             "SELECT claim_id, line_no, code, quantity, allowed_quantity, reversed_quantity, submitted_fen, eligible_fen, benefit_fen, member_fen, "
             "reversed_fen, formulary_version, rules FROM claim_line WHERE city_id = $1::integer AND claim_id = ANY ($2::bigint[]) ORDER BY claim_id, line_no"},
    BENEFITS = {"benefits_read",
                "SELECT l.member_id, l.policy, l.plan, l.plan_version, l.year_start - DATE '1970-01-01', coalesce(y.limit_fen, v.year_limit_fen), y.pending_fen, "
                "y.posted_fen, coalesce(y.deductible_fen, v.deductible_year_fen), y.deductible_used_fen, "
                "ARRAY(SELECT coalesce(b.rate_bps, 0) FROM generate_series(1, 3) g LEFT JOIN plan_benefit b ON b.city_id = l.city_id AND b.plan = l.plan "
                "AND b.version = l.plan_version AND b.benefit = g ORDER BY g), "
                "coalesce(y.count_max, ARRAY(SELECT coalesce(b.count_max, 0) FROM generate_series(1, 3) g LEFT JOIN plan_benefit b ON b.city_id = l.city_id "
                "AND b.plan = l.plan AND b.version = l.plan_version AND b.benefit = g ORDER BY g)), y.count_used "
                "FROM intake_lookup(ARRAY[$1::integer], ARRAY[$2::text], ARRAY[$3::bigint]) l "
                "LEFT JOIN plan_version v ON v.city_id = l.city_id AND v.plan = l.plan AND v.version = l.plan_version "
                "LEFT JOIN member_year y ON y.city_id = l.city_id AND y.member_id = l.member_id AND y.policy = l.policy AND y.year_start = l.year_start"};

static void claim_from_row(const PGresult *res, int row, struct city_id city, struct claim *out)
{
    memset(out, 0, sizeof *out);
    out->city = city;
    out->id.v = (uint64_t)sql_get_i64(res, row, 0);
    out->order.v = (uint64_t)sql_get_i64(res, row, 1);
    out->member.v = (uint64_t)sql_get_i64(res, row, 2);
    out->benefit = (enum benefit)sql_get_i64(res, row, 3); /* the schema's CHECKs keep both in range */
    out->state = (enum claim_state)sql_get_i64(res, row, 4);
    out->plan_version = (uint32_t)sql_get_i64(res, row, 5);
    out->service_ms = sql_get_i64(res, row, 6);
    out->submitted_fen = sql_get_i64(res, row, 7);
    out->eligible_fen = sql_get_i64(res, row, 8);
    out->other_coverage_fen = sql_get_i64(res, row, 9);
    out->deductible_fen = sql_get_i64(res, row, 10);
    out->benefit_fen = sql_get_i64(res, row, 11);
    out->member_fen = sql_get_i64(res, row, 12);
    sql_get_text(res, row, 13, out->refusal_rule, sizeof out->refusal_rule);
    sql_get_text(res, row, 14, out->refusal_text, sizeof out->refusal_text);
}

static void line_from_row(const PGresult *res, int row, struct claim_line *out)
{
    sql_get_text(res, row, 2, out->code, sizeof out->code);
    out->quantity = (uint32_t)sql_get_i64(res, row, 3);
    out->allowed_quantity = (uint32_t)sql_get_i64(res, row, 4);
    out->reversed_quantity = (uint32_t)sql_get_i64(res, row, 5);
    out->submitted_fen = sql_get_i64(res, row, 6);
    out->eligible_fen = sql_get_i64(res, row, 7);
    out->benefit_fen = sql_get_i64(res, row, 8);
    out->member_fen = sql_get_i64(res, row, 9);
    out->reversed_fen = sql_get_i64(res, row, 10);
    out->formulary_version = (uint32_t)sql_get_i64(res, row, 11);
    sql_get_text(res, row, 12, out->rules, sizeof out->rules);
}

/* Lines come ascending by claim, as the claims are. */
static enum status lines_fill(struct store *store, struct city_id city, struct claim *claims, size_t count, struct error *err)
{
    struct sql_column ids;
    struct sql_args args;
    PGresult *res = NULL;
    sql_column_init(&ids, SQL_I64);
    for (size_t i = 0; i < count; i++) sql_column_number(&ids, (int64_t)claims[i].id.v);
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_column(&args, &ids);
    enum status rc = sql_run(store, &LINES, &args, &res, err);
    size_t at = 0;
    for (int row = 0; rc == STATUS_OK && row < PQntuples(res); row++) {
        uint64_t id = (uint64_t)sql_get_i64(res, row, 0);
        while (at < count && claims[at].id.v != id) at++;
        ASSERT(at < count);
        if (claims[at].line_count < ORDER_LINES_MAX) line_from_row(res, row, &claims[at].lines[claims[at].line_count++]);
    }
    PQclear(res);
    sql_column_deinit(&ids);
    return rc;
}

static enum status read_by(struct store *store, const struct sql_statement *statement, struct city_id city, uint64_t id, struct claim *out, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i64(&args, (int64_t)id);
    TRY(sql_run(store, statement, &args, &res, err));
    bool found = PQntuples(res) == 1;
    if (found) claim_from_row(res, 0, city, out);
    PQclear(res);
    if (!found) return error_set(err, STATUS_NOT_FOUND, "there is no such claim in city %u", city.v);
    return lines_fill(store, city, out, 1, err);
}

enum status claim_view_read(struct store *store, struct city_id city, struct claim_id claim, struct claim *out, struct error *err)
{
    return read_by(store, &READ, city, claim.v, out, err);
}

enum status store_claim_read(struct store *store, struct city_id city, struct claim_id claim, struct claim *out, struct error *err)
{
    TRY(sql_ready(store, err));
    return read_by(store, &READ, city, claim.v, out, err);
}

enum status store_claim_of_order(struct store *store, struct city_id city, struct order_id order, struct claim *out, struct error *err)
{
    TRY(sql_ready(store, err));
    return read_by(store, &READ_ORDER, city, order.v, out, err);
}

enum status store_claims_list(struct store *store, struct city_id city, const struct claim_filter *filter, struct claim *out, size_t capacity, size_t *count,
                              struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    *count = 0;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i64(&args, (int64_t)filter->after.v);
    sql_arg_i32(&args, (int32_t)(capacity < STORE_PAGE_MAX ? capacity : STORE_PAGE_MAX));
    sql_arg_i16(&args, (int16_t)filter->state);
    sql_arg_i64(&args, filter->from_ms);
    sql_arg_i64(&args, filter->to_ms);
    if (filter->member[0]) sql_arg_text(&args, filter->member);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, filter->member[0] ? &LIST_MEMBER : &LIST, &args, &res, err));
    int rows = PQntuples(res);
    for (int row = 0; row < rows; row++) claim_from_row(res, row, city, &out[row]);
    PQclear(res);
    TRY(lines_fill(store, city, out, (size_t)rows, err));
    *count = (size_t)rows;
    return STATUS_OK;
}

static void benefits_from_row(const PGresult *res, struct benefits_view *out)
{
    int32_t rate[3] = {0}, most[3] = {0}, used[3] = {0};
    sql_get_text(res, 0, 1, out->policy, sizeof out->policy);
    sql_get_text(res, 0, 2, out->plan, sizeof out->plan);
    out->plan_version = (uint32_t)sql_get_i64(res, 0, 3);
    out->year_start_day = (int32_t)sql_get_i64(res, 0, 4);
    out->limit_fen = sql_get_i64(res, 0, 5);
    out->pending_fen = sql_get_i64(res, 0, 6);
    out->posted_fen = sql_get_i64(res, 0, 7);
    out->deductible_fen = sql_get_i64(res, 0, 8);
    out->deductible_used_fen = sql_get_i64(res, 0, 9);
    (void)sql_get_i32_array(res, 0, 10, rate, COUNT_OF(rate));
    (void)sql_get_i32_array(res, 0, 11, most, COUNT_OF(most));
    (void)sql_get_i32_array(res, 0, 12, used, COUNT_OF(used));
    for (uint32_t i = 0; i < COUNT_OF(rate); i++) {
        out->rate_bps[i + 1] = (uint32_t)rate[i];
        out->count_max[i + 1] = (uint32_t)most[i];
        out->count_used[i + 1] = (uint32_t)used[i];
    }
}

enum status store_benefits_read(struct store *store, struct city_id city, const char *member, int64_t at_ms, struct benefits_view *out, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    memset(out, 0, sizeof *out);
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_text(&args, member);
    sql_arg_i64(&args, at_ms);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &BENEFITS, &args, &res, err));
    enum status rc = STATUS_OK;
    (void)text_copy(out->member, sizeof out->member, member);
    if (PQntuples(res) != 1 || sql_get_null(res, 0, 0)) rc = error_set(err, STATUS_NOT_FOUND, "there is no such member in city %u", city.v);
    else if (sql_get_null(res, 0, 1)) rc = error_set(err, STATUS_NOT_FOUND, "the member has no policy in force at that time");
    else benefits_from_row(res, out);
    PQclear(res);
    return rc;
}
