/* .osm XML by expat. Refuses document types, so that no entity can be declared, let alone multiplied. */
#include "osm.h"

#include <expat.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES (1 << 20)
enum { TEXT_MAX_BYTES = 16 << 20, ITEMS_MAX = 1 << 20 }; /* of one element: far above OSM's own limits */

struct xml {
    XML_Parser parser;
    enum osm_pass pass;
    struct osm_data *data;
    struct geo_error *error;
    enum geo_status rc;
    enum osm_kind kind;
    bool inside, placed;         /* within a node, way or relation; the node has coordinates */
    int64_t id;
    struct geo_point point;
    char *text;                  /* keys, values, roles of the element */
    size_t text_size, text_capacity;
    struct item {
        size_t key, value;
    } *items;                    /* tags, as offsets: text moves as it grows */
    size_t item_count, item_capacity;
    int64_t *refs;
    size_t ref_count, ref_capacity;
    struct osm_member *members;  /* role is set at the end, from role_at */
    size_t *role_at;
    size_t member_count, member_capacity, role_capacity;
    struct osm_tag *tags;
    size_t tag_capacity;
    bool rooted;
};

static void stop(struct xml *xml, enum geo_status rc, const char *what)
{
    if (xml->rc != GEO_OK) return;
    xml->rc = rc;
    if (what)
        xml->rc = geo_error_set(xml->error, rc, "broken OSM XML in line %llu: %s", (unsigned long long)XML_GetCurrentLineNumber(xml->parser), what);
    XML_StopParser(xml->parser, XML_FALSE);
}

static const char *attribute(const char **attributes, const char *name)
{
    for (; attributes[0]; attributes += 2)
        if (strcmp(attributes[0], name) == 0) return attributes[1];
    return NULL;
}

static bool integer_parse(const char *text, int64_t *out)
{
    if (!text) return false;
    bool negative = *text == '-';
    uint64_t value = 0;
    const char *at = text + negative;
    if (!*at) return false;
    for (; *at; at++) {
        if (*at < '0' || *at > '9' || at - text > 18) return false;
        value = value * 10 + (uint64_t)(*at - '0');
    }
    *out = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

/* Decimal degrees to 1e-7 by digits, the eighth rounds: the same number whatever the locale. */
static bool degrees_parse(const char *text, int64_t limit_e7, int32_t *out)
{
    if (!text) return false;
    bool negative = *text == '-';
    const char *at = text + negative;
    int64_t value = 0;
    int digits = 0, decimals = -1;
    for (; *at; at++) {
        if (*at == '.' && decimals < 0) {
            decimals = 0;
            continue;
        }
        if (*at < '0' || *at > '9' || ++digits > 30) return false;
        if (decimals == 7 && *at >= '5') value++;
        if (decimals < 7) value = value * 10 + (*at - '0');
        if (decimals >= 0 && decimals < 8) decimals++;
        if (value > INT64_C(1000000000000)) return false;
    }
    for (int i = decimals < 0 ? 0 : decimals; i < 7; i++) value *= 10;
    if (digits == 0 || value > limit_e7) return false;
    *out = (int32_t)(negative ? -value : value);
    return true;
}

static bool text_keep(struct xml *xml, const char *text, size_t *offset)
{
    size_t length = strlen(text) + 1;
    if (xml->text_size + length > TEXT_MAX_BYTES) {
        stop(xml, GEO_INVALID, "an element with more than 16 MiB of text");
        return false;
    }
    if (!osm_grow(&xml->text, &xml->text_capacity, xml->text_size + length, 1)) {
        stop(xml, GEO_NO_MEMORY, NULL);
        return false;
    }
    *offset = xml->text_size;
    memcpy(xml->text + xml->text_size, text, length);
    xml->text_size += length;
    return true;
}

static void element_begin(struct xml *xml, enum osm_kind kind, const char **attributes)
{
    if (xml->inside) {
        stop(xml, GEO_INVALID, "an element within another");
        return;
    }
    xml->inside = true;
    xml->kind = kind;
    xml->text_size = xml->item_count = xml->ref_count = xml->member_count = 0;
    if (!integer_parse(attribute(attributes, "id"), &xml->id)) stop(xml, GEO_INVALID, "an id that is no number");
    xml->placed = kind == OSM_NODE && degrees_parse(attribute(attributes, "lat"), 900000000, &xml->point.lat_e7) &&
                  degrees_parse(attribute(attributes, "lon"), 1800000000, &xml->point.lon_e7);
}

static void tag_read(struct xml *xml, const char **attributes)
{
    const char *key = attribute(attributes, "k"), *value = attribute(attributes, "v");
    struct item item = {0};
    if (!key || !value) {
        stop(xml, GEO_INVALID, "a tag without k or v");
        return;
    }
    if (!text_keep(xml, key, &item.key) || !text_keep(xml, value, &item.value)) return;
    if (xml->item_count >= ITEMS_MAX) {
        stop(xml, GEO_INVALID, "an element with a million tags");
        return;
    }
    if (!osm_grow(&xml->items, &xml->item_capacity, xml->item_count + 1, sizeof *xml->items)) {
        stop(xml, GEO_NO_MEMORY, NULL);
        return;
    }
    xml->items[xml->item_count++] = item;
}

static void ref_read(struct xml *xml, const char **attributes)
{
    int64_t ref = 0;
    if (!integer_parse(attribute(attributes, "ref"), &ref)) {
        stop(xml, GEO_INVALID, "a reference that is no number");
        return;
    }
    if (xml->ref_count >= ITEMS_MAX) {
        stop(xml, GEO_INVALID, "a way with a million nodes");
        return;
    }
    if (!osm_grow(&xml->refs, &xml->ref_capacity, xml->ref_count + 1, sizeof *xml->refs)) {
        stop(xml, GEO_NO_MEMORY, NULL);
        return;
    }
    xml->refs[xml->ref_count++] = ref;
}

static void member_read(struct xml *xml, const char **attributes)
{
    struct osm_member member = {0};
    const char *type = attribute(attributes, "type"), *role = attribute(attributes, "role");
    size_t role_at = 0;
    if (!type || !integer_parse(attribute(attributes, "ref"), &member.id) || xml->member_count >= ITEMS_MAX) {
        stop(xml, GEO_INVALID, "a member without type or reference, or a million of them");
        return;
    }
    member.kind = strcmp(type, "node") == 0 ? OSM_NODE : strcmp(type, "way") == 0 ? OSM_WAY : OSM_RELATION;
    if (!text_keep(xml, role ? role : "", &role_at)) return;
    if (!osm_grow(&xml->members, &xml->member_capacity, xml->member_count + 1, sizeof *xml->members) ||
        !osm_grow(&xml->role_at, &xml->role_capacity, xml->member_count + 1, sizeof *xml->role_at)) {
        stop(xml, GEO_NO_MEMORY, NULL);
        return;
    }
    xml->role_at[xml->member_count] = role_at;
    xml->members[xml->member_count++] = member;
}

static void on_start(void *self, const char *name, const char **attributes)
{
    struct xml *xml = self;
    if (xml->rc != GEO_OK) return;
    if (!xml->rooted) {
        xml->rooted = true;
        if (strcmp(name, "osm") != 0) stop(xml, GEO_INVALID, "the outermost element is not <osm>");
        return;
    }
    if (strcmp(name, "node") == 0) element_begin(xml, OSM_NODE, attributes);
    else if (strcmp(name, "way") == 0) element_begin(xml, OSM_WAY, attributes);
    else if (strcmp(name, "relation") == 0) element_begin(xml, OSM_RELATION, attributes);
    else if (!xml->inside) return;
    else if (strcmp(name, "tag") == 0) tag_read(xml, attributes);
    else if (strcmp(name, "nd") == 0) ref_read(xml, attributes);
    else if (strcmp(name, "member") == 0) member_read(xml, attributes);
}

static enum geo_status element_collect(struct xml *xml)
{
    if (!osm_grow(&xml->tags, &xml->tag_capacity, xml->item_count + 1, sizeof *xml->tags)) return GEO_NO_MEMORY;
    for (size_t i = 0; i < xml->item_count; i++) xml->tags[i] = (struct osm_tag){xml->text + xml->items[i].key, xml->text + xml->items[i].value};
    struct osm_tags tags = {xml->tags, xml->item_count};
    bool nodes = xml->pass == OSM_PASS_NODES;
    switch (xml->kind) {
    case OSM_NODE:
        if (nodes && xml->placed) return osm_collect_node(xml->data, xml->id, xml->point, tags);
        return GEO_OK;
    case OSM_WAY:
        return nodes ? GEO_OK : osm_collect_way(xml->data, xml->id, xml->refs, xml->ref_count, tags, xml->error);
    case OSM_RELATION:
        for (size_t i = 0; i < xml->member_count; i++) xml->members[i].role = xml->text + xml->role_at[i];
        return nodes ? GEO_OK : osm_collect_relation(xml->data, xml->id, xml->members, xml->member_count, tags, xml->error);
    }
    return GEO_OK;
}

static void on_end(void *self, const char *name)
{
    struct xml *xml = self;
    if (xml->rc != GEO_OK || !xml->inside) return;
    if (strcmp(name, "node") != 0 && strcmp(name, "way") != 0 && strcmp(name, "relation") != 0) return;
    xml->inside = false;
    enum geo_status rc = element_collect(xml);
    if (rc == GEO_OK) return;
    xml->rc = rc;
    XML_StopParser(xml->parser, XML_FALSE);
}

static void on_doctype(void *self, const char *name, const char *system_id, const char *public_id, int internal)
{
    (void)name, (void)system_id, (void)public_id, (void)internal;
    stop(self, GEO_INVALID, "a document type declaration; OSM data has none");
}

bool osm_xml_is(const uint8_t *bytes, size_t size)
{
    size_t at = size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (at < size && (bytes[at] == ' ' || bytes[at] == '\n' || bytes[at] == '\r' || bytes[at] == '\t')) at++;
    return at < size && bytes[at] == '<';
}

enum geo_status osm_xml_read(const uint8_t *bytes, size_t size, enum osm_pass pass, struct osm_data *data, struct geo_error *error)
{
    struct xml xml = {.parser = XML_ParserCreate("UTF-8"), .pass = pass, .data = data, .error = error};
    if (!xml.parser) return GEO_NO_MEMORY;
    XML_SetUserData(xml.parser, &xml);
    XML_SetElementHandler(xml.parser, on_start, on_end);
    XML_SetStartDoctypeDeclHandler(xml.parser, on_doctype);
    for (size_t at = 0; xml.rc == GEO_OK;) {
        int length = size - at < CHUNK_BYTES ? (int)(size - at) : CHUNK_BYTES;
        bool last = at + (size_t)length == size;
        if (XML_Parse(xml.parser, (const char *)bytes + at, length, last) == XML_STATUS_ERROR && xml.rc == GEO_OK)
            stop(&xml, XML_GetErrorCode(xml.parser) == XML_ERROR_NO_MEMORY ? GEO_NO_MEMORY : GEO_INVALID,
                 XML_ErrorString(XML_GetErrorCode(xml.parser)));
        at += (size_t)length;
        if (last) break;
    }
    XML_ParserFree(xml.parser);
    free(xml.text);
    free(xml.items);
    free(xml.refs);
    free(xml.members);
    free(xml.role_at);
    free(xml.tags);
    return xml.rc;
}
