/* Rules 14 to 18: how much. The formulas of DOMAIN.md §2 in int64 fen; one rounding, half up, per claim. Products that could pass 63 bits
 * are taken in 128. Bounds: a line is at most 999 x 10,000,000 fen, a claim five lines, so sums stay far below 2^63. */
#include "rules.h"

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

bool rule_ceiling(struct claims_case *c)
{
    c->remaining_fen = 0;
    for (uint32_t i = 0; i < c->context->line_count; i++) {
        struct claim_line *line = &c->claim->lines[i];
        int64_t price_fen = c->context->lines[i].price_fen, ceiling_fen = c->context->items[i].ceiling_fen;
        ASSERT(ceiling_fen >= 0);
        if (c->ineligible[i]) continue;
        if (price_fen > ceiling_fen) case_touch(c, i, 14);
        bool fits = money_multiply(least(price_fen, ceiling_fen), line->allowed_quantity, &line->eligible_fen);
        ASSERT(fits);
        fits = money_add(c->remaining_fen, line->eligible_fen, &c->remaining_fen);
        ASSERT(fits);
    }
    c->claim->eligible_fen = c->remaining_fen;
    return true;
}

bool rule_other_coverage(struct claims_case *c)
{
    int64_t other_fen = c->context->other_coverage_fen;
    if (other_fen > c->claim->submitted_fen) return case_refuse(c, 15, "other coverage is more than was charged");
    if (other_fen == 0) return true;
    c->claim->other_coverage_fen = other_fen;
    c->remaining_fen -= least(c->remaining_fen, other_fen);
    case_touch_eligible(c, 15);
    return true;
}

/* Per claim first, then what is left of the year's. */
bool rule_deductible(struct claims_case *c)
{
    const struct claims_plan *plan = &c->context->plan;
    ASSERT(plan->deductible_claim_fen >= 0);
    int64_t year_left_fen = plan->deductible_year_fen - c->context->account.deductible_used_fen;
    int64_t per_claim_fen = least(c->remaining_fen, plan->deductible_claim_fen);
    int64_t per_year_fen = least(c->remaining_fen - per_claim_fen, year_left_fen > 0 ? year_left_fen : 0);
    c->outcome->deductible_claim_fen = per_claim_fen;
    c->outcome->deductible_year_fen = per_year_fen;
    c->claim->deductible_fen = per_claim_fen + per_year_fen;
    c->remaining_fen -= c->claim->deductible_fen;
    if (c->claim->deductible_fen > 0) case_touch_eligible(c, 16);
    return true;
}

bool rule_rate(struct claims_case *c)
{
    uint32_t rate_bps = c->context->plan.benefit[c->context->benefit].rate_bps;
    ASSERT(rate_bps <= CLAIMS_RATE_ONE_BPS);
    __int128 exact = (__int128)c->remaining_fen * rate_bps + CLAIMS_RATE_ONE_BPS / 2;
    c->claim->benefit_fen = (int64_t)(exact / CLAIMS_RATE_ONE_BPS);
    case_touch_eligible(c, 17);
    return true;
}

static int64_t year_left_fen(const struct claims_context *context)
{
    int64_t used_fen;
    if (!money_add(context->account.posted_fen, context->account.pending_fen, &used_fen)) return 0;
    return used_fen < context->plan.year_limit_fen ? context->plan.year_limit_fen - used_fen : 0;
}

bool rule_caps(struct claims_case *c)
{
    const struct claims_context *context = c->context;
    enum benefit benefit = context->benefit;
    int64_t before_fen = c->claim->benefit_fen, most_fen = year_left_fen(context);
    int64_t claim_cap_fen = context->plan.benefit[benefit].claim_cap_fen;
    uint32_t count_max = context->plan.benefit[benefit].count_max;
    if (claim_cap_fen > 0) most_fen = least(most_fen, claim_cap_fen);
    if (count_max > 0 && context->account.count[benefit] >= count_max) most_fen = 0;
    c->claim->benefit_fen = least(before_fen, most_fen);
    if (c->claim->benefit_fen < before_fen) case_touch_eligible(c, 18);
    return true;
}

void money_share(int64_t total, const int64_t *weights, uint32_t count, int64_t *out_shares)
{
    __int128 sum = 0, left[ORDER_LINES_MAX];
    int64_t given = 0;
    ASSERT(count <= ORDER_LINES_MAX);
    ASSERT(total >= 0);
    for (uint32_t i = 0; i < count; i++) sum += weights[i];
    ASSERT(total <= sum);
    for (uint32_t i = 0; i < count; i++) {
        __int128 exact = (__int128)total * weights[i];
        out_shares[i] = sum ? (int64_t)(exact / sum) : 0;
        left[i] = sum ? exact % sum : 0;
        given += out_shares[i];
    }
    for (; given < total; given++) { /* fewer than `count` fen are left over */
        uint32_t best = 0;
        for (uint32_t i = 1; i < count; i++)
            if (left[i] > left[best]) best = i;
        ASSERT(left[best] > 0);
        out_shares[best]++;
        left[best] = 0;
    }
}

void money_settle_lines(struct claims_case *c)
{
    struct claim *claim = c->claim;
    int64_t eligible[ORDER_LINES_MAX] = {0}, unpaid[ORDER_LINES_MAX] = {0}, benefit[ORDER_LINES_MAX], other[ORDER_LINES_MAX];
    uint32_t count = claim->line_count;
    for (uint32_t i = 0; i < count; i++) eligible[i] = claim->lines[i].eligible_fen;
    money_share(claim->benefit_fen, eligible, count, benefit);
    for (uint32_t i = 0; i < count; i++) unpaid[i] = claim->lines[i].submitted_fen - benefit[i];
    money_share(claim->other_coverage_fen, unpaid, count, other);
    for (uint32_t i = 0; i < count; i++) {
        claim->lines[i].benefit_fen = benefit[i];
        claim->lines[i].member_fen = unpaid[i] - other[i];
    }
    claim->member_fen = claim->submitted_fen - claim->other_coverage_fen - claim->benefit_fen;
    ASSERT(claim->member_fen >= 0);
}
