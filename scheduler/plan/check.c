/* A solution recomputed from nothing: its own walk over the stops, sharing no code with the planner's measure. */
#include "plan/plan.h"

#include <inttypes.h>
#include <stdlib.h>

struct audit {
    const struct plan_problem *problem;
    const struct plan_solution *solution;
    struct error *err;
    uint8_t *next_step;      /* per task: the step expected next; 0 not begun */
    bool *own_kit;           /* per task */
    int64_t *home_s;         /* per task: its last step but one began */
    struct plan_cost cost;
};

#define WRONG(audit, ...) error_set((audit)->err, STATUS_INTERNAL, __VA_ARGS__)

static int64_t weight_of(enum priority priority)
{
    return priority == PRIORITY_CRITICAL ? 16 : priority == PRIORITY_URGENT ? 4 : 1;
}

static enum status check_order_of_steps(struct audit *audit, uint32_t courier)
{
    const struct plan_tour *tour = &audit->solution->tours[courier];
    for (uint32_t i = 0; i < tour->stop_count; i++) {
        const struct plan_ref *ref = &tour->stops[i].ref;
        if (ref->task >= audit->problem->task_count) return WRONG(audit, "courier %" PRIu32 " stop %" PRIu32 ": no such task", courier, i);
        const struct plan_task *task = &audit->problem->tasks[ref->task];
        if (ref->step >= task->step_count || ref->choice >= task->steps[ref->step].choice_count)
            return WRONG(audit, "courier %" PRIu32 " stop %" PRIu32 ": no such step", courier, i);
        bool skipped = audit->next_step[ref->task] == 0 && ref->step == 1 && task->steps[0].skip_with_kit;
        if (ref->step != audit->next_step[ref->task] && !skipped)
            return WRONG(audit, "task %" PRIu32 ": step %u out of order or on a second courier", ref->task, ref->step);
        if (skipped) audit->own_kit[ref->task] = true;
        audit->next_step[ref->task] = (uint8_t)(ref->step + 1);
    }
    for (uint32_t i = 0; i < tour->stop_count; i++) {
        const struct plan_ref *ref = &tour->stops[i].ref;
        const struct plan_task *task = &audit->problem->tasks[ref->task];
        if (audit->next_step[ref->task] != task->step_count) return WRONG(audit, "task %" PRIu32 ": its chain breaks off", ref->task);
        if (task->courier != PLAN_ANY && task->courier != courier) return WRONG(audit, "task %" PRIu32 " is not with its courier", ref->task);
        if (task->committed) continue;
        if (task->skills & ~audit->problem->couriers[courier].skills) return WRONG(audit, "task %" PRIu32 ": the courier lacks a skill", ref->task);
        if (task->held) return WRONG(audit, "task %" PRIu32 " is held", ref->task);
        for (uint32_t f = 0; f < task->forbidden_count; f++)
            if (task->forbidden[f] == courier && task->courier != courier) return WRONG(audit, "task %" PRIu32 ": the courier has declined it", ref->task);
    }
    return STATUS_OK;
}

static enum status check_prefix(struct audit *audit, uint32_t courier)
{
    const struct plan_courier *c = &audit->problem->couriers[courier];
    const struct plan_tour *tour = &audit->solution->tours[courier];
    if (tour->stop_count > PLAN_STOPS_MAX) return WRONG(audit, "courier %" PRIu32 ": too many stops", courier);
    if (tour->stop_count < c->fixed_count) return WRONG(audit, "courier %" PRIu32 ": a committed stop is gone", courier);
    for (uint32_t i = 0; i < c->fixed_count; i++) {
        const struct plan_ref *was = &c->stops[i], *is = &tour->stops[i].ref;
        if (was->task != is->task || was->step != is->step || was->choice != is->choice)
            return WRONG(audit, "courier %" PRIu32 ": committed stop %" PRIu32 " has moved", courier, i);
    }
    return STATUS_OK;
}

static uint32_t count_changes(const struct plan_problem *problem, uint32_t courier, const struct plan_tour *tour)
{
    const struct plan_courier *c = &problem->couriers[courier];
    uint32_t changes = 0, after = 0;
    bool begun = false;
    for (uint32_t i = 0; i < c->stop_count; i++) {
        bool found = false;
        for (uint32_t k = 0; k < tour->stop_count; k++) found |= tour->stops[k].ref.task == c->stops[i].task && tour->stops[k].ref.step == c->stops[i].step;
        if (c->stops[i].told && !found) changes++;
    }
    for (uint32_t k = 0; k < tour->stop_count; k++) { /* a stop moved if one told to be after it now comes before it */
        for (uint32_t i = 0; i < c->stop_count; i++) {
            if (!c->stops[i].told || c->stops[i].task != tour->stops[k].ref.task || c->stops[i].step != tour->stops[k].ref.step) continue;
            if ((begun && i < after) || c->stops[i].choice != tour->stops[k].ref.choice) {
                changes++;
            } else {
                after = i;
                begun = true;
            }
        }
    }
    return changes;
}

/* Violation by committed tasks and by free ones, and price, of the tour's stops; `committed_only` leaves the free ones out. */
struct walked {
    uint64_t committed_s, free_s;
    int64_t soft;
    uint64_t late_s, travel_s, travel_m;
    uint32_t late_count;
};

struct rested {
    int64_t arrive, begin, overdue;
};

/* Book of one leg with its breaks: those due before it, then those at the door. */
static struct rested rest_on_the_way(const struct plan_courier *c, const struct plan_choice *choice, int64_t now, uint32_t travel_s, uint32_t setup_s, uint32_t *rests)
{
    struct rested book = {0};
    while (*rests < c->break_count && c->breaks[*rests].from_s <= now) now += c->breaks[(*rests)++].span_s;
    book.arrive = now + travel_s;
    now = book.arrive + setup_s;
    while (*rests < c->break_count) {
        const struct plan_break *b = &c->breaks[*rests];
        int64_t served = (now < choice->open_s ? choice->open_s : now) + choice->service_s;
        bool is_due = b->from_s <= now, falls_due = b->from_s < choice->open_s, comes_too_late = served > b->by_s;
        if (!is_due && !falls_due && !comes_too_late) break;
        if (!is_due) now = b->from_s;
        if (now > b->by_s) book.overdue += now - b->by_s;
        now += b->span_s;
        ++*rests;
    }
    book.begin = now < choice->open_s ? choice->open_s : now;
    return book;
}

static enum status walk_tour(struct audit *audit, uint32_t courier, bool committed_only, struct walked *out)
{
    const struct plan_problem *problem = audit->problem;
    const struct plan_courier *c = &problem->couriers[courier];
    const struct plan_tour *tour = &audit->solution->tours[courier];
    const struct plan_weights *w = &problem->weights;
    int64_t now = c->start_s, volume = c->volume_ml, cold = c->cold_ml;
    uint32_t place = c->place, kits = 0, done = 0;
    bool last_committed = false;
    uint32_t loaded = 0, loaded_at = PLAN_ANY, handed = 0; /* one_bundle */
    *out = (struct walked){0};
    uint32_t rests = 0;
    for (uint32_t i = 0; i < tour->stop_count; i++) {
        const struct plan_visit *visit = &tour->stops[i];
        const struct plan_task *task = &problem->tasks[visit->ref.task];
        const struct plan_step *step = &task->steps[visit->ref.step];
        const struct plan_choice *choice = &step->choices[visit->ref.choice];
        if (committed_only && !task->committed) continue;
        uint64_t *bad = task->committed ? &out->committed_s : &out->free_s;
        struct plan_leg leg = {0, 0};
        if (place != choice->place) leg = problem->oracle.travel(problem->oracle.context, place, choice->place);
        if (leg.travel_s == PLAN_UNREACHABLE) {
            *bad += 10000000;
            leg = (struct plan_leg){0, 0};
        }
        struct rested at = rest_on_the_way(c, choice, now, leg.travel_s, place != choice->place ? choice->setup_s : 0, &rests);
        int64_t arrive = at.arrive, begin = at.begin, leave = begin + choice->service_s;
        if (!committed_only && (visit->arrive_s != arrive || visit->begin_s != begin || visit->leave_s != leave || visit->travel_s != leg.travel_s || visit->travel_m != leg.travel_m)) {
            return WRONG(audit, "courier %" PRIu32 " stop %" PRIu32 ": times are not what travel makes them", courier, i);
        }
        *bad += (uint64_t)at.overdue;
        if (begin > choice->close_s) *bad += (uint64_t)(begin - choice->close_s);
        if (visit->ref.step == 0 && c->pick_by_s != 0 && begin > c->pick_by_s) *bad += (uint64_t)(begin - c->pick_by_s);
        if (problem->one_bundle) {
            bool hands_over = visit->ref.step + 1u == task->step_count;
            if (!hands_over && loaded > handed && (handed > 0 || loaded_at != choice->place)) *bad += 1000000;
            if (!hands_over && loaded == handed) loaded = handed = 0;
            if (hands_over) handed++;
            else if (loaded++ == 0) loaded_at = choice->place;
        }
        volume += step->volume_ml;
        cold += step->cold_ml;
        bool from_box = visit->ref.step == 1 && audit->own_kit[visit->ref.task];
        if (from_box) kits++;
        if (volume > c->volume_ml_max || cold > c->cold_ml_max || (from_box && kits > c->kits)) *bad += 1000000;
        if (visit->ref.step + 2u == task->step_count) audit->home_s[visit->ref.task] = begin;
        if (visit->ref.step + 1u == task->step_count) {
            if (leave > task->latest_s) *bad += (uint64_t)(leave - task->latest_s);
            if (task->ride_max_s && task->step_count > 1 && leave - audit->home_s[visit->ref.task] > task->ride_max_s)
                *bad += (uint64_t)(leave - audit->home_s[visit->ref.task] - task->ride_max_s);
            int64_t late = task->due_s != PLAN_NO_LIMIT_S && leave > task->due_s ? leave - task->due_s : 0, flow = leave - task->accepted_s;
            int64_t urgency = weight_of(task->priority);
            out->soft += (late + late * late / w->late_knee_s) * w->late * urgency;
            if (flow > 0) out->soft += flow * w->flow * (urgency == 16 ? 4 : urgency == 4 ? 2 : 1);
            out->late_s += (uint64_t)late;
            out->late_count += late > 0;
        }
        out->soft += (int64_t)leg.travel_s * w->travel;
        out->travel_s += leg.travel_s;
        out->travel_m += leg.travel_m;
        now = leave;
        place = choice->place;
        done++;
        last_committed = task->committed;
    }
    if (done > 0) {
        uint64_t *bad = last_committed ? &out->committed_s : &out->free_s;
        if (c->base_place != PLAN_ANY && c->base_place != place) {
            struct plan_leg leg = problem->oracle.travel(problem->oracle.context, place, c->base_place);
            if (leg.travel_s == PLAN_UNREACHABLE) leg = (struct plan_leg){0, 0};
            now += leg.travel_s;
            out->travel_s += leg.travel_s;
            out->travel_m += leg.travel_m;
            out->soft += (int64_t)leg.travel_s * w->travel;
        }
        int64_t span = now - c->start_s;
        if (now > c->end_s) *bad += (uint64_t)(now - c->end_s);
        if (c->route_s_max != 0 && span > c->route_s_max) *bad += (uint64_t)(span - c->route_s_max);
        if (c->route_m_max != 0 && out->travel_m > c->route_m_max) *bad += out->travel_m - c->route_m_max;
        out->soft += span * (int64_t)w->work + span * (span + 2 * (int64_t)c->worked_s) / 3600 * w->fair;
    }
    return STATUS_OK;
}

static enum status check_tour(struct audit *audit, uint32_t courier)
{
    const struct plan_tour *tour = &audit->solution->tours[courier];
    struct walked whole, alone;
    TRY(check_prefix(audit, courier));
    TRY(check_order_of_steps(audit, courier));
    TRY(walk_tour(audit, courier, false, &whole));
    TRY(walk_tour(audit, courier, true, &alone));
    if (whole.free_s > 0) return WRONG(audit, "courier %" PRIu32 ": a task that is free to choose breaks a hard limit by %" PRIu64, courier, whole.free_s);
    if (whole.committed_s > alone.committed_s) return WRONG(audit, "courier %" PRIu32 ": free tasks make committed ones late", courier);
    if (tour->violation_s != whole.committed_s && !(whole.committed_s > UINT32_MAX && tour->violation_s == UINT32_MAX))
        return WRONG(audit, "courier %" PRIu32 ": overrun told wrongly", courier);
    uint32_t changes = count_changes(audit->problem, courier, tour);
    if (tour->changes != changes) return WRONG(audit, "courier %" PRIu32 ": %" PRIu32 " changes told, %" PRIu32 " counted", courier, tour->changes, changes);
    audit->cost.violation_s += whole.committed_s;
    audit->cost.soft += whole.soft + (int64_t)changes * audit->problem->weights.change;
    audit->cost.late_s += whole.late_s;
    audit->cost.travel_s += whole.travel_s;
    audit->cost.travel_m += whole.travel_m;
    audit->cost.late_count += whole.late_count;
    audit->cost.changes += changes;
    return STATUS_OK;
}

static enum status check_left(struct audit *audit)
{
    const struct plan_solution *solution = audit->solution;
    uint32_t at = 0;
    for (uint32_t t = 0; t < audit->problem->task_count; t++) {
        bool listed = at < solution->left_count && solution->left[at].task == t;
        if (listed == (audit->next_step[t] != 0)) return WRONG(audit, "task %" PRIu32 " is %s", t, listed ? "both planned and left out" : "nowhere");
        if (!listed) continue;
        if (solution->left[at].reason == UNPLANNED_NONE) return WRONG(audit, "task %" PRIu32 " is left out without a reason", t);
        audit->cost.left_weight += (uint64_t)weight_of(audit->problem->tasks[t].priority);
        audit->cost.left_count++;
        at++;
    }
    if (at != solution->left_count) return WRONG(audit, "the list of what is left out is not in order");
    return STATUS_OK;
}

enum status plan_check(const struct plan_problem *problem, const struct plan_solution *solution, struct error *err)
{
    TRY(plan_problem_check(problem, err));
    struct audit audit = {.problem = problem, .solution = solution, .err = err};
    if (solution->tour_count != problem->courier_count) return WRONG(&audit, "not one tour for each courier");
    audit.next_step = mem_zalloc(problem->task_count + 1, sizeof *audit.next_step);
    audit.own_kit = mem_zalloc(problem->task_count + 1, sizeof *audit.own_kit);
    audit.home_s = mem_zalloc(problem->task_count + 1, sizeof *audit.home_s);
    enum status rc = STATUS_OK;
    for (uint32_t c = 0; c < problem->courier_count && rc == STATUS_OK; c++) rc = check_tour(&audit, c);
    if (rc == STATUS_OK) rc = check_left(&audit);
    const struct plan_cost *a = &audit.cost, *b = &solution->cost;
    if (rc == STATUS_OK && (a->violation_s != b->violation_s || a->left_weight != b->left_weight || a->soft != b->soft || a->late_s != b->late_s ||
                            a->travel_s != b->travel_s || a->travel_m != b->travel_m || a->late_count != b->late_count ||
                            a->left_count != b->left_count || a->changes != b->changes))
        rc = WRONG(&audit, "the cost is not the sum of its parts: %" PRId64 " told, %" PRId64 " counted", b->soft, a->soft);
    free(audit.next_step);
    free(audit.own_kit);
    free(audit.home_s);
    return rc;
}
