/* Reading the folder, and answering out of the table. */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 512, TAG_BYTES = 16 };

struct file {
    char *path;                        /* as it is asked for: "/assets/app-1a2b3c4d.js" */
    const char *type;
    char tag[TAG_BYTES * 2 + 1];       /* of its content, so that a new build is seen at once and an old one is not sent again */
    bool immutable;                    /* its name has the content's hash: browsers need not ask again */
    struct body *plain, *gzip, *brotli;
};

struct files {
    struct file *all;                  /* sorted by path */
    uint32_t count;
    size_t bytes;
};

/* What a page may do: scripts, styles and calls of its own origin only, nobody frames it. Map libraries make workers and pictures of blobs. */
#define POLICY_LINES                                                                                                                    \
    "Content-Security-Policy: default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "      \
    "connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'\r\n"      \
    "Referrer-Policy: no-referrer\r\nCross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Resource-Policy: same-origin\r\n"

static const char *type_of(const char *path)
{
    static const struct { const char *suffix, *type; } TYPES[] = {
        {".html", "text/html; charset=utf-8"}, {".js", "text/javascript; charset=utf-8"}, {".mjs", "text/javascript; charset=utf-8"}, {".css", "text/css; charset=utf-8"},
        {".json", "application/json"}, {".map", "application/json"}, {".webmanifest", "application/manifest+json"}, {".svg", "image/svg+xml"}, {".png", "image/png"},
        {".jpg", "image/jpeg"}, {".webp", "image/webp"}, {".ico", "image/x-icon"}, {".woff2", "font/woff2"}, {".wasm", "application/wasm"},
        {".txt", "text/plain; charset=utf-8"}, {".pbf", "application/x-protobuf"}};
    size_t length = strlen(path);
    for (size_t i = 0; i < COUNT_OF(TYPES); i++) {
        size_t suffix = strlen(TYPES[i].suffix);
        if (length > suffix && strcmp(path + length - suffix, TYPES[i].suffix) == 0) return TYPES[i].type;
    }
    return "application/octet-stream";
}

static bool is_hash_character(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* "app-1a2b3c4d.js", "app.BxQ3_z9k.css": eight or more characters, with a digit or a capital, between '-' or '.' and the last dot. */
static bool is_hashed(const char *path)
{
    const char *dot = strrchr(path, '.'), *name = strrchr(path, '/');
    if (!dot || !name || dot <= name) return false;
    const char *at = dot;
    bool telling = false;
    while (at > name + 1 && is_hash_character(at[-1])) {
        at--;
        telling |= (*at >= '0' && *at <= '9') || (*at >= 'A' && *at <= 'Z');
    }
    return telling && dot - at >= 8 && at > name + 1 && (at[-1] == '-' || at[-1] == '.');
}

/* ---- reading ---- */

static enum status read_whole(int folder, const char *name, const char *path, size_t size, struct body **out, struct error *err)
{
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return error_set(err, STATUS_INVALID_ARGUMENT, "%s: %s", path, strerror(errno));
    uint8_t *bytes = mem_alloc(size + 1);
    size_t at = 0;
    ssize_t got;
    while (at <= size && (got = read(fd, bytes + at, size + 1 - at)) > 0) at += (size_t)got;
    close(fd);
    *out = body_new(bytes, at < size ? at : size);
    free(bytes);
    return at == size ? STATUS_OK : error_set(err, STATUS_INVALID_ARGUMENT, "%s has changed while it was read", path);
}

static enum status add_file(struct files *files, int folder, const char *name, const char *path, size_t size, struct error *err)
{
    struct file file = {.type = type_of(path), .immutable = is_hashed(path)};
    if (files->count == FILES_MAX) return error_set(err, STATUS_INVALID_ARGUMENT, "more than %d files", (int)FILES_MAX);
    if (size > FILES_BYTES_MAX - files->bytes) return error_set(err, STATUS_INVALID_ARGUMENT, "more than %d MB of files", (int)FILES_BYTES_MAX / 1048576);
    enum status rc = read_whole(folder, name, path, size, &file.plain, err);
    if (rc != STATUS_OK) {
        body_unref(file.plain);
        return rc;
    }
    struct sha256 hash = hash_sha256(file.plain->data, file.plain->size);
    hash_hex(hash.byte, TAG_BYTES, file.tag);
    file.path = mem_strdup(path);
    files->bytes += size;
    files->all[files->count++] = file;
    return STATUS_OK;
}

static enum status read_folder(struct files *files, int fd, const char *path, int depth, struct error *err);

static enum status read_entry(struct files *files, int folder, const char *name, const char *path, int depth, struct error *err)
{
    struct stat stat;
    if (fstatat(folder, name, &stat, AT_SYMLINK_NOFOLLOW) != 0) return error_set(err, STATUS_INVALID_ARGUMENT, "%s: %s", path, strerror(errno));
    if (S_ISREG(stat.st_mode)) return add_file(files, folder, name, path, (size_t)stat.st_size, err);
    if (!S_ISDIR(stat.st_mode)) return STATUS_OK;
    if (depth == FILES_DEPTH_MAX) return error_set(err, STATUS_INVALID_ARGUMENT, "folders more than %d deep", (int)FILES_DEPTH_MAX);
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return error_set(err, STATUS_INVALID_ARGUMENT, "%s: %s", path, strerror(errno));
    return read_folder(files, fd, path, depth + 1, err);
}

/* Takes the descriptor. */
static enum status read_folder(struct files *files, int fd, const char *path, int depth, struct error *err)
{
    DIR *folder = fdopendir(fd);
    if (!folder) {
        close(fd);
        return error_set(err, STATUS_INVALID_ARGUMENT, "%s: %s", path, strerror(errno));
    }
    enum status rc = STATUS_OK;
    for (struct dirent *entry; rc == STATUS_OK && (entry = readdir(folder)) != NULL;) {
        char below[PATH_BYTES_MAX];
        if (entry->d_name[0] == '.') continue;
        if (strlen(path) + strlen(entry->d_name) + 2 > sizeof below) rc = error_set(err, STATUS_INVALID_ARGUMENT, "a path is longer than %d bytes", (int)PATH_BYTES_MAX);
        if (rc != STATUS_OK) break;
        text_format(below, sizeof below, "%s/%s", path, entry->d_name);
        rc = read_entry(files, dirfd(folder), entry->d_name, below, depth, err);
    }
    closedir(folder);
    return rc;
}

static int by_path(const void *left, const void *right)
{
    return strcmp(((const struct file *)left)->path, ((const struct file *)right)->path);
}

static struct file *find(const struct files *files, const char *path)
{
    char copy[PATH_BYTES_MAX + 16];
    text_copy(copy, sizeof copy, path);
    struct file key = {.path = copy};
    return files->count > 0 ? bsearch(&key, files->all, files->count, sizeof key, by_path) : NULL;
}

/* X.gz and X.br become forms of X. */
static void join_forms(struct files *files)
{
    for (uint32_t i = 0; i < files->count; i++) {
        char packed[PATH_BYTES_MAX + 8];
        text_format(packed, sizeof packed, "%s.gz", files->all[i].path);
        const struct file *gzip = find(files, packed);
        text_format(packed, sizeof packed, "%s.br", files->all[i].path);
        const struct file *brotli = find(files, packed);
        if (gzip) files->all[i].gzip = body_ref(gzip->plain);
        if (brotli) files->all[i].brotli = body_ref(brotli->plain);
    }
}

enum status files_read(const char *folder, struct files **out, struct error *err)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return error_set(err, STATUS_INVALID_ARGUMENT, "%s: %s", folder, strerror(errno));
    struct files *files = mem_zalloc(1, sizeof *files);
    files->all = mem_zalloc(FILES_MAX, sizeof *files->all);
    enum status rc = read_folder(files, fd, "", 0, err);
    if (rc != STATUS_OK) {
        files_free(files);
        return error_context(err, "%s: ", folder);
    }
    qsort(files->all, files->count, sizeof *files->all, by_path);
    join_forms(files);
    *out = files;
    return STATUS_OK;
}

void files_free(struct files *files)
{
    if (!files) return;
    for (uint32_t i = 0; i < files->count; i++) {
        body_unref(files->all[i].plain);
        body_unref(files->all[i].gzip);
        body_unref(files->all[i].brotli);
        free(files->all[i].path);
    }
    free(files->all);
    free(files);
}

uint32_t files_count(const struct files *files)
{
    return files->count;
}

/* ---- answering ---- */

bool files_answer(struct files *files, const struct http_request *request, struct http_answer *answer, struct body **body)
{
    char path[PATH_BYTES_MAX];
    if (request->path.size + sizeof "index.html" > sizeof path) return false;
    memcpy(path, request->path.at, request->path.size);
    path[request->path.size] = 0;
    if (path[request->path.size - 1] == '/') text_copy(path + request->path.size, sizeof path - request->path.size, "index.html");
    const struct file *file = find(files, path);
    if (!file) return false;
    text_copy(answer->tag, sizeof answer->tag, file->tag);
    answer->cache_control = file->immutable ? "public, max-age=31536000, immutable" : "no-cache";
    answer->more = POLICY_LINES;
    answer->vary = file->gzip || file->brotli;
    answer->status = http_has_tag(request->if_none_match, file->tag) ? 304 : 200;
    if (answer->status == 304) return true;
    answer->content_type = file->type;
    struct body *form = file->plain;
    if (file->brotli && http_takes_brotli(request->accept_encoding)) {
        form = file->brotli;
        answer->encoding = "br";
    } else if (file->gzip && http_takes_gzip(request->accept_encoding)) {
        form = file->gzip;
        answer->encoding = "gzip";
    }
    *body = body_ref(form);
    return true;
}
