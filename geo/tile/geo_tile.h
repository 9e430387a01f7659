/** geo_tile: road vector tiles (Mapbox Vector Tile 2.1) drawn straight from a road graph, so that a board has a base map with no outside server.
 *
 *  One layer "roads" of lines, extent 4096, buffer 64. A feature is an OSM way: its id is the way's; it has `class` (text), `name` (text, if it has
 *  one and the zoom is near enough to read it) and `oneway` (true; then the lines run along the traffic). Which class is drawn from which zoom, and
 *  what is left out first of a tile that grows too big, stands in one table (build.c). The same graph and tile give the same bytes.
 */
#ifndef GEO_TILE_GEO_TILE_H
#define GEO_TILE_GEO_TILE_H

#include "geo_core/geo_core.h"
#include "geo_graph/geo_graph.h"

enum {
    GEO_TILE_ZOOM_MAX = 18,         /* a unit is 4 cm there; nearer is enlarged by who draws */
    GEO_TILE_EXTENT = 4096,
    GEO_TILE_BUFFER = 64,           /* lines go on this far beyond the edge, so that wide strokes meet */
    GEO_TILE_FEATURES_MAX = 16384,  /* of one tile */
    GEO_TILE_BYTES_MAX = 512 * 1024,
    GEO_TILE_NAME_MAX = 255,        /* bytes of a name; a longer one is cut between characters */
};

/** A tile of the Web Mercator pyramid: x from the west, y from the north. */
struct geo_tile_id {
    uint32_t z, x, y;
};
/** Read "Z/X/Y", decimal without signs or leading zeros. GEO_INVALID if it is none, GEO_NOT_FOUND if there is no such tile (z over 18, x or y over 2^z - 1). */
geo_must_use enum geo_status geo_tile_id_parse(const char *text, size_t length, struct geo_tile_id *out, struct geo_error *error);

/** What is drawn: immutable, any thread. A copy: the graph may go. */
struct geo_tiles;
/** `graph` has passed geo_graph_check or comes from an open map; its arrays are bounds-checked once more. GEO_INVALID, GEO_NO_MEMORY. */
geo_must_use enum geo_status geo_tiles_new(const struct geo_graph *graph, struct geo_tiles **out, struct geo_error *error);
void geo_tiles_free(struct geo_tiles *tiles); /* NULL is fine */
/** Tells this content and this way of drawing from others: what an ETag is made of. */
uint64_t geo_tiles_tag(const struct geo_tiles *tiles);
size_t geo_tiles_bytes(const struct geo_tiles *tiles);
/** The box of all that is drawn; false if that is nothing. */
bool geo_tiles_box(const struct geo_tiles *tiles, struct geo_point *south_west, struct geo_point *north_east);
/** The tile in which a point lies. */
struct geo_tile_id geo_tile_at(struct geo_point point, uint32_t zoom);

/** Memory of one thread's drawing; grows to what the biggest tile needs, which the bounds above and the map's density set. */
struct geo_tile_scratch;
struct geo_tile_scratch *geo_tile_scratch_new(void); /* NULL: no memory */
void geo_tile_scratch_free(struct geo_tile_scratch *scratch);

struct geo_tile {
    const uint8_t *data;      /* in the scratch, until the next build; an empty tile has size 0 */
    size_t size;
    uint32_t feature_count, line_count, point_count;
    uint32_t left_out;        /* features that would have passed a bound */
};
/** GEO_NOT_FOUND if there is no such tile, GEO_NO_MEMORY. */
geo_must_use enum geo_status geo_tile_build(const struct geo_tiles *tiles, struct geo_tile_scratch *scratch, struct geo_tile_id id, struct geo_tile *out);

#endif
