/* The HTTP listener alone, on a map, for the tests in this folder: `tile_server MAP` serves until its input ends ("ready" and "unready" on a line set what
 * /healthz says); `tile_server --roads MAP` prints the roads of the map as JSON lines, read straight from the graph: the tests' oracle. */
#include "geo/geo.h"
#include "geo_tile/geo_tile.h"
#include "web/web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct geo_map *open_map(const char *path)
{
    struct geo_map *map;
    struct geo_error error;
    if (geo_map_open(path, &map, &error) != GEO_OK) {
        fprintf(stderr, "tile_server: %s\n", error.text);
        exit(1);
    }
    return map;
}

/* Bits by shape: 1 if an arc walks it forward, 2 if one walks it backward. */
static uint8_t *walked(const struct geo_graph *graph)
{
    uint8_t *bits = mem_zalloc(graph->shape_count, 1);
    for (uint32_t a = 0; a < graph->arc_count; a++) bits[graph->arcs[a].shape_first] |= graph->arcs[a].reversed ? 2 : 1;
    return bits;
}

static int print_roads(const struct geo_graph *graph)
{
    uint8_t *bits = walked(graph);
    struct buffer out;
    buffer_init(&out, (size_t)1 << 31);
    for (uint32_t a = 0; a < graph->arc_count; a++) {
        const struct geo_arc *arc = &graph->arcs[a];
        const char *name = graph->names + arc->name;
        buffer_printf(&out, "{\"shape\":%u,\"class\":%u,\"way\":%lld,\"oneway\":%s,\"name\":", arc->shape_first, arc->road_class, (long long)arc->way, bits[arc->shape_first] == 3 ? "false" : "true");
        buffer_json_string(&out, name, strlen(name));
        buffer_printf(&out, ",\"points\":[");
        for (uint32_t i = 0; i < arc->shape_count; i++) {
            struct geo_point point = graph->shape[arc->shape_first + (arc->reversed ? arc->shape_count - 1 - i : i)];
            buffer_printf(&out, "%s[%d,%d]", i ? "," : "", point.lat_e7, point.lon_e7);
        }
        buffer_printf(&out, "]}\n");
    }
    fwrite(out.data, 1, out.size, stdout);
    buffer_deinit(&out);
    free(bits);
    return 0;
}

static int serve(const struct geo_graph *graph)
{
    struct geo_error geo_error;
    struct error error;
    struct web_options options = {.address = "127.0.0.1:0"};
    struct web *web;
    if (geo_tiles_new(graph, &options.tiles, &geo_error) != GEO_OK || web_start(&options, &web, &error) != STATUS_OK) {
        fprintf(stderr, "tile_server: could not start\n");
        return 1;
    }
    web_set_ready(web, true);
    printf("http address=%s\n", web_address(web));
    fflush(stdout);
    char line[32];
    while (fgets(line, sizeof line, stdin)) {
        web_set_ready(web, strcmp(line, "unready\n") != 0);
        printf("done\n");
        fflush(stdout);
    }
    web_stop(web);
    return 0;
}

int main(int argc, char **argv)
{
    bool roads = argc == 3 && strcmp(argv[1], "--roads") == 0;
    if (!roads && argc != 2) {
        fprintf(stderr, "usage: tile_server [--roads] MAP\n");
        return 2;
    }
    struct geo_map *map = open_map(argv[argc - 1]);
    int code = roads ? print_roads(geo_map_graph(map)) : serve(geo_map_graph(map));
    geo_map_unref(map);
    return code;
}
