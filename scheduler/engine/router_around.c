/* Steps in words, the couriers soonest at a place, and the area around one: the router's questions that are more than a travel time. */
#include "router.h"

#include "geo_area/geo_area.h"
#include "geo_guide/geo_guide.h"
#include "geo_json/geo_json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    ISOCHRONE_POINTS_MAX = 60000, /* about 1.6 MB of text: a client takes 4 MB by default */
    COURIER_SNAP_M = 2000,        /* a courier may be in a park or a yard */
};
static_assert((int)LEG_DEPART == (int)GEO_DEPART + 1 && (int)LEG_UTURN == (int)GEO_UTURN + 1 && (int)LEG_ARRIVE == (int)GEO_ARRIVE + 1, "in geo's order");
static_assert((int)LEG_ARRIVE == (int)GEO_MANOEUVRE_COUNT, "all of them");

static bool step_keep(struct message *message, const struct geo_guide_step *from, enum geo_language language, struct leg_step *to)
{
    char sentence[GEO_GUIDE_TEXT_MAX];
    size_t length = geo_guide_say(from, language, sentence, sizeof sentence);
    char *text = router_take(message, length + 1, 1);
    if (!text) return false;
    memcpy(text, sentence, length + 1);
    *to = (struct leg_step){.instruction = text, .travel_ms = from->travel_ms, .distance_m = from->length_m, .point_first = from->point_first, .point_last = from->point_last,
                            .manoeuvre = (enum leg_manoeuvre)(from->manoeuvre + 1), .exit = from->exit, .side = (uint8_t)from->side, .heading_deg = from->heading_deg,
                            .turn_deg = from->turn_deg};
    text_copy(to->name, sizeof to->name, from->names[language]);
    return true;
}

enum status router_keep_steps(const struct router *router, const struct question *question, struct message *message, const struct geo_route *route, const struct geo_snap *to,
                              uint32_t via, struct leg *leg)
{
    struct geo_guide guide;
    if (geo_guide_make(router->engine->map, route, to, via, &guide) != GEO_OK) return error_set(&message->error, STATUS_RESOURCE_EXHAUSTED, "no memory for the steps");
    leg->steps = router_take(message, guide.step_count, sizeof *leg->steps);
    bool good = leg->steps != NULL;
    for (uint32_t i = 0; good && i < guide.step_count; i++) good = step_keep(message, &guide.steps[i], question->chinese ? GEO_CHINESE : GEO_ENGLISH, &leg->steps[leg->step_count++]);
    geo_guide_free(&guide);
    return good ? STATUS_OK : error_set(&message->error, STATUS_RESOURCE_EXHAUSTED, "the route is too long; ask in parts");
}

/* Couriers that can be snapped move to the front; `snaps` are theirs. */
static uint32_t snap_couriers(const struct router *router, struct near_courier *couriers, uint32_t count, struct geo_snap *snaps)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct geo_point at = {couriers[i].at.lat_e7, couriers[i].at.lon_e7};
        if (geo_snap_nearest(router->engine->map, at, COURIER_SNAP_M, &snaps[kept], NULL) == GEO_OK) couriers[kept++] = couriers[i];
    }
    return kept;
}

enum status router_nearest(struct router *router, const struct to_router *asked, struct message *message)
{
    const struct question *question = asked->question;
    struct geo_snap place;
    ASSERT(question->point_count == 1 && question->limit >= 1 && question->limit <= NEAREST_MAX);
    TRY(router_snap_all(router, question, &place, &message->error));
    struct geo_snap *snaps = mem_zalloc(asked->courier_count + 1, sizeof *snaps);
    struct geo_near *near = mem_zalloc(question->limit, sizeof *near);
    uint32_t count = snap_couriers(router, asked->couriers, asked->courier_count, snaps), found = 0;
    enum geo_status done = geo_nearest(router->metric, router->scratch, snaps, count, &place, question->travel_ms_max ? question->travel_ms_max : GEO_UNREACHABLE, near,
                                       question->limit, &found);
    ASSERT(done == GEO_OK); /* all of this map */
    message->near = router_take(message, found, sizeof *message->near);
    for (uint32_t i = 0; message->near && i < found; i++) {
        message->near[i] = asked->couriers[near[i].source];
        message->near[i].travel_ms = near[i].travel_ms;
        message->near[i].distance_m = (near[i].length_dm + 5) / 10;
    }
    message->near_count = found;
    free(snaps);
    free(near);
    return message->near ? STATUS_OK : error_set(&message->error, STATUS_RESOURCE_EXHAUSTED, "no memory for the answer");
}

enum status router_isochrone(struct router *router, const struct question *question, struct message *message)
{
    struct geo_snap place;
    struct geo_areas areas;
    struct geo_error why = {.text = ""};
    struct geo_area_options options = geo_area_options_default();
    struct geo_json_options json = {.gcj02 = question->gcj02, .extra = question->towards ? ",\"towards\":true" : NULL};
    size_t size = 0;
    ASSERT(question->point_count == 1);
    TRY(router_snap_all(router, question, &place, &message->error));
    options.towards = question->towards;
    options.points_max = ISOCHRONE_POINTS_MAX;
    if (question->reach_m) options.reach_m = question->reach_m;
    enum geo_status rc = geo_areas_find(router->metric, router->scratch, &place, question->contours_ms, question->contour_count, &options, &areas, &why);
    if (rc == GEO_INVALID) return error_set(&message->error, STATUS_INVALID_ARGUMENT, "%s", why.text);
    message->tolerance_m = areas.tolerance_m;
    if (rc == GEO_OK) rc = geo_json_areas(&areas, &json, &message->geojson, &size);
    geo_areas_free(&areas);
    return rc == GEO_OK ? STATUS_OK : error_set(&message->error, STATUS_RESOURCE_EXHAUSTED, "the area is too large: %s", why.text[0] ? why.text : "no memory");
}
