/* CatalogService: bulk loads by client stream. Each message of the stream is one batch; the stream is paused until the batch is stored, so a
 * fast sender costs one batch of memory. Rows that are wrong come back with their place, the others are kept. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_PER_MESSAGE = 1000, PROBLEMS_MAX = 100, ARENA_BYTES = 64 << 20 };

/* ---- what every load shares ---- */

static void add_problem(struct wait *wait, uint64_t index, const struct error *err)
{
    wait->refused++;
    if (wait->problem_count == PROBLEMS_MAX) return;
    wait->problems = mem_realloc(wait->problems, wait->problem_count + 1, sizeof *wait->problems);
    struct problem *problem = &wait->problems[wait->problem_count++];
    problem->index = index;
    text_copy(problem->field, sizeof problem->field, err->field);
    text_copy(problem->text, sizeof problem->text, err->text);
}

static struct question *load_new(enum catalog_table table, const struct wait *wait)
{
    struct question *question = question_new(QUESTION_UPSERT, 0);
    question->upsert = mem_zalloc(1, sizeof *question->upsert);
    question->upsert->table = table;
    question->upsert->arena = arena_new(ARENA_BYTES);
    question->upsert->first_index = wait->index;
    return question;
}

/* Sends the batch on and stops reading until it is answered. A batch of no good rows needs no asking. */
static enum status load_send(struct api *api, struct wait *wait, struct rpc_call *call, struct question *question, struct error *err)
{
    if (question->upsert->count == 0) {
        question_free(question);
        return STATUS_OK;
    }
    TRY(api_ask(api, wait, question, err));
    rpc_call_pause(call);
    return STATUS_OK;
}

/* ---- members ---- */

static enum status take_date(const char *text, const char *field, bool required, int32_t fallback, int32_t *out, struct error *err)
{
    TRY(check_date(text, field, required, err));
    *out = fallback;
    if (*text && !claims_day_from_text(text, out)) return error_field(err, field, "must be a date YYYY-MM-DD");
    return STATUS_OK;
}

static enum status take_sex(const char *text, const char *field, bool required, char *out, struct error *err)
{
    *out = text[0];
    if (text[0] == 0 && !required) return STATUS_OK;
    if ((text[0] != 'F' && text[0] != 'M') || text[1] != 0) return error_field(err, field, "must be F or M");
    return STATUS_OK;
}

static enum status take_member(const Meddispatch__V1__Member *in, struct member_row *out, struct error *err)
{
    TRY(check_code(in->code, "code", true, err));
    TRY(take_date(in->birth_date, "birth_date", true, 0, &out->birth_day, err));
    TRY(take_sex(in->sex, "sex", true, &out->sex, err));
    TRY(check_code(in->plan_code, "plan_code", true, err));
    TRY(check_code(in->policy_number, "policy_number", true, err));
    TRY(take_date(in->policy_from, "policy_from", true, 0, &out->valid_from_day, err));
    TRY(take_date(in->policy_to, "policy_to", true, 0, &out->valid_to_day, err));
    if (out->valid_to_day <= out->valid_from_day) return error_field(err, "policy_to", "must lie after policy_from");
    text_copy(out->code, sizeof out->code, in->code);
    text_copy(out->plan, sizeof out->plan, in->plan_code);
    text_copy(out->policy, sizeof out->policy, in->policy_number);
    out->inception_day = out->valid_from_day;
    out->renewal = in->renewal;
    return STATUS_OK;
}

static enum status on_members(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    const Meddispatch__V1__UpsertMembersRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    TRY(check_range((int64_t)request->n_members, "members", 1, ROWS_PER_MESSAGE, err));
    struct question *question = load_new(CATALOG_MEMBERS, wait);
    struct catalog_batch *batch = question->upsert;
    batch->members = view_alloc(batch->arena, request->n_members, sizeof *batch->members);
    for (size_t i = 0; i < request->n_members; i++, wait->index++) {
        struct error row_error;
        if (take_member(request->members[i], &batch->members[batch->count], &row_error) == STATUS_OK) batch->count++;
        else add_problem(wait, wait->index, &row_error);
    }
    return load_send(api, wait, call, question, err);
}

/* ---- products ---- */

static enum status take_product(const Meddispatch__V1__Product *in, struct product *out, struct error *err)
{
    TRY(check_code(in->code, "code", true, err));
    TRY(check_text(in->name_zh, "name_zh", 1, TITLE_TEXT_MAX - 1, err));
    TRY(check_text(in->name_en, "name_en", 0, TITLE_TEXT_MAX - 1, err));
    TRY(check_text(in->atc, "atc", 0, sizeof out->atc - 1, err));
    TRY(check_range(in->ceiling_fen, "ceiling_fen", 0, 10000000, err));
    TRY(check_code(in->approval_number, "approval_number", false, err));
    TRY(check_range(in->volume_ml, "volume_ml", 0, 100000, err));
    TRY(check_range(in->days_supply, "days_supply", 0, 3650, err));
    TRY(check_range(in->min_age, "min_age", 0, 150, err));
    TRY(check_range(in->max_age, "max_age", 0, 150, err));
    TRY(take_sex(in->sex, "sex", false, &out->sex, err));
    int32_t to_day = 0;
    TRY(take_date(in->valid_to, "valid_to", false, 0, &to_day, err));
    text_copy(out->code, sizeof out->code, in->code);
    text_copy(out->name_zh, sizeof out->name_zh, in->name_zh);
    text_copy(out->name_en, sizeof out->name_en, in->name_en);
    text_copy(out->atc, sizeof out->atc, in->atc);
    text_copy(out->approval, sizeof out->approval, in->approval_number);
    out->approval_till_ms = (int64_t)to_day * 86400000;
    out->ceiling_fen = in->ceiling_fen;
    out->rx = in->prescription_only;
    out->eligible = in->covered;
    out->prohibited = in->prohibited;
    out->controlled = in->controlled;
    out->injection = in->injection;
    out->hypoglycaemic = in->hypoglycaemic;
    out->chronic = in->chronic;
    out->cold = in->cold_chain;
    out->age_min = in->min_age;
    out->age_max = in->max_age;
    out->pack_supply_ddays = in->days_supply;
    out->volume_ml = in->volume_ml;
    return STATUS_OK;
}

static enum status on_products(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    const Meddispatch__V1__UpsertFormularyRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    TRY(check_range((int64_t)request->n_products, "products", 1, ROWS_PER_MESSAGE, err));
    struct question *question = load_new(CATALOG_PRODUCTS, wait);
    struct catalog_batch *batch = question->upsert;
    batch->products = view_alloc(batch->arena, request->n_products, sizeof *batch->products);
    for (size_t i = 0; i < request->n_products; i++, wait->index++) {
        struct error row_error;
        if (take_product(request->products[i], &batch->products[batch->count], &row_error) == STATUS_OK) batch->count++;
        else add_problem(wait, wait->index, &row_error);
    }
    return load_send(api, wait, call, question, err);
}

/* ---- tests ---- */

static enum status take_test(const Meddispatch__V1__Test *in, struct test *out, struct error *err)
{
    TRY(check_code(in->code, "code", true, err));
    TRY(check_text(in->name_zh, "name_zh", 1, TITLE_TEXT_MAX - 1, err));
    TRY(check_text(in->name_en, "name_en", 0, TITLE_TEXT_MAX - 1, err));
    TRY(check_text(in->specimen, "specimen", 1, NAME_TEXT_MAX - 1, err));
    TRY(check_range(in->stability_s, "stability_s", 1, 30 * 86400, err));
    TRY(check_range(in->lab_turnaround_s, "lab_turnaround_s", 0, 30 * 86400, err));
    TRY(check_range(in->ceiling_fen, "ceiling_fen", 0, 10000000, err));
    TRY(check_range(in->repeat_days, "repeat_days", 0, 3650, err));
    text_copy(out->code, sizeof out->code, in->code);
    text_copy(out->name_zh, sizeof out->name_zh, in->name_zh);
    text_copy(out->name_en, sizeof out->name_en, in->name_en);
    text_copy(out->specimen, sizeof out->specimen, in->specimen);
    out->benefit = BENEFIT_TEST;
    out->ceiling_fen = in->ceiling_fen;
    out->eligible = true;
    out->stability_s = in->stability_s;
    out->turnaround_s = in->lab_turnaround_s;
    out->repeat_days = in->repeat_days;
    out->needs_sampling_skill = in->nurse_needed;
    out->cold = in->cold_chain;
    out->volume_ml = 500; /* a kit box */
    out->home_s = in->nurse_needed ? 600 : 480; /* a visit: guiding the swab, or drawing blood */
    return STATUS_OK;
}

static enum status on_tests(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    const Meddispatch__V1__UpsertTestsRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    TRY(check_range((int64_t)request->n_tests, "tests", 1, ROWS_PER_MESSAGE, err));
    struct question *question = load_new(CATALOG_TESTS, wait);
    struct catalog_batch *batch = question->upsert;
    batch->tests = view_alloc(batch->arena, request->n_tests, sizeof *batch->tests);
    for (size_t i = 0; i < request->n_tests; i++, wait->index++) {
        struct error row_error;
        if (take_test(request->tests[i], &batch->tests[batch->count], &row_error) == STATUS_OK) batch->count++;
        else add_problem(wait, wait->index, &row_error);
    }
    return load_send(api, wait, call, question, err);
}

/* ---- facilities ---- */

static enum status take_week(const Meddispatch__V1__Facility *in, struct facility *out, struct error *err)
{
    if (in->n_week != 0 && in->n_week != HOURS_MAX) return error_field(err, "week", "must have 7 entries, Monday first, or none (always open)");
    for (size_t day = 0; day < HOURS_MAX; day++) {
        struct hours hours = {0, 1440};
        if (in->n_week) {
            TRY(check_range(in->week[day]->open_min, "week.open_min", 0, 1440, err));
            TRY(check_range(in->week[day]->close_min, "week.close_min", in->week[day]->open_min, 2880, err));
            hours = (struct hours){(uint16_t)in->week[day]->open_min, (uint16_t)in->week[day]->close_min};
        }
        out->week[day] = hours;
    }
    return STATUS_OK;
}

/* "*" means every test of the catalogue as it stands. */
static enum status take_lab_tests(const struct api *api, const Meddispatch__V1__Facility *in, struct arena *arena, struct facility_row *out, struct error *err)
{
    const struct catalog *catalog = engine_catalog_ref(api->engine);
    bool all = in->n_tests == 1 && strcmp(in->tests[0], "*") == 0;
    size_t count = all ? catalog->test_count : in->n_tests;
    enum status rc = count > TESTS_PER_LAB_MAX ? error_field(err, "tests", "may have at most %d entries", TESTS_PER_LAB_MAX) : STATUS_OK;
    char(*codes)[CODE_TEXT_MAX] = rc == STATUS_OK ? view_alloc(arena, count, sizeof *codes) : NULL;
    for (size_t i = 0; i < count && rc == STATUS_OK; i++) {
        const char *code = all ? catalog->tests[i].code : in->tests[i];
        rc = check_code(code, "tests", true, err);
        if (rc == STATUS_OK && !catalog_test(catalog, code)) rc = error_field(err, "tests", "names %s, which is not in the catalogue", code);
        if (rc == STATUS_OK) text_copy(codes[i], CODE_TEXT_MAX, code);
    }
    engine_catalog_unref(api->engine, catalog);
    out->test_count = (uint32_t)count;
    out->tests = (const char(*)[CODE_TEXT_MAX])codes;
    return rc;
}

static enum status take_facility(const struct api *api, const Meddispatch__V1__Facility *in, struct arena *arena, struct facility_row *out, struct error *err)
{
    struct facility *facility = &out->facility;
    *out = (struct facility_row){.contracted = true};
    TRY(check_id(in->facility_id, "facility_id", err));
    TRY(check_range((int64_t)in->kind, "kind", FACILITY_PHARMACY, FACILITY_DEPOT, err));
    TRY(check_text(in->name, "name", 1, NAME_TEXT_MAX - 1, err));
    TRY(check_place(api, in->at, "at", &facility->at, err));
    TRY(take_week(in, facility, err));
    TRY(check_range(in->service_s, "service_s", 0, 3600, err));
    TRY(check_range(in->prep_s, "prep_s", 0, 6 * 3600, err));
    TRY(check_code(in->payee, "payee", in->kind != MEDDISPATCH__V1__FACILITY_KIND__FACILITY_KIND_DEPOT, err));
    facility->id.v = in->facility_id;
    facility->kind = (enum facility_kind)in->kind;
    facility->service_s = in->service_s;
    facility->prep_s = in->prep_s;
    facility->active = !in->inactive;
    text_copy(facility->name, sizeof facility->name, in->name);
    text_copy(facility->payee, sizeof facility->payee, in->payee);
    return facility->kind == FACILITY_LAB ? take_lab_tests(api, in, arena, out, err) : STATUS_OK;
}

static enum status on_facilities(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    const Meddispatch__V1__UpsertFacilitiesRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    TRY(check_range((int64_t)request->n_facilities, "facilities", 1, ROWS_PER_MESSAGE, err));
    struct question *question = load_new(CATALOG_FACILITIES, wait);
    struct catalog_batch *batch = question->upsert;
    batch->facilities = view_alloc(batch->arena, request->n_facilities, sizeof *batch->facilities);
    for (size_t i = 0; i < request->n_facilities; i++, wait->index++) {
        struct error row_error;
        if (take_facility(api, request->facilities[i], batch->arena, &batch->facilities[batch->count], &row_error) == STATUS_OK) batch->count++;
        else add_problem(wait, wait->index, &row_error);
    }
    return load_send(api, wait, call, question, err);
}

/* ---- couriers ---- */

static enum status take_courier(const Meddispatch__V1__Courier *in, struct courier *out, struct error *err)
{
    TRY(check_id(in->courier_id, "courier_id", err));
    TRY(check_text(in->name, "name", 1, NAME_TEXT_MAX - 1, err));
    TRY(check_text(in->relay_phone, "relay_phone", 0, PHONE_TEXT_MAX - 1, err));
    TRY(check_range(in->volume_ml, "volume_ml", 0, 1000000, err));
    TRY(check_range(in->cold_ml, "cold_ml", 0, 1000000, err));
    TRY(check_range(in->kits_preloaded, "kits_preloaded", 0, 100, err));
    *out = (struct courier){.id = {in->courier_id}, .volume_ml_max = in->volume_ml, .cold_ml_max = in->cold_ml, .kits_preloaded = in->kits_preloaded,
                            .active = !in->inactive};
    out->skills = (in->cold_chain ? BIT(SKILL_COLD_CHAIN) : 0) | (in->sampling ? BIT(SKILL_SAMPLING) : 0);
    text_copy(out->name, sizeof out->name, in->name);
    text_copy(out->relay_phone, sizeof out->relay_phone, in->relay_phone);
    return STATUS_OK;
}

static enum status on_couriers(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    const Meddispatch__V1__UpsertCouriersRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    TRY(check_range((int64_t)request->n_couriers, "couriers", 1, ROWS_PER_MESSAGE, err));
    struct question *question = load_new(CATALOG_COURIERS, wait);
    struct catalog_batch *batch = question->upsert;
    batch->couriers = view_alloc(batch->arena, request->n_couriers, sizeof *batch->couriers);
    for (size_t i = 0; i < request->n_couriers; i++, wait->index++) {
        struct error row_error;
        if (take_courier(request->couriers[i], &batch->couriers[batch->count], &row_error) == STATUS_OK) batch->count++;
        else add_problem(wait, wait->index, &row_error);
    }
    return load_send(api, wait, call, question, err);
}

/* ---- the end of a stream ---- */

static void reply_load(struct wait *wait, struct rpc_call *call)
{
    struct arena *arena = arena_new(1u << 20);
    Meddispatch__V1__UpsertProblem **problems = view_alloc(arena, wait->problem_count, sizeof *problems);
    for (uint32_t i = 0; i < wait->problem_count; i++) {
        problems[i] = view_alloc(arena, 1, sizeof **problems);
        meddispatch__v1__upsert_problem__init(problems[i]);
        problems[i]->index = wait->problems[i].index;
        problems[i]->field = view_text(arena, wait->problems[i].field);
        problems[i]->text = view_text(arena, wait->problems[i].text);
    }
    /* the five responses are the same three fields; each is made by its own name, since C has no generics over messages */
#define REPLY(Type, INIT)                                                                                                                \
    do {                                                                                                                                 \
        Type response = INIT;                                                                                                            \
        response.stored = wait->taken;                                                                                                   \
        response.refused = wait->refused;                                                                                                \
        response.n_problems = wait->problem_count;                                                                                       \
        response.problems = problems;                                                                                                    \
        method_reply(call, &response.base);                                                                                              \
    } while (0)
    const ProtobufCMessageDescriptor *request = wait->method->request;
    rpc_call_set_data(call, NULL);
    if (request == &meddispatch__v1__upsert_members_request__descriptor)
        REPLY(Meddispatch__V1__UpsertMembersResponse, MEDDISPATCH__V1__UPSERT_MEMBERS_RESPONSE__INIT);
    else if (request == &meddispatch__v1__upsert_formulary_request__descriptor)
        REPLY(Meddispatch__V1__UpsertFormularyResponse, MEDDISPATCH__V1__UPSERT_FORMULARY_RESPONSE__INIT);
    else if (request == &meddispatch__v1__upsert_tests_request__descriptor)
        REPLY(Meddispatch__V1__UpsertTestsResponse, MEDDISPATCH__V1__UPSERT_TESTS_RESPONSE__INIT);
    else if (request == &meddispatch__v1__upsert_facilities_request__descriptor)
        REPLY(Meddispatch__V1__UpsertFacilitiesResponse, MEDDISPATCH__V1__UPSERT_FACILITIES_RESPONSE__INIT);
    else
        REPLY(Meddispatch__V1__UpsertCouriersResponse, MEDDISPATCH__V1__UPSERT_COURIERS_RESPONSE__INIT);
#undef REPLY
    arena_free(arena);
    wait_end(wait);
}

void catalog_on_answer(struct wait *wait, struct rpc_call *call, const struct message *message)
{
    const struct catalog_result *result = message->upsert;
    wait->taken += result->stored;
    for (uint32_t i = 0; i < result->problem_count; i++) add_problem(wait, result->problems[i].index, &result->problems[i].error);
    wait->refused += result->refused - result->problem_count;
    if (wait->half_closed) reply_load(wait, call);
    else rpc_call_resume(call);
}

void catalog_on_half_close(struct wait *wait, struct rpc_call *call)
{
    if (!wait->asked) reply_load(wait, call);
}

const struct method CATALOG_METHODS[] = {
    {"/meddispatch.v1.CatalogService/UpsertMembers", RPC_CLIENT_STREAM, WAIT_UPSERT, &meddispatch__v1__upsert_members_request__descriptor, on_members, 0},
    {"/meddispatch.v1.CatalogService/UpsertFormulary", RPC_CLIENT_STREAM, WAIT_UPSERT, &meddispatch__v1__upsert_formulary_request__descriptor, on_products, 0},
    {"/meddispatch.v1.CatalogService/UpsertTests", RPC_CLIENT_STREAM, WAIT_UPSERT, &meddispatch__v1__upsert_tests_request__descriptor, on_tests, 0},
    {"/meddispatch.v1.CatalogService/UpsertFacilities", RPC_CLIENT_STREAM, WAIT_UPSERT, &meddispatch__v1__upsert_facilities_request__descriptor, on_facilities, 0},
    {"/meddispatch.v1.CatalogService/UpsertCouriers", RPC_CLIENT_STREAM, WAIT_UPSERT, &meddispatch__v1__upsert_couriers_request__descriptor, on_couriers, 0},
};
const uint32_t CATALOG_METHOD_COUNT = COUNT_OF(CATALOG_METHODS);
