/* Any bytes: the reader ends, stays in its bounds, and what it gives back are as many UTF-8 fields as the header has. */
#include <string.h>

#include "scheduler/main/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct csv csv;
    struct error err;
    bool end = false;
    if (size == 0) return 0;
    FILE *file = fmemopen((void *)(uintptr_t)data, size, "rb");
    if (!file || csv_begin(file, "fuzz", &csv, &err) != STATUS_OK) return 0;
    uint64_t line = csv.line;
    while (csv_next(&csv, &end, &err) == STATUS_OK && !end) {
        ASSERT(csv.field_count == csv.column_count);
        ASSERT(csv.line > line);
        line = csv.line;
        for (uint32_t i = 0; i < csv.field_count; i++) ASSERT(text_is_utf8(csv.fields[i], strlen(csv.fields[i])));
    }
    csv_close(&csv);
    return 0;
}
