/* BoardService: the committed city as a snapshot, then numbered deltas; reassigning, pinning, holding; and why an order is where it is. */
#include "internal.h"

#include <string.h>

/* ---- commands ---- */

static enum status board_cause(const char *source, const char *key, const ProtobufCMessage *message, const char *dispatcher, const char *reason,
                               struct cause *cause, struct error *err)
{
    TRY(check_code(dispatcher, "dispatcher", true, err));
    TRY(check_text(reason, "reason", 1, REASON_TEXT_MAX - 1, err));
    return check_cause(source, key, message, "dispatcher", dispatcher, cause, err);
}

static enum status on_reassign(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__ReassignRequest *request = (const void *)message;
    struct command command = {.kind = COMMAND_REASSIGN};
    TRY(check_city(api, request->city_id, err));
    TRY(check_id(request->order_id, "order_id", err));
    TRY(board_cause(request->source, request->idempotency_key, message, request->dispatcher, request->reason, &command.cause, err));
    command.order.v = request->order_id;
    command.reassign.to.v = request->to_courier_id;
    command.expected_version = request->expected_version;
    text_copy(command.reassign.reason, sizeof command.reassign.reason, request->reason);
    return api_command(api, wait, &command, err);
}

static enum status on_pin(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__PinRequest *request = (const void *)message;
    struct command command = {.kind = COMMAND_PIN};
    TRY(check_city(api, request->city_id, err));
    TRY(check_id(request->order_id, "order_id", err));
    TRY(board_cause(request->source, request->idempotency_key, message, request->dispatcher, request->reason, &command.cause, err));
    command.order.v = request->order_id;
    command.flag.on = request->pinned;
    text_copy(command.flag.reason, sizeof command.flag.reason, request->reason);
    return api_command(api, wait, &command, err);
}

static enum status on_hold(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__HoldRequest *request = (const void *)message;
    struct command command = {.kind = COMMAND_HOLD};
    TRY(check_city(api, request->city_id, err));
    TRY(check_id(request->order_id, "order_id", err));
    TRY(board_cause(request->source, request->idempotency_key, message, request->dispatcher, request->reason, &command.cause, err));
    command.order.v = request->order_id;
    command.flag.on = request->held;
    text_copy(command.flag.reason, sizeof command.flag.reason, request->reason);
    return api_command(api, wait, &command, err);
}

static enum status on_prioritize(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__PrioritizeRequest *request = (const void *)message;
    struct command command = {.kind = COMMAND_PRIORITIZE};
    TRY(check_city(api, request->city_id, err));
    TRY(check_id(request->order_id, "order_id", err));
    TRY(check_range((int64_t)request->priority, "priority", PRIORITY_ROUTINE, PRIORITY_CRITICAL, err));
    TRY(board_cause(request->source, request->idempotency_key, message, request->dispatcher, request->reason, &command.cause, err));
    command.order.v = request->order_id;
    command.prioritize.priority = (enum priority)request->priority;
    command.expected_version = request->expected_version;
    text_copy(command.prioritize.reason, sizeof command.prioritize.reason, request->reason);
    return api_command(api, wait, &command, err);
}

static enum status check_alert(const char *name, enum alert_kind *out, struct error *err)
{
    for (uint32_t kind = 1; kind < ALERT_KIND_COUNT; kind++) {
        *out = (enum alert_kind)kind;
        if (strcmp(alert_kind_name(*out), name) == 0) return STATUS_OK;
    }
    return error_field(err, "alert", "must name an alert as the board does, such as READY_LATE");
}

static enum status on_acknowledge(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__AcknowledgeRequest *request = (const void *)message;
    struct command command = {.kind = COMMAND_ACKNOWLEDGE};
    TRY(check_city(api, request->city_id, err));
    TRY(check_id(request->order_id, "order_id", err));
    TRY(check_alert(request->alert, &command.acknowledge.kind, err));
    TRY(check_code(request->dispatcher, "dispatcher", true, err));
    TRY(check_cause(request->source, request->idempotency_key, message, "dispatcher", request->dispatcher, &command.cause, err));
    command.order.v = request->order_id;
    return api_command(api, wait, &command, err);
}

void board_on_decided(struct wait *wait, struct rpc_call *call, const struct message *message)
{
    struct arena *arena = arena_new(1u << 20);
    Meddispatch__V1__OrderState *state = view_state(arena, &message->order, message->repeated);
    if (wait->kind == WAIT_REASSIGN) {
        Meddispatch__V1__ReassignResponse response = MEDDISPATCH__V1__REASSIGN_RESPONSE__INIT;
        response.order = state;
        method_reply(call, &response.base);
    } else if (wait->kind == WAIT_PIN) {
        Meddispatch__V1__PinResponse response = MEDDISPATCH__V1__PIN_RESPONSE__INIT;
        response.order = state;
        method_reply(call, &response.base);
    } else if (wait->kind == WAIT_PRIORITIZE) {
        Meddispatch__V1__PrioritizeResponse response = MEDDISPATCH__V1__PRIORITIZE_RESPONSE__INIT;
        response.order = state;
        method_reply(call, &response.base);
    } else if (wait->kind == WAIT_ACKNOWLEDGE) {
        Meddispatch__V1__AcknowledgeResponse response = MEDDISPATCH__V1__ACKNOWLEDGE_RESPONSE__INIT;
        response.order = state;
        method_reply(call, &response.base);
    } else {
        Meddispatch__V1__HoldResponse response = MEDDISPATCH__V1__HOLD_RESPONSE__INIT;
        response.order = state;
        method_reply(call, &response.base);
    }
    arena_free(arena);
}

/* ---- the board ---- */

static Meddispatch__V1__BoardOrder *order_message(struct arena *arena, const struct board_order *order)
{
    Meddispatch__V1__BoardOrder *out = view_alloc(arena, 1, sizeof *out);
    meddispatch__v1__board_order__init(out);
    out->state = view_state(arena, order, false);
    out->kind = (Meddispatch__V1__OrderKind)order->kind;
    out->priority = (Meddispatch__V1__Priority)order->priority;
    out->pickup = view_point(arena, order->pickup);
    out->home = view_point(arena, order->home);
    out->pharmacy_id = order->pharmacy.v;
    out->accepted_ms = order->accepted_ms;
    out->ready_ms = order->ready_ms;
    out->slack_s = order->eta_ms ? (order->promise_ms - order->eta_ms) / 1000 : 0;
    out->unplanned_reason = view_text(arena, order->unplanned == UNPLANNED_NONE ? "" : unplanned_reason_name(order->unplanned));
    out->pinned = order->pinned;
    out->held = order->held;
    out->alerts = view_alloc(arena, ALERT_KIND_COUNT, sizeof *out->alerts);
    for (uint32_t kind = 1; kind < ALERT_KIND_COUNT; kind++)
        if (order->alerts & BIT(kind)) out->alerts[out->n_alerts++] = view_text(arena, alert_kind_name((enum alert_kind)kind));
    out->alerts_seen = view_alloc(arena, ALERT_KIND_COUNT, sizeof *out->alerts_seen);
    for (uint32_t kind = 1; kind < ALERT_KIND_COUNT; kind++)
        if (order->alerts & ALERT_SEEN_BIT(kind)) out->alerts_seen[out->n_alerts_seen++] = view_text(arena, alert_kind_name((enum alert_kind)kind));
    return out;
}

static Meddispatch__V1__BoardCourier *courier_message(struct arena *arena, const struct board_courier *courier)
{
    Meddispatch__V1__BoardCourier *out = view_alloc(arena, 1, sizeof *out);
    meddispatch__v1__board_courier__init(out);
    out->courier_id = courier->id.v;
    out->on_shift = courier->on_shift;
    out->at = view_point(arena, courier->at);
    out->position_ms = courier->position_ms;
    out->heading_deg = courier->heading_deg;
    out->route_version = courier->route_version;
    out->shift_ends_ms = courier->shift_ends_ms;
    out->n_stops = courier->stop_count;
    out->stops = view_alloc(arena, courier->stop_count, sizeof *out->stops);
    for (uint32_t i = 0; i < courier->stop_count; i++) out->stops[i] = view_stop(arena, &courier->stops[i]);
    return out;
}

static void fill(struct arena *arena, const struct view *view, size_t *order_count, Meddispatch__V1__BoardOrder ***orders, size_t *courier_count,
                 Meddispatch__V1__BoardCourier ***couriers)
{
    *orders = view_alloc(arena, view->order_count, sizeof **orders);
    for (uint32_t i = 0; i < view->order_count; i++) (*orders)[i] = order_message(arena, &view->orders[i]);
    *order_count = view->order_count;
    *couriers = view_alloc(arena, view->courier_count, sizeof **couriers);
    for (uint32_t i = 0; i < view->courier_count; i++) (*couriers)[i] = courier_message(arena, &view->couriers[i]);
    *courier_count = view->courier_count;
}

static void ask_snapshot(struct api *api, struct wait *wait)
{
    if (wait->asked) return;
    struct error err;
    /* a full queue leaves the watcher unsynced, and the next publication tries again */
    if (api_ask(api, wait, question_new(QUESTION_SNAPSHOT, 0), &err) != STATUS_OK) wait->synced = false;
}

static enum status on_watch_board(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__WatchBoardRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    if (wait->listed) return error_set(err, STATUS_INVALID_ARGUMENT, "one request opens the stream");
    if (api->watcher_count >= WATCHERS_MAX) return error_set(err, STATUS_RESOURCE_EXHAUSTED, "at most %d watchers at once", WATCHERS_MAX);
    watch_add(api, &api->board_watchers, wait);
    ask_snapshot(api, wait);
    return STATUS_OK;
}

static void send_snapshot(struct wait *wait, struct rpc_call *call, const struct view *view)
{
    struct arena *arena = arena_new(1u << 30);
    Meddispatch__V1__BoardSnapshot snapshot = MEDDISPATCH__V1__BOARD_SNAPSHOT__INIT;
    Meddispatch__V1__WatchBoardResponse response = MEDDISPATCH__V1__WATCH_BOARD_RESPONSE__INIT;
    snapshot.seq = view->seq_last;
    snapshot.now_ms = view->now_ms;
    fill(arena, view, &snapshot.n_orders, &snapshot.orders, &snapshot.n_couriers, &snapshot.couriers);
    response.what_case = MEDDISPATCH__V1__WATCH_BOARD_RESPONSE__WHAT_SNAPSHOT;
    response.snapshot = &snapshot;
    enum status rc = method_send(call, &response.base);
    arena_free(arena);
    wait->seq = view->seq_last;
    wait->synced = rc == STATUS_OK;
}

/* Facts and touched state, numbered. A reader whose queue is long is left alone until it has drained, and then gets a new snapshot. */
static void send_delta(struct wait *wait, struct rpc_call *call, const struct view *view)
{
    if (rpc_call_queued_bytes(call) > WATCH_QUEUE_BYTES || (view->fact_count && view->seq_first != wait->seq + 1)) {
        wait->synced = false;
        return;
    }
    struct arena *arena = arena_new(256u << 20);
    Meddispatch__V1__BoardDelta delta = MEDDISPATCH__V1__BOARD_DELTA__INIT;
    Meddispatch__V1__WatchBoardResponse response = MEDDISPATCH__V1__WATCH_BOARD_RESPONSE__INIT;
    delta.seq_first = view->fact_count ? view->seq_first : 0;
    delta.seq_last = view->fact_count ? view->seq_last : 0;
    delta.now_ms = view->now_ms;
    fill(arena, view, &delta.n_orders, &delta.orders, &delta.n_couriers, &delta.couriers);
    delta.n_facts = view->fact_count;
    delta.facts = view_alloc(arena, view->fact_count, sizeof *delta.facts);
    for (uint32_t i = 0; i < view->fact_count; i++) delta.facts[i] = view_fact(arena, &view->facts[i]);
    response.what_case = MEDDISPATCH__V1__WATCH_BOARD_RESPONSE__WHAT_DELTA;
    response.delta = &delta;
    if (method_send(call, &response.base) != STATUS_OK) wait->synced = false;
    else if (view->fact_count) wait->seq = view->seq_last;
    arena_free(arena);
}

void board_on_published(struct api *api, const struct view *view)
{
    for (struct wait *wait = api->board_watchers, *next; wait; wait = next) {
        next = wait->next;
        struct rpc_call *call = rpc_call_find(api->server, wait->ref);
        if (!call) continue;
        if (wait->synced && view->fact_count && view->seq_last <= wait->seq) continue; /* the snapshot has it */
        if (wait->synced) send_delta(wait, call, view);
        if (!wait->synced && rpc_call_queued_bytes(call) <= WATCH_QUEUE_BYTES / 2) ask_snapshot(api, wait);
    }
}

/* The time alone, so that whoever hears nothing knows that the stream is lost. A reader who lags has something to read already. */
void board_on_silence(struct api *api)
{
    for (struct wait *wait = api->board_watchers, *next; wait; wait = next) {
        next = wait->next;
        struct rpc_call *call = rpc_call_find(api->server, wait->ref);
        if (!call || rpc_call_queued_bytes(call) > 0) continue;
        if (!wait->synced) {
            ask_snapshot(api, wait);
            continue;
        }
        Meddispatch__V1__BoardDelta delta = MEDDISPATCH__V1__BOARD_DELTA__INIT;
        Meddispatch__V1__WatchBoardResponse response = MEDDISPATCH__V1__WATCH_BOARD_RESPONSE__INIT;
        delta.now_ms = clock_now_ms();
        response.what_case = MEDDISPATCH__V1__WATCH_BOARD_RESPONSE__WHAT_DELTA;
        response.delta = &delta;
        if (method_send(call, &response.base) != STATUS_OK) wait->synced = false;
    }
}

/* ---- explain ---- */

static enum status on_explain(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__ExplainRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    TRY(check_id(request->order_id, "order_id", err));
    struct question *question = question_new(QUESTION_EXPLAIN, 0);
    question->order.v = request->order_id;
    return api_ask(api, wait, question, err);
}

static Meddispatch__V1__ExplainCandidate *candidate_view(struct arena *arena, const struct explain_candidate *candidate)
{
    const struct { const char *term; int64_t cost; } terms[] = {{"late", candidate->terms.late}, {"waiting", candidate->terms.flow},  {"travel", candidate->terms.travel},
                                                                {"work", candidate->terms.work}, {"fairness", candidate->terms.fair}, {"changes", candidate->terms.change}};
    Meddispatch__V1__ExplainCandidate *out = view_alloc(arena, 1, sizeof *out);
    meddispatch__v1__explain_candidate__init(out);
    out->courier_id = candidate->courier.v;
    out->couriers = candidate->couriers;
    out->rule = view_text(arena, candidate->rule);
    out->text = view_text(arena, candidate->text);
    out->arrive_ms = candidate->done_ms;
    out->cost_ms = candidate->cost;
    out->terms = view_alloc(arena, COUNT_OF(terms), sizeof *out->terms);
    for (size_t i = 0; i < COUNT_OF(terms); i++) {
        if (terms[i].cost == 0) continue;
        Meddispatch__V1__CostTerm *term = out->terms[out->n_terms++] = view_alloc(arena, 1, sizeof *term);
        meddispatch__v1__cost_term__init(term);
        term->term = view_text(arena, terms[i].term);
        term->cost_ms = terms[i].cost;
    }
    return out;
}

static void send_explanation(struct rpc_call *call, const struct message *message)
{
    struct arena *arena = arena_new(4u << 20);
    const struct explanation *explanation = message->explanation;
    Meddispatch__V1__ExplainResponse response = MEDDISPATCH__V1__EXPLAIN_RESPONSE__INIT;
    response.order = view_state(arena, &message->order, false);
    response.summary = view_text(arena, explanation->summary);
    response.unplanned_reason = view_text(arena, explanation->reason == UNPLANNED_NONE ? "" : unplanned_reason_name(explanation->reason));
    response.n_candidates = explanation->candidate_count;
    response.candidates = view_alloc(arena, explanation->candidate_count, sizeof *response.candidates);
    for (uint32_t i = 0; i < explanation->candidate_count; i++) response.candidates[i] = candidate_view(arena, &explanation->candidates[i]);
    if (explanation->has_own) response.own = candidate_view(arena, &explanation->own);
    if (explanation->has_runner_up) response.runner_up = candidate_view(arena, &explanation->runner_up);
    const struct view *view = message->view;
    for (uint32_t c = 0; view && c < view->courier_count; c++) {
        response.stops = view_alloc(arena, view->couriers[c].stop_count, sizeof *response.stops);
        for (uint32_t i = 0; i < view->couriers[c].stop_count; i++)
            if (view->couriers[c].stops[i].plan.order.v == message->order.id.v) response.stops[response.n_stops++] = view_stop(arena, &view->couriers[c].stops[i]);
        break; /* one courier has the order */
    }
    method_reply(call, &response.base);
    arena_free(arena);
}

void board_on_answer(struct wait *wait, struct rpc_call *call, const struct message *message)
{
    if (wait->kind == WAIT_EXPLAIN) send_explanation(call, message);
    else send_snapshot(wait, call, message->view);
}

const struct method BOARD_METHODS[] = {
    {"/meddispatch.v1.BoardService/WatchBoard", RPC_SERVER_STREAM, WAIT_BOARD, &meddispatch__v1__watch_board_request__descriptor, on_watch_board, 0},
    {"/meddispatch.v1.BoardService/Reassign", RPC_UNARY, WAIT_REASSIGN, &meddispatch__v1__reassign_request__descriptor, on_reassign, 0},
    {"/meddispatch.v1.BoardService/Pin", RPC_UNARY, WAIT_PIN, &meddispatch__v1__pin_request__descriptor, on_pin, 0},
    {"/meddispatch.v1.BoardService/Hold", RPC_UNARY, WAIT_HOLD, &meddispatch__v1__hold_request__descriptor, on_hold, 0},
    {"/meddispatch.v1.BoardService/Prioritize", RPC_UNARY, WAIT_PRIORITIZE, &meddispatch__v1__prioritize_request__descriptor, on_prioritize, 0},
    {"/meddispatch.v1.BoardService/Acknowledge", RPC_UNARY, WAIT_ACKNOWLEDGE, &meddispatch__v1__acknowledge_request__descriptor, on_acknowledge, 0},
    {"/meddispatch.v1.BoardService/Explain", RPC_UNARY, WAIT_EXPLAIN, &meddispatch__v1__explain_request__descriptor, on_explain, 0},
};
const uint32_t BOARD_METHOD_COUNT = COUNT_OF(BOARD_METHODS);
