/** model: the nouns of the house and their laws: ids, money, places, orders, couriers, claims, commands and facts.
 *
 *  Pure and shared by all: what a thing *is*. Who stores it, sends it or decides about it is not known here.
 *  Times are int64 milliseconds since the Unix epoch in the city's clock (_ms); spans are _s or _ms; money is int64 fen (_fen, 1/100 CNY);
 *  coordinates are WGS-84 in 1e-7 degrees (_e7). 0 means "none" in every id and in every time unless said otherwise.
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "base/base.h"

/* ---- ids: an order is no courier ---- */

struct city_id { uint32_t v; };
struct order_id { uint64_t v; };
struct courier_id { uint64_t v; };
struct facility_id { uint64_t v; };
struct member_id { uint64_t v; };
struct claim_id { uint64_t v; };
struct caller_id { uint64_t v; };

/* ---- bounds, with their reasons ---- */

enum {
    KEY_TEXT_MAX = 65,        /* idempotency key: 1..64 bytes of printable ASCII, as the payment APIs use */
    CODE_TEXT_MAX = 33,       /* product, test, seal and kit codes */
    REASON_TEXT_MAX = 161,    /* a sentence by a person */
    NAME_TEXT_MAX = 97,       /* 32 Chinese characters */
    PHONE_TEXT_MAX = 25,
    ADDRESS_TEXT_MAX = 241,
    ACTOR_TEXT_MAX = 49,      /* who did it: "pharmacy:12", "courier:7", "dispatcher:li" */
    ORDER_LINES_MAX = 5,      /* a prescription has at most 5 drugs (Prescription Administration Measures) */
    ORDER_LABS_MAX = 4,       /* laboratories a specimen may be brought to: the nearest four that do the test */
    ORDER_STOPS_MAX = 3,      /* kit, home, lab */
    ROUTE_STOPS_MAX = 64,     /* planned stops of one courier: three hours hold about 20 */
    HOURS_MAX = 7,            /* one opening window for each day of the week */
    SKILL_COUNT = 3,
};

/* ---- places ---- */

struct point {
    int32_t lat_e7, lon_e7;
};

/** A window in minutes after midnight, city time; closed all day if open_min == close_min. close_min may pass 1440 (after midnight). */
struct hours {
    uint16_t open_min, close_min;
};

enum facility_kind { FACILITY_PHARMACY = 1, FACILITY_LAB = 2, FACILITY_DEPOT = 3 };

struct facility {
    struct facility_id id;
    enum facility_kind kind;
    struct point at;
    struct hours week[HOURS_MAX]; /* 0 = Monday */
    uint32_t service_s;           /* hand-over time there */
    uint32_t prep_s;              /* usual time from approval to ready */
    bool active;
    char name[NAME_TEXT_MAX];
    char payee[CODE_TEXT_MAX];    /* settlement payee code */
};

/** First and last instant at or after `from_ms` at which the facility is open (Asia/Shanghai is UTC+8 without summer time; `utc_offset_s` is the city's).
 *  Looks 8 days ahead; false if never open. If open at from_ms, *open_ms = from_ms. */
bool hours_next_open(const struct hours week[HOURS_MAX], int32_t utc_offset_s, int64_t from_ms, int64_t *open_ms, int64_t *close_ms);

/* ---- couriers ---- */

enum skill { SKILL_COLD_CHAIN = 0, SKILL_SAMPLING = 1, SKILL_CONTROLLED = 2 };

struct courier {
    struct courier_id id;
    char name[NAME_TEXT_MAX];
    char relay_phone[PHONE_TEXT_MAX];
    uint32_t skills;         /* BIT(enum skill) */
    uint32_t volume_ml_max, cold_ml_max;
    uint32_t kits_preloaded; /* test kits in the box at the start of a shift */
    bool active;
};

/* ---- orders ---- */

enum order_kind { ORDER_KIND_PRESCRIPTION = 1, ORDER_KIND_TEST = 2, ORDER_KIND_RETURN = 3 };

/** The life of an order (DOMAIN.md §1). The order of the numbers is stored; new phases go to the end. */
enum order_phase {
    ORDER_RECEIVED = 0,
    ORDER_REFUSED,
    ORDER_ADJUDICATED,
    ORDER_APPROVED,
    ORDER_READY,
    ORDER_ASSIGNED,   /* told to a courier, who has not answered */
    ORDER_ACCEPTED,   /* the courier has said yes: taken away only by a dispatcher or a failure */
    ORDER_PICKED_UP,
    ORDER_KIT_PICKED_UP,
    ORDER_ARRIVED,
    ORDER_DELIVERED,
    ORDER_COLLECTED,
    ORDER_SEALED,
    ORDER_LAB_ACCEPTED,
    ORDER_REPORTED,
    ORDER_SPECIMEN_REJECTED,
    ORDER_CANCELLED,
    ORDER_FAILED,
    ORDER_RETURNING,
    ORDER_RETURNED,
    ORDER_PHASE_COUNT
};
const char *order_phase_name(enum order_phase phase);
bool order_phase_from_name(const char *name, enum order_phase *out);
/** Whether the table lets an order of this kind go from one phase to another. */
bool order_may_advance(enum order_kind kind, enum order_phase from, enum order_phase to);
/** Nothing follows: the order's story has ended. */
bool order_phase_is_terminal(enum order_phase phase);
/** Goods, kit or specimen are in the courier's box. */
bool order_phase_is_on_board(enum order_phase phase);
/** Print the table as a Mermaid state diagram (README's picture). */
void order_phase_print(struct buffer *out);

enum priority { PRIORITY_ROUTINE = 1, PRIORITY_URGENT = 2, PRIORITY_CRITICAL = 3 };

enum stop_kind { STOP_PICKUP = 1, STOP_HOME = 2, STOP_KIT = 3, STOP_LAB = 4, STOP_RETURN = 5, STOP_BASE = 6 };

/** A place to be, as the optimizer sees it. */
struct stop {
    enum stop_kind kind;
    struct facility_id facility;  /* 0 at a home */
    struct point at;              /* as snapped to the road network's side of the street */
    int64_t open_ms, close_ms;    /* service may begin in [open, close]; close 0 = no limit */
    uint32_t service_s;
};

struct order_goods {
    uint32_t volume_ml, cold_ml;
    uint32_t skills;              /* all of these are needed */
};

/** All that dispatch must know of an order, resolved when it was accepted: no name, no drug, no price. */
struct order {
    struct order_id id;
    struct city_id city;
    enum order_kind kind;
    enum priority priority;
    enum order_phase phase;
    int64_t accepted_ms;          /* the promise's clock starts here */
    int64_t promise_ms;           /* handed over (medicine) or accepted by the lab (test) by then */
    int64_t ready_ms;             /* may not be picked up before; an estimate until phase READY */
    uint32_t stability_s;         /* specimen: collection -> lab acceptance at most; 0 none */
    struct order_goods goods;
    bool needs_approval;          /* a pharmacist must approve before it can be ready */
    struct stop first;            /* pharmacy or kit depot; kind STOP_KIT may be skipped when the courier carries a kit */
    struct stop home;
    struct stop labs[ORDER_LABS_MAX];
    uint32_t lab_count;           /* 0 unless a test */
    struct facility_id pharmacy;  /* prescription: who dispenses; test: lab finally chosen is in the world's order */
    char pickup_code[CODE_TEXT_MAX]; /* one-time code the recipient says at the door */
};

/** Commands that ask for a new order carry what only intake and claims may see. */
struct order_line {
    char product[CODE_TEXT_MAX];
    uint32_t quantity;            /* packs, 1..999 */
    int64_t price_fen;            /* unit price charged, 0..10,000,000 */
    uint32_t days_supply;         /* 0: from the formulary */
    char override_code[CODE_TEXT_MAX];
};

struct recipient {
    char name[NAME_TEXT_MAX];
    char phone[PHONE_TEXT_MAX];
    char address[ADDRESS_TEXT_MAX];
    struct point at;
};

struct prescription {
    char number[CODE_TEXT_MAX];   /* unique per prescriber; used once */
    char prescriber[CODE_TEXT_MAX];
    char diagnosis[CODE_TEXT_MAX];/* ICD-10, may be empty */
    int64_t issued_ms;
    uint32_t valid_days;          /* 1..3 */
    bool emergency, chronic;
};

/* ---- claims ---- */

enum benefit { BENEFIT_MEDICINE = 1, BENEFIT_TEST = 2, BENEFIT_CHECKUP = 3 };
const char *benefit_name(enum benefit benefit);

enum claim_state { CLAIM_REFUSED = 1, CLAIM_HELD = 2, CLAIM_POSTED = 3, CLAIM_VOIDED = 4, CLAIM_REVERSED = 5 };
const char *claim_state_name(enum claim_state state);

enum { CLAIM_RULES_TEXT_MAX = 128 };

struct claim_line {
    char code[CODE_TEXT_MAX];     /* product or test */
    uint32_t quantity, allowed_quantity, reversed_quantity;
    int64_t submitted_fen, eligible_fen, benefit_fen, member_fen, reversed_fen;
    uint32_t formulary_version;
    char rules[CLAIM_RULES_TEXT_MAX]; /* "R14,R17": ids of the rules that touched the line, in order */
};

struct claim {
    struct claim_id id;
    struct order_id order;
    struct city_id city;
    struct member_id member;
    enum benefit benefit;
    enum claim_state state;
    uint32_t plan_version;
    int64_t service_ms;
    int64_t submitted_fen, eligible_fen, other_coverage_fen, deductible_fen, benefit_fen, member_fen;
    uint32_t line_count;
    struct claim_line lines[ORDER_LINES_MAX];
    char refusal_rule[CODE_TEXT_MAX];  /* "R7" or "" */
    char refusal_text[REASON_TEXT_MAX];
};

/* ---- commands: asked, may be refused ---- */

enum command_kind {
    COMMAND_NONE = 0,
    /* to intake */
    COMMAND_SUBMIT_PRESCRIPTION,
    COMMAND_SUBMIT_TEST,
    /* to the core */
    COMMAND_ORDER_ACCEPTED,   /* from intake through the outbox: an order enters the world */
    COMMAND_APPROVE,
    COMMAND_READY,
    COMMAND_CANCEL,
    COMMAND_SHIFT_START,
    COMMAND_SHIFT_END,
    COMMAND_POSITION,         /* last value wins; never a fact */
    COMMAND_ANSWER,           /* a courier's yes or no to an offer */
    COMMAND_STOP_EVENT,
    COMMAND_REASSIGN,
    COMMAND_PIN,
    COMMAND_HOLD,
    COMMAND_PLAN_READY,       /* from the planner */
    COMMAND_PRIORITIZE,
    COMMAND_ACKNOWLEDGE,      /* a dispatcher has seen an alert */
    COMMAND_KIND_COUNT
};
const char *command_kind_name(enum command_kind kind);

/** What happened at a stop, in the courier's or the lab's words. */
enum stop_event {
    STOP_EVENT_ARRIVED = 1,
    STOP_EVENT_PICKED_UP,      /* medicine, or kit */
    STOP_EVENT_DELIVERED,
    STOP_EVENT_COLLECTED,
    STOP_EVENT_SEALED,
    STOP_EVENT_TEMPERATURE,
    STOP_EVENT_LAB_ACCEPTED,
    STOP_EVENT_LAB_REJECTED,
    STOP_EVENT_REPORTED,
    STOP_EVENT_FAILED,
    STOP_EVENT_RETURNED,
    STOP_EVENT_COUNT
};
const char *stop_event_name(enum stop_event event);

enum fail_reason {
    FAIL_NONE = 0, FAIL_ABSENT, FAIL_ADDRESS, FAIL_REFUSED, FAIL_BROKEN_SEAL, FAIL_TEMPERATURE, FAIL_NOT_READY, FAIL_COURIER, FAIL_OTHER,
    FAIL_REASON_COUNT
};
const char *fail_reason_name(enum fail_reason reason);

/** Who asked, so that twice in is once done. `key` is the first 16 bytes of SHA-256(source, idempotency key); zero for internal commands. */
struct cause {
    uint8_t key[16];
    uint64_t request_hash;
    int64_t source_ms;             /* when it happened, by the caller's clock; 0 = now */
    char actor[ACTOR_TEXT_MAX];
};

struct plan_stop {
    struct order_id order;
    enum stop_kind kind;
    uint32_t lab;                  /* index into order.labs for STOP_LAB */
    int64_t arrive_ms, begin_ms, leave_ms; /* planned */
    uint32_t travel_s;             /* from the previous stop, or from the courier's place */
    uint32_t travel_m;
};

/** One courier's new route, proposed by the planner against the world's version it saw. */
struct plan_route {
    struct courier_id courier;
    uint32_t route_version;        /* the route version the planner saw; a stale one is dropped */
    int64_t start_ms;              /* when and where the first leg starts */
    struct point start;
    uint32_t stop_count;
    struct plan_stop *stops;       /* in the message's arena */
};

/** Why an order has no courier: kept per order, told by Explain and the board. */
enum unplanned_reason {
    UNPLANNED_NONE = 0,
    UNPLANNED_NO_COURIER,          /* nobody on shift */
    UNPLANNED_NO_SKILL,            /* nobody on shift has the skills */
    UNPLANNED_CAPACITY,            /* no box is large enough */
    UNPLANNED_SHIFT_END,           /* every eligible courier's shift ends too early */
    UNPLANNED_LAB_CLOSED,          /* no lab that does the test is open in time */
    UNPLANNED_STABILITY,           /* the specimen would spoil on the way */
    UNPLANNED_UNREACHABLE,         /* no road */
    UNPLANNED_HELD,                /* a dispatcher holds it */
    UNPLANNED_ROUTE_LENGTH,        /* every eligible courier's route would be too long */
    UNPLANNED_BREAK,               /* ... or he would miss his break */
    UNPLANNED_REASON_COUNT
};
const char *unplanned_reason_name(enum unplanned_reason reason);

struct plan_unplanned {
    struct order_id order;
    enum unplanned_reason reason;
    uint32_t detail;               /* by reason: skills missing (bits), earliest arrival in s, … */
};

enum alert_kind { ALERT_APPROVAL_LATE = 1, ALERT_READY_LATE, ALERT_PROMISE_AT_RISK, ALERT_TEMPERATURE, ALERT_COURIER_SILENT, ALERT_KIND_COUNT };
const char *alert_kind_name(enum alert_kind kind);
#define ALERT_SEEN_BIT(kind) (BIT(kind) << 16) /* beside BIT(kind) in an order's alerts: a dispatcher has acknowledged it */

/** What a command is confined to: an order of another's is as if it did not exist. 0 any. */
struct tenant {
    struct facility_id pharmacy, lab;
};

struct command {
    enum command_kind kind;
    struct city_id city;
    struct order_id order;
    struct courier_id courier;
    struct cause cause;
    uint64_t reply;                /* the asker's ticket, opaque; 0 = nobody waits */
    uint32_t expected_version;     /* order version the caller saw; 0 = any */
    struct tenant tenant;
    union {
        struct order *accepted;    /* COMMAND_ORDER_ACCEPTED; in the message's arena */
        struct {
            char pharmacist[CODE_TEXT_MAX];
            bool approved;
            int64_t expected_ready_ms; /* 0: unknown */
            char reason[REASON_TEXT_MAX];
        } approve;
        struct { int64_t ready_ms; uint32_t parcels; } ready;
        struct { char reason[REASON_TEXT_MAX]; } cancel;
        struct {
            struct courier courier;
            struct point at;
            int64_t ends_ms;
        } shift;
        struct { struct point at; int64_t at_ms; uint16_t heading_deg, speed_dmps; } position;
        struct { bool accept; char reason[REASON_TEXT_MAX]; } answer;
        struct {
            enum stop_event event;
            enum fail_reason fail;
            struct facility_id lab;
            int32_t temperature_mdegc;
            bool recipient_checked;
            char code[CODE_TEXT_MAX];    /* one-time code, seal or kit id */
            char proof[KEY_TEXT_MAX];    /* photo reference or hash */
            char reason[REASON_TEXT_MAX];
        } stop;
        struct { struct courier_id to; char reason[REASON_TEXT_MAX]; } reassign; /* to 0: back to the pool */
        struct { bool on; char reason[REASON_TEXT_MAX]; } flag;                   /* PIN, HOLD */
        struct { enum priority priority; char reason[REASON_TEXT_MAX]; } prioritize;
        struct { enum alert_kind kind; } acknowledge;
        struct {
            uint64_t world_seq;          /* what the planner saw */
            uint32_t route_count, unplanned_count;
            struct plan_route *routes;
            struct plan_unplanned *unplanned;
        } plan;
    };
};

/* ---- facts: happened, past tense; the world is their fold ---- */

enum fact_kind {
    FACT_NONE = 0,
    FACT_ORDER_ENTERED,          /* the accepted order, whole */
    FACT_ORDER_APPROVED,
    FACT_ORDER_READY,
    FACT_ORDER_UNPLANNED,
    FACT_ROUTE_PLANNED,          /* a courier's whole new route; orders in it are planned on this courier */
    FACT_ORDER_ASSIGNED,         /* offered */
    FACT_ORDER_DECLINED,         /* the courier said no, or did not answer in time */
    FACT_ORDER_TAKEN,            /* the courier accepted */
    FACT_ORDER_UNASSIGNED,       /* taken from a courier by a dispatcher, a failure, or re-planning before acceptance */
    FACT_STOP_ARRIVED,
    FACT_ORDER_PICKED_UP,        /* medicine or kit */
    FACT_ORDER_DELIVERED,
    FACT_SPECIMEN_COLLECTED,
    FACT_SPECIMEN_SEALED,
    FACT_SPECIMEN_LAB_ACCEPTED,
    FACT_SPECIMEN_LAB_REJECTED,
    FACT_SPECIMEN_REPORTED,
    FACT_TEMPERATURE_READ,
    FACT_ORDER_CANCELLED,
    FACT_ORDER_FAILED,
    FACT_ORDER_RETURNING,
    FACT_ORDER_RETURNED,
    FACT_ORDER_PINNED,
    FACT_ORDER_HELD,
    FACT_PROMISE_MISSED,
    FACT_ALERT_RAISED,
    FACT_SHIFT_STARTED,
    FACT_SHIFT_ENDED,
    FACT_ORDER_PRIORITIZED,      /* numbers are stored: new kinds come last */
    FACT_ALERT_SEEN,
    FACT_KIND_COUNT
};
const char *fact_kind_name(enum fact_kind kind);

struct fact {
    enum fact_kind kind;
    struct city_id city;
    uint64_t seq;                 /* dense within the city's world, from 1 */
    int64_t at_ms;                /* when the core decided it */
    struct order_id order;
    struct courier_id courier;
    uint32_t order_version;       /* of the order after this fact; 0 if no order */
    enum order_phase phase;       /* of the order after this fact */
    struct cause cause;
    union {
        struct order *entered;    /* in the message's arena */
        struct { char pharmacist[CODE_TEXT_MAX]; int64_t expected_ready_ms; } approved;
        struct { int64_t ready_ms; uint32_t parcels; } ready;
        struct { enum unplanned_reason reason; uint32_t detail; } unplanned;
        struct {
            uint32_t route_version; /* after */
            uint32_t changes;       /* how many of the stops already told to this courier moved or left */
            int64_t start_ms;
            struct point start;
            uint32_t stop_count;
            struct plan_stop *stops; /* in the message's arena */
        } route;
        struct { int64_t answer_by_ms; int64_t eta_ms; } assigned;
        struct { struct facility_id facility; enum stop_kind stop; } arrived;
        struct {
            struct facility_id lab;
            int32_t temperature_mdegc;
            bool recipient_checked;
            char code[CODE_TEXT_MAX];
            char proof[KEY_TEXT_MAX];
            struct sha256 custody; /* hash of this hand-over chained to the one before (specimens) */
        } hand;
        struct { enum fail_reason reason; char text[REASON_TEXT_MAX]; } ended; /* CANCELLED, FAILED, DECLINED, UNASSIGNED, RETURNED, LAB_REJECTED */
        struct { bool on; char reason[REASON_TEXT_MAX]; } flag;
        struct { enum alert_kind kind; } alert; /* RAISED, SEEN */
        struct { enum priority priority; char reason[REASON_TEXT_MAX]; } priority;
        struct {
            struct courier courier;
            struct point at;
            int64_t ends_ms;
        } shift;
    };
};

/** Canonical bytes of a fact (versioned, little-endian, no padding): what is stored, replayed and hashed.
 *  fact_decode allocates from `arena`; false on bytes that fact_encode could not have written (hostile or newer). */
void fact_encode(const struct fact *fact, struct buffer *out);
must_use bool fact_decode(struct reader *in, struct arena *arena, struct fact *out);
/** The same for an order alone (the outbox row of intake carries it). */
void order_encode(const struct order *order, struct buffer *out);
must_use bool order_decode(struct reader *in, struct order *out);
/** And for the parts that a world's snapshot is made of. */
void courier_encode(const struct courier *courier, struct buffer *out);
must_use bool courier_decode(struct reader *in, struct courier *out);
void plan_stop_encode(const struct plan_stop *stop, struct buffer *out);
must_use bool plan_stop_decode(struct reader *in, struct plan_stop *out);

/* ---- cause ---- */

/** Name a request: key from (source, idempotency key), hash from the canonical request bytes. */
struct cause cause_make(const char *source, const char *idempotency_key, const void *request, size_t request_size, const char *actor);
bool cause_key_is_none(const struct cause *cause);

/* ---- callers: who may ask, and what each is confined to ---- */

enum role {
    ROLE_NONE = 0,
    ROLE_PHARMACY,      /* its own orders */
    ROLE_LAB,           /* the specimens brought to it */
    ROLE_COURIER,       /* his own shift, route and stops; never what is in a parcel */
    ROLE_LOGISTICS,     /* a fleet's server: as a courier, for every courier of the city */
    ROLE_CLINIC,        /* an online consultation platform: submits, and reads what it submitted */
    ROLE_DISPATCHER,    /* the city's board; never what is in a parcel */
    ROLE_SETTLEMENT,    /* claims and payments; no names, no addresses */
    ROLE_ADMIN,         /* the insurer: catalogue, claims, orders */
    ROLE_AUDITOR,       /* reads */
    ROLE_COUNT
};
const char *role_name(enum role role);
must_use bool role_from_name(const char *name, enum role *out);

enum credential { CREDENTIAL_TOKEN = 1, CREDENTIAL_CERTIFICATE, CREDENTIAL_CODE };
enum { SUBJECT_TEXT_MAX = 41, CALLER_SOURCE_MAX = 33 };
/** One credential of a city and what it allows. Times are real Unix ms, not the city's clock. */
struct caller {
    uint64_t id;
    struct city_id city;
    enum credential kind;
    enum role role;
    uint8_t digest[32];                /* SHA-256 of token, certificate identity or code */
    char subject[SUBJECT_TEXT_MAX];
    char source[CALLER_SOURCE_MAX];    /* the only `source` it may name; "" any */
    struct facility_id facility;       /* pharmacy, lab */
    struct courier_id courier;
    int64_t issued_ms, expires_ms, revoked_ms, taken_ms;
    uint32_t session_s;                /* a code's: how long its token lives */
};

/* ---- money ---- */

must_use bool money_add(int64_t a_fen, int64_t b_fen, int64_t *out_fen);                /* false on overflow */
must_use bool money_multiply(int64_t price_fen, uint32_t quantity, int64_t *out_fen);

#endif
