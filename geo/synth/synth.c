/* The door of geo_synth: bounds, size, order of making. */
#include "city.h"

#include <math.h>
#include <stdlib.h>

enum geo_status geo_synth_write(const char *path, uint64_t seed, uint32_t size, struct geo_error *error)
{
    if (size < GEO_SYNTH_SIZE_MIN || size > GEO_SYNTH_SIZE_MAX)
        return geo_error_set(error, GEO_INVALID, "a city has from %u to %u junctions", (unsigned)GEO_SYNTH_SIZE_MIN, (unsigned)GEO_SYNTH_SIZE_MAX);
    struct city city = {.random = seed};
    city.rows = (uint32_t)lround(sqrt(size * 0.8)); /* a little wider than high, as a river city is */
    city.columns = (size + city.rows - 1) / city.rows;
    city.centre = (struct geo_point){312000000 + (int32_t)city_random(&city, 200000), 1214000000 + (int32_t)city_random(&city, 200000)};
    enum geo_status rc = GEO_OK;
    if (!city_layout(&city) || !city_streets(&city)) rc = geo_error_set(error, GEO_NO_MEMORY, "out of memory for a city of %u junctions", size);
    if (rc == GEO_OK) rc = city_write(&city, path, error);
    free(city.nodes);
    free(city.ways);
    free(city.refs);
    free(city.restrictions);
    return rc;
}
