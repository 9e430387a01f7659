/* An index over google/protobuf/descriptor.proto's messages, read by hand: names and numbers of the few fields that count are given at each place. */
#include "descriptors.h"
#include "wire.h"

#include <stdlib.h>
#include <string.h>

enum { NESTING_MAX = 32, FILES_MAX = 1024, NAMES_ARENA = 16 << 20 };

struct file {
    const uint8_t *bytes;           /* a FileDescriptorProto */
    size_t size;
    const char *name, *package;
};

struct symbol {
    const char *name;
    int file;
};

struct extension {
    const char *type;
    uint64_t number;
    int file;
};

struct descriptors {
    struct arena *arena;
    struct file *files;
    struct symbol *symbols;
    struct extension *extensions;
    size_t file_count, symbol_count, extension_count, symbol_capacity, extension_capacity;
};

struct descriptors *descriptors_new(void)
{
    struct descriptors *descriptors = mem_zalloc(1, sizeof *descriptors);
    descriptors->arena = arena_new(NAMES_ARENA);
    descriptors->files = mem_zalloc(FILES_MAX, sizeof *descriptors->files);
    return descriptors;
}

void descriptors_free(struct descriptors *descriptors)
{
    if (!descriptors) return;
    arena_free(descriptors->arena);
    free(descriptors->files);
    free(descriptors->symbols);
    free(descriptors->extensions);
    free(descriptors);
}

/* ---- reading ---- */

static const char *keep(struct descriptors *descriptors, const uint8_t *bytes, size_t size)
{
    char *text = arena_strndup(descriptors->arena, (const char *)bytes, size);
    ASSERT(text); /* our own contract, read once at start, outgrew NAMES_ARENA */
    return text;
}

/* The text of field `number` of a message, "" if it is absent. */
static const char *text_of(struct descriptors *descriptors, const uint8_t *message, size_t size, unsigned number)
{
    struct wire_reader reader = wire_message(message, size);
    struct wire_field field;
    const char *text = "";
    while (wire_next(&reader, &field))
        if (field.number == number && field.is_bytes) text = keep(descriptors, field.bytes, field.size);
    return text;
}

static const char *join(struct descriptors *descriptors, const char *scope, const char *name)
{
    size_t scope_size = strlen(scope), name_size = strlen(name);
    if (scope_size == 0) return name;
    char *whole = arena_alloc(descriptors->arena, scope_size + name_size + 2);
    ASSERT(whole);
    memcpy(whole, scope, scope_size);
    whole[scope_size] = '.';
    memcpy(whole + scope_size + 1, name, name_size + 1);
    return whole;
}

/* Notes the symbol that a message of descriptor.proto names (its field 1 everywhere) in `scope`; returns the full name. */
static const char *note(struct descriptors *descriptors, int file, const char *scope, const uint8_t *message, size_t size)
{
    const char *name = join(descriptors, scope, text_of(descriptors, message, size, 1));
    if (descriptors->symbol_count == descriptors->symbol_capacity) {
        descriptors->symbol_capacity = descriptors->symbol_capacity ? descriptors->symbol_capacity * 2 : 256;
        descriptors->symbols = mem_realloc(descriptors->symbols, descriptors->symbol_capacity, sizeof *descriptors->symbols);
    }
    descriptors->symbols[descriptors->symbol_count++] = (struct symbol){name, file};
    return name;
}

/* FieldDescriptorProto: extendee 2, number 3. */
static void note_extension(struct descriptors *descriptors, int file, const char *scope, const uint8_t *message, size_t size)
{
    note(descriptors, file, scope, message, size);
    struct extension extension = {text_of(descriptors, message, size, 2), 0, file};
    if (*extension.type == '.') extension.type++;
    struct wire_reader reader = wire_message(message, size);
    struct wire_field field;
    while (wire_next(&reader, &field))
        if (field.number == 3 && !field.is_bytes) extension.number = field.value;
    if (descriptors->extension_count == descriptors->extension_capacity) {
        descriptors->extension_capacity = descriptors->extension_capacity ? descriptors->extension_capacity * 2 : 16;
        descriptors->extensions = mem_realloc(descriptors->extensions, descriptors->extension_capacity, sizeof *descriptors->extensions);
    }
    descriptors->extensions[descriptors->extension_count++] = extension;
}

/* EnumDescriptorProto: value 2, whose names belong to the scope around the enum. ServiceDescriptorProto: method 2, named within the service. */
static void note_parts(struct descriptors *descriptors, int file, const char *scope, const uint8_t *message, size_t size)
{
    struct wire_reader reader = wire_message(message, size);
    struct wire_field field;
    while (wire_next(&reader, &field))
        if (field.number == 2 && field.is_bytes) note(descriptors, file, scope, field.bytes, field.size);
}

/* DescriptorProto: field 2, nested_type 3, enum_type 4, extension 6, oneof_decl 8. */
static bool note_message(struct descriptors *descriptors, int file, const char *scope, const uint8_t *message, size_t size, int depth)
{
    if (depth == NESTING_MAX) return false;
    const char *name = note(descriptors, file, scope, message, size);
    struct wire_reader reader = wire_message(message, size);
    struct wire_field field;
    while (wire_next(&reader, &field)) {
        if (!field.is_bytes) continue;
        if (field.number == 2 || field.number == 8) note(descriptors, file, name, field.bytes, field.size);
        if (field.number == 3 && !note_message(descriptors, file, name, field.bytes, field.size, depth + 1)) return false;
        if (field.number == 4) {
            note(descriptors, file, name, field.bytes, field.size);
            note_parts(descriptors, file, name, field.bytes, field.size);
        }
        if (field.number == 6) note_extension(descriptors, file, name, field.bytes, field.size);
    }
    return !reader.bad;
}

/* FileDescriptorProto: name 1, package 2, dependency 3, message_type 4, enum_type 5, service 6, extension 7. */
static bool note_file(struct descriptors *descriptors, int index)
{
    const struct file *file = &descriptors->files[index];
    struct wire_reader reader = wire_message(file->bytes, file->size);
    struct wire_field field;
    while (wire_next(&reader, &field)) {
        if (!field.is_bytes) continue;
        if (field.number == 4 && !note_message(descriptors, index, file->package, field.bytes, field.size, 0)) return false;
        if (field.number == 5) {
            note(descriptors, index, file->package, field.bytes, field.size);
            note_parts(descriptors, index, file->package, field.bytes, field.size);
        }
        if (field.number == 6) note_parts(descriptors, index, note(descriptors, index, file->package, field.bytes, field.size), field.bytes, field.size);
        if (field.number == 7) note_extension(descriptors, index, file->package, field.bytes, field.size);
    }
    return !reader.bad;
}

/* Every import must be there, or a client could not use the answer. Returns the name that is missing, or NULL. */
static const char *missing_import(struct descriptors *descriptors, const struct file *file)
{
    struct wire_reader reader = wire_message(file->bytes, file->size);
    struct wire_field field;
    while (wire_next(&reader, &field))
        if (field.number == 3 && field.is_bytes && descriptors_file(descriptors, (const char *)field.bytes, field.size) == DESCRIPTORS_NONE)
            return keep(descriptors, field.bytes, field.size);
    return NULL;
}

enum status descriptors_add(struct descriptors *descriptors, const uint8_t *set, size_t size, struct error *err)
{
    struct wire_reader reader = wire_message(set, size);
    struct wire_field field;
    size_t first = descriptors->file_count;
    while (wire_next(&reader, &field)) {
        if (field.number != 1 || !field.is_bytes) continue; /* FileDescriptorSet: file 1 */
        struct file file = {field.bytes, field.size, text_of(descriptors, field.bytes, field.size, 1), text_of(descriptors, field.bytes, field.size, 2)};
        if (descriptors_file(descriptors, file.name, strlen(file.name)) != DESCRIPTORS_NONE) continue;
        if (descriptors->file_count == FILES_MAX) return error_set(err, STATUS_INVALID_ARGUMENT, "more than %d descriptor files", FILES_MAX);
        descriptors->files[descriptors->file_count] = file;
        if (!note_file(descriptors, (int)descriptors->file_count++)) return error_set(err, STATUS_INVALID_ARGUMENT, "%s: not a FileDescriptorProto", file.name);
    }
    if (reader.bad) return error_set(err, STATUS_INVALID_ARGUMENT, "not a FileDescriptorSet");
    for (size_t i = first; i < descriptors->file_count; i++) {
        const char *missing = missing_import(descriptors, &descriptors->files[i]);
        if (missing) return error_set(err, STATUS_INVALID_ARGUMENT, "%s imports %s, which the descriptors lack", descriptors->files[i].name, missing);
    }
    return STATUS_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct symbol *)a)->name, ((const struct symbol *)b)->name);
}

static int by_type_and_number(const void *a, const void *b)
{
    const struct extension *x = a, *y = b;
    int order = strcmp(x->type, y->type);
    return order ? order : (x->number > y->number) - (x->number < y->number);
}

void descriptors_seal(struct descriptors *descriptors)
{
    if (descriptors->symbol_count) qsort(descriptors->symbols, descriptors->symbol_count, sizeof *descriptors->symbols, by_name);
    if (descriptors->extension_count) qsort(descriptors->extensions, descriptors->extension_count, sizeof *descriptors->extensions, by_type_and_number);
}

/* ---- asking ---- */

static bool is_same(const char *name, const char *text, size_t size)
{
    return strlen(name) == size && memcmp(name, text, size) == 0;
}

int descriptors_file(const struct descriptors *descriptors, const char *name, size_t size)
{
    for (size_t i = 0; i < descriptors->file_count; i++)
        if (is_same(descriptors->files[i].name, name, size)) return (int)i;
    return DESCRIPTORS_NONE;
}

int descriptors_symbol(const struct descriptors *descriptors, const char *name, size_t size)
{
    size_t low = 0, high = descriptors->symbol_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct symbol *symbol = &descriptors->symbols[middle];
        int order = strncmp(symbol->name, name, size);
        if (order == 0 && symbol->name[size]) order = 1;
        if (order == 0) return symbol->file;
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return DESCRIPTORS_NONE;
}

int descriptors_extension(const struct descriptors *descriptors, const char *type, size_t size, uint64_t number)
{
    for (size_t i = 0; i < descriptors->extension_count; i++)
        if (descriptors->extensions[i].number == number && is_same(descriptors->extensions[i].type, type, size)) return descriptors->extensions[i].file;
    return DESCRIPTORS_NONE;
}

size_t descriptors_extensions(const struct descriptors *descriptors, const char *type, size_t size, struct buffer *out)
{
    size_t count = 0;
    for (size_t i = 0; i < descriptors->extension_count; i++) {
        if (!is_same(descriptors->extensions[i].type, type, size)) continue;
        wire_varint(out, descriptors->extensions[i].number);
        count++;
    }
    return count;
}

void descriptors_response(const struct descriptors *descriptors, int file, struct buffer *out)
{
    bool seen[FILES_MAX] = {false};
    int queue[FILES_MAX];
    size_t count = 0;
    seen[file] = true;
    queue[count++] = file;
    for (size_t at = 0; at < count; at++) {
        const struct file *next = &descriptors->files[queue[at]];
        wire_bytes(out, 1, next->bytes, next->size);
        struct wire_reader reader = wire_message(next->bytes, next->size);
        struct wire_field field;
        while (wire_next(&reader, &field)) {
            if (field.number != 3 || !field.is_bytes) continue;
            int import = descriptors_file(descriptors, (const char *)field.bytes, field.size);
            ASSERT(import != DESCRIPTORS_NONE);
            if (seen[import]) continue;
            seen[import] = true;
            queue[count++] = import;
        }
    }
}
