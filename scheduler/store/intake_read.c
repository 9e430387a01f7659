/* The reading half of intake: idempotency keys, members under their year's lock, policies, plan terms, formulary, what was used before.
 * One pipeline, one round trip; each statement sees what was committed when the lock was got. */
#include <stdlib.h>
#include <string.h>

#include "intake.h"

/* tests/pg builds a mutant of this file without the row lock, to prove that test_race.c would see its loss. Nothing else defines the word. */
#ifdef MUTATE_NO_ROW_LOCK
#define LOCK_TEXT "SELECT count(*) FROM unnest($1::integer[], $2::text[], $3::bigint[])"
#else
#define LOCK_TEXT "SELECT intake_lock($1::integer[], $2::text[], $3::bigint[])"
#endif

static const struct sql_statement
    SEEN = {"intake_seen",
            "SELECT e.ord::integer, o.order_id, o.request_hash FROM unnest($1::integer[], $2::text[], $3::bytea[]) WITH ORDINALITY "
            "AS e(city, source, key, ord) JOIN orders o ON o.city_id = e.city AND o.source = e.source AND o.idempotency_key = e.key"},
    LOCK = {"intake_lock", LOCK_TEXT},
    COVER = {"intake_cover",
             "SELECT l.ord, l.utc_offset_s, l.member_id, l.birth_day, l.sex, l.policy, l.from_day, l.to_day, l.inception_day, l.renewal, l.plan, "
             "l.plan_version, l.year_start - DATE '1970-01-01', v.age_min, v.age_max, v.waiting_days, v.prescription_days_max, v.drugs_max, "
             "v.supply_days, v.supply_emergency_days, v.supply_chronic_days, v.supply_override_days, v.supply_excess_refuses, v.ineligible_refuses, "
             "v.refill_bps, v.duplicate_stops, v.deductible_claim_fen, v.promise_s, b1.rate_bps, b1.claim_cap_fen, b2.rate_bps, b2.claim_cap_fen, b3.rate_bps, b3.claim_cap_fen, "
             "y.limit_fen, y.pending_fen, y.posted_fen, y.deductible_fen, y.deductible_used_fen, y.count_used, y.count_max, "
             "k.key_id, k.wrapped, k.erased_at IS NOT NULL "
             "FROM intake_lookup($1::integer[], $2::text[], $3::bigint[]) l "
             "LEFT JOIN plan_version v ON v.city_id = l.city_id AND v.plan = l.plan AND v.version = l.plan_version "
             "LEFT JOIN plan_benefit b1 ON b1.city_id = l.city_id AND b1.plan = l.plan AND b1.version = l.plan_version AND b1.benefit = 1 "
             "LEFT JOIN plan_benefit b2 ON b2.city_id = l.city_id AND b2.plan = l.plan AND b2.version = l.plan_version AND b2.benefit = 2 "
             "LEFT JOIN plan_benefit b3 ON b3.city_id = l.city_id AND b3.plan = l.plan AND b3.version = l.plan_version AND b3.benefit = 3 "
             "LEFT JOIN member_year y ON y.city_id = l.city_id AND y.member_id = l.member_id AND y.policy = l.policy AND y.year_start = l.year_start "
             "LEFT JOIN person_key k ON k.city_id = l.city_id AND k.member_id = l.member_id"},
    PRODUCTS = {"intake_products",
                "SELECT e.ord::integer, p.version, p.valid_from_ms <= e.at_ms AND (p.valid_to_ms = 0 OR e.at_ms < p.valid_to_ms) AND p.eligible, "
                "p.approval <> '' AND (p.approval_till_ms = 0 OR e.at_ms < p.approval_till_ms), p.prohibited, p.controlled, p.injection, p.hypoglycaemic, "
                "p.chronic, p.rx, p.ceiling_fen, p.age_min, p.age_max, p.sex, p.indications, p.pack_supply_ddays, p.quantity_max, p.cold, p.volume_ml, p.atc "
                "FROM unnest($1::integer[], $2::text[], $3::bigint[]) WITH ORDINALITY AS e(city, code, at_ms, ord) "
                "CROSS JOIN LATERAL (SELECT * FROM product q WHERE q.city_id = e.city AND q.code = e.code "
                /* the version in force then; failing that the newest, which is in the catalogue but not covered */
                "ORDER BY q.valid_from_ms <= e.at_ms AND (q.valid_to_ms = 0 OR e.at_ms < q.valid_to_ms) DESC, q.version DESC LIMIT 1) p"},
    TESTS = {"intake_tests",
             "SELECT e.ord::integer, t.version, t.valid_from_ms <= e.at_ms AND (t.valid_to_ms = 0 OR e.at_ms < t.valid_to_ms) AND t.eligible, t.ceiling_fen, "
             "t.age_min, t.age_max, t.sex, t.repeat_days, t.benefit, t.stability_s, t.needs_sampling_skill, t.cold, t.volume_ml, t.home_s, "
             "(SELECT max(c.service_ms) FROM member m JOIN claim c ON c.city_id = m.city_id AND c.member_id = m.member_id AND c.state IN (2, 3) "
             "AND c.benefit IN (2, 3) JOIN claim_line l ON l.city_id = c.city_id AND l.claim_id = c.claim_id AND l.code = e.code AND l.allowed_quantity > 0 "
             "WHERE m.city_id = e.city AND m.code = e.member) "
             "FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::text[]) WITH ORDINALITY AS e(city, code, at_ms, member, ord) "
             "CROSS JOIN LATERAL (SELECT * FROM test q WHERE q.city_id = e.city AND q.code = e.code "
             "ORDER BY q.valid_from_ms <= e.at_ms AND (q.valid_to_ms = 0 OR e.at_ms < q.valid_to_ms) DESC, q.version DESC LIMIT 1) t"},
    PROVIDERS = {"intake_providers",
                 "SELECT e.ord::integer, f.kind, f.contracted AND f.active, f.payee, u.order_id IS NOT NULL, x.prescriber IS NOT NULL "
                 "FROM unnest($1::integer[], $2::bigint[], $3::text[], $4::text[]) WITH ORDINALITY AS e(city, facility, prescriber, number, ord) "
                 "LEFT JOIN facility f ON f.city_id = e.city AND f.facility_id = e.facility "
                 "LEFT JOIN prescription_use u ON u.city_id = e.city AND u.prescriber = e.prescriber AND u.prescription = e.number "
                 "LEFT JOIN prescriber_barred x ON x.city_id = e.city AND x.prescriber = e.prescriber"},
    /* the newest lines of medicine of CLAIMS_HISTORY_DAYS, $4 ms, oldest first; later ones too: a neighbour's clock may be ahead */
    HISTORY = {"intake_history",
               "SELECT e.ord::integer, h.code, h.atc, div(h.service_ms / 1000 + y.utc_offset_s, 86400)::integer, h.supply_ddays "
               "FROM unnest($1::integer[], $2::text[], $3::bigint[]) WITH ORDINALITY AS e(city, member, at_ms, ord) "
               "JOIN city y ON y.city_id = e.city JOIN member m ON m.city_id = e.city AND m.code = e.member "
               "CROSS JOIN LATERAL (SELECT l.code, l.atc, c.service_ms, c.claim_id, l.line_no, "
               "(l.supply_ddays::bigint * (l.quantity - l.short_quantity - l.reversed_quantity) / l.quantity)::integer AS supply_ddays "
               "FROM claim c JOIN claim_line l ON l.city_id = c.city_id AND l.claim_id = c.claim_id "
               "WHERE c.member_id = m.member_id AND c.city_id = m.city_id AND c.service_ms > e.at_ms - $4::bigint AND c.benefit = 1 AND c.state IN (2, 3) "
               "AND l.allowed_quantity > 0 AND l.short_quantity + l.reversed_quantity < l.quantity "
               "ORDER BY c.service_ms DESC, c.claim_id DESC, l.line_no DESC LIMIT 64) h ORDER BY e.ord, h.service_ms, h.claim_id, h.line_no"},
    IDS = {"intake_ids", "SELECT nextval('order_id_seq'), nextval('claim_id_seq') FROM generate_series(1, $1::integer)"};

bool intake_is_test(const struct intake_item *item)
{
    return item->submission->order.kind == ORDER_KIND_TEST;
}

struct error *intake_fail(struct intake_item *item)
{
    item->open = false;
    return &item->result->error;
}

/* ---- asking ---- */

/* Where an answer about a line goes: ordinal in its set -> item and line. */
struct line_at {
    uint32_t item, line;
};

struct reading {
    struct sql_set seen, members, products, tests, providers, histories;
    struct line_at *product_at, *test_at; /* by ordinal */
    uint32_t *history_at;                 /* by ordinal: item */
};

static void reading_init(struct reading *reading, size_t count)
{
    sql_set_init(&reading->seen, "ity");
    sql_set_init(&reading->members, "itl");
    sql_set_init(&reading->products, "itl");
    sql_set_init(&reading->tests, "itlt");
    sql_set_init(&reading->providers, "iltt");
    sql_set_init(&reading->histories, "itl");
    reading->history_at = mem_zalloc(count, sizeof *reading->history_at);
    reading->product_at = mem_zalloc(count * ORDER_LINES_MAX, sizeof *reading->product_at);
    reading->test_at = mem_zalloc(count * ORDER_LINES_MAX, sizeof *reading->test_at);
}

static void reading_deinit(struct reading *reading)
{
    sql_set_deinit(&reading->seen);
    sql_set_deinit(&reading->members);
    sql_set_deinit(&reading->products);
    sql_set_deinit(&reading->tests);
    sql_set_deinit(&reading->providers);
    sql_set_deinit(&reading->histories);
    free(reading->history_at);
    free(reading->product_at);
    free(reading->test_at);
}

static void ask_lines(struct reading *reading, const struct intake_item *item, uint32_t index)
{
    const struct submission *s = item->submission;
    bool test = intake_is_test(item);
    struct sql_set *set = test ? &reading->tests : &reading->products;
    struct line_at *at = test ? reading->test_at : reading->product_at;
    for (uint32_t i = 0; i < s->line_count; i++) {
        at[set->at[0].count] = (struct line_at){index, i};
        sql_column_number(&set->at[0], s->city.v);
        sql_column_text(&set->at[1], s->lines[i].product);
        sql_column_number(&set->at[2], item->service_ms);
        if (test) sql_column_text(&set->at[3], s->member);
    }
}

static void ask(struct reading *reading, const struct intake_item *item, uint32_t index)
{
    const struct submission *s = item->submission;
    bool test = intake_is_test(item);
    sql_column_number(&reading->seen.at[0], s->city.v);
    sql_column_text(&reading->seen.at[1], s->source);
    sql_column_bytes(&reading->seen.at[2], s->cause.key, sizeof s->cause.key);
    sql_column_number(&reading->members.at[0], s->city.v);
    sql_column_text(&reading->members.at[1], s->member);
    sql_column_number(&reading->members.at[2], item->service_ms);
    sql_column_number(&reading->providers.at[0], s->city.v);
    sql_column_number(&reading->providers.at[1], (int64_t)(test ? s->order.labs[0].facility.v : s->order.pharmacy.v));
    sql_column_text(&reading->providers.at[2], test ? "" : s->prescription.prescriber);
    sql_column_text(&reading->providers.at[3], test ? "" : s->prescription.number);
    ask_lines(reading, item, index);
    if (test) return;
    reading->history_at[reading->histories.at[0].count] = index;
    sql_column_number(&reading->histories.at[0], s->city.v);
    sql_column_text(&reading->histories.at[1], s->member);
    sql_column_number(&reading->histories.at[2], item->service_ms);
}

static void queue_set(struct store *store, const struct sql_statement *statement, struct sql_set *set)
{
    struct sql_args args;
    sql_args_init(&args);
    sql_arg_set(&args, set);
    sql_queue(store, statement, &args);
}

static void queue_history(struct store *store, struct sql_set *set)
{
    struct sql_args args;
    sql_args_init(&args);
    sql_arg_set(&args, set);
    sql_arg_i64(&args, CLAIMS_HISTORY_DAYS * INT64_C(86400000));
    sql_queue(store, &HISTORY, &args);
}

/* ---- answers ---- */

static void take_seen(const PGresult *res, struct intake_item *items)
{
    for (int row = 0; row < PQntuples(res); row++) {
        struct intake_item *item = &items[sql_get_i64(res, row, 0) - 1];
        item->stored_order.v = (uint64_t)sql_get_i64(res, row, 1);
        item->stored_hash = (uint64_t)sql_get_i64(res, row, 2);
    }
}

/* Reads one row's columns one after another. */
struct cursor {
    const PGresult *res;
    int row, column;
};
static int64_t next_number(struct cursor *at) { return sql_get_i64(at->res, at->row, at->column++); }
static uint32_t next_u32(struct cursor *at) { return (uint32_t)next_number(at); }
static bool next_bool(struct cursor *at) { return next_number(at) != 0; }
static void next_text(struct cursor *at, char *out, size_t capacity) { sql_get_text(at->res, at->row, at->column++, out, capacity); }
static char next_letter(struct cursor *at) { return PQgetvalue(at->res, at->row, at->column++)[0]; }

static void take_plan(struct cursor *at, struct intake_item *item)
{
    struct claims_plan *plan = &item->context.plan;
    plan->version = item->plan_version;
    plan->age_min_years = next_u32(at);
    plan->age_max_years = next_u32(at);
    plan->waiting_days = next_u32(at);
    plan->prescription_days_max = next_u32(at);
    plan->drugs_max = next_u32(at);
    plan->supply_days = next_u32(at);
    plan->supply_emergency_days = next_u32(at);
    plan->supply_chronic_days = next_u32(at);
    plan->supply_override_days = next_u32(at);
    plan->supply_excess_refuses = next_bool(at);
    plan->ineligible_refuses = next_bool(at);
    plan->refill_bps = next_u32(at);
    plan->duplicate_stops = next_bool(at);
    plan->deductible_claim_fen = next_number(at);
    item->promise_s = next_u32(at);
    for (uint32_t benefit = 1; benefit < CLAIMS_BENEFIT_COUNT; benefit++) {
        plan->benefit[benefit].rate_bps = next_u32(at);
        plan->benefit[benefit].claim_cap_fen = next_number(at);
    }
}

/* The account's own limits count, not the plan version's: they are what its CHECKs hold, and a plan changed in mid-year does not change them. */
static void take_account(struct cursor *at, struct claims_context *context)
{
    int32_t used[3] = {0}, most[3] = {0};
    context->plan.year_limit_fen = next_number(at);
    context->account.pending_fen = next_number(at);
    context->account.posted_fen = next_number(at);
    context->plan.deductible_year_fen = next_number(at);
    context->account.deductible_used_fen = next_number(at);
    (void)sql_get_i32_array(at->res, at->row, at->column++, used, COUNT_OF(used));
    (void)sql_get_i32_array(at->res, at->row, at->column++, most, COUNT_OF(most));
    for (uint32_t i = 0; i < COUNT_OF(used); i++) {
        context->account.count[i + 1] = (uint32_t)used[i];
        context->plan.benefit[i + 1].count_max = (uint32_t)most[i];
    }
}

static void take_key(struct cursor *at, struct intake_item *item)
{
    size_t size;
    item->key_id = next_u32(at);
    item->key_stored = !sql_get_null(at->res, at->row, at->column);
    const uint8_t *wrapped = sql_get_bytes(at->res, at->row, at->column++, &size);
    item->erased = next_bool(at);
    if (!item->key_stored) return;
    ASSERT(size == sizeof item->key_wrapped); /* a CHECK of the schema's */
    memcpy(item->key_wrapped, wrapped, size);
}

static void take_cover(const PGresult *res, int row, struct intake_item *items)
{
    struct cursor at = {res, row, 0};
    struct intake_item *item = &items[next_number(&at) - 1];
    struct claims_context *context = &item->context;
    bool city_known = !sql_get_null(res, row, 1);
    context->utc_offset_s = (int32_t)next_number(&at);
    context->member.known = !sql_get_null(res, row, 2);
    context->member_id.v = (uint64_t)next_number(&at);
    context->member.birth_day = (int32_t)next_number(&at);
    context->member.sex = next_letter(&at);
    context->member.policy_known = !sql_get_null(res, row, 5);
    next_text(&at, item->policy, sizeof item->policy);
    context->member.policy_from_day = (int32_t)next_number(&at);
    context->member.policy_to_day = (int32_t)next_number(&at);
    context->member.inception_day = (int32_t)next_number(&at);
    context->member.renewal = next_bool(&at);
    next_text(&at, item->plan, sizeof item->plan);
    bool version_known = !sql_get_null(res, row, at.column);
    item->plan_version = next_u32(&at);
    item->year_start_day = (int32_t)next_number(&at);
    take_plan(&at, item);
    take_account(&at, context);
    take_key(&at, item);
    if (!item->open) return;
    if (!city_known)
        error_set(intake_fail(item), STATUS_NOT_FOUND, "there is no city %u", item->submission->city.v);
    else if (!context->member.known) {
        error_field(intake_fail(item), "member", "no such member in city %u", item->submission->city.v);
        item->result->error.status = STATUS_NOT_FOUND;
    } else if (item->erased && !item->submission->quote) {
        error_set(intake_fail(item), STATUS_FAILED_PRECONDITION, "the member's personal data was erased: nothing can be brought to him");
        error_reason(&item->result->error, "ERASED");
    } else if (context->member.policy_known && !version_known)
        error_set(intake_fail(item), STATUS_FAILED_PRECONDITION, "plan %s has no version in force at the time of service", item->plan);
}

static void take_product(const PGresult *res, int row, struct intake_item *item, uint32_t line)
{
    struct cursor at = {res, row, 1};
    struct claims_item *out = &item->context.items[line];
    struct intake_goods *goods = &item->goods[line];
    out->found = true;
    out->formulary_version = next_u32(&at);
    out->covered = next_bool(&at);
    out->approval_valid = next_bool(&at);
    out->prohibited = next_bool(&at);
    out->controlled = goods->controlled = next_bool(&at);
    out->injection = next_bool(&at);
    out->hypoglycaemic = next_bool(&at);
    out->chronic = next_bool(&at);
    out->prescription_only = next_bool(&at);
    out->ceiling_fen = next_number(&at);
    out->min_age_years = next_u32(&at);
    out->max_age_years = next_u32(&at);
    out->sex = next_letter(&at);
    next_text(&at, out->indications, sizeof out->indications);
    out->pack_supply_ddays = next_u32(&at);
    out->quantity_max = next_u32(&at);
    goods->cold = next_bool(&at);
    goods->volume_ml = next_u32(&at);
    next_text(&at, out->atc, sizeof out->atc);
    goods->benefit = BENEFIT_MEDICINE;
}

static void take_test(const PGresult *res, int row, struct intake_item *item, uint32_t line)
{
    struct cursor at = {res, row, 1};
    struct claims_item *out = &item->context.items[line];
    struct intake_goods *goods = &item->goods[line];
    out->found = true;
    out->approval_valid = true;
    out->formulary_version = next_u32(&at);
    out->covered = next_bool(&at);
    out->ceiling_fen = next_number(&at);
    out->min_age_years = next_u32(&at);
    out->max_age_years = next_u32(&at);
    out->sex = next_letter(&at);
    out->repeat_days = next_u32(&at);
    goods->benefit = next_number(&at) == BENEFIT_CHECKUP ? BENEFIT_CHECKUP : BENEFIT_TEST;
    goods->stability_s = next_u32(&at);
    goods->sampling = next_bool(&at);
    goods->cold = next_bool(&at);
    goods->volume_ml = next_u32(&at);
    goods->home_s = next_u32(&at);
    out->taken_before = !sql_get_null(res, row, at.column);
    if (out->taken_before) out->last_day = claims_day_of(next_number(&at), item->context.utc_offset_s);
}

static void take_provider(const PGresult *res, int row, struct intake_item *items)
{
    struct intake_item *item = &items[sql_get_i64(res, row, 0) - 1];
    bool known = !sql_get_null(res, row, 1), test = intake_is_test(item);
    int64_t kind = sql_get_i64(res, row, 1);
    item->context.provider_contracted = sql_get_bool(res, row, 2);
    sql_get_text(res, row, 3, item->payee, sizeof item->payee);
    item->context.prescription_used = sql_get_bool(res, row, 4);
    item->context.prescriber_allowed = !sql_get_bool(res, row, 5);
    if (!item->open || (known && kind == (test ? FACILITY_LAB : FACILITY_PHARMACY))) return;
    error_field(intake_fail(item), test ? "labs" : "pharmacy_id", "facility %llu is no %s of this city",
                (unsigned long long)(test ? item->submission->order.labs[0].facility.v : item->submission->order.pharmacy.v),
                test ? "laboratory" : "pharmacy");
    item->result->error.status = STATUS_NOT_FOUND;
}

static void take_history(const PGresult *res, int row, struct claims_context *context)
{
    struct cursor at = {res, row, 1};
    ASSERT(context->history_count < CLAIMS_HISTORY_MAX); /* the statement's LIMIT */
    struct claims_supply *had = &context->history[context->history_count++];
    next_text(&at, had->code, sizeof had->code);
    next_text(&at, had->atc, sizeof had->atc);
    had->day = (int32_t)next_number(&at);
    had->supply_ddays = next_u32(&at);
}

enum { AT_SEEN = 1, AT_LOCK, AT_COVER, AT_PRODUCTS, AT_TESTS, AT_PROVIDERS, AT_HISTORY, AT_IDS };

static void take(PGresult *results[SQL_QUEUE_MAX], const struct reading *reading, struct intake_item *items, size_t count)
{
    take_seen(results[AT_SEEN], items);
    for (int row = 0; row < PQntuples(results[AT_COVER]); row++) take_cover(results[AT_COVER], row, items);
    for (int row = 0; row < PQntuples(results[AT_PRODUCTS]); row++) {
        const struct line_at *at = &reading->product_at[sql_get_i64(results[AT_PRODUCTS], row, 0) - 1];
        take_product(results[AT_PRODUCTS], row, &items[at->item], at->line);
    }
    for (int row = 0; row < PQntuples(results[AT_TESTS]); row++) {
        const struct line_at *at = &reading->test_at[sql_get_i64(results[AT_TESTS], row, 0) - 1];
        take_test(results[AT_TESTS], row, &items[at->item], at->line);
    }
    for (int row = 0; row < PQntuples(results[AT_PROVIDERS]); row++) take_provider(results[AT_PROVIDERS], row, items);
    for (int row = 0; row < PQntuples(results[AT_HISTORY]); row++) {
        int64_t ordinal = sql_get_i64(results[AT_HISTORY], row, 0);
        take_history(results[AT_HISTORY], row, &items[reading->history_at[ordinal - 1]].context);
    }
    for (size_t i = 0; i < count; i++) {
        items[i].order_id.v = (uint64_t)sql_get_i64(results[AT_IDS], (int)i, 0);
        items[i].claim_id.v = (uint64_t)sql_get_i64(results[AT_IDS], (int)i, 1);
    }
}

enum status intake_read(struct store *store, struct intake_item *items, size_t count, struct error *err)
{
    struct reading reading;
    struct sql_args ids;
    PGresult *results[SQL_QUEUE_MAX];
    reading_init(&reading, count);
    for (size_t i = 0; i < count; i++) ask(&reading, &items[i], (uint32_t)i);
    sql_args_init(&ids);
    sql_arg_i32(&ids, (int32_t)count);
    sql_pipeline_begin(store);
    sql_queue(store, &SQL_BEGIN, NULL);
    queue_set(store, &SEEN, &reading.seen);
    queue_set(store, &LOCK, &reading.members);
    queue_set(store, &COVER, &reading.members);
    queue_set(store, &PRODUCTS, &reading.products);
    queue_set(store, &TESTS, &reading.tests);
    queue_set(store, &PROVIDERS, &reading.providers);
    queue_history(store, &reading.histories);
    sql_queue(store, &IDS, &ids);
    enum status rc = sql_pipeline_flush(store, results, err);
    if (rc == STATUS_OK) {
        take(results, &reading, items, count);
        sql_results_clear(results);
    }
    reading_deinit(&reading);
    return rc;
}
