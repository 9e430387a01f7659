/* Put one chain into one sequence, at the cheapest places its limits allow: every combination of positions and choices, cut short where
 * already the part that is placed breaks a limit or costs more than the best found (times only grow by going on, since travel times keep
 * the triangle inequality on roads). It must not know which courier or task is worth trying. */
#include "near.h"

#include <string.h>

struct search {
    struct work *work;
    uint32_t courier, task;
    const struct plan_ref *refs;      /* the sequence without the chain */
    uint32_t count;
    const struct tour_value *before;
    bool force;
    int64_t bound;                    /* added soft cost must stay below */
    struct insertion *best;
    const struct gap *gaps;           /* of the sequence, for bounds; NULL: none */
    int64_t credit;                   /* what the bounds must allow for: stops told again */
    struct plan_ref trial[PLAN_STOPS_MAX];
    int32_t begin_s[PLAN_STOPS_MAX];
};

bool task_has_skills(const struct plan_problem *problem, uint32_t task, uint32_t courier)
{
    return (problem->tasks[task].skills & ~problem->couriers[courier].skills) == 0;
}

bool task_allows(const struct plan_problem *problem, uint32_t task, uint32_t courier)
{
    const struct plan_task *t = &problem->tasks[task];
    if (t->held && !t->committed) return false;
    if (t->courier != PLAN_ANY) return t->courier == courier && (t->committed || task_has_skills(problem, task, courier));
    for (uint32_t i = 0; i < t->forbidden_count; i++)
        if (t->forbidden[i] == courier) return false;
    return task_has_skills(problem, task, courier);
}

/* The trial is whole: is it allowed, and better than the best? */
static void consider(struct search *search, uint32_t trial_count, const struct tour_value *value)
{
    struct insertion *best = search->best;
    int64_t added = value->soft - search->before->soft;
    uint64_t total = value->violation_s + value->free_violation_s, base = search->before->violation_s + search->before->free_violation_s;
    uint64_t worse = total > base ? total - base : 0;
    if (search->force) {
        if (best->found && (worse > best->violation_added || (worse == best->violation_added && added >= best->added))) return;
    } else {
        if (added >= search->bound) return;
        if (worse > 0 || !tour_is_sound(search->work, search->courier, search->trial, trial_count, value)) return;
        search->bound = added;
    }
    best->found = true;
    best->added = added;
    best->violation_added = worse;
    best->count = trial_count;
    memcpy(best->refs, search->trial, trial_count * sizeof *best->refs);
}

/* Already at this stop: what has been added up to here, and what being so much later will cost from here on. */
static bool is_dearer(const struct search *search, const struct gap *gap, const struct step_state *state)
{
    int64_t delay_s = state->time_s - gap->leave_s, added = state->soft - gap->soft - search->credit;
    return added + (delay_s > 0 ? delay_s * gap->slope : 0) >= search->bound;
}

/* Run the rest of the sequence after the trial's first `placed` stops, of which the old sequence's first `from` are part. */
static void run_out(struct search *search, uint32_t placed, uint32_t from, const struct step_state *state, bool partial, uint32_t *total, struct tour_value *out)
{
    struct step_state end = *state;
    for (uint32_t i = from; i < search->count; i++) {
        search->trial[placed] = search->refs[i];
        tour_step(search->work, search->courier, search->trial, placed, search->begin_s, &end);
        placed++;
        if (search->gaps && is_dearer(search, &search->gaps[i + 1], &end)) {
            *out = (struct tour_value){.free_violation_s = 1};
            *total = placed;
            return;
        }
    }
    tour_finish(search->work, search->courier, placed ? &search->trial[placed - 1] : NULL, &end, partial, out);
    *total = placed;
}

/* Could this half-placed chain still become allowed and cheap? Boxes are left out: what is picked up has not been handed over yet. */
static bool is_hopeful(struct search *search, uint32_t placed, uint32_t from, const struct step_state *state)
{
    struct tour_value value;
    uint32_t total;
    unsigned ignore = search->work->ignore;
    search->work->ignore |= LIMIT_BOX | LIMIT_LENGTH; /* and the fastest way round may be the shorter one */
    if (search->work->problem->couriers[search->courier].break_count) search->work->ignore |= LIMIT_RIDE | LIMIT_BREAK; /* one stop more, and he rests at its door */
    run_out(search, placed, from, state, true, &total, &value);
    search->work->ignore = ignore;
    if (search->force) return true;
    if (value.free_violation_s > 0 || value.violation_s > search->before->violation_s) return false;
    return value.soft - search->before->soft < search->bound;
}

/* Can the step still come cheap enough between this stop and the next? By straight lines, before any road is asked for. */
static bool is_worth_placing(const struct search *search, uint32_t step, uint32_t position, const struct step_state *state)
{
    const struct near_query *query = search->work->query;
    const struct plan_weights *weights = &search->work->problem->weights;
    const struct gap *gap = &search->gaps[position];
    const struct plan_spot *spot = &search->work->problem->oracle.spots[state->place];
    int64_t way_s = near_way_s(search->work, query, spot->x_m, spot->y_m, step), onward_s = 0, leg_s = 0;
    if (gap->leg_s >= 0) {
        onward_s = near_way_s(search->work, query, gap[1].x_m, gap[1].y_m, step);
        leg_s = gap->leg_s;
    }
    int64_t done_s = state->time_s + way_s;
    if (done_s < query->open_s[step]) done_s = query->open_s[step];
    if (done_s > query->close_s[step]) return false;
    done_s += query->service_s[step];
    int64_t delay_s = done_s + onward_s - gap->leave_s - leg_s, detour_s = way_s + onward_s - leg_s;
    int64_t added = state->soft - gap->soft + detour_s * weights->travel + (delay_s > 0 ? delay_s * gap->slope : 0);
    for (uint32_t s = step + 1; s < query->steps; s++) {
        done_s += query->inner_s[s - 1][s];
        if (done_s < query->open_s[s]) done_s = query->open_s[s];
        done_s += query->service_s[s];
    }
    return added + finish_price(weights, query->task, done_s) - search->credit < search->bound;
}

/* Place `step` somewhere at or after old position `from`; the trial holds `placed` stops so far. */
static void place(struct search *search, uint32_t step, uint32_t placed, uint32_t from, struct step_state state)
{
    const struct plan_task *task = &search->work->problem->tasks[search->task];
    ASSERT(step < PLAN_STEPS_MAX);
    bool last = step + 1 == task->step_count;
    for (uint32_t position = from;; position++) {
        bool worth = !search->gaps || is_worth_placing(search, step, position, &state);
        for (uint32_t choice = 0; worth && choice < task->steps[step].choice_count; choice++) {
            struct step_state here = state;
            search->trial[placed] = (struct plan_ref){.task = search->task, .step = (uint8_t)step, .choice = (uint8_t)choice};
            tour_step(search->work, search->courier, search->trial, placed, search->begin_s, &here);
            search->work->evaluations++;
            if (!search->force && here.free_violation_s > 0) continue; /* what is broken now stays broken */
            if (last) {
                struct tour_value value;
                uint32_t total;
                run_out(search, placed + 1, position, &here, false, &total, &value);
                consider(search, total, &value);
            } else if (is_hopeful(search, placed + 1, position, &here)) {
                place(search, step + 1, placed + 1, position, here);
            }
        }
        if (position == search->count) break;
        search->trial[placed] = search->refs[position];
        tour_step(search->work, search->courier, search->trial, placed, search->begin_s, &state);
        placed++;
        if (!search->force && state.free_violation_s > 0) break;
    }
}

void insertion_best(struct work *work, uint32_t courier, const struct plan_ref *refs, uint32_t count, const struct tour_value *before,
                    uint32_t task, uint32_t first_step, uint32_t from, int64_t bound, bool force, struct insertion *out)
{
    const struct plan_task *t = &work->problem->tasks[task];
    struct search search = {.work = work, .courier = courier, .task = task, .refs = refs, .count = count, .before = before, .force = force,
                            .bound = bound, .best = out};
    out->found = false;
    bool current = refs == work->tours[courier].refs && work->ignore == LIMIT_NONE && !force && first_step == 0;
    if (current && work->near && work->query && work->query->task == t) search.gaps = near_gaps(work, courier);
    for (uint32_t s = 0; work->told[task].courier == courier && s < PLAN_STEPS_MAX; s++)
        if (work->told[task].index[s] >= 0) search.credit += work->problem->weights.change;
    ASSERT(first_step < t->step_count);
    struct step_state state;
    tour_begin(work, courier, &state);
    for (uint32_t i = 0; i < from; i++) {
        search.trial[i] = refs[i];
        tour_step(work, courier, search.trial, i, search.begin_s, &state);
    }
    if (count + (t->step_count - first_step) <= PLAN_STOPS_MAX) place(&search, first_step, from, from, state);
    bool may_skip = first_step == 0 && t->step_count > 1 && t->steps[0].skip_with_kit && work->problem->couriers[courier].kits > 0;
    if (may_skip && count + t->step_count - 1 <= PLAN_STOPS_MAX) place(&search, 1, from, from, state);
}
