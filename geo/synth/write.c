/* A city as .osm.pbf: uncompressed blobs, dense nodes, sorted by kind and id. Written aside and renamed, so a cut write leaves no half a file. */
#include "city.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_ITEMS = 8000 };

struct bytes {
    uint8_t *data;
    size_t size, capacity;
    bool failed;
};

static void put(struct bytes *out, const void *data, size_t size)
{
    if (out->failed || !city_grow(&out->data, &out->capacity, out->size + size, 1)) {
        out->failed = true;
        return;
    }
    if (size) memcpy(out->data + out->size, data, size);
    out->size += size;
}

static void put_varint(struct bytes *out, uint64_t value)
{
    uint8_t byte[10];
    size_t count = 0;
    for (; value >= 0x80; value >>= 7) byte[count++] = (uint8_t)(value | 0x80);
    byte[count++] = (uint8_t)value;
    put(out, byte, count);
}

static void put_zigzag(struct bytes *out, int64_t value)
{
    put_varint(out, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

static void put_number(struct bytes *out, uint32_t field, uint64_t value)
{
    put_varint(out, (uint64_t)field << 3);
    put_varint(out, value);
}

static void put_field(struct bytes *out, uint32_t field, const void *data, size_t size)
{
    put_varint(out, (uint64_t)field << 3 | 2);
    put_varint(out, size);
    put(out, data, size);
}

static void put_text(struct bytes *out, uint32_t field, const char *text)
{
    put_field(out, field, text, strlen(text));
}

/* Embed `inner` and empty it for the next use. */
static void put_message(struct bytes *out, uint32_t field, struct bytes *inner)
{
    if (inner->failed) out->failed = true;
    put_field(out, field, inner->data, inner->size);
    inner->size = 0;
}

struct writer {
    FILE *file;
    const struct city *city;
    struct bytes table, group, item, list[3], blob, block;
    uint32_t string_count;
    bool no_memory, unwritten;
};

static uint32_t string_add(struct writer *writer, const char *text)
{
    put_text(&writer->table, 1, text);
    return writer->string_count++;
}

static void blob_write(struct writer *writer, const char *type, struct bytes *content)
{
    struct bytes *header = &writer->item;
    put_message(&writer->blob, 1, content);
    header->size = 0;
    put_text(header, 1, type);
    put_number(header, 3, writer->blob.size);
    uint8_t length[4] = {0, 0, (uint8_t)(header->size >> 8), (uint8_t)header->size};
    writer->no_memory = writer->no_memory || header->failed || writer->blob.failed;
    if (!writer->no_memory && !writer->unwritten)
        writer->unwritten = fwrite(length, 1, 4, writer->file) != 4 || fwrite(header->data, 1, header->size, writer->file) != header->size ||
                            fwrite(writer->blob.data, 1, writer->blob.size, writer->file) != writer->blob.size;
    writer->blob.size = header->size = 0;
}

static void header_write(struct writer *writer)
{
    struct bytes *block = &writer->block;
    put_text(block, 4, "OsmSchema-V0.6");
    put_text(block, 4, "DenseNodes");
    put_text(block, 5, "Sort.Type_then_ID");
    put_text(block, 16, "meddispatch map synth");
    blob_write(writer, "OSMHeader", block);
}

static void block_begin(struct writer *writer)
{
    writer->table.size = writer->group.size = 0;
    writer->string_count = 0;
    (void)string_add(writer, ""); /* index 0 ends the tags of dense nodes */
}

static void block_end(struct writer *writer)
{
    put_message(&writer->block, 1, &writer->table);
    put_message(&writer->block, 2, &writer->group);
    blob_write(writer, "OSMData", &writer->block);
}

static void nodes_write(struct writer *writer, size_t first, size_t past)
{
    block_begin(writer);
    uint32_t highway = string_add(writer, "highway"), signals = string_add(writer, "traffic_signals");
    uint32_t barrier = string_add(writer, "barrier"), gate = string_add(writer, "gate");
    struct bytes *id = &writer->list[0], *lat = &writer->list[1], *lon = &writer->list[2], *tags = &writer->item, dense = {0};
    int64_t id_before = 0;
    struct geo_point before = {0, 0};
    for (size_t i = first; i < past; i++) {
        const struct city_node *node = &writer->city->nodes[i];
        put_zigzag(id, (int64_t)i + 1 - id_before);
        put_zigzag(lat, (int64_t)node->at.lat_e7 - before.lat_e7);
        put_zigzag(lon, (int64_t)node->at.lon_e7 - before.lon_e7);
        id_before = (int64_t)i + 1;
        before = node->at;
        if (node->kind != CITY_PLAIN) {
            put_varint(tags, node->kind == CITY_SIGNALS ? highway : barrier);
            put_varint(tags, node->kind == CITY_SIGNALS ? signals : gate);
        }
        put_varint(tags, 0);
    }
    put_message(&dense, 1, id);
    put_message(&dense, 8, lat);
    put_message(&dense, 9, lon);
    put_message(&dense, 10, tags);
    put_message(&writer->group, 2, &dense);
    free(dense.data);
    block_end(writer);
}

static void tag_put(struct writer *writer, const char *key, const char *value)
{
    put_varint(&writer->list[0], string_add(writer, key));
    put_varint(&writer->list[1], string_add(writer, value));
}

static void way_tags_put(struct writer *writer, const struct city_way *way)
{
    static const char *const highway[CITY_HIGHWAY_COUNT] = {"trunk", "primary", "secondary", "tertiary", "residential", "living_street", "service", "river"};
    char chinese[CITY_NAME_MAX], english[CITY_NAME_MAX];
    city_name_write(way->name, way->highway, chinese, english);
    tag_put(writer, way->highway == CITY_RIVER ? "waterway" : "highway", highway[way->highway]);
    if (chinese[0]) tag_put(writer, "name", chinese);
    if (english[0]) tag_put(writer, "name:en", english);
    if (way->oneway) tag_put(writer, "oneway", "yes");
    if (way->bridge) tag_put(writer, "bridge", "yes");
    if (way->bridge) tag_put(writer, "layer", "1");
    if (way->gated) tag_put(writer, "access", "private");
    if (way->highway <= CITY_PRIMARY) tag_put(writer, "maxspeed", "60");
}

static void ways_write(struct writer *writer, size_t first, size_t past)
{
    block_begin(writer);
    for (size_t i = first; i < past; i++) {
        const struct city_way *way = &writer->city->ways[i];
        int64_t before = 0;
        way_tags_put(writer, way);
        for (uint32_t k = 0; k < way->ref_count; k++) {
            int64_t ref = (int64_t)writer->city->refs[way->ref_first + k] + 1;
            put_zigzag(&writer->list[2], ref - before);
            before = ref;
        }
        put_number(&writer->item, 1, i + 1);
        put_message(&writer->item, 2, &writer->list[0]);
        put_message(&writer->item, 3, &writer->list[1]);
        put_message(&writer->item, 8, &writer->list[2]);
        put_message(&writer->group, 3, &writer->item);
    }
    block_end(writer);
}

static void relations_write(struct writer *writer, size_t first, size_t past)
{
    static const char *const turn[] = {"no_left_turn", "no_u_turn", "only_straight_on", "no_u_turn"};
    block_begin(writer);
    uint32_t from = string_add(writer, "from"), via = string_add(writer, "via"), to = string_add(writer, "to");
    for (size_t i = first; i < past; i++) {
        const struct city_restriction *restriction = &writer->city->restrictions[i];
        bool by_way = restriction->turn == CITY_NO_U_VIA;
        tag_put(writer, "type", "restriction");
        tag_put(writer, "restriction", turn[restriction->turn]);
        put_number(&writer->item, 1, i + 1);
        put_message(&writer->item, 2, &writer->list[0]);
        put_message(&writer->item, 3, &writer->list[1]);
        const uint32_t role[] = {from, via, to};
        const int64_t member[] = {restriction->from + 1, restriction->via + 1, restriction->to + 1};
        const uint8_t kind[] = {1, by_way ? 1 : 0, 1};
        for (int k = 0; k < 3; k++) {
            put_varint(&writer->list[0], role[k]);
            put_zigzag(&writer->list[1], member[k] - (k ? member[k - 1] : 0));
            put_varint(&writer->list[2], kind[k]);
        }
        put_message(&writer->item, 8, &writer->list[0]);
        put_message(&writer->item, 9, &writer->list[1]);
        put_message(&writer->item, 10, &writer->list[2]);
        put_message(&writer->group, 4, &writer->item);
    }
    block_end(writer);
}

static void in_blocks(struct writer *writer, size_t count, void (*write)(struct writer *writer, size_t first, size_t past))
{
    for (size_t first = 0; first < count; first += BLOCK_ITEMS) write(writer, first, first + BLOCK_ITEMS < count ? first + BLOCK_ITEMS : count);
}

enum geo_status city_write(const struct city *city, const char *path, struct geo_error *error)
{
    char aside[4096];
    int length = snprintf(aside, sizeof aside, "%s.part", path);
    if (length < 0 || (size_t)length >= sizeof aside) return geo_error_set(error, GEO_INVALID, "the path is too long");
    struct writer writer = {.file = fopen(aside, "wb"), .city = city};
    if (!writer.file) return geo_error_set(error, GEO_IO, "%s: %s", aside, strerror(errno));
    header_write(&writer);
    in_blocks(&writer, city->node_count, nodes_write);
    in_blocks(&writer, city->way_count, ways_write);
    in_blocks(&writer, city->restriction_count, relations_write);
    if (fclose(writer.file) != 0) writer.unwritten = true;
    enum geo_status rc = GEO_OK;
    if (writer.no_memory) rc = geo_error_set(error, GEO_NO_MEMORY, "out of memory for %zu nodes of a city", city->node_count);
    else if (writer.unwritten || rename(aside, path) != 0) rc = geo_error_set(error, GEO_IO, "%s could not be written: %s", path, strerror(errno));
    if (rc != GEO_OK) (void)unlink(aside);
    struct bytes *const owned[] = {&writer.table, &writer.group, &writer.item, &writer.list[0], &writer.list[1], &writer.list[2], &writer.blob, &writer.block};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]->data);
    return rc;
}
