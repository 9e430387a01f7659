/* Options that the money commands share; --help is theirs to print. */
#include "money_options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "claims/claims.h"

static bool bad(const char *command, const char *option)
{
    fprintf(stderr, "meddispatch %s: the value of --%s cannot be\n", command, option);
    return false;
}

/* "2026-03-10": the end of that business day. "2026-03-10T15:04:05Z": what had been posted by that moment. */
static bool at_option(struct money_options *out, const char *value)
{
    char day[11];
    int32_t of_day, part[3];
    if (strlen(value) == 10) return claims_day_from_text(value, &out->through_day);
    if (strlen(value) != 20 || value[10] != 'T' || value[13] != ':' || value[16] != ':' || value[19] != 'Z') return false;
    (void)text_copy(day, sizeof day, value);
    for (int i = 0; i < 3; i++) {
        int64_t two;
        char digits[3] = {value[11 + 3 * i], value[12 + 3 * i], '\0'};
        if (!text_to_i64(digits, 0, i == 0 ? 23 : 59, &two)) return false;
        part[i] = (int32_t)two;
    }
    int32_t day_number;
    if (!claims_day_from_text(day, &day_number)) return false;
    of_day = part[0] * 3600 + part[1] * 60 + part[2];
    out->at_ms = (day_number * INT64_C(86400) + of_day) * 1000 + 999;
    return true;
}

static bool one_option(struct money_options *out, int c, const char *value)
{
    int64_t city;
    switch (c) {
    case 'd': out->db = value; return true;
    case 'p': out->payee = value; return value[0] != '\0';
    case 'o': out->out_dir = value; return true;
    case 'r': out->bank_ref = value; return strlen(value) < BANK_REF_MAX;
    case 'a': return value[0] && text_copy(out->actor, sizeof out->actor, value);
    case 'b': return out->has_day = claims_day_from_text(value, &out->day);
    case 't': return claims_day_from_text(value, &out->through_day);
    case 'c':
        if (!text_to_i64(value, 1, INT32_MAX, &city)) return false;
        out->city.v = (uint32_t)city;
        return true;
    case 'f': return claims_day_from_text(value, &out->from_day);
    case 'T': return at_option(out, value);
    case 'H': out->head = value; return true;
    case 'e': out->export_file = value; return true;
    case 'A': out->account = value; return true;
    case 'O': out->owner = value; return true;
    case 'N': out->name = value; return true;
    case 'B': out->bank = value; return true;
    case 'F': out->file = value; return true;
    case 'm': out->member = value; return true;
    case 'R': out->reason = value; return value[0] && strlen(value) < REASON_TEXT_MAX;
    case 'k': out->keys = value; return true;
    case 'n': return text_to_i64(value, 1, 24 * 3660, &out->hours);
    case 'j': out->json = true; return true;
    default: out->help = true; return true;
    }
}

bool money_options_read(const char *command, int argc, char **argv, struct money_options *out)
{
    static const struct option OPTIONS[] = {
        {"db", required_argument, NULL, 'd'},      {"payee", required_argument, NULL, 'p'}, {"out", required_argument, NULL, 'o'},
        {"bank-ref", required_argument, NULL, 'r'}, {"actor", required_argument, NULL, 'a'}, {"business-date", required_argument, NULL, 'b'},
        {"through", required_argument, NULL, 't'}, {"city", required_argument, NULL, 'c'},  {"json", no_argument, NULL, 'j'},
        {"from", required_argument, NULL, 'f'},    {"at", required_argument, NULL, 'T'},    {"head", required_argument, NULL, 'H'},
        {"export", required_argument, NULL, 'e'},  {"account", required_argument, NULL, 'A'}, {"owner", required_argument, NULL, 'O'},
        {"name", required_argument, NULL, 'N'},    {"bank", required_argument, NULL, 'B'},  {"file", required_argument, NULL, 'F'},
        {"hours", required_argument, NULL, 'n'},   {"member", required_argument, NULL, 'm'}, {"reason", required_argument, NULL, 'R'},
        {"keys", required_argument, NULL, 'k'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    *out = (struct money_options){.payee = "", .verb = "", .city = {1}, .through_day = INT32_MAX, .at_ms = INT64_MAX, .owner = "", .member = ""};
    text_format(out->actor, sizeof out->actor, "uid:%u", (unsigned)getuid());
    optind = 1;
    for (int c, at = 0; (c = getopt_long(argc, argv, "", OPTIONS, &at)) != -1;) {
        if (c == '?') return false;
        if (!one_option(out, c, optarg)) return bad(command, OPTIONS[at].name);
    }
    if (optind < argc) out->verb = argv[optind++];
    if (optind < argc) {
        fprintf(stderr, "meddispatch %s: one word too many\n", command);
        return false;
    }
    if (out->help || out->db || (out->export_file && strcmp(command, "ledger") == 0)) return true; /* what lies in a file needs no database */
    fprintf(stderr, "meddispatch %s: --db URI is needed\n", command);
    return false;
}

enum status money_store_open(const struct money_options *options, enum store_role role, struct store **out, struct error *err)
{
    enum status rc = store_open(options->db, role, out, err);
    return rc == STATUS_FAILED_PRECONDITION ? STATUS_UNAVAILABLE : rc;
}

void money_json_text(const char *text)
{
    struct buffer buffer;
    buffer_init(&buffer, 4096);
    buffer_json_string(&buffer, text, strlen(text));
    fwrite(buffer.data, 1, buffer.size, stdout);
    buffer_deinit(&buffer);
}
