/* Small random towns full of turn restrictions, overlapping and contradicting each other, against the naive search: every pair of roads of every
 * town. Real maps have too few restrictions to make two of them meet. */
#include "naive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { TOWNS = 700, SIDE = 4, WAYS_MAX = 64, TEXT_MAX_BYTES = 1 << 16 };

struct town {
    uint64_t random;
    char text[TEXT_MAX_BYTES];
    size_t size;
    uint32_t way_count, end[WAYS_MAX][2]; /* of each way, as grid positions; ways have ids from 1 */
};

static uint32_t below(struct town *town, uint32_t bound)
{
    town->random = town->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((town->random >> 33) % bound);
}

static void __attribute__((format(printf, 2, 3))) put(struct town *town, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(town->text + town->size, sizeof town->text - town->size, format, arguments);
    va_end(arguments);
    assert_true(written >= 0 && (size_t)written < sizeof town->text - town->size);
    town->size += (size_t)written;
}

static void nodes_put(struct town *town)
{
    for (uint32_t i = 0; i < SIDE * SIDE; i++) {
        uint32_t kind = below(town, 16);
        put(town, "<node id='%u' lat='31.%07u' lon='121.%07u'>", i + 1, 2000000 + i / SIDE * 20000 + below(town, 6000), 4000000 + i % SIDE * 20000 + below(town, 6000));
        if (kind == 0) put(town, "<tag k='highway' v='traffic_signals'/>");
        if (kind == 2) put(town, "<tag k='highway' v='traffic_signals'/><tag k='traffic_signals:direction' v='backward'/><tag k='barrier' v='gate'/>");
        if (kind == 1) put(town, "<tag k='barrier' v='bollard'/>"); /* a wall to cars, three seconds to e-bikes */
        put(town, "</node>");
    }
}

static void way_put(struct town *town, const uint32_t *ref, uint32_t count)
{
    static const char *const kinds[] = {"residential", "residential", "secondary", "primary"};
    uint32_t oneway = below(town, 5), name = below(town, 2), kind = below(town, 4);
    assert_true(town->way_count < WAYS_MAX);
    town->end[town->way_count][0] = ref[0];
    town->end[town->way_count++][1] = ref[count - 1];
    put(town, "<way id='%u'>", town->way_count);
    for (uint32_t i = 0; i < count; i++) put(town, "<nd ref='%u'/>", ref[i] + 1);
    put(town, "<tag k='highway' v='%s'/><tag k='name' v='%c'/>", kinds[kind], 'a' + (int)name);
    if (oneway < 2) put(town, "<tag k='oneway' v='%s'/>", oneway ? "yes" : "-1");
    put(town, "</way>");
}

/* Every line of the grid, cut into ways of one to three blocks, with a block missing here and there. */
static void ways_put(struct town *town)
{
    for (uint32_t line = 0; line < 2 * SIDE; line++) {
        bool column = line >= SIDE;
        uint32_t ref[SIDE], count = 0;
        for (uint32_t i = 0; i < SIDE; i++) {
            ref[count++] = column ? i * SIDE + line - SIDE : line * SIDE + i;
            bool cut = below(town, 2) == 0 || i + 1 == SIDE;
            if (count < 2 || !cut) continue;
            if (below(town, 12) != 0) way_put(town, ref, count);
            ref[0] = ref[count - 1];
            count = 1;
        }
    }
}

/* A way that ends at the grid position; its index, GEO_NONE after some tries. */
static uint32_t way_at(struct town *town, uint32_t position)
{
    for (uint32_t tries = 0; tries < 40; tries++) {
        uint32_t way = below(town, town->way_count);
        if (town->end[way][0] == position || town->end[way][1] == position) return way;
    }
    return GEO_NONE;
}

static void restriction_put(struct town *town, uint32_t id)
{
    static const char *const kinds[] = {"no_left_turn", "no_right_turn", "no_u_turn", "no_straight_on", "only_straight_on", "only_right_turn"};
    uint32_t via = below(town, town->way_count), node = town->end[via][0], far = town->end[via][1];
    bool through_way = below(town, 3) == 0;
    uint32_t from = way_at(town, node), to = way_at(town, through_way ? far : node);
    if (from == GEO_NONE || to == GEO_NONE) return;
    put(town, "<relation id='%u'><member type='way' ref='%u' role='from'/><member type='%s' ref='%u' role='via'/><member type='way' ref='%u' role='to'/>", id,
        from + 1, through_way ? "way" : "node", through_way ? via + 1 : node + 1, to + 1);
    put(town, "<tag k='type' v='restriction'/><tag k='restriction' v='%s'/></relation>", kinds[below(town, 6)]);
}

static void town_make(struct town *town, uint64_t seed)
{
    town->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    town->size = 0;
    town->way_count = 0;
    put(town, "<osm version='0.6'>");
    nodes_put(town);
    ways_put(town);
    uint32_t restrictions = town->way_count ? below(town, 24) : 0;
    for (uint32_t i = 0; i < restrictions; i++) restriction_put(town, i + 1);
    put(town, "</osm>");
}

/* ---- */

/* Bellman and Ford: from the beginning of any copy of the road and of its other direction. */
static void graph_search(const struct geo_graph *graph, uint32_t from, uint64_t *ms)
{
    memset(ms, 0xff, graph->node_count * sizeof *ms);
    for (uint32_t i = 0; i < graph->arc_count; i++) {
        const struct geo_arc *arc = &graph->arcs[i];
        if ((arc->twin == from || arc->twin == graph->arcs[from].reverse) && arc->travel_ms < ms[arc->head]) ms[arc->head] = arc->travel_ms;
    }
    for (bool better = true; better;) {
        better = false;
        for (uint32_t i = 0; i < graph->arc_count; i++) {
            const struct geo_arc *arc = &graph->arcs[i];
            if (ms[arc->tail] == UINT64_MAX || ms[arc->tail] + arc->turn_ms + arc->travel_ms >= ms[arc->head]) continue;
            ms[arc->head] = ms[arc->tail] + arc->turn_ms + arc->travel_ms;
            better = true;
        }
    }
}

static uint32_t first_segment(const struct naive *naive, const struct geo_graph *graph, const struct geo_arc *arc)
{
    const struct geo_point *shape = graph->shape + arc->shape_first;
    uint32_t last = arc->shape_count - 1;
    return arc->reversed ? naive_segment(naive, arc->way, shape[last], shape[last - 1]) : naive_segment(naive, arc->way, shape[0], shape[1]);
}

/* Until one may enter the road, from either end. */
static uint64_t graph_ms(const struct geo_graph *graph, const uint64_t *ms, uint32_t road)
{
    uint64_t best = UINT64_MAX;
    for (uint32_t i = 0; i < graph->arc_count; i++) {
        const struct geo_arc *arc = &graph->arcs[i];
        if ((arc->twin == road || arc->twin == graph->arcs[road].reverse) && ms[arc->tail] != UINT64_MAX && ms[arc->tail] + arc->turn_ms < best) best = ms[arc->tail] + arc->turn_ms;
    }
    return best;
}

/* The graph is one strongly connected part of the town: so must the oracle's be, and both of the same roads. */
static void part_match(uint64_t seed, const struct geo_graph *graph, struct naive *naive)
{
    uint32_t *segments = calloc(graph->arc_count, sizeof *segments), count = 0, pieces = 0, covered = 0;
    assert_non_null(segments);
    for (uint32_t i = 0; i < graph->arc_count; i++) {
        if (graph->arcs[i].twin != i) continue;
        segments[count] = first_segment(naive, graph, &graph->arcs[i]);
        assert_true(segments[count++] != GEO_NONE); /* no two ways of a town share a block */
        pieces += graph->arcs[i].shape_count - 1;
    }
    bool found = naive_part_choose(naive, segments, count, &covered);
    free(segments);
    if (!found) fail_msg("town %llu: the graph's roads are not in one strongly connected part", (unsigned long long)seed);
    if (covered != pieces) fail_msg("town %llu: %u segments in the graph, %u in the oracle's part", (unsigned long long)seed, pieces, covered);
}

struct tally {
    uint32_t pairs, obeyed, copies;
};

static void pairs_compare(uint64_t seed, const struct geo_graph *graph, struct naive *naive, uint64_t *ms, struct tally *tally)
{
    for (uint32_t from = 0; from < graph->arc_count; from++) {
        if (graph->arcs[from].twin != from) continue;
        uint32_t back = graph->arcs[from].reverse;
        naive_search(naive, first_segment(naive, graph, &graph->arcs[from]), back == GEO_NONE ? GEO_NONE : first_segment(naive, graph, &graph->arcs[back]));
        graph_search(graph, from, ms);
        for (uint32_t to = 0; to < graph->arc_count; to++) {
            if (graph->arcs[to].twin != to || to == from || to == back) continue;
            uint64_t best = graph_ms(graph, ms, to), wanted = naive_ms(naive, first_segment(naive, graph, &graph->arcs[to])), other = wanted;
            if (graph->arcs[to].reverse != GEO_NONE) other = naive_ms(naive, first_segment(naive, graph, &graph->arcs[graph->arcs[to].reverse]));
            if (other < wanted) wanted = other;
            if (best != wanted)
                fail_msg("town %llu: from way %lld to way %lld: graph %llu ms, naive %llu ms", (unsigned long long)seed, (long long)graph->arcs[from].way,
                         (long long)graph->arcs[to].way, (unsigned long long)best, (unsigned long long)wanted);
            tally->pairs++;
        }
    }
}

static void town_compare(const struct town *town, uint64_t seed, enum geo_profile profile, struct tally *tally)
{
    struct geo_osm_options options = geo_osm_options_default(profile);
    struct geo_graph *graph = NULL;
    struct geo_error error = {.text = ""};
    char path[] = "/tmp/geo_osm_turns_XXXXXX";
    enum geo_status rc = geo_osm_build_bytes((const uint8_t *)town->text, town->size, &options, &graph, &error);
    if (rc == GEO_INVALID) return; /* a town whose roads do not connect */
    assert_int_equal(rc, GEO_OK);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, town->text, town->size), (ssize_t)town->size);
    (void)close(fd);
    struct naive *naive = naive_new(path, &options);
    (void)unlink(path);
    uint64_t *ms = calloc(graph->node_count, sizeof *ms);
    assert_non_null(ms);
    part_match(seed, graph, naive);
    pairs_compare(seed, graph, naive, ms, tally);
    tally->obeyed += graph->stats.restrictions_obeyed;
    for (uint32_t i = 0; i < graph->arc_count; i++) tally->copies += graph->arcs[i].twin != i;
    free(ms);
    naive_free(naive);
    geo_graph_free(graph);
}

static void test_turns_agree_with_segments_in_random_towns(void **state)
{
    (void)state;
    static struct town town;
    struct tally tally = {0};
    for (uint64_t seed = 1; seed <= TOWNS; seed++) {
        town_make(&town, seed);
        town_compare(&town, seed, GEO_EBIKE, &tally);
        town_compare(&town, seed, GEO_CAR, &tally);
    }
    print_message("%u pairs agree, %u restrictions obeyed, %u arcs copied\n", tally.pairs, tally.obeyed, tally.copies);
    assert_true(tally.pairs > 500000 && tally.obeyed > 4000 && tally.copies > 4000); /* the towns are as wild as meant */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns_agree_with_segments_in_random_towns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
