/* How far a long job is, told on stderr: a bar on a terminal, JSON lines otherwise (none for a job that takes less than a second). */
#ifndef MAIN_PROGRESS_H
#define MAIN_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    bool terminal, told;
    int64_t start_us, last_us;
    char step[16];
};
void progress_init(struct progress *progress);
/* For settle_job.on_progress; context is the struct. */
void progress_told(void *context, const char *step, size_t done, size_t of);

#endif
