/* meddispatch map: build, look at, check, ask and export a city's road map, or make one up. Wiring: the roads are geo's. */
#include "cmd_map.h"
#include "cmd_map_tile.h"

#include "geo/geo.h"
#include "geo_area/geo_area.h"
#include "geo_osm/geo_osm.h"
#include "geo_synth/geo_synth.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define SNAP_M 500 /* a door farther than this from any road is more likely a wrong coordinate */

static const char USAGE[] =
    "usage: meddispatch map build CITY.osm.pbf -o CITY.mdmap [--profile ebike|car|foot] [--json]\n"
    "       meddispatch map info CITY.mdmap [--json]\n"
    "       meddispatch map check CITY.mdmap [--json]\n"
    "       meddispatch map route CITY.mdmap LAT,LON LAT,LON [LAT,LON...] [--at HH:MM] [--language en|zh] [--snap-m N] [--gcj02] [--json | --geojson]\n"
    "       meddispatch map snap CITY.mdmap LAT,LON [--count N] [--limit METRES] [--language en|zh] [--gcj02] [--json | --geojson]\n"
    "       meddispatch map nearest CITY.mdmap LAT,LON SOURCES.csv [--count N] [--minutes N] [--snap-m N] [--gcj02] [--json | --geojson]\n"
    "       meddispatch map isochrone CITY.mdmap LAT,LON --minutes N[,N...] [--towards] [--reach-m N] [--snap-m N] [--gcj02] [-o FILE.geojson]\n"
    "       meddispatch map matrix CITY.mdmap POINTS.csv [--to POINTS2.csv] [--snap-m N] [--json]\n"
    "       meddispatch map tile CITY.mdmap Z/X/Y -o FILE.mvt [--json]\n"
    "       meddispatch map synth [--seed N] [--size JUNCTIONS] -o CITY.osm.pbf [--json]\n"
    "       meddispatch map export --dimacs CITY.mdmap -o PREFIX [--json]\n"
    "  build   .osm.pbf (any encoding) or .osm XML to a map file of one profile (ebike)\n"
    "  route   travel time, length and steps from point to point (25 at most) in WGS-84 degrees; --at HH:MM tells when one arrives\n"
    "          (a map file has one speed a road, the same at every hour); --geojson: the line and its steps as a FeatureCollection\n"
    "  snap    the roads near a point, nearest first (5); refused with the distance if none lies within --limit (500)\n"
    "  nearest which of many points (LAT,LON at the beginning of a line) get to one soonest (5), by exact travel time\n"
    "  isochrone  GeoJSON of the area reached in so many minutes, 10 contours at most; --towards: from where the point is reached\n"
    "  matrix  travel times in milliseconds; each line of the file begins with LAT,LON; a first line of words is passed over\n"
    "  tile    a Mapbox Vector Tile of the roads, zoom 0 to 18\n"
    "  synth   a made-up city of about --size junctions (6000)\n"
    "  export  PREFIX.gr and PREFIX.co of the 9th DIMACS challenge, weights in milliseconds\n"
    "  --snap-m  how far a point may lie from its road (500); --gcj02  points are read and written in the datum of Chinese map services\n"
    "Exit: 0 done, 1 no way leads there, 2 usage, 3 input refused, 4 the map is away.\n";

/* ---- answers ---- */

int map_told(const char *verb, enum geo_status status, const struct geo_error *error)
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

int map_usage(const char *what)
{
    fprintf(stderr, "meddispatch map: %s\n%s", what, USAGE);
    return EXIT_USAGE;
}

int map_print(struct buffer *buffer)
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
    if (options->word_count != 1 || !options->out) return map_usage("build needs one input and -o");
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
        buffer_init(&out, MAP_OUTPUT_MAX);
        graph_print(&out, graph, read_ms - start_ms, (clock_boot_us() / 1000) - read_ms, options);
        code = map_print(&out);
    } else {
        code = map_told("build", rc, &error);
    }
    geo_graph_free(graph);
    return code;
}

static int map_info(const struct map_options *options)
{
    if (options->word_count != 1) return map_usage("info needs one map");
    struct geo_error error = {.text = ""};
    struct geo_map *map = NULL;
    enum geo_status rc = geo_map_open(options->words[0], &map, &error);
    if (rc != GEO_OK) return map_told("info", rc, &error);
    struct geo_map_info info;
    geo_map_info(map, &info);
    struct buffer out;
    buffer_init(&out, MAP_OUTPUT_MAX);
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
    return map_print(&out);
}

static int map_check(const struct map_options *options)
{
    if (options->word_count != 1) return map_usage("check needs one map");
    struct geo_error error = {.text = ""};
    enum geo_status rc = geo_map_check(options->words[0], &error);
    if (rc != GEO_OK) return map_told("check", rc, &error);
    printf(options->json ? "{\"sound\":true}\n" : "sound\n");
    return EXIT_DONE;
}

/* ---- matrix ---- */

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
    if (options->word_count != 2) return map_usage("matrix needs a map and a file of points");
    struct map_session session = {0};
    struct geo_error error = {.text = ""};
    struct map_places from = {0}, to = {0};
    uint32_t *travel_ms = NULL;
    enum geo_status rc = map_session_open(options->words[0], &session, &error);
    if (rc == GEO_OK) rc = map_places_read(session.map, options->words[1], options, &from, &error);
    if (rc == GEO_OK && options->to) rc = map_places_read(session.map, options->to, options, &to, &error);
    const struct map_places *targets = options->to ? &to : &from;
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
        buffer_init(&out, MAP_OUTPUT_MAX);
        matrix_print(&out, travel_ms, from.count, targets->count, options->json);
        code = map_print(&out);
    } else {
        code = map_told("matrix", rc, &error);
    }
    free(travel_ms);
    map_places_free(&from);
    map_places_free(&to);
    map_session_close(&session);
    return code;
}

/* ---- synth, export ---- */

static int map_synth(const struct map_options *options)
{
    if (options->word_count != 0 || !options->out) return map_usage("synth needs -o and no input");
    struct geo_error error = {.text = ""};
    int64_t start_ms = (clock_boot_us() / 1000);
    enum geo_status rc = geo_synth_write(options->out, (uint64_t)options->seed, (uint32_t)options->size, &error);
    if (rc != GEO_OK) return map_told("synth", rc, &error);
    int64_t took_ms = (clock_boot_us() / 1000) - start_ms;
    if (options->json) printf("{\"seed\":%" PRId64 ",\"size\":%" PRId64 ",\"write_ms\":%" PRId64 "}\n", options->seed, options->size, took_ms);
    else printf("a city of about %" PRId64 " junctions, seed %" PRId64 ", written to %s in %" PRId64 " ms\n", options->size, options->seed, options->out, took_ms);
    return EXIT_DONE;
}

static int map_export(const struct map_options *options)
{
    if (options->word_count != 1 || !options->out || !options->dimacs) return map_usage("export needs --dimacs, one map and -o PREFIX");
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
    return rc == GEO_OK ? EXIT_DONE : map_told("export", rc, &error);
}

static int map_tile_verb(const struct map_options *options)
{
    if (options->word_count != 2 || !options->out) return map_usage("tile needs a map, Z/X/Y and -o");
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

static bool language_read(const char *text, enum geo_language *out)
{
    *out = strcmp(text, "zh") == 0 ? GEO_CHINESE : GEO_ENGLISH;
    if (*out == GEO_CHINESE || strcmp(text, "en") == 0) return true;
    fprintf(stderr, "meddispatch map: --language is en or zh\n");
    return false;
}

static bool options_read(int argc, char **argv, struct map_options *out)
{
    enum { PROFILE = 256, SEED, SIZE, SNAP, TO, AT, JSON, GEOJSON, DIMACS, LANGUAGE, COUNT, MINUTES, REACH, TOWARDS, GCJ02 };
    static const struct option table[] = {
        {"profile", required_argument, NULL, PROFILE}, {"seed", required_argument, NULL, SEED}, {"size", required_argument, NULL, SIZE},
        {"snap-m", required_argument, NULL, SNAP},     {"to", required_argument, NULL, TO},     {"json", no_argument, NULL, JSON},
        {"geojson", no_argument, NULL, GEOJSON},       {"dimacs", no_argument, NULL, DIMACS},   {"output", required_argument, NULL, 'o'},
        {"at", required_argument, NULL, AT},           {"help", no_argument, NULL, 'h'},        {"limit", required_argument, NULL, SNAP},
        {"language", required_argument, NULL, LANGUAGE}, {"count", required_argument, NULL, COUNT}, {"minutes", required_argument, NULL, MINUTES},
        {"reach-m", required_argument, NULL, REACH},   {"towards", no_argument, NULL, TOWARDS}, {"gcj02", no_argument, NULL, GCJ02},
        {NULL, 0, NULL, 0},
    };
    *out = (struct map_options){.verb = "", .profile = GEO_EBIKE, .seed = 1, .size = 6000, .snap_m = SNAP_M, .leave_s = -1, .count = 5};
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
        else if (c == LANGUAGE) good = language_read(optarg, &out->language);
        else if (c == COUNT) good = number_read("count", optarg, 1, 100000, &out->count);
        else if (c == MINUTES) out->minutes = optarg;
        else if (c == REACH) good = number_read("reach-m", optarg, GEO_AREA_REACH_MIN_M, GEO_AREA_REACH_MAX_M, &out->reach_m);
        else if (c == TOWARDS) out->towards = true;
        else if (c == GCJ02) out->gcj02 = true;
        else if (c == JSON) out->json = true;
        else if (c == GEOJSON) out->geojson = true;
        else if (c == DIMACS) out->dimacs = true;
        else if (c == '?') good = false;
        else if (c < 128 && !(good = false)) fprintf(stderr, "meddispatch map: put -- before a point south of the equator\n");
    }
    if (optind < argc) out->verb = argv[optind++];
    for (; good && optind < argc; optind++) {
        if (out->word_count == MAP_WORDS_MAX) {
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
                 {"export", map_export}, {"tile", map_tile_verb}, {"snap", map_snap}, {"nearest", map_nearest}, {"isochrone", map_isochrone}};
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
    return map_usage(options.verb[0] ? "no such word" : "say what to do");
}
