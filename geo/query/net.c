/* Adjacency both ways and the copies of arcs, by counting sort. */
#include "geo_query/geo_query.h"

#include <stdlib.h>
#include <string.h>

static uint32_t *numbers(uint64_t count)
{
    return calloc(count ? count : 1, sizeof(uint32_t));
}

/* first[key]..first[key + 1] of items, for key(a) over all arcs a. */
static void group(const struct geo_graph *graph, uint32_t keys, uint32_t *first, uint32_t *items, bool by_head)
{
    for (uint32_t a = 0; a < graph->arc_count; a++) first[(by_head ? graph->arcs[a].head : graph->arcs[a].twin) + 1]++;
    for (uint32_t k = 0; k < keys; k++) first[k + 1] += first[k];
    /* from the last arc to the first, each taking the last free place of its group: first[key + 1] ends as the group's first place ... */
    for (uint32_t a = graph->arc_count; a-- > 0;) items[--first[(by_head ? graph->arcs[a].head : graph->arcs[a].twin) + 1]] = a;
    memmove(first, first + 1, (uint64_t)keys * sizeof *first); /* ... and so moves down by one */
    first[keys] = graph->arc_count;
}

/* The file's checksum says that it is as it was written; this keeps searches inside their arrays even if it was written wrongly. */
static bool is_arc_in_bounds(const struct geo_graph *graph, uint32_t a)
{
    const struct geo_arc *arc = &graph->arcs[a];
    if (arc->tail >= graph->node_count || arc->head >= graph->node_count || (a > 0 && arc->tail < graph->arcs[a - 1].tail)) return false;
    if (arc->travel_ms == 0 || arc->travel_ms >= GEO_FINITE_MAX) return false;
    if (arc->reverse != GEO_NONE && arc->reverse >= graph->arc_count) return false;
    if (arc->twin >= graph->arc_count || graph->arcs[arc->twin].twin != arc->twin) return false;
    if (arc->shape_count < 2 || arc->shape_first > graph->shape_count || arc->shape_count > graph->shape_count - arc->shape_first) return false;
    return arc->name < graph->name_bytes;
}

static enum geo_status check_bounds(const struct geo_graph *graph, struct geo_error *error)
{
    for (uint32_t a = 0; a < graph->arc_count; a++)
        if (!is_arc_in_bounds(graph, a)) return geo_error_set(error, GEO_INVALID, "arc %u of the map is out of bounds", a);
    if (graph->names[graph->name_bytes - 1] != 0) return geo_error_set(error, GEO_INVALID, "the map's names are not terminated");
    return GEO_OK;
}

/* GEO_LINKS_MAX must hold every copy of a road in both directions. */
static enum geo_status check_copies(const struct geo_net *net, struct geo_error *error)
{
    for (uint32_t a = 0; a < net->graph->arc_count; a++)
        if (net->copy_first[a + 1] - net->copy_first[a] > GEO_LINKS_MAX / 2)
            return geo_error_set(error, GEO_LIMIT, "arc %u of the map has more than %d copies", a, GEO_LINKS_MAX / 2);
    return GEO_OK;
}

enum geo_status geo_net_init(struct geo_net *net, const struct geo_graph *graph, struct geo_error *error)
{
    *net = (struct geo_net){.graph = graph};
    enum geo_status rc = check_bounds(graph, error);
    if (rc != GEO_OK) return rc;
    net->out_first = numbers((uint64_t)graph->node_count + 1);
    net->heads = numbers(graph->arc_count);
    net->in_first = numbers((uint64_t)graph->node_count + 1);
    net->in_arcs = numbers(graph->arc_count);
    net->copy_first = numbers((uint64_t)graph->arc_count + 1);
    net->copies = numbers(graph->arc_count);
    if (!net->out_first || !net->heads || !net->in_first || !net->in_arcs || !net->copy_first || !net->copies) {
        geo_net_deinit(net);
        return geo_error_set(error, GEO_NO_MEMORY, "no memory for %u arcs", graph->arc_count);
    }
    for (uint32_t a = 0; a < graph->arc_count; a++) {
        net->heads[a] = graph->arcs[a].head;
        net->out_first[graph->arcs[a].tail + 1]++;
    }
    for (uint32_t n = 0; n < graph->node_count; n++) net->out_first[n + 1] += net->out_first[n];
    group(graph, graph->node_count, net->in_first, net->in_arcs, true);
    group(graph, graph->arc_count, net->copy_first, net->copies, false);
    rc = check_copies(net, error);
    if (rc != GEO_OK) geo_net_deinit(net);
    return rc;
}

void geo_net_deinit(struct geo_net *net)
{
    free(net->out_first);
    free(net->heads);
    free(net->in_first);
    free(net->in_arcs);
    free(net->copy_first);
    free(net->copies);
    *net = (struct geo_net){0};
}
