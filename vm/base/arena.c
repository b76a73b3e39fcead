/* arena.c: memory that is freed as a whole: a list of blocks, the newest first, filled from the front. */
#include "vm/base/arena.h"
#include "vm/base/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct ArenaBlock {
    struct ArenaBlock *older;
    size_t used, size;
    _Alignas(max_align_t) unsigned char bytes[];
} ArenaBlock;

enum { SMALLEST_BLOCK = 16 << 10, SMALL_BLOCK = 1 << 20, LARGE_BLOCK = 8 << 20, LARGE_ARRAY = 256 << 10 };

static _Noreturn void give_up(size_t size)
{
    fprintf(stderr, "ebm: out of memory (%zu bytes more were needed)\n", size);
    exit(3);
}

static size_t round_up(size_t size)
{
    size_t align = _Alignof(max_align_t);
    if (size > SIZE_MAX - sizeof(ArenaBlock) - align) give_up(size);
    return (size + align - 1) / align * align;
}

static void add_block(Arena *arena, ArenaBlock *block, size_t room)
{
    if (!block) give_up(room);
    block->size = room;
    block->used = 0;
    block->older = arena->blocks;
    arena->blocks = block;
}

/* Blocks double as the arena grows, up to a megabyte, and then are large enough for large pages. */
static void grow(Arena *arena, size_t size)
{
    size_t room = !arena->blocks ? SMALLEST_BLOCK : arena->blocks->size < SMALL_BLOCK ? arena->blocks->size * 2 : LARGE_BLOCK - sizeof(ArenaBlock);
    if (room < size) room = size;
    add_block(arena, array_memory(sizeof(ArenaBlock) + room), room);
}

/* A large array has a block of its own, behind the one that is being filled: zero as the system gives it, which touches no page before it is used. */
static void *large_array(Arena *arena, size_t size)
{
    ArenaBlock *filling = arena->blocks, *older = filling->older;
    arena->blocks = older;
    add_block(arena, calloc(1, sizeof(ArenaBlock) + size), size);
    ArenaBlock *block = arena->blocks;
    block->used = size;
    filling->older = block;
    arena->blocks = filling;
    return block->bytes;
}

void *arena_alloc(Arena *arena, size_t size)
{
    size = round_up(size ? size : 1);
    if (!arena->blocks) grow(arena, 0);
    if (size >= LARGE_ARRAY) return large_array(arena, size);
    if (arena->blocks->size - arena->blocks->used < size) grow(arena, size);
    void *memory = arena->blocks->bytes + arena->blocks->used;
    arena->blocks->used += size;
    return memset(memory, 0, size);
}

char *arena_copy(Arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);
    if (length) memcpy(copy, text, length);
    return copy;
}

char *arena_format(Arena *arena, const char *format, ...)
{
    va_list measure, write;
    va_start(measure, format);
    va_copy(write, measure);
    int length = vsnprintf(NULL, 0, format, measure);
    va_end(measure);
    char *text = arena_alloc(arena, (size_t)(length > 0 ? length : 0) + 1);
    if (length > 0) vsnprintf(text, (size_t)length + 1, format, write);
    va_end(write);
    return text;
}

void arena_free(Arena *arena)
{
    while (arena->blocks) {
        ArenaBlock *older = arena->blocks->older;
        free(arena->blocks);
        arena->blocks = older;
    }
}
