/* Marching squares, from ring to ring. The border crosses a grid line between an inside and an outside vertex, strictly between them, once; in a cell
 * each run of inside corners (counter-clockwise) is cut off by one segment. So no two segments meet but at their ends, each crossing is left once and entered
 * once, and what the rings are is decided by labels and orientation, not by geometry that could be rounded wrongly. */
#include "area.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct tracer {
    const struct field *field;
    struct rings *out;
    uint8_t *visited;             /* by vertex: 1 the crossing to its east, 2 the one to its north */
};

/* Corner 0..3 of a cell: south-west, south-east, north-east, north-west. Edge k lies between corners k and k + 1. */
static uint32_t corner(const struct field *field, uint32_t cell, int k)
{
    return cell + (k == 1 || k == 2 ? 1 : 0) + (k >= 2 ? field->columns : 0);
}

static bool is_inside(const struct field *field, uint32_t cell, int k)
{
    return field_is_inside(field, corner(field, cell, k & 3));
}

static struct geo_point vertex_point(const struct field *field, uint32_t vertex)
{
    return (struct geo_point){field->origin.lat_e7 + (int32_t)(vertex / field->columns) * field->step_lat, field->origin.lon_e7 + (int32_t)(vertex % field->columns) * field->step_lon};
}

/* Where the border crosses the edge: by the distances at its ends, but never at one of them. */
static struct geo_point crossing(const struct field *field, uint32_t inside, uint32_t outside)
{
    double near_m = sqrt((double)field->square[inside]), far_m = sqrt((double)field->square[outside]);
    double share = far_m > near_m ? ((double)field->reach_m - near_m) / (far_m - near_m) : 0.5;
    share = share < 0.05 ? 0.05 : share > 0.95 ? 0.95 : share;
    struct geo_point a = vertex_point(field, inside), b = vertex_point(field, outside);
    return (struct geo_point){a.lat_e7 + (int32_t)lround(share * (b.lat_e7 - a.lat_e7)), a.lon_e7 + (int32_t)lround(share * (b.lon_e7 - a.lon_e7))};
}

static uint8_t *visit(struct tracer *tracer, uint32_t cell, int edge, uint8_t *bit)
{
    *bit = edge == 0 || edge == 2 ? 1 : 2;
    return &tracer->visited[corner(tracer->field, cell, edge == 1 ? 1 : edge == 2 ? 3 : 0)];
}

static bool grow(void **array, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity) return true;
    size_t more = *capacity ? *capacity * 2 : 256;
    void *grown = realloc(*array, more * size);
    if (!grown) return false;
    *array = grown;
    *capacity = more;
    return true;
}

static bool point_add(struct rings *out, struct geo_point at)
{
    void *points = out->points;
    bool good = grow(&points, &out->point_capacity, out->point_count, sizeof at);
    out->points = points;
    if (good) out->points[out->point_count++] = at;
    return good;
}

/* Twice the signed area; counter-clockwise is positive. */
static double area_of(const struct geo_point *points, size_t count)
{
    double sum = 0;
    for (size_t i = 1; i + 1 < count; i++) {
        double ax = (double)points[i].lon_e7 - points[0].lon_e7, ay = (double)points[i].lat_e7 - points[0].lat_e7;
        double bx = (double)points[i + 1].lon_e7 - points[0].lon_e7, by = (double)points[i + 1].lat_e7 - points[0].lat_e7;
        sum += ax * by - ay * bx;
    }
    return sum;
}

/* From edge `edge` of the cell, where the inside ends (counter-clockwise), with the inside on the left until the ring closes. */
static bool ring_trace(struct tracer *tracer, uint32_t cell, int edge)
{
    const struct field *field = tracer->field;
    struct rings *out = tracer->out;
    void *rings = out->rings;
    bool good = grow(&rings, &out->ring_capacity, out->ring_count, sizeof *out->rings);
    out->rings = rings;
    if (!good) return false;
    struct ring ring = {.point_first = (uint32_t)out->point_count, .part = field->label[corner(field, cell, edge)]};
    for (;;) {
        uint8_t bit, *seen = visit(tracer, cell, edge, &bit);
        if (*seen & bit) break;
        *seen |= bit;
        if (!point_add(out, crossing(field, corner(field, cell, edge), corner(field, cell, (edge + 1) & 3)))) return false;
        int end = edge;
        while (is_inside(field, cell, end)) end = (end + 3) & 3;
        /* over edge `end` into the next cell, where it is the one opposite */
        cell = end == 0 ? cell - field->columns : end == 1 ? cell + 1 : end == 2 ? cell + field->columns : cell - 1;
        edge = (end + 2) & 3;
    }
    if (!point_add(out, out->points[ring.point_first])) return false;
    ring.point_count = (uint32_t)(out->point_count - ring.point_first);
    ring.is_hole = area_of(out->points + ring.point_first, ring.point_count) < 0;
    out->rings[out->ring_count++] = ring;
    return true;
}

static int ring_compare(const void *a, const void *b)
{
    const struct ring *left = a, *right = b;
    if (left->part != right->part) return left->part < right->part ? -1 : 1;
    if (left->is_hole != right->is_hole) return left->is_hole ? 1 : -1;
    return (left->point_first > right->point_first) - (left->point_first < right->point_first);
}

enum geo_status rings_trace(const struct field *field, struct rings *out)
{
    struct tracer tracer = {.field = field, .out = out, .visited = calloc((size_t)field->columns * field->rows, 1)};
    size_t ring_first = out->ring_count;
    bool good = tracer.visited != NULL;
    for (uint32_t row = 0; good && row + 1 < field->rows; row++) {
        for (uint32_t column = 0; good && column + 1 < field->columns; column++) {
            uint32_t cell = row * field->columns + column;
            for (int edge = 0; good && edge < 4; edge++) {
                uint8_t bit;
                if (is_inside(field, cell, edge) && !is_inside(field, cell, edge + 1) && !(*visit(&tracer, cell, edge, &bit) & bit)) good = ring_trace(&tracer, cell, edge);
            }
        }
    }
    free(tracer.visited);
    if (!good) return GEO_NO_MEMORY;
    if (out->ring_count > ring_first) qsort(out->rings + ring_first, out->ring_count - ring_first, sizeof *out->rings, ring_compare);
    return GEO_OK;
}

void rings_deinit(struct rings *rings)
{
    free(rings->points);
    free(rings->rings);
    *rings = (struct rings){0};
}
