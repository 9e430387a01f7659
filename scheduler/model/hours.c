/* Opening hours: a window for each day of the week, in the city's time; a window may run past midnight. It must not know what day it is. */
#include "model/model.h"

enum { DAY_MIN = 1440, LOOK_AHEAD_DAYS = 8 };
#define MINUTE_MS INT64_C(60000)
#define DAY_MS    (DAY_MIN * MINUTE_MS)

static int64_t floor_div(int64_t value, int64_t by)
{
    int64_t quotient = value / by;
    return value % by < 0 ? quotient - 1 : quotient;
}

/* The window that begins on local day `day` (days since 1970-01-01, a Thursday), in UTC ms; false if closed that day. */
static bool window_of(const struct hours week[HOURS_MAX], int64_t offset_ms, int64_t day, int64_t *open_ms, int64_t *close_ms)
{
    int64_t weekday = (day + 3) % HOURS_MAX; /* 0 = Monday */
    if (weekday < 0) weekday += HOURS_MAX;
    const struct hours *hours = &week[weekday];
    if (hours->close_min <= hours->open_min) return false;
    *open_ms = day * DAY_MS + hours->open_min * MINUTE_MS - offset_ms;
    *close_ms = day * DAY_MS + hours->close_min * MINUTE_MS - offset_ms;
    return true;
}

bool hours_next_open(const struct hours week[HOURS_MAX], int32_t utc_offset_s, int64_t from_ms, int64_t *open_ms, int64_t *close_ms)
{
    int64_t offset_ms = (int64_t)utc_offset_s * 1000;
    int64_t today = floor_div(from_ms + offset_ms, DAY_MS);
    bool found = false;
    /* a window lasts at most 65535 min = 46 days by its type, 2 days in earnest: two days back is enough for those past midnight */
    for (int64_t day = today - 2; day <= today + LOOK_AHEAD_DAYS; day++) {
        int64_t open, close;
        if (!window_of(week, offset_ms, day, &open, &close)) continue;
        if (found) {
            if (open > *close_ms) break; /* a gap: the window found so far is the answer */
            if (close > *close_ms) *close_ms = close; /* windows that touch are one: open round the clock */
            continue;
        }
        if (close <= from_ms) continue;
        *open_ms = open > from_ms ? open : from_ms;
        *close_ms = close;
        found = true;
    }
    return found;
}
