/* Error text and distances on the Earth. */
#include "geo_core/geo_core.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

static const double EARTH_RADIUS_DM = 63710088.0;
static const double RADIANS_PER_E7 = 3.14159265358979323846 / 180e7;

enum geo_status geo_error_set(struct geo_error *error, enum geo_status status, const char *format, ...)
{
    if (!error) return status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return status;
}

/* Haversine (Sinnott 1984): exact enough at street length, where the cosine rule loses its digits. */
uint32_t geo_distance_dm(struct geo_point a, struct geo_point b)
{
    double lat = ((double)b.lat_e7 - a.lat_e7) * RADIANS_PER_E7, lon = ((double)b.lon_e7 - a.lon_e7) * RADIANS_PER_E7;
    double s = sin(lat / 2), t = sin(lon / 2);
    double h = s * s + cos(a.lat_e7 * RADIANS_PER_E7) * cos(b.lat_e7 * RADIANS_PER_E7) * t * t;
    return (uint32_t)(2 * EARTH_RADIUS_DM * asin(sqrt(h > 1 ? 1 : h)) + 0.5);
}
