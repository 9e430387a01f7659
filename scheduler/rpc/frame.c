/* Five bytes of prefix, then the message; gzip is inflated under the same limit, checked while inflating. */
#include "frame.h"
#include "gzip.h"

void frame_reader_init(struct frame_reader *reader, uint32_t message_max, bool gzip)
{
    buffer_init(&reader->bytes, 0);
    frame_reader_renew(reader, message_max, gzip);
}

void frame_reader_renew(struct frame_reader *reader, uint32_t message_max, bool gzip)
{
    buffer_clear(&reader->bytes);
    reader->bytes.cap = (size_t)message_max + FRAME_PREFIX;
    reader->message_max = message_max;
    reader->gzip = gzip;
    reader->was_folded = false;
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

/* What came folded takes the place of what it was folded in, so that one buffer is counted and freed. */
static enum status unfold(struct frame_reader *reader, const uint8_t **message, size_t *size, struct error *err)
{
    static const uint8_t NOTHING;
    struct buffer unfolded;
    buffer_init(&unfolded, (size_t)reader->message_max + FRAME_PREFIX);
    enum status rc = gzip_unfold(*message, *size, reader->message_max, &unfolded, err);
    if (rc != STATUS_OK) {
        buffer_deinit(&unfolded);
        return rc;
    }
    buffer_deinit(&reader->bytes);
    reader->bytes = unfolded;
    *message = unfolded.size ? unfolded.data : &NOTHING;
    *size = unfolded.size;
    return STATUS_OK;
}

enum status frame_reader_feed(struct frame_reader *reader, const uint8_t *bytes, size_t count, size_t *used, const uint8_t **message, size_t *size,
                              struct error *err)
{
    *used = 0;
    *message = NULL;
    if (reader->bytes.size < FRAME_PREFIX) {
        size_t missing = FRAME_PREFIX - reader->bytes.size, take = count < missing ? count : missing;
        buffer_append(&reader->bytes, bytes, take);
        *used = take;
        reader->was_folded = false;
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
    reader->was_folded = reader->bytes.data[0] == 1;
    return reader->was_folded ? unfold(reader, message, size, err) : STATUS_OK;
}
