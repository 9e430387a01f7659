/* Distances and the Chinese datum against published figures. */
#include "geo_core/geo_core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* One degree of a meridian of the mean sphere: 2 pi 6371008.8 m / 360. */
static void test_distance_of_a_degree(void **context)
{
    (void)context;
    assert_int_equal(geo_distance_dm((struct geo_point){0, 0}, (struct geo_point){10000000, 0}), 1111951);
    assert_int_equal(geo_distance_dm((struct geo_point){0, 0}, (struct geo_point){0, 10000000}), 1111951);
    assert_int_equal(geo_distance_dm((struct geo_point){600000000, 0}, (struct geo_point){600000000, 10000000}), 555970); /* a little less than half: the great circle */
}

static void test_distance_is_symmetric_and_zero_at_home(void **context)
{
    (void)context;
    struct geo_point a = {399010500, 1164207900}, b = {-337991000, -705000000};
    assert_int_equal(geo_distance_dm(a, a), 0);
    assert_int_equal(geo_distance_dm(a, b), geo_distance_dm(b, a));
    struct geo_point pole = {900000000, 0}, other = {-900000000, 1800000000};
    assert_int_equal(geo_distance_dm(pole, other), 200151144); /* half the circle: pi 6371008.8 m */
}

/* Beijing railway station. */
static void test_gcj02_of_beijing_station(void **context)
{
    (void)context;
    struct geo_point gcj02 = geo_gcj02_from_wgs84((struct geo_point){399010500, 1164207900});
    assert_in_range(gcj02.lat_e7, 399024460 - 5, 399024460 + 5);
    assert_in_range(gcj02.lon_e7, 1164270220 - 5, 1164270220 + 5);
}

static void test_gcj02_comes_back(void **context)
{
    (void)context;
    for (int32_t lat = 180000000; lat <= 530000000; lat += 17300000) {
        for (int32_t lon = 740000000; lon <= 1340000000; lon += 23700000) {
            struct geo_point back = geo_wgs84_from_gcj02(geo_gcj02_from_wgs84((struct geo_point){lat, lon}));
            assert_true(abs(back.lat_e7 - lat) <= 1 && abs(back.lon_e7 - lon) <= 1);
        }
    }
}

static void test_gcj02_leaves_the_rest_of_the_world_alone(void **context)
{
    (void)context;
    struct geo_point heidelberg = {494077000, 86908000}, there = geo_gcj02_from_wgs84(heidelberg), back = geo_wgs84_from_gcj02(heidelberg);
    assert_memory_equal(&there, &heidelberg, sizeof there);
    assert_memory_equal(&back, &heidelberg, sizeof back);
}

static void test_error_text_is_cut_not_overrun(void **context)
{
    (void)context;
    struct geo_error error;
    assert_int_equal(geo_error_set(&error, GEO_LIMIT, "%0*d", 2 * GEO_ERROR_MAX, 7), GEO_LIMIT);
    assert_int_equal(error.text[GEO_ERROR_MAX - 1], 0);
    assert_int_equal(geo_error_set(NULL, GEO_IO, "nobody listens"), GEO_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance_of_a_degree),
        cmocka_unit_test(test_distance_is_symmetric_and_zero_at_home),
        cmocka_unit_test(test_gcj02_of_beijing_station),
        cmocka_unit_test(test_gcj02_comes_back),
        cmocka_unit_test(test_gcj02_leaves_the_rest_of_the_world_alone),
        cmocka_unit_test(test_error_text_is_cut_not_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
