/* gRPC-Web's text mode (grpc/doc/PROTOCOL-WEB.md): the same bytes in base64, for clients that can only read text. Each piece may be padded by itself. */
#ifndef WEB_TEXT_H
#define WEB_TEXT_H

#include "base/base.h"

struct text_reader {
    uint8_t group[4];
    uint32_t count, padding;
    bool bad;                      /* not base64: stays set */
};

enum { TEXT_PIECE_MAX = 3072 };    /* bytes decoded or encoded at a time */
/** Decode what fits into `out` (TEXT_PIECE_MAX): returns how many characters were used; *out_size bytes came of them. */
uint32_t text_read(struct text_reader *reader, const char *text, uint32_t size, uint8_t *out, uint32_t *out_size);
/** Whether what came ends at a whole group. */
bool text_is_whole(const struct text_reader *reader);
/** Padded; `out` needs 4 * ((size + 2) / 3). Returns the characters. */
uint32_t text_write(const uint8_t *data, uint32_t size, uint8_t *out);

#endif
