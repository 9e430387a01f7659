/* The router thread, inside: router.c has routes and matrices, router_around.c steps, who is near, and areas. */
#ifndef ENGINE_ROUTER_H
#define ENGINE_ROUTER_H

#include "internal.h"

struct router {
    struct engine *engine;
    struct geo_scratch *scratch;
    struct geo_metric *metric;     /* of the question in hand */
    struct oracle *oracle;
};

void *router_take(struct message *message, size_t count, size_t size); /* zeroed, in the message's arena; NULL beyond its cap */
must_use enum status router_snap_all(const struct router *router, const struct question *question, struct geo_snap *snaps, struct error *err);

/** The leg's steps in words; via: the number of the via point at its end, 0 for the destination. */
must_use enum status router_keep_steps(const struct router *router, const struct question *question, struct message *message, const struct geo_route *route,
                                       const struct geo_snap *to, uint32_t via, struct leg *leg);
must_use enum status router_nearest(struct router *router, const struct to_router *asked, struct message *message);
must_use enum status router_isochrone(struct router *router, const struct question *question, struct message *message);

#endif
