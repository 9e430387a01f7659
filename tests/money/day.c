/* Plays orders through the real store by a line protocol on stdin, so that an independent program decides what happens and checks what came of it:
 *   P key member pharmacy service_ms issued_ms valid_days flags prescription diagnosis other LINES     flags: e emergency, c chronic, a accident, - none
 *   T key member lab service_ms other LINES                                                            LINES: code:quantity:price:days:override|…
 *   (empty line)                            take in what was read so far, in one batch; one JSON line each
 *   F kind order at_ms lab                  delivered cancelled failed accepted reported late
 *   R key claim line quantity at_ms         units come back
 * Fields are separated by tabs. Usage: money_day CONNINFO */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"

enum { LINE_MAX_BYTES = 4096, FIELDS_MAX = 12, LEASE_MS = 60000 };
static const struct city_id CITY = {1};
static struct store *store;
static uint64_t epoch, seq;
static struct submission batch[STORE_INTAKE_MAX];
static char keys[STORE_INTAKE_MAX][KEY_TEXT_MAX];
static struct intake_result results[STORE_INTAKE_MAX];
static size_t batched;

static void must(enum status rc, const struct error *err)
{
    if (rc == STATUS_OK) return;
    fprintf(stderr, "money_day: %s: %s\n", status_name(rc), err->text);
    exit(1);
}

static int64_t number(const char *text)
{
    int64_t value;
    if (text_to_i64(text, INT64_MIN / 2, INT64_MAX / 2, &value)) return value;
    fprintf(stderr, "money_day: not a number: %s\n", text);
    exit(1);
}

static void put(char *out, size_t capacity, const char *text)
{
    if (!text_copy(out, capacity, text)) exit(1);
}

static void read_lines(char *text, struct submission *s)
{
    for (char *line; (line = strsep(&text, "|"));) {
        struct order_line *to = &s->lines[s->line_count++];
        put(to->product, sizeof to->product, strsep(&line, ":"));
        to->quantity = (uint32_t)number(strsep(&line, ":"));
        to->price_fen = number(strsep(&line, ":"));
        to->days_supply = (uint32_t)number(strsep(&line, ":"));
        put(to->override_code, sizeof to->override_code, line);
    }
}

static void read_order(char **f, bool test)
{
    struct submission *s = &batch[batched];
    struct buffer request; /* what the key stands for */
    buffer_init(&request, LINE_MAX_BYTES);
    for (int i = 2; i < FIELDS_MAX && f[i]; i++) buffer_text(&request, f[i]);
    *s = (struct submission){.city = CITY, .source = "money", .recipient = {.name = "n", .phone = "1", .address = "a"}};
    s->cause = cause_make(s->source, f[1], request.data, request.size, "test");
    buffer_deinit(&request);
    put(keys[batched], sizeof keys[batched], f[1]);
    put(s->member, sizeof s->member, f[2]);
    s->order = (struct order){.city = CITY, .kind = test ? ORDER_KIND_TEST : ORDER_KIND_PRESCRIPTION, .priority = PRIORITY_ROUTINE, .accepted_ms = number(f[4])};
    s->order.first = (struct stop){.kind = test ? STOP_KIT : STOP_PICKUP, .facility = {(uint64_t)number(f[3])}};
    s->order.home.kind = STOP_HOME;
    if (test) {
        s->order.lab_count = 1;
        s->order.labs[0] = (struct stop){.kind = STOP_LAB, .facility = {(uint64_t)number(f[3])}};
        s->other_coverage_fen = number(f[5]);
        read_lines(f[6], s);
    } else {
        s->order.pharmacy.v = (uint64_t)number(f[3]);
        s->prescription.issued_ms = number(f[5]);
        s->prescription.valid_days = (uint32_t)number(f[6]);
        s->prescription.emergency = strchr(f[7], 'e') != NULL;
        s->prescription.chronic = strchr(f[7], 'c') != NULL;
        s->accident = strchr(f[7], 'a') != NULL;
        put(s->prescription.number, sizeof s->prescription.number, f[8]);
        put(s->prescription.prescriber, sizeof s->prescription.prescriber, "DR-1");
        put(s->prescription.diagnosis, sizeof s->prescription.diagnosis, f[9]);
        s->other_coverage_fen = number(f[10]);
        read_lines(f[11], s);
    }
    batched++;
}

static void take_in(void)
{
    struct error err = {0};
    if (batched == 0) return;
    must(store_intake(store, batch, batched, batch[batched - 1].order.accepted_ms, results, &err), &err);
    for (size_t i = 0; i < batched; i++)
        printf("{\"key\":\"%s\",\"status\":\"%s\",\"order\":%" PRIu64 ",\"claim\":%" PRIu64 ",\"repeated\":%s}\n", keys[i], status_name(results[i].status), results[i].order.id.v,
               results[i].claim.id.v, results[i].repeated ? "true" : "false");
    batched = 0;
}

/* What has been accepted enters the world, so that the outbox empties. */
static void enter_all(int64_t at_ms)
{
    struct error err = {0};
    struct order *orders = mem_zalloc(STORE_PAGE_MAX, sizeof *orders);
    struct fact *facts = mem_zalloc(STORE_PAGE_MAX, sizeof *facts);
    size_t count;
    must(store_outbox_read(store, CITY, orders, STORE_PAGE_MAX, &count, &err), &err);
    for (size_t i = 0; i < count; i++)
        facts[i] = (struct fact){.kind = FACT_ORDER_ENTERED, .city = CITY, .seq = ++seq, .at_ms = at_ms, .order = orders[i].id, .order_version = 1, .phase = orders[i].phase,
                                 .entered = &orders[i]};
    if (count) must(store_facts_write(store, CITY, epoch, facts, count, &err), &err);
    free(facts);
    free(orders);
}

static void read_fate(char **f)
{
    static const struct {
        const char *name;
        enum fact_kind kind;
        enum order_phase phase;
    } FATES[] = {{"delivered", FACT_ORDER_DELIVERED, ORDER_DELIVERED},           {"cancelled", FACT_ORDER_CANCELLED, ORDER_CANCELLED},
                 {"failed", FACT_ORDER_FAILED, ORDER_FAILED},                    {"accepted", FACT_SPECIMEN_LAB_ACCEPTED, ORDER_LAB_ACCEPTED},
                 {"reported", FACT_SPECIMEN_REPORTED, ORDER_REPORTED},           {"late", FACT_PROMISE_MISSED, ORDER_ADJUDICATED}};
    struct error err = {0};
    struct fact fact = {.city = CITY, .order = {(uint64_t)number(f[2])}, .at_ms = number(f[3]), .order_version = 2};
    enter_all(fact.at_ms);
    for (size_t i = 0; i < COUNT_OF(FATES); i++)
        if (strcmp(FATES[i].name, f[1]) == 0) {
            fact.kind = FATES[i].kind;
            fact.phase = FATES[i].phase;
        }
    if (fact.kind == FACT_SPECIMEN_LAB_ACCEPTED) fact.hand.lab.v = (uint64_t)number(f[4]);
    if (fact.kind == FACT_ORDER_FAILED) fact.ended.reason = FAIL_ABSENT;
    fact.seq = ++seq;
    must(store_facts_write(store, CITY, epoch, &fact, 1, &err), &err);
}

static void read_return(char **f)
{
    struct error err = {0};
    struct reversal_answer answer = {0};
    struct reversal_request request = {.city = CITY, .claim = {(uint64_t)number(f[2])}, .line = (uint32_t)number(f[3]), .quantity = (uint32_t)number(f[4]), .source = "money",
                                       .actor = "test", .reason = "came back", .at_ms = number(f[5])};
    put(request.key, sizeof request.key, f[1]);
    enum status rc = store_claim_reverse(store, &request, &answer, &err);
    printf("{\"key\":\"%s\",\"status\":\"%s\",\"benefit\":%" PRId64 ",\"member\":%" PRId64 ",\"repeated\":%s}\n", request.key, status_name(rc), answer.benefit_fen, answer.member_fen,
           answer.repeated ? "true" : "false");
}

static void read_line(char *line)
{
    char *fields[FIELDS_MAX] = {0};
    int count = 0;
    line[strcspn(line, "\n")] = '\0';
    if (line[0] == '\0' || batched == STORE_INTAKE_MAX) take_in();
    if (line[0] == '\0') return;
    while (line && count < FIELDS_MAX) fields[count++] = strsep(&line, "\t");
    if (strcmp(fields[0], "P") == 0 && count == 12) read_order(fields, false);
    else if (strcmp(fields[0], "T") == 0 && count == 7) read_order(fields, true);
    else if (strcmp(fields[0], "F") == 0 && count == 5) read_fate(fields);
    else if (strcmp(fields[0], "R") == 0 && count == 6) read_return(fields);
    else {
        fprintf(stderr, "money_day: a line that cannot be: %s\n", fields[0]);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    struct error err = {0};
    char line[LINE_MAX_BYTES];
    char key_file[CONFIG_TEXT_MAX];
    bool given, made;
    if (argc != 2) return 2;
    must(store_keys_path(NULL, key_file, sizeof key_file, &given, &err), &err);
    must(store_keys_use_or_make(key_file, &made, &err), &err); /* where the player says: XDG_STATE_HOME */
    must(store_open(argv[1], STORE_ROLE_APP, &store, &err), &err);
    must(store_city_lead(store, CITY, "money", LEASE_MS, &epoch, &err), &err);
    must(store_facts_last(store, CITY, &seq, &err), &err);
    while (fgets(line, sizeof line, stdin)) read_line(line);
    take_in();
    store_close(store);
    return 0;
}
