/* Five bytes of prefix, then the message; gzip is inflated under the same limit, checked while inflating. */
#include "frame.h"

#include <zlib.h>

void frame_reader_init(struct frame_reader *reader, uint32_t message_max, bool gzip)
{
    buffer_init(&reader->bytes, (size_t)message_max + FRAME_PREFIX);
    reader->message_max = message_max;
    reader->gzip = gzip;
}

void frame_reader_deinit(struct frame_reader *reader)
{
    buffer_deinit(&reader->bytes);
}

void frame_reader_next(struct frame_reader *reader)
{
    if (reader->bytes.capacity > 64 * 1024) { /* a large message's memory is not kept for the small ones after it */
        size_t cap = reader->bytes.cap;
        buffer_deinit(&reader->bytes);
        buffer_init(&reader->bytes, cap);
    }
    buffer_clear(&reader->bytes);
}

bool frame_reader_is_inside(const struct frame_reader *reader)
{
    return reader->bytes.size > 0;
}

static uint32_t prefix_length(const uint8_t *prefix)
{
    return (uint32_t)prefix[1] << 24 | (uint32_t)prefix[2] << 16 | (uint32_t)prefix[3] << 8 | prefix[4];
}

static enum status inflate_all(const uint8_t *bytes, size_t size, uint32_t message_max, struct buffer *out, struct error *err)
{
    enum { CHUNK = 16384, WINDOW_GZIP = 15 + 16 };
    uint8_t chunk[CHUNK];
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)size};
    if (inflateInit2(&stream, WINDOW_GZIP) != Z_OK) return error_set(err, STATUS_INTERNAL, "gzip cannot start");
    buffer_clear(out);
    enum status rc = STATUS_OK;
    int step = Z_OK;
    while (rc == STATUS_OK && step != Z_STREAM_END) {
        stream.next_out = chunk;
        stream.avail_out = sizeof chunk;
        step = inflate(&stream, Z_NO_FLUSH);
        size_t got = sizeof chunk - stream.avail_out;
        if (step != Z_OK && step != Z_STREAM_END) rc = error_set(err, STATUS_INTERNAL, "the message is not valid gzip");
        else if (out->size + got > message_max) rc = error_set(err, STATUS_RESOURCE_EXHAUSTED, "the message unfolds to more than %u bytes", message_max);
        else buffer_append(out, chunk, got);
        if (rc == STATUS_OK && step == Z_OK && got == 0 && stream.avail_in == 0) rc = error_set(err, STATUS_INTERNAL, "the message's gzip is cut short");
    }
    inflateEnd(&stream);
    return rc;
}

enum status frame_reader_feed(struct frame_reader *reader, const uint8_t *bytes, size_t count, size_t *used, const uint8_t **message, size_t *size,
                              struct buffer *inflated, struct error *err)
{
    *used = 0;
    *message = NULL;
    if (reader->bytes.size < FRAME_PREFIX) {
        size_t missing = FRAME_PREFIX - reader->bytes.size, take = count < missing ? count : missing;
        buffer_append(&reader->bytes, bytes, take);
        *used = take;
        if (reader->bytes.size < FRAME_PREFIX) return STATUS_OK;
        if (reader->bytes.data[0] > 1) return error_set(err, STATUS_INTERNAL, "a message begins with flag %u; 0 and 1 are known", reader->bytes.data[0]);
        if (reader->bytes.data[0] == 1 && !reader->gzip) return error_set(err, STATUS_INTERNAL, "a message is flagged as compressed, but grpc-encoding names no encoding");
        if (prefix_length(reader->bytes.data) > reader->message_max)
            return error_set(err, STATUS_RESOURCE_EXHAUSTED, "the message has %u bytes; at most %u are taken", prefix_length(reader->bytes.data), reader->message_max);
    }
    size_t whole = FRAME_PREFIX + prefix_length(reader->bytes.data), missing = whole - reader->bytes.size, left = count - *used;
    size_t take = left < missing ? left : missing;
    buffer_append(&reader->bytes, bytes + *used, take);
    *used += take;
    if (reader->bytes.size < whole) return STATUS_OK;
    *message = reader->bytes.data + FRAME_PREFIX;
    *size = whole - FRAME_PREFIX;
    if (reader->bytes.data[0] == 0) return STATUS_OK;
    TRY(inflate_all(*message, *size, reader->message_max, inflated, err));
    static const uint8_t NOTHING;
    *message = inflated->size ? inflated->data : &NOTHING;
    *size = inflated->size;
    return STATUS_OK;
}
