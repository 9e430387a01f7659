/* PrimitiveBlock: the string table, then groups of nodes (dense or not), ways, relations. Trusts no length, count or index. */
#include "pbf.h"

#include <stdlib.h>
#include <string.h>

struct block {
    enum osm_pass pass;
    struct osm_data *data;
    char *text;              /* the string table, each string terminated */
    size_t text_capacity;
    size_t *string;          /* offsets into text */
    size_t string_count, string_capacity;
    int64_t granularity, lat_offset, lon_offset; /* nanodegrees */
    struct osm_tag *tags;
    size_t tag_count, tag_capacity;
    int64_t *refs;
    size_t ref_capacity;
    struct osm_member *members;
    size_t member_capacity;
    const char *fault;
    struct geo_error *error;
};

static enum geo_status fault_set(struct block *block, const char *fault)
{
    block->fault = fault;
    return GEO_INVALID;
}

static enum geo_status strings_read(struct block *block, struct pbf_reader table)
{
    size_t used = 0;
    struct pbf_field field;
    if (!osm_grow(&block->text, &block->text_capacity, 2 * (size_t)(table.end - table.at) + 1, 1)) return GEO_NO_MEMORY;
    while (pbf_next(&table, &field)) {
        if (field.number != 1 || field.wire != 2) continue;
        if (!osm_grow(&block->string, &block->string_capacity, block->string_count + 1, sizeof *block->string)) return GEO_NO_MEMORY;
        block->string[block->string_count++] = used; /* a field costs 2 bytes at least, so the terminators fit */
        if (field.size) memcpy(block->text + used, field.data, field.size);
        used += field.size;
        block->text[used++] = 0;
    }
    return table.bad ? fault_set(block, table.bad) : GEO_OK;
}

static const char *string_at(struct block *block, uint64_t index)
{
    if (index < block->string_count) return block->text + block->string[index];
    block->fault = "a string index beyond the string table";
    return "";
}

static enum geo_status tag_add(struct block *block, uint64_t key, uint64_t value)
{
    if (!osm_grow(&block->tags, &block->tag_capacity, block->tag_count + 1, sizeof *block->tags)) return GEO_NO_MEMORY;
    block->tags[block->tag_count++] = (struct osm_tag){string_at(block, key), string_at(block, value)};
    return block->fault ? GEO_INVALID : GEO_OK;
}

/* keys and vals: two packed arrays of equal length. */
static enum geo_status tags_read(struct block *block, struct pbf_reader keys, struct pbf_reader values)
{
    block->tag_count = 0;
    while (keys.at < keys.end && values.at < values.end) {
        uint64_t key = pbf_varint(&keys), value = pbf_varint(&values);
        if (keys.bad || values.bad) return fault_set(block, "a broken list of tags");
        enum geo_status rc = tag_add(block, key, value);
        if (rc != GEO_OK) return rc;
    }
    return keys.at < keys.end || values.at < values.end ? fault_set(block, "keys and values of different number") : GEO_OK;
}

/* ---- nodes ---- */

static bool degrees_find(int64_t offset, int64_t granularity, int64_t value, int64_t limit_e7, int32_t *out)
{
    int64_t nano = 0;
    if (__builtin_mul_overflow(granularity, value, &nano) || __builtin_add_overflow(nano, offset, &nano)) return false;
    int64_t e7 = (nano + (nano < 0 ? -50 : 50)) / 100;
    if (nano > INT64_MAX - 50 || nano < INT64_MIN + 50 || e7 < -limit_e7 || e7 > limit_e7) return false;
    *out = (int32_t)e7;
    return true;
}

static enum geo_status node_add(struct block *block, int64_t id, int64_t lat, int64_t lon)
{
    struct geo_point point;
    if (!degrees_find(block->lat_offset, block->granularity, lat, 900000000, &point.lat_e7) ||
        !degrees_find(block->lon_offset, block->granularity, lon, 1800000000, &point.lon_e7)) {
        block->data->stats.osm_nodes++; /* deleted or made-up places: a road through it breaks there */
        return GEO_OK;
    }
    return osm_collect_node(block->data, id, point, (struct osm_tags){block->tags, block->tag_count});
}

static enum geo_status node_read(struct block *block, struct pbf_reader reader)
{
    struct pbf_field field;
    struct pbf_reader keys = {0}, values = {0};
    int64_t id = 0, lat = 0, lon = 0;
    while (pbf_next(&reader, &field)) {
        int64_t number = (int64_t)((field.value >> 1) ^ (0 - (field.value & 1)));
        if (field.number == 1) id = number;
        if (field.number == 2) keys = pbf_inner(&field);
        if (field.number == 3) values = pbf_inner(&field);
        if (field.number == 8) lat = number;
        if (field.number == 9) lon = number;
    }
    if (reader.bad) return fault_set(block, reader.bad);
    enum geo_status rc = tags_read(block, keys, values);
    return rc == GEO_OK ? node_add(block, id, lat, lon) : rc;
}

/* keys_vals of dense nodes: key, value, ..., 0 per node; wholly absent if no node has tags. */
static enum geo_status dense_tags_read(struct block *block, struct pbf_reader *tags)
{
    block->tag_count = 0;
    while (tags->at < tags->end) {
        uint64_t key = pbf_varint(tags);
        if (key == 0) break;
        uint64_t value = pbf_varint(tags);
        if (tags->bad) break;
        enum geo_status rc = tag_add(block, key, value);
        if (rc != GEO_OK) return rc;
    }
    return tags->bad ? fault_set(block, tags->bad) : GEO_OK;
}

static int64_t wrap_add(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b); /* deltas of a lying file wrap; what comes out is checked */
}

static enum geo_status dense_read(struct block *block, struct pbf_reader reader)
{
    struct pbf_field field;
    struct pbf_reader ids = {0}, lats = {0}, lons = {0}, tags = {0};
    while (pbf_next(&reader, &field)) {
        if (field.number == 1) ids = pbf_inner(&field);
        if (field.number == 8) lats = pbf_inner(&field);
        if (field.number == 9) lons = pbf_inner(&field);
        if (field.number == 10) tags = pbf_inner(&field);
    }
    if (reader.bad) return fault_set(block, reader.bad);
    int64_t id = 0, lat = 0, lon = 0;
    while (ids.at < ids.end) {
        id = wrap_add(id, pbf_zigzag(&ids));
        lat = wrap_add(lat, pbf_zigzag(&lats));
        lon = wrap_add(lon, pbf_zigzag(&lons));
        if (ids.bad || lats.bad || lons.bad) return fault_set(block, "dense nodes with lists of different length");
        enum geo_status rc = dense_tags_read(block, &tags);
        if (rc == GEO_OK) rc = node_add(block, id, lat, lon);
        if (rc != GEO_OK) return rc;
    }
    return GEO_OK;
}

/* ---- ways and relations ---- */

static enum geo_status way_read(struct block *block, struct pbf_reader reader)
{
    struct pbf_field field;
    struct pbf_reader keys = {0}, values = {0}, refs = {0};
    int64_t id = 0;
    while (pbf_next(&reader, &field)) {
        if (field.number == 1) id = (int64_t)field.value;
        if (field.number == 2) keys = pbf_inner(&field);
        if (field.number == 3) values = pbf_inner(&field);
        if (field.number == 8) refs = pbf_inner(&field);
    }
    if (reader.bad) return fault_set(block, reader.bad);
    enum geo_status rc = tags_read(block, keys, values);
    if (rc != GEO_OK) return rc;
    size_t count = 0;
    int64_t ref = 0;
    if (!osm_grow(&block->refs, &block->ref_capacity, (size_t)(refs.end - refs.at) + 1, sizeof *block->refs)) return GEO_NO_MEMORY;
    while (refs.at < refs.end) {
        ref = wrap_add(ref, pbf_zigzag(&refs));
        block->refs[count++] = ref;
    }
    if (refs.bad) return fault_set(block, refs.bad);
    return osm_collect_way(block->data, id, block->refs, count, (struct osm_tags){block->tags, block->tag_count}, block->error);
}

static enum geo_status members_read(struct block *block, struct pbf_reader roles, struct pbf_reader ids, struct pbf_reader kinds, size_t *count)
{
    int64_t id = 0;
    *count = 0;
    if (!osm_grow(&block->members, &block->member_capacity, (size_t)(ids.end - ids.at) + 1, sizeof *block->members)) return GEO_NO_MEMORY;
    while (ids.at < ids.end) {
        id = wrap_add(id, pbf_zigzag(&ids));
        uint64_t role = pbf_varint(&roles), kind = pbf_varint(&kinds);
        if (ids.bad || roles.bad || kinds.bad) return fault_set(block, "a relation with lists of different length");
        if (kind > OSM_RELATION) return fault_set(block, "a relation member of unknown kind");
        block->members[(*count)++] = (struct osm_member){id, (enum osm_kind)kind, string_at(block, role)};
    }
    return block->fault ? GEO_INVALID : GEO_OK;
}

static enum geo_status relation_read(struct block *block, struct pbf_reader reader)
{
    struct pbf_field field;
    struct pbf_reader keys = {0}, values = {0}, roles = {0}, ids = {0}, kinds = {0};
    int64_t id = 0;
    while (pbf_next(&reader, &field)) {
        if (field.number == 1) id = (int64_t)field.value;
        if (field.number == 2) keys = pbf_inner(&field);
        if (field.number == 3) values = pbf_inner(&field);
        if (field.number == 8) roles = pbf_inner(&field);
        if (field.number == 9) ids = pbf_inner(&field);
        if (field.number == 10) kinds = pbf_inner(&field);
    }
    if (reader.bad) return fault_set(block, reader.bad);
    size_t count = 0;
    enum geo_status rc = tags_read(block, keys, values);
    if (rc == GEO_OK) rc = members_read(block, roles, ids, kinds, &count);
    if (rc != GEO_OK) return rc;
    return osm_collect_relation(block->data, id, block->members, count, (struct osm_tags){block->tags, block->tag_count}, block->error);
}

/* ---- the block ---- */

static enum geo_status group_read(struct block *block, struct pbf_reader reader)
{
    struct pbf_field field;
    enum geo_status rc = GEO_OK;
    while (rc == GEO_OK && pbf_next(&reader, &field)) {
        bool nodes = block->pass == OSM_PASS_NODES;
        if (nodes && field.number == 1) rc = node_read(block, pbf_inner(&field));
        if (nodes && field.number == 2) rc = dense_read(block, pbf_inner(&field));
        if (!nodes && field.number == 3) rc = way_read(block, pbf_inner(&field));
        if (!nodes && field.number == 4) rc = relation_read(block, pbf_inner(&field));
    }
    return rc == GEO_OK && reader.bad ? fault_set(block, reader.bad) : rc;
}

/* Offsets and strings may stand behind the groups, so they are read first. */
static enum geo_status frame_read(struct block *block, struct pbf_reader reader)
{
    struct pbf_field field;
    bool strings = false;
    while (pbf_next(&reader, &field)) {
        if (field.number == 1 && !strings) {
            enum geo_status rc = strings_read(block, pbf_inner(&field));
            if (rc != GEO_OK) return rc;
            strings = true;
        }
        if (field.number == 17) block->granularity = (int32_t)field.value;
        if (field.number == 19) block->lat_offset = (int64_t)field.value;
        if (field.number == 20) block->lon_offset = (int64_t)field.value;
    }
    if (reader.bad) return fault_set(block, reader.bad);
    return block->granularity > 0 ? GEO_OK : fault_set(block, "a granularity that is not positive");
}

enum geo_status osm_pbf_block(const uint8_t *bytes, size_t size, enum osm_pass pass, struct osm_data *data, const char **fault, struct geo_error *error)
{
    struct block block = {.pass = pass, .data = data, .granularity = 100, .error = error};
    struct pbf_reader reader = {bytes, bytes + size, NULL};
    struct pbf_field field;
    enum geo_status rc = frame_read(&block, reader);
    while (rc == GEO_OK && pbf_next(&reader, &field))
        if (field.number == 2) rc = group_read(&block, pbf_inner(&field));
    *fault = block.fault;
    free(block.text);
    free(block.string);
    free(block.tags);
    free(block.refs);
    free(block.members);
    return rc;
}
