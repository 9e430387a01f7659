/* AccessService: a one-time code for a token, and who one is. */
#include "internal.h"

#include <string.h>

enum { CODE_MAX = 100, SECRET_BYTES = 32 };

static enum status on_sign_in(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__SignInRequest *request = (const void *)message;
    TRY(check_text(request->code, "code", 1, CODE_MAX, err));
    uint8_t secret[SECRET_BYTES];
    char hex[2 * SECRET_BYTES + 1];
    random_bytes(secret, sizeof secret);
    hash_hex(secret, sizeof secret, hex);
    wait->token = mem_zalloc(1, sizeof hex + sizeof "mdt_");
    text_format(wait->token, sizeof hex + sizeof "mdt_", "mdt_%s", hex);
    struct question *question = question_new(QUESTION_SIGN_IN, 0);
    struct sha256 code = hash_sha256(request->code, strlen(request->code)), token = hash_sha256(wait->token, strlen(wait->token));
    memcpy(question->code, code.byte, sizeof code.byte);
    memcpy(question->token, token.byte, sizeof token.byte);
    return api_ask(api, wait, question, err);
}

static void fill_identity(const struct caller *caller, Meddispatch__V1__Identity *out)
{
    meddispatch__v1__identity__init(out);
    out->role = (char *)(uintptr_t)(caller->role == ROLE_NONE ? "anyone" : role_name(caller->role));
    out->subject = (char *)(uintptr_t)caller->subject;
    out->source = (char *)(uintptr_t)caller->source;
    out->city_id = caller->city.v;
    out->facility_id = caller->facility.v;
    out->courier_id = caller->courier.v;
    out->expires_ms = caller->expires_ms;
}

void access_on_answer(struct wait *wait, struct rpc_call *call, const struct message *message)
{
    Meddispatch__V1__SignInResponse response = MEDDISPATCH__V1__SIGN_IN_RESPONSE__INIT;
    Meddispatch__V1__Identity identity;
    fill_identity(&message->caller, &identity);
    response.token = wait->token;
    response.identity = &identity;
    method_reply(call, &response.base);
}

/* Answered at once, so the call and its wait end here. */
static enum status on_who_am_i(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)api;
    (void)message;
    (void)err;
    Meddispatch__V1__WhoAmIResponse response = MEDDISPATCH__V1__WHO_AM_IRESPONSE__INIT;
    Meddispatch__V1__Identity identity;
    fill_identity(&wait->caller, &identity);
    response.identity = &identity;
    rpc_call_set_data(call, NULL);
    method_reply(call, &response.base);
    wait_end(wait);
    return STATUS_OK;
}

const struct method ACCESS_METHODS[] = {
    {"/meddispatch.v1.AccessService/SignIn", RPC_UNARY, WAIT_SIGN_IN, &meddispatch__v1__sign_in_request__descriptor, on_sign_in, 4096},
    {"/meddispatch.v1.AccessService/WhoAmI", RPC_UNARY, WAIT_WHO, &meddispatch__v1__who_am_irequest__descriptor, on_who_am_i, 4096},
};
const uint32_t ACCESS_METHOD_COUNT = COUNT_OF(ACCESS_METHODS);
