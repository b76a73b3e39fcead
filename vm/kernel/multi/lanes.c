/* lanes.c: products of small matrices, one in each lane, as attention makes them of each item: lane c of C[i, j] is the sum over k of lane c of
 * A[i, k] times lane c of B[k, j].
 *
 * A block of C stays in registers, so that a vector of A meets several of B for one load.  A value's bits are those of lane_dot: one chain of
 * fused multiply-adds along k within a leaf of 256, and the leaves' tree. */
#include "vm/kernel/multi/vector.h"

/* The block fills the registers, with room for a vector of each side. */
#ifdef __AVX512F__
enum { ROWS = 6, COLUMNS = 4 };
#else
enum { ROWS = 4, COLUMNS = 2 };
#endif

typedef struct Block {
    const REAL *a, *b;
    REAL *to;
    ptrdiff_t a_row, a_step, b_column, b_step, to_row, to_column;
    int64_t k;
} Block;

INLINE void leaf_of(const int rows, const int columns, V acc[ROWS][COLUMNS], const Block *t, int64_t from, int64_t count) {
    const REAL *a = t->a + from * t->a_step, *b = t->b + from * t->b_step;
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) acc[i][j] = (V){ 0 };
    for (; count > 0; count--, a += t->a_step, b += t->b_step) {
        V y[COLUMNS];
#pragma GCC unroll 4
        for (int j = 0; j < columns; j++) y[j] = *(const V *)(b + j * t->b_column);
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++) {
            V x = *(const V *)(a + i * t->a_row);
#pragma GCC unroll 4
            for (int j = 0; j < columns; j++) acc[i][j] = fused(x, y[j], acc[i][j]);
        }
    }
}

INLINE void block_of(const int rows, const int columns, const Block *t) {
    V acc[ROWS][COLUMNS], stack[LEVELS][ROWS][COLUMNS];
    int depth = 0;
    for (int64_t from = 0, leaf = 0;; from += LEAF, leaf++) {
        bool last = t->k - from <= LEAF;
        leaf_of(rows, columns, acc, t, from, last ? t->k - from : LEAF);
        for (int merges = last ? depth : leaf_merges(leaf); merges-- > 0;) {
            depth--;
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < columns; j++) acc[i][j] = stack[depth][i][j] + acc[i][j];
        }
        if (last) break;
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++) stack[depth][i][j] = acc[i][j];
        depth++;
    }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) *(V *)(t->to + i * t->to_row + j * t->to_column) = acc[i][j];
}

/* So many blocks beside each other, the first at t; and then columns one by one, n in all. */
#define BLOCKS_OF(rows) \
    static __attribute__((noinline)) void blocks_##rows(Block t, int64_t n) { \
        for (; n >= COLUMNS; n -= COLUMNS, t.b += COLUMNS * t.b_column, t.to += COLUMNS * t.to_column) block_of(rows, COLUMNS, &t); \
        for (; n > 0; n--, t.b += t.b_column, t.to += t.to_column) block_of(rows, 1, &t); \
    }
BLOCKS_OF(1) BLOCKS_OF(2) BLOCKS_OF(4)
#ifdef __AVX512F__
BLOCKS_OF(6)
#endif

static int some_rows(Block t, int64_t left, int64_t n) {
#ifdef __AVX512F__
    if (left >= 6) return blocks_6(t, n), 6;
#endif
    if (left >= 4) return blocks_4(t, n), 4;
    if (left >= 2) return blocks_2(t, n), 2;
    return blocks_1(t, n), 1;
}

void KERNEL(lane_product)(int64_t m, int64_t n, int64_t k, int64_t lanes, const void *a, ptrdiff_t a_row, ptrdiff_t a_step, const void *b, ptrdiff_t b_column,
                          ptrdiff_t b_step, void *to, ptrdiff_t to_row, ptrdiff_t to_column) {
    int64_t whole = lanes - lanes % LANES;
    for (int64_t c = 0; c < whole; c += LANES) {
        Block t = { (const REAL *)a + c, (const REAL *)b + c, (REAL *)to + c, a_row, a_step, b_column, b_step, to_row, to_column, k };
        for (int64_t i = 0, rows; i < m; i += rows, t.a += rows * a_row, t.to += rows * to_row) rows = some_rows(t, m - i, n);
    }
    for (int64_t i = 0; i < m && whole < lanes; i++)
        for (int64_t j = 0; j < n; j++)
            KERNEL(lane_dot)((REAL *)to + i * to_row + j * to_column + whole, (const REAL *)a + i * a_row + whole, (const REAL *)b + j * b_column + whole, k,
                             lanes - whole, a_step, 1, b_step, 1);
}
