/* The subcommands of catalogue and money, for main's table: argv[0] is the command's name; the result is the exit code of ARCHITECTURE §7. */
#ifndef MAIN_MONEY_COMMANDS_H
#define MAIN_MONEY_COMMANDS_H

#include "base/base.h"

int cmd_load(int argc, char **argv);
int cmd_settle(int argc, char **argv);
int cmd_reconcile(int argc, char **argv);
int cmd_ledger(int argc, char **argv);

enum exit_code { EXIT_DONE = 0, EXIT_NO = 1, EXIT_USAGE = 2, EXIT_REFUSED = 3, EXIT_AWAY = 4 };
/** Print "meddispatch COMMAND: text" to stderr and give the exit code that belongs to the status: a state that forbids it is 1, bad input 3, a
 *  dependency that is away (or a schema we do not know) 4. */
int exit_told(const char *command, enum status status, const struct error *err);

#endif
