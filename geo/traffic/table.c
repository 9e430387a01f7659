/* The table of speeds by class and hour, from a CSV that somebody else wrote. */
#include "geo_traffic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS = 5, FIELD_MAX = 32, HOURS = 24 };

static const char *const CLASS_NAMES[GEO_CLASS_COUNT] = {"motorway", "trunk", "primary", "secondary", "tertiary", "residential", "service",
                                                         "track",    "cycleway", "footway", "steps",     "ferry",    "other"};

const char *geo_class_name(enum geo_class road_class)
{
    return (unsigned)road_class < GEO_CLASS_COUNT ? CLASS_NAMES[road_class] : "unknown";
}

uint32_t geo_traffic_bucket(int64_t utc_ms, int32_t utc_offset_s)
{
    const int64_t hour_ms = 3600000, day_ms = HOURS * hour_ms;
    int64_t local_ms = utc_ms + (int64_t)utc_offset_s * 1000;
    int64_t day = local_ms / day_ms - (local_ms % day_ms < 0), hour = (local_ms - day * day_ms) / hour_ms;
    int64_t weekday = ((day + 3) % 7 + 7) % 7; /* 1970-01-01 was a Thursday; 0 is Monday */
    return (uint32_t)(hour + (weekday >= 5 ? HOURS : 0));
}

void geo_traffic_free_flow(struct geo_traffic *out)
{
    for (unsigned c = 0; c < GEO_CLASS_COUNT; c++)
        for (unsigned b = 0; b < GEO_TRAFFIC_BUCKETS; b++) out->speed_percent[c][b] = 100;
}

struct line {
    char field[FIELDS][FIELD_MAX];
    uint32_t number;
};

/* Fields without quotes; blanks around them do not count. */
static enum geo_status line_split(const char *text, size_t size, struct line *line, struct geo_error *error)
{
    unsigned count = 0;
    for (size_t at = 0;; at++) {
        size_t end = at;
        while (end < size && text[end] != ',') end++;
        size_t begin = at, past = end;
        while (begin < past && (text[begin] == ' ' || text[begin] == '\t')) begin++;
        while (past > begin && (text[past - 1] == ' ' || text[past - 1] == '\t' || text[past - 1] == '\r')) past--;
        if (count == FIELDS) return geo_error_set(error, GEO_INVALID, "line %u has more than %d fields", line->number, FIELDS);
        if (past - begin >= FIELD_MAX || memchr(text + begin, 0, past - begin)) return geo_error_set(error, GEO_INVALID, "line %u: field %u is no word or number", line->number, count + 1);
        memcpy(line->field[count], text + begin, past - begin);
        line->field[count++][past - begin] = 0;
        at = end;
        if (end == size) break;
    }
    return count == FIELDS ? GEO_OK : geo_error_set(error, GEO_INVALID, "line %u has %u fields instead of %d", line->number, count, FIELDS);
}

static bool number_read(const char *text, uint32_t least, uint32_t most, uint32_t *out)
{
    uint32_t value = 0;
    if (!*text) return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9') return false;
        value = value * 10 + (uint32_t)(*text - '0');
        if (value > most) return false;
    }
    *out = value;
    return value >= least;
}

static enum geo_status line_apply(const struct line *line, struct geo_traffic *out, struct geo_error *error)
{
    static const char *const days[] = {"weekday", "weekend", "all"};
    unsigned first = 0, past = GEO_CLASS_COUNT, day = 0;
    uint32_t from, to, percent;
    if (strcmp(line->field[0], "*") != 0) {
        while (first < GEO_CLASS_COUNT && strcmp(line->field[0], CLASS_NAMES[first]) != 0) first++;
        if (first == GEO_CLASS_COUNT) return geo_error_set(error, GEO_INVALID, "line %u: \"%s\" is no road class (motorway, trunk, primary, ... or *)", line->number, line->field[0]);
        past = first + 1;
    }
    while (day < 3 && strcmp(line->field[1], days[day]) != 0) day++;
    if (day == 3) return geo_error_set(error, GEO_INVALID, "line %u: \"%s\" is neither weekday nor weekend nor all", line->number, line->field[1]);
    if (!number_read(line->field[2], 0, HOURS - 1, &from) || !number_read(line->field[3], 1, HOURS, &to) || from >= to)
        return geo_error_set(error, GEO_INVALID, "line %u: hours go from 0..23 to a later one, up to 24", line->number);
    if (!number_read(line->field[4], GEO_TRAFFIC_PERCENT_MIN, GEO_TRAFFIC_PERCENT_MAX, &percent))
        return geo_error_set(error, GEO_INVALID, "line %u: \"%s\" is no speed in percent, %d..%d", line->number, line->field[4], GEO_TRAFFIC_PERCENT_MIN, GEO_TRAFFIC_PERCENT_MAX);
    for (unsigned c = first; c < past; c++)
        for (uint32_t hour = from; hour < to; hour++) {
            if (day != 1) out->speed_percent[c][hour] = (uint16_t)percent;
            if (day != 0) out->speed_percent[c][HOURS + hour] = (uint16_t)percent;
        }
    return GEO_OK;
}

enum geo_status geo_traffic_parse(const char *text, size_t size, struct geo_traffic *out, struct geo_error *error)
{
    static const char header[FIELDS][FIELD_MAX] = {"class", "days", "from_hour", "to_hour", "speed_percent"};
    struct line line = {.number = 0};
    bool begun = false;
    enum geo_status rc = GEO_OK;
    geo_traffic_free_flow(out);
    if (size > GEO_TRAFFIC_CSV_MAX) return geo_error_set(error, GEO_LIMIT, "a table of traffic has at most %d bytes", GEO_TRAFFIC_CSV_MAX);
    for (size_t at = 0, end; at < size && rc == GEO_OK; at = end + 1) {
        for (end = at; end < size && text[end] != '\n';) end++;
        line.number++;
        bool blank = end == at || text[at] == '#' || (end == at + 1 && text[at] == '\r');
        if (blank) continue;
        rc = line_split(text + at, end - at, &line, error);
        if (rc != GEO_OK) break;
        if (begun) rc = line_apply(&line, out, error);
        else
            for (unsigned f = 0; f < FIELDS && rc == GEO_OK; f++)
                if (strcmp(line.field[f], header[f]) != 0) rc = geo_error_set(error, GEO_INVALID, "line %u: the header is class,days,from_hour,to_hour,speed_percent", line.number);
        begun = true;
    }
    if (rc == GEO_OK && !begun) rc = geo_error_set(error, GEO_INVALID, "a table of traffic begins with class,days,from_hour,to_hour,speed_percent");
    if (rc != GEO_OK) geo_traffic_free_flow(out);
    return rc;
}

enum geo_status geo_traffic_read(const char *path, struct geo_traffic *out, struct geo_error *error)
{
    geo_traffic_free_flow(out);
    FILE *file = fopen(path, "rbe");
    if (!file) return geo_error_set(error, GEO_IO, "%s: %s", path, strerror(errno));
    char *text = malloc(GEO_TRAFFIC_CSV_MAX + 1);
    size_t size = text ? fread(text, 1, GEO_TRAFFIC_CSV_MAX + 1, file) : 0;
    enum geo_status rc = !text ? geo_error_set(error, GEO_NO_MEMORY, "no memory") : ferror(file) ? geo_error_set(error, GEO_IO, "%s cannot be read", path) : GEO_OK;
    (void)fclose(file);
    if (rc == GEO_OK) rc = geo_traffic_parse(text, size, out, error);
    free(text);
    return rc;
}
