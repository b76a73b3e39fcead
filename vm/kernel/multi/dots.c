/* dots.c: products of one value each: sums of x*y along two lines.
 *
 * Each is a chain of fused multiply-adds in a leaf, and the leaves' tree (multi.h), as in product.c; a chain waits for itself at every term, so CHAINS
 * of them go side by side: of different rows, or, where there are few rows, leaves of one row. */
#include "vm/kernel/multi/multi.h"

enum { CHAINS = 8 };
#define INLINE static inline __attribute__((always_inline))

typedef struct Line { const REAL *a, *b; ptrdiff_t a_step, b_step; } Line;

/* acc[c] = sum over n terms of the lines that begin c * a_row and c * b_row values further on. */
INLINE void chains_of(REAL acc[CHAINS], const Line *l, ptrdiff_t a_row, ptrdiff_t b_row, ptrdiff_t a_step, ptrdiff_t b_step, int64_t n) {
    REAL sum[CHAINS] = { 0 };
    const REAL *a = l->a, *b = l->b;
    for (int64_t i = 0; i < n; i++, a += a_step, b += b_step)
#pragma GCC unroll 8
        for (int c = 0; c < CHAINS; c++) sum[c] = FMA(a[c * a_row], b[c * b_row], sum[c]);
    for (int c = 0; c < CHAINS; c++) acc[c] = sum[c];
}

static void leaf_chains(REAL acc[CHAINS], const Line *l, ptrdiff_t a_row, ptrdiff_t b_row, int64_t n) {
    if (l->a_step == 1 && l->b_step == 1) chains_of(acc, l, a_row, b_row, 1, 1, n);
    else chains_of(acc, l, a_row, b_row, l->a_step, l->b_step, n);
}

static REAL one_chain(const Line *l, int64_t n) {
    REAL sum = 0;
    for (int64_t i = 0; i < n; i++) sum = FMA(l->a[i * l->a_step], l->b[i * l->b_step], sum);
    return sum;
}

/* The tree of one row's leaves, which come ascending. */
typedef struct Tree { REAL stack[LEVELS]; int depth; int64_t leaf; } Tree;

static void add_leaf(Tree *t, REAL acc) {
    for (int merges = leaf_merges(t->leaf++); merges-- > 0;) acc = t->stack[--t->depth] + acc;
    t->stack[t->depth++] = acc;
}

/* The last leaf is added from the youngest up. */
static REAL end_tree(Tree *t, REAL acc) {
    while (t->depth > 0) acc = t->stack[--t->depth] + acc;
    return acc;
}

static REAL one_row(Line l, int64_t k) {
    Tree tree = { .depth = 0 };
    REAL acc[CHAINS];
    for (; k > CHAINS * LEAF; k -= CHAINS * LEAF) {
        leaf_chains(acc, &l, LEAF * l.a_step, LEAF * l.b_step, LEAF);
        for (int c = 0; c < CHAINS; c++) add_leaf(&tree, acc[c]);
        l.a += CHAINS * LEAF * l.a_step;
        l.b += CHAINS * LEAF * l.b_step;
    }
    for (; k > LEAF; k -= LEAF, l.a += LEAF * l.a_step, l.b += LEAF * l.b_step) add_leaf(&tree, one_chain(&l, LEAF));
    return end_tree(&tree, one_chain(&l, k));
}

static void several_rows(REAL result[CHAINS], Line l, ptrdiff_t a_row, ptrdiff_t b_row, int64_t k) {
    Tree tree[CHAINS];
    REAL acc[CHAINS];
    for (int c = 0; c < CHAINS; c++) tree[c].depth = 0, tree[c].leaf = 0;
    for (; k > LEAF; k -= LEAF, l.a += LEAF * l.a_step, l.b += LEAF * l.b_step) {
        leaf_chains(acc, &l, a_row, b_row, LEAF);
        for (int c = 0; c < CHAINS; c++) add_leaf(&tree[c], acc[c]);
    }
    leaf_chains(acc, &l, a_row, b_row, k);
    for (int c = 0; c < CHAINS; c++) result[c] = end_tree(&tree[c], acc[c]);
}

void KERNEL(dots)(int64_t rows, int64_t k, const void *a, ptrdiff_t a_row, ptrdiff_t a_col, const void *b, ptrdiff_t b_row, ptrdiff_t b_col, void *c,
                  ptrdiff_t c_row, bool accumulate) {
    REAL *to = c, result[CHAINS];
    for (int64_t r = 0, n; r < rows; r += n) {
        Line l = { (const REAL *)a + r * a_row, (const REAL *)b + r * b_row, a_col, b_col };
        n = rows - r >= CHAINS ? CHAINS : 1;
        if (n == CHAINS) several_rows(result, l, a_row, b_row, k);
        else result[0] = one_row(l, k);
        for (int64_t i = 0; i < n; i++) {
            REAL *place = &to[(r + i) * c_row];
            *place = accumulate ? *place + result[i] : result[i];
        }
    }
}
