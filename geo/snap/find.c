/* Searching the tree, nearest boxes first, with everything farther than what is already found cut off. */
#include "geo_snap/geo_snap.h"

#include <math.h>

static const double METRES_PER_E7 = 6371008.8 * 3.14159265358979323846 / 180e7;

struct search {
    const struct geo_file *file;
    double lat, lon, lon_scale, limit2; /* limit2: squared metres beyond which nothing is wanted */
    struct geo_snap_hit *hits;
    uint32_t count, capacity;
};

static double box_distance2(const struct search *search, const struct geo_tree_box *box)
{
    double lat = 0, lon = 0;
    if (search->lat < box->low.lat_e7) lat = box->low.lat_e7 - search->lat;
    else if (search->lat > box->high.lat_e7) lat = search->lat - box->high.lat_e7;
    if (search->lon < box->low.lon_e7) lon = box->low.lon_e7 - search->lon;
    else if (search->lon > box->high.lon_e7) lon = search->lon - box->high.lon_e7;
    lat *= METRES_PER_E7;
    lon *= search->lon_scale;
    return lat * lat + lon * lon;
}

static void keep(struct search *search, const struct geo_snap_hit *hit)
{
    uint32_t at = search->count;
    for (uint32_t i = 0; i < search->count; i++) {
        if (search->hits[i].arc != hit->arc) continue;
        if (search->hits[i].distance_m <= hit->distance_m) return;
        at = i; /* the same road, nearer: takes its place, and moves up */
        break;
    }
    if (at == search->count) {
        if (search->count < search->capacity) search->count++;
        else at = search->count - 1;
    }
    for (; at > 0 && search->hits[at - 1].distance_m > hit->distance_m; at--) search->hits[at] = search->hits[at - 1];
    search->hits[at] = *hit;
    if (search->count == search->capacity) {
        double worst = search->hits[search->count - 1].distance_m;
        if (worst * worst < search->limit2) search->limit2 = worst * worst;
    }
}

/* Most leaves are too far: that is known without a division. */
static void try_leaf(struct search *search, const struct geo_tree_leaf *leaf)
{
    double ax = ((double)leaf->from.lon_e7 - search->lon) * search->lon_scale, ay = ((double)leaf->from.lat_e7 - search->lat) * METRES_PER_E7;
    double bx = ((double)leaf->to.lon_e7 - search->lon) * search->lon_scale, by = ((double)leaf->to.lat_e7 - search->lat) * METRES_PER_E7;
    double dx = bx - ax, dy = by - ay, length2 = dx * dx + dy * dy, ahead = -(ax * dx + ay * dy), cross = dy * ax - dx * ay; /* > 0: the point lies left */
    double distance2, along;
    if (ahead <= 0) {
        distance2 = ax * ax + ay * ay;
        along = 0;
        if (distance2 > search->limit2) return;
    } else if (ahead >= length2) {
        distance2 = bx * bx + by * by;
        along = 1;
        if (distance2 > search->limit2) return;
    } else {
        if (cross * cross > search->limit2 * length2) return;
        distance2 = cross * cross / length2;
        along = ahead / length2;
    }
    struct geo_snap_hit hit = {.arc = leaf->arc, .distance_m = sqrt(distance2), .along = along, .leaf = leaf};
    hit.side = distance2 < 0.01 ? 0 : cross > 0 ? 1 : 2;
    keep(search, &hit);
}

/* What only the hits that stay need. */
static void finish(struct geo_snap_hit *hit)
{
    const struct geo_tree_leaf *leaf = hit->leaf;
    hit->segment = leaf->segment;
    hit->offset = leaf->begin + (uint32_t)lround(hit->along * (leaf->end - leaf->begin));
    if (hit->offset > GEO_PLACE_WHOLE) hit->offset = GEO_PLACE_WHOLE; /* whatever the file says */
    hit->at.lat_e7 = (int32_t)lround(leaf->from.lat_e7 + hit->along * ((double)leaf->to.lat_e7 - leaf->from.lat_e7));
    hit->at.lon_e7 = (int32_t)lround(leaf->from.lon_e7 + hit->along * ((double)leaf->to.lon_e7 - leaf->from.lon_e7));
}

/* `first` is the index of this level's first box, `below` that of the level below; level 0 has leaves below. */
static void visit(struct search *search, int level, uint32_t box, const uint32_t *firsts, const uint32_t *counts)
{
    uint32_t begin = box * GEO_TREE_FANOUT, end = begin + GEO_TREE_FANOUT;
    if (level == 0) {
        if (end > search->file->leaf_count) end = search->file->leaf_count;
        for (uint32_t i = begin; i < end; i++) try_leaf(search, &search->file->leaves[i]);
        return;
    }
    if (end > counts[level - 1]) end = counts[level - 1];
    uint32_t order[GEO_TREE_FANOUT], count = 0;
    double distance[GEO_TREE_FANOUT];
    for (uint32_t i = begin; i < end; i++) {
        double d = box_distance2(search, &search->file->boxes[firsts[level - 1] + i]);
        if (d > search->limit2) continue;
        uint32_t at = count++;
        for (; at > 0 && distance[at - 1] > d; at--) {
            distance[at] = distance[at - 1];
            order[at] = order[at - 1];
        }
        distance[at] = d;
        order[at] = i;
    }
    for (uint32_t i = 0; i < count && distance[i] <= search->limit2; i++) visit(search, level - 1, order[i], firsts, counts);
}

uint32_t geo_snap_find(const struct geo_file *file, struct geo_point at, double max_m, struct geo_snap_hit *hits, uint32_t capacity)
{
    enum { LEVELS_MAX = 17 };
    uint32_t firsts[LEVELS_MAX], counts[LEVELS_MAX], below = file->leaf_count, first = 0;
    int levels = 0;
    do {
        below = (below + GEO_TREE_FANOUT - 1) / GEO_TREE_FANOUT;
        firsts[levels] = first;
        counts[levels++] = below;
        first += below;
    } while (below > 1 && levels < LEVELS_MAX);
    struct search search = {.file = file, .lat = at.lat_e7, .lon = at.lon_e7, .limit2 = max_m * max_m, .hits = hits,
                            .capacity = capacity < GEO_SNAP_HITS_MAX ? capacity : GEO_SNAP_HITS_MAX};
    search.lon_scale = METRES_PER_E7 * cos(at.lat_e7 * (3.14159265358979323846 / 180e7));
    if (search.capacity) visit(&search, levels - 1, 0, firsts, counts);
    for (uint32_t i = 0; i < search.count; i++) finish(&hits[i]);
    return search.count;
}
