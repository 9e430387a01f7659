/* The graph in the text format of the 9th DIMACS Implementation Challenge, so that anyone can run a peer on the same graph. */
#include "map.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static FILE *open_part(const char *prefix, const char *suffix, char *path, size_t capacity)
{
    int length = snprintf(path, capacity, "%s%s", prefix, suffix);
    if (length < 0 || (size_t)length >= capacity) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    return fopen(path, "we");
}

static enum geo_status finish(FILE *file, const char *path, struct geo_error *error)
{
    int bad = ferror(file);
    if (fclose(file) != 0 || bad) return geo_error_set(error, GEO_IO, "cannot write %s", path);
    return GEO_OK;
}

enum geo_status geo_map_export_dimacs(const struct geo_map *map, const char *prefix, struct geo_error *error)
{
    const struct geo_graph *graph = &map->file.graph;
    char path[4096];
    FILE *file = open_part(prefix, ".gr", path, sizeof path);
    if (!file) return geo_error_set(error, GEO_IO, "cannot write %s.gr: %s", prefix, strerror(errno));
    fprintf(file, "c travel times in milliseconds\np sp %u %u\n", graph->node_count, graph->arc_count);
    for (uint32_t a = 0; a < graph->arc_count; a++) fprintf(file, "a %u %u %u\n", graph->arcs[a].tail + 1, graph->arcs[a].head + 1, graph->arcs[a].turn_ms + graph->arcs[a].travel_ms);
    enum geo_status rc = finish(file, path, error);
    if (rc != GEO_OK) return rc;
    file = open_part(prefix, ".co", path, sizeof path);
    if (!file) return geo_error_set(error, GEO_IO, "cannot write %s.co: %s", prefix, strerror(errno));
    fprintf(file, "c longitude and latitude in 1e-6 degrees\np aux sp co %u\n", graph->node_count);
    for (uint32_t n = 0; n < graph->node_count; n++) fprintf(file, "v %u %d %d\n", n + 1, graph->nodes[n].lon_e7 / 10, graph->nodes[n].lat_e7 / 10);
    return finish(file, path, error);
}
