/* A client for tests, in memory: nghttp2's own client session speaks to a session of rpc, bytes to bytes, with no socket and with a clock that the
 * test sets. What the client saw of each stream is kept in a reply. */
#ifndef TESTS_UNIT_RPC_PEER_H
#define TESTS_UNIT_RPC_PEER_H

#include "scheduler/rpc/session.h"

enum { PEER_REPLIES_MAX = 256, PEER_MESSAGE_MAX = 1024 };

struct reply {
    int32_t stream;
    int http, grpc;              /* -1: not seen */
    char message[PEER_MESSAGE_MAX], details[PEER_MESSAGE_MAX], accepts[64], encoding[64], type[64], echo[64], echo_binary[64];
    struct buffer body;
    size_t taken;                /* of the body, as window given back */
    uint32_t header_blocks, error;
    bool closed;
    struct buffer upload;
    size_t uploaded;
    bool upload_ends, upload_waits;
};

struct peer {
    struct rpc_limits limits;
    struct descriptors *descriptors; /* set before peer_begin: the server reflects them */
    struct call_table table;
    struct session session;
    nghttp2_session *client;
    struct reply replies[PEER_REPLIES_MAX];
    uint32_t reply_count;
    bool slow;                   /* gives no window back until peer_take */
    bool alive;                  /* the server has not asked to close */
    uint32_t goaways, goaway_error, pings;
    int32_t goaway_last;
    char goaway_why[128];
};

/* The limits that are not 0 in `limits` count; the others are the defaults. The clock begins at 1,000,000 ms. */
void peer_begin(struct peer *peer, struct rpc_limits limits, const struct rpc_method *methods, size_t count);
void peer_end(struct peer *peer);
/* Bytes both ways until neither has any. */
void peer_pump(struct peer *peer);
/* The client's bytes, not fed to the server: for tests that cut them. */
void peer_bytes(struct peer *peer, struct buffer *out);
/* Feed bytes as they are, and let the client read the answer. */
void peer_raw(struct peer *peer, const void *bytes, size_t size);
/* A POST to `path`; `extra`: pairs of name and value, ended by NULL, or NULL. The request goes on until peer_send with `ends`. */
struct reply *peer_open(struct peer *peer, const char *path, const char *const *extra);
struct reply *peer_open_typed(struct peer *peer, const char *path, const char *content_type, const char *const *extra);
void peer_send(struct peer *peer, struct reply *reply, const void *bytes, size_t size, bool ends);
/* The same with gRPC's prefix. */
void peer_message(struct peer *peer, struct reply *reply, const void *message, size_t size, bool ends);
/* A slow reader reads what it has. */
void peer_take(struct peer *peer, struct reply *reply);
void peer_pass(struct peer *peer, int64_t ms); /* time passes */

#endif
