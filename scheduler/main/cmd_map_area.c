/* meddispatch map isochrone: the area reached in so many minutes, as GeoJSON. */
#include "cmd_map.h"

#include "geo_area/geo_area.h"
#include "geo_json/geo_json.h"

#include <string.h>

/* "10,20,30": ascending numbers of minutes. */
static bool minutes_read(const char *text, uint32_t *limits_ms, uint32_t *count)
{
    *count = 0;
    while (text && *count < GEO_AREA_CONTOURS_MAX) {
        char number[8];
        int64_t minutes = 0;
        size_t length = strcspn(text, ",");
        if (length == 0 || length >= sizeof number) return false;
        memcpy(number, text, length);
        number[length] = 0;
        if (!text_to_i64(number, 1, 10000, &minutes)) return false;
        limits_ms[(*count)++] = (uint32_t)minutes * 60000;
        if (*count > 1 && limits_ms[*count - 1] <= limits_ms[*count - 2]) return false;
        if (!text[length]) return true;
        text += length + 1;
    }
    return false;
}

int map_isochrone(const struct map_options *options)
{
    struct geo_point at;
    uint32_t limits_ms[GEO_AREA_CONTOURS_MAX], count = 0;
    if (options->word_count != 2) return map_usage("isochrone needs a map and a point");
    if (!map_point_parse(options->words[1], options, &at)) return map_usage("a point is LAT,LON in degrees, such as 39.9,116.4");
    if (!minutes_read(options->minutes, limits_ms, &count)) return map_usage("isochrone needs --minutes, 1 to 10 ascending numbers such as 10,20,30");
    struct map_session session = {0};
    struct geo_error error = {.text = ""};
    struct geo_snap place;
    struct geo_areas areas = {0};
    struct geo_area_options area = geo_area_options_default();
    struct geo_json_options json = {.language = options->language, .gcj02 = options->gcj02, .extra = options->towards ? ",\"towards\":true" : NULL};
    char *text = NULL;
    size_t size = 0;
    area.towards = options->towards;
    if (options->reach_m) area.reach_m = (uint32_t)options->reach_m;
    enum geo_status rc = map_session_open(options->words[0], &session, &error);
    if (rc == GEO_OK) rc = geo_snap_nearest(session.map, at, (uint32_t)options->snap_m, &place, &error);
    if (rc == GEO_OK) rc = geo_areas_find(session.metric, session.scratch, &place, limits_ms, count, &area, &areas, &error);
    if (rc == GEO_OK) rc = geo_json_areas(&areas, &json, &text, &size);
    geo_areas_free(&areas);
    map_session_close(&session);
    return rc == GEO_OK ? map_print_text(options, text, size) : map_told("isochrone", rc, &error);
}
