/* The schema comes up once, from many places at once, and is refused when it is not ours. */
#include "pg_fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static void expect_open(enum status status, const char *reason)
{
    struct store *store = NULL;
    struct error err = {0};
    assert_int_equal(store_open(fixture_conninfo(), STORE_ROLE_APP, &store, &err), status);
    if (status != STATUS_OK) {
        assert_null(store);
        assert_string_equal(err.reason, reason);
        assert_non_null(strstr(err.text, "migrat"));
    }
    store_close(store);
}

static void test_empty_database_is_refused(void **state)
{
    (void)state;
    expect_open(STATUS_FAILED_PRECONDITION, "");
}

static void *migrate(void *arg)
{
    struct error err = {0};
    uint32_t applied = 0;
    if (store_migrate(fixture_conninfo(), &applied, &err) != STATUS_OK) applied = 1000;
    *(uint32_t *)arg = applied;
    return NULL;
}

static void test_migrations_run_once_however_many_start_them(void **state)
{
    (void)state;
    pthread_t threads[6];
    uint32_t applied[6], sum = 0, again = 9;
    for (int i = 0; i < 6; i++) assert_int_equal(pthread_create(&threads[i], NULL, migrate, &applied[i]), 0);
    for (int i = 0; i < 6; i++) {
        pthread_join(threads[i], NULL);
        sum += applied[i];
    }
    PGconn *raw = fixture_raw(NULL);
    assert_int_equal(sum, raw_number(raw, "SELECT count(*) FROM schema_migration"));
    assert_true(sum >= 2);
    assert_ok(store_migrate(fixture_conninfo(), &again, err));
    assert_int_equal(again, 0);
    PQfinish(raw);
    expect_open(STATUS_OK, "");
}

static void test_altered_checksum_is_refused(void **state)
{
    (void)state;
    PGconn *raw = fixture_raw(NULL);
    raw_ok(raw, "CREATE TABLE kept AS SELECT * FROM schema_migration");
    raw_ok(raw, "UPDATE schema_migration SET sha256 = sha256('other') WHERE version = 1");
    expect_open(STATUS_FAILED_PRECONDITION, "SCHEMA_ALTERED");
    assert_status(STATUS_FAILED_PRECONDITION, store_migrate(fixture_conninfo(), NULL, err));
    raw_ok(raw, "UPDATE schema_migration m SET sha256 = k.sha256 FROM kept k WHERE k.version = m.version");
    expect_open(STATUS_OK, "");
    PQfinish(raw);
}

static void test_newer_and_older_schemas_are_refused(void **state)
{
    (void)state;
    PGconn *raw = fixture_raw(NULL);
    raw_ok(raw, "INSERT INTO schema_migration (version, name, sha256) SELECT max(version) + 1, '9999_future', sha256('') FROM schema_migration");
    expect_open(STATUS_FAILED_PRECONDITION, "SCHEMA_NEWER");
    assert_status(STATUS_FAILED_PRECONDITION, store_migrate(fixture_conninfo(), NULL, err));
    raw_ok(raw, "DELETE FROM schema_migration WHERE name = '9999_future'");
    raw_ok(raw, "DELETE FROM schema_migration WHERE version = (SELECT max(version) FROM schema_migration)");
    expect_open(STATUS_FAILED_PRECONDITION, "SCHEMA_OLDER");
    raw_ok(raw, "INSERT INTO schema_migration SELECT * FROM kept k WHERE k.version NOT IN (SELECT version FROM schema_migration)");
    expect_open(STATUS_OK, "");
    PQfinish(raw);
}

static void test_rows_find_their_month_and_partitions_are_made_ahead(void **state)
{
    (void)state;
    PGconn *raw = fixture_raw(NULL);
    struct store *app = fixture_open(STORE_ROLE_APP);
    int64_t before = raw_number(raw, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'order_event'::regclass");
    assert_ok(store_partitions_ahead(app, INT64_C(1830297600000), 3, err)); /* 2028-01 */
    assert_ok(store_partitions_ahead(app, INT64_C(1830297600000), 3, err));
    assert_int_equal(raw_number(raw, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'order_event'::regclass"), before + 3);
    assert_status(STATUS_INVALID_ARGUMENT, store_partitions_ahead(app, 0, 0, err));
    raw_ok(raw, "INSERT INTO order_event (city_id, stream, seq, at_ms, kind, body) VALUES (1, 0, 1, 1830297600000, 1, ''), (1, 0, 2, 0, 1, '')");
    assert_int_equal(raw_number(raw, "SELECT count(*) FROM order_event_202801"), 1);
    assert_int_equal(raw_number(raw, "SELECT count(*) FROM order_event_other"), 1);
    store_close(app);
    PQfinish(raw);
}

/* No superuser is needed: CREATEROLE and the database are enough, and the daemon's own user only needs the role. */
static void test_ordinary_user_can_migrate_and_serve(void **state)
{
    (void)state;
    PGconn *raw = fixture_raw(NULL);
    raw_ok(raw, "CREATE ROLE deployer LOGIN CREATEROLE");
    raw_ok(raw, "CREATE DATABASE second OWNER deployer");
    char conninfo[400];
    text_format(conninfo, sizeof conninfo, "%s user=deployer dbname=second", fixture_conninfo());
    uint32_t applied = 0;
    assert_ok(store_migrate(conninfo, &applied, err));
    assert_true(applied >= 2);
    assert_ok(store_migrate(conninfo, &applied, err));
    assert_int_equal(applied, 0);
    raw_ok(raw, "CREATE ROLE daemon LOGIN; GRANT meddispatch_app TO daemon");
    text_format(conninfo, sizeof conninfo, "%s user=daemon dbname=second", fixture_conninfo());
    struct store *app = NULL, *settlement = NULL;
    assert_ok(store_open(conninfo, STORE_ROLE_APP, &app, err));
    fixture_city(app, 1, 3, 1000000);
    struct submission s = fixture_prescription(1, 0, "ordinary", "AMLO", 1, 900);
    struct intake_result r = fixture_intake(app, &s);
    assert_int_equal(r.claim.state, CLAIM_HELD);
    assert_status(STATUS_FAILED_PRECONDITION, store_open(conninfo, STORE_ROLE_SETTLEMENT, &settlement, err));
    store_close(app);
    PQfinish(raw);
}

static void test_lost_connection_is_made_anew(void **state)
{
    (void)state;
    PGconn *raw = fixture_raw(NULL);
    struct store *app = fixture_open(STORE_ROLE_APP);
    raw_ok(raw, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'meddispatch'");
    assert_ok(store_ping(app, err));
    raw_ok(raw, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'meddispatch'");
    uint64_t seq = 0;
    assert_status(STATUS_UNAVAILABLE, store_facts_last(app, (struct city_id){1}, &seq, err));
    assert_ok(store_facts_last(app, (struct city_id){1}, &seq, err));
    store_close(app);
    PQfinish(raw);
    struct store *none = NULL;
    assert_status(STATUS_UNAVAILABLE, store_open("host=/nonexistent dbname=x", STORE_ROLE_APP, &none, err));
}

int main(void)
{
    (void)fixture_conninfo();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_database_is_refused),
        cmocka_unit_test(test_migrations_run_once_however_many_start_them),
        cmocka_unit_test(test_altered_checksum_is_refused),
        cmocka_unit_test(test_newer_and_older_schemas_are_refused),
        cmocka_unit_test(test_rows_find_their_month_and_partitions_are_made_ahead),
        cmocka_unit_test(test_ordinary_user_can_migrate_and_serve),
        cmocka_unit_test(test_lost_connection_is_made_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
