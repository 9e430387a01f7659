/* A small city in a private database, for tests that need PostgreSQL for real. Run them under tests/support/with_postgres. */
#ifndef TESTS_PG_FIXTURE_H
#define TESTS_PG_FIXTURE_H

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/store.h"

#define FIXTURE_NOW_MS INT64_C(1773129600000) /* 2026-03-10 16:00 in Shanghai */

/* The conninfo, or exit 77 with a word if the test was started without a cluster. */
const char *fixture_conninfo(void);
/* Migrate, and open as the role; fails the test if either fails. */
struct store *fixture_open(enum store_role role);
/* Keys for this process, so that orders can be taken in; fixture_open makes them. The file's path. */
void fixture_keys(void);
const char *fixture_key_file(void);
/* A city with: plan P80 (80 %, test 80 %, check-up 100 % once a year, year limit `year_limit_fen`, late 1000 fen), members M0..M<members-1> (born 1990,
 * female, policy L<n> since 2026-01-01 renewed), products AMLO (ceiling 1000 fen), CEFA (500, cold), OXY (controlled, prohibited), COSM (not covered, 300),
 * tests FLU (3990 fen) and CHECK (check-up, 10000), pharmacy 1 (payee PH1), lab 2 (payee LAB2, does FLU and CHECK), depot 3, couriers 1 and 2. */
void fixture_city(struct store *app, uint32_t city, uint32_t members, int64_t year_limit_fen);

/* A prescription: one line of `product`, for member M<member>, with this idempotency key. */
struct submission fixture_prescription(uint32_t city, uint32_t member, const char *key, const char *product, uint32_t quantity, int64_t price_fen);
struct submission fixture_test(uint32_t city, uint32_t member, const char *key, const char *test);
/* Take one in; fails the test unless it is stored. */
struct intake_result fixture_intake(struct store *app, const struct submission *submission);
/* A fact about an order, to be written with store_facts_write. */
struct fact fixture_fact(uint32_t city, uint64_t seq, enum fact_kind kind, const struct order *order, enum order_phase phase, uint32_t version);

/* Raw SQL on a connection of its own: as the owner of the cluster, or after SET ROLE. */
PGconn *fixture_raw(const char *role);
void raw_ok(PGconn *raw, const char *sql);
int64_t raw_number(PGconn *raw, const char *sql);
/* The statement must fail with this SQLSTATE (and leave nothing). */
void raw_refused(PGconn *raw, const char *sqlstate, const char *sql);
/* No faults in a city's books; prints them otherwise. */
void assert_books_sound(struct store *store, uint32_t city);

#define assert_ok(call)                                                                                                                  \
    do {                                                                                                                                 \
        struct error err_ = {0};                                                                                                         \
        struct error *err = &err_;                                                                                                       \
        enum status status_ = (call);                                                                                                    \
        if (status_ != STATUS_OK) fail_msg("%s: %s: %s [%s] %s", #call, status_name(status_), err_.text, err_.field, err_.reason);      \
    } while (0)
#define assert_status(expected, call)                                                                                                    \
    do {                                                                                                                                 \
        struct error err_ = {0};                                                                                                         \
        struct error *err = &err_;                                                                                                       \
        enum status status_ = (call);                                                                                                    \
        if (status_ != (expected)) fail_msg("%s: %s instead of %s: %s", #call, status_name(status_), status_name(expected), err_.text); \
    } while (0)

#endif
