/* Steps as sentences: one table of phrases, and what is put into them. Knows no route. */
#include "geo_guide/geo_guide.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* %n street, %h heading, %x exit, %v via point, %s side */
struct phrase {
    const char *key;
    const char *fresh[GEO_LANGUAGE_COUNT]; /* onto another street */
    const char *stays[GEO_LANGUAGE_COUNT]; /* on the same one; NULL: as fresh */
};
static const struct phrase PHRASES[GEO_MANOEUVRE_COUNT] = {
    [GEO_DEPART] = {"depart", {"Head %h on %n", "沿%n向%h出发"}, {NULL, NULL}},
    [GEO_CONTINUE] = {"continue", {"Continue onto %n", "直行进入%n"}, {"Continue on %n", "沿%n继续直行"}},
    [GEO_SLIGHT_RIGHT] = {"slight right", {"Bear right onto %n", "向右前方进入%n"}, {"Bear right to stay on %n", "向右前方沿%n继续"}},
    [GEO_RIGHT] = {"right", {"Turn right onto %n", "右转进入%n"}, {"Turn right to stay on %n", "右转沿%n继续"}},
    [GEO_SHARP_RIGHT] = {"sharp right", {"Turn sharply right onto %n", "向右后方转入%n"}, {"Turn sharply right to stay on %n", "向右后方沿%n继续"}},
    [GEO_UTURN] = {"u-turn", {"Make a U-turn onto %n", "掉头进入%n"}, {"Make a U-turn on %n", "在%n掉头"}},
    [GEO_SHARP_LEFT] = {"sharp left", {"Turn sharply left onto %n", "向左后方转入%n"}, {"Turn sharply left to stay on %n", "向左后方沿%n继续"}},
    [GEO_LEFT] = {"left", {"Turn left onto %n", "左转进入%n"}, {"Turn left to stay on %n", "左转沿%n继续"}},
    [GEO_SLIGHT_LEFT] = {"slight left", {"Bear left onto %n", "向左前方进入%n"}, {"Bear left to stay on %n", "向左前方沿%n继续"}},
    [GEO_ROUNDABOUT] = {"roundabout", {"At the roundabout take the %x exit onto %n", "进入环岛，从第%x个出口驶入%n"}, {"At the roundabout take the %x exit to stay on %n", "进入环岛，从第%x个出口沿%n继续"}},
    [GEO_ROUNDABOUT_LEAVE] = {"roundabout leave", {"Leave the roundabout onto %n", "驶离环岛进入%n"}, {NULL, NULL}},
    [GEO_ARRIVE] = {"arrive", {"You have arrived%s", "到达目的地%s"}, {NULL, NULL}},
};
static const char *const INTO_CIRCLE[GEO_LANGUAGE_COUNT] = {"Enter the roundabout", "进入环岛"};
static const char *const AT_VIA[GEO_LANGUAGE_COUNT] = {"You have reached stop %v%s", "到达第%v个途经点%s"};
static const char *const SIDES[3][GEO_LANGUAGE_COUNT] = {[GEO_AHEAD] = {"", ""}, [GEO_ON_LEFT] = {", on the left", "，在道路左侧"}, [GEO_ON_RIGHT] = {", on the right", "，在道路右侧"}};
static const char *const HEADINGS[8][GEO_LANGUAGE_COUNT] = {{"north", "北"}, {"northeast", "东北"}, {"east", "东"}, {"southeast", "东南"},
                                                            {"south", "南"}, {"southwest", "西南"}, {"west", "西"}, {"northwest", "西北"}};
static const char *const NAMELESS[GEO_CLASS_COUNT][GEO_LANGUAGE_COUNT] = {
    [GEO_CLASS_MOTORWAY] = {"the motorway", "高速公路"},      [GEO_CLASS_TRUNK] = {"the expressway", "快速路"},
    [GEO_CLASS_PRIMARY] = {"the main road", "主干道"},        [GEO_CLASS_SECONDARY] = {"the main road", "次干道"},
    [GEO_CLASS_TERTIARY] = {"the road", "支路"},              [GEO_CLASS_RESIDENTIAL] = {"the side street", "街巷"},
    [GEO_CLASS_SERVICE] = {"the service road", "内部道路"},   [GEO_CLASS_TRACK] = {"the track", "土路"},
    [GEO_CLASS_CYCLEWAY] = {"the cycleway", "自行车道"},      [GEO_CLASS_FOOTWAY] = {"the footpath", "人行道"},
    [GEO_CLASS_STEPS] = {"the steps", "台阶"},                [GEO_CLASS_FERRY] = {"the ferry", "轮渡"},
    [GEO_CLASS_OTHER] = {"the road", "道路"},
};

const char *geo_manoeuvre_name(enum geo_manoeuvre manoeuvre)
{
    assert((unsigned)manoeuvre < GEO_MANOEUVRE_COUNT);
    return PHRASES[manoeuvre].key;
}

struct sentence {
    char *text;
    size_t size, room;            /* room: without the end */
};

static void add(struct sentence *out, const char *text)
{
    size_t length = strlen(text), left = out->room - out->size;
    if (length > left) {
        length = left;
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80) length--; /* not within a character */
        out->room = out->size + length; /* nothing may follow a cut */
    }
    memcpy(out->text + out->size, text, length);
    out->size += length;
}

static void add_number(struct sentence *out, uint32_t number, enum geo_language language, bool ordinal)
{
    static const char *const ENDS[4] = {"th", "st", "nd", "rd"};
    char digits[16];
    snprintf(digits, sizeof digits, "%u", number);
    add(out, digits);
    if (!ordinal || language != GEO_ENGLISH) return;
    add(out, number % 10 < 4 && number % 100 / 10 != 1 ? ENDS[number % 10] : ENDS[0]);
}

static const char *street_of(const struct geo_guide_step *step, enum geo_language language)
{
    const char *name = step->names[language];
    return name && name[0] ? name : NAMELESS[step->road_class < GEO_CLASS_COUNT ? step->road_class : GEO_CLASS_OTHER][language];
}

/* Metres as people say them: 80 m, 350 m, 1.2 km. */
static void add_length(struct sentence *out, uint32_t length_dm, enum geo_language language)
{
    char number[24];
    uint32_t metres = length_dm / 10 + (length_dm % 10 >= 5), tens = (metres + 5) / 10 * 10, hundreds = (metres + 50) / 100;
    if (metres == 0) return;
    bool is_far = tens >= 1000;
    if (is_far) snprintf(number, sizeof number, "%u.%u", hundreds / 10, hundreds % 10);
    else snprintf(number, sizeof number, "%u", metres < 100 ? metres : tens);
    add(out, language == GEO_ENGLISH ? " and go " : "，前行");
    add(out, number);
    add(out, language == GEO_ENGLISH ? (is_far ? " km" : " m") : (is_far ? "公里" : "米"));
}

static const char *phrase_of(const struct geo_guide_step *step, enum geo_language language)
{
    const struct phrase *phrase = &PHRASES[step->manoeuvre];
    if (step->manoeuvre == GEO_ROUNDABOUT && step->exit == 0) return INTO_CIRCLE[language];
    if (step->manoeuvre == GEO_ARRIVE && step->via) return AT_VIA[language];
    return step->stays && phrase->stays[language] ? phrase->stays[language] : phrase->fresh[language];
}

size_t geo_guide_say(const struct geo_guide_step *step, enum geo_language language, char *out, size_t size)
{
    assert((unsigned)step->manoeuvre < GEO_MANOEUVRE_COUNT && (unsigned)language < GEO_LANGUAGE_COUNT && size > 0);
    struct sentence sentence = {.text = out, .room = size - 1};
    for (const char *at = phrase_of(step, language); *at; at++) {
        const char *next = strchr(at, '%');
        char plain[128];
        size_t length = next ? (size_t)(next - at) : strlen(at);
        assert(length < sizeof plain);
        memcpy(plain, at, length);
        plain[length] = 0;
        add(&sentence, plain);
        if (!next) break;
        at = next + 1;
        if (*at == 'n') add(&sentence, street_of(step, language));
        else if (*at == 'h') add(&sentence, HEADINGS[(step->heading_deg % 360 * 2 + 45) / 90 % 8][language]);
        else if (*at == 'x') add_number(&sentence, step->exit, language, true);
        else if (*at == 'v') add_number(&sentence, step->via, language, false);
        else add(&sentence, SIDES[step->side <= GEO_ON_RIGHT ? step->side : GEO_AHEAD][language]);
    }
    if (step->manoeuvre != GEO_ARRIVE) add_length(&sentence, step->length_dm, language);
    out[sentence.size] = 0;
    return sentence.size;
}
