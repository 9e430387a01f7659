/* A day's demand: pharmacies, laboratories, depots and homes around the city's centres; prescriptions and tests, with peaks at noon and in the
 * evening. Figures are ours, for comparison of policies, not a forecast. */
#include "city.h"

#include <stdlib.h>
#include <string.h>

enum { CENTRES = 7, TRIES = 400, TEST_PM = 250, FLU_PERCENT = 20, PROMISE_MS = 10800000 };

/* Orders an hour by hour of the day, relative. */
static const uint8_t HOURLY[24] = {1, 1, 1, 1, 1, 2, 3, 5, 7, 8, 9, 12, 13, 9, 7, 7, 8, 11, 14, 13, 9, 6, 4, 2};

bool demand_point(struct roads *roads, struct rng *rng, struct point *out)
{
    struct geo_map_info info;
    geo_map_info(geo_metric_map(roads->metric), &info);
    int64_t height = (int64_t)info.north_east.lat_e7 - info.south_west.lat_e7, width = (int64_t)info.north_east.lon_e7 - info.south_west.lon_e7;
    for (unsigned i = 0; i < TRIES; i++) {
        /* centres lie on a lattice in the middle of the map; the sum of three uniforms is bell enough around them */
        uint32_t centre = rng_below(rng, CENTRES);
        double fx = 0.3 + 0.2 * (centre % 3), fy = 0.3 + 0.2 * (centre / 3);
        double dx = (rng_unit(rng) + rng_unit(rng) + rng_unit(rng) - 1.5) * 0.22, dy = (rng_unit(rng) + rng_unit(rng) + rng_unit(rng) - 1.5) * 0.22;
        double x = fx + dx, y = fy + dy;
        if (x < 0 || x > 1 || y < 0 || y > 1) continue;
        struct point at = {(int32_t)(info.south_west.lat_e7 + (int64_t)(y * (double)height)), (int32_t)(info.south_west.lon_e7 + (int64_t)(x * (double)width))};
        if (roads_add(roads, at, out)) return true;
    }
    return false;
}

static int64_t straight(struct point a, struct point b)
{
    return geo_distance_dm((struct geo_point){a.lat_e7, a.lon_e7}, (struct geo_point){b.lat_e7, b.lon_e7});
}

/* Index of the n-th nearest of `count` places. */
static uint32_t nearest(const struct point *places, uint32_t count, struct point to, uint32_t n)
{
    bool taken[PHARMACIES] = {false};
    uint32_t best = 0;
    for (uint32_t round = 0; round <= n; round++) {
        best = count;
        for (uint32_t i = 0; i < count; i++)
            if (!taken[i] && (best == count || straight(places[i], to) < straight(places[best], to))) best = i;
        taken[best] = true;
    }
    return best;
}

static void fill_common(struct order *order, uint32_t id, int64_t at_ms, struct point home)
{
    memset(order, 0, sizeof *order);
    order->id.v = id;
    order->city.v = 1;
    order->phase = ORDER_ADJUDICATED;
    order->priority = PRIORITY_ROUTINE;
    order->accepted_ms = at_ms;
    order->promise_ms = at_ms + PROMISE_MS;
    order->home = (struct stop){.kind = STOP_HOME, .at = home};
}

static void fill_prescription(const struct demand *demand, struct rng *rng, const struct sim_options *options, struct sim_order *out)
{
    struct order *order = &out->order;
    uint32_t pharmacy = nearest(demand->pharmacies, PHARMACIES, order->home.at, rng_below(rng, 3));
    bool cold = rng_below(rng, 10) == 0;
    order->kind = ORDER_KIND_PRESCRIPTION;
    order->needs_approval = true;
    order->goods = (struct order_goods){300 + rng_below(rng, 3000), cold ? 300 + rng_below(rng, 700) : 0, cold ? BIT(SKILL_COLD_CHAIN) : 0};
    order->first = (struct stop){.kind = STOP_PICKUP, .facility = demand->ids[pharmacy], .at = demand->pharmacies[pharmacy], .service_s = 120};
    order->pharmacy = demand->ids[pharmacy];
    order->home.service_s = 120 + rng_below(rng, 120);
    out->approve_ms = order->accepted_ms + 60000 + rng_below(rng, 240000);
    out->ready_ms = out->approve_ms + 300000 + rng_below(rng, 900000);
    if (rng_below(rng, 1000) < options->late_pharmacy_pm) out->ready_ms += 2400000;
    order->ready_ms = order->accepted_ms + 900000;
}

static void fill_test(const struct demand *demand, struct rng *rng, int64_t close_ms, struct sim_order *out)
{
    struct order *order = &out->order;
    uint32_t depot = nearest(demand->depots, DEPOTS, order->home.at, 0);
    order->kind = ORDER_KIND_TEST;
    order->goods = (struct order_goods){200, 0, BIT(SKILL_SAMPLING)};
    order->stability_s = rng_below(rng, 4) ? 14400 : 7200;
    order->first = (struct stop){.kind = STOP_KIT, .facility = demand->ids[PHARMACIES + LABS + depot], .at = demand->depots[depot], .service_s = 60};
    order->home.service_s = 600 + rng_below(rng, 300);
    order->lab_count = 3;
    for (uint32_t i = 0; i < order->lab_count; i++) {
        uint32_t lab = nearest(demand->labs, LABS, order->home.at, i);
        order->labs[i] = (struct stop){.kind = STOP_LAB, .facility = demand->ids[PHARMACIES + lab], .at = demand->labs[lab], .close_ms = close_ms, .service_s = 180};
    }
}

static int by_time(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static int64_t draw_time(struct rng *rng, int64_t start_ms, uint32_t hours)
{
    for (;;) {
        int64_t at_ms = start_ms + (int64_t)(rng_unit(rng) * hours * 3600000.0);
        uint32_t hour = (uint32_t)((at_ms + 28800000) / 3600000 % 24);
        if (rng_below(rng, 14) < HOURLY[hour]) return at_ms;
    }
}

static bool lay_out(struct demand *demand, struct roads *roads, struct rng *rng)
{
    for (uint32_t i = 0; i < PHARMACIES + LABS + DEPOTS; i++) {
        struct point at;
        if (!demand_point(roads, rng, &at)) return false;
        demand->ids[i].v = i + 1;
        if (i < PHARMACIES) demand->pharmacies[i] = at;
        else if (i < PHARMACIES + LABS) demand->labs[i - PHARMACIES] = at;
        else demand->depots[i - PHARMACIES - LABS] = at;
    }
    return true;
}

/* A fifth of a usual day's prescriptions are for fever and flu; a surge multiplies those and nothing else. */
uint32_t demand_size(const struct sim_options *options)
{
    uint64_t flu = (uint64_t)options->orders * (1000 - TEST_PM) * FLU_PERCENT / 100000;
    return options->rows ? options->orders : options->orders + (uint32_t)(flu * (options->surge_percent - 100) / 100);
}

/* Packets against fever are small and wanted soon. */
static void make_flu(struct rng *rng, struct order *order)
{
    order->goods = (struct order_goods){150 + rng_below(rng, 500), 0, 0};
    if (rng_below(rng, 5) == 0) order->priority = PRIORITY_URGENT;
}

static bool place_row(struct roads *roads, double lat, double lon, struct point *out)
{
    return roads_add(roads, (struct point){(int32_t)(lat * 1e7), (int32_t)(lon * 1e7)}, out);
}

static enum status take_rows(struct demand *demand, struct roads *roads, struct rng *rng, const struct sim_options *options, int64_t start_ms, struct error *err)
{
    for (uint32_t i = 0; i < options->orders; i++) {
        const struct sim_row *row = &options->rows[i];
        struct sim_order *out = &demand->orders[i];
        struct point home, first;
        if (!place_row(roads, row->home_lat, row->home_lon, &home)) return error_field(err, "demand", "order %u: no road near the home, or none that leads there and back", i + 1);
        if (!place_row(roads, row->pickup_lat, row->pickup_lon, &first)) return error_field(err, "demand", "order %u: no road near the pick-up, or none that leads there and back", i + 1);
        fill_common(&out->order, i + 1, start_ms + (int64_t)row->accepted_s * 1000, home);
        if (row->test) fill_test(demand, rng, start_ms + ((int64_t)options->hours + 3) * 3600000, out);
        else fill_prescription(demand, rng, options, out);
        out->order.first.at = first;
        out->order.priority = row->urgent ? PRIORITY_URGENT : PRIORITY_ROUTINE;
        if (row->service_s) out->order.home.service_s = row->service_s;
        if (!row->test) {
            out->approve_ms = out->order.accepted_ms;
            out->ready_ms = start_ms + (int64_t)(row->ready_s > row->accepted_s ? row->ready_s : row->accepted_s) * 1000;
            out->order.ready_ms = out->ready_ms;
        }
        out->absent = rng_below(rng, 1000) < options->absent_pm;
        if (rng_below(rng, 1000) < options->cancel_pm) out->cancel_ms = out->order.accepted_ms + rng_below(rng, 3600000);
    }
    return STATUS_OK;
}

enum status demand_make(struct demand *demand, struct roads *roads, const struct sim_options *options, int64_t start_ms, struct error *err)
{
    *demand = (struct demand){.count = demand_size(options)};
    struct rng rng;
    rng_init(&rng, options->seed);
    if (!lay_out(demand, roads, &rng)) return error_set(err, STATUS_INVALID_ARGUMENT, "the map has too few connected roads to lay a city out on it");
    demand->orders = mem_zalloc(demand->count, sizeof *demand->orders);
    if (options->rows) return take_rows(demand, roads, &rng, options, start_ms, err);
    int64_t *times = mem_zalloc(demand->count, sizeof *times);
    uint32_t flu_left = demand->count - options->orders;
    for (uint32_t i = 0; i < demand->count; i++) times[i] = draw_time(&rng, start_ms, options->hours);
    qsort(times, demand->count, sizeof *times, by_time);
    enum status rc = STATUS_OK;
    for (uint32_t i = 0; i < demand->count; i++) {
        struct sim_order *out = &demand->orders[i];
        struct point home;
        bool flu = flu_left > 0 && rng_below(&rng, demand->count - i) < flu_left;
        flu_left -= flu;
        if (!demand_point(roads, &rng, &home)) {
            rc = error_set(err, STATUS_INVALID_ARGUMENT, "no place for a home on this map");
            break;
        }
        fill_common(&out->order, i + 1, times[i], home);
        if (!flu && rng_below(&rng, 1000) < TEST_PM) fill_test(demand, &rng, start_ms + ((int64_t)options->hours + 3) * 3600000, out);
        else fill_prescription(demand, &rng, options, out);
        if (flu) make_flu(&rng, &out->order);
        if (rng_below(&rng, 20) == 0) out->order.priority = PRIORITY_URGENT;
        out->absent = rng_below(&rng, 1000) < options->absent_pm;
        if (rng_below(&rng, 1000) < options->cancel_pm) out->cancel_ms = times[i] + rng_below(&rng, 3600000);
    }
    free(times);
    return rc;
}

void demand_free(struct demand *demand)
{
    free(demand->orders);
}
