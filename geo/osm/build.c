/* The way from a file to a graph: two passes over the bytes, roads, turns, splitting, the largest part, and the arrays in their final order. */
#include "osm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static enum geo_status pass_run(const uint8_t *bytes, size_t size, enum osm_pass pass, struct osm_data *data, struct geo_error *error)
{
    if (osm_pbf_is(bytes, size)) return osm_pbf_read(bytes, size, pass, data, error);
    if (osm_xml_is(bytes, size)) return osm_xml_read(bytes, size, pass, data, error);
    return geo_error_set(error, GEO_INVALID, "neither .osm.pbf nor .osm XML (%zu bytes)", size);
}

/* ---- assembly ---- */

struct assembly {
    const struct osm_roads *roads;
    const struct osm_costs *costs;
    const struct osm_split *split;
    uint8_t *keep;              /* by split node */
    uint32_t *number;           /* split node -> node of the graph */
    uint32_t *standing;         /* road -> the arc that stands for its copies */
    uint32_t *shape_at;         /* road -> its shape's new place */
    struct osm_split_arc *arc;  /* kept, in final order, with final nodes */
    uint32_t arc_count;
};

static int arc_compare(const void *a, const void *b)
{
    const struct osm_split_arc *left = a, *right = b;
    if (left->tail != right->tail) return left->tail < right->tail ? -1 : 1;
    if (left->head != right->head) return left->head < right->head ? -1 : 1;
    return (left->road > right->road) - (left->road < right->road);
}

/* The plain node's arc stands for the copies; where the plain node cannot be reached (every way in is restricted), the first copy. */
static void standings_find(struct assembly *assembly)
{
    memset(assembly->standing, 0xff, ((size_t)assembly->roads->road_count + 1) * sizeof *assembly->standing);
    uint32_t plain_count = 0; /* numbers ascend with split nodes, so plain nodes have the lowest */
    for (uint32_t i = 0; i < assembly->split->plain_count; i++) plain_count += assembly->keep[i];
    for (uint32_t i = 0; i < assembly->arc_count; i++) {
        uint32_t *standing = &assembly->standing[assembly->arc[i].road];
        if (*standing == GEO_NONE || (assembly->arc[i].tail < plain_count && assembly->arc[*standing].tail >= plain_count)) *standing = i;
    }
}

static enum geo_status assembly_prepare(struct assembly *assembly, struct geo_graph *graph)
{
    const struct osm_split *split = assembly->split;
    size_t roads = (size_t)assembly->roads->road_count + 1;
    assembly->keep = calloc((size_t)split->node_count + 1, 1);
    assembly->number = malloc(((size_t)split->node_count + 1) * sizeof *assembly->number);
    assembly->standing = malloc(roads * sizeof *assembly->standing);
    assembly->shape_at = malloc(roads * sizeof *assembly->shape_at);
    assembly->arc = malloc(((size_t)split->arc_count + 1) * sizeof *assembly->arc);
    if (!assembly->keep || !assembly->number || !assembly->standing || !assembly->shape_at || !assembly->arc) return GEO_NO_MEMORY;
    enum geo_status rc = osm_parts_largest(split, assembly->keep);
    if (rc != GEO_OK) return rc;
    for (uint32_t i = 0; i < split->node_count; i++) assembly->number[i] = assembly->keep[i] ? graph->node_count++ : GEO_NONE;
    for (uint32_t i = 0; i < split->arc_count; i++) {
        struct osm_split_arc arc = split->arc[i];
        if (!assembly->keep[arc.tail] || !assembly->keep[arc.head]) continue;
        assembly->arc[assembly->arc_count++] = (struct osm_split_arc){assembly->number[arc.tail], assembly->number[arc.head], arc.road, arc.turn_ms};
    }
    qsort(assembly->arc, assembly->arc_count, sizeof *assembly->arc, arc_compare);
    standings_find(assembly);
    return GEO_OK;
}

/* Shapes of kept roads, each once for both directions. */
static enum geo_status shapes_fill(struct assembly *assembly, struct geo_graph *graph)
{
    const struct osm_roads *roads = assembly->roads;
    graph->shape = malloc(((size_t)roads->shape_count + 1) * sizeof *graph->shape);
    if (!graph->shape) return GEO_NO_MEMORY;
    for (uint32_t i = 0; i < roads->road_count; i++) assembly->shape_at[i] = GEO_NONE;
    for (uint32_t i = 0; i < roads->road_count; i++) {
        const struct geo_arc *arc = &roads->road[i].arc;
        if (assembly->standing[i] == GEO_NONE || assembly->shape_at[i] != GEO_NONE) continue;
        assembly->shape_at[i] = graph->shape_count;
        if (arc->reverse != GEO_NONE) assembly->shape_at[arc->reverse] = graph->shape_count;
        memcpy(graph->shape + graph->shape_count, roads->shape + arc->shape_first, arc->shape_count * sizeof *graph->shape);
        graph->shape_count += arc->shape_count;
    }
    return GEO_OK;
}

static int piece_compare(const void *a, const void *b)
{
    const struct geo_piece *left = a, *right = b;
    if (left->way != right->way) return left->way < right->way ? -1 : 1;
    return (left->arc > right->arc) - (left->arc < right->arc);
}

/* The ways of kept roads, each once a road. */
static enum geo_status pieces_fill(const struct assembly *assembly, const struct osm_data *data, struct geo_graph *graph)
{
    const struct osm_roads *roads = assembly->roads;
    uint32_t count = 0;
    graph->pieces = malloc((roads->piece_count + 1) * sizeof *graph->pieces);
    if (!graph->pieces) return GEO_NO_MEMORY;
    for (size_t i = 0; i < roads->piece_count; i++) {
        struct osm_piece piece = roads->piece[i];
        uint32_t arc = assembly->standing[piece.road];
        int64_t way = data->ways[piece.way].id;
        if (arc != GEO_NONE && way != graph->arcs[arc].way) graph->pieces[count++] = (struct geo_piece){way, arc, 0};
    }
    if (count) qsort(graph->pieces, count, sizeof *graph->pieces, piece_compare);
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || piece_compare(&graph->pieces[i - 1], &graph->pieces[i]) != 0) graph->pieces[graph->piece_count++] = graph->pieces[i];
    return GEO_OK;
}

static enum geo_status graph_fill(struct assembly *assembly, struct osm_data *data, struct geo_graph *graph)
{
    const struct osm_roads *roads = assembly->roads;
    enum geo_status rc = assembly_prepare(assembly, graph);
    if (rc == GEO_OK) rc = shapes_fill(assembly, graph);
    if (rc != GEO_OK) return rc;
    graph->nodes = malloc(((size_t)graph->node_count + 1) * sizeof *graph->nodes);
    graph->arcs = malloc(((size_t)assembly->arc_count + 1) * sizeof *graph->arcs);
    if (!graph->nodes || !graph->arcs) return GEO_NO_MEMORY;
    for (uint32_t i = 0; i < assembly->split->node_count; i++)
        if (assembly->keep[i]) graph->nodes[assembly->number[i]] = roads->points[assembly->split->node[i]];
    for (uint32_t i = 0; i < assembly->arc_count; i++) {
        const struct osm_split_arc *from = &assembly->arc[i];
        struct geo_arc arc = roads->road[from->road].arc;
        arc.tail = from->tail;
        arc.head = from->head;
        arc.turn_ms = from->turn_ms;
        arc.travel_ms = arc.travel_ms - arc.wait_ms + assembly->costs->wait_ms[from->road];
        arc.wait_ms = assembly->costs->wait_ms[from->road];
        arc.shape_first = assembly->shape_at[from->road];
        arc.twin = assembly->standing[from->road];
        if (arc.twin != i) arc.snappable = 0;
        if (arc.reverse != GEO_NONE) arc.reverse = assembly->standing[arc.reverse];
        graph->arcs[i] = arc;
    }
    graph->arc_count = assembly->arc_count;
    rc = pieces_fill(assembly, data, graph);
    if (rc != GEO_OK) return rc;
    graph->names = data->names; /* moves to the graph */
    graph->name_bytes = (uint32_t)data->name_bytes;
    data->names = NULL;
    data->stats.nodes_before = roads->node_count;
    data->stats.arcs_before = roads->road_count;
    data->stats.junctions_charged = assembly->costs->junctions_charged;
    data->stats.nodes_restricted = assembly->split->node_count - assembly->split->plain_count;
    data->stats.nodes_dropped = assembly->split->node_count - graph->node_count;
    graph->stats = data->stats;
    return GEO_OK;
}

static enum geo_status graph_assemble(const struct osm_roads *roads, const struct osm_costs *costs, const struct osm_split *split, struct osm_data *data, struct geo_graph **out,
                                      struct geo_error *error)
{
    struct assembly assembly = {.roads = roads, .costs = costs, .split = split};
    struct geo_graph *graph = calloc(1, sizeof *graph);
    enum geo_status rc = graph ? GEO_OK : GEO_NO_MEMORY;
    if (rc == GEO_OK) {
        graph->profile = data->options.profile;
        rc = graph_fill(&assembly, data, graph);
    }
    if (rc == GEO_OK && graph->arc_count == 0) rc = geo_error_set(error, GEO_INVALID, "no two roads of the profile connect");
    free(assembly.keep);
    free(assembly.number);
    free(assembly.standing);
    free(assembly.shape_at);
    free(assembly.arc);
    if (rc == GEO_OK) {
        *out = graph;
        return GEO_OK;
    }
    geo_graph_free(graph);
    return rc;
}

static enum geo_status roads_to_graph(struct osm_data *data, struct geo_graph **out, struct geo_error *error)
{
    struct osm_roads roads = {0};
    struct osm_turns turns = {0};
    struct osm_costs costs = {0};
    struct osm_split split = {0};
    enum geo_status rc = osm_roads_build(data, &roads, error);
    if (rc == GEO_OK && roads.road_count == 0) rc = geo_error_set(error, GEO_INVALID, "the roads' nodes are not in the file");
    if (rc == GEO_OK) rc = osm_turns_find(data, &roads, &turns);
    if (rc == GEO_LIMIT && turns.end_count) (void)geo_error_set(error, rc, "too many turn restrictions");
    if (rc == GEO_OK) rc = osm_costs_find(&data->options, &roads, &turns, &costs);
    if (rc == GEO_OK) rc = osm_split_build(&data->options, &roads, &turns, &costs, &split, error);
    if (rc == GEO_OK) rc = graph_assemble(&roads, &costs, &split, data, out, error);
    osm_split_deinit(&split);
    osm_costs_deinit(&costs);
    osm_turns_deinit(&turns);
    osm_roads_deinit(&roads);
    return rc;
}

enum geo_status geo_osm_build_bytes(const uint8_t *bytes, size_t size, const struct geo_osm_options *options, struct geo_graph **out,
                                    struct geo_error *error)
{
    struct geo_osm_options defaults = geo_osm_options_default(GEO_EBIKE);
    struct osm_data data = {0};
    struct geo_error own = {.text = ""};
    if (!error) error = &own;
    error->text[0] = 0;
    *out = NULL;
    if (options && (unsigned)options->profile >= GEO_PROFILE_COUNT) return geo_error_set(error, GEO_INVALID, "unknown profile");
    enum geo_status rc = osm_collect_init(&data, options ? options : &defaults);
    if (rc == GEO_OK) rc = pass_run(bytes, size, OSM_PASS_ROADS, &data, error);
    if (rc == GEO_OK) rc = osm_collect_ids(&data, error);
    if (rc == GEO_OK) rc = pass_run(bytes, size, OSM_PASS_NODES, &data, error);
    if (rc == GEO_OK) rc = roads_to_graph(&data, out, error);
    if (rc == GEO_OK) rc = geo_graph_check(*out, error);
    if (rc == GEO_NO_MEMORY) (void)geo_error_set(error, rc, "out of memory");
    osm_data_deinit(&data);
    if (rc == GEO_OK) return GEO_OK;
    geo_graph_free(*out);
    *out = NULL;
    return rc;
}

enum geo_status geo_osm_build(const char *path, const struct geo_osm_options *options, struct geo_graph **out, struct geo_error *error)
{
    struct stat info;
    *out = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return geo_error_set(error, GEO_IO, "%s: %s", path, strerror(errno));
    enum geo_status rc = GEO_OK;
    if (fstat(fd, &info) != 0) rc = geo_error_set(error, GEO_IO, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(info.st_mode)) rc = geo_error_set(error, GEO_INVALID, "%s: not a file", path);
    else if (info.st_size == 0) rc = geo_error_set(error, GEO_INVALID, "%s: empty", path);
    if (rc == GEO_OK) {
        size_t size = (size_t)info.st_size;
        void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes == MAP_FAILED) {
            rc = geo_error_set(error, GEO_IO, "%s: %s", path, strerror(errno));
        } else {
            (void)madvise(bytes, size, MADV_SEQUENTIAL);
            rc = geo_osm_build_bytes(bytes, size, options, out, error);
            (void)munmap(bytes, size);
        }
    }
    (void)close(fd);
    return rc;
}
