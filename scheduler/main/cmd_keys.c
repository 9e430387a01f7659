/* `meddispatch keys`: the keys that seal names, phones, addresses and identity numbers. Here they are made, turned over and put away; the store seals with them. */
#include "main.h"
#include "store/store.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum { GRACE_S = 3600 };

static const char USAGE[] =
    "usage: meddispatch keys create FILE\n"
    "       meddispatch keys list   [--keys FILE] [--db URI] [--json]\n"
    "       meddispatch keys rotate [--keys FILE] --db URI [--json]     a new key; every member's own key is sealed anew by it\n"
    "       meddispatch keys retire ID [--keys FILE] --db URI           take a key that seals nothing any more out of the file\n"
    "       meddispatch keys seal   [--keys FILE] --db URI [--json]     contacts from before there were keys\n\n"
    "FILE is serve's key_file; without --keys: systemd's credential " STORE_KEYS_CREDENTIAL ", else the one in the user's state folder. Daemons read it again by themselves and\n"
    "go on working while keys turn over. A key may be retired an hour after the next one was made (--grace SECONDS): what was being written then has ended.\n"
    "Keep a copy of the file apart from the database's backups: without it names and addresses are lost; with both, whoever has them can read them.\n";

struct keys_wishes {
    const char *db, *file, *verb, *word;
    int64_t grace_s;
    bool json;
};

/* -1: help was asked for */
static int parse(int argc, char **argv, struct keys_wishes *out)
{
    static const struct option OPTIONS[] = {{"db", required_argument, NULL, 'd'}, {"keys", required_argument, NULL, 'k'}, {"grace", required_argument, NULL, 'g'},
                                            {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    int option;
    *out = (struct keys_wishes){.verb = "", .grace_s = GRACE_S};
    while ((option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        if (option == 'd') out->db = optarg;
        else if (option == 'k') out->file = optarg;
        else if (option == 'j') out->json = true;
        else if (option == 'h') return fputs(USAGE, stdout), -1;
        else if (option != 'g' || !text_to_i64(optarg, 0, INT32_MAX, &out->grace_s)) return EXIT_USAGE;
    }
    if (optind < argc) out->verb = argv[optind++];
    if (optind < argc) out->word = argv[optind++];
    bool creates = strcmp(out->verb, "create") == 0, retires = strcmp(out->verb, "retire") == 0, lists = strcmp(out->verb, "list") == 0;
    bool known = creates || retires || lists || strcmp(out->verb, "rotate") == 0 || strcmp(out->verb, "seal") == 0;
    if (!known || optind != argc || (creates || retires) != (out->word != NULL) || (!creates && !lists && !out->db)) return fputs(USAGE, stderr), EXIT_USAGE;
    return EXIT_DONE;
}

static enum status list(const struct keys_wishes *wishes, const char *path, struct store *store, struct error *err)
{
    struct store_key keys[STORE_KEYS_MAX];
    uint32_t count;
    TRY(store_keys_list(path, keys, &count, err));
    for (uint32_t i = 0; i < count; i++) {
        uint64_t uses = 0;
        bool newest = i + 1 == count;
        if (store) TRY(store_key_uses(store, keys[i].id, &uses, err));
        if (wishes->json) {
            printf("{\"id\":%u,\"made_s\":%lld,\"newest\":%s", keys[i].id, (long long)keys[i].made_s, newest ? "true" : "false");
            if (store) printf(",\"members\":%llu", (unsigned long long)uses);
            printf("}\n");
        } else {
            printf("%10u  made_s=%lld  %s", keys[i].id, (long long)keys[i].made_s, newest ? "newest" : "older ");
            if (store) printf("  members=%llu", (unsigned long long)uses);
            printf("\n");
        }
    }
    return STATUS_OK;
}

static enum status rotate(const struct keys_wishes *wishes, const char *path, struct store *store, struct error *err)
{
    uint32_t id;
    uint64_t count;
    TRY(store_keys_add(path, &id, err));
    TRY(store_keys_use(path, err));
    TRY(store_keys_reseal(store, &count, err));
    printf(wishes->json ? "{\"id\":%u,\"members\":%llu}\n" : "key %u seals what is new and the keys of %llu members\n", id, (unsigned long long)count);
    return STATUS_OK;
}

/* Members' keys that a daemon sealed by it in the moment of the rotation are sealed anew first. */
static enum status retire(const struct keys_wishes *wishes, const char *path, struct store *store, struct error *err)
{
    struct store_key keys[STORE_KEYS_MAX];
    uint32_t count, at = 0;
    uint64_t uses;
    int64_t id;
    if (!text_to_i64(wishes->word, 1, INT32_MAX, &id)) return error_field(err, "retire", "takes a key's id, as `keys list` says it");
    TRY(store_keys_list(path, keys, &count, err));
    while (at < count && keys[at].id != (uint32_t)id) at++;
    if (at == count) return error_set(err, STATUS_NOT_FOUND, "%s has no key %lld", path, (long long)id);
    if (at + 1 == count) return error_set(err, STATUS_FAILED_PRECONDITION, "key %lld seals what is new: rotate first", (long long)id);
    if (clock_real_ms() / 1000 - keys[at + 1].made_s < wishes->grace_s)
        return error_set(err, STATUS_FAILED_PRECONDITION, "the key after it is younger than %lld s: an order that was being taken in may still bear the old one", (long long)wishes->grace_s);
    TRY(store_keys_reseal(store, &uses, err));
    TRY(store_key_uses(store, (uint32_t)id, &uses, err));
    if (uses) return error_set(err, STATUS_FAILED_PRECONDITION, "key %lld still seals the keys of %llu members", (long long)id, (unsigned long long)uses);
    TRY(store_keys_drop(path, (uint32_t)id, err));
    printf("key %lld is no longer in %s; destroy its copies\n", (long long)id, path);
    return STATUS_OK;
}

static enum status seal(const struct keys_wishes *wishes, struct store *store, struct error *err)
{
    uint64_t count;
    TRY(store_contacts_seal(store, &count, err));
    printf(wishes->json ? "{\"sealed\":%llu}\n" : "%llu contacts sealed; VACUUM FULL order_contact clears what lay open before\n", (unsigned long long)count);
    return STATUS_OK;
}

static enum status with_store(const struct keys_wishes *wishes, struct error *err)
{
    char path[CONFIG_TEXT_MAX];
    struct store *store = NULL;
    bool given;
    TRY(store_keys_path(wishes->file, path, sizeof path, &given, err));
    TRY(store_keys_use(path, err));
    if (wishes->db) TRY(store_open(wishes->db, STORE_ROLE_OWNER, &store, err));
    enum status rc;
    if (strcmp(wishes->verb, "list") == 0) rc = list(wishes, path, store, err);
    else if (strcmp(wishes->verb, "rotate") == 0) rc = rotate(wishes, path, store, err);
    else if (strcmp(wishes->verb, "retire") == 0) rc = retire(wishes, path, store, err);
    else rc = seal(wishes, store, err);
    store_close(store);
    return rc;
}

int cmd_keys(int argc, char **argv)
{
    struct keys_wishes wishes;
    struct error err = {0};
    uint32_t id;
    int code = parse(argc, argv, &wishes);
    if (code != EXIT_DONE) return code == -1 ? EXIT_DONE : code;
    enum status rc;
    if (strcmp(wishes.verb, "create") != 0) rc = with_store(&wishes, &err);
    else if ((rc = store_keys_create(wishes.word, &id, &err)) == STATUS_OK) printf("key %u in %s\n", id, wishes.word);
    return rc == STATUS_OK ? EXIT_DONE : exit_told("keys", rc, &err);
}
