/* The key file: read, made, added to, thinned out. One ring for the process, read again when the file has changed. It knows what keys are, not what is sealed with them. */
#include "keys.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_TEXT_MAX = 512, FILE_BYTES_MAX = 16384, HEX_CHARS = 2 * SEAL_KEY_BYTES };

struct file_key {
    struct store_key told;
    uint8_t byte[SEAL_KEY_BYTES];
};
struct key_file {
    uint32_t count;
    struct file_key keys[STORE_KEYS_MAX];
    struct stat as_read;
};

static struct {
    pthread_mutex_t lock;
    char path[PATH_TEXT_MAX]; /* "": no keys */
    struct key_file file;
} ring = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- one file ---- */

/* An id is a digest of its key: a line that was mistyped is seen, and two files never mean two keys by one id. */
static uint32_t key_id(const uint8_t byte[SEAL_KEY_BYTES])
{
    struct sha256 digest = hash_sha256(byte, SEAL_KEY_BYTES);
    uint32_t id = ((uint32_t)digest.byte[0] << 24 | (uint32_t)digest.byte[1] << 16 | (uint32_t)digest.byte[2] << 8 | digest.byte[3]) & INT32_MAX;
    return id ? id : 1;
}

static bool hex_digit(char c, uint8_t *out)
{
    static const char DIGITS[] = "0123456789abcdef";
    const char *at = c ? strchr(DIGITS, c) : NULL;
    *out = at ? (uint8_t)(at - DIGITS) : 0;
    return at != NULL;
}

static bool hex_key(const char *text, uint8_t out[SEAL_KEY_BYTES])
{
    for (size_t i = 0; i < SEAL_KEY_BYTES; i++) {
        uint8_t high, low;
        if (!hex_digit(text[2 * i], &high) || !hex_digit(text[2 * i + 1], &low)) return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return text[HEX_CHARS] == '\0';
}

/* "ID MADE HEX" */
static bool line_parse(char *line, struct file_key *out)
{
    char *made = strchr(line, ' '), *hex = made ? strchr(made + 1, ' ') : NULL;
    int64_t id, made_s;
    if (!hex) return false;
    *made++ = *hex++ = '\0';
    if (!text_to_i64(line, 1, INT32_MAX, &id) || !text_to_i64(made, 0, INT64_C(7258118400), &made_s) || !hex_key(hex, out->byte)) return false;
    out->told = (struct store_key){.id = (uint32_t)id, .made_s = made_s};
    return key_id(out->byte) == out->told.id;
}

static enum status text_parse(char *text, const char *path, struct key_file *out, struct error *err)
{
    uint32_t number = 0;
    out->count = 0;
    for (char *line = text, *end; line && *line; line = end) {
        end = strchr(line, '\n');
        if (end) *end++ = '\0';
        number++;
        if (!*line || *line == '#') continue;
        if (out->count == STORE_KEYS_MAX) return error_set(err, STATUS_INVALID_ARGUMENT, "%s: more than %d keys", path, STORE_KEYS_MAX);
        if (!line_parse(line, &out->keys[out->count++])) return error_set(err, STATUS_INVALID_ARGUMENT, "%s:%u: not a key; `meddispatch keys create` makes them", path, number);
    }
    return out->count ? STATUS_OK : error_set(err, STATUS_INVALID_ARGUMENT, "%s: there is no key in it", path);
}

static enum status file_read(const char *path, struct key_file *out, struct error *err)
{
    char text[FILE_BYTES_MAX + 1];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    enum status rc = STATUS_OK;
    if (file < 0) return error_set(err, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_UNAVAILABLE, "key file %s: %s", path, strerror(errno));
    ssize_t size = -1;
    if (fstat(file, &out->as_read) == 0) size = read(file, text, sizeof text);
    if (size < 0) rc = error_set(err, STATUS_UNAVAILABLE, "key file %s: %s", path, strerror(errno));
    else if (!S_ISREG(out->as_read.st_mode) || size > FILE_BYTES_MAX) rc = error_set(err, STATUS_INVALID_ARGUMENT, "key file %s: is not one", path);
    else if (out->as_read.st_mode & (S_IRWXO | S_IWGRP)) rc = error_set(err, STATUS_INVALID_ARGUMENT, "key file %s: others may read it; chmod 600", path);
    close(file);
    if (rc == STATUS_OK) {
        text[size] = '\0';
        rc = text_parse(text, path, out, err);
    }
    mem_wipe(text, sizeof text);
    return rc;
}

static void text_print(const struct key_file *file, struct buffer *out)
{
    char hex[HEX_CHARS + 1];
    buffer_printf(out, "# Keys that seal persons' keys: id, made (seconds since 1970), AES-256 key. The last seals what is new.\n"
                       "# Keep a copy apart from the database's backups: without it names and addresses are lost, with both they can be read.\n");
    for (uint32_t i = 0; i < file->count; i++) {
        hash_hex(file->keys[i].byte, SEAL_KEY_BYTES, hex);
        buffer_printf(out, "%u %lld %s\n", file->keys[i].told.id, (long long)file->keys[i].told.made_s, hex);
    }
    mem_wipe(hex, sizeof hex);
}

static bool write_whole(int file, const struct buffer *text)
{
    size_t at = 0;
    while (at < text->size) {
        ssize_t wrote = write(file, (const char *)text->data + at, text->size - at);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return false;
        at += (size_t)wrote;
    }
    return fsync(file) == 0;
}

static bool folder_sync(const char *path)
{
    char folder[PATH_TEXT_MAX];
    const char *slash = strrchr(path, '/');
    text_format(folder, sizeof folder, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
    int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) return false;
    bool done = fsync(file) == 0;
    close(file);
    return done;
}

/* Whole or not at all. `fresh`: only if there is none yet. */
static enum status file_write(const char *path, const struct key_file *file, bool fresh, struct error *err)
{
    char beside[PATH_TEXT_MAX];
    struct buffer text;
    text_format(beside, sizeof beside, "%s.%d", path, (int)getpid());
    if (strlen(path) + 12 >= sizeof beside) return error_set(err, STATUS_INVALID_ARGUMENT, "the key file's path is too long");
    int out = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (out < 0) return error_set(err, STATUS_UNAVAILABLE, "key file %s: %s", beside, strerror(errno));
    buffer_init(&text, FILE_BYTES_MAX);
    text_print(file, &text);
    bool written = write_whole(out, &text);
    close(out);
    mem_wipe(text.data, text.size);
    buffer_deinit(&text);
    enum status rc = STATUS_OK;
    if (!written || (fresh ? link(beside, path) : rename(beside, path)) != 0)
        rc = error_set(err, written && errno == EEXIST ? STATUS_ALREADY_EXISTS : STATUS_UNAVAILABLE, "key file %s: %s", path, strerror(errno));
    if (fresh || rc != STATUS_OK) unlink(beside);
    if (rc == STATUS_OK && !folder_sync(path)) rc = error_set(err, STATUS_UNAVAILABLE, "key file %s: its folder: %s", path, strerror(errno));
    return rc;
}

static void key_append(struct key_file *file)
{
    struct file_key *key = &file->keys[file->count++];
    random_bytes(key->byte, sizeof key->byte);
    key->told = (struct store_key){.id = key_id(key->byte), .made_s = clock_real_ms() / 1000};
}

enum status store_keys_create(const char *path, uint32_t *id, struct error *err)
{
    struct key_file file = {.count = 0};
    key_append(&file);
    *id = file.keys[0].told.id;
    enum status rc = file_write(path, &file, true, err);
    mem_wipe(&file, sizeof file);
    return rc;
}

enum status store_keys_add(const char *path, uint32_t *id, struct error *err)
{
    struct key_file file;
    enum status rc = file_read(path, &file, err);
    if (rc == STATUS_OK && file.count == STORE_KEYS_MAX) rc = error_set(err, STATUS_RESOURCE_EXHAUSTED, "%s has %d keys: retire some", path, STORE_KEYS_MAX);
    if (rc == STATUS_OK) {
        key_append(&file);
        *id = file.keys[file.count - 1].told.id;
        rc = file_write(path, &file, false, err);
    }
    mem_wipe(&file, sizeof file);
    return rc;
}

enum status store_keys_drop(const char *path, uint32_t id, struct error *err)
{
    struct key_file file;
    uint32_t at = 0;
    enum status rc = file_read(path, &file, err);
    while (rc == STATUS_OK && at < file.count && file.keys[at].told.id != id) at++;
    if (rc == STATUS_OK && at == file.count) rc = error_set(err, STATUS_NOT_FOUND, "%s has no key %u", path, id);
    else if (rc == STATUS_OK && at + 1 == file.count) rc = error_set(err, STATUS_FAILED_PRECONDITION, "key %u seals what is new: rotate first", id);
    if (rc == STATUS_OK) {
        memmove(&file.keys[at], &file.keys[at + 1], (file.count - at - 1) * sizeof file.keys[0]);
        file.count--;
        rc = file_write(path, &file, false, err);
    }
    mem_wipe(&file, sizeof file);
    return rc;
}

enum status store_keys_list(const char *path, struct store_key *out, uint32_t *count, struct error *err)
{
    struct key_file file;
    *count = 0;
    enum status rc = file_read(path, &file, err);
    if (rc == STATUS_OK)
        for (uint32_t i = 0; i < file.count; i++) out[(*count)++] = file.keys[i].told;
    mem_wipe(&file, sizeof file);
    return rc;
}

/* ---- which file ---- */

enum status store_keys_path(const char *wanted, char *out, size_t capacity, bool *given, struct error *err)
{
    const char *credentials = getenv("CREDENTIALS_DIRECTORY"), *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    *given = true;
    if (wanted && *wanted) text_format(out, capacity, "%s", wanted);
    else if (credentials && *credentials) text_format(out, capacity, "%s/" STORE_KEYS_CREDENTIAL, credentials);
    else {
        *given = false;
        if (state && *state == '/') text_format(out, capacity, "%s/meddispatch/keys", state);
        else if (home && *home == '/') text_format(out, capacity, "%s/.local/state/meddispatch/keys", home);
        else return error_field(err, "key_file", "is required: names and addresses are sealed; `meddispatch keys create FILE` makes one");
    }
    return STATUS_OK;
}

static enum status folders_make(char *path, struct error *err)
{
    for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        int made = mkdir(path, 0700);
        int why = errno;
        *at = '/';
        if (made != 0 && why != EEXIST) return error_set(err, STATUS_UNAVAILABLE, "key file %s: %s", path, strerror(why));
    }
    return STATUS_OK;
}

enum status store_keys_use_or_make(const char *path, bool *made, struct error *err)
{
    char folders[PATH_TEXT_MAX];
    uint32_t id;
    *made = false;
    enum status rc = store_keys_use(path, err);
    if (rc != STATUS_NOT_FOUND) return rc;
    if (!text_copy(folders, sizeof folders, path)) return rc;
    TRY(folders_make(folders, err));
    rc = store_keys_create(path, &id, err);
    *made = rc == STATUS_OK;
    if (rc != STATUS_OK && rc != STATUS_ALREADY_EXISTS) return rc; /* another daemon was first: its key is ours */
    return store_keys_use(path, err);
}

/* ---- the ring ---- */

enum status store_keys_use(const char *path, struct error *err)
{
    struct key_file file;
    enum status rc = strlen(path) < PATH_TEXT_MAX ? file_read(path, &file, err) : error_set(err, STATUS_INVALID_ARGUMENT, "the key file's path is too long");
    if (rc == STATUS_OK) {
        pthread_mutex_lock(&ring.lock);
        text_copy(ring.path, sizeof ring.path, path);
        ring.file = file;
        pthread_mutex_unlock(&ring.lock);
    }
    mem_wipe(&file, sizeof file);
    return rc;
}

static bool is_as_read(const struct stat *now)
{
    const struct stat *then = &ring.file.as_read;
    return now->st_ino == then->st_ino && now->st_mtim.tv_sec == then->st_mtim.tv_sec && now->st_mtim.tv_nsec == then->st_mtim.tv_nsec && now->st_size == then->st_size;
}

/* Read again what has changed; a file that cannot be read now leaves the keys that were read. Under the lock. */
static void ring_refresh(void)
{
    struct stat now;
    struct key_file file;
    struct error err;
    if (stat(ring.path, &now) != 0 || is_as_read(&now)) return;
    if (file_read(ring.path, &file, &err) == STATUS_OK) {
        ring.file = file;
        log_info("event=keys_read count=%u newest=%u", file.count, file.keys[file.count - 1].told.id);
    } else {
        ring.file.as_read = now; /* told once */
        log_error("event=keys_unread error=\"%s\"", err.text);
    }
    mem_wipe(&file, sizeof file);
}

/* id 0: the newest */
static enum status ring_find(uint32_t id, struct file_key *out, struct error *err)
{
    enum status rc = STATUS_OK;
    pthread_mutex_lock(&ring.lock);
    if (!ring.path[0]) {
        error_set(err, STATUS_FAILED_PRECONDITION, "names and addresses cannot be sealed or read: no key file is in use");
        rc = STATUS_FAILED_PRECONDITION;
        (void)error_reason(err, "NO_KEYS");
    } else {
        ring_refresh();
        uint32_t at = id ? 0 : ring.file.count - 1;
        while (at < ring.file.count && id && ring.file.keys[at].told.id != id) at++;
        if (at < ring.file.count) *out = ring.file.keys[at];
        else {
            rc = error_set(err, STATUS_FAILED_PRECONDITION, "key %u is not in the key file: personal data sealed by it cannot be read", id);
            (void)error_reason(err, "KEY_MISSING");
        }
    }
    pthread_mutex_unlock(&ring.lock);
    return rc;
}

enum status store_keys_newest(uint32_t *id, struct error *err)
{
    struct file_key key;
    enum status rc = ring_find(0, &key, err);
    if (rc == STATUS_OK) *id = key.told.id;
    mem_wipe(&key, sizeof key);
    return rc;
}

/* ---- persons' keys ---- */

static size_t key_about(struct city_id city, struct member_id member, char out[64])
{
    text_format(out, 64, "person_key:%u:%llu", city.v, (unsigned long long)member.v);
    return strlen(out);
}

enum status keys_wrap(struct city_id city, struct member_id member, const struct person_key *key, uint32_t *id, uint8_t out[WRAPPED_BYTES], struct error *err)
{
    struct file_key by;
    char about[64];
    size_t about_size = key_about(city, member, about);
    TRY(ring_find(0, &by, err));
    seal_close(by.byte, about, about_size, key->byte, sizeof key->byte, out);
    *id = by.told.id;
    mem_wipe(&by, sizeof by);
    return STATUS_OK;
}

enum status keys_unwrap(struct city_id city, struct member_id member, uint32_t id, const uint8_t *wrapped, size_t size, struct person_key *out, struct error *err)
{
    struct file_key by;
    char about[64];
    size_t about_size = key_about(city, member, about);
    TRY(ring_find(id, &by, err));
    bool good = size == WRAPPED_BYTES && seal_open(by.byte, about, about_size, wrapped, size, out->byte);
    mem_wipe(&by, sizeof by);
    return good ? STATUS_OK : error_set(err, STATUS_DATA_LOSS, "a person's key of city %u cannot be opened: it was changed", city.v);
}
