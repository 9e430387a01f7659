/* meddispatch load: catalogue files into the database, in batches. Reading the file is csv.c, its columns load_row.c, writing the store's. */
#include "money_commands.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load_row.h"

enum { LOAD_BATCH = 1000, LOAD_ARENA = 64 << 20 };

static const char USAGE[] =
    "usage: meddispatch load --db URI [--city N] [--city-name NAME] [--from YYYY-MM-DD] [--json] KIND FILE.csv\n"
    "  KIND         plans, members, formulary, tests, facilities, couriers or payees\n"
    "  --city       the city whose catalogue it is (1)\n"
    "  --city-name  its name; a city that is not there is made\n"
    "  --utc-offset seconds east of Greenwich, with --city-name (28800)\n"
    "  --from       the day from which changed rows of plans, formulary and tests hold (a first load: ever since; else: now)\n"
    "  --keys       the key file, for members' name, phone, address and identity_number: these columns may lack, and are kept sealed\n"
    "Columns are described in deploy/catalog/README.md. A batch with a bad row is not stored; the message names line and column.\n";

struct load {
    const char *db, *city_name, *path, *keys;
    const struct load_kind *kind;
    struct city_id city;
    int64_t utc_offset_s, from_ms;
    bool json, keys_used;
    struct store *store;
    struct csv *csv;
    struct arena *arena;
    void *rows;
    uint64_t lines[LOAD_BATCH]; /* where each row of the batch stands in the file */
    uint32_t row_count;
    uint64_t total, changed;
};

/* Products, tests and plans are versioned: the first of them hold ever since, later changes from now on. */
static enum status from_decide(struct load *load, struct error *err)
{
    const char *kind = load->kind->name;
    bool versioned = strcmp(kind, "plans") == 0 || strcmp(kind, "formulary") == 0 || strcmp(kind, "tests") == 0;
    if (load->from_ms >= 0 || !versioned) return STATUS_OK;
    struct arena *arena = arena_new((size_t)256 << 20);
    struct catalog catalog;
    enum status rc = store_catalog_load(load->store, load->city, arena, &catalog, err);
    if (rc == STATUS_OK) {
        bool first = strcmp(kind, "tests") == 0 ? catalog.test_count == 0 : catalog.product_count == 0;
        load->from_ms = first ? 0 : clock_now_ms();
    }
    arena_free(arena);
    return rc;
}

/* Members, then who they are: sealed, for those of whom the file says it. */
static enum status members_put(struct load *load, uint32_t *changed, struct error *err)
{
    const struct member_loaded *loaded = load->rows;
    struct member_row *members = mem_zalloc(load->row_count, sizeof *members);
    struct person_row *persons = mem_zalloc(load->row_count, sizeof *persons);
    size_t count = 0;
    for (uint32_t i = 0; i < load->row_count; i++) {
        const struct person *person = &loaded[i].person;
        members[i] = loaded[i].member;
        if (!person->name[0] && !person->phone[0] && !person->address[0] && !person->identity_number[0]) continue;
        persons[count].person = *person;
        text_copy(persons[count++].code, CODE_TEXT_MAX, members[i].code);
    }
    enum status rc = store_members_put(load->store, load->city, members, load->row_count, clock_now_ms(), changed, err);
    if (rc == STATUS_OK && count > 0 && !load->keys_used) {
        char path[CONFIG_TEXT_MAX];
        bool given;
        rc = store_keys_path(load->keys, path, sizeof path, &given, err);
        if (rc == STATUS_OK) rc = store_keys_use(path, err);
        load->keys_used = rc == STATUS_OK;
    }
    if (rc == STATUS_OK) rc = store_persons_put(load->store, load->city, persons, count, err);
    mem_wipe(persons, load->row_count * sizeof *persons);
    free(persons);
    free(members);
    return rc;
}

static enum status batch_put(struct load *load, uint32_t *changed, struct error *err)
{
    const char *kind = load->kind->name;
    if (strcmp(kind, "plans") == 0)
        return store_plans_put(load->store, load->city, load->rows, load->row_count, load->from_ms, changed, err);
    if (strcmp(kind, "members") == 0) return members_put(load, changed, err);
    if (strcmp(kind, "formulary") == 0)
        return store_products_put(load->store, load->city, load->rows, load->row_count, load->from_ms, changed, err);
    if (strcmp(kind, "tests") == 0)
        return store_tests_put(load->store, load->city, load->rows, load->row_count, load->from_ms, changed, err);
    if (strcmp(kind, "facilities") == 0) return store_facilities_put(load->store, load->city, load->rows, load->row_count, changed, err);
    if (strcmp(kind, "couriers") == 0) return store_couriers_put(load->store, load->city, load->rows, load->row_count, changed, err);
    return store_payees_put(load->store, load->city, load->rows, load->row_count, changed, err);
}

/* The store names the row of the batch ("rows[17].birth"); people want the line of the file. */
static void name_line(const struct load *load, struct error *err)
{
    if (strncmp(err->field, "rows[", 5) != 0) return;
    char number[16];
    size_t length = strcspn(err->field + 5, "]");
    int64_t row;
    if (length >= sizeof number) return;
    memcpy(number, err->field + 5, length);
    number[length] = '\0';
    if (text_to_i64(number, 0, (int64_t)load->row_count - 1, &row))
        error_context(err, "%s:%llu", load->path, (unsigned long long)load->lines[row]);
}

static enum status batch_flush(struct load *load, struct error *err)
{
    if (load->row_count == 0) return STATUS_OK;
    uint32_t changed = 0;
    enum status rc = batch_put(load, &changed, err);
    if (rc != STATUS_OK) {
        name_line(load, err);
        return rc;
    }
    load->total += load->row_count;
    load->changed += changed;
    load->row_count = 0;
    arena_reset(load->arena);
    return STATUS_OK;
}

static enum status file_load(struct load *load, struct error *err)
{
    struct load_map map;
    TRY(load_map_make(load->kind, load->csv, &map, err));
    for (;;) {
        bool end;
        TRY(csv_next(load->csv, &end, err));
        if (end) return batch_flush(load, err);
        void *row = (char *)load->rows + load->row_count * load->kind->row_size;
        memset(row, 0, load->kind->row_size);
        TRY(load_row_fill(load->kind, &map, load->csv, (int32_t)load->utc_offset_s, load->arena, row, err));
        load->lines[load->row_count++] = load->csv->line;
        if (load->row_count == LOAD_BATCH) TRY(batch_flush(load, err));
    }
}

/* The first load of a city makes it; --city-name names it, or renames it. */
static enum status city_make(struct load *load, struct error *err)
{
    struct store *store;
    struct city_row city = {.city = load->city, .utc_offset_s = (int32_t)load->utc_offset_s};
    TRY(store_open(load->db, STORE_ROLE_APP, &store, err));
    enum status rc = STATUS_NOT_FOUND;
    if (!load->city_name) {
        struct arena *arena = arena_new((size_t)256 << 20);
        struct catalog catalog;
        rc = store_catalog_load(store, load->city, arena, &catalog, err);
        arena_free(arena);
        text_format(city.name, sizeof city.name, "city %u", load->city.v);
    } else if (!text_copy(city.name, sizeof city.name, load->city_name)) {
        rc = error_set(err, STATUS_INVALID_ARGUMENT, "the city's name is too long");
    }
    if (rc == STATUS_NOT_FOUND) rc = store_city_put(store, &city, err);
    store_close(store);
    return rc;
}

static enum status load_run(struct load *load, struct error *err)
{
    TRY(csv_open(load->path, load->csv, err));
    enum status rc = store_open(load->db, strcmp(load->kind->name, "payees") == 0 ? STORE_ROLE_SETTLEMENT : STORE_ROLE_APP, &load->store, err);
    if (rc != STATUS_OK) {
        csv_close(load->csv);
        return rc == STATUS_FAILED_PRECONDITION ? STATUS_UNAVAILABLE : rc; /* a schema we do not know: a dependency, not an answer */
    }
    rc = city_make(load, err);
    if (rc == STATUS_OK) rc = from_decide(load, err);
    if (rc == STATUS_OK) rc = file_load(load, err);
    store_close(load->store);
    csv_close(load->csv);
    return rc;
}

static bool options_read(struct load *load, int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"db", required_argument, NULL, 'd'},         {"city", required_argument, NULL, 'c'},
                                            {"city-name", required_argument, NULL, 'n'},  {"utc-offset", required_argument, NULL, 'u'},
                                            {"from", required_argument, NULL, 'f'},       {"json", no_argument, NULL, 'j'},
                                            {"keys", required_argument, NULL, 'k'},
                                            {NULL, 0, NULL, 0}};
    int64_t city = 1;
    int32_t day;
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;) {
        if (c == 'd')
            load->db = optarg;
        else if (c == 'c' && text_to_i64(optarg, 1, INT32_MAX, &city))
            continue;
        else if (c == 'n')
            load->city_name = optarg;
        else if (c == 'u' && text_to_i64(optarg, -50400, 50400, &load->utc_offset_s))
            continue;
        else if (c == 'f' && claims_day_from_text(optarg, &day))
            load->from_ms = day * INT64_C(86400000) - load->utc_offset_s * 1000;
        else if (c == 'j')
            load->json = true;
        else if (c == 'k')
            load->keys = optarg;
        else
            return false;
    }
    load->city.v = (uint32_t)city;
    if (!load->db || argc - optind != 2) return false;
    load->kind = load_kind_find(argv[optind]);
    load->path = argv[optind + 1];
    if (!load->kind) fprintf(stderr, "meddispatch load: no such kind of file; there are %s\n", load_kind_names());
    return load->kind != NULL;
}

static void tell(const struct load *load)
{
    if (load->json)
        printf("{\"kind\":\"%s\",\"city\":%u,\"rows\":%llu,\"changed\":%llu}\n", load->kind->name, load->city.v, (unsigned long long)load->total,
               (unsigned long long)load->changed);
    else
        printf("%s: %llu rows, %llu new or changed\n", load->kind->name, (unsigned long long)load->total, (unsigned long long)load->changed);
}

int cmd_load(int argc, char **argv)
{
    struct load load = {.utc_offset_s = 28800, .from_ms = -1};
    struct error err = {0};
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(USAGE, stdout);
        return EXIT_DONE;
    }
    if (!options_read(&load, argc, argv)) {
        fputs(USAGE, stderr);
        return EXIT_USAGE;
    }
    load.csv = mem_zalloc(1, sizeof *load.csv);
    load.rows = mem_zalloc(LOAD_BATCH, load.kind->row_size);
    load.arena = arena_new(LOAD_ARENA);
    enum status rc = load_run(&load, &err);
    free(load.csv);
    free(load.rows);
    arena_free(load.arena);
    if (rc != STATUS_OK) {
        if (load.total) fprintf(stderr, "meddispatch load: the first %llu rows were stored\n", (unsigned long long)load.total);
        return exit_told("load", rc, &err);
    }
    tell(&load);
    return EXIT_DONE;
}
