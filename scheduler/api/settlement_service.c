/* SettlementService: the nightly books for callers. What is asked is checked here and done on the books' threads, by the functions of the nightly jobs. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    TRANSFERS_MAX = 4,                 /* files in memory at once, each at most BOOKS_FILE_MAX */
    CHUNK_BYTES = 64 << 10,
    UNREAD_BYTES = 256 << 10,          /* a reader with more than this unread gets its next chunk when there is room */
    IMPORT_CHUNK_MAX = 1 << 20,
    BATCHES_A_PAGE_MAX = 1000,
    PAYEES_MAX = 2000,
    FILE_TITLE_MAX = 200,
};

/** A file on its way in or out; the wait owns it. */
struct transfer {
    struct buffer bytes;
    size_t at;                         /* out: taken by the reader's connection */
    struct payout batch;               /* out: what the first message tells */
    char actor[HOLDER_TEXT_MAX];       /* in: who brings it */
    bool begun;                        /* in: the first message has come */
};

void transfer_free(struct api *api, struct transfer *transfer)
{
    if (!transfer) return;
    api->transfer_count--;
    buffer_deinit(&transfer->bytes);
    free(transfer);
}

static enum status transfer_new(struct api *api, struct wait *wait, struct error *err)
{
    if (api->transfer_count >= TRANSFERS_MAX) {
        error_set(err, STATUS_RESOURCE_EXHAUSTED, "%d files are on their way already; come again in a moment", TRANSFERS_MAX);
        if (err) err->retry_ms = 2000;
        return error_reason(err, "QUEUE_FULL");
    }
    api->transfer_count++;
    wait->transfer = mem_zalloc(1, sizeof *wait->transfer);
    buffer_init(&wait->transfer->bytes, BOOKS_IMPORT_MAX);
    return STATUS_OK;
}

/* ---- what is asked ---- */

/* Four eyes are two people: whoever has credentials is who they say, on whichever token. */
static enum status check_actor(const struct wait *wait, const char *actor, char out[HOLDER_TEXT_MAX], struct error *err)
{
    const struct caller *caller = &wait->caller;
    if (caller->role != ROLE_NONE && (actor[0] == '\0' || strcmp(actor, caller->subject) == 0)) {
        text_copy(out, HOLDER_TEXT_MAX, caller->subject);
        return STATUS_OK;
    }
    if (caller->role != ROLE_NONE) {
        error_set(err, STATUS_PERMISSION_DENIED, "actor: you are known as %s and may name nobody else", caller->subject);
        if (err) text_copy(err->field, sizeof err->field, "actor");
        return error_reason(err, "TENANT");
    }
    TRY(check_text(actor, "actor", 1, SUBJECT_TEXT_MAX - 1, err));
    text_copy(out, HOLDER_TEXT_MAX, actor);
    return STATUS_OK;
}

static enum status check_day(const char *text, int32_t *out, struct error *err)
{
    TRY(check_date(text, "business_day", true, err));
    if (!claims_day_from_text(text, out) || *out < 1) return error_field(err, "business_day", "must be a day after 1970-01-01");
    return STATUS_OK;
}

static struct question *ask_new(enum question_kind kind, enum books_verb verb, const struct wait *wait)
{
    struct question *question = question_new(kind, 0);
    question->books = mem_zalloc(1, sizeof *question->books);
    question->books->verb = verb;
    question->books->city = engine_city(wait->api->engine);
    question->books->now_ms = clock_now_ms();
    return question;
}

/* A verb on a day, by somebody. */
static enum status ask_day(struct wait *wait, enum books_verb verb, const char *day_text, const char *payee, const char *actor_text, struct error *err)
{
    int32_t day;
    char actor[HOLDER_TEXT_MAX];
    TRY(check_day(day_text, &day, err));
    TRY(check_code(payee, "payee", false, err));
    TRY(check_actor(wait, actor_text, actor, err));
    struct question *question = ask_new(QUESTION_BOOKS, verb, wait);
    question->books->day = day;
    text_copy(question->books->payee, sizeof question->books->payee, payee);
    text_copy(question->books->actor, sizeof question->books->actor, actor);
    return api_ask(wait->api, wait, question, err);
}

/* A verb on a batch; "" is the actor of one that moves nothing. */
static enum status ask_batch(struct wait *wait, enum books_verb verb, const char *batch_id, const char *actor, struct error *err)
{
    TRY(check_text(batch_id, "batch_id", 1, BOOKS_BATCH_ID_MAX - 1, err));
    struct question *question = ask_new(QUESTION_BOOKS, verb, wait);
    text_copy(question->books->batch_id, sizeof question->books->batch_id, batch_id);
    text_copy(question->books->actor, sizeof question->books->actor, actor);
    return api_ask(wait->api, wait, question, err);
}

static enum status on_close_day(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__CloseDayRequest *request = (const void *)message;
    int32_t day;
    TRY(check_city(api, request->city_id, err));
    TRY(check_day(request->business_day, &day, err));
    const struct catalog *catalog = engine_catalog_ref(api->engine);
    int64_t today = (clock_now_ms() / 1000 + catalog->utc_offset_s) / 86400;
    engine_catalog_unref(api->engine, catalog);
    if (day > today) return error_field(err, "business_day", "has not begun: what is closed cannot be opened again");
    return ask_day(wait, BOOKS_CLOSE, request->business_day, "", request->actor, err);
}

static enum status on_prepare(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__PrepareBatchesRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    return ask_day(wait, BOOKS_PREPARE, request->business_day, request->payee, request->actor, err);
}

static enum status on_reconcile(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__ReconcileRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    return ask_day(wait, BOOKS_RECONCILE, request->business_day, "", request->actor, err);
}

static enum status on_approve(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__ApproveBatchRequest *request = (const void *)message;
    char actor[HOLDER_TEXT_MAX];
    TRY(check_city(api, request->city_id, err));
    TRY(check_actor(wait, request->actor, actor, err));
    return ask_batch(wait, BOOKS_APPROVE, request->batch_id, actor, err);
}

static enum status on_get_batch(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__GetBatchRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    return ask_batch(wait, BOOKS_BATCH, request->batch_id, "", err);
}

static enum status on_list_batches(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__ListBatchesRequest *request = (const void *)message;
    int32_t day;
    TRY(check_city(api, request->city_id, err));
    TRY(check_day(request->business_day, &day, err));
    TRY(check_range(request->page_size, "page_size", 0, BATCHES_A_PAGE_MAX, err));
    TRY(check_text(request->after_batch_id, "after_batch_id", 0, BOOKS_BATCH_ID_MAX - 1, err));
    struct question *question = ask_new(QUESTION_BATCHES, BOOKS_BATCH, wait);
    question->books->day = day;
    wait->index = request->page_size ? request->page_size : 100;
    text_copy(wait->after, sizeof wait->after, request->after_batch_id);
    return api_ask(api, wait, question, err);
}

/* ---- files ---- */

static enum status on_download(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__DownloadFileRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    TRY(transfer_new(api, wait, err));
    return ask_batch(wait, BOOKS_FILE, request->batch_id, "", err);
}

static enum status on_import(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__ImportBankFileRequest *request = (const void *)message;
    if (!wait->transfer) TRY(transfer_new(api, wait, err));
    struct transfer *transfer = wait->transfer;
    if (!transfer->begun) {
        TRY(check_city(api, request->city_id, err));
        TRY(check_text(request->name, "name", 0, FILE_TITLE_MAX, err));
        TRY(check_actor(wait, request->actor, transfer->actor, err));
        transfer->begun = true;
    } else if (request->city_id || request->name[0] || request->actor[0]) {
        return error_field(err, "city_id", "and name and actor belong to the first message alone");
    }
    TRY(check_range((int64_t)request->chunk.len, "chunk", 0, IMPORT_CHUNK_MAX, err));
    buffer_append(&transfer->bytes, request->chunk.data, request->chunk.len);
    if (transfer->bytes.full) return error_field(err, "chunk", "makes the file larger than %d bytes", BOOKS_IMPORT_MAX);
    return STATUS_OK;
}

void settlement_on_half_close(struct wait *wait, struct rpc_call *call)
{
    struct error err;
    struct transfer *transfer = wait->transfer;
    enum status rc = STATUS_OK;
    if (!transfer || transfer->bytes.size == 0) {
        rc = error_field(&err, "chunk", "is required: the file is empty");
    } else {
        struct question *question = ask_new(QUESTION_BOOKS, BOOKS_IMPORT, wait);
        text_copy(question->books->actor, sizeof question->books->actor, transfer->actor);
        question->books->file = transfer->bytes; /* it changes hands */
        buffer_init(&transfer->bytes, 0);
        rc = api_ask(wait->api, wait, question, &err);
    }
    if (rc != STATUS_OK) call_end(call, &err);
}

/* ---- what is told ---- */

static Meddispatch__V1__Batch *batch_message(struct arena *arena, const struct payout *batch)
{
    char day[11], hex[65] = "", id[BOOKS_BATCH_ID_MAX];
    Meddispatch__V1__Batch *out = view_alloc(arena, 1, sizeof *out);
    meddispatch__v1__batch__init(out);
    claims_day_to_text(batch->day, day);
    text_format(id, sizeof id, "%s-%.4s%.2s%.2s-%u", batch->payee, day, day + 5, day + 8, batch->run);
    if (batch->has_file) hash_hex(batch->file_sha256.byte, sizeof batch->file_sha256.byte, hex);
    out->batch_id = view_text(arena, id);
    out->payee = view_text(arena, batch->payee);
    out->business_day = view_text(arena, day);
    out->run = batch->run;
    out->state = view_text(arena, payout_state_name(batch->state));
    out->item_count = batch->item_count;
    out->net_fen = batch->net_fen;
    out->brought_fen = batch->brought_fen;
    out->total_fen = batch->total_fen;
    out->carried_fen = batch->carried_fen;
    out->prepared_by = view_text(arena, batch->prepared_by);
    out->approved_by = view_text(arena, batch->approved_by);
    out->file_name = view_text(arena, batch->file_name);
    out->file_sha256 = view_text(arena, hex);
    out->bank_reference = view_text(arena, batch->bank_ref);
    return out;
}

static int64_t total_of(const struct books_answer *books)
{
    int64_t total_fen = 0;
    for (size_t i = 0; i < books->batch_count; i++) total_fen += books->batches[i].total_fen;
    return total_fen;
}

static Meddispatch__V1__Batch **batch_messages(struct arena *arena, const struct books_answer *books, size_t from, size_t count)
{
    Meddispatch__V1__Batch **out = view_alloc(arena, count, sizeof *out);
    for (size_t i = 0; i < count; i++) out[i] = batch_message(arena, &books->batches[from + i]);
    return out;
}

static void reply_close(struct rpc_call *call, struct arena *arena, const struct books_answer *books)
{
    char day[11], hex[65];
    Meddispatch__V1__CloseDayResponse response = MEDDISPATCH__V1__CLOSE_DAY_RESPONSE__INIT;
    claims_day_to_text(books->block.day, day);
    hash_hex(books->block.hash.byte, sizeof books->block.hash.byte, hex);
    response.business_day = view_text(arena, day);
    response.entries = books->block.entry_count;
    response.total_fen = books->block.amount_fen;
    response.ledger_hash = view_text(arena, hex);
    response.days_closed = books->closed;
    method_reply(call, &response.base);
}

static void reply_prepare(struct rpc_call *call, struct arena *arena, const struct books_answer *books)
{
    Meddispatch__V1__PrepareBatchesResponse response = MEDDISPATCH__V1__PREPARE_BATCHES_RESPONSE__INIT;
    response.n_batches = books->batch_count < BATCHES_A_PAGE_MAX ? books->batch_count : BATCHES_A_PAGE_MAX;
    response.batches = batch_messages(arena, books, 0, response.n_batches);
    response.batch_count = (uint32_t)books->batch_count;
    response.prepared = books->made;
    response.total_fen = total_of(books);
    method_reply(call, &response.base);
}

static void reply_batches(struct wait *wait, struct rpc_call *call, struct arena *arena, const struct books_answer *books)
{
    Meddispatch__V1__ListBatchesResponse response = MEDDISPATCH__V1__LIST_BATCHES_RESPONSE__INIT;
    size_t from = 0;
    bool found = wait->after[0] == '\0';
    for (; !found && from < books->batch_count; from++) found = strcmp(batch_message(arena, &books->batches[from])->batch_id, wait->after) == 0;
    if (!found) {
        struct error err;
        error_field(&err, "after_batch_id", "is no batch of that day");
        rpc_finish(call, &err);
        return;
    }
    size_t left = books->batch_count - from;
    response.n_batches = left < wait->index ? left : (size_t)wait->index;
    response.batches = batch_messages(arena, books, from, response.n_batches);
    if (response.n_batches < left) response.next_after_batch_id = response.batches[response.n_batches - 1]->batch_id;
    response.batch_count = (uint32_t)books->batch_count;
    response.total_fen = total_of(books);
    method_reply(call, &response.base);
}

static void reply_import(struct rpc_call *call, struct arena *arena, const struct books_answer *books)
{
    const uint64_t *count = books->import.by_outcome;
    Meddispatch__V1__ImportBankFileResponse response = MEDDISPATCH__V1__IMPORT_BANK_FILE_RESPONSE__INIT;
    response.matched = (uint32_t)(count[BANK_NOTED] + count[BANK_CONFIRMED] + count[BANK_FAILED]);
    response.exceptions = (uint32_t)(count[BANK_UNKNOWN] + count[BANK_AMOUNT] + count[BANK_STATE]);
    response.confirmed = (uint32_t)count[BANK_CONFIRMED];
    response.failed = (uint32_t)count[BANK_FAILED];
    response.repeated = books->import.repeated;
    response.message_id = view_text(arena, books->import.message_id);
    method_reply(call, &response.base);
}

static Meddispatch__V1__ReconcileException *exception_message(struct arena *arena, const struct recon_exception *from)
{
    char subject[160];
    Meddispatch__V1__ReconcileException *out = view_alloc(arena, 1, sizeof *out);
    meddispatch__v1__reconcile_exception__init(out);
    text_format(subject, sizeof subject, "payee %s claim %llu order %llu entry %llu", from->payee[0] ? from->payee : "-", (unsigned long long)from->claim,
                (unsigned long long)from->order, (unsigned long long)from->entry);
    out->kind = view_text(arena, from->kind);
    out->subject = view_text(arena, subject);
    out->difference_fen = from->found_fen - from->expected_fen;
    out->text = view_text(arena, from->detail);
    out->payee = view_text(arena, from->payee);
    out->claim_id = from->claim;
    out->order_id = from->order;
    out->entry_id = from->entry;
    out->expected_fen = from->expected_fen;
    out->found_fen = from->found_fen;
    return out;
}

static Meddispatch__V1__ReconcilePayee *payee_message(struct arena *arena, const struct recon_row *from)
{
    Meddispatch__V1__ReconcilePayee *out = view_alloc(arena, 1, sizeof *out);
    meddispatch__v1__reconcile_payee__init(out);
    out->payee = view_text(arena, from->payee);
    out->claims = from->claim_count;
    out->claims_fen = from->claim_fen;
    out->ledger_entries = from->ledger_count;
    out->ledger_fen = from->ledger_fen;
    out->items = from->item_count;
    out->items_fen = from->item_fen;
    out->paid_fen = from->total_fen;
    out->state = view_text(arena, from->state ? payout_state_name(from->state) : "");
    return out;
}

static void reply_reconcile(struct rpc_call *call, struct arena *arena, const struct recon_result *recon)
{
    Meddispatch__V1__ReconcileResponse response = MEDDISPATCH__V1__RECONCILE_RESPONSE__INIT;
    response.n_exceptions = recon->exception_count < recon->exception_capacity ? recon->exception_count : recon->exception_capacity;
    response.exceptions = view_alloc(arena, response.n_exceptions, sizeof *response.exceptions);
    for (size_t i = 0; i < response.n_exceptions; i++) response.exceptions[i] = exception_message(arena, &recon->exceptions[i]);
    response.n_payees = recon->row_count < PAYEES_MAX ? recon->row_count : PAYEES_MAX;
    response.payees = view_alloc(arena, response.n_payees, sizeof *response.payees);
    for (size_t i = 0; i < response.n_payees; i++) response.payees[i] = payee_message(arena, &recon->rows[i]);
    response.clean = recon->exception_count == 0;
    response.exception_count = (uint32_t)recon->exception_count;
    response.checked = recon->checked;
    response.run = recon->run;
    method_reply(call, &response.base);
}

/* As many chunks as the reader has room for; the call ends with the last. */
static void send_chunks(struct wait *wait, struct rpc_call *call)
{
    struct transfer *transfer = wait->transfer;
    struct error err;
    char hex[65];
    while (transfer->at < transfer->bytes.size && rpc_call_queued_bytes(call) < UNREAD_BYTES) {
        size_t left = transfer->bytes.size - transfer->at, size = left < CHUNK_BYTES ? left : CHUNK_BYTES;
        Meddispatch__V1__DownloadFileResponse response = MEDDISPATCH__V1__DOWNLOAD_FILE_RESPONSE__INIT;
        response.chunk = (ProtobufCBinaryData){size, transfer->bytes.data + transfer->at};
        if (transfer->at == 0) {
            hash_hex(transfer->batch.file_sha256.byte, sizeof transfer->batch.file_sha256.byte, hex);
            response.file_name = transfer->batch.file_name;
            response.size_bytes = transfer->bytes.size;
            response.file_sha256 = hex;
        }
        enum status rc = method_send(call, &response.base);
        if (rc != STATUS_OK) {
            error_set(&err, rc, "this connection holds too much that is unread");
            call_end(call, &err);
            return;
        }
        transfer->at += size;
    }
    if (transfer->at == transfer->bytes.size) call_end(call, NULL);
}

static void begin_download(struct wait *wait, struct rpc_call *call, struct books_answer *books)
{
    struct transfer *transfer = wait->transfer;
    buffer_deinit(&transfer->bytes);
    transfer->bytes = books->file; /* it changes hands */
    buffer_init(&books->file, 0);
    transfer->batch = books->batches[0];
    send_chunks(wait, call);
}

void settlement_on_writable(struct wait *wait, struct rpc_call *call)
{
    if (!wait->asked && wait->transfer && wait->transfer->bytes.size) send_chunks(wait, call);
}

/* A client stream's answer is its end too: api.c ends what we keep of unary calls alone. */
static void import_answered(struct rpc_call *call, struct wait *wait, struct arena *arena, const struct books_answer *books)
{
    rpc_call_set_data(call, NULL);
    reply_import(call, arena, books);
    wait_end(wait);
}

void settlement_on_answer(struct wait *wait, struct rpc_call *call, const struct message *message)
{
    struct arena *arena = arena_new(64u << 20);
    struct books_answer *books = message->books;
    if (wait->kind == WAIT_CLOSE_DAY) {
        reply_close(call, arena, books);
    } else if (wait->kind == WAIT_PREPARE) {
        reply_prepare(call, arena, books);
    } else if (wait->kind == WAIT_APPROVE_BATCH) {
        Meddispatch__V1__ApproveBatchResponse response = MEDDISPATCH__V1__APPROVE_BATCH_RESPONSE__INIT;
        response.batch = batch_message(arena, &books->batches[0]);
        method_reply(call, &response.base);
    } else if (wait->kind == WAIT_BATCH) {
        Meddispatch__V1__GetBatchResponse response = MEDDISPATCH__V1__GET_BATCH_RESPONSE__INIT;
        response.batch = batch_message(arena, &books->batches[0]);
        method_reply(call, &response.base);
    } else if (wait->kind == WAIT_BATCHES) {
        reply_batches(wait, call, arena, books);
    } else if (wait->kind == WAIT_DOWNLOAD) {
        begin_download(wait, call, books);
    } else if (wait->kind == WAIT_IMPORT) {
        import_answered(call, wait, arena, books);
    } else {
        reply_reconcile(call, arena, &books->recon);
    }
    arena_free(arena);
}

/* Answered at once: how far the running job is, without asking it. */
static enum status on_progress(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    const Meddispatch__V1__GetProgressRequest *request = (const void *)message;
    struct books_progress now;
    char day[11] = "";
    TRY(check_city(api, request->city_id, err));
    engine_books_progress(api->engine, &now);
    Meddispatch__V1__GetProgressResponse response = MEDDISPATCH__V1__GET_PROGRESS_RESPONSE__INIT;
    if (now.day) claims_day_to_text(now.day, day);
    response.running = now.verb != 0;
    response.verb = (char *)(uintptr_t)(now.verb ? books_verb_name(now.verb) : "");
    response.step = now.step;
    response.done = now.done;
    response.of = now.of;
    response.business_day = day;
    response.actor = now.actor;
    response.began_ms = now.began_ms;
    response.waiting = now.waiting;
    rpc_call_set_data(call, NULL);
    method_reply(call, &response.base);
    wait_end(wait);
    return STATUS_OK;
}

#define PATH(name) "/meddispatch.v1.SettlementService/" name
const struct method SETTLEMENT_METHODS[] = {
    {PATH("CloseDay"), RPC_UNARY, WAIT_CLOSE_DAY, &meddispatch__v1__close_day_request__descriptor, on_close_day, 4096},
    {PATH("PrepareBatches"), RPC_UNARY, WAIT_PREPARE, &meddispatch__v1__prepare_batches_request__descriptor, on_prepare, 4096},
    {PATH("ApproveBatch"), RPC_UNARY, WAIT_APPROVE_BATCH, &meddispatch__v1__approve_batch_request__descriptor, on_approve, 4096},
    {PATH("GetBatch"), RPC_UNARY, WAIT_BATCH, &meddispatch__v1__get_batch_request__descriptor, on_get_batch, 4096},
    {PATH("ListBatches"), RPC_UNARY, WAIT_BATCHES, &meddispatch__v1__list_batches_request__descriptor, on_list_batches, 4096},
    {PATH("DownloadFile"), RPC_SERVER_STREAM, WAIT_DOWNLOAD, &meddispatch__v1__download_file_request__descriptor, on_download, 4096},
    {PATH("ImportBankFile"), RPC_CLIENT_STREAM, WAIT_IMPORT, &meddispatch__v1__import_bank_file_request__descriptor, on_import, IMPORT_CHUNK_MAX + 4096},
    {PATH("Reconcile"), RPC_UNARY, WAIT_RECONCILE, &meddispatch__v1__reconcile_request__descriptor, on_reconcile, 4096},
    {PATH("GetProgress"), RPC_UNARY, WAIT_PROGRESS, &meddispatch__v1__get_progress_request__descriptor, on_progress, 4096},
};
const uint32_t SETTLEMENT_METHOD_COUNT = COUNT_OF(SETTLEMENT_METHODS);
