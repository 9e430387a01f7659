/* Ruin and recreate on the whole plan: some tasks that lie near each other leave their routes (strings of them, after Christiaens & Vanden Berghe's
 * SISR, 2020) and come back one by one where they cost least among the near couriers. Each step costs the same in a small and in a large city. A worse
 * plan is kept for a while (simulated annealing); the best one is what stays. It must not know how a task is placed. */
#include "kin.h"
#include "session.h"

#include <stdlib.h>
#include <string.h>

enum {
    RUIN_MAX = 12,             /* tasks taken out in one step */
    STRING_MAX = 4,            /* of one route */
    TOUCHED_MAX = 2 * RUIN_MAX + 2,
    CANDIDATES = 10,           /* couriers tried for a task that comes back */
    CANDIDATES_FRESH = 16,     /* the list of them is made anew once in so many uses */
    BLINK = 100,               /* one courier in so many is overlooked */
    HEAT_FIRST = 40000,        /* thousandths of a second of travel: the first temperature ... */
    HEAT_LAST = 1000,          /* ... and the last */
    HEAT_STEPS_PER_TASK = 10,  /* with less work than that there is no time to cool: only better plans are kept */
};

struct candidates {
    uint32_t count, couriers[CANDIDATES];
};

struct search {
    struct work *work;
    struct rng rng;
    uint32_t *open, open_count;
    struct kin *kin;
    struct candidates *candidates;     /* per task; count 0: not asked yet */
    /* one step's undo: the tours it touches and where its tasks were */
    uint32_t touched_count, task_count;
    uint32_t touched[TOUCHED_MAX];
    struct tour was[TOUCHED_MAX];
    uint32_t tasks[RUIN_MAX], were[RUIN_MAX];
    /* the best plan so far, and which tours and tasks have changed since */
    struct tour *best_tours;
    uint32_t *best_at;
    uint32_t *changed, changed_count, *changed_tasks, changed_task_count;
    bool *is_changed, *is_task_changed;
    struct plan_cost worse;            /* than the best: what has been added since ... */
    struct plan_cost better;           /* ... and what has been saved */
};

/* ---- undo ---- */

static bool keep(struct search *search, uint32_t courier)
{
    for (uint32_t i = 0; i < search->touched_count; i++)
        if (search->touched[i] == courier) return true;
    if (search->touched_count == TOUCHED_MAX) return false;
    search->touched[search->touched_count] = courier;
    search->was[search->touched_count++] = search->work->tours[courier];
    return true;
}

static void undo(struct search *search)
{
    for (uint32_t i = 0; i < search->touched_count; i++) {
        search->work->tours[search->touched[i]] = search->was[i];
        work_touch(search->work, search->touched[i]);
    }
    for (uint32_t i = 0; i < search->task_count; i++) search->work->at[search->tasks[i]] = search->were[i];
}

/* ---- ruin ---- */

static void ruin_one(struct search *search, uint32_t task)
{
    struct work *work = search->work;
    if (search->task_count == RUIN_MAX) return;
    for (uint32_t i = 0; i < search->task_count; i++)
        if (search->tasks[i] == task) return;
    uint32_t courier = work->at[task];
    if (courier != PLAN_ANY && work_fixed_steps(work, courier, task) > 0) return; /* its first stop is the current leg */
    if (courier == PLAN_ANY && work->problem->tasks[task].held) return;
    if (courier != PLAN_ANY && !keep(search, courier)) return;
    search->tasks[search->task_count] = task;
    search->were[search->task_count++] = courier;
    work_remove(search->work, task);
}

/* Some tasks that follow each other in the route, this one among them. */
static void ruin_string(struct search *search, uint32_t task)
{
    const struct work *work = search->work;
    uint32_t courier = work->at[task];
    ruin_one(search, task);
    if (courier == PLAN_ANY) return;
    uint32_t length = rng_below(&search->rng, STRING_MAX), count = 0, around[PLAN_STOPS_MAX], at = 0;
    for (uint32_t i = 0; i < search->touched_count; i++) {
        if (search->touched[i] != courier) continue;
        for (uint32_t k = 0; k < search->was[i].count; k++) {
            if (search->was[i].refs[k].task == task) at = count;
            around[count++] = search->was[i].refs[k].task;
        }
    }
    uint32_t from = rng_below(&search->rng, length + 1);
    from = at > from ? at - from : 0;
    for (uint32_t i = from; i < count && i <= from + length; i++) ruin_one(search, around[i]);
}

/* One task at random, or the latest of a few. */
static uint32_t pick_seed(struct search *search)
{
    const struct work *work = search->work;
    uint32_t seed = search->open[rng_below(&search->rng, search->open_count)];
    if (rng_below(&search->rng, 4) > 0) return seed;
    int64_t latest = INT64_MIN;
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t task = search->open[rng_below(&search->rng, search->open_count)], courier = work->at[task];
        int64_t late = INT64_MAX;
        if (courier != PLAN_ANY) {
            const struct tour *tour = &work->tours[courier];
            for (uint32_t k = 0; k < tour->count; k++)
                if (tour->refs[k].task == task) late = (int64_t)tour->begin_s[k] - (work->problem->tasks[task].due_s == PLAN_NO_LIMIT_S ? tour->begin_s[k] : work->problem->tasks[task].due_s);
        }
        if (late <= latest) continue;
        latest = late;
        seed = task;
    }
    return seed;
}

static void ruin(struct search *search)
{
    uint32_t seed = pick_seed(search), size = 1 + rng_below(&search->rng, RUIN_MAX - 1), kin[KIN_MAX], count = 1;
    bool strings = rng_below(&search->rng, 4) > 0;
    kin[0] = seed;
    if (search->kin) {
        count = kin_of(search->kin, seed, kin);
    } else {
        for (count = 1; count < KIN_MAX; count++) kin[count] = search->open[rng_below(&search->rng, search->open_count)];
    }
    ruin_one(search, seed);
    for (uint32_t i = 0; i < count && search->task_count < size; i++) {
        if (strings) ruin_string(search, kin[i]);
        else if (i < 4 || rng_below(&search->rng, 2)) ruin_one(search, kin[i]);
    }
}

/* ---- recreate ---- */

static const struct candidates *candidates_of(struct search *search, const struct near_query *query, uint32_t task)
{
    struct candidates *candidates = &search->candidates[task];
    if (candidates->count == 0 || rng_below(&search->rng, CANDIDATES_FRESH) == 0) candidates->count = near_list(search->work, query, candidates->couriers, CANDIDATES);
    return candidates;
}

/* Back in, with the touched tours kept for undo. Committed ones may overrun as little as can be. */
static void recreate_one(struct search *search, uint32_t index)
{
    struct work *work = search->work;
    uint32_t task = search->tasks[index], where = PLAN_ANY;
    const struct plan_task *t = &work->problem->tasks[task];
    struct insertion best;
    if (t->committed) {
        const struct tour *tour = &work->tours[t->courier];
        where = t->courier;
        insertion_best(work, where, tour->refs, tour->count, &tour->value, task, 0, work->problem->couriers[where].fixed_count, INT64_MAX, true, &best);
        if (!best.found) return;
    } else {
        struct near_query query;
        uint32_t asked[CANDIDATES + 2], count = 0;
        near_query_init(work, task, &query);
        if (t->courier != PLAN_ANY) {
            asked[count++] = t->courier;
        } else if (!work->near && work->problem->courier_count > CANDIDATES) { /* nobody knows who is near: all but some */
            where = near_cheapest(work, task, &best);
        } else {
            const struct candidates *candidates = candidates_of(search, &query, task);
            for (uint32_t i = 0; i < candidates->count; i++)
                if (rng_below(&search->rng, BLINK) > 0) asked[count++] = candidates->couriers[i];
            if (search->were[index] != PLAN_ANY) asked[count++] = search->were[index];
        }
        if (count > 0) where = near_cheapest_of(work, &query, task, asked, count, INT64_MAX, &best);
        if (where == PLAN_ANY) return;
    }
    if (!keep(search, where)) return;
    work_set_tour(work, where, best.refs, best.count);
    work->at[task] = where;
}

/* In which order they come back: as shuffled, or the most urgent first. */
static void shuffle(struct search *search)
{
    for (uint32_t k = search->task_count; k > 1; k--) {
        uint32_t j = rng_below(&search->rng, k), task = search->tasks[k - 1], were = search->were[k - 1];
        search->tasks[k - 1] = search->tasks[j];
        search->were[k - 1] = search->were[j];
        search->tasks[j] = task;
        search->were[j] = were;
    }
    if (rng_below(&search->rng, 2)) return;
    uint32_t order[RUIN_MAX], were[RUIN_MAX];
    memcpy(order, search->tasks, search->task_count * sizeof *order);
    sort_by_urgency(search->work->problem, order, search->task_count);
    for (uint32_t k = 0; k < search->task_count; k++)
        for (uint32_t j = 0; j < search->task_count; j++)
            if (search->tasks[j] == order[k]) were[k] = search->were[j];
    memcpy(search->tasks, order, search->task_count * sizeof *order);
    memcpy(search->were, were, search->task_count * sizeof *were);
}

/* ---- judging ---- */

/* Sum over the touched tours and the ruined tasks: all that a step can change. */
static void touched_cost(const struct search *search, bool before, struct plan_cost *out)
{
    const struct work *work = search->work;
    *out = (struct plan_cost){0};
    for (uint32_t i = 0; i < search->touched_count; i++) {
        const struct tour_value *value = before ? &search->was[i].value : &work->tours[search->touched[i]].value;
        out->violation_s += value->violation_s + value->free_violation_s;
        out->soft += value->soft;
    }
    for (uint32_t i = 0; i < search->task_count; i++)
        if ((before ? search->were[i] : work->at[search->tasks[i]]) == PLAN_ANY) out->left_weight += priority_weight(work->problem->tasks[search->tasks[i]].priority);
}

static bool touched_sound(struct search *search)
{
    for (uint32_t i = 0; i < search->touched_count; i++) {
        const struct tour *tour = &search->work->tours[search->touched[i]];
        if (!tour_is_sound(search->work, search->touched[i], tour->refs, tour->count, &tour->value)) return false;
    }
    return true;
}

/* 1024 times minus the natural logarithm of a number in (0, 1], by the binary logarithm's integer part and a straight line between powers. */
static int64_t minus_log(uint32_t random)
{
    uint32_t value = random | 1;
    int32_t power = 31 - __builtin_clz(value);
    int64_t part = ((int64_t)value << 10 >> power) - 1024; /* 0..1023: the mantissa beyond one */
    return ((int64_t)(32 - power) * 1024 - part) * 710 / 1024;
}

static bool is_kept(struct search *search, const struct plan_cost *before, const struct plan_cost *after, int64_t heat)
{
    if (before->violation_s != after->violation_s || before->left_weight != after->left_weight) return plan_cost_compare(after, before) < 0;
    if (after->soft <= before->soft) return true;
    return heat > 0 && after->soft - before->soft <= heat * minus_log((uint32_t)(rng_u64(&search->rng) >> 32)) / 1024;
}

static void note_changes(struct search *search)
{
    for (uint32_t i = 0; i < search->touched_count; i++) {
        if (search->is_changed[search->touched[i]]) continue;
        search->is_changed[search->touched[i]] = true;
        search->changed[search->changed_count++] = search->touched[i];
    }
    for (uint32_t i = 0; i < search->task_count; i++) {
        if (search->is_task_changed[search->tasks[i]]) continue;
        search->is_task_changed[search->tasks[i]] = true;
        search->changed_tasks[search->changed_task_count++] = search->tasks[i];
    }
}

/* What stands now becomes the best (`take`), or the best comes back. */
static void settle(struct search *search, bool take)
{
    struct work *work = search->work;
    for (uint32_t i = 0; i < search->changed_count; i++) {
        uint32_t courier = search->changed[i];
        search->is_changed[courier] = false;
        if (take) {
            search->best_tours[courier] = work->tours[courier];
            continue;
        }
        work->tours[courier] = search->best_tours[courier];
        work_touch(work, courier);
    }
    for (uint32_t i = 0; i < search->changed_task_count; i++) {
        uint32_t task = search->changed_tasks[i];
        search->is_task_changed[task] = false;
        if (take) search->best_at[task] = work->at[task];
        else work->at[task] = search->best_at[task];
    }
    search->changed_count = search->changed_task_count = 0;
    search->worse = search->better = (struct plan_cost){0};
}

static void judge(struct search *search, int64_t heat)
{
    struct plan_cost before, after;
    touched_cost(search, true, &before);
    touched_cost(search, false, &after);
    if (!is_kept(search, &before, &after, heat) || !touched_sound(search)) {
        undo(search);
        return;
    }
    note_changes(search);
    search->worse.violation_s += after.violation_s;
    search->worse.left_weight += after.left_weight;
    search->worse.soft += after.soft;
    search->better.violation_s += before.violation_s;
    search->better.left_weight += before.left_weight;
    search->better.soft += before.soft;
    if (plan_cost_compare(&search->worse, &search->better) <= 0) settle(search, true);
}

/* ---- the run ---- */

static void search_init(struct search *search, struct plan_session *session, uint64_t seed)
{
    struct work *work = &session->work;
    const struct plan_problem *problem = work->problem;
    uint32_t tasks = problem->task_count + 1, couriers = problem->courier_count + 1;
    search->work = work;
    rng_init(&search->rng, seed);
    search->open = mem_zalloc(tasks, sizeof *search->open);
    for (uint32_t t = 0; t < problem->task_count; t++)
        if (!problem->tasks[t].held || work->at[t] != PLAN_ANY) search->open[search->open_count++] = t;
    search->kin = kin_new(problem, search->open, search->open_count);
    search->candidates = mem_zalloc(tasks, sizeof *search->candidates);
    search->best_tours = mem_alloc(couriers * sizeof *search->best_tours);
    memcpy(search->best_tours, work->tours, problem->courier_count * sizeof *search->best_tours);
    search->best_at = mem_alloc(tasks * sizeof *search->best_at);
    memcpy(search->best_at, work->at, problem->task_count * sizeof *search->best_at);
    search->changed = mem_zalloc(couriers, sizeof *search->changed);
    search->is_changed = mem_zalloc(couriers, sizeof *search->is_changed);
    search->changed_tasks = mem_zalloc(tasks, sizeof *search->changed_tasks);
    search->is_task_changed = mem_zalloc(tasks, sizeof *search->is_task_changed);
}

static void search_deinit(struct search *search)
{
    free(search->open);
    kin_free(search->kin);
    free(search->candidates);
    free(search->best_tours);
    free(search->best_at);
    free(search->changed);
    free(search->is_changed);
    free(search->changed_tasks);
    free(search->is_task_changed);
}

/* From the first temperature to the last in a straight line of the logarithm would be usual; a square is near it and needs no logarithm. */
static int64_t heat_at(const struct search *search, uint32_t step, uint32_t steps)
{
    if (steps < HEAT_STEPS_PER_TASK * search->open_count) return 0;
    int64_t left = (int64_t)(steps - step) * 1024 / steps;
    return HEAT_LAST + (HEAT_FIRST - HEAT_LAST) * left / 1024 * left / 1024;
}

uint32_t plan_session_improve(struct plan_session *session, const struct plan_options *options)
{
    if (options->iterations == 0 || session->work.problem->task_count == 0 || session->work.problem->courier_count == 0) return 0;
    struct search *search = mem_zalloc(1, sizeof *search);
    uint32_t made = 0;
    search_init(search, session, options->seed);
    while (search->open_count > 0 && made < options->iterations) {
        if (options->stop && options->stop(options->stop_context)) break;
        int64_t heat = heat_at(search, made++, options->iterations);
        search->touched_count = search->task_count = 0;
        ruin(search);
        shuffle(search);
        for (uint32_t k = 0; k < search->task_count; k++) recreate_one(search, k);
        judge(search, heat);
    }
    settle(search, false);
    search_deinit(search);
    free(search);
    return made;
}
