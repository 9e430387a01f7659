/* Areas and places. */
#include "text.h"

static void add_ring(struct json *text, const struct geo_areas *areas, uint32_t r)
{
    json_add(text, "[");
    for (uint32_t i = 0; i < areas->rings[r].point_count; i++) {
        if (i) json_add(text, ",");
        json_position(text, areas->points[areas->rings[r].point_first + i]);
    }
    json_add(text, "]");
}

static void add_contour(struct json *text, const struct geo_areas *areas, const struct geo_contour *contour, const struct geo_json_options *options)
{
    json_add(text, "{\"type\":\"Feature\",\"properties\":{\"kind\":\"isochrone\",\"travel_ms\":%u,\"reach_m\":%u,\"tolerance_m\":%u%s},\"geometry\":{\"type\":\"MultiPolygon\",\"coordinates\":[",
             contour->limit_ms, areas->reach_m, areas->tolerance_m, options->extra ? options->extra : "");
    for (uint32_t p = 0; p < contour->polygon_count; p++) {
        const struct geo_polygon *polygon = &areas->polygons[contour->polygon_first + p];
        json_add(text, p ? ",[" : "[");
        for (uint32_t r = 0; r < polygon->ring_count; r++) {
            if (r) json_add(text, ",");
            add_ring(text, areas, polygon->ring_first + r);
        }
        json_add(text, "]");
    }
    json_add(text, "]}}");
}

enum geo_status geo_json_areas(const struct geo_areas *areas, const struct geo_json_options *options, char **out, size_t *size)
{
    struct json text = {.gcj02 = options->gcj02};
    json_collection(&text);
    for (uint32_t i = areas->contour_count; i-- > 0;) {
        add_contour(&text, areas, &areas->contours[i], options);
        if (i > 0) json_add(&text, ",");
    }
    json_add(&text, "]}");
    return json_finish(&text, out, size);
}

static void add_place(struct json *text, const struct geo_map *map, const struct geo_json_place *place, const struct geo_json_options *options)
{
    json_add(text, "{\"type\":\"Feature\",\"properties\":{\"kind\":\"place\"");
    if (place->source != GEO_NONE) json_add(text, ",\"source\":%u", place->source);
    if (place->travel_ms != GEO_NONE) json_add(text, ",\"travel_ms\":%u", place->travel_ms);
    if (place->length_dm != GEO_NONE) json_add(text, ",\"length_dm\":%u", place->length_dm);
    if (place->distance_dm != GEO_NONE) json_add(text, ",\"distance_m\":%u.%u", place->distance_dm / 10, place->distance_dm % 10);
    if (place->arc) {
        json_add(text, ",\"side\":\"%s\",\"way\":%lld,\"class\":\"%s\",\"name\":", place->side == GEO_ON_LEFT ? "left" : place->side == GEO_ON_RIGHT ? "right" : "ahead",
                 (long long)place->arc->way, json_class_name(place->arc->road_class));
        json_string(text, geo_graph_name(geo_map_graph(map), place->arc, options->language));
    }
    json_add(text, "%s},\"geometry\":{\"type\":\"Point\",\"coordinates\":", options->extra ? options->extra : "");
    json_position(text, place->at);
    json_add(text, "}}");
}

enum geo_status geo_json_places(const struct geo_map *map, const struct geo_json_place *places, uint32_t count, const struct geo_json_options *options, char **out, size_t *size)
{
    struct json text = {.gcj02 = options->gcj02};
    json_collection(&text);
    for (uint32_t i = 0; i < count; i++) {
        if (i) json_add(&text, ",");
        add_place(&text, map, &places[i], options);
    }
    json_add(&text, "]}");
    return json_finish(&text, out, size);
}
