/* meddispatch ledger statement|export|readjudicate, and verify of an export without a database. */
#include "cmd_ledger_more.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "money_commands.h"
#include "settle/settle.h"

/* ---- statement ---- */

static bool account_named(const char *name, enum claims_account *out)
{
    for (int i = CLAIMS_ACCOUNT_INSURER_FUND; name && i < CLAIMS_ACCOUNT_COUNT; i++)
        if (strcmp(claims_account_name((enum claims_account)i), name) == 0) {
            *out = (enum claims_account)i;
            return true;
        }
    return false;
}

static void print_row(const struct statement_row *row, int64_t balance_fen, bool json)
{
    char day[11];
    claims_day_to_text(row->day, day);
    if (!json) {
        printf("%s  %8" PRIu64 "  %-13s %14" PRId64 "  %16" PRId64 "  %s %s  claim %" PRIu64 "\n", day, row->entry, row->kind, row->amount_fen, balance_fen,
               claims_account_name(row->counter_account), row->counter_owner, row->claim);
        return;
    }
    printf("{\"day\":\"%s\",\"at_ms\":%" PRId64 ",\"entry\":%" PRIu64 ",\"kind\":\"%s\",\"amount_fen\":%" PRId64 ",\"balance_fen\":%" PRId64 ",\"counter_account\":\"%s\",\"counter_owner\":",
           day, row->at_ms, row->entry, row->kind, row->amount_fen, balance_fen, claims_account_name(row->counter_account));
    money_json_text(row->counter_owner);
    printf(",\"claim\":%" PRIu64 ",\"order\":%" PRIu64 ",\"source\":", row->claim, row->order);
    money_json_text(row->source);
    printf(",\"key\":");
    money_json_text(row->key);
    printf("}\n");
}

/* Opening balance, entries with a running balance, closing balance; the closing one is asked of the database again and must agree. */
static enum status statement(const struct money_options *options, struct store *store, enum claims_account account, bool *agrees, struct error *err)
{
    enum { PAGE = 500 };
    struct statement_ask ask = {.city = options->city, .account = account, .owner = options->owner, .from_day = options->from_day, .through_day = options->through_day};
    int64_t balance_fen = 0, closing_fen;
    size_t count = PAGE;
    uint64_t rows = 0;
    if (options->from_day > 0)
        TRY(store_account_balance(store, ask.city, account, ask.owner, options->from_day - 1, INT64_MAX, &balance_fen, err));
    printf(options->json ? "{\"opening_fen\":%" PRId64 "}\n" : "opening balance %" PRId64 " fen\n", balance_fen);
    struct statement_row *page = mem_zalloc(PAGE, sizeof *page);
    enum status rc = STATUS_OK;
    while (rc == STATUS_OK && count == PAGE) {
        rc = store_statement(store, &ask, page, PAGE, &count, err);
        for (size_t i = 0; rc == STATUS_OK && i < count; i++) {
            balance_fen += page[i].amount_fen;
            print_row(&page[i], balance_fen, options->json);
            ask.after_day = page[i].day;
            ask.after_entry = page[i].entry;
            rows++;
        }
    }
    free(page);
    if (rc == STATUS_OK) rc = store_account_balance(store, ask.city, account, ask.owner, options->through_day, INT64_MAX, &closing_fen, err);
    if (rc != STATUS_OK) return rc;
    *agrees = closing_fen == balance_fen;
    printf(options->json ? "{\"closing_fen\":%" PRId64 ",\"rows\":%" PRIu64 "}\n" : "closing balance %" PRId64 " fen, %" PRIu64 " entries\n", closing_fen, rows);
    return STATUS_OK;
}

static bool account_asked(const struct money_options *options, enum claims_account *account)
{
    if (!account_named(options->account, account)) {
        fprintf(stderr, "meddispatch ledger: --account is one of");
        for (int i = CLAIMS_ACCOUNT_INSURER_FUND; i < CLAIMS_ACCOUNT_COUNT; i++) fprintf(stderr, " %s", claims_account_name((enum claims_account)i));
        fprintf(stderr, "\n");
        return false;
    }
    return true;
}

int ledger_balance(const struct money_options *options, struct store *store)
{
    struct error err = {0};
    enum claims_account account = CLAIMS_ACCOUNT_INSURER_FUND;
    int64_t balance_fen;
    if (!account_asked(options, &account)) return EXIT_USAGE;
    enum status rc = store_account_balance(store, options->city, account, options->owner, options->through_day, options->at_ms, &balance_fen, &err);
    if (rc != STATUS_OK) return exit_told("ledger balance", rc, &err);
    printf(options->json ? "{\"balance_fen\":%" PRId64 "}\n" : "%" PRId64 " fen\n", balance_fen);
    return EXIT_DONE;
}

int ledger_statement(const struct money_options *options, struct store *store)
{
    struct error err = {0};
    enum claims_account account = CLAIMS_ACCOUNT_INSURER_FUND;
    bool agrees = false;
    if (!account_asked(options, &account)) return EXIT_USAGE;
    if ((claims_account_scope(account) == CLAIMS_SCOPE_HOUSE) != (options->owner[0] == '\0')) {
        fprintf(stderr, "meddispatch ledger statement: %s %s --owner\n", options->account, options->owner[0] ? "has no" : "needs");
        return EXIT_USAGE;
    }
    enum status rc = statement(options, store, account, &agrees, &err);
    if (rc != STATUS_OK) return exit_told("ledger statement", rc, &err);
    return agrees ? EXIT_DONE : EXIT_NO; /* entries posted while we read */
}

/* ---- export and its check ---- */

static void print_export(const struct money_options *options, const struct ledger_export_result *result, const char *word)
{
    char day[11] = "", head[65];
    if (result->through_day) claims_day_to_text(result->through_day, day);
    hash_hex(result->head.byte, sizeof result->head.byte, head);
    printf(options->json ? "{\"entries\":%" PRIu64 ",\"days\":%" PRIu64 ",\"through\":\"%s\",\"head\":\"%s\",\"sound\":true}\n"
                         : "%" PRIu64 " entries of %" PRIu64 " days through %s, head %s",
           result->rows, result->blocks, day, head);
    if (!options->json) printf(": %s\n", word);
}

int ledger_export(const struct money_options *options, struct store *store)
{
    struct ledger_export_result result;
    struct error err = {0};
    if (!options->export_file) {
        fprintf(stderr, "meddispatch ledger export: --export FILE is needed\n");
        return EXIT_USAGE;
    }
    enum status rc = settle_ledger_export(store, options->city, options->export_file, &result, &err);
    if (rc != STATUS_OK) return exit_told("ledger export", rc, &err);
    print_export(options, &result, "written");
    return EXIT_DONE;
}

int ledger_verify_file(const struct money_options *options)
{
    struct ledger_export_result result;
    struct error err = {0};
    enum status rc = settle_ledger_verify_file(options->export_file, options->head, &result, &err);
    if (rc == STATUS_DATA_LOSS) {
        if (options->json) {
            printf("{\"entries\":%" PRIu64 ",\"sound\":false,\"fault\":", result.rows);
            money_json_text(err.text);
            printf("}\n");
        } else {
            printf("NOT SOUND: %s\n", err.text);
        }
        return EXIT_NO;
    }
    if (rc != STATUS_OK) return exit_told("ledger verify", rc, &err);
    print_export(options, &result, options->head ? "sound, and the head is in it" : "sound in itself; give --head FILE to know that nobody made it anew");
    return EXIT_DONE;
}

/* ---- past claims decided again ---- */

int ledger_readjudicate(const struct money_options *options, struct store *store)
{
    struct claims_replay page = {.more = true};
    struct error err = {0};
    uint64_t checked = 0, without = 0, differing = 0;
    const uint64_t all_claims = 0;
    char actor[ACTOR_TEXT_MAX];
    text_format(actor, sizeof actor, "%.48s", options->actor);
    enum status noted = store_access_note(store, options->city, actor, "claim_basis", &all_claims, 1, "ledger readjudicate", clock_real_ms(), &err);
    if (noted != STATUS_OK) return exit_told("ledger readjudicate", noted, &err); /* the kept facts are health data */
    while (page.more) {
        enum status rc = store_claims_replay(store, options->city, page.through, &page, &err);
        if (rc != STATUS_OK) return exit_told("ledger readjudicate", rc, &err);
        checked += page.checked;
        without += page.without_basis;
        differing += page.differing_count;
        for (size_t i = 0; i < page.differing_count && i < COUNT_OF(page.differing); i++)
            if (!options->json) printf("DIFFERS claim=%" PRIu64 "\n", page.differing[i].v);
    }
    printf(options->json ? "{\"checked\":%" PRIu64 ",\"without_basis\":%" PRIu64 ",\"differing\":%" PRIu64 "}\n"
                         : "%" PRIu64 " claims decided again, %" PRIu64 " without kept facts, %" PRIu64 " differ\n",
           checked, without, differing);
    return differing ? EXIT_NO : EXIT_DONE;
}
