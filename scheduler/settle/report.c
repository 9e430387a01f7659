/* A day's settlement for people: the same figures as text and as one HTML page that needs nothing else, with charts as inline SVG. Its bytes follow from the books alone,
 * so the same day gives the same page. Every text is escaped; no member, no medicine is in it. */
#include "settle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TOP_PAYEES = 20, BAR_PX = 18, BAR_WIDE_PX = 420, LABEL_PX = 150, CHART_HIGH_PX = 160, COLUMN_PX = 22, REPORT_BYTES_MAX = 64 << 20 };

static const char *const AGES[REPORT_AGES] = {"today", "1-2 days", "3-7 days", "older"};
static const char STYLE[] =
    "body{font:15px/1.45 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff}"
    "h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}td,th{padding:.25rem .6rem;border-bottom:1px solid #d8dee6;text-align:right}"
    "td:first-child,th:first-child{text-align:left}.figures{display:flex;flex-wrap:wrap;gap:1rem}.figures div{border:1px solid #d8dee6;border-radius:.5rem;padding:.6rem 1rem}"
    ".figures b{display:block;font-size:1.3rem}svg{max-width:100%;height:auto}svg text{font:12px system-ui,sans-serif;fill:#3a4656}.bar{fill:#2f6fb3}.bad{fill:#c0392b}"
    "@media(prefers-color-scheme:dark){body{color:#dde4ee;background:#12161c}td,th,.figures div{border-color:#36404d}svg text{fill:#aab6c6}.bar{fill:#5b9bdd}}";

static void escaped(struct buffer *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '<': buffer_printf(out, "&lt;"); break;
        case '>': buffer_printf(out, "&gt;"); break;
        case '&': buffer_printf(out, "&amp;"); break;
        case '"': buffer_printf(out, "&quot;"); break;
        case '\'': buffer_printf(out, "&#39;"); break;
        default: buffer_append(out, text, 1); break;
        }
    }
}

static void yuan(struct buffer *out, int64_t fen)
{
    uint64_t whole = fen < 0 ? 0 - (uint64_t)fen : (uint64_t)fen;
    buffer_printf(out, "%s%" PRIu64 ".%02" PRIu64, fen < 0 ? "-" : "", whole / 100, whole % 100);
}

static int by_paid(const void *a, const void *b)
{
    const struct payout *x = a, *y = b;
    if (x->total_fen != y->total_fen) return x->total_fen < y->total_fen ? 1 : -1;
    return strcmp(x->payee, y->payee);
}

/* What both pages tell. */
struct telling {
    const struct settle_job *job;
    const struct settlement_report *report;
    struct payout *batches;   /* the largest first */
    size_t count;
    int64_t paid_fen, net_fen, carried_fen;
    uint64_t by_state[PAYOUT_STATE_COUNT], exceptions;
    char day[11];
};

static void add_up(struct telling *t)
{
    claims_day_to_text(t->job->day, t->day);
    for (size_t i = 0; i < t->count; i++) {
        t->paid_fen += t->batches[i].total_fen;
        t->net_fen += t->batches[i].net_fen;
        t->carried_fen += t->batches[i].carried_fen;
        t->by_state[t->batches[i].state]++;
    }
    for (uint32_t i = 0; i < t->report->exception_count; i++)
        for (int age = 0; age < REPORT_AGES; age++) t->exceptions += t->report->exceptions[i].count[age];
    qsort(t->batches, t->count, sizeof *t->batches, by_paid);
}

/* ---- text ---- */

static void text_payees(const struct telling *t, struct buffer *out)
{
    int64_t rest_fen = t->paid_fen;
    buffer_printf(out, "\n%-32s %-9s %8s %16s %14s\n", "payee", "state", "items", "pays (yuan)", "carried");
    for (size_t i = 0; i < t->count && i < TOP_PAYEES; i++) {
        const struct payout *b = &t->batches[i];
        buffer_printf(out, "%-32s %-9s %8u %13" PRId64 ".%02d %11" PRId64 ".%02d\n", b->payee, payout_state_name(b->state), b->item_count, b->total_fen / 100, (int)(b->total_fen % 100),
                      b->carried_fen / 100, (int)(-b->carried_fen % 100));
        rest_fen -= b->total_fen;
    }
    if (t->count > TOP_PAYEES) {
        buffer_printf(out, "and %zu payees more with ", t->count - TOP_PAYEES);
        yuan(out, rest_fen);
        buffer_printf(out, "\n");
    }
}

static void text_exceptions(const struct telling *t, struct buffer *out)
{
    if (t->exceptions == 0) {
        buffer_printf(out, "\nno open exceptions\n");
        return;
    }
    buffer_printf(out, "\n%-28s %8s %9s %9s %7s %14s\n", "open exceptions", AGES[0], AGES[1], AGES[2], AGES[3], "differ (fen)");
    for (uint32_t i = 0; i < t->report->exception_count; i++) {
        const struct report_exception *x = &t->report->exceptions[i];
        buffer_printf(out, "%-28s %8" PRIu64 " %9" PRIu64 " %9" PRIu64 " %7" PRIu64 " %14" PRId64 "\n", x->kind, x->count[0], x->count[1], x->count[2], x->count[3], x->difference_fen);
    }
}

static void text_write(const struct telling *t, struct buffer *out)
{
    buffer_printf(out, "Settlement of %s, city %u: %zu payees, to pay ", t->day, t->job->city.v, t->count);
    yuan(out, t->paid_fen);
    buffer_printf(out, " yuan, carried forward ");
    yuan(out, t->carried_fen);
    buffer_printf(out, "\n");
    for (int state = PAYOUT_DRAFT; state < PAYOUT_STATE_COUNT; state++)
        if (t->by_state[state]) buffer_printf(out, "  %-9s %" PRIu64 "\n", payout_state_name((enum payout_state)state), t->by_state[state]);
    buffer_printf(out, "\n%-14s %10s %18s %12s\n", "entries", "count", "yuan", "of other days");
    for (uint32_t i = 0; i < t->report->kind_count; i++) {
        const struct report_kind *k = &t->report->kinds[i];
        buffer_printf(out, "%-14s %10" PRIu64 " %15" PRId64 ".%02d %12" PRIu64 "\n", k->name, k->count, k->fen / 100, (int)(k->fen % 100), k->late);
    }
    text_payees(t, out);
    text_exceptions(t, out);
}

/* ---- HTML ---- */

static int scaled(int64_t value, int64_t most, int pixels)
{
    return most > 0 && value > 0 ? (int)((__int128)value * pixels / most) : 0;
}

static void html_payees_chart(const struct telling *t, struct buffer *out)
{
    size_t shown = t->count < TOP_PAYEES ? t->count : TOP_PAYEES;
    if (shown == 0) return;
    int high = (int)shown * BAR_PX + 4;
    int64_t most_fen = t->batches[0].total_fen;
    buffer_printf(out, "<svg viewBox=\"0 0 %d %d\" width=\"%d\" role=\"img\" aria-label=\"paid by payee\">", LABEL_PX + BAR_WIDE_PX + 130, high, LABEL_PX + BAR_WIDE_PX + 130);
    for (size_t i = 0; i < shown; i++) {
        int y = (int)i * BAR_PX, wide = scaled(t->batches[i].total_fen, most_fen, BAR_WIDE_PX);
        buffer_printf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", LABEL_PX - 6, y + 13);
        escaped(out, t->batches[i].payee);
        buffer_printf(out, "</text><rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/><text x=\"%d\" y=\"%d\">", t->batches[i].state == PAYOUT_FAILED ? "bad" : "bar", LABEL_PX,
                      y + 2, wide > 0 ? wide : 1, BAR_PX - 4, LABEL_PX + wide + 6, y + 13);
        yuan(out, t->batches[i].total_fen);
        buffer_printf(out, "</text>");
    }
    buffer_printf(out, "</svg>\n");
}

static void html_days_chart(const struct telling *t, struct buffer *out)
{
    const struct settlement_report *r = t->report;
    int64_t most_fen = 0;
    for (uint32_t i = 0; i < r->day_count; i++)
        if (r->days[i].paid_fen > most_fen) most_fen = r->days[i].paid_fen;
    int wide = (int)r->day_count * COLUMN_PX + 10;
    buffer_printf(out, "<svg viewBox=\"0 0 %d %d\" width=\"%d\" role=\"img\" aria-label=\"paid by day\">", wide, CHART_HIGH_PX + 24, wide);
    for (uint32_t i = 0; i < r->day_count; i++) {
        char day[11];
        int x = (int)i * COLUMN_PX + 4, high = scaled(r->days[i].paid_fen, most_fen, CHART_HIGH_PX), bad = scaled(r->days[i].failed_fen, most_fen, CHART_HIGH_PX);
        claims_day_to_text(r->days[i].day, day);
        buffer_printf(out, "<g><title>%s: ", day);
        yuan(out, r->days[i].paid_fen);
        buffer_printf(out, "</title><rect class=\"bar\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/><rect class=\"bad\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/></g>", x,
                      CHART_HIGH_PX - high, COLUMN_PX - 6, high, x, CHART_HIGH_PX - bad, COLUMN_PX - 6, bad);
        if (i % 5 == 0 || i + 1 == r->day_count) buffer_printf(out, "<text x=\"%d\" y=\"%d\">%s</text>", x, CHART_HIGH_PX + 16, day + 8);
    }
    buffer_printf(out, "</svg>\n");
}

static void html_ages_chart(const struct telling *t, struct buffer *out)
{
    uint64_t sums[REPORT_AGES] = {0}, most = 0;
    for (uint32_t i = 0; i < t->report->exception_count; i++)
        for (int age = 0; age < REPORT_AGES; age++) sums[age] += t->report->exceptions[i].count[age];
    for (int age = 0; age < REPORT_AGES; age++)
        if (sums[age] > most) most = sums[age];
    buffer_printf(out, "<svg viewBox=\"0 0 %d %d\" width=\"%d\" role=\"img\" aria-label=\"open exceptions by age\">", LABEL_PX + BAR_WIDE_PX, REPORT_AGES * BAR_PX, LABEL_PX + BAR_WIDE_PX);
    for (int age = 0; age < REPORT_AGES; age++) {
        int wide = scaled((int64_t)sums[age], (int64_t)most, BAR_WIDE_PX - 60);
        buffer_printf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text><rect class=\"bad\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/><text x=\"%d\" y=\"%d\">%" PRIu64 "</text>",
                      LABEL_PX - 6, age * BAR_PX + 13, AGES[age], LABEL_PX, age * BAR_PX + 2, wide, BAR_PX - 4, LABEL_PX + wide + 6, age * BAR_PX + 13, sums[age]);
    }
    buffer_printf(out, "</svg>\n");
}

static void html_cell(struct buffer *out, const char *text)
{
    buffer_printf(out, "<td>");
    escaped(out, text);
    buffer_printf(out, "</td>");
}

static void html_fen(struct buffer *out, int64_t fen)
{
    buffer_printf(out, "<td>");
    yuan(out, fen);
    buffer_printf(out, "</td>");
}

static void html_tables(const struct telling *t, struct buffer *out)
{
    buffer_printf(out, "<h2>Entries of the day</h2><table><tr><th>kind</th><th>count</th><th>yuan</th><th>of other days</th></tr>\n");
    for (uint32_t i = 0; i < t->report->kind_count; i++) {
        const struct report_kind *k = &t->report->kinds[i];
        buffer_printf(out, "<tr>");
        html_cell(out, k->name);
        buffer_printf(out, "<td>%" PRIu64 "</td>", k->count);
        html_fen(out, k->fen);
        buffer_printf(out, "<td>%" PRIu64 "</td></tr>\n", k->late);
    }
    buffer_printf(out, "</table><h2>Open exceptions</h2>\n");
    if (t->exceptions == 0) buffer_printf(out, "<p>None: every order, claim, entry and payment fits.</p>\n");
    else {
        html_ages_chart(t, out);
        buffer_printf(out, "<table><tr><th>kind</th><th>%s</th><th>%s</th><th>%s</th><th>%s</th><th>differ, yuan</th><th>oldest</th></tr>\n", AGES[0], AGES[1], AGES[2], AGES[3]);
    }
    for (uint32_t i = 0; i < t->report->exception_count; i++) {
        const struct report_exception *x = &t->report->exceptions[i];
        char day[11];
        claims_day_to_text(x->oldest_day, day);
        buffer_printf(out, "<tr>");
        html_cell(out, x->kind);
        for (int age = 0; age < REPORT_AGES; age++) buffer_printf(out, "<td>%" PRIu64 "</td>", x->count[age]);
        html_fen(out, x->difference_fen);
        buffer_printf(out, "<td>%s</td></tr>\n", day);
    }
    if (t->exceptions) buffer_printf(out, "</table>");
    buffer_printf(out, "<h2>All payees</h2><table><tr><th>payee</th><th>state</th><th>items</th><th>net</th><th>brought</th><th>pays</th><th>carried</th></tr>\n");
    for (size_t i = 0; i < t->count; i++) {
        const struct payout *b = &t->batches[i];
        buffer_printf(out, "<tr>");
        html_cell(out, b->payee);
        buffer_printf(out, "<td>%s</td><td>%u</td>", payout_state_name(b->state), b->item_count);
        html_fen(out, b->net_fen);
        html_fen(out, b->brought_fen);
        html_fen(out, b->total_fen);
        html_fen(out, b->carried_fen);
        buffer_printf(out, "</tr>\n");
    }
    buffer_printf(out, "</table>");
}

static void html_write(const struct telling *t, struct buffer *out)
{
    buffer_printf(out, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
                       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>Settlement of %s, city %u</title><style>%s</style></head><body>\n",
                  t->day, t->job->city.v, STYLE);
    buffer_printf(out, "<h1>Settlement of %s, city %u</h1><div class=\"figures\"><div><b>", t->day, t->job->city.v);
    yuan(out, t->paid_fen);
    buffer_printf(out, "</b>yuan to pay</div><div><b>%zu</b>payees</div><div><b>", t->count);
    yuan(out, t->carried_fen);
    buffer_printf(out, "</b>carried forward</div><div><b>%" PRIu64 "</b>open exceptions</div>", t->exceptions);
    for (int state = PAYOUT_DRAFT; state < PAYOUT_STATE_COUNT; state++)
        if (t->by_state[state]) buffer_printf(out, "<div><b>%" PRIu64 "</b>%s</div>", t->by_state[state], payout_state_name((enum payout_state)state));
    buffer_printf(out, "</div>\n<h2>Paid by payee, the largest</h2>");
    html_payees_chart(t, out);
    buffer_printf(out, "<h2>Paid by day</h2>");
    html_days_chart(t, out);
    html_tables(t, out);
    buffer_printf(out, "</body></html>\n");
}

enum status settle_report(const struct settle_job *job, struct buffer *text, struct error *err)
{
    struct settle_batches batches;
    struct settlement_report *report = mem_zalloc(1, sizeof *report);
    enum status rc = settle_status(job, &batches, err);
    if (rc == STATUS_OK) rc = store_settlement_report(job->store, job->city, job->day, report, err);
    if (rc == STATUS_OK) {
        struct telling t = {.job = job, .report = report, .batches = batches.at, .count = batches.count};
        add_up(&t);
        text_write(&t, text);
        if (job->out_dir) {
            struct buffer page;
            char name[64];
            buffer_init(&page, REPORT_BYTES_MAX);
            html_write(&t, &page);
            text_format(name, sizeof name, "settlement-%u-%.4s%.2s%.2s.html", job->city.v, t.day, t.day + 5, t.day + 8);
            rc = page.full ? error_set(err, STATUS_RESOURCE_EXHAUSTED, "the report is larger than it may be") : settle_file_write(job->out_dir, name, &page, err);
            buffer_deinit(&page);
        }
    }
    settle_batches_deinit(&batches);
    free(report);
    return rc;
}
