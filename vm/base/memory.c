/* memory.c: memory for arrays. */
#define _GNU_SOURCE
#include "vm/base/memory.h"

#include <stdlib.h>
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
