/* What the files of geo_tile share: the strokes that are drawn, their names, the trees that find them, the pen's memory. */
#ifndef GEO_TILE_TILE_H
#define GEO_TILE_TILE_H

#include "geo_tile/geo_tile.h"

enum {
    STROKE_POINTS_MAX = 256,   /* so that simplifying is bounded and a tile looks at little that it does not show */
    TILE_FANOUT = 16,
    TILE_LEVELS_MAX = 8,       /* 16^8 leaves: all that 32 bits count */
    TILE_VERSION = 1,          /* another way of drawing is another tag */
};

/** The whole world is 2^32 wide and high in Web Mercator; y goes south. A unit is at most 1 cm. */
struct tile_point {
    uint32_t x, y;
};
struct tile_box {
    uint32_t west, north, east, south; /* all within */
};

/** A line of one way: roads joined end to end. */
struct stroke {
    int64_t way;               /* 0 or below: none known */
    uint32_t first, count;     /* into points; 2 .. STROKE_POINTS_MAX */
    uint32_t name;             /* into tile_names; 0: none */
    uint8_t road_class, oneway;
    uint16_t spare;
};

/** Names, each text once. */
struct tile_names {
    uint32_t count, text_size, text_capacity, slot_count;
    uint32_t *first;           /* by name: where it begins in `text`; it ends where the next begins */
    char *text;
    uint32_t *slots;           /* open addressing: name + 1 */
    uint32_t capacity;
};
geo_must_use bool tile_names_init(struct tile_names *names);
void tile_names_deinit(struct tile_names *names);
/** The number of a zero-terminated text that ends before `end`: cut to GEO_TILE_NAME_MAX bytes between characters; "" and what is not UTF-8 are 0.
 *  False: no memory. */
geo_must_use bool tile_names_add(struct tile_names *names, const char *text, const char *end, uint32_t *out);
static inline const char *tile_name(const struct tile_names *names, uint32_t name, uint32_t *length)
{
    *length = names->first[name + 1] - names->first[name];
    return names->text + names->first[name];
}

/** A packed Hilbert R-tree over the strokes of one class. */
struct tile_tree {
    uint32_t count, level_count;
    uint32_t *strokes;                       /* in Hilbert order */
    uint32_t level_first[TILE_LEVELS_MAX + 1]; /* into boxes; level 0 has a box for each stroke */
    struct tile_box *boxes;
};
geo_must_use bool tile_tree_init(struct tile_tree *tree, const struct tile_point *points, const struct stroke *strokes, uint32_t first, uint32_t count);
void tile_tree_deinit(struct tile_tree *tree);
/** The strokes whose boxes touch `box`, in no order; returns how many. NULL: count only. */
uint32_t tile_tree_find(const struct tile_tree *tree, const struct tile_box *box, uint32_t *out);

struct geo_tiles {
    struct tile_point *points;
    struct stroke *strokes;                  /* by class, then way, name, direction */
    uint32_t point_count, stroke_count;
    struct tile_names names;
    struct tile_tree trees[GEO_CLASS_COUNT];
    uint64_t tag;
};

struct tile_point tile_point_of(struct geo_point point);
struct geo_point tile_point_to(struct tile_point point);
/** Fill points, strokes and names from the graph. */
geo_must_use enum geo_status tile_strokes(const struct geo_graph *graph, struct geo_tiles *out, struct geo_error *error);

/* ---- drawing ---- */

struct pen_point {
    int32_t x, y;              /* of the tile: 0,0 is its north-west corner, 4096 its size */
};
/** One stroke in one tile: lines as counts of points that follow each other. */
struct pen {
    uint32_t line_count, point_count;
    uint32_t lines[STROKE_POINTS_MAX];             /* points of each, at least 2 */
    struct pen_point points[2 * STROKE_POINTS_MAX];
};
/** Quantise, simplify, clip. What is less than a unit long draws nothing. */
void pen_draw(struct pen *pen, const struct tile_point *points, uint32_t count, struct geo_tile_id id);

/* ---- bytes ---- */

/** Grows; `failed` once there was no memory. */
struct pen_bytes {
    uint8_t *data;
    size_t size, capacity;
    bool failed;
};
void pen_bytes_deinit(struct pen_bytes *bytes);
bool pen_bytes_room(struct pen_bytes *bytes, size_t more);
void pen_varint(struct pen_bytes *bytes, uint64_t value);
void pen_field(struct pen_bytes *bytes, uint32_t field, const void *data, size_t size); /* length-delimited */
void pen_append(struct pen_bytes *bytes, const void *data, size_t size);
/** Commands and zigzag deltas of all lines; `cursor` goes on from line to line of a feature. */
void pen_geometry(struct pen_bytes *bytes, const struct pen *pen, struct pen_point *cursor);

/* ---- the layer ---- */

struct value_slot {
    uint32_t stamp, name, value;
};
/** The layer "roads" of one tile being written: features that were taken, the table of values. */
struct layer {
    struct pen_bytes features, values, message, tags;
    struct value_slot *slots;      /* names that have a value in this tile; those of older tiles bear another stamp */
    uint32_t stamp, value_count, feature_count;
    uint32_t class_values[GEO_CLASS_COUNT], true_value; /* VALUE_NONE: not in the table yet */
};
geo_must_use bool layer_init(struct layer *layer);
void layer_deinit(struct layer *layer);
void layer_begin(struct layer *layer);
/** What a feature says. */
struct feature_words {
    int64_t way;
    uint32_t class_number;
    const char *class_name, *name; /* name_length 0: none */
    uint32_t name_number, name_length;
    bool oneway;
};
/** False: it would pass GEO_TILE_BYTES_MAX or GEO_TILE_FEATURES_MAX, and nothing was added. */
geo_must_use bool layer_add(struct layer *layer, const struct feature_words *words, const uint8_t *geometry, size_t size);
/** The whole tile; nothing if the layer has no feature. False: no memory somewhere on the way. */
geo_must_use bool layer_finish(struct layer *layer, struct pen_bytes *out);

#endif
