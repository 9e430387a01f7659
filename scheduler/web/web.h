/** web: a small HTTP/1.1 listener for what a browser or a watchdog asks of the daemon: gRPC-Web calls, the dashboard's files, road tiles, health, figures.
 *  It knows no orders, no SQL and no .proto: calls are rpc's exchanges, carried as bytes.
 *
 *  It has a thread and a loop of its own, so that nothing asked here delays a call; a connection that makes one moves to the calls' loop until it is
 *  answered. Hard bounds on connections, bytes and time (http.h, internal.h, server.c). Plain HTTP: give it loopback, or a proxy that adds TLS.
 *  A request must name this listener (Host, against DNS rebinding), and a page of another origin is refused unless it is listed (CORS).
 *
 *      /tiles/{z}/{x}/{y}.mvt   200 the tile (gzip for who takes it), 204 nothing is there, 304, 400 no such address, 404 no such tile
 *      /healthz                 200 SERVING, 503 NOT_SERVING
 *      /metrics                 Prometheus' text format
 *      POST application/grpc-web[-text][+proto]   a call: 200 and its trailers in the body (grpc/doc/PROTOCOL-WEB.md)
 *      anything else            a file of the dashboard, or 404
 */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include "base/base.h"
#include "geo_tile/geo_tile.h"
#include "rpc/rpc.h"

struct web;
struct web_options {
    const char *address;          /* as loop_listen takes it; borrowed for the call */
    struct geo_tiles *tiles;      /* taken if the start succeeds; NULL: /tiles answers 404 */
    const char *files;            /* the dashboard's folder, read once; NULL: none */
    const char *hosts;            /* names besides localhost, 127.0.0.1 and [::1] that requests may be for, by commas; NULL: any, for tests */
    const char *origins;          /* other origins whose pages may call, by commas; NULL: none */
    struct rpc_server *calls;     /* borrowed, with its loop, until web_stop; NULL: no calls, no figures */
    struct loop *calls_loop;
    /** Write /metrics; called on the calls' loop. NULL: there are none. */
    void (*metrics)(struct buffer *out, void *context);
    void *metrics_context;
};
/** Listen and start the thread; not ready at first. INVALID_ARGUMENT: the address; UNAVAILABLE: it is taken. */
must_use enum status web_start(const struct web_options *options, struct web **out, struct error *err);
/** With the port the system chose. */
const char *web_address(const struct web *web);
/** What /healthz says. Any thread. */
void web_set_ready(struct web *web, bool ready);
/** Drop the connections, end the thread. On the calls' loop's thread, before their server is freed. NULL is fine. */
void web_stop(struct web *web);

#endif
