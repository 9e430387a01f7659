/** Resets of streams that were never opened, taken out of a connection's bytes before nghttp2 sees them.
 *
 *  gRPC's C core (Python, C++, Ruby, PHP …) numbers a stream before it writes the headers; a call that is cancelled or times out in between leaves a
 *  RST_STREAM for a stream that the server has never seen. RFC 9113 (5.1) calls that a connection error, nghttp2 ends the connection, and the other calls
 *  on it die of it; gRPC's own servers ignore it. So do we. */
#ifndef RPC_STRAY_H
#define RPC_STRAY_H

#include "base/base.h"

enum { STRAY_FRAME = 13 }; /* a RST_STREAM: nine bytes of header, four of code */

struct stray {
    uint8_t held[STRAY_FRAME];      /* the beginning of a frame that is not yet enough to judge by */
    uint8_t held_count;
    uint32_t left;                  /* bytes until the next frame begins */
};

/** A connection begins with the 24 bytes of its preface. */
void stray_init(struct stray *stray);

struct stray_target {
    bool (*on_bytes)(void *context, const uint8_t *bytes, size_t count); /* what nghttp2 is to read; false: stop, the connection is over */
    bool (*is_stray)(void *context, uint32_t stream);                    /* asked when all before it has been read */
    void *context;
};
/** Pass `bytes` on without strays. Holds back at most a frame's beginning. False as on_bytes said. */
must_use bool stray_feed(struct stray *stray, const uint8_t *bytes, size_t count, const struct stray_target *target);

#endif
