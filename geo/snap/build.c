/* Building the tree: leaves in Hilbert order, boxes bottom-up. */
#include "geo_snap/geo_snap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct keyed {
    uint32_t key;
    struct geo_tree_leaf leaf;
};

/* Position on a Hilbert curve of order 16 (Skilling 2004 in two dimensions). */
static uint32_t hilbert(uint32_t x, uint32_t y)
{
    uint32_t d = 0;
    for (uint32_t s = 1u << 15; s > 0; s >>= 1) {
        uint32_t rx = (x & s) ? 1 : 0, ry = (y & s) ? 1 : 0;
        d += s * s * ((3 * rx) ^ ry);
        if (ry == 0) {
            if (rx == 1) {
                x = 0xffff - x;
                y = 0xffff - y;
            }
            uint32_t t = x;
            x = y;
            y = t;
        }
    }
    return d;
}

static int by_key(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    if (x->leaf.arc != y->leaf.arc) return x->leaf.arc < y->leaf.arc ? -1 : 1;
    return x->leaf.segment < y->leaf.segment ? -1 : x->leaf.segment > y->leaf.segment;
}

/* Of the two directions of a road, the one that stands for it in the tree. */
static bool stands_for_road(const struct geo_graph *graph, uint32_t a)
{
    const struct geo_arc *arc = &graph->arcs[a];
    if (!arc->snappable) return false;
    if (arc->reverse == GEO_NONE) return true;
    uint32_t other = graph->arcs[arc->reverse].twin;
    return !graph->arcs[other].snappable || a < other;
}

static struct geo_point shape_point(const struct geo_graph *graph, const struct geo_arc *arc, uint32_t i)
{
    return graph->shape[arc->shape_first + (arc->reversed ? arc->shape_count - 1 - i : i)];
}

static uint32_t grid(int64_t value, int64_t low, int64_t high)
{
    return high > low ? (uint32_t)((value - low) * 0xffff / (high - low)) : 0;
}

static double length_of(struct geo_point a, struct geo_point b)
{
    double scale = cos(a.lat_e7 * (3.14159265358979323846 / 180e7));
    double lat = (double)b.lat_e7 - a.lat_e7, lon = ((double)b.lon_e7 - a.lon_e7) * scale;
    return sqrt(lat * lat + lon * lon);
}

static double arc_length(const struct geo_graph *graph, const struct geo_arc *arc)
{
    double whole = 0;
    for (uint32_t i = 0; i + 1 < arc->shape_count; i++) whole += length_of(shape_point(graph, arc, i), shape_point(graph, arc, i + 1));
    return whole;
}

static uint32_t share(double part, double whole)
{
    return whole > 0 ? (uint32_t)lround(part / whole * GEO_PLACE_WHOLE) : 0;
}

static uint64_t collect(const struct geo_graph *graph, struct keyed *out)
{
    struct geo_point low = graph->nodes[0], high = graph->nodes[0];
    for (uint32_t i = 0; i < graph->shape_count; i++) {
        if (graph->shape[i].lat_e7 < low.lat_e7) low.lat_e7 = graph->shape[i].lat_e7;
        if (graph->shape[i].lon_e7 < low.lon_e7) low.lon_e7 = graph->shape[i].lon_e7;
        if (graph->shape[i].lat_e7 > high.lat_e7) high.lat_e7 = graph->shape[i].lat_e7;
        if (graph->shape[i].lon_e7 > high.lon_e7) high.lon_e7 = graph->shape[i].lon_e7;
    }
    uint64_t count = 0;
    for (uint32_t a = 0; a < graph->arc_count; a++) {
        if (!stands_for_road(graph, a)) continue;
        const struct geo_arc *arc = &graph->arcs[a];
        double whole = out ? arc_length(graph, arc) : 0, before = 0;
        for (uint32_t i = 0; i + 1 < arc->shape_count; i++, count++) {
            if (!out) continue;
            struct geo_point from = shape_point(graph, arc, i), to = shape_point(graph, arc, i + 1);
            int64_t lat = ((int64_t)from.lat_e7 + to.lat_e7) / 2, lon = ((int64_t)from.lon_e7 + to.lon_e7) / 2;
            if (lat < low.lat_e7) lat = low.lat_e7; /* node points may lie outside the shapes' box by rounding only */
            if (lon < low.lon_e7) lon = low.lon_e7;
            out[count] = (struct keyed){hilbert(grid(lon, low.lon_e7, high.lon_e7), grid(lat, low.lat_e7, high.lat_e7)), {from, to, a, i, share(before, whole), share(before + length_of(from, to), whole)}};
            before += length_of(from, to);
        }
    }
    return count;
}

static struct geo_tree_box box_of_leaf(const struct geo_tree_leaf *leaf)
{
    struct geo_tree_box box = {leaf->from, leaf->from};
    if (leaf->to.lat_e7 < box.low.lat_e7) box.low.lat_e7 = leaf->to.lat_e7;
    if (leaf->to.lon_e7 < box.low.lon_e7) box.low.lon_e7 = leaf->to.lon_e7;
    if (leaf->to.lat_e7 > box.high.lat_e7) box.high.lat_e7 = leaf->to.lat_e7;
    if (leaf->to.lon_e7 > box.high.lon_e7) box.high.lon_e7 = leaf->to.lon_e7;
    return box;
}

static void grow(struct geo_tree_box *box, const struct geo_tree_box *by)
{
    if (by->low.lat_e7 < box->low.lat_e7) box->low.lat_e7 = by->low.lat_e7;
    if (by->low.lon_e7 < box->low.lon_e7) box->low.lon_e7 = by->low.lon_e7;
    if (by->high.lat_e7 > box->high.lat_e7) box->high.lat_e7 = by->high.lat_e7;
    if (by->high.lon_e7 > box->high.lon_e7) box->high.lon_e7 = by->high.lon_e7;
}

static uint32_t count_boxes(uint32_t leaves)
{
    uint32_t boxes = 0, below = leaves;
    do {
        below = (below + GEO_TREE_FANOUT - 1) / GEO_TREE_FANOUT;
        boxes += below;
    } while (below > 1);
    return boxes;
}

static void fill_boxes(const struct geo_tree_leaf *leaves, uint32_t leaf_count, struct geo_tree_box *boxes)
{
    uint32_t below = leaf_count, first = 0, at = 0;
    for (int level = 0; level == 0 || below > 1; level++) {
        uint32_t count = (below + GEO_TREE_FANOUT - 1) / GEO_TREE_FANOUT, begin = at;
        for (uint32_t b = 0; b < count; b++, at++) {
            for (uint32_t i = b * GEO_TREE_FANOUT; i < below && i < (b + 1) * GEO_TREE_FANOUT; i++) {
                struct geo_tree_box child = level == 0 ? box_of_leaf(&leaves[i]) : boxes[first + i];
                if (i == b * GEO_TREE_FANOUT) boxes[at] = child;
                else grow(&boxes[at], &child);
            }
        }
        first = begin;
        below = count;
    }
}

enum geo_status geo_snap_build(const struct geo_graph *graph, struct geo_tree_leaf **leaves, uint32_t *leaf_count, struct geo_tree_box **boxes,
                               uint32_t *box_count, struct geo_error *error)
{
    uint64_t count = collect(graph, NULL);
    if (count == 0) return geo_error_set(error, GEO_INVALID, "the map has no road on which a stop may lie");
    if (count > UINT32_MAX / 2) return geo_error_set(error, GEO_LIMIT, "more than 2^31 road segments");
    struct keyed *keyed = malloc(count * sizeof *keyed);
    *leaf_count = (uint32_t)count;
    *box_count = count_boxes((uint32_t)count);
    *leaves = malloc(count * sizeof **leaves);
    *boxes = malloc(*box_count * sizeof **boxes);
    if (!keyed || !*leaves || !*boxes) {
        free(keyed);
        free(*leaves);
        free(*boxes);
        return geo_error_set(error, GEO_NO_MEMORY, "no memory for the snap index");
    }
    collect(graph, keyed);
    qsort(keyed, count, sizeof *keyed, by_key);
    for (uint64_t i = 0; i < count; i++) (*leaves)[i] = keyed[i].leaf;
    free(keyed);
    fill_boxes(*leaves, *leaf_count, *boxes);
    return GEO_OK;
}

/* ---- checking what another wrote ---- */

static uint32_t boxes_over(uint32_t count)
{
    return count / GEO_TREE_FANOUT + (count % GEO_TREE_FANOUT != 0);
}

static bool is_inside(struct geo_tree_box inner, struct geo_tree_box outer)
{
    return inner.low.lat_e7 >= outer.low.lat_e7 && inner.low.lon_e7 >= outer.low.lon_e7 && inner.high.lat_e7 <= outer.high.lat_e7 &&
           inner.high.lon_e7 <= outer.high.lon_e7;
}

static bool is_point(struct geo_point a, struct geo_point b)
{
    return a.lat_e7 == b.lat_e7 && a.lon_e7 == b.lon_e7;
}

enum geo_status geo_snap_check(const struct geo_file *file, struct geo_error *error)
{
    for (uint32_t i = 0; i < file->leaf_count; i++) {
        const struct geo_tree_leaf *leaf = &file->leaves[i];
        const struct geo_arc *arc = &file->graph.arcs[leaf->arc];
        if (!stands_for_road(&file->graph, leaf->arc) || !is_point(leaf->from, shape_point(&file->graph, arc, leaf->segment)) ||
            !is_point(leaf->to, shape_point(&file->graph, arc, leaf->segment + 1)))
            return geo_error_set(error, GEO_INVALID, "leaf %u of the snap index does not lie on its road", i);
        if (leaf->begin > leaf->end || leaf->end > GEO_PLACE_WHOLE) return geo_error_set(error, GEO_INVALID, "leaf %u of the snap index has no place on its road", i);
        if (!is_inside(box_of_leaf(leaf), file->boxes[i / GEO_TREE_FANOUT])) return geo_error_set(error, GEO_INVALID, "leaf %u of the snap index is outside its box", i);
    }
    uint32_t below = 0, count = boxes_over(file->leaf_count);
    for (uint32_t above = count; count > 1; count = boxes_over(count)) {
        for (uint32_t i = 0; i < count; i++)
            if (!is_inside(file->boxes[below + i], file->boxes[above + i / GEO_TREE_FANOUT]))
                return geo_error_set(error, GEO_INVALID, "box %u of the snap index is outside its parent", below + i);
        below = above;
        above += boxes_over(count);
    }
    return GEO_OK;
}
