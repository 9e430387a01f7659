/* RFC 4180, one state a character. A byte-order mark before the header is passed over; lines end in LF or CR LF. */
#include "csv.h"

#include <errno.h>
#include <string.h>

static enum status csv_bad(const struct csv *csv, struct error *err, const char *what)
{
    return error_set(err, STATUS_INVALID_ARGUMENT, "%s:%llu: %s", csv->path, (unsigned long long)csv->next_line, what);
}

enum csv_at { AT_FIELD_START, AT_PLAIN, AT_QUOTED, AT_QUOTE_SEEN };

struct csv_parse {
    enum csv_at at;
    size_t size;
    bool any; /* the record has at least one character: it is no empty line */
};

static bool field_end(struct csv *csv, struct csv_parse *p, size_t *start)
{
    if (csv->field_count == CSV_COLUMNS_MAX || p->size == CSV_RECORD_MAX) return false;
    csv->data[p->size++] = '\0';
    csv->fields[csv->field_count++] = csv->data + *start;
    *start = p->size;
    p->at = AT_FIELD_START;
    return true;
}

/* What a character does where we are: 0 goes on, 1 ends a field, 2 ends the record, -1 is out of place. */
static int step(struct csv *csv, struct csv_parse *p, int c)
{
    bool quoted = p->at == AT_QUOTED;
    if (c == '"' && p->at == AT_FIELD_START) return p->at = AT_QUOTED, 0;
    if (c == '"' && quoted) return p->at = AT_QUOTE_SEEN, 0;
    if (c == '"' && p->at == AT_QUOTE_SEEN) { /* a doubled quote is one */
        p->at = AT_QUOTED;
    } else if (!quoted && c == ',') {
        return 1;
    } else if (!quoted && c == '\n') {
        return 2;
    } else if (c == '"' || p->at == AT_QUOTE_SEEN) {
        return -1;
    } else if (!quoted) {
        p->at = AT_PLAIN;
    }
    if (c == '\n') csv->next_line++; /* within quotes */
    if (p->size >= CSV_RECORD_MAX) return -1;
    csv->data[p->size++] = (char)c;
    return 0;
}

static enum status record_check(struct csv *csv, struct error *err)
{
    for (uint32_t i = 0; i < csv->field_count; i++)
        if (!text_is_utf8(csv->fields[i], strlen(csv->fields[i]))) return csv_bad(csv, err, "the text is not UTF-8");
    return STATUS_OK;
}

/* One record, or none at the end of the file. */
static enum status record_read(struct csv *csv, bool *end, struct error *err)
{
    struct csv_parse p = {0};
    size_t start = 0;
    csv->field_count = 0;
    csv->line = csv->next_line;
    *end = false;
    for (;;) {
        int c = getc(csv->file);
        if (c == '\0') return csv_bad(csv, err, "a NUL byte");
        if (c == '\r' && p.at != AT_QUOTED) {
            c = getc(csv->file);
            if (c != '\n') return csv_bad(csv, err, "a carriage return that ends no line");
        }
        if (c == EOF && ferror(csv->file)) return error_set(err, STATUS_INVALID_ARGUMENT, "%s: %s", csv->path, strerror(errno));
        if (c == EOF && p.at == AT_QUOTED) return csv_bad(csv, err, "a quote is opened and never closed");
        if (c == EOF && !p.any) {
            *end = true;
            return STATUS_OK;
        }
        p.any |= c != '\n';
        int did = step(csv, &p, c == EOF ? '\n' : c);
        if (did < 0) return csv_bad(csv, err, p.size >= CSV_RECORD_MAX ? "the record is longer than 65536 bytes" : "a quote out of place");
        if (did == 0) continue;
        if (did == 2 && !p.any) { /* an empty line */
            csv->line = ++csv->next_line;
            continue;
        }
        if (!field_end(csv, &p, &start)) return csv_bad(csv, err, "more than 64 columns, or the record is too long");
        if (did == 1) continue;
        enum status rc = record_check(csv, err);
        csv->next_line++;
        return rc;
    }
}

static enum status header_read(struct csv *csv, struct error *err)
{
    bool end;
    TRY(record_read(csv, &end, err));
    if (end) return csv_bad(csv, err, "the file is empty; a header line with column names is expected");
    csv->column_count = csv->field_count;
    for (uint32_t i = 0; i < csv->column_count; i++) {
        const char *name = csv->fields[i];
        if (i == 0 && strncmp(name, "\xEF\xBB\xBF", 3) == 0) name += 3;
        if (!text_copy(csv->names[i], sizeof csv->names[i], name)) return csv_bad(csv, err, "a column name is longer than 47 bytes");
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(csv->names[i], csv->names[j]) == 0) return csv_bad(csv, err, "a column name appears twice");
    }
    return STATUS_OK;
}

enum status csv_begin(FILE *file, const char *path, struct csv *csv, struct error *err)
{
    csv->path = path;
    csv->line = csv->next_line = 1;
    csv->column_count = csv->field_count = 0;
    csv->file = file;
    enum status rc = header_read(csv, err);
    if (rc != STATUS_OK) csv_close(csv);
    return rc;
}

enum status csv_open(const char *path, struct csv *csv, struct error *err)
{
    csv->file = NULL;
    FILE *file = fopen(path, "rb");
    if (!file) return error_set(err, STATUS_NOT_FOUND, "%s: %s", path, strerror(errno));
    return csv_begin(file, path, csv, err);
}

void csv_close(struct csv *csv)
{
    if (csv->file) fclose(csv->file);
    csv->file = NULL;
}

enum status csv_next(struct csv *csv, bool *end, struct error *err)
{
    TRY(record_read(csv, end, err));
    if (*end || csv->field_count == csv->column_count) return STATUS_OK;
    return error_set(err, STATUS_INVALID_ARGUMENT, "%s:%llu: %u fields where the header has %u", csv->path, (unsigned long long)csv->line,
                     csv->field_count, csv->column_count);
}

int csv_column(const struct csv *csv, const char *name)
{
    for (uint32_t i = 0; i < csv->column_count; i++)
        if (strcmp(csv->names[i], name) == 0) return (int)i;
    return -1;
}
