/* Any bytes, cut anywhere (the first byte says how), through the message reader. */
#include "scheduler/rpc/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    size_t cut = (data[0] & 0x7f) + 1u, at = 1;
    struct frame_reader reader;
    struct error err;
    frame_reader_init(&reader, 3000, data[0] & 0x80);
    while (at < size) {
        const uint8_t *message;
        size_t used, length, take = size - at < cut ? size - at : cut;
        if (frame_reader_feed(&reader, data + at, take, &used, &message, &length, &err) != STATUS_OK) break;
        ASSERT(used <= take && (used > 0 || message));
        at += used;
        if (!message) continue;
        ASSERT(length <= 3000);
        frame_reader_next(&reader);
    }
    frame_reader_deinit(&reader);
    return 0;
}
