/* Tiles against an oracle that knows only the graph and Mercator's formula: every road that should be seen is, nothing else is; neighbours meet;
 * addresses, names, directions, bounds. */
#include "decode.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double PI = 3.14159265358979323846;

/* README's table */
static const struct { uint32_t from_zoom, named_from_zoom; } SHOWN[GEO_CLASS_COUNT] = {
    [GEO_CLASS_MOTORWAY] = {5, 11}, [GEO_CLASS_TRUNK] = {6, 11}, [GEO_CLASS_PRIMARY] = {8, 12}, [GEO_CLASS_SECONDARY] = {10, 12},
    [GEO_CLASS_FERRY] = {10, 13}, [GEO_CLASS_TERTIARY] = {11, 13}, [GEO_CLASS_RESIDENTIAL] = {12, 14}, [GEO_CLASS_OTHER] = {13, 15},
    [GEO_CLASS_CYCLEWAY] = {13, 15}, [GEO_CLASS_TRACK] = {13, 15}, [GEO_CLASS_SERVICE] = {14, 15}, [GEO_CLASS_FOOTWAY] = {14, 15}, [GEO_CLASS_STEPS] = {14, 16}};

struct place {
    double x, y;
};

static struct place place_of(struct geo_point point, struct geo_tile_id id)
{
    double world = ldexp(GEO_TILE_EXTENT, (int)id.z), lat = point.lat_e7 * (PI / 180e7);
    return (struct place){(point.lon_e7 / 3.6e9 + 0.5) * world - id.x * (double)GEO_TILE_EXTENT,
                          (1 - log(tan(lat) + 1 / cos(lat)) / PI) / 2 * world - id.y * (double)GEO_TILE_EXTENT};
}

static double distance(struct place p, struct place a, struct place b)
{
    double dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
    double t = length > 0 ? ((p.x - a.x) * dx + (p.y - a.y) * dy) / length : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    return hypot(a.x + t * dx - p.x, a.y + t * dy - p.y);
}

static double tolerance(uint32_t zoom)
{
    return (zoom <= 13 ? 4 : 1) + 1.8; /* simplified, rounded to units, cut at the buffer's edge */
}

static struct geo_point arc_point(const struct geo_graph *graph, const struct geo_arc *arc, uint32_t i)
{
    return graph->shape[arc->shape_first + (arc->reversed ? arc->shape_count - 1 - i : i)];
}

static bool oneway[512]; /* by arc of the town being looked at: no arc runs against it */

static void look_at(const struct geo_graph *graph)
{
    assert_true(graph->arc_count <= sizeof oneway / sizeof oneway[0]);
    for (uint32_t a = 0; a < graph->arc_count; a++) {
        oneway[a] = true;
        for (uint32_t b = 0; b < graph->arc_count; b++)
            if (graph->arcs[b].shape_first == graph->arcs[a].shape_first && graph->arcs[b].reversed != graph->arcs[a].reversed) oneway[a] = false;
    }
}

static bool is_feature_of(const struct seen_feature *feature, const struct geo_graph *graph, const struct geo_arc *arc, uint32_t zoom)
{
    bool named = zoom >= SHOWN[arc->road_class].named_from_zoom;
    return strcmp(feature->road_class, class_name(arc->road_class)) == 0 && strcmp(feature->name, named ? graph->names + arc->name : "") == 0 &&
           feature->oneway == oneway[arc - graph->arcs] && feature->has_id == (arc->way > 0) && (!feature->has_id || feature->id == (uint64_t)arc->way);
}

static double to_features(const struct seen *seen, const struct geo_graph *graph, const struct geo_arc *arc, uint32_t zoom, struct place p)
{
    double best = INFINITY;
    for (uint32_t l = 0; l < seen->line_count; l++) {
        const struct seen_line *line = &seen->lines[l];
        if (!is_feature_of(&seen->features[line->feature], graph, arc, zoom)) continue;
        for (uint32_t i = line->first; i + 1 < line->first + line->count; i++) {
            double d = distance(p, (struct place){seen->points[i].x, seen->points[i].y}, (struct place){seen->points[i + 1].x, seen->points[i + 1].y});
            if (d < best) best = d;
        }
    }
    return best;
}

static double to_roads(const struct geo_graph *graph, const struct seen_feature *feature, struct geo_tile_id id, struct place p)
{
    double best = INFINITY;
    for (uint32_t a = 0; a < graph->arc_count; a++) {
        const struct geo_arc *arc = &graph->arcs[a];
        if (!is_feature_of(feature, graph, arc, id.z)) continue;
        for (uint32_t i = 0; i + 1 < arc->shape_count; i++) {
            double d = distance(p, place_of(arc_point(graph, arc, i), id), place_of(arc_point(graph, arc, i + 1), id));
            if (d < best) best = d;
        }
    }
    return best;
}

/* A road shorter than the tolerance may draw nothing, and so may a ring that is nowhere farther from where it begins. */
static bool may_vanish(const struct geo_graph *graph, const struct geo_arc *arc, struct geo_tile_id id)
{
    double reach = 0;
    struct place first = place_of(arc_point(graph, arc, 0), id);
    for (uint32_t i = 1; i < arc->shape_count; i++) {
        struct place p = place_of(arc_point(graph, arc, i), id);
        double d = hypot(p.x - first.x, p.y - first.y);
        if (d > reach) reach = d;
    }
    return reach <= 2 * tolerance(id.z);
}

enum { SAMPLES = 6 };

static uint32_t check_roads_seen(const struct geo_graph *graph, const struct seen *seen, struct geo_tile_id id)
{
    uint32_t inside = 0;
    for (uint32_t a = 0; a < graph->arc_count; a++) {
        const struct geo_arc *arc = &graph->arcs[a];
        if (id.z < SHOWN[arc->road_class].from_zoom || may_vanish(graph, arc, id)) continue;
        for (uint32_t i = 0; i + 1 < arc->shape_count; i++) {
            struct place from = place_of(arc_point(graph, arc, i), id), to = place_of(arc_point(graph, arc, i + 1), id);
            for (int s = 0; s <= SAMPLES; s++) {
                struct place p = {from.x + (to.x - from.x) * s / SAMPLES, from.y + (to.y - from.y) * s / SAMPLES};
                if (p.x < 0 || p.y < 0 || p.x > GEO_TILE_EXTENT || p.y > GEO_TILE_EXTENT) continue;
                inside++;
                double d = to_features(seen, graph, arc, id.z, p);
                if (d > tolerance(id.z)) fail_msg("zoom %u: arc %u is %f units off at %f %f", id.z, a, d, p.x, p.y);
            }
        }
    }
    return inside;
}

static void check_only_roads_seen(const struct geo_graph *graph, const struct seen *seen, struct geo_tile_id id)
{
    for (uint32_t l = 0; l < seen->line_count; l++) {
        const struct seen_line *line = &seen->lines[l];
        for (uint32_t i = line->first; i + 1 < line->first + line->count; i++) {
            for (int s = 0; s <= SAMPLES; s++) {
                struct place p = {seen->points[i].x + (seen->points[i + 1].x - seen->points[i].x) * (double)s / SAMPLES,
                                  seen->points[i].y + (seen->points[i + 1].y - seen->points[i].y) * (double)s / SAMPLES};
                double d = to_roads(graph, &seen->features[line->feature], id, p);
                if (d > tolerance(id.z)) fail_msg("zoom %u: a line of feature %u is %f units from any such road", id.z, line->feature, d);
            }
        }
    }
}

static struct geo_graph *random_town(uint64_t seed)
{
    static const char *const NAMES[] = {"", "", "A", "\xe9\x95\xbf\xe5\xae\x89\xe8\xa1\x97", "Long Street", "B"};
    uint64_t state = seed;
    struct geo_graph *graph = town_new(256, 4096);
    struct geo_point corners[30];
    int32_t spread = (int32_t)(1u << (10 + random_up_to(&state, 14)));
    for (int i = 0; i < 30; i++)
        corners[i] = (struct geo_point){399000000 + (int32_t)random_up_to(&state, (uint32_t)spread), 1164000000 + (int32_t)random_up_to(&state, (uint32_t)spread)};
    for (int r = 0; r < 60; r++) {
        struct geo_point points[40];
        uint32_t count = 2 + random_up_to(&state, random_up_to(&state, 3) ? 3 : 38), from = random_up_to(&state, 29), to = random_up_to(&state, 29);
        for (uint32_t i = 0; i < count; i++) { /* from corner to corner with some shaking */
            double t = (double)i / (count - 1);
            uint32_t shake = i == 0 || i + 1 == count ? 0 : random_up_to(&state, (uint32_t)spread / 16);
            points[i] = (struct geo_point){corners[from].lat_e7 + (int32_t)((corners[to].lat_e7 - corners[from].lat_e7) * t) + (int32_t)shake,
                                           corners[from].lon_e7 + (int32_t)((corners[to].lon_e7 - corners[from].lon_e7) * t)};
        }
        points[count - 1] = corners[to];
        uint32_t way = random_up_to(&state, 25);
        uint64_t of_way = way * 77 + seed; /* a way has one class and name */
        bool both_ways = random_up_to(&state, 2) > 0, backward = random_up_to(&state, 1) > 0;
        town_add(graph, &(struct town_road){points, count, (int64_t)way - 1, NAMES[random_next(&of_way) % 6], (enum geo_class)(random_next(&of_way) % GEO_CLASS_COUNT), both_ways, backward});
    }
    for (uint32_t a = 0; a < 10; a++) { /* copies, as turn restrictions make them */
        graph->arcs[graph->arc_count] = graph->arcs[a * 3];
        graph->arcs[graph->arc_count++].snappable = 0;
    }
    return graph;
}

static void test_tile_shows_all_roads_and_nothing_else(void **context)
{
    (void)context;
    uint32_t inside = 0, tiles_seen = 0;
    for (uint64_t seed = 1; seed <= 24; seed++) {
        struct geo_graph *graph = random_town(seed);
        struct geo_tiles *tiles;
        struct geo_error error;
        struct geo_tile_scratch *scratch = geo_tile_scratch_new();
        look_at(graph);
        assert_int_equal(geo_tiles_new(graph, &tiles, &error), GEO_OK);
        for (uint32_t z = 0; z <= GEO_TILE_ZOOM_MAX; z++) {
            struct geo_tile tile;
            struct seen seen;
            struct geo_tile_id id = geo_tile_at(graph->shape[(seed * 31 + z) % graph->shape_count], z);
            assert_int_equal(geo_tile_build(tiles, scratch, id, &tile), GEO_OK);
            const char *fault = seen_read(&seen, tile.data, tile.size);
            if (fault) fail_msg("seed %u zoom %u: %s", (unsigned)seed, z, fault);
            assert_int_equal(seen.feature_count, tile.feature_count);
            assert_int_equal(seen.point_count, tile.point_count);
            inside += check_roads_seen(graph, &seen, id);
            check_only_roads_seen(graph, &seen, id);
            tiles_seen += tile.size > 0;
            seen_free(&seen);
        }
        geo_tile_scratch_free(scratch);
        geo_tiles_free(tiles);
        geo_graph_free(graph);
    }
    assert_true(tiles_seen > 150 && inside > 20000);
}

/* ---- neighbours ---- */

struct crossing {
    uint64_t id;
    int32_t ax, ay, bx, by;
};

static int by_crossing(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct crossing));
}

/* Segments over the line x = edge, whole inside the buffer, in world units of this zoom. */
static uint32_t crossings(const struct seen *seen, struct geo_tile_id id, bool east, struct crossing *out, uint32_t capacity)
{
    uint32_t count = 0;
    int32_t edge = east ? GEO_TILE_EXTENT : 0;
    for (uint32_t l = 0; l < seen->line_count; l++)
        for (uint32_t i = seen->lines[l].first; i + 1 < seen->lines[l].first + seen->lines[l].count; i++) {
            int32_t ax = seen->points[i].x, bx = seen->points[i + 1].x, ay = seen->points[i].y, by = seen->points[i + 1].y;
            bool over = (ax < edge && bx > edge) || (bx < edge && ax > edge);
            bool whole = abs(ax - edge) < GEO_TILE_BUFFER && abs(bx - edge) < GEO_TILE_BUFFER && ay > 0 && by > 0 && ay < GEO_TILE_EXTENT && by < GEO_TILE_EXTENT;
            if (!over || !whole || count == capacity) continue;
            memset(&out[count], 0, sizeof out[count]);
            out[count].id = seen->features[seen->lines[l].feature].id;
            out[count].ax = ax + (int32_t)id.x * GEO_TILE_EXTENT;
            out[count].bx = bx + (int32_t)id.x * GEO_TILE_EXTENT;
            out[count].ay = ay;
            out[count++].by = by;
        }
    qsort(out, count, sizeof *out, by_crossing);
    return count;
}

static void test_tile_meets_its_neighbour_to_the_unit(void **context)
{
    (void)context;
    uint32_t met = 0;
    for (uint64_t seed = 100; seed < 115; seed++) {
        struct geo_graph *graph = random_town(seed);
        struct geo_tiles *tiles;
        struct geo_error error;
        struct geo_tile_scratch *scratch = geo_tile_scratch_new();
        assert_int_equal(geo_tiles_new(graph, &tiles, &error), GEO_OK);
        for (uint32_t z = 12; z <= 17; z++)
            for (uint32_t p = 0; p < graph->shape_count; p += 17) {
                struct geo_tile_id ids[2] = {geo_tile_at(graph->shape[p], z), geo_tile_at(graph->shape[p], z)};
                ids[1].x++;
                struct crossing seen_here[2][256];
                uint32_t count[2];
                for (int side = 0; side < 2; side++) {
                    struct geo_tile tile;
                    struct seen seen;
                    assert_int_equal(geo_tile_build(tiles, scratch, ids[side], &tile), GEO_OK);
                    assert_null(seen_read(&seen, tile.data, tile.size));
                    count[side] = crossings(&seen, ids[side], side == 0, seen_here[side], 256);
                    seen_free(&seen);
                }
                assert_int_equal(count[0], count[1]);
                assert_memory_equal(seen_here[0], seen_here[1], count[0] * sizeof seen_here[0][0]);
                met += count[0];
            }
        geo_tile_scratch_free(scratch);
        geo_tiles_free(tiles);
        geo_graph_free(graph);
    }
    assert_true(met > 20);
}

/* ---- single matters ---- */

static struct geo_tile_scratch *scratch;
static struct geo_tiles *tiles;

static int open_all(void **context)
{
    (void)context;
    scratch = geo_tile_scratch_new();
    tiles = NULL;
    return scratch ? 0 : -1;
}

static int close_all(void **context)
{
    (void)context;
    geo_tile_scratch_free(scratch);
    geo_tiles_free(tiles);
    return 0;
}

/* Takes the graph. */
static struct seen draw(struct geo_graph *graph, struct geo_tile_id id, struct geo_tile *tile)
{
    struct geo_error error;
    struct seen seen;
    geo_tiles_free(tiles);
    assert_int_equal(geo_tiles_new(graph, &tiles, &error), GEO_OK);
    geo_graph_free(graph);
    assert_int_equal(geo_tile_build(tiles, scratch, id, tile), GEO_OK);
    const char *fault = seen_read(&seen, tile->data, tile->size);
    if (fault) fail_msg("%s", fault);
    return seen;
}

static const struct geo_point HERE = {399000000, 1164000000};

static void test_tile_joins_the_roads_of_a_way(void **context)
{
    (void)context;
    struct geo_graph *graph = town_new(256, 4096);
    struct geo_tile tile;
    for (int i = 0; i < 5; i++) { /* in no order, each drawn some way round */
        int32_t k = (i * 3) % 5;
        struct geo_point points[] = {{HERE.lat_e7, HERE.lon_e7 + k * 1000}, {HERE.lat_e7 + (k % 2) * 50, HERE.lon_e7 + k * 1000 + 500}, {HERE.lat_e7, HERE.lon_e7 + (k + 1) * 1000}};
        struct geo_point turned[] = {points[2], points[1], points[0]};
        town_add(graph, &(struct town_road){i % 2 ? turned : points, 3, 42, "A", GEO_CLASS_TERTIARY, true, i == 2});
    }
    struct seen seen = draw(graph, geo_tile_at(HERE, 16), &tile);
    assert_int_equal(seen.feature_count, 1);
    assert_int_equal(seen.line_count, 1);
    assert_int_equal(seen.features[0].id, 42);
    assert_string_equal(seen.features[0].name, "A");
    assert_false(seen.features[0].oneway);
    seen_free(&seen);
}

static void test_tile_draws_one_way_roads_along_the_traffic(void **context)
{
    (void)context;
    for (int backward = 0; backward < 2; backward++) {
        struct geo_graph *graph = town_new(256, 4096);
        struct geo_tile tile;
        struct geo_point points[] = {HERE, {HERE.lat_e7, HERE.lon_e7 + 3000}}, more[] = {points[1], {HERE.lat_e7, HERE.lon_e7 + 6000}};
        town_add(graph, &(struct town_road){points, 2, 7, NULL, GEO_CLASS_PRIMARY, false, backward});
        town_add(graph, &(struct town_road){more, 2, 7, NULL, GEO_CLASS_PRIMARY, false, !backward});
        struct seen seen = draw(graph, geo_tile_at(HERE, 17), &tile);
        assert_int_equal(seen.feature_count, 1);
        assert_int_equal(seen.line_count, 1);
        assert_true(seen.features[0].oneway);
        assert_true(seen.points[0].x < seen.points[seen.point_count - 1].x);
        seen_free(&seen);
    }
}

static void test_tile_holds_names_that_any_decoder_can_read(void **context)
{
    (void)context;
    static char long_name[600];
    memset(long_name, 'x', 254);
    memcpy(long_name + 254, "\xe8\xa1\x97 and more", 13); /* a character over the cut */
    static const struct { const char *name, *shown; } CASES[] = {
        {"", ""}, {"plain", "plain"}, {"\xe9\x95\xbf\xe5\xae\x89\xe8\xa1\x97", "\xe9\x95\xbf\xe5\xae\x89\xe8\xa1\x97"}, {"\xf0\x9f\x9a\xb2", "\xf0\x9f\x9a\xb2"},
        {"\xff", ""}, {"a\xc0\xaf", ""}, {"\xed\xa0\x80", ""}, {"\xf4\x90\x80\x80", ""}, {"\xe8\xa1", ""}, {"\xe0\x80\xaf", ""}};
    struct geo_point points[] = {HERE, {HERE.lat_e7 + 2000, HERE.lon_e7 + 3000}};
    for (size_t i = 0; i <= sizeof CASES / sizeof CASES[0]; i++) {
        struct geo_graph *graph = town_new(256, 4096);
        struct geo_tile tile;
        bool cut = i == sizeof CASES / sizeof CASES[0];
        town_add(graph, &(struct town_road){points, 2, 1, cut ? long_name : CASES[i].name, GEO_CLASS_PRIMARY, true, false});
        struct seen seen = draw(graph, geo_tile_at(HERE, 16), &tile);
        assert_int_equal(seen.feature_count, 1);
        if (cut) assert_int_equal(strlen(seen.features[0].name), 254);
        else assert_string_equal(seen.features[0].name, CASES[i].shown);
        seen_free(&seen);
    }
}

static void test_tile_stays_within_its_bounds(void **context)
{
    (void)context;
    struct geo_graph *graph = town_new(8192, 1 << 17);
    struct geo_tile tile;
    uint64_t state = 5;
    struct geo_point points[32];
    struct geo_tile_id id = geo_tile_at(HERE, 14);
    struct place at = place_of(HERE, id); /* 41 x 53 of 1e-7 degrees are a unit here: a corner from which all roads fit into the tile */
    struct geo_point corner = {HERE.lat_e7 + (int32_t)((at.y - 4000) * 41), HERE.lon_e7 - (int32_t)((at.x - 100) * 53)};
    for (int r = 0; r < 4000; r++) { /* a few great roads, and far more small ones than a tile holds */
        bool great = r % 100 == 0;
        for (int i = 0; i < 32; i++)
            points[i] = (struct geo_point){corner.lat_e7 + (int32_t)random_up_to(&state, 155000), corner.lon_e7 + (int32_t)random_up_to(&state, 200000)};
        char name[200];
        memset(name, 'a' + r % 26, sizeof name);
        for (int digit = 0; digit < 12; digit++) name[digit] = (char)('0' + (r >> digit & 1));
        name[r < 200 ? 199 : 0] = 0; /* few long names: the graph's table is small */
        town_add(graph, &(struct town_road){points, 32, r + 1, name, great ? GEO_CLASS_TRUNK : r % 2 ? GEO_CLASS_RESIDENTIAL : GEO_CLASS_FOOTWAY, true, false});
    }
    struct seen seen = draw(graph, id, &tile);
    uint32_t trunks = 0, footways = 0, residentials = 0;
    for (uint32_t f = 0; f < seen.feature_count; f++) {
        trunks += strcmp(seen.features[f].road_class, "trunk") == 0;
        residentials += strcmp(seen.features[f].road_class, "residential") == 0;
        footways += strcmp(seen.features[f].road_class, "footway") == 0;
    }
    assert_true(tile.size <= GEO_TILE_BYTES_MAX && tile.size > GEO_TILE_BYTES_MAX - 4096);
    assert_true(tile.left_out > 0);
    assert_int_equal(trunks, 40); /* r % 100 == 0 is even: all great ones are there */
    assert_true(footways == 0 || residentials == 2000);
    seen_free(&seen);
}

static void test_tile_does_not_go_round_the_world_at_the_date_line(void **context)
{
    (void)context;
    struct geo_graph *graph = town_new(256, 4096);
    struct geo_tile tile;
    struct geo_point points[] = {{-170000000, 1799000000}, {-170000000, 1799990000}, {-170000000, -1799990000}, {-170000000, -1799000000}};
    town_add(graph, &(struct town_road){points, 4, 1, NULL, GEO_CLASS_PRIMARY, true, false});
    struct seen seen = draw(graph, (struct geo_tile_id){12, 2048, geo_tile_at(points[0], 12).y}, &tile);
    assert_int_equal(seen.feature_count, 0);
    seen_free(&seen);
    assert_int_equal(geo_tile_build(tiles, scratch, geo_tile_at(points[0], 12), &tile), GEO_OK);
    assert_int_equal(tile.feature_count, 1);
}

static void test_tile_is_the_same_for_the_same_graph_only(void **context)
{
    (void)context;
    struct geo_graph *graph = random_town(9), *same = random_town(9), *other = random_town(9);
    struct geo_tiles *a, *b, *c;
    struct geo_error error;
    other->shape[0].lon_e7 += 50;
    assert_int_equal(geo_tiles_new(graph, &a, &error), GEO_OK);
    assert_int_equal(geo_tiles_new(same, &b, &error), GEO_OK);
    assert_int_equal(geo_tiles_new(other, &c, &error), GEO_OK);
    assert_true(geo_tiles_tag(a) == geo_tiles_tag(b));
    assert_true(geo_tiles_tag(a) != geo_tiles_tag(c));
    struct geo_tile_scratch *fresh = geo_tile_scratch_new();
    for (uint32_t z = 10; z <= 18; z++) {
        struct geo_tile first, second;
        struct geo_tile_id id = geo_tile_at(graph->shape[z], z);
        assert_int_equal(geo_tile_build(a, scratch, id, &first), GEO_OK);
        assert_int_equal(geo_tile_build(b, fresh, id, &second), GEO_OK);
        assert_int_equal(first.size, second.size);
        if (first.size > 0) assert_memory_equal(first.data, second.data, first.size);
    }
    geo_tile_scratch_free(fresh);
    geo_tiles_free(a);
    geo_tiles_free(b);
    geo_tiles_free(c);
    geo_graph_free(graph);
    geo_graph_free(same);
    geo_graph_free(other);
}

static void test_tiles_refuse_a_graph_that_points_outside(void **context)
{
    (void)context;
    for (int fault = 0; fault < 5; fault++) {
        struct geo_graph *graph = random_town(3);
        struct geo_error error = {.text = ""};
        if (fault == 0) graph->arcs[5].shape_first = graph->shape_count - 1;
        if (fault == 1) graph->arcs[5].shape_count = UINT32_MAX;
        if (fault == 2) graph->arcs[5].name = graph->name_bytes;
        if (fault == 3) graph->arcs[5].road_class = GEO_CLASS_COUNT;
        if (fault == 4) /* each arc a shape over all that follow: quadratic work */
            for (uint32_t a = 0; a < graph->arc_count; a++) graph->arcs[a].shape_first = a, graph->arcs[a].shape_count = graph->shape_count - a;
        assert_int_equal(geo_tiles_new(graph, &tiles, &error), GEO_INVALID);
        assert_true(error.text[0] != 0);
        tiles = NULL;
        geo_graph_free(graph);
    }
}

static void test_tile_id_parse_takes_plain_numbers_only(void **context)
{
    (void)context;
    static const char *const INVALID[] = {"", "1", "1/2", "1/2/", "/1/2", "1//2", "1/2/3/", "1/2/3/4", "a/b/c", "1/2/3.mvt", "-1/0/0", "+1/0/0", " 1/0/0", "1/0/0 ", "01/0/0", "1/00/0",
                                          "1/0x1/0", "9999999999/0/0", "1/1e0/0", "1/1.0/0"};
    static const char *const ABSENT[] = {"19/0/0", "0/1/0", "0/0/1", "18/262144/0", "18/0/262144", "5/32/0", "999999999/0/0", "3/999999999/0"};
    struct geo_tile_id id;
    struct geo_error error;
    for (size_t i = 0; i < sizeof INVALID / sizeof INVALID[0]; i++) assert_int_equal(geo_tile_id_parse(INVALID[i], strlen(INVALID[i]), &id, &error), GEO_INVALID);
    for (size_t i = 0; i < sizeof ABSENT / sizeof ABSENT[0]; i++) assert_int_equal(geo_tile_id_parse(ABSENT[i], strlen(ABSENT[i]), &id, &error), GEO_NOT_FOUND);
    assert_int_equal(geo_tile_id_parse("18/262143/0", 11, &id, &error), GEO_OK);
    assert_true(id.z == 18 && id.x == 262143 && id.y == 0);
    assert_int_equal(geo_tile_id_parse("0/0/0", 5, &id, &error), GEO_OK);
    assert_int_equal(geo_tile_id_parse("1/0\0000/", 6, &id, &error), GEO_INVALID);
}

static void test_tile_at_follows_the_formula(void **context)
{
    (void)context;
    uint64_t state = 77;
    for (int i = 0; i < 20000; i++) {
        struct geo_point point = {(int32_t)random_up_to(&state, 1700000000) - 850000000, (int32_t)(random_up_to(&state, 3599999998u) - 1799999999u)};
        uint32_t zoom = random_up_to(&state, GEO_TILE_ZOOM_MAX);
        struct geo_tile_id id = geo_tile_at(point, zoom);
        struct place p = place_of(point, id); /* in its own tile */
        assert_true(p.x > -0.01 && p.x < GEO_TILE_EXTENT + 0.01 && p.y > -0.01 && p.y < GEO_TILE_EXTENT + 0.01);
    }
    struct geo_tile_id pole = geo_tile_at((struct geo_point){900000000, 1800000000}, 4);
    assert_true(pole.x == 15 && pole.y == 0);
    pole = geo_tile_at((struct geo_point){-900000000, -1800000000}, 4);
    assert_true(pole.x == 0 && pole.y == 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tile_shows_all_roads_and_nothing_else),
        cmocka_unit_test(test_tile_meets_its_neighbour_to_the_unit),
        cmocka_unit_test_setup_teardown(test_tile_joins_the_roads_of_a_way, open_all, close_all),
        cmocka_unit_test_setup_teardown(test_tile_draws_one_way_roads_along_the_traffic, open_all, close_all),
        cmocka_unit_test_setup_teardown(test_tile_holds_names_that_any_decoder_can_read, open_all, close_all),
        cmocka_unit_test_setup_teardown(test_tile_stays_within_its_bounds, open_all, close_all),
        cmocka_unit_test_setup_teardown(test_tile_does_not_go_round_the_world_at_the_date_line, open_all, close_all),
        cmocka_unit_test_setup_teardown(test_tile_is_the_same_for_the_same_graph_only, open_all, close_all),
        cmocka_unit_test_setup_teardown(test_tiles_refuse_a_graph_that_points_outside, open_all, close_all),
        cmocka_unit_test(test_tile_id_parse_takes_plain_numbers_only),
        cmocka_unit_test(test_tile_at_follows_the_formula),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
