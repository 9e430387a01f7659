/* The keeper thread: renews the city's lease, and carries orders left in the outbox (by another node, or by a full mailbox) to the core.
 * A lease that cannot be renewed before it runs out ends the daemon: CLOCK_BOOTTIME counts, so a suspended machine stops itself too. */
#include "internal.h"

#include <stdlib.h>
#include <time.h>

enum { OUTBOX_PAGE = 200 };

static void carry_outbox(struct engine *engine, struct store *store)
{
    struct order *orders = mem_zalloc(OUTBOX_PAGE, sizeof *orders);
    size_t count = 0;
    struct error err;
    if (store_outbox_read(store, engine->options.city, orders, OUTBOX_PAGE, &count, &err) != STATUS_OK || count == 0) {
        free(orders);
        return;
    }
    struct to_core *to_core = mem_zalloc(1, sizeof *to_core);
    to_core->orders = orders;
    to_core->commands = mem_zalloc(count, sizeof *to_core->commands);
    to_core->count = (uint32_t)count;
    for (size_t i = 0; i < count; i++)
        to_core->commands[i] = (struct command){.kind = COMMAND_ORDER_ACCEPTED, .city = engine->options.city, .order = orders[i].id, .accepted = &orders[i]};
    if (!core_post(engine, to_core)) to_core_free(to_core); /* the next round finds them again */
}

static void pause_ms(uint32_t ms)
{
    struct timespec span = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&span, NULL);
}

void *keeper_run(void *context)
{
    struct engine *engine = context;
    struct store *store = engine_store_open(engine, STORE_ROLE_APP);
    int64_t beat_us = clock_boot_us(), outbox_us = 0;
    while (store && !atomic_load(&engine->writer_done) && !atomic_load(&engine->fatal)) {
        struct error err = {0};
        int64_t asked_us = clock_boot_us();
        enum status rc = store_city_beat(store, engine->options.city, engine->epoch, LEASE_MS, &err);
        if (rc == STATUS_OK) beat_us = asked_us;
        else if (rc == STATUS_FAILED_PRECONDITION) engine_fatal(engine, "another daemon leads the city: %s", err.text);
        if (clock_boot_us() - beat_us > (int64_t)(LEASE_MS - BEAT_MS / 2) * 1000) engine_fatal(engine, "the lease could not be renewed in time: %s", err.text);
        if (clock_boot_us() - outbox_us > (int64_t)OUTBOX_POLL_MS * 1000 && !atomic_load(&engine->stopping)) {
            outbox_us = clock_boot_us();
            carry_outbox(engine, store);
            engine_callers_look(engine, store);
        }
        pause_ms(BEAT_MS);
    }
    store_close(store);
    return NULL;
}
