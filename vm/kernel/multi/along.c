/* along.c: what depends on order along an axis: places of extremes, running sums, sorting. */
#include "vm/kernel/multi/multi.h"

/* --- places of extremes --------------------------------------------------------------------------------------------------- */

/* Whether x goes before the best so far; a NaN goes before all, the first of them stays. */
static inline int beats(bool largest, REAL x, REAL best) {
    return (largest ? x > best : x < best) | ((x != x) & (best == best));
}

enum { BLOCK = 64 };

static inline __attribute__((always_inline)) void arg_block(bool largest, REAL *restrict to, const REAL *from, int64_t rows, int lanes,
                                                            ptrdiff_t row_stride) {
    REAL best[BLOCK];
    for (int c = 0; c < lanes; c++) {
        best[c] = from[c];
        to[c] = 0;
    }
    for (int64_t r = 1; r < rows; r++) {
        const REAL *x = from + r * row_stride;
        REAL place = (REAL)r;
        for (int c = 0; c < lanes; c++) {
            int better = beats(largest, x[c], best[c]);
            best[c] = better ? x[c] : best[c];
            to[c] = better ? place : to[c];
        }
    }
}

void KERNEL(arg_rows)(bool largest, void *to, const void *from, int64_t rows, int64_t lanes, ptrdiff_t row_stride) {
    for (int64_t c = 0; c < lanes; c += BLOCK) {
        int n = lanes - c < BLOCK ? (int)(lanes - c) : BLOCK;
        if (largest) arg_block(true, (REAL *)to + c, (const REAL *)from + c, rows, n, row_stride);
        else arg_block(false, (REAL *)to + c, (const REAL *)from + c, rows, n, row_stride);
    }
}

void KERNEL(arg_line)(bool largest, void *to, const void *from, int64_t n, ptrdiff_t stride) {
    const REAL *x = from;
    REAL best = x[0];
    int64_t place = 0;
    for (int64_t i = 1; i < n; i++)
        if (beats(largest, x[i * stride], best)) {
            best = x[i * stride];
            place = i;
        }
    *(REAL *)to = (REAL)place;
}

/* --- running sums --------------------------------------------------------------------------------------------------------- */

/* Summed in order, in double precision. */
void KERNEL(cumsum_line)(void *to, const void *from, int64_t n, ptrdiff_t to_stride, ptrdiff_t stride, bool backward) {
    REAL *y = to;
    const REAL *x = from;
    double sum = 0;
    for (int64_t j = 0; j < n; j++) {
        int64_t i = backward ? n - 1 - j : j;
        sum += (double)x[i * stride];
        y[i * to_stride] = (REAL)sum;
    }
}

/* --- sorting -------------------------------------------------------------------------------------------------------------- */

/* Whether x must stand before y; a NaN stands last either way. */
static inline int precedes(bool descending, REAL x, REAL y) {
    return (descending ? x > y : x < y) | ((y != y) & (x == x));
}

/* Sorts runs of RUN places by insertion. */
enum { RUN = 8 };
static void sort_runs(REAL *place, const REAL *value, int64_t n, bool descending) {
    for (int64_t start = 0; start < n; start += RUN) {
        int64_t end = start + RUN < n ? start + RUN : n;
        for (int64_t i = start; i < end; i++) {
            int64_t j = i;
            for (; j > start && precedes(descending, value[i], value[(int64_t)place[j - 1]]); j--) place[j] = place[j - 1];
            place[j] = (REAL)i;
        }
    }
}

/* Merges the neighboring sorted runs [a, b) and [b, c) of `from`; at a tie the left one goes first. */
static void merge_runs(REAL *to, const REAL *from, const REAL *value, int64_t a, int64_t b, int64_t c, bool descending) {
    int64_t left = a, right = b;
    for (int64_t i = a; i < c; i++) {
        bool take_right = left == b || (right < c && precedes(descending, value[(int64_t)from[right]], value[(int64_t)from[left]]));
        to[i] = take_right ? from[right++] : from[left++];
    }
}

void KERNEL(argsort_line)(void *to, const void *from, int64_t n, ptrdiff_t to_stride, ptrdiff_t stride, bool descending, void *scratch) {
    REAL *value = scratch, *place = value + n, *other = place + n;
    for (int64_t i = 0; i < n; i++) value[i] = ((const REAL *)from)[i * stride];
    sort_runs(place, value, n, descending);
    for (int64_t run = RUN; run < n; run *= 2) {
        for (int64_t a = 0; a < n; a += 2 * run) {
            int64_t b = a + run < n ? a + run : n, c = a + 2 * run < n ? a + 2 * run : n;
            merge_runs(other, place, value, a, b, c, descending);
        }
        REAL *swap = place;
        place = other;
        other = swap;
    }
    for (int64_t i = 0; i < n; i++) ((REAL *)to)[i * to_stride] = place[i];
}
