/* The private ground of store: binary values there and back, pipelines that fail in the middle, commits that did not happen, errors without rows. */
#include "pg_fixture.h"

#include <string.h>

#include "scheduler/store/connection.h"

static struct store *app;

static int setup(void **state)
{
    (void)state;
    app = fixture_open(STORE_ROLE_OWNER);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_close(app);
    return 0;
}

static const struct sql_statement
    ECHO_SCALARS = {"t_scalars", "SELECT $1::smallint, $2::integer, $3::bigint, $4::boolean, $5::text, $6::bytea, $7::bigint"},
    ECHO_SET = {"t_set", "SELECT * FROM unnest($1::boolean[], $2::smallint[], $3::integer[], $4::bigint[], $5::text[], $6::bytea[])"},
    ECHO_I32S = {"t_i32s", "SELECT $1::integer[]"},
    MAKE = {"t_make", "CREATE TABLE IF NOT EXISTS t_probe (city_id integer PRIMARY KEY, name text CHECK (name <> 'poison'))"},
    PUT = {"t_put", "INSERT INTO t_probe VALUES ($1::integer, $2::text)"},
    COUNT = {"t_count", "SELECT count(*) FROM t_probe"},
    NONSENSE = {"t_nonsense", "SELECT no_such_column FROM t_probe"};

static void test_values_come_back_as_they_went(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0, 1, 255, 0};
    struct sql_args args;
    PGresult *res = NULL;
    sql_args_init(&args);
    sql_arg_i16(&args, INT16_MIN);
    sql_arg_i32(&args, INT32_MIN);
    sql_arg_i64(&args, INT64_MIN);
    sql_arg_bool(&args, true);
    sql_arg_text(&args, "药 '\"\\{}");
    sql_arg_bytes(&args, bytes, sizeof bytes);
    sql_arg_null(&args);
    assert_ok(sql_run(app, &ECHO_SCALARS, &args, &res, err));
    assert_int_equal(sql_get_i64(res, 0, 0), INT16_MIN);
    assert_int_equal(sql_get_i64(res, 0, 1), INT32_MIN);
    assert_int_equal(sql_get_i64(res, 0, 2), INT64_MIN);
    assert_true(sql_get_bool(res, 0, 3));
    char text[64];
    sql_get_text(res, 0, 4, text, sizeof text);
    assert_string_equal(text, "药 '\"\\{}");
    size_t size = 0;
    const uint8_t *back = sql_get_bytes(res, 0, 5, &size);
    assert_int_equal(size, sizeof bytes);
    assert_memory_equal(back, bytes, size);
    assert_true(sql_get_null(res, 0, 6));
    assert_int_equal(sql_get_i64(res, 0, 6), 0);
    PQclear(res);
}

static void test_columns_of_any_length_and_nulls(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 300; n += n < 3 ? 1 : 99) {
        struct sql_set set;
        struct sql_args args;
        PGresult *res = NULL;
        sql_set_init(&set, "bhilty");
        for (uint32_t i = 0; i < n; i++) {
            sql_column_number(&set.at[0], i % 2);
            sql_column_number(&set.at[1], -(int64_t)i);
            if (i % 3) sql_column_number(&set.at[2], (int64_t)i * 1000);
            else sql_column_null(&set.at[2]);
            sql_column_number(&set.at[3], INT64_MAX - i);
            sql_column_text(&set.at[4], i % 5 ? "x,\"y\"" : "");
            sql_column_bytes(&set.at[5], "\0\1", i % 3);
        }
        sql_args_init(&args);
        sql_arg_set(&args, &set);
        assert_ok(sql_run(app, &ECHO_SET, &args, &res, err));
        assert_int_equal(PQntuples(res), n);
        for (int i = 0; i < (int)n; i++) {
            assert_int_equal(sql_get_i64(res, i, 0), i % 2);
            assert_int_equal(sql_get_i64(res, i, 1), -i);
            assert_int_equal(sql_get_null(res, i, 2), i % 3 == 0);
            assert_int_equal(sql_get_i64(res, i, 2), i % 3 ? i * 1000 : 0);
            assert_int_equal(sql_get_i64(res, i, 3), INT64_MAX - i);
            assert_int_equal(PQgetlength(res, i, 4), i % 5 ? 5 : 0);
            assert_int_equal(PQgetlength(res, i, 5), i % 3);
        }
        PQclear(res);
        sql_set_deinit(&set);
    }
    struct sql_column numbers;
    struct sql_args args;
    PGresult *res = NULL;
    int32_t out[3] = {0};
    sql_column_init(&numbers, SQL_I32);
    for (int i = 1; i <= 5; i++) sql_column_number(&numbers, -i);
    sql_args_init(&args);
    sql_arg_column(&args, &numbers);
    assert_ok(sql_run(app, &ECHO_I32S, &args, &res, err));
    assert_int_equal(sql_get_i32_array(res, 0, 0, out, COUNT_OF(out)), 3); /* no more than there is room for */
    assert_int_equal(out[2], -3);
    PQclear(res);
    sql_column_deinit(&numbers);
}

static void put_args(struct sql_args *args, int32_t id, const char *name)
{
    sql_args_init(args);
    sql_arg_i32(args, id);
    sql_arg_text(args, name);
}

static int64_t count(void)
{
    PGresult *res = NULL;
    assert_ok(sql_run(app, &COUNT, NULL, &res, err));
    int64_t n = sql_get_i64(res, 0, 0);
    PQclear(res);
    return n;
}

static void test_pipeline_that_fails_in_the_middle_leaves_nothing(void **state)
{
    (void)state;
    struct sql_args args;
    PGresult *results[SQL_QUEUE_MAX];
    assert_ok(sql_run(app, &MAKE, NULL, NULL, err));
    for (int failing = 0; failing < 2; failing++) { /* first run prepares, second does not */
        struct error own = {0};
        sql_pipeline_begin(app);
        sql_queue(app, &SQL_BEGIN, NULL);
        put_args(&args, 1, "good");
        sql_queue(app, &PUT, &args);
        put_args(&args, 2, "poison");
        sql_queue(app, &PUT, &args);
        put_args(&args, 3, "never");
        sql_queue(app, &PUT, &args);
        sql_queue(app, &SQL_COMMIT, NULL);
        assert_int_equal(sql_pipeline_flush(app, results, &own), STATUS_FAILED_PRECONDITION);
        for (int i = 0; i < SQL_QUEUE_MAX; i++) assert_null(results[i]);
        assert_string_equal(own.reason, "t_probe_name_check");
        assert_null(strstr(own.text, "poison")); /* the row is in DETAIL, which is not told */
        sql_rollback(app);
        assert_int_equal(count(), 0);
    }
    sql_pipeline_begin(app);
    sql_queue(app, &SQL_BEGIN, NULL);
    put_args(&args, 1, "good");
    sql_queue(app, &PUT, &args);
    sql_queue(app, &SQL_COMMIT, NULL);
    assert_ok(sql_pipeline_flush(app, results, err));
    assert_int_equal(sql_affected(results[1]), 1);
    sql_results_clear(results);
    assert_int_equal(count(), 1);
}

static void test_commit_of_a_failed_transaction_is_no_success(void **state)
{
    (void)state;
    struct sql_args args;
    assert_ok(sql_begin(app, err));
    put_args(&args, 9, "lost");
    assert_ok(sql_run(app, &PUT, &args, NULL, err));
    put_args(&args, 1, "twice");
    assert_status(STATUS_ALREADY_EXISTS, sql_run(app, &PUT, &args, NULL, err));
    assert_status(STATUS_ABORTED, sql_commit(app, err));
    assert_int_equal(count(), 1);
    assert_status(STATUS_INTERNAL, sql_run(app, &NONSENSE, NULL, NULL, err));
    assert_int_equal(count(), 1);
}

static void test_connection_lost_in_a_transaction_is_unavailable_and_unknown_at_commit(void **state)
{
    (void)state;
    struct sql_args args;
    struct error own = {0};
    PGresult *results[SQL_QUEUE_MAX];
    PGconn *raw = fixture_raw(NULL);
    assert_ok(sql_begin(app, err));
    put_args(&args, 10, "cut");
    assert_ok(sql_run(app, &PUT, &args, NULL, err));
    raw_ok(raw, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'meddispatch'");
    sql_pipeline_begin(app);
    put_args(&args, 11, "cut");
    sql_queue(app, &PUT, &args);
    sql_queue(app, &SQL_COMMIT, NULL);
    assert_int_equal(sql_pipeline_flush(app, results, &own), STATUS_UNAVAILABLE);
    assert_string_equal(own.reason, "COMMIT_UNKNOWN");
    sql_rollback(app);
    assert_ok(sql_ready(app, err));
    assert_int_equal(count(), 1);
    PQfinish(raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_come_back_as_they_went),
        cmocka_unit_test(test_columns_of_any_length_and_nulls),
        cmocka_unit_test(test_pipeline_that_fails_in_the_middle_leaves_nothing),
        cmocka_unit_test(test_commit_of_a_failed_transaction_is_no_success),
        cmocka_unit_test(test_connection_lost_in_a_transaction_is_unavailable_and_unknown_at_commit),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
