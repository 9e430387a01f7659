/* The sockets: accepting, reading into sessions, writing what they have, once a turn. Deadlines and the sessions' timers are swept from here. */
#include "exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024, READS_A_TURN = 4, SWEEP_MS = 20, TICK_MS = 1000, OUT_BYTES_MAX = 1 << 20,
       LINGER_MS = 1000, LINGER_BYTES = 8 << 20, CUT_MS = 300 };

struct connection {
    struct session session;
    struct rpc_server *server;
    struct tls *tls;                  /* NULL: plaintext */
    int fd;
    struct loop_fd *watch;
    struct buffer out;
    size_t out_at;
    int64_t write_ms;                 /* the last time the peer took something */
    struct connection *next, *previous;
    bool dirty, closing, reading, lingering, identified;
    int64_t linger_ms;                /* lingering: when it began */
    size_t lingered;
    struct connection *next_dirty;
};

struct rpc_server {
    struct loop *loop;
    struct loop_listener *listener;
    struct rpc_limits limits;
    struct call_table table;
    struct tls_context *tls;          /* NULL: plaintext */
    struct buffer plain;              /* what a session drains before it is encrypted; empty between turns */
    struct connection *connections, *dirty;
    struct loop_timer *flush, *sweep, *drain;
    bool flush_set, cutting;
    int64_t tick_ms;
    void (*on_done)(void *context);
    void *done_context;
};

static int64_t now(struct rpc_server *server)
{
    return server->table.now_ms = clock_boot_us() / 1000;
}

/* ---- closing ---- */

static void connection_close(struct connection *connection)
{
    struct rpc_server *server = connection->server;
    if (connection->dirty) {
        struct connection **at = &server->dirty;
        while (*at != connection) at = &(*at)->next_dirty;
        *at = connection->next_dirty;
    }
    connection->dirty = true; /* handlers told of the end must not queue it again */
    session_deinit(&connection->session);
    tls_free(connection->tls);
    loop_fd_free(connection->watch);
    close(connection->fd);
    if (connection->previous) connection->previous->next = connection->next;
    else server->connections = connection->next;
    if (connection->next) connection->next->previous = connection->previous;
    server->table.stats.connections--;
    buffer_deinit(&connection->out);
    free(connection);
}

static void stop_if_drained(struct rpc_server *server)
{
    if (!server->table.stopping || server->connections || server->table.exchanges || !server->on_done) return;
    void (*on_done)(void *) = server->on_done;
    server->on_done = NULL;
    on_done(server->done_context);
}

/* ---- writing: what sessions have, in one go ---- */

/* Closing a socket that still has bytes to read resets it, and the peer would lose the GOAWAY that says why. So: say that nothing more comes,
 * and read the rest away for a moment. */
static void linger(struct connection *connection)
{
    if (connection->lingering) return;
    connection->lingering = true;
    connection->linger_ms = connection->server->table.now_ms;
    shutdown(connection->fd, SHUT_WR);
}

static void read_away(struct connection *connection)
{
    static _Thread_local uint8_t bytes[READ_BYTES];
    for (int i = 0; i < READS_A_TURN; i++) {
        ssize_t count = recv(connection->fd, bytes, sizeof bytes, 0);
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (count > 0 && (connection->lingered += (size_t)count) < LINGER_BYTES) continue;
        connection_close(connection);
        return;
    }
}

/* The session's next bytes into `out`, encrypted if need be; nothing before the handshake is over. */
static void connection_fill(struct connection *connection)
{
    bool alive = true;
    if (!connection->tls) {
        alive = session_drain(&connection->session, &connection->out);
    } else if (tls_state(connection->tls) == TLS_OPEN) {
        struct buffer *plain = &connection->server->plain;
        buffer_clear(plain);
        alive = session_drain(&connection->session, plain);
        if (plain->size && !tls_write(connection->tls, plain->data, plain->size, &connection->out)) connection->closing = true;
        else if (plain->size == 0 && (connection->closing || session_is_over(&connection->session))) tls_close(connection->tls, &connection->out);
    }
    if (!alive) connection->closing = true;
}

/* False: the connection was closed. */
static bool connection_write(struct connection *connection)
{
    if (connection->lingering) return true;
    for (;;) {
        if (connection->out_at == connection->out.size) {
            buffer_clear(&connection->out);
            connection->out_at = 0;
            connection_fill(connection);
            if (connection->out.size == 0) break;
        }
        ssize_t count = send(connection->fd, connection->out.data + connection->out_at, connection->out.size - connection->out_at, MSG_NOSIGNAL);
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            /* a connection that is closing is not read: what the peer sends would wake us for nothing, again and again */
            loop_fd_want(connection->watch, connection->closing ? LOOP_WRITE : LOOP_READ | LOOP_WRITE);
            return true;
        }
        if (count < 0) {
            connection_close(connection);
            return false;
        }
        connection->out_at += (size_t)count;
        connection->write_ms = connection->server->table.now_ms;
    }
    if (connection->out.capacity > 16 * 1024 && connection->session.call_count == 0) { /* idle connections are many: keep them small */
        buffer_deinit(&connection->out);
        buffer_init(&connection->out, OUT_BYTES_MAX);
    }
    if (connection->closing || session_is_over(&connection->session)) linger(connection);
    loop_fd_want(connection->watch, LOOP_READ);
    return true;
}

static void on_flush(void *context)
{
    struct rpc_server *server = context;
    server->flush_set = false;
    now(server);
    while (server->dirty) {
        struct connection *connection = server->dirty;
        server->dirty = connection->next_dirty;
        connection->dirty = false;
        connection_write(connection);
    }
    stop_if_drained(server);
}

/* Something can be drained. Within a read the write follows anyway; else it happens at the end of the turn, once for all. */
static void on_output(void *context)
{
    struct connection *connection = context;
    if (connection->dirty || connection->reading) return;
    connection->dirty = true;
    connection->next_dirty = connection->server->dirty;
    connection->server->dirty = connection;
    if (connection->server->flush_set) return;
    connection->server->flush_set = true;
    loop_timer_start(connection->server->flush, 0);
}

/* ---- reading ---- */

static bool on_plain(void *context, const uint8_t *bytes, size_t count)
{
    struct connection *connection = context;
    if (!connection->identified) tls_identity(connection->tls, connection->session.identity, sizeof connection->session.identity);
    connection->identified = true;
    if (!session_feed(&connection->session, bytes, count)) connection->closing = true;
    return !connection->closing;
}

static void connection_feed(struct connection *connection, const uint8_t *bytes, size_t count)
{
    if (!connection->tls) {
        if (!session_feed(&connection->session, bytes, count)) connection->closing = true;
        return;
    }
    bool shaking = tls_state(connection->tls) == TLS_HANDSHAKE;
    if (tls_feed(connection->tls, bytes, count, on_plain, connection, &connection->out) != TLS_CLOSED) return;
    connection->closing = true;
    if (shaking) connection->server->table.stats.failed_handshakes++;
}

static void on_ready(void *context, int ready)
{
    struct connection *connection = context;
    struct rpc_server *server = connection->server;
    now(server);
    if (connection->lingering) {
        read_away(connection);
        stop_if_drained(server);
        return;
    }
    if (ready == LOOP_READ && !connection->closing) {
        static _Thread_local uint8_t bytes[READ_BYTES];
        connection->reading = true;
        for (int i = 0; i < READS_A_TURN && !connection->closing; i++) {
            ssize_t count = recv(connection->fd, bytes, sizeof bytes, 0);
            if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
            if (count <= 0) {
                connection->reading = false;
                connection_close(connection);
                stop_if_drained(server);
                return;
            }
            connection_feed(connection, bytes, (size_t)count);
            if ((size_t)count < sizeof bytes) break;
        }
        connection->reading = false;
    }
    if (!connection->dirty) connection_write(connection);
    stop_if_drained(server);
}

static void on_accept(void *context, int fd, const char *peer)
{
    struct rpc_server *server = context;
    if (server->table.stats.connections >= server->limits.connections) {
        server->table.stats.refused_connections++;
        close(fd);
        return;
    }
    now(server);
    struct connection *connection = mem_zalloc(1, sizeof *connection);
    connection->server = server;
    connection->fd = fd;
    connection->write_ms = server->table.now_ms;
    buffer_init(&connection->out, OUT_BYTES_MAX);
    connection->tls = server->tls ? tls_new(server->tls) : NULL;
    connection->watch = loop_fd_new(server->loop, fd, on_ready, connection);
    connection->next = server->connections;
    if (server->connections) server->connections->previous = connection;
    server->connections = connection;
    server->table.stats.connections++;
    server->table.stats.connections_total++;
    session_init(&connection->session, &server->table, peer, on_output, connection);
    connection_write(connection);
}

/* ---- time ---- */

static void on_sweep(void *context)
{
    struct rpc_server *server = context;
    int64_t now_ms = now(server);
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
        bool stalled = connection->out.size > connection->out_at && now_ms - connection->write_ms > server->limits.write_stall_ms;
        if (stalled || !session_tick(&connection->session, now_ms)) connection_close(connection);
        else on_output(connection);
    }
    stop_if_drained(server);
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
    now(server);
    server->flush = loop_timer_new(loop, on_flush, server);
    server->sweep = loop_timer_new(loop, on_sweep, server);
    enum status rc = options->tls.certificate_file ? tls_context_new(&options->tls, &server->tls, err) : STATUS_OK;
    if (rc == STATUS_OK) rc = loop_listen(loop, options->address, options->reuse_port, on_accept, server, &server->listener, err);
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
    now(server);
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

/* Streams that only watch would never end by themselves: they are told to come again elsewhere, at once; the calls at work when the time is over. */
static void end_calls(struct session *session, bool only_watchers)
{
    for (struct rpc_call *call = session->calls, *next; call; call = next) {
        next = call->next;
        if (call->finished || !call->opened || (only_watchers && call->method->kind != RPC_SERVER_STREAM)) continue;
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
    now(server);
    if ((server->connections || server->table.exchanges) && !server->cutting) {
        server->cutting = true;
        end_all_calls(server, false);
        for (struct connection *connection = server->connections; connection; connection = connection->next) {
            session_goaway(&connection->session, NGHTTP2_NO_ERROR, "stopping");
            on_output(connection);
        }
        loop_timer_start(server->drain, CUT_MS);
        return;
    }
    while (server->connections) connection_close(server->connections);
    exchanges_cut(&server->table);
    stop_if_drained(server);
}

void rpc_server_shutdown(struct rpc_server *server, uint32_t drain_ms, void (*on_done)(void *context), void *context)
{
    ASSERT(!server->table.stopping);
    now(server);
    rpc_server_set_serving(server, false);
    server->table.stopping = true;
    server->on_done = on_done;
    server->done_context = context;
    loop_listener_pause(server->listener, true);
    end_all_calls(server, true);
    for (struct connection *connection = server->connections; connection; connection = connection->next) {
        session_shutdown(&connection->session);
        on_output(connection);
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
    loop_timer_free(server->sweep);
    loop_timer_free(server->drain);
    call_table_deinit(&server->table);
    free(server);
}
