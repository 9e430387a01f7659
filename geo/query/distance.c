/* Points on arcs: how a place hangs on the network's nodes, and ways along one road. One rounding rule: the part up to an offset is rounded
 * down, the part after it is the rest, so that the two always make the whole. */
#include "geo_query/geo_query.h"

geo_weight geo_part(geo_weight whole, uint32_t offset)
{
    uint64_t ms = (whole >> 32) * offset / GEO_PLACE_ONE, dm = (whole & UINT32_MAX) * offset / GEO_PLACE_ONE;
    return ms << 32 | dm;
}

geo_weight geo_drive(const struct geo_net *net, const struct geo_times *times, uint32_t arc)
{
    uint32_t ms = times->travel_ms[arc], wait = net->graph->arcs[arc].wait_ms;
    return geo_weight_of(wait < ms ? ms - wait : 0, net->graph->arcs[arc].length_dm);
}

static uint32_t add_links(const struct geo_net *net, const struct geo_times *times, uint32_t arc, uint32_t offset, bool from, struct geo_link *links, uint32_t count)
{
    uint32_t twin = net->graph->arcs[arc].twin;
    for (uint32_t i = net->copy_first[twin]; i < net->copy_first[twin + 1] && count < GEO_LINKS_MAX; i++) {
        uint32_t copy = net->copies[i];
        geo_weight part = geo_part(geo_drive(net, times, copy), offset);
        geo_weight turn = geo_weight_of(net->graph->arcs[copy].turn_ms, 0), whole = geo_weight_of(times->travel_ms[copy], net->graph->arcs[copy].length_dm);
        links[count++] = from ? (struct geo_link){net->graph->arcs[copy].head, copy, whole - part}
                              : (struct geo_link){net->graph->arcs[copy].tail, copy, turn + part};
    }
    return count;
}

static uint32_t links(const struct geo_net *net, const struct geo_times *times, struct geo_place place, bool from, struct geo_link *out)
{
    uint32_t road = net->graph->arcs[place.arc].twin, reverse = net->graph->arcs[road].reverse;
    uint32_t count = add_links(net, times, road, place.offset, from, out, 0);
    return reverse == GEO_NONE ? count : add_links(net, times, reverse, GEO_PLACE_ONE - place.offset, from, out, count);
}

uint32_t geo_links_from(const struct geo_net *net, const struct geo_times *times, struct geo_place place, struct geo_link *out)
{
    return links(net, times, place, true, out);
}

uint32_t geo_links_to(const struct geo_net *net, const struct geo_times *times, struct geo_place place, struct geo_link *out)
{
    return links(net, times, place, false, out);
}

geo_weight geo_direct(const struct geo_net *net, const struct geo_times *times, struct geo_place from, struct geo_place to, uint32_t *arc)
{
    const struct geo_arc *arcs = net->graph->arcs;
    uint32_t road = arcs[from.arc].twin, back = arcs[road].reverse == GEO_NONE ? GEO_NONE : arcs[arcs[road].reverse].twin;
    uint32_t target = arcs[to.arc].twin, offset = to.offset;
    *arc = GEO_NONE;
    if (target == back && target != road) {
        target = road;
        offset = GEO_PLACE_ONE - offset;
    }
    if (target != road) return GEO_WEIGHT_NONE;
    geo_weight best = GEO_WEIGHT_NONE;
    if (from.offset <= offset) {
        best = geo_part(geo_drive(net, times, road), offset) - geo_part(geo_drive(net, times, road), from.offset);
        *arc = road;
    }
    if (back != GEO_NONE && from.offset >= offset) {
        geo_weight way = geo_part(geo_drive(net, times, back), GEO_PLACE_ONE - offset) - geo_part(geo_drive(net, times, back), GEO_PLACE_ONE - from.offset);
        if (way < best) {
            best = way;
            *arc = back;
        }
    }
    return best;
}
