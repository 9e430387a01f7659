/* Where the junctions stand: a grid about 200 m wide, bent and shaken as real cities are. Pure. */
#include "city.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STEP_LAT_E7 18000 /* 200 m */
#define STEP_LON_E7 21000 /* 200 m at 31 degrees */

uint32_t city_random(struct city *city, uint32_t below)
{
    uint64_t z = (city->random += UINT64_C(0x9e3779b97f4a7c15)); /* splitmix64 */
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(((z ^ (z >> 31)) >> 32) * below >> 32);
}

bool city_grow(void *array, size_t *capacity, size_t need, size_t size)
{
    if (need <= *capacity) return true;
    size_t wanted = *capacity * 2 > need ? *capacity * 2 : need + 1024;
    void *old = NULL;
    memcpy(&old, array, sizeof old);
    void *grown = realloc(old, wanted * size);
    if (!grown) return false;
    memcpy(array, &grown, sizeof grown);
    *capacity = wanted;
    return true;
}

uint32_t city_river_row(const struct city *city, uint32_t column)
{
    double bend = sin(6.283185307179586 * column / city->columns + (double)(city->centre.lat_e7 % 7)) * city->rows / 10;
    return (uint32_t)lround(city->rows * 0.45 + bend);
}

static int32_t shaken(struct city *city, double value, uint32_t by)
{
    return (int32_t)lround(value) + (int32_t)city_random(city, 2 * by + 1) - (int32_t)by;
}

bool city_layout(struct city *city)
{
    size_t count = (size_t)city->columns * city->rows;
    if (!city_grow(&city->nodes, &city->node_capacity, count, sizeof *city->nodes)) return false;
    for (uint32_t row = 0; row < city->rows; row++) {
        for (uint32_t column = 0; column < city->columns; column++) {
            double x = column - city->columns / 2.0, y = row - city->rows / 2.0;
            double bent_x = x + 0.9 * sin(y / 7.0), bent_y = y + 0.9 * sin(x / 9.0); /* streets that bend by up to a block */
            struct geo_point at = {shaken(city, city->centre.lat_e7 + bent_y * STEP_LAT_E7, 2600), shaken(city, city->centre.lon_e7 + bent_x * STEP_LON_E7, 3000)};
            city->nodes[city->node_count++] = (struct city_node){at, CITY_PLAIN};
        }
    }
    return true;
}

struct geo_point city_between(struct city *city, struct geo_point a, struct geo_point b, uint32_t part, uint32_t jitter_e7)
{
    double share = part / 256.0;
    return (struct geo_point){shaken(city, a.lat_e7 + share * (b.lat_e7 - a.lat_e7), jitter_e7), shaken(city, a.lon_e7 + share * (b.lon_e7 - a.lon_e7), jitter_e7)};
}
