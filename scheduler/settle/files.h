/* Several files of one folder that reach the disk together: written under temporary names, synced once, then named. What is there already with the same bytes is left alone. */
#ifndef SETTLE_FILES_H
#define SETTLE_FILES_H

#include "settle.h"

enum { FILES_MAX = 256 }; /* each holds a descriptor until it has its name */

struct files {
    int folder;
    uint32_t count;
    struct files_one { int fd; char name[PAYOUT_FILE_NAME_MAX]; } *at;
};
must_use enum status files_begin(struct files *files, const char *dir, struct error *err);
/* At most FILES_MAX. ABORTED if another settlement is writing the same file. */
must_use enum status files_put(struct files *files, const char *name, const struct buffer *bytes, struct error *err);
/* Sync, then name them all. Killed before: temporaries that the next run overwrites. Killed while: some are there whole, the others not. */
must_use enum status files_end(struct files *files, struct error *err);
/* Whether a file of this name is in `dir` with just this hash: it got its name after it was synced. */
bool files_there(const char *dir, const char *name, const struct sha256 *hash);
void files_deinit(struct files *files);

#endif
