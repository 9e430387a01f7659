/* How far a long job is: a bar where a person looks on, one JSON line each where a program does. */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

enum { BAR_CELLS = 40, LINE_EVERY_US = 1000000 };

void progress_init(struct progress *progress)
{
    *progress = (struct progress){.terminal = isatty(STDERR_FILENO) == 1, .start_us = clock_boot_us()};
}

static void bar(const char *step, size_t done, size_t of, double seconds)
{
    char cells[BAR_CELLS + 1];
    size_t full = of ? done * BAR_CELLS / of : BAR_CELLS;
    memset(cells, '.', BAR_CELLS);
    memset(cells, '#', full < BAR_CELLS ? full : BAR_CELLS);
    cells[BAR_CELLS] = '\0';
    fprintf(stderr, "\r%-10s [%s] %zu of %zu, %.0f s%s", step, cells, done, of, seconds, done >= of ? "\n" : "");
    fflush(stderr);
}

void progress_told(void *context, const char *step, size_t done, size_t of)
{
    struct progress *p = context;
    int64_t now_us = clock_boot_us();
    double seconds = (double)(now_us - p->start_us) / 1e6;
    if (p->terminal) {
        bar(step, done, of, seconds);
        return;
    }
    /* a short job is silent; a long one speaks once a second, and at the end of what it spoke of */
    bool ends = done >= of && p->told && strcmp(p->step, step) == 0;
    if (now_us - (p->told ? p->last_us : p->start_us) < LINE_EVERY_US && !ends) return;
    p->told = true;
    p->last_us = now_us;
    text_format(p->step, sizeof p->step, "%s", step);
    fprintf(stderr, "{\"progress\":\"%s\",\"done\":%zu,\"of\":%zu,\"seconds\":%.1f}\n", step, done, of, seconds);
}
