/* The run: a first plan, then in turns fewer routes and shorter routes, and the answer in the instance's own numbers. */
#include "fleet.h"

#include <stdlib.h>
#include <string.h>

uint32_t fleet_clock_step(struct fleet_clock *clock, uint32_t weight)
{
    clock->steps += weight;
    if (clock->options->spent_ppm) {
        if (clock->until_ask > weight) {
            clock->until_ask -= weight;
        } else {
            clock->until_ask = clock->ask_every;
            clock->spent_ppm = clock->options->spent_ppm(clock->options->context);
        }
        return clock->spent_ppm;
    }
    uint64_t all = clock->options->iterations;
    clock->spent_ppm = clock->steps >= all ? 1000000 : (uint32_t)((double)clock->steps * 1e6 / (double)all);
    return clock->spent_ppm;
}

/* Requests in order of how little time they leave, each where it costs least, a new route where it fits nowhere. */
static void first_plan(struct fleet_state *state)
{
    while (state->absent_count > 0) {
        uint32_t pick = rng_below(&state->rng, state->absent_count), request = state->absent[pick], where = FLEET_NONE;
        fleet_absent_take(state, pick);
        struct fleet_place best = {FLEET_COST_NONE, 0, 0};
        for (uint32_t route = 0; route < state->route_count; route++) {
            struct fleet_place place = fleet_try(state->model, state->routes[route].stops, state->routes[route].count, request, best.cost);
            if (place.cost == FLEET_COST_NONE) continue;
            best = place;
            where = route;
        }
        if (where == FLEET_NONE) where = fleet_route_add(state);
        fleet_insert(state, request, where, best.cost == FLEET_COST_NONE ? (struct fleet_place){0, 0, 0} : best);
    }
}

static void write_routes(const struct fleet_model *model, const struct fleet_kept *kept, struct plan_routes *out)
{
    uint32_t depot = model->node_count - 1, count = 0;
    out->route_count = kept->route_count;
    out->first = mem_zalloc(kept->route_count + 1, sizeof *out->first);
    out->nodes = mem_zalloc(model->node_count, sizeof *out->nodes);
    uint32_t route = 0;
    for (uint32_t i = 0; i < kept->node_count; i++) {
        if (kept->nodes[i] == depot) out->first[++route] = count;
        else out->nodes[count++] = model->names[kept->nodes[i]];
    }
}

static void fewer_routes(struct fleet_state *state, struct fleet_ejector *ejector, struct fleet_clock *clock, uint32_t until_ppm, uint32_t least, struct fleet_kept *best)
{
    while (state->route_count > least && fleet_eject_route(state, ejector, clock, until_ppm)) fleet_keep(state, best);
    fleet_restore(state, best);
}

static void run(const struct fleet_model *model, const struct plan_fleet_options *options, struct plan_routes *out)
{
    struct fleet_clock clock = {.options = options, .ask_every = 64};
    /* every request alone is the most there can be; the first plan tells how many are worth room in the cache */
    struct fleet_state *first = fleet_state_new(model, 0, options->seed);
    free(first->routes);
    first->routes = mem_zalloc(model->request_count + 1, sizeof *first->routes);
    first->route_slots = model->request_count;
    first_plan(first);
    struct fleet_kept best = {0};
    fleet_keep(first, &best);
    fleet_state_free(first);

    struct fleet_state *state = fleet_state_new(model, best.route_count, options->seed ^ UINT64_C(0x9E3779B97F4A7C15));
    struct fleet_ejector *ejector = fleet_ejector_new(model);
    fleet_restore(state, &best);
    uint32_t least = fleet_model_least_routes(model);
    fewer_routes(state, ejector, &clock, 500000, least, &best);
    fleet_anneal(state, &clock, 1000000, 4.0, 0.03, &best);
    write_routes(model, &best, out);
    out->steps = clock.steps;
    out->tries = state->tries;
    free(best.nodes);
    fleet_ejector_free(ejector);
    fleet_state_free(state);
}

enum status plan_fleet_solve(const struct plan_instance *instance, const struct plan_fleet_options *options, struct plan_routes **out, struct error *err)
{
    struct fleet_model *model;
    if (options->iterations == 0 && !options->spent_ppm) return error_set(err, STATUS_INVALID_ARGUMENT, "a run needs iterations or a budget");
    TRY(fleet_model_new(instance, &model, err));
    struct plan_routes *routes = mem_zalloc(1, sizeof *routes);
    if (model->request_count > 0) {
        run(model, options, routes);
    } else {
        routes->first = mem_zalloc(1, sizeof *routes->first);
        routes->nodes = mem_zalloc(1, sizeof *routes->nodes);
    }
    fleet_model_free(model);
    *out = routes;
    return STATUS_OK;
}
