/* Routes as they are now: insert, remove, times, copies. It must not know which change is worth making. */
#include "fleet.h"

#include <stdlib.h>
#include <string.h>

struct fleet_state *fleet_state_new(const struct fleet_model *model, uint32_t route_slots, uint64_t seed)
{
    struct fleet_state *state = mem_zalloc(1, sizeof *state);
    state->model = model;
    rng_init(&state->rng, seed);
    state->route_slots = route_slots;
    state->routes = mem_zalloc(route_slots + 1, sizeof *state->routes);
    state->route_of = mem_zalloc(model->request_count + 1, sizeof *state->route_of);
    state->at = mem_zalloc(model->node_count, sizeof *state->at);
    state->absent = mem_zalloc(model->request_count + 1, sizeof *state->absent);
    state->cache = mem_zalloc((size_t)model->request_count * route_slots * 2 + 1, sizeof *state->cache);
    state->next_version = 1;
    for (uint32_t r = 0; r < model->request_count; r++) {
        state->route_of[r] = FLEET_NONE;
        state->absent[state->absent_count++] = r;
    }
    return state;
}

void fleet_state_free(struct fleet_state *state)
{
    if (!state) return;
    for (uint32_t i = 0; i < state->route_slots; i++) free(state->routes[i].stops);
    free(state->routes);
    free(state->route_of);
    free(state->at);
    free(state->absent);
    free(state->cache);
    free(state);
}

static void reserve(struct fleet_route *route, uint32_t count)
{
    if (count <= route->capacity) return;
    route->capacity = count + 16 > 2 * route->capacity ? count + 16 : 2 * route->capacity;
    route->stops = mem_realloc(route->stops, route->capacity, sizeof *route->stops);
}

uint32_t fleet_route_add(struct fleet_state *state)
{
    ASSERT(state->route_count < state->route_slots);
    uint32_t index = state->route_count++;
    struct fleet_route *route = &state->routes[index];
    reserve(route, 2);
    route->count = 2;
    route->stops[0].node = route->stops[1].node = state->model->node_count - 1;
    (void)fleet_route_refresh(state, index);
    route->settled = route->version;
    return index;
}

void fleet_route_drop(struct fleet_state *state, uint32_t route)
{
    ASSERT(route < state->route_count && state->routes[route].count == 2);
    uint32_t last = --state->route_count;
    struct fleet_route gone = state->routes[route];
    state->routes[route] = state->routes[last];
    state->routes[last] = gone;
    if (route == last) return;
    for (uint32_t i = 1; i + 1 < state->routes[route].count; i++) state->route_of[state->routes[route].stops[i].node >> 1] = route;
}

bool fleet_stops_fill(const struct fleet_model *model, struct fleet_stop *stops, uint32_t count)
{
    const size_t n = model->node_count;
    int32_t load = 0, begin = model->nodes[n - 1].open;
    bool possible = true;
    for (uint32_t i = 0; i < count; i++) {
        struct fleet_stop *stop = &stops[i];
        const struct fleet_node *node = &model->nodes[stop->node];
        if (i > 0) begin += stops[i - 1].service + stops[i - 1].leg;
        if (begin < node->open) begin = node->open;
        possible &= begin <= node->close;
        load += node->demand;
        possible &= load <= model->capacity;
        stop->open = node->open;
        stop->service = node->service;
        stop->close = node->close;
        stop->begin = begin;
        stop->load = load;
        stop->leg = i + 1 < count ? model->to[stop->node * n + stops[i + 1].node] : 0;
    }
    int32_t latest = model->nodes[n - 1].close;
    for (uint32_t i = count; i-- > 0;) {
        int32_t close = stops[i].close;
        if (i + 1 < count) latest -= stops[i].service + stops[i].leg;
        if (latest > close) latest = close;
        stops[i].latest = latest;
    }
    return possible;
}

bool fleet_stops_without(const struct fleet_model *model, const struct fleet_stop *stops, uint32_t count, uint32_t request, struct fleet_stop *out)
{
    const size_t n = model->node_count;
    const int32_t demand = model->nodes[2 * request].demand;
    uint32_t pickup = 1;
    while (stops[pickup].node != 2 * request) pickup++;
    uint32_t delivery = pickup + 1;
    while (stops[delivery].node != 2 * request + 1) delivery++;
    memcpy(out, stops, pickup * sizeof *out);
    for (uint32_t i = pickup + 1; i < delivery; i++) {
        out[i - 1] = stops[i];
        out[i - 1].load -= demand;
    }
    memcpy(&out[delivery - 1], &stops[delivery + 1], (count - delivery - 1) * sizeof *out);
    out[pickup - 1].leg = model->to[out[pickup - 1].node * n + out[pickup].node];
    out[delivery - 2].leg = model->to[out[delivery - 2].node * n + out[delivery - 1].node];
    for (uint32_t i = pickup; i < count - 2; i++) { /* behind the second joint, the first begin that stays ends it */
        int32_t begin = out[i - 1].begin + out[i - 1].service + out[i - 1].leg;
        if (begin < out[i].open) begin = out[i].open;
        if (begin > out[i].close) return false;
        if (begin == out[i].begin && i + 1 >= delivery) break;
        out[i].begin = begin;
    }
    for (uint32_t i = delivery - 1; i-- > 0;) {
        int32_t latest = out[i + 1].latest - out[i].service - out[i].leg;
        if (latest > out[i].close) latest = out[i].close;
        if (latest == out[i].latest && i + 1 < pickup) break;
        out[i].latest = latest;
    }
    return true;
}

bool fleet_route_refresh(struct fleet_state *state, uint32_t index)
{
    struct fleet_route *route = &state->routes[index];
    route->possible = fleet_stops_fill(state->model, route->stops, route->count);
    int64_t length = 0;
    for (uint32_t i = 0; i < route->count; i++) {
        length += route->stops[i].leg;
        state->at[route->stops[i].node] = (uint16_t)i;
    }
    route->length = length;
    route->version = state->next_version++;
    return route->possible;
}

void fleet_insert(struct fleet_state *state, uint32_t request, uint32_t index, struct fleet_place place)
{
    struct fleet_route *route = &state->routes[index];
    ASSERT(state->route_of[request] == FLEET_NONE && place.pickup_after <= place.delivery_after && place.delivery_after + 1u < route->count);
    reserve(route, route->count + 2);
    struct fleet_stop *stops = route->stops;
    uint32_t i = place.pickup_after, j = place.delivery_after;
    memmove(&stops[j + 3], &stops[j + 1], (route->count - j - 1) * sizeof *stops);
    memmove(&stops[i + 2], &stops[i + 1], (j - i) * sizeof *stops);
    stops[i + 1].node = 2 * request;
    stops[j + 2].node = 2 * request + 1;
    route->count += 2;
    state->route_of[request] = index;
    (void)fleet_route_refresh(state, index);
}

void fleet_remove(struct fleet_state *state, uint32_t request)
{
    uint32_t index = state->route_of[request];
    ASSERT(index != FLEET_NONE);
    struct fleet_route *route = &state->routes[index];
    struct fleet_stop *stops = route->stops;
    uint32_t i = state->at[2 * request], j = state->at[2 * request + 1];
    ASSERT(stops[i].node == 2 * request && stops[j].node == 2 * request + 1 && i < j);
    memmove(&stops[i], &stops[i + 1], (j - i - 1) * sizeof *stops);
    memmove(&stops[j - 1], &stops[j + 1], (route->count - j - 1) * sizeof *stops);
    route->count -= 2;
    state->route_of[request] = FLEET_NONE;
    state->absent[state->absent_count++] = request;
    (void)fleet_route_refresh(state, index);
}

void fleet_absent_take(struct fleet_state *state, uint32_t index)
{
    ASSERT(index < state->absent_count);
    state->absent[index] = state->absent[--state->absent_count];
}

int64_t fleet_length(const struct fleet_state *state)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < state->route_count; i++) sum += state->routes[i].length;
    return sum;
}

void fleet_keep(const struct fleet_state *state, struct fleet_kept *kept)
{
    const uint32_t depot = state->model->node_count - 1;
    if (!kept->nodes) kept->nodes = mem_zalloc(2 * (size_t)state->model->node_count + 1, sizeof *kept->nodes);
    kept->route_count = kept->node_count = 0;
    for (uint32_t r = 0; r < state->route_count; r++) {
        const struct fleet_route *route = &state->routes[r];
        if (route->count == 2) continue;
        for (uint32_t i = 1; i + 1 < route->count; i++) kept->nodes[kept->node_count++] = route->stops[i].node;
        kept->nodes[kept->node_count++] = depot;
        kept->route_count++;
    }
    kept->length = fleet_length(state);
}

void fleet_restore(struct fleet_state *state, const struct fleet_kept *kept)
{
    const uint32_t depot = state->model->node_count - 1;
    state->route_count = state->absent_count = 0;
    ASSERT(kept->route_count <= state->route_slots);
    for (uint32_t i = 0; i < kept->node_count;) {
        uint32_t end = i;
        while (kept->nodes[end] != depot) end++;
        uint32_t index = state->route_count++;
        struct fleet_route *route = &state->routes[index];
        reserve(route, end - i + 2);
        route->count = end - i + 2;
        route->stops[0].node = route->stops[route->count - 1].node = depot;
        for (uint32_t k = i; k < end; k++) {
            route->stops[k - i + 1].node = kept->nodes[k];
            state->route_of[kept->nodes[k] >> 1] = index;
        }
        bool possible = fleet_route_refresh(state, index);
        ASSERT(possible);
        route->settled = route->version;
        i = end + 1;
    }
}
