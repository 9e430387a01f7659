/* Metrics: how long each arc takes, frozen. A new one is built beside the old one and swapped by whoever holds the pointer. */
#include "map.h"

#include <stdlib.h>
#include <string.h>

static struct geo_metric *metric_alloc(struct geo_map *map)
{
    uint64_t arcs = map->file.graph.arc_count;
    struct geo_metric *metric = calloc(1, sizeof *metric);
    if (!metric) return NULL;
    metric->references = 1;
    metric->map = geo_map_ref(map);
    metric->pass = malloc(arcs * sizeof *metric->pass);
    metric->travel_ms = malloc(arcs * sizeof *metric->travel_ms);
    metric->times = (struct geo_times){metric->pass, metric->travel_ms};
    if (metric->pass && metric->travel_ms) return metric;
    geo_metric_unref(metric);
    return NULL;
}

static void time_set(struct geo_metric *metric, uint32_t arc, uint32_t travel_ms)
{
    const struct geo_arc *road = &metric->map->file.graph.arcs[arc];
    bool is_closed = travel_ms == GEO_UNREACHABLE;
    if (is_closed) travel_ms = road->travel_ms;
    if (travel_ms >= GEO_FINITE_MAX) travel_ms = GEO_FINITE_MAX - 1;
    metric->travel_ms[arc] = travel_ms;
    geo_weight pass = geo_weight_of(travel_ms, road->length_dm) + geo_weight_of(road->turn_ms, 0);
    metric->pass[arc] = is_closed || pass >= GEO_WEIGHT_END ? GEO_WEIGHT_NONE : pass;
}

enum geo_status geo_metric_timed_by(struct geo_map *map, const uint32_t *travel_ms, unsigned threads, struct geo_metric **out, struct geo_error *error)
{
    const struct geo_graph *graph = &map->file.graph;
    struct geo_metric *metric = metric_alloc(map);
    if (!metric) return geo_error_set(error, GEO_NO_MEMORY, "no memory for a metric of %u arcs", graph->arc_count);
    for (uint32_t a = 0; a < graph->arc_count; a++) time_set(metric, a, travel_ms ? travel_ms[a] : graph->arcs[a].travel_ms);
    enum geo_status rc = cch_metric_new(&map->cch, metric->pass, threads, &metric->hierarchy);
    if (rc == GEO_OK) rc = cch_metric_perfect(&metric->hierarchy, threads);
    if (rc != GEO_OK) {
        geo_metric_unref(metric);
        return geo_error_set(error, rc, "no memory for a metric of %u arcs", graph->arc_count);
    }
    *out = metric;
    return GEO_OK;
}

enum geo_status geo_metric_timed(struct geo_map *map, const uint32_t *travel_ms, struct geo_metric **out, struct geo_error *error)
{
    return geo_metric_timed_by(map, travel_ms, 1, out, error);
}

enum geo_status geo_metric_new(struct geo_map *map, struct geo_metric **out, struct geo_error *error)
{
    return geo_metric_timed(map, NULL, out, error);
}

enum geo_status geo_metric_change(const struct geo_metric *old, const struct geo_arc_time *changes, uint32_t count, struct geo_metric **out,
                                  struct geo_error *error)
{
    const struct geo_net *net = &old->map->net;
    for (uint32_t i = 0; i < count; i++)
        if (changes[i].arc >= net->graph->arc_count) return geo_error_set(error, GEO_INVALID, "change %u names arc %u, which is not there", i, changes[i].arc);
    struct geo_metric *metric = metric_alloc(old->map);
    uint32_t *changed = malloc(((uint64_t)count * (GEO_LINKS_MAX / 2) + 1) * sizeof *changed), changed_count = 0; /* geo_net allows no more copies */
    enum geo_status rc = metric && changed ? GEO_OK : GEO_NO_MEMORY;
    if (rc == GEO_OK) {
        memcpy(metric->pass, old->pass, net->graph->arc_count * sizeof *metric->pass);
        memcpy(metric->travel_ms, old->travel_ms, net->graph->arc_count * sizeof *metric->travel_ms);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t twin = net->graph->arcs[changes[i].arc].twin;
            for (uint32_t c = net->copy_first[twin]; c < net->copy_first[twin + 1]; c++) {
                time_set(metric, net->copies[c], changes[i].travel_ms);
                changed[changed_count++] = net->copies[c];
            }
        }
        rc = cch_metric_change(&old->hierarchy, metric->pass, changed, changed_count, &metric->hierarchy);
    }
    free(changed);
    if (rc == GEO_OK) {
        *out = metric;
        return GEO_OK;
    }
    geo_metric_unref(metric);
    return geo_error_set(error, rc, "no memory for a metric of %u arcs", net->graph->arc_count);
}

uint32_t geo_metric_speed_max_mmps(const struct geo_metric *metric)
{
    const struct geo_graph *graph = geo_map_graph(geo_metric_map(metric));
    uint64_t fastest = 1;
    for (uint32_t a = 0; a < graph->arc_count; a++) {
        const struct geo_arc *arc = &graph->arcs[a];
        uint32_t travel_ms = geo_metric_travel_ms(metric, a), own_ms = arc->travel_ms; /* a closed arc is still left and entered at its own time */
        if (own_ms < travel_ms) travel_ms = own_ms;
        /* ends on a map are exact where the length is rounded: the straight line is at most half a decimetre longer */
        uint32_t drive_ms = travel_ms > arc->wait_ms ? travel_ms - arc->wait_ms : 1; /* who stops half-way waits at no crossing */
        uint64_t speed = ((uint64_t)arc->length_dm * 100000 + 50000) / drive_ms + 1;
        if (speed > fastest) fastest = speed;
    }
    return fastest > UINT32_MAX ? UINT32_MAX : (uint32_t)fastest;
}

uint32_t geo_metric_travel_ms(const struct geo_metric *metric, uint32_t arc)
{
    return metric->pass[arc] == GEO_WEIGHT_NONE ? GEO_UNREACHABLE : metric->travel_ms[arc];
}

struct geo_metric *geo_metric_ref(struct geo_metric *metric)
{
    __atomic_add_fetch(&metric->references, 1, __ATOMIC_RELAXED);
    return metric;
}

void geo_metric_unref(struct geo_metric *metric)
{
    if (!metric || __atomic_sub_fetch(&metric->references, 1, __ATOMIC_ACQ_REL) > 0) return;
    cch_metric_deinit(&metric->hierarchy);
    geo_map_unref(metric->map);
    free(metric->pass);
    free(metric->travel_ms);
    free(metric);
}

struct geo_map *geo_metric_map(const struct geo_metric *metric)
{
    return metric->map;
}
