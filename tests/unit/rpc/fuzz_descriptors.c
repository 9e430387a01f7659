/* Any bytes as a FileDescriptorSet: refused or indexed, and every file that was indexed can be answered. */
#include "scheduler/rpc/descriptors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 4096) return 0;
    struct descriptors *descriptors = descriptors_new();
    struct error err;
    if (descriptors_add(descriptors, data, size, &err) == STATUS_OK) {
        struct buffer out;
        buffer_init(&out, 1 << 20);
        descriptors_seal(descriptors);
        int file = descriptors_symbol(descriptors, (const char *)data, size < 10 ? size : 10);
        if (file == DESCRIPTORS_NONE) file = descriptors_file(descriptors, "", 0);
        if (file != DESCRIPTORS_NONE) descriptors_response(descriptors, file, &out);
        buffer_deinit(&out);
    }
    descriptors_free(descriptors);
    return 0;
}
