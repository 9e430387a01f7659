/* The oracle: repeated choice of the best that is left. */
#include "near.h"

#include <stdlib.h>
#include <string.h>

enum { SOURCES_MAX = 128 };

static bool is_better(const uint32_t *ms, const uint32_t *dm, uint32_t a, uint32_t b)
{
    if (ms[a] != ms[b]) return ms[a] < ms[b];
    return dm[a] != dm[b] ? dm[a] < dm[b] : a < b;
}

static const char *check(const struct open_map *open, const struct geo_snap *sources, uint32_t count, const struct geo_snap *to, const uint32_t *ms, const uint32_t *dm,
                         uint32_t capacity, uint32_t limit_ms)
{
    struct geo_near near[SOURCES_MAX + 1];
    bool taken[SOURCES_MAX] = {false};
    uint32_t got = 0, wanted = 0;
    memset(near, 0xa5, sizeof near);
    if (geo_nearest(open->metric, open->scratch, sources, count, to, limit_ms, near, capacity, &got) != GEO_OK) return "refused";
    for (; wanted < capacity; wanted++) {
        uint32_t best = GEO_NONE;
        for (uint32_t i = 0; i < count; i++)
            if (!taken[i] && ms[i] != GEO_UNREACHABLE && ms[i] <= limit_ms && (best == GEO_NONE || is_better(ms, dm, i, best))) best = i;
        if (best == GEO_NONE) break;
        taken[best] = true;
        if (wanted >= got) return "too few";
        if (near[wanted].source != best || near[wanted].travel_ms != ms[best] || near[wanted].length_dm != dm[best]) return "another source, time or length";
    }
    struct geo_near untouched;
    memset(&untouched, 0xa5, sizeof untouched);
    if (memcmp(&near[capacity], &untouched, sizeof untouched) != 0) return "written beyond the capacity";
    return got == wanted ? NULL : "too many";
}

const char *near_fault(const struct open_map *open, const struct geo_snap *sources, uint32_t count, const struct geo_snap *to, const uint32_t *wanted_ms, const uint32_t *wanted_dm)
{
    struct geo_snap many[SOURCES_MAX];
    uint32_t ms[SOURCES_MAX], dm[SOURCES_MAX];
    for (uint32_t i = 0; i < SOURCES_MAX; i++) {
        many[i] = sources[i % count];
        ms[i] = wanted_ms[i % count];
        dm[i] = wanted_dm[i % count];
    }
    const uint32_t sizes[] = {count, SOURCES_MAX}, limits[] = {GEO_UNREACHABLE, ms[count / 2], ms[0] > 0 ? ms[0] - 1 : 0};
    for (int s = 0; s < 2; s++) {
        const uint32_t capacities[] = {0, 1, 3, sizes[s]};
        for (int c = 0; c < 4; c++) {
            for (int l = 0; l < 3; l++) {
                const char *fault = check(open, many, sizes[s], to, ms, dm, capacities[c], limits[l]);
                if (fault) return fault;
            }
        }
    }
    return NULL;
}
