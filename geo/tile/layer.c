/* The layer "roads": features, the two tables they point into, and the bounds. Field numbers are vector_tile.proto's (Mapbox Vector Tile 2.1, appendix A). */
#include "tile.h"

#include <stdlib.h>
#include <string.h>

#define VALUE_NONE UINT32_MAX

enum { TILE_LAYER = 3, LAYER_NAME = 1, LAYER_FEATURE = 2, LAYER_KEY = 3, LAYER_VALUE = 4, LAYER_EXTENT = 5, LAYER_VERSION = 15 };
enum { FEATURE_ID = 1, FEATURE_TAGS = 2, FEATURE_TYPE = 3, FEATURE_GEOMETRY = 4, LINESTRING = 2, VALUE_STRING = 1, VALUE_BOOL = 7, WIRE_VARINT = 0 };
enum { KEY_CLASS, KEY_NAME, KEY_ONEWAY, KEY_COUNT };
static const char *const KEYS[KEY_COUNT] = {"class", "name", "oneway"};
static const char LAYER[] = "roads";

enum {
    SLOTS = 2 * GEO_TILE_FEATURES_MAX, /* a feature has one name at most, so half of the slots stay free; a power of two */
    TABLES_BYTES = 128,                /* keys, layer name, extent, version, lengths: 43 bytes now */
    FEATURE_BYTES = 96,                /* of a feature without geometry and name: id 11, tags 17, lengths, the class's and the true value */
};
_Static_assert((SLOTS & (SLOTS - 1)) == 0, "a mask finds the slot");

bool layer_init(struct layer *layer)
{
    layer->slots = calloc(SLOTS, sizeof *layer->slots);
    return layer->slots != NULL;
}

void layer_deinit(struct layer *layer)
{
    pen_bytes_deinit(&layer->features);
    pen_bytes_deinit(&layer->values);
    pen_bytes_deinit(&layer->message);
    pen_bytes_deinit(&layer->tags);
    free(layer->slots);
}

static void clear(struct pen_bytes *bytes)
{
    bytes->size = 0;
    bytes->failed = false;
}

void layer_begin(struct layer *layer)
{
    clear(&layer->features);
    clear(&layer->values);
    clear(&layer->message);
    clear(&layer->tags);
    layer->value_count = layer->feature_count = 0;
    layer->true_value = VALUE_NONE;
    for (uint32_t c = 0; c < GEO_CLASS_COUNT; c++) layer->class_values[c] = VALUE_NONE;
    if (++layer->stamp == 0) { /* after 2^32 tiles the oldest stamps would come again */
        memset(layer->slots, 0, SLOTS * sizeof *layer->slots);
        layer->stamp = 1;
    }
}

static uint32_t value_text(struct layer *layer, const char *text, size_t length)
{
    layer->message.size = 0;
    pen_field(&layer->message, VALUE_STRING, text, length);
    pen_field(&layer->values, LAYER_VALUE, layer->message.data, layer->message.size);
    return layer->value_count++;
}

static uint32_t value_true(struct layer *layer)
{
    static const uint8_t message[] = {VALUE_BOOL << 3 | WIRE_VARINT, 1};
    pen_field(&layer->values, LAYER_VALUE, message, sizeof message);
    return layer->value_count++;
}

static uint32_t name_value(struct layer *layer, const struct feature_words *words)
{
    uint32_t at = words->name_number * UINT32_C(2654435761) >> 12 & (SLOTS - 1); /* Fibonacci hashing: the upper bits are the mixed ones */
    while (layer->slots[at].stamp == layer->stamp && layer->slots[at].name != words->name_number) at = (at + 1) & (SLOTS - 1);
    struct value_slot *slot = &layer->slots[at];
    if (slot->stamp != layer->stamp) *slot = (struct value_slot){layer->stamp, words->name_number, value_text(layer, words->name, words->name_length)};
    return slot->value;
}

static void write_tags(struct layer *layer, const struct feature_words *words)
{
    uint32_t *class_value = &layer->class_values[words->class_number];
    layer->tags.size = 0;
    if (*class_value == VALUE_NONE) *class_value = value_text(layer, words->class_name, strlen(words->class_name));
    pen_varint(&layer->tags, KEY_CLASS);
    pen_varint(&layer->tags, *class_value);
    if (words->name_length > 0) {
        pen_varint(&layer->tags, KEY_NAME);
        pen_varint(&layer->tags, name_value(layer, words));
    }
    if (words->oneway) {
        if (layer->true_value == VALUE_NONE) layer->true_value = value_true(layer);
        pen_varint(&layer->tags, KEY_ONEWAY);
        pen_varint(&layer->tags, layer->true_value);
    }
}

bool layer_add(struct layer *layer, const struct feature_words *words, const uint8_t *geometry, size_t size)
{
    size_t sum = layer->features.size + layer->values.size + size + words->name_length + FEATURE_BYTES + TABLES_BYTES;
    if (layer->feature_count == GEO_TILE_FEATURES_MAX || sum > GEO_TILE_BYTES_MAX) return false;
    write_tags(layer, words);
    layer->message.size = 0;
    if (words->way > 0) {
        pen_varint(&layer->message, FEATURE_ID << 3 | WIRE_VARINT);
        pen_varint(&layer->message, (uint64_t)words->way);
    }
    pen_field(&layer->message, FEATURE_TAGS, layer->tags.data, layer->tags.size);
    pen_varint(&layer->message, FEATURE_TYPE << 3 | WIRE_VARINT);
    pen_varint(&layer->message, LINESTRING);
    pen_field(&layer->message, FEATURE_GEOMETRY, geometry, size);
    pen_field(&layer->features, LAYER_FEATURE, layer->message.data, layer->message.size);
    layer->feature_count++;
    return true;
}

bool layer_finish(struct layer *layer, struct pen_bytes *out)
{
    clear(out);
    if (layer->feature_count > 0) {
        struct pen_bytes *tables = &layer->tags; /* of the last feature, no longer needed */
        struct pen_bytes *head = &layer->message;
        tables->size = head->size = 0;
        for (uint32_t key = 0; key < KEY_COUNT; key++) pen_field(tables, LAYER_KEY, KEYS[key], strlen(KEYS[key]));
        pen_append(tables, layer->values.data, layer->values.size);
        pen_varint(tables, LAYER_EXTENT << 3 | WIRE_VARINT);
        pen_varint(tables, GEO_TILE_EXTENT);
        pen_varint(head, LAYER_VERSION << 3 | WIRE_VARINT);
        pen_varint(head, 2);
        pen_field(head, LAYER_NAME, LAYER, sizeof LAYER - 1);
        pen_varint(out, TILE_LAYER << 3 | 2);
        pen_varint(out, head->size + layer->features.size + tables->size);
        pen_append(out, head->data, head->size);
        pen_append(out, layer->features.data, layer->features.size);
        pen_append(out, tables->data, tables->size);
    }
    return !(layer->features.failed || layer->values.failed || layer->message.failed || layer->tags.failed || out->failed);
}
