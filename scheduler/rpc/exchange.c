/* One call without HTTP/2: its owner reads the request from wherever it comes and carries the answer away. A session without nghttp2 stands in for the
 * connection, so that the call, its limits and its deadlines are the same code. */
#include "exchange.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD_BYTES_MAX = 512 * 1024 }; /* FINISH_ARENA's worth of a handler's own headers, twice for their names */

struct rpc_exchange {
    struct session session; /* first: exchanges_next casts back */
    struct rpc_call *call;
    struct buffer head;
    struct rpc_exchange *next, *previous;
};

struct rpc_exchange *rpc_exchange_new(struct rpc_server *server, const char *path, const char *peer, void (*on_output)(void *context), void *context)
{
    return exchange_new(rpc_server_table(server), path, peer, on_output, context);
}

struct rpc_exchange *exchange_new(struct call_table *table, const char *path, const char *peer, void (*on_output)(void *context), void *context)
{
    struct rpc_exchange *exchange = mem_zalloc(1, sizeof *exchange);
    buffer_init(&exchange->head, HEAD_BYTES_MAX);
    exchange->session = (struct session){.table = table, .on_output = on_output, .context = context, .head = &exchange->head};
    text_copy(exchange->session.peer, sizeof exchange->session.peer, peer);
    exchange->call = call_new(&exchange->session, 0);
    call_on_header(exchange->call, ":method", 7, (const uint8_t *)"POST", 4);
    call_on_header(exchange->call, ":path", 5, (const uint8_t *)path, strlen(path));
    exchange->next = table->exchanges;
    if (table->exchanges) table->exchanges->previous = exchange;
    table->exchanges = exchange;
    return exchange;
}

void rpc_exchange_header(struct rpc_exchange *exchange, const char *name, size_t name_size, const char *value, size_t size)
{
    struct rpc_call *call = exchange->call;
    ASSERT(call->phase == CALL_HEADERS);
    if (name_size == 0 || name[0] == ':') return;
    call->header_bytes += name_size + size + 32;
    if (call->header_bytes <= call->session->table->limits->header_list_bytes) call_on_header(call, name, name_size, (const uint8_t *)value, size);
}

void rpc_exchange_open(struct rpc_exchange *exchange)
{
    static const char TYPE[] = "application/grpc-web+proto";
    call_on_header(exchange->call, "content-type", 12, (const uint8_t *)TYPE, sizeof TYPE - 1);
    call_recount(exchange->call);
    call_on_headers(exchange->call);
}

bool rpc_exchange_wants(const struct rpc_exchange *exchange)
{
    return !exchange->call->paused && !exchange->call->remote_closed;
}

void rpc_exchange_feed(struct rpc_exchange *exchange, const uint8_t *bytes, size_t count)
{
    call_on_data(exchange->call, bytes, count);
}

void rpc_exchange_half_close(struct rpc_exchange *exchange)
{
    call_on_remote_close(exchange->call);
}

bool rpc_exchange_head(const struct rpc_exchange *exchange, struct buffer *out)
{
    if (!exchange->call->responded) return false;
    buffer_append(out, exchange->head.data, exchange->head.size);
    return true;
}

size_t rpc_exchange_take(struct rpc_exchange *exchange, uint8_t *to, size_t most)
{
    struct rpc_call *call = exchange->call;
    size_t taken = answer_take(call, to, most);
    if (call->out.size == 0) answer_taken(call);
    call_writable(call);
    return taken;
}

bool rpc_exchange_is_over(const struct rpc_exchange *exchange)
{
    return exchange->session.dead || (call_is_over(exchange->call) && exchange->call->out.size == exchange->call->out_at);
}

bool rpc_exchange_is_broken(const struct rpc_exchange *exchange)
{
    return exchange->session.dead;
}

void rpc_exchange_free(struct rpc_exchange *exchange)
{
    if (!exchange) return;
    struct call_table *table = exchange->session.table;
    exchange->session.on_output = NULL;
    call_gone(exchange->call, STATUS_CANCELLED);
    call_free(exchange->call);
    if (exchange->previous) exchange->previous->next = exchange->next;
    else table->exchanges = exchange->next;
    if (exchange->next) exchange->next->previous = exchange->previous;
    buffer_deinit(&exchange->head);
    free(exchange);
}

/* ---- the server's side ---- */

void exchanges_sweep(struct call_table *table, int64_t now_ms, bool expire, bool tick)
{
    for (struct rpc_exchange *exchange = table->exchanges; exchange; exchange = exchange->next) {
        if (expire) session_expire(&exchange->session, now_ms);
        if (tick) session_tick_calls(&exchange->session, now_ms);
    }
}

void exchanges_cut(struct call_table *table)
{
    for (struct rpc_exchange *exchange = table->exchanges; exchange; exchange = exchange->next) session_cut(&exchange->session);
}

struct session *exchanges_next(struct call_table *table, const struct session *before)
{
    const struct rpc_exchange *exchange = (const struct rpc_exchange *)(const void *)before;
    struct rpc_exchange *next = exchange ? exchange->next : table->exchanges;
    return next ? &next->session : NULL;
}
