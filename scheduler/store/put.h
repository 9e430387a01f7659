/* What the catalogue's bulk writers share. */
#ifndef STORE_PUT_H
#define STORE_PUT_H

#include "sql.h"

/* "rows[17].birth": which row, which field. */
enum status put_refuse(struct error *err, size_t row, const char *field, const char *what);
/* A code: 1..32 bytes of UTF-8. */
must_use enum status put_check_code(struct error *err, size_t row, const char *field, const char *code);
must_use enum status put_check_people(struct error *err, size_t row, uint32_t age_min, uint32_t age_max, char sex);
const char *put_sex(char sex);

/* Run the statements one after another in one transaction, each with the same city, instant and set; *changed adds up the rows of the counting one. */
struct put_step {
    const struct sql_statement *statement;
    bool counts;
};
must_use enum status put_run(struct store *store, const struct put_step *steps, size_t step_count, struct city_id city, int64_t at_ms, struct sql_set *set,
                             uint32_t *changed, struct error *err);

#endif
