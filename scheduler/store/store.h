/** store: the only room that speaks SQL. Orders, claims, ledger, facts, leases and catalogue in PostgreSQL.
 *
 *  It must not know of HTTP, threads, maps or plans, and it decides nothing about benefits (claims does) or phases (dispatch does).
 *
 *  One `struct store` is one connection: blocking, owned by one thread. A function is one transaction unless it says otherwise: when it
 *  returns STATUS_OK the change is committed and durable; on any other status nothing of it is there, except that after STATUS_UNAVAILABLE
 *  with reason COMMIT_UNKNOWN the commit may have happened: ask again with the same key (intake, reversal) or read back (facts).
 *  A lost connection is made anew at the next call; UNAVAILABLE carries retry_ms. Every wait is bounded: connecting 3 s, a statement 10 s,
 *  a lock 5 s, the network 2 s. Batches are bounded by the *_MAX below. Texts from the database are checked to fit.
 *  `err` may be NULL; it never holds personal data.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "claims/claims.h"
#include "model/model.h"

struct store;

enum {
    STORE_INTAKE_MAX = 200,     /* orders a transaction: group commit flattens out between 50 and 200 */
    STORE_FACTS_MAX = 2000,     /* facts a transaction */
    STORE_PAGE_MAX = 1000,      /* rows a read */
    STORE_BULK_MAX = 5000,      /* catalogue rows a call */
    STORE_BODY_MAX = 1 << 20,   /* bytes of one fact or order; a snapshot may have STORE_SNAPSHOT_MAX */
    STORE_SNAPSHOT_MAX = 256 << 20,
    SOURCE_TEXT_MAX = 65,       /* who calls: "pharmacy:12" as authenticated */
    HOLDER_TEXT_MAX = 97,
    TITLE_TEXT_MAX = 193,       /* product and test names */
    LABS_PER_TEST_MAX = 64,
    TESTS_PER_LAB_MAX = 256,
};

/* ---- opening ---- */

/** Which rights the connection takes (SET ROLE meddispatch_*). */
enum store_role { STORE_ROLE_APP = 1, STORE_ROLE_SETTLEMENT, STORE_ROLE_READER, STORE_ROLE_OWNER };

/** Connect, take the role, and refuse (FAILED_PRECONDITION) a schema this program does not know. UNAVAILABLE if the server is away. */
must_use enum status store_open(const char *conninfo, enum store_role role, struct store **out, struct error *err);
void store_close(struct store *store); /* NULL is fine */
/** A round trip; reconnects if the connection was lost. */
must_use enum status store_ping(struct store *store, struct error *err);
/** Bring the schema up to date under one advisory lock, with the rights of the connecting user (who needs CREATEROLE and to own the
 *  database). FAILED_PRECONDITION if the database holds a migration we do not know or one whose text has changed. Safe to run twice or at
 *  once from many places. *applied (may be NULL) counts the files applied now. */
must_use enum status store_migrate(const char *conninfo, uint32_t *applied, struct error *err);
/** FAILED_PRECONDITION unless the schema is exactly ours. */
must_use enum status store_schema_check(struct store *store, struct error *err);
/** Make monthly partitions for `months` months from the month of at_ms on; existing ones are kept. */
must_use enum status store_partitions_ahead(struct store *store, int64_t at_ms, uint32_t months, struct error *err);

/* ---- leases: who may write a city's facts; the database's clock alone counts ---- */

/** Become leader of the city for lease_ms. Raises the epoch, which fences every earlier leader's writes. FAILED_PRECONDITION with retry_ms
 *  while another holder's lease runs; the same holder (a restarted node) takes over at once. *epoch is for store_facts_write. */
must_use enum status store_city_lead(struct store *store, struct city_id city, const char *holder, uint32_t lease_ms, uint64_t *epoch,
                                     struct error *err);
/** Renew; never waits for writers. FAILED_PRECONDITION if somebody has taken over. */
must_use enum status store_city_beat(struct store *store, struct city_id city, uint64_t epoch, uint32_t lease_ms, struct error *err);
/** End the lease early, so that a successor need not wait. The epoch stays. */
must_use enum status store_city_release(struct store *store, struct city_id city, uint64_t epoch, struct error *err);

/* ---- intake ---- */

/** A validated request for an order. Everything dispatch needs is prepared by the api in `order`; what is a matter of the database (member,
 *  policy, formulary, goods' volume and skills, specimen stability, promise, ids) is filled in here. */
struct submission {
    struct city_id city;              /* the order's and the member's home city */
    char source[SOURCE_TEXT_MAX];     /* the authenticated caller; part of the idempotency key */
    struct cause cause;               /* key and request hash; key must not be zero */
    char member[CODE_TEXT_MAX];       /* the member's external code */
    bool accident;                    /* no waiting period */
    struct prescription prescription; /* kind PRESCRIPTION only */
    struct recipient recipient;
    uint32_t line_count;              /* 1..ORDER_LINES_MAX */
    struct order_line lines[ORDER_LINES_MAX]; /* product or test codes; a test's price_fen -1 means the catalogue's price */
    int64_t other_coverage_fen;
    struct order_id parent;           /* tests: the order whose specimen was rejected for a courier's or the laboratory's fault; its claim is this one's. 0 none */
    int64_t give_up_us;               /* clock_boot_us() from which on nobody waits for the answer: decided no more (DEADLINE_EXCEEDED); 0: somebody always does.
                                         Once it is decided it is committed: a COMMIT is never cut short */
    bool quote;                       /* decide only: nothing is stored, held or used up, and the key is not looked at; ids in the answer are 0 */
    /** kind, priority, first/home/labs stops snapped, pharmacy. accepted_ms 0: now_ms. promise_ms 0: accepted + the plan's promise; a given
     *  one wins only if later. ready_ms 0: accepted_ms. goods, stability_s, needs_approval, home.service_s: raised to what the catalogue asks.
     *  pickup_code empty: six random digits. id and phase are set here. */
    struct order order;
};

struct intake_result {
    enum status status;       /* OK: stored and committed, whether accepted or refused; else nothing of this one is stored */
    struct error error;       /* INVALID_ARGUMENT and NOT_FOUND name the field */
    bool repeated;            /* the same request was answered before: this is the original answer */
    struct order order;       /* as stored; phase REFUSED or ADJUDICATED (for a repeated one: the phase it has by now) */
    struct claim claim;       /* the decision, with rule and text if refused */
};

/** Adjudicate and store up to STORE_INTAKE_MAX orders in one transaction, each with contact, lines, claim, hold, events and (if accepted) an
 *  outbox row. If the transaction fails for a reason that lies in an order, the orders are retried one by one, so that a bad one sinks alone.
 *  Returns OK when every results[i].status tells its own story; else (UNAVAILABLE, …) none of the batch has been answered. now_ms is the
 *  city's clock. Works for several cities in one batch, and on any node: it needs no lease. */
must_use enum status store_intake(struct store *store, const struct submission *batch, size_t count, int64_t now_ms,
                                  struct intake_result *results, struct error *err);

/** Accepted orders that are not yet in the city's world, oldest first; out[] is the caller's. An order stays in the outbox until the
 *  transaction that writes its FACT_ORDER_ENTERED: the reader must pass over orders that its world already knows. */
must_use enum status store_outbox_read(struct store *store, struct city_id city, struct order *out, size_t capacity, size_t *count,
                                       struct error *err);

/* ---- facts ---- */

/** Write a city's facts: one transaction, fenced by the epoch. facts[i].seq must follow on the last one stored, densely (ABORTED if not, with
 *  the last stored seq in the text). In the same transaction: orders' phase, version, courier, eta, lab and end; outbox rows of ORDER_ENTERED go;
 *  money: DELIVERED posts the hold, LAB_ACCEPTED posts it as accrual to that lab's payee, REPORTED makes the accrual payable,
 *  CANCELLED/FAILED/RETURNED/LAB_REJECTED void a hold that has not ended, PROMISE_MISSED credits the plan's late compensation once.
 *  A stale epoch: FAILED_PRECONDITION, reason STALE_EPOCH. */
must_use enum status store_facts_write(struct store *store, struct city_id city, uint64_t epoch, const struct fact *facts, size_t count,
                                       struct error *err);
/** The last stored seq of the city's world; 0 if none. */
must_use enum status store_facts_last(struct store *store, struct city_id city, uint64_t *seq, struct error *err);
/** Read facts with seq > after, in order, at most `limit` (<= STORE_PAGE_MAX): each is decoded into `arena` and given to on_fact, which returns
 *  false to stop early. *count (may be NULL) tells how many were given. DATA_LOSS if stored bytes cannot be read. */
typedef bool (*store_on_fact)(void *context, const struct fact *fact);
must_use enum status store_facts_read(struct store *store, struct city_id city, uint64_t after_seq, uint32_t limit, struct arena *arena,
                                      store_on_fact on_fact, void *context, size_t *count, struct error *err);
/** One order's story, in order. */
struct order_event_view {
    int64_t at_ms, source_ms;
    bool intake;              /* from intake (kind is then 0 and `phase` says what was reached), else a world fact */
    enum fact_kind kind;
    enum order_phase phase;
    struct courier_id courier;
    char actor[ACTOR_TEXT_MAX];
    uint64_t seq;
    struct fact fact;         /* a world fact's own fields; what entered and route point to is not kept: NULL */
};
must_use enum status store_order_history(struct store *store, struct city_id city, struct order_id order, struct order_event_view *out,
                                         size_t capacity, size_t *count, struct error *err);

/** Keep a snapshot of the world as of `seq` (facts up to it are in); older ones beyond the newest three are dropped. Fenced by the epoch. */
must_use enum status store_snapshot_save(struct store *store, struct city_id city, uint64_t epoch, uint64_t seq, int64_t at_ms,
                                         const struct buffer *body, struct error *err);
/** The newest snapshot whose hash is right; NOT_FOUND if none. `body` must be initialised (cap STORE_SNAPSHOT_MAX). */
must_use enum status store_snapshot_load(struct store *store, struct city_id city, uint64_t *seq, int64_t *at_ms, struct buffer *body,
                                         struct error *err);

/* ---- reads ---- */

/** An order as the outside may see it. */
struct order_view {
    struct order order;       /* as accepted, with the phase of now */
    uint32_t version;
    char member[CODE_TEXT_MAX];
    struct claim_id claim;
    struct order_id parent;
    struct courier_id courier;
    struct facility_id lab;
    int64_t eta_ms, ended_ms;
    bool late;
    enum unplanned_reason unplanned;
    char reason[REASON_TEXT_MAX];
    char pharmacist[CODE_TEXT_MAX];
    char source[SOURCE_TEXT_MAX];
};
must_use enum status store_order_read(struct store *store, struct city_id city, struct order_id order, struct order_view *out, struct error *err);

struct order_filter {
    bool by_phase;
    enum order_phase phase;
    bool live_only;                /* not yet ended */
    struct facility_id pharmacy;   /* 0 any */
    char member[CODE_TEXT_MAX];    /* "" any */
    struct order_id after;         /* page token: orders with a greater id; 0 from the start */
};
/** Ascending by id; a full page means there may be more: pass the last id as `after`. */
must_use enum status store_orders_list(struct store *store, struct city_id city, const struct order_filter *filter, struct order_view *out,
                                       size_t capacity, size_t *count, struct error *err);
/** Who and where; the read is recorded in the access log under `actor` before it is opened. NOT_FOUND, also (ERASED) when the member's data was erased. */
must_use enum status store_order_contact(struct store *store, struct city_id city, struct order_id order, const char *actor, const char *reason, int64_t now_ms,
                                         struct recipient *out, struct error *err);
must_use enum status store_claim_read(struct store *store, struct city_id city, struct claim_id claim, struct claim *out, struct error *err);
must_use enum status store_claim_of_order(struct store *store, struct city_id city, struct order_id order, struct claim *out, struct error *err);
struct claim_filter {
    char member[CODE_TEXT_MAX];    /* "" any */
    enum claim_state state;        /* 0 any */
    int64_t from_ms, to_ms;        /* service time in [from, to); to 0 = no end */
    struct claim_id after;
};
must_use enum status store_claims_list(struct store *store, struct city_id city, const struct claim_filter *filter, struct claim *out,
                                       size_t capacity, size_t *count, struct error *err);

/** Decide up to STORE_PAGE_MAX past claims again, ascending from `after`, from what was kept with each, and compare to the byte with what is stored.
 *  Role app or settlement (the kept facts are health data). Call again with `through` while `more`. */
struct claims_replay {
    uint64_t checked, without_basis; /* claims of before 0003_claims.sql have none */
    struct claim_id through;
    bool more;
    size_t differing_count;          /* of which the first are in differing[] */
    struct claim_id differing[16];
};
must_use enum status store_claims_replay(struct store *store, struct city_id city, struct claim_id after, struct claims_replay *out, struct error *err);

/** A member-year account. */
struct benefits_view {
    char member[CODE_TEXT_MAX], policy[CODE_TEXT_MAX], plan[CODE_TEXT_MAX];
    uint32_t plan_version;
    int32_t year_start_day;        /* days since 1970-01-01 */
    int64_t limit_fen, pending_fen, posted_fen;
    int64_t deductible_fen, deductible_used_fen;
    uint32_t rate_bps[CLAIMS_BENEFIT_COUNT], count_max[CLAIMS_BENEFIT_COUNT], count_used[CLAIMS_BENEFIT_COUNT]; /* by enum benefit */
};
/** As of at_ms: policy in force then. NOT_FOUND: no such member, or no policy in force (the text says which). */
must_use enum status store_benefits_read(struct store *store, struct city_id city, const char *member, int64_t at_ms, struct benefits_view *out,
                                         struct error *err);

/** How the orders accepted in [from_ms, to_ms) went, and how long the delivered ones (handed over, or taken in by a laboratory) took. */
struct kpis_view {
    uint64_t total, delivered, failed, refused, cancelled, within_promise, within_3h, couriers;
    uint32_t mean_s, p50_s, p90_s, p99_s; /* acceptance to the end, of delivered ones; 0: none */
};
must_use enum status store_kpis_read(struct store *store, struct city_id city, int64_t from_ms, int64_t to_ms, struct kpis_view *out, struct error *err);

/* ---- callers: tokens, certificates, sign-in codes; and who read what ---- */

enum { STORE_CALLERS_MAX = 200000 };
/** A number that changes whenever a caller of the city does. */
must_use enum status store_callers_version(struct store *store, struct city_id city, uint64_t *out, struct error *err);
/** Tokens and certificates in force, ascending by id; with `ended` all, codes too. *out is the caller's to free. */
must_use enum status store_callers_read(struct store *store, struct city_id city, bool ended, struct caller **out, uint32_t *count, struct error *err);
/** As owner. Its times but expires_ms are the database's. */
must_use enum status store_caller_add(struct store *store, const struct caller *caller, uint64_t *id, struct error *err);
/** As owner. Again is fine; NOT_FOUND. */
must_use enum status store_caller_revoke(struct store *store, struct city_id city, uint64_t id, struct error *err);
/** Take a code, once: *out is the new token's caller. UNAUTHENTICATED otherwise. */
must_use enum status store_caller_sign_in(struct store *store, struct city_id city, const uint8_t code[32], const uint8_t token[32], struct caller *out, struct error *err);
/* ---- whose eyes: row security by role and tenant under the API's own checks ---- */

/** From now on this connection (role app) sees what the caller with this credential may see, and nothing if it is not known any more (PERMISSION_DENIED): it takes the
 *  caller's own database role, and the schema's policies say which rows that is. Writes are refused; access_note is not. Over a lost connection it is entered again. */
must_use enum status store_scope_enter(struct store *store, struct city_id city, const uint8_t digest[32], struct error *err);
/** The application itself again. */
void store_scope_leave(struct store *store);

/** One line a subject (order, claim or member id; 0: none in particular) in the log of reads, each chained to the one before. */
must_use enum status store_access_note(struct store *store, struct city_id city, const char *actor, const char *what, const uint64_t *subjects, uint32_t count, const char *reason,
                                       int64_t now_ms, struct error *err);
/** Where the log stands; role owner. */
struct access_head { uint64_t seq; struct sha256 hash; };
must_use enum status store_access_head(struct store *store, struct city_id city, struct access_head *out, struct error *err);
/** Recompute the chain; `kept` (NULL none): a head that somebody wrote down, which must still be in it. Role owner. OK with *count 0: whole. */
struct access_fault { char what[16]; uint64_t seq; };
must_use enum status store_access_verify(struct store *store, struct city_id city, const struct access_head *kept, struct access_fault *out, size_t capacity, size_t *count,
                                         struct error *err);
struct access_line { uint64_t seq, subject; int64_t at_ms; char actor[ACTOR_TEXT_MAX], what[ACTOR_TEXT_MAX], reason[REASON_TEXT_MAX]; struct sha256 hash; };
/** Lines after `after`, ascending, at most capacity (<= STORE_PAGE_MAX). Role owner. */
must_use enum status store_access_lines(struct store *store, struct city_id city, uint64_t after, struct access_line *out, size_t capacity, size_t *count, struct error *err);

/* ---- keys: names, phones, addresses and identity numbers are sealed (AES-256-GCM) by a key of their member's, that by a key of the key file ---- */

enum { STORE_KEYS_MAX = 64 };
#define STORE_KEYS_CREDENTIAL "meddispatch.keys" /* as systemd's LoadCredential= names it */
struct store_key { uint32_t id; int64_t made_s; };
/** The key file that is meant: `wanted`, else systemd's credential, else (*given false) one in the user's state folder, for development. */
must_use enum status store_keys_path(const char *wanted, char *out, size_t capacity, bool *given, struct error *err);
/** Use this file's keys in this process from now on; the file is read again whenever it has changed. NOT_FOUND: there is none. INVALID_ARGUMENT: it is no key file,
 *  or others may read it. Without keys, orders are refused and contacts cannot be read (FAILED_PRECONDITION, NO_KEYS). Any thread. */
must_use enum status store_keys_use(const char *path, struct error *err);
/** The same, and make the file (and its folders) if there is none: *made. */
must_use enum status store_keys_use_or_make(const char *path, bool *made, struct error *err);
/** The key that seals what is new. */
must_use enum status store_keys_newest(uint32_t *id, struct error *err);
/** Files, each written whole: a new one with one key (ALREADY_EXISTS); one key more, the newest; one less, never the newest; what is in it (capacity STORE_KEYS_MAX). */
must_use enum status store_keys_create(const char *path, uint32_t *id, struct error *err);
must_use enum status store_keys_add(const char *path, uint32_t *id, struct error *err);
must_use enum status store_keys_drop(const char *path, uint32_t id, struct error *err);
must_use enum status store_keys_list(const char *path, struct store_key *out, uint32_t *count, struct error *err);
/** Seal all members' keys by the newest; safe beside running daemons. How many members' keys are sealed by `id`. Contacts from before there were keys. Role owner. */
must_use enum status store_keys_reseal(struct store *store, uint64_t *count, struct error *err);
must_use enum status store_key_uses(struct store *store, uint32_t id, uint64_t *count, struct error *err);
must_use enum status store_contacts_seal(struct store *store, uint64_t *count, struct error *err);

/** Who a member is. */
struct person { char name[NAME_TEXT_MAX], phone[PHONE_TEXT_MAX], address[ADDRESS_TEXT_MAX], identity_number[CODE_TEXT_MAX]; };
struct person_row { char code[CODE_TEXT_MAX]; struct person person; };
/** At most STORE_BULK_MAX, one transaction; of a code named twice the last counts. NOT_FOUND: no such member. FAILED_PRECONDITION (ERASED). */
must_use enum status store_persons_put(struct store *store, struct city_id city, const struct person_row *rows, size_t count, struct error *err);
/** Recorded in the access log with its reason. NOT_FOUND, also (ERASED) after erasure. Role owner. */
must_use enum status store_person_read(struct store *store, struct city_id city, const char *member, const char *actor, const char *reason, int64_t now_ms, struct person *out,
                                       struct error *err);
/** Erase a member's key and all that it seals; orders, claims and books stay as they are. *done false: it was done before.
 *  FAILED_PRECONDITION: an order of his is under way. Role owner. */
must_use enum status store_person_erase(struct store *store, struct city_id city, const char *member, const char *actor, bool *done, struct error *err);

/* ---- roads: what dispatchers report of them ---- */

enum { ROAD_OVERRIDES_MAX = 2000, ROAD_POINTS_MAX = 200 }; /* in force at once in a city; of one area */
enum road_kind { ROAD_WAY = 1, ROAD_AT_POINT, ROAD_AREA };

/** A closed or slow road, way or area, until `until_ms`. */
struct road_override {
    uint64_t id;
    enum road_kind kind;
    int64_t way;                  /* ROAD_WAY: OpenStreetMap's id */
    uint32_t point_count;         /* ROAD_AT_POINT: 1 (both directions) or 2 (the direction from the first to the second); ROAD_AREA: 3.. */
    struct point *points;         /* in the reader's arena; borrowed by a report */
    uint32_t speed_percent;       /* of what the hour says; 0: closed, unless speed_kmh */
    uint32_t speed_kmh;
    int64_t reported_ms, until_ms;
    char actor[ACTOR_TEXT_MAX], reason[REASON_TEXT_MAX];
    int64_t withdrawn_ms;         /* 0: not withdrawn */
    char withdrawn_by[ACTOR_TEXT_MAX], withdrawn_for[REASON_TEXT_MAX];
};
/** Keep a report (id and withdrawal are not read). The same cause again gives the first id and *repeated; ALREADY_EXISTS if it asks for
 *  something else. RESOURCE_EXHAUSTED beyond ROAD_OVERRIDES_MAX in force. */
must_use enum status store_road_report(struct store *store, struct city_id city, const struct road_override *report, const struct cause *cause, uint64_t *id,
                                       bool *repeated, struct error *err);
/** End it before its time. Withdrawn before is well: the first withdrawal stays. NOT_FOUND. */
must_use enum status store_road_withdraw(struct store *store, struct city_id city, uint64_t id, int64_t at_ms, const char *actor, const char *reason,
                                         bool *repeated, struct error *err);
/** Those not withdrawn and not over at now_ms, or with `ended` the latest of all; newest first, at most ROAD_OVERRIDES_MAX. */
must_use enum status store_roads_read(struct store *store, struct city_id city, int64_t now_ms, bool ended, struct arena *arena, struct road_override **out,
                                      uint32_t *count, struct error *err);

/* ---- catalogue ---- */

struct test {
    char code[CODE_TEXT_MAX];
    char name_zh[TITLE_TEXT_MAX], name_en[TITLE_TEXT_MAX], specimen[NAME_TEXT_MAX];
    enum benefit benefit;          /* TEST or CHECKUP */
    int64_t ceiling_fen;           /* also the price we ask */
    bool eligible;
    uint32_t stability_s, turnaround_s, repeat_days;
    uint32_t age_min, age_max;     /* max 0: no limit */
    char sex;                      /* 0 both, 'F', 'M' */
    bool needs_sampling_skill, cold;
    uint32_t volume_ml, home_s;
    uint32_t version;              /* set by the store */
    uint32_t lab_count;            /* catalog_load: active, contracted labs that do it */
    uint32_t labs[LABS_PER_TEST_MAX]; /* indexes into catalog.facilities */
};

struct product {
    char code[CODE_TEXT_MAX];
    char name_zh[TITLE_TEXT_MAX], name_en[TITLE_TEXT_MAX];
    char atc[9];
    char approval[CODE_TEXT_MAX];
    int64_t approval_till_ms;      /* 0 no end */
    int64_t ceiling_fen;
    bool rx, eligible, prohibited, controlled, injection, hypoglycaemic, chronic, cold;
    uint32_t age_min, age_max;
    char sex;
    char indications[CLAIMS_INDICATIONS_MAX];
    uint32_t pack_supply_ddays, quantity_max, volume_ml;
};

/** What the daemon keeps in memory of a city: immutable, in the arena it was loaded into. */
struct catalog {
    struct city_id city;
    char city_name[NAME_TEXT_MAX];
    int32_t utc_offset_s;
    uint32_t facility_count, courier_count, test_count;
    const struct facility *facilities; /* ascending by id */
    const struct courier *couriers;    /* ascending by id */
    const struct test *tests;          /* ascending by code; those in force now */
    uint64_t product_count, member_count;
};
must_use enum status store_catalog_load(struct store *store, struct city_id city, struct arena *arena, struct catalog *out, struct error *err);
/** Borrowed finds; NULL if absent. */
const struct facility *catalog_facility(const struct catalog *catalog, struct facility_id id);
const struct courier *catalog_courier(const struct catalog *catalog, struct courier_id id);
const struct test *catalog_test(const struct catalog *catalog, const char *code);
must_use enum status store_product_read(struct store *store, struct city_id city, const char *code, struct product *out, struct error *err);

/** Bulk upserts, at most STORE_BULK_MAX rows a call, each call one transaction: all or nothing. Idempotent. Products, tests and plans are
 *  versioned: a row equal to the one in force changes nothing, another ends it at from_ms and begins the next version there (from_ms 0 on
 *  first load: valid since ever). INVALID_ARGUMENT names the row ("rows[17].birth"). *changed (may be NULL) counts rows written. */
struct city_row { struct city_id city; char name[NAME_TEXT_MAX]; int32_t utc_offset_s; };
must_use enum status store_city_put(struct store *store, const struct city_row *city, struct error *err);
struct plan_row {
    char plan[CODE_TEXT_MAX], name[NAME_TEXT_MAX];
    struct claims_plan terms;      /* version is set by the store */
    uint32_t promise_s;            /* 10800 */
    int64_t late_fen;
};
must_use enum status store_plans_put(struct store *store, struct city_id city, const struct plan_row *rows, size_t count, int64_t from_ms,
                                     uint32_t *changed, struct error *err);
struct member_row {                /* a member and one policy of his */
    char code[CODE_TEXT_MAX];
    int32_t birth_day;             /* days since 1970-01-01 */
    char sex;                      /* 'F', 'M' */
    char policy[CODE_TEXT_MAX], plan[CODE_TEXT_MAX];
    int32_t valid_from_day, valid_to_day, inception_day; /* to: exclusive; inception 0 with from > 0: = from */
    bool renewal;
};
must_use enum status store_members_put(struct store *store, struct city_id city, const struct member_row *rows, size_t count, int64_t now_ms,
                                       uint32_t *changed, struct error *err);
must_use enum status store_products_put(struct store *store, struct city_id city, const struct product *rows, size_t count, int64_t from_ms,
                                        uint32_t *changed, struct error *err);
must_use enum status store_tests_put(struct store *store, struct city_id city, const struct test *rows, size_t count, int64_t from_ms,
                                     uint32_t *changed, struct error *err);
struct facility_row {
    struct facility facility;
    bool contracted;
    uint32_t test_count;                             /* labs: the tests done there replace the old list */
    const char (*tests)[CODE_TEXT_MAX];              /* borrowed */
};
must_use enum status store_facilities_put(struct store *store, struct city_id city, const struct facility_row *rows, size_t count,
                                          uint32_t *changed, struct error *err);
must_use enum status store_couriers_put(struct store *store, struct city_id city, const struct courier *rows, size_t count, uint32_t *changed,
                                        struct error *err);
struct payee_row { char payee[CODE_TEXT_MAX]; char name[141]; char account[35]; char bank[36]; };
must_use enum status store_payees_put(struct store *store, struct city_id city, const struct payee_row *rows, size_t count, uint32_t *changed,
                                      struct error *err);

/* ---- money ---- */

/** Units of a claim's line are given back (posted) or were never dispensed (held: delivery posts so much less and releases the rest): the formula of DOMAIN §2, by new entries that name what they reverse. The same (source, key) with
 *  the same content gives the original answer; with other content ALREADY_EXISTS. FAILED_PRECONDITION if the claim is neither, or nothing of a held one would be left; OUT_OF_RANGE
 *  if more would come back than was given out. */
struct reversal_request {
    struct city_id city;
    struct claim_id claim;
    uint32_t line;                 /* 1-based */
    uint32_t quantity;
    char source[SOURCE_TEXT_MAX];
    char key[KEY_TEXT_MAX];
    char actor[ACTOR_TEXT_MAX];
    char reason[REASON_TEXT_MAX];
    int64_t at_ms;
};
struct reversal_answer { int64_t benefit_fen, member_fen; bool repeated; };
must_use enum status store_claim_reverse(struct store *store, const struct reversal_request *request, struct reversal_answer *out, struct error *err);

/** Close every business day up to `day` (days since 1970-01-01) and seal its block of the hash chain; a day already closed stays as it is
 *  (*closed counts the days closed now). Role settlement. */
must_use enum status store_day_close(struct store *store, struct city_id city, int32_t day, const char *by, uint32_t *closed, struct error *err);
/** The last closed business day; 0 if none. */
must_use enum status store_day_closed_through(struct store *store, struct city_id city, int32_t *day, struct error *err);

struct trial_row { enum claims_account account; char owner[CODE_TEXT_MAX]; int64_t debit_fen, credit_fen; };
/** Sums per account over all entries of business days up to `through_day` (INT32_MAX: all) posted at or before at_ms (INT64_MAX: any), ascending
 *  by (account, owner). Members' accounts are summed into one row each kind. *count may be at most `capacity`; OUT_OF_RANGE if there are more. */
must_use enum status store_trial_balance(struct store *store, struct city_id city, int32_t through_day, int64_t at_ms, struct trial_row *out,
                                         size_t capacity, size_t *count, struct error *err);

/** The balance (credit less debit) of one account, or of all sub-accounts of a kind (owner ""), over entries of business days up to `through_day`
 *  that were posted at or before at_ms (INT64_MAX: any). */
must_use enum status store_account_balance(struct store *store, struct city_id city, enum claims_account account, const char *owner, int32_t through_day,
                                           int64_t at_ms, int64_t *balance_fen, struct error *err);
/** One entry as an account's statement shows it. amount_fen: credits positive, debits negative. */
struct statement_row {
    uint64_t entry, claim, order;
    int32_t day;
    int64_t at_ms, amount_fen;
    char kind[24];
    enum claims_account counter_account;
    char counter_owner[CODE_TEXT_MAX];
    char source[SOURCE_TEXT_MAX];
    char key[161];
};
/** An account's entries of business days from..through in (day, entry) order, those after (after_day, after_entry), at most capacity
 *  (<= STORE_PAGE_MAX). `owner` names one sub-account ("" for the house's own). */
struct statement_ask {
    struct city_id city;
    enum claims_account account;
    const char *owner;
    int32_t from_day, through_day, after_day;
    uint64_t after_entry;
};
must_use enum status store_statement(struct store *store, const struct statement_ask *ask, struct statement_row *out, size_t capacity, size_t *count,
                                     struct error *err);

/** A sealed day of the hash chain. */
struct ledger_block {
    int32_t day;
    uint64_t entry_count;
    int64_t amount_fen;
    struct sha256 previous, hash;
};
/** Blocks of days > after_day, ascending. */
must_use enum status store_ledger_blocks(struct store *store, struct city_id city, int32_t after_day, struct ledger_block *out, size_t capacity,
                                         size_t *count, struct error *err);
/** Hand over the rows of one business day in entry order as tab-separated lines without line end: entry, day, at_ms, kind, debit, credit, amount,
 *  currency, claim, line, order, reverses, source, key, row hash in hex; backslash escaped as COPY does. Streams: memory does not grow with the day. */
typedef enum status (*store_on_line)(void *context, const char *line, size_t size, struct error *err);
must_use enum status store_ledger_export(struct store *store, struct city_id city, int32_t day, store_on_line on_line, void *context, struct error *err);
/** The accounts that entries name, in id order: id, kind, owner. */
must_use enum status store_accounts_export(struct store *store, struct city_id city, store_on_line on_line, void *context, struct error *err);

/** Void up to STORE_PAGE_MAX holds opened before before_ms whose order was neither delivered nor accepted by a laboratory; call again while *expired is
 *  STORE_PAGE_MAX. Role settlement. Safe to run beside everything: a hold that ends meanwhile is passed over. */
must_use enum status store_holds_expire(struct store *store, struct city_id city, int64_t before_ms, int64_t at_ms, uint32_t *expired, struct error *err);

/** One thing that is wrong in the books. */
struct ledger_fault { char what[48]; uint64_t entry, claim; int64_t expected_fen, found_fen; int32_t day; };
/** Recompute everything: row hashes, chain of sealed blocks, debits = credits, holds against ended holds and member-years, claims against
 *  entries, reversals against lines. *entries counts what was checked. OK with *count == 0 is a sound ledger. */
must_use enum status store_ledger_verify(struct store *store, struct city_id city, struct ledger_fault *out, size_t capacity, size_t *count,
                                         uint64_t *entries, struct error *err);

/* ---- settlement: role settlement; one batch a payee and closed business day ---- */

enum payout_state { PAYOUT_DRAFT = 1, PAYOUT_SEALED, PAYOUT_APPROVED, PAYOUT_SENT, PAYOUT_CONFIRMED, PAYOUT_FAILED, PAYOUT_STATE_COUNT };
const char *payout_state_name(enum payout_state state);

enum { PAYOUT_FILE_NAME_MAX = 201, BANK_REF_MAX = 97 };

/** A batch; its identity is (city, payee, day, run). net + brought = total + carried: what the day sums to, what was still owed by the payee
 *  before (<= 0), what is paid (>= 0), what is still owed after (<= 0). */
struct payout {
    struct city_id city;
    char payee[CODE_TEXT_MAX];
    int32_t day;                    /* days since 1970-01-01 */
    uint32_t run;
    enum payout_state state;
    uint32_t item_count;
    int64_t net_fen, brought_fen, total_fen, carried_fen;
    char prepared_by[HOLDER_TEXT_MAX], approved_by[HOLDER_TEXT_MAX];
    char file_name[PAYOUT_FILE_NAME_MAX];
    bool has_file;
    struct sha256 file_sha256;      /* of the sealed file */
    char bank_ref[BANK_REF_MAX];
};
struct payout_item {
    uint64_t entry;
    char kind[24];                  /* POST, REPORT, REVERSE, PAYOUT_FAILED */
    struct claim_id claim;          /* 0: none */
    struct order_id order;
    uint32_t line;                  /* 1-based for REVERSE, else 0 */
    int64_t at_ms, service_ms;
    int64_t submitted_fen, eligible_fen, claim_benefit_fen, member_fen; /* of the whole claim */
    int64_t amount_fen;             /* reversals negative */
    char rules[ORDER_LINES_MAX * (CLAIM_RULES_TEXT_MAX + 2)]; /* of its lines: "1:R14,R17 2:R8" */
};

/** Make the day's batches as DRAFT, each with all payable entries of that day that are in no batch yet; payee "" means all payees. Those there
 *  stay as they are: calling again makes nothing. FAILED_PRECONDITION: the day is not closed (reason DAY_OPEN), or the payee has entries of an
 *  earlier day (31 days are looked back) in no batch (EARLIER_DAY_OPEN: prepare that day first). */
must_use enum status store_payouts_prepare(struct store *store, struct city_id city, int32_t day, const char *payee, const char *by, uint32_t *made,
                                           struct error *err);
/** Ascending by payee; payee "" means all. OUT_OF_RANGE if there are more than `capacity`. */
must_use enum status store_payouts_list(struct store *store, struct city_id city, int32_t day, const char *payee, struct payout *out, size_t capacity,
                                        size_t *count, struct error *err);
/** Hand over the items of up to STORE_PAGE_MAX batches of one city and day, batch by batch in the order given, ascending by entry within one. Streams: memory does not grow
 *  with their number. `batch` is the index. */
typedef enum status (*store_on_item)(void *context, size_t batch, const struct payout_item *item, struct error *err);
must_use enum status store_payouts_items(struct store *store, const struct payout *batches, size_t count, store_on_item on_item, void *context, struct error *err);
/** DRAFT -> SEALED (with the batches' file_name and file_sha256), SEALED -> APPROVED, APPROVED -> SENT: all of up to STORE_PAGE_MAX batches of one city and day in one
 *  transaction, or none. FAILED_PRECONDITION from any other state (reason PAYOUT_STATE), if the approver is a preparer (payout_four_eyes), if this very file was sent before
 *  (ALREADY_EXISTS, payout_file_once), or if an earlier batch of a payee has not been sent (EARLIER_DAY_OPEN). Sending books PAYOUT, CARRY and RECOVER in the same transaction. */
must_use enum status store_payouts_seal(struct store *store, const struct payout *batches, size_t count, struct error *err);
must_use enum status store_payouts_approve(struct store *store, const struct payout *batches, size_t count, const char *by, struct error *err);
must_use enum status store_payouts_send(struct store *store, const struct payout *batches, size_t count, int64_t at_ms, struct error *err);
/** SENT -> CONFIRMED or FAILED, in the bank's words. FAILED books the money back to the payee, to be paid with a later day. */
must_use enum status store_payout_end(struct store *store, const struct payout *batch, bool paid, const char *bank_ref, int64_t at_ms, struct error *err);

/* ---- payments told to the bank, and what it says of them: role settlement ---- */

enum { PAYMENT_NAME_MAX = 141, PAYMENT_ACCOUNT_MAX = 35, PAYMENT_BANK_MAX = 36, END_TO_END_MAX = 36, BANK_MESSAGE_ID_MAX = 71, BANK_REASON_MAX = 36,
       BANK_ENTRIES_MAX = 200000 };

struct payment_party { char name[PAYMENT_NAME_MAX], account[PAYMENT_ACCOUNT_MAX], bank[PAYMENT_BANK_MAX]; };
must_use enum status store_payer_put(struct store *store, struct city_id city, const struct payment_party *payer, struct error *err);

/** A message to the bank: identity (city, day, number). Payer and payees are kept as they were when it was made. */
struct payout_message {
    struct city_id city;
    int32_t day;
    uint32_t number, payment_count;
    int64_t total_fen;
    struct payment_party payer;
    int32_t utc_offset_s;
    bool has_file;
    struct sha256 file_sha256;
};
struct payout_payment {
    char payee[CODE_TEXT_MAX], end_to_end[END_TO_END_MAX];
    uint32_t run;
    int64_t amount_fen;
    struct payment_party to;
};
/** Put the day's approved batches (of `payee`; "" all) with something to pay, that are in no message, into the next one. *made 0: there are none, or no payer is known
 *  (*payer_known false). FAILED_PRECONDITION (PAYEE_UNKNOWN): a payee has no account. */
must_use enum status store_messages_make(struct store *store, struct city_id city, int32_t day, const char *payee, const char *by, uint32_t *made,
                                         bool *payer_known, struct error *err);
/** The day's messages, ascending. OUT_OF_RANGE if there are more than capacity. */
must_use enum status store_messages_list(struct store *store, struct city_id city, int32_t day, struct payout_message *out, size_t capacity, size_t *count,
                                         struct error *err);
/** Payments ascending by (payee, run), those after; at most capacity (<= STORE_PAGE_MAX). `after_payee` "" from the start. */
must_use enum status store_message_payments(struct store *store, const struct payout_message *message, const char *after_payee, uint32_t after_run,
                                            struct payout_payment *out, size_t capacity, size_t *count, struct error *err);
must_use enum status store_message_seal(struct store *store, const struct payout_message *message, const char *file_name, const struct sha256 *file_sha256,
                                        struct error *err);

enum bank_kind { BANK_STATUS_REPORT = 1, BANK_STATEMENT }; /* pain.002, camt.053 */
enum bank_what { BANK_ACCEPTED = 1, BANK_PAID, BANK_REJECTED, BANK_RETURNED, BANK_OTHER };
/** CONFIRMED, FAILED: the batch has moved on. NOTED: nothing to do (accepted, or told before). UNKNOWN: no payment of ours has this id. AMOUNT: another
 *  amount than ours. STATE: the batch cannot go there. The last three are for a person: reconciliation lists them. */
enum bank_outcome { BANK_NOTED = 1, BANK_CONFIRMED, BANK_FAILED, BANK_UNKNOWN, BANK_AMOUNT, BANK_STATE, BANK_OUTCOME_COUNT };
const char *bank_outcome_name(enum bank_outcome outcome);
struct bank_entry {
    char end_to_end[END_TO_END_MAX];
    enum bank_what what;
    int64_t amount_fen;             /* 0: not told */
    char bank_ref[BANK_REF_MAX], reason[BANK_REASON_MAX];
    enum bank_outcome outcome;      /* set by store_bank_apply */
};
struct bank_file {
    struct sha256 hash;             /* of the file as it came */
    enum bank_kind kind;
    char message_id[BANK_MESSAGE_ID_MAX];
    struct bank_entry *entries;     /* the caller's */
    size_t count;                   /* at most BANK_ENTRIES_MAX */
};
/** One transaction for the whole file: it is kept, and every entry moves its batch or is noted. A file that came before changes nothing (*repeated). */
must_use enum status store_bank_apply(struct store *store, struct city_id city, struct bank_file *file, const char *by, int64_t at_ms, bool *repeated,
                                      struct error *err);

/** One job at a time works on a city's settlement: waits up to 30 s for another to end, then ABORTED. Held until the connection closes. */
must_use enum status store_settle_lock(struct store *store, struct city_id city, struct error *err);

/** Sums for a report of a day: the days before it, the day's entries by kind, and what reconciliation has open, by kind and age in days. */
enum { REPORT_DAYS_MAX = 31, REPORT_KINDS_MAX = 16, REPORT_EXCEPTIONS_MAX = 64, REPORT_AGES = 4 /* the day itself, 1-2 days, 3-7, older */ };
struct settlement_report {
    uint32_t day_count, kind_count, exception_count;
    struct report_day { int32_t day; uint64_t batches; int64_t net_fen, paid_fen, carried_fen, failed_fen; } days[REPORT_DAYS_MAX];  /* ascending, closed days only */
    struct report_kind { char name[24]; uint64_t count, late; int64_t fen; } kinds[REPORT_KINDS_MAX]; /* late: happened on an earlier day, which was closed */
    struct report_exception { char kind[48]; uint64_t count[REPORT_AGES]; int64_t difference_fen; int32_t oldest_day; } exceptions[REPORT_EXCEPTIONS_MAX];
};
must_use enum status store_settlement_report(struct store *store, struct city_id city, int32_t day, struct settlement_report *out, struct error *err);

/** One payee's day, counted five times over: from orders and holds, from claims' reversals, from the ledger, from batch items, from the batch. */
struct recon_row {
    char payee[CODE_TEXT_MAX];
    uint64_t claim_count, ledger_count, item_count;     /* posted or reported */
    int64_t claim_fen, ledger_fen, item_fen;            /* item_fen: reversals and returned payouts netted */
    uint64_t reversal_count, ledger_reversal_count;
    int64_t reversal_fen, ledger_reversal_fen;
    int64_t net_fen, total_fen;                         /* of the batch; 0 if none */
    enum payout_state state;                            /* 0: no batch */
};
struct recon_exception {
    char kind[48];
    char payee[CODE_TEXT_MAX];
    uint64_t claim, order, entry;
    int64_t expected_fen, found_fen;
    char detail[161];
};
/** Reconcile a business day, tolerance 0: writes typed exceptions (one found again stays one; one that has gone is closed as CLEARED) and a run.
 *  rows: by payee. exceptions: those open for the day, at most capacity; *exception_count counts all. *checked: orders and entries looked at. */
struct recon_result {
    struct recon_row *rows;
    size_t row_capacity, row_count;
    struct recon_exception *exceptions;
    size_t exception_capacity, exception_count;
    uint64_t checked;
    uint32_t run;
};
must_use enum status store_reconcile(struct store *store, struct city_id city, int32_t day, const char *by, struct recon_result *out, struct error *err);

#endif
