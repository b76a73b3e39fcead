/* arena.h: memory that is freed as a whole.  The owner of an arena owns all that was allocated from it. */
#ifndef EBM_BASE_ARENA_H
#define EBM_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

typedef struct Arena { struct ArenaBlock *blocks; } Arena;

/* Zeroed memory, aligned for any type; never null (running out of memory ends the process with a message, as nothing
 * sensible can be done in the middle of a compilation). */
void *arena_alloc(Arena *arena, size_t size);
char *arena_copy(Arena *arena, const char *text, size_t length);
char *arena_format(Arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3), nonnull(2)));
void  arena_free(Arena *arena);

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_alloc((arena), sizeof(type) * (size_t)(count)))

#endif
