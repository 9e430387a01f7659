/* meddispatch map route: from point to point, in words, as JSON or as GeoJSON. Wiring: the way is geo's, the words geo_guide's. */
#include "cmd_map.h"

#include "geo_guide/geo_guide.h"
#include "geo_json/geo_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* When one arrives: time of day, rounded up to the second, and days later. */
struct arrival {
    uint32_t hour, minute, second, days;
};

static struct arrival arrival_of(int64_t leave_s, uint64_t travel_ms)
{
    enum { DAY_S = 86400 };
    uint64_t at_s = (uint64_t)leave_s + travel_ms / 1000 + (travel_ms % 1000 != 0);
    uint32_t of_day_s = (uint32_t)(at_s % DAY_S);
    return (struct arrival){of_day_s / 3600, of_day_s / 60 % 60, of_day_s % 60, (uint32_t)(at_s / DAY_S)};
}

static void arrival_print(struct buffer *out, uint64_t travel_ms, const struct map_options *options)
{
    if (options->leave_s < 0) return;
    struct arrival at = arrival_of(options->leave_s, travel_ms);
    unsigned hour = (unsigned)(options->leave_s / 3600), minute = (unsigned)(options->leave_s / 60 % 60);
    if (options->json || options->geojson) {
        buffer_printf(out, ",\"leave\":\"%02u:%02u\",\"arrive\":\"%02u:%02u:%02u\",\"arrive_days_later\":%u", hour, minute, at.hour, at.minute, at.second, at.days);
        return;
    }
    buffer_printf(out, "leaves %02u:%02u, arrives %02u:%02u:%02u", hour, minute, at.hour, at.minute, at.second);
    if (at.days) buffer_printf(out, ", %u days later", at.days);
    buffer_printf(out, "\n");
}

struct way {
    uint32_t leg_count;
    struct geo_route routes[MAP_ROUTE_POINTS_MAX];
    struct geo_guide guides[MAP_ROUTE_POINTS_MAX];
    struct geo_json_leg legs[MAP_ROUTE_POINTS_MAX];
    uint64_t travel_ms, length_dm;
};

static enum geo_status way_find(const struct map_session *session, const struct geo_snap *snaps, uint32_t count, struct way *way, struct geo_error *error)
{
    enum geo_status rc = GEO_OK;
    for (uint32_t i = 0; rc == GEO_OK && i + 1 < count; i++) {
        rc = geo_route_find(session->metric, session->scratch, &snaps[i], &snaps[i + 1], &way->routes[i], error);
        if (rc != GEO_OK) return rc;
        way->leg_count++;
        rc = geo_guide_make(session->map, &way->routes[i], &snaps[i + 1], i + 2 < count ? i + 1 : 0, &way->guides[i]);
        if (rc != GEO_OK) return geo_error_set(error, rc, "no memory for the steps");
        way->legs[i] = (struct geo_json_leg){&way->routes[i], &way->guides[i]};
        way->travel_ms += way->routes[i].travel_ms;
        way->length_dm += way->routes[i].length_dm;
    }
    return rc;
}

static void way_free(struct way *way)
{
    for (uint32_t i = 0; i < way->leg_count; i++) {
        geo_guide_free(&way->guides[i]);
        geo_route_free(&way->routes[i]);
    }
}

static int way_print(const struct way *way, const struct map_options *options)
{
    struct buffer out;
    buffer_init(&out, MAP_OUTPUT_MAX);
    buffer_printf(&out, "%.1f min, %.2f km\n", (double)way->travel_ms / 60000, (double)way->length_dm / 10000);
    arrival_print(&out, way->travel_ms, options);
    for (uint32_t i = 0; i < way->leg_count; i++) {
        if (way->leg_count > 1) buffer_printf(&out, "leg %u: %.1f min, %.2f km\n", i + 1, way->routes[i].travel_ms / 60000.0, way->routes[i].length_dm / 10000.0);
        for (uint32_t s = 0; s < way->guides[i].step_count; s++) {
            char sentence[GEO_GUIDE_TEXT_MAX];
            const struct geo_guide_step *step = &way->guides[i].steps[s];
            (void)geo_guide_say(step, options->language, sentence, sizeof sentence);
            buffer_printf(&out, "%8u m %6.0f s  %s\n", step->length_m, step->travel_ms / 1000.0, sentence);
        }
    }
    return map_print(&out);
}

static int way_write(const struct way *way, const struct map_options *options)
{
    struct buffer extra;
    char *text = NULL;
    size_t size = 0;
    buffer_init(&extra, 4096);
    arrival_print(&extra, way->travel_ms, options);
    buffer_append(&extra, "", 1);
    struct geo_json_options json = {.language = options->language, .gcj02 = options->gcj02, .extra = (const char *)extra.data};
    enum geo_status rc = options->geojson ? geo_json_route(way->legs, way->leg_count, &json, &text, &size) : geo_json_route_plain(way->legs, way->leg_count, &json, &text, &size);
    buffer_deinit(&extra);
    struct geo_error error = {.text = "the answer is too long"};
    return rc == GEO_OK ? map_print_text(options, text, size) : map_told("route", rc, &error);
}

int map_route(const struct map_options *options)
{
    struct geo_point points[MAP_ROUTE_POINTS_MAX];
    struct geo_snap snaps[MAP_ROUTE_POINTS_MAX];
    uint32_t count = options->word_count > 1 ? (uint32_t)options->word_count - 1 : 0;
    if (count < 2 || count > MAP_ROUTE_POINTS_MAX) return map_usage("route needs a map and 2 to 25 points");
    for (uint32_t i = 0; i < count; i++)
        if (!map_point_parse(options->words[i + 1], options, &points[i])) return map_usage("a point is LAT,LON in degrees, such as 39.9,116.4");
    struct map_session session = {0};
    struct geo_error error = {.text = ""};
    struct way *way = mem_zalloc(1, sizeof *way);
    enum geo_status rc = map_session_open(options->words[0], &session, &error);
    for (uint32_t i = 0; rc == GEO_OK && i < count; i++) rc = geo_snap_nearest(session.map, points[i], (uint32_t)options->snap_m, &snaps[i], &error);
    if (rc == GEO_OK) rc = way_find(&session, snaps, count, way, &error);
    int code = rc != GEO_OK ? map_told("route", rc, &error) : options->json || options->geojson ? way_write(way, options) : way_print(way, options);
    way_free(way);
    free(way);
    map_session_close(&session);
    return code;
}
