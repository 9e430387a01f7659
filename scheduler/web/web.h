/** web: a small HTTP/1.1 listener for what a browser or a watchdog asks of the daemon: road tiles and health. It knows no orders, no SQL, no gRPC.
 *
 *  It has a thread and a loop of its own, so that nothing asked here delays a call. It answers GET, HEAD and OPTIONS, takes no body, and holds hard
 *  bounds on connections, bytes and time (http.h, server.c). Who may connect is the caller's matter: nobody is authenticated, so give it loopback.
 *
 *      /tiles/{z}/{x}/{y}.mvt   200 the tile (gzip for who takes it), 204 nothing is there, 304, 400 no such address, 404 no such tile
 *      /healthz                 200 SERVING, 503 NOT_SERVING
 */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include "base/base.h"
#include "geo_tile/geo_tile.h"

struct web;
struct web_options {
    const char *address;          /* as loop_listen takes it; borrowed for the call */
    struct geo_tiles *tiles;      /* taken if the start succeeds; NULL: /tiles answers 404 */
};
/** Listen and start the thread; not ready at first. INVALID_ARGUMENT: the address; UNAVAILABLE: it is taken. */
must_use enum status web_start(const struct web_options *options, struct web **out, struct error *err);
/** With the port the system chose. */
const char *web_address(const struct web *web);
/** What /healthz says. Any thread. */
void web_set_ready(struct web *web, bool ready);
/** Drop the connections, end the thread. NULL is fine. */
void web_stop(struct web *web);

#endif
