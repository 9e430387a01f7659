/* Streets over the junctions: rings, arterials, residential one-ways, bridges, gated compounds, lights and turn restrictions. Pure. */
#include "city.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum direction { EAST, NORTH, WEST, SOUTH };

struct streets {
    struct city *city;
    uint32_t *leg;   /* junction * 4 + direction -> the way that ends or begins there, at crossings of arterials; GEO_NONE */
};
struct line {
    bool vertical;
    uint32_t number, length;   /* of the column or row; junctions along it */
    int8_t oneway;
};

static uint32_t junction_at(const struct city *city, const struct line *line, uint32_t along)
{
    return line->vertical ? along * city->columns + line->number : line->number * city->columns + along;
}

static uint32_t distance_from(uint32_t value, uint32_t centre)
{
    return value > centre ? value - centre : centre - value;
}

/* Rings are squares of arterials about the middle: the inner a primary, the outer an expressway's ground level (trunk). */
static bool is_ring(const struct city *city, const struct line *line, uint32_t along, uint32_t radius)
{
    uint32_t across = line->vertical ? city->columns / 2 : city->rows / 2, middle = line->vertical ? city->rows / 2 : city->columns / 2;
    across -= across % CITY_BLOCK;
    middle -= middle % CITY_BLOCK;
    bool inside = along >= middle - radius && along < middle + radius;
    return radius > 0 && radius < across && radius < middle && distance_from(line->number, across) == radius && inside;
}

static enum city_highway highway_at(const struct city *city, const struct line *line, uint32_t along)
{
    uint32_t least = city->columns < city->rows ? city->columns : city->rows;
    uint32_t inner = least / 6 / CITY_BLOCK * CITY_BLOCK, outer = least / 3 / CITY_BLOCK * CITY_BLOCK;
    if (is_ring(city, line, along, outer)) return CITY_TRUNK;
    if (is_ring(city, line, along, inner)) return CITY_PRIMARY;
    if (line->number % (2 * CITY_BLOCK) == 0) return CITY_PRIMARY;
    if (line->number % CITY_BLOCK == 0) return CITY_SECONDARY;
    if (line->number % CITY_BLOCK == 2 && line->number % 3 == 0) return CITY_TERTIARY;
    return line->number % 7 == 3 ? CITY_LIVING_STREET : CITY_RESIDENTIAL;
}

static bool ref_add(struct city *city, uint32_t node)
{
    if (!city_grow(&city->refs, &city->ref_capacity, city->ref_count + 1, sizeof *city->refs)) return false;
    city->refs[city->ref_count++] = node;
    return true;
}

static bool node_add(struct city *city, struct geo_point at, enum city_node_kind kind)
{
    if (!city_grow(&city->nodes, &city->node_capacity, city->node_count + 1, sizeof *city->nodes)) return false;
    city->nodes[city->node_count++] = (struct city_node){at, kind};
    return true;
}

static bool way_add(struct city *city, struct city_way way)
{
    if (!city_grow(&city->ways, &city->way_capacity, city->way_count + 1, sizeof *city->ways)) return false;
    way.ref_count = (uint32_t)city->ref_count - way.ref_first;
    city->ways[city->way_count++] = way;
    return true;
}

/* A compound: a gate in the street and a private lane into the block behind it. */
static bool compound_add(struct city *city, uint32_t gate, bool vertical)
{
    struct geo_point at = city->nodes[gate].at;
    uint32_t first = (uint32_t)city->ref_count;
    if (!ref_add(city, gate)) return false;
    for (int step = 1; step <= 3; step++) {
        struct geo_point next = {at.lat_e7 + (vertical ? 300 : 3500 * step), at.lon_e7 + (vertical ? 4000 * step : 300)};
        if (!node_add(city, next, step == 1 ? CITY_GATE : CITY_PLAIN) || !ref_add(city, (uint32_t)city->node_count - 1)) return false;
    }
    return way_add(city, (struct city_way){.ref_first = first, .highway = CITY_SERVICE, .gated = true});
}

enum edge { EDGE_NONE, EDGE_STREET, EDGE_BRIDGE };

static enum edge edge_at(struct city *city, const struct line *line, uint32_t along, enum city_highway highway)
{
    bool arterial = line->number % CITY_BLOCK == 0;
    uint32_t column = line->vertical ? line->number : along;
    bool crosses = line->vertical ? along + 1 == city_river_row(city, column) : false;
    if (!line->vertical) /* a street beside the river ends where the river bends through it */
        crosses = (city_river_row(city, along) > line->number) != (city_river_row(city, along + 1) > line->number);
    bool gap = city_random(city, 100) < 7;
    if (crosses) return highway <= CITY_PRIMARY ? EDGE_BRIDGE : EDGE_NONE;
    return gap && !arterial ? EDGE_NONE : EDGE_STREET;
}

static bool piece_end(struct streets *streets, const struct line *line, uint32_t begin, uint32_t end, struct city_way way)
{
    struct city *city = streets->city;
    if (!way_add(city, way)) return false;
    uint32_t index = (uint32_t)city->way_count - 1;
    streets->leg[junction_at(city, line, begin) * 4 + (line->vertical ? NORTH : EAST)] = index;
    streets->leg[junction_at(city, line, end) * 4 + (line->vertical ? SOUTH : WEST)] = index;
    return true;
}

/* Pieces of one kind between arterials: every way ends at the crossings that restrictions speak of. */
static bool line_add(struct streets *streets, const struct line *line)
{
    struct city *city = streets->city;
    uint32_t along = 0;
    while (along + 1 < line->length) {
        enum city_highway highway = highway_at(city, line, along);
        enum edge kind = edge_at(city, line, along, highway);
        uint32_t begin = along;
        struct city_way way = {.ref_first = (uint32_t)city->ref_count, .name = line->number * 2 + line->vertical, .highway = highway,
                               .oneway = line->oneway, .bridge = kind == EDGE_BRIDGE};
        uint32_t gate = GEO_NONE;
        enum edge next = kind;
        if (kind == EDGE_NONE) {
            along++;
            continue;
        }
        if (!ref_add(city, junction_at(city, line, along))) return false;
        do {
            uint32_t a = junction_at(city, line, along), b = junction_at(city, line, along + 1);
            struct geo_point middle = city_between(city, city->nodes[a].at, city->nodes[b].at, 100 + city_random(city, 56), 700);
            if (!node_add(city, middle, CITY_PLAIN) || !ref_add(city, (uint32_t)city->node_count - 1) || !ref_add(city, b)) return false;
            if (highway >= CITY_TERTIARY && city_random(city, 8) == 0) gate = (uint32_t)city->node_count - 1;
            along++;
            if (kind == EDGE_BRIDGE || along % CITY_BLOCK == 0 || along + 1 >= line->length) break;
            next = edge_at(city, line, along, highway_at(city, line, along));
        } while (next == EDGE_STREET && highway_at(city, line, along) == highway);
        if (!piece_end(streets, line, begin, along, way)) return false;
        if (gate != GEO_NONE && !compound_add(city, gate, line->vertical)) return false;
    }
    return true;
}

static void signals_place(struct city *city)
{
    for (uint32_t row = 0; row < city->rows; row++) {
        for (uint32_t column = 0; column < city->columns; column++) {
            uint32_t arterials = (row % CITY_BLOCK == 0 ? 1u : 0u) + (column % CITY_BLOCK == 0 ? 1u : 0u);
            uint32_t percent = arterials == 2 ? 90 : arterials == 1 ? 15 : 1;
            if (city_random(city, 100) < percent) city->nodes[row * city->columns + column].kind = CITY_SIGNALS;
        }
    }
}

static bool restriction_add(struct city *city, enum city_turn turn, uint32_t from, uint32_t via, uint32_t to)
{
    if (from == GEO_NONE || to == GEO_NONE) return true; /* no street there: nothing to forbid */
    if (!city_grow(&city->restrictions, &city->restriction_capacity, city->restriction_count + 1, sizeof *city->restrictions)) return false;
    city->restrictions[city->restriction_count++] = (struct city_restriction){turn, from, via, to};
    return true;
}

static bool crossing_restrict(struct streets *streets, uint32_t junction)
{
    struct city *city = streets->city;
    const uint32_t *leg = streets->leg + (size_t)junction * 4;
    uint32_t from = city_random(city, 4), kind = city_random(city, 100);
    /* coming from the leg `from` one drives to its opposite; left is the next leg clockwise from where one came */
    if (kind < 35) return restriction_add(city, CITY_NO_LEFT, leg[from], junction, leg[(from + 3) % 4]);
    if (kind < 45) return restriction_add(city, CITY_NO_U, leg[from], junction, leg[from]);
    if (kind < 52) return restriction_add(city, CITY_ONLY_STRAIGHT, leg[from], junction, leg[(from + 2) % 4]);
    if (kind < 57 && leg[EAST] != GEO_NONE) {
        uint32_t other = city->refs[city->ways[leg[EAST]].ref_first + city->ways[leg[EAST]].ref_count - 1];
        bool whole = other < city->columns * city->rows && other % city->columns % CITY_BLOCK == 0;
        return !whole || restriction_add(city, CITY_NO_U_VIA, leg[NORTH], leg[EAST], streets->leg[(size_t)other * 4 + NORTH]);
    }
    return true;
}

static bool river_add(struct city *city)
{
    uint32_t first = (uint32_t)city->ref_count;
    for (uint32_t column = 0; column < city->columns; column++) {
        uint32_t row = city_river_row(city, column);
        struct geo_point north = city->nodes[row * city->columns + column].at, south = city->nodes[(row - 1) * city->columns + column].at;
        struct geo_point at = {south.lat_e7 / 2 + north.lat_e7 / 2, south.lon_e7 / 2 + north.lon_e7 / 2 + 5000};
        if (!node_add(city, at, CITY_PLAIN) || !ref_add(city, (uint32_t)city->node_count - 1)) return false;
        if ((city->ref_count - first) % 200 != 0 || column + 1 == city->columns) continue; /* OSM ways hold at most 2,000 nodes */
        if (!way_add(city, (struct city_way){.ref_first = first, .highway = CITY_RIVER})) return false;
        first = (uint32_t)city->ref_count;
        if (!ref_add(city, (uint32_t)city->node_count - 1)) return false;
    }
    return city->ref_count - first < 2 || way_add(city, (struct city_way){.ref_first = first, .highway = CITY_RIVER});
}

bool city_streets(struct city *city)
{
    size_t legs = (size_t)city->columns * city->rows * 4;
    struct streets streets = {.city = city, .leg = malloc(legs * sizeof *streets.leg)};
    if (!streets.leg) return false;
    memset(streets.leg, 0xff, legs * sizeof *streets.leg);
    bool good = true;
    for (uint32_t pass = 0; pass < 2; pass++) {
        uint32_t count = pass ? city->columns : city->rows;
        for (uint32_t number = 0; number < count && good; number++) {
            struct line line = {.vertical = pass == 1, .number = number, .length = pass ? city->rows : city->columns};
            if (number % CITY_BLOCK != 0 && city_random(city, 100) < 35) line.oneway = 1;
            good = line_add(&streets, &line);
        }
    }
    if (good) signals_place(city);
    for (uint32_t row = 0; row < city->rows && good; row += CITY_BLOCK)
        for (uint32_t column = 0; column < city->columns && good; column += CITY_BLOCK) good = crossing_restrict(&streets, row * city->columns + column);
    free(streets.leg);
    return good && river_add(city);
}

/* ---- names ---- */

void city_name_write(uint32_t number, enum city_highway highway, char chinese[CITY_NAME_MAX], char english[CITY_NAME_MAX])
{
    static const char *const stem[][2] = {
        {"中山", "Zhongshan"}, {"人民", "Renmin"}, {"解放", "Jiefang"}, {"建设", "Jianshe"}, {"和平", "Heping"}, {"长江", "Changjiang"}, {"新华", "Xinhua"},
        {"文化", "Wenhua"}, {"青年", "Qingnian"}, {"胜利", "Shengli"}, {"光明", "Guangming"}, {"东风", "Dongfeng"}, {"友谊", "Youyi"}, {"团结", "Tuanjie"},
        {"红旗", "Hongqi"}, {"学府", "Xuefu"}, {"滨河", "Binhe"}, {"公园", "Gongyuan"}, {"花园", "Huayuan"}, {"健康", "Jiankang"}, {"医院", "Yiyuan"},
        {"杏林", "Xinglin"}, {"梅园", "Meiyuan"}, {"兰亭", "Lanting"}, {"竹山", "Zhushan"}, {"菊香", "Juxiang"}, {"松涛", "Songtao"}, {"柳岸", "Liu'an"},
        {"桂花", "Guihua"}, {"石桥", "Shiqiao"}, {"古塔", "Guta"}};
    static const char *const part[][2] = {{"", ""}, {"东", " East"}, {"西", " West"}, {"南", " South"}, {"北", " North"}, {"中", " Middle"}};
    static const char *const suffix[][2] = {{"大道", " Avenue"}, {"大道", " Avenue"}, {"路", " Road"}, {"路", " Road"}, {"街", " Street"}, {"巷", " Lane"}};
    enum { STEMS = sizeof stem / sizeof *stem, PARTS = sizeof part / sizeof *part };
    if (highway == CITY_RIVER || highway == CITY_SERVICE) {
        (void)snprintf(chinese, CITY_NAME_MAX, "%s", highway == CITY_RIVER ? "清水河" : "");
        (void)snprintf(english, CITY_NAME_MAX, "%s", highway == CITY_RIVER ? "Qingshui River" : "");
        return;
    }
    uint32_t round = number / STEMS, again = round / PARTS;
    const char *const *last = suffix[highway < CITY_SERVICE ? (unsigned)highway : 4];
    (void)snprintf(chinese, CITY_NAME_MAX, "%s%s%.0u%s", stem[number % STEMS][0], part[round % PARTS][0], again, last[0]);
    (void)snprintf(english, CITY_NAME_MAX, "%s%s%.0u%s", stem[number % STEMS][1], part[round % PARTS][1], again, last[1]);
}
