/** main: the subcommands of `meddispatch`. Wiring only: each reads its arguments and calls the rooms.
 *  Exit codes: 0 done, 1 the answer is no (infeasible, unbalanced, mismatch), 2 usage, 3 input refused, 4 a dependency (database, map) is away.
 */
#ifndef MAIN_MAIN_H
#define MAIN_MAIN_H

#include "base/base.h"
#include "money_commands.h"



/* argv[0] is the subcommand's name */
int cmd_map(int argc, char **argv);
int cmd_migrate(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_token(int argc, char **argv);
int cmd_keys(int argc, char **argv);
int cmd_person(int argc, char **argv);
int cmd_audit(int argc, char **argv);
int cmd_simulate(int argc, char **argv);
int cmd_solve(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_world(int argc, char **argv);


#endif
