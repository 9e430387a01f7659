/* What the daemon tells a watchdog, in Prometheus' text format (version 0.0.4). Names and numbers alone: no ids, no members, no addresses. */
#include "internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void head(struct buffer *out, const char *name, const char *type, const char *help)
{
    buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void one(struct buffer *out, const char *name, const char *type, const char *help, double value)
{
    head(out, name, type, help);
    buffer_printf(out, "%s %.17g\n", name, value);
}

/* "/package.Service/Method" as labels; `more` follows them. */
static void labels(struct buffer *out, const char *path, const char *more)
{
    const char *method = strrchr(path, '/');
    buffer_printf(out, "{grpc_service=\"%.*s\",grpc_method=\"%s\"%s}", (int)(method - path - 1), path + 1, method + 1, more);
}

/* ---- calls ---- */

static void calls(const struct rpc_server *server, struct buffer *out)
{
    struct rpc_method_stats stats;
    head(out, "meddispatch_calls_total", "counter", "Calls that have ended, by method and status.");
    for (size_t i = 0; rpc_server_method_stats(server, i, &stats); i++) {
        for (uint32_t code = 0; code < RPC_STATUS_COUNT; code++) {
            char more[64];
            if (code != STATUS_OK && stats.ended[code] == 0) continue;
            text_format(more, sizeof more, ",grpc_code=\"%s\"", status_name((enum status)code));
            buffer_printf(out, "meddispatch_calls_total");
            labels(out, stats.path, more);
            buffer_printf(out, " %llu\n", (unsigned long long)stats.ended[code]);
        }
    }
    head(out, "meddispatch_calls_open", "gauge", "Calls and streams that are open, by method.");
    for (size_t i = 0; rpc_server_method_stats(server, i, &stats); i++) {
        buffer_printf(out, "meddispatch_calls_open");
        labels(out, stats.path, "");
        buffer_printf(out, " %u\n", stats.open);
    }
}

static void latencies(const struct rpc_server *server, struct buffer *out)
{
    struct rpc_method_stats stats;
    head(out, "meddispatch_call_seconds", "histogram", "From a call's headers to its answer, of calls with one answer that have been made.");
    for (size_t i = 0; rpc_server_method_stats(server, i, &stats); i++) {
        uint64_t count = 0, all = 0;
        for (uint32_t b = 0; b <= RPC_LATENCY_BUCKETS; b++) all += stats.latency[b];
        if (all == 0) continue;
        for (uint32_t b = 0; b <= RPC_LATENCY_BUCKETS; b++) {
            char more[48] = ",le=\"+Inf\"";
            count += stats.latency[b];
            if (b < RPC_LATENCY_BUCKETS) text_format(more, sizeof more, ",le=\"%g\"", RPC_LATENCY_BOUNDS_US[b] / 1e6);
            buffer_printf(out, "meddispatch_call_seconds_bucket");
            labels(out, stats.path, more);
            buffer_printf(out, " %llu\n", (unsigned long long)count);
        }
        buffer_printf(out, "meddispatch_call_seconds_sum");
        labels(out, stats.path, "");
        buffer_printf(out, " %.6f\nmeddispatch_call_seconds_count", (double)stats.latency_sum_us / 1e6);
        labels(out, stats.path, "");
        buffer_printf(out, " %llu\n", (unsigned long long)count);
    }
}

static void server(const struct rpc_server *server, struct buffer *out)
{
    struct rpc_stats stats;
    rpc_server_stats(server, &stats);
    one(out, "meddispatch_connections", "gauge", "HTTP/2 connections that are open.", stats.connections);
    one(out, "meddispatch_connections_total", "counter", "HTTP/2 connections since the start.", (double)stats.connections_total);
    one(out, "meddispatch_connections_refused_total", "counter", "Connections turned away at the cap.", (double)stats.refused_connections);
    one(out, "meddispatch_handshakes_failed_total", "counter", "TLS handshakes that failed.", (double)stats.failed_handshakes);
    one(out, "meddispatch_floods_total", "counter", "Connections ended for flooding.", (double)stats.floods);
    one(out, "meddispatch_messages_received_total", "counter", "Messages received in calls.", (double)stats.messages_in);
    one(out, "meddispatch_messages_sent_total", "counter", "Messages sent in calls.", (double)stats.messages_out);
}

/* ---- the engine ---- */

static void histogram(struct buffer *out, const char *name, const char *help, const struct engine_histogram *from, const uint32_t *bounds, double unit)
{
    uint64_t count = 0;
    head(out, name, "histogram", help);
    for (uint32_t b = 0; b < ENGINE_BUCKETS; b++) {
        count += from->bucket[b];
        buffer_printf(out, "%s_bucket{le=\"%g\"} %llu\n", name, bounds[b] * unit, (unsigned long long)count);
    }
    count += from->bucket[ENGINE_BUCKETS];
    buffer_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.6f\n%s_count %llu\n", name, (unsigned long long)count, name, (double)from->sum * unit, name, (unsigned long long)count);
}

static void work(struct engine *engine, const struct engine_figures *figures, struct buffer *out)
{
    struct engine_stats stats;
    engine_stats(engine, &stats);
    histogram(out, "meddispatch_intake_seconds", "One transaction of submissions: adjudication, holds, commit.", &figures->intake_us, ENGINE_SPAN_BOUNDS_US, 1e-6);
    histogram(out, "meddispatch_intake_batch_orders", "Submissions a transaction.", &figures->intake_orders, ENGINE_BATCH_BOUNDS, 1);
    histogram(out, "meddispatch_commit_seconds", "One transaction of facts.", &figures->commit_us, ENGINE_SPAN_BOUNDS_US, 1e-6);
    histogram(out, "meddispatch_commit_batch_facts", "Facts a transaction.", &figures->commit_facts, ENGINE_BATCH_BOUNDS, 1);
    histogram(out, "meddispatch_plan_seconds", "One run of the planner.", &figures->plan_us, ENGINE_SPAN_BOUNDS_US, 1e-6);
    head(out, "meddispatch_queue_depth", "gauge", "Messages waiting, by queue.");
    const struct { const char *name; uint32_t depth; } QUEUES[] = {{"intake", stats.intake_depth}, {"core", stats.core_depth}, {"writer", stats.writer_depth}, {"reader", stats.reader_depth}};
    for (size_t i = 0; i < COUNT_OF(QUEUES); i++) buffer_printf(out, "meddispatch_queue_depth{queue=\"%s\"} %u\n", QUEUES[i].name, QUEUES[i].depth);
    one(out, "meddispatch_submissions_total", "counter", "Submissions decided.", (double)stats.submitted);
    one(out, "meddispatch_submissions_refused_total", "counter", "Submissions refused by a rule.", (double)stats.refused);
    one(out, "meddispatch_commands_total", "counter", "Commands decided.", (double)stats.commands);
    one(out, "meddispatch_facts_total", "counter", "Facts committed.", (double)stats.facts);
    one(out, "meddispatch_world_seq", "gauge", "The last committed fact's number.", (double)stats.world_seq);
}

static void city(const struct engine_gauges *gauges, const struct api *api, struct buffer *out)
{
    head(out, "meddispatch_orders", "gauge", "Orders in the city's world, by phase.");
    for (uint32_t phase = 0; phase < ORDER_PHASE_COUNT; phase++)
        buffer_printf(out, "meddispatch_orders{phase=\"%s\"} %u\n", order_phase_name((enum order_phase)phase), gauges->orders[phase]);
    one(out, "meddispatch_sla_orders_open", "gauge", "Orders that have not ended.", gauges->open);
    one(out, "meddispatch_sla_orders_late", "gauge", "Open orders past their promise.", gauges->late);
    one(out, "meddispatch_sla_orders_at_risk", "gauge", "Open orders that the running plan brings after their promise.", gauges->at_risk);
    one(out, "meddispatch_sla_orders_unplanned", "gauge", "Open orders without a courier in the running plan.", gauges->unplanned);
    one(out, "meddispatch_sla_oldest_open_seconds", "gauge", "Age of the oldest open order.", (double)gauges->oldest_open_ms / 1000);
    head(out, "meddispatch_sla_orders_ended", "gauge", "Orders delivered or accepted by the laboratory that the world still keeps, by whether the promise was kept.");
    buffer_printf(out, "meddispatch_sla_orders_ended{promise=\"kept\"} %u\nmeddispatch_sla_orders_ended{promise=\"missed\"} %u\n", gauges->ended_in_time, gauges->ended_late);
    one(out, "meddispatch_couriers_on_shift", "gauge", "Couriers on shift.", gauges->couriers_on_shift);
    one(out, "meddispatch_watchers", "gauge", "Streams that watch orders, routes or the board.", api->watcher_count);
}

/* ---- the process ---- */

static double resident_bytes(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return 0;
    int got = fscanf(file, "%ld %ld", &pages, &resident);
    fclose(file);
    return got == 2 ? (double)resident * (double)sysconf(_SC_PAGESIZE) : 0;
}

static void process(struct buffer *out)
{
    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) != 0) return;
    double seconds = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    one(out, "process_cpu_seconds_total", "counter", "Processor time used.", seconds);
    one(out, "process_resident_memory_bytes", "gauge", "Resident memory.", resident_bytes());
}

void api_metrics(const struct api *api, struct buffer *out)
{
    struct engine_figures figures;
    engine_figures(api->engine, &figures);
    calls(api->server, out);
    latencies(api->server, out);
    server(api->server, out);
    work(api->engine, &figures, out);
    city(&figures.gauges, api, out);
    process(out);
}
