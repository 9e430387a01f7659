/* `meddispatch migrate --db URI` */
#include "main.h"
#include "store/store.h"

#include <getopt.h>
#include <stdio.h>

static const char USAGE[] = "usage: meddispatch migrate --db URI [--json]\n\n"
                            "Brings the schema of the database up to date; running it again changes nothing. The connecting user must own the\n"
                            "database and may create roles.\n";

int cmd_migrate(int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"db", required_argument, NULL, 'd'}, {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    const char *db = NULL;
    bool json = false;
    int option;
    while ((option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        if (option == 'd') db = optarg;
        else if (option == 'j') json = true;
        else if (option == 'h') return fputs(USAGE, stdout), EXIT_DONE;
        else return EXIT_USAGE;
    }
    if (!db || optind != argc) return fputs(USAGE, stderr), EXIT_USAGE;
    struct error err;
    uint32_t applied = 0;
    if (store_migrate(db, &applied, &err) != STATUS_OK) return exit_told("migrate", err.status, &err);
    printf(json ? "{\"applied\":%u}\n" : "%u migrations applied\n", applied);
    return EXIT_DONE;
}
