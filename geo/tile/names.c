/* Names of roads, each text once, valid UTF-8: a tile's table of values names it once and any decoder can read it. */
#include "tile.h"

#include <stdlib.h>
#include <string.h>

bool tile_names_init(struct tile_names *names)
{
    *names = (struct tile_names){.capacity = 256, .text_capacity = 4096, .slot_count = 512, .count = 1};
    names->first = calloc(names->capacity + 1, sizeof *names->first);
    names->text = malloc(names->text_capacity);
    names->slots = calloc(names->slot_count, sizeof *names->slots);
    return names->first && names->text && names->slots;
}

void tile_names_deinit(struct tile_names *names)
{
    free(names->first);
    free(names->text);
    free(names->slots);
}

static uint64_t hash(const char *text, uint32_t length)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (uint32_t i = 0; i < length; i++) h = (h ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
    return h ^ h >> 32;
}

/* The length of the character at `at`, 0 if it is not UTF-8 (RFC 3629: no overlong forms, no surrogates, up to 10FFFF). */
static uint32_t character(const uint8_t *at, size_t left)
{
    if (at[0] < 0x80) return 1;
    uint32_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2, value = at[0] & (0xffu >> (length + 1));
    if (at[0] < 0xc2 || at[0] > 0xf4 || length > left) return 0;
    for (uint32_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80) return 0;
        value = value << 6 | (at[i] & 0x3f);
    }
    if ((length == 3 && (value < 0x800 || (value >= 0xd800 && value < 0xe000))) || (length == 4 && (value < 0x10000 || value > 0x10ffff))) return 0;
    return length;
}

/* How many bytes are taken: 0 if there is none or it is not UTF-8. */
static uint32_t taken(const char *text, const char *end)
{
    size_t most = (size_t)(end - text), at = 0;
    while (at < most && text[at]) {
        uint32_t length = character((const uint8_t *)text + at, most - at);
        if (length == 0) return 0;
        if (at + length > GEO_TILE_NAME_MAX) break;
        at += length;
    }
    return (uint32_t)at;
}

static bool grow_slots(struct tile_names *names)
{
    uint32_t count = names->slot_count * 2, *slots = calloc(count, sizeof *slots);
    if (!slots) return false;
    for (uint32_t name = 1; name < names->count; name++) {
        uint32_t length;
        const char *text = tile_name(names, name, &length);
        uint32_t slot = (uint32_t)hash(text, length) & (count - 1);
        while (slots[slot]) slot = (slot + 1) & (count - 1);
        slots[slot] = name + 1;
    }
    free(names->slots);
    names->slots = slots;
    names->slot_count = count;
    return true;
}

static bool grow(struct tile_names *names, uint32_t length)
{
    if (names->count == names->capacity) {
        uint32_t *first = realloc(names->first, ((size_t)names->capacity * 2 + 1) * sizeof *first);
        if (!first) return false;
        names->first = first;
        names->capacity *= 2;
    }
    if (names->text_capacity - names->text_size < length) {
        if (names->text_capacity > UINT32_MAX / 2) return false;
        char *text = realloc(names->text, (size_t)names->text_capacity * 2);
        if (!text) return false;
        names->text = text;
        names->text_capacity *= 2;
    }
    return names->count * 2 < names->slot_count || grow_slots(names);
}

bool tile_names_add(struct tile_names *names, const char *text, const char *end, uint32_t *out)
{
    uint32_t length = taken(text, end);
    *out = 0;
    if (length == 0) return true;
    if (!grow(names, length)) return false;
    uint32_t slot = (uint32_t)hash(text, length) & (names->slot_count - 1);
    for (; names->slots[slot]; slot = (slot + 1) & (names->slot_count - 1)) {
        uint32_t other_length, other = names->slots[slot] - 1;
        const char *other_text = tile_name(names, other, &other_length);
        if (other_length == length && memcmp(other_text, text, length) == 0) {
            *out = other;
            return true;
        }
    }
    memcpy(names->text + names->text_size, text, length);
    names->text_size += length;
    *out = names->count++;
    names->first[names->count] = names->text_size;
    names->slots[slot] = *out + 1;
    return true;
}
