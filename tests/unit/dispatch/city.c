/* A small made-up city for the dispatch tests: orders, couriers and a planner with straight-line travel. */
#include "city.h"

#include <stdlib.h>
#include <string.h>

void city_init(struct city *city)
{
    struct world_options options = world_options_default((struct city_id){CITY_ID});
    *city = (struct city){.world = world_new(&options), .now_ms = INT64_C(1700000000000)};
    fact_list_init(&city->facts);
}

void city_deinit(struct city *city)
{
    world_free(city->world);
    fact_list_deinit(&city->facts);
}

struct point city_point(int32_t x_m, int32_t y_m)
{
    return (struct point){399000000 + y_m * 90, 1164000000 + x_m * 117};
}

struct plan_leg city_travel(void *context, uint32_t from, uint32_t to)
{
    const struct plan_request *request = context;
    struct point a = request->places[from], b = request->places[to];
    uint32_t m = (uint32_t)(labs((long)a.lat_e7 - b.lat_e7) / 90 + labs((long)a.lon_e7 - b.lon_e7) / 117);
    return (struct plan_leg){m / 5, m};
}

enum status city_do(struct city *city, const struct command *command)
{
    dispatch_tick(city->world, city->now_ms, command, 1, &city->facts, &city->decision);
    return city->decision.error.status;
}

void city_wait(struct city *city, int64_t s)
{
    city->now_ms += s * 1000;
    dispatch_tick(city->world, city->now_ms, NULL, 0, &city->facts, NULL);
}

void city_plan(struct city *city)
{
    if (!dispatch_needs_plan(city->world, city->now_ms)) return;
    struct plan_request *request = dispatch_plan_request(city->world, city->now_ms);
    request->problem.oracle = (struct plan_oracle){.travel = city_travel, .context = request};
    struct plan_solution *solution;
    struct error err = {0};
    ASSERT(plan_solve(&request->problem, &(struct plan_options){.seed = request->world_seq, .iterations = 20}, &solution, &err) == STATUS_OK);
    ASSERT(plan_check(&request->problem, solution, &err) == STATUS_OK);
    struct arena *arena = arena_new((size_t)64 << 20);
    struct command command;
    ASSERT(dispatch_plan_command(request, solution, arena, &command));
    (void)city_do(city, &command);
    arena_free(arena);
    plan_solution_free(solution);
    plan_request_free(request);
}

struct command city_command(struct city *city, enum command_kind kind, uint64_t order, uint64_t courier)
{
    struct command command;
    memset(&command, 0, sizeof command);
    command.kind = kind;
    command.city.v = CITY_ID;
    command.order.v = order;
    command.courier.v = courier;
    city->next_key++;
    memcpy(command.cause.key, &city->next_key, sizeof city->next_key);
    command.cause.key[15] = 1;
    command.cause.request_hash = city->next_key * 3;
    (void)text_copy(command.cause.actor, sizeof command.cause.actor, "test");
    return command;
}

static struct order base_order(const struct city *city, uint64_t id)
{
    struct order order;
    memset(&order, 0, sizeof order);
    order.id.v = id;
    order.city.v = CITY_ID;
    order.priority = PRIORITY_ROUTINE;
    order.phase = ORDER_ADJUDICATED;
    order.accepted_ms = city->now_ms;
    order.promise_ms = city->now_ms + 10800000;
    return order;
}

struct order city_prescription(struct city *city, uint64_t id, struct point from, struct point to)
{
    struct order order = base_order(city, id);
    order.kind = ORDER_KIND_PRESCRIPTION;
    order.needs_approval = true;
    order.goods.volume_ml = 500;
    order.first = (struct stop){.kind = STOP_PICKUP, .facility = {1}, .at = from, .service_s = 120};
    order.home = (struct stop){.kind = STOP_HOME, .at = to, .service_s = 120};
    return order;
}

struct order city_test(struct city *city, uint64_t id, struct point kit, struct point home, struct point lab)
{
    struct order order = base_order(city, id);
    order.kind = ORDER_KIND_TEST;
    order.goods.skills = BIT(SKILL_SAMPLING);
    order.stability_s = 14400;
    order.first = (struct stop){.kind = STOP_KIT, .facility = {2}, .at = kit, .service_s = 60};
    order.home = (struct stop){.kind = STOP_HOME, .at = home, .service_s = 600};
    order.lab_count = 1;
    order.labs[0] = (struct stop){.kind = STOP_LAB, .facility = {3}, .at = lab, .service_s = 120};
    return order;
}

enum status city_enter(struct city *city, const struct order *order)
{
    struct order copy = *order;
    struct command command = city_command(city, COMMAND_ORDER_ACCEPTED, order->id.v, 0);
    command.accepted = &copy;
    return city_do(city, &command);
}

enum status city_shift(struct city *city, uint64_t courier, struct point at, uint32_t kits)
{
    struct command command = city_command(city, COMMAND_SHIFT_START, 0, courier);
    command.shift.courier = (struct courier){.id = {courier}, .skills = 7, .volume_ml_max = 40000, .cold_ml_max = 8000, .kits_preloaded = kits, .active = true};
    command.shift.at = at;
    command.shift.ends_ms = city->now_ms + 8 * 3600000;
    return city_do(city, &command);
}

enum status city_stop(struct city *city, uint64_t order, uint64_t courier, enum stop_event event)
{
    struct command command = city_command(city, COMMAND_STOP_EVENT, order, courier);
    command.stop.event = event;
    if (event == STOP_EVENT_SEALED) (void)text_copy(command.stop.code, sizeof command.stop.code, "SEAL1");
    return city_do(city, &command);
}

enum status city_fail(struct city *city, uint64_t order, uint64_t courier, enum fail_reason reason)
{
    struct command command = city_command(city, COMMAND_STOP_EVENT, order, courier);
    command.stop.event = STOP_EVENT_FAILED;
    command.stop.fail = reason;
    return city_do(city, &command);
}

enum status city_ready(struct city *city, uint64_t order)
{
    struct command approve = city_command(city, COMMAND_APPROVE, order, 0);
    approve.approve.approved = true;
    enum status rc = city_do(city, &approve);
    if (rc != STATUS_OK) return rc;
    struct command ready = city_command(city, COMMAND_READY, order, 0);
    return city_do(city, &ready);
}

enum status city_answer(struct city *city, uint64_t order, uint64_t courier, bool accept)
{
    struct command command = city_command(city, COMMAND_ANSWER, order, courier);
    command.answer.accept = accept;
    return city_do(city, &command);
}

uint32_t city_facts(const struct city *city, enum fact_kind kind, uint64_t order)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < city->facts.count; i++) count += city->facts.facts[i].kind == kind && (!order || city->facts.facts[i].order.v == order);
    return count;
}
