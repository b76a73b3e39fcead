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

#if REAL_BITS == 32
typedef uint32_t Key;
#else
typedef uint64_t Key;
#endif
#define TOP_BIT ((Key)1 << (REAL_BITS - 1))

/* A number whose order is that of the value (or its reverse); -0 and 0 are equal, a NaN comes last either way. */
static inline Key sort_key(REAL x, bool descending) {
    if (x != x) return ~(Key)0;
    Key bits = bits_of(x + 0), up = bits & TOP_BIT ? ~bits : bits | TOP_BIT;
    return descending ? ~up : up;
}

/* Few places: by insertion. */
enum { FEW = 32 };
static void sort_few(REAL *place, const Key *key, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        int64_t j = i;
        for (; j > 0 && key[i] < key[(int64_t)place[j - 1]]; j--) place[j] = place[j - 1];
        place[j] = (REAL)i;
    }
}

/* One pass of a radix sort: places move, in order, to the part of `to` that belongs to their keys' digit.  False, and nothing
 * moved, if all keys share the digit. */
enum { DIGIT_BITS = 8, DIGITS = 1 << DIGIT_BITS };
static bool sort_digit(REAL *to, const REAL *from, const Key *key, int64_t n, int shift) {
    int64_t start[DIGITS] = { 0 }, sum = 0;
    for (int64_t i = 0; i < n; i++) start[key[i] >> shift & (DIGITS - 1)]++;
    for (int d = 0; d < DIGITS; d++) {
        int64_t count = start[d];
        if (count == n) return false;
        start[d] = sum;
        sum += count;
    }
    for (int64_t i = 0; i < n; i++) to[start[key[(int64_t)from[i]] >> shift & (DIGITS - 1)]++] = from[i];
    return true;
}

void KERNEL(argsort_line)(void *to, const void *from, int64_t n, ptrdiff_t to_stride, ptrdiff_t stride, bool descending, void *scratch) {
    Key *key = scratch;
    REAL *place = (REAL *)scratch + n, *other = place + n;
    for (int64_t i = 0; i < n; i++) key[i] = sort_key(((const REAL *)from)[i * stride], descending);
    if (n <= FEW) {
        sort_few(place, key, n);
    } else {
        for (int64_t i = 0; i < n; i++) place[i] = (REAL)i;
        for (int shift = 0; shift < REAL_BITS; shift += DIGIT_BITS)
            if (sort_digit(other, place, key, n, shift)) {
                REAL *swap = place;
                place = other;
                other = swap;
            }
    }
    for (int64_t i = 0; i < n; i++) ((REAL *)to)[i * to_stride] = place[i];
}
