/* Files that are there whole or not at all. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = 0640, COMPARE_BYTES = 1 << 16 };

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

static void temporary_name(const char *name, char out[PAYOUT_FILE_NAME_MAX + 8])
{
    text_format(out, PAYOUT_FILE_NAME_MAX + 8, ".%s.tmp", name);
}

/* Whether `name` has these very bytes: a file got its name only after it was synced, so it need not be written again. */
static bool is_there(int folder, const char *name, const struct buffer *bytes)
{
    uint8_t *chunk = NULL;
    struct stat info;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return false;
    bool same = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && (uint64_t)info.st_size == bytes->size;
    if (same) chunk = mem_alloc(COMPARE_BYTES);
    for (size_t at = 0; same && at < bytes->size;) {
        ssize_t got = read(fd, chunk, COMPARE_BYTES);
        if (got < 0 && errno == EINTR) continue;
        same = got > 0 && (size_t)got <= bytes->size - at && memcmp(chunk, bytes->data + at, (size_t)got) == 0;
        at += same ? (size_t)got : 0;
    }
    free(chunk);
    close(fd);
    return same;
}

bool files_there(const char *dir, const char *name, const struct sha256 *hash)
{
    char path[4096];
    int size = snprintf(path, sizeof path, "%s/%s", dir, name);
    if (size < 0 || (size_t)size >= sizeof path) return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return false;
    struct hash_stream *stream = hash_stream_new();
    uint8_t *chunk = mem_alloc(COMPARE_BYTES);
    ssize_t got;
    while ((got = read(fd, chunk, COMPARE_BYTES)) > 0 || (got < 0 && errno == EINTR))
        if (got > 0) hash_stream_add(stream, chunk, (size_t)got);
    struct sha256 found = hash_stream_finish(stream);
    free(chunk);
    close(fd);
    return got == 0 && memcmp(found.byte, hash->byte, sizeof found.byte) == 0;
}

enum status files_begin(struct files *files, const char *dir, struct error *err)
{
    *files = (struct files){.folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (files->folder < 0) return failed(err, "opening folder", dir);
    files->at = mem_zalloc(FILES_MAX, sizeof *files->at);
    return STATUS_OK;
}

enum status files_put(struct files *files, const char *name, const struct buffer *bytes, struct error *err)
{
    char temporary[PAYOUT_FILE_NAME_MAX + 8];
    ASSERT(files->count < FILES_MAX);
    if (is_there(files->folder, name, bytes)) return STATUS_OK;
    temporary_name(name, temporary);
    int fd = openat(files->folder, temporary, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0) return failed(err, "making", temporary);
    struct files_one *one = &files->at[files->count++];
    one->fd = fd;
    (void)text_copy(one->name, sizeof one->name, name);
    /* what a killed run left behind is ours to overwrite; what a running one writes is not */
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) return error_set(err, STATUS_ABORTED, "another settlement is writing %s", temporary);
    if (ftruncate(fd, 0) != 0 || !write_all(fd, bytes->data, bytes->size)) return failed(err, "writing", temporary);
    return STATUS_OK;
}

/* Many small files cost one commit of the file system each; one sync of it costs one for all. */
static bool sync_all(const struct files *files)
{
    if (files->count > 1) return syncfs(files->folder) == 0;
    return files->count == 0 || fsync(files->at[0].fd) == 0;
}

enum status files_end(struct files *files, struct error *err)
{
    char temporary[PAYOUT_FILE_NAME_MAX + 8];
    if (files->count == 0) return STATUS_OK;
    if (!sync_all(files)) return failed(err, "writing", files->at[0].name);
    for (uint32_t i = 0; i < files->count; i++) {
        temporary_name(files->at[i].name, temporary);
        if (renameat(files->folder, temporary, files->folder, files->at[i].name) != 0) return failed(err, "naming", files->at[i].name);
    }
    return fsync(files->folder) == 0 ? STATUS_OK : failed(err, "syncing the folder of", files->at[0].name);
}

void files_deinit(struct files *files)
{
    for (uint32_t i = 0; i < files->count; i++) close(files->at[i].fd);
    if (files->folder >= 0) close(files->folder);
    free(files->at);
    *files = (struct files){.folder = -1};
}

enum status settle_file_write(const char *dir, const char *name, const struct buffer *bytes, struct error *err)
{
    struct files files;
    TRY(files_begin(&files, dir, err));
    enum status rc = files_put(&files, name, bytes, err);
    if (rc == STATUS_OK) rc = files_end(&files, err);
    files_deinit(&files);
    return rc;
}
