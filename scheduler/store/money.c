/* The books from outside the order's way: reversals, closing a day, trial balance, verification. The laws are in the database's functions. */
#include <string.h>

#include "sql.h"

static const struct sql_statement
    REVERSE = {"claim_reverse",
               "SELECT benefit_fen, member_fen, repeated FROM claim_reverse($1::integer, $2::bigint, $3::smallint, $4::integer, $5::text, $6::text, "
               "$7::text, $8::text, $9::bigint)"},
    CLOSE = {"day_close", "SELECT business_day_close($1::integer, DATE '1970-01-01' + $2::integer, $3::text)"},
    CLOSED = {"day_closed", "SELECT closed_through - DATE '1970-01-01' FROM city_book WHERE city_id = $1::integer"},
    TRIAL = {"trial_balance",
             "SELECT a.kind, CASE WHEN a.kind IN (2, 5, 7) THEN '' ELSE a.owner END AS owner, coalesce(sum(s.debit), 0)::bigint, "
             "coalesce(sum(s.credit), 0)::bigint FROM account a LEFT JOIN ("
             "SELECT debit_account AS account_id, amount_fen AS debit, 0 AS credit FROM ledger WHERE city_id = $1::integer AND business_day <= "
             "(DATE '1970-01-01' + $2::integer) AND at_ms <= $4::bigint UNION ALL "
             "SELECT credit_account, 0, amount_fen FROM ledger WHERE city_id = $1::integer AND business_day <= (DATE '1970-01-01' + $2::integer) AND at_ms <= $4::bigint) s "
             "USING (account_id) WHERE a.city_id = $1::integer GROUP BY 1, 2 ORDER BY 1, 2 LIMIT $3::integer"},
    FAULTS = {"ledger_faults", "SELECT what, entry_id, claim_id, expected_fen, found_fen, business_day - DATE '1970-01-01' FROM ledger_faults($1::integer) "
                               "ORDER BY what, entry_id, claim_id LIMIT $2::integer"},
    ENTRIES = {"ledger_entries", "SELECT count(*) FROM ledger WHERE city_id = $1::integer"};

enum { DAY_MAX = 84000 }; /* 2199: keeps DATE arithmetic in range */

enum status store_claim_reverse(struct store *store, const struct reversal_request *request, struct reversal_answer *out, struct error *err)
{
    if (request->line < 1 || request->line > ORDER_LINES_MAX) return error_field(err, "line", "a claim has lines 1 to %d", ORDER_LINES_MAX);
    if (request->quantity < 1 || request->quantity > 999) return error_field(err, "quantity", "a quantity is 1 to 999");
    if (!request->source[0] || !request->key[0]) return error_field(err, "idempotency_key", "a reversal needs an idempotency key");
    if (!request->actor[0]) return error_field(err, "actor", "who reverses must be named");
    struct sql_args args;
    PGresult *res = NULL;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)request->city.v);
    sql_arg_i64(&args, (int64_t)request->claim.v);
    sql_arg_i16(&args, (int16_t)request->line);
    sql_arg_i32(&args, (int32_t)request->quantity);
    sql_arg_text(&args, request->source);
    sql_arg_text(&args, request->key);
    sql_arg_text(&args, request->actor);
    sql_arg_text(&args, request->reason);
    sql_arg_i64(&args, request->at_ms);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &REVERSE, &args, &res, err));
    out->benefit_fen = sql_get_i64(res, 0, 0);
    out->member_fen = sql_get_i64(res, 0, 1);
    out->repeated = sql_get_bool(res, 0, 2);
    PQclear(res);
    return STATUS_OK;
}

enum status store_day_close(struct store *store, struct city_id city, int32_t day, const char *by, uint32_t *closed, struct error *err)
{
    if (day < 1 || day > DAY_MAX) return error_field(err, "business_date", "not a business day");
    struct sql_args args;
    PGresult *res = NULL;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i32(&args, day);
    sql_arg_text(&args, by);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &CLOSE, &args, &res, err));
    if (closed) *closed = (uint32_t)sql_get_i64(res, 0, 0);
    PQclear(res);
    return STATUS_OK;
}

enum status store_day_closed_through(struct store *store, struct city_id city, int32_t *day, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &CLOSED, &args, &res, err));
    enum status rc = STATUS_OK;
    if (PQntuples(res) == 1) *day = (int32_t)sql_get_i64(res, 0, 0);
    else rc = error_set(err, STATUS_NOT_FOUND, "there is no city %u", city.v);
    PQclear(res);
    return rc;
}

enum status store_trial_balance(struct store *store, struct city_id city, int32_t through_day, int64_t at_ms, struct trial_row *out, size_t capacity,
                                size_t *count, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    *count = 0;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i32(&args, through_day < DAY_MAX ? through_day : DAY_MAX);
    sql_arg_i32(&args, capacity < INT32_MAX ? (int32_t)capacity + 1 : INT32_MAX);
    sql_arg_i64(&args, at_ms);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &TRIAL, &args, &res, err));
    enum status rc = STATUS_OK;
    int rows = PQntuples(res);
    if ((size_t)rows > capacity) rc = error_set(err, STATUS_OUT_OF_RANGE, "more than %zu accounts", capacity);
    for (int row = 0; row < rows && rc == STATUS_OK; row++) {
        out[row].account = (enum claims_account)sql_get_i64(res, row, 0); /* CHECK kind BETWEEN 1 AND 10 */
        sql_get_text(res, row, 1, out[row].owner, sizeof out[row].owner);
        out[row].debit_fen = sql_get_i64(res, row, 2);
        out[row].credit_fen = sql_get_i64(res, row, 3);
        ++*count;
    }
    PQclear(res);
    return rc;
}

enum status store_ledger_verify(struct store *store, struct city_id city, struct ledger_fault *out, size_t capacity, size_t *count, uint64_t *entries,
                                struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    *count = 0;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &ENTRIES, &args, &res, err));
    if (entries) *entries = (uint64_t)sql_get_i64(res, 0, 0);
    PQclear(res);
    sql_arg_i32(&args, (int32_t)(capacity < STORE_PAGE_MAX ? capacity : STORE_PAGE_MAX));
    TRY(sql_run(store, &FAULTS, &args, &res, err));
    for (int row = 0; row < PQntuples(res); row++, ++*count) {
        sql_get_text(res, row, 0, out[row].what, sizeof out[row].what);
        out[row].entry = (uint64_t)sql_get_i64(res, row, 1);
        out[row].claim = (uint64_t)sql_get_i64(res, row, 2);
        out[row].expected_fen = sql_get_i64(res, row, 3);
        out[row].found_fen = sql_get_i64(res, row, 4);
        out[row].day = (int32_t)sql_get_i64(res, row, 5);
    }
    PQclear(res);
    return STATUS_OK;
}
