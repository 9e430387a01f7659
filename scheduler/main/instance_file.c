/* Files around plan's readers: plan is pure and reads text. */
#include "instance_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INSTANCE_FILE_MAX = 400000000, /* the largest matrix of 8,001 nodes in five digits */
       NAME_SIZE = PLAN_INSTANCE_NAME_MAX };

enum status file_read(const char *path, char **out, size_t *size, struct error *err)
{
    FILE *file = fopen(path, "rb");
    if (!file) return error_set(err, STATUS_NOT_FOUND, "%s: %s", path, strerror(errno));
    size_t capacity = 1 << 16, have = 0;
    char *text = mem_alloc(capacity);
    enum status rc = STATUS_OK;
    while (rc == STATUS_OK) {
        have += fread(text + have, 1, capacity - have, file);
        if (have < capacity) break;
        capacity *= 2;
        if (capacity > 2 * (size_t)INSTANCE_FILE_MAX) rc = error_set(err, STATUS_INVALID_ARGUMENT, "%s: more than %d bytes", path, INSTANCE_FILE_MAX);
        else text = mem_realloc(text, capacity, 1);
    }
    if (rc == STATUS_OK && ferror(file)) rc = error_set(err, STATUS_NOT_FOUND, "%s: %s", path, strerror(errno));
    (void)fclose(file);
    if (rc != STATUS_OK) {
        free(text);
        return rc;
    }
    *out = text;
    *size = have;
    return STATUS_OK;
}

/* "…/lc101.txt" -> "lc101" */
static void name_of(const char *path, char *out)
{
    const char *slash = strrchr(path, '/');
    (void)text_copy(out, NAME_SIZE, slash ? slash + 1 : path);
    char *dot = strrchr(out, '.');
    if (dot && dot != out) *dot = '\0';
}

enum status instance_file_read(const char *path, struct plan_instance **out, struct error *err)
{
    char *text, name[NAME_SIZE];
    size_t size;
    TRY(file_read(path, &text, &size, err));
    name_of(path, name);
    enum status rc = plan_instance_read(text, size, name, out, err);
    if (rc != STATUS_OK) rc = error_context(err, "%s: ", path);
    free(text);
    return rc;
}

enum status routes_file_read(const char *path, const struct plan_instance *instance, struct plan_routes **out, struct error *err)
{
    char *text;
    size_t size;
    TRY(file_read(path, &text, &size, err));
    enum status rc = plan_routes_read(text, size, instance->node_count, out, err);
    if (rc != STATUS_OK) rc = error_context(err, "%s: ", path);
    free(text);
    return rc;
}

enum status routes_file_write(const char *path, const struct plan_instance *instance, const struct plan_routes *routes, struct error *err)
{
    struct buffer text;
    buffer_init(&text, 1 << 20);
    plan_routes_write(routes, instance->name, &text);
    ASSERT(!text.full); /* 8,000 nodes of at most five characters */
    enum status rc = STATUS_OK;
    FILE *file = fopen(path, "wb");
    bool written = file && fwrite(text.data, 1, text.size, file) == text.size;
    if ((file && fclose(file) != 0) || !written) rc = error_set(err, STATUS_INVALID_ARGUMENT, "%s: %s", path, strerror(errno));
    buffer_deinit(&text);
    return rc;
}
