/* How batches move on: sealed with their files' hashes, approved by a second person, sent with their bookings, ended in the bank's words. Many at a time: a statement and a
 * commit for all of a group, all or nothing. States and four eyes are the schema's; which entries a payout books is claims' (claims_entries_payout). */
#include <string.h>

#include "payout.h"
#include "sql.h"

#define OF_DAY  "b.city_id = $1::integer AND b.business_day = DATE '1970-01-01' + $2::integer"
#define NAMED   OF_DAY " AND b.payee = e.payee AND b.run = e.run"
#define BATCHES "unnest($3::text[], $4::integer[]) AS e(payee, run)"

static const struct sql_statement
    SEAL = {"payouts_seal",
            "UPDATE payout_batch b SET state = 'SEALED', file_name = e.file_name, file_sha256 = e.file_sha256, changed_at = clock_timestamp() "
            "FROM unnest($3::text[], $4::integer[], $5::text[], $6::bytea[]) AS e(payee, run, file_name, file_sha256) WHERE " NAMED " AND b.state = 'DRAFT'"},
    APPROVE = {"payouts_approve",
               "UPDATE payout_batch b SET state = 'APPROVED', approved_by = $5::text, changed_at = clock_timestamp() FROM " BATCHES
               " WHERE " NAMED " AND b.state = 'SEALED'"},
    LOCK = {"payouts_lock",
            "SELECT b.payee, b.run, b.state, b.net_fen, b.brought_fen, b.total_fen FROM payout_batch b JOIN " BATCHES " USING (payee, run) WHERE " OF_DAY
            " ORDER BY b.payee, b.run FOR UPDATE OF b"},
    UNSENT = {"payouts_unsent",
              "SELECT b.payee FROM " BATCHES " JOIN payout_batch b ON b.city_id = $1::integer AND b.payee = e.payee AND b.business_day < DATE '1970-01-01' + $2::integer "
              "AND b.state IN ('DRAFT', 'SEALED', 'APPROVED') ORDER BY b.payee LIMIT 1"},
    SENT = {"payouts_sent", "UPDATE payout_batch b SET state = 'SENT', changed_at = clock_timestamp() FROM " BATCHES " WHERE " NAMED " AND b.state = 'APPROVED'"},
    END = {"payouts_end",
           "UPDATE payout_batch b SET state = $5::text, bank_ref = coalesce($6::text, b.bank_ref), changed_at = clock_timestamp() FROM " BATCHES " WHERE " NAMED},
    POST = {"settle_post", "SELECT settlement_post($1::integer, $2::bigint[], $3::smallint[], $4::text[], $5::bigint[], $6::text[])"};

/* What names the batches in all statements here: $1 city, $2 day, $3 payees, $4 runs. */
static void named_init(struct sql_set *set, const struct payout *batches, size_t count)
{
    sql_set_init(set, "ti");
    for (size_t i = 0; i < count; i++) {
        ASSERT(batches[i].city.v == batches[0].city.v && batches[i].day == batches[0].day);
        sql_column_text(&set->at[0], batches[i].payee);
        sql_column_number(&set->at[1], batches[i].run);
    }
}

static void args_named(struct sql_args *args, const struct payout *batches, struct sql_set *named)
{
    sql_args_init(args);
    sql_arg_i32(args, (int32_t)batches[0].city.v);
    sql_arg_i32(args, batches[0].day);
    sql_arg_set(args, named);
}

static enum status state_refused(struct error *err, const char *payee, const char *wanted)
{
    error_set(err, STATUS_FAILED_PRECONDITION, "the batch of %s is not %s", payee, wanted);
    if (err) error_reason(err, "PAYOUT_STATE");
    return STATUS_FAILED_PRECONDITION;
}

/* One UPDATE in a transaction of its own; every batch must have been in the state that its WHERE asks. */
static enum status move_all(struct store *store, const struct sql_statement *statement, const struct sql_args *args, size_t count, const char *payee, const char *from,
                            struct error *err)
{
    PGresult *res = NULL;
    TRY(sql_ready(store, err));
    TRY(sql_begin(store, err));
    enum status rc = sql_run(store, statement, args, &res, err);
    if (rc == STATUS_OK && sql_affected(res) != count) rc = state_refused(err, payee, from);
    PQclear(res);
    if (rc == STATUS_OK) rc = sql_commit(store, err);
    if (rc != STATUS_OK) sql_rollback(store);
    return rc;
}

enum status store_payouts_seal(struct store *store, const struct payout *batches, size_t count, struct error *err)
{
    struct sql_args args;
    struct sql_set named;
    struct sql_column names, hashes;
    if (count == 0) return STATUS_OK;
    named_init(&named, batches, count);
    sql_column_init(&names, SQL_TEXT);
    sql_column_init(&hashes, SQL_BYTES);
    for (size_t i = 0; i < count; i++) {
        sql_column_text(&names, batches[i].file_name);
        sql_column_bytes(&hashes, batches[i].file_sha256.byte, sizeof batches[i].file_sha256.byte);
    }
    args_named(&args, batches, &named);
    sql_arg_column(&args, &names);
    sql_arg_column(&args, &hashes);
    enum status rc = move_all(store, &SEAL, &args, count, batches[0].payee, "a draft", err);
    sql_set_deinit(&named);
    sql_column_deinit(&names);
    sql_column_deinit(&hashes);
    return rc;
}

enum status store_payouts_approve(struct store *store, const struct payout *batches, size_t count, const char *by, struct error *err)
{
    struct sql_args args;
    struct sql_set named;
    if (count == 0) return STATUS_OK;
    named_init(&named, batches, count);
    args_named(&args, batches, &named);
    sql_arg_text(&args, by);
    enum status rc = move_all(store, &APPROVE, &args, count, batches[0].payee, "sealed", err);
    sql_set_deinit(&named);
    return rc;
}

/* ---- bookings: keys name batch and kind, so that nothing is booked twice ---- */

static void booking_add(struct sql_set *set, const struct payout *batch, int16_t kind, const char *name, int64_t amount_fen, int64_t at_ms)
{
    char day[11], key[128];
    claims_day_to_text(batch->day, day);
    text_format(key, sizeof key, "%s:%s:%s:%u", name, batch->payee, day, batch->run);
    sql_column_number(&set->at[0], at_ms);
    sql_column_number(&set->at[1], kind);
    sql_column_text(&set->at[2], batch->payee);
    sql_column_number(&set->at[3], amount_fen);
    sql_column_text(&set->at[4], key);
}

static enum status bookings_post(struct store *store, struct city_id city, struct sql_set *set, struct error *err)
{
    struct sql_args args;
    if (set->at[0].count == 0) return STATUS_OK;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_set(&args, set);
    return sql_run(store, &POST, &args, NULL, err);
}

static enum status payout_add(struct sql_set *set, const struct payout *batch, int64_t at_ms, struct error *err)
{
    static const char *const NAMES[] = {[CLAIMS_ENTRY_PAYOUT] = "payout", [CLAIMS_ENTRY_CARRY] = "carry", [CLAIMS_ENTRY_RECOVER] = "recover"};
    struct claims_entries entries;
    int64_t paid_fen;
    claims_entries_payout(batch->net_fen, -batch->brought_fen, &entries, &paid_fen);
    if (paid_fen != batch->total_fen) return error_set(err, STATUS_DATA_LOSS, "the batch of %s does not add up", batch->payee);
    for (uint32_t i = 0; i < entries.count; i++)
        booking_add(set, batch, (int16_t)entries.at[i].kind, NAMES[entries.at[i].kind], entries.at[i].amount_fen, at_ms);
    return STATUS_OK;
}

/* ---- sending ---- */

/* What the locked rows say goes into the bookings; FAILED_PRECONDITION unless all are there and approved. */
static enum status lock_and_book(struct store *store, const struct payout *batches, size_t count, const struct sql_args *named, int64_t at_ms, struct sql_set *bookings,
                                 struct error *err)
{
    PGresult *res = NULL;
    TRY(sql_run(store, &LOCK, named, &res, err));
    enum status rc = (size_t)PQntuples(res) == count ? STATUS_OK : state_refused(err, batches[0].payee, "approved");
    for (int row = 0; row < PQntuples(res) && rc == STATUS_OK; row++) {
        struct payout locked = {.city = batches[0].city, .day = batches[0].day, .run = (uint32_t)sql_get_i64(res, row, 1), .net_fen = sql_get_i64(res, row, 3),
                                .brought_fen = sql_get_i64(res, row, 4), .total_fen = sql_get_i64(res, row, 5)};
        char state[16];
        sql_get_text(res, row, 0, locked.payee, sizeof locked.payee);
        sql_get_text(res, row, 2, state, sizeof state);
        rc = strcmp(state, payout_state_name(PAYOUT_APPROVED)) == 0 ? payout_add(bookings, &locked, at_ms, err) : state_refused(err, locked.payee, "approved");
    }
    PQclear(res);
    return rc;
}

static enum status nothing_earlier(struct store *store, const struct sql_args *named, struct error *err)
{
    PGresult *res = NULL;
    char payee[CODE_TEXT_MAX];
    TRY(sql_run(store, &UNSENT, named, &res, err));
    enum status rc = STATUS_OK;
    if (PQntuples(res)) {
        sql_get_text(res, 0, 0, payee, sizeof payee);
        rc = error_set(err, STATUS_FAILED_PRECONDITION, "an earlier batch of %s has not been sent: send that day first", payee);
        if (err) error_reason(err, "EARLIER_DAY_OPEN");
    }
    PQclear(res);
    return rc;
}

static enum status send_all(struct store *store, const struct payout *batches, size_t count, const struct sql_args *named, int64_t at_ms, struct error *err)
{
    struct sql_set bookings;
    PGresult *res = NULL;
    sql_set_init(&bookings, "lhtlt");
    enum status rc = lock_and_book(store, batches, count, named, at_ms, &bookings, err);
    if (rc == STATUS_OK) rc = nothing_earlier(store, named, err);
    if (rc == STATUS_OK) rc = sql_run(store, &SENT, named, &res, err);
    if (rc == STATUS_OK && sql_affected(res) != count) rc = state_refused(err, batches[0].payee, "approved");
    PQclear(res);
    if (rc == STATUS_OK) rc = bookings_post(store, batches[0].city, &bookings, err);
    sql_set_deinit(&bookings);
    return rc == STATUS_OK ? sql_commit(store, err) : rc;
}

enum status store_payouts_send(struct store *store, const struct payout *batches, size_t count, int64_t at_ms, struct error *err)
{
    struct sql_args args;
    struct sql_set named;
    if (count == 0) return STATUS_OK;
    named_init(&named, batches, count);
    args_named(&args, batches, &named);
    enum status rc = sql_ready(store, err);
    if (rc == STATUS_OK) rc = sql_begin(store, err);
    if (rc == STATUS_OK) rc = send_all(store, batches, count, &args, at_ms, err);
    if (rc != STATUS_OK) sql_rollback(store);
    sql_set_deinit(&named);
    return rc;
}

/* ---- the bank's word ---- */

static enum status end_row(struct store *store, const struct payout *batch, bool paid, const char *bank_ref, const struct sql_args *named, int64_t at_ms, struct error *err)
{
    PGresult *res = NULL;
    struct sql_args args = *named;
    struct sql_set bookings;
    char state[16] = "";
    TRY(sql_run(store, &LOCK, named, &res, err));
    if (PQntuples(res)) sql_get_text(res, 0, 2, state, sizeof state);
    int64_t total_fen = PQntuples(res) ? sql_get_i64(res, 0, 5) : 0;
    PQclear(res);
    bool may = strcmp(state, payout_state_name(PAYOUT_SENT)) == 0 || (!paid && strcmp(state, payout_state_name(PAYOUT_CONFIRMED)) == 0); /* a confirmed payment may come back */
    if (!may) return state_refused(err, batch->payee, "sent");
    sql_arg_text(&args, payout_state_name(paid ? PAYOUT_CONFIRMED : PAYOUT_FAILED));
    if (bank_ref) sql_arg_text(&args, bank_ref);
    else sql_arg_null(&args);
    TRY(sql_run(store, &END, &args, NULL, err));
    if (paid || total_fen == 0) return STATUS_OK;
    sql_set_init(&bookings, "lhtlt");
    booking_add(&bookings, batch, 13, "failed", total_fen, at_ms); /* 13: PAYOUT_FAILED of the schema, bank_clearing -> benefit_payable */
    enum status rc = bookings_post(store, batch->city, &bookings, err);
    sql_set_deinit(&bookings);
    return rc;
}

enum status payout_end_booked(struct store *store, const struct payout *batch, bool paid, const char *bank_ref, int64_t at_ms, struct error *err)
{
    struct sql_args args;
    struct sql_set named;
    named_init(&named, batch, 1);
    args_named(&args, batch, &named);
    enum status rc = end_row(store, batch, paid, bank_ref, &args, at_ms, err);
    sql_set_deinit(&named);
    return rc;
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
