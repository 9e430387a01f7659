/* The table, and the checks. A role is confined by what its requests may name (here), by what its commands may touch (struct tenant, checked where the order
 * is known), and by what its answers may hold. */
#include "access.h"

#include <stdlib.h>
#include <string.h>

/* ---- the table: each method's roles ---- */

#define R(name) BIT(ROLE_##name)
#define EVERYBODY (R(PHARMACY) | R(LAB) | R(COURIER) | R(LOGISTICS) | R(CLINIC) | R(DISPATCHER) | R(SETTLEMENT) | R(ADMIN) | R(AUDITOR))
#define METHOD(service, name, roles, audit) {"/meddispatch.v1." #service "/" #name, roles, audit}
static const struct access_rule RULES[] = {
    METHOD(AccessService, SignIn, 0, NULL),
    METHOD(AccessService, WhoAmI, EVERYBODY, NULL),
    METHOD(OrderService, SubmitPrescription, R(PHARMACY) | R(CLINIC) | R(ADMIN), NULL),
    METHOD(OrderService, SubmitTestOrder, R(CLINIC) | R(ADMIN), NULL),
    METHOD(OrderService, QuoteOrder, R(PHARMACY) | R(CLINIC) | R(ADMIN), NULL),
    METHOD(OrderService, ApprovePrescription, R(PHARMACY) | R(ADMIN), NULL),
    METHOD(OrderService, MarkReady, R(PHARMACY) | R(ADMIN), NULL),
    METHOD(OrderService, CancelOrder, R(PHARMACY) | R(DISPATCHER) | R(ADMIN), NULL),
    METHOD(OrderService, GetOrder, R(PHARMACY) | R(LAB) | R(CLINIC) | R(DISPATCHER) | R(ADMIN) | R(AUDITOR), "order"),
    METHOD(OrderService, ListOrders, R(PHARMACY) | R(DISPATCHER) | R(ADMIN) | R(AUDITOR), "orders"),
    METHOD(OrderService, WatchOrders, R(PHARMACY) | R(DISPATCHER) | R(ADMIN) | R(AUDITOR), NULL), /* phases and times, no contents */
    METHOD(CourierService, StartShift, R(COURIER) | R(LOGISTICS) | R(DISPATCHER), NULL),
    METHOD(CourierService, EndShift, R(COURIER) | R(LOGISTICS), NULL),
    METHOD(CourierService, ReportPositions, R(COURIER) | R(LOGISTICS), NULL),
    METHOD(CourierService, WatchRoute, R(COURIER) | R(LOGISTICS), NULL), /* addresses are logged as they are read: order_contact */
    METHOD(CourierService, AnswerOffer, R(COURIER) | R(LOGISTICS), NULL),
    METHOD(CourierService, RecordStopEvent, R(COURIER) | R(LOGISTICS) | R(LAB), NULL),
    METHOD(BoardService, WatchBoard, R(DISPATCHER) | R(ADMIN) | R(AUDITOR), NULL),
    METHOD(BoardService, Reassign, R(DISPATCHER), NULL),
    METHOD(BoardService, PreviewReassign, R(DISPATCHER), NULL),
    METHOD(BoardService, RevealRecipient, R(DISPATCHER), NULL), /* logged as it is read: order_contact */
    METHOD(BoardService, ListPlaces, R(DISPATCHER) | R(LOGISTICS) | R(ADMIN) | R(AUDITOR), NULL),
    METHOD(BoardService, Pin, R(DISPATCHER), NULL),
    METHOD(BoardService, Hold, R(DISPATCHER), NULL),
    METHOD(BoardService, Prioritize, R(DISPATCHER), NULL),
    METHOD(BoardService, Acknowledge, R(DISPATCHER), NULL),
    METHOD(BoardService, ReportRoad, R(DISPATCHER), NULL),
    METHOD(BoardService, WithdrawRoad, R(DISPATCHER), NULL),
    METHOD(BoardService, ListRoads, R(DISPATCHER) | R(LOGISTICS) | R(ADMIN) | R(AUDITOR), NULL),
    METHOD(BoardService, Explain, R(DISPATCHER) | R(ADMIN) | R(AUDITOR), NULL),
    METHOD(BoardService, GetKpis, R(DISPATCHER) | R(ADMIN) | R(AUDITOR), NULL),
    METHOD(BoardService, Replay, R(DISPATCHER) | R(ADMIN) | R(AUDITOR), NULL),
    METHOD(ClaimService, GetClaim, R(SETTLEMENT) | R(ADMIN) | R(AUDITOR), "claim"),
    METHOD(ClaimService, ListClaims, R(SETTLEMENT) | R(ADMIN) | R(AUDITOR), "claims"),
    METHOD(ClaimService, ReverseClaim, R(ADMIN), "claim reversed"),
    METHOD(ClaimService, GetBenefits, R(CLINIC) | R(ADMIN) | R(AUDITOR), "benefits"),
    METHOD(SettlementService, CloseDay, R(SETTLEMENT), NULL),
    METHOD(SettlementService, PrepareBatches, R(SETTLEMENT), NULL),
    METHOD(SettlementService, ApproveBatch, R(SETTLEMENT), NULL),
    METHOD(SettlementService, GetBatch, R(SETTLEMENT) | R(AUDITOR), NULL),
    METHOD(SettlementService, ListBatches, R(SETTLEMENT) | R(AUDITOR), NULL),
    METHOD(SettlementService, DownloadFile, R(SETTLEMENT) | R(AUDITOR), NULL), /* claims by number: no member, no medicine */
    METHOD(SettlementService, ImportBankFile, R(SETTLEMENT), NULL),
    METHOD(SettlementService, Reconcile, R(SETTLEMENT), NULL),
    METHOD(SettlementService, GetProgress, R(SETTLEMENT) | R(AUDITOR), NULL),
    METHOD(CatalogService, UpsertMembers, R(ADMIN), NULL),
    METHOD(CatalogService, UpsertFormulary, R(ADMIN), NULL),
    METHOD(CatalogService, UpsertTests, R(ADMIN), NULL),
    METHOD(CatalogService, UpsertFacilities, R(ADMIN), NULL),
    METHOD(CatalogService, UpsertCouriers, R(ADMIN), NULL),
    METHOD(RoutingService, Route, R(COURIER) | R(LOGISTICS) | R(DISPATCHER) | R(ADMIN), NULL),
    METHOD(RoutingService, Matrix, R(LOGISTICS) | R(DISPATCHER) | R(ADMIN), NULL),
    METHOD(RoutingService, Nearest, R(LOGISTICS) | R(DISPATCHER) | R(ADMIN), NULL),
    METHOD(RoutingService, Isochrone, R(LOGISTICS) | R(DISPATCHER) | R(ADMIN), NULL),
};

const struct access_rule *access_rule_of(const char *path)
{
    for (size_t i = 0; i < COUNT_OF(RULES); i++)
        if (strcmp(RULES[i].path, path) == 0) return &RULES[i];
    return NULL;
}

/* ---- how often ---- */

enum { BUCKETS = 16384, BURST_S = 2, SIGN_INS_PER_S = 20 };

struct bucket {
    uint64_t caller;
    int64_t at_us;
    double left;
};

struct access {
    struct engine *engine;
    bool insecure;
    uint32_t calls_per_s;
    struct bucket sign_ins, *buckets;
};

struct access *access_new(struct engine *engine, bool insecure, uint32_t calls_per_s)
{
    struct access *access = mem_zalloc(1, sizeof *access);
    *access = (struct access){.engine = engine, .insecure = insecure, .calls_per_s = calls_per_s, .buckets = mem_zalloc(BUCKETS, sizeof *access->buckets)};
    return access;
}

void access_set_limit(struct access *access, uint32_t calls_per_s)
{
    access->calls_per_s = calls_per_s;
}

void access_free(struct access *access)
{
    if (!access) return;
    free(access->buckets);
    free(access);
}

static enum status spend(struct bucket *bucket, uint32_t per_s, struct error *err)
{
    int64_t now_us = clock_boot_us();
    double most = (double)per_s * BURST_S;
    bucket->left += (double)(now_us - bucket->at_us) * per_s / 1e6;
    if (bucket->left > most || bucket->at_us == 0) bucket->left = most;
    bucket->at_us = now_us;
    if (bucket->left >= 1) {
        bucket->left -= 1;
        return STATUS_OK;
    }
    error_set(err, STATUS_RESOURCE_EXHAUSTED, "this caller makes more than %u calls a second", per_s);
    if (err) err->retry_ms = 1000;
    return error_reason(err, "RATE_LIMITED");
}

/* Callers share a bucket only by their ids' hash, and who comes after another begins with a full one: the limit protects the daemon, it does not bill. */
static enum status spend_call(struct access *access, const struct caller *caller, struct error *err)
{
    if (access->calls_per_s == 0) return STATUS_OK;
    struct bucket *bucket = &access->buckets[hash_u64(caller->id) % BUCKETS];
    if (bucket->caller != caller->id) *bucket = (struct bucket){.caller = caller->id};
    return spend(bucket, access->calls_per_s, err);
}

/* ---- who ---- */

static enum status who_are_you(struct error *err, const char *text)
{
    error_set(err, STATUS_UNAUTHENTICATED, "%s", text);
    return error_reason(err, "CREDENTIALS");
}

static enum status identify(struct access *access, const struct rpc_call *call, struct caller *out, struct error *err)
{
    static const char SCHEME[] = "Bearer ";
    size_t size = 0, scheme = sizeof SCHEME - 1;
    const char *header = rpc_call_metadata(call, "authorization", &size);
    struct sha256 digest;
    if (header) {
        if (size <= scheme || strncasecmp(header, SCHEME, scheme) != 0) return who_are_you(err, "authorization must be `Bearer TOKEN`");
        digest = hash_sha256(header + scheme, size - scheme);
    } else {
        const char *identity = rpc_call_identity(call);
        if (!*identity) return who_are_you(err, "this call needs a token (authorization: Bearer TOKEN) or a client certificate; see `meddispatch token --help`");
        digest = hash_sha256(identity, strlen(identity));
    }
    if (!engine_caller_find(access->engine, digest.byte, out) || (out->kind == CREDENTIAL_TOKEN) != (header != NULL))
        return who_are_you(err, header ? "the token is unknown, expired or revoked" : "nobody is known by this client certificate");
    return STATUS_OK;
}

enum status access_admit(struct access *access, const struct access_rule *rule, const struct rpc_call *call, struct caller *out, struct error *err)
{
    *out = (struct caller){.city = engine_city(access->engine), .role = ROLE_NONE, .subject = "anyone"};
    if (rule->roles == 0) return spend(&access->sign_ins, SIGN_INS_PER_S, err);
    if (access->insecure) return STATUS_OK;
    TRY(identify(access, call, out, err));
    if (!(rule->roles & BIT(out->role))) {
        error_set(err, STATUS_PERMISSION_DENIED, "the role %s may not call this", role_name(out->role));
        return error_reason(err, "ROLE");
    }
    return spend_call(access, out, err);
}

bool access_still_holds(struct access *access, const struct caller *caller)
{
    struct caller now;
    return caller->role == ROLE_NONE || (engine_caller_find(access->engine, caller->digest, &now) && now.id == caller->id);
}

void access_actor(const struct caller *caller, char *out, size_t capacity)
{
    if (caller->role == ROLE_NONE) text_copy(out, capacity, "anyone"); /* who is not checked cannot be named */
    else text_format(out, capacity, "%s:%llu %.20s", role_name(caller->role), (unsigned long long)caller->id, caller->subject);
}

void access_ask_as(const struct caller *caller, struct question *question)
{
    access_actor(caller, question->actor, sizeof question->actor);
    question->scoped = caller->role != ROLE_NONE;
    memcpy(question->credential, caller->digest, sizeof question->credential);
}

/* ---- what his requests may name ---- */

static enum status not_yours(struct error *err, const char *field, const char *what)
{
    error_set(err, STATUS_PERMISSION_DENIED, "%s: %s", field, what);
    if (err) text_copy(err->field, sizeof err->field, field);
    return error_reason(err, "TENANT");
}

static uint64_t *number_at(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    return (uint64_t *)(void *)((char *)message + field->offset);
}

static enum status check_number(const struct caller *caller, ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, struct error *err)
{
    uint64_t *value = number_at(message, field);
    if (caller->role == ROLE_PHARMACY && strcmp(field->name, "pharmacy_id") == 0) {
        if (*value == 0) *value = caller->facility.v;
        if (*value != caller->facility.v) return not_yours(err, field->name, "a pharmacy may name itself alone");
    }
    if (caller->role == ROLE_COURIER && strcmp(field->name, "courier_id") == 0 && *value != caller->courier.v) return not_yours(err, field->name, "a courier may name himself alone");
    if (caller->role == ROLE_LAB && strcmp(field->name, "courier_id") == 0 && *value != 0) return not_yours(err, field->name, "a laboratory records its own events, without a courier");
    if (caller->role == ROLE_LAB && strcmp(field->name, "lab_id") == 0 && *value != caller->facility.v) return not_yours(err, field->name, "a laboratory may name itself alone");
    return STATUS_OK;
}

enum status access_check_request(const struct caller *caller, ProtobufCMessage *request, struct error *err)
{
    if (caller->role == ROLE_NONE) return STATUS_OK;
    for (unsigned i = 0; i < request->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &request->descriptor->fields[i];
        const char *at = (const char *)request + field->offset;
        bool is_set = !(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) || *(const uint32_t *)(const void *)((const char *)request + field->quantifier_offset) == field->id;
        if (field->label == PROTOBUF_C_LABEL_REPEATED || !is_set) continue; /* rows of a stream are checked where they are read */
        if (field->type == PROTOBUF_C_TYPE_UINT64) {
            TRY(check_number(caller, request, field, err));
        } else if (field->type == PROTOBUF_C_TYPE_STRING && strcmp(field->name, "source") == 0) {
            const char *source = *(char *const *)(const void *)at;
            if (caller->source[0] && strcmp(source ? source : "", caller->source) != 0) return not_yours(err, field->name, "this caller's commands must name its own source");
        } else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
            ProtobufCMessage *inner = *(ProtobufCMessage *const *)(const void *)at; /* a quote's order; no type of ours is recursive */
            if (inner) TRY(access_check_request(caller, inner, err));
        }
    }
    return STATUS_OK;
}

/* ---- what he may touch and see ---- */

struct tenant access_tenant(const struct caller *caller)
{
    struct tenant tenant = {{0}, {0}};
    if (caller->role == ROLE_PHARMACY) tenant.pharmacy = caller->facility;
    if (caller->role == ROLE_LAB) tenant.lab = caller->facility;
    return tenant;
}

static bool is_of_lab(const struct order_view *order, struct facility_id lab)
{
    bool is = order->lab.v == lab.v;
    for (uint32_t i = 0; i < order->order.lab_count; i++) is |= order->order.labs[i].facility.v == lab.v;
    return is;
}

bool access_may_read(const struct caller *caller, const struct order_view *order)
{
    switch (caller->role) {
    case ROLE_NONE: case ROLE_DISPATCHER: case ROLE_ADMIN: case ROLE_AUDITOR: return true;
    case ROLE_PHARMACY: return order->order.pharmacy.v == caller->facility.v;
    case ROLE_LAB: return is_of_lab(order, caller->facility);
    case ROLE_CLINIC: return strcmp(order->source, caller->source) == 0;
    case ROLE_COURIER: case ROLE_LOGISTICS: case ROLE_SETTLEMENT: case ROLE_COUNT: break;
    }
    return false;
}

bool access_sees_contents(const struct caller *caller)
{
    return caller->role != ROLE_DISPATCHER;
}
