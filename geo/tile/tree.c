/* A packed Hilbert R-tree (Kamel and Faloutsos 1993) over the strokes of one class, so that a tile looks only at what it may show. */
#include "tile.h"

#include <stdlib.h>

struct keyed {
    uint32_t key, stroke;
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
    return (x->stroke > y->stroke) - (x->stroke < y->stroke);
}

static void grow(struct tile_box *box, const struct tile_box *by)
{
    if (by->west < box->west) box->west = by->west;
    if (by->north < box->north) box->north = by->north;
    if (by->east > box->east) box->east = by->east;
    if (by->south > box->south) box->south = by->south;
}

static struct tile_box box_of(const struct tile_point *points, const struct stroke *stroke)
{
    const struct tile_point *point = &points[stroke->first];
    struct tile_box box = {point->x, point->y, point->x, point->y};
    for (uint32_t i = 1; i < stroke->count; i++) grow(&box, &(struct tile_box){point[i].x, point[i].y, point[i].x, point[i].y});
    return box;
}

/* Where each level begins; returns how many boxes there are. */
static size_t levels(struct tile_tree *tree)
{
    uint32_t below = tree->count;
    size_t boxes = below;
    tree->level_count = 1;
    while (below > 1) {
        below = (below + TILE_FANOUT - 1) / TILE_FANOUT;
        tree->level_first[tree->level_count++] = (uint32_t)boxes;
        boxes += below;
    }
    tree->level_first[tree->level_count] = (uint32_t)boxes;
    return boxes;
}

/* By the middles of their boxes, on a grid that covers them all. */
static void sort(struct tile_tree *tree, struct keyed *keyed, const struct tile_point *points, const struct stroke *strokes)
{
    struct tile_box all = box_of(points, &strokes[keyed[0].stroke]);
    for (uint32_t i = 1; i < tree->count; i++) {
        struct tile_box box = box_of(points, &strokes[keyed[i].stroke]);
        grow(&all, &box);
    }
    uint64_t wide = (uint64_t)all.east - all.west + 1, high = (uint64_t)all.south - all.north + 1;
    for (uint32_t i = 0; i < tree->count; i++) {
        struct tile_box box = box_of(points, &strokes[keyed[i].stroke]);
        uint64_t x = ((uint64_t)box.west + box.east) / 2 - all.west, y = ((uint64_t)box.north + box.south) / 2 - all.north;
        keyed[i].key = hilbert((uint32_t)(x * 0x10000 / wide), (uint32_t)(y * 0x10000 / high));
    }
    qsort(keyed, tree->count, sizeof *keyed, by_key);
    for (uint32_t i = 0; i < tree->count; i++) {
        tree->strokes[i] = keyed[i].stroke;
        tree->boxes[i] = box_of(points, &strokes[keyed[i].stroke]);
    }
}

bool tile_tree_init(struct tile_tree *tree, const struct tile_point *points, const struct stroke *strokes, uint32_t first, uint32_t count)
{
    *tree = (struct tile_tree){.count = count};
    if (count == 0) return true;
    size_t boxes = levels(tree);
    struct keyed *keyed = calloc(count, sizeof *keyed);
    tree->strokes = calloc(count, sizeof *tree->strokes);
    tree->boxes = calloc(boxes, sizeof *tree->boxes);
    bool good = keyed && tree->strokes && tree->boxes;
    if (good) {
        for (uint32_t i = 0; i < count; i++) keyed[i].stroke = first + i;
        sort(tree, keyed, points, strokes);
        for (uint32_t level = 1; level < tree->level_count; level++) {
            uint32_t below = tree->level_first[level - 1], here = tree->level_first[level];
            for (uint32_t i = below; i < here; i++) {
                struct tile_box *box = &tree->boxes[here + (i - below) / TILE_FANOUT];
                if ((i - below) % TILE_FANOUT == 0) *box = tree->boxes[i];
                else grow(box, &tree->boxes[i]);
            }
        }
    }
    free(keyed);
    return good;
}

void tile_tree_deinit(struct tile_tree *tree)
{
    free(tree->strokes);
    free(tree->boxes);
}

static bool touch(const struct tile_box *a, const struct tile_box *b)
{
    return a->west <= b->east && b->west <= a->east && a->north <= b->south && b->north <= a->south;
}

uint32_t tile_tree_find(const struct tile_tree *tree, const struct tile_box *box, uint32_t *out)
{
    struct { uint32_t level, at; } stack[TILE_LEVELS_MAX * TILE_FANOUT + 1];
    uint32_t depth = 0, found = 0;
    if (tree->count == 0) return 0;
    stack[depth].level = tree->level_count - 1;
    stack[depth++].at = 0;
    while (depth > 0) {
        uint32_t level = stack[--depth].level, at = stack[depth].at;
        if (!touch(&tree->boxes[tree->level_first[level] + at], box)) continue;
        if (level == 0) {
            if (out) out[found] = tree->strokes[at];
            found++;
            continue;
        }
        uint32_t end = tree->level_first[level] - tree->level_first[level - 1], last = (at + 1) * TILE_FANOUT < end ? (at + 1) * TILE_FANOUT : end;
        for (uint32_t child = at * TILE_FANOUT; child < last; child++) {
            stack[depth].level = level - 1;
            stack[depth++].at = child;
        }
    }
    return found;
}
