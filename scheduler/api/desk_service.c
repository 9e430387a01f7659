/* What a dispatcher's desk asks of BoardService besides the board itself: names of places, what a reassignment would change, whom an order goes to (logged),
 * the figures of a span of time, and the past as facts. */
#include "access.h"
#include "internal.h"

#include <string.h>

enum { REPLAY_PAGE_FACTS = 500 };
static const int64_t SPAN_MAX_MS = INT64_C(31) * 24 * 3600 * 1000, REPLAY_MAX_MS = INT64_C(24) * 3600 * 1000;

/* ---- names ---- */

static Meddispatch__V1__NamedFacility *facility_message(struct arena *arena, const struct facility *facility)
{
    Meddispatch__V1__NamedFacility *out = view_alloc(arena, 1, sizeof *out);
    meddispatch__v1__named_facility__init(out);
    out->facility_id = facility->id.v;
    out->kind = (Meddispatch__V1__FacilityKind)facility->kind;
    out->name = view_text(arena, facility->name);
    out->at = view_point(arena, facility->at);
    out->inactive = !facility->active;
    return out;
}

static Meddispatch__V1__NamedCourier *courier_message(struct arena *arena, const struct courier *courier)
{
    Meddispatch__V1__NamedCourier *out = view_alloc(arena, 1, sizeof *out);
    meddispatch__v1__named_courier__init(out);
    out->courier_id = courier->id.v;
    out->name = view_text(arena, courier->name);
    out->cold_chain = courier->skills & BIT(SKILL_COLD_CHAIN);
    out->sampling = courier->skills & BIT(SKILL_SAMPLING);
    out->volume_ml = courier->volume_ml_max;
    out->cold_ml = courier->cold_ml_max;
    out->inactive = !courier->active;
    return out;
}

/* Answered at once from the catalogue in memory. */
static enum status on_places(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    const Meddispatch__V1__ListPlacesRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    const struct catalog *catalog = engine_catalog_ref(api->engine);
    struct arena *arena = arena_new(256u << 20);
    Meddispatch__V1__ListPlacesResponse response = MEDDISPATCH__V1__LIST_PLACES_RESPONSE__INIT;
    response.utc_offset_s = catalog->utc_offset_s;
    response.n_facilities = catalog->facility_count;
    response.facilities = view_alloc(arena, catalog->facility_count, sizeof *response.facilities);
    for (uint32_t i = 0; i < catalog->facility_count; i++) response.facilities[i] = facility_message(arena, &catalog->facilities[i]);
    response.n_couriers = catalog->courier_count;
    response.couriers = view_alloc(arena, catalog->courier_count, sizeof *response.couriers);
    for (uint32_t i = 0; i < catalog->courier_count; i++) response.couriers[i] = courier_message(arena, &catalog->couriers[i]);
    rpc_call_set_data(call, NULL);
    method_reply(call, &response.base);
    wait_end(wait);
    arena_free(arena);
    engine_catalog_unref(api->engine, catalog);
    return STATUS_OK;
}

/* ---- trying a reassignment ---- */

static enum status on_preview(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__PreviewReassignRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    TRY(check_id(request->order_id, "order_id", err));
    struct question *question = question_new(QUESTION_PREVIEW, 0);
    question->order.v = request->order_id;
    question->courier.v = request->to_courier_id;
    return api_ask(api, wait, question, err);
}

static void send_preview(struct rpc_call *call, const struct message *message)
{
    struct arena *arena = arena_new(4u << 20);
    const struct preview *preview = message->preview;
    Meddispatch__V1__PreviewReassignResponse response = MEDDISPATCH__V1__PREVIEW_REASSIGN_RESPONSE__INIT;
    response.order = view_state(arena, &message->order, false);
    response.rule = view_text(arena, preview->rule);
    response.text = view_text(arena, preview->text);
    response.n_orders = preview->order_count;
    response.orders = view_alloc(arena, preview->order_count, sizeof *response.orders);
    for (uint32_t i = 0; i < preview->order_count; i++) {
        Meddispatch__V1__PreviewOrder *out = response.orders[i] = view_alloc(arena, 1, sizeof *out);
        meddispatch__v1__preview_order__init(out);
        out->order_id = preview->orders[i].order.v;
        out->promise_ms = preview->orders[i].promise_ms;
        out->done_before_ms = preview->orders[i].before_ms;
        out->done_after_ms = preview->orders[i].after_ms;
    }
    response.n_couriers = preview->courier_count;
    response.couriers = view_alloc(arena, preview->courier_count, sizeof *response.couriers);
    for (uint32_t i = 0; i < preview->courier_count; i++) {
        Meddispatch__V1__PreviewCourier *out = response.couriers[i] = view_alloc(arena, 1, sizeof *out);
        const struct preview_courier *from = &preview->couriers[i];
        meddispatch__v1__preview_courier__init(out);
        out->courier_id = from->courier.v;
        out->travel_before_s = from->before_s;
        out->travel_after_s = from->after_s;
        out->travel_before_m = from->before_m;
        out->travel_after_m = from->after_m;
        out->stops_before = from->stops_before;
        out->stops_after = from->stops_after;
    }
    method_reply(call, &response.base);
    arena_free(arena);
}

/* ---- names of people ---- */

static enum status on_reveal(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__RevealRecipientRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    TRY(check_id(request->order_id, "order_id", err));
    TRY(check_code(request->dispatcher, "dispatcher", true, err));
    TRY(check_text(request->reason, "reason", 1, REASON_TEXT_MAX - 1, err));
    struct question *question = question_new(QUESTION_REVEAL, 0);
    question->order.v = request->order_id;
    if (wait->caller.role != ROLE_NONE) access_actor(&wait->caller, question->cause.actor, sizeof question->cause.actor); /* known, whatever he calls himself */
    else text_format(question->cause.actor, sizeof question->cause.actor, "dispatcher:%s", request->dispatcher);
    text_copy(question->reason, sizeof question->reason, request->reason);
    return api_ask(api, wait, question, err);
}

static void send_recipient(struct rpc_call *call, const struct message *message)
{
    struct arena *arena = arena_new(64u << 10);
    Meddispatch__V1__RevealRecipientResponse response = MEDDISPATCH__V1__REVEAL_RECIPIENT_RESPONSE__INIT;
    response.name = view_text(arena, message->recipient->name);
    response.phone = view_text(arena, message->recipient->phone);
    response.address = view_text(arena, message->recipient->address);
    method_reply(call, &response.base);
    arena_free(arena);
}

/* ---- figures ---- */

static enum status check_span(int64_t from_ms, int64_t to_ms, int64_t most_ms, struct error *err)
{
    TRY(check_range(from_ms, "from_ms", 1, INT64_MAX / 2, err));
    if (to_ms <= from_ms) return error_field(err, "to_ms", "must lie after from_ms");
    if (to_ms - from_ms > most_ms) return error_field(err, "to_ms", "may lie at most %d hours after from_ms", (int)(most_ms / 3600000));
    return STATUS_OK;
}

static enum status on_kpis(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__GetKpisRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    TRY(check_span(request->from_ms, request->to_ms, SPAN_MAX_MS, err));
    struct question *question = question_new(QUESTION_KPIS, 0);
    question->at_ms = request->from_ms;
    question->until_ms = request->to_ms;
    return api_ask(api, wait, question, err);
}

static void send_kpis(struct rpc_call *call, const struct kpis_view *kpis)
{
    Meddispatch__V1__GetKpisResponse response = MEDDISPATCH__V1__GET_KPIS_RESPONSE__INIT;
    response.orders_total = kpis->total;
    response.orders_delivered = kpis->delivered;
    response.orders_failed = kpis->failed;
    response.orders_refused = kpis->refused;
    response.orders_cancelled = kpis->cancelled;
    response.orders_within_promise = kpis->within_promise;
    response.orders_within_3h = kpis->within_3h;
    response.couriers_used = kpis->couriers;
    response.mean_s = kpis->mean_s;
    response.p50_s = kpis->p50_s;
    response.p90_s = kpis->p90_s;
    response.p99_s = kpis->p99_s;
    method_reply(call, &response.base);
}

/* ---- the past ---- */

static enum status ask_page(struct api *api, struct wait *wait, int64_t from_ms, struct error *err)
{
    struct question *question = question_new(QUESTION_FACTS, 0);
    question->after = wait->seq;
    question->at_ms = from_ms; /* of the first page only */
    question->limit = REPLAY_PAGE_FACTS;
    return api_ask(api, wait, question, err);
}

static enum status on_replay(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__ReplayRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    TRY(check_span(request->from_ms, request->to_ms, REPLAY_MAX_MS, err));
    if (wait->asked) return error_set(err, STATUS_INVALID_ARGUMENT, "one request opens the stream");
    wait->source_ms = request->to_ms;
    return ask_page(api, wait, request->from_ms, err);
}

/* A page of facts up to the end asked for; the next page when there is more. False: the stream is over. */
static bool send_page(struct wait *wait, struct rpc_call *call, const struct message *message, struct error *err)
{
    struct arena *arena = arena_new(64u << 20);
    Meddispatch__V1__ReplayResponse response = MEDDISPATCH__V1__REPLAY_RESPONSE__INIT;
    response.facts = view_alloc(arena, message->fact_count, sizeof *response.facts);
    bool more = message->fact_count == REPLAY_PAGE_FACTS;
    for (uint32_t i = 0; i < message->fact_count; i++) {
        const struct fact *fact = &message->facts[i];
        if (fact->at_ms >= wait->source_ms) {
            more = false;
            break;
        }
        response.facts[response.n_facts++] = view_fact(arena, fact);
        wait->seq = fact->seq;
    }
    enum status rc = response.n_facts ? method_send(call, &response.base) : STATUS_OK;
    arena_free(arena);
    if (rc != STATUS_OK) error_set(err, rc, "too slow: ask again for a shorter span");
    else if (more && rpc_call_queued_bytes(call) > WATCH_QUEUE_BYTES) wait->more = true; /* the next page when this reader has room */
    else if (more) rc = ask_page(wait->api, wait, 0, err);
    return rc == STATUS_OK && more;
}

void desk_on_writable(struct wait *wait, struct rpc_call *call)
{
    struct error err;
    if (!wait->more || wait->asked) return;
    wait->more = false;
    if (ask_page(wait->api, wait, 0, &err) != STATUS_OK) call_end(call, &err);
}

void desk_on_answer(struct wait *wait, struct rpc_call *call, const struct message *message)
{
    if (wait->kind == WAIT_PREVIEW) send_preview(call, message);
    else if (wait->kind == WAIT_REVEAL) send_recipient(call, message);
    else if (wait->kind == WAIT_KPIS) send_kpis(call, message->kpis);
    else {
        struct error err = {.status = STATUS_OK};
        if (send_page(wait, call, message, &err)) return;
        call_end(call, &err);
    }
}

const struct method DESK_METHODS[] = {
    {"/meddispatch.v1.BoardService/ListPlaces", RPC_UNARY, WAIT_PLACES, &meddispatch__v1__list_places_request__descriptor, on_places, 0},
    {"/meddispatch.v1.BoardService/PreviewReassign", RPC_UNARY, WAIT_PREVIEW, &meddispatch__v1__preview_reassign_request__descriptor, on_preview, 0},
    {"/meddispatch.v1.BoardService/RevealRecipient", RPC_UNARY, WAIT_REVEAL, &meddispatch__v1__reveal_recipient_request__descriptor, on_reveal, 0},
    {"/meddispatch.v1.BoardService/GetKpis", RPC_UNARY, WAIT_KPIS, &meddispatch__v1__get_kpis_request__descriptor, on_kpis, 0},
    {"/meddispatch.v1.BoardService/Replay", RPC_SERVER_STREAM, WAIT_REPLAY, &meddispatch__v1__replay_request__descriptor, on_replay, 0},
};
const uint32_t DESK_METHOD_COUNT = COUNT_OF(DESK_METHODS);
