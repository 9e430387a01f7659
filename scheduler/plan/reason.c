/* Why a courier can't: first alone with the task, on an empty route (what is wrong is then the task's and his own), then beside the rest of
 * his route. A limit is *the* rule if it alone, all others lifted, still stops him; else if lifting it alone would let him. It must not
 * plan: it only asks "would it do if". */
#include "session.h"

#include <stdlib.h>

/* In the order in which they are named when several stop him. */
static const struct { unsigned limit; enum unplanned_reason reason; } RULES[LIMIT_COUNT] = {
    {LIMIT_ROAD, UNPLANNED_UNREACHABLE}, {LIMIT_BOX, UNPLANNED_CAPACITY},     {LIMIT_OPEN, UNPLANNED_LAB_CLOSED},
    {LIMIT_RIDE, UNPLANNED_STABILITY},   {LIMIT_SHIFT, UNPLANNED_SHIFT_END},   {LIMIT_LENGTH, UNPLANNED_ROUTE_LENGTH},
    {LIMIT_BREAK, UNPLANNED_BREAK},
};
enum { LIMIT_ALL = LIMIT_ROAD | LIMIT_BOX | LIMIT_OPEN | LIMIT_RIDE | LIMIT_SHIFT | LIMIT_LENGTH | LIMIT_BREAK,
       ASKED_MAX = 64 /* couriers whose reasons are compared for a task that is left out: the nearest ones, in a large city */ };

struct place_try {
    struct work *work;
    uint32_t courier, task, count, from;
    const struct plan_ref *refs;
};

static bool would_do(const struct place_try *try, unsigned ignore, struct insertion *out)
{
    struct work *work = try->work;
    struct tour_value before;
    int32_t begin_s[PLAN_STOPS_MAX];
    unsigned old = work->ignore;
    work->ignore = ignore;
    tour_measure(work, try->courier, try->refs, try->count, begin_s, &before);
    insertion_best(work, try->courier, try->refs, try->count, &before, try->task, 0, try->from, INT64_MAX, false, out);
    work->ignore = old;
    return out->found;
}

/* Seconds by which the best way breaks the limits that were lifted to find it. */
static uint32_t shortfall_s(const struct place_try *try, const struct insertion *way)
{
    struct tour_value with, without;
    int32_t begin_s[PLAN_STOPS_MAX];
    tour_measure(try->work, try->courier, way->refs, way->count, begin_s, &with);
    tour_measure(try->work, try->courier, try->refs, try->count, begin_s, &without);
    uint64_t more = with.violation_s + with.free_violation_s, less = without.violation_s + without.free_violation_s;
    uint64_t by = more > less ? more - less : 0;
    return by > OVERRUN_BOX_S ? 0 : (uint32_t)by;
}

static enum unplanned_reason rule_of(const struct place_try *try, uint32_t *detail)
{
    struct insertion way;
    *detail = 0;
    for (unsigned i = 0; i < LIMIT_COUNT; i++) {
        if (would_do(try, LIMIT_ALL & ~RULES[i].limit, &way)) continue;
        if (would_do(try, LIMIT_ALL, &way)) *detail = shortfall_s(try, &way);
        if (would_do(try, RULES[i].limit, &way)) *detail = shortfall_s(try, &way);
        return RULES[i].reason;
    }
    for (unsigned i = 0; i < LIMIT_COUNT; i++) {
        if (!would_do(try, RULES[i].limit, &way)) continue;
        *detail = shortfall_s(try, &way);
        return RULES[i].reason;
    }
    for (unsigned i = 0; i < LIMIT_COUNT; i++) {
        for (unsigned j = i + 1; j < LIMIT_COUNT; j++) {
            if (!would_do(try, RULES[i].limit | RULES[j].limit, &way)) continue;
            *detail = shortfall_s(try, &way);
            return RULES[i].reason;
        }
    }
    return UNPLANNED_CAPACITY; /* no room for more stops in the route, whatever limits are lifted */
}

/* A sequence's soft cost by one price alone: the cost is a sum of prices times amounts, so the parts add up. */
static int64_t part_of(struct work *work, uint32_t courier, const struct plan_ref *refs, uint32_t count, const struct plan_weights *only)
{
    struct plan_problem priced = *work->problem;
    const struct plan_problem *problem = work->problem;
    struct tour_value value;
    int32_t begin_s[PLAN_STOPS_MAX];
    priced.weights = *only;
    work->problem = &priced;
    tour_measure(work, courier, refs, count, begin_s, &value);
    work->problem = problem;
    return value.soft;
}

static struct plan_terms terms_of(struct work *work, uint32_t courier, const struct insertion *way, const struct tour *before)
{
    const struct plan_weights *w = &work->problem->weights;
    const struct plan_weights only[] = {{.late = w->late, .late_knee_s = w->late_knee_s},        {.flow = w->flow, .late_knee_s = w->late_knee_s}, {.travel = w->travel, .late_knee_s = w->late_knee_s},
                                        {.work = w->work, .late_knee_s = w->late_knee_s}, {.fair = w->fair, .late_knee_s = w->late_knee_s}, {.change = w->change, .late_knee_s = w->late_knee_s}};
    int64_t part[COUNT_OF(only)];
    for (size_t i = 0; i < COUNT_OF(only); i++)
        part[i] = part_of(work, courier, way->refs, way->count, &only[i]) - part_of(work, courier, before->refs, before->count, &only[i]);
    return (struct plan_terms){part[0], part[1], part[2], part[3], part[4], part[5]};
}

void reason_for_courier(struct work *work, uint32_t courier, uint32_t task, struct plan_bid *out)
{
    const struct plan_task *t = &work->problem->tasks[task];
    const struct plan_courier *c = &work->problem->couriers[courier];
    *out = (struct plan_bid){.rule = UNPLANNED_NONE};
    if (!task_has_skills(work->problem, task, courier) && !t->committed) {
        out->rule = UNPLANNED_NO_SKILL;
        out->detail = t->skills & ~c->skills;
        return;
    }
    const struct tour *tour = &work->tours[courier];
    struct insertion way;
    struct place_try alone = {.work = work, .courier = courier, .task = task};
    struct place_try beside = {.work = work, .courier = courier, .task = task, .count = tour->count, .from = c->fixed_count, .refs = tour->refs};
    if (would_do(&beside, LIMIT_NONE, &way)) {
        struct tour_value value;
        int32_t begin_s[PLAN_STOPS_MAX];
        tour_measure(work, courier, way.refs, way.count, begin_s, &value);
        out->cost = way.added;
        out->terms = terms_of(work, courier, &way, tour);
        for (uint32_t i = 0; i < way.count; i++) {
            const struct plan_ref *ref = &way.refs[i];
            if (ref->task == task && ref->step + 1u == t->step_count) out->done_s = begin_s[i] + (int32_t)t->steps[ref->step].choices[ref->choice].service_s;
        }
    } else if (!would_do(&alone, LIMIT_NONE, &way)) {
        out->rule = rule_of(&alone, &out->detail);
    } else {
        out->rule = rule_of(&beside, &out->detail);
    }
    if (t->courier != PLAN_ANY) { /* a dispatcher's pin overrules a courier's no */
        out->forbidden = t->courier != courier;
        return;
    }
    for (uint32_t i = 0; i < t->forbidden_count; i++) out->forbidden |= t->forbidden[i] == courier;
}

/* The courier who comes nearest to being able speaks for all. */
static unsigned nearness(enum unplanned_reason reason)
{
    static const enum unplanned_reason order[] = {UNPLANNED_NO_COURIER, UNPLANNED_NO_SKILL, UNPLANNED_CAPACITY, UNPLANNED_UNREACHABLE,
                                                  UNPLANNED_SHIFT_END,  UNPLANNED_ROUTE_LENGTH, UNPLANNED_BREAK, UNPLANNED_LAB_CLOSED, UNPLANNED_STABILITY};
    for (unsigned i = 0; i < COUNT_OF(order); i++)
        if (order[i] == reason) return i;
    return 0;
}

/* Those whose reasons count: all in a small city, else the ones who have the skills and stand nearest. */
static uint32_t list_asked(const struct plan_problem *problem, uint32_t task, uint32_t *out)
{
    const struct plan_task *t = &problem->tasks[task];
    const struct plan_spot *spots = problem->oracle.spots;
    int64_t far[ASKED_MAX];
    uint32_t count = 0;
    bool all = problem->courier_count <= ASKED_MAX, anybody_skilled = false;
    for (uint32_t c = 0; c < problem->courier_count && !all; c++) anybody_skilled |= task_has_skills(problem, task, c);
    for (uint32_t c = 0; c < problem->courier_count; c++) {
        if (!all && anybody_skilled && !task_has_skills(problem, task, c)) continue;
        int64_t distance = 0;
        if (spots) {
            const struct plan_spot *a = &spots[t->steps[0].choices[0].place], *b = &spots[problem->couriers[c].place];
            distance = (int64_t)(a->x_m - b->x_m) * (a->x_m - b->x_m) + (int64_t)(a->y_m - b->y_m) * (a->y_m - b->y_m);
        }
        if (count == ASKED_MAX && distance >= far[ASKED_MAX - 1]) continue;
        uint32_t at = count < ASKED_MAX ? count++ : ASKED_MAX - 1;
        for (; at > 0 && far[at - 1] > distance; at--) {
            far[at] = far[at - 1];
            out[at] = out[at - 1];
        }
        far[at] = distance;
        out[at] = c;
    }
    return count;
}

void reason_for_task(struct work *work, uint32_t task, struct plan_left *out)
{
    const struct plan_task *t = &work->problem->tasks[task];
    uint32_t asked[ASKED_MAX], count = 1;
    *out = (struct plan_left){.task = task, .reason = UNPLANNED_NO_COURIER};
    if (t->held) {
        out->reason = UNPLANNED_HELD;
        return;
    }
    if (t->courier != PLAN_ANY) asked[0] = t->courier;
    else count = list_asked(work->problem, task, asked);
    for (uint32_t i = 0; i < count; i++) {
        struct plan_bid bid;
        reason_for_courier(work, asked[i], task, &bid);
        if (bid.forbidden || bid.rule == UNPLANNED_NONE) continue; /* he has said no, or improving made room again: the next run takes it */
        bool nearer = nearness(bid.rule) > nearness(out->reason) || (bid.rule == out->reason && bid.detail < out->detail);
        if (!nearer) continue;
        out->reason = bid.rule;
        out->detail = bid.detail;
    }
}

/* The courier's route without the task, and what he could do for it then. */
static void bid_one(struct work *work, uint32_t task, uint32_t courier, struct plan_bid *out)
{
    const struct plan_problem *problem = work->problem;
    struct tour *tour = &work->tours[courier];
    struct plan_ref kept[PLAN_STOPS_MAX];
    work_take_courier(work, courier);
    if (work_fixed_steps(work, courier, task) > 0) { /* he is on the way to it: nothing to try, read what he will do */
        *out = (struct plan_bid){.rule = UNPLANNED_NONE};
        for (uint32_t i = 0; i < tour->count; i++) {
            const struct plan_ref *ref = &tour->refs[i];
            if (ref->task == task) out->done_s = tour->begin_s[i] + (int32_t)problem->tasks[task].steps[ref->step].choices[ref->choice].service_s;
        }
        return;
    }
    uint32_t count = tour_without(tour->refs, tour->count, task, 0, kept);
    work_set_tour(work, courier, kept, count);
    reason_for_courier(work, courier, task, out);
}

enum status plan_bid(const struct plan_problem *problem, uint32_t task, uint32_t courier, struct plan_bid *out, struct error *err)
{
    TRY(plan_problem_check(problem, err));
    if (task >= problem->task_count || courier >= problem->courier_count)
        return error_set(err, STATUS_INVALID_ARGUMENT, "no such task or courier in the problem");
    struct work work;
    work_init(&work, problem);
    bid_one(&work, task, courier, out);
    work_deinit(&work);
    return STATUS_OK;
}

enum status plan_bids(const struct plan_problem *problem, uint32_t task, struct plan_bid *out, struct error *err)
{
    TRY(plan_problem_check(problem, err));
    if (task >= problem->task_count) return error_set(err, STATUS_INVALID_ARGUMENT, "no such task in the problem");
    struct work work;
    work_init(&work, problem);
    for (uint32_t c = 0; c < problem->courier_count; c++) bid_one(&work, task, c, &out[c]);
    work_deinit(&work);
    return STATUS_OK;
}
