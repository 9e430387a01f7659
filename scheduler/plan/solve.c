/* The run: take up the running routes, put in what is missing, improve. Ruin and recreate with regret insertion; a step is kept only if the
 * whole is better or equal, so the answer is never worse than the warm start. */
#include "solve.h"

#include <stdlib.h>
#include <string.h>

enum { RUIN_MAX = 6, REGRET_CELLS_MAX = 2000000, REGRET_TASKS_MAX = 300 };

static uint32_t fixed_steps(const struct work *work, uint32_t courier, uint32_t task)
{
    const struct plan_courier *c = &work->problem->couriers[courier];
    uint32_t next = 0;
    for (uint32_t i = 0; i < c->fixed_count && i < work->tours[courier].count; i++)
        if (work->tours[courier].refs[i].task == task) next = work->tours[courier].refs[i].step + 1u;
    return next;
}

static void tour_refresh(struct work *work, uint32_t courier)
{
    struct tour *tour = &work->tours[courier];
    tour_measure(work, courier, tour->refs, tour->count, tour->begin_s, &tour->value);
}

static void tour_set(struct work *work, uint32_t courier, const struct plan_ref *refs, uint32_t count)
{
    struct tour *tour = &work->tours[courier];
    memcpy(tour->refs, refs, count * sizeof *refs);
    tour->count = count;
    tour_refresh(work, courier);
}

static bool may_stay(const struct plan_problem *problem, uint32_t task, uint32_t courier)
{
    return problem->tasks[task].committed ? problem->tasks[task].courier == courier : task_allows(problem, task, courier);
}

/* Free tasks that have become impossible leave, the latest in the route first, until it is sound. */
static void tour_mend(struct work *work, uint32_t courier)
{
    struct tour *tour = &work->tours[courier];
    uint32_t fixed = work->problem->couriers[courier].fixed_count;
    for (uint32_t i = tour->count; i-- > 0 && !tour_is_sound(work, courier, tour->refs, tour->count, &tour->value);) {
        if (i >= tour->count) continue;
        uint32_t task = tour->refs[i].task;
        if (work->problem->tasks[task].committed || fixed_steps(work, courier, task) > 0) continue;
        struct plan_ref kept[PLAN_STOPS_MAX];
        uint32_t count = tour_without(tour->refs, tour->count, task, fixed, kept);
        tour_set(work, courier, kept, count);
        work->at[task] = PLAN_ANY;
    }
}

void work_take_courier(struct work *work, uint32_t courier)
{
    const struct plan_courier *c = &work->problem->couriers[courier];
    struct tour *tour = &work->tours[courier];
    tour->count = 0;
    for (uint32_t i = 0; i < c->stop_count; i++) {
        uint32_t task = c->stops[i].task;
        /* the committed prefix stays whatever is thought of it now; its task stays whole */
        bool prefix = false;
        for (uint32_t f = 0; f < c->fixed_count; f++) prefix |= c->stops[f].task == task;
        if (!prefix && !may_stay(work->problem, task, courier)) continue;
        tour->refs[tour->count] = c->stops[i];
        tour->refs[tour->count].told = false;
        tour->count++;
        work->at[task] = courier;
    }
    tour_refresh(work, courier);
}

/* Committed tasks without stops (goods that turned back): into their own courier's route, the least harmful way. */
static void insert_committed(struct work *work)
{
    for (uint32_t t = 0; t < work->problem->task_count; t++) {
        const struct plan_task *task = &work->problem->tasks[t];
        if (!task->committed || work->at[t] != PLAN_ANY) continue;
        struct tour *tour = &work->tours[task->courier];
        struct insertion best = {0};
        insertion_best(work, task->courier, tour->refs, tour->count, &tour->value, t, 0, work->problem->couriers[task->courier].fixed_count,
                       INT64_MAX, true, &best);
        if (!best.found) continue; /* the route is full: it is left out and says so */
        tour_set(work, task->courier, best.refs, best.count);
        work->at[t] = task->courier;
    }
}

/* The best courier for a task that is nowhere; cost only. */
static int64_t bid_of(struct work *work, uint32_t task, uint32_t courier, int64_t bound, struct insertion *out)
{
    out->found = false;
    if (!task_allows(work->problem, task, courier)) return INT64_MAX;
    const struct tour *tour = &work->tours[courier];
    insertion_best(work, courier, tour->refs, tour->count, &tour->value, task, 0, work->problem->couriers[courier].fixed_count, bound, false, out);
    return out->found ? out->added : INT64_MAX;
}

static bool insert_cheapest(struct work *work, uint32_t task)
{
    struct insertion best = {0}, trial;
    uint32_t where = PLAN_ANY;
    int64_t bound = INT64_MAX;
    for (uint32_t c = 0; c < work->problem->courier_count; c++) {
        if (bid_of(work, task, c, bound, &trial) == INT64_MAX) continue;
        bound = trial.added;
        where = c;
        best = trial;
    }
    if (where == PLAN_ANY) return false;
    tour_set(work, where, best.refs, best.count);
    work->at[task] = where;
    return true;
}

static int by_urgency(const struct plan_problem *problem, uint32_t a, uint32_t b)
{
    const struct plan_task *x = &problem->tasks[a], *y = &problem->tasks[b];
    if (x->priority != y->priority) return x->priority > y->priority ? -1 : 1;
    if (x->due_s != y->due_s) return x->due_s < y->due_s ? -1 : 1;
    return a < b ? -1 : a > b;
}

static void sort_by_urgency(const struct plan_problem *problem, uint32_t *tasks, uint32_t count)
{
    for (uint32_t gap = count / 2; gap > 0; gap /= 2) { /* Shell: no comparator context needed, and the order is total */
        for (uint32_t i = gap; i < count; i++) {
            uint32_t task = tasks[i], j = i;
            for (; j >= gap && by_urgency(problem, task, tasks[j - gap]) < 0; j -= gap) tasks[j] = tasks[j - gap];
            tasks[j] = task;
        }
    }
}

/* Insert the task that would regret waiting most: whose second-best courier is so much dearer than the best (Potvin & Rousseau 1993). */
static void insert_by_regret(struct work *work, uint32_t *tasks, uint32_t count)
{
    uint32_t couriers = work->problem->courier_count;
    int64_t *bids = mem_zalloc((size_t)count * couriers + 1, sizeof *bids);
    struct insertion best;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t c = 0; c < couriers; c++) bids[(size_t)i * couriers + c] = bid_of(work, tasks[i], c, INT64_MAX, &best);
    for (uint32_t left = count; left > 0; left--) {
        uint32_t pick = PLAN_ANY, where = 0;
        int64_t regret_max = -1;
        for (uint32_t i = 0; i < count; i++) {
            if (work->at[tasks[i]] != PLAN_ANY) continue;
            int64_t first = INT64_MAX, second = INT64_MAX;
            uint32_t at = 0;
            for (uint32_t c = 0; c < couriers; c++) {
                int64_t bid = bids[(size_t)i * couriers + c];
                if (bid < first) {
                    second = first;
                    first = bid;
                    at = c;
                } else if (bid < second) second = bid;
            }
            if (first == INT64_MAX) continue;
            int64_t regret = second == INT64_MAX ? INT64_MAX / 2 : second - first;
            if (regret <= regret_max) continue;
            regret_max = regret;
            pick = i;
            where = at;
        }
        if (pick == PLAN_ANY) break;
        (void)bid_of(work, tasks[pick], where, INT64_MAX, &best);
        ASSERT(best.found);
        tour_set(work, where, best.refs, best.count);
        work->at[tasks[pick]] = where;
        for (uint32_t i = 0; i < count; i++)
            if (work->at[tasks[i]] == PLAN_ANY) bids[(size_t)i * couriers + where] = bid_of(work, tasks[i], where, INT64_MAX, &best);
    }
    free(bids);
}

static void insert_missing(struct work *work, uint32_t *tasks, uint32_t count)
{
    sort_by_urgency(work->problem, tasks, count);
    if (count > 1 && count <= REGRET_TASKS_MAX && (uint64_t)count * work->problem->courier_count <= REGRET_CELLS_MAX) {
        insert_by_regret(work, tasks, count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) (void)insert_cheapest(work, tasks[i]);
}

static uint32_t list_missing(const struct work *work, uint32_t *out, uint32_t most)
{
    uint32_t count = 0;
    for (uint32_t t = 0; t < work->problem->task_count && count < most; t++)
        if (work->at[t] == PLAN_ANY && !work->problem->tasks[t].held) out[count++] = t;
    return count;
}

/* ---- improvement ---- */

/* A step's undo: the tours it touches and where its tasks were. */
struct undo {
    uint32_t courier_count, task_count;
    uint32_t couriers[2 * RUIN_MAX + 2];
    struct tour tours[2 * RUIN_MAX + 2];
    uint32_t tasks[RUIN_MAX], were[RUIN_MAX];
};

static bool undo_keep(struct undo *undo, const struct work *work, uint32_t courier)
{
    for (uint32_t i = 0; i < undo->courier_count; i++)
        if (undo->couriers[i] == courier) return false;
    undo->couriers[undo->courier_count] = courier;
    undo->tours[undo->courier_count++] = work->tours[courier];
    return true;
}

static void undo_all(const struct undo *undo, struct work *work)
{
    for (uint32_t i = 0; i < undo->courier_count; i++) work->tours[undo->couriers[i]] = undo->tours[i];
    for (uint32_t i = 0; i < undo->task_count; i++) work->at[undo->tasks[i]] = undo->were[i];
}

static void ruin_one(struct work *work, struct undo *undo, uint32_t task)
{
    for (uint32_t i = 0; i < undo->task_count; i++)
        if (undo->tasks[i] == task) return;
    uint32_t courier = work->at[task];
    if (courier != PLAN_ANY && fixed_steps(work, courier, task) > 0) return; /* its first stop is the current leg */
    undo->tasks[undo->task_count] = task;
    undo->were[undo->task_count++] = courier;
    if (courier == PLAN_ANY) return;
    undo_keep(undo, work, courier);
    struct plan_ref kept[PLAN_STOPS_MAX];
    uint32_t count = tour_without(work->tours[courier].refs, work->tours[courier].count, task, 0, kept);
    tour_set(work, courier, kept, count);
    work->at[task] = PLAN_ANY;
}

/* Back in, with the touched tours kept for undo. Committed ones may overrun as little as can be. */
static void recreate_one(struct work *work, struct undo *undo, uint32_t task)
{
    const struct plan_task *t = &work->problem->tasks[task];
    struct insertion best = {0}, trial;
    uint32_t where = PLAN_ANY;
    if (t->committed) {
        const struct tour *tour = &work->tours[t->courier];
        where = t->courier;
        insertion_best(work, where, tour->refs, tour->count, &tour->value, task, 0, work->problem->couriers[where].fixed_count, INT64_MAX, true, &best);
        if (!best.found) return;
    } else {
        int64_t bound = INT64_MAX;
        for (uint32_t c = 0; c < work->problem->courier_count; c++) {
            if (bid_of(work, task, c, bound, &trial) == INT64_MAX) continue;
            bound = trial.added;
            where = c;
            best = trial;
        }
        if (where == PLAN_ANY) return;
    }
    undo_keep(undo, work, where);
    tour_set(work, where, best.refs, best.count);
    work->at[task] = where;
}

/* Sum over the touched tours and the ruined tasks: all that a step can change. */
static void touched_cost(const struct work *work, const struct undo *undo, bool before, struct plan_cost *out)
{
    *out = (struct plan_cost){0};
    for (uint32_t i = 0; i < undo->courier_count; i++) {
        const struct tour_value *value = before ? &undo->tours[i].value : &work->tours[undo->couriers[i]].value;
        out->violation_s += value->violation_s + value->free_violation_s;
        out->soft += value->soft;
    }
    for (uint32_t i = 0; i < undo->task_count; i++)
        if ((before ? undo->were[i] : work->at[undo->tasks[i]]) == PLAN_ANY) out->left_weight += priority_weight(work->problem->tasks[undo->tasks[i]].priority);
}

static bool touched_sound(struct work *work, const struct undo *undo)
{
    for (uint32_t i = 0; i < undo->courier_count; i++) {
        const struct tour *tour = &work->tours[undo->couriers[i]];
        if (!tour_is_sound(work, undo->couriers[i], tour->refs, tour->count, &tour->value)) return false;
    }
    return true;
}

/* Which tasks to take out: one at random, then its neighbours in the same route or ones that share a place with it. */
static void ruin(struct work *work, struct rng *rng, const uint32_t *open, uint32_t open_count, struct undo *undo)
{
    uint32_t seed = open[rng_below(rng, open_count)];
    uint32_t size = 1 + rng_below(rng, RUIN_MAX);
    uint32_t courier = work->at[seed];
    ruin_one(work, undo, seed);
    for (uint32_t tries = 0; tries < 3 * size && undo->task_count < size; tries++) {
        uint32_t other;
        if (courier != PLAN_ANY && work->tours[courier].count > 0 && rng_below(rng, 2)) {
            other = work->tours[courier].refs[rng_below(rng, work->tours[courier].count)].task;
        } else {
            other = open[rng_below(rng, open_count)];
        }
        ruin_one(work, undo, other);
    }
}

static void improve(struct work *work, const struct plan_options *options, struct plan_solution *solution)
{
    const struct plan_problem *problem = work->problem;
    uint32_t *open = mem_zalloc(problem->task_count + 1, sizeof *open), open_count = 0;
    for (uint32_t t = 0; t < problem->task_count; t++)
        if (!problem->tasks[t].held || work->at[t] != PLAN_ANY) open[open_count++] = t;
    struct undo *undo = mem_alloc(sizeof *undo);
    struct rng rng;
    rng_init(&rng, options->seed);
    for (uint32_t i = 0; open_count > 0 && problem->courier_count > 0 && i < options->iterations; i++) {
        if (options->stop && options->stop(options->stop_context)) break;
        solution->iterations++;
        undo->courier_count = undo->task_count = 0;
        ruin(work, &rng, open, open_count, undo);
        uint32_t order[RUIN_MAX];
        memcpy(order, undo->tasks, undo->task_count * sizeof *order);
        for (uint32_t k = undo->task_count; k > 1; k--) { /* shuffled, or most urgent first */
            uint32_t j = rng_below(&rng, k), swap = order[k - 1];
            order[k - 1] = order[j];
            order[j] = swap;
        }
        if (rng_below(&rng, 2)) sort_by_urgency(problem, order, undo->task_count);
        for (uint32_t k = 0; k < undo->task_count; k++) recreate_one(work, undo, order[k]);
        struct plan_cost before, after;
        touched_cost(work, undo, true, &before);
        touched_cost(work, undo, false, &after);
        if (plan_cost_compare(&after, &before) > 0 || !touched_sound(work, undo)) undo_all(undo, work);
    }
    free(undo);
    free(open);
}

/* ---- answer ---- */

static void write_tour(struct work *work, uint32_t courier, struct plan_tour *out)
{
    const struct plan_courier *c = &work->problem->couriers[courier];
    const struct tour *tour = &work->tours[courier];
    out->stop_count = tour->count;
    out->stops = mem_zalloc(tour->count + 1u, sizeof *out->stops);
    out->changes = tour->value.changes;
    out->violation_s = (uint32_t)(tour->value.violation_s > UINT32_MAX ? UINT32_MAX : tour->value.violation_s);
    out->changed = tour->count != c->stop_count;
    struct step_state state;
    tour_begin(work, courier, &state);
    for (uint32_t i = 0; i < tour->count; i++) {
        struct plan_visit *visit = &out->stops[i];
        const struct plan_ref *ref = &tour->refs[i];
        uint32_t from = state.place;
        int32_t left_s = state.time_s, begin_s[PLAN_STOPS_MAX];
        memcpy(begin_s, tour->begin_s, i * sizeof *begin_s);
        tour_step(work, courier, tour->refs, i, begin_s, &state);
        struct plan_leg leg = work_leg(work, from, state.place);
        if (leg.travel_s == PLAN_UNREACHABLE) leg = (struct plan_leg){0, 0};
        const struct told_place *told = &work->told[ref->task];
        *visit = (struct plan_visit){.ref = *ref, .arrive_s = left_s + (int32_t)leg.travel_s, .begin_s = begin_s[i], .leave_s = state.time_s,
                                     .travel_s = leg.travel_s, .travel_m = leg.travel_m};
        visit->ref.told = told->courier == courier && told->index[ref->step] >= 0;
        if (!out->changed)
            out->changed = c->stops[i].task != ref->task || c->stops[i].step != ref->step || c->stops[i].choice != ref->choice;
    }
}

static void write_answer(struct work *work, struct plan_solution *solution)
{
    const struct plan_problem *problem = work->problem;
    solution->tour_count = problem->courier_count;
    solution->tours = mem_zalloc(problem->courier_count + 1, sizeof *solution->tours);
    struct plan_cost *cost = &solution->cost;
    for (uint32_t c = 0; c < problem->courier_count; c++) {
        const struct tour_value *value = &work->tours[c].value;
        write_tour(work, c, &solution->tours[c]);
        cost->violation_s += value->violation_s;
        cost->soft += value->soft;
        cost->late_s += value->late_s;
        cost->travel_s += value->travel_s;
        cost->travel_m += value->travel_m;
        cost->late_count += value->late_count;
        cost->changes += value->changes;
    }
    solution->left = mem_zalloc(problem->task_count + 1, sizeof *solution->left);
    for (uint32_t t = 0; t < problem->task_count; t++) {
        if (work->at[t] != PLAN_ANY) continue;
        reason_for_task(work, t, &solution->left[solution->left_count++]);
        cost->left_weight += priority_weight(problem->tasks[t].priority);
        cost->left_count++;
    }
    solution->evaluations = work->evaluations;
}

enum status plan_solve(const struct plan_problem *problem, const struct plan_options *options, struct plan_solution **out, struct error *err)
{
    TRY(plan_problem_check(problem, err));
    struct plan_solution *solution = mem_zalloc(1, sizeof *solution);
    struct work work;
    work_init(&work, problem);
    for (uint32_t c = 0; c < problem->courier_count; c++) {
        work_take_courier(&work, c);
        tour_mend(&work, c);
    }
    insert_committed(&work);
    for (uint32_t c = 0; c < problem->courier_count; c++) tour_mend(&work, c); /* what turned back may push a free one out */
    uint32_t *missing = mem_zalloc(problem->task_count + 1, sizeof *missing);
    uint32_t count = list_missing(&work, missing, problem->task_count);
    insert_missing(&work, missing, count);
    free(missing);
    improve(&work, options, solution);
    for (uint32_t t = 0; t < problem->task_count; t++) /* improving may have made room */
        if (work.at[t] == PLAN_ANY) (void)insert_cheapest(&work, t);
    write_answer(&work, solution);
    work_deinit(&work);
    *out = solution;
    return STATUS_OK;
}
