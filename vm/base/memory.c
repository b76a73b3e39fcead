/* memory.c: memory for arrays. */
#define _GNU_SOURCE
#include "vm/base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64, LARGE_PAGE = 2 << 20 };

void *array_memory(size_t bytes)
{
    size_t alignment = bytes >= 2 * LARGE_PAGE ? LARGE_PAGE : ALIGNMENT;
    void *memory = NULL;
    if (posix_memalign(&memory, alignment, bytes ? bytes : 1) != 0) return NULL;
    /* Whole large pages only: asked for the rest, the system would give more memory than is used.  A refusal costs time alone. */
    if (alignment == LARGE_PAGE) (void)madvise(memory, bytes / LARGE_PAGE * LARGE_PAGE, MADV_HUGEPAGE);
    return memory;
}

void *array_zeros(size_t bytes)
{
    char *memory = array_memory(bytes);
    if (!memory) return NULL;
    /* Whole large pages are given back to the system, which clears them where a thread first writes: what is never used takes no memory. */
    size_t cleared = bytes >= 2 * LARGE_PAGE ? bytes / LARGE_PAGE * LARGE_PAGE : 0;
    if (cleared && madvise(memory, cleared, MADV_DONTNEED) != 0) cleared = 0;
    memset(memory + cleared, 0, bytes - cleared);
    return memory;
}
