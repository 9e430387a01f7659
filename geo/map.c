/* Maps and metrics: opened once, shared by threads, freed by the last who lets go. */
#include "map.h"
#include "geo_snap/geo_snap.h"

#include <stdlib.h>

enum geo_status geo_map_write(const struct geo_graph *graph, const char *path, struct geo_error *error)
{
    struct geo_tree_leaf *leaves;
    struct geo_tree_box *boxes;
    uint32_t leaf_count, box_count;
    enum geo_status rc = geo_graph_check(graph, error);
    if (rc != GEO_OK) return rc;
    rc = geo_snap_build(graph, &leaves, &leaf_count, &boxes, &box_count, error);
    if (rc != GEO_OK) return rc;
    rc = geo_file_write(graph, leaves, leaf_count, boxes, box_count, path, error);
    free(leaves);
    free(boxes);
    return rc;
}

enum geo_status geo_map_open(const char *path, struct geo_map **out, struct geo_error *error)
{
    struct geo_map *map = calloc(1, sizeof *map);
    if (!map) return geo_error_set(error, GEO_NO_MEMORY, "no memory");
    map->references = 1;
    enum geo_status rc = geo_file_open(path, &map->file, error);
    if (rc == GEO_OK) rc = geo_net_init(&map->net, &map->file.graph, error);
    /* searches of the snap index read arcs by its leaves' numbers */
    for (uint32_t i = 0; rc == GEO_OK && i < map->file.leaf_count; i++)
        if (map->file.leaves[i].arc >= map->file.graph.arc_count) rc = geo_error_set(error, GEO_INVALID, "the snap index names arc %u, which is not there", map->file.leaves[i].arc);
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

struct geo_scratch *geo_scratch_new(const struct geo_map *map)
{
    struct geo_scratch *scratch = calloc(1, sizeof *scratch);
    if (!scratch) return NULL;
    scratch->marks = calloc(map->file.graph.node_count, 1);
    if (scratch->marks && geo_search_init(&scratch->search, &map->net) == GEO_OK) return scratch;
    geo_scratch_free(scratch);
    return NULL;
}

void geo_scratch_free(struct geo_scratch *scratch)
{
    if (!scratch) return;
    geo_search_deinit(&scratch->search);
    free(scratch->marks);
    free(scratch);
}
