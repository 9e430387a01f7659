/* Binary arguments, arrays and rows, as PostgreSQL's wire format has them (big-endian). */
#include <endian.h>
#include <limits.h>
#include <string.h>

#include "sql.h"

enum { ARRAY_HEADER = 20, COLUMN_BYTES_MAX = 256 << 20 };

static void put_u32(struct buffer *buffer, uint32_t value)
{
    uint32_t big = htobe32(value);
    buffer_append(buffer, &big, sizeof big);
}

void sql_column_init(struct sql_column *column, enum sql_type type)
{
    buffer_init(&column->data, COLUMN_BYTES_MAX);
    column->type = type;
    column->count = 0;
    column->has_null = false;
    static const uint8_t blank[ARRAY_HEADER];
    buffer_append(&column->data, blank, sizeof blank); /* filled when it is used */
}

void sql_column_deinit(struct sql_column *column) { buffer_deinit(&column->data); }

static uint32_t encode_number(enum sql_type type, int64_t value, uint8_t out[8])
{
    uint64_t big = htobe64((uint64_t)value);
    uint32_t width = 8;
    switch (type) {
    case SQL_BOOL: ASSERT(value == 0 || value == 1); width = 1; break;
    case SQL_I16: ASSERT(value >= INT16_MIN && value <= INT16_MAX); width = 2; break;
    case SQL_I32: ASSERT(value >= INT32_MIN && value <= INT32_MAX); width = 4; break;
    case SQL_I64: break;
    case SQL_BYTES:
    case SQL_TEXT: ASSERT(false && "a number in a text column"); break;
    }
    memcpy(out, (const uint8_t *)&big + 8 - width, width);
    return width;
}

void sql_column_number(struct sql_column *column, int64_t value)
{
    uint8_t bytes[8];
    uint32_t width = encode_number(column->type, value, bytes);
    put_u32(&column->data, width);
    buffer_append(&column->data, bytes, width);
    column->count++;
}

void sql_column_bytes(struct sql_column *column, const void *data, size_t size)
{
    ASSERT(column->type == SQL_BYTES || column->type == SQL_TEXT);
    ASSERT(size <= INT_MAX);
    put_u32(&column->data, (uint32_t)size);
    if (size) buffer_append(&column->data, data, size);
    column->count++;
}

void sql_column_text(struct sql_column *column, const char *text) { sql_column_bytes(column, text, strlen(text)); }

void sql_column_null(struct sql_column *column)
{
    put_u32(&column->data, UINT32_MAX);
    column->has_null = true;
    column->count++;
}

static enum sql_type type_of_letter(char letter)
{
    switch (letter) {
    case 'b': return SQL_BOOL;
    case 'h': return SQL_I16;
    case 'i': return SQL_I32;
    case 'l': return SQL_I64;
    case 't': return SQL_TEXT;
    case 'y': return SQL_BYTES;
    default: ASSERT(false && "unknown column letter"); return SQL_TEXT;
    }
}

void sql_set_init(struct sql_set *set, const char *letters)
{
    set->count = 0;
    for (; *letters; letters++) {
        ASSERT(set->count < SQL_ARGS_MAX);
        sql_column_init(&set->at[set->count++], type_of_letter(*letters));
    }
}

void sql_set_deinit(struct sql_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) sql_column_deinit(&set->at[i]);
}

/* ---- arguments ---- */

void sql_args_init(struct sql_args *args)
{
    args->count = 0;
    args->too_large = false;
}

static void add(struct sql_args *args, const void *value, size_t length, int format)
{
    ASSERT(args->count < SQL_ARGS_MAX);
    if (length > (size_t)COLUMN_BYTES_MAX + ARRAY_HEADER) args->too_large = true;
    args->values[args->count] = value;
    args->lengths[args->count] = args->too_large ? 0 : (int)length;
    args->formats[args->count] = format;
    args->count++;
}

static void add_number(struct sql_args *args, enum sql_type type, int64_t value)
{
    ASSERT(args->count < SQL_ARGS_MAX);
    uint8_t *scratch = args->scratch[args->count];
    add(args, scratch, encode_number(type, value, scratch), 1);
}

void sql_arg_i16(struct sql_args *args, int16_t value) { add_number(args, SQL_I16, value); }
void sql_arg_i32(struct sql_args *args, int32_t value) { add_number(args, SQL_I32, value); }
void sql_arg_i64(struct sql_args *args, int64_t value) { add_number(args, SQL_I64, value); }
void sql_arg_bool(struct sql_args *args, bool value) { add_number(args, SQL_BOOL, value); }
void sql_arg_text(struct sql_args *args, const char *text) { add(args, text, strlen(text), 0); }
void sql_arg_bytes(struct sql_args *args, const void *data, size_t size) { add(args, size ? data : "", size, 1); }
void sql_arg_null(struct sql_args *args) { add(args, NULL, 0, 0); }

void sql_arg_column(struct sql_args *args, struct sql_column *column)
{
    if (column->data.full) args->too_large = true;
    uint32_t header[5] = {htobe32(1), htobe32(column->has_null), htobe32((uint32_t)column->type), htobe32(column->count), htobe32(1)};
    size_t size = column->data.size;
    if (column->count == 0) {
        header[0] = 0; /* an empty array has no dimensions */
        size = 12;
    }
    memcpy(column->data.data, header, sizeof header);
    add(args, column->data.data, size, 1);
}

void sql_arg_set(struct sql_args *args, struct sql_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) sql_arg_column(args, &set->at[i]);
}

/* ---- rows ---- */

static int64_t decode_number(const uint8_t *data, size_t size)
{
    uint64_t value = 0;
    ASSERT(size == 1 || size == 2 || size == 4 || size == 8);
    for (size_t i = 0; i < size; i++) value = value << 8 | data[i];
    switch (size) {
    case 2: return (int16_t)(uint16_t)value;
    case 4: return (int32_t)(uint32_t)value;
    default: return (int64_t)value;
    }
}

int64_t sql_get_i64(const PGresult *res, int row, int column)
{
    if (PQgetisnull(res, row, column)) return 0;
    return decode_number((const uint8_t *)PQgetvalue(res, row, column), (size_t)PQgetlength(res, row, column));
}

bool sql_get_bool(const PGresult *res, int row, int column) { return sql_get_i64(res, row, column) != 0; }
bool sql_get_null(const PGresult *res, int row, int column) { return PQgetisnull(res, row, column) != 0; }

void sql_get_text(const PGresult *res, int row, int column, char *out, size_t capacity)
{
    (void)text_copy(out, capacity, PQgetvalue(res, row, column)); /* NULL reads as "" */
}

const uint8_t *sql_get_bytes(const PGresult *res, int row, int column, size_t *size)
{
    *size = (size_t)PQgetlength(res, row, column);
    return (const uint8_t *)PQgetvalue(res, row, column);
}

uint32_t sql_get_i32_array(const PGresult *res, int row, int column, int32_t *out, uint32_t capacity)
{
    size_t size = 0;
    const uint8_t *data = sql_get_bytes(res, row, column, &size);
    if (PQgetisnull(res, row, column) || size < ARRAY_HEADER) return 0;
    uint32_t count = (uint32_t)decode_number(data + 12, 4);
    size_t at = ARRAY_HEADER;
    uint32_t got = 0;
    for (; got < count && got < capacity && at + 4 <= size; got++) {
        int64_t width = decode_number(data + at, 4);
        at += 4;
        if (width < 1 || at + (size_t)width > size) break;
        out[got] = (int32_t)decode_number(data + at, (size_t)width);
        at += (size_t)width;
    }
    return got;
}

uint64_t sql_affected(const PGresult *res)
{
    int64_t count = 0;
    return text_to_i64(PQcmdTuples((PGresult *)(uintptr_t)res), 0, INT64_MAX, &count) ? (uint64_t)count : 0;
}
