/* Which couriers are worth trying: a grid over all points of all routes, and for each courier what a task must cost him at the least, by straight
 * lines at a speed nobody exceeds. It must not know how a task is placed exactly, nor ask for travel times but those of the routes themselves. */
#include "near.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    NODES_MAX = PLAN_STOPS_MAX + 2,   /* start, stops, base */
    STRAY_LEG_S = 600,                /* a leg longer than this passes far from its ends: such couriers are always looked at */
    POINTS_PER_CELL = 4,
    CELLS_MAX = 1 << 18,
    CROWD = 3,                        /* in a hurry so many times as many couriers are met as are tried */
    LEG_UNKNOWN_S = INT32_MAX / 4,    /* no road there as it is: no detour can be told */
};

struct near {
    const struct plan_problem *problem;
    float s_per_m;
    int32_t x0_m, y0_m, cell_m, columns, rows, start_min_s;
    uint32_t *head;                   /* per cell: point + 1 */
    uint32_t *next, *previous;        /* per point (courier * NODES_MAX + node): point + 1 */
    int32_t *cell;                    /* per point; -1: in none */
    struct gap *gaps;                 /* per point */
    uint32_t *linked;                 /* per courier: points in the grid */
    bool *is_stale;
    uint32_t *stale, stale_count;
    struct stray {                    /* a long way between two points: the ring around its ends says little of it */
        int32_t x0_m, y0_m, x1_m, y1_m, leave_s, leg_s, slope;
        uint32_t point;               /* where it begins */
    } *strays;
    uint32_t *stray_at, stray_count, stray_capacity; /* stray_at: per point, place in the list + 1 */
    uint32_t *seen, stamp;            /* per courier: the walk that has met him */
    uint32_t *met;                    /* of one ring */
    struct candidate { int64_t bound; uint32_t courier; } *heap;
};

static int64_t way_s(const struct near *near, int32_t dx_m, int32_t dy_m)
{
    float dx = (float)dx_m, dy = (float)dy_m;
    return (int64_t)(sqrtf(dx * dx + dy * dy) * near->s_per_m);
}

static int32_t cell_of(const struct near *near, int32_t x_m, int32_t y_m, int32_t *column, int32_t *row)
{
    *column = (x_m - near->x0_m) / near->cell_m;
    *row = (y_m - near->y0_m) / near->cell_m;
    ASSERT(*column >= 0 && *column < near->columns && *row >= 0 && *row < near->rows);
    return *row * near->columns + *column;
}

struct near *near_new(const struct plan_problem *problem)
{
    const struct plan_oracle *oracle = &problem->oracle;
    if (!oracle->spots || !oracle->speed_mmps || problem->place_count == 0 || problem->courier_count == 0) return NULL;
    struct near *near = mem_zalloc(1, sizeof *near);
    near->problem = problem;
    near->s_per_m = 1000.0F / (float)oracle->speed_mmps * 0.99999F;
    int32_t x1 = INT32_MIN, y1 = INT32_MIN;
    near->x0_m = near->y0_m = INT32_MAX;
    for (uint32_t p = 0; p < problem->place_count; p++) {
        const struct plan_spot *spot = &oracle->spots[p];
        if (spot->x_m < near->x0_m) near->x0_m = spot->x_m;
        if (spot->y_m < near->y0_m) near->y0_m = spot->y_m;
        if (spot->x_m > x1) x1 = spot->x_m;
        if (spot->y_m > y1) y1 = spot->y_m;
    }
    uint64_t points = problem->courier_count;
    near->start_min_s = INT32_MAX;
    for (uint32_t c = 0; c < problem->courier_count; c++) {
        points += problem->couriers[c].stop_count;
        if (problem->couriers[c].start_s < near->start_min_s) near->start_min_s = problem->couriers[c].start_s;
    }
    double width = (double)x1 - near->x0_m + 1, height = (double)y1 - near->y0_m + 1, cells = (double)points / POINTS_PER_CELL + 1;
    if (cells > CELLS_MAX / 2) cells = CELLS_MAX / 2;
    near->cell_m = (int32_t)sqrt(width * height / cells) + 1;
    while ((width / near->cell_m + 1) * (height / near->cell_m + 1) > CELLS_MAX) near->cell_m *= 2; /* a city as thin as a line */
    near->columns = (int32_t)(width / near->cell_m) + 1;
    near->rows = (int32_t)(height / near->cell_m) + 1;
    size_t all = (size_t)problem->courier_count * NODES_MAX, couriers = problem->courier_count;
    near->head = mem_zalloc((size_t)near->columns * (size_t)near->rows, sizeof *near->head);
    near->next = mem_zalloc(all, sizeof *near->next);
    near->previous = mem_zalloc(all, sizeof *near->previous);
    near->cell = mem_zalloc(all, sizeof *near->cell);
    near->gaps = mem_zalloc(all, sizeof *near->gaps);
    near->linked = mem_zalloc(couriers, sizeof *near->linked);
    near->is_stale = mem_zalloc(couriers, sizeof *near->is_stale);
    near->stale = mem_zalloc(couriers, sizeof *near->stale);
    near->stray_at = mem_zalloc(all, sizeof *near->stray_at);
    near->seen = mem_zalloc(couriers, sizeof *near->seen);
    near->met = mem_zalloc(couriers, sizeof *near->met);
    near->heap = mem_zalloc(couriers + 1, sizeof *near->heap);
    for (uint32_t c = 0; c < problem->courier_count; c++) near_touch(near, c);
    return near;
}

void near_free(struct near *near)
{
    if (!near) return;
    free(near->head);
    free(near->next);
    free(near->previous);
    free(near->cell);
    free(near->gaps);
    free(near->linked);
    free(near->is_stale);
    free(near->stale);
    free(near->strays);
    free(near->stray_at);
    free(near->seen);
    free(near->met);
    free(near->heap);
    free(near);
}

void near_touch(struct near *near, uint32_t courier)
{
    if (near->is_stale[courier]) return;
    near->is_stale[courier] = true;
    near->stale[near->stale_count++] = courier;
}

/* ---- the points of a route ---- */

static void unlink_point(struct near *near, uint32_t point)
{
    uint32_t next = near->next[point], previous = near->previous[point];
    if (next) near->previous[next - 1] = previous;
    if (previous) near->next[previous - 1] = next;
    else near->head[near->cell[point]] = next;
}

static void link_point(struct near *near, uint32_t point)
{
    int32_t column, row, cell = cell_of(near, near->gaps[point].x_m, near->gaps[point].y_m, &column, &row);
    near->cell[point] = cell;
    near->previous[point] = 0;
    near->next[point] = near->head[cell];
    if (near->head[cell]) near->previous[near->head[cell] - 1] = point + 1;
    near->head[cell] = point + 1;
}

static void drop_stray(struct near *near, uint32_t point)
{
    if (near->stray_at[point] == 0) return;
    uint32_t at = near->stray_at[point] - 1;
    near->strays[at] = near->strays[--near->stray_count];
    near->stray_at[near->strays[at].point] = at + 1;
    near->stray_at[point] = 0;
}

static void keep_stray(struct near *near, uint32_t point)
{
    const struct gap *from = &near->gaps[point], *to = from + 1;
    if (from->leg_s <= STRAY_LEG_S) return;
    if (near->stray_count == near->stray_capacity) {
        near->stray_capacity = near->stray_capacity ? 2 * near->stray_capacity : 1024;
        near->strays = mem_realloc(near->strays, near->stray_capacity, sizeof *near->strays);
    }
    near->strays[near->stray_count++] = (struct stray){from->x_m, from->y_m, to->x_m, to->y_m, from->leave_s, from->leg_s, from->slope, point};
    near->stray_at[point] = near->stray_count;
}

/* What a second's delay costs at a stop, if it reaches it: the promise is due there, or not. */
static int32_t own_slope(const struct plan_weights *weights, const struct plan_task *task, const struct plan_ref *ref, int32_t leave_s)
{
    if (ref->step + 1u != task->step_count) return 0;
    uint32_t urgency = priority_weight(task->priority);
    uint64_t slope = leave_s >= task->accepted_s ? (uint64_t)weights->flow * (urgency == 16 ? 4 : urgency == 4 ? 2 : 1) : 0;
    if (task->due_s != PLAN_NO_LIMIT_S && leave_s >= task->due_s) slope += (uint64_t)weights->late * urgency;
    return slope > INT32_MAX / 128 ? INT32_MAX / 128 : (int32_t)slope;
}

static uint32_t leg_or_unknown(struct work *work, uint32_t from, uint32_t to)
{
    struct plan_leg leg = work_leg(work, from, to);
    return leg.travel_s > LEG_UNKNOWN_S ? LEG_UNKNOWN_S : leg.travel_s;
}

/* Fill the courier's points; returns how many lie in the grid. */
static uint32_t fill_points(struct work *work, uint32_t courier, struct gap *gaps)
{
    const struct plan_problem *problem = work->problem;
    const struct plan_courier *c = &problem->couriers[courier];
    const struct tour *tour = &work->tours[courier];
    const struct plan_spot *spots = problem->oracle.spots;
    uint32_t place = c->place, n = tour->count;
    bool waits[PLAN_STOPS_MAX + 1];
    struct step_state state;
    int32_t begin_s[PLAN_STOPS_MAX];
    tour_begin(work, courier, &state);
    gaps[0] = (struct gap){spots[place].x_m, spots[place].y_m, c->start_s, -1, 0, 0};
    for (uint32_t i = 0; i < n; i++) {
        const struct plan_choice *choice = &problem->tasks[tour->refs[i].task].steps[tour->refs[i].step].choices[tour->refs[i].choice];
        uint32_t leg_s = leg_or_unknown(work, place, choice->place);
        int64_t ready = (int64_t)gaps[i].leave_s + (leg_s == LEG_UNKNOWN_S ? 0 : leg_s) + (place == choice->place ? 0 : choice->setup_s);
        tour_step(work, courier, tour->refs, i, begin_s, &state);
        gaps[i].leg_s = (int32_t)leg_s;
        waits[i + 1] = begin_s[i] > ready;
        place = choice->place;
        gaps[i + 1] = (struct gap){spots[place].x_m, spots[place].y_m, state.time_s, -1, 0, state.soft};
    }
    gaps[n].slope = (int32_t)(problem->weights.work > INT32_MAX / 128 ? INT32_MAX / 128 : problem->weights.work);
    for (uint32_t i = n; i-- > 0 && c->break_count == 0;) { /* a break to come may swallow a delay */
        if (waits[i + 1]) continue;
        const struct plan_ref *ref = &tour->refs[i];
        gaps[i].slope = gaps[i + 1].slope + own_slope(&problem->weights, &problem->tasks[ref->task], ref, gaps[i + 1].leave_s);
    }
    if (c->base_place == PLAN_ANY) return n + 1;
    if (n > 0) {
        uint32_t leg_s = leg_or_unknown(work, place, c->base_place);
        gaps[n].leg_s = (int32_t)leg_s;
    }
    gaps[n + 1] = (struct gap){spots[c->base_place].x_m, spots[c->base_place].y_m, 0, -1, 0, 0};
    return n + 2;
}

static void refresh(struct work *work, uint32_t courier)
{
    struct near *near = work->near;
    uint32_t first = courier * NODES_MAX;
    for (uint32_t i = 0; i < near->linked[courier]; i++) {
        unlink_point(near, first + i);
        drop_stray(near, first + i);
    }
    near->linked[courier] = fill_points(work, courier, &near->gaps[first]);
    for (uint32_t i = 0; i < near->linked[courier]; i++) {
        link_point(near, first + i);
        keep_stray(near, first + i);
    }
    near->is_stale[courier] = false;
}

static void refresh_all(struct work *work)
{
    while (work->near->stale_count > 0) refresh(work, work->near->stale[--work->near->stale_count]);
}

const struct gap *near_gaps(struct work *work, uint32_t courier)
{
    refresh_all(work);
    return &work->near->gaps[courier * NODES_MAX];
}

/* ---- the bound ---- */

int64_t near_way_s(const struct work *work, const struct near_query *query, int32_t x_m, int32_t y_m, uint32_t step)
{
    const struct plan_step *s = &query->task->steps[step];
    const struct plan_spot *spots = work->problem->oracle.spots;
    int64_t best = INT64_MAX;
    for (uint32_t k = 0; k < s->choice_count; k++) {
        const struct plan_spot *spot = &spots[s->choices[k].place];
        int64_t way = way_s(work->near, spot->x_m - x_m, spot->y_m - y_m);
        if (way < best) best = way;
    }
    return best;
}

/* Steps i..k-1 in one gap, left at `leave_s`: when the last of them is done; INT64_MAX if a door is closed by then. */
static int64_t chain_end(const struct near_query *query, uint32_t i, uint32_t k, int64_t at_s)
{
    for (uint32_t s = i;; s++) {
        if (at_s < query->open_s[s]) at_s = query->open_s[s];
        if (at_s > query->close_s[s]) return INT64_MAX;
        at_s += query->service_s[s];
        if (s + 1 == k) return at_s;
        at_s += query->inner_s[s][s + 1];
    }
}

void near_query_init(struct work *work, uint32_t task, struct near_query *out)
{
    const struct plan_task *t = &work->problem->tasks[task];
    *out = (struct near_query){.task = t, .steps = t->step_count, .may_skip = t->step_count > 1 && t->steps[0].skip_with_kit};
    for (uint32_t s = 0; s < t->step_count; s++) {
        const struct plan_step *step = &t->steps[s];
        out->service_s[s] = out->open_s[s] = INT64_MAX;
        out->close_s[s] = INT64_MIN;
        for (uint32_t k = 0; k < step->choice_count; k++) {
            const struct plan_choice *choice = &step->choices[k];
            if (choice->service_s < out->service_s[s]) out->service_s[s] = choice->service_s;
            if (choice->open_s < out->open_s[s]) out->open_s[s] = choice->open_s;
            if (choice->close_s > out->close_s[s]) out->close_s[s] = choice->close_s;
        }
        if (s == 0 || !work->near) continue;
        int64_t best = INT64_MAX;
        for (uint32_t j = 0; j < t->steps[s - 1].choice_count; j++)
            for (uint32_t k = 0; k < step->choice_count; k++) {
                struct plan_leg leg = work_leg(work, t->steps[s - 1].choices[j].place, step->choices[k].place);
                if (leg.travel_s < best) best = leg.travel_s == PLAN_UNREACHABLE ? 0 : leg.travel_s;
            }
        for (uint32_t i = 0; i < s; i++) out->inner_s[i][s] = out->inner_s[i][s - 1] + best;
    }
    for (uint32_t s = out->may_skip; s < t->step_count; s++)
        if (t->steps[s].choice_count == 1) out->anchor = s; /* the last with one place: homes lie scattered, pharmacies where everybody passes */
    if (out->may_skip && out->anchor == 0) out->anchor = 1;
    out->earliest_s = work->near ? work->near->start_min_s : 0;
    for (uint32_t i = out->anchor; i < out->steps; i++) out->tail_s += out->service_s[i];
    out->tail_s += out->inner_s[out->anchor][out->steps - 1];
    out->floor_s = chain_end(out, out->may_skip, out->steps, out->earliest_s);
}

struct bound_row {
    const struct near_query *query;
    const struct plan_weights *weights;
    int64_t from_s[PLAN_STEPS_MAX], to_s[PLAN_STEPS_MAX]; /* gap's first point to a step, and a step to its second point */
    const struct gap *gap;
};

/* The least that steps i..k-1 in this gap add: the way round, the delay of what follows, and the task's own price if they end it. */
static int64_t bound_of_part(const struct bound_row *row, uint32_t i, uint32_t k)
{
    const struct near_query *query = row->query;
    int64_t end_s = chain_end(query, i, k, row->gap->leave_s + row->from_s[i]);
    if (end_s == INT64_MAX) return INT64_MAX;
    int64_t leg_s = row->gap->leg_s >= 0 ? row->gap->leg_s : 0, onward_s = row->gap->leg_s >= 0 ? row->to_s[k - 1] : 0;
    int64_t detour_s = row->from_s[i] + query->inner_s[i][k - 1] + onward_s - leg_s, delay_s = end_s + onward_s - row->gap->leave_s - leg_s;
    int64_t bound = (detour_s > 0 ? detour_s * row->weights->travel : 0) + (delay_s > 0 ? delay_s * row->gap->slope : 0);
    if (k == query->steps) {
        if (end_s > query->task->latest_s) return INT64_MAX;
        bound += finish_price(row->weights, query->task, end_s);
    }
    return bound;
}

/* Coming back to the courier who was told of it takes back what leaving him cost. */
static int64_t told_credit(const struct work *work, uint32_t task, uint32_t courier)
{
    const struct told_place *told = &work->told[task];
    int64_t stops = 0;
    if (told->courier != courier) return 0;
    for (uint32_t s = 0; s < PLAN_STEPS_MAX; s++) stops += told->index[s] >= 0;
    return stops * work->problem->weights.change;
}

/* Only the anchor put between two points: one root a point. */
static int64_t bound_of_anchor(struct work *work, const struct near_query *query, const struct gap *gaps, uint32_t from, uint32_t to, bool base)
{
    const struct plan_weights *weights = &work->problem->weights;
    const struct plan_spot *spot = &work->problem->oracle.spots[query->task->steps[query->anchor].choices[0].place];
    int64_t best = INT64_MAX, ahead = way_s(work->near, spot->x_m - gaps[from].x_m, spot->y_m - gaps[from].y_m);
    for (uint32_t g = from; g <= to; g++) {
        int64_t back = ahead, detour_s = back, end_s = gaps[g].leave_s + back + query->tail_s;
        if (g < to || base) ahead = way_s(work->near, spot->x_m - gaps[g + 1].x_m, spot->y_m - gaps[g + 1].y_m);
        if (gaps[g].leg_s >= 0) detour_s = back + ahead - gaps[g].leg_s;
        if (detour_s < 0) detour_s = 0;
        int64_t bound = detour_s * ((int64_t)weights->travel + gaps[g].slope);
        if (bound >= best) continue;
        bound += finish_price(weights, query->task, end_s > query->floor_s ? end_s : query->floor_s);
        if (bound < best) best = bound;
    }
    return best;
}

int64_t near_bound(struct work *work, const struct near_query *query, uint32_t courier, int64_t limit)
{
    const struct plan_problem *problem = work->problem;
    uint32_t task = (uint32_t)(query->task - problem->tasks);
    if (!task_allows(problem, task, courier)) return INT64_MAX;
    if (!work->near) return 0;
    const struct plan_courier *c = &problem->couriers[courier];
    const struct gap *gaps = near_gaps(work, courier);
    uint32_t n = work->tours[courier].count, steps = query->steps;
    struct bound_row row = {.query = query, .weights = &problem->weights};
    int64_t best[PLAN_STEPS_MAX + 1] = {0, INT64_MAX, INT64_MAX, INT64_MAX};
    if (query->may_skip && c->kits > 0) best[1] = 0;
    bool base = c->base_place != PLAN_ANY;
    int64_t credit = told_credit(work, task, courier);
    if (limit != INT64_MAX && query->floor_s != INT64_MAX && query->task->steps[query->anchor].choice_count == 1) {
        int64_t rough = bound_of_anchor(work, query, gaps, c->fixed_count, n, base) - credit;
        if (rough > limit) return rough;
    }
    for (uint32_t s = 0; s < steps; s++) row.to_s[s] = near_way_s(work, query, gaps[c->fixed_count].x_m, gaps[c->fixed_count].y_m, s);
    for (uint32_t g = c->fixed_count; g <= n; g++) {
        row.gap = &gaps[g];
        for (uint32_t s = 0; s < steps; s++) {
            row.from_s[s] = row.to_s[s];
            if (g < n || base) row.to_s[s] = near_way_s(work, query, gaps[g + 1].x_m, gaps[g + 1].y_m, s);
        }
        for (uint32_t k = steps; k > 0; k--) {
            for (uint32_t i = 0; i < k; i++) {
                if (best[i] == INT64_MAX) continue;
                int64_t part = bound_of_part(&row, i, k);
                if (part != INT64_MAX && best[i] + part < best[k]) best[k] = best[i] + part;
            }
        }
    }
    if (best[steps] == INT64_MAX) return INT64_MAX;
    return best[steps] - credit;
}

/* ---- the walk ---- */

void near_walk_begin(struct work *work, const struct near_query *query, struct near_walk *walk)
{
    struct near *near = work->near;
    const struct plan_step *anchor = &query->task->steps[query->anchor];
    const struct plan_spot *spot = &work->problem->oracle.spots[anchor->choices[0].place];
    *walk = (struct near_walk){.query = query, .ring = -1};
    refresh_all(work);
    (void)cell_of(near, spot->x_m, spot->y_m, &walk->column, &walk->row);
    if (++near->stamp == 0) { /* after four milliards of walks */
        memset(near->seen, 0, near->problem->courier_count * sizeof *near->seen);
        near->stamp = 1;
    }
}

static void meet(struct near *near, uint32_t courier, uint32_t *out, uint32_t *count)
{
    if (near->seen[courier] == near->stamp) return;
    near->seen[courier] = near->stamp;
    out[(*count)++] = courier;
}

static void meet_cell(struct near *near, int32_t column, int32_t row, uint32_t *out, uint32_t *count)
{
    for (uint32_t point = near->head[row * near->columns + column]; point; point = near->next[point - 1]) meet(near, (point - 1) / NODES_MAX, out, count);
}

static void meet_ring(struct near *near, const struct near_walk *walk, uint32_t *out, uint32_t *count)
{
    for (int32_t row = walk->row - walk->ring; row <= walk->row + walk->ring; row++) {
        if (row < 0 || row >= near->rows) continue;
        bool edge = row == walk->row - walk->ring || row == walk->row + walk->ring;
        int32_t step = edge || walk->ring == 0 ? 1 : 2 * walk->ring;
        for (int32_t column = walk->column - walk->ring; column <= walk->column + walk->ring; column += step)
            if (column >= 0 && column < near->columns) meet_cell(near, column, row, out, count);
    }
}

/* Metres from the anchor to the nearest cell that has not been walked; -1: all have been. */
static int64_t unwalked_m(const struct near *near, const struct near_walk *walk, const struct plan_spot *spot)
{
    int64_t cell = near->cell_m, nearest = INT64_MAX;
    int64_t side[4] = {walk->column - walk->ring > 0 ? spot->x_m - (near->x0_m + (walk->column - walk->ring) * cell) : INT64_MAX,
                       walk->column + walk->ring < near->columns - 1 ? near->x0_m + (walk->column + walk->ring + 1) * cell - spot->x_m : INT64_MAX,
                       walk->row - walk->ring > 0 ? spot->y_m - (near->y0_m + (walk->row - walk->ring) * cell) : INT64_MAX,
                       walk->row + walk->ring < near->rows - 1 ? near->y0_m + (walk->row + walk->ring + 1) * cell - spot->y_m : INT64_MAX};
    for (uint32_t i = 0; i < 4; i++)
        if (side[i] < nearest) nearest = side[i];
    return nearest == INT64_MAX ? -1 : nearest;
}

static int64_t bound_beyond(struct work *work, const struct near_walk *walk, int64_t metres)
{
    const struct near_query *query = walk->query;
    int64_t way = (int64_t)((float)metres * work->near->s_per_m), detour_s = 2 * way - STRAY_LEG_S < way ? 2 * way - STRAY_LEG_S : way;
    int64_t plain = chain_end(query, query->may_skip, query->steps, query->earliest_s), from_afar = chain_end(query, query->anchor, query->steps, query->earliest_s + way);
    if (plain == INT64_MAX || from_afar == INT64_MAX) return INT64_MAX;
    int64_t end_s = plain > from_afar ? plain : from_afar;
    if (end_s > query->task->latest_s) return INT64_MAX;
    return (detour_s > 0 ? detour_s * work->problem->weights.travel : 0) + finish_price(&work->problem->weights, query->task, end_s);
}

uint32_t near_walk_next(struct work *work, struct near_walk *walk, uint32_t *out)
{
    struct near *near = work->near;
    const struct plan_step *anchor = &walk->query->task->steps[walk->query->anchor];
    uint32_t count = 0, told = work->told[walk->query->task - work->problem->tasks].courier;
    if (walk->done) return 0;
    if (walk->ring < 0) { /* who may be cheap from any distance, the strays aside */
        if (told != PLAN_ANY) meet(near, told, out, &count);
        for (uint32_t c = 0; anchor->choice_count > 1 && c < near->problem->courier_count; c++) meet(near, c, out, &count);
    }
    walk->ring++;
    meet_ring(near, walk, out, &count);
    int64_t metres = unwalked_m(near, walk, &near->problem->oracle.spots[anchor->choices[0].place]);
    walk->done = metres < 0;
    walk->beyond = walk->done ? INT64_MAX : bound_beyond(work, walk, metres);
    if (walk->beyond == INT64_MAX) walk->done = true;
    return count;
}

/* The anchor put into the long way, at the least. */
static int64_t bound_of_stray(const struct work *work, const struct near_query *query, const struct plan_spot *spot, const struct stray *stray)
{
    const struct plan_weights *weights = &work->problem->weights;
    int64_t there_s = way_s(work->near, spot->x_m - stray->x0_m, spot->y_m - stray->y0_m), on_s = way_s(work->near, spot->x_m - stray->x1_m, spot->y_m - stray->y1_m);
    int64_t detour_s = there_s + on_s - stray->leg_s, end_s = stray->leave_s + there_s + query->tail_s;
    return (detour_s > 0 ? detour_s * ((int64_t)weights->travel + stray->slope) : 0) + finish_price(weights, query->task, end_s > query->floor_s ? end_s : query->floor_s);
}

uint32_t near_walk_strays(struct work *work, struct near_walk *walk, int64_t limit, uint32_t *out)
{
    struct near *near = work->near;
    const struct near_query *query = walk->query;
    const struct plan_spot *spot = &work->problem->oracle.spots[query->task->steps[query->anchor].choices[0].place];
    uint32_t count = 0;
    walk->done = true;
    if (query->floor_s == INT64_MAX) return 0; /* every door is closed to everybody */
    for (uint32_t i = 0; i < near->stray_count; i++)
        if (bound_of_stray(work, query, spot, &near->strays[i]) <= limit) meet(near, near->strays[i].point / NODES_MAX, out, &count);
    return count;
}

/* ---- the cheapest ---- */

static bool comes_before(const struct candidate *a, const struct candidate *b)
{
    return a->bound != b->bound ? a->bound < b->bound : a->courier < b->courier;
}

static void heap_push(struct candidate *heap, uint32_t *count, struct candidate candidate)
{
    uint32_t at = (*count)++;
    for (; at > 0 && comes_before(&candidate, &heap[(at - 1) / 2]); at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
    heap[at] = candidate;
}

static struct candidate heap_pop(struct candidate *heap, uint32_t *count)
{
    struct candidate top = heap[0], last = heap[--*count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= *count) break;
        if (child + 1 < *count && comes_before(&heap[child + 1], &heap[child])) child++;
        if (!comes_before(&heap[child], &last)) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return top;
}

struct pick {
    uint32_t task, where;
    int64_t best;
    struct insertion trial, *out;
};

/* Cheaper than the best so far, or as cheap and an earlier courier. */
static void try_courier(struct work *work, struct pick *pick, uint32_t courier)
{
    const struct tour *tour = &work->tours[courier];
    int64_t bound = pick->best;
    if (courier < pick->where && pick->where != PLAN_ANY) bound++;
    work->tried++;
    insertion_best(work, courier, tour->refs, tour->count, &tour->value, pick->task, 0, work->problem->couriers[courier].fixed_count, bound, false, &pick->trial);
    if (!pick->trial.found) return;
    pick->best = pick->trial.added;
    pick->where = courier;
    *pick->out = pick->trial;
}

uint32_t near_cheapest_of(struct work *work, const struct near_query *query, uint32_t task, const uint32_t *couriers, uint32_t count, int64_t bound, struct insertion *out)
{
    struct pick pick = {.task = task, .where = PLAN_ANY, .best = bound, .out = out};
    out->found = false;
    work->query = query;
    for (uint32_t i = 0; i < count; i++) {
        work->bounded++;
        if (near_bound(work, query, couriers[i], pick.best) > pick.best - (pick.where == PLAN_ANY)) continue;
        try_courier(work, &pick, couriers[i]);
    }
    work->query = NULL;
    return pick.where;
}

static void push_met(struct work *work, const struct near_query *query, uint32_t met, int64_t limit, uint32_t *waiting)
{
    struct near *near = work->near;
    work->bounded += met;
    for (uint32_t i = 0; i < met; i++) {
        int64_t bound = near_bound(work, query, near->met[i], limit);
        if (bound != INT64_MAX && bound <= limit) heap_push(near->heap, waiting, (struct candidate){bound, near->met[i]});
    }
}

/* Whoever may be cheapest next is tried next: of those met, or else the next ring is met; when the rings are too far away, the strays. */
static void walk_for_cheapest(struct work *work, const struct near_query *query, struct pick *pick)
{
    struct near *near = work->near;
    struct near_walk walk;
    uint32_t waiting = 0, tries = 0;
    bool strays_met = false;
    near_walk_begin(work, query, &walk);
    for (;;) {
        bool rings_over = walk.done || (walk.ring >= 0 && walk.beyond > pick->best);
        bool enough = work->tries_max && waiting + tries >= CROWD * work->tries_max; /* in a hurry: of these, the likeliest */
        if (work->tries_max && tries >= work->tries_max && pick->where != PLAN_ANY) return;
        if (waiting > 0 && enough) {
            try_courier(work, pick, heap_pop(near->heap, &waiting).courier);
            tries++;
        } else if (waiting > 0 && (rings_over || (walk.ring >= 0 && near->heap[0].bound <= walk.beyond))) {
            struct candidate next = heap_pop(near->heap, &waiting);
            tries++;
            if (next.bound <= pick->best) try_courier(work, pick, next.courier);
            else waiting = 0; /* the others are dearer still */
        } else if (!rings_over) {
            push_met(work, query, near_walk_next(work, &walk, near->met), pick->best, &waiting);
        } else if (!strays_met) {
            strays_met = true;
            push_met(work, query, near_walk_strays(work, &walk, pick->best, near->met), pick->best, &waiting);
        } else {
            return;
        }
    }
}

uint32_t near_cheapest(struct work *work, uint32_t task, struct insertion *out)
{
    struct near_query query;
    struct pick pick = {.task = task, .where = PLAN_ANY, .best = INT64_MAX, .out = out};
    uint32_t fixed = work->problem->tasks[task].courier;
    near_query_init(work, task, &query);
    if (fixed != PLAN_ANY) return near_cheapest_of(work, &query, task, &fixed, 1, INT64_MAX, out);
    out->found = false;
    work->query = &query;
    if (work->near) {
        walk_for_cheapest(work, &query, &pick);
    } else {
        for (uint32_t c = 0; c < work->problem->courier_count; c++)
            if (task_allows(work->problem, task, c)) try_courier(work, &pick, c);
    }
    work->query = NULL;
    return pick.where;
}

uint32_t near_list(struct work *work, const struct near_query *query, uint32_t *out, uint32_t capacity)
{
    struct near *near = work->near;
    uint32_t count = 0, task = (uint32_t)(query->task - work->problem->tasks);
    if (!near) {
        for (uint32_t c = 0; c < work->problem->courier_count && count < capacity; c++)
            if (task_allows(work->problem, task, c)) out[count++] = c;
        return count;
    }
    struct near_walk walk;
    struct candidate *kept = near->heap; /* sorted here; nobody else uses it during this walk */
    near_walk_begin(work, query, &walk);
    for (bool strays_met = false; !strays_met;) {
        strays_met = walk.done || (count == capacity && walk.ring >= 0 && kept[count - 1].bound <= walk.beyond);
        uint32_t met = strays_met ? near_walk_strays(work, &walk, count == capacity ? kept[count - 1].bound : INT64_MAX, near->met) : near_walk_next(work, &walk, near->met);
        for (uint32_t i = 0; i < met; i++) {
            struct candidate next = {near_bound(work, query, near->met[i], count == capacity ? kept[count - 1].bound : INT64_MAX), near->met[i]};
            if (next.bound == INT64_MAX || (count == capacity && !comes_before(&next, &kept[count - 1]))) continue;
            uint32_t at = count < capacity ? count++ : count - 1;
            for (; at > 0 && comes_before(&next, &kept[at - 1]); at--) kept[at] = kept[at - 1];
            kept[at] = next;
        }
    }
    for (uint32_t i = 0; i < count; i++) out[i] = kept[i].courier;
    return count;
}
