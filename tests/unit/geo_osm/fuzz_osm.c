/* Any bytes as OSM data: refused with a text, or a graph that holds its own laws. */
#include <stdlib.h>

#include "geo_osm/geo_osm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct geo_osm_options options = geo_osm_options_default(size > 0 ? (enum geo_profile)(data[size - 1] % GEO_PROFILE_COUNT) : GEO_EBIKE);
    struct geo_graph *graph = NULL;
    struct geo_error error = {.text = ""};
    enum geo_status rc = geo_osm_build_bytes(data, size, &options, &graph, &error);
    if (rc != GEO_OK) {
        if (graph || !error.text[0]) abort();
        return 0;
    }
    if (geo_graph_check(graph, &error) != GEO_OK) abort();
    geo_graph_free(graph);
    return 0;
}
