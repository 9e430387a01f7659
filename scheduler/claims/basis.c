/* What a claim was decided on, in canonical bytes, so that it can be decided again years later, whatever has become of the catalogue since.
 * Each thing is described once, by a walk over its fields that writes or reads. Numbers are written seven bits a byte, signs folded in: most
 * are small or zero, and every claim keeps one of these. No name, phone or address is among the facts. */
#include "claims/claims.h"

#include <string.h>

enum { BASIS_VERSION = 1 };

/* Exactly one of `out` and `in` is set. */
struct walk {
    struct buffer *out;
    const uint8_t *in;
    size_t left;
    bool bad;
};

static uint8_t take(struct walk *w)
{
    if (w->left == 0) {
        w->bad = true;
        return 0;
    }
    w->left--;
    return *w->in++;
}

static void walk_u64(struct walk *w, uint64_t *value)
{
    if (w->out) {
        uint64_t rest = *value;
        for (; rest >= 0x80; rest >>= 7) buffer_u8(w->out, (uint8_t)(rest | 0x80));
        buffer_u8(w->out, (uint8_t)rest);
        return;
    }
    uint64_t result = 0;
    for (uint32_t shift = 0;; shift += 7) {
        uint8_t byte = take(w);
        if (shift == 63 && byte > 1) w->bad = true; /* more than 64 bits */
        if (shift > 0 && byte == 0) w->bad = true;  /* a shorter writing exists */
        if (w->bad) break;
        result |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) break;
    }
    *value = w->bad ? 0 : result;
}

static void walk_i64(struct walk *w, int64_t *value)
{
    uint64_t folded = ((uint64_t)*value << 1) ^ (uint64_t)(*value >> 63);
    walk_u64(w, &folded);
    if (w->in) *value = (int64_t)((folded >> 1) ^ (0 - (folded & 1)));
}

static void walk_u32(struct walk *w, uint32_t *value)
{
    uint64_t wide = *value;
    walk_u64(w, &wide);
    w->bad |= wide > UINT32_MAX;
    if (w->in) *value = w->bad ? 0 : (uint32_t)wide;
}

static void walk_i32(struct walk *w, int32_t *value)
{
    int64_t wide = *value;
    walk_i64(w, &wide);
    w->bad |= wide < INT32_MIN || wide > INT32_MAX;
    if (w->in) *value = w->bad ? 0 : (int32_t)wide;
}

static void walk_text(struct walk *w, char *text, size_t capacity)
{
    uint32_t length = w->out ? (uint32_t)strlen(text) : 0;
    walk_u32(w, &length);
    if (w->out) {
        buffer_append(w->out, text, length);
        return;
    }
    w->bad |= length >= capacity || length > w->left;
    if (w->bad) return;
    w->bad |= memchr(w->in, '\0', length) != NULL;
    memcpy(text, w->in, length);
    text[length] = '\0';
    w->in += length;
    w->left -= length;
}

static void walk_letter(struct walk *w, char *letter)
{
    uint32_t code = (uint8_t)*letter;
    walk_u32(w, &code);
    w->bad |= code > 127;
    if (w->in) *letter = (char)(w->bad ? 0 : code);
}

/* Truths travel together, a bit each, in the order given. */
static void walk_flags(struct walk *w, bool *const flags[], uint32_t count)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < count; i++) bits |= (uint32_t)*flags[i] << i;
    walk_u32(w, &bits);
    w->bad |= bits >> count != 0;
    for (uint32_t i = 0; w->in && i < count; i++) *flags[i] = (bits >> i & 1) != 0;
}

static void walk_plan(struct walk *w, struct claims_plan *p)
{
    uint32_t *const numbers[] = {&p->version, &p->age_min_years, &p->age_max_years, &p->waiting_days, &p->prescription_days_max, &p->drugs_max, &p->supply_days,
                                 &p->supply_emergency_days, &p->supply_chronic_days, &p->supply_override_days, &p->refill_bps};
    bool *const flags[] = {&p->duplicate_stops, &p->supply_excess_refuses, &p->ineligible_refuses};
    for (size_t i = 0; i < COUNT_OF(numbers); i++) walk_u32(w, numbers[i]);
    walk_flags(w, flags, COUNT_OF(flags));
    for (uint32_t i = 1; i < CLAIMS_BENEFIT_COUNT; i++) {
        walk_u32(w, &p->benefit[i].rate_bps);
        walk_i64(w, &p->benefit[i].claim_cap_fen);
        walk_u32(w, &p->benefit[i].count_max);
        w->bad |= p->benefit[i].rate_bps > CLAIMS_RATE_ONE_BPS;
    }
    walk_i64(w, &p->deductible_claim_fen);
    walk_i64(w, &p->deductible_year_fen);
    walk_i64(w, &p->year_limit_fen);
    w->bad |= p->deductible_claim_fen < 0;
}

static void walk_member(struct walk *w, struct claims_member *m, struct claims_account_state *account)
{
    bool *const flags[] = {&m->known, &m->policy_known, &m->renewal};
    walk_flags(w, flags, COUNT_OF(flags));
    walk_i32(w, &m->birth_day);
    walk_letter(w, &m->sex);
    walk_i32(w, &m->inception_day);
    walk_i32(w, &m->policy_from_day);
    walk_i32(w, &m->policy_to_day);
    walk_i64(w, &account->posted_fen);
    walk_i64(w, &account->pending_fen);
    walk_i64(w, &account->deductible_used_fen);
    for (uint32_t i = 1; i < CLAIMS_BENEFIT_COUNT; i++) walk_u32(w, &account->count[i]);
}

static void walk_line(struct walk *w, struct order_line *line, struct claims_item *item)
{
    bool *const flags[] = {&item->found, &item->covered, &item->approval_valid, &item->prohibited, &item->controlled, &item->injection,
                           &item->hypoglycaemic, &item->chronic, &item->prescription_only, &item->taken_before};
    walk_text(w, line->product, sizeof line->product);
    walk_u32(w, &line->quantity);
    walk_i64(w, &line->price_fen);
    walk_u32(w, &line->days_supply);
    walk_text(w, line->override_code, sizeof line->override_code);
    w->bad |= line->quantity < 1 || line->quantity > 999 || line->price_fen < 0 || line->price_fen > 10000000;
    walk_flags(w, flags, COUNT_OF(flags));
    walk_u32(w, &item->formulary_version);
    walk_i64(w, &item->ceiling_fen);
    w->bad |= item->ceiling_fen < 0;
    walk_u32(w, &item->min_age_years);
    walk_u32(w, &item->max_age_years);
    walk_letter(w, &item->sex);
    walk_text(w, item->indications, sizeof item->indications);
    walk_u32(w, &item->pack_supply_ddays);
    walk_text(w, item->atc, sizeof item->atc);
    walk_u32(w, &item->quantity_max);
    walk_u32(w, &item->repeat_days);
    walk_i32(w, &item->last_day);
}

static void walk_paper(struct walk *w, struct prescription *paper)
{
    bool *const flags[] = {&paper->emergency, &paper->chronic};
    walk_text(w, paper->number, sizeof paper->number);
    walk_text(w, paper->prescriber, sizeof paper->prescriber);
    walk_text(w, paper->diagnosis, sizeof paper->diagnosis);
    walk_i64(w, &paper->issued_ms);
    walk_u32(w, &paper->valid_days);
    walk_flags(w, flags, COUNT_OF(flags));
}

static void walk_history(struct walk *w, struct claims_context *c)
{
    walk_u32(w, &c->history_count);
    w->bad |= c->history_count > CLAIMS_HISTORY_MAX;
    for (uint32_t i = 0; i < c->history_count && !w->bad; i++) {
        struct claims_supply *had = &c->history[i];
        walk_text(w, had->code, sizeof had->code);
        walk_text(w, had->atc, sizeof had->atc);
        walk_i32(w, &had->day);
        walk_u32(w, &had->supply_ddays);
    }
}

static void walk_context(struct walk *w, struct claims_context *c)
{
    uint32_t version = BASIS_VERSION, benefit = (uint32_t)c->benefit;
    bool *const flags[] = {&c->prescription_used, &c->accident, &c->provider_contracted, &c->prescriber_allowed};
    walk_u32(w, &version);
    w->bad |= version != BASIS_VERSION;
    walk_u32(w, &c->city.v);
    walk_u64(w, &c->member_id.v);
    walk_u64(w, &c->order.v);
    walk_u32(w, &benefit);
    w->bad |= benefit < BENEFIT_MEDICINE || benefit > BENEFIT_CHECKUP;
    if (w->in && !w->bad) c->benefit = (enum benefit)benefit;
    walk_i64(w, &c->service_ms);
    walk_i32(w, &c->utc_offset_s);
    walk_flags(w, flags, COUNT_OF(flags));
    walk_i64(w, &c->other_coverage_fen);
    w->bad |= c->other_coverage_fen < 0;
    walk_plan(w, &c->plan);
    walk_member(w, &c->member, &c->account);
    walk_u32(w, &c->line_count);
    w->bad |= c->line_count < 1 || c->line_count > ORDER_LINES_MAX;
    for (uint32_t i = 0; i < c->line_count && !w->bad; i++) walk_line(w, &c->lines[i], &c->items[i]);
    if (w->bad || c->benefit != BENEFIT_MEDICINE) return;
    walk_paper(w, &c->prescription);
    walk_history(w, c);
}

void claims_basis_encode(const struct claims_context *context, struct buffer *out)
{
    struct claims_context copy = *context; /* the walk has one signature for both directions */
    struct walk w = {.out = out};
    walk_context(&w, &copy);
    ASSERT(!w.bad);
}

bool claims_basis_decode(const void *data, size_t size, struct claims_context *out)
{
    static const uint8_t NOTHING;
    struct walk w = {.in = size ? data : &NOTHING, .left = size};
    memset(out, 0, sizeof *out);
    walk_context(&w, out);
    return !w.bad && w.left == 0;
}

static void number(struct buffer *out, int64_t value)
{
    buffer_u64(out, (uint64_t)value);
}

void claims_decision_encode(const struct claim *claim, struct buffer *out)
{
    const int64_t amounts[] = {claim->submitted_fen, claim->eligible_fen, claim->other_coverage_fen, claim->deductible_fen, claim->benefit_fen, claim->member_fen};
    buffer_u64(out, claim->order.v);
    buffer_u32(out, claim->city.v);
    buffer_u64(out, claim->member.v);
    buffer_u8(out, (uint8_t)claim->benefit);
    buffer_u8(out, claim->state == CLAIM_REFUSED);
    buffer_u32(out, claim->plan_version);
    number(out, claim->service_ms);
    for (size_t i = 0; i < COUNT_OF(amounts); i++) number(out, amounts[i]);
    buffer_text(out, claim->refusal_rule);
    buffer_text(out, claim->refusal_text);
    buffer_u32(out, claim->line_count);
    for (uint32_t i = 0; i < claim->line_count; i++) {
        const struct claim_line *line = &claim->lines[i];
        buffer_text(out, line->code);
        buffer_u32(out, line->quantity);
        buffer_u32(out, line->allowed_quantity);
        number(out, line->submitted_fen);
        number(out, line->eligible_fen);
        number(out, line->benefit_fen);
        number(out, line->member_fen);
        buffer_u32(out, line->formulary_version);
        buffer_text(out, line->rules);
    }
}
