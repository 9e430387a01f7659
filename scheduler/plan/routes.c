/* Routes in the benchmarks' own solution format: a heading, then "Route 1 : 5 3 7" a line. It must not know whether they make sense. */
#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

enum { ROUTES_NODES_MAX = 4 * PLAN_INSTANCE_NODES_MAX }; /* a text may name nodes twice; who checks says so */

struct lines {
    const char *at, *end;
    uint32_t line;
};

static void skip_blanks(struct lines *lines, const char *stop)
{
    while (lines->at < stop && (*lines->at == ' ' || *lines->at == '\t' || *lines->at == '\r')) lines->at++;
}

static bool number(struct lines *lines, const char *stop, uint32_t *out)
{
    skip_blanks(lines, stop);
    uint32_t value = 0;
    const char *begin = lines->at;
    while (lines->at < stop && *lines->at >= '0' && *lines->at <= '9' && value < 100000000) value = 10 * value + (uint32_t)(*lines->at++ - '0');
    *out = value;
    return lines->at > begin;
}

/* One line's nodes behind "Route N :". */
static enum status read_route(struct lines *lines, const char *stop, uint32_t node_limit, struct plan_routes *routes, uint32_t *count, struct error *err)
{
    uint32_t value;
    lines->at += strlen("Route");
    bool fine = number(lines, stop, &value);
    skip_blanks(lines, stop);
    fine = fine && lines->at < stop && *lines->at++ == ':';
    while (fine) {
        skip_blanks(lines, stop);
        if (lines->at == stop) return STATUS_OK;
        fine = number(lines, stop, &value);
        if (fine && value >= node_limit) return error_set(err, STATUS_INVALID_ARGUMENT, "line %u: there is no node %u", lines->line, value);
        if (fine && *count == ROUTES_NODES_MAX) return error_set(err, STATUS_INVALID_ARGUMENT, "line %u: more than %d nodes", lines->line, ROUTES_NODES_MAX);
        if (fine) routes->nodes[(*count)++] = value;
    }
    return error_set(err, STATUS_INVALID_ARGUMENT, "line %u: \"Route N : node node …\" is expected", lines->line);
}

static bool begins(const struct lines *lines, const char *stop, const char *word)
{
    size_t size = strlen(word);
    return (size_t)(stop - lines->at) >= size && memcmp(lines->at, word, size) == 0;
}

static enum status read_lines(struct lines *lines, uint32_t node_limit, struct plan_routes *routes, struct error *err)
{
    uint32_t count = 0;
    bool begun = false;
    for (; lines->at < lines->end; lines->line++) {
        const char *stop = memchr(lines->at, '\n', (size_t)(lines->end - lines->at));
        if (!stop) stop = lines->end;
        skip_blanks(lines, stop);
        if (begins(lines, stop, "Route ")) {
            if (routes->route_count == PLAN_INSTANCE_NODES_MAX) return error_set(err, STATUS_INVALID_ARGUMENT, "line %u: more than %d routes", lines->line, PLAN_INSTANCE_NODES_MAX);
            TRY(read_route(lines, stop, node_limit, routes, &count, err));
            routes->first[++routes->route_count] = count;
            begun = true;
        } else if (begins(lines, stop, "Solution")) {
            begun = true;
        } else if (begun && lines->at < stop) {
            return error_set(err, STATUS_INVALID_ARGUMENT, "line %u: \"Route N : node node …\" is expected", lines->line);
        }
        lines->at = stop < lines->end ? stop + 1 : stop;
    }
    return begun ? STATUS_OK : error_set(err, STATUS_INVALID_ARGUMENT, "no route, and no line that says Solution");
}

enum status plan_routes_read(const char *text, size_t size, uint32_t node_limit, struct plan_routes **out, struct error *err)
{
    struct lines lines = {text, text + size, 1};
    struct plan_routes *routes = mem_zalloc(1, sizeof *routes);
    routes->first = mem_zalloc(PLAN_INSTANCE_NODES_MAX + 1, sizeof *routes->first);
    routes->nodes = mem_zalloc(ROUTES_NODES_MAX, sizeof *routes->nodes);
    enum status rc = read_lines(&lines, node_limit, routes, err);
    if (rc == STATUS_OK) *out = routes;
    else plan_routes_free(routes);
    return rc;
}

void plan_routes_write(const struct plan_routes *routes, const char *name, struct buffer *out)
{
    buffer_printf(out, "Instance name : %s\nAuthors : meddispatch\nDate :\nReference : meddispatch solve\nSolution\n", name);
    for (uint32_t r = 0; r < routes->route_count; r++) {
        buffer_printf(out, "Route %u :", r + 1);
        for (uint32_t i = routes->first[r]; i < routes->first[r + 1]; i++) buffer_printf(out, " %u", routes->nodes[i]);
        buffer_printf(out, "\n");
    }
}

void plan_routes_free(struct plan_routes *routes)
{
    if (!routes) return;
    free(routes->first);
    free(routes->nodes);
    free(routes);
}
