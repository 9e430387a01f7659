/* An oracle that shares no code with the graph's making: Dijkstra over directed OSM segments, turn restrictions as rules on turns.
 * It reads the same parsed ways (speeds, crossings, restrictions), and nothing after that. */
#ifndef TEST_NAIVE_H
#define TEST_NAIVE_H

#include "geo/osm/osm.h"

struct naive;
struct naive *naive_new(const char *path, const struct geo_osm_options *options);
void naive_free(struct naive *naive);
/** The directed segment of the way from one point to the other; GEO_NONE if there is none, or two. */
uint32_t naive_segment(const struct naive *naive, int64_t way, struct geo_point from, struct geo_point to);
uint32_t naive_segment_ms(const struct naive *naive, uint32_t segment);
/** Keep to the strongly connected part of (segment, rules under way) that holds a state of each given segment, as a graph keeps to its largest
 *  part; false if there is none. *covered: how many segments have a state in it. Searches then begin with every history the part allows. */
bool naive_part_choose(struct naive *naive, const uint32_t *segments, uint32_t count, uint32_t *covered);
/** Search from the beginning of a segment and (unless GEO_NONE) of another, with no history (or within the part chosen). */
void naive_search(struct naive *naive, uint32_t segment, uint32_t other);
/** From the beginning of the first to the beginning of this segment, ready to drive it; UINT64_MAX if no way leads there. */
uint64_t naive_ms(const struct naive *naive, uint32_t segment);
uint32_t naive_rule_count(const struct naive *naive);

/** A heap of (key, value), least first. */
struct heap {
    struct heap_item {
        uint64_t key;
        uint32_t value;
    } *item;
    size_t count, capacity;
};
void heap_push(struct heap *heap, uint64_t key, uint32_t value);
struct heap_item heap_pop(struct heap *heap);

#endif
