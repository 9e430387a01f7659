/* How one CSV record becomes one row of the catalogue: tables of columns for each kind of file. */
#ifndef MAIN_LOAD_ROW_H
#define MAIN_LOAD_ROW_H

#include "csv.h"
#include "store/store.h"

enum load_type { LOAD_TEXT, LOAD_U32, LOAD_U64, LOAD_I64, LOAD_FLAG, LOAD_DAY, LOAD_LAST_DAY_MS, LOAD_SEX, LOAD_LAT_E7, LOAD_LON_E7, LOAD_SKIP,
                 LOAD_BENEFIT, LOAD_FACILITY_KIND, LOAD_HOURS, LOAD_TESTS, LOAD_SKILL,
                 LOAD_TEXT_OR_NO_COLUMN };

struct load_column {
    const char *name;
    enum load_type type;
    size_t offset;       /* into the row's struct */
    int64_t least, most; /* numbers; texts: longest length in `most` (0: may be any that fits `size`); skills: the skill's number */
    size_t size;         /* texts: of the array */
    bool needed;         /* the cell may not be empty; else an empty cell leaves 0 or "" */
};

/** A row of members: who he is stands beside what he is insured for, and goes elsewhere. */
struct member_loaded {
    struct member_row member;
    struct person person;
};

struct load_kind {
    const char *name;
    size_t row_size;
    const struct load_column *columns;
    uint32_t column_count;
};
/** NULL if there is no such kind. */
const struct load_kind *load_kind_find(const char *name);
const char *load_kind_names(void);

struct load_map {
    int at[CSV_COLUMNS_MAX]; /* the kind's column -> the file's */
};
/** Find every column in the header. INVALID_ARGUMENT: one is missing, or the file has one we do not know. */
must_use enum status load_map_make(const struct load_kind *kind, const struct csv *csv, struct load_map *out, struct error *err);
/** Fill a zeroed row from the current record. `arena` holds what the row borrows. The error names file, line and column, never the value. */
must_use enum status load_row_fill(const struct load_kind *kind, const struct load_map *map, const struct csv *csv, int32_t utc_offset_s,
                                   struct arena *arena, void *row, struct error *err);

#endif
