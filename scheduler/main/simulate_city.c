/* simulate --map: the roads, the traffic by hour and the demand file in; every policy plays the same day; a table or JSON lines out. */
#include "simulate.h"

#include "csv.h"
#include "geo_traffic/geo_traffic.h"
#include "main.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { HOURS = 24, FIRST_HOUR = 10, KEPT_PERMILLE = 990 };

struct city {
    struct geo_map *map;
    struct geo_metric *free_flow, *hours[HOURS];
    const struct geo_metric *by_hour[HOURS]; /* the same, for sim */
    struct sim_row *rows;
};

/* ---- what goes in ---- */

static enum status from_geo(enum geo_status status, const char *what, const struct geo_error *geo_error, struct error *err)
{
    if (status == GEO_OK) return STATUS_OK;
    bool away = status == GEO_IO || status == GEO_NO_MEMORY;
    return error_set(err, away ? STATUS_UNAVAILABLE : STATUS_INVALID_ARGUMENT, "%s: %s", what, geo_error->text);
}

/* Travel times of the hours that a day can see; hours with equal times could share, but a city's are made in a second. */
static enum status read_traffic(struct city *city, const char *path, uint32_t hours, struct error *err)
{
    struct geo_traffic *table = mem_alloc(sizeof *table);
    struct geo_error geo_error = {{0}};
    struct geo_map_info info;
    geo_map_info(city->map, &info);
    uint32_t *travel_ms = mem_zalloc(info.arc_count + 1, sizeof *travel_ms);
    enum status rc = from_geo(geo_traffic_read(path, table, &geo_error), path, &geo_error, err);
    for (uint32_t i = 0; i < HOURS && rc == STATUS_OK; i++) {
        uint32_t hour = (FIRST_HOUR + i) % HOURS;
        bool seen = i <= hours + 5;
        if (seen) rc = from_geo(geo_traffic_times(city->map, table, hour, NULL, 0, travel_ms, &geo_error), path, &geo_error, err);
        if (seen && rc == STATUS_OK) rc = from_geo(geo_metric_timed(city->map, travel_ms, &city->hours[hour], &geo_error), path, &geo_error, err);
        city->by_hour[hour] = city->hours[hour] ? city->hours[hour] : city->free_flow;
    }
    free(travel_ms);
    free(table);
    return rc;
}

static enum status number_of(const struct csv *csv, const char *name, double min, double max, double fallback, double *out, struct error *err)
{
    int column = csv_column(csv, name);
    *out = fallback;
    if (column < 0 || !csv->fields[column][0]) return STATUS_OK;
    if (text_to_double(csv->fields[column], min, max, out)) return STATUS_OK;
    return error_set(err, STATUS_INVALID_ARGUMENT, "%s line %" PRIu64 ": %s is no number of %g to %g", csv->path, csv->line, name, min, max);
}

static enum status read_row(const struct csv *csv, uint32_t hours, struct sim_row *row, struct error *err)
{
    double accepted, ready, service, urgent;
    const double last = hours * 3600.0;
    TRY(number_of(csv, "accepted_s", 0, last, 0, &accepted, err));
    TRY(number_of(csv, "ready_s", 0, last + 14400, 0, &ready, err));
    TRY(number_of(csv, "service_s", 0, 3600, 0, &service, err));
    TRY(number_of(csv, "urgent", 0, 1, 0, &urgent, err));
    TRY(number_of(csv, "pickup_lat", -85, 85, 0, &row->pickup_lat, err));
    TRY(number_of(csv, "pickup_lon", -180, 180, 0, &row->pickup_lon, err));
    TRY(number_of(csv, "home_lat", -85, 85, 0, &row->home_lat, err));
    TRY(number_of(csv, "home_lon", -180, 180, 0, &row->home_lon, err));
    const char *kind = csv->fields[csv_column(csv, "kind")];
    row->test = strcmp(kind, "test") == 0;
    if (!row->test && strcmp(kind, "prescription") != 0)
        return error_set(err, STATUS_INVALID_ARGUMENT, "%s line %" PRIu64 ": kind is prescription or test", csv->path, csv->line);
    row->accepted_s = (int32_t)accepted;
    row->ready_s = (int32_t)ready;
    row->service_s = (uint32_t)service;
    row->urgent = urgent >= 0.5;
    return STATUS_OK;
}

static enum status read_rows(struct csv *csv, struct city *city, struct simulate_options *options, struct error *err)
{
    static const char *const NEEDED[] = {"kind", "accepted_s", "pickup_lat", "pickup_lon", "home_lat", "home_lon"};
    for (size_t i = 0; i < COUNT_OF(NEEDED); i++)
        if (csv_column(csv, NEEDED[i]) < 0) return error_set(err, STATUS_INVALID_ARGUMENT, "%s: no column '%s'", csv->path, NEEDED[i]);
    uint32_t count = 0, capacity = 0;
    for (bool end;;) {
        TRY(csv_next(csv, &end, err));
        if (end) break;
        if (count == SIM_ORDERS_MAX) return error_set(err, STATUS_INVALID_ARGUMENT, "%s: more than %d orders", csv->path, SIM_ORDERS_MAX);
        if (count == capacity) {
            capacity = capacity ? 2 * capacity : 256;
            city->rows = mem_realloc(city->rows, capacity, sizeof *city->rows);
        }
        memset(&city->rows[count], 0, sizeof *city->rows);
        TRY(read_row(csv, options->sim.hours, &city->rows[count], err));
        if (count && city->rows[count].accepted_s < city->rows[count - 1].accepted_s)
            return error_set(err, STATUS_INVALID_ARGUMENT, "%s line %" PRIu64 ": orders ascend by accepted_s", csv->path, csv->line);
        count++;
    }
    if (count == 0) return error_set(err, STATUS_INVALID_ARGUMENT, "%s: no orders", csv->path);
    options->sim.orders = count;
    options->sim.rows = city->rows;
    return STATUS_OK;
}

static enum status read_demand(struct city *city, struct simulate_options *options, struct error *err)
{
    struct csv *csv = mem_zalloc(1, sizeof *csv);
    enum status rc = csv_open(options->demand, csv, err);
    if (rc == STATUS_OK) {
        rc = read_rows(csv, city, options, err);
        csv_close(csv);
    }
    free(csv);
    return rc;
}

/* ---- what comes out ---- */

static double peak_mb(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_maxrss / 1024 : 0;
}

static void print_json(const struct simulate_options *options, const struct sim_result *r, int64_t wall_us)
{
    char digest[65];
    hash_hex(r->digest.byte, sizeof r->digest.byte, digest);
    double played_s = (options->sim.hours + 5.0) * 3600;
    printf("{\"policy\":\"%s\",\"seed\":%" PRIu64 ",\"orders\":%u,\"tests\":%u,\"couriers\":%u,\"hours\":%u,\"surge\":%.2f,\"delivered\":%u,\"at_lab\":%u,\"failed\":%u,\"returned\":%u,"
           "\"cancelled\":%u,\"rejected\":%u,\"unfinished\":%u,\"share_within_3h\":%.4f,\"share_of_all_within_3h\":%.4f,\"mean_minutes\":%.2f,\"p50_minutes\":%.2f,\"p90_minutes\":%.2f,"
           "\"p99_minutes\":%.2f,\"late_minutes_per_order\":%.3f,",
           sim_policy_name(options->sim.policy), options->sim.seed, r->orders, r->tests, options->sim.couriers, options->sim.hours, options->sim.surge_percent / 100.0, r->delivered, r->at_lab,
           r->failed, r->returned, r->cancelled, r->rejected, r->unfinished, r->share_within_3h, r->share_of_all_within_3h, r->mean_min, r->p50_min, r->p90_min, r->p99_min, r->late_min_per_order);
    printf("\"km_per_order\":%.3f,\"work_minutes_per_order\":%.2f,\"changes_per_order\":%.4f,\"collection_to_lab_minutes\":%.2f,\"specimens\":%u,\"specimens_too_old\":%u,"
           "\"promises_missed\":%u,\"breakdowns\":%u,\"declines\":%u,\"offline\":%u,\"facts\":%" PRIu64 ",\"plans\":%" PRIu64 ",\"evaluations\":%" PRIu64 ",\"decision_mean_ms\":%.3f,"
           "\"decision_max_ms\":%.3f,\"digest\":\"%s\",\"wall_seconds\":%.2f,\"times_real_time\":%.1f,\"peak_mb\":%.1f}\n",
           r->km_per_order, r->work_min_per_order, r->changes_per_order, r->collection_to_lab_mean_min, r->specimens, r->specimens_too_old, r->promises_missed, r->breakdowns, r->declines,
           r->offline, r->facts, r->plans, r->evaluations, r->decision_mean_ms, r->decision_max_ms, digest, (double)wall_us / 1e6, wall_us ? played_s * 1e6 / (double)wall_us : 0, peak_mb());
}

static void print_head(const struct simulate_options *options)
{
    if (options->json) return;
    printf("%u orders%s, %u couriers, %u hours, seed %" PRIu64 "; minutes from acceptance to the door or the laboratory\n", options->sim.orders,
           options->sim.surge_percent > 100 ? " and a surge" : "", options->sim.couriers, options->sim.hours, options->sim.seed);
    printf("%-8s %6s %6s %6s %7s %6s %6s %6s %6s %6s %6s %7s %7s %8s %9s\n", "policy", "done", "open", "ended", "<=3h%", "mean", "p50", "p90", "p99", "km", "work", "changes", "too old", "ms/plan",
           "x real");
}

static void print_line(const struct simulate_options *options, const struct sim_result *r, int64_t wall_us)
{
    printf("%-8s %6u %6u %6u %7.2f %6.1f %6.1f %6.1f %6.1f %6.2f %6.1f %7.3f %3u/%-3u %8.2f %9.0f\n", sim_policy_name(options->sim.policy), r->delivered + r->at_lab, r->unfinished,
           r->failed + r->returned + r->cancelled + r->rejected, 100 * r->share_of_all_within_3h, r->mean_min, r->p50_min, r->p90_min, r->p99_min, r->km_per_order, r->work_min_per_order,
           r->changes_per_order, r->specimens_too_old, r->specimens, r->decision_mean_ms, wall_us ? (options->sim.hours + 5.0) * 3600e6 / (double)wall_us : 0);
}

static double above(uint64_t played_s, uint64_t best_s)
{
    return best_s ? 100.0 * ((double)played_s / (double)best_s - 1) : 0;
}

static void print_hindsight(const struct simulate_options *options, const struct sim_result *r)
{
    if (options->json)
        printf("{\"hindsight_of\":\"%s\",\"played_travel_s\":%" PRIu64 ",\"played_late_s\":%" PRIu64 ",\"same_prices_travel_s\":%" PRIu64 ",\"same_prices_late_s\":%" PRIu64
               ",\"travel_alone_travel_s\":%" PRIu64 ",\"travel_alone_late_s\":%" PRIu64 ",\"left\":%u,\"above_same_prices_percent\":%.2f,\"above_travel_alone_percent\":%.2f}\n",
               sim_policy_name(options->sim.policy), r->played_travel_s, r->played_late_s, r->foresight_travel_s, r->foresight_late_s, r->hindsight_travel_s, r->hindsight_late_s,
               r->hindsight_left, above(r->played_travel_s, r->foresight_travel_s), above(r->played_travel_s, r->hindsight_travel_s));
    else printf("         %.1f h on the road, %.1f min late; had all been known, by the same prices %.1f h, %.1f min (%+.1f %%), by travel alone %.1f h, %.1f min (%+.1f %%), %u left out\n",
                (double)r->played_travel_s / 3600, (double)r->played_late_s / 60, (double)r->foresight_travel_s / 3600, (double)r->foresight_late_s / 60,
                above(r->played_travel_s, r->foresight_travel_s), (double)r->hindsight_travel_s / 3600, (double)r->hindsight_late_s / 60,
                above(r->played_travel_s, r->hindsight_travel_s), r->hindsight_left);
}

/* ---- the plays ---- */

static enum status play(const struct simulate_options *options, const struct city *city, struct sim_result *out, struct error *err)
{
    int64_t begin_us = clock_boot_us();
    TRY(sim_run(city->free_flow, &options->sim, out, err));
    if (options->fleet_search) return STATUS_OK;
    if (options->json) print_json(options, out, clock_boot_us() - begin_us);
    else print_line(options, out, clock_boot_us() - begin_us);
    if (options->sim.hindsight_iterations) print_hindsight(options, out);
    fflush(stdout);
    return STATUS_OK;
}

static enum status keeps(struct simulate_options *options, const struct city *city, uint32_t couriers, bool *kept, double *share, struct error *err)
{
    struct sim_result result;
    options->sim.couriers = couriers;
    TRY(play(options, city, &result, err));
    *share = result.share_of_all_within_3h;
    *kept = *share * 1000 >= KEPT_PERMILLE;
    return STATUS_OK;
}

/* From a number that keeps 99 % down by quarters until one doesn't, then halving the span. Days that are lost are not played to their end: there the
 * orders pile up, which takes longest. */
static enum status search_fleet(struct simulate_options *options, const struct city *city, struct error *err)
{
    uint32_t low = 0, high = options->sim.orders / 8 + 1; /* low fails, high keeps */
    double share = 0, one;
    bool kept = false;
    options->sim.misses_max = options->sim.orders / 30 + 2;
    for (;; low = high, high += high / 2 + 1) {
        if (high > SIM_COURIERS_MAX || high > 2 * options->sim.orders) return error_set(err, STATUS_FAILED_PRECONDITION, "no number of couriers up to %d keeps 99 %% within three hours", high);
        TRY(keeps(options, city, high, &kept, &share, err));
        if (kept) break;
    }
    while (high - low > 1) {
        uint32_t middle = low ? low + (high - low) / 2 : high - high / 4 - 1;
        TRY(keeps(options, city, middle, &kept, &one, err));
        if (kept) {
            high = middle;
            share = one;
        } else low = middle;
    }
    const char *name = sim_policy_name(options->sim.policy);
    if (options->json)
        printf("{\"policy\":\"%s\",\"seed\":%" PRIu64 ",\"orders\":%u,\"couriers_needed\":%u,\"share_of_all_within_3h\":%.4f}\n", name, options->sim.seed, options->sim.orders, high, share);
    else printf("%-8s needs %u couriers: %.2f %% of %u orders within three hours\n", name, high, 100 * share, options->sim.orders);
    fflush(stdout);
    return STATUS_OK;
}

static enum status play_all(struct simulate_options *options, const struct city *city, struct error *err)
{
    if (!options->fleet_search) print_head(options);
    for (uint32_t p = 0; p < options->policy_count; p++) {
        struct sim_result result;
        options->sim.policy = options->policies[p];
        TRY(options->fleet_search ? search_fleet(options, city, err) : play(options, city, &result, err));
    }
    return STATUS_OK;
}

int simulate_city(struct simulate_options *options)
{
    struct city city = {0};
    struct geo_error geo_error = {{0}};
    struct error err = {0};
    if (options->iterations) options->sim.plan_iterations = options->iterations;
    options->sim.clock_us = clock_boot_us;
    enum status rc = from_geo(geo_map_open(options->map, &city.map, &geo_error), options->map, &geo_error, &err);
    if (rc == STATUS_OK) rc = from_geo(geo_metric_new(city.map, &city.free_flow, &geo_error), options->map, &geo_error, &err);
    if (rc == STATUS_OK && options->traffic) {
        rc = read_traffic(&city, options->traffic, options->sim.hours, &err);
        options->sim.by_hour = city.by_hour;
    }
    if (rc == STATUS_OK && options->demand) rc = read_demand(&city, options, &err);
    if (rc == STATUS_OK) rc = play_all(options, &city, &err);
    int code = rc == STATUS_OK ? EXIT_DONE : exit_told("simulate", rc, &err);
    for (uint32_t i = 0; i < HOURS; i++) geo_metric_unref(city.hours[i]);
    geo_metric_unref(city.free_flow);
    geo_map_unref(city.map);
    free(city.rows);
    return code;
}
