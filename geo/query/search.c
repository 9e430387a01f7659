/* Dijkstra with a 4-ary heap and lazy deletion; stamps instead of clearing. */
#include "geo_query/geo_query.h"

#include <assert.h>
#include <stdlib.h>

enum { HEAP_ARITY = 4 };

enum geo_status geo_search_init(struct geo_search *search, const struct geo_net *net)
{
    uint32_t nodes = net->graph->node_count;
    *search = (struct geo_search){.node_count = nodes, .heap_capacity = net->graph->arc_count + GEO_LINKS_MAX + 1};
    search->nodes = calloc(nodes, sizeof *search->nodes);
    search->heap = malloc((uint64_t)search->heap_capacity * sizeof *search->heap); /* each arc pushes at most once */
    if (search->nodes && search->heap) return GEO_OK;
    geo_search_deinit(search);
    return GEO_NO_MEMORY;
}

void geo_search_deinit(struct geo_search *search)
{
    free(search->nodes);
    free(search->heap);
    *search = (struct geo_search){0};
}

/* ---- the heap ---- */

static void push(struct geo_search *search, geo_weight key, uint32_t node)
{
    uint32_t at = search->heap_count++;
    while (at > 0) {
        uint32_t up = (at - 1) / HEAP_ARITY;
        if (search->heap[up].key <= key) break;
        search->heap[at] = search->heap[up];
        at = up;
    }
    search->heap[at] = (struct geo_heap_item){key, node, 0};
}

static struct geo_heap_item pop(struct geo_search *search)
{
    struct geo_heap_item top = search->heap[0], last = search->heap[--search->heap_count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = at * HEAP_ARITY + 1, least = child;
        if (child >= search->heap_count) break;
        for (uint32_t i = child + 1; i < child + HEAP_ARITY && i < search->heap_count; i++)
            if (search->heap[i].key < search->heap[least].key) least = i;
        if (search->heap[least].key >= last.key) break;
        search->heap[at] = search->heap[least];
        at = least;
    }
    if (search->heap_count) search->heap[at] = last;
    return top;
}

/* ---- searching ---- */

static void begin(struct geo_search *search)
{
    search->heap_count = 0;
    if (++search->round == 0) { /* once in four billion searches */
        for (uint32_t i = 0; i < search->node_count; i++) search->nodes[i].round = 0;
        search->round = 1;
    }
}

static void reach(struct geo_search *search, uint32_t node, geo_weight key, uint32_t by)
{
    struct geo_reached *reached = &search->nodes[node];
    if (key >= GEO_WEIGHT_END || (reached->round == search->round && reached->weight <= key)) return;
    *reached = (struct geo_reached){key, search->round, by};
    push(search, key, node);
}

geo_weight geo_search_reached(const struct geo_search *search, uint32_t node)
{
    return search->nodes[node].round == search->round ? search->nodes[node].weight : GEO_WEIGHT_NONE;
}

static void start(struct geo_search *search, const struct geo_link *links, uint32_t count)
{
    begin(search);
    for (uint32_t i = 0; i < count; i++) reach(search, links[i].node, links[i].weight, GEO_NONE);
}

static void relax_out(struct geo_search *search, const struct geo_net *net, const struct geo_times *times, uint32_t node, geo_weight key)
{
    for (uint32_t a = net->out_first[node]; a < net->out_first[node + 1]; a++)
        if (times->pass[a] != GEO_WEIGHT_NONE) reach(search, net->heads[a], key + times->pass[a], a);
}

geo_weight geo_search_pair(struct geo_search *search, const struct geo_net *net, const struct geo_times *times, struct geo_place from, struct geo_place to,
                           struct geo_link *last, uint32_t *direct)
{
    struct geo_link starts[GEO_LINKS_MAX], ends[GEO_LINKS_MAX];
    assert(search->node_count == net->graph->node_count); /* a scratch belongs to one map */
    uint32_t end_count = geo_links_to(net, times, to, ends);
    geo_weight best = geo_direct(net, times, from, to, direct);
    start(search, starts, geo_links_from(net, times, from, starts));
    while (search->heap_count) {
        struct geo_heap_item item = pop(search);
        if (item.key >= best) break;
        if (item.key > search->nodes[item.node].weight) continue;
        for (uint32_t i = 0; i < end_count; i++) {
            if (ends[i].node != item.node || item.key + ends[i].weight >= best || item.key + ends[i].weight >= GEO_WEIGHT_END) continue;
            best = item.key + ends[i].weight;
            *last = ends[i];
            *direct = GEO_NONE;
        }
        relax_out(search, net, times, item.node, item.key);
    }
    return best;
}

void geo_search_from(struct geo_search *search, const struct geo_net *net, const struct geo_times *times, struct geo_place from, const uint8_t *marks, uint32_t marked)
{
    struct geo_link starts[GEO_LINKS_MAX];
    assert(search->node_count == net->graph->node_count); /* a scratch belongs to one map */
    start(search, starts, geo_links_from(net, times, from, starts));
    while (search->heap_count) {
        struct geo_heap_item item = pop(search);
        if (item.key > search->nodes[item.node].weight) continue;
        relax_out(search, net, times, item.node, item.key);
        if (marks && marks[item.node] && --marked == 0) return;
    }
}

void geo_search_to(struct geo_search *search, const struct geo_net *net, const struct geo_times *times, struct geo_place to, geo_weight *out)
{
    struct geo_link ends[GEO_LINKS_MAX];
    assert(search->node_count == net->graph->node_count); /* a scratch belongs to one map */
    start(search, ends, geo_links_to(net, times, to, ends));
    while (search->heap_count) {
        struct geo_heap_item item = pop(search);
        if (item.key > search->nodes[item.node].weight) continue;
        for (uint32_t i = net->in_first[item.node]; i < net->in_first[item.node + 1]; i++) {
            uint32_t a = net->in_arcs[i];
            if (times->pass[a] != GEO_WEIGHT_NONE) reach(search, net->graph->arcs[a].tail, item.key + times->pass[a], a);
        }
    }
    for (uint32_t n = 0; out && n < search->node_count; n++) out[n] = geo_search_reached(search, n);
}
