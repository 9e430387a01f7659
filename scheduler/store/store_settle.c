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
               DUE("AND l.business_day < DATE '1970-01-01' + $2::integer AND l.business_day >= DATE '1970-01-01' + $2::integer - $4::integer ")
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
    MADE = {"settle_made", "SELECT count(*) FROM payout_batch WHERE city_id = $1::integer AND business_day = DATE '1970-01-01' + $2::integer"},
    LIST = {"settle_list",
            "SELECT payee, run, state, item_count, net_fen, brought_fen, total_fen, carried_fen, prepared_by, coalesce(approved_by, ''), "
            "coalesce(file_name, ''), file_sha256, coalesce(bank_ref, '') FROM payout_batch WHERE city_id = $1::integer "
            "AND business_day = DATE '1970-01-01' + $2::integer AND ($3::text = '' OR payee = $3::text) ORDER BY payee, run LIMIT $4::bigint"},
    ITEMS = {"settle_items",
             "SELECT i.entry_id, l.kind, coalesce(l.claim_id, 0), coalesce(l.order_id, 0), coalesce(l.line_no, 0::smallint), l.at_ms, "
             "coalesce(c.service_ms, 0), coalesce(c.submitted_fen, 0), coalesce(c.eligible_fen, 0), coalesce(c.benefit_fen, 0), coalesce(c.member_fen, 0), "
             "i.amount_fen, coalesce((SELECT string_agg(x.line_no || ':' || x.rules, ' ' ORDER BY x.line_no) FROM claim_line x "
             "WHERE x.city_id = l.city_id AND x.claim_id = l.claim_id), '') "
             "FROM payout_item i JOIN ledger_key k ON k.city_id = i.city_id AND k.entry_id = i.entry_id "
             "JOIN ledger l ON l.city_id = i.city_id AND l.business_day = k.business_day AND l.entry_id = i.entry_id "
             "LEFT JOIN claim c ON c.city_id = l.city_id AND c.claim_id = l.claim_id "
             "WHERE i.city_id = $1::integer AND i.payee = $3::text AND i.business_day = DATE '1970-01-01' + $2::integer AND i.run = $4::integer "
             "AND i.entry_id > $5::bigint ORDER BY i.entry_id LIMIT $6::bigint"},
    LOCK = {"settle_lock",
            "SELECT state, net_fen, brought_fen, total_fen FROM payout_batch WHERE city_id = $1::integer AND payee = $3::text "
            "AND business_day = DATE '1970-01-01' + $2::integer AND run = $4::integer FOR UPDATE"},
    UNSENT = {"settle_unsent",
              "SELECT EXISTS (SELECT FROM payout_batch WHERE city_id = $1::integer AND payee = $3::text AND business_day < DATE '1970-01-01' + $2::integer "
              "AND state IN ('DRAFT', 'SEALED', 'APPROVED'))"},
    SEAL = {"settle_seal",
            "UPDATE payout_batch SET state = 'SEALED', file_name = $5::text, file_sha256 = $6::bytea, changed_at = clock_timestamp() "
            "WHERE city_id = $1::integer AND payee = $3::text AND business_day = DATE '1970-01-01' + $2::integer AND run = $4::integer AND state = 'DRAFT'"},
    APPROVE = {"settle_approve",
               "UPDATE payout_batch SET state = 'APPROVED', approved_by = $5::text, changed_at = clock_timestamp() "
               "WHERE city_id = $1::integer AND payee = $3::text AND business_day = DATE '1970-01-01' + $2::integer AND run = $4::integer AND state = 'SEALED'"},
    MOVE = {"settle_move",
            "UPDATE payout_batch SET state = $5::text, bank_ref = coalesce($6::text, bank_ref), changed_at = clock_timestamp() "
            "WHERE city_id = $1::integer AND payee = $3::text AND business_day = DATE '1970-01-01' + $2::integer AND run = $4::integer"},
    POST = {"settle_post",
            "SELECT settlement_post($1::integer, $2::bigint[], $3::smallint[], $4::text[], $5::bigint[], $6::text[])"};

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

/* … $4 run */
static void args_batch(struct sql_args *args, const struct payout *batch)
{
    args_day(args, batch->city, batch->day, batch->payee);
    sql_arg_i32(args, (int32_t)batch->run);
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

static void item_from_row(const PGresult *res, int row, struct payout_item *out)
{
    int64_t kind = sql_get_i64(res, row, 1);
    *out = (struct payout_item){.entry = (uint64_t)sql_get_i64(res, row, 0), .claim = {(uint64_t)sql_get_i64(res, row, 2)},
                                .order = {(uint64_t)sql_get_i64(res, row, 3)}, .line = (uint32_t)sql_get_i64(res, row, 4), .at_ms = sql_get_i64(res, row, 5),
                                .service_ms = sql_get_i64(res, row, 6), .submitted_fen = sql_get_i64(res, row, 7), .eligible_fen = sql_get_i64(res, row, 8),
                                .claim_benefit_fen = sql_get_i64(res, row, 9), .member_fen = sql_get_i64(res, row, 10), .amount_fen = sql_get_i64(res, row, 11)};
    text_format(out->kind, sizeof out->kind, "%s",
                kind < CLAIMS_ENTRY_KIND_COUNT ? claims_entry_kind_name((enum claims_entry_kind)kind) : "PAYOUT_FAILED");
    sql_get_text(res, row, 12, out->rules, sizeof out->rules);
}

enum status store_payout_items(struct store *store, const struct payout *batch, uint64_t after, struct payout_item *out, size_t capacity, size_t *count,
                               struct error *err)
{
    ASSERT(capacity >= 1 && capacity <= STORE_PAGE_MAX);
    struct sql_args args;
    PGresult *res = NULL;
    args_batch(&args, batch);
    sql_arg_i64(&args, (int64_t)after);
    sql_arg_i64(&args, (int64_t)capacity);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &ITEMS, &args, &res, err));
    *count = (size_t)PQntuples(res);
    for (int i = 0; i < PQntuples(res); i++) item_from_row(res, i, &out[i]);
    PQclear(res);
    return STATUS_OK;
}

/* ---- moving on ---- */

static enum status state_refused(struct error *err, const char *payee, const char *wanted)
{
    error_set(err, STATUS_FAILED_PRECONDITION, "the batch of %s is not %s", payee, wanted);
    if (err) error_reason(err, "PAYOUT_STATE");
    return STATUS_FAILED_PRECONDITION;
}

/* An UPDATE that carries the state it needs in its WHERE. */
static enum status move_from(struct store *store, const struct sql_statement *statement, const struct sql_args *args, const char *payee,
                             const char *from, struct error *err)
{
    PGresult *res = NULL;
    TRY(sql_ready(store, err));
    TRY(sql_run(store, statement, args, &res, err));
    bool moved = sql_affected(res) == 1;
    PQclear(res);
    return moved ? STATUS_OK : state_refused(err, payee, from);
}

enum status store_payout_seal(struct store *store, const struct payout *batch, const char *file_name, const struct sha256 *file_sha256, struct error *err)
{
    struct sql_args args;
    args_batch(&args, batch);
    sql_arg_text(&args, file_name);
    sql_arg_bytes(&args, file_sha256->byte, sizeof file_sha256->byte);
    return move_from(store, &SEAL, &args, batch->payee, "a draft", err);
}

enum status store_payout_approve(struct store *store, const struct payout *batch, const char *by, struct error *err)
{
    struct sql_args args;
    args_batch(&args, batch);
    sql_arg_text(&args, by);
    return move_from(store, &APPROVE, &args, batch->payee, "sealed", err);
}

/* What the locked row says; FAILED_PRECONDITION unless its state is `wanted`. */
static enum status lock_batch(struct store *store, const struct payout *batch, enum payout_state wanted, struct payout *locked, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    char state[16] = "";
    args_batch(&args, batch);
    TRY(sql_run(store, &LOCK, &args, &res, err));
    *locked = *batch;
    if (PQntuples(res)) {
        sql_get_text(res, 0, 0, state, sizeof state);
        locked->net_fen = sql_get_i64(res, 0, 1);
        locked->brought_fen = sql_get_i64(res, 0, 2);
        locked->total_fen = sql_get_i64(res, 0, 3);
    }
    PQclear(res);
    return strcmp(state, STATES[wanted]) == 0 ? STATUS_OK : state_refused(err, batch->payee, wanted == PAYOUT_SENT ? "sent" : "approved");
}

/* Book what settlement does to a payee's accounts. Keys name batch and kind, so that nothing is booked twice. */
static enum status book(struct store *store, const struct payout *batch, const int16_t *kinds, const char *const *names, const int64_t *amounts_fen,
                        uint32_t count, int64_t at_ms, struct error *err)
{
    if (count == 0) return STATUS_OK;
    struct sql_set set;
    struct sql_args args;
    char day[11], key[128];
    claims_day_to_text(batch->day, day);
    sql_set_init(&set, "lhtlt");
    for (uint32_t i = 0; i < count; i++) {
        text_format(key, sizeof key, "%s:%s:%s:%u", names[i], batch->payee, day, batch->run);
        sql_column_number(&set.at[0], at_ms);
        sql_column_number(&set.at[1], kinds[i]);
        sql_column_text(&set.at[2], batch->payee);
        sql_column_number(&set.at[3], amounts_fen[i]);
        sql_column_text(&set.at[4], key);
    }
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)batch->city.v);
    sql_arg_set(&args, &set);
    enum status rc = sql_run(store, &POST, &args, NULL, err);
    sql_set_deinit(&set);
    return rc;
}

static enum status book_payout(struct store *store, const struct payout *batch, int64_t at_ms, struct error *err)
{
    static const char *const NAMES[] = {[CLAIMS_ENTRY_PAYOUT] = "payout", [CLAIMS_ENTRY_CARRY] = "carry", [CLAIMS_ENTRY_RECOVER] = "recover"};
    struct claims_entries entries;
    int16_t kinds[CLAIMS_ENTRIES_MAX];
    const char *names[CLAIMS_ENTRIES_MAX];
    int64_t amounts_fen[CLAIMS_ENTRIES_MAX], paid_fen;
    claims_entries_payout(batch->net_fen, -batch->brought_fen, &entries, &paid_fen);
    if (paid_fen != batch->total_fen) return error_set(err, STATUS_DATA_LOSS, "the batch of %s does not add up", batch->payee);
    for (uint32_t i = 0; i < entries.count; i++) {
        kinds[i] = (int16_t)entries.at[i].kind;
        names[i] = NAMES[entries.at[i].kind];
        amounts_fen[i] = entries.at[i].amount_fen;
    }
    return book(store, batch, kinds, names, amounts_fen, entries.count, at_ms, err);
}

static enum status move(struct store *store, const struct payout *batch, enum payout_state to, const char *bank_ref, struct error *err)
{
    struct sql_args args;
    args_batch(&args, batch);
    sql_arg_text(&args, STATES[to]);
    if (bank_ref)
        sql_arg_text(&args, bank_ref);
    else
        sql_arg_null(&args);
    return sql_run(store, &MOVE, &args, NULL, err);
}

static enum status send_batch(struct store *store, const struct payout *batch, int64_t at_ms, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    struct payout locked;
    TRY(lock_batch(store, batch, PAYOUT_APPROVED, &locked, err));
    args_day(&args, batch->city, batch->day, batch->payee);
    TRY(sql_run(store, &UNSENT, &args, &res, err));
    bool unsent = sql_get_bool(res, 0, 0);
    PQclear(res);
    if (unsent) {
        error_set(err, STATUS_FAILED_PRECONDITION, "an earlier batch of %s has not been sent: send that day first", batch->payee);
        if (err) error_reason(err, "EARLIER_DAY_OPEN");
        return STATUS_FAILED_PRECONDITION;
    }
    TRY(move(store, batch, PAYOUT_SENT, NULL, err));
    TRY(book_payout(store, &locked, at_ms, err));
    return sql_commit(store, err);
}

enum status store_payout_send(struct store *store, const struct payout *batch, int64_t at_ms, struct error *err)
{
    TRY(sql_ready(store, err));
    TRY(sql_begin(store, err));
    enum status rc = send_batch(store, batch, at_ms, err);
    if (rc != STATUS_OK) sql_rollback(store);
    return rc;
}

/* Inside the caller's transaction. A payment that was confirmed may still come back. */
enum status payout_end_booked(struct store *store, const struct payout *batch, bool paid, const char *bank_ref, int64_t at_ms, struct error *err)
{
    struct payout locked;
    struct error own = {0};
    enum status rc = lock_batch(store, batch, PAYOUT_SENT, &locked, &own);
    if (rc == STATUS_FAILED_PRECONDITION && !paid) rc = lock_batch(store, batch, PAYOUT_CONFIRMED, &locked, NULL);
    if (rc != STATUS_OK) {
        if (err) *err = own;
        return rc;
    }
    TRY(move(store, batch, paid ? PAYOUT_CONFIRMED : PAYOUT_FAILED, bank_ref, err));
    if (paid || locked.total_fen == 0) return STATUS_OK;
    static const int16_t KIND = 13; /* PAYOUT_FAILED of the schema: bank_clearing -> benefit_payable */
    static const char *const NAME = "failed";
    return book(store, batch, &KIND, &NAME, &locked.total_fen, 1, at_ms, err);
}

enum status store_payout_end(struct store *store, const struct payout *batch, bool paid, const char *bank_ref, int64_t at_ms, struct error *err)
{
    TRY(sql_ready(store, err));
    TRY(sql_begin(store, err));
    enum status rc = payout_end_booked(store, batch, paid, bank_ref, at_ms, err);
    if (rc == STATUS_OK) rc = sql_commit(store, err);
    if (rc != STATUS_OK) sql_rollback(store);
    return rc;
}
