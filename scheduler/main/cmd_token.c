/* `meddispatch token`: who may call a city's daemon. Makes tokens, sign-in links and entries for client certificates, lists and revokes them. A token is
 * printed once, when it is made; the database has its hash alone. */
#include "main.h"
#include "store/store.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char USAGE[] =
    "usage: meddispatch token create --db URI --role ROLE --subject WHO [--facility ID | --courier ID] [--source S] [--days N] [--city N] [--json]\n"
    "       meddispatch token link --db URI --role ROLE --subject WHO --url URL [--minutes N] [--hours N] [… as create]\n"
    "       meddispatch token certificate --db URI --identity dns:NAME|uri:URI|cn:NAME --role ROLE --subject WHO [… as create]\n"
    "       meddispatch token list --db URI [--city N] [--json]\n"
    "       meddispatch token revoke ID --db URI [--city N]\n\n"
    "Roles: pharmacy and lab (with --facility), courier (with --courier), logistics, clinic, dispatcher, settlement, admin, auditor.\n"
    "  --subject WHO   for lists and the access log, 1..40 bytes; no personal name\n"
    "  --source S      the only `source` its commands may name; pharmacy, lab and clinic have one anyway (pharmacy-ID, lab-ID, the subject)\n"
    "  --days N        until it expires, 1..730 (90)\n"
    "  --url URL       where the dashboard is; the link has the code behind #sign-in=, which browsers do not send\n"
    "  --minutes N     how long a link may be opened, once, 1..1440 (10); --hours N how long its session lasts, 1..168 (12)\n"
    "A daemon sees a change within two seconds. The connecting user must have the role meddispatch_owner.\n";

enum { SECRET_BYTES = 32, SECRET_TEXT = 2 * SECRET_BYTES + 8 };

struct wishes {
    const char *verb, *db, *identity, *url;
    struct caller caller;
    int64_t days, minutes, hours, id;
    bool json;
};

/* ---- arguments ---- */

static bool number(const char *option, const char *text, int64_t min, int64_t max, int64_t *out)
{
    if (text_to_i64(text, min, max, out)) return true;
    fprintf(stderr, "meddispatch token: %s takes %lld..%lld\n", option, (long long)min, (long long)max);
    return false;
}

static bool words(const char *option, const char *text, char *out, size_t capacity)
{
    if (text_is_utf8(text, strlen(text)) && text[0] && text_copy(out, capacity, text)) return true;
    fprintf(stderr, "meddispatch token: %s takes 1..%zu bytes\n", option, capacity - 1);
    return false;
}

static bool take(struct wishes *wishes, int option, const char *text)
{
    struct caller *caller = &wishes->caller;
    int64_t value;
    switch (option) {
    case 'd': wishes->db = text; return true;
    case 'u': wishes->url = text; return true;
    case 'i': wishes->identity = text; return true;
    case 'j': wishes->json = true; return true;
    case 's': return words("--subject", text, caller->subject, sizeof caller->subject);
    case 'o': return words("--source", text, caller->source, sizeof caller->source);
    case 'D': return number("--days", text, 1, 730, &wishes->days);
    case 'm': return number("--minutes", text, 1, 1440, &wishes->minutes);
    case 'H': return number("--hours", text, 1, 168, &wishes->hours);
    case 'r':
        if (role_from_name(text, &caller->role)) return true;
        fprintf(stderr, "meddispatch token: --role: there is no role %s\n", text);
        return false;
    default:
        if (!number(option == 'f' ? "--facility" : option == 'c' ? "--courier" : "--city", text, 1, option == 'y' ? 1000000 : INT64_MAX, &value)) return false;
        if (option == 'f') caller->facility.v = (uint64_t)value;
        else if (option == 'c') caller->courier.v = (uint64_t)value;
        else caller->city.v = (uint32_t)value;
        return true;
    }
}

/* -1: help was asked for */
static int parse(int argc, char **argv, struct wishes *wishes)
{
    static const struct option OPTIONS[] = {{"db", required_argument, NULL, 'd'}, {"role", required_argument, NULL, 'r'}, {"subject", required_argument, NULL, 's'},
        {"source", required_argument, NULL, 'o'}, {"facility", required_argument, NULL, 'f'}, {"courier", required_argument, NULL, 'c'}, {"city", required_argument, NULL, 'y'},
        {"days", required_argument, NULL, 'D'}, {"minutes", required_argument, NULL, 'm'}, {"hours", required_argument, NULL, 'H'}, {"url", required_argument, NULL, 'u'},
        {"identity", required_argument, NULL, 'i'}, {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    *wishes = (struct wishes){.verb = "", .days = 90, .minutes = 10, .hours = 12, .caller = {.city = {1}}};
    int option;
    while ((option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        if (option == 'h') return fputs(USAGE, stdout), -1;
        if (option == '?' || !take(wishes, option, optarg)) return EXIT_USAGE;
    }
    if (optind < argc) wishes->verb = argv[optind];
    bool revokes = strcmp(wishes->verb, "revoke") == 0;
    if (!wishes->db || argc - optind != (revokes ? 2 : 1)) return fputs(USAGE, stderr), EXIT_USAGE;
    return revokes && !number("revoke", argv[optind + 1], 1, INT64_MAX, &wishes->id) ? EXIT_USAGE : EXIT_DONE;
}

/* What the role needs, said before the database says it less kindly. */
static enum status complete(struct wishes *wishes, struct error *err)
{
    struct caller *caller = &wishes->caller;
    bool has_facility = caller->role == ROLE_PHARMACY || caller->role == ROLE_LAB;
    if (caller->role == ROLE_NONE) return error_field(err, "--role", "is required");
    if (!caller->subject[0]) return error_field(err, "--subject", "is required: who this is for, without a personal name");
    if (has_facility != (caller->facility.v > 0)) return error_field(err, "--facility", has_facility ? "is required for this role" : "is for pharmacy and lab");
    if ((caller->role == ROLE_COURIER) != (caller->courier.v > 0)) return error_field(err, "--courier", caller->courier.v ? "is for the role courier" : "is required for the role courier");
    if (caller->source[0]) return STATUS_OK;
    if (has_facility) text_format(caller->source, sizeof caller->source, "%s-%llu", role_name(caller->role), (unsigned long long)caller->facility.v);
    if (caller->role == ROLE_CLINIC && !text_copy(caller->source, sizeof caller->source, caller->subject)) return error_field(err, "--source", "is required: the subject is too long to be one");
    return STATUS_OK;
}

/* ---- what is done ---- */

static void make_secret(const char *prefix, char out[SECRET_TEXT])
{
    uint8_t secret[SECRET_BYTES];
    char hex[2 * SECRET_BYTES + 1];
    random_bytes(secret, sizeof secret);
    hash_hex(secret, sizeof secret, hex);
    text_format(out, SECRET_TEXT, "%s%s", prefix, hex);
}

static void set_digest(struct caller *caller, const char *text)
{
    struct sha256 digest = hash_sha256(text, strlen(text));
    memcpy(caller->digest, digest.byte, sizeof caller->digest);
}

static enum status add(struct wishes *wishes, struct store *store, struct error *err)
{
    struct caller *caller = &wishes->caller;
    char secret[SECRET_TEXT] = "", shown[CONFIG_TEXT_MAX] = "";
    TRY(complete(wishes, err));
    caller->expires_ms = clock_real_ms() + wishes->days * 86400000;
    if (strcmp(wishes->verb, "certificate") == 0) {
        if (!wishes->identity || (strncmp(wishes->identity, "dns:", 4) != 0 && strncmp(wishes->identity, "uri:", 4) != 0 && strncmp(wishes->identity, "cn:", 3) != 0))
            return error_field(err, "--identity", "takes dns:NAME, uri:URI or cn:NAME, as the certificate says it");
        caller->kind = CREDENTIAL_CERTIFICATE;
        set_digest(caller, wishes->identity);
        text_copy(shown, sizeof shown, wishes->identity);
    } else if (strcmp(wishes->verb, "link") == 0) {
        if (!wishes->url) return error_field(err, "--url", "is required: where the dashboard is");
        make_secret("mdc_", secret);
        caller->kind = CREDENTIAL_CODE;
        caller->session_s = (uint32_t)wishes->hours * 3600;
        caller->expires_ms = clock_real_ms() + wishes->minutes * 60000;
        set_digest(caller, secret);
        text_format(shown, sizeof shown, "%.300s#sign-in=%s", wishes->url, secret);
    } else {
        make_secret("mdt_", secret);
        caller->kind = CREDENTIAL_TOKEN;
        set_digest(caller, secret);
        text_copy(shown, sizeof shown, secret);
    }
    uint64_t id;
    TRY(store_caller_add(store, caller, &id, err));
    if (!wishes->json) {
        printf("%s\n", shown);
        return STATUS_OK;
    }
    struct buffer out;
    buffer_init(&out, 4096);
    buffer_printf(&out, "{\"id\":%llu,\"role\":\"%s\",\"expires_ms\":%lld,\"%s\":", (unsigned long long)id, role_name(caller->role), (long long)caller->expires_ms,
                  caller->kind == CREDENTIAL_CODE ? "link" : caller->kind == CREDENTIAL_TOKEN ? "token" : "identity");
    buffer_json_string(&out, shown, strlen(shown));
    printf("%.*s}\n", (int)out.size, (const char *)out.data);
    buffer_deinit(&out);
    return STATUS_OK;
}

static const char *state_of(const struct caller *caller)
{
    if (caller->revoked_ms) return "revoked";
    if (caller->taken_ms) return "used";
    return caller->expires_ms <= clock_real_ms() ? "expired" : "valid";
}

static void print_caller(const struct caller *caller, bool json)
{
    static const char *const KINDS[] = {[CREDENTIAL_TOKEN] = "token", [CREDENTIAL_CERTIFICATE] = "certificate", [CREDENTIAL_CODE] = "link"};
    if (!json) {
        printf("%6llu  %-11s %-10s %-8s facility=%llu courier=%llu source=%s expires_ms=%lld  %s\n", (unsigned long long)caller->id, KINDS[caller->kind], role_name(caller->role),
               state_of(caller), (unsigned long long)caller->facility.v, (unsigned long long)caller->courier.v, caller->source, (long long)caller->expires_ms, caller->subject);
        return;
    }
    struct buffer out;
    buffer_init(&out, 4096);
    buffer_printf(&out, "{\"id\":%llu,\"kind\":\"%s\",\"role\":\"%s\",\"state\":\"%s\",\"facility_id\":%llu,\"courier_id\":%llu,\"issued_ms\":%lld,\"expires_ms\":%lld,\"source\":",
                  (unsigned long long)caller->id, KINDS[caller->kind], role_name(caller->role), state_of(caller), (unsigned long long)caller->facility.v,
                  (unsigned long long)caller->courier.v, (long long)caller->issued_ms, (long long)caller->expires_ms);
    buffer_json_string(&out, caller->source, strlen(caller->source));
    buffer_printf(&out, ",\"subject\":");
    buffer_json_string(&out, caller->subject, strlen(caller->subject));
    printf("%.*s}\n", (int)out.size, (const char *)out.data);
    buffer_deinit(&out);
}

static enum status list(const struct wishes *wishes, struct store *store, struct error *err)
{
    struct caller *all;
    uint32_t count;
    TRY(store_callers_read(store, wishes->caller.city, true, &all, &count, err));
    for (uint32_t i = 0; i < count; i++) print_caller(&all[i], wishes->json);
    free(all);
    return STATUS_OK;
}

int cmd_token(int argc, char **argv)
{
    struct wishes wishes;
    struct error err = {0};
    struct store *store = NULL;
    int code = parse(argc, argv, &wishes);
    if (code != EXIT_DONE) return code == -1 ? EXIT_DONE : code;
    bool adds = strcmp(wishes.verb, "create") == 0 || strcmp(wishes.verb, "link") == 0 || strcmp(wishes.verb, "certificate") == 0;
    bool revokes = strcmp(wishes.verb, "revoke") == 0;
    if (!adds && !revokes && strcmp(wishes.verb, "list") != 0) return fputs(USAGE, stderr), EXIT_USAGE;
    enum status rc = store_open(wishes.db, STORE_ROLE_OWNER, &store, &err);
    if (rc != STATUS_OK) return exit_told("token", STATUS_UNAVAILABLE, &err);
    if (adds) rc = add(&wishes, store, &err);
    else if (revokes) rc = store_caller_revoke(store, wishes.caller.city, (uint64_t)wishes.id, &err);
    else rc = list(&wishes, store, &err);
    store_close(store);
    return rc == STATUS_OK ? EXIT_DONE : exit_told("token", rc, &err);
}
