/** engine, inside: the shared state of the threads. What is not marked shared belongs to one thread. */
#ifndef ENGINE_INTERNAL_H
#define ENGINE_INTERNAL_H

#include "engine.h"
#include "geo/geo.h"
#include "loop/loop.h"
#include "plan/plan.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    TICK_COMMANDS_MAX = 512,      /* commands a tick: bounds the latency that one tick adds */
    TICK_MS = 200,                /* the core wakes at least so often (real time), for timers */
    POSITION_PUBLISH_MS = 1000,   /* positions reach boards at most so often */
    SNAPSHOT_FACTS = 20000,       /* facts between world snapshots */
    POSITION_SLOTS = 65536,       /* last positions, by courier: three times WORLD_COURIERS_MAX */
    LEASE_MS = 3000, BEAT_MS = 600,
    OUTBOX_POLL_MS = 2000,
    COMMIT_RETRY_MS = 200,
};

/** A decided batch on its way from core to writer: facts, answers, and nothing that points into the world. */
struct batch {
    struct fact_list facts;
    struct answer {
        engine_ticket ticket;
        struct error error;
        bool repeated;
        struct order_id order;
        struct courier_id courier;
    } *answers;
    uint32_t answer_count;
    int64_t now_ms;
};

/** What the writer's mailbox carries: batches, questions about the committed world, positions. */
enum to_writer_kind { TO_WRITER_BATCH, TO_WRITER_QUESTION, TO_WRITER_POSITIONS };
struct to_writer {
    enum to_writer_kind kind;
    struct batch batch;
    struct question *question;
    struct command *positions;
    uint32_t position_count;
};

/** What the core's mailbox carries: commands, with the memory they point to. */
struct to_core {
    uint32_t count;
    struct command *commands;
    struct order *orders;         /* bodies of ORDER_ACCEPTED */
    struct arena *arena;          /* body of PLAN_READY */
    bool plan_lost;               /* the planner failed: ask again */
    bool plan_stale;              /* travel times have changed: plan again */
    int64_t give_up_us;            /* of the caller of its one command; 0: never */
    struct world_options *options; /* NULL, or: decide by these from now on */
};

/** DEADLINE_EXCEEDED if nobody waits for the answer any more: asked before the work is begun. */
must_use enum status question_still_asked(const struct question *question, struct error *err);

/** What the router's mailbox carries: a question, and for EXPLAIN the snapshot that the writer took of the committed world. */
struct to_router {
    struct question *question;
    struct plan_request *explain;
    struct board_order order;
    struct view *view;
    struct near_courier *couriers; /* NEAREST: who is on shift; owned */
    uint32_t courier_count;
};

struct shared_catalog {
    atomic_int references;
    struct arena *arena;
    struct catalog catalog;       /* first used field: engine_catalog_unref finds the holder from it */
};

/** Values by size. Any thread. */
struct tally {
    _Atomic uint64_t bucket[ENGINE_BUCKETS + 1], sum;
};
void tally_add(struct tally *tally, const uint32_t *bounds, uint64_t value);

struct engine {
    struct engine_options options;
    char *db, *map_path, *traffic_path, *books_db;
    struct geo_map *map;
    struct traffic *traffic;      /* shared: gives out metrics */
    struct callers *callers;      /* shared: who may call */
    uint64_t epoch;
    char holder[HOLDER_TEXT_MAX];

    pthread_mutex_t catalog_lock; /* guards the pointer, not the catalogue */
    struct shared_catalog *catalog;

    struct mailbox *to_io, *to_intake, *to_core, *to_planner, *to_writer, *to_reader, *to_router, *to_traffic, *to_books, *to_files;
    pthread_t intake, core, planner, writer, reader, router, traffic_thread, keeper, books, files;
    uint32_t threads_running;
    atomic_bool stopping;         /* intake, core, reader, router, keeper: finish what is in hand and end */
    atomic_bool core_done;        /* the writer ends when the core has ended and its mailbox is empty */
    atomic_bool writer_done;      /* the keeper renews the lease until everything is written */
    atomic_bool fatal;
    _Atomic uint64_t committed_seq;
    _Atomic uint64_t submitted, refused, commands, facts, commits, plans, published, metrics;
    _Atomic uint32_t plan_last_us, commit_last_us;
    atomic_bool plan_pressed;         /* something has happened that the plan in the making does not know */

    struct tally commit_spans, commit_sizes, intake_spans, intake_sizes, plan_spans; /* shared: atomic */
    pthread_mutex_t gauges_lock;
    struct engine_gauges gauges;  /* shared under the lock */
    int64_t gauges_us;            /* writer's: when they were measured */
    struct books_progress books_now; /* shared under the same lock */

    struct world *world;          /* core's */
    struct world *committed;      /* writer's: the fold of what is committed */
    struct seen { struct courier_id courier; struct point at; int64_t at_ms; uint16_t heading_deg; } *positions; /* writer's: open addressing */
};

/** Tell on_fatal once. */
void engine_fatal(struct engine *engine, const char *format, ...) printf_like(2, 3);
/** Open a connection with patience; NULL when the engine stops or is fatal first. */
struct store *engine_store_open(struct engine *engine, enum store_role role);
/** Post to io; waits for room (the io thread always drains), drops and frees the message once the engine is stopping and io is full. */
void engine_tell(struct engine *engine, struct message *message);
struct message *message_new(enum message_kind kind, engine_ticket ticket);
void engine_catalog_replace(struct engine *engine, struct shared_catalog *fresh);
must_use enum status engine_catalog_load(struct engine *engine, struct store *store, struct error *err);

/** Read the reports of roads that are in force and tell the traffic. */
must_use enum status engine_roads_load(struct engine *engine, struct store *store, struct error *err);

/** Count the city, at most once a second. The writer's thread. */
void gauges_measure(struct engine *engine);

/* callers.c */
struct callers *callers_new(void);
void callers_free(struct callers *callers);
must_use enum status engine_callers_load(struct engine *engine, struct store *store, struct error *err);
/** Load them again if the database has changed. */
void engine_callers_look(struct engine *engine, struct store *store);

void to_core_free(struct to_core *to_core);
void to_router_free(struct to_router *to_router);
void to_writer_free(struct to_writer *to_writer);
/** Post a command or plan to the core; false when full. */
must_use bool core_post(struct engine *engine, struct to_core *message);

void *intake_run(void *engine);
void *core_run(void *engine);
void *planner_run(void *engine);
void *writer_run(void *engine);
void *reader_run(void *engine);
void *router_run(void *engine);
void *traffic_run(void *engine);
void *keeper_run(void *engine);
void *books_run(void *engine);
void *files_run(void *engine);
/** Which mailbox such a question goes to. */
struct mailbox *books_mailbox(struct engine *engine, const struct books_ask *ask);

/* traffic.c: which metric holds. Any thread may ask; one thread turns. */
struct traffic;
struct geo_override;
/** csv: the table of speeds, NULL or "" for free flow. There is no metric before the first turn. */
must_use enum status traffic_new(struct geo_map *map, const char *csv, int32_t utc_offset_s, struct traffic **out, struct error *err);
void traffic_free(struct traffic *traffic);
/** All reports that are in force, instead of the ones before. The next turn acts on it. */
void traffic_report(struct traffic *traffic, const struct road_override *roads, uint32_t count);
/** Make the metric of now_ms if hour or reports have changed since the last turn; true if it was swapped. */
bool traffic_turn(struct traffic *traffic, int64_t now_ms);
/** A reference, the caller's to give back; `traffic_at` may take as long as a metric takes, and gives NULL without memory. */
struct geo_metric *traffic_now(struct traffic *traffic);
struct geo_metric *traffic_at(struct traffic *traffic, int64_t depart_ms);
/** As geo understands it; `points` has room for all of the road's and outlives the override. */
void traffic_as_override(const struct road_override *road, struct geo_point *points, struct geo_override *out);

/* oracle.c: exact travel times between the places of a plan request, with labels kept between requests. One thread's. */
struct oracle;
struct oracle *oracle_new(struct geo_metric *metric, uint32_t snap_max_m, size_t bytes_max);
/** Go on with another metric of the same map; labels of the old one are forgotten, snaps stay. */
void oracle_rebase(struct oracle *oracle, struct geo_metric *metric);
void oracle_free(struct oracle *oracle);
struct plan_oracle oracle_for(struct oracle *oracle, const struct plan_request *request);

/* publish.c: the writer's view of the committed world */
struct view *publish_delta(const struct engine *engine, const struct fact *facts, uint32_t count, int64_t now_ms);
struct view *publish_snapshot(const struct engine *engine, struct courier_id courier, int64_t now_ms);
/** Couriers on shift whose place is known, on the writer's thread; malloc'd. */
struct near_courier *publish_on_shift(const struct engine *engine, uint32_t *count);
struct view *publish_positions(struct engine *engine, const struct command *positions, uint32_t count, int64_t now_ms);
void publish_order(const struct world *committed, struct order_id order, struct board_order *out);

#endif
