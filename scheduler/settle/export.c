/* The ledger out of the database as one file, and such a file checked: streams, so that ten million entries need no more memory than ten. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"

enum { BLOCKS_PAGE = 512, LINE_BYTES_MAX = 4096, IO_BYTES = 1 << 20 };

struct writer {
    FILE *file;
    char kind;
    uint64_t rows;
};

static enum status on_row(void *context, const char *line, size_t size, struct error *err)
{
    struct writer *w = context;
    w->rows++;
    bool good = putc(w->kind, w->file) != EOF && putc('\t', w->file) != EOF && fwrite(line, 1, size, w->file) == size && putc('\n', w->file) != EOF;
    return good ? STATUS_OK : error_set(err, STATUS_UNAVAILABLE, "writing the export: %s", strerror(errno));
}

static enum status write_days(struct store *store, struct city_id city, struct writer *w, struct ledger_export_result *out, struct error *err)
{
    struct ledger_block blocks[BLOCKS_PAGE];
    char previous[65], hash[65];
    size_t count = BLOCKS_PAGE;
    int32_t after = 0;
    w->kind = 'E';
    while (count == BLOCKS_PAGE) {
        TRY(store_ledger_blocks(store, city, after, blocks, BLOCKS_PAGE, &count, err));
        for (size_t i = 0; i < count; i++) {
            const struct ledger_block *b = &blocks[i];
            hash_hex(b->previous.byte, sizeof b->previous.byte, previous);
            hash_hex(b->hash.byte, sizeof b->hash.byte, hash);
            fprintf(w->file, "D\t%d\t%" PRIu64 "\t%" PRId64 "\t%s\t%s\n", b->day, b->entry_count, b->amount_fen, previous, hash);
            if (b->entry_count) TRY(store_ledger_export(store, city, b->day, on_row, w, err));
            after = out->through_day = b->day;
            out->head = b->hash;
            out->blocks++;
        }
    }
    return STATUS_OK;
}

static enum status write_all(struct store *store, struct city_id city, struct writer *w, struct ledger_export_result *out, struct error *err)
{
    fprintf(w->file, "H\t" CHAIN_MAGIC "\t%d\t%u\n", CHAIN_VERSION, city.v);
    w->kind = 'A';
    TRY(store_accounts_export(store, city, on_row, w, err));
    w->rows = 0;
    TRY(write_days(store, city, w, out, err));
    out->rows = w->rows;
    fprintf(w->file, "T\t%" PRIu64 "\t%" PRIu64 "\n", out->rows, out->blocks);
    if (fflush(w->file) != 0 || ferror(w->file)) return error_set(err, STATUS_UNAVAILABLE, "writing the export: %s", strerror(errno));
    return STATUS_OK;
}

enum status settle_ledger_export(struct store *store, struct city_id city, const char *path, struct ledger_export_result *out, struct error *err)
{
    *out = (struct ledger_export_result){0};
    struct writer w = {.file = fopen(path, "we")};
    if (!w.file) return error_set(err, STATUS_UNAVAILABLE, "opening %s: %s", path, strerror(errno));
    (void)setvbuf(w.file, NULL, _IOFBF, IO_BYTES);
    enum status rc = write_all(store, city, &w, out, err);
    if (fclose(w.file) != 0 && rc == STATUS_OK) rc = error_set(err, STATUS_UNAVAILABLE, "writing %s: %s", path, strerror(errno));
    return rc;
}

/* ---- checking ---- */

static enum status read_head(struct chain_verify *v, const char *path, struct error *err)
{
    char text[CHAIN_HEAD_MAX];
    FILE *file = fopen(path, "re");
    if (!file) return error_set(err, STATUS_INVALID_ARGUMENT, "opening %s: %s", path, strerror(errno));
    size_t size = fread(text, 1, sizeof text, file);
    fclose(file);
    return chain_verify_against(v, text, size, err);
}

static enum status read_lines(struct chain_verify *v, FILE *file, struct error *err)
{
    char line[LINE_BYTES_MAX];
    while (fgets(line, sizeof line, file)) {
        size_t size = strlen(line); /* a NUL in a line makes it short, and so no known line */
        if (size == 0 || line[size - 1] != '\n') {
            error_set(err, STATUS_DATA_LOSS, "line %" PRIu64 " is too long, cut, or not text", v->line + 1);
            return error_reason(err, "CHAIN_BROKEN");
        }
        TRY(chain_verify_line(v, line, size - 1, err));
    }
    if (ferror(file)) return error_set(err, STATUS_UNAVAILABLE, "reading the export: %s", strerror(errno));
    return chain_verify_end(v, err);
}

enum status settle_ledger_verify_file(const char *path, const char *head_path, struct ledger_export_result *out, struct error *err)
{
    struct chain_verify v;
    *out = (struct ledger_export_result){0};
    chain_verify_init(&v);
    if (head_path) TRY(read_head(&v, head_path, err));
    FILE *file = fopen(path, "re");
    if (!file) return error_set(err, STATUS_INVALID_ARGUMENT, "opening %s: %s", path, strerror(errno));
    (void)setvbuf(file, NULL, _IOFBF, IO_BYTES);
    enum status rc = read_lines(&v, file, err);
    fclose(file);
    chain_verify_deinit(&v);
    *out = (struct ledger_export_result){.rows = v.rows, .blocks = v.blocks, .through_day = v.day, .head = v.previous};
    return rc;
}

enum status settle_head_write(struct store *store, struct city_id city, int32_t day, const char *dir, struct error *err)
{
    struct ledger_block block;
    struct buffer bytes;
    char text[CHAIN_HEAD_MAX], name[64], date[11];
    size_t count = 0;
    TRY(store_ledger_blocks(store, city, day - 1, &block, 1, &count, err));
    claims_day_to_text(day, date);
    if (count == 0 || block.day != day) return error_set(err, STATUS_FAILED_PRECONDITION, "%s is not sealed", date);
    chain_head_text(city.v, &block, text);
    text_format(name, sizeof name, "ledger-head-%u-%.4s%.2s%.2s.txt", city.v, date, date + 5, date + 8);
    buffer_init(&bytes, sizeof text);
    buffer_append(&bytes, text, strlen(text));
    enum status rc = settle_file_write(dir, name, &bytes, err);
    buffer_deinit(&bytes);
    return rc;
}
