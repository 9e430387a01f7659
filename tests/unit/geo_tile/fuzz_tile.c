/* Any small graph, any tile: 8 bytes choose the tile, the rest is roads. What comes out is read by the strict decoder; bounds and sameness hold. */
#include "decode.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROADS_MAX = 64 };

struct input {
    const uint8_t *data;
    size_t left;
};

static uint32_t take(struct input *in, size_t bytes)
{
    uint32_t value = 0;
    for (; bytes > 0; bytes--, value = value << 8) {
        if (in->left == 0) continue;
        value |= *in->data++;
        in->left--;
    }
    return value >> 8;
}

static uint32_t take_32(struct input *in)
{
    uint32_t high = take(in, 2);
    return high << 16 | take(in, 2);
}

/* Near each other around Beijing, or anywhere: also where no point of the Earth is. */
static struct geo_point take_point(struct input *in, uint32_t kind, struct geo_point near)
{
    if (kind == 0) return (struct geo_point){(int32_t)((uint32_t)near.lat_e7 + take(in, 1) * 64 - 8192), (int32_t)((uint32_t)near.lon_e7 + take(in, 1) * 64 - 8192)};
    if (kind == 1) return (struct geo_point){399000000 + (int32_t)take(in, 2) * 16, 1164000000 + (int32_t)take(in, 2) * 16};
    return (struct geo_point){(int32_t)take_32(in), (int32_t)take_32(in)};
}

static void take_road(struct input *in, struct geo_graph *graph)
{
    static const char *const NAMES[] = {"", "A", "\xe9\x95\xbf\xe5\xae\x89\xe8\xa1\x97", "\xff", "B"};
    struct geo_point points[600], near = graph->shape_count ? graph->shape[graph->shape_count - 1] : (struct geo_point){399000000, 1164000000};
    uint32_t head = take(in, 1), style = take(in, 1), count = 2 + (head & 7);
    if (head >= 250) count = 600;
    for (uint32_t i = 0; i < count; i++) points[i] = near = i == 0 && style & 1 ? near : take_point(in, style >> 1 & 3, near);
    town_add(graph, &(struct town_road){points, count, (int64_t)(style >> 6) - 1, NAMES[take(in, 1) % 5], (enum geo_class)((head >> 3) % GEO_CLASS_COUNT), style & 8, style & 16});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct geo_graph *graph = town_new(ROADS_MAX * 2, ROADS_MAX * 600);
    struct geo_tiles *tiles = NULL;
    struct geo_error error;
    struct geo_tile_id id = {take(&in, 1) % 20, take_32(&in), take(&in, 3)};
    bool at_home = id.z < 20 && id.x % 4 != 0;
    while (in.left > 0 && graph->arc_count < ROADS_MAX) take_road(&in, graph);
    if (graph->arc_count > 0 && size % 7 == 0) graph->arcs[0].shape_first = id.x; /* an index out of bounds */
    static struct geo_tile_scratch *scratch; /* kept: what one tile leaves must not show in the next */
    if (!scratch) scratch = geo_tile_scratch_new();
    if (geo_tiles_new(graph, &tiles, &error) == GEO_OK && scratch) {
        if (at_home && graph->shape_count > 0) id = geo_tile_at(graph->shape[id.y % graph->shape_count], id.z);
        struct geo_tile tile, again;
        struct seen seen;
        if (geo_tile_build(tiles, scratch, id, &tile) == GEO_OK) {
            const char *fault = seen_read(&seen, tile.data, tile.size);
            if (fault || seen.feature_count != tile.feature_count || seen.line_count != tile.line_count || seen.point_count != tile.point_count) abort();
            if (tile.size > GEO_TILE_BYTES_MAX || tile.left_out > 0) abort();
            seen_free(&seen);
            uint8_t *copy = malloc(tile.size + 1);
            if (tile.size > 0) memcpy(copy, tile.data, tile.size);
            if (geo_tile_build(tiles, scratch, id, &again) != GEO_OK || again.size != tile.size || (tile.size > 0 && memcmp(copy, again.data, tile.size) != 0)) abort();
            free(copy);
        } else if (id.z <= GEO_TILE_ZOOM_MAX && id.x >> id.z == 0 && id.y >> id.z == 0) {
            abort();
        }
    }
    (void)geo_tile_id_parse((const char *)data, size, &id, &error);
    geo_tiles_free(tiles);
    geo_graph_free(graph);
    return 0;
}
