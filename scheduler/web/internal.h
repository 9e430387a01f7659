/* What the files of web share: bodies, the cache of tiles, routes, connections. All of it belongs to web's one thread, but for guests, which move. */
#ifndef WEB_INTERNAL_H
#define WEB_INTERNAL_H

#include "http.h"
#include "policy.h"
#include "loop/loop.h"
#include "web/web.h"

#include <stdatomic.h>

/* ---- bodies ---- */

/** Bytes to be sent, shared by the cache and by connections that are sending them. */
struct body {
    uint32_t references;
    size_t size;
    uint8_t data[];
};
struct body *body_new(const void *data, size_t size);
struct body *body_ref(struct body *body);
void body_unref(struct body *body); /* NULL is fine */

/* ---- the cache: the tiles asked last ---- */

enum {
    CACHE_BYTES_MAX = 16 * 1024 * 1024, /* a city's inner tiles; drawing one again takes less than a millisecond, deflating it two */
    CACHE_TILES_MAX = 4096,
};
struct cache;
must_use struct cache *cache_new(void);
void cache_free(struct cache *cache);
/** Borrowed until the next cache call; NULL: not there. `gzip`: the packed form. */
struct body *cache_find(struct cache *cache, struct geo_tile_id id, bool gzip);
/** Keeps a reference of its own; drops what was asked longest ago. */
void cache_put(struct cache *cache, struct geo_tile_id id, bool gzip, struct body *body);
size_t cache_bytes(const struct cache *cache);

/* ---- routes ---- */

struct web_site {
    struct geo_tiles *tiles;             /* NULL: none */
    struct geo_tile_scratch *scratch;
    struct cache *cache;
    atomic_bool *ready;
    struct files *files;                 /* NULL: none */
    const struct policy *policy;
    bool has_gate, has_metrics;          /* calls and figures can be asked for */
};
enum site_way {
    SITE_ANSWER,                         /* `answer` and `body` are set; the body is the caller's to unref, NULL if empty */
    SITE_GATE,                           /* a call, or /metrics: the calls' thread answers */
};
enum site_way site_answer(struct web_site *site, const struct http_request *request, struct http_answer *answer, struct body **body);

/* ---- guests: connections on their way to the calls' thread (gate.h) and back ---- */

struct guest {
    int fd;                              /* -1: came back closed */
    uint32_t in_size;
    bool keep_alive;                     /* as it came back */
    char peer[LISTEN_ADDRESS_MAX];
    char in[HTTP_HEAD_MAX];              /* read, and not yet used */
    void *host;                          /* its connection */
};
struct gate;

/* ---- connections ---- */

/** Bounds of the listener; each has its reason beside it. */
enum {
    CONNECTIONS_MAX = 256,     /* a browser opens six; a proxy some dozens. Beyond it the connection idle longest makes room */
    HEAD_MS_MAX = 5000,        /* from a request's first byte to its head's end, however it drips */
    IDLE_MS_MAX = 30000,       /* between requests */
    SEND_MS_MAX = 30000,       /* for an answer, whole: half a megabyte at 17 kB/s */
    LINGER_MS_MAX = 1000,      /* after the last answer, for the peer to read it before a reset could overtake it ... */
    LINGER_BYTES_MAX = 262144, /* ... and so much more of what he sends is thrown away */
    ANSWERS_A_TURN = 16,       /* of one connection's pipeline; then the others have their turn */
};
struct server;
must_use enum status server_new(struct loop *loop, const char *address, struct web_site *site, struct server **out, struct error *err);
/** Before the first connection. Guests come back through `back`, which has room for all of them. */
void server_set_gate(struct server *server, struct gate *gate, struct mailbox *back);
const char *server_address(const struct server *server);
void server_free(struct server *server);

#endif
