/* The outer shell of .osm.pbf: blob headers, compression, the header block. What a block means is pbf_block.c's.
 * Format: wiki.openstreetmap.org/wiki/PBF_Format. Bounds are the format's own: 64 KiB blob headers, 32 MiB blobs. */
#include "pbf.h"

#include <lz4.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define BLOB_HEADER_MAX (UINT32_C(64) << 10)
#define BLOB_MAX        (UINT32_C(32) << 20)

uint64_t pbf_varint(struct pbf_reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && reader->at < reader->end; shift += 7) {
        uint8_t byte = *reader->at++;
        if (shift == 63 && byte > 1) break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
    reader->bad = "a varint that is cut or longer than 64 bits";
    reader->at = reader->end;
    return 0;
}

int64_t pbf_zigzag(struct pbf_reader *reader)
{
    uint64_t value = pbf_varint(reader);
    return (int64_t)((value >> 1) ^ (0 - (value & 1)));
}

static bool reader_take(struct pbf_reader *reader, uint64_t size, struct pbf_field *out)
{
    if (size > (uint64_t)(reader->end - reader->at)) {
        reader->bad = "a field longer than what holds it";
        reader->at = reader->end;
        return false;
    }
    out->data = reader->at;
    out->size = (size_t)size;
    reader->at += size;
    return true;
}

bool pbf_next(struct pbf_reader *reader, struct pbf_field *out)
{
    if (reader->at >= reader->end) return false;
    uint64_t key = pbf_varint(reader);
    if (reader->bad) return false;
    *out = (struct pbf_field){.number = (uint32_t)(key >> 3 & UINT32_MAX), .wire = (uint32_t)(key & 7)};
    switch (out->wire) {
    case 0:
        out->value = pbf_varint(reader);
        return !reader->bad;
    case 1:
        return reader_take(reader, 8, out);
    case 5:
        return reader_take(reader, 4, out);
    case 2: {
        uint64_t size = pbf_varint(reader);
        return !reader->bad && reader_take(reader, size, out);
    }
    }
    reader->bad = "an unknown wire type";
    reader->at = reader->end;
    return false;
}

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

bool osm_pbf_is(const uint8_t *bytes, size_t size)
{
    return size >= 15 && big_endian(bytes) <= BLOB_HEADER_MAX && bytes[4] == 0x0a && bytes[5] == 9 && memcmp(bytes + 6, "OSMHeader", 9) == 0;
}

/* ---- one blob ---- */

struct blob {
    const uint8_t *data;
    size_t size;
    uint32_t number; /* field that holds it: 1 raw, 3 zlib, 6 lz4 */
    uint64_t raw_size;
    bool has_raw_size;
};

static const char *blob_parse(const uint8_t *bytes, size_t size, struct blob *out)
{
    struct pbf_reader reader = {bytes, bytes + size, NULL};
    struct pbf_field field;
    memset(out, 0, sizeof *out);
    while (pbf_next(&reader, &field)) {
        if (field.number == 2 && field.wire == 0) {
            out->raw_size = field.value;
            out->has_raw_size = true;
        } else if (field.wire == 2 && (field.number == 1 || (field.number >= 3 && field.number <= 7))) {
            if (out->number) return "a blob with two contents";
            out->number = field.number;
            out->data = field.data;
            out->size = field.size;
        }
    }
    if (reader.bad) return reader.bad;
    if (!out->number) return "a blob without content";
    if (out->number == 1) return NULL;
    if (out->number != 3 && out->number != 6) return "a blob compressed by other means than zlib or lz4 (convert it: osmium cat)";
    if (!out->has_raw_size || out->raw_size > BLOB_MAX) return "a blob that unpacks to more than 32 MiB or does not say its size";
    return NULL;
}

/* Unpacks into `scratch` (raw_size bytes) or points into the file. */
static const char *blob_unpack(const struct blob *blob, uint8_t *scratch, const uint8_t **out, size_t *out_size)
{
    if (blob->number == 1) {
        *out = blob->data;
        *out_size = blob->size;
        return NULL;
    }
    *out = scratch;
    *out_size = (size_t)blob->raw_size;
    if (blob->number == 6) {
        int got = LZ4_decompress_safe((const char *)blob->data, (char *)scratch, (int)blob->size, (int)blob->raw_size);
        return got == (int)blob->raw_size ? NULL : "broken lz4 data";
    }
    uLongf got = (uLongf)blob->raw_size;
    uLong used = (uLong)blob->size;
    int rc = uncompress2(scratch, &got, blob->data, &used);
    return rc == Z_OK && got == blob->raw_size ? NULL : "broken zlib data, or a size that lies";
}

/* ---- the header block: what a reader must know ---- */

static const char *header_check(const uint8_t *bytes, size_t size, char *feature, size_t feature_size)
{
    static const char *const known[] = {"OsmSchema-V0.6", "DenseNodes"};
    struct pbf_reader reader = {bytes, bytes + size, NULL};
    struct pbf_field field;
    while (pbf_next(&reader, &field)) {
        if (field.number != 4 || field.wire != 2) continue;
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            if (field.size == strlen(known[i]) && memcmp(field.data, known[i], field.size) == 0) found = true;
        if (found) continue;
        size_t length = field.size < feature_size - 1 ? field.size : feature_size - 1;
        for (size_t i = 0; i < length; i++) feature[i] = field.data[i] >= 0x20 && field.data[i] < 0x7f ? (char)field.data[i] : '?';
        feature[length] = 0;
        return "a required feature that this reader does not have: ";
    }
    return reader.bad;
}

/* ---- the file ---- */

struct blob_place {
    char type[16];
    size_t begin, size;
};

/* Reads the header at `offset`; the blob lies wholly within the file afterwards. */
static const char *place_find(const uint8_t *bytes, size_t size, size_t offset, struct blob_place *out)
{
    if (size - offset < 4) return "the file is cut in a blob's length";
    uint32_t header_size = big_endian(bytes + offset);
    if (header_size > BLOB_HEADER_MAX) return "a blob header of more than 64 KiB";
    if (size - offset - 4 < header_size) return "the file is cut in a blob header";
    struct pbf_reader reader = {bytes + offset + 4, bytes + offset + 4 + header_size, NULL};
    struct pbf_field field;
    uint64_t blob_size = 0;
    bool has_size = false;
    memset(out->type, 0, sizeof out->type);
    while (pbf_next(&reader, &field)) {
        if (field.number == 1 && field.wire == 2 && field.size < sizeof out->type) {
            memset(out->type, 0, sizeof out->type);
            memcpy(out->type, field.data, field.size);
        }
        if (field.number == 3 && field.wire == 0) {
            blob_size = field.value;
            has_size = true;
        }
    }
    if (reader.bad) return reader.bad;
    if (!has_size || blob_size > BLOB_MAX) return "a blob of more than 32 MiB or of no size";
    out->begin = offset + 4 + header_size;
    out->size = (size_t)blob_size;
    return size - out->begin < out->size ? "the file is cut in a blob" : NULL;
}

/* A pass over the file: what blobs unpack to, and how much of that the file may claim in all. Real extracts unpack to 2-8 times their size. */
struct scratch {
    uint8_t *data;
    size_t capacity;
    uint64_t unpacked, unpacked_max;
};
#define UNPACK_TIMES     64
#define UNPACK_FREE_BYTES (UINT64_C(64) << 20)

static enum geo_status blob_read(const uint8_t *bytes, const struct blob_place *place, enum osm_pass pass, struct osm_data *data, struct scratch *scratch,
                                 const char **fault, struct geo_error *error)
{
    struct blob blob;
    *fault = blob_parse(bytes + place->begin, place->size, &blob);
    if (*fault) return GEO_INVALID;
    scratch->unpacked += blob.number == 1 ? blob.size : blob.raw_size;
    if (scratch->unpacked > scratch->unpacked_max) *fault = "blobs that unpack to more than 64 times the file: a bomb";
    if (*fault) return GEO_INVALID;
    if (blob.number != 1 && !osm_grow(&scratch->data, &scratch->capacity, (size_t)blob.raw_size + 1, 1)) return GEO_NO_MEMORY;
    const uint8_t *content = NULL;
    size_t size = 0;
    *fault = blob_unpack(&blob, scratch->data, &content, &size);
    if (*fault) return GEO_INVALID;
    if (strcmp(place->type, "OSMData") == 0) return osm_pbf_block(content, size, pass, data, fault, error);
    char feature[64] = "";
    *fault = header_check(content, size, feature, sizeof feature);
    if (!*fault) return GEO_OK;
    return geo_error_set(error, GEO_INVALID, "the OSM PBF header has %s%s", *fault, feature);
}

enum geo_status osm_pbf_read(const uint8_t *bytes, size_t size, enum osm_pass pass, struct osm_data *data, struct geo_error *error)
{
    struct scratch scratch = {.unpacked_max = (uint64_t)size * UNPACK_TIMES + UNPACK_FREE_BYTES};
    enum geo_status rc = GEO_OK;
    bool first = true;
    for (size_t offset = 0; offset < size && rc == GEO_OK;) {
        struct blob_place place = {0};
        const char *fault = place_find(bytes, size, offset, &place);
        if (!fault && first && strcmp(place.type, "OSMHeader") != 0) fault = "no OSMHeader at its beginning";
        if (fault) {
            rc = geo_error_set(error, GEO_INVALID, "broken OSM PBF at byte %zu: %s", offset, fault);
            break;
        }
        bool known = strcmp(place.type, "OSMHeader") == 0 || strcmp(place.type, "OSMData") == 0;
        if (error) error->text[0] = 0;
        if (known) rc = blob_read(bytes, &place, pass, data, &scratch, &fault, error); /* other blobs are to be passed over */
        if (rc == GEO_INVALID && error && !error->text[0])
            rc = geo_error_set(error, GEO_INVALID, "broken OSM PBF in the blob at byte %zu: %s", offset, fault ? fault : "unreadable");
        offset = place.begin + place.size;
        first = false;
    }
    free(scratch.data);
    return rc;
}
