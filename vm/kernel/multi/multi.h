/* multi.h: the names of one of the four builds.  KERNEL(f) is f_v3_32, f_v3_64, f_v4_32 or f_v4_64; the shapes and meanings of the
 * functions are those of the members of Kernels (vm/kernel/kernel.h), which table.c fills. */
#ifndef EBM_KERNEL_MULTI_H
#define EBM_KERNEL_MULTI_H

#include "vm/kernel/kernel.h"
#include "vm/kernel/math.h"

#define PASTE_(a, b, c) a##_##b##_##c
#define PASTE(a, b, c)  PASTE_(a, b, c)
#define KERNEL(f) PASTE(f, BUILD, REAL_BITS)

/* Sums of many terms: leaves of LEAF terms, and the leaves in a binary tree that depends on their number alone.  Leaves come
 * ascending; a leaf that completes a pair is added to its elder at once, and what is left over at the end is added from the youngest
 * up.  So a stack of LEVELS partial sums holds any sum. */
enum { LEAF = 256, LEVELS = 40 };

/* How many partial sums the leaf with this number (from 0) completes. */
static inline int leaf_merges(int64_t leaf) { return __builtin_ctzll(~(uint64_t)leaf); }

extern const Kernels KERNEL(kernels);

void KERNEL(tile)(const TileStep *steps, int n_steps, void *const *reg, int count);
/* The steps that have a way of their own (curve.c): whether this is one, and is done. */
bool KERNEL(curve)(const TileStep *step, void *const *reg, int count);
void KERNEL(load)(void *tile, const void *from, int rows, int cols, ptrdiff_t row_stride, ptrdiff_t col_stride);
void KERNEL(store)(void *to, const void *tile, int rows, int cols, ptrdiff_t row_stride, ptrdiff_t col_stride);
void KERNEL(stream)(void *to, const void *tile, int rows, int cols, ptrdiff_t row_stride, ptrdiff_t col_stride);
void KERNEL(fold_rows)(Op op, void *to, const void *from, int64_t rows, int64_t lanes, ptrdiff_t row_stride);
void KERNEL(fold_line)(Op op, void *to, const void *from, int64_t n, ptrdiff_t stride);
void KERNEL(arg_rows)(bool largest, void *to, const void *from, int64_t rows, int64_t lanes, ptrdiff_t row_stride);
void KERNEL(arg_line)(bool largest, void *to, const void *from, int64_t n, ptrdiff_t stride);
void KERNEL(product)(int64_t m, int64_t n, int64_t k, const void *a, ptrdiff_t a_row, ptrdiff_t a_col, const void *b, ptrdiff_t b_row,
                     ptrdiff_t b_col, void *c, ptrdiff_t c_row, bool accumulate, void *scratch);
void KERNEL(product_sum)(int64_t m, int64_t n, int64_t k, int64_t pairs, const ptrdiff_t *a_at, const ptrdiff_t *b_at, const void *a,
                         ptrdiff_t a_row, ptrdiff_t a_col, const void *b, ptrdiff_t b_row, ptrdiff_t b_col, void *c, ptrdiff_t c_row,
                         bool accumulate, void *scratch);
void KERNEL(product_many)(int64_t count, int64_t m, int64_t n, int64_t k, const void *a, ptrdiff_t a_row, ptrdiff_t a_col, const void *b, ptrdiff_t b_next,
                          ptrdiff_t b_row, ptrdiff_t b_col, void *c, ptrdiff_t c_next, ptrdiff_t c_row, bool accumulate, void *scratch);
size_t KERNEL(product_scratch)(int64_t m, int64_t n, int64_t k);
void KERNEL(dots)(int64_t rows, int64_t k, const void *a, ptrdiff_t a_row, ptrdiff_t a_col, const void *b, ptrdiff_t b_row, ptrdiff_t b_col, void *c,
                  ptrdiff_t c_row, bool accumulate);
void KERNEL(lane_dot)(void *to, const void *a, const void *b, int64_t k, int64_t lanes, ptrdiff_t a_row, ptrdiff_t a_col,
                      ptrdiff_t b_row, ptrdiff_t b_col);
void KERNEL(lane_product)(int64_t m, int64_t n, int64_t k, int64_t lanes, const void *a, ptrdiff_t a_row, ptrdiff_t a_step, const void *b, ptrdiff_t b_column,
                          ptrdiff_t b_step, void *to, ptrdiff_t to_row, ptrdiff_t to_column);
void KERNEL(uniform)(void *to, const uint32_t key[4], int64_t i0, int64_t items, int64_t f0, int64_t features, ptrdiff_t item_stride,
                     ptrdiff_t feature_stride);
void KERNEL(normal)(void *to, const uint32_t key[4], int64_t i0, int64_t items, int64_t f0, int64_t features, ptrdiff_t item_stride,
                    ptrdiff_t feature_stride);
void KERNEL(permutation)(void *to, const uint32_t key[4], int64_t size, int64_t i0, int64_t n, ptrdiff_t stride);
void KERNEL(cumsum_line)(void *to, const void *from, int64_t n, ptrdiff_t to_stride, ptrdiff_t stride, bool backward);
void KERNEL(argsort_line)(void *to, const void *from, int64_t n, ptrdiff_t to_stride, ptrdiff_t stride, bool descending, void *scratch);
int64_t KERNEL(find_nonfinite)(const void *from, int64_t rows, int64_t cols, ptrdiff_t row_stride);

#endif
