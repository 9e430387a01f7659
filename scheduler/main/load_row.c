/* One table of columns for each kind of file; one parser for each type of cell. */
#include "load_row.h"

#include <assert.h>
#include <string.h>

#define TEXT_IN(s, name, field, need)  {name, LOAD_TEXT, offsetof(struct s, field), 0, 0, sizeof(((struct s *)0)->field), need}
#define NUMBER(s, name, field, lo, hi) {name, LOAD_U32, offsetof(struct s, field), lo, hi, 0, false}
#define ID(s, name, field)             {name, LOAD_U64, offsetof(struct s, field), 1, INT64_MAX, 0, true}
#define FEN(s, name, field, need)      {name, LOAD_I64, offsetof(struct s, field), 0, INT64_C(100000000000), 0, need}
#define FLAG(s, name, field)           {name, LOAD_FLAG, offsetof(struct s, field), 0, 1, 0, false}
#define OTHER(s, name, type, field, need) {name, type, offsetof(struct s, field), 0, 0, 0, need}
#define SKIP(name)                     {name, LOAD_SKIP, 0, 0, 0, 0, false}
#define PERSON(name, field)            {name, LOAD_TEXT_OR_NO_COLUMN, offsetof(struct member_loaded, person.field), 0, 0, sizeof(((struct person *)0)->field), false}

static const struct load_column PRODUCT[] = {
    TEXT_IN(product, "code", code, true), TEXT_IN(product, "name_zh", name_zh, true), TEXT_IN(product, "name_en", name_en, false),
    TEXT_IN(product, "atc", atc, false), TEXT_IN(product, "approval", approval, false),
    OTHER(product, "approval_till", LOAD_LAST_DAY_MS, approval_till_ms, false),
    {"ceiling_fen", LOAD_I64, offsetof(struct product, ceiling_fen), 0, 10000000, 0, true}, SKIP("price_fen"), FLAG(product, "rx", rx),
    FLAG(product, "eligible", eligible), FLAG(product, "prohibited", prohibited), FLAG(product, "controlled", controlled),
    FLAG(product, "injection", injection), FLAG(product, "hypoglycaemic", hypoglycaemic), FLAG(product, "chronic", chronic), FLAG(product, "cold", cold),
    NUMBER(product, "age_min", age_min, 0, 150), NUMBER(product, "age_max", age_max, 0, 150), OTHER(product, "sex", LOAD_SEX, sex, false),
    TEXT_IN(product, "indications", indications, false), NUMBER(product, "pack_supply_ddays", pack_supply_ddays, 0, 36600),
    NUMBER(product, "quantity_max", quantity_max, 0, 999), NUMBER(product, "volume_ml", volume_ml, 0, 100000),
};
static const struct load_column TEST[] = {
    TEXT_IN(test, "code", code, true), TEXT_IN(test, "name_zh", name_zh, true), TEXT_IN(test, "name_en", name_en, false),
    TEXT_IN(test, "specimen", specimen, false), OTHER(test, "benefit", LOAD_BENEFIT, benefit, true),
    {"ceiling_fen", LOAD_I64, offsetof(struct test, ceiling_fen), 0, 10000000, 0, true}, FLAG(test, "eligible", eligible),
    NUMBER(test, "stability_s", stability_s, 0, 31536000), NUMBER(test, "turnaround_s", turnaround_s, 0, 31536000),
    NUMBER(test, "repeat_days", repeat_days, 0, 3660), NUMBER(test, "age_min", age_min, 0, 150), NUMBER(test, "age_max", age_max, 0, 150),
    OTHER(test, "sex", LOAD_SEX, sex, false), FLAG(test, "needs_sampling_skill", needs_sampling_skill), FLAG(test, "cold", cold),
    NUMBER(test, "volume_ml", volume_ml, 0, 100000), NUMBER(test, "home_s", home_s, 0, 14400),
};
static const struct load_column MEMBER[] = {
    TEXT_IN(member_row, "code", code, true), OTHER(member_row, "birth_date", LOAD_DAY, birth_day, true), OTHER(member_row, "sex", LOAD_SEX, sex, true),
    TEXT_IN(member_row, "policy", policy, true), TEXT_IN(member_row, "plan", plan, true), OTHER(member_row, "valid_from", LOAD_DAY, valid_from_day, true),
    OTHER(member_row, "valid_to", LOAD_DAY, valid_to_day, true), OTHER(member_row, "inception", LOAD_DAY, inception_day, true),
    FLAG(member_row, "renewal", renewal), PERSON("name", name), PERSON("phone", phone), PERSON("address", address), PERSON("identity_number", identity_number),
};
static_assert(offsetof(struct member_loaded, member) == 0, "the columns of member_row");
static const struct load_column FACILITY[] = {
    ID(facility_row, "facility_id", facility.id.v), OTHER(facility_row, "kind", LOAD_FACILITY_KIND, facility.kind, true),
    TEXT_IN(facility_row, "name", facility.name, true), OTHER(facility_row, "lat", LOAD_LAT_E7, facility.at.lat_e7, true),
    OTHER(facility_row, "lon", LOAD_LON_E7, facility.at.lon_e7, true), OTHER(facility_row, "hours", LOAD_HOURS, facility.week, true),
    NUMBER(facility_row, "service_s", facility.service_s, 0, 14400), NUMBER(facility_row, "prep_s", facility.prep_s, 0, 86400),
    TEXT_IN(facility_row, "payee", facility.payee, true), FLAG(facility_row, "contracted", contracted), FLAG(facility_row, "active", facility.active),
    OTHER(facility_row, "tests", LOAD_TESTS, tests, false),
};
static const struct load_column COURIER[] = {
    ID(courier, "courier_id", id.v), TEXT_IN(courier, "name", name, false), TEXT_IN(courier, "relay_phone", relay_phone, false),
    {"cold_chain", LOAD_SKILL, offsetof(struct courier, skills), 0, SKILL_COLD_CHAIN, 0, false},
    {"sampling", LOAD_SKILL, offsetof(struct courier, skills), 0, SKILL_SAMPLING, 0, false},
    {"controlled", LOAD_SKILL, offsetof(struct courier, skills), 0, SKILL_CONTROLLED, 0, false},
    NUMBER(courier, "volume_ml", volume_ml_max, 1, 10000000), NUMBER(courier, "cold_ml", cold_ml_max, 0, 10000000),
    NUMBER(courier, "kits_preloaded", kits_preloaded, 0, 1000), FLAG(courier, "active", active), SKIP("lat"), SKIP("lon"),
};
#define BENEFIT_COLUMNS(name, b)                                                                                                         \
    NUMBER(plan_row, name "_rate_bps", terms.benefit[b].rate_bps, 0, CLAIMS_RATE_ONE_BPS),                                               \
        FEN(plan_row, name "_claim_cap_fen", terms.benefit[b].claim_cap_fen, false),                                                     \
        NUMBER(plan_row, name "_count_max", terms.benefit[b].count_max, 0, 1000000)
static const struct load_column PLAN[] = {
    TEXT_IN(plan_row, "plan", plan, true), TEXT_IN(plan_row, "name", name, false), NUMBER(plan_row, "age_min", terms.age_min_years, 0, 150),
    NUMBER(plan_row, "age_max", terms.age_max_years, 0, 150), NUMBER(plan_row, "waiting_days", terms.waiting_days, 0, 3650),
    NUMBER(plan_row, "prescription_days_max", terms.prescription_days_max, 1, 30), NUMBER(plan_row, "drugs_max", terms.drugs_max, 1, ORDER_LINES_MAX),
    NUMBER(plan_row, "supply_days", terms.supply_days, 1, 366), NUMBER(plan_row, "supply_emergency_days", terms.supply_emergency_days, 1, 366),
    NUMBER(plan_row, "supply_chronic_days", terms.supply_chronic_days, 1, 366),
    NUMBER(plan_row, "supply_override_days", terms.supply_override_days, 1, 366), FLAG(plan_row, "supply_excess_refuses", terms.supply_excess_refuses),
    FLAG(plan_row, "ineligible_refuses", terms.ineligible_refuses),
    NUMBER(plan_row, "refill_bps", terms.refill_bps, 0, CLAIMS_RATE_ONE_BPS), FLAG(plan_row, "duplicate_stops", terms.duplicate_stops),
    FEN(plan_row, "deductible_claim_fen", terms.deductible_claim_fen, false),
    FEN(plan_row, "deductible_year_fen", terms.deductible_year_fen, false), FEN(plan_row, "year_limit_fen", terms.year_limit_fen, true),
    NUMBER(plan_row, "promise_s", promise_s, 60, 604800), {"late_fen", LOAD_I64, offsetof(struct plan_row, late_fen), 0, 100000000, 0, false},
    BENEFIT_COLUMNS("medicine", BENEFIT_MEDICINE), BENEFIT_COLUMNS("test", BENEFIT_TEST), BENEFIT_COLUMNS("checkup", BENEFIT_CHECKUP),
};
static const struct load_column PAYEE[] = {
    TEXT_IN(payee_row, "payee", payee, true), TEXT_IN(payee_row, "name", name, true), TEXT_IN(payee_row, "account", account, true),
    TEXT_IN(payee_row, "bank", bank, false),
};

static const struct load_kind KINDS[] = {
    {"plans", sizeof(struct plan_row), PLAN, COUNT_OF(PLAN)},           {"members", sizeof(struct member_loaded), MEMBER, COUNT_OF(MEMBER)},
    {"formulary", sizeof(struct product), PRODUCT, COUNT_OF(PRODUCT)},  {"tests", sizeof(struct test), TEST, COUNT_OF(TEST)},
    {"facilities", sizeof(struct facility_row), FACILITY, COUNT_OF(FACILITY)}, {"couriers", sizeof(struct courier), COURIER, COUNT_OF(COURIER)},
    {"payees", sizeof(struct payee_row), PAYEE, COUNT_OF(PAYEE)},
};

const struct load_kind *load_kind_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(KINDS); i++)
        if (strcmp(KINDS[i].name, name) == 0) return &KINDS[i];
    return NULL;
}

const char *load_kind_names(void)
{
    return "plans, members, formulary, tests, facilities, couriers, payees";
}

enum status load_map_make(const struct load_kind *kind, const struct csv *csv, struct load_map *out, struct error *err)
{
    bool known[CSV_COLUMNS_MAX] = {0};
    for (uint32_t i = 0; i < kind->column_count; i++) {
        out->at[i] = csv_column(csv, kind->columns[i].name);
        if (out->at[i] >= 0)
            known[out->at[i]] = true;
        else if (kind->columns[i].type != LOAD_SKIP && kind->columns[i].type != LOAD_TEXT_OR_NO_COLUMN)
            return error_set(err, STATUS_INVALID_ARGUMENT, "%s:1: column %s is missing", csv->path, kind->columns[i].name);
    }
    for (uint32_t i = 0; i < csv->column_count; i++)
        if (!known[i])
            return error_set(err, STATUS_INVALID_ARGUMENT, "%s:1: unknown column %s", csv->path, csv->names[i]);
    return STATUS_OK;
}

/* ---- cells: NULL if taken, else what is wrong ---- */

/* "HH:MM-HH:MM", "closed"; the end may be 24:00 and, past midnight, up to 48:00. */
static bool window_parse(const char *text, size_t length, struct hours *out)
{
    int value[4];
    if (length == 6 && strncmp(text, "closed", 6) == 0) {
        *out = (struct hours){0};
        return true;
    }
    if (length != 11 || text[2] != ':' || text[5] != '-' || text[8] != ':') return false;
    for (int i = 0; i < 4; i++) {
        char tens = text[i * 3], ones = text[i * 3 + 1];
        if (tens < '0' || tens > '9' || ones < '0' || ones > '9') return false;
        value[i] = (tens - '0') * 10 + (ones - '0');
    }
    int open = value[0] * 60 + value[1], close = value[2] * 60 + value[3];
    if (value[1] > 59 || value[3] > 59 || open >= 1440 || close <= open || close > 2880) return false;
    *out = (struct hours){(uint16_t)open, (uint16_t)close};
    return true;
}

static const char *hours_parse(const char *text, struct hours week[HOURS_MAX])
{
    static const char *const WRONG = "is not HH:MM-HH:MM (or closed), once for all days or seven times with ; from Monday";
    uint32_t count = 0;
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ";");
        if (count == HOURS_MAX || !window_parse(at, length, &week[count])) return WRONG;
        count++;
        at += length;
        if (!*at) break;
    }
    if (count == 1)
        for (uint32_t i = 1; i < HOURS_MAX; i++) week[i] = week[0];
    return count == 1 || count == HOURS_MAX ? NULL : WRONG;
}

static const char *tests_parse(const char *text, struct arena *arena, struct facility_row *row)
{
    uint32_t count = 1;
    for (const char *c = text; *c; c++) count += *c == ';';
    if (count > TESTS_PER_LAB_MAX) return "names more than 256 tests";
    char(*codes)[CODE_TEXT_MAX] = arena_alloc(arena, count * sizeof *codes);
    if (!codes) return "does not fit into memory";
    const char *at = text;
    for (uint32_t i = 0; i < count; i++) {
        size_t length = strcspn(at, ";");
        if (length == 0 || length >= CODE_TEXT_MAX) return "has a test code that is empty or longer than 32 bytes";
        memcpy(codes[i], at, length);
        at += length + 1;
    }
    row->test_count = count;
    row->tests = (const char(*)[CODE_TEXT_MAX])codes;
    return NULL;
}

static const char *degrees_parse(const char *text, double most, int32_t *out_e7)
{
    double degrees;
    if (!text_to_double(text, -most, most, &degrees)) return "is not a number of degrees in range (WGS-84); put the place on the map first";
    *out_e7 = (int32_t)(degrees * 1e7 + (degrees < 0 ? -0.5 : 0.5));
    return NULL;
}

static const char *word_parse(const char *text, const char *const *words, int count, int *out)
{
    for (int i = 1; i < count; i++)
        if (strcmp(words[i], text) == 0) {
            *out = i;
            return NULL;
        }
    return "is not one of the words known here";
}

struct cell_place {
    const struct load_column *column;
    void *row;
    struct arena *arena;
    int32_t utc_offset_s;
};

static const char *number_parse(const char *text, const struct load_column *column, void *to)
{
    int64_t value;
    if (!text_to_i64(text, column->least, column->most, &value)) return "is not a whole number in range";
    if (column->type == LOAD_U32)
        *(uint32_t *)to = (uint32_t)value;
    else if (column->type == LOAD_U64)
        *(uint64_t *)to = (uint64_t)value;
    else
        *(int64_t *)to = value;
    return NULL;
}

static const char *day_parse(const char *text, const struct cell_place *place, void *to)
{
    int32_t day;
    if (!claims_day_from_text(text, &day)) return "is not a date YYYY-MM-DD";
    if (place->column->type == LOAD_DAY)
        *(int32_t *)to = day;
    else /* the last day on which it is valid: its end in the city */
        *(int64_t *)to = ((int64_t)day + 1) * 86400000 - (int64_t)place->utc_offset_s * 1000;
    return NULL;
}

static const char *flag_parse(const char *text, const struct load_column *column, void *to)
{
    if (strcmp(text, "0") != 0 && strcmp(text, "1") != 0) return "is not 0 or 1";
    bool on = text[0] == '1';
    if (column->type == LOAD_SKILL)
        *(uint32_t *)to |= on ? BIT(column->most) : 0;
    else
        *(bool *)to = on;
    return NULL;
}

static const char *cell_parse(const char *text, const struct cell_place *place)
{
    static const char *const BENEFITS[] = {"", "MEDICINE", "TEST", "CHECKUP"};
    static const char *const FACILITIES[] = {"", "PHARMACY", "LAB", "DEPOT"};
    const struct load_column *column = place->column;
    void *to = (char *)place->row + column->offset;
    const char *wrong = NULL;
    int word = 0;
    switch (column->type) {
    case LOAD_SKIP: return NULL;
    case LOAD_TEXT_OR_NO_COLUMN:
    case LOAD_TEXT: return text_copy(to, column->size, text) ? NULL : "is too long";
    case LOAD_U32:
    case LOAD_U64:
    case LOAD_I64: return number_parse(text, column, to);
    case LOAD_FLAG:
    case LOAD_SKILL: return flag_parse(text, column, to);
    case LOAD_DAY:
    case LOAD_LAST_DAY_MS: return day_parse(text, place, to);
    case LOAD_SEX:
        if (strcmp(text, "F") != 0 && strcmp(text, "M") != 0) return "is not F or M";
        *(char *)to = text[0];
        return NULL;
    case LOAD_LAT_E7: return degrees_parse(text, 90, to);
    case LOAD_LON_E7: return degrees_parse(text, 180, to);
    case LOAD_HOURS: return hours_parse(text, to);
    case LOAD_TESTS: return tests_parse(text, place->arena, place->row);
    case LOAD_BENEFIT:
        wrong = word_parse(text, BENEFITS, COUNT_OF(BENEFITS), &word);
        *(enum benefit *)to = (enum benefit)word;
        return wrong;
    case LOAD_FACILITY_KIND:
        wrong = word_parse(text, FACILITIES, COUNT_OF(FACILITIES), &word);
        *(enum facility_kind *)to = (enum facility_kind)word;
        return wrong;
    }
    return "has an unknown type";
}

enum status load_row_fill(const struct load_kind *kind, const struct load_map *map, const struct csv *csv, int32_t utc_offset_s,
                          struct arena *arena, void *row, struct error *err)
{
    for (uint32_t i = 0; i < kind->column_count; i++) {
        const struct load_column *column = &kind->columns[i];
        if (map->at[i] < 0) continue;
        const char *text = csv->fields[map->at[i]], *wrong = NULL;
        if (text[0])
            wrong = cell_parse(text, &(struct cell_place){column, row, arena, utc_offset_s});
        else if (column->needed)
            wrong = "is empty";
        if (wrong)
            return error_set(err, STATUS_INVALID_ARGUMENT, "%s:%llu: column %s (%d) %s", csv->path, (unsigned long long)csv->line, column->name,
                             map->at[i] + 1, wrong);
    }
    return STATUS_OK;
}
