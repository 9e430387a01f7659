/* `meddispatch settle` alone, built with the failpoints that the release has not: MEDDISPATCH_FAIL=name[:n] kills it there. */
#include "money_commands.h"

int main(int argc, char **argv)
{
    return cmd_settle(argc - 1, argv + 1);
}
