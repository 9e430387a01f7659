/* Instances and solutions from nowhere: never a crash; an instance that is taken is solved, and what is found passes the checker and reads back. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "plan/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plan_instance *instance = NULL;
    struct plan_routes *routes = NULL, *again = NULL;
    double distance;
    if (plan_routes_read((const char *)data, size, 100, &routes, NULL) == STATUS_OK) plan_routes_free(routes);
    if (plan_instance_read((const char *)data, size, "fuzz", &instance, NULL) != STATUS_OK) return 0;
    const struct plan_fleet_options options = {.seed = size, .iterations = 30};
    if (instance->node_count <= 41 && plan_fleet_solve(instance, &options, &routes, NULL) == STATUS_OK) {
        struct buffer text;
        buffer_init(&text, 1 << 20);
        ASSERT(plan_routes_check(instance, routes, &distance, NULL) == STATUS_OK);
        plan_routes_write(routes, instance->name, &text);
        ASSERT(plan_routes_read((const char *)text.data, text.size, instance->node_count, &again, NULL) == STATUS_OK);
        ASSERT(again->route_count == routes->route_count);
        ASSERT(memcmp(again->nodes, routes->nodes, routes->first[routes->route_count] * sizeof *routes->nodes) == 0);
        buffer_deinit(&text);
        plan_routes_free(again);
        plan_routes_free(routes);
    }
    plan_instance_free(instance);
    return 0;
}
