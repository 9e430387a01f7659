/* The connection behind `struct store`: shared by sql.c (what runs on it) and open.c (how it comes and goes). */
#ifndef STORE_CONNECTION_H
#define STORE_CONNECTION_H

#include "sql.h"

struct sql_queued {
    const struct sql_statement *statement;
    bool prepares; /* its Parse goes before it in this pipeline */
};

struct store {
    PGconn *connection; /* NULL: lost; made anew by sql_ready */
    char *conninfo;
    enum store_role role;
    const struct sql_statement *prepared[SQL_PREPARED_MAX];
    uint32_t prepared_count;
    struct sql_queued queue[SQL_QUEUE_MAX];
    uint32_t queue_count;
    bool pipeline, queue_broken, queue_too_large;
    uint64_t rows_written, rows_analyze; /* since opening; at which count statistics are asked for next */
    bool scoped; /* sees what a caller may see, not what the application may */
    struct city_id scope_city;
    uint8_t scope_digest[32];
    bool sync_wait_cancelled; /* a COMMIT's wait for the standby was cut: the answer is unknown */
};

/* Forget the connection; an open transaction on it dies with it. */
void connection_drop(struct store *store);
/* Connect and set timeouts; role 0 stays the connecting user. No schema check. */
must_use enum status connection_make(struct store *store, struct error *err);
/* Enter the scope on a connection that is the application's. */
must_use enum status scope_apply(struct store *store, struct error *err);
/* Rows have been committed: ask for planner statistics while the tables are young (statistics_refresh() in the migrations says why). */
void connection_grew(struct store *store, uint64_t rows);
/* Error from a result, without the row's values. */
enum status sql_failed(struct store *store, const PGresult *res, const char *what, struct error *err);

#endif
