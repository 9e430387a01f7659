/* Reconciliation of one business day, tolerance 0: orders, holds, claims, ledger and payout are held against each other in SQL that shares nothing
 * with the code that wrote them. What does not fit becomes a typed exception. */
#include <string.h>

#include "sql.h"

/* the ms in which a posting belongs to business day $2, by the book's cut-off */
#define DAY_WINDOW                                                                                                                       \
    "w AS (SELECT ($2::integer::bigint * 86400 - c.utc_offset_s - 86400 + b.cut_off_s) * 1000 AS from_ms, "                              \
    "($2::integer::bigint * 86400 - c.utc_offset_s + b.cut_off_s) * 1000 AS to_ms, DATE '1970-01-01' + $2::integer AS day "              \
    "FROM city c JOIN city_book b USING (city_id) WHERE c.city_id = $1::integer), "
/* entries of the day on payees' payable accounts, signed */
#define DAY_ENTRIES                                                                                                                      \
    "e AS MATERIALIZED (SELECT a.owner AS payee, l.*, CASE WHEN l.credit_account = a.account_id THEN l.amount_fen ELSE -l.amount_fen END AS signed_fen " \
    "FROM w, ledger l JOIN account a ON a.city_id = l.city_id AND a.kind = 3 AND a.account_id IN (l.credit_account, l.debit_account) "   \
    "WHERE l.city_id = $1::integer AND l.business_day = w.day AND l.kind IN (2, 6, 7, 13)), "

/* orders that ended, or holds that ended, in the day */
#define DAY_ORDERS                                                                                                                       \
    "ids AS (SELECT o.order_id FROM w, orders o WHERE o.city_id = $1::integer AND o.ended_ms > 0 AND o.ended_ms >= w.from_ms AND o.ended_ms < w.to_ms UNION " \
    "SELECT c.order_id FROM w, hold_end d JOIN claim c ON c.city_id = d.city_id AND c.claim_id = d.claim_id WHERE d.city_id = $1::integer AND d.at_ms >= w.from_ms " \
    "AND d.at_ms < w.to_ms), "                                                                                                           \
    "o AS MATERIALIZED (SELECT o.*, c.claim_id AS claim, c.order_id AS first_order, c.payee, c.state AS claim_state, c.benefit_fen, h.claim_id AS hold, d.outcome, d.posted_fen, d.at_ms AS end_ms " \
    "FROM ids JOIN orders o ON o.city_id = $1::integer AND o.order_id = ids.order_id LEFT JOIN claim c ON c.city_id = o.city_id AND c.claim_id = o.claim_id "                                           \
    "LEFT JOIN hold h ON h.city_id = o.city_id AND h.claim_id = c.claim_id LEFT JOIN hold_end d ON d.city_id = o.city_id AND d.claim_id = c.claim_id), "

/* A payable entry goes back to a hold that has ended; a claim is posted once and reported once, each under its own key. */
#define ORPHAN    "(e.kind IN (2, 6, 7) AND NOT EXISTS (SELECT FROM hold_end d WHERE d.city_id = $1::integer AND d.claim_id = e.claim_id)) "
#define DUPLICATE "(e.kind IN (2, 6) AND (e.source, e.idempotency_key) <> ('claim', CASE e.kind WHEN 2 THEN 'post:' ELSE 'report:' END || e.claim_id)) "

/* phases: 1 refused, 10 delivered, 13 accepted by the lab, 14 reported, 15 specimen rejected, 16 cancelled, 17 failed, 18 returning, 19 returned */
#define FOUND                                                                                                                            \
    "found AS (SELECT 'ORDER_WITHOUT_CLAIM'::text AS kind, ''::text AS payee, 0::bigint AS claim_id, order_id, 0::bigint AS entry_id, "    \
    "0::bigint AS expected_fen, 0::bigint AS found_fen, 'an ended order has no claim'::text AS detail FROM o WHERE claim IS NULL AND parent_order_id IS NULL " \
    "UNION ALL SELECT 'DELIVERED_NOT_POSTED', payee, claim, order_id, 0, benefit_fen, 0, 'delivered or accepted, but the hold has not been posted' FROM o " \
    "WHERE phase IN (10, 13, 14) AND hold IS NOT NULL AND coalesce(outcome, 2) = 2 "                                                      \
    "UNION ALL SELECT 'POSTED_NOT_DELIVERED', payee, claim, order_id, 0, 0, posted_fen, 'posted, but the order is neither delivered nor accepted' FROM o " \
    "WHERE outcome IN (1, 3) AND phase NOT IN (10, 13, 14, 15, 18, 19) "                                                                  \
    "UNION ALL SELECT 'HOLD_LEFT_OPEN', payee, claim, order_id, 0, 0, benefit_fen, 'the order has ended and its hold has not' FROM o "    \
    "WHERE phase IN (16, 17, 19) AND ended_ms > 0 AND hold IS NOT NULL AND outcome IS NULL "                                              \
    "UNION ALL SELECT 'POST_AMOUNT', o.payee, o.claim, o.order_id, coalesce(k.entry_id, 0), o.posted_fen, coalesce(k.amount_fen, 0), "    \
    "'the posting in the ledger is not what the hold ended with' FROM o LEFT JOIN ledger_key k ON k.city_id = $1::integer AND k.source = 'claim' " \
    "AND k.idempotency_key = 'post:' || o.claim WHERE o.posted_fen > 0 AND o.order_id = o.first_order AND k.amount_fen IS DISTINCT FROM o.posted_fen "                   \
    "UNION ALL SELECT 'REPORT_AMOUNT', e.payee, e.claim_id, e.order_id, e.entry_id, h.posted_fen - coalesce(r.taken, 0), e.amount_fen, "  \
    "'the report made payable what was not accrued' FROM e JOIN hold_end h ON h.city_id = $1::integer AND h.claim_id = e.claim_id "       \
    "LEFT JOIN LATERAL (SELECT sum(x.amount_fen)::bigint AS taken FROM ledger x JOIN account a ON a.city_id = x.city_id AND a.account_id = x.debit_account " \
    "AND a.kind = 4 WHERE x.city_id = $1::integer AND x.claim_id = e.claim_id AND x.kind = 7) r ON true "                                 \
    "WHERE e.kind = 6 AND e.amount_fen <> h.posted_fen - coalesce(r.taken, 0) "                                                           \
    "UNION ALL SELECT 'REVERSAL_AMOUNT', payee, claim_id, 0, 0, want, got, 'reversals in the ledger are not those of the claim' FROM ("   \
    "SELECT e.payee, e.claim_id, (SELECT coalesce(sum(v.benefit_fen), 0)::bigint FROM claim_reversal v WHERE v.city_id = $1::integer AND v.claim_id = e.claim_id AND NOT v.short) AS want, " \
    "(SELECT coalesce(sum(x.amount_fen), 0)::bigint FROM ledger x WHERE x.city_id = $1::integer AND x.claim_id = e.claim_id AND x.kind = 7) AS got " \
    "FROM e WHERE e.kind = 7 GROUP BY e.payee, e.claim_id) t WHERE want <> got "                                                          \
    "UNION ALL SELECT 'ENTRY_ORPHAN', e.payee, coalesce(e.claim_id, 0), coalesce(e.order_id, 0), e.entry_id, 0, e.signed_fen, "           \
    "'a payable entry of a claim that has posted nothing' FROM e WHERE " ORPHAN                                                           \
    "UNION ALL SELECT 'ENTRY_DUPLICATE', e.payee, e.claim_id, coalesce(e.order_id, 0), e.entry_id, 0, e.signed_fen, "                     \
    "'posted or reported once more, under another key' FROM e WHERE NOT " ORPHAN "AND " DUPLICATE                                         \
    "UNION ALL SELECT 'LATE_EVENT', e.payee, coalesce(e.claim_id, 0), coalesce(e.order_id, 0), e.entry_id, e.signed_fen, e.signed_fen, "  \
    "'it happened on an earlier business day, which was closed' FROM w, e WHERE e.kind IN (2, 6, 7) AND e.at_ms < w.from_ms "             \
    "UNION ALL SELECT 'ENTRY_NOT_IN_PAYOUT', e.payee, coalesce(e.claim_id, 0), coalesce(e.order_id, 0), e.entry_id, e.signed_fen, 0, "    \
    "'a payable entry of a closed day is in no batch' FROM e WHERE EXISTS (SELECT FROM business_day b, w WHERE b.city_id = $1::integer AND b.day = w.day) " \
    "AND NOT EXISTS (SELECT FROM payout_item i WHERE i.city_id = $1::integer AND i.entry_id = e.entry_id) AND NOT " ORPHAN "AND NOT " DUPLICATE \
    "UNION ALL SELECT 'ITEM_AMOUNT', i.payee, 0, 0, i.entry_id, coalesce(e.signed_fen, 0), i.amount_fen, 'the batch pays another amount than the entry, or another day''s' " \
    "FROM w, payout_item i LEFT JOIN e ON e.entry_id = i.entry_id AND e.payee = i.payee WHERE i.city_id = $1::integer AND i.business_day = w.day " \
    "AND e.signed_fen IS DISTINCT FROM i.amount_fen "                                                                                     \
    "UNION ALL SELECT 'BATCH_SUM', b.payee, 0, 0, 0, b.net_fen, coalesce(s.sum, 0), 'the batch is not the sum of its items' FROM b "      \
    "LEFT JOIN (SELECT i.payee, i.run, sum(i.amount_fen)::bigint AS sum, count(*) AS n FROM w, payout_item i WHERE i.city_id = $1::integer " \
    "AND i.business_day = w.day GROUP BY i.payee, i.run) s USING (payee, run) WHERE (b.net_fen <> coalesce(s.sum, 0) OR b.item_count <> coalesce(s.n, 0)) " \
    /* one item that is wrong explains a sum that is */                                                                                     \
    "AND NOT EXISTS (SELECT FROM payout_item i LEFT JOIN e ON e.entry_id = i.entry_id AND e.payee = i.payee WHERE i.city_id = $1::integer AND i.payee = b.payee " \
    "AND i.business_day = b.business_day AND i.run = b.run AND e.signed_fen IS DISTINCT FROM i.amount_fen) " \
    "UNION ALL SELECT 'CARRY_CHAIN', b.payee, 0, 0, 0, p.carried_fen, b.brought_fen, 'what was brought forward is not what was carried' FROM b " \
    "LEFT JOIN LATERAL (SELECT x.carried_fen FROM payout_batch x WHERE x.city_id = $1::integer AND x.payee = b.payee AND x.business_day < b.business_day " \
    "ORDER BY x.business_day DESC, x.run DESC LIMIT 1) p ON true WHERE b.brought_fen <> coalesce(p.carried_fen, 0) "                     \
    "UNION ALL SELECT 'PAYOUT_NOT_BOOKED', b.payee, 0, 0, coalesce(k.entry_id, 0), b.total_fen, coalesce(k.amount_fen, 0), "              \
    "'a sent batch is not in the ledger with its total' FROM b LEFT JOIN ledger_key k ON k.city_id = $1::integer AND k.source = 'settle' " \
    "AND k.idempotency_key = 'payout:' || b.payee || ':' || b.business_day || ':' || b.run "                                              \
    "WHERE b.state IN ('SENT', 'CONFIRMED', 'FAILED') AND b.total_fen <> coalesce(k.amount_fen, 0) "                                      \
    "UNION ALL SELECT 'BANK_RETURN', b.payee, 0, 0, coalesce(k.entry_id, 0), b.total_fen, 0, 'the bank sent the payment back and it has not been paid again' FROM b " \
    "LEFT JOIN ledger_key k ON k.city_id = $1::integer AND k.source = 'settle' AND k.idempotency_key = 'failed:' || b.payee || ':' || b.business_day || ':' || b.run " \
    "WHERE b.state = 'FAILED' AND b.total_fen > 0 AND NOT EXISTS (SELECT FROM payout_item i JOIN payout_batch p ON p.city_id = i.city_id AND p.payee = i.payee " \
    "AND p.business_day = i.business_day AND p.run = i.run WHERE i.city_id = $1::integer AND i.entry_id = k.entry_id AND p.state IN ('SENT', 'CONFIRMED')) " \
    "UNION ALL SELECT 'BANK_AMOUNT', p.payee, 0, 0, 0, p.amount_fen, max(x.amount_fen), 'the bank tells of another amount than was to be paid' FROM w, payout_payment p " \
    "JOIN bank_entry x ON x.city_id = p.city_id AND x.end_to_end = p.end_to_end AND x.outcome = 'AMOUNT' WHERE p.city_id = $1::integer AND p.business_day = w.day " \
    "GROUP BY p.payee, p.amount_fen "                                                                                                     \
    "UNION ALL SELECT 'PAYEE_UNKNOWN', b.payee, 0, 0, 0, 0, b.total_fen, 'nobody knows to which account to pay' FROM b "                  \
    "WHERE NOT EXISTS (SELECT FROM payee y WHERE y.city_id = $1::integer AND y.payee = b.payee)) "

#define DAY_BATCHES "b AS (SELECT x.* FROM w, payout_batch x WHERE x.city_id = $1::integer AND x.business_day = w.day), "
#define DAY         "WITH " DAY_WINDOW DAY_ENTRIES DAY_ORDERS DAY_BATCHES

static const struct sql_statement
    EXCEPTIONS_ADD = {"recon_add",
                      DAY FOUND "INSERT INTO recon_exception (city_id, business_day, kind, payee, claim_id, order_id, entry_id, expected_fen, found_fen, detail) "
                      "SELECT $1::integer, w.day, f.kind, f.payee, f.claim_id, f.order_id, f.entry_id, f.expected_fen, f.found_fen, f.detail FROM w, found f "
                      "ORDER BY f.kind, f.payee, f.claim_id, f.order_id, f.entry_id ON CONFLICT DO NOTHING"},
    EXCEPTIONS_CLEAR = {"recon_clear",
                        DAY FOUND "UPDATE recon_exception x SET closed_at = clock_timestamp(), resolution = 'CLEARED' FROM w WHERE x.city_id = $1::integer "
                        "AND x.business_day = w.day AND x.closed_at IS NULL AND NOT EXISTS (SELECT FROM found f WHERE (f.kind, f.payee, f.claim_id, f.order_id, "
                        "f.entry_id) = (x.kind, x.payee, x.claim_id, x.order_id, x.entry_id))"},
    CHECKED = {"recon_checked", DAY "n AS (SELECT (SELECT count(*) FROM o) + (SELECT count(*) FROM e) AS v) SELECT v FROM n"},
    RUN_ADD = {"recon_run",
               "INSERT INTO recon_run (city_id, business_day, run, run_by, checked, exceptions) SELECT $1::integer, DATE '1970-01-01' + $2::integer, "
               "coalesce(max(run), 0) + 1, $3::text, $4::bigint, $5::bigint FROM recon_run WHERE city_id = $1::integer "
               "AND business_day = DATE '1970-01-01' + $2::integer RETURNING run"},
    OPEN = {"recon_open",
            "SELECT kind, payee, claim_id, order_id, entry_id, expected_fen, found_fen, detail, count(*) OVER () FROM recon_exception "
            "WHERE city_id = $1::integer AND business_day = DATE '1970-01-01' + $2::integer AND closed_at IS NULL "
            "ORDER BY kind, payee, claim_id, order_id, entry_id LIMIT $3::bigint"},
    ROWS = {"recon_rows",
            DAY
            "l AS (SELECT payee, count(*) FILTER (WHERE kind IN (2, 6)) AS n, coalesce(sum(amount_fen) FILTER (WHERE kind IN (2, 6)), 0)::bigint AS fen, "
            "count(*) FILTER (WHERE kind = 7) AS rn, coalesce(sum(amount_fen) FILTER (WHERE kind = 7), 0)::bigint AS rfen FROM e GROUP BY payee), "
            /* from the holds and reversals of the claims that the day's entries name, not from the entries' amounts */
            "c AS (SELECT e.payee, count(*) AS n, sum(CASE WHEN e.kind = 2 THEN h.posted_fen ELSE h.posted_fen - (SELECT coalesce(sum(v.benefit_fen), 0) "
            "FROM claim_reversal v WHERE v.city_id = $1::integer AND v.claim_id = e.claim_id AND NOT v.short AND v.at_ms < e.at_ms) END)::bigint AS fen "
            "FROM e JOIN hold_end h ON h.city_id = $1::integer AND h.claim_id = e.claim_id WHERE e.kind IN (2, 6) GROUP BY e.payee), "
            "r AS (SELECT e.payee, count(*) AS n, sum(v.benefit_fen)::bigint AS fen FROM e JOIN claim_reversal v ON v.city_id = $1::integer "
            "AND v.claim_id = e.claim_id AND e.idempotency_key = 'reverse:' || v.source || '/' || v.idempotency_key WHERE e.kind = 7 GROUP BY e.payee), "
            "i AS (SELECT x.payee, count(*) AS n, sum(x.amount_fen)::bigint AS fen FROM w, payout_item x WHERE x.city_id = $1::integer "
            "AND x.business_day = w.day GROUP BY x.payee) "
            "SELECT payee, coalesce(c.n, 0), coalesce(c.fen, 0), coalesce(l.n, 0), coalesce(l.fen, 0), coalesce(i.n, 0), coalesce(i.fen, 0), coalesce(r.n, 0), "
            "coalesce(r.fen, 0), coalesce(l.rn, 0), coalesce(l.rfen, 0), coalesce(b.net_fen, 0), coalesce(b.total_fen, 0), coalesce(b.state, '') "
            "FROM l FULL JOIN c USING (payee) FULL JOIN r USING (payee) FULL JOIN i USING (payee) FULL JOIN b USING (payee) ORDER BY payee LIMIT $3::bigint"};

static void args_day(struct sql_args *args, struct city_id city, int32_t day)
{
    sql_args_init(args);
    sql_arg_i32(args, (int32_t)city.v);
    sql_arg_i32(args, day);
}

static enum payout_state state_of(const char *name)
{
    for (int i = 1; i < PAYOUT_STATE_COUNT; i++)
        if (strcmp(payout_state_name((enum payout_state)i), name) == 0) return (enum payout_state)i;
    return 0;
}

static enum status read_rows(struct store *store, struct city_id city, int32_t day, struct recon_result *out, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    args_day(&args, city, day);
    sql_arg_i64(&args, (int64_t)out->row_capacity + 1);
    TRY(sql_run(store, &ROWS, &args, &res, err));
    out->row_count = (size_t)PQntuples(res);
    if (out->row_count > out->row_capacity) {
        PQclear(res);
        return error_set(err, STATUS_OUT_OF_RANGE, "more than %zu payees", out->row_capacity);
    }
    for (int i = 0; i < PQntuples(res); i++) {
        struct recon_row *row = &out->rows[i];
        char state[16];
        *row = (struct recon_row){.claim_count = (uint64_t)sql_get_i64(res, i, 1), .claim_fen = sql_get_i64(res, i, 2),
                                  .ledger_count = (uint64_t)sql_get_i64(res, i, 3), .ledger_fen = sql_get_i64(res, i, 4),
                                  .item_count = (uint64_t)sql_get_i64(res, i, 5), .item_fen = sql_get_i64(res, i, 6),
                                  .reversal_count = (uint64_t)sql_get_i64(res, i, 7), .reversal_fen = sql_get_i64(res, i, 8),
                                  .ledger_reversal_count = (uint64_t)sql_get_i64(res, i, 9), .ledger_reversal_fen = sql_get_i64(res, i, 10),
                                  .net_fen = sql_get_i64(res, i, 11), .total_fen = sql_get_i64(res, i, 12)};
        sql_get_text(res, i, 0, row->payee, sizeof row->payee);
        sql_get_text(res, i, 13, state, sizeof state);
        row->state = state_of(state);
    }
    PQclear(res);
    return STATUS_OK;
}

static enum status read_open(struct store *store, struct city_id city, int32_t day, struct recon_result *out, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    args_day(&args, city, day);
    sql_arg_i64(&args, (int64_t)(out->exception_capacity ? out->exception_capacity : 1));
    TRY(sql_run(store, &OPEN, &args, &res, err));
    out->exception_count = PQntuples(res) ? (size_t)sql_get_i64(res, 0, 8) : 0;
    for (int i = 0; i < PQntuples(res) && (size_t)i < out->exception_capacity; i++) {
        struct recon_exception *x = &out->exceptions[i];
        *x = (struct recon_exception){.claim = (uint64_t)sql_get_i64(res, i, 2), .order = (uint64_t)sql_get_i64(res, i, 3),
                                      .entry = (uint64_t)sql_get_i64(res, i, 4), .expected_fen = sql_get_i64(res, i, 5), .found_fen = sql_get_i64(res, i, 6)};
        sql_get_text(res, i, 0, x->kind, sizeof x->kind);
        sql_get_text(res, i, 1, x->payee, sizeof x->payee);
        sql_get_text(res, i, 7, x->detail, sizeof x->detail);
    }
    PQclear(res);
    return STATUS_OK;
}

static enum status reconcile(struct store *store, struct city_id city, int32_t day, const char *by, struct recon_result *out, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    args_day(&args, city, day);
    TRY(sql_run(store, &EXCEPTIONS_CLEAR, &args, NULL, err));
    TRY(sql_run(store, &EXCEPTIONS_ADD, &args, NULL, err));
    TRY(sql_run(store, &CHECKED, &args, &res, err));
    out->checked = (uint64_t)sql_get_i64(res, 0, 0);
    PQclear(res);
    TRY(read_rows(store, city, day, out, err));
    TRY(read_open(store, city, day, out, err));
    args_day(&args, city, day);
    sql_arg_text(&args, by);
    sql_arg_i64(&args, (int64_t)out->checked);
    sql_arg_i64(&args, (int64_t)out->exception_count);
    TRY(sql_run(store, &RUN_ADD, &args, &res, err));
    out->run = (uint32_t)sql_get_i64(res, 0, 0);
    PQclear(res);
    return sql_commit(store, err);
}

enum status store_reconcile(struct store *store, struct city_id city, int32_t day, const char *by, struct recon_result *out, struct error *err)
{
    TRY(sql_ready(store, err));
    TRY(sql_begin(store, err));
    enum status rc = reconcile(store, city, day, by, out, err);
    if (rc != STATUS_OK) sql_rollback(store);
    return rc;
}
