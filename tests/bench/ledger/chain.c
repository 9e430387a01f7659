/* The offline verifier on an export of many rows: written here, in the export's format, with hashes of our own making, then checked. */
#include "bench.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "settle/settle.h"

enum { DAYS = 10 };

struct bytes { uint8_t at[400]; size_t size; };

static void put(struct bytes *b, int64_t value, int width)
{
    for (int i = width - 1; i >= 0; i--) b->at[b->size++] = (uint8_t)((uint64_t)value >> (8 * i));
}

static void put_text(struct bytes *b, const char *text)
{
    size_t size = strlen(text);
    put(b, (int64_t)size, 4);
    memcpy(b->at + b->size, text, size);
    b->size += size;
}

/* A row's line without its hash, and the hash. */
static struct sha256 row_make(FILE *file, int64_t entry, int32_t day, int64_t amount_fen)
{
    struct bytes b = {.size = 0};
    char key[40], hex[65];
    int64_t at_ms = day * INT64_C(86400000) + entry % 86400000, claim = 1 + entry / 3, debit = 1 + entry % 5000, credit = 5001 + entry % 2000;
    text_format(key, sizeof key, "post:%" PRId64, claim);
    put(&b, BENCH_CITY, 4);
    put(&b, entry, 8);
    put(&b, day, 4);
    put(&b, at_ms, 8);
    put(&b, 2, 2);
    put(&b, debit, 8);
    put(&b, credit, 8);
    put(&b, amount_fen, 8);
    put_text(&b, "CNY");
    put(&b, claim, 8);
    put(&b, 0, 2);
    put(&b, claim, 8);
    put(&b, 0, 8);
    put_text(&b, "claim");
    put_text(&b, key);
    struct sha256 hash = hash_sha256(b.at, b.size);
    hash_hex(hash.byte, sizeof hash.byte, hex);
    fprintf(file, "E\t%" PRId64 "\t%d\t%" PRId64 "\t2\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\tCNY\t%" PRId64 "\t0\t%" PRId64 "\t0\tclaim\t%s\t%s\n", entry, day, at_ms, debit, credit,
            amount_fen, claim, claim, key, hex);
    return hash;
}

/* A day is written twice: its block stands before its rows, and says their hash. */
static struct sha256 day_write(FILE *file, int32_t day, int64_t from, int64_t count, struct sha256 previous)
{
    struct hash_stream *block = hash_stream_new();
    struct bytes head = {.size = 0};
    char before[65], after[65];
    int64_t sum_fen = 0;
    put(&head, day, 4);
    put(&head, count, 8);
    hash_stream_add(block, previous.byte, sizeof previous.byte);
    hash_stream_add(block, head.at, head.size);
    FILE *nothing = fopen("/dev/null", "we");
    if (!nothing) die("/dev/null");
    for (int64_t i = 0; i < count; i++) {
        struct sha256 row = row_make(nothing, from + i, day, 1 + (from + i) % 9999);
        hash_stream_add(block, row.byte, sizeof row.byte);
        sum_fen += 1 + (from + i) % 9999;
    }
    fclose(nothing);
    struct sha256 hash = hash_stream_finish(block);
    hash_hex(previous.byte, sizeof previous.byte, before);
    hash_hex(hash.byte, sizeof hash.byte, after);
    fprintf(file, "D\t%d\t%" PRId64 "\t%" PRId64 "\t%s\t%s\n", day, count, sum_fen, before, after);
    for (int64_t i = 0; i < count; i++) (void)row_make(file, from + i, day, 1 + (from + i) % 9999);
    return hash;
}

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* SHA-256 of as many rows' bytes and nothing else: no verifier on one core can be faster. */
static double hashing_alone_s(int64_t rows)
{
    uint8_t bytes[150] = {1};
    uint64_t mixed = 0;
    double start_s = cpu_s();
    for (int64_t i = 0; i < rows; i++) {
        memcpy(bytes, &i, sizeof i);
        mixed += hash_sha256(bytes, sizeof bytes).byte[0];
    }
    if (mixed == 0) die("hashes that are all zero");
    return cpu_s() - start_s;
}

void part_chain(const struct bench *bench)
{
    char path[200], figure[80], note[96];
    struct sha256 previous = {{0}};
    struct ledger_export_result result;
    struct error err = {0};
    text_format(path, sizeof path, "%s/chain.tsv", bench->work);
    FILE *file = fopen(path, "we");
    if (!file) die("no file in %s", bench->work);
    fprintf(file, "H\tmeddispatch-ledger\t1\t%d\n", BENCH_CITY);
    for (int32_t d = 0; d < DAYS; d++) {
        int64_t from = bench->rows * d / DAYS, to = bench->rows * (d + 1) / DAYS;
        previous = day_write(file, BENCH_DAY + d, from + 1, to - from, previous);
    }
    fprintf(file, "T\t%" PRId64 "\t%d\n", bench->rows, DAYS);
    int64_t size = ftell(file);
    if (fclose(file) != 0) die("writing %s", path);
    int64_t start_us = clock_boot_us();
    double start_s = cpu_s();
    if (settle_ledger_verify_file(path, NULL, &result, &err) != STATUS_OK) die("%s", err.text);
    double wall_s = seconds_since(start_us), spent_s = cpu_s() - start_s;
    if (result.rows != (uint64_t)bench->rows || memcmp(result.head.byte, previous.byte, sizeof previous.byte) != 0) die("the verifier read something else");
    text_format(figure, sizeof figure, "ledger verify of an export, %" PRId64 " rows", bench->rows);
    text_format(note, sizeof note, ",\"cpu_s\":%.2f,\"file_mb\":%.0f", spent_s, (double)size / 1e6);
    tell(bench, &(struct figure){.name = figure, .unit = "s", .value = wall_s, .baseline = "SHA-256 of the rows alone, one core", .baseline_value = hashing_alone_s(bench->rows),
                                 .note = note});
    (void)unlink(path);
}
