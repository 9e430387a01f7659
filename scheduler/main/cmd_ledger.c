/* meddispatch ledger: are the books sound, and what do they say. verify and trial-balance are here, the rest in cmd_ledger_more.c. */
#include "money_commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_ledger_more.h"
#include "money_options.h"

enum { ACCOUNTS_MAX = 100000, FAULTS_MAX = 1000 };

static const char USAGE[] =
    "usage: meddispatch ledger VERB --db URI [--city N] [--json]\n"
    "  verify         recompute everything: row hashes, chain of closed days, holds, member-years, claims, reversals, balance\n"
    "  verify --export FILE [--head FILE]      check an export without a database: every hash, and that the kept head is in the chain\n"
    "  export --export FILE                    write all closed days with their hashes\n"
    "  trial-balance [--at DAY|INSTANT]        debits and credits by account; DAY: up to that business day, INSTANT (2026-03-10T08:00:00Z): posted by then\n"
    "  balance --account NAME [--owner CODE] [--at DAY|INSTANT]   credit less debit, of one sub-account or (no owner) of all together\n"
    "  statement --account NAME [--owner CODE] [--from DAY] [--at DAY]   an account's entries with opening, running and closing balance\n"
    "  readjudicate   decide every past claim again from what was kept with it; it must come out the same to the byte\n"
    "Exit: 0 sound and balanced, 1 not, 2 usage, 3 input refused, 4 database unavailable.\n";

struct totals {
    int64_t debit_fen, credit_fen, held_fen, payable_fen, accrued_fen;
};

/* Balances of an account are credit less debit. */
static enum status read_trial(const struct money_options *options, struct store *store, struct trial_row *rows, size_t *count, struct totals *totals,
                              struct error *err)
{
    TRY(store_trial_balance(store, options->city, options->through_day, options->at_ms, rows, ACCOUNTS_MAX, count, err));
    *totals = (struct totals){0};
    for (size_t i = 0; i < *count; i++) {
        int64_t balance_fen = rows[i].credit_fen - rows[i].debit_fen;
        totals->debit_fen += rows[i].debit_fen;
        totals->credit_fen += rows[i].credit_fen;
        if (rows[i].account == CLAIMS_ACCOUNT_BENEFIT_HELD) totals->held_fen += balance_fen;
        if (rows[i].account == CLAIMS_ACCOUNT_PAYABLE) totals->payable_fen += balance_fen;
        if (rows[i].account == CLAIMS_ACCOUNT_ACCRUED) totals->accrued_fen += balance_fen;
    }
    return STATUS_OK;
}

static void print_trial(const struct trial_row *rows, size_t count, const struct totals *totals, bool json)
{
    bool balanced = totals->debit_fen == totals->credit_fen;
    if (json) printf("{\"accounts\":[");
    for (size_t i = 0; i < count; i++) {
        const struct trial_row *r = &rows[i];
        if (!json) {
            printf("%-18s %-12s debit %16" PRId64 "  credit %16" PRId64 "  balance %16" PRId64 " fen\n", claims_account_name(r->account), r->owner, r->debit_fen,
                   r->credit_fen, r->credit_fen - r->debit_fen);
            continue;
        }
        printf("%s{\"account\":\"%s\",\"owner\":", i ? "," : "", claims_account_name(r->account));
        money_json_text(r->owner);
        printf(",\"debit_fen\":%" PRId64 ",\"credit_fen\":%" PRId64 "}", r->debit_fen, r->credit_fen);
    }
    if (json)
        printf("],\"debit_fen\":%" PRId64 ",\"credit_fen\":%" PRId64 ",\"balanced\":%s}\n", totals->debit_fen, totals->credit_fen, balanced ? "true" : "false");
    else
        printf("total debit %" PRId64 ", credit %" PRId64 " fen: %s\n", totals->debit_fen, totals->credit_fen, balanced ? "balanced" : "NOT BALANCED");
}

static void print_verify(const struct ledger_fault *faults, size_t fault_count, uint64_t entries, const struct totals *totals, bool json)
{
    bool balanced = totals->debit_fen == totals->credit_fen;
    size_t shown = fault_count < FAULTS_MAX ? fault_count : FAULTS_MAX;
    if (json)
        printf("{\"entries\":%" PRIu64 ",\"debit_fen\":%" PRId64 ",\"credit_fen\":%" PRId64 ",\"held_fen\":%" PRId64 ",\"payable_fen\":%" PRId64
               ",\"accrued_fen\":%" PRId64 ",\"balanced\":%s,\"sound\":%s,\"fault_count\":%zu,\"faults\":[",
               entries, totals->debit_fen, totals->credit_fen, totals->held_fen, totals->payable_fen, totals->accrued_fen, balanced ? "true" : "false",
               fault_count == 0 && balanced ? "true" : "false", fault_count);
    for (size_t i = 0; i < shown; i++) {
        const struct ledger_fault *f = &faults[i];
        if (json)
            printf("%s{\"what\":\"%s\",\"entry\":%" PRIu64 ",\"claim\":%" PRIu64 ",\"expected_fen\":%" PRId64 ",\"found_fen\":%" PRId64 "}", i ? "," : "", f->what,
                   f->entry, f->claim, f->expected_fen, f->found_fen);
        else
            printf("FAULT %s entry=%" PRIu64 " claim=%" PRIu64 " expected=%" PRId64 " found=%" PRId64 "\n", f->what, f->entry, f->claim, f->expected_fen, f->found_fen);
    }
    if (json)
        printf("]}\n");
    else
        printf("%" PRIu64 " entries, debit %" PRId64 " = credit %" PRId64 " fen, held %" PRId64 ", accrued %" PRId64 ", payable %" PRId64 ": %s\n", entries,
               totals->debit_fen, totals->credit_fen, totals->held_fen, totals->accrued_fen, totals->payable_fen,
               fault_count || !balanced ? "NOT SOUND" : "sound");
}

static int verify(const struct money_options *options, struct store *store, struct trial_row *rows)
{
    struct error err = {0};
    struct totals totals;
    size_t count, fault_count = 0;
    uint64_t entries = 0;
    struct ledger_fault *faults = mem_zalloc(FAULTS_MAX, sizeof *faults);
    enum status rc = read_trial(options, store, rows, &count, &totals, &err);
    if (rc == STATUS_OK) rc = store_ledger_verify(store, options->city, faults, FAULTS_MAX, &fault_count, &entries, &err);
    if (rc == STATUS_OK) print_verify(faults, fault_count, entries, &totals, options->json);
    free(faults);
    if (rc != STATUS_OK) return exit_told("ledger verify", rc, &err);
    return fault_count == 0 && totals.debit_fen == totals.credit_fen ? EXIT_DONE : EXIT_NO;
}

static int trial_balance(const struct money_options *options, struct store *store, struct trial_row *rows)
{
    struct error err = {0};
    struct totals totals;
    size_t count;
    enum status rc = read_trial(options, store, rows, &count, &totals, &err);
    if (rc != STATUS_OK) return exit_told("ledger trial-balance", rc, &err);
    print_trial(rows, count, &totals, options->json);
    return totals.debit_fen == totals.credit_fen ? EXIT_DONE : EXIT_NO;
}

static int trial_balance_alone(const struct money_options *options, struct store *store)
{
    struct trial_row *rows = mem_zalloc(ACCOUNTS_MAX, sizeof *rows);
    int code = trial_balance(options, store, rows);
    free(rows);
    return code;
}

static int verify_alone(const struct money_options *options, struct store *store)
{
    struct trial_row *rows = mem_zalloc(ACCOUNTS_MAX, sizeof *rows);
    int code = verify(options, store, rows);
    free(rows);
    return code;
}

static const struct {
    const char *name;
    enum store_role role;
    int (*run)(const struct money_options *options, struct store *store);
} VERBS[] = {
    {"verify", STORE_ROLE_READER, verify_alone},
    {"trial-balance", STORE_ROLE_READER, trial_balance_alone},
    {"balance", STORE_ROLE_READER, ledger_balance},
    {"statement", STORE_ROLE_READER, ledger_statement},
    {"export", STORE_ROLE_READER, ledger_export},
    {"readjudicate", STORE_ROLE_SETTLEMENT, ledger_readjudicate},
};

int cmd_ledger(int argc, char **argv)
{
    struct money_options options;
    struct store *store = NULL;
    struct error err = {0};
    size_t at = 0;
    if (!money_options_read("ledger", argc, argv, &options)) return EXIT_USAGE;
    while (at < COUNT_OF(VERBS) && strcmp(VERBS[at].name, options.verb) != 0) at++;
    if (options.help || at == COUNT_OF(VERBS)) {
        fputs(USAGE, options.help ? stdout : stderr);
        return options.help ? EXIT_DONE : EXIT_USAGE;
    }
    if (strcmp(options.verb, "verify") == 0 && options.export_file) return ledger_verify_file(&options);
    if (!options.db) {
        fprintf(stderr, "meddispatch ledger: --db URI is needed\n");
        return EXIT_USAGE;
    }
    enum status rc = money_store_open(&options, VERBS[at].role, &store, &err);
    if (rc != STATUS_OK) return exit_told("ledger", rc, &err);
    int code = VERBS[at].run(&options, store);
    store_close(store);
    return code;
}
