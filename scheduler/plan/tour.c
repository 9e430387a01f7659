/* One courier's sequence of stops: times, loads, limits and price by one pass over it. It must not know how sequences are searched. */
#include "near.h"

#include <stdlib.h>
#include <string.h>

enum { LEG_SLOTS_MIN = 1 << 10, LEG_SLOTS_MAX = 1 << 18 };

void work_init(struct work *work, const struct plan_problem *problem)
{
    *work = (struct work){.problem = problem};
    work->tours = mem_zalloc(problem->courier_count + 1, sizeof *work->tours);
    work->at = mem_zalloc(problem->task_count + 1, sizeof *work->at);
    work->told = mem_zalloc(problem->task_count + 1, sizeof *work->told);
    work->told_count = mem_zalloc(problem->courier_count + 1, sizeof *work->told_count);
    for (uint32_t t = 0; t < problem->task_count; t++) {
        work->at[t] = PLAN_ANY;
        work->told[t].courier = PLAN_ANY;
        for (uint32_t s = 0; s < PLAN_STEPS_MAX; s++) work->told[t].index[s] = -1;
    }
    for (uint32_t c = 0; c < problem->courier_count; c++) {
        const struct plan_courier *courier = &problem->couriers[c];
        for (uint32_t i = 0; i < courier->stop_count; i++) {
            const struct plan_ref *ref = &courier->stops[i];
            if (!ref->told) continue;
            work->told[ref->task].courier = c;
            work->told[ref->task].index[ref->step] = (int32_t)work->told_count[c]++;
            work->told[ref->task].choice[ref->step] = ref->choice;
        }
    }
    uint64_t pairs = (uint64_t)problem->place_count * problem->place_count;
    uint32_t slots = LEG_SLOTS_MIN;
    while (slots < LEG_SLOTS_MAX && slots < 2 * pairs) slots *= 2;
    work->legs = mem_zalloc(slots, sizeof *work->legs);
    work->leg_mask = slots - 1;
}

void work_deinit(struct work *work)
{
    near_free(work->near);
    free(work->tours);
    free(work->at);
    free(work->told);
    free(work->told_count);
    free(work->legs);
}

struct plan_leg work_leg(struct work *work, uint32_t from, uint32_t to)
{
    if (from == to) return (struct plan_leg){0, 0};
    uint64_t hash = ((uint64_t)from << 32 | to) * UINT64_C(0x9E3779B97F4A7C15);
    struct leg_slot *slot = &work->legs[(hash >> 40) & work->leg_mask];
    if (slot->from_plus1 != from + 1 || slot->to != to) {
        slot->leg = work->problem->oracle.travel(work->problem->oracle.context, from, to);
        slot->from_plus1 = from + 1;
        slot->to = to;
    }
    return slot->leg;
}

uint32_t priority_weight(enum priority priority)
{
    switch (priority) {
    case PRIORITY_ROUTINE: return 1;
    case PRIORITY_URGENT: return 4;
    case PRIORITY_CRITICAL: return 16;
    }
    return 1;
}

void tour_begin(const struct work *work, uint32_t courier, struct step_state *state)
{
    const struct plan_courier *c = &work->problem->couriers[courier];
    *state = (struct step_state){.place = c->place, .time_s = c->start_s, .volume_ml = c->volume_ml, .cold_ml = c->cold_ml, .told_last = -1};
}

int64_t finish_price(const struct plan_weights *weights, const struct plan_task *task, int64_t done_s)
{
    int64_t urgency = priority_weight(task->priority), price = 0;
    if (task->due_s != PLAN_NO_LIMIT_S && done_s > task->due_s) {
        int64_t late = done_s - task->due_s;
        price += (late + late * late / weights->late_knee_s) * weights->late * urgency;
    }
    int64_t flow = done_s - task->accepted_s;
    if (flow > 0) price += flow * weights->flow * (urgency == 16 ? 4 : urgency == 4 ? 2 : 1);
    return price;
}

static void overrun(struct step_state *state, bool committed, uint64_t by_s)
{
    if (committed) state->violation_s += by_s;
    else state->free_violation_s += by_s;
}

/* The chain's last step is done at time_s: its promise, its hard end and the specimen's ride. */
static void finish_task(struct work *work, const struct plan_ref *refs, uint32_t index, const int32_t *begin_s, struct step_state *state)
{
    const struct plan_task *task = &work->problem->tasks[refs[index].task];
    const struct plan_weights *weights = &work->problem->weights;
    if (!(work->ignore & LIMIT_RIDE)) {
        if (state->time_s > task->latest_s) overrun(state, task->committed, (uint64_t)(state->time_s - task->latest_s));
        if (task->ride_max_s && task->step_count >= 2) {
            for (uint32_t i = index; i-- > 0;) {
                if (refs[i].task != refs[index].task || refs[i].step + 2u != task->step_count) continue;
                int64_t ride_s = (int64_t)state->time_s - begin_s[i];
                if (ride_s > task->ride_max_s) overrun(state, task->committed, (uint64_t)(ride_s - task->ride_max_s));
                break;
            }
        }
    }
    if (task->due_s != PLAN_NO_LIMIT_S && state->time_s > task->due_s) {
        state->late_s += (uint64_t)(state->time_s - task->due_s);
        state->late_count++;
    }
    state->soft += finish_price(weights, task, state->time_s);
}

/* A kit from the box stands in for the stop at the depot. */
static bool uses_own_kit(const struct plan_task *task, const struct plan_ref *refs, uint32_t index)
{
    if (refs[index].step != 1 || !task->steps[0].skip_with_kit) return false;
    for (uint32_t i = index; i-- > 0;)
        if (refs[i].task == refs[index].task) return false;
    return true;
}

static void count_told(const struct work *work, uint32_t courier, const struct plan_ref *ref, struct step_state *state)
{
    const struct told_place *told = &work->told[ref->task];
    if (told->courier != courier || told->index[ref->step] < 0) return;
    state->told_seen++;
    if (told->index[ref->step] < state->told_last || told->choice[ref->step] != ref->choice) state->told_moved++;
    else state->told_last = told->index[ref->step];
}

/* Goods of one place at a time, none picked up after the first was handed over. */
static bool bundle_holds(const struct plan_task *task, const struct plan_ref *ref, uint32_t place, struct step_state *state)
{
    if (ref->step + 1u == task->step_count) {
        state->unloading = true;
        if (state->on_board > 0) state->on_board--;
        return true;
    }
    bool holds = state->on_board == 0 || (state->site == place && !state->unloading);
    if (state->on_board++ == 0) {
        state->site = place;
        state->unloading = false;
    }
    return holds;
}

/* When service begins at a place, after the breaks that are due before he drives there, that fall into the wait for the door, or that would come too
 * late behind the stop. */
static int64_t begin_at(const struct plan_courier *c, const struct plan_choice *choice, uint32_t leg_s, uint32_t setup_s, struct step_state *state, uint64_t *late_s)
{
    for (; state->breaks < c->break_count && state->time_s >= c->breaks[state->breaks].from_s; state->breaks++) state->time_s += (int32_t)c->breaks[state->breaks].span_s;
    int64_t ready = (int64_t)state->time_s + leg_s + setup_s;
    state->arrive_s = state->time_s + (int32_t)leg_s;
    for (;; state->breaks++) {
        int64_t begin = ready < choice->open_s ? choice->open_s : ready;
        if (state->breaks >= c->break_count) return begin;
        const struct plan_break *rest = &c->breaks[state->breaks];
        int64_t starts = ready > rest->from_s ? ready : rest->from_s;
        if (ready < rest->from_s && starts >= begin && begin + choice->service_s <= rest->by_s) return begin;
        if (starts > rest->by_s) *late_s += (uint64_t)(starts - rest->by_s);
        ready = starts + rest->span_s;
    }
}

void tour_step(struct work *work, uint32_t courier, const struct plan_ref *refs, uint32_t index, int32_t *begin_s, struct step_state *state)
{
    const struct plan_ref *ref = &refs[index];
    const struct plan_task *task = &work->problem->tasks[ref->task];
    const struct plan_step *step = &task->steps[ref->step];
    const struct plan_choice *choice = &step->choices[ref->choice];
    const struct plan_courier *c = &work->problem->couriers[courier];
    struct plan_leg leg = work_leg(work, state->place, choice->place);
    if (leg.travel_s == PLAN_UNREACHABLE) {
        if (!(work->ignore & LIMIT_ROAD)) overrun(state, task->committed, OVERRUN_ROAD_S);
        leg = (struct plan_leg){0, 0};
    }
    state->travel_s += leg.travel_s;
    state->travel_m += leg.travel_m;
    state->soft += (int64_t)leg.travel_s * work->problem->weights.travel;
    uint64_t break_late_s = 0;
    int64_t begin = begin_at(c, choice, leg.travel_s, choice->place == state->place ? 0 : choice->setup_s, state, &break_late_s);
    if (break_late_s && !(work->ignore & LIMIT_BREAK)) overrun(state, task->committed, break_late_s);
    if (begin > choice->close_s && !(work->ignore & LIMIT_OPEN)) overrun(state, task->committed, (uint64_t)(begin - choice->close_s));
    if (ref->step == 0 && c->pick_by_s && begin > c->pick_by_s && !(work->ignore & LIMIT_SHIFT)) overrun(state, task->committed, (uint64_t)(begin - c->pick_by_s));
    if (work->problem->one_bundle && !bundle_holds(task, ref, choice->place, state) && !(work->ignore & LIMIT_BOX)) overrun(state, task->committed, OVERRUN_BOX_S);
    int64_t leave = begin + choice->service_s;
    if (leave > INT32_MAX / 2) leave = INT32_MAX / 2; /* far beyond any limit; keeps the sums in range */
    begin_s[index] = (int32_t)(begin > leave ? leave : begin);
    state->time_s = (int32_t)leave;
    state->place = choice->place;
    state->volume_ml += step->volume_ml;
    state->cold_ml += step->cold_ml;
    bool own_kit = uses_own_kit(task, refs, index);
    if (own_kit) state->kits_used++;
    bool overfull = (state->volume_ml > 0 && (uint32_t)state->volume_ml > c->volume_ml_max) ||
                    (state->cold_ml > 0 && (uint32_t)state->cold_ml > c->cold_ml_max) || (own_kit && state->kits_used > c->kits);
    if (overfull && !(work->ignore & LIMIT_BOX)) overrun(state, task->committed, OVERRUN_BOX_S);
    if (ref->step + 1u == task->step_count) finish_task(work, refs, index, begin_s, state);
    count_told(work, courier, ref, state);
}

/* The route is over at end_s: shift and length. They are the last stop's fault. */
static void check_end(const struct work *work, const struct plan_courier *c, int64_t end_s, bool committed, struct tour_value *out)
{
    uint64_t over = 0;
    if (end_s > c->end_s && !(work->ignore & LIMIT_SHIFT)) over += (uint64_t)(end_s - c->end_s);
    if (!(work->ignore & LIMIT_LENGTH)) {
        if (c->route_m_max && out->travel_m > c->route_m_max) over += out->travel_m - c->route_m_max;
        if (c->route_s_max && end_s - c->start_s > c->route_s_max) over += (uint64_t)(end_s - c->start_s - c->route_s_max);
    }
    *(committed ? &out->violation_s : &out->free_violation_s) += over;
}

void tour_finish(struct work *work, uint32_t courier, const struct plan_ref *last, const struct step_state *state, bool partial, struct tour_value *out)
{
    const struct plan_courier *c = &work->problem->couriers[courier];
    const struct plan_weights *weights = &work->problem->weights;
    *out = (struct tour_value){.violation_s = state->violation_s, .free_violation_s = state->free_violation_s, .soft = state->soft,
                               .late_s = state->late_s, .travel_s = state->travel_s, .travel_m = state->travel_m, .late_count = state->late_count};
    if (last) {
        int64_t end_s = state->time_s;
        if (c->base_place != PLAN_ANY) {
            struct plan_leg leg = work_leg(work, state->place, c->base_place);
            if (leg.travel_s == PLAN_UNREACHABLE) leg = (struct plan_leg){0, 0};
            out->travel_s += leg.travel_s;
            out->travel_m += leg.travel_m;
            out->soft += (int64_t)leg.travel_s * weights->travel;
            end_s += leg.travel_s;
        }
        check_end(work, c, end_s, work->problem->tasks[last->task].committed, out);
        int64_t span_s = end_s - c->start_s;
        out->soft += span_s * (int64_t)weights->work + span_s * (2 * (int64_t)c->worked_s + span_s) / 3600 * weights->fair;
    }
    uint32_t missing = partial ? 0 : work->told_count[courier] - state->told_seen;
    out->changes = state->told_moved + missing;
    out->soft += (int64_t)out->changes * weights->change;
}

void tour_measure(struct work *work, uint32_t courier, const struct plan_ref *refs, uint32_t count, int32_t *begin_s, struct tour_value *out)
{
    struct step_state state;
    tour_begin(work, courier, &state);
    for (uint32_t i = 0; i < count; i++) tour_step(work, courier, refs, i, begin_s, &state);
    tour_finish(work, courier, count ? &refs[count - 1] : NULL, &state, false, out);
}

void work_touch(struct work *work, uint32_t courier)
{
    if (work->near) near_touch(work->near, courier);
}

void work_set_tour(struct work *work, uint32_t courier, const struct plan_ref *refs, uint32_t count)
{
    struct tour *tour = &work->tours[courier];
    if (count) memmove(tour->refs, refs, count * sizeof *refs);
    tour->count = count;
    tour_measure(work, courier, tour->refs, tour->count, tour->begin_s, &tour->value);
    work_touch(work, courier);
}

uint32_t work_fixed_steps(const struct work *work, uint32_t courier, uint32_t task)
{
    const struct plan_courier *c = &work->problem->couriers[courier];
    uint32_t next = 0;
    for (uint32_t i = 0; i < c->fixed_count && i < work->tours[courier].count; i++)
        if (work->tours[courier].refs[i].task == task) next = work->tours[courier].refs[i].step + 1u;
    return next;
}

bool tour_is_sound(struct work *work, uint32_t courier, const struct plan_ref *refs, uint32_t count, const struct tour_value *value)
{
    if (value->free_violation_s > 0) return false;
    if (value->violation_s == 0) return true;
    struct plan_ref committed[PLAN_STOPS_MAX];
    int32_t begin_s[PLAN_STOPS_MAX];
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (work->problem->tasks[refs[i].task].committed) committed[kept++] = refs[i];
    struct tour_value alone;
    tour_measure(work, courier, committed, kept, begin_s, &alone);
    return value->violation_s <= alone.violation_s;
}

uint32_t tour_without(const struct plan_ref *refs, uint32_t count, uint32_t task, uint32_t from, struct plan_ref *out)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (i < from || refs[i].task != task) out[kept++] = refs[i];
    return kept;
}
