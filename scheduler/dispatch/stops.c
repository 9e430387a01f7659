/* What couriers and laboratories report: arrived, picked up, handed over, collected, sealed, accepted, failed. */
#include "world.h"

#include <inttypes.h>
#include <string.h>

enum { COLD_MIN_MDEGC = 2000, COLD_MAX_MDEGC = 8000 }; /* 2 to 8 degrees, as the labels of cold-chain medicine say */

static enum status wrong_phase(const struct world_order *order, const char *what, struct error *err)
{
    error_set(err, STATUS_FAILED_PRECONDITION, "order %" PRIu64 " is %s: %s", order->order.id.v, order_phase_name(order->order.phase), what);
    return error_reason(err, "WRONG_PHASE");
}

static bool is_lab_event(enum stop_event event)
{
    return event == STOP_EVENT_LAB_ACCEPTED || event == STOP_EVENT_LAB_REJECTED || event == STOP_EVENT_REPORTED;
}

static enum status check_courier(const struct tick *tick, const struct world_order *order, struct error *err)
{
    const struct command *command = tick->command;
    if (is_lab_event(command->stop.event) && !command->courier.v) return STATUS_OK;
    if (command->courier.v && order->courier.v == command->courier.v) return STATUS_OK;
    if (order_phase_is_terminal(order->order.phase)) return wrong_phase(order, "its story has ended; nothing more is to be done", err);
    error_set(err, STATUS_PERMISSION_DENIED, "order %" PRIu64 " is not with courier %" PRIu64, order->order.id.v, command->courier.v);
    return error_reason(err, "OTHER_COURIER");
}

/* Each hand-over is hashed with the one before it: what, when, who, which seal or kit, which laboratory. */
static struct sha256 custody_of(const struct tick *tick, const struct world_order *order, const struct fact *fact)
{
    struct buffer bytes;
    buffer_init(&bytes, 4096);
    buffer_append(&bytes, order->custody.byte, sizeof order->custody.byte);
    buffer_u8(&bytes, (uint8_t)fact->kind);
    buffer_u64(&bytes, order->order.id.v);
    buffer_u64(&bytes, fact->courier.v);
    buffer_u64(&bytes, (uint64_t)tick->now_ms);
    buffer_u64(&bytes, fact->hand.lab.v);
    buffer_u32(&bytes, (uint32_t)fact->hand.temperature_mdegc);
    buffer_text(&bytes, fact->hand.code);
    buffer_text(&bytes, fact->hand.proof);
    struct sha256 hash = hash_sha256(bytes.data, bytes.size);
    buffer_deinit(&bytes);
    return hash;
}

static void tell_hand(struct tick *tick, const struct world_order *order, enum fact_kind kind, enum order_phase phase, struct facility_id lab)
{
    const struct command *command = tick->command;
    struct fact fact = fact_begin(tick, kind, order, order->courier);
    fact.phase = phase;
    fact.hand.lab = lab;
    fact.hand.temperature_mdegc = command->stop.temperature_mdegc;
    fact.hand.recipient_checked = command->stop.recipient_checked;
    /* the one-time code has done its work and is not kept; kit and seal ids are */
    if (kind != FACT_ORDER_DELIVERED) (void)text_copy(fact.hand.code, sizeof fact.hand.code, command->stop.code);
    (void)text_copy(fact.hand.proof, sizeof fact.hand.proof, command->stop.proof);
    bool chained = order->order.kind == ORDER_KIND_TEST;
    if (chained) fact.hand.custody = custody_of(tick, order, &fact);
    fact_tell(tick, &fact);
}

/* Which of the order's stops the courier can be at now; 0: none. */
static enum stop_kind next_stop(const struct tick *tick, const struct world_order *order)
{
    enum stop_kind kinds[ORDER_STOPS_MAX];
    bool kit_optional;
    if (!order_is_told(order) || order->order.phase == ORDER_ASSIGNED) return 0;
    uint32_t count = order_stops_left(order, kinds, &kit_optional);
    if (count == 0) return 0;
    if (!kit_optional) return kinds[0];
    const struct world_courier *courier = courier_find(tick->world, order->courier);
    bool depot_planned = courier && courier_find_stop(courier, order->order.id, STOP_KIT) < courier->stop_count;
    bool has_kit = courier && courier->kits > 0;
    return depot_planned || !has_kit ? STOP_KIT : STOP_HOME;
}

static enum status arrived(struct tick *tick, struct world_order *order, struct error *err)
{
    enum stop_kind kind = next_stop(tick, order);
    if (order->order.phase == ORDER_ARRIVED || order->order.phase == ORDER_COLLECTED) return wrong_phase(order, "the arrival at the door is recorded already", err);
    if (!kind) return wrong_phase(order, "it has no stop to arrive at now", err);
    const struct world_courier *courier = courier_find(tick->world, order->courier);
    uint32_t at = courier_find_stop(courier, order->order.id, kind);
    if (at < courier->stop_count && courier->stops[at].arrived) return wrong_phase(order, "the arrival at this stop is recorded already", err);
    struct fact fact = fact_begin(tick, FACT_STOP_ARRIVED, order, order->courier);
    fact.arrived.stop = kind;
    if (kind == STOP_HOME) fact.phase = ORDER_ARRIVED;
    else fact.arrived.facility = kind == STOP_LAB ? order->lab_id : order->order.first.facility;
    fact_tell(tick, &fact);
    return STATUS_OK;
}

static enum status picked_up(struct tick *tick, struct world_order *order, struct error *err)
{
    if (order->order.phase != ORDER_ACCEPTED) return wrong_phase(order, "only an order that the courier has accepted can be picked up", err);
    bool test = order->order.kind == ORDER_KIND_TEST;
    tell_hand(tick, order, FACT_ORDER_PICKED_UP, test ? ORDER_KIT_PICKED_UP : ORDER_PICKED_UP, (struct facility_id){0});
    return STATUS_OK;
}

static enum status delivered(struct tick *tick, struct world_order *order, struct error *err)
{
    if (order->order.kind == ORDER_KIND_TEST) return wrong_phase(order, "a test is not delivered but collected, sealed and brought to a laboratory", err);
    if (order->order.phase != ORDER_ARRIVED) return wrong_phase(order, "report the arrival at the door first", err);
    if (order->order.pickup_code[0] && strcmp(order->order.pickup_code, tick->command->stop.code) != 0) {
        error_set(err, STATUS_FAILED_PRECONDITION, "order %" PRIu64 ": the one-time code is wrong; ask the recipient to say it again", order->order.id.v);
        return error_reason(err, "WRONG_CODE");
    }
    note_promise(tick, order);
    tell_hand(tick, order, FACT_ORDER_DELIVERED, ORDER_DELIVERED, (struct facility_id){0});
    return STATUS_OK;
}

static enum status collected(struct tick *tick, struct world_order *order, struct error *err)
{
    if (order->order.kind != ORDER_KIND_TEST || order->order.phase != ORDER_ARRIVED) return wrong_phase(order, "a specimen is collected at the door, after the arrival there", err);
    tell_hand(tick, order, FACT_SPECIMEN_COLLECTED, ORDER_COLLECTED, (struct facility_id){0});
    return STATUS_OK;
}

static enum status sealed(struct tick *tick, struct world_order *order, struct error *err)
{
    if (order->order.phase != ORDER_COLLECTED) return wrong_phase(order, "a specimen is sealed after its collection", err);
    if (!tick->command->stop.code[0]) return error_field(err, "code", "the seal's id is needed");
    tell_hand(tick, order, FACT_SPECIMEN_SEALED, ORDER_SEALED, (struct facility_id){0});
    return STATUS_OK;
}

static enum status temperature(struct tick *tick, struct world_order *order, struct error *err)
{
    if (!order->on_board) return wrong_phase(order, "a temperature is read while something is in the box", err);
    int32_t read = tick->command->stop.temperature_mdegc;
    if (read < -273150 || read > 100000) return error_field(err, "temperature_mdegc", "thousandths of a degree Celsius, -273150 to 100000");
    tell_hand(tick, order, FACT_TEMPERATURE_READ, order->order.phase, (struct facility_id){0});
    bool cold = order->order.goods.cold_ml > 0;
    if (!cold || (read >= COLD_MIN_MDEGC && read <= COLD_MAX_MDEGC) || (order->alerts & BIT(ALERT_TEMPERATURE))) return STATUS_OK;
    struct fact fact = fact_begin(tick, FACT_ALERT_RAISED, order, order->courier);
    fact.alert.kind = ALERT_TEMPERATURE;
    fact_tell(tick, &fact);
    return STATUS_OK;
}

static bool does_test(const struct world_order *order, struct facility_id lab)
{
    for (uint32_t i = 0; i < order->order.lab_count; i++)
        if (order->order.labs[i].facility.v == lab.v) return true;
    return false;
}

static enum status lab_accepted(struct tick *tick, struct world_order *order, struct error *err)
{
    if (order->order.phase != ORDER_SEALED) return wrong_phase(order, "a laboratory accepts a sealed specimen", err);
    struct facility_id lab = tick->command->stop.lab.v ? tick->command->stop.lab : order->lab_id;
    if (!does_test(order, lab)) return error_field(err, "lab_id", "laboratory %" PRIu64 " is not one of those that may take this specimen", lab.v);
    int64_t age_ms = tick->now_ms - order->collected_ms;
    if (order->order.stability_s && age_ms > (int64_t)order->order.stability_s * 1000) {
        error_set(err, STATUS_FAILED_PRECONDITION, "order %" PRIu64 ": the specimen is %" PRId64 " s old and was stable for %" PRIu32 " s: reject it", order->order.id.v, age_ms / 1000,
                  order->order.stability_s);
        return error_reason(err, "SPECIMEN_TOO_OLD");
    }
    note_promise(tick, order);
    tell_hand(tick, order, FACT_SPECIMEN_LAB_ACCEPTED, ORDER_LAB_ACCEPTED, lab);
    return STATUS_OK;
}

static void tell_ended(struct tick *tick, const struct world_order *order, enum fact_kind kind, enum order_phase phase)
{
    struct fact fact = fact_begin(tick, kind, order, order->courier);
    fact.phase = phase;
    fact.ended.reason = tick->command->stop.fail;
    (void)text_copy(fact.ended.text, sizeof fact.ended.text, tick->command->stop.reason);
    fact_tell(tick, &fact);
    plan_wanted(tick->world, tick->now_ms);
}

static enum status lab_rejected(struct tick *tick, struct world_order *order, struct error *err)
{
    if (order->order.phase != ORDER_SEALED) return wrong_phase(order, "a laboratory rejects a sealed specimen", err);
    note_promise(tick, order);
    tell_ended(tick, order, FACT_SPECIMEN_LAB_REJECTED, ORDER_SPECIMEN_REJECTED);
    return STATUS_OK;
}

static enum status reported(struct tick *tick, struct world_order *order, struct error *err)
{
    if (order->order.phase != ORDER_LAB_ACCEPTED) return wrong_phase(order, "a result is reported after the laboratory has accepted the specimen", err);
    tell_hand(tick, order, FACT_SPECIMEN_REPORTED, ORDER_REPORTED, tick->command->stop.lab.v ? tick->command->stop.lab : order->lab_id);
    return STATUS_OK;
}

/* A courier has broken down: what he has not picked up goes back to the pool; if his box is empty, his shift is over. */
static void breakdown(struct tick *tick, struct courier_id id)
{
    struct world *world = tick->world;
    struct tick aside = *tick;
    aside.command = NULL; /* the request is answered by what became of its own order */
    bool carries = false;
    for (uint32_t i = 0; i < world->order_count; i++) {
        struct world_order *order = world->orders[i];
        if (order->courier.v != id.v) continue;
        if (order->order.phase == ORDER_ASSIGNED || order->order.phase == ORDER_ACCEPTED) unassign(&aside, order, FAIL_COURIER, tick->command->stop.reason);
        else carries |= order->on_board;
    }
    const struct world_courier *courier = courier_find(world, id);
    if (carries || !courier || !courier->on_shift) return;
    struct fact fact = fact_begin(&aside, FACT_SHIFT_ENDED, NULL, id);
    fact_tell(&aside, &fact);
}

static enum status failed(struct tick *tick, struct world_order *order, struct error *err)
{
    enum fail_reason reason = tick->command->stop.fail;
    if (reason <= FAIL_NONE || reason >= FAIL_REASON_COUNT) return error_field(err, "fail_reason", "say why it failed");
    if (order->order.phase == ORDER_RETURNING) return wrong_phase(order, "it is on its way back already", err);
    if (!order_is_told(order)) return wrong_phase(order, "it is not under way", err);
    struct courier_id courier = order->courier;
    plan_wanted(tick->world, tick->now_ms);
    if (!order->on_board) {
        if (reason == FAIL_COURIER || reason == FAIL_NOT_READY) unassign(tick, order, reason, tick->command->stop.reason);
        else tell_ended(tick, order, FACT_ORDER_FAILED, ORDER_FAILED);
        if (reason == FAIL_COURIER) breakdown(tick, courier);
        return STATUS_OK;
    }
    note_promise(tick, order);
    bool goods = order->order.kind != ORDER_KIND_TEST;
    tell_ended(tick, order, FACT_ORDER_FAILED, ORDER_FAILED);
    if (goods) tell_ended(tick, order, FACT_ORDER_RETURNING, ORDER_RETURNING);
    if (reason == FAIL_COURIER) breakdown(tick, courier);
    return STATUS_OK;
}

static enum status returned(struct tick *tick, struct world_order *order, struct error *err)
{
    if (order->order.phase != ORDER_RETURNING) return wrong_phase(order, "only goods on their way back can be returned", err);
    tell_ended(tick, order, FACT_ORDER_RETURNED, ORDER_RETURNED);
    return STATUS_OK;
}

enum status decide_stop(struct tick *tick, struct error *err)
{
    struct world_order *order;
    TRY(find_order(tick, &order, err));
    TRY(check_courier(tick, order, err));
    if ((unsigned)tick->command->stop.fail >= FAIL_REASON_COUNT) return error_field(err, "fail_reason", "no such reason");
    switch (tick->command->stop.event) {
    case STOP_EVENT_ARRIVED: return arrived(tick, order, err);
    case STOP_EVENT_PICKED_UP: return picked_up(tick, order, err);
    case STOP_EVENT_DELIVERED: return delivered(tick, order, err);
    case STOP_EVENT_COLLECTED: return collected(tick, order, err);
    case STOP_EVENT_SEALED: return sealed(tick, order, err);
    case STOP_EVENT_TEMPERATURE: return temperature(tick, order, err);
    case STOP_EVENT_LAB_ACCEPTED: return lab_accepted(tick, order, err);
    case STOP_EVENT_LAB_REJECTED: return lab_rejected(tick, order, err);
    case STOP_EVENT_REPORTED: return reported(tick, order, err);
    case STOP_EVENT_FAILED: return failed(tick, order, err);
    case STOP_EVENT_RETURNED: return returned(tick, order, err);
    case STOP_EVENT_COUNT: break;
    }
    return error_field(err, "event", "no such event at a stop");
}
