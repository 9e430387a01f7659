/* What is worked out from a hierarchy's four arrays when a map is opened, and the laws that they must keep so that queries stay inside them: the rank is
 * a permutation, arcs go up, and a node's up-neighbours but the parent are up-neighbours of the parent too. */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

static uint32_t *numbers(size_t count)
{
    return calloc(count + 1, sizeof(uint32_t));
}

static const char *ranks_check(struct geo_cch *cch)
{
    memset(cch->node, 0xff, (size_t)cch->node_count * sizeof *cch->node);
    for (uint32_t n = 0; n < cch->node_count; n++) {
        if (cch->rank[n] >= cch->node_count || cch->node[cch->rank[n]] != GEO_NONE) return "its ranks are no permutation";
        cch->node[cch->rank[n]] = n;
    }
    return NULL;
}

static const char *heads_check(const struct geo_cch *cch)
{
    if (cch->up_first[0] != 0 || cch->up_first[cch->node_count] != cch->arc_count) return "its arcs are miscounted";
    for (uint32_t r = 0; r < cch->node_count; r++) {
        if (cch->up_first[r + 1] < cch->up_first[r] || cch->up_first[r + 1] > cch->arc_count) return "its arcs are miscounted";
        for (uint32_t a = cch->up_first[r]; a < cch->up_first[r + 1]; a++) {
            uint32_t above = a == cch->up_first[r] ? cch->node_count : cch->up_head[a - 1];
            if (cch->up_head[a] >= above || cch->up_head[a] <= r) return "an arc of it does not go up";
        }
    }
    return NULL;
}

/* up(r) without the parent is part of up(parent): both lists descend. */
static bool is_nested(const struct geo_cch *cch, uint32_t r, uint32_t parent)
{
    uint32_t b = cch->up_first[parent], end = cch->up_first[parent + 1];
    for (uint32_t a = cch->up_first[r]; a + 1 < cch->up_first[r + 1]; a++) {
        while (b < end && cch->up_head[b] > cch->up_head[a]) b++;
        if (b == end || cch->up_head[b] != cch->up_head[a]) return false;
    }
    return true;
}

static const char *tree_find(struct geo_cch *cch)
{
    for (uint32_t r = cch->node_count; r-- > 0;) {
        bool is_root = cch->up_first[r] == cch->up_first[r + 1];
        cch->parent[r] = is_root ? GEO_NONE : cch->up_head[cch->up_first[r + 1] - 1];
        cch->depth[r] = is_root ? 0 : cch->depth[cch->parent[r]] + 1;
        if (cch->depth[r] >= cch->height) cch->height = cch->depth[r] + 1;
        if (!is_root && !is_nested(cch, r, cch->parent[r])) return "a node's neighbours are not its parent's";
    }
    return NULL;
}

static bool begins_run(const struct geo_cch *cch, uint32_t r, uint32_t a)
{
    return a == cch->up_first[r] || cch->depth[cch->up_head[a]] != cch->depth[cch->up_head[a - 1]] + 1;
}

static bool runs_find(struct geo_cch *cch)
{
    uint32_t count = 0;
    for (uint32_t r = 0; r < cch->node_count; r++)
        for (uint32_t a = cch->up_first[r]; a < cch->up_first[r + 1]; a++) count += begins_run(cch, r, a);
    cch->runs = malloc(((size_t)count + 1) * sizeof *cch->runs);
    if (!cch->runs) return false;
    count = 0;
    for (uint32_t r = 0; r < cch->node_count; r++) {
        cch->run_first[r] = count;
        for (uint32_t a = cch->up_first[r]; a < cch->up_first[r + 1]; a++) {
            cch->up_tail[a] = r;
            cch->up_depth[a] = cch->depth[cch->up_head[a]];
            if (begins_run(cch, r, a)) cch->runs[count++] = (struct cch_run){cch->depth[cch->up_head[a]], a};
        }
    }
    cch->run_first[cch->node_count] = count;
    cch->runs[count] = (struct cch_run){0, cch->arc_count};
    return true;
}

/* Customization goes through the same triangles again and again: where the third side's run begins is found once. */
static bool steps_find(struct geo_cch *cch)
{
    const struct cch_run *runs = cch->runs;
    uint64_t count = 0;
    for (int pass = 0; pass < 2; pass++) {
        count = 0;
        for (uint32_t x = 0; x < cch->node_count; x++) {
            bool is_kept = cch->up_first[x + 1] - cch->up_first[x] <= CCH_STEPS_DEGREE_MAX;
            for (uint32_t xy = cch->up_first[x]; xy < cch->up_first[x + 1]; xy++) {
                uint32_t run = cch->run_first[cch->up_head[xy]];
                if (pass == 1) cch->step_first[xy] = (uint32_t)count;
                for (uint32_t r = cch->run_first[x]; is_kept && runs[r].arc < xy; r++, count++) {
                    if (pass == 0) continue;
                    while (runs[run].depth + (runs[run + 1].arc - runs[run].arc) <= runs[r].depth) run++;
                    cch->steps[count] = runs[run].arc + (runs[r].depth - runs[run].depth);
                }
            }
        }
        if (pass == 0 && (count >= GEO_NONE || !(cch->steps = numbers(count)))) return false;
    }
    cch->step_first[cch->arc_count] = (uint32_t)count;
    return true;
}

static void downs_find(struct geo_cch *cch)
{
    for (uint32_t a = 0; a < cch->arc_count; a++) cch->down_first[cch->up_head[a] + 2]++;
    for (size_t r = 2; r < (size_t)cch->node_count + 2; r++) cch->down_first[r] += cch->down_first[r - 1];
    for (uint32_t a = 0; a < cch->arc_count; a++) cch->down_arc[cch->down_first[cch->up_head[a] + 1]++] = a;
}

static const char *inputs_find(struct geo_cch *cch, const uint32_t *tails, const uint32_t *heads)
{
    for (uint32_t i = 0; i < cch->input_count; i++) {
        uint32_t place = cch->place[i], tail = cch->rank[tails[i]], head = cch->rank[heads[i]];
        if (place == GEO_NONE ? tail != head : place / 2 >= cch->arc_count) return "an arc of the map has no place in it";
        if (place == GEO_NONE) continue;
        uint32_t low = place & 1 ? head : tail, high = place & 1 ? tail : head;
        if (cch->up_tail[place / 2] != low || cch->up_head[place / 2] != high) return "an arc of the map is elsewhere in it";
        cch->input_first[place + 2]++;
    }
    for (size_t p = 2; p < (size_t)cch->arc_count * 2 + 2; p++) cch->input_first[p] += cch->input_first[p - 1];
    for (uint32_t i = 0; i < cch->input_count; i++)
        if (cch->place[i] != GEO_NONE) cch->inputs[cch->input_first[cch->place[i] + 1]++] = i;
    return NULL;
}

enum geo_status geo_cch_attach(struct geo_cch *cch, const uint32_t *tails, const uint32_t *heads, struct geo_error *error)
{
    if (cch->node_count > GEO_NONE / 4 || cch->arc_count > GEO_NONE / 4 || cch->input_count > GEO_NONE / 4)
        return geo_error_set(error, GEO_LIMIT, "the hierarchy has too many nodes or arcs");
    size_t nodes = cch->node_count, arcs = cch->arc_count;
    cch->height = 0;
    cch->node = numbers(nodes);
    cch->parent = numbers(nodes);
    cch->depth = numbers(nodes);
    cch->run_first = numbers(nodes + 1);
    cch->up_tail = numbers(arcs);
    cch->up_depth = numbers(arcs);
    cch->step_first = numbers(arcs + 1);
    cch->down_first = numbers(nodes + 2);
    cch->down_arc = numbers(arcs);
    cch->input_first = numbers(arcs * 2 + 2);
    cch->inputs = numbers(cch->input_count);
    if (!cch->node || !cch->parent || !cch->depth || !cch->run_first || !cch->up_tail || !cch->up_depth || !cch->step_first || !cch->down_first || !cch->down_arc || !cch->input_first || !cch->inputs)
        return geo_error_set(error, GEO_NO_MEMORY, "no memory for the hierarchy's %u arcs", cch->arc_count);
    const char *fault = ranks_check(cch);
    if (!fault) fault = heads_check(cch);
    if (!fault) fault = tree_find(cch);
    if (!fault && !(runs_find(cch) && steps_find(cch))) return geo_error_set(error, GEO_NO_MEMORY, "no memory for the hierarchy's %u arcs", cch->arc_count);
    if (!fault) {
        downs_find(cch);
        fault = inputs_find(cch, tails, heads);
    }
    return fault ? geo_error_set(error, GEO_INVALID, "the map's hierarchy is damaged: %s", fault) : GEO_OK;
}

void geo_cch_deinit(struct geo_cch *cch)
{
    for (int i = 0; i < 4; i++) free(cch->owned[i]);
    free(cch->node);
    free(cch->parent);
    free(cch->depth);
    free(cch->run_first);
    free(cch->runs);
    free(cch->up_tail);
    free(cch->up_depth);
    free(cch->step_first);
    free(cch->steps);
    if (cch->triangles) {
        free(cch->triangles->first);
        free(cch->triangles->at);
        free(cch->triangles);
    }
    free(cch->down_first);
    free(cch->down_arc);
    free(cch->input_first);
    free(cch->inputs);
    memset(cch, 0, sizeof *cch);
}

struct cch_figures geo_cch_figures(const struct geo_cch *cch)
{
    struct cch_figures figures = {.runs = cch->run_first[cch->node_count], .height = cch->height};
    double *below = calloc((size_t)cch->node_count + 1, sizeof *below); /* arcs on the root path */
    for (uint32_t r = cch->node_count; r-- > 0;) {
        uint64_t degree = cch->up_first[r + 1] - cch->up_first[r];
        figures.triangles += degree * (degree - (degree > 0)) / 2;
        figures.search_nodes += cch->depth[r] + 1;
        if (!below) continue;
        below[r] = (double)degree + (cch->parent[r] == GEO_NONE ? 0 : below[cch->parent[r]]);
        figures.search_arcs += below[r];
    }
    free(below);
    figures.search_nodes /= cch->node_count ? cch->node_count : 1;
    figures.search_arcs /= cch->node_count ? cch->node_count : 1;
    return figures;
}
