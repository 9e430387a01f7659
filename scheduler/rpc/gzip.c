/* zlib's home: unfolding under a limit that holds while unfolding, folding fast rather than well. */
#include "gzip.h"

#include <stdlib.h>
#include <zlib.h>

enum { WINDOW_GZIP = 15 + 16, LEVEL_FAST = 1, MEMORY = 8, CHUNK = 16384 };

enum status gzip_unfold(const uint8_t *bytes, size_t size, size_t most, struct buffer *out, struct error *err)
{
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
        if (step == Z_BUF_ERROR || (step == Z_OK && got == 0 && stream.avail_in == 0)) rc = error_set(err, STATUS_INTERNAL, "the message's gzip is cut short");
        else if (step != Z_OK && step != Z_STREAM_END) rc = error_set(err, STATUS_INTERNAL, "the message is not valid gzip");
        else if (out->size + got > most) rc = error_set(err, STATUS_RESOURCE_EXHAUSTED, "the message unfolds to more than %zu bytes", most);
        else buffer_append(out, chunk, got);
    }
    if (rc == STATUS_OK && stream.avail_in) rc = error_set(err, STATUS_INTERNAL, "the message goes on after the end of its gzip");
    inflateEnd(&stream);
    return rc;
}

size_t gzip_fold(struct gzip_folder *folder, const uint8_t *bytes, size_t size, uint8_t *to, size_t capacity)
{
    if (!folder->stream) {
        folder->stream = mem_zalloc(1, sizeof *folder->stream);
        int rc = deflateInit2(folder->stream, LEVEL_FAST, Z_DEFLATED, WINDOW_GZIP, MEMORY, Z_DEFAULT_STRATEGY);
        ASSERT(rc == Z_OK);
    }
    int rc = deflateReset(folder->stream);
    ASSERT(rc == Z_OK && size <= UINT32_MAX && capacity <= UINT32_MAX);
    folder->stream->next_in = (Bytef *)(uintptr_t)bytes;
    folder->stream->avail_in = (uInt)size;
    folder->stream->next_out = to;
    folder->stream->avail_out = (uInt)capacity;
    return deflate(folder->stream, Z_FINISH) == Z_STREAM_END ? capacity - folder->stream->avail_out : 0;
}

void gzip_folder_deinit(struct gzip_folder *folder)
{
    if (folder->stream) deflateEnd(folder->stream);
    free(folder->stream);
    folder->stream = NULL;
}
