/* Any bytes as a table of traffic: what is taken holds its bounds, what is refused says why and leaves free flow. */
#include "geo_traffic/geo_traffic.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct geo_traffic table;
    struct geo_error error = {.text = ""};
    enum geo_status rc = geo_traffic_parse((const char *)data, size, &table, &error);
    if (rc != GEO_OK && !error.text[0]) abort();
    for (unsigned c = 0; c < GEO_CLASS_COUNT; c++)
        for (unsigned b = 0; b < GEO_TRAFFIC_BUCKETS; b++) {
            uint16_t percent = table.speed_percent[c][b];
            if (percent < GEO_TRAFFIC_PERCENT_MIN || percent > GEO_TRAFFIC_PERCENT_MAX || (rc != GEO_OK && percent != 100)) abort();
        }
    return 0;
}
