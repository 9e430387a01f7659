/* The intake thread: submissions in batches through one transaction each; answers after commit, accepted orders on to the core. */
#include "internal.h"

#include <stdlib.h>

struct intake {
    struct engine *engine;
    struct store *store;
    uint32_t count;
    struct submission *submissions;
    engine_ticket *tickets;
    struct intake_result *results;
};

/* An order that finds the core's mailbox full stays in the outbox, where the keeper finds it. */
static void hand_to_core(struct intake *intake)
{
    struct to_core *to_core = mem_zalloc(1, sizeof *to_core);
    to_core->commands = mem_zalloc(intake->count, sizeof *to_core->commands);
    to_core->orders = mem_zalloc(intake->count, sizeof *to_core->orders);
    for (uint32_t i = 0; i < intake->count; i++) {
        const struct intake_result *result = &intake->results[i];
        if (intake->submissions[i].quote || result->status != STATUS_OK || result->repeated || result->order.phase != ORDER_ADJUDICATED) continue;
        uint32_t at = to_core->count++;
        to_core->orders[at] = result->order;
        to_core->commands[at] = (struct command){.kind = COMMAND_ORDER_ACCEPTED, .city = result->order.city, .order = result->order.id};
        to_core->commands[at].accepted = &to_core->orders[at];
    }
    if (to_core->count == 0 || !core_post(intake->engine, to_core)) to_core_free(to_core);
}

static void answer(struct intake *intake, enum status rc, const struct error *err)
{
    for (uint32_t i = 0; i < intake->count; i++) {
        struct message *message = message_new(MESSAGE_SUBMITTED, intake->tickets[i]);
        if (rc != STATUS_OK) {
            message->error = *err;
        } else {
            message->result = intake->results[i];
            if (message->result.status != STATUS_OK) message->error = message->result.error;
            else if (message->result.order.phase == ORDER_REFUSED && !intake->submissions[i].quote) atomic_fetch_add(&intake->engine->refused, 1);
        }
        engine_tell(intake->engine, message);
    }
}

static void process(struct intake *intake)
{
    struct error err = {0};
    int64_t begun_us = clock_boot_us();
    enum status rc = store_intake(intake->store, intake->submissions, intake->count, clock_now_ms(), intake->results, &err);
    if (rc == STATUS_OK) hand_to_core(intake);
    tally_add(&intake->engine->intake_spans, ENGINE_SPAN_BOUNDS_US, (uint64_t)(clock_boot_us() - begun_us));
    tally_add(&intake->engine->intake_sizes, ENGINE_BATCH_BOUNDS, intake->count);
    answer(intake, rc, &err);
    atomic_fetch_add(&intake->engine->submitted, intake->count);
}

struct to_intake {
    engine_ticket ticket;
    struct submission submission;
};

bool engine_submit(struct engine *engine, const struct submission *submission, engine_ticket ticket)
{
    struct to_intake *message = mem_alloc(sizeof *message);
    message->ticket = ticket;
    message->submission = *submission;
    if (!atomic_load(&engine->stopping) && mailbox_post(engine->to_intake, message)) return true;
    free(message);
    return false;
}

/* Its call has ended while it stood in the line: the database hears nothing of it. */
static bool refuse_late(struct engine *engine, const struct to_intake *late)
{
    if (late->submission.give_up_us == 0 || clock_boot_us() < late->submission.give_up_us) return false;
    struct message *message = message_new(MESSAGE_SUBMITTED, late->ticket);
    error_set(&message->error, STATUS_DEADLINE_EXCEEDED, "the call's deadline passed before its turn came");
    engine_tell(engine, message);
    return true;
}

void *intake_run(void *context)
{
    struct engine *engine = context;
    struct intake intake = {.engine = engine, .store = engine_store_open(engine, STORE_ROLE_APP)};
    uint32_t most = engine->options.intake_batch;
    ASSERT(most > 0 && most <= STORE_INTAKE_MAX);
    intake.submissions = mem_zalloc(most, sizeof *intake.submissions);
    intake.tickets = mem_zalloc(most, sizeof *intake.tickets);
    intake.results = mem_zalloc(most, sizeof *intake.results);
    while (intake.store) {
        struct to_intake *message;
        intake.count = 0;
        while (intake.count < most && (message = mailbox_take(engine->to_intake)) != NULL) {
            if (!refuse_late(engine, message)) {
                intake.submissions[intake.count] = message->submission;
                intake.tickets[intake.count++] = message->ticket;
            }
            free(message);
        }
        if (intake.count) process(&intake);
        else if (atomic_load(&engine->stopping)) break;
        else mailbox_wait(engine->to_intake, TICK_MS);
    }
    store_close(intake.store);
    free(intake.submissions);
    free(intake.tickets);
    free(intake.results);
    return NULL;
}
