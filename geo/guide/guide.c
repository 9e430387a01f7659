/* Where a route's arcs become steps: which junctions are worth a word, and which word. Knows angles and names, no language and no search. */
#include "geo_guide/geo_guide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FORK_MARGIN_DEG = 15, CORNER_DEG = 45, ROUND_DEG = 172 };
static const double PI = 3.14159265358979323846;

/* ---- directions ---- */

/* Degrees from north of a step on the Earth; NAN if it leads nowhere. */
static double heading(struct geo_point a, struct geo_point b)
{
    double scale = cos(((double)a.lat_e7 + b.lat_e7) / 2 * (PI / 180e7));
    double north = (double)b.lat_e7 - a.lat_e7, east = remainder((double)b.lon_e7 - a.lon_e7, 360e7) * scale;
    return north == 0 && east == 0 ? (double)NAN : atan2(east, north) * 180 / PI;
}

static struct geo_point shape_point(const struct geo_graph *graph, const struct geo_arc *arc, uint32_t i, bool from_end)
{
    bool backwards = from_end != (arc->reversed != 0);
    return graph->shape[arc->shape_first + (backwards ? arc->shape_count - 1 - i : i)];
}

/* The direction in which an arc leaves its tail, or arrives at its head, over the nearest GEO_GUIDE_LOOK_M metres of it. */
static double arc_heading(const struct geo_graph *graph, const struct geo_arc *arc, bool arrives)
{
    struct geo_point junction = shape_point(graph, arc, 0, arrives), at = junction;
    double left_m = GEO_GUIDE_LOOK_M;
    for (uint32_t i = 1; i < arc->shape_count && left_m > 0; i++) {
        struct geo_point next = shape_point(graph, arc, i, arrives);
        double length_m = geo_distance_dm(at, next) / 10.0, share = length_m > left_m ? left_m / length_m : 1;
        at = (struct geo_point){at.lat_e7 + (int32_t)lround(share * ((double)next.lat_e7 - at.lat_e7)), at.lon_e7 + (int32_t)lround(share * ((double)next.lon_e7 - at.lon_e7))};
        left_m -= length_m;
    }
    return arrives ? heading(at, junction) : heading(junction, at);
}

/* From one direction to the other, -180..180, right is positive; a direction that is not known turns nowhere. */
static int turn_between(double before, double after)
{
    if (isnan(before) || isnan(after)) return 0;
    int turn = (int)lround(after - before);
    while (turn > 180) turn -= 360;
    while (turn < -180) turn += 360;
    return turn;
}

static uint16_t heading_of(double degrees)
{
    if (isnan(degrees)) return 0;
    int whole = (int)lround(degrees);
    return (uint16_t)((whole % 360 + 360) % 360);
}

static enum geo_manoeuvre manoeuvre_of(int turn)
{
    int size = abs(turn);
    if (size < GEO_GUIDE_SLIGHT_DEG) return GEO_CONTINUE;
    if (size >= ROUND_DEG) return GEO_UTURN;
    if (size < GEO_GUIDE_TURN_DEG) return turn > 0 ? GEO_SLIGHT_RIGHT : GEO_SLIGHT_LEFT;
    if (size < GEO_GUIDE_SHARP_DEG) return turn > 0 ? GEO_RIGHT : GEO_LEFT;
    return turn > 0 ? GEO_SHARP_RIGHT : GEO_SHARP_LEFT;
}

/* ---- the route's arcs as streets ---- */

struct walk {
    const struct geo_graph *graph;
    const struct geo_route *route;
    uint32_t begin, end;          /* route arcs of some length: those before and after are passed in no distance */
    uint32_t *street;             /* by route arc: the graph's arc whose name it bears */
    struct geo_guide *guide;
};

static const struct geo_arc *arc_at(const struct walk *walk, uint32_t i)
{
    return &walk->graph->arcs[walk->route->arcs[i].arc];
}

static const char *name_at(const struct walk *walk, uint32_t i)
{
    return walk->graph->names + walk->graph->arcs[walk->street[i]].name;
}

/* Walkers pass a roundabout as any other crossing. */
static bool is_circle(const struct walk *walk, const struct geo_arc *arc)
{
    return (arc->flags & GEO_ARC_ROUNDABOUT) && walk->graph->profile != GEO_FOOT;
}

/* Short nameless stretches between two of one street get its name. */
static void streets_find(struct walk *walk)
{
    const struct geo_route *route = walk->route;
    for (uint32_t i = 0; i < route->arc_count; i++) walk->street[i] = route->arcs[i].arc;
    for (uint32_t i = walk->begin + 1; i < walk->end; i++) {
        uint64_t length_dm = 0;
        uint32_t next = i;
        if (name_at(walk, i)[0] || !name_at(walk, i - 1)[0]) continue;
        while (next <= walk->end && !name_at(walk, next)[0] && !is_circle(walk, arc_at(walk, next))) length_dm += route->arcs[next++].length_dm;
        if (next > walk->end || length_dm >= GEO_GUIDE_GAP_M * 10 || strcmp(name_at(walk, next), name_at(walk, i - 1)) != 0) continue;
        for (; i < next; i++) walk->street[i] = walk->street[i - 1];
    }
}

static bool is_reverse(const struct geo_arc *a, const struct geo_arc *b)
{
    return a->shape_first == b->shape_first && a->reversed != b->reversed;
}

static uint32_t first_arc_of(const struct geo_graph *graph, uint32_t node)
{
    uint32_t low = 0, high = graph->arc_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (graph->arcs[middle].tail < node) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* What else one may do at the end of an arc, turning round left out. */
struct choices {
    uint32_t count;
    int straightest_deg;          /* size of the smallest turn */
};

static struct choices choices_at(const struct walk *walk, const struct geo_arc *arc, const struct geo_arc *taken)
{
    const struct geo_graph *graph = walk->graph;
    struct choices out = {0, 360};
    double before = arc_heading(graph, arc, true);
    for (uint32_t i = first_arc_of(graph, arc->head); i < graph->arc_count && graph->arcs[i].tail == arc->head; i++) {
        const struct geo_arc *other = &graph->arcs[i];
        if (other->twin == taken->twin || is_reverse(other, arc)) continue;
        int turn = abs(turn_between(before, arc_heading(graph, other, false)));
        if (turn < out.straightest_deg) out.straightest_deg = turn;
        out.count++;
    }
    return out;
}

/* Roads that leave the circle at the end of an arc of it. */
static uint32_t exits_at(const struct walk *walk, const struct geo_arc *arc)
{
    const struct geo_graph *graph = walk->graph;
    uint32_t count = 0, before = GEO_NONE;
    for (uint32_t i = first_arc_of(graph, arc->head); i < graph->arc_count && graph->arcs[i].tail == arc->head; i++) {
        if (is_circle(walk, &graph->arcs[i]) || graph->arcs[i].twin == before) continue;
        before = graph->arcs[i].twin;
        count++;
    }
    return count;
}

/* ---- steps ---- */

static void step_begin(struct walk *walk, uint32_t i, struct geo_guide_step step)
{
    const struct geo_arc *street = &walk->graph->arcs[walk->street[i]];
    step.road_class = street->road_class;
    for (int language = 0; language < GEO_LANGUAGE_COUNT; language++) step.names[language] = geo_graph_name(walk->graph, street, (enum geo_language)language);
    walk->guide->steps[walk->guide->step_count++] = step;
}

static void step_take(struct walk *walk, uint32_t i)
{
    struct geo_guide_step *step = &walk->guide->steps[walk->guide->step_count - 1];
    step->travel_ms += walk->route->arcs[i].travel_ms;
    step->length_dm += walk->route->arcs[i].length_dm;
}

static struct geo_guide_step step_at(const struct walk *walk, uint32_t i, enum geo_manoeuvre manoeuvre, int turn)
{
    return (struct geo_guide_step){.manoeuvre = manoeuvre, .turn_deg = (int16_t)turn, .heading_deg = heading_of(arc_heading(walk->graph, arc_at(walk, i), false)),
                                   .point_first = walk->route->arcs[i].point_first};
}

/* Is going from route arc i - 1 to i worth a step? */
static bool is_told(const struct walk *walk, uint32_t i, int turn, bool same_street)
{
    const struct geo_arc *arc = arc_at(walk, i - 1), *next = arc_at(walk, i);
    if (is_reverse(arc, next)) return true;
    bool nameless = !name_at(walk, i)[0];
    if (!same_street && !nameless) return true;
    if (!same_street && name_at(walk, i - 1)[0]) return true;
    struct choices others = choices_at(walk, arc, next);
    if (others.count == 0) return false;
    int size = abs(turn);
    if (size >= CORNER_DEG) return true;
    if (nameless && !same_street) return size >= GEO_GUIDE_SLIGHT_DEG; /* from one kind of nameless road to another */
    return size >= GEO_GUIDE_SLIGHT_DEG && others.straightest_deg + FORK_MARGIN_DEG < size;
}

/* A nameless street is one of its kind. */
static bool is_same_street(const struct walk *walk, uint32_t i)
{
    const char *name = name_at(walk, i);
    if (strcmp(name, name_at(walk, i - 1)) != 0) return false;
    return name[0] != 0 || walk->graph->arcs[walk->street[i]].road_class == walk->graph->arcs[walk->street[i - 1]].road_class;
}

/* Round the circle that begins with route arc i: one step up to the end of the road behind it. Returns the arc after the circle. */
static uint32_t circle_walk(struct walk *walk, uint32_t i)
{
    double before = i > walk->begin ? arc_heading(walk->graph, arc_at(walk, i - 1), true) : (double)NAN;
    uint32_t after = i, exits = 0;
    for (; after <= walk->end && is_circle(walk, arc_at(walk, after)); after++)
        if (after < walk->end) exits += is_circle(walk, arc_at(walk, after + 1)) ? exits_at(walk, arc_at(walk, after)) : 1;
    bool ends = after > walk->end;
    struct geo_guide_step step = step_at(walk, i, GEO_ROUNDABOUT, 0);
    if (!ends) {
        double leaves = arc_heading(walk->graph, arc_at(walk, after), false);
        step.turn_deg = (int16_t)turn_between(before, leaves);
        step.heading_deg = heading_of(leaves);
        step.exit = (uint8_t)(exits < UINT8_MAX ? exits : UINT8_MAX);
        step.stays = name_at(walk, i - 1)[0] && strcmp(name_at(walk, i - 1), name_at(walk, after)) == 0;
    }
    step_begin(walk, ends ? walk->end : after, step);
    for (uint32_t at = i; at < after; at++) step_take(walk, at);
    return after;
}

static void steps_find(struct walk *walk)
{
    step_begin(walk, walk->begin, step_at(walk, walk->begin, GEO_DEPART, 0));
    walk->guide->steps[0].point_first = 0;
    for (uint32_t i = 0; i <= walk->begin; i++) step_take(walk, i);
    for (uint32_t i = walk->begin + 1; i <= walk->end; i++) {
        const struct geo_arc *arc = arc_at(walk, i - 1), *next = arc_at(walk, i);
        if (is_circle(walk, next) && !is_circle(walk, arc)) {
            i = circle_walk(walk, i);
            if (i <= walk->end) step_take(walk, i);
            continue;
        }
        int turn = turn_between(arc_heading(walk->graph, arc, true), arc_heading(walk->graph, next, false));
        bool leaves = is_circle(walk, arc) && !is_circle(walk, next), same = is_same_street(walk, i); /* on a circle all along: the leg began there */
        if (leaves || (!is_circle(walk, next) && is_told(walk, i, turn, same))) {
            enum geo_manoeuvre manoeuvre = leaves ? GEO_ROUNDABOUT_LEAVE : is_reverse(arc, next) ? GEO_UTURN : manoeuvre_of(turn);
            struct geo_guide_step step = step_at(walk, i, manoeuvre, turn);
            step.stays = same && name_at(walk, i)[0];
            step_begin(walk, i, step);
        }
        step_take(walk, i);
    }
    for (uint32_t i = walk->end + 1; i < walk->route->arc_count; i++) step_take(walk, i);
}

/* The side of the street as one comes along it: the snap tells it of its own arc's direction. */
static enum geo_side side_of(const struct walk *walk, const struct geo_snap *to)
{
    if (to->side != GEO_ON_LEFT && to->side != GEO_ON_RIGHT) return GEO_AHEAD;
    const struct geo_arc *last = arc_at(walk, walk->route->arc_count - 1), *own = &walk->graph->arcs[to->arc];
    bool against = last->reversed != own->reversed;
    return (to->side == GEO_ON_LEFT) != against ? GEO_ON_LEFT : GEO_ON_RIGHT;
}

static void steps_finish(struct walk *walk, const struct geo_snap *to, uint32_t via)
{
    struct geo_guide *guide = walk->guide;
    uint32_t last = walk->route->point_count - 1;
    struct geo_guide_step arrive = {.manoeuvre = GEO_ARRIVE, .point_first = last, .via = via, .side = side_of(walk, to),
                                    .heading_deg = heading_of(arc_heading(walk->graph, arc_at(walk, walk->end), true))};
    step_begin(walk, walk->end, arrive);
    uint64_t done_dm = 0;
    for (uint32_t i = 0; i < guide->step_count; i++) {
        struct geo_guide_step *step = &guide->steps[i];
        step->point_last = i + 1 < guide->step_count ? guide->steps[i + 1].point_first : last;
        step->length_m = (uint32_t)((done_dm + step->length_dm + 5) / 10 - (done_dm + 5) / 10);
        done_dm += step->length_dm;
    }
}

enum geo_status geo_guide_make(const struct geo_map *map, const struct geo_route *route, const struct geo_snap *to, uint32_t via, struct geo_guide *out)
{
    struct walk walk = {.graph = geo_map_graph(map), .route = route, .guide = out};
    memset(out, 0, sizeof *out);
    if (route->arc_count == 0 || route->point_count == 0 || to->arc >= walk.graph->arc_count) return GEO_INVALID;
    for (uint32_t i = 0; i < route->arc_count; i++)
        if (route->arcs[i].arc >= walk.graph->arc_count || route->arcs[i].point_first >= route->point_count) return GEO_INVALID;
    walk.end = route->arc_count - 1;
    while (walk.begin < walk.end && route->arcs[walk.begin].length_dm == 0) walk.begin++;
    while (walk.end > walk.begin && route->arcs[walk.end].length_dm == 0) walk.end--;
    out->steps = calloc((size_t)route->arc_count + 2, sizeof *out->steps);
    walk.street = calloc(route->arc_count, sizeof *walk.street);
    if (!out->steps || !walk.street) {
        free(walk.street);
        geo_guide_free(out);
        return GEO_NO_MEMORY;
    }
    streets_find(&walk);
    steps_find(&walk);
    steps_finish(&walk, to, via);
    free(walk.street);
    return GEO_OK;
}

void geo_guide_free(struct geo_guide *guide)
{
    free(guide->steps);
    memset(guide, 0, sizeof *guide);
}
