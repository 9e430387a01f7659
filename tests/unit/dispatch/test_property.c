/* Thousands of random commands, sensible and senseless, stale and repeated, with a planner on the spot. After each step: what must hold always. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "city.h"

enum { STEPS = 2500, COURIERS = 6, SEEDS = 6 };

struct shadow { /* an order as the facts tell it, kept by the test itself */
    uint64_t id;
    enum order_kind kind;
    enum order_phase phase;
    uint32_t version;
    uint64_t courier; /* told to */
};

struct run {
    struct city city;
    struct world *twin;          /* fold of encoded and decoded facts */
    struct arena *arena;
    struct rng rng;
    uint32_t facts_seen;
    uint64_t orders;             /* ids 1..orders have entered */
    struct shadow *shadows;
    struct command *past;        /* accepted commands, to be sent again */
    struct decision *answers;
    uint32_t past_count;
    uint32_t done, refused, repeated;
};

static bool carries(enum order_phase phase) { return phase == ORDER_ACCEPTED || order_phase_is_on_board(phase); }

/* Each fact by the table; who carries an order changes only by the courier's no, a dispatcher or a failure. */
static void check_fact(struct run *run, const struct fact *fact)
{
    assert_true(fact->seq == ++run->facts_seen);
    if (!fact->order.v) return;
    assert_true(fact->order.v <= run->orders);
    struct shadow *shadow = &run->shadows[fact->order.v];
    if (fact->kind == FACT_ORDER_ENTERED) {
        assert_int_equal(shadow->version, 0);
        *shadow = (struct shadow){fact->order.v, fact->entered->kind, fact->phase, 1, 0};
        return;
    }
    assert_int_equal(fact->order_version, shadow->version + 1);
    assert_true(shadow->phase == fact->phase || order_may_advance(shadow->kind, shadow->phase, fact->phase));
    if (order_phase_is_terminal(shadow->phase)) assert_int_equal(fact->kind, FACT_ORDER_RETURNING);
    if (order_phase_is_on_board(shadow->phase)) assert_int_not_equal(fact->kind, FACT_ORDER_UNASSIGNED);
    if (fact->kind == FACT_ORDER_ASSIGNED) {
        assert_int_equal(shadow->courier, 0);
        shadow->courier = fact->courier.v;
    } else if (fact->kind == FACT_ORDER_DECLINED || fact->kind == FACT_ORDER_UNASSIGNED) {
        shadow->courier = 0;
    } else if (carries(shadow->phase) && fact->kind != FACT_ORDER_PINNED) {
        assert_true(fact->courier.v == shadow->courier);
    }
    shadow->phase = fact->phase;
    shadow->version = fact->order_version;
}

static void feed_twin(struct run *run, const struct fact *fact)
{
    struct buffer bytes;
    buffer_init(&bytes, 1 << 20);
    fact_encode(fact, &bytes);
    struct reader reader = {.data = bytes.data, .size = bytes.size};
    struct fact again;
    assert_true(fact_decode(&reader, run->arena, &again));
    struct error err;
    assert_int_equal(world_fact_check(run->twin, &again, &err), STATUS_OK);
    world_apply(run->twin, &again);
    arena_reset(run->arena);
    buffer_deinit(&bytes);
}

static void check_routes(const struct run *run)
{
    const struct world *world = run->city.world;
    uint64_t *owner = mem_zalloc(run->orders + 1, sizeof *owner);
    for (uint32_t c = 0; c < world_courier_count(world); c++) {
        const struct world_courier *courier = world_courier_at(world, c);
        if (!courier->on_shift) assert_int_equal(courier->stop_count, 0);
        for (uint32_t i = 0; i < courier->stop_count; i++) {
            const struct world_order *order = world_order(world, courier->stops[i].plan.order);
            assert_non_null(order);
            assert_false(order_phase_is_terminal(order->order.phase)); /* ended: in no route */
            assert_true(order->courier.v == courier->courier.id.v);
            assert_true(owner[order->order.id.v] == 0 || owner[order->order.id.v] == courier->courier.id.v); /* one courier */
            owner[order->order.id.v] = courier->courier.id.v;
            if (courier->stops[i].told) assert_true(order->order.phase == ORDER_ASSIGNED || carries(order->order.phase));
        }
    }
    free(owner);
    for (uint32_t i = 0; i < world_order_count(world); i++) {
        const struct world_order *order = world_order_at(world, i);
        const struct shadow *shadow = &run->shadows[order->order.id.v];
        assert_int_equal(order->order.phase, shadow->phase);
        assert_int_equal(order->version, shadow->version);
        assert_true(order->on_board == order_phase_is_on_board(order->order.phase));
        if (carries(order->order.phase)) assert_true(world_courier(world, order->courier)->on_shift);
    }
}

static void check_bytes(struct run *run)
{
    struct buffer live, twin, decoded;
    buffer_init(&live, 64 << 20);
    buffer_init(&twin, 64 << 20);
    buffer_init(&decoded, 64 << 20);
    world_encode(run->city.world, &live);
    world_encode(run->twin, &twin);
    assert_false(live.full);
    assert_int_equal(live.size, twin.size);
    assert_memory_equal(live.data, twin.data, live.size);
    struct world_options options = world_options_default((struct city_id){CITY_ID});
    struct world *again = world_new(&options);
    assert_true(world_decode(again, live.data, live.size));
    world_encode(again, &decoded);
    assert_int_equal(live.size, decoded.size);
    assert_memory_equal(live.data, decoded.data, live.size);
    world_free(again);
    buffer_deinit(&live);
    buffer_deinit(&twin);
    buffer_deinit(&decoded);
}

static struct point any_point(struct rng *rng)
{
    return city_point((int32_t)rng_below(rng, 8000), (int32_t)rng_below(rng, 8000));
}

static void random_enter(struct run *run, struct command *command, struct order *order)
{
    struct rng *rng = &run->rng;
    bool again = run->orders > 0 && rng_below(rng, 10) == 0;
    uint64_t id = again ? 1 + rng_below(rng, (uint32_t)run->orders) : run->orders + 1;
    *order = rng_below(rng, 2) ? city_prescription(&run->city, id, any_point(rng), any_point(rng)) : city_test(&run->city, id, any_point(rng), any_point(rng), any_point(rng));
    if (rng_below(rng, 4) == 0) order->needs_approval = !order->needs_approval;
    order->priority = (enum priority)(1 + rng_below(rng, 3));
    if (rng_below(rng, 4) == 0) (void)text_copy(order->pickup_code, sizeof order->pickup_code, "1234");
    if (rng_below(rng, 6) == 0) order->promise_ms = run->city.now_ms + 600000;
    if (order->lab_count && rng_below(rng, 3) == 0) order->labs[0].close_ms = run->city.now_ms + 5400000;
    if (rng_below(rng, 40) == 0) order->lab_count = 9; /* nonsense */
    if (rng_below(rng, 40) == 0) order->phase = ORDER_DELIVERED;
    if (!again) run->orders++;
    command->order.v = id;
    command->accepted = order;
}

/* What a courier would do next with an order, so that stories reach their end. */
static enum stop_event sensible_event(struct rng *rng, const struct world_order *order, const struct world *world)
{
    bool test = order->order.kind == ORDER_KIND_TEST;
    switch ((int)order->order.phase) {
    case ORDER_ACCEPTED:
        if (test && order->kit_from_box && world_courier(world, order->courier)->kits > 0) return STOP_EVENT_ARRIVED;
        return rng_below(rng, 3) ? STOP_EVENT_PICKED_UP : STOP_EVENT_ARRIVED;
    case ORDER_PICKED_UP:
    case ORDER_KIT_PICKED_UP: return STOP_EVENT_ARRIVED;
    case ORDER_ARRIVED: return test ? STOP_EVENT_COLLECTED : STOP_EVENT_DELIVERED;
    case ORDER_COLLECTED: return STOP_EVENT_SEALED;
    case ORDER_SEALED: return rng_below(rng, 6) ? STOP_EVENT_LAB_ACCEPTED : STOP_EVENT_LAB_REJECTED;
    case ORDER_LAB_ACCEPTED: return STOP_EVENT_REPORTED;
    case ORDER_RETURNING: return STOP_EVENT_RETURNED;
    default: return (enum stop_event)(1 + rng_below(rng, STOP_EVENT_COUNT));
    }
}

static void random_stop_event(struct run *run, struct command *command)
{
    struct rng *rng = &run->rng;
    const struct world_order *order = world_order(run->city.world, command->order);
    command->stop.event = (enum stop_event)rng_below(rng, STOP_EVENT_COUNT + 1);
    command->stop.fail = (enum fail_reason)rng_below(rng, FAIL_REASON_COUNT + 1);
    command->stop.temperature_mdegc = (int32_t)rng_below(rng, 20000);
    if (!order) return;
    if (rng_below(rng, 12)) command->courier = order->courier;
    if (rng_below(rng, 8)) command->stop.event = sensible_event(rng, order, run->city.world);
    (void)text_copy(command->stop.code, sizeof command->stop.code, rng_below(rng, 6) ? "1234" : "");
}

/* Mostly, somebody asks for what can be done. */
static uint64_t likely_order(struct run *run, uint32_t phases, uint64_t otherwise)
{
    const struct world *world = run->city.world;
    uint32_t count = world_order_count(world);
    if (count == 0 || rng_below(&run->rng, 8) == 0) return otherwise;
    uint32_t start = rng_below(&run->rng, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct world_order *order = world_order_at(world, (start + i) % count);
        if (phases & BIT(order->order.phase)) return order->order.id.v;
    }
    return otherwise;
}

static void random_command(struct run *run, struct command *command, struct order *order)
{
    static const enum command_kind kinds[] = {COMMAND_ORDER_ACCEPTED, COMMAND_ORDER_ACCEPTED, COMMAND_APPROVE, COMMAND_APPROVE, COMMAND_READY, COMMAND_READY, COMMAND_CANCEL, COMMAND_SHIFT_START,
                                              COMMAND_SHIFT_END, COMMAND_POSITION, COMMAND_ANSWER, COMMAND_ANSWER, COMMAND_ANSWER, COMMAND_STOP_EVENT, COMMAND_STOP_EVENT, COMMAND_STOP_EVENT,
                                              COMMAND_STOP_EVENT, COMMAND_STOP_EVENT, COMMAND_STOP_EVENT, COMMAND_STOP_EVENT, COMMAND_STOP_EVENT, COMMAND_STOP_EVENT, COMMAND_REASSIGN, COMMAND_PIN,
                                              COMMAND_HOLD, COMMAND_PRIORITIZE, COMMAND_ACKNOWLEDGE, COMMAND_NONE, COMMAND_SUBMIT_TEST};
    struct rng *rng = &run->rng;
    enum command_kind kind = kinds[rng_below(rng, COUNT_OF(kinds))];
    uint32_t recent = run->orders > 25 ? (uint32_t)run->orders - 25 : 0;
    *command = city_command(&run->city, kind, recent + rng_below(rng, 27), 1 + rng_below(rng, COURIERS));
    if (kind == COMMAND_ANSWER) command->order.v = likely_order(run, BIT(ORDER_ASSIGNED), command->order.v);
    if (kind == COMMAND_APPROVE) command->order.v = likely_order(run, BIT(ORDER_ADJUDICATED), command->order.v);
    if (kind == COMMAND_READY) command->order.v = likely_order(run, BIT(ORDER_APPROVED), command->order.v);
    if (kind == COMMAND_STOP_EVENT) {
        uint32_t way = BIT(ORDER_ACCEPTED) | BIT(ORDER_PICKED_UP) | BIT(ORDER_KIT_PICKED_UP) | BIT(ORDER_ARRIVED) | BIT(ORDER_COLLECTED) | BIT(ORDER_SEALED) | BIT(ORDER_LAB_ACCEPTED) | BIT(ORDER_RETURNING);
        command->order.v = likely_order(run, way, command->order.v);
    }
    const struct world_order *target = world_order(run->city.world, command->order);
    if (rng_below(rng, 30) == 0) command->expected_version = rng_below(rng, 6);
    if (rng_below(rng, 100) == 0) command->city.v = 8;
    switch ((int)kind) {
    case COMMAND_ORDER_ACCEPTED: random_enter(run, command, order); break;
    case COMMAND_APPROVE: command->approve.approved = rng_below(rng, 12) > 0; break;
    case COMMAND_READY: command->ready.ready_ms = rng_below(rng, 3) ? 0 : run->city.now_ms + rng_below(rng, 900000); break;
    case COMMAND_SHIFT_START:
        command->shift.courier = (struct courier){.id = command->courier, .skills = rng_below(rng, 8) ? 7 : 0, .volume_ml_max = 20000, .cold_ml_max = 5000, .kits_preloaded = rng_below(rng, 3), .active = true};
        command->shift.at = any_point(rng);
        command->shift.ends_ms = run->city.now_ms + (int64_t)rng_below(rng, 9 * 3600000);
        break;
    case COMMAND_POSITION:
        command->position.at = any_point(rng);
        memset(&command->cause, 0, sizeof command->cause);
        break;
    case COMMAND_ANSWER:
        if (target && rng_below(rng, 8)) command->courier = target->courier;
        command->answer.accept = rng_below(rng, 5) > 0;
        break;
    case COMMAND_STOP_EVENT: random_stop_event(run, command); break;
    case COMMAND_REASSIGN: command->reassign.to.v = rng_below(rng, COURIERS + 1); break;
    case COMMAND_PIN:
    case COMMAND_HOLD: command->flag.on = rng_below(rng, 3) > 0; break;
    case COMMAND_PRIORITIZE: command->prioritize.priority = (enum priority)(PRIORITY_ROUTINE + rng_below(rng, PRIORITY_CRITICAL)); break;
    case COMMAND_ACKNOWLEDGE: command->acknowledge.kind = (enum alert_kind)(1 + rng_below(rng, ALERT_KIND_COUNT - 1)); break;
    default: break;
    }
}

static void send(struct run *run, const struct command *command)
{
    uint32_t before = run->city.facts.count;
    enum status rc = city_do(&run->city, command);
    assert_int_equal(run->city.decision.fact_first, before);
    if (rc != STATUS_OK) {
        assert_true(run->city.decision.error.text[0]);
        assert_int_equal(run->city.decision.fact_count, 0);
        run->refused++;
        return;
    }
    run->done++;
    bool keyed = run->city.decision.fact_count > 0 && command->kind != COMMAND_ORDER_ACCEPTED;
    if (keyed && run->past_count < STEPS) {
        run->past[run->past_count] = *command;
        run->answers[run->past_count++] = run->city.decision;
    }
}

/* An old request again: the same answer, nothing done; with another body: refused. */
static void send_again(struct run *run)
{
    if (!run->past_count) return;
    uint32_t at = rng_below(&run->rng, run->past_count);
    struct command command = run->past[at];
    bool forged = rng_below(&run->rng, 3) == 0;
    if (forged) command.cause.request_hash++;
    enum status rc = city_do(&run->city, &command);
    assert_int_equal(run->city.decision.fact_count, 0);
    assert_int_equal(rc, forged ? STATUS_ALREADY_EXISTS : STATUS_OK);
    if (forged) return;
    assert_true(run->city.decision.repeated);
    if (run->answers[at].order.v) assert_true(run->city.decision.order.v == run->answers[at].order.v);
    run->repeated++;
}

static void step(struct run *run)
{
    struct command command;
    struct order order;
    uint32_t what = rng_below(&run->rng, 20);
    if (what < 14) {
        random_command(run, &command, &order);
        send(run, &command);
    } else if (what < 16) {
        send_again(run);
    } else if (what < 17) {
        city_wait(&run->city, rng_below(&run->rng, 240));
    } else {
        city_plan(&run->city);
    }
}

static void run_seed(uint64_t seed)
{
    struct run run = {.arena = arena_new(1 << 20)};
    city_init(&run.city);
    rng_init(&run.rng, seed);
    struct world_options options = world_options_default((struct city_id){CITY_ID});
    run.twin = world_new(&options);
    run.shadows = mem_zalloc(STEPS + 2, sizeof *run.shadows);
    run.past = mem_zalloc(STEPS, sizeof *run.past);
    run.answers = mem_zalloc(STEPS, sizeof *run.answers);
    uint32_t checked = 0;
    for (uint32_t i = 0; i < STEPS; i++) {
        step(&run);
        for (; checked < run.city.facts.count; checked++) {
            check_fact(&run, &run.city.facts.facts[checked]);
            feed_twin(&run, &run.city.facts.facts[checked]);
        }
        check_routes(&run);
        if (i % 10 == 0 || i + 1 == STEPS) check_bytes(&run);
    }
    uint32_t delivered = city_facts(&run.city, FACT_ORDER_DELIVERED, 0), lab = city_facts(&run.city, FACT_SPECIMEN_LAB_ACCEPTED, 0);
    print_message("seed %llu: %u facts, %u commands done, %u refused, %u repeated, %llu orders, %u delivered, %u at the lab, %u returned, %u declined\n", (unsigned long long)seed, run.city.facts.count,
                  run.done, run.refused, run.repeated, (unsigned long long)run.orders, delivered, lab, city_facts(&run.city, FACT_ORDER_RETURNED, 0), city_facts(&run.city, FACT_ORDER_DECLINED, 0));
    assert_true(run.done > 200 && run.refused > 200 && run.repeated > 50 && delivered + lab > 5); /* the run went somewhere */
    world_free(run.twin);
    city_deinit(&run.city);
    arena_free(run.arena);
    free(run.shadows);
    free(run.past);
    free(run.answers);
}

static void test_what_must_hold_always_holds(void **state)
{
    (void)state;
    const char *more = getenv("MEDDISPATCH_SEEDS");
    int64_t seeds = SEEDS;
    if (more) assert_true(text_to_i64(more, 1, 100000, &seeds));
    for (int64_t seed = 1; seed <= seeds; seed++) run_seed((uint64_t)seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_must_hold_always_holds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
