/** gzip of single messages: each has a compression context of its own. */
#ifndef RPC_GZIP_H
#define RPC_GZIP_H

#include "base/base.h"

/** Unfold the one gzip stream that `bytes` are into `out` (emptied before). RESOURCE_EXHAUSTED as soon as it passes `most`, before more is unfolded;
 *  INTERNAL if it is not gzip, is cut short, or goes on after its end. */
must_use enum status gzip_unfold(const uint8_t *bytes, size_t size, size_t most, struct buffer *out, struct error *err);

/** What folding keeps between messages (256 kB, made at first use). Belongs to one thread. Zeroed to begin. */
struct gzip_folder {
    struct z_stream_s *stream;
};
/** Fold `bytes` into `to` (capacity bytes). Returns the folded size, or 0 if it does not fit: folding would gain nothing. */
size_t gzip_fold(struct gzip_folder *folder, const uint8_t *bytes, size_t size, uint8_t *to, size_t capacity);
void gzip_folder_deinit(struct gzip_folder *folder);

#endif
