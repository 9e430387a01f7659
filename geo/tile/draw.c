/* One stroke in one tile: whole units, simplified (Douglas and Peucker 1973), clipped to the tile and its buffer (Liang and Barsky 1984). All that
 * happens before clipping depends on the zoom alone, so that what neighbouring tiles show of a line is the same line. Integers, but for one
 * comparison of products that pass 64 bits. */
#include "tile.h"

#include <string.h>

enum {
    WORLD_BITS = 32, EXTENT_BITS = 12,
    LOW = -GEO_TILE_BUFFER, HIGH = GEO_TILE_EXTENT + GEO_TILE_BUFFER,
    COARSE_ZOOM = 13,          /* to this zoom a line may lie off by COARSE units: half a pixel of a 512-pixel tile. Nearer: by one unit */
    COARSE = 4, FINE = 1,
};

static uint32_t quantise(const struct tile_point *points, uint32_t count, struct geo_tile_id id, struct pen_point *out)
{
    uint32_t shift = WORLD_BITS - EXTENT_BITS - id.z, kept = 0;
    int64_t west = (int64_t)id.x << EXTENT_BITS, north = (int64_t)id.y << EXTENT_BITS;
    for (uint32_t i = 0; i < count; i++) {
        int64_t x = (int64_t)(((uint64_t)points[i].x + (UINT64_C(1) << (shift - 1))) >> shift) - west;
        int64_t y = (int64_t)(((uint64_t)points[i].y + (UINT64_C(1) << (shift - 1))) >> shift) - north;
        struct pen_point point = {(int32_t)x, (int32_t)y};
        if (kept > 0 && out[kept - 1].x == point.x && out[kept - 1].y == point.y) continue;
        out[kept++] = point;
    }
    return kept;
}

/* Is `p` within `limit` of the segment a b? Differences are below 2^31, so a product of two needs 62 bits and squares of products a double. */
static double squared_distance(struct pen_point p, struct pen_point a, struct pen_point b)
{
    double dx = (double)b.x - a.x, dy = (double)b.y - a.y, px = (double)p.x - a.x, py = (double)p.y - a.y;
    double length = dx * dx + dy * dy, along = px * dx + py * dy;
    if (along <= 0 || length == 0) return px * px + py * py;
    if (along >= length) return (px - dx) * (px - dx) + (py - dy) * (py - dy);
    double cross = px * dy - py * dx;
    return cross * cross / length;
}

static uint32_t simplify(struct pen_point *points, uint32_t count, double limit)
{
    bool keep[STROKE_POINTS_MAX] = {false};
    struct { uint32_t first, last; } stack[STROKE_POINTS_MAX];
    uint32_t depth = 0, kept = 0;
    if (count < 3) return count;
    keep[0] = keep[count - 1] = true;
    stack[depth].first = 0;
    stack[depth++].last = count - 1;
    while (depth > 0) {
        uint32_t first = stack[--depth].first, last = stack[depth].last, farthest = 0;
        double most = limit * limit;
        for (uint32_t i = first + 1; i < last; i++) {
            double distance = squared_distance(points[i], points[first], points[last]);
            if (distance > most) {
                most = distance;
                farthest = i;
            }
        }
        if (farthest == 0) continue;
        keep[farthest] = true;
        stack[depth].first = first;
        stack[depth++].last = farthest;
        stack[depth].first = farthest;
        stack[depth++].last = last;
    }
    for (uint32_t i = 0; i < count; i++)
        if (keep[i]) points[kept++] = points[i];
    return kept;
}

/* ---- clipping ---- */

/* a + (b - a) * part / whole, rounded to the nearest; 0 <= part <= whole. */
static int32_t between(int32_t a, int32_t b, int64_t part, int64_t whole)
{
    int64_t product = ((int64_t)b - a) * part, half = product < 0 ? -(whole / 2) : whole / 2;
    return (int32_t)(a + (product + half) / whole);
}

static bool is_inside(struct pen_point p)
{
    return p.x >= LOW && p.x <= HIGH && p.y >= LOW && p.y <= HIGH;
}

/* Move `from`, which lies outside, along the segment to where it enters one side after the other; false if it never does. */
static bool enter(struct pen_point *from, struct pen_point to)
{
    if ((from->x < LOW && to.x < LOW) || (from->x > HIGH && to.x > HIGH)) return false;
    if (from->x < LOW || from->x > HIGH) {
        int32_t edge = from->x < LOW ? LOW : HIGH;
        int64_t part = (int64_t)edge - from->x, whole = (int64_t)to.x - from->x;
        *from = (struct pen_point){edge, whole < 0 ? between(from->y, to.y, -part, -whole) : between(from->y, to.y, part, whole)};
    }
    if ((from->y < LOW && to.y < LOW) || (from->y > HIGH && to.y > HIGH)) return false;
    if (from->y < LOW || from->y > HIGH) {
        int32_t edge = from->y < LOW ? LOW : HIGH;
        int64_t part = (int64_t)edge - from->y, whole = (int64_t)to.y - from->y;
        *from = (struct pen_point){whole < 0 ? between(from->x, to.x, -part, -whole) : between(from->x, to.x, part, whole), edge};
    }
    return is_inside(*from);
}

static void pen_point(struct pen *pen, uint32_t *begin, struct pen_point point)
{
    if (pen->point_count > *begin) {
        struct pen_point last = pen->points[pen->point_count - 1];
        if (last.x == point.x && last.y == point.y) return;
    }
    pen->points[pen->point_count++] = point;
}

static void pen_lift(struct pen *pen, uint32_t *begin)
{
    uint32_t count = pen->point_count - *begin;
    if (count >= 2) pen->lines[pen->line_count++] = count;
    else pen->point_count = *begin;
    *begin = pen->point_count;
}

static void clip(struct pen *pen, const struct pen_point *points, uint32_t count)
{
    uint32_t begin = 0;
    for (uint32_t i = 0; i + 1 < count; i++) {
        struct pen_point from = points[i], to = points[i + 1];
        bool leaves = !is_inside(to);
        if (!is_inside(from) && !enter(&from, points[i + 1])) continue;
        if (leaves && !enter(&to, points[i])) continue; /* it only touches a corner by rounding */
        pen_point(pen, &begin, from);
        pen_point(pen, &begin, to);
        if (leaves) pen_lift(pen, &begin);
    }
    pen_lift(pen, &begin);
}

void pen_draw(struct pen *pen, const struct tile_point *points, uint32_t count, struct geo_tile_id id)
{
    struct pen_point whole[STROKE_POINTS_MAX];
    pen->line_count = pen->point_count = 0;
    uint32_t kept = quantise(points, count, id, whole);
    kept = simplify(whole, kept, id.z <= COARSE_ZOOM ? COARSE : FINE);
    clip(pen, whole, kept);
}
