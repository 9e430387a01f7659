/* A plan that is kept running: take up the routes, put tasks in one by one or by regret, take them out. It must not know how plans get better. */
#include "session.h"

#include <stdlib.h>
#include <string.h>

enum {
    REGRET_TASKS_MAX = 400, /* more at once are inserted one after the other: regret compares each with each */
    REGRET_COURIERS = 16,   /* couriers that are asked for a bid, nearest first */
};

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
        if (work->problem->tasks[task].committed || work_fixed_steps(work, courier, task) > 0) continue;
        struct plan_ref kept[PLAN_STOPS_MAX];
        uint32_t count = tour_without(tour->refs, tour->count, task, fixed, kept);
        work_set_tour(work, courier, kept, count);
        work->at[task] = PLAN_ANY;
    }
}

void work_take_courier(struct work *work, uint32_t courier)
{
    const struct plan_courier *c = &work->problem->couriers[courier];
    struct plan_ref refs[PLAN_STOPS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->stop_count; i++) {
        uint32_t task = c->stops[i].task;
        /* the committed prefix stays whatever is thought of it now; its task stays whole */
        bool prefix = false;
        for (uint32_t f = 0; f < c->fixed_count; f++) prefix |= c->stops[f].task == task;
        if (!prefix && !may_stay(work->problem, task, courier)) continue;
        refs[count] = c->stops[i];
        refs[count++].told = false;
        work->at[task] = courier;
    }
    work_set_tour(work, courier, refs, count);
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
        work_set_tour(work, task->courier, best.refs, best.count);
        work->at[t] = task->courier;
    }
}

enum status plan_session_new(const struct plan_problem *problem, struct plan_session **out, struct error *err)
{
    TRY(plan_problem_check(problem, err));
    struct plan_session *session = mem_zalloc(1, sizeof *session);
    struct work *work = &session->work;
    work_init(work, problem);
    work->near = near_new(problem);
    for (uint32_t c = 0; c < problem->courier_count; c++) {
        work_take_courier(work, c);
        tour_mend(work, c);
    }
    insert_committed(work);
    for (uint32_t c = 0; c < problem->courier_count; c++) tour_mend(work, c); /* what turned back may push a free one out */
    *out = session;
    return STATUS_OK;
}

void plan_session_free(struct plan_session *session)
{
    if (!session) return;
    work_deinit(&session->work);
    free(session);
}

/* ---- one task ---- */

static void place(struct work *work, uint32_t task, uint32_t courier, const struct insertion *way)
{
    work_set_tour(work, courier, way->refs, way->count);
    work->at[task] = courier;
}

static void tell_placed(struct work *work, uint32_t task, uint32_t courier, const struct insertion *way, struct plan_placed *out)
{
    *out = (struct plan_placed){.courier = courier, .bounded = (uint32_t)work->bounded, .tried = (uint32_t)work->tried};
    if (courier == PLAN_ANY) return;
    struct tour_value value;
    int32_t begin_s[PLAN_STOPS_MAX];
    out->added = way->added;
    tour_measure(work, courier, way->refs, way->count, begin_s, &value);
    for (uint32_t i = 0; i < way->count; i++)
        if (way->refs[i].task == task)
            out->done_s = begin_s[i] + (int32_t)work->problem->tasks[task].steps[way->refs[i].step].choices[way->refs[i].choice].service_s;
}

static bool may_place(const struct work *work, uint32_t task)
{
    ASSERT(task < work->problem->task_count);
    return work->at[task] == PLAN_ANY && !work->problem->tasks[task].held;
}

void plan_session_insert(struct plan_session *session, uint32_t task, struct plan_placed *out)
{
    struct work *work = &session->work;
    struct insertion way;
    work->bounded = work->tried = 0;
    uint32_t courier = may_place(work, task) ? near_cheapest(work, task, &way) : PLAN_ANY;
    tell_placed(work, task, courier, &way, out);
    if (courier != PLAN_ANY) place(work, task, courier, &way);
}

void plan_session_hurry(struct plan_session *session, uint32_t tries_max)
{
    session->work.tries_max = tries_max;
}

void plan_session_ask(struct plan_session *session, uint32_t task, const uint32_t *couriers, uint32_t count, struct plan_placed *out)
{
    struct work *work = &session->work;
    struct near_query query;
    struct insertion way;
    work->bounded = work->tried = 0;
    uint32_t courier = PLAN_ANY;
    if (may_place(work, task)) {
        near_query_init(work, task, &query);
        courier = near_cheapest_of(work, &query, task, couriers, count, INT64_MAX, &way);
    }
    *out = (struct plan_placed){.courier = courier, .added = courier == PLAN_ANY ? 0 : way.added, .bounded = (uint32_t)work->bounded, .tried = (uint32_t)work->tried};
}

void plan_session_scan(struct plan_session *session, uint32_t task, struct plan_placed *out)
{
    struct work *work = &session->work;
    struct near *near = work->near;
    work->near = NULL;
    struct insertion way;
    work->bounded = work->tried = 0;
    uint32_t courier = may_place(work, task) ? near_cheapest(work, task, &way) : PLAN_ANY;
    tell_placed(work, task, courier, &way, out);
    work->near = near;
}

uint32_t plan_session_near(struct plan_session *session, uint32_t task, uint32_t *couriers, uint32_t capacity)
{
    struct near_query query;
    ASSERT(task < session->work.problem->task_count);
    near_query_init(&session->work, task, &query);
    return near_list(&session->work, &query, couriers, capacity);
}

void work_remove(struct work *work, uint32_t task)
{
    uint32_t courier = work->at[task];
    if (courier == PLAN_ANY || work_fixed_steps(work, courier, task) > 0) return;
    struct plan_ref kept[PLAN_STOPS_MAX];
    uint32_t count = tour_without(work->tours[courier].refs, work->tours[courier].count, task, 0, kept);
    work_set_tour(work, courier, kept, count);
    work->at[task] = PLAN_ANY;
}

void plan_session_remove(struct plan_session *session, uint32_t task)
{
    struct work *work = &session->work;
    ASSERT(task < work->problem->task_count);
    uint32_t courier = work->at[task];
    work_remove(work, task);
    if (courier != PLAN_ANY) tour_mend(work, courier);
}

/* ---- many ---- */

static int by_urgency(const struct plan_problem *problem, uint32_t a, uint32_t b)
{
    const struct plan_task *x = &problem->tasks[a], *y = &problem->tasks[b];
    if (x->priority != y->priority) return x->priority > y->priority ? -1 : 1;
    if (x->due_s != y->due_s) return x->due_s < y->due_s ? -1 : 1;
    return a < b ? -1 : a > b;
}

void sort_by_urgency(const struct plan_problem *problem, uint32_t *tasks, uint32_t count)
{
    for (uint32_t gap = count / 2; gap > 0; gap /= 2) { /* Shell: no comparator context needed, and the order is total */
        for (uint32_t i = gap; i < count; i++) {
            uint32_t task = tasks[i], j = i;
            for (; j >= gap && by_urgency(problem, task, tasks[j - gap]) < 0; j -= gap) tasks[j] = tasks[j - gap];
            tasks[j] = task;
        }
    }
}

/* The two cheapest couriers for a task; INT64_MAX: there is no such. */
struct bids {
    int64_t first, second;
    uint32_t first_at, second_at;
};

static void bids_add(struct bids *bids, int64_t cost, uint32_t courier)
{
    if (cost < bids->first) {
        bids->second = bids->first;
        bids->second_at = bids->first_at;
        bids->first = cost;
        bids->first_at = courier;
    } else if (cost < bids->second) {
        bids->second = cost;
        bids->second_at = courier;
    }
}

static void ask_one(struct work *work, const struct near_query *query, uint32_t task, uint32_t courier, struct bids *bids)
{
    struct insertion way;
    if (near_cheapest_of(work, query, task, &courier, 1, bids->second, &way) == courier) bids_add(bids, way.added, courier);
}

static void ask_near(struct work *work, uint32_t task, struct bids *bids)
{
    struct near_query query;
    uint32_t couriers[REGRET_COURIERS], count = 1;
    *bids = (struct bids){INT64_MAX, INT64_MAX, PLAN_ANY, PLAN_ANY};
    near_query_init(work, task, &query);
    if (work->problem->tasks[task].courier != PLAN_ANY) couriers[0] = work->problem->tasks[task].courier;
    else if (work->near) count = near_list(work, &query, couriers, REGRET_COURIERS);
    else {
        for (uint32_t c = 0; c < work->problem->courier_count; c++) ask_one(work, &query, task, c, bids);
        return;
    }
    for (uint32_t i = 0; i < count; i++) ask_one(work, &query, task, couriers[i], bids);
    if (bids->first != INT64_MAX) return;
    struct insertion way; /* none of the near ones can: whoever can */
    uint32_t courier = near_cheapest(work, task, &way);
    if (courier != PLAN_ANY) bids_add(bids, way.added, courier);
}

/* Who would regret waiting most: whose second-best courier is so much dearer than the best. */
static uint32_t most_regret(const struct work *work, const uint32_t *tasks, uint32_t count, const struct bids *bids)
{
    uint32_t pick = PLAN_ANY;
    int64_t most = -1;
    for (uint32_t i = 0; i < count; i++) {
        if (work->at[tasks[i]] != PLAN_ANY || bids[i].first == INT64_MAX) continue;
        int64_t regret = bids[i].second == INT64_MAX ? INT64_MAX / 2 : bids[i].second - bids[i].first;
        if (regret <= most) continue;
        most = regret;
        pick = i;
    }
    return pick;
}

/* Regret insertion (Potvin & Rousseau 1993) among the near couriers. */
static void insert_by_regret(struct work *work, const uint32_t *tasks, uint32_t count)
{
    struct bids *bids = mem_zalloc(count + 1, sizeof *bids);
    for (uint32_t i = 0; i < count; i++) ask_near(work, tasks[i], &bids[i]);
    for (;;) {
        uint32_t pick = most_regret(work, tasks, count, bids);
        if (pick == PLAN_ANY) break;
        struct near_query query;
        struct insertion way;
        uint32_t where = bids[pick].first_at;
        near_query_init(work, tasks[pick], &query);
        uint32_t again = near_cheapest_of(work, &query, tasks[pick], &where, 1, INT64_MAX, &way);
        ASSERT(again == where);
        place(work, tasks[pick], where, &way);
        for (uint32_t i = 0; i < count; i++) {
            if (work->at[tasks[i]] != PLAN_ANY) continue;
            if (bids[i].first_at == where || bids[i].second_at == where) {
                ask_near(work, tasks[i], &bids[i]);
                continue;
            }
            near_query_init(work, tasks[i], &query);
            ask_one(work, &query, tasks[i], where, &bids[i]);
        }
    }
    free(bids);
}

void plan_session_fill(struct plan_session *session)
{
    struct work *work = &session->work;
    uint32_t *missing = mem_zalloc(work->problem->task_count + 1, sizeof *missing), count = 0;
    for (uint32_t t = 0; t < work->problem->task_count; t++)
        if (may_place(work, t)) missing[count++] = t;
    sort_by_urgency(work->problem, missing, count);
    if (count > 1 && count <= REGRET_TASKS_MAX) insert_by_regret(work, missing, count);
    for (uint32_t i = 0; i < count; i++) {
        struct plan_placed placed;
        if (work->at[missing[i]] == PLAN_ANY) plan_session_insert(session, missing[i], &placed);
    }
    free(missing);
}
