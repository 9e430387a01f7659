/* What a way, a node or a restriction means to the e-bike, the car and the walker: tables, and one reading of access tags for all.
 * Pure: no memory, no files. The numbers are an unvalidated model; all of them can be changed through geo_osm_options. */
#include "osm.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *highway;
    enum geo_class road_class;
    uint8_t speed_kmh[GEO_PROFILE_COUNT]; /* e-bike, car, foot; 0: closed */
} ROADS[GEO_OSM_ROAD_COUNT] = {
    /* e-bikes in China ride 20-25 km/h; motorways and trunk links are closed to them; on paths and squares they go slowly.
     * Cars: urban averages between lights, which are charged apart. Walkers: 5 km/h, stairs slower. */
    [GEO_OSM_MOTORWAY] = {"motorway", GEO_CLASS_MOTORWAY, {0, 90, 0}},
    [GEO_OSM_MOTORWAY_LINK] = {"motorway_link", GEO_CLASS_MOTORWAY, {0, 45, 0}},
    [GEO_OSM_TRUNK] = {"trunk", GEO_CLASS_TRUNK, {25, 70, 5}},
    [GEO_OSM_TRUNK_LINK] = {"trunk_link", GEO_CLASS_TRUNK, {0, 40, 5}},
    [GEO_OSM_PRIMARY] = {"primary", GEO_CLASS_PRIMARY, {25, 50, 5}},
    [GEO_OSM_PRIMARY_LINK] = {"primary_link", GEO_CLASS_PRIMARY, {22, 35, 5}},
    [GEO_OSM_SECONDARY] = {"secondary", GEO_CLASS_SECONDARY, {25, 45, 5}},
    [GEO_OSM_SECONDARY_LINK] = {"secondary_link", GEO_CLASS_SECONDARY, {22, 30, 5}},
    [GEO_OSM_TERTIARY] = {"tertiary", GEO_CLASS_TERTIARY, {24, 40, 5}},
    [GEO_OSM_TERTIARY_LINK] = {"tertiary_link", GEO_CLASS_TERTIARY, {22, 25, 5}},
    [GEO_OSM_UNCLASSIFIED] = {"unclassified", GEO_CLASS_RESIDENTIAL, {23, 30, 5}},
    [GEO_OSM_RESIDENTIAL] = {"residential", GEO_CLASS_RESIDENTIAL, {20, 25, 5}},
    [GEO_OSM_LIVING_STREET] = {"living_street", GEO_CLASS_RESIDENTIAL, {15, 10, 5}},
    [GEO_OSM_SERVICE] = {"service", GEO_CLASS_SERVICE, {15, 15, 5}},
    [GEO_OSM_PEDESTRIAN] = {"pedestrian", GEO_CLASS_FOOTWAY, {5, 0, 5}},
    [GEO_OSM_TRACK] = {"track", GEO_CLASS_TRACK, {12, 12, 5}},
    [GEO_OSM_ROAD] = {"road", GEO_CLASS_RESIDENTIAL, {20, 20, 5}},
    [GEO_OSM_CYCLEWAY] = {"cycleway", GEO_CLASS_CYCLEWAY, {15, 0, 5}},
    [GEO_OSM_FOOTWAY] = {"footway", GEO_CLASS_FOOTWAY, {5, 0, 5}},
    [GEO_OSM_PATH] = {"path", GEO_CLASS_FOOTWAY, {8, 0, 5}},
    [GEO_OSM_STEPS] = {"steps", GEO_CLASS_STEPS, {0, 0, 3}},
    [GEO_OSM_BRIDLEWAY] = {"bridleway", GEO_CLASS_FOOTWAY, {0, 0, 5}},
    [GEO_OSM_BUSWAY] = {"busway", GEO_CLASS_OTHER, {0, 0, 0}},
    [GEO_OSM_FERRY] = {"ferry", GEO_CLASS_FERRY, {8, 8, 8}},
};

/* Whose tags count, the most telling first; the first that is present decides. */
enum { ACCESS_KEYS_MAX = 6 };
static const char *const ACCESS_KEYS[GEO_PROFILE_COUNT][ACCESS_KEYS_MAX] = {
    [GEO_EBIKE] = {"electric_bicycle", "moped", "bicycle", "vehicle", "access"},
    [GEO_CAR] = {"motorcar", "motor_vehicle", "vehicle", "access"},
    [GEO_FOOT] = {"foot", "access"},
};
static const char *const ONEWAY_KEYS[GEO_PROFILE_COUNT][ACCESS_KEYS_MAX] = {
    [GEO_EBIKE] = {"oneway:electric_bicycle", "oneway:moped", "oneway:bicycle", "oneway"},
    [GEO_CAR] = {"oneway:motorcar", "oneway:motor_vehicle", "oneway"},
    [GEO_FOOT] = {"oneway:foot"},
};
static const char *const RESTRICTION_KEYS[GEO_PROFILE_COUNT][ACCESS_KEYS_MAX] = {
    [GEO_EBIKE] = {"restriction:electric_bicycle", "restriction:moped", "restriction:bicycle", "restriction:vehicle", "restriction"},
    [GEO_CAR] = {"restriction:motorcar", "restriction:motor_vehicle", "restriction:vehicle", "restriction"},
    [GEO_FOOT] = {"restriction:foot"},
};
static const char *const CONDITIONAL_KEYS[GEO_PROFILE_COUNT][ACCESS_KEYS_MAX] = {
    [GEO_EBIKE] = {"restriction:bicycle:conditional", "restriction:moped:conditional", "restriction:conditional"},
    [GEO_CAR] = {"restriction:motorcar:conditional", "restriction:motor_vehicle:conditional", "restriction:conditional"},
    [GEO_FOOT] = {"restriction:foot:conditional"},
};

struct geo_osm_options geo_osm_options_default(enum geo_profile profile)
{
    struct geo_osm_options options = {
        .profile = profile,
        .push_kmh = profile == GEO_EBIKE ? 5 : 0,
        .shared_kmh = profile == GEO_EBIKE ? 15 : 0,
        .maxspeed_percent = profile == GEO_CAR ? 80 : 100,
        .private_percent = profile == GEO_FOOT ? 80 : 40, /* compounds post 5-15 km/h; slow enough that nobody cuts through one */
        .signal_ms = profile == GEO_FOOT ? 20000 : 15000, /* half a cycle of red, weighed by the chance of it: 10-25 s */
        .crossing_ms = profile == GEO_FOOT ? 15000 : 5000,
        .gate_ms = profile == GEO_FOOT ? 5000 : 15000,
        .bollard_ms = profile == GEO_EBIKE ? 3000 : 0,
        .toll_ms = profile == GEO_CAR ? 10000 : 0,
        .signal_far_ms = profile == GEO_CAR ? 10000 : 8000, /* an arrow of its own; e-bikes cross in two steps */
        .signal_near_percent = 40,
        .far_ms = profile == GEO_CAR ? 6000 : 4000,
        .uturn_ms = profile == GEO_CAR ? 20000 : 5000,
    };
    if (profile == GEO_FOOT) { /* who walks turns for nothing */
        options.signal_near_percent = 100;
        options.signal_far_ms = options.far_ms = options.uturn_ms = 0;
    }
    for (unsigned i = 0; i < GEO_OSM_ROAD_COUNT; i++) options.speed_kmh[i] = ROADS[i].speed_kmh[profile];
    return options;
}

const char *osm_tags_find(struct osm_tags tags, const char *key)
{
    for (size_t i = 0; i < tags.count; i++)
        if (strcmp(tags.tag[i].key, key) == 0) return tags.tag[i].value;
    return NULL;
}

static bool is_one_of(const char *value, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(value, *list) == 0) return true;
    return false;
}

static const char *find_first(struct osm_tags tags, const char *const *keys)
{
    for (unsigned i = 0; i < ACCESS_KEYS_MAX && keys[i]; i++) {
        const char *value = osm_tags_find(tags, keys[i]);
        if (value) return value;
    }
    return NULL;
}

enum access { ACCESS_UNSAID, ACCESS_YES, ACCESS_PRIVATE, ACCESS_DISMOUNT, ACCESS_NO };

static enum access access_from(const char *value)
{
    static const char *const yes[] = {"yes", "permissive", "designated", "official", "permit", "optional_sidepath", NULL};
    static const char *const private[] = {"private", "destination", "delivery", "customers", "residents", "employees", NULL};
    static const char *const no[] = {"no", "agricultural", "forestry", "agricultural;forestry", "use_sidepath", "military", "bus", "psv", "hgv", NULL};
    if (is_one_of(value, yes)) return ACCESS_YES;
    if (is_one_of(value, private)) return ACCESS_PRIVATE;
    if (strcmp(value, "dismount") == 0) return ACCESS_DISMOUNT;
    return is_one_of(value, no) ? ACCESS_NO : ACCESS_UNSAID;
}

/* The first key with a word we know decides; key:forward and key:backward come before key. `*specific` tells that it was not "access". */
static enum access access_find(enum geo_profile profile, struct osm_tags tags, int direction, bool *specific)
{
    const char *suffix = direction == 0 ? ":forward" : ":backward";
    for (unsigned i = 0; i < ACCESS_KEYS_MAX && ACCESS_KEYS[profile][i]; i++) {
        const char *key = ACCESS_KEYS[profile][i];
        size_t length = strlen(key);
        enum access general = ACCESS_UNSAID, here = ACCESS_UNSAID;
        for (size_t t = 0; t < tags.count; t++) {
            const char *tag = tags.tag[t].key;
            if (strncmp(tag, key, length) != 0) continue;
            if (tag[length] == 0) general = access_from(tags.tag[t].value);
            else if (direction >= 0 && strcmp(tag + length, suffix) == 0) here = access_from(tags.tag[t].value);
        }
        *specific = strcmp(key, "access") != 0 && strcmp(key, "vehicle") != 0;
        if (here != ACCESS_UNSAID) return here;
        if (general != ACCESS_UNSAID) return general;
    }
    *specific = false;
    return ACCESS_UNSAID;
}

/* A signed limit in km/h, 0 if there is none that is a number. */
static uint32_t maxspeed_kmh(const char *value)
{
    if (!value || value[0] < '0' || value[0] > '9') return 0;
    char *end = NULL;
    unsigned long number = strtoul(value, &end, 10);
    if (number == 0 || number > 200) return 0;
    while (*end == ' ') end++;
    if (strncmp(end, "mph", 3) == 0) return (uint32_t)(number * 1609 / 1000);
    return (uint32_t)number;
}

/* Ferries: HH:MM, HH:MM:SS or minutes; 0 if unreadable. */
static uint32_t duration_s(const char *value)
{
    if (!value || value[0] < '0' || value[0] > '9') return 0;
    char *end = NULL;
    unsigned long part[3] = {0};
    unsigned count = 0;
    for (const char *at = value; count < 3; at = end + 1) {
        if (*at < '0' || *at > '9') return 0;
        part[count] = strtoul(at, &end, 10);
        if (part[count++] > 3000) return 0;
        if (*end != ':') break;
    }
    if (*end) return 0;
    return (uint32_t)(count == 1 ? part[0] * 60 : part[0] * 3600 + part[1] * 60 + part[2]);
}

static bool road_find(struct osm_tags tags, enum geo_osm_road *out)
{
    const char *highway = osm_tags_find(tags, "highway");
    if (!highway) {
        const char *route = osm_tags_find(tags, "route");
        *out = GEO_OSM_FERRY;
        return route && strcmp(route, "ferry") == 0;
    }
    for (unsigned i = 0; i < GEO_OSM_FERRY; i++) {
        if (strcmp(highway, ROADS[i].highway) == 0) {
            *out = (enum geo_osm_road)i;
            return true;
        }
    }
    return false;
}

/* Speed in one direction in km/h before one-ways; 0: closed. */
static uint32_t speed_kmh(const struct geo_osm_options *options, enum geo_osm_road road, struct osm_tags tags, int direction)
{
    uint32_t speed = options->speed_kmh[road];
    bool specific = false;
    enum access access = access_find(options->profile, tags, direction, &specific);
    bool never = options->profile == GEO_EBIKE && (road == GEO_OSM_MOTORWAY || road == GEO_OSM_MOTORWAY_LINK || road == GEO_OSM_TRUNK_LINK);
    const char *motorroad = osm_tags_find(tags, "motorroad");
    if (never || (options->profile != GEO_CAR && motorroad && strcmp(motorroad, "yes") == 0)) return 0;
    if (access == ACCESS_NO) return 0;
    if (access == ACCESS_DISMOUNT) return options->push_kmh;
    bool opened = specific && (access == ACCESS_YES || access == ACCESS_PRIVATE);
    bool narrow = road == GEO_OSM_FOOTWAY || road == GEO_OSM_PEDESTRIAN || road == GEO_OSM_PATH || road == GEO_OSM_TRACK || road == GEO_OSM_BRIDLEWAY;
    if (opened && narrow && options->shared_kmh > speed) speed = options->shared_kmh;
    const char *footway = osm_tags_find(tags, "footway");
    bool sidewalk = footway && (strcmp(footway, "sidewalk") == 0 || strcmp(footway, "crossing") == 0);
    if (options->profile == GEO_EBIKE && sidewalk && !opened) return 0; /* the road itself is beside it */
    if (speed == 0) return 0;
    if (options->profile != GEO_FOOT) {
        const char *limit = osm_tags_find(tags, direction == 0 ? "maxspeed:forward" : "maxspeed:backward");
        uint32_t limit_kmh = maxspeed_kmh(limit ? limit : osm_tags_find(tags, "maxspeed"));
        uint32_t driven = limit_kmh * options->maxspeed_percent / 100;
        if (driven > 0 && (options->profile == GEO_CAR || driven < speed)) speed = driven;
    }
    return speed;
}

static bool is_circle(struct osm_tags tags)
{
    const char *junction = osm_tags_find(tags, "junction");
    return junction && (strcmp(junction, "roundabout") == 0 || strcmp(junction, "circular") == 0);
}

/* Which directions one-way tags leave open. */
static void oneway_apply(enum geo_profile profile, enum geo_osm_road road, struct osm_tags tags, uint32_t speed_mh[2])
{
    const char *oneway = find_first(tags, ONEWAY_KEYS[profile]);
    static const char *const forward[] = {"yes", "true", "1", NULL};
    static const char *const backward[] = {"-1", "reverse", NULL};
    if (!oneway) {
        if (profile != GEO_FOOT && (is_circle(tags) || road == GEO_OSM_MOTORWAY || road == GEO_OSM_MOTORWAY_LINK)) speed_mh[1] = 0;
        return;
    }
    const char *cycleway = profile == GEO_EBIKE ? osm_tags_find(tags, "cycleway") : NULL;
    if (cycleway && strncmp(cycleway, "opposite", 8) == 0) return;
    if (is_one_of(oneway, forward)) speed_mh[1] = 0;
    else if (is_one_of(oneway, backward)) speed_mh[0] = 0;
    else if (strcmp(oneway, "reversible") == 0) speed_mh[0] = speed_mh[1] = 0; /* we do not know when it points where */
}

bool osm_profile_way(const struct geo_osm_options *options, struct osm_tags tags, struct osm_way *out)
{
    enum geo_osm_road road = GEO_OSM_ROAD_COUNT;
    if (!road_find(tags, &road)) return false;
    const char *area = osm_tags_find(tags, "area");
    if (area && strcmp(area, "yes") == 0) return false; /* the rim of a square is no way across it */
    bool private = false;
    for (int direction = 0; direction < 2; direction++) {
        bool specific = false;
        uint32_t speed = speed_kmh(options, road, tags, direction) * 1000;
        if (access_find(options->profile, tags, direction, &specific) == ACCESS_PRIVATE) {
            private = true;
            speed = speed * options->private_percent / 100;
        }
        out->speed_mh[direction] = speed;
    }
    oneway_apply(options->profile, road, tags, out->speed_mh);
    if (out->speed_mh[0] == 0 && out->speed_mh[1] == 0) return false;
    out->road_class = (uint8_t)ROADS[road].road_class;
    if (is_circle(tags)) out->flags |= GEO_ARC_ROUNDABOUT;
    out->snappable = road != GEO_OSM_FERRY && road != GEO_OSM_MOTORWAY && road != GEO_OSM_MOTORWAY_LINK;
    out->duration_s = road == GEO_OSM_FERRY && !private ? duration_s(osm_tags_find(tags, "duration")) : 0;
    return true;
}

/* How a barrier treats those of whom its tags say nothing. */
static void barrier_apply(const struct geo_osm_options *options, const char *barrier, struct osm_tags tags, struct osm_crossing *crossing)
{
    static const char *const gates[] = {"gate", "lift_gate", "swing_gate", "sliding_gate", "hampshire_gate", "sally_port", "wicket_gate", NULL};
    static const char *const posts[] = {"bollard", "block", "cycle_barrier", "motorcycle_barrier", "planter", "chain", "jersey_barrier", "bus_trap", "log", NULL};
    static const char *const walkers[] = {"stile", "turnstile", "full-height_turnstile", "kissing_gate", "horse_stile", NULL};
    bool specific = false;
    enum access access = access_find(options->profile, tags, -1, &specific);
    bool open = access == ACCESS_YES || access == ACCESS_PRIVATE;
    const char *locked = osm_tags_find(tags, "locked");
    uint32_t cost_ms = 0;
    if (is_one_of(barrier, gates)) {
        cost_ms = options->gate_ms;
        crossing->blocked = !open && locked && strcmp(locked, "yes") == 0;
    } else if (is_one_of(barrier, posts)) {
        cost_ms = options->bollard_ms;
        crossing->blocked = !open && options->profile == GEO_CAR;
    } else if (is_one_of(barrier, walkers)) {
        cost_ms = options->bollard_ms;
        crossing->blocked = !open && options->profile != GEO_FOOT;
    } else if (strcmp(barrier, "toll_booth") == 0) {
        cost_ms = options->toll_ms;
    }
    if (access == ACCESS_NO) crossing->blocked = true;
    crossing->cost_ms[0] += cost_ms;
    crossing->cost_ms[1] += cost_ms;
}

struct osm_crossing osm_profile_node(const struct geo_osm_options *options, struct osm_tags tags)
{
    struct osm_crossing crossing = {0};
    if (tags.count == 0) return crossing;
    const char *highway = osm_tags_find(tags, "highway");
    const char *kind = osm_tags_find(tags, "crossing");
    if (highway && strcmp(highway, "traffic_signals") == 0) {
        const char *direction = osm_tags_find(tags, "traffic_signals:direction");
        if (!direction || strcmp(direction, "backward") != 0) crossing.signal_ms[0] = options->signal_ms;
        if (!direction || strcmp(direction, "forward") != 0) crossing.signal_ms[1] = options->signal_ms;
        crossing.cost_ms[0] += crossing.signal_ms[0];
        crossing.cost_ms[1] += crossing.signal_ms[1];
    } else if (highway && kind && strcmp(highway, "crossing") == 0 && strcmp(kind, "traffic_signals") == 0) {
        crossing.cost_ms[0] += options->crossing_ms;
        crossing.cost_ms[1] += options->crossing_ms;
    }
    const char *barrier = osm_tags_find(tags, "barrier");
    if (barrier) barrier_apply(options, barrier, tags, &crossing);
    return crossing;
}

/* "except" names vehicles that may; a list with semicolons. */
static bool is_excepted(enum geo_profile profile, const char *except)
{
    for (unsigned i = 0; i < ACCESS_KEYS_MAX && ACCESS_KEYS[profile][i]; i++) {
        const char *key = ACCESS_KEYS[profile][i];
        size_t length = strlen(key);
        for (const char *at = except; (at = strstr(at, key)) != NULL; at += length) {
            bool starts = at == except || at[-1] == ';' || at[-1] == ' ' || at[-1] == ',';
            bool ends = at[length] == 0 || at[length] == ';' || at[length] == ' ' || at[length] == ',';
            if (starts && ends) return true;
        }
    }
    return false;
}

enum osm_rule osm_profile_restriction(enum geo_profile profile, struct osm_tags tags)
{
    const char *type = osm_tags_find(tags, "type");
    if (!type || strcmp(type, "restriction") != 0) return OSM_RULE_NONE;
    const char *value = find_first(tags, RESTRICTION_KEYS[profile]);
    if (!value) return find_first(tags, CONDITIONAL_KEYS[profile]) ? OSM_RULE_CONDITIONAL : OSM_RULE_NONE;
    const char *except = osm_tags_find(tags, "except");
    if (except && is_excepted(profile, except)) return OSM_RULE_NONE;
    if (strncmp(value, "no_", 3) == 0) return OSM_RULE_NO;
    return strncmp(value, "only_", 5) == 0 ? OSM_RULE_ONLY : OSM_RULE_NONE;
}
