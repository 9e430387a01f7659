/** geo_guide: a route as what its traveller does: steps, each a manoeuvre and the street that follows, and sentences for them in English and Chinese.
 *
 *  A route with via points is several routes (legs), each with steps of its own from GEO_DEPART to GEO_ARRIVE. The steps of a leg are made of the
 *  route's arcs, whole: their times and lengths add up to the leg's to the unit, and each begins at the point where the one before it ends.
 *  Thread-safe; knows no search.
 */
#ifndef GEO_GUIDE_GEO_GUIDE_H
#define GEO_GUIDE_GEO_GUIDE_H

#include "geo/geo.h"

/** Rightwards first, in order of the turn. */
enum geo_manoeuvre {
    GEO_DEPART = 0, GEO_CONTINUE, GEO_SLIGHT_RIGHT, GEO_RIGHT, GEO_SHARP_RIGHT, GEO_UTURN, GEO_SHARP_LEFT, GEO_LEFT, GEO_SLIGHT_LEFT,
    GEO_ROUNDABOUT, GEO_ROUNDABOUT_LEAVE, GEO_ARRIVE, GEO_MANOEUVRE_COUNT
};
const char *geo_manoeuvre_name(enum geo_manoeuvre manoeuvre); /* "depart", "slight right", ... */
enum geo_side { GEO_AHEAD = 0, GEO_ON_LEFT = 1, GEO_ON_RIGHT = 2 };

enum {
    GEO_GUIDE_SLIGHT_DEG = 20,    /* a turn of less is straight on, ... */
    GEO_GUIDE_TURN_DEG = 50,      /* ... of less is slight, ... */
    GEO_GUIDE_SHARP_DEG = 120,    /* ... of this and more is sharp */
    GEO_GUIDE_LOOK_M = 15,        /* a street's direction at a junction is that of its nearest metres */
    GEO_GUIDE_GAP_M = 50,         /* a nameless stretch of less within a street (across a square, over a junction) belongs to it */
    GEO_GUIDE_TEXT_MAX = 1280,    /* a sentence and its end; longer names are cut */
};

struct geo_guide_step {
    enum geo_manoeuvre manoeuvre; /* at its beginning */
    enum geo_side side;           /* ARRIVE: of the street, where the stop is */
    uint8_t road_class;           /* enum geo_class, of the street that follows */
    uint8_t exit;                 /* ROUNDABOUT: the n-th, from 1; 0: the leg ends on it */
    bool stays;                   /* on the street of the step before */
    int16_t turn_deg;             /* -180..180, right is positive; a roundabout's: from entering to leaving. DEPART, ARRIVE: 0 */
    uint16_t heading_deg;         /* 0..359 from north, clockwise: the street's direction after the manoeuvre */
    uint32_t via;                 /* ARRIVE: number of the via point, 0 for the destination */
    const char *names[GEO_LANGUAGE_COUNT]; /* of the street that follows, "" if it has none; in the map */
    uint32_t travel_ms, length_dm; /* from this manoeuvre to the next; ARRIVE: 0 */
    uint32_t length_m;            /* rounded so that they add up to the leg's rounded metres */
    uint32_t point_first, point_last; /* of the route's points; the next step begins at point_last */
};
struct geo_guide {
    uint32_t step_count;          /* at least two */
    struct geo_guide_step *steps;
};

/** The steps of one leg: `route` leads to `to`, both of this map. via: the leg's end is that via point, 0: the destination. The map must outlive the guide. */
geo_must_use enum geo_status geo_guide_make(const struct geo_map *map, const struct geo_route *route, const struct geo_snap *to, uint32_t via, struct geo_guide *out);
void geo_guide_free(struct geo_guide *guide); /* what it owns, not itself */

/** The step as a sentence, terminated, cut between characters if it does not fit; GEO_GUIDE_TEXT_MAX is enough for names of up to 1,000 bytes. Returns its length. */
size_t geo_guide_say(const struct geo_guide_step *step, enum geo_language language, char *out, size_t size);

#endif
