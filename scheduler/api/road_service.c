/* The roads of BoardService: reporting a closed or slow road, opening it again, and the list of what is in force. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum { SPEED_PERCENT_MIN = 5, SPEED_PERCENT_MAX = 400, SPEED_KMH_MAX = 200 };
static const int64_t UNTIL_MAX_MS = INT64_C(366) * 24 * 3600 * 1000, WAY_ID_MAX = INT64_C(1) << 62;

static enum status take_where(const Meddispatch__V1__ReportRoadRequest *request, struct road_override *road, struct error *err)
{
    if ((request->n_polygon > 0) + (request->way_id != 0) + (request->n_road > 0) != 1)
        return error_field(err, "polygon", "give exactly one of polygon, way_id and road");
    Meddispatch__V1__Point *const *points = request->n_polygon ? request->polygon : request->road;
    size_t count = request->n_polygon ? request->n_polygon : request->n_road;
    const char *field = request->n_polygon ? "polygon" : "road";
    if (request->way_id) {
        road->kind = ROAD_WAY;
        road->way = request->way_id;
        return check_range(request->way_id, "way_id", 1, WAY_ID_MAX, err);
    }
    road->kind = request->n_polygon ? ROAD_AREA : ROAD_AT_POINT;
    TRY(check_range((int64_t)count, field, request->n_polygon ? 3 : 1, request->n_polygon ? ROAD_POINTS_MAX : 2, err));
    road->points = mem_zalloc(count, sizeof *road->points);
    for (; road->point_count < count; road->point_count++) {
        char name[ERROR_FIELD_MAX];
        text_format(name, sizeof name, "%s[%u]", field, road->point_count);
        TRY(check_point(points[road->point_count], name, &road->points[road->point_count], err));
    }
    return STATUS_OK;
}

static enum status take_report(const Meddispatch__V1__ReportRoadRequest *request, struct question *question, struct error *err)
{
    struct road_override *road = question->road;
    TRY(check_code(request->dispatcher, "dispatcher", true, err));
    TRY(check_text(request->reason, "reason", 1, REASON_TEXT_MAX - 1, err));
    TRY(check_cause(request->source, request->idempotency_key, &request->base, "dispatcher", request->dispatcher, &question->cause, err));
    TRY(take_where(request, road, err));
    TRY(check_range(request->speed_kmh, "speed_kmh", 0, SPEED_KMH_MAX, err));
    if (request->speed_kmh && request->speed_percent) return error_field(err, "speed_kmh", "give speed_kmh or speed_percent, not both");
    if (request->speed_percent) TRY(check_range(request->speed_percent, "speed_percent", SPEED_PERCENT_MIN, SPEED_PERCENT_MAX, err));
    road->speed_kmh = request->speed_kmh;
    road->speed_percent = request->speed_percent;
    road->reported_ms = clock_now_ms();
    road->until_ms = request->until_ms;
    if (request->until_ms <= road->reported_ms) return error_field(err, "until_ms", "is over: must lie after now, %lld", (long long)road->reported_ms);
    if (request->until_ms > road->reported_ms + UNTIL_MAX_MS) return error_field(err, "until_ms", "may lie at most 366 days ahead");
    text_copy(road->actor, sizeof road->actor, question->cause.actor);
    text_copy(road->reason, sizeof road->reason, request->reason);
    return STATUS_OK;
}

static enum status on_report(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__ReportRoadRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    struct question *question = question_new(QUESTION_ROAD_REPORT, 0);
    question->road = mem_zalloc(1, sizeof *question->road);
    enum status rc = take_report(request, question, err);
    if (rc == STATUS_OK) return api_ask(api, wait, question, err);
    question_free(question);
    return rc;
}

static enum status on_withdraw(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__WithdrawRoadRequest *request = (const void *)message;
    struct cause cause;
    TRY(check_city(api, request->city_id, err));
    TRY(check_id(request->override_id, "override_id", err));
    TRY(check_code(request->dispatcher, "dispatcher", true, err));
    TRY(check_text(request->reason, "reason", 1, REASON_TEXT_MAX - 1, err));
    TRY(check_cause(request->source, request->idempotency_key, message, "dispatcher", request->dispatcher, &cause, err));
    struct question *question = question_new(QUESTION_ROAD_WITHDRAW, 0);
    question->road_id = request->override_id;
    question->cause = cause;
    question->at_ms = clock_now_ms();
    text_copy(question->reason, sizeof question->reason, request->reason);
    return api_ask(api, wait, question, err);
}

static enum status on_list(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__ListRoadsRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    struct question *question = question_new(QUESTION_ROADS, 0);
    question->at_ms = clock_now_ms();
    question->with_history = request->with_ended;
    return api_ask(api, wait, question, err);
}

static Meddispatch__V1__RoadOverride *road_message(struct arena *arena, const struct road_override *road)
{
    Meddispatch__V1__RoadOverride *out = view_alloc(arena, 1, sizeof *out);
    meddispatch__v1__road_override__init(out);
    Meddispatch__V1__Point **points = view_alloc(arena, road->point_count, sizeof *points);
    for (uint32_t i = 0; i < road->point_count; i++) points[i] = view_point(arena, road->points[i]);
    if (road->kind == ROAD_AREA) out->polygon = points, out->n_polygon = road->point_count;
    else out->road = points, out->n_road = road->point_count;
    out->override_id = road->id;
    out->way_id = road->way;
    out->speed_percent = road->speed_percent;
    out->speed_kmh = road->speed_kmh;
    out->reported_ms = road->reported_ms;
    out->until_ms = road->until_ms;
    out->reported_by = view_text(arena, road->actor);
    out->reason = view_text(arena, road->reason);
    out->withdrawn_ms = road->withdrawn_ms;
    out->withdrawn_by = view_text(arena, road->withdrawn_by);
    out->withdrawn_reason = view_text(arena, road->withdrawn_for);
    return out;
}

void road_on_answer(struct wait *wait, struct rpc_call *call, const struct message *message)
{
    struct arena *arena = arena_new(256u << 20);
    if (wait->kind == WAIT_ROAD_REPORT) {
        Meddispatch__V1__ReportRoadResponse response = MEDDISPATCH__V1__REPORT_ROAD_RESPONSE__INIT;
        response.override_id = message->road_id;
        response.roads = message->road_arcs;
        response.repeated = message->repeated;
        method_reply(call, &response.base);
    } else if (wait->kind == WAIT_ROAD_WITHDRAW) {
        Meddispatch__V1__WithdrawRoadResponse response = MEDDISPATCH__V1__WITHDRAW_ROAD_RESPONSE__INIT;
        response.repeated = message->repeated;
        method_reply(call, &response.base);
    } else {
        Meddispatch__V1__ListRoadsResponse response = MEDDISPATCH__V1__LIST_ROADS_RESPONSE__INIT;
        response.n_roads = message->road_count;
        response.roads = view_alloc(arena, message->road_count, sizeof *response.roads);
        for (uint32_t i = 0; i < message->road_count; i++) response.roads[i] = road_message(arena, &message->roads[i]);
        method_reply(call, &response.base);
    }
    arena_free(arena);
}

const struct method ROAD_METHODS[] = {
    {"/meddispatch.v1.BoardService/ReportRoad", RPC_UNARY, WAIT_ROAD_REPORT, &meddispatch__v1__report_road_request__descriptor, on_report, 0},
    {"/meddispatch.v1.BoardService/WithdrawRoad", RPC_UNARY, WAIT_ROAD_WITHDRAW, &meddispatch__v1__withdraw_road_request__descriptor, on_withdraw, 0},
    {"/meddispatch.v1.BoardService/ListRoads", RPC_UNARY, WAIT_ROADS, &meddispatch__v1__list_roads_request__descriptor, on_list, 0},
};
const uint32_t ROAD_METHOD_COUNT = COUNT_OF(ROAD_METHODS);
