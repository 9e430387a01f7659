/* Nested dissection by METIS over the undirected, simple graph. */
#include "geo_order.h"

#include <metis.h>
#include <stdlib.h>

enum {
    COUNT_MAX = 1 << 30,       /* nodes, and arcs: METIS counts in 32-bit signed numbers */
    CAREFUL_NODES = 300000,    /* up to here the best order is sought: seconds at most; beyond, time grows and the gain doesn't */
    SEPARATORS = 8, ROUNDS = 50,          /* of trial at each dissection: measured as good as inertial flow cutter on three cities */
    SEPARATORS_FAST = 2, ROUNDS_FAST = 10,
};

struct links {
    idx_t *first, *to;         /* adjacency in METIS's form: each link in both directions, once */
};

static int link_compare(const void *a, const void *b)
{
    idx_t left = *(const idx_t *)a, right = *(const idx_t *)b;
    return (left > right) - (left < right);
}

static enum geo_status links_find(uint32_t node_count, const uint32_t *tails, const uint32_t *heads, uint32_t arc_count, struct links *links)
{
    links->first = calloc((size_t)node_count + 2, sizeof *links->first);
    links->to = malloc(((size_t)arc_count * 2 + 1) * sizeof *links->to);
    if (!links->first || !links->to) return GEO_NO_MEMORY;
    for (uint32_t a = 0; a < arc_count; a++) {
        if (tails[a] == heads[a]) continue;
        links->first[tails[a] + 2]++;
        links->first[heads[a] + 2]++;
    }
    for (size_t n = 2; n < (size_t)node_count + 2; n++) links->first[n] += links->first[n - 1];
    for (uint32_t a = 0; a < arc_count; a++) {
        if (tails[a] == heads[a]) continue;
        links->to[links->first[tails[a] + 1]++] = (idx_t)heads[a];
        links->to[links->first[heads[a] + 1]++] = (idx_t)tails[a];
    }
    /* each link once: sort each list, close the gaps */
    idx_t kept = 0, begin = 0;
    for (uint32_t n = 0; n < node_count; n++) {
        idx_t end = links->first[n + 1];
        qsort(links->to + begin, (size_t)(end - begin), sizeof *links->to, link_compare);
        links->first[n] = kept;
        for (idx_t i = begin; i < end; i++)
            if (i == begin || links->to[i] != links->to[i - 1]) links->to[kept++] = links->to[i];
        begin = end;
    }
    links->first[node_count] = kept;
    return GEO_OK;
}

enum geo_status geo_order_find(uint32_t node_count, const uint32_t *tails, const uint32_t *heads, uint32_t arc_count, uint32_t *order, struct geo_error *error)
{
    if (node_count > COUNT_MAX || arc_count > COUNT_MAX / 2) return geo_error_set(error, GEO_LIMIT, "%u nodes, %u arcs are too many to order", node_count, arc_count);
    struct links links = {0};
    idx_t *order_metis = malloc(((size_t)node_count + 1) * sizeof *order_metis), *rank = malloc(((size_t)node_count + 1) * sizeof *rank);
    enum geo_status rc = order_metis && rank ? links_find(node_count, tails, heads, arc_count, &links) : GEO_NO_MEMORY;
    if (rc == GEO_OK && links.first[node_count] > 0) {
        idx_t options[METIS_NOPTIONS], nodes = (idx_t)node_count;
        METIS_SetDefaultOptions(options);
        options[METIS_OPTION_SEED] = 1;
        options[METIS_OPTION_NSEPS] = node_count <= CAREFUL_NODES ? SEPARATORS : SEPARATORS_FAST;
        options[METIS_OPTION_NITER] = node_count <= CAREFUL_NODES ? ROUNDS : ROUNDS_FAST;
        int done = METIS_NodeND(&nodes, links.first, links.to, NULL, options, order_metis, rank);
        if (done != METIS_OK) rc = done == METIS_ERROR_MEMORY ? GEO_NO_MEMORY : GEO_INVALID;
        for (uint32_t i = 0; rc == GEO_OK && i < node_count; i++) order[i] = (uint32_t)order_metis[i];
    } else if (rc == GEO_OK) {
        for (uint32_t i = 0; i < node_count; i++) order[i] = i; /* no links: METIS wants some */
    }
    free(links.first);
    free(links.to);
    free(order_metis);
    free(rank);
    return rc == GEO_OK ? GEO_OK : geo_error_set(error, rc, rc == GEO_NO_MEMORY ? "no memory to order %u nodes" : "%u nodes cannot be ordered", node_count);
}
