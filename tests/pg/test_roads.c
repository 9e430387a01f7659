/* Reports of roads: kept once a key, in force until their time or a withdrawal, bounded; nobody edits or deletes one. */
#include "pg_fixture.h"

#include <stdlib.h>
#include <string.h>

static struct store *app;
static PGconn *raw;
static const struct city_id CITY = {1};
enum { NOW_MS = 1000000 };

static int setup(void **state)
{
    (void)state;
    app = fixture_open(STORE_ROLE_APP);
    raw = fixture_raw(NULL);
    fixture_city(app, 1, 1, 1000);
    fixture_city(app, 2, 1, 1000);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_close(app);
    PQfinish(raw);
    return 0;
}

static struct road_override closed_way(int64_t way, int64_t until_ms)
{
    return (struct road_override){.kind = ROAD_WAY, .way = way, .reported_ms = NOW_MS, .until_ms = until_ms, .actor = "dispatcher:li", .reason = "burst pipe"};
}

static struct cause key_of(const char *key, const void *request, size_t size)
{
    return cause_make("board", key, request, size, "dispatcher:li");
}

static void test_roads_come_back_as_reported(void **state)
{
    (void)state;
    struct point area[] = {{399000000, 1164000000}, {399000000, 1164100000}, {399100000, 1164100000}, {-399100000, -1164000000}};
    struct road_override way = closed_way(INT64_C(5000000000), NOW_MS + 500), slow = way, zone = way;
    slow.kind = ROAD_AT_POINT, slow.way = 0, slow.points = area, slow.point_count = 2, slow.speed_kmh = 7, slow.until_ms = NOW_MS + 900;
    zone.kind = ROAD_AREA, zone.way = 0, zone.points = area, zone.point_count = 4, zone.speed_percent = 40, zone.until_ms = NOW_MS + 100;
    uint64_t ids[3];
    bool repeated;
    struct cause causes[] = {key_of("a", "1", 1), key_of("b", "1", 1), key_of("c", "1", 1)};
    assert_ok(store_road_report(app, CITY, &way, &causes[0], &ids[0], &repeated, err));
    assert_ok(store_road_report(app, CITY, &slow, &causes[1], &ids[1], &repeated, err));
    assert_ok(store_road_report(app, CITY, &zone, &causes[2], &ids[2], &repeated, err));
    assert_false(repeated);
    struct arena *arena = arena_new(1 << 20);
    struct road_override *roads;
    uint32_t count;
    assert_ok(store_roads_read(app, CITY, NOW_MS, false, arena, &roads, &count, err));
    assert_int_equal(count, 3);
    assert_int_equal(roads[0].id, ids[2]);
    assert_int_equal(roads[0].point_count, 4);
    assert_memory_equal(roads[0].points, area, sizeof area);
    assert_int_equal(roads[0].speed_percent, 40);
    assert_int_equal(roads[1].speed_kmh, 7);
    assert_int_equal(roads[1].point_count, 2);
    assert_int_equal(roads[2].way, INT64_C(5000000000));
    assert_string_equal(roads[2].reason, "burst pipe");
    assert_string_equal(roads[2].actor, "dispatcher:li");
    assert_ok(store_roads_read(app, CITY, NOW_MS + 100, false, arena, &roads, &count, err)); /* the zone's last moment is over */
    assert_int_equal(count, 2);
    assert_ok(store_roads_read(app, CITY, NOW_MS + 99, false, arena, &roads, &count, err));
    assert_int_equal(count, 3);
    assert_ok(store_roads_read(app, CITY, NOW_MS + 1000, true, arena, &roads, &count, err));
    assert_int_equal(count, 3);
    assert_ok(store_roads_read(app, (struct city_id){2}, NOW_MS, true, arena, &roads, &count, err)); /* each city has its own */
    assert_int_equal(count, 0);
    arena_free(arena);
}

static void test_a_report_is_kept_once(void **state)
{
    (void)state;
    struct road_override way = closed_way(77, NOW_MS + 50);
    struct cause cause = key_of("once", "x", 1), other = key_of("once", "y", 1);
    uint64_t first, again;
    bool repeated;
    assert_ok(store_road_report(app, CITY, &way, &cause, &first, &repeated, err));
    assert_ok(store_road_report(app, CITY, &way, &cause, &again, &repeated, err));
    assert_true(repeated);
    assert_int_equal(first, again);
    assert_status(STATUS_ALREADY_EXISTS, store_road_report(app, CITY, &way, &other, &again, &repeated, err));
    assert_int_equal(raw_number(raw, "SELECT count(*) FROM road_override WHERE way = 77"), 1);
}

static void test_a_withdrawal_stays(void **state)
{
    (void)state;
    struct road_override way = closed_way(88, NOW_MS + 50);
    struct cause cause = key_of("withdraw", "x", 1);
    uint64_t id;
    bool repeated;
    assert_ok(store_road_report(app, CITY, &way, &cause, &id, &repeated, err));
    assert_ok(store_road_withdraw(app, CITY, id, NOW_MS + 1, "dispatcher:wu", "open again", &repeated, err));
    assert_false(repeated);
    assert_ok(store_road_withdraw(app, CITY, id, NOW_MS + 2, "dispatcher:xu", "twice", &repeated, err));
    assert_true(repeated);
    assert_int_equal(raw_number(raw, "SELECT count(*) FROM road_override WHERE way = 88 AND withdrawn_ms = 1000001 AND withdrawn_by = 'dispatcher:wu'"), 1);
    assert_status(STATUS_NOT_FOUND, store_road_withdraw(app, CITY, id + 1000, NOW_MS, "dispatcher:wu", "none", &repeated, err));
    assert_status(STATUS_NOT_FOUND, store_road_withdraw(app, (struct city_id){2}, id, NOW_MS, "dispatcher:wu", "another city's", &repeated, err));
}

static void test_reports_in_force_are_bounded(void **state)
{
    (void)state;
    raw_ok(raw, "INSERT INTO road_override (city_id, kind, way, points, speed_percent, speed_kmh, reported_ms, until_ms, actor, reason, cause_key, request_hash) "
                 "SELECT 2, 1, g, '{}', 0, 0, 1000000, 1000100, 'x', 'x', substring(sha256(g::text::bytea) FOR 16), 0 FROM generate_series(1, 2000) g");
    struct road_override way = closed_way(9, NOW_MS + 50);
    struct cause cause = key_of("many", "x", 1);
    uint64_t id;
    bool repeated;
    assert_status(STATUS_RESOURCE_EXHAUSTED, store_road_report(app, (struct city_id){2}, &way, &cause, &id, &repeated, err));
    way.reported_ms = NOW_MS + 100, way.until_ms = NOW_MS + 200; /* the others are over */
    assert_ok(store_road_report(app, (struct city_id){2}, &way, &cause, &id, &repeated, err));
}

static void test_no_role_edits_a_report(void **state)
{
    (void)state;
    static const char *const ATTACKS[] = {"DELETE FROM road_override", "UPDATE road_override SET until_ms = until_ms + 1", "UPDATE road_override SET reason = 'x'", "TRUNCATE road_override"};
    static const char *const ROLES[] = {"meddispatch_app", "meddispatch_settlement", "meddispatch_reader"};
    for (size_t r = 0; r < COUNT_OF(ROLES); r++) {
        PGconn *as = fixture_raw(ROLES[r]);
        for (size_t i = 0; i < COUNT_OF(ATTACKS); i++) raw_refused(as, "42501", ATTACKS[i]);
        PQfinish(as);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roads_come_back_as_reported), cmocka_unit_test(test_a_report_is_kept_once), cmocka_unit_test(test_a_withdrawal_stays),
        cmocka_unit_test(test_reports_in_force_are_bounded), cmocka_unit_test(test_no_role_edits_a_report)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
