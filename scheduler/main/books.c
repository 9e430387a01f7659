/* Settlement's work for callers of the API: the same functions as `meddispatch settle`, one verb each. The engine brings a connection and a thread that may wait. */
#include "books.h"

#include <assert.h>
#include <string.h>

#include "settle/settle.h"

static_assert((int)BOOKS_BATCH_ID_MAX == (int)SETTLE_BATCH_ID_MAX, "an id fits");

static struct settle_job job_of(struct store *store, const struct books_ask *ask)
{
    return (struct settle_job){.store = store, .city = ask->city, .day = ask->day, .payee = ask->payee, .actor = ask->actor, .now_ms = ask->now_ms,
                               .on_progress = ask->on_progress, .progress = ask->progress};
}

static void take_batches(struct settle_batches *from, struct books_answer *out)
{
    out->batches = from->at;
    out->batch_count = from->count;
    out->made = from->made;
}

/* ---- the verbs ---- */

static enum status close_day(struct store *store, const struct books_ask *ask, struct books_answer *out, struct error *err)
{
    size_t count;
    TRY(store_settle_lock(store, ask->city, err));
    TRY(store_day_close(store, ask->city, ask->day, ask->actor, &out->closed, err));
    TRY(store_ledger_blocks(store, ask->city, ask->day - 1, &out->block, 1, &count, err));
    if (count == 1 && out->block.day == ask->day) return STATUS_OK;
    out->block = (struct ledger_block){.day = ask->day}; /* before the city's first entry: closed, and no link of the chain */
    return STATUS_OK;
}

static enum status prepare(struct store *store, const struct books_ask *ask, struct books_answer *out, struct error *err)
{
    struct settle_batches batches;
    struct settle_job job = job_of(store, ask);
    enum status rc = settle_prepare(&job, &batches, err);
    take_batches(&batches, out);
    return rc;
}

/* The job of the batch that is named. */
static enum status job_of_batch(struct store *store, const struct books_ask *ask, struct payout *named, struct settle_job *job, struct error *err)
{
    if (!settle_batch_id_read(ask->batch_id, named)) return error_field(err, "batch_id", "must be PAYEE-YYYYMMDD-RUN, such as PH-01-20261123-1");
    *job = job_of(store, ask);
    job->day = named->day;
    job->payee = named->payee;
    return STATUS_OK;
}

static enum status approve(struct store *store, const struct books_ask *ask, struct books_answer *out, struct error *err)
{
    struct payout named;
    struct settle_job job;
    struct settle_batches batches;
    TRY(job_of_batch(store, ask, &named, &job, err));
    enum status rc = settle_approve_one(&job, named.run, &batches, err);
    take_batches(&batches, out);
    return rc;
}

static enum status find(struct store *store, const struct books_ask *ask, struct books_answer *out, struct error *err)
{
    enum { RUNS_MAX = 64 };
    struct payout named;
    struct settle_job job;
    TRY(job_of_batch(store, ask, &named, &job, err));
    out->batches = mem_zalloc(RUNS_MAX, sizeof *out->batches);
    TRY(store_payouts_list(store, ask->city, named.day, named.payee, out->batches, RUNS_MAX, &out->batch_count, err));
    for (size_t i = 0; i < out->batch_count; i++) {
        if (out->batches[i].run != named.run) continue;
        out->batches[0] = out->batches[i];
        out->batch_count = 1;
        return STATUS_OK;
    }
    return error_set(err, STATUS_NOT_FOUND, "there is no batch %s", ask->batch_id);
}

static enum status file(struct store *store, const struct books_ask *ask, struct books_answer *out, struct error *err)
{
    TRY(find(store, ask, out, err));
    buffer_init(&out->file, BOOKS_FILE_MAX);
    enum status rc = settle_file_bytes(store, &out->batches[0], &out->file, err);
    if (rc == STATUS_RESOURCE_EXHAUSTED) error_context(err, "larger than may be downloaded, write it with `meddispatch settle send`: ");
    return rc;
}

static enum status import(struct store *store, const struct books_ask *ask, struct books_answer *out, struct error *err)
{
    struct settle_import_result result;
    struct settle_job job = job_of(store, ask);
    TRY(settle_import_bytes(&job, ask->file.data, ask->file.size, &result, err));
    out->import.repeated = result.repeated;
    text_copy(out->import.message_id, sizeof out->import.message_id, result.message_id);
    memcpy(out->import.by_outcome, result.by_outcome, sizeof out->import.by_outcome);
    return STATUS_OK;
}

static enum status reconcile(struct store *store, const struct books_ask *ask, struct books_answer *out, struct error *err)
{
    struct recon_result *recon = &out->recon;
    int32_t through = 0;
    TRY(store_settle_lock(store, ask->city, err));
    TRY(store_day_closed_through(store, ask->city, &through, err));
    if (ask->day > through) {
        error_set(err, STATUS_FAILED_PRECONDITION, "the business day is not closed");
        return error_reason(err, "DAY_OPEN");
    }
    *recon = (struct recon_result){.rows = mem_zalloc(BOOKS_RECON_ROWS_MAX, sizeof *recon->rows), .row_capacity = BOOKS_RECON_ROWS_MAX,
                                   .exceptions = mem_zalloc(BOOKS_RECON_EXCEPTIONS_MAX, sizeof *recon->exceptions), .exception_capacity = BOOKS_RECON_EXCEPTIONS_MAX};
    return store_reconcile(store, ask->city, ask->day, ask->actor, recon, err);
}

enum status books_do(void *context, struct store *store, const struct books_ask *ask, struct books_answer *out, struct error *err)
{
    (void)context;
    switch (ask->verb) {
    case BOOKS_CLOSE: return close_day(store, ask, out, err);
    case BOOKS_PREPARE: return prepare(store, ask, out, err);
    case BOOKS_APPROVE: return approve(store, ask, out, err);
    case BOOKS_BATCH: return find(store, ask, out, err);
    case BOOKS_FILE: return file(store, ask, out, err);
    case BOOKS_IMPORT: return import(store, ask, out, err);
    case BOOKS_RECONCILE: return reconcile(store, ask, out, err);
    case BOOKS_VERB_COUNT: break;
    }
    UNREACHABLE("no verb of the books");
    return STATUS_INTERNAL;
}
