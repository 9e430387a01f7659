/* See failpoint.h. A file of one comment in builds without it. */
#include "failpoint.h"

#ifdef MEDDISPATCH_FAILPOINTS
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void failpoint(const char *name)
{
    static unsigned passed;
    const char *wanted = getenv("MEDDISPATCH_FAIL");
    size_t length = strlen(name);
    if (!wanted || strncmp(wanted, name, length) != 0 || (wanted[length] != '\0' && wanted[length] != ':')) return;
    unsigned long nth = wanted[length] ? strtoul(wanted + length + 1, NULL, 10) : 1;
    if (++passed == nth) kill(getpid(), SIGKILL);
}
#else
extern int settle_has_no_failpoints;
int settle_has_no_failpoints;
#endif
