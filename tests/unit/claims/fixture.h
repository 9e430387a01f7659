/* A claim that is paid as it should be: one covered medicine at 10.00 yuan, 80 %, nothing in its way. Each test changes what it is about. */
#ifndef TESTS_CLAIMS_FIXTURE_H
#define TESTS_CLAIMS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "claims/claims.h"

enum { FIXTURE_DAY = 20500, FIXTURE_OFFSET_S = 28800 };
#define FIXTURE_DAY_MS (INT64_C(86400000))

/* noon of a day in the city */
static inline int64_t noon_ms(int32_t day)
{
    return day * FIXTURE_DAY_MS - FIXTURE_OFFSET_S * INT64_C(1000) + FIXTURE_DAY_MS / 2;
}

static inline int32_t day_of(const char *text)
{
    int32_t day = 0;
    assert_true(claims_day_from_text(text, &day));
    return day;
}

static inline void fixture_line(struct claims_context *c, uint32_t line, int64_t price_fen, uint32_t quantity, int64_t ceiling_fen)
{
    if (line >= c->line_count) c->line_count = line + 1;
    struct order_line *asked = &c->lines[line];
    *asked = (struct order_line){.quantity = quantity, .price_fen = price_fen};
    text_format(asked->product, sizeof asked->product, "P%u", line + 1);
    c->items[line] = (struct claims_item){.found = true, .covered = true, .approval_valid = true, .prescription_only = true, .formulary_version = 7,
                                          .ceiling_fen = ceiling_fen};
}

static inline struct claims_context fixture(void)
{
    struct claims_context c = {.city = {1}, .member_id = {5}, .order = {9}, .benefit = BENEFIT_MEDICINE, .service_ms = noon_ms(FIXTURE_DAY),
                               .utc_offset_s = FIXTURE_OFFSET_S, .provider_contracted = true, .prescriber_allowed = true};
    c.prescription = (struct prescription){.number = "RX1", .prescriber = "D1", .issued_ms = noon_ms(FIXTURE_DAY), .valid_days = 3};
    c.member = (struct claims_member){.known = true, .policy_known = true, .birth_day = FIXTURE_DAY - 30 * 366, .sex = 'F',
                                      .inception_day = FIXTURE_DAY - 400, .policy_from_day = FIXTURE_DAY - 400, .policy_to_day = FIXTURE_DAY + 400};
    c.plan = (struct claims_plan){.version = 3, .age_max_years = 60, .waiting_days = 30, .prescription_days_max = 3, .drugs_max = 5, .supply_days = 7,
                                  .supply_emergency_days = 3, .supply_chronic_days = 28, .supply_override_days = 84, .year_limit_fen = 2000000};
    for (int i = 1; i < CLAIMS_BENEFIT_COUNT; i++) c.plan.benefit[i].rate_bps = i == BENEFIT_CHECKUP ? 10000 : 8000;
    fixture_line(&c, 0, 1000, 1, 1000);
    return c;
}

static inline struct claim decide(const struct claims_context *c)
{
    struct claim claim;
    struct claims_outcome outcome;
    claims_adjudicate(c, &claim, &outcome);
    return claim;
}

/* rule NULL: the claim stands */
#define expect_refused(context, rule)                                                                                                    \
    do {                                                                                                                                 \
        struct claim decided_ = decide(&(context));                                                                                      \
        assert_string_equal(decided_.refusal_rule, (rule));                                                                              \
        assert_int_equal(decided_.state, CLAIM_REFUSED);                                                                                 \
        assert_int_equal(decided_.benefit_fen, 0);                                                                                       \
        assert_int_equal(decided_.member_fen, 0);                                                                                        \
        assert_true(decided_.refusal_text[0] != '\0');                                                                                   \
    } while (0)
#define expect_benefit(context, fen)                                                                                                     \
    do {                                                                                                                                 \
        struct claim decided_ = decide(&(context));                                                                                      \
        assert_string_equal(decided_.refusal_rule, "");                                                                                  \
        assert_int_equal(decided_.state, CLAIM_HELD);                                                                                    \
        assert_int_equal(decided_.benefit_fen, (fen));                                                                                   \
    } while (0)

#endif
