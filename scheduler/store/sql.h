/* How this room talks to PostgreSQL: prepared statements, binary arguments, pipelines, transactions. Private to store.
 *
 * A statement is a static constant; it is prepared on first use per connection. Arguments are binary: cast every parameter in the SQL
 * ("$1::bigint[]") so that its type is what the builder wrote. Results are binary too: read them with sql_get_*.
 * Whole sets travel as columns: sql_column_* builds an array, SQL unnests it.
 */
#ifndef STORE_SQL_H
#define STORE_SQL_H

#include <libpq-fe.h>

#include "store/store.h"

struct sql_statement {
    const char *name, *text;
};

enum { SQL_ARGS_MAX = 40, SQL_QUEUE_MAX = 24, SQL_PREPARED_MAX = 160 };

/* ---- one array ---- */
enum sql_type { SQL_BOOL = 16, SQL_BYTES = 17, SQL_I64 = 20, SQL_I16 = 21, SQL_I32 = 23, SQL_TEXT = 25 }; /* PostgreSQL's own oids */
struct sql_column {
    struct buffer data;
    enum sql_type type;
    uint32_t count;
    bool has_null;
};
void sql_column_init(struct sql_column *column, enum sql_type type);
void sql_column_deinit(struct sql_column *column);
void sql_column_number(struct sql_column *column, int64_t value); /* BOOL, I16, I32 or I64; asserts that it fits */
void sql_column_text(struct sql_column *column, const char *text);
void sql_column_bytes(struct sql_column *column, const void *data, size_t size);
void sql_column_null(struct sql_column *column);

/* A set of columns of one insert, made and dropped together: sql_set_init(&set, "iltb…"), one letter a column:
 * b BOOL, h I16, i I32, l I64, t TEXT, y BYTES. */
struct sql_set {
    uint32_t count;
    struct sql_column at[SQL_ARGS_MAX];
};
void sql_set_init(struct sql_set *set, const char *letters);
void sql_set_deinit(struct sql_set *set);

/* ---- arguments ---- */
struct sql_args {
    int count;
    const char *values[SQL_ARGS_MAX];
    int lengths[SQL_ARGS_MAX], formats[SQL_ARGS_MAX];
    uint8_t scratch[SQL_ARGS_MAX][8];
    bool too_large;
};
void sql_args_init(struct sql_args *args);
void sql_arg_i16(struct sql_args *args, int16_t value);
void sql_arg_i32(struct sql_args *args, int32_t value);
void sql_arg_i64(struct sql_args *args, int64_t value);
void sql_arg_bool(struct sql_args *args, bool value);
void sql_arg_text(struct sql_args *args, const char *text);                /* borrowed until the call */
void sql_arg_bytes(struct sql_args *args, const void *data, size_t size);  /* borrowed until the call */
void sql_arg_null(struct sql_args *args);
void sql_arg_column(struct sql_args *args, struct sql_column *column);     /* borrowed; finishes the array */
void sql_arg_set(struct sql_args *args, struct sql_set *set);              /* all its columns, in order */

/* ---- calls ---- */
/* Make sure there is a connection (reconnect if it was lost, once) and no transaction is open. Every public function begins with it. */
must_use enum status sql_ready(struct store *store, struct error *err);
/* One statement, its rows in *out (may be NULL). Inside or outside a transaction. */
must_use enum status sql_run(struct store *store, const struct sql_statement *statement, const struct sql_args *args, PGresult **out,
                             struct error *err);
/* One statement whose rows come one at a time, each a result of one row: memory does not grow with their number. If on_row fails, what is left is not read and the
 * connection is dropped. Outside a transaction. */
typedef enum status (*sql_on_row)(void *context, const PGresult *row, struct error *err);
must_use enum status sql_each(struct store *store, const struct sql_statement *statement, const struct sql_args *args, sql_on_row on_row, void *context,
                              struct error *err);
/* Several statements in one round trip: queue, then flush. After a failure the rest is skipped, nothing stays queued, results are all NULL.
 * *results: one per queued statement, the caller's to clear with sql_results_clear. */
void sql_pipeline_begin(struct store *store);
void sql_queue(struct store *store, const struct sql_statement *statement, const struct sql_args *args);
must_use enum status sql_pipeline_flush(struct store *store, PGresult *results[SQL_QUEUE_MAX], struct error *err);
void sql_results_clear(PGresult *results[SQL_QUEUE_MAX]);

/* Transactions (READ COMMITTED). After a failed statement call sql_rollback; it never fails (a broken connection is dropped). */
must_use enum status sql_begin(struct store *store, struct error *err);
must_use enum status sql_commit(struct store *store, struct error *err);
void sql_rollback(struct store *store);
extern const struct sql_statement SQL_BEGIN, SQL_COMMIT; /* for pipelines: a flushed COMMIT is checked like sql_commit */

/* ---- rows ---- */
int64_t sql_get_i64(const PGresult *res, int row, int column); /* BOOL, I16, I32, I64; NULL is 0 */
bool sql_get_bool(const PGresult *res, int row, int column);
bool sql_get_null(const PGresult *res, int row, int column);
/* Copy a text, cut at the capacity (the schema's checks keep it from happening). */
void sql_get_text(const PGresult *res, int row, int column, char *out, size_t capacity);
const uint8_t *sql_get_bytes(const PGresult *res, int row, int column, size_t *size); /* borrowed from res */
uint32_t sql_get_i32_array(const PGresult *res, int row, int column, int32_t *out, uint32_t capacity); /* I16 or I32 elements; count */
uint64_t sql_affected(const PGresult *res);

#endif
