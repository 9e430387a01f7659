/* The fence before every write of a world's facts: held FOR SHARE until commit, so no takeover can pass it. */
#ifndef STORE_FENCE_H
#define STORE_FENCE_H

#include "sql.h"

/* Queue the check (after SQL_BEGIN): a result without a row means stale_epoch. */
void fence_queue(struct store *store, struct city_id city, uint64_t epoch);
enum status stale_epoch(struct city_id city, struct error *err);

#endif
