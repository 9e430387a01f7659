/* Random pickup-and-delivery instances by seed, small or large, for the fleet solver's tests. */
#include "random_instance.h"

#include <math.h>
#include <string.h>

enum { SIDE = 60, CAPACITY = 30, SERVICE_MAX = 5, BEST_MAX = 7 };

static double travel(const struct plan_instance *instance, uint32_t a, uint32_t b)
{
    if (instance->minutes) return instance->minutes[(size_t)a * instance->node_count + b];
    double dx = instance->nodes[a].x - instance->nodes[b].x, dy = instance->nodes[a].y - instance->nodes[b].y;
    return sqrt(dx * dx + dy * dy);
}

static void fill_minutes(struct plan_instance *instance, struct rng *rng)
{
    uint32_t n = instance->node_count;
    instance->minutes = mem_zalloc((size_t)n * n, sizeof *instance->minutes);
    uint32_t *m = instance->minutes;
    for (uint32_t a = 0; a < n; a++)
        for (uint32_t b = 0; b < n; b++) {
            double dx = instance->nodes[a].x - instance->nodes[b].x, dy = instance->nodes[a].y - instance->nodes[b].y;
            m[(size_t)a * n + b] = a == b ? 0 : (uint32_t)(sqrt(dx * dx + dy * dy)) + rng_below(rng, 8);
        }
    for (uint32_t k = 0; k < n; k++)
        for (uint32_t a = 0; a < n; a++)
            for (uint32_t b = 0; b < n; b++)
                if (m[(size_t)a * n + k] + m[(size_t)k * n + b] < m[(size_t)a * n + b]) m[(size_t)a * n + b] = m[(size_t)a * n + k] + m[(size_t)k * n + b];
}

/* A window around a moment at which the node can be served if its pair is served alone. */
static void open_window(struct plan_instance_node *node, struct rng *rng, int32_t early, int32_t late, uint32_t window)
{
    int32_t moment = early + (int32_t)rng_below(rng, (uint32_t)(late - early) + 1), before = (int32_t)rng_below(rng, window + 1);
    node->open = moment - before > 0 ? moment - before : 0;
    node->close = moment + (int32_t)rng_below(rng, window + 1);
}

struct plan_instance *test_instance_new(struct rng *rng, struct test_instance_shape shape)
{
    struct plan_instance *instance = mem_zalloc(1, sizeof *instance);
    uint32_t n = 2 * shape.requests + 1;
    (void)text_copy(instance->name, sizeof instance->name, "made-up");
    instance->family = shape.family;
    instance->capacity = CAPACITY;
    instance->node_count = n;
    instance->nodes = mem_zalloc(n, sizeof *instance->nodes);
    for (uint32_t i = 0; i < n; i++) {
        instance->nodes[i].x = rng_below(rng, SIDE);
        instance->nodes[i].y = rng_below(rng, SIDE);
    }
    if (shape.family == PLAN_SARTORI_BURIOL) fill_minutes(instance, rng);
    instance->nodes[0].close = (int32_t)shape.horizon;
    for (uint32_t i = 1; i < n; i += 2) {
        uint32_t p = rng_below(rng, 2) ? i : i + 1, d = p == i ? i + 1 : i;
        struct plan_instance_node *pickup = &instance->nodes[p], *delivery = &instance->nodes[d];
        pickup->pickup = true;
        pickup->partner = d;
        delivery->partner = p;
        pickup->demand = 1 + (int32_t)rng_below(rng, CAPACITY / 2);
        delivery->demand = -pickup->demand;
        pickup->service = (int32_t)rng_below(rng, SERVICE_MAX);
        delivery->service = (int32_t)rng_below(rng, SERVICE_MAX);
        int32_t to = (int32_t)ceil(travel(instance, 0, p)), between = pickup->service + (int32_t)ceil(travel(instance, p, d)),
                back = delivery->service + (int32_t)ceil(travel(instance, d, 0)), slack = (int32_t)shape.horizon - to - between - back;
        ASSERT(slack >= 0); /* a shape whose day is too short for its side */
        open_window(pickup, rng, to, to + slack / 2, shape.window);
        int32_t ready = (pickup->open > to ? pickup->open : to) + between;
        open_window(delivery, rng, ready, ready + slack / 3 < (int32_t)shape.horizon - back ? ready + slack / 3 : (int32_t)shape.horizon - back, shape.window);
    }
    return instance;
}

/* ---- the best answer ---- */

struct all {
    const struct plan_instance *instance;
    uint32_t requests, pickup[BEST_MAX];
    double least[1 << BEST_MAX]; /* by set of requests: the shortest single route that serves it */
};

/* Every way to go on from node `at`, reached at `now`. */
static void walk(struct all *all, uint32_t at, double now, double length, int32_t load, uint32_t begun, uint32_t ended)
{
    const struct plan_instance *instance = all->instance;
    const struct plan_instance_node *depot = &instance->nodes[0];
    double home = travel(instance, at, 0);
    if (now + home > depot->close) return;
    if (begun == ended && length + home < all->least[ended]) all->least[ended] = length + home;
    for (uint32_t r = 0; r < all->requests; r++) {
        if (ended & BIT(r)) continue;
        bool pick = !(begun & BIT(r));
        uint32_t next = pick ? all->pickup[r] : instance->nodes[all->pickup[r]].partner;
        const struct plan_instance_node *node = &instance->nodes[next];
        double leg = travel(instance, at, next), begin = now + leg;
        if (begin < node->open) begin = node->open;
        if (begin > node->close || load + node->demand > instance->capacity) continue;
        walk(all, next, begin + node->service, length + leg, load + node->demand, begun | BIT(r), pick ? ended : ended | BIT(r));
    }
}

void test_instance_best(const struct plan_instance *instance, uint32_t *routes, double *distance)
{
    static struct all all;
    all = (struct all){.instance = instance};
    for (uint32_t i = 1; i < instance->node_count; i++)
        if (instance->nodes[i].pickup) all.pickup[all.requests++] = i;
    ASSERT(all.requests <= BEST_MAX);
    for (uint32_t set = 0; set < BIT(all.requests); set++) all.least[set] = INFINITY;
    walk(&all, 0, (double)instance->nodes[0].open + instance->nodes[0].service, 0, 0, 0, 0);
    uint32_t count[1 << BEST_MAX] = {0};
    double length[1 << BEST_MAX] = {0};
    for (uint32_t set = 1; set < BIT(all.requests); set++) {
        count[set] = UINT32_MAX;
        length[set] = INFINITY;
        for (uint32_t part = set; part > 0; part = (part - 1) & set) {
            uint32_t rest = set ^ part;
            if (!isfinite(all.least[part])) continue;
            uint32_t with = count[rest] + 1;
            double far = length[rest] + all.least[part];
            if (with > count[set] || (with == count[set] && far >= length[set])) continue;
            count[set] = with;
            length[set] = far;
        }
    }
    *routes = count[BIT(all.requests) - 1];
    *distance = length[BIT(all.requests) - 1];
}
