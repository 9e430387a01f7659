/* What makes polygons valid (OGC simple features, RFC 7946), and whether a point lies in them: exact, over integers, knowing nothing of how they were drawn. */
#ifndef TESTS_GEO_AREA_VALID_H
#define TESTS_GEO_AREA_VALID_H

#include "geo_area/geo_area.h"

/** NULL if every contour is valid: closed rings of four points or more, no two segments of a contour meet but neighbours at their common end, outer rings
 *  counter-clockwise and holes clockwise, each hole within its outer ring and in no other hole, no polygon within another but in its hole. Else what is wrong. */
const char *valid_fault(const struct geo_areas *areas);
bool valid_holds(const struct geo_areas *areas, uint32_t contour, struct geo_point at); /* inside or on the border */

#endif
