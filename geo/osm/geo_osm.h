/** geo_osm: from OpenStreetMap data to the road graph of one profile.
 *
 *  Reads .osm.pbf (dense or not; raw, zlib or lz4 blobs) and .osm XML, told apart by content. Every file is hostile: a wrong length, a bomb
 *  or a cut file is GEO_INVALID with the place in the text. Memory grows with the file, never with the highest id.
 *  The same file and options give the same graph, byte for byte.
 */
#ifndef GEO_OSM_GEO_OSM_H
#define GEO_OSM_GEO_OSM_H

#include "geo_core/geo_core.h"
#include "geo_graph/geo_graph.h"

/** Roads as OSM tags them (highway=..., or route=ferry). */
enum geo_osm_road {
    GEO_OSM_MOTORWAY, GEO_OSM_MOTORWAY_LINK, GEO_OSM_TRUNK, GEO_OSM_TRUNK_LINK, GEO_OSM_PRIMARY, GEO_OSM_PRIMARY_LINK, GEO_OSM_SECONDARY,
    GEO_OSM_SECONDARY_LINK, GEO_OSM_TERTIARY, GEO_OSM_TERTIARY_LINK, GEO_OSM_UNCLASSIFIED, GEO_OSM_RESIDENTIAL, GEO_OSM_LIVING_STREET,
    GEO_OSM_SERVICE, GEO_OSM_PEDESTRIAN, GEO_OSM_TRACK, GEO_OSM_ROAD, GEO_OSM_CYCLEWAY, GEO_OSM_FOOTWAY, GEO_OSM_PATH, GEO_OSM_STEPS,
    GEO_OSM_BRIDLEWAY, GEO_OSM_BUSWAY, GEO_OSM_FERRY, GEO_OSM_ROAD_COUNT
};

/** Every number of the travel model; an unvalidated model, so each is a parameter. Times are whole milliseconds, each below one hour. */
struct geo_osm_options {
    enum geo_profile profile;
    uint8_t speed_kmh[GEO_OSM_ROAD_COUNT]; /* free speed by road; 0: the profile may not use it */
    uint8_t push_kmh;             /* where the rider must dismount (e-bike); 0: closed */
    uint8_t shared_kmh;           /* e-bike on a footway, path or track opened to it by a sign */
    uint8_t maxspeed_percent;     /* of a signed limit that is driven on average (car); e-bikes are only capped by the limit */
    uint8_t private_percent;      /* of free speed on private and destination-only roads: they can be entered, but do not shorten a way through */
    uint32_t signal_ms;           /* at traffic lights */
    uint32_t crossing_ms;         /* at a pedestrian crossing with lights */
    uint32_t gate_ms;             /* gate, lift gate: the guard, the barrier arm */
    uint32_t bollard_ms;          /* bollards, cycle barriers for those who get through */
    uint32_t toll_ms;             /* toll booth (car) */
    uint32_t signal_far_ms;       /* on top of signal_ms: turning across the oncoming lanes at lights (left, where one drives on the right) */
    uint8_t signal_near_percent;  /* of signal_ms for who turns to the near side: right on red is allowed */
    uint32_t far_ms;              /* turning across without lights where another main road (secondary and above) arrives */
    uint32_t uturn_ms;            /* turning round at a junction or a dead end, on top of its lights */
    bool drives_left;             /* near is left, far is right */
};

/** The profile's defaults (table and reasons in profile.c). */
struct geo_osm_options geo_osm_options_default(enum geo_profile profile);

/** Build the graph from the file at `path`. `options` may be NULL: e-bike defaults. On GEO_OK the caller owns *out (geo_graph_free).
 *  GEO_INVALID: not OSM data, broken, or without any road of the profile. GEO_IO, GEO_LIMIT, GEO_NO_MEMORY. */
geo_must_use enum geo_status geo_osm_build(const char *path, const struct geo_osm_options *options, struct geo_graph **out, struct geo_error *error);
/** The same from bytes, borrowed for the call. */
geo_must_use enum geo_status geo_osm_build_bytes(const uint8_t *data, size_t size, const struct geo_osm_options *options, struct geo_graph **out,
                                                 struct geo_error *error);

#endif
