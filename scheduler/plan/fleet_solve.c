/* The run: a first plan, then in turns fewer routes and shorter routes, and the answer in the instance's own numbers. */
#include "fleet.h"

#include <stdlib.h>
#include <string.h>

static const double HOT = 4.0, WARM = 0.5, COOL = 0.1, COLD = 0.03; /* in mean legs */
static const double BEGINNINGS_SHARE = 0.65;                         /* of the time for shorter routes; the rest goes to the best of them */

enum {
    BEGINNINGS_MAX = 4,
    BEGINNING_STEPS = 8000,      /* per request: what a beginning takes to cool down at least */
    SLICE_PPM = 10000,
    SLICES_MAX = 16,             /* then another route may be easier to empty */
    FEWER_WAIT_PPM = 250000,     /* a success takes at most about four times as long as all before it, and this */
};

struct run {
    const struct fleet_model *model;
    struct fleet_clock clock;
    struct fleet_state *state;
    struct fleet_ejector *ejector;
    uint32_t *absences;          /* by request: how often ruin and recreate has left it out */
    struct fleet_kept best;
};

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

/* Requests in any order, each where it costs least, a new route where it fits nowhere; with `routes_max` of them the rest stays absent. */
static void first_plan(struct fleet_state *state, uint32_t routes_max)
{
    for (uint32_t left = state->absent_count; left > 0; left--) {
        uint32_t pick = rng_below(&state->rng, left), request = state->absent[pick], where = FLEET_NONE;
        struct fleet_place best = {FLEET_COST_NONE, 0, 0};
        for (uint32_t route = 0; route < state->route_count; route++) {
            struct fleet_place place = fleet_try(state->model, state->routes[route].stops, state->routes[route].count, request, best.cost);
            if (place.cost == FLEET_COST_NONE) continue;
            best = place;
            where = route;
        }
        if (where == FLEET_NONE && state->route_count == routes_max) {
            state->absent[pick] = state->absent[left - 1];
            state->absent[left - 1] = request;
            continue;
        }
        /* those that stay are behind the first `left` */
        state->absent[pick] = state->absent[left - 1];
        state->absent[left - 1] = state->absent[--state->absent_count];
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

/* The route whose requests have had the least trouble. */
static void drop_route(struct fleet_state *state, const uint32_t *absences)
{
    uint64_t least = UINT64_MAX;
    uint32_t pick = 0, begin = rng_below(&state->rng, state->route_count);
    for (uint32_t k = 0; k < state->route_count; k++) {
        uint32_t r = (begin + k) % state->route_count;
        uint64_t sum = state->routes[r].count;
        for (uint32_t i = 1; i + 1 < state->routes[r].count; i++) sum += absences[state->routes[r].stops[i].node >> 1];
        if (sum >= least) continue;
        least = sum;
        pick = r;
    }
    while (state->routes[pick].count > 2) fleet_remove(state, state->routes[pick].stops[1].node >> 1);
    fleet_route_drop(state, pick);
}

/* Two ways to place what is absent, in turns on the same plan: ejections are quick where a small chain of moves is enough, ruin and recreate where routes have
 * to be shortened first. True: none is absent. */
static bool place_absent(struct run *run, uint32_t until_ppm)
{
    for (uint32_t slice = 0; slice < SLICES_MAX; slice++) {
        uint32_t now = fleet_clock_step(&run->clock, 0), until = now + SLICE_PPM < until_ppm ? now + SLICE_PPM : until_ppm;
        if (now >= until_ppm) return false;
        bool placed = slice % 2 == 0 ? fleet_eject_absent(run->state, run->ejector, &run->clock, until)
                                     : fleet_anneal_absent(run->state, &run->clock, until, run->absences);
        if (placed) return true;
    }
    return false;
}

/* The time for it ends at `until_ppm`, and earlier where the last success came early and none has followed for long. */
static void fewer_routes(struct run *run, uint32_t until_ppm, uint32_t least)
{
    struct fleet_state *state = run->state;
    while (state->route_count > least) {
        uint32_t last = fleet_clock_step(&run->clock, 0), until = last < until_ppm / 4 ? 4 * last + FEWER_WAIT_PPM : until_ppm;
        if (until > until_ppm) until = until_ppm;
        bool placed = false;
        while (!placed && fleet_clock_step(&run->clock, 0) < until) {
            drop_route(state, run->absences);
            placed = place_absent(run, until);
            if (!placed) fleet_restore(state, &run->best);
        }
        if (!placed) return;
        fleet_keep(state, &run->best);
    }
}

/* Everything anew in as many routes as the best plan has, from another beginning; false if that is not found by `until_ppm`. */
static bool begin_again(struct run *run, uint32_t until_ppm)
{
    struct fleet_state *state = run->state;
    while (state->route_count > 0) {
        while (state->routes[0].count > 2) fleet_remove(state, state->routes[0].stops[1].node >> 1);
        fleet_route_drop(state, 0);
    }
    first_plan(state, run->best.route_count);
    while (state->route_count < run->best.route_count) (void)fleet_route_add(state);
    return place_absent(run, until_ppm);
}

static void keep_better(struct run *run, struct fleet_kept *other)
{
    if (other->route_count > run->best.route_count || (other->route_count == run->best.route_count && other->length >= run->best.length)) return;
    struct fleet_kept worse = run->best;
    run->best = *other;
    *other = worse;
}

/* Annealing from several beginnings if the time is enough to cool each slowly, then once more from the best: where fleets are tight, one beginning is one
 * island, and the best of some is much better than the best found by staying on one. */
static void shorter_routes(struct run *run)
{
    struct fleet_state *state = run->state;
    struct fleet_clock *clock = &run->clock;
    struct fleet_kept found = {0};
    uint32_t from = fleet_clock_step(clock, 0), left = from < 1000000 ? 1000000 - from : 0;
    uint64_t steps = clock->steps;
    fleet_anneal(state, clock, from + left / 100, HOT, HOT, &run->best); /* how much work the rest of the time is */
    double work = (double)(clock->steps - steps) * 100 * BEGINNINGS_SHARE / ((double)run->model->request_count * BEGINNING_STEPS);
    uint32_t count = work < 2 ? 1 : work > BEGINNINGS_MAX ? BEGINNINGS_MAX : (uint32_t)work, slot = (uint32_t)(left * BEGINNINGS_SHARE) / count;
    if (count == 1) {
        fleet_anneal(state, clock, 1000000, HOT, COLD, &run->best);
        return;
    }
    for (uint32_t k = 0; k < count; k++) {
        uint32_t now = fleet_clock_step(clock, 0), end = from + (k + 1) * slot;
        if (now >= end) continue;
        if (k > 0 && !begin_again(run, now + (end - now) / 2)) continue;
        fleet_keep(state, &found);
        fleet_anneal(state, clock, end, HOT, COOL, &found);
        keep_better(run, &found);
    }
    fleet_restore(state, &run->best);
    fleet_anneal(state, clock, 1000000, WARM, COLD, &run->best);
    free(found.nodes);
}

static void run_all(const struct fleet_model *model, const struct plan_fleet_options *options, struct plan_routes *out)
{
    struct run run = {.model = model, .clock = {.options = options, .ask_every = 64}};
    /* every request alone is the most there can be; the first plan tells how many are worth room in the cache */
    struct fleet_state *first = fleet_state_new(model, 0, options->seed);
    free(first->routes);
    first->routes = mem_zalloc(model->request_count + 1, sizeof *first->routes);
    first->route_slots = model->request_count;
    first_plan(first, model->request_count);
    fleet_keep(first, &run.best);
    fleet_state_free(first);

    run.state = fleet_state_new(model, run.best.route_count, options->seed ^ UINT64_C(0x9E3779B97F4A7C15));
    run.ejector = fleet_ejector_new(model);
    run.absences = mem_zalloc(model->request_count + 1, sizeof *run.absences);
    fleet_restore(run.state, &run.best);
    fewer_routes(&run, 500000, fleet_model_least_routes(model));
    shorter_routes(&run);
    write_routes(model, &run.best, out);
    out->steps = run.clock.steps;
    out->tries = run.state->tries;
    free(run.best.nodes);
    free(run.absences);
    fleet_ejector_free(run.ejector);
    fleet_state_free(run.state);
}

enum status plan_fleet_solve(const struct plan_instance *instance, const struct plan_fleet_options *options, struct plan_routes **out, struct error *err)
{
    struct fleet_model *model;
    if (options->iterations == 0 && !options->spent_ppm) return error_set(err, STATUS_INVALID_ARGUMENT, "a run needs iterations or a budget");
    TRY(fleet_model_new(instance, &model, err));
    struct plan_routes *routes = mem_zalloc(1, sizeof *routes);
    if (model->request_count > 0) {
        run_all(model, options, routes);
    } else {
        routes->first = mem_zalloc(1, sizeof *routes->first);
        routes->nodes = mem_zalloc(1, sizeof *routes->nodes);
    }
    fleet_model_free(model);
    *out = routes;
    return STATUS_OK;
}
