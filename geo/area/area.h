/* What the files of this room share: cover (which part of each road) -> field (how far from it) -> rings. */
#ifndef GEO_AREA_AREA_H
#define GEO_AREA_AREA_H

#include "geo_area/geo_area.h"

/* ---- cover.c: which part of each road is reached ---- */

struct cover {
    const struct geo_graph *graph;
    const struct geo_metric *metric;
    bool towards;
    float *share;                 /* by twin: from its tail (towards: from its head), 0: nothing, 1: all */
    uint32_t *node_ms;            /* at the greatest limit */
    struct geo_snap place;
};
geo_must_use enum geo_status cover_init(struct cover *cover, const struct geo_metric *metric, struct geo_scratch *scratch, const struct geo_snap *place, uint32_t limit_ms, bool towards);
void cover_deinit(struct cover *cover);
void cover_fill(struct cover *cover, uint32_t limit_ms); /* share[] at this limit */

/** Called with each straight piece of road. */
typedef void (*cover_on_piece)(void *context, struct geo_point a, struct geo_point b);
/** Every reached piece (or, `reached` false, every piece that is not). `before`, if not NULL, are shares of a smaller limit: roads where nothing changed are passed over. */
void cover_walk(const struct cover *cover, uint32_t limit_ms, bool reached, const float *before, cover_on_piece on_piece, void *context);

/* ---- field.c: distances from the reached roads on a grid ---- */

struct field {
    struct geo_point origin;      /* of vertex 0: the south-west */
    int32_t step_lat, step_lon;   /* 1e-7 degrees: grid lines are whole coordinates */
    uint32_t columns, rows;       /* vertices */
    double metre_lat, metre_lon;  /* of 1e-7 degrees */
    float reach_m, far_m;         /* inside: at most reach_m; distances beyond far_m are not told apart */
    float *square;                /* by vertex: squared distance in m2 */
    uint32_t *label;              /* by vertex: its part, see field_label */
    uint32_t *stack;
    uint8_t *marked;              /* by vertex: a road that is not reached lies there */
    uint32_t part_count;
};
/** Lay a grid round the box; reach_m grows if the grid must be so coarse. */
geo_must_use enum geo_status field_init(struct field *field, struct geo_point south_west, struct geo_point north_east, double reach_m, double coarser);
void field_deinit(struct field *field);
void field_add(void *field, struct geo_point a, struct geo_point b);  /* a cover_on_piece */
void field_mark(void *field, struct geo_point a, struct geo_point b); /* a cover_on_piece */
static inline bool field_is_inside(const struct field *field, uint32_t vertex) { return field->square[vertex] <= field->reach_m * field->reach_m; }
/** Number the parts: inside vertices hang together along grid lines, outside ones across corners too. Label 0 is what surrounds everything. */
void field_label(struct field *field);
/** Enclosed outside parts of at most hole_m2 without a mark become inside; labels are stale then. Returns how many. */
uint32_t field_fill_holes(struct field *field, double hole_m2, uint8_t *open, uint32_t *size);

/* ---- rings.c: the border of the inside ---- */

struct rings {
    struct geo_point *points;
    struct ring { uint32_t point_first, point_count, part; bool is_hole; } *rings;
    size_t point_count, point_capacity, ring_count, ring_capacity;
};
/** Append the border's rings, sorted by part, each part's outer ring first. */
geo_must_use enum geo_status rings_trace(const struct field *field, struct rings *out);
void rings_deinit(struct rings *rings);

#endif
