/* rpc/codec: timeouts, percent-encoding, base64 against a plain reading of their grammars. */
#include "scheduler/rpc/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

static void test_timeout_units_and_grammar(void **state)
{
    (void)state;
    static const struct { const char *text; int64_t ms; } GOOD[] = {
        {"1H", 3600000}, {"2M", 120000}, {"3S", 3000}, {"2000m", 2000}, {"1u", 1}, {"1500u", 2}, {"1n", 1}, {"99999999n", 100}, {"0m", 0}, {"99999999S", 99999999000},
    };
    int64_t ms;
    for (size_t i = 0; i < COUNT_OF(GOOD); i++) {
        assert_true(codec_timeout(GOOD[i].text, strlen(GOOD[i].text), &ms));
        assert_true(ms == GOOD[i].ms);
    }
    static const char *const BAD[] = {"", "S", "1", "1s", "123456789S", "-1S", "1.5S", " 1S", "1S ", "1HS"};
    for (size_t i = 0; i < COUNT_OF(BAD); i++) assert_false(codec_timeout(BAD[i], strlen(BAD[i]), &ms));
}

static void test_percent_encodes_what_must_and_cuts_at_an_escape(void **state)
{
    (void)state;
    char out[16];
    codec_percent("a b%\n", out, sizeof out);
    assert_string_equal(out, "a b%25%0A");
    codec_percent("药药", out, sizeof out); /* 18 bytes are needed, 15 fit */
    assert_string_equal(out, "%E8%8D%AF%E8%8D");
}

static void test_base64_round_trip_both_alphabets_padded_or_not(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 3);
    for (size_t size = 0; size < 100; size++) {
        uint8_t data[100], back[100];
        char text[200];
        for (size_t i = 0; i < size; i++) data[i] = (uint8_t)rng_u64(&rng);
        size_t length = codec_base64_encode(data, size, text);
        assert_int_equal(length, strlen(text));
        assert_int_equal(length, (size * 8 + 5) / 6);
        assert_int_equal(codec_base64_decode(text, length, back, sizeof back), size);
        assert_memory_equal(data, back, size);
        while (length % 4) text[length++] = '=';
        for (size_t i = 0; i < length; i++) text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
        assert_int_equal(codec_base64_decode(text, length, back, sizeof back), size);
        assert_memory_equal(data, back, size);
    }
    uint8_t out[4];
    assert_int_equal(codec_base64_decode("a", 1, out, 4), -1);
    assert_int_equal(codec_base64_decode("ab*d", 4, out, 4), -1);
    assert_int_equal(codec_base64_decode("AAAAAAAA", 8, out, 4), -1); /* does not fit */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timeout_units_and_grammar),
        cmocka_unit_test(test_percent_encodes_what_must_and_cuts_at_an_escape),
        cmocka_unit_test(test_base64_round_trip_both_alphabets_padded_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
