/* Connections: bytes in, requests through http.c to the routes, answers out. A connection reads a request, sends its answer, and only then looks at
 * the next, so that a peer who does not read costs one answer and no more. It must not know what the paths mean. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum phase { PHASE_READING, PHASE_SENDING, PHASE_LINGERING };

struct connection {
    struct server *server;
    struct connection *before, *after;
    int fd;
    struct loop_fd *watch;
    struct loop_timer *timer;       /* the phase's deadline, or "now" for the rest of a pipeline */
    enum phase phase;
    bool keep_alive, more;          /* more: requests are waiting in `in` for the next turn */
    bool body_sent_too;             /* false for HEAD */
    int64_t idle_since_us;
    uint32_t in_size, head_size, lingered;
    size_t sent;                    /* of head and body together */
    struct body *body;
    char in[HTTP_HEAD_MAX], head[HTTP_ANSWER_MAX];
};

struct server {
    struct loop *loop;
    struct loop_listener *listener;
    struct web_site *site;
    struct connection *first;
    uint32_t count;
};

static void connection_free(struct connection *connection)
{
    struct server *server = connection->server;
    if (connection->before) connection->before->after = connection->after;
    else server->first = connection->after;
    if (connection->after) connection->after->before = connection->before;
    server->count--;
    body_unref(connection->body);
    loop_fd_free(connection->watch);
    loop_timer_free(connection->timer);
    close(connection->fd);
    free(connection);
}

static bool is_idle(const struct connection *connection)
{
    return connection->phase == PHASE_READING && connection->in_size == 0;
}

static void begin_reading(struct connection *connection)
{
    connection->phase = PHASE_READING;
    loop_fd_want(connection->watch, LOOP_READ);
    if (connection->in_size == 0) connection->idle_since_us = clock_boot_us();
    loop_timer_start(connection->timer, connection->in_size == 0 ? IDLE_MS_MAX : HEAD_MS_MAX);
}

/* The peer may still be sending what we will not read: closing now would send a reset, and that may destroy the answer on its way. */
static void begin_lingering(struct connection *connection)
{
    connection->phase = PHASE_LINGERING;
    shutdown(connection->fd, SHUT_WR);
    loop_fd_want(connection->watch, LOOP_READ);
    loop_timer_start(connection->timer, LINGER_MS_MAX);
}

/* ---- answers ---- */

/* Reads one request out of `in` and makes its answer. False: there is no whole request. */
static bool answer_next(struct connection *connection)
{
    struct http_request request;
    struct http_answer answer = {.status = 0};
    int read = http_request_read(connection->in, connection->in_size, &request);
    if (read == HTTP_MORE) return false;
    connection->keep_alive = read == HTTP_READ && request.keep_alive;
    connection->body_sent_too = true;
    connection->body = NULL;
    if (read == HTTP_READ) {
        site_answer(connection->server->site, &request, &answer, &connection->body);
        connection->body_sent_too = request.method != HTTP_HEAD;
        connection->in_size -= request.size; /* what the request points to is no longer needed */
        memmove(connection->in, connection->in + request.size, connection->in_size);
    } else {
        answer.status = read;
        if (read == 405) answer.allow = "GET, HEAD, OPTIONS";
        connection->in_size = 0;
    }
    connection->sent = 0;
    connection->head_size = http_answer_write(&answer, connection->body ? connection->body->size : 0, connection->keep_alive, clock_real_ms(), connection->head);
    return true;
}

enum sending { SENDING_DONE, SENDING_WAITS, SENDING_BROKEN };

static enum sending send_some(struct connection *connection)
{
    size_t body_size = connection->body && connection->body_sent_too ? connection->body->size : 0;
    while (connection->sent < connection->head_size + body_size) {
        struct iovec parts[2];
        size_t in_body = connection->sent > connection->head_size ? connection->sent - connection->head_size : 0, in_head = connection->sent - in_body;
        parts[0] = (struct iovec){connection->head + in_head, connection->head_size - in_head};
        parts[1] = (struct iovec){body_size > 0 ? connection->body->data + in_body : NULL, body_size - in_body};
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
        ssize_t sent = sendmsg(connection->fd, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? SENDING_WAITS : SENDING_BROKEN;
        connection->sent += (size_t)sent;
    }
    body_unref(connection->body);
    connection->body = NULL;
    return SENDING_DONE;
}

/* Send what there is, answer what is waiting, and settle what is waited for next. The connection may be gone afterwards. */
static void go_on(struct connection *connection)
{
    bool was_sending = connection->phase == PHASE_SENDING;
    connection->more = false;
    for (int answers = 0;; answers++) {
        if (connection->phase == PHASE_SENDING) {
            enum sending sending = send_some(connection);
            if (sending == SENDING_BROKEN) return connection_free(connection);
            if (sending == SENDING_WAITS) {
                loop_fd_want(connection->watch, LOOP_WRITE);
                if (!was_sending) loop_timer_start(connection->timer, SEND_MS_MAX);
                return;
            }
            if (!connection->keep_alive) return begin_lingering(connection);
            begin_reading(connection);
            was_sending = false;
        }
        if (answers == ANSWERS_A_TURN && connection->in_size > 0) {
            connection->more = true;
            loop_fd_want(connection->watch, 0);
            loop_timer_start(connection->timer, 0);
            return;
        }
        if (!answer_next(connection)) return;
        connection->phase = PHASE_SENDING;
    }
}

/* ---- events ---- */

static void on_bytes(struct connection *connection)
{
    bool was_idle = is_idle(connection);
    ASSERT(connection->in_size < sizeof connection->in); /* a full head without an end has been answered with 431 */
    ssize_t got = recv(connection->fd, connection->in + connection->in_size, sizeof connection->in - connection->in_size, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return connection_free(connection);
    connection->in_size += (uint32_t)got;
    if (was_idle) loop_timer_start(connection->timer, HEAD_MS_MAX);
    go_on(connection);
}

static void on_leftovers(struct connection *connection)
{
    char thrown_away[4096];
    ssize_t got = recv(connection->fd, thrown_away, sizeof thrown_away, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got > 0) connection->lingered += (uint32_t)got;
    if (got <= 0 || connection->lingered > LINGER_BYTES_MAX) connection_free(connection);
}

static void on_ready(void *context, int ready)
{
    (void)ready;
    struct connection *connection = context;
    switch (connection->phase) {
    case PHASE_READING:
        if (!connection->more) on_bytes(connection);
        break;
    case PHASE_SENDING: go_on(connection); break;
    case PHASE_LINGERING: on_leftovers(connection); break;
    }
}

static void on_timer(void *context)
{
    struct connection *connection = context;
    if (!connection->more) return connection_free(connection);
    begin_reading(connection);
    go_on(connection);
}

/* Of the connections between two requests, the one that has been so for longest. */
static struct connection *longest_idle(const struct server *server)
{
    struct connection *found = NULL;
    for (struct connection *c = server->first; c; c = c->after)
        if (is_idle(c) && (!found || c->idle_since_us < found->idle_since_us)) found = c;
    return found;
}

static void on_accept(void *context, int fd, const char *peer)
{
    (void)peer;
    struct server *server = context;
    if (server->count == CONNECTIONS_MAX) {
        struct connection *idle = longest_idle(server);
        if (!idle) {
            close(fd); /* all are at work: their deadlines are short */
            return;
        }
        connection_free(idle);
    }
    struct connection *connection = mem_zalloc(1, sizeof *connection);
    connection->server = server;
    connection->fd = fd;
    connection->after = server->first;
    if (server->first) server->first->before = connection;
    server->first = connection;
    server->count++;
    connection->watch = loop_fd_new(server->loop, fd, on_ready, connection);
    connection->timer = loop_timer_new(server->loop, on_timer, connection);
    begin_reading(connection);
}

enum status server_new(struct loop *loop, const char *address, struct web_site *site, struct server **out, struct error *err)
{
    struct server *server = mem_zalloc(1, sizeof *server);
    server->loop = loop;
    server->site = site;
    enum status rc = loop_listen(loop, address, false, on_accept, server, &server->listener, err);
    if (rc != STATUS_OK) {
        free(server);
        return rc;
    }
    *out = server;
    return STATUS_OK;
}

const char *server_address(const struct server *server)
{
    return loop_listener_address(server->listener);
}

void server_free(struct server *server)
{
    if (!server) return;
    loop_listener_free(server->listener);
    while (server->first) connection_free(server->first);
    free(server);
}
