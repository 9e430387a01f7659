/* OrderService: orders come in, are approved, made ready, cancelled, read. A submission is resolved here into stops on the map (which pharmacy,
 * which depot, which laboratories and when they are open); whether the plan pays is for intake and claims. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum { PROMISE_S_MAX = 24 * 3600, NOT_AFTER_MS_MAX = 7 * 24 * 3600 * 1000 };

/* ---- submissions ---- */

static struct stop stop_at_facility(const struct catalog *catalog, const struct facility *facility, enum stop_kind kind, int64_t from_ms)
{
    struct stop stop = {.kind = kind, .facility = facility->id, .at = facility->at, .service_s = facility->service_s};
    if (!hours_next_open(facility->week, catalog->utc_offset_s, from_ms, &stop.open_ms, &stop.close_ms)) stop.open_ms = stop.close_ms = 0;
    return stop;
}

static enum status prescription_lines(const Meddispatch__V1__SubmitPrescriptionRequest *request, struct submission *out, struct error *err)
{
    if (request->n_lines == 0) return error_field(err, "lines", "at least one line is required");
    TRY(check_range((int64_t)request->n_lines, "lines", 1, ORDER_LINES_MAX, err));
    int64_t sum_fen = 0;
    for (size_t i = 0; i < request->n_lines; i++) {
        const Meddispatch__V1__OrderLine *line = request->lines[i];
        char field[ERROR_FIELD_MAX];
        text_format(field, sizeof field, "lines[%zu].product_code", i);
        TRY(check_code(line->product_code, field, true, err));
        text_format(field, sizeof field, "lines[%zu].quantity", i);
        TRY(check_range(line->quantity, field, 1, 999, err));
        text_format(field, sizeof field, "lines[%zu].price_fen", i);
        TRY(check_range(line->price_fen, field, 0, 10000000, err));
        text_format(field, sizeof field, "lines[%zu].days_supply", i);
        TRY(check_range(line->days_supply, field, 0, 84, err));
        text_format(field, sizeof field, "lines[%zu].override_code", i);
        TRY(check_code(line->override_code, field, false, err));
        struct order_line *to = &out->lines[out->line_count++];
        text_copy(to->product, sizeof to->product, line->product_code);
        text_copy(to->override_code, sizeof to->override_code, line->override_code);
        to->quantity = line->quantity;
        to->price_fen = line->price_fen;
        to->days_supply = line->days_supply;
        sum_fen += (int64_t)line->quantity * line->price_fen;
    }
    out->other_coverage_fen = request->other_coverage_fen;
    return check_range(request->other_coverage_fen, "other_coverage_fen", 0, sum_fen, err);
}

static enum status prescription_paper(const Meddispatch__V1__SubmitPrescriptionRequest *request, int64_t now_ms, struct prescription *out, struct error *err)
{
    TRY(check_code(request->prescription_number, "prescription_number", true, err));
    TRY(check_code(request->prescriber_code, "prescriber_code", true, err));
    TRY(check_code(request->diagnosis_code, "diagnosis_code", false, err));
    TRY(check_range(request->valid_days, "valid_days", 0, 3, err));
    if (request->issued_ms <= 0) return error_field(err, "issued_ms", "is required: when the prescription was issued, Unix ms");
    TRY(check_range(request->issued_ms, "issued_ms", 1, now_ms + 60000, err));
    text_copy(out->number, sizeof out->number, request->prescription_number);
    text_copy(out->prescriber, sizeof out->prescriber, request->prescriber_code);
    text_copy(out->diagnosis, sizeof out->diagnosis, request->diagnosis_code);
    out->issued_ms = request->issued_ms;
    out->valid_days = request->valid_days ? request->valid_days : 3;
    out->emergency = request->emergency;
    out->chronic = request->chronic;
    return STATUS_OK;
}

static enum status check_priority(Meddispatch__V1__Priority priority, enum priority *out, struct error *err)
{
    TRY(check_range((int64_t)priority, "priority", 0, PRIORITY_CRITICAL, err));
    *out = priority == MEDDISPATCH__V1__PRIORITY__PRIORITY_UNSPECIFIED ? PRIORITY_ROUTINE : (enum priority)priority;
    return STATUS_OK;
}

static enum status unknown_facility(struct error *err, const char *field, uint64_t id, const char *kind)
{
    error_set(err, STATUS_NOT_FOUND, "%s %llu is not an active %s of this city; load it with CatalogService.UpsertFacilities", field, (unsigned long long)id, kind);
    if (err) text_copy(err->field, sizeof err->field, field);
    return error_reason(err, "UNKNOWN_FACILITY");
}

static enum status resolve_prescription(const struct catalog *catalog, const Meddispatch__V1__SubmitPrescriptionRequest *request, int64_t now_ms,
                                        struct submission *out, struct error *err)
{
    const struct facility *pharmacy = catalog_facility(catalog, (struct facility_id){request->pharmacy_id});
    if (!pharmacy || pharmacy->kind != FACILITY_PHARMACY || !pharmacy->active) return unknown_facility(err, "pharmacy_id", request->pharmacy_id, "pharmacy");
    struct order *order = &out->order;
    order->kind = ORDER_KIND_PRESCRIPTION;
    order->pharmacy = pharmacy->id;
    order->first = stop_at_facility(catalog, pharmacy, STOP_PICKUP, now_ms);
    order->ready_ms = now_ms + (int64_t)pharmacy->prep_s * 1000; /* an estimate until the pharmacy says ready */
    order->needs_approval = true;
    order->home = (struct stop){.kind = STOP_HOME, .at = out->recipient.at};
    if (request->promise_s) order->promise_ms = now_ms + request->promise_s * 1000;
    return STATUS_OK;
}

static enum status on_submit_prescription(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__SubmitPrescriptionRequest *request = (const void *)message;
    struct submission submission = {.city = engine_city(api->engine)};
    int64_t now_ms = clock_now_ms();
    TRY(check_city(api, request->city_id, err));
    TRY(check_cause(request->source, request->idempotency_key, message, "source", request->source, &submission.cause, err));
    text_copy(submission.source, sizeof submission.source, request->source);
    TRY(check_code(request->member_code, "member_code", true, err));
    text_copy(submission.member, sizeof submission.member, request->member_code);
    TRY(check_id(request->pharmacy_id, "pharmacy_id", err));
    TRY(prescription_paper(request, now_ms, &submission.prescription, err));
    TRY(prescription_lines(request, &submission, err));
    TRY(check_recipient(api, request->recipient, &submission.recipient, err));
    TRY(check_priority(request->priority, &submission.order.priority, err));
    TRY(check_range(request->promise_s, "promise_s", 0, PROMISE_S_MAX, err));
    const struct catalog *catalog = engine_catalog_ref(api->engine);
    enum status rc = resolve_prescription(catalog, request, now_ms, &submission, err);
    engine_catalog_unref(api->engine, catalog);
    TRY(rc);
    return api_submit(api, wait, &submission, err);
}

/* ---- home tests ---- */

/* Equirectangular, in metres squared: good enough to rank facilities of one city; travel times decide later. */
static double rank_distance(struct point a, struct point b)
{
    double lat = (a.lat_e7 - b.lat_e7) * 0.011132, lon = (a.lon_e7 - b.lon_e7) * 0.011132 * 0.77;
    return lat * lat + lon * lon;
}

static bool lab_does(const struct catalog *catalog, uint32_t lab, const struct submission *submission)
{
    for (uint32_t i = 0; i < submission->line_count; i++) {
        const struct test *test = catalog_test(catalog, submission->lines[i].product);
        bool does = false;
        for (uint32_t k = 0; test && k < test->lab_count; k++) does = does || test->labs[k] == lab;
        if (!does) return false;
    }
    return true;
}

/* The nearest ORDER_LABS_MAX laboratories that do all the tests, nearest first. */
static void choose_labs(const struct catalog *catalog, struct submission *submission, int64_t now_ms)
{
    struct order *order = &submission->order;
    double rank[ORDER_LABS_MAX];
    uint32_t chosen[ORDER_LABS_MAX], count = 0;
    for (uint32_t i = 0; i < catalog->facility_count; i++) {
        const struct facility *lab = &catalog->facilities[i];
        if (lab->kind != FACILITY_LAB || !lab->active || !lab_does(catalog, i, submission)) continue;
        double distance = rank_distance(lab->at, order->home.at);
        uint32_t at = count < ORDER_LABS_MAX ? count++ : ORDER_LABS_MAX;
        if (at == ORDER_LABS_MAX) {
            if (distance >= rank[ORDER_LABS_MAX - 1]) continue;
            at = ORDER_LABS_MAX - 1;
        }
        for (; at > 0 && rank[at - 1] > distance; at--) {
            rank[at] = rank[at - 1];
            chosen[at] = chosen[at - 1];
        }
        rank[at] = distance;
        chosen[at] = i;
    }
    for (uint32_t i = 0; i < count; i++) order->labs[i] = stop_at_facility(catalog, &catalog->facilities[chosen[i]], STOP_LAB, now_ms);
    order->lab_count = count;
}

static const struct facility *choose_depot(const struct catalog *catalog, uint64_t wanted, struct point home)
{
    const struct facility *best = NULL;
    for (uint32_t i = 0; i < catalog->facility_count; i++) {
        const struct facility *depot = &catalog->facilities[i];
        if (depot->kind != FACILITY_DEPOT || !depot->active || (wanted && depot->id.v != wanted)) continue;
        if (!best || rank_distance(depot->at, home) < rank_distance(best->at, home)) best = depot;
    }
    return best;
}

static enum status resolve_test(const struct catalog *catalog, const Meddispatch__V1__SubmitTestOrderRequest *request, int64_t now_ms, struct submission *out,
                                struct error *err)
{
    struct order *order = &out->order;
    order->kind = ORDER_KIND_TEST;
    for (uint32_t i = 0; i < out->line_count; i++) {
        const struct test *test = catalog_test(catalog, out->lines[i].product);
        if (!test) {
            char field[ERROR_FIELD_MAX];
            text_format(field, sizeof field, "tests[%u].test_code", i);
            error_set(err, STATUS_NOT_FOUND, "test %s is not in the catalogue", out->lines[i].product);
            if (err) text_copy(err->field, sizeof err->field, field);
            return error_reason(err, "UNKNOWN_TEST");
        }
        if ((test->benefit == BENEFIT_CHECKUP) != (request->checkup != 0))
            return error_field(err, "checkup", "a check-up and tests are separate orders: a claim has one benefit");
    }
    order->home = (struct stop){.kind = STOP_HOME, .at = out->recipient.at, .open_ms = request->not_before_ms, .close_ms = request->not_after_ms};
    choose_labs(catalog, out, now_ms);
    if (order->lab_count == 0) {
        error_set(err, STATUS_FAILED_PRECONDITION, "no laboratory of this city does all of these tests; order them apart, or load laboratories");
        return error_reason(err, "NO_LAB");
    }
    const struct facility *depot = choose_depot(catalog, request->depot_id, order->home.at);
    if (!depot) return unknown_facility(err, "depot_id", request->depot_id, "depot");
    order->first = stop_at_facility(catalog, depot, STOP_KIT, now_ms);
    return STATUS_OK;
}

static enum status test_lines(const Meddispatch__V1__SubmitTestOrderRequest *request, struct submission *out, struct error *err)
{
    if (request->n_tests == 0) return error_field(err, "tests", "at least one test is required");
    TRY(check_range((int64_t)request->n_tests, "tests", 1, ORDER_LINES_MAX, err));
    int64_t sum_fen = 0;
    for (size_t i = 0; i < request->n_tests; i++) {
        char field[ERROR_FIELD_MAX];
        text_format(field, sizeof field, "tests[%zu].test_code", i);
        TRY(check_code(request->tests[i]->test_code, field, true, err));
        text_format(field, sizeof field, "tests[%zu].price_fen", i);
        TRY(check_range(request->tests[i]->price_fen, field, 0, 10000000, err));
        text_format(field, sizeof field, "tests[%zu].override_code", i);
        TRY(check_code(request->tests[i]->override_code, field, false, err));
        struct order_line *to = &out->lines[out->line_count++];
        text_copy(to->product, sizeof to->product, request->tests[i]->test_code);
        text_copy(to->override_code, sizeof to->override_code, request->tests[i]->override_code);
        to->quantity = 1;
        to->price_fen = request->tests[i]->price_fen;
        sum_fen += to->price_fen;
    }
    out->other_coverage_fen = request->other_coverage_fen;
    return check_range(request->other_coverage_fen, "other_coverage_fen", 0, sum_fen, err);
}

static enum status on_submit_test(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__SubmitTestOrderRequest *request = (const void *)message;
    struct submission submission = {.city = engine_city(api->engine)};
    int64_t now_ms = clock_now_ms();
    TRY(check_city(api, request->city_id, err));
    TRY(check_cause(request->source, request->idempotency_key, message, "source", request->source, &submission.cause, err));
    text_copy(submission.source, sizeof submission.source, request->source);
    TRY(check_code(request->member_code, "member_code", true, err));
    text_copy(submission.member, sizeof submission.member, request->member_code);
    TRY(test_lines(request, &submission, err));
    TRY(check_recipient(api, request->recipient, &submission.recipient, err));
    TRY(check_priority(request->priority, &submission.order.priority, err));
    submission.parent.v = request->parent_order_id;
    TRY(check_range(request->not_before_ms, "not_before_ms", 0, now_ms + NOT_AFTER_MS_MAX, err));
    TRY(check_range(request->not_after_ms, "not_after_ms", 0, now_ms + NOT_AFTER_MS_MAX, err));
    if (request->not_after_ms && request->not_after_ms <= (request->not_before_ms > now_ms ? request->not_before_ms : now_ms))
        return error_field(err, "not_after_ms", "must lie after not_before_ms and after now");
    const struct catalog *catalog = engine_catalog_ref(api->engine);
    enum status rc = resolve_test(catalog, request, now_ms, &submission, err);
    engine_catalog_unref(api->engine, catalog);
    TRY(rc);
    return api_submit(api, wait, &submission, err);
}

/* The same way as submission takes; api_submit marks it as a quote. A field at fault is named as in the request that was sent. */
static enum status on_quote(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    const Meddispatch__V1__QuoteOrderRequest *request = (const void *)message;
    struct error own = {0};
    enum status rc = STATUS_OK;
    const char *which = "";
    switch (request->order_case) {
    case MEDDISPATCH__V1__QUOTE_ORDER_REQUEST__ORDER_PRESCRIPTION:
        which = "prescription";
        rc = on_submit_prescription(api, wait, call, &request->prescription->base, &own);
        break;
    case MEDDISPATCH__V1__QUOTE_ORDER_REQUEST__ORDER_TEST:
        which = "test";
        rc = on_submit_test(api, wait, call, &request->test->base, &own);
        break;
    case MEDDISPATCH__V1__QUOTE_ORDER_REQUEST__ORDER__NOT_SET:
    case _MEDDISPATCH__V1__QUOTE_ORDER_REQUEST__ORDER__CASE_IS_INT_SIZE: return error_field(err, "order", "a prescription or a test is required");
    }
    if (rc == STATUS_OK || !err) return rc;
    *err = own;
    if (own.field[0]) text_format(err->field, sizeof err->field, "%s.%.40s", which, own.field);
    return rc;
}

static void quote_reply(struct arena *arena, struct rpc_call *call, const struct intake_result *result)
{
    Meddispatch__V1__QuoteOrderResponse response = MEDDISPATCH__V1__QUOTE_ORDER_RESPONSE__INIT;
    response.claim = view_claim(arena, &result->claim);
    response.eta_ms = result->claim.state == CLAIM_REFUSED ? 0 : result->order.promise_ms; /* nothing is planned for a quote: the promise is what holds */
    method_reply(call, &response.base);
}

void order_on_submitted(struct wait *wait, struct rpc_call *call, const struct message *message)
{
    const struct intake_result *result = &message->result;
    struct arena *arena = arena_new(1u << 20);
    if (wait->kind == WAIT_QUOTE) {
        quote_reply(arena, call, result);
        arena_free(arena);
        return;
    }
    struct board_order order = {
        .id = result->order.id, .phase = result->order.phase, .version = result->order.phase == ORDER_REFUSED ? 0 : 1, .promise_ms = result->order.promise_ms};
    Meddispatch__V1__OrderState *state = view_state(arena, &order, result->repeated);
    Meddispatch__V1__ClaimSummary *claim = view_claim(arena, &result->claim);
    if (wait->kind == WAIT_SUBMIT_PRESCRIPTION) {
        Meddispatch__V1__SubmitPrescriptionResponse response = MEDDISPATCH__V1__SUBMIT_PRESCRIPTION_RESPONSE__INIT;
        response.order = state;
        response.claim = claim;
        method_reply(call, &response.base);
    } else {
        Meddispatch__V1__SubmitTestOrderResponse response = MEDDISPATCH__V1__SUBMIT_TEST_ORDER_RESPONSE__INIT;
        response.order = state;
        response.claim = claim;
        method_reply(call, &response.base);
    }
    arena_free(arena);
}

/* ---- approve, ready, cancel ---- */

static enum status on_approve(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__ApprovePrescriptionRequest *request = (const void *)message;
    struct command command = {.kind = COMMAND_APPROVE};
    TRY(check_city(api, request->city_id, err));
    TRY(check_id(request->order_id, "order_id", err));
    TRY(check_code(request->pharmacist_code, "pharmacist_code", true, err));
    TRY(check_text(request->reason, "reason", request->approved ? 0 : 1, REASON_TEXT_MAX - 1, err));
    TRY(check_range(request->expected_ready_ms, "expected_ready_ms", 0, clock_now_ms() + 24 * 3600 * 1000, err));
    TRY(check_cause(request->source, request->idempotency_key, message, "pharmacist", request->pharmacist_code, &command.cause, err));
    command.order.v = request->order_id;
    command.expected_version = request->expected_version;
    text_copy(command.approve.pharmacist, sizeof command.approve.pharmacist, request->pharmacist_code);
    command.approve.approved = request->approved;
    command.approve.expected_ready_ms = request->expected_ready_ms;
    text_copy(command.approve.reason, sizeof command.approve.reason, request->reason);
    return api_command(api, wait, &command, err);
}

static enum status on_ready(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__MarkReadyRequest *request = (const void *)message;
    struct command command = {.kind = COMMAND_READY};
    TRY(check_city(api, request->city_id, err));
    TRY(check_id(request->order_id, "order_id", err));
    TRY(check_range(request->parcels, "parcels", 0, 20, err));
    TRY(check_cause(request->source, request->idempotency_key, message, "source", request->source, &command.cause, err));
    command.order.v = request->order_id;
    command.expected_version = request->expected_version;
    command.ready.ready_ms = clock_now_ms();
    command.ready.parcels = request->parcels ? request->parcels : 1;
    return api_command(api, wait, &command, err);
}

static enum status on_cancel(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__CancelOrderRequest *request = (const void *)message;
    struct command command = {.kind = COMMAND_CANCEL};
    TRY(check_city(api, request->city_id, err));
    TRY(check_id(request->order_id, "order_id", err));
    TRY(check_text(request->reason, "reason", 1, REASON_TEXT_MAX - 1, err));
    TRY(check_cause(request->source, request->idempotency_key, message, "source", request->source, &command.cause, err));
    command.order.v = request->order_id;
    command.expected_version = request->expected_version;
    text_copy(command.cancel.reason, sizeof command.cancel.reason, request->reason);
    return api_command(api, wait, &command, err);
}

void order_on_decided(struct wait *wait, struct rpc_call *call, const struct message *message)
{
    struct arena *arena = arena_new(1u << 20);
    Meddispatch__V1__OrderState *state = view_state(arena, &message->order, message->repeated);
    if (wait->kind == WAIT_APPROVE) {
        Meddispatch__V1__ApprovePrescriptionResponse response = MEDDISPATCH__V1__APPROVE_PRESCRIPTION_RESPONSE__INIT;
        response.order = state;
        method_reply(call, &response.base);
    } else if (wait->kind == WAIT_READY) {
        Meddispatch__V1__MarkReadyResponse response = MEDDISPATCH__V1__MARK_READY_RESPONSE__INIT;
        response.order = state;
        method_reply(call, &response.base);
    } else {
        Meddispatch__V1__CancelOrderResponse response = MEDDISPATCH__V1__CANCEL_ORDER_RESPONSE__INIT;
        response.order = state;
        method_reply(call, &response.base);
    }
    arena_free(arena);
}

/* ---- reads ---- */

static enum status on_get_order(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__GetOrderRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    TRY(check_id(request->order_id, "order_id", err));
    struct question *question = question_new(QUESTION_ORDER, 0);
    question->order.v = request->order_id;
    question->with_history = request->with_history;
    return api_ask(api, wait, question, err);
}

static enum status on_list_orders(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__ListOrdersRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    TRY(check_code(request->member_code, "member_code", false, err));
    TRY(check_range(request->page_size, "page_size", 0, STORE_PAGE_MAX, err));
    TRY(check_range((int64_t)request->phase, "phase", 0, ORDER_PHASE_COUNT, err));
    if (request->after_order_id > INT64_MAX) return error_field(err, "after_order_id", "is no order id");
    struct question *question = question_new(QUESTION_ORDERS, 0);
    question->limit = request->page_size ? request->page_size : 100;
    question->filter.by_phase = request->phase != MEDDISPATCH__V1__ORDER_PHASE__ORDER_PHASE_UNSPECIFIED;
    if (question->filter.by_phase) question->filter.phase = (enum order_phase)((int)request->phase - 1);
    question->filter.live_only = request->open_only;
    question->filter.pharmacy.v = request->pharmacy_id;
    question->filter.after.v = request->after_order_id;
    text_copy(question->filter.member, sizeof question->filter.member, request->member_code);
    return api_ask(api, wait, question, err);
}

static Meddispatch__V1__Order *order_message(struct arena *arena, const struct caller *caller, const struct order_view *view, const struct claim *claim)
{
    struct board_order state = {.id = view->order.id, .phase = view->order.phase, .version = view->version, .courier = view->courier,
                                .promise_ms = view->order.promise_ms, .eta_ms = view->eta_ms};
    Meddispatch__V1__Order *out = view_alloc(arena, 1, sizeof *out);
    meddispatch__v1__order__init(out);
    out->state = view_state(arena, &state, false);
    out->kind = (Meddispatch__V1__OrderKind)view->order.kind;
    out->priority = (Meddispatch__V1__Priority)view->order.priority;
    out->pharmacy_id = view->order.pharmacy.v;
    out->lab_id = view->lab.v;
    out->accepted_ms = view->order.accepted_ms;
    out->ready_ms = view->order.ready_ms;
    out->ended_ms = view->ended_ms;
    out->end_reason = view_text(arena, view->reason);
    if (!access_sees_contents(caller)) return out; /* where it is and when it comes; not what, and not whose */
    out->pickup_code = view_text(arena, view->order.pickup_code);
    out->member_code = view_text(arena, view->member);
    if (claim && claim->id.v) {
        out->claim = view_claim(arena, claim);
        out->n_codes = claim->line_count;
        out->codes = view_alloc(arena, claim->line_count, sizeof *out->codes);
        for (uint32_t i = 0; i < claim->line_count; i++) out->codes[i] = view_text(arena, claim->lines[i].code);
    }
    return out;
}

static Meddispatch__V1__OrderFact *history_message(struct arena *arena, const struct order_event_view *event, struct order_id order)
{
    if (!event->intake) return view_fact(arena, &event->fact);
    Meddispatch__V1__OrderFact *out = view_alloc(arena, 1, sizeof *out);
    meddispatch__v1__order_fact__init(out);
    out->at_ms = event->at_ms;
    out->source_ms = event->source_ms;
    out->kind = view_text(arena, order_phase_name(event->phase));
    out->order_id = order.v;
    out->courier_id = event->courier.v;
    out->phase = view_phase(event->phase);
    out->actor = view_text(arena, event->actor);
    return out;
}

void order_on_answer(struct wait *wait, struct rpc_call *call, const struct message *message)
{
    struct arena *arena = arena_new(64u << 20);
    if (wait->kind == WAIT_GET_ORDER && !access_may_read(&wait->caller, &message->orders[0])) {
        struct error err;
        error_set(&err, STATUS_NOT_FOUND, "there is no order %llu in city %u", (unsigned long long)message->orders[0].order.id.v, wait->caller.city.v);
        rpc_finish(call, &err);
    } else if (wait->kind == WAIT_GET_ORDER) {
        Meddispatch__V1__GetOrderResponse response = MEDDISPATCH__V1__GET_ORDER_RESPONSE__INIT;
        response.order = order_message(arena, &wait->caller, &message->orders[0], &message->claims[0]);
        response.n_history = message->history_count;
        response.history = view_alloc(arena, message->history_count, sizeof *response.history);
        for (uint32_t i = 0; i < message->history_count; i++)
            response.history[i] = history_message(arena, &message->history[i], message->orders[0].order.id);
        method_reply(call, &response.base);
    } else {
        Meddispatch__V1__ListOrdersResponse response = MEDDISPATCH__V1__LIST_ORDERS_RESPONSE__INIT;
        response.n_orders = message->order_count;
        response.orders = view_alloc(arena, message->order_count, sizeof *response.orders);
        for (uint32_t i = 0; i < message->order_count; i++)
            response.orders[i] = order_message(arena, &wait->caller, &message->orders[i], message->claims ? &message->claims[i] : NULL);
        response.next_after_order_id = message->next;
        method_reply(call, &response.base);
    }
    arena_free(arena);
}

const struct method ORDER_METHODS[] = {
    {"/meddispatch.v1.OrderService/SubmitPrescription", RPC_UNARY, WAIT_SUBMIT_PRESCRIPTION, &meddispatch__v1__submit_prescription_request__descriptor,
     on_submit_prescription, 64 * 1024},
    {"/meddispatch.v1.OrderService/SubmitTestOrder", RPC_UNARY, WAIT_SUBMIT_TEST, &meddispatch__v1__submit_test_order_request__descriptor, on_submit_test,
     64 * 1024},
    {"/meddispatch.v1.OrderService/QuoteOrder", RPC_UNARY, WAIT_QUOTE, &meddispatch__v1__quote_order_request__descriptor, on_quote, 64 * 1024},
    {"/meddispatch.v1.OrderService/ApprovePrescription", RPC_UNARY, WAIT_APPROVE, &meddispatch__v1__approve_prescription_request__descriptor, on_approve, 0},
    {"/meddispatch.v1.OrderService/MarkReady", RPC_UNARY, WAIT_READY, &meddispatch__v1__mark_ready_request__descriptor, on_ready, 0},
    {"/meddispatch.v1.OrderService/CancelOrder", RPC_UNARY, WAIT_CANCEL, &meddispatch__v1__cancel_order_request__descriptor, on_cancel, 0},
    {"/meddispatch.v1.OrderService/GetOrder", RPC_UNARY, WAIT_GET_ORDER, &meddispatch__v1__get_order_request__descriptor, on_get_order, 0},
    {"/meddispatch.v1.OrderService/ListOrders", RPC_UNARY, WAIT_LIST_ORDERS, &meddispatch__v1__list_orders_request__descriptor, on_list_orders, 0},
    {"/meddispatch.v1.OrderService/WatchOrders", RPC_SERVER_STREAM, WAIT_ORDERS, &meddispatch__v1__watch_orders_request__descriptor, order_stream_on_request, 0},
};
const uint32_t ORDER_METHOD_COUNT = COUNT_OF(ORDER_METHODS);
