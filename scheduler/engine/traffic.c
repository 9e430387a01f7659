/* How long roads take now: the metric of this hour and of what dispatchers report, made in the background and swapped whole. Whoever asks gets a
 * reference and keeps it for one question; the old metric lives as long as somebody still searches on it, over the same topology. */
#include "internal.h"
#include "geo_traffic/geo_traffic.h"

#include <stdlib.h>
#include <string.h>

enum { HOURS_KEPT = 4, FEW_CHANGES = 2000 };

/** What is reported: immutable, replaced whole. */
struct reports {
    int references;                /* guarded by traffic->lock */
    uint32_t count;
    struct geo_override *roads;
    int64_t *until_ms;
    uint64_t *ids;
    struct geo_point *points;
};

/** Two equal moods have equal travel times. */
struct mood {
    uint32_t bucket;
    uint64_t in_force;             /* of the reports */
};

struct hour {
    struct mood mood;
    struct geo_metric *metric;     /* NULL: empty */
    uint64_t used;
};

struct traffic {
    struct geo_map *map;
    struct geo_traffic table;
    int32_t utc_offset_s;
    pthread_mutex_t lock;          /* guards what follows; held for a moment only, never while a metric is made */
    struct reports *reports;
    struct mood mood;              /* of `now` */
    struct geo_metric *now;
    struct hour hours[HOURS_KEPT]; /* departures that were asked for lately */
    uint64_t clock;
    uint32_t *times;               /* the traffic thread's: of `now` */
};

/* ---- reports ---- */

static void reports_unref(struct traffic *traffic, struct reports *reports)
{
    if (!reports) return;
    pthread_mutex_lock(&traffic->lock);
    bool last = --reports->references == 0;
    pthread_mutex_unlock(&traffic->lock);
    if (!last) return;
    free(reports->roads);
    free(reports->until_ms);
    free(reports->ids);
    free(reports->points);
    free(reports);
}

static struct reports *reports_ref(struct traffic *traffic)
{
    pthread_mutex_lock(&traffic->lock);
    struct reports *reports = traffic->reports;
    reports->references++;
    pthread_mutex_unlock(&traffic->lock);
    return reports;
}

void traffic_as_override(const struct road_override *road, struct geo_point *points, struct geo_override *out)
{
    for (uint32_t i = 0; i < road->point_count; i++) points[i] = (struct geo_point){road->points[i].lat_e7, road->points[i].lon_e7};
    *out = (struct geo_override){.on = road->kind == ROAD_WAY ? GEO_ON_WAY : road->kind == ROAD_AREA ? GEO_ON_AREA : GEO_ON_ROAD, .way = road->way, .points = points,
                                 .point_count = road->point_count, .speed_percent = road->speed_percent, .speed_kmh = road->speed_kmh};
}

void traffic_report(struct traffic *traffic, const struct road_override *roads, uint32_t count)
{
    uint32_t point_count = 0;
    struct reports *fresh = mem_zalloc(1, sizeof *fresh);
    for (uint32_t i = 0; i < count; i++) point_count += roads[i].point_count;
    fresh->references = 1;
    fresh->count = count;
    fresh->roads = mem_zalloc(count + 1, sizeof *fresh->roads);
    fresh->until_ms = mem_zalloc(count + 1, sizeof *fresh->until_ms);
    fresh->ids = mem_zalloc(count + 1, sizeof *fresh->ids);
    fresh->points = mem_zalloc(point_count + 1, sizeof *fresh->points);
    for (uint32_t i = 0, at = 0; i < count; at += roads[i].point_count, i++) {
        traffic_as_override(&roads[i], fresh->points + at, &fresh->roads[i]);
        fresh->until_ms[i] = roads[i].until_ms;
        fresh->ids[i] = roads[i].id;
    }
    pthread_mutex_lock(&traffic->lock);
    struct reports *old = traffic->reports;
    traffic->reports = fresh;
    pthread_mutex_unlock(&traffic->lock);
    reports_unref(traffic, old);
}

static struct mood mood_at(const struct traffic *traffic, const struct reports *reports, int64_t at_ms)
{
    struct mood mood = {geo_traffic_bucket(at_ms, traffic->utc_offset_s), 0};
    for (uint32_t i = 0; i < reports->count; i++)
        if (reports->until_ms[i] > at_ms) mood.in_force += hash_u64(reports->ids[i]); /* a report never changes, so its id says it all */
    return mood;
}

static bool same_mood(struct mood a, struct mood b)
{
    return a.bucket == b.bucket && a.in_force == b.in_force;
}

/* ---- making a metric ---- */

static bool times_at(const struct traffic *traffic, const struct reports *reports, int64_t at_ms, uint32_t *times)
{
    struct geo_override *roads = mem_zalloc(reports->count + 1, sizeof *roads);
    struct geo_error why;
    uint32_t count = 0;
    for (uint32_t i = 0; i < reports->count; i++)
        if (reports->until_ms[i] > at_ms) roads[count++] = reports->roads[i];
    enum geo_status rc = geo_traffic_times(traffic->map, &traffic->table, geo_traffic_bucket(at_ms, traffic->utc_offset_s), roads, count, times, &why);
    free(roads);
    if (rc != GEO_OK) log_error("event=traffic_failed text=\"%s\"", why.text);
    return rc == GEO_OK;
}

/* A few closures change the old metric; another hour makes a new one. */
static enum geo_status make(const struct traffic *traffic, const struct geo_metric *old, const uint32_t *before, const uint32_t *times, struct geo_metric **out, struct geo_error *why)
{
    const struct geo_graph *graph = geo_map_graph(traffic->map);
    if (!old) return geo_metric_timed(traffic->map, times, out, why);
    struct geo_arc_time changes[FEW_CHANGES];
    uint32_t count = 0;
    for (uint32_t a = 0; a < graph->arc_count; a++) {
        if (before[a] == times[a] || graph->arcs[a].twin != a) continue;
        if (count == FEW_CHANGES || count >= graph->arc_count / 32) return geo_metric_timed(traffic->map, times, out, why);
        changes[count++] = (struct geo_arc_time){a, times[a]};
    }
    return geo_metric_change(old, changes, count, out, why);
}

struct geo_metric *traffic_now(struct traffic *traffic)
{
    pthread_mutex_lock(&traffic->lock);
    struct geo_metric *metric = geo_metric_ref(traffic->now);
    pthread_mutex_unlock(&traffic->lock);
    return metric;
}

static struct geo_metric *kept_hour(struct traffic *traffic, struct mood mood)
{
    struct geo_metric *found = NULL;
    pthread_mutex_lock(&traffic->lock);
    if (same_mood(traffic->mood, mood)) found = geo_metric_ref(traffic->now);
    for (uint32_t i = 0; i < HOURS_KEPT && !found; i++) {
        if (!traffic->hours[i].metric || !same_mood(traffic->hours[i].mood, mood)) continue;
        traffic->hours[i].used = ++traffic->clock;
        found = geo_metric_ref(traffic->hours[i].metric);
    }
    pthread_mutex_unlock(&traffic->lock);
    return found;
}

static void keep_hour(struct traffic *traffic, struct mood mood, struct geo_metric *metric)
{
    pthread_mutex_lock(&traffic->lock);
    struct hour *oldest = &traffic->hours[0];
    for (uint32_t i = 1; i < HOURS_KEPT; i++)
        if (traffic->hours[i].used < oldest->used) oldest = &traffic->hours[i];
    struct geo_metric *dropped = oldest->metric;
    *oldest = (struct hour){mood, geo_metric_ref(metric), ++traffic->clock};
    pthread_mutex_unlock(&traffic->lock);
    geo_metric_unref(dropped);
}

struct geo_metric *traffic_at(struct traffic *traffic, int64_t depart_ms)
{
    struct reports *reports = reports_ref(traffic);
    struct mood mood = mood_at(traffic, reports, depart_ms);
    struct geo_metric *metric = kept_hour(traffic, mood);
    if (!metric) {
        struct geo_error why;
        uint32_t *times = mem_zalloc(geo_map_graph(traffic->map)->arc_count + 1, sizeof *times);
        if (times_at(traffic, reports, depart_ms, times) && geo_metric_timed(traffic->map, times, &metric, &why) == GEO_OK) keep_hour(traffic, mood, metric);
        else metric = NULL;
        free(times);
    }
    reports_unref(traffic, reports);
    return metric;
}

bool traffic_turn(struct traffic *traffic, int64_t now_ms)
{
    struct reports *reports = reports_ref(traffic);
    struct mood mood = mood_at(traffic, reports, now_ms);
    struct geo_metric *fresh = NULL, *old = traffic->now; /* only this thread replaces it */
    struct geo_error why = {.text = "no memory"};
    bool swapped = false;
    if (!old || !same_mood(mood, traffic->mood)) {
        uint32_t arc_count = geo_map_graph(traffic->map)->arc_count, *times = mem_zalloc(arc_count + 1, sizeof *times);
        bool timed = times_at(traffic, reports, now_ms, times);
        if (timed && old && memcmp(times, traffic->times, arc_count * sizeof *times) == 0) { /* another hour, the same speeds */
            pthread_mutex_lock(&traffic->lock);
            traffic->mood = mood;
            pthread_mutex_unlock(&traffic->lock);
            free(times);
        } else if (timed && make(traffic, old, traffic->times, times, &fresh, &why) == GEO_OK) {
            pthread_mutex_lock(&traffic->lock);
            traffic->now = fresh;
            traffic->mood = mood;
            pthread_mutex_unlock(&traffic->lock);
            geo_metric_unref(old);
            free(traffic->times);
            traffic->times = times;
            swapped = true;
        } else {
            log_error("event=metric_failed text=\"%s\" note=\"the old travel times go on\"", why.text);
            free(times);
        }
    }
    reports_unref(traffic, reports);
    return swapped;
}

/* ---- life ---- */

enum status traffic_new(struct geo_map *map, const char *csv, int32_t utc_offset_s, struct traffic **out, struct error *err)
{
    struct traffic *traffic = mem_zalloc(1, sizeof *traffic);
    struct geo_error why;
    traffic->map = geo_map_ref(map);
    traffic->utc_offset_s = utc_offset_s;
    pthread_mutex_init(&traffic->lock, NULL);
    geo_traffic_free_flow(&traffic->table);
    traffic_report(traffic, NULL, 0);
    enum geo_status rc = csv && csv[0] ? geo_traffic_read(csv, &traffic->table, &why) : GEO_OK;
    if (rc == GEO_OK) {
        *out = traffic;
        return STATUS_OK;
    }
    traffic_free(traffic);
    return error_set(err, rc == GEO_IO ? STATUS_UNAVAILABLE : STATUS_INVALID_ARGUMENT, "traffic %s: %s", csv, why.text);
}

void traffic_free(struct traffic *traffic)
{
    if (!traffic) return;
    reports_unref(traffic, traffic->reports);
    for (uint32_t i = 0; i < HOURS_KEPT; i++) geo_metric_unref(traffic->hours[i].metric);
    geo_metric_unref(traffic->now);
    geo_map_unref(traffic->map);
    pthread_mutex_destroy(&traffic->lock);
    free(traffic->times);
    free(traffic);
}

/* Plans were timed by the old metric: they are timed again. False: the core's mailbox is full, ask again. */
static bool ask_for_plan(struct engine *engine)
{
    struct to_core *message = mem_zalloc(1, sizeof *message);
    message->plan_stale = true;
    if (core_post(engine, message)) return true;
    to_core_free(message);
    return false;
}

void *traffic_run(void *context)
{
    struct engine *engine = context;
    bool stale = false;
    while (!atomic_load(&engine->stopping)) {
        int64_t begun_us = clock_boot_us();
        if (traffic_turn(engine->traffic, clock_now_ms())) {
            atomic_fetch_add(&engine->metrics, 1);
            log_info("event=traffic_swapped us=%lld", (long long)(clock_boot_us() - begun_us));
            stale = true;
        }
        if (stale) stale = !ask_for_plan(engine);
        mailbox_wait(engine->to_traffic, TICK_MS);
        while (mailbox_take(engine->to_traffic)) {}
    }
    return NULL;
}
