/* Everything at once on one city: intake on three connections, the writer, returns, the nightly close, a verifier. Nobody fails, and the books are sound at
 * every moment somebody looks. */
#include "pg_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CITY = 1, MEMBERS = 6, SECONDS = 4, INTAKES = 3, DAY = 20522 };
static atomic_bool stop;
static atomic_int failures, looks;
static atomic_uint_fast64_t accepted, delivered, reversed, closed_days;

static void told(const char *who, enum status status, const struct error *err)
{
    if (status == STATUS_OK) return;
    fprintf(stderr, "%s: %s: %s\n", who, status_name(status), err->text);
    failures++;
}

static struct store *opened(enum store_role role)
{
    struct store *store = NULL;
    struct error err = {0};
    told("open", store_open(fixture_conninfo(), role, &store, &err), &err);
    return store;
}

static void *intake(void *arg)
{
    uint32_t index = *(uint32_t *)arg;
    struct store *store = opened(STORE_ROLE_APP);
    struct rng rng;
    rng_init(&rng, index);
    for (uint32_t round = 0; store && !stop; round++) {
        struct submission batch[12];
        struct intake_result results[12];
        struct error err = {0};
        for (uint32_t i = 0; i < 12; i++) {
            char key[32];
            text_format(key, sizeof key, "t%u-%u-%u", index, round, i);
            uint32_t member = rng_below(&rng, MEMBERS);
            batch[i] = i % 4 == 3 ? fixture_test(CITY, member, key, "FLU") : fixture_prescription(CITY, member, key, i % 2 ? "AMLO" : "CEFA", 1 + rng_below(&rng, 5), rng_below(&rng, 1500));
        }
        told("intake", store_intake(store, batch, 12, FIXTURE_NOW_MS, results, &err), &err);
        for (uint32_t i = 0; i < 12; i++) {
            told("order", results[i].status, &results[i].error);
            accepted += results[i].status == STATUS_OK;
        }
    }
    store_close(store);
    return NULL;
}

/* Leads the city: takes orders from the outbox, ends each in one of the ways there are. */
static void *write_facts(void *arg)
{
    (void)arg;
    struct store *store = opened(STORE_ROLE_APP);
    struct city_id city = {CITY};
    struct error err = {0};
    uint64_t epoch = 0, seq = 0;
    told("lead", store_city_lead(store, city, "together", 60000, &epoch, &err), &err);
    while (!stop) {
        struct order orders[40];
        struct fact facts[120];
        size_t count = 0, n = 0;
        told("outbox", store_outbox_read(store, city, orders, COUNT_OF(orders), &count, &err), &err);
        for (size_t i = 0; i < count; i++) {
            bool test = orders[i].kind == ORDER_KIND_TEST, fails = orders[i].id.v % 5 == 0;
            seq++;
            facts[n] = fixture_fact(CITY, seq, FACT_ORDER_ENTERED, &orders[i], ORDER_ADJUDICATED, 1);
            facts[n++].entered = &orders[i];
            enum fact_kind kind = fails ? FACT_ORDER_CANCELLED : test ? FACT_SPECIMEN_LAB_ACCEPTED : FACT_ORDER_DELIVERED;
            seq++;
            facts[n] = fixture_fact(CITY, seq, kind, &orders[i], fails ? ORDER_CANCELLED : test ? ORDER_LAB_ACCEPTED : ORDER_DELIVERED, 2);
            if (kind == FACT_SPECIMEN_LAB_ACCEPTED) facts[n].hand.lab.v = 2;
            n++;
            if (fails || !test) continue;
            seq++;
            facts[n++] = fixture_fact(CITY, seq, FACT_SPECIMEN_REPORTED, &orders[i], ORDER_REPORTED, 3);
        }
        for (size_t i = 0; i < n; i++) facts[i].at_ms = FIXTURE_NOW_MS;
        told("facts", store_facts_write(store, city, epoch, facts, n, &err), &err);
        delivered += count;
        if (count == 0) usleep(2000);
    }
    store_close(store);
    return NULL;
}

static void *give_back(void *arg)
{
    (void)arg;
    struct store *store = opened(STORE_ROLE_APP);
    struct claim claims[50];
    struct claim_filter filter = {.state = CLAIM_POSTED};
    while (store && !stop) {
        struct error err = {0};
        size_t count = 0;
        told("claims", store_claims_list(store, (struct city_id){CITY}, &filter, claims, COUNT_OF(claims), &count, &err), &err);
        if (count == 0) usleep(2000);
        for (size_t i = 0; i < count; i++) {
            filter.after = claims[i].id;
            struct reversal_request request = {.city = {CITY}, .claim = claims[i].id, .line = 1, .quantity = 1, .source = "test:1", .actor = "pharmacy:1", .at_ms = FIXTURE_NOW_MS};
            struct reversal_answer answer;
            text_format(request.key, sizeof request.key, "back%llu", (unsigned long long)claims[i].id.v);
            told("reverse", store_claim_reverse(store, &request, &answer, &err), &err);
            reversed++;
        }
    }
    store_close(store);
    return NULL;
}

static void *night(void *arg)
{
    (void)arg;
    struct store *store = opened(STORE_ROLE_SETTLEMENT);
    for (int32_t day = DAY; store && !stop; day++) {
        struct error err = {0};
        uint32_t closed = 0;
        usleep(150000);
        told("close", store_day_close(store, (struct city_id){CITY}, day, "night", &closed, &err), &err);
        closed_days += closed;
    }
    store_close(store);
    return NULL;
}

static void *look(void *arg)
{
    (void)arg;
    struct store *store = opened(STORE_ROLE_READER);
    while (store && !stop) {
        struct ledger_fault faults[4];
        struct error err = {0};
        size_t count = 0;
        told("verify", store_ledger_verify(store, (struct city_id){CITY}, faults, COUNT_OF(faults), &count, NULL, &err), &err);
        for (size_t i = 0; i < count; i++) {
            fprintf(stderr, "fault %s claim=%llu expected=%lld found=%lld\n", faults[i].what, (unsigned long long)faults[i].claim, (long long)faults[i].expected_fen,
                    (long long)faults[i].found_fen);
            failures++;
        }
        looks++;
    }
    store_close(store);
    return NULL;
}

static void test_everything_at_once(void **state)
{
    (void)state;
    struct store *app = fixture_open(STORE_ROLE_APP);
    fixture_city(app, CITY, MEMBERS, 3000000);
    static void *(*const works[])(void *) = {write_facts, give_back, night, look};
    pthread_t threads[INTAKES + COUNT_OF(works)];
    uint32_t index[INTAKES];
    for (uint32_t i = 0; i < INTAKES; i++) {
        index[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, intake, &index[i]), 0);
    }
    for (size_t i = 0; i < COUNT_OF(works); i++) assert_int_equal(pthread_create(&threads[INTAKES + i], NULL, works[i], NULL), 0);
    usleep(SECONDS * 1000000);
    stop = true;
    for (size_t i = 0; i < COUNT_OF(threads); i++) pthread_join(threads[i], NULL);
    printf("accepted=%llu ended=%llu reversed=%llu closed=%llu looks=%d\n", (unsigned long long)accepted, (unsigned long long)delivered, (unsigned long long)reversed,
           (unsigned long long)closed_days, (int)looks);
    assert_int_equal(failures, 0);
    assert_true(accepted > 100 && delivered > 50 && reversed > 10 && closed_days > 3 && looks > 0);
    assert_books_sound(app, CITY);
    struct trial_row trial[32];
    size_t count = 0;
    int64_t sum = 0;
    assert_ok(store_trial_balance(app, (struct city_id){CITY}, INT32_MAX, INT64_MAX, trial, COUNT_OF(trial), &count, err));
    for (size_t i = 0; i < count; i++) sum += trial[i].debit_fen - trial[i].credit_fen;
    assert_int_equal(sum, 0);
    store_close(app);
}

int main(void)
{
    (void)fixture_conninfo();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_everything_at_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
