/* Where a tile lies: its address as text, and Web Mercator. It knows no roads. */
#include "tile.h"

#include <math.h>

static const double PI = 3.14159265358979323846;
static const double WORLD = 4294967296.0;

/* A number without sign or leading zero; -1: not one. Nine digits are more than any tile has. */
static int64_t number(const char **at, const char *end)
{
    const char *begin = *at;
    int64_t value = 0;
    while (*at < end && **at >= '0' && **at <= '9') {
        if (*at - begin == 9) return -1;
        value = value * 10 + (*(*at)++ - '0');
    }
    if (*at == begin || (*begin == '0' && *at - begin > 1)) return -1;
    return value;
}

enum geo_status geo_tile_id_parse(const char *text, size_t length, struct geo_tile_id *out, struct geo_error *error)
{
    const char *at = text, *end = text + length;
    int64_t part[3];
    for (int i = 0; i < 3; i++) {
        if (i > 0 && (at == end || *at++ != '/')) return geo_error_set(error, GEO_INVALID, "a tile is Z/X/Y");
        part[i] = number(&at, end);
        if (part[i] < 0) return geo_error_set(error, GEO_INVALID, "a tile is Z/X/Y in whole numbers");
    }
    if (at != end) return geo_error_set(error, GEO_INVALID, "a tile is Z/X/Y and nothing after it");
    if (part[0] > GEO_TILE_ZOOM_MAX) return geo_error_set(error, GEO_NOT_FOUND, "tiles go to zoom %d", GEO_TILE_ZOOM_MAX);
    if (part[1] >> part[0] || part[2] >> part[0]) return geo_error_set(error, GEO_NOT_FOUND, "zoom %d has x and y to %d", (int)part[0], (1 << part[0]) - 1);
    *out = (struct geo_tile_id){(uint32_t)part[0], (uint32_t)part[1], (uint32_t)part[2]};
    return GEO_OK;
}

static uint32_t world(double share)
{
    double at = floor(share * WORLD + 0.5);
    return at <= 0 ? 0 : at >= WORLD - 1 ? UINT32_MAX : (uint32_t)at;
}

/* Beyond 85.05 degrees the square ends: such points lie on its edge. */
struct tile_point tile_point_of(struct geo_point point)
{
    double lat = point.lat_e7 * (PI / 180e7);
    double limit = 1.48442222974533;
    if (lat > limit) lat = limit;
    if (lat < -limit) lat = -limit;
    return (struct tile_point){world(point.lon_e7 / 360e7 + 0.5), world(0.5 - asinh(tan(lat)) / (2 * PI))};
}

struct geo_point tile_point_to(struct tile_point point)
{
    double lon = (point.x / WORLD - 0.5) * 360e7, lat = atan(sinh((0.5 - point.y / WORLD) * 2 * PI)) * (180e7 / PI);
    return (struct geo_point){(int32_t)lround(lat), lon >= INT32_MAX ? INT32_MAX : (int32_t)lround(lon)};
}

struct geo_tile_id geo_tile_at(struct geo_point point, uint32_t zoom)
{
    struct tile_point at = tile_point_of(point);
    if (zoom > GEO_TILE_ZOOM_MAX) zoom = GEO_TILE_ZOOM_MAX;
    if (zoom == 0) return (struct geo_tile_id){0, 0, 0};
    return (struct geo_tile_id){zoom, at.x >> (32 - zoom), at.y >> (32 - zoom)};
}
