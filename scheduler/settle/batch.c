/* The steps of a nightly job. Each step is safe to repeat; what was done is read from the store, never remembered here. Batches move in groups: their items come in one
 * stream, their files reach the disk together, and one commit moves them all. */
#include "bank.h"
#include "files.h"
#include "settle.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A build for tests has small groups, so that kills between commits find something on both sides. */
#ifdef MEDDISPATCH_FAILPOINTS
enum { GROUP_MAX = 2 };
#else
enum { GROUP_MAX = 256 };
#endif
static_assert((int)GROUP_MAX <= (int)STORE_PAGE_MAX && (int)GROUP_MAX <= (int)FILES_MAX, "a group is taken at once");

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

static void progress(const struct settle_job *job, const char *step, size_t done, size_t of)
{
    if (job->on_progress) job->on_progress(job->progress, step, done, of);
}

/* ---- rendering a group ---- */

struct rendering {
    struct payout *batches;      /* get file_name and file_sha256 where they have none */
    size_t count, at;            /* at: the batch whose items come */
    struct buffer bytes;         /* of that one */
    struct settle_file file;
    struct files *files;         /* NULL: nothing is written */
};

static void batch_begin(struct rendering *r)
{
    if (r->at == r->count) return; /* the last one's bytes stay */
    buffer_clear(&r->bytes);
    settle_file_begin(&r->file, &r->bytes, &r->batches[r->at]);
}

/* The batch's last item has come: its hash is the sealed one or becomes it, and the bytes go to the files. */
static enum status batch_end(struct rendering *r, struct error *err)
{
    struct payout *batch = &r->batches[r->at];
    char name[PAYOUT_FILE_NAME_MAX];
    TRY(settle_file_end(&r->file, err));
    TRY(settle_file_name(batch, name, err));
    struct sha256 hash = hash_sha256(r->bytes.data, r->bytes.size);
    if (batch->has_file && memcmp(hash.byte, batch->file_sha256.byte, sizeof hash.byte) != 0)
        return error_set(err, STATUS_DATA_LOSS, "the file of %s is not the one that was sealed", batch->payee);
    batch->file_sha256 = hash;
    (void)text_copy(batch->file_name, sizeof batch->file_name, name);
    if (r->files) TRY(files_put(r->files, name, &r->bytes, err));
    r->at++;
    batch_begin(r);
    return STATUS_OK;
}

static enum status on_item(void *context, size_t batch, const struct payout_item *item, struct error *err)
{
    struct rendering *r = context;
    while (r->at < batch) TRY(batch_end(r, err));
    settle_file_item(&r->file, item);
    return STATUS_OK;
}

/* Render the batches of a group, hold sealed ones against their hash, and write their files if a folder is given. */
static enum status produce(const struct settle_job *job, struct payout *batches, size_t count, struct error *err)
{
    struct files files;
    struct rendering r = {.batches = batches, .count = count};
    if (count == 0) return STATUS_OK;
    if (job->out_dir) {
        TRY(files_begin(&files, job->out_dir, err));
        r.files = &files;
    }
    buffer_init(&r.bytes, SETTLE_FILE_MAX);
    batch_begin(&r);
    enum status rc = store_payouts_items(job->store, batches, count, on_item, &r, err);
    while (rc == STATUS_OK && r.at < count) rc = batch_end(&r, err);
    if (rc == STATUS_OK && r.files) rc = files_end(r.files, err);
    if (r.files) files_deinit(r.files);
    buffer_deinit(&r.bytes);
    return rc;
}

/* Leave out the batches whose sealed file lies in the folder already. */
static size_t without_files(const struct settle_job *job, struct payout *batches, size_t count)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++)
        if (!batches[i].has_file || !files_there(job->out_dir, batches[i].file_name, &batches[i].file_sha256)) batches[left++] = batches[i];
    return left;
}

/* The files of batches that are sealed. */
static enum status write_files(const struct settle_job *job, const struct payout *batches, size_t count, struct error *err)
{
    struct payout *missing = mem_zalloc(GROUP_MAX, sizeof *missing);
    memcpy(missing, batches, count * sizeof *missing);
    enum status rc = produce(job, missing, without_files(job, missing, count), err);
    free(missing);
    return rc;
}

enum status settle_file_bytes(struct store *store, const struct payout *batch, struct buffer *out, struct error *err)
{
    struct payout one = *batch;
    if (!batch->has_file) return error_set(err, STATUS_FAILED_PRECONDITION, "the batch of %s is a draft: it has no file yet", batch->payee);
    struct rendering r = {.batches = &one, .count = 1, .bytes = *out};
    batch_begin(&r);
    enum status rc = store_payouts_items(store, &one, 1, on_item, &r, err);
    if (rc == STATUS_OK) rc = batch_end(&r, err);
    *out = r.bytes; /* it may have moved while it grew */
    return rc;
}

/* ---- groups ---- */

/* The next batches in a state, moved together to the front of `group`; *from goes on behind the last one looked at. */
static size_t group_next(const struct settle_batches *batches, enum payout_state state, size_t *from, struct payout *group)
{
    size_t count = 0;
    for (; *from < batches->count && count < GROUP_MAX; ++*from)
        if (batches->at[*from].state == state) group[count++] = batches->at[*from];
    return count;
}

typedef enum status (*group_step)(const struct settle_job *job, struct payout *group, size_t count, struct error *err);

static enum status each_group(const struct settle_job *job, struct settle_batches *out, enum payout_state state, const char *name, group_step step, struct error *err)
{
    enum status rc = STATUS_OK;
    struct payout *group = mem_zalloc(GROUP_MAX, sizeof *group);
    for (size_t from = 0, count; rc == STATUS_OK && (count = group_next(out, state, &from, group)) > 0;) {
        rc = step(job, group, count, err);
        if (rc == STATUS_OK) out->moved += (uint32_t)count;
        progress(job, name, from, out->count);
    }
    free(group);
    return rc;
}

/* ---- steps ---- */

static enum status seal_group(const struct settle_job *job, struct payout *group, size_t count, struct error *err)
{
    TRY(produce(job, group, count, err));
    failpoint("rendered");
    TRY(store_payouts_seal(job->store, group, count, err));
    failpoint("sealed");
    return STATUS_OK;
}

/* Batches that were sealed before: their files again, the same bytes. */
static enum status write_again(const struct settle_job *job, struct settle_batches *out, struct error *err)
{
    enum status rc = STATUS_OK;
    struct payout *group = mem_zalloc(GROUP_MAX, sizeof *group);
    for (int state = PAYOUT_SEALED; job->out_dir && rc == STATUS_OK && state < PAYOUT_STATE_COUNT; state++)
        for (size_t from = 0, count; rc == STATUS_OK && (count = group_next(out, (enum payout_state)state, &from, group)) > 0;) rc = write_files(job, group, count, err);
    free(group);
    return rc;
}

enum status settle_prepare(const struct settle_job *job, struct settle_batches *out, struct error *err)
{
    *out = (struct settle_batches){0};
    TRY(store_settle_lock(job->store, job->city, err));
    progress(job, "batches", 0, 1);
    TRY(store_payouts_prepare(job->store, job->city, job->day, job->payee, job->actor, &out->made, err));
    failpoint("prepared");
    progress(job, "batches", 1, 1);
    TRY(read_batches(job, out, err));
    TRY(write_again(job, out, err));
    TRY(each_group(job, out, PAYOUT_DRAFT, "prepare", seal_group, err));
    return read_batches(job, out, err);
}

/* The database refuses the preparer by a CHECK; people want it in words. */
static enum status approve_group(const struct settle_job *job, struct payout *group, size_t count, struct error *err)
{
    struct error own = {0};
    enum status rc = store_payouts_approve(job->store, group, count, job->actor, &own);
    if (rc != STATUS_OK && strcmp(own.reason, "payout_four_eyes") == 0) {
        size_t at = 0;
        while (at + 1 < count && strcmp(group[at].prepared_by, job->actor) != 0) at++;
        error_set(&own, STATUS_FAILED_PRECONDITION, "%s prepared the batch of %s: another person must approve it", job->actor, group[at].payee);
        error_reason(&own, "payout_four_eyes");
    }
    if (rc != STATUS_OK && err) *err = own;
    if (rc == STATUS_OK) failpoint("approved");
    return rc;
}

enum status settle_approve(const struct settle_job *job, struct settle_batches *out, struct error *err)
{
    *out = (struct settle_batches){0};
    TRY(store_settle_lock(job->store, job->city, err));
    TRY(read_batches(job, out, err));
    for (size_t i = 0; i < out->count; i++)
        if (out->at[i].state == PAYOUT_DRAFT)
            return error_set(err, STATUS_FAILED_PRECONDITION, "the batch of %s is a draft: prepare the day again", out->at[i].payee);
    TRY(each_group(job, out, PAYOUT_SEALED, "approve", approve_group, err));
    return read_batches(job, out, err);
}

enum status settle_approve_one(const struct settle_job *job, uint32_t run, struct settle_batches *out, struct error *err)
{
    *out = (struct settle_batches){0};
    TRY(store_settle_lock(job->store, job->city, err));
    TRY(read_batches(job, out, err));
    size_t at = 0;
    while (at < out->count && out->at[at].run != run) at++;
    if (at == out->count) return error_set(err, STATUS_NOT_FOUND, "there is no such batch");
    struct payout *batch = &out->at[at];
    if (batch->state == PAYOUT_DRAFT) return error_set(err, STATUS_FAILED_PRECONDITION, "the batch of %s is a draft: prepare the day again", batch->payee);
    if (batch->state == PAYOUT_SEALED) {
        TRY(approve_group(job, batch, 1, err));
        out->moved = 1;
        TRY(read_batches(job, out, err));
    }
    out->at[0] = out->at[at];
    out->count = 1;
    return STATUS_OK;
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

static enum status send_group(const struct settle_job *job, struct payout *group, size_t count, struct error *err)
{
    TRY(write_files(job, group, count, err));
    failpoint("before_send");
    TRY(store_payouts_send(job->store, group, count, job->now_ms, err));
    failpoint("after_send");
    return STATUS_OK;
}

enum status settle_send(const struct settle_job *job, struct settle_batches *out, struct error *err)
{
    *out = (struct settle_batches){0};
    if (!job->out_dir) return error_set(err, STATUS_INVALID_ARGUMENT, "sending needs a folder for the files");
    TRY(store_settle_lock(job->store, job->city, err));
    TRY(read_batches(job, out, err));
    bool payer_known = true;
    TRY(bank_messages_write(job, &payer_known, err));
    out->no_payer = !payer_known;
    TRY(each_group(job, out, PAYOUT_APPROVED, "send", send_group, err));
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
