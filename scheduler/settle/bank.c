/* The steps to and from the bank: messages are made from approved batches, sealed with their hash before anything is sent, and written again byte for byte;
 * files that come back are read whole, then applied whole. */
#include "bank.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MESSAGES_MAX = 1000 };

static enum status render(const struct settle_job *job, const struct payout_message *message, struct buffer *bytes, struct error *err)
{
    struct pain pain;
    struct payout_payment *page = mem_zalloc(STORE_PAGE_MAX, sizeof *page);
    char payee[CODE_TEXT_MAX] = "";
    uint32_t run = 0;
    size_t count;
    enum status rc;
    pain_begin(&pain, bytes, message);
    do {
        rc = store_message_payments(job->store, message, payee, run, page, STORE_PAGE_MAX, &count, err);
        for (size_t i = 0; rc == STATUS_OK && i < count; i++) pain_payment(&pain, &page[i]);
        if (rc == STATUS_OK && count) {
            (void)text_copy(payee, sizeof payee, page[count - 1].payee);
            run = page[count - 1].run;
        }
    } while (rc == STATUS_OK && count == STORE_PAGE_MAX && !bytes->full);
    free(page);
    return rc == STATUS_OK ? pain_end(&pain, err) : rc;
}

static enum status write_message(const struct settle_job *job, const struct payout_message *message, struct error *err)
{
    struct buffer bytes;
    char name[PAYOUT_FILE_NAME_MAX];
    pain_file_name(message, name);
    buffer_init(&bytes, SETTLE_FILE_MAX);
    enum status rc = render(job, message, &bytes, err);
    if (rc == STATUS_OK) {
        struct sha256 hash = hash_sha256(bytes.data, bytes.size);
        if (message->has_file && memcmp(hash.byte, message->file_sha256.byte, sizeof hash.byte) != 0)
            rc = error_set(err, STATUS_DATA_LOSS, "%s is not the file that was sealed", name);
        if (rc == STATUS_OK) rc = settle_file_write(job->out_dir, name, &bytes, err);
        if (rc == STATUS_OK && !message->has_file) rc = store_message_seal(job->store, message, name, &hash, err);
    }
    buffer_deinit(&bytes);
    return rc;
}

enum status bank_messages_write(const struct settle_job *job, bool *payer_known, struct error *err)
{
    uint32_t made = 0;
    size_t count = 0;
    TRY(store_messages_make(job->store, job->city, job->day, job->payee, job->actor, &made, payer_known, err));
    failpoint("message_made");
    struct payout_message *messages = mem_zalloc(MESSAGES_MAX, sizeof *messages);
    enum status rc = store_messages_list(job->store, job->city, job->day, messages, MESSAGES_MAX, &count, err);
    for (size_t i = 0; rc == STATUS_OK && i < count; i++) {
        rc = write_message(job, &messages[i], err);
        failpoint("message_sealed");
    }
    free(messages);
    return rc;
}

/* ---- what comes back ---- */

static enum status read_whole(const char *path, struct buffer *out, struct error *err)
{
    struct stat at;
    uint8_t piece[1 << 16];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return error_set(err, STATUS_INVALID_ARGUMENT, "opening %s: %s", path, strerror(errno));
    enum status rc = STATUS_OK;
    if (fstat(fd, &at) != 0 || !S_ISREG(at.st_mode)) rc = error_set(err, STATUS_INVALID_ARGUMENT, "%s is not a file", path);
    for (ssize_t size = 1; rc == STATUS_OK && size > 0 && !out->full;) {
        size = read(fd, piece, sizeof piece);
        if (size > 0) buffer_append(out, piece, (size_t)size);
        else if (size < 0 && errno == EINTR) size = 1;
        else if (size < 0) rc = error_set(err, STATUS_UNAVAILABLE, "reading %s: %s", path, strerror(errno));
    }
    if (rc == STATUS_OK && out->full) rc = error_set(err, STATUS_INVALID_ARGUMENT, "%s is larger than a bank's message may be", path);
    close(fd);
    return rc;
}

enum status settle_import_bytes(const struct settle_job *job, const uint8_t *bytes, size_t size, struct settle_import_result *out, struct error *err)
{
    struct bank_file file = {0};
    *out = (struct settle_import_result){0};
    enum status rc = bank_file_read(bytes, size, &file, err);
    if (rc == STATUS_OK) {
        file.hash = hash_sha256(bytes, size);
        rc = store_settle_lock(job->store, job->city, err);
    }
    if (rc == STATUS_OK) rc = store_bank_apply(job->store, job->city, &file, job->actor, job->now_ms, &out->repeated, err);
    if (rc == STATUS_OK) {
        out->kind = file.kind;
        out->count = file.count;
        (void)text_copy(out->message_id, sizeof out->message_id, file.message_id);
        for (size_t i = 0; i < file.count && !out->repeated; i++) out->by_outcome[file.entries[i].outcome]++;
    }
    bank_file_deinit(&file);
    return rc;
}

enum status settle_import(const struct settle_job *job, const char *path, struct settle_import_result *out, struct error *err)
{
    struct buffer bytes;
    *out = (struct settle_import_result){0};
    buffer_init(&bytes, BANK_XML_BYTES_MAX);
    enum status rc = read_whole(path, &bytes, err);
    if (rc == STATUS_OK) rc = settle_import_bytes(job, bytes.data, bytes.size, out, err);
    buffer_deinit(&bytes);
    return rc;
}
