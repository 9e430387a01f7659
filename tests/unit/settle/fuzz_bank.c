/* Hostile bank files: refused with a word, or read into entries within their bounds. */
#include <stdint.h>
#include <string.h>

#include "scheduler/settle/bank.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bank_file file = {0};
    struct error err = {0};
    enum status rc = bank_file_read(data, size, &file, &err);
    ASSERT(rc == STATUS_OK || rc == STATUS_INVALID_ARGUMENT);
    for (size_t i = 0; rc == STATUS_OK && i < file.count; i++) {
        ASSERT(file.entries[i].amount_fen >= 0);
        ASSERT(file.entries[i].what >= BANK_ACCEPTED && file.entries[i].what <= BANK_OTHER);
        ASSERT(strlen(file.entries[i].end_to_end) < END_TO_END_MAX);
    }
    bank_file_deinit(&file);
    return 0;
}
