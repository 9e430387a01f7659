/* Contours one after the other on one grid, and what was traced as polygons. */
#include "area.h"

#include <stdlib.h>
#include <string.h>

enum { SPAN_LAT_MAX = 300000000, SPAN_LON_MAX = 600000000, LAT_MAX = 850000000, COARSER_TRIES = 24 };

struct geo_area_options geo_area_options_default(void)
{
    return (struct geo_area_options){.reach_m = 75, .hole_m2 = 250000};
}

struct box {
    struct geo_point south_west, north_east;
    bool any;
};

static void box_point(struct box *box, struct geo_point at)
{
    if (!box->any) *box = (struct box){at, at, true};
    if (at.lat_e7 < box->south_west.lat_e7) box->south_west.lat_e7 = at.lat_e7;
    if (at.lon_e7 < box->south_west.lon_e7) box->south_west.lon_e7 = at.lon_e7;
    if (at.lat_e7 > box->north_east.lat_e7) box->north_east.lat_e7 = at.lat_e7;
    if (at.lon_e7 > box->north_east.lon_e7) box->north_east.lon_e7 = at.lon_e7;
}

static void box_add(void *context, struct geo_point a, struct geo_point b)
{
    box_point(context, a);
    box_point(context, b);
}

static bool is_drawable(const struct box *box)
{
    int64_t lat = (int64_t)box->north_east.lat_e7 - box->south_west.lat_e7, lon = (int64_t)box->north_east.lon_e7 - box->south_west.lon_e7;
    return box->any && lat <= SPAN_LAT_MAX && lon <= SPAN_LON_MAX && box->south_west.lat_e7 >= -LAT_MAX && box->north_east.lat_e7 <= LAT_MAX;
}

/* ---- one contour ---- */

static enum geo_status holes_fill(struct cover *cover, struct field *field, uint32_t limit_ms, uint32_t hole_m2)
{
    field_label(field);
    if (hole_m2 == 0) return GEO_OK;
    uint8_t *open = malloc(field->part_count);
    uint32_t *size = malloc(field->part_count * sizeof *size);
    enum geo_status rc = open && size ? GEO_OK : GEO_NO_MEMORY;
    if (rc == GEO_OK) {
        memset(field->marked, 0, (size_t)field->columns * field->rows);
        if (hole_m2 != UINT32_MAX) cover_walk(cover, limit_ms, false, NULL, field_mark, field);
        if (field_fill_holes(field, hole_m2 == UINT32_MAX ? 1e30 : hole_m2, open, size) > 0) field_label(field);
    }
    free(open);
    free(size);
    return rc;
}

/* Where a contour's rings begin among all. */
struct sheaf {
    struct rings rings;
    size_t ring_first[GEO_AREA_CONTOURS_MAX + 1];
    double reach_m, cell_m;
};

static enum geo_status contours_trace(struct cover *cover, const uint32_t *limits_ms, uint32_t count, const struct geo_area_options *options, const struct box *box, double coarser,
                                      struct sheaf *out)
{
    struct field field;
    float *before = malloc((size_t)cover->graph->arc_count * sizeof *before);
    enum geo_status rc = field_init(&field, box->south_west, box->north_east, options->reach_m, coarser);
    if (!before) rc = GEO_NO_MEMORY;
    for (uint32_t i = 0; rc == GEO_OK && i < count; i++) {
        cover_fill(cover, limits_ms[i]);
        cover_walk(cover, limits_ms[i], true, i ? before : NULL, field_add, &field);
        memcpy(before, cover->share, (size_t)cover->graph->arc_count * sizeof *before);
        rc = holes_fill(cover, &field, limits_ms[i], options->hole_m2);
        out->ring_first[i] = out->rings.ring_count;
        if (rc == GEO_OK) rc = rings_trace(&field, &out->rings);
        if (rc == GEO_OK && out->rings.point_count > UINT32_MAX / 2) rc = GEO_LIMIT;
    }
    out->ring_first[count] = out->rings.ring_count;
    double cell_lat = field.step_lat * field.metre_lat, cell_lon = field.step_lon * field.metre_lon;
    out->reach_m = (double)field.reach_m;
    out->cell_m = cell_lat > cell_lon ? cell_lat : cell_lon;
    field_deinit(&field);
    free(before);
    return rc;
}

/* ---- as the caller gets it ---- */

static enum geo_status areas_fill(const struct sheaf *sheaf, const uint32_t *limits_ms, uint32_t count, struct geo_areas *out)
{
    const struct rings *rings = &sheaf->rings;
    out->contours = calloc(count, sizeof *out->contours);
    out->polygons = calloc(rings->ring_count + 1, sizeof *out->polygons);
    out->rings = calloc(rings->ring_count + 1, sizeof *out->rings);
    out->points = calloc(rings->point_count + 1, sizeof *out->points);
    if (!out->contours || !out->polygons || !out->rings || !out->points) return GEO_NO_MEMORY;
    if (rings->point_count) memcpy(out->points, rings->points, rings->point_count * sizeof *out->points);
    out->contour_count = count;
    out->ring_count = (uint32_t)rings->ring_count;
    out->point_count = (uint32_t)rings->point_count;
    for (uint32_t i = 0; i < count; i++) {
        out->contours[i] = (struct geo_contour){limits_ms[i], out->polygon_count, 0};
        for (size_t r = sheaf->ring_first[i]; r < sheaf->ring_first[i + 1]; r++) {
            const struct ring *ring = &rings->rings[r];
            out->rings[r] = (struct geo_ring){ring->point_first, ring->point_count};
            if (!ring->is_hole) out->polygons[out->polygon_count++] = (struct geo_polygon){(uint32_t)r, 0};
            out->polygons[out->polygon_count - 1].ring_count++;
        }
        out->contours[i].polygon_count = out->polygon_count - out->contours[i].polygon_first;
    }
    out->reach_m = (uint32_t)(sheaf->reach_m + 1);
    out->tolerance_m = (uint32_t)(sheaf->reach_m * 1.02 + sheaf->cell_m * 1.5 + 1);
    return GEO_OK;
}

static enum geo_status limits_check(const uint32_t *limits_ms, uint32_t count, const struct geo_area_options *options, struct geo_error *error)
{
    if (count < 1 || count > GEO_AREA_CONTOURS_MAX) return geo_error_set(error, GEO_INVALID, "1 to %d contours can be asked for, not %u", GEO_AREA_CONTOURS_MAX, count);
    for (uint32_t i = 1; i < count; i++)
        if (limits_ms[i] <= limits_ms[i - 1]) return geo_error_set(error, GEO_INVALID, "the contours' times must ascend");
    if (limits_ms[count - 1] >= GEO_FINITE_MAX) return geo_error_set(error, GEO_INVALID, "a contour's time is more than 12 days");
    if (options->reach_m < GEO_AREA_REACH_MIN_M || options->reach_m > GEO_AREA_REACH_MAX_M)
        return geo_error_set(error, GEO_INVALID, "the reach beside a road is %d to %d m", GEO_AREA_REACH_MIN_M, GEO_AREA_REACH_MAX_M);
    if (options->points_max && options->points_max < GEO_AREA_POINTS_MIN) return geo_error_set(error, GEO_INVALID, "fewer than %d points make no area", GEO_AREA_POINTS_MIN);
    return GEO_OK;
}

static enum geo_status areas_make(struct cover *cover, const uint32_t *limits_ms, uint32_t count, const struct geo_area_options *options, struct geo_areas *out, struct geo_error *error)
{
    struct box box = {.any = false};
    struct sheaf sheaf = {.reach_m = 0};
    double coarser = 1;
    cover_fill(cover, limits_ms[count - 1]);
    cover_walk(cover, limits_ms[count - 1], true, NULL, box_add, &box);
    if (!is_drawable(&box)) return geo_error_set(error, GEO_LIMIT, "the area is larger than can be drawn");
    enum geo_status rc = GEO_OK;
    for (int tries = 0;; tries++, coarser *= 1.4) {
        rings_deinit(&sheaf.rings);
        rc = contours_trace(cover, limits_ms, count, options, &box, coarser, &sheaf);
        if (rc != GEO_OK || options->points_max == 0 || sheaf.rings.point_count <= options->points_max) break;
        if (tries == COARSER_TRIES) rc = geo_error_set(error, GEO_LIMIT, "the area needs more than %u points", options->points_max);
        if (rc != GEO_OK) break;
    }
    if (rc == GEO_OK) rc = areas_fill(&sheaf, limits_ms, count, out);
    rings_deinit(&sheaf.rings);
    return rc;
}

enum geo_status geo_areas_find(const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *place, const uint32_t *limits_ms, uint32_t limit_count,
                               const struct geo_area_options *options, struct geo_areas *out, struct geo_error *error)
{
    struct geo_area_options asked = options ? *options : geo_area_options_default();
    struct cover cover;
    memset(out, 0, sizeof *out);
    if (asked.reach_m == 0) asked.reach_m = geo_area_options_default().reach_m;
    enum geo_status rc = limits_check(limits_ms, limit_count, &asked, error);
    if (rc != GEO_OK) return rc;
    rc = cover_init(&cover, metric, scratch, place, limits_ms[limit_count - 1], asked.towards);
    if (rc == GEO_INVALID) (void)geo_error_set(error, rc, "the place is of another map");
    if (rc == GEO_OK) rc = areas_make(&cover, limits_ms, limit_count, &asked, out, error);
    if (rc == GEO_NO_MEMORY) (void)geo_error_set(error, rc, "no memory for the area");
    if (rc != GEO_OK) geo_areas_free(out);
    cover_deinit(&cover);
    return rc;
}

void geo_areas_free(struct geo_areas *areas)
{
    free(areas->contours);
    free(areas->polygons);
    free(areas->rings);
    free(areas->points);
    memset(areas, 0, sizeof *areas);
}
