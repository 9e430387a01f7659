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
    uint32_t *at = malloc((uint64_t)keys * sizeof *at + 4);
    if (!at) abort(); /* a few kilobytes after the map itself was had */
    memcpy(at, first, (uint64_t)keys * sizeof *at);
    for (uint32_t a = 0; a < graph->arc_count; a++) items[at[by_head ? graph->arcs[a].head : graph->arcs[a].twin]++] = a;
    free(at);
}

enum geo_status geo_net_init(struct geo_net *net, const struct geo_graph *graph, struct geo_error *error)
{
    *net = (struct geo_net){.graph = graph};
    net->out_first = numbers((uint64_t)graph->node_count + 1);
    net->in_first = numbers((uint64_t)graph->node_count + 1);
    net->in_arcs = numbers(graph->arc_count);
    net->copy_first = numbers((uint64_t)graph->arc_count + 1);
    net->copies = numbers(graph->arc_count);
    if (!net->out_first || !net->in_first || !net->in_arcs || !net->copy_first || !net->copies) {
        geo_net_deinit(net);
        return geo_error_set(error, GEO_NO_MEMORY, "no memory for %u arcs", graph->arc_count);
    }
    /* the file's checksum says it is as it was written; these bounds keep searches inside even if it was written wrongly */
    for (uint32_t a = 0; a < graph->arc_count; a++) {
        const struct geo_arc *arc = &graph->arcs[a];
        if (arc->tail >= graph->node_count || arc->head >= graph->node_count || arc->twin >= graph->arc_count ||
            (arc->reverse != GEO_NONE && arc->reverse >= graph->arc_count) || arc->travel_ms == 0 || arc->travel_ms >= GEO_FINITE_MAX ||
            arc->shape_count < 2 || arc->shape_first > graph->shape_count || arc->shape_count > graph->shape_count - arc->shape_first ||
            arc->name >= graph->name_bytes || (a > 0 && arc->tail < graph->arcs[a - 1].tail)) {
            geo_net_deinit(net);
            return geo_error_set(error, GEO_INVALID, "arc %u of the map is out of bounds", a);
        }
        net->out_first[arc->tail + 1]++;
    }
    if (graph->names[graph->name_bytes - 1] != 0) {
        geo_net_deinit(net);
        return geo_error_set(error, GEO_INVALID, "the map's names are not terminated");
    }
    for (uint32_t n = 0; n < graph->node_count; n++) net->out_first[n + 1] += net->out_first[n];
    group(graph, graph->node_count, net->in_first, net->in_arcs, true);
    group(graph, graph->arc_count, net->copy_first, net->copies, false);
    return GEO_OK;
}

void geo_net_deinit(struct geo_net *net)
{
    free(net->out_first);
    free(net->in_first);
    free(net->in_arcs);
    free(net->copy_first);
    free(net->copies);
    *net = (struct geo_net){0};
}
