/* model/cause: a request is named by its source, key and bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "model/model.h"

static void test_same_request_has_the_same_cause(void **state)
{
    (void)state;
    struct cause a = cause_make("pharmacy:12", "k1", "body", 4, "pharmacy:12"), b = cause_make("pharmacy:12", "k1", "body", 4, "pharmacy:12");
    assert_memory_equal(a.key, b.key, sizeof a.key);
    assert_true(a.request_hash == b.request_hash);
    assert_false(cause_key_is_none(&a));
    assert_string_equal(a.actor, "pharmacy:12");
}

static void test_other_source_key_or_body_is_another(void **state)
{
    (void)state;
    struct cause a = cause_make("ab", "c", "body", 4, "x"), b = cause_make("a", "bc", "body", 4, "x"), c = cause_make("ab", "c", "bodz", 4, "x");
    assert_memory_not_equal(a.key, b.key, sizeof a.key);
    assert_memory_equal(a.key, c.key, sizeof a.key);
    assert_true(a.request_hash != c.request_hash);
}

static void test_no_key_is_none_and_a_long_actor_is_cut(void **state)
{
    (void)state;
    char actor[200];
    memset(actor, 'a', sizeof actor - 1);
    actor[sizeof actor - 1] = 0;
    struct cause none = cause_make("s", "", "b", 1, actor);
    assert_true(cause_key_is_none(&none));
    assert_int_equal(strlen(none.actor), ACTOR_TEXT_MAX - 1);
}

static void test_money_refuses_to_overflow(void **state)
{
    (void)state;
    int64_t out = 0;
    assert_true(money_add(1, 2, &out) && out == 3);
    assert_false(money_add(INT64_MAX, 1, &out));
    assert_false(money_add(INT64_MIN, -1, &out));
    assert_true(money_multiply(-250, 3, &out) && out == -750);
    assert_false(money_multiply(INT64_MAX / 2, 3, &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_request_has_the_same_cause), cmocka_unit_test(test_other_source_key_or_body_is_another),
                                       cmocka_unit_test(test_no_key_is_none_and_a_long_actor_is_cut), cmocka_unit_test(test_money_refuses_to_overflow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
