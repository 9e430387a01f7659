/* `meddispatch person`: what a member may ask of us about himself (what we hold, and that it be erased); `meddispatch audit`: who has read what. */
#include "main.h"
#include "money_options.h"
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char USAGE_PERSON[] =
    "usage: meddispatch person show  --member CODE --reason TEXT --db URI [--keys FILE] [--actor WHO] [--city N] [--json]\n"
    "       meddispatch person erase --member CODE --db URI [--actor WHO] [--city N]\n\n"
    "show: a member's name, phone, address and identity number; the reading is written into the access log with its reason.\n"
    "erase: the member's key goes, and with it every name, phone and address that it sealed. Orders, claims and books stay as they are.\n"
    "       Refused (exit 1) while an order of his is under way.\n";

static const char USAGE_AUDIT[] =
    "usage: meddispatch audit verify --db URI [--head FILE] [--city N] [--json]     recompute the chain of the access log; --head: as it once was\n"
    "       meddispatch audit head   --db URI [--city N]                            where it stands: keep it where the database's owner can't reach it\n"
    "       meddispatch audit list   --db URI [--city N]                            every reading, as JSON lines\n\n"
    "Exit 1: a line was changed, taken out or put in.\n";

/* ---- person ---- */

static enum status show(const struct money_options *options, struct store *store, struct error *err)
{
    struct person person;
    struct buffer out;
    if (!options->reason) return error_field(err, "--reason", "is required: the reading is recorded with it");
    TRY(store_person_read(store, options->city, options->member, options->actor, options->reason, clock_real_ms(), &person, err));
    const struct { const char *name, *text; } fields[] = {{"name", person.name}, {"phone", person.phone}, {"address", person.address}, {"identity_number", person.identity_number}};
    buffer_init(&out, 8192);
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (!options->json) buffer_printf(&out, "%-16s %s\n", fields[i].name, fields[i].text);
        else {
            buffer_printf(&out, "%s\"%s\":", i ? "," : "{", fields[i].name);
            buffer_json_string(&out, fields[i].text, strlen(fields[i].text));
        }
    }
    if (options->json) buffer_printf(&out, "}\n");
    fwrite(out.data, 1, out.size, stdout);
    mem_wipe(out.data, out.size);
    mem_wipe(&person, sizeof person);
    buffer_deinit(&out);
    return STATUS_OK;
}

static enum status erase(const struct money_options *options, struct store *store, struct error *err)
{
    bool done;
    TRY(store_person_erase(store, options->city, options->member, options->actor, &done, err));
    printf(done ? "erased\n" : "erased before\n");
    return STATUS_OK;
}

static enum status keys_use(const struct money_options *options, struct error *err)
{
    char path[CONFIG_TEXT_MAX];
    bool given;
    TRY(store_keys_path(options->keys, path, sizeof path, &given, err));
    return store_keys_use(path, err);
}

int cmd_person(int argc, char **argv)
{
    struct money_options options;
    struct error err = {0};
    struct store *store = NULL;
    if (!money_options_read("person", argc, argv, &options)) return EXIT_USAGE;
    if (options.help) return fputs(USAGE_PERSON, stdout), EXIT_DONE;
    bool shows = strcmp(options.verb, "show") == 0;
    if ((!shows && strcmp(options.verb, "erase") != 0) || !options.member[0]) return fputs(USAGE_PERSON, stderr), EXIT_USAGE;
    enum status rc = shows ? keys_use(&options, &err) : STATUS_OK;
    if (rc == STATUS_OK) rc = money_store_open(&options, STORE_ROLE_OWNER, &store, &err);
    if (rc == STATUS_OK) rc = shows ? show(&options, store, &err) : erase(&options, store, &err);
    store_close(store);
    return rc == STATUS_OK ? EXIT_DONE : exit_told("person", rc, &err);
}

/* ---- audit ---- */

static void head_print(const struct access_head *head)
{
    char hex[2 * sizeof head->hash.byte + 1];
    hash_hex(head->hash.byte, sizeof head->hash.byte, hex);
    printf("%llu %s\n", (unsigned long long)head->seq, hex);
}

/* "SEQ HEX", as `audit head` prints it */
static enum status head_read(const char *path, struct access_head *out, struct error *err)
{
    char line[160] = "", *hex;
    int64_t seq;
    FILE *file = fopen(path, "re");
    if (!file) return error_set(err, STATUS_NOT_FOUND, "%s: %s", path, strerror(errno));
    bool read = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    line[strcspn(line, "\n")] = '\0';
    hex = strchr(line, ' ');
    if (hex) *hex++ = '\0';
    bool good = read && hex && strlen(hex) == 2 * sizeof out->hash.byte && text_to_i64(line, 0, INT64_MAX, &seq);
    for (size_t i = 0; good && i < sizeof out->hash.byte; i++) {
        char two[3] = {hex[2 * i], hex[2 * i + 1], '\0'}, *end;
        out->hash.byte[i] = (uint8_t)strtoul(two, &end, 16);
        good = *end == '\0';
    }
    if (!good) return error_set(err, STATUS_INVALID_ARGUMENT, "%s: not a head; `meddispatch audit head` prints one", path);
    out->seq = (uint64_t)seq;
    return STATUS_OK;
}

static enum status verify(const struct money_options *options, struct store *store, bool *whole, struct error *err)
{
    enum { FAULTS_MAX = 100 };
    struct access_fault faults[FAULTS_MAX];
    struct access_head kept, head;
    size_t count;
    if (options->head) TRY(head_read(options->head, &kept, err));
    TRY(store_access_verify(store, options->city, options->head ? &kept : NULL, faults, COUNT_OF(faults), &count, err));
    TRY(store_access_head(store, options->city, &head, err));
    *whole = count == 0;
    if (options->json) printf("{\"lines\":%llu,\"faults\":%zu}\n", (unsigned long long)head.seq, count);
    else printf("%llu lines, %zu faults\n", (unsigned long long)head.seq, count);
    for (size_t i = 0; i < count; i++) printf(options->json ? "{\"fault\":\"%s\",\"line\":%llu}\n" : "%s at line %llu\n", faults[i].what, (unsigned long long)faults[i].seq);
    return STATUS_OK;
}

static enum status list(const struct money_options *options, struct store *store, struct error *err)
{
    struct access_line *lines = mem_zalloc(STORE_PAGE_MAX, sizeof *lines);
    struct buffer out;
    uint64_t after = 0;
    size_t count;
    enum status rc;
    buffer_init(&out, 1 << 20);
    do {
        rc = store_access_lines(store, options->city, after, lines, STORE_PAGE_MAX, &count, err);
        for (size_t i = 0; rc == STATUS_OK && i < count; i++) {
            buffer_clear(&out);
            buffer_printf(&out, "{\"seq\":%llu,\"at_ms\":%lld,\"actor\":", (unsigned long long)lines[i].seq, (long long)lines[i].at_ms);
            buffer_json_string(&out, lines[i].actor, strlen(lines[i].actor));
            buffer_printf(&out, ",\"what\":");
            buffer_json_string(&out, lines[i].what, strlen(lines[i].what));
            buffer_printf(&out, ",\"subject\":%llu,\"reason\":", (unsigned long long)lines[i].subject);
            buffer_json_string(&out, lines[i].reason, strlen(lines[i].reason));
            printf("%.*s}\n", (int)out.size, (const char *)out.data);
            after = lines[i].seq;
        }
    } while (rc == STATUS_OK && count == STORE_PAGE_MAX);
    buffer_deinit(&out);
    free(lines);
    return rc;
}

int cmd_audit(int argc, char **argv)
{
    struct money_options options;
    struct error err = {0};
    struct store *store = NULL;
    struct access_head now;
    bool whole = true;
    if (!money_options_read("audit", argc, argv, &options)) return EXIT_USAGE;
    if (options.help) return fputs(USAGE_AUDIT, stdout), EXIT_DONE;
    bool heads = strcmp(options.verb, "head") == 0, lists = strcmp(options.verb, "list") == 0;
    if (!heads && !lists && strcmp(options.verb, "verify") != 0) return fputs(USAGE_AUDIT, stderr), EXIT_USAGE;
    enum status rc = money_store_open(&options, STORE_ROLE_OWNER, &store, &err);
    if (rc == STATUS_OK && heads) {
        rc = store_access_head(store, options.city, &now, &err);
        if (rc == STATUS_OK) head_print(&now);
    } else if (rc == STATUS_OK) {
        rc = lists ? list(&options, store, &err) : verify(&options, store, &whole, &err);
    }
    store_close(store);
    if (rc != STATUS_OK) return exit_told("audit", rc, &err);
    return whole ? EXIT_DONE : EXIT_NO;
}
