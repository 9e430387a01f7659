/* From arcs to strokes: each road once (an arc, its reverse and the copies that splitting made share their shape), the roads of one way joined end
 * to end where they meet, cut to a length that keeps every later step bounded. Joining here and not in the tile makes neighbouring tiles agree. */
#include "tile.h"

#include <stdlib.h>
#include <string.h>

enum { JOIN_WINDOW = 48 }; /* how many roads of a way are looked at for the next one: keeps a way of a million roads linear */

struct piece {
    int64_t way;
    uint32_t arc, name;
    uint8_t road_class, oneway, used;
};

struct pieces {
    struct piece *piece;
    uint32_t count;
    uint64_t points;
};

static struct geo_point arc_point(const struct geo_graph *graph, uint32_t a, uint32_t i)
{
    const struct geo_arc *arc = &graph->arcs[a];
    return graph->shape[arc->shape_first + (arc->reversed ? arc->shape_count - 1 - i : i)];
}

static const char *arc_fault(const struct geo_graph *graph, const struct geo_arc *arc)
{
    if (arc->shape_count < 2 || arc->shape_first > graph->shape_count || arc->shape_count > graph->shape_count - arc->shape_first) return "a shape out of bounds";
    if (arc->road_class >= GEO_CLASS_COUNT) return "an unknown road class";
    if (arc->name >= graph->name_bytes) return "a name out of bounds";
    return NULL;
}

/* One piece for each shape; it is drawn along the first arc that has it, and is one-way if no arc runs against that. */
static enum geo_status collect(const struct geo_graph *graph, struct tile_names *names, uint32_t *piece_at, struct pieces *out, struct geo_error *error)
{
    for (uint32_t a = 0; a < graph->arc_count; a++) {
        const struct geo_arc *arc = &graph->arcs[a];
        const char *fault = arc_fault(graph, arc);
        if (fault) return geo_error_set(error, GEO_INVALID, "arc %u has %s", a, fault);
        uint32_t known = piece_at[arc->shape_first];
        if (known) {
            struct piece *piece = &out->piece[known - 1];
            if (graph->arcs[piece->arc].reversed != arc->reversed) piece->oneway = 0;
            continue;
        }
        struct piece *piece = &out->piece[out->count++];
        *piece = (struct piece){.way = arc->way, .arc = a, .road_class = arc->road_class, .oneway = 1};
        if (!tile_names_add(names, graph->names + arc->name, graph->names + graph->name_bytes, &piece->name)) return geo_error_set(error, GEO_NO_MEMORY, "no memory for names");
        piece_at[arc->shape_first] = out->count;
        out->points += arc->shape_count;
    }
    /* shapes lie one after the other; if many lay over each other, drawing them would cost far more than the map is large */
    if (out->points > (uint64_t)graph->shape_count + graph->arc_count) return geo_error_set(error, GEO_INVALID, "the shapes of its roads overlap");
    return GEO_OK;
}

static int compare_feature(const struct piece *a, const struct piece *b)
{
    if (a->road_class != b->road_class) return a->road_class < b->road_class ? -1 : 1;
    if (a->way != b->way) return a->way < b->way ? -1 : 1;
    if (a->name != b->name) return a->name < b->name ? -1 : 1;
    return (a->oneway > b->oneway) - (a->oneway < b->oneway);
}

static int by_feature(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;
    int order = compare_feature(x, y);
    return order ? order : (x->arc > y->arc) - (x->arc < y->arc);
}

/* ---- joining ---- */

struct link {
    uint32_t piece;
    bool flipped;
};

static bool is_same(struct geo_point a, struct geo_point b)
{
    return a.lat_e7 == b.lat_e7 && a.lon_e7 == b.lon_e7;
}

static struct geo_point piece_end(const struct geo_graph *graph, const struct piece *piece, bool last)
{
    return arc_point(graph, piece->arc, last ? graph->arcs[piece->arc].shape_count - 1 : 0);
}

/* An unused piece of first .. end that begins at `at` (or ends there, if `backward`); two-way roads may be turned round. */
static bool next_link(const struct geo_graph *graph, const struct pieces *pieces, uint32_t first, uint32_t end, struct geo_point at, bool backward, struct link *out)
{
    for (uint32_t i = first; i < end; i++) {
        const struct piece *piece = &pieces->piece[i];
        if (piece->used) continue;
        *out = (struct link){i, false};
        if (is_same(piece_end(graph, piece, backward), at)) return true;
        out->flipped = true;
        if (!piece->oneway && is_same(piece_end(graph, piece, !backward), at)) return true;
    }
    return false;
}

/* ---- writing ---- */

struct writer {
    struct geo_tiles *tiles;
    uint32_t begin;            /* of the stroke being written */
    struct stroke like;
};

static void stroke_close(struct writer *writer)
{
    struct geo_tiles *tiles = writer->tiles;
    uint32_t count = tiles->point_count - writer->begin;
    if (count >= 2) {
        struct stroke *stroke = &tiles->strokes[tiles->stroke_count++];
        *stroke = writer->like;
        stroke->first = writer->begin;
        stroke->count = count;
    } else {
        tiles->point_count = writer->begin; /* a road shorter than the world's unit */
    }
    writer->begin = tiles->point_count;
}

static void stroke_point(struct writer *writer, struct tile_point point)
{
    struct geo_tiles *tiles = writer->tiles;
    if (tiles->point_count > writer->begin) {
        struct tile_point last = tiles->points[tiles->point_count - 1];
        if (last.x == point.x && last.y == point.y) return;
        if ((last.x > point.x ? last.x - point.x : point.x - last.x) > UINT32_MAX / 2) {
            stroke_close(writer); /* over the date line, not round the world */
        } else if (tiles->point_count - writer->begin == STROKE_POINTS_MAX) {
            stroke_close(writer);
            tiles->points[tiles->point_count++] = last;
        }
    }
    tiles->points[tiles->point_count++] = point;
}

static void write_link(struct writer *writer, const struct geo_graph *graph, const struct pieces *pieces, struct link link)
{
    uint32_t arc = pieces->piece[link.piece].arc, count = graph->arcs[arc].shape_count;
    for (uint32_t i = 0; i < count; i++) stroke_point(writer, tile_point_of(arc_point(graph, arc, link.flipped ? count - 1 - i : i)));
}

/* The chain through piece `first`, as far as it goes on both sides. */
static void write_chain(struct writer *writer, const struct geo_graph *graph, struct pieces *pieces, uint32_t first, uint32_t group_end)
{
    struct link before[JOIN_WINDOW], after[JOIN_WINDOW], link;
    uint32_t before_count = 0, after_count = 0, end = group_end - first > JOIN_WINDOW ? first + JOIN_WINDOW : group_end;
    struct piece *piece = &pieces->piece[first];
    struct geo_point head = piece_end(graph, piece, true), tail = piece_end(graph, piece, false);
    piece->used = 1;
    while (next_link(graph, pieces, first + 1, end, head, false, &link)) {
        after[after_count++] = link;
        pieces->piece[link.piece].used = 1;
        head = piece_end(graph, &pieces->piece[link.piece], !link.flipped);
    }
    while (next_link(graph, pieces, first + 1, end, tail, true, &link)) {
        before[before_count++] = link;
        pieces->piece[link.piece].used = 1;
        tail = piece_end(graph, &pieces->piece[link.piece], link.flipped);
    }
    writer->like = (struct stroke){.way = piece->way, .name = piece->name, .road_class = piece->road_class, .oneway = piece->oneway};
    while (before_count > 0) write_link(writer, graph, pieces, before[--before_count]);
    write_link(writer, graph, pieces, (struct link){first, false});
    for (uint32_t i = 0; i < after_count; i++) write_link(writer, graph, pieces, after[i]);
    stroke_close(writer);
}

static void write_all(const struct geo_graph *graph, struct pieces *pieces, struct geo_tiles *out)
{
    struct writer writer = {.tiles = out};
    qsort(pieces->piece, pieces->count, sizeof *pieces->piece, by_feature);
    for (uint32_t begin = 0, end; begin < pieces->count; begin = end) {
        for (end = begin + 1; end < pieces->count && compare_feature(&pieces->piece[begin], &pieces->piece[end]) == 0;) end++;
        for (uint32_t i = begin; i < end; i++)
            if (!pieces->piece[i].used) write_chain(&writer, graph, pieces, i, end);
    }
}

enum geo_status tile_strokes(const struct geo_graph *graph, struct geo_tiles *out, struct geo_error *error)
{
    struct pieces pieces = {.piece = calloc((size_t)graph->arc_count + 1, sizeof *pieces.piece)};
    uint32_t *piece_at = calloc((size_t)graph->shape_count + 1, sizeof *piece_at);
    enum geo_status rc = GEO_OK;
    if (!pieces.piece || !piece_at || !tile_names_init(&out->names)) rc = geo_error_set(error, GEO_NO_MEMORY, "no memory for tiles");
    if (rc == GEO_OK) rc = collect(graph, &out->names, piece_at, &pieces, error);
    if (rc == GEO_OK) {
        /* each cut of a stroke repeats a point and comes after STROKE_POINTS_MAX - 1 new ones; one over the date line has two at least */
        size_t points = (size_t)pieces.points + (size_t)pieces.points / (STROKE_POINTS_MAX - 1) + 1, strokes = (size_t)pieces.points / 2 + pieces.count + 1;
        out->points = calloc(points, sizeof *out->points);
        out->strokes = calloc(strokes, sizeof *out->strokes);
        if (points > UINT32_MAX) rc = geo_error_set(error, GEO_LIMIT, "more than 2^32 points");
        else if (!out->points || !out->strokes) rc = geo_error_set(error, GEO_NO_MEMORY, "no memory for tiles");
        else write_all(graph, &pieces, out);
    }
    free(pieces.piece);
    free(piece_at);
    return rc;
}
