/* Connections: bytes in, requests through http.c to the routes, answers out. A connection reads a request, sends its answer, and only then looks at
 * the next, so that a peer who does not read costs one answer and no more. It must not know what the paths mean. */
#include "gate.h"
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum phase { PHASE_READING, PHASE_SENDING, PHASE_LINGERING, PHASE_AWAY /* with the gate, or on the way there or back */ };

struct connection {
    struct server *server;
    struct connection *before, *after;
    struct guest guest;             /* what the gate gets to see */
    struct loop_fd *watch;
    struct loop_timer *timer;       /* the phase's deadline, or "now" for the rest of a pipeline */
    enum phase phase;
    bool keep_alive, more;          /* more: requests are waiting in `in` for the next turn */
    bool body_sent_too;             /* false for HEAD */
    int64_t idle_since_us;
    uint32_t head_size, lingered;
    size_t sent;                    /* of head and body together */
    struct body *body;
    char head[HTTP_ANSWER_MAX];
};

struct server {
    struct loop *loop;
    struct loop_listener *listener;
    struct web_site *site;
    struct gate *gate;              /* NULL: no calls */
    struct mailbox *back;
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
    if (connection->guest.fd >= 0) close(connection->guest.fd);
    free(connection);
}

static bool is_idle(const struct connection *connection)
{
    return connection->phase == PHASE_READING && connection->guest.in_size == 0;
}

static void begin_reading(struct connection *connection)
{
    connection->phase = PHASE_READING;
    loop_fd_want(connection->watch, LOOP_READ);
    if (connection->guest.in_size == 0) connection->idle_since_us = clock_boot_us();
    loop_timer_start(connection->timer, connection->guest.in_size == 0 ? IDLE_MS_MAX : HEAD_MS_MAX);
}

/* The peer may still be sending what we will not read: closing now would send a reset, and that may destroy the answer on its way. */
static void begin_lingering(struct connection *connection)
{
    connection->phase = PHASE_LINGERING;
    shutdown(connection->guest.fd, SHUT_WR);
    loop_fd_want(connection->watch, LOOP_READ);
    loop_timer_start(connection->timer, LINGER_MS_MAX);
}

/* ---- answers ---- */

/* The connection goes to the calls' thread with what it has read; it comes back by on_back. */
static void send_to_gate(struct connection *connection)
{
    connection->phase = PHASE_AWAY;
    loop_fd_free(connection->watch);
    loop_timer_free(connection->timer);
    connection->watch = NULL;
    connection->timer = NULL;
    gate_post(connection->server->gate, &connection->guest);
}

enum next { NEXT_NONE, NEXT_ANSWER, NEXT_AWAY };

/* Reads one request out of `in` and makes its answer. */
static enum next answer_next(struct connection *connection)
{
    struct guest *guest = &connection->guest;
    struct http_request request = {.size = 0};
    struct http_answer answer = {.status = 0};
    int read = http_request_read(guest->in, guest->in_size, &request);
    if (read == HTTP_MORE) return NEXT_NONE;
    connection->keep_alive = read == HTTP_READ && request.keep_alive;
    connection->body_sent_too = true;
    connection->body = NULL;
    if (read == HTTP_READ) {
        if (site_answer(connection->server->site, &request, &answer, &connection->body) == SITE_GATE) {
            send_to_gate(connection);
            return NEXT_AWAY;
        }
        connection->body_sent_too = request.method != HTTP_HEAD;
        if (request.chunked || request.body_size > 0) connection->keep_alive = false; /* nobody reads the body: the next request would be looked for in it */
    } else {
        answer.status = read;
        if (read == 405) answer.allow = "GET, HEAD, OPTIONS";
    }
    connection->sent = 0;
    connection->head_size = http_answer_write(&answer, connection->body ? connection->body->size : 0, connection->keep_alive, clock_real_ms(), connection->head);
    if (!connection->keep_alive) request.size = guest->in_size;
    guest->in_size -= request.size; /* what request and answer point to is no longer needed */
    memmove(guest->in, guest->in + request.size, guest->in_size);
    return NEXT_ANSWER;
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
        ssize_t sent = sendmsg(connection->guest.fd, &message, MSG_NOSIGNAL);
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
        if (answers == ANSWERS_A_TURN && connection->guest.in_size > 0) {
            connection->more = true;
            loop_fd_want(connection->watch, 0);
            loop_timer_start(connection->timer, 0);
            return;
        }
        if (answer_next(connection) != NEXT_ANSWER) return;
        connection->phase = PHASE_SENDING;
    }
}

/* ---- events ---- */

static void on_bytes(struct connection *connection)
{
    bool was_idle = is_idle(connection);
    ASSERT(connection->guest.in_size < sizeof connection->guest.in); /* a full head without an end has been answered with 431 */
    ssize_t got = recv(connection->guest.fd, connection->guest.in + connection->guest.in_size, sizeof connection->guest.in - connection->guest.in_size, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return connection_free(connection);
    connection->guest.in_size += (uint32_t)got;
    if (was_idle) loop_timer_start(connection->timer, HEAD_MS_MAX);
    go_on(connection);
}

static void on_leftovers(struct connection *connection)
{
    char thrown_away[4096];
    ssize_t got = recv(connection->guest.fd, thrown_away, sizeof thrown_away, 0);
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
    case PHASE_AWAY: UNREACHABLE("a connection that is not watched");
    }
}

static void on_timer(void *context)
{
    struct connection *connection = context;
    if (!connection->more) return connection_free(connection);
    begin_reading(connection);
    go_on(connection);
}

static void watch(struct connection *connection)
{
    connection->watch = loop_fd_new(connection->server->loop, connection->guest.fd, on_ready, connection);
    connection->timer = loop_timer_new(connection->server->loop, on_timer, connection);
}

/* Guests that the gate has served, or found gone. */
static void on_back(struct mailbox *mailbox, void *context)
{
    (void)context;
    struct guest *guest;
    while ((guest = mailbox_take(mailbox)) != NULL) {
        struct connection *connection = guest->host;
        if (guest->fd < 0) {
            connection_free(connection);
            continue;
        }
        watch(connection);
        connection->lingered = 0;
        if (!guest->keep_alive) {
            begin_lingering(connection);
            continue;
        }
        begin_reading(connection);
        if (guest->in_size > 0) go_on(connection);
    }
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
    connection->guest.fd = fd;
    connection->after = server->first;
    if (server->first) server->first->before = connection;
    server->first = connection;
    server->count++;
    connection->guest.host = connection;
    text_copy(connection->guest.peer, sizeof connection->guest.peer, peer);
    watch(connection);
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

void server_set_gate(struct server *server, struct gate *gate, struct mailbox *back)
{
    server->gate = gate;
    server->back = back;
    loop_watch_mailbox(server->loop, back, on_back, server);
}

const char *server_address(const struct server *server)
{
    return loop_listener_address(server->listener);
}

void server_free(struct server *server)
{
    if (!server) return;
    if (server->back) on_back(server->back, server); /* those that were on their way when the thread ended */
    loop_listener_free(server->listener);
    while (server->first) connection_free(server->first);
    free(server);
}
