/* Payout batches: made from a closed day's payable entries, sealed with a file's hash, approved by a second person, sent once. The states, the
 * four eyes and "an entry is paid once" are the schema's; which entries a payout books is claims' (claims_entries_payout). */
#include <string.h>

#include "payout.h"
#include "sql.h"

enum { EARLIER_DAYS = 31 };

static const char *const STATES[] = {"", "DRAFT", "SEALED", "APPROVED", "SENT", "CONFIRMED", "FAILED"};
_Static_assert(COUNT_OF(STATES) == PAYOUT_STATE_COUNT, "a name for each state");

/* What is due to payees: entries that credit or debit benefit_payable, but for settlement's own bookings. */
#define DUE_HALF(side, sign)                                                                                                             \
    "SELECT a.owner AS payee, l.entry_id, l.business_day, " sign "l.amount_fen AS amount_fen FROM account a "                            \
    "JOIN ledger l ON l.city_id = a.city_id AND l." side " = a.account_id "                                                              \
    "WHERE a.city_id = $1::integer AND a.kind = 3 AND ($3::text = '' OR a.owner = $3::text) AND l.kind IN (2, 6, 7, 13) "
#define DUE(days)                                                                                                                        \
    "SELECT d.* FROM (" DUE_HALF("credit_account", "") days "UNION ALL " DUE_HALF("debit_account", "-") days ") d "                      \
    "WHERE NOT EXISTS (SELECT FROM payout_item i WHERE i.city_id = $1::integer AND i.entry_id = d.entry_id) "

static const struct sql_statement
    DAY_CLOSED = {"settle_day", "SELECT EXISTS (SELECT FROM business_day WHERE city_id = $1::integer AND day = DATE '1970-01-01' + $2::integer)"},
    EARLIER = {"settle_earlier",
               "SELECT payee, min(business_day) - DATE '1970-01-01' FROM ("
               DUE("AND l.business_day = ANY (ARRAY(SELECT b.day FROM business_day b WHERE b.city_id = $1::integer AND b.day < DATE '1970-01-01' + $2::integer "
                   "AND b.day >= DATE '1970-01-01' + $2::integer - $4::integer AND NOT EXISTS (SELECT FROM payout_day p WHERE p.city_id = b.city_id AND p.business_day = b.day))) ")
               ") e GROUP BY payee ORDER BY 2, 1 LIMIT 1"},
    PREPARE = {"settle_prepare",
               "WITH due AS MATERIALIZED (" DUE("AND l.business_day = DATE '1970-01-01' + $2::integer ") "), "
               "day AS (SELECT payee, count(*)::integer AS items, sum(amount_fen)::bigint AS net, coalesce((SELECT b.carried_fen FROM payout_batch b "
               "WHERE b.city_id = $1::integer AND b.payee = due.payee AND b.business_day < DATE '1970-01-01' + $2::integer "
               "ORDER BY b.business_day DESC, b.run DESC LIMIT 1), 0) AS brought FROM due GROUP BY payee), "
               "batch AS (INSERT INTO payout_batch (city_id, payee, business_day, run, state, item_count, net_fen, brought_fen, total_fen, carried_fen, "
               "prepared_by) SELECT $1::integer, payee, DATE '1970-01-01' + $2::integer, 1, 'DRAFT', items, net, brought, greatest(net + brought, 0), "
               "least(net + brought, 0), $4::text FROM day ORDER BY payee ON CONFLICT DO NOTHING RETURNING payee) "
               "INSERT INTO payout_item (city_id, payee, business_day, run, entry_id, amount_fen) "
               "SELECT $1::integer, payee, DATE '1970-01-01' + $2::integer, 1, entry_id, amount_fen FROM due JOIN batch USING (payee) ORDER BY entry_id"},
    DAY_DONE = {"settle_day_done",
                "INSERT INTO payout_day (city_id, business_day) SELECT $1::integer, DATE '1970-01-01' + $2::integer WHERE $3::text = '' ON CONFLICT DO NOTHING"},
    MADE = {"settle_made", "SELECT count(*) FROM payout_batch WHERE city_id = $1::integer AND business_day = DATE '1970-01-01' + $2::integer"},
    LIST = {"settle_list",
            "SELECT payee, run, state, item_count, net_fen, brought_fen, total_fen, carried_fen, prepared_by, coalesce(approved_by, ''), "
            "coalesce(file_name, ''), file_sha256, coalesce(bank_ref, '') FROM payout_batch WHERE city_id = $1::integer "
            "AND business_day = DATE '1970-01-01' + $2::integer AND ($3::text = '' OR payee = $3::text) ORDER BY payee, run LIMIT $4::bigint"},
    ITEMS = {"settle_items_each",
             "SELECT e.ord::integer, i.entry_id, l.kind, coalesce(l.claim_id, 0), coalesce(l.order_id, 0), coalesce(l.line_no, 0::smallint), l.at_ms, "
             "coalesce(c.service_ms, 0), coalesce(c.submitted_fen, 0), coalesce(c.eligible_fen, 0), coalesce(c.benefit_fen, 0), coalesce(c.member_fen, 0), "
             "i.amount_fen, coalesce((SELECT string_agg(x.line_no || ':' || x.rules, ' ' ORDER BY x.line_no) FROM claim_line x "
             "WHERE x.city_id = l.city_id AND x.claim_id = l.claim_id), '') "
             "FROM unnest($3::text[], $4::integer[]) WITH ORDINALITY AS e(payee, run, ord) "
             /* OFFSET 0: batch by batch. Items just made have no statistics, and a join of all with all is what the planner makes of that. */
             "CROSS JOIN LATERAL (SELECT * FROM payout_item x WHERE x.city_id = $1::integer AND x.payee = e.payee AND x.business_day = DATE '1970-01-01' + $2::integer "
             "AND x.run = e.run OFFSET 0) i "
             "JOIN ledger l ON l.city_id = $1::integer AND l.business_day = DATE '1970-01-01' + $2::integer AND l.entry_id = i.entry_id "
             "LEFT JOIN claim c ON c.city_id = l.city_id AND c.claim_id = l.claim_id ORDER BY e.ord, i.entry_id"};


const char *payout_state_name(enum payout_state state)
{
    ASSERT(state >= PAYOUT_DRAFT && state < PAYOUT_STATE_COUNT);
    return STATES[state];
}

static enum payout_state state_from(const char *name)
{
    for (int i = 1; i < PAYOUT_STATE_COUNT; i++)
        if (strcmp(STATES[i], name) == 0) return (enum payout_state)i;
    return PAYOUT_FAILED; /* the schema's CHECK lets no other name be */
}

/* $1 city, $2 day, $3 payee */
static void args_day(struct sql_args *args, struct city_id city, int32_t day, const char *payee)
{
    sql_args_init(args);
    sql_arg_i32(args, (int32_t)city.v);
    sql_arg_i32(args, day);
    sql_arg_text(args, payee);
}

/* ---- preparing ---- */

static enum status earlier_check(struct store *store, struct city_id city, int32_t day, const char *payee, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    char owner[CODE_TEXT_MAX], text[11];
    args_day(&args, city, day, payee);
    sql_arg_i32(&args, EARLIER_DAYS);
    TRY(sql_run(store, &EARLIER, &args, &res, err));
    enum status rc = STATUS_OK;
    if (PQntuples(res)) {
        sql_get_text(res, 0, 0, owner, sizeof owner);
        claims_day_to_text((int32_t)sql_get_i64(res, 0, 1), text);
        rc = error_set(err, STATUS_FAILED_PRECONDITION, "%s has entries of %s in no batch: prepare that day first", owner, text);
        error_reason(err, "EARLIER_DAY_OPEN");
    }
    PQclear(res);
    return rc;
}

static enum status count_batches(struct store *store, struct city_id city, int32_t day, int64_t *count, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i32(&args, day);
    TRY(sql_run(store, &MADE, &args, &res, err));
    *count = sql_get_i64(res, 0, 0);
    PQclear(res);
    return STATUS_OK;
}

static enum status prepare(struct store *store, struct city_id city, int32_t day, const char *payee, const char *by, uint32_t *made, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    int64_t before, after;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i32(&args, day);
    TRY(sql_run(store, &DAY_CLOSED, &args, &res, err));
    bool closed = sql_get_bool(res, 0, 0);
    PQclear(res);
    if (!closed) {
        error_set(err, STATUS_FAILED_PRECONDITION, "the business day is not closed");
        if (err) error_reason(err, "DAY_OPEN");
        return STATUS_FAILED_PRECONDITION;
    }
    TRY(earlier_check(store, city, day, payee, err));
    TRY(count_batches(store, city, day, &before, err));
    args_day(&args, city, day, payee);
    sql_arg_text(&args, by);
    TRY(sql_run(store, &PREPARE, &args, NULL, err));
    args_day(&args, city, day, payee);
    TRY(sql_run(store, &DAY_DONE, &args, NULL, err)); /* no entry of a closed day can be in no batch now: the next day need not look */
    TRY(count_batches(store, city, day, &after, err));
    *made = (uint32_t)(after - before);
    return sql_commit(store, err);
}

enum status store_payouts_prepare(struct store *store, struct city_id city, int32_t day, const char *payee, const char *by, uint32_t *made,
                                  struct error *err)
{
    TRY(sql_ready(store, err));
    TRY(sql_begin(store, err));
    enum status rc = prepare(store, city, day, payee, by, made, err);
    if (rc != STATUS_OK) sql_rollback(store);
    return rc;
}

/* ---- reading ---- */

static void payout_from_row(const PGresult *res, int row, struct city_id city, int32_t day, struct payout *out)
{
    char state[16];
    size_t size = 0;
    *out = (struct payout){.city = city, .day = day, .run = (uint32_t)sql_get_i64(res, row, 1), .item_count = (uint32_t)sql_get_i64(res, row, 3),
                           .net_fen = sql_get_i64(res, row, 4), .brought_fen = sql_get_i64(res, row, 5), .total_fen = sql_get_i64(res, row, 6),
                           .carried_fen = sql_get_i64(res, row, 7), .has_file = !sql_get_null(res, row, 11)};
    sql_get_text(res, row, 0, out->payee, sizeof out->payee);
    sql_get_text(res, row, 2, state, sizeof state);
    out->state = state_from(state);
    sql_get_text(res, row, 8, out->prepared_by, sizeof out->prepared_by);
    sql_get_text(res, row, 9, out->approved_by, sizeof out->approved_by);
    sql_get_text(res, row, 10, out->file_name, sizeof out->file_name);
    if (out->has_file) {
        const uint8_t *bytes = sql_get_bytes(res, row, 11, &size);
        if (size == sizeof out->file_sha256.byte) memcpy(out->file_sha256.byte, bytes, size);
    }
    sql_get_text(res, row, 12, out->bank_ref, sizeof out->bank_ref);
}

enum status store_payouts_list(struct store *store, struct city_id city, int32_t day, const char *payee, struct payout *out, size_t capacity, size_t *count,
                               struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    args_day(&args, city, day, payee);
    sql_arg_i64(&args, (int64_t)capacity + 1);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &LIST, &args, &res, err));
    enum status rc = STATUS_OK;
    *count = (size_t)PQntuples(res);
    if (*count > capacity)
        rc = error_set(err, STATUS_OUT_OF_RANGE, "more than %zu batches", capacity);
    else
        for (int i = 0; i < PQntuples(res); i++) payout_from_row(res, i, city, day, &out[i]);
    PQclear(res);
    return rc;
}

static void item_from_row(const PGresult *res, struct payout_item *out)
{
    int64_t kind = sql_get_i64(res, 0, 2);
    *out = (struct payout_item){.entry = (uint64_t)sql_get_i64(res, 0, 1), .claim = {(uint64_t)sql_get_i64(res, 0, 3)},
                                .order = {(uint64_t)sql_get_i64(res, 0, 4)}, .line = (uint32_t)sql_get_i64(res, 0, 5), .at_ms = sql_get_i64(res, 0, 6),
                                .service_ms = sql_get_i64(res, 0, 7), .submitted_fen = sql_get_i64(res, 0, 8), .eligible_fen = sql_get_i64(res, 0, 9),
                                .claim_benefit_fen = sql_get_i64(res, 0, 10), .member_fen = sql_get_i64(res, 0, 11), .amount_fen = sql_get_i64(res, 0, 12)};
    text_format(out->kind, sizeof out->kind, "%s",
                kind < CLAIMS_ENTRY_KIND_COUNT ? claims_entry_kind_name((enum claims_entry_kind)kind) : "PAYOUT_FAILED");
    sql_get_text(res, 0, 13, out->rules, sizeof out->rules);
}

struct items {
    store_on_item on_item;
    void *context;
};

static enum status on_row(void *context, const PGresult *res, struct error *err)
{
    const struct items *items = context;
    struct payout_item item;
    item_from_row(res, &item);
    return items->on_item(items->context, (size_t)sql_get_i64(res, 0, 0) - 1, &item, err);
}

enum status store_payouts_items(struct store *store, const struct payout *batches, size_t count, store_on_item on_item, void *context, struct error *err)
{
    ASSERT(count <= STORE_PAGE_MAX);
    if (count == 0) return STATUS_OK;
    struct items items = {on_item, context};
    struct sql_args args;
    struct sql_set set;
    sql_set_init(&set, "ti");
    for (size_t i = 0; i < count; i++) {
        ASSERT(batches[i].city.v == batches[0].city.v && batches[i].day == batches[0].day);
        sql_column_text(&set.at[0], batches[i].payee);
        sql_column_number(&set.at[1], batches[i].run);
    }
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)batches[0].city.v);
    sql_arg_i32(&args, batches[0].day);
    sql_arg_set(&args, &set);
    enum status rc = sql_ready(store, err);
    if (rc == STATUS_OK) rc = sql_each(store, &ITEMS, &args, on_row, &items, err);
    sql_set_deinit(&set);
    return rc;
}
