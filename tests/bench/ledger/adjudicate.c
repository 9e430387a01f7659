/* Deciding claims alone, on one core: no database, only claims. */
#include "bench.h"

#include <stdlib.h>
#include <time.h>

#include "claims/claims.h"

enum { CONTEXTS = 512, LINES_EACH = 3, ROUNDS_MIN = 50 };

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A chronic patient's prescription: three lines, a year's history of two dozen supplies, every rule of money with something to do. */
static void context_make(struct claims_context *c, struct rng *rng, uint32_t n)
{
    *c = (struct claims_context){.city = {1}, .member_id = {n + 1}, .order = {n + 1}, .benefit = BENEFIT_MEDICINE, .service_ms = BENCH_DAY_MS, .utc_offset_s = 28800,
                                 .line_count = LINES_EACH, .provider_contracted = true, .prescriber_allowed = true, .other_coverage_fen = rng_below(rng, 500)};
    c->member = (struct claims_member){.known = true, .policy_known = true, .birth_day = 7000, .sex = 'F', .inception_day = BENCH_DAY - 200, .policy_from_day = BENCH_DAY - 200,
                                       .policy_to_day = BENCH_DAY + 165};
    c->plan = (struct claims_plan){.version = 1, .age_max_years = 60, .waiting_days = 30, .prescription_days_max = 3, .drugs_max = 5, .supply_days = 7, .supply_emergency_days = 3,
                                   .supply_chronic_days = 28, .supply_override_days = 84, .refill_bps = 7500, .duplicate_stops = true, .deductible_claim_fen = 100,
                                   .deductible_year_fen = 10000, .year_limit_fen = 2000000};
    c->plan.benefit[BENEFIT_MEDICINE].rate_bps = 8000;
    c->plan.benefit[BENEFIT_MEDICINE].claim_cap_fen = 100000;
    c->prescription = (struct prescription){.issued_ms = c->service_ms - 3600000, .valid_days = 3, .chronic = true};
    for (uint32_t i = 0; i < LINES_EACH; i++) {
        c->items[i] = (struct claims_item){.found = true, .covered = true, .approval_valid = true, .chronic = true, .formulary_version = 1, .ceiling_fen = 900, .pack_supply_ddays = 70};
        text_format(c->items[i].atc, sizeof c->items[i].atc, "C0%cCA01", (char)('A' + (char)i));
        c->lines[i] = (struct order_line){.quantity = 1 + rng_below(rng, 4), .price_fen = 500 + rng_below(rng, 900)};
        text_format(c->lines[i].product, sizeof c->lines[i].product, "P%u", i);
    }
    for (c->history_count = 0; c->history_count < 24; c->history_count++) {
        struct claims_supply *had = &c->history[c->history_count];
        *had = (struct claims_supply){.day = BENCH_DAY - 300 + (int32_t)c->history_count * 10, .supply_ddays = 70};
        text_format(had->code, sizeof had->code, "P%u", c->history_count % LINES_EACH);
        text_format(had->atc, sizeof had->atc, "C0%cCA01", (char)('A' + (char)(c->history_count % LINES_EACH)));
    }
}

void part_adjudicate(const struct bench *bench)
{
    struct rng rng;
    struct claims_context *contexts = mem_zalloc(CONTEXTS, sizeof *contexts);
    struct claim claim;
    struct claims_outcome outcome;
    struct buffer basis;
    int64_t paid_fen = 0, lines = 0, basis_bytes = 0;
    rng_init(&rng, bench->seed);
    buffer_init(&basis, 1 << 16);
    for (uint32_t i = 0; i < CONTEXTS; i++) context_make(&contexts[i], &rng, i);
    double start_s = cpu_s(), spent_s = 0;
    for (int round = 0; round < ROUNDS_MIN || spent_s < (double)bench->seconds / 5; round++) {
        for (uint32_t i = 0; i < CONTEXTS; i++) {
            claims_adjudicate(&contexts[i], &claim, &outcome);
            paid_fen += claim.benefit_fen;
            lines += claim.line_count;
        }
        spent_s = cpu_s() - start_s;
    }
    if (paid_fen == 0) die("the plan paid nothing");
    tell(bench, &(struct figure){.name = "adjudicate alone, one core (3 lines a claim, 24 earlier supplies)", .unit = "lines/s", .value = (double)lines / spent_s});
    start_s = cpu_s();
    for (uint32_t i = 0; i < CONTEXTS; i++) {
        buffer_clear(&basis);
        claims_basis_encode(&contexts[i], &basis);
        basis_bytes += (int64_t)basis.size;
    }
    tell(bench, &(struct figure){.name = "what a claim was decided on, kept with it", .unit = "bytes/claim", .value = (double)basis_bytes / CONTEXTS});
    buffer_deinit(&basis);
    free(contexts);
}
