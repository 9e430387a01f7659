/* Private to dispatch: the inside of a world, and the small tools its files share. */
#ifndef DISPATCH_WORLD_H
#define DISPATCH_WORLD_H

#include "dispatch/dispatch.h"

/* One remembered request. The ring is in the order of facts, so its bytes are canonical. */
struct key_entry {
    uint8_t key[16];
    uint64_t request_hash;
    struct order_id order;
    struct courier_id courier;
    int64_t at_ms;
};

struct keys {
    struct key_entry *ring;      /* count entries from `first`, wrapping at WORLD_KEYS_MAX */
    uint32_t first, count, capacity;
    uint32_t *slots;             /* open addressing: ring position + 1 */
    uint32_t slot_count;
};
void keys_deinit(struct keys *keys);
const struct key_entry *keys_find(const struct keys *keys, const uint8_t key[16]);
void keys_add(struct keys *keys, const struct key_entry *entry); /* the oldest goes when full */
void keys_forget(struct keys *keys, int64_t before_ms);
const struct key_entry *keys_at(const struct keys *keys, uint32_t index);

struct world {
    struct world_options options;
    uint64_t seq;
    int64_t last_fact_ms;
    struct world_order **orders;      /* ascending by id */
    uint32_t order_count, order_capacity;
    struct world_courier **couriers;  /* ascending by id */
    uint32_t courier_count, courier_capacity;
    struct keys keys;
    /* not part of the canonical bytes */
    int64_t now_ms, awake_ms;
    int64_t timer_ms;                 /* the next thing that time itself brings; 0: look again */
    int64_t plan_due_ms;              /* INT64_MAX: nothing asks for a plan */
    int64_t plan_last_ms;
    bool plan_out;
    bool has_open;                    /* some order is still to be carried */
};

struct world_order *order_find(const struct world *world, struct order_id id);
struct world_courier *courier_find(const struct world *world, struct courier_id id);
struct world_order *order_add(struct world *world, struct order_id id);
struct world_courier *courier_add(struct world *world, struct courier_id id);
void order_drop(struct world *world, uint32_t index);
uint32_t order_index(const struct world *world, struct order_id id); /* of the first id >= `id` */
bool order_is_told(const struct world_order *order);       /* its courier knows of it: ASSIGNED and after, until it has ended */
bool order_needs_courier(const struct world_order *order); /* still to be carried */
/* How long cold medicine may be out of the pharmacy's fridge; 0: as long as it takes. */
uint32_t order_cold_ride_max_s(const struct world *world, const struct order *order);
bool order_has_declined(const struct world_order *order, struct courier_id courier);
/* The kinds of stops an order still needs, in order; `kit` = whether the kit stop is among them when it may be skipped. */
uint32_t order_stops_left(const struct world_order *order, enum stop_kind out[ORDER_STOPS_MAX], bool *kit_optional);
uint32_t courier_find_stop(const struct world_courier *courier, struct order_id order, enum stop_kind kind); /* stop_count: none */

/* ---- one tick ---- */

struct tick {
    struct world *world;
    int64_t now_ms;
    struct fact_list *facts;
    const struct command *command;    /* NULL: time itself */
    struct decision *decision;
};

/* A fact begun: about this order and courier (either may be NULL), by the tick's command, phase unchanged. Fill it, then fact_tell. */
struct fact fact_begin(const struct tick *tick, enum fact_kind kind, const struct world_order *order, struct courier_id courier);
void fact_tell(struct tick *tick, const struct fact *fact);
void *fact_memory(struct tick *tick, size_t size);
void plan_wanted(struct world *world, int64_t at_ms);

enum status decide_order(struct tick *tick, struct error *err);      /* orders.c: ORDER_ACCEPTED APPROVE READY CANCEL */
enum status decide_courier(struct tick *tick, struct error *err);    /* couriers.c: shifts, positions, answers */
enum status decide_dispatcher(struct tick *tick, struct error *err); /* couriers.c: REASSIGN PIN HOLD */
enum status decide_stop(struct tick *tick, struct error *err);       /* stops.c: STOP_EVENT */
enum status decide_plan(struct tick *tick, struct error *err);       /* proposal.c: PLAN_READY */
void timers_run(struct tick *tick);                                  /* timers.c */

enum status find_order(const struct tick *tick, struct world_order **out, struct error *err);
void unassign(struct tick *tick, struct world_order *order, enum fail_reason reason, const char *text);
void note_promise(struct tick *tick, const struct world_order *order); /* FACT_PROMISE_MISSED if it is, and was not told */

#endif
