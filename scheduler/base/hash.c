/* SHA-256 by libcrypto, and a fast mix for tables of our own ids. */
#include "base/base.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct hash_stream {
    EVP_MD_CTX *context;
};

struct hash_stream *hash_stream_new(void)
{
    struct hash_stream *stream = mem_zalloc(1, sizeof *stream);
    stream->context = EVP_MD_CTX_new();
    ASSERT(stream->context);
    int begun = EVP_DigestInit_ex(stream->context, EVP_sha256(), NULL);
    ASSERT(begun == 1);
    return stream;
}

void hash_stream_add(struct hash_stream *stream, const void *data, size_t size)
{
    int added = EVP_DigestUpdate(stream->context, data, size);
    ASSERT(added == 1);
}

struct sha256 hash_stream_finish(struct hash_stream *stream)
{
    struct sha256 sum;
    unsigned size = 0;
    int done = EVP_DigestFinal_ex(stream->context, sum.byte, &size);
    ASSERT(done == 1 && size == sizeof sum.byte);
    EVP_MD_CTX_free(stream->context);
    free(stream);
    return sum;
}

struct sha256 hash_sha256(const void *data, size_t size)
{
    struct sha256 sum;
    unsigned written = 0;
    int done = EVP_Digest(data, size, sum.byte, &written, EVP_sha256(), NULL);
    ASSERT(done == 1 && written == sizeof sum.byte);
    return sum;
}

void hash_hex(const uint8_t *bytes, size_t count, char *out)
{
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        *out++ = DIGITS[bytes[i] >> 4];
        *out++ = DIGITS[bytes[i] & 15];
    }
    *out = 0;
}

/* The finalizer of SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t hash_u64(uint64_t value)
{
    value += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}
