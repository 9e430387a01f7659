/* Obeys turn restrictions and charges turns by copying nodes. The forbidden sequences form an Aho-Corasick automaton (Aho, Corasick 1975, sections 2-3) over roads:
 * a copy of a node is a state of it ("came by these roads, a forbidden sequence may be under way"), its root are the plain nodes, one for each
 * class of turn costs. An arc whose
 * road would complete a sequence is left out, so plain Dijkstra over the copies obeys every restriction exactly, via ways and overlaps
 * included, and only nodes that need it are copied. Knows nothing of OSM. */
#include "osm.h"

#include <stdlib.h>
#include <string.h>

struct state {
    uint32_t road;              /* by which the state is entered */
    uint32_t child, sibling;    /* GEO_NONE: none */
    uint32_t fail;              /* the state of the longest proper suffix; GEO_NONE: root */
    uint32_t node;              /* its split node */
    bool forbidden;             /* the end of a sequence */
};
struct automaton {
    const struct geo_osm_options *options;
    const struct osm_roads *roads;
    const struct osm_costs *costs;
    struct state *state;
    size_t count, capacity;
    uint32_t *root_child;       /* by road */
};

static uint32_t child_find(const struct automaton *automaton, uint32_t state, uint32_t road)
{
    if (state == GEO_NONE) return automaton->root_child[road];
    uint32_t child = automaton->state[state].child;
    while (child != GEO_NONE && automaton->state[child].road != road) child = automaton->state[child].sibling;
    return child;
}

static bool sequence_insert(struct automaton *automaton, const uint32_t *sequence, uint32_t length)
{
    uint32_t at = GEO_NONE;
    for (uint32_t i = 0; i < length; i++) {
        uint32_t child = child_find(automaton, at, sequence[i]);
        if (child == GEO_NONE) {
            if (!osm_grow(&automaton->state, &automaton->capacity, automaton->count + 1, sizeof *automaton->state)) return false;
            child = (uint32_t)automaton->count++;
            automaton->state[child] = (struct state){.road = sequence[i], .child = GEO_NONE, .sibling = GEO_NONE, .fail = GEO_NONE, .node = GEO_NONE};
            if (at == GEO_NONE) {
                automaton->root_child[sequence[i]] = child;
            } else {
                automaton->state[child].sibling = automaton->state[at].child;
                automaton->state[at].child = child;
            }
        }
        at = child;
        if (automaton->state[at].forbidden) return true; /* a shorter sequence already forbids it */
    }
    automaton->state[at].forbidden = true;
    return true;
}

/* Breadth first, so that a state's suffix is known before the state's children. */
static bool fails_find(struct automaton *automaton)
{
    uint32_t *queue = malloc((automaton->count + 1) * sizeof *queue);
    if (!queue) return false;
    size_t head = 0, tail = 0;
    for (uint32_t road = 0; road < automaton->roads->road_count; road++)
        if (automaton->root_child[road] != GEO_NONE) queue[tail++] = automaton->root_child[road];
    while (head < tail) {
        uint32_t at = queue[head++];
        for (uint32_t child = automaton->state[at].child; child != GEO_NONE; child = automaton->state[child].sibling) {
            uint32_t suffix = automaton->state[at].fail, found;
            while ((found = child_find(automaton, suffix, automaton->state[child].road)) == GEO_NONE && suffix != GEO_NONE)
                suffix = automaton->state[suffix].fail;
            automaton->state[child].fail = found;
            queue[tail++] = child;
        }
    }
    free(queue);
    return true;
}

/* Where the road leads from the state; false if it would complete a forbidden sequence. */
static bool step(const struct automaton *automaton, uint32_t state, uint32_t road, uint32_t *out)
{
    uint32_t longest = GEO_NONE;
    for (uint32_t at = state;; at = automaton->state[at].fail) {
        uint32_t child = child_find(automaton, at, road);
        if (child != GEO_NONE && automaton->state[child].forbidden) return false;
        if (child != GEO_NONE && longest == GEO_NONE) longest = child;
        if (at == GEO_NONE) break;
    }
    const struct osm_costs *costs = automaton->costs;
    *out = longest == GEO_NONE ? costs->class_first[automaton->roads->road[road].arc.head] + costs->class_of[road] : automaton->state[longest].node;
    return true;
}

static enum geo_status arcs_add(const struct automaton *automaton, struct osm_split *out, uint32_t state, uint32_t split_node, size_t *capacity)
{
    uint32_t node = out->node[split_node];
    for (uint32_t road = automaton->roads->first[node]; road < automaton->roads->first[node + 1]; road++) {
        uint32_t head = 0;
        if (!step(automaton, state, road, &head)) continue;
        if (!osm_grow(&out->arc, capacity, (size_t)out->arc_count + 1, sizeof *out->arc)) return GEO_NO_MEMORY;
        uint32_t turn_ms = state == GEO_NONE ? osm_costs_turn(automaton->costs, automaton->roads, node, split_node, road)
                                             : osm_costs_after(automaton->options, automaton->costs, automaton->roads, automaton->state[state].road, road);
        out->arc[out->arc_count++] = (struct osm_split_arc){split_node, head, road, turn_ms};
    }
    return GEO_OK;
}

static enum geo_status automaton_build(struct automaton *automaton, const struct osm_turns *turns)
{
    const struct osm_roads *roads = automaton->roads;
    automaton->root_child = malloc(((size_t)roads->road_count + 1) * sizeof *automaton->root_child);
    if (!automaton->root_child) return GEO_NO_MEMORY;
    memset(automaton->root_child, 0xff, ((size_t)roads->road_count + 1) * sizeof *automaton->root_child);
    uint32_t begin = 0;
    for (size_t i = 0; i < turns->end_count; i++) {
        if (!sequence_insert(automaton, turns->sequence + begin, turns->end[i] - begin)) return GEO_NO_MEMORY;
        begin = turns->end[i];
    }
    return fails_find(automaton) ? GEO_OK : GEO_NO_MEMORY;
}

static enum geo_status states_place(struct automaton *automaton, struct osm_split *out, struct geo_error *error)
{
    const struct osm_roads *roads = automaton->roads;
    const uint32_t *class_first = automaton->costs->class_first;
    uint64_t nodes = class_first[roads->node_count], arcs = 0;
    out->plain_count = (uint32_t)nodes;
    for (uint32_t node = 0; node < roads->node_count; node++)
        arcs += (uint64_t)(class_first[node + 1] - class_first[node]) * (roads->first[node + 1] - roads->first[node]);
    for (size_t i = 0; i < automaton->count; i++) {
        if (automaton->state[i].forbidden) continue;
        uint32_t node = roads->road[automaton->state[i].road].arc.head;
        automaton->state[i].node = (uint32_t)nodes++;
        arcs += roads->first[node + 1] - roads->first[node];
    }
    if (arcs > (uint64_t)roads->road_count * 8 + (1 << 20) || arcs > UINT32_MAX / 2)
        return geo_error_set(error, GEO_LIMIT, "turn restrictions and costs multiply the roads more than eightfold");
    out->node_count = (uint32_t)nodes;
    out->node = malloc((nodes + 1) * sizeof *out->node);
    if (!out->node) return GEO_NO_MEMORY;
    for (uint32_t i = 0; i < roads->node_count; i++)
        for (uint32_t class = class_first[i]; class < class_first[i + 1]; class++) out->node[class] = i;
    for (size_t i = 0; i < automaton->count; i++)
        if (!automaton->state[i].forbidden) out->node[automaton->state[i].node] = roads->road[automaton->state[i].road].arc.head;
    return GEO_OK;
}

enum geo_status osm_split_build(const struct geo_osm_options *options, const struct osm_roads *roads, const struct osm_turns *turns,
                                const struct osm_costs *costs, struct osm_split *out, struct geo_error *error)
{
    struct automaton automaton = {.options = options, .roads = roads, .costs = costs};
    size_t capacity = 0;
    memset(out, 0, sizeof *out);
    enum geo_status rc = automaton_build(&automaton, turns);
    if (rc == GEO_OK) rc = states_place(&automaton, out, error);
    for (uint32_t node = 0; node < out->plain_count && rc == GEO_OK; node++) rc = arcs_add(&automaton, out, GEO_NONE, node, &capacity);
    for (uint32_t i = 0; i < automaton.count && rc == GEO_OK; i++)
        if (!automaton.state[i].forbidden) rc = arcs_add(&automaton, out, i, automaton.state[i].node, &capacity);
    free(automaton.state);
    free(automaton.root_child);
    return rc;
}

void osm_split_deinit(struct osm_split *split)
{
    free(split->node);
    free(split->arc);
    memset(split, 0, sizeof *split);
}
