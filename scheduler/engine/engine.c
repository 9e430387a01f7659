/* Starting and stopping: what is opened in which order, who waits for whom, and the small things that every thread asks the engine. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CATALOG_ARENA_BYTES = 256 << 20, REPLAY_ARENA_BYTES = 64 << 20, OPEN_RETRY_MS = 300, TELL_RETRY_MS = 2,
       PARTITION_MONTHS = 12 /* events and entries of a year ahead have their partition before they come */ };

static void pause_ms(long ms)
{
    struct timespec span = {ms / 1000, (ms % 1000) * 1000000};
    nanosleep(&span, NULL);
}

/* ---- what every thread asks ---- */

void engine_fatal(struct engine *engine, const char *format, ...)
{
    if (atomic_exchange(&engine->fatal, true)) return;
    char why[ERROR_TEXT_MAX * 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    log_error("event=fatal why=\"%s\"", why);
    engine->options.on_fatal(engine->options.fatal_context, why);
}

struct store *engine_store_open(struct engine *engine, enum store_role role)
{
    while (!atomic_load(&engine->stopping) && !atomic_load(&engine->fatal)) {
        struct store *store;
        struct error err;
        enum status rc = store_open(engine->db, role, &store, &err);
        if (rc == STATUS_OK) return store;
        if (rc != STATUS_UNAVAILABLE) {
            engine_fatal(engine, "database: %s: %s", status_name(rc), err.text);
            return NULL;
        }
        pause_ms(OPEN_RETRY_MS);
    }
    return NULL;
}

void engine_tell(struct engine *engine, struct message *message)
{
    while (!mailbox_post(engine->to_io, message)) {
        if (atomic_load(&engine->stopping) || atomic_load(&engine->fatal)) {
            message_free(message);
            return;
        }
        pause_ms(TELL_RETRY_MS); /* the io thread always drains: this is its pace */
    }
}

struct mailbox *engine_io_mailbox(struct engine *engine)
{
    return engine->to_io;
}

struct city_id engine_city(const struct engine *engine)
{
    return engine->options.city;
}

uint64_t engine_committed_seq(const struct engine *engine)
{
    return atomic_load(&((struct engine *)(uintptr_t)engine)->committed_seq);
}

struct point engine_wgs84_from_gcj02(struct point gcj02)
{
    struct geo_point wgs84 = geo_wgs84_from_gcj02((struct geo_point){gcj02.lat_e7, gcj02.lon_e7});
    return (struct point){wgs84.lat_e7, wgs84.lon_e7};
}

enum status engine_place_check(const struct engine *engine, struct point at, const char *field, struct error *err)
{
    struct geo_snap snap;
    struct geo_error why;
    if (geo_snap_nearest(engine->map, (struct geo_point){at.lat_e7, at.lon_e7}, engine->options.snap_max_m, &snap, &why) == GEO_OK) return STATUS_OK;
    error_field(err, field, "is off the city's map: %s; check latitude, longitude and datum", why.text);
    return err ? error_reason(err, "OFF_MAP") : STATUS_INVALID_ARGUMENT;
}

bool engine_ask(struct engine *engine, struct question *question)
{
    if (atomic_load(&engine->stopping)) return false;
    if (question->kind == QUESTION_ROUTE || question->kind == QUESTION_MATRIX || question->kind == QUESTION_ISOCHRONE) {
        struct to_router *to_router = mem_zalloc(1, sizeof *to_router);
        to_router->question = question;
        if (mailbox_post(engine->to_router, to_router)) return true;
        free(to_router);
        return false;
    }
    if (question->kind == QUESTION_SNAPSHOT || question->kind == QUESTION_EXPLAIN || question->kind == QUESTION_PREVIEW || question->kind == QUESTION_NEAREST) {
        struct to_writer *to_writer = mem_zalloc(1, sizeof *to_writer);
        to_writer->kind = TO_WRITER_QUESTION;
        to_writer->question = question;
        if (mailbox_post(engine->to_writer, to_writer)) return true;
        free(to_writer);
        return false;
    }
    if (question->kind == QUESTION_BOOKS) return mailbox_post(books_mailbox(engine, question->books), question);
    return mailbox_post(engine->to_reader, question);
}

void engine_stats(struct engine *engine, struct engine_stats *out)
{
    *out = (struct engine_stats){
        .submitted = atomic_load(&engine->submitted), .refused = atomic_load(&engine->refused), .commands = atomic_load(&engine->commands),
        .facts = atomic_load(&engine->facts), .commits = atomic_load(&engine->commits), .plans = atomic_load(&engine->plans),
        .published = atomic_load(&engine->published), .metrics = atomic_load(&engine->metrics),
        .world_seq = atomic_load(&engine->committed_seq),
        .intake_depth = mailbox_depth(engine->to_intake), .core_depth = mailbox_depth(engine->to_core), .writer_depth = mailbox_depth(engine->to_writer),
        .reader_depth = mailbox_depth(engine->to_reader), .plan_last_us = atomic_load(&engine->plan_last_us),
        .commit_last_us = atomic_load(&engine->commit_last_us)};
}

/* ---- the catalogue ---- */

static void catalog_release(struct shared_catalog *shared)
{
    if (!shared || atomic_fetch_sub(&shared->references, 1) > 1) return;
    arena_free(shared->arena);
    free(shared);
}

const struct catalog *engine_catalog_ref(struct engine *engine)
{
    pthread_mutex_lock(&engine->catalog_lock);
    struct shared_catalog *shared = engine->catalog;
    atomic_fetch_add(&shared->references, 1);
    pthread_mutex_unlock(&engine->catalog_lock);
    return &shared->catalog;
}

void engine_catalog_unref(struct engine *engine, const struct catalog *catalog)
{
    (void)engine;
    catalog_release((struct shared_catalog *)((uintptr_t)catalog - offsetof(struct shared_catalog, catalog)));
}

enum status engine_catalog_load(struct engine *engine, struct store *store, struct error *err)
{
    struct shared_catalog *fresh = mem_zalloc(1, sizeof *fresh);
    atomic_store(&fresh->references, 1);
    fresh->arena = arena_new(CATALOG_ARENA_BYTES);
    enum status rc = store_catalog_load(store, engine->options.city, fresh->arena, &fresh->catalog, err);
    if (rc != STATUS_OK) {
        catalog_release(fresh);
        return rc;
    }
    pthread_mutex_lock(&engine->catalog_lock);
    struct shared_catalog *old = engine->catalog;
    engine->catalog = fresh;
    pthread_mutex_unlock(&engine->catalog_lock);
    catalog_release(old);
    return STATUS_OK;
}

/* ---- the world, again ---- */

struct rebuild {
    struct engine *engine;
    struct error *err;
    enum status rc;
    uint64_t last;
};

static bool on_stored_fact(void *context, const struct fact *fact)
{
    struct rebuild *rebuild = context;
    rebuild->rc = world_fact_check(rebuild->engine->world, fact, rebuild->err);
    if (rebuild->rc != STATUS_OK) return false;
    world_apply(rebuild->engine->world, fact);
    world_apply(rebuild->engine->committed, fact);
    rebuild->last = fact->seq;
    return true;
}

static enum status replay(struct engine *engine, struct store *store, struct error *err)
{
    struct rebuild rebuild = {.engine = engine, .err = err, .rc = STATUS_OK, .last = world_seq(engine->world)};
    size_t count = STORE_PAGE_MAX;
    while (count == STORE_PAGE_MAX) {
        struct arena *arena = arena_new(REPLAY_ARENA_BYTES);
        enum status rc = store_facts_read(store, engine->options.city, rebuild.last, STORE_PAGE_MAX, arena, on_stored_fact, &rebuild, &count, err);
        arena_free(arena);
        TRY(rc);
        TRY(rebuild.rc);
    }
    return STATUS_OK;
}

static enum status load_snapshot(struct engine *engine, struct store *store, struct error *err)
{
    struct buffer body;
    uint64_t seq;
    int64_t at_ms;
    buffer_init(&body, STORE_SNAPSHOT_MAX);
    enum status rc = store_snapshot_load(store, engine->options.city, &seq, &at_ms, &body, err);
    if (rc == STATUS_OK && !(world_decode(engine->world, body.data, body.size) && world_decode(engine->committed, body.data, body.size))) {
        /* written by another version: the facts tell all of it again */
        log_warn("event=snapshot_unreadable seq=%llu", (unsigned long long)seq);
        world_free(engine->world);
        world_free(engine->committed);
        engine->world = world_new(&engine->options.world);
        engine->committed = world_new(&engine->options.world);
    }
    buffer_deinit(&body);
    return rc == STATUS_NOT_FOUND ? STATUS_OK : rc;
}

static enum status rebuild_world(struct engine *engine, struct store *store, struct error *err)
{
    engine->options.world.city = engine->options.city;
    engine->options.world.utc_offset_s = engine->catalog->catalog.utc_offset_s;
    engine->world = world_new(&engine->options.world);
    engine->committed = world_new(&engine->options.world);
    int64_t begun_us = clock_boot_us();
    TRY(load_snapshot(engine, store, err));
    uint64_t from = world_seq(engine->world);
    TRY(replay(engine, store, err));
    atomic_store(&engine->committed_seq, world_seq(engine->world));
    log_info("event=world_rebuilt city=%u seq=%llu replayed=%llu orders=%u couriers=%u ms=%lld", engine->options.city.v,
             (unsigned long long)world_seq(engine->world), (unsigned long long)(world_seq(engine->world) - from), world_order_count(engine->world),
             world_courier_count(engine->world), (long long)(clock_boot_us() - begun_us) / 1000);
    return STATUS_OK;
}

/* ---- start ---- */

static enum status open_map(struct engine *engine, struct error *err)
{
    struct geo_error why;
    enum geo_status rc = geo_map_open(engine->map_path, &engine->map, &why);
    if (rc == GEO_OK) return STATUS_OK;
    return error_set(err, rc == GEO_IO ? STATUS_UNAVAILABLE : STATUS_INVALID_ARGUMENT, "map %s: %s", engine->map_path, why.text);
}

/* The first metric is made before anybody asks, with what was reported before a restart. */
static enum status open_traffic(struct engine *engine, struct store *store, struct error *err)
{
    int32_t utc_offset_s = engine->catalog->catalog.utc_offset_s;
    TRY(traffic_new(engine->map, engine->traffic_path, utc_offset_s, &engine->traffic, err));
    TRY(engine_roads_load(engine, store, err));
    return traffic_turn(engine->traffic, clock_now_ms()) ? STATUS_OK : error_set(err, STATUS_UNAVAILABLE, "no memory for the travel times of %s", engine->map_path);
}

static enum status lead(struct engine *engine, struct store *store, struct error *err)
{
    int64_t begun_us = clock_boot_us();
    for (;;) {
        enum status rc = store_city_lead(store, engine->options.city, engine->holder, LEASE_MS, &engine->epoch, err);
        /* a leader that has just died leaves a lease that runs out by itself */
        if (rc != STATUS_FAILED_PRECONDITION || clock_boot_us() - begun_us > 2 * (int64_t)LEASE_MS * 1000) return rc;
        pause_ms(OPEN_RETRY_MS);
    }
}

static enum status open_all(struct engine *engine, struct error *err)
{
    struct store *store = NULL;
    TRY(open_map(engine, err));
    TRY(store_open(engine->db, STORE_ROLE_APP, &store, err));
    enum status rc = store_partitions_ahead(store, clock_now_ms(), PARTITION_MONTHS, err);
    if (rc == STATUS_OK) rc = engine_catalog_load(engine, store, err);
    if (rc == STATUS_OK) rc = engine_callers_load(engine, store, err);
    if (rc == STATUS_OK) rc = open_traffic(engine, store, err);
    if (rc == STATUS_OK) rc = lead(engine, store, err);
    if (rc == STATUS_OK) rc = rebuild_world(engine, store, err);
    store_close(store);
    return rc;
}

static void start_thread(struct engine *engine, pthread_t *thread, void *(*run)(void *))
{
    int rc = pthread_create(thread, NULL, run, engine);
    ASSERT(rc == 0);
    engine->threads_running++;
}

static void release(struct engine *engine)
{
    if (!engine) return;
    struct mailbox *boxes[] = {engine->to_io,     engine->to_intake, engine->to_core,  engine->to_planner,
                               engine->to_writer, engine->to_reader, engine->to_router, engine->to_traffic, engine->to_books, engine->to_files};
    void *left;
    while (engine->to_io && (left = mailbox_take(engine->to_io))) message_free(left);
    while (engine->to_intake && (left = mailbox_take(engine->to_intake))) free(left);
    while (engine->to_core && (left = mailbox_take(engine->to_core))) to_core_free(left);
    while (engine->to_planner && (left = mailbox_take(engine->to_planner))) plan_request_free(left);
    while (engine->to_writer && (left = mailbox_take(engine->to_writer))) to_writer_free(left);
    while (engine->to_reader && (left = mailbox_take(engine->to_reader))) question_free(left);
    while (engine->to_router && (left = mailbox_take(engine->to_router))) to_router_free(left);
    while (engine->to_books && (left = mailbox_take(engine->to_books))) question_free(left);
    while (engine->to_files && (left = mailbox_take(engine->to_files))) question_free(left);
    while (engine->to_traffic && mailbox_take(engine->to_traffic)) {} /* a nudge that came after the thread had ended: nothing to free */
    for (size_t i = 0; i < COUNT_OF(boxes); i++) mailbox_free(boxes[i]);
    world_free(engine->world);
    world_free(engine->committed);
    catalog_release(engine->catalog);
    traffic_free(engine->traffic);
    callers_free(engine->callers);
    geo_map_unref(engine->map);
    pthread_mutex_destroy(&engine->catalog_lock);
    pthread_mutex_destroy(&engine->gauges_lock);
    free(engine->positions);
    free(engine->db);
    free(engine->map_path);
    free(engine->traffic_path);
    free(engine->books_db);
    free(engine);
}

enum status engine_start(const struct engine_options *options, struct engine **out, struct error *err)
{
    struct engine *engine = mem_zalloc(1, sizeof *engine);
    engine->callers = callers_new();
    pthread_mutex_init(&engine->gauges_lock, NULL);
    engine->options = *options;
    engine->db = mem_strdup(options->db);
    engine->map_path = mem_strdup(options->map_path);
    engine->traffic_path = mem_strdup(options->traffic_path ? options->traffic_path : "");
    engine->books_db = mem_strdup(options->books_db && options->books_db[0] ? options->books_db : options->db);
    engine->positions = mem_zalloc(POSITION_SLOTS, sizeof *engine->positions);
    text_copy(engine->holder, sizeof engine->holder, options->holder);
    pthread_mutex_init(&engine->catalog_lock, NULL);
    uint32_t capacity = options->queue_capacity;
    engine->to_io = mailbox_new(capacity);
    engine->to_intake = mailbox_new(capacity);
    engine->to_core = mailbox_new(capacity);
    engine->to_planner = mailbox_new(4);
    engine->to_writer = mailbox_new(capacity);
    engine->to_reader = mailbox_new(capacity);
    engine->to_router = mailbox_new(256); /* each may be a second of work: more than this many are better asked later */
    engine->to_traffic = mailbox_new(4);
    engine->to_books = mailbox_new(16); /* each may be half a minute of work */
    engine->to_files = mailbox_new(16);
    enum status rc = open_all(engine, err);
    if (rc != STATUS_OK) {
        release(engine);
        return rc;
    }
    start_thread(engine, &engine->keeper, keeper_run);
    start_thread(engine, &engine->writer, writer_run);
    start_thread(engine, &engine->core, core_run);
    start_thread(engine, &engine->planner, planner_run);
    start_thread(engine, &engine->intake, intake_run);
    start_thread(engine, &engine->reader, reader_run);
    start_thread(engine, &engine->router, router_run);
    start_thread(engine, &engine->traffic_thread, traffic_run);
    start_thread(engine, &engine->books, books_run);
    start_thread(engine, &engine->files, files_run);
    *out = engine;
    return STATUS_OK;
}

/* ---- stop: from the outside in ---- */

void engine_stop(struct engine *engine)
{
    if (!engine) return;
    atomic_store(&engine->stopping, true);
    pthread_join(engine->intake, NULL); /* what it has committed is in the outbox or on its way to the core */
    pthread_join(engine->reader, NULL);
    pthread_join(engine->router, NULL);
    pthread_join(engine->traffic_thread, NULL);
    pthread_join(engine->books, NULL);
    pthread_join(engine->files, NULL);
    pthread_join(engine->planner, NULL);
    pthread_join(engine->core, NULL);   /* decides what is left, then says core_done */
    atomic_store(&engine->core_done, true);
    pthread_join(engine->writer, NULL); /* commits it, saves a snapshot, releases the lease */
    atomic_store(&engine->writer_done, true);
    pthread_join(engine->keeper, NULL);
    release(engine);
}
