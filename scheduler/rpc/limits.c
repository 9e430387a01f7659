/* Every bound of the server in one table, with its reason. */
#include "session.h"

static const struct {
    size_t offset;
    uint32_t value;
    const char *why;
} DEFAULTS[] = {
    {offsetof(struct rpc_limits, connections), 12000, "an idle connection costs about 20 kB; more belong on another daemon"},
    {offsetof(struct rpc_limits, streams), 128, "clients open 100 by default; unlimited streams are an attack"},
    {offsetof(struct rpc_limits, header_list_bytes), 16384, "names + values + 32 each: an HPACK bomb decodes 45 MB out of a few kB"},
    {offsetof(struct rpc_limits, call_queue_bytes), 64u << 20, "the largest answer, or a slow reader's backlog"},
    {offsetof(struct rpc_limits, connection_memory_bytes), 96u << 20, "requests being read and answers queued, of one connection"},
    {offsetof(struct rpc_limits, server_memory_bytes), 1u << 30, "the same of all connections together: past it calls are told to come again"},
    {offsetof(struct rpc_limits, preface_ms), 10000, "a peer that says nothing after connecting"},
    {offsetof(struct rpc_limits, idle_ms), 1800000, "no call for so long: GOAWAY"},
    {offsetof(struct rpc_limits, body_ms), 60000, "a request that does not get further: slowloris"},
    {offsetof(struct rpc_limits, write_stall_ms), 60000, "answers that nobody reads, by window or by socket"},
    {offsetof(struct rpc_limits, control_frames), 2000, "a burst of frames that carry no call: PING, SETTINGS, PRIORITY, RST_STREAM, empty DATA, WINDOW_UPDATE"},
    {offsetof(struct rpc_limits, control_frames_per_s), 500, "and how fast the budget fills again; sent DATA fills it too"},
    {offsetof(struct rpc_limits, ping_interval_ms), 300000, "keepalive pings may come so often without traffic"},
    {offsetof(struct rpc_limits, keepalive_ms), 300000, "a peer not heard for so long is pinged: phones vanish without a word"},
    {offsetof(struct rpc_limits, keepalive_timeout_ms), 20000, "and how long its answer may take"},
    {offsetof(struct rpc_limits, ping_strikes), 2, "before GOAWAY too_many_pings; forgiven by every frame of ours"},
};

void limits_fill(struct rpc_limits *limits)
{
    for (size_t i = 0; i < COUNT_OF(DEFAULTS); i++) {
        uint32_t *value = (uint32_t *)(void *)((char *)limits + DEFAULTS[i].offset);
        if (*value == 0) *value = DEFAULTS[i].value;
    }
}
