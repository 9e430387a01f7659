/** geo_order: in which order a contraction hierarchy takes the nodes of a graph: nested dissection, so that small separators come last and lie on
 *  top. METIS_NodeND (Karypis, Kumar 1998) with several trial separators, whose orders are as good as those of the best published tools on cities.
 *
 *  Runs when a map is built, never in a query. Not for several threads at once (METIS seeds the process's random numbers).
 */
#ifndef GEO_ORDER_GEO_ORDER_H
#define GEO_ORDER_GEO_ORDER_H

#include "geo_core/geo_core.h"

/** order[rank] = node, the least important first. Arcs are taken without direction; loops and parallels don't matter. The same graph gives the same
 *  order. GEO_LIMIT beyond 2^30 nodes or arcs. */
geo_must_use enum geo_status geo_order_find(uint32_t node_count, const uint32_t *tails, const uint32_t *heads, uint32_t arc_count, uint32_t *order,
                                            struct geo_error *error);

#endif
