/* Memory: allocation that stops the program when there is none, and arenas for messages. */
#include "base/base.h"

#include <stdlib.h>
#include <string.h>

static void *checked(void *memory)
{
    if (memory) return memory;
    log_error("event=out_of_memory");
    abort();
}

void *mem_alloc(size_t size)
{
    return checked(malloc(size ? size : 1));
}

void *mem_zalloc(size_t count, size_t size)
{
    return checked(calloc(count ? count : 1, size ? size : 1));
}

void *mem_realloc(void *old, size_t count, size_t size)
{
    return checked(reallocarray(old, count ? count : 1, size ? size : 1));
}

char *mem_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(mem_alloc(size), text, size);
}

/* ---- arena: a chain of blocks that doubles, freed whole ---- */

enum { ARENA_ALIGN = 16, ARENA_BLOCK_LEAST = 4096 - 64, ARENA_BLOCK_MOST = 1 << 20 };

struct block {
    struct block *next;
    size_t size, used;
    _Alignas(ARENA_ALIGN) unsigned char bytes[];
};

struct arena {
    struct block *blocks; /* the newest first */
    size_t cap, used;
};

struct arena *arena_new(size_t cap_bytes)
{
    struct arena *arena = mem_zalloc(1, sizeof *arena);
    arena->cap = cap_bytes;
    return arena;
}

static void blocks_free(struct block *block)
{
    while (block) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_free(struct arena *arena)
{
    if (!arena) return;
    blocks_free(arena->blocks);
    free(arena);
}

void arena_reset(struct arena *arena)
{
    blocks_free(arena->blocks);
    arena->blocks = NULL;
    arena->used = 0;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > arena->cap || arena->cap - size < arena->used) return NULL;
    size_t need = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (need == 0) need = ARENA_ALIGN;
    struct block *block = arena->blocks;
    if (!block || block->size - block->used < need) {
        size_t room = block ? block->size * 2 : ARENA_BLOCK_LEAST;
        if (room > ARENA_BLOCK_MOST) room = ARENA_BLOCK_MOST;
        if (room < need) room = need;
        block = mem_alloc(sizeof *block + room);
        *block = (struct block){.next = arena->blocks, .size = room};
        arena->blocks = block;
    }
    void *memory = block->bytes + block->used;
    block->used += need;
    arena->used += need;
    return memset(memory, 0, need);
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);
    if (copy) memcpy(copy, text, length);
    return copy;
}
