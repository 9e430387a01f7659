/* ClaimService: claims and benefits as stored, and units of a claim that come back. */
#include "internal.h"

#include <string.h>

static enum status on_get_claim(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__GetClaimRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    TRY(check_id(request->claim_id, "claim_id", err));
    struct question *question = question_new(QUESTION_CLAIM, 0);
    question->claim.v = request->claim_id;
    return api_ask(api, wait, question, err);
}

static enum status on_list_claims(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__ListClaimsRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    TRY(check_code(request->member_code, "member_code", false, err));
    TRY(check_range(request->page_size, "page_size", 0, 1000, err));
    TRY(check_range((int64_t)(request->after_claim_id & INT64_MAX), "after_claim_id", 0, INT64_MAX, err));
    struct question *question = question_new(QUESTION_CLAIMS, 0);
    text_copy(question->member_code, sizeof question->member_code, request->member_code);
    question->limit = request->page_size ? request->page_size : 100;
    question->after = request->after_claim_id;
    return api_ask(api, wait, question, err);
}

static enum status on_get_benefits(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__GetBenefitsRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    TRY(check_code(request->member_code, "member_code", true, err));
    TRY(check_range(request->at_ms, "at_ms", 0, INT64_C(7258118400000), err));
    struct question *question = question_new(QUESTION_BENEFITS, 0);
    text_copy(question->member_code, sizeof question->member_code, request->member_code);
    question->at_ms = request->at_ms ? request->at_ms : clock_now_ms();
    return api_ask(api, wait, question, err);
}

static enum status on_reverse(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__ReverseClaimRequest *request = (const void *)message;
    struct cause cause;
    TRY(check_city(api, request->city_id, err));
    TRY(check_cause(request->source, request->idempotency_key, message, "admin", request->source, &cause, err));
    TRY(check_id(request->claim_id, "claim_id", err));
    TRY(check_range(request->line, "line", 1, ORDER_LINES_MAX, err));
    TRY(check_range(request->quantity, "quantity", 1, 999, err));
    TRY(check_text(request->reason, "reason", 1, REASON_TEXT_MAX - 1, err));
    struct question *question = question_new(QUESTION_REVERSE, 0);
    struct reversal_request *reversal = question->reversal = mem_zalloc(1, sizeof *reversal);
    *reversal = (struct reversal_request){.city = engine_city(api->engine), .claim = {request->claim_id}, .line = request->line, .quantity = request->quantity, .at_ms = clock_now_ms()};
    text_copy(reversal->source, sizeof reversal->source, request->source);
    text_copy(reversal->key, sizeof reversal->key, request->idempotency_key);
    text_copy(reversal->reason, sizeof reversal->reason, request->reason);
    if (wait->caller.role == ROLE_NONE) text_copy(reversal->actor, sizeof reversal->actor, cause.actor);
    else access_actor(&wait->caller, reversal->actor, sizeof reversal->actor);
    return api_ask(api, wait, question, err);
}

static Meddispatch__V1__Claim *claim_message(struct arena *arena, const struct claim *claim, const char *member_code)
{
    Meddispatch__V1__Claim *out = view_alloc(arena, 1, sizeof *out);
    meddispatch__v1__claim__init(out);
    out->summary = view_claim(arena, claim);
    out->order_id = claim->order.v;
    out->member_code = view_text(arena, member_code);
    out->benefit = view_text(arena, benefit_name(claim->benefit));
    out->plan_version = claim->plan_version;
    out->service_ms = claim->service_ms;
    return out;
}

static void reply_benefits(struct rpc_call *call, struct arena *arena, const struct benefits_view *benefits)
{
    Meddispatch__V1__GetBenefitsResponse response = MEDDISPATCH__V1__GET_BENEFITS_RESPONSE__INIT;
    response.plan_code = view_text(arena, benefits->plan);
    response.plan_version = benefits->plan_version;
    response.in_force = true; /* a policy that is not in force is NOT_FOUND */
    response.year_limit_fen = benefits->limit_fen;
    response.posted_fen = benefits->posted_fen;
    response.pending_fen = benefits->pending_fen;
    response.left_fen = benefits->limit_fen - benefits->posted_fen - benefits->pending_fen;
    response.medicine_rate_bps = benefits->rate_bps[BENEFIT_MEDICINE];
    response.test_rate_bps = benefits->rate_bps[BENEFIT_TEST];
    uint32_t most = benefits->count_max[BENEFIT_CHECKUP], used = benefits->count_used[BENEFIT_CHECKUP];
    response.checkups_left = most > used ? most - used : 0;
    method_reply(call, &response.base);
}

static void reply_reverse(struct rpc_call *call, struct arena *arena, const struct message *message)
{
    Meddispatch__V1__ReverseClaimResponse response = MEDDISPATCH__V1__REVERSE_CLAIM_RESPONSE__INIT;
    response.claim = claim_message(arena, message->claims, message->claim_members[0]);
    response.reversed_fen = message->reversal.benefit_fen;
    response.member_fen = message->reversal.member_fen;
    response.repeated = message->reversal.repeated;
    method_reply(call, &response.base);
}

void claim_on_answer(struct wait *wait, struct rpc_call *call, const struct message *message)
{
    struct arena *arena = arena_new(64u << 20);
    if (wait->kind == WAIT_GET_CLAIM) {
        Meddispatch__V1__GetClaimResponse response = MEDDISPATCH__V1__GET_CLAIM_RESPONSE__INIT;
        response.claim = claim_message(arena, message->claims, message->claim_members[0]);
        method_reply(call, &response.base);
    } else if (wait->kind == WAIT_LIST_CLAIMS) {
        Meddispatch__V1__ListClaimsResponse response = MEDDISPATCH__V1__LIST_CLAIMS_RESPONSE__INIT;
        response.n_claims = message->claim_count;
        response.claims = view_alloc(arena, message->claim_count, sizeof *response.claims);
        for (uint32_t i = 0; i < message->claim_count; i++)
            response.claims[i] = claim_message(arena, &message->claims[i], message->claim_members[i]);
        response.next_after_claim_id = message->next;
        method_reply(call, &response.base);
    } else if (wait->kind == WAIT_REVERSE) {
        reply_reverse(call, arena, message);
    } else {
        reply_benefits(call, arena, message->benefits);
    }
    arena_free(arena);
}

const struct method CLAIM_METHODS[] = {
    {"/meddispatch.v1.ClaimService/GetClaim", RPC_UNARY, WAIT_GET_CLAIM, &meddispatch__v1__get_claim_request__descriptor, on_get_claim, 0},
    {"/meddispatch.v1.ClaimService/ListClaims", RPC_UNARY, WAIT_LIST_CLAIMS, &meddispatch__v1__list_claims_request__descriptor, on_list_claims, 0},
    {"/meddispatch.v1.ClaimService/ReverseClaim", RPC_UNARY, WAIT_REVERSE, &meddispatch__v1__reverse_claim_request__descriptor, on_reverse, 4096},
    {"/meddispatch.v1.ClaimService/GetBenefits", RPC_UNARY, WAIT_BENEFITS, &meddispatch__v1__get_benefits_request__descriptor, on_get_benefits, 0},
};
const uint32_t CLAIM_METHOD_COUNT = COUNT_OF(CLAIM_METHODS);
