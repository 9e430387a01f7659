/* Sixty-four clients at once on one member, through two processes with an intake each, as two daemons on one database have: at the edge of the annual cap,
 * of a count limit, of the refill rule, and with one prescription for all. Not a fen over, not one too many, never the same unit twice, and nobody is sent
 * away with an error. Built a second time without the row lock (EXPECT_BROKEN), the same edges must break: else this test would prove nothing.
 *
 *   test_pg_race            sets up, starts itself twice as `test_pg_race FIRST_CLIENT EDGE`, lets all clients go at one moment, and counts. */
#include "pg_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CITY = 1, PROCESSES = 2, CLIENTS_EACH = 32, CLIENTS = PROCESSES * CLIENTS_EACH, YEAR_LIMIT_FEN = 10007, ROUNDS = 2 };
enum edge { EDGE_CAP, EDGE_COUNT, EDGE_REFILL, EDGE_PRESCRIPTION, EDGES };
static const char *const EDGE_NAMES[EDGES] = {"cap", "count", "refill", "prescription"};

static uint32_t member_of(enum edge edge, uint32_t round)
{
    return (uint32_t)edge * ROUNDS + round;
}

static struct submission order_of(enum edge edge, uint32_t round, uint32_t client)
{
    char key[32];
    uint32_t member = member_of(edge, round);
    text_format(key, sizeof key, "%s-%u-%u", EDGE_NAMES[edge], round, client);
    if (edge == EDGE_COUNT) return fixture_test(CITY, member, key, "CHECK");
    struct submission s = fixture_prescription(CITY, member, key, "AMLO", 1, edge == EDGE_CAP ? 401 + client : 900);
    s.lines[0].days_supply = 7;
    if (edge == EDGE_CAP || edge == EDGE_PRESCRIPTION) text_format(s.lines[0].override_code, sizeof s.lines[0].override_code, "LOST");
    if (edge == EDGE_PRESCRIPTION) text_format(s.prescription.number, sizeof s.prescription.number, "ONE-FOR-ALL-%u", round);
    return s;
}

/* ---- a process with its intake: as many threads as clients ---- */

struct client {
    struct store *store;
    enum edge edge;
    uint32_t index;
    bool failed;
};
static pthread_barrier_t go; /* all clients of a process, and its main thread when the word comes */

/* A busy machine may cut a wait short: with the same key, asking again is what a caller does. */
static enum status ask(struct store *store, const struct submission *s, struct intake_result *result, struct error *err)
{
    enum status rc = STATUS_OK;
    for (int tries = 0; tries < 20; tries++) {
        *err = (struct error){0};
        rc = store_intake(store, s, 1, FIXTURE_NOW_MS, result, err);
        if (rc == STATUS_OK) rc = result->status;
        if (rc != STATUS_UNAVAILABLE && rc != STATUS_ABORTED) break;
    }
    if (rc != STATUS_OK && !err->text[0]) *err = result->error;
    return rc;
}

static void *client_run(void *arg)
{
    struct client *c = arg;
    (void)pthread_barrier_wait(&go);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct submission s = order_of(c->edge, round, c->index);
        struct intake_result result;
        struct error err;
        enum status rc = ask(c->store, &s, &result, &err);
        if (rc == STATUS_OK) continue;
        fprintf(stderr, "client %u: %s: %s\n", c->index, status_name(rc), err.text);
        c->failed = true;
    }
    return NULL;
}

/* Says "r" when all are ready, goes when its input closes. */
static int process_run(uint32_t first, enum edge edge)
{
    static struct client clients[CLIENTS_EACH];
    pthread_t threads[CLIENTS_EACH];
    char byte;
    int failed = 0;
    if (pthread_barrier_init(&go, NULL, CLIENTS_EACH + 1) != 0) return 1;
    fixture_keys();
    for (uint32_t i = 0; i < CLIENTS_EACH; i++) {
        struct error err = {0};
        clients[i] = (struct client){.edge = edge, .index = first + i};
        enum status rc = STATUS_UNAVAILABLE;
        for (int tries = 0; rc == STATUS_UNAVAILABLE && tries < 20; tries++) rc = store_open(fixture_conninfo(), STORE_ROLE_APP, &clients[i].store, &err);
        if (rc != STATUS_OK) {
            fprintf(stderr, "client %u: %s\n", first + i, err.text);
            return 1;
        }
        if (pthread_create(&threads[i], NULL, client_run, &clients[i]) != 0) return 1;
    }
    if (write(STDOUT_FILENO, "r", 1) != 1) return 1;
    while (read(STDIN_FILENO, &byte, 1) > 0) {}
    (void)pthread_barrier_wait(&go);
    for (uint32_t i = 0; i < CLIENTS_EACH; i++) {
        pthread_join(threads[i], NULL);
        failed += clients[i].failed;
        store_close(clients[i].store);
    }
    return failed ? 2 : 0;
}

struct child {
    pid_t pid;
    int in, out;
};

static struct child child_start(const char *self, uint32_t first, enum edge edge)
{
    int in[2], out[2];
    char first_text[16], edge_text[16];
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    text_format(first_text, sizeof first_text, "%u", first);
    text_format(edge_text, sizeof edge_text, "%d", (int)edge);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        execl(self, self, first_text, edge_text, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    return (struct child){pid, in[1], out[0]};
}

/* All clients of both processes at one moment; how many processes had a client that was sent away. */
static int run_edge(const char *self, enum edge edge)
{
    struct child children[PROCESSES];
    int failed = 0;
    for (uint32_t p = 0; p < PROCESSES; p++) children[p] = child_start(self, p * CLIENTS_EACH, edge);
    for (uint32_t p = 0; p < PROCESSES; p++) {
        char byte;
        assert_int_equal(read(children[p].out, &byte, 1), 1);
    }
    for (uint32_t p = 0; p < PROCESSES; p++) close(children[p].in);
    for (uint32_t p = 0; p < PROCESSES; p++) {
        int status;
        assert_int_equal(waitpid(children[p].pid, &status, 0), children[p].pid);
        close(children[p].out);
        assert_true(WIFEXITED(status));
        assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 2);
        failed += WEXITSTATUS(status) == 2;
    }
    return failed;
}

/* ---- counting ---- */

static int64_t of_member(PGconn *raw, const char *what, uint32_t member)
{
    char sql[400];
    text_format(sql, sizeof sql, "SELECT %s FROM claim c JOIN member m USING (city_id, member_id) WHERE m.code = 'M%u'", what, member);
    return raw_number(raw, sql);
}

static uint32_t wrong(const char *what, uint32_t round, int64_t wanted, int64_t found)
{
    if (wanted == found) return 0;
    fprintf(stderr, "round %u: %s: %lld instead of %lld\n", round, what, (long long)found, (long long)wanted);
    return 1;
}

static uint32_t count_wrongs(PGconn *raw, enum edge edge, uint32_t round)
{
    uint32_t member = member_of(edge, round);
    int64_t claims = of_member(raw, "count(*)", member), held = of_member(raw, "count(*) FILTER (WHERE state = 2)", member);
    int64_t paid = of_member(raw, "count(*) FILTER (WHERE benefit_fen > 0)", member), fen = of_member(raw, "sum(benefit_fen)::bigint", member);
    char sql[200];
    text_format(sql, sizeof sql, "SELECT pending_fen FROM member_year y JOIN member m USING (city_id, member_id) WHERE m.code = 'M%u'", member);
    int64_t pending = raw_number(raw, sql);
    uint32_t wrongs = wrong("claims and account differ", round, fen, pending);
    switch (edge) {
    case EDGE_CAP: return wrongs + wrong("fen given at the cap", round, YEAR_LIMIT_FEN, fen) + wrong("orders answered", round, CLIENTS + 1, claims);
    case EDGE_COUNT: return wrongs + wrong("check-ups paid", round, 1, paid) + wrong("orders answered", round, CLIENTS + 1, claims);
    case EDGE_REFILL: return wrongs + wrong("supplies given", round, 2, held) + wrong("orders answered", round, CLIENTS + 1, claims);
    case EDGE_PRESCRIPTION: return wrongs + wrong("orders on one prescription", round, 2, held) + wrong("orders answered", round, CLIENTS + 1, claims);
    case EDGES: break;
    }
    return wrongs;
}

/* ---- the test ---- */

static const char *self_path;

static void put_plan_with_refills(struct store *app)
{
    struct plan_row plan = {.plan = "P80", .name = "race", .promise_s = 10800};
    plan.terms = (struct claims_plan){.age_max_years = 60, .prescription_days_max = 3, .drugs_max = 5, .supply_days = 7, .supply_emergency_days = 3,
                                      .supply_chronic_days = 28, .supply_override_days = 84, .year_limit_fen = YEAR_LIMIT_FEN, .refill_bps = 7500};
    for (int b = BENEFIT_MEDICINE; b <= BENEFIT_CHECKUP; b++) plan.terms.benefit[b].rate_bps = b == BENEFIT_CHECKUP ? 10000 : 8000;
    plan.terms.benefit[BENEFIT_CHECKUP].count_max = 1;
    plan.terms.benefit[BENEFIT_CHECKUP].claim_cap_fen = 9000;
    assert_ok(store_plans_put(app, (struct city_id){CITY}, &plan, 1, 1000, NULL, err));
}

/* The account is there before the race: its making is another lock. Nothing that the edge is about is used. */
static void warm_up(struct store *app, enum edge edge, uint32_t round)
{
    struct submission s = order_of(edge, round, 1000);
    if (edge == EDGE_PRESCRIPTION) text_format(s.prescription.number, sizeof s.prescription.number, "ANOTHER-%u", round);
    if (edge == EDGE_REFILL) s.lines[0].price_fen = 0;
    if (edge == EDGE_COUNT) { /* nothing of the count is used: a prescription opens the account */
        char key[32];
        text_format(key, sizeof key, "open-%u", round);
        s = fixture_prescription(CITY, member_of(edge, round), key, "CEFA", 1, 0);
    }
    if (edge == EDGE_REFILL) (void)text_copy(s.lines[0].product, sizeof s.lines[0].product, "COSM");
    (void)fixture_intake(app, &s);
}

static void test_never_a_fen_over_and_never_one_too_many(void **state)
{
    (void)state;
    struct store *app = fixture_open(STORE_ROLE_APP);
    PGconn *raw = fixture_raw(NULL);
    fixture_city(app, CITY, EDGES * ROUNDS, YEAR_LIMIT_FEN);
    put_plan_with_refills(app);
    for (uint32_t member = 0; member < EDGES * ROUNDS; member++) { /* the mutant makes no accounts: they are there before */
        char sql[120];
        text_format(sql, sizeof sql, "SELECT intake_lock(ARRAY[%d], ARRAY['M%u'], ARRAY[%lld])", CITY, member, (long long)FIXTURE_NOW_MS);
        raw_ok(raw, sql);
    }
    uint32_t wrongs = 0;
    for (int edge = 0; edge < EDGES; edge++) {
        for (uint32_t round = 0; round < ROUNDS; round++) warm_up(app, (enum edge)edge, round);
        int sent_away = run_edge(self_path, (enum edge)edge);
        if (sent_away) fprintf(stderr, "%s: clients were sent away\n", EDGE_NAMES[edge]);
        wrongs += (uint32_t)sent_away;
        for (uint32_t round = 0; round < ROUNDS; round++) wrongs += count_wrongs(raw, (enum edge)edge, round);
    }
#ifdef EXPECT_BROKEN
    if (wrongs == 0) fail_msg("without the row lock nothing broke: this test sees nothing");
    fprintf(stderr, "without the row lock: %u things went wrong, as they must\n", wrongs);
#else
    assert_int_equal(wrongs, 0);
    assert_books_sound(app, CITY);
#endif
    store_close(app);
    PQfinish(raw);
}

int main(int argc, char **argv)
{
    int64_t first, edge;
    if (argc == 3 && text_to_i64(argv[1], 0, CLIENTS, &first) && text_to_i64(argv[2], 0, EDGES - 1, &edge)) return process_run((uint32_t)first, (enum edge)edge);
    self_path = argv[0];
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_never_a_fen_over_and_never_one_too_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
