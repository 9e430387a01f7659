/* Every kind of fact there and back again; and bytes from nowhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "model/model.h"

static void random_text(struct rng *rng, char *out, size_t capacity)
{
    size_t length = rng_below(rng, (uint32_t)capacity);
    for (size_t i = 0; i < length; i++) out[i] = (char)(33 + rng_below(rng, 90));
    out[length] = 0;
}

static struct point random_point(struct rng *rng)
{
    return (struct point){(int32_t)rng_u64(rng), (int32_t)rng_u64(rng)};
}

static struct stop random_stop(struct rng *rng)
{
    return (struct stop){.kind = (enum stop_kind)rng_below(rng, STOP_BASE + 1), .facility = {rng_u64(rng)}, .at = random_point(rng),
                         .open_ms = (int64_t)rng_u64(rng), .close_ms = (int64_t)rng_u64(rng), .service_s = (uint32_t)rng_u64(rng)};
}

static void random_order(struct rng *rng, struct order *order)
{
    memset(order, 0, sizeof *order);
    order->id.v = rng_u64(rng);
    order->city.v = (uint32_t)rng_u64(rng);
    order->kind = (enum order_kind)(1 + rng_below(rng, 3));
    order->priority = (enum priority)(1 + rng_below(rng, 3));
    order->phase = (enum order_phase)rng_below(rng, ORDER_PHASE_COUNT);
    order->accepted_ms = (int64_t)rng_u64(rng);
    order->promise_ms = (int64_t)rng_u64(rng);
    order->ready_ms = (int64_t)rng_u64(rng);
    order->stability_s = (uint32_t)rng_u64(rng);
    order->goods = (struct order_goods){(uint32_t)rng_u64(rng), (uint32_t)rng_u64(rng), (uint32_t)rng_u64(rng)};
    order->needs_approval = rng_below(rng, 2);
    order->first = random_stop(rng);
    order->home = random_stop(rng);
    order->lab_count = rng_below(rng, ORDER_LABS_MAX + 1);
    for (uint32_t i = 0; i < order->lab_count; i++) order->labs[i] = random_stop(rng);
    order->pharmacy.v = rng_u64(rng);
    random_text(rng, order->pickup_code, sizeof order->pickup_code);
}

static void random_route(struct rng *rng, struct arena *arena, struct fact *fact)
{
    fact->route.route_version = (uint32_t)rng_u64(rng);
    fact->route.changes = (uint32_t)rng_u64(rng);
    fact->route.start = random_point(rng);
    fact->route.stop_count = rng_below(rng, ROUTE_STOPS_MAX + 1);
    fact->route.stops = arena_alloc(arena, ROUTE_STOPS_MAX * sizeof *fact->route.stops);
    for (uint32_t i = 0; i < fact->route.stop_count; i++)
        fact->route.stops[i] = (struct plan_stop){{rng_u64(rng)}, (enum stop_kind)(1 + rng_below(rng, STOP_BASE)), (uint32_t)rng_u64(rng),
                                                  (int64_t)rng_u64(rng), (int64_t)rng_u64(rng), (int64_t)rng_u64(rng), 1, 2};
}

static void random_body(struct rng *rng, struct arena *arena, struct fact *fact)
{
    switch (fact->kind) {
    case FACT_ORDER_ENTERED:
        fact->entered = arena_alloc(arena, sizeof *fact->entered);
        random_order(rng, fact->entered);
        break;
    case FACT_ORDER_APPROVED:
        random_text(rng, fact->approved.pharmacist, sizeof fact->approved.pharmacist);
        fact->approved.expected_ready_ms = (int64_t)rng_u64(rng);
        break;
    case FACT_ORDER_READY:
        fact->ready.ready_ms = (int64_t)rng_u64(rng);
        fact->ready.parcels = (uint32_t)rng_u64(rng);
        break;
    case FACT_ORDER_UNPLANNED:
        fact->unplanned.reason = (enum unplanned_reason)rng_below(rng, UNPLANNED_REASON_COUNT);
        fact->unplanned.detail = (uint32_t)rng_u64(rng);
        break;
    case FACT_ROUTE_PLANNED: random_route(rng, arena, fact); break;
    case FACT_ORDER_ASSIGNED:
        fact->assigned.answer_by_ms = (int64_t)rng_u64(rng);
        fact->assigned.eta_ms = (int64_t)rng_u64(rng);
        break;
    case FACT_STOP_ARRIVED:
        fact->arrived.facility.v = rng_u64(rng);
        fact->arrived.stop = (enum stop_kind)(1 + rng_below(rng, STOP_BASE));
        break;
    case FACT_ORDER_PICKED_UP:
    case FACT_ORDER_DELIVERED:
    case FACT_SPECIMEN_COLLECTED:
    case FACT_SPECIMEN_SEALED:
    case FACT_SPECIMEN_LAB_ACCEPTED:
    case FACT_SPECIMEN_REPORTED:
    case FACT_TEMPERATURE_READ:
        fact->hand.lab.v = rng_u64(rng);
        fact->hand.temperature_mdegc = (int32_t)rng_u64(rng);
        fact->hand.recipient_checked = rng_below(rng, 2);
        random_text(rng, fact->hand.code, sizeof fact->hand.code);
        random_text(rng, fact->hand.proof, sizeof fact->hand.proof);
        fact->hand.custody = hash_sha256("x", rng_below(rng, 2));
        break;
    case FACT_ORDER_DECLINED:
    case FACT_ORDER_UNASSIGNED:
    case FACT_SPECIMEN_LAB_REJECTED:
    case FACT_ORDER_CANCELLED:
    case FACT_ORDER_FAILED:
    case FACT_ORDER_RETURNING:
    case FACT_ORDER_RETURNED:
        fact->ended.reason = (enum fail_reason)rng_below(rng, FAIL_REASON_COUNT);
        random_text(rng, fact->ended.text, sizeof fact->ended.text);
        break;
    case FACT_ORDER_PINNED:
    case FACT_ORDER_HELD:
        fact->flag.on = rng_below(rng, 2);
        random_text(rng, fact->flag.reason, sizeof fact->flag.reason);
        break;
    case FACT_ORDER_PRIORITIZED:
        fact->priority.priority = (enum priority)(PRIORITY_ROUTINE + rng_below(rng, PRIORITY_CRITICAL));
        random_text(rng, fact->priority.reason, sizeof fact->priority.reason);
        break;
    case FACT_ALERT_SEEN:
    case FACT_ALERT_RAISED: fact->alert.kind = (enum alert_kind)(1 + rng_below(rng, ALERT_KIND_COUNT - 1)); break;
    case FACT_SHIFT_STARTED:
        random_text(rng, fact->shift.courier.name, sizeof fact->shift.courier.name);
        random_text(rng, fact->shift.courier.relay_phone, sizeof fact->shift.courier.relay_phone);
        fact->shift.courier.id.v = rng_u64(rng);
        fact->shift.courier.skills = (uint32_t)rng_u64(rng);
        fact->shift.courier.active = rng_below(rng, 2);
        fact->shift.at = random_point(rng);
        fact->shift.ends_ms = (int64_t)rng_u64(rng);
        break;
    case FACT_ORDER_TAKEN:
    case FACT_PROMISE_MISSED:
    case FACT_SHIFT_ENDED:
    case FACT_NONE:
    case FACT_KIND_COUNT: break;
    }
}

static void random_fact(struct rng *rng, struct arena *arena, enum fact_kind kind, struct fact *fact)
{
    memset(fact, 0, sizeof *fact);
    fact->kind = kind;
    fact->city.v = (uint32_t)rng_u64(rng);
    fact->seq = rng_u64(rng);
    fact->at_ms = (int64_t)rng_u64(rng);
    fact->order.v = rng_u64(rng);
    fact->courier.v = rng_u64(rng);
    fact->order_version = (uint32_t)rng_u64(rng);
    fact->phase = (enum order_phase)rng_below(rng, ORDER_PHASE_COUNT);
    for (size_t i = 0; i < sizeof fact->cause.key; i++) fact->cause.key[i] = (uint8_t)rng_u64(rng);
    fact->cause.request_hash = rng_u64(rng);
    fact->cause.source_ms = (int64_t)rng_u64(rng);
    random_text(rng, fact->cause.actor, sizeof fact->cause.actor);
    random_body(rng, arena, fact);
}

/* Fields that are compared one by one, so that a field forgotten by the walk (in both directions) is found. */
static void same_fields(const struct fact *a, const struct fact *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_true(a->city.v == b->city.v && a->seq == b->seq && a->at_ms == b->at_ms && a->order.v == b->order.v && a->courier.v == b->courier.v);
    assert_true(a->order_version == b->order_version && a->phase == b->phase);
    assert_memory_equal(a->cause.key, b->cause.key, sizeof a->cause.key);
    assert_true(a->cause.request_hash == b->cause.request_hash && a->cause.source_ms == b->cause.source_ms);
    assert_string_equal(a->cause.actor, b->cause.actor);
    if (a->kind == FACT_ORDER_ENTERED) { /* no padding was written: both are zeroed, then filled field by field */
        assert_true(a->entered->id.v == b->entered->id.v && a->entered->promise_ms == b->entered->promise_ms && a->entered->ready_ms == b->entered->ready_ms);
        assert_true(a->entered->stability_s == b->entered->stability_s && a->entered->needs_approval == b->entered->needs_approval);
        assert_true(a->entered->goods.volume_ml == b->entered->goods.volume_ml && a->entered->goods.cold_ml == b->entered->goods.cold_ml);
        assert_true(a->entered->goods.skills == b->entered->goods.skills && a->entered->lab_count == b->entered->lab_count);
        assert_memory_equal(&a->entered->home.at, &b->entered->home.at, sizeof a->entered->home.at);
        for (uint32_t i = 0; i < a->entered->lab_count; i++) assert_true(a->entered->labs[i].close_ms == b->entered->labs[i].close_ms);
        assert_string_equal(a->entered->pickup_code, b->entered->pickup_code);
        assert_true(a->entered->pharmacy.v == b->entered->pharmacy.v && a->entered->accepted_ms == b->entered->accepted_ms);
    }
    if (a->kind == FACT_ROUTE_PLANNED) {
        assert_true(a->route.stop_count == b->route.stop_count && a->route.changes == b->route.changes && a->route.route_version == b->route.route_version);
        for (uint32_t i = 0; i < a->route.stop_count; i++) {
            assert_true(a->route.stops[i].order.v == b->route.stops[i].order.v && a->route.stops[i].leave_ms == b->route.stops[i].leave_ms);
            assert_true(a->route.stops[i].lab == b->route.stops[i].lab && a->route.stops[i].travel_m == b->route.stops[i].travel_m);
        }
    }
}

static void test_every_kind_comes_back_as_it_went(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 76);
    struct buffer first, second;
    buffer_init(&first, 1 << 20);
    buffer_init(&second, 1 << 20);
    for (unsigned kind = FACT_NONE + 1; kind < FACT_KIND_COUNT; kind++) {
        for (unsigned round = 0; round < 200; round++) {
            struct arena *arena = arena_new(1 << 20);
            struct fact in, out;
            random_fact(&rng, arena, (enum fact_kind)kind, &in);
            buffer_clear(&first);
            buffer_clear(&second);
            fact_encode(&in, &first);
            struct reader reader = {.data = first.data, .size = first.size};
            assert_true(fact_decode(&reader, arena, &out));
            assert_int_equal(reader.at, first.size);
            same_fields(&in, &out);
            fact_encode(&out, &second);
            assert_int_equal(first.size, second.size);
            assert_memory_equal(first.data, second.data, first.size);
            arena_free(arena);
        }
    }
    buffer_deinit(&first);
    buffer_deinit(&second);
}

static void test_every_cut_is_refused(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 77);
    struct buffer bytes;
    buffer_init(&bytes, 1 << 20);
    for (unsigned kind = FACT_NONE + 1; kind < FACT_KIND_COUNT; kind++) {
        struct arena *arena = arena_new(8 << 20);
        struct fact in, out;
        random_fact(&rng, arena, (enum fact_kind)kind, &in);
        buffer_clear(&bytes);
        fact_encode(&in, &bytes);
        for (size_t cut = 0; cut < bytes.size; cut += 1 + bytes.size / 200) {
            struct reader reader = {.data = bytes.data, .size = cut};
            assert_false(fact_decode(&reader, arena, &out));
        }
        arena_free(arena);
    }
    buffer_deinit(&bytes);
}

/* Hostile bytes: what is taken must be what fact_encode writes, byte for byte. */
static void test_changed_bytes_are_refused_or_canonical(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 78);
    struct buffer bytes, again;
    buffer_init(&bytes, 1 << 20);
    buffer_init(&again, 1 << 20);
    unsigned refused = 0;
    for (unsigned round = 0; round < 20000; round++) {
        struct arena *arena = arena_new(1 << 20);
        struct fact in, out;
        random_fact(&rng, arena, (enum fact_kind)(1 + rng_below(&rng, FACT_KIND_COUNT - 1)), &in);
        buffer_clear(&bytes);
        buffer_clear(&again);
        fact_encode(&in, &bytes);
        for (unsigned hits = 1 + rng_below(&rng, 4); hits > 0; hits--) bytes.data[rng_below(&rng, (uint32_t)bytes.size)] = (uint8_t)rng_u64(&rng);
        struct reader reader = {.data = bytes.data, .size = bytes.size};
        if (fact_decode(&reader, arena, &out)) {
            fact_encode(&out, &again);
            assert_int_equal(again.size, reader.at);
            assert_memory_equal(again.data, bytes.data, again.size);
        } else {
            refused++;
        }
        arena_free(arena);
    }
    assert_true(refused > 1000);
    buffer_deinit(&bytes);
    buffer_deinit(&again);
}

static void test_a_full_arena_is_refused_not_crashed(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 79);
    struct arena *arena = arena_new(1 << 20), *tiny = arena_new(64);
    struct fact in, out;
    random_fact(&rng, arena, FACT_ORDER_ENTERED, &in);
    struct buffer bytes;
    buffer_init(&bytes, 1 << 20);
    fact_encode(&in, &bytes);
    struct reader reader = {.data = bytes.data, .size = bytes.size};
    assert_false(fact_decode(&reader, tiny, &out));
    buffer_deinit(&bytes);
    arena_free(arena);
    arena_free(tiny);
}

static void test_order_alone_comes_back(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 80);
    struct buffer first, second;
    buffer_init(&first, 1 << 16);
    buffer_init(&second, 1 << 16);
    struct order in, out;
    random_order(&rng, &in);
    order_encode(&in, &first);
    struct reader reader = {.data = first.data, .size = first.size};
    assert_true(order_decode(&reader, &out));
    order_encode(&out, &second);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    first.data[0] = 2; /* a version from the future */
    reader = (struct reader){.data = first.data, .size = first.size};
    assert_false(order_decode(&reader, &out));
    buffer_deinit(&first);
    buffer_deinit(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_comes_back_as_it_went),     cmocka_unit_test(test_every_cut_is_refused),
        cmocka_unit_test(test_changed_bytes_are_refused_or_canonical), cmocka_unit_test(test_a_full_arena_is_refused_not_crashed),
        cmocka_unit_test(test_order_alone_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
