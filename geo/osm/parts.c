/* The largest strongly connected part, by Tarjan's algorithm (1972) with its own stack: a city is deeper than a thread's. */
#include "osm.h"

#include <stdlib.h>
#include <string.h>

struct search {
    const struct osm_split *split;
    uint32_t *first;            /* arcs that leave a node */
    uint32_t *order, *low;      /* 0: not yet seen */
    uint32_t *at;               /* the next arc to look at */
    uint32_t *path, *open;      /* the walk; nodes whose part is not known yet */
    uint32_t *part;             /* GEO_NONE while open */
    uint32_t path_count, open_count, seen, part_count;
    uint32_t best_part, best_size;
};

static void node_enter(struct search *search, uint32_t node)
{
    search->order[node] = search->low[node] = ++search->seen;
    search->at[node] = search->first[node];
    search->path[search->path_count++] = node;
    search->open[search->open_count++] = node;
}

static void node_leave(struct search *search, uint32_t node)
{
    search->path_count--;
    if (search->path_count > 0) {
        uint32_t before = search->path[search->path_count - 1];
        if (search->low[node] < search->low[before]) search->low[before] = search->low[node];
    }
    if (search->low[node] != search->order[node]) return;
    uint32_t size = 0, member;
    do {
        member = search->open[--search->open_count];
        search->part[member] = search->part_count;
        size++;
    } while (member != node);
    if (size > search->best_size) {
        search->best_size = size;
        search->best_part = search->part_count;
    }
    search->part_count++;
}

static void search_run(struct search *search, uint32_t start)
{
    node_enter(search, start);
    while (search->path_count > 0) {
        uint32_t node = search->path[search->path_count - 1];
        if (search->at[node] == search->first[node + 1]) {
            node_leave(search, node);
            continue;
        }
        uint32_t head = search->split->arc[search->at[node]++].head;
        if (search->order[head] == 0) node_enter(search, head);
        else if (search->part[head] == GEO_NONE && search->order[head] < search->low[node]) search->low[node] = search->order[head];
    }
}

enum geo_status osm_parts_largest(const struct osm_split *split, uint8_t *keep)
{
    size_t count = (size_t)split->node_count;
    uint32_t *block = calloc(count * 7 + 2, sizeof *block);
    if (!block) return GEO_NO_MEMORY;
    struct search search = {.split = split, .order = block, .low = block + count, .at = block + 2 * count, .path = block + 3 * count,
                            .open = block + 4 * count, .part = block + 5 * count, .first = block + 6 * count};
    memset(search.part, 0xff, count * sizeof *search.part);
    for (uint32_t i = 0; i < split->arc_count; i++) search.first[split->arc[i].tail + 1]++;
    for (size_t i = 0; i < count; i++) search.first[i + 1] += search.first[i];
    for (uint32_t node = 0; node < split->node_count; node++)
        if (search.order[node] == 0) search_run(&search, node);
    for (size_t i = 0; i < count; i++) keep[i] = search.part[i] == search.best_part;
    free(block);
    return GEO_OK;
}
