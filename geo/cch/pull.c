/* Many to one, asked one by one: what it takes from a node to the place is the least over the node's upward arcs, and what it takes from their heads is
 * remembered ("lazy RPHAST": Strasser and Zeitz 2021). So a batch of sources costs the part of the elimination tree above them, each node once. */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

struct cch_pull {
    const struct geo_cch *cch;
    uint32_t round;               /* of the place in hand */
    uint32_t *known;              /* by rank: the round in which its weight was found */
    cch_weight *weights;          /* by rank */
    uint32_t *path;               /* ranks still unknown, from the one asked up */
};

struct cch_pull *cch_pull_new(const struct geo_cch *cch)
{
    struct cch_pull *pull = calloc(1, sizeof *pull);
    if (!pull) return NULL;
    pull->cch = cch;
    pull->known = calloc((size_t)cch->node_count + 1, sizeof *pull->known);
    pull->weights = malloc(((size_t)cch->node_count + 1) * sizeof *pull->weights);
    pull->path = malloc(((size_t)cch->height + 1) * sizeof *pull->path);
    if (pull->known && pull->weights && pull->path) return pull;
    cch_pull_free(pull);
    return NULL;
}

void cch_pull_free(struct cch_pull *pull)
{
    if (!pull) return;
    free(pull->known);
    free(pull->weights);
    free(pull->path);
    free(pull);
}

/* The least over the upward arcs of a node whose ancestors are all known. */
static cch_weight least(const struct cch_metric *metric, const struct cch_pull *pull, uint32_t rank)
{
    const struct geo_cch *cch = pull->cch;
    cch_weight best = CCH_NONE;
    if (metric->links[0]) {
        for (uint32_t i = metric->link_first[0][rank]; i < metric->link_first[0][rank + 1]; i++) {
            cch_weight way = metric->links[0][i].weight + pull->weights[cch->up_head[metric->links[0][i].arc]];
            if (way < best) best = way;
        }
        return best;
    }
    for (uint32_t a = cch->up_first[rank]; a < cch->up_first[rank + 1]; a++) {
        cch_weight way = metric->up[a] + pull->weights[cch->up_head[a]];
        if (way < best) best = way;
    }
    return best;
}

void cch_pull_begin(const struct cch_metric *metric, struct cch_pull *pull, const struct cch_label *to)
{
    if (++pull->round == 0) { /* after four billion places: old rounds could be taken for new ones */
        memset(pull->known, 0, ((size_t)pull->cch->node_count + 1) * sizeof *pull->known);
        pull->round = 1;
    }
    for (uint32_t i = 0; i < to->size; i++) {
        uint32_t rank = to->ranks[i];
        if (pull->known[rank] != pull->round || to->weights[i] < pull->weights[rank]) pull->weights[rank] = to->weights[i];
        pull->known[rank] = pull->round;
    }
    for (uint32_t i = 0; i < to->size; i++) { /* each arm from the root down: a node's ancestors are done before it */
        cch_weight way = least(metric, pull, to->ranks[i]);
        if (way < pull->weights[to->ranks[i]]) pull->weights[to->ranks[i]] = way;
    }
}

cch_weight cch_pull_weight(const struct cch_metric *metric, struct cch_pull *pull, uint32_t rank)
{
    uint32_t count = 0;
    for (uint32_t at = rank; at != GEO_NONE && pull->known[at] != pull->round; at = pull->cch->parent[at]) pull->path[count++] = at;
    while (count > 0) {
        uint32_t at = pull->path[--count];
        pull->weights[at] = least(metric, pull, at);
        pull->known[at] = pull->round;
    }
    return pull->weights[rank];
}
