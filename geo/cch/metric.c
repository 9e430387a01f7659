/* Metrics: respecting the input weights, customizing, and the perfect metric's shorter lists of links. */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

void cch_metric_deinit(struct cch_metric *metric)
{
    free(metric->up);
    free(metric->down);
    for (int d = 0; d < 2; d++) {
        free(metric->middle[d]);
        free(metric->link_first[d]);
        free(metric->links[d]);
    }
    memset(metric, 0, sizeof *metric);
}

enum geo_status cch_metric_alloc(const struct geo_cch *cch, struct cch_metric *out)
{
    size_t arcs = (size_t)cch->arc_count + 1;
    memset(out, 0, sizeof *out);
    out->cch = cch;
    out->up = malloc(arcs * sizeof *out->up);
    out->down = malloc(arcs * sizeof *out->down);
    for (int d = 0; d < 2; d++) out->middle[d] = calloc(arcs, sizeof *out->middle[d]);
    if (out->up && out->down && out->middle[0] && out->middle[1]) return GEO_OK;
    cch_metric_deinit(out);
    return GEO_NO_MEMORY;
}

static void respect(const struct geo_cch *cch, const geo_weight *input_weights, struct cch_metric *out)
{
    for (uint32_t a = 0; a < cch->arc_count; a++) out->up[a] = out->down[a] = CCH_NONE;
    for (uint32_t i = 0; i < cch->input_count; i++) {
        if (cch->place[i] == GEO_NONE || input_weights[i] >= (geo_weight)CCH_NONE) continue;
        cch_weight *weight = (cch->place[i] & 1 ? out->down : out->up) + cch->place[i] / 2, input = (cch_weight)input_weights[i];
        if (input < *weight) *weight = input;
        /* where nothing goes faster than 300 m/s, no way of less than GEO_FINITE_MAX has 2^32 dm */
        if ((geo_weight)(input & UINT32_MAX) > 3 * (geo_weight)(input >> 32)) out->needs_long = true;
    }
}

enum geo_status cch_metric_new(const struct geo_cch *cch, const geo_weight *input_weights, unsigned threads, struct cch_metric *out)
{
    enum geo_status rc = cch_metric_alloc(cch, out);
    if (rc != GEO_OK) return rc;
    respect(cch, input_weights, out);
    if (threads <= 1) {
        cch_kernels()->customize(cch, out->up, out->down, 0, cch->node_count);
        return GEO_OK;
    }
    if (cch_customize_by(cch, out->up, out->down, threads < CCH_THREADS_MAX ? threads : CCH_THREADS_MAX)) return GEO_OK;
    cch_metric_deinit(out);
    return GEO_NO_MEMORY;
}

/* ---- perfect ---- */

/* Arcs whose customized weight is the perfect one: no way over higher nodes is shorter. */
static bool links_keep(struct cch_metric *metric, int direction, const cch_weight *weights, const cch_weight *perfect)
{
    const struct geo_cch *cch = metric->cch;
    uint32_t count = 0;
    for (uint32_t a = 0; a < cch->arc_count; a++) count += weights[a] < CCH_NONE && weights[a] == perfect[a];
    uint32_t *first = malloc(((size_t)cch->node_count + 1) * sizeof *first);
    struct cch_link *links = malloc(((size_t)count + 1) * sizeof *links);
    metric->link_first[direction] = first;
    metric->links[direction] = links;
    if (!first || !links) return false;
    count = 0;
    for (uint32_t r = 0; r < cch->node_count; r++) {
        first[r] = count;
        for (uint32_t a = cch->up_first[r]; a < cch->up_first[r + 1]; a++)
            if (weights[a] < CCH_NONE && weights[a] == perfect[a]) links[count++] = (struct cch_link){a, cch->depth[cch->up_head[a]], weights[a]};
    }
    first[cch->node_count] = count;
    return true;
}

enum geo_status cch_metric_perfect(struct cch_metric *metric, unsigned threads)
{
    const struct geo_cch *cch = metric->cch;
    size_t bytes = (size_t)cch->arc_count * sizeof(cch_weight);
    cch_weight *up = malloc(bytes + 8), *down = malloc(bytes + 8);
    bool done = up && down && !metric->links[0];
    if (done) {
        memcpy(up, metric->up, bytes);
        memcpy(down, metric->down, bytes);
        if (threads <= 1) cch_kernels()->perfect(cch, up, down, 0, cch->node_count);
        else done = cch_perfect_by(cch, up, down, threads < CCH_THREADS_MAX ? threads : CCH_THREADS_MAX);
        done = done && links_keep(metric, 0, metric->up, up) && links_keep(metric, 1, metric->down, down);
    }
    free(up);
    free(down);
    return done ? GEO_OK : GEO_NO_MEMORY;
}
