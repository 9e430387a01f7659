/* How far each vertex of a grid is from the nearest reached road, and how the grid falls into parts. Distances are planar with the scale of the
 * middle latitude: over a city they err by less than a hundredth, and whether a reached point is inside does not depend on it. */
#include "area.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define VERTICES_MAX 4000000.0
enum { PIECE_CELLS = 16 };    /* longer pieces are cut: the box around a slanting one would be mostly far away */
static const double PI = 3.14159265358979323846;
static const double METRE_PER_E7 = 6371008.8 * 3.14159265358979323846 / 180e7;

enum geo_status field_init(struct field *field, struct geo_point south_west, struct geo_point north_east, double reach_m, double coarser)
{
    double middle = ((double)south_west.lat_e7 + north_east.lat_e7) / 2 * (PI / 180e7), scale = cos(middle);
    *field = (struct field){.metre_lat = METRE_PER_E7, .metre_lon = METRE_PER_E7 * (scale > 0.02 ? scale : 0.02)};
    double high_m = ((double)north_east.lat_e7 - south_west.lat_e7) * field->metre_lat, wide_m = ((double)north_east.lon_e7 - south_west.lon_e7) * field->metre_lon;
    double cell_m = reach_m / 3 * coarser;
    /* each side gets room for the reach and a vertex that is outside; a cell must fit into the reach with its diagonal */
    for (;; cell_m *= 1.1) {
        if (reach_m < cell_m * 1.5) reach_m = cell_m * 1.5;
        double margin_m = reach_m + 2 * cell_m;
        if (((wide_m + 2 * margin_m) / cell_m + 2) * ((high_m + 2 * margin_m) / cell_m + 2) <= VERTICES_MAX) break;
    }
    double margin_m = reach_m + 2 * cell_m;
    field->step_lat = (int32_t)(cell_m / field->metre_lat) + 1;
    field->step_lon = (int32_t)(cell_m / field->metre_lon) + 1;
    field->reach_m = (float)(reach_m * 1.01);
    field->far_m = (float)(reach_m * 1.01 + cell_m * 1.5);
    field->origin = (struct geo_point){south_west.lat_e7 - (int32_t)(margin_m / field->metre_lat), south_west.lon_e7 - (int32_t)(margin_m / field->metre_lon)};
    field->columns = (uint32_t)((wide_m + 2 * margin_m) / (field->step_lon * field->metre_lon)) + 2;
    field->rows = (uint32_t)((high_m + 2 * margin_m) / (field->step_lat * field->metre_lat)) + 2;
    size_t count = (size_t)field->columns * field->rows;
    field->square = malloc(count * sizeof *field->square);
    field->label = malloc(count * sizeof *field->label);
    field->stack = malloc(count * sizeof *field->stack);
    field->marked = calloc(count, 1);
    if (!field->square || !field->label || !field->stack || !field->marked) return GEO_NO_MEMORY;
    for (size_t i = 0; i < count; i++) field->square[i] = field->far_m * field->far_m;
    return GEO_OK;
}

void field_deinit(struct field *field)
{
    free(field->square);
    free(field->label);
    free(field->stack);
    free(field->marked);
    *field = (struct field){0};
}

/* ---- roads onto the grid ---- */

/* Metres from vertex 0. */
struct place {
    double x, y;
};

static struct place place_of(const struct field *field, struct geo_point at)
{
    return (struct place){((double)at.lon_e7 - field->origin.lon_e7) * field->metre_lon, ((double)at.lat_e7 - field->origin.lat_e7) * field->metre_lat};
}

static uint32_t clamp(double at, uint32_t count)
{
    return at <= 0 ? 0 : at >= count - 1 ? count - 1 : (uint32_t)at;
}

/* A short piece: the vertices in the box around it. */
static void piece_add(struct field *field, struct place a, struct place b)
{
    double cell_x = field->step_lon * field->metre_lon, cell_y = field->step_lat * field->metre_lat, far_m = (double)field->far_m;
    double dx = b.x - a.x, dy = b.y - a.y, length2 = dx * dx + dy * dy;
    uint32_t west = clamp((fmin(a.x, b.x) - far_m) / cell_x, field->columns), east = clamp((fmax(a.x, b.x) + far_m) / cell_x + 1, field->columns);
    uint32_t south = clamp((fmin(a.y, b.y) - far_m) / cell_y, field->rows), north = clamp((fmax(a.y, b.y) + far_m) / cell_y + 1, field->rows);
    for (uint32_t row = south; row <= north; row++) {
        double y = row * cell_y - a.y;
        float *square = field->square + (size_t)row * field->columns;
        for (uint32_t column = west; column <= east; column++) {
            double x = column * cell_x - a.x, along = length2 > 0 ? (x * dx + y * dy) / length2 : 0;
            along = along < 0 ? 0 : along > 1 ? 1 : along;
            double off_x = x - along * dx, off_y = y - along * dy;
            float distance2 = (float)(off_x * off_x + off_y * off_y);
            if (distance2 < square[column]) square[column] = distance2;
        }
    }
}

static bool is_near(const struct field *field, struct place a, struct place b)
{
    double wide_m = field->columns * (field->step_lon * field->metre_lon), high_m = field->rows * (field->step_lat * field->metre_lat);
    return fmin(a.x, b.x) <= wide_m && fmax(a.x, b.x) >= 0 && fmin(a.y, b.y) <= high_m && fmax(a.y, b.y) >= 0;
}

static struct place share_of(struct place a, struct place b, double share)
{
    return (struct place){a.x + share * (b.x - a.x), a.y + share * (b.y - a.y)};
}

void field_add(void *context, struct geo_point from, struct geo_point to)
{
    struct field *field = context;
    struct place a = place_of(field, from), b = place_of(field, to);
    double piece_m = PIECE_CELLS * field->step_lat * field->metre_lat;
    uint32_t count = (uint32_t)(hypot(b.x - a.x, b.y - a.y) / piece_m) + 1;
    for (uint32_t i = 0; i < count; i++) {
        struct place p = share_of(a, b, (double)i / count), q = share_of(a, b, (double)(i + 1) / count);
        if (is_near(field, p, q)) piece_add(field, p, q);
    }
}

/* Every half cell a dot on the nearest vertex. */
void field_mark(void *context, struct geo_point from, struct geo_point to)
{
    struct field *field = context;
    struct place a = place_of(field, from), b = place_of(field, to);
    if (!is_near(field, a, b)) return;
    double cell_x = field->step_lon * field->metre_lon, cell_y = field->step_lat * field->metre_lat;
    uint32_t count = (uint32_t)(2 * hypot(b.x - a.x, b.y - a.y) / cell_y) + 1;
    for (uint32_t i = 0; i <= count; i++) {
        struct place at = share_of(a, b, (double)i / count);
        if (!is_near(field, at, at)) continue;
        field->marked[(size_t)clamp(at.y / cell_y + 0.5, field->rows) * field->columns + clamp(at.x / cell_x + 0.5, field->columns)] = 1;
    }
}

/* ---- parts ---- */

/* All vertices of one side that hang together with `start`. */
static void flood(struct field *field, uint32_t start, uint32_t label, bool inside)
{
    uint32_t count = 0;
    field->label[start] = label;
    field->stack[count++] = start;
    while (count > 0) {
        uint32_t at = field->stack[--count], row = at / field->columns, column = at % field->columns;
        for (int dy = -1; dy <= 1; dy++) {
            for (int dx = -1; dx <= 1; dx++) {
                if ((dx == 0 && dy == 0) || (inside && dx != 0 && dy != 0)) continue;
                if ((row == 0 && dy < 0) || (row + 1 == field->rows && dy > 0) || (column == 0 && dx < 0) || (column + 1 == field->columns && dx > 0)) continue;
                uint32_t next = (uint32_t)((int64_t)at + (int64_t)dy * field->columns + dx);
                if (field->label[next] != GEO_NONE || field_is_inside(field, next) != inside) continue;
                field->label[next] = label;
                field->stack[count++] = next;
            }
        }
    }
}

void field_label(struct field *field)
{
    uint32_t count = field->columns * field->rows;
    for (uint32_t i = 0; i < count; i++) field->label[i] = GEO_NONE;
    field->part_count = 0;
    flood(field, 0, field->part_count++, false); /* the margin is outside everywhere */
    for (uint32_t i = 0; i < count; i++)
        if (field->label[i] == GEO_NONE) flood(field, i, field->part_count++, field_is_inside(field, i));
}

uint32_t field_fill_holes(struct field *field, double hole_m2, uint8_t *open, uint32_t *size)
{
    uint32_t count = field->columns * field->rows, filled = 0;
    double cell_m2 = field->step_lon * field->metre_lon * field->step_lat * field->metre_lat;
    memset(open, 0, field->part_count);
    memset(size, 0, field->part_count * sizeof *size);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t part = field->label[i];
        size[part]++;
        if (field->marked[i] || field_is_inside(field, i)) open[part] = 1;
    }
    open[0] = 1;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t part = field->label[i];
        if (open[part] || size[part] * cell_m2 > hole_m2) continue;
        field->square[i] = field->reach_m * field->reach_m / 4;
        filled++;
    }
    return filled;
}
