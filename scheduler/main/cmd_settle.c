/* meddispatch settle: close|prepare|approve|send|status|confirm|fail for one business day. The work is the settle room's; this reads options and prints. */
#include "money_commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "money_options.h"
#include "progress.h"
#include "settle/settle.h"

static const char USAGE[] =
    "usage: meddispatch settle VERB --business-date YYYY-MM-DD --db URI [--city N] [--payee P] [--out DIR] [--actor NAME] [--json]\n"
    "  close    close the business day (and every earlier one): later postings go to the next day; with --out write the chain's head\n"
    "  prepare  make each payee's batch and seal it with its file's hash; with --out write the files\n"
    "  approve  by another person than who prepared\n"
    "  send     write the approved batches' files to --out DIR and book the payouts\n"
    "  payer    from which account the city's payouts are paid: --name N --account A --bank B\n"
    "  import   read --file F, a pain.002 or camt.053 of the bank; batches it names are confirmed or failed\n"
    "  expire   void holds older than --hours H (72) whose order was never delivered\n"
    "  report   the day for people: totals by payee, entries, exceptions by age; with --out also as one HTML page with charts\n"
    "  status   how the day's batches stand\n"
    "  confirm  the bank has paid --payee P (--bank-ref R); fail: it has not, the money is due again\n"
    "Every verb may be run again. Exit: 0 done, 1 refused by the state of things, 2 usage, 3 input refused, 4 database or folder unavailable.\n";

static void print_json_batch(const struct payout *batch)
{
    char id[SETTLE_BATCH_ID_MAX], hex[65] = "";
    settle_batch_id(batch, id);
    if (batch->has_file) hash_hex(batch->file_sha256.byte, sizeof batch->file_sha256.byte, hex);
    printf("{\"batch\":");
    money_json_text(id);
    printf(",\"payee\":");
    money_json_text(batch->payee);
    printf(",\"state\":\"%s\",\"items\":%u,\"net_fen\":%" PRId64 ",\"brought_fen\":%" PRId64 ",\"paid_fen\":%" PRId64 ",\"carried_fen\":%" PRId64
           ",\"prepared_by\":",
           payout_state_name(batch->state), batch->item_count, batch->net_fen, batch->brought_fen, batch->total_fen, batch->carried_fen);
    money_json_text(batch->prepared_by);
    printf(",\"approved_by\":");
    money_json_text(batch->approved_by);
    printf(",\"file\":");
    money_json_text(batch->file_name);
    printf(",\"sha256\":\"%s\",\"bank_ref\":", hex);
    money_json_text(batch->bank_ref);
    printf("}");
}

static void print_batches(const struct money_options *options, const struct settle_batches *batches)
{
    char day[11];
    int64_t paid_fen = 0;
    claims_day_to_text(options->day, day);
    if (options->json) printf("{\"business_date\":\"%s\",\"made\":%u,\"moved\":%u,\"batches\":[", day, batches->made, batches->moved);
    for (size_t i = 0; i < batches->count; i++) {
        const struct payout *b = &batches->at[i];
        paid_fen += b->total_fen;
        if (options->json) {
            if (i) printf(",");
            print_json_batch(b);
        } else {
            printf("%-10s %-9s %6u items  net %12" PRId64 "  brought %10" PRId64 "  pays %12" PRId64 " fen  carried %10" PRId64 "  %s\n", b->payee,
                   payout_state_name(b->state), b->item_count, b->net_fen, b->brought_fen, b->total_fen, b->carried_fen, b->file_name);
        }
    }
    if (options->json)
        printf("],\"paid_fen\":%" PRId64 "}\n", paid_fen);
    else
        printf("%s: %zu batches, %" PRId64 " fen to pay; %u made, %u moved on\n", day, batches->count, paid_fen, batches->made, batches->moved);
}

static enum status close_day(const struct money_options *options, struct store *store, struct error *err)
{
    char day[11];
    uint32_t closed = 0;
    TRY(store_day_close(store, options->city, options->day, options->actor, &closed, err));
    if (options->out_dir) TRY(settle_head_write(store, options->city, options->day, options->out_dir, err));
    claims_day_to_text(options->day, day);
    printf(options->json ? "{\"business_date\":\"%s\",\"closed\":%u}\n" : "%s: %u business days closed\n", day, closed);
    return STATUS_OK;
}

/* In pages, each a transaction: a night's worth of forgotten holds never locks the day's work out. */
static enum status expire(const struct money_options *options, struct store *store, struct error *err)
{
    int64_t now_ms = clock_now_ms(), before_ms = now_ms - (options->hours ? options->hours : 72) * INT64_C(3600000);
    uint64_t total = 0;
    uint32_t expired = STORE_PAGE_MAX;
    while (expired == STORE_PAGE_MAX) {
        TRY(store_holds_expire(store, options->city, before_ms, now_ms, &expired, err));
        total += expired;
    }
    printf(options->json ? "{\"expired\":%" PRIu64 "}\n" : "%" PRIu64 " holds expired\n", total);
    return STATUS_OK;
}

static enum status payer(const struct money_options *options, struct store *store, struct error *err)
{
    struct payment_party party;
    bool whole = options->name && options->account && options->bank && text_copy(party.name, sizeof party.name, options->name) &&
                 text_copy(party.account, sizeof party.account, options->account) && text_copy(party.bank, sizeof party.bank, options->bank);
    if (!whole) return error_set(err, STATUS_INVALID_ARGUMENT, "a payer has --name (at most 140 bytes), --account (34) and --bank (35)");
    TRY(store_payer_put(store, options->city, &party, err));
    printf(options->json ? "{\"payer\":true}\n" : "payer of city %u set\n", options->city.v);
    return STATUS_OK;
}

static enum status import(const struct money_options *options, const struct settle_job *job, struct error *err)
{
    struct settle_import_result result;
    if (!options->file) return error_set(err, STATUS_INVALID_ARGUMENT, "importing needs --file FILE");
    TRY(settle_import(job, options->file, &result, err));
    printf(options->json ? "{\"kind\":\"%s\",\"repeated\":%s,\"entries\":%zu" : "%s, repeated %s, %zu entries", result.kind == BANK_STATUS_REPORT ? "pain.002" : "camt.053",
           result.repeated ? "true" : "false", result.count);
    for (int i = BANK_NOTED; i < BANK_OUTCOME_COUNT; i++)
        printf(options->json ? ",\"%s\":%" PRIu64 : ", %s %" PRIu64, bank_outcome_name((enum bank_outcome)i), result.by_outcome[i]);
    printf(options->json ? "}\n" : "\n");
    return STATUS_OK;
}

static enum status report(const struct settle_job *job, struct error *err)
{
    enum { REPORT_TEXT_MAX = 1 << 20 };
    struct buffer text;
    buffer_init(&text, REPORT_TEXT_MAX);
    enum status rc = settle_report(job, &text, err);
    if (rc == STATUS_OK) fwrite(text.data, 1, text.size, stdout);
    buffer_deinit(&text);
    return rc;
}

static bool needs_day(const char *verb)
{
    return strcmp(verb, "expire") != 0 && strcmp(verb, "payer") != 0 && strcmp(verb, "import") != 0;
}

static enum status run(const struct money_options *options, struct store *store, bool *known, struct error *err)
{
    struct settle_job job = {.store = store, .city = options->city, .day = options->day, .payee = options->payee, .actor = options->actor,
                             .out_dir = options->out_dir, .now_ms = clock_now_ms(), .on_progress = progress_told};
    struct progress progress;
    progress_init(&progress);
    job.progress = &progress;
    struct settle_batches batches = {0};
    const char *verb = options->verb, *bank_ref = options->bank_ref ? options->bank_ref : "";
    enum status rc;
    *known = true;
    if (strcmp(verb, "close") == 0) return close_day(options, store, err);
    if (strcmp(verb, "expire") == 0) return expire(options, store, err);
    if (strcmp(verb, "payer") == 0) return payer(options, store, err);
    if (strcmp(verb, "report") == 0) return report(&job, err);
    if (strcmp(verb, "import") == 0) return import(options, &job, err);
    if (strcmp(verb, "prepare") == 0) {
        rc = settle_prepare(&job, &batches, err);
    } else if (strcmp(verb, "approve") == 0) {
        rc = settle_approve(&job, &batches, err);
    } else if (strcmp(verb, "send") == 0) {
        rc = settle_send(&job, &batches, err);
    } else if (strcmp(verb, "status") == 0) {
        rc = settle_status(&job, &batches, err);
    } else if (strcmp(verb, "confirm") == 0 || strcmp(verb, "fail") == 0) {
        rc = settle_answer(&job, verb[0] == 'c', bank_ref, &batches, err);
    } else {
        *known = false;
        return STATUS_OK;
    }
    if (rc == STATUS_OK) print_batches(options, &batches);
    if (rc == STATUS_OK && batches.no_payer && batches.moved) log_warn("no pain.001 was written: name the paying account with `settle payer`");
    settle_batches_deinit(&batches);
    return rc;
}

int cmd_settle(int argc, char **argv)
{
    struct money_options options;
    struct store *store = NULL;
    struct error err = {0};
    bool known = false;
    if (!money_options_read("settle", argc, argv, &options)) return EXIT_USAGE;
    if (options.help) {
        fputs(USAGE, stdout);
        return EXIT_DONE;
    }
    if ((!options.has_day && needs_day(options.verb)) || !options.verb[0]) {
        fputs(USAGE, stderr);
        return EXIT_USAGE;
    }
    enum status rc = money_store_open(&options, STORE_ROLE_SETTLEMENT, &store, &err);
    if (rc != STATUS_OK) return exit_told("settle", rc, &err);
    rc = run(&options, store, &known, &err);
    store_close(store);
    if (rc != STATUS_OK) return exit_told("settle", rc, &err);
    if (known) return EXIT_DONE;
    fputs(USAGE, stderr);
    return EXIT_USAGE;
}
