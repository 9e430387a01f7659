/* The writing half of intake: a batch's orders, lines, contacts, claims, holds, events and outbox rows, set by set, and the COMMIT. */
#include <stdlib.h>
#include <string.h>

#include "intake.h"

static const struct sql_statement
    ORDERS = {"intake_orders",
              "INSERT INTO orders (city_id, order_id, kind, priority, phase, source, idempotency_key, request_hash, actor, member_id, claim_id, "
              "parent_order_id, pharmacy_id, accepted_ms, promise_ms, ready_ms, ended_ms, prescriber, prescription, diagnosis, issued_ms, reason, body) "
              "SELECT * FROM unnest($1::integer[], $2::bigint[], $3::smallint[], $4::smallint[], $5::smallint[], $6::text[], $7::bytea[], $8::bigint[], "
              "$9::text[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], "
              "$18::text[], $19::text[], $20::text[], $21::bigint[], $22::text[], $23::bytea[])"},
    LINES = {"intake_lines",
             "INSERT INTO order_line (city_id, order_id, line_no, code, quantity, price_fen, days_supply, override_code) "
             "SELECT * FROM unnest($1::integer[], $2::bigint[], $3::smallint[], $4::text[], $5::integer[], $6::bigint[], $7::integer[], $8::text[])"},
    CONTACTS = {"intake_contacts",
                "INSERT INTO order_contact (city_id, order_id, sealed) SELECT * FROM unnest($1::integer[], $2::bigint[], $3::bytea[])"},
    /* a key that another transaction has just made for the same member breaks the unique key: then this one is run again and uses it */
    KEYS = {"intake_keys", "INSERT INTO person_key (city_id, member_id, key_id, wrapped) SELECT * FROM unnest($1::integer[], $2::bigint[], $3::integer[], $4::bytea[])"},
    USES = {"intake_uses",
            "INSERT INTO prescription_use (city_id, order_id, prescriber, prescription) SELECT * FROM unnest($1::integer[], $2::bigint[], $3::text[], $4::text[])"},
    CLAIMS = {"intake_claims",
              "INSERT INTO claim (city_id, claim_id, order_id, member_id, policy, plan, plan_version, benefit, year_start, state, payee, service_ms, "
              "submitted_fen, eligible_fen, other_coverage_fen, deductible_fen, deductible_year_fen, benefit_fen, member_fen, refusal_rule, refusal_text, "
              "line_count) "
              "SELECT city, claim, ord, member, policy, plan, version, benefit, DATE '1970-01-01' + year, state, payee, service, submitted, eligible, other, "
              "deductible, deductible_year, benefit_fen, member_fen, rule, reason, lines "
              "FROM unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::integer[], $8::smallint[], $9::integer[], "
              "$10::smallint[], $11::text[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], "
              "$19::bigint[], $20::text[], $21::text[], $22::smallint[]) "
              "AS e(city, claim, ord, member, policy, plan, version, benefit, year, state, payee, service, submitted, eligible, other, deductible, "
              "deductible_year, benefit_fen, member_fen, rule, reason, lines)"},
    CLAIM_LINES = {"intake_claim_lines",
                   "INSERT INTO claim_line (city_id, claim_id, line_no, code, quantity, allowed_quantity, submitted_fen, eligible_fen, benefit_fen, "
                   "member_fen, days_supply, formulary_version, rules, override_code, supply_ddays, atc) "
                   "SELECT * FROM unnest($1::integer[], $2::bigint[], $3::smallint[], $4::text[], $5::integer[], $6::integer[], $7::bigint[], $8::bigint[], "
                   "$9::bigint[], $10::bigint[], $11::integer[], $12::integer[], $13::text[], $14::text[], $15::integer[], $16::text[])"},
    OVERRIDES = {"intake_overrides",
                 "INSERT INTO claim_override (city_id, claim_id, line_no, rule, codes, source, actor, at_ms) "
                 "SELECT * FROM unnest($1::integer[], $2::bigint[], $3::smallint[], $4::smallint[], $5::text[], $6::text[], $7::text[], $8::bigint[])"},
    BASES = {"intake_bases", "INSERT INTO claim_basis (city_id, claim_id, body) SELECT * FROM unnest($1::integer[], $2::bigint[], $3::bytea[])"},
    EVENTS = {"intake_events",
              "INSERT INTO order_event (city_id, stream, seq, at_ms, kind, order_id, actor, source_at_ms, body) "
              "SELECT city, 1, nextval('intake_event_seq'), at_ms, kind, ord, actor, source_ms, ''::bytea "
              "FROM unnest($1::integer[], $2::bigint[], $3::smallint[], $4::bigint[], $5::text[], $6::bigint[]) AS e(city, at_ms, kind, ord, actor, source_ms)"},
    OUTBOX = {"intake_outbox",
              "INSERT INTO outbox (city_id, order_id, created_ms, body) SELECT * FROM unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bytea[])"},
    HOLDS = {"intake_holds", "SELECT hold_open($1::integer, $2::bigint[], $3::bigint)"};

struct writing {
    struct sql_set orders, lines, contacts, keys, uses, claims, claim_lines, overrides, bases, events, outbox;
};

static void writing_init(struct writing *w)
{
    sql_set_init(&w->orders, "ilhhhtylt" "lllll" "lllttt" "lty");
    sql_set_init(&w->lines, "ilhtilit");
    sql_set_init(&w->contacts, "ily");
    sql_set_init(&w->keys, "iliy");
    sql_set_init(&w->uses, "iltt");
    sql_set_init(&w->claims, "illltt" "ihihtl" "lllllll" "tth");
    sql_set_init(&w->claim_lines, "ilhtii" "llll" "iitt" "it");
    sql_set_init(&w->overrides, "ilhhtttl");
    sql_set_init(&w->bases, "ily");
    sql_set_init(&w->events, "ilhltl");
    sql_set_init(&w->outbox, "illy");
}

static void writing_deinit(struct writing *w)
{
    sql_set_deinit(&w->orders);
    sql_set_deinit(&w->lines);
    sql_set_deinit(&w->contacts);
    sql_set_deinit(&w->keys);
    sql_set_deinit(&w->uses);
    sql_set_deinit(&w->claims);
    sql_set_deinit(&w->claim_lines);
    sql_set_deinit(&w->overrides);
    sql_set_deinit(&w->bases);
    sql_set_deinit(&w->events);
    sql_set_deinit(&w->outbox);
}

/* Append to a set column after column. */
struct pen {
    struct sql_set *set;
    uint32_t at;
};
static void number(struct pen *pen, int64_t value) { sql_column_number(&pen->set->at[pen->at++], value); }
static void text(struct pen *pen, const char *value) { sql_column_text(&pen->set->at[pen->at++], value); }
static void bytes(struct pen *pen, const void *data, size_t size) { sql_column_bytes(&pen->set->at[pen->at++], data, size); }

static void add_order(struct writing *w, const struct intake_item *item, const struct buffer *body)
{
    const struct submission *s = item->submission;
    const struct order *order = &item->result->order;
    const struct claim *claim = &item->result->claim;
    bool refused = order->phase == ORDER_REFUSED, test = intake_is_test(item);
    struct pen pen = {&w->orders, 0};
    number(&pen, s->city.v);
    number(&pen, (int64_t)order->id.v);
    number(&pen, order->kind);
    number(&pen, order->priority);
    number(&pen, order->phase);
    text(&pen, s->source);
    bytes(&pen, s->cause.key, sizeof s->cause.key);
    number(&pen, (int64_t)s->cause.request_hash);
    text(&pen, s->cause.actor);
    number(&pen, (int64_t)item->context.member_id.v);
    number(&pen, (int64_t)claim->id.v);
    if (s->parent.v) number(&pen, (int64_t)s->parent.v);
    else sql_column_null(&pen.set->at[pen.at++]);
    number(&pen, (int64_t)order->pharmacy.v);
    number(&pen, order->accepted_ms);
    number(&pen, order->promise_ms);
    number(&pen, order->ready_ms);
    number(&pen, refused ? order->accepted_ms : 0);
    text(&pen, test ? "" : s->prescription.prescriber);
    text(&pen, test ? "" : s->prescription.number);
    text(&pen, test ? "" : s->prescription.diagnosis);
    number(&pen, test ? 0 : s->prescription.issued_ms);
    text(&pen, refused ? claim->refusal_text : "");
    bytes(&pen, body->data, body->size);
    ASSERT(pen.at == w->orders.count);
    if (refused) return;
    pen = (struct pen){&w->outbox, 0};
    number(&pen, s->city.v);
    number(&pen, (int64_t)order->id.v);
    number(&pen, order->accepted_ms);
    bytes(&pen, body->data, body->size);
    if (test || !s->prescription.number[0]) return;
    pen = (struct pen){&w->uses, 0};
    number(&pen, s->city.v);
    number(&pen, (int64_t)order->id.v);
    text(&pen, s->prescription.prescriber);
    text(&pen, s->prescription.number);
}

/* The member's key: his stored one, the one an earlier order of this batch has just made, or a new one. */
static enum status member_key(struct writing *w, struct intake_item *items, size_t index, struct person_key *out, struct error *err)
{
    struct intake_item *item = &items[index];
    struct city_id city = item->submission->city;
    struct member_id member = item->context.member_id;
    for (size_t i = 0; i < index && !item->key_stored; i++) {
        if (!items[i].open || items[i].submission->city.v != city.v || items[i].context.member_id.v != member.v) continue;
        item->key_id = items[i].key_id;
        memcpy(item->key_wrapped, items[i].key_wrapped, sizeof item->key_wrapped);
        item->key_stored = true;
    }
    if (item->key_stored) return keys_unwrap(city, member, item->key_id, item->key_wrapped, sizeof item->key_wrapped, out, err);
    random_bytes(out, sizeof *out);
    TRY(keys_wrap(city, member, out, &item->key_id, item->key_wrapped, err));
    struct pen pen = {&w->keys, 0};
    number(&pen, city.v);
    number(&pen, (int64_t)member.v);
    number(&pen, item->key_id);
    bytes(&pen, item->key_wrapped, sizeof item->key_wrapped);
    return STATUS_OK;
}

static enum status add_contact(struct writing *w, struct intake_item *items, size_t index, struct error *err)
{
    const struct intake_item *item = &items[index];
    struct city_id city = item->submission->city;
    struct order_id order = item->result->order.id;
    struct person_key key;
    uint8_t sealed[CONTACT_SEALED_MAX];
    TRY(member_key(w, items, index, &key, err));
    size_t size = contact_seal(&key, city, order, &item->submission->recipient, sealed);
    mem_wipe(&key, sizeof key);
    struct pen pen = {&w->contacts, 0};
    number(&pen, city.v);
    number(&pen, (int64_t)order.v);
    bytes(&pen, sealed, size);
    return STATUS_OK;
}

static void add_claim(struct writing *w, const struct intake_item *item)
{
    const struct claim *claim = &item->result->claim;
    struct pen pen = {&w->claims, 0};
    number(&pen, claim->city.v);
    number(&pen, (int64_t)claim->id.v);
    number(&pen, (int64_t)claim->order.v);
    number(&pen, (int64_t)claim->member.v);
    text(&pen, item->policy);
    text(&pen, item->plan);
    number(&pen, item->plan_version);
    number(&pen, claim->benefit);
    number(&pen, item->year_start_day);
    number(&pen, claim->state);
    text(&pen, item->payee);
    number(&pen, claim->service_ms);
    number(&pen, claim->submitted_fen);
    number(&pen, claim->eligible_fen);
    number(&pen, claim->other_coverage_fen);
    number(&pen, claim->deductible_fen);
    number(&pen, item->outcome.deductible_year_fen);
    number(&pen, claim->benefit_fen);
    number(&pen, claim->member_fen);
    text(&pen, claim->refusal_rule);
    text(&pen, claim->refusal_text);
    number(&pen, claim->line_count);
    ASSERT(pen.at == w->claims.count);
}

static void add_lines(struct writing *w, const struct intake_item *item)
{
    const struct submission *s = item->submission;
    const struct claim *claim = &item->result->claim;
    for (uint32_t i = 0; i < s->line_count; i++) {
        const struct order_line *asked = &item->context.lines[i];
        const struct claim_line *line = &claim->lines[i];
        struct pen pen = {&w->lines, 0};
        number(&pen, s->city.v);
        number(&pen, (int64_t)item->result->order.id.v);
        number(&pen, i + 1);
        text(&pen, asked->product);
        number(&pen, asked->quantity);
        number(&pen, asked->price_fen);
        number(&pen, asked->days_supply);
        text(&pen, asked->override_code);
        if (s->parent.v) continue; /* under a claim that is written already */
        pen = (struct pen){&w->claim_lines, 0};
        number(&pen, s->city.v);
        number(&pen, (int64_t)claim->id.v);
        number(&pen, i + 1);
        text(&pen, line->code);
        number(&pen, line->quantity);
        number(&pen, line->allowed_quantity);
        number(&pen, line->submitted_fen);
        number(&pen, line->eligible_fen);
        number(&pen, line->benefit_fen);
        number(&pen, line->member_fen);
        number(&pen, asked->days_supply);
        number(&pen, line->formulary_version);
        text(&pen, line->rules);
        text(&pen, asked->override_code);
        number(&pen, item->outcome.supply_ddays[i]);
        text(&pen, item->context.items[i].atc);
        ASSERT(pen.at == w->claim_lines.count);
    }
}

/* What the claim was decided on, and who lifted which rule. */
static void add_basis(struct writing *w, const struct intake_item *item, struct buffer *body)
{
    const struct submission *s = item->submission;
    buffer_clear(body);
    claims_basis_encode(&item->context, body);
    struct pen pen = {&w->bases, 0};
    number(&pen, s->city.v);
    number(&pen, (int64_t)item->claim_id.v);
    bytes(&pen, body->data, body->size);
    for (uint32_t i = 0; i < item->outcome.override_count; i++) {
        const struct claims_override_use *use = &item->outcome.overrides[i];
        pen = (struct pen){&w->overrides, 0};
        number(&pen, s->city.v);
        number(&pen, (int64_t)item->claim_id.v);
        number(&pen, use->line + 1);
        number(&pen, use->rule);
        text(&pen, item->context.lines[use->line].override_code);
        text(&pen, s->source);
        text(&pen, s->cause.actor[0] ? s->cause.actor : s->source);
        number(&pen, item->service_ms);
    }
}

static void add_event(struct writing *w, const struct intake_item *item, enum order_phase phase)
{
    const struct submission *s = item->submission;
    struct pen pen = {&w->events, 0};
    number(&pen, s->city.v);
    number(&pen, item->result->order.accepted_ms);
    number(&pen, (int64_t)phase + 1);
    number(&pen, (int64_t)item->result->order.id.v);
    text(&pen, s->cause.actor);
    number(&pen, s->cause.source_ms);
}

static void queue_set(struct store *store, const struct sql_statement *statement, struct sql_set *set)
{
    if (set->at[0].count == 0) return;
    struct sql_args args;
    sql_args_init(&args);
    sql_arg_set(&args, set);
    sql_queue(store, statement, &args);
}

/* Holds are opened city by city: a city's books are its own. */
static void queue_holds(struct store *store, const struct intake_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t city = items[i].submission->city.v;
        bool told = !items[i].open;
        for (size_t k = 0; k < i && !told; k++) told = items[k].open && items[k].submission->city.v == city;
        if (told) continue;
        struct sql_column claims;
        struct sql_args args;
        sql_column_init(&claims, SQL_I64);
        for (size_t k = i; k < count; k++)
            if (items[k].open && items[k].submission->city.v == city && !items[k].submission->parent.v &&
                items[k].result->claim.state == CLAIM_HELD)
                sql_column_number(&claims, (int64_t)items[k].result->claim.id.v);
        sql_args_init(&args);
        sql_arg_i32(&args, (int32_t)city);
        sql_arg_column(&args, &claims);
        sql_arg_i64(&args, items[i].service_ms);
        if (claims.count > 0) sql_queue(store, &HOLDS, &args);
        sql_column_deinit(&claims);
    }
}

static enum status write_all(struct store *store, struct writing *w, const struct intake_item *items, size_t count, struct error *err)
{
    PGresult *results[SQL_QUEUE_MAX];
    sql_pipeline_begin(store);
    queue_set(store, &ORDERS, &w->orders);
    queue_set(store, &LINES, &w->lines);
    queue_set(store, &KEYS, &w->keys);
    queue_set(store, &CONTACTS, &w->contacts);
    queue_set(store, &USES, &w->uses);
    queue_set(store, &CLAIMS, &w->claims);
    queue_set(store, &CLAIM_LINES, &w->claim_lines);
    queue_set(store, &OVERRIDES, &w->overrides);
    queue_set(store, &BASES, &w->bases);
    queue_holds(store, items, count);
    queue_set(store, &EVENTS, &w->events);
    queue_set(store, &OUTBOX, &w->outbox);
    sql_queue(store, &SQL_COMMIT, NULL);
    enum status rc = sql_pipeline_flush(store, results, err);
    sql_results_clear(results);
    return rc;
}

enum status intake_write(struct store *store, struct intake_item *items, size_t count, struct error *err)
{
    struct writing w;
    struct buffer body;
    writing_init(&w);
    buffer_init(&body, STORE_BODY_MAX);
    enum status rc = STATUS_OK;
    for (size_t i = 0; i < count && rc == STATUS_OK; i++) {
        if (!items[i].open) continue;
        buffer_clear(&body);
        order_encode(&items[i].result->order, &body);
        add_order(&w, &items[i], &body);
        rc = add_contact(&w, items, i, err);
        add_lines(&w, &items[i]);
        if (!items[i].submission->parent.v) {
            add_claim(&w, &items[i]);
            add_basis(&w, &items[i], &body);
        }
        add_event(&w, &items[i], ORDER_RECEIVED);
        add_event(&w, &items[i], items[i].result->order.phase);
    }
    if (rc == STATUS_OK) rc = write_all(store, &w, items, count, err);
    buffer_deinit(&body);
    writing_deinit(&w);
    return rc;
}
