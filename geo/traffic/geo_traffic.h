/** geo_traffic: how long every arc takes at an hour of the week, with what has been reported about roads. Pure: it fills an array of times, from
 *  which geo_metric_timed makes a metric.
 *
 *  Time of an arc = its map time, less its waits, at the speed of the *bucket* (weekday or weekend, 24 hours each) for its road class, then under
 *  the *overrides* that speak of it, plus its waits. Of several overrides on one arc the slowest counts, and a closure above all. No road
 *  becomes faster than 4 times its map speed, nor slower than a walk of 0.5 km/h unless it was. Ferries keep their time by the clock.
 */
#ifndef GEO_TRAFFIC_GEO_TRAFFIC_H
#define GEO_TRAFFIC_GEO_TRAFFIC_H

#include "geo/geo.h"

enum {
    GEO_TRAFFIC_BUCKETS = 48,               /* 0..23: hours of a weekday, 24..47: of Saturday and Sunday */
    GEO_TRAFFIC_PERCENT_MIN = 5, GEO_TRAFFIC_PERCENT_MAX = 400,
    GEO_TRAFFIC_CSV_MAX = 1 << 20,
};

/* ---- the table: by class and bucket ---- */

struct geo_traffic {
    uint16_t speed_percent[GEO_CLASS_COUNT][GEO_TRAFFIC_BUCKETS]; /* of the map's own speed */
};
/** 100 percent everywhere. */
void geo_traffic_free_flow(struct geo_traffic *out);
/** CSV with the header `class,days,from_hour,to_hour,speed_percent`: class a road class by name or `*`; days weekday, weekend or all; hours
 *  0 <= from < to <= 24; a line starting with # is a remark. Later lines overrule earlier ones; what no line names is 100.
 *  GEO_INVALID names the line and what to mend, GEO_LIMIT beyond GEO_TRAFFIC_CSV_MAX bytes; *out is then free flow. */
geo_must_use enum geo_status geo_traffic_parse(const char *text, size_t size, struct geo_traffic *out, struct geo_error *error);
geo_must_use enum geo_status geo_traffic_read(const char *path, struct geo_traffic *out, struct geo_error *error);
const char *geo_class_name(enum geo_class road_class); /* "motorway", ... */
/** The bucket of a moment in a zone that lies utc_offset_s east of Greenwich. */
uint32_t geo_traffic_bucket(int64_t utc_ms, int32_t utc_offset_s);

/* ---- overrides ---- */

enum geo_override_on { GEO_ON_WAY, GEO_ON_ROAD, GEO_ON_AREA };
enum { GEO_OVERRIDE_POINTS_MAX = 200, GEO_OVERRIDE_SNAP_M = 60 };

/** Something reported about roads. The points are borrowed. */
struct geo_override {
    enum geo_override_on on;
    int64_t way;                  /* ON_WAY: OSM id; every road of the map that runs over it, both directions */
    const struct geo_point *points;
    uint32_t point_count;         /* ON_ROAD: 1, the road nearest to it, both directions; or 2, of that road the direction that leads from the first
                                     towards the second. ON_AREA: a simple polygon, 3..200: roads that have a point in it */
    uint32_t speed_percent;       /* of what the bucket says; 0: closed. Ignored if speed_kmh is set */
    uint32_t speed_kmh;           /* this speed, whatever the hour; 0: not set */
};
/** The roads that it speaks of: arcs that stand for their copies, ascending, each direction by itself. *arcs is the caller's to free.
 *  GEO_NOT_FOUND: no such way here, or no road within GEO_OVERRIDE_SNAP_M; an area without roads is no error. GEO_INVALID: see the fields. */
geo_must_use enum geo_status geo_override_roads(const struct geo_map *map, const struct geo_override *override, uint32_t **arcs, uint32_t *arc_count,
                                                struct geo_error *error);

/** travel_ms has arc_count numbers; GEO_UNREACHABLE closes. `table` NULL: free flow. Overrides that speak of nothing are passed over (they were
 *  refused when they were reported, and the map may have changed since). GEO_NO_MEMORY. */
geo_must_use enum geo_status geo_traffic_times(const struct geo_map *map, const struct geo_traffic *table, uint32_t bucket, const struct geo_override *overrides,
                                               uint32_t override_count, uint32_t *travel_ms, struct geo_error *error);

#endif
