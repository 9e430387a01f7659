/* A specimen that courier or laboratory spoiled is collected again: a new order linked to the first, free, under the first one's claim and hold. There is no
 * second claim, so nothing is adjudicated and no count, cap or repeat interval is asked. */
#include "intake.h"
#include "views.h"

enum { PHASE_REJECTED = ORDER_SPECIMEN_REJECTED };

static const struct sql_statement FIRST = {
    "intake_again",
    "SELECT o.member_id, o.phase, o.parent_order_id IS NULL, o.claim_id, c.state, "
    "(SELECT array_agg(l.code ORDER BY l.code) FROM order_line l WHERE l.city_id = o.city_id AND l.order_id = o.order_id) = "
    "(SELECT array_agg(x ORDER BY x) FROM unnest($3::text[]) x) "
    "FROM orders o JOIN claim c ON c.city_id = o.city_id AND c.claim_id = o.claim_id WHERE o.city_id = $1::integer AND o.order_id = $2::bigint AND o.kind = 2"};

static void refuse(struct intake_item *item, enum status status, const char *why)
{
    struct error *err = intake_fail(item);
    error_field(err, "parent_order_id", "%s", why);
    err->status = status;
    error_reason(err, "RECOLLECTION");
}

static void check(struct intake_item *item, const PGresult *res)
{
    bool found = PQntuples(res) == 1 && (uint64_t)sql_get_i64(res, 0, 0) == item->context.member_id.v;
    if (!found) {
        refuse(item, STATUS_NOT_FOUND, "no home test of this member");
        return;
    }
    if (!sql_get_bool(res, 0, 5)) refuse(item, STATUS_INVALID_ARGUMENT, "a specimen is collected again for the same tests");
    else if (!sql_get_bool(res, 0, 2)) refuse(item, STATUS_FAILED_PRECONDITION, "a specimen is collected again once");
    else if (sql_get_i64(res, 0, 1) != PHASE_REJECTED) refuse(item, STATUS_FAILED_PRECONDITION, "its specimen has not been rejected");
    else if (sql_get_i64(res, 0, 4) != CLAIM_HELD) refuse(item, STATUS_FAILED_PRECONDITION, "its claim has ended: rejected for the member's fault, or too long ago");
    item->claim_id.v = (uint64_t)sql_get_i64(res, 0, 3);
}

enum status intake_again(struct store *store, struct intake_item *item, struct error *err)
{
    const struct submission *s = item->submission;
    struct sql_args args;
    struct sql_column codes;
    PGresult *res = NULL;
    sql_column_init(&codes, SQL_TEXT);
    for (uint32_t i = 0; i < s->line_count; i++) sql_column_text(&codes, s->lines[i].product);
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)s->city.v);
    sql_arg_i64(&args, (int64_t)s->parent.v);
    sql_arg_column(&args, &codes);
    enum status rc = sql_run(store, &FIRST, &args, &res, err);
    sql_column_deinit(&codes);
    TRY(rc);
    check(item, res);
    PQclear(res);
    if (!item->open) return STATUS_OK;
    return claim_view_read(store, s->city, item->claim_id, &item->result->claim, err);
}
