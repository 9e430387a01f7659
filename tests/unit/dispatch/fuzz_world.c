/* world_decode on bytes from nowhere: never a crash, and what is taken is canonical. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "dispatch/dispatch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world_options options = world_options_default((struct city_id){1});
    struct world *world = world_new(&options);
    if (world_decode(world, data, size)) {
        struct buffer again;
        buffer_init(&again, (size_t)64 << 20);
        world_encode(world, &again);
        ASSERT(again.size == size);
        ASSERT(memcmp(again.data, data, size) == 0);
        buffer_deinit(&again);
    }
    world_free(world);
    return 0;
}
