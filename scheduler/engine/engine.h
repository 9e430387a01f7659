/** engine: the threads of the daemon and the messages between them. It decides nothing: dispatch, claims and plan do.
 *
 *      io (the caller's loop) --submission--> intake --ORDER_ACCEPTED--> core --facts--> writer --published--> io
 *                             --command---------------------------------> core --plan request--> planner --PLAN_READY--> core
 *                             --read / upsert---> reader      --route / matrix--> router        keeper: lease, outbox
 *
 *  Every arrow is a bounded mailbox; a full one answers RESOURCE_EXHAUSTED with a retry hint (a position is dropped: the next one wins).
 *  Messages own their memory and name others by id. Map, metric and catalogue are immutable, shared by reference count and swapped whole.
 *  Nothing is answered or published before its commit. If commits stay impossible, or the lease is lost, `on_fatal` is told and the
 *  process must end; a restart rebuilds the world from PostgreSQL.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "model/model.h"
#include "store/store.h"
#include "dispatch/dispatch.h"

struct engine;

/* ---- the books: settlement's work on a day. Its rules lie beside the engine, not below it, so who starts the engine hands the doing in ---- */

enum books_verb {
    BOOKS_CLOSE = 1,     /* day, actor -> closed, block */
    BOOKS_PREPARE,       /* day, payee, actor -> batches, made */
    BOOKS_APPROVE,       /* batch_id, actor -> batches (one) */
    BOOKS_BATCH,         /* batch_id -> batches (one) */
    BOOKS_FILE,          /* batch_id -> batches (one), file */
    BOOKS_IMPORT,        /* file, actor -> import */
    BOOKS_RECONCILE,     /* day, actor -> recon */
    BOOKS_VERB_COUNT
};
const char *books_verb_name(enum books_verb verb);

enum { BOOKS_FILE_MAX = 128 << 20 /* of a batch, to be downloaded: it lies in memory until the reader has taken it */, BOOKS_IMPORT_MAX = 64 << 20, BOOKS_BATCH_ID_MAX = 64,
       BOOKS_RECON_ROWS_MAX = 20000, BOOKS_RECON_EXCEPTIONS_MAX = 1000 };

struct books_ask {
    enum books_verb verb;
    struct city_id city;
    int32_t day;                        /* days since 1970-01-01; 0: the verb needs none */
    char payee[CODE_TEXT_MAX];          /* "": all */
    char batch_id[BOOKS_BATCH_ID_MAX];
    char actor[HOLDER_TEXT_MAX];
    int64_t now_ms;
    struct buffer file;                 /* IMPORT */
    void (*on_progress)(void *progress, const char *step, size_t done, size_t of); /* set by the engine */
    void *progress;
};
struct books_answer {
    struct payout *batches;             /* heap */
    size_t batch_count;
    uint32_t made, closed;
    struct ledger_block block;
    struct buffer file;
    struct { bool repeated; char message_id[BANK_MESSAGE_ID_MAX]; uint64_t by_outcome[BANK_OUTCOME_COUNT]; } import;
    struct recon_result recon;          /* rows and exceptions: heap */
};
/** Do it, on a thread that may block, with a connection of its own: of role settlement, or of role reader for BATCH and FILE. What is left in `out` is freed by the engine, also
 *  after an error. */
typedef enum status (*engine_books)(void *context, struct store *store, const struct books_ask *ask, struct books_answer *out, struct error *err);

/** The job that runs now, and how far it is. */
struct books_progress {
    enum books_verb verb;               /* 0: none runs */
    int32_t day;
    char actor[HOLDER_TEXT_MAX], step[24];
    uint64_t done, of;
    int64_t began_ms;
    uint32_t waiting;
};

struct engine_options {
    const char *db;                   /* libpq conninfo; borrowed for engine_start */
    const char *map_path;
    const char *traffic_path;         /* speeds by class and hour (geo_traffic.h); "" or NULL: free flow */
    const char *holder;               /* this node's name for the lease; the same after a restart */
    struct city_id city;
    uint32_t snap_max_m;              /* an address farther than this from any road is refused */
    uint32_t intake_batch, writer_batch;
    uint32_t queue_capacity;          /* of each mailbox */
    uint32_t plan_iterations;         /* improvement budget of one planning run */
    uint32_t commit_patience_s;       /* how long commits may fail before on_fatal */
    struct world_options world;
    engine_books books;               /* NULL: there are no books here, such questions are UNIMPLEMENTED */
    void *books_context;
    const char *books_db;             /* libpq conninfo of who may take the settlement role; "" or NULL: as `db` */
    void (*on_fatal)(void *context, const char *why); /* called once, from any engine thread: only set a flag or post */
    void *fatal_context;
};

/** Start the threads: check the schema, take the city's lease, rebuild the world (snapshot + facts + outbox), open the map.
 *  UNAVAILABLE: database away or another leader is alive (the text names it); INVALID_ARGUMENT: map refused. */
must_use enum status engine_start(const struct engine_options *options, struct engine **out, struct error *err);
/** Stop in order: intake and core take no more, the writer commits what was decided, a world snapshot is saved, the lease is released. */
void engine_stop(struct engine *engine);

/* ---- what the door may ask at once, on its own thread ---- */

/** The catalogue as it stands: immutable, replaced whole after a load. The pointer stays valid until engine_catalog_unref. */
const struct catalog *engine_catalog_ref(struct engine *engine);
void engine_catalog_unref(struct engine *engine, const struct catalog *catalog);
struct city_id engine_city(const struct engine *engine);
/** The last fact that is committed. */
uint64_t engine_committed_seq(const struct engine *engine);
/** INVALID_ARGUMENT (reason OFF_MAP, the distance in the text) unless a road of the map lies within snap_max_m of the point. Any thread. */
must_use enum status engine_place_check(const struct engine *engine, struct point at, const char *field, struct error *err);
/** GCJ-02 (Chinese map services) to WGS-84; geo's formula, offered here because the door needs no other geometry. */
struct point engine_wgs84_from_gcj02(struct point gcj02);

/* ---- callers ---- */

/** Who holds this credential (the SHA-256 of a token, or of a certificate's identity) just now: false for nobody, and for one whose time is over. A change
 *  in the database is seen within two seconds. Any thread. */
bool engine_caller_find(struct engine *engine, const uint8_t digest[32], struct caller *out);
/** Any thread. */
void engine_books_progress(struct engine *engine, struct books_progress *out);

/* ---- questions: each is answered once through the io mailbox, under the asker's ticket ---- */

/** Ticket: opaque to the engine (the door packs an rpc_call_ref into it). 0: nobody waits. */
typedef uint64_t engine_ticket;

/** Copies the submission; false = queue full. */
must_use bool engine_submit(struct engine *engine, const struct submission *submission, engine_ticket ticket);
/** Copy the command; false = queue full. command.reply is set to the ticket. From give_up_us (clock_boot_us(); 0: never) on nobody waits for it: if it has
 *  not been taken up by then, it is dropped without an answer. */
must_use bool engine_command(struct engine *engine, const struct command *command, engine_ticket ticket, int64_t give_up_us);
/** The city decides by other spans from the next tick on; false = queue full. Any thread. */
must_use bool engine_set_world(struct engine *engine, const struct world_options *options);
/** Positions: copied; returns how many were taken (last value wins; a full queue drops the rest). */
uint32_t engine_positions(struct engine *engine, const struct command *positions, uint32_t count);

enum question_kind {
    QUESTION_ORDER,      /* id, with_history */
    QUESTION_ORDERS,     /* list */
    QUESTION_CLAIM,
    QUESTION_CLAIMS,
    QUESTION_BENEFITS,
    QUESTION_REVERSE,    /* reversal */
    QUESTION_BATCHES,    /* books->day and payee: as they stand */
    QUESTION_BOOKS,      /* books; on the books' threads, one job at a time */
    QUESTION_CONTACT,    /* an order's recipient */
    QUESTION_REVEAL,     /* the same for a dispatcher: cause.actor and reason go into the access log */
    QUESTION_KPIS,       /* orders accepted in [at_ms, until_ms) */
    QUESTION_FACTS,      /* facts after a sequence number, up to a limit; at_ms: from the first at or after it */
    QUESTION_UPSERT,     /* a bulk catalogue load */
    QUESTION_ROAD_REPORT, /* road, cause; answered when it is kept, in force within a moment */
    QUESTION_ROAD_WITHDRAW, /* road_id, at_ms, cause.actor, reason */
    QUESTION_ROADS,      /* with_history: those that are over too */
    QUESTION_ROUTE,      /* on the router thread */
    QUESTION_MATRIX,
    QUESTION_NEAREST,    /* the writer says who is on shift, the router who is soonest */
    QUESTION_ISOCHRONE,  /* on the router thread */
    QUESTION_SIGN_IN,    /* a code for a token */
    QUESTION_SNAPSHOT,   /* on the writer thread: the committed world, consistent with the published stream */
    QUESTION_EXPLAIN,
    QUESTION_PREVIEW,    /* of giving the order to `courier` (0: the pool) */
};

enum { ROUTE_POINTS_MAX = 25, MATRIX_CELLS_MAX = 1000000, MATRIX_POINTS_MAX = 10000, NEAREST_MAX = 1000, CONTOURS_MAX = 10 };

enum catalog_table { CATALOG_MEMBERS = 1, CATALOG_PRODUCTS, CATALOG_TESTS, CATALOG_FACILITIES, CATALOG_COURIERS };

/** Rows of one table on their way into the catalogue; they live in the batch's arena. */
struct catalog_batch {
    enum catalog_table table;
    struct arena *arena;
    uint32_t count;
    uint64_t first_index;                /* of row 0 in the caller's stream */
    union {
        struct member_row *members;
        struct product *products;
        struct test *tests;
        struct facility_row *facilities;
        struct courier *couriers;
    };
};

/** How a batch went: rows that were refused, by their place in the stream. */
struct catalog_result {
    uint32_t stored, refused, problem_count;
    struct catalog_problem { uint64_t index; struct error error; } problems[16];
};

struct question {
    enum question_kind kind;
    engine_ticket ticket;
    int64_t give_up_us;                 /* clock_boot_us() from which on nobody waits: not begun any more, DEADLINE_EXCEEDED; 0: never */
    struct city_id city;
    struct order_id order;
    struct claim_id claim;
    struct courier_id courier;          /* SNAPSHOT: 0 = the whole city; PREVIEW: to whom */
    bool with_history;
    struct order_filter filter;         /* ORDERS; FACTS with a pharmacy: message.fact_pharmacies is filled */
    char member_code[CODE_TEXT_MAX];    /* CLAIMS, BENEFITS */
    uint64_t after;                     /* CLAIMS, FACTS */
    uint32_t limit;
    int64_t at_ms;                      /* BENEFITS, ROAD_WITHDRAW, ROADS, KPIS, FACTS */
    int64_t until_ms;                   /* KPIS */
    struct catalog_batch *upsert;       /* UPSERT: owned by the question */
    struct road_override *road;         /* ROAD_REPORT: owned by the question with its points */
    uint64_t road_id;
    struct reversal_request *reversal;  /* REVERSE: owned by the question */
    struct books_ask *books;            /* BATCHES, BOOKS: owned by the question with its file */
    struct cause cause;                 /* ROAD_REPORT, ROAD_WITHDRAW */
    char reason[REASON_TEXT_MAX];       /* ROAD_WITHDRAW, REVEAL */
    int64_t depart_ms;                  /* ROUTE, MATRIX, NEAREST, ISOCHRONE: by the traffic of that hour; 0: of now */
    struct point *points;               /* ROUTE, MATRIX: owned by the question; sources then targets; NEAREST, ISOCHRONE: one */
    bool chinese;                       /* ROUTE: steps in Chinese, else in English */
    uint32_t travel_ms_max;             /* NEAREST: 0 however long; `limit` many */
    uint32_t contours_ms[CONTOURS_MAX], contour_count, reach_m; /* ISOCHRONE; reach_m 0: geo's own */
    bool towards, gcj02;                /* ISOCHRONE */
    uint32_t point_count, source_count;
    bool without_geometry;
    const char *audit;                  /* what is read, for the access log; a constant, NULL: no health data */
    char actor[ACTOR_TEXT_MAX];         /* who reads it */
    bool scoped;                        /* ORDER, ORDERS, CLAIM, CLAIMS, BENEFITS, CONTACT, REVEAL: read with the caller's eyes, */
    uint8_t credential[32];             /* whose credential's digest this is */
    uint8_t code[32], token[32];        /* SIGN_IN: digests */
};

/** Takes ownership of everything in the question (heap-allocated by question_new) if true. */
struct question *question_new(enum question_kind kind, engine_ticket ticket);
void question_free(struct question *question);
must_use bool engine_ask(struct engine *engine, struct question *question);

/* ---- what comes back, in the io mailbox ---- */

/** A picture of an order in the committed world: for answers, board and streams. (store's order_view is the picture in the database.) */
struct board_order {
    struct order_id id;
    enum order_kind kind;
    enum priority priority;
    enum order_phase phase;
    uint32_t version;
    struct courier_id courier;
    struct facility_id pharmacy, lab;
    struct point pickup, home;
    int64_t accepted_ms, ready_ms, promise_ms, eta_ms;
    bool pinned, held, cold;
    bool code_required;
    uint32_t alerts;                   /* BIT(enum alert_kind) */
    enum unplanned_reason unplanned;
    int64_t offer_answer_by_ms;        /* 0: no open offer */
};

struct board_stop {
    struct plan_stop plan;
    struct point at;
    struct facility_id facility;
    enum order_phase phase;            /* of the stop's order */
    bool told, arrived;
};

struct board_courier {
    struct courier_id id;
    bool on_shift;
    int64_t shift_ends_ms;
    struct point at;
    int64_t position_ms;               /* 0: never seen */
    uint16_t heading_deg;
    uint32_t route_version;
    uint32_t stop_count;
    struct board_stop *stops;           /* in the view's arena */
};

/** An immutable set of views, shared by reference count between io threads. */
struct view {
    int references;                    /* atomic; view_ref/view_unref only */
    struct arena *arena;
    int64_t now_ms;
    uint64_t seq_first, seq_last;      /* facts of a delta, dense; snapshot: seq_last only */
    uint32_t order_count, courier_count, fact_count;
    struct board_order *orders;
    struct board_courier *couriers;
    const struct fact *facts;
};
struct view *view_ref(struct view *view);
void view_unref(struct view *view);

struct leg {
    uint32_t travel_ms, distance_m;
    uint32_t point_count, step_count;
    struct point *points;              /* geometry */
    uint32_t *at_ms;                   /* per geometry point, from the leg's start */
    struct leg_step {
        char name[NAME_TEXT_MAX];
        const char *instruction;
        uint32_t travel_ms, distance_m, point_first, point_last;
        enum leg_manoeuvre {           /* in geo's order */
            LEG_DEPART = 1, LEG_CONTINUE, LEG_SLIGHT_RIGHT, LEG_RIGHT, LEG_SHARP_RIGHT, LEG_UTURN, LEG_SHARP_LEFT, LEG_LEFT, LEG_SLIGHT_LEFT,
            LEG_ROUNDABOUT, LEG_ROUNDABOUT_LEAVE, LEG_ARRIVE
        } manoeuvre;
        uint8_t exit, side;            /* side: 1 left, 2 right */
        uint16_t heading_deg;
        int16_t turn_deg;
    } *steps;
};

/** A courier on shift and where he was last seen; how soon he can be there. */
struct near_courier {
    struct courier_id id;
    struct point at;
    int64_t position_ms;
    uint32_t travel_ms, distance_m;
};

enum message_kind {
    MESSAGE_SUBMITTED,   /* intake's answer: result */
    MESSAGE_DECIDED,     /* core's answer after commit: error, order view */
    MESSAGE_ANSWER,      /* a question's answer: error, one of the results */
    MESSAGE_PUBLISHED,   /* no ticket: facts committed, or positions moved; `view` */
};

struct message {
    enum message_kind kind;
    engine_ticket ticket;
    struct error error;                /* status OK: no error */
    enum question_kind question;       /* ANSWER */
    bool repeated;                     /* DECIDED, ROAD_*: this was done before */
    int64_t at_ms;                     /* DECIDED: when */
    struct board_order order;           /* DECIDED (id 0 if the command was about no order) */
    struct intake_result result;       /* SUBMITTED */
    struct view *view;                 /* PUBLISHED, SNAPSHOT */
    struct arena *arena;               /* owns what follows; freed with the message */
    struct order_view *orders;         /* ORDER (one), ORDERS */
    uint32_t order_count;
    struct order_event_view *history;  /* ORDER with history */
    uint32_t history_count;
    struct fact *facts;                /* FACTS */
    struct facility_id *fact_pharmacies; /* one for each fact, if a pharmacy was asked for */
    uint32_t fact_count;
    struct claim *claims;              /* CLAIM, CLAIMS; ORDER, ORDERS: one for each order (id 0: none) */
    char (*claim_members)[CODE_TEXT_MAX]; /* CLAIM, CLAIMS */
    uint32_t claim_count;
    uint64_t next;                     /* ORDERS, CLAIMS: page token; 0 no more */
    struct benefits_view *benefits;
    struct recipient *recipient;
    struct caller caller;              /* SIGN_IN */
    struct catalog_result *upsert;
    uint64_t road_id;                  /* ROAD_REPORT */
    uint32_t road_arcs;                /* ROAD_REPORT: directed roads that it speaks of */
    struct road_override *roads;       /* ROADS */
    uint32_t road_count;
    struct leg *legs;                  /* ROUTE */
    uint32_t leg_count;
    uint32_t *matrix_ms, *matrix_m;    /* MATRIX */
    uint32_t matrix_cells;
    struct near_courier *near;         /* NEAREST, soonest first */
    uint32_t near_count;
    char *geojson;                     /* ISOCHRONE: malloc'd, owned */
    uint32_t tolerance_m;
    struct explanation *explanation;   /* EXPLAIN */
    struct preview *preview;           /* PREVIEW */
    struct kpis_view *kpis;            /* KPIS */
    struct reversal_answer reversal;   /* REVERSE; the claim as it is after in `claims` */
    struct books_answer *books;        /* BATCHES, BOOKS; owned */
};
void message_free(struct message *message);

/** The io thread's mailbox: watch it with loop_watch_mailbox and take every message out; each is freed by message_free. */
struct mailbox;
struct mailbox *engine_io_mailbox(struct engine *engine);

/* ---- numbers for health and metrics ---- */

struct engine_stats {
    uint64_t submitted, refused, commands, facts, commits, plans, published, metrics;
    uint32_t intake_depth, core_depth, writer_depth, reader_depth;
    uint64_t world_seq;
    uint32_t plan_last_us, commit_last_us;
};
void engine_stats(struct engine *engine, struct engine_stats *out);

/** The first bucket whose bound a value does not pass; the last has none. */
enum { ENGINE_BUCKETS = 12 };
extern const uint32_t ENGINE_SPAN_BOUNDS_US[ENGINE_BUCKETS], ENGINE_BATCH_BOUNDS[ENGINE_BUCKETS];
struct engine_histogram {
    uint64_t bucket[ENGINE_BUCKETS + 1], sum;
};
/** How the city stands, as of the last second. Orders that ended are counted as long as the world keeps them. */
struct engine_gauges {
    uint32_t orders[ORDER_PHASE_COUNT];
    uint32_t open, late, at_risk, unplanned, couriers_on_shift, ended_in_time, ended_late; /* late: past its promise; at risk: planned past it */
    int64_t oldest_open_ms;
};
struct engine_figures {
    struct engine_histogram commit_us, commit_facts, intake_us, intake_orders, plan_us;
    struct engine_gauges gauges;
};
/** Any thread. */
void engine_figures(struct engine *engine, struct engine_figures *out);

#endif
