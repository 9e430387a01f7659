/* One tick: each command is decided in turn (or refused with what to mend), then time has its say. It must not know what travel costs. */
#include "world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct fact fact_begin(const struct tick *tick, enum fact_kind kind, const struct world_order *order, struct courier_id courier)
{
    struct fact fact;
    memset(&fact, 0, sizeof fact);
    fact.kind = kind;
    fact.city = tick->world->options.city;
    fact.at_ms = tick->now_ms;
    fact.courier = courier;
    if (order) {
        fact.order = order->order.id;
        fact.order_version = order->version + 1;
        fact.phase = order->order.phase;
    }
    if (tick->command) fact.cause = tick->command->cause;
    return fact;
}

void fact_tell(struct tick *tick, const struct fact *fact)
{
    struct fact_list *list = tick->facts;
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 64;
        list->facts = mem_realloc(list->facts, list->capacity, sizeof *list->facts);
    }
    list->facts[list->count] = *fact;
    list->facts[list->count].seq = tick->world->seq + 1;
    world_apply(tick->world, &list->facts[list->count]);
    list->count++;
}

void *fact_memory(struct tick *tick, size_t size)
{
    void *memory = arena_alloc(tick->facts->arena, size ? size : 1);
    ASSERT(memory); /* DISPATCH_COMMANDS_MAX orders and WORLD_COURIERS_MAX routes fit far below the arena's cap */
    return memory;
}

void plan_wanted(struct world *world, int64_t at_ms)
{
    if (at_ms < world->plan_due_ms) world->plan_due_ms = at_ms;
}

static bool is_of_tenant(const struct world_order *order, const struct tenant *tenant)
{
    if (tenant->pharmacy.v && order->order.pharmacy.v != tenant->pharmacy.v) return false;
    if (!tenant->lab.v || order->lab_id.v == tenant->lab.v) return true;
    for (uint32_t i = 0; i < order->order.lab_count; i++)
        if (order->order.labs[i].facility.v == tenant->lab.v) return true;
    return false;
}

enum status find_order(const struct tick *tick, struct world_order **out, struct error *err)
{
    *out = order_find(tick->world, tick->command->order);
    if (!*out || !is_of_tenant(*out, &tick->command->tenant)) {
        error_set(err, STATUS_NOT_FOUND, "order %" PRIu64 " is not in this city's world: it is unknown or ended more than %d h ago", tick->command->order.v, WORLD_KEEP_HOURS);
        return error_reason(err, "ORDER_UNKNOWN");
    }
    tick->decision->order = tick->command->order;
    uint32_t expected = tick->command->expected_version;
    if (expected && expected != (*out)->version) {
        error_set(err, STATUS_ABORTED, "order %" PRIu64 " is at version %" PRIu32 ", not %" PRIu32 ": read it again and decide anew", (*out)->order.id.v, (*out)->version, expected);
        return error_reason(err, "STALE_VERSION");
    }
    return STATUS_OK;
}

void unassign(struct tick *tick, struct world_order *order, enum fail_reason reason, const char *text)
{
    struct fact fact = fact_begin(tick, FACT_ORDER_UNASSIGNED, order, order->courier);
    if (fact.phase == ORDER_ASSIGNED || fact.phase == ORDER_ACCEPTED) fact.phase = ORDER_READY;
    fact.ended.reason = reason;
    (void)text_copy(fact.ended.text, sizeof fact.ended.text, text);
    fact_tell(tick, &fact);
}

void note_promise(struct tick *tick, const struct world_order *order)
{
    if (order->missed || !order->order.promise_ms || tick->now_ms <= order->order.promise_ms) return;
    if (!order_needs_courier(order) || order->order.phase == ORDER_RETURNING) return;
    struct fact fact = fact_begin(tick, FACT_PROMISE_MISSED, order, order->courier);
    fact.cause = (struct cause){0}; /* nobody asked for that */
    fact_tell(tick, &fact);
}

static enum status check_city(const struct tick *tick, struct error *err)
{
    if (tick->command->city.v == tick->world->options.city.v) return STATUS_OK;
    return error_set(err, STATUS_INVALID_ARGUMENT, "the command is for city %" PRIu32 ", this world is city %" PRIu32, tick->command->city.v, tick->world->options.city.v);
}

/* Twice in, once done. */
static enum status check_repeat(struct tick *tick, bool *answered, struct error *err)
{
    *answered = false;
    if (cause_key_is_none(&tick->command->cause)) return STATUS_OK;
    const struct key_entry *entry = keys_find(&tick->world->keys, tick->command->cause.key);
    if (!entry) return STATUS_OK;
    if (entry->request_hash != tick->command->cause.request_hash) {
        error_set(err, STATUS_ALREADY_EXISTS, "this idempotency key was used for another request: send a new key with a new request");
        return error_reason(err, "KEY_REUSED");
    }
    tick->decision->order = entry->order;
    tick->decision->courier = entry->courier;
    tick->decision->repeated = true;
    *answered = true;
    return STATUS_OK;
}

static enum status decide(struct tick *tick, struct error *err)
{
    bool answered;
    TRY(check_city(tick, err));
    TRY(check_repeat(tick, &answered, err));
    if (answered) return STATUS_OK;
    switch (tick->command->kind) {
    case COMMAND_ORDER_ACCEPTED:
    case COMMAND_APPROVE:
    case COMMAND_READY:
    case COMMAND_CANCEL: return decide_order(tick, err);
    case COMMAND_SHIFT_START:
    case COMMAND_SHIFT_END:
    case COMMAND_POSITION:
    case COMMAND_ANSWER: return decide_courier(tick, err);
    case COMMAND_STOP_EVENT: return decide_stop(tick, err);
    case COMMAND_REASSIGN:
    case COMMAND_PIN:
    case COMMAND_HOLD:
    case COMMAND_PRIORITIZE:
    case COMMAND_ACKNOWLEDGE: return decide_dispatcher(tick, err);
    case COMMAND_PLAN_READY: return decide_plan(tick, err);
    case COMMAND_NONE:
    case COMMAND_SUBMIT_PRESCRIPTION:
    case COMMAND_SUBMIT_TEST:
    case COMMAND_KIND_COUNT: break;
    }
    return error_set(err, STATUS_INVALID_ARGUMENT, "%s is not for dispatch", command_kind_name(tick->command->kind));
}

void dispatch_tick(struct world *world, int64_t now_ms, const struct command *commands, uint32_t count, struct fact_list *facts, struct decision *decisions)
{
    int64_t latest_ms = world_now_ms(world);
    if (now_ms < latest_ms) now_ms = latest_ms;
    world->now_ms = now_ms;
    if (!world->awake_ms) world->awake_ms = now_ms;
    for (uint32_t i = 0; i < count; i++) {
        struct decision *decision = &decisions[i];
        memset(decision, 0, sizeof *decision);
        decision->reply = commands[i].reply;
        decision->order = commands[i].order;
        decision->courier = commands[i].courier;
        decision->fact_first = facts->count;
        if (i >= DISPATCH_COMMANDS_MAX) {
            error_set(&decision->error, STATUS_RESOURCE_EXHAUSTED, "too many commands at once: send it again in a moment");
            decision->error.retry_ms = 200;
            continue;
        }
        struct tick tick = {.world = world, .now_ms = now_ms, .facts = facts, .command = &commands[i], .decision = decision};
        (void)decide(&tick, &decision->error);
        decision->fact_count = facts->count - decision->fact_first;
    }
    struct tick time = {.world = world, .now_ms = now_ms, .facts = facts};
    if (now_ms >= world->timer_ms) timers_run(&time);
}
