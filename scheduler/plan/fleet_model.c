/* From an instance to the engine's picture: nodes renumbered in pairs, travel on an integer grid, neighbours, and a bound on the fleet.
 * It must not know how routes are searched. */
#include "fleet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NEAR_MAX = 100, TIME_LIMIT = 1 << 29 };

/* As fine a grid as fits: rounding each leg up by at most one cell must not lose a route that is possible with next to no slack. */
static int32_t grid_of(const struct plan_instance *instance)
{
    if (instance->family == PLAN_SARTORI_BURIOL) return 1;
    double span = 1;
    for (uint32_t i = 0; i < instance->node_count; i++) {
        const struct plan_instance_node *node = &instance->nodes[i];
        span = fmax(span, fmax(node->close + (double)node->service, 4 * fmax(fabs(node->x), fabs(node->y))));
    }
    int32_t grid = 1;
    while (grid < 100000 && span * grid * 10 < TIME_LIMIT) grid *= 10;
    return grid;
}

static int32_t travel_of(const struct plan_instance *instance, uint32_t a, uint32_t b, int32_t grid)
{
    if (instance->minutes) return (int32_t)instance->minutes[(size_t)a * instance->node_count + b];
    double dx = instance->nodes[a].x - instance->nodes[b].x, dy = instance->nodes[a].y - instance->nodes[b].y;
    return (int32_t)ceil(sqrt(dx * dx + dy * dy) * grid);
}

struct near {
    int64_t distance;
    uint32_t request;
};

static int near_compare(const void *a, const void *b)
{
    const struct near *x = a, *y = b;
    if (x->distance != y->distance) return x->distance < y->distance ? -1 : 1;
    return x->request < y->request ? -1 : x->request > y->request;
}

/* How badly b follows a: the way, and the waiting that the windows force even if a is served as late as can be. */
static int64_t follow(const struct fleet_model *model, uint32_t a, uint32_t b)
{
    const struct fleet_node *x = &model->nodes[a], *y = &model->nodes[b];
    int64_t leg = model->to[(size_t)a * model->node_count + b];
    if ((int64_t)x->open + x->service + leg > y->close) return INT64_MAX / 4;
    int64_t wait = (int64_t)y->open - (x->service + leg) - x->close;
    return leg + (wait > 0 ? wait / 5 : 0);
}

static int64_t node_distance(const struct fleet_model *model, uint32_t a, uint32_t b)
{
    int64_t there = follow(model, a, b), back = follow(model, b, a);
    return there < back ? there : back;
}

static void find_near(struct fleet_model *model)
{
    uint32_t n = model->request_count;
    model->near_count = n - 1 < NEAR_MAX ? n - 1 : NEAR_MAX;
    model->near = mem_zalloc((size_t)n * model->near_count + 1, sizeof *model->near);
    struct near *all = mem_zalloc(n, sizeof *all);
    for (uint32_t r = 0; r < n; r++) {
        uint32_t count = 0;
        for (uint32_t s = 0; s < n; s++) {
            if (s == r) continue;
            int64_t least = INT64_MAX;
            for (uint32_t i = 0; i < 4; i++) {
                int64_t d = node_distance(model, 2 * r + i / 2, 2 * s + i % 2);
                if (d < least) least = d;
            }
            all[count++] = (struct near){least, s};
        }
        qsort(all, count, sizeof *all, near_compare);
        for (uint32_t k = 0; k < model->near_count; k++) model->near[(size_t)r * model->near_count + k] = all[k].request;
    }
    free(all);
}

static bool pair_possible(const struct fleet_model *model, uint32_t request)
{
    size_t n = model->node_count, p = 2 * (size_t)request, d = p + 1, depot = n - 1;
    int64_t now = (int64_t)model->nodes[depot].open + model->nodes[depot].service + model->to[depot * n + p];
    if (now < model->nodes[p].open) now = model->nodes[p].open;
    if (now > model->nodes[p].close) return false;
    now += model->nodes[p].service + model->to[p * n + d];
    if (now < model->nodes[d].open) now = model->nodes[d].open;
    if (now > model->nodes[d].close) return false;
    now += model->nodes[d].service + model->to[d * n + depot];
    return now <= model->nodes[depot].close && model->nodes[p].demand <= model->capacity;
}

static void fill_nodes(struct fleet_model *model, const struct plan_instance *instance, int32_t grid)
{
    for (uint32_t i = 0; i < model->node_count; i++) {
        const struct plan_instance_node *from = &instance->nodes[model->names[i]];
        model->nodes[i] = (struct fleet_node){from->open * grid, from->close * grid, from->service * grid, from->demand};
        for (uint32_t j = 0; j < model->node_count; j++) {
            int32_t leg = i == j ? 0 : travel_of(instance, model->names[i], model->names[j], grid);
            model->to[(size_t)i * model->node_count + j] = leg;
            model->from[(size_t)j * model->node_count + i] = leg;
        }
    }
}

enum status fleet_model_new(const struct plan_instance *instance, struct fleet_model **out, struct error *err)
{
    struct fleet_model *model = mem_zalloc(1, sizeof *model);
    uint32_t n = instance->node_count;
    model->node_count = n;
    model->request_count = (n - 1) / 2;
    model->capacity = instance->capacity;
    model->nodes = mem_zalloc(n, sizeof *model->nodes);
    model->names = mem_zalloc(n, sizeof *model->names);
    model->to = mem_zalloc((size_t)n * n, sizeof *model->to);
    model->from = mem_zalloc((size_t)n * n, sizeof *model->from);
    model->detour = mem_zalloc(n + 4, sizeof *model->detour);
    model->detour_least = mem_zalloc(n + 4, sizeof *model->detour_least);
    model->detour_count = mem_zalloc(1, sizeof *model->detour_count);
    uint32_t at = 0;
    for (uint32_t i = 1; i < n; i++) {
        if (!instance->nodes[i].pickup) continue;
        model->names[at++] = i;
        model->names[at++] = instance->nodes[i].partner;
    }
    ASSERT(at == n - 1);
    fill_nodes(model, instance, grid_of(instance));
    for (uint32_t r = 0; r < model->request_count; r++) {
        if (pair_possible(model, r)) continue;
        uint32_t name = model->names[2 * (size_t)r];
        fleet_model_free(model);
        return error_set(err, STATUS_FAILED_PRECONDITION, "the pair of node %u cannot be served, even alone", name);
    }
    if (model->request_count > 0) find_near(model);
    *out = model;
    return STATUS_OK;
}

void fleet_model_free(struct fleet_model *model)
{
    if (!model) return;
    free(model->nodes);
    free(model->names);
    free(model->to);
    free(model->from);
    free(model->near);
    free(model->detour);
    free(model->detour_least);
    free(model->detour_count);
    free(model);
}

static bool together(const struct fleet_model *model, struct fleet_stop *stops, uint32_t a, uint32_t b)
{
    for (uint32_t i = 0; i < 4; i++) stops[i].node = i == 0 || i == 3 ? model->node_count - 1 : 2 * a + i - 1;
    return fleet_stops_fill(model, stops, 4) && fleet_try(model, stops, 4, b, FLEET_COST_NONE).cost != FLEET_COST_NONE;
}

uint32_t fleet_model_least_routes(const struct fleet_model *model)
{
    uint32_t n = model->request_count, most = n > 0;
    uint8_t *apart = mem_zalloc((size_t)n * n + 1, 1);
    uint32_t *degree = mem_zalloc(n + 1, sizeof *degree), *left = mem_zalloc(n + 1, sizeof *left);
    struct fleet_stop stops[4];
    for (uint32_t a = 0; a < n; a++)
        for (uint32_t b = 0; b < a; b++)
            if (!together(model, stops, a, b)) {
                apart[(size_t)a * n + b] = apart[(size_t)b * n + a] = 1;
                degree[a]++;
                degree[b]++;
            }
    for (uint32_t first = 0; first < n; first++) { /* greedily from each request: the candidate with most of the others still apart, by degree */
        uint32_t count = 0, size = 1;
        for (uint32_t b = 0; b < n; b++)
            if (apart[(size_t)first * n + b]) left[count++] = b;
        while (count > 0 && size + count > most) {
            uint32_t pick = left[0], kept = 0;
            for (uint32_t k = 1; k < count; k++)
                if (degree[left[k]] > degree[pick]) pick = left[k];
            size++;
            for (uint32_t k = 0; k < count; k++)
                if (apart[(size_t)pick * n + left[k]]) left[kept++] = left[k];
            count = kept;
        }
        if (count == 0 && size > most) most = size;
    }
    free(apart);
    free(degree);
    free(left);
    return most;
}
