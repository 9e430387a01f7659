/* A whole tile: which classes and names at which zoom, features from strokes, tables of values, and the bounds with what is left out first. */
#include "tile.h"
#include "geo_file/geo_file.h"

#include <stdlib.h>
#include <string.h>

/* From the most important class down: when a tile grows too big, the classes below are left out first, and of the class that passes the bound the
 * features that draw the least. Zooms are chosen so that a dense city's tile stays near 100 kB. */
static const struct {
    enum geo_class road_class;
    const char *name;
    uint32_t from_zoom, named_from_zoom;
} CLASSES[] = {
    {GEO_CLASS_MOTORWAY, "motorway", 5, 11},        {GEO_CLASS_TRUNK, "trunk", 6, 11},        {GEO_CLASS_PRIMARY, "primary", 8, 12},
    {GEO_CLASS_SECONDARY, "secondary", 10, 12},     {GEO_CLASS_FERRY, "ferry", 10, 13},       {GEO_CLASS_TERTIARY, "tertiary", 11, 13},
    {GEO_CLASS_RESIDENTIAL, "residential", 12, 14}, {GEO_CLASS_OTHER, "other", 13, 15},       {GEO_CLASS_CYCLEWAY, "cycleway", 13, 15},
    {GEO_CLASS_TRACK, "track", 13, 15},             {GEO_CLASS_SERVICE, "service", 14, 15},   {GEO_CLASS_FOOTWAY, "footway", 14, 15},
    {GEO_CLASS_STEPS, "steps", 14, 16},
};
_Static_assert(sizeof CLASSES / sizeof CLASSES[0] == GEO_CLASS_COUNT, "each class has its row");

/* A feature of the class being drawn, its geometry encoded but not yet accepted. */
struct feature {
    uint32_t stroke;           /* the first of it: way, name, direction */
    uint32_t lines, points;
    uint64_t reach;            /* how much it draws, in units: the sum of its lines' larger sides */
    size_t first, size;        /* into geometry */
};

struct geo_tile_scratch {
    struct pen pen;
    struct layer layer;
    struct pen_bytes geometry, out;
    uint32_t *found;           /* strokes of a class */
    struct feature *features;  /* of a class */
    uint32_t feature_count, capacity; /* capacity: of both */
};

/* ---- what is drawn ---- */

static void tag(struct geo_tiles *tiles)
{
    uint64_t parts[5] = {
        TILE_VERSION,
        geo_file_checksum(tiles->points, (uint64_t)tiles->point_count * sizeof *tiles->points),
        geo_file_checksum(tiles->strokes, (uint64_t)tiles->stroke_count * sizeof *tiles->strokes),
        geo_file_checksum(tiles->names.text, tiles->names.text_size),
        geo_file_checksum(tiles->names.first, ((uint64_t)tiles->names.count + 1) * sizeof *tiles->names.first),
    };
    tiles->tag = geo_file_checksum(parts, sizeof parts);
}

enum geo_status geo_tiles_new(const struct geo_graph *graph, struct geo_tiles **out, struct geo_error *error)
{
    struct geo_tiles *tiles = calloc(1, sizeof *tiles);
    if (!tiles) return geo_error_set(error, GEO_NO_MEMORY, "no memory for tiles");
    enum geo_status rc = tile_strokes(graph, tiles, error);
    for (uint32_t c = 0, first = 0; rc == GEO_OK && c < GEO_CLASS_COUNT; c++) {
        uint32_t end = first;
        while (end < tiles->stroke_count && tiles->strokes[end].road_class == c) end++;
        if (!tile_tree_init(&tiles->trees[c], tiles->points, tiles->strokes, first, end - first)) rc = geo_error_set(error, GEO_NO_MEMORY, "no memory for tiles");
        first = end;
    }
    if (rc != GEO_OK) {
        geo_tiles_free(tiles);
        return rc;
    }
    tag(tiles);
    *out = tiles;
    return GEO_OK;
}

void geo_tiles_free(struct geo_tiles *tiles)
{
    if (!tiles) return;
    for (uint32_t c = 0; c < GEO_CLASS_COUNT; c++) tile_tree_deinit(&tiles->trees[c]);
    tile_names_deinit(&tiles->names);
    free(tiles->points);
    free(tiles->strokes);
    free(tiles);
}

uint64_t geo_tiles_tag(const struct geo_tiles *tiles)
{
    return tiles->tag;
}

size_t geo_tiles_bytes(const struct geo_tiles *tiles)
{
    const struct tile_names *names = &tiles->names;
    size_t bytes = sizeof *tiles + tiles->point_count * sizeof *tiles->points + tiles->stroke_count * sizeof *tiles->strokes + names->text_capacity +
                   ((size_t)names->capacity + names->slot_count) * sizeof(uint32_t);
    for (uint32_t c = 0; c < GEO_CLASS_COUNT; c++)
        bytes += tiles->trees[c].count * sizeof(uint32_t) + (size_t)tiles->trees[c].level_first[tiles->trees[c].level_count] * sizeof(struct tile_box);
    return bytes;
}

bool geo_tiles_box(const struct geo_tiles *tiles, struct geo_point *south_west, struct geo_point *north_east)
{
    struct tile_box all = {UINT32_MAX, UINT32_MAX, 0, 0};
    for (uint32_t i = 0; i < tiles->point_count; i++) {
        struct tile_point p = tiles->points[i];
        if (p.x < all.west) all.west = p.x;
        if (p.x > all.east) all.east = p.x;
        if (p.y < all.north) all.north = p.y;
        if (p.y > all.south) all.south = p.y;
    }
    *south_west = tile_point_to((struct tile_point){all.west, all.south});
    *north_east = tile_point_to((struct tile_point){all.east, all.north});
    return tiles->point_count > 0;
}

/* ---- scratch ---- */

struct geo_tile_scratch *geo_tile_scratch_new(void)
{
    struct geo_tile_scratch *scratch = calloc(1, sizeof *scratch);
    if (!scratch) return NULL;
    if (layer_init(&scratch->layer)) return scratch;
    geo_tile_scratch_free(scratch);
    return NULL;
}

void geo_tile_scratch_free(struct geo_tile_scratch *scratch)
{
    if (!scratch) return;
    layer_deinit(&scratch->layer);
    pen_bytes_deinit(&scratch->geometry);
    pen_bytes_deinit(&scratch->out);
    free(scratch->found);
    free(scratch->features);
    free(scratch);
}

static bool reserve(struct geo_tile_scratch *scratch, uint32_t wanted)
{
    if (scratch->capacity >= wanted) return true;
    wanted += wanted / 2; /* the next tile may be a little fuller */
    uint32_t *found = realloc(scratch->found, wanted * sizeof *found);
    if (found) scratch->found = found;
    struct feature *features = realloc(scratch->features, wanted * sizeof *features);
    if (features) scratch->features = features;
    if (!found || !features) return false;
    scratch->capacity = wanted;
    return true;
}

/* ---- features of one class ---- */

static bool is_same_feature(const struct stroke *a, const struct stroke *b)
{
    return a->way == b->way && a->name == b->name && a->oneway == b->oneway; /* the class is the tree's */
}

static uint64_t reach_of(const struct pen *pen)
{
    uint64_t reach = 0;
    const struct pen_point *point = pen->points;
    for (uint32_t line = 0; line < pen->line_count; line++, point++)
        for (uint32_t i = 1; i < pen->lines[line]; i++, point++) {
            int32_t dx = abs(point[1].x - point[0].x), dy = abs(point[1].y - point[0].y);
            reach += (uint64_t)(dx > dy ? dx : dy);
        }
    return reach;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int by_reach(const void *a, const void *b)
{
    const struct feature *x = a, *y = b;
    if (x->reach != y->reach) return x->reach > y->reach ? -1 : 1;
    return (x->stroke > y->stroke) - (x->stroke < y->stroke);
}

static struct tile_box box_of(struct geo_tile_id id)
{
    uint32_t bits = 32 - id.z; /* of a tile's side; a unit has bits - 12. Rounding brings in what lies half a unit outside */
    int64_t unit = INT64_C(1) << (bits - 12), side = INT64_C(1) << bits, margin = (GEO_TILE_BUFFER + 1) * unit;
    int64_t west = id.x * side - margin, north = id.y * side - margin, east = (id.x + 1) * side + margin, south = (id.y + 1) * side + margin;
    return (struct tile_box){west < 0 ? 0 : (uint32_t)west, north < 0 ? 0 : (uint32_t)north, east > UINT32_MAX ? UINT32_MAX : (uint32_t)east,
                             south > UINT32_MAX ? UINT32_MAX : (uint32_t)south};
}

/* All features of a class that draw something, their geometry encoded. False: no memory. */
static bool draw_class(const struct geo_tiles *tiles, struct geo_tile_scratch *scratch, struct geo_tile_id id, uint32_t road_class)
{
    struct tile_box box = box_of(id);
    uint32_t count = tile_tree_find(&tiles->trees[road_class], &box, NULL);
    if (!reserve(scratch, count)) return false;
    tile_tree_find(&tiles->trees[road_class], &box, scratch->found);
    if (count > 1) qsort(scratch->found, count, sizeof *scratch->found, by_number);
    scratch->feature_count = 0;
    scratch->geometry.size = 0;
    for (uint32_t begin = 0, end; begin < count; begin = end) {
        const struct stroke *like = &tiles->strokes[scratch->found[begin]];
        struct feature feature = {.stroke = scratch->found[begin], .first = scratch->geometry.size};
        struct pen_point cursor = {0, 0};
        for (end = begin; end < count && is_same_feature(like, &tiles->strokes[scratch->found[end]]); end++) {
            const struct stroke *stroke = &tiles->strokes[scratch->found[end]];
            pen_draw(&scratch->pen, tiles->points + stroke->first, stroke->count, id);
            pen_geometry(&scratch->geometry, &scratch->pen, &cursor);
            feature.lines += scratch->pen.line_count;
            feature.points += scratch->pen.point_count;
            feature.reach += reach_of(&scratch->pen);
        }
        feature.size = scratch->geometry.size - feature.first;
        if (feature.lines > 0) scratch->features[scratch->feature_count++] = feature;
    }
    return !scratch->geometry.failed;
}

/* Give a class to the layer; false when the tile is full. If not all fits, what draws most goes first. */
static bool add_class(const struct geo_tiles *tiles, struct geo_tile_scratch *scratch, uint32_t row, bool named, struct geo_tile *out)
{
    size_t sum = 0, spare = 64; /* of a feature: id, tags, lengths, class and true values; names come on top */
    for (uint32_t i = 0; i < scratch->feature_count; i++) sum += scratch->features[i].size + spare + (named ? GEO_TILE_NAME_MAX : 0);
    if (sum > GEO_TILE_BYTES_MAX - scratch->layer.features.size || scratch->feature_count > GEO_TILE_FEATURES_MAX - scratch->layer.feature_count)
        qsort(scratch->features, scratch->feature_count, sizeof *scratch->features, by_reach);
    for (uint32_t i = 0; i < scratch->feature_count; i++) {
        const struct feature *feature = &scratch->features[i];
        const struct stroke *stroke = &tiles->strokes[feature->stroke];
        struct feature_words words = {.way = stroke->way, .class_number = stroke->road_class, .class_name = CLASSES[row].name,
                                      .name_number = stroke->name, .oneway = stroke->oneway};
        words.name = tile_name(&tiles->names, named ? stroke->name : 0, &words.name_length);
        if (!layer_add(&scratch->layer, &words, scratch->geometry.data + feature->first, feature->size)) {
            out->left_out += scratch->feature_count - i;
            return false;
        }
        out->line_count += feature->lines;
        out->point_count += feature->points;
    }
    return true;
}

enum geo_status geo_tile_build(const struct geo_tiles *tiles, struct geo_tile_scratch *scratch, struct geo_tile_id id, struct geo_tile *out)
{
    *out = (struct geo_tile){0};
    if (id.z > GEO_TILE_ZOOM_MAX || id.x >> id.z || id.y >> id.z) return GEO_NOT_FOUND;
    bool room = true, good = true;
    scratch->geometry.failed = false;
    layer_begin(&scratch->layer);
    for (uint32_t row = 0; good && room && row < GEO_CLASS_COUNT; row++) {
        if (id.z < CLASSES[row].from_zoom) continue;
        good = draw_class(tiles, scratch, id, CLASSES[row].road_class);
        if (good) room = add_class(tiles, scratch, row, id.z >= CLASSES[row].named_from_zoom, out);
    }
    if (!good || !layer_finish(&scratch->layer, &scratch->out)) return GEO_NO_MEMORY;
    out->data = scratch->out.data;
    out->size = scratch->out.size;
    out->feature_count = scratch->layer.feature_count;
    return GEO_OK;
}
