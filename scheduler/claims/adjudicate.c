/* The way of a claim through the rules: from the table's first to its last, or to the one that refuses. */
#include "rules.h"

#include <string.h>

bool case_refused(struct claims_case *c, uint32_t number)
{
    text_format(c->claim->refusal_rule, sizeof c->claim->refusal_rule, "R%u", number);
    return false;
}

void case_touch(struct claims_case *c, uint32_t line, uint32_t number)
{
    char *rules = c->claim->lines[line].rules;
    size_t length = strlen(rules);
    text_format(rules + length, CLAIM_RULES_TEXT_MAX - length, "%sR%u", length ? "," : "", number);
}

void case_touch_eligible(struct claims_case *c, uint32_t number)
{
    for (uint32_t i = 0; i < c->claim->line_count; i++)
        if (c->claim->lines[i].eligible_fen > 0) case_touch(c, i, number);
}

bool case_override(struct claims_case *c, uint32_t line, uint32_t number)
{
    if (!claims_override_lifts(c->context->lines[line].override_code, number)) return false;
    ASSERT(c->outcome->override_count < CLAIMS_OVERRIDES_MAX);
    c->outcome->overrides[c->outcome->override_count++] = (struct claims_override_use){.line = line, .rule = number};
    return true;
}

static void claim_begin(const struct claims_context *context, struct claim *claim)
{
    *claim = (struct claim){.order = context->order, .city = context->city, .member = context->member_id, .benefit = context->benefit,
                            .plan_version = context->plan.version, .service_ms = context->service_ms, .line_count = context->line_count};
    for (uint32_t i = 0; i < context->line_count; i++) {
        const struct order_line *asked = &context->lines[i];
        struct claim_line *line = &claim->lines[i];
        ASSERT(asked->quantity >= 1 && asked->quantity <= 999);
        ASSERT(asked->price_fen >= 0 && asked->price_fen <= 10000000);
        (void)text_copy(line->code, sizeof line->code, asked->product);
        line->quantity = asked->quantity;
        line->formulary_version = context->items[i].formulary_version;
        bool fits = money_multiply(asked->price_fen, asked->quantity, &line->submitted_fen);
        ASSERT(fits);
        fits = money_add(claim->submitted_fen, line->submitted_fen, &claim->submitted_fen);
        ASSERT(fits);
    }
}

/* Refused: what was asked and why stay; every decided amount goes. */
static void claim_refuse(struct claim *claim)
{
    claim->state = CLAIM_REFUSED;
    claim->eligible_fen = claim->other_coverage_fen = claim->deductible_fen = claim->benefit_fen = claim->member_fen = 0;
    for (uint32_t i = 0; i < claim->line_count; i++) {
        struct claim_line *line = &claim->lines[i];
        line->allowed_quantity = 0;
        line->eligible_fen = line->benefit_fen = line->member_fen = 0;
    }
}

void claims_adjudicate(const struct claims_context *context, struct claim *out, struct claims_outcome *outcome)
{
    ASSERT(context->line_count >= 1 && context->line_count <= ORDER_LINES_MAX);
    ASSERT(context->benefit >= BENEFIT_MEDICINE && context->benefit <= BENEFIT_CHECKUP);
    ASSERT(context->other_coverage_fen >= 0);
    ASSERT(context->history_count <= CLAIMS_HISTORY_MAX);
    claim_begin(context, out);
    *outcome = (struct claims_outcome){0};
    struct claims_case c = {.context = context, .claim = out, .outcome = outcome,
                            .service_day = claims_day_of(context->service_ms, context->utc_offset_s)};
    for (uint32_t number = 1; number < RULE_COUNT; number++) {
        claims_rule_apply apply = claims_rule_function(number);
        if (!apply || apply(&c)) continue;
        claim_refuse(out);
        *outcome = (struct claims_outcome){.alert = outcome->alert};
        return;
    }
    money_settle_lines(&c);
    out->state = CLAIM_HELD;
}

enum claims_repeat claims_repeat(bool key_seen, uint64_t stored_request_hash, uint64_t request_hash)
{
    if (!key_seen) return CLAIMS_REPEAT_NEW;
    return stored_request_hash == request_hash ? CLAIMS_REPEAT_SAME : CLAIMS_REPEAT_CONFLICT;
}
