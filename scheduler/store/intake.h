/* One intake transaction in three parts: look everything up under lock (intake_read.c), decide (intake.c, by claims), write (intake_write.c). */
#ifndef STORE_INTAKE_H
#define STORE_INTAKE_H

#include "keys.h"
#include "sql.h"

enum { POLICY_TEXT_MAX = 33 };

/* What the catalogue says of a line beyond what claims must know. */
struct intake_goods {
    uint32_t volume_ml, stability_s, home_s;
    bool cold, controlled, sampling;
    enum benefit benefit;
};

struct intake_item {
    const struct submission *submission;
    struct intake_result *result;
    bool open;                        /* still to be decided and written in this transaction */
    struct order_id stored_order;     /* != 0: this key was seen before */
    uint64_t stored_hash;
    struct order_id order_id;
    struct claim_id claim_id;
    struct claims_context context;
    struct claims_outcome outcome;
    struct intake_goods goods[ORDER_LINES_MAX];
    char policy[POLICY_TEXT_MAX], plan[CODE_TEXT_MAX], payee[CODE_TEXT_MAX];
    uint32_t plan_version, promise_s;
    int32_t year_start_day;
    int64_t service_ms;
    bool key_stored, erased;          /* the member's own key; erased: nothing of his is taken any more */
    uint32_t key_id;
    uint8_t key_wrapped[WRAPPED_BYTES];
};

/* The item has a parent: find the claim it goes under, or fail it. Inside the open transaction, with the member-year locked. */
must_use enum status intake_again(struct store *store, struct intake_item *item, struct error *err);

bool intake_is_test(const struct intake_item *item);
/* Tell an item why it is refused an answer and take it out of this transaction. */
struct error *intake_fail(struct intake_item *item);

/* BEGIN, lock, look up: fills every item or fails single ones. Leaves the transaction open on OK. */
must_use enum status intake_read(struct store *store, struct intake_item *items, size_t count, struct error *err);
/* Write the open items and COMMIT. */
must_use enum status intake_write(struct store *store, struct intake_item *items, size_t count, struct error *err);

#endif
