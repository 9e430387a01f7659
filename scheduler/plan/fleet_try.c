/* Where a pair can go in a route, by constant time a place: the pickup's effect on the times is carried along stop by stop while the delivery
 * is tried behind each, and a stop's latest begin tells at once whether the rest still fits (forward slack, Savelsbergh 1992). It must not know
 * why a request is to be placed. */
#include "fleet.h"

struct try_rows {
    const int32_t *to_pickup, *from_pickup, *to_delivery, *from_delivery; /* [other node] */
    struct fleet_node pickup, delivery;
    int32_t between;                                                      /* pickup -> delivery */
};

static inline struct try_rows rows_of(const struct fleet_model *model, uint32_t request)
{
    size_t p = 2 * (size_t)request, d = p + 1, n = model->node_count;
    return (struct try_rows){.to_pickup = model->from + p * n, .from_pickup = model->to + p * n, .to_delivery = model->from + d * n,
                             .from_delivery = model->to + d * n, .pickup = model->nodes[p], .delivery = model->nodes[d],
                             .between = model->to[p * n + d]};
}

/* The first stop behind which a node that opens at `open` can go: before it, the next stop would have to begin earlier (latest begins grow along a route). */
static inline uint32_t first_after(const struct fleet_stop *stops, uint32_t count, int32_t open)
{
    uint32_t low = 0, high = count - 1;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (stops[middle + 1].latest < open) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* What the delivery would cost behind each stop if the pickup took no time, FLEET_COST_NONE where even that is too late; and the least of these from a stop
 * on: most pickups are then given up without a look at their deliveries. */
static void fill_detours(const struct fleet_model *model, const struct try_rows *rows, const struct fleet_stop *stops, uint32_t count)
{
    int32_t *detour = model->detour, *least = model->detour_least;
    uint32_t first = first_after(stops, count, rows->delivery.open), last = first;
    for (; last + 1 < count; last++) {
        const struct fleet_stop *stop = &stops[last], *next = stop + 1;
        int32_t depart = stop->begin + stop->service;
        if (depart > rows->delivery.close) break;
        detour[last] = FLEET_COST_NONE;
        int32_t to = rows->to_delivery[stop->node], from = rows->from_delivery[next->node], arrive = depart + to;
        if (arrive > rows->delivery.close) continue;
        if (arrive < rows->delivery.open) arrive = rows->delivery.open;
        if (arrive + rows->delivery.service + from <= next->latest) detour[last] = to + from - stop->leg;
    }
    model->detour_count[0] = last;
    for (uint32_t j = 0; j < first; j++) detour[j] = FLEET_COST_NONE;
    int32_t low = FLEET_COST_NONE;
    least[last] = low;
    for (uint32_t j = last; j-- > 0;) {
        if (detour[j] < low) low = detour[j];
        least[j] = low;
    }
}

/* The delivery behind each stop after the pickup's, as long as windows, loads and the bound allow. */
static inline void try_deliveries(const struct fleet_model *model, const struct try_rows *rows, const struct fleet_stop *stops, uint32_t i, int32_t begin,
                                  int32_t pickup_cost, int32_t room, struct fleet_place *best)
{
    const int32_t *detour = model->detour, *least = model->detour_least;
    for (uint32_t j = i + 1, end = model->detour_count[0]; j < end; j++) {
        const struct fleet_stop *stop = &stops[j], *next = stop + 1;
        if (stop->load > room || least[j] == FLEET_COST_NONE || pickup_cost + least[j] >= best->cost) return;
        if (begin < stop->open) begin = stop->open;
        int32_t depart = begin + stop->service;
        if (detour[j] != FLEET_COST_NONE && pickup_cost + detour[j] < best->cost) {
            int32_t arrive = depart + rows->to_delivery[stop->node];
            if (arrive < rows->delivery.open) arrive = rows->delivery.open;
            if (arrive <= rows->delivery.close && arrive + rows->delivery.service + rows->from_delivery[next->node] <= next->latest)
                *best = (struct fleet_place){pickup_cost + detour[j], (uint16_t)i, (uint16_t)j};
        }
        begin = depart + stop->leg;
        if (begin > next->latest) return;
    }
}

struct fleet_place fleet_try(const struct fleet_model *model, const struct fleet_stop *stops, uint32_t count, uint32_t request, int32_t bound)
{
    const struct try_rows rows = rows_of(model, request);
    const int32_t room = model->capacity - rows.pickup.demand;
    struct fleet_place best = {bound, 0, 0};
    fill_detours(model, &rows, stops, count);
    const int32_t *least = model->detour_least;
    for (uint32_t i = first_after(stops, count, rows.pickup.open), end = model->detour_count[0]; i < end; i++) {
        const struct fleet_stop *stop = &stops[i], *next = stop + 1;
        int32_t depart = stop->begin + stop->service;
        if (depart > rows.pickup.close) break;
        if (stop->load > room) continue;
        int32_t to = rows.to_pickup[stop->node], arrive = depart + to;
        if (arrive > rows.pickup.close) continue;
        if (arrive < rows.pickup.open) arrive = rows.pickup.open;
        int32_t ready = arrive + rows.pickup.service;
        int32_t there = ready + rows.between;
        if (there <= rows.delivery.close) {
            if (there < rows.delivery.open) there = rows.delivery.open;
            int32_t from = rows.from_delivery[next->node], cost = to + rows.between + from - stop->leg;
            if (cost < best.cost && there + rows.delivery.service + from <= next->latest) best = (struct fleet_place){cost, (uint16_t)i, (uint16_t)i};
        }
        int32_t from = rows.from_pickup[next->node], cost = to + from - stop->leg;
        if (least[i + 1] == FLEET_COST_NONE || cost + least[i + 1] >= best.cost || ready + from > next->latest) continue;
        try_deliveries(model, &rows, stops, i, ready + from, cost, room, &best);
    }
    if (best.cost == bound) best.cost = FLEET_COST_NONE;
    return best;
}

bool fleet_try_fits(const struct fleet_model *model, const struct fleet_stop *stops, uint32_t count, uint32_t request)
{
    const struct try_rows rows = rows_of(model, request);
    const int32_t room = model->capacity - rows.pickup.demand;
    for (uint32_t i = first_after(stops, count, rows.pickup.open); i + 1 < count; i++) {
        const struct fleet_stop *stop = &stops[i], *next = stop + 1;
        int32_t leave = stop->begin + stop->service;
        if (leave > rows.pickup.close) return false;
        if (stop->load > room) continue;
        leave += rows.to_pickup[stop->node];
        if (leave > rows.pickup.close) continue;
        if (leave < rows.pickup.open) leave = rows.pickup.open;
        leave += rows.pickup.service;
        int32_t there = leave + rows.between;
        if (there < rows.delivery.open) there = rows.delivery.open;
        if (there <= rows.delivery.close && there + rows.delivery.service + rows.from_delivery[next->node] <= next->latest) return true;
        leave += rows.from_pickup[next->node];
        for (uint32_t j = i + 1; j + 1 < count && leave <= stops[j].latest && stops[j].load <= room; j++) {
            if (leave < stops[j].open) leave = stops[j].open;
            leave += stops[j].service;
            if (leave > rows.delivery.close) break;
            there = leave + rows.to_delivery[stops[j].node];
            if (there < rows.delivery.open) there = rows.delivery.open;
            if (there <= rows.delivery.close && there + rows.delivery.service + rows.from_delivery[stops[j + 1].node] <= stops[j + 1].latest) return true;
            leave += stops[j].leg;
        }
    }
    return false;
}

struct fleet_place fleet_try_any(const struct fleet_model *model, const struct fleet_stop *stops, uint32_t count, uint32_t request, struct rng *rng)
{
    const struct try_rows rows = rows_of(model, request);
    const int32_t room = model->capacity - rows.pickup.demand;
    struct fleet_place chosen = {FLEET_COST_NONE, 0, 0};
    uint32_t seen = 0;
    for (uint32_t i = 0; i + 1 < count; i++) {
        const struct fleet_stop *stop = &stops[i];
        int32_t depart = stop->begin + stop->service;
        if (depart > rows.pickup.close) break;
        int32_t arrive = depart + rows.to_pickup[stop->node];
        if (stop->load > room || arrive > rows.pickup.close) continue;
        if (arrive < rows.pickup.open) arrive = rows.pickup.open;
        int32_t leave = arrive + rows.pickup.service, before = rows.to_pickup[stop->node] - stop->leg;
        int32_t there = leave + rows.between;
        if (there < rows.delivery.open) there = rows.delivery.open;
        if (there <= rows.delivery.close && there + rows.delivery.service + rows.from_delivery[stop[1].node] <= stop[1].latest && rng_below(rng, ++seen) == 0)
            chosen = (struct fleet_place){before + rows.between + rows.from_delivery[stop[1].node], (uint16_t)i, (uint16_t)i};
        before += rows.from_pickup[stop[1].node];
        leave += rows.from_pickup[stop[1].node];
        for (uint32_t j = i + 1; j + 1 < count && leave <= stops[j].latest && stops[j].load <= room; j++) {
            if (leave < stops[j].open) leave = stops[j].open;
            leave += stops[j].service;
            if (leave > rows.delivery.close) break;
            int32_t drop = leave + rows.to_delivery[stops[j].node];
            if (drop < rows.delivery.open) drop = rows.delivery.open;
            int32_t from = rows.from_delivery[stops[j + 1].node];
            if (drop <= rows.delivery.close && drop + rows.delivery.service + from <= stops[j + 1].latest && rng_below(rng, ++seen) == 0)
                chosen = (struct fleet_place){before + rows.to_delivery[stops[j].node] + from - stops[j].leg, (uint16_t)i, (uint16_t)j};
            leave += stops[j].leg;
        }
    }
    return chosen;
}

struct fleet_place fleet_try_cached(struct fleet_state *state, uint32_t request, uint32_t route)
{
    struct fleet_route *r = &state->routes[route];
    struct fleet_cached *slot = &state->cache[((size_t)request * state->route_slots + route) * 2];
    if (slot[0].version == r->version) return slot[0].place;
    if (slot[1].version == r->version) return slot[1].place;
    state->tries++;
    /* what is only being tried must not push out what a refused step comes back to */
    uint32_t victim = slot[0].version == r->settled ? 1 : slot[1].version == r->settled ? 0 : slot[0].version > slot[1].version;
    slot[victim] = (struct fleet_cached){r->version, fleet_try(state->model, r->stops, r->count, request, FLEET_COST_NONE)};
    return slot[victim].place;
}
