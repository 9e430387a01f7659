/* meddispatch reconcile: hold orders, claims, ledger and payout of a business day against each other. Exit 1 if anything does not fit. */
#include "money_commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "money_options.h"

enum { ROWS_MAX = 20000, EXCEPTIONS_MAX = 1000 };

static const char USAGE[] = "usage: meddispatch reconcile --business-date YYYY-MM-DD --db URI [--city N] [--actor NAME] [--json]\n"
                            "Counts and sums of a closed day by payee, tolerance 0 fen. What does not fit is stored as a typed exception.\n"
                            "Exit: 0 all fits, 1 exceptions are open, 2 usage, 3 input refused, 4 database unavailable.\n";

/* Each side of a payee's day; the day fits if all sides say the same. */
static bool row_fits(const struct recon_row *r)
{
    bool batched = r->state == 0 || (r->item_fen == r->net_fen);
    return r->claim_count == r->ledger_count && r->claim_fen == r->ledger_fen && r->reversal_count == r->ledger_reversal_count &&
           r->reversal_fen == r->ledger_reversal_fen && batched;
}

static void print_row(const struct recon_row *r, bool json)
{
    const char *state = r->state ? payout_state_name(r->state) : "";
    if (!json) {
        printf("%-10s claims %6" PRIu64 " %12" PRId64 "  ledger %6" PRIu64 " %12" PRId64 "  returns %4" PRIu64 " %10" PRId64 "  batch %6" PRIu64 " %12" PRId64
               " %-9s %s\n",
               r->payee, r->claim_count, r->claim_fen, r->ledger_count, r->ledger_fen, r->reversal_count, r->reversal_fen, r->item_count, r->item_fen, state,
               row_fits(r) ? "fits" : "DIFFERS");
        return;
    }
    printf("{\"payee\":");
    money_json_text(r->payee);
    printf(",\"claims\":%" PRIu64 ",\"claims_fen\":%" PRId64 ",\"ledger\":%" PRIu64 ",\"ledger_fen\":%" PRId64 ",\"reversals\":%" PRIu64
           ",\"reversals_fen\":%" PRId64 ",\"ledger_reversals\":%" PRIu64 ",\"ledger_reversals_fen\":%" PRId64 ",\"items\":%" PRIu64 ",\"items_fen\":%" PRId64
           ",\"net_fen\":%" PRId64 ",\"paid_fen\":%" PRId64 ",\"state\":\"%s\",\"fits\":%s}",
           r->claim_count, r->claim_fen, r->ledger_count, r->ledger_fen, r->reversal_count, r->reversal_fen, r->ledger_reversal_count, r->ledger_reversal_fen,
           r->item_count, r->item_fen, r->net_fen, r->total_fen, state, row_fits(r) ? "true" : "false");
}

static void print_exception(const struct recon_exception *x, bool json)
{
    if (!json) {
        printf("%s payee=%s claim=%" PRIu64 " order=%" PRIu64 " entry=%" PRIu64 " expected=%" PRId64 " found=%" PRId64 ": %s\n", x->kind, x->payee, x->claim, x->order,
               x->entry, x->expected_fen, x->found_fen, x->detail);
        return;
    }
    printf("{\"kind\":\"%s\",\"payee\":", x->kind);
    money_json_text(x->payee);
    printf(",\"claim\":%" PRIu64 ",\"order\":%" PRIu64 ",\"entry\":%" PRIu64 ",\"expected_fen\":%" PRId64 ",\"found_fen\":%" PRId64 "}", x->claim, x->order, x->entry,
           x->expected_fen, x->found_fen);
}

/* True if all fits. */
static bool print_result(const struct money_options *options, const struct recon_result *result)
{
    char day[11];
    bool fits = result->exception_count == 0;
    size_t shown = result->exception_count < result->exception_capacity ? result->exception_count : result->exception_capacity;
    claims_day_to_text(options->day, day);
    for (size_t i = 0; i < result->row_count; i++) fits &= row_fits(&result->rows[i]);
    if (options->json) printf("{\"business_date\":\"%s\",\"run\":%u,\"checked\":%" PRIu64 ",\"payees\":[", day, result->run, result->checked);
    for (size_t i = 0; i < result->row_count; i++) {
        if (options->json && i) printf(",");
        print_row(&result->rows[i], options->json);
    }
    if (options->json) printf("],\"exceptions\":[");
    for (size_t i = 0; i < shown; i++) {
        if (options->json && i) printf(",");
        print_exception(&result->exceptions[i], options->json);
    }
    if (options->json)
        printf("],\"exception_count\":%zu,\"fits\":%s}\n", result->exception_count, fits ? "true" : "false");
    else
        printf("%s: run %u, %" PRIu64 " orders and entries, %zu payees, %zu open exceptions: %s\n", day, result->run, result->checked, result->row_count,
               result->exception_count, fits ? "all fits" : "DOES NOT FIT");
    return fits;
}

int cmd_reconcile(int argc, char **argv)
{
    struct money_options options;
    struct store *store = NULL;
    struct error err = {0};
    bool fits = false;
    if (!money_options_read("reconcile", argc, argv, &options)) return EXIT_USAGE;
    if (options.help || !options.has_day || options.verb[0]) {
        fputs(USAGE, options.help ? stdout : stderr);
        return options.help ? EXIT_DONE : EXIT_USAGE;
    }
    enum status rc = money_store_open(&options, STORE_ROLE_SETTLEMENT, &store, &err);
    if (rc != STATUS_OK) return exit_told("reconcile", rc, &err);
    struct recon_result result = {.rows = mem_zalloc(ROWS_MAX, sizeof(struct recon_row)), .row_capacity = ROWS_MAX,
                                  .exceptions = mem_zalloc(EXCEPTIONS_MAX, sizeof(struct recon_exception)), .exception_capacity = EXCEPTIONS_MAX};
    rc = store_reconcile(store, options.city, options.day, options.actor, &result, &err);
    store_close(store);
    if (rc == STATUS_OK) fits = print_result(&options, &result);
    free(result.rows);
    free(result.exceptions);
    if (rc != STATUS_OK) return exit_told("reconcile", rc, &err);
    return fits ? EXIT_DONE : EXIT_NO;
}
