/* Any bytes as .osm XML: each low byte is a piece of the language, others stand for themselves. So the fuzzer builds towns, restrictions and
 * broken documents alike, and reaches the making of the graph. What is built holds its own laws. */
#include <stdlib.h>
#include <string.h>

#include "geo_osm/geo_osm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NODE(id, lat, lon) "<node id='" id "' lat='31.2" lat "' lon='121.4" lon "'>"
#define TAG(k, v)          "<tag k='" k "' v='" v "'/>"
#define MEMBER(type, ref, role) "<member type='" type "' ref='" ref "' role='" role "'/>"

static const char *const PIECES[] = {
    NODE("1", "0", "0"), NODE("2", "0", "1"), NODE("3", "0", "2"), NODE("4", "1", "0"), NODE("5", "1", "1"), NODE("6", "1", "2"), NODE("7", "1", "1"),
    NODE("1", "9", "9"), "<node id='8'>", "<node id='9' lat='91' lon='0'>", "<node id='-5' lat='-90' lon='-180'/>", "</node>",
    "<way id='1'>", "<way id='2'>", "<way id='3'>", "<way id='4'>", "<way id='5'>", "<way id='9223372036854775807'>", "</way>",
    "<nd ref='1'/>", "<nd ref='2'/>", "<nd ref='3'/>", "<nd ref='4'/>", "<nd ref='5'/>", "<nd ref='6'/>", "<nd ref='7'/>", "<nd ref='8'/>", "<nd ref='99'/>", "<nd/>",
    "<relation id='1'>" TAG("type", "restriction"), "</relation>",
    MEMBER("way", "1", "from"), MEMBER("way", "2", "from"), MEMBER("way", "3", "from"), MEMBER("node", "2", "via"), MEMBER("node", "5", "via"),
    MEMBER("way", "2", "via"), MEMBER("way", "3", "via"), MEMBER("way", "4", "via"), MEMBER("way", "1", "to"), MEMBER("way", "3", "to"), MEMBER("way", "4", "to"),
    MEMBER("relation", "1", "via"), "<member/>",
    TAG("restriction", "no_left_turn"), TAG("restriction", "only_straight_on"), TAG("restriction", "no_entry"), TAG("restriction:conditional", "no_u_turn @ (07:00-09:00)"),
    TAG("restriction:bicycle", "no_u_turn"), TAG("except", "bicycle;psv"),
    TAG("highway", "residential"), TAG("highway", "primary"), TAG("highway", "motorway"), TAG("highway", "footway"), TAG("highway", "traffic_signals"),
    TAG("oneway", "yes"), TAG("oneway", "-1"), TAG("oneway:bicycle", "no"), TAG("junction", "roundabout"), TAG("cycleway", "opposite"),
    TAG("access", "private"), TAG("bicycle", "dismount"), TAG("bicycle:forward", "no"), TAG("barrier", "bollard"), TAG("barrier", "gate"), TAG("locked", "yes"),
    TAG("maxspeed", "30 mph"), TAG("maxspeed", "5"), TAG("route", "ferry"), TAG("duration", "00:10"), TAG("duration", "99999:99"), TAG("area", "yes"),
    TAG("name", "中山路"), TAG("name", "&#1;"), "<tag k='name'/>", "<osm>", "</osm>", "<!DOCTYPE osm>", "<!--", "-->", "<![CDATA[", "]]>", "&amp;", "&lol;",
};
/* Half of the documents begin with a sound town, so that what follows is about roads and turns at once. */
#define STREET(id, a, b) "<way id='" id "'><nd ref='" a "'/><nd ref='" b "'/>" TAG("highway", "residential") "</way>"
static const char TOWN[] = NODE("1", "0", "0") "</node>" NODE("2", "0", "1") "</node>" NODE("3", "0", "2") "</node>" NODE("4", "1", "0") "</node>"
    NODE("5", "1", "1") "</node>" NODE("6", "1", "2") "</node>" STREET("1", "1", "2") STREET("2", "2", "5") STREET("3", "5", "4") STREET("4", "2", "3") STREET("5", "5", "6")
    STREET("6", "4", "1") STREET("7", "3", "6");

enum { PIECE_COUNT = sizeof PIECES / sizeof *PIECES, TEXT_MAX_BYTES = 1 << 18 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t text[TEXT_MAX_BYTES];
    size_t at = 5;
    memcpy(text, "<osm>", 5);
    if (size && data[0] & 0x80) {
        memcpy(text + at, TOWN, sizeof TOWN - 1);
        at += sizeof TOWN - 1;
    }
    for (size_t i = 1; i < size && at < TEXT_MAX_BYTES - 256; i++) {
        if (data[i] < PIECE_COUNT) {
            size_t length = strlen(PIECES[data[i]]);
            memcpy(text + at, PIECES[data[i]], length);
            at += length;
        } else {
            text[at++] = data[i];
        }
    }
    memcpy(text + at, "</osm>", 6);
    at += 6;
    struct geo_osm_options options = geo_osm_options_default(size ? (enum geo_profile)(data[0] % GEO_PROFILE_COUNT) : GEO_EBIKE);
    struct geo_graph *graph = NULL;
    struct geo_error error = {.text = ""};
    enum geo_status rc = geo_osm_build_bytes(text, at, &options, &graph, &error);
    if (rc != GEO_OK) {
        if (graph || !error.text[0]) abort();
        if (strncmp(error.text, "arc ", 4) == 0) abort(); /* a graph against its own laws: the maker's fault, not the file's */
        return 0;
    }
    geo_graph_free(graph);
    return 0;
}
