/* Why a courier can't: first alone with the task, on an empty route (what is wrong is then the task's and his own), then beside the rest of
 * his route. A limit is *the* rule if it alone, all others lifted, still stops him; else if lifting it alone would let him. It must not
 * plan: it only asks "would it do if". */
#include "solve.h"

/* In the order in which they are named when several stop him. */
static const struct { unsigned limit; enum unplanned_reason reason; } RULES[LIMIT_COUNT] = {
    {LIMIT_ROAD, UNPLANNED_UNREACHABLE}, {LIMIT_BOX, UNPLANNED_CAPACITY},     {LIMIT_OPEN, UNPLANNED_LAB_CLOSED},
    {LIMIT_RIDE, UNPLANNED_STABILITY},   {LIMIT_SHIFT, UNPLANNED_SHIFT_END},
};
enum { LIMIT_ALL = LIMIT_ROAD | LIMIT_BOX | LIMIT_OPEN | LIMIT_RIDE | LIMIT_SHIFT };

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
                                                  UNPLANNED_SHIFT_END,  UNPLANNED_LAB_CLOSED, UNPLANNED_STABILITY};
    for (unsigned i = 0; i < COUNT_OF(order); i++)
        if (order[i] == reason) return i;
    return 0;
}

void reason_for_task(struct work *work, uint32_t task, struct plan_left *out)
{
    const struct plan_task *t = &work->problem->tasks[task];
    *out = (struct plan_left){.task = task, .reason = UNPLANNED_NO_COURIER};
    if (t->held) {
        out->reason = UNPLANNED_HELD;
        return;
    }
    for (uint32_t c = 0; c < work->problem->courier_count; c++) {
        struct plan_bid bid;
        if (t->courier != PLAN_ANY && t->courier != c) continue;
        reason_for_courier(work, c, task, &bid);
        if (bid.forbidden || bid.rule == UNPLANNED_NONE) continue; /* he has said no, or improving made room again: the next run takes it */
        bool nearer = nearness(bid.rule) > nearness(out->reason) || (bid.rule == out->reason && bid.detail < out->detail);
        if (!nearer) continue;
        out->reason = bid.rule;
        out->detail = bid.detail;
    }
}

enum status plan_bid(const struct plan_problem *problem, uint32_t task, uint32_t courier, struct plan_bid *out, struct error *err)
{
    TRY(plan_problem_check(problem, err));
    if (task >= problem->task_count || courier >= problem->courier_count)
        return error_set(err, STATUS_INVALID_ARGUMENT, "no such task or courier in the problem");
    struct work work;
    work_init(&work, problem);
    work_take_courier(&work, courier);
    struct tour *tour = &work.tours[courier];
    struct plan_ref kept[PLAN_STOPS_MAX];
    bool prefix = false;
    for (uint32_t i = 0; i < problem->couriers[courier].fixed_count; i++) prefix |= tour->refs[i].task == task;
    if (prefix) {
        /* he is on the way to it: nothing to try, read what he will do */
        *out = (struct plan_bid){.rule = UNPLANNED_NONE};
        for (uint32_t i = 0; i < tour->count; i++) {
            const struct plan_ref *ref = &tour->refs[i];
            if (ref->task == task) out->done_s = tour->begin_s[i] + (int32_t)problem->tasks[task].steps[ref->step].choices[ref->choice].service_s;
        }
    } else {
        tour->count = tour_without(tour->refs, tour->count, task, 0, kept);
        for (uint32_t i = 0; i < tour->count; i++) tour->refs[i] = kept[i];
        tour_measure(&work, courier, tour->refs, tour->count, tour->begin_s, &tour->value);
        reason_for_courier(&work, courier, task, out);
    }
    work_deinit(&work);
    return STATUS_OK;
}
