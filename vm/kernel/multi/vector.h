/* vector.h: vectors of reals, as wide as the build has them, and the few operations for which gcc has no common form. */
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

#if REAL_BITS == 32
typedef uint32_t Words __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));

/* b where either is no number, or both are equal. */
INLINE V smaller_vector(V a, V b) {
#ifdef __AVX512F__
    return (V)_mm512_min_ps((__m512)a, (__m512)b);
#else
    return (V)_mm256_min_ps((__m256)a, (__m256)b);
#endif
}
INLINE V larger_vector(V a, V b) {
#ifdef __AVX512F__
    return (V)_mm512_max_ps((__m512)a, (__m512)b);
#else
    return (V)_mm256_max_ps((__m256)a, (__m256)b);
#endif
}

#define VALUE V
#define F(name) name##_of_vector
#define K(c) ((c) - (V){ 0 })
#define MULADD fused
#define SMALLER smaller_vector
#define LARGER larger_vector
#define WORD(x) ((Words)(x))
#define OF_WORD(w) ((V)(w))
#include "vm/kernel/exp32.h"
#endif

#endif
