/* grpc.health.v1.Health by hand: Check and Watch, as grpc/doc/health-checking.md says. Three bytes of protobuf don't need a library. */
#include "session.h"
#include "wire.h"

#include <string.h>

enum { HEALTH_SERVING = 1, HEALTH_NOT_SERVING = 2, HEALTH_SERVICE_UNKNOWN = 3, HEALTH_REQUEST_MAX = 1024 };

/* HealthCheckRequest{string service = 1}: the last one counts, unknown fields are none of our business. False: malformed, or no name of ours. */
static bool read_service(const uint8_t *message, size_t size, char *out, size_t capacity)
{
    struct wire_reader reader = wire_message(message, size);
    struct wire_field field;
    out[0] = 0;
    while (wire_next(&reader, &field)) {
        if (field.number != 1) continue;
        if (!field.is_bytes || field.size >= capacity || memchr(field.bytes, 0, field.size)) return false;
        memcpy(out, field.bytes, field.size);
        out[field.size] = 0;
    }
    return !reader.bad;
}

/* A service is known if one of its methods is here: "/name/…". */
static bool is_known(const struct call_table *table, const char *service)
{
    size_t size = strlen(service);
    if (size == 0) return true;
    for (size_t i = 0; i < table->method_count; i++) {
        const char *path = table->methods[i]->path;
        if (path[0] == '/' && strncmp(path + 1, service, size) == 0 && path[1 + size] == '/') return true;
    }
    return false;
}

static void send_state(struct rpc_call *call, bool known)
{
    uint8_t message[2] = {0x08, !known ? HEALTH_SERVICE_UNKNOWN : call->session->table->serving ? HEALTH_SERVING : HEALTH_NOT_SERVING};
    enum status rc = rpc_send(call, message, sizeof message);
    (void)rc; /* a watcher that does not read will see the next state, or its connection's end */
}

static void on_check(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    struct call_table *table = call->session->table;
    char service[128];
    struct error err;
    if (!read_service(message, size, service, sizeof service)) {
        error_set(&err, STATUS_INVALID_ARGUMENT, "not a HealthCheckRequest");
        rpc_finish(call, &err);
        return;
    }
    if (!is_known(table, service)) {
        error_set(&err, STATUS_NOT_FOUND, "unknown service");
        rpc_finish(call, &err);
        return;
    }
    if (table->on_health) table->on_health(call, table->health_context);
    send_state(call, true);
    rpc_finish(call, NULL);
}

static void on_watch(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    struct call_table *table = call->session->table;
    char service[128];
    bool known = read_service(message, size, service, sizeof service) && is_known(table, service);
    send_state(call, known);
    if (!known) return; /* the stream stays open, as the protocol asks: the service may appear */
    call->watching = true;
    call->watch_next = table->health_watchers;
    if (call->watch_next) call->watch_next->watch_previous = call;
    table->health_watchers = call;
}

void health_forget(struct rpc_call *call)
{
    if (!call->watching) return;
    call->watching = false;
    if (call->watch_previous) call->watch_previous->watch_next = call->watch_next;
    else call->session->table->health_watchers = call->watch_next;
    if (call->watch_next) call->watch_next->watch_previous = call->watch_previous;
    call->watch_next = call->watch_previous = NULL;
}

void health_tell(struct call_table *table)
{
    for (struct rpc_call *call = table->health_watchers; call; call = call->watch_next) send_state(call, true);
}

static const struct rpc_handler CHECK_HANDLER = {.on_message = on_check}, WATCH_HANDLER = {.on_message = on_watch};
const struct rpc_method HEALTH_CHECK = {"/grpc.health.v1.Health/Check", RPC_UNARY, &CHECK_HANDLER, NULL, HEALTH_REQUEST_MAX};
const struct rpc_method HEALTH_WATCH = {"/grpc.health.v1.Health/Watch", RPC_SERVER_STREAM, &WATCH_HANDLER, NULL, HEALTH_REQUEST_MAX};
