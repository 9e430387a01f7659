/* meddispatch map snap and nearest: the roads near a point, and the points soonest at one. */
#include "cmd_map.h"

#include "geo_json/geo_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int places_write(const char *verb, const struct geo_map *map, const struct geo_json_place *places, uint32_t count, const struct map_options *options)
{
    char *text = NULL;
    size_t size = 0;
    struct geo_json_options json = {.language = options->language, .gcj02 = options->gcj02};
    struct geo_error error = {.text = "no memory for the answer"};
    enum geo_status rc = geo_json_places(map, places, count, &json, &text, &size);
    return rc == GEO_OK ? map_print_text(options, text, size) : map_told(verb, rc, &error);
}

static struct geo_point shown(struct geo_point at, const struct map_options *options)
{
    return options->gcj02 ? geo_gcj02_from_wgs84(at) : at;
}

/* ---- snap ---- */

static int snaps_print(const struct geo_map *map, const struct geo_snap *snaps, uint32_t count, const struct map_options *options)
{
    static const char *const SIDES[] = {"on it", "left", "right"};
    struct buffer out;
    buffer_init(&out, MAP_OUTPUT_MAX);
    if (options->json) buffer_printf(&out, "[");
    for (uint32_t i = 0; i < count; i++) {
        const struct geo_arc *arc = &geo_map_graph(map)->arcs[snaps[i].arc];
        const char *name = geo_graph_name(geo_map_graph(map), arc, options->language);
        struct geo_point at = shown(snaps[i].at, options);
        if (!options->json) {
            buffer_printf(&out, "%8.1f m  %.7f,%.7f  %-5s  way %" PRId64 "  %s\n", snaps[i].distance_dm / 10.0, at.lat_e7 / 1e7, at.lon_e7 / 1e7, SIDES[snaps[i].side], arc->way,
                          name[0] ? name : "(no name)");
            continue;
        }
        buffer_printf(&out, "%s{\"distance_m\":%.1f,\"lat\":%.7f,\"lon\":%.7f,\"side\":\"%s\",\"arc\":%u,\"offset\":%u,\"way\":%" PRId64 ",\"name\":", i ? "," : "", snaps[i].distance_dm / 10.0,
                      at.lat_e7 / 1e7, at.lon_e7 / 1e7, SIDES[snaps[i].side], snaps[i].arc, snaps[i].offset, arc->way);
        buffer_json_string(&out, name, strlen(name));
        buffer_printf(&out, "}");
    }
    if (options->json) buffer_printf(&out, "]\n");
    return map_print(&out);
}

static int snaps_tell(const struct geo_map *map, const struct geo_snap *snaps, uint32_t count, const struct map_options *options)
{
    struct geo_json_place *places = mem_zalloc(count, sizeof *places);
    if (!options->geojson) {
        free(places);
        return snaps_print(map, snaps, count, options);
    }
    for (uint32_t i = 0; i < count; i++)
        places[i] = (struct geo_json_place){.at = snaps[i].at, .arc = &geo_map_graph(map)->arcs[snaps[i].arc], .side = (enum geo_side)snaps[i].side, .distance_dm = snaps[i].distance_dm,
                                            .source = GEO_NONE, .travel_ms = GEO_NONE, .length_dm = GEO_NONE};
    int code = places_write("snap", map, places, count, options);
    free(places);
    return code;
}

int map_snap(const struct map_options *options)
{
    enum { SNAPS_MAX = 64 };
    struct geo_point at;
    struct geo_snap snaps[SNAPS_MAX];
    if (options->word_count != 2) return map_usage("snap needs a map and a point");
    if (!map_point_parse(options->words[1], options, &at)) return map_usage("a point is LAT,LON in degrees, such as 39.9,116.4");
    struct geo_error error = {.text = ""};
    struct geo_map *map = NULL;
    enum geo_status rc = geo_map_open(options->words[0], &map, &error);
    if (rc == GEO_OK) rc = geo_snap_nearest(map, at, (uint32_t)options->snap_m, &snaps[0], &error); /* its refusal tells the distance */
    int code = EXIT_DONE;
    if (rc == GEO_OK) {
        uint32_t count = geo_snap_candidates(map, at, (uint32_t)options->snap_m, snaps, options->count < SNAPS_MAX ? (uint32_t)options->count : SNAPS_MAX);
        code = snaps_tell(map, snaps, count, options);
    } else {
        code = map_told("snap", rc, &error);
    }
    geo_map_unref(map);
    return code;
}

/* ---- nearest ---- */

static int near_print(const struct geo_near *near, uint32_t count, const struct map_places *sources, const struct map_options *options)
{
    struct buffer out;
    buffer_init(&out, MAP_OUTPUT_MAX);
    if (options->json) buffer_printf(&out, "[");
    for (uint32_t i = 0; i < count; i++) {
        struct geo_point at = shown(sources->snap[near[i].source].at, options);
        if (options->json)
            buffer_printf(&out, "%s{\"line\":%u,\"travel_ms\":%u,\"length_dm\":%u,\"lat\":%.7f,\"lon\":%.7f}", i ? "," : "", sources->line[near[i].source], near[i].travel_ms,
                          near[i].length_dm, at.lat_e7 / 1e7, at.lon_e7 / 1e7);
        else
            buffer_printf(&out, "%8.1f min %8.2f km  line %u  %.7f,%.7f\n", near[i].travel_ms / 60000.0, near[i].length_dm / 10000.0, sources->line[near[i].source], at.lat_e7 / 1e7,
                          at.lon_e7 / 1e7);
    }
    if (options->json) buffer_printf(&out, "]\n");
    return map_print(&out);
}

static int near_tell(const struct geo_map *map, const struct geo_near *near, uint32_t count, const struct map_places *sources, const struct map_options *options)
{
    if (!options->geojson) return near_print(near, count, sources, options);
    struct geo_json_place *places = mem_zalloc(count + 1, sizeof *places);
    for (uint32_t i = 0; i < count; i++)
        places[i] = (struct geo_json_place){.at = sources->snap[near[i].source].at, .distance_dm = GEO_NONE, .source = sources->line[near[i].source], .travel_ms = near[i].travel_ms,
                                            .length_dm = near[i].length_dm};
    int code = places_write("nearest", map, places, count, options);
    free(places);
    return code;
}

int map_nearest(const struct map_options *options)
{
    struct geo_point at;
    int64_t minutes = 0;
    if (options->word_count != 3) return map_usage("nearest needs a map, a point and a file of points");
    if (!map_point_parse(options->words[1], options, &at)) return map_usage("a point is LAT,LON in degrees, such as 39.9,116.4");
    if (options->minutes && !text_to_i64(options->minutes, 1, 10000, &minutes)) return map_usage("--minutes is a number from 1 to 10000");
    uint32_t limit_ms = options->minutes ? (uint32_t)minutes * 60000 : GEO_UNREACHABLE, found = 0;
    struct map_session session = {0};
    struct geo_error error = {.text = ""};
    struct geo_snap stop;
    struct map_places sources = {0};
    struct geo_near *near = mem_zalloc((size_t)options->count, sizeof *near);
    enum geo_status rc = map_session_open(options->words[0], &session, &error);
    if (rc == GEO_OK) rc = geo_snap_nearest(session.map, at, (uint32_t)options->snap_m, &stop, &error);
    if (rc == GEO_OK) rc = map_places_read(session.map, options->words[2], options, &sources, &error);
    if (rc == GEO_OK) rc = geo_nearest(session.metric, session.scratch, sources.snap, sources.count, &stop, limit_ms, near, (uint32_t)options->count, &found);
    if (rc == GEO_OK && found == 0) rc = geo_error_set(&error, GEO_NOT_FOUND, "none of %u points gets there%s", sources.count, options->minutes ? " in time" : "");
    int code = rc == GEO_OK ? near_tell(session.map, near, found, &sources, options) : map_told("nearest", rc, &error);
    free(near);
    map_places_free(&sources);
    map_session_close(&session);
    return code;
}
