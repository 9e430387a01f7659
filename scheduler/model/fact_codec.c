/* Canonical bytes of facts and of what they carry. Each thing is described once, by a walk over its fields that writes or reads: the two
 * directions cannot drift apart. It must not know where the bytes go. What could not have been written is refused when read: numbers
 * outside their enum, booleans other than 0 and 1, texts that are too long or hold a NUL, counts beyond their bound. */
#include "model/model.h"

#include <string.h>

enum { FACT_CODEC_VERSION = 1, ORDER_CODEC_VERSION = 1 };

/* Exactly one of `out` and `in` is set. */
struct walk {
    struct buffer *out;
    struct reader *in;
    struct arena *arena;
    bool bad;
};

static void walk_u64(struct walk *walk, uint64_t *value)
{
    if (walk->out) buffer_u64(walk->out, *value);
    else *value = reader_u64(walk->in);
}

static void walk_i64(struct walk *walk, int64_t *value)
{
    uint64_t bits = (uint64_t)*value;
    walk_u64(walk, &bits);
    if (walk->in) *value = (int64_t)bits;
}

static void walk_u32(struct walk *walk, uint32_t *value)
{
    if (walk->out) buffer_u32(walk->out, *value);
    else *value = reader_u32(walk->in);
}

static void walk_i32(struct walk *walk, int32_t *value)
{
    uint32_t bits = (uint32_t)*value;
    walk_u32(walk, &bits);
    if (walk->in) *value = (int32_t)bits;
}

static void walk_u8(struct walk *walk, uint8_t *value)
{
    if (walk->out) buffer_u8(walk->out, *value);
    else *value = reader_u8(walk->in);
}

static void walk_bool(struct walk *walk, bool *value)
{
    uint8_t byte = *value ? 1 : 0;
    walk_u8(walk, &byte);
    if (byte > 1) walk->bad = true;
    if (walk->in) *value = byte == 1;
}

/* A number in [least, count). */
static uint8_t code_of(struct walk *walk, unsigned value, unsigned least, unsigned count)
{
    uint8_t byte = (uint8_t)value;
    walk_u8(walk, &byte);
    if (byte < least || byte >= count) {
        walk->bad = true;
        return (uint8_t)least;
    }
    return byte;
}

/* A field that is an enum. */
#define WALK_CODE(walk, field, least, count)                                             \
    do {                                                                                 \
        unsigned code_ = code_of(walk, (unsigned)(field), (unsigned)(least), (unsigned)(count)); \
        if ((walk)->in) (field) = code_;                                                 \
    } while (0)

static void walk_bytes(struct walk *walk, uint8_t *bytes, size_t count)
{
    if (walk->out) {
        buffer_append(walk->out, bytes, count);
        return;
    }
    for (size_t i = 0; i < count; i++) bytes[i] = reader_u8(walk->in);
}

static void walk_text(struct walk *walk, char *text, size_t capacity)
{
    if (walk->out) {
        buffer_text(walk->out, text);
        return;
    }
    size_t before = walk->in->at;
    reader_text(walk->in, text, capacity);
    if (walk->in->bad) {
        text[0] = 0;
        return;
    }
    if (walk->in->at - before != 4 + strlen(text)) walk->bad = true; /* a NUL inside */
}

static void walk_count(struct walk *walk, uint32_t *count, uint32_t most)
{
    walk_u32(walk, count);
    if (*count <= most) return;
    ASSERT(!walk->out); /* what we write is within bounds */
    walk->bad = true;
    *count = 0;
}

static void walk_point(struct walk *walk, struct point *at)
{
    walk_i32(walk, &at->lat_e7);
    walk_i32(walk, &at->lon_e7);
}

static void walk_stop(struct walk *walk, struct stop *stop)
{
    /* 0: this order has no such stop */
    WALK_CODE(walk, stop->kind, 0, STOP_BASE + 1);
    walk_u64(walk, &stop->facility.v);
    walk_point(walk, &stop->at);
    walk_i64(walk, &stop->open_ms);
    walk_i64(walk, &stop->close_ms);
    walk_u32(walk, &stop->service_s);
}

static void walk_order(struct walk *walk, struct order *order)
{
    if (code_of(walk, ORDER_CODEC_VERSION, ORDER_CODEC_VERSION, ORDER_CODEC_VERSION + 1) != ORDER_CODEC_VERSION) return;
    walk_u64(walk, &order->id.v);
    walk_u32(walk, &order->city.v);
    WALK_CODE(walk, order->kind, ORDER_KIND_PRESCRIPTION, ORDER_KIND_RETURN + 1);
    WALK_CODE(walk, order->priority, PRIORITY_ROUTINE, PRIORITY_CRITICAL + 1);
    WALK_CODE(walk, order->phase, 0, ORDER_PHASE_COUNT);
    walk_i64(walk, &order->accepted_ms);
    walk_i64(walk, &order->promise_ms);
    walk_i64(walk, &order->ready_ms);
    walk_u32(walk, &order->stability_s);
    walk_u32(walk, &order->goods.volume_ml);
    walk_u32(walk, &order->goods.cold_ml);
    walk_u32(walk, &order->goods.skills);
    walk_bool(walk, &order->needs_approval);
    walk_stop(walk, &order->first);
    walk_stop(walk, &order->home);
    walk_count(walk, &order->lab_count, ORDER_LABS_MAX);
    for (uint32_t i = 0; i < order->lab_count; i++) walk_stop(walk, &order->labs[i]);
    walk_u64(walk, &order->pharmacy.v);
    walk_text(walk, order->pickup_code, sizeof order->pickup_code);
}

static void walk_courier(struct walk *walk, struct courier *courier)
{
    walk_u64(walk, &courier->id.v);
    walk_text(walk, courier->name, sizeof courier->name);
    walk_text(walk, courier->relay_phone, sizeof courier->relay_phone);
    walk_u32(walk, &courier->skills);
    walk_u32(walk, &courier->volume_ml_max);
    walk_u32(walk, &courier->cold_ml_max);
    walk_u32(walk, &courier->kits_preloaded);
    walk_bool(walk, &courier->active);
}

static void walk_plan_stop(struct walk *walk, struct plan_stop *stop)
{
    walk_u64(walk, &stop->order.v);
    WALK_CODE(walk, stop->kind, STOP_PICKUP, STOP_BASE + 1);
    walk_u32(walk, &stop->lab);
    walk_i64(walk, &stop->arrive_ms);
    walk_i64(walk, &stop->begin_ms);
    walk_i64(walk, &stop->leave_ms);
    walk_u32(walk, &stop->travel_s);
    walk_u32(walk, &stop->travel_m);
}

static void walk_cause(struct walk *walk, struct cause *cause)
{
    walk_bytes(walk, cause->key, sizeof cause->key);
    walk_u64(walk, &cause->request_hash);
    walk_i64(walk, &cause->source_ms);
    walk_text(walk, cause->actor, sizeof cause->actor);
}

static void walk_entered(struct walk *walk, struct fact *fact)
{
    if (!walk->out) {
        fact->entered = arena_alloc(walk->arena, sizeof *fact->entered);
        if (!fact->entered) {
            walk->bad = true;
            return;
        }
    }
    walk_order(walk, fact->entered);
}

static void walk_route(struct walk *walk, struct fact *fact)
{
    walk_u32(walk, &fact->route.route_version);
    walk_u32(walk, &fact->route.changes);
    walk_i64(walk, &fact->route.start_ms);
    walk_point(walk, &fact->route.start);
    walk_count(walk, &fact->route.stop_count, ROUTE_STOPS_MAX);
    if (!walk->out) {
        fact->route.stops = fact->route.stop_count ? arena_alloc(walk->arena, fact->route.stop_count * sizeof *fact->route.stops) : NULL;
        if (fact->route.stop_count && !fact->route.stops) {
            walk->bad = true;
            fact->route.stop_count = 0;
        }
    }
    for (uint32_t i = 0; i < fact->route.stop_count; i++) walk_plan_stop(walk, &fact->route.stops[i]);
}

static void walk_hand(struct walk *walk, struct fact *fact)
{
    walk_u64(walk, &fact->hand.lab.v);
    walk_i32(walk, &fact->hand.temperature_mdegc);
    walk_bool(walk, &fact->hand.recipient_checked);
    walk_text(walk, fact->hand.code, sizeof fact->hand.code);
    walk_text(walk, fact->hand.proof, sizeof fact->hand.proof);
    walk_bytes(walk, fact->hand.custody.byte, sizeof fact->hand.custody.byte);
}

static void walk_ended(struct walk *walk, struct fact *fact)
{
    WALK_CODE(walk, fact->ended.reason, FAIL_NONE, FAIL_REASON_COUNT);
    walk_text(walk, fact->ended.text, sizeof fact->ended.text);
}

static void walk_shift(struct walk *walk, struct fact *fact)
{
    walk_courier(walk, &fact->shift.courier);
    walk_point(walk, &fact->shift.at);
    walk_i64(walk, &fact->shift.ends_ms);
}

static void walk_body(struct walk *walk, struct fact *fact)
{
    switch (fact->kind) {
    case FACT_ORDER_ENTERED: walk_entered(walk, fact); break;
    case FACT_ORDER_APPROVED:
        walk_text(walk, fact->approved.pharmacist, sizeof fact->approved.pharmacist);
        walk_i64(walk, &fact->approved.expected_ready_ms);
        break;
    case FACT_ORDER_READY:
        walk_i64(walk, &fact->ready.ready_ms);
        walk_u32(walk, &fact->ready.parcels);
        break;
    case FACT_ORDER_UNPLANNED:
        WALK_CODE(walk, fact->unplanned.reason, UNPLANNED_NONE, UNPLANNED_REASON_COUNT);
        walk_u32(walk, &fact->unplanned.detail);
        break;
    case FACT_ROUTE_PLANNED: walk_route(walk, fact); break;
    case FACT_ORDER_ASSIGNED:
        walk_i64(walk, &fact->assigned.answer_by_ms);
        walk_i64(walk, &fact->assigned.eta_ms);
        break;
    case FACT_STOP_ARRIVED:
        walk_u64(walk, &fact->arrived.facility.v);
        WALK_CODE(walk, fact->arrived.stop, STOP_PICKUP, STOP_BASE + 1);
        break;
    case FACT_ORDER_PICKED_UP:
    case FACT_ORDER_DELIVERED:
    case FACT_SPECIMEN_COLLECTED:
    case FACT_SPECIMEN_SEALED:
    case FACT_SPECIMEN_LAB_ACCEPTED:
    case FACT_SPECIMEN_REPORTED:
    case FACT_TEMPERATURE_READ: walk_hand(walk, fact); break;
    case FACT_ORDER_DECLINED:
    case FACT_ORDER_UNASSIGNED:
    case FACT_SPECIMEN_LAB_REJECTED:
    case FACT_ORDER_CANCELLED:
    case FACT_ORDER_FAILED:
    case FACT_ORDER_RETURNING:
    case FACT_ORDER_RETURNED: walk_ended(walk, fact); break;
    case FACT_ORDER_PINNED:
    case FACT_ORDER_HELD:
        walk_bool(walk, &fact->flag.on);
        walk_text(walk, fact->flag.reason, sizeof fact->flag.reason);
        break;
    case FACT_ORDER_PRIORITIZED:
        WALK_CODE(walk, fact->priority.priority, PRIORITY_ROUTINE, PRIORITY_CRITICAL + 1);
        walk_text(walk, fact->priority.reason, sizeof fact->priority.reason);
        break;
    case FACT_ALERT_RAISED:
    case FACT_ALERT_SEEN:
        WALK_CODE(walk, fact->alert.kind, ALERT_APPROVAL_LATE, ALERT_KIND_COUNT);
        break;
    case FACT_SHIFT_STARTED: walk_shift(walk, fact); break;
    case FACT_ORDER_TAKEN:
    case FACT_PROMISE_MISSED:
    case FACT_SHIFT_ENDED:
    case FACT_NONE:
    case FACT_KIND_COUNT: break;
    }
}

static void walk_fact(struct walk *walk, struct fact *fact)
{
    if (code_of(walk, FACT_CODEC_VERSION, FACT_CODEC_VERSION, FACT_CODEC_VERSION + 1) != FACT_CODEC_VERSION || walk->bad) return;
    WALK_CODE(walk, fact->kind, FACT_NONE + 1, FACT_KIND_COUNT);
    walk_u32(walk, &fact->city.v);
    walk_u64(walk, &fact->seq);
    walk_i64(walk, &fact->at_ms);
    walk_u64(walk, &fact->order.v);
    walk_u64(walk, &fact->courier.v);
    walk_u32(walk, &fact->order_version);
    WALK_CODE(walk, fact->phase, 0, ORDER_PHASE_COUNT);
    walk_cause(walk, &fact->cause);
    if (walk->in && (walk->bad || walk->in->bad)) return; /* do not build a body on rubble */
    walk_body(walk, fact);
}

/* The walk takes what it may fill; when writing it only looks (messages are shared between threads), so these casts change nothing. */
void fact_encode(const struct fact *fact, struct buffer *out)
{
    ASSERT(fact->kind > FACT_NONE && fact->kind < FACT_KIND_COUNT);
    struct walk walk = {.out = out};
    walk_fact(&walk, (struct fact *)fact);
    ASSERT(!walk.bad);
}

bool fact_decode(struct reader *in, struct arena *arena, struct fact *out)
{
    struct walk walk = {.in = in, .arena = arena};
    memset(out, 0, sizeof *out);
    walk_fact(&walk, out);
    return !walk.bad && !in->bad;
}

void order_encode(const struct order *order, struct buffer *out)
{
    struct walk walk = {.out = out};
    walk_order(&walk, (struct order *)order);
    ASSERT(!walk.bad);
}

bool order_decode(struct reader *in, struct order *out)
{
    struct walk walk = {.in = in};
    memset(out, 0, sizeof *out);
    walk_order(&walk, out);
    return !walk.bad && !in->bad;
}

void courier_encode(const struct courier *courier, struct buffer *out)
{
    struct walk walk = {.out = out};
    walk_courier(&walk, (struct courier *)courier);
}

bool courier_decode(struct reader *in, struct courier *out)
{
    struct walk walk = {.in = in};
    memset(out, 0, sizeof *out);
    walk_courier(&walk, out);
    return !walk.bad && !in->bad;
}

void plan_stop_encode(const struct plan_stop *stop, struct buffer *out)
{
    struct walk walk = {.out = out};
    walk_plan_stop(&walk, (struct plan_stop *)stop);
    ASSERT(!walk.bad);
}

bool plan_stop_decode(struct reader *in, struct plan_stop *out)
{
    struct walk walk = {.in = in};
    memset(out, 0, sizeof *out);
    walk_plan_stop(&walk, out);
    return !walk.bad && !in->bad;
}
