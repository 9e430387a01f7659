/* Model -> messages, in the response's arena. A courier's and a board's view have no name, drug or price: what must not be told is not here. */
#include "internal.h"

#include <inttypes.h>
#include <string.h>

void *view_alloc(struct arena *arena, size_t count, size_t size)
{
    void *memory = arena_alloc(arena, (count ? count : 1) * size);
    ASSERT(memory); /* responses are bounded by their builders, far below the arena's cap */
    return memory;
}

char *view_text(struct arena *arena, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = view_alloc(arena, size, 1);
    memcpy(copy, text, size);
    return copy;
}

Meddispatch__V1__Point *view_point(struct arena *arena, struct point at)
{
    Meddispatch__V1__Point *point = view_alloc(arena, 1, sizeof *point);
    meddispatch__v1__point__init(point);
    point->lat = at.lat_e7 / 1e7;
    point->lon = at.lon_e7 / 1e7;
    point->datum = MEDDISPATCH__V1__DATUM__DATUM_WGS84;
    return point;
}

Meddispatch__V1__OrderPhase view_phase(enum order_phase phase)
{
    static_assert(ORDER_RECEIVED + 1 == (int)MEDDISPATCH__V1__ORDER_PHASE__ORDER_PHASE_RECEIVED, "the contract's numbers are the model's plus one");
    static_assert(ORDER_RETURNED + 1 == (int)MEDDISPATCH__V1__ORDER_PHASE__ORDER_PHASE_RETURNED, "the contract's numbers are the model's plus one");
    return (Meddispatch__V1__OrderPhase)((int)phase + 1);
}

Meddispatch__V1__OrderState *view_state(struct arena *arena, const struct board_order *order, bool repeated)
{
    Meddispatch__V1__OrderState *state = view_alloc(arena, 1, sizeof *state);
    meddispatch__v1__order_state__init(state);
    state->order_id = order->id.v;
    state->phase = view_phase(order->phase);
    state->version = order->version;
    state->courier_id = order->courier.v;
    state->promise_ms = order->promise_ms;
    state->eta_ms = order->eta_ms;
    state->repeated = repeated;
    return state;
}

static Meddispatch__V1__ClaimLineSummary *view_claim_line(struct arena *arena, const struct claim_line *line)
{
    Meddispatch__V1__ClaimLineSummary *out = view_alloc(arena, 1, sizeof *out);
    meddispatch__v1__claim_line_summary__init(out);
    out->code = view_text(arena, line->code);
    out->quantity = line->quantity;
    out->allowed_quantity = line->allowed_quantity;
    out->submitted_fen = line->submitted_fen;
    out->eligible_fen = line->eligible_fen;
    out->benefit_fen = line->benefit_fen;
    out->member_fen = line->member_fen;
    out->rules = view_text(arena, line->rules);
    out->formulary_version = line->formulary_version;
    out->reversed_quantity = line->reversed_quantity;
    out->reversed_fen = line->reversed_fen;
    return out;
}

Meddispatch__V1__ClaimSummary *view_claim(struct arena *arena, const struct claim *claim)
{
    Meddispatch__V1__ClaimSummary *out = view_alloc(arena, 1, sizeof *out);
    meddispatch__v1__claim_summary__init(out);
    out->claim_id = claim->id.v;
    out->submitted_fen = claim->submitted_fen;
    out->eligible_fen = claim->eligible_fen;
    out->benefit_fen = claim->benefit_fen;
    out->member_fen = claim->member_fen;
    out->deductible_fen = claim->deductible_fen;
    out->other_coverage_fen = claim->other_coverage_fen;
    out->state = view_text(arena, claim_state_name(claim->state));
    out->refusal_rule = view_text(arena, claim->refusal_rule);
    out->refusal_text = view_text(arena, claim->refusal_text);
    out->n_lines = claim->line_count;
    out->lines = view_alloc(arena, claim->line_count, sizeof *out->lines);
    for (uint32_t i = 0; i < claim->line_count; i++) out->lines[i] = view_claim_line(arena, &claim->lines[i]);
    return out;
}

/* The fact's own fields as a small JSON object: ids, numbers and codes, nothing that names a person. */
static void fact_detail(const struct fact *fact, struct buffer *out)
{
    buffer_printf(out, "{");
    switch (fact->kind) {
    case FACT_ORDER_APPROVED: buffer_printf(out, "\"expected_ready_ms\":%" PRId64, fact->approved.expected_ready_ms); break;
    case FACT_ORDER_READY: buffer_printf(out, "\"ready_ms\":%" PRId64 ",\"parcels\":%u", fact->ready.ready_ms, fact->ready.parcels); break;
    case FACT_ORDER_UNPLANNED: buffer_printf(out, "\"reason\":\"%s\",\"detail\":%u", unplanned_reason_name(fact->unplanned.reason), fact->unplanned.detail); break;
    case FACT_ROUTE_PLANNED:
        buffer_printf(out, "\"route_version\":%u,\"stops\":%u,\"changes\":%u", fact->route.route_version, fact->route.stop_count, fact->route.changes);
        break;
    case FACT_ORDER_ASSIGNED: buffer_printf(out, "\"answer_by_ms\":%" PRId64 ",\"eta_ms\":%" PRId64, fact->assigned.answer_by_ms, fact->assigned.eta_ms); break;
    case FACT_STOP_ARRIVED: buffer_printf(out, "\"stop\":%d,\"facility_id\":%" PRIu64, (int)fact->arrived.stop, fact->arrived.facility.v); break;
    case FACT_ORDER_PICKED_UP:
    case FACT_ORDER_DELIVERED:
    case FACT_SPECIMEN_COLLECTED:
    case FACT_SPECIMEN_SEALED:
    case FACT_SPECIMEN_LAB_ACCEPTED:
    case FACT_SPECIMEN_REPORTED:
    case FACT_TEMPERATURE_READ: {
        char hex[65];
        hash_hex(fact->hand.custody.byte, sizeof fact->hand.custody.byte, hex);
        buffer_printf(out, "\"lab_id\":%" PRIu64 ",\"temperature_mdegc\":%d,\"recipient_checked\":%s,\"custody\":\"%s\"", fact->hand.lab.v,
                      fact->hand.temperature_mdegc, fact->hand.recipient_checked ? "true" : "false", hex);
        break;
    }
    case FACT_ORDER_DECLINED:
    case FACT_ORDER_UNASSIGNED:
    case FACT_SPECIMEN_LAB_REJECTED:
    case FACT_ORDER_CANCELLED:
    case FACT_ORDER_FAILED:
    case FACT_ORDER_RETURNED:
        buffer_printf(out, "\"reason\":\"%s\",\"text\":", fail_reason_name(fact->ended.reason));
        buffer_json_string(out, fact->ended.text, strlen(fact->ended.text));
        break;
    case FACT_ORDER_PINNED:
    case FACT_ORDER_HELD:
        buffer_printf(out, "\"on\":%s,\"reason\":", fact->flag.on ? "true" : "false");
        buffer_json_string(out, fact->flag.reason, strlen(fact->flag.reason));
        break;
    case FACT_ORDER_PRIORITIZED:
        buffer_printf(out, "\"priority\":%d,\"reason\":", (int)fact->priority.priority);
        buffer_json_string(out, fact->priority.reason, strlen(fact->priority.reason));
        break;
    case FACT_ALERT_SEEN:
    case FACT_ALERT_RAISED: buffer_printf(out, "\"alert\":\"%s\"", alert_kind_name(fact->alert.kind)); break;
    case FACT_SHIFT_STARTED: buffer_printf(out, "\"ends_ms\":%" PRId64, fact->shift.ends_ms); break;
    case FACT_NONE:
    case FACT_ORDER_ENTERED:
    case FACT_ORDER_TAKEN:
    case FACT_ORDER_RETURNING:
    case FACT_PROMISE_MISSED:
    case FACT_SHIFT_ENDED:
    case FACT_KIND_COUNT: break;
    }
    buffer_printf(out, "}");
    buffer_u8(out, 0);
}

Meddispatch__V1__OrderFact *view_fact(struct arena *arena, const struct fact *fact)
{
    Meddispatch__V1__OrderFact *out = view_alloc(arena, 1, sizeof *out);
    meddispatch__v1__order_fact__init(out);
    out->seq = fact->seq;
    out->at_ms = fact->at_ms;
    out->kind = view_text(arena, fact_kind_name(fact->kind));
    out->order_id = fact->order.v;
    out->courier_id = fact->courier.v;
    out->phase = fact->order.v ? view_phase(fact->phase) : MEDDISPATCH__V1__ORDER_PHASE__ORDER_PHASE_UNSPECIFIED;
    out->version = fact->order_version;
    out->actor = view_text(arena, fact->cause.actor);
    out->source_ms = fact->cause.source_ms;
    struct buffer detail;
    buffer_init(&detail, 4096);
    fact_detail(fact, &detail);
    out->detail = view_text(arena, (const char *)detail.data);
    buffer_deinit(&detail);
    return out;
}

Meddispatch__V1__PlannedStop *view_stop(struct arena *arena, const struct board_stop *stop)
{
    Meddispatch__V1__PlannedStop *out = view_alloc(arena, 1, sizeof *out);
    meddispatch__v1__planned_stop__init(out);
    out->order_id = stop->plan.order.v;
    out->kind = (Meddispatch__V1__StopKind)stop->plan.kind;
    out->at = view_point(arena, stop->at);
    out->facility_id = stop->facility.v;
    out->arrive_ms = stop->plan.arrive_ms;
    out->begin_ms = stop->plan.begin_ms;
    out->leave_ms = stop->plan.leave_ms;
    out->travel_s = stop->plan.travel_s;
    out->travel_m = stop->plan.travel_m;
    out->told = stop->told;
    out->arrived = stop->arrived;
    return out;
}
