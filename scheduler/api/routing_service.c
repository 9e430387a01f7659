/* RoutingService: routes and matrices on the city's map, computed by the router thread. */
#include "internal.h"

#include <string.h>

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
    struct question *question = question_new(QUESTION_ROUTE, 0);
    question->points = mem_zalloc(request->n_points, sizeof *question->points);
    question->without_geometry = request->without_geometry;
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
    for (uint32_t i = 0; i < leg->step_count; i++) {
        Meddispatch__V1__RouteStep *step = out->steps[i] = view_alloc(arena, 1, sizeof *step);
        meddispatch__v1__route_step__init(step);
        step->name = view_text(arena, leg->steps[i].name);
        step->travel_ms = leg->steps[i].travel_ms;
        step->distance_m = leg->steps[i].distance_m;
    }
    return out;
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
};
const uint32_t ROUTING_METHOD_COUNT = COUNT_OF(ROUTING_METHODS);
