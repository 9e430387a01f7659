/* Whose data it is, held against the real database: what lies sealed, keys that turn over under load, a member who is erased, what each role sees and what it can't be
 * talked into, and a log of reads that shows every change. */
#include "pg_fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CITY = 1, OTHER_CITY = 2, MEMBERS = 40 };
static struct store *app, *owner_store;
static PGconn *root;

static struct submission order_of(uint32_t city, uint32_t member, const char *key)
{
    struct submission s = fixture_prescription(city, member, key, "COSM", 1, 300);
    (void)text_copy(s.recipient.name, sizeof s.recipient.name, "ZHANG-PLANTED 张某");
    (void)text_copy(s.recipient.phone, sizeof s.recipient.phone, "13977665544");
    (void)text_copy(s.recipient.address, sizeof s.recipient.address, "PLANTED ROAD 77 植入路");
    return s;
}

static int setup(void **state)
{
    (void)state;
    app = fixture_open(STORE_ROLE_APP);
    owner_store = fixture_open(STORE_ROLE_OWNER);
    root = fixture_raw(NULL);
    fixture_city(app, CITY, MEMBERS, 100000000);
    fixture_city(app, OTHER_CITY, MEMBERS, 100000000);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_close(app);
    store_close(owner_store);
    PQfinish(root);
    return 0;
}

/* `text` with @ replaced by a number. */
static void fill(char out[500], const char *text, uint64_t value)
{
    size_t at = strcspn(text, "@");
    ASSERT(text[at] == '@');
    text_format(out, 500, "%.*s%llu%s", (int)at, text, (unsigned long long)value, text + at + 1);
}

static int64_t number(const char *text, uint64_t value)
{
    char sql[500];
    fill(sql, text, value);
    return raw_number(root, sql);
}

static void execute(const char *text, uint64_t value)
{
    char sql[500];
    fill(sql, text, value);
    raw_ok(root, sql);
}

/* ---- sealed ---- */

static void test_contact_lies_sealed_and_bound_to_its_order(void **state)
{
    (void)state;
    struct submission a = order_of(CITY, 0, "sealed-a"), b = order_of(CITY, 0, "sealed-b");
    struct intake_result first = fixture_intake(app, &a), second = fixture_intake(app, &b);
    struct recipient to;
    uint64_t one = first.order.id.v, two = second.order.id.v;
    assert_ok(store_order_contact(app, a.city, first.order.id, "courier:1", "", FIXTURE_NOW_MS, &to, err));
    assert_string_equal(to.name, a.recipient.name);
    assert_string_equal(to.phone, a.recipient.phone);
    assert_string_equal(to.address, a.recipient.address);
    assert_int_equal(to.at.lat_e7, a.recipient.at.lat_e7);
    assert_int_equal(number("SELECT count(*) FROM order_contact WHERE order_id = @ AND name IS NULL AND phone IS NULL AND address IS NULL AND lat_e7 IS NULL AND "
                            "position('\\x504c414e544544'::bytea IN sealed) = 0", one), 1); /* PLANTED */
    assert_int_equal(number("SELECT count(DISTINCT octet_length(sealed)) FROM order_contact WHERE order_id >= @", one), 1);
    PGconn *as_app = fixture_raw("meddispatch_app");
    raw_refused(as_app, "42501", "INSERT INTO order_contact (city_id, order_id, name, phone, address, lat_e7, lon_e7) VALUES (1, 1, 'a', 'b', 'c', 1, 1)");
    raw_refused(as_app, "42501", "SELECT sealed FROM person");
    raw_refused(as_app, "42501", "UPDATE person_key SET wrapped = NULL");
    raw_refused(as_app, "42501", "DELETE FROM person_key");
    raw_refused(as_app, "42501", "SELECT person_erase(1, 'M0', 'me')");
    PQfinish(as_app);
    /* one order's contact put in another's place, a changed byte, and another member's key are all seen */
    execute("UPDATE order_contact SET sealed = (SELECT x.sealed FROM order_contact x WHERE x.city_id = 1 AND x.order_id = @) WHERE sealed IS NOT NULL AND "
            "city_id = 1 AND order_id = (SELECT max(order_id) FROM order_contact WHERE city_id = 1)", one);
    assert_status(STATUS_DATA_LOSS, store_order_contact(app, b.city, second.order.id, "courier:1", "", FIXTURE_NOW_MS, &to, err));
    assert_int_equal(to.name[0], 0);
    execute("UPDATE order_contact SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) WHERE order_id = @", one);
    assert_status(STATUS_DATA_LOSS, store_order_contact(app, a.city, first.order.id, "courier:1", "", FIXTURE_NOW_MS, &to, err));
    execute("UPDATE order_contact SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) WHERE order_id = @", one);
    execute("UPDATE person_key SET wrapped = set_byte(wrapped, 1, get_byte(wrapped, 1) # 1) WHERE member_id = (SELECT member_id FROM orders WHERE order_id = @)", one);
    assert_status(STATUS_DATA_LOSS, store_order_contact(app, a.city, first.order.id, "courier:1", "", FIXTURE_NOW_MS, &to, err));
    execute("UPDATE person_key SET wrapped = set_byte(wrapped, 1, get_byte(wrapped, 1) # 1) WHERE member_id = (SELECT member_id FROM orders WHERE order_id = @)", one);
    assert_ok(store_order_contact(app, a.city, first.order.id, "courier:1", "", FIXTURE_NOW_MS, &to, err));
    execute("DELETE FROM order_contact WHERE order_id = @", two);
}

static void test_who_a_member_is_is_sealed_and_every_look_is_recorded(void **state)
{
    (void)state;
    struct person_row rows[] = {{"M7", {"LI-PLANTED", "13811112222", "PLANTED LANE 9", "110101199003077777"}}, {"M8", {"WANG", "", "", ""}},
                                {"M8", {"WANG-LATER", "139", "here", "11010119900307888X"}}};
    struct person person;
    assert_ok(store_persons_put(app, (struct city_id){CITY}, rows, COUNT_OF(rows), err));
    assert_ok(store_persons_put(app, (struct city_id){CITY}, rows, COUNT_OF(rows), err)); /* again is fine */
    int64_t before = raw_number(root, "SELECT count(*) FROM access_log WHERE what = 'person'");
    assert_ok(store_person_read(owner_store, (struct city_id){CITY}, "M7", "admin:1", "asked by the member", FIXTURE_NOW_MS, &person, err));
    assert_string_equal(person.identity_number, "110101199003077777");
    assert_ok(store_person_read(owner_store, (struct city_id){CITY}, "M8", "admin:1", "asked by the member", FIXTURE_NOW_MS, &person, err));
    assert_string_equal(person.name, "WANG-LATER");
    assert_status(STATUS_INVALID_ARGUMENT, store_person_read(owner_store, (struct city_id){CITY}, "M7", "admin:1", "", FIXTURE_NOW_MS, &person, err));
    assert_status(STATUS_NOT_FOUND, store_person_read(owner_store, (struct city_id){CITY}, "M9", "admin:1", "why", FIXTURE_NOW_MS, &person, err));
    assert_int_equal(raw_number(root, "SELECT count(*) FROM access_log WHERE what = 'person' AND reason <> ''"), before + 3);
    rows[1] = (struct person_row){"NOBODY", {"x", "", "", ""}};
    assert_status(STATUS_NOT_FOUND, store_persons_put(app, (struct city_id){CITY}, rows, COUNT_OF(rows), err));
}

/* ---- keys turn over while orders come in ---- */

struct taker {
    uint32_t index, orders, failed;
    volatile bool *stop;
};

static void *take_in(void *arg)
{
    struct taker *t = arg;
    struct store *store = NULL;
    struct error own;
    if (store_open(fixture_conninfo(), STORE_ROLE_APP, &store, &own) != STATUS_OK) t->failed = 1000;
    for (uint32_t round = 0; !*t->stop && t->failed == 0; round++) {
        struct submission batch[10];
        struct intake_result results[10];
        for (uint32_t i = 0; i < 10; i++) {
            char key[32];
            text_format(key, sizeof key, "turn-%u-%u-%u", t->index, round, i);
            batch[i] = order_of(OTHER_CITY, (t->index * 7 + round * 3 + i) % MEMBERS, key); /* both takers meet new members */
        }
        if (store_intake(store, batch, 10, FIXTURE_NOW_MS, results, &own) != STATUS_OK) t->failed++;
        for (uint32_t i = 0; i < 10; i++) {
            if (results[i].status == STATUS_OK) t->orders++;
            else t->failed++;
        }
    }
    store_close(store);
    return NULL;
}

static void test_keys_turn_over_while_orders_come_in(void **state)
{
    (void)state;
    struct store_key keys[STORE_KEYS_MAX];
    uint32_t newest = 0, count, orders = 0;
    uint64_t resealed, uses;
    volatile bool stop = false;
    pthread_t threads[2];
    struct taker takers[2] = {{.index = 0, .stop = &stop}, {.index = 1, .stop = &stop}};
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, take_in, &takers[i]), 0);
    for (int turn = 0; turn < 4; turn++) {
        usleep(50000);
        assert_ok(store_keys_add(fixture_key_file(), &newest, err));
        assert_ok(store_keys_reseal(owner_store, &resealed, err));
    }
    stop = true;
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(takers[i].failed, 0);
        orders += takers[i].orders;
    }
    assert_true(orders > 0);
    /* what was sealed by an old key in the moment of the turn is found, then the old keys go */
    assert_ok(store_keys_reseal(owner_store, &resealed, err));
    assert_ok(store_keys_list(fixture_key_file(), keys, &count, err));
    assert_int_equal(count, 5);
    assert_status(STATUS_FAILED_PRECONDITION, store_keys_drop(fixture_key_file(), newest, err));
    for (uint32_t i = 0; i + 1 < count; i++) {
        assert_ok(store_key_uses(owner_store, keys[i].id, &uses, err));
        assert_int_equal(uses, 0);
        assert_ok(store_keys_drop(fixture_key_file(), keys[i].id, err));
    }
    PGresult *all = PQexec(root, "SELECT city_id, order_id FROM order_contact");
    for (int row = 0; row < PQntuples(all); row++) {
        struct recipient to;
        int64_t city = 0, order = 0;
        assert_true(text_to_i64(PQgetvalue(all, row, 0), 1, INT32_MAX, &city) && text_to_i64(PQgetvalue(all, row, 1), 1, INT64_MAX, &order));
        assert_ok(store_order_contact(app, (struct city_id){(uint32_t)city}, (struct order_id){(uint64_t)order}, "auditor:1", "", FIXTURE_NOW_MS, &to, err));
        assert_string_equal(to.phone, "13977665544");
    }
    assert_true(PQntuples(all) >= (int)orders);
    PQclear(all);
}

static void test_key_file_is_refused_when_it_is_none(void **state)
{
    (void)state;
    char path[64], other[80];
    uint32_t id;
    text_format(path, sizeof path, "/tmp/meddispatch-keys-test.%d", (int)getpid());
    text_format(other, sizeof other, "%s.2", path);
    assert_ok(store_keys_create(path, &id, err));
    assert_status(STATUS_ALREADY_EXISTS, store_keys_create(path, &id, err));
    assert_status(STATUS_NOT_FOUND, store_keys_use(other, err));
    assert_int_equal(chmod(path, 0644), 0);
    assert_status(STATUS_INVALID_ARGUMENT, store_keys_use(path, err));
    static const char *const WRONG[] = {"", "# only words\n", "5 1 00\n", "1 1 0000000000000000000000000000000000000000000000000000000000000000\n", "x\n"};
    for (size_t i = 0; i < COUNT_OF(WRONG); i++) {
        FILE *file = fopen(other, "we");
        assert_non_null(file);
        fputs(WRONG[i], file);
        fclose(file);
        assert_int_equal(chmod(other, 0600), 0);
        assert_status(STATUS_INVALID_ARGUMENT, store_keys_use(other, err));
    }
    unlink(path);
    unlink(other);
}

/* ---- erased ---- */

static void test_erased_member_is_gone_and_the_books_stand(void **state)
{
    (void)state;
    struct submission s = order_of(CITY, 3, "erase-1"), again = order_of(CITY, 3, "erase-2");
    s.lines[0] = fixture_prescription(CITY, 3, "x", "AMLO", 2, 900).lines[0];
    struct person_row who = {"M3", {"GONE", "1390000", "nowhere", "1"}};
    struct intake_result r = fixture_intake(app, &s);
    struct recipient to;
    struct person person;
    struct claims_replay replay;
    struct claim claim;
    bool done;
    assert_true(r.claim.benefit_fen > 0);
    assert_ok(store_persons_put(app, s.city, &who, 1, err));
    assert_status(STATUS_FAILED_PRECONDITION, store_person_erase(owner_store, s.city, "M3", "admin:1", &done, err)); /* something is on its way to him */
    assert_ok(store_order_contact(app, s.city, r.order.id, "courier:1", "", FIXTURE_NOW_MS, &to, err));
    execute("UPDATE orders SET ended_ms = 5 WHERE order_id = @", r.order.id.v);
    assert_ok(store_person_erase(owner_store, s.city, "M3", "admin:1", &done, err));
    assert_true(done);
    assert_ok(store_person_erase(owner_store, s.city, "M3", "admin:1", &done, err));
    assert_false(done);
    assert_status(STATUS_NOT_FOUND, store_person_erase(owner_store, s.city, "NOBODY", "admin:1", &done, err));
    assert_status(STATUS_NOT_FOUND, store_order_contact(app, s.city, r.order.id, "courier:1", "", FIXTURE_NOW_MS, &to, err));
    assert_status(STATUS_NOT_FOUND, store_person_read(owner_store, s.city, "M3", "admin:1", "why", FIXTURE_NOW_MS, &person, err));
    assert_status(STATUS_FAILED_PRECONDITION, store_persons_put(app, s.city, &who, 1, err));
    struct intake_result refused;
    assert_ok(store_intake(app, &again, 1, FIXTURE_NOW_MS, &refused, err));
    assert_int_equal(refused.status, STATUS_FAILED_PRECONDITION);
    assert_string_equal(refused.error.reason, "ERASED");
    /* one who never ordered cannot come back either */
    assert_ok(store_person_erase(owner_store, s.city, "M39", "admin:1", &done, err));
    assert_true(done);
    again = order_of(CITY, 39, "erase-3");
    assert_ok(store_intake(app, &again, 1, FIXTURE_NOW_MS, &refused, err));
    assert_int_equal(refused.status, STATUS_FAILED_PRECONDITION);
    /* claims, entries, the chain: all there, and the claim is decided again to the byte */
    assert_books_sound(app, CITY);
    assert_ok(store_claim_of_order(app, s.city, r.order.id, &claim, err));
    assert_int_equal(claim.benefit_fen, r.claim.benefit_fen);
    assert_ok(store_claims_replay(app, s.city, (struct claim_id){0}, &replay, err));
    assert_true(replay.checked > 0);
    assert_int_equal(replay.differing_count, 0);
    assert_int_equal(raw_number(root, "SELECT count(*) FROM person_key k JOIN member m USING (city_id, member_id) WHERE m.code = 'M3' AND m.city_id = 1 AND wrapped IS NULL AND erased_by = 'admin:1'"), 1);
}

/* Rows from before there were keys: read as they are, and sealed by a command. */
static void test_contacts_from_before_are_sealed_by_a_command(void **state)
{
    (void)state;
    struct submission s = order_of(CITY, 11, "legacy-1"), t = order_of(CITY, 12, "legacy-2");
    struct intake_result r = fixture_intake(app, &s), q = fixture_intake(app, &t);
    struct recipient to;
    uint64_t count;
    execute("UPDATE order_contact SET sealed = NULL, name = 'OLD', phone = '123', address = 'street', lat_e7 = 5, lon_e7 = 6 WHERE order_id >= @ AND city_id = 1", r.order.id.v);
    execute("DELETE FROM person_key WHERE member_id = (SELECT member_id FROM orders WHERE order_id = @) AND NOT EXISTS (SELECT FROM person p WHERE p.member_id = person_key.member_id)", q.order.id.v);
    assert_ok(store_order_contact(app, s.city, r.order.id, "courier:1", "", FIXTURE_NOW_MS, &to, err));
    assert_string_equal(to.name, "OLD");
    assert_ok(store_contacts_seal(owner_store, &count, err));
    assert_int_equal(count, 2);
    assert_int_equal(raw_number(root, "SELECT count(*) FROM order_contact WHERE sealed IS NULL OR name IS NOT NULL"), 0);
    for (int i = 0; i < 2; i++) {
        assert_ok(store_order_contact(app, s.city, i ? q.order.id : r.order.id, "courier:1", "", FIXTURE_NOW_MS, &to, err));
        assert_string_equal(to.name, "OLD");
        assert_int_equal(to.at.lon_e7, 6);
    }
}

/* ---- row security ---- */

static struct caller caller_make(enum role role, const char *secret, uint32_t city, uint64_t facility, uint64_t courier, const char *source)
{
    struct caller caller = {.city = {city}, .kind = CREDENTIAL_TOKEN, .role = role, .facility = {(uint32_t)facility}, .courier = {courier}, .expires_ms = clock_real_ms() + 3600000};
    struct sha256 digest = hash_sha256(secret, strlen(secret));
    memcpy(caller.digest, digest.byte, sizeof caller.digest);
    (void)text_copy(caller.subject, sizeof caller.subject, secret);
    (void)text_copy(caller.source, sizeof caller.source, source);
    assert_ok(store_caller_add(owner_store, &caller, &caller.id, err));
    return caller;
}

/* A connection that has taken the role by SQL, and entered by the caller's digest if there is one. */
static PGconn *eyes(const char *role, uint32_t city, const char *secret)
{
    PGconn *raw = fixture_raw(role);
    if (!secret) return raw;
    struct sha256 digest = hash_sha256(secret, strlen(secret));
    char hex[65], sql[160];
    hash_hex(digest.byte, sizeof digest.byte, hex);
    text_format(sql, sizeof sql, "SELECT scope_enter(%u, '\\x%s')", city, hex);
    raw_ok(raw, sql);
    return raw;
}

static const char *const READ_TABLES[] = {"orders", "order_line", "order_event", "claim", "claim_line", "member", "order_contact", "person_key", "access_log", "policy", "member_year",
                                          "claim_basis", "claim_override", "claim_reversal", "person", "prescription_use", "outbox"};

/* -1: the role has no right to the table at all */
static int64_t rows_seen(PGconn *raw, const char *table)
{
    char sql[100];
    text_format(sql, sizeof sql, "SELECT count(city_id) FROM %s", table);
    PGresult *res = PQexec(raw, sql);
    int64_t seen = -1;
    if (PQresultStatus(res) == PGRES_TUPLES_OK) assert_true(text_to_i64(PQgetvalue(res, 0, 0), 0, INT64_MAX, &seen));
    else assert_string_equal(PQresultErrorField(res, PG_DIAG_SQLSTATE), "42501");
    PQclear(res);
    return seen;
}

static void sees_nothing(PGconn *raw, const char *how)
{
    for (size_t i = 0; i < COUNT_OF(READ_TABLES); i++)
        if (rows_seen(raw, READ_TABLES[i]) > 0) fail_msg("%s sees rows of %s", how, READ_TABLES[i]);
}

static void test_row_security_shows_nothing_to_whoever_only_says_who_he_is(void **state)
{
    (void)state;
    static const char *const ROLES[] = {"pharmacy", "lab", "clinic", "courier", "dispatcher", "clerk", "admin", "auditor"};
    struct submission s = order_of(CITY, 20, "rls-seen");
    struct intake_result r = fixture_intake(app, &s);
    (void)r;
    (void)caller_make(ROLE_PHARMACY, "rls-pharmacy-1", CITY, 1, 0, "pharmacy-1");
    for (size_t i = 0; i < COUNT_OF(ROLES); i++) {
        char role[40], sql[300];
        text_format(role, sizeof role, "meddispatch_%s", ROLES[i]);
        PGconn *raw = fixture_raw(role);
        sees_nothing(raw, role);
        /* settings that anybody may write are not believed without the mac, nor with one of his own making, nor broken ones */
        text_format(sql, sizeof sql, "SET meddispatch.scope = '{\"role\":\"%s\",\"city\":1,\"facility\":1,\"courier\":0,\"source\":\"pharmacy-1\"}'", ROLES[i]);
        raw_ok(raw, sql);
        sees_nothing(raw, "a forged scope");
        raw_ok(raw, "SET meddispatch.scope_mac = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'");
        sees_nothing(raw, "a forged scope with a mac");
        raw_refused(raw, "42501", "SELECT * FROM scope_secret");
        raw_refused(raw, "42501", "SELECT scope_mac(1, 'x')");
        raw_refused(raw, "42501", "SELECT digest FROM caller");
        raw_refused(raw, "42501", "SELECT scope_enter(1, sha256('guess'))");
        raw_refused(raw, "42501", "UPDATE orders SET pharmacy_id = 1");
        raw_refused(raw, "42501", "DELETE FROM access_log");
        raw_refused(raw, "42501", "INSERT INTO access_log (city_id, at_ms, actor, what, subject, seq, hash) VALUES (1, 1, 'a', 'b', 1, 1, sha256('a'))");
        raw_refused(raw, "42501", "SELECT * FROM ledger");
        raw_refused(raw, "42501", "SELECT sealed FROM person");
        raw_refused(raw, "42501", "ALTER TABLE orders DISABLE ROW LEVEL SECURITY");
        PQfinish(raw);
    }
    /* a true scope in another role's hands, and one of another connection, say nothing */
    PGconn *pharmacy = eyes("meddispatch_pharmacy", CITY, "rls-pharmacy-1");
    assert_true(rows_seen(pharmacy, "orders") > 0);
    PGresult *res = PQexec(pharmacy, "SELECT current_setting('meddispatch.scope'), current_setting('meddispatch.scope_mac')");
    char copy[800];
    PGconn *thief = fixture_raw("meddispatch_pharmacy");
    text_format(copy, sizeof copy, "SELECT set_config('meddispatch.scope', '%s', false), set_config('meddispatch.scope_mac', '%s', false)", PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 1));
    raw_ok(thief, copy);
    sees_nothing(thief, "a scope copied to another connection");
    PQclear(res);
    PQfinish(thief);
    raw_ok(pharmacy, "SELECT set_config('meddispatch.scope', replace(current_setting('meddispatch.scope'), '\"facility\" : 1', '\"facility\" : 2'), false)");
    sees_nothing(pharmacy, "a scope with another facility");
    PQfinish(pharmacy);
    PGconn *lab = eyes("meddispatch_lab", CITY, "rls-pharmacy-1");
    sees_nothing(lab, "a pharmacy's credential in a laboratory's role");
    PQfinish(lab);
}

static void test_each_role_sees_its_own(void **state)
{
    (void)state;
    struct submission mine = order_of(CITY, 21, "rls-1"), test = fixture_test(CITY, 22, "rls-2", "FLU"), far = order_of(OTHER_CITY, 23, "rls-3");
    (void)text_copy(mine.source, sizeof mine.source, "clinic-a");
    struct intake_result m = fixture_intake(app, &mine), t = fixture_intake(app, &test);
    (void)fixture_intake(app, &far);
    raw_ok(root, "INSERT INTO facility SELECT city_id, 9, 1, 'other', lat_e7, lon_e7, open_min, close_min, service_s, prep_s, 'PH9', true, true FROM facility WHERE city_id = 1 AND facility_id = 1");
    raw_ok(root, "UPDATE orders SET pharmacy_id = 9 WHERE city_id = 1 AND kind = 1 AND order_id % 2 = 0");
    execute("UPDATE orders SET pharmacy_id = 1, courier_id = 1, phase = 7 WHERE order_id = @", m.order.id.v);
    execute("UPDATE orders SET lab_id = 2 WHERE order_id = @", t.order.id.v);
    static const struct { enum role role; const char *secret, *database_role; uint64_t facility, courier; const char *source; } CALLERS[] = {
        {ROLE_PHARMACY, "s-pharmacy", "meddispatch_pharmacy", 1, 0, "pharmacy-1"}, {ROLE_LAB, "s-lab", "meddispatch_lab", 2, 0, "lab-2"},
        {ROLE_CLINIC, "s-clinic", "meddispatch_clinic", 0, 0, "clinic-a"}, {ROLE_COURIER, "s-courier", "meddispatch_courier", 0, 1, ""},
        {ROLE_COURIER, "s-courier-2", "meddispatch_courier", 0, 2, ""}, {ROLE_LOGISTICS, "s-logistics", "meddispatch_courier", 0, 0, ""},
        {ROLE_DISPATCHER, "s-dispatcher", "meddispatch_dispatcher", 0, 0, ""}, {ROLE_SETTLEMENT, "s-settlement", "meddispatch_clerk", 0, 0, ""},
        {ROLE_ADMIN, "s-admin", "meddispatch_admin", 0, 0, ""}, {ROLE_AUDITOR, "s-auditor", "meddispatch_auditor", 0, 0, ""}};
    PGconn *as[COUNT_OF(CALLERS)];
    for (size_t i = 0; i < COUNT_OF(CALLERS); i++) {
        (void)caller_make(CALLERS[i].role, CALLERS[i].secret, CITY, CALLERS[i].facility, CALLERS[i].courier, CALLERS[i].source);
        as[i] = eyes(CALLERS[i].database_role, CITY, CALLERS[i].secret);
        /* whoever it is: no row of another city, whatever he may see here */
        for (size_t k = 0; k < COUNT_OF(READ_TABLES); k++) {
            char sql[120];
            if (rows_seen(as[i], READ_TABLES[k]) < 0) continue;
            text_format(sql, sizeof sql, "SELECT count(city_id) FROM %s WHERE city_id <> 1", READ_TABLES[k]);
            if (raw_number(as[i], sql) != 0) fail_msg("%s sees another city's %s", CALLERS[i].secret, READ_TABLES[k]);
        }
    }
    enum { PHARMACY, LAB, CLINIC, COURIER, COURIER_2, LOGISTICS, DISPATCHER, CLERK, ADMIN, AUDITOR };
    int64_t all = raw_number(root, "SELECT count(*) FROM orders WHERE city_id = 1");
    /* a pharmacy: its own orders, their lines and claims; nobody's address */
    assert_int_equal(rows_seen(as[PHARMACY], "orders"), raw_number(root, "SELECT count(*) FROM orders WHERE city_id = 1 AND pharmacy_id = 1"));
    assert_int_equal(raw_number(as[PHARMACY], "SELECT count(*) FROM orders WHERE pharmacy_id <> 1"), 0);
    assert_int_equal(rows_seen(as[PHARMACY], "claim"), raw_number(root, "SELECT count(*) FROM claim c JOIN orders o USING (city_id, order_id) WHERE city_id = 1 AND pharmacy_id = 1"));
    assert_int_equal(rows_seen(as[PHARMACY], "order_contact"), -1);
    raw_refused(as[PHARMACY], "42501", "SELECT birth FROM member");
    assert_int_equal(rows_seen(as[LAB], "orders"), raw_number(root, "SELECT count(*) FROM orders WHERE city_id = 1 AND kind = 2")); /* lab 2 does both tests */
    raw_refused(as[LAB], "42501", "SELECT diagnosis FROM orders");
    execute("UPDATE orders SET lab_id = 77 WHERE order_id = @", t.order.id.v);
    assert_int_equal(raw_number(as[LAB], "SELECT count(city_id) FROM orders WHERE lab_id = 77"), 0);
    assert_int_equal(rows_seen(as[CLINIC], "orders"), 1);
    assert_int_equal(rows_seen(as[CLINIC], "order_line"), 1);
    /* a courier: where he goes, while he goes there; never what is in the parcel */
    assert_int_equal(rows_seen(as[COURIER], "orders"), 1);
    assert_int_equal(rows_seen(as[COURIER], "order_contact"), 1);
    assert_int_equal(rows_seen(as[COURIER], "person_key"), 1);
    assert_int_equal(rows_seen(as[COURIER_2], "order_contact"), 0);
    assert_int_equal(rows_seen(as[LOGISTICS], "order_contact"), 1);
    raw_refused(as[COURIER], "42501", "SELECT body FROM orders");
    raw_refused(as[COURIER], "42501", "SELECT prescription FROM orders");
    assert_int_equal(rows_seen(as[COURIER], "order_line"), -1);
    assert_int_equal(rows_seen(as[COURIER], "claim"), -1);
    execute("UPDATE orders SET ended_ms = 5 WHERE order_id = @", m.order.id.v);
    assert_int_equal(rows_seen(as[COURIER], "order_contact"), 0);
    execute("UPDATE orders SET ended_ms = 0 WHERE order_id = @", m.order.id.v);
    assert_int_equal(rows_seen(as[DISPATCHER], "orders"), all);
    assert_int_equal(rows_seen(as[DISPATCHER], "claim"), 0);
    assert_int_equal(rows_seen(as[DISPATCHER], "order_line"), -1);
    raw_refused(as[DISPATCHER], "42501", "SELECT diagnosis FROM orders");
    assert_int_equal(rows_seen(as[CLERK], "order_contact"), -1);
    assert_true(rows_seen(as[CLERK], "claim") > 0);
    raw_refused(as[CLERK], "42501", "SELECT prescriber FROM orders");
    assert_int_equal(rows_seen(as[ADMIN], "orders"), all);
    assert_int_equal(rows_seen(as[ADMIN], "access_log"), -1);
    assert_true(rows_seen(as[AUDITOR], "access_log") > 0);
    assert_true(rows_seen(as[AUDITOR], "claim_basis") > 0);
    assert_int_equal(rows_seen(as[AUDITOR], "order_contact"), -1);
    for (size_t i = 0; i < COUNT_OF(CALLERS); i++) PQfinish(as[i]);
}

static void test_store_reads_with_the_callers_eyes(void **state)
{
    (void)state;
    struct submission s = order_of(CITY, 24, "scope-1");
    struct intake_result r = fixture_intake(app, &s);
    execute("UPDATE orders SET pharmacy_id = 1, courier_id = 1, phase = 7 WHERE order_id = @", r.order.id.v);
    struct caller own = caller_make(ROLE_PHARMACY, "scope-own", CITY, 1, 0, "pharmacy-1"), other = caller_make(ROLE_PHARMACY, "scope-other", CITY, 8, 0, "pharmacy-8"),
                  rider = caller_make(ROLE_COURIER, "scope-rider", CITY, 0, 1, ""), stranger = caller_make(ROLE_COURIER, "scope-stranger", CITY, 0, 2, "");
    struct order_view view;
    struct recipient to;
    struct claim claim;
    assert_ok(store_scope_enter(app, s.city, own.digest, err));
    assert_ok(store_order_read(app, s.city, r.order.id, &view, err));
    assert_ok(store_claim_of_order(app, s.city, r.order.id, &claim, err));
    assert_int_equal(claim.line_count, 1);
    assert_status(STATUS_PERMISSION_DENIED, store_order_contact(app, s.city, r.order.id, "pharmacy:1", "", FIXTURE_NOW_MS, &to, err));
    assert_ok(store_scope_enter(app, s.city, other.digest, err)); /* from one to the next without leaving */
    assert_status(STATUS_NOT_FOUND, store_order_read(app, s.city, r.order.id, &view, err));
    assert_status(STATUS_NOT_FOUND, store_claim_of_order(app, s.city, r.order.id, &claim, err));
    /* the connection is lost: on the new one the scope holds again before anything is read */
    raw_ok(root, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'meddispatch' AND usename = current_user AND pid <> pg_backend_pid()");
    enum status rc = store_order_read(app, s.city, r.order.id, &view, NULL);
    if (rc == STATUS_UNAVAILABLE) rc = store_order_read(app, s.city, r.order.id, &view, NULL);
    assert_int_equal(rc, STATUS_NOT_FOUND);
    assert_ok(store_scope_enter(app, s.city, rider.digest, err));
    assert_ok(store_order_contact(app, s.city, r.order.id, "courier:1", "", FIXTURE_NOW_MS, &to, err));
    assert_string_equal(to.phone, "13977665544");
    assert_ok(store_scope_enter(app, s.city, stranger.digest, err));
    assert_status(STATUS_NOT_FOUND, store_order_contact(app, s.city, r.order.id, "courier:2", "", FIXTURE_NOW_MS, &to, err));
    /* writing under a scope is refused; after leaving it the application is itself */
    struct submission next = order_of(CITY, 25, "scope-2");
    struct intake_result refused;
    (void)!store_intake(app, &next, 1, FIXTURE_NOW_MS, &refused, NULL);
    store_scope_leave(app);
    (void)fixture_intake(app, &next);
    const uint8_t nobody[32] = {1, 2, 3};
    assert_status(STATUS_PERMISSION_DENIED, store_scope_enter(app, s.city, nobody, err));
    owner_store = owner_store ? owner_store : fixture_open(STORE_ROLE_OWNER);
    assert_ok(store_ping(owner_store, err));
    assert_ok(store_caller_revoke(owner_store, s.city, own.id, err));
    assert_status(STATUS_PERMISSION_DENIED, store_scope_enter(app, s.city, own.digest, err));
    assert_ok(store_order_read(app, s.city, r.order.id, &view, err)); /* as itself again */
}

/* ---- the log of reads ---- */

static size_t faults(const struct access_head *kept, char what[16], uint64_t *seq)
{
    struct access_fault found[50];
    size_t count;
    assert_ok(store_access_verify(owner_store, (struct city_id){CITY}, kept, found, COUNT_OF(found), &count, err));
    if (count) {
        (void)text_copy(what, 16, found[0].what);
        *seq = found[0].seq;
    }
    return count;
}

static void test_log_of_reads_shows_every_change(void **state)
{
    (void)state;
    char what[16] = "";
    uint64_t seq = 0;
    struct access_head head;
    uint64_t subjects[] = {11, 12, 13};
    struct city_id city = {CITY};
    assert_ok(store_access_note(app, city, "auditor:1", "claims", subjects, COUNT_OF(subjects), "why \xe4\xb8\xad", FIXTURE_NOW_MS, err));
    assert_ok(store_access_head(owner_store, city, &head, err));
    assert_true(head.seq >= 3);
    assert_int_equal(faults(&head, what, &seq), 0);
    PGconn *as_app = fixture_raw("meddispatch_app");
    raw_refused(as_app, "42501", "INSERT INTO access_log (city_id, at_ms, actor, what, subject, seq, hash) VALUES (1, 1, 'a', 'b', 1, 1, sha256('a'))");
    raw_refused(as_app, "42501", "UPDATE access_log SET actor = 'nobody'");
    raw_refused(as_app, "42501", "DELETE FROM access_log");
    raw_refused(as_app, "42501", "UPDATE access_head SET seq = 0");
    raw_refused(as_app, "42501", "SELECT * FROM access_log");
    PQfinish(as_app);
    /* whoever owns the tables can change them, and it shows */
    static const struct { const char *sql, *what; } attacks[] = {
        {"UPDATE access_log SET actor = 'nobody' WHERE city_id = 1 AND seq = 2", "LINE"}, {"UPDATE access_log SET reason = 'x' WHERE city_id = 1 AND seq = 1", "LINE"},
        {"UPDATE access_log SET at_ms = at_ms + 1 WHERE city_id = 1 AND seq = 3", "LINE"}, {"UPDATE access_log SET subject = 99 WHERE city_id = 1 AND seq = 3", "LINE"},
        {"DELETE FROM access_log WHERE city_id = 1 AND seq = 2", "LINE"}, {"DELETE FROM access_log WHERE city_id = 1 AND seq = (SELECT max(seq) FROM access_log WHERE city_id = 1)", "HEAD"},
        {"INSERT INTO access_log (city_id, at_ms, actor, what, subject, seq, hash) SELECT 1, 1, 'a', 'b', 1, max(seq) + 1, sha256('a') FROM access_log WHERE city_id = 1", "LINE"},
        {"UPDATE access_head SET hash = sha256('x') WHERE city_id = 1", "HEAD"}, {"DELETE FROM access_head WHERE city_id = 1", "HEAD"},
        {"DELETE FROM access_log WHERE city_id = 1", "HEAD"}};
    PGconn *tamper = fixture_raw(NULL);
    for (size_t i = 0; i < COUNT_OF(attacks); i++) {
        PGresult *res;
        char sql[300];
        raw_ok(tamper, "BEGIN");
        raw_ok(tamper, attacks[i].sql);
        text_format(sql, sizeof sql, "SELECT count(*) FROM access_faults(1, 0, NULL) WHERE what = '%s'", attacks[i].what);
        if (raw_number(tamper, sql) < 1) fail_msg("%s: not seen as %s", attacks[i].sql, attacks[i].what);
        res = PQexec(tamper, "ROLLBACK");
        PQclear(res);
    }
    /* written anew from the first line to the last, it is whole in itself: a head that was kept elsewhere tells */
    raw_ok(tamper, "BEGIN");
    raw_ok(tamper, "DELETE FROM access_log WHERE city_id = 1; DELETE FROM access_head WHERE city_id = 1");
    for (uint64_t i = 0; i < head.seq; i++) raw_ok(tamper, "SELECT access_note(1, 5, 'nobody', 'order', '{1}', '')");
    assert_int_equal(raw_number(tamper, "SELECT count(*) FROM access_faults(1, 0, NULL)"), 0);
    char sql[300], hex[65];
    hash_hex(head.hash.byte, sizeof head.hash.byte, hex);
    text_format(sql, sizeof sql, "SELECT count(*) FROM access_faults(1, %llu, '\\x%s') WHERE what = 'KEPT_HEAD'", (unsigned long long)head.seq, hex);
    assert_int_equal(raw_number(tamper, sql), 1);
    raw_ok(tamper, "ROLLBACK");
    PQfinish(tamper);
    assert_int_equal(faults(&head, what, &seq), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contact_lies_sealed_and_bound_to_its_order),
        cmocka_unit_test(test_who_a_member_is_is_sealed_and_every_look_is_recorded),
        cmocka_unit_test(test_keys_turn_over_while_orders_come_in),
        cmocka_unit_test(test_key_file_is_refused_when_it_is_none),
        cmocka_unit_test(test_erased_member_is_gone_and_the_books_stand),
        cmocka_unit_test(test_contacts_from_before_are_sealed_by_a_command),
        cmocka_unit_test(test_row_security_shows_nothing_to_whoever_only_says_who_he_is),
        cmocka_unit_test(test_each_role_sees_its_own),
        cmocka_unit_test(test_store_reads_with_the_callers_eyes),
        cmocka_unit_test(test_log_of_reads_shows_every_change),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
