/* Further verbs of `meddispatch ledger`; each returns the exit code. */
#ifndef MAIN_CMD_LEDGER_MORE_H
#define MAIN_CMD_LEDGER_MORE_H

#include "money_options.h"

int ledger_statement(const struct money_options *options, struct store *store);
/** One figure: an account's balance at the end of a business day or at an instant. */
int ledger_balance(const struct money_options *options, struct store *store);
int ledger_export(const struct money_options *options, struct store *store);
int ledger_verify_file(const struct money_options *options);
/** Needs role settlement: the facts a claim was decided on are health data. */
int ledger_readjudicate(const struct money_options *options, struct store *store);

#endif
