/* Intake: an order is decided and written in one transaction, many orders at a time. What the plan pays is decided by claims; here it gets all
 * it must know, under the member-year's lock, and what it decided is written. */
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "intake.h"
#include "views.h"

enum { INTAKE_CITIES_MAX = 8, INTAKE_TRIES_MAX = 3 }; /* cities in one transaction: a statement each for their books */

/* ---- the door's bounds again, cheaply: claims asserts them, and a bug above must not stop the program ---- */

static enum status submission_check(const struct submission *s, struct error *err)
{
    bool test = s->order.kind == ORDER_KIND_TEST;
    if (!test && s->order.kind != ORDER_KIND_PRESCRIPTION) return error_field(err, "kind", "an order is a prescription or a home test");
    if (s->city.v == 0 || s->city.v > INT32_MAX) return error_field(err, "city_id", "a city is named by a positive number");
    if (cause_key_is_none(&s->cause)) return error_field(err, "idempotency_key", "every order needs an idempotency key");
    if (!s->source[0]) return error_field(err, "source", "the caller is not known");
    if (s->order.priority < PRIORITY_ROUTINE || s->order.priority > PRIORITY_CRITICAL) return error_field(err, "priority", "not a priority");
    if (s->parent.v && !test) return error_field(err, "parent_order_id", "only a home test follows another order");
    if (s->line_count < 1 || s->line_count > ORDER_LINES_MAX) return error_field(err, "lines", "an order has 1 to %d lines", ORDER_LINES_MAX);
    if (s->other_coverage_fen < 0) return error_field(err, "other_coverage_fen", "money is not negative");
    if (s->order.lab_count > ORDER_LABS_MAX || (test && s->order.lab_count == 0)) return error_field(err, "labs", "a test needs 1 to %d laboratories", ORDER_LABS_MAX);
    for (uint32_t i = 0; i < s->line_count; i++) {
        const struct order_line *line = &s->lines[i];
        char field[ERROR_FIELD_MAX];
        text_format(field, sizeof field, "lines[%u]", i);
        if (!line->product[0]) return error_field(err, field, "a line names a product or test");
        if (line->quantity < 1 || line->quantity > 999) return error_field(err, field, "a quantity is 1 to 999");
        if (line->price_fen < (test ? -1 : 0) || line->price_fen > 10000000) return error_field(err, field, "a price is 0 to 10,000,000 fen");
        if (!claims_override_known(line->override_code)) return error_field(err, field, "an override code that nobody knows; see the plan's rules");
        if (line->days_supply > 3660) return error_field(err, field, "days of supply are at most 3660");
    }
    return STATUS_OK;
}

/* ---- deciding ---- */

static enum status lines_known(struct intake_item *item)
{
    const struct submission *s = item->submission;
    for (uint32_t i = 0; i < s->line_count; i++) {
        char field[ERROR_FIELD_MAX];
        text_format(field, sizeof field, "lines[%u]", i);
        if (!item->context.items[i].found) {
            struct error *err = intake_fail(item);
            error_field(err, field, "%s is not in the catalogue", s->lines[i].product);
            return err->status = STATUS_NOT_FOUND;
        }
        if (item->goods[i].benefit != item->goods[0].benefit)
            return error_field(intake_fail(item), field, "a check-up and a test cannot share an order: a claim has one benefit");
    }
    return STATUS_OK;
}

static void context_fill(struct intake_item *item)
{
    const struct submission *s = item->submission;
    struct claims_context *context = &item->context;
    context->city = s->city;
    context->order = item->order_id;
    context->benefit = item->goods[0].benefit;
    context->service_ms = item->service_ms;
    context->line_count = s->line_count;
    for (uint32_t i = 0; i < s->line_count; i++) {
        context->lines[i] = s->lines[i];
        if (context->lines[i].price_fen < 0) context->lines[i].price_fen = context->items[i].ceiling_fen; /* a test at the catalogue's price */
    }
    context->prescription = s->prescription;
    context->accident = s->accident;
    context->other_coverage_fen = s->other_coverage_fen;
}

static uint32_t add_capped(uint32_t a, uint64_t b)
{
    return b > UINT32_MAX - a ? UINT32_MAX : a + (uint32_t)b;
}

/* What the order asks of a courier, raised to what the catalogue says of its goods. Cold goods ride in the cold box and count there alone. */
static void goods_raise(const struct intake_item *item, struct order *order)
{
    uint32_t volume_ml = 0, cold_ml = 0;
    for (uint32_t i = 0; i < item->submission->line_count; i++) {
        const struct intake_goods *goods = &item->goods[i];
        uint64_t line_ml = (uint64_t)goods->volume_ml * item->submission->lines[i].quantity;
        if (goods->cold) cold_ml = add_capped(cold_ml, line_ml);
        else volume_ml = add_capped(volume_ml, line_ml);
        if (goods->cold) order->goods.skills |= BIT(SKILL_COLD_CHAIN);
        if (goods->sampling) order->goods.skills |= BIT(SKILL_SAMPLING);
        if (goods->controlled) order->goods.skills |= BIT(SKILL_CONTROLLED);
        if (goods->stability_s && (!order->stability_s || goods->stability_s < order->stability_s)) order->stability_s = goods->stability_s;
        if (goods->home_s > order->home.service_s) order->home.service_s = goods->home_s;
    }
    if (volume_ml > order->goods.volume_ml) order->goods.volume_ml = volume_ml;
    if (cold_ml > order->goods.cold_ml) order->goods.cold_ml = cold_ml;
}

static void pickup_code_make(char out[CODE_TEXT_MAX])
{
    uint32_t number;
    random_bytes(&number, sizeof number);
    text_format(out, CODE_TEXT_MAX, "%06u", number % 1000000);
}

static void order_finish(const struct intake_item *item)
{
    struct order *order = &item->result->order;
    *order = item->submission->order;
    order->id = item->order_id;
    order->city = item->submission->city;
    order->phase = item->result->claim.state == CLAIM_REFUSED ? ORDER_REFUSED : ORDER_ADJUDICATED;
    order->accepted_ms = item->service_ms;
    int64_t promise_ms = item->service_ms + (int64_t)item->promise_s * 1000;
    if (order->promise_ms < promise_ms) order->promise_ms = promise_ms;
    if (order->ready_ms < item->service_ms) order->ready_ms = item->service_ms;
    order->needs_approval |= item->outcome.needs_approval;
    goods_raise(item, order);
    if (!order->pickup_code[0]) pickup_code_make(order->pickup_code);
}

static void item_decide(struct intake_item *item)
{
    if (lines_known(item) != STATUS_OK) return;
    context_fill(item);
    struct claim *claim = &item->result->claim;
    if (!item->submission->parent.v) { /* a recollection has the first order's claim already */
        claims_adjudicate(&item->context, claim, &item->outcome);
        claim->id = item->claim_id;
    }
    order_finish(item);
    item->result->status = STATUS_OK;
}

static bool same_account(const struct intake_item *a, const struct intake_item *b)
{
    return a->submission->city.v == b->submission->city.v && a->context.member_id.v == b->context.member_id.v && a->year_start_day == b->year_start_day &&
           strcmp(a->policy, b->policy) == 0;
}

/* Lines of medicine just allowed are history for the member's later orders of this batch. */
static void carry_history(const struct intake_item *item, struct claims_context *later)
{
    for (uint32_t i = 0; i < item->context.line_count; i++) {
        if (item->result->claim.lines[i].allowed_quantity == 0) continue;
        if (later->history_count == CLAIMS_HISTORY_MAX) /* the oldest says least */
            memmove(later->history, later->history + 1, --later->history_count * sizeof later->history[0]);
        uint32_t at = later->history_count++;
        struct claims_supply had = {.day = claims_day_of(item->service_ms, item->context.utc_offset_s), .supply_ddays = item->outcome.supply_ddays[i]};
        (void)text_copy(had.code, sizeof had.code, item->context.lines[i].product);
        (void)text_copy(had.atc, sizeof had.atc, item->context.items[i].atc);
        for (; at > 0 && later->history[at - 1].day > had.day; at--) later->history[at] = later->history[at - 1];
        later->history[at] = had;
    }
}

/* What `item` has just used up is gone for the later orders of this batch: they were read before it was written. */
static void carry_over(const struct intake_item *item, struct intake_item *later, size_t count)
{
    const struct claim *claim = &item->result->claim;
    if (!item->open || claim->state != CLAIM_HELD || item->submission->parent.v) return;
    for (size_t k = 0; k < count; k++) {
        struct claims_context *context = &later[k].context;
        if (same_account(item, &later[k])) {
            context->account.pending_fen += claim->benefit_fen;
            context->account.deductible_used_fen += item->outcome.deductible_year_fen;
            if (claim->benefit_fen > 0) context->account.count[claim->benefit]++;
        }
        const struct prescription *used = &item->submission->prescription, *asked = &later[k].submission->prescription;
        bool same_city = item->submission->city.v == later[k].submission->city.v;
        if (same_city && claim->benefit == BENEFIT_MEDICINE && !intake_is_test(&later[k]) && used->number[0] && strcmp(used->number, asked->number) == 0 &&
            strcmp(used->prescriber, asked->prescriber) == 0)
            context->prescription_used = true;
        bool same_member = same_city && item->context.member_id.v == context->member_id.v;
        if (claim->benefit == BENEFIT_MEDICINE && same_member && !intake_is_test(&later[k])) carry_history(item, context);
        if (claim->benefit == BENEFIT_MEDICINE || !same_member) continue;
        for (uint32_t i = 0; i < claim->line_count; i++)
            for (uint32_t j = 0; j < later[k].submission->line_count; j++)
                if (claim->lines[i].allowed_quantity > 0 && strcmp(claim->lines[i].code, later[k].submission->lines[j].product) == 0) {
                    context->items[j].taken_before = true;
                    context->items[j].last_day = claims_day_of(item->service_ms, context->utc_offset_s);
                }
    }
}

/* ---- repeated keys ---- */

static bool same_key(const struct submission *a, const struct submission *b)
{
    return a->city.v == b->city.v && memcmp(a->cause.key, b->cause.key, sizeof a->cause.key) == 0 && strcmp(a->source, b->source) == 0;
}

static enum status repeated_answer(struct store *store, struct intake_item *item, struct error *err)
{
    struct intake_result *result = item->result;
    item->open = false;
    switch (claims_repeat(true, item->stored_hash, item->submission->cause.request_hash)) {
    case CLAIMS_REPEAT_CONFLICT:
        error_set(&result->error, STATUS_ALREADY_EXISTS, "this idempotency key was used for another request, order %llu",
                  (unsigned long long)item->stored_order.v);
        error_reason(&result->error, "IDEMPOTENCY_CONFLICT");
        break;
    case CLAIMS_REPEAT_SAME: {
        struct order_view view;
        TRY(order_view_read(store, item->submission->city, item->stored_order, &view, err));
        TRY(claim_view_read(store, item->submission->city, view.claim, &result->claim, err));
        result->error.status = STATUS_OK; /* it may have failed an earlier look-up: the first answer stands */
        result->order = view.order;
        result->status = STATUS_OK;
        result->repeated = true;
        break;
    }
    case CLAIMS_REPEAT_NEW: ASSERT(false && "a stored key was seen"); break;
    }
    return STATUS_OK;
}

/* A quote is decided as the order would be, under the same lock, on what its neighbours in the batch have left; then it is forgotten. */
static void quote_answer(struct intake_item *item)
{
    struct intake_result *result = item->result;
    if (item->open) item_decide(item);
    item->open = false;
    result->order.id.v = result->claim.order.v = result->claim.id.v = 0;
    result->order.pickup_code[0] = '\0';
}

/* ---- one transaction ---- */

static void items_init(struct intake_item *items, const struct submission *const *batch, struct intake_result *const *results, size_t count, int64_t now_ms)
{
    for (size_t i = 0; i < count; i++) {
        memset(results[i], 0, sizeof *results[i]);
        int64_t accepted_ms = batch[i]->order.accepted_ms;
        items[i] = (struct intake_item){.submission = batch[i], .result = results[i], .open = true, .service_ms = accepted_ms ? accepted_ms : now_ms};
    }
}

/* Asked between the locks, where time passes, and the writing. */
static bool is_too_late(const struct submission *submission)
{
    return submission->give_up_us != 0 && clock_boot_us() >= submission->give_up_us;
}

static enum status transact(struct store *store, const struct submission *const *batch, struct intake_result *const *results, size_t count, int64_t now_ms,
                            struct error *err)
{
    struct intake_item *items = mem_zalloc(count, sizeof *items);
    items_init(items, batch, results, count, now_ms);
    enum status rc = sql_ready(store, err);
    if (rc == STATUS_OK) rc = intake_read(store, items, count, err);
    bool any = false;
    for (size_t i = 0; i < count && rc == STATUS_OK; i++) {
        if (items[i].submission->parent.v && items[i].open && !items[i].stored_order.v) rc = intake_again(store, &items[i], err);
        if (rc != STATUS_OK) break;
        if (items[i].submission->quote) quote_answer(&items[i]);
        else if (items[i].stored_order.v) rc = repeated_answer(store, &items[i], err);
        else if (items[i].open && is_too_late(items[i].submission)) error_set(intake_fail(&items[i]), STATUS_DEADLINE_EXCEEDED, "the call's deadline passed before the order was decided");
        else if (items[i].open) item_decide(&items[i]);
        carry_over(&items[i], items + i + 1, count - i - 1);
        any |= items[i].open;
    }
    if (rc == STATUS_OK && any) rc = intake_write(store, items, count, err);
    else if (rc == STATUS_OK) rc = sql_commit(store, err);
    if (rc != STATUS_OK) sql_rollback(store);
    else connection_grew(store, count);
    for (size_t i = 0; i < count; i++)
        if (results[i]->error.status != STATUS_OK) results[i]->status = results[i]->error.status;
    free(items);
    return rc;
}

/* The reason lies in an order, not in the world: trying the others without it helps. */
static bool is_ones_own_fault(enum status status)
{
    switch (status) {
    case STATUS_INVALID_ARGUMENT:
    case STATUS_NOT_FOUND:
    case STATUS_ALREADY_EXISTS:
    case STATUS_FAILED_PRECONDITION:
    case STATUS_OUT_OF_RANGE:
    case STATUS_ABORTED:
    case STATUS_INTERNAL:
    case STATUS_RESOURCE_EXHAUSTED:
    case STATUS_DATA_LOSS: return true;
    case STATUS_OK:
    case STATUS_CANCELLED:
    case STATUS_UNKNOWN:
    case STATUS_DEADLINE_EXCEEDED:
    case STATUS_PERMISSION_DENIED:
    case STATUS_UNIMPLEMENTED:
    case STATUS_UNAVAILABLE:
    case STATUS_UNAUTHENTICATED: return false;
    }
    return false;
}

/* A lost race (deadlock, lock timeout; for one order also a key or prescription that another transaction has just written) is run again. */
static enum status transact_again(struct store *store, const struct submission *const *batch, struct intake_result *const *results, size_t count,
                                  int64_t now_ms, struct error *err)
{
    enum status rc = STATUS_OK;
    for (int tries = 0; tries < INTAKE_TRIES_MAX; tries++) {
        rc = transact(store, batch, results, count, now_ms, err);
        if (rc != STATUS_ABORTED && !(rc == STATUS_ALREADY_EXISTS && count == 1)) break;
    }
    return rc;
}

static enum status one_by_one(struct store *store, const struct submission *const *batch, struct intake_result *const *results, size_t count, int64_t now_ms,
                              struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        struct error own = {0};
        enum status rc = transact_again(store, &batch[i], &results[i], 1, now_ms, &own);
        if (rc == STATUS_OK) continue;
        if (!is_ones_own_fault(rc)) {
            /* the earlier ones are committed, and their keys give the same answer when the caller asks again */
            if (err) *err = own;
            return rc;
        }
        memset(results[i], 0, sizeof *results[i]);
        results[i]->status = rc;
        results[i]->error = own;
    }
    return STATUS_OK;
}

static enum status group_intake(struct store *store, const struct submission *const *batch, struct intake_result *const *results, size_t count,
                                int64_t now_ms, struct error *err)
{
    if (count == 0) return STATUS_OK;
    enum status rc = transact_again(store, batch, results, count, now_ms, err);
    if (rc == STATUS_OK || !is_ones_own_fault(rc)) return rc;
    return one_by_one(store, batch, results, count, now_ms, err);
}

/* The next orders that can share a transaction: valid, no key twice, few cities. The others stay unmarked for a later round. */
static size_t group_next(const struct submission *batch, struct intake_result *results, size_t count, bool *done, const struct submission **group,
                         struct intake_result **answers)
{
    uint32_t cities[INTAKE_CITIES_MAX];
    size_t grouped = 0, city_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (done[i]) continue;
        bool fits = true;
        for (size_t k = 0; k < grouped && fits; k++) fits = !same_key(group[k], &batch[i]);
        size_t city = 0;
        while (city < city_count && cities[city] != batch[i].city.v) city++;
        if (!fits || city == INTAKE_CITIES_MAX) continue;
        if (city == city_count) cities[city_count++] = batch[i].city.v;
        group[grouped] = &batch[i];
        answers[grouped++] = &results[i];
        done[i] = true;
    }
    return grouped;
}

enum status store_intake(struct store *store, const struct submission *batch, size_t count, int64_t now_ms, struct intake_result *results, struct error *err)
{
    ASSERT(count <= STORE_INTAKE_MAX);
    const struct submission *group[STORE_INTAKE_MAX];
    struct intake_result *answers[STORE_INTAKE_MAX];
    bool done[STORE_INTAKE_MAX] = {false};
    for (size_t i = 0; i < count; i++) {
        memset(&results[i], 0, sizeof results[i]);
        results[i].status = submission_check(&batch[i], &results[i].error);
        done[i] = results[i].status != STATUS_OK;
    }
    for (size_t grouped; (grouped = group_next(batch, results, count, done, group, answers)) > 0;)
        TRY(group_intake(store, group, answers, grouped, now_ms, err));
    return STATUS_OK;
}
