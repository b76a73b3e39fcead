/* math.h: the elementary functions of the kernels, in one precision.  M(f) is f on REAL values.
 *
 * The single-precision functions are branch-free plain C, so that loops over them become vector code, with fmaf where a fused
 * multiply-add is meant: each instruction set gives the same bits.  Numbers too small to be normal count as 0 on both sides, as
 * everywhere in the machine (flush_set).  Needs REAL_BITS, 32 or 64. */
#ifndef EBM_KERNEL_MATH_H
#define EBM_KERNEL_MATH_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define M(f) f##_of_real

#if REAL_BITS == 32
typedef float REAL;
#define FMA(a, b, c) __builtin_fmaf((a), (b), (c))
#else
typedef double REAL;
#define FMA(a, b, c) __builtin_fma((a), (b), (c))
#endif

/* Polynomials c0 + c1 x + .. , with xx = x*x.  Pairs of terms are joined level by level: the same work as from the top down, but a
 * processor need not wait for each multiply-add before the next. */
static inline REAL poly3(REAL x, REAL c0, REAL c1, REAL c2) { return FMA(FMA(c2, x, c1), x, c0); }
static inline REAL poly4(REAL x, REAL xx, REAL c0, REAL c1, REAL c2, REAL c3) { return FMA(FMA(c3, x, c2), xx, FMA(c1, x, c0)); }
static inline REAL poly6(REAL x, REAL xx, REAL c0, REAL c1, REAL c2, REAL c3, REAL c4, REAL c5) {
    return FMA(poly4(x, xx, c2, c3, c4, c5), xx, FMA(c1, x, c0));
}
static inline REAL poly7(REAL x, REAL xx, REAL c0, REAL c1, REAL c2, REAL c3, REAL c4, REAL c5, REAL c6) {
    return FMA(FMA(c6, xx, FMA(c5, x, c4)), xx * xx, poly4(x, xx, c0, c1, c2, c3));
}
static inline REAL poly8(REAL x, REAL xx, REAL c0, REAL c1, REAL c2, REAL c3, REAL c4, REAL c5, REAL c6, REAL c7) {
    return FMA(poly4(x, xx, c4, c5, c6, c7), xx * xx, poly4(x, xx, c0, c1, c2, c3));
}
static inline REAL poly9(REAL x, REAL xx, REAL c0, REAL c1, REAL c2, REAL c3, REAL c4, REAL c5, REAL c6, REAL c7, REAL c8) {
    REAL xxxx = xx * xx;
    return FMA(FMA(c8, xxxx, poly4(x, xx, c4, c5, c6, c7)), xxxx, poly4(x, xx, c0, c1, c2, c3));
}

#if REAL_BITS == 32
#include "vm/kernel/math32.h"
#else
#include "vm/kernel/math64.h"
#endif

#endif
