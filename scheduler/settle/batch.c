/* The steps of a nightly job. Each step is safe to repeat; what was done is read from the store, never remembered here. */
#include "bank.h"
#include "settle.h"

#include <stdlib.h>
#include <string.h>

void settle_batches_deinit(struct settle_batches *batches)
{
    free(batches->at);
    *batches = (struct settle_batches){0};
}

static enum status read_batches(const struct settle_job *job, struct settle_batches *out, struct error *err)
{
    if (!out->at) out->at = mem_zalloc(SETTLE_PAYEES_MAX, sizeof *out->at);
    return store_payouts_list(job->store, job->city, job->day, job->payee, out->at, SETTLE_PAYEES_MAX, &out->count, err);
}

/* The file's bytes from the stored items, page by page. */
static enum status render(const struct settle_job *job, const struct payout *batch, struct buffer *bytes, struct error *err)
{
    struct settle_file file;
    uint64_t after = 0;
    size_t count;
    struct payout_item *items = mem_zalloc(STORE_PAGE_MAX, sizeof *items);
    settle_file_begin(&file, bytes, batch);
    enum status rc;
    do {
        rc = store_payout_items(job->store, batch, after, items, STORE_PAGE_MAX, &count, err);
        if (rc != STATUS_OK) break;
        for (size_t i = 0; i < count; i++) settle_file_item(&file, &items[i]);
        if (count) after = items[count - 1].entry;
    } while (count == STORE_PAGE_MAX && !bytes->full);
    free(items);
    return rc == STATUS_OK ? settle_file_end(&file, err) : rc;
}

static bool same_hash(const struct sha256 *a, const struct sha256 *b)
{
    return memcmp(a->byte, b->byte, sizeof a->byte) == 0;
}

/* Render a batch, hold the bytes against the sealed hash if there is one, and write the file if a folder is given. */
static enum status produce(const struct settle_job *job, const struct payout *batch, struct sha256 *hash, struct error *err)
{
    struct buffer bytes;
    char name[PAYOUT_FILE_NAME_MAX];
    TRY(settle_file_name(batch, name, err));
    buffer_init(&bytes, SETTLE_FILE_MAX);
    enum status rc = render(job, batch, &bytes, err);
    if (rc == STATUS_OK) {
        *hash = hash_sha256(bytes.data, bytes.size);
        if (batch->has_file && !same_hash(hash, &batch->file_sha256))
            rc = error_set(err, STATUS_DATA_LOSS, "the file of %s is not the one that was sealed", batch->payee);
    }
    if (rc == STATUS_OK && job->out_dir) rc = settle_file_write(job->out_dir, name, &bytes, err);
    buffer_deinit(&bytes);
    return rc;
}

static enum status prepare_one(const struct settle_job *job, const struct payout *batch, struct settle_batches *out, struct error *err)
{
    struct sha256 hash;
    char name[PAYOUT_FILE_NAME_MAX];
    if (batch->state != PAYOUT_DRAFT && !job->out_dir) return STATUS_OK;
    TRY(produce(job, batch, &hash, err));
    if (batch->state != PAYOUT_DRAFT) return STATUS_OK;
    TRY(settle_file_name(batch, name, err));
    failpoint("rendered");
    TRY(store_payout_seal(job->store, batch, name, &hash, err));
    failpoint("sealed");
    out->moved++;
    return STATUS_OK;
}

enum status settle_prepare(const struct settle_job *job, struct settle_batches *out, struct error *err)
{
    *out = (struct settle_batches){0};
    TRY(store_settle_lock(job->store, job->city, err));
    TRY(store_payouts_prepare(job->store, job->city, job->day, job->payee, job->actor, &out->made, err));
    failpoint("prepared");
    TRY(read_batches(job, out, err));
    for (size_t i = 0; i < out->count; i++) TRY(prepare_one(job, &out->at[i], out, err));
    return read_batches(job, out, err);
}

/* The database refuses the preparer by a CHECK; people want it in words. */
static enum status approve_one(const struct settle_job *job, const struct payout *batch, struct error *err)
{
    struct error own = {0};
    enum status rc = store_payout_approve(job->store, batch, job->actor, &own);
    if (rc != STATUS_OK && strcmp(own.reason, "payout_four_eyes") == 0) {
        error_set(&own, STATUS_FAILED_PRECONDITION, "%s prepared the batch of %s: another person must approve it", job->actor, batch->payee);
        error_reason(&own, "payout_four_eyes");
    }
    if (rc != STATUS_OK && err) *err = own;
    return rc;
}

enum status settle_approve(const struct settle_job *job, struct settle_batches *out, struct error *err)
{
    *out = (struct settle_batches){0};
    TRY(read_batches(job, out, err));
    TRY(store_settle_lock(job->store, job->city, err));
    for (size_t i = 0; i < out->count; i++) {
        if (out->at[i].state == PAYOUT_DRAFT)
            return error_set(err, STATUS_FAILED_PRECONDITION, "the batch of %s is a draft: prepare the day again", out->at[i].payee);
        if (out->at[i].state != PAYOUT_SEALED) continue;
        TRY(approve_one(job, &out->at[i], err));
        failpoint("approved");
        out->moved++;
    }
    return read_batches(job, out, err);
}

static enum status send_refused(const struct settle_batches *out, bool named, struct error *err)
{
    for (size_t i = 0; i < out->count; i++) {
        const struct payout *batch = &out->at[i];
        bool sent = batch->state == PAYOUT_SENT || batch->state == PAYOUT_CONFIRMED || batch->state == PAYOUT_FAILED;
        if (!sent || (named && out->moved == 0)) {
            error_set(err, STATUS_FAILED_PRECONDITION, sent ? "the batch of %s was sent before: a resend is refused" : "the batch of %s is not approved",
                      batch->payee);
            error_reason(err, sent ? "ALREADY_SENT" : "NOT_APPROVED");
            return STATUS_FAILED_PRECONDITION;
        }
    }
    return STATUS_OK;
}

enum status settle_send(const struct settle_job *job, struct settle_batches *out, struct error *err)
{
    struct sha256 hash;
    *out = (struct settle_batches){0};
    if (!job->out_dir) return error_set(err, STATUS_INVALID_ARGUMENT, "sending needs a folder for the files");
    TRY(store_settle_lock(job->store, job->city, err));
    TRY(read_batches(job, out, err));
    bool payer_known = true;
    TRY(bank_messages_write(job, &payer_known, err));
    out->no_payer = !payer_known;
    for (size_t i = 0; i < out->count; i++) {
        if (out->at[i].state != PAYOUT_APPROVED) continue;
        TRY(produce(job, &out->at[i], &hash, err));
        failpoint("before_send");
        TRY(store_payout_send(job->store, &out->at[i], job->now_ms, err));
        failpoint("after_send");
        out->moved++;
    }
    TRY(read_batches(job, out, err));
    return send_refused(out, job->payee[0] != '\0', err);
}

enum status settle_status(const struct settle_job *job, struct settle_batches *out, struct error *err)
{
    *out = (struct settle_batches){0};
    return read_batches(job, out, err);
}

enum status settle_answer(const struct settle_job *job, bool paid, const char *bank_ref, struct settle_batches *out, struct error *err)
{
    *out = (struct settle_batches){0};
    if (!job->payee[0]) return error_set(err, STATUS_INVALID_ARGUMENT, "the bank answers for one payee: name it");
    TRY(read_batches(job, out, err));
    if (out->count == 0) return error_set(err, STATUS_NOT_FOUND, "%s has no batch on that day", job->payee);
    TRY(store_payout_end(job->store, &out->at[0], paid, bank_ref, job->now_ms, err));
    out->moved++;
    return read_batches(job, out, err);
}
