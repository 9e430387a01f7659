/* How long tiles take and how large they are, by zoom: `bench_tiles MAP…` draws all tiles of each map (of zooms with more than 40,000, evenly chosen ones)
 * and prints a JSON line for each zoom. CPU time of the thread, so that a busy machine disturbs little. */
#include "geo/geo.h"
#include "geo_tile/geo_tile.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ACROSS_MAX = 200 };

static double cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_zoom(const char *map, uint32_t zoom, double *us, double *bytes, size_t count, size_t empty, uint32_t left_out)
{
    if (count == 0) return;
    qsort(us, count, sizeof *us, by_size);
    qsort(bytes, count, sizeof *bytes, by_size);
    printf("{\"map\":\"%s\",\"zoom\":%u,\"tiles\":%zu,\"empty\":%zu,\"us_p50\":%.1f,\"us_p99\":%.1f,\"us_max\":%.1f,\"bytes_p50\":%.0f,\"bytes_p99\":%.0f,\"bytes_max\":%.0f,\"left_out\":%u}\n",
           map, zoom, count, empty, us[count / 2], us[count * 99 / 100], us[count - 1], bytes[count / 2], bytes[count * 99 / 100], bytes[count - 1], left_out);
}

static void bench_zoom(const char *map, const struct geo_tiles *tiles, struct geo_tile_scratch *scratch, uint32_t zoom)
{
    static double us[(ACROSS_MAX + 1) * (ACROSS_MAX + 1)], bytes[(ACROSS_MAX + 1) * (ACROSS_MAX + 1)];
    struct geo_point south_west, north_east;
    if (!geo_tiles_box(tiles, &south_west, &north_east)) return;
    struct geo_tile_id first = geo_tile_at((struct geo_point){north_east.lat_e7, south_west.lon_e7}, zoom);
    struct geo_tile_id last = geo_tile_at((struct geo_point){south_west.lat_e7, north_east.lon_e7}, zoom);
    uint32_t step_x = (last.x - first.x) / ACROSS_MAX + 1, step_y = (last.y - first.y) / ACROSS_MAX + 1, left_out = 0;
    size_t count = 0, empty = 0;
    for (uint32_t x = first.x; x <= last.x; x += step_x)
        for (uint32_t y = first.y; y <= last.y; y += step_y) {
            struct geo_tile tile;
            double begin = cpu_us();
            if (geo_tile_build(tiles, scratch, (struct geo_tile_id){zoom, x, y}, &tile) != GEO_OK) abort();
            us[count] = cpu_us() - begin;
            bytes[count] = (double)tile.size;
            left_out += tile.left_out;
            if (tile.size > 0) count++;
            else empty++;
        }
    print_zoom(map, zoom, us, bytes, count, empty, left_out);
}

int main(int argc, char **argv)
{
    struct geo_tile_scratch *scratch = geo_tile_scratch_new();
    for (int i = 1; i < argc; i++) {
        struct geo_map *map;
        struct geo_tiles *tiles;
        struct geo_error error;
        if (geo_map_open(argv[i], &map, &error) != GEO_OK) {
            fprintf(stderr, "bench_tiles: %s\n", error.text);
            return 1;
        }
        double begin = cpu_us();
        if (geo_tiles_new(geo_map_graph(map), &tiles, &error) != GEO_OK) {
            fprintf(stderr, "bench_tiles: %s\n", error.text);
            return 1;
        }
        printf("{\"map\":\"%s\",\"arcs\":%u,\"start_ms\":%.1f,\"bytes\":%zu}\n", argv[i], geo_map_graph(map)->arc_count, (cpu_us() - begin) / 1000, geo_tiles_bytes(tiles));
        for (uint32_t zoom = 5; zoom <= GEO_TILE_ZOOM_MAX; zoom++) bench_zoom(argv[i], tiles, scratch, zoom);
        geo_tiles_free(tiles);
        geo_map_unref(map);
    }
    geo_tile_scratch_free(scratch);
    return 0;
}
