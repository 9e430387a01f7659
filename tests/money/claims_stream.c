/* Adjudicates a seeded stream of mixed claims and returns with the claims room and prints, as JSON lines, the facts of each and what came out.
 * oracle.mjs reads the facts alone, computes everything again from DOMAIN.md in BigInt, and compares to the fen. Neither shares code with the other. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "claims/claims.h"

enum { PLANS = 4, MEMBERS = 24, PRODUCTS = 60, OFFSET_S = 28800, DAY_0 = 20600, CLAIMS_MAX = 10000 };
static const int64_t DAY_MS = 86400000;

/* A line of medicine a person was given. */
struct given {
    int64_t service_ms;
    uint32_t claim, line, item, quantity, back, supply_ddays;
};

struct person {
    struct claims_member facts;
    uint32_t plan;
    struct claims_account_state account;
    int32_t last_test_day[PRODUCTS];
    bool tested[PRODUCTS];
    uint32_t given_count;
    struct given given[CLAIMS_MAX * ORDER_LINES_MAX];
};

static struct rng rng;
static struct claims_plan plans[PLANS];
static struct person people[MEMBERS];
static struct claims_item items[PRODUCTS];
static int64_t prices_fen[PRODUCTS];

static uint32_t below(uint32_t bound)
{
    return rng_below(&rng, bound);
}

static bool chance(uint32_t one_in)
{
    return below(one_in) == 0;
}

static void make_plans(void)
{
    for (uint32_t i = 0; i < PLANS; i++) {
        struct claims_plan *p = &plans[i];
        *p = (struct claims_plan){.version = i + 1, .age_max_years = 60, .waiting_days = 30, .prescription_days_max = 3, .drugs_max = 5 - i % 2, .supply_days = 7,
                                  .supply_emergency_days = 3, .supply_chronic_days = 28, .supply_override_days = 84};
        p->benefit[BENEFIT_MEDICINE].rate_bps = i == 3 ? 7500 : 8000;
        p->benefit[BENEFIT_TEST].rate_bps = 8000;
        p->benefit[BENEFIT_CHECKUP].rate_bps = 10000;
        p->benefit[BENEFIT_CHECKUP].count_max = 1;
        p->benefit[BENEFIT_MEDICINE].claim_cap_fen = i == 0 ? 0 : 9000 * (int64_t)i;
        p->benefit[BENEFIT_TEST].count_max = i == 2 ? 3 : 0;
        p->deductible_claim_fen = i == 1 || i == 2 ? 333 : 0;
        p->deductible_year_fen = i >= 2 ? 5001 : 0;
        p->year_limit_fen = i == 0 ? 2000000 : 60007 * (int64_t)i;
        p->ineligible_refuses = i == 3;
        p->supply_excess_refuses = i == 3;
        p->refill_bps = i == 1 ? 0 : 7500 - 100 * i;
        p->duplicate_stops = i != 2;
    }
}

static void make_people(void)
{
    for (uint32_t i = 0; i < MEMBERS; i++) {
        struct claims_member *m = &people[i].facts;
        int32_t inception = DAY_0 - (i % 8 == 7 ? 20 : 300);
        *m = (struct claims_member){.known = i != 20, .policy_known = i != 20 && i != 21, .sex = i % 2 ? 'M' : 'F', .inception_day = inception, .policy_from_day = inception,
                                    .policy_to_day = i == 22 ? DAY_0 + 5 : inception + 366, .renewal = i == 15};
        m->birth_day = inception - (int32_t)below(365 * 60);
        if (i == 23) m->birth_day = inception - 61 * 366;
        people[i].plan = i % PLANS;
    }
}

static void make_items(void)
{
    for (uint32_t i = 0; i < PRODUCTS; i++) {
        prices_fen[i] = 1 + below(i % 3 ? 20000 : 97);
        items[i] = (struct claims_item){.found = !chance(90), .covered = !chance(9), .approval_valid = !chance(20), .prohibited = chance(150), .controlled = chance(150),
                                        .injection = chance(40), .hypoglycaemic = chance(2), .chronic = chance(3), .prescription_only = chance(2), .formulary_version = 1,
                                        .ceiling_fen = chance(3) ? prices_fen[i] * 8 / 10 : prices_fen[i] + (chance(2) ? 5 : 0), .pack_supply_ddays = below(200),
                                        .quantity_max = chance(4) ? 2 : 0, .repeat_days = below(15)};
        if (!chance(4)) text_format(items[i].atc, sizeof items[i].atc, "C08C%c0%u", 'A' + (char)below(7), below(9));
        items[i].prohibited |= i == 31;
        items[i].controlled |= i == 32;
        if (chance(8)) items[i].sex = 'M';
        if (chance(8)) items[i].max_age_years = 14;
        if (chance(8)) items[i].min_age_years = 18;
        if (chance(8)) text_format(items[i].indications, sizeof items[i].indications, "J10;K2");
    }
}

static void print_bool(const char *name, bool value)
{
    printf("\"%s\":%s,", name, value ? "true" : "false");
}

static void print_plans(void)
{
    for (uint32_t i = 0; i < PLANS; i++) {
        const struct claims_plan *p = &plans[i];
        printf("{\"plan\":%u,\"age_min\":%u,\"age_max\":%u,\"waiting\":%u,\"rx_days\":%u,\"drugs\":%u,\"supply\":%u,\"supply_emergency\":%u,\"supply_chronic\":%u,"
               "\"supply_override\":%u,", i, p->age_min_years, p->age_max_years, p->waiting_days, p->prescription_days_max, p->drugs_max, p->supply_days, p->supply_emergency_days,
               p->supply_chronic_days, p->supply_override_days);
        printf("\"refill_bps\":%u,", p->refill_bps);
        print_bool("duplicate_stops", p->duplicate_stops);
        print_bool("excess_refuses", p->supply_excess_refuses);
        print_bool("ineligible_refuses", p->ineligible_refuses);
        printf("\"deductible_claim\":%" PRId64 ",\"deductible_year\":%" PRId64 ",\"year_limit\":%" PRId64 ",\"benefit\":[null", p->deductible_claim_fen, p->deductible_year_fen,
               p->year_limit_fen);
        for (uint32_t b = 1; b < CLAIMS_BENEFIT_COUNT; b++)
            printf(",{\"rate\":%u,\"cap\":%" PRId64 ",\"count\":%u}", p->benefit[b].rate_bps, p->benefit[b].claim_cap_fen, p->benefit[b].count_max);
        printf("]}\n");
    }
}

static void print_people(void)
{
    char text[11];
    for (uint32_t i = 0; i < MEMBERS; i++) {
        const struct claims_member *m = &people[i].facts;
        printf("{\"member\":%u,\"plan\":%u,\"sex\":\"%c\",", i, people[i].plan, m->sex);
        print_bool("known", m->known);
        print_bool("policy_known", m->policy_known);
        print_bool("renewal", m->renewal);
        claims_day_to_text(m->birth_day, text);
        printf("\"birth\":\"%s\",", text);
        claims_day_to_text(m->inception_day, text);
        printf("\"inception\":\"%s\",", text);
        claims_day_to_text(m->policy_from_day, text);
        printf("\"from\":\"%s\",", text);
        claims_day_to_text(m->policy_to_day, text);
        printf("\"to\":\"%s\"}\n", text);
    }
}

static void print_items(void)
{
    for (uint32_t i = 0; i < PRODUCTS; i++) {
        const struct claims_item *t = &items[i];
        printf("{\"item\":%u,\"ceiling\":%" PRId64 ",\"min_age\":%u,\"max_age\":%u,\"sex\":\"%s\",\"indications\":\"%s\",\"atc\":\"%s\",\"pack_ddays\":%u,\"quantity_max\":%u,\"repeat\":%u,", i,
               t->ceiling_fen, t->min_age_years, t->max_age_years, t->sex == 'M' ? "M" : "", t->indications, t->atc, t->pack_supply_ddays, t->quantity_max, t->repeat_days);
        print_bool("found", t->found);
        print_bool("covered", t->covered);
        print_bool("approval", t->approval_valid);
        print_bool("prohibited", t->prohibited);
        print_bool("controlled", t->controlled);
        print_bool("injection", t->injection);
        print_bool("hypoglycaemic", t->hypoglycaemic);
        printf("\"chronic\":%s}\n", t->chronic ? "true" : "false");
    }
}

static int by_time(const void *a, const void *b)
{
    const struct given *x = a, *y = b;
    if (x->service_ms != y->service_ms) return x->service_ms < y->service_ms ? -1 : 1;
    if (x->claim != y->claim) return x->claim < y->claim ? -1 : 1;
    return x->line < y->line ? -1 : 1;
}

/* What store reads for a claim: the newest lines not wholly given back, oldest first. */
static void fill_history(struct claims_context *c, struct person *person)
{
    struct given *sorted = mem_zalloc(person->given_count + 1, sizeof *sorted);
    uint32_t count = 0;
    for (uint32_t i = 0; i < person->given_count; i++) {
        const struct given *g = &person->given[i];
        if (g->back < g->quantity && g->service_ms > c->service_ms - CLAIMS_HISTORY_DAYS * DAY_MS) sorted[count++] = *g;
    }
    qsort(sorted, count, sizeof *sorted, by_time);
    for (uint32_t i = count > CLAIMS_HISTORY_MAX ? count - CLAIMS_HISTORY_MAX : 0; i < count; i++) {
        const struct given *g = &sorted[i];
        struct claims_supply *had = &c->history[c->history_count++];
        had->day = claims_day_of(g->service_ms, OFFSET_S);
        had->supply_ddays = (uint32_t)((uint64_t)g->supply_ddays * (g->quantity - g->back) / g->quantity);
        text_format(had->code, sizeof had->code, "P%u", g->item);
        text_format(had->atc, sizeof had->atc, "%s", items[g->item].atc);
    }
    free(sorted);
}

/* Fill a claim's own facts; the item of each line is in which[]. */
static struct claims_context make_claim(uint32_t n, struct person *person, uint32_t *which)
{
    int64_t service_ms = (DAY_0 + (int32_t)n / 20) * DAY_MS - OFFSET_S * INT64_C(1000) + below(86400000);
    struct claims_context c = {.city = {1}, .member_id = {1}, .order = {n + 1}, .benefit = chance(3) ? BENEFIT_TEST : chance(8) ? BENEFIT_CHECKUP : BENEFIT_MEDICINE,
                               .service_ms = service_ms, .utc_offset_s = OFFSET_S, .line_count = 1 + below(5), .prescription_used = chance(40), .accident = chance(10),
                               .provider_contracted = !chance(40), .prescriber_allowed = !chance(40), .member = person->facts, .plan = plans[person->plan],
                               .account = person->account};
    c.prescription = (struct prescription){.issued_ms = service_ms - below(chance(8) ? 300000000 : 80000000), .valid_days = 2 + below(chance(20) ? 3 : 2), .emergency = chance(6),
                                           .chronic = chance(2)};
    if (chance(2)) text_format(c.prescription.diagnosis, sizeof c.prescription.diagnosis, "%s", chance(2) ? "J10.1" : "K21");
    int64_t submitted_fen = 0;
    for (uint32_t i = 0; i < c.line_count; i++) {
        which[i] = below(chance(5) ? PRODUCTS : PRODUCTS / 2);
        c.items[i] = items[which[i]];
        c.items[i].taken_before = person->tested[which[i]];
        c.items[i].last_day = person->last_test_day[which[i]];
        c.lines[i] = (struct order_line){.quantity = 1 + below(c.benefit == BENEFIT_MEDICINE ? 12 : 1), .price_fen = prices_fen[which[i]], .days_supply = chance(4) ? 1 + below(40) : 0};
        static const char *const CODES[] = {"LONG", "TRAVEL", "LOST", "DOSE", "SWITCH", "COMBINE", "LONG+TRAVEL", "SWITCH+DOSE", "LONG+COMBINE+LOST"};
        text_format(c.lines[i].product, sizeof c.lines[i].product, "P%u", which[i]);
        if (chance(2)) text_format(c.lines[i].override_code, sizeof c.lines[i].override_code, "%s", CODES[below(COUNT_OF(CODES))]);
        submitted_fen += c.lines[i].price_fen * c.lines[i].quantity;
    }
    if (c.benefit == BENEFIT_MEDICINE) fill_history(&c, person);
    if (chance(6)) c.other_coverage_fen = below((uint32_t)submitted_fen + (chance(12) ? 1000 : 1));
    return c;
}

static void print_claim(uint32_t n, uint32_t member, const struct claims_context *c, const uint32_t *which)
{
    printf("{\"claim\":%u,\"member\":%u,\"benefit\":%d,\"service_ms\":%" PRId64 ",\"issued_ms\":%" PRId64 ",\"valid_days\":%u,\"diagnosis\":\"%s\",\"other\":%" PRId64 ",", n, member,
           (int)c->benefit, c->service_ms, c->prescription.issued_ms, c->prescription.valid_days, c->prescription.diagnosis, c->other_coverage_fen);
    print_bool("emergency", c->prescription.emergency);
    print_bool("chronic", c->prescription.chronic);
    print_bool("used", c->prescription_used);
    print_bool("accident", c->accident);
    print_bool("contracted", c->provider_contracted);
    print_bool("allowed", c->prescriber_allowed);
    printf("\"lines\":[");
    for (uint32_t i = 0; i < c->line_count; i++)
        printf("%s{\"item\":%u,\"quantity\":%u,\"price\":%" PRId64 ",\"days\":%u,\"override\":\"%s\"}", i ? "," : "", which[i], c->lines[i].quantity, c->lines[i].price_fen,
               c->lines[i].days_supply, c->lines[i].override_code);
    printf("],");
}

static void print_result(const struct claim *claim, const struct claims_outcome *outcome)
{
    printf("\"result\":{\"state\":\"%s\",\"rule\":\"%s\",\"submitted\":%" PRId64 ",\"eligible\":%" PRId64 ",\"deductible\":%" PRId64 ",\"deductible_year\":%" PRId64
           ",\"benefit\":%" PRId64 ",\"member\":%" PRId64 ",\"alert\":%s,\"overrides\":[", claim->state == CLAIM_HELD ? "HELD" : "REFUSED", claim->refusal_rule, claim->submitted_fen,
           claim->eligible_fen, claim->deductible_fen, outcome->deductible_year_fen, claim->benefit_fen, claim->member_fen, outcome->alert ? "true" : "false");
    for (uint32_t i = 0; i < outcome->override_count; i++)
        printf("%s\"%u:R%u\"", i ? "," : "", outcome->overrides[i].line + 1, outcome->overrides[i].rule);
    printf("],\"lines\":[");
    for (uint32_t i = 0; i < claim->line_count; i++) {
        const struct claim_line *l = &claim->lines[i];
        printf("%s{\"allowed\":%u,\"submitted\":%" PRId64 ",\"eligible\":%" PRId64 ",\"benefit\":%" PRId64 ",\"member\":%" PRId64 ",\"supply\":%u,\"rules\":\"%s\"}", i ? "," : "",
               l->allowed_quantity, l->submitted_fen, l->eligible_fen, l->benefit_fen, l->member_fen, outcome->supply_ddays[i], l->rules);
    }
    printf("]}}\n");
}

/* Some lines of some delivered claims come back, in pieces. */
static void print_returns(uint32_t n, struct claim *claim, struct person *person)
{
    while (chance(2)) {
        uint32_t line = below(claim->line_count), quantity = 1 + below(claim->lines[line].quantity);
        struct claims_reversal back;
        bool taken = claims_reverse_line(claim, line, quantity, &back);
        printf("{\"return\":%u,\"line\":%u,\"quantity\":%u,\"result\":{\"taken\":%s,\"benefit\":%" PRId64 ",\"member\":%" PRId64 "}}\n", n, line, quantity, taken ? "true" : "false",
               back.benefit_fen, back.member_fen);
        if (!taken) continue;
        claim->lines[line].reversed_fen += back.benefit_fen;
        claim->lines[line].reversed_quantity = back.quantity_after;
        person->account.posted_fen -= back.benefit_fen;
        for (uint32_t i = 0; i < person->given_count; i++)
            if (person->given[i].claim == n && person->given[i].line == line) person->given[i].back = back.quantity_after;
    }
}

static void play(uint32_t n)
{
    uint32_t member = below(MEMBERS), which[ORDER_LINES_MAX];
    struct person *person = &people[member];
    struct claims_context c = make_claim(n, person, which);
    struct claim claim;
    struct claims_outcome outcome;
    claims_adjudicate(&c, &claim, &outcome);
    print_claim(n, member, &c, which);
    bool delivered = claim.state == CLAIM_HELD && !chance(8);
    printf("\"delivered\":%s,", delivered ? "true" : "false");
    print_result(&claim, &outcome);
    if (!delivered) return; /* refused, or cancelled before it was posted: nothing of it counts */
    person->account.posted_fen += claim.benefit_fen;
    person->account.deductible_used_fen += outcome.deductible_year_fen;
    person->account.count[c.benefit]++;
    for (uint32_t i = 0; i < c.line_count; i++) {
        if (c.benefit == BENEFIT_MEDICINE && claim.lines[i].allowed_quantity > 0)
            person->given[person->given_count++] = (struct given){.service_ms = c.service_ms, .claim = n, .line = i, .item = which[i], .quantity = claim.lines[i].quantity,
                                                                  .supply_ddays = outcome.supply_ddays[i]};
        person->tested[which[i]] |= c.benefit != BENEFIT_MEDICINE;
        if (c.benefit != BENEFIT_MEDICINE) person->last_test_day[which[i]] = claims_day_of(c.service_ms, OFFSET_S);
    }
    if (chance(3)) print_returns(n, &claim, person);
}

int main(int argc, char **argv)
{
    int64_t seed, count;
    if (argc != 3 || !text_to_i64(argv[1], 0, INT64_MAX, &seed) || !text_to_i64(argv[2], 1, CLAIMS_MAX, &count)) {
        fprintf(stderr, "usage: money_claims SEED COUNT\n");
        return 2;
    }
    rng_init(&rng, (uint64_t)seed);
    make_plans();
    make_people();
    make_items();
    print_plans();
    print_people();
    print_items();
    for (uint32_t n = 0; n < (uint32_t)count; n++) play(n);
    for (uint32_t i = 0; i < MEMBERS; i++) printf("{\"account\":%u,\"posted\":%" PRId64 "}\n", i, people[i].account.posted_fen);
    return 0;
}
