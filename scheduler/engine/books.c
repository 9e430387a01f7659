/* The threads of the books. One does the jobs of settlement, one after another, each on a connection of its own that is closed with it, because the city's settlement
 * lock is held until then. The other makes files to be downloaded, which moves nothing and must not wait for a night's work. */
#include "internal.h"

#include <stdlib.h>

static const char *const VERBS[BOOKS_VERB_COUNT] = {NULL, "close", "prepare", "approve", "batch", "file", "import", "reconcile"};

const char *books_verb_name(enum books_verb verb)
{
    ASSERT(verb > 0 && verb < BOOKS_VERB_COUNT);
    return VERBS[verb];
}

static bool is_lookup(enum books_verb verb)
{
    return verb == BOOKS_FILE || verb == BOOKS_BATCH;
}

struct mailbox *books_mailbox(struct engine *engine, const struct books_ask *ask)
{
    return is_lookup(ask->verb) ? engine->to_files : engine->to_books;
}

void engine_books_progress(struct engine *engine, struct books_progress *out)
{
    pthread_mutex_lock(&engine->gauges_lock);
    *out = engine->books_now;
    pthread_mutex_unlock(&engine->gauges_lock);
    out->waiting = mailbox_depth(engine->to_books);
}

static void set_progress(struct engine *engine, const struct books_progress *now)
{
    pthread_mutex_lock(&engine->gauges_lock);
    engine->books_now = *now;
    pthread_mutex_unlock(&engine->gauges_lock);
}

static void on_progress(void *context, const char *step, size_t done, size_t of)
{
    struct engine *engine = context;
    pthread_mutex_lock(&engine->gauges_lock);
    text_copy(engine->books_now.step, sizeof engine->books_now.step, step);
    engine->books_now.done = done;
    engine->books_now.of = of;
    pthread_mutex_unlock(&engine->gauges_lock);
}

/* A user who may not take the role is no fault of the caller's, and no reason to end the daemon. */
static enum status open_store(struct engine *engine, enum books_verb verb, struct store **out, struct error *err)
{
    enum status rc = store_open(engine->books_db, is_lookup(verb) ? STORE_ROLE_READER : STORE_ROLE_SETTLEMENT, out, err);
    if (rc == STATUS_OK) return rc;
    error_context(err, "the books' database: ");
    err->status = STATUS_UNAVAILABLE;
    err->retry_ms = 1000;
    return STATUS_UNAVAILABLE;
}

static enum status work(struct engine *engine, struct books_ask *ask, struct books_answer *out, struct error *err)
{
    struct store *store = NULL;
    if (!engine->options.books) return error_set(err, STATUS_UNIMPLEMENTED, "this daemon keeps no books");
    TRY(open_store(engine, ask->verb, &store, err));
    int64_t began_us = clock_boot_us();
    enum status rc = engine->options.books(engine->options.books_context, store, ask, out, err);
    store_close(store);
    log_info("event=books verb=%s day=%d status=%s ms=%lld", books_verb_name(ask->verb), ask->day, status_name(rc), (long long)(clock_boot_us() - began_us) / 1000);
    return rc;
}

static void one_question(struct engine *engine, struct question *question)
{
    struct books_ask *ask = question->books;
    struct message *message = message_new(MESSAGE_ANSWER, question->ticket);
    message->question = question->kind;
    message->books = mem_zalloc(1, sizeof *message->books);
    enum status rc = question_still_asked(question, &message->error);
    if (rc == STATUS_OK && !is_lookup(ask->verb)) {
        struct books_progress now = {.verb = ask->verb, .day = ask->day, .began_ms = clock_now_ms()};
        text_copy(now.actor, sizeof now.actor, ask->actor);
        set_progress(engine, &now);
        ask->on_progress = on_progress;
        ask->progress = engine;
    }
    if (rc == STATUS_OK) rc = work(engine, ask, message->books, &message->error);
    ASSERT(rc == STATUS_OK || message->error.status == rc);
    if (!is_lookup(ask->verb)) set_progress(engine, &(struct books_progress){.step = ""});
    question_free(question);
    engine_tell(engine, message);
}

static void *serve(struct engine *engine, struct mailbox *mailbox)
{
    while (!atomic_load(&engine->stopping)) {
        struct question *question = mailbox_take(mailbox);
        if (question) one_question(engine, question);
        else mailbox_wait(mailbox, TICK_MS);
    }
    return NULL;
}

void *books_run(void *context)
{
    struct engine *engine = context;
    return serve(engine, engine->to_books);
}

void *files_run(void *context)
{
    struct engine *engine = context;
    return serve(engine, engine->to_files);
}
