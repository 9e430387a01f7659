/* Past claims decided again from what was kept with each. Nothing of today's catalogue, plans or accounts is looked at: what comes out must be what is
 * stored, to the byte. It decides nothing itself: claims does. */
#include <stdlib.h>
#include <string.h>

#include "views.h"

static const struct sql_statement
    PAGE = {"replay_page",
            "SELECT c.claim_id, b.body FROM claim c LEFT JOIN claim_basis b ON b.city_id = c.city_id AND b.claim_id = c.claim_id "
            "WHERE c.city_id = $1::integer AND c.claim_id > $2::bigint ORDER BY c.claim_id LIMIT $3::integer"};

/* Room for one claim at a time; kept between claims. */
struct replaying {
    struct claims_context context;
    struct claims_outcome outcome;
    struct claim decided;
    struct buffer stored, again;
};

static bool same_decision(struct replaying *r, const struct claim *stored, const void *body, size_t size)
{
    if (!claims_basis_decode(body, size, &r->context)) return false;
    claims_adjudicate(&r->context, &r->decided, &r->outcome);
    buffer_clear(&r->stored);
    buffer_clear(&r->again);
    claims_decision_encode(stored, &r->stored);
    claims_decision_encode(&r->decided, &r->again);
    return r->stored.size == r->again.size && memcmp(r->stored.data, r->again.data, r->again.size) == 0;
}

static enum status replay_page(struct store *store, struct city_id city, const PGresult *res, struct replaying *r, struct claims_replay *out, struct error *err)
{
    for (int row = 0; row < PQntuples(res); row++) {
        struct claim_id id = {(uint64_t)sql_get_i64(res, row, 0)};
        struct claim stored;
        out->through = id;
        if (sql_get_null(res, row, 1)) { /* decided before bases were kept */
            out->without_basis++;
            continue;
        }
        TRY(claim_view_read(store, city, id, &stored, err));
        size_t size;
        const void *body = sql_get_bytes(res, row, 1, &size);
        out->checked++;
        if (same_decision(r, &stored, body, size)) continue;
        if (out->differing_count < COUNT_OF(out->differing)) out->differing[out->differing_count] = id;
        out->differing_count++;
    }
    return STATUS_OK;
}

enum status store_claims_replay(struct store *store, struct city_id city, struct claim_id after, struct claims_replay *out, struct error *err)
{
    memset(out, 0, sizeof *out);
    out->through = after;
    struct sql_args args;
    PGresult *res = NULL;
    sql_args_init(&args);
    sql_arg_i32(&args, (int32_t)city.v);
    sql_arg_i64(&args, (int64_t)after.v);
    sql_arg_i32(&args, STORE_PAGE_MAX);
    TRY(sql_ready(store, err));
    TRY(sql_run(store, &PAGE, &args, &res, err));
    struct replaying *r = mem_zalloc(1, sizeof *r);
    buffer_init(&r->stored, 1 << 16);
    buffer_init(&r->again, 1 << 16);
    enum status rc = replay_page(store, city, res, r, out, err);
    out->more = PQntuples(res) == STORE_PAGE_MAX;
    buffer_deinit(&r->stored);
    buffer_deinit(&r->again);
    free(r);
    PQclear(res);
    return rc;
}
