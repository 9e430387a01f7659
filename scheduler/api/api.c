/* The door's frame: binds methods to the server, makes a `wait` for each call, and brings what the engine says to the call that waits for it.
 * It knows no message of the contract; the service files do. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- waits and watchers ---- */

static void watch_remove(struct wait **list, struct wait *wait)
{
    if (wait->previous) wait->previous->next = wait->next;
    else *list = wait->next;
    if (wait->next) wait->next->previous = wait->previous;
    wait->next = wait->previous = NULL;
}

static struct wait **watch_list(struct api *api, enum wait_kind kind)
{
    if (kind == WAIT_ORDERS) return &api->order_watchers;
    if (kind == WAIT_COURIER) return &api->route_watchers;
    ASSERT(kind == WAIT_BOARD);
    return &api->board_watchers;
}

void watch_add(struct api *api, struct wait **list, struct wait *wait)
{
    ASSERT(!wait->listed);
    wait->next = *list;
    if (*list) (*list)->previous = wait;
    *list = wait;
    wait->listed = true;
    api->watcher_count++;
}

static struct wait *wait_new(struct api *api, const struct method *method, struct rpc_call *call)
{
    struct wait *wait = mem_zalloc(1, sizeof *wait);
    wait->kind = method->wait;
    wait->api = api;
    wait->method = method;
    wait->ref = rpc_call_ref(call);
    int64_t left_ms = rpc_call_deadline_ms(call);
    if (left_ms >= 0) wait->give_up_us = clock_boot_us() + (left_ms ? left_ms : 1) * 1000;
    return wait;
}

void wait_end(struct wait *wait)
{
    if (!wait) return;
    if (wait->listed) {
        watch_remove(watch_list(wait->api, wait->kind), wait);
        wait->api->watcher_count--;
    }
    view_unref(wait->route_view);
    transfer_free(wait->api, wait->transfer);
    free(wait->token);
    free(wait->problems);
    free(wait);
}

engine_ticket ticket_of(const struct wait *wait)
{
    return (engine_ticket)wait->ref.slot << 32 | wait->ref.generation;
}

static struct rpc_call *call_of_ticket(struct api *api, engine_ticket ticket)
{
    struct rpc_call_ref ref = {.slot = (uint32_t)(ticket >> 32), .generation = (uint32_t)ticket};
    return rpc_call_find(api->server, ref);
}

static enum status full(struct error *err, const char *what)
{
    error_set(err, STATUS_RESOURCE_EXHAUSTED, "%s is full just now; call again in a moment with the same idempotency key", what);
    if (err) err->retry_ms = 250;
    return error_reason(err, "QUEUE_FULL");
}

enum status api_submit(struct api *api, struct wait *wait, struct submission *submission, struct error *err)
{
    submission->order.city = submission->city;
    submission->give_up_us = wait->give_up_us;
    submission->quote = wait->kind == WAIT_QUOTE;
    return engine_submit(api->engine, submission, ticket_of(wait)) ? STATUS_OK : full(err, "intake");
}

enum status api_command(struct api *api, struct wait *wait, struct command *command, struct error *err)
{
    command->city = engine_city(api->engine);
    command->tenant = access_tenant(&wait->caller);
    return engine_command(api->engine, command, ticket_of(wait), wait->give_up_us) ? STATUS_OK : full(err, "the city's command queue");
}

enum status api_ask(struct api *api, struct wait *wait, struct question *question, struct error *err)
{
    question->ticket = ticket_of(wait);
    question->give_up_us = wait->give_up_us;
    question->city = engine_city(api->engine);
    question->audit = access_rule_of(wait->method->path)->audit;
    access_ask_as(&wait->caller, question);
    if (engine_ask(api->engine, question)) {
        wait->asked = true;
        return STATUS_OK;
    }
    question_free(question);
    return full(err, "the queue of questions");
}

/* ---- what the server tells ---- */

void call_end(struct rpc_call *call, const struct error *err)
{
    struct wait *wait = rpc_call_data(call);
    rpc_call_set_data(call, NULL);
    rpc_finish(call, err);
    wait_end(wait);
}

static void on_open(struct rpc_call *call, void *context)
{
    struct bound_method *bound = context;
    struct wait *wait = wait_new(bound->api, bound->method, call);
    struct error err;
    rpc_call_set_data(call, wait);
    if (access_admit(bound->api->access, bound->rule, call, &wait->caller, &err) != STATUS_OK) call_end(call, &err);
}

static void on_message(struct rpc_call *call, void *context, const uint8_t *bytes, size_t size)
{
    struct bound_method *bound = context;
    struct wait *wait = rpc_call_data(call);
    if (!wait) return; /* finished: the rest of a stream is not read */
    struct error err;
    struct arena *arena = NULL;
    ProtobufCMessage *request = NULL;
    enum status rc = method_unpack(bound->method->request, bytes, size, &arena, &request, &err);
    if (rc == STATUS_OK) rc = access_check_request(&wait->caller, request, &err);
    if (rc == STATUS_OK) rc = bound->method->on_request(bound->api, wait, call, request, &err);
    arena_free(arena);
    if (rc != STATUS_OK) call_end(call, &err);
}

static void on_half_close(struct rpc_call *call, void *context)
{
    (void)context;
    struct wait *wait = rpc_call_data(call);
    if (!wait) return;
    wait->half_closed = true;
    /* either may answer, and with the answer the wait is gone */
    if (wait->kind == WAIT_POSITIONS) courier_on_half_close(wait, call);
    else if (wait->kind == WAIT_UPSERT) catalog_on_half_close(wait, call);
    else if (wait->kind == WAIT_IMPORT) settlement_on_half_close(wait, call);
}

static void on_writable(struct rpc_call *call, void *context)
{
    (void)context;
    struct wait *wait = rpc_call_data(call);
    if (!wait) return;
    if (wait->kind == WAIT_DOWNLOAD) settlement_on_writable(wait, call);
    else if (wait->kind == WAIT_REPLAY) desk_on_writable(wait, call);
}

static void on_gone(struct rpc_call *call, void *context, enum status why)
{
    (void)context;
    (void)why;
    wait_end(rpc_call_data(call));
    rpc_call_set_data(call, NULL);
}

static const struct rpc_handler HANDLER = {.on_open = on_open, .on_message = on_message, .on_half_close = on_half_close, .on_writable = on_writable, .on_gone = on_gone};

/* ---- what the engine tells ---- */

static void dispatch_decided(struct wait *wait, struct rpc_call *call, const struct message *message)
{
    switch (wait->kind) {
    case WAIT_APPROVE: case WAIT_READY: case WAIT_CANCEL: order_on_decided(wait, call, message); break;
    case WAIT_SHIFT_START: case WAIT_SHIFT_END: case WAIT_ANSWER: case WAIT_STOP_EVENT: courier_on_decided(wait, call, message); break;
    case WAIT_REASSIGN: case WAIT_PIN: case WAIT_HOLD: case WAIT_PRIORITIZE: case WAIT_ACKNOWLEDGE: board_on_decided(wait, call, message); break;
    case WAIT_NONE: case WAIT_SUBMIT_PRESCRIPTION: case WAIT_SUBMIT_TEST: case WAIT_QUOTE: case WAIT_GET_ORDER: case WAIT_LIST_ORDERS: case WAIT_EXPLAIN:
    case WAIT_PLACES: case WAIT_PREVIEW: case WAIT_REVEAL: case WAIT_KPIS: case WAIT_REPLAY:
    case WAIT_GET_CLAIM: case WAIT_LIST_CLAIMS: case WAIT_BENEFITS: case WAIT_REVERSE: case WAIT_CLOSE_DAY: case WAIT_PREPARE: case WAIT_APPROVE_BATCH: case WAIT_BATCH:
    case WAIT_BATCHES: case WAIT_DOWNLOAD: case WAIT_IMPORT: case WAIT_RECONCILE: case WAIT_PROGRESS: case WAIT_UPSERT: case WAIT_ROAD_REPORT: case WAIT_ROAD_WITHDRAW: case WAIT_ROADS: case WAIT_SIGN_IN: case WAIT_WHO: case WAIT_ROUTE: case WAIT_MATRIX: case WAIT_NEAREST: case WAIT_ISOCHRONE: case WAIT_POSITIONS:
    case WAIT_ORDERS: case WAIT_COURIER: case WAIT_BOARD: UNREACHABLE("a call that sent no command got a decision");
    }
}

static void dispatch_answer(struct wait *wait, struct rpc_call *call, const struct message *message)
{
    wait->asked = false;
    switch (wait->kind) {
    case WAIT_GET_ORDER: case WAIT_LIST_ORDERS: order_on_answer(wait, call, message); break;
    case WAIT_ORDERS: order_stream_on_answer(wait, call, message); break;
    case WAIT_COURIER: courier_on_answer(wait, call, message); break;
    case WAIT_EXPLAIN: case WAIT_BOARD: board_on_answer(wait, call, message); break;
    case WAIT_PREVIEW: case WAIT_REVEAL: case WAIT_KPIS: case WAIT_REPLAY: desk_on_answer(wait, call, message); break;
    case WAIT_GET_CLAIM: case WAIT_LIST_CLAIMS: case WAIT_BENEFITS: case WAIT_REVERSE: claim_on_answer(wait, call, message); break;
    case WAIT_CLOSE_DAY: case WAIT_PREPARE: case WAIT_APPROVE_BATCH: case WAIT_BATCH: case WAIT_BATCHES: case WAIT_DOWNLOAD: case WAIT_IMPORT: case WAIT_RECONCILE:
        settlement_on_answer(wait, call, message);
        break;
    case WAIT_UPSERT: catalog_on_answer(wait, call, message); break;
    case WAIT_ROAD_REPORT: case WAIT_ROAD_WITHDRAW: case WAIT_ROADS: road_on_answer(wait, call, message); break;
    case WAIT_ROUTE: case WAIT_MATRIX: case WAIT_NEAREST: case WAIT_ISOCHRONE: routing_on_answer(wait, call, message); break;
    case WAIT_SIGN_IN: access_on_answer(wait, call, message); break;
    case WAIT_WHO: case WAIT_PROGRESS:
    case WAIT_NONE: case WAIT_SUBMIT_PRESCRIPTION: case WAIT_SUBMIT_TEST: case WAIT_QUOTE: case WAIT_APPROVE: case WAIT_READY: case WAIT_CANCEL: case WAIT_SHIFT_START:
    case WAIT_SHIFT_END: case WAIT_ANSWER: case WAIT_STOP_EVENT: case WAIT_REASSIGN: case WAIT_PIN: case WAIT_HOLD: case WAIT_PRIORITIZE: case WAIT_ACKNOWLEDGE: case WAIT_PLACES: case WAIT_POSITIONS:
        UNREACHABLE("a call that asked nothing got an answer");
    }
}

static bool is_unary(const struct wait *wait)
{
    return wait->method->kind == RPC_UNARY;
}

static void on_engine_message(struct api *api, const struct message *message)
{
    if (message->kind == MESSAGE_PUBLISHED) {
        order_stream_on_published(api, message->view);
        courier_on_published(api, message->view);
        board_on_published(api, message->view);
        return;
    }
    if (message->kind == MESSAGE_ANSWER && message->question == QUESTION_CONTACT) {
        courier_on_contact(api, message);
        return;
    }
    struct rpc_call *call = call_of_ticket(api, message->ticket);
    struct wait *wait = call ? rpc_call_data(call) : NULL;
    if (!wait) return; /* the caller has left; what was done stays done */
    if (message->error.status != STATUS_OK) {
        call_end(call, &message->error);
        return;
    }
    bool unary = is_unary(wait);
    switch (message->kind) {
    case MESSAGE_SUBMITTED: order_on_submitted(wait, call, message); break;
    case MESSAGE_DECIDED: dispatch_decided(wait, call, message); break;
    case MESSAGE_ANSWER: dispatch_answer(wait, call, message); break;
    case MESSAGE_PUBLISHED: break;
    }
    /* a unary handler has replied and thereby finished the call; what we kept goes with it */
    if (unary) {
        rpc_call_set_data(call, NULL);
        wait_end(wait);
    }
}

static void on_messages(struct mailbox *mailbox, void *context)
{
    struct api *api = context;
    struct message *message;
    while ((message = mailbox_take(mailbox)) != NULL) {
        on_engine_message(api, message);
        message_free(message);
    }
}

/* A stream outlives the moment it was admitted in: it ends when its credentials do. */
static void end_where_it_no_longer_holds(struct api *api, struct wait *first)
{
    for (struct wait *wait = first, *next; wait; wait = next) {
        next = wait->next;
        struct rpc_call *call = rpc_call_find(api->server, wait->ref);
        if (!call || access_still_holds(api->access, &wait->caller)) continue;
        struct error err;
        error_set(&err, STATUS_UNAUTHENTICATED, "the token has expired or was revoked");
        error_reason(&err, "CREDENTIALS");
        call_end(call, &err);
    }
}

static void on_holds(void *context)
{
    enum { HOLDS_EVERY_MS = 2000 };
    struct api *api = context;
    end_where_it_no_longer_holds(api, api->order_watchers);
    end_where_it_no_longer_holds(api, api->route_watchers);
    end_where_it_no_longer_holds(api, api->board_watchers);
    loop_timer_start(api->holds, HOLDS_EVERY_MS);
}

/* ---- start and stop ---- */

static void bind_methods(struct api *api)
{
    struct { const struct method *at; uint32_t count; } services[] = {
        {ACCESS_METHODS, ACCESS_METHOD_COUNT},
        {ORDER_METHODS, ORDER_METHOD_COUNT}, {COURIER_METHODS, COURIER_METHOD_COUNT}, {BOARD_METHODS, BOARD_METHOD_COUNT}, {DESK_METHODS, DESK_METHOD_COUNT}, {ROAD_METHODS, ROAD_METHOD_COUNT},
        {CLAIM_METHODS, CLAIM_METHOD_COUNT}, {SETTLEMENT_METHODS, SETTLEMENT_METHOD_COUNT}, {CATALOG_METHODS, CATALOG_METHOD_COUNT}, {ROUTING_METHODS, ROUTING_METHOD_COUNT},
    };
    uint32_t count = 0;
    for (size_t s = 0; s < COUNT_OF(services); s++) count += services[s].count;
    api->bound = mem_zalloc(count, sizeof *api->bound);
    api->methods = mem_zalloc(count, sizeof *api->methods);
    for (size_t s = 0; s < COUNT_OF(services); s++) {
        for (uint32_t i = 0; i < services[s].count; i++) {
            const struct method *method = &services[s].at[i];
            api->bound[api->method_count] = (struct bound_method){api, method, access_rule_of(method->path)};
            ASSERT(api->bound[api->method_count].rule); /* a method without a row in the table would be open to nobody, or to all */
            api->methods[api->method_count] = (struct rpc_method){
                .path = method->path,
                .kind = method->kind,
                .handler = &HANDLER,
                .context = &api->bound[api->method_count],
                .request_bytes_max = method->request_bytes_max ? method->request_bytes_max : api->request_bytes_max,
            };
            api->method_count++;
        }
    }
}

/* Health tells what the city's clock does, so that a caller can live in its time. */
static void on_health(struct rpc_call *call, void *context)
{
    (void)context;
    char text[32];
    text_format(text, sizeof text, "%lld", (long long)clock_now_ms());
    rpc_call_add_header(call, "meddispatch-time-ms", text, strlen(text));
    text_format(text, sizeof text, "%g", clock_speed());
    rpc_call_add_header(call, "meddispatch-clock-speed", text, strlen(text));
}

static void on_beat(void *context)
{
    struct api *api = context;
    board_on_silence(api);
    loop_timer_start(api->beat, BOARD_BEAT_MS);
}

static enum status api_serve(struct api *api, const struct api_options *wishes, struct error *err)
{
    struct rpc_options options = {.address = wishes->address, .tls = wishes->tls, .on_health = on_health, .health_context = api,
                                  .descriptors = proto_descriptors, .descriptors_size = proto_descriptors_size};
    TRY(rpc_server_new(api->loop, &options, api->methods, api->method_count, &api->server, err));
    text_copy(api->address, sizeof api->address, rpc_server_address(api->server));
    return STATUS_OK;
}

enum status api_reload_tls(struct api *api, const struct rpc_tls *tls, struct error *err)
{
    return rpc_server_reload_tls(api->server, tls, err);
}

void api_set_caller_limit(struct api *api, uint32_t calls_per_s)
{
    access_set_limit(api->access, calls_per_s);
}

enum status api_new(const struct api_options *options, struct api **out, struct error *err)
{
    struct api *api = mem_zalloc(1, sizeof *api);
    api->engine = options->engine;
    api->loop = options->loop;
    api->request_bytes_max = options->request_bytes_max;
    api->contacts = mem_zalloc(CONTACTS_MAX * 2, sizeof *api->contacts);
    api->access = access_new(api->engine, options->insecure, options->calls_per_s);
    bind_methods(api);
    enum status rc = api_serve(api, options, err);
    if (rc != STATUS_OK) {
        api_free(api);
        return rc;
    }
    loop_watch_mailbox(api->loop, engine_io_mailbox(api->engine), on_messages, api);
    api->holds = loop_timer_new(api->loop, on_holds, api);
    on_holds(api);
    api->beat = loop_timer_new(api->loop, on_beat, api);
    loop_timer_start(api->beat, BOARD_BEAT_MS);
    *out = api;
    return STATUS_OK;
}

const char *api_address(const struct api *api)
{
    return api->address;
}

struct rpc_server *api_calls(const struct api *api)
{
    return api->server;
}

void api_shutdown(struct api *api, uint32_t drain_ms, void (*on_done)(void *context), void *context)
{
    rpc_server_shutdown(api->server, drain_ms, on_done, context);
}

void api_free(struct api *api)
{
    if (!api) return;
    loop_timer_free(api->holds);
    loop_timer_free(api->beat);
    if (api->server) rpc_server_free(api->server);
    access_free(api->access);
    free(api->bound);
    free(api->methods);
    free(api->contacts);
    free(api);
}
