/* move.c: values into tiles and out of them, and the search for values that are not finite. */
#include "vm/kernel/multi/multi.h"

void KERNEL(load)(void *tile, const void *from, int rows, int cols, ptrdiff_t row_stride, ptrdiff_t col_stride) {
    REAL *restrict to = tile;
    for (int r = 0; r < rows; r++, to += cols) {
        const REAL *x = (const REAL *)from + r * row_stride;
        if (col_stride == 1) memcpy(to, x, (size_t)cols * sizeof *to);
        else if (col_stride == 0) { REAL v = *x; for (int c = 0; c < cols; c++) to[c] = v; }
        else for (int c = 0; c < cols; c++) to[c] = x[c * col_stride];
    }
}

void KERNEL(store)(void *to, const void *tile, int rows, int cols, ptrdiff_t row_stride, ptrdiff_t col_stride) {
    const REAL *restrict from = tile;
    for (int r = 0; r < rows; r++, from += cols) {
        REAL *y = (REAL *)to + r * row_stride;
        if (col_stride == 1) memcpy(y, from, (size_t)cols * sizeof *y);
        else for (int c = 0; c < cols; c++) y[c * col_stride] = from[c];
    }
}

/* x - x is 0 for finite x alone, and a sum of zeros is 0. */
static bool all_finite(const REAL *x, int64_t n) {
    int bad = 0;
    for (int64_t i = 0; i < n; i++) bad |= !(x[i] - x[i] == 0);
    return !bad;
}

int64_t KERNEL(find_nonfinite)(const void *from, int64_t rows, int64_t cols, ptrdiff_t row_stride) {
    for (int64_t r = 0; r < rows; r++) {
        const REAL *x = (const REAL *)from + r * row_stride;
        if (all_finite(x, cols)) continue;
        for (int64_t c = 0; c < cols; c++)
            if (!(x[c] - x[c] == 0)) return r * cols + c;
    }
    return -1;
}
