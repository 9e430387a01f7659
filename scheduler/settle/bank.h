/* Inside settle: ISO 20022, both ways. */
#ifndef SETTLE_BANK_H
#define SETTLE_BANK_H

#include "failpoint.h"
#include "settle.h"

enum { PAIN_ID_MAX = 36 /* Max35Text */ };

/** pain.001.001.09 into a buffer: begin, each payment ascending, end (DATA_LOSS if count or sum are not the message's). */
struct pain {
    struct buffer *out;
    const struct payout_message *message;
    uint32_t count;
    int64_t sum_fen;
};
void pain_message_id(const struct payout_message *message, char out[PAIN_ID_MAX]);
void pain_file_name(const struct payout_message *message, char out[PAYOUT_FILE_NAME_MAX]);
void pain_begin(struct pain *pain, struct buffer *out, const struct payout_message *message);
void pain_payment(struct pain *pain, const struct payout_payment *payment);
must_use enum status pain_end(struct pain *pain, struct error *err);

/** Make, render, seal and write the day's messages; those there are written again, the same bytes. Needs job->out_dir. */
must_use enum status bank_messages_write(const struct settle_job *job, bool *payer_known, struct error *err);

/** Bounds of what a bank may send: deeper, longer or more is refused, and so is any DOCTYPE (no entities, no outside files). */
enum { BANK_XML_BYTES_MAX = 256 << 20, BANK_XML_DEPTH_MAX = 24, BANK_XML_TEXT_MAX = 256 };

/** Read a pain.002.001.xx or camt.053.001.xx from bytes. `out->entries` is made here and freed by bank_file_deinit, also after an error. Does not set
 *  out->hash. INVALID_ARGUMENT says where. Group status RJCT without transactions gives one REJECTED entry with an empty end_to_end. */
must_use enum status bank_file_read(const uint8_t *bytes, size_t size, struct bank_file *out, struct error *err);
void bank_file_deinit(struct bank_file *file);

#endif
