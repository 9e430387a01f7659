/** api: the door. One file per service turns requests into commands and questions, and facts and answers into responses.
 *
 *  Syntax is checked here, once: every field with a bound, UTF-8, enums, coordinates (GCJ-02 is converted here and only here), and a place
 *  must lie on the map. The law is dispatch's and claims'. Everything runs on one io thread: the loop that owns the server.
 */
#ifndef API_API_H
#define API_API_H

#include "engine/engine.h"
#include "loop/loop.h"
#include "rpc/rpc.h"

struct api;

struct api_options {
    struct engine *engine;     /* borrowed; must outlive the api */
    struct loop *loop;         /* borrowed; the io thread's */
    const char *address;       /* "127.0.0.1:7400"; port 0: any free one */
    uint32_t request_bytes_max;
    struct rpc_tls tls;        /* no certificate file: plaintext */
    bool insecure;             /* callers are not checked: development only, on loopback */
    uint32_t calls_per_s;      /* of one caller; 0 any number */
};

must_use enum status api_new(const struct api_options *options, struct api **out, struct error *err);
/** The address it listens on, as text. */
const char *api_address(const struct api *api);
/** The server behind it, for who carries calls by another way; borrowed until api_free. */
struct rpc_server *api_calls(const struct api *api);
/** Calls, queues, batches, plans and the city's promises in Prometheus' text format. On the loop's thread. */
void api_metrics(const struct api *api, struct buffer *out);
/** New connections use these files; on an error all stays as it was. */
must_use enum status api_reload_tls(struct api *api, const struct rpc_tls *tls, struct error *err);
/** Calls a second of one caller from now on; 0 any number. On the loop's thread. */
void api_set_caller_limit(struct api *api, uint32_t calls_per_s);
/** NOT_SERVING, GOAWAY, drain for at most drain_ms, then `on_done` on the loop. */
void api_shutdown(struct api *api, uint32_t drain_ms, void (*on_done)(void *context), void *context);
void api_free(struct api *api);

#endif
