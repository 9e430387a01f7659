/* Maps and metrics: opened once, shared by threads, freed by the last who lets go. */
#include "map.h"
#include "geo_order/geo_order.h"
#include "geo_snap/geo_snap.h"

#include <stdlib.h>

/* The ends of the arcs as two arrays; heads is NULL if there is no memory. */
static uint32_t *ends_new(const struct geo_graph *graph, uint32_t **heads)
{
    uint32_t *tails = malloc((uint64_t)graph->arc_count * 2 * sizeof *tails);
    *heads = tails ? tails + graph->arc_count : NULL;
    for (uint32_t a = 0; tails && a < graph->arc_count; a++) {
        tails[a] = graph->arcs[a].tail;
        (*heads)[a] = graph->arcs[a].head;
    }
    return tails;
}

static enum geo_status hierarchy_build(const struct geo_graph *graph, struct geo_cch *out, struct geo_error *error)
{
    uint32_t *heads, *tails = ends_new(graph, &heads), *order = malloc(((uint64_t)graph->node_count + 1) * sizeof *order);
    enum geo_status rc = tails && order ? GEO_OK : geo_error_set(error, GEO_NO_MEMORY, "no memory for the order of %u nodes", graph->node_count);
    if (rc == GEO_OK) rc = geo_order_find(graph->node_count, tails, heads, graph->arc_count, order, error);
    if (rc == GEO_OK) rc = geo_cch_build(graph->node_count, tails, heads, graph->arc_count, order, out, error);
    free(tails);
    free(order);
    return rc;
}

enum geo_status geo_map_write(const struct geo_graph *graph, const char *path, struct geo_error *error)
{
    struct geo_tree_leaf *leaves;
    struct geo_tree_box *boxes;
    uint32_t leaf_count, box_count;
    struct geo_cch cch = {0};
    enum geo_status rc = geo_graph_check(graph, error);
    if (rc != GEO_OK) return rc;
    rc = geo_snap_build(graph, &leaves, &leaf_count, &boxes, &box_count, error);
    if (rc != GEO_OK) return rc;
    rc = hierarchy_build(graph, &cch, error);
    if (rc == GEO_OK) {
        struct geo_file_hierarchy hierarchy = {cch.arc_count, cch.rank, cch.up_first, cch.up_head, cch.place};
        rc = geo_file_write(graph, leaves, leaf_count, boxes, box_count, &hierarchy, path, error);
    }
    geo_cch_deinit(&cch);
    free(leaves);
    free(boxes);
    return rc;
}

/* The arrays stay in the file; what is worked out from them is ours. */
static enum geo_status hierarchy_attach(struct geo_map *map, struct geo_error *error)
{
    const struct geo_graph *graph = &map->file.graph;
    const struct geo_file_hierarchy *file = &map->file.hierarchy;
    uint32_t *heads, *tails = ends_new(graph, &heads);
    if (!tails) return geo_error_set(error, GEO_NO_MEMORY, "no memory for %u arcs", graph->arc_count);
    map->cch = (struct geo_cch){.node_count = graph->node_count, .arc_count = file->arc_count, .input_count = graph->arc_count,
                                .rank = (uint32_t *)(uintptr_t)file->rank, .up_first = (uint32_t *)(uintptr_t)file->up_first,
                                .up_head = (uint32_t *)(uintptr_t)file->up_head, .place = (uint32_t *)(uintptr_t)file->place};
    enum geo_status rc = geo_cch_attach(&map->cch, tails, heads, error);
    free(tails);
    return rc;
}

enum geo_status geo_map_open(const char *path, struct geo_map **out, struct geo_error *error)
{
    struct geo_map *map = calloc(1, sizeof *map);
    if (!map) return geo_error_set(error, GEO_NO_MEMORY, "no memory");
    map->references = 1;
    enum geo_status rc = geo_file_open(path, &map->file, error);
    if (rc == GEO_OK) rc = geo_net_init(&map->net, &map->file.graph, error);
    if (rc == GEO_OK) rc = hierarchy_attach(map, error);
    /* searches of the snap index read arcs by its leaves' numbers */
    for (uint32_t i = 0; rc == GEO_OK && i < map->file.leaf_count; i++)
        if (map->file.leaves[i].arc >= map->file.graph.arc_count) rc = geo_error_set(error, GEO_INVALID, "the snap index names arc %u, which is not there", map->file.leaves[i].arc);
    for (uint32_t i = 0; rc == GEO_OK && i < map->file.graph.piece_count; i++)
        if (map->file.graph.pieces[i].arc >= map->file.graph.arc_count) rc = geo_error_set(error, GEO_INVALID, "piece %u of a way names arc %u, which is not there", i, map->file.graph.pieces[i].arc);
    if (rc != GEO_OK) {
        geo_map_unref(map);
        return rc;
    }
    *out = map;
    return GEO_OK;
}

enum geo_status geo_map_check(const char *path, struct geo_error *error)
{
    struct geo_map *map;
    enum geo_status rc = geo_map_open(path, &map, error);
    if (rc != GEO_OK) return rc;
    rc = geo_file_check(&map->file, error);
    if (rc == GEO_OK) rc = geo_snap_check(&map->file, error);
    geo_map_unref(map);
    return rc;
}

struct geo_map *geo_map_ref(struct geo_map *map)
{
    __atomic_add_fetch(&map->references, 1, __ATOMIC_RELAXED);
    return map;
}

void geo_map_unref(struct geo_map *map)
{
    if (!map || __atomic_sub_fetch(&map->references, 1, __ATOMIC_ACQ_REL) > 0) return;
    geo_cch_deinit(&map->cch);
    geo_net_deinit(&map->net);
    geo_file_close(&map->file);
    free(map);
}

const struct geo_graph *geo_map_graph(const struct geo_map *map)
{
    return &map->file.graph;
}

void geo_map_info(const struct geo_map *map, struct geo_map_info *out)
{
    const struct geo_graph *graph = &map->file.graph;
    const struct geo_tree_box *root = &map->file.boxes[map->file.box_count - 1];
    *out = (struct geo_map_info){
        .profile = graph->profile, .version = GEO_MAP_VERSION, .node_count = graph->node_count, .arc_count = graph->arc_count, .shape_count = graph->shape_count,
        .south_west = root->low, .north_east = root->high, .bytes = map->file.size, .stats = graph->stats};
    for (uint32_t a = 0; a < graph->arc_count; a++) out->snappable_count += graph->arcs[a].snappable;
}

/* ---- scratch ---- */

static bool label_init(struct cch_label *label, const struct geo_cch *cch)
{
    size_t size = cch_label_room(cch);
    label->arms = malloc(CCH_SEEDS_MAX * sizeof *label->arms);
    label->ranks = malloc(size * sizeof *label->ranks);
    label->weights = malloc(size * sizeof *label->weights);
    return label->arms && label->ranks && label->weights;
}

struct geo_scratch *geo_scratch_new(const struct geo_map *map)
{
    struct geo_scratch *scratch = calloc(1, sizeof *scratch);
    if (!scratch) return NULL;
    scratch->node_count = map->cch.node_count;
    scratch->trace = cch_trace_new(&map->cch);
    scratch->sweep = cch_sweep_new(&map->cch);
    scratch->pull = cch_pull_new(&map->cch);
    scratch->by_node = malloc(((uint64_t)map->cch.node_count + 1) * sizeof *scratch->by_node);
    if (scratch->trace && scratch->sweep && scratch->pull && scratch->by_node && label_init(&scratch->labels[0], &map->cch) && label_init(&scratch->labels[1], &map->cch)) return scratch;
    geo_scratch_free(scratch);
    return NULL;
}

void geo_scratch_free(struct geo_scratch *scratch)
{
    if (!scratch) return;
    for (int i = 0; i < 2; i++) {
        free(scratch->labels[i].arms);
        free(scratch->labels[i].ranks);
        free(scratch->labels[i].weights);
    }
    cch_trace_free(scratch->trace);
    cch_sweep_free(scratch->sweep);
    cch_pull_free(scratch->pull);
    free(scratch->by_node);
    free(scratch->sources.first);
    free(scratch->sources.seeds);
    free(scratch->targets.first);
    free(scratch->targets.seeds);
    free(scratch->roads);
    free(scratch);
}
