/* Fewer routes: one route is emptied and its requests are placed among the others; a request that fits nowhere goes in where it pushes out those
 * that have so far been the easiest to place (guided ejection search: Nagata & Kobayashi 2010, after Nagata & Braysy 2009). Random moves between
 * ejections keep the search from running in circles. It must not know lengths. */
#include "fleet.h"

#include <stdlib.h>
#include <string.h>

enum {
    EJECT_MAX = 4,               /* requests pushed out at once, at most */
    PERTURB_MOVES = 40,          /* random moves tried after each ejection */
    SETS_MAX = 4000,             /* looked at for one request, so that a step stays short on long routes */
};

struct fleet_ejector {
    uint32_t *penalty;           /* by request: how often it fitted nowhere */
    struct fleet_stop *scratch[EJECT_MAX]; /* a route without the first, the first two, ... of a set */
    uint32_t *members;           /* the served requests route by route, in a route the least penalised first */
    uint32_t *first;             /* route r's are members[first[r]] .. members[first[r + 1] - 1] */
};

struct ejection {
    uint32_t route, count, requests[EJECT_MAX];
    uint64_t sum;
    uint32_t ties;
};

struct eject_search {
    struct fleet_state *state;
    struct fleet_ejector *ejector;
    uint32_t request, route, size, sets;
    const uint32_t *members;     /* of the route looked at */
    uint32_t member_count;
    uint32_t chosen[EJECT_MAX];
    struct ejection best;
};

struct fleet_ejector *fleet_ejector_new(const struct fleet_model *model)
{
    struct fleet_ejector *ejector = mem_zalloc(1, sizeof *ejector);
    ejector->penalty = mem_zalloc(model->request_count + 1, sizeof *ejector->penalty);
    ejector->members = mem_zalloc(model->request_count + 1, sizeof *ejector->members);
    ejector->first = mem_zalloc(model->request_count + 2, sizeof *ejector->first);
    for (uint32_t i = 0; i < EJECT_MAX; i++) ejector->scratch[i] = mem_zalloc(model->node_count + 4, sizeof *ejector->scratch[i]);
    for (uint32_t r = 0; r < model->request_count; r++) ejector->penalty[r] = 1;
    return ejector;
}

void fleet_ejector_free(struct fleet_ejector *ejector)
{
    if (!ejector) return;
    free(ejector->penalty);
    free(ejector->members);
    free(ejector->first);
    for (uint32_t i = 0; i < EJECT_MAX; i++) free(ejector->scratch[i]);
    free(ejector);
}

static void weigh_set(struct eject_search *search, const struct fleet_stop *stops, uint32_t count, uint64_t sum)
{
    struct ejection *best = &search->best;
    if (!fleet_try_fits(search->state->model, stops, count, search->request)) return;
    best->ties = sum == best->sum ? best->ties + 1 : 1;
    best->sum = sum;
    best->route = search->route;
    best->count = search->size;
    memcpy(best->requests, search->chosen, search->size * sizeof *search->chosen);
}

/* All sets of the wanted size whose penalties stay within the best found; members are in order of penalty, so the first too dear ends it. `stops` is the route
 * without those chosen so far. */
static void extend_set(struct eject_search *search, const struct fleet_stop *stops, uint32_t count, uint32_t from, uint32_t have, uint64_t sum)
{
    ASSERT(have < EJECT_MAX);
    struct fleet_stop *rest = search->ejector->scratch[have];
    for (uint32_t m = from; m < search->member_count && search->sets < SETS_MAX; m++) {
        uint32_t request = search->members[m];
        uint64_t penalty = search->ejector->penalty[request], with = sum + penalty;
        if (sum + penalty * (search->size - have) > search->best.sum) return;
        /* of many equally good sets each is kept with the same chance, and the dice come before the work */
        if (have + 1 == search->size && with == search->best.sum && rng_below(&search->state->rng, search->best.ties + 1) != 0) continue;
        search->sets++;
        search->chosen[have] = request;
        if (!fleet_stops_without(search->state->model, stops, count, request, rest)) continue;
        if (have + 1 == search->size) weigh_set(search, rest, count - 2, with);
        else extend_set(search, rest, count - 2, m + 1, have + 1, with);
    }
}

static void list_members(const struct fleet_state *state, struct fleet_ejector *ejector)
{
    uint32_t count = 0;
    const uint32_t *penalty = ejector->penalty;
    for (uint32_t r = 0; r < state->route_count; r++) {
        const struct fleet_route *route = &state->routes[r];
        uint32_t first = ejector->first[r] = count;
        for (uint32_t i = 1; i + 1 < route->count; i++) {
            if (route->stops[i].node & 1) continue;
            uint32_t request = route->stops[i].node >> 1, at = count++;
            for (; at > first && penalty[ejector->members[at - 1]] > penalty[request]; at--) ejector->members[at] = ejector->members[at - 1];
            ejector->members[at] = request;
        }
    }
    ejector->first[state->route_count] = count;
}

/* Small sets first, over all routes: what they cost bounds the larger ones, of which there are many more. */
static bool find_ejection(struct fleet_state *state, struct fleet_ejector *ejector, uint32_t request, struct ejection *out)
{
    struct eject_search search = {.state = state, .ejector = ejector, .request = request, .best = {.sum = UINT64_MAX}};
    list_members(state, ejector);
    for (search.size = 1; search.size <= EJECT_MAX; search.size++) {
        if (search.best.sum < search.size) break;
        uint32_t begin = rng_below(&state->rng, state->route_count);
        for (uint32_t k = 0; k < state->route_count; k++) {
            search.route = begin + k < state->route_count ? begin + k : begin + k - state->route_count;
            search.sets = 0;
            search.members = ejector->members + ejector->first[search.route];
            search.member_count = ejector->first[search.route + 1] - ejector->first[search.route];
            extend_set(&search, state->routes[search.route].stops, state->routes[search.route].count, 0, 0, 0);
        }
    }
    *out = search.best;
    return search.best.sum != UINT64_MAX;
}

static void absent_take_request(struct fleet_state *state, uint32_t request)
{
    for (uint32_t i = 0; i < state->absent_count; i++) {
        if (state->absent[i] != request) continue;
        fleet_absent_take(state, i);
        return;
    }
    UNREACHABLE("the request is not absent");
}

static void relocate_any(struct fleet_state *state, struct fleet_ejector *ejector, uint32_t request, uint32_t to)
{
    struct fleet_route *route = &state->routes[to];
    struct fleet_place place = fleet_try_any(state->model, route->stops, route->count, request, &state->rng);
    const struct fleet_route *from = &state->routes[state->route_of[request]];
    if (place.cost == FLEET_COST_NONE || !fleet_stops_without(state->model, from->stops, from->count, request, ejector->scratch[0])) return;
    fleet_remove(state, request);
    absent_take_request(state, request);
    fleet_insert(state, request, to, place);
}

static void exchange_any(struct fleet_state *state, struct fleet_ejector *ejector, uint32_t a, uint32_t b)
{
    uint32_t route_a = state->route_of[a], route_b = state->route_of[b];
    const struct fleet_route *with_a = &state->routes[route_a], *with_b = &state->routes[route_b];
    if (!fleet_stops_without(state->model, with_a->stops, with_a->count, a, ejector->scratch[0])) return;
    struct fleet_place place_b = fleet_try_any(state->model, ejector->scratch[0], with_a->count - 2, b, &state->rng);
    if (place_b.cost == FLEET_COST_NONE) return;
    if (!fleet_stops_without(state->model, with_b->stops, with_b->count, b, ejector->scratch[1])) return;
    struct fleet_place place_a = fleet_try_any(state->model, ejector->scratch[1], with_b->count - 2, a, &state->rng);
    if (place_a.cost == FLEET_COST_NONE) return;
    fleet_remove(state, a);
    fleet_remove(state, b);
    state->absent_count -= 2; /* they came last and go straight back */
    fleet_insert(state, b, route_a, place_b);
    fleet_insert(state, a, route_b, place_a);
}

static void perturb(struct fleet_state *state, struct fleet_ejector *ejector)
{
    if (state->route_count < 2) return;
    for (uint32_t move = 0; move < PERTURB_MOVES; move++) {
        uint32_t request = rng_below(&state->rng, state->model->request_count);
        uint32_t route = state->route_of[request];
        if (route == FLEET_NONE) continue;
        uint32_t other = state->model->near[(size_t)request * state->model->near_count + rng_below(&state->rng, state->model->near_count)];
        uint32_t to = state->route_of[other];
        if (to == FLEET_NONE || to == route) continue;
        if (rng_below(&state->rng, 2)) relocate_any(state, ejector, request, to);
        else exchange_any(state, ejector, request, other);
    }
}

static bool insert_cheapest(struct fleet_state *state, uint32_t request)
{
    struct fleet_place best = {FLEET_COST_NONE, 0, 0};
    uint32_t where = 0;
    for (uint32_t route = 0; route < state->route_count; route++) {
        struct fleet_place place = fleet_try_cached(state, request, route);
        if (place.cost >= best.cost) continue;
        best = place;
        where = route;
    }
    if (best.cost == FLEET_COST_NONE) return false;
    absent_take_request(state, request);
    fleet_insert(state, request, where, best);
    return true;
}

static void eject_for(struct fleet_state *state, struct fleet_ejector *ejector, uint32_t request, const struct ejection *ejection)
{
    absent_take_request(state, request);
    for (uint32_t k = 0; k < ejection->count; k++) fleet_remove(state, ejection->requests[k]);
    struct fleet_route *route = &state->routes[ejection->route];
    struct fleet_place place = fleet_try_any(state->model, route->stops, route->count, request, &state->rng);
    ASSERT(place.cost != FLEET_COST_NONE);
    fleet_insert(state, request, ejection->route, place);
    perturb(state, ejector);
}

bool fleet_eject_absent(struct fleet_state *state, struct fleet_ejector *ejector, struct fleet_clock *clock, uint32_t until_ppm)
{
    while (state->absent_count > 0) {
        if (fleet_clock_step(clock, 8) >= until_ppm) return false;
        uint32_t request = state->absent[state->absent_count - 1];
        if (insert_cheapest(state, request)) continue;
        ejector->penalty[request]++;
        struct ejection ejection;
        if (!find_ejection(state, ejector, request, &ejection)) return false;
        eject_for(state, ejector, request, &ejection);
    }
    return true;
}
