/** One socket under a session, and the server that it belongs to. */
#ifndef RPC_CONNECTION_H
#define RPC_CONNECTION_H

#include "session.h"

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
    bool dirty, closing, reading, lingering, identified, in_line;
    int64_t linger_ms;                /* lingering: when it began */
    size_t lingered;
    struct connection *next_dirty;
    struct connection *line_next, *line_previous;
    int64_t credit_us, credit_at_us;  /* work it may still cause before it has to stand in line; when that was last reckoned */
};

struct rpc_server {
    struct loop *loop;
    struct loop_listener *listener;
    struct rpc_limits limits;
    struct call_table table;
    struct tls_context *tls;          /* NULL: plaintext */
    struct buffer plain;              /* what a session drains before it is encrypted; empty between turns */
    struct connection *connections, *dirty;
    struct connection *line_first, *line_last; /* ready to be read, but greedy: served in turn, a little each time */
    int64_t credit_us, credit_at_us;  /* below it nobody need stand in line */
    struct loop_timer *flush, *sweep, *drain, *line;
    bool flush_set, line_set, cutting;
    int64_t tick_ms;
    void (*on_done)(void *context);
    void *done_context;
};

/** The time of this turn, which all of the server's code sees. */
int64_t server_now(struct rpc_server *server);
void server_stop_if_drained(struct rpc_server *server);

/** loop_listen's and the timers' callbacks; the context is the server. */
void connection_on_accept(void *context, int fd, const char *peer);
void connection_on_flush(void *context);
void connection_on_line(void *context);
/** on_gone for its open calls; the connection is freed. */
void connection_close(struct connection *connection);
/** Something can be drained: it is written at the end of the turn. The context is the connection. */
void connection_on_output(void *context);
/** Whether its peer has taken nothing of what is written for so long. */
bool connection_is_stalled(const struct connection *connection, int64_t now_ms);

#endif
