/* Who asked, in a form that knows a request when it comes again; and money that cannot overflow. */
#include "model/model.h"

#include <string.h>

/* Lengths go in before the texts, so that ("a", "bc") and ("ab", "c") are two requests. */
static void add_text(struct hash_stream *stream, const char *text)
{
    size_t size = strlen(text);
    uint8_t length[4] = {(uint8_t)size, (uint8_t)(size >> 8), (uint8_t)(size >> 16), (uint8_t)(size >> 24)};
    hash_stream_add(stream, length, sizeof length);
    hash_stream_add(stream, text, size);
}

struct cause cause_make(const char *source, const char *idempotency_key, const void *request, size_t request_size, const char *actor)
{
    struct cause cause = {0};
    if (*idempotency_key) { /* without a key there is nothing to know again */
        struct hash_stream *stream = hash_stream_new();
        add_text(stream, source);
        add_text(stream, idempotency_key);
        struct sha256 key = hash_stream_finish(stream);
        memcpy(cause.key, key.byte, sizeof cause.key);
    }
    struct sha256 body = hash_sha256(request, request_size);
    for (size_t i = 0; i < 8; i++) cause.request_hash |= (uint64_t)body.byte[i] << (8 * i);
    (void)text_copy(cause.actor, sizeof cause.actor, actor);
    return cause;
}

bool cause_key_is_none(const struct cause *cause)
{
    static const uint8_t none[sizeof cause->key];
    return memcmp(cause->key, none, sizeof none) == 0;
}

bool money_add(int64_t a_fen, int64_t b_fen, int64_t *out_fen)
{
    return !__builtin_add_overflow(a_fen, b_fen, out_fen);
}

bool money_multiply(int64_t price_fen, uint32_t quantity, int64_t *out_fen)
{
    return !__builtin_mul_overflow(price_fen, (int64_t)quantity, out_fen);
}
