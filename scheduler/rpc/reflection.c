/* grpc.reflection v1 and v1alpha by hand: one bidirectional stream, a question and an answer at a time. Both versions have the same messages. */
#include "descriptors.h"
#include "session.h"
#include "wire.h"

#include <stdlib.h>
#include <string.h>

enum { REFLECTION_REQUEST_MAX = 4096, ANSWER_MAX = 16 << 20, QUEUED_MAX = 1 << 20 };

/* The numbers of ServerReflectionRequest's questions and ServerReflectionResponse's answers. */
enum question { ASK_NOTHING = 0, ASK_FILE = 3, ASK_SYMBOL = 4, ASK_EXTENSION = 5, ASK_EXTENSIONS = 6, ASK_SERVICES = 7 };
enum answer { ANSWER_FILES = 4, ANSWER_EXTENSIONS = 5, ANSWER_SERVICES = 6, ANSWER_ERROR = 7 };

static void answer_error(struct buffer *out, enum status status, const char *text)
{
    struct buffer error;
    buffer_init(&error, 1024);
    wire_number(&error, 1, status);
    wire_text(&error, 2, text);
    wire_bytes(out, ANSWER_ERROR, error.data, error.size);
    buffer_deinit(&error);
}

static void answer_file(const struct descriptors *descriptors, int file, const char *missing, struct buffer *out)
{
    if (file == DESCRIPTORS_NONE) {
        answer_error(out, STATUS_NOT_FOUND, missing);
        return;
    }
    struct buffer files;
    buffer_init(&files, ANSWER_MAX);
    descriptors_response(descriptors, file, &files);
    ASSERT(!files.full);
    wire_bytes(out, ANSWER_FILES, files.data, files.size);
    buffer_deinit(&files);
}

/* ExtensionRequest: containing_type 1, extension_number 2. */
static void answer_extension(const struct descriptors *descriptors, const struct wire_field *question, struct buffer *out)
{
    struct wire_reader reader = wire_message(question->bytes, question->size);
    struct wire_field field, type = {.bytes = (const uint8_t *)""};
    uint64_t number = 0;
    while (wire_next(&reader, &field)) {
        if (field.number == 1 && field.is_bytes) type = field;
        if (field.number == 2 && !field.is_bytes) number = field.value;
    }
    answer_file(descriptors, descriptors_extension(descriptors, (const char *)type.bytes, type.size, number), "no such extension", out);
}

static void answer_extensions(const struct descriptors *descriptors, const struct wire_field *question, struct buffer *out)
{
    struct buffer numbers, answer;
    const char *type = (const char *)question->bytes;
    buffer_init(&numbers, ANSWER_MAX);
    buffer_init(&answer, ANSWER_MAX);
    size_t count = descriptors_extensions(descriptors, type, question->size, &numbers);
    if (count == 0 && descriptors_symbol(descriptors, type, question->size) == DESCRIPTORS_NONE) {
        answer_error(out, STATUS_NOT_FOUND, "no such type");
    } else {
        wire_bytes(&answer, 1, question->bytes, question->size);
        if (count) wire_bytes(&answer, 2, numbers.data, numbers.size);
        wire_bytes(out, ANSWER_EXTENSIONS, answer.data, answer.size);
    }
    buffer_deinit(&numbers);
    buffer_deinit(&answer);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The services that have a method here, each once. */
static void answer_services(const struct call_table *table, struct buffer *out)
{
    struct buffer services, service;
    char **names = mem_zalloc(table->method_count, sizeof *names);
    buffer_init(&services, ANSWER_MAX);
    buffer_init(&service, PATH_MAX_BYTES + 16);
    for (size_t i = 0; i < table->method_count; i++) {
        names[i] = mem_strdup(table->methods[i]->path + 1);
        char *slash = strchr(names[i], '/');
        if (slash) *slash = 0;
    }
    qsort(names, table->method_count, sizeof *names, by_text);
    for (size_t i = 0; i < table->method_count; i++) {
        if (i && strcmp(names[i], names[i - 1]) == 0) continue;
        buffer_clear(&service);
        wire_text(&service, 1, names[i]);
        wire_bytes(&services, 1, service.data, service.size);
    }
    wire_bytes(out, ANSWER_SERVICES, services.data, services.size);
    for (size_t i = 0; i < table->method_count; i++) free(names[i]);
    free(names);
    buffer_deinit(&services);
    buffer_deinit(&service);
}

static void answer(const struct call_table *table, const struct wire_field *question, struct buffer *out)
{
    const struct descriptors *descriptors = table->descriptors;
    const char *text = (const char *)question->bytes;
    switch ((enum question)question->number) {
    case ASK_FILE: answer_file(descriptors, descriptors_file(descriptors, text, question->size), "no such file", out); return;
    case ASK_SYMBOL: answer_file(descriptors, descriptors_symbol(descriptors, text, question->size), "no such symbol", out); return;
    case ASK_EXTENSION: answer_extension(descriptors, question, out); return;
    case ASK_EXTENSIONS: answer_extensions(descriptors, question, out); return;
    case ASK_SERVICES: answer_services(table, out); return;
    case ASK_NOTHING: answer_error(out, STATUS_INVALID_ARGUMENT, "the request asks nothing that is known here"); return;
    }
}

static void on_question(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    struct wire_reader reader = wire_message(message, size);
    struct wire_field field, question = {.number = ASK_NOTHING}, host = {.number = 0};
    while (wire_next(&reader, &field)) {
        if (!field.is_bytes) continue;
        if (field.number == 1) host = field;
        if (field.number >= ASK_FILE && field.number <= ASK_SERVICES) question = field; /* of a oneof the last counts */
    }
    struct error err;
    if (reader.bad) {
        error_set(&err, STATUS_INVALID_ARGUMENT, "not a ServerReflectionRequest");
        rpc_finish(call, &err);
        return;
    }
    struct buffer out;
    buffer_init(&out, ANSWER_MAX + REFLECTION_REQUEST_MAX);
    if (host.size) wire_bytes(&out, 1, host.bytes, host.size);
    wire_bytes(&out, 2, message, size);
    answer(call->session->table, &question, &out);
    ASSERT(!out.full);
    enum status rc = rpc_send(call, out.data, out.size);
    buffer_deinit(&out);
    if (rc != STATUS_OK) {
        error_set(&err, rc, "answers are not read");
        rpc_finish(call, &err);
    } else if (rpc_call_queued_bytes(call) > QUEUED_MAX) {
        rpc_call_pause(call); /* questions are short and answers long: who does not read is not asked on */
    }
}

static void on_writable(struct rpc_call *call, void *context)
{
    (void)context;
    rpc_call_resume(call);
}

static void on_half_close(struct rpc_call *call, void *context)
{
    (void)context;
    rpc_finish(call, NULL);
}

static const struct rpc_handler HANDLER = {.on_message = on_question, .on_writable = on_writable, .on_half_close = on_half_close};
const struct rpc_method REFLECTION_V1 = {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", RPC_BIDI_STREAM, &HANDLER, NULL, REFLECTION_REQUEST_MAX};
const struct rpc_method REFLECTION_V1ALPHA = {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", RPC_BIDI_STREAM, &HANDLER, NULL,
                                              REFLECTION_REQUEST_MAX};
