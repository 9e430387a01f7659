/* Hostile exports: whatever the bytes, the check ends with an answer, and only whole chains pass. */
#include <stdint.h>
#include <string.h>

#include "scheduler/settle/chain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct chain_verify v;
    struct error err = {0};
    chain_verify_init(&v);
    const char *at = (const char *)data, *end = at + size;
    if (size && (data[0] & 1)) (void)chain_verify_against(&v, at, size < 200 ? size : 200, &err);
    enum status rc = STATUS_OK;
    while (rc == STATUS_OK && at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((line_end ? line_end : end) - at);
        rc = chain_verify_line(&v, at, length, &err);
        at += length + 1;
    }
    if (rc == STATUS_OK) rc = chain_verify_end(&v, &err);
    ASSERT(rc == STATUS_OK || rc == STATUS_DATA_LOSS);
    chain_verify_deinit(&v);
    return 0;
}
