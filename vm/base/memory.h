/* memory.h: memory for arrays. */
#ifndef EBM_BASE_MEMORY_H
#define EBM_BASE_MEMORY_H

#include <stddef.h>

/* 64-byte aligned, not cleared, to be given back by free; null when there is none.  Large memory is asked for in large pages, where the system has them: touching
 * it first then takes a hundredth of the faults. */
void *array_memory(size_t bytes);
/* The same, all zero. */
void *array_zeros(size_t bytes);

#endif
