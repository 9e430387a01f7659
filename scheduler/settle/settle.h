/** settle: the nightly jobs over a closed business day: prepare, approve, send batches; remittance files (对账单). The store holds the states; this room
 *  says in which order things happen, so that kill -9 at any step and a rerun lose nothing and do nothing twice:
 *
 *      prepare   batch and items (one transaction) -> render -> file (atomic) -> seal with its hash
 *      approve   a second person (the database refuses the preparer)
 *      send      approved batches into a message (one transaction) -> pain.001 (atomic) -> sealed with its hash; then each batch: render again, hash must be
 *                the sealed one -> file (atomic) -> SENT with its bookings (one transaction)
 *      import    pain.002 or camt.053: kept, and every batch it names moved on (one transaction a file)
 *
 *  One job at a time works on a city: a second one waits, then refuses.
 *
 *  It knows no claim rules and no SQL. A file's bytes follow from the batch and its items alone, never from a clock, a state or who did it.
 */
#ifndef SETTLE_SETTLE_H
#define SETTLE_SETTLE_H

#include "base/base.h"
#include "model/model.h"
#include "store/store.h"

enum {
    SETTLE_PAYEES_MAX = 20000,        /* batches a day and city */
    SETTLE_FILE_MAX = 1 << 30,        /* bytes of a remittance: five million details */
    SETTLE_BATCH_ID_MAX = 64,
};

struct settle_job {
    struct store *store;              /* role settlement */
    struct city_id city;
    int32_t day;                      /* business day, days since 1970-01-01 */
    const char *payee;                /* "": all */
    const char *actor;                /* who runs it, 1..96 bytes */
    const char *out_dir;              /* where files go; NULL: none are written */
    int64_t now_ms;
    void (*on_progress)(void *progress, const char *step, size_t done, size_t of); /* NULL: nobody looks; called between commits */
    void *progress;
};

/** What a job leaves: all batches of the day (and payee), as they are now. */
struct settle_batches {
    struct payout *at;                /* owned; settle_batches_deinit */
    size_t count;
    uint32_t made, moved;             /* prepared now; approved or sent now */
    bool no_payer;                    /* sent without a pain.001: nobody said from which account to pay */
};
void settle_batches_deinit(struct settle_batches *batches);

/** Make, render and seal what is not yet sealed; with out_dir write every batch's file (again: the same bytes). */
must_use enum status settle_prepare(const struct settle_job *job, struct settle_batches *out, struct error *err);
/** Approve every sealed batch; those further on are left alone. FAILED_PRECONDITION (payout_four_eyes) if the actor prepared one. */
must_use enum status settle_approve(const struct settle_job *job, struct settle_batches *out, struct error *err);
/** Of the job's payee the one batch with this run: approve it, or leave it if it is further on. NOT_FOUND; otherwise as settle_approve. */
must_use enum status settle_approve_one(const struct settle_job *job, uint32_t run, struct settle_batches *out, struct error *err);
/** Send every approved batch; out_dir is needed. A batch already sent is never sent again: naming its payee is FAILED_PRECONDITION (ALREADY_SENT), else it is
 *  passed over. A batch not yet approved: FAILED_PRECONDITION (NOT_APPROVED), after the approved ones were sent. */
must_use enum status settle_send(const struct settle_job *job, struct settle_batches *out, struct error *err);
must_use enum status settle_status(const struct settle_job *job, struct settle_batches *out, struct error *err);
/** The bank's answer for the payee's batch: SENT -> CONFIRMED or FAILED. */
must_use enum status settle_answer(const struct settle_job *job, bool paid, const char *bank_ref, struct settle_batches *out, struct error *err);

/** The file of a sealed batch, the bytes whose hash was sealed. FAILED_PRECONDITION: a draft. RESOURCE_EXHAUSTED: larger than the buffer's cap. Role reader is enough. */
must_use enum status settle_file_bytes(struct store *store, const struct payout *batch, struct buffer *out, struct error *err);

/** The day for people: totals by payee, entries by kind, exceptions by age, as text; with out_dir also as settlement-CITY-YYYYMMDD.html, one page with charts that loads
 *  nothing and runs nothing. The same books give the same bytes. */
must_use enum status settle_report(const struct settle_job *job, struct buffer *text, struct error *err);

/* ---- from the bank ---- */

struct settle_import_result {
    enum bank_kind kind;
    char message_id[BANK_MESSAGE_ID_MAX];
    bool repeated;                    /* this very file came before: nothing was done */
    size_t count;
    uint64_t by_outcome[BANK_OUTCOME_COUNT];
};
/** Read a pain.002 or camt.053 and move what it tells of, all of the file or nothing. Of the job: store, city, actor, now_ms. INVALID_ARGUMENT: not
 *  such a file, or not well-formed, or with a DOCTYPE, or larger or deeper than a bank's message is. */
must_use enum status settle_import(const struct settle_job *job, const char *path, struct settle_import_result *out, struct error *err);
/** The same of bytes that are here already. */
must_use enum status settle_import_bytes(const struct settle_job *job, const uint8_t *bytes, size_t size, struct settle_import_result *out, struct error *err);

/* ---- the hash chain outside the database ---- */

struct ledger_export_result {
    uint64_t rows, blocks;
    int32_t through_day;              /* the last sealed day; 0 none */
    struct sha256 head;               /* its hash */
};
/** Write all sealed days of a city's ledger to `path`, streaming. Role reader is enough. */
must_use enum status settle_ledger_export(struct store *store, struct city_id city, const char *path, struct ledger_export_result *out, struct error *err);
/** Check such a file without any database: every row's hash, every day's block, the chain, and (head_path not NULL) that the chain passes through the
 *  head that was kept elsewhere. DATA_LOSS (reason CHAIN_BROKEN) says where it breaks: one row changed, removed or put in is enough. Without a head,
 *  a chain made anew from its first change on would pass: keep the heads. */
must_use enum status settle_ledger_verify_file(const char *path, const char *head_path, struct ledger_export_result *out, struct error *err);
/** Write the head of a sealed day into `dir` as ledger-head-CITY-YYYYMMDD.txt. */
must_use enum status settle_head_write(struct store *store, struct city_id city, int32_t day, const char *dir, struct error *err);

/* ---- the remittance file ---- */

/** "PH-01-20261123-1"; deterministic. */
void settle_batch_id(const struct payout *batch, char out[SETTLE_BATCH_ID_MAX]);
/** Payee, day and run of such an id; false: it is none. */
must_use bool settle_batch_id_read(const char *id, struct payout *out);
/** "remittance-1-PH-01-20261123-1.csv". INVALID_ARGUMENT if the payee's code has a character that files should not have (only A-Z a-z 0-9 . _ -). */
must_use enum status settle_file_name(const struct payout *batch, char out[PAYOUT_FILE_NAME_MAX], struct error *err);

/** Header, one detail an item, trailer with count, sum and the SHA-256 of all bytes before the trailer line. */
struct settle_file {
    struct buffer *bytes;             /* the caller's */
    const struct payout *batch;
    uint64_t count;
    int64_t sum_fen;
};
void settle_file_begin(struct settle_file *file, struct buffer *bytes, const struct payout *batch);
void settle_file_item(struct settle_file *file, const struct payout_item *item);
/** DATA_LOSS if count or sum are not the batch's; RESOURCE_EXHAUSTED if the buffer was too small. */
must_use enum status settle_file_end(struct settle_file *file, struct error *err);

/** Write `name` in `dir` so that readers see the old file, the new one or none, also across power loss: temporary file, fsync, rename, fsync of the folder. */
must_use enum status settle_file_write(const char *dir, const char *name, const struct buffer *bytes, struct error *err);

#endif
