/* Reads comma-separated files as RFC 4180 has them, record by record, bounded. It knows nothing of what the columns mean. */
#ifndef MAIN_CSV_H
#define MAIN_CSV_H

#include <stdio.h>

#include "base/base.h"

enum {
    CSV_RECORD_MAX = 65536, /* bytes of one record: a laboratory's list of tests is the longest we know, 10 kB */
    CSV_COLUMNS_MAX = 64,
};

struct csv {
    FILE *file;
    const char *path;              /* borrowed */
    uint64_t line;                 /* of the file, where the current record begins; 1-based */
    uint64_t next_line;
    uint32_t column_count;         /* of the header: every record must have as many */
    uint32_t field_count;
    const char *fields[CSV_COLUMNS_MAX]; /* terminated, in `data`; valid until the next csv_next */
    char names[CSV_COLUMNS_MAX][48];
    char data[CSV_RECORD_MAX];
};

/** Open and read the header line. `csv` is large: not for the stack. NOT_FOUND, or INVALID_ARGUMENT naming file and line. */
must_use enum status csv_open(const char *path, struct csv *csv, struct error *err);
/** The same on a file already open, which csv_close closes; `path` is how errors name it. */
must_use enum status csv_begin(FILE *file, const char *path, struct csv *csv, struct error *err);
void csv_close(struct csv *csv);
/** The next record into csv->fields; *end at the end of the file. INVALID_ARGUMENT: a quote out of place or never closed, a record too long, a
 *  number of fields other than the header's, bytes that are not UTF-8 or NUL. Empty lines are passed over. */
must_use enum status csv_next(struct csv *csv, bool *end, struct error *err);
/** Where a column is; -1 if the header has none. */
int csv_column(const struct csv *csv, const char *name);

#endif
