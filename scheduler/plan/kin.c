/* Open tasks by where their last single place lies: a grid made once a run. */
#include "kin.h"

#include <math.h>
#include <stdlib.h>

enum { TASKS_PER_CELL = 6, CELLS_MAX = 1 << 18 };

struct kin {
    const struct plan_problem *problem;
    const uint32_t *tasks;
    int32_t x0_m, y0_m, cell_m, columns, rows;
    uint32_t *first;   /* per cell and one more */
    uint32_t *inside;  /* tasks by cell */
};

static struct plan_spot spot_of(const struct plan_problem *problem, uint32_t task)
{
    const struct plan_task *t = &problem->tasks[task];
    uint32_t step = 0;
    for (uint32_t s = 0; s < t->step_count; s++)
        if (t->steps[s].choice_count == 1) step = s;
    return problem->oracle.spots[t->steps[step].choices[0].place];
}

static uint32_t cell_of(const struct kin *kin, struct plan_spot spot)
{
    return (uint32_t)((spot.y_m - kin->y0_m) / kin->cell_m * kin->columns + (spot.x_m - kin->x0_m) / kin->cell_m);
}

struct kin *kin_new(const struct plan_problem *problem, const uint32_t *tasks, uint32_t count)
{
    if (!problem->oracle.spots || count == 0) return NULL;
    struct kin *kin = mem_zalloc(1, sizeof *kin);
    kin->problem = problem;
    kin->tasks = tasks;
    kin->x0_m = kin->y0_m = INT32_MAX;
    int32_t x1 = INT32_MIN, y1 = INT32_MIN;
    for (uint32_t i = 0; i < count; i++) {
        struct plan_spot spot = spot_of(problem, tasks[i]);
        if (spot.x_m < kin->x0_m) kin->x0_m = spot.x_m;
        if (spot.y_m < kin->y0_m) kin->y0_m = spot.y_m;
        if (spot.x_m > x1) x1 = spot.x_m;
        if (spot.y_m > y1) y1 = spot.y_m;
    }
    double width = (double)x1 - kin->x0_m + 1, height = (double)y1 - kin->y0_m + 1;
    kin->cell_m = (int32_t)sqrt(width * height * TASKS_PER_CELL / count) + 1;
    while ((width / kin->cell_m + 1) * (height / kin->cell_m + 1) > CELLS_MAX) kin->cell_m *= 2;
    kin->columns = (int32_t)(width / kin->cell_m) + 1;
    kin->rows = (int32_t)(height / kin->cell_m) + 1;
    uint32_t cells = (uint32_t)kin->columns * (uint32_t)kin->rows;
    kin->first = mem_zalloc(cells + 1, sizeof *kin->first);
    kin->inside = mem_zalloc(count, sizeof *kin->inside);
    for (uint32_t i = 0; i < count; i++) kin->first[cell_of(kin, spot_of(problem, tasks[i])) + 1]++;
    for (uint32_t i = 0; i < cells; i++) kin->first[i + 1] += kin->first[i];
    for (uint32_t i = count; i-- > 0;) kin->inside[--kin->first[cell_of(kin, spot_of(problem, tasks[i])) + 1]] = tasks[i];
    /* each first[cell + 1] has come down to its own beginning: shift back */
    for (uint32_t i = 0; i < cells; i++) kin->first[i] = kin->first[i + 1];
    kin->first[cells] = count;
    return kin;
}

void kin_free(struct kin *kin)
{
    if (!kin) return;
    free(kin->first);
    free(kin->inside);
    free(kin);
}

struct nearest {
    struct plan_spot spot;
    uint32_t count, *out;
    int64_t distance[KIN_MAX];
};

static void add_cell(const struct kin *kin, int32_t column, int32_t row, struct nearest *nearest)
{
    if (column < 0 || row < 0 || column >= kin->columns || row >= kin->rows) return;
    uint32_t cell = (uint32_t)(row * kin->columns + column);
    for (uint32_t i = kin->first[cell]; i < kin->first[cell + 1]; i++) {
        struct plan_spot spot = spot_of(kin->problem, kin->inside[i]);
        int64_t dx = spot.x_m - nearest->spot.x_m, dy = spot.y_m - nearest->spot.y_m, distance = dx * dx + dy * dy;
        if (nearest->count == KIN_MAX && distance >= nearest->distance[KIN_MAX - 1]) continue;
        uint32_t at = nearest->count < KIN_MAX ? nearest->count++ : KIN_MAX - 1;
        for (; at > 0 && nearest->distance[at - 1] > distance; at--) {
            nearest->distance[at] = nearest->distance[at - 1];
            nearest->out[at] = nearest->out[at - 1];
        }
        nearest->distance[at] = distance;
        nearest->out[at] = kin->inside[i];
    }
}

uint32_t kin_of(const struct kin *kin, uint32_t task, uint32_t out[KIN_MAX])
{
    struct nearest nearest = {.spot = spot_of(kin->problem, task), .out = out};
    int32_t column = (nearest.spot.x_m - kin->x0_m) / kin->cell_m, row = (nearest.spot.y_m - kin->y0_m) / kin->cell_m;
    int32_t most = kin->columns > kin->rows ? kin->columns : kin->rows;
    for (int32_t ring = 0; ring < most; ring++) {
        int64_t reach = (int64_t)(ring - 1) * kin->cell_m; /* cells of this ring are at least so far away */
        if (nearest.count == KIN_MAX && reach > 0 && reach * reach > nearest.distance[KIN_MAX - 1]) break;
        for (int32_t r = row - ring; r <= row + ring; r++) {
            bool edge = r == row - ring || r == row + ring;
            for (int32_t c = column - ring; c <= column + ring; c += edge || ring == 0 ? 1 : 2 * ring) add_cell(kin, c, r, &nearest);
        }
    }
    return nearest.count;
}
