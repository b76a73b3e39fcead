/* kernel.h: the leaf loops of the machine.  One source, built for x86-64-v3 and v4 and for float and double, with
 * -ffp-contract=off and fmaf/fma where a fused multiply-add is meant: every build gives the same bits.  No kernel allocates, and no
 * result depends on chunk sizes, threads or vector width.
 *
 * Values are float or double (void pointers; `Kernels` says which).  Strides count values.  "Lanes" are consecutive values in
 * memory.  Buffers are 64-byte aligned and padded so that kernels may read and write up to the next multiple of 16 values of a contiguous run. */
#ifndef EBM_KERNEL_H
#define EBM_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "vm/base/graph.h"
#include "vm/base/store.h"

enum { TILE = 1024, TILE_REGISTERS = 32 };               /* values of a tile; registers of a tile program */

/* One step of a tile program: register dst = op(a, b, c); op is a map of ops.def, or some of them joined (joined.def).  Of joined ones alone:
 * d and e, further operands; sum and curve, what is kept of the inner steps. */
typedef struct TileStep { uint8_t op, dst, a, b, c, d, e, sum, curve; } TileStep;
typedef enum Joined {
    JOINED_FIRST = 128,         /* after all ops */
#define JOINED2(inner, outer, ...) JOINED_##inner##_##outer,
#define CURVED(f) JOINED_add_##f,
#define GATED(f) JOINED_##f##_gate, JOINED_add_##f##_gate,
#include "vm/kernel/joined.def"
    JOINED_LAST_CHAIN = JOINED_sub_mul_add_mul
} Joined;

#define PAIR_LEFT_OUT PTRDIFF_MIN

typedef struct Kernels {
    const char *name;           /* "v4 f32", .. */
    size_t bytes;               /* of a value */

    /* Runs the steps over `count` values (at most TILE); reg[i] points to count contiguous values. */
    void (*tile)(const TileStep *steps, int n_steps, void *const *reg, int count);
    /* rows x cols values from a strided place into a contiguous tile, and back; stride 0 repeats one value. */
    void (*load)(void *tile, const void *from, int rows, int cols, ptrdiff_t row_stride, ptrdiff_t col_stride);
    void (*store)(void *to, const void *tile, int rows, int cols, ptrdiff_t row_stride, ptrdiff_t col_stride);
    /* store past the caches; for others to see it takes a store fence. */
    void (*stream)(void *to, const void *tile, int rows, int cols, ptrdiff_t row_stride, ptrdiff_t col_stride);

    /* Folds (op: sum prod maximum minimum logsumexp) over the rows, for each of `lanes` contiguous columns: to[c] = fold over r of from[r*row_stride + c].
     * Sums: leaves of 256 rows summed ascending, leaves in a fixed binary tree. */
    void (*fold_rows)(Op op, void *to, const void *from, int64_t rows, int64_t lanes, ptrdiff_t row_stride);
    /* Fold of n values with a stride into one: *to.  Sums: a fixed tree that depends on n alone. */
    void (*fold_line)(Op op, void *to, const void *from, int64_t n, ptrdiff_t stride);
    /* Place of the extreme (first at a tie), over rows per lane, and along a line.  A NaN counts as more extreme than any number, here and in
     * maximum and minimum. */
    void (*arg_rows)(bool largest, void *to, const void *from, int64_t rows, int64_t lanes, ptrdiff_t row_stride);
    void (*arg_line)(bool largest, void *to, const void *from, int64_t n, ptrdiff_t stride);

    /* C[m, n] (+)= sum over k of A[m, k] * B[k, n], all strided; C's columns are contiguous (stride 1), rows c_row apart.  scratch:
     * product_scratch(m, n, k) values.  The one product interface; `provider` below chooses what stands behind it. */
    void (*product)(int64_t m, int64_t n, int64_t k, const void *a, ptrdiff_t a_row, ptrdiff_t a_col, const void *b, ptrdiff_t b_row, ptrdiff_t b_col,
                    void *c, ptrdiff_t c_row, bool accumulate, void *scratch);
    size_t (*product_scratch)(int64_t m, int64_t n, int64_t k);
    /* The same summed over `pairs` pairs of matrices; pair s stands a_at[s] and b_at[s] values after a and b.  (A convolution is this:
     * its pairs are the taps.)  A pair with a_at PAIR_LEFT_OUT counts as zeros.  Our own gives the bits of one product whose k runs on over the pairs.  scratch: product_scratch(m, n, pairs*k). */
    void (*product_sum)(int64_t m, int64_t n, int64_t k, int64_t pairs, const ptrdiff_t *a_at, const ptrdiff_t *b_at, const void *a, ptrdiff_t a_row,
                        ptrdiff_t a_col, const void *b, ptrdiff_t b_row, ptrdiff_t b_col, void *c, ptrdiff_t c_row, bool accumulate, void *scratch);
    /* The same A times each of `count` matrices B, b_next apart, into as many C, c_next apart.  scratch as for one. */
    void (*product_many)(int64_t count, int64_t m, int64_t n, int64_t k, const void *a, ptrdiff_t a_row, ptrdiff_t a_col, const void *b, ptrdiff_t b_next,
                         ptrdiff_t b_row, ptrdiff_t b_col, void *c, ptrdiff_t c_next, ptrdiff_t c_row, bool accumulate, void *scratch);
    /* c[r*c_row] (+)= sum over k of a[r*a_row + k*a_col] * b[r*b_row + k*b_col], for each of `rows` rows: products of one value each. */
    void (*dots)(int64_t rows, int64_t k, const void *a, ptrdiff_t a_row, ptrdiff_t a_col, const void *b, ptrdiff_t b_row, ptrdiff_t b_col, void *c,
                 ptrdiff_t c_row, bool accumulate);
    /* to[c] = sum over k of a[k*a_row + c*a_col] * b[k*b_row + c*b_col], for each of `lanes` columns c (col strides 0 or 1). */
    void (*lane_dot)(void *to, const void *a, const void *b, int64_t k, int64_t lanes, ptrdiff_t a_row, ptrdiff_t a_col, ptrdiff_t b_row, ptrdiff_t b_col);
    /* to[i*to_row + j*to_column + c] = sum over q < k of a[i*a_row + q*a_step + c] * b[j*b_column + q*b_step + c], for each of `lanes` lanes c: a product of
     * matrices in each lane, with the bits of lane_dot. */
    void (*lane_product)(int64_t m, int64_t n, int64_t k, int64_t lanes, const void *a, ptrdiff_t a_row, ptrdiff_t a_step, const void *b, ptrdiff_t b_column,
                         ptrdiff_t b_step, void *to, ptrdiff_t to_row, ptrdiff_t to_column);

    /* Draws for items i0 .. i0+items-1 and features f0 .. f0+features-1 of an array with `per_item` features an item: element (item, feature) goes to
     * to[(feature - f0)*feature_stride + (item - i0)*item_stride].  The value depends on (key, item, feature) alone. */
    void (*uniform)(void *to, const uint32_t key[4], int64_t i0, int64_t items, int64_t f0, int64_t features, ptrdiff_t item_stride, ptrdiff_t feature_stride);
    void (*normal)(void *to, const uint32_t key[4], int64_t i0, int64_t items, int64_t f0, int64_t features, ptrdiff_t item_stride, ptrdiff_t feature_stride);
    /* to[i*stride] = element i0+i of a random permutation of 0..size-1 given by key; 1 <= size <= 2^32. */
    void (*permutation)(void *to, const uint32_t key[4], int64_t size, int64_t i0, int64_t n, ptrdiff_t stride);

    /* Running sum in order (from the end if backward), in double precision throughout. */
    void (*cumsum_line)(void *to, const void *from, int64_t n, ptrdiff_t to_stride, ptrdiff_t stride, bool backward);
    /* Places in stable order; a NaN comes last either way. */
    void (*argsort_line)(void *to, const void *from, int64_t n, ptrdiff_t to_stride, ptrdiff_t stride, bool descending, void *scratch /* 3n values */);
    /* Index of the first value of rows x cols that is not finite, or -1. */
    int64_t (*find_nonfinite)(const void *from, int64_t rows, int64_t cols, ptrdiff_t row_stride);
} Kernels;

/* The kernels for this processor and precision; null with *why if the processor is older than x86-64-v3.  EBM_KERNELS=v3 in the
 * environment chooses the older build (for tests). */
const Kernels *kernels_for(Precision precision, const char **why);

/* The counter key of a draw: a hash of seed, place, step and the loop passes it stands in. */
void random_key(uint32_t key[4], uint64_t seed, uint64_t place, uint64_t step, const int64_t *times, int n_times);

/* Singular values of a row-major rows x cols matrix (overwritten), descending, through LAPACK; and where left and right are not null the vectors:
 * number k of the n = min(rows, cols) has left[r*n + k] and right[k*cols + c], with plus as the sign of the largest of the latter.  False if it cannot be
 * had. */
bool svd(Precision precision, void *matrix, int64_t rows, int64_t cols, void *values, void *left, void *right);

/* OpenBLAS, loaded with the kernel that suits this processor (see blas.c).  Null with *why when it is not installed. */
typedef struct Blas Blas;
const Blas *blas_load(const char **why);
const char *blas_core(const Blas *blas);                /* the kernel it was told to use, or "user's choice" */
/* The same kernels with products by OpenBLAS (`--math blas`): bits then depend on the library, the processor and the sizes of
 * panels.  A null blas changes nothing. */
Kernels kernels_with_blas(const Kernels *kernels, const Blas *blas);

/* Threads that sleep while there is nothing to do. */
typedef struct Pool Pool;
Pool *pool_new(int threads);                            /* the caller is one of them; threads >= 1 */
void  pool_free(Pool *pool);
int   pool_threads(const Pool *pool);
/* Calls work(context, task, thread) for each task in 0..tasks-1, on all threads; returns when all are done.  thread: 0 .. threads-1. */
void  pool_run(Pool *pool, void (*work)(void *context, int64_t task, int thread), void *context, int64_t tasks);

/* Sets flush-to-zero for the calling thread; returns what to give back to flush_restore. */
unsigned flush_set(void);
void     flush_restore(unsigned before);

#endif
