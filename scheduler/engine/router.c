/* The router thread: routes and matrices for callers, and the travel times of explanations. CPU work on the shared map, away from every other
 * thread, so that a large matrix delays only other matrices. */
#include "router.h"

#include <stdlib.h>
#include <string.h>

enum { ROUTE_ARENA_BYTES = 256 << 20, EXPLAIN_LABEL_BYTES = 256 << 20 };

void *router_take(struct message *message, size_t count, size_t size)
{
    if (!message->arena) message->arena = arena_new(ROUTE_ARENA_BYTES);
    return arena_alloc(message->arena, (count ? count : 1) * size);
}

enum status router_snap_all(const struct router *router, const struct question *question, struct geo_snap *snaps, struct error *err)
{
    for (uint32_t i = 0; i < question->point_count; i++) {
        struct geo_point at = {question->points[i].lat_e7, question->points[i].lon_e7};
        struct geo_error why;
        if (geo_snap_nearest(router->engine->map, at, router->engine->options.snap_max_m, &snaps[i], &why) != GEO_OK)
            return error_set(err, STATUS_INVALID_ARGUMENT, "point %u: %s", i, why.text);
    }
    return STATUS_OK;
}

static enum status keep_leg(struct message *message, const struct geo_route *route, struct leg *leg)
{
    leg->points = router_take(message, route->point_count, sizeof *leg->points);
    leg->at_ms = router_take(message, route->point_count, sizeof *leg->at_ms);
    if (!leg->points || !leg->at_ms) return error_set(&message->error, STATUS_RESOURCE_EXHAUSTED, "the route is too long; ask in parts");
    leg->point_count = route->point_count;
    for (uint32_t i = 0; i < route->point_count; i++) {
        leg->points[i] = (struct point){route->points[i].lat_e7, route->points[i].lon_e7};
        leg->at_ms[i] = route->at_ms[i];
    }
    return STATUS_OK;
}

static enum status answer_route(struct router *router, const struct question *question, struct message *message)
{
    struct geo_snap snaps[ROUTE_POINTS_MAX];
    ASSERT(question->point_count >= 2 && question->point_count <= ROUTE_POINTS_MAX);
    TRY(router_snap_all(router, question, snaps, &message->error));
    message->leg_count = question->point_count - 1;
    message->legs = router_take(message, message->leg_count, sizeof *message->legs);
    for (uint32_t i = 0; i + 1 < question->point_count; i++) {
        struct geo_route route;
        struct geo_error why;
        if (geo_route_find(router->metric, router->scratch, &snaps[i], &snaps[i + 1], &route, &why) != GEO_OK)
            return error_set(&message->error, STATUS_NOT_FOUND, "no way leads from point %u to point %u: %s", i, i + 1, why.text);
        struct leg *leg = &message->legs[i];
        leg->travel_ms = route.travel_ms;
        leg->distance_m = (route.length_dm + 5) / 10;
        enum status rc = question->without_geometry ? STATUS_OK : keep_leg(message, &route, leg);
        if (rc == STATUS_OK && !question->without_geometry) rc = router_keep_steps(router, question, message, &route, &snaps[i + 1], i + 2 < question->point_count ? i + 1 : 0, leg);
        geo_route_free(&route);
        TRY(rc);
    }
    return STATUS_OK;
}

static enum status answer_matrix(struct router *router, const struct question *question, struct message *message)
{
    uint32_t sources = question->source_count, targets = question->point_count - sources;
    struct geo_snap *snaps = mem_zalloc(question->point_count, sizeof *snaps);
    enum status rc = router_snap_all(router, question, snaps, &message->error);
    if (rc == STATUS_OK) {
        message->matrix_cells = sources * targets;
        message->matrix_ms = mem_zalloc(message->matrix_cells, sizeof *message->matrix_ms);
        message->matrix_m = mem_zalloc(message->matrix_cells, sizeof *message->matrix_m);
        enum geo_status done = geo_matrix(router->metric, router->scratch, snaps, sources, snaps + sources, targets, message->matrix_ms, message->matrix_m);
        if (done != GEO_OK) rc = error_set(&message->error, STATUS_RESOURCE_EXHAUSTED, "the matrix is too large; ask in parts");
        for (uint32_t i = 0; rc == STATUS_OK && i < message->matrix_cells; i++)
            if (message->matrix_ms[i] != GEO_UNREACHABLE) message->matrix_m[i] = (message->matrix_m[i] + 5) / 10;
    }
    free(snaps);
    return rc;
}

static enum status answer_explain(struct router *router, struct to_router *asked, struct message *message)
{
    message->explanation = router_take(message, 1, sizeof *message->explanation);
    message->order = asked->order;
    message->view = asked->view;
    asked->view = NULL;
    oracle_rebase(router->oracle, router->metric);
    asked->explain->problem.oracle = oracle_for(router->oracle, asked->explain);
    dispatch_explain(asked->explain, message->explanation);
    return STATUS_OK;
}

static enum status answer_preview(struct router *router, struct to_router *asked, struct message *message)
{
    message->preview = router_take(message, 1, sizeof *message->preview);
    message->order = asked->order;
    oracle_rebase(router->oracle, router->metric);
    asked->explain->problem.oracle = oracle_for(router->oracle, asked->explain);
    dispatch_preview(asked->explain, asked->question->courier, message->preview);
    return STATUS_OK;
}

/* Every question is answered on one metric, whatever is swapped meanwhile. */
static enum status answer(struct router *router, struct to_router *asked, struct message *message)
{
    const struct question *question = asked->question;
    TRY(question_still_asked(question, &message->error));
    router->metric = question->depart_ms ? traffic_at(router->engine->traffic, question->depart_ms) : traffic_now(router->engine->traffic);
    if (!router->metric) return error_set(&message->error, STATUS_RESOURCE_EXHAUSTED, "no memory for the travel times of that hour; ask without depart_ms");
    enum status rc = question->kind == QUESTION_ROUTE    ? answer_route(router, question, message)
                     : question->kind == QUESTION_MATRIX ? answer_matrix(router, question, message)
                     : question->kind == QUESTION_NEAREST ? router_nearest(router, asked, message)
                     : question->kind == QUESTION_ISOCHRONE ? router_isochrone(router, question, message)
                     : question->kind == QUESTION_PREVIEW ? answer_preview(router, asked, message)
                                                         : answer_explain(router, asked, message);
    geo_metric_unref(router->metric);
    return rc;
}

void *router_run(void *context)
{
    struct engine *engine = context;
    struct router router = {engine, geo_scratch_new(engine->map), traffic_now(engine->traffic), NULL};
    router.oracle = oracle_new(router.metric, engine->options.snap_max_m, EXPLAIN_LABEL_BYTES);
    geo_metric_unref(router.metric);
    ASSERT(router.scratch);
    while (!atomic_load(&engine->stopping)) {
        struct to_router *asked = mailbox_take(engine->to_router);
        if (!asked) {
            mailbox_wait(engine->to_router, TICK_MS);
            continue;
        }
        const struct question *question = asked->question;
        struct message *message = message_new(MESSAGE_ANSWER, question->ticket);
        message->question = question->kind;
        enum status rc = answer(&router, asked, message);
        ASSERT(rc == message->error.status);
        to_router_free(asked);
        engine_tell(engine, message);
    }
    geo_scratch_free(router.scratch);
    oracle_free(router.oracle);
    return NULL;
}
