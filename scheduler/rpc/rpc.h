/** rpc: a gRPC server on nghttp2 (gRPC-Web over the same HTTP/2 too): bytes in, messages out. It knows no .proto of ours (health and reflection are answered here by hand).
 *
 *  A server and its calls belong to one loop thread. Another thread names a call by its rpc_call_ref; the loop thread looks it up when the
 *  answer arrives, and a call that has gone is simply not found. Handlers may finish a call in any callback. Everything a peer can make grow
 *  has a limit in struct rpc_limits.
 *
 *  Follows gRPC over HTTP/2 (grpc/doc/PROTOCOL-HTTP2.md), RFC 9113, and the health checking protocol v1.
 */
#ifndef RPC_RPC_H
#define RPC_RPC_H

#include "base/base.h"
#include "loop/loop.h"

struct rpc_server;
struct rpc_call;

enum rpc_kind { RPC_UNARY, RPC_CLIENT_STREAM, RPC_SERVER_STREAM, RPC_BIDI_STREAM };

/** A call's name for other threads and later turns. generation 0 names none. */
struct rpc_call_ref {
    uint32_t slot, generation;
};

/** What happens to a call, in this order. on_message is needed where exactly one message comes; the others may be NULL. */
struct rpc_handler {
    void (*on_open)(struct rpc_call *call, void *context); /* the headers are good */
    /** A whole message, borrowed for the call. UNARY and SERVER_STREAM: exactly once, after the peer has half-closed. */
    void (*on_message)(struct rpc_call *call, void *context, const uint8_t *message, size_t size);
    void (*on_half_close)(struct rpc_call *call, void *context); /* client streams: no more messages will come */
    void (*on_writable)(struct rpc_call *call, void *context);   /* what was queued has fallen to half: there is room again */
    /** Cancelled, past its deadline, broken by the peer (wrong messages), or its connection lost: forget the call. The last callback; not called
     *  after rpc_finish. */
    void (*on_gone)(struct rpc_call *call, void *context, enum status why);
};

struct rpc_method {
    const char *path;                 /* "/meddispatch.v1.OrderService/GetOrder" */
    enum rpc_kind kind;
    const struct rpc_handler *handler;
    void *context;
    uint32_t request_bytes_max;       /* of one message; larger is refused by its length prefix, before it is read */
};

/** Every bound of the server; 0 takes the default (limits.c has the table with the reasons). */
struct rpc_limits {
    uint32_t connections, streams, header_list_bytes, call_queue_bytes, connection_memory_bytes;
    uint32_t preface_ms, idle_ms, body_ms, write_stall_ms;
    uint32_t control_frames, control_frames_per_s, ping_interval_ms, ping_strikes;
    uint32_t server_memory_bytes;
    uint32_t keepalive_ms, keepalive_timeout_ms;
};

/** PEM files. TLS 1.3 and 1.2, ALPN h2 (a peer that does not say h2 is refused). */
struct rpc_tls {
    const char *certificate_file, *key_file; /* the chain, leaf first. NULL certificate: no TLS */
    const char *client_ca_file;       /* NULL: clients show no certificates */
    bool client_certificate_needed;   /* else a client may also come without one, and has no identity */
};

struct rpc_options {
    const char *address;              /* "127.0.0.1:7400", "[::1]:0", "unix:/path" */
    bool reuse_port;
    struct rpc_tls tls;
    struct rpc_limits limits;
    uint32_t compress_bytes_min;      /* answers of at least this size are gzipped for callers that take it; 0: only where a handler asks */
    /** Called for each health Check before it is answered: may add response headers. NULL: none. */
    void (*on_health)(struct rpc_call *call, void *context);
    void *health_context;
    /** A serialized FileDescriptorSet with imports (protoc --descriptor_set_out --include_imports), borrowed: turns on reflection v1 and v1alpha. */
    const void *descriptors;
    size_t descriptors_size;
};

/** Listen and serve. `methods` is borrowed and must outlive the server. INVALID_ARGUMENT if the descriptors or the TLS files are none. */
must_use enum status rpc_server_new(struct loop *loop, const struct rpc_options *options, const struct rpc_method *methods, size_t count,
                                    struct rpc_server **out, struct error *err);
const char *rpc_server_address(const struct rpc_server *server);
/** What health says of the server as a whole (and of each service that has a method here). */
void rpc_server_set_serving(struct rpc_server *server, bool serving);
/** NOT_SERVING; GOAWAY to all, after a round trip in which unary calls on their way are still taken; streams are ended; calls
 *  still open after drain_ms end UNAVAILABLE and what is left is cut a moment later. on_done when the last connection has gone. */
void rpc_server_shutdown(struct rpc_server *server, uint32_t drain_ms, void (*on_done)(void *context), void *context);
/** New connections use these files; open ones keep theirs. On an error all stays as it was. Only for a server that began with TLS. */
must_use enum status rpc_server_reload_tls(struct rpc_server *server, const struct rpc_tls *tls, struct error *err);
/** Cuts what is left; on_gone is called for open calls. */
void rpc_server_free(struct rpc_server *server);

struct rpc_stats {
    uint64_t connections_total, calls_total, calls_failed, messages_in, messages_out, refused_connections, floods, failed_handshakes;
    uint32_t connections, calls;
};
void rpc_server_stats(const struct rpc_server *server, struct rpc_stats *out);

/** What became of a method's calls. Latencies of calls with one answer: from their headers to the answer, counted in the first bucket whose bound they do not
 *  pass; the last bucket has no bound. */
enum { RPC_STATUS_COUNT = 17, RPC_LATENCY_BUCKETS = 14 };
extern const uint32_t RPC_LATENCY_BOUNDS_US[RPC_LATENCY_BUCKETS];
struct rpc_method_stats {
    const char *path;
    uint64_t ended[RPC_STATUS_COUNT];  /* by enum status */
    uint64_t latency[RPC_LATENCY_BUCKETS + 1], latency_sum_us;
    uint32_t open;
};
/** Of the method with this number, from 0 (our own and rpc's); false: there are no more. On the loop's thread. */
bool rpc_server_method_stats(const struct rpc_server *server, size_t number, struct rpc_method_stats *out);

/* ---- calls ---- */

struct rpc_call_ref rpc_call_ref(const struct rpc_call *call);
/** NULL: gone or finished. */
struct rpc_call *rpc_call_find(struct rpc_server *server, struct rpc_call_ref ref);
void rpc_call_set_data(struct rpc_call *call, void *data);
void *rpc_call_data(const struct rpc_call *call);
/** Request metadata by lower-case name; "-bin" values are decoded (size in *size). NULL if absent. Borrowed. */
const char *rpc_call_metadata(const struct rpc_call *call, const char *name, size_t *size);
const char *rpc_call_peer(const struct rpc_call *call);
/** Whom the client's verified certificate names, "uri:…", "dns:…" or "cn:…"; "": nobody. */
const char *rpc_call_identity(const struct rpc_call *call);
/** Real milliseconds left; -1: no deadline. */
int64_t rpc_call_deadline_ms(const struct rpc_call *call);
/** Response metadata: headers before the first rpc_send only, trailers before rpc_finish. "-bin" values are encoded here. Ignored when too late
 *  or beyond 16. */
void rpc_call_add_header(struct rpc_call *call, const char *name, const void *value, size_t size);
void rpc_call_add_trailer(struct rpc_call *call, const char *name, const void *value, size_t size);
/** Queue a message. RESOURCE_EXHAUSTED, with nothing queued, beyond limits.call_queue_bytes: the reader is slow. */
enum status rpc_send(struct rpc_call *call, const uint8_t *message, size_t size);
/** Whether messages from here on are sent gzipped: for callers that take it, where it makes a message smaller. A call that has not said `true` once
 *  before its first message (and has no compress_bytes_min) has told the peer no encoding, and cannot begin later. */
void rpc_call_compress(struct rpc_call *call, bool on);
/** Whether the message at hand (in on_message) came compressed. */
bool rpc_call_was_compressed(const struct rpc_call *call);
size_t rpc_call_queued_bytes(const struct rpc_call *call);
/** End the call: OK (err NULL) or the error with its details (google.rpc.Status with BadRequest, ErrorInfo, RetryInfo). The pointer is dead after. */
void rpc_finish(struct rpc_call *call, const struct error *err);
/** Backpressure on the peer: no more messages, and no window for more, until resumed. */
void rpc_call_pause(struct rpc_call *call);
void rpc_call_resume(struct rpc_call *call);

/* ---- one call without HTTP/2 ---- */

/** A gRPC-Web call (grpc/doc/PROTOCOL-WEB.md) whose bytes its owner carries, for example over HTTP/1.1: body in, body out, trailers as its last frame. To
 *  handlers it is a call like any other, with the server's limits, deadlines and shutdown. Belongs to the server's loop thread; its owner frees it, and
 *  frees all of them before the server. `on_output` says that there may be something to take, room to feed, or that it is over: it is called from within
 *  handlers, so it must not free the exchange; do that in a later turn. */
struct rpc_exchange;
must_use struct rpc_exchange *rpc_exchange_new(struct rpc_server *server, const char *path, const char *peer, void (*on_output)(void *context), void *context);
/** Metadata by lower-case name, before rpc_exchange_open; what is past the header list's limit is dropped. */
void rpc_exchange_header(struct rpc_exchange *exchange, const char *name, size_t name_size, const char *value, size_t size);
void rpc_exchange_open(struct rpc_exchange *exchange);
/** Whether to feed now: false while the handler pauses. What is fed nevertheless is held, up to a limit. */
bool rpc_exchange_wants(const struct rpc_exchange *exchange);
void rpc_exchange_feed(struct rpc_exchange *exchange, const uint8_t *bytes, size_t count);
void rpc_exchange_half_close(struct rpc_exchange *exchange);
/** Append the answer's header lines ("name: value" CRLF, content type included) once there are any; false: not yet. The HTTP status is always 200. */
bool rpc_exchange_head(const struct rpc_exchange *exchange, struct buffer *out);
/** The next bytes of the answer's body; 0: none now. */
size_t rpc_exchange_take(struct rpc_exchange *exchange, uint8_t *to, size_t most);
/** The call has ended and all of its answer has been taken. */
bool rpc_exchange_is_over(const struct rpc_exchange *exchange);
/** It was cut without an answer (a body or a reader that does not get on): close the connection. */
bool rpc_exchange_is_broken(const struct rpc_exchange *exchange);
/** A call that is not over is cancelled. NULL is fine. */
void rpc_exchange_free(struct rpc_exchange *exchange);

#endif
