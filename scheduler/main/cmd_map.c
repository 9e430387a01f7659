/* meddispatch map: build, look at, check, ask and export a city's road map, or make one up. Wiring: the roads are geo's. */
#include "main.h"
#include "cmd_map_tile.h"

#include "geo/geo.h"
#include "geo_osm/geo_osm.h"
#include "geo_synth/geo_synth.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define POINTS_MAX    UINT32_C(100000)
#define OUTPUT_MAX    (UINT64_C(4) << 30)
#define SNAP_M        500 /* a door farther than this from any road is more likely a wrong coordinate */
enum { LINE_MAX_BYTES = 4096 };

static const char USAGE[] =
    "usage: meddispatch map build CITY.osm.pbf -o CITY.mdmap [--profile ebike|car|foot] [--json]\n"
    "       meddispatch map info CITY.mdmap [--json]\n"
    "       meddispatch map check CITY.mdmap [--json]\n"
    "       meddispatch map route CITY.mdmap LAT,LON LAT,LON [--at HH:MM] [--snap-m N] [--json | --geojson]\n"
    "       meddispatch map matrix CITY.mdmap POINTS.csv [--to POINTS2.csv] [--snap-m N] [--json]\n"
    "       meddispatch map tile CITY.mdmap Z/X/Y -o FILE.mvt [--json]\n"
    "       meddispatch map synth [--seed N] [--size JUNCTIONS] -o CITY.osm.pbf [--json]\n"
    "       meddispatch map export --dimacs CITY.mdmap -o PREFIX [--json]\n"
    "  build   .osm.pbf (any encoding) or .osm XML to a map file of one profile (ebike)\n"
    "  route   travel time, length and steps between two points in WGS-84 degrees; --at HH:MM tells when one arrives\n"
    "          (a map file has one speed a road, the same at every hour)\n"
    "  matrix  travel times in milliseconds; each line of the file begins with LAT,LON; a first line of words is passed over\n"
    "  tile    a Mapbox Vector Tile of the roads, zoom 0 to 18\n"
    "  synth   a made-up city of about --size junctions (6000)\n"
    "  export  PREFIX.gr and PREFIX.co of the 9th DIMACS challenge, weights in milliseconds\n"
    "  --snap-m  how far a point may lie from its road (500)\n"
    "Exit: 0 done, 1 no way leads there, 2 usage, 3 input refused, 4 the map is away.\n";

struct map_options {
    const char *verb, *words[3];
    int word_count;
    const char *out, *to;
    enum geo_profile profile;
    int64_t seed, size, snap_m;
    int64_t leave_s; /* time of day; -1: not said */
    bool json, geojson, dimacs, help;
};

/* ---- answers ---- */

static int told(const char *verb, enum geo_status status, const struct geo_error *error)
{
    fprintf(stderr, "meddispatch map %s: %s\n", verb, error->text[0] ? error->text : "failed");
    switch (status) {
    case GEO_OK: return EXIT_DONE;
    case GEO_NOT_FOUND: return EXIT_NO;
    case GEO_INVALID:
    case GEO_LIMIT: return EXIT_REFUSED;
    case GEO_IO:
    case GEO_NO_MEMORY: return EXIT_AWAY;
    }
    return EXIT_AWAY;
}

static int usage(const char *what)
{
    fprintf(stderr, "meddispatch map: %s\n%s", what, USAGE);
    return EXIT_USAGE;
}

static int print(struct buffer *buffer)
{
    int code = EXIT_DONE;
    if (buffer->full || fwrite(buffer->data, 1, buffer->size, stdout) != buffer->size || fflush(stdout) != 0) {
        fprintf(stderr, "meddispatch map: the answer could not be written\n");
        code = EXIT_AWAY;
    }
    buffer_deinit(buffer);
    return code;
}

static int64_t peak_kib(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : 0;
}

/* ---- build, info, check ---- */

static void graph_print(struct buffer *out, const struct geo_graph *graph, int64_t read_ms, int64_t write_ms, const struct map_options *options)
{
    const struct geo_graph_stats *s = &graph->stats;
    uint32_t split = graph->node_count + s->nodes_dropped - s->nodes_before; /* nodes added so that turn restrictions are obeyed */
    double growth = s->nodes_before ? 100.0 * split / s->nodes_before : 0;
    if (options->json) {
        buffer_printf(out, "{\"profile\":\"%s\",\"nodes\":%u,\"arcs\":%u,\"shape_points\":%u", geo_profile_name(graph->profile), graph->node_count,
                      graph->arc_count, graph->shape_count);
        buffer_printf(out, ",\"osm_nodes\":%" PRIu64 ",\"osm_ways\":%" PRIu64 ",\"osm_relations\":%" PRIu64, s->osm_nodes, s->osm_ways, s->osm_relations);
        buffer_printf(out, ",\"restrictions_obeyed\":%u,\"restrictions_ignored\":%u,\"restrictions_conditional\":%u", s->restrictions_obeyed,
                      s->restrictions_ignored, s->restrictions_conditional);
        buffer_printf(out, ",\"nodes_before\":%u,\"arcs_before\":%u,\"nodes_split\":%u,\"nodes_dropped\":%u", s->nodes_before, s->arcs_before, split, s->nodes_dropped);
        buffer_printf(out, ",\"junctions_charged\":%u,\"nodes_restricted\":%u", s->junctions_charged, s->nodes_restricted);
        buffer_printf(out, ",\"read_ms\":%" PRId64 ",\"write_ms\":%" PRId64 ",\"peak_kib\":%" PRId64 "}\n", read_ms, write_ms, peak_kib());
        return;
    }
    buffer_printf(out, "read      %" PRIu64 " nodes, %" PRIu64 " ways, %" PRIu64 " relations of OSM in %" PRId64 " ms\n", s->osm_nodes, s->osm_ways,
                  s->osm_relations, read_ms);
    buffer_printf(out, "roads     %u junctions, %u arcs, %u points of shape for %s\n", s->nodes_before, s->arcs_before, graph->shape_count,
                  geo_profile_name(graph->profile));
    buffer_printf(out, "turns     %u restrictions obeyed, %u ignored (not of these roads, or ambiguous), %u conditional passed over; turns cost at %u junctions\n",
                  s->restrictions_obeyed, s->restrictions_ignored, s->restrictions_conditional, s->junctions_charged);
    buffer_printf(out, "growth    %u nodes for it (%+.1f %%), %u of them for restrictions\n", split, growth, s->nodes_restricted);
    buffer_printf(out, "graph     %u nodes, %u arcs; %u nodes dropped outside the largest part\n", graph->node_count, graph->arc_count, s->nodes_dropped);
    buffer_printf(out, "written   %s in %" PRId64 " ms, peak memory %" PRId64 " MiB\n", options->out, write_ms, peak_kib() / 1024);
}

static int map_build(const struct map_options *options)
{
    if (options->word_count != 1 || !options->out) return usage("build needs one input and -o");
    struct geo_error error = {.text = ""};
    struct geo_graph *graph = NULL;
    struct geo_osm_options model = geo_osm_options_default(options->profile);
    int64_t start_ms = (clock_boot_us() / 1000);
    enum geo_status rc = geo_osm_build(options->words[0], &model, &graph, &error);
    int64_t read_ms = (clock_boot_us() / 1000);
    if (rc == GEO_OK) rc = geo_map_write(graph, options->out, &error);
    int code = EXIT_DONE;
    if (rc == GEO_OK) {
        struct buffer out;
        buffer_init(&out, OUTPUT_MAX);
        graph_print(&out, graph, read_ms - start_ms, (clock_boot_us() / 1000) - read_ms, options);
        code = print(&out);
    } else {
        code = told("build", rc, &error);
    }
    geo_graph_free(graph);
    return code;
}

static int map_info(const struct map_options *options)
{
    if (options->word_count != 1) return usage("info needs one map");
    struct geo_error error = {.text = ""};
    struct geo_map *map = NULL;
    enum geo_status rc = geo_map_open(options->words[0], &map, &error);
    if (rc != GEO_OK) return told("info", rc, &error);
    struct geo_map_info info;
    geo_map_info(map, &info);
    struct buffer out;
    buffer_init(&out, OUTPUT_MAX);
    const struct geo_graph_stats *s = &info.stats;
    double south = info.south_west.lat_e7 / 1e7, west = info.south_west.lon_e7 / 1e7, north = info.north_east.lat_e7 / 1e7, east = info.north_east.lon_e7 / 1e7;
    if (options->json) {
        buffer_printf(&out, "{\"profile\":\"%s\",\"version\":%u,\"nodes\":%u,\"arcs\":%u,\"shape_points\":%u,\"snappable_arcs\":%u", geo_profile_name(info.profile),
                      info.version, info.node_count, info.arc_count, info.shape_count, info.snappable_count);
        buffer_printf(&out, ",\"bytes\":%" PRIu64 ",\"south\":%.7f,\"west\":%.7f,\"north\":%.7f,\"east\":%.7f", info.bytes, south, west, north, east);
        buffer_printf(&out, ",\"restrictions_obeyed\":%u,\"restrictions_ignored\":%u,\"restrictions_conditional\":%u,\"nodes_dropped\":%u}\n",
                      s->restrictions_obeyed, s->restrictions_ignored, s->restrictions_conditional, s->nodes_dropped);
    } else {
        buffer_printf(&out, "profile     %s\nversion     %u\nnodes       %u\narcs        %u, %u of them snappable\npoints      %u of shape\n",
                      geo_profile_name(info.profile), info.version, info.node_count, info.arc_count, info.snappable_count, info.shape_count);
        buffer_printf(&out, "bytes       %" PRIu64 "\narea        %.7f,%.7f to %.7f,%.7f\n", info.bytes, south, west, north, east);
        buffer_printf(&out, "turns       %u obeyed, %u ignored, %u conditional\ndropped     %u nodes\n", s->restrictions_obeyed, s->restrictions_ignored,
                      s->restrictions_conditional, s->nodes_dropped);
    }
    geo_map_unref(map);
    return print(&out);
}

static int map_check(const struct map_options *options)
{
    if (options->word_count != 1) return usage("check needs one map");
    struct geo_error error = {.text = ""};
    enum geo_status rc = geo_map_check(options->words[0], &error);
    if (rc != GEO_OK) return told("check", rc, &error);
    printf(options->json ? "{\"sound\":true}\n" : "sound\n");
    return EXIT_DONE;
}

/* ---- points ---- */

/* "LAT,LON" at the beginning of the text, in decimal degrees; what follows a further comma is not read. */
static bool point_parse(const char *text, struct geo_point *out)
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
    return true;
}

struct places {
    struct geo_snap *snap;
    uint32_t count, capacity;
};

static enum geo_status places_read(const struct geo_map *map, const char *path, uint32_t snap_m, struct places *out, struct geo_error *error)
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
        } else if (!point_parse(line, &point)) {
            bool heading = number == 1 && strcspn(line, "0123456789") == length;
            if (!heading) rc = geo_error_set(error, GEO_INVALID, "%s line %u: begin it with LAT,LON in degrees", path, number);
        } else if (out->count >= POINTS_MAX) {
            rc = geo_error_set(error, GEO_LIMIT, "%s: more than %u points", path, (unsigned)POINTS_MAX);
        } else {
            if (out->count == out->capacity) {
                out->capacity = out->capacity ? out->capacity * 2 : 64;
                out->snap = mem_realloc(out->snap, out->capacity, sizeof *out->snap);
            }
            struct geo_error why = {.text = ""};
            rc = geo_snap_nearest(map, point, snap_m, &out->snap[out->count++], &why);
            if (rc != GEO_OK) (void)geo_error_set(error, rc, "%s line %u: %s", path, number, why.text);
        }
    }
    if (rc == GEO_OK && ferror(file)) rc = geo_error_set(error, GEO_IO, "%s cannot be read", path);
    if (rc == GEO_OK && out->count == 0) rc = geo_error_set(error, GEO_INVALID, "%s has no points", path);
    (void)fclose(file);
    return rc;
}

/* ---- route, matrix ---- */

struct session {
    struct geo_map *map;
    struct geo_metric *metric;
    struct geo_scratch *scratch;
};

static enum geo_status session_open(const char *path, struct session *out, struct geo_error *error)
{
    enum geo_status rc = geo_map_open(path, &out->map, error);
    if (rc == GEO_OK) rc = geo_metric_new(out->map, &out->metric, error);
    if (rc != GEO_OK) return rc;
    out->scratch = geo_scratch_new(out->map);
    return out->scratch ? GEO_OK : geo_error_set(error, GEO_NO_MEMORY, "out of memory");
}

static void session_close(struct session *session)
{
    geo_scratch_free(session->scratch);
    if (session->metric) geo_metric_unref(session->metric);
    geo_map_unref(session->map);
}

static void points_print(struct buffer *out, const struct geo_route *route)
{
    for (uint32_t i = 0; i < route->point_count; i++)
        buffer_printf(out, "%s[%.7f,%.7f]", i ? "," : "", route->points[i].lon_e7 / 1e7, route->points[i].lat_e7 / 1e7);
}

/* When one arrives: time of day, rounded up to the second, and days later. */
struct arrival {
    uint32_t hour, minute, second, days;
};

static struct arrival arrival_of(int64_t leave_s, uint32_t travel_ms)
{
    enum { DAY_S = 86400 };
    uint32_t at_s = (uint32_t)leave_s + travel_ms / 1000 + (travel_ms % 1000 != 0), of_day_s = at_s % DAY_S;
    return (struct arrival){of_day_s / 3600, of_day_s / 60 % 60, of_day_s % 60, at_s / DAY_S};
}

static void arrival_print(struct buffer *out, const struct geo_route *route, const struct map_options *options)
{
    if (options->leave_s < 0) return;
    struct arrival at = arrival_of(options->leave_s, route->travel_ms);
    unsigned hour = (unsigned)(options->leave_s / 3600), minute = (unsigned)(options->leave_s / 60 % 60);
    if (options->json || options->geojson) {
        buffer_printf(out, ",\"leave\":\"%02u:%02u\",\"arrive\":\"%02u:%02u:%02u\",\"arrive_days_later\":%u", hour, minute, at.hour, at.minute, at.second, at.days);
        return;
    }
    buffer_printf(out, "leaves %02u:%02u, arrives %02u:%02u:%02u", hour, minute, at.hour, at.minute, at.second);
    if (at.days) buffer_printf(out, ", %u days later", at.days);
    buffer_printf(out, "\n");
}

static void route_print(struct buffer *out, const struct geo_route *route, const struct map_options *options)
{
    if (!options->json && !options->geojson) {
        buffer_printf(out, "%.1f min, %.2f km\n", route->travel_ms / 60000.0, route->length_dm / 10000.0);
        arrival_print(out, route, options);
        for (uint32_t i = 0; i < route->step_count; i++) {
            const struct geo_step *step = &route->steps[i];
            buffer_printf(out, "%8.0f m %6.0f s  %s\n", step->length_dm / 10.0, step->travel_ms / 1000.0, step->name[0] ? step->name : "(no name)");
        }
        return;
    }
    if (options->geojson) buffer_printf(out, "{\"type\":\"Feature\",\"properties\":");
    buffer_printf(out, "{\"travel_ms\":%u,\"length_dm\":%u", route->travel_ms, route->length_dm);
    arrival_print(out, route, options);
    buffer_printf(out, ",\"steps\":[");
    for (uint32_t i = 0; i < route->step_count; i++) {
        const struct geo_step *step = &route->steps[i];
        buffer_printf(out, "%s{\"name\":", i ? "," : "");
        buffer_json_string(out, step->name, strlen(step->name));
        buffer_printf(out, ",\"travel_ms\":%u,\"length_dm\":%u,\"point_first\":%u}", step->travel_ms, step->length_dm, step->point_first);
    }
    buffer_printf(out, options->geojson ? "]},\"geometry\":{\"type\":\"LineString\",\"coordinates\":[" : "],\"points\":[");
    points_print(out, route);
    buffer_printf(out, options->geojson ? "]}}\n" : "]}\n");
}

static int map_route(const struct map_options *options)
{
    struct geo_point from, to;
    if (options->word_count != 3) return usage("route needs a map and two points");
    if (!point_parse(options->words[1], &from) || !point_parse(options->words[2], &to)) return usage("a point is LAT,LON in degrees, such as 39.9,116.4");
    struct session session = {0};
    struct geo_error error = {.text = ""};
    struct geo_snap ends[2];
    struct geo_route route = {0};
    enum geo_status rc = session_open(options->words[0], &session, &error);
    if (rc == GEO_OK) rc = geo_snap_nearest(session.map, from, (uint32_t)options->snap_m, &ends[0], &error);
    if (rc == GEO_OK) rc = geo_snap_nearest(session.map, to, (uint32_t)options->snap_m, &ends[1], &error);
    if (rc == GEO_OK) rc = geo_route_find(session.metric, session.scratch, &ends[0], &ends[1], &route, &error);
    int code = EXIT_DONE;
    if (rc == GEO_OK) {
        struct buffer out;
        buffer_init(&out, OUTPUT_MAX);
        route_print(&out, &route, options);
        geo_route_free(&route);
        code = print(&out);
    } else {
        code = told("route", rc, &error);
    }
    session_close(&session);
    return code;
}

static void matrix_print(struct buffer *out, const uint32_t *travel_ms, uint32_t rows, uint32_t columns, bool json)
{
    if (json) buffer_printf(out, "{\"travel_ms\":[");
    for (uint32_t r = 0; r < rows; r++) {
        if (json) buffer_printf(out, r ? ",[" : "[");
        for (uint32_t c = 0; c < columns; c++) {
            uint32_t cell = travel_ms[(size_t)r * columns + c];
            if (cell == GEO_UNREACHABLE) buffer_printf(out, "%s%s", c ? "," : "", json ? "null" : "");
            else buffer_printf(out, "%s%u", c ? "," : "", cell);
        }
        buffer_printf(out, json ? "]" : "\n");
    }
    if (json) buffer_printf(out, "]}\n");
}

static int map_matrix(const struct map_options *options)
{
    if (options->word_count != 2) return usage("matrix needs a map and a file of points");
    struct session session = {0};
    struct geo_error error = {.text = ""};
    struct places from = {0}, to = {0};
    uint32_t *travel_ms = NULL;
    enum geo_status rc = session_open(options->words[0], &session, &error);
    if (rc == GEO_OK) rc = places_read(session.map, options->words[1], (uint32_t)options->snap_m, &from, &error);
    if (rc == GEO_OK && options->to) rc = places_read(session.map, options->to, (uint32_t)options->snap_m, &to, &error);
    const struct places *targets = options->to ? &to : &from;
    uint64_t cells = (uint64_t)from.count * targets->count;
    if (rc == GEO_OK && cells > GEO_MATRIX_MAX)
        rc = geo_error_set(&error, GEO_LIMIT, "%u x %u points are more than %d cells", from.count, targets->count, GEO_MATRIX_MAX);
    if (rc == GEO_OK) {
        travel_ms = mem_zalloc((size_t)cells, sizeof *travel_ms);
        rc = geo_matrix(session.metric, session.scratch, from.snap, from.count, targets->snap, targets->count, travel_ms, NULL);
        if (rc != GEO_OK) (void)geo_error_set(&error, rc, "the matrix could not be computed");
    }
    int code = EXIT_DONE;
    if (rc == GEO_OK) {
        struct buffer out;
        buffer_init(&out, OUTPUT_MAX);
        matrix_print(&out, travel_ms, from.count, targets->count, options->json);
        code = print(&out);
    } else {
        code = told("matrix", rc, &error);
    }
    free(travel_ms);
    free(from.snap);
    free(to.snap);
    session_close(&session);
    return code;
}

/* ---- synth, export ---- */

static int map_synth(const struct map_options *options)
{
    if (options->word_count != 0 || !options->out) return usage("synth needs -o and no input");
    struct geo_error error = {.text = ""};
    int64_t start_ms = (clock_boot_us() / 1000);
    enum geo_status rc = geo_synth_write(options->out, (uint64_t)options->seed, (uint32_t)options->size, &error);
    if (rc != GEO_OK) return told("synth", rc, &error);
    int64_t took_ms = (clock_boot_us() / 1000) - start_ms;
    if (options->json) printf("{\"seed\":%" PRId64 ",\"size\":%" PRId64 ",\"write_ms\":%" PRId64 "}\n", options->seed, options->size, took_ms);
    else printf("a city of about %" PRId64 " junctions, seed %" PRId64 ", written to %s in %" PRId64 " ms\n", options->size, options->seed, options->out, took_ms);
    return EXIT_DONE;
}

static int map_export(const struct map_options *options)
{
    if (options->word_count != 1 || !options->out || !options->dimacs) return usage("export needs --dimacs, one map and -o PREFIX");
    struct geo_error error = {.text = ""};
    struct geo_map *map = NULL;
    enum geo_status rc = geo_map_open(options->words[0], &map, &error);
    if (rc == GEO_OK) rc = geo_map_export_dimacs(map, options->out, &error);
    if (rc == GEO_OK) {
        const struct geo_graph *graph = geo_map_graph(map);
        if (options->json) printf("{\"nodes\":%u,\"arcs\":%u}\n", graph->node_count, graph->arc_count);
        else printf("%s.gr and %s.co: %u nodes, %u arcs\n", options->out, options->out, graph->node_count, graph->arc_count);
    }
    geo_map_unref(map);
    return rc == GEO_OK ? EXIT_DONE : told("export", rc, &error);
}

static int map_tile_verb(const struct map_options *options)
{
    if (options->word_count != 2 || !options->out) return usage("tile needs a map, Z/X/Y and -o");
    return map_tile(options->words[0], options->words[1], options->out, options->json);
}

/* ---- the command line ---- */

static bool number_read(const char *name, const char *text, int64_t min, int64_t max, int64_t *out)
{
    if (text_to_i64(text, min, max, out)) return true;
    fprintf(stderr, "meddispatch map: --%s is a number from %" PRId64 " to %" PRId64 "\n", name, min, max);
    return false;
}

static bool time_read(const char *text, int64_t *out_s)
{
    const char *colon = strchr(text, ':');
    char hour[3] = "";
    int64_t hours = 0, minutes = 0;
    if (colon && colon - text <= 2 && strlen(colon + 1) == 2) {
        memcpy(hour, text, (size_t)(colon - text));
        if (text_to_i64(hour, 0, 23, &hours) && text_to_i64(colon + 1, 0, 59, &minutes)) {
            *out_s = hours * 3600 + minutes * 60;
            return true;
        }
    }
    fprintf(stderr, "meddispatch map: --at is a time of day, HH:MM\n");
    return false;
}

static bool options_read(int argc, char **argv, struct map_options *out)
{
    enum { PROFILE = 256, SEED, SIZE, SNAP, TO, AT, JSON, GEOJSON, DIMACS };
    static const struct option table[] = {
        {"profile", required_argument, NULL, PROFILE}, {"seed", required_argument, NULL, SEED}, {"size", required_argument, NULL, SIZE},
        {"snap-m", required_argument, NULL, SNAP},     {"to", required_argument, NULL, TO},     {"json", no_argument, NULL, JSON},
        {"geojson", no_argument, NULL, GEOJSON},       {"dimacs", no_argument, NULL, DIMACS},   {"output", required_argument, NULL, 'o'},
        {"at", required_argument, NULL, AT},           {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0},
    };
    *out = (struct map_options){.verb = "", .profile = GEO_EBIKE, .seed = 1, .size = 6000, .snap_m = SNAP_M, .leave_s = -1};
    bool good = true;
    optind = 1;
    for (int c; good && (c = getopt_long(argc, argv, "o:h0123456789.,", table, NULL)) != -1;) {
        if (c == 'o') out->out = optarg;
        else if (c == 'h') out->help = true;
        else if (c == PROFILE && !(good = geo_profile_from_name(optarg, &out->profile))) fprintf(stderr, "meddispatch map: --profile is ebike, car or foot\n");
        else if (c == SEED) good = number_read("seed", optarg, 0, INT64_MAX, &out->seed);
        else if (c == SIZE) good = number_read("size", optarg, GEO_SYNTH_SIZE_MIN, GEO_SYNTH_SIZE_MAX, &out->size);
        else if (c == SNAP) good = number_read("snap-m", optarg, 1, 100000, &out->snap_m);
        else if (c == TO) out->to = optarg;
        else if (c == AT) good = time_read(optarg, &out->leave_s);
        else if (c == JSON) out->json = true;
        else if (c == GEOJSON) out->geojson = true;
        else if (c == DIMACS) out->dimacs = true;
        else if (c == '?') good = false;
        else if (c < 128 && !(good = false)) fprintf(stderr, "meddispatch map: put -- before a point south of the equator\n");
    }
    if (optind < argc) out->verb = argv[optind++];
    for (; good && optind < argc; optind++) {
        if (out->word_count == 3) {
            fprintf(stderr, "meddispatch map: too many words at '%s'\n", argv[optind]);
            return false;
        }
        out->words[out->word_count++] = argv[optind];
    }
    return good;
}

int cmd_map(int argc, char **argv)
{
    static const struct {
        const char *verb;
        int (*run)(const struct map_options *options);
    } verbs[] = {{"build", map_build}, {"info", map_info}, {"check", map_check}, {"route", map_route}, {"matrix", map_matrix}, {"synth", map_synth},
                 {"export", map_export}, {"tile", map_tile_verb}};
    struct map_options options;
    if (!options_read(argc, argv, &options)) {
        fputs(USAGE, stderr);
        return EXIT_USAGE;
    }
    if (options.help) {
        fputs(USAGE, stdout);
        return EXIT_DONE;
    }
    for (size_t i = 0; i < COUNT_OF(verbs); i++)
        if (strcmp(options.verb, verbs[i].verb) == 0) return verbs[i].run(&options);
    return usage(options.verb[0] ? "no such word" : "say what to do");
}
