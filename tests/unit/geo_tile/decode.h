/* A second reader of vector tiles, written from the specification: strict where a lenient one would hide a fault. And small graphs to draw. */
#ifndef TESTS_GEO_TILE_DECODE_H
#define TESTS_GEO_TILE_DECODE_H

#include "geo_tile/geo_tile.h"

struct seen_line {
    uint32_t feature, first, count; /* into points */
};
struct seen_feature {
    uint64_t id;
    bool has_id, oneway;
    char road_class[16];
    char name[GEO_TILE_NAME_MAX + 1];
};
struct seen {
    struct seen_feature *features;
    struct seen_line *lines;
    struct { int32_t x, y; } *points;
    uint32_t feature_count, line_count, point_count;
};
/** What is wrong with the tile, or NULL. Any bytes: what it finds in them is freed by seen_free either way. */
const char *seen_read(struct seen *out, const uint8_t *data, size_t size);
void seen_free(struct seen *seen);

/* ---- graphs ---- */

/** A graph with room for so many arcs and points; one at a time is being added to. */
struct geo_graph *town_new(uint32_t arcs, uint32_t points);
struct town_road {
    const struct geo_point *points;
    uint32_t count;
    int64_t way;
    const char *name;
    enum geo_class road_class;
    bool both_ways, drawn_backward; /* drawn_backward: the shape lies against the first arc */
};
/** One arc, or two if both ways. */
void town_add(struct geo_graph *graph, const struct town_road *road);
const char *class_name(enum geo_class road_class);
uint64_t random_next(uint64_t *state); /* splitmix64 */
static inline uint32_t random_up_to(uint64_t *state, uint32_t most)
{
    return (uint32_t)(random_next(state) % ((uint64_t)most + 1));
}

#endif
