/* Any bytes as one PrimitiveBlock: the fuzzer's data becomes the raw blob of a sound file, so that it reaches past the shell. */
#include <stdlib.h>
#include <string.h>

#include "geo_osm/geo_osm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t put_varint(uint8_t *out, uint64_t value)
{
    size_t count = 0;
    for (; value >= 0x80; value >>= 7) out[count++] = (uint8_t)(value | 0x80);
    out[count++] = (uint8_t)value;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t header[] = "\0\0\0\x0d\x0a\x09OSMHeader\x18\x02\x0a";
    if (size > 1 << 20) return 0;
    uint8_t *file = malloc(size + 128);
    if (!file) return 0;
    size_t at = sizeof header - 1;
    memcpy(file, header, at);
    file[at++] = 0; /* an empty raw header block */
    uint8_t length[10], head[32] = "\x0a\x07OSMData\x18";
    size_t length_size = put_varint(length, size), head_size = 10;
    head_size += put_varint(head + head_size, size + 1 + length_size);
    memcpy(file + at, "\0\0\0", 3);
    file[at + 3] = (uint8_t)head_size;
    memcpy(file + at + 4, head, head_size);
    at += 4 + head_size;
    file[at++] = 0x0a;
    memcpy(file + at, length, length_size);
    at += length_size;
    if (size) memcpy(file + at, data, size);
    at += size;
    struct geo_graph *graph = NULL;
    struct geo_error error = {.text = ""};
    if (geo_osm_build_bytes(file, at, NULL, &graph, &error) != GEO_OK && (graph || !error.text[0])) abort();
    geo_graph_free(graph);
    free(file);
    return 0;
}
