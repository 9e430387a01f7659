/* What the daemon's settlement service does, by the nightly jobs' own functions. */
#ifndef MAIN_BOOKS_H
#define MAIN_BOOKS_H

#include "engine/engine.h"

/** An engine_books: needs no context. */
enum status books_do(void *context, struct store *store, const struct books_ask *ask, struct books_answer *out, struct error *err);

#endif
