/** geo_area: isochrones. Which ground lies along the roads that are reached within a time, as polygons.
 *
 *  The roads reached (of each arc exactly the part that the time is enough for) are widened by reach_m; a block without a road inside, enclosed by
 *  reached ones, is part of the area up to hole_m2. Drawn by marching squares over a grid whose lines are whole coordinates, so that polygons are valid by construction:
 *  rings are closed and simple, no two touch, outer ones run counter-clockwise, holes clockwise (RFC 7946, 3.1.6). Every reached point is inside; a point of
 *  the area is at most tolerance_m from a reached road, or in such a block. Thread-safe but for the scratch.
 */
#ifndef GEO_AREA_GEO_AREA_H
#define GEO_AREA_GEO_AREA_H

#include "geo/geo.h"

enum { GEO_AREA_CONTOURS_MAX = 10, GEO_AREA_REACH_MIN_M = 10, GEO_AREA_REACH_MAX_M = 1000, GEO_AREA_POINTS_MIN = 1000 };

struct geo_area_options {
    uint32_t reach_m;             /* how far from its road one gets; 0: 75. More where the area is so large that the grid must be coarse */
    uint32_t hole_m2;             /* a roadless block up to this size is no hole; UINT32_MAX: none is */
    uint32_t points_max;          /* of all contours together: coarser until it holds; 0: no bound */
    bool towards;                 /* from where the place is reached in time, rather than where one gets from it */
};
struct geo_area_options geo_area_options_default(void);

/** Ring: points[point_first] .. [point_first + point_count - 1], the last equals the first; at least 4. */
struct geo_ring { uint32_t point_first, point_count; };
/** Polygon: rings[ring_first] is its outer ring, the others its holes. */
struct geo_polygon { uint32_t ring_first, ring_count; };
struct geo_contour { uint32_t limit_ms, polygon_first, polygon_count; }; /* polygons of one contour do not overlap */
struct geo_areas {
    uint32_t contour_count, polygon_count, ring_count, point_count;
    struct geo_contour *contours; /* in the order asked */
    struct geo_polygon *polygons;
    struct geo_ring *rings;
    struct geo_point *points;
    uint32_t reach_m, tolerance_m;
};

/** limits_ms ascend strictly, 1 .. GEO_AREA_CONTOURS_MAX of them. A contour of a longer time encloses that of a shorter one, but for the rounding of its corners
 *  (less than a metre). GEO_INVALID: limits or a snap of another map; GEO_LIMIT: points_max cannot be held; GEO_NO_MEMORY. */
geo_must_use enum geo_status geo_areas_find(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *place, const uint32_t *limits_ms,
                                            uint32_t limit_count, const struct geo_area_options *options, struct geo_areas *out, struct geo_error *error);
void geo_areas_free(struct geo_areas *areas); /* what it owns, not itself */

#endif
