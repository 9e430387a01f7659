/* The hash chain of the ledger, checked from an export alone: no database, no trust in whoever made the file. The row's canonical bytes are those of
 * ledger_row_hash() in deploy/migrations/0002_money.sql, written here a second time; a test holds the two together. */
#include <inttypes.h>
#include <string.h>

#include "chain.h"

void chain_verify_init(struct chain_verify *v)
{
    *v = (struct chain_verify){0};
}

void chain_verify_deinit(struct chain_verify *v)
{
    if (v->block) (void)hash_stream_finish(v->block);
    v->block = NULL;
}

static enum status broken(struct chain_verify *v, const char *what, struct error *err)
{
    char day[11] = "-";
    if (v->day) claims_day_to_text(v->day, day);
    error_set(err, STATUS_DATA_LOSS, "line %" PRIu64 ", day %s, after entry %" PRIu64 ": %s", v->line, day, v->last_entry, what);
    error_reason(err, "CHAIN_BROKEN");
    return STATUS_DATA_LOSS;
}

/* ---- fields ---- */

struct field {
    const char *text;
    size_t size;
};

static bool split(const char *line, size_t size, struct field *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const char *tab = memchr(line, '\t', size);
        if ((tab != NULL) != (i + 1 < count)) return false;
        out[i] = (struct field){line, tab ? (size_t)(tab - line) : size};
        if (tab) {
            size -= out[i].size + 1;
            line = tab + 1;
        }
    }
    return true;
}

/* Canonical decimal only, so that two texts never mean one number. */
static bool number(struct field f, int64_t *out)
{
    uint64_t value = 0;
    bool minus = f.size > 0 && f.text[0] == '-';
    size_t at = minus;
    if (f.size == at || f.size - at > 19) return false;
    if (f.text[at] == '0' && (f.size - at > 1 || minus)) return false;
    for (; at < f.size; at++) {
        if (f.text[at] < '0' || f.text[at] > '9') return false;
        value = value * 10 + (uint64_t)(f.text[at] - '0');
    }
    if (value > (uint64_t)INT64_MAX + minus) return false;
    *out = minus ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

static bool hex(struct field f, struct sha256 *out)
{
    if (f.size != 2 * sizeof out->byte) return false;
    for (size_t i = 0; i < f.size; i++) {
        char c = f.text[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) return false;
        out->byte[i / 2] = (uint8_t)(i % 2 ? out->byte[i / 2] | digit : digit << 4);
    }
    return true;
}

/* ---- canonical bytes: big-endian, texts length-prefixed ---- */

struct canon {
    uint8_t bytes[640]; /* 50 of numbers, three texts of at most 4 + 160 */
    size_t size;
};

static void put(struct canon *c, int64_t value, uint32_t width)
{
    for (uint32_t i = 0; i < width; i++) c->bytes[c->size++] = (uint8_t)((uint64_t)value >> (8 * (width - 1 - i)));
}

/* COPY doubles a backslash; no other escape can be in a key, for keys are printable ASCII. */
static bool put_text(struct canon *c, struct field f)
{
    size_t length_at = c->size, length = 0;
    c->size += 4;
    for (size_t i = 0; i < f.size; i++, length++) {
        if (length == CHAIN_TEXT_MAX) return false;
        if (f.text[i] == '\\' && (++i == f.size || f.text[i] != '\\')) return false;
        c->bytes[c->size++] = (uint8_t)f.text[i];
    }
    size_t end = c->size;
    c->size = length_at;
    put(c, (int64_t)length, 4);
    c->size = end;
    return true;
}

enum { ROW_FIELDS = 15, AT_ENTRY = 0, AT_DAY, AT_MS, AT_KIND, AT_DEBIT, AT_CREDIT, AT_AMOUNT, AT_CURRENCY, AT_CLAIM, AT_LINE, AT_ORDER, AT_REVERSES, AT_SOURCE, AT_KEY, AT_HASH };

/* The row's numbers and the hash that its bytes give. */
static bool row_read(uint32_t city, const char *line, size_t size, int64_t n[ROW_FIELDS], struct sha256 *computed, struct sha256 *told)
{
    struct field f[ROW_FIELDS];
    struct canon c = {.size = 0};
    if (!split(line, size, f, ROW_FIELDS) || !hex(f[AT_HASH], told)) return false;
    for (uint32_t i = AT_ENTRY; i <= AT_REVERSES; i++)
        if (i != AT_CURRENCY && !number(f[i], &n[i])) return false;
    if (n[AT_DAY] < INT32_MIN || n[AT_DAY] > INT32_MAX || n[AT_KIND] < 0 || n[AT_KIND] > INT16_MAX || n[AT_LINE] < 0 || n[AT_LINE] > INT16_MAX) return false;
    put(&c, city, 4);
    put(&c, n[AT_ENTRY], 8);
    put(&c, n[AT_DAY], 4);
    put(&c, n[AT_MS], 8);
    put(&c, n[AT_KIND], 2);
    put(&c, n[AT_DEBIT], 8);
    put(&c, n[AT_CREDIT], 8);
    put(&c, n[AT_AMOUNT], 8);
    if (!put_text(&c, f[AT_CURRENCY])) return false;
    put(&c, n[AT_CLAIM], 8);
    put(&c, n[AT_LINE], 2);
    put(&c, n[AT_ORDER], 8);
    put(&c, n[AT_REVERSES], 8);
    if (!put_text(&c, f[AT_SOURCE]) || !put_text(&c, f[AT_KEY])) return false;
    *computed = hash_sha256(c.bytes, c.size);
    return true;
}

static bool same(const struct sha256 *a, const struct sha256 *b)
{
    return memcmp(a->byte, b->byte, sizeof a->byte) == 0;
}

/* ---- lines ---- */

static enum status end_block(struct chain_verify *v, struct error *err)
{
    if (!v->block) return STATUS_OK;
    struct sha256 computed = hash_stream_finish(v->block);
    v->block = NULL;
    if (v->block_rows != v->told_rows) return broken(v, "the day has not as many entries as its block says", err);
    if (v->block_fen != v->told_fen) return broken(v, "the day's entries do not sum to what its block says", err);
    if (!same(&computed, &v->told_hash)) return broken(v, "the day's entries do not give its block's hash", err);
    v->previous = v->told_hash;
    v->blocks++;
    if (v->head_set && v->day == v->head_day) {
        v->head_seen = true;
        if (!same(&v->previous, &v->head)) return broken(v, "the chain's hash on the head's day is not the head", err);
    }
    return STATUS_OK;
}

static enum status on_header(struct chain_verify *v, const char *line, size_t size, struct error *err)
{
    struct field f[3];
    int64_t version, city;
    bool good = v->line == 1 && split(line, size, f, 3) && f[0].size == strlen(CHAIN_MAGIC) && memcmp(f[0].text, CHAIN_MAGIC, f[0].size) == 0 &&
                number(f[1], &version) && version == CHAIN_VERSION && number(f[2], &city) && city > 0 && city <= INT32_MAX;
    if (!good) return broken(v, "not the head of a ledger export that is known here", err);
    v->city = (uint32_t)city;
    if (v->head_set && v->head_city != v->city) return broken(v, "the head is another city's", err);
    return STATUS_OK;
}

static enum status on_block(struct chain_verify *v, const char *line, size_t size, struct error *err)
{
    struct field f[5];
    struct sha256 previous;
    int64_t day, rows, fen;
    TRY(end_block(v, err));
    if (!split(line, size, f, 5) || !number(f[0], &day) || !number(f[1], &rows) || !number(f[2], &fen) || !hex(f[3], &previous) || !hex(f[4], &v->told_hash))
        return broken(v, "a block that cannot be read", err);
    if (day < 1 || day > INT32_MAX || rows < 0) return broken(v, "a block that cannot be", err);
    if (v->blocks && day != (int64_t)v->day + 1) return broken(v, "a day is missing, twice or out of turn", err);
    if (!same(&previous, &v->previous)) return broken(v, "a block does not follow on the one before it", err);
    v->day = (int32_t)day;
    v->told_rows = (uint64_t)rows;
    v->told_fen = fen;
    v->block_rows = 0;
    v->block_fen = 0;
    v->last_entry = 0;
    struct canon c = {.size = 0};
    put(&c, day, 4);
    put(&c, rows, 8);
    v->block = hash_stream_new();
    hash_stream_add(v->block, v->previous.byte, sizeof v->previous.byte);
    hash_stream_add(v->block, c.bytes, c.size);
    return STATUS_OK;
}

static enum status on_entry(struct chain_verify *v, const char *line, size_t size, struct error *err)
{
    int64_t n[ROW_FIELDS];
    struct sha256 computed, told;
    if (!v->block) return broken(v, "an entry before any block", err);
    if (!row_read(v->city, line, size, n, &computed, &told)) return broken(v, "an entry that cannot be read", err);
    if (n[AT_DAY] != v->day) return broken(v, "an entry of another day", err);
    if (n[AT_ENTRY] <= 0 || (uint64_t)n[AT_ENTRY] <= v->last_entry) return broken(v, "entries out of order or twice", err);
    v->last_entry = (uint64_t)n[AT_ENTRY];
    if (!same(&computed, &told)) return broken(v, "the entry is not what its hash was made of", err);
    if (n[AT_AMOUNT] <= 0 || n[AT_DEBIT] == n[AT_CREDIT]) return broken(v, "an entry without two sides or an amount", err);
    if (!money_add(v->block_fen, n[AT_AMOUNT], &v->block_fen)) return broken(v, "a sum that cannot be", err);
    hash_stream_add(v->block, told.byte, sizeof told.byte);
    v->block_rows++;
    v->rows++;
    return STATUS_OK;
}

static enum status on_trailer(struct chain_verify *v, const char *line, size_t size, struct error *err)
{
    struct field f[2];
    int64_t rows, blocks;
    TRY(end_block(v, err));
    if (!split(line, size, f, 2) || !number(f[0], &rows) || !number(f[1], &blocks) || (uint64_t)rows != v->rows || (uint64_t)blocks != v->blocks)
        return broken(v, "the trailer does not count what is there", err);
    v->ended = true;
    return STATUS_OK;
}

enum status chain_verify_line(struct chain_verify *v, const char *line, size_t size, struct error *err)
{
    v->line++;
    if (v->ended) return broken(v, "something follows the trailer", err);
    if (size < 2 || line[1] != '\t') return broken(v, "a line of no known kind", err);
    if ((v->line == 1) != (line[0] == 'H')) return broken(v, "the header is not the first line", err);
    switch (line[0]) {
    case 'H': return on_header(v, line + 2, size - 2, err);
    case 'A': return v->block || v->blocks ? broken(v, "an account among the entries", err) : STATUS_OK;
    case 'D': return on_block(v, line + 2, size - 2, err);
    case 'E': return on_entry(v, line + 2, size - 2, err);
    case 'T': return on_trailer(v, line + 2, size - 2, err);
    default: return broken(v, "a line of no known kind", err);
    }
}

enum status chain_verify_end(struct chain_verify *v, struct error *err)
{
    if (!v->ended) return broken(v, "the export has no trailer: it was cut", err);
    if (v->head_set && !v->head_seen) return broken(v, "the chain does not reach the head's day", err);
    return STATUS_OK;
}

/* ---- head ---- */

void chain_head_text(uint32_t city, const struct ledger_block *block, char out[CHAIN_HEAD_MAX])
{
    char day[11], text[65];
    claims_day_to_text(block->day, day);
    hash_hex(block->hash.byte, sizeof block->hash.byte, text);
    text_format(out, CHAIN_HEAD_MAX, CHAIN_HEAD_MAGIC "\t%d\t%u\t%s\t%s\n", CHAIN_VERSION, city, day, text);
}

enum status chain_verify_against(struct chain_verify *v, const char *text, size_t size, struct error *err)
{
    struct field f[5];
    char day[11];
    int64_t version, city;
    if (size && text[size - 1] == '\n') size--;
    bool good = split(text, size, f, 5) && f[0].size == strlen(CHAIN_HEAD_MAGIC) && memcmp(f[0].text, CHAIN_HEAD_MAGIC, f[0].size) == 0 && number(f[1], &version) &&
                version == CHAIN_VERSION && number(f[2], &city) && city > 0 && city <= INT32_MAX && f[3].size == 10 && hex(f[4], &v->head);
    if (good) {
        memcpy(day, f[3].text, 10);
        day[10] = '\0';
        good = claims_day_from_text(day, &v->head_day);
    }
    if (!good) return error_set(err, STATUS_INVALID_ARGUMENT, "not a ledger head: it is one line that `settle close --out DIR` writes");
    v->head_city = (uint32_t)city;
    v->head_set = true;
    return STATUS_OK;
}
