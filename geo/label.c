/* Labels: what it takes from every node to one stop. */
#include "map.h"

#include <stdlib.h>

struct geo_label {
    const struct geo_metric *metric; /* holds a reference */
    struct geo_place stop;
    geo_weight *from_node;
};

enum geo_status geo_label_new(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *stop, struct geo_label **out)
{
    if (!geo_has_place(metric->map, stop)) return GEO_INVALID;
    struct geo_label *label = calloc(1, sizeof *label);
    if (label) label->from_node = malloc((uint64_t)metric->map->file.graph.node_count * sizeof *label->from_node);
    if (!label || !label->from_node) {
        free(label);
        return GEO_NO_MEMORY;
    }
    label->metric = geo_metric_ref((struct geo_metric *)(uintptr_t)metric);
    label->stop = geo_place_of(stop);
    geo_search_to(&scratch->search, &metric->map->net, &metric->times, label->stop, label->from_node);
    *out = label;
    return GEO_OK;
}

void geo_label_free(struct geo_label *label)
{
    if (!label) return;
    geo_metric_unref((struct geo_metric *)(uintptr_t)label->metric);
    free(label->from_node);
    free(label);
}

size_t geo_label_bytes(const struct geo_label *label)
{
    return sizeof *label + (size_t)label->metric->map->file.graph.node_count * sizeof *label->from_node;
}

void geo_label_from(const struct geo_label *to, const struct geo_snap *from, uint32_t *travel_ms, uint32_t *length_dm)
{
    const struct geo_metric *metric = to->metric;
    struct geo_link starts[GEO_LINKS_MAX];
    if (!geo_has_place(metric->map, from)) {
        if (travel_ms) *travel_ms = GEO_UNREACHABLE;
        if (length_dm) *length_dm = GEO_UNREACHABLE;
        return;
    }
    uint32_t direct, count = geo_links_from(&metric->map->net, &metric->times, geo_place_of(from), starts);
    geo_weight best = geo_direct(&metric->map->net, &metric->times, geo_place_of(from), to->stop, &direct);
    for (uint32_t i = 0; i < count; i++) {
        geo_weight rest = to->from_node[starts[i].node];
        if (rest != GEO_WEIGHT_NONE && rest + starts[i].weight < best && rest + starts[i].weight < GEO_WEIGHT_END) best = rest + starts[i].weight;
    }
    if (travel_ms) *travel_ms = geo_weight_ms(best);
    if (length_dm) *length_dm = geo_weight_dm(best);
}

void geo_label_pair(const struct geo_label *from, const struct geo_label *to, uint32_t *travel_ms, uint32_t *length_dm)
{
    if (from->metric == to->metric) {
        geo_label_from(to, &(struct geo_snap){.arc = from->stop.arc, .offset = from->stop.offset}, travel_ms, length_dm);
        return;
    }
    if (travel_ms) *travel_ms = GEO_UNREACHABLE;
    if (length_dm) *length_dm = GEO_UNREACHABLE;
}
