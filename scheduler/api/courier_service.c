/* CourierService: shifts, positions, offers, stop events, and the stream that tells a courier what to do next.
 * What a courier sees of an order is here and nowhere else: from acceptance to the end, a masked name and an address, never a drug or a test. */
#include "internal.h"

#include <string.h>

enum { SHIFT_MS_MAX = 16 * 3600 * 1000 };

static enum status shift_cause(const char *source, const char *key, const ProtobufCMessage *message, uint64_t courier, struct cause *cause, struct error *err)
{
    char who[24];
    text_format(who, sizeof who, "%llu", (unsigned long long)courier);
    return check_cause(source, key, message, "courier", who, cause, err);
}

static enum status on_start_shift(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__StartShiftRequest *request = (const void *)message;
    struct command command = {.kind = COMMAND_SHIFT_START};
    TRY(check_city(api, request->city_id, err));
    TRY(check_id(request->courier_id, "courier_id", err));
    TRY(shift_cause(request->source, request->idempotency_key, message, request->courier_id, &command.cause, err));
    TRY(check_place(api, request->at, "at", &command.shift.at, err));
    int64_t now_ms = clock_now_ms();
    if (request->ends_ms <= now_ms || request->ends_ms > now_ms + SHIFT_MS_MAX)
        return error_field(err, "ends_ms", "must lie within the next 16 hours (now is %lld)", (long long)now_ms);
    const struct catalog *catalog = engine_catalog_ref(api->engine);
    const struct courier *courier = catalog_courier(catalog, (struct courier_id){request->courier_id});
    if (courier) command.shift.courier = *courier;
    engine_catalog_unref(api->engine, catalog);
    if (!courier) {
        error_set(err, STATUS_NOT_FOUND, "courier %llu is not in the catalogue; load it with CatalogService.UpsertCouriers", (unsigned long long)request->courier_id);
        return error_reason(err, "UNKNOWN_COURIER");
    }
    if (!command.shift.courier.active) return error_set(err, STATUS_FAILED_PRECONDITION, "courier %llu is inactive", (unsigned long long)request->courier_id);
    command.courier.v = request->courier_id;
    command.shift.ends_ms = request->ends_ms;
    wait->courier = command.courier;
    wait->source_ms = request->ends_ms;
    return api_command(api, wait, &command, err);
}

static enum status on_end_shift(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__EndShiftRequest *request = (const void *)message;
    struct command command = {.kind = COMMAND_SHIFT_END};
    TRY(check_city(api, request->city_id, err));
    TRY(check_id(request->courier_id, "courier_id", err));
    TRY(shift_cause(request->source, request->idempotency_key, message, request->courier_id, &command.cause, err));
    command.courier.v = request->courier_id;
    return api_command(api, wait, &command, err);
}

static enum status on_answer_offer(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__AnswerOfferRequest *request = (const void *)message;
    struct command command = {.kind = COMMAND_ANSWER};
    TRY(check_city(api, request->city_id, err));
    TRY(check_id(request->courier_id, "courier_id", err));
    TRY(check_id(request->order_id, "order_id", err));
    TRY(check_text(request->reason, "reason", 0, REASON_TEXT_MAX - 1, err));
    TRY(shift_cause(request->source, request->idempotency_key, message, request->courier_id, &command.cause, err));
    command.courier.v = request->courier_id;
    command.order.v = request->order_id;
    command.answer.accept = request->accept;
    text_copy(command.answer.reason, sizeof command.answer.reason, request->reason);
    return api_command(api, wait, &command, err);
}

static enum status stop_event_fields(const Meddispatch__V1__RecordStopEventRequest *request, struct command *command, struct error *err)
{
    static_assert((int)STOP_EVENT_RETURNED == (int)MEDDISPATCH__V1__STOP_EVENT__STOP_EVENT_RETURNED, "the contract's numbers are the model's");
    static_assert((int)FAIL_OTHER == (int)MEDDISPATCH__V1__FAIL_REASON__FAIL_REASON_OTHER, "the contract's numbers are the model's");
    TRY(check_range((int64_t)request->event, "event", STOP_EVENT_ARRIVED, STOP_EVENT_COUNT - 1, err));
    TRY(check_range((int64_t)request->fail_reason, "fail_reason", 0, FAIL_REASON_COUNT - 1, err));
    TRY(check_text(request->reason, "reason", 0, REASON_TEXT_MAX - 1, err));
    TRY(check_code(request->code, "code", false, err));
    TRY(check_text(request->proof_reference, "proof_reference", 0, KEY_TEXT_MAX - 1, err));
    TRY(check_range(request->temperature_mdegc, "temperature_mdegc", -100000, 100000, err));
    TRY(check_range(request->at_ms, "at_ms", 0, clock_now_ms() + 60000, err));
    if (request->event == MEDDISPATCH__V1__STOP_EVENT__STOP_EVENT_FAILED && request->fail_reason == MEDDISPATCH__V1__FAIL_REASON__FAIL_REASON_UNSPECIFIED)
        return error_field(err, "fail_reason", "is required with STOP_EVENT_FAILED");
    command->stop.event = (enum stop_event)request->event;
    command->stop.fail = (enum fail_reason)request->fail_reason;
    command->stop.lab.v = request->lab_id;
    command->stop.temperature_mdegc = request->temperature_mdegc;
    command->stop.recipient_checked = request->recipient_checked;
    text_copy(command->stop.code, sizeof command->stop.code, request->code);
    text_copy(command->stop.proof, sizeof command->stop.proof, request->proof_reference);
    text_copy(command->stop.reason, sizeof command->stop.reason, request->reason);
    command->cause.source_ms = request->at_ms;
    return STATUS_OK;
}

static enum status on_stop_event(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__RecordStopEventRequest *request = (const void *)message;
    struct command command = {.kind = COMMAND_STOP_EVENT};
    TRY(check_city(api, request->city_id, err));
    TRY(check_id(request->order_id, "order_id", err));
    if (request->courier_id == 0 && request->lab_id == 0) return error_field(err, "courier_id", "is required, or lab_id for a laboratory's own events");
    char who[24];
    text_format(who, sizeof who, "%llu", (unsigned long long)(request->courier_id ? request->courier_id : request->lab_id));
    TRY(check_cause(request->source, request->idempotency_key, message, request->courier_id ? "courier" : "lab", who, &command.cause, err));
    TRY(stop_event_fields(request, &command, err));
    command.order.v = request->order_id;
    command.courier.v = request->courier_id;
    command.expected_version = request->expected_version;
    return api_command(api, wait, &command, err);
}

void courier_on_decided(struct wait *wait, struct rpc_call *call, const struct message *message)
{
    struct arena *arena = arena_new(1u << 20);
    if (wait->kind == WAIT_SHIFT_START) {
        Meddispatch__V1__StartShiftResponse response = MEDDISPATCH__V1__START_SHIFT_RESPONSE__INIT;
        response.started_ms = message->at_ms;
        response.ends_ms = wait->source_ms;
        response.repeated = message->repeated;
        method_reply(call, &response.base);
    } else if (wait->kind == WAIT_SHIFT_END) {
        Meddispatch__V1__EndShiftResponse response = MEDDISPATCH__V1__END_SHIFT_RESPONSE__INIT;
        response.ended_ms = message->at_ms;
        response.repeated = message->repeated;
        method_reply(call, &response.base);
    } else if (wait->kind == WAIT_ANSWER) {
        Meddispatch__V1__AnswerOfferResponse response = MEDDISPATCH__V1__ANSWER_OFFER_RESPONSE__INIT;
        response.order = view_state(arena, &message->order, message->repeated);
        method_reply(call, &response.base);
    } else {
        Meddispatch__V1__RecordStopEventResponse response = MEDDISPATCH__V1__RECORD_STOP_EVENT_RESPONSE__INIT;
        response.order = view_state(arena, &message->order, message->repeated);
        method_reply(call, &response.base);
    }
    arena_free(arena);
}

/* ---- positions ---- */

enum { POSITIONS_PER_MESSAGE = 1000, POSITIONS_CHUNK = 64 };

static enum status on_positions(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__ReportPositionsRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    TRY(check_range((int64_t)request->n_positions, "positions", 1, POSITIONS_PER_MESSAGE, err));
    struct command chunk[POSITIONS_CHUNK];
    uint32_t count = 0;
    for (size_t i = 0; i < request->n_positions; i++) {
        const Meddispatch__V1__Position *position = request->positions[i];
        struct command *command = &chunk[count];
        *command = (struct command){.kind = COMMAND_POSITION, .city = engine_city(api->engine), .courier = {position->courier_id}};
        bool foreign = wait->caller.role == ROLE_COURIER && position->courier_id != wait->caller.courier.v;
        if (foreign || check_id(position->courier_id, "courier_id", NULL) != STATUS_OK || check_point(position->at, "at", &command->position.at, NULL) != STATUS_OK) {
            wait->refused++;
            continue;
        }
        command->position.at_ms = position->at_ms;
        command->position.heading_deg = (uint16_t)(position->heading_deg % 360);
        command->position.speed_dmps = (uint16_t)(position->speed_dmps > 1000 ? 1000 : position->speed_dmps);
        if (++count == POSITIONS_CHUNK) {
            wait->taken += engine_positions(api->engine, chunk, count);
            count = 0;
        }
    }
    if (count) wait->taken += engine_positions(api->engine, chunk, count);
    return STATUS_OK;
}

void courier_on_half_close(struct wait *wait, struct rpc_call *call)
{
    Meddispatch__V1__ReportPositionsResponse response = MEDDISPATCH__V1__REPORT_POSITIONS_RESPONSE__INIT;
    response.accepted = wait->taken;
    response.refused = wait->refused;
    rpc_call_set_data(call, NULL);
    method_reply(call, &response.base);
    wait_end(wait);
}

/* ---- contacts: read once when a courier takes an order, kept while somebody watches, dropped when it ends ---- */

static struct contact *contact_slot(struct api *api, struct order_id order)
{
    uint32_t mask = CONTACTS_MAX * 2;
    uint32_t at = (uint32_t)(hash_u64(order.v) % mask);
    while (api->contacts[at].order.v && api->contacts[at].order.v != order.v) at = (at + 1) % mask;
    return &api->contacts[at];
}

/* Forget all when half the table is used: contacts are read again on demand. Simple, bounded, and rare. */
static void contacts_make_room(struct api *api)
{
    if (api->contact_count < CONTACTS_MAX) return;
    memset(api->contacts, 0, CONTACTS_MAX * 2 * sizeof *api->contacts);
    api->contact_count = 0;
}

/* What a courier is told of an address is read for him: another's reading of it does not count in the access log. */
static const struct recipient *contact_of(struct api *api, const struct wait *wait, struct order_id order)
{
    struct contact *contact = contact_slot(api, order);
    if (contact->order.v && contact->reader.v == wait->courier.v) return contact->known ? &contact->recipient : NULL;
    struct question *question = question_new(QUESTION_CONTACT, 0);
    question->city = engine_city(api->engine);
    question->order = order;
    access_ask_as(&wait->caller, question);
    if (!engine_ask(api->engine, question)) {
        question_free(question); /* asked again with the next route */
        return NULL;
    }
    if (!contact->order.v) contacts_make_room(api);
    contact = contact_slot(api, order);
    if (!contact->order.v) api->contact_count++;
    *contact = (struct contact){.order = order, .reader = wait->courier};
    return NULL;
}

/* "王**": the first character stays. */
static void mask_name(const char *name, char *out, size_t capacity)
{
    size_t first = 1;
    while ((name[first] & 0xc0) == 0x80) first++;
    char head[8] = {0};
    memcpy(head, name, first < sizeof head ? first : 0);
    text_format(out, capacity, "%s**", head);
}

/* ---- the route stream ---- */

static bool shows_delivery(enum order_phase phase)
{
    return phase >= ORDER_ACCEPTED && !order_phase_is_terminal(phase) && phase != ORDER_LAB_ACCEPTED && phase != ORDER_RETURNING;
}

static Meddispatch__V1__Delivery *delivery_message(const struct wait *wait, struct arena *arena, const struct board_order *order)
{
    const struct recipient *recipient = contact_of(wait->api, wait, order->id);
    if (!recipient) return NULL;
    Meddispatch__V1__Delivery *out = view_alloc(arena, 1, sizeof *out);
    meddispatch__v1__delivery__init(out);
    char masked[NAME_TEXT_MAX];
    mask_name(recipient->name, masked, sizeof masked);
    out->order_id = order->id.v;
    out->masked_name = view_text(arena, masked);
    out->relay_phone = view_text(arena, recipient->phone);
    out->address = view_text(arena, recipient->address);
    out->goods = view_text(arena, order->kind == ORDER_KIND_TEST ? "test kit" : order->cold ? "medicine, cold" : "medicine");
    out->code_required = order->code_required;
    return out;
}

static enum status send_route(struct wait *wait, struct rpc_call *call, const struct view *view, const struct board_courier *courier)
{
    struct arena *arena = arena_new(4u << 20);
    Meddispatch__V1__WatchRouteResponse response = MEDDISPATCH__V1__WATCH_ROUTE_RESPONSE__INIT;
    response.route_version = courier->route_version;
    response.on_shift = courier->on_shift;
    response.now_ms = clock_now_ms();
    response.stops = view_alloc(arena, courier->stop_count, sizeof *response.stops);
    for (uint32_t i = 0; i < courier->stop_count; i++)
        if (courier->stops[i].told) response.stops[response.n_stops++] = view_stop(arena, &courier->stops[i]);
    response.offers = view_alloc(arena, view->order_count, sizeof *response.offers);
    response.deliveries = view_alloc(arena, view->order_count, sizeof *response.deliveries);
    for (uint32_t i = 0; i < view->order_count; i++) {
        const struct board_order *order = &view->orders[i];
        if (order->courier.v != wait->courier.v) continue;
        if (order->phase == ORDER_ASSIGNED) {
            Meddispatch__V1__Offer *offer = response.offers[response.n_offers++] = view_alloc(arena, 1, sizeof *offer);
            meddispatch__v1__offer__init(offer);
            offer->order_id = order->id.v;
            offer->answer_by_ms = order->offer_answer_by_ms;
            offer->pickup = view_point(arena, order->pickup);
            offer->home = view_point(arena, order->home);
        } else if (shows_delivery(order->phase)) {
            Meddispatch__V1__Delivery *delivery = delivery_message(wait, arena, order);
            if (delivery) response.deliveries[response.n_deliveries++] = delivery;
        }
    }
    enum status rc = method_send(call, &response.base);
    arena_free(arena);
    return rc;
}

/* A slow app misses routes in between, never the last: it is asked for again when its queue has drained. */
static void ask_snapshot(struct api *api, struct wait *wait)
{
    if (wait->asked) return;
    struct question *question = question_new(QUESTION_SNAPSHOT, 0);
    question->courier = wait->courier;
    struct error err;
    if (api_ask(api, wait, question, &err) != STATUS_OK) wait->synced = false; /* the next publication tries again */
}

static enum status on_watch_route(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__WatchRouteRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    TRY(check_id(request->courier_id, "courier_id", err));
    if (wait->listed) return error_set(err, STATUS_INVALID_ARGUMENT, "one request opens the stream");
    if (api->watcher_count >= WATCHERS_MAX) return error_set(err, STATUS_RESOURCE_EXHAUSTED, "at most %d watchers at once", WATCHERS_MAX);
    wait->courier.v = request->courier_id;
    watch_add(api, &api->route_watchers, wait);
    ask_snapshot(api, wait);
    return STATUS_OK;
}

void courier_on_answer(struct wait *wait, struct rpc_call *call, const struct message *message)
{
    wait->synced = true;
    if (rpc_call_queued_bytes(call) > WATCH_QUEUE_BYTES) return;
    struct board_courier nobody = {.id = wait->courier};
    const struct board_courier *courier = message->view->courier_count ? &message->view->couriers[0] : &nobody;
    if (send_route(wait, call, message->view, courier) == STATUS_OK) wait->seq = message->view->seq_last;
}

/* The publication tells that something of this courier changed; the snapshot that follows has all of its orders. */
void courier_on_published(struct api *api, struct view *view)
{
    if (view->fact_count == 0) return;
    for (struct wait *wait = api->route_watchers, *next; wait; wait = next) {
        next = wait->next;
        bool touched = !wait->synced;
        for (uint32_t i = 0; i < view->courier_count && !touched; i++) touched = view->couriers[i].id.v == wait->courier.v;
        for (uint32_t i = 0; i < view->order_count && !touched; i++) touched = view->orders[i].courier.v == wait->courier.v;
        for (uint32_t i = 0; i < view->fact_count && !touched; i++) touched = view->facts[i].courier.v == wait->courier.v;
        if (touched) ask_snapshot(api, wait);
    }
}

void courier_on_contact(struct api *api, const struct message *message)
{
    struct contact *contact = contact_slot(api, message->order.id);
    if (contact->order.v != message->order.id.v || contact->known) return;
    if (message->error.status != STATUS_OK || !message->recipient) return;
    contact->recipient = *message->recipient;
    contact->known = true;
    for (struct wait *wait = api->route_watchers; wait; wait = wait->next)
        if (message->order.courier.v == 0 || wait->courier.v == message->order.courier.v) ask_snapshot(api, wait);
}

const struct method COURIER_METHODS[] = {
    {"/meddispatch.v1.CourierService/StartShift", RPC_UNARY, WAIT_SHIFT_START, &meddispatch__v1__start_shift_request__descriptor, on_start_shift, 0},
    {"/meddispatch.v1.CourierService/EndShift", RPC_UNARY, WAIT_SHIFT_END, &meddispatch__v1__end_shift_request__descriptor, on_end_shift, 0},
    {"/meddispatch.v1.CourierService/AnswerOffer", RPC_UNARY, WAIT_ANSWER, &meddispatch__v1__answer_offer_request__descriptor, on_answer_offer, 0},
    {"/meddispatch.v1.CourierService/RecordStopEvent", RPC_UNARY, WAIT_STOP_EVENT, &meddispatch__v1__record_stop_event_request__descriptor, on_stop_event, 0},
    {"/meddispatch.v1.CourierService/ReportPositions", RPC_CLIENT_STREAM, WAIT_POSITIONS, &meddispatch__v1__report_positions_request__descriptor, on_positions, 0},
    {"/meddispatch.v1.CourierService/WatchRoute", RPC_SERVER_STREAM, WAIT_COURIER, &meddispatch__v1__watch_route_request__descriptor, on_watch_route, 0},
};
const uint32_t COURIER_METHOD_COUNT = COUNT_OF(COURIER_METHODS);
