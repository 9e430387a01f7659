/* The writer thread: batches of facts through one transaction each, fenced by the city's epoch; then the committed world moves on, streams are
 * fed, and only then the askers are answered. It also answers questions about the committed world, so that a snapshot and the deltas after it
 * come through one mailbox in one order. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TAKEN_MAX = 1024 };

struct writer {
    struct engine *engine;
    struct store *store;
    struct to_writer *taken[TAKEN_MAX];
    uint32_t taken_count;
    struct fact *facts;              /* of all taken batches, in order */
    uint32_t fact_count, fact_capacity;
    struct to_writer *waiting;       /* taken, but belongs to the next round */
    uint64_t snapshot_seq;
};

/* ---- committing ---- */

/* After a lost COMMIT the stored sequence tells whether it happened: facts are dense, and nobody else writes under our epoch. */
static bool is_stored(struct writer *writer, uint64_t seq)
{
    uint64_t last = 0;
    struct error err;
    return store_facts_last(writer->store, writer->engine->options.city, &last, &err) == STATUS_OK && last >= seq;
}

/* True when these facts are in the database. A database that is away is waited for; anything else is the end: the world in memory and the one
 * in the database would part. */
static bool commit_part(struct writer *writer, const struct fact *facts, uint32_t count)
{
    struct engine *engine = writer->engine;
    int64_t begun_us = clock_boot_us();
    for (;;) {
        struct error err;
        enum status rc = store_facts_write(writer->store, engine->options.city, engine->epoch, facts, count, &err);
        if (rc == STATUS_OK || is_stored(writer, facts[count - 1].seq)) {
            atomic_store(&engine->commit_last_us, (uint32_t)(clock_boot_us() - begun_us));
            tally_add(&engine->commit_spans, ENGINE_SPAN_BOUNDS_US, (uint64_t)(clock_boot_us() - begun_us));
            tally_add(&engine->commit_sizes, ENGINE_BATCH_BOUNDS, count);
            atomic_fetch_add(&engine->commits, 1);
            return true;
        }
        bool patient = clock_boot_us() - begun_us < (int64_t)engine->options.commit_patience_s * 1000000;
        if (rc != STATUS_UNAVAILABLE || !patient) {
            engine_fatal(engine, "facts %llu..%llu cannot be committed: %s: %s", (unsigned long long)facts[0].seq,
                         (unsigned long long)facts[count - 1].seq, status_name(rc), err.text);
            return false;
        }
        log_warn("event=commit_waits status=%s text=\"%s\"", status_name(rc), err.text);
        usleep(COMMIT_RETRY_MS * 1000);
    }
}

/* One decision may make more facts than a transaction takes (a plan for a whole city): then several follow each other. */
static bool commit(struct writer *writer)
{
    for (uint32_t at = 0; at < writer->fact_count; at += STORE_FACTS_MAX) {
        uint32_t left = writer->fact_count - at;
        if (!commit_part(writer, writer->facts + at, left < STORE_FACTS_MAX ? left : STORE_FACTS_MAX)) return false;
    }
    return true;
}

static void publish(struct writer *writer, struct view *view)
{
    struct message *message = message_new(MESSAGE_PUBLISHED, 0);
    message->view = view;
    atomic_fetch_add(&writer->engine->published, 1);
    engine_tell(writer->engine, message);
}

static void answer_askers(struct writer *writer, const struct batch *batch)
{
    for (uint32_t i = 0; i < batch->answer_count; i++) {
        const struct answer *answer = &batch->answers[i];
        struct message *message = message_new(MESSAGE_DECIDED, answer->ticket);
        message->error = answer->error;
        message->repeated = answer->repeated;
        message->at_ms = batch->now_ms;
        if (answer->order.v) publish_order(writer->engine->committed, answer->order, &message->order);
        engine_tell(writer->engine, message);
    }
}

static void save_snapshot(struct writer *writer)
{
    struct engine *engine = writer->engine;
    struct buffer body;
    struct error err;
    uint64_t seq = world_seq(engine->committed);
    if (seq == writer->snapshot_seq) return;
    buffer_init(&body, STORE_SNAPSHOT_MAX);
    world_encode(engine->committed, &body);
    if (body.full) log_warn("event=snapshot_too_large");
    else if (store_snapshot_save(writer->store, engine->options.city, engine->epoch, seq, clock_now_ms(), &body, &err) != STATUS_OK)
        log_warn("event=snapshot_failed text=\"%s\"", err.text); /* the facts are there: a restart only takes longer */
    writer->snapshot_seq = seq;
    buffer_deinit(&body);
}

/* One transaction for all batches that are waiting: group commit. */
static bool write_batches(struct writer *writer)
{
    struct engine *engine = writer->engine;
    if (writer->fact_count && !commit(writer)) return false;
    for (uint32_t i = 0; i < writer->fact_count; i++) world_apply(engine->committed, &writer->facts[i]);
    if (writer->fact_count) {
        atomic_store(&engine->committed_seq, world_seq(engine->committed));
        publish(writer, publish_delta(engine, writer->facts, writer->fact_count, clock_now_ms()));
    }
    for (uint32_t i = 0; i < writer->taken_count; i++) answer_askers(writer, &writer->taken[i]->batch);
    if (world_seq(engine->committed) - writer->snapshot_seq >= SNAPSHOT_FACTS) save_snapshot(writer);
    return true;
}

/* ---- questions about the committed world ---- */

static void explain(struct writer *writer, struct question *question)
{
    struct engine *engine = writer->engine;
    struct to_router *to_router = mem_zalloc(1, sizeof *to_router);
    to_router->question = question;
    to_router->explain = dispatch_explain_request(engine->committed, clock_now_ms(), question->order);
    publish_order(engine->committed, question->order, &to_router->order);
    if (to_router->order.courier.v) to_router->view = publish_snapshot(engine, to_router->order.courier, clock_now_ms());
    if (to_router->explain && mailbox_post(engine->to_router, to_router)) return;
    struct message *message = message_new(MESSAGE_ANSWER, question->ticket);
    message->question = question->kind;
    if (!to_router->explain) {
        error_set(&message->error, STATUS_NOT_FOUND, "order %llu is not in the city's world: unknown, refused at intake, or ended more than %d hours ago",
                  (unsigned long long)question->order.v, WORLD_KEEP_HOURS);
    } else {
        error_set(&message->error, STATUS_RESOURCE_EXHAUSTED, "too many explanations at once; ask again in a moment");
        message->error.retry_ms = 250;
    }
    to_router_free(to_router);
    engine_tell(engine, message);
}

static void nearest(struct writer *writer, struct question *question)
{
    struct engine *engine = writer->engine;
    struct to_router *to_router = mem_zalloc(1, sizeof *to_router);
    to_router->question = question;
    to_router->couriers = publish_on_shift(engine, &to_router->courier_count);
    if (mailbox_post(engine->to_router, to_router)) return;
    struct message *message = message_new(MESSAGE_ANSWER, question->ticket);
    message->question = QUESTION_NEAREST;
    error_set(&message->error, STATUS_RESOURCE_EXHAUSTED, "too many questions about routes at once; ask again in a moment");
    message->error.retry_ms = 250;
    to_router_free(to_router);
    engine_tell(engine, message);
}

static void answer_question(struct writer *writer, struct to_writer *to_writer)
{
    struct question *question = to_writer->question;
    to_writer->question = NULL;
    if (question->kind == QUESTION_EXPLAIN || question->kind == QUESTION_PREVIEW) {
        explain(writer, question);
        return;
    }
    if (question->kind == QUESTION_NEAREST) {
        nearest(writer, question);
        return;
    }
    ASSERT(question->kind == QUESTION_SNAPSHOT);
    struct message *message = message_new(MESSAGE_ANSWER, question->ticket);
    message->question = QUESTION_SNAPSHOT;
    message->view = publish_snapshot(writer->engine, question->courier, clock_now_ms());
    question_free(question);
    engine_tell(writer->engine, message);
}

static void other(struct writer *writer, struct to_writer *message)
{
    if (message->kind == TO_WRITER_QUESTION) answer_question(writer, message);
    else if (message->kind == TO_WRITER_POSITIONS)
        publish(writer, publish_positions(writer->engine, message->positions, message->position_count, clock_now_ms()));
    to_writer_free(message);
}

/* ---- the thread ---- */

static void add_batch(struct writer *writer, struct to_writer *message)
{
    const struct fact_list *list = &message->batch.facts;
    if (writer->fact_count + list->count > writer->fact_capacity) {
        writer->fact_capacity = (writer->fact_count + list->count) * 2;
        writer->facts = mem_realloc(writer->facts, writer->fact_capacity, sizeof *writer->facts);
    }
    if (list->count) memcpy(writer->facts + writer->fact_count, list->facts, list->count * sizeof *writer->facts);
    writer->fact_count += list->count;
    writer->taken[writer->taken_count++] = message;
}

/* Take batches up to the round's size; the first thing that is no batch, or does not fit, waits for its turn. */
static void take(struct writer *writer)
{
    writer->taken_count = writer->fact_count = 0;
    for (;;) {
        struct to_writer *message = writer->waiting ? writer->waiting : mailbox_take(writer->engine->to_writer);
        writer->waiting = NULL;
        if (!message) return;
        bool fits = message->kind == TO_WRITER_BATCH && writer->taken_count < TAKEN_MAX &&
                    (writer->taken_count == 0 || writer->fact_count + message->batch.facts.count <= writer->engine->options.writer_batch);
        if (!fits) {
            writer->waiting = message;
            return;
        }
        add_batch(writer, message);
    }
}

static bool round_of_work(struct writer *writer)
{
    if (writer->waiting && writer->waiting->kind != TO_WRITER_BATCH) {
        struct to_writer *message = writer->waiting;
        writer->waiting = NULL;
        other(writer, message);
        return true;
    }
    take(writer);
    if (writer->taken_count == 0) return writer->waiting != NULL;
    bool written = write_batches(writer);
    for (uint32_t i = 0; i < writer->taken_count; i++) to_writer_free(writer->taken[i]);
    return written;
}

void *writer_run(void *context)
{
    struct engine *engine = context;
    struct writer *writer = mem_zalloc(1, sizeof *writer);
    writer->engine = engine;
    writer->store = engine_store_open(engine, STORE_ROLE_APP);
    writer->snapshot_seq = world_seq(engine->committed);
    while (writer->store && !atomic_load(&engine->fatal)) {
        bool done = atomic_load(&engine->core_done); /* read before looking: nothing comes after it */
        gauges_measure(engine);
        if (round_of_work(writer)) continue;
        if (done && !writer->waiting && mailbox_depth(engine->to_writer) == 0) break;
        mailbox_wait(engine->to_writer, TICK_MS);
    }
    if (writer->store && !atomic_load(&engine->fatal)) {
        struct error err;
        save_snapshot(writer);
        if (store_city_release(writer->store, engine->options.city, engine->epoch, &err) != STATUS_OK) log_warn("event=release_failed text=\"%s\"", err.text);
    }
    to_writer_free(writer->waiting);
    store_close(writer->store);
    free(writer->facts);
    free(writer);
    atomic_store(&engine->writer_done, true);
    return NULL;
}
