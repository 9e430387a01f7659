/** api, inside: what the service files share. */
#ifndef API_INTERNAL_H
#define API_INTERNAL_H

#include "access.h"
#include "api.h"
#include "proto/proto.h"
#include "model/model.h"

#include <protobuf-c/protobuf-c.h>

enum {
    API_UNPACK_FACTOR = 40,       /* an unpacked message may take this many times its bytes: 2 MB of unknown fields took 86 MB unbounded */
    API_UNPACK_BASE = 64 * 1024,
    WATCH_QUEUE_BYTES = 512 * 1024, /* a watcher with more than this unread is resynchronized instead of fed */
    WATCHERS_MAX = 4096,
    BOARD_BEAT_MS = 2000,         /* a board that hears nothing for two beats says that it is out of date */
    CONTACTS_MAX = 20000,
};

/* ---- calls that wait for an answer ---- */

enum wait_kind {
    WAIT_NONE,
    WAIT_SUBMIT_PRESCRIPTION,
    WAIT_SUBMIT_TEST,
    WAIT_QUOTE,
    WAIT_APPROVE,
    WAIT_READY,
    WAIT_CANCEL,
    WAIT_GET_ORDER,
    WAIT_LIST_ORDERS,
    WAIT_SHIFT_START,
    WAIT_SHIFT_END,
    WAIT_ANSWER,
    WAIT_STOP_EVENT,
    WAIT_REASSIGN,
    WAIT_PIN,
    WAIT_HOLD,
    WAIT_PRIORITIZE,
    WAIT_ACKNOWLEDGE,
    WAIT_EXPLAIN,
    WAIT_PLACES,       /* answered at once */
    WAIT_PREVIEW,
    WAIT_REVEAL,
    WAIT_KPIS,
    WAIT_REPLAY,       /* reading up to source_ms */
    WAIT_GET_CLAIM,
    WAIT_LIST_CLAIMS,
    WAIT_BENEFITS,
    WAIT_REVERSE,
    WAIT_CLOSE_DAY,
    WAIT_PREPARE,
    WAIT_APPROVE_BATCH,
    WAIT_BATCH,
    WAIT_BATCHES,
    WAIT_DOWNLOAD,     /* waits for the file, then sends it chunk by chunk */
    WAIT_IMPORT,       /* a client stream: gathers the file, then asks */
    WAIT_RECONCILE,
    WAIT_PROGRESS,     /* answered at once */
    WAIT_UPSERT,
    WAIT_ROAD_REPORT,
    WAIT_ROAD_WITHDRAW,
    WAIT_ROADS,
    WAIT_SIGN_IN,
    WAIT_WHO,
    WAIT_ROUTE,
    WAIT_MATRIX,
    WAIT_NEAREST,
    WAIT_ISOCHRONE,
    WAIT_POSITIONS,    /* a client stream of positions */
    WAIT_ORDERS,       /* WatchOrders: reading up, then fed */
    WAIT_COURIER,      /* WatchRoute */
    WAIT_BOARD,        /* WatchBoard */
};

/** What a call is doing: made when the call opens, freed when it ends. A watcher is also a member of its list. */
struct wait {
    enum wait_kind kind;
    struct api *api;
    const struct method *method;
    struct rpc_call_ref ref;
    int64_t give_up_us;                /* clock_boot_us() at the call's deadline; 0: it has none */
    struct caller caller;              /* role NONE: the daemon checks nobody */
    char *token;                       /* SIGN_IN: the new token, told when it is stored */
    struct wait *next, *previous;      /* among the watchers of one kind */
    bool listed;
    bool synced;                       /* watcher: has had its snapshot, so deltas follow */
    bool asked;                        /* a question is under way for this call */
    bool half_closed;
    bool with_history;
    struct city_id city;
    struct courier_id courier;
    struct order_id order;
    struct facility_id pharmacy;
    uint64_t seq;                      /* watcher: last fact told */
    uint64_t taken, refused;           /* client streams */
    uint64_t index;                    /* client streams: messages' items so far */
    struct problem { uint64_t index; char field[ERROR_FIELD_MAX]; char text[ERROR_TEXT_MAX]; } *problems;
    uint32_t problem_count;
    struct board_courier *route;        /* WatchRoute: the last route, with its own stops */
    struct view *route_view;           /* holds `route` */
    int64_t source_ms;
    struct transfer *transfer;         /* DOWNLOAD, IMPORT: the file; settlement_service.c */
    char after[BOOKS_BATCH_ID_MAX];    /* ListBatches: the page before ended here */
    bool more;                         /* REPLAY: there are pages left, to be asked for when the reader has room */
};

/* ---- methods ---- */

struct method {
    const char *path;
    enum rpc_kind kind;
    enum wait_kind wait;
    const ProtobufCMessageDescriptor *request;
    /** Act on one request: ask the engine (the answer comes back to `wait`), or refuse. */
    enum status (*on_request)(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *request, struct error *err);
    uint32_t request_bytes_max;        /* 0: the server's */
};

extern const struct method ACCESS_METHODS[], ORDER_METHODS[], COURIER_METHODS[], BOARD_METHODS[], DESK_METHODS[], ROAD_METHODS[], CLAIM_METHODS[], SETTLEMENT_METHODS[], CATALOG_METHODS[], ROUTING_METHODS[];
extern const uint32_t ACCESS_METHOD_COUNT, ORDER_METHOD_COUNT, COURIER_METHOD_COUNT, BOARD_METHOD_COUNT, DESK_METHOD_COUNT, ROAD_METHOD_COUNT, CLAIM_METHOD_COUNT, SETTLEMENT_METHOD_COUNT, CATALOG_METHOD_COUNT, ROUTING_METHOD_COUNT;

struct contact {
    struct order_id order;             /* 0: empty */
    struct courier_id reader;          /* for whom it was read, and the reading recorded */
    bool known;
    struct recipient recipient;
};

struct api {
    struct engine *engine;
    struct loop *loop;
    struct rpc_server *server;
    uint32_t request_bytes_max;
    char address[CONFIG_TEXT_MAX];
    struct access *access;
    struct bound_method { struct api *api; const struct method *method; const struct access_rule *rule; } *bound;
    struct loop_timer *holds;          /* now and then: do the watchers' credentials still hold? */
    struct rpc_method *methods;
    uint32_t method_count;
    struct wait *order_watchers, *route_watchers, *board_watchers;
    uint32_t watcher_count;
    struct contact *contacts;          /* of orders that couriers carry: open addressing by order id */
    uint32_t contact_count;
    uint32_t transfer_count;           /* files that lie in memory for calls */
    struct loop_timer *beat;           /* boards hear something every BOARD_BEAT_MS */
};

/* api.c */
void wait_end(struct wait *wait);
/** Finish the call, with an error or without, and forget what we kept of it. */
void call_end(struct rpc_call *call, const struct error *err);
void watch_add(struct api *api, struct wait **list, struct wait *wait);
engine_ticket ticket_of(const struct wait *wait);

/* method.c */
must_use enum status method_unpack(const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes, size_t size, struct arena **arena,
                                   ProtobufCMessage **out, struct error *err);
/** Pack and send; for streams RESOURCE_EXHAUSTED says that the reader is slow. */
enum status method_send(struct rpc_call *call, const ProtobufCMessage *message);
/** Pack, send and finish OK. */
void method_reply(struct rpc_call *call, const ProtobufCMessage *message);

/* check.c: each says in `err` which field is wrong and what to mend */
must_use enum status check_text(const char *value, const char *field, size_t least, size_t most, struct error *err);
must_use enum status check_code(const char *value, const char *field, bool required, struct error *err);   /* printable ASCII, no space, < CODE_TEXT_MAX */
must_use enum status check_range(int64_t value, const char *field, int64_t min, int64_t max, struct error *err);
must_use enum status check_id(uint64_t value, const char *field, struct error *err);
must_use enum status check_city(const struct api *api, uint32_t city, struct error *err);
must_use enum status check_point(const Meddispatch__V1__Point *point, const char *field, struct point *out, struct error *err);
must_use enum status check_place(const struct api *api, const Meddispatch__V1__Point *point, const char *field, struct point *out, struct error *err);
must_use enum status check_recipient(const struct api *api, const Meddispatch__V1__Recipient *recipient, struct recipient *out, struct error *err);
/** The cause of a command: source and key checked, request hashed by its canonical bytes. */
must_use enum status check_cause(const char *source, const char *key, const ProtobufCMessage *request, const char *role, const char *who, struct cause *out,
                                 struct error *err);
must_use enum status check_date(const char *value, const char *field, bool required, struct error *err);

/* view.c: model -> messages, in the caller's arena */
Meddispatch__V1__Point *view_point(struct arena *arena, struct point at);
Meddispatch__V1__OrderState *view_state(struct arena *arena, const struct board_order *order, bool repeated);
Meddispatch__V1__OrderPhase view_phase(enum order_phase phase);
Meddispatch__V1__ClaimSummary *view_claim(struct arena *arena, const struct claim *claim);
Meddispatch__V1__OrderFact *view_fact(struct arena *arena, const struct fact *fact);
Meddispatch__V1__PlannedStop *view_stop(struct arena *arena, const struct board_stop *stop);
/** View memory must be had: the arena of a response is capped far above any bounded response. */
void *view_alloc(struct arena *arena, size_t count, size_t size);
char *view_text(struct arena *arena, const char *text);

enum status order_stream_on_request(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err);

/* commands: order_service.c, courier_service.c, board_service.c answer DECIDED alike */
must_use enum status api_submit(struct api *api, struct wait *wait, struct submission *submission, struct error *err);
must_use enum status api_command(struct api *api, struct wait *wait, struct command *command, struct error *err);
must_use enum status api_ask(struct api *api, struct wait *wait, struct question *question, struct error *err);

/* what came back, by service */
void access_on_answer(struct wait *wait, struct rpc_call *call, const struct message *message);
void order_on_submitted(struct wait *wait, struct rpc_call *call, const struct message *message);
void order_on_decided(struct wait *wait, struct rpc_call *call, const struct message *message);
void order_on_answer(struct wait *wait, struct rpc_call *call, const struct message *message);
void order_stream_on_answer(struct wait *wait, struct rpc_call *call, const struct message *message);
void order_stream_on_published(struct api *api, const struct view *view);
void courier_on_decided(struct wait *wait, struct rpc_call *call, const struct message *message);
void courier_on_answer(struct wait *wait, struct rpc_call *call, const struct message *message);
void courier_on_published(struct api *api, struct view *view);
void courier_on_contact(struct api *api, const struct message *message);
void courier_on_half_close(struct wait *wait, struct rpc_call *call);
void board_on_decided(struct wait *wait, struct rpc_call *call, const struct message *message);
void board_on_answer(struct wait *wait, struct rpc_call *call, const struct message *message);
void board_on_silence(struct api *api);
void desk_on_answer(struct wait *wait, struct rpc_call *call, const struct message *message);
void board_on_published(struct api *api, const struct view *view);
void road_on_answer(struct wait *wait, struct rpc_call *call, const struct message *message);
void desk_on_writable(struct wait *wait, struct rpc_call *call);
void settlement_on_answer(struct wait *wait, struct rpc_call *call, const struct message *message);
void settlement_on_half_close(struct wait *wait, struct rpc_call *call);
void settlement_on_writable(struct wait *wait, struct rpc_call *call);
/** NULL is fine. */
void transfer_free(struct api *api, struct transfer *transfer);
void claim_on_answer(struct wait *wait, struct rpc_call *call, const struct message *message);
void catalog_on_answer(struct wait *wait, struct rpc_call *call, const struct message *message);
void catalog_on_half_close(struct wait *wait, struct rpc_call *call);
void routing_on_answer(struct wait *wait, struct rpc_call *call, const struct message *message);

#endif
