/* Rules 7 to 10 and 13: what of each line counts. They know the catalogue's facts and the plan's limits; no amount of money. */
#include "rules.h"

#include <string.h>

bool rule_prohibited(struct claims_case *c)
{
    for (uint32_t i = 0; i < c->context->line_count; i++) {
        const struct claims_item *item = &c->context->items[i];
        if (!item->found) continue; /* rule 8 refuses it */
        const char *why = NULL;
        if (item->prohibited)
            why = "is on the list of medicines prohibited for online sale";
        else if (item->controlled)
            why = "is a controlled medicine";
        else if (item->injection && !item->hypoglycaemic)
            why = "is an injection other than a hypoglycaemic";
        if (!why) continue;
        case_touch(c, i, 7);
        c->outcome->alert = true;
        return case_refuse(c, 7, "line %u %s and is not delivered", i + 1, why);
    }
    return true;
}

/* An ineligible line is the member's to pay, or refuses the claim, as the plan says. */
static bool line_exclude(struct claims_case *c, uint32_t line, uint32_t rule, const char *why)
{
    case_touch(c, line, rule);
    c->ineligible[line] = true;
    if (c->context->plan.ineligible_refuses) return case_refuse(c, rule, "line %u is not eligible: %s", line + 1, why);
    return true;
}

bool rule_formulary(struct claims_case *c)
{
    for (uint32_t i = 0; i < c->context->line_count; i++) {
        const struct claims_item *item = &c->context->items[i];
        if (!item->found) { /* what nobody knows could not be held against rule 7's list: it must not go to a door */
            case_touch(c, i, 8);
            return case_refuse(c, 8, "line %u: the code is not in the catalogue", i + 1);
        }
        if (!item->covered && !line_exclude(c, i, 8, "not on the formulary at the time of service")) return false;
        if (item->covered && !item->approval_valid && !line_exclude(c, i, 8, "no valid approval number")) return false;
    }
    return true;
}

/* The diagnosis begins with one of the prefixes "J10;J11". No diagnosis fits no restriction. */
static bool indication_fits(const char *indications, const char *diagnosis)
{
    const char *at = indications;
    while (*at) {
        size_t length = strcspn(at, ";");
        if (length && strncmp(at, diagnosis, length) == 0) return true;
        at += length;
        at += *at == ';';
    }
    return indications[0] == '\0';
}

static const char *restriction_broken(const struct claims_case *c, const struct claims_item *item)
{
    const struct claims_context *context = c->context;
    int32_t age = claims_age_years(context->member.birth_day, c->service_day);
    if (age < (int32_t)item->min_age_years) return "the member is too young for it";
    if (item->max_age_years && age > (int32_t)item->max_age_years) return "the member is too old for it";
    if (item->sex && item->sex != context->member.sex) return "it is for the other sex";
    if (context->benefit == BENEFIT_MEDICINE && !indication_fits(item->indications, context->prescription.diagnosis))
        return "the diagnosis is not among its indications";
    return NULL;
}

bool rule_restriction(struct claims_case *c)
{
    for (uint32_t i = 0; i < c->context->line_count; i++) {
        if (c->ineligible[i]) continue;
        const char *why = restriction_broken(c, &c->context->items[i]);
        if (why && !line_exclude(c, i, 9, why)) return false;
    }
    return true;
}

static uint32_t supply_limit_days(const struct claims_case *c, uint32_t line, bool override)
{
    const struct claims_plan *plan = &c->context->plan;
    const struct prescription *paper = &c->context->prescription;
    if (paper->emergency) return plan->supply_emergency_days;
    if (!paper->chronic || !c->context->items[line].chronic) return plan->supply_days;
    return override ? plan->supply_override_days : plan->supply_chronic_days;
}

/* Whole packs that last no longer than the limit; one pack is always allowed, for packs aren't opened. */
static uint32_t supply_packs(const struct claims_case *c, uint32_t line, bool override)
{
    const struct order_line *asked = &c->context->lines[line];
    const struct claims_item *item = &c->context->items[line];
    uint64_t limit_days = supply_limit_days(c, line, override), packs;
    if (asked->days_supply)
        packs = limit_days * asked->quantity / asked->days_supply;
    else if (item->pack_supply_ddays)
        packs = limit_days * 10 / item->pack_supply_ddays;
    else
        packs = asked->quantity;
    if (packs < 1) packs = 1;
    return packs < asked->quantity ? (uint32_t)packs : asked->quantity;
}

/* An override counts, and is noted, only where it changes what is allowed. */
static uint32_t supply_allowed(struct claims_case *c, uint32_t line)
{
    uint32_t usual = supply_packs(c, line, false), most = supply_packs(c, line, true);
    return most > usual && case_override(c, line, 10) ? most : usual;
}

bool rule_quantity(struct claims_case *c)
{
    for (uint32_t i = 0; i < c->context->line_count; i++) {
        struct claim_line *line = &c->claim->lines[i];
        uint32_t allowed = line->quantity;
        if (c->ineligible[i]) {
            line->allowed_quantity = 0;
            continue;
        }
        if (c->context->benefit == BENEFIT_MEDICINE) allowed = supply_allowed(c, i);
        uint32_t most = c->context->items[i].quantity_max;
        if (most && allowed > most) allowed = most;
        line->allowed_quantity = allowed;
        if (allowed == line->quantity) continue;
        case_touch(c, i, 10);
        if (c->context->plan.supply_excess_refuses)
            return case_refuse(c, 10, "line %u: %u packs are over the limit; at most %u", i + 1, line->quantity, allowed);
    }
    return true;
}

bool rule_repeat_test(struct claims_case *c)
{
    if (c->context->benefit == BENEFIT_MEDICINE) return true;
    for (uint32_t i = 0; i < c->context->line_count; i++) {
        const struct claims_item *item = &c->context->items[i];
        if (!item->taken_before) continue;
        if ((int64_t)c->service_day >= (int64_t)item->last_day + item->repeat_days) continue;
        case_touch(c, i, 13);
        return case_refuse(c, 13, "line %u: this test is repeated after %u days at the earliest", i + 1, item->repeat_days);
    }
    return true;
}
