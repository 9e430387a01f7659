/* WatchOrders: facts in commit order, resumable. A watcher first reads up from the database, page by page, then asks for the committed
 * world's number, and from there on is fed what is published; whatever was committed between is read once more, so there is no gap. */
#include "internal.h"

enum { PAGE_FACTS = 500 };

static enum status ask_page(struct api *api, struct wait *wait, struct error *err)
{
    struct question *question = question_new(QUESTION_FACTS, 0);
    question->after = wait->seq;
    question->limit = PAGE_FACTS;
    question->filter.pharmacy = wait->pharmacy;
    return api_ask(api, wait, question, err);
}

static bool wanted(const struct wait *wait, const struct fact *fact, struct facility_id pharmacy)
{
    if (fact->order.v == 0) return false;
    if (wait->order.v && wait->order.v != fact->order.v) return false;
    return wait->pharmacy.v == 0 || wait->pharmacy.v == pharmacy.v;
}

static enum status send_facts(struct rpc_call *call, Meddispatch__V1__OrderFact **facts, size_t count, uint64_t seq)
{
    Meddispatch__V1__WatchOrdersResponse response = MEDDISPATCH__V1__WATCH_ORDERS_RESPONSE__INIT;
    response.n_facts = count;
    response.facts = facts;
    response.seq = seq;
    return method_send(call, &response.base);
}

/* Reading up is paced by the reader: the next page is asked for when the last one has left. */
void order_stream_on_answer(struct wait *wait, struct rpc_call *call, const struct message *message)
{
    struct arena *arena = arena_new(64u << 20);
    Meddispatch__V1__OrderFact **facts = view_alloc(arena, message->fact_count, sizeof *facts);
    size_t count = 0;
    for (uint32_t i = 0; i < message->fact_count; i++) {
        const struct fact *fact = &message->facts[i];
        if (fact->seq <= wait->seq) continue;
        struct facility_id pharmacy = message->fact_pharmacies ? message->fact_pharmacies[i] : (struct facility_id){0};
        if (wanted(wait, fact, pharmacy)) facts[count++] = view_fact(arena, fact);
        wait->seq = fact->seq;
    }
    enum status rc = count ? send_facts(call, facts, count, wait->seq) : STATUS_OK;
    struct error err = {0};
    bool caught_up = message->fact_count < PAGE_FACTS;
    if (rc != STATUS_OK) {
        error_set(&err, rc, "too slow: read on with after_seq %llu", (unsigned long long)wait->seq);
    } else if (!caught_up) {
        rc = ask_page(wait->api, wait, &err);
    } else {
        wait->synced = true;
    }
    arena_free(arena);
    if (rc != STATUS_OK) {
        rpc_call_set_data(call, NULL);
        rpc_finish(call, &err);
        wait_end(wait);
    }
}

/* A delta that does not follow on what the watcher has (it was published while the last page was read) sends it back to reading. */
static void feed(struct api *api, struct wait *wait, struct rpc_call *call, const struct view *view)
{
    struct error err = {0};
    enum status rc = STATUS_OK;
    if (view->seq_first > wait->seq + 1) {
        wait->synced = false;
        if (!wait->asked) rc = ask_page(api, wait, &err);
    } else {
        struct arena *arena = arena_new(16u << 20);
        Meddispatch__V1__OrderFact **facts = view_alloc(arena, view->fact_count, sizeof *facts);
        size_t count = 0;
        for (uint32_t i = 0; i < view->fact_count; i++) {
            if (view->facts[i].seq <= wait->seq) continue;
            struct facility_id pharmacy = {0};
            for (uint32_t k = 0; k < view->order_count; k++)
                if (view->orders[k].id.v == view->facts[i].order.v) pharmacy = view->orders[k].pharmacy;
            if (wanted(wait, &view->facts[i], pharmacy)) facts[count++] = view_fact(arena, &view->facts[i]);
        }
        wait->seq = view->seq_last;
        if (count) rc = send_facts(call, facts, count, wait->seq);
        if (rc != STATUS_OK) error_set(&err, rc, "too slow: read on with after_seq %llu", (unsigned long long)view->seq_first - 1);
        arena_free(arena);
    }
    if (rc != STATUS_OK) {
        rpc_call_set_data(call, NULL);
        rpc_finish(call, &err);
        wait_end(wait);
    }
}

void order_stream_on_published(struct api *api, const struct view *view)
{
    if (view->fact_count == 0) return;
    for (struct wait *wait = api->order_watchers, *next; wait; wait = next) {
        next = wait->next;
        if (!wait->synced) continue;
        struct rpc_call *call = rpc_call_find(api->server, wait->ref);
        if (call) feed(api, wait, call, view);
    }
}

enum status order_stream_on_request(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__WatchOrdersRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    if (api->watcher_count >= WATCHERS_MAX) return error_set(err, STATUS_RESOURCE_EXHAUSTED, "at most %d watchers at once", WATCHERS_MAX);
    if (request->from_now && request->after_seq) return error_field(err, "after_seq", "must be 0 with from_now");
    if (request->after_seq > INT64_MAX) return error_field(err, "after_seq", "is no sequence number");
    wait->pharmacy.v = request->pharmacy_id;
    wait->order.v = request->order_id;
    wait->seq = request->from_now ? engine_committed_seq(api->engine) : request->after_seq;
    watch_add(api, &api->order_watchers, wait);
    return ask_page(api, wait, err);
}
