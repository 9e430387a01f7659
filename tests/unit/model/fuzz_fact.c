/* fact_decode on bytes from nowhere: never a crash, and what is taken is canonical. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(1 << 20);
    struct reader reader = {.data = data, .size = size};
    struct fact fact;
    if (fact_decode(&reader, arena, &fact)) {
        struct buffer again;
        buffer_init(&again, 1 << 20);
        fact_encode(&fact, &again);
        ASSERT(again.size == reader.at);
        ASSERT(memcmp(again.data, data, again.size) == 0);
        buffer_deinit(&again);
    }
    arena_free(arena);
    return 0;
}
