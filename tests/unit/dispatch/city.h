/* A small made-up city for dispatch's tests: places on a grid, a planner on the spot, commands by the short way. */
#ifndef TEST_CITY_H
#define TEST_CITY_H

#include "dispatch/dispatch.h"

enum { CITY_ID = 7 };

struct city {
    struct world *world;
    struct fact_list facts;       /* all facts so far */
    struct decision decision;     /* of the last command */
    int64_t now_ms;
    uint64_t next_key;
};

void city_init(struct city *city);
void city_deinit(struct city *city);
struct point city_point(int32_t x_m, int32_t y_m);
struct plan_leg city_travel(void *context, uint32_t from, uint32_t to); /* context: struct plan_request */
/* One command; its status. Facts are appended to city.facts. */
enum status city_do(struct city *city, const struct command *command);
void city_wait(struct city *city, int64_t s); /* let time pass, tick once */
/* If the world asks for a plan: make one and bring it in. */
void city_plan(struct city *city);
struct command city_command(struct city *city, enum command_kind kind, uint64_t order, uint64_t courier); /* with a fresh key */
struct order city_prescription(struct city *city, uint64_t id, struct point from, struct point to);
struct order city_test(struct city *city, uint64_t id, struct point kit, struct point home, struct point lab);
enum status city_enter(struct city *city, const struct order *order);
enum status city_shift(struct city *city, uint64_t courier, struct point at, uint32_t kits);
enum status city_stop(struct city *city, uint64_t order, uint64_t courier, enum stop_event event);
enum status city_fail(struct city *city, uint64_t order, uint64_t courier, enum fail_reason reason);
enum status city_ready(struct city *city, uint64_t order);
enum status city_answer(struct city *city, uint64_t order, uint64_t courier, bool accept);
/* Count facts of a kind about an order (0: any). */
uint32_t city_facts(const struct city *city, enum fact_kind kind, uint64_t order);

#endif
