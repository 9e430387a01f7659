/** One HTTP/2 connection without its socket: bytes in, bytes out, calls in between. */
#ifndef RPC_SESSION_H
#define RPC_SESSION_H

#include "descriptors.h"
#include "frame.h"
#include "gzip.h"
#include "metadata.h"
#include "stray.h"
#include "tls.h"
#include "rpc/rpc.h"

#include <nghttp2/nghttp2.h>

enum { RESPONSE_METADATA_MAX = 16, PATH_MAX_BYTES = 256, DRAIN_BYTES = 256 * 1024 };

void limits_fill(struct rpc_limits *limits);

/* ---- what sessions share: the methods, the calls by slot ---- */

struct call_table {
    const struct rpc_limits *limits;
    const struct rpc_method **methods; /* the caller's and our own, borrowed */
    size_t method_count;
    struct rpc_method_stats *method_stats; /* one for each */
    uint32_t *method_slots;           /* hash of the path -> index + 1 */
    uint32_t method_slot_count;
    struct descriptors *descriptors;  /* NULL: no reflection */
    struct { struct rpc_call *call; uint32_t generation; } *slots;
    uint32_t slot_count, *free_slots, free_count;
    bool serving, stopping;
    struct rpc_stats stats;
    size_t memory;                    /* bytes held for all calls */
    struct rpc_call *health_watchers;
    struct rpc_call *spares;          /* calls that have ended, with their small buffers: the next need not ask for memory */
    uint32_t spare_count;
    void (*on_health)(struct rpc_call *call, void *context);
    void *health_context;
    uint32_t fold_bytes_min;          /* answers of at least this size are folded without being asked; 0: never */
    struct gzip_folder folder;
    int64_t now_ms;                   /* boot time of this turn */
    int64_t next_deadline_ms;         /* no call's deadline is earlier: nobody need look before */
    struct rpc_server *server;
    struct rpc_exchange *exchanges;   /* calls without HTTP/2 */
};

/** `descriptors` (moved in; NULL: none) turns reflection on. */
void call_table_init(struct call_table *table, const struct rpc_limits *limits, const struct rpc_method *methods, size_t count,
                     struct descriptors *descriptors);
void call_table_deinit(struct call_table *table);
/** Its number, or -1. */
int64_t call_table_find(const struct call_table *table, const char *path);

/* ---- a session ---- */

struct session {
    nghttp2_session *h2;              /* NULL: an exchange, one call without HTTP/2 */
    struct buffer *head;              /* an exchange's: where the answer's header lines go */
    struct call_table *table;
    struct rpc_call *calls;           /* open ones of this connection */
    uint32_t call_count;
    size_t memory;                    /* bytes held for its calls */
    uint32_t writable_due;            /* calls whose handler is to hear that there is room again */
    char peer[LISTEN_ADDRESS_MAX];
    char identity[IDENTITY_MAX];      /* set by who owns the socket, before the first bytes */
    int64_t began_ms, last_call_ms, budget_ms, last_ping_ms, notice_ms;
    int32_t stream_last, gap_first, gap_last; /* the newest stream; those that its opening (or an earlier one's) has left out for ever */
    struct stray stray;
    int64_t stray_ms;                 /* when a stream was reset before the first was opened; 0: never */
    int64_t heard_ms, asked_ms;       /* the peer's last bytes; our ping that is not answered yet (0: none) */
    double budget;
    uint32_t strikes;
    bool preface_seen, goaway_sent, dead;
    void (*on_output)(void *context); /* something can be drained: called from handlers and other turns */
    void *context;
};

void session_init(struct session *session, struct call_table *table, const char *peer, void (*on_output)(void *context), void *context);
/** on_gone for its open calls; memory back. */
void session_deinit(struct session *session);
/** False: the connection must be closed after what can still be drained. */
must_use bool session_feed(struct session *session, const uint8_t *bytes, size_t count);
/** Append up to about DRAIN_BYTES to `out`. False: the session is over. */
must_use bool session_drain(struct session *session, struct buffer *out);
bool session_is_over(const struct session *session);
/** Something is to be drained, or the session is over and its connection should hear of it. */
bool session_has_output(const struct session *session);
void session_goaway(struct session *session, uint32_t error, const char *why);
/** Takes `cost` control frames' worth from its budget; without it the session is dead. */
void session_charge(struct session *session, double cost);
/** GOAWAY in two steps: a notice that takes no stream away, and when the peer has answered a ping (or a second is over) the final one. */
void session_shutdown(struct session *session);
/** End the calls whose deadline has passed. */
void session_expire(struct session *session, int64_t now_ms);
/** Once a second or so: timers of the session. False: close. */
must_use bool session_tick(struct session *session, int64_t now_ms);
/** The part of it that is about calls: bodies and answers that do not get on are reset. */
void session_tick_calls(struct session *session, int64_t now_ms);
/** No more is said: its calls are cancelled, its owner is to look. */
void session_cut(struct session *session);
/** server.c, for exchange.c; now_ms is set. */
struct call_table *rpc_server_table(struct rpc_server *server);

/* ---- a call ---- */

/* The life of a call; call.c has the table of what may follow what, and call_move alone changes it. */
enum call_phase {
    CALL_HEADERS,                     /* its headers are coming: no handler knows it */
    CALL_OPEN,                        /* on_open, on_message, on_writable: the request is coming, an answer may go */
    CALL_HALF_CLOSED,                 /* the request was whole and its handler knows: it owes the rest of the answer */
    CALL_PLAIN,                       /* no gRPC: answered in HTTP when its body, which nobody reads, has ended */
    CALL_ENDING,                      /* rpc_finish: what is queued leaves, then the status. No callback comes any more */
    CALL_GONE,                        /* on_gone was the last callback: broken by the peer or the clock; its stream has yet to close */
    CALL_PHASE_COUNT,
};

struct rpc_call {
    struct session *session;
    int32_t stream;
    enum call_phase phase;
    uint32_t slot, generation;
    const struct rpc_method *method;  /* NULL until the headers are good */
    struct rpc_method_stats *stats;   /* its; NULL: not counted (any more) */
    int64_t began_us;
    struct rpc_call *next, *previous;
    struct rpc_call *watch_next, *watch_previous; /* among health watchers */
    bool watching;
    /* request */
    char path[PATH_MAX_BYTES], verb[16], content_type[64], encoding[16];
    struct metadata metadata;
    size_t header_bytes;
    int64_t deadline_ms;              /* boot time; 0 none */
    bool header_bad_timeout, remote_closed, takes_gzip;
    struct frame_reader reader;
    struct buffer held;               /* bytes that arrived while paused, or behind a message */
    const uint8_t *message;           /* the one message of a unary call, in the reader until half-close */
    size_t message_size;
    uint32_t messages_in, crumbs;     /* crumbs: small pieces of the message at hand, one after the other */
    bool paused, delivering;
    size_t counted;                   /* its share of session->memory */
    size_t unconsumed;                /* window not given back while paused */
    int64_t progress_ms;
    /* response */
    struct metadata headers, trailers;
    struct buffer out;
    size_t out_at, out_high;          /* out_high: the most that was queued since on_writable */
    bool responded, deferred, writable_due;
    bool fold, fold_asked, fold_named, fold_told; /* as the handler wants it now; it has said so; it has ever wanted it; the headers have named gzip */
    enum status finish_status;
    struct error *finish_error;       /* for the trailers; NULL: OK */
    void *data;
    bool web;                         /* gRPC-Web: trailers are the body's last frame, for browsers, which cannot see HTTP's */
    int http_status;                  /* not 0: no gRPC call, answered in plain HTTP when its body has ended */
};

void call_move(struct rpc_call *call, enum call_phase to);
/** Its handler has seen it open and expects callbacks. */
static inline bool call_is_open(const struct rpc_call *call)
{
    return call->phase == CALL_OPEN || call->phase == CALL_HALF_CLOSED;
}
/** Nothing more is to be said to it. */
static inline bool call_is_over(const struct rpc_call *call)
{
    return call->phase == CALL_ENDING || call->phase == CALL_GONE;
}
void call_free(struct rpc_call *call);
struct rpc_call *call_new(struct session *session, int32_t stream);
void call_spares_free(struct call_table *table);
/** The request's headers are whole: check them, find the method, open the call or answer at once. */
void call_on_headers(struct rpc_call *call);
void call_on_header(struct rpc_call *call, const char *name, size_t name_size, const uint8_t *value, size_t value_size);
void call_on_data(struct rpc_call *call, const uint8_t *bytes, size_t count);
void call_on_remote_close(struct rpc_call *call);
/** The call ends by our doing or the peer's fault: the handler, if it has seen the call open, hears that it is gone before it is answered. */
void call_fail(struct rpc_call *call, const struct error *err);
void call_writable(struct rpc_call *call);
/** Tell the handler (if it still cares) that the call is over. */
void call_gone(struct rpc_call *call, enum status why);
/** The answer in plain HTTP, of call->http_status: 200 and 503 (/healthz), 405, 415. */
void call_http(struct rpc_call *call);

/** answer.c, for both wires: the next bytes of the answer; and what there is to do when all of it has been taken. */
size_t answer_take(struct rpc_call *call, uint8_t *to, size_t most);
void answer_taken(struct rpc_call *call);

/* call.c, for answer.c */
void call_recount(struct rpc_call *call);
bool call_has_room(const struct rpc_call *call, size_t more);
/** The call is over, for the figures; once is enough. */
void call_count_end(struct rpc_call *call, enum status how);
/** Nobody finds the call by its ref any more. */
void call_slot_give(struct rpc_call *call);

/* health.c: answered here, not by a handler of others */
extern const struct rpc_method HEALTH_CHECK, HEALTH_WATCH;
extern const struct rpc_method REFLECTION_V1, REFLECTION_V1ALPHA; /* reflection.c */
void health_tell(struct call_table *table);
void health_forget(struct rpc_call *call);

#endif
