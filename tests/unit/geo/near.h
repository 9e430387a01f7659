/* geo_nearest against a plain sort of what an oracle says each source needs. */
#ifndef TESTS_GEO_NEAR_H
#define TESTS_GEO_NEAR_H

#include "random_graph.h"

/** wanted_ms and wanted_dm by source, GEO_UNREACHABLE: no way. Asks for different numbers and limits, and with so many sources that they are swept. Returns what is wrong, or NULL. */
const char *near_fault(const struct open_map *open, const struct geo_snap *sources, uint32_t count, const struct geo_snap *to, const uint32_t *wanted_ms, const uint32_t *wanted_dm);

#endif
