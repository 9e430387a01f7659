/* Ledger rules: which entries an event writes. Each entry is one debit, one credit and an amount above 0; who owns the sub-accounts, which
 * claim and which day is the store's to add. */
#include "claims/claims.h"

#include <assert.h>

struct account_row {
    const char *name;
    enum claims_scope scope;
};

static const struct account_row ACCOUNTS[] = {
    [CLAIMS_ACCOUNT_INSURER_FUND] = {"insurer_fund", CLAIMS_SCOPE_HOUSE},
    [CLAIMS_ACCOUNT_BENEFIT_HELD] = {"benefit_held", CLAIMS_SCOPE_MEMBER},
    [CLAIMS_ACCOUNT_PAYABLE] = {"benefit_payable", CLAIMS_SCOPE_PAYEE},
    [CLAIMS_ACCOUNT_ACCRUED] = {"benefit_accrued", CLAIMS_SCOPE_PAYEE},
    [CLAIMS_ACCOUNT_MEMBER] = {"member_receivable", CLAIMS_SCOPE_MEMBER},
    [CLAIMS_ACCOUNT_COPAY] = {"member_share", CLAIMS_SCOPE_PAYEE},
    [CLAIMS_ACCOUNT_LATE] = {"late_compensation", CLAIMS_SCOPE_MEMBER},
    [CLAIMS_ACCOUNT_RECOVERY] = {"payee_recovery", CLAIMS_SCOPE_PAYEE},
    [CLAIMS_ACCOUNT_BANK] = {"bank_clearing", CLAIMS_SCOPE_HOUSE},
    [CLAIMS_ACCOUNT_SUSPENSE] = {"suspense", CLAIMS_SCOPE_HOUSE},
};
static_assert(COUNT_OF(ACCOUNTS) == CLAIMS_ACCOUNT_COUNT, "a row for each account");

struct kind_row {
    const char *name;
    enum claims_account debit, credit;
};

static const struct kind_row KINDS[] = {
    [CLAIMS_ENTRY_HOLD] = {"HOLD", CLAIMS_ACCOUNT_INSURER_FUND, CLAIMS_ACCOUNT_BENEFIT_HELD},
    [CLAIMS_ENTRY_POST] = {"POST", CLAIMS_ACCOUNT_BENEFIT_HELD, CLAIMS_ACCOUNT_PAYABLE},
    [CLAIMS_ENTRY_RELEASE] = {"RELEASE", CLAIMS_ACCOUNT_BENEFIT_HELD, CLAIMS_ACCOUNT_INSURER_FUND},
    [CLAIMS_ENTRY_VOID] = {"VOID", CLAIMS_ACCOUNT_BENEFIT_HELD, CLAIMS_ACCOUNT_INSURER_FUND},
    [CLAIMS_ENTRY_SHARE] = {"SHARE", CLAIMS_ACCOUNT_MEMBER, CLAIMS_ACCOUNT_COPAY},
    [CLAIMS_ENTRY_REPORT] = {"REPORT", CLAIMS_ACCOUNT_ACCRUED, CLAIMS_ACCOUNT_PAYABLE},
    [CLAIMS_ENTRY_REVERSE] = {"REVERSE", CLAIMS_ACCOUNT_PAYABLE, CLAIMS_ACCOUNT_INSURER_FUND},
    [CLAIMS_ENTRY_UNSHARE] = {"UNSHARE", CLAIMS_ACCOUNT_COPAY, CLAIMS_ACCOUNT_MEMBER},
    [CLAIMS_ENTRY_LATE] = {"LATE", CLAIMS_ACCOUNT_INSURER_FUND, CLAIMS_ACCOUNT_LATE},
    [CLAIMS_ENTRY_PAYOUT] = {"PAYOUT", CLAIMS_ACCOUNT_PAYABLE, CLAIMS_ACCOUNT_BANK},
    [CLAIMS_ENTRY_CARRY] = {"CARRY", CLAIMS_ACCOUNT_RECOVERY, CLAIMS_ACCOUNT_PAYABLE},
    [CLAIMS_ENTRY_RECOVER] = {"RECOVER", CLAIMS_ACCOUNT_PAYABLE, CLAIMS_ACCOUNT_RECOVERY},
};
static_assert(COUNT_OF(KINDS) == CLAIMS_ENTRY_KIND_COUNT, "a row for each kind of entry");

const char *claims_account_name(enum claims_account account)
{
    ASSERT(account >= CLAIMS_ACCOUNT_INSURER_FUND && account < CLAIMS_ACCOUNT_COUNT);
    return ACCOUNTS[account].name;
}

enum claims_scope claims_account_scope(enum claims_account account)
{
    ASSERT(account >= CLAIMS_ACCOUNT_INSURER_FUND && account < CLAIMS_ACCOUNT_COUNT);
    return ACCOUNTS[account].scope;
}

const char *claims_entry_kind_name(enum claims_entry_kind kind)
{
    ASSERT(kind >= CLAIMS_ENTRY_HOLD && kind < CLAIMS_ENTRY_KIND_COUNT);
    return KINDS[kind].name;
}

static void entry_add(struct claims_entries *out, enum claims_entry_kind kind, int64_t amount_fen)
{
    ASSERT(amount_fen >= 0);
    if (amount_fen == 0) return;
    ASSERT(out->count < CLAIMS_ENTRIES_MAX);
    out->at[out->count++] = (struct claims_entry){.kind = kind, .debit = KINDS[kind].debit, .credit = KINDS[kind].credit, .amount_fen = amount_fen};
}

void claims_entries_hold(const struct claim *claim, struct claims_entries *out)
{
    out->count = 0;
    entry_add(out, CLAIMS_ENTRY_HOLD, claim->benefit_fen);
}

void claims_entries_post(const struct claim *claim, int64_t post_fen, int64_t member_fen, struct claims_entries *out)
{
    ASSERT(post_fen >= 0 && post_fen <= claim->benefit_fen);
    out->count = 0;
    entry_add(out, CLAIMS_ENTRY_POST, post_fen);
    if (out->count && claim->benefit != BENEFIT_MEDICINE) out->at[0].credit = CLAIMS_ACCOUNT_ACCRUED; /* the laboratory is paid on report */
    entry_add(out, CLAIMS_ENTRY_RELEASE, claim->benefit_fen - post_fen);
    entry_add(out, CLAIMS_ENTRY_SHARE, member_fen);
}

void claims_entries_void(const struct claim *claim, struct claims_entries *out)
{
    out->count = 0;
    entry_add(out, CLAIMS_ENTRY_VOID, claim->benefit_fen);
}

void claims_entries_report(int64_t accrued_fen, struct claims_entries *out)
{
    out->count = 0;
    entry_add(out, CLAIMS_ENTRY_REPORT, accrued_fen);
}

void claims_entries_reverse(const struct claim *claim, uint32_t line, const struct claims_reversal *reversal, bool reported,
                            struct claims_entries *out)
{
    ASSERT(line < claim->line_count);
    out->count = 0;
    entry_add(out, CLAIMS_ENTRY_REVERSE, reversal->benefit_fen);
    if (out->count && claim->benefit != BENEFIT_MEDICINE && !reported) out->at[0].debit = CLAIMS_ACCOUNT_ACCRUED;
    entry_add(out, CLAIMS_ENTRY_UNSHARE, reversal->member_fen);
    for (uint32_t i = 0; i < out->count; i++) out->at[i].line = line + 1;
}

void claims_entries_late(int64_t amount_fen, struct claims_entries *out)
{
    out->count = 0;
    entry_add(out, CLAIMS_ENTRY_LATE, amount_fen);
}

void claims_entries_payout(int64_t net_fen, int64_t recovery_fen, struct claims_entries *out, int64_t *out_paid_fen)
{
    ASSERT(recovery_fen >= 0);
    ASSERT(net_fen > INT64_MIN);
    out->count = 0;
    *out_paid_fen = 0;
    if (net_fen < 0) {
        entry_add(out, CLAIMS_ENTRY_CARRY, -net_fen);
        return;
    }
    int64_t recover_fen = recovery_fen < net_fen ? recovery_fen : net_fen;
    entry_add(out, CLAIMS_ENTRY_RECOVER, recover_fen);
    entry_add(out, CLAIMS_ENTRY_PAYOUT, net_fen - recover_fen);
    *out_paid_fen = net_fen - recover_fen;
}
