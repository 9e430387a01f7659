/* Shorter routes: ruin and recreate under falling temperature (simulated annealing on lengths; a step that leaves a request out or needs one more
 * route is never kept). It must not know how a step is made. */
#include "fleet.h"

#include <math.h>
#include <stdlib.h>

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

void fleet_anneal(struct fleet_state *state, struct fleet_clock *clock, uint32_t until_ppm, double hot, double cold, struct fleet_kept *best)
{
    const struct fleet_model *model = state->model;
    struct fleet_undo *undo = fleet_undo_new(model, state->route_slots);
    uint32_t *pool = mem_zalloc(model->node_count, sizeof *pool);
    int64_t length = fleet_length(state);
    uint32_t from_ppm = fleet_clock_step(clock, 0), seen_ppm = from_ppm;
    double mean = (double)length / model->node_count, heat = hot * mean;
    for (;;) {
        uint32_t now_ppm = fleet_clock_step(clock, 1);
        if (now_ppm >= until_ppm) break;
        if (now_ppm != seen_ppm) {
            seen_ppm = now_ppm;
            heat = mean * hot * pow(cold / hot, (double)(now_ppm - from_ppm) / (double)(until_ppm - from_ppm));
        }
        fleet_undo_begin(undo);
        fleet_ruin(state, undo, pool);
        int64_t after = 0, before;
        bool whole = fleet_recreate(state, undo) && fleet_undo_possible(undo, state, &after);
        before = fleet_undo_length(undo);
        bool fewer = false;
        if (whole && (double)(after - before) >= -heat * log(rng_unit(&state->rng) + 1e-300)) whole = false;
        if (!whole) {
            fleet_undo_apply(undo, state);
            continue;
        }
        length += after - before;
        fleet_undo_settle(undo, state, &fewer);
        if (fewer) drop_empty(state);
        if (fewer || length < best->length) {
            if (better(best, state, length)) fleet_keep(state, best);
        }
    }
    fleet_restore(state, best);
    fleet_undo_free(undo);
    free(pool);
}
