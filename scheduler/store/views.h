/* Reading orders and claims back, inside a transaction or outside. */
#ifndef STORE_VIEWS_H
#define STORE_VIEWS_H

#include "sql.h"

must_use enum status order_view_read(struct store *store, struct city_id city, struct order_id order, struct order_view *out, struct error *err);
must_use enum status claim_view_read(struct store *store, struct city_id city, struct claim_id claim, struct claim *out, struct error *err);

#endif
