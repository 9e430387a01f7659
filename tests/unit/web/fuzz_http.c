/* A connection's bytes through the reader and the routes, as server.c leads them: whole and byte by byte must read the same, answers are well formed.
 * The first byte says whether the rest is all of it, a path, or the fields, so that each is reached soon. */
#include "scheduler/web/internal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static atomic_bool ready;
static struct web_site site;
static struct policy policy = {.any_host = true, .origins = {"https://board.example"}, .origin_count = 1};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    static struct geo_point shape[] = {{0, 0}, {400000000, 1000000000}};
    struct geo_arc arc = {.shape_count = 2, .reverse = GEO_NONE, .way = 1, .road_class = GEO_CLASS_MOTORWAY};
    struct geo_graph graph = {.arc_count = 1, .shape_count = 2, .name_bytes = 1, .arcs = &arc, .shape = shape, .names = (char[]){0}};
    struct geo_error error;
    site = (struct web_site){.scratch = geo_tile_scratch_new(), .cache = cache_new(), .ready = &ready, .policy = &policy, .has_gate = true, .has_metrics = true};
    if (geo_tiles_new(&graph, &site.tiles, &error) != GEO_OK) abort();
    return 0;
}

static void answer(const struct http_request *request)
{
    struct http_answer answer;
    struct body *body;
    char head[HTTP_ANSWER_MAX];
    if (site_answer(&site, request, &answer, &body) == SITE_GATE) return;
    uint32_t size = http_answer_write(&answer, body ? body->size : 0, request->keep_alive, 0, head);
    if (size < 20 || memcmp(head + size - 4, "\r\n\r\n", 4) != 0 || memmem(head, size - 2, "\r\n\r\n", 4)) abort(); /* one end, at the end */
    if ((answer.status == 204 || answer.status == 304) && body) abort();
    if (answer.status == 200 && !body) abort();
    body_unref(body);
}

/* The connection's bytes, of exactly their size, at most HTTP_HEAD_MAX: server.c holds no more. */
static char *bytes_of(const uint8_t *data, size_t *size)
{
    static const struct { const char *before, *after; } WAYS[] = {
        {"", ""}, {"GET /tiles/", " HTTP/1.1\r\nHost: a\r\n\r\n"}, {"GET /tiles/5/25/12.mvt HTTP/1.1\r\nHost: a\r\n", "\r\n\r\n"}};
    size_t way = data[0] % COUNT_OF(WAYS), before = strlen(WAYS[way].before), after = strlen(WAYS[way].after), inner = *size - 1;
    if (inner > HTTP_HEAD_MAX - before - after) inner = HTTP_HEAD_MAX - before - after;
    *size = before + inner + after;
    char *bytes = malloc(*size + 1);
    memcpy(bytes, WAYS[way].before, before);
    memcpy(bytes + before, data + 1, inner);
    memcpy(bytes + before + inner, WAYS[way].after, after);
    return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    char *bytes = bytes_of(data, &size);
    uint32_t at = 0;
    for (int requests = 0; requests < 32; requests++) {
        struct http_request request, part;
        int rc = http_request_read(bytes + at, (uint32_t)size - at, &request);
        if (rc != HTTP_READ) break;
        if (request.size < 16 || request.size > size - at) abort();
        if (http_request_read(bytes + at, request.size, &part) != HTTP_READ || part.size != request.size) abort();
        for (uint32_t cut = request.size > 40 ? request.size - 40 : 0; cut < request.size; cut++)
            if (http_request_read(bytes + at, cut, &part) != HTTP_MORE) abort();
        answer(&request);
        at += request.size;
    }
    free(bytes);
    return 0;
}
