/* A run from end to end, and the answer written out. */
#include "session.h"

#include <stdlib.h>
#include <string.h>

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
    int32_t begin_s[PLAN_STOPS_MAX];
    tour_begin(work, courier, &state);
    for (uint32_t i = 0; i < tour->count; i++) {
        struct plan_visit *visit = &out->stops[i];
        const struct plan_ref *ref = &tour->refs[i];
        uint32_t from = state.place;
        tour_step(work, courier, tour->refs, i, begin_s, &state);
        struct plan_leg leg = work_leg(work, from, state.place);
        if (leg.travel_s == PLAN_UNREACHABLE) leg = (struct plan_leg){0, 0};
        const struct told_place *told = &work->told[ref->task];
        *visit = (struct plan_visit){.ref = *ref, .arrive_s = state.arrive_s, .begin_s = begin_s[i], .leave_s = state.time_s,
                                     .travel_s = leg.travel_s, .travel_m = leg.travel_m};
        visit->ref.told = told->courier == courier && told->index[ref->step] >= 0;
        if (!out->changed)
            out->changed = c->stops[i].task != ref->task || c->stops[i].step != ref->step || c->stops[i].choice != ref->choice;
    }
}

struct plan_solution *plan_session_answer(struct plan_session *session)
{
    struct work *work = &session->work;
    const struct plan_problem *problem = work->problem;
    struct plan_solution *solution = mem_zalloc(1, sizeof *solution);
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
    return solution;
}

enum status plan_solve(const struct plan_problem *problem, const struct plan_options *options, struct plan_solution **out, struct error *err)
{
    struct plan_session *session;
    TRY(plan_session_new(problem, &session, err));
    plan_session_fill(session);
    uint32_t iterations = plan_session_improve(session, options);
    for (uint32_t t = 0; t < problem->task_count; t++) { /* improving may have made room */
        struct plan_placed placed;
        if (session->work.at[t] == PLAN_ANY) plan_session_insert(session, t, &placed);
    }
    *out = plan_session_answer(session);
    (*out)->iterations = iterations;
    plan_session_free(session);
    return STATUS_OK;
}
