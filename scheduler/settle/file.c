/* Files that are there whole or not at all. */
#include "settle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { FILE_MODE = 0640 };

static enum status failed(struct error *err, const char *what, const char *name)
{
    return error_set(err, STATUS_UNAVAILABLE, "%s %s: %s", what, name, strerror(errno));
}

static bool write_all(int fd, const uint8_t *data, size_t size)
{
    while (size) {
        ssize_t wrote = write(fd, data, size);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return false;
        data += wrote;
        size -= (size_t)wrote;
    }
    return true;
}

static enum status write_temporary(int dir, const char *temporary, const struct buffer *bytes, int *out_fd, struct error *err)
{
    *out_fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (*out_fd < 0) return failed(err, "making", temporary);
    /* what a killed run left behind is ours to overwrite; what a running one writes is not */
    if (flock(*out_fd, LOCK_EX | LOCK_NB) != 0) return error_set(err, STATUS_ABORTED, "another settlement is writing %s", temporary);
    if (ftruncate(*out_fd, 0) != 0 || !write_all(*out_fd, bytes->data, bytes->size) || fsync(*out_fd) != 0) return failed(err, "writing", temporary);
    return STATUS_OK;
}

enum status settle_file_write(const char *dir, const char *name, const struct buffer *bytes, struct error *err)
{
    char temporary[PAYOUT_FILE_NAME_MAX + 8];
    int fd = -1;
    int folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return failed(err, "opening folder", dir);
    text_format(temporary, sizeof temporary, ".%s.tmp", name);
    enum status rc = write_temporary(folder, temporary, bytes, &fd, err);
    if (rc == STATUS_OK && renameat(folder, temporary, folder, name) != 0) rc = failed(err, "naming", name);
    if (rc == STATUS_OK && fsync(folder) != 0) rc = failed(err, "syncing folder", dir);
    if (fd >= 0) close(fd);
    close(folder);
    return rc;
}
