/* The gate: where connections that make a call (or ask for the figures) are served, on the loop of the calls. A guest comes with the head of its request
 * unread in `in`, the call is an exchange of rpc's, and when the answer has been sent (or the peer has gone) the guest goes back. */
#ifndef WEB_GATE_H
#define WEB_GATE_H

#include "internal.h"

enum {
    GATE_OUT_BYTES = 32 * 1024,  /* taken from a call at a time; what the peer has not read yet stays in the call's own bounded queue */
    GATE_ROUNDS_A_TURN = 8,      /* of one connection; then the others have their turn */
    GATE_STALL_MS = 60000,       /* a peer that takes nothing for so long is cut: rpc's write_stall_ms, for what has left rpc */
};

struct gate_options {
    struct loop *loop;           /* the calls' */
    struct rpc_server *calls;
    const struct policy *policy;
    struct mailbox *back;        /* has room for every guest there can be */
    uint32_t guests_max;
    void (*metrics)(struct buffer *out, void *context);
    void *metrics_context;
};
struct gate *gate_new(const struct gate_options *options);
/** Web's thread: the guest is the gate's until it comes back. There is room for guests_max. */
void gate_post(struct gate *gate, struct guest *guest);
/** On the calls' thread, when web's thread has ended: all guests go back, closed. NULL is fine. */
void gate_free(struct gate *gate);

#endif
