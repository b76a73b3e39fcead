/* vector.h: vectors of reals, and the one thing gcc has no common form for: their fused multiply-add. */
#ifndef EBM_KERNEL_VECTOR_H
#define EBM_KERNEL_VECTOR_H

#include <immintrin.h>
#include "vm/kernel/multi/multi.h"

#ifdef __AVX512F__
#define VECTOR_BYTES 64
#else
#define VECTOR_BYTES 32
#endif
typedef REAL V __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));
enum { LANES = VECTOR_BYTES / sizeof(REAL) };

#define INLINE static inline __attribute__((always_inline))

INLINE V fused(V a, V b, V c) {
#if defined __AVX512F__ && REAL_BITS == 32
    return (V)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined __AVX512F__
    return (V)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif REAL_BITS == 32
    return (V)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return (V)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#endif
}

#endif
