/* fold.c: folds over rows (one result a lane) and along a line (one result), with fixed trees of additions. */
#include "vm/kernel/multi/multi.h"

enum { BLOCK = 64, WIDE = 16 };                              /* lanes of a block; accumulators of a line */
#define INLINE static inline __attribute__((always_inline))

INLINE REAL larger(REAL a, REAL x)  { return (x > a) | (x != x) ? x : a; }   /* a NaN stays */
INLINE REAL smaller(REAL a, REAL x) { return (x < a) | (x != x) ? x : a; }
INLINE REAL start_of(Op op)         { return op == OP_prod; }
INLINE REAL joined(Op op, REAL a, REAL x) { return op == OP_prod ? a * x : a + x; }

/* What a fold adds up: the value itself, or for logsumexp its exponential, shifted. */
INLINE REAL term(Op op, REAL x, REAL shift) { return op == OP_logsumexp ? M(exp)(x - shift) : x; }

/* The shift of logsumexp: the largest value, or 0 where that is not finite (the sum then says what the result is). */
INLINE REAL shift_of(REAL largest) { return largest - largest == 0 ? largest : 0; }

/* A loop over lanes, kept a loop even where their number is known: the compiler then makes vectors of it. */
#define EACH_LANE _Pragma("GCC unroll 1") for (int c = 0; c < lanes; c++)

/* --- over rows ------------------------------------------------------------------------------------------------------------ */

INLINE void extreme_block(bool largest, REAL *restrict acc, const REAL *from, int64_t rows, int lanes, ptrdiff_t row_stride) {
    if (rows == 0) EACH_LANE acc[c] = largest ? -(REAL)INFINITY : (REAL)INFINITY;
    else memcpy(acc, from, (size_t)lanes * sizeof *acc);
    for (int64_t r = 1; r < rows; r++) {
        const REAL *x = from + r * row_stride;
        EACH_LANE acc[c] = largest ? larger(acc[c], x[c]) : smaller(acc[c], x[c]);
    }
}

/* One leaf, rows ascending; four at a time to spare loads and stores of the accumulators. */
INLINE void leaf_block(Op op, REAL *restrict acc, const REAL *from, int64_t rows, int lanes, ptrdiff_t row_stride, const REAL *shift) {
    EACH_LANE acc[c] = start_of(op);
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4) {
        const REAL *x0 = from + r * row_stride, *x1 = x0 + row_stride, *x2 = x1 + row_stride, *x3 = x2 + row_stride;
        EACH_LANE {
            REAL a = joined(op, acc[c], term(op, x0[c], shift[c]));
            a = joined(op, a, term(op, x1[c], shift[c]));
            a = joined(op, a, term(op, x2[c], shift[c]));
            acc[c] = joined(op, a, term(op, x3[c], shift[c]));
        }
    }
    for (; r < rows; r++) {
        const REAL *x = from + r * row_stride;
        EACH_LANE acc[c] = joined(op, acc[c], term(op, x[c], shift[c]));
    }
}

INLINE void tree_block(Op op, REAL *restrict to, const REAL *from, int64_t rows, int lanes, ptrdiff_t row_stride, const REAL *shift) {
    REAL stack[LEVELS][BLOCK], acc[BLOCK];
    int depth = 0;
    for (int64_t r = 0, leaf = 0;; r += LEAF, leaf++) {
        bool last = rows - r <= LEAF;
        leaf_block(op, acc, from + r * row_stride, last ? rows - r : LEAF, lanes, row_stride, shift);
        for (int merges = last ? depth : leaf_merges(leaf); merges-- > 0;) {
            depth--;
            for (int c = 0; c < lanes; c++) acc[c] = joined(op, stack[depth][c], acc[c]);
        }
        if (last) break;
        memcpy(stack[depth++], acc, sizeof acc[0] * (size_t)lanes);
    }
    memcpy(to, acc, sizeof acc[0] * (size_t)lanes);
}

INLINE void fold_block(Op op, REAL *to, const REAL *from, int64_t rows, int lanes, ptrdiff_t row_stride) {
    REAL shift[BLOCK] = { 0 };
    if (op == OP_maximum || op == OP_minimum) {
        extreme_block(op == OP_maximum, to, from, rows, lanes, row_stride);
    } else if (op == OP_logsumexp) {
        extreme_block(true, shift, from, rows, lanes, row_stride);
        for (int c = 0; c < lanes; c++) shift[c] = shift_of(shift[c]);
        tree_block(op, to, from, rows, lanes, row_stride, shift);
        for (int c = 0; c < lanes; c++) to[c] = shift[c] + M(log)(to[c]);
    } else {
        tree_block(op, to, from, rows, lanes, row_stride, shift);
    }
}

INLINE void fold_blocks(Op op, REAL *to, const REAL *from, int64_t rows, int64_t lanes, ptrdiff_t row_stride) {
    for (; lanes >= BLOCK; lanes -= BLOCK, to += BLOCK, from += BLOCK) fold_block(op, to, from, rows, BLOCK, row_stride);
    if (lanes > 0) fold_block(op, to, from, rows, (int)lanes, row_stride);
}

void KERNEL(fold_rows)(Op op, void *to, const void *from, int64_t rows, int64_t lanes, ptrdiff_t row_stride) {
    switch (op) {
    case OP_sum:       fold_blocks(OP_sum, to, from, rows, lanes, row_stride); break;
    case OP_prod:      fold_blocks(OP_prod, to, from, rows, lanes, row_stride); break;
    case OP_maximum:   fold_blocks(OP_maximum, to, from, rows, lanes, row_stride); break;
    case OP_minimum:   fold_blocks(OP_minimum, to, from, rows, lanes, row_stride); break;
    case OP_logsumexp: fold_blocks(OP_logsumexp, to, from, rows, lanes, row_stride); break;
    default: break;
    }
}

/* --- along a line --------------------------------------------------------------------------------------------------------- */

/* A leaf of a line: the values themselves where they are contiguous, else copied to `room`. */
INLINE const REAL *leaf_values(const REAL *x, int64_t n, ptrdiff_t stride, REAL room[LEAF]) {
    if (stride == 1) return x;
    for (int64_t i = 0; i < n; i++) room[i] = x[i * stride];
    return room;
}

/* Value i meets accumulator i modulo WIDE; the accumulators then fold in halves. */
INLINE REAL leaf_line(Op op, const REAL *x, int64_t n, REAL shift) {
    REAL acc[WIDE], shifts[WIDE];
    int64_t rows = n / WIDE;
    for (int l = 0; l < WIDE; l++) shifts[l] = shift;
    leaf_block(op, acc, x, rows, WIDE, WIDE, shifts);
    for (int l = 0; l < n % WIDE; l++) acc[l] = joined(op, acc[l], term(op, x[rows * WIDE + l], shift));
    for (int half = WIDE / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++) acc[l] = joined(op, acc[l], acc[l + half]);
    return acc[0];
}

INLINE REAL tree_line(Op op, const REAL *x, int64_t n, ptrdiff_t stride, REAL shift) {
    REAL stack[LEVELS], room[LEAF];
    int depth = 0;
    for (int64_t i = 0, leaf = 0;; i += LEAF, leaf++) {
        bool last = n - i <= LEAF;
        int64_t count = last ? n - i : LEAF;
        REAL acc = leaf_line(op, leaf_values(x + i * stride, count, stride, room), count, shift);
        for (int merges = last ? depth : leaf_merges(leaf); merges-- > 0;) acc = joined(op, stack[--depth], acc);
        if (last) return acc;
        stack[depth++] = acc;
    }
}

INLINE REAL extreme_line(bool largest, const REAL *x, int64_t n, ptrdiff_t stride) {
    REAL best = largest ? -(REAL)INFINITY : (REAL)INFINITY, room[LEAF], acc[WIDE];
    for (int64_t i = 0; i < n; i += LEAF) {
        int64_t count = n - i < LEAF ? n - i : LEAF, rows = count / WIDE;
        const REAL *v = leaf_values(x + i * stride, count, stride, room);
        extreme_block(largest, acc, v, rows, WIDE, WIDE);
        for (int l = 0; l < WIDE; l++) best = largest ? larger(best, acc[l]) : smaller(best, acc[l]);
        for (int64_t l = rows * WIDE; l < count; l++) best = largest ? larger(best, v[l]) : smaller(best, v[l]);
    }
    return best;
}

void KERNEL(fold_line)(Op op, void *to, const void *from, int64_t n, ptrdiff_t stride) {
    REAL *result = to;
    switch (op) {
    case OP_sum:     *result = tree_line(OP_sum, from, n, stride, 0); break;
    case OP_prod:    *result = tree_line(OP_prod, from, n, stride, 0); break;
    case OP_maximum: *result = extreme_line(true, from, n, stride); break;
    case OP_minimum: *result = extreme_line(false, from, n, stride); break;
    case OP_logsumexp: {
        REAL shift = shift_of(extreme_line(true, from, n, stride));
        *result = shift + M(log)(tree_line(OP_logsumexp, from, n, stride, shift));
        break;
    }
    default: break;
    }
}

/* --- sums of products, lane by lane --------------------------------------------------------------------------------------- */

INLINE void dot_leaf(REAL *restrict acc, const REAL *a, const REAL *b, int64_t k, int lanes, ptrdiff_t a_row, ptrdiff_t a_col,
                     ptrdiff_t b_row, ptrdiff_t b_col) {
    for (int c = 0; c < lanes; c++) acc[c] = 0;
    int64_t r = 0;
    for (; r + 4 <= k; r += 4, a += 4 * a_row, b += 4 * b_row)
        for (int c = 0; c < lanes; c++) {
            REAL s = FMA(a[c * a_col], b[c * b_col], acc[c]);
            s = FMA(a[a_row + c * a_col], b[b_row + c * b_col], s);
            s = FMA(a[2 * a_row + c * a_col], b[2 * b_row + c * b_col], s);
            acc[c] = FMA(a[3 * a_row + c * a_col], b[3 * b_row + c * b_col], s);
        }
    for (; r < k; r++, a += a_row, b += b_row)
        for (int c = 0; c < lanes; c++) acc[c] = FMA(a[c * a_col], b[c * b_col], acc[c]);
}

INLINE void dot_block(REAL *restrict to, const REAL *a, const REAL *b, int64_t k, int lanes, ptrdiff_t a_row, ptrdiff_t a_col,
                      ptrdiff_t b_row, ptrdiff_t b_col) {
    REAL stack[LEVELS][BLOCK], acc[BLOCK];
    int depth = 0;
    for (int64_t r = 0, leaf = 0;; r += LEAF, leaf++) {
        bool last = k - r <= LEAF;
        dot_leaf(acc, a + r * a_row, b + r * b_row, last ? k - r : LEAF, lanes, a_row, a_col, b_row, b_col);
        for (int merges = last ? depth : leaf_merges(leaf); merges-- > 0;) {
            depth--;
            for (int c = 0; c < lanes; c++) acc[c] = stack[depth][c] + acc[c];
        }
        if (last) break;
        memcpy(stack[depth++], acc, sizeof acc[0] * (size_t)lanes);
    }
    memcpy(to, acc, sizeof acc[0] * (size_t)lanes);
}

INLINE void dot_blocks(REAL *to, const REAL *a, const REAL *b, int64_t k, int64_t lanes, ptrdiff_t a_row, ptrdiff_t a_col,
                       ptrdiff_t b_row, ptrdiff_t b_col) {
    for (; lanes >= BLOCK; lanes -= BLOCK, to += BLOCK, a += BLOCK * a_col, b += BLOCK * b_col)
        dot_block(to, a, b, k, BLOCK, a_row, a_col, b_row, b_col);
    if (lanes > 0) dot_block(to, a, b, k, (int)lanes, a_row, a_col, b_row, b_col);
}

void KERNEL(lane_dot)(void *to, const void *a, const void *b, int64_t k, int64_t lanes, ptrdiff_t a_row, ptrdiff_t a_col,
                      ptrdiff_t b_row, ptrdiff_t b_col) {
    if (a_col == 1 && b_col == 1) dot_blocks(to, a, b, k, lanes, a_row, 1, b_row, 1);
    else if (a_col == 1 && b_col == 0) dot_blocks(to, a, b, k, lanes, a_row, 1, b_row, 0);
    else if (a_col == 0 && b_col == 1) dot_blocks(to, a, b, k, lanes, a_row, 0, b_row, 1);
    else dot_blocks(to, a, b, k, lanes, a_row, a_col, b_row, b_col);
}
