/* From restriction relations to forbidden sequences of roads: (from, to) at a via node, (from, via..., to) through via ways. An only_ turn
 * forbids every other way on. A relation that does not name one arriving and one leaving road without doubt is counted as ignored. */
#include "osm.h"

#include <stdlib.h>
#include <string.h>

enum {
    DEGREE_MAX = 64,    /* roads that leave a via node; real junctions have a dozen */
    CHAIN_MAX = 256,    /* roads of a sequence */
};
#define SEQUENCE_MAX (UINT32_C(1) << 26) /* entries of all sequences */

struct finder {
    struct osm_data *data;
    const struct osm_roads *roads;
    struct osm_turns *out;
};
struct chain {
    uint32_t road[CHAIN_MAX];
    uint32_t count;
};

void osm_turns_deinit(struct osm_turns *turns)
{
    free(turns->sequence);
    free(turns->end);
    memset(turns, 0, sizeof *turns);
}

static uint32_t node_find(const struct finder *finder, int64_t id)
{
    uint32_t index = osm_nodes_find(&finder->data->nodes, id);
    if (index == GEO_NONE) return GEO_NONE;
    uint32_t node = finder->roads->node_of[index];
    if (node == GEO_NONE) return GEO_NONE;
    return finder->roads->first[node + 1] - finder->roads->first[node] <= DEGREE_MAX ? node : GEO_NONE;
}

/* The one road of the way that arrives at the node; GEO_NONE if there is none, or two. */
static uint32_t arrival_find(const struct finder *finder, uint32_t node, int64_t way)
{
    uint32_t found = GEO_NONE;
    for (uint32_t i = finder->roads->in_first[node]; i < finder->roads->in_first[node + 1]; i++) {
        uint32_t road = finder->roads->in_road[i];
        if (finder->data->ways[finder->roads->road[road].last_way].id != way) continue;
        if (found != GEO_NONE) return GEO_NONE;
        found = road;
    }
    return found;
}

static uint32_t departure_find(const struct finder *finder, uint32_t node, int64_t way)
{
    uint32_t found = GEO_NONE;
    for (uint32_t road = finder->roads->first[node]; road < finder->roads->first[node + 1]; road++) {
        if (finder->data->ways[finder->roads->road[road].first_way].id != way) continue;
        if (found != GEO_NONE) return GEO_NONE;
        found = road;
    }
    return found;
}

/* Follow the whole way from the node `start` at one of its ends; false if that is not possible. */
static bool way_follow(const struct finder *finder, uint32_t way_index, uint32_t start, struct chain *chain, uint32_t *end)
{
    const struct osm_data *data = finder->data;
    const struct osm_way *way = &data->ways[way_index];
    uint32_t first = node_find(finder, data->refs[way->ref_first]);
    uint32_t last = node_find(finder, data->refs[way->ref_first + way->ref_count - 1]);
    if (first == GEO_NONE || last == GEO_NONE || first == last || (start != first && start != last)) return false;
    bool along = start == first;
    uint32_t expected = along ? 0 : way->ref_count - 2, stop = along ? way->ref_count - 1 : UINT32_MAX;
    uint32_t at = start;
    while (expected != stop) {
        uint32_t road = finder->roads->first[at], past = finder->roads->first[at + 1];
        while (road < past && (finder->roads->road[road].first_way != way_index || finder->roads->road[road].first_segment != expected)) road++;
        if (road == past || chain->count >= CHAIN_MAX - 2) return false;
        const struct osm_road *taken = &finder->roads->road[road];
        if (taken->last_way != way_index) return false;
        chain->road[chain->count++] = road;
        expected = along ? taken->last_segment + 1 : taken->last_segment - 1;
        at = taken->arc.head;
    }
    *end = at;
    return at == (along ? last : first);
}

/* The chain from road, through the via ways beginning at `start`, and the road that leaves it; false if it is not there. */
static bool vias_follow(const struct finder *finder, const struct osm_restriction *restriction, uint32_t start, int64_t from, int64_t to,
                        struct chain *chain, uint32_t *departure)
{
    const int64_t *via = finder->data->members + restriction->member_first + restriction->from_count;
    uint32_t arrival = arrival_find(finder, start, from);
    if (arrival == GEO_NONE) return false;
    chain->count = 0;
    chain->road[chain->count++] = arrival;
    uint32_t at = start;
    for (uint32_t i = 0; !restriction->via_is_node && i < restriction->via_count; i++) {
        uint32_t way = osm_ways_find(finder->data, via[i]);
        if (way == GEO_NONE || !way_follow(finder, way, at, chain, &at)) return false;
    }
    *departure = departure_find(finder, at, to);
    return *departure != GEO_NONE;
}

static enum geo_status sequence_add(struct osm_turns *out, const struct chain *chain, uint32_t last)
{
    if (out->sequence_count + chain->count + 1 > SEQUENCE_MAX) return GEO_LIMIT;
    if (!osm_grow(&out->sequence, &out->sequence_capacity, out->sequence_count + chain->count + 1, sizeof *out->sequence)) return GEO_NO_MEMORY;
    if (!osm_grow(&out->end, &out->end_capacity, out->end_count + 1, sizeof *out->end)) return GEO_NO_MEMORY;
    memcpy(out->sequence + out->sequence_count, chain->road, chain->count * sizeof *chain->road);
    out->sequence_count += chain->count;
    out->sequence[out->sequence_count++] = last;
    out->end[out->end_count++] = (uint32_t)out->sequence_count;
    return GEO_OK;
}

/* One from, one to. `*obeyed` is set when it became a sequence. */
static enum geo_status pair_find(struct finder *finder, const struct osm_restriction *restriction, int64_t from, int64_t to, bool *obeyed)
{
    int64_t starts[2] = {finder->data->members[restriction->member_first + restriction->from_count]};
    uint32_t start_count = 1, found = 0;
    if (!restriction->via_is_node) {
        uint32_t index = osm_ways_find(finder->data, starts[0]);
        if (index == GEO_NONE) return GEO_OK;
        const struct osm_way *way = &finder->data->ways[index];
        starts[0] = finder->data->refs[way->ref_first];
        starts[1] = finder->data->refs[way->ref_first + way->ref_count - 1];
        start_count = 2;
    }
    struct chain chain = {.count = 0}, tried;
    uint32_t departure = GEO_NONE, leaves = GEO_NONE;
    for (uint32_t i = 0; i < start_count; i++) {
        uint32_t start = node_find(finder, starts[i]);
        if (start == GEO_NONE || !vias_follow(finder, restriction, start, from, to, &tried, &leaves)) continue;
        chain = tried;
        departure = leaves;
        found++;
    }
    if (found != 1) return GEO_OK;
    *obeyed = true;
    if (!restriction->only) return sequence_add(finder->out, &chain, departure);
    uint32_t node = finder->roads->road[departure].arc.tail;
    for (uint32_t road = finder->roads->first[node]; road < finder->roads->first[node + 1]; road++) {
        enum geo_status rc = road == departure ? GEO_OK : sequence_add(finder->out, &chain, road);
        if (rc != GEO_OK) return rc;
    }
    return GEO_OK;
}

enum geo_status osm_turns_find(struct osm_data *data, const struct osm_roads *roads, struct osm_turns *out)
{
    struct finder finder = {.data = data, .roads = roads, .out = out};
    memset(out, 0, sizeof *out);
    enum geo_status rc = GEO_OK;
    for (size_t i = 0; i < data->restriction_count && rc == GEO_OK; i++) {
        const struct osm_restriction *restriction = &data->restrictions[i];
        const int64_t *from = data->members + restriction->member_first;
        const int64_t *to = from + restriction->from_count + restriction->via_count;
        bool obeyed = false;
        for (uint32_t f = 0; f < restriction->from_count && rc == GEO_OK; f++)
            for (uint32_t t = 0; t < restriction->to_count && rc == GEO_OK; t++) rc = pair_find(&finder, restriction, from[f], to[t], &obeyed);
        if (obeyed) data->stats.restrictions_obeyed++;
        else data->stats.restrictions_ignored++;
    }
    return rc;
}
