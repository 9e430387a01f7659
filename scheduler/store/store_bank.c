/* Messages to the bank and its answers. What a file says is settle's to read; here it is kept and moves batches, all of a file or nothing. */
#include <string.h>

#include "payout.h"
#include "sql.h"

static const char *const OUTCOMES[] = {"", "NOTED", "CONFIRMED", "FAILED", "UNKNOWN", "AMOUNT", "STATE"};
_Static_assert(COUNT_OF(OUTCOMES) == BANK_OUTCOME_COUNT, "a name for each outcome");
static const char *const WHATS[] = {"", "ACCEPTED", "PAID", "REJECTED", "RETURNED", "OTHER"};

#define DAY "DATE '1970-01-01' + $2::integer"
static const struct sql_statement
    LOCK = {"settle_job", "SELECT pg_advisory_lock(7060403, $1::integer)"},
    PAYER_PUT = {"payer_put",
                 "INSERT INTO payer (city_id, name, account, bank) VALUES ($1::integer, $2::text, $3::text, $4::text) "
                 "ON CONFLICT (city_id) DO UPDATE SET name = excluded.name, account = excluded.account, bank = excluded.bank"},
    PAYER = {"payer_known", "SELECT EXISTS (SELECT FROM payer WHERE city_id = $1::integer)"},
    /* batches are locked, so that two jobs cannot put one into two messages; payment_batch_once would refuse the second anyway */
    TAKEN = {"message_batches",
             "SELECT b.payee, EXISTS (SELECT FROM payee y WHERE y.city_id = b.city_id AND y.payee = b.payee) FROM payout_batch b "
             "WHERE b.city_id = $1::integer AND b.business_day = " DAY " AND b.state = 'APPROVED' AND b.total_fen > 0 AND ($3::text = '' OR b.payee = $3::text) AND NOT EXISTS (SELECT FROM payout_payment p "
             "WHERE p.city_id = b.city_id AND p.payee = b.payee AND p.business_day = b.business_day AND p.run = b.run) ORDER BY b.payee, b.run FOR UPDATE OF b"},
    MAKE = {"message_make",
            "WITH due AS (SELECT b.payee, b.run, b.total_fen, y.name, y.account, y.bank FROM payout_batch b JOIN payee y USING (city_id, payee) "
            "WHERE b.city_id = $1::integer AND b.business_day = " DAY " AND b.state = 'APPROVED' AND b.total_fen > 0 AND ($3::text = '' OR b.payee = $3::text) AND NOT EXISTS (SELECT FROM payout_payment p "
            "WHERE p.city_id = b.city_id AND p.payee = b.payee AND p.business_day = b.business_day AND p.run = b.run)), "
            "m AS (INSERT INTO payout_message (city_id, business_day, message, payment_count, total_fen, payer_name, payer_account, payer_bank, utc_offset_s, made_by) "
            "SELECT $1::integer, " DAY ", coalesce((SELECT max(message) FROM payout_message WHERE city_id = $1::integer AND business_day = " DAY "), 0) + 1, "
            "(SELECT count(*) FROM due), (SELECT sum(total_fen) FROM due)::bigint, r.name, r.account, r.bank, c.utc_offset_s, $4::text "
            "FROM payer r JOIN city c USING (city_id) WHERE r.city_id = $1::integer RETURNING message) "
            "INSERT INTO payout_payment (city_id, business_day, message, payee, run, end_to_end, amount_fen, name, account, bank) "
            "SELECT $1::integer, " DAY ", m.message, due.payee, due.run, CASE WHEN length(t.id) <= 35 THEN t.id ELSE left(encode(sha256(convert_to(t.id, 'UTF8')), 'hex'), 32) END, "
            "due.total_fen, due.name, due.account, due.bank FROM m, due, LATERAL (SELECT due.payee || '-' || to_char(" DAY ", 'YYYYMMDD') || '-' || due.run AS id) t"},
    LIST = {"message_list",
            "SELECT message, payment_count, total_fen, payer_name, payer_account, payer_bank, utc_offset_s, file_sha256 FROM payout_message "
            "WHERE city_id = $1::integer AND business_day = " DAY " ORDER BY message LIMIT $3::bigint"},
    PAYMENTS = {"message_payments",
                "SELECT payee, run, end_to_end, amount_fen, name, account, bank FROM payout_payment WHERE city_id = $1::integer AND business_day = " DAY
                " AND message = $3::integer AND (payee, run) > ($4::text, $5::integer) ORDER BY payee, run LIMIT $6::bigint"},
    SEAL = {"message_seal",
            "UPDATE payout_message SET file_name = $4::text, file_sha256 = $5::bytea WHERE city_id = $1::integer AND business_day = " DAY
            " AND message = $3::integer AND file_sha256 IS NULL"},
    FILE_ADD = {"bank_file_add",
                "INSERT INTO bank_file (city_id, file_sha256, kind, message_id, entry_count, imported_by) "
                "VALUES ($1::integer, $2::bytea, $3::text, $4::text, $5::integer, $6::text) ON CONFLICT DO NOTHING"},
    FIND = {"bank_find",
            "SELECT p.payee, p.run, p.business_day - DATE '1970-01-01', p.amount_fen, b.state FROM payout_payment p "
            "JOIN payout_batch b USING (city_id, payee, business_day, run) WHERE p.city_id = $1::integer AND p.end_to_end = $2::text"},
    ENTRIES_ADD = {"bank_entries",
                   "INSERT INTO bank_entry (city_id, file_sha256, entry_no, end_to_end, what, amount_fen, bank_ref, reason, outcome) "
                   "SELECT $1::integer, $2::bytea, e.* FROM unnest($3::integer[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[]) AS e"};

const char *bank_outcome_name(enum bank_outcome outcome)
{
    ASSERT(outcome >= BANK_NOTED && outcome < BANK_OUTCOME_COUNT);
    return OUTCOMES[outcome];
}

enum status store_settle_lock(struct store *store, struct city_id city, struct error *err)
{
    struct sql_args args;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    TRY(sql_ready(store, err));
    enum status rc = sql_run(store, &LOCK, &args, NULL, err);
    if (rc == STATUS_ABORTED) error_set(err, rc, "another settlement of city %u is running: come again when it is done", city.v);
    return rc;
}

enum status store_payer_put(struct store *store, struct city_id city, const struct payment_party *payer, struct error *err)
{
    struct sql_args args;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_text(&args, payer->name);
    sql_arg_text(&args, payer->account);
    sql_arg_text(&args, payer->bank);
    TRY(sql_ready(store, err));
    return sql_run(store, &PAYER_PUT, &args, NULL, err);
}

/* ---- messages ---- */

static enum status batches_take(struct store *store, struct sql_args *args, bool *any, struct error *err)
{
    PGresult *res = NULL;
    TRY(sql_run(store, &TAKEN, args, &res, err));
    enum status rc = STATUS_OK;
    *any = PQntuples(res) > 0;
    for (int row = 0; row < PQntuples(res) && rc == STATUS_OK; row++) {
        char payee[CODE_TEXT_MAX];
        if (sql_get_bool(res, row, 1)) continue;
        sql_get_text(res, row, 0, payee, sizeof payee);
        rc = error_set(err, STATUS_FAILED_PRECONDITION, "nobody knows the account of %s: load it with `meddispatch load payees`", payee);
        error_reason(err, "PAYEE_UNKNOWN");
    }
    PQclear(res);
    return rc;
}

static enum status messages_make(struct store *store, struct city_id city, int32_t day, const char *payee, const char *by, uint32_t *made, bool *payer_known,
                                 struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    bool any = false;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    TRY(sql_run(store, &PAYER, &args, &res, err));
    *payer_known = sql_get_bool(res, 0, 0);
    PQclear(res);
    sql_arg_i32(&args, day);
    sql_arg_text(&args, payee);
    if (*payer_known) TRY(batches_take(store, &args, &any, err));
    if (any) {
        sql_arg_text(&args, by);
        TRY(sql_run(store, &MAKE, &args, NULL, err));
        *made = 1;
    }
    return sql_commit(store, err);
}

enum status store_messages_make(struct store *store, struct city_id city, int32_t day, const char *payee, const char *by, uint32_t *made, bool *payer_known,
                                 struct error *err)
{
    *made = 0;
    TRY(sql_ready(store, err));
    TRY(sql_begin(store, err));
    enum status rc = messages_make(store, city, day, payee, by, made, payer_known, err);
    if (rc != STATUS_OK) sql_rollback(store);
    return rc;
}

static void party_from_row(const PGresult *res, int row, int column, struct payment_party *out)
{
    sql_get_text(res, row, column, out->name, sizeof out->name);
    sql_get_text(res, row, column + 1, out->account, sizeof out->account);
    sql_get_text(res, row, column + 2, out->bank, sizeof out->bank);
}

enum status store_messages_list(struct store *store, struct city_id city, int32_t day, struct payout_message *out, size_t capacity, size_t *count,
                                struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i32(&args, day);
    sql_arg_i64(&args, (int64_t)capacity + 1);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &LIST, &args, &res, err));
    *count = (size_t)PQntuples(res);
    enum status rc = *count <= capacity ? STATUS_OK : error_set(err, STATUS_OUT_OF_RANGE, "more than %zu messages", capacity);
    for (int row = 0; row < PQntuples(res) && rc == STATUS_OK; row++) {
        size_t size = 0;
        out[row] = (struct payout_message){.city = city, .day = day, .number = (uint32_t)sql_get_i64(res, row, 0), .payment_count = (uint32_t)sql_get_i64(res, row, 1),
                                           .total_fen = sql_get_i64(res, row, 2), .utc_offset_s = (int32_t)sql_get_i64(res, row, 6), .has_file = !sql_get_null(res, row, 7)};
        party_from_row(res, row, 3, &out[row].payer);
        const uint8_t *hash = out[row].has_file ? sql_get_bytes(res, row, 7, &size) : NULL;
        if (hash && size == sizeof out[row].file_sha256.byte) memcpy(out[row].file_sha256.byte, hash, size);
    }
    PQclear(res);
    return rc;
}

static void args_message(struct sql_args *args, const struct payout_message *message)
{
    sql_args_init(args);
    sql_arg_i32(args, (int32_t)message->city.v);
    sql_arg_i32(args, message->day);
    sql_arg_i32(args, (int32_t)message->number);
}

enum status store_message_payments(struct store *store, const struct payout_message *message, const char *after_payee, uint32_t after_run,
                                   struct payout_payment *out, size_t capacity, size_t *count, struct error *err)
{
    ASSERT(capacity >= 1 && capacity <= STORE_PAGE_MAX);
    struct sql_args args;
    PGresult *res = NULL;
    args_message(&args, message);
    sql_arg_text(&args, after_payee);
    sql_arg_i32(&args, (int32_t)after_run);
    sql_arg_i64(&args, (int64_t)capacity);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &PAYMENTS, &args, &res, err));
    *count = (size_t)PQntuples(res);
    for (int row = 0; row < PQntuples(res); row++) {
        struct payout_payment *p = &out[row];
        *p = (struct payout_payment){.run = (uint32_t)sql_get_i64(res, row, 1), .amount_fen = sql_get_i64(res, row, 3)};
        sql_get_text(res, row, 0, p->payee, sizeof p->payee);
        sql_get_text(res, row, 2, p->end_to_end, sizeof p->end_to_end);
        party_from_row(res, row, 4, &p->to);
    }
    PQclear(res);
    return STATUS_OK;
}

enum status store_message_seal(struct store *store, const struct payout_message *message, const char *file_name, const struct sha256 *file_sha256, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    args_message(&args, message);
    sql_arg_text(&args, file_name);
    sql_arg_bytes(&args, file_sha256->byte, sizeof file_sha256->byte);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &SEAL, &args, &res, err));
    bool sealed = sql_affected(res) == 1;
    PQclear(res);
    return sealed ? STATUS_OK : error_set(err, STATUS_FAILED_PRECONDITION, "message %u was sealed before", message->number);
}

/* ---- the bank's answers ---- */

static enum status find_payment(struct store *store, struct city_id city, const struct bank_entry *entry, struct payout *batch, bool *found, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    char state[16] = "";
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_text(&args, entry->end_to_end);
    TRY(sql_run(store, &FIND, &args, &res, err));
    *found = PQntuples(res) == 1;
    if (*found) {
        *batch = (struct payout){.city = city, .run = (uint32_t)sql_get_i64(res, 0, 1), .day = (int32_t)sql_get_i64(res, 0, 2), .total_fen = sql_get_i64(res, 0, 3)};
        sql_get_text(res, 0, 0, batch->payee, sizeof batch->payee);
        sql_get_text(res, 0, 4, state, sizeof state);
        for (int i = 1; i < PAYOUT_STATE_COUNT; i++)
            if (strcmp(payout_state_name((enum payout_state)i), state) == 0) batch->state = (enum payout_state)i;
    }
    PQclear(res);
    return STATUS_OK;
}

/* Where an entry leads a batch that stands in `state`; what was told before is only noted. */
static enum bank_outcome outcome_of(const struct bank_entry *entry, const struct payout *batch)
{
    bool fails = entry->what == BANK_REJECTED || entry->what == BANK_RETURNED;
    if (entry->amount_fen && entry->amount_fen != batch->total_fen) return BANK_AMOUNT;
    if (entry->what == BANK_ACCEPTED) return BANK_NOTED;
    if (entry->what == BANK_OTHER) return BANK_STATE;
    if (batch->state == (fails ? PAYOUT_FAILED : PAYOUT_CONFIRMED)) return BANK_NOTED;
    if (batch->state == PAYOUT_SENT || (fails && batch->state == PAYOUT_CONFIRMED)) return fails ? BANK_FAILED : BANK_CONFIRMED;
    return BANK_STATE;
}

static enum status apply_entry(struct store *store, struct city_id city, struct bank_entry *entry, int64_t at_ms, struct error *err)
{
    struct payout batch;
    bool found;
    TRY(find_payment(store, city, entry, &batch, &found, err));
    entry->outcome = found ? outcome_of(entry, &batch) : BANK_UNKNOWN;
    if (entry->outcome != BANK_CONFIRMED && entry->outcome != BANK_FAILED) return STATUS_OK;
    return payout_end_booked(store, &batch, entry->outcome == BANK_CONFIRMED, entry->bank_ref, at_ms, err);
}

static enum status add_entries(struct store *store, struct city_id city, const struct bank_file *file, struct error *err)
{
    struct sql_set set;
    struct sql_args args;
    sql_set_init(&set, "ittlttt");
    for (size_t i = 0; i < file->count; i++) {
        const struct bank_entry *entry = &file->entries[i];
        sql_column_number(&set.at[0], (int64_t)i + 1);
        sql_column_text(&set.at[1], entry->end_to_end);
        sql_column_text(&set.at[2], WHATS[entry->what]);
        sql_column_number(&set.at[3], entry->amount_fen);
        sql_column_text(&set.at[4], entry->bank_ref);
        sql_column_text(&set.at[5], entry->reason);
        sql_column_text(&set.at[6], OUTCOMES[entry->outcome]);
    }
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_bytes(&args, file->hash.byte, sizeof file->hash.byte);
    sql_arg_set(&args, &set);
    enum status rc = sql_run(store, &ENTRIES_ADD, &args, NULL, err);
    sql_set_deinit(&set);
    return rc;
}

static enum status apply(struct store *store, struct city_id city, struct bank_file *file, const char *by, int64_t at_ms, bool *repeated, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_bytes(&args, file->hash.byte, sizeof file->hash.byte);
    sql_arg_text(&args, file->kind == BANK_STATUS_REPORT ? "pain.002" : "camt.053");
    sql_arg_text(&args, file->message_id);
    sql_arg_i32(&args, (int32_t)file->count);
    sql_arg_text(&args, by);
    TRY(sql_run(store, &FILE_ADD, &args, &res, err));
    *repeated = sql_affected(res) == 0;
    PQclear(res);
    if (*repeated) return sql_commit(store, err);
    for (size_t i = 0; i < file->count; i++) TRY(apply_entry(store, city, &file->entries[i], at_ms, err));
    if (file->count) TRY(add_entries(store, city, file, err));
    return sql_commit(store, err);
}

enum status store_bank_apply(struct store *store, struct city_id city, struct bank_file *file, const char *by, int64_t at_ms, bool *repeated, struct error *err)
{
    ASSERT(file->count <= BANK_ENTRIES_MAX);
    *repeated = false;
    TRY(sql_ready(store, err));
    TRY(sql_begin(store, err));
    enum status rc = apply(store, city, file, by, at_ms, repeated, err);
    if (rc != STATUS_OK) sql_rollback(store);
    return rc;
}
