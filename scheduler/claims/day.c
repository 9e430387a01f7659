/* Civil days: the calendar that ages, policies and prescriptions are counted in. Proleptic Gregorian, counted from 1970-01-01. */
#include "claims/claims.h"

#include <string.h>

enum { DAY_MS = 86400000, DAYS_400_YEARS = 146097, DAYS_TO_EPOCH = 719468 /* 0000-03-01 .. 1970-01-01 */ };

struct civil {
    int32_t year, month, day;
};

/* Years begin in March here, so that the leap day is a year's last: month lengths are then linear, (153 m + 2) / 5. */
static int32_t day_from_civil(struct civil c)
{
    int32_t year = c.year - (c.month <= 2);
    int32_t era = (year >= 0 ? year : year - 399) / 400;
    int32_t of_era = year - era * 400;
    int32_t month = c.month > 2 ? c.month - 3 : c.month + 9;
    int32_t of_year = (153 * month + 2) / 5 + c.day - 1;
    return era * DAYS_400_YEARS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - DAYS_TO_EPOCH;
}

static struct civil civil_from_day(int32_t day)
{
    int64_t from_zero = (int64_t)day + DAYS_TO_EPOCH;
    int64_t era = (from_zero >= 0 ? from_zero : from_zero - (DAYS_400_YEARS - 1)) / DAYS_400_YEARS;
    int32_t of_era = (int32_t)(from_zero - era * DAYS_400_YEARS);
    int32_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int32_t of_year = of_era - (365 * years + years / 4 - years / 100);
    int32_t month = (5 * of_year + 2) / 153;
    struct civil c = {.day = of_year - (153 * month + 2) / 5 + 1, .month = month < 10 ? month + 3 : month - 9};
    c.year = (int32_t)(era * 400) + years + (c.month <= 2);
    return c;
}

int32_t claims_day_of(int64_t at_ms, int32_t utc_offset_s)
{
    int64_t local_ms = at_ms + (int64_t)utc_offset_s * 1000;
    int64_t day = local_ms / DAY_MS - (local_ms % DAY_MS < 0);
    ASSERT(day >= INT32_MIN / 2 && day <= INT32_MAX / 2);
    return (int32_t)day;
}

int32_t claims_age_years(int32_t birth_day, int32_t day)
{
    if (day < birth_day) return -1;
    struct civil born = civil_from_day(birth_day), now = civil_from_day(day);
    bool had_birthday = now.month > born.month || (now.month == born.month && now.day >= born.day);
    return now.year - born.year - !had_birthday;
}

static bool digits(const char *text, int count, int32_t *out)
{
    *out = 0;
    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        *out = *out * 10 + (text[i] - '0');
    }
    return true;
}

bool claims_day_from_text(const char *text, int32_t *out_day)
{
    struct civil c;
    if (strlen(text) != 10 || text[4] != '-' || text[7] != '-') return false;
    if (!digits(text, 4, &c.year) || !digits(text + 5, 2, &c.month) || !digits(text + 8, 2, &c.day)) return false;
    if (c.year < 1900 || c.year > 2199 || c.month < 1 || c.month > 12 || c.day < 1 || c.day > 31) return false;
    int32_t day = day_from_civil(c);
    struct civil back = civil_from_day(day); /* 31 April comes back as 1 May */
    if (back.month != c.month || back.day != c.day) return false;
    *out_day = day;
    return true;
}

void claims_day_to_text(int32_t day, char out[11])
{
    struct civil c = civil_from_day(day);
    ASSERT(c.year >= 0 && c.year <= 9999);
    text_format(out, 11, "%04u-%02u-%02u", (unsigned)c.year % 10000, (unsigned)c.month % 100, (unsigned)c.day % 100);
}
