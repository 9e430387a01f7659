/* A world as bytes, in one order only, and back. Whatever facts have made is in it; positions, timers and plans under way are not. */
#include "world.h"

#include <string.h>

enum { WORLD_CODEC_VERSION = 1 };

static void put_bool(struct buffer *out, bool value) { buffer_u8(out, value ? 1 : 0); }

static bool get_bool(struct reader *in)
{
    uint8_t byte = reader_u8(in);
    if (byte > 1) in->bad = true;
    return byte == 1;
}

static void put_point(struct buffer *out, struct point at)
{
    buffer_u32(out, (uint32_t)at.lat_e7);
    buffer_u32(out, (uint32_t)at.lon_e7);
}

static struct point get_point(struct reader *in)
{
    struct point at;
    at.lat_e7 = (int32_t)reader_u32(in);
    at.lon_e7 = (int32_t)reader_u32(in);
    return at;
}

static int64_t get_i64(struct reader *in) { return (int64_t)reader_u64(in); }

/* The instants of an order's life, visited in one order for both directions. */
enum { INSTANTS = 10 };
static void instants_of(const struct world_order *order, int64_t out[INSTANTS])
{
    const int64_t all[INSTANTS] = {order->entered_ms,   order->approved_ms, order->ready_ms,     order->assigned_ms, order->taken_ms,
                                   order->picked_up_ms, order->arrived_ms,  order->collected_ms, order->sealed_ms,   order->ended_ms};
    memcpy(out, all, sizeof all);
}

static void put_order(struct buffer *out, const struct world_order *order)
{
    order_encode(&order->order, out);
    buffer_u32(out, order->version);
    buffer_u64(out, order->courier.v);
    buffer_u64(out, (uint64_t)order->eta_ms);
    buffer_u32(out, order->lab);
    buffer_u64(out, order->lab_id.v);
    put_bool(out, order->pinned);
    put_bool(out, order->held);
    put_bool(out, order->missed);
    put_bool(out, order->kit_from_box);
    buffer_u64(out, order->pinned_to.v);
    buffer_u32(out, order->alerts);
    buffer_u8(out, (uint8_t)order->unplanned);
    buffer_u32(out, order->unplanned_detail);
    buffer_u64(out, (uint64_t)order->answer_by_ms);
    buffer_u32(out, order->declined_count);
    for (uint32_t i = 0; i < order->declined_count; i++) buffer_u64(out, order->declined[i].v);
    buffer_u32(out, order->changes);
    int64_t instants[INSTANTS];
    instants_of(order, instants);
    for (uint32_t i = 0; i < INSTANTS; i++) buffer_u64(out, (uint64_t)instants[i]);
    buffer_u8(out, (uint8_t)order->fail);
    buffer_u32(out, (uint32_t)order->temperature_mdegc);
    buffer_append(out, order->custody.byte, sizeof order->custody.byte);
}

static bool get_order(struct reader *in, struct world *world, uint64_t *last_id)
{
    struct order plain;
    if (!order_decode(in, &plain) || plain.id.v <= *last_id) return false;
    *last_id = plain.id.v;
    struct world_order *order = order_add(world, plain.id);
    order->order = plain;
    order->on_board = order_phase_is_on_board(plain.phase);
    order->version = reader_u32(in);
    order->courier.v = reader_u64(in);
    order->eta_ms = get_i64(in);
    order->lab = reader_u32(in);
    order->lab_id.v = reader_u64(in);
    order->pinned = get_bool(in);
    order->held = get_bool(in);
    order->missed = get_bool(in);
    order->kit_from_box = get_bool(in);
    order->pinned_to.v = reader_u64(in);
    order->alerts = reader_u32(in);
    uint8_t unplanned = reader_u8(in);
    order->unplanned_detail = reader_u32(in);
    order->answer_by_ms = get_i64(in);
    order->declined_count = reader_u32(in);
    if (in->bad || unplanned >= UNPLANNED_REASON_COUNT || order->declined_count > WORLD_DECLINES_MAX || order->lab > ORDER_LABS_MAX) return false;
    order->unplanned = (enum unplanned_reason)unplanned;
    for (uint32_t i = 0; i < order->declined_count; i++) order->declined[i].v = reader_u64(in);
    order->changes = reader_u32(in);
    int64_t *instants[INSTANTS] = {&order->entered_ms,   &order->approved_ms, &order->ready_ms,     &order->assigned_ms, &order->taken_ms,
                                   &order->picked_up_ms, &order->arrived_ms,  &order->collected_ms, &order->sealed_ms,   &order->ended_ms};
    for (uint32_t i = 0; i < INSTANTS; i++) *instants[i] = get_i64(in);
    uint8_t fail = reader_u8(in);
    if (fail >= FAIL_REASON_COUNT) return false;
    order->fail = (enum fail_reason)fail;
    order->temperature_mdegc = (int32_t)reader_u32(in);
    for (size_t i = 0; i < sizeof order->custody.byte; i++) order->custody.byte[i] = reader_u8(in);
    return !in->bad;
}

static void put_courier(struct buffer *out, const struct world_courier *courier)
{
    courier_encode(&courier->courier, out);
    put_bool(out, courier->on_shift);
    buffer_u64(out, (uint64_t)courier->shift_started_ms);
    buffer_u64(out, (uint64_t)courier->shift_ends_ms);
    buffer_u32(out, courier->kits);
    buffer_u32(out, courier->route_version);
    buffer_u32(out, courier->changes);
    buffer_u64(out, (uint64_t)courier->start_ms);
    put_point(out, courier->start);
    put_point(out, courier->seen_at);
    buffer_u64(out, (uint64_t)courier->seen_ms);
    put_bool(out, courier->silent);
    buffer_u32(out, courier->stop_count);
    for (uint32_t i = 0; i < courier->stop_count; i++) {
        plan_stop_encode(&courier->stops[i].plan, out);
        put_bool(out, courier->stops[i].told);
        put_bool(out, courier->stops[i].arrived);
    }
}

static bool get_courier(struct reader *in, struct world *world, uint64_t *last_id)
{
    struct courier plain;
    if (!courier_decode(in, &plain) || plain.id.v <= *last_id) return false;
    *last_id = plain.id.v;
    struct world_courier *courier = courier_add(world, plain.id);
    courier->courier = plain;
    courier->on_shift = get_bool(in);
    courier->shift_started_ms = get_i64(in);
    courier->shift_ends_ms = get_i64(in);
    courier->kits = reader_u32(in);
    courier->route_version = reader_u32(in);
    courier->changes = reader_u32(in);
    courier->start_ms = get_i64(in);
    courier->start = get_point(in);
    courier->seen_at = get_point(in);
    courier->seen_ms = get_i64(in);
    courier->silent = get_bool(in);
    uint32_t count = reader_u32(in);
    if (in->bad || count > ROUTE_STOPS_MAX) return false;
    for (uint32_t i = 0; i < count; i++) {
        struct world_stop *stop = &courier->stops[i];
        if (!plan_stop_decode(in, &stop->plan)) return false;
        stop->told = get_bool(in);
        stop->arrived = get_bool(in);
        const struct world_order *order = order_find(world, stop->plan.order);
        if (!order || (stop->plan.kind == STOP_LAB && stop->plan.lab >= order->order.lab_count)) return false;
        courier->stop_count++;
    }
    return !in->bad;
}

void world_encode(const struct world *world, struct buffer *out)
{
    buffer_u8(out, WORLD_CODEC_VERSION);
    buffer_u32(out, world->options.city.v);
    buffer_u64(out, world->seq);
    buffer_u64(out, (uint64_t)world->last_fact_ms);
    buffer_u32(out, world->order_count);
    for (uint32_t i = 0; i < world->order_count; i++) put_order(out, world->orders[i]);
    buffer_u32(out, world->courier_count);
    for (uint32_t i = 0; i < world->courier_count; i++) put_courier(out, world->couriers[i]);
    buffer_u32(out, world->keys.count);
    for (uint32_t i = 0; i < world->keys.count; i++) {
        const struct key_entry *entry = keys_at(&world->keys, i);
        buffer_append(out, entry->key, sizeof entry->key);
        buffer_u64(out, entry->request_hash);
        buffer_u64(out, entry->order.v);
        buffer_u64(out, entry->courier.v);
        buffer_u64(out, (uint64_t)entry->at_ms);
    }
}

static bool get_keys(struct reader *in, struct world *world)
{
    uint32_t count = reader_u32(in);
    if (count > WORLD_KEYS_MAX) return false;
    for (uint32_t i = 0; i < count; i++) {
        struct key_entry entry = {0};
        for (size_t k = 0; k < sizeof entry.key; k++) entry.key[k] = reader_u8(in);
        entry.request_hash = reader_u64(in);
        entry.order.v = reader_u64(in);
        entry.courier.v = reader_u64(in);
        entry.at_ms = get_i64(in);
        if (in->bad || keys_find(&world->keys, entry.key)) return false;
        keys_add(&world->keys, &entry);
    }
    return true;
}

bool world_decode(struct world *world, const void *data, size_t size)
{
    ASSERT(world->seq == 0 && world->order_count == 0 && world->courier_count == 0);
    struct reader in = {.data = data, .size = size};
    if (reader_u8(&in) != WORLD_CODEC_VERSION || reader_u32(&in) != world->options.city.v) return false;
    world->seq = reader_u64(&in);
    world->last_fact_ms = get_i64(&in);
    uint32_t orders = reader_u32(&in);
    if (in.bad || orders > WORLD_ORDERS_MAX) return false;
    uint64_t last_id = 0;
    for (uint32_t i = 0; i < orders; i++)
        if (!get_order(&in, world, &last_id)) return false;
    uint32_t couriers = reader_u32(&in);
    if (in.bad || couriers > WORLD_COURIERS_MAX) return false;
    last_id = 0;
    for (uint32_t i = 0; i < couriers; i++)
        if (!get_courier(&in, world, &last_id)) return false;
    return get_keys(&in, world) && !in.bad && in.at == in.size;
}
