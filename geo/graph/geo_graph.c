/* The graph's own laws: names of profiles, freeing, and the check that queries rely on. Knows nothing of OSM or of map files. */
#include "geo_graph/geo_graph.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const PROFILE_NAMES[GEO_PROFILE_COUNT] = {[GEO_EBIKE] = "ebike", [GEO_CAR] = "car", [GEO_FOOT] = "foot"};

const char *geo_profile_name(enum geo_profile profile)
{
    return (unsigned)profile < GEO_PROFILE_COUNT ? PROFILE_NAMES[profile] : "unknown";
}

bool geo_profile_from_name(const char *name, enum geo_profile *out)
{
    for (unsigned i = 0; i < GEO_PROFILE_COUNT; i++) {
        if (strcmp(name, PROFILE_NAMES[i]) == 0) {
            *out = (enum geo_profile)i;
            return true;
        }
    }
    return false;
}

void geo_graph_free(struct geo_graph *graph)
{
    if (!graph) return;
    free(graph->nodes);
    free(graph->arcs);
    free(graph->shape);
    free(graph->names);
    free(graph->pieces);
    free(graph);
}

/* The text after this one, "" at the end of all. */
static const char *text_after(const struct geo_graph *graph, const char *text)
{
    const char *next = text + strlen(text) + 1;
    return next < graph->names + graph->name_bytes ? next : "";
}

const char *geo_graph_name(const struct geo_graph *graph, const struct geo_arc *arc, enum geo_language language)
{
    const char *name = graph->names + arc->name, *said = name;
    bool has_english = (arc->flags & GEO_ARC_NAME_EN) != 0;
    if (language == GEO_ENGLISH && has_english) said = text_after(graph, name);
    if (language == GEO_CHINESE && (arc->flags & GEO_ARC_NAME_ZH)) said = text_after(graph, has_english ? text_after(graph, name) : name);
    return said[0] ? said : name;
}

static bool is_same_place(struct geo_point a, struct geo_point b)
{
    return a.lat_e7 == b.lat_e7 && a.lon_e7 == b.lon_e7;
}

/* Returns what is wrong with arc `i`, or NULL. */
static const char *arc_fault(const struct geo_graph *graph, uint32_t i)
{
    const struct geo_arc *arc = &graph->arcs[i];
    if (arc->tail >= graph->node_count || arc->head >= graph->node_count) return "an end that is no node";
    if (i > 0) {
        const struct geo_arc *before = arc - 1;
        if (before->tail > arc->tail || (before->tail == arc->tail && before->head > arc->head)) return "a place out of order";
    }
    if (arc->travel_ms == 0 || arc->travel_ms >= GEO_FINITE_MAX) return "a travel time out of bounds";
    if (arc->wait_ms > arc->travel_ms || arc->turn_ms >= GEO_FINITE_MAX - arc->travel_ms) return "a wait or a turn out of bounds";
    if (arc->shape_count < 2 || arc->shape_first > graph->shape_count || arc->shape_count > graph->shape_count - arc->shape_first)
        return "a shape out of bounds";
    if (arc->reversed > 1 || arc->snappable > 1) return "a flag that is neither 0 nor 1";
    struct geo_point first = graph->shape[arc->shape_first];
    struct geo_point last = graph->shape[arc->shape_first + arc->shape_count - 1];
    if (!is_same_place(graph->nodes[arc->tail], arc->reversed ? last : first)) return "a shape that does not begin at its tail";
    if (!is_same_place(graph->nodes[arc->head], arc->reversed ? first : last)) return "a shape that does not end at its head";
    if (arc->name >= graph->name_bytes) return "a name out of bounds";
    if (arc->road_class >= GEO_CLASS_COUNT) return "an unknown road class";
    if (arc->flags > GEO_ARC_FLAGS_ALL) return "an unknown flag";
    if ((arc->flags & GEO_ARC_NAME_EN) && !geo_graph_name(graph, arc, GEO_ENGLISH)[0]) return "an English name that is not there";
    if ((arc->flags & GEO_ARC_NAME_ZH) && !geo_graph_name(graph, arc, GEO_CHINESE)[0]) return "a Chinese name that is not there";
    if (arc->twin >= graph->arc_count) return "a twin that is no arc";
    const struct geo_arc *twin = &graph->arcs[arc->twin];
    if (twin->twin != arc->twin) return "a twin that is itself a copy";
    if (twin->shape_first != arc->shape_first || twin->reversed != arc->reversed || twin->travel_ms != arc->travel_ms || twin->wait_ms != arc->wait_ms || twin->flags != arc->flags) return "a twin of another road";
    if (arc->snappable && arc->twin != i) return "a copy that is snappable";
    if (arc->reverse != GEO_NONE) {
        if (arc->reverse >= graph->arc_count) return "a reverse that is no arc";
        const struct geo_arc *reverse = &graph->arcs[arc->reverse];
        if (reverse->shape_first != arc->shape_first || reverse->shape_count != arc->shape_count || reverse->reversed == arc->reversed)
            return "a reverse of another road";
    }
    return NULL;
}

enum geo_status geo_graph_check(const struct geo_graph *graph, struct geo_error *error)
{
    if (graph->profile >= GEO_PROFILE_COUNT) return geo_error_set(error, GEO_INVALID, "unknown profile %u", (unsigned)graph->profile);
    if (graph->node_count == 0 || graph->arc_count == 0) return geo_error_set(error, GEO_INVALID, "the graph has no roads");
    if (graph->name_bytes == 0 || graph->names[0] != 0 || graph->names[graph->name_bytes - 1] != 0)
        return geo_error_set(error, GEO_INVALID, "the names do not begin with the empty one or do not end");
    for (uint32_t i = 0; i < graph->arc_count; i++) {
        const char *fault = arc_fault(graph, i);
        if (fault) return geo_error_set(error, GEO_INVALID, "arc %u has %s", i, fault);
    }
    for (uint32_t i = 0; i < graph->piece_count; i++) {
        const struct geo_piece *piece = &graph->pieces[i];
        if (piece->arc >= graph->arc_count || graph->arcs[piece->arc].twin != piece->arc) return geo_error_set(error, GEO_INVALID, "piece %u is of no road", i);
        if (i > 0 && (piece[-1].way > piece->way || (piece[-1].way == piece->way && piece[-1].arc >= piece->arc)))
            return geo_error_set(error, GEO_INVALID, "piece %u is out of order", i);
    }
    return GEO_OK;
}
