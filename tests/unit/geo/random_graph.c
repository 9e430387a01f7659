/* Random cities for tests. Knows the contract of geo_graph.h and nothing of how queries work. */
#include "random_graph.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARCS_MAX = 4096, SHAPE_MAX = 16384, NODES_MAX = 2048 };

uint32_t random_below(uint64_t *state, uint32_t bound)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ (z >> 31)) % bound);
}

static struct geo_point random_point(uint64_t *state)
{
    return (struct geo_point){399000000 + (int32_t)random_below(state, 200000), 1164000000 + (int32_t)random_below(state, 200000)};
}

/* The name's offset: three streets and the nameless. */
static uint32_t random_name(uint64_t *state)
{
    static const uint32_t OFFSETS[] = {0, 1, 3, 5};
    return OFFSETS[random_below(state, 4)];
}

static struct geo_arc random_arc(uint64_t *state, uint32_t tail, uint32_t head, uint32_t index)
{
    /* few different times, so that equally fast ways of different length are common */
    struct geo_arc arc = {.tail = tail, .head = head, .travel_ms = 1 + random_below(state, 8) * (random_below(state, 3) ? 1 : 500), .length_dm = random_below(state, 3000),
                            .reverse = GEO_NONE, .snappable = 1, .twin = index, .road_class = GEO_CLASS_RESIDENTIAL, .way = index};
    if (random_below(state, 3) == 0) arc.wait_ms = random_below(state, arc.travel_ms + 1);
    return arc;
}

static void add_road(struct geo_graph *graph, uint64_t *state, uint32_t tail, uint32_t head)
{
    uint32_t first = graph->shape_count, a = graph->arc_count++, inner = random_below(state, 4), name = random_name(state);
    graph->shape[graph->shape_count++] = graph->nodes[tail];
    for (uint32_t i = 0; i < inner; i++) graph->shape[graph->shape_count++] = random_point(state);
    graph->shape[graph->shape_count++] = graph->nodes[head];
    graph->arcs[a] = random_arc(state, tail, head, a);
    graph->arcs[a].shape_first = first;
    graph->arcs[a].shape_count = inner + 2;
    graph->arcs[a].name = name;
    if (random_below(state, 3) == 0) { /* drawn against its direction */
        graph->arcs[a].reversed = 1;
        for (uint32_t i = 0; i < (inner + 2) / 2; i++) {
            struct geo_point swap = graph->shape[first + i];
            graph->shape[first + i] = graph->shape[first + inner + 1 - i];
            graph->shape[first + inner + 1 - i] = swap;
        }
    }
    if (random_below(state, 3) == 0) return;
    uint32_t b = graph->arc_count++;
    graph->arcs[b] = random_arc(state, head, tail, b);
    graph->arcs[b].shape_first = first;
    graph->arcs[b].shape_count = inner + 2;
    graph->arcs[b].name = name;
    graph->arcs[b].reversed = !graph->arcs[a].reversed;
    graph->arcs[a].reverse = b;
    graph->arcs[b].reverse = a;
}

/* As a turn restriction splits: one arc into `node` is led to a second node at the same place, from which only some ways go on. */
static void split(struct geo_graph *graph, uint64_t *state, uint32_t node)
{
    uint32_t arc_count = graph->arc_count, entering = GEO_NONE;
    for (uint32_t a = 0; a < arc_count; a++)
        if (graph->arcs[a].head == node && (entering == GEO_NONE || random_below(state, 2))) entering = a;
    if (entering == GEO_NONE) return;
    uint32_t copy = graph->node_count++;
    graph->nodes[copy] = graph->nodes[node];
    graph->arcs[entering].head = copy;
    for (uint32_t a = 0; a < arc_count; a++) {
        if (graph->arcs[a].tail != node || random_below(state, 4) == 0) continue;
        uint32_t b = graph->arc_count++;
        graph->arcs[b] = graph->arcs[a];
        graph->arcs[b].tail = copy;
        graph->arcs[b].snappable = 0;
        graph->arcs[b].turn_ms = random_below(state, 3) ? 0 : random_below(state, 50);
        if (random_below(state, 2)) graph->arcs[b].reverse = GEO_NONE; /* what holds is said of the one that stands for all */
    }
}

static const struct geo_graph *sorting; /* qsort has no argument for it; tests are single-threaded */
static int by_ends(const void *left, const void *right)
{
    const struct geo_arc *a = &sorting->arcs[*(const uint32_t *)left], *b = &sorting->arcs[*(const uint32_t *)right];
    if (a->tail != b->tail) return a->tail < b->tail ? -1 : 1;
    if (a->head != b->head) return a->head < b->head ? -1 : 1;
    return a < b ? -1 : 1;
}

static void sort_arcs(struct geo_graph *graph)
{
    uint32_t *order = calloc(ARCS_MAX, sizeof *order), *place = calloc(ARCS_MAX, sizeof *place);
    struct geo_arc *arcs = calloc(ARCS_MAX, sizeof *arcs);
    for (uint32_t i = 0; i < graph->arc_count; i++) order[i] = i;
    sorting = graph;
    qsort(order, graph->arc_count, sizeof *order, by_ends);
    for (uint32_t i = 0; i < graph->arc_count; i++) place[order[i]] = i;
    for (uint32_t i = 0; i < graph->arc_count; i++) {
        arcs[i] = graph->arcs[order[i]];
        arcs[i].twin = place[arcs[i].twin];
        if (arcs[i].reverse != GEO_NONE) arcs[i].reverse = place[arcs[i].reverse];
    }
    free(graph->arcs);
    graph->arcs = arcs;
    free(order);
    free(place);
}

struct geo_graph *random_graph(uint64_t seed, uint32_t nodes, uint32_t roads, uint32_t splits)
{
    static const char NAMES[] = "\0A\0B\0C"; /* with its own zero: "", A, B, C */
    uint64_t state = seed * 7919 + 1;
    struct geo_graph *graph = calloc(1, sizeof *graph);
    graph->profile = GEO_EBIKE;
    graph->nodes = calloc(NODES_MAX, sizeof *graph->nodes);
    graph->arcs = calloc(ARCS_MAX, sizeof *graph->arcs);
    graph->shape = calloc(SHAPE_MAX, sizeof *graph->shape);
    graph->names = malloc(sizeof NAMES);
    memcpy(graph->names, NAMES, sizeof NAMES);
    graph->name_bytes = sizeof NAMES;
    graph->node_count = nodes;
    for (uint32_t i = 0; i < nodes; i++) graph->nodes[i] = random_point(&state);
    for (uint32_t i = 0; i < roads; i++) add_road(graph, &state, random_below(&state, nodes), random_below(&state, nodes));
    for (uint32_t i = 0; i < splits; i++) split(graph, &state, random_below(&state, graph->node_count));
    assert(graph->arc_count <= ARCS_MAX && graph->node_count <= NODES_MAX && graph->shape_count <= SHAPE_MAX);
    sort_arcs(graph);
    return graph;
}

static struct geo_point point_of(const struct geo_graph *graph, const struct geo_arc *arc, uint32_t i)
{
    return graph->shape[arc->shape_first + (arc->reversed ? arc->shape_count - 1 - i : i)];
}

static double metres(struct geo_point a, struct geo_point b)
{
    return geo_distance_dm(a, b) / 10.0;
}

struct geo_point walk_to(const struct geo_graph *graph, uint32_t a, uint32_t offset)
{
    const struct geo_arc *arc = &graph->arcs[a];
    double whole = 0, walked = 0;
    for (uint32_t i = 1; i < arc->shape_count; i++) whole += metres(point_of(graph, arc, i - 1), point_of(graph, arc, i));
    double wanted = whole * offset / GEO_OFFSET_ONE;
    for (uint32_t i = 1; i < arc->shape_count; i++) {
        struct geo_point from = point_of(graph, arc, i - 1), to = point_of(graph, arc, i);
        double length = metres(from, to);
        if (walked + length >= wanted && length > 0) {
            double share = (wanted - walked) / length;
            return (struct geo_point){from.lat_e7 + (int32_t)lround(share * (to.lat_e7 - from.lat_e7)), from.lon_e7 + (int32_t)lround(share * (to.lon_e7 - from.lon_e7))};
        }
        walked += length;
    }
    return point_of(graph, arc, arc->shape_count - 1);
}

struct geo_snap random_snap(uint64_t *state, const struct geo_graph *graph)
{
    struct geo_snap snap = {.arc = random_below(state, graph->arc_count)};
    uint32_t kind = random_below(state, 6);
    snap.offset = kind == 0 ? 0 : kind == 1 ? GEO_OFFSET_ONE : random_below(state, GEO_OFFSET_ONE + 1);
    snap.at = walk_to(graph, snap.arc, snap.offset);
    return snap;
}

void open_map_init(struct open_map *open, const struct geo_graph *graph)
{
    struct geo_error error = {0};
    snprintf(open->path, sizeof open->path, "/tmp/geo-test-%ld.map", (long)getpid());
    if (geo_map_write(graph, open->path, &error) != GEO_OK || geo_map_open(open->path, &open->map, &error) != GEO_OK ||
        geo_metric_new(open->map, &open->metric, &error) != GEO_OK || !(open->scratch = geo_scratch_new(open->map))) {
        fprintf(stderr, "a random map could not be opened: %s\n", error.text);
        abort();
    }
}

void open_map_deinit(struct open_map *open)
{
    geo_scratch_free(open->scratch);
    geo_metric_unref(open->metric);
    geo_map_unref(open->map);
    unlink(open->path);
}
