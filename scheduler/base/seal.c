/* AES-256-GCM by libcrypto (NIST SP 800-38D). It lives beside the digests because they share the library and, like them, it is bytes in, bytes out: what a key is for,
 * where it is kept and when it is changed is its user's matter. */
#include "base/base.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

enum { WHOLE_MAX = INT32_MAX - SEAL_OVERHEAD };

void mem_wipe(void *data, size_t size)
{
    OPENSSL_cleanse(data, size);
}

void seal_close(const uint8_t key[SEAL_KEY_BYTES], const void *about, size_t about_size, const void *plain, size_t size, uint8_t *out)
{
    uint8_t *nonce = out, *text = out + SEAL_NONCE_BYTES, *tag = text + size;
    int written = 0, rest = 0;
    ASSERT(size <= WHOLE_MAX && about_size <= WHOLE_MAX);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    ASSERT(context);
    random_bytes(nonce, SEAL_NONCE_BYTES);
    bool done = EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1 && EVP_EncryptUpdate(context, NULL, &written, about, (int)about_size) == 1 &&
                EVP_EncryptUpdate(context, text, &written, plain, (int)size) == 1 && EVP_EncryptFinal_ex(context, text + written, &rest) == 1 &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, SEAL_TAG_BYTES, tag) == 1;
    EVP_CIPHER_CTX_free(context);
    ASSERT(done); /* only lack of memory, or a library without AES, can make it fail */
    ASSERT((size_t)written + (size_t)rest == size);
}

bool seal_open(const uint8_t key[SEAL_KEY_BYTES], const void *about, size_t about_size, const void *sealed, size_t size, uint8_t *out)
{
    const uint8_t *nonce = sealed;
    uint8_t tag[SEAL_TAG_BYTES];
    int written = 0, rest = 0;
    if (size < SEAL_OVERHEAD || size > WHOLE_MAX) return false;
    ASSERT(about_size <= WHOLE_MAX);
    size_t text_size = size - SEAL_OVERHEAD;
    memcpy(tag, nonce + size - SEAL_TAG_BYTES, sizeof tag);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    ASSERT(context);
    bool good = EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1 && EVP_DecryptUpdate(context, NULL, &written, about, (int)about_size) == 1 &&
                EVP_DecryptUpdate(context, out, &written, nonce + SEAL_NONCE_BYTES, (int)text_size) == 1 &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, SEAL_TAG_BYTES, tag) == 1 && EVP_DecryptFinal_ex(context, out + written, &rest) == 1;
    EVP_CIPHER_CTX_free(context);
    if (!good) mem_wipe(out, text_size); /* what was not vouched for is not shown */
    return good;
}
