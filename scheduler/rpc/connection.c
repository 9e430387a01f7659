/* A socket under its session: read, write once a turn, linger at the end. And who is read when: a loop has one thread for all its peers, so a peer that
 * makes more work than its share (greedy or hostile, we cannot tell) is read only after those that do not, a little at a time. It knows no HTTP/2.
 *
 * Each connection begins with nothing (else an attacker would only make new ones), earns a small share of the time that passes and pays for the time it is served. While it has credit it is read as soon as it is ready;
 * without, it stands in line, and of each turn of the loop the line gets LINE_US. While the whole server is far from busy nobody stands in line. So a quiet
 * peer waits for a turn of bounded length, however many greedy ones there are, and the greedy ones share evenly what is left. */
#include "connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 16 * 1024,        /* at a time: 1,600 of the smallest frames, a fraction of a millisecond */
       OUT_BYTES_MAX = 1 << 20, LINGER_BYTES = 8 << 20, LINGER_READ_BYTES = 256 * 1024,
       SLICE_US = 100,                /* a connection is served no longer at once */
       LINE_US = 200,                 /* nor the line, in one turn of the loop */
       SHARE = 50,                    /* a connection earns 1/50 of the time that passes */
       CREDIT_MAX_US = 5000, DEBT_MAX_US = 20000,
       SERVER_SHARE = 3, SERVER_CREDIT_MAX_US = 200 };

int64_t server_now(struct rpc_server *server)
{
    return server->table.now_ms = clock_boot_us() / 1000;
}

/* ---- credit ---- */

static int64_t between(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

/* A share of the time since *at_us; the remainder is not lost. */
static int64_t earned(int64_t *at_us, int64_t now_us, int64_t share)
{
    int64_t gain = (now_us - *at_us) / share;
    *at_us += gain * share;
    return gain;
}

static void earn(struct connection *connection, int64_t now_us)
{
    struct rpc_server *server = connection->server;
    connection->credit_us = between(connection->credit_us + earned(&connection->credit_at_us, now_us, SHARE), -DEBT_MAX_US, CREDIT_MAX_US);
    server->credit_us = between(server->credit_us + earned(&server->credit_at_us, now_us, SERVER_SHARE), -SERVER_CREDIT_MAX_US, SERVER_CREDIT_MAX_US);
}

static void pay(struct connection *connection, int64_t spent_us)
{
    connection->credit_us -= spent_us;
    connection->server->credit_us -= spent_us;
}

static void line_leave(struct connection *connection)
{
    struct rpc_server *server = connection->server;
    if (!connection->in_line) return;
    connection->in_line = false;
    if (connection->line_previous) connection->line_previous->line_next = connection->line_next;
    else server->line_first = connection->line_next;
    if (connection->line_next) connection->line_next->line_previous = connection->line_previous;
    else server->line_last = connection->line_previous;
    connection->line_next = connection->line_previous = NULL;
}

static void line_start(struct rpc_server *server)
{
    if (server->line_set || !server->line_first) return;
    server->line_set = true;
    loop_timer_start(server->line, 0);
}

static void line_join(struct connection *connection)
{
    struct rpc_server *server = connection->server;
    if (connection->in_line) return; /* its socket is still ready, and says so each turn */
    connection->in_line = true;
    connection->line_previous = server->line_last;
    if (server->line_last) server->line_last->line_next = connection;
    else server->line_first = connection;
    server->line_last = connection;
    line_start(server);
}

/* ---- closing ---- */

void connection_close(struct connection *connection)
{
    struct rpc_server *server = connection->server;
    line_leave(connection);
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

/* Closing a socket that still has bytes to read resets it, and the peer would lose the GOAWAY that says why. So: say that nothing more comes,
 * and read the rest away for a moment. */
static void linger(struct connection *connection)
{
    if (connection->lingering) return;
    connection->lingering = true;
    connection->linger_ms = connection->server->table.now_ms;
    shutdown(connection->fd, SHUT_WR);
}

/* The kernel drops what it has without copying it (MSG_TRUNC, tcp(7)). False: that was all, or enough. */
static bool read_away(struct connection *connection)
{
    ssize_t count = recv(connection->fd, NULL, LINGER_READ_BYTES, MSG_TRUNC);
    if (count < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
    return count > 0 && (connection->lingered += (size_t)count) < LINGER_BYTES;
}

/* ---- writing: what sessions have, in one go ---- */

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

/* The rest when the socket takes more, or in another turn. A connection that is closing is not read: what the peer sends would wake us for nothing. */
static bool write_later(struct connection *connection)
{
    loop_fd_want(connection->watch, connection->closing ? LOOP_WRITE : LOOP_READ | LOOP_WRITE);
    return true;
}

/* False: the connection was closed. */
static bool connection_write(struct connection *connection)
{
    if (connection->lingering) return true;
    int64_t began_us = 0;
    for (;;) {
        if (connection->out_at == connection->out.size) {
            if (began_us == 0) began_us = connection->out.size ? clock_boot_us() : 0;
            else if (clock_boot_us() - began_us > SLICE_US) return write_later(connection);
            buffer_clear(&connection->out);
            connection->out_at = 0;
            connection_fill(connection);
            if (connection->out.size == 0) break;
        }
        ssize_t count = send(connection->fd, connection->out.data + connection->out_at, connection->out.size - connection->out_at, MSG_NOSIGNAL);
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return write_later(connection);
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

void connection_on_flush(void *context)
{
    struct rpc_server *server = context;
    server->flush_set = false;
    server_now(server);
    while (server->dirty) {
        struct connection *connection = server->dirty;
        server->dirty = connection->next_dirty;
        connection->dirty = false;
        connection_write(connection);
    }
    server_stop_if_drained(server);
}

/* Within a read the write follows anyway; else it happens at the end of the turn, once for all. */
void connection_on_output(void *context)
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

bool connection_is_stalled(const struct connection *connection, int64_t now_ms)
{
    return connection->out.size > connection->out_at && now_ms - connection->write_ms > connection->server->limits.write_stall_ms;
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

/* Reads for a slice's time at most; what is left makes the socket ready again. False: the peer has closed. */
static bool connection_read(struct connection *connection, int64_t until_us)
{
    static _Thread_local uint8_t bytes[READ_BYTES];
    while (!connection->closing) {
        ssize_t count = recv(connection->fd, bytes, sizeof bytes, 0);
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
        if (count <= 0) return false;
        connection_feed(connection, bytes, (size_t)count);
        if ((size_t)count < sizeof bytes || clock_boot_us() >= until_us) return true;
    }
    return true;
}

/* What it has said is read, and answered at once. The connection may be gone after. */
static void connection_serve(struct connection *connection, int64_t now_us)
{
    bool open;
    if (connection->lingering) {
        open = read_away(connection);
    } else {
        connection->reading = true;
        open = connection_read(connection, now_us + SLICE_US);
        connection->reading = false;
    }
    if (!open) connection_close(connection);
    else if (connection->dirty || connection_write(connection)) pay(connection, clock_boot_us() - now_us);
}

void connection_on_line(void *context)
{
    struct rpc_server *server = context;
    int64_t began_us = clock_boot_us(), now_us = began_us;
    server->line_set = false;
    server->table.now_ms = now_us / 1000;
    while (server->line_first && now_us - began_us < LINE_US) {
        struct connection *connection = server->line_first;
        line_leave(connection);
        earn(connection, now_us);
        connection_serve(connection, now_us);
        now_us = clock_boot_us();
    }
    line_start(server);
    server_stop_if_drained(server);
}

static void on_ready(void *context, int ready)
{
    struct connection *connection = context;
    struct rpc_server *server = connection->server;
    int64_t now_us = clock_boot_us();
    server->table.now_ms = now_us / 1000;
    earn(connection, now_us);
    if (ready == LOOP_WRITE && !connection->lingering) connection_write(connection);
    else if (connection->credit_us <= 0 && server->credit_us <= 0) line_join(connection);
    else connection_serve(connection, now_us);
    server_stop_if_drained(server);
}

void connection_on_accept(void *context, int fd, const char *peer)
{
    struct rpc_server *server = context;
    if (server->table.stats.connections >= server->limits.connections) {
        server->table.stats.refused_connections++;
        close(fd);
        return;
    }
    int64_t now_us = clock_boot_us();
    server->table.now_ms = now_us / 1000;
    struct connection *connection = mem_zalloc(1, sizeof *connection);
    connection->server = server;
    connection->fd = fd;
    connection->write_ms = server->table.now_ms;
    connection->credit_at_us = now_us;
    buffer_init(&connection->out, OUT_BYTES_MAX);
    connection->tls = server->tls ? tls_new(server->tls) : NULL;
    connection->watch = loop_fd_new(server->loop, fd, on_ready, connection);
    connection->next = server->connections;
    if (server->connections) server->connections->previous = connection;
    server->connections = connection;
    server->table.stats.connections++;
    server->table.stats.connections_total++;
    session_init(&connection->session, &server->table, peer, connection_on_output, connection);
    connection_write(connection);
}
