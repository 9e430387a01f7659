/* `meddispatch SUBCOMMAND …`: one table. */
#include "main.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *what;
} COMMANDS[] = {
    {"map", cmd_map, "build, look at, ask and export a city's road map"},
    {"migrate", cmd_migrate, "bring a database's schema up to date"},
    {"load", cmd_load, "load plans, formulary, tests, members, facilities, couriers from CSV"},
    {"serve", cmd_serve, "run a city: gRPC service, dispatch, planner"},
    {"token", cmd_token, "make, list and revoke what callers show: tokens, sign-in links, certificates"},
    {"keys", cmd_keys, "make and turn over the keys that seal names and addresses"},
    {"person", cmd_person, "what is held of a member; erase it"},
    {"audit", cmd_audit, "verify and print the log of who read what"},
    {"simulate", cmd_simulate, "play a day of a city on virtual time"},
    {"solve", cmd_solve, "a public pickup and delivery instance: fewest vehicles, then the shortest way"},
    {"check", cmd_check, "recompute a solution of such an instance"},
    {"settle", cmd_settle, "close a business day, prepare, approve and send its payments"},
    {"reconcile", cmd_reconcile, "compare orders, claims, ledger and payments of a business day"},
    {"ledger", cmd_ledger, "verify the ledger, print a trial balance"},
    {"world", cmd_world, "replay a city's facts and compare with its stored picture; print the life of an order"},
};

static int help(FILE *out, int code)
{
    fprintf(out, "usage: meddispatch SUBCOMMAND [--help] …\n\n");
    for (size_t i = 0; i < COUNT_OF(COMMANDS); i++) fprintf(out, "  %-10s %s\n", COMMANDS[i].name, COMMANDS[i].what);
    fprintf(out, "\nExit: 0 done, 1 the answer is no, 2 usage, 3 input refused, 4 a dependency is away.\n");
    return code;
}

int main(int argc, char **argv)
{
    if (argc < 2) return help(stderr, EXIT_USAGE);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) return help(stdout, EXIT_DONE);
    for (size_t i = 0; i < COUNT_OF(COMMANDS); i++)
        if (strcmp(argv[1], COMMANDS[i].name) == 0) return COMMANDS[i].run(argc - 1, argv + 1);
    fprintf(stderr, "meddispatch: no subcommand '%s'\n", argv[1]);
    return help(stderr, EXIT_USAGE);
}
