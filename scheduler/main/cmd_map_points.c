/* meddispatch map: points from the command line and from files, and the map they lie on. */
#include "cmd_map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINTS_MAX UINT32_C(100000)
enum { LINE_MAX_BYTES = 4096 };

bool map_point_parse(const char *text, const struct map_options *options, struct geo_point *out)
{
    char part[2][32];
    for (int i = 0; i < 2; i++) {
        while (*text == ' ') text++;
        size_t length = strcspn(text, ",; \t\r\n");
        if (length == 0 || length >= sizeof part[i]) return false;
        memcpy(part[i], text, length);
        part[i][length] = 0;
        text += length;
        while (*text == ' ') text++;
        if (i == 0 && *text++ != ',') return false;
    }
    double lat = 0, lon = 0;
    if (!text_to_double(part[0], -90, 90, &lat) || !text_to_double(part[1], -180, 180, &lon)) return false;
    *out = (struct geo_point){(int32_t)(lat * 1e7 + (lat < 0 ? -0.5 : 0.5)), (int32_t)(lon * 1e7 + (lon < 0 ? -0.5 : 0.5))};
    if (options->gcj02) *out = geo_wgs84_from_gcj02(*out);
    return true;
}

static void place_add(struct map_places *out, const struct geo_snap *snap, uint32_t line)
{
    if (out->count == out->capacity) {
        out->capacity = out->capacity ? out->capacity * 2 : 64;
        out->snap = mem_realloc(out->snap, out->capacity, sizeof *out->snap);
        out->line = mem_realloc(out->line, out->capacity, sizeof *out->line);
    }
    out->snap[out->count] = *snap;
    out->line[out->count++] = line;
}

enum geo_status map_places_read(const struct geo_map *map, const char *path, const struct map_options *options, struct map_places *out, struct geo_error *error)
{
    char line[LINE_MAX_BYTES];
    FILE *file = fopen(path, "r");
    if (!file) return geo_error_set(error, GEO_IO, "%s cannot be opened", path);
    enum geo_status rc = GEO_OK;
    for (uint32_t number = 1; rc == GEO_OK && fgets(line, sizeof line, file); number++) {
        struct geo_point point;
        size_t length = strlen(line);
        if (length + 1 == sizeof line && line[length - 1] != '\n') {
            rc = geo_error_set(error, GEO_INVALID, "%s line %u: longer than %d bytes", path, number, LINE_MAX_BYTES);
        } else if (line[strspn(line, " \t\r\n")] == 0) {
            continue;
        } else if (!map_point_parse(line, options, &point)) {
            bool heading = number == 1 && strcspn(line, "0123456789") == length;
            if (!heading) rc = geo_error_set(error, GEO_INVALID, "%s line %u: begin it with LAT,LON in degrees", path, number);
        } else if (out->count >= POINTS_MAX) {
            rc = geo_error_set(error, GEO_LIMIT, "%s: more than %u points", path, (unsigned)POINTS_MAX);
        } else {
            struct geo_error why = {.text = ""};
            struct geo_snap snap;
            rc = geo_snap_nearest(map, point, (uint32_t)options->snap_m, &snap, &why);
            if (rc == GEO_OK) place_add(out, &snap, number);
            else (void)geo_error_set(error, rc, "%s line %u: %s", path, number, why.text);
        }
    }
    if (rc == GEO_OK && ferror(file)) rc = geo_error_set(error, GEO_IO, "%s cannot be read", path);
    if (rc == GEO_OK && out->count == 0) rc = geo_error_set(error, GEO_INVALID, "%s has no points", path);
    (void)fclose(file);
    return rc;
}

void map_places_free(struct map_places *places)
{
    free(places->snap);
    free(places->line);
    *places = (struct map_places){0};
}

enum geo_status map_session_open(const char *path, struct map_session *out, struct geo_error *error)
{
    enum geo_status rc = geo_map_open(path, &out->map, error);
    if (rc == GEO_OK) rc = geo_metric_new(out->map, &out->metric, error);
    if (rc != GEO_OK) return rc;
    out->scratch = geo_scratch_new(out->map);
    return out->scratch ? GEO_OK : geo_error_set(error, GEO_NO_MEMORY, "out of memory");
}

void map_session_close(struct map_session *session)
{
    geo_scratch_free(session->scratch);
    if (session->metric) geo_metric_unref(session->metric);
    geo_map_unref(session->map);
}

int map_print_text(const struct map_options *options, char *text, size_t size)
{
    FILE *file = options->out ? fopen(options->out, "wb") : stdout;
    bool good = file && fwrite(text, 1, size, file) == size && fputc('\n', file) != EOF && fflush(file) == 0;
    if (file && file != stdout) good = fclose(file) == 0 && good;
    free(text);
    if (!good) fprintf(stderr, "meddispatch map: the answer could not be written\n");
    return good ? EXIT_DONE : EXIT_AWAY;
}
