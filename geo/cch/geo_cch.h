/** geo_cch: a customizable contraction hierarchy (Dibbelt, Strasser, Wagner 2016; survey: Bläsius et al. 2025, arXiv 2502.10519).
 *
 *  *Topology*: an order of the nodes and the arcs that contracting them in that order makes (a chordal graph), once per map. *Metric*: a weight for
 *  each of those arcs and direction; *customization* makes it from the input arcs' weights by lower triangles, *perfect* customization then lets
 *  go of the arcs that no shortest way needs. *Queries* go up from both ends along the *elimination tree* and meet.
 *
 *  Nodes are named by *rank* here: the order, renumbered so that the elimination tree is in postorder. An up-neighbour of a node is one of its
 *  ancestors, and a root path has one node at each depth: so what is known of a root path is a dense array by depth, and the arcs of a node lie
 *  sorted by their head's depth, most of them in runs of neighbouring depths. Customization and searches go along runs, four weights at a time.
 *
 *  Topologies and metrics are immutable (but for a metric's memory of unpacked arcs, which is atomic), shared by threads. Weights are geo_weight,
 *  below CCH_NONE; sums of two fit into a signed 64-bit number. No function but build, attach and the metrics' makers allocates.
 */
#ifndef GEO_CCH_GEO_CCH_H
#define GEO_CCH_GEO_CCH_H

#include "geo_core/geo_core.h"

typedef int64_t cch_weight;
#define CCH_NONE ((cch_weight)GEO_WEIGHT_END - 1) /* no way; every weight of a way is smaller, and two of them add without overflow */

/* ---- topology ---- */

struct cch_run { uint32_t depth, arc; };  /* arcs from `arc` on have heads of depth, depth + 1, ... up to the next run's first arc */

struct geo_cch {
    uint32_t node_count, arc_count, input_count;
    /* as the map file holds them */
    uint32_t *rank;           /* by node */
    uint32_t *up_first;       /* by rank, one more: its arcs to higher nodes */
    uint32_t *up_head;        /* by arc: a rank; descending within a node, so ascending by depth */
    uint32_t *place;          /* by input arc: 2 * arc + (0: it goes up, 1: down); GEO_NONE: a loop */
    /* worked out from those when the map is opened */
    uint32_t height;          /* nodes of the longest root path */
    uint32_t *node;           /* by rank */
    uint32_t *parent;         /* by rank: in the elimination tree; GEO_NONE: a root */
    uint32_t *depth;          /* by rank: 0 for a root */
    uint32_t *run_first;      /* by rank, one more */
    struct cch_run *runs;     /* one more, as a sentinel */
    uint32_t *up_tail;        /* by arc */
    uint32_t *up_depth;       /* by arc: its head's depth */
    uint32_t *step_first;     /* by arc, one more: nothing for those of nodes with many arcs, whose runs are long enough without */
    uint32_t *steps;          /* of an arc, for each run of its node that begins before it: the arc between the two heads */
    uint32_t *down_first, *down_arc; /* by rank, one more: the arcs that have it as head, ascending by tail */
    uint32_t *input_first, *inputs;  /* by 2 * arc + direction, one more: the input arcs that lie on it */
    struct cch_triangles *triangles; /* atomic: by arc, made when they are first needed */
    void *owned[4];           /* the first four arrays, if they are this struct's own */
};

/** From an order (order[rank] = node) and the input arcs, loops and parallels welcome. The struct owns what it points to. */
geo_must_use enum geo_status geo_cch_build(uint32_t node_count, const uint32_t *tails, const uint32_t *heads, uint32_t arc_count, const uint32_t *order,
                                           struct geo_cch *out, struct geo_error *error);
/** Over arrays that somebody else keeps (a map file's): out's counts and first four pointers are set by the caller, the rest is worked out. Nothing in
 *  them is believed: an order that is no permutation, arcs that break the law of the elimination tree, an input arc elsewhere: GEO_INVALID.
 *  Tails and heads are the input arcs' nodes, in bounds. */
geo_must_use enum geo_status geo_cch_attach(struct geo_cch *cch, const uint32_t *tails, const uint32_t *heads, struct geo_error *error);
void geo_cch_deinit(struct geo_cch *cch);

/** Lower triangles of each arc: the two arcs of a lower node to its ends, lowest first. */
struct cch_triangle { uint32_t to_low, to_high; };
struct cch_triangles { uint32_t *first; struct cch_triangle *at; };

struct cch_figures { uint64_t triangles; uint32_t runs, height; double search_nodes, search_arcs; /* means over all nodes */ };
struct cch_figures geo_cch_figures(const struct geo_cch *cch);

/* ---- metrics ---- */

/** An arc that a shortest way may need, in one direction. */
struct cch_link { uint32_t arc, depth; cch_weight weight; }; /* depth: of the arc's head */

struct cch_metric {
    const struct geo_cch *cch; /* borrowed */
    cch_weight *up, *down;     /* by arc: from the lower node to the higher one, and back */
    uint32_t *middle[2];       /* by arc: what it was found to stand for: 0 unknown, else 1 + 2 * (input arc or lower node) + (0 input, 1 node); atomic */
    uint32_t *link_first[2];   /* by rank, one more; NULL until perfect: the arcs worth following, up and down */
    struct cch_link *links[2];
    bool needs_long;           /* lengths so great that they could carry into the times: sweeps add whole weights */
};

enum { CCH_THREADS_MAX = 16 };
/** Customize: input_weights by input arc, >= CCH_NONE or GEO_WEIGHT_NONE closes one. Basic, usable at once; call perfect for faster queries. With threads > 1
 *  (at most CCH_THREADS_MAX are used) others help, and are gone when it returns; the weights are the same. */
geo_must_use enum geo_status cch_metric_new(const struct geo_cch *cch, const geo_weight *input_weights, unsigned threads, struct cch_metric *out);
geo_must_use enum geo_status cch_metric_perfect(struct cch_metric *metric, unsigned threads);
/** The old metric where the weights of some input arcs differ: input_weights are all of the new ones, `changed` names those that are not the old ones'.
 *  The new one is not perfect. */
geo_must_use enum geo_status cch_metric_change(const struct cch_metric *old, const geo_weight *input_weights, const uint32_t *changed, uint32_t changed_count,
                                               struct cch_metric *out);
void cch_metric_deinit(struct cch_metric *metric);

/* ---- labels: the upward search space of a place, dense by depth ---- */

enum cch_direction { CCH_FROM = 0, CCH_TO = 1 }; /* ways from the place, ways to it */

/** A place hangs on the network by a few links; the root paths that they begin are a tree. Its first arm is a whole root path, each other one leads up to where
 *  it meets an arm before it: every node of the search space is there once. */
struct cch_seed { uint32_t rank; cch_weight weight; };
enum { CCH_SEEDS_MAX = 64 };

struct cch_arm {
    uint32_t fork, depth;      /* of its highest and its lowest node */
    uint32_t first;            /* entry of depth d, fork <= d <= depth: first + d, modulo 2^32 */
    uint32_t parent;           /* the arm, before it, that has what is above its fork; of no meaning if that is 0 */
};
struct cch_label {
    uint32_t arm_count, size;  /* entries in use */
    struct cch_arm *arms;      /* the caller's, CCH_SEEDS_MAX of them */
    uint32_t *ranks;           /* by entry: arm by arm, from the top down */
    cch_weight *weights;       /* CCH_NONE: not reached */
};
/** Entries that the arrays of a label must have room for while it is filled. */
static inline size_t cch_label_room(const struct geo_cch *cch)
{
    return ((size_t)CCH_SEEDS_MAX + 1) * (cch->height + 1);
}
/** label->arms, ranks and weights are the caller's; all answers, and a copy of the first `size` entries, are whole afterwards. */
void cch_label_fill(const struct cch_metric *metric, enum cch_direction direction, const struct cch_seed *seeds, uint32_t seed_count, struct cch_label *label);
/** The weight of the best way, CCH_NONE if there is none. */
cch_weight cch_label_meet(const struct cch_label *from, const struct cch_label *to);
/** And where: the lowest node of the best, by its depth in an arm of each. */
struct cch_meeting { uint32_t from_arm, to_arm, depth; };
cch_weight cch_label_meeting(const struct cch_label *from, const struct cch_label *to, struct cch_meeting *out);

/* ---- paths ---- */

struct cch_trace;              /* one thread's memory of a path query */
struct cch_trace *cch_trace_new(const struct geo_cch *cch);
void cch_trace_free(struct cch_trace *trace);

/** The best way between two sets of seeds: its weight (CCH_NONE: there is none), and its input arcs in order: borrowed, until the next query. A
 *  way without arcs (both hang on the same node) has count 0. *from and *to are the seeds used. */
struct cch_path { cch_weight weight; const uint32_t *arcs; uint32_t count, from, to; };
geo_must_use enum geo_status cch_path_find(const struct cch_metric *metric, const geo_weight *input_weights, struct cch_trace *trace, const struct cch_seed *from,
                                           uint32_t from_count, const struct cch_seed *to, uint32_t to_count, struct cch_path *out);

/* ---- many to many ---- */

/** One thread's memory of sweeps. Grows to what the largest query needs. */
struct cch_sweep;
struct cch_sweep *cch_sweep_new(const struct geo_cch *cch);
void cch_sweep_free(struct cch_sweep *sweep);

/** Seeds of many places: place i has seeds[first[i]] .. seeds[first[i + 1] - 1]. */
struct cch_places { uint32_t count; const uint32_t *first; const struct cch_seed *seeds; };

/** Restricted sweep (RPHAST: Delling, Goldberg, Werneck 2011) for 16 sources at a time. Milliseconds into ms (row-major, sources x targets), and decimetres into dm
 *  unless it is NULL; GEO_UNREACHABLE where no way leads. GEO_NO_MEMORY if the sweep's memory cannot grow. */
geo_must_use enum geo_status cch_matrix(const struct cch_metric *metric, struct cch_sweep *sweep, const struct cch_places *sources, const struct cch_places *targets,
                                        uint32_t *ms, uint32_t *dm);
/** One place to or from every node: out by node (not rank); CCH_NONE where no way leads. */
void cch_reach(const struct cch_metric *metric, enum cch_direction direction, const struct cch_seed *seeds, uint32_t seed_count, cch_weight *out);

/** Many places to one, asked one by one; what is found on the way is remembered until the next place. One thread's memory. */
struct cch_pull;
struct cch_pull *cch_pull_new(const struct geo_cch *cch);
void cch_pull_free(struct cch_pull *pull);
void cch_pull_begin(const struct cch_metric *metric, struct cch_pull *pull, const struct cch_label *to); /* `to` is filled with CCH_TO; read, not kept */
/** From a node, by its rank; CCH_NONE if no way leads there. The same metric as at the beginning. */
cch_weight cch_pull_weight(const struct cch_metric *metric, struct cch_pull *pull, uint32_t rank);

/** Which kernels run: "avx512", "avx2" or "portable"; the best that this processor has, or the one forced (tests; NULL: the best again). False if it has not
 *  that one. Not while others query. */
const char *cch_kernels_name(void);
bool cch_kernels_force(const char *name);

#endif
