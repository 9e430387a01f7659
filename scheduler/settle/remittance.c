/* The remittance file as bytes. RFC 4180, LF line ends, UTF-8; records H (header), C (names of the detail's columns), D, T (trailer). */
#include "settle.h"

#include <inttypes.h>
#include <string.h>

void settle_batch_id(const struct payout *batch, char out[SETTLE_BATCH_ID_MAX])
{
    char day[11];
    claims_day_to_text(batch->day, day);
    text_format(out, SETTLE_BATCH_ID_MAX, "%s-%.4s%.2s%.2s-%u", batch->payee, day, day + 5, day + 8, batch->run);
}

bool settle_batch_id_read(const char *id, struct payout *out)
{
    char day[11];
    int64_t run;
    size_t size = strlen(id);
    if (size >= SETTLE_BATCH_ID_MAX) return false;
    const char *run_at = strrchr(id, '-');
    if (!run_at || run_at - id < 10 || run_at[1] < '1' || run_at[1] > '9' || !text_to_i64(run_at + 1, 1, UINT32_MAX, &run)) return false; /* one spelling each */
    const char *day_at = run_at - 8;
    size_t payee = (size_t)(day_at - id) - 1;
    if (day_at[-1] != '-' || payee >= sizeof out->payee || strspn(day_at, "0123456789") != 8) return false;
    text_format(day, sizeof day, "%.4s-%.2s-%.2s", day_at, day_at + 4, day_at + 6);
    *out = (struct payout){.run = (uint32_t)run};
    if (!claims_day_from_text(day, &out->day)) return false;
    memcpy(out->payee, id, payee);
    return true;
}

enum status settle_file_name(const struct payout *batch, char out[PAYOUT_FILE_NAME_MAX], struct error *err)
{
    static const char SAFE[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    char id[SETTLE_BATCH_ID_MAX];
    if (batch->payee[0] == '\0' || strspn(batch->payee, SAFE) != strlen(batch->payee))
        return error_set(err, STATUS_INVALID_ARGUMENT, "a payee's code may have only A-Z a-z 0-9 . _ - to name a file: rename the payee of %u items",
                         batch->item_count);
    settle_batch_id(batch, id);
    text_format(out, PAYOUT_FILE_NAME_MAX, "remittance-%u-%s.csv", batch->city.v, id);
    return STATUS_OK;
}

/* A text field, quoted if it must be. */
static void field(struct buffer *bytes, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        buffer_append(bytes, text, strlen(text));
        return;
    }
    buffer_append(bytes, "\"", 1);
    for (const char *c = text; *c; c++) {
        if (*c == '"') buffer_append(bytes, "\"", 1);
        buffer_append(bytes, c, 1);
    }
    buffer_append(bytes, "\"", 1);
}

static void instant(struct buffer *bytes, int64_t at_ms)
{
    char day[11];
    int32_t days = claims_day_of(at_ms, 0);
    int64_t of_day_s = at_ms / 1000 - days * INT64_C(86400);
    claims_day_to_text(days, day);
    buffer_printf(bytes, "%sT%02d:%02d:%02dZ", day, (int)(of_day_s / 3600), (int)(of_day_s / 60 % 60), (int)(of_day_s % 60));
}

void settle_file_begin(struct settle_file *file, struct buffer *bytes, const struct payout *batch)
{
    char id[SETTLE_BATCH_ID_MAX], day[11];
    *file = (struct settle_file){.bytes = bytes, .batch = batch};
    settle_batch_id(batch, id);
    claims_day_to_text(batch->day, day);
    buffer_printf(bytes, "H,meddispatch-remittance,1,");
    field(bytes, id);
    buffer_printf(bytes, ",%u,", batch->city.v);
    field(bytes, batch->payee);
    buffer_printf(bytes, ",%s,%u,CNY\n", day, batch->run);
    buffer_printf(bytes, "C,entry,kind,claim,order,line,posted_at,service_at,submitted_fen,eligible_fen,benefit_fen,member_fen,amount_fen,rules\n");
}

void settle_file_item(struct settle_file *file, const struct payout_item *item)
{
    struct buffer *bytes = file->bytes;
    buffer_printf(bytes, "D,%" PRIu64 ",%s,%" PRIu64 ",%" PRIu64 ",%u,", item->entry, item->kind, item->claim.v, item->order.v, item->line);
    instant(bytes, item->at_ms);
    buffer_append(bytes, ",", 1);
    if (item->service_ms) instant(bytes, item->service_ms);
    buffer_printf(bytes, ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",", item->submitted_fen, item->eligible_fen, item->claim_benefit_fen,
                  item->member_fen, item->amount_fen);
    field(bytes, item->rules);
    buffer_append(bytes, "\n", 1);
    file->count++;
    bool fits = money_add(file->sum_fen, item->amount_fen, &file->sum_fen);
    ASSERT(fits);
}

enum status settle_file_end(struct settle_file *file, struct error *err)
{
    const struct payout *batch = file->batch;
    char hex[65];
    if (file->count != batch->item_count || file->sum_fen != batch->net_fen)
        return error_set(err, STATUS_DATA_LOSS, "the items of %s are not what the batch says", batch->payee);
    struct sha256 hash = hash_sha256(file->bytes->data, file->bytes->size);
    hash_hex(hash.byte, sizeof hash.byte, hex);
    buffer_printf(file->bytes, "T,%" PRIu64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%s\n", file->count, file->sum_fen, batch->brought_fen,
                  batch->total_fen, batch->carried_fen, hex);
    if (file->bytes->full) return error_set(err, STATUS_RESOURCE_EXHAUSTED, "the remittance of %s is larger than it may be", batch->payee);
    return STATUS_OK;
}
