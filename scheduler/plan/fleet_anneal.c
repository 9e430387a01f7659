/* Shorter routes: ruin and recreate under falling temperature (simulated annealing on lengths; a step that leaves a request out or needs one more
 * route is never kept). It must not know how a step is made. */
#include "fleet.h"

#include <math.h>
#include <stdlib.h>

static const double PRICE_LEAST = 0.5; /* in heats */

/* Routes that a step has emptied are routes saved. */
static void drop_empty(struct fleet_state *state)
{
    for (uint32_t r = state->route_count; r-- > 0;)
        if (state->routes[r].count == 2) fleet_route_drop(state, r);
}

static bool better(const struct fleet_kept *best, const struct fleet_state *state, int64_t length)
{
    return state->route_count < best->route_count || (state->route_count == best->route_count && length < best->length);
}

/* What a request without a place costs: it falls while all are served and grows while one is not, so that the search passes through plans that leave one out
 * and comes back. Where fleets are tight, plans that serve all are islands. */
static double price_next(double price, double least, double most, bool whole)
{
    price *= whole ? 0.998 : 1.003;
    price = price > least ? price : least;
    return price < most ? price : most;
}

void fleet_anneal(struct fleet_state *state, struct fleet_clock *clock, uint32_t until_ppm, double hot, double cold, struct fleet_kept *best)
{
    const struct fleet_model *model = state->model;
    struct fleet_undo *undo = fleet_undo_new(model, state->route_slots);
    uint32_t *pool = mem_zalloc(model->node_count, sizeof *pool);
    int64_t length = fleet_length(state);
    uint32_t from_ppm = fleet_clock_step(clock, 0), seen_ppm = from_ppm, whole_from_ppm = until_ppm - (until_ppm - from_ppm) / 5;
    double mean = (double)length / model->node_count, heat = hot * mean, price = PRICE_LEAST * mean * hot, most = (double)length; /* for the price of the whole plan nothing is left out */
    bool emptied = false, open = true;
    for (;;) {
        uint32_t now_ppm = fleet_clock_step(clock, 1);
        if (now_ppm >= until_ppm) break;
        if (now_ppm != seen_ppm) {
            seen_ppm = now_ppm;
            heat = mean * hot * pow(cold / hot, (double)(now_ppm - from_ppm) / (double)(until_ppm - from_ppm));
            if (open && now_ppm >= whole_from_ppm) {
                open = false;
                if (state->absent_count > 0) fleet_restore(state, best);
                length = fleet_length(state);
            }
        }
        price = price_next(price, PRICE_LEAST * heat, most, state->absent_count == 0);
        fleet_undo_begin(undo, state);
        uint32_t absent = state->absent_count;
        fleet_ruin(state, undo, pool);
        int64_t each = open ? (int64_t)price : INT64_MAX / 4;
        int64_t after = 0, ruined = 0, before = fleet_undo_length(undo), allowed = (int64_t)ceil(-heat * log(rng_unit(&state->rng) + 1e-300));
        bool fine = fleet_undo_possible(undo, state, &ruined);
        fine = fine && fleet_recreate(state, undo, before + allowed - ruined + each * absent, each) && fleet_undo_possible(undo, state, &after);
        if (!fine) {
            fleet_undo_apply(undo, state);
            continue;
        }
        bool some = false;
        length += after - fleet_undo_length(undo);
        fleet_undo_settle(undo, state, &some);
        emptied |= some;
        if (state->absent_count > 0) continue;
        if (emptied) drop_empty(state);
        emptied = false;
        if (better(best, state, length)) fleet_keep(state, best);
    }
    fleet_restore(state, best);
    fleet_undo_free(undo);
    free(pool);
}

static uint64_t absent_sum(const struct fleet_state *state, const uint32_t *absences)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < state->absent_count; i++) sum += absences[state->absent[i]];
    return sum;
}

bool fleet_anneal_absent(struct fleet_state *state, struct fleet_clock *clock, uint32_t until_ppm, uint32_t *absences)
{
    const struct fleet_model *model = state->model;
    struct fleet_undo *undo = fleet_undo_new(model, state->route_slots);
    uint32_t *pool = mem_zalloc(model->node_count, sizeof *pool);
    double heat = 1.0 * (double)fleet_length(state) / model->node_count;
    while (state->absent_count > 0 && fleet_clock_step(clock, 1) < until_ppm) {
        uint64_t sum = absent_sum(state, absences), with;
        uint32_t count = state->absent_count;
        fleet_undo_begin(undo, state);
        fleet_ruin(state, undo, pool);
        (void)fleet_recreate(state, undo, INT64_MAX / 2, 0);
        int64_t after;
        bool keep = fleet_undo_possible(undo, state, &after);
        with = absent_sum(state, absences);
        for (uint32_t i = 0; i < state->absent_count; i++) absences[state->absent[i]]++;
        if (keep && state->absent_count >= count && with >= sum)
            keep = state->absent_count == count && with == sum && (double)(after - fleet_undo_length(undo)) < -heat * log(rng_unit(&state->rng) + 1e-300);
        bool emptied = false;
        if (keep) fleet_undo_settle(undo, state, &emptied);
        else fleet_undo_apply(undo, state);
    }
    fleet_undo_free(undo);
    free(pool);
    return state->absent_count == 0;
}
