/* Inside store: how a batch ends, for a person's word (store_settle.c) and the bank's (store_bank.c). */
#ifndef STORE_PAYOUT_H
#define STORE_PAYOUT_H

#include "store/store.h"

/* SENT -> CONFIRMED or FAILED, CONFIRMED -> FAILED, with its booking, inside the caller's transaction. */
must_use enum status payout_end_booked(struct store *store, const struct payout *batch, bool paid, const char *bank_ref, int64_t at_ms, struct error *err);

#endif
