/* Listening, stopping, and what time brings: deadlines and the sessions' timers are swept from here. What a socket says and hears is connection.c's. */
#include "connection.h"
#include "exchange.h"

#include <stdlib.h>
#include <string.h>

enum { OUT_BYTES_MAX = 1 << 20, SWEEP_MS = 20, TICK_MS = 1000, LINGER_MS = 1000, CUT_MS = 300 };

/* ---- time ---- */

void server_stop_if_drained(struct rpc_server *server)
{
    if (!server->table.stopping || server->connections || server->table.exchanges || !server->on_done) return;
    void (*on_done)(void *) = server->on_done;
    server->on_done = NULL;
    on_done(server->done_context);
}

static void on_sweep(void *context)
{
    struct rpc_server *server = context;
    int64_t now_ms = server_now(server);
    bool tick = now_ms - server->tick_ms >= TICK_MS || server->table.stopping;
    bool expire = now_ms >= server->table.next_deadline_ms;
    if (!tick && !expire) {
        loop_timer_start(server->sweep, SWEEP_MS);
        return;
    }
    if (tick) server->tick_ms = now_ms;
    if (expire) server->table.next_deadline_ms = INT64_MAX; /* those that are left say theirs again */
    exchanges_sweep(&server->table, now_ms, expire, tick);
    for (struct connection *connection = server->connections, *next; connection; connection = next) {
        next = connection->next;
        if (connection->lingering) {
            if (now_ms - connection->linger_ms > LINGER_MS) connection_close(connection);
            continue;
        }
        if (expire && connection->session.call_count) session_expire(&connection->session, now_ms);
        if (!tick) continue;
        if (connection_is_stalled(connection, now_ms) || !session_tick(&connection->session, now_ms)) connection_close(connection);
        else if (session_has_output(&connection->session)) connection_on_output(connection);
    }
    server_stop_if_drained(server);
    loop_timer_start(server->sweep, SWEEP_MS);
}

/* ---- the server ---- */

extern const unsigned char rpc_protocols[]; /* the descriptors of gRPC's own protocols, embedded by the build */
extern const unsigned long rpc_protocols_size;

/* NULL in *out without descriptors of the caller's: no reflection. */
static enum status read_descriptors(const struct rpc_options *options, struct descriptors **out, struct error *err)
{
    *out = NULL;
    if (!options->descriptors) return STATUS_OK;
    struct descriptors *descriptors = descriptors_new();
    enum status rc = descriptors_add(descriptors, options->descriptors, options->descriptors_size, err);
    if (rc == STATUS_OK) rc = descriptors_add(descriptors, rpc_protocols, rpc_protocols_size, err);
    if (rc != STATUS_OK) {
        descriptors_free(descriptors);
        return rc;
    }
    descriptors_seal(descriptors);
    *out = descriptors;
    return STATUS_OK;
}

enum status rpc_server_new(struct loop *loop, const struct rpc_options *options, const struct rpc_method *methods, size_t count, struct rpc_server **out,
                           struct error *err)
{
    struct descriptors *descriptors;
    TRY(read_descriptors(options, &descriptors, err));
    struct rpc_server *server = mem_zalloc(1, sizeof *server);
    server->loop = loop;
    server->limits = options->limits;
    limits_fill(&server->limits);
    buffer_init(&server->plain, OUT_BYTES_MAX);
    call_table_init(&server->table, &server->limits, methods, count, descriptors);
    server->table.server = server;
    server->table.fold_bytes_min = options->compress_bytes_min;
    server->table.on_health = options->on_health;
    server->table.health_context = options->health_context;
    server_now(server);
    server->flush = loop_timer_new(loop, connection_on_flush, server);
    server->line = loop_timer_new(loop, connection_on_line, server);
    server->sweep = loop_timer_new(loop, on_sweep, server);
    enum status rc = options->tls.certificate_file ? tls_context_new(&options->tls, &server->tls, err) : STATUS_OK;
    if (rc == STATUS_OK) rc = loop_listen(loop, options->address, options->reuse_port, connection_on_accept, server, &server->listener, err);
    if (rc != STATUS_OK) {
        rpc_server_free(server);
        return rc;
    }
    loop_timer_start(server->sweep, SWEEP_MS);
    *out = server;
    return STATUS_OK;
}

enum status rpc_server_reload_tls(struct rpc_server *server, const struct rpc_tls *tls, struct error *err)
{
    struct tls_context *context;
    if (!server->tls || !tls->certificate_file) return error_set(err, STATUS_FAILED_PRECONDITION, "TLS is chosen at start, not by a reload");
    TRY(tls_context_new(tls, &context, err));
    tls_context_free(server->tls);
    server->tls = context;
    return STATUS_OK;
}

struct call_table *rpc_server_table(struct rpc_server *server)
{
    server_now(server);
    return &server->table;
}

const char *rpc_server_address(const struct rpc_server *server)
{
    return loop_listener_address(server->listener);
}

void rpc_server_set_serving(struct rpc_server *server, bool serving)
{
    if (server->table.serving == serving) return;
    server->table.serving = serving;
    health_tell(&server->table);
}

struct rpc_call *rpc_call_find(struct rpc_server *server, struct rpc_call_ref ref)
{
    struct call_table *table = &server->table;
    if (ref.generation == 0 || ref.slot >= table->slot_count || table->slots[ref.slot].generation != ref.generation) return NULL;
    return table->slots[ref.slot].call;
}

void rpc_server_stats(const struct rpc_server *server, struct rpc_stats *out)
{
    *out = server->table.stats;
}

bool rpc_server_method_stats(const struct rpc_server *server, size_t number, struct rpc_method_stats *out)
{
    if (number >= server->table.method_count) return false;
    *out = server->table.method_stats[number];
    return true;
}

/* Streams that only watch would never end by themselves: they are told to come again elsewhere, at once; the calls at work when the time is over. */
static void end_calls(struct session *session, bool only_watchers)
{
    for (struct rpc_call *call = session->calls, *next; call; call = next) {
        next = call->next;
        if (!call_is_open(call) || (only_watchers && call->method->kind != RPC_SERVER_STREAM)) continue;
        struct error err;
        error_set(&err, STATUS_UNAVAILABLE, "the server is stopping; connect again");
        err.retry_ms = 1000;
        call_fail(call, &err);
    }
}

static void end_all_calls(struct rpc_server *server, bool only_watchers)
{
    for (struct connection *connection = server->connections; connection; connection = connection->next) end_calls(&connection->session, only_watchers);
    for (struct session *session = NULL; (session = exchanges_next(&server->table, session)) != NULL;) end_calls(session, only_watchers);
}

/* First the calls hear why they end; those who do not listen are cut. */
static void on_drain_over(void *context)
{
    struct rpc_server *server = context;
    server_now(server);
    if ((server->connections || server->table.exchanges) && !server->cutting) {
        server->cutting = true;
        end_all_calls(server, false);
        for (struct connection *connection = server->connections; connection; connection = connection->next) {
            session_goaway(&connection->session, NGHTTP2_NO_ERROR, "stopping");
            connection_on_output(connection);
        }
        loop_timer_start(server->drain, CUT_MS);
        return;
    }
    while (server->connections) connection_close(server->connections);
    exchanges_cut(&server->table);
    server_stop_if_drained(server);
}

void rpc_server_shutdown(struct rpc_server *server, uint32_t drain_ms, void (*on_done)(void *context), void *context)
{
    ASSERT(!server->table.stopping);
    server_now(server);
    rpc_server_set_serving(server, false);
    server->table.stopping = true;
    server->on_done = on_done;
    server->done_context = context;
    loop_listener_pause(server->listener, true);
    end_all_calls(server, true);
    for (struct connection *connection = server->connections; connection; connection = connection->next) {
        session_shutdown(&connection->session);
        connection_on_output(connection);
    }
    server->drain = loop_timer_new(server->loop, on_drain_over, server);
    loop_timer_start(server->drain, server->connections || server->table.exchanges ? drain_ms : 0);
}

void rpc_server_free(struct rpc_server *server)
{
    if (!server) return;
    server->on_done = NULL;
    while (server->connections) connection_close(server->connections);
    if (server->listener) loop_listener_free(server->listener);
    tls_context_free(server->tls);
    buffer_deinit(&server->plain);
    loop_timer_free(server->flush);
    loop_timer_free(server->line);
    loop_timer_free(server->sweep);
    loop_timer_free(server->drain);
    call_table_deinit(&server->table);
    free(server);
}
