/* `meddispatch map`: what its verbs share. cmd_map.c has the command line and what makes maps, cmd_map_points.c reads points, the others answer. */
#ifndef MAIN_CMD_MAP_H
#define MAIN_CMD_MAP_H

#include "main.h"

#include "geo/geo.h"

#define MAP_OUTPUT_MAX (UINT64_C(4) << 30)
enum { MAP_WORDS_MAX = 26, MAP_ROUTE_POINTS_MAX = 25 };

struct map_options {
    const char *verb, *words[MAP_WORDS_MAX];
    int word_count;
    const char *out, *to, *minutes;
    enum geo_profile profile;
    enum geo_language language;
    int64_t seed, size, snap_m, count, reach_m;
    int64_t leave_s; /* time of day; -1: not said */
    bool json, geojson, dimacs, towards, gcj02, help;
};

/* verbs of their own files: exit codes */
int map_route(const struct map_options *options);
int map_snap(const struct map_options *options);
int map_nearest(const struct map_options *options);
int map_isochrone(const struct map_options *options);

int map_told(const char *verb, enum geo_status status, const struct geo_error *error); /* say what is wrong; the exit code */
int map_usage(const char *what);
int map_print(struct buffer *buffer); /* to stdout, and give it back */
/** Print a malloc'd text and a newline to stdout or to the file --output names, and free it. */
int map_print_text(const struct map_options *options, char *text, size_t size);

/* ---- points ---- */

/** "LAT,LON" at the beginning of the text, in decimal degrees of the options' datum; what follows a further comma is not read. */
bool map_point_parse(const char *text, const struct map_options *options, struct geo_point *out);

struct map_places {
    struct geo_snap *snap;        /* malloc'd */
    uint32_t *line;               /* of the file, malloc'd */
    uint32_t count, capacity;
};
/** A file of points, each snapped. */
enum geo_status map_places_read(const struct geo_map *map, const char *path, const struct map_options *options, struct map_places *out, struct geo_error *error);
void map_places_free(struct map_places *places);

struct map_session {
    struct geo_map *map;
    struct geo_metric *metric;
    struct geo_scratch *scratch;
};
enum geo_status map_session_open(const char *path, struct map_session *out, struct geo_error *error);
void map_session_close(struct map_session *session); /* a zeroed one is fine */

#endif
