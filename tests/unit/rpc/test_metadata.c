/* rpc/metadata: what is put in comes out, in order, whatever its size; the first value of a name is the one found. */
#include "scheduler/rpc/metadata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

enum { ITEMS = 300, VALUE_MAX = 700 };

static void test_items_come_back_in_order(void **state)
{
    (void)state;
    static uint8_t values[ITEMS][VALUE_MAX];
    size_t sizes[ITEMS];
    char name[32];
    struct metadata metadata = {0};
    struct rng rng;
    rng_init(&rng, 21);
    for (size_t i = 0; i < ITEMS; i++) {
        sizes[i] = rng_below(&rng, 3) ? rng_below(&rng, 20) : rng_below(&rng, VALUE_MAX);
        for (size_t k = 0; k < sizes[i]; k++) values[i][k] = (uint8_t)rng_u64(&rng);
        text_format(name, sizeof name, "name-%zu", i % 100);
        metadata_add(&metadata, name, strlen(name), values[i], sizes[i]);
    }
    assert_int_equal(metadata.count, ITEMS);
    struct metadata_item item;
    size_t count = 0;
    for (size_t at = 0; metadata_next(&metadata, &at, &item); count++) {
        text_format(name, sizeof name, "name-%zu", count % 100);
        assert_string_equal(item.name, name);
        assert_int_equal(item.name_size, strlen(name));
        assert_int_equal(item.size, sizes[count]);
        if (item.size) assert_memory_equal(item.value, values[count], item.size);
        assert_int_equal(item.value[item.size], 0);
    }
    assert_int_equal(count, ITEMS);
    for (size_t i = 0; i < 100; i++) {
        size_t size = 0;
        text_format(name, sizeof name, "name-%zu", i);
        const uint8_t *value = metadata_find(&metadata, name, &size);
        assert_int_equal(size, sizes[i]);
        if (size) assert_memory_equal(value, values[i], size);
    }
    assert_null(metadata_find(&metadata, "name-100", NULL));
    assert_null(metadata_find(&metadata, "", NULL));
    metadata_deinit(&metadata);
    assert_null(metadata_find(&metadata, "name-0", NULL));
}

static void test_binary_names(void **state)
{
    (void)state;
    assert_true(metadata_is_binary("a-bin", 5));
    assert_false(metadata_is_binary("-bin", 4)); /* a name of nothing */
    assert_false(metadata_is_binary("a-bin2", 6));
    assert_false(metadata_is_binary("bin", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_items_come_back_in_order), cmocka_unit_test(test_binary_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
