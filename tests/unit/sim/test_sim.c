/* A made-up city plays short days: they end, they are the same twice, and the planner beats "the nearest idle courier". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "geo_osm/geo_osm.h"
#include "geo_synth/geo_synth.h"
#include "sim/sim.h"

static char folder[] = "/tmp/test_sim_XXXXXX";
static struct geo_map *map;
static struct geo_metric *metric;

static int make_city(void **state)
{
    (void)state;
    char osm[64], file[64];
    struct geo_error error = {{0}};
    struct geo_graph *graph;
    assert_non_null(mkdtemp(folder));
    snprintf(osm, sizeof osm, "%s/city.osm.pbf", folder);
    snprintf(file, sizeof file, "%s/city.mdmap", folder);
    assert_int_equal(geo_synth_write(osm, 5, 2500, &error), GEO_OK);
    assert_int_equal(geo_osm_build(osm, NULL, &graph, &error), GEO_OK);
    assert_int_equal(geo_map_write(graph, file, &error), GEO_OK);
    geo_graph_free(graph);
    assert_int_equal(geo_map_open(file, &map, &error), GEO_OK);
    assert_int_equal(geo_metric_new(map, &metric, &error), GEO_OK);
    unlink(osm);
    unlink(file);
    rmdir(folder);
    return 0;
}

static int drop_city(void **state)
{
    (void)state;
    geo_metric_unref(metric);
    geo_map_unref(map);
    return 0;
}

static struct sim_options small_day(void)
{
    struct sim_options options = sim_options_default();
    options.orders = 80;
    options.couriers = 14;
    options.hours = 3;
    options.plan_iterations = 20;
    return options;
}

static void play(const struct sim_options *options, struct sim_result *result)
{
    struct error err = {0};
    enum status rc = sim_run(metric, options, result, &err);
    if (rc != STATUS_OK) fail_msg("%s", err.text);
    assert_int_equal(result->orders, options->orders);
    assert_int_equal(result->delivered + result->at_lab + result->failed + result->returned + result->cancelled + result->rejected + result->unfinished, result->orders);
}

static void test_calm_day_delivers_everything(void **state)
{
    (void)state;
    struct sim_options options = small_day();
    options.absent_pm = options.decline_pm = options.cancel_pm = options.late_pharmacy_pm = options.breakdown_pm = options.offline_pm = 0;
    struct sim_result result;
    play(&options, &result);
    assert_int_equal(result.delivered + result.at_lab, options.orders);
    assert_true(result.tests > 5 && result.at_lab == result.tests);
    assert_int_equal(result.specimens_too_old, 0);
    assert_true(result.share_within_3h >= 0.95);
    assert_true(result.p50_min <= result.p90_min && result.p90_min <= result.p99_min && result.mean_min > 10);
    assert_true(result.km_per_order > 0.2);
}

static void test_same_seed_same_facts_another_seed_others(void **state)
{
    (void)state;
    struct sim_options options = small_day();
    struct sim_result a, b, c;
    play(&options, &a);
    play(&options, &b);
    assert_memory_equal(&a.digest, &b.digest, sizeof a.digest);
    assert_memory_equal(&a, &b, sizeof a);
    options.seed = 2;
    play(&options, &c);
    assert_memory_not_equal(&a.digest, &c.digest, sizeof a.digest);
}

static void test_rough_day_ends_with_a_reason_for_everything(void **state)
{
    (void)state;
    struct sim_options options = small_day();
    options.absent_pm = 150;
    options.decline_pm = 200;
    options.cancel_pm = 150;
    options.late_pharmacy_pm = 150;
    options.breakdown_pm = 300;
    struct sim_result result;
    play(&options, &result);
    assert_int_equal(result.unfinished, 0);
    assert_true(result.returned > 0 && result.cancelled > 0 && result.breakdowns > 0 && result.declines > 0);
}

static void test_planner_beats_the_nearest_idle_courier(void **state)
{
    (void)state;
    struct sim_options options = small_day();
    options.couriers = 8;
    struct sim_result lns, nearest;
    play(&options, &lns);
    options.policy = SIM_NEAREST;
    play(&options, &nearest);
    print_message("lns %.0f %% in 3 h, %.1f km; nearest %.0f %%, %.1f km\n", 100 * lns.share_within_3h, lns.km_per_order, 100 * nearest.share_within_3h, nearest.km_per_order);
    assert_true(lns.within_3h >= nearest.within_3h);
    assert_true(lns.km_per_order < nearest.km_per_order);
}

/* The same demand for all; batch shares ways, so it lies between the other two. */
static void test_every_policy_ends_the_same_orders(void **state)
{
    (void)state;
    struct sim_options options = small_day();
    struct sim_result results[3];
    for (uint32_t p = 0; p < 3; p++) {
        options.policy = p == 0 ? SIM_NEAREST : p == 1 ? SIM_BATCH : SIM_LNS;
        play(&options, &results[p]);
        assert_int_equal(results[p].tests, results[0].tests);
        assert_true(results[p].specimens >= results[p].at_lab && results[p].work_min_per_order > 0);
        assert_true(results[p].share_of_all_within_3h <= 1 && results[p].driven_s > 0);
    }
    assert_true(results[1].km_per_order < results[0].km_per_order);
}

static void test_surge_adds_prescriptions_only(void **state)
{
    (void)state;
    struct sim_options options = small_day();
    struct sim_result usual, surge;
    struct error err;
    options.policy = SIM_BATCH;
    options.couriers = 40;
    assert_int_equal(sim_run(metric, &options, &usual, &err), STATUS_OK);
    options.surge_percent = 1400;
    assert_int_equal(sim_run(metric, &options, &surge, &err), STATUS_OK);
    assert_int_equal(surge.orders, 80 + 12 * 13); /* a fifth of three quarters of 80, fourteen times */
    assert_true(surge.tests <= usual.tests + 15);
    assert_int_equal(surge.delivered + surge.at_lab + surge.failed + surge.returned + surge.cancelled + surge.rejected + surge.unfinished, surge.orders);
}

/* Hindsight begins where the day ended: it leaves nothing out, and by travel alone it never drives more. */
static void test_hindsight_is_never_worse(void **state)
{
    (void)state;
    struct sim_options options = small_day();
    struct sim_result result;
    struct error err = {0};
    options.hindsight_iterations = 100;
    assert_int_equal(sim_run(metric, &options, &result, &err), STATUS_INVALID_ARGUMENT); /* not a calm day */
    assert_string_equal(err.field, "hindsight");
    options.absent_pm = options.decline_pm = options.cancel_pm = options.late_pharmacy_pm = options.breakdown_pm = options.offline_pm = 0;
    play(&options, &result);
    assert_int_equal(result.hindsight_left, 0);
    assert_true(result.played_travel_s > 0 && result.played_travel_s <= result.driven_s);
    assert_true(result.hindsight_late_s <= result.played_late_s && result.foresight_late_s <= result.played_late_s);
    if (result.hindsight_late_s == result.played_late_s) assert_true(result.hindsight_travel_s <= result.played_travel_s);
}

static void test_options_out_of_bounds_are_refused(void **state)
{
    (void)state;
    struct sim_result result;
    struct error err;
    struct sim_options options = small_day();
    options.orders = 0;
    assert_int_equal(sim_run(metric, &options, &result, &err), STATUS_INVALID_ARGUMENT);
    assert_string_equal(err.field, "orders");
    options = small_day();
    options.couriers = SIM_COURIERS_MAX + 1;
    assert_int_equal(sim_run(metric, &options, &result, &err), STATUS_INVALID_ARGUMENT);
    options = small_day();
    options.policy = 0;
    assert_int_equal(sim_run(metric, &options, &result, &err), STATUS_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calm_day_delivers_everything),        cmocka_unit_test(test_same_seed_same_facts_another_seed_others),
        cmocka_unit_test(test_rough_day_ends_with_a_reason_for_everything), cmocka_unit_test(test_planner_beats_the_nearest_idle_courier),
        cmocka_unit_test(test_every_policy_ends_the_same_orders),   cmocka_unit_test(test_surge_adds_prescriptions_only),
        cmocka_unit_test(test_hindsight_is_never_worse),            cmocka_unit_test(test_options_out_of_bounds_are_refused),
    };
    return cmocka_run_group_tests(tests, make_city, drop_city);
}
