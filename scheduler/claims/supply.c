/* Rules 11 and 12: what the member has at home already. They know how long each earlier supply lasts; no price and no amount.
 *
 * Supplies of one product stack: what comes before the last one is used up lengthens it. Rule 11 asks how much of the stack is used on the
 * service day; rule 12 whether the stack of another product of the same ATC level 4 overlaps the days the new supply is for. Only what the
 * plan allowed counts, here and in the history: what a member buys beyond it is his own. */
#include "rules.h"

#include <string.h>

enum { ATC_LEVEL_4 = 5 /* characters: C08CA of C08CA01 */, DDAYS = 10 /* tenths in a day */ };

struct stack {
    bool any;
    int32_t from_day;
    int64_t ddays;
};

static int64_t tenths(const struct stack *stack, int32_t day)
{
    return ((int64_t)day - stack->from_day) * DDAYS;
}

static void stack_add(struct stack *stack, int32_t day, uint32_t ddays)
{
    if (stack->any && tenths(stack, day) < stack->ddays) stack->ddays += ddays;
    else *stack = (struct stack){.any = true, .from_day = day, .ddays = ddays};
}

static uint32_t line_supply_ddays(const struct claims_case *c, uint32_t line)
{
    const struct order_line *asked = &c->context->lines[line];
    uint64_t packs = c->claim->lines[line].allowed_quantity;
    uint64_t ddays = asked->days_supply ? (uint64_t)asked->days_supply * DDAYS * packs / asked->quantity : c->context->items[line].pack_supply_ddays * packs;
    return ddays < UINT32_MAX / 2 ? (uint32_t)ddays : UINT32_MAX / 2;
}

/* A later day counts only if it lies within the new supply: a neighbour's clock was ahead, or a claim for an earlier day came late. */
static bool near(const struct claims_case *c, const struct claims_supply *had, uint32_t own_ddays)
{
    return ((int64_t)had->day - c->service_day) * DDAYS < (own_ddays > DDAYS ? own_ddays : DDAYS);
}

static bool counts(const struct claims_case *c, uint32_t line)
{
    return c->context->benefit == BENEFIT_MEDICINE && !c->ineligible[line];
}

static bool refill_is_early(const struct claims_case *c, uint32_t line)
{
    const char *code = c->context->lines[line].product;
    struct stack stack = {0};
    for (uint32_t i = 0; i < c->context->history_count; i++) {
        const struct claims_supply *had = &c->context->history[i];
        if (had->supply_ddays > 0 && strcmp(had->code, code) == 0 && near(c, had, c->outcome->supply_ddays[line])) stack_add(&stack, had->day, had->supply_ddays);
    }
    for (uint32_t i = 0; i < line; i++) /* the same product twice in one order */
        if (counts(c, i) && c->outcome->supply_ddays[i] > 0 && strcmp(c->context->lines[i].product, code) == 0)
            stack_add(&stack, c->service_day, c->outcome->supply_ddays[i]);
    int64_t used = tenths(&stack, c->service_day);
    return stack.any && used < stack.ddays && used * CLAIMS_RATE_ONE_BPS < stack.ddays * c->context->plan.refill_bps;
}

bool rule_refill(struct claims_case *c)
{
    for (uint32_t i = 0; i < c->context->line_count; i++) {
        if (!counts(c, i)) continue;
        c->outcome->supply_ddays[i] = line_supply_ddays(c, i);
        if (c->context->plan.refill_bps == 0 || !refill_is_early(c, i)) continue;
        case_touch(c, i, 11);
        if (case_override(c, i, 11)) continue;
        return case_refuse(c, 11, "line %u: less than %u.%02u %% of the earlier supply is used; wait, or give an override code", i + 1,
                           c->context->plan.refill_bps / 100, c->context->plan.refill_bps % 100);
    }
    return true;
}

static bool same_therapy(const char *a, const char *b)
{
    return strlen(a) >= ATC_LEVEL_4 && strlen(b) >= ATC_LEVEL_4 && memcmp(a, b, ATC_LEVEL_4) == 0;
}

/* [from, from + ddays) against [service day, service day + own); a supply of unknown length lasts a day. */
static bool overlaps(const struct claims_case *c, const struct stack *stack, uint32_t own_ddays)
{
    int64_t until = stack->ddays > DDAYS ? stack->ddays : DDAYS, own = own_ddays > DDAYS ? own_ddays : DDAYS;
    int64_t now = tenths(stack, c->service_day);
    return now < until && now + own > 0;
}

static bool duplicates_history(const struct claims_case *c, uint32_t line)
{
    const struct claims_context *context = c->context;
    uint32_t own_ddays = c->outcome->supply_ddays[line];
    for (uint32_t i = 0; i < context->history_count; i++) {
        const struct claims_supply *first = &context->history[i];
        if (!same_therapy(first->atc, context->items[line].atc) || strcmp(first->code, context->lines[line].product) == 0) continue;
        struct stack stack = {0};
        for (uint32_t k = i; k < context->history_count; k++) {
            const struct claims_supply *had = &context->history[k];
            if (strcmp(had->code, first->code) != 0) continue;
            stack_add(&stack, had->day, had->supply_ddays);
            if (overlaps(c, &stack, own_ddays)) return true;
        }
    }
    return false;
}

static bool duplicates_line(const struct claims_case *c, uint32_t line)
{
    const struct claims_context *context = c->context;
    for (uint32_t i = 0; i < line; i++)
        if (counts(c, i) && same_therapy(context->items[i].atc, context->items[line].atc) &&
            strcmp(context->lines[i].product, context->lines[line].product) != 0)
            return true;
    return false;
}

bool rule_duplicate(struct claims_case *c)
{
    if (!c->context->plan.duplicate_stops) return true;
    for (uint32_t i = 0; i < c->context->line_count; i++) {
        if (!counts(c, i) || (!duplicates_history(c, i) && !duplicates_line(c, i))) continue;
        case_touch(c, i, 12);
        if (case_override(c, i, 12)) continue;
        return case_refuse(c, 12, "line %u: another medicine of the same kind is still being taken; give an override code if that is meant", i + 1);
    }
    return true;
}
