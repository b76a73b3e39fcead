/* arena.c: memory that is freed as a whole: a list of blocks, the newest first, filled from the front. */
#include "vm/base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct ArenaBlock {
    struct ArenaBlock *older;
    size_t used, size;
    _Alignas(max_align_t) unsigned char bytes[];
} ArenaBlock;

enum { SMALLEST_BLOCK = 16 * 1024 };

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

/* A block holds at least `size` bytes; blocks double as the arena grows, up to a megabyte. */
static ArenaBlock *block_new(ArenaBlock *older, size_t size)
{
    size_t room = older ? older->size * 2 : SMALLEST_BLOCK;
    if (room > (size_t)1 << 20) room = (size_t)1 << 20;
    if (room < size) room = size;
    ArenaBlock *block = calloc(1, sizeof *block + room);
    if (!block) give_up(room);
    block->older = older;
    block->size = room;
    return block;
}

void *arena_alloc(Arena *arena, size_t size)
{
    size = round_up(size ? size : 1);
    if (!arena->blocks || arena->blocks->size - arena->blocks->used < size)
        arena->blocks = block_new(arena->blocks, size);
    void *memory = arena->blocks->bytes + arena->blocks->used;
    arena->blocks->used += size;
    return memory;
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
