/** The small encodings of gRPC over HTTP/2: timeouts, percent-encoded messages, base64 metadata. Bytes in, bytes out. */
#ifndef RPC_CODEC_H
#define RPC_CODEC_H

#include "base/base.h"

/** "2000m" -> ms (rounded up, at most 10 years). False if it breaks the grammar: 1..8 digits and a unit of HMSmun. */
must_use bool codec_timeout(const char *text, size_t size, int64_t *out_ms);
/** UTF-8 -> percent-encoded ASCII, terminated; cut (at a whole escape) to fit. */
void codec_percent(const char *text, char *out, size_t capacity);
/** Standard or URL alphabet, padded or not. Returns the decoded size, or -1 if it is not base64 or larger than capacity. */
int64_t codec_base64_decode(const char *text, size_t size, uint8_t *out, size_t capacity);
/** Unpadded standard base64, terminated; out needs 4 * ((size + 2) / 3) + 1. Returns the length. */
size_t codec_base64_encode(const uint8_t *data, size_t size, char *out);

#endif
