/* The core thread: owner of the city's world. Commands in, one tick, facts and answers on to the writer; it never waits for the database, only
 * (when the writer is far behind) for room in the writer's mailbox, which is how a slow database slows intake down instead of growing a queue. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct core {
    struct engine *engine;
    struct world *world;
    struct command commands[TICK_COMMANDS_MAX];
    struct decision decisions[TICK_COMMANDS_MAX];
    struct to_core *messages[TICK_COMMANDS_MAX];
    uint32_t command_count, message_count;
    struct to_core *waiting;          /* taken, but did not fit into this tick */
    struct command *positions;        /* of this publishing period, last value a courier */
    uint32_t position_count;
    int64_t positions_us;
};

bool core_post(struct engine *engine, struct to_core *message)
{
    return !atomic_load(&engine->core_done) && mailbox_post(engine->to_core, message);
}

bool engine_command(struct engine *engine, const struct command *command, engine_ticket ticket, int64_t give_up_us)
{
    if (atomic_load(&engine->stopping)) return false;
    struct to_core *message = mem_zalloc(1, sizeof *message);
    message->count = 1;
    message->give_up_us = give_up_us;
    message->commands = mem_alloc(sizeof *message->commands);
    message->commands[0] = *command;
    message->commands[0].reply = ticket;
    if (core_post(engine, message)) return true;
    to_core_free(message);
    return false;
}

bool engine_set_world(struct engine *engine, const struct world_options *options)
{
    struct to_core *message = mem_zalloc(1, sizeof *message);
    message->options = mem_alloc(sizeof *message->options);
    *message->options = *options;
    if (!atomic_load(&engine->stopping) && core_post(engine, message)) return true;
    to_core_free(message);
    return false;
}

uint32_t engine_positions(struct engine *engine, const struct command *positions, uint32_t count)
{
    ASSERT(count <= TICK_COMMANDS_MAX);
    struct to_core *message = mem_zalloc(1, sizeof *message);
    message->count = count;
    message->commands = mem_alloc(count * sizeof *positions);
    memcpy(message->commands, positions, count * sizeof *positions);
    if (!atomic_load(&engine->stopping) && core_post(engine, message)) return count;
    to_core_free(message);
    return 0;
}

/* ---- one turn: take, tick, hand on ---- */

/* A message is taken whole or waits for the next tick, so that its memory lives exactly as long as its commands are decided. */
static void take(struct core *core)
{
    core->command_count = core->message_count = 0;
    for (;;) {
        struct to_core *message = core->waiting ? core->waiting : mailbox_take(core->engine->to_core);
        core->waiting = NULL;
        if (!message) return;
        ASSERT(message->count <= TICK_COMMANDS_MAX);
        if (core->command_count + message->count > TICK_COMMANDS_MAX || core->message_count == TICK_COMMANDS_MAX) {
            core->waiting = message;
            return;
        }
        if (message->give_up_us != 0 && clock_boot_us() >= message->give_up_us) {
            to_core_free(message); /* its call has ended already */
            continue;
        }
        if (message->plan_lost) dispatch_plan_lost(core->world);
        if (message->plan_stale) dispatch_plan_stale(core->world);
        if (message->options) world_set_options(core->world, message->options);
        for (uint32_t i = 0; i < message->count; i++) core->commands[core->command_count++] = message->commands[i];
        core->messages[core->message_count++] = message;
    }
}

static void pause_ms(long ms)
{
    struct timespec span = {0, ms * 1000000};
    nanosleep(&span, NULL);
}

static void post_writer(struct engine *engine, struct to_writer *message)
{
    while (!mailbox_post(engine->to_writer, message)) {
        if (atomic_load(&engine->fatal)) {
            to_writer_free(message);
            return;
        }
        pause_ms(2);
    }
}

static void hand_on(struct core *core, struct fact_list *facts, int64_t now_ms)
{
    struct to_writer *message = mem_zalloc(1, sizeof *message);
    message->kind = TO_WRITER_BATCH;
    message->batch.facts = *facts;
    message->batch.now_ms = now_ms;
    message->batch.answers = mem_zalloc(core->command_count, sizeof *message->batch.answers);
    for (uint32_t i = 0; i < core->command_count; i++) {
        const struct decision *decision = &core->decisions[i];
        if (!decision->reply) continue;
        message->batch.answers[message->batch.answer_count++] =
            (struct answer){decision->reply, decision->error, decision->repeated, decision->order, decision->courier};
    }
    if (facts->count == 0 && message->batch.answer_count == 0) {
        to_writer_free(message);
        return;
    }
    post_writer(core->engine, message);
}

/* ---- positions: kept until the next publication, one a courier ---- */

static void keep_positions(struct core *core)
{
    for (uint32_t i = 0; i < core->command_count; i++) {
        const struct command *command = &core->commands[i];
        if (command->kind != COMMAND_POSITION || core->decisions[i].error.status != STATUS_OK) continue;
        uint32_t at = 0;
        while (at < core->position_count && core->positions[at].courier.v != command->courier.v) at++;
        if (at == TICK_COMMANDS_MAX) continue; /* more couriers than a publication holds: the others come with the next */
        if (at == core->position_count) core->position_count++;
        core->positions[at] = *command;
    }
}

static void publish_seen(struct core *core)
{
    if (core->position_count == 0 || clock_boot_us() - core->positions_us < POSITION_PUBLISH_MS * 1000) return;
    struct to_writer *message = mem_zalloc(1, sizeof *message);
    message->kind = TO_WRITER_POSITIONS;
    message->positions = mem_alloc(core->position_count * sizeof *message->positions);
    memcpy(message->positions, core->positions, core->position_count * sizeof *message->positions);
    message->position_count = core->position_count;
    core->position_count = 0;
    core->positions_us = clock_boot_us();
    if (!mailbox_post(core->engine->to_writer, message)) to_writer_free(message); /* the next position wins */
}

static void ask_planner(struct core *core, int64_t now_ms)
{
    if (atomic_load(&core->engine->stopping)) return;
    if (dispatch_plan_pressed(core->world, now_ms)) atomic_store(&core->engine->plan_pressed, true);
    if (!dispatch_needs_plan(core->world, now_ms)) return;
    struct plan_request *request = dispatch_plan_request(core->world, now_ms);
    atomic_store(&core->engine->plan_pressed, false);
    if (mailbox_post(core->engine->to_planner, request)) return;
    plan_request_free(request);
    dispatch_plan_lost(core->world);
}

static uint32_t idle_ms(const struct core *core)
{
    int64_t due_ms = dispatch_next_timer_ms(core->world), now_ms = clock_now_ms();
    if (due_ms <= now_ms) return 1;
    if (due_ms == INT64_MAX) return TICK_MS;
    int64_t real_ms = clock_real_delay_ms(due_ms - now_ms);
    return real_ms < TICK_MS ? (uint32_t)real_ms : TICK_MS;
}

static void turn(struct core *core)
{
    struct fact_list facts;
    int64_t now_ms = clock_now_ms();
    fact_list_init(&facts);
    dispatch_tick(core->world, now_ms, core->commands, core->command_count, &facts, core->decisions);
    atomic_fetch_add(&core->engine->commands, core->command_count);
    atomic_fetch_add(&core->engine->facts, facts.count);
    keep_positions(core);
    hand_on(core, &facts, now_ms);
    publish_seen(core);
    ask_planner(core, now_ms);
    for (uint32_t i = 0; i < core->message_count; i++) to_core_free(core->messages[i]);
}

void *core_run(void *context)
{
    struct engine *engine = context;
    struct core *core = mem_zalloc(1, sizeof *core);
    core->engine = engine;
    core->world = engine->world;
    core->positions = mem_zalloc(TICK_COMMANDS_MAX, sizeof *core->positions);
    while (!atomic_load(&engine->fatal)) {
        bool stopping = atomic_load(&engine->stopping); /* read before taking: what was posted before it was set is decided */
        take(core);
        turn(core);
        if (stopping && core->command_count == 0 && !core->waiting) break;
        if (!core->waiting) mailbox_wait(engine->to_core, idle_ms(core));
    }
    to_core_free(core->waiting);
    free(core->positions);
    free(core);
    atomic_store(&engine->core_done, true);
    return NULL;
}
