/* Private to the two pbf files: a bounded reader of protobuf fields. */
#ifndef GEO_OSM_PBF_H
#define GEO_OSM_PBF_H

#include "osm.h"

/** Reads what lies between at and end. After the first fault `bad` says what is wrong and everything reads as the end. */
struct pbf_reader {
    const uint8_t *at, *end;
    const char *bad;
};
struct pbf_field {
    uint32_t number, wire;     /* wire 0: value; wire 2: data, size; wire 1 and 5 are skipped over */
    uint64_t value;
    const uint8_t *data;
    size_t size;
};
uint64_t pbf_varint(struct pbf_reader *reader);
int64_t pbf_zigzag(struct pbf_reader *reader);
/** The next field; false at the end or at a fault. */
bool pbf_next(struct pbf_reader *reader, struct pbf_field *out);
static inline struct pbf_reader pbf_inner(const struct pbf_field *field)
{
    /* the wrong wire type reads as an empty message, so the place that needs it finds it missing */
    bool bytes = field->wire == 2;
    return (struct pbf_reader){bytes ? field->data : NULL, bytes ? field->data + field->size : NULL, NULL};
}

/** Decode one uncompressed PrimitiveBlock and hand its elements to the collector. `*fault` names what is wrong on GEO_INVALID. */
geo_must_use enum geo_status osm_pbf_block(const uint8_t *bytes, size_t size, enum osm_pass pass, struct osm_data *data, const char **fault,
                                           struct geo_error *error);

#endif
