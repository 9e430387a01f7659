/** gRPC's length-prefixed messages out of a stream of bytes that is cut anywhere. */
#ifndef RPC_FRAME_H
#define RPC_FRAME_H

#include "base/base.h"

enum { FRAME_PREFIX = 5 };

struct frame_reader {
    struct buffer bytes;      /* of the frame at hand, prefix included; its cap bounds the memory */
    uint32_t message_max;
    bool gzip;                /* the peer named an encoding for flagged messages */
    bool was_folded;          /* the message at hand came compressed */
};

void frame_reader_init(struct frame_reader *reader, uint32_t message_max, bool gzip);
/** The same for a reader that has been used (or is zeroed): its memory is kept. */
void frame_reader_renew(struct frame_reader *reader, uint32_t message_max, bool gzip);
void frame_reader_deinit(struct frame_reader *reader);
/** Take bytes up to the end of one frame: *used says how many. When a message is complete *message (borrowed until frame_reader_next) and *size are
 *  set, else *message is NULL. RESOURCE_EXHAUSTED by the prefix alone if it is too large; INTERNAL for a compressed flag without an encoding. */
must_use enum status frame_reader_feed(struct frame_reader *reader, const uint8_t *bytes, size_t count, size_t *used, const uint8_t **message, size_t *size,
                                       struct error *err);
/** The message has been used: its memory goes. */
void frame_reader_next(struct frame_reader *reader);
/** Bytes of a frame (or a message not yet let go) are held. */
bool frame_reader_is_inside(const struct frame_reader *reader);

#endif
