/* Keeps, of all that a reader sees, what the profile needs: its roads, the nodes they use, its turn restrictions. Knows no file format. */
#include "osm.h"

#include <stdlib.h>
#include <string.h>

bool osm_grow(void *array, size_t *capacity, size_t need, size_t size)
{
    if (need <= *capacity) return true;
    size_t wanted = *capacity < 64 ? 64 : *capacity + *capacity / 2;
    if (wanted < need) wanted = need;
    if (wanted > SIZE_MAX / size) return false;
    void *old = NULL;
    memcpy(&old, array, sizeof old);
    void *grown = realloc(old, wanted * size);
    if (!grown) return false;
    memcpy(array, &grown, sizeof grown);
    *capacity = wanted;
    return true;
}

void osm_data_deinit(struct osm_data *data)
{
    free(data->ways);
    free(data->way_order);
    free(data->refs);
    free(data->names);
    free(data->name_slots);
    free(data->restrictions);
    free(data->members);
    free(data->nodes.id);
    free(data->nodes.point);
    free(data->nodes.crossing);
    free(data->nodes.present);
    memset(data, 0, sizeof *data);
}

enum geo_status osm_collect_init(struct osm_data *data, const struct geo_osm_options *options)
{
    memset(data, 0, sizeof *data);
    data->options = *options;
    data->name_slot_count = 1024;
    data->name_slots = calloc(data->name_slot_count, sizeof *data->name_slots);
    if (!data->name_slots || !osm_grow(&data->names, &data->name_capacity, 1, 1)) return GEO_NO_MEMORY;
    data->names[data->name_bytes++] = 0;
    return GEO_OK;
}

/* ---- names: each text once ---- */

enum { NAME_BYTES_MAX = 1000 }; /* OSM caps values at 255 characters */

static uint64_t text_hash(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (; *text; text++) hash = (hash ^ (uint8_t)*text) * UINT64_C(1099511628211);
    return hash ^ (hash >> 29);
}

static bool is_utf8(const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    while (*at) {
        uint32_t lead = *at++;
        unsigned more = lead < 0x80 ? 0 : (lead & 0xe0) == 0xc0 ? 1 : (lead & 0xf0) == 0xe0 ? 2 : (lead & 0xf8) == 0xf0 ? 3 : 9;
        if (more == 9 || lead < 0x20) return false; /* names hold no control characters */
        uint32_t code = more == 0 ? lead : lead & (0x3fu >> more);
        for (unsigned i = 0; i < more; i++, at++) {
            if ((*at & 0xc0) != 0x80) return false;
            code = code << 6 | (*at & 0x3f);
        }
        static const uint32_t lowest[] = {0, 0x80, 0x800, 0x10000};
        if (code < lowest[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return false;
    }
    return true;
}

static bool names_widen(struct osm_data *data)
{
    size_t count = data->name_slot_count * 2;
    uint32_t *slots = calloc(count, sizeof *slots);
    if (!slots) return false;
    for (size_t i = 0; i < data->name_slot_count; i++) {
        if (!data->name_slots[i]) continue;
        size_t at = text_hash(data->names + data->name_slots[i]) & (count - 1);
        while (slots[at]) at = (at + 1) & (count - 1);
        slots[at] = data->name_slots[i];
    }
    free(data->name_slots);
    data->name_slots = slots;
    data->name_slot_count = count;
    return true;
}

/* A road's texts, one after the other as the graph has them: its name, then what it is called in English and in Chinese where that differs. */
struct name_texts {
    char bytes[3 * (NAME_BYTES_MAX + 1)];
    size_t size;
    uint8_t flags;
};

static bool texts_add(struct name_texts *texts, const char *text)
{
    size_t length = text ? strlen(text) : 0;
    if (length == 0 || length > NAME_BYTES_MAX || !is_utf8(text) || (texts->size && strcmp(texts->bytes, text) == 0)) return false;
    memcpy(texts->bytes + texts->size, text, length + 1);
    texts->size += length + 1;
    return true;
}

static void texts_find(struct osm_tags tags, struct name_texts *out)
{
    static const char *const keys[] = {"name", "name:zh", "name:en", "ref", NULL};
    out->size = 0;
    out->flags = 0;
    for (const char *const *key = keys; *key && !texts_add(out, osm_tags_find(tags, *key)); key++) {}
    if (out->size == 0) return;
    if (texts_add(out, osm_tags_find(tags, "name:en"))) out->flags |= GEO_ARC_NAME_EN;
    if (texts_add(out, osm_tags_find(tags, "name:zh"))) out->flags |= GEO_ARC_NAME_ZH;
}

/* Slots are found by the first text; what follows in names[] must be the others. */
static bool name_keep(struct osm_data *data, const struct name_texts *texts, uint32_t *out)
{
    *out = 0;
    if (texts->size == 0) return true;
    if (data->name_used * 2 >= data->name_slot_count && !names_widen(data)) return false;
    size_t at = text_hash(texts->bytes) & (data->name_slot_count - 1);
    for (; data->name_slots[at]; at = (at + 1) & (data->name_slot_count - 1)) {
        size_t left = data->name_bytes - data->name_slots[at];
        if (left >= texts->size && memcmp(data->names + data->name_slots[at], texts->bytes, texts->size) == 0) {
            *out = data->name_slots[at];
            return true;
        }
    }
    if (data->name_bytes + texts->size >= OSM_REFS_MAX) return true;
    if (!osm_grow(&data->names, &data->name_capacity, data->name_bytes + texts->size, 1)) return false;
    *out = data->name_slots[at] = (uint32_t)data->name_bytes;
    memcpy(data->names + data->name_bytes, texts->bytes, texts->size);
    data->name_bytes += texts->size;
    data->name_used++;
    return true;
}

/* ---- roads and restrictions ---- */

enum geo_status osm_collect_way(struct osm_data *data, int64_t id, const int64_t *refs, size_t count, struct osm_tags tags, struct geo_error *error)
{
    data->stats.osm_ways++;
    struct osm_way way = {.id = id};
    if (count < 2 || tags.count == 0 || !osm_profile_way(&data->options, tags, &way)) return GEO_OK;
    if (data->ref_count + count > OSM_REFS_MAX)
        return geo_error_set(error, GEO_LIMIT, "more than %u node references in roads", (unsigned)OSM_REFS_MAX);
    if (!osm_grow(&data->refs, &data->ref_capacity, data->ref_count + count, sizeof *data->refs)) return GEO_NO_MEMORY;
    if (!osm_grow(&data->ways, &data->way_capacity, data->way_count + 1, sizeof *data->ways)) return GEO_NO_MEMORY;
    struct name_texts texts;
    texts_find(tags, &texts);
    if (!name_keep(data, &texts, &way.name)) return GEO_NO_MEMORY;
    if (way.name) way.flags |= texts.flags;
    way.ref_first = (uint32_t)data->ref_count;
    way.ref_count = (uint32_t)count;
    memcpy(data->refs + data->ref_count, refs, count * sizeof *refs);
    data->ref_count += count;
    data->ways[data->way_count++] = way;
    return GEO_OK;
}

static bool restriction_role(const struct osm_member *member, const char *role)
{
    return strcmp(member->role, role) == 0;
}

/* Copies the ids of members with this role; false when there is no memory. */
static bool members_keep(struct osm_data *data, const struct osm_member *members, size_t count, const char *role, enum osm_kind kind, uint32_t *kept)
{
    *kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (members[i].kind != kind || !restriction_role(&members[i], role)) continue;
        if (!osm_grow(&data->members, &data->member_capacity, data->member_count + 1, sizeof *data->members)) return false;
        data->members[data->member_count++] = members[i].id;
        (*kept)++;
    }
    return true;
}

enum geo_status osm_collect_relation(struct osm_data *data, int64_t id, const struct osm_member *members, size_t count, struct osm_tags tags,
                                     struct geo_error *error)
{
    data->stats.osm_relations++;
    enum osm_rule rule = osm_profile_restriction(data->options.profile, tags);
    if (rule == OSM_RULE_NONE) return GEO_OK;
    if (rule == OSM_RULE_CONDITIONAL) {
        data->stats.restrictions_conditional++;
        return GEO_OK;
    }
    if (data->member_count + count > OSM_REFS_MAX) return geo_error_set(error, GEO_LIMIT, "too many members of turn restrictions");
    struct osm_restriction restriction = {.id = id, .only = rule == OSM_RULE_ONLY, .member_first = (uint32_t)data->member_count};
    uint32_t via_ways = 0, via_nodes = 0;
    for (size_t i = 0; i < count; i++) {
        if (!restriction_role(&members[i], "via")) continue;
        if (members[i].kind == OSM_NODE) via_nodes++;
        if (members[i].kind == OSM_WAY) via_ways++;
    }
    restriction.via_is_node = via_nodes == 1 && via_ways == 0;
    bool readable = restriction.via_is_node || (via_nodes == 0 && via_ways > 0 && via_ways <= OSM_VIA_WAYS_MAX);
    if (!members_keep(data, members, count, "from", OSM_WAY, &restriction.from_count)) return GEO_NO_MEMORY;
    if (!members_keep(data, members, count, "via", restriction.via_is_node ? OSM_NODE : OSM_WAY, &restriction.via_count)) return GEO_NO_MEMORY;
    if (!members_keep(data, members, count, "to", OSM_WAY, &restriction.to_count)) return GEO_NO_MEMORY;
    bool whole = readable && restriction.from_count > 0 && restriction.to_count > 0;
    bool plain = restriction.from_count <= 16 && restriction.to_count <= 16; /* no_entry, no_exit name a handful */
    if (restriction.only && (restriction.from_count != 1 || restriction.to_count != 1)) plain = false;
    if (!whole || !plain) {
        data->stats.restrictions_ignored++;
        data->member_count = restriction.member_first;
        return GEO_OK;
    }
    if (!osm_grow(&data->restrictions, &data->restriction_capacity, data->restriction_count + 1, sizeof *data->restrictions)) return GEO_NO_MEMORY;
    data->restrictions[data->restriction_count++] = restriction;
    return GEO_OK;
}

/* ---- nodes ---- */

static int id_compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static int way_compare(const void *a, const void *b, void *self)
{
    const struct osm_data *data = self;
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    int by_id = id_compare(&data->ways[left].id, &data->ways[right].id);
    return by_id ? by_id : (left > right) - (left < right);
}

uint32_t osm_ways_find(const struct osm_data *data, int64_t id)
{
    size_t low = 0, high = data->way_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (data->ways[data->way_order[middle]].id < id) low = middle + 1;
        else high = middle;
    }
    return low < data->way_count && data->ways[data->way_order[low]].id == id ? data->way_order[low] : GEO_NONE;
}

enum geo_status osm_collect_ids(struct osm_data *data, struct geo_error *error)
{
    if (data->way_count == 0)
        return geo_error_set(error, GEO_INVALID, "no road that a %s may use (%llu ways read)", geo_profile_name(data->options.profile),
                             (unsigned long long)data->stats.osm_ways);
    data->way_order = malloc(data->way_count * sizeof *data->way_order);
    if (!data->way_order) return GEO_NO_MEMORY;
    for (size_t i = 0; i < data->way_count; i++) data->way_order[i] = (uint32_t)i;
    qsort_r(data->way_order, data->way_count, sizeof *data->way_order, way_compare, data);
    struct osm_nodes *nodes = &data->nodes;
    nodes->id = malloc(data->ref_count * sizeof *nodes->id);
    if (!nodes->id) return GEO_NO_MEMORY;
    memcpy(nodes->id, data->refs, data->ref_count * sizeof *nodes->id);
    qsort(nodes->id, data->ref_count, sizeof *nodes->id, id_compare);
    uint32_t count = 0;
    for (size_t i = 0; i < data->ref_count; i++)
        if (i == 0 || nodes->id[i] != nodes->id[i - 1]) nodes->id[count++] = nodes->id[i];
    nodes->count = count;
    nodes->point = calloc(count, sizeof *nodes->point);
    nodes->crossing = calloc(count, sizeof *nodes->crossing);
    nodes->present = calloc(count, 1);
    return nodes->point && nodes->crossing && nodes->present ? GEO_OK : GEO_NO_MEMORY;
}

uint32_t osm_nodes_find(const struct osm_nodes *nodes, int64_t id)
{
    uint32_t low = 0, high = nodes->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (nodes->id[middle] < id) low = middle + 1;
        else high = middle;
    }
    return low < nodes->count && nodes->id[low] == id ? low : GEO_NONE;
}

enum geo_status osm_collect_node(struct osm_data *data, int64_t id, struct geo_point point, struct osm_tags tags)
{
    data->stats.osm_nodes++;
    uint32_t index = osm_nodes_find(&data->nodes, id);
    if (index == GEO_NONE || data->nodes.present[index]) return GEO_OK; /* a second node of the same id does not move the first */
    data->nodes.present[index] = 1;
    data->nodes.point[index] = point;
    data->nodes.crossing[index] = osm_profile_node(&data->options, tags);
    return GEO_OK;
}
