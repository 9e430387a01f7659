/** The names and values of one direction of a call, one after another in one piece of memory: most calls have few, some have many, and a call must not
 *  cost kilobytes before it has said anything. */
#ifndef RPC_METADATA_H
#define RPC_METADATA_H

#include "base/base.h"

struct metadata {
    uint8_t *bytes;
    uint32_t size, capacity, count;
};

/** One of them, borrowed until the next metadata_add; name and value are terminated besides their sizes. */
struct metadata_item {
    const char *name;
    const uint8_t *value;
    size_t name_size, size;
};

/** The caller bounds what it adds: a request's metadata by the header list's budget, an answer's by RESPONSE_METADATA_MAX. */
void metadata_add(struct metadata *metadata, const char *name, size_t name_size, const void *value, size_t size);
/** The item at *at (begin with 0), which moves on. False: there is none. */
must_use bool metadata_next(const struct metadata *metadata, size_t *at, struct metadata_item *out);
/** The first value of that name; NULL if there is none. Borrowed like an item. */
const uint8_t *metadata_find(const struct metadata *metadata, const char *name, size_t *size);
void metadata_deinit(struct metadata *metadata);
/** "-bin" ends the name: bytes on our side, base64 on the wire. */
bool metadata_is_binary(const char *name, size_t size);

#endif
