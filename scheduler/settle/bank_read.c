/* pain.002 and camt.053 as the bank sends them: hostile XML until read. Expat gives events; we keep the path of element names and the text of the element
 * that is open, and take what lies at the few paths we know. No DOCTYPE, so no entities; depth, text and entries are bounded. */
#include <expat.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bank.h"

enum { NAME_MAX_BYTES = 40, GROW_FIRST = 64, CHUNK = 1 << 16 };
#define NS "urn:iso:std:iso:20022:tech:xsd:"

struct reading {
    XML_Parser parser;
    struct bank_file *out;
    struct error *err;
    enum status status;
    size_t capacity;
    uint32_t depth;
    char names[BANK_XML_DEPTH_MAX][NAME_MAX_BYTES];
    char text[BANK_XML_TEXT_MAX];
    size_t text_size;
    bool wants_text;
    char currency[4];
    /* what is being put together */
    struct bank_entry now;                 /* TxInfAndSts, or TxDtls */
    char status_code[8], group_status[8];
    int64_t entry_fen;                     /* Ntry */
    char entry_ref[BANK_REF_MAX];
    bool entry_credit, now_credit, now_credit_set, booked, returned;
    uint32_t details;                      /* TxDtls of this Ntry */
};

static void refuse(struct reading *r, const char *what)
{
    if (r->status != STATUS_OK) return;
    r->status = error_set(r->err, STATUS_INVALID_ARGUMENT, "line %lu: %s", (unsigned long)XML_GetCurrentLineNumber(r->parser), what);
    XML_StopParser(r->parser, XML_FALSE);
}

static bool is_at(const struct reading *r, const char *name)
{
    return r->depth && strcmp(r->names[r->depth - 1], name) == 0;
}

static bool inside(const struct reading *r, const char *name)
{
    for (uint32_t i = 0; i < r->depth; i++)
        if (strcmp(r->names[i], name) == 0) return true;
    return false;
}

static bool under(const struct reading *r, const char *parent)
{
    return r->depth >= 2 && strcmp(r->names[r->depth - 2], parent) == 0;
}

/* ---- entries ---- */

static void emit(struct reading *r)
{
    if (r->out->count == BANK_ENTRIES_MAX) {
        refuse(r, "more entries than one file may have");
        return;
    }
    if (r->out->count == r->capacity) {
        r->capacity = r->capacity ? r->capacity * 2 : GROW_FIRST;
        r->out->entries = mem_realloc(r->out->entries, r->capacity, sizeof *r->out->entries);
    }
    r->out->entries[r->out->count++] = r->now;
}

/* External codes of ISO 20022: ACSC settlement completed, ACCC credited; RJCT, CANC refused; the AC.. between are steps on the way. */
static enum bank_what what_of_status(const char *code)
{
    if (strcmp(code, "ACSC") == 0 || strcmp(code, "ACCC") == 0) return BANK_PAID;
    if (strcmp(code, "RJCT") == 0 || strcmp(code, "CANC") == 0) return BANK_REJECTED;
    if (strncmp(code, "AC", 2) == 0 || strcmp(code, "PDNG") == 0 || strcmp(code, "RCVD") == 0) return BANK_ACCEPTED;
    return BANK_OTHER;
}

/* A credit transfer of ours is a debit of our account; a credit is money that came back. */
static void emit_booking(struct reading *r)
{
    bool credit = r->now_credit_set ? r->now_credit : r->entry_credit;
    if (!r->booked) return; /* pending lines are told again when they are booked */
    r->now.what = credit || r->returned ? BANK_RETURNED : BANK_PAID;
    if (r->now.amount_fen == 0) r->now.amount_fen = r->entry_fen;
    if (!r->now.bank_ref[0]) (void)text_copy(r->now.bank_ref, sizeof r->now.bank_ref, r->entry_ref);
    emit(r);
}

static void transaction_begin(struct reading *r)
{
    r->now = (struct bank_entry){0};
    r->status_code[0] = '\0';
    r->now_credit_set = r->returned = false;
}

/* ---- values ---- */

static void take_text(struct reading *r, char *to, size_t capacity, const char *what)
{
    if (!text_copy(to, capacity, r->text)) refuse(r, what);
}

/* ActiveCurrencyAndAmount with two decimals at most: fen are whole. */
static void take_amount(struct reading *r, int64_t *fen)
{
    int64_t value = 0;
    size_t decimals = 0;
    bool point = false, any = false;
    if (strcmp(r->currency, "CNY") != 0) {
        refuse(r, "an amount in another currency than CNY");
        return;
    }
    for (const char *c = r->text; *c; c++) {
        if (*c == '.' && !point) {
            point = true;
            continue;
        }
        bool digit = *c >= '0' && *c <= '9';
        if (!digit || value > INT64_MAX / 1000 || (point && decimals >= 2 && *c != '0')) {
            refuse(r, "an amount that cannot be");
            return;
        }
        any = true;
        if (point && decimals >= 2) continue; /* 12.5000 */
        decimals += point;
        value = value * 10 + (*c - '0');
    }
    for (; decimals < 2; decimals++) value *= 10;
    if (!any) refuse(r, "an amount that cannot be");
    else *fen = value;
}

static void take_side(struct reading *r, bool *credit)
{
    if (strcmp(r->text, "CRDT") == 0) *credit = true;
    else if (strcmp(r->text, "DBIT") == 0) *credit = false;
    else refuse(r, "a booking is CRDT or DBIT");
}

/* ---- the two documents ---- */

static void end_status_report(struct reading *r)
{
    if (is_at(r, "MsgId") && under(r, "GrpHdr")) take_text(r, r->out->message_id, sizeof r->out->message_id, "a message id that is too long");
    if (is_at(r, "GrpSts")) take_text(r, r->group_status, sizeof r->group_status, "a status that is too long");
    if (!inside(r, "TxInfAndSts")) return;
    if (is_at(r, "OrgnlEndToEndId")) take_text(r, r->now.end_to_end, sizeof r->now.end_to_end, "an end-to-end id that is too long");
    if (is_at(r, "TxSts")) take_text(r, r->status_code, sizeof r->status_code, "a status that is too long");
    if (is_at(r, "AcctSvcrRef")) take_text(r, r->now.bank_ref, sizeof r->now.bank_ref, "a reference that is too long");
    if ((is_at(r, "Cd") || is_at(r, "Prtry")) && under(r, "Rsn")) take_text(r, r->now.reason, sizeof r->now.reason, "a reason that is too long");
    if (!is_at(r, "TxInfAndSts")) return;
    r->now.what = what_of_status(r->status_code);
    if (!r->now.end_to_end[0]) refuse(r, "a transaction's status without OrgnlEndToEndId");
    else emit(r);
}

static void end_transaction(struct reading *r)
{
    if (is_at(r, "EndToEndId") && under(r, "Refs")) take_text(r, r->now.end_to_end, sizeof r->now.end_to_end, "an end-to-end id that is too long");
    if (is_at(r, "AcctSvcrRef") && under(r, "Refs")) take_text(r, r->now.bank_ref, sizeof r->now.bank_ref, "a reference that is too long");
    if (is_at(r, "Amt") && under(r, "TxDtls")) take_amount(r, &r->now.amount_fen);
    if (is_at(r, "CdtDbtInd") && under(r, "TxDtls")) {
        r->now_credit_set = true;
        take_side(r, &r->now_credit);
    }
    if (is_at(r, "RtrInf")) r->returned = true;
    if ((is_at(r, "Cd") || is_at(r, "Prtry")) && under(r, "Rsn")) take_text(r, r->now.reason, sizeof r->now.reason, "a reason that is too long");
    if (!is_at(r, "TxDtls")) return;
    r->details++;
    emit_booking(r);
}

static void end_statement(struct reading *r)
{
    if (is_at(r, "MsgId") && under(r, "GrpHdr")) take_text(r, r->out->message_id, sizeof r->out->message_id, "a message id that is too long");
    if (inside(r, "TxDtls")) {
        end_transaction(r);
        return;
    }
    if (is_at(r, "Amt") && under(r, "Ntry")) take_amount(r, &r->entry_fen);
    if (is_at(r, "CdtDbtInd") && under(r, "Ntry")) take_side(r, &r->entry_credit);
    if ((is_at(r, "Cd") && under(r, "Sts")) || (is_at(r, "Sts") && under(r, "Ntry") && r->text_size)) r->booked = strcmp(r->text, "BOOK") == 0;
    if (is_at(r, "AcctSvcrRef") && under(r, "Ntry")) take_text(r, r->entry_ref, sizeof r->entry_ref, "a reference that is too long");
    if (is_at(r, "Ntry") && r->details == 0) {
        transaction_begin(r);
        emit_booking(r);
    }
}

/* ---- expat ---- */

static void XMLCALL on_start(void *context, const XML_Char *full, const XML_Char **attributes)
{
    struct reading *r = context;
    const char *bar = strrchr(full, '|'), *name = bar ? bar + 1 : full;
    if (r->status != STATUS_OK) return;
    if (r->depth == BANK_XML_DEPTH_MAX) {
        refuse(r, "deeper than a bank's message is");
        return;
    }
    if (r->depth == 0) {
        bool report = strncmp(full, NS "pain.002.001.", strlen(NS "pain.002.001.")) == 0, statement = strncmp(full, NS "camt.053.001.", strlen(NS "camt.053.001.")) == 0;
        if ((!report && !statement) || strcmp(name, "Document") != 0) refuse(r, "neither pain.002.001 nor camt.053.001");
        r->out->kind = report ? BANK_STATUS_REPORT : BANK_STATEMENT;
    }
    text_format(r->names[r->depth++], NAME_MAX_BYTES, "%.*s", NAME_MAX_BYTES - 1, name);
    r->text_size = 0;
    r->text[0] = '\0';
    r->wants_text = true;
    r->currency[0] = '\0';
    for (; attributes[0]; attributes += 2)
        if (strcmp(attributes[0], "Ccy") == 0) (void)text_copy(r->currency, sizeof r->currency, attributes[1]);
    if (is_at(r, "TxInfAndSts") || is_at(r, "TxDtls")) transaction_begin(r);
    if (is_at(r, "Ntry")) {
        r->entry_fen = 0;
        r->entry_ref[0] = '\0';
        r->entry_credit = r->booked = false;
        r->details = 0;
    }
}

static void XMLCALL on_text(void *context, const XML_Char *text, int length)
{
    struct reading *r = context;
    if (!r->wants_text || r->status != STATUS_OK) return;
    for (int i = 0; i < length; i++) {
        bool blank = text[i] == ' ' || text[i] == '\n' || text[i] == '\r' || text[i] == '\t';
        if (blank && r->text_size == 0) continue;
        if (r->text_size + 1 == sizeof r->text) { /* no field that we take is as long; others may be */
            r->wants_text = false;
            r->text_size = 0;
            break;
        }
        r->text[r->text_size++] = text[i];
    }
    r->text[r->text_size] = '\0';
}

static void XMLCALL on_end(void *context, const XML_Char *name)
{
    struct reading *r = context;
    (void)name;
    if (r->status != STATUS_OK) return;
    while (r->text_size && strchr(" \n\r\t", r->text[r->text_size - 1])) r->text[--r->text_size] = '\0';
    if (r->out->kind == BANK_STATUS_REPORT) end_status_report(r);
    else end_statement(r);
    ASSERT(r->depth > 0);
    r->depth--;
    r->text_size = 0;
    r->text[0] = '\0';
    r->wants_text = false; /* text after a child belongs to no field of ours */
}

static void XMLCALL on_doctype(void *context, const XML_Char *name, const XML_Char *system, const XML_Char *public, int internal)
{
    (void)name, (void)system, (void)public, (void)internal;
    refuse(context, "a DOCTYPE: a bank's message has none, and entities are not read");
}

static enum status parse(struct reading *r, const uint8_t *bytes, size_t size, struct error *err)
{
    for (size_t at = 0;;) { /* in pieces, so that a hostile buffer is never one int of length */
        size_t piece = size - at < CHUNK ? size - at : CHUNK;
        bool last = at + piece == size;
        enum XML_Status told = XML_Parse(r->parser, (const char *)bytes + at, (int)piece, last);
        if (r->status != STATUS_OK) return r->status;
        if (told != XML_STATUS_OK)
            return error_set(err, STATUS_INVALID_ARGUMENT, "line %lu: not well-formed XML: %s", (unsigned long)XML_GetCurrentLineNumber(r->parser),
                             XML_ErrorString(XML_GetErrorCode(r->parser)));
        if (last) return STATUS_OK;
        at += piece;
    }
}

enum status bank_file_read(const uint8_t *bytes, size_t size, struct bank_file *out, struct error *err)
{
    struct reading *r = mem_zalloc(1, sizeof *r);
    out->entries = NULL;
    out->count = 0;
    out->message_id[0] = '\0';
    *r = (struct reading){.parser = XML_ParserCreateNS("UTF-8", '|'), .out = out, .err = err};
    ASSERT(r->parser);
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, on_start, on_end);
    XML_SetCharacterDataHandler(r->parser, on_text);
    XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
    enum status rc = size <= BANK_XML_BYTES_MAX ? parse(r, bytes, size, err) : error_set(err, STATUS_INVALID_ARGUMENT, "larger than a bank's message may be");
    if (rc == STATUS_OK && out->kind == BANK_STATUS_REPORT && out->count == 0 && strcmp(r->group_status, "RJCT") == 0) {
        r->now = (struct bank_entry){.what = BANK_REJECTED};
        emit(r);
        rc = r->status;
    }
    XML_ParserFree(r->parser);
    free(r);
    return rc;
}

void bank_file_deinit(struct bank_file *file)
{
    free(file->entries);
    *file = (struct bank_file){0};
}
