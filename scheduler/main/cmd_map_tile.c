/* meddispatch map tile: one vector tile to a file, as /tiles would send it. Wiring: the drawing is geo_tile's. */
#include "cmd_map_tile.h"

#include "geo/geo.h"
#include "geo_tile/geo_tile.h"
#include "money_commands.h"

#include <stdio.h>
#include <string.h>

static int told(enum geo_status status, const struct geo_error *error)
{
    fprintf(stderr, "meddispatch map tile: %s\n", error->text[0] ? error->text : "failed");
    return status == GEO_INVALID || status == GEO_LIMIT ? EXIT_REFUSED : status == GEO_NOT_FOUND ? EXIT_NO : EXIT_AWAY;
}

static enum geo_status write_file(const char *path, const struct geo_tile *tile, struct geo_error *error)
{
    FILE *file = fopen(path, "wb");
    if (!file) return geo_error_set(error, GEO_IO, "%s cannot be written", path);
    bool good = fwrite(tile->data, 1, tile->size, file) == tile->size;
    good = fclose(file) == 0 && good;
    return good ? GEO_OK : geo_error_set(error, GEO_IO, "%s cannot be written", path);
}

int map_tile(const char *map_path, const char *tile, const char *out, bool json)
{
    struct geo_error error = {.text = ""};
    struct geo_map *map = NULL;
    struct geo_tiles *tiles = NULL;
    struct geo_tile_scratch *scratch = NULL;
    struct geo_tile_id id;
    struct geo_tile drawn = {.size = 0};
    if (geo_tile_id_parse(tile, strlen(tile), &id, &error) != GEO_OK) return told(GEO_INVALID, &error);
    enum geo_status rc = geo_map_open(map_path, &map, &error);
    if (rc == GEO_OK) rc = geo_tiles_new(geo_map_graph(map), &tiles, &error);
    if (rc == GEO_OK && !(scratch = geo_tile_scratch_new())) rc = GEO_NO_MEMORY;
    if (rc == GEO_OK) rc = geo_tile_build(tiles, scratch, id, &drawn);
    if (rc == GEO_OK && drawn.size == 0) rc = geo_error_set(&error, GEO_NOT_FOUND, "nothing is drawn there");
    if (rc == GEO_OK) rc = write_file(out, &drawn, &error);
    int code = rc == GEO_OK ? EXIT_DONE : told(rc, &error);
    if (rc == GEO_OK && json)
        printf("{\"bytes\":%zu,\"features\":%u,\"lines\":%u,\"points\":%u,\"left_out\":%u}\n", drawn.size, drawn.feature_count, drawn.line_count,
               drawn.point_count, drawn.left_out);
    else if (rc == GEO_OK)
        printf("%s: %zu bytes, %u features, %u lines, %u points\n", out, drawn.size, drawn.feature_count, drawn.line_count, drawn.point_count);
    geo_tile_scratch_free(scratch);
    geo_tiles_free(tiles);
    geo_map_unref(map);
    return code;
}
