/** claims: what the plan pays for an order (DOMAIN.md §2) and which ledger entries that writes (§3). Pure: facts in, a decided claim out.
 *
 *  The caller (store, inside the transaction that holds the member-year row) looks everything up and fills `claims_context`; nothing here
 *  reads a clock, a table or a default: every rate, cap, limit and period comes with the plan version in the context, so that adjudicating
 *  a past claim again gives the same answer. Money is int64 fen. Days are civil days since 1970-01-01 in the city's calendar (PostgreSQL:
 *  `date - DATE '1970-01-01'`). All functions are thread-safe, allocate nothing and never fail but by the stated results.
 */
#ifndef CLAIMS_CLAIMS_H
#define CLAIMS_CLAIMS_H

#include "model/model.h"

enum {
    CLAIMS_BENEFIT_COUNT = 4,     /* indexed by enum benefit; 0 is unused */
    CLAIMS_INDICATIONS_MAX = 97,
    CLAIMS_RATE_ONE_BPS = 10000,
    CLAIMS_ATC_MAX = 9,
    CLAIMS_HISTORY_MAX = 64,      /* lines of medicine a member had lately: a year of chronic refills of five drugs */
    CLAIMS_HISTORY_DAYS = 400,    /* how far back the caller must look: longer than any supply the rules allow */
    CLAIMS_OVERRIDES_MAX = 3 * ORDER_LINES_MAX, /* rules 10, 11 and 12 of each line */
};

/* ---- what claims must know ---- */

/** One version of a plan: every parameter of the rules. */
struct claims_plan {
    uint32_t version;
    uint32_t age_min_years, age_max_years;   /* at inception, both inclusive: 0..60 */
    uint32_t waiting_days;                   /* from inception; 0 none */
    uint32_t prescription_days_max;          /* a prescription's life at most, its day of issue counted: 3 */
    uint32_t drugs_max;                      /* lines on one prescription: 5 */
    uint32_t supply_days;                    /* rule 10: usual limit (7), */
    uint32_t supply_emergency_days;          /* emergency prescription (3), */
    uint32_t supply_chronic_days;            /* chronic prescription of a chronic medicine (28), */
    uint32_t supply_override_days;           /* the same with the override LONG on the line (84) */
    uint32_t refill_bps;                     /* rule 11: so much of the stacked supply must be used (7500); 0 the rule is off */
    bool duplicate_stops;                    /* rule 12 is on */
    bool supply_excess_refuses;              /* too much is refused instead of cut back */
    bool ineligible_refuses;                 /* an ineligible line refuses the claim instead of being the member's to pay */
    struct {
        uint32_t rate_bps;                   /* 0..10000 */
        int64_t claim_cap_fen;               /* per claim; 0 none */
        uint32_t count_max;                  /* claims a member-year; 0 no limit */
    } benefit[CLAIMS_BENEFIT_COUNT];
    int64_t deductible_claim_fen, deductible_year_fen;
    int64_t year_limit_fen;                  /* annual cap over all benefits together; always applied, 0 pays nothing */
};

/** The member and the policy found for the service time (bitemporal look-up by the caller). */
struct claims_member {
    bool known, policy_known;
    int32_t birth_day;
    char sex;                                /* 'F', 'M' */
    int32_t inception_day;                   /* the first day of the first policy without a gap */
    int32_t policy_from_day, policy_to_day;  /* [from, to) */
    bool renewal;                            /* no waiting period */
};

/** The member-year account, read under its row lock. */
struct claims_account_state {
    int64_t posted_fen, pending_fen;
    int64_t deductible_used_fen;             /* of deductible_year_fen: sum of claims_outcome.deductible_year_fen of claims not voided */
    uint32_t count[CLAIMS_BENEFIT_COUNT];    /* claims held or posted this year, by benefit */
};

/** What the catalogue says of one line's product or test at service time. */
struct claims_item {
    bool found;                              /* the code is in the catalogue at all */
    bool covered;                            /* on the formulary version in force on the service day */
    bool approval_valid;                     /* approval number present and valid then; true for tests */
    bool prohibited, controlled, injection, hypoglycaemic, chronic, prescription_only;
    uint32_t formulary_version;
    int64_t ceiling_fen;                     /* per pack or test; always applied */
    uint32_t min_age_years, max_age_years;   /* max 0: none; on the service day */
    char sex;                                /* 0 any, 'F', 'M' */
    char indications[CLAIMS_INDICATIONS_MAX];/* ICD-10 prefixes separated by ';'; "" any */
    uint32_t pack_supply_ddays;              /* a pack's supply in tenths of a day; 0 unknown: rule 10 counts only the line's own days */
    char atc[CLAIMS_ATC_MAX];                /* "" unknown: rule 12 can't see it */
    uint32_t quantity_max;                   /* packs a line; 0 none */
    uint32_t repeat_days;                    /* tests: at least so many days between two; 0 none */
    bool taken_before;                       /* tests: last_day is set */
    int32_t last_day;
};

/** One line of medicine the member has had: held or delivered and not given back, with what the plan allowed of it. */
struct claims_supply {
    char code[CODE_TEXT_MAX], atc[CLAIMS_ATC_MAX];
    int32_t day;                             /* service day */
    uint32_t supply_ddays;                   /* tenths of a day; 0 unknown */
};

struct claims_context {
    struct city_id city;
    struct member_id member_id;
    struct order_id order;
    enum benefit benefit;
    int64_t service_ms;
    int32_t utc_offset_s;                    /* the city's: 28800 */
    uint32_t line_count;                     /* 1..ORDER_LINES_MAX */
    struct order_line lines[ORDER_LINES_MAX];
    struct claims_item items[ORDER_LINES_MAX];
    struct prescription prescription;        /* BENEFIT_MEDICINE only */
    bool prescription_used;                  /* (prescriber, number) is on an order that was neither refused nor cancelled */
    bool accident;                           /* no waiting period */
    bool provider_contracted, prescriber_allowed; /* prescriber: BENEFIT_MEDICINE only */
    int64_t other_coverage_fen;
    struct claims_member member;
    struct claims_plan plan;
    struct claims_account_state account;
    uint32_t history_count;                  /* BENEFIT_MEDICINE only: the newest CLAIMS_HISTORY_MAX lines of CLAIMS_HISTORY_DAYS, */
    struct claims_supply history[CLAIMS_HISTORY_MAX]; /* ascending by day; also later days, if a neighbour's clock was ahead */
};

/* ---- adjudication ---- */

/** What the caller must do besides storing the claim. */
struct claims_outcome {
    bool alert;                              /* rule 7: tell the supervisors */
    bool needs_approval;                     /* rule 5: a pharmacist before dispensing */
    int64_t deductible_claim_fen, deductible_year_fen; /* parts of claim.deductible_fen; the second is counted against the year */
    uint32_t supply_ddays[ORDER_LINES_MAX];  /* what the allowed packs of each line last; for the history of later claims */
    uint32_t override_count;                 /* rules that would have stopped a line, or cut it, but for its override code: for the audit */
    struct claims_override_use {
        uint32_t line, rule;                 /* line 0-based */
    } overrides[CLAIMS_OVERRIDES_MAX];
};

/** Decide a claim: CLAIM_REFUSED with rule and text, or CLAIM_HELD with every amount. `out->id` is left 0 for the caller to set.
 *  Held: sum of lines = claim in every amount, and submitted = benefit + member + other coverage. Line: member_fen is what the member pays
 *  after benefit and the line's share of other coverage. Refused: submitted amounts only; all else is 0, nothing is delivered.
 *  A benefit of 0 is a decided claim as well (an exhausted cap, only ineligible lines): state HELD without a hold entry.
 *  Bounds (quantity 1..999, price 0..10,000,000, other coverage >= 0) were checked at the door and are asserted here. */
void claims_adjudicate(const struct claims_context *context, struct claim *out, struct claims_outcome *outcome);

/** Rule 1: what a repeated idempotency key means. */
enum claims_repeat { CLAIMS_REPEAT_NEW, CLAIMS_REPEAT_SAME, CLAIMS_REPEAT_CONFLICT };
enum claims_repeat claims_repeat(bool key_seen, uint64_t stored_request_hash, uint64_t request_hash);

/** The benefit to take back when a further `returned` units of line `line` (0-based) come back, after claim->lines[line].reversed_*:
 *  (benefit x q + n/2) / n - already reversed, so that a full return sums exactly. Also the member's part, by the same formula on
 *  member_fen. False if returned is 0 or more than what is left. Does not change the claim. */
struct claims_reversal {
    int64_t benefit_fen, member_fen;
    uint32_t quantity_after;                 /* lines[line].reversed_quantity afterwards */
};
must_use bool claims_reverse_line(const struct claim *claim, uint32_t line, uint32_t returned, struct claims_reversal *out);

/** Why a laboratory rejects a specimen decides who bears the next one: the member's fault ends the claim, and another test is another claim; a courier's or the
 *  laboratory's is collected again once, free, under the same claim. */
enum claims_fault { CLAIMS_FAULT_MEMBER = 1, CLAIMS_FAULT_COURIER, CLAIMS_FAULT_LAB };
enum claims_fault claims_specimen_fault(enum fail_reason reason);

/* ---- rules, for people ---- */

enum claims_effect { CLAIMS_EFFECT_ANSWER, CLAIMS_EFFECT_REFUSE, CLAIMS_EFFECT_LINE, CLAIMS_EFFECT_AMOUNT, CLAIMS_EFFECT_LEDGER };
struct claims_rule {
    uint32_t number;                         /* "R7" is 7; also the order of execution */
    enum claims_effect effect;
    const char *name, *text_en, *text_zh;
};
/** The table, in order. Static, never freed. */
const struct claims_rule *claims_rules(size_t *count);

/** An override code: which rule it lifts from a line and why a person may say so. A line bears several joined by '+': "LONG+TRAVEL". */
struct claims_override {
    const char *code;
    uint32_t rule;
    const char *text_en, *text_zh;
};
const struct claims_override *claims_overrides(size_t *count);
/** Does one of `codes` ("" none) lift `rule`? */
bool claims_override_lifts(const char *codes, uint32_t rule);
/** Every part of `codes` is in the table ("" is fine). */
bool claims_override_known(const char *codes);

/* ---- what a claim was decided on, kept with it ---- */

/** Append `context` in canonical bytes: all a re-adjudication needs, and no name, phone or address. */
void claims_basis_encode(const struct claims_context *context, struct buffer *out);
/** False: bytes that claims_basis_encode() could not have written. */
must_use bool claims_basis_decode(const void *data, size_t size, struct claims_context *out);
/** Append a claim as decided in canonical bytes: what happened to it since (posted, voided, reversed) is left out. */
void claims_decision_encode(const struct claim *claim, struct buffer *out);

/* ---- days ---- */

int32_t claims_day_of(int64_t at_ms, int32_t utc_offset_s);
/** Whole years from birth to `day`; a person born on 29 February is a year older on 1 March. Negative before birth: -1. */
int32_t claims_age_years(int32_t birth_day, int32_t day);
/** "YYYY-MM-DD", years 1900..2199. */
must_use bool claims_day_from_text(const char *text, int32_t *out_day);
void claims_day_to_text(int32_t day, char out[11]);

/* ---- ledger rules: which entries an event writes, as data ---- */

/** Accounts; names as stored. Scope says whose sub-account it is: the store appends the payee code or the member id. */
enum claims_account {
    CLAIMS_ACCOUNT_INSURER_FUND = 1, /* "insurer_fund"       house */
    CLAIMS_ACCOUNT_BENEFIT_HELD,     /* "benefit_held"       member: the control account of the member-year's pending amount */
    CLAIMS_ACCOUNT_PAYABLE,          /* "benefit_payable"    payee: due, paid by the nightly batch */
    CLAIMS_ACCOUNT_ACCRUED,          /* "benefit_accrued"    payee: specimen accepted, due on report */
    CLAIMS_ACCOUNT_MEMBER,           /* "member_receivable"  member: the member's own share */
    CLAIMS_ACCOUNT_COPAY,            /* "member_share"       payee: collected by the payee at its own till, never paid out by us */
    CLAIMS_ACCOUNT_LATE,             /* "late_compensation"  member */
    CLAIMS_ACCOUNT_RECOVERY,         /* "payee_recovery"     payee: carried forward, to be netted from later batches */
    CLAIMS_ACCOUNT_BANK,             /* "bank_clearing"      house: paid out */
    CLAIMS_ACCOUNT_SUSPENSE,         /* "suspense"           house */
    CLAIMS_ACCOUNT_COUNT
};
enum claims_scope { CLAIMS_SCOPE_HOUSE = 1, CLAIMS_SCOPE_PAYEE, CLAIMS_SCOPE_MEMBER };
const char *claims_account_name(enum claims_account account);
enum claims_scope claims_account_scope(enum claims_account account);

enum claims_entry_kind {
    CLAIMS_ENTRY_HOLD = 1,   /* "HOLD"     insurer_fund -> benefit_held */
    CLAIMS_ENTRY_POST,       /* "POST"     benefit_held -> benefit_payable (medicine) or benefit_accrued (test) */
    CLAIMS_ENTRY_RELEASE,    /* "RELEASE"  benefit_held -> insurer_fund: held but not posted */
    CLAIMS_ENTRY_VOID,       /* "VOID"     benefit_held -> insurer_fund: the whole hold */
    CLAIMS_ENTRY_SHARE,      /* "SHARE"    member_receivable -> member_share */
    CLAIMS_ENTRY_REPORT,     /* "REPORT"   benefit_accrued -> benefit_payable */
    CLAIMS_ENTRY_REVERSE,    /* "REVERSE"  benefit_payable (or benefit_accrued) -> insurer_fund */
    CLAIMS_ENTRY_UNSHARE,    /* "UNSHARE"  member_share -> member_receivable */
    CLAIMS_ENTRY_LATE,       /* "LATE"     insurer_fund -> late_compensation */
    CLAIMS_ENTRY_PAYOUT,     /* "PAYOUT"   benefit_payable -> bank_clearing */
    CLAIMS_ENTRY_CARRY,      /* "CARRY"    payee_recovery -> benefit_payable: a negative day is carried forward */
    CLAIMS_ENTRY_RECOVER,    /* "RECOVER"  benefit_payable -> payee_recovery: netted from a later day */
    CLAIMS_ENTRY_KIND_COUNT
};
const char *claims_entry_kind_name(enum claims_entry_kind kind);

/** "a -> b" above is debit a, credit b. amount_fen > 0 always: an event of 0 fen writes no entry. */
struct claims_entry {
    enum claims_entry_kind kind;
    enum claims_account debit, credit;
    int64_t amount_fen;
    uint32_t line;           /* 1-based line of the claim for REVERSE and UNSHARE; 0 the claim as a whole */
};
enum { CLAIMS_ENTRIES_MAX = 4 };
struct claims_entries {
    uint32_t count;
    struct claims_entry at[CLAIMS_ENTRIES_MAX];
};

/** Order accepted: set claim->benefit_fen aside. Member-year: pending += amount. */
void claims_entries_hold(const struct claim *claim, struct claims_entries *out);
/** Medicine delivered or specimen accepted: post `post_fen` (0..benefit_fen) of the hold, release the rest; with it the member's share
 *  (member_fen scaled to post_fen / benefit_fen is the caller's business: pass what the member owes). Ends the hold.
 *  Member-year: pending -= benefit_fen, posted += post_fen. */
void claims_entries_post(const struct claim *claim, int64_t post_fen, int64_t member_fen, struct claims_entries *out);
/** Cancelled, failed or expired before it was posted. Ends the hold. Member-year: pending -= benefit_fen. */
void claims_entries_void(const struct claim *claim, struct claims_entries *out);
/** The laboratory has reported: what was accrued (posted less reversed) becomes due. */
void claims_entries_report(int64_t accrued_fen, struct claims_entries *out);
/** A line came back after posting. `reported` false: the laboratory has not been made payable yet. Member-year: posted -= benefit_fen. */
void claims_entries_reverse(const struct claim *claim, uint32_t line, const struct claims_reversal *reversal, bool reported,
                            struct claims_entries *out);
/** The promise was missed: the plan's fixed amount to the member. */
void claims_entries_late(int64_t amount_fen, struct claims_entries *out);
/** A payee's day is paid: `net_fen` is the day's payable sum (reversals netted, may be negative), `recovery_fen` >= 0 what was carried
 *  forward so far. Positive: recover first, pay the rest; negative: carry forward, pay nothing. *out_paid_fen is what the bank is told. */
void claims_entries_payout(int64_t net_fen, int64_t recovery_fen, struct claims_entries *out, int64_t *out_paid_fen);

#endif
