/* Take some requests out, all from the same corner of the plan, and put them back: strings of stops from neighbouring routes (slack induction by
 * string removals, Christiaens & Vanden Berghe 2020, for pairs), related or random requests, now and then a whole route. It must not know
 * whether the outcome is kept. */
#include "fleet.h"

#include <stdlib.h>
#include <string.h>

enum {
    STRING_STOPS_MAX = 10,
    RUIN_STOPS_MEAN = 10,
    BLINK_PERCENT = 1,
};

struct undo_route {
    uint32_t route, count, capacity;
    struct fleet_stop *stops;
    uint64_t version;
    int64_t length;
};

struct fleet_undo {
    uint32_t count, slots;
    struct undo_route *routes;
    bool *touched;                      /* by route */
    uint32_t absent_count, *absent;     /* as it was */
};

struct fleet_undo *fleet_undo_new(const struct fleet_model *model, uint32_t route_slots)
{
    struct fleet_undo *undo = mem_zalloc(1, sizeof *undo);
    undo->slots = route_slots;
    undo->absent = mem_zalloc(model->request_count + 1, sizeof *undo->absent);
    undo->routes = mem_zalloc(route_slots + 1, sizeof *undo->routes);
    undo->touched = mem_zalloc(route_slots + 1, sizeof *undo->touched);
    return undo;
}

void fleet_undo_free(struct fleet_undo *undo)
{
    if (!undo) return;
    for (uint32_t i = 0; i < undo->slots; i++) free(undo->routes[i].stops);
    free(undo->routes);
    free(undo->touched);
    free(undo->absent);
    free(undo);
}

void fleet_undo_begin(struct fleet_undo *undo, const struct fleet_state *state)
{
    for (uint32_t i = 0; i < undo->count; i++) undo->touched[undo->routes[i].route] = false;
    undo->count = 0;
    undo->absent_count = state->absent_count;
    memcpy(undo->absent, state->absent, state->absent_count * sizeof *undo->absent);
}

void fleet_undo_touch(struct fleet_undo *undo, const struct fleet_state *state, uint32_t index)
{
    if (undo->touched[index]) return;
    undo->touched[index] = true;
    struct fleet_route *route = &state->routes[index];
    struct undo_route *kept = &undo->routes[undo->count++];
    if (kept->capacity < route->count) {
        kept->capacity = 2 * route->count;
        kept->stops = mem_realloc(kept->stops, kept->capacity, sizeof *kept->stops);
    }
    kept->route = index;
    kept->count = route->count;
    kept->version = route->version;
    kept->length = route->length;
    route->settled = route->version;
    memcpy(kept->stops, route->stops, route->count * sizeof *kept->stops);
}

void fleet_undo_apply(struct fleet_undo *undo, struct fleet_state *state)
{
    for (uint32_t i = 0; i < undo->count; i++) {
        const struct undo_route *kept = &undo->routes[i];
        struct fleet_route *route = &state->routes[kept->route];
        if (route->capacity < kept->count) {
            route->capacity = kept->count + 16;
            route->stops = mem_realloc(route->stops, route->capacity, sizeof *route->stops);
        }
        memcpy(route->stops, kept->stops, kept->count * sizeof *kept->stops);
        route->count = kept->count;
        route->version = kept->version;
        route->length = kept->length;
        route->possible = true;
        for (uint32_t k = 0; k < route->count; k++) {
            uint32_t node = route->stops[k].node;
            state->at[node] = (uint16_t)k;
            if (node + 1 < state->model->node_count) state->route_of[node >> 1] = kept->route;
        }
    }
    for (uint32_t i = 0; i < undo->absent_count; i++) {
        state->absent[i] = undo->absent[i];
        state->route_of[undo->absent[i]] = FLEET_NONE;
    }
    state->absent_count = undo->absent_count;
}

void fleet_undo_settle(struct fleet_undo *undo, struct fleet_state *state, bool *emptied)
{
    *emptied = false;
    for (uint32_t i = 0; i < undo->count; i++) {
        struct fleet_route *route = &state->routes[undo->routes[i].route];
        route->settled = route->version;
        *emptied |= route->count == 2;
    }
}

int64_t fleet_undo_length(const struct fleet_undo *undo)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < undo->count; i++) sum += undo->routes[i].length;
    return sum;
}

bool fleet_undo_possible(const struct fleet_undo *undo, const struct fleet_state *state, int64_t *length)
{
    int64_t sum = 0;
    bool possible = true;
    for (uint32_t i = 0; i < undo->count; i++) {
        const struct fleet_route *route = &state->routes[undo->routes[i].route];
        possible &= route->possible;
        sum += route->length;
    }
    *length = sum;
    return possible;
}

/* ---- ruin ---- */

static void take_out(struct fleet_state *state, struct fleet_undo *undo, uint32_t request)
{
    fleet_undo_touch(undo, state, state->route_of[request]);
    fleet_remove(state, request);
}

/* A run of stops around the request's stop, both nodes of each request in it; sometimes a stretch in the middle stays (split string). */
static void take_string(struct fleet_state *state, struct fleet_undo *undo, uint32_t request, uint32_t length, uint32_t *pool)
{
    struct rng *rng = &state->rng;
    const struct fleet_route *route = &state->routes[state->route_of[request]];
    uint32_t inner = route->count - 2, at = state->at[2 * request + rng_below(rng, 2)] - 1u, skip = 0, skip_at = 0, count = 0;
    if (length > inner) length = inner;
    if (length > 1 && length < inner && rng_below(rng, 2)) {
        while (length + skip < inner && rng_below(rng, 100) < 50) skip++;
        skip_at = 1 + rng_below(rng, length - 1);
    }
    uint32_t span = length + skip, low = at + 1 > span ? at + 1 - span : 0, high = at < inner - span ? at : inner - span;
    uint32_t from = low + rng_below(rng, high - low + 1);
    for (uint32_t k = 0; k < span; k++) {
        if (k >= skip_at && k < skip_at + skip) continue;
        pool[count++] = route->stops[1 + from + k].node >> 1;
    }
    for (uint32_t k = 0; k < count; k++)
        if (state->route_of[pool[k]] != FLEET_NONE) take_out(state, undo, pool[k]);
}

/* Where the plan is opened: half of the time about a request that has no place. */
static uint32_t pick_seed(struct fleet_state *state)
{
    if (state->absent_count > 0 && rng_below(&state->rng, 2)) return state->absent[rng_below(&state->rng, state->absent_count)];
    return rng_below(&state->rng, state->model->request_count);
}

static void ruin_strings(struct fleet_state *state, struct fleet_undo *undo, uint32_t *pool)
{
    const struct fleet_model *model = state->model;
    struct rng *rng = &state->rng;
    uint32_t mean = 2 * model->request_count / (state->route_count ? state->route_count : 1), longest = mean < STRING_STOPS_MAX ? mean : STRING_STOPS_MAX;
    if (longest < 1) longest = 1;
    double most = 4.0 * RUIN_STOPS_MEAN / (1.0 + longest) - 1.0;
    uint32_t strings = (uint32_t)(1.0 + rng_unit(rng) * most), seed = pick_seed(state);
    for (uint32_t k = 0; k <= model->near_count && strings > 0; k++) {
        uint32_t request = k == 0 ? seed : model->near[(size_t)seed * model->near_count + k - 1];
        if (state->route_of[request] == FLEET_NONE || undo->touched[state->route_of[request]]) continue;
        uint32_t stops = state->routes[state->route_of[request]].count - 2, limit = stops < longest ? stops : longest;
        take_string(state, undo, request, 1 + (uint32_t)(rng_unit(rng) * limit), pool);
        strings--;
    }
}

/* Neighbours of one request, the nearer the likelier. */
static void ruin_related(struct fleet_state *state, struct fleet_undo *undo)
{
    const struct fleet_model *model = state->model;
    struct rng *rng = &state->rng;
    uint32_t count = 2 + rng_below(rng, RUIN_STOPS_MEAN), seed = pick_seed(state);
    if (state->route_of[seed] != FLEET_NONE) take_out(state, undo, seed);
    count += undo->absent_count;
    for (uint32_t tries = 0; tries < 4 * count && state->absent_count < count && model->near_count > 0; tries++) {
        uint32_t from = state->absent[rng_below(rng, state->absent_count)];
        double u = rng_unit(rng);
        uint32_t limit = model->near_count < 40 ? model->near_count : 40;
        uint32_t other = model->near[(size_t)from * model->near_count + (uint32_t)(u * u * limit)];
        if (state->route_of[other] != FLEET_NONE) take_out(state, undo, other);
    }
}

static void ruin_random(struct fleet_state *state, struct fleet_undo *undo)
{
    uint32_t count = 2 + rng_below(&state->rng, RUIN_STOPS_MEAN);
    for (uint32_t k = 0; k < count; k++) {
        uint32_t request = rng_below(&state->rng, state->model->request_count);
        if (state->route_of[request] != FLEET_NONE) take_out(state, undo, request);
    }
}

static void ruin_route(struct fleet_state *state, struct fleet_undo *undo)
{
    uint32_t index = rng_below(&state->rng, state->route_count), rival = rng_below(&state->rng, state->route_count);
    if (state->routes[rival].count < state->routes[index].count) index = rival;
    uint32_t most = 30;
    while (state->routes[index].count > 2 && most-- > 0) take_out(state, undo, state->routes[index].stops[1].node >> 1);
}

void fleet_ruin(struct fleet_state *state, struct fleet_undo *undo, uint32_t *pool)
{
    uint32_t dice = rng_below(&state->rng, 100);
    if (dice < 65) ruin_strings(state, undo, pool);
    else if (dice < 90) ruin_related(state, undo);
    else if (dice < 98) ruin_random(state, undo);
    else ruin_route(state, undo);
}

/* ---- recreate ---- */

static int64_t sort_key(struct fleet_state *state, uint32_t request, uint32_t how)
{
    const struct fleet_model *model = state->model;
    const struct fleet_node *p = &model->nodes[2 * request], *d = p + 1;
    size_t depot = model->node_count - 1;
    int64_t far = (int64_t)model->to[depot * model->node_count + 2 * request] + model->to[depot * model->node_count + 2 * request + 1];
    switch (how) {
    case 0: case 1: case 2: case 3: return (int64_t)(rng_u64(&state->rng) >> 2);
    case 4: case 5: return -(int64_t)p->demand;
    case 6: case 7: return -far;
    case 8: return far;
    case 9: case 10: return (int64_t)p->close - p->open + d->close - d->open;
    case 11: return p->open;
    default: return -(int64_t)d->close;
    }
}

static void sort_absent(struct fleet_state *state)
{
    int64_t keys[64];
    uint32_t how = rng_below(&state->rng, 13), count = state->absent_count < COUNT_OF(keys) ? state->absent_count : COUNT_OF(keys);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t request = state->absent[i], at = i;
        int64_t key = sort_key(state, request, how);
        for (; at > 0 && keys[at - 1] < key; at--) { /* descending: the list is emptied from its end */
            keys[at] = keys[at - 1];
            state->absent[at] = state->absent[at - 1];
        }
        keys[at] = key;
        state->absent[at] = request;
    }
}

bool fleet_recreate(struct fleet_state *state, struct fleet_undo *undo, int64_t room, int64_t price)
{
    sort_absent(state);
    uint32_t left = 0;
    while (state->absent_count > left) {
        uint32_t at = state->absent_count - 1, request = state->absent[at], where = 0;
        struct fleet_place best = {FLEET_COST_NONE, 0, 0};
        uint64_t dice = rng_u64(&state->rng);
        for (uint32_t route = 0; route < state->route_count; route++) {
            dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            if ((dice >> 32) % 100 < BLINK_PERCENT) continue;
            struct fleet_place place = fleet_try_cached(state, request, route);
            if (place.cost >= best.cost) continue;
            best = place;
            where = route;
        }
        if (best.cost == FLEET_COST_NONE) {
            room -= price;
            if (room <= 0) return false;
            state->absent[at] = state->absent[left]; /* to the front: those that stay */
            state->absent[left++] = request;
            continue;
        }
        room -= best.cost;
        if (room <= 0) return false;
        state->absent_count--;
        fleet_undo_touch(undo, state, where);
        fleet_insert(state, request, where, best);
    }
    return true;
}
