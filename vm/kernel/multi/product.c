/* product.c: our own product of matrices.
 *
 * C is made in tiles of up to ROWS rows and a few vectors of columns held in registers: at each k, a value of each row of A meets the
 * neighboring values of B.
 * Each value of C is one chain of fused multiply-adds ascending along k within a leaf of 256, and the leaves' tree (multi.h): so its
 * bits do not depend on m, n, the tile it falls into or the width of the vectors.  Packing moves values and changes none. */
#include "vm/kernel/multi/vector.h"

#ifdef __AVX512F__
enum { ROWS = 8 };
#else
enum { ROWS = 6 };
#endif
/* Two vectors of columns fill the registers under ROWS rows; one or two rows need more columns to keep the multipliers busy. */
enum { VECTORS = 4, USUAL_VECTORS = 2, FEW_ROWS = 2 };

/* One tile of C and what it is made of. */
typedef struct Tile {
    const REAL *a;              /* the first row of A, at k = 0 of a pair that stands at 0 */
    ptrdiff_t a_row, a_step;    /* from one row to the next, from one k to the next */
    const REAL *b;              /* whole vectors of B, likewise */
    ptrdiff_t b_step;
    ptrdiff_t b_apart, c_apart; /* from one vector of columns to the next */
    int64_t pairs, k;           /* k runs on over all pairs */
    const ptrdiff_t *a_at, *b_at;   /* where each pair stands */
    ptrdiff_t b_pair;           /* from one pair of B to the next, if b_at is null */
    REAL *c;
    ptrdiff_t c_row;
    int columns;                /* of C that are written; the vectors may hold more */
    bool fetch;                 /* A is long along k: the rows of the next tile are fetched meanwhile */
    bool accumulate;
} Tile;

enum { LINE = 64 / sizeof(REAL), LONG = 512 };

/* acc += the terms i..i+count-1 of the pair s. */
INLINE void run_of(const int rows, const int vectors, V acc[ROWS][VECTORS], const Tile *t, int64_t s, int64_t i, int64_t count) {
    const REAL *row[ROWS], *b = t->b + (t->b_at ? t->b_at[s] : s * t->b_pair) + i * t->b_step;
    ptrdiff_t a_step = t->a_step, b_step = t->b_step, at = t->a_at[s] + i * a_step;
    for (int r = 0; r < rows; r++) row[r] = t->a + r * t->a_row;
    if (t->fetch)
        for (int64_t j = 0; j < count; j += LINE)
            for (int r = 0; r < rows; r++) __builtin_prefetch(row[r] + at + rows * t->a_row + j, 0, 2);
    for (int64_t left = count; left > 0; left--, at += a_step, b += b_step) {
        V y[VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) y[v] = *(const V *)(b + v * t->b_apart);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            V x = row[r][at] - (V){ 0 };
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) acc[r][v] = fused(x, y[v], acc[r][v]);
        }
    }
}

/* The terms from..from+count-1 of all pairs' terms in a row. */
INLINE void leaf_of(const int rows, const int vectors, V acc[ROWS][VECTORS], const Tile *t, int64_t from, int64_t count) {
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++) acc[r][v] = (V){ 0 };
    int64_t s = 0, i = from;
    if (t->pairs > 1 && t->k > 0) {
        s = from / t->k;
        i = from % t->k;
    }
    while (count > 0) {
        int64_t run = t->k - i < count ? t->k - i : count;
        if (t->a_at[s] != PAIR_LEFT_OUT) run_of(rows, vectors, acc, t, s, i, run);
        count -= run;
        s++;
        i = 0;
    }
}

INLINE void write_tile(const int rows, const int vectors, V acc[ROWS][VECTORS], const Tile *t) {
    for (int r = 0; r < rows; r++) {
        REAL *c = t->c + r * t->c_row;
        if (t->columns == vectors * LANES) {
            for (int v = 0; v < vectors; v++) {
                V *to = (V *)(c + v * t->c_apart);
                if (t->accumulate) *to += acc[r][v];
                else *to = acc[r][v];
            }
        } else {
            V line[VECTORS] = { { 0 } };
            for (int v = 0; v < vectors; v++) line[v] = acc[r][v];
            for (int j = 0; j < t->columns; j++) {
                REAL value = line[j / LANES][j % LANES];
                c[j] = t->accumulate ? c[j] + value : value;
            }
        }
    }
}

INLINE void tile_of(const int rows, const int vectors, const Tile *t) {
    V acc[ROWS][VECTORS], stack[LEVELS][ROWS][VECTORS];
    int64_t terms = t->pairs * t->k;
    int depth = 0;
    for (int64_t from = 0, leaf = 0;; from += LEAF, leaf++) {
        bool last = terms - from <= LEAF;
        leaf_of(rows, vectors, acc, t, from, last ? terms - from : LEAF);
        for (int merges = last ? depth : leaf_merges(leaf); merges-- > 0;) {
            depth--;
            for (int r = 0; r < rows; r++)
                for (int v = 0; v < vectors; v++) acc[r][v] = stack[depth][r][v] + acc[r][v];
        }
        if (last) break;
        for (int r = 0; r < rows; r++)
            for (int v = 0; v < vectors; v++) stack[depth][r][v] = acc[r][v];
        depth++;
    }
    write_tile(rows, vectors, acc, t);
}

/* So many tiles below each other, the first at t. */
#define TILE_OF(rows, vectors) \
    static __attribute__((noinline)) void tile_##rows##x##vectors(Tile t, int64_t tiles) { \
        for (; tiles > 0; tiles--, t.a += rows * t.a_row, t.c += rows * t.c_row) tile_of(rows, vectors, &t); \
    }
TILE_OF(1, 1) TILE_OF(1, 2) TILE_OF(1, 4)
TILE_OF(2, 1) TILE_OF(2, 2) TILE_OF(2, 4)
TILE_OF(4, 1) TILE_OF(4, 2)
#ifdef __AVX512F__
TILE_OF(8, 1) TILE_OF(8, 2)
#define tile_rx1 tile_8x1
#define tile_rx2 tile_8x2
#else
TILE_OF(6, 1) TILE_OF(6, 2)
#define tile_rx1 tile_6x1
#define tile_rx2 tile_6x2
#endif

static void make_tiles(int rows, int vectors, const Tile *t, int64_t tiles) {
    switch (rows * 8 + vectors) {
    case 8 + 1: tile_1x1(*t, tiles); break;
    case 8 + 2: tile_1x2(*t, tiles); break;
    case 8 + 4: tile_1x4(*t, tiles); break;
    case 16 + 1: tile_2x1(*t, tiles); break;
    case 16 + 2: tile_2x2(*t, tiles); break;
    case 16 + 4: tile_2x4(*t, tiles); break;
    case 32 + 1: tile_4x1(*t, tiles); break;
    case 32 + 2: tile_4x2(*t, tiles); break;
    case ROWS * 8 + 1: tile_rx1(*t, tiles); break;
    default: tile_rx2(*t, tiles); break;
    }
}

/* Rows of the next tile when so many are left. */
static int tile_rows(int64_t left) { return left >= ROWS ? ROWS : left >= 4 ? 4 : left >= 2 ? 2 : 1; }

/* --- panels of B ---------------------------------------------------------------------------------------------------------- */

typedef REAL Q __attribute__((vector_size(4 * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));
#if REAL_BITS == 32
typedef int32_t Order __attribute__((vector_size(16)));
#else
typedef int64_t Order __attribute__((vector_size(32)));
#endif

/* to[i*width + j] = from[j*stride + i] for i, j in 0..3. */
INLINE void turn_4x4(REAL *to, int width, const REAL *from, ptrdiff_t stride) {
    Q a = *(const Q *)from, b = *(const Q *)(from + stride), c = *(const Q *)(from + 2 * stride), d = *(const Q *)(from + 3 * stride);
    const Order low = { 0, 4, 1, 5 }, high = { 2, 6, 3, 7 }, first = { 0, 1, 4, 5 }, second = { 2, 3, 6, 7 };
    Q ab = __builtin_shuffle(a, b, low), cd = __builtin_shuffle(c, d, low), ef = __builtin_shuffle(a, b, high), gh = __builtin_shuffle(c, d, high);
    *(Q *)to = __builtin_shuffle(ab, cd, first);
    *(Q *)(to + width) = __builtin_shuffle(ab, cd, second);
    *(Q *)(to + 2 * width) = __builtin_shuffle(ef, gh, first);
    *(Q *)(to + 3 * width) = __builtin_shuffle(ef, gh, second);
}

/* `columns` columns of B from the first on, as k lines of `width` values. */
static void pack_plain(REAL *restrict to, int width, const REAL *b, ptrdiff_t b_row, ptrdiff_t b_col, int columns, int64_t k) {
    for (int64_t i = 0; i < k; i++, to += width, b += b_row)
        for (int j = 0; j < columns; j++) to[j] = b[j * b_col];
}

/* The same of columns that are contiguous along k, by small squares as far as they go. */
static void pack_turned(REAL *restrict to, int width, const REAL *b, ptrdiff_t b_col, int columns, int64_t k, ptrdiff_t ahead) {
    int whole = columns & ~3;
    int64_t i = 0;
    for (; i + 4 <= k; i += 4) {
        if (i % LINE == 0)
            for (int j = 0; j < columns; j++) __builtin_prefetch(b + j * b_col + i + ahead);
        for (int j = 0; j < whole; j += 4) turn_4x4(to + i * width + j, width, b + j * b_col + i, b_col);
    }
    pack_plain(to + i * width, width, b + i, 1, b_col, whole, k - i);
    pack_plain(to + whole, width, b + whole * b_col, 1, b_col, columns - whole, k);
}

/* A panel: the columns, and 0 up to the width. */
static void pack_columns(REAL *restrict to, int width, const REAL *b, ptrdiff_t b_row, ptrdiff_t b_col, int columns, int64_t k, ptrdiff_t ahead) {
    if (b_row == 1) pack_turned(to, width, b, b_col, columns, k, ahead);
    else if (b_col == 1) pack_plain(to, width, b, b_row, 1, columns, k);
    else pack_plain(to, width, b, b_row, b_col, columns, k);
    for (int64_t i = 0; i < k && columns < width; i++)
        for (int j = columns; j < width; j++) to[i * width + j] = 0;
}

/* Whole lines of B may be used where they are; but lines far apart share few places of the cache and need a page each, so that a copy
 * pays if enough rows of A meet it. */
enum { FAR_BYTES = 2048, MANY_ROWS = 32 };
static bool must_pack(int64_t m, ptrdiff_t b_row, ptrdiff_t b_col, bool whole) {
    return b_col != 1 || !whole || (m >= MANY_ROWS && b_row * (ptrdiff_t)sizeof(REAL) > FAR_BYTES);
}

size_t KERNEL(product_scratch)(int64_t m, int64_t n, int64_t k) {
    (void)m;
    (void)n;
    return (size_t)k * LANES * VECTORS;
}

/* Vectors of the next panel when so many columns are left: no more than they fill. */
static int vectors_for(int64_t columns, int widest) {
    int vectors = widest;
    while (vectors > 1 && columns <= vectors / 2 * LANES) vectors /= 2;
    return vectors;
}

/* The panel of C under t->columns columns of B; t stands at its first row. */
static void make_panel(int64_t m, int vectors, Tile t) {
    while (m > 0) {
        int rows = tile_rows(m);
        int64_t tiles = m / rows;
        make_tiles(rows, vectors, &t, tiles);
        m -= tiles * rows;
        t.a += tiles * rows * t.a_row;
        t.c += tiles * rows * t.c_row;
    }
}

/* Rows of A that are walked for all of B before the next: what stays in the second cache, but enough to make packing pay. */
enum { A_VALUES = 1 << 19, LEAST_ROWS = 96 };
static int64_t rows_at_once(int64_t k) {
    int64_t rows = k > 0 ? A_VALUES / k : LEAST_ROWS;
    return (rows < LEAST_ROWS ? LEAST_ROWS : rows) / 48 * 48;
}

void KERNEL(product_sum)(int64_t m, int64_t n, int64_t k, int64_t pairs, const ptrdiff_t *a_at, const ptrdiff_t *b_at, const void *a,
                         ptrdiff_t a_row, ptrdiff_t a_col, const void *b, ptrdiff_t b_row, ptrdiff_t b_col, void *c, ptrdiff_t c_row,
                         bool accumulate, void *scratch) {
    int64_t most = rows_at_once(k * pairs);
    int widest = m <= FEW_ROWS ? VECTORS : USUAL_VECTORS;
    for (int64_t i = 0; i < m; i += most)
        for (int64_t j = 0, columns; j < n; j += columns) {
            int vectors = vectors_for(n - j, widest), width = vectors * LANES;
            columns = n - j < width ? n - j : width;
            int64_t rows = m - i < most ? m - i : most;
            const REAL *from = (const REAL *)b + j * b_col;
            Tile t = { .a = (const REAL *)a + i * a_row, .a_row = a_row, .a_step = a_col, .b = from, .b_step = b_row, .b_apart = LANES, .c_apart = LANES, .pairs = pairs, .k = k, .a_at = a_at, .b_at = b_at,
                       .c = (REAL *)c + i * c_row + j, .c_row = c_row, .columns = (int)columns, .accumulate = accumulate, .fetch = a_col == 1 && k * pairs >= LONG };
            if (must_pack(rows, b_row, b_col, columns == width)) {
                for (int64_t s = 0; s < pairs; s++)
                    if (a_at[s] != PAIR_LEFT_OUT) pack_columns((REAL *)scratch + s * k * width, width, from + b_at[s], b_row, b_col, (int)columns, k,
                                 s + 1 < pairs ? b_at[s + 1] - b_at[s] : 4 * LINE);
                t.b = scratch;
                t.b_step = width;
                t.b_at = NULL;
                t.b_pair = k * width;
            }
            make_panel(rows, vectors, t);
        }
}

void KERNEL(product)(int64_t m, int64_t n, int64_t k, const void *a, ptrdiff_t a_row, ptrdiff_t a_col, const void *b, ptrdiff_t b_row,
                     ptrdiff_t b_col, void *c, ptrdiff_t c_row, bool accumulate, void *scratch) {
    const ptrdiff_t here = 0;
    KERNEL(product_sum)(m, n, k, 1, &here, &here, a, a_row, a_col, b, b_row, b_col, c, c_row, accumulate, scratch);
}

void KERNEL(product_many)(int64_t count, int64_t m, int64_t n, int64_t k, const void *a, ptrdiff_t a_row, ptrdiff_t a_col, const void *b, ptrdiff_t b_next,
                          ptrdiff_t b_row, ptrdiff_t b_col, void *c, ptrdiff_t c_next, ptrdiff_t c_row, bool accumulate, void *scratch) {
    const ptrdiff_t here = 0;
    int64_t i = 0, width = (int64_t)USUAL_VECTORS * LANES;
    for (; n == LANES && b_col == 1 && i + USUAL_VECTORS <= count; i += USUAL_VECTORS) {
        const REAL *from = (const REAL *)b + i * b_next;
        Tile t = { .a = a, .a_row = a_row, .a_step = a_col, .b = from, .b_step = b_row, .b_apart = b_next, .c_apart = c_next, .pairs = 1, .k = k, .a_at = &here, .b_at = &here,
                   .c = (REAL *)c + i * c_next, .c_row = c_row, .columns = (int)width, .accumulate = accumulate, .fetch = a_col == 1 && k >= LONG };
        if (must_pack(m, b_row, b_col, true)) {
            for (int v = 0; v < USUAL_VECTORS; v++) pack_plain((REAL *)scratch + v * LANES, (int)width, from + v * b_next, b_row, 1, LANES, k);
            t.b = scratch;
            t.b_step = width;
            t.b_apart = LANES;
        }
        make_panel(m, USUAL_VECTORS, t);
    }
    for (; i < count; i++)
        KERNEL(product)(m, n, k, a, a_row, a_col, (const REAL *)b + i * b_next, b_row, b_col, (REAL *)c + i * c_next, c_row, accumulate, scratch);
}
