/* `meddispatch world phases` prints the life of an order as a diagram. `meddispatch world verify --db URI --city N`: replays a city's stored facts from the first on and compares the world they make with the
 * snapshot that the daemon saved, byte for byte. */
#include "main.h"
#include "dispatch/dispatch.h"
#include "store/store.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char USAGE[] = "usage: meddispatch world verify --db URI [--city N] [--json]\n"
                            "       meddispatch world phases\n\n"
                            "Replays every stored fact of the city and compares with the newest stored snapshot, byte for byte. Checks on the way that\n"
                            "each fact may follow on the one before and that no order is with two couriers. Exit 1 if anything differs.\n";

enum { REPLAY_ARENA_BYTES = 64 << 20 };

struct verify {
    struct store *store;
    struct city_id city;
    struct world *world;
    uint64_t snapshot_seq, facts;
    struct buffer snapshot;
    bool compared, differs;
    enum status rc;
    struct error *err;
};

static void compare(struct verify *verify)
{
    struct buffer now;
    buffer_init(&now, STORE_SNAPSHOT_MAX);
    world_encode(verify->world, &now);
    verify->compared = true;
    verify->differs = now.full || now.size != verify->snapshot.size || memcmp(now.data, verify->snapshot.data, now.size) != 0;
    buffer_deinit(&now);
}

static bool on_fact(void *context, const struct fact *fact)
{
    struct verify *verify = context;
    verify->rc = world_fact_check(verify->world, fact, verify->err);
    if (verify->rc != STATUS_OK) return false;
    world_apply(verify->world, fact);
    verify->facts++;
    if (fact->seq == verify->snapshot_seq) compare(verify);
    return true;
}

static enum status replay(struct verify *verify)
{
    size_t count = STORE_PAGE_MAX;
    while (count == STORE_PAGE_MAX) {
        struct arena *arena = arena_new(REPLAY_ARENA_BYTES);
        enum status rc = store_facts_read(verify->store, verify->city, world_seq(verify->world), STORE_PAGE_MAX, arena, on_fact, verify, &count, verify->err);
        arena_free(arena);
        TRY(rc);
        TRY(verify->rc);
    }
    return STATUS_OK;
}

/* An order may stand in one courier's route only, and that courier must be the one the order names. */
static uint32_t count_doubles(const struct world *world)
{
    uint32_t wrong = 0;
    for (uint32_t c = 0; c < world_courier_count(world); c++) {
        const struct world_courier *courier = world_courier_at(world, c);
        for (uint32_t i = 0; i < courier->stop_count; i++) {
            const struct world_order *order = world_order(world, courier->stops[i].plan.order);
            if (!order || order->courier.v != courier->courier.id.v) wrong++;
        }
    }
    return wrong;
}

static int verify_city(const char *db, struct city_id city, bool json)
{
    struct error err = {0};
    struct verify verify = {.city = city, .err = &err, .rc = STATUS_OK};
    if (store_open(db, STORE_ROLE_READER, &verify.store, &err) != STATUS_OK) return exit_told("world verify", err.status, &err);
    buffer_init(&verify.snapshot, STORE_SNAPSHOT_MAX);
    struct world_options options = world_options_default(city);
    verify.world = world_new(&options);
    int64_t at_ms;
    enum status rc = store_snapshot_load(verify.store, city, &verify.snapshot_seq, &at_ms, &verify.snapshot, &err);
    if (rc == STATUS_OK || rc == STATUS_NOT_FOUND) rc = replay(&verify);
    int code = EXIT_DONE;
    if (rc != STATUS_OK) {
        code = exit_told("world verify", err.status, &err);
    } else {
        uint32_t doubles = count_doubles(verify.world);
        code = verify.differs || doubles ? EXIT_NO : EXIT_DONE;
        printf(json ? "{\"facts\":%llu,\"orders\":%u,\"couriers\":%u,\"snapshot_seq\":%llu,\"snapshot_compared\":%s,\"equal\":%s,\"orders_with_two_couriers\":%u}\n"
                    : "facts %llu, orders %u, couriers %u, snapshot at %llu, compared %s, equal %s, orders with two couriers %u\n",
               (unsigned long long)verify.facts, world_order_count(verify.world), world_courier_count(verify.world), (unsigned long long)verify.snapshot_seq,
               verify.compared ? "true" : "false", verify.differs ? "false" : "true", doubles);
    }
    world_free(verify.world);
    buffer_deinit(&verify.snapshot);
    store_close(verify.store);
    return code;
}

/* From the one table that decides which phase may follow which. */
static int print_phases(void)
{
    struct buffer out;
    buffer_init(&out, 1 << 16);
    order_phase_print(&out);
    fwrite(out.data, 1, out.size, stdout);
    buffer_deinit(&out);
    return EXIT_DONE;
}

int cmd_world(int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"db", required_argument, NULL, 'd'}, {"city", required_argument, NULL, 'c'}, {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    const char *db = NULL;
    int64_t city = 1;
    bool json = false;
    int option;
    while ((option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        if (option == 'd') db = optarg;
        else if (option == 'j') json = true;
        else if (option == 'h') return fputs(USAGE, stdout), EXIT_DONE;
        else if (option != 'c' || !text_to_i64(optarg, 1, UINT32_MAX, &city)) return fputs(USAGE, stderr), EXIT_USAGE;
    }
    if (optind == argc - 1 && strcmp(argv[optind], "phases") == 0) return print_phases();
    if (!db || optind != argc - 1 || strcmp(argv[optind], "verify") != 0) return fputs(USAGE, stderr), EXIT_USAGE;
    return verify_city(db, (struct city_id){(uint32_t)city}, json);
}
