/* Reads a tile as the specification (Mapbox Vector Tile 2.1) says, and complains of all that a strict reader may complain of. */
#include "decode.h"

#include <stdlib.h>
#include <string.h>

struct span {
    const uint8_t *at, *end;
};
struct table {
    struct span *item;
    uint32_t count;
};

static const char *varint(struct span *in, uint64_t *out)
{
    *out = 0;
    for (int shift = 0; shift < 70; shift += 7) {
        if (in->at == in->end) return "a varint beyond the end";
        uint8_t byte = *in->at++;
        if (shift == 63 && byte > 1) return "a varint of more than 64 bits";
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return byte == 0 && shift > 0 ? "a varint longer than need be" : NULL;
    }
    return "a varint without an end";
}

/* The next field: its number, and its content as a span or a number. */
static const char *field(struct span *in, uint32_t *number, struct span *content, uint64_t *value)
{
    uint64_t key;
    const char *fault = varint(in, &key);
    if (fault) return fault;
    *number = (uint32_t)(key >> 3);
    *content = (struct span){NULL, NULL};
    fault = varint(in, value);
    if (fault || (key & 7) == 0) return fault;
    if ((key & 7) != 2) return "a wire type that tiles have no use for";
    if (*value > (uint64_t)(in->end - in->at)) return "a length beyond the end";
    *content = (struct span){in->at, in->at + *value};
    in->at += *value;
    return NULL;
}

static int32_t unzigzag(uint64_t value)
{
    return (int32_t)(value >> 1 ^ (~(value & 1) + 1));
}

static const char *line(struct seen *out, uint32_t feature, struct span *in, int32_t *x, int32_t *y)
{
    struct seen_line *seen = &out->lines[out->line_count++];
    *seen = (struct seen_line){feature, out->point_count, 0};
    for (int part = 0; part < 2; part++) {
        uint64_t command, dx, dy;
        const char *fault = varint(in, &command);
        if (fault) return fault;
        if ((command & 7) != (part == 0 ? 1u : 2u)) return "a line that is not MoveTo, LineTo";
        if (part == 0 && command >> 3 != 1) return "a MoveTo of more than one point";
        if (part == 1 && command >> 3 == 0) return "a LineTo of no point";
        for (uint64_t i = 0; i < command >> 3; i++) {
            if ((fault = varint(in, &dx)) || (fault = varint(in, &dy))) return fault;
            if (part == 1 && dx == 0 && dy == 0) return "the same point twice";
            *x += unzigzag(dx);
            *y += unzigzag(dy);
            if (*x < -GEO_TILE_BUFFER || *y < -GEO_TILE_BUFFER || *x > GEO_TILE_EXTENT + GEO_TILE_BUFFER || *y > GEO_TILE_EXTENT + GEO_TILE_BUFFER) return "a point beyond the buffer";
            out->points[out->point_count].x = *x;
            out->points[out->point_count++].y = *y;
            seen->count++;
        }
    }
    return NULL;
}

static const char *text(struct span in, char *out, size_t capacity)
{
    if ((size_t)(in.end - in.at) >= capacity) return "a text too long";
    memcpy(out, in.at, (size_t)(in.end - in.at));
    out[in.end - in.at] = 0;
    return NULL;
}

static bool is_text(struct span a, const char *b)
{
    return (size_t)(a.end - a.at) == strlen(b) && memcmp(a.at, b, strlen(b)) == 0;
}

static const char *tag(struct seen_feature *feature, const struct table *keys, const struct table *values, uint8_t *used, uint64_t key, uint64_t value)
{
    if (key >= keys->count || value >= values->count) return "a tag beyond the tables";
    used[value] = 1;
    uint32_t number;
    struct span in = values->item[value], content;
    uint64_t number_value;
    const char *fault = field(&in, &number, &content, &number_value);
    if (fault) return fault;
    if (in.at != in.end) return "a value of two kinds";
    if (is_text(keys->item[key], "oneway")) {
        if (number != 7 || number_value != 1 || feature->oneway) return "oneway is not true, or twice";
        feature->oneway = true;
        return NULL;
    }
    if (number != 1) return "a text that is none";
    if (is_text(keys->item[key], "class") && !feature->road_class[0]) return text(content, feature->road_class, sizeof feature->road_class);
    if (is_text(keys->item[key], "name") && !feature->name[0]) return text(content, feature->name, sizeof feature->name);
    return "an unknown key, or one twice";
}

static const char *read_feature(struct seen *out, struct span in, const struct table *keys, const struct table *values, uint8_t *used)
{
    struct seen_feature *feature = &out->features[out->feature_count];
    struct span content, tags = {NULL, NULL}, geometry = {NULL, NULL};
    uint64_t value, type = 0;
    const char *fault = NULL;
    while (in.at < in.end) {
        uint32_t number;
        if ((fault = field(&in, &number, &content, &value))) return fault;
        if (number == 1) feature->id = value, feature->has_id = true;
        else if (number == 2) tags = content;
        else if (number == 3) type = value;
        else if (number == 4) geometry = content;
        else return "an unknown field of a feature";
    }
    if (type != 2) return "a feature that is no line";
    while (tags.at < tags.end) {
        uint64_t key;
        if ((fault = varint(&tags, &key)) || (fault = varint(&tags, &value))) return fault;
        if ((fault = tag(feature, keys, values, used, key, value))) return fault;
    }
    if (!feature->road_class[0]) return "a feature without class";
    if (geometry.at == geometry.end) return "a feature without geometry";
    int32_t x = 0, y = 0;
    while (geometry.at < geometry.end)
        if ((fault = line(out, out->feature_count, &geometry, &x, &y))) return fault;
    out->feature_count++;
    return NULL;
}

static const char *twice(const struct table *table)
{
    for (uint32_t i = 0; i < table->count && i < 3000; i++)
        for (uint32_t j = 0; j < i; j++) {
            size_t size = (size_t)(table->item[i].end - table->item[i].at);
            if (size == (size_t)(table->item[j].end - table->item[j].at) && memcmp(table->item[i].at, table->item[j].at, size) == 0) return "an entry of a table twice";
        }
    return NULL;
}

static const char *read_layer(struct seen *out, struct span in, struct table *tables, uint8_t *used)
{
    struct table *features = &tables[0], *keys = &tables[1], *values = &tables[2];
    uint64_t value, version = 0, extent = 0;
    bool named = false;
    const char *fault = NULL;
    while (in.at < in.end) {
        uint32_t number;
        struct span content;
        if ((fault = field(&in, &number, &content, &value))) return fault;
        struct table *table = number == 2 ? features : number == 3 ? keys : number == 4 ? values : NULL;
        if (table) {
            table->item[table->count++] = content;
        } else if (number == 1) named = is_text(content, "roads");
        else if (number == 5) extent = value;
        else if (number == 15) version = value;
        else return "an unknown field of a layer";
    }
    if (!named || extent != GEO_TILE_EXTENT || version != 2) return "a layer of another name, extent or version";
    if ((fault = twice(keys)) || (fault = twice(values))) return fault;
    out->features = calloc(features->count + 1, sizeof *out->features);
    for (uint32_t i = 0; i < features->count; i++)
        if ((fault = read_feature(out, features->item[i], keys, values, used))) return fault;
    for (uint32_t i = 0; i < values->count; i++)
        if (!used[i]) return "a value that nobody uses";
    return features->count == 0 ? "a layer without features" : NULL;
}

const char *seen_read(struct seen *out, const uint8_t *data, size_t size)
{
    *out = (struct seen){.lines = calloc(size + 1, sizeof *out->lines), .points = calloc(size + 1, sizeof *out->points)};
    if (size == 0) return NULL;
    struct span in = {data, data + size}, content;
    size_t most = size / 2 + 1; /* an entry has two bytes at least */
    struct table tables[3] = {{calloc(most, sizeof(struct span)), 0}, {calloc(most, sizeof(struct span)), 0}, {calloc(most, sizeof(struct span)), 0}};
    uint8_t *used = calloc(most, 1);
    uint32_t number;
    uint64_t value;
    const char *fault = field(&in, &number, &content, &value);
    if (!fault && (number != 3 || in.at != in.end)) fault = "something beside the one layer";
    if (!fault) fault = read_layer(out, content, tables, used);
    for (int i = 0; i < 3; i++) free(tables[i].item);
    free(used);
    return fault;
}

void seen_free(struct seen *seen)
{
    free(seen->features);
    free(seen->lines);
    free(seen->points);
}

/* ---- graphs ---- */

enum { NAMES_MAX = 65536 };
static uint32_t arcs_max, shape_max; /* of the last town_new */

uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

struct geo_graph *town_new(uint32_t arcs, uint32_t points)
{
    arcs_max = arcs;
    shape_max = points;
    struct geo_graph *graph = calloc(1, sizeof *graph);
    graph->arcs = calloc(arcs, sizeof *graph->arcs);
    graph->shape = calloc(points, sizeof *graph->shape);
    graph->names = calloc(NAMES_MAX, 1);
    graph->name_bytes = 1;
    return graph;
}

static uint32_t name_at(struct geo_graph *graph, const char *name)
{
    if (!name || !name[0]) return 0;
    size_t size = strlen(name) + 1;
    for (uint32_t at = 1; at < graph->name_bytes; at += (uint32_t)strlen(graph->names + at) + 1)
        if (strcmp(graph->names + at, name) == 0) return at;
    if (graph->name_bytes + size > NAMES_MAX) abort();
    memcpy(graph->names + graph->name_bytes, name, size);
    graph->name_bytes += (uint32_t)size;
    return graph->name_bytes - (uint32_t)size;
}

void town_add(struct geo_graph *graph, const struct town_road *road)
{
    if (graph->arc_count + 2 > arcs_max || graph->shape_count + road->count > shape_max) abort();
    struct geo_arc arc = {.travel_ms = 1, .shape_first = graph->shape_count, .shape_count = road->count, .reverse = GEO_NONE, .name = name_at(graph, road->name),
                          .way = road->way, .road_class = (uint8_t)road->road_class, .reversed = road->drawn_backward, .snappable = 1, .twin = graph->arc_count};
    for (uint32_t i = 0; i < road->count; i++) graph->shape[graph->shape_count++] = road->points[road->drawn_backward ? road->count - 1 - i : i];
    graph->arcs[graph->arc_count++] = arc;
    if (!road->both_ways) return;
    arc.reversed = !arc.reversed;
    arc.twin = graph->arc_count;
    arc.reverse = graph->arc_count - 1;
    graph->arcs[graph->arc_count - 1].reverse = graph->arc_count;
    graph->arcs[graph->arc_count++] = arc;
}

const char *class_name(enum geo_class road_class)
{
    static const char *const NAMES[GEO_CLASS_COUNT] = {"motorway", "trunk", "primary", "secondary", "tertiary", "residential", "service", "track", "cycleway", "footway", "steps", "ferry", "other"};
    return NAMES[road_class];
}
