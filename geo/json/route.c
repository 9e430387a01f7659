/* Routes: the whole line and its steps. Legs follow each other; where one ends and the next begins there is one point. */
#include "text.h"

struct sums {
    uint64_t travel_ms, length_dm;
};

static struct sums sums_of(const struct geo_json_leg *legs, uint32_t count)
{
    struct sums sums = {0, 0};
    for (uint32_t i = 0; i < count; i++) {
        sums.travel_ms += legs[i].route->travel_ms;
        sums.length_dm += legs[i].route->length_dm;
    }
    return sums;
}

static void add_legs(struct json *text, const struct geo_json_leg *legs, uint32_t count)
{
    json_add(text, ",\"legs\":[");
    for (uint32_t i = 0; i < count; i++)
        json_add(text, "%s{\"travel_ms\":%u,\"length_dm\":%u,\"step_count\":%u}", i ? "," : "", legs[i].route->travel_ms, legs[i].route->length_dm, legs[i].guide->step_count);
    json_add(text, "]");
}

static const char *side_name(enum geo_side side)
{
    return side == GEO_ON_LEFT ? "left" : side == GEO_ON_RIGHT ? "right" : "ahead";
}

static void add_step(struct json *text, const struct geo_guide_step *step, uint32_t leg, enum geo_language language)
{
    char sentence[GEO_GUIDE_TEXT_MAX];
    (void)geo_guide_say(step, language, sentence, sizeof sentence);
    json_add(text, "\"leg\":%u,\"manoeuvre\":\"%s\",\"instruction\":", leg, geo_manoeuvre_name(step->manoeuvre));
    json_string(text, sentence);
    json_add(text, ",\"name\":");
    json_string(text, step->names[language]);
    json_add(text, ",\"class\":\"%s\",\"travel_ms\":%u,\"length_dm\":%u,\"heading_deg\":%u,\"turn_deg\":%d", json_class_name(step->road_class), step->travel_ms,
             step->length_dm, step->heading_deg, step->turn_deg);
    if (step->manoeuvre == GEO_ROUNDABOUT && step->exit) json_add(text, ",\"exit\":%u", step->exit);
    if (step->manoeuvre == GEO_ARRIVE) json_add(text, ",\"side\":\"%s\"", side_name(step->side));
}

/* A line has two positions; what has no extent is a point. */
static void add_geometry(struct json *text, const struct geo_route *route, uint32_t first, uint32_t last)
{
    if (first == last) {
        json_add(text, "{\"type\":\"Point\",\"coordinates\":");
        json_position(text, route->points[first]);
        json_add(text, "}");
        return;
    }
    json_add(text, "{\"type\":\"LineString\",\"coordinates\":[");
    for (uint32_t i = first; i <= last; i++) {
        if (i > first) json_add(text, ",");
        json_position(text, route->points[i]);
    }
    json_add(text, "]}");
}

/* All points of all legs, in order; a leg after the first begins with the one that the leg before it ended with. */
static void add_points(struct json *text, const struct geo_json_leg *legs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t p = i ? 1 : 0; p < legs[i].route->point_count; p++) {
            if (i || p) json_add(text, ",");
            json_position(text, legs[i].route->points[p]);
        }
    }
}

static void add_whole(struct json *text, const struct geo_json_leg *legs, uint32_t count, const struct geo_json_options *options)
{
    struct sums sums = sums_of(legs, count);
    json_add(text, "\"travel_ms\":%llu,\"length_dm\":%llu", (unsigned long long)sums.travel_ms, (unsigned long long)sums.length_dm);
    if (options->extra) json_add(text, "%s", options->extra);
    add_legs(text, legs, count);
}

enum geo_status geo_json_route(const struct geo_json_leg *legs, uint32_t leg_count, const struct geo_json_options *options, char **out, size_t *size)
{
    struct json text = {.gcj02 = options->gcj02};
    json_collection(&text);
    json_add(&text, "{\"type\":\"Feature\",\"properties\":{\"kind\":\"route\",");
    add_whole(&text, legs, leg_count, options);
    json_add(&text, "},\"geometry\":{\"type\":\"LineString\",\"coordinates\":[");
    add_points(&text, legs, leg_count);
    json_add(&text, "]}}");
    for (uint32_t i = 0; i < leg_count; i++) {
        for (uint32_t s = 0; s < legs[i].guide->step_count; s++) {
            const struct geo_guide_step *step = &legs[i].guide->steps[s];
            json_add(&text, ",{\"type\":\"Feature\",\"properties\":{\"kind\":\"step\",");
            add_step(&text, step, i, options->language);
            json_add(&text, "},\"geometry\":");
            add_geometry(&text, legs[i].route, step->point_first, step->point_last);
            json_add(&text, "}");
        }
    }
    json_add(&text, "]}");
    return json_finish(&text, out, size);
}

enum geo_status geo_json_route_plain(const struct geo_json_leg *legs, uint32_t leg_count, const struct geo_json_options *options, char **out, size_t *size)
{
    struct json text = {.gcj02 = options->gcj02};
    uint32_t before = 0;
    json_add(&text, "{");
    add_whole(&text, legs, leg_count, options);
    json_add(&text, ",\"steps\":[");
    for (uint32_t i = 0; i < leg_count; i++) {
        for (uint32_t s = 0; s < legs[i].guide->step_count; s++) {
            const struct geo_guide_step *step = &legs[i].guide->steps[s];
            json_add(&text, i || s ? ",{" : "{");
            add_step(&text, step, i, options->language);
            json_add(&text, ",\"point_first\":%u,\"point_last\":%u}", before + step->point_first, before + step->point_last);
        }
        before += legs[i].route->point_count - 1;
    }
    json_add(&text, "],\"points\":[");
    add_points(&text, legs, leg_count);
    json_add(&text, "]}");
    return json_finish(&text, out, size);
}
