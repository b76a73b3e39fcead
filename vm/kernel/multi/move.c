/* move.c: values into tiles and out of them, and the search for values that are not finite. */
#include "vm/kernel/multi/vector.h"

/* Rows of vectors, one value of each repeated or copied: rows are short, and a call for each would take longer than its values (the asm keeps gcc from
 * making a call of the loop).  `vectors` a row are known where this is put into a function. */
INLINE void move_rows(REAL *to, const REAL *from, int rows, int vectors, ptrdiff_t to_stride, ptrdiff_t from_stride, bool repeat) {
    for (int r = 0; r < rows; r++, to += to_stride, from += from_stride)
        _Pragma("GCC unroll 2") for (int c = 0; c < vectors; c++) {
            V v;
            if (repeat) v = *from - (V){ 0 };
            else v = *(const V *)(from + c * LANES);
            __asm__("" : "+v"(v));
            *(V *)(to + c * LANES) = v;
        }
}

/* Whether rows fill vectors, and are moved. */
INLINE bool moved_rows(REAL *to, const REAL *from, int rows, int cols, ptrdiff_t to_stride, ptrdiff_t from_stride, bool repeat) {
    if (cols % LANES) return false;
    if (cols == LANES) move_rows(to, from, rows, 1, to_stride, from_stride, repeat);
    else if (cols == 2 * LANES) move_rows(to, from, rows, 2, to_stride, from_stride, repeat);
    else move_rows(to, from, rows, cols / LANES, to_stride, from_stride, repeat);
    return true;
}

void KERNEL(load)(void *tile, const void *from, int rows, int cols, ptrdiff_t row_stride, ptrdiff_t col_stride) {
    REAL *restrict to = tile;
    if (col_stride == 1 && moved_rows(to, from, rows, cols, cols, row_stride, false)) return;
    if (col_stride == 0 && moved_rows(to, from, rows, cols, cols, row_stride, true)) return;
    for (int r = 0; r < rows; r++, to += cols) {
        const REAL *x = (const REAL *)from + r * row_stride;
        if (col_stride == 1) memcpy(to, x, (size_t)cols * sizeof *to);
        else if (col_stride == 0) { REAL v = *x; for (int c = 0; c < cols; c++) to[c] = v; }
        else for (int c = 0; c < cols; c++) to[c] = x[c * col_stride];
    }
}

void KERNEL(store)(void *to, const void *tile, int rows, int cols, ptrdiff_t row_stride, ptrdiff_t col_stride) {
    const REAL *restrict from = tile;
    if (col_stride == 1 && moved_rows(to, from, rows, cols, row_stride, cols, false)) return;
    for (int r = 0; r < rows; r++, from += cols) {
        REAL *y = (REAL *)to + r * row_stride;
        if (col_stride == 1) memcpy(y, from, (size_t)cols * sizeof *y);
        else for (int c = 0; c < cols; c++) y[c * col_stride] = from[c];
    }
}

/* As store, past the caches: for what is not read again before they are full of other things.  */
void KERNEL(stream)(void *to, const void *tile, int rows, int cols, ptrdiff_t row_stride, ptrdiff_t col_stride) {
    const REAL *from = tile;
    REAL *y = to;
    if (col_stride != 1 || cols % LANES || row_stride % LANES || (uintptr_t)to % sizeof(V)) {
        KERNEL(store)(to, tile, rows, cols, row_stride, col_stride);
        return;
    }
    for (int r = 0; r < rows; r++, from += cols, y += row_stride)
        for (int c = 0; c < cols; c += LANES)
#ifdef __AVX512F__
            _mm512_stream_si512((__m512i *)(y + c), _mm512_loadu_si512(from + c));
#else
            _mm256_stream_si256((__m256i *)(y + c), _mm256_loadu_si256((const __m256i *)(from + c)));
#endif
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
