/* How fast orders are taken in and facts written. Not a test: run it under `with_postgres --durable`.
 *   bench_pg_store [orders a transaction] [connections] [seconds] */
#include "pg_fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMBERS = 5000 };
struct worker {
    pthread_t thread;
    uint32_t index, batch;
    int64_t until_us;
    uint64_t orders, facts;
    int64_t intake_us, facts_us;
    bool failed;
};

/* Intake, then the whole life of each order as facts: entered, approved, ready, a route, assigned, taken, picked up, arrived, delivered. */
static void *work(void *arg)
{
    static const struct { enum fact_kind kind; enum order_phase phase; } life[] = {
        {FACT_ORDER_ENTERED, ORDER_ADJUDICATED}, {FACT_ORDER_APPROVED, ORDER_APPROVED}, {FACT_ORDER_READY, ORDER_READY}, {FACT_ORDER_ASSIGNED, ORDER_ASSIGNED},
        {FACT_ORDER_TAKEN, ORDER_ACCEPTED}, {FACT_ORDER_PICKED_UP, ORDER_PICKED_UP}, {FACT_STOP_ARRIVED, ORDER_ARRIVED}, {FACT_ORDER_DELIVERED, ORDER_DELIVERED}};
    struct worker *w = arg;
    struct store *store = NULL;
    struct error err = {0};
    struct city_id city = {w->index + 1};
    uint64_t epoch = 0, seq = 0;
    struct submission *batch = mem_zalloc(w->batch, sizeof *batch);
    struct intake_result *results = mem_zalloc(w->batch, sizeof *results);
    struct fact *facts = mem_zalloc(w->batch, sizeof *facts);
    w->failed = store_open(fixture_conninfo(), STORE_ROLE_APP, &store, &err) != STATUS_OK || store_city_lead(store, city, "bench", 60000, &epoch, &err) != STATUS_OK;
    for (uint32_t round = 0; !w->failed && clock_boot_us() < w->until_us; round++) {
        for (uint32_t i = 0; i < w->batch; i++) {
            char key[32];
            text_format(key, sizeof key, "%u-%u", round, i);
            batch[i] = fixture_prescription(city.v, (round * w->batch + i) % MEMBERS, key, i % 2 ? "AMLO" : "CEFA", 1 + i % 3, 900);
            batch[i].line_count = 2;
            batch[i].lines[1] = batch[i].lines[0];
        }
        int64_t start_us = clock_boot_us();
        w->failed |= store_intake(store, batch, w->batch, FIXTURE_NOW_MS, results, &err) != STATUS_OK;
        for (uint32_t i = 0; i < w->batch; i++) w->failed |= results[i].status != STATUS_OK || results[i].order.phase != ORDER_ADJUDICATED;
        int64_t middle_us = clock_boot_us();
        for (size_t step = 0; step < COUNT_OF(life) && !w->failed; step++) {
            for (uint32_t i = 0; i < w->batch; i++) {
                seq++;
                facts[i] = fixture_fact(city.v, seq, life[step].kind, &results[i].order, life[step].phase, (uint32_t)step + 1);
                facts[i].at_ms = FIXTURE_NOW_MS;
                facts[i].courier.v = 1;
                if (life[step].kind == FACT_ORDER_ENTERED) facts[i].entered = &results[i].order;
                if (life[step].kind == FACT_STOP_ARRIVED) facts[i].arrived.stop = STOP_HOME;
            }
            w->failed |= store_facts_write(store, city, epoch, facts, w->batch, &err) != STATUS_OK;
        }
        w->intake_us += middle_us - start_us;
        w->facts_us += clock_boot_us() - middle_us;
        w->orders += w->batch;
        w->facts += w->batch * COUNT_OF(life);
    }
    if (w->failed) fprintf(stderr, "%s %s\n", err.text, results[0].error.text);
    store_close(store);
    free(batch);
    free(results);
    free(facts);
    return NULL;
}

int main(int argc, char **argv)
{
    int64_t batch = 100, connections = 1, seconds = 5;
    if ((argc > 1 && !text_to_i64(argv[1], 1, STORE_INTAKE_MAX, &batch)) || (argc > 2 && !text_to_i64(argv[2], 1, 16, &connections)) ||
        (argc > 3 && !text_to_i64(argv[3], 1, 600, &seconds)))
        return 2;
    struct worker workers[16] = {0};
    struct store *app = fixture_open(STORE_ROLE_APP);
    for (uint32_t i = 0; i < (uint32_t)connections; i++) fixture_city(app, i + 1, MEMBERS, INT64_C(10000000000));
    int64_t start_us = clock_boot_us();
    for (uint32_t i = 0; i < (uint32_t)connections; i++) {
        workers[i] = (struct worker){.index = i, .batch = (uint32_t)batch, .until_us = start_us + seconds * 1000000};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i])) return 1;
    }
    double orders = 0, facts = 0, intake_s = 0, facts_s = 0;
    for (int64_t i = 0; i < connections; i++) {
        pthread_join(workers[i].thread, NULL);
        if (workers[i].failed) return 1;
        orders += (double)workers[i].orders;
        facts += (double)workers[i].facts;
        intake_s += (double)workers[i].intake_us / 1e6;
        facts_s += (double)workers[i].facts_us / 1e6;
    }
    double wall_s = (double)(clock_boot_us() - start_us) / 1e6;
    printf("batch=%lld connections=%lld: intake %.0f orders/s and facts %.0f/s a connection while busy; whole lives %.0f orders/s\n", (long long)batch,
           (long long)connections, orders / intake_s, facts / facts_s, orders / wall_s);
    store_close(app);
    return 0;
}
