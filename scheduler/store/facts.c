/* Writing a city's facts: events, what they change on orders' rows, and the money they move, all in one fenced transaction.
 * It decides nothing: phase and version come with the fact; which fact ends a hold and how is DOMAIN §3. */
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "fence.h"

static const struct sql_statement
    STREAM = {"facts_stream",
              "UPDATE city_stream SET last_seq = $3::bigint WHERE city_id = $1::integer AND stream = 0 AND last_seq = $2::bigint"},
    LAST = {"facts_last", "SELECT last_seq FROM city_stream WHERE city_id = $1::integer AND stream = 0"},
    EVENTS = {"facts_events",
              "INSERT INTO order_event (city_id, stream, seq, at_ms, kind, order_id, courier_id, actor, source_at_ms, body) "
              "SELECT $1::integer, 0, e.* FROM unnest($2::bigint[], $3::bigint[], $4::smallint[], $5::bigint[], $6::bigint[], $7::text[], $8::bigint[], "
              "$9::bytea[]) AS e"},
    ORDERS = {"facts_orders",
              "UPDATE orders o SET phase = coalesce(e.phase, o.phase), version = coalesce(e.version, o.version), "
              "courier_id = coalesce(e.courier, o.courier_id), lab_id = coalesce(e.lab, o.lab_id), ready_ms = coalesce(e.ready_ms, o.ready_ms), "
              "eta_ms = coalesce(e.eta_ms, o.eta_ms), ended_ms = coalesce(e.ended_ms, o.ended_ms), late = o.late OR e.late, "
              "unplanned = coalesce(e.unplanned, o.unplanned), reason = coalesce(e.reason, o.reason), pharmacist = coalesce(e.pharmacist, o.pharmacist), "
              "priority = coalesce(e.priority, o.priority) "
              "FROM unnest($2::bigint[], $3::smallint[], $4::integer[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], "
              "$10::boolean[], $11::smallint[], $12::text[], $13::text[], $14::smallint[]) "
              "AS e(ord, phase, version, courier, lab, ready_ms, eta_ms, ended_ms, late, unplanned, reason, pharmacist, priority) "
              "WHERE o.city_id = $1::integer AND o.order_id = e.ord"},
    ENTERED = {"facts_entered", "DELETE FROM outbox WHERE city_id = $1::integer AND order_id = ANY ($2::bigint[])"},
    UNUSED = {"facts_unused",
              "DELETE FROM prescription_use u USING orders o WHERE o.city_id = $1::integer AND o.order_id = ANY ($2::bigint[]) AND u.city_id = o.city_id "
              "AND u.prescriber = o.prescriber AND u.prescription = o.prescription AND u.order_id = o.order_id"},
    LATE = {"facts_late", "SELECT late_credit($1::integer, $2::bigint[], $3::bigint[])"},
    ENDS = {"facts_ends",
            /* 4, a specimen that is collected again: the hold waits for it, but only once; the last order of a claim ends it */
            "SELECT hold_end($1::integer, array_agg(c.claim_id), array_agg(CASE e.outcome WHEN 4 THEN 2 ELSE e.outcome END::smallint), array_agg(NULL::bigint), "
            "array_agg(f.payee), array_agg(e.at_ms)) FROM unnest($2::bigint[], $3::smallint[], $4::bigint[], $5::bigint[]) AS e(ord, outcome, lab, at_ms) "
            "JOIN orders o ON o.city_id = $1::integer AND o.order_id = e.ord JOIN claim c ON c.city_id = o.city_id AND c.claim_id = o.claim_id "
            "JOIN hold h ON h.city_id = c.city_id AND h.claim_id = c.claim_id "
            "LEFT JOIN facility f ON f.city_id = c.city_id AND f.facility_id = e.lab "
            "WHERE (e.outcome <> 4 OR o.parent_order_id IS NOT NULL) AND NOT EXISTS (SELECT FROM hold_end x WHERE x.city_id = c.city_id AND x.claim_id = c.claim_id) HAVING count(*) > 0"},
    REPORTS = {"facts_reports",
               "SELECT lab_report($1::integer, array_agg(c.claim_id), array_agg(e.at_ms)) FROM unnest($2::bigint[], $3::bigint[]) AS e(ord, at_ms) "
               "JOIN orders o ON o.city_id = $1::integer AND o.order_id = e.ord JOIN claim c ON c.city_id = o.city_id AND c.claim_id = o.claim_id HAVING count(*) > 0"};

enum { HOLD_POST = 1, HOLD_VOID = 2, HOLD_ACCRUE = 3, HOLD_RECOLLECT = 4, FACTS_TRIES_MAX = 3 }; /* hold_end.outcome; 4 is ENDS' own */

/* ---- what a batch changes of one order: the last word of each column ---- */

struct change {
    uint64_t order;
    bool phase_set, courier_set, lab_set, ready_set, eta_set, unplanned_set, late, entered, cancelled, reported;
    enum order_phase phase;
    uint32_t version;
    uint64_t courier, lab;
    int64_t phase_ms, ready_ms, eta_ms, late_ms, reported_ms, outcome_ms;
    enum unplanned_reason unplanned;
    const char *reason, *pharmacist; /* borrowed from the facts; NULL unchanged */
    int outcome;                     /* 0: the hold goes on */
    int priority;                    /* 0 unchanged */
};

struct changes {
    struct change *at;
    uint32_t count, capacity;
    uint32_t *slots, mask; /* order -> index + 1 */
};

static void changes_init(struct changes *changes, const struct fact *facts, size_t count)
{
    size_t most = count;
    for (size_t i = 0; i < count; i++)
        if (facts[i].kind == FACT_ROUTE_PLANNED) most += facts[i].route.stop_count;
    uint32_t slots = 16;
    while (slots < most * 2) slots *= 2;
    changes->at = mem_zalloc(most ? most : 1, sizeof *changes->at);
    changes->count = 0;
    changes->capacity = (uint32_t)most;
    changes->slots = mem_zalloc(slots, sizeof *changes->slots);
    changes->mask = slots - 1;
}

static void changes_deinit(struct changes *changes)
{
    free(changes->at);
    free(changes->slots);
}

static struct change *change_of(struct changes *changes, uint64_t order)
{
    uint32_t slot = (uint32_t)hash_u64(order) & changes->mask;
    while (changes->slots[slot] && changes->at[changes->slots[slot] - 1].order != order) slot = (slot + 1) & changes->mask;
    if (changes->slots[slot]) return &changes->at[changes->slots[slot] - 1];
    ASSERT(changes->count < changes->capacity);
    changes->at[changes->count].order = order;
    changes->slots[slot] = ++changes->count;
    return &changes->at[changes->count - 1];
}

static void courier_set(struct change *change, uint64_t courier)
{
    change->courier_set = true;
    change->courier = courier;
}

/* A hold ends by the first fact that ends it; what follows (FAILED, then RETURNED) changes no money. */
static void outcome_set(struct change *change, int outcome, const struct fact *fact)
{
    if (change->outcome) return;
    change->outcome = outcome;
    change->outcome_ms = fact->at_ms;
}

static void ended(struct change *change, const struct fact *fact)
{
    bool again = fact->kind == FACT_SPECIMEN_LAB_REJECTED && claims_specimen_fault(fact->ended.reason) != CLAIMS_FAULT_MEMBER;
    outcome_set(change, again ? HOLD_RECOLLECT : HOLD_VOID, fact);
    change->reason = fact->ended.text[0] ? fact->ended.text : fail_reason_name(fact->ended.reason);
}

static void route_apply(struct changes *changes, const struct fact *fact)
{
    for (uint32_t i = 0; i < fact->route.stop_count; i++) {
        const struct plan_stop *stop = &fact->route.stops[i];
        if (!stop->order.v) continue;
        struct change *change = change_of(changes, stop->order.v);
        change->eta_set = true; /* stops are in the order of the route: the last one is where the promise is kept */
        change->eta_ms = stop->arrive_ms;
        change->unplanned_set = true;
        change->unplanned = UNPLANNED_NONE;
    }
}

static void fact_apply(struct changes *changes, const struct fact *fact)
{
    if (fact->kind == FACT_ROUTE_PLANNED) route_apply(changes, fact);
    if (!fact->order.v) return;
    struct change *change = change_of(changes, fact->order.v);
    change->phase_set = true;
    change->phase = fact->phase;
    change->phase_ms = fact->at_ms;
    change->version = fact->order_version;
    switch (fact->kind) {
    case FACT_ORDER_ENTERED: change->entered = true; break;
    case FACT_ORDER_APPROVED: change->pharmacist = fact->approved.pharmacist; break;
    case FACT_ORDER_READY:
        change->ready_set = true;
        change->ready_ms = fact->ready.ready_ms;
        break;
    case FACT_ORDER_UNPLANNED:
        change->unplanned_set = true;
        change->unplanned = fact->unplanned.reason;
        break;
    case FACT_ORDER_ASSIGNED:
        courier_set(change, fact->courier.v);
        change->eta_set = true;
        change->eta_ms = fact->assigned.eta_ms;
        change->unplanned_set = true;
        change->unplanned = UNPLANNED_NONE;
        break;
    case FACT_ORDER_TAKEN: courier_set(change, fact->courier.v); break;
    case FACT_ORDER_DECLINED:
    case FACT_ORDER_UNASSIGNED: courier_set(change, 0); break;
    case FACT_ORDER_DELIVERED: outcome_set(change, HOLD_POST, fact); break;
    case FACT_SPECIMEN_LAB_ACCEPTED:
        outcome_set(change, HOLD_ACCRUE, fact);
        change->lab_set = true;
        change->lab = fact->hand.lab.v;
        break;
    case FACT_SPECIMEN_REPORTED:
        change->reported = true;
        change->reported_ms = fact->at_ms;
        break;
    case FACT_ORDER_CANCELLED:
        change->cancelled = true;
        ended(change, fact);
        break;
    case FACT_SPECIMEN_LAB_REJECTED:
    case FACT_ORDER_FAILED:
    case FACT_ORDER_RETURNED: ended(change, fact); break;
    case FACT_ORDER_PRIORITIZED: change->priority = (int)fact->priority.priority; break;
    case FACT_PROMISE_MISSED:
        change->late = true;
        change->late_ms = fact->at_ms;
        break;
    case FACT_NONE:
    case FACT_ROUTE_PLANNED:
    case FACT_STOP_ARRIVED:
    case FACT_ORDER_PICKED_UP:
    case FACT_SPECIMEN_COLLECTED:
    case FACT_SPECIMEN_SEALED:
    case FACT_TEMPERATURE_READ:
    case FACT_ORDER_RETURNING:
    case FACT_ORDER_PINNED:
    case FACT_ORDER_HELD:
    case FACT_ALERT_RAISED:
    case FACT_ALERT_SEEN:
    case FACT_SHIFT_STARTED:
    case FACT_SHIFT_ENDED:
    case FACT_KIND_COUNT: break;
    }
}

/* ---- sets ---- */

struct writing {
    struct sql_set events, orders, ends, late, reports;
    struct sql_column entered, cancelled;
};

static void writing_init(struct writing *w)
{
    sql_set_init(&w->events, "llhlltly");
    sql_set_init(&w->orders, "lhilllllbhtth");
    sql_set_init(&w->ends, "lhll");
    sql_set_init(&w->late, "ll");
    sql_set_init(&w->reports, "ll");
    sql_column_init(&w->entered, SQL_I64);
    sql_column_init(&w->cancelled, SQL_I64);
}

static void writing_deinit(struct writing *w)
{
    sql_set_deinit(&w->events);
    sql_set_deinit(&w->orders);
    sql_set_deinit(&w->ends);
    sql_set_deinit(&w->late);
    sql_set_deinit(&w->reports);
    sql_column_deinit(&w->entered);
    sql_column_deinit(&w->cancelled);
}

static void number_if(struct sql_column *column, bool set, int64_t value)
{
    if (set) sql_column_number(column, value);
    else sql_column_null(column);
}

static void text_if(struct sql_column *column, const char *text)
{
    if (text) sql_column_text(column, text);
    else sql_column_null(column);
}

static void add_change(struct writing *w, const struct change *change)
{
    struct sql_column *o = w->orders.at;
    sql_column_number(&o[0], (int64_t)change->order);
    number_if(&o[1], change->phase_set, change->phase);
    number_if(&o[2], change->phase_set, change->version);
    number_if(&o[3], change->courier_set, (int64_t)change->courier);
    number_if(&o[4], change->lab_set, (int64_t)change->lab);
    number_if(&o[5], change->ready_set, change->ready_ms);
    number_if(&o[6], change->eta_set, change->eta_ms);
    number_if(&o[7], change->phase_set, order_phase_is_terminal(change->phase) ? change->phase_ms : 0);
    sql_column_number(&o[8], change->late);
    number_if(&o[9], change->unplanned_set, change->unplanned);
    text_if(&o[10], change->reason);
    text_if(&o[11], change->pharmacist);
    number_if(&o[12], change->priority != 0, change->priority);
    if (change->entered) sql_column_number(&w->entered, (int64_t)change->order);
    if (change->cancelled) sql_column_number(&w->cancelled, (int64_t)change->order);
    if (change->late) {
        sql_column_number(&w->late.at[0], (int64_t)change->order);
        sql_column_number(&w->late.at[1], change->late_ms);
    }
    if (change->reported) {
        sql_column_number(&w->reports.at[0], (int64_t)change->order);
        sql_column_number(&w->reports.at[1], change->reported_ms);
    }
    if (change->outcome) {
        sql_column_number(&w->ends.at[0], (int64_t)change->order);
        sql_column_number(&w->ends.at[1], change->outcome);
        sql_column_number(&w->ends.at[2], (int64_t)change->lab);
        sql_column_number(&w->ends.at[3], change->outcome_ms);
    }
}

static void add_event(struct writing *w, const struct fact *fact, struct buffer *body)
{
    struct sql_column *e = w->events.at;
    buffer_clear(body);
    fact_encode(fact, body);
    sql_column_number(&e[0], (int64_t)fact->seq);
    sql_column_number(&e[1], fact->at_ms);
    sql_column_number(&e[2], fact->kind);
    sql_column_number(&e[3], (int64_t)fact->order.v);
    sql_column_number(&e[4], (int64_t)fact->courier.v);
    sql_column_text(&e[5], fact->cause.actor);
    sql_column_number(&e[6], fact->cause.source_ms);
    sql_column_bytes(&e[7], body->data, body->size);
}

static enum status writing_fill(struct writing *w, const struct fact *facts, size_t count, struct error *err)
{
    struct changes changes;
    struct buffer body;
    enum status rc = STATUS_OK;
    changes_init(&changes, facts, count);
    buffer_init(&body, STORE_BODY_MAX);
    for (size_t i = 0; i < count && rc == STATUS_OK; i++) {
        add_event(w, &facts[i], &body);
        fact_apply(&changes, &facts[i]);
        if (body.full) rc = error_set(err, STATUS_RESOURCE_EXHAUSTED, "fact %llu is larger than %d bytes", (unsigned long long)facts[i].seq, STORE_BODY_MAX);
    }
    for (uint32_t i = 0; i < changes.count && rc == STATUS_OK; i++) add_change(w, &changes.at[i]);
    buffer_deinit(&body);
    changes_deinit(&changes);
    return rc;
}

/* ---- the transaction ---- */

static void queue_set(struct store *store, const struct sql_statement *statement, struct city_id city, struct sql_set *set)
{
    if (set->at[0].count == 0) return;
    struct sql_args args;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_set(&args, set);
    sql_queue(store, statement, &args);
}

static void queue_column(struct store *store, const struct sql_statement *statement, struct city_id city, struct sql_column *column)
{
    if (column->count == 0) return;
    struct sql_args args;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_column(&args, column);
    sql_queue(store, statement, &args);
}

static enum status seq_gap(struct store *store, struct city_id city, uint64_t first, struct error *err)
{
    uint64_t last = 0;
    TRY(store_facts_last(store, city, &last, err));
    error_set(err, STATUS_ABORTED, "fact %llu does not follow on %llu, the last stored", (unsigned long long)first, (unsigned long long)last);
    return error_reason(err, "SEQ_GAP");
}

/* The fence and the stream's end are held before anything is written: the second pipeline carries its own COMMIT. */
static enum status fenced_begin(struct store *store, struct city_id city, uint64_t epoch, uint64_t first, uint64_t last, struct error *err)
{
    PGresult *results[SQL_QUEUE_MAX];
    struct sql_args args;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i64(&args, (int64_t)first - 1);
    sql_arg_i64(&args, (int64_t)last);
    sql_pipeline_begin(store);
    sql_queue(store, &SQL_BEGIN, NULL);
    fence_queue(store, city, epoch);
    sql_queue(store, &STREAM, &args);
    TRY(sql_pipeline_flush(store, results, err));
    bool fenced = PQntuples(results[1]) == 1, follows = sql_affected(results[2]) == 1;
    sql_results_clear(results);
    if (fenced && follows) return STATUS_OK;
    sql_rollback(store);
    return fenced ? seq_gap(store, city, first, err) : stale_epoch(city, err);
}

static enum status facts_transact(struct store *store, struct city_id city, uint64_t epoch, uint64_t first, uint64_t last, struct writing *w,
                                  struct error *err)
{
    PGresult *results[SQL_QUEUE_MAX];
    TRY(sql_ready(store, err));
    enum status rc = fenced_begin(store, city, epoch, first, last, err);
    if (rc == STATUS_OK) {
        sql_pipeline_begin(store);
        queue_set(store, &EVENTS, city, &w->events);
        queue_set(store, &ORDERS, city, &w->orders);
        queue_column(store, &ENTERED, city, &w->entered);
        queue_column(store, &UNUSED, city, &w->cancelled);
        queue_set(store, &LATE, city, &w->late);
        queue_set(store, &ENDS, city, &w->ends);
        queue_set(store, &REPORTS, city, &w->reports);
        sql_queue(store, &SQL_COMMIT, NULL);
        rc = sql_pipeline_flush(store, results, err);
        sql_results_clear(results);
    }
    if (rc != STATUS_OK) sql_rollback(store);
    return rc;
}

enum status store_facts_write(struct store *store, struct city_id city, uint64_t epoch, const struct fact *facts, size_t count, struct error *err)
{
    ASSERT(count <= STORE_FACTS_MAX);
    if (count == 0) return STATUS_OK;
    for (size_t i = 0; i < count; i++) {
        ASSERT(facts[i].city.v == city.v);
        ASSERT(facts[i].seq == facts[0].seq + i);
        ASSERT(facts[i].kind > FACT_NONE && facts[i].kind < FACT_KIND_COUNT);
    }
    ASSERT(facts[0].seq > 0);
    struct writing w;
    struct error own = {0};
    writing_init(&w);
    enum status rc = writing_fill(&w, facts, count, &own);
    for (int tries = 0; rc == STATUS_OK && tries < FACTS_TRIES_MAX; tries++) {
        own = (struct error){0};
        enum status tried = facts_transact(store, city, epoch, facts[0].seq, facts[count - 1].seq, &w, &own);
        if (tried == STATUS_OK) break;
        bool lost_race = tried == STATUS_ABORTED && strcmp(own.reason, "SEQ_GAP") != 0;
        if (!lost_race || tries + 1 == FACTS_TRIES_MAX) rc = tried;
    }
    writing_deinit(&w);
    if (rc != STATUS_OK && err) *err = own;
    return rc;
}

enum status store_facts_last(struct store *store, struct city_id city, uint64_t *seq, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &LAST, &args, &res, err));
    *seq = PQntuples(res) == 1 ? (uint64_t)sql_get_i64(res, 0, 0) : 0;
    PQclear(res);
    return STATUS_OK;
}
