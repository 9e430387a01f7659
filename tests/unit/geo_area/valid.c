/* Segments are compared by exact orientation, those near each other only: they are put into the columns of a grid over longitude. */
#include "valid.h"

#include <stdlib.h>
#include <string.h>

struct segment {
    struct geo_point a, b;
    uint32_t ring, index;
};

static int64_t x_of(struct geo_point p) { return p.lon_e7; }
static int64_t y_of(struct geo_point p) { return p.lat_e7; }

static int side(struct geo_point a, struct geo_point b, struct geo_point p)
{
    __int128 cross = (__int128)(x_of(b) - x_of(a)) * (y_of(p) - y_of(a)) - (__int128)(y_of(b) - y_of(a)) * (x_of(p) - x_of(a));
    return cross > 0 ? 1 : cross < 0 ? -1 : 0;
}

static bool is_between(struct geo_point a, struct geo_point b, struct geo_point p)
{
    int64_t west = x_of(a) < x_of(b) ? x_of(a) : x_of(b), east = x_of(a) + x_of(b) - west, south = y_of(a) < y_of(b) ? y_of(a) : y_of(b), north = y_of(a) + y_of(b) - south;
    return x_of(p) >= west && x_of(p) <= east && y_of(p) >= south && y_of(p) <= north;
}

static bool meet(const struct segment *s, const struct segment *t)
{
    int a = side(s->a, s->b, t->a), b = side(s->a, s->b, t->b), c = side(t->a, t->b, s->a), d = side(t->a, t->b, s->b);
    if (a * b < 0 && c * d < 0) return true;
    return (a == 0 && is_between(s->a, s->b, t->a)) || (b == 0 && is_between(s->a, s->b, t->b)) || (c == 0 && is_between(t->a, t->b, s->a)) || (d == 0 && is_between(t->a, t->b, s->b));
}

static bool is_same(struct geo_point a, struct geo_point b)
{
    return a.lat_e7 == b.lat_e7 && a.lon_e7 == b.lon_e7;
}

/* Neighbours of one ring may share one point, and only that. */
static bool collide(const struct geo_areas *areas, const struct segment *s, const struct segment *t)
{
    uint32_t edges = areas->rings[s->ring].point_count - 1;
    bool next = s->ring == t->ring && (s->index + 1) % edges == t->index, before = s->ring == t->ring && (t->index + 1) % edges == s->index;
    if (!next && !before) return meet(s, t);
    const struct segment *first = next ? s : t, *second = next ? t : s;
    return side(first->a, first->b, second->b) == 0 && is_between(first->a, first->b, second->b); /* it turns back upon itself */
}

static int by_west(const void *left, const void *right)
{
    const struct segment *s = left, *t = right;
    int64_t a = x_of(s->a) < x_of(s->b) ? x_of(s->a) : x_of(s->b), b = x_of(t->a) < x_of(t->b) ? x_of(t->a) : x_of(t->b);
    return (a > b) - (a < b);
}

static const char *segments_fault(const struct geo_areas *areas, const struct geo_contour *contour)
{
    struct segment *all = malloc((areas->point_count + 1) * sizeof *all);
    size_t count = 0;
    const char *fault = NULL;
    int64_t widest = 0;
    for (uint32_t p = contour->polygon_first; p < contour->polygon_first + contour->polygon_count; p++) {
        for (uint32_t r = areas->polygons[p].ring_first; r < areas->polygons[p].ring_first + areas->polygons[p].ring_count; r++) {
            const struct geo_point *points = areas->points + areas->rings[r].point_first;
            for (uint32_t i = 0; i + 1 < areas->rings[r].point_count; i++) {
                if (is_same(points[i], points[i + 1])) fault = "a point twice in a row";
                all[count++] = (struct segment){points[i], points[i + 1], r, i};
                int64_t wide = llabs(x_of(points[i]) - x_of(points[i + 1]));
                if (wide > widest) widest = wide;
            }
        }
    }
    qsort(all, count, sizeof *all, by_west);
    for (size_t i = 0; i < count && !fault; i++) {
        int64_t east = x_of(all[i].a) > x_of(all[i].b) ? x_of(all[i].a) : x_of(all[i].b), north = y_of(all[i].a) > y_of(all[i].b) ? y_of(all[i].a) : y_of(all[i].b);
        int64_t south = y_of(all[i].a) + y_of(all[i].b) - north;
        for (size_t k = i + 1; k < count; k++) {
            int64_t west = x_of(all[k].a) < x_of(all[k].b) ? x_of(all[k].a) : x_of(all[k].b);
            if (west > east) break;
            if ((y_of(all[k].a) > north && y_of(all[k].b) > north) || (y_of(all[k].a) < south && y_of(all[k].b) < south)) continue;
            if (collide(areas, &all[i], &all[k])) fault = "segments that meet";
        }
    }
    free(all);
    return fault;
}

/* By crossings of the ray to the east; on the border counts. */
static bool ring_holds(const struct geo_areas *areas, uint32_t r, struct geo_point at)
{
    const struct geo_point *points = areas->points + areas->rings[r].point_first;
    bool inside = false;
    for (uint32_t i = 0; i + 1 < areas->rings[r].point_count; i++) {
        struct geo_point a = points[i], b = points[i + 1];
        if (side(a, b, at) == 0 && is_between(a, b, at)) return true;
        if ((y_of(a) > y_of(at)) == (y_of(b) > y_of(at))) continue;
        int turn = side(a, b, at);
        if (y_of(b) > y_of(a) ? turn > 0 : turn < 0) inside = !inside;
    }
    return inside;
}

static __int128 double_area(const struct geo_areas *areas, uint32_t r)
{
    const struct geo_point *points = areas->points + areas->rings[r].point_first;
    __int128 sum = 0;
    for (uint32_t i = 0; i + 1 < areas->rings[r].point_count; i++) sum += (__int128)x_of(points[i]) * y_of(points[i + 1]) - (__int128)x_of(points[i + 1]) * y_of(points[i]);
    return sum;
}

static const char *rings_fault(const struct geo_areas *areas, const struct geo_polygon *polygon)
{
    if (polygon->ring_count < 1) return "a polygon without a ring";
    for (uint32_t r = polygon->ring_first; r < polygon->ring_first + polygon->ring_count; r++) {
        const struct geo_point *points = areas->points + areas->rings[r].point_first;
        if (areas->rings[r].point_count < 4) return "a ring of fewer than four points";
        if (!is_same(points[0], points[areas->rings[r].point_count - 1])) return "a ring that is not closed";
        if (r == polygon->ring_first) {
            if (double_area(areas, r) <= 0) return "an outer ring that runs clockwise";
            continue;
        }
        if (double_area(areas, r) >= 0) return "a hole that runs counter-clockwise";
        if (!ring_holds(areas, polygon->ring_first, points[0])) return "a hole outside of its ring";
        for (uint32_t o = polygon->ring_first + 1; o < polygon->ring_first + polygon->ring_count; o++)
            if (o != r && ring_holds(areas, o, points[0])) return "a hole in a hole";
    }
    return NULL;
}

static bool polygon_holds(const struct geo_areas *areas, const struct geo_polygon *polygon, struct geo_point at)
{
    if (!ring_holds(areas, polygon->ring_first, at)) return false;
    for (uint32_t r = polygon->ring_first + 1; r < polygon->ring_first + polygon->ring_count; r++)
        if (ring_holds(areas, r, at)) return false;
    return true;
}

bool valid_holds(const struct geo_areas *areas, uint32_t contour, struct geo_point at)
{
    const struct geo_contour *c = &areas->contours[contour];
    for (uint32_t p = c->polygon_first; p < c->polygon_first + c->polygon_count; p++)
        if (polygon_holds(areas, &areas->polygons[p], at)) return true;
    return false;
}

const char *valid_fault(const struct geo_areas *areas)
{
    for (uint32_t c = 0; c < areas->contour_count; c++) {
        const struct geo_contour *contour = &areas->contours[c];
        const char *fault = segments_fault(areas, contour);
        for (uint32_t p = contour->polygon_first; !fault && p < contour->polygon_first + contour->polygon_count; p++) {
            fault = rings_fault(areas, &areas->polygons[p]);
            struct geo_point first = areas->points[areas->rings[areas->polygons[p].ring_first].point_first];
            for (uint32_t o = contour->polygon_first; !fault && o < contour->polygon_first + contour->polygon_count; o++)
                if (o != p && polygon_holds(areas, &areas->polygons[o], first)) fault = "a polygon within another";
        }
        if (fault) return fault;
    }
    return NULL;
}
