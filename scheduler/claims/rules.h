/* Inside claims: the case under decision and the rules that look at it. One function a rule; rules.c holds the one table of them. */
#ifndef CLAIMS_RULES_PRIVATE_H
#define CLAIMS_RULES_PRIVATE_H

#include "claims/claims.h"

enum { RULE_COUNT = 20 /* numbers 1..19 */ };

/** A claim on its way through the rules. Money between the steps lives in the claim itself; what a line lost is in `ineligible`. */
struct claims_case {
    const struct claims_context *context;
    struct claim *claim;
    struct claims_outcome *outcome;
    int32_t service_day;
    bool ineligible[ORDER_LINES_MAX];
    int64_t remaining_fen;           /* E, then E1, then E2 of DOMAIN.md §2 */
};

/** A rule looks at the case and may mark lines, change amounts or refuse. False: refused, nothing after it runs. */
typedef bool (*claims_rule_apply)(struct claims_case *);
claims_rule_apply claims_rule_function(uint32_t number);

/** Refuse by rule `number`; returns false so that `return case_refuse(...)` reads well. No personal data in the text. */
#define case_refuse(c, number, ...)                                                                                                      \
    (text_format((c)->claim->refusal_text, sizeof(c)->claim->refusal_text, __VA_ARGS__), case_refused((c), (number)))
bool case_refused(struct claims_case *c, uint32_t number);
/** Note on the line that the rule touched it. */
void case_touch(struct claims_case *c, uint32_t line, uint32_t number);
/** The same for every line that still has something eligible. */
void case_touch_eligible(struct claims_case *c, uint32_t number);

/** Does the line's override code lift rule `number`? If so it is noted, for the line and for the audit. */
bool case_override(struct claims_case *c, uint32_t line, uint32_t number);

/* may this claim be at all: eligibility.c */
bool rule_member(struct claims_case *c);        /* 2 */
bool rule_policy(struct claims_case *c);        /* 3 */
bool rule_waiting(struct claims_case *c);       /* 4 */
bool rule_provider(struct claims_case *c);      /* 5 */
bool rule_prescription(struct claims_case *c);  /* 6 */

/* what of each line counts: lines.c */
bool rule_prohibited(struct claims_case *c);    /* 7 */
bool rule_formulary(struct claims_case *c);     /* 8 */
bool rule_restriction(struct claims_case *c);   /* 9 */
bool rule_quantity(struct claims_case *c);      /* 10 */
bool rule_repeat_test(struct claims_case *c);   /* 13 */

/* what the member has already: supply.c */
bool rule_refill(struct claims_case *c);        /* 11 */
bool rule_duplicate(struct claims_case *c);     /* 12 */

/* how much: money.c */
bool rule_ceiling(struct claims_case *c);       /* 14 */
bool rule_other_coverage(struct claims_case *c);/* 15 */
bool rule_deductible(struct claims_case *c);    /* 16 */
bool rule_rate(struct claims_case *c);          /* 17 */
bool rule_caps(struct claims_case *c);          /* 18 */
/** Share `total` over `count` weights by largest remainder, ties to the earlier; total <= sum of weights, so no share passes its weight. */
void money_share(int64_t total, const int64_t *weights, uint32_t count, int64_t *out_shares);
/** Give the claim's benefit, other coverage and member share to its lines. */
void money_settle_lines(struct claims_case *c);

#endif
