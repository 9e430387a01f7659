/* RoutingService: routes with their steps, matrices, the couriers soonest at a place and the area around one, computed by the router thread. */
#include "internal.h"

#include <assert.h>
#include <string.h>

enum { NEAREST_USUAL = 10, NEAREST_MS_MAX = 86400000, ISOCHRONE_S_MAX = 7200, ISOCHRONE_REACH_MIN_M = 10, ISOCHRONE_REACH_MAX_M = 1000 };
static_assert((int)LEG_DEPART == (int)MEDDISPATCH__V1__MANOEUVRE__MANOEUVRE_DEPART && (int)LEG_UTURN == (int)MEDDISPATCH__V1__MANOEUVRE__MANOEUVRE_UTURN &&
                  (int)LEG_ARRIVE == (int)MEDDISPATCH__V1__MANOEUVRE__MANOEUVRE_ARRIVE, "the contract's numbers are the engine's");

static const int64_t DEPART_MS_MAX = INT64_C(7258118400000); /* the year 2200 */

static enum status take_points(const struct api *api, struct question *question, Meddispatch__V1__Point *const *points, size_t count, const char *field,
                               struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        char name[ERROR_FIELD_MAX];
        text_format(name, sizeof name, "%s[%zu]", field, i);
        TRY(check_place(api, points[i], name, &question->points[question->point_count], err));
        question->point_count++;
    }
    return STATUS_OK;
}

static enum status on_route(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__RouteRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    TRY(check_range((int64_t)request->n_points, "points", 2, ROUTE_POINTS_MAX, err));
    TRY(check_range(request->depart_ms, "depart_ms", 0, DEPART_MS_MAX, err));
    TRY(check_range((int64_t)request->language, "language", 0, MEDDISPATCH__V1__LANGUAGE__LANGUAGE_CHINESE, err));
    struct question *question = question_new(QUESTION_ROUTE, 0);
    question->points = mem_zalloc(request->n_points, sizeof *question->points);
    question->without_geometry = request->without_geometry;
    question->chinese = request->language == MEDDISPATCH__V1__LANGUAGE__LANGUAGE_CHINESE;
    question->depart_ms = request->depart_ms;
    enum status rc = take_points(api, question, request->points, request->n_points, "points", err);
    if (rc != STATUS_OK) {
        question_free(question);
        return rc;
    }
    return api_ask(api, wait, question, err);
}

static enum status on_matrix(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__MatrixRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    TRY(check_range((int64_t)request->n_sources, "sources", 1, MATRIX_POINTS_MAX, err));
    TRY(check_range((int64_t)request->n_targets, "targets", 0, MATRIX_POINTS_MAX, err));
    TRY(check_range(request->depart_ms, "depart_ms", 0, DEPART_MS_MAX, err));
    size_t target_count = request->n_targets ? request->n_targets : request->n_sources;
    if (request->n_sources * target_count > MATRIX_CELLS_MAX)
        return error_field(err, "targets", "sources x targets may be at most %d, is %zu; ask in parts", MATRIX_CELLS_MAX, request->n_sources * target_count);
    struct question *question = question_new(QUESTION_MATRIX, 0);
    question->points = mem_zalloc(request->n_sources + target_count, sizeof *question->points);
    question->source_count = (uint32_t)request->n_sources;
    question->depart_ms = request->depart_ms;
    enum status rc = take_points(api, question, request->sources, request->n_sources, "sources", err);
    if (rc == STATUS_OK) {
        rc = request->n_targets ? take_points(api, question, request->targets, request->n_targets, "targets", err)
                                : take_points(api, question, request->sources, request->n_sources, "sources", err);
    }
    if (rc != STATUS_OK) {
        question_free(question);
        return rc;
    }
    return api_ask(api, wait, question, err);
}

/* One place and a departure: what Nearest and Isochrone have in common. Takes the question. */
static enum status ask_around(struct api *api, struct wait *wait, struct question *question, const Meddispatch__V1__Point *at, int64_t depart_ms, struct error *err)
{
    question->points = mem_zalloc(1, sizeof *question->points);
    question->point_count = 1;
    question->depart_ms = depart_ms;
    enum status rc = check_range(depart_ms, "depart_ms", 0, DEPART_MS_MAX, err);
    if (rc == STATUS_OK) rc = check_place(api, at, "at", question->points, err);
    if (rc == STATUS_OK) return api_ask(api, wait, question, err);
    question_free(question);
    return rc;
}

static enum status on_nearest(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__NearestRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    TRY(check_range(request->count, "count", 0, NEAREST_MAX, err));
    TRY(check_range(request->travel_ms_max, "travel_ms_max", 0, NEAREST_MS_MAX, err));
    struct question *question = question_new(QUESTION_NEAREST, 0);
    question->limit = request->count ? request->count : NEAREST_USUAL;
    question->travel_ms_max = request->travel_ms_max;
    return ask_around(api, wait, question, request->at, request->depart_ms, err);
}

static enum status check_contours(const Meddispatch__V1__IsochroneRequest *request, struct question *question, struct error *err)
{
    if (request->n_contours_s == 0) {
        TRY(check_range(request->travel_s, "travel_s", 1, ISOCHRONE_S_MAX, err));
        question->contours_ms[question->contour_count++] = request->travel_s * 1000;
        return STATUS_OK;
    }
    if (request->travel_s) return error_field(err, "travel_s", "is for one contour; say all of them in contours_s, or none there");
    TRY(check_range((int64_t)request->n_contours_s, "contours_s", 1, CONTOURS_MAX, err));
    for (size_t i = 0; i < request->n_contours_s; i++) {
        char name[ERROR_FIELD_MAX];
        text_format(name, sizeof name, "contours_s[%zu]", i);
        TRY(check_range(request->contours_s[i], name, i ? (int64_t)request->contours_s[i - 1] + 1 : 1, ISOCHRONE_S_MAX, err));
        question->contours_ms[question->contour_count++] = request->contours_s[i] * 1000;
    }
    return STATUS_OK;
}

static enum status on_isochrone(struct api *api, struct wait *wait, struct rpc_call *call, const ProtobufCMessage *message, struct error *err)
{
    (void)call;
    const Meddispatch__V1__IsochroneRequest *request = (const void *)message;
    TRY(check_city(api, request->city_id, err));
    if (request->reach_m) TRY(check_range(request->reach_m, "reach_m", ISOCHRONE_REACH_MIN_M, ISOCHRONE_REACH_MAX_M, err));
    TRY(check_range((int64_t)request->datum, "datum", 0, MEDDISPATCH__V1__DATUM__DATUM_GCJ02, err));
    struct question *question = question_new(QUESTION_ISOCHRONE, 0);
    question->towards = request->towards;
    question->reach_m = request->reach_m;
    question->gcj02 = request->datum == MEDDISPATCH__V1__DATUM__DATUM_GCJ02;
    enum status rc = check_contours(request, question, err);
    if (rc == STATUS_OK) return ask_around(api, wait, question, request->at, request->depart_ms, err);
    question_free(question);
    return rc;
}

static Meddispatch__V1__RouteStep *step_message(struct arena *arena, const struct leg_step *step)
{
    Meddispatch__V1__RouteStep *out = view_alloc(arena, 1, sizeof *out);
    meddispatch__v1__route_step__init(out);
    out->name = view_text(arena, step->name);
    out->travel_ms = step->travel_ms;
    out->distance_m = step->distance_m;
    out->manoeuvre = (Meddispatch__V1__Manoeuvre)step->manoeuvre;
    out->instruction = view_text(arena, step->instruction);
    out->exit = step->exit;
    out->side = (Meddispatch__V1__RoadSide)step->side;
    out->point_first = step->point_first;
    out->point_last = step->point_last;
    out->heading_deg = step->heading_deg;
    out->turn_deg = step->turn_deg;
    return out;
}

static Meddispatch__V1__RouteLeg *leg_message(struct arena *arena, const struct leg *leg)
{
    Meddispatch__V1__RouteLeg *out = view_alloc(arena, 1, sizeof *out);
    meddispatch__v1__route_leg__init(out);
    out->travel_ms = leg->travel_ms;
    out->distance_m = leg->distance_m;
    out->n_lat_e7 = out->n_lon_e7 = out->n_at_ms = leg->point_count;
    out->lat_e7 = view_alloc(arena, leg->point_count, sizeof *out->lat_e7);
    out->lon_e7 = view_alloc(arena, leg->point_count, sizeof *out->lon_e7);
    out->at_ms = view_alloc(arena, leg->point_count, sizeof *out->at_ms);
    struct point before = {0, 0};
    for (uint32_t i = 0; i < leg->point_count; i++) {
        out->lat_e7[i] = leg->points[i].lat_e7 - before.lat_e7;
        out->lon_e7[i] = leg->points[i].lon_e7 - before.lon_e7;
        out->at_ms[i] = leg->at_ms[i];
        before = leg->points[i];
    }
    out->n_steps = leg->step_count;
    out->steps = view_alloc(arena, leg->step_count, sizeof *out->steps);
    for (uint32_t i = 0; i < leg->step_count; i++) out->steps[i] = step_message(arena, &leg->steps[i]);
    return out;
}

static void send_nearest(struct arena *arena, struct rpc_call *call, const struct message *message)
{
    Meddispatch__V1__NearestResponse response = MEDDISPATCH__V1__NEAREST_RESPONSE__INIT;
    response.n_couriers = message->near_count;
    response.couriers = view_alloc(arena, message->near_count, sizeof *response.couriers);
    for (uint32_t i = 0; i < message->near_count; i++) {
        Meddispatch__V1__NearCourier *out = response.couriers[i] = view_alloc(arena, 1, sizeof *out);
        meddispatch__v1__near_courier__init(out);
        out->courier_id = message->near[i].id.v;
        out->travel_ms = message->near[i].travel_ms;
        out->distance_m = message->near[i].distance_m;
        out->at = view_point(arena, message->near[i].at);
        out->position_ms = message->near[i].position_ms;
    }
    method_reply(call, &response.base);
}

void routing_on_answer(struct wait *wait, struct rpc_call *call, const struct message *message)
{
    struct arena *arena = arena_new(256u << 20);
    if (wait->kind == WAIT_ROUTE) {
        Meddispatch__V1__RouteResponse response = MEDDISPATCH__V1__ROUTE_RESPONSE__INIT;
        response.n_legs = message->leg_count;
        response.legs = view_alloc(arena, message->leg_count, sizeof *response.legs);
        for (uint32_t i = 0; i < message->leg_count; i++) {
            response.legs[i] = leg_message(arena, &message->legs[i]);
            response.travel_ms += message->legs[i].travel_ms;
            response.distance_m += message->legs[i].distance_m;
        }
        method_reply(call, &response.base);
    } else if (wait->kind == WAIT_NEAREST) {
        send_nearest(arena, call, message);
    } else if (wait->kind == WAIT_ISOCHRONE) {
        Meddispatch__V1__IsochroneResponse response = MEDDISPATCH__V1__ISOCHRONE_RESPONSE__INIT;
        response.geojson = message->geojson;
        response.tolerance_m = message->tolerance_m;
        method_reply(call, &response.base);
    } else {
        Meddispatch__V1__MatrixResponse response = MEDDISPATCH__V1__MATRIX_RESPONSE__INIT;
        response.n_travel_ms = response.n_distance_m = message->matrix_cells;
        response.travel_ms = message->matrix_ms;
        response.distance_m = message->matrix_m;
        method_reply(call, &response.base);
    }
    arena_free(arena);
}

const struct method ROUTING_METHODS[] = {
    {"/meddispatch.v1.RoutingService/Route", RPC_UNARY, WAIT_ROUTE, &meddispatch__v1__route_request__descriptor, on_route, 0},
    {"/meddispatch.v1.RoutingService/Matrix", RPC_UNARY, WAIT_MATRIX, &meddispatch__v1__matrix_request__descriptor, on_matrix, 0},
    {"/meddispatch.v1.RoutingService/Nearest", RPC_UNARY, WAIT_NEAREST, &meddispatch__v1__nearest_request__descriptor, on_nearest, 0},
    {"/meddispatch.v1.RoutingService/Isochrone", RPC_UNARY, WAIT_ISOCHRONE, &meddispatch__v1__isochrone_request__descriptor, on_isochrone, 0},
};
const uint32_t ROUTING_METHOD_COUNT = COUNT_OF(ROUTING_METHODS);
