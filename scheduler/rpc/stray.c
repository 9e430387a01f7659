/* Frame boundaries and RST_STREAM, nothing else of HTTP/2. */
#include "stray.h"

#include <string.h>

enum { PREFACE = 24, HEADER = 9, RST_STREAM = 3, RST_STREAM_LENGTH = 4 };

void stray_init(struct stray *stray)
{
    *stray = (struct stray){.left = PREFACE};
}

static uint32_t length_of(const uint8_t *header)
{
    return (uint32_t)header[0] << 16 | (uint32_t)header[1] << 8 | header[2];
}

static uint32_t stream_of(const uint8_t *header)
{
    return ((uint32_t)header[5] << 24 | (uint32_t)header[6] << 16 | (uint32_t)header[7] << 8 | header[8]) & INT32_MAX;
}

/* How much of a frame must be there to judge it. */
static size_t enough(const uint8_t *frame, size_t count)
{
    return count >= HEADER && frame[3] == RST_STREAM && length_of(frame) == RST_STREAM_LENGTH ? STRAY_FRAME : HEADER;
}

/* Goes on with a frame whose beginning is held. *at moves over what was used. */
static bool feed_held(struct stray *stray, const uint8_t *bytes, size_t count, size_t *at, const struct stray_target *target)
{
    while (stray->held_count < enough(stray->held, stray->held_count)) {
        if (*at == count) return true;
        stray->held[stray->held_count++] = bytes[(*at)++];
    }
    size_t held = stray->held_count;
    stray->held_count = 0;
    if (held == STRAY_FRAME && target->is_stray(target->context, stream_of(stray->held))) return true;
    stray->left = (uint32_t)(HEADER + length_of(stray->held) - held);
    return target->on_bytes(target->context, stray->held, held);
}

bool stray_feed(struct stray *stray, const uint8_t *bytes, size_t count, const struct stray_target *target)
{
    size_t at = 0, from;
    if (stray->held_count && !feed_held(stray, bytes, count, &at, target)) return false;
    if (stray->held_count) return true; /* still not enough */
    for (from = at; at < count;) {
        size_t rest = count - at;
        if (stray->left) {
            size_t skip = stray->left < rest ? stray->left : rest;
            stray->left -= (uint32_t)skip;
            at += skip;
            continue;
        }
        size_t need = enough(bytes + at, rest);
        if (need == HEADER && rest >= HEADER) { /* nearly every frame */
            stray->left = HEADER + length_of(bytes + at);
            continue;
        }
        if (at > from && !target->on_bytes(target->context, bytes + from, at - from)) return false;
        from = at;
        if (rest < need) {
            memcpy(stray->held, bytes + at, rest);
            stray->held_count = (uint8_t)rest;
            return true;
        }
        if (target->is_stray(target->context, stream_of(bytes + at))) from = at += STRAY_FRAME;
        else stray->left = STRAY_FRAME;
    }
    return at == from || target->on_bytes(target->context, bytes + from, at - from);
}
