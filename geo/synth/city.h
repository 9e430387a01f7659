/* The made-up city between its makers (layout.c, streets.c) and its writer (write.c). Ids are indexes + 1. */
#ifndef GEO_SYNTH_CITY_H
#define GEO_SYNTH_CITY_H

#include "geo_synth/geo_synth.h"

enum city_highway {
    CITY_TRUNK, CITY_PRIMARY, CITY_SECONDARY, CITY_TERTIARY, CITY_RESIDENTIAL, CITY_LIVING_STREET, CITY_SERVICE, CITY_RIVER, CITY_HIGHWAY_COUNT
};
enum city_node_kind { CITY_PLAIN, CITY_SIGNALS, CITY_GATE };
enum city_turn { CITY_NO_LEFT, CITY_NO_U, CITY_ONLY_STRAIGHT, CITY_NO_U_VIA };
enum { CITY_NAME_MAX = 64, CITY_BLOCK = 5 /* every fifth street is an arterial */ };

struct city_node {
    struct geo_point at;
    enum city_node_kind kind;
};
struct city_way {
    uint32_t ref_first, ref_count, name; /* name: number of the street, see city_name_write */
    enum city_highway highway;
    int8_t oneway;                       /* 1 along the refs, 0 both */
    bool bridge, gated;
};
struct city_restriction {
    enum city_turn turn;
    uint32_t from, via, to;              /* ways; via is a node, or a way for CITY_NO_U_VIA */
};
struct city {
    uint64_t random;
    uint32_t columns, rows;
    struct geo_point centre;
    struct city_node *nodes;
    size_t node_count, node_capacity;    /* the first columns * rows are the junctions, row by row */
    struct city_way *ways;
    size_t way_count, way_capacity;
    uint32_t *refs;
    size_t ref_count, ref_capacity;
    struct city_restriction *restrictions;
    size_t restriction_count, restriction_capacity;
};

uint32_t city_random(struct city *city, uint32_t below);
geo_must_use bool city_grow(void *array, size_t *capacity, size_t need, size_t size);
geo_must_use bool city_layout(struct city *city);  /* junctions; false: no memory */
/** The row of junctions just north of the river at this column: the street from the row below crosses it. */
uint32_t city_river_row(const struct city *city, uint32_t column);
/** A point between two, `part` of 256 of the way from a to b, `jitter_e7` aside. */
struct geo_point city_between(struct city *city, struct geo_point a, struct geo_point b, uint32_t part, uint32_t jitter_e7);
geo_must_use bool city_streets(struct city *city); /* ways and restrictions */
void city_name_write(uint32_t number, enum city_highway highway, char chinese[CITY_NAME_MAX], char english[CITY_NAME_MAX]);
geo_must_use enum geo_status city_write(const struct city *city, const char *path, struct geo_error *error);

#endif
