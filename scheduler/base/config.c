/* Config: one table describes every key; reading, the example file and README's table all come from it. */
#include "base/base.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONFIG_LINE_MAX = 1024, CONFIG_KEYS_MAX = 256 };

static const struct config_key *find(const struct config_key *keys, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(keys[i].name, name) == 0) return &keys[i];
    return NULL;
}

static enum status put(const struct config_key *key, const char *value, void *out, struct error *err)
{
    char *at = (char *)out + key->offset;
    if (key->type == CONFIG_INTEGER) {
        int64_t number;
        if (!text_to_i64(value, key->min, key->max, &number))
            return error_field(err, key->name, "must be %lld..%lld %s, is '%s'", (long long)key->min, (long long)key->max, key->unit, value);
        memcpy(at, &number, sizeof number);
    } else if (key->type == CONFIG_BOOLEAN) {
        bool yes = strcmp(value, "true") == 0;
        if (!yes && strcmp(value, "false") != 0) return error_field(err, key->name, "must be true or false, is '%s'", value);
        memcpy(at, &yes, sizeof yes);
    } else {
        size_t most = key->max ? (size_t)key->max : CONFIG_TEXT_MAX - 1;
        if (strlen(value) > most) return error_field(err, key->name, "must have at most %zu bytes", most);
        text_copy(at, CONFIG_TEXT_MAX, value);
    }
    return STATUS_OK;
}

enum status config_defaults(const struct config_key *keys, size_t count, void *out, struct error *err)
{
    for (size_t i = 0; i < count; i++) TRY(put(&keys[i], keys[i].fallback, out, err));
    return STATUS_OK;
}

enum status config_set(const struct config_key *keys, size_t count, const char *name, const char *value, void *out, struct error *err)
{
    const struct config_key *key = find(keys, count, name);
    if (!key) return error_field(err, name, "is no configuration key; `meddispatch serve --print-config` lists them");
    return put(key, value, out, err);
}

static char *trim(char *text)
{
    while (isspace((unsigned char)*text)) text++;
    size_t size = strlen(text);
    while (size > 0 && isspace((unsigned char)text[size - 1])) text[--size] = 0;
    return text;
}

static enum status read_line(const struct config_key *keys, size_t count, char *line, bool *seen, void *out, struct error *err)
{
    char *text = trim(line);
    if (*text == 0 || *text == '#') return STATUS_OK;
    char *equals = strchr(text, '=');
    if (!equals) return error_set(err, STATUS_INVALID_ARGUMENT, "'%s' is not `name = value`", text);
    *equals = 0;
    char *name = trim(text), *value = trim(equals + 1);
    const struct config_key *key = find(keys, count, name);
    if (!key) return error_field(err, name, "is no configuration key; `meddispatch serve --print-config` lists them");
    if (seen[key - keys]) return error_field(err, name, "is set twice");
    seen[key - keys] = true;
    return put(key, value, out, err);
}

enum status config_read(const struct config_key *keys, size_t count, const char *path, void *out, struct error *err)
{
    ASSERT(count <= CONFIG_KEYS_MAX);
    bool seen[CONFIG_KEYS_MAX] = {false};
    FILE *file = fopen(path, "re");
    if (!file) return error_set(err, STATUS_NOT_FOUND, "%s: %s", path, strerror(errno));
    char line[CONFIG_LINE_MAX];
    enum status rc = STATUS_OK;
    for (unsigned number = 1; rc == STATUS_OK && fgets(line, sizeof line, file); number++) {
        if (!strchr(line, '\n') && !feof(file)) rc = error_set(err, STATUS_INVALID_ARGUMENT, "longer than %d bytes", CONFIG_LINE_MAX - 1);
        else rc = read_line(keys, count, line, seen, out, err);
        if (rc != STATUS_OK) error_context(err, "%s:%u: ", path, number);
    }
    if (rc == STATUS_OK && ferror(file)) rc = error_set(err, STATUS_INVALID_ARGUMENT, "%s cannot be read: %s", path, strerror(errno)); /* a folder, say */
    fclose(file);
    return rc;
}

void config_print_example(const struct config_key *keys, size_t count, struct buffer *out)
{
    for (size_t i = 0; i < count; i++) {
        buffer_printf(out, "# %s\n", keys[i].why);
        if (keys[i].type == CONFIG_INTEGER) buffer_printf(out, "# %s, %lld..%lld\n", keys[i].unit, (long long)keys[i].min, (long long)keys[i].max);
        buffer_printf(out, "%s = %s\n\n", keys[i].name, keys[i].fallback);
    }
}

void config_print_markdown(const struct config_key *keys, size_t count, struct buffer *out)
{
    buffer_printf(out, "| key | unit | default | range | why |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        buffer_printf(out, "| `%s` | %s | `%s` | ", keys[i].name, keys[i].unit, keys[i].fallback);
        if (keys[i].type == CONFIG_INTEGER) buffer_printf(out, "%lld–%lld", (long long)keys[i].min, (long long)keys[i].max);
        buffer_printf(out, " | %s |\n", keys[i].why);
    }
}

static size_t value_size(enum config_type type)
{
    return type == CONFIG_INTEGER ? sizeof(int64_t) : type == CONFIG_BOOLEAN ? sizeof(bool) : CONFIG_TEXT_MAX;
}

bool config_differs(const struct config_key *key, const void *one, const void *other)
{
    const char *left = (const char *)one + key->offset, *right = (const char *)other + key->offset;
    return key->type == CONFIG_TEXT ? strcmp(left, right) != 0 : memcmp(left, right, value_size(key->type)) != 0;
}

void config_copy(const struct config_key *key, const void *from, void *to)
{
    memcpy((char *)to + key->offset, (const char *)from + key->offset, value_size(key->type));
}
