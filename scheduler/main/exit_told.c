/* What a failed command says and how it ends. */
#include "money_commands.h"

#include <stdio.h>

int exit_told(const char *command, enum status status, const struct error *err)
{
    fprintf(stderr, "meddispatch %s: %s\n", command, err->text[0] ? err->text : status_name(status));
    switch (status) {
    case STATUS_OK: return EXIT_DONE;
    case STATUS_FAILED_PRECONDITION:
    case STATUS_ABORTED:
    case STATUS_PERMISSION_DENIED: return EXIT_NO;
    case STATUS_INVALID_ARGUMENT:
    case STATUS_NOT_FOUND:
    case STATUS_ALREADY_EXISTS:
    case STATUS_OUT_OF_RANGE:
    case STATUS_RESOURCE_EXHAUSTED:
    case STATUS_DATA_LOSS: return EXIT_REFUSED;
    case STATUS_CANCELLED:
    case STATUS_UNKNOWN:
    case STATUS_DEADLINE_EXCEEDED:
    case STATUS_UNIMPLEMENTED:
    case STATUS_INTERNAL:
    case STATUS_UNAVAILABLE:
    case STATUS_UNAUTHENTICATED: return EXIT_AWAY;
    }
    return EXIT_AWAY;
}
