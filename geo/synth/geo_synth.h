/** geo_synth: a made-up city, for a first look without a download and for tests on maps nobody has tuned for.
 *
 *  Ring roads, arterials, a residential grid with one-ways, a river with few bridges, traffic lights, turn restrictions, Chinese names with
 *  name:en. It writes a valid .osm.pbf (raw blobs, dense nodes) that any OSM tool reads. Same seed and size: same bytes.
 */
#ifndef GEO_SYNTH_GEO_SYNTH_H
#define GEO_SYNTH_GEO_SYNTH_H

#include "geo_core/geo_core.h"
#include "geo_graph/geo_graph.h"

#define GEO_SYNTH_SIZE_MIN UINT32_C(100)
#define GEO_SYNTH_SIZE_MAX UINT32_C(1000000)

/** Write a city of about `size` junctions (150-250 m apart) to `path`, replacing what is there.
 *  GEO_INVALID if `size` is out of bounds, GEO_IO, GEO_NO_MEMORY. */
geo_must_use enum geo_status geo_synth_write(const char *path, uint64_t seed, uint32_t size, struct geo_error *error);

#endif
