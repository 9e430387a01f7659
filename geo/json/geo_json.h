/** geo_json: answers as GeoJSON (RFC 7946), and what else is JSON about them.
 *
 *  Positions are longitude, latitude in degrees with seven digits, WGS-84; with `gcj02` they are moved to the datum of Chinese map services, and the collection
 *  says so ("datum":"GCJ-02"), since the RFC knows no other datum. Text is malloc'd, terminated, ends without a newline; the caller frees it. Thread-safe.
 */
#ifndef GEO_JSON_GEO_JSON_H
#define GEO_JSON_GEO_JSON_H

#include "geo/geo.h"
#include "geo_area/geo_area.h"
#include "geo_guide/geo_guide.h"

#define GEO_JSON_BYTES_MAX (UINT64_C(1) << 30) /* GEO_LIMIT beyond */

struct geo_json_options {
    enum geo_language language;   /* of instructions and names */
    bool gcj02;
    const char *extra;            /* more members for the answer's properties: JSON text that begins with a comma; NULL: none. Trusted */
};

/** A leg and its steps; both borrowed. */
struct geo_json_leg {
    const struct geo_route *route;
    const struct geo_guide *guide;
};
/** FeatureCollection: first the whole line ("kind":"route", its legs' times and lengths in properties), then each step ("kind":"step"): a LineString, or a Point where
 *  it has no extent. */
geo_must_use enum geo_status geo_json_route(const struct geo_json_leg *legs, uint32_t leg_count, const struct geo_json_options *options, char **out, size_t *size);
/** The same as one object: travel_ms, length_dm, legs, steps (of all legs, points counted through) and points. */
geo_must_use enum geo_status geo_json_route_plain(const struct geo_json_leg *legs, uint32_t leg_count, const struct geo_json_options *options, char **out, size_t *size);

/** FeatureCollection of one MultiPolygon a contour, the longest first, so that shorter ones are drawn over it. */
geo_must_use enum geo_status geo_json_areas(const struct geo_areas *areas, const struct geo_json_options *options, char **out, size_t *size);

/** A place found: on a road, or one of many. Members that are GEO_NONE are left out. */
struct geo_json_place {
    struct geo_point at;
    const struct geo_arc *arc;    /* of its road: name, class, way; NULL: not told */
    enum geo_side side;           /* on which side of the arc's direction the point asked lies */
    uint32_t distance_dm, source, travel_ms, length_dm;
};
/** FeatureCollection of Points, in order. `map` is needed if a place names an arc. */
geo_must_use enum geo_status geo_json_places(const struct geo_map *map, const struct geo_json_place *places, uint32_t count, const struct geo_json_options *options, char **out,
                                             size_t *size);

#endif
