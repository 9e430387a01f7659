/* `meddispatch serve -c FILE`: configuration, engine, door, signals. */
#include "main.h"
#include "books.h"
#include "api/api.h"
#include "engine/engine.h"
#include "geo/geo.h"
#include "loop/loop.h"
#include "store/store.h"
#include "web/web.h"

#include <getopt.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct config {
    char tls_certificate[CONFIG_TEXT_MAX], tls_key[CONFIG_TEXT_MAX], tls_client_ca[CONFIG_TEXT_MAX];
    char http_files[CONFIG_TEXT_MAX], http_hosts[CONFIG_TEXT_MAX], http_origins[CONFIG_TEXT_MAX];
    char listen[CONFIG_TEXT_MAX], http_listen[CONFIG_TEXT_MAX], db[CONFIG_TEXT_MAX], settlement_db[CONFIG_TEXT_MAX], key_file[CONFIG_TEXT_MAX], map[CONFIG_TEXT_MAX], traffic[CONFIG_TEXT_MAX], node[CONFIG_TEXT_MAX];
    int64_t city, snap_max_m, request_bytes_max, intake_batch, writer_batch, queue_capacity, plan_iterations, commit_patience_s, drain_s;
    int64_t approval_alert_s, ready_alert_s, answer_timeout_s, offer_horizon_s, courier_silent_s, replan_s, cold_ride_max_s;
    int64_t caller_calls_per_s;
    bool production, insecure;
};

#define TEXT(field, fallback, why)                  {#field, "text", fallback, CONFIG_TEXT, 0, 0, offsetof(struct config, field), why}
#define NUMBER(field, unit, fallback, min, max, why) {#field, unit, fallback, CONFIG_INTEGER, min, max, offsetof(struct config, field), why}
static const struct config_key KEYS[] = {
    TEXT(listen, "127.0.0.1:7400", "Where gRPC callers connect: HOST:PORT, [IPV6]:PORT or unix:/PATH. Without TLS only loopback and Unix sockets are taken: tokens must not travel in the clear."),
    TEXT(tls_certificate, "", "PEM file with the certificate chain of `listen`, leaf first: TLS 1.3 and 1.2 instead of plaintext. SIGHUP reads it and the next two again."),
    TEXT(tls_key, "", "PEM file with the certificate's private key."),
    TEXT(tls_client_ca, "", "PEM file with the authorities of clients' certificates: with it, every client must show one (mutual TLS)."),
    TEXT(http_listen, "", "Where browsers and watchdogs connect by HTTP/1.1, for gRPC-Web, the dashboard, road tiles and /healthz: HOST:PORT, [IPV6]:PORT or unix:/PATH, loopback and Unix sockets only; empty: nowhere."),
    TEXT(http_files, "", "The folder of the dashboard's files, read once at the start: X.gz and X.br beside X are sent to browsers that take them; empty: none."),
    TEXT(http_hosts, "", "Names, by commas, that requests may be for besides localhost, 127.0.0.1 and [::1]: those of a proxy in front."),
    TEXT(http_origins, "", "Other origins, by commas, whose pages may call by gRPC-Web (CORS), such as https://board.example; empty: none."),
    {"insecure", "true/false", "false", CONFIG_BOOLEAN, 0, 0, offsetof(struct config, insecure), "Nobody is asked for a token or certificate, everybody may do everything: for development, on loopback only; refused with production = true."},
    NUMBER(caller_calls_per_s, "calls/s", "2000", 0, 1000000, "Calls a second that one caller may make, with a burst of two seconds; more are answered RESOURCE_EXHAUSTED. 0: any number."),
    TEXT(db, "", "libpq connection string of the city's database; the user may take the role meddispatch_app."),
    TEXT(settlement_db, "", "libpq connection string of a user who may take the roles meddispatch_settlement and meddispatch_reader, for SettlementService; empty: as db."),
    TEXT(key_file, "", "Keys that seal names, phones and addresses, made by `meddispatch keys create FILE`; read again when it changes. Empty: systemd's credential meddispatch.keys; else, unless production = true, one in the user's state folder, made at the first start."),
    TEXT(map, "", "The city's map file, made by `meddispatch map build`."),
    TEXT(traffic, "", "CSV file with speeds by road class and hour, like deploy/config/traffic.csv; empty: the map's own speeds at every hour."),
    TEXT(node, "", "This daemon's name in the city's lease, the same after a restart; empty: host name and address."),
    NUMBER(city, "id", "1", 1, 1000000, "The city this daemon leads."),
    {"production", "true/false", "false", CONFIG_BOOLEAN, 0, 0, offsetof(struct config, production), "A production daemon refuses --clock-speed."},
    NUMBER(snap_max_m, "m", "300", 10, 5000, "An address farther than this from any road is refused."),
    NUMBER(request_bytes_max, "bytes", "4194304", 65536, 67108864, "The largest request message; submissions have 65536 of their own."),
    NUMBER(intake_batch, "orders", "100", 1, 200, "Orders a transaction at most: group commit flattens out between 50 and 200."),
    NUMBER(writer_batch, "facts", "500", 1, 2000, "Facts a transaction at most."),
    NUMBER(queue_capacity, "messages", "8192", 64, 1048576, "Capacity of each mailbox between threads; a full one answers RESOURCE_EXHAUSTED."),
    NUMBER(plan_iterations, "steps", "2000", 0, 1000000, "Improvement steps of one planning run."),
    NUMBER(commit_patience_s, "s", "10", 1, 600, "How long commits may fail before the daemon gives up its work and ends."),
    NUMBER(drain_s, "s", "5", 0, 300, "How long calls in flight may finish after SIGTERM."),
    NUMBER(approval_alert_s, "s", "900", 60, 86400, "A pharmacist's approval not given after this raises an alert."),
    NUMBER(ready_alert_s, "s", "1800", 60, 86400, "A pharmacy's ready not given this long after approval raises an alert."),
    NUMBER(answer_timeout_s, "s", "120", 5, 3600, "An offer that a courier has not answered after this counts as declined."),
    NUMBER(offer_horizon_s, "s", "900", 0, 10800, "An order is offered this long before its first stop is planned to begin."),
    NUMBER(courier_silent_s, "s", "300", 10, 86400, "No position for this long from a courier with orders raises an alert."),
    NUMBER(replan_s, "s", "60", 5, 3600, "The running plan is improved at least this often."),
    NUMBER(cold_ride_max_s, "s", "7200", 0, 86400, "Cold medicine is planned to be out of the pharmacy's fridge no longer than this; 0: no limit."),
};

enum { SOURCES_MAX = 64 };

struct daemon {
    struct config config;
    struct source { int option; const char *text; } sources[SOURCES_MAX]; /* where `config` came from, in order: read again on SIGHUP */
    size_t source_count;
    double clock_speed;
    int64_t clock_anchor_ms;
    struct loop *loop;
    struct engine *engine;
    struct api *api;
    struct web *web;              /* NULL: no HTTP */
    struct loop_timer *watch;
    atomic_bool fatal;
    bool stopping;
};

static const char USAGE[] =
    "usage: meddispatch serve -c FILE [--set KEY=VALUE]… [--insecure] [--clock-speed X [--clock-anchor MS]]\n"
    "       meddispatch serve --print-config | --print-config-table\n\n"
    "Runs one city: gRPC service, intake, dispatch, planner. SIGTERM and SIGINT stop it gracefully,\n"
    "SIGHUP reads the configuration and the TLS certificate again: what can change while it runs does, the log\n"
    "names the keys that wait for a restart, and a file with a fault changes nothing.\n"
    "  --insecure         as insecure = true: nobody is asked for a token; loopback only\n"
    "  --clock-speed X    the city's clock runs X times faster (1..3600), to play hours in minutes; refused with production = true\n"
    "  --clock-anchor MS  real Unix time in ms at which city time and real time agree (default: now); give the same after a restart\n";

/* ---- arguments ---- */

static int print_config(bool table)
{
    struct buffer out;
    buffer_init(&out, 1 << 20);
    if (table) config_print_markdown(KEYS, COUNT_OF(KEYS), &out);
    else config_print_example(KEYS, COUNT_OF(KEYS), &out);
    fwrite(out.data, 1, out.size, stdout);
    buffer_deinit(&out);
    return EXIT_DONE;
}

static enum status set_pair(struct config *config, const char *pair, struct error *err)
{
    char name[CONFIG_TEXT_MAX];
    const char *equals = strchr(pair, '=');
    if (!equals || (size_t)(equals - pair) >= sizeof name) return error_field(err, "--set", "takes KEY=VALUE");
    memcpy(name, pair, (size_t)(equals - pair));
    name[equals - pair] = 0;
    return config_set(KEYS, COUNT_OF(KEYS), name, equals + 1, config, err);
}

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]:", 6) == 0 || strncmp(address, "unix:", 5) == 0;
}

static enum status check(const struct daemon *daemon, struct error *err)
{
    if (!daemon->config.db[0]) return error_field(err, "db", "is required: a libpq connection string");
    if (!daemon->config.map[0]) return error_field(err, "map", "is required: a file made by `meddispatch map build`");
    if (!is_loopback(daemon->config.listen) && !daemon->config.tls_certificate[0]) return error_field(err, "listen", "must be a loopback address or a Unix socket unless tls_certificate is set: tokens would travel in the clear");
    if (daemon->config.insecure && !is_loopback(daemon->config.listen)) return error_field(err, "insecure", "is for loopback addresses and Unix sockets only: nobody is checked");
    if (daemon->config.insecure && daemon->config.production) return error_field(err, "insecure", "is refused with production = true");
    if (!daemon->config.tls_certificate[0] && (daemon->config.tls_key[0] || daemon->config.tls_client_ca[0]))
        return error_field(err, "tls_certificate", "is required by tls_key and tls_client_ca");
    if (daemon->config.http_listen[0] && !is_loopback(daemon->config.http_listen))
        return error_field(err, "http_listen", "must be a loopback address or a Unix socket: it speaks plain HTTP; a proxy adds TLS");
    if (daemon->config.production && daemon->clock_speed != 1) return error_field(err, "--clock-speed", "is refused with production = true");
    return STATUS_OK;
}

/* One source of the configuration: a file, a --set, --insecure. */
static enum status take_source(struct config *config, const struct source *source, struct error *err)
{
    if (source->option == 'c') return config_read(KEYS, COUNT_OF(KEYS), source->text, config, err);
    if (source->option == 's') return set_pair(config, source->text, err);
    config->insecure = true;
    return STATUS_OK;
}

static enum status add_source(struct daemon *daemon, int option, const char *text, struct error *err)
{
    if (daemon->source_count == SOURCES_MAX) return error_set(err, STATUS_INVALID_ARGUMENT, "more than %d of --config, --set and --insecure", SOURCES_MAX);
    struct source *source = &daemon->sources[daemon->source_count++];
    *source = (struct source){option, text};
    return take_source(&daemon->config, source, err);
}

static int parse(int argc, char **argv, struct daemon *daemon)
{
    static const struct option OPTIONS[] = {{"config", required_argument, NULL, 'c'}, {"set", required_argument, NULL, 's'},
                                            {"clock-speed", required_argument, NULL, 'x'}, {"clock-anchor", required_argument, NULL, 'a'},
                                            {"print-config", no_argument, NULL, 'p'}, {"print-config-table", no_argument, NULL, 't'},
                                            {"insecure", no_argument, NULL, 'i'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    struct error err = {0};
    enum status rc = config_defaults(KEYS, COUNT_OF(KEYS), &daemon->config, &err);
    ASSERT(rc == STATUS_OK);
    int option;
    while (rc == STATUS_OK && (option = getopt_long(argc, argv, "c:", OPTIONS, NULL)) != -1) {
        switch (option) {
        case 'c':
        case 's':
        case 'i': rc = add_source(daemon, option, optarg, &err); break;
        case 'x':
            if (!text_to_double(optarg, 1, 3600, &daemon->clock_speed)) rc = error_field(&err, "--clock-speed", "takes 1..3600");
            break;
        case 'a':
            if (!text_to_i64(optarg, 0, INT64_C(7258118400000), &daemon->clock_anchor_ms)) rc = error_field(&err, "--clock-anchor", "takes Unix time in ms");
            break;
        case 'p': return print_config(false), -1;
        case 't': return print_config(true), -1;
        case 'h': return fputs(USAGE, stdout), -1;
        default: return EXIT_USAGE;
        }
    }
    if (rc == STATUS_OK && optind != argc) return fputs(USAGE, stderr), EXIT_USAGE;
    if (rc == STATUS_OK) rc = check(daemon, &err);
    return rc == STATUS_OK ? EXIT_DONE : exit_told("serve", err.status, &err);
}

/* ---- running ---- */

static void on_fatal(void *context, const char *why)
{
    (void)why; /* logged by the engine */
    struct daemon *daemon = context;
    atomic_store(&daemon->fatal, true);
}

static void on_drained(void *context)
{
    struct daemon *daemon = context;
    loop_stop(daemon->loop);
}

static void on_stop(void *context)
{
    struct daemon *daemon = context;
    if (daemon->stopping) return;
    daemon->stopping = true;
    if (daemon->web) web_set_ready(daemon->web, false);
    log_info("event=stopping drain_s=%lld", (long long)daemon->config.drain_s);
    api_shutdown(daemon->api, (uint32_t)daemon->config.drain_s * 1000, on_drained, daemon);
}

/* Every half second: an engine that cannot go on ends the process at once, so that nobody is told things that are not written. */
static void on_watch(void *context)
{
    struct daemon *daemon = context;
    if (atomic_load(&daemon->fatal)) {
        log_error("event=ended reason=fatal");
        _exit(EXIT_AWAY);
    }
    loop_timer_start(daemon->watch, 500);
}

static struct world_options world_options(const struct config *config)
{
    struct world_options options = world_options_default((struct city_id){(uint32_t)config->city});
    options.approval_alert_s = (uint32_t)config->approval_alert_s;
    options.ready_alert_s = (uint32_t)config->ready_alert_s;
    options.answer_timeout_s = (uint32_t)config->answer_timeout_s;
    options.offer_horizon_s = (uint32_t)config->offer_horizon_s;
    options.courier_silent_s = (uint32_t)config->courier_silent_s;
    options.replan_s = (uint32_t)config->replan_s;
    options.cold_ride_max_s = (uint32_t)config->cold_ride_max_s;
    return options;
}

static struct engine_options engine_options(struct daemon *daemon, const char *holder)
{
    const struct config *config = &daemon->config;
    struct engine_options options = {
        .db = config->db, .map_path = config->map, .traffic_path = config->traffic, .holder = holder, .city = {(uint32_t)config->city}, .snap_max_m = (uint32_t)config->snap_max_m,
        .intake_batch = (uint32_t)config->intake_batch, .writer_batch = (uint32_t)config->writer_batch, .queue_capacity = (uint32_t)config->queue_capacity,
        .plan_iterations = (uint32_t)config->plan_iterations, .commit_patience_s = (uint32_t)config->commit_patience_s,
        .world = world_options(config), .books = books_do, .books_db = config->settlement_db, .on_fatal = on_fatal, .fatal_context = daemon};
    return options;
}

static void name_node(const struct config *config, char *out, size_t capacity)
{
    char host[64] = "host";
    if (config->node[0]) {
        text_copy(out, capacity, config->node);
        return;
    }
    if (gethostname(host, sizeof host - 1) != 0) text_copy(host, sizeof host, "host");
    text_format(out, capacity, "%s %s", host, config->listen);
}

static void write_metrics(struct buffer *out, void *context)
{
    const struct daemon *daemon = context;
    api_metrics(daemon->api, out);
}

/* The tiles are a copy of what is drawn of the map: the engine's own map is left alone. */
static enum status start_web(struct daemon *daemon, struct error *err)
{
    struct geo_error geo_error = {.text = ""};
    struct geo_map *map = NULL;
    const struct config *config = &daemon->config;
    struct web_options options = {.address = config->http_listen, .files = config->http_files[0] ? config->http_files : NULL, .hosts = config->http_hosts,
                                  .origins = config->http_origins, .calls = api_calls(daemon->api), .calls_loop = daemon->loop, .metrics = write_metrics, .metrics_context = daemon};
    if (!options.address[0]) return STATUS_OK;
    enum geo_status drawn = geo_map_open(daemon->config.map, &map, &geo_error);
    if (drawn == GEO_OK) drawn = geo_tiles_new(geo_map_graph(map), &options.tiles, &geo_error);
    geo_map_unref(map);
    if (drawn != GEO_OK) return error_set(err, drawn == GEO_NO_MEMORY ? STATUS_UNAVAILABLE : STATUS_INVALID_ARGUMENT, "tiles of %s: %s", daemon->config.map, geo_error.text);
    enum status rc = web_start(&options, &daemon->web, err);
    if (rc != STATUS_OK) {
        geo_tiles_free(options.tiles);
        return error_context(err, "http_listen: ");
    }
    return STATUS_OK;
}

static void announce(const struct daemon *daemon)
{
    if (daemon->clock_speed != 1)
        log_warn("event=clock speed=%g anchor_ms=%lld note=\"city time runs faster than real time: for demonstrations only\"", daemon->clock_speed,
                 (long long)daemon->clock_anchor_ms);
    if (daemon->config.insecure)
        log_warn("event=insecure note=\"nobody is asked for a token: whoever reaches %s may do everything; for development only\"", daemon->config.listen);
    if (daemon->web) {
        log_info("event=listening_http address=%s", web_address(daemon->web));
        printf("http address=%s\n", web_address(daemon->web));
    }
    log_info("event=listening address=%s city=%lld", api_address(daemon->api), (long long)daemon->config.city);
    printf("listening address=%s\n", api_address(daemon->api));
    fflush(stdout);
}

static struct rpc_tls tls_files(const struct config *config)
{
    return (struct rpc_tls){.certificate_file = config->tls_certificate[0] ? config->tls_certificate : NULL, .key_file = config->tls_key[0] ? config->tls_key : NULL,
                            .client_ca_file = config->tls_client_ca[0] ? config->tls_client_ca : NULL, .client_certificate_needed = config->tls_client_ca[0]};
}

/* Keys that may change while the daemon runs. */
static const char *const LIVE[] = {"tls_certificate", "tls_key", "tls_client_ca", "caller_calls_per_s", "drain_s", "approval_alert_s", "ready_alert_s", "answer_timeout_s", "offer_horizon_s",
                                   "courier_silent_s", "replan_s", "cold_ride_max_s"};

static bool is_live(const struct config_key *key)
{
    for (size_t i = 0; i < COUNT_OF(LIVE); i++)
        if (strcmp(LIVE[i], key->name) == 0) return true;
    return false;
}

/* All sources again, as at the start. On an error nothing has changed. */
static enum status read_again(struct daemon *daemon, struct error *err)
{
    struct daemon *fresh = mem_zalloc(1, sizeof *fresh);
    fresh->clock_speed = daemon->clock_speed;
    enum status rc = config_defaults(KEYS, COUNT_OF(KEYS), &fresh->config, err);
    for (size_t i = 0; rc == STATUS_OK && i < daemon->source_count; i++) rc = take_source(&fresh->config, &daemon->sources[i], err);
    if (rc == STATUS_OK) rc = check(fresh, err);
    /* a listener that began with TLS keeps it, and one without stays without */
    if (rc == STATUS_OK && !fresh->config.tls_certificate[0] != !daemon->config.tls_certificate[0])
        rc = error_field(err, "tls_certificate", "can be another file while the daemon runs, but not come or go: restart it");
    if (rc != STATUS_OK) goto out;
    struct world_options options = world_options(&fresh->config);
    if (!engine_set_world(daemon->engine, &options)) {
        rc = error_set(err, STATUS_RESOURCE_EXHAUSTED, "the city's queue is full: send SIGHUP again");
        goto out;
    }
    for (size_t i = 0; i < COUNT_OF(KEYS); i++) {
        if (!config_differs(&KEYS[i], &fresh->config, &daemon->config)) continue;
        if (is_live(&KEYS[i])) {
            config_copy(&KEYS[i], &fresh->config, &daemon->config);
            log_info("event=reload key=%s now=changed", KEYS[i].name);
        } else {
            log_warn("event=reload key=%s now=kept note=\"takes effect after a restart\"", KEYS[i].name);
        }
    }
    api_set_caller_limit(daemon->api, (uint32_t)daemon->config.caller_calls_per_s);
out:
    free(fresh);
    return rc;
}

/* SIGHUP: a configuration that has been edited, certificates that have been renewed. */
static void on_reload(void *context)
{
    struct daemon *daemon = context;
    struct error err;
    if (read_again(daemon, &err) != STATUS_OK) {
        log_error("event=reload configuration=kept error=\"%s\"", err.text);
        return;
    }
    log_info("event=reload configuration=read");
    struct rpc_tls tls = tls_files(&daemon->config);
    if (!tls.certificate_file) log_info("event=reload note=\"no certificate is configured\"");
    else if (api_reload_tls(daemon->api, &tls, &err) == STATUS_OK) log_info("event=reload certificate=read");
    else log_error("event=reload certificate=kept error=\"%s\"", err.text);
}

/* Without keys no order could be taken in: said at the start, not at the first order. */
static enum status start_keys(const struct config *config, struct error *err)
{
    char path[CONFIG_TEXT_MAX];
    bool given, made = false;
    TRY(store_keys_path(config->key_file, path, sizeof path, &given, err));
    if (!given && config->production) return error_field(err, "key_file", "is required with production = true: names and addresses are sealed");
    TRY(given ? store_keys_use(path, err) : store_keys_use_or_make(path, &made, err));
    if (made) log_warn("event=keys_made file=%s note=\"without a copy of it names and addresses are lost\"", path);
    return STATUS_OK;
}

static int run(struct daemon *daemon)
{
    struct error err;
    char holder[HOLDER_TEXT_MAX];
    if (start_keys(&daemon->config, &err) != STATUS_OK) return exit_told("serve", err.status, &err);
    name_node(&daemon->config, holder, sizeof holder);
    struct engine_options options = engine_options(daemon, holder);
    if (engine_start(&options, &daemon->engine, &err) != STATUS_OK) return exit_told("serve", err.status, &err);
    daemon->loop = loop_new();
    struct api_options api = {.engine = daemon->engine, .loop = daemon->loop, .address = daemon->config.listen, .tls = tls_files(&daemon->config),
                              .request_bytes_max = (uint32_t)daemon->config.request_bytes_max,
                              .insecure = daemon->config.insecure, .calls_per_s = (uint32_t)daemon->config.caller_calls_per_s};
    int code = EXIT_DONE;
    if (api_new(&api, &daemon->api, &err) != STATUS_OK || start_web(daemon, &err) != STATUS_OK) {
        code = exit_told("serve", err.status, &err);
    } else {
        struct loop_signal *term = loop_signal_new(daemon->loop, SIGTERM, on_stop, daemon), *interrupt = loop_signal_new(daemon->loop, SIGINT, on_stop, daemon),
                           *reload = loop_signal_new(daemon->loop, SIGHUP, on_reload, daemon);
        daemon->watch = loop_timer_new(daemon->loop, on_watch, daemon);
        loop_timer_start(daemon->watch, 500);
        if (daemon->web) web_set_ready(daemon->web, true);
        announce(daemon);
        loop_run(daemon->loop);
        loop_signal_free(term);
        loop_signal_free(interrupt);
        loop_signal_free(reload);
        loop_timer_free(daemon->watch);
    }
    web_stop(daemon->web);
    engine_stop(daemon->engine); /* the api may still be told things: it is freed after */
    api_free(daemon->api);
    loop_free(daemon->loop);
    return code;
}

int cmd_serve(int argc, char **argv)
{
    struct daemon *daemon = mem_zalloc(1, sizeof *daemon);
    daemon->clock_speed = 1;
    int code = parse(argc, argv, daemon);
    if (code == EXIT_DONE) {
        log_init(LOG_INFO);
        signal(SIGPIPE, SIG_IGN);
        if (daemon->clock_anchor_ms == 0) daemon->clock_anchor_ms = clock_real_ms();
        clock_init(daemon->clock_speed, daemon->clock_anchor_ms);
        code = run(daemon);
        log_info("event=ended code=%d", code);
    }
    free(daemon);
    return code == -1 ? EXIT_DONE : code;
}
