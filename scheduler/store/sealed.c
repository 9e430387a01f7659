/* Whom an order goes to and who a member is: written sealed, opened for who may read it, erased. What may be read by whom is the schema's word (0014_privacy.sql). */
#include <string.h>

#include "connection.h"
#include "keys.h"

enum { ROUND_BYTES = 64, LEGACY_COLUMNS = 5 };

static const struct sql_statement
    NOTE = {"access_note", "SELECT access_note($1::integer, $2::bigint, $3::text, $4::text, $5::bigint[], $6::text)"},
    CONTACT = {"order_contact",
               "SELECT o.member_id, k.key_id, k.wrapped, k.erased_at IS NOT NULL, c.sealed, c.name, c.phone, c.address, c.lat_e7, c.lon_e7 "
               "FROM orders o LEFT JOIN order_contact c ON c.city_id = o.city_id AND c.order_id = o.order_id "
               "LEFT JOIN person_key k ON k.city_id = o.city_id AND k.member_id = o.member_id "
               "WHERE o.city_id = $1::integer AND o.order_id = $2::bigint"},
    PERSON = {"person_read",
              "SELECT m.member_id, k.key_id, k.wrapped, k.erased_at IS NOT NULL, p.sealed FROM member m LEFT JOIN person p ON p.city_id = m.city_id AND p.member_id = m.member_id "
              "LEFT JOIN person_key k ON k.city_id = m.city_id AND k.member_id = m.member_id WHERE m.city_id = $1::integer AND m.code = $2::text"},
    KEYS = {"person_keys",
            "SELECT e.ord::integer, m.member_id, k.key_id, k.wrapped, k.erased_at IS NOT NULL FROM unnest($2::text[]) WITH ORDINALITY AS e(code, ord) "
            "JOIN member m ON m.city_id = $1::integer AND m.code = e.code LEFT JOIN person_key k ON k.city_id = m.city_id AND k.member_id = m.member_id ORDER BY e.ord"},
    KEYS_ADD = {"person_keys_add", "INSERT INTO person_key (city_id, member_id, key_id, wrapped) SELECT * FROM unnest($1::integer[], $2::bigint[], $3::integer[], $4::bytea[])"},
    /* two statements: an upsert would need the right to read what it replaces */
    PERSONS_CHANGE = {"persons_change", "UPDATE person p SET sealed = e.sealed, changed_at = clock_timestamp() FROM unnest($1::integer[], $2::bigint[], $3::bytea[]) AS e(city, member, sealed) "
                                        "WHERE p.city_id = e.city AND p.member_id = e.member"},
    PERSONS_ADD = {"persons_add", "INSERT INTO person (city_id, member_id, sealed) SELECT * FROM unnest($1::integer[], $2::bigint[], $3::bytea[]) ON CONFLICT DO NOTHING"},
    ERASE = {"person_erase", "SELECT person_erase($1::integer, $2::text, $3::text)"},
    STALE = {"keys_stale", "SELECT city_id, member_id, key_id, wrapped FROM person_key WHERE wrapped IS NOT NULL AND key_id <> $1::integer "
                           "ORDER BY city_id, member_id LIMIT $2::integer FOR UPDATE"},
    RESEAL = {"keys_reseal", "UPDATE person_key k SET key_id = e.key_id, wrapped = e.wrapped FROM unnest($1::integer[], $2::bigint[], $3::integer[], $4::bytea[]) "
                             "AS e(city, member, key_id, wrapped) WHERE k.city_id = e.city AND k.member_id = e.member"},
    IN_USE = {"key_in_use", "SELECT count(*) FROM person_key WHERE key_id = $1::integer AND wrapped IS NOT NULL"},
    OPEN_ONES = {"contacts_open", "SELECT c.city_id, c.order_id, o.member_id, k.key_id, k.wrapped, k.erased_at IS NOT NULL, c.name, c.phone, c.address, c.lat_e7, c.lon_e7 "
                                  "FROM order_contact c JOIN orders o ON o.city_id = c.city_id AND o.order_id = c.order_id "
                                  "LEFT JOIN person_key k ON k.city_id = o.city_id AND k.member_id = o.member_id WHERE c.sealed IS NULL "
                                  "ORDER BY c.city_id, o.member_id, c.order_id LIMIT $1::integer FOR UPDATE OF c"},
    CONTACTS_SEAL = {"contacts_seal", "UPDATE order_contact c SET sealed = e.sealed, name = NULL, phone = NULL, address = NULL, lat_e7 = NULL, lon_e7 = NULL "
                                      "FROM unnest($1::integer[], $2::bigint[], $3::bytea[]) AS e(city, ord, sealed) WHERE c.city_id = e.city AND c.order_id = e.ord"};

/* ---- bytes ---- */

static size_t about(char out[64], const char *what, struct city_id city, uint64_t id)
{
    text_format(out, 64, "%s:%u:%llu", what, city.v, (unsigned long long)id);
    return strlen(out);
}

/* Seal texts (and a place) as one field, its length rounded up. */
static size_t seal_fields(const struct person_key *key, const char *what, struct city_id city, uint64_t id, const char *const *texts, size_t count, const struct point *at,
                          uint8_t *out, size_t capacity)
{
    static const uint8_t ZEROS[ROUND_BYTES];
    struct buffer plain;
    char name[64];
    buffer_init(&plain, capacity);
    for (size_t i = 0; i < count; i++) buffer_text(&plain, texts[i]);
    if (at) {
        buffer_u32(&plain, (uint32_t)at->lat_e7);
        buffer_u32(&plain, (uint32_t)at->lon_e7);
    }
    size_t rounded = (plain.size + ROUND_BYTES - 1) / ROUND_BYTES * ROUND_BYTES;
    buffer_append(&plain, ZEROS, rounded - plain.size);
    ASSERT(!plain.full);
    ASSERT(plain.size + SEAL_OVERHEAD <= capacity);
    size_t name_size = about(name, what, city, id), size = plain.size + SEAL_OVERHEAD;
    seal_close(key->byte, name, name_size, plain.data, plain.size, out);
    mem_wipe(plain.data, plain.size);
    buffer_deinit(&plain);
    return size;
}

size_t contact_seal(const struct person_key *key, struct city_id city, struct order_id order, const struct recipient *contact, uint8_t out[CONTACT_SEALED_MAX])
{
    const char *texts[] = {contact->name, contact->phone, contact->address};
    return seal_fields(key, "order_contact", city, order.v, texts, COUNT_OF(texts), &contact->at, out, CONTACT_SEALED_MAX);
}

bool contact_open(const struct person_key *key, struct city_id city, struct order_id order, const uint8_t *sealed, size_t size, struct recipient *out)
{
    uint8_t plain[CONTACT_SEALED_MAX];
    char name[64];
    size_t name_size = about(name, "order_contact", city, order.v);
    memset(out, 0, sizeof *out);
    if (size > sizeof plain || !seal_open(key->byte, name, name_size, sealed, size, plain)) return false;
    struct reader reader = {.data = plain, .size = size - SEAL_OVERHEAD};
    reader_text(&reader, out->name, sizeof out->name);
    reader_text(&reader, out->phone, sizeof out->phone);
    reader_text(&reader, out->address, sizeof out->address);
    out->at.lat_e7 = (int32_t)reader_u32(&reader);
    out->at.lon_e7 = (int32_t)reader_u32(&reader);
    mem_wipe(plain, sizeof plain);
    return !reader.bad;
}

static bool person_open(const struct person_key *key, struct city_id city, uint64_t member, const uint8_t *sealed, size_t size, struct person *out)
{
    uint8_t plain[PERSON_SEALED_MAX];
    char name[64];
    size_t name_size = about(name, "person", city, member);
    if (size > sizeof plain || !seal_open(key->byte, name, name_size, sealed, size, plain)) return false;
    struct reader reader = {.data = plain, .size = size - SEAL_OVERHEAD};
    reader_text(&reader, out->name, sizeof out->name);
    reader_text(&reader, out->phone, sizeof out->phone);
    reader_text(&reader, out->address, sizeof out->address);
    reader_text(&reader, out->identity_number, sizeof out->identity_number);
    mem_wipe(plain, sizeof plain);
    return !reader.bad;
}

/* ---- reading ---- */

static enum status erased(struct error *err, const char *what)
{
    error_set(err, STATUS_NOT_FOUND, "%s has been erased", what);
    return error_reason(err, "ERASED");
}

/* Columns: member, key id, wrapped, erased, from `at` on. */
static enum status row_key(const PGresult *res, int row, int at, struct city_id city, struct person_key *out, struct error *err)
{
    size_t size;
    if (sql_get_bool(res, row, at + 3)) return erased(err, "the member's personal data");
    const uint8_t *wrapped = sql_get_bytes(res, row, at + 2, &size);
    if (sql_get_null(res, row, at + 2)) return error_set(err, STATUS_NOT_FOUND, "nothing personal is known of this member");
    return keys_unwrap(city, (struct member_id){(uint64_t)sql_get_i64(res, row, at)}, (uint32_t)sql_get_i64(res, row, at + 1), wrapped, size, out, err);
}

static void legacy_contact(const PGresult *res, int row, int at, struct recipient *out)
{
    memset(out, 0, sizeof *out);
    sql_get_text(res, row, at, out->name, sizeof out->name);
    sql_get_text(res, row, at + 1, out->phone, sizeof out->phone);
    sql_get_text(res, row, at + 2, out->address, sizeof out->address);
    out->at.lat_e7 = (int32_t)sql_get_i64(res, row, at + 3);
    out->at.lon_e7 = (int32_t)sql_get_i64(res, row, at + LEGACY_COLUMNS - 1);
}

static enum status contact_from_row(const PGresult *res, struct city_id city, struct order_id order, struct recipient *out, struct error *err)
{
    enum { SEALED = 4, LEGACY };
    struct person_key key;
    size_t size;
    if (!sql_get_null(res, 0, LEGACY)) {
        legacy_contact(res, 0, LEGACY, out); /* from before contacts were sealed; `meddispatch keys seal` has not been run */
        return STATUS_OK;
    }
    TRY(row_key(res, 0, 0, city, &key, err));
    const uint8_t *sealed = sql_get_bytes(res, 0, SEALED, &size);
    if (sql_get_null(res, 0, SEALED)) return erased(err, "the order's contact");
    bool good = contact_open(&key, city, order, sealed, size, out);
    mem_wipe(&key, sizeof key);
    return good ? STATUS_OK : error_set(err, STATUS_DATA_LOSS, "the contact of order %llu cannot be opened: it was changed", (unsigned long long)order.v);
}

enum status store_access_note(struct store *store, struct city_id city, const char *actor, const char *what, const uint64_t *subjects, uint32_t count, const char *reason,
                              int64_t now_ms, struct error *err)
{
    struct sql_column column;
    struct sql_args args;
    if (count == 0) return STATUS_OK;
    sql_column_init(&column, SQL_I64);
    for (uint32_t i = 0; i < count; i++) sql_column_number(&column, (int64_t)subjects[i]);
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i64(&args, now_ms);
    sql_arg_text(&args, actor);
    sql_arg_text(&args, what);
    sql_arg_column(&args, &column);
    sql_arg_text(&args, reason);
    enum status rc = sql_ready(store, err);
    if (rc == STATUS_OK) rc = sql_run(store, &NOTE, &args, NULL, err);
    sql_column_deinit(&column);
    return rc;
}

/* Recorded before it is opened: a reading that nobody could record has not happened. */
enum status store_order_contact(struct store *store, struct city_id city, struct order_id order, const char *actor, const char *reason, int64_t now_ms, struct recipient *out,
                                struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    memset(out, 0, sizeof *out);
    if (!actor[0]) return error_field(err, "actor", "who reads an address must be named");
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i64(&args, (int64_t)order.v);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &CONTACT, &args, &res, err));
    enum status rc = STATUS_OK;
    if (PQntuples(res) != 1) rc = error_set(err, STATUS_NOT_FOUND, "there is no order %llu in city %u", (unsigned long long)order.v, city.v);
    if (rc == STATUS_OK) rc = store_access_note(store, city, actor, "order_contact", &order.v, 1, reason, now_ms, err);
    if (rc == STATUS_OK) rc = contact_from_row(res, city, order, out, err);
    PQclear(res);
    return rc;
}

enum status store_person_read(struct store *store, struct city_id city, const char *member, const char *actor, const char *reason, int64_t now_ms, struct person *out,
                              struct error *err)
{
    enum { SEALED = 4 };
    struct sql_args args;
    PGresult *res = NULL;
    struct person_key key = {{0}};
    memset(out, 0, sizeof *out);
    if (!actor[0] || !reason[0]) return error_field(err, actor[0] ? "reason" : "actor", "who reads who a member is, and why, must be said");
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_text(&args, member);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &PERSON, &args, &res, err));
    enum status rc = PQntuples(res) == 1 ? STATUS_OK : error_set(err, STATUS_NOT_FOUND, "city %u has no such member", city.v);
    uint64_t id = rc == STATUS_OK ? (uint64_t)sql_get_i64(res, 0, 0) : 0;
    if (rc == STATUS_OK) rc = store_access_note(store, city, actor, "person", &id, 1, reason, now_ms, err);
    if (rc == STATUS_OK) rc = row_key(res, 0, 0, city, &key, err);
    if (rc == STATUS_OK && sql_get_null(res, 0, SEALED)) rc = error_set(err, STATUS_NOT_FOUND, "who this member is has not been loaded");
    if (rc == STATUS_OK) {
        size_t size;
        const uint8_t *sealed = sql_get_bytes(res, 0, SEALED, &size);
        if (!person_open(&key, city, id, sealed, size, out)) rc = error_set(err, STATUS_DATA_LOSS, "who this member is cannot be opened: it was changed");
    }
    mem_wipe(&key, sizeof key);
    PQclear(res);
    return rc;
}

enum status store_person_erase(struct store *store, struct city_id city, const char *member, const char *actor, bool *done, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    if (!actor[0]) return error_field(err, "actor", "who erases must be named");
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_text(&args, member);
    sql_arg_text(&args, actor);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &ERASE, &args, &res, err));
    *done = sql_get_bool(res, 0, 0);
    PQclear(res);
    return STATUS_OK;
}

/* ---- writing who members are ---- */

struct putting {
    struct sql_set keys, persons;
};

static enum status put_one(struct putting *put, struct city_id city, const PGresult *res, int row, const struct person_row *of, size_t index, struct error *err)
{
    struct member_id member = {(uint64_t)sql_get_i64(res, row, 1)};
    const char *texts[] = {of->person.name, of->person.phone, of->person.address, of->person.identity_number};
    uint8_t sealed[PERSON_SEALED_MAX], wrapped[WRAPPED_BYTES];
    struct person_key key;
    if (sql_get_bool(res, row, 4)) {
        error_set(err, STATUS_FAILED_PRECONDITION, "rows[%zu]: the member's personal data was erased and is not taken again", index);
        return error_reason(err, "ERASED");
    }
    if (sql_get_null(res, row, 3)) {
        uint32_t id;
        random_bytes(&key, sizeof key);
        TRY(keys_wrap(city, member, &key, &id, wrapped, err));
        sql_column_number(&put->keys.at[0], city.v);
        sql_column_number(&put->keys.at[1], (int64_t)member.v);
        sql_column_number(&put->keys.at[2], id);
        sql_column_bytes(&put->keys.at[3], wrapped, sizeof wrapped);
    } else {
        TRY(row_key(res, row, 1, city, &key, err));
    }
    size_t size = seal_fields(&key, "person", city, member.v, texts, COUNT_OF(texts), NULL, sealed, sizeof sealed);
    mem_wipe(&key, sizeof key);
    sql_column_number(&put->persons.at[0], city.v);
    sql_column_number(&put->persons.at[1], (int64_t)member.v);
    sql_column_bytes(&put->persons.at[2], sealed, size);
    return STATUS_OK;
}

static enum status run_set(struct store *store, const struct sql_statement *statement, struct sql_set *set, struct error *err)
{
    struct sql_args args;
    if (set->at[0].count == 0) return STATUS_OK;
    sql_args_init(&args);
    sql_arg_set(&args, set);
    return sql_run(store, statement, &args, NULL, err);
}

static bool named_again(const struct person_row *rows, size_t count, size_t at)
{
    for (size_t i = at + 1; i < count; i++)
        if (strcmp(rows[i].code, rows[at].code) == 0) return true;
    return false;
}

static enum status put_in_transaction(struct store *store, struct city_id city, const struct person_row *rows, size_t count, struct error *err)
{
    struct putting put;
    struct sql_column codes;
    struct sql_args args;
    PGresult *res = NULL;
    sql_set_init(&put.keys, "iliy");
    sql_set_init(&put.persons, "ily");
    sql_column_init(&codes, SQL_TEXT);
    for (size_t i = 0; i < count; i++)
        if (!named_again(rows, count, i)) sql_column_text(&codes, rows[i].code);
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_column(&args, &codes);
    enum status rc = sql_run(store, &KEYS, &args, &res, err);
    if (rc == STATUS_OK && PQntuples(res) != (int)codes.count) rc = error_set(err, STATUS_NOT_FOUND, "one of these members is not known in city %u", city.v);
    for (size_t i = 0, row = 0; rc == STATUS_OK && i < count; i++)
        if (!named_again(rows, count, i)) rc = put_one(&put, city, res, (int)row++, &rows[i], i, err);
    if (rc == STATUS_OK) rc = run_set(store, &KEYS_ADD, &put.keys, err);
    if (rc == STATUS_OK) rc = run_set(store, &PERSONS_CHANGE, &put.persons, err);
    if (rc == STATUS_OK) rc = run_set(store, &PERSONS_ADD, &put.persons, err);
    PQclear(res);
    sql_column_deinit(&codes);
    sql_set_deinit(&put.keys);
    sql_set_deinit(&put.persons);
    return rc;
}

enum status store_persons_put(struct store *store, struct city_id city, const struct person_row *rows, size_t count, struct error *err)
{
    enum { TRIES_MAX = 3 }; /* an order of the same member may make his key first */
    enum status rc = STATUS_OK;
    ASSERT(count <= STORE_BULK_MAX);
    if (count == 0) return STATUS_OK;
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        TRY(sql_ready(store, err));
        TRY(sql_begin(store, err));
        rc = put_in_transaction(store, city, rows, count, err);
        if (rc == STATUS_OK) rc = sql_commit(store, err);
        if (rc != STATUS_OK) sql_rollback(store);
        if (rc != STATUS_ALREADY_EXISTS) break;
    }
    return rc;
}

/* ---- turning keys over: role owner ---- */

static enum status reseal_some(struct store *store, uint32_t newest, uint32_t *count, struct error *err)
{
    struct sql_args args;
    struct sql_set set;
    PGresult *res = NULL;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)newest);
    sql_arg_i32(&args, STORE_PAGE_MAX);
    TRY(sql_run(store, &STALE, &args, &res, err));
    enum status rc = STATUS_OK;
    sql_set_init(&set, "iliy");
    for (int row = 0; rc == STATUS_OK && row < PQntuples(res); row++) {
        struct city_id city = {(uint32_t)sql_get_i64(res, row, 0)};
        struct member_id member = {(uint64_t)sql_get_i64(res, row, 1)};
        struct person_key key;
        uint8_t wrapped[WRAPPED_BYTES];
        size_t size;
        uint32_t id;
        const uint8_t *old = sql_get_bytes(res, row, 3, &size);
        rc = keys_unwrap(city, member, (uint32_t)sql_get_i64(res, row, 2), old, size, &key, err);
        if (rc == STATUS_OK) rc = keys_wrap(city, member, &key, &id, wrapped, err);
        mem_wipe(&key, sizeof key);
        if (rc != STATUS_OK) break;
        sql_column_number(&set.at[0], city.v);
        sql_column_number(&set.at[1], (int64_t)member.v);
        sql_column_number(&set.at[2], id);
        sql_column_bytes(&set.at[3], wrapped, sizeof wrapped);
    }
    *count = (uint32_t)PQntuples(res);
    if (rc == STATUS_OK) rc = run_set(store, &RESEAL, &set, err);
    sql_set_deinit(&set);
    PQclear(res);
    return rc;
}

enum status store_keys_reseal(struct store *store, uint64_t *count, struct error *err)
{
    uint32_t newest, some = 1;
    *count = 0;
    TRY(store_keys_newest(&newest, err));
    while (some > 0) {
        TRY(sql_ready(store, err));
        TRY(sql_begin(store, err));
        enum status rc = reseal_some(store, newest, &some, err);
        if (rc == STATUS_OK) rc = sql_commit(store, err);
        if (rc != STATUS_OK) {
            sql_rollback(store);
            return rc;
        }
        *count += some;
    }
    return STATUS_OK;
}

enum status store_key_uses(struct store *store, uint32_t id, uint64_t *count, struct error *err)
{
    struct sql_args args;
    PGresult *res = NULL;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)id);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &IN_USE, &args, &res, err));
    *count = (uint64_t)sql_get_i64(res, 0, 0);
    PQclear(res);
    return STATUS_OK;
}

/* A member's rows come together: his key is made once. */
static enum status seal_open_ones(const PGresult *res, struct sql_set *keys, struct sql_set *contacts, struct error *err)
{
    enum { MEMBER = 2, ERASED = 5, LEGACY };
    struct person_key key = {{0}};
    int64_t made_for = 0, made_in = 0;
    for (int row = 0; row < PQntuples(res); row++) {
        struct city_id city = {(uint32_t)sql_get_i64(res, row, 0)};
        struct order_id order = {(uint64_t)sql_get_i64(res, row, 1)};
        struct member_id member = {(uint64_t)sql_get_i64(res, row, MEMBER)};
        struct recipient contact;
        uint8_t sealed[CONTACT_SEALED_MAX], wrapped[WRAPPED_BYTES];
        if (!sql_get_null(res, row, MEMBER + 2)) {
            TRY(row_key(res, row, MEMBER, city, &key, err));
        } else if (made_for != (int64_t)member.v || made_in != (int64_t)city.v) {
            uint32_t id;
            random_bytes(&key, sizeof key);
            TRY(keys_wrap(city, member, &key, &id, wrapped, err));
            sql_column_number(&keys->at[0], city.v);
            sql_column_number(&keys->at[1], (int64_t)member.v);
            sql_column_number(&keys->at[2], id);
            sql_column_bytes(&keys->at[3], wrapped, sizeof wrapped);
            made_for = (int64_t)member.v;
            made_in = (int64_t)city.v;
        }
        legacy_contact(res, row, LEGACY, &contact);
        size_t size = contact_seal(&key, city, order, &contact, sealed);
        sql_column_number(&contacts->at[0], city.v);
        sql_column_number(&contacts->at[1], (int64_t)order.v);
        sql_column_bytes(&contacts->at[2], sealed, size);
    }
    mem_wipe(&key, sizeof key);
    return STATUS_OK;
}

enum status store_contacts_seal(struct store *store, uint64_t *count, struct error *err)
{
    int some = 1;
    *count = 0;
    while (some > 0) {
        struct sql_set keys, contacts;
        struct sql_args args;
        PGresult *res = NULL;
        TRY(sql_ready(store, err));
        TRY(sql_begin(store, err));
        sql_set_init(&keys, "iliy");
        sql_set_init(&contacts, "ily");
        sql_args_init(&args);
        sql_arg_i32(&args, STORE_PAGE_MAX);
        enum status rc = sql_run(store, &OPEN_ONES, &args, &res, err);
        some = rc == STATUS_OK ? PQntuples(res) : 0;
        if (rc == STATUS_OK) rc = seal_open_ones(res, &keys, &contacts, err);
        if (rc == STATUS_OK) rc = run_set(store, &KEYS_ADD, &keys, err);
        if (rc == STATUS_OK) rc = run_set(store, &CONTACTS_SEAL, &contacts, err);
        if (rc == STATUS_OK) rc = sql_commit(store, err);
        if (rc != STATUS_OK) sql_rollback(store);
        PQclear(res);
        sql_set_deinit(&keys);
        sql_set_deinit(&contacts);
        TRY(rc);
        *count += (uint64_t)some;
    }
    return STATUS_OK;
}
