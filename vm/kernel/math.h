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
#include "vm/kernel/math32.h"
#else
typedef double REAL;
#include "vm/kernel/math64.h"
#endif

#endif
