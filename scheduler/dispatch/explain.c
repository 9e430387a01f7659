/* Why an order is where it is, or nowhere: every courier is asked what he could do, and the noes are counted by rule. */
#include "dispatch/dispatch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* No is counted by these; a courier who declined and one who is passed over for a fixed courier are classes of their own. */
enum { CLASS_DECLINED = UNPLANNED_REASON_COUNT, CLASS_OTHER_COURIER, CLASS_COUNT };
enum { CAN_MAX = 8 };

static const char *class_name(unsigned class)
{
    if (class == CLASS_DECLINED) return "DECLINED";
    if (class == CLASS_OTHER_COURIER) return "OTHER_COURIER";
    return unplanned_reason_name((enum unplanned_reason)class);
}

static void class_text(unsigned class, uint32_t count, uint32_t detail, char *out, size_t capacity)
{
    const char *noun = count == 1 ? "courier" : "couriers";
    if (class == CLASS_DECLINED) text_format(out, capacity, "%" PRIu32 " %s declined it or did not answer", count, noun);
    else if (class == CLASS_OTHER_COURIER) text_format(out, capacity, "%" PRIu32 " %s: it is with, or pinned to, another", count, noun);
    else if (class == UNPLANNED_NO_SKILL) text_format(out, capacity, "%" PRIu32 " %s without a skill it needs%s%s%s", count, noun, detail & BIT(SKILL_COLD_CHAIN) ? ", cold chain" : "",
                                                      detail & BIT(SKILL_SAMPLING) ? ", sampling" : "", detail & BIT(SKILL_CONTROLLED) ? ", controlled medicine" : "");
    else if (class == UNPLANNED_CAPACITY) text_format(out, capacity, "%" PRIu32 " %s with no room in the box or the route", count, noun);
    else if (class == UNPLANNED_SHIFT_END) text_format(out, capacity, "%" PRIu32 " %s whose shift ends too early, by %" PRIu32 " min at the least", count, noun, detail / 60 + 1);
    else if (class == UNPLANNED_LAB_CLOSED) text_format(out, capacity, "%" PRIu32 " %s would come to a closed door, %" PRIu32 " min too late at the least", count, noun, detail / 60 + 1);
    else if (class == UNPLANNED_STABILITY) text_format(out, capacity, "%" PRIu32 " %s could not bring it where it belongs before it spoils, %" PRIu32 " min too late at the least", count, noun, detail / 60 + 1);
    else if (class == UNPLANNED_BREAK) text_format(out, capacity, "%" PRIu32 " %s whose break could not begin in time, %" PRIu32 " min too late at the least", count, noun, detail / 60 + 1);
    else if (class == UNPLANNED_ROUTE_LENGTH) text_format(out, capacity, "%" PRIu32 " %s whose route would be longer than it may be", count, noun);
    else if (class == UNPLANNED_UNREACHABLE) text_format(out, capacity, "%" PRIu32 " %s with no road to it", count, noun);
    else text_format(out, capacity, "%" PRIu32 " %s", count, noun);
}

static struct explain_candidate able(const struct plan_request *request, uint32_t courier, const struct plan_bid *bid)
{
    struct explain_candidate candidate;
    memset(&candidate, 0, sizeof candidate);
    candidate.courier = request->problem.couriers[courier].courier;
    candidate.couriers = 1;
    candidate.rule = "";
    candidate.done_ms = request->now_ms + (int64_t)bid->done_s * 1000;
    candidate.cost = bid->cost;
    candidate.terms = bid->terms;
    text_format(candidate.text, sizeof candidate.text, "courier %" PRIu64 " can: done in %d min, extra cost %" PRId64 " s", candidate.courier.v, bid->done_s / 60, bid->cost / 1000);
    return candidate;
}

/* Keep the cheapest, in order. */
static void add_able(struct explanation *out, const struct plan_request *request, uint32_t courier, const struct plan_bid *bid)
{
    uint32_t at = out->candidate_count;
    while (at > 0 && out->candidates[at - 1].cost > bid->cost) at--;
    if (at >= CAN_MAX) return;
    if (out->candidate_count < CAN_MAX) out->candidate_count++;
    memmove(&out->candidates[at + 1], &out->candidates[at], (out->candidate_count - 1 - at) * sizeof *out->candidates);
    out->candidates[at] = able(request, courier, bid);
}

/* Of an order that has a courier: his own bid, and the cheapest of those who have not declined. */
static void weigh(const struct plan_request *request, uint32_t courier, const struct plan_bid *bid, struct explanation *out)
{
    const struct world_order *focus = request->focus;
    struct courier_id id = request->problem.couriers[courier].courier;
    if (!focus->courier.v || bid->rule != UNPLANNED_NONE) return;
    if (id.v == focus->courier.v) {
        out->has_own = true;
        out->own = able(request, courier, bid);
        return;
    }
    for (uint32_t i = 0; i < focus->declined_count; i++)
        if (focus->declined[i].v == id.v) return;
    if (out->has_runner_up && out->runner_up.cost <= bid->cost) return;
    out->has_runner_up = true;
    out->runner_up = able(request, courier, bid);
}

static void ask_couriers(const struct plan_request *request, struct explanation *out)
{
    uint32_t counts[CLASS_COUNT] = {0}, details[CLASS_COUNT] = {0};
    struct plan_bid *bids = mem_zalloc(request->problem.courier_count + 1, sizeof *bids);
    uint32_t count = plan_bids(&request->problem, request->focus_task, bids, NULL) == STATUS_OK ? request->problem.courier_count : 0;
    bool fixed = request->problem.tasks[request->focus_task].courier != PLAN_ANY;
    for (uint32_t c = 0; c < count; c++) {
        const struct plan_bid *bid = &bids[c];
        weigh(request, c, bid, out);
        if (bid->rule == UNPLANNED_NONE && !bid->forbidden) {
            add_able(out, request, c, bid);
            continue;
        }
        unsigned class = (unsigned)bid->rule;
        if (bid->forbidden) class = fixed ? CLASS_OTHER_COURIER : CLASS_DECLINED;
        if (class == UNPLANNED_NO_SKILL) details[class] |= bid->detail;
        else if (!counts[class] || bid->detail < details[class]) details[class] = bid->detail;
        counts[class]++;
    }
    free(bids);
    for (unsigned round = 0; round < CLASS_COUNT && out->candidate_count < EXPLAIN_CANDIDATES_MAX; round++) {
        unsigned largest = 0;
        for (unsigned class = 1; class < CLASS_COUNT; class++)
            if (counts[class] > counts[largest]) largest = class;
        if (!counts[largest]) break;
        struct explain_candidate *candidate = &out->candidates[out->candidate_count++];
        memset(candidate, 0, sizeof *candidate);
        candidate->couriers = counts[largest];
        candidate->rule = class_name(largest);
        class_text(largest, counts[largest], details[largest], candidate->text, sizeof candidate->text);
        counts[largest] = 0;
    }
}

/* The order's own stops in its courier's running route, timed with today's travel. */
static void read_stops(const struct plan_request *request, struct explanation *out)
{
    const struct world_order *focus = request->focus;
    for (uint32_t c = 0; c < request->problem.courier_count; c++) {
        const struct plan_courier *courier = &request->problem.couriers[c];
        if (courier->courier.v != focus->courier.v) continue;
        uint32_t place = courier->place;
        int64_t now_ms = request->now_ms + (int64_t)courier->start_s * 1000;
        for (uint32_t i = 0; i < courier->stop_count; i++) {
            const struct plan_task *task = &request->problem.tasks[courier->stops[i].task];
            const struct plan_choice *choice = &task->steps[courier->stops[i].step].choices[courier->stops[i].choice];
            struct plan_leg leg = {0, 0};
            if (place != choice->place) leg = request->problem.oracle.travel(request->problem.oracle.context, place, choice->place);
            if (leg.travel_s == PLAN_UNREACHABLE) leg = (struct plan_leg){0, 0};
            int64_t arrive_ms = now_ms + (int64_t)leg.travel_s * 1000, open_ms = request->now_ms + (int64_t)choice->open_s * 1000;
            int64_t begin_ms = arrive_ms > open_ms ? arrive_ms : open_ms;
            now_ms = begin_ms + (int64_t)choice->service_s * 1000;
            place = choice->place;
            if (courier->stops[i].task != request->focus_task || out->stop_count == ORDER_STOPS_MAX) continue;
            enum stop_kind kind = task->steps[courier->stops[i].step].kind;
            out->stops[out->stop_count] = (struct plan_stop){focus->order.id, kind, courier->stops[i].choice, arrive_ms, begin_ms, now_ms, leg.travel_s, leg.travel_m};
            out->stop_at[out->stop_count] = request->places[choice->place];
            out->stop_facility[out->stop_count] = kind == STOP_HOME ? (struct facility_id){0} : kind == STOP_LAB ? focus->order.labs[courier->stops[i].choice].facility : focus->order.first.facility;
            out->stop_count++;
            out->travel_s += leg.travel_s;
            out->travel_m += leg.travel_m;
            out->eta_ms = now_ms;
        }
    }
}

static void sum_up(const struct plan_request *request, struct explanation *out)
{
    const struct world_order *focus = request->focus;
    if (request->focus_task == PLAN_ANY) {
        text_format(out->summary, sizeof out->summary, focus->pinned || focus->courier.v ? "%s; its courier is not on shift or has nothing left to do for it" : "%s; nothing is left to plan",
                    order_phase_name(out->phase));
        return;
    }
    if (focus->courier.v) {
        out->reason = UNPLANNED_NONE;
        const char *how = focus->order.phase == ORDER_ASSIGNED ? "offered to" : order_phase_is_on_board(focus->order.phase) ? "in the box of" : focus->order.phase == ORDER_ACCEPTED ? "accepted by" : "planned on";
        int64_t slack_min = (out->promise_ms - out->eta_ms) / 60000;
        text_format(out->summary, sizeof out->summary, "%s courier %" PRIu64 "; %s by %" PRId64 " min", how, focus->courier.v, slack_min >= 0 ? "in time" : "late", slack_min >= 0 ? slack_min : -slack_min);
        return;
    }
    if (focus->held) {
        out->reason = UNPLANNED_HELD;
        text_format(out->summary, sizeof out->summary, "a dispatcher holds it");
    } else if (request->problem.courier_count == 0) {
        out->reason = UNPLANNED_NO_COURIER;
        text_format(out->summary, sizeof out->summary, "no courier is on shift");
    } else if (out->candidate_count && !*out->candidates[0].rule) {
        out->reason = UNPLANNED_NONE;
        text_format(out->summary, sizeof out->summary, "%s and will be planned within a second", out->candidates[0].text);
    } else if (out->candidate_count) {
        out->reason = focus->unplanned ? focus->unplanned : UNPLANNED_NO_COURIER;
        text_format(out->summary, sizeof out->summary, "nobody can: %s", out->candidates[0].text);
    }
}

void dispatch_explain(const struct plan_request *request, struct explanation *out)
{
    ASSERT(request->focus);
    const struct world_order *focus = request->focus;
    memset(out, 0, sizeof *out);
    out->order = focus->order.id;
    out->phase = focus->order.phase;
    out->version = focus->version;
    out->courier = focus->courier;
    out->promise_ms = focus->order.promise_ms;
    out->eta_ms = focus->eta_ms;
    out->reason = focus->unplanned;
    if (request->focus_task != PLAN_ANY) {
        if (focus->courier.v) read_stops(request, out);
        ask_couriers(request, out);
    }
    out->late_s = out->eta_ms > out->promise_ms && out->promise_ms ? (out->eta_ms - out->promise_ms) / 1000 : 0;
    sum_up(request, out);
}
