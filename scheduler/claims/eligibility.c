/* Rules 2 to 6: whether there may be a claim at all. They know the member, the policy and the prescription; no line and no amount. */
#include "rules.h"

bool rule_member(struct claims_case *c)
{
    const struct claims_member *member = &c->context->member;
    const struct claims_plan *plan = &c->context->plan;
    if (!member->known) return case_refuse(c, 2, "no such member; check the member code");
    if (!member->policy_known) return true; /* rule 3 says so */
    int32_t age = claims_age_years(member->birth_day, member->inception_day);
    if (age < (int32_t)plan->age_min_years || age > (int32_t)plan->age_max_years)
        return case_refuse(c, 2, "the member's age at inception is outside the plan's %u to %u years", plan->age_min_years, plan->age_max_years);
    return true;
}

bool rule_policy(struct claims_case *c)
{
    const struct claims_member *member = &c->context->member;
    if (!member->policy_known || c->service_day < member->policy_from_day || c->service_day >= member->policy_to_day)
        return case_refuse(c, 3, "no policy of this member is in force at the time of service");
    return true;
}

bool rule_waiting(struct claims_case *c)
{
    const struct claims_member *member = &c->context->member;
    if (member->renewal || c->context->accident) return true;
    if ((int64_t)c->service_day < (int64_t)member->inception_day + c->context->plan.waiting_days)
        return case_refuse(c, 4, "the waiting period of %u days is not over", c->context->plan.waiting_days);
    return true;
}

bool rule_provider(struct claims_case *c)
{
    const struct claims_context *context = c->context;
    if (!context->provider_contracted) return case_refuse(c, 5, "the provider is not contracted; choose a contracted pharmacy or laboratory");
    if (context->benefit != BENEFIT_MEDICINE) return true;
    if (!context->prescriber_allowed) return case_refuse(c, 5, "the prescriber is not allowed to prescribe for this plan");
    for (uint32_t i = 0; i < context->line_count; i++) c->outcome->needs_approval |= context->items[i].prescription_only;
    return true;
}

bool rule_prescription(struct claims_case *c)
{
    const struct claims_context *context = c->context;
    if (context->benefit != BENEFIT_MEDICINE) return true;
    const struct prescription *paper = &context->prescription;
    uint32_t days_max = context->plan.prescription_days_max;
    if (context->line_count > context->plan.drugs_max)
        return case_refuse(c, 6, "a prescription has at most %u drugs", context->plan.drugs_max);
    if (paper->valid_days < 1 || paper->valid_days > days_max)
        return case_refuse(c, 6, "a prescription is valid for 1 to %u days", days_max);
    if (paper->issued_ms > context->service_ms) return case_refuse(c, 6, "the prescription is issued after the time of service");
    int64_t age_days = (int64_t)c->service_day - claims_day_of(paper->issued_ms, context->utc_offset_s);
    if (age_days >= paper->valid_days)
        return case_refuse(c, 6, "the prescription has expired: it was valid for %u days from its day of issue", paper->valid_days);
    if (context->prescription_used) return case_refuse(c, 6, "the prescription was used before");
    return true;
}
