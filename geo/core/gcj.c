/* GCJ-02, the datum of Chinese map services: the open formula (Krasovsky 1940 axes), and its inverse by fixed point. */
#include "geo_core/geo_core.h"

#include <math.h>

static const double PI = 3.14159265358979323846;
static const double AXIS_M = 6378245.0, ECCENTRICITY2 = 0.00669342162296594323;

static int outside_china(double lat, double lon)
{
    return lon < 72.004 || lon > 137.8347 || lat < 0.8293 || lat > 55.8271;
}

static double waves(double x, double y)
{
    return (20 * sin(6 * x * PI) + 20 * sin(2 * x * PI)) * 2 / 3 + (20 * sin(y * PI) + 40 * sin(y / 3 * PI)) * 2 / 3;
}

static void shift(double lat, double lon, double *lat_by, double *lon_by)
{
    double x = lon - 105, y = lat - 35, root = sqrt(fabs(x));
    double north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + (20 * sin(6 * x * PI) + 20 * sin(2 * x * PI)) * 2 / 3 +
                   (20 * sin(y * PI) + 40 * sin(y / 3 * PI)) * 2 / 3 + (160 * sin(y / 12 * PI) + 320 * sin(y * PI / 30)) * 2 / 3;
    double east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + waves(x, x) + (150 * sin(x / 12 * PI) + 300 * sin(x / 30 * PI)) * 2 / 3;
    double radians = lat / 180 * PI, sine = sin(radians), w = 1 - ECCENTRICITY2 * sine * sine;
    *lat_by = north * 180 / (AXIS_M * (1 - ECCENTRICITY2) / (w * sqrt(w)) * PI);
    *lon_by = east * 180 / (AXIS_M / sqrt(w) * cos(radians) * PI);
}

static int32_t e7(double degrees)
{
    return (int32_t)lround(degrees * 1e7);
}

struct geo_point geo_gcj02_from_wgs84(struct geo_point wgs84)
{
    double lat = wgs84.lat_e7 / 1e7, lon = wgs84.lon_e7 / 1e7, lat_by, lon_by;
    if (outside_china(lat, lon)) return wgs84;
    shift(lat, lon, &lat_by, &lon_by);
    return (struct geo_point){e7(lat + lat_by), e7(lon + lon_by)};
}

struct geo_point geo_wgs84_from_gcj02(struct geo_point gcj02)
{
    enum { ROUNDS = 4 }; /* each gains about four digits: 1e-12 degrees after four */
    double lat = gcj02.lat_e7 / 1e7, lon = gcj02.lon_e7 / 1e7, at_lat = lat, at_lon = lon;
    if (outside_china(lat, lon)) return gcj02;
    for (int i = 0; i < ROUNDS; i++) {
        double lat_by, lon_by;
        shift(at_lat, at_lon, &lat_by, &lon_by);
        at_lat = lat - lat_by;
        at_lon = lon - lon_by;
    }
    return (struct geo_point){e7(at_lat), e7(at_lon)};
}
