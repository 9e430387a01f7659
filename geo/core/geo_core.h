/** geo_core: what every part of geo shares: status and error text, points, distances on the Earth, the Chinese datum.
 *
 *  geo stands alone: it needs no room of the scheduler, returns status and never logs. All functions are thread-safe.
 */
#ifndef GEO_CORE_GEO_CORE_H
#define GEO_CORE_GEO_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define geo_must_use __attribute__((warn_unused_result))

#define GEO_UNREACHABLE UINT32_MAX     /* no way leads there; every finite travel time is below GEO_FINITE_MAX */
#define GEO_FINITE_MAX  (UINT32_C(1) << 30) /* milliseconds: 12 days; two of them add without overflow */
#define GEO_NONE        UINT32_MAX     /* no such node, arc or name */

enum geo_status {
    GEO_OK = 0,
    GEO_INVALID,      /* the caller's argument or the file's content; the text says what to mend */
    GEO_IO,           /* the file could not be read or written */
    GEO_LIMIT,        /* a stated bound would be passed */
    GEO_NO_MEMORY,
    GEO_NOT_FOUND,    /* no road near enough, no way between two points */
};

enum { GEO_ERROR_MAX = 256 };
struct geo_error {
    char text[GEO_ERROR_MAX]; /* UTF-8, terminated */
};
enum geo_status geo_error_set(struct geo_error *error, enum geo_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** What a way takes: milliseconds above, decimetres below. Adding and comparing it is lexicographic, so that among equally fast ways the shortest is
 *  meant by every query. */
typedef uint64_t geo_weight;
#define GEO_WEIGHT_NONE UINT64_MAX
#define GEO_WEIGHT_END  ((geo_weight)GEO_FINITE_MAX << 32) /* no way is as long: searches stop here, so that no sum overflows, whatever the file says */
static inline geo_weight geo_weight_of(uint32_t travel_ms, uint32_t length_dm) { return (geo_weight)travel_ms << 32 | length_dm; }
static inline uint32_t geo_weight_ms(geo_weight weight) { return weight == GEO_WEIGHT_NONE ? GEO_UNREACHABLE : (uint32_t)(weight >> 32); }
static inline uint32_t geo_weight_dm(geo_weight weight) { return weight == GEO_WEIGHT_NONE ? GEO_UNREACHABLE : (uint32_t)weight; }

/** WGS-84, 1e-7 degrees. */
struct geo_point {
    int32_t lat_e7, lon_e7;
};

/** Great-circle distance in decimetres on the sphere of 6,371,008.8 m (mean radius, IUGG). */
uint32_t geo_distance_dm(struct geo_point a, struct geo_point b);
struct geo_point geo_wgs84_from_gcj02(struct geo_point gcj02); /* fixed point, 4 rounds; outside China unchanged */
struct geo_point geo_gcj02_from_wgs84(struct geo_point wgs84);

#endif
