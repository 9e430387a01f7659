/* Readers of the two public families of pickup and delivery instances: Li & Lim's table and Sartori & Buriol's keyed file. Every number is bounded
 * and every pair is checked once, here; the solver asserts. It must not know how routes are searched. */
#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

enum { WORD_MAX = 64 };

/* A text read line by line; words never cross a line's end. */
struct scan {
    const char *at, *end;
    uint32_t line;
    struct error *err;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct scan *scan)
{
    while (scan->at < scan->end && is_blank(*scan->at)) scan->at++;
}

static bool at_line_end(struct scan *scan)
{
    skip_blanks(scan);
    return scan->at == scan->end || *scan->at == '\n';
}

/* To the beginning of the next line that holds something; false at the end of the text. */
static bool next_line(struct scan *scan)
{
    while (at_line_end(scan)) {
        if (scan->at == scan->end) return false;
        scan->at++;
        scan->line++;
    }
    return true;
}

static enum status finish_line(struct scan *scan)
{
    if (!at_line_end(scan)) return error_set(scan->err, STATUS_INVALID_ARGUMENT, "line %u: more than belongs there", scan->line);
    return STATUS_OK;
}

static enum status word(struct scan *scan, char *out, const char *what)
{
    skip_blanks(scan);
    size_t size = 0;
    while (scan->at < scan->end && !is_blank(*scan->at) && *scan->at != '\n') {
        if (size + 1 == WORD_MAX) return error_set(scan->err, STATUS_INVALID_ARGUMENT, "line %u: %s is too long", scan->line, what);
        out[size++] = *scan->at++;
    }
    out[size] = '\0';
    if (size == 0) return error_set(scan->err, STATUS_INVALID_ARGUMENT, "line %u: %s is missing", scan->line, what);
    return STATUS_OK;
}

static enum status integer(struct scan *scan, int64_t min, int64_t max, int64_t *out, const char *what)
{
    char text[WORD_MAX];
    TRY(word(scan, text, what));
    if (text_to_i64(text, min, max, out)) return STATUS_OK;
    return error_set(scan->err, STATUS_INVALID_ARGUMENT, "line %u: %s is no whole number of %lld to %lld", scan->line, what, (long long)min, (long long)max);
}

static enum status number(struct scan *scan, double *out, const char *what)
{
    char text[WORD_MAX];
    TRY(word(scan, text, what));
    if (text_to_double(text, -PLAN_INSTANCE_VALUE_MAX, PLAN_INSTANCE_VALUE_MAX, out)) return STATUS_OK;
    return error_set(scan->err, STATUS_INVALID_ARGUMENT, "line %u: %s is no number within +-%d", scan->line, what, PLAN_INSTANCE_VALUE_MAX);
}

/* id x y demand open close service pickup delivery: the same in both families. */
static enum status read_node(struct scan *scan, uint32_t index, struct plan_instance_node *node)
{
    int64_t id, demand, open, close, service, pickup, delivery;
    const int64_t most = PLAN_INSTANCE_VALUE_MAX, last = PLAN_INSTANCE_NODES_MAX - 1;
    TRY(integer(scan, index, index, &id, "the node's number"));
    TRY(number(scan, &node->x, "the first coordinate"));
    TRY(number(scan, &node->y, "the second coordinate"));
    TRY(integer(scan, -most, most, &demand, "the demand"));
    TRY(integer(scan, 0, most, &open, "the window's begin"));
    TRY(integer(scan, open, most, &close, "the window's end"));
    TRY(integer(scan, 0, most, &service, "the time of service"));
    TRY(integer(scan, 0, last, &pickup, "the pickup's number"));
    TRY(integer(scan, 0, last, &delivery, "the delivery's number"));
    TRY(finish_line(scan));
    if (index == 0 ? pickup || delivery || demand : !pickup == !delivery)
        return error_set(scan->err, STATUS_INVALID_ARGUMENT, "line %u: node %u is neither %s", scan->line, index, index ? "a pickup nor a delivery" : "empty nor alone");
    node->demand = (int32_t)demand;
    node->open = (int32_t)open;
    node->close = (int32_t)close;
    node->service = (int32_t)service;
    node->partner = (uint32_t)(pickup ? pickup : delivery);
    node->pickup = delivery != 0;
    return STATUS_OK;
}

static enum status check_pairs(const struct plan_instance *instance, struct error *err)
{
    for (uint32_t i = 1; i < instance->node_count; i++) {
        const struct plan_instance_node *node = &instance->nodes[i];
        const struct plan_instance_node *partner = node->partner < instance->node_count ? &instance->nodes[node->partner] : NULL;
        if (!partner || partner->partner != i || partner->pickup == node->pickup)
            return error_set(err, STATUS_INVALID_ARGUMENT, "nodes %u and %u are no pair", i, node->partner);
        if (node->demand + partner->demand != 0 || (node->pickup && node->demand < 0))
            return error_set(err, STATUS_INVALID_ARGUMENT, "nodes %u and %u: what is picked up is not what is delivered", i, node->partner);
    }
    return STATUS_OK;
}

static enum status read_li_lim(struct scan *scan, struct plan_instance *instance)
{
    int64_t vehicles, capacity, speed;
    instance->family = PLAN_LI_LIM;
    TRY(integer(scan, 0, PLAN_INSTANCE_VALUE_MAX, &vehicles, "the number of vehicles"));
    TRY(integer(scan, 0, PLAN_INSTANCE_VALUE_MAX, &capacity, "the capacity"));
    TRY(integer(scan, 0, PLAN_INSTANCE_VALUE_MAX, &speed, "the speed"));
    TRY(finish_line(scan));
    instance->capacity = (int32_t)capacity;
    uint32_t room = 0;
    while (next_line(scan)) {
        if (instance->node_count == PLAN_INSTANCE_NODES_MAX)
            return error_set(scan->err, STATUS_INVALID_ARGUMENT, "line %u: more than %d nodes", scan->line, PLAN_INSTANCE_NODES_MAX);
        if (instance->node_count == room) {
            room = room ? 2 * room : 128;
            instance->nodes = mem_realloc(instance->nodes, room, sizeof *instance->nodes);
        }
        TRY(read_node(scan, instance->node_count, &instance->nodes[instance->node_count]));
        instance->node_count++;
    }
    if (instance->node_count == 0) return error_set(scan->err, STATUS_INVALID_ARGUMENT, "line %u: the depot is missing", scan->line);
    return STATUS_OK;
}

/* "KEY: value" up to NODES; what the solver has no use for is passed over. */
static enum status read_keys(struct scan *scan, struct plan_instance *instance)
{
    bool has_size = false, has_capacity = false;
    while (next_line(scan)) {
        char key[WORD_MAX];
        int64_t value;
        TRY(word(scan, key, "a key"));
        if (strcmp(key, "NODES") == 0) {
            TRY(finish_line(scan));
            if (has_size && has_capacity) return STATUS_OK;
            return error_set(scan->err, STATUS_INVALID_ARGUMENT, "line %u: no %s before the nodes", scan->line, has_size ? "CAPACITY" : "SIZE");
        }
        if (strcmp(key, "NAME:") == 0) {
            TRY(word(scan, key, "the name"));
            (void)text_copy(instance->name, sizeof instance->name, key);
        } else if (strcmp(key, "SIZE:") == 0) {
            TRY(integer(scan, 1, PLAN_INSTANCE_NODES_MAX, &value, "the size"));
            instance->node_count = (uint32_t)value;
            has_size = true;
        } else if (strcmp(key, "CAPACITY:") == 0) {
            TRY(integer(scan, 0, PLAN_INSTANCE_VALUE_MAX, &value, "the capacity"));
            instance->capacity = (int32_t)value;
            has_capacity = true;
        }
        while (!at_line_end(scan)) scan->at++;
    }
    return error_set(scan->err, STATUS_INVALID_ARGUMENT, "line %u: the text ends before the nodes", scan->line);
}

static enum status read_row(struct scan *scan, uint32_t *row, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        skip_blanks(scan);
        uint32_t value = 0;
        const char *begin = scan->at;
        while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9' && value <= PLAN_INSTANCE_VALUE_MAX) value = 10 * value + (uint32_t)(*scan->at++ - '0');
        if (scan->at == begin || value > PLAN_INSTANCE_VALUE_MAX)
            return error_set(scan->err, STATUS_INVALID_ARGUMENT, "line %u: travel time %u of %u is not there or no whole number of 0 to %d", scan->line, i + 1, count,
                             PLAN_INSTANCE_VALUE_MAX);
        row[i] = value;
    }
    return finish_line(scan);
}

static enum status read_sartori_buriol(struct scan *scan, struct plan_instance *instance)
{
    char text[WORD_MAX];
    instance->family = PLAN_SARTORI_BURIOL;
    TRY(read_keys(scan, instance));
    uint32_t count = instance->node_count;
    /* a size that the text cannot hold must not cost its square in memory */
    if ((size_t)(scan->end - scan->at) / 2 < (size_t)count * count) return error_set(scan->err, STATUS_INVALID_ARGUMENT, "the text is too short for %u nodes", count);
    instance->nodes = mem_zalloc(count, sizeof *instance->nodes);
    for (uint32_t i = 0; i < count; i++) {
        (void)next_line(scan);
        TRY(read_node(scan, i, &instance->nodes[i]));
    }
    (void)next_line(scan);
    TRY(word(scan, text, "the word EDGES"));
    if (strcmp(text, "EDGES") != 0) return error_set(scan->err, STATUS_INVALID_ARGUMENT, "line %u: EDGES is expected", scan->line);
    TRY(finish_line(scan));
    instance->minutes = mem_zalloc((size_t)count * count, sizeof *instance->minutes);
    for (uint32_t i = 0; i < count; i++) {
        (void)next_line(scan);
        TRY(read_row(scan, instance->minutes + (size_t)i * count, count));
    }
    if (!next_line(scan)) return STATUS_OK;
    TRY(word(scan, text, "the word EOF"));
    if (strcmp(text, "EOF") != 0 || next_line(scan)) return error_set(scan->err, STATUS_INVALID_ARGUMENT, "line %u: only EOF may follow the travel times", scan->line);
    return STATUS_OK;
}

enum status plan_instance_read(const char *text, size_t size, const char *name, struct plan_instance **out, struct error *err)
{
    struct scan scan = {text, text + size, 1, err};
    struct plan_instance *instance = mem_zalloc(1, sizeof *instance);
    (void)text_copy(instance->name, sizeof instance->name, name);
    enum status rc;
    if (!next_line(&scan)) rc = error_set(err, STATUS_INVALID_ARGUMENT, "the instance is empty");
    else if (*scan.at >= '0' && *scan.at <= '9') rc = read_li_lim(&scan, instance);
    else rc = read_sartori_buriol(&scan, instance);
    if (rc == STATUS_OK) rc = check_pairs(instance, err);
    if (rc == STATUS_OK) *out = instance;
    else plan_instance_free(instance);
    return rc;
}

void plan_instance_free(struct plan_instance *instance)
{
    if (!instance) return;
    free(instance->nodes);
    free(instance->minutes);
    free(instance);
}
