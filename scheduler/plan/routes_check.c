/* Routes recomputed from the instance and nothing else, in double precision. It shares no code with the search and must not know that there is one. */
#include "plan/plan.h"

#include <math.h>
#include <stdlib.h>

/* Sums of doubles differ in their last bits by the order of adding; a ten-millionth of the unit of time is worth nothing. */
static const double TOLERANCE = 1e-7;

static double travel(const struct plan_instance *instance, uint32_t a, uint32_t b)
{
    if (instance->family == PLAN_SARTORI_BURIOL) return (double)instance->minutes[(size_t)a * instance->node_count + b];
    return hypot(instance->nodes[a].x - instance->nodes[b].x, instance->nodes[a].y - instance->nodes[b].y);
}

static enum status wrong(struct error *err, uint32_t route, uint32_t node, const char *what)
{
    return error_set(err, STATUS_FAILED_PRECONDITION, "route %u, node %u: %s", route + 1, node, what);
}

/* `seen_in`: by node, the route that holds it + 1. */
static enum status check_route(const struct plan_instance *instance, const struct plan_routes *routes, uint32_t route, uint32_t *seen_in, double *distance, struct error *err)
{
    const struct plan_instance_node *depot = &instance->nodes[0];
    uint32_t begin = routes->first[route], end = routes->first[route + 1], before = 0;
    if (begin == end) return error_set(err, STATUS_FAILED_PRECONDITION, "route %u is empty", route + 1);
    double now = (double)depot->open + depot->service;
    int64_t load = 0;
    for (uint32_t i = begin; i < end; i++) {
        uint32_t at = routes->nodes[i];
        if (at == 0 || at >= instance->node_count) return wrong(err, route, at, "no place to stop at");
        const struct plan_instance_node *node = &instance->nodes[at];
        if (seen_in[at]) return wrong(err, route, at, "served twice");
        seen_in[at] = route + 1;
        if (!node->pickup && seen_in[node->partner] != route + 1) return wrong(err, route, at, "delivered before it is picked up, or by another vehicle");
        load += node->demand;
        if (load > instance->capacity) return wrong(err, route, at, "more is loaded than the vehicle holds");
        double leg = travel(instance, before, at);
        *distance += leg;
        now += leg;
        if (now < node->open) now = node->open;
        if (now > node->close + TOLERANCE) return wrong(err, route, at, "reached after its window has closed");
        now += node->service;
        before = at;
    }
    *distance += travel(instance, before, 0);
    if (now + travel(instance, before, 0) > depot->close + TOLERANCE) return wrong(err, route, 0, "back at the depot after it has closed");
    return STATUS_OK;
}

enum status plan_routes_check(const struct plan_instance *instance, const struct plan_routes *routes, double *distance, struct error *err)
{
    uint32_t *seen_in = mem_zalloc(instance->node_count, sizeof *seen_in);
    enum status rc = STATUS_OK;
    *distance = 0;
    for (uint32_t r = 0; r < routes->route_count && rc == STATUS_OK; r++) rc = check_route(instance, routes, r, seen_in, distance, err);
    for (uint32_t i = 1; i < instance->node_count && rc == STATUS_OK; i++)
        if (!seen_in[i]) rc = error_set(err, STATUS_FAILED_PRECONDITION, "node %u is not served", i);
    free(seen_in);
    return rc;
}
