/* The reader thread: questions that the database answers, and catalogue loads. One connection, one question at a time. */
#include "internal.h"
#include "geo_traffic/geo_traffic.h"

#include <stdlib.h>
#include <string.h>

enum { ONE_FACT_BYTES = 1 << 20 };

struct reader_thread {
    struct engine *engine;
    struct store *store;
    int64_t roads_us;
};

static void *take(struct message *message, size_t count, size_t size)
{
    if (!message->arena) message->arena = arena_new(512u << 20);
    void *memory = arena_alloc(message->arena, (count ? count : 1) * size);
    ASSERT(memory); /* a page is bounded */
    return memory;
}

/* ---- orders ---- */

static enum status read_order(struct reader_thread *reader, const struct question *question, struct message *message)
{
    enum { HISTORY_MAX = 500 };
    struct error *err = &message->error;
    message->orders = take(message, 1, sizeof *message->orders);
    message->claims = take(message, 1, sizeof *message->claims);
    TRY(store_order_read(reader->store, question->city, question->order, message->orders, err));
    message->order_count = message->claim_count = 1;
    enum status rc = store_claim_of_order(reader->store, question->city, question->order, message->claims, err);
    if (rc != STATUS_OK && rc != STATUS_NOT_FOUND) return rc;
    *err = (struct error){0};
    if (!question->with_history) return STATUS_OK;
    message->history = take(message, HISTORY_MAX, sizeof *message->history);
    size_t count = 0;
    TRY(store_order_history(reader->store, question->city, question->order, message->history, HISTORY_MAX, &count, err));
    message->history_count = (uint32_t)count;
    return STATUS_OK;
}

static enum status list_orders(struct reader_thread *reader, const struct question *question, struct message *message)
{
    size_t count = 0;
    message->orders = take(message, question->limit, sizeof *message->orders);
    TRY(store_orders_list(reader->store, question->city, &question->filter, message->orders, question->limit, &count, &message->error));
    message->order_count = (uint32_t)count;
    message->claims = take(message, count, sizeof *message->claims);
    for (size_t i = 0; i < count; i++) {
        if (!message->orders[i].claim.v) continue;
        enum status rc = store_claim_read(reader->store, question->city, message->orders[i].claim, &message->claims[i], &message->error);
        if (rc != STATUS_OK && rc != STATUS_NOT_FOUND) return rc; /* not found: not for these eyes */
        message->error = (struct error){0};
    }
    message->claim_count = (uint32_t)count;
    message->next = count == question->limit ? message->orders[count - 1].order.id.v : 0;
    return STATUS_OK;
}

/* ---- claims ---- */

static enum status claim_member(struct reader_thread *reader, struct message *message, uint32_t at)
{
    struct order_view order;
    TRY(store_order_read(reader->store, message->claims[at].city, message->claims[at].order, &order, &message->error));
    text_copy(message->claim_members[at], CODE_TEXT_MAX, order.member);
    return STATUS_OK;
}

static enum status read_claim(struct reader_thread *reader, const struct question *question, struct message *message)
{
    message->claims = take(message, 1, sizeof *message->claims);
    message->claim_members = take(message, 1, sizeof *message->claim_members);
    TRY(store_claim_read(reader->store, question->city, question->claim, message->claims, &message->error));
    message->claim_count = 1;
    return claim_member(reader, message, 0);
}

static enum status list_claims(struct reader_thread *reader, const struct question *question, struct message *message)
{
    struct claim_filter filter = {.after = {question->after}};
    size_t count = 0;
    text_copy(filter.member, sizeof filter.member, question->member_code);
    message->claims = take(message, question->limit, sizeof *message->claims);
    message->claim_members = take(message, question->limit, sizeof *message->claim_members);
    TRY(store_claims_list(reader->store, question->city, &filter, message->claims, question->limit, &count, &message->error));
    message->claim_count = (uint32_t)count;
    for (uint32_t i = 0; i < count; i++) {
        if (filter.member[0]) text_copy(message->claim_members[i], CODE_TEXT_MAX, filter.member);
        else TRY(claim_member(reader, message, i));
    }
    message->next = count == question->limit ? message->claims[count - 1].id.v : 0;
    return STATUS_OK;
}

/* The order's person is read here, not returned: whose claim it is, is for those who may read claims. */
static enum status reverse(struct reader_thread *reader, const struct question *question, struct message *message)
{
    message->claims = take(message, 1, sizeof *message->claims);
    message->claim_members = take(message, 1, sizeof *message->claim_members);
    TRY(store_claim_reverse(reader->store, question->reversal, &message->reversal, &message->error));
    TRY(store_claim_read(reader->store, question->city, question->reversal->claim, message->claims, &message->error));
    message->claim_count = 1;
    return claim_member(reader, message, 0);
}

static enum status list_batches(struct reader_thread *reader, const struct question *question, struct message *message)
{
    enum { BATCHES_MAX = 20000 };
    message->books = mem_zalloc(1, sizeof *message->books);
    message->books->batches = mem_zalloc(BATCHES_MAX, sizeof *message->books->batches);
    return store_payouts_list(reader->store, question->city, question->books->day, question->books->payee, message->books->batches, BATCHES_MAX, &message->books->batch_count,
                              &message->error);
}

/* ---- facts ---- */

struct facts_into {
    struct message *message;
    uint32_t limit;
};

static bool on_fact(void *context, const struct fact *fact)
{
    struct facts_into *into = context;
    into->message->facts[into->message->fact_count++] = *fact; /* what it points to lies in the message's arena already */
    return into->message->fact_count < into->limit;
}

static bool on_one_fact(void *context, const struct fact *fact)
{
    *(struct fact *)context = *fact; /* for its number and time alone */
    return false;
}

/* Which pharmacy each fact's order belongs to: one read an order, remembered within the page. */
static enum status read_pharmacies(struct reader_thread *reader, const struct question *question, struct message *message)
{
    message->fact_pharmacies = take(message, message->fact_count, sizeof *message->fact_pharmacies);
    for (uint32_t i = 0; i < message->fact_count; i++) {
        struct order_id order = message->facts[i].order;
        if (!order.v) continue;
        uint32_t seen = 0;
        while (seen < i && message->facts[seen].order.v != order.v) seen++;
        if (seen < i) {
            message->fact_pharmacies[i] = message->fact_pharmacies[seen];
            continue;
        }
        struct order_view view;
        TRY(store_order_read(reader->store, question->city, order, &view, &message->error));
        message->fact_pharmacies[i] = view.order.pharmacy;
    }
    return STATUS_OK;
}

/* The sequence number before the first fact at or after at_ms. Facts are decided in the order of time, so halving finds it: twenty reads of one row. */
static enum status seq_before(struct reader_thread *reader, const struct question *question, uint64_t *out, struct error *err)
{
    uint64_t low = 0, high;
    TRY(store_facts_last(reader->store, question->city, &high, err));
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        struct fact fact = {.seq = 0};
        struct arena *arena = arena_new(ONE_FACT_BYTES);
        enum status rc = store_facts_read(reader->store, question->city, middle, 1, arena, on_one_fact, &fact, NULL, err);
        arena_free(arena);
        TRY(rc);
        if (fact.seq && fact.at_ms < question->at_ms) low = fact.seq;
        else high = middle;
    }
    *out = low;
    return STATUS_OK;
}

static enum status read_facts(struct reader_thread *reader, const struct question *question, struct message *message)
{
    struct facts_into into = {message, question->limit};
    uint64_t after = question->after;
    message->facts = take(message, question->limit, sizeof *message->facts);
    if (question->at_ms) TRY(seq_before(reader, question, &after, &message->error));
    TRY(store_facts_read(reader->store, question->city, after, question->limit, message->arena, on_fact, &into, NULL, &message->error));
    return question->filter.pharmacy.v ? read_pharmacies(reader, question, message) : STATUS_OK;
}

/* ---- contacts and benefits ---- */

static enum status read_contact(struct reader_thread *reader, const struct question *question, struct message *message)
{
    const char *actor = question->actor[0] ? question->actor : "courier app";
    message->order.id = question->order;
    message->recipient = take(message, 1, sizeof *message->recipient);
    return store_order_contact(reader->store, question->city, question->order, actor, "", clock_now_ms(), message->recipient, &message->error);
}

static enum status reveal(struct reader_thread *reader, const struct question *question, struct message *message)
{
    message->recipient = take(message, 1, sizeof *message->recipient);
    return store_order_contact(reader->store, question->city, question->order, question->cause.actor, question->reason, clock_now_ms(), message->recipient, &message->error);
}

static enum status read_kpis(struct reader_thread *reader, const struct question *question, struct message *message)
{
    message->kpis = take(message, 1, sizeof *message->kpis);
    return store_kpis_read(reader->store, question->city, question->at_ms, question->until_ms, message->kpis, &message->error);
}

static enum status read_benefits(struct reader_thread *reader, const struct question *question, struct message *message)
{
    message->benefits = take(message, 1, sizeof *message->benefits);
    return store_benefits_read(reader->store, question->city, question->member_code, question->at_ms, message->benefits, &message->error);
}

/* ---- catalogue loads ---- */

static enum status put_rows(struct reader_thread *reader, const struct question *question, uint32_t first, uint32_t count, struct error *err)
{
    const struct catalog_batch *batch = question->upsert;
    int64_t now_ms = clock_now_ms();
    switch (batch->table) {
    case CATALOG_MEMBERS: return store_members_put(reader->store, question->city, batch->members + first, count, now_ms, NULL, err);
    case CATALOG_PRODUCTS: return store_products_put(reader->store, question->city, batch->products + first, count, now_ms, NULL, err);
    case CATALOG_TESTS: return store_tests_put(reader->store, question->city, batch->tests + first, count, now_ms, NULL, err);
    case CATALOG_FACILITIES: return store_facilities_put(reader->store, question->city, batch->facilities + first, count, NULL, err);
    case CATALOG_COURIERS: return store_couriers_put(reader->store, question->city, batch->couriers + first, count, NULL, err);
    }
    UNREACHABLE("unknown table");
    return STATUS_INTERNAL;
}

static bool is_the_rows_fault(enum status status)
{
    return status == STATUS_INVALID_ARGUMENT || status == STATUS_NOT_FOUND || status == STATUS_FAILED_PRECONDITION || status == STATUS_ALREADY_EXISTS;
}

/* All rows at once; if one is bad, one by one, so that the good ones are kept and the bad ones told. */
static enum status load_rows(struct reader_thread *reader, const struct question *question, struct message *message)
{
    struct catalog_result *result = message->upsert = take(message, 1, sizeof *result);
    const struct catalog_batch *batch = question->upsert;
    enum status rc = put_rows(reader, question, 0, batch->count, &message->error);
    if (rc == STATUS_OK) {
        result->stored = batch->count;
    } else if (is_the_rows_fault(rc)) {
        message->error = (struct error){0};
        for (uint32_t i = 0; i < batch->count; i++) {
            struct error row_error = {0};
            rc = put_rows(reader, question, i, 1, &row_error);
            if (rc == STATUS_OK) {
                result->stored++;
                continue;
            }
            if (!is_the_rows_fault(rc)) {
                message->error = row_error;
                return rc;
            }
            result->refused++;
            if (result->problem_count < COUNT_OF(result->problems))
                result->problems[result->problem_count++] = (struct catalog_problem){batch->first_index + i, row_error};
        }
    } else {
        return rc;
    }
    if (batch->table == CATALOG_MEMBERS || batch->table == CATALOG_PRODUCTS) return STATUS_OK; /* these are read in the database only */
    return engine_catalog_load(reader->engine, reader->store, &message->error);
}

/* ---- roads ---- */

enum { ROADS_ARENA_BYTES = 32 << 20, ROADS_EVERY_MS = 10000 };

enum status engine_roads_load(struct engine *engine, struct store *store, struct error *err)
{
    struct arena *arena = arena_new(ROADS_ARENA_BYTES);
    struct road_override *roads;
    uint32_t count;
    enum status rc = store_roads_read(store, engine->options.city, clock_now_ms(), false, arena, &roads, &count, err);
    if (rc == STATUS_OK) traffic_report(engine->traffic, roads, count);
    arena_free(arena);
    return rc;
}

static enum status roads_changed(struct reader_thread *reader, struct error *err)
{
    TRY(engine_roads_load(reader->engine, reader->store, err));
    (void)!mailbox_post(reader->engine->to_traffic, reader->engine); /* full: it is awake already */
    return STATUS_OK;
}

/* What the map does not know is refused before it is kept. */
static enum status find_roads(const struct engine *engine, const struct road_override *road, uint32_t *arc_count, struct error *err)
{
    struct geo_point points[ROAD_POINTS_MAX];
    struct geo_override override;
    struct geo_error why;
    uint32_t *arcs = NULL;
    traffic_as_override(road, points, &override);
    enum geo_status rc = geo_override_roads(engine->map, &override, &arcs, arc_count, &why);
    free(arcs);
    if (rc == GEO_OK) return STATUS_OK;
    if (rc != GEO_NOT_FOUND && rc != GEO_INVALID) return error_set(err, STATUS_RESOURCE_EXHAUSTED, "%s", why.text);
    error_field(err, road->kind == ROAD_WAY ? "way_id" : road->kind == ROAD_AREA ? "polygon" : "road", "names no road of the city's map: %s", why.text);
    return error_reason(err, "NO_ROAD");
}

static enum status report_road(struct reader_thread *reader, const struct question *question, struct message *message)
{
    TRY(find_roads(reader->engine, question->road, &message->road_arcs, &message->error));
    TRY(store_road_report(reader->store, question->city, question->road, &question->cause, &message->road_id, &message->repeated, &message->error));
    return roads_changed(reader, &message->error);
}

static enum status withdraw_road(struct reader_thread *reader, const struct question *question, struct message *message)
{
    TRY(store_road_withdraw(reader->store, question->city, question->road_id, question->at_ms, question->cause.actor, question->reason, &message->repeated, &message->error));
    return roads_changed(reader, &message->error);
}

static enum status list_roads(struct reader_thread *reader, const struct question *question, struct message *message)
{
    message->arena = arena_new(ROADS_ARENA_BYTES);
    return store_roads_read(reader->store, question->city, question->at_ms, question->with_history, message->arena, &message->roads, &message->road_count, &message->error);
}

/* Now and then, for what another daemon or a person has written into the database. */
static void look_after_roads(struct reader_thread *reader)
{
    struct error err;
    if (clock_boot_us() - reader->roads_us < ROADS_EVERY_MS * 1000) return;
    reader->roads_us = clock_boot_us();
    if (roads_changed(reader, &err) != STATUS_OK) log_warn("event=roads_unread status=%s text=\"%s\"", status_name(err.status), err.text);
}

/* ---- callers ---- */

static enum status sign_in(struct reader_thread *reader, const struct question *question, struct message *message)
{
    TRY(store_caller_sign_in(reader->store, question->city, question->code, question->token, &message->caller, &message->error));
    return engine_callers_load(reader->engine, reader->store, &message->error); /* the token holds from the moment it is told */
}

/* Health data that nobody has recorded the reading of is not given out. */
static enum status note_access(struct reader_thread *reader, const struct question *question, struct message *message)
{
    uint32_t most = message->order_count > message->claim_count ? message->order_count : message->claim_count, count = 0;
    uint64_t *subjects = mem_zalloc((size_t)most + 1, sizeof *subjects);
    for (uint32_t i = 0; i < message->order_count; i++) subjects[count++] = message->orders[i].order.id.v;
    for (uint32_t i = 0; i < message->claim_count && message->order_count == 0; i++) subjects[count++] = message->claims[i].id.v;
    if (question->kind == QUESTION_BENEFITS) count = 1; /* of a member: no order, no claim */
    enum status rc = store_access_note(reader->store, question->city, question->actor, question->audit, subjects, count, "", clock_now_ms(), &message->error);
    free(subjects);
    return rc;
}

/* ---- the thread ---- */

static enum status answer_unscoped(struct reader_thread *reader, const struct question *question, struct message *message)
{
    switch (question->kind) {
    case QUESTION_ORDER: return read_order(reader, question, message);
    case QUESTION_ORDERS: return list_orders(reader, question, message);
    case QUESTION_CLAIM: return read_claim(reader, question, message);
    case QUESTION_CLAIMS: return list_claims(reader, question, message);
    case QUESTION_BENEFITS: return read_benefits(reader, question, message);
    case QUESTION_REVERSE: return reverse(reader, question, message);
    case QUESTION_BATCHES: return list_batches(reader, question, message);
    case QUESTION_CONTACT: return read_contact(reader, question, message);
    case QUESTION_REVEAL: return reveal(reader, question, message);
    case QUESTION_KPIS: return read_kpis(reader, question, message);
    case QUESTION_FACTS: return read_facts(reader, question, message);
    case QUESTION_UPSERT: return load_rows(reader, question, message);
    case QUESTION_ROAD_REPORT: return report_road(reader, question, message);
    case QUESTION_ROAD_WITHDRAW: return withdraw_road(reader, question, message);
    case QUESTION_ROADS: return list_roads(reader, question, message);
    case QUESTION_SIGN_IN: return sign_in(reader, question, message);
    case QUESTION_ROUTE:
    case QUESTION_MATRIX:
    case QUESTION_NEAREST:
    case QUESTION_ISOCHRONE:
    case QUESTION_SNAPSHOT:
    case QUESTION_EXPLAIN:
    case QUESTION_BOOKS:
    case QUESTION_PREVIEW: break;
    }
    UNREACHABLE("not a question for the reader");
    return STATUS_INTERNAL;
}

/* What holds health data or names is read as the caller's own database role: a check forgotten above is made below. */
static bool reads_personal_data(enum question_kind kind)
{
    return kind == QUESTION_ORDER || kind == QUESTION_ORDERS || kind == QUESTION_CLAIM || kind == QUESTION_CLAIMS || kind == QUESTION_BENEFITS || kind == QUESTION_CONTACT ||
           kind == QUESTION_REVEAL;
}

static enum status answer(struct reader_thread *reader, const struct question *question, struct message *message)
{
    bool scoped = question->scoped && reads_personal_data(question->kind);
    if (scoped) TRY(store_scope_enter(reader->store, question->city, question->credential, &message->error));
    enum status rc = answer_unscoped(reader, question, message);
    if (scoped) store_scope_leave(reader->store);
    return rc;
}

void *reader_run(void *context)
{
    struct engine *engine = context;
    struct reader_thread reader = {engine, engine_store_open(engine, STORE_ROLE_APP), clock_boot_us()};
    while (reader.store) {
        look_after_roads(&reader);
        struct question *question = mailbox_take(engine->to_reader);
        if (!question) {
            if (atomic_load(&engine->stopping)) break;
            mailbox_wait(engine->to_reader, TICK_MS);
            continue;
        }
        struct message *message = message_new(MESSAGE_ANSWER, question->ticket);
        message->question = question->kind;
        if (question->kind == QUESTION_CONTACT) message->order.id = question->order;
        enum status rc = question_still_asked(question, &message->error);
        if (rc == STATUS_OK) rc = answer(&reader, question, message);
        if (rc == STATUS_OK && question->audit) rc = note_access(&reader, question, message);
        ASSERT(rc == STATUS_OK || message->error.status == rc);
        question_free(question);
        engine_tell(engine, message);
    }
    store_close(reader.store);
    return NULL;
}
