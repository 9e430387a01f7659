/* A message to the bank as ISO 20022 pain.001.001.09 (CustomerCreditTransferInitiationV09): one payment instruction with a transaction a payee. Element order,
 * lengths and characters are those of the official schema; tests/money/pain.mjs holds every file to them. Bytes follow from the message alone: the time of
 * creation it names is the end of the business day, not the moment of writing. */
#include "bank.h"

#include <inttypes.h>
#include <string.h>

/* Text as XML text. What XML cannot carry, and bidirectional or line control, becomes a space: no bank prints them. */
static void text(struct buffer *out, const char *value)
{
    for (const char *c = value; *c; c++) {
        switch (*c) {
        case '&': buffer_append(out, "&amp;", 5); break;
        case '<': buffer_append(out, "&lt;", 4); break;
        case '>': buffer_append(out, "&gt;", 4); break;
        case '"': buffer_append(out, "&quot;", 6); break;
        case '\'': buffer_append(out, "&apos;", 6); break;
        default:
            if ((unsigned char)*c < 0x20 || *c == 0x7f) buffer_append(out, " ", 1);
            else buffer_append(out, c, 1);
        }
    }
}

static void element(struct buffer *out, const char *name, const char *value)
{
    buffer_printf(out, "<%s>", name);
    text(out, value);
    buffer_printf(out, "</%s>", name);
}

static void yuan(struct buffer *out, int64_t fen)
{
    ASSERT(fen > 0);
    buffer_printf(out, "%" PRId64 ".%02d", fen / 100, (int)(fen % 100));
}

static bool all_of(const char *value, size_t length, const char *set)
{
    return strlen(value) == length && strspn(value, set) == length;
}

/* A BIC (ISO 9362: 4 letters or digits, 2 letters, 2 or 5 more), a CNAPS number of 12 digits, or the bank's own word. */
static void agent(struct buffer *out, const char *tag, const char *bank)
{
    static const char DIGITS[] = "0123456789", LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", BOTH[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    bool bic = (all_of(bank, 8, BOTH) || all_of(bank, 11, BOTH)) && strchr(LETTERS, bank[4]) && strchr(LETTERS, bank[5]);
    buffer_printf(out, "<%s><FinInstnId>", tag);
    if (bic) {
        element(out, "BICFI", bank);
    } else if (all_of(bank, 12, DIGITS)) {
        buffer_printf(out, "<ClrSysMmbId><ClrSysId><Cd>CNAPS</Cd></ClrSysId><MmbId>%s</MmbId></ClrSysMmbId>", bank);
    } else {
        buffer_printf(out, "<Othr>");
        element(out, "Id", bank[0] ? bank : "NOTPROVIDED");
        buffer_printf(out, "</Othr>");
    }
    buffer_printf(out, "</FinInstnId></%s>\n", tag);
}

static void account(struct buffer *out, const char *tag, const char *id)
{
    buffer_printf(out, "<%s><Id><Othr>", tag);
    element(out, "Id", id);
    buffer_printf(out, "</Othr></Id><Ccy>CNY</Ccy></%s>\n", tag);
}

static void offset(struct buffer *out, int32_t utc_offset_s)
{
    int32_t minutes = (utc_offset_s < 0 ? -utc_offset_s : utc_offset_s) / 60;
    buffer_printf(out, "%c%02d:%02d", utc_offset_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

void pain_message_id(const struct payout_message *message, char out[PAIN_ID_MAX])
{
    char day[11];
    claims_day_to_text(message->day, day);
    text_format(out, PAIN_ID_MAX, "MD-%u-%.4s%.2s%.2s-%u", message->city.v, day, day + 5, day + 8, message->number);
}

void pain_file_name(const struct payout_message *message, char out[PAYOUT_FILE_NAME_MAX])
{
    char id[PAIN_ID_MAX];
    pain_message_id(message, id);
    text_format(out, PAYOUT_FILE_NAME_MAX, "pain001-%s.xml", id);
}

static void totals(struct buffer *out, const struct payout_message *message)
{
    buffer_printf(out, "<NbOfTxs>%u</NbOfTxs><CtrlSum>", message->payment_count);
    yuan(out, message->total_fen);
    buffer_printf(out, "</CtrlSum>");
}

void pain_begin(struct pain *pain, struct buffer *out, const struct payout_message *message)
{
    char id[PAIN_ID_MAX], next[11];
    *pain = (struct pain){.out = out, .message = message};
    pain_message_id(message, id);
    claims_day_to_text(message->day + 1, next);
    buffer_printf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.001.001.09\">\n<CstmrCdtTrfInitn>\n<GrpHdr><MsgId>%s</MsgId>"
                       "<CreDtTm>%sT00:00:00", id, next);
    offset(out, message->utc_offset_s);
    buffer_printf(out, "</CreDtTm>");
    totals(out, message);
    buffer_printf(out, "<InitgPty>");
    element(out, "Nm", message->payer.name);
    buffer_printf(out, "</InitgPty></GrpHdr>\n<PmtInf><PmtInfId>%s-1</PmtInfId><PmtMtd>TRF</PmtMtd><BtchBookg>false</BtchBookg>", id);
    totals(out, message);
    buffer_printf(out, "<ReqdExctnDt><Dt>%s</Dt></ReqdExctnDt>\n<Dbtr>", next);
    element(out, "Nm", message->payer.name);
    buffer_printf(out, "</Dbtr>\n");
    account(out, "DbtrAcct", message->payer.account);
    agent(out, "DbtrAgt", message->payer.bank);
    buffer_printf(out, "<ChrgBr>SLEV</ChrgBr>\n");
}

void pain_payment(struct pain *pain, const struct payout_payment *payment)
{
    struct buffer *out = pain->out;
    char day[11];
    claims_day_to_text(pain->message->day, day);
    buffer_printf(out, "<CdtTrfTxInf><PmtId><InstrId>%u</InstrId>", pain->count + 1);
    element(out, "EndToEndId", payment->end_to_end);
    buffer_printf(out, "</PmtId><Amt><InstdAmt Ccy=\"CNY\">");
    yuan(out, payment->amount_fen);
    buffer_printf(out, "</InstdAmt></Amt>\n");
    agent(out, "CdtrAgt", payment->to.bank);
    buffer_printf(out, "<Cdtr>");
    element(out, "Nm", payment->to.name);
    buffer_printf(out, "</Cdtr>\n");
    account(out, "CdtrAcct", payment->to.account);
    buffer_printf(out, "<RmtInf><Ustrd>");
    text(out, payment->payee);
    buffer_printf(out, " %s run %u</Ustrd></RmtInf></CdtTrfTxInf>\n", day, payment->run);
    pain->count++;
    bool fits = money_add(pain->sum_fen, payment->amount_fen, &pain->sum_fen);
    ASSERT(fits);
}

enum status pain_end(struct pain *pain, struct error *err)
{
    if (pain->count != pain->message->payment_count || pain->sum_fen != pain->message->total_fen)
        return error_set(err, STATUS_DATA_LOSS, "the payments of message %u are not what it says", pain->message->number);
    buffer_printf(pain->out, "</PmtInf>\n</CstmrCdtTrfInitn>\n</Document>\n");
    if (pain->out->full) return error_set(err, STATUS_RESOURCE_EXHAUSTED, "message %u is larger than it may be", pain->message->number);
    return STATUS_OK;
}
