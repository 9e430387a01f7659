/* The ledger as people and programs outside read it: balances at a moment, statements, the chain's blocks, an export that streams; and the job that ends
 * forgotten holds. What may be written is the database's functions' to say. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"

enum { DAY_MAX = 84000, COPY_TEXT_MAX = 640 }; /* 2199 */

/* members' and payees' sub-accounts of one kind are found by the index on (city, kind, owner) */
static const struct sql_statement
    BALANCE = {"account_balance",
               "SELECT coalesce((SELECT sum(l.amount_fen) FROM account a JOIN ledger l ON l.city_id = a.city_id AND l.credit_account = a.account_id "
               "WHERE a.city_id = $1::integer AND a.kind = $2::smallint AND ($3::text = '' OR a.owner = $3::text) "
               "AND l.business_day <= DATE '1970-01-01' + $4::integer AND l.at_ms <= $5::bigint), 0)::bigint - "
               "coalesce((SELECT sum(l.amount_fen) FROM account a JOIN ledger l ON l.city_id = a.city_id AND l.debit_account = a.account_id "
               "WHERE a.city_id = $1::integer AND a.kind = $2::smallint AND ($3::text = '' OR a.owner = $3::text) "
               "AND l.business_day <= DATE '1970-01-01' + $4::integer AND l.at_ms <= $5::bigint), 0)::bigint"},
    STATEMENT = {"account_statement",
                 "SELECT l.entry_id, l.business_day - DATE '1970-01-01', l.at_ms, l.kind, "
                 "CASE WHEN l.credit_account = a.account_id THEN l.amount_fen ELSE -l.amount_fen END, l.claim_id, l.order_id, o.kind, o.owner, l.source, "
                 "l.idempotency_key FROM account a JOIN ledger l ON l.city_id = a.city_id AND a.account_id IN (l.credit_account, l.debit_account) "
                 "JOIN account o ON o.city_id = l.city_id AND o.account_id = CASE WHEN l.credit_account = a.account_id THEN l.debit_account ELSE l.credit_account END "
                 "WHERE a.city_id = $1::integer AND a.kind = $2::smallint AND a.owner = $3::text AND l.business_day >= DATE '1970-01-01' + $4::integer "
                 "AND l.business_day <= DATE '1970-01-01' + $5::integer AND (l.business_day, l.entry_id) > (DATE '1970-01-01' + $6::integer, $7::bigint) "
                 "ORDER BY l.business_day, l.entry_id LIMIT $8::integer"},
    BLOCKS = {"ledger_blocks",
              "SELECT business_day - DATE '1970-01-01', entry_count, amount_fen, prev_hash, hash FROM ledger_block WHERE city_id = $1::integer "
              "AND business_day > DATE '1970-01-01' + $2::integer ORDER BY business_day LIMIT $3::integer"},
    EXPIRE = {"hold_expire", "SELECT hold_expire($1::integer, $2::bigint, $3::bigint, $4::integer)"};

static int32_t day_within(int32_t day)
{
    return day < 0 ? 0 : day < DAY_MAX ? day : DAY_MAX;
}

enum status store_account_balance(struct store *store, struct city_id city, enum claims_account account, const char *owner, int32_t through_day,
                                  int64_t at_ms, int64_t *balance_fen, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i16(&args, (int16_t)account);
    sql_arg_text(&args, owner);
    sql_arg_i32(&args, day_within(through_day));
    sql_arg_i64(&args, at_ms);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &BALANCE, &args, &res, err));
    *balance_fen = sql_get_i64(res, 0, 0);
    PQclear(res);
    return STATUS_OK;
}

static void statement_from_row(const PGresult *res, int row, struct statement_row *out)
{
    int64_t kind = sql_get_i64(res, row, 3);
    *out = (struct statement_row){.entry = (uint64_t)sql_get_i64(res, row, 0), .day = (int32_t)sql_get_i64(res, row, 1), .at_ms = sql_get_i64(res, row, 2),
                                  .amount_fen = sql_get_i64(res, row, 4), .claim = (uint64_t)sql_get_i64(res, row, 5),
                                  .order = (uint64_t)sql_get_i64(res, row, 6),
                                  .counter_account = (enum claims_account)sql_get_i64(res, row, 7)}; /* CHECK kind BETWEEN 1 AND 10 */
    text_format(out->kind, sizeof out->kind, "%s",
                kind < CLAIMS_ENTRY_KIND_COUNT ? claims_entry_kind_name((enum claims_entry_kind)kind) : "PAYOUT_FAILED");
    sql_get_text(res, row, 8, out->counter_owner, sizeof out->counter_owner);
    sql_get_text(res, row, 9, out->source, sizeof out->source);
    sql_get_text(res, row, 10, out->key, sizeof out->key);
}

enum status store_statement(struct store *store, const struct statement_ask *ask, struct statement_row *out, size_t capacity, size_t *count, struct error *err)
{
    ASSERT(capacity >= 1 && capacity <= STORE_PAGE_MAX);
    struct sql_args args;
    PGresult *res = NULL;
    *count = 0;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)ask->city.v);
    sql_arg_i16(&args, (int16_t)ask->account);
    sql_arg_text(&args, ask->owner);
    sql_arg_i32(&args, day_within(ask->from_day));
    sql_arg_i32(&args, day_within(ask->through_day));
    sql_arg_i32(&args, day_within(ask->after_day));
    sql_arg_i64(&args, (int64_t)ask->after_entry);
    sql_arg_i32(&args, (int32_t)capacity);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &STATEMENT, &args, &res, err));
    for (int row = 0; row < PQntuples(res); row++) statement_from_row(res, row, &out[(*count)++]);
    PQclear(res);
    return STATUS_OK;
}

static void hash_from(const PGresult *res, int row, int column, struct sha256 *out)
{
    size_t size = 0;
    const uint8_t *bytes = sql_get_bytes(res, row, column, &size);
    ASSERT(size == sizeof out->byte); /* CHECK octet_length = 32 */
    memcpy(out->byte, bytes, size);
}

enum status store_ledger_blocks(struct store *store, struct city_id city, int32_t after_day, struct ledger_block *out, size_t capacity, size_t *count,
                                struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    *count = 0;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i32(&args, day_within(after_day));
    sql_arg_i32(&args, (int32_t)(capacity < STORE_PAGE_MAX ? capacity : STORE_PAGE_MAX));
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &BLOCKS, &args, &res, err));
    for (int row = 0; row < PQntuples(res); row++) {
        struct ledger_block *block = &out[(*count)++];
        *block = (struct ledger_block){.day = (int32_t)sql_get_i64(res, row, 0), .entry_count = (uint64_t)sql_get_i64(res, row, 1),
                                       .amount_fen = sql_get_i64(res, row, 2)};
        hash_from(res, row, 3, &block->previous);
        hash_from(res, row, 4, &block->hash);
    }
    PQclear(res);
    return STATUS_OK;
}

/* ---- export ---- */

/* The rows of a COPY as they come; the connection is given up if the reader stops early, for what is left would have to be read to the end. */
static enum status copy_out(struct store *store, const char *text, store_on_line on_line, void *context, struct error *err)
{
    TRY(sql_ready(store, err));
    PGresult *res = PQexec(store->connection, text);
    if (PQresultStatus(res) != PGRES_COPY_OUT) {
        enum status rc = sql_failed(store, res, "export", err);
        PQclear(res);
        return rc;
    }
    PQclear(res);
    enum status rc = STATUS_OK;
    char *line = NULL;
    int size;
    while (rc == STATUS_OK && (size = PQgetCopyData(store->connection, &line, 0)) > 0) {
        bool ended = line[size - 1] == '\n';
        rc = on_line(context, line, (size_t)size - ended, err);
        PQfreemem(line);
    }
    if (rc != STATUS_OK) {
        connection_drop(store);
        return rc;
    }
    res = PQgetResult(store->connection);
    if (PQresultStatus(res) != PGRES_COMMAND_OK) rc = sql_failed(store, res, "export", err);
    PQclear(res);
    for (; (res = PQgetResult(store->connection)) != NULL;) PQclear(res);
    return rc;
}

enum status store_ledger_export(struct store *store, struct city_id city, int32_t day, store_on_line on_line, void *context, struct error *err)
{
    char text[COPY_TEXT_MAX]; /* numbers only: COPY takes no parameters */
    text_format(text, sizeof text,
                "COPY (SELECT entry_id, business_day - DATE '1970-01-01', at_ms, kind, debit_account, credit_account, amount_fen, currency, coalesce(claim_id, 0), "
                "coalesce(line_no, 0), coalesce(order_id, 0), coalesce(reverses_entry, 0), source, idempotency_key, encode(row_hash, 'hex') FROM ledger "
                "WHERE city_id = %u AND business_day = DATE '1970-01-01' + %d ORDER BY entry_id) TO STDOUT",
                city.v, day_within(day));
    return copy_out(store, text, on_line, context, err);
}

enum status store_accounts_export(struct store *store, struct city_id city, store_on_line on_line, void *context, struct error *err)
{
    char text[COPY_TEXT_MAX];
    text_format(text, sizeof text, "COPY (SELECT account_id, kind, owner FROM account WHERE city_id = %u ORDER BY account_id) TO STDOUT", city.v);
    return copy_out(store, text, on_line, context, err);
}

/* ---- holds that nobody ended ---- */

enum status store_holds_expire(struct store *store, struct city_id city, int64_t before_ms, int64_t at_ms, uint32_t *expired, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i64(&args, before_ms);
    sql_arg_i64(&args, at_ms);
    sql_arg_i32(&args, STORE_PAGE_MAX);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &EXPIRE, &args, &res, err));
    *expired = (uint32_t)sql_get_i64(res, 0, 0);
    PQclear(res);
    return STATUS_OK;
}
