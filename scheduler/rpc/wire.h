/** protobuf's wire format by hand, for the few messages that this room itself speaks (google.rpc.Status, health, reflection). */
#ifndef RPC_WIRE_H
#define RPC_WIRE_H

#include "base/base.h"

/* ---- writing; nothing is written for what is the default ---- */

void wire_varint(struct buffer *out, uint64_t value);
void wire_bytes(struct buffer *out, unsigned number, const void *data, size_t size); /* always written */
void wire_text(struct buffer *out, unsigned number, const char *text);
void wire_number(struct buffer *out, unsigned number, uint64_t value);

/* ---- reading ---- */

struct wire_reader {
    const uint8_t *data;
    size_t size, at;
    bool bad;                       /* malformed: what follows is not read */
};

struct wire_field {
    unsigned number;
    bool is_bytes;                  /* else `value` */
    uint64_t value;
    const uint8_t *bytes;           /* borrowed from the message */
    size_t size;
};

/** The next field, whatever it is. False at the end, or with `bad` set. Groups are malformed here: nobody sends them. */
must_use bool wire_next(struct wire_reader *reader, struct wire_field *out);
struct wire_reader wire_message(const void *data, size_t size);

#endif
